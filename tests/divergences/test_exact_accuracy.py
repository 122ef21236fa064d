"""Values of laws that are singular at an end, very wide or bent: right, with an error that holds, or refused."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import transforms
from scipy import stats
from scipy.integrate import quad
from scipy.special import betaln, digamma, gammaln

from gan_jax.divergences import accuracy, exact
from gan_jax.divergences.accuracy import ExactValue
from gan_jax.typing import Array
from tests.tiers import some


def _gamma_kl(a):
    """``KL(Gamma(a) || Exp(1))``: the terms in x cancel."""
    return (a - 1) * digamma(a) - gammaln(a)


def _beta_kl(a):
    """``KL(Beta(a, a) || U(0, 1))``: minus an entropy."""
    return 2 * (a - 1) * (digamma(a) - digamma(2 * a)) - betaln(a, a)


# Closed forms; else by mpmath with 25 digits, in x on panels around every scale, in log x, or in the logit of x.
SINGULAR_OR_WIDE = {
    "Gamma(.02), Exp": (exact.kl, lambda: (dist.Gamma(0.02, 1.0), dist.Exponential(1.0)), _gamma_kl(0.02)),
    "Gamma(.1), Exp": (exact.kl, lambda: (dist.Gamma(0.1, 1.0), dist.Exponential(1.0)), _gamma_kl(0.1)),
    "Gammas": (exact.jensen_shannon, lambda: (dist.Gamma(0.02, 1.0), dist.Gamma(0.03, 1.0)), 0.01970369977455771),
    "Beta(.1, .1), U": (exact.kl, lambda: (dist.Beta(0.1, 0.1), dist.Uniform(0.0, 1.0)), _beta_kl(0.1)),
    "JS of Beta(.1, .1), U": (
        exact.jensen_shannon,
        lambda: (dist.Beta(0.1, 0.1), dist.Uniform(0.0, 1.0)),
        0.309076885696525,
    ),
    # In units of the logarithm of their ratio, Levy laws are inverse gammas of concentration 1/2.
    "Levys": (
        exact.kl,
        lambda: (dist.Levy(0.0, 12.375), dist.Levy(0.0, 2.0)),
        0.5 * (np.log(12.375 / 2.0) + 2.0 / 12.375 - 1.0),
    ),
    "LogNormals": (exact.kl, lambda: (dist.LogNormal(0.0, 8.0), dist.LogNormal(1.0, 8.0)), 1 / 128),
    "AsymmetricLaplace": (
        exact.jensen_shannon,
        lambda: (dist.AsymmetricLaplace(0.0, 1.0, 2.0), dist.Normal(0.3, 1.2)),
        0.16104783416808075,
    ),
    # Its own end at 0 is the image of infinity; 38 digits, in the logarithm.
    "InverseGamma, LogNormal": (
        exact.kl,
        lambda: (dist.InverseGamma(5.46484375, 0.406005859375), dist.LogNormal(-3.00390625, 1.330078125)),
        0.7309327153,
    ),
    "truncated Cauchy": (
        exact.jensen_shannon,
        lambda: (dist.TruncatedCauchy(0.0, 1e-5, low=-2.0, high=3.0), dist.Uniform(-2.0, 3.0)),
        0.6881610962185890,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", some(SINGULAR_OR_WIDE, 3))
def test_laws_that_are_singular_or_wide(name):
    divergence, make, truth = SINGULAR_OR_WIDE[name]
    with jax.enable_x64(True):
        value, error = exact.with_error(divergence, *make())
    assert float(value) == pytest.approx(truth, rel=1e-9)
    assert abs(float(value) - truth) <= float(error) + 2e-10 * truth


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [
        lambda: (dist.Beta(0.5, 0.5), dist.Uniform(0.0, 1.0)),
        lambda: (dist.Gamma(0.3, 1.0), dist.Exponential(1.0)),
    ],
    ids=["x^-1", "x^-1.4"],
)
def test_chi_squared_diverges_at_a_finite_end(make):
    """``p^2 / q`` is ``x^(2 a - 2)`` at 0: not integrable for ``a <= 1/2``."""
    assert float(exact.chi_squared(*make())) == np.inf


def _mixture(w):
    return dist.MixtureSameFamily(
        dist.Categorical(probs=jnp.stack([w, 1.0 - w])), dist.Normal(jnp.asarray([0.0, 5.0]), 1.0)
    )


@pytest.mark.slow
def test_a_weight_of_zero_has_its_one_sided_derivative():
    """``d KL / dw = integral of (f_0 - f_1) log(p / q)``: polynomials under normals, where ``p`` is one of the two."""
    with jax.enable_x64(True):
        slopes = jax.vmap(jax.grad(lambda w: exact.kl(_mixture(w), dist.Normal(0.0, 3.0))))(jnp.asarray([0.0, 1.0]))
    # log p / q = c - (x - a)^2 / 2 + x^2 / 18 with a = 5 at weight 0 and a = 0 at weight 1.
    at = [(-(1 + (0 - a) ** 2) / 2 + 1 / 18) - (-(1 + (5 - a) ** 2) / 2 + 26 / 18) for a in (5.0, 0.0)]
    np.testing.assert_allclose(np.asarray(slopes), at, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("distance", "slope"),
    some([(exact.total_variation, math.erf(5.0 / math.sqrt(8.0))), (exact.wasserstein, 5.0)], 2),
)
def test_a_distance_has_no_derivative_in_a_weight_of_zero_where_the_laws_coincide(distance, slope) -> None:
    # w N(5, 1) + (1 - w) N(0, 1) is w |N(5, 1) - N(0, 1)| from N(0, 1): on one side of 0 alone.
    def of_weight(w, loc):
        probs = jnp.stack([w, 1.0 - w])
        mixture = dist.MixtureSameFamily(dist.Categorical(probs=probs), dist.Normal(jnp.stack([loc, 0.0]), jnp.ones(2)))
        return distance(mixture, dist.Normal(0.0, 1.0))

    at = jnp.asarray([0.0, 1e-3])
    values, (slopes, moves) = jax.vmap(jax.value_and_grad(of_weight, (0, 1)), (0, None))(at, jnp.asarray(5.0))
    np.testing.assert_allclose(values, slope * at, rtol=1e-5)
    assert np.isnan(slopes[0])
    np.testing.assert_allclose(slopes[1], slope, rtol=1e-5)
    # The mode that has no weight may be anywhere.
    assert moves[0] == 0


@pytest.mark.slow
def test_a_weight_of_zero_has_its_one_sided_derivative_in_an_image_of_a_mixture():
    """An affine map changes no divergence; of a folded one the same integral, by SciPy."""

    def moved(law):
        return dist.TransformedDistribution(law, transforms.AffineTransform(1.0, -2.0))

    def folded(w):
        return exact.kl(dist.FoldedDistribution(_mixture(w)), dist.HalfNormal(3.0))

    def parts(x):
        return [stats.norm.pdf(x, a) + stats.norm.pdf(-x, a) for a in (0.0, 5.0)]

    def change(x, at):
        f = parts(x)
        return (f[0] - f[1]) * np.log(f[at] / (2 * stats.norm.pdf(x, scale=3)))

    with jax.enable_x64(True):
        w = jnp.asarray([0.0, 1.0])
        affine = jax.vmap(jax.grad(lambda w: exact.kl(moved(_mixture(w)), moved(dist.Normal(0.0, 3.0)))))(w)
        slopes = jax.vmap(jax.grad(folded))(w)
    at = [(-(1 + (0 - a) ** 2) / 2 + 1 / 18) - (-(1 + (5 - a) ** 2) / 2 + 26 / 18) for a in (5.0, 0.0)]
    np.testing.assert_allclose(np.asarray(affine), at, rtol=1e-9)
    truth = [sum(quad(change, low, low + 3, args=(at,))[0] for low in range(0, 18, 3)) for at in (1, 0)]
    np.testing.assert_allclose(np.asarray(slopes), truth, rtol=1e-8)


@pytest.mark.slow
def test_second_derivatives_are_right_or_nan():
    """Of the exponent of ``H^2``; ``erf(m / sqrt 8)`` has one as well, which comes from a root that is held."""

    def second(f):
        return float(jax.jit(jax.grad(jax.grad(lambda m: f(dist.Normal(0.0, 1.0), dist.Normal(m, 1.0)))))(1.3))

    def through_the_line(p, q):
        return exact.squared_hellinger(
            *(dist.TransformedDistribution(law, transforms.ExpTransform()) for law in (p, q))
        )

    def laplace(p, q):
        return exact.wasserstein(dist.Laplace(0.0, 1.0), q)

    with jax.enable_x64(True):
        m = 1.3
        assert second(through_the_line) == pytest.approx(np.exp(-m * m / 8) * (1 / 4 - m * m / 16), rel=1e-9)
        # E|X - m| has the second derivative 2 phi(m), all of which comes from the kink; a quadratic has one that does not.
        kink = second(lambda p, q: exact.kl(p, dist.Laplace(q.loc, 1.0)))
        assert kink == pytest.approx(2 * stats.norm.pdf(m), rel=1e-9)
        assert second(lambda p, q: exact.kl(dist.AsymmetricLaplace(q.loc, 1.0, 2.0), p)) == pytest.approx(1, rel=1e-9)
        assert np.isnan(second(exact.total_variation))
        assert np.isnan(second(laplace))


@pytest.mark.slow
@pytest.mark.parametrize("x64", some([True, False], 2))
def test_total_variation_follows_the_edges_of_supports(x64):
    """``TV(U(0, 1), U(m, 1 + m)) = m`` and ``TV(U(0, 1), U(0, t)) = 1 - 1 / t``: slopes 1 and ``1 / t^2``."""
    with jax.enable_x64(x64):
        unit = dist.Uniform(0.0, 1.0)
        moved = jax.jit(jax.vmap(jax.grad(lambda m: exact.total_variation(unit, dist.Uniform(m, 1.0 + m)))))
        grown = jax.jit(jax.vmap(jax.grad(lambda t: exact.total_variation(unit, dist.Uniform(0.0, t)))))
        m, t = jnp.asarray(np.linspace(0.05, 0.95, 12)), jnp.asarray([1.3, 1.7, 2.9])
        np.testing.assert_allclose(np.asarray(moved(m)), 1.0, rtol=2e-5)
        np.testing.assert_allclose(np.asarray(grown(t)), 1.0 / np.square(np.asarray(t)), rtol=2e-5)


@pytest.mark.slow
def test_a_singular_law_that_moves():
    """The gradient of a pole's position, against central differences of the values."""

    def js(m):
        moved = dist.TransformedDistribution(dist.Gamma(0.3, 1.0), transforms.AffineTransform(m, 1.0))
        return exact.jensen_shannon(moved, dist.Normal(0.0, 1.0))

    with jax.enable_x64(True):
        f = jax.jit(jax.vmap(jax.value_and_grad(js)))
        values, slopes = f(jnp.asarray([0.2 - 1e-5, 0.2, 0.2 + 1e-5]))
    assert float(slopes[1]) == pytest.approx(float(values[2] - values[0]) / 2e-5, rel=1e-6)


def test_a_value_with_too_large_an_error_is_refused_or_nan():
    p, q = dist.Normal(0.0, 1.0), dist.Normal(1.0, 1.0)
    rough = ExactValue(jnp.asarray(0.5), jnp.asarray(1e-3))
    with pytest.raises(
        ValueError, match=r"kl of Normal and Normal is 0.5 with an error of up to 0.001; expected at most"
    ):
        accuracy.accepted("kl", rough, p, q)
    assert np.isnan(jax.jit(lambda r: accuracy.accepted("kl", r, p, q))(rough))
    assert float(jax.jit(lambda r: accuracy.accepted("kl", r, p, q))(rough._replace(error=jnp.asarray(1e-6)))) == 0.5


def test_laws_that_are_none_are_refused():
    unit = dist.Uniform(0.0, 1.0)
    with pytest.raises(ValueError, match=r"p, a Uniform, has low = 1.0 and high = 0.0; expected low below high"):
        exact.kl(dist.Uniform(1.0, 0.0), unit)
    with pytest.raises(ValueError, match=r"q is a HurdleGamma, which has no density of mass 1"):
        exact.kl(unit, dist.HurdleGamma(0.5, 1.0, 1.0))
    with pytest.raises(ValueError, match=r"divergence is .*; expected one of exact.kl, "):
        exact.with_error(max, unit, unit)


@pytest.mark.slow
@pytest.mark.parametrize("double", [False, True])
def test_a_tail_that_ends_at_the_smallest_number_is_error_or_infinite(double: bool) -> None:
    """``E X^2`` of Student's law is ``df / (df - 2)``; against a normal its integrand decays like ``|x|^{1 - df} dx``.

    Its density is below the smallest number before that has happened: what is left was neither counted nor said to be missing.
    """

    def of(df: float) -> ExactValue:
        return exact.with_error(exact.kl, dist.StudentT(df, 0.0, 1.0), dist.Normal(0.0, 1.0))

    def truth(df: float) -> float:
        entropy = float(stats.t(df).entropy())
        return 0.5 * math.log(2.0 * math.pi) + 0.5 * df / (df - 2.0) - entropy

    with jax.enable_x64(double):
        assert float(of(2.0).value) == math.inf
        for df in (2.01, 2.1, 2.5):
            value, error = of(df)
            rounding = 1e-9 if double else 1e-5
            assert abs(float(value) - truth(df)) <= float(error) + rounding * truth(df)
        assert float(of(2.01).error) > 1e-3 * truth(2.01)


@pytest.mark.slow
def test_a_normal_truncated_in_its_upper_tail_is_the_mirror_image_of_one_in_its_lower_tail() -> None:
    """mpmath, 30 digits. By NumPyro's normaliser the density is infinite there, and the divergence was too."""
    with jax.enable_x64(True):
        uniform, law = dist.Uniform(20.0, 21.0), dist.TruncatedNormal(0.0, 1.0, low=20.0, high=21.0)
        np.testing.assert_allclose(exact.kl(law, uniform), 2.000686178218605, rtol=1e-12)
        np.testing.assert_allclose(exact.wasserstein(law, uniform), 0.4502469323394159, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("double", some([False, True], 2))
def test_a_density_that_falls_like_the_exponential_of_an_exponential(double: bool) -> None:
    """``log q ~ -e^{-x}``, which overflows; times ``p ~ e^{-1.2 |x|}`` it decays and adds up, times ``e^{-0.8 |x|}`` it does not."""
    with jax.enable_x64(double):
        gumbel = dist.Gumbel(0.0, 1.0)
        assert float(exact.kl(dist.Laplace(0.0, 1.25), gumbel)) == math.inf
        # E[X + e^-X] less the entropy 1 + log 2 s of a Laplace law of scale s.
        scale = 1.0 / 1.2
        truth = 1.0 / (1.0 - scale**2) - 1.0 - math.log(2.0 * scale)
        value, error = exact.with_error(exact.kl, dist.Laplace(0.0, scale), gumbel)
        assert abs(float(value) - truth) <= float(error) + (1e-12 if double else 1e-4)
        # E X does not exist.
        assert float(exact.kl(dist.Pareto(1.0, 0.43), dist.Exponential(1.0))) == math.inf


@pytest.mark.slow
@pytest.mark.parametrize("double", [True, False], ids=["float64", "float32"])
@pytest.mark.parametrize("scale", [0.5, 0.8, 0.9, 0.97, 0.99])
def test_a_logarithm_that_leaves_its_type_before_the_integrand_has_decayed_is_error(double: bool, scale: float) -> None:
    """``E e^{-X} = 1 / (1 - s^2)`` for a Laplace law, whose tail in KL to a Gumbel is ``e^{-x (1 / s - 1)}``: ``log q`` ends before it."""
    truth = -math.log(2.0 * scale) - 1.0 + 1.0 / (1.0 - scale**2)
    with jax.enable_x64(double):
        value, error = exact.with_error(exact.kl, dist.Laplace(0.0, scale), dist.Gumbel(0.0, 1.0))
        assert abs(float(value) - truth) <= float(error) + 32 * float(jnp.finfo(value.dtype).eps) * truth
        # What is known is returned: nothing is refused that does not need those tails.
        assert (error <= accuracy.tolerance(value)) == (scale < (0.98 if double else 0.85))


@pytest.mark.slow
@pytest.mark.parametrize(("double", "scale"), [(False, 5.0), (False, 7.6), (False, 12.0), (True, 20.0)])
def test_a_logarithm_beyond_its_type_is_no_place_without_mass(double: bool, scale: float) -> None:
    """``E[X + e^-X]`` less an entropy: ``e^{s^2 / 2}`` or so. It was infinite, with no error."""
    truth = math.exp(0.5 * scale**2) - 0.5 * math.log(2.0 * math.pi * math.e * scale**2)
    with jax.enable_x64(double):
        value, error = exact.with_error(exact.kl, dist.Normal(0.0, scale), dist.Gumbel(0.0, 1.0))
        assert value < math.inf
        assert abs(float(value) - truth) <= float(error) + (1e-9 if double else 1e-5) * truth
        # Of N(0, 12^2) the range ends before the peak, of N(0, 7.6^2) soon after it.
        assert (error <= accuracy.tolerance(value)) == (scale in (5.0, 20.0))


@pytest.mark.slow
@pytest.mark.parametrize("double", [False, True])
def test_no_mass_on_one_side_is_not_made_up_for_by_a_decay_on_the_other(double: bool) -> None:
    """A Gompertz law has no mass below 0; above, ``log q`` leaves its range in the decay of ``e^{-2 x} e^x``."""
    with jax.enable_x64(double):
        value, error = exact.with_error(exact.kl, dist.Laplace(0.0, 0.5), dist.Gompertz(1.0, 1.0))
        assert math.inf in (value, error)


@pytest.mark.slow
def test_outside_all_components_a_mixture_has_no_gradient() -> None:
    """``KL(w U(0, 1) + (1 - w) U(1, 2) || N(0, 1))``: ``w log w + (1 - w) log(1 - w)`` and half of ``E X^2``, 1/3 or 7/3."""

    def kl(w: Array) -> Array:
        parts = [dist.Uniform(0.0, 1.0), dist.Uniform(1.0, 2.0)]
        mixing = dist.Categorical(probs=jnp.stack([w, 1.0 - w]))
        mixture = dist.MixtureGeneral(mixing, parts, support=dist.constraints.real)
        return exact.kl(mixture, dist.Normal(0.0, 1.0))

    with jax.enable_x64(True):
        assert float(jax.grad(kl)(0.3)) == pytest.approx(math.log(0.3 / 0.7) - 1.0, rel=1e-9)


class _Doubled(dist.Normal):
    """A density of mass 2, of which nothing can be concluded."""

    def log_prob(self, value: Array) -> Array:
        return super().log_prob(value) + math.log(2.0)


def test_nothing_follows_from_a_density_whose_mass_is_not_one() -> None:
    with pytest.raises(ValueError, match="kl of Cauchy and _Doubled may be infinite, which nothing"):
        exact.kl(dist.Cauchy(0.0, 1.0), _Doubled(0.0, 1.0))


@pytest.mark.parametrize("apart", [1e-1, 1e-3, 1e-4, 1e-6])
@pytest.mark.parametrize("correlation", [0.4, 0.99])
def test_gaussians_that_hardly_differ(correlation, apart):
    """``W_2``, KL and ``H^2`` in single precision, against 40 digits of the same roots: covariances, rounded, differ by their rounding."""
    covariance = np.asarray([[1.0, correlation], [correlation, 1.0]])
    roots = [np.linalg.cholesky(covariance + e * np.eye(2)).astype(np.float32) for e in (0.0, apart)]
    with mpmath.workdps(40):
        a, b = (root * root.T for root in (mpmath.matrix(root.astype(float).tolist()) for root in roots))
        trace = sum((a + b)[k, k] - 2 * mpmath.sqrt(mpmath.re(mpmath.eig(a * b, right=False)[k])) for k in range(2))
        ratio, middle = b**-1 * a, (a + b) / 2
        kl = (ratio[0, 0] + ratio[1, 1] - 2 - mpmath.log(mpmath.det(ratio))) / 2
        overlap = mpmath.sqrt(mpmath.sqrt(mpmath.det(a) * mpmath.det(b)) / mpmath.det(middle))
        truth = [float(mpmath.sqrt(trace)), float(kl), float(1 - overlap)]
    p, q = (dist.MultivariateNormal(jnp.zeros(2), scale_tril=jnp.asarray(root)) for root in roots)
    found = [exact.wasserstein(p, q, order=2), exact.kl(p, q), exact.squared_hellinger(p, q)]
    np.testing.assert_allclose(np.asarray(found), truth, rtol=5e-5 if apart > 1e-2 else 2e-6)


def test_gradients_of_gaussians_that_hardly_differ():
    """Of ``N(0, diag(1, s^2))`` in ``s``: ``W_2 = s - 1``, ``KL(q | p) = (s^2 - 1) / 2 - log s``."""
    of = lambda s: dist.MultivariateNormal(jnp.zeros(2), scale_tril=jnp.diag(jnp.stack([jnp.ones_like(s), s])))  # noqa: E731
    s, p = jnp.float32(1.0001), of(jnp.float32(1.0))
    np.testing.assert_allclose(jax.grad(lambda s: exact.wasserstein(p, of(s), order=2))(s), 1.0, rtol=1e-5)
    np.testing.assert_allclose(
        jax.grad(lambda s: exact.kl(of(s), p))(s), np.float64(s) - 1.0 / np.float64(s), rtol=1e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize("s", [1e-2, 1e-3, 1e-4])
def test_thin_slanted_gaussians(s):
    """``L = [[1, 0], [3/4, s]]`` against a standard normal, in single precision: closed forms in ``tr``, ``det`` and their gradients."""
    root = np.asarray([[1.0, 0.0], [0.75, s]], np.float32)
    standard = dist.MultivariateNormal(jnp.zeros(2), scale_tril=jnp.eye(2))

    def thin(s):
        return dist.MultivariateNormal(jnp.zeros(2), scale_tril=jnp.asarray(root).at[1, 1].set(s))

    s = float(root[1, 1])
    trace, det = 1.0 + 0.75**2 + s * s, s * s
    kl = 0.5 * (trace - 2.0 - math.log(det))
    # det((A + I) / 2) = (1 + tr A + det A) / 4; det(2 I - A) = 4 - 2 tr A + det A.
    hellinger = 1.0 - det**0.25 / math.sqrt((1.0 + trace + det) / 4.0)
    chi = 1.0 / math.sqrt(det * (4.0 - 2.0 * trace + det)) - 1.0
    for f, truth, slope in (
        (exact.kl, kl, s - 1.0 / s),
        (exact.squared_hellinger, hellinger, None),
        (exact.chi_squared, chi, None),
    ):
        value, gradient = jax.value_and_grad(lambda s, f=f: f(thin(s), standard))(jnp.float32(s))
        assert float(value) == pytest.approx(truth, rel=1e-4)
        assert np.isfinite(gradient)
        if slope is not None:
            assert float(gradient) == pytest.approx(slope, rel=1e-3)
    reverse = 0.5 * ((trace / det) - 2.0 + math.log(det))
    assert float(exact.kl(standard, thin(jnp.float32(s)))) == pytest.approx(reverse, rel=1e-4)


@pytest.mark.slow
def test_thin_gaussians_that_differ_are_not_the_same():
    """Their covariances agree to rounding, and one is twice as thin: with ``(x_2 - 3/4 x_1) / s`` in place of ``x_2``, JS on the line."""
    roots = [jnp.asarray([[1.0, 0.0], [0.75, s]], jnp.float32) for s in (3e-4, 6e-4)]
    p, q = (dist.MultivariateNormal(jnp.zeros(2), scale_tril=root) for root in roots)
    try:
        found = exact.jensen_shannon(p, q)
    except ValueError as refusal:
        assert "jensen_shannon" in str(refusal)  # noqa: PT017
    else:
        line = exact.jensen_shannon(dist.Normal(0.0, 1.0), dist.Normal(0.0, 2.0))
        assert float(found) == pytest.approx(float(line), rel=1e-4)
    modes = [
        dist.MixtureSameFamily(
            dist.Categorical(probs=jnp.asarray([0.5, 0.5])),
            dist.MultivariateNormal(jnp.asarray([[0.0, 0.0], [50.0, 0.0]]), scale_tril=jnp.stack([root, root])),
        )
        for root in roots
    ]
    for one, other in ((p, q), modes):
        with pytest.raises(ValueError, match="wasserstein of"):
            exact.wasserstein(one, other)


def _rotated(values, seed=0):
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values), len(values))))
    return turn @ np.diag(values) @ turn.T


THIN = {
    "triangular": (np.asarray([[1.0, 0.0], [0.7, 1e-4]]), np.asarray([[1.0, 0.0], [0.70001, 1.5e-4]])),
    "symmetric": (_rotated([1.0, 1.0, 1e-2]), _rotated([1.0, 1.0, 2e-2])),
    "thin twice": (_rotated([1.0, 1e-3, 2e-3]), _rotated([1.0, 2e-3, 1e-3])),
    "by other roots": (_rotated([1.0, 0.5, 0.3]), np.linalg.cholesky(_rotated([1.0, 0.25, 0.1]))),
    "wide": (_rotated([1e6, 5e5, 3e5]), _rotated([1e6, 2e5, 1e5], 1)),
    "small": (_rotated([1e-12, 5e-13, 3e-13]), _rotated([1e-12, 2e-13, 1e-13], 1)),
}


@pytest.mark.parametrize("name", THIN)
def test_w2_of_thin_gaussians_in_single_precision(name):
    """``W2^2 = ||C||^2 + ||D||^2 - 2 ||C^T D||_*`` (nuclear norm) in 50 digits; it was up to 120 times too large, with an error of 0."""
    roots = [root.astype(np.float32) for root in THIN[name]]
    # Any root does, triangular or not.
    laws = [dist.MultivariateNormal(jnp.zeros(len(r)), scale_tril=jnp.asarray(r), validate_args=False) for r in roots]
    value, error = (float(a) for a in exact.with_error(exact.wasserstein, *laws, order=2))
    with mpmath.workdps(50):
        c, d = (mpmath.matrix(root.astype(float).tolist()) for root in roots)
        squares = mpmath.fsum(x * x for root in (c, d) for x in root)
        truth = float(mpmath.sqrt(squares - 2 * mpmath.fsum(mpmath.svd_r(c.T * d, compute_uv=False))))
    assert value == pytest.approx(truth, rel=2e-6)
    assert error <= 1e-4 * truth


@pytest.mark.parametrize("width", [1e-2, 1e-3, 1e-6])
def test_kl_of_thin_gaussians_is_right_or_refused(width):
    """``(tr(B^-1 A) - d - log det(B^-1 A)) / 2`` in 50 digits; of 10^-6 beside 1 the roots have a tenth left in single precision."""
    roots = [_rotated([1.0, 1.0, s]).astype(np.float32) for s in (width, 1.5 * width)]
    laws = [dist.MultivariateNormal(jnp.zeros(3), scale_tril=jnp.asarray(r), validate_args=False) for r in roots]
    with mpmath.workdps(50):
        a, b = (m * m.T for m in (mpmath.matrix(root.astype(float).tolist()) for root in roots))
        both = b**-1 * a
        truth = float((mpmath.fsum(both[i, i] for i in range(3)) - 3 - mpmath.log(mpmath.det(both))) / 2)
    value, error = (float(x) for x in exact.with_error(exact.kl, *laws))
    assert abs(value - truth) <= 4 * error + 1e-5 * truth
    if width < 1e-5:
        with pytest.raises(
            ValueError, match=r"kl of MultivariateNormal and MultivariateNormal is .* with an error of up to"
        ):
            exact.kl(*laws)
    else:
        assert float(exact.kl(*laws)) == pytest.approx(truth, rel=1e-4)


def test_the_gradient_of_w2_in_covariances():
    """``I - T`` with the optimal map ``T``, against differences of 50 digits; there is no second derivative, and it says so."""
    c, d = np.asarray([[1.0, 0.0], [0.7, 1e-2]]), np.asarray([[1.0, 0.0], [0.7, 2e-2]])

    def truth(x):
        with mpmath.workdps(50):
            left, right = mpmath.matrix((c * [[1.0, 1.0], [float(x), 1.0]]).tolist()), mpmath.matrix(d.tolist())
            squares = mpmath.fsum(x * x for root in (left, right) for x in root)
            return mpmath.sqrt(squares - 2 * mpmath.fsum(mpmath.svd_r(left.T * right, compute_uv=False)))

    with jax.enable_x64(True):
        scale = jnp.asarray([[0.0, 0.0], [1.0, 0.0]])

        def distance(x):
            root = jnp.asarray(c) * (1.0 + (x - 1.0) * scale)
            zero = jnp.zeros(2)
            return exact.wasserstein(
                dist.MultivariateNormal(zero, scale_tril=root),
                dist.MultivariateNormal(zero, scale_tril=jnp.asarray(d)),
                2,
            )

        slope, curvature = jax.grad(distance)(1.001), jax.grad(jax.grad(distance))(1.001)
    step = 1e-7
    assert float(slope) == pytest.approx(float((truth(1.001 + step) - truth(1.001 - step)) / (2 * step)), rel=1e-6)
    assert np.isnan(curvature)
