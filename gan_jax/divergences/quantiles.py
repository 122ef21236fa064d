"""Quantile functions of one-dimensional laws, as functions of the log-odds of a level.

A level ``u`` is given as ``t = log(u / (1 - u))``, in which both tails keep their digits and the quantile functions of
most laws are tame: a power law is ``e^{|t| / alpha}``, a Gaussian tail is a root. What is sharp in ``t`` too are
mixtures of parts that are far apart; their *ladder* has the levels at which it happens.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Float
from numpyro.distributions import transforms
from scipy import special

from gan_jax.distributions import log_density_at
from gan_jax.distributions.standard_tails import STANDARD_TAILS, location_scale
from gan_jax.divergences.distribution_functions import ends_of, tails
from gan_jax.numerics import float_of
from gan_jax.typing import Array, Distribution

_STEPS = np.concatenate([np.arange(0.0, 8.0, 1.0), 8.0 * (4.0 / 3.0) ** np.arange(16)])

_SHARES = np.array([0.001, 0.01, 0.05, 0.15, 0.3, 0.5, 0.7, 0.9])


def last_level(dtype: jnp.dtype) -> float:
    """The largest log-odds whose tail is a normal number."""
    return 690.0 if dtype == jnp.float64 else 84.0


@lru_cache
def rungs(double: bool) -> np.ndarray:
    """The levels of every ladder: one apart in the middle, growing by a third of their distance from it."""
    last = last_level(jnp.dtype(jnp.float64 if double else jnp.float32))
    right = np.append(_STEPS[0.9 * last > _STEPS], last)
    return np.concatenate([-right[:0:-1], right])


def log_odds(law: Distribution, x: Float[Array, ""]) -> Float[Array, ""]:
    """``log F - log(1 - F)`` at one point ``x []``: increasing, with full relative accuracy in both tails."""
    lower, upper = tails(law, x)
    return jnp.log(lower) - jnp.log(upper)


# -------------------------------------------------------------------------------------------------------------- ladders


@lru_cache
def _standard_ladder(kind: type, double: bool) -> np.ndarray | None:
    t = rungs(double)
    log_lower, log_upper = -np.logaddexp(0.0, -t), -np.logaddexp(0.0, t)
    if kind is dist.Normal:
        return np.where(t < 0, special.ndtri_exp(log_lower), -special.ndtri_exp(log_upper))
    if kind is dist.Laplace:
        return np.where(t < 0, log_lower + math.log(2.0), -log_upper - math.log(2.0))
    if kind is dist.Cauchy:
        return np.where(t < 0, -1.0, 1.0) / np.tan(np.pi * np.maximum(np.exp(np.minimum(log_lower, log_upper)), 1e-305))
    if kind is dist.Logistic:
        return t
    if kind is dist.Uniform:
        return special.expit(t)
    if kind is dist.Exponential:
        return -log_upper
    return None


def ladder(law: Distribution) -> Float[Array, " k"]:
    """Points ``[k]``, ascending, between whose levels the quantile function of ``law`` is tame. They have no gradient."""
    return jnp.sort(jnp.ravel(_rungs_of(jax.lax.stop_gradient(law))).astype(float_of(law)))


def _rungs_of(law: Distribution) -> Array:
    """``[k, *batch]``."""
    if isinstance(law, dist.ExpandedDistribution):
        return _rungs_of(law.base_dist)
    if isinstance(law, dist.MixtureSameFamily):
        return jnp.ravel(_rungs_of(law.component_distribution))
    if isinstance(law, dist.MixtureGeneral):
        return jnp.concatenate([jnp.ravel(_rungs_of(component)) for component in law.component_distributions])
    if isinstance(law, dist.Delta):
        v = jnp.ravel(jnp.asarray(law.v, float_of(law)))
        return jnp.concatenate([jnp.nextafter(v, jnp.full_like(v, -jnp.inf)), v])
    if isinstance(law, dist.TransformedDistribution) and not isinstance(law, dist.FoldedDistribution):
        return _mapped(law, _rungs_of(law.base_dist))
    dtype = float_of(law)
    family = next((kind for kind in type(law).__mro__ if kind in STANDARD_TAILS), None)
    standard = None if family is None else _standard_ladder(family, dtype == jnp.float64)
    if standard is None:
        return _searched_ladder(law)
    loc, scale = location_scale(law)
    return jax.vmap(lambda z: loc + scale * z)(jnp.asarray(standard, dtype))


def _mapped(law: Distribution, points: Array) -> Array:
    for t in law.transforms:
        points = jax.vmap(t)(points)
    largest = _largest(points.dtype)
    return jnp.clip(points, -largest, largest)


def _searched_ladder(law: Distribution) -> Array:
    """By bisection, in a chart of the law's support."""
    dtype = float_of(law)
    goals = jnp.asarray(rungs(dtype == jnp.float64), dtype)
    ends = ends_of(law, dtype)
    loc, scale = (jnp.asarray(getattr(law, name, default), dtype) for name, default in (("loc", 0.0), ("scale", 1.0)))

    def point(v: Array) -> Array:
        low, high = ends
        real = loc + scale * jnp.sinh(v)
        half = jnp.where(jnp.isfinite(low), low + jnp.exp(v), high - jnp.exp(-v))
        both = jnp.where(v < 0, low + (high - low) * jax.nn.sigmoid(v), high - (high - low) * jax.nn.sigmoid(-v))
        bounded = jnp.where(jnp.isfinite(low) & jnp.isfinite(high), both, half)
        return jnp.where(jnp.isfinite(low) | jnp.isfinite(high), bounded, real)

    def search(goal: Array) -> Array:
        def halve(_: int, span: tuple[Array, Array]) -> tuple[Array, Array]:
            low, high = span
            middle = 0.5 * (low + high)
            below = log_odds(law, point(middle)) < goal
            return jnp.where(below, middle, low), jnp.where(below, high, middle)

        shape = jax.eval_shape(lambda: log_odds(law, point(jnp.zeros((), dtype)))).shape
        reach = math.log(_largest(dtype)) - 1.0
        span = jnp.full(shape, -reach, dtype), jnp.full(shape, reach, dtype)
        low, high = jax.lax.fori_loop(0, 16, halve, span)
        return point(0.5 * (low + high))

    return jax.vmap(search)(goals)


def breaks(law: Distribution) -> Float[Array, " k"]:
    """Points ``[k]`` at whose levels the quantile function may have a kink or a steep place between the common rungs."""
    dtype = float_of(law)
    if isinstance(law, dist.ExpandedDistribution):
        return breaks(law.base_dist)
    if isinstance(law, dist.MixtureSameFamily | dist.MixtureGeneral):
        return ladder(law)
    if isinstance(law, dist.FoldedDistribution):
        return jnp.abs(breaks(law.base_dist))
    if isinstance(law, dist.TransformedDistribution):
        inner = breaks(law.base_dist)
        return jnp.ravel(_mapped(law, inner)) if inner.shape[0] else inner
    if type(law) in STANDARD_TAILS:
        return jnp.zeros((0,), dtype)
    centre = law.base_dist if hasattr(law, "base_dist") else law
    kinks = jnp.ravel(jnp.asarray(centre.loc, dtype)) if hasattr(centre, "loc") else jnp.zeros((0,), dtype)
    return jax.lax.stop_gradient(jnp.concatenate([kinks, _graded(law, dtype)]))


def _graded(law: Distribution, dtype: jnp.dtype) -> Array:
    """Points that part the bulk of a law from an end of its support, where its density may be singular."""
    low, high = ends_of(law, dtype)
    points = ladder(law).astype(dtype)
    middle = points.shape[0] // 2
    first, last = points[middle - 7], points[middle + 7]
    shares = jnp.asarray(_SHARES, dtype)
    from_low = jnp.where(jnp.isfinite(low), low + (last - low) * shares, last)
    from_high = jnp.where(jnp.isfinite(high), high - (high - first) * shares, first)
    return jnp.concatenate([from_low, from_high])


def atoms(law: Distribution) -> Float[Array, " k"]:
    """The points ``[k]`` that have mass of their own, with their gradient."""
    if isinstance(law, dist.MixtureGeneral):
        return jnp.concatenate([atoms(component) for component in law.component_distributions])
    if isinstance(law, dist.MixtureSameFamily):
        return atoms(law.component_distribution)
    return (
        jnp.ravel(jnp.asarray(law.v, float_of(law))) if isinstance(law, dist.Delta) else jnp.zeros((0,), float_of(law))
    )


# ---------------------------------------------------------------------------------------------------- quantile functions


def _largest(dtype: jnp.dtype) -> float:
    return 1e300 if dtype == jnp.float64 else 1e37


def saturated(x: Array) -> Array:
    """Whether a quantile is beyond what its type can hold."""
    return jnp.abs(x) > 0.1 * _largest(x.dtype)


def middle(low: Array, high: Array) -> Array:
    """Half-way between two floats in the order of all floats: 64 (32) halvings find any number between any two."""
    signed, least = (jnp.int64, np.int64(-(2**63))) if low.dtype == jnp.float64 else (jnp.int32, np.int32(-(2**31)))

    def ordered(x: Array) -> Array:
        bits = jax.lax.bitcast_convert_type(x, signed)
        return jnp.where(bits < 0, least - bits, bits)

    a, b = ordered(low), ordered(high)
    half = (a >> 1) + (b >> 1) + (a & b & 1)
    return jax.lax.bitcast_convert_type(jnp.where(half < 0, least - half, half), low.dtype)


def moving(law: Distribution, x: Float[Array, " n"]) -> Float[Array, " n"]:
    """Quantiles ``x [n]`` of a law as functions of its parameters, at the levels that they have now."""
    x = jax.vmap(lambda point: _carried(law, point))(jax.lax.stop_gradient(x))
    for atom in atoms(law):
        near = jnp.abs(x - jax.lax.stop_gradient(atom)) <= 2.0 * jnp.finfo(x.dtype).eps * jnp.abs(atom)
        x = jnp.where(near, atom, x)
    return x


def levels_of(law: Distribution, points: Float[Array, " k"]) -> Float[Array, " k"]:
    """The log-odds at ascending ``points [k]``, ascending whatever rounding does."""
    return jax.lax.cummax(jax.lax.stop_gradient(jax.vmap(lambda x: log_odds(law, x))(points)))


class Inverse(NamedTuple):
    """A law with what is needed to invert its distribution function: its ladder ``[k]`` and the levels there. No gradients."""

    law: Distribution
    points: Float[Array, " k"]
    levels: Float[Array, " k"]

    def at(self, t: Float[Array, " n"]) -> Float[Array, " n"]:
        """``F^{-1}`` at the log-odds ``t [n]``, ``[n]``: Newton's method in a bracket, which is halved where that does not help."""
        law, points, levels = self
        largest = jnp.full((1,), _largest(t.dtype), t.dtype)
        low_end, high_end = ends_of(law, t.dtype)
        outer = jnp.concatenate([jnp.maximum(-largest, low_end), points, jnp.minimum(largest, high_end)])
        right = jnp.searchsorted(levels, t, method="sort")

        def off_by(x: Array) -> tuple[Array, Array]:
            log_lower, log_upper = (jnp.log(side) for side in tails(law, x))
            # In logarithms: far out the density underflows before the tail does.
            return log_lower - log_upper, jnp.exp(log_density_at(law, x) - log_lower - log_upper)

        def step(state: _Search) -> _Search:
            level, slope = jax.vmap(off_by)(state.x)
            off = level - t
            low, high = jnp.where(off < 0, state.x, state.low), jnp.where(off < 0, state.high, state.x)
            half = middle(low, high)
            moved = state.x - off / jnp.where(slope > 0, slope, 1.0)
            # A step from an end of the bracket, inwards.
            good = (slope > 0) & (moved >= low) & (moved <= high)
            near = jnp.where(good & (jnp.abs(off) < 0.01), state.near + 1, 0)
            following = jnp.where(good & ((near > 0) | (state.turn % 3 < 2)), moved, half)
            # Three more steps from where Newton's method has begun to square its error.
            done = state.done | (half == low) | (half == high) | (near > 3)
            return _Search(state.turn + 1, low, high, jnp.where(state.done, state.x, following), near, done)

        low, high = outer[right], outer[right + 1]
        start = _Search(0, low, high, middle(low, high), jnp.zeros(t.shape, int), jnp.zeros(t.shape, bool))
        return jax.lax.while_loop(lambda state: (state.turn < 200) & ~jnp.all(state.done), step, start).x


class _Search(NamedTuple):
    turn: Array | int
    low: Array
    high: Array
    x: Array
    near: Array
    done: Array


def inverse(law: Distribution, dtype: jnp.dtype) -> Inverse:
    """What inverts the distribution function of ``law``."""
    law = jax.lax.stop_gradient(law)
    points = ladder(law).astype(dtype)
    return Inverse(law, points, levels_of(law, points))


def _carried(law: Distribution, x: Array) -> Array:
    """A quantile ``x []`` that an affine map takes along.

    A law that is singular at an end has many quantiles that are rounded to it. There its density is infinite, and says
    nothing about how they move; the map does.
    """
    outer = law.transforms[-1] if isinstance(law, dist.TransformedDistribution) else None
    if not isinstance(outer, transforms.AffineTransform) or isinstance(law, dist.FoldedDistribution):
        return _at_fixed_level(law, x)
    rest = list(law.transforms[:-1])
    inner = dist.TransformedDistribution(law.base_dist, rest) if rest else law.base_dist
    before = jax.lax.stop_gradient((x - outer.loc) / outer.scale)
    after = outer.loc + outer.scale * _carried(inner, before)
    return x + (after - jax.lax.stop_gradient(after))


@jax.custom_jvp
def _at_fixed_level(law: Distribution, x: Array) -> Array:
    """``x``, as the quantile at the level that it has now: it moves by ``-dF(x) / f(x)`` when the law changes."""
    return x


@_at_fixed_level.defjvp
def _at_fixed_level_jvp(
    primals: tuple[Distribution, Array], tangents: tuple[Distribution, Array]
) -> tuple[Array, Array]:
    (law, x), (change, _) = primals, tangents
    x = _at_fixed_level(law, x)
    (lower, upper), (d_lower, d_upper) = jax.jvp(lambda law: tails(law, x), (law,), (change,))
    density = jnp.exp(log_density_at(law, x))
    held = (density > 0) & (density < jnp.inf)
    moved = jnp.where(lower < upper, -d_lower, d_upper)
    return x, jnp.where(held, moved, 0.0) / jnp.where(held, density, 1.0)
