"""Integrals of functions of two densities on the line, each with its error, under ``jit``, ``vmap`` and ``grad``.

The line is cut at the landmarks of both laws (``landmarks``). Between an end at which a density may be singular and the
next breakpoint, panels go on geometrically in the *logarithm* of the distance, down to e^-100000 of it; outside the
hull of all breakpoints they go on in the same way towards infinity. There a law is tame, and what its density does in
the last panels tells whether the integral converges. Every panel has 16 Gauss-Legendre nodes. The highest Legendre
coefficients of the integrand on a panel tell how well it is resolved there; the worst panels are halved until the error
is small or there is no room left. What error is left is returned.

Densities are taken with respect to the unit coordinate of their panel: an f-divergence does not care, and neither
factor of ``p dx`` can overflow or vanish alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import numerics
from gan_jax.distributions.points import Point, ceiling, gains_of, log_density_of
from gan_jax.divergences.landmarks import CORE, Landmarks, landmarks_of
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

    parent: Array
    low: Array
    high: Array


# ------------------------------------------------------------------------------------------------------------- the mesh


def _ladder(marks: Array, offsets: np.ndarray) -> Array:
    steps = jnp.asarray(np.unique(np.concatenate([-offsets, offsets])), marks.dtype)
    return (marks[:, :1] + marks[:, 1:] * steps[None, :]).ravel()


def _breakpoints(marks: Landmarks) -> Array:
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


def mesh_of(marks: Landmarks) -> Mesh:
    """The mesh of several laws from their landmarks."""
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


def _nodes(panels: Panels, pieces: Pieces) -> tuple[Point, Array]:
    """The nodes ``[s, order]`` of pieces of panels, and the logarithms of ``dx / du`` (``-inf`` in a piece of no width)."""
    u = jnp.asarray(_rule()[0], panels.low.dtype)
    at = pieces.low[:, None] + (pieces.high - pieces.low)[:, None] * u[None, :]
    points, log_slope = points_at(panels, jnp.repeat(pieces.parent[:, None], _ORDER, axis=1), at)
    width = (pieces.high - pieces.low)[:, None]
    used = width > 0
    return points, jnp.where(used, log_slope + jnp.log(jnp.where(used, width, 1.0)), -jnp.inf)


def points_at(panels: Panels, which: Array, u: Array) -> tuple[Point, Array]:
    """Points at unit coordinates ``u`` of panels ``which`` (of one shape), and the logarithms of ``dx / du``."""
    low, high, origin, side, logarithmic, live = (field[which] for field in panels)
    width = high - low
    place = low + width * u
    log_width = jnp.where(live, jnp.log(jnp.where(live & (width > 0), width, 1.0)), -jnp.inf)
    log_gap = jnp.where(logarithmic, place, 0.0)
    bounded = jnp.where(origin < jnp.inf, origin, 0.0)
    x = jnp.where(logarithmic, bounded + side * jnp.exp(jnp.minimum(log_gap, ceiling(low.dtype))), place)
    point = Point(
        x, jnp.where(logarithmic, origin, jnp.inf), side, jnp.where(logarithmic, place, -jnp.inf), jnp.zeros_like(x)
    )
    return point, log_width + log_gap


def _log_densities(law: Distribution, points: Point, log_slope: Array) -> Array:
    """Log-densities with respect to the unit coordinate, of the shape of the points."""
    flat = jax.tree.map(jnp.ravel, points)
    value = jax.vmap(lambda point: log_density_of(law, point))(flat).reshape(log_slope.shape)
    return jnp.where(log_slope > -jnp.inf, value, -jnp.inf) + log_slope


# ----------------------------------------------------------------------------------------------------------- the errors


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
    """Pieces ``[n]``, the first ``used`` of which are; their errors ``[k, n]``; the integrals ``[k]``; how often it was tried."""

    pieces: Pieces
    errors: Array
    sizes: Array
    used: Array
    rounds: Array


def _refined(values_of: Callable[[Pieces], Array], pieces: Pieces, rows: int, goal: float) -> Pieces:
    """Halves the worst pieces until each function's error is ``goal`` of its integral, or there is no room left.

    The first rounds measure the pieces that there are, as many at a time; one body is one compilation.
    """
    dtype, taken = pieces.low.dtype, pieces.parent.shape[0]
    spare = jnp.zeros((_SLOTS,), dtype)
    slots, first = taken + _SLOTS, -(-taken // _CHUNK)
    weights = jnp.asarray(_rule()[1], dtype)
    # What is halved has nodes that differ.
    least = 64.0 * jnp.finfo(dtype).eps

    def scores(state: _Refinement) -> Array:
        return jnp.sum(state.errors / jnp.where(state.sizes > 0, state.sizes, jnp.inf)[:, None], axis=0)

    def unfinished(state: _Refinement) -> Array:
        refining = (state.used < slots) & (jnp.sum(scores(state)) > goal) & (state.rounds < first + _ROUNDS)
        return (state.rounds < first) | refining

    def improve(state: _Refinement) -> _Refinement:
        measuring = state.rounds < first
        worst, which = jax.lax.top_k(scores(state), _CHUNK // 2)
        low, high = state.pieces.low[which], state.pieces.high[which]
        middle = 0.5 * (low + high)
        # Few at a time where few are bad: a kink is followed down, and the room is left to what comes up next.
        wanted = (worst > 0.02 * worst[0]) & (worst > 1e-3 * goal) & (high - low > least)
        new = state.used + jnp.cumsum(wanted) - wanted
        wanted = wanted & (new < slots)
        parent = state.pieces.parent[which]
        halves = Pieces(*(jnp.concatenate(pair) for pair in ((parent, parent), (low, middle), (middle, high))))
        target = jnp.where(jnp.concatenate([wanted, wanted]), jnp.concatenate([which, new]), slots)
        present = state.rounds * _CHUNK + jnp.arange(_CHUNK)
        target = jnp.where(measuring, jnp.where(present < taken, present, slots), target)
        part = Pieces(
            *(
                jnp.where(measuring, old[jnp.minimum(present, slots - 1)], half)
                for old, half in zip(state.pieces, halves, strict=True)
            )
        )
        values = _finite(values_of(part)[:rows])
        counted = measuring & (target < slots)
        return _Refinement(
            Pieces(*(f.at[target].set(new, mode="drop") for f, new in zip(state.pieces, part, strict=True))),
            state.errors.at[:, target].set(errors_of(values), mode="drop"),
            state.sizes + jnp.sum(jnp.where(counted, values @ weights, 0.0), axis=1),
            state.used + jnp.where(measuring, 0, jnp.sum(wanted)),
            state.rounds + 1,
        )

    grown = Pieces(*(jnp.concatenate([field, spare.astype(field.dtype)]) for field in pieces))
    start = _Refinement(
        grown, jnp.zeros((rows, slots), dtype), jnp.zeros((rows,), dtype), jnp.asarray(taken), jnp.asarray(0)
    )
    return jax.lax.while_loop(unfinished, improve, start).pieces


# --------------------------------------------------------------------------------------------------------- the crossings


def _with_crossings(functions: Functions, p: Distribution, q: Distribution, panels: Panels) -> Pieces:
    """All panels; those in which ``log p - log q`` changes its sign are cut there."""

    def logs(points: Point) -> Array:
        flat = jax.tree.map(jnp.ravel, points)
        values = [jax.vmap(lambda point, law=law: log_density_of(law, point))(flat) for law in (p, q)]
        return jnp.stack(values).reshape(2, *points.x.shape)

    whole = _whole(panels)
    points, log_slope = _nodes(panels, whole)
    inner = logs(points)
    weight = jnp.min(jnp.exp(inner + log_slope[None]), axis=0)
    ratio = numerics.log_ratio(inner[0], inner[1])
    pieces = _crossings(panels, lambda at: numerics.log_ratio(*logs(at)), ratio, weight, functions.crossings)
    cut = jnp.zeros((panels.low.shape[0],), bool).at[pieces.parent].set(True, mode="drop")
    whole = whole._replace(high=jnp.where(cut, 0.0, whole.high))
    pieces = pieces._replace(parent=jnp.minimum(pieces.parent, panels.low.shape[0] - 1))
    return Pieces(*(jnp.concatenate(pair) for pair in zip(whole, pieces, strict=True)))


def _crossings(panels: Panels, ratio: Callable[[Point], Array], inner: Array, weight: Array, count: int) -> Pieces:
    """Pieces of the panels between the ``count`` weightiest sign changes of a function and the ends of their panels.

    Args:
      panels: ``[n]``.
      ratio: a function of points of any shape.
      inner: its values at the nodes, ``[n, order]``.
      weight: how much a node matters, ``[n, order]``.
      count: number of crossings.

    Returns:
      ``[2 count]``; the parent is ``n`` in those that are not in use.
    """
    number = panels.low.shape[0]
    every = jnp.arange(number)
    ends = [ratio(points_at(panels, every, jnp.full((number,), end, inner.dtype))[0]) for end in (0.0, 1.0)]
    values = jnp.concatenate([ends[0][:, None], inner, ends[1][:, None]], axis=1)
    heavy = jnp.concatenate([weight[:, :1], weight, weight[:, -1:]], axis=1)
    rising = values >= 0
    matters = jnp.where(rising[:, 1:] != rising[:, :-1], heavy[:, 1:] + heavy[:, :-1], 0.0)
    best, where = jax.lax.top_k(matters.ravel(), count)
    parent, place = where // (_ORDER + 1), where % (_ORDER + 1)
    u = jnp.asarray(np.concatenate([[0.0], _rule()[0], [1.0]]), inner.dtype)
    up = rising[parent, place + 1]

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = 0.5 * (low + high)
        right = (ratio(points_at(panels, parent, middle)[0]) >= 0) == up
        return jnp.where(right, low, middle), jnp.where(right, middle, high)

    steps = 52 if inner.dtype == jnp.float64 else 24
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

    values: Array
    errors: Array
    missing: Array


class Functions(NamedTuple):
    """What is integrated: functions of two log-densities.

    Attributes:
      number: how many there are.
      rows: ``(log_p, log_q) -> [number, *points]``, at least 0.
      changes: their derivatives in a weight with which a density ``f`` is added to ``p``, or to ``q``,
        ``(log_p, log_q, log_f) -> ([number, *points], [number, *points])``.
      crossings: how many sign changes of ``log p - log q`` are breakpoints.
      unbounded: whether they grow without a bound in ``log p - log q``.
    """

    number: int
    rows: Rows
    changes: Callable[[Array, Array, Array], tuple[Array, Array]]
    crossings: int = 0
    unbounded: bool = False


def _values(functions: Functions, p: Distribution, q: Distribution, panels: Panels, pieces: Pieces) -> Array:
    """The functions at the nodes, and both densities, ``[k + 2, s, order]``, with respect to the pieces' unit coordinates."""
    points, log_slope = _nodes(panels, pieces)
    log_p, log_q = (_log_densities(law, points, log_slope) for law in (p, q))
    rows = functions.rows(log_p, log_q)
    flat = jax.tree.map(jnp.ravel, points)
    for side, law in enumerate((p, q)):
        gains = jax.vmap(lambda point, law=law: gains_of(law, point))(flat)
        if gains is not None:
            weight, log_f = (jnp.moveaxis(part.reshape(*log_slope.shape, -1), -1, 0) for part in gains)
            # One component at a time: [k, s, order] for each.
            for component, log_component in zip(weight, log_f, strict=True):
                change = functions.changes(log_p, log_q, log_component + log_slope)[side]
                rows = rows + numerics.one_sided(change, component[None])
    # An unbounded function where log q is beyond its range is not known, and marked: see ``_unseen``.
    if functions.unbounded:
        lost = (log_p > -jnp.inf) & (log_q == -jnp.inf)
        rows = jnp.where((rows == 0) & lost[None], -jnp.inf, rows)
    masses = jax.lax.stop_gradient(jnp.exp(jnp.stack([log_p, log_q])))
    return jnp.concatenate([rows, masses])


def _finite(values: Array) -> Array:
    return jnp.where(jnp.isfinite(values), values, 0.0)


def integrals(functions: Functions, p: Distribution, q: Distribution) -> Integrals:
    """Integrals over the line of functions of two densities, with their errors.

    An integral that does not converge is ``inf`` with gradient 0.
    """
    mesh = mesh_of(landmarks_of(p, q))
    fixed_p, fixed_q, still = jax.lax.stop_gradient((p, q, mesh.panels))
    pieces = _whole(still)
    if functions.crossings:
        pieces = _with_crossings(functions, fixed_p, fixed_q, still)
    goal = 1e-9 if still.low.dtype == jnp.float64 else 1e-6
    found = _refined(lambda part: _values(functions, fixed_p, fixed_q, still, part), pieces, functions.number, goal)
    pieces = jax.lax.stop_gradient(found)
    return _summed(mesh, _values(functions, p, q, mesh.panels, pieces), pieces)


def _summed(mesh: Mesh, values: Array, pieces: Pieces) -> Integrals:
    """Sums over pieces ``[k + 2, s, order]``, with what lies beyond the last panels, and the errors of both."""
    fixed = jax.lax.stop_gradient
    infinite, unknown = jnp.any(values == jnp.inf, axis=(1, 2)), jnp.any(values[:-2] == -jnp.inf, axis=2)
    values = _finite(values)
    parts = values @ jnp.asarray(_rule()[1], values.dtype)
    whole = jnp.sum(parts, axis=1)
    panels = jnp.zeros((values.shape[0], mesh.panels.low.shape[0]), values.dtype).at[:, pieces.parent].add(parts)
    ends = [_ends(panels[:, ladder.which], ladder.lengths, whole) for ladder in mesh.ladders]
    beyond, doubt, diverges = (jnp.concatenate(field, axis=1) for field in zip(*ends, strict=True))
    errors = jnp.sum(errors_of(fixed(values)), axis=1) + jnp.sum(doubt, axis=1)
    errors = errors.at[:-2].add(_unseen(fixed(values[:-2]), unknown, pieces, panels.shape[1]))
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
    whole = jnp.sum(jnp.abs(rows @ jnp.asarray(_rule()[1], rows.dtype)), axis=1)
    return jnp.where(unseen <= (1e-6 if rows.dtype == jnp.float64 else 1e-4) * whole, unseen, jnp.inf)


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
    other, _ = _beyond(fixed[..., -2], fixed[..., -3], jax.lax.stop_gradient(whole))
    doubt = jnp.abs(jax.lax.stop_gradient(beyond) + fixed[..., -1] - other)
    steps = len(lengths)
    end = jnp.max(jnp.where(fixed > 0, jnp.arange(steps), -1), axis=-1)
    cut = (end >= 2) & (end < steps - 1)
    last, before = (jnp.maximum(end - back, 0) for back in (1, 2))
    full, wider = (jnp.take_along_axis(fixed, at[..., None], axis=-1)[..., 0] for at in (last, before))
    expected, slow = _beyond(full, wider, jax.lax.stop_gradient(whole))
    wide = jnp.asarray(lengths, parts.dtype)
    level = 1.0 - (1e-6 if parts.dtype == jnp.float64 else 1e-4)
    flat = full * wide[before] >= level * wider * wide[last]
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
