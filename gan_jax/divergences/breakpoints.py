"""Where a one-dimensional law has its features: what a quadrature mesh must know of it.

A *landmark* is a centre with the scale on which the density changes there; its centre is a breakpoint too, since some
densities have a kink there (Laplace). A *point* is a breakpoint alone. An *edge* is where a density or a distribution
function jumps: the end of a support, an atom. An *anchor* is an end at which a density may be singular, or flat to all
orders: the mesh near it is one in the logarithm of the distance. Edges and anchors carry their gradient, since an
integral over ``[a, theta]`` has the derivative ``f(theta)`` (Leibniz); breakpoints do not: where the nodes of
a smooth integrand lie does not matter, and moving them only adds noise to its derivative.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Float
from numpyro.distributions import constraints, transforms

from gan_jax.numerics import float_of
from gan_jax.typing import Array, Distribution

Anchor = tuple[Array | float, Array | float]

# Breakpoints of a landmark, in scales from its centre: every scale out to 4, then growing by a third of the distance.
CORE = np.concatenate([np.arange(0.0, 4.0), 4.0 * (4 / 3) ** np.arange(8)])
_BOTH = np.unique(np.concatenate([-CORE, CORE]))


class Breakpoints(NamedTuple):
    """The features of a law (or of several), all one-dimensional.

    Attributes:
      light: centres and scales ``[k, 2]`` of components whose density is gone (e^-100 or less) within some hundred
        scales.
      heavy: centres and scales ``[k, 2]`` of components with slower tails.
      points: ``[k]``, breakpoints.
      edges: ``[k]``, where something jumps.
      anchors: pairs (position, side) of numbers or of arrays ``[k]``; side is 1 where the law lies above it, else -1.
    """

    light: Float[Array, "light 2"]
    heavy: Float[Array, "heavy 2"]
    points: Float[Array, " points"]
    edges: Float[Array, " edges"]
    anchors: tuple[Anchor, ...] = ()

    def anchor_arrays(self) -> tuple[Float[Array, " anchors"], Float[Array, " anchors"]]:
        """Positions and sides of all anchors, ``[k]`` each, in the type of the edges."""
        dtype = self.edges.dtype
        if not self.anchors:
            return jnp.zeros((0,), dtype), jnp.zeros((0,), dtype)
        flat = [
            jnp.broadcast_arrays(jnp.ravel(jnp.asarray(at, dtype)), jnp.ravel(jnp.asarray(side, dtype)))
            for at, side in self.anchors
        ]
        return jnp.concatenate([at for at, _ in flat]), jnp.concatenate([side for _, side in flat])


def _pairs(centre: Array | float, scale: Array | float) -> Array:
    centre, scale = jnp.broadcast_arrays(jnp.asarray(centre, float_of(centre)), jnp.asarray(scale, float_of(scale)))
    return jnp.stack([centre.ravel(), scale.ravel()], axis=1)


def _flat(value: Array | float) -> Array:
    return jnp.ravel(jnp.asarray(value, float_of(value)))


def _breakpoints(
    light: Array | None = None,
    heavy: Array | None = None,
    points: Array | None = None,
    edges: list[Array] | None = None,
    anchors: tuple[Anchor, ...] = (),
) -> Breakpoints:
    return Breakpoints(
        jnp.zeros((0, 2)) if light is None else light,
        jnp.zeros((0, 2)) if heavy is None else heavy,
        jnp.zeros((0,)) if points is None else points,
        jnp.concatenate(edges) if edges else jnp.zeros((0,)),
        anchors,
    )


def _join(parts: list[Breakpoints]) -> Breakpoints:
    light, heavy, points, edges = (
        jnp.concatenate(field)
        for field in zip(*((part.light, part.heavy, part.points, part.edges) for part in parts), strict=True)
    )
    anchors: list[Anchor] = []
    for anchor in (anchor for part in parts for anchor in part.anchors):
        # Two laws on the half-line have one end.
        known = all(isinstance(a, float) for a in anchor)
        if not (known and any(all(isinstance(a, float) for a in old) and old == anchor for old in anchors)):
            anchors.append(anchor)
    return Breakpoints(light, heavy, points, edges, tuple(anchors))


def _from(end: Array | float, side: float, log_centre: Array | float, log_scale: Array | float) -> Array:
    """Breakpoints ``end + side e^(log_centre + log_scale k)`` around a feature in the logarithm of the distance."""
    centre, width = (jnp.asarray(a, float_of(a)).ravel()[:, None] for a in (log_centre, log_scale))
    # Two logarithms more than is needed are two digits of nothing; a number must not overflow.
    ceiling = 0.9 * math.log(float(jnp.finfo(centre.dtype).max))
    return jnp.ravel(end + side * jnp.exp(jnp.minimum(centre + width * _BOTH[None, :].astype(centre.dtype), ceiling)))


# ------------------------------------------------------------------------------------------------------------ by family


def _location_scale(d: Distribution) -> Breakpoints:
    return _breakpoints(light=_pairs(d.loc, d.scale))


def _heavy_location_scale(d: Distribution) -> Breakpoints:
    return _breakpoints(heavy=_pairs(d.loc, d.scale))


def _laplace(d: Distribution) -> Breakpoints:
    # The kink moves with its location: where it were held, second derivatives would lack what it adds.
    return _breakpoints(light=_pairs(d.loc, d.scale), edges=[_flat(d.loc)])


def _asymmetric_laplace(d: Distribution) -> Breakpoints:
    law = getattr(d, "_ald", d)
    sides = [_pairs(law.loc, law.left_scale), _pairs(law.loc, law.right_scale)]
    return _breakpoints(light=jnp.concatenate(sides), edges=[_flat(law.loc)])


def _uniform(d: Distribution) -> Breakpoints:
    return _breakpoints(edges=[_flat(d.low), _flat(d.high)])


def _exponential(d: Distribution) -> Breakpoints:
    return _breakpoints(light=_pairs(0.0, 1.0 / jnp.asarray(d.rate)), edges=[jnp.zeros((1,))])


def _half(d: Distribution) -> Breakpoints:
    marks = _pairs(0.0, d.scale)
    edges = [jnp.zeros((1,))]
    return (
        _breakpoints(heavy=marks, edges=edges)
        if isinstance(d, dist.HalfCauchy)
        else _breakpoints(light=marks, edges=edges)
    )


def _delta(d: Distribution) -> Breakpoints:
    return _breakpoints(edges=[_flat(d.v)])


def _above_zero(log_centre: Array | float, log_scale: Array | float, edges: list[Array] | None = None) -> Breakpoints:
    """A law of the half-line with one feature in ``log x``."""
    return _breakpoints(points=_from(0.0, 1.0, log_centre, log_scale), edges=edges, anchors=((0.0, 1.0),))


def _gamma(d: Distribution) -> Breakpoints:
    # In log x: a mode at log(a / rate), of curvature a; to the right e^-x cuts off on a scale of 1.
    a = jnp.asarray(d.concentration, float_of(d.concentration))
    return _above_zero(jnp.log(a / d.rate), jnp.minimum(1.0 / jnp.sqrt(a), 1.0))


def _truncated_gamma(d: Distribution) -> Breakpoints:
    ends = [_flat(getattr(d, name)) for name in ("low", "high") if hasattr(d, name)]
    return _join([_gamma(d.base_dist), _breakpoints(edges=ends)])


def _weibull(d: Distribution) -> Breakpoints:
    return _above_zero(jnp.log(jnp.asarray(d.scale)), 1.0 / jnp.asarray(d.concentration, float_of(d.concentration)))


def _dagum(d: Distribution) -> Breakpoints:
    return _above_zero(jnp.log(jnp.asarray(d.scale)), 1.0 / jnp.asarray(d.sharpness, float_of(d.sharpness)))


def _levy(d: Distribution) -> Breakpoints:
    return _breakpoints(points=_from(d.loc, 1.0, jnp.log(jnp.asarray(d.scale)), 1.0), anchors=((d.loc, 1.0),))


def _gompertz(d: Distribution) -> Breakpoints:
    # The density c r e^(r x - c (e^(r x) - 1)): a Gumbel's around -log c for c < 1, else an exponential's.
    c, rate = jnp.asarray(d.concentration, float_of(d.concentration)), jnp.asarray(d.rate, float_of(d.rate))
    peak = _pairs(jnp.maximum(-jnp.log(c), 0.0) / rate, jnp.minimum(1.0, 1.0 / c) / rate)
    return _breakpoints(light=peak, edges=[jnp.zeros((1,))])


def _beta(d: Distribution) -> Breakpoints:
    # In the logit: around log(a / b), of variance some 1/a + 1/b; from either end where that is the nearer one.
    a, b = (jnp.asarray(c, float_of(c)) for c in (d.concentration1, d.concentration0))
    centre, scale = jnp.broadcast_arrays(jnp.log(a / b), jnp.minimum(jnp.sqrt(1.0 / a + 1.0 / b), 2.0))
    z = jnp.ravel(centre.ravel()[:, None] + scale.ravel()[:, None] * _BOTH[None, :].astype(centre.dtype))
    return _breakpoints(points=jax.nn.sigmoid(z), edges=None, anchors=((0.0, 1.0), (1.0, -1.0)))


def _power_law(d: Distribution) -> Breakpoints:
    edges = [_flat(d.low)] + ([_flat(d.high)] if hasattr(d, "high") else [])
    low = jnp.asarray(d.low, float_of(d.low))
    return _above_zero(jnp.log(low), 1.0 / (1.0 + jnp.abs(jnp.asarray(d.alpha))), edges)


def _von_mises(d: Distribution) -> Breakpoints:
    loc, width = jnp.asarray(d.loc, float_of(d.loc)), 1.0 / jnp.sqrt(1.0 + jnp.asarray(d.concentration))
    turns = [_pairs(loc + turn, width) for turn in (-2.0 * math.pi, 0.0, 2.0 * math.pi)]
    return _breakpoints(light=jnp.concatenate(turns), edges=[jnp.asarray([-math.pi, math.pi])])


def _truncated(d: Distribution) -> Breakpoints:
    ends = [_flat(getattr(d, name)) for name in ("low", "high") if hasattr(d, name)]
    return _join([breakpoints_of(d.base_dist), _breakpoints(edges=ends)])


def _folded(d: Distribution) -> Breakpoints:
    marks = breakpoints_of(d.base_dist)
    mirrored = _moved(transforms.AffineTransform(0.0, -1.0), marks)
    return _join([marks, mirrored, _breakpoints(edges=[jnp.zeros((1,))])])


def _same_family(d: Distribution) -> Breakpoints:
    return breakpoints_of(d.component_distribution)


def _general(d: Distribution) -> Breakpoints:
    return _join([breakpoints_of(component) for component in d.component_distributions])


# ------------------------------------------------------------------------------------------------------ transformed laws


def _transformed(d: Distribution) -> Breakpoints:
    marks = breakpoints_of(d.base_dist)
    for t in d.transforms:
        marks = _moved(t, marks) if isinstance(t, transforms.AffineTransform) else _bent(t, marks)
    return marks


def _moved(t: transforms.AffineTransform, marks: Breakpoints) -> Breakpoints:
    loc, scale = jnp.broadcast_arrays(*(jnp.asarray(part, float_of(part)) for part in (t.loc, t.scale)))
    loc, scale = loc.reshape(-1, 1), scale.reshape(-1, 1)

    def image(x: Array | float) -> Array:
        return jnp.ravel(loc + scale * jnp.ravel(jnp.asarray(x, loc.dtype))[None, :])

    def stretched(x: Array | float, factor: Array) -> Array:
        return jnp.ravel(factor * jnp.ravel(jnp.asarray(x, loc.dtype))[None, :])

    light, heavy = (
        jnp.stack([image(m[:, 0]), stretched(m[:, 1], jnp.abs(scale))], axis=1) for m in (marks.light, marks.heavy)
    )
    anchors = tuple((image(at), stretched(side, jnp.sign(scale))) for at, side in marks.anchors)
    return Breakpoints(light, heavy, image(marks.points), image(marks.edges), anchors)


def _bent(t: transforms.Transform, marks: Breakpoints) -> Breakpoints:
    """Through a transform that is no affine one scales become breakpoints, and the ends of its image are anchors."""
    low, high = getattr(t.codomain, "lower_bound", None), getattr(t.codomain, "upper_bound", None)
    spots = jnp.concatenate(
        [
            marks.points,
            *(jnp.ravel(m[:, :1] + m[:, 1:] * _BOTH[None, :].astype(m.dtype)) for m in (marks.light, marks.heavy)),
        ]
    )
    if t.domain is not constraints.real:
        spots = jnp.where(t.domain(spots), spots, t.domain.feasible_like(spots))
    points, edges = t(spots), t(marks.edges)
    most = math.exp(0.8 * math.log(float(jnp.finfo(points.dtype).max)))
    anchors: list[Anchor] = [] if low is None else [(_number(low), 1.0)]
    anchors += [] if high is None else [(_number(high), -1.0)]
    for at, side in marks.anchors:
        start = jnp.asarray(at, points.dtype)
        image, slope = jax.jvp(t, (start,), (jnp.ones_like(start),))
        kept = jnp.isfinite(image) & jnp.isfinite(slope) & (slope != 0)
        # An end that goes to infinity stands for nothing: the image's own end, once more, or any point.
        spare_at, spare_side = anchors[0] if anchors else (0.0, 1.0)
        anchors.append((jnp.where(kept, image, spare_at), jnp.where(kept, side * jnp.sign(slope), spare_side)))
    return Breakpoints(
        jnp.zeros((0, 2)),
        jnp.zeros((0, 2)),
        jnp.clip(points, -most, most),
        jnp.clip(edges, -most, most),
        tuple(anchors),
    )


def _number(value: object) -> Array | float:
    return float(value) if isinstance(value, int | float) else jnp.asarray(value)


# ------------------------------------------------------------------------------------------------------------ any other


def _by_moments(d: Distribution) -> Breakpoints:
    """Mean and standard deviation where they are known, and every scale around each end of the support."""
    low, high = getattr(d.support, "lower_bound", None), getattr(d.support, "upper_bound", None)
    centre = _moments(d)
    parts = [_breakpoints(heavy=centre)]
    ends = [(_number(end), side) for end, side in ((low, 1.0), (high, -1.0)) if end is not None]
    for end, side in ends:
        reach = centre[:, 1] if low is None or high is None else jnp.ravel(jnp.asarray(high - low, centre.dtype))
        parts.append(_breakpoints(points=_from(jnp.asarray(end), side, jnp.log(reach[0]), 1.0), anchors=((end, side),)))
    return _join(parts)


def _moments(d: Distribution) -> Array:
    try:
        mean, variance = d.mean, d.variance
    except NotImplementedError:
        mean, variance = jnp.zeros(()), jnp.full((), jnp.inf)
    known = jnp.isfinite(mean) & jnp.isfinite(variance) & (variance > 0)
    return _pairs(jnp.where(known, mean, 0.0), jnp.sqrt(jnp.where(known, variance, 1.0)))


_BY_TYPE: dict[type, Callable[[Distribution], Breakpoints]] = {
    dist.Normal: _location_scale,
    dist.Laplace: _laplace,
    dist.Logistic: _location_scale,
    dist.Gumbel: _location_scale,
    dist.SoftLaplace: _location_scale,
    dist.AsymmetricLaplace: _asymmetric_laplace,
    dist.AsymmetricLaplaceQuantile: _asymmetric_laplace,
    dist.Cauchy: _heavy_location_scale,
    dist.StudentT: _heavy_location_scale,
    dist.Uniform: _uniform,
    dist.Exponential: _exponential,
    dist.HalfNormal: _half,
    dist.HalfCauchy: _half,
    dist.Delta: _delta,
    dist.Gamma: _gamma,
    dist.LeftTruncatedGamma: _truncated_gamma,
    dist.RightTruncatedGamma: _truncated_gamma,
    dist.TwoSidedTruncatedGamma: _truncated_gamma,
    dist.Weibull: _weibull,
    dist.Dagum: _dagum,
    dist.Levy: _levy,
    dist.Gompertz: _gompertz,
    dist.Beta: _beta,
    dist.LowerTruncatedPowerLaw: _power_law,
    dist.DoublyTruncatedPowerLaw: _power_law,
    dist.VonMises: _von_mises,
    dist.LeftTruncatedDistribution: _truncated,
    dist.RightTruncatedDistribution: _truncated,
    dist.TwoSidedTruncatedDistribution: _truncated,
    dist.FoldedDistribution: _folded,
    dist.MixtureSameFamily: _same_family,
    dist.MixtureGeneral: _general,
    dist.TransformedDistribution: _transformed,
}


def breakpoints_of(d: Distribution) -> Breakpoints:
    """The breakpoints of a one-dimensional law of any batch shape (a mixture's components are a batch).

    Raises:
      ValueError: a discrete law.
    """
    if isinstance(d, dist.ExpandedDistribution):
        return breakpoints_of(d.base_dist)
    # By type first: a Levy law that has passed through jit has forgotten its support.
    for kind in type(d).__mro__:
        if kind in _BY_TYPE:
            return _BY_TYPE[kind](d)
    if d.is_discrete:
        raise ValueError(f"{type(d).__name__} is discrete; expected a law with a density, or Delta")
    return _by_moments(d)


def common_breakpoints(*laws: Distribution) -> Breakpoints:
    """The breakpoints of several laws together, in the floating type of their parameters."""
    dtype = float_of(*laws)
    marks = _join([breakpoints_of(law) for law in laws])
    return Breakpoints(
        marks.light.astype(dtype),
        marks.heavy.astype(dtype),
        marks.points.astype(dtype),
        marks.edges.astype(dtype),
        marks.anchors,
    )
