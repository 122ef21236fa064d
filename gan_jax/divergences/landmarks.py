"""Where a one-dimensional law has its features: what a quadrature mesh must know of it.

A *landmark* is a centre with the scale on which the density changes there; its centre is a breakpoint too, since some
densities have a kink there (Laplace). An *edge* is where a density or a distribution function jumps: the end of a
support, an atom. Edges carry their gradient, since an integral over ``[a, theta]`` has the derivative ``f(theta)``
(Leibniz); landmarks do not: where the nodes of a smooth integrand lie does not matter, and moving them only adds noise
to its derivative.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints, transforms

from gan_jax.typing import Array, Distribution


class Landmarks(NamedTuple):
    """The features of a law (or of a pair of laws), all one-dimensional arrays.

    Attributes:
      light: centres and scales ``[k, 2]`` of components whose density is gone (e^-100 or less) within some hundred
        scales.
      heavy: centres and scales ``[k, 2]`` of components with slower tails.
      ends: support edges and scales ``[k, 2]`` near which the density may be singular or flat to all orders.
      edges: ``[k]``, where something jumps.
    """

    light: Array
    heavy: Array
    ends: Array
    edges: Array


_NONE = (0, 2)


def _pairs(centre: Array | float, scale: Array | float) -> Array:
    centre, scale = jnp.broadcast_arrays(jnp.asarray(centre, float_of(centre)), jnp.asarray(scale, float_of(scale)))
    return jnp.stack([centre.ravel(), scale.ravel()], axis=1)


def float_of(*values: object) -> jnp.dtype:
    """The floating type that ``values`` share; Python numbers do not widen it."""
    leaves = [leaf for leaf in jax.tree.leaves(values) if not isinstance(leaf, bool)]
    return jnp.result_type(*leaves, 1.0) if leaves else jnp.result_type(float)


def _flat(value: Array | float) -> Array:
    return jnp.ravel(jnp.asarray(value, float_of(value)))


def _landmarks(
    light: Array | None = None, heavy: Array | None = None, ends: Array | None = None, edges: list[Array] | None = None
) -> Landmarks:
    empty = jnp.zeros(_NONE)
    return Landmarks(
        empty if light is None else light,
        empty if heavy is None else heavy,
        empty if ends is None else ends,
        jnp.concatenate(edges) if edges else jnp.zeros((0,)),
    )


def _join(parts: list[Landmarks]) -> Landmarks:
    return Landmarks(*(jnp.concatenate(field) for field in zip(*parts, strict=True)))


def _location_scale(d: Distribution) -> Landmarks:
    return _landmarks(light=_pairs(d.loc, d.scale))


def _heavy_location_scale(d: Distribution) -> Landmarks:
    return _landmarks(heavy=_pairs(d.loc, d.scale))


def _uniform(d: Distribution) -> Landmarks:
    return _landmarks(edges=[_flat(d.low), _flat(d.high)])


def _exponential(d: Distribution) -> Landmarks:
    return _landmarks(light=_pairs(0.0, 1.0 / jnp.asarray(d.rate)), edges=[jnp.zeros((1,))])


def _half(d: Distribution) -> Landmarks:
    marks = _pairs(0.0, d.scale)
    edges = [jnp.zeros((1,))]
    return (
        _landmarks(heavy=marks, edges=edges) if isinstance(d, dist.HalfCauchy) else _landmarks(light=marks, edges=edges)
    )


def _delta(d: Distribution) -> Landmarks:
    return _landmarks(edges=[_flat(d.v)])


def _same_family(d: Distribution) -> Landmarks:
    return landmarks(d.component_distribution)


def _general(d: Distribution) -> Landmarks:
    return _join([landmarks(component) for component in d.component_distributions])


def _transformed(d: Distribution) -> Landmarks:
    """Affine images move with their transform; any other law is known by its moments and its support."""
    if not all(isinstance(t, transforms.AffineTransform) for t in d.transforms):
        return _by_moments(d)
    marks = landmarks(d.base_dist)
    for t in d.transforms:
        loc, scale = jnp.asarray(t.loc), jnp.asarray(t.scale)
        light, heavy, ends = (jnp.stack([loc + scale * m[:, 0], jnp.abs(scale) * m[:, 1]], axis=1) for m in marks[:3])
        marks = Landmarks(light, heavy, ends, loc + scale * marks.edges)
    return marks


def _by_moments(d: Distribution) -> Landmarks:
    """Mean and standard deviation, with geometric grading towards the ends of the support."""
    mean, variance = d.mean, d.variance
    known = jnp.isfinite(mean) & jnp.isfinite(variance) & (variance > 0)
    scale = jnp.sqrt(jnp.where(known, variance, 1.0))
    marks = _pairs(jnp.where(known, mean, 0.0), scale)
    support = d.support
    ends = [
        jnp.asarray(getattr(support, name), scale.dtype)
        for name in ("lower_bound", "upper_bound")
        if hasattr(support, name)
    ]
    if not ends:
        return _landmarks(heavy=marks)
    graded = jnp.concatenate([_pairs(end, scale) for end in ends])
    return _landmarks(heavy=marks, ends=graded, edges=[_flat(end) for end in ends])


_BY_TYPE: dict[type, Callable[[Distribution], Landmarks]] = {
    dist.Normal: _location_scale,
    dist.Laplace: _location_scale,
    dist.Logistic: _location_scale,
    dist.Gumbel: _location_scale,
    dist.Cauchy: _heavy_location_scale,
    dist.StudentT: _heavy_location_scale,
    dist.Uniform: _uniform,
    dist.Exponential: _exponential,
    dist.HalfNormal: _half,
    dist.HalfCauchy: _half,
    dist.Delta: _delta,
    dist.MixtureSameFamily: _same_family,
    dist.MixtureGeneral: _general,
    dist.TransformedDistribution: _transformed,
}


def landmarks(d: Distribution) -> Landmarks:
    """The landmarks of a one-dimensional law of any batch shape (a mixture's components are a batch).

    Raises:
      ValueError: a discrete law.
    """
    if isinstance(d, dist.ExpandedDistribution):
        return landmarks(d.base_dist)
    if d.is_discrete and not isinstance(d, dist.Delta):
        raise ValueError(f"{type(d).__name__} is discrete; expected a law with a density, or Delta")
    for kind in type(d).__mro__:
        if kind in _BY_TYPE:
            return _BY_TYPE[kind](d)
    return _by_moments(d)


def landmarks_of(*laws: Distribution) -> Landmarks:
    """The landmarks of several laws together, in the floating type of their parameters."""
    dtype = float_of(*laws)
    return Landmarks(*(field.astype(dtype) for field in _join([landmarks(law) for law in laws])))


# ----------------------------------------------------------------------------------------------- distribution functions


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
