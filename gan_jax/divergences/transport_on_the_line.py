"""Distances between laws on the line that come from moving mass: integrals over levels, with their errors.

The cheapest plan of every cost that is convex in the distance couples equal quantiles, so that with ``u`` uniform

    W_r^r = integral over (0, 1) of |F^{-1}(u) - G^{-1}(u)|^r du.

It is taken over the log-odds of ``u`` (``quantiles``), by Gauss-Kronrod rules on panels between the levels where either law
is sharp; panels on which the two rules differ most are divided. What lies beyond the last level is extrapolated from how
the integrand decays there. In the laws' parameters the integrand is differentiated at fixed levels, so that edges of supports
that move need no terms of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Float

from gan_jax import numerics
from gan_jax.divergences import quantiles
from gan_jax.divergences.accuracy import ExactValue, beyond_rounding, mapped, rounding_of_places
from gan_jax.divergences.distribution_functions import tails
from gan_jax.numerics import float_of
from gan_jax.typing import Array, Distribution, PyTree

Evaluated = Callable[[Array], tuple[Array, PyTree]]
"""``nodes [n] -> (integrand [n], what else is to be kept of the nodes: a pytree of [n])``."""
Difference = Callable[[PyTree, PyTree], tuple[Array, Array]]
"""``(laws, their quantiles at nodes) -> (difference [n], size of what was subtracted [n])``, differentiable in the laws."""

# Gauss-Kronrod rule of 7 and 15 points on [-1, 1] (QUADPACK's qk15), nodes in ascending order.
_HALF = [0.991455371120812639206854697526329, 0.949107912342758524526189684047851, 0.864864423359769072789712788640926,
         0.741531185599394439863864773280788, 0.586087235467691130294144691693013, 0.405845151377397166906606412076961,
         0.207784955007898467600689403773245, 0.0]  # fmt: skip
_KRONROD = [0.022935322010529224963732008058970, 0.063092092629978553290700663189204, 0.104790010322250183839876322541518,
            0.140653259715525918745189590510238, 0.169004726639267902826583426598550, 0.190350578064785409913256402421014,
            0.204432940075298892414161999234649, 0.209482141084727828012999174891714]  # fmt: skip
_GAUSS = [0.0, 0.129484966168869693270611432679082, 0.0, 0.279705391489276667901467771423780, 0.0,
          0.381830050505118944950369775488975, 0.0, 0.417959183673469387755102040816327]  # fmt: skip
_NODES = np.array([-x for x in _HALF] + _HALF[-2::-1])
_FINE = np.array(_KRONROD + _KRONROD[-2::-1])
_COARSE = np.array(_GAUSS + _GAUSS[-2::-1])

# Panels that are evaluated together, rounds of division, parts of a panel that is divided.
_CHUNK, _ROUNDS, _PARTS = 48, 4, 4


class Panels(NamedTuple):
    """Panels ``[k]`` of the line, with what an integral over each of them is and how far that may be off."""

    low: Float[Array, " k"]
    high: Float[Array, " k"]
    value: Float[Array, " k"]
    error: Float[Array, " k"]


def nodes_of(low: Float[Array, " k"], high: Float[Array, " k"]) -> Float[Array, "k 15"]:
    """The nodes of all panels, ``[k, 15]``."""
    centre, half = 0.5 * (low + high), 0.5 * (high - low)
    return centre[:, None] + half[:, None] * jnp.asarray(_NODES, low.dtype)[None, :]


def rule(low: Float[Array, " k"], high: Float[Array, " k"], values: Float[Array, "k 15"]) -> Panels:
    """The integrals over panels from an integrand's values at their nodes, ``[k, 15]``, with QUADPACK's error."""
    half = 0.5 * (high - low)
    held = jnp.where(half[:, None] > 0, values, 0.0)
    fine = half * (held @ jnp.asarray(_FINE, low.dtype))
    coarse = half * (held @ jnp.asarray(_COARSE, low.dtype))
    mean = jnp.where(half > 0, fine / (2.0 * jnp.where(half > 0, half, 1.0)), 0.0)
    roughness = half * (jnp.abs(held - mean[:, None]) @ jnp.asarray(_FINE, low.dtype))
    difference = jnp.abs(fine - coarse)
    rough = roughness > 0
    share = 200.0 * difference / jnp.where(rough, roughness, 1.0)
    error = jnp.where(rough, roughness * jnp.minimum(1.0, share * jnp.sqrt(share)), difference)
    return Panels(low, high, fine, jax.lax.stop_gradient(error))


def refined(edges: Array, evaluate: Evaluated) -> tuple[Panels, PyTree]:
    """Panels between ``edges``, those divided on which the rules differ most, and what is kept of their nodes ``[k * 15]``.

    Everything is evaluated in one loop: over the panels, some at a time, then over rounds of division.
    """
    edges = jax.lax.stop_gradient(edges)
    worst = _CHUNK // _PARTS
    chunks = -(-(edges.shape[0] - 1) // _CHUNK)
    # Panels of no width fill the last chunk.
    edges = jnp.concatenate([edges, jnp.full((chunks * _CHUNK + 1 - edges.shape[0],), edges[-1])])
    count = chunks * _CHUNK + _ROUNDS * worst * (_PARTS - 1)
    shares = jnp.arange(_PARTS + 1, dtype=edges.dtype) / _PARTS
    shape = jax.eval_shape(evaluate, jax.ShapeDtypeStruct((1,), edges.dtype))[1]

    def step(turn: Array, state: tuple[Panels, PyTree]) -> tuple[Panels, PyTree]:
        panels, kept = state
        first = turn < chunks
        chunk = jax.lax.dynamic_slice(edges, (jnp.where(first, turn, 0) * _CHUNK,), (_CHUNK + 1,))
        _, where = jax.lax.top_k(panels.error, worst)
        cuts = panels.low[where, None] + (panels.high - panels.low)[where, None] * shares[None, :]
        low = jnp.where(first, chunk[:-1], cuts[:, :-1].ravel())
        high = jnp.where(first, chunk[1:], cuts[:, 1:].ravel())
        free = chunks * _CHUNK + (turn - chunks) * worst * (_PARTS - 1)
        divided = jnp.concatenate([where, free + jnp.arange(worst * (_PARTS - 1))])
        slots = jnp.where(first, turn * _CHUNK + jnp.arange(_CHUNK), divided)
        values, aside = evaluate(nodes_of(low, high).ravel())
        parts = rule(low, high, values.reshape(_CHUNK, -1))
        panels = Panels(*(field.at[slots].set(part) for field, part in zip(panels, parts, strict=True)))
        rows = jax.tree.map(lambda a, b: a.at[slots].set(b.reshape(_CHUNK, -1)), kept, aside)
        return panels, rows

    nothing = jnp.zeros((count,), edges.dtype)
    empty = Panels(nothing, nothing, nothing, nothing - 1.0)
    kept = jax.tree.map(lambda leaf: jnp.zeros((count, _NODES.size), leaf.dtype), shape)
    panels, kept = jax.lax.fori_loop(0, chunks + _ROUNDS, step, (empty, kept))
    return jax.lax.stop_gradient((panels, jax.tree.map(jnp.ravel, kept)))


# -------------------------------------------------------------------------------------------------------------- Wasserstein


def powered(size: Array, order: float) -> Array:
    """``size^order`` with gradient 0 at 0."""
    if order == 1:
        return size
    positive = size > 0
    return jnp.where(positive, jnp.power(jnp.where(positive, size, 1.0), order), 0.0)


def root(value: Array, order: float) -> Array:
    """``value^(1 / order)`` with gradient 0 at 0 and at infinity."""
    if order == 1:
        return value
    inside = (value > 0) & (value < jnp.inf)
    return jnp.where(inside, jnp.power(jnp.where(inside, value, 1.0), 1.0 / order), value)


def _log_mass(t: Array) -> Array:
    """``log(u (1 - u))``, the density of levels over log-odds."""
    size = jnp.abs(t)
    return -size - 2.0 * jnp.log1p(jnp.exp(-size))


def _distance(difference: Array, size: Array, t: Array) -> Array:
    """``|difference|``, 0 where rounding left nothing of it: noise would look like a fat tail."""
    noise = 8.0 * jnp.finfo(t.dtype).eps * size * (1.0 + 0.25 * jnp.abs(t))
    return numerics.absolute(jnp.where(jnp.abs(difference) > noise, difference, 0.0))


class _Probe(NamedTuple):
    """Levels ``t [m]`` at which quantiles are known beforehand; the last ones are the common rungs."""

    t: Array
    quantiles: PyTree


def _probe(edges: Array, solve: Callable[[Array], PyTree]) -> _Probe:
    t = jnp.concatenate([edges, _rungs(edges.dtype)])
    return _Probe(t, jax.lax.stop_gradient(solve(t)))


def _rungs(dtype: jnp.dtype) -> Array:
    return jnp.asarray(quantiles.rungs(dtype == jnp.float64), dtype)


def _power_mean(
    order: float, laws: PyTree, difference: Difference, solve: Callable[[Array], PyTree], edges: Array, probe: _Probe
) -> ExactValue:
    """``(integral of |difference|^order du)^{1 / order}``.

    Args:
      order: of the mean.
      laws: in whose parameters it is differentiated.
      difference: of quantiles of these laws.
      solve: ``t [n] -> quantiles``, a pytree of ``[n]``, without gradient.
      edges: levels between which the integrand is tame.
      probe: what is known beforehand.

    Returns:
      The mean and its error.
    """
    fixed = jax.lax.stop_gradient(laws)

    def weighed(laws: PyTree, t: Array, at: PyTree) -> Array:
        return _distance(*difference(laws, at), t) * jnp.exp(_log_mass(t) / order)

    apart, lengths = difference(fixed, probe.quantiles)
    mass = jnp.exp(_log_mass(probe.t) / order)
    size = jnp.max(_distance(apart, lengths, probe.t) * mass)
    size = jax.lax.stop_gradient(jnp.where(size > 0, size, 1.0))
    # The peak of |x| u (1 - u) over the levels is an eighth of E|X|, within a factor of two.
    length, middle = 8.0 * jnp.max(lengths * mass), lengths[jnp.argmin(jnp.abs(probe.t))]
    width = 8.0 * jnp.max(jnp.abs(lengths - middle) * mass)

    def evaluate(t: Array) -> tuple[Array, PyTree]:
        at = solve(t)
        return powered(weighed(fixed, t, at) / size, order), at

    panels, at = refined(edges, evaluate)
    t = nodes_of(panels.low, panels.high).ravel()
    panels = rule(panels.low, panels.high, powered(weighed(laws, t, at) / size, order).reshape(-1, _NODES.size))
    rungs = _rungs(edges.dtype)
    known = jax.tree.map(lambda x: x[-rungs.shape[0] :], probe.quantiles)
    values = powered(weighed(laws, rungs, known) / size, order)
    lost = quantiles.saturated(difference(fixed, known)[1])
    right, left = _beyond(rungs, values, lost), _beyond(-rungs[::-1], values[::-1], lost[::-1])
    total = jnp.sum(panels.value) + right.value + left.value
    error = jnp.sum(panels.error) + right.error + left.error
    infinite = jnp.isinf(total)
    total = jnp.where(infinite, 0.0, total)
    error = jax.lax.stop_gradient(jnp.where(infinite, 0.0, error))
    value, error = mapped(ExactValue(total, error), lambda power: root(power, order))
    # With what was taken for noise; quantiles that are the same to the last bit are rounded alike.
    differences, lengths = difference(fixed, at)
    noise = (jnp.abs(differences) - _distance(differences, lengths, t)) * jnp.exp(_log_mass(t) / order) / size
    dropped = jnp.sum(rule(panels.low, panels.high, powered(noise, order).reshape(-1, _NODES.size)).value)
    rounded = rounding_of_places(length, width)
    rounded = jnp.where((rounded > 0) & jnp.any(apart != 0), rounded + size * root(dropped, order), 0.0)
    error = beyond_rounding(size * error, length) + jax.lax.stop_gradient(rounded)
    return ExactValue(jnp.where(infinite, jnp.inf, size * value), error)


def _beyond(t: Array, values: Array, lost: Array) -> ExactValue:
    """What an integrand that decays like ``e^{-rate t}`` has beyond the last of ascending levels.

    Args:
      t: levels, ``[k]``.
      values: the integrand there, ``[k]``.
      lost: where a quantile is beyond what its type can hold, ``[k]``; the rate is then that before, and what is extrapolated
        counts as error.

    Returns:
      The integral, infinite where it does not converge, and its error.
    """
    last = jnp.max(jnp.where(lost, 0, jnp.arange(t.shape[0])))
    at = jnp.maximum(last - jnp.arange(3), 0)
    live = jax.lax.stop_gradient(jnp.all(values[at] > 0) & (t[at[2]] > 0))
    end, middle, start = jnp.log(jnp.where(live, values[at], 1.0))
    steps = jnp.where(live, t[at[:2]] - t[at[1:]], 1.0)
    rate, before = (middle - end) / steps[0], (start - middle) / steps[1]
    infinite = live & (rate < (1e-5 if values.dtype == jnp.float64 else 1e-3))
    held = live & ~infinite
    rate = jnp.where(held, rate, 1.0)
    beyond = jnp.where(held, values[last] / rate, 0.0)
    cut = last < t.shape[0] - 1
    doubt = jnp.where(cut, beyond, jnp.abs(beyond * jnp.where(held, (rate - before) / rate, 0.0)))
    value = jnp.where(infinite, jnp.inf, jnp.where(cut, 0.0, beyond))
    return ExactValue(value, jax.lax.stop_gradient(doubt))


def _edges(dtype: jnp.dtype, *levels: Array) -> Array:
    common = _rungs(dtype)
    last = quantiles.last_level(dtype)
    return jnp.sort(jnp.clip(jnp.concatenate([common, *(level.astype(dtype) for level in levels)]), -last, last))


def _levels_at(law: Distribution, x: Array) -> Array:
    return jax.lax.stop_gradient(jax.vmap(lambda x: quantiles.log_odds(law, x))(x.astype(float_of(law))))


def moment(
    order: float, law: Distribution, offset: Array | float, slope: Array | float, turn: Array | float
) -> ExactValue:
    """``(E|offset + slope Z|^order)^{1 / order}`` for ``Z ~ law``; ``turn`` is where ``offset + slope Z`` changes its sign."""
    dtype = float_of(law, offset, slope)
    offset, slope, turn = (jnp.asarray(x, dtype) for x in (offset, slope, turn))
    solve = quantiles.inverse(law, dtype).at
    edges = _edges(dtype, _levels_at(law, quantiles.breaks(law)), _levels_at(law, turn.reshape(1)))

    def difference(laws: tuple[Distribution, Array, Array], x: Array) -> tuple[Array, Array]:
        law, offset, slope = laws
        moved = slope * quantiles.moving(law, x)
        return offset + moved, jnp.abs(offset) + jnp.abs(moved)

    return _power_mean(order, (law, offset, slope), difference, solve, edges, _probe(edges, solve))


def wasserstein(order: float, p: Distribution, q: Distribution) -> ExactValue:
    """``W_order`` between two laws on the line."""
    dtype = float_of(p, q)
    of_p, of_q = (quantiles.inverse(law, dtype) for law in (p, q))

    def solve(t: Array) -> tuple[Array, Array]:
        return of_p.at(t), of_q.at(t)

    def difference(laws: tuple[Distribution, Distribution], at: tuple[Array, Array]) -> tuple[Array, Array]:
        x, y = (quantiles.moving(law, x) for law, x in zip(laws, at, strict=True))
        return x - y, jnp.abs(x) + jnp.abs(y)

    edges = _edges(dtype, *(_levels_at(law, quantiles.breaks(law)) for law in (p, q)))
    probe = _probe(edges, solve)
    crossings = _crossings(of_p.law, of_q.law, edges, *(x[: edges.shape[0]] for x in probe.quantiles))
    return _power_mean(order, (p, q), difference, solve, _edges(dtype, edges, crossings), probe)


def _components(d: Distribution) -> int:
    return int(d.mixture_size) if isinstance(d, dist.MixtureSameFamily | dist.MixtureGeneral) else 1


def _crossings(p: Distribution, q: Distribution, edges: Array, x: Array, y: Array) -> Array:
    """The levels at which the quantiles ``x`` and ``y`` change places between two edges, where ``|x - y|`` has a kink.

    There ``F = G``, between the larger of the two lower quantiles and the smaller of the two upper ones. Of more changes than
    are looked for, twice as many as two mixtures of as many Gaussians usually have, those that matter most are taken.
    """
    count = min(4 * (_components(p) + _components(q)), edges.shape[0] - 1)
    difference = x - y
    change = difference[1:] * jnp.sign(difference[:-1]) < 0
    weight = (jnp.abs(difference[1:]) + jnp.abs(difference[:-1])) * jnp.diff(jax.nn.sigmoid(edges))
    _, where = jax.lax.top_k(jnp.where(change, weight, -1.0), count)
    rising = difference[where] < 0
    low, high = jnp.maximum(x[where], y[where]), jnp.minimum(x[where + 1], y[where + 1])

    def ahead(x: Array) -> Array:
        (p_lower, p_upper), (q_lower, q_upper) = tails(p, x), tails(q, x)
        return jnp.where(p_lower < p_upper, p_lower - q_lower, q_upper - p_upper)

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = quantiles.middle(low, high)
        first = (jax.vmap(ahead)(middle) > 0) == rising
        return jnp.where(first, middle, low), jnp.where(first, high, middle)

    steps = 64 if edges.dtype == jnp.float64 else 32
    low, _ = jax.lax.fori_loop(0, steps, halve, (low, high))
    level = jax.vmap(partial(quantiles.log_odds, p))(low)
    level = jnp.clip(jnp.where(jnp.isnan(level), edges[where], level), edges[where], edges[where + 1])
    return jax.lax.stop_gradient(jnp.where(change[where], level, edges[where]))


# ---------------------------------------------------------------------------------------------------------- energy distance


def energy_distance(p: Distribution, q: Distribution) -> ExactValue:
    """``2 E|X - Y| - E|X - X'| - E|Y - Y'| = 2 integral of (F - G)^2`` between two laws on the line.

    Over the line, on panels between the points of both ladders: between them neither distribution function is sharp.
    """
    dtype = float_of(p, q)
    edges = jnp.sort(jnp.concatenate([quantiles.ladder(law).astype(dtype) for law in (p, q)]))

    def integrand(p: Distribution, q: Distribution, x: Array) -> Array:
        def one(x: Array) -> Array:
            (p_lower, p_upper), (q_lower, q_upper) = tails(p, x), tails(q, x)
            left = p_lower + q_lower < p_upper + q_upper
            return 2.0 * jnp.square(jnp.where(left, p_lower - q_lower, q_upper - p_upper))

        return jax.vmap(one)(x)

    fixed = jax.lax.stop_gradient((p, q))

    found, _ = refined(edges, lambda x: (integrand(*fixed, x), ()))
    nodes = nodes_of(found.low, found.high)
    panels = rule(found.low, found.high, integrand(p, q, nodes.ravel()).reshape(nodes.shape))
    value = jnp.sum(panels.value)
    for atom in (*quantiles.atoms(p), *quantiles.atoms(q)):
        # The integrand jumps where there is an atom: what it loses when that moves (Leibniz).
        at = jax.lax.stop_gradient(atom)
        before, after = integrand(*fixed, jnp.stack([jnp.nextafter(at, -jnp.inf * jnp.ones_like(at)), at]))
        value = value + (before - after) * (atom - at)
    quarter = edges.shape[0] // 4
    width = edges[-quarter] - edges[quarter]
    # A place that is off by so much of the width changes F by as much; what that does to the integral of 2 (F - G)^2.
    off = rounding_of_places(jnp.abs(edges[2 * quarter]), width) / jnp.where(width > 0, width, 1.0)
    moved = 4.0 * off * jnp.sqrt(width) * jnp.sqrt(numerics.absolute(value)) + 2.0 * width * jnp.square(off)
    return ExactValue(value, beyond_rounding(jnp.sum(panels.error), width) + jax.lax.stop_gradient(moved))
