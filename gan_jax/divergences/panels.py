"""Integrals of functions of two densities on the line, each with its error, under ``jit``, ``vmap`` and ``grad``.

The line is cut at the breakpoints of both laws (``breakpoints``). Between an end at which a density may be singular and the
next breakpoint, panels go on geometrically in the *logarithm* of the distance, down to e^-100000 of it; outside the
hull of all breakpoints they go on in the same way towards infinity. There a law is tame, and what its density does in
the last panels tells whether the integral converges. Every panel has 16 Gauss-Legendre nodes. The highest Legendre
coefficients of the integrand on a panel tell how well it is resolved there; the worst panels are halved until the error
is small or there is no room left. What error is left is returned.

Densities are taken with respect to the unit coordinate of their panel: an f-divergence does not care, and neither
factor of ``p dx`` can overflow or vanish alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from gan_jax import numerics
from gan_jax.distributions.points import Point, ceiling, gains_of, log_density_of
from gan_jax.divergences.breakpoints import CORE, Breakpoints, common_breakpoints
from gan_jax.typing import Array, Distribution

Rows = Callable[[Array, Array], Array]

_ORDER = 16
# Offsets of breakpoints, in scales: as around any feature, then growing by half of the distance, or by a factor.
_LIGHT = np.concatenate([CORE, 45.0 * 1.5 ** np.arange(0, 3)])
_HEAVY = np.concatenate([CORE, 45.0 * 1.5 ** np.arange(0, 4), 250.0 * 3.0 ** np.arange(0, 24)])
_HEAVY_SINGLE = _HEAVY[:-14]
# In logarithms of a distance: steps of 2, then growing by a third.
_INWARD = np.concatenate([np.arange(0.0, 10.0, 2.0), 10.0 * 1.34 ** np.arange(0, 33)])
_OUTWARD = np.concatenate([1.1 * np.arange(0.0, 5.0), 5.5 * 1.34 ** np.arange(0, 35)])
# Short, so that what grows until its densities underflow, within some 700 scales, is seen to grow.
_OUTWARD_LIGHT = np.linspace(0.0, 4.4, 13)
# Refinement: pieces looked at in a round, rounds, and how many pieces may be added.
_CHUNK, _ROUNDS, _SLOTS = 48, 30, 48


class Panels(NamedTuple):
    """Panels of the line; all ``[n]``.

    Attributes:
      low, high: of ``x``, or of ``log |x - origin|`` where ``logarithmic``.
      origin, side: the end that ``x`` is measured from, and on which side of it ``x`` lies.
      logarithmic: whether it is.
      live: whether the panel counts.
    """

    low: Array
    high: Array
    origin: Array
    side: Array
    logarithmic: Array
    live: Array


class Ladder(NamedTuple):
    """Panels that lead to ends or to infinity: which they are, ``[ends, steps]``, the outermost last, and their lengths, ``[steps]``."""

    which: np.ndarray
    lengths: np.ndarray


class Mesh(NamedTuple):
    """Panels, and those among them that lead to an end or to infinity."""

    panels: Panels
    ladders: tuple[Ladder, ...]


class Pieces(NamedTuple):
    """Parts ``[low, high]`` of the unit coordinates of panels ``parent``; all ``[s]``. Of no width: not in use."""

    parent: Int[Array, " s"]
    low: Float[Array, " s"]
    high: Float[Array, " s"]


# ------------------------------------------------------------------------------------------------------------- the mesh


def _ladder(marks: Array, offsets: np.ndarray) -> Array:
    steps = jnp.asarray(np.unique(np.concatenate([-offsets, offsets])), marks.dtype)
    return (marks[:, :1] + marks[:, 1:] * steps[None, :]).ravel()


def _breakpoints(marks: Breakpoints) -> Array:
    """Ascending breakpoints ``[n]``; those that fall on an edge or an anchor, to rounding, move with it."""
    dtype = marks.edges.dtype
    heavy = _HEAVY if dtype == jnp.float64 else _HEAVY_SINGLE
    fixed = jnp.concatenate([_ladder(marks.light, _LIGHT), _ladder(marks.heavy, heavy), marks.points])
    fixed = jax.lax.stop_gradient(fixed)
    moving = jnp.concatenate([marks.edges, marks.anchor_arrays()[0]])
    if moving.shape[0] == 0:
        return jnp.sort(fixed)
    still = jax.lax.stop_gradient(moving)
    room = 32.0 * jnp.finfo(dtype).eps * jnp.abs(still)
    # Edges that are one to rounding are one: the first. Its motion is the mean of theirs.
    together = jnp.abs(still[:, None] - still[None, :]) <= room[:, None]
    still = still[jnp.argmax(together, axis=0)]
    near = jnp.abs(fixed[:, None] - still[None, :]) <= room[None, :]
    fixed = jnp.where(jnp.any(near, axis=1), still[jnp.argmax(near, axis=1)], fixed)
    places = jnp.sort(jnp.concatenate([fixed, still]))
    same = (places[:, None] == still[None, :]).astype(dtype)
    share = same / jnp.maximum(jnp.sum(same, axis=1, keepdims=True), 1.0)
    return places + share @ (moving - jax.lax.stop_gradient(moving))


def _logarithm(distance: Array, used: Array) -> Array:
    return jnp.log(jnp.where(used, distance, 1.0))


def mesh_of(marks: Breakpoints) -> Mesh:
    """The mesh of several laws from their breakpoints."""
    edges = _breakpoints(marks)
    anchors, sides = marks.anchor_arrays()
    parts = [_between(edges, anchors, sides)]
    ladders = []
    start = parts[0].low.shape[0]
    if anchors.shape[0]:
        parts.append(_inward(edges, anchors, sides))
        steps = len(_INWARD) - 1
        ladders.append(Ladder(start + np.arange(anchors.shape[0] * steps).reshape(-1, steps), np.diff(_INWARD)))
        start += anchors.shape[0] * steps
    heavy = bool(marks.heavy.shape[0] or anchors.shape[0])
    outward = _OUTWARD if heavy else _OUTWARD_LIGHT
    parts += [_outward(edges, anchors, sides, direction, outward) for direction in (-1.0, 1.0)]
    ladders.append(Ladder(start + np.arange(2 * (len(outward) - 1)).reshape(2, -1), np.diff(outward)))
    return Mesh(Panels(*(jnp.concatenate(field) for field in zip(*parts, strict=True))), tuple(ladders))


def _between(edges: Array, anchors: Array, sides: Array) -> Panels:
    """Panels between breakpoints, logarithmic where they lie on the inner side of an anchor: the nearest one."""
    low, high = edges[:-1], edges[1:]
    zero = jnp.zeros_like(low)
    if anchors.shape[0] == 0:
        return Panels(low, high, zero + jnp.inf, zero + 1.0, zero > 0, high > low)
    fixed = jax.lax.stop_gradient(anchors)
    above = sides > 0
    reach = jnp.where(above[None, :], low[:, None] - fixed[None, :], fixed[None, :] - high[:, None])
    reach = jnp.where(reach >= 0, reach, jnp.inf)
    owner = jnp.argmin(reach, axis=1)
    owned = jnp.min(reach, axis=1) < jnp.inf
    # What touches its anchor is left to the ladder inwards.
    touching = owned & (jnp.min(reach, axis=1) == 0)
    live = (high > low) & ~touching
    logarithmic = owned & live
    origin, side = anchors[owner], sides[owner]
    near, far = jnp.where(side > 0, low, high), jnp.where(side > 0, high, low)
    start = _logarithm(side * (near - origin), logarithmic)
    stop = _logarithm(side * (far - origin), logarithmic)
    return Panels(
        jnp.where(logarithmic, start, low),
        jnp.where(logarithmic, stop, high),
        jnp.where(owned, origin, jnp.inf),
        jnp.where(owned, side, 1.0),
        logarithmic,
        live,
    )


def _inward(edges: Array, anchors: Array, sides: Array) -> Panels:
    """From the first breakpoint beside each anchor towards it, ``[anchors * steps]``."""
    gaps = sides[:, None] * (edges[None, :] - anchors[:, None])
    beside = jnp.where(gaps > 0, gaps, jnp.inf)
    which = jnp.argmin(beside, axis=1)
    first = jnp.take_along_axis(beside, which[:, None], axis=1)[:, 0]
    fixed = jax.lax.stop_gradient(anchors)
    # Two laws may share an end.
    same = (fixed[:, None] == fixed[None, :]) & (sides[:, None] == sides[None, :])
    alone = jnp.argmax(same, axis=1) == jnp.arange(anchors.shape[0])
    live = alone & (first < jnp.inf)
    log_first = _logarithm(first, live)
    steps = jnp.asarray(_INWARD, edges.dtype)
    high, low = (log_first[:, None] - part[None, :] for part in (steps[:-1], steps[1:]))
    shape = high.shape
    return Panels(
        low.ravel(),
        high.ravel(),
        jnp.broadcast_to(anchors[:, None], shape).ravel(),
        jnp.broadcast_to(sides[:, None], shape).ravel(),
        jnp.ones(shape, bool).ravel(),
        jnp.broadcast_to(live[:, None], shape).ravel(),
    )


def _outward(edges: Array, anchors: Array, sides: Array, direction: float, offsets: np.ndarray) -> Panels:
    """From the last breakpoint on one side towards infinity."""
    last = edges[-1] if direction > 0 else edges[0]
    origin = jax.lax.stop_gradient(0.5 * (edges[0] + edges[-1]))
    if anchors.shape[0]:
        reach = direction * (last - anchors)
        reach = jnp.where((sides == direction) & (reach > 0), reach, jnp.inf)
        origin = jnp.where(jnp.min(reach) < jnp.inf, anchors[jnp.argmin(reach)], origin)
    reach = direction * (last - origin)
    start = _logarithm(reach, reach > 0)
    steps = start + jnp.asarray(offsets, edges.dtype)
    shape = (len(offsets) - 1,)
    return Panels(
        steps[:-1],
        steps[1:],
        jnp.broadcast_to(origin, shape),
        jnp.full(shape, direction, edges.dtype),
        jnp.ones(shape, bool),
        jnp.broadcast_to(reach > 0, shape),
    )


# ------------------------------------------------------------------------------------------------------------ the nodes


@lru_cache
def _rule() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes and weights on [0, 1], and the functionals of the orthonormal Legendre coefficients ``[order, order]``."""
    x, w = np.polynomial.legendre.leggauss(_ORDER)
    basis = np.stack(
        [np.polynomial.legendre.Legendre.basis(k)(x) * np.sqrt(2 * k + 1) * 0.5 * w for k in range(_ORDER)]
    )
    return 0.5 * (x + 1.0), 0.5 * w, basis


def _whole(panels: Panels) -> Pieces:
    count = panels.low.shape[0]
    zero = jnp.zeros((count,), panels.low.dtype)
    return Pieces(jnp.arange(count), zero, jnp.where(panels.live, 1.0, zero))


def _chosen(panels: Panels, which: Array) -> Panels:
    """Panels ``which [s]``, a row for each: fields of ``[s, 1]``. One gather, and one scatter in the backward pass."""
    table = jnp.stack([field.astype(panels.low.dtype) for field in panels])[:, which, None]
    return Panels(*table[:4], *(field > 0 for field in table[4:]))


def _nodes(panels: Panels, pieces: Pieces) -> tuple[Point, Array]:
    """The nodes ``[s, order]`` of pieces of panels, and the logarithms of ``dx / du`` (``-inf`` in a piece of no width)."""
    u = jnp.asarray(_rule()[0], panels.low.dtype)
    width = (pieces.high - pieces.low)[:, None]
    points, log_slope = points_at(_chosen(panels, pieces.parent), pieces.low[:, None] + width * u[None, :])
    used = width > 0
    return points, jnp.where(used, log_slope + jnp.log(jnp.where(used, width, 1.0)), -jnp.inf)


def points_at(panels: Panels, u: Array) -> tuple[Point, Array]:
    """Points ``[s, m]`` at unit coordinates ``u [s, m]`` of panels ``[s, 1]``, and the logarithms of ``dx / du``."""
    low, high, origin, side, logarithmic, live = panels
    width = high - low
    place = low + width * u
    log_width = jnp.where(live, jnp.log(jnp.where(live & (width > 0), width, 1.0)), -jnp.inf)
    log_gap = jnp.where(logarithmic, place, 0.0)
    bounded = jnp.where(origin < jnp.inf, origin, 0.0)
    x = jnp.where(logarithmic, bounded + side * jnp.exp(jnp.minimum(log_gap, ceiling(low.dtype))), place)
    origin, side = (jnp.broadcast_to(field, x.shape) for field in (jnp.where(logarithmic, origin, jnp.inf), side))
    point = Point(x, origin, side, jnp.where(logarithmic, place, -jnp.inf), jnp.zeros_like(x))
    return point, log_width + log_gap


def _densities(laws: tuple[Distribution, Distribution], points: Point) -> Array:
    """Log-densities of two laws with respect to ``x``, ``[2, *points]``."""
    flat = jax.tree.map(jnp.ravel, points)

    def of(law: Distribution) -> Array:
        return jax.vmap(lambda point: log_density_of(law, point))(flat)

    batch = _as_one(laws, points.x.dtype)
    values = jnp.stack([of(law) for law in laws]) if batch is None else jax.vmap(of)(batch)
    return values.reshape(2, *points.x.shape)


def _as_one(laws: tuple[Distribution, Distribution], dtype: jnp.dtype) -> Distribution | None:
    """Two laws of one kind as a batch of two, whose density is compiled once; ``None`` where they are of two kinds."""
    if len({jax.tree.structure(law) for law in laws}) > 1:
        return None
    pairs = [(jnp.asarray(a), jnp.asarray(b)) for a, b in zip(*map(jax.tree.leaves, laws), strict=True)]
    if any(a.shape != b.shape or a.dtype != b.dtype for a, b in pairs):
        return None
    stacked = [jnp.stack(pair) for pair in pairs]
    return jax.tree.unflatten(
        jax.tree.structure(laws[0]),
        [leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf for leaf in stacked],
    )


# ----------------------------------------------------------------------------------------------------------- the errors


def _sums(values: Array) -> Array:
    """The Gauss-Legendre sums of ``values [..., order]``. As a product and a sum, since XLA compiles a small ``dot`` for longer."""
    weights = jnp.asarray(_rule()[1], values.dtype)
    return jnp.sum(values * weights.reshape((1,) * (values.ndim - 1) + (_ORDER,)), axis=-1)


def errors_of(values: Array) -> Array:
    """How wrong the Gauss-Legendre sums of ``values [..., order]`` may be, ``[...]``.

    With ``t`` the size of the highest Legendre coefficients and ``s`` that of all, the sum's error is about ``t`` times
    a ``t / s`` for a function that is analytic nearby (coefficients fall like ``rho^-k``, the error like ``rho^-32``),
    and a small share of ``t`` at a kink. A hundred times the former, and at most the latter.
    """
    coefficients = values @ jnp.asarray(_rule()[2], values.dtype).T
    top = jnp.sqrt(jnp.sum(jnp.square(coefficients[..., -3:]), axis=-1))
    size = jnp.sqrt(jnp.sum(jnp.square(coefficients), axis=-1))
    return top * jnp.minimum(1.0, 100.0 * top / jnp.where(size > 0, size, 1.0))


# ------------------------------------------------------------------------------------------------------- the refinement


class _Refinement(NamedTuple):
    """Pieces, the first ``used`` of ``n``; what was found in them; the integrals ``[k]``; how many rounds there were.

    Attributes:
      table: a row for each: the parent, low, high, and the error of each function, ``[3 + k, n]``; one table is one scatter.
      values: at the nodes, ``[kept, n, order]``.
    """

    table: Array
    values: Array
    sizes: Array
    used: Array
    rounds: Array


def _refined(
    values_of: Callable[[Pieces], Array], pieces: Pieces, rows: int, kept: int, goal: float
) -> tuple[Pieces, Array]:
    """Halves the worst pieces until each function's error is ``goal`` of its integral, or there is no room left.

    The first rounds measure the pieces that there are, as many at a time; one body is one compilation.

    Returns:
      The pieces, and the values at their nodes.
    """
    dtype, taken = pieces.low.dtype, pieces.parent.shape[0]
    slots, first = taken + _SLOTS, -(-taken // _CHUNK)
    # What is halved has nodes that differ.
    least = 64.0 * jnp.finfo(dtype).eps
    before = np.tri(_CHUNK // 2, k=-1, dtype=bool)

    def scores(state: _Refinement) -> Array:
        return jnp.sum(state.table[3:] / jnp.where(state.sizes > 0, state.sizes, jnp.inf)[:, None], axis=0)

    def unfinished(state: _Refinement) -> Array:
        refining = (state.used < slots) & (jnp.sum(scores(state)) > goal) & (state.rounds < first + _ROUNDS)
        return (state.rounds < first) | refining

    def improve(state: _Refinement) -> _Refinement:
        measuring = state.rounds < first
        worst, which = jax.lax.top_k(scores(state), _CHUNK // 2)
        present = state.rounds * _CHUNK + jnp.arange(_CHUNK)
        chosen = jnp.where(measuring, jnp.minimum(present, slots - 1), jnp.concatenate([which, which]))
        parent, low, high = state.table[:3, chosen]
        middle = 0.5 * (low + high)
        # Few at a time where few are bad: a kink is followed down, and the room is left to what comes up next.
        wanted = (worst > 0.02 * worst[0]) & (worst > 1e-3 * goal) & ((high - low)[: _CHUNK // 2] > least)
        new = state.used + jnp.sum(wanted[None, :] & before, axis=1)
        wanted = wanted & (new < slots)
        target = jnp.where(jnp.concatenate([wanted, wanted]), jnp.concatenate([which, new]), slots)
        target = jnp.where(measuring, jnp.where(present < taken, present, slots), target)
        second = jnp.arange(_CHUNK) >= _CHUNK // 2
        low, high = jnp.where(measuring | ~second, low, middle), jnp.where(measuring | second, high, middle)
        values = values_of(Pieces(parent.astype(int), low, high))
        finite = _finite(values[:rows])
        counted = measuring & (target < slots)
        part = jnp.concatenate([jnp.stack([parent, low, high]), errors_of(finite)])
        return _Refinement(
            state.table.at[:, target].set(part, mode="drop"),
            state.values.at[:, target].set(values, mode="drop"),
            state.sizes + jnp.sum(jnp.where(counted, _sums(finite), 0.0), axis=1),
            state.used + jnp.where(measuring, 0, jnp.sum(wanted)),
            state.rounds + 1,
        )

    start = _Refinement(
        jnp.zeros((3 + rows, slots), dtype).at[:3, :taken].set(jnp.stack([field.astype(dtype) for field in pieces])),
        jnp.zeros((kept, slots, _ORDER), dtype),
        jnp.zeros((rows,), dtype),
        jnp.asarray(taken),
        jnp.asarray(0),
    )
    found = jax.lax.while_loop(unfinished, improve, start)
    parent, low, high = found.table[:3]
    return Pieces(parent.astype(int), low, high), found.values


# --------------------------------------------------------------------------------------------------------- the crossings


def _with_crossings(functions: Functions, p: Distribution, q: Distribution, panels: Panels) -> Pieces:
    """All panels; those in which ``log p - log q`` changes its sign are cut there."""
    whole, number = _whole(panels), panels.low.shape[0]
    pieces = _crossings(panels, (p, q), functions.crossings)
    cut = jnp.zeros((number,), bool).at[pieces.parent].set(True, mode="drop")
    whole = whole._replace(high=jnp.where(cut, 0.0, whole.high))
    pieces = pieces._replace(parent=jnp.minimum(pieces.parent, number - 1))
    return Pieces(*(jnp.concatenate(pair) for pair in zip(whole, pieces, strict=True)))


def _crossings(panels: Panels, laws: tuple[Distribution, Distribution], count: int) -> Pieces:
    """Pieces of the panels between the ``count`` weightiest sign changes of a log-ratio and the ends of their panels.

    Args:
      panels: ``[n]``.
      laws: whose log-ratio it is.
      count: number of crossings.

    Returns:
      ``[2 count]``; the parent is ``n`` in those that are not in use.
    """
    number, dtype = panels.low.shape[0], panels.low.dtype
    every = _chosen(panels, jnp.arange(number))
    u = jnp.asarray(np.concatenate([[0.0], _rule()[0], [1.0]]), dtype)
    points, log_slope = points_at(every, jnp.broadcast_to(u[None, :], (number, _ORDER + 2)))
    logs = _densities(laws, points)
    rising = numerics.log_ratio(*logs) >= 0
    weight = jnp.min(jnp.exp(logs + log_slope[None]), axis=0)
    # The ends of a panel weigh as their nodes do: a density may be infinite there.
    heavy = jnp.concatenate([weight[:, 1:2], weight[:, 1:-1], weight[:, -2:-1]], axis=1)
    matters = jnp.where(rising[:, 1:] != rising[:, :-1], heavy[:, 1:] + heavy[:, :-1], 0.0)
    best, where = jax.lax.top_k(matters.ravel(), count)
    parent, place = where // (_ORDER + 1), where % (_ORDER + 1)
    up = rising[parent, place + 1]
    parents = _chosen(panels, parent)

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = 0.5 * (low + high)
        ratio = numerics.log_ratio(*_densities(laws, points_at(parents, middle[:, None])[0]))[:, 0]
        right = (ratio >= 0) == up
        return jnp.where(right, low, middle), jnp.where(right, middle, high)

    steps = 52 if dtype == jnp.float64 else 24
    low, high = jax.lax.fori_loop(0, steps, halve, (u[place], u[place + 1]))
    parent, root = jnp.where(best > 0, parent, number), 0.5 * (low + high)
    order = jnp.lexsort((root, parent))
    parent, root = parent[order], root[order]
    used = parent < number
    before = jnp.concatenate([jnp.zeros((1,), bool), parent[1:] == parent[:-1]])
    after = jnp.concatenate([parent[1:] == parent[:-1], jnp.zeros((1,), bool)])
    start = jnp.where(before, jnp.concatenate([root[:1], root[:-1]]), 0.0)
    stop = jnp.where(after, root, 1.0)
    zero = jnp.zeros_like(root)
    return Pieces(
        jnp.concatenate([parent, parent]),
        jnp.concatenate([jnp.where(used, start, zero), jnp.where(used, root, zero)]),
        jnp.concatenate([jnp.where(used, root, zero), jnp.where(used, stop, zero)]),
    )


# --------------------------------------------------------------------------------------------------------- the integrals


class Integrals(NamedTuple):
    """Integrals of several functions and their errors, ``[k]`` each, and by how much either law's mass differs from 1, ``[2]``."""

    values: Float[Array, " k"]
    errors: Float[Array, " k"]
    missing: Float[Array, " 2"]


class Functions(NamedTuple):
    """What is integrated: functions of two log-densities.

    Attributes:
      number: how many there are.
      rows: ``(log_p, log_q) -> [number, *points]``, at least 0.
      changes: their derivatives in a weight with which a density ``f`` is added to ``p``, or to ``q``,
        ``(log_p, log_q, log_f) -> ([number, *points], [number, *points])``.
      crossings: how many sign changes of ``log p - log q`` are breakpoints.
      unbounded: whether they grow without a bound in ``log p - log q``.
      marked: whether the rows themselves are ``-inf`` where they are not known.
    """

    number: int
    rows: Rows
    changes: Callable[[Array, Array, Array], tuple[Array, Array]]
    crossings: int = 0
    unbounded: bool = False
    marked: bool = False

    @property
    def kept(self) -> int:
        """How many values are kept of a node: of the functions, the depth where they are unbounded, and both densities."""
        return self.number + self.unbounded + 2


def _values(functions: Functions, p: Distribution, q: Distribution, panels: Panels, pieces: Pieces) -> Array:
    """The functions at the nodes, and both densities, with respect to the pieces' unit coordinates.

    Between them, where the functions are unbounded, how deep ``log q`` is in its range: ``log r / log most`` of the log-ratio.

    Returns:
      ``[kept, s, order]``.
    """
    points, log_slope = _nodes(panels, pieces)
    return _at_nodes(functions, _log_densities(p, q, points, log_slope))


def _log_densities(p: Distribution, q: Distribution, points: Point, log_slope: Array) -> Array:
    """Log-densities with respect to the unit coordinate, ``[2, *points]``."""
    return jnp.where(log_slope[None] > -jnp.inf, _densities((p, q), points), -jnp.inf) + log_slope[None]


def _at_nodes(functions: Functions, logs: Array) -> Array:
    log_p, log_q = logs
    rows = functions.rows(log_p, log_q)
    # An unbounded function where log q is beyond its range is not known, and marked: see ``_unseen``.
    if functions.unbounded:
        lost = (log_p > -jnp.inf) & (log_q == -jnp.inf)
        rows = jnp.where((rows == 0) & lost[None], -jnp.inf, rows)
    masses = jax.lax.stop_gradient(jnp.exp(logs))
    if not functions.unbounded:
        return jnp.concatenate([rows, masses])
    ratio = jax.lax.stop_gradient(numerics.log_ratio(log_p, log_q))
    depth = jnp.log(jnp.maximum(ratio, 1.0)) / ceiling(ratio.dtype)
    return jnp.concatenate([rows, depth[None], masses])


def _moving(functions: Functions, p: Distribution, q: Distribution, panels: Panels, pieces: Pieces) -> Array:
    """``_values``, with what components of weight 0 add to their derivative."""
    points, log_slope = _nodes(panels, pieces)
    logs = _log_densities(p, q, points, log_slope)
    values = _at_nodes(functions, logs)
    rows, others = values[: functions.number], values[functions.number :]
    flat = jax.tree.map(jnp.ravel, points)
    for side, law in enumerate((p, q)):
        gains = jax.vmap(lambda point, law=law: gains_of(law, point))(flat)
        if gains is not None:
            weight, log_f = (jnp.moveaxis(part.reshape(*log_slope.shape, -1), -1, 0) for part in gains)
            # One component at a time: [k, s, order] for each.
            for component, log_component in zip(weight, log_f, strict=True):
                change = functions.changes(logs[0], logs[1], log_component + log_slope)[side]
                rows = rows + numerics.one_sided(change, component[None])
    return jnp.concatenate([rows, others])


def _finite(values: Array) -> Array:
    return jnp.where(jnp.isfinite(values), values, 0.0)


def integrals(functions: Functions, p: Distribution, q: Distribution) -> Integrals:
    """Integrals over the line of functions of two densities, with their errors.

    An integral that does not converge is ``inf`` with gradient 0.
    """
    mesh = mesh_of(common_breakpoints(p, q))
    fixed_p, fixed_q, still = jax.lax.stop_gradient((p, q, mesh.panels))
    pieces = _whole(still)
    if functions.crossings:
        pieces = _with_crossings(functions, fixed_p, fixed_q, still)
    goal = 1e-9 if still.low.dtype == jnp.float64 else 1e-6
    found = _refined(
        lambda part: _values(functions, fixed_p, fixed_q, still, part), pieces, functions.number, functions.kept, goal
    )
    pieces, values = jax.lax.stop_gradient(found)
    values = numerics.computed(values, partial(_moving, functions), p, q, mesh.panels, pieces)
    return _summed(functions, mesh, values, pieces)


def _summed(functions: Functions, mesh: Mesh, values: Array, pieces: Pieces) -> Integrals:
    """Sums over pieces ``[kept, s, order]``, with what lies beyond the last panels, and the errors of both."""
    fixed = jax.lax.stop_gradient
    depth, values = values[functions.number], jnp.concatenate([values[: functions.number], values[-2:]])
    infinite, unknown = jnp.any(values == jnp.inf, axis=(1, 2)), jnp.any(values[:-2] == -jnp.inf, axis=2)
    endless = values[:-2] == jnp.inf
    lacking = jnp.where(endless, values[-2:-1], 0.0)
    values = _finite(values)
    parts = _sums(values)
    whole = jnp.sum(parts, axis=1)
    panels = jnp.zeros((values.shape[0], mesh.panels.low.shape[0]), values.dtype).at[:, pieces.parent].add(parts)
    ends = [_ends(panels[:, ladder.which], ladder.lengths, whole) for ladder in mesh.ladders]
    beyond, doubt, diverges = (jnp.concatenate(field, axis=1) for field in zip(*ends, strict=True))
    errors = jnp.sum(errors_of(fixed(values)), axis=1) + jnp.sum(doubt, axis=1)
    if functions.unbounded or functions.marked:
        errors = errors.at[:-2].add(_unseen(fixed(values[:-2]), unknown, pieces, panels.shape[1]))
    if functions.unbounded:
        turns, beyond_range = _turning(fixed(values[:-2]), fixed(depth), lacking)
        # Where it is infinite for another reason, it is infinite.
        turns = turns & ~jnp.any(endless & (depth < jnp.inf)[None], axis=(1, 2))
        errors = errors.at[:-2].add(jnp.where(infinite[:-2] & turns, beyond_range, 0.0))
        infinite = infinite.at[:-2].set(infinite[:-2] & ~turns)
    infinite = infinite | jnp.any(diverges, axis=1)
    totals = jnp.where(infinite, jnp.inf, jnp.where(infinite, 0.0, whole + jnp.sum(beyond, axis=1)))
    return Integrals(totals[:-2], jnp.where(infinite, 0.0, errors)[:-2], jnp.abs(fixed(totals[-2:]) - 1.0))


def _unseen(rows: Array, unknown: Array, pieces: Pieces, count: int) -> Array:
    """The error ``[k]`` where ``log q`` is beyond the range of its type and ``log p`` is not: infinite where that may count.

    ``exp(-e^x)`` of a Gumbel law is such a ``q``: in single precision its logarithm ends 89 scales from its middle, and ``p log(p / q)``
    with it, however large it still is. As much may be lost as the largest value on that panel all along it, or more.

    Args:
      rows: values of the functions, in units of the pieces, ``[k, s, order]``.
      unknown: whether a node of a piece is there, ``[k, s]``.
      pieces: all that there are.
      count: of panels.
    """
    width = pieces.high - pieces.low
    used = width > 0
    highest = jnp.where(used[None], jnp.max(rows, axis=2) / jnp.where(used, width, 1.0)[None], 0.0)
    none = jnp.zeros((rows.shape[0], count), rows.dtype)
    there = none.at[:, pieces.parent].max((unknown & used[None]).astype(rows.dtype)) > 0
    unseen = jnp.sum(jnp.where(there, none.at[:, pieces.parent].max(highest), 0.0), axis=1)
    whole = jnp.sum(jnp.abs(_sums(rows)), axis=1)
    return jnp.where(unseen <= (1e-6 if rows.dtype == jnp.float64 else 1e-4) * whole, unseen, jnp.inf)


def _turning(rows: Array, depth: Array, infinite: Array) -> tuple[Array, Array]:
    """Whether an integrand that is infinite at a node, where ``log q`` is beyond its range, may be finite; and how wrong its sum is then.

    What ``log q`` has no number for looks like a place where ``q`` is 0. But before ``log q`` leaves its range it goes
    through it: the integrals over three equal parts of the range of its logarithm tell how the integrand grows. Growth by
    one factor goes on, and the integral is infinite; growth that slows down, as that of ``e^(-x^2 / 2 s^2 + x)``, turns into
    a decay. Where it has turned already, what is left is less than if it decayed by one factor from there, twice which is
    the error. Where it has not, or where that is less than ``p`` times the largest ``log q`` that there is, nothing is known.

    Args:
      rows: values of the functions, in units of the pieces, ``[k, s, order]``.
      depth: the logarithm of the log-ratio in units of the largest one, ``[s, order]``.
      infinite: ``p`` at nodes at which a function is infinite, else 0, ``[k, s, order]``.
    """
    range_ = ceiling(depth.dtype)
    quarters = jnp.arange(1, 4, dtype=depth.dtype)[:, None, None] / 4.0
    within = (depth[None] >= quarters) & (depth[None] < quarters + 0.25)
    parts = jnp.sum(_sums(jnp.where(within[None], rows[:, None], 0.0)), axis=-1)
    first, second, third = jnp.moveaxis(parts, 1, 0)
    # Of two parts in which there is nothing it is not known how it grows.
    known = (first > 0) & (second > 0)
    logs = [jnp.log(jnp.where(known & (third > 0), part, 1.0)) for part in (first, second, third)]
    before, growth = logs[1] - logs[0], logs[2] - logs[1]
    # A Gaussian's integral that is a number at all slows down by twice as much.
    slower, decays = growth < before - range_ / 64.0, known & (growth < 0)
    ratio = jnp.where(decays, jnp.exp(growth), 0.0)
    left = 2.0 * third * ratio / (1.0 - ratio)
    at_least = jnp.sum(_sums(infinite), axis=-1) * math.exp(range_)
    return (third > 0) & (slower | decays | ~known), jnp.where(decays & (at_least <= left), left, jnp.inf)


def _ends(parts: Array, lengths: np.ndarray, whole: Array) -> tuple[Array, Array, Array]:
    """What lies beyond the last panels of ladders, its error, and whether it is infinite, ``[k, ends]`` each.

    Where densities are below the smallest number before the ladder ends, the integrand vanishes there in the middle of its
    decay. What the panels before would leave to come is then error; and it is infinite where they do not decay at all.

    Args:
      parts: the integrals over the panels, ``[k, ends, steps]``.
      lengths: of the panels, ``[steps]``.
      whole: the sums over all panels, ``[k]``.
    """
    fixed, whole = jax.lax.stop_gradient(parts), whole[:, None]
    beyond, diverges = _beyond(parts[..., -1], parts[..., -2], whole)
    place = jnp.arange(len(lengths))
    end = jnp.max(jnp.where(fixed > 0, place[None, None, :], -1), axis=-1)
    cut = (end >= 2) & (end < len(lengths) - 1)
    # The integrals over the last two panels before the end, and their lengths.
    chosen = (
        jnp.stack([jnp.maximum(end - back, 0) for back in (1, 2)])[:, None, ..., None]
        == place[None, None, None, None, :]
    )
    wide = jnp.broadcast_to(jnp.asarray(lengths, parts.dtype)[None, None, :], fixed.shape)
    (full, last), (wider, before) = jnp.sum(jnp.where(chosen, jnp.stack([fixed, wide])[None], 0.0), axis=-1)
    (other, expected), (_, slow) = _beyond(
        jnp.stack([fixed[..., -2], full]), jnp.stack([fixed[..., -3], wider]), jax.lax.stop_gradient(whole)[None]
    )
    doubt = jnp.abs(jax.lax.stop_gradient(beyond) + fixed[..., -1] - other)
    level = 1.0 - (1e-6 if parts.dtype == jnp.float64 else 1e-4)
    flat = full * before >= level * wider * last
    doubt = doubt + jnp.where(cut, jnp.where(slow, jnp.inf, expected), 0.0)
    return beyond, doubt, diverges | (cut & slow & flat)


def _beyond(last: Array, before: Array, whole: Array) -> tuple[Array, Array]:
    """What lies beyond the last of panels that grow by one factor, and whether that is infinite.

    An integrand that decays like a power of the coordinate gives contributions in a constant ratio ``rho``: what lies
    beyond is ``last rho / (1 - rho)``.
    """
    eps = jnp.finfo(last.dtype).eps
    # Contributions that no longer change the sum carry no information; squared, since rho may be close to 1.
    live = (last > eps * eps * whole) & (before > 0)
    ratio = jnp.where(live, last, 0.0) / jnp.where(live, before, 1.0)
    diverges = live & (ratio > 0.999)
    ratio = jnp.where(diverges, 0.0, ratio)
    return jnp.where(live, last, 0.0) * ratio / (1.0 - ratio), diverges
