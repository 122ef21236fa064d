"""Where a one-dimensional law has its features: what a quadrature mesh must know of it.

A *landmark* is a centre with the scale on which the density changes there; its centre is a breakpoint too, since some
densities have a kink there (Laplace). An *edge* is where a density or a distribution function jumps: the end of a
support, an atom. Edges carry their gradient, since an integral over ``[a, theta]`` has the derivative ``f(theta)``
(Leibniz); landmarks do not: where the nodes of a smooth integrand lie does not matter, and moving them only adds noise
to its derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import transforms

from gan_jax.numerics import float_of
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
