"""Mixtures of isotropic Gaussians: the published sets, unequal weights, random modes, exact divergences between them."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import pdist

from gan_jax import distributions
from gan_jax.divergences import exact
from tests.cases import cases

WEIGHTS = np.array([0.005, 0.095, 0.3, 0.6])
CENTRES = np.array([[0.0, 0.0, 1.0], [3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [3.0, 3.0, -1.0]])
SCALES = np.array([0.1, 0.2, 0.3, 0.4])


def test_the_published_sets_are_the_defaults() -> None:
    """VEEGAN's and PacGAN's: 8 modes at radius 1, standard deviation .01; {-4, -2, 0, 2, 4}², .05; all weights equal."""
    ring, grid = distributions.gaussian_ring(), distributions.gaussian_grid()
    angles = np.sort(np.arctan2(ring.centres[:, 1], ring.centres[:, 0]) % (2 * np.pi - 1e-6))
    np.testing.assert_allclose(angles, 2 * np.pi * np.arange(8) / 8, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(ring.centres, axis=1), 1.0, rtol=1e-6)
    ticks = np.sort(np.unique(np.asarray(grid.centres)))
    np.testing.assert_array_equal(ticks, [-4, -2, 0, 2, 4])
    assert len(np.unique(np.asarray(grid.centres), axis=0)) == 25
    np.testing.assert_array_equal([ring.scale, grid.scale], np.array([0.01, 0.05], np.float32))
    np.testing.assert_allclose(ring.weights, 1 / 8, rtol=1e-6)
    np.testing.assert_allclose(grid.weights, 1 / 25, rtol=1e-6)


def test_samples_of_equal_weights_are_what_they_have_always_been() -> None:
    law, key = distributions.gaussian_ring(modes=5, radius=2.0, scale=0.3), jax.random.key(1)
    mode_key, noise_key = jax.random.split(jax.random.key(1))
    mode = jax.random.randint(mode_key, (50,), 0, 5)
    expected = law.centres[mode] + law.scale * jax.random.normal(noise_key, (50, 2))
    np.testing.assert_array_equal(law.sample(key, (50,)), expected)


@pytest.mark.parametrize("scale", [0.2, SCALES], ids=["one scale", "a scale a mode"])
def test_unequal_weights(scale: float | np.ndarray) -> None:
    """Frequencies by χ², the spread in every mode, the density and the first two moments of the law."""
    law = distributions.gaussian_modes(CENTRES, jnp.asarray(scale, jnp.float32), WEIGHTS)
    np.testing.assert_array_equal(law.scale, np.float32(scale))
    n = 20_000
    x = np.asarray(jax.jit(lambda law, key: law.sample(key, (n,)))(law, jax.random.key(2)))
    # The centres are at least seven standard deviations apart: the nearest one is the sample's own.
    own = np.linalg.norm(x[:, None] - CENTRES[None], axis=2).argmin(axis=1)
    assert stats.chisquare(np.bincount(own, minlength=4), n * WEIGHTS).pvalue > 1e-4
    deviations = np.broadcast_to(scale, (4,))
    for k in range(4):
        squares = np.sum(((x[own == k] - CENTRES[k]) / deviations[k]) ** 2)
        assert 1e-4 < stats.chi2.cdf(squares, 3 * np.sum(own == k)) < 1 - 1e-4
    parts = [stats.multivariate_normal(c, s**2).pdf(x[:200]) for c, s in zip(CENTRES, deviations, strict=True)]
    log_p, law_mean, variance = jax.jit(lambda law, x: (law.log_prob(x), law.mean, law.variance))(law, x[:200])
    np.testing.assert_allclose(log_p, np.log(WEIGHTS @ np.array(parts)), rtol=1e-4)
    mean = WEIGHTS @ CENTRES
    np.testing.assert_allclose(law_mean, mean, rtol=1e-5)
    np.testing.assert_allclose(variance, WEIGHTS @ (CENTRES**2 + deviations[:, None] ** 2) - mean**2, rtol=1e-4)


def test_rings_and_grids_take_weights() -> None:
    weights = distributions.rare_weights(4, 1, 0.01)
    np.testing.assert_allclose(distributions.gaussian_grid(side=2, weights=weights).weights, weights, rtol=1e-6)
    ring = distributions.gaussian_ring(4, weights=weights)
    np.testing.assert_allclose(ring.mean, np.asarray(weights) @ np.asarray(ring.centres), atol=1e-6)


def test_weights_may_be_traced() -> None:
    """At the first of modes far apart the log-density is ``log w_0 - log Σ w`` and a constant."""
    point = jnp.asarray(CENTRES[:1], jnp.float32)
    log_p = lambda w: distributions.gaussian_modes(CENTRES, 0.1, w).log_prob(point)[0]  # noqa: E731
    slope = jax.jit(jax.grad(log_p))(jnp.asarray(WEIGHTS, jnp.float32))
    np.testing.assert_allclose(slope, np.array([1 / WEIGHTS[0], 0, 0, 0]) - 1, rtol=1e-4)


@pytest.mark.slow
def test_exact_divergences_in_the_plane_see_the_weights() -> None:
    """Modes far apart: the divergences of the mixtures are those of their weights."""
    p, q = distributions.geometric_weights(4, 0.1), distributions.rare_weights(4, 2, 0.05)
    make = lambda weights: distributions.gaussian_ring(4, 10.0, 0.2, weights=weights)  # noqa: E731
    a, b = np.asarray(p, float), np.asarray(q, float)
    middle = 0.5 * (a + b)
    js = 0.5 * np.sum(a * np.log(a / middle)) + 0.5 * np.sum(b * np.log(b / middle))
    assert float(exact.kl(make(p), make(q))) == pytest.approx(np.sum(a * np.log(a / b)), rel=1e-4)
    assert float(exact.jensen_shannon(make(p), make(q))) == pytest.approx(js, rel=1e-4)


@cases(("modes", "smallest"), [(8, 0.005), (25, 1e-5), (2, 0.5), (25, 0.04), (3, 0.333)])
def test_geometric_weights(modes: int, smallest: float) -> None:
    weights = np.asarray(distributions.geometric_weights(modes, smallest), float)
    assert weights.sum() == pytest.approx(1.0, abs=1e-6)
    assert weights[0] == weights.min() == pytest.approx(smallest, rel=1e-6)
    ratios = weights[1:] / weights[:-1]
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-6)


def test_rare_weights() -> None:
    np.testing.assert_allclose(distributions.rare_weights(5, 2, 0.005), [0.005, 0.005, 0.33, 0.33, 0.33], rtol=1e-6)
    np.testing.assert_allclose(distributions.rare_weights(4, 3, 0.25), 0.25, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("modes", "dimension"), [(2, 2), (50, 10), (100, 100)])
def test_random_modes(modes: int, dimension: int) -> None:
    law = distributions.random_modes(7, modes, dimension, separation=8.0)
    centres = np.asarray(law.centres, float)
    assert centres.shape == (modes, dimension)
    assert np.abs(centres).max() <= 1.0
    assert float(law.scale) == pytest.approx(pdist(centres).min() / 8.0, rel=1e-5)
    np.testing.assert_array_equal(distributions.random_modes(jax.random.key(7), modes, dimension).centres, centres)
    assert law.sample(jax.random.key(0), (3,)).shape == (3, dimension)
    if modes * dimension >= 500:
        assert stats.kstest(centres.ravel(), stats.uniform(-1, 2).cdf).pvalue > 1e-4


def test_separation_is_the_share_that_the_nearest_two_modes_lose_to_each_other() -> None:
    law = distributions.random_modes(0, 2, 20, separation=3.0)
    x = np.asarray(law.sample(jax.random.key(1), (20_000,)), float)
    squares = np.sum((x[:, None] - np.asarray(law.centres, float)[None]) ** 2, axis=2)
    # Where a sample lies on the line through both centres, in standard deviations from its middle.
    along = (squares[:, 0] - squares[:, 1]) / (2 * np.linalg.norm(np.diff(law.centres, axis=0)) * float(law.scale))
    truth = stats.norm(0, 1)
    cdf = lambda t: 0.5 * (truth.cdf(t - 1.5) + truth.cdf(t + 1.5))  # noqa: E731
    assert stats.kstest(along, cdf).pvalue > 1e-4


@cases(
    ("call", "message"),
    [
        (
            lambda: distributions.gaussian_ring(weights=[0.5, 0.5]),
            r"weights has shape \(2,\); expected one for each of 8",
        ),
        (lambda: distributions.gaussian_ring(2, weights=[0.5, 0.4]), "weights sum to 0.9; expected 1"),
        (
            lambda: distributions.gaussian_ring(2, weights=[1.5, -0.5]),
            "weights holds -0.5 as its smallest; expected all",
        ),
        (lambda: distributions.gaussian_grid(1, weights=[np.nan]), "weights holds 1 value.* NaN or infinite"),
        (lambda: distributions.gaussian_modes(CENTRES, 1.0, [0.0, 0.2, 0.2, 0.6]), "weights holds 0 as its smallest"),
        (lambda: distributions.gaussian_modes(CENTRES[0], 1.0), r"centres has shape \(3,\); expected \[modes, d\]"),
        (lambda: distributions.gaussian_modes(CENTRES / 0.0, 1.0), "centres holds .* NaN or infinite"),
        (
            lambda: distributions.gaussian_modes(CENTRES, np.ones(3)),
            r"scale has shape \(3,\); expected one, or one for",
        ),
        (lambda: distributions.gaussian_modes(CENTRES, np.zeros(4)), "scale is .* expected a value above 0"),
        (lambda: distributions.random_modes(0, 1, 2), "modes is 1; expected a whole number of at least 2"),
        (lambda: distributions.random_modes(0, 2, 0), "dimension is 0; expected a whole number of at least 1"),
        (lambda: distributions.random_modes(0, 2, 2, separation=0.0), "separation is 0.0; expected a value above 0"),
        (lambda: distributions.geometric_weights(8, 0.2), "smallest is 0.2 for 8 modes; expected .* at most 1 / 8"),
        (lambda: distributions.geometric_weights(8, np.nan), "smallest is nan for 8 modes"),
        (lambda: distributions.rare_weights(8, 8, 0.1), "rare is 8 of 8 modes; expected at least one mode that is not"),
        (lambda: distributions.rare_weights(8, 2, 0.0), "smallest is 0.0 for 8 modes; expected a weight above 0"),
    ],
)
def test_bad_input_is_one_sentence(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message), np.errstate(all="ignore"):
        call()
