"""Through the optimal discriminator, held fixed, every objective gives the generator its analytic gradient.

The generator is the shift family ``G_m(z) = z + m``: its gradient is ``E_q[ℓ_G'(D*(x)) D*'(x)]``, by quadrature in double precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit, rel_entr

from gan_jax.distributions import log_density
from gan_jax.divergences import exact
from gan_jax.divergences.f_divergence import F_DIVERGENCES
from gan_jax.objectives import losses, oracle
from gan_jax.typing import Array
from tests.cases import cases
from tests.objectives.laws import PAIRS, Pair, measures, nodes
from tests.tiers import some


def js(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return 0.5 * (rel_entr(p, 0.5 * (p + q)) + rel_entr(q, 0.5 * (p + q)))


Divergence: TypeAlias = tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], Callable[..., Array]]
DIVERGENCES: dict[str, Divergence] = {
    "kl": (rel_entr, exact.kl),
    "reverse_kl": (lambda p, q: rel_entr(q, p), lambda p, q: exact.kl(q, p)),
    "pearson": (lambda p, q: (p - q) ** 2 / q, exact.chi_squared),
    "neyman": (lambda p, q: (p - q) ** 2 / p, lambda p, q: exact.chi_squared(q, p)),
    "squared_hellinger": (lambda p, q: 0.5 * (np.sqrt(p) - np.sqrt(q)) ** 2, exact.squared_hellinger),
    "jeffreys": (lambda p, q: rel_entr(p, q) + rel_entr(q, p), lambda p, q: exact.kl(p, q) + exact.kl(q, p)),
    "jensen_shannon": (js, exact.jensen_shannon),
    "gan": (js, exact.jensen_shannon),
    "total_variation": (lambda p, q: 0.5 * np.abs(p - q), exact.total_variation),
}
"""The textbook's integrand, and the same divergence of ``gan_jax``."""


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def gradient(objective: losses.Objective, pair: Pair) -> float:
    """``E_q[d/dx ℓ_G(D*(x))]``."""
    x, _, q_weights = measures(pair)
    judge = oracle.discriminator(objective, *pair.make(0.0))

    def loss(point: Array) -> Array:
        logit = judge(point)[None]
        return objective.generator_loss(logit, logit)[0]

    return float(q_weights @ np.asarray(jax.jit(jax.vmap(jax.grad(loss)))(jnp.asarray(x))))


def slope(name: str, pair: Pair) -> float:
    """``d/dm`` of a divergence between the data and the shifted law, from its definition.

    By the five-point formula, whose error is of order h⁴ = 1e-12, on integrals that are known to 1e-13: 1e-10 in all.
    """
    integrand, h = DIVERGENCES[name][0], 1e-3

    def at(m: float) -> float:
        x, weights = nodes(pair, m)
        return float(np.sum(weights * integrand(*pair.densities(x, m))))

    return (at(-2 * h) - 8 * at(-h) + 8 * at(h) - at(2 * h)) / (12 * h)


@pytest.mark.slow
@pytest.mark.parametrize("name", DIVERGENCES)
@pytest.mark.parametrize("pair", some(PAIRS, 3))
def test_slopes_here_are_the_gradients_of_the_exact_divergences(name: str, pair: str) -> None:
    found = float(jax.grad(lambda m: DIVERGENCES[name][1](*PAIRS[pair].make(m)))(0.0))
    assert found == pytest.approx(slope(name, PAIRS[pair]), rel=1e-7, abs=1e-8)


class Scores:
    """Densities at the nodes, and ``rise``: the difference of the scores, ``d/dx log (p / q)``, by automatic differentiation."""

    def __init__(self, pair: Pair) -> None:
        x, self.weights = nodes(pair)
        self.p, self.q = pair.densities(x, 0.0)
        p, q = pair.make(0.0)
        self.rise = np.asarray(
            jax.jit(jax.vmap(jax.grad(lambda x: log_density(p, x) - log_density(q, x))))(jnp.asarray(x))
        )


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS)
def test_minimax_descends_twice_the_js(pair: str) -> None:
    expected = 2 * slope("jensen_shannon", PAIRS[pair])
    assert gradient(losses.minimax(), PAIRS[pair]) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("pair", PAIRS)
def test_non_saturating_descends_kl_less_twice_the_js(pair: str) -> None:
    # Arjovsky & Bottou 2017, theorem 2.5.
    expected = slope("reverse_kl", PAIRS[pair]) - 2 * slope("jensen_shannon", PAIRS[pair])
    assert gradient(losses.non_saturating(), PAIRS[pair]) == pytest.approx(expected, rel=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("pair", ["Gaussians", "Laplaces"])
def test_wasserstein_pulls_with_slope_one_against_a_shift(pair: str) -> None:
    # W1 of a law and its translate is the shift.
    assert gradient(losses.wasserstein(), PAIRS[pair]) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("pair", ["scales", "mixture"])
def test_wasserstein_descends_w1(pair: str) -> None:
    # Up to the mass of the cell where the cdfs cross and the potential's slope jumps.
    _, _, q_weights = measures(PAIRS[pair])
    expected = float(jax.grad(lambda m: exact.wasserstein(*PAIRS[pair].make(m)))(0.0))
    assert gradient(losses.wasserstein(), PAIRS[pair]) == pytest.approx(expected, abs=4 * float(np.max(q_weights)))


@pytest.mark.slow
@cases("name", [name for name in DIVERGENCES if name != "total_variation"])
@cases("pair", PAIRS)
def test_f_gan_descends_its_f_divergence(name: str, pair: str) -> None:
    # The envelope theorem; ``standard`` is affine from the value to the textbook's units.
    row = F_DIVERGENCES[name]
    scale = float(row.standard(1.0) - row.standard(0.0))
    expected = slope(name, PAIRS[pair]) / scale
    assert gradient(losses.f_gan(name), PAIRS[pair]) == pytest.approx(expected, rel=1e-7)


@cases("objective", [losses.hinge(), losses.f_gan("total_variation")], ids=lambda o: o.name)
@cases("pair", PAIRS)
def test_discontinuous_discriminators_give_no_gradient(objective: losses.Objective, pair: str) -> None:
    """``sign(p - q)`` is flat: dTV/dm comes from the jump, which no sample of the generator feels."""
    assert gradient(objective, PAIRS[pair]) == 0.0
    assert abs(slope("total_variation", PAIRS[pair])) > 0.1


@pytest.mark.slow
@cases("labels", [(0.0, 1.0, 1.0), (-1.0, 1.0, 0.0)])
@cases("pair", PAIRS)
def test_least_squares_gradient_is_that_of_its_formula(labels: tuple[float, float, float], pair: str) -> None:
    fake, real, target = labels
    objective = losses.least_squares(fake_label=fake, real_label=real, generator_label=target)
    at = Scores(PAIRS[pair])
    share = at.p / (at.p + at.q)
    best = fake + (real - fake) * share
    # D*' = (b - a) s (1 - s) d/dx log(p / q) with s = p / (p + q).
    expected = np.sum(at.weights * at.q * (best - target) * (real - fake) * share * (1 - share) * at.rise)
    assert gradient(objective, PAIRS[pair]) == pytest.approx(float(expected), rel=1e-9)


def test_least_squares_value_is_pearsons_and_its_gradient_is_not() -> None:
    """Mao et al. 2017, equation 5, with the labels -1, 1, 0: true of the value; through a fixed D* the generator feels another thing."""
    at = Scores(PAIRS["Gaussians"])
    best = (at.p - at.q) / (at.p + at.q)
    found = np.sum(at.weights * (at.p + at.q) * best**2)
    both, twice = at.p + at.q, 2 * at.q
    assert found == pytest.approx(np.sum(at.weights * (twice - both) ** 2 / both), rel=1e-12)
    # d/dq ½ (p - q)² / (p + q) = -D* - ½ D*², and a shift moves q by -q': in parts, E_q[-(1 + D*) D*'].
    slope_of_best = 0.5 * (1 - best**2) * at.rise
    pearson = np.sum(at.weights * at.q * -(1 + best) * slope_of_best)
    objective = losses.least_squares(fake_label=-1.0, real_label=1.0, generator_label=0.0)
    felt = gradient(objective, PAIRS["Gaussians"])
    assert felt == pytest.approx(np.sum(at.weights * at.q * best * slope_of_best), rel=1e-9)
    assert felt < 0.9 * pearson


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS)
def test_relativistic_gradient_is_that_of_its_formula(pair: str) -> None:
    objective, at = losses.relativistic(), Scores(PAIRS[pair])
    x, p_weights, q_weights = measures(PAIRS[pair])
    judge = oracle.discriminator(objective, *PAIRS[pair].make(0.0))
    # ℓ_G is a function of one fake and one real logit: its derivative by the former, over all pairs.
    of_fake = jax.grad(lambda f, r: objective.generator_loss(f[None], r[None])[0])

    @jax.jit
    def over_pairs(x: Array) -> tuple[Array, Array]:
        logits, slopes = judge(x), jax.vmap(jax.grad(judge))(x)
        return slopes, jax.vmap(lambda f: jax.vmap(lambda r: of_fake(f, r))(logits))(logits)

    slopes, pulls = over_pairs(jnp.asarray(x))
    found = (q_weights * np.asarray(slopes)) @ (np.asarray(pulls) @ p_weights)
    # E_y[-E_x σ(r(x) - r(y)) r'(y)], r = log p - log q.
    ratio = np.log(at.p) - np.log(at.q)
    certain = -expit(ratio[None, :] - ratio[:, None]) @ (at.weights * at.p)
    expected = np.sum(at.weights * at.q * at.rise * certain)
    assert float(found) == pytest.approx(float(expected), rel=1e-9)


def test_relativistic_average_gradient_counts_the_mean_of_the_fakes() -> None:
    """``∂/∂f_j mean ℓ_G = -[σ(r̄ - f_j) + mean_i σ(r_i - f̄)] / n``: the second part through the mean of all fakes."""
    real, fake = jax.random.normal(jax.random.key(0), (2, 7))
    objective = losses.relativistic_average()
    found = jax.grad(lambda f: jnp.mean(objective.generator_loss(f, real)))(fake)
    r, f = np.asarray(real), np.asarray(fake)
    np.testing.assert_allclose(found, -(expit(r.mean() - f) + expit(r - f.mean()).mean()) / 7, rtol=1e-12)
