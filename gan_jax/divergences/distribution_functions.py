"""Distribution functions of one-dimensional laws: both tails, each with its own relative accuracy.

A law is covered by its closed form, by that of the law that it is made from (mixtures, truncations, images under
monotone maps), by NumPyro's ``cdf``, or else by integrating its density. All are differentiable in their parameters.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import gammainc, gammaincc
from jaxtyping import Float
from numpyro.distributions import constraints, transforms

from gan_jax import numerics
from gan_jax.distributions import log_density_at, mixture_weights, support_of
from gan_jax.distributions.standard_tails import (
    STANDARD_TAILS,
    Tails,
    between,
    from_hazard,
    incomplete_beta,
    standardised,
    student,
)
from gan_jax.numerics import float_of
from gan_jax.typing import Array, Distribution


def tails(d: Distribution, x: Float[Array, ""]) -> Tails:
    """``(P(X <= x), P(X > x))``, each with full relative accuracy, for a law of any batch shape at one point.

    Where a law has no closed form here, the smaller tail may keep only its absolute accuracy; where its density does
    not integrate to 1 by the rule of ``_integrated``, both are NaN.

    Args:
      d: a one-dimensional law.
      x: a point, ``[]``.

    Returns:
      Two arrays of the batch shape.

    Raises:
      ValueError: a law without a distribution function: discrete, partly discrete, or not univariate.
    """
    for kind in type(d).__mro__:
        if kind in _BY_TYPE:
            return _BY_TYPE[kind](d, x)
    _refuse(d)
    return _known_to_numpyro(d, x)


def _refuse(d: Distribution) -> None:
    name = type(d).__name__
    if d.event_shape:
        raise ValueError(f"{name} has event shape {d.event_shape}; expected a law on the line")
    if d.is_discrete:
        raise ValueError(f"{name} is discrete; expected a law with a density, or Delta")
    # NumPyro's density of a TruncatedPolyaGamma integrates to 1 - 5.6e-6.
    if any(word in name for word in ("Hurdle", "ZeroInflated", "Censored", "Improper", "Masked", "PolyaGamma")):
        raise ValueError(
            f"{name} has no density of mass 1 (it has an atom, or is not normalised); expected a law that has one, or a "
            "mixture of such laws and Delta"
        )


def _asymmetric_laplace(d: Distribution, x: Array) -> Tails:
    left, right = d.scale * d.asymmetry, d.scale / d.asymmetry
    far = x - d.loc
    weight_left, weight_right = left / (left + right), right / (left + right)
    on_left, on_right = jnp.minimum(far, 0.0) / left, jnp.maximum(far, 0.0) / right
    lower = jnp.where(far < 0, weight_left * jnp.exp(on_left), weight_left - weight_right * jnp.expm1(-on_right))
    upper = jnp.where(far < 0, weight_right - weight_left * jnp.expm1(on_left), weight_right * jnp.exp(-on_right))
    return lower, upper


# --------------------------------------------------------------------------------------- laws of shape, on part of the line


def _masked(x: Array, low: Array | float, high: Array | float, of: Callable[[Array], Tails]) -> Tails:
    """``of(x)`` strictly between two ends, ``(0, 1)`` below and ``(1, 0)`` above; ``of`` only sees points between them."""
    low, high = jnp.asarray(low, x.dtype), jnp.asarray(high, x.dtype)
    inside = (x > low) & (x < high)
    middle = jnp.where(jnp.isfinite(high), 0.5 * low + 0.5 * jnp.where(jnp.isfinite(high), high, 0.0), low + 1.0)
    lower, upper = of(jnp.where(inside, x, middle))
    below = jnp.where(x <= low, 0.0, 1.0)
    return jnp.where(inside, lower, below), jnp.where(inside, upper, 1.0 - below)


def _gamma(d: Distribution, x: Array) -> Tails:
    dtype = jnp.result_type(float_of(d), x)
    shape = jnp.asarray(d.concentration, dtype)

    def of(x: Array) -> Tails:
        # Quantiles below the smallest number: JAX's derivative at 0 is infinite, times 0.
        z = jnp.maximum(x * d.rate, jnp.finfo(dtype).tiny)
        z = jnp.broadcast_to(z, jnp.broadcast_shapes(jnp.shape(z), jnp.shape(shape)))
        return gammainc(shape, z), gammaincc(shape, z)

    return _masked(x, 0.0, jnp.inf, of)


def _beta(d: Distribution, x: Array) -> Tails:
    dtype = jnp.result_type(float_of(d), x)
    a, b = jnp.asarray(d.concentration1, dtype), jnp.asarray(d.concentration0, dtype)
    return _masked(x, 0.0, 1.0, lambda x: incomplete_beta(a, b, x, 1.0 - x))


def _kumaraswamy(d: Distribution, x: Array) -> Tails:
    def of(x: Array) -> Tails:
        return from_hazard(-d.concentration0 * numerics.log1m_exp(d.concentration1 * jnp.log(x)))

    return _masked(x, 0.0, 1.0, of)


def _weibull(d: Distribution, x: Array) -> Tails:
    return _masked(x, 0.0, jnp.inf, lambda x: from_hazard(jnp.power(x / d.scale, d.concentration)))


def _gompertz(d: Distribution, x: Array) -> Tails:
    return _masked(x, 0.0, jnp.inf, lambda x: from_hazard(d.concentration * jnp.expm1(x * d.rate)))


def _dagum(d: Distribution, x: Array) -> Tails:
    def of(x: Array) -> Tails:
        # log F, from which 1 - F keeps its digits.
        log_lower = -d.concentration * jax.nn.softplus(-d.sharpness * jnp.log(x / d.scale))
        return jnp.exp(log_lower), -jnp.expm1(log_lower)

    return _masked(x, 0.0, jnp.inf, of)


def _power_law(d: Distribution, x: Array) -> Tails:
    return _masked(x, d.low, jnp.inf, lambda x: from_hazard(-(d.alpha + 1.0) * jnp.log(x / d.low)))


def _truncated_power_law(d: Distribution, x: Array) -> Tails:
    slope, whole = d.alpha + 1.0, jnp.log(d.high / d.low)

    def of(x: Array) -> Tails:
        from_low, to_high = jnp.log(x / d.low), jnp.log(d.high / x)
        return _grown(slope, from_low, whole), _grown(-slope, to_high, whole)

    return _masked(x, d.low, d.high, of)


def _grown(slope: Array, part: Array, whole: Array) -> Array:
    """``expm1(slope part) / expm1(slope whole)`` for ``0 <= part <= whole``: no overflow, ``part / whole`` at slope 0."""
    steep = jnp.abs(slope)
    size = jnp.where(slope > 0, steep * (part - whole), 0.0)
    return jnp.exp(size) * part * _expm1_ratio(-steep * part) / (whole * _expm1_ratio(-steep * whole))


def _expm1_ratio(z: Array) -> Array:
    """``expm1(z) / z``, 1 at 0, with its derivative."""
    small = jnp.abs(z) < 1e-3
    held = jnp.where(small, 1.0, z)
    return jnp.where(small, 1.0 + z / 2.0 * (1.0 + z / 3.0 * (1.0 + z / 4.0 * (1.0 + z / 5.0))), jnp.expm1(held) / held)


# --------------------------------------------------------------------------------------------- laws made from other laws


def _same_family(d: Distribution, x: Array) -> Tails:
    weights = mixture_weights(d)
    lower, upper = tails(d.component_distribution, x)
    return jnp.sum(weights * lower, axis=-1), jnp.sum(weights * upper, axis=-1)


def _general(d: Distribution, x: Array) -> Tails:
    weights = mixture_weights(d)
    sides = [tails(component, x) for component in d.component_distributions]
    lower, upper = (jnp.stack(jnp.broadcast_arrays(*side), axis=-1) for side in zip(*sides, strict=True))
    return jnp.sum(weights * lower, axis=-1), jnp.sum(weights * upper, axis=-1)


def _delta(d: Distribution, x: Array) -> Tails:
    below = jnp.asarray(d.v > x, x.dtype)
    return 1.0 - below, below


def _truncated(d: Distribution, x: Array) -> Tails:
    dtype = jnp.result_type(float_of(d), x)
    low, high = getattr(d, "low", None), getattr(d, "high", None)
    nothing, everything = (jnp.zeros((), dtype), jnp.ones((), dtype)), (jnp.ones((), dtype), jnp.zeros((), dtype))
    start = nothing if low is None else tails(d.base_dist, jnp.asarray(low, dtype))
    end = everything if high is None else tails(d.base_dist, jnp.asarray(high, dtype))

    def of(x: Array) -> Tails:
        here, whole = tails(d.base_dist, x), between(start, end)
        return between(start, here) / whole, between(here, end) / whole

    low = -jnp.inf if low is None else low
    return _masked_from_both(x, low, jnp.inf if high is None else high, of)


def _masked_from_both(x: Array, low: Array | float, high: Array | float, of: Callable[[Array], Tails]) -> Tails:
    lower, upper = of(jnp.clip(x, low, high))
    return jnp.where(x <= low, 0.0, jnp.where(x >= high, 1.0, lower)), jnp.where(
        x <= low, 1.0, jnp.where(x >= high, 0.0, upper)
    )


def _folded(d: Distribution, x: Array) -> Tails:
    held = jnp.maximum(x, 0.0)
    left, right = tails(d.base_dist, -held), tails(d.base_dist, held)
    return jnp.where(x > 0, between(left, right), 0.0), jnp.where(x > 0, left[0] + right[1], 1.0)


def _transformed(d: Distribution, x: Array) -> Tails:
    return _image(d.base_dist, list(d.transforms), x)


def _image(base: Distribution, maps: list[transforms.Transform], x: Array) -> Tails:
    if not maps:
        return tails(base, x)
    t = maps[-1]
    if isinstance(t, transforms.AbsTransform):
        raise ValueError(
            f"the image of a {type(base).__name__} under {type(t).__name__} and another map: expected monotone maps"
        )
    codomain = t.codomain
    inside = codomain(x)
    before = t.inv(x if codomain is constraints.real else jnp.where(inside, x, codomain.feasible_like(x)))
    lower, upper = _image(base, maps[:-1], before)
    rising = rises(t, x.dtype)
    lower, upper = jnp.where(rising, lower, upper), jnp.where(rising, upper, lower)
    below = x <= getattr(codomain, "lower_bound", -jnp.inf)
    above = x >= getattr(codomain, "upper_bound", jnp.inf)
    lower = jnp.where(below, 0.0, jnp.where(above, 1.0, lower))
    return lower, jnp.where(below, 1.0, jnp.where(above, 0.0, upper))


def rises(t: transforms.Transform, dtype: jnp.dtype) -> Array:
    """Whether a monotone map rises: looked at where its domain is at its tamest, not where a slope underflows."""
    at = jnp.asarray(t.domain.feasible_like(jnp.zeros((), dtype)), dtype)
    _, slope = jax.jvp(t, (jax.lax.stop_gradient(at),), (jnp.ones_like(at),))
    return slope > 0


def _unwrapped(d: Distribution, x: Array) -> Tails:
    return tails(d.base_dist, x)


# ------------------------------------------------------------------------------------------------------------- all others


def _known_to_numpyro(d: Distribution, x: Array) -> Tails:
    """By NumPyro's own distribution function, else by integrating the density."""
    low, high = ends_of(d, x.dtype)
    safe = jnp.where((x > low) & (x < high), x, support_of(d).feasible_like(x))
    try:
        lower = d.cdf(safe)
    except NotImplementedError:
        return _masked_from_both(x, low, high, lambda x: _integrated(d, x, low, high))
    lower = jnp.where((x > low) & (x < high), lower, jnp.where(x <= low, 0.0, 1.0))
    return lower, 1.0 - lower


def ends_of(d: Distribution, dtype: jnp.dtype) -> Tails:
    """Where the support of a law begins and ends, infinite on the open line."""
    support = support_of(d)
    return (
        jnp.asarray(getattr(support, "lower_bound", -jnp.inf), dtype),
        jnp.asarray(getattr(support, "upper_bound", jnp.inf), dtype),
    )


def _integrated(d: Distribution, x: Array, low: Array, high: Array) -> Tails:
    """Both tails by integrating the density from both ends; NaN where they do not add up to 1.

    From a finite end ``a`` with ``s = a + (x - a) e^{-v}``, from an infinite one with ``s = x ∓ v``, ``v = e^w``: the
    trapezoidal rule in ``w`` converges exponentially for densities that are analytic inside.
    """
    double = x.dtype == jnp.float64
    step, bottom = (0.1, -37.0) if double else (0.2, -17.0)

    def side(end: Array, outwards: float) -> Array:
        w = jnp.arange(bottom, 60.0 if double else 30.0, step, dtype=x.dtype)
        v = jnp.exp(w)
        finite = jnp.isfinite(end)
        reach = jnp.where(finite, x - jnp.where(finite, end, 0.0), 1.0)
        shrunk = jnp.exp(-v)
        s = jnp.where(finite, x + reach * jnp.expm1(-v), x + outwards * v)
        size = jnp.where(finite, jnp.abs(reach) * shrunk, 1.0) * v * step
        held = size > 0
        density = jnp.exp(jax.vmap(lambda point: log_density_at(d, point))(jnp.where(held, s, x)))
        return jnp.tensordot(jnp.where(held, size, 0.0), jnp.where(jnp.isfinite(density), density, 0.0), 1)

    lower, upper = side(low, -1.0), side(high, 1.0)
    whole = lower + upper
    known = jnp.abs(whole - 1.0) < (1e-7 if double else 1e-5)
    return jnp.where(known, lower / whole, jnp.nan), jnp.where(known, upper / whole, jnp.nan)


_BY_TYPE: dict[type, Callable[[Distribution, Array], Tails]] = {
    **dict.fromkeys(STANDARD_TAILS, standardised),
    dist.StudentT: student,
    dist.AsymmetricLaplace: _asymmetric_laplace,
    dist.AsymmetricLaplaceQuantile: lambda d, x: _asymmetric_laplace(d._ald, x),
    dist.Gamma: _gamma,
    dist.Beta: _beta,
    dist.Kumaraswamy: _kumaraswamy,
    dist.Weibull: _weibull,
    dist.Gompertz: _gompertz,
    dist.Dagum: _dagum,
    dist.LowerTruncatedPowerLaw: _power_law,
    dist.DoublyTruncatedPowerLaw: _truncated_power_law,
    dist.LeftTruncatedDistribution: _truncated,
    dist.RightTruncatedDistribution: _truncated,
    dist.TwoSidedTruncatedDistribution: _truncated,
    dist.LeftTruncatedGamma: _truncated,
    dist.RightTruncatedGamma: _truncated,
    dist.TwoSidedTruncatedGamma: _truncated,
    dist.FoldedDistribution: _folded,
    dist.TransformedDistribution: _transformed,
    dist.MixtureSameFamily: _same_family,
    dist.MixtureGeneral: _general,
    dist.Delta: _delta,
    dist.ExpandedDistribution: _unwrapped,
}
