"""Distribution functions: every continuous law of NumPyro on the line, both tails, against SciPy; derivatives against mpmath."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import special, stats

from gan_jax.divergences.distribution_functions import tails
from tests.cases import cases
from tests.divergences.laws_of_numpyro import LAWS

# A tail that is a difference keeps its absolute accuracy alone, at an end of the support that is not 0.
ABSOLUTE = {"FoldedDistribution": 1e-15, "LogUniform": 1e-15}


def _points(frozen):
    """Where SciPy's quantiles of tails down to 1e-200 can be told from the end of the support."""
    sides = np.array([1e-200, 1e-30, 1e-9, 0.01, 0.2, 0.4])
    with np.errstate(all="ignore"):
        left, right = frozen.ppf(sides), frozen.isf(sides)
        keep_left = np.abs(frozen.cdf(left) / sides - 1) < 1e-10
        keep_right = np.abs(frozen.sf(right) / sides - 1) < 1e-10
    return np.concatenate([left[keep_left], right[keep_right]])


@pytest.mark.slow
@pytest.mark.parametrize("name", LAWS)
def test_both_tails_of_every_law(name):
    with jax.enable_x64(True):
        law, frozen = LAWS[name]()
        x = frozen.points if hasattr(frozen, "points") else _points(frozen)
        assert len(x) >= 4
        with np.errstate(all="ignore"):
            middle = float(x[np.argmin(np.abs(frozen.cdf(x) - 0.5))])
        lower, upper = jax.jit(jax.vmap(tails, (None, 0)))(law, jnp.asarray(x))
        slope, log_density = jax.jit(lambda x: (jax.grad(lambda x: tails(law, x)[0])(x), law.log_prob(x)))(middle)
    # The points are rounded, and so is what SciPy makes of them far out; truncations subtract here.
    relative = 1e-7 if hasattr(frozen, "points") else 1e-9
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(lower, frozen.cdf(x), rtol=relative, atol=ABSOLUTE.get(name, 1e-305))
        np.testing.assert_allclose(upper, frozen.sf(x), rtol=relative, atol=ABSOLUTE.get(name, 1e-305))
    assert float(slope) == pytest.approx(np.exp(float(log_density)), rel=1e-6)


def _derivative(of, at):
    """Central difference in 40 digits."""
    h = mpmath.mpf(10) ** -12
    return float((of(at + h) - of(at - h)) / (2 * h))


# P(X <= x) in mpmath as a function of the shape, the law, the shape, points.
SHAPES = {
    "Beta, first": (lambda x: lambda a: mpmath.betainc(a, 0.3, 0, x, regularized=True), lambda a: dist.Beta(a, 0.3), 0.1),
    "Beta, second": (lambda x: lambda b: mpmath.betainc(2, b, 0, x, regularized=True), lambda b: dist.Beta(2.0, b), 30.0),
    "Gamma": (lambda x: lambda a: mpmath.gammainc(a, 0, x, regularized=True), lambda a: dist.Gamma(a, 1.0), 0.3),
    "Gamma, large": (lambda x: lambda a: mpmath.gammainc(a, 0, 50 * x, regularized=True), lambda a: dist.Gamma(a, 50.0), 40.0),
    "Chi2": (lambda x: lambda k: mpmath.gammainc(k / 2, 0, x / 2, regularized=True), dist.Chi2, 3.0),
    "InverseGamma": (lambda x: lambda a: mpmath.gammainc(a, 1 / x, mpmath.inf, regularized=True), lambda a: dist.InverseGamma(a, 1.0), 2.5),
    "StudentT": (
        lambda x: lambda k: 1 - mpmath.betainc(k / 2, 0.5, 0, k / (k + x**2), regularized=True) / 2,
        lambda k: dist.StudentT(k, 0.0, 1.0),
        2.5,
    ),
    "Kumaraswamy": (lambda x: lambda a: 1 - (1 - x**a) ** 2, lambda a: dist.Kumaraswamy(a, 2.0), 0.4),
    "Dagum": (lambda x: lambda a: (1 + x**-a) ** -2, lambda a: dist.Dagum(2.0, a, 1.0), 1.5),
    "Weibull": (lambda x: lambda k: 1 - mpmath.exp(-(x**k)), lambda k: dist.Weibull(1.0, k), 0.7),
    "Pareto": (lambda x: lambda a: 1 - (x / mpmath.mpf(1e-9)) ** -a, lambda a: dist.Pareto(1e-9, a), 1.5),
}  # fmt: skip


@pytest.mark.slow
@cases("name", SHAPES)
def test_derivatives_in_the_shape(name):
    truth, law, shape = SHAPES[name]
    points = [1e-7, 0.02, 0.3, 0.6, 0.97]
    with mpmath.workdps(40):
        slopes = [_derivative(truth(mpmath.mpf(x)), mpmath.mpf(shape)) for x in points]
    with jax.enable_x64(True):
        slope = jax.jacfwd(lambda shape, x: jnp.stack(tails(law(shape), x)))
        ours, complement = jax.jit(jax.vmap(slope, (None, 0), 1))(shape, jnp.asarray(points))
    np.testing.assert_allclose(ours, slopes, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(complement, -ours, rtol=1e-9, atol=1e-15)


def test_derivatives_where_a_point_times_a_rate_is_below_the_smallest_number():
    with jax.enable_x64(True):
        slope = jax.jit(jax.vmap(jax.grad(lambda rate, x: tails(dist.Gamma(0.1, rate), x)[0]), (None, 0)))
        # d/dr P(a, r x) = x f, and P(a, z) = z^a / Gamma(a + 1) near 0.
        x = np.array([1e-200, 3e-308])
        found = slope(0.004, jnp.asarray(x))
    assert float(found[0]) == pytest.approx(float(x[0] ** 0.1 * 0.004**-0.9 / special.gamma(0.1)), rel=1e-9)
    assert float(found[1]) == 0.0


@pytest.mark.slow
def test_laws_made_from_others():
    """A falling image, an image of an image, a truncation far out, a mixture with a point: by hand."""
    affine, exponential = dist.transforms.AffineTransform, dist.transforms.ExpTransform
    normal = dist.Normal(0.0, 1.0)
    with jax.enable_x64(True):
        # -e^Z lies below 0.
        fallen = dist.TransformedDistribution(normal, [exponential(), affine(0.0, -1.0)])
        np.testing.assert_allclose(tails(fallen, jnp.asarray(1.0)), (1.0, 0.0))
        np.testing.assert_allclose(
            tails(fallen, jnp.asarray(-2.0)), (stats.norm.sf(np.log(2)), stats.norm.cdf(np.log(2))), rtol=1e-12
        )
        # 1 / G near 0, where the slope of the map overflows.
        np.testing.assert_allclose(tails(dist.InverseGamma(2.5, 1.5), jnp.asarray(1e-200)), (0.0, 1.0))
        far = dist.TwoSidedTruncatedDistribution(normal, low=10.0, high=11.0)
        mass = float(mpmath.ncdf(-10) - mpmath.ncdf(-11))
        expected = float(mpmath.ncdf(-10) - mpmath.ncdf(-10.1)) / mass
        np.testing.assert_allclose(tails(far, jnp.asarray(10.1)), (expected, 1 - expected), rtol=1e-12)
        mixture = dist.MixtureGeneral(
            dist.Categorical(probs=jnp.asarray([0.25, 0.75])), [dist.Delta(0.5), normal], support=dist.constraints.real
        )
        np.testing.assert_allclose(
            [tails(mixture, jnp.asarray(x))[0] for x in (0.49, 0.5)],
            [0.75 * stats.norm.cdf(0.49), 0.25 + 0.75 * stats.norm.cdf(0.5)], rtol=1e-12,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("law", "message"),
    [
        (lambda: dist.Poisson(2.0), "Poisson is discrete; expected a law with a density, or Delta"),
        (lambda: dist.HurdleGamma(0.2, 1.0, 1.0), "HurdleGamma has no density of mass 1"),
        (lambda: dist.TruncatedPolyaGamma(), "TruncatedPolyaGamma has no density of mass 1"),
        (lambda: dist.Dirichlet(jnp.ones(3)), r"Dirichlet has event shape \(3,\); expected a law on the line"),
    ],
)
def test_refusals(law, message):
    with pytest.raises(ValueError, match=message):
        tails(law(), jnp.asarray(0.5))
