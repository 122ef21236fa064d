"""With the optimal discriminator plugged in, every objective's ``divergence`` is the exact value it stands for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy.optimize import minimize
from scipy.special import log_expit, rel_entr

from gan_jax.divergences import exact
from gan_jax.divergences.f_divergence import F_DIVERGENCES
from gan_jax.objectives import losses, oracle
from gan_jax.typing import Distribution
from tests.cases import cases
from tests.objectives.laws import OVERLAPPING, PAIRS, Pair, measures, nodes, value


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def triangular(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return 0.5 * np.divide((p - q) ** 2, p + q, out=np.zeros_like(p), where=p + q > 0)


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return 0.5 * (rel_entr(p, 0.5 * (p + q)) + rel_entr(q, 0.5 * (p + q)))


def total_variation(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return 0.5 * np.abs(p - q)


INTEGRANDS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "minimax": jensen_shannon,
    "non_saturating": jensen_shannon,
    "least_squares": triangular,
    "hinge": total_variation,
    "f_kl": rel_entr,
    "f_reverse_kl": lambda p, q: rel_entr(q, p),
    "f_pearson": lambda p, q: (p - q) ** 2 / q,
    "f_neyman": lambda p, q: (p - q) ** 2 / p,
    "f_squared_hellinger": lambda p, q: 0.5 * (np.sqrt(p) - np.sqrt(q)) ** 2,
    "f_jeffreys": lambda p, q: rel_entr(p, q) + rel_entr(q, p),
    "f_jensen_shannon": jensen_shannon,
    "f_total_variation": total_variation,
    "f_gan": jensen_shannon,
}
"""The textbooks' definitions, as integrands of both densities."""


def truth(name: str, pair: Pair) -> float:
    if name == "wasserstein":
        return float(exact.wasserstein(*pair.make(0.0)))
    points, weights = nodes(pair)
    return float(np.sum(weights * INTEGRANDS[name](*pair.densities(points, 0.0))))


BOUNDED = [name for name in INTEGRANDS if math.isfinite(losses.OBJECTIVES[name]().saturation)]


def test_every_truth_here_is_that_of_a_separable_objective() -> None:
    """One of one's own brings its truth in a test of its own; below it is held to what it says of itself."""
    assert {*INTEGRANDS, "wasserstein"} <= {name for name, make in losses.OBJECTIVES.items() if make().separable}
    assert {f"f_{name}" for name in F_DIVERGENCES} <= set(INTEGRANDS)


@pytest.mark.slow
@cases("name", [*INTEGRANDS, "wasserstein"])
@cases("pair", PAIRS)
def test_value_at_the_oracle_is_the_divergence(name: str, pair: str) -> None:
    objective, (p, q) = losses.OBJECTIVES[name](), PAIRS[pair].make(0.0)
    x, p_weights, q_weights = measures(PAIRS[pair])
    found = value(objective, oracle.discriminator(objective, p, q)(jnp.asarray(x)), p_weights, q_weights)
    # The Kantorovich potential is a table of 4096 cells of slope ±1: its kink is known to half a cell. The rest is quadrature.
    cell = 20.0 * 2.0 / 4096
    kink = cell * float(np.max(p_weights + q_weights)) if name == "wasserstein" else 0.0
    assert found == pytest.approx(truth(name, PAIRS[pair]), rel=1e-9, abs=1e-10 + kink)


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS)
def test_definitions_here_are_those_of_the_exact_divergences(pair: str) -> None:
    found = [truth(name, PAIRS[pair]) for name in ("minimax", "f_pearson")]
    laws = PAIRS[pair].make(0.0)
    np.testing.assert_allclose(found, [exact.jensen_shannon(*laws), exact.chi_squared(*laws)], rtol=1e-9)


@pytest.mark.slow
@cases("name", BOUNDED)
def test_value_where_one_density_is_zero(name: str) -> None:
    objective, (p, q) = losses.OBJECTIVES[name](), OVERLAPPING.make(0.0)
    x, p_weights, q_weights = measures(OVERLAPPING)
    found = value(objective, oracle.discriminator(objective, p, q)(jnp.asarray(x)), p_weights, q_weights)
    # U[0, 1] against U[t, 1 + t]: JS = t log 2, and t for the others.
    unit = math.log(2) if objective.unit == "nats" else 1.0
    assert found == pytest.approx(0.25 * unit, abs=1e-12)


@pytest.mark.slow
@cases("name", losses.OBJECTIVES)
def test_value_on_disjoint_supports_is_the_saturation(name: str) -> None:
    objective = losses.OBJECTIVES[name]()
    p, q = dist.Uniform(0.0, 1.0), dist.Uniform(3.0, 4.0)
    judge = oracle.log_ratio(p, q) if name == "relativistic_average" else oracle.discriminator(objective, p, q)
    found = objective.divergence(judge(jnp.linspace(0.01, 0.99, 5)), judge(jnp.linspace(3.01, 3.99, 5)))
    # A distance never saturates: W1 is 3 here, up to a cell of the potential's table at each end of a support.
    expected, tolerance = (3.0, 0.02) if objective.scales_with_data else (objective.saturation, 1e-12)
    assert float(found) == pytest.approx(expected, abs=tolerance)


def test_infinite_saturation_is_that_of_divergences_that_are_infinite_there() -> None:
    papers = {*INTEGRANDS, "wasserstein"}
    infinite = {name for name in papers if math.isinf(losses.OBJECTIVES[name]().saturation)}
    assert infinite == {"wasserstein", "f_kl", "f_reverse_kl", "f_pearson", "f_neyman", "f_jeffreys"}


@pytest.mark.slow
@cases("labels", [(-1.0, 1.0, 0.0), (0.0, 1.0, 1.0), (2.0, -1.0, 0.5)])
@cases("pair", PAIRS)
def test_least_squares_with_any_labels_is_the_triangular_discrimination(
    labels: tuple[float, float, float], pair: str
) -> None:
    fake, real, generator = labels
    objective = losses.least_squares(fake_label=fake, real_label=real, generator_label=generator)
    p, q = PAIRS[pair].make(0.0)
    x, p_weights, q_weights = measures(PAIRS[pair])
    logits = oracle.discriminator(objective, p, q)(jnp.asarray(x))
    assert float(value(objective, logits, p_weights, q_weights)) == pytest.approx(
        truth("least_squares", PAIRS[pair]), abs=1e-11
    )
    # Mao et al. 2017, equation 3: no other output is better at any point.
    for change in (0.01, -0.01):
        assert value(objective, logits + change, p_weights, q_weights) < value(objective, logits, p_weights, q_weights)


# ---------------------------------------------------------------------------------------------------------- relativistic


def js_of_products(pair: Pair) -> float:
    """JS of P × Q and Q × P by the definition, with SciPy's relative entropy on the tensor grid."""
    x, w = nodes(pair)
    a = np.outer(*pair.densities(x, 0.0))
    b, middle, cells = a.T, 0.5 * (a + a.T), np.outer(w, w)
    return float(0.5 * np.sum(cells * (rel_entr(a, middle) + rel_entr(b, middle))))


@pytest.mark.slow
@cases("pair", [*PAIRS, "uniforms"])
def test_relativistic_value_is_the_js_of_the_two_products(pair: str) -> None:
    laws, objective = {**PAIRS, "uniforms": OVERLAPPING}[pair], losses.relativistic()
    x, p_weights, q_weights = measures(laws)
    logits = oracle.discriminator(objective, *laws.make(0.0))(jnp.asarray(x))
    real, fake = (jnp.where(weights > 0, logits, 0.0) for weights in (p_weights, q_weights))
    pairs = jax.vmap(lambda r: jax.vmap(lambda f: objective.divergence(r[None], f[None]))(fake))(real)
    found = p_weights @ np.asarray(pairs) @ q_weights
    assert float(found) == pytest.approx(js_of_products(laws), abs=1e-9)


def histogram(law: Distribution, edges: np.ndarray, total: int = 2000) -> np.ndarray:
    """Integer numbers of examples in the bins, at least one in each."""
    mass = np.diff(np.asarray(law.cdf(jnp.asarray(edges))))
    return np.maximum(np.round(total * mass / mass.sum()).astype(int), 1)


BINNED = {
    "Laplaces at 0.5": (dist.Laplace(0.0, 1.0), dist.Laplace(0.5, 1.0)),
    "Laplaces at 1": (dist.Laplace(0.0, 1.0), dist.Laplace(1.0, 1.0)),
    "widths": (dist.Laplace(0.0, 1.0), dist.Laplace(0.2, 1.3)),
    "logistic laws": (dist.Logistic(0.0, 1.0), dist.Logistic(0.4, 1.1)),
}


@pytest.mark.slow
@pytest.mark.parametrize("pair", BINNED)
def test_relativistic_average_value_is_that_of_a_convex_program(pair: str) -> None:
    """On binned laws, whose ratios are bounded, against SciPy's L-BFGS on the same (convex) loss written in NumPy."""
    edges = np.linspace(-4.0, 4.5, 18)
    counts = [histogram(law, edges) for law in BINNED[pair]]
    p, q = (count / count.sum() for count in counts)

    def loss(logits: np.ndarray) -> tuple[float, np.ndarray]:
        above, below = logits - q @ logits, logits - p @ logits
        value = -0.5 * (p @ log_expit(above) + q @ log_expit(-below))
        left, right = p * np.exp(log_expit(-above)), q * np.exp(log_expit(below))
        return value, 0.5 * (-left + q * left.sum() + right - p * right.sum())

    best = minimize(loss, np.log(p / q), jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-11})
    logits, residual = jax.jit(oracle.relativistic_average_logits)(np.log(p / q), p, q)
    assert float(residual) < 1e-12
    # Each bin's logit as often as the law has examples there: equally weighted, as the objective takes them.
    real, fake = (np.repeat(np.asarray(logits), count) for count in counts)
    found = float(jax.jit(losses.relativistic_average().divergence)(real, fake))
    assert found == pytest.approx(math.log(2) - best.fun, abs=1e-9)
    # And the gradient of the loss vanishes there.
    assert np.max(np.abs(loss(np.asarray(logits))[1])) < 1e-12


@pytest.mark.slow
def test_relativistic_average_says_where_no_best_logits_exist() -> None:
    # B = E_q σ(D - b) is at most 1 / (e^{-min r} - 1) at a solution: a bin of ratio e^-20 under p, with mass under q, leaves nothing.
    p, q = jnp.asarray([0.5, 0.5 - 1e-9, 1e-9]), jnp.asarray([0.3, 0.2, 0.5])
    _, residual = oracle.relativistic_average_logits(jnp.log(p / q), p, q)
    assert not residual < 1e-6


# ------------------------------------------------------------------------------------------------- constants and identities


def test_f_gan_of_the_gan_row_is_the_minimax_game() -> None:
    real, fake = jnp.linspace(-3.0, 5.0, 9), jnp.linspace(-4.0, 2.0, 9)
    game, row = losses.minimax(), losses.f_gan("gan")
    np.testing.assert_allclose(row.discriminator_loss(real, fake), game.discriminator_loss(real, fake), rtol=1e-14)
    np.testing.assert_allclose(row.generator_loss(fake, real), game.generator_loss(fake, real), rtol=1e-14)
    np.testing.assert_allclose(row.divergence(real, fake), game.divergence(real, fake), rtol=1e-12)
    trick = losses.f_gan("gan", trick=True)
    np.testing.assert_allclose(
        trick.generator_loss(fake, real), losses.non_saturating().generator_loss(fake, real), rtol=1e-14
    )


def test_f_gan_of_the_jensen_shannon_row_says_what_minimax_says() -> None:
    real, fake = jnp.linspace(-3.0, 5.0, 9), jnp.linspace(-4.0, 2.0, 9)
    found, expected = losses.f_gan("jensen_shannon").divergence(real, fake), losses.minimax().divergence(real, fake)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS)
def test_kantorovich_potential_has_slope_one_where_the_distributions_differ(pair: str) -> None:
    p, q = PAIRS[pair].make(0.0)
    potential = oracle.kantorovich_potential(p, q)
    x = jnp.asarray(np.linspace(-4.0, 5.0, 61) + 0.001)
    at = lambda point: (jax.grad(potential)(point), p.cdf(point), q.cdf(point))  # noqa: E731
    slopes, p_cdf, q_cdf = jax.jit(jax.vmap(at))(x)
    np.testing.assert_array_equal(slopes, np.sign(np.asarray(q_cdf) - np.asarray(p_cdf)))
    assert np.all(np.abs(slopes) == 1)
    # And its values are those of a 1-Lipschitz function.
    fine = jnp.asarray(np.linspace(-60.0, 60.0, 20_001))
    assert np.abs(np.diff(jax.jit(potential)(fine))).max() <= 120.0 / 20_000 * (1 + 1e-9)


@cases("name", [*PAIRS, "uniforms"])
def test_weights_of_the_quadrature_sum_to_one(name: str) -> None:
    _, p_weights, q_weights = measures({**PAIRS, "uniforms": OVERLAPPING}[name])
    np.testing.assert_allclose([np.sum(p_weights), np.sum(q_weights)], 1.0, atol=1e-12)
