"""Distribution functions of one-dimensional laws: both tails, each with its own relative accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints

from gan_jax.numerics import float_of
from gan_jax.typing import Array, Distribution


def _normal_tails(z: Array) -> tuple[Array, Array]:
    return jax.scipy.special.ndtr(z), jax.scipy.special.ndtr(-z)


def _laplace_tails(z: Array) -> tuple[Array, Array]:
    size = jnp.abs(z)
    near, far = 0.5 * jnp.exp(-size), 0.5 - 0.5 * jnp.expm1(-size)
    return jnp.where(z < 0, near, far), jnp.where(z < 0, far, near)


def _cauchy_tails(z: Array) -> tuple[Array, Array]:
    # arctan(z)/π + ½ loses a far left tail to cancellation; the angle of (∓z, 1) does not.
    return jnp.arctan2(1.0, -z) / jnp.pi, jnp.arctan2(1.0, z) / jnp.pi


def _logistic_tails(z: Array) -> tuple[Array, Array]:
    return jax.nn.sigmoid(z), jax.nn.sigmoid(-z)


def _gumbel_tails(z: Array) -> tuple[Array, Array]:
    hazard = jnp.exp(-z)
    return jnp.exp(-hazard), -jnp.expm1(-hazard)


def _exponential_tails(z: Array) -> tuple[Array, Array]:
    held = jnp.maximum(z, 0.0)
    return -jnp.expm1(-held), jnp.exp(-held)


def _half_normal_tails(z: Array) -> tuple[Array, Array]:
    held = jnp.maximum(z, 0.0) / math.sqrt(2.0)
    return jax.scipy.special.erf(held), jax.scipy.special.erfc(held)


def _uniform_tails(z: Array) -> tuple[Array, Array]:
    return jnp.clip(z, 0.0, 1.0), jnp.clip(1.0 - z, 0.0, 1.0)


@jax.custom_jvp
def _student_upper(z: Array, df: Array) -> Array:
    """``P(T > z)`` for ``z >= 0``: half an incomplete beta function, with full relative accuracy in the tail."""
    squares = z * z
    near = squares < df
    # I_x(a, b) = 1 - I_{1-x}(b, a): the smaller of x and 1 - x is computed without cancellation.
    outer = jax.scipy.special.betainc(0.5 * df, 0.5 * jnp.ones_like(df), df / (df + jnp.where(near, df, squares)))
    inner = jax.scipy.special.betainc(
        0.5 * jnp.ones_like(df), 0.5 * df, jnp.where(near, squares, df) / (df + jnp.where(near, squares, df))
    )
    return jnp.where(near, 0.5 - 0.5 * inner, 0.5 * outer)


@_student_upper.defjvp
def _student_upper_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    (z, df), (dz, ddf) = primals, tangents
    density = jnp.exp(dist.StudentT(df, jnp.zeros_like(df), jnp.ones_like(df)).log_prob(z))
    # The incomplete beta function has no derivative in its parameters in JAX: a central difference, with the step that
    # balances truncation and rounding.
    step = jnp.cbrt(jnp.finfo(z.dtype).eps) * df
    slope = (_student_upper(z, df + step) - _student_upper(z, df - step)) / (2.0 * step)
    return _student_upper(z, df), slope * ddf - density * dz


def _student_tails(z: Array, df: Array) -> tuple[Array, Array]:
    z, df = jnp.broadcast_arrays(z, jnp.asarray(df, z.dtype))
    upper = _student_upper(jnp.abs(z), df)
    return jnp.where(z > 0, 1.0 - upper, upper), jnp.where(z > 0, upper, 1.0 - upper)


Tails = Callable[[Array], tuple[Array, Array]]
STANDARD_TAILS: dict[type, Tails] = {
    dist.Normal: _normal_tails,
    dist.Laplace: _laplace_tails,
    dist.Cauchy: _cauchy_tails,
    dist.Logistic: _logistic_tails,
    dist.Gumbel: _gumbel_tails,
    dist.Uniform: _uniform_tails,
    dist.Exponential: _exponential_tails,
    dist.HalfNormal: _half_normal_tails,
}
"""``z -> (F(z), 1 - F(z))`` of the standard law of each location-scale family, each with its own relative accuracy."""


def location_scale(d: Distribution) -> tuple[Array, Array]:
    """Location and scale of a law of one of the families of ``STANDARD_TAILS`` (or StudentT)."""
    if isinstance(d, dist.Uniform):
        return d.low, d.high - d.low
    if isinstance(d, dist.Exponential):
        return jnp.zeros_like(jnp.asarray(d.rate, float_of(d))), 1.0 / jnp.asarray(d.rate)
    if isinstance(d, dist.HalfNormal):
        return jnp.zeros_like(jnp.asarray(d.scale, float_of(d))), jnp.asarray(d.scale)
    return d.loc, d.scale


def tails(d: Distribution, x: Array) -> tuple[Array, Array]:
    """``(P(X <= x), P(X > x))``, each with full relative accuracy, for a law of any batch shape at one point.

    Args:
      d: a one-dimensional law.
      x: a point, ``[]``.

    Returns:
      Two arrays of the batch shape.

    Raises:
      ValueError: a law that NumPyro knows no distribution function of.
    """
    if isinstance(d, dist.ExpandedDistribution):
        return tails(d.base_dist, x)
    if isinstance(d, dist.MixtureSameFamily):
        weights = jax.nn.softmax(d.mixing_distribution.logits)
        lower, upper = tails(d.component_distribution, x)
        return jnp.sum(weights * lower, axis=-1), jnp.sum(weights * upper, axis=-1)
    if isinstance(d, dist.MixtureGeneral):
        weights = jax.nn.softmax(d.mixing_distribution.logits)
        sides = [tails(component, x) for component in d.component_distributions]
        lower, upper = (jnp.stack(side, axis=-1) for side in zip(*sides, strict=True))
        return jnp.sum(weights * lower, axis=-1), jnp.sum(weights * upper, axis=-1)
    if isinstance(d, dist.Delta):
        below = jnp.asarray(d.v > x, x.dtype)
        return 1.0 - below, below
    if isinstance(d, dist.TransformedDistribution):
        return _transformed_tails(d, x)
    if isinstance(d, dist.StudentT):
        return _student_tails((x - d.loc) / d.scale, d.df)
    standard = STANDARD_TAILS.get(type(d))
    if standard is not None:
        loc, scale = location_scale(d)
        return standard((x - loc) / scale)
    return _cdf_tails(d, x)


def _transformed_tails(d: Distribution, x: Array) -> tuple[Array, Array]:
    rising: Array | bool = True
    below, above = jnp.zeros((), bool), jnp.zeros((), bool)
    for t in reversed(d.transforms):
        low, high = getattr(t.codomain, "lower_bound", None), getattr(t.codomain, "upper_bound", None)
        below = below if low is None else below | (x <= low)
        above = above if high is None else above | (x >= high)
        inside = t.codomain(x)
        x = t.inv(x if t.codomain is constraints.real else jnp.where(inside, x, t.codomain.feasible_like(x)))
        _, slope = jax.jvp(t, (jax.lax.stop_gradient(x),), (jnp.ones_like(x),))
        rising = jnp.logical_xor(rising, slope < 0)
    lower, upper = tails(d.base_dist, x)
    first, last = jnp.where(rising, lower, upper), jnp.where(rising, upper, lower)
    first = jnp.where(below, 0.0, jnp.where(above, 1.0, first))
    return first, jnp.where(below, 1.0, jnp.where(above, 0.0, last))


def _cdf_tails(d: Distribution, x: Array) -> tuple[Array, Array]:
    low, high = getattr(d.support, "lower_bound", -jnp.inf), getattr(d.support, "upper_bound", jnp.inf)
    inside = (x > low) & (x < high)
    safe = x if d.support is constraints.real else jnp.where(inside, x, d.support.feasible_like(x))
    try:
        lower = d.cdf(safe)
    except NotImplementedError:
        raise ValueError(
            f"{type(d).__name__} has no distribution function in NumPyro; expected a law that has one (see empirical.wasserstein)"
        ) from None
    lower = jnp.where(inside, lower, jnp.where(x <= low, 0.0, 1.0))
    return lower, 1.0 - lower
