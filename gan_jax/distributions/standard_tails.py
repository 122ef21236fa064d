"""Both tails of the standard laws of location and scale and of Student's, each with its own relative accuracy.

``z -> (P(Z <= z), P(Z > z))``, differentiable in ``z`` and, for Student's law, in its degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import betainc, digamma, gammaln

from gan_jax.numerics import float_of
from gan_jax.typing import Array, Distribution

Tails = tuple[Array, Array]


def _normal(z: Array) -> Tails:
    return jax.scipy.special.ndtr(z), jax.scipy.special.ndtr(-z)


def _laplace(z: Array) -> Tails:
    size = jnp.abs(z)
    near, far = 0.5 * jnp.exp(-size), 0.5 - 0.5 * jnp.expm1(-size)
    return jnp.where(z < 0, near, far), jnp.where(z < 0, far, near)


def _cauchy(z: Array) -> Tails:
    # arctan(z)/π + ½ loses a far left tail to cancellation; the angle of (∓z, 1) does not.
    return jnp.arctan2(1.0, -z) / jnp.pi, jnp.arctan2(1.0, z) / jnp.pi


def _half_cauchy(z: Array) -> Tails:
    held = jnp.maximum(z, 0.0)
    return jnp.arctan2(held, 1.0) * (2.0 / jnp.pi), jnp.arctan2(1.0, held) * (2.0 / jnp.pi)


def _logistic(z: Array) -> Tails:
    return jax.nn.sigmoid(z), jax.nn.sigmoid(-z)


def _soft_laplace(z: Array) -> Tails:
    # Of density proportional to 1 / cosh z: F = 2/π arctan e^z.
    grown = jnp.exp(-jnp.abs(z))
    near = jnp.arctan2(grown, 1.0) * (2.0 / jnp.pi)
    far = jnp.arctan2(1.0, grown) * (2.0 / jnp.pi)
    return jnp.where(z < 0, near, far), jnp.where(z < 0, far, near)


def _gumbel(z: Array) -> Tails:
    hazard = jnp.exp(-z)
    return jnp.exp(-hazard), -jnp.expm1(-hazard)


def from_hazard(hazard: Array) -> Tails:
    """Of the cumulative hazard ``-log P(X > x)``."""
    return -jnp.expm1(-hazard), jnp.exp(-hazard)


def _exponential(z: Array) -> Tails:
    return from_hazard(jnp.maximum(z, 0.0))


def _half_normal(z: Array) -> Tails:
    held = jnp.maximum(z, 0.0) / math.sqrt(2.0)
    return jax.scipy.special.erf(held), jax.scipy.special.erfc(held)


def _uniform(z: Array) -> Tails:
    return jnp.clip(z, 0.0, 1.0), jnp.clip(1.0 - z, 0.0, 1.0)


def _levy(z: Array) -> Tails:
    # 1 / Z^2 for a standard normal Z.
    inside = z > 0
    turned = jnp.sqrt(0.5 / jnp.where(inside, z, 1.0))
    return (
        jnp.where(inside, jax.scipy.special.erfc(turned), 0.0),
        jnp.where(inside, jax.scipy.special.erf(turned), 1.0),
    )


STANDARD_TAILS: dict[type, Callable[[Array], Tails]] = {
    dist.Normal: _normal,
    dist.Laplace: _laplace,
    dist.Cauchy: _cauchy,
    dist.Logistic: _logistic,
    dist.SoftLaplace: _soft_laplace,
    dist.Gumbel: _gumbel,
    dist.Uniform: _uniform,
    dist.Exponential: _exponential,
    dist.HalfNormal: _half_normal,
    dist.HalfCauchy: _half_cauchy,
    dist.Levy: _levy,
}
"""``z -> (F(z), 1 - F(z))`` of the standard law of each location-scale family, each with its own relative accuracy."""


def location_scale(d: Distribution) -> tuple[Array, Array]:
    """Location and scale of a law of one of the families of ``STANDARD_TAILS`` (or StudentT)."""
    if isinstance(d, dist.Uniform):
        return d.low, d.high - d.low
    if isinstance(d, dist.Exponential):
        return jnp.zeros_like(jnp.asarray(d.rate, float_of(d))), 1.0 / jnp.asarray(d.rate)
    if isinstance(d, dist.HalfNormal | dist.HalfCauchy):
        return jnp.zeros_like(jnp.asarray(d.scale, float_of(d))), jnp.asarray(d.scale)
    return d.loc, d.scale


def standardised(d: Distribution, x: Array) -> Tails:
    """Both tails of a law of one of these families."""
    loc, scale = location_scale(d)
    standard = next(STANDARD_TAILS[kind] for kind in type(d).__mro__ if kind in STANDARD_TAILS)
    if isinstance(d, dist.Uniform):
        # 1 - z would lose the upper end.
        return jnp.clip((x - d.low) / scale, 0.0, 1.0), jnp.clip((d.high - x) / scale, 0.0, 1.0)
    return standard((x - loc) / scale)


def between(start: Tails, end: Tails) -> Array:
    """The probability between two points, from whichever tail is the smaller."""
    return jnp.where(start[0] + end[0] < start[1] + end[1], end[0] - start[0], start[1] - end[1])


def student(d: Distribution, x: Array) -> Tails:
    """Both tails of a ``StudentT``."""
    z, df = jnp.broadcast_arrays((x - d.loc) / d.scale, jnp.asarray(d.df, jnp.result_type(float_of(d), x)))
    size, half = jnp.abs(z), jnp.full_like(df, 0.5)
    close, far_out = size < 1e-8 * jnp.sqrt(df), size > 1e8 * jnp.sqrt(df)
    squares = jnp.square(jnp.where(close | far_out, 1.0, size))
    # P(|T| > |z|) and P(|T| <= |z|).
    outer, inner = incomplete_beta(0.5 * df, half, df / (df + squares), squares / (df + squares))
    # I_x(a, 1/2) = x^a / (a B(a, 1/2)) (1 + O(x)), where the square of z may overflow.
    log_rest = jnp.log(df) - 2.0 * jnp.log(jnp.where(far_out, size, 1.0))
    power = jnp.exp(0.5 * df * log_rest - jnp.log(0.5 * df) - log_beta(0.5 * df, half))
    outer, inner = jnp.where(far_out, power, outer), jnp.where(far_out, 1.0 - power, inner)
    # 1/2 + z f(0), where a square has no derivative.
    risen = z * jnp.exp(-0.5 * jnp.log(df) - log_beta(0.5 * df, half))
    lower = jnp.where(z > 0, 0.5 + 0.5 * inner, 0.5 * outer)
    upper = jnp.where(z > 0, 0.5 * outer, 0.5 + 0.5 * inner)
    return jnp.where(close, 0.5 + risen, lower), jnp.where(close, 0.5 - risen, upper)


@jax.custom_jvp
def incomplete_beta(a: Array, b: Array, x: Array, y: Array) -> Tails:
    """``I_x(a, b)`` and ``1 - I_x(a, b) = I_y(b, a)`` for ``y = 1 - x``, differentiable in all: JAX's is not in a and b."""
    a, b, x, y = jnp.broadcast_arrays(a, b, x, y)
    lower, upper = betainc(a, b, x), betainc(b, a, y)
    # Of x and y the smaller one has all its digits: the other tail comes from it, unless that is a small difference.
    return jnp.where((y < x) & (lower > 0.125), 1.0 - upper, lower), jnp.where(
        (x < y) & (upper > 0.125), 1.0 - lower, upper
    )


@incomplete_beta.defjvp
def _incomplete_beta_jvp(
    primals: tuple[Array, Array, Array, Array], tangents: tuple[Array, Array, Array, Array]
) -> tuple[Tails, Tails]:
    a, b, x, y = jnp.broadcast_arrays(*primals)
    da, db, dx, dy = tangents
    left = x * b <= y * a
    first, second, inner, outer = (jnp.where(left, *pair) for pair in ((a, b), (b, a), (x, y), (y, x)))
    by_first, by_second = _beta_slopes(first, second, inner, outer)
    by_a, by_b = jnp.where(left, by_first, -by_second), jnp.where(left, by_second, -by_first)
    positive = (x > 0) & (y > 0)
    log_x, log_y = jnp.log(jnp.where(positive, x, 0.5)), jnp.log(jnp.where(positive, y, 0.5))
    density = jnp.where(positive, jnp.exp((a - 1.0) * log_x + (b - 1.0) * log_y - log_beta(a, b)), 0.0)
    change = by_a * da + by_b * db + density * jnp.where(x < y, dx, -dy)
    return incomplete_beta(a, b, x, y), (change, -change)


def log_beta(a: Array, b: Array) -> Array:
    """``log B(a, b)``: JAX's ``betaln`` is off by up to 2e-7 where ``a`` or ``b`` exceeds 8."""
    return gammaln(a) + gammaln(b) - gammaln(a + b)


def _beta_slopes(a: Array, b: Array, x: Array, y: Array) -> Tails:
    """Derivatives of ``I_x(a, b)`` in ``a`` and in ``b``, for ``x`` up to the mean.

    Integrals of the density's derivative over ``s = x e^{-v}``, ``v = e^w / a``: analytic in ``w`` and gone at both ends,
    so that the trapezoidal rule converges exponentially.
    """
    double = x.dtype == jnp.float64
    step, low = (0.1, -37.0) if double else (0.2, -17.0)
    w = jnp.arange(low, 4.2, step, dtype=x.dtype)
    a, b, x, y = (value[..., None] for value in (a, b, x, y))
    v = jnp.exp(w) / a
    log_s = jnp.log(jnp.where(x > 0, x, 1.0)) - v
    log_rest = jnp.log(y - x * jnp.expm1(-v))
    mass = jnp.where(x > 0, jnp.exp(a * log_s + (b - 1.0) * log_rest - log_beta(a, b)) * v * step, 0.0)
    both = digamma(a + b)
    return jnp.sum(mass * (log_s - digamma(a) + both), -1), jnp.sum(mass * (log_rest - digamma(b) + both), -1)
