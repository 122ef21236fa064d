"""Toy targets: geometry, densities against SciPy and against samples, masks, named pairs."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import transforms
from scipy import stats
from sklearn.datasets import make_swiss_roll

from gan_jax import distributions
from gan_jax.distributions.points import Point, log_density_of
from tests.cases import cases

TARGETS = {
    "ring": lambda: distributions.gaussian_ring(modes=5, radius=2.0, scale=0.3, center=(1.0, -1.0), rotation=0.4),
    "grid": lambda: distributions.gaussian_grid(side=2, spacing=2.0, scale=0.4),
    "roll": lambda: distributions.swiss_roll(noise=0.5, scale=1 / 7.5),
}


# The trapezoidal rule on a step far below the narrowest scale is exact to rounding.
TICKS = np.linspace(-5.0, 5.0, 301, dtype=np.float32)
GRID = np.stack(np.meshgrid(TICKS, TICKS), axis=-1).reshape(-1, 2)
AREA = (10.0 / 300) ** 2


@cache
def _seen(name):
    """Of a target its log-density on the grid, samples, their log-densities, and its mean, by one program."""
    law = TARGETS[name]()

    @jax.jit
    def all_of_it(key):
        x = law.sample(key, (4000,))
        return law.log_prob(GRID), x, law.log_prob(x), law.mean

    return [np.asarray(a, np.float64) for a in all_of_it(jax.random.key(1))]


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_density_integrates_to_one_and_has_the_mean_of_the_samples(name):
    log_p, x, _, said = _seen(name)
    density = np.exp(log_p)
    assert np.sum(density) * AREA == pytest.approx(1.0, abs=1e-5)
    mean = density @ GRID * AREA
    assert x.shape == (4000, 2)
    standard_error = x.std(axis=0) / np.sqrt(len(x))
    np.testing.assert_array_less(np.abs(x.mean(axis=0) - mean), 4.5 * standard_error)
    np.testing.assert_allclose(said, mean, atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_samples_follow_the_density(name):
    """E[log p] over samples equals the integral of p log p: a sampler of another law with the same mean fails."""
    log_p, _, scores, _ = _seen(name)
    truth = np.sum(np.exp(log_p) * log_p) * AREA
    assert abs(scores.mean() - truth) < 4.5 * scores.std() / np.sqrt(len(scores))


@pytest.mark.slow
def test_ring_modes_are_distinct_evenly_spaced_and_match_scipy():
    law = distributions.gaussian_ring()
    centres = np.asarray(law.centres)
    assert centres.shape == (8, 2)
    gaps = np.linalg.norm(centres - np.roll(centres, 1, axis=0), axis=1)
    np.testing.assert_allclose(gaps, 2 * np.sin(np.pi / 8), rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1.0, rtol=1e-6)
    x = np.asarray([[1.0, 0.01], [0.7, 0.71]])
    truth = np.log(np.mean([stats.multivariate_normal(c, 1e-4).pdf(x) for c in centres.astype(float)], axis=0))
    np.testing.assert_allclose(law.log_prob(jnp.asarray(x)), truth, rtol=2e-4)


def test_grid_of_veegan():
    centres = np.asarray(distributions.gaussian_grid().centres)
    assert {tuple(c) for c in centres.tolist()} == {
        (float(i), float(j)) for i in (-4, -2, 0, 2, 4) for j in (-4, -2, 0, 2, 4)
    }


def test_share_of_high_quality_samples():
    """Within 3 sigma of the nearest mode: 1 - e^-4.5 of a true 2-D Gaussian (scale is a standard deviation, not a variance)."""
    law = distributions.gaussian_grid(side=3, spacing=5.0, scale=0.1)
    x = np.asarray(law.sample(jax.random.key(3), (20_000,)))
    near = np.linalg.norm(x[:, None] - np.asarray(law.centres)[None], axis=2).min(axis=1) < 0.3
    share = 1 - np.exp(-4.5)
    assert abs(near.mean() - share) < 4.5 * np.sqrt(share * (1 - share) / len(x))


@pytest.mark.slow
def test_swiss_roll_is_scikit_learns():
    ours = np.asarray(distributions.swiss_roll().sample(jax.random.key(4), (3000,)))
    theirs = make_swiss_roll(3000, noise=0.25, random_state=0)[0][:, [0, 2]] / 7.5
    for i in range(2):
        assert stats.ks_2samp(ours[:, i], theirs[:, i]).pvalue > 1e-4
    # scikit-learn's samples under our density: the same mean log-density as our own samples.
    law = distributions.swiss_roll()
    a, b = (np.asarray(law.log_prob(jnp.asarray(x, jnp.float32))) for x in (ours, theirs))
    assert abs(a.mean() - b.mean()) < 4.5 * np.sqrt(a.var() / len(a) + b.var() / len(b))


def test_parallel_line_samples_and_maps_over_theta():
    x = np.asarray(distributions.parallel_line(2.0).sample(jax.random.key(5), (500,)))
    assert (x[:, 0] == 2.0).all()
    assert stats.kstest(x[:, 1], "uniform").pvalue > 1e-4
    means = jax.jit(jax.vmap(lambda t: distributions.parallel_line(t).mean))(jnp.arange(3.0))
    np.testing.assert_allclose(means, [[0, 0.5], [1, 0.5], [2, 0.5]])
    line = jax.jit(lambda law: law.log_prob(jnp.asarray([[2.0, 0.5], [2.1, 0.5], [2.0, 1.5]])))(
        distributions.parallel_line(2.0)
    )
    np.testing.assert_array_equal(line, [np.inf, -np.inf, -np.inf])


AFFINE = dist.transforms.AffineTransform
MASKED = [
    (dist.Uniform(1.0, 3.0), [0.9, 2.0, 3.1], [-np.inf, -np.log(2), -np.inf]),
    (dist.Exponential(2.0), [-1.0, 0.5], [-np.inf, np.log(2) - 1]),
    (
        dist.TransformedDistribution(dist.Uniform(0.0, 1.0), AFFINE(1.0, -2.0)),
        [-1.1, 0.0, 1.1],
        [-np.inf, -np.log(2), -np.inf],
    ),
    (dist.LogNormal(0.0, 1.0), [-1.0, 2.0], [-np.inf, stats.lognorm(1).logpdf(2.0)]),
    (
        dist.MixtureGeneral(
            dist.Categorical(jnp.asarray([0.5, 0.5])),
            [dist.Uniform(0.0, 1.0), dist.Uniform(2.0, 4.0)],
            support=dist.constraints.real,
        ),
        [0.5, 1.5, 3.0],
        [np.log(0.5), -np.inf, np.log(0.25)],
    ),
    (
        dist.MixtureSameFamily(dist.Categorical(jnp.asarray([0.25, 0.75])), dist.Normal(jnp.asarray([0.0, 4.0]), 1.0)),
        [0.0],
        [np.log(0.25 * stats.norm.pdf(0) + 0.75 * stats.norm.pdf(4))],
    ),
]


@cases(("law", "x", "truth"), MASKED, ids=[type(m[0]).__name__ for m in MASKED])
def test_log_density_outside_the_support_is_minus_infinity_with_gradient_zero(law, x, truth):
    density = lambda x: distributions.log_density(law, x)  # noqa: E731
    values, slopes = jax.jit(lambda x: (density(x), jax.vmap(jax.grad(density))(x)))(jnp.asarray(x))
    np.testing.assert_allclose(values, truth, rtol=2e-6)
    assert np.isfinite(slopes).all()
    assert (np.asarray(slopes)[~np.isfinite(truth)] == 0).all()


def test_log_density_of_a_folded_law_counts_both_sides():
    """SciPy's folded normal; NumPyro's own is a change of variables over one side alone."""
    law = dist.FoldedDistribution(dist.Normal(0.7, 1.5))
    x = np.array([0.0, 0.5, 3.0], np.float32)
    truth = stats.foldnorm(0.7 / 1.5, scale=1.5).logpdf(x)
    found = jax.jit(lambda x: distributions.log_density(law, x))(np.append(x, np.float32(-1.0)))
    np.testing.assert_allclose(found, [*truth, -np.inf], rtol=1e-5)


def _weighed(w: jax.Array, kind: str) -> dist.Distribution:
    """Two normals, at 0 and 2, the first one of weight w; or an image of them."""
    mixing = dist.Categorical(probs=jnp.stack([w, 1.0 - w]))
    if kind == "general":
        return dist.MixtureGeneral(mixing, [dist.Normal(0.0, 1.0), dist.Normal(2.0, 1.0)])
    if kind == "plane":
        means = jnp.asarray([[0.0, 0.0], [2.0, 0.0]])
        return dist.MixtureSameFamily(mixing, dist.MultivariateNormal(means, jnp.eye(2)))
    same = dist.MixtureSameFamily(mixing, dist.Normal(jnp.asarray([0.0, 2.0]), 1.0))
    return dist.TransformedDistribution(same, transforms.AffineTransform(0.0, 2.0)) if kind == "affine" else same


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["same", "general", "plane", "affine"])
def test_log_density_at_a_weight_of_zero_has_its_one_sided_derivative(kind):
    """``d log p / dw = (f_0 - f_1) / p``, with ``f_0 / f_1 = exp(2 - 2 x)``; the values are what they were."""
    x = np.array([-1.0, 0.4, 3.0])
    at = {"plane": np.stack([x, 0.3 + 0.0 * x], axis=1), "affine": 2.0 * x}.get(kind, x)
    f = jax.value_and_grad(lambda w, at: distributions.log_density(_weighed(w, kind), at))
    with jax.enable_x64(True):
        mapped = jax.jit(jax.vmap(jax.vmap(f, (None, 0)), (0, None)))
        values, slopes = mapped(jnp.asarray([0.0, 0.25, 1.0]), jnp.asarray(at))
    ratio = np.exp(2 - 2 * x)
    mixed = 0.25 * ratio + 0.75
    np.testing.assert_allclose(slopes, [ratio - 1, (ratio - 1) / mixed, 1 - 1 / ratio], rtol=1e-12)
    np.testing.assert_allclose(values - values[:1], [0 * x, np.log(mixed), np.log(ratio)], atol=1e-13)


def test_density_of_a_kumaraswamy_law_beside_1():
    """``1 - x^a`` where ``x = 1 - e^-18``: 40 digits."""
    a, b = 0.1041259765625, 5.140625
    with mpmath.workdps(40):
        gap = mpmath.exp(-18)
        truth = mpmath.log(a) + mpmath.log(b) + (a - 1) * mpmath.log1p(-gap) + (b - 1) * mpmath.log(1 - (1 - gap) ** a)
    with jax.enable_x64(True):
        one = jnp.ones(())
        point = Point(1 - jnp.exp(-18.0), one, -one, jnp.asarray(-18.0), 0 * one)
        assert float(jax.jit(lambda point: log_density_of(dist.Kumaraswamy(a, b), point))(point)) == pytest.approx(
            float(truth), rel=1e-14
        )


@pytest.mark.slow
def test_density_of_truncated_laws():
    """In the tail, against SciPy; the derivative in the degrees of freedom, which JAX has none of, against a difference."""
    with jax.enable_x64(True):
        law = dist.LeftTruncatedDistribution(dist.Normal(1.0, 2.0), low=60.0)
        truth = stats.norm.logpdf(61.0, 1.0, 2.0) - stats.norm.logsf(60.0, 1.0, 2.0)
        other = dist.RightTruncatedDistribution(dist.Normal(-1.0, 2.0), high=-60.0)
        high_and_low = jax.jit(lambda x: (distributions.log_density(law, x), distributions.log_density(other, -x)))
        np.testing.assert_allclose(high_and_low(61.0), truth, rtol=1e-12)

        def value(df):
            student = dist.StudentT(df, 0.3, 2.0)
            return distributions.log_density(dist.TwoSidedTruncatedDistribution(student, low=-1.0, high=3.0), 0.5)

        def by_scipy(df):
            law = stats.t(df, 0.3, 2.0)
            return law.logpdf(0.5) - np.log(law.cdf(3.0) - law.cdf(-1.0))

        found, slope = jax.jit(jax.value_and_grad(value))(4.0)
    assert float(found) == pytest.approx(by_scipy(4.0), rel=1e-13)
    assert float(slope) == pytest.approx((by_scipy(4.0 + 1e-4) - by_scipy(4.0 - 1e-4)) / 2e-4, rel=1e-6)


def test_log_density_of_independent_coordinates_masks_each_of_them():
    square = dist.Uniform(jnp.zeros(2), jnp.asarray([1.0, 2.0])).to_event(1)
    found = jax.jit(lambda x: distributions.log_density(square, x))(np.float32([[0.5, 1.5], [1.5, 1.5]]))
    np.testing.assert_allclose(found, [-np.log(2), -np.inf])


def test_log_density_of_a_batched_law_inside_vmap():
    laws = dist.Normal(jnp.arange(3.0), jnp.ones(3))
    values = jax.jit(jax.vmap(distributions.log_density, in_axes=(0, None)))(laws, jnp.zeros(4))
    np.testing.assert_allclose(np.asarray(values)[:, 0], stats.norm.logpdf(0, [0, 1, 2]), rtol=1e-6)


@pytest.mark.slow
def test_draw_from_numpyros_own_mixture():
    mixture = dist.MixtureSameFamily(
        dist.Categorical(jnp.asarray([0.5, 0.5])), dist.Normal(jnp.asarray([-9.0, 9.0]), jnp.ones(2))
    )
    x = np.asarray(distributions.draw(mixture, jax.random.key(6), 400))
    assert x.shape == (400,)
    assert abs((x > 0).mean() - 0.5) < 4.5 * 0.5 / np.sqrt(400)


@pytest.mark.slow
@cases("name", distributions.PAIRS)
def test_pairs_coincide_at_zero_and_part_with_the_separation(name):
    pair = distributions.pair(name)
    assert pair.label
    assert pair.description
    drawn = jax.jit(lambda t: [distributions.draw(law, jax.random.key(7), 20) for law in pair.make(t)])
    np.testing.assert_array_equal(*drawn(0.0))
    p, q = drawn(0.25)
    assert p.shape == q.shape
    assert not np.array_equal(p, q)


@cases(
    ("call", "message"),
    [
        (lambda: distributions.gaussian_ring(0), "modes is 0; expected a whole number of at least 1"),
        (lambda: distributions.gaussian_ring(2.5), "modes is 2.5; expected a whole number"),
        (lambda: distributions.gaussian_ring(scale=0.0), "scale is 0.0; expected a value above 0"),
        (lambda: distributions.gaussian_ring(scale=jnp.nan), "scale is nan; expected a value above 0"),
        (lambda: distributions.gaussian_ring(radius=-1.0), "radius is -1.0; expected a value of at least 0"),
        (lambda: distributions.gaussian_grid(side=0), "side is 0; expected a whole number"),
        (lambda: distributions.gaussian_grid(scale=-0.1), "scale is -0.1; expected a value above 0"),
        (lambda: distributions.swiss_roll(noise=0.0), "noise is 0.0; expected a value above 0"),
        (lambda: distributions.parallel_line(jnp.nan), "theta holds 1 value"),
        (lambda: distributions.pair("gausians"), "name is 'gausians'; did you mean 'gaussians'"),
    ],
)
def test_bad_input_is_one_clear_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
