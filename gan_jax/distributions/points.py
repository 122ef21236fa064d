"""Densities at points that are known by how far they are from an end: right where the distance is below rounding.

A fifth of ``Gamma(0.02)`` lies below the smallest number of single precision, and half of ``Beta(0.02, 0.02)`` nearer
to 1 than 1's neighbour. Such a law is tame in the logarithm of the distance from its end, and so is its density as a
function of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import gammaln
from numpyro.distributions import constraints, transforms

from gan_jax.distributions.density import log_density_at, log_weights, mixture_weights
from gan_jax.numerics import log_sum_exp
from gan_jax.typing import Array, Distribution


class Point(NamedTuple):
    """A point of the line, ``x = origin + side e^log_gap``. All ``[]``.

    Attributes:
      x: where it is, rounded.
      origin: an end that it is measured from; ``inf`` where there is none, and ``x`` is all that is known.
      side: 1 above the origin, -1 below it.
      log_gap: the logarithm of its distance from the origin, which may be below the rounding of ``x``; ``-inf`` where
        there is no origin.
      slack: by how much ``origin`` may differ from an end that it is.
    """

    x: Array
    origin: Array
    side: Array
    log_gap: Array
    slack: Array


def _far(dtype: jnp.dtype) -> float:
    """The logarithm of a distance beside which no origin counts, and whose square may overflow."""
    return 300.0 if dtype == jnp.float64 else 40.0


def ceiling(dtype: jnp.dtype) -> float:
    """The logarithm of the largest distance that ``x`` shows; beyond, only ``log_gap`` is right."""
    return 0.95 * math.log(float(jnp.finfo(dtype).max))


def _on(point: Point, end: Array | float, side: float) -> Array:
    return (jnp.abs(point.origin - end) <= point.slack) & (point.side == side)


def _log_gap(point: Point, end: Array | float, side: float) -> Array:
    """``log(side (x - end))``, ``-inf`` on the other side."""
    known = _on(point, end, side) | ((point.log_gap > _far(point.x.dtype)) & (point.side == side))
    gap = side * (point.x - end)
    inside = (gap > 0) & (gap < jnp.inf)
    direct = jnp.where(inside, jnp.log(jnp.where(inside, gap, 1.0)), -jnp.inf)
    return jnp.where(known, point.log_gap, direct)


def log_density_of(d: Distribution, point: Point) -> Array:
    """``log p`` at one point, with respect to ``x``, for a law of any batch shape: ``[*batch]``.

    Args:
      d: a one-dimensional law.
      point: where.

    Returns:
      Log-densities, ``-inf`` outside the support (where the gradient is 0).
    """
    if isinstance(d, dist.ExpandedDistribution):
        return log_density_of(d.base_dist, point)
    if isinstance(d, dist.MixtureSameFamily | dist.MixtureGeneral):
        return log_sum_exp(log_weights(d) + _parts(d, lambda component: log_density_of(component, point)))
    if isinstance(d, dist.FoldedDistribution):
        sides = jnp.stack([log_density_of(d.base_dist, side) for side in (point, _mirrored(point))])
        return jnp.where(point.x >= 0, log_sum_exp(sides, axis=0), -jnp.inf)
    for kind in type(d).__mro__:
        # A class of one's own may have another density than the law that it is derived from.
        if kind in _RULES and type(d).log_prob is getattr(kind, "log_prob", None):
            return _RULES[kind](d, point)
    if isinstance(d, dist.TransformedDistribution):
        return _transformed(d, point)
    # Beyond numbers whose squares overflow, a density without a rule of its own is taken to be gone.
    x = _inside(d, point)
    shown = (point.log_gap <= _far(x.dtype)) & (jnp.abs(x) <= math.exp(_far(x.dtype)))
    return jnp.where(shown, log_density_at(d, jnp.where(shown, x, 0.0)), -jnp.inf)


def _parts(mixture: Distribution, function: Callable[[Distribution], Array]) -> Array:
    if isinstance(mixture, dist.MixtureSameFamily):
        return function(mixture.component_distribution)
    return jnp.stack([function(component) for component in mixture.component_distributions], axis=-1)


def gains_of(d: Distribution, point: Point) -> tuple[Array, Array] | None:
    """What components of weight 0 would add to a density: their weights and log-densities ``[k]``; ``None`` without a mixture.

    The logarithm of a weight of 0 has no derivative; the weight, which the density is linear in, has one. Of components
    whose weight is not 0 the weight returned is a constant 0. An image of a mixture is the mixture of the images.
    """
    if isinstance(d, dist.ExpandedDistribution):
        return gains_of(d.base_dist, point)
    if isinstance(d, dist.FoldedDistribution):
        return _joined(
            [_gains_where(point.x >= 0, 0.0, gains_of(d.base_dist, side)) for side in (point, _mirrored(point))]
        )
    if isinstance(d, dist.TransformedDistribution):
        inside, before, slope = _pulled_through(d, point)
        return _joined([_gains_where(inside, slope, gains_of(d.base_dist, before))])
    if not isinstance(d, dist.MixtureSameFamily | dist.MixtureGeneral):
        return None
    weights = mixture_weights(d)
    found: list[tuple[Array, Array] | None] = []
    if isinstance(d.mixing_distribution, dist.CategoricalProbs):
        logs = _parts(d, lambda component: log_density_of(component, point))
        found.append((jnp.where(weights == 0, weights, 0.0), logs))
    if isinstance(d, dist.MixtureSameFamily):
        inner = gains_of(d.component_distribution, point)
        found.append(None if inner is None else (weights[..., None] * inner[0], inner[1]))
    else:
        for k, component in enumerate(d.component_distributions):
            inner = gains_of(component, point)
            found.append(None if inner is None else (weights[..., k, None] * inner[0], inner[1]))
    return _joined(found)


def _gains_where(inside: Array, slope: Array | float, gains: tuple[Array, Array] | None) -> tuple[Array, Array] | None:
    """The gains of an image: nothing outside of it, and the densities divided by the slope of the map."""
    if gains is None:
        return None
    inside, slope = jnp.asarray(inside)[..., None], jnp.asarray(slope)[..., None]
    return gains[0], jnp.where(inside, gains[1] - jnp.where(inside, slope, 0.0), -jnp.inf)


def _joined(found: list[tuple[Array, Array] | None]) -> tuple[Array, Array] | None:
    present = [gains for gains in found if gains is not None]
    if not present:
        return None
    flat = [[jnp.ravel(jnp.broadcast_to(w, jnp.broadcast_shapes(w.shape, f.shape))), jnp.ravel(f)] for w, f in present]
    return jnp.concatenate([w for w, _ in flat]), jnp.concatenate([f for _, f in flat])


def _mirrored(point: Point) -> Point:
    return point._replace(x=-point.x, origin=-point.origin, side=-point.side)


def _inside(d: Distribution, point: Point) -> Array:
    """``x``, kept off an end of an open support that it has been rounded to."""
    x = point.x
    for name, side in (("lower_bound", 1.0), ("upper_bound", -1.0)):
        end = getattr(d.support, name, None)
        if end is not None:
            gap = jnp.exp(jnp.minimum(point.log_gap, _far(x.dtype)))
            least = jnp.finfo(x.dtype).tiny + jnp.finfo(x.dtype).eps * jnp.abs(end)
            x = jnp.where(_on(point, end, side), end + side * jnp.maximum(gap, least), x)
    return x


# ------------------------------------------------------------------------------------------------------ transformed laws


def _transformed(d: Distribution, point: Point) -> Array:
    """Change of variables."""
    inside, before, slope = _pulled_through(d, point)
    value = log_density_of(d.base_dist, before) - jnp.where(inside, slope, 0.0)
    return jnp.where(inside, value, -jnp.inf)


def _pulled_through(d: Distribution, point: Point) -> tuple[Array, Point, Array]:
    """``_pulled`` through one transform at a time, each of which carries the distance from an end along if it can."""
    slope: Array = jnp.zeros((), point.x.dtype)
    inside: Array = jnp.ones((), bool)
    for t in reversed(d.transforms):
        held, point, part = _pulled(t, point)
        slope, inside = slope + part, inside & held
    return inside, point, slope


def _bare(x: Array) -> Point:
    return Point(x, jnp.full_like(x, jnp.inf), jnp.ones_like(x), jnp.full_like(x, -jnp.inf), jnp.zeros_like(x))


def _pulled(t: transforms.Transform, point: Point) -> tuple[Array, Point, Array]:
    """Whether a point is an image, of which, and the logarithm of the transform's slope there."""
    if isinstance(t, transforms.AffineTransform):
        return _pulled_affine(t, point)
    if isinstance(t, transforms.ExpTransform):
        gap = _log_gap(point, 0.0, 1.0)
        held = gap > -jnp.inf
        before = jnp.where(held, gap, 0.0)
        return held, _bare(before), before
    if isinstance(t, transforms.SigmoidTransform):
        low, high = _log_gap(point, 0.0, 1.0), _log_gap(point, 1.0, -1.0)
        held = (low > -jnp.inf) & (high > -jnp.inf)
        low, high = jnp.where(held, low, 0.0), jnp.where(held, high, 0.0)
        return held, _bare(low - high), low + high
    if isinstance(t, transforms.PowerTransform):
        gap = _log_gap(point, 0.0, 1.0)
        held = gap > -jnp.inf
        gap = jnp.where(held, gap, 0.0)
        before = gap / t.exponent
        zero = jnp.zeros_like(before)
        return (
            held,
            Point(jnp.exp(before), zero, jnp.ones_like(before), before, zero),
            jnp.log(jnp.abs(t.exponent)) + gap - before,
        )
    held = jnp.ones((), bool) if t.codomain is constraints.real else t.codomain(point.x)
    held = held & (point.log_gap <= ceiling(point.x.dtype))
    x = point.x if t.codomain is constraints.real else jnp.where(held, point.x, t.codomain.feasible_like(point.x))
    before = t.inv(x)
    return held, _bare(before), t.log_abs_det_jacobian(before, x)


def _pulled_affine(t: transforms.AffineTransform, point: Point) -> tuple[Array, Point, Array]:
    loc, scale = jnp.asarray(t.loc, point.x.dtype), jnp.asarray(t.scale, point.x.dtype)
    slope = jnp.log(jnp.abs(scale))
    bounded = point.origin < jnp.inf
    origin = jnp.where(bounded, (jnp.where(bounded, point.origin, 0.0) - loc) / scale, jnp.inf)
    eps = 8.0 * jnp.finfo(point.x.dtype).eps
    slack = (point.slack + eps * (jnp.abs(jnp.where(bounded, point.origin, 0.0)) + jnp.abs(loc))) / jnp.abs(scale)
    before = Point((point.x - loc) / scale, origin, point.side * jnp.sign(scale), point.log_gap - slope, slack)
    return jnp.ones((), bool), before, slope


# ------------------------------------------------------------------------------------------------------------ by family


def _masked(gap: Array, value: Callable[[Array], Array]) -> Array:
    held = gap > -jnp.inf
    return jnp.where(held, value(jnp.where(held, gap, 0.0)), -jnp.inf)


def _unless_over(exponent: Array, value: Callable[[Array], Array]) -> Array:
    """``value(e^exponent)`` of a density that falls like ``e^-e^exponent``; ``-inf`` with gradient 0 where that overflows."""
    held = exponent <= ceiling(exponent.dtype)
    return jnp.where(held, value(jnp.exp(jnp.where(held, exponent, 0.0))), -jnp.inf)


def _normal(d: Distribution, point: Point) -> Array:
    z = (point.x - d.loc) / d.scale
    held = jnp.abs(z) <= math.exp(0.5 * ceiling(point.x.dtype))
    square = jnp.square(jnp.where(held, z, 0.0))
    return jnp.where(held, -0.5 * square - jnp.log(d.scale) - 0.5 * math.log(2.0 * math.pi), -jnp.inf)


def _gompertz(d: Distribution, point: Point) -> Array:
    c, log_rate = d.concentration, jnp.log(d.rate)

    def of_hazard(z: Array) -> Array:
        return _unless_over(z, lambda _: jnp.log(c) + log_rate + z - c * jnp.expm1(jnp.minimum(z, ceiling(z.dtype))))

    return _masked(_log_gap(point, 0.0, 1.0), lambda t: _unless_over(log_rate + t, of_hazard))


def _gumbel(d: Distribution, point: Point) -> Array:
    z = (point.x - d.loc) / d.scale
    return _unless_over(-z, lambda hazard: -z - hazard - jnp.log(d.scale))


def _gamma(d: Distribution, point: Point) -> Array:
    a, log_rate = d.concentration, jnp.log(d.rate)

    def value(t: Array) -> Array:
        return _unless_over(log_rate + t, lambda z: a * (log_rate + t) - t - z - gammaln(a))

    return _masked(_log_gap(point, 0.0, 1.0), value)


def _right_truncated_gamma(d: Distribution, point: Point) -> Array:
    middle = 0.5 * jnp.asarray(d.high, point.x.dtype)
    ratio = d.log_prob(middle) - d.base_dist.log_prob(middle)
    return jnp.where(point.x <= d.high, _gamma(d.base_dist, point) + ratio, -jnp.inf)


def _exponential(d: Distribution, point: Point) -> Array:
    log_rate = jnp.log(d.rate)
    return _masked(_log_gap(point, 0.0, 1.0), lambda t: _unless_over(log_rate + t, lambda z: log_rate - z))


def _two_ends(point: Point, value: Callable[[Array, Array], Array]) -> Array:
    """``value(log x, log(1 - x))`` on the unit interval."""
    low, high = _log_gap(point, 0.0, 1.0), _log_gap(point, 1.0, -1.0)
    held = (low > -jnp.inf) & (high > -jnp.inf)
    return jnp.where(held, value(jnp.where(held, low, -1.0), jnp.where(held, high, -1.0)), -jnp.inf)


def _beta(d: Distribution, point: Point) -> Array:
    a, b = d.concentration1, d.concentration0
    # JAX's own betaln is wrong by 1e-8 around (1, 30).
    normaliser = gammaln(a) + gammaln(b) - gammaln(a + b)
    return _two_ends(point, lambda low, high: (a - 1.0) * low + (b - 1.0) * high - normaliser)


def _kumaraswamy(d: Distribution, point: Point) -> Array:
    a, b = d.concentration1, d.concentration0

    def value(low: Array, high: Array) -> Array:
        # log(1 - x^a), from whichever of x and 1 - x has all its digits; it is log(a (1 - x)) where they are all that is left.
        gap = jnp.exp(high)
        power = a * jnp.where(low > -0.5, jnp.log1p(-jnp.where(low > -0.5, gap, 0.0)), low)
        near = gap < 1e-18
        rest = jnp.where(near, jnp.log(a) + high, jnp.log(-jnp.expm1(jnp.where(near, -1.0, power))))
        return jnp.log(a) + jnp.log(b) + (a - 1.0) * low + (b - 1.0) * rest

    return _two_ends(point, value)


def _weibull(d: Distribution, point: Point) -> Array:
    k, log_scale = d.concentration, jnp.log(d.scale)

    def value(t: Array) -> Array:
        z = t - log_scale
        return _unless_over(k * z, lambda hazard: jnp.log(k) - log_scale + (k - 1.0) * z - hazard)

    return _masked(_log_gap(point, 0.0, 1.0), value)


def _dagum(d: Distribution, point: Point) -> Array:
    p, a = d.concentration, d.sharpness

    def value(t: Array) -> Array:
        z = a * (t - jnp.log(d.scale))
        return jnp.log(a) + jnp.log(p) - t + p * z - (p + 1.0) * jax.nn.softplus(z)

    return _masked(_log_gap(point, 0.0, 1.0), value)


def _levy(d: Distribution, point: Point) -> Array:
    log_scale = jnp.log(d.scale)

    def value(t: Array) -> Array:
        return _unless_over(log_scale - t, lambda z: 0.5 * (log_scale - jnp.log(2.0 * jnp.pi) - z) - 1.5 * t)

    return _masked(_log_gap(point, d.loc, 1.0), value)


def _half_cauchy(d: Distribution, point: Point) -> Array:
    log_scale = jnp.log(d.scale)
    return _masked(
        _log_gap(point, 0.0, 1.0),
        lambda t: jnp.log(2.0 / jnp.pi) - log_scale - jax.nn.softplus(2.0 * (t - log_scale)),
    )


def _student(d: Distribution, point: Point) -> Array:
    dtype = point.x.dtype
    df, loc, scale = (jnp.asarray(a, dtype) for a in (d.df, d.loc, d.scale))
    normaliser = jnp.log(scale) + 0.5 * jnp.log(df * jnp.pi) + gammaln(0.5 * df) - gammaln(0.5 * (df + 1.0))
    return -normaliser - 0.5 * (df + 1.0) * _log1p_square(point, loc, scale, jnp.log(df))


def _cauchy(d: Distribution, point: Point) -> Array:
    loc, scale = jnp.asarray(d.loc, point.x.dtype), jnp.asarray(d.scale, point.x.dtype)
    return -jnp.log(jnp.pi * scale) - _log1p_square(point, loc, scale, 0.0)


def _log1p_square(point: Point, loc: Array, scale: Array, log_divisor: Array | float) -> Array:
    """``log(1 + z^2 / divisor)``, ``z = (x - loc) / scale``, also where the square overflows."""
    far = point.log_gap > _far(point.x.dtype)
    z = jnp.where(far, 0.0, (jnp.where(far, 0.0, point.x) - loc) / scale)
    large = jnp.abs(z) > 1e6
    log_size = jnp.where(far, point.log_gap - jnp.log(scale), jnp.log(jnp.where(large, jnp.abs(z), 1.0)))
    near = jnp.log1p(jnp.square(jnp.where(large, 0.0, z)) * jnp.exp(-log_divisor))
    return jnp.where(far | large, jax.nn.softplus(2.0 * log_size - log_divisor), near)


def _log_of_mean_power(y: Array) -> Array:
    """``log((e^y - 1) / y)``, 0 at 0."""
    small = jnp.abs(y) < 1e-4
    size = jnp.where(small, 1.0, jnp.abs(y))
    large = size + jnp.log(-jnp.expm1(-size)) - jnp.log(size)
    return jnp.where(small, 0.5 * y + y * y / 24.0, jnp.where(y > 0, large, large + y))


def _lower_truncated_power(d: Distribution, point: Point) -> Array:
    b, log_low = d.alpha + 1.0, jnp.log(d.low)
    value = _masked(_log_gap(point, 0.0, 1.0), lambda t: jnp.log(-b) + d.alpha * t - b * log_low)
    return jnp.where(point.x >= d.low, value, -jnp.inf)


def _doubly_truncated_power(d: Distribution, point: Point) -> Array:
    b, log_low, log_high = d.alpha + 1.0, jnp.log(d.low), jnp.log(d.high)
    width = log_high - log_low
    normaliser = b * log_low + jnp.log(width) + _log_of_mean_power(b * width)
    value = _masked(_log_gap(point, 0.0, 1.0), lambda t: d.alpha * t - normaliser)
    return jnp.where((point.x >= d.low) & (point.x <= d.high), value, -jnp.inf)


_RULES: dict[type, Callable[[Distribution, Point], Array]] = {
    dist.Normal: _normal,
    dist.Gamma: _gamma,
    dist.RightTruncatedGamma: _right_truncated_gamma,
    dist.Exponential: _exponential,
    dist.Beta: _beta,
    dist.Kumaraswamy: _kumaraswamy,
    dist.Gompertz: _gompertz,
    dist.Gumbel: _gumbel,
    dist.Weibull: _weibull,
    dist.Dagum: _dagum,
    dist.Levy: _levy,
    dist.HalfCauchy: _half_cauchy,
    dist.Cauchy: _cauchy,
    dist.StudentT: _student,
    dist.LowerTruncatedPowerLaw: _lower_truncated_power,
    dist.DoublyTruncatedPowerLaw: _doubly_truncated_power,
}
