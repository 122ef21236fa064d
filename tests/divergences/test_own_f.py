"""f-divergences of one's own: the values of known ones, and of others by mpmath; whatever is none is refused."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpyro.distributions as dist
import pytest

from gan_jax import distributions, numerics
from gan_jax.divergences import exact
from gan_jax.typing import Array


def triangular(log_p: Array, log_q: Array) -> Array:
    """``(p - q)² / (p + q)``."""
    larger, r = jnp.maximum(log_p, log_q), jnp.abs(log_p - log_q)
    return jnp.exp(larger) * jnp.square(jnp.expm1(-r)) / (1.0 + jnp.exp(-r))


def kl(log_p: Array, log_q: Array) -> Array:
    """``p log(p / q) - p + q``."""
    r = log_p - log_q
    near = jnp.exp(log_p) * numerics.exp_remainder(-jnp.maximum(r, -1.0))
    return jnp.where(r > -1.0, near, jnp.exp(log_p) * (r - 1.0) + jnp.exp(log_q))


def pearson(log_p: Array, log_q: Array) -> Array:
    """``(p - q)² / q``."""
    r = jnp.abs(log_p - log_q)
    return jnp.exp(2.0 * jnp.maximum(log_p, log_q) - log_q) * jnp.square(jnp.expm1(-r))


def sixth_power(log_p: Array, log_q: Array) -> Array:
    """``q (u⁶ - 1 - 6 (u - 1))`` with ``u = p / q``, which is out of the range of single precision long before one density is nothing."""
    r = log_p - log_q
    near = jnp.minimum(r, 1.0)
    near = jnp.exp(log_q) * (jnp.expm1(6.0 * near) - 6.0 * jnp.expm1(near))
    return jnp.where(r > 1.0, jnp.exp(6.0 * log_p - 5.0 * log_q) + 5.0 * jnp.exp(log_q) - 6.0 * jnp.exp(log_p), near)


TRIANGULAR = exact.integrand(triangular, at_zero=1.0, at_infinity=1.0)
KL = exact.integrand(kl, at_zero=1.0, at_infinity=math.inf)
PEARSON = exact.integrand(pearson, at_zero=1.0, at_infinity=math.inf)
SIXTH_POWER = exact.integrand(sixth_power, at_zero=5.0, at_infinity=math.inf)


@pytest.mark.slow
def test_of_gaussians_and_of_uniforms() -> None:
    with mpmath.workdps(30):
        p, q = (lambda x, m=m: mpmath.npdf(x, m, 1) for m in (0, 1))
        truth = mpmath.quad(lambda x: (p(x) - q(x)) ** 2 / (p(x) + q(x)), [-mpmath.inf, 0, 1, mpmath.inf])
    with jax.enable_x64(True):
        found = exact.with_error(exact.f_divergence, dist.Normal(0.0, 1.0), dist.Normal(1.0, 1.0), integrand=TRIANGULAR)
    assert float(found.value) == pytest.approx(float(truth), rel=1e-9)
    assert abs(float(found.value) - float(truth)) <= float(found.error) + 1e-12
    unit = dist.Uniform(0.0, 1.0)
    # Each law is alone on a quarter of its mass.
    assert float(exact.f_divergence(TRIANGULAR, unit, dist.Uniform(0.25, 1.25))) == pytest.approx(0.5, rel=1e-6)
    assert float(exact.f_divergence(TRIANGULAR, unit, dist.Uniform(2.0, 3.0))) == 2.0
    assert float(exact.f_divergence(TRIANGULAR, dist.Delta(0.0), dist.Delta(1.0))) == 2.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mine", "own", "p", "q"),
    [
        (KL, exact.kl, dist.Laplace(0.0, 1.0), dist.Normal(1.0, 1.0)),
        # Where q leaves the range of its type p has not.
        (KL, exact.kl, dist.Normal(0.0, 1.0), dist.Normal(20.0, 1.0)),
        (KL, exact.kl, dist.Cauchy(0.0, 1.0), dist.Normal(0.0, 1.0)),
        (KL, exact.kl, dist.Uniform(0.0, 1.0), dist.Uniform(0.5, 1.5)),
        (KL, exact.kl, *distributions.PAIRS["shifted_ring"].make(0.25)),
        (PEARSON, exact.chi_squared, dist.Normal(0.0, 1.3), dist.Normal(0.0, 1.0)),
        (PEARSON, exact.chi_squared, dist.Normal(0.0, 2.0), dist.Normal(0.0, 1.0)),
    ],
    ids=["near", "far", "tails that q cannot bear", "mass that q has not", "plane", "closed form", "no integral"],
)  # fmt: skip
def test_a_known_one_written_again_has_its_value(mine: Any, own: Any, p: Any, q: Any) -> None:
    assert float(exact.f_divergence(mine, p, q)) == pytest.approx(float(own(p, q)), rel=1e-5)


@pytest.mark.slow
def test_one_that_grows_like_a_high_power() -> None:
    """Of densities ``a x^(a - 1)`` and 1: the integral of ``u⁶`` is ``a⁶ / (6 a - 5)``, or infinite; of Gaussians it is ``exp(15 m²)``."""
    unit, normal = dist.Uniform(0.0, 1.0), dist.Normal(0.0, 1.0)
    assert float(exact.f_divergence(SIXTH_POWER, dist.Beta(0.9, 1.0), unit)) == pytest.approx(
        0.9**6 / 0.4 - 1.0, rel=1e-4
    )
    assert float(exact.f_divergence(SIXTH_POWER, dist.Beta(0.8, 1.0), unit)) == math.inf
    shifted = exact.f_divergence(SIXTH_POWER, dist.Normal(0.5, 1.0), normal)
    assert float(shifted) == pytest.approx(math.exp(15 * 0.5**2) - 1.0, rel=1e-4)


@pytest.mark.slow
def test_gradient_and_that_of_a_weight_that_is_zero() -> None:
    def mixture(weight: Array) -> Any:
        parts = dist.Normal(jnp.asarray([0.0, 1.0]), jnp.asarray([1.0, 0.5]))
        return dist.MixtureSameFamily(dist.Categorical(jnp.stack([1.0 - weight, weight])), parts)

    def both(divergence: Any) -> list[float]:
        of = lambda weight: divergence(mixture(weight), dist.Normal(0.5, 1.0))  # noqa: E731
        return [float(jax.grad(of)(jnp.asarray(weight))) for weight in (0.3, 0.0)]

    assert both(lambda p, q: exact.f_divergence(KL, p, q)) == pytest.approx(both(exact.kl), rel=1e-4)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: exact.integrand(triangular, at_zero=1.0, at_infinity=2.0), "at_infinity is 2; expected f.u. / u at u"),
        (lambda: exact.integrand(triangular, at_zero=1.0, at_infinity=math.inf), "at_infinity is inf; .* is 1$"),
        (lambda: exact.integrand(triangular, at_zero=0.5, at_infinity=1.0), "at_zero is 0.5; expected f.u. at u = 0"),
        (lambda: exact.integrand(kl, at_zero=1.0, at_infinity=10.0), "at_infinity is 10; .* which is 79 or more"),
        (
            lambda: exact.integrand(lambda p, q: jnp.exp(p) * (p - q), at_zero=0.0, at_infinity=math.inf),
            "perspective is -0.606531 at log p - log q = -1; expected a value of at least 0",
        ),
        (
            lambda: exact.integrand(lambda p, q: jnp.square(p - q), at_zero=math.inf, at_infinity=math.inf),
            "perspective.log_p . 1, log_q . 1. is not e times",
        ),
        (
            lambda: exact.integrand(lambda p, q: jnp.exp(q) * jnp.expm1(p - q) ** 2, at_zero=1.0, at_infinity=math.inf),
            "NaN where log p and log q are -10 and -120",
        ),
        (
            lambda: exact.integrand(lambda p, q: 0.5 * abs(jnp.exp(p) - jnp.exp(q)), at_zero=0.5, at_infinity=0.5),
            "kink where p = q; expected sign_changes=True",
        ),
        (
            lambda: exact.f_divergence(PEARSON, *distributions.PAIRS["shifted_ring"].make(0.25)),
            "f_divergence in the plane has an f that grows faster than u log u",
        ),
    ],
)  # fmt: skip
def test_what_is_no_f_divergence_is_refused(make: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


def test_what_is_no_integrand_is_refused() -> None:
    unit = dist.Uniform(0.0, 1.0)
    with pytest.raises(
        TypeError, match=r"integrand is the function triangular; .* expected an Integrand, such as exact"
    ):
        exact.f_divergence(triangular, unit, unit)  # type: ignore[arg-type]  # What is tested.
