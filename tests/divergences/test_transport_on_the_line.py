"""Wasserstein and energy distances of hard laws on the line: closed forms, mpmath, gradients, symmetry, infinities."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats

from gan_jax.divergences import accuracy, exact
from tests.tiers import some, those

UNIFORM, EXPONENTIAL, NORMAL = dist.Uniform(0.0, 1.0), dist.Exponential(1.0), dist.Normal(0.0, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("order", some([2, 3], 2))
def test_a_bounded_law_against_an_unbounded_one_is_right_and_symmetric(order):
    """``integral over u of |u + log(1 - u)|^order``: 5/6 at order 2."""
    with mpmath.workdps(30):
        truth = float(
            mpmath.quad(lambda u: abs(u + mpmath.log(1 - u)) ** order, [0, 0.5, 0.99, 1]) ** (mpmath.mpf(1) / order)
        )
    if order == 2:
        assert truth == pytest.approx(math.sqrt(5 / 6), rel=1e-12)
    with jax.enable_x64(True):
        there = exact.wasserstein(UNIFORM, EXPONENTIAL, order=order)
        back = exact.wasserstein(EXPONENTIAL, UNIFORM, order=order)
    assert float(there) == pytest.approx(truth, rel=1e-12)
    assert float(back) == pytest.approx(truth, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("x64", some([True, False], 2))
def test_uniform_against_normal(x64):
    """``E Z^2 + 1/3 - 2 E[Z Phi(Z)] = 4/3 - 1/sqrt(pi)``."""
    with jax.enable_x64(x64):
        value = float(exact.wasserstein(UNIFORM, NORMAL, order=2))
    assert value == pytest.approx(math.sqrt(4 / 3 - 1 / math.sqrt(math.pi)), rel=1e-12 if x64 else 1e-5)


def _mixture(weights, means, scales):
    return dist.MixtureSameFamily(
        dist.Categorical(probs=jnp.asarray(weights)), dist.Normal(jnp.asarray(means), jnp.asarray(scales))
    )


def _inverse_cauchy():
    """``integral of |F - G|`` of the Cauchy law of scale 1e-5 cut to [-2, 3] and the uniform one."""
    with mpmath.workdps(30):
        low, high, scale = mpmath.mpf(-2), mpmath.mpf(3), mpmath.mpf("1e-5")
        whole = mpmath.atan(high / scale) - mpmath.atan(low / scale)
        points = [-2, -1, -0.1, -1e-3, -1e-4, -1e-5, 0, 1e-5, 1e-4, 1e-3, 0.1, 1, 3]

        def difference(x):
            return (mpmath.atan(x / scale) - mpmath.atan(low / scale)) / whole - (x - low) / (high - low)

        # F - G changes its sign at 0 < x* < 1e-5 alone.
        crossing = mpmath.findroot(difference, (mpmath.mpf("-3e-6"), mpmath.mpf("3e-5")), solver="anderson")
        return float(mpmath.quad(lambda x: abs(difference(x)), sorted([*points, crossing])))


def _swapped():
    """A mass of .4 moves by 1e4 less twice 1e-3 E[Z | Z > -z], P(Z > -z) = 4/7; the rest is of relative size 1e-14."""
    inside = 4 / 7
    z = stats.norm.ppf(inside)
    return math.sqrt(0.4) * (1e4 - 2e-3 * stats.norm.pdf(z) / inside)


# Laws, order, the distance. Where one law lies to the right of the other, W1 is the difference of their means.
HARD = {
    "Beta, poles": (lambda: (dist.Beta(0.1, 0.1), dist.Beta(0.1, 0.3)), 1, lambda: 0.25),
    "Gamma, whose tail underflows": (lambda: (dist.Gamma(0.02, 1.0), dist.Gamma(0.03, 1.0)), 1, lambda: 0.01),
    "wide LogNormal": (lambda: (dist.LogNormal(0.0, 8.0), dist.LogNormal(1.0, 8.0)), 1, lambda: math.exp(32) * (math.e - 1)),
    "wide LogNormal, order 2": (lambda: (dist.LogNormal(0.0, 8.0), dist.LogNormal(1.0, 8.0)), 2, lambda: math.exp(64) * (math.e - 1)),
    "narrow truncated Cauchy": (lambda: (dist.TruncatedCauchy(0.0, 1e-5, low=-2.0, high=3.0), dist.Uniform(-2.0, 3.0)), 1, _inverse_cauchy),
    "Pareto": (lambda: (dist.Pareto(1.0, 1.5), dist.Pareto(1.0, 3.0)), 1, lambda: 1.5),
    "InverseGamma, order 2": (lambda: (dist.InverseGamma(2.5, 1.0), dist.InverseGamma(2.5, 2.0)), 2, lambda: math.sqrt(1 / (1.5 * 0.5))),
    "swapped weights": (lambda: (_mixture([0.3, 0.7], [0.0, 1e4], [1e-3, 1e-3]), _mixture([0.7, 0.3], [0.0, 1e4], [1e-3, 1e-3])), 2,
                        _swapped),
    "a far part of weight 1e-6": (lambda: (_mixture([0.999999, 1e-6], [0.0, 1e6], [1.0, 1e-3]), NORMAL), 1, lambda: 1.0),
    "Gompertz": (lambda: (dist.Gompertz(1.0, 1.0), dist.Gompertz(1.0, 2.0)), 1, lambda: float(mpmath.e * mpmath.e1(1)) / 2),
    "power laws": (lambda: (dist.DoublyTruncatedPowerLaw(-3.0, 1.0, 2.0), dist.Uniform(1.0, 2.0)), 1, lambda: 1.5 - 4 / 3),
    "Kumaraswamy": (lambda: (dist.Kumaraswamy(0.5, 1.0), UNIFORM), 1, lambda: 1 / 2 - 1 / 3),
    "sigmoid of a normal": (
        lambda: (dist.TransformedDistribution(dist.Normal(1.0, 1.0), dist.transforms.SigmoidTransform()), dist.Delta(0.0)), 1,
        lambda: float(mpmath.quad(lambda z: mpmath.npdf(z - 1) / (1 + mpmath.exp(-z)), [-12, 0, 1, 2, 14])),
    ),
    "Student, order 2": (lambda: (dist.StudentT(1.5, 0.0, 1.0), NORMAL), 2, lambda: math.inf),
    "HalfCauchy": (lambda: (dist.HalfCauchy(1.0), NORMAL), 1, lambda: math.inf),
    "Levy": (lambda: (dist.Levy(0.0, 1.0), NORMAL), 1, lambda: math.inf),
    "shifted Cauchy": (lambda: (dist.TransformedDistribution(dist.Cauchy(0.0, 1.0), dist.transforms.AffineTransform(1.0, 1.0)),
                                dist.Cauchy(0.0, 1.0)), 1, lambda: 1.0),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", those(["Beta, poles", "Pareto", "a far part of weight 1e-6", "sigmoid of a normal", "Levy"], HARD)
)
def test_hard_laws(name):
    make, order, truth = HARD[name]
    with jax.enable_x64(True):
        p, q = make()
        value, error = exact.with_error(exact.wasserstein, p, q, order=order)
        assert float(error) <= float(accuracy.tolerance(value)) or math.isinf(float(value))
    assert float(value) == pytest.approx(truth(), rel=1e-9)


@pytest.mark.slow
def test_where_quantiles_change_places_is_an_edge_of_the_quadrature():
    """``|x - y|`` has a kink there, of which a rule that does not know it gets nine digits: ``integral of |F - G|`` by mpmath."""
    with mpmath.workdps(30):
        between = lambda x: mpmath.exp(-x) - mpmath.exp(-3 * x) * (1 + 3 * x + 4.5 * x * x)  # noqa: E731
        crossing = mpmath.findroot(between, 1.0)
        # Both have the mean 1: what one is ahead before the crossing the other is after it.
        truth = 2 * abs(mpmath.quad(between, [0, crossing]))
    with jax.enable_x64(True):
        value, error = exact.with_error(exact.wasserstein, EXPONENTIAL, dist.Gamma(3.0, 3.0))
    assert float(value) == pytest.approx(float(truth), rel=1e-13)
    assert float(error) < 1e-13


@pytest.mark.slow
def test_where_a_map_leaves_a_point_in_place_is_an_edge_of_the_quadrature():
    """Logistic laws at 0 and 1/2 of scales 1 and 2: ``E|1/2 + Z| = 2 log(2 cosh 1/4)``, with a kink where ``Z = -1/2``."""
    with jax.enable_x64(True):
        value, error = exact.with_error(exact.wasserstein, dist.Logistic(0.0, 1.0), dist.Logistic(0.5, 2.0))
    assert float(value) == pytest.approx(2 * math.log(2 * math.cosh(0.25)), rel=1e-13)
    assert float(error) < 1e-13


@pytest.mark.slow
def test_what_lies_beyond_the_last_level_is_part_of_the_value():
    """In single precision 2 % of W1(Pareto(1, 1.05), Pareto(1, 3)), the difference of their means 21 and 1.5, is beyond it."""
    value, error = exact.with_error(exact.wasserstein, dist.Pareto(1.0, 1.05), dist.Pareto(1.0, 3.0))
    assert float(value) == pytest.approx(19.5, rel=1e-5)
    assert float(error) < 1e-4


@pytest.mark.exhaustive
def test_gradients_in_shapes_and_edges():
    """Where one law lies to the right of the other, the gradient of W1 is that of the difference of their means."""
    with jax.enable_x64(True):
        beta = jax.grad(lambda a: exact.wasserstein(dist.Beta(a, 1.0), UNIFORM))(2.0)
        assert float(beta) == pytest.approx(1 / 9, rel=1e-9)
        gamma = jax.grad(lambda a: exact.wasserstein(dist.Gamma(a, 1.0), dist.Gamma(0.5, 1.0)))(0.7)
        assert float(gamma) == pytest.approx(1.0, rel=1e-9)
        # Half of the quantiles of Beta(a, 0.1) are 1 to rounding; what moves them is the map.
        below = dist.Uniform(-3.0, -2.0)

        def moved(loc, scale):
            map_to = dist.transforms.AffineTransform(loc, scale)
            return exact.wasserstein(dist.TransformedDistribution(dist.Beta(2.0, 0.1), map_to), below)

        by_loc, by_scale = jax.grad(moved, (0, 1))(5.0, -1.5)
        assert float(by_loc) == pytest.approx(1.0, rel=1e-9)
        assert float(by_scale) == pytest.approx(2.0 / 2.1, rel=1e-9)
        # W2^2 of U(0, t) and Exp(1): 2 + t^2 / 3 - 2 t E[u (-log(1 - u))] with 3/4.
        edge = jax.grad(lambda t: exact.wasserstein(dist.Uniform(0.0, t), EXPONENTIAL, order=2))(1.7)
        truth = (1.7 / 3 - 3 / 4) / math.sqrt(2 + 1.7**2 / 3 - 1.5 * 1.7)
        assert float(edge) == pytest.approx(truth, rel=1e-9)


@pytest.mark.slow
def test_vmap_over_a_shift():
    """W2 of N(m, 1) and a centred Laplace law: ``sqrt(c + m^2)``, with its gradient."""
    with jax.enable_x64(True):
        m = jnp.linspace(-2.0, 2.0, 3)
        distance = jax.value_and_grad(lambda m: exact.wasserstein(dist.Normal(m, 1.0), dist.Laplace(0.0, 1.0), order=2))
        values, slopes = jax.jit(jax.vmap(distance))(m)
    np.testing.assert_allclose(values**2 - m**2, np.full(3, values[1] ** 2), rtol=1e-10)
    np.testing.assert_allclose(slopes, m / values, rtol=1e-10, atol=1e-12)


@pytest.mark.exhaustive
def test_what_is_refused_does_not_depend_on_the_unit_of_the_data():
    """In single precision the estimate exceeds 1e-4 of this distance. In small units any error was within an absolute 2e-6."""

    @jax.jit
    def of(unit):
        return exact.wasserstein(dist.Gamma(0.02, 1.0 / unit), dist.Gamma(0.03, 1.0 / unit))

    assert [bool(jnp.isnan(of(unit))) for unit in (1.0, 1e-6, 1e9)] == [True] * 3


@pytest.mark.slow
def test_energy_distance_of_hard_laws():
    """Against ``2 integral of (F - G)^2`` by mpmath, and the gradient at a point mass inside a mixture."""
    with mpmath.workdps(30):
        cauchy = lambda x: mpmath.atan(x) / mpmath.pi + mpmath.mpf(1) / 2  # noqa: E731
        points = [-mpmath.inf, -1000, -30, -5, -2, 0, 2, 5, 30, 1000, mpmath.inf]
        truth = float(mpmath.quad(lambda x: 2 * (cauchy(x) - mpmath.ncdf(x)) ** 2, points))
        spike = lambda x: 2 * (x**2 - x + mpmath.mpf(1) / 2) - mpmath.mpf(1) / 3  # noqa: E731
    with jax.enable_x64(True):
        assert float(exact.energy_distance(dist.Cauchy(0.0, 1.0), NORMAL)) == pytest.approx(truth, rel=1e-9)
        value, slope = jax.value_and_grad(lambda v: exact.energy_distance(UNIFORM, dist.Delta(v)))(0.25)
    assert float(value) == pytest.approx(float(spike(0.25)), rel=1e-9)
    assert float(slope) == pytest.approx(2 * (2 * 0.25 - 1), rel=1e-9)
