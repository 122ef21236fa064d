"""f-divergences of two mixtures of Gaussians in the plane: adaptive cubature under ``jit``, ``vmap`` and ``grad``, with an error.

A fixed number of rectangular cells is refined in two phases, neither of which is differentiated:

1. *by geometry*: cells are halved until each is no longer, along either axis, than about the standard deviation there of
   every component it is near to, so that no component is missed, however narrow and far from the others;
2. *by the integrand*: the cells with the largest error are halved, until it is small or there is no room left. Samples at
   Gauss-Legendre nodes of an integrand that is resolved have small highest Legendre coefficients; a ridge (the log-ratio
   of two mixtures on the borders between their modes) shows in them, and a kink (total variation where ``p = q``) in the
   signs of ``p - q``.

What error is left is returned. Then the integrand is summed over all cells with their nodes held fixed: the derivative of
the sum is the sum of the derivatives. Both laws are first seen in coordinates in which the first component of one is round
and that of the other upright, which leaves every f-divergence as it is: correlated or elongated Gaussians have their axes
along those of the cells.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Float, Int

from gan_jax import numerics
from gan_jax.divergences.accuracy import ExactValue
from gan_jax.divergences.gaussians import GaussianMixture
from gan_jax.divergences.integrands import Integrand
from gan_jax.typing import Array

_ORDER = 8
# Beyond 9 standard deviations a Gaussian holds 3e-18 of its mass.
_REACH = 9.0
# A cell is at most this many standard deviations long at a mode, and grows by a share of its distance from it.
_LENGTH, _GROWTH = 1.5, 0.35
_CHUNK = 128


class Cells(NamedTuple):
    """Rectangles. ``low [n, 2]`` and ``size [n, 2]``; a cell of no size is not in use. ``used []`` cells are."""

    low: Float[Array, "n 2"]
    size: Float[Array, "n 2"]
    used: Int[Array, ""]


class _Rule(NamedTuple):
    """Gauss-Legendre on [0, 1].

    Attributes:
      nodes, weights: ``[order]``.
      coefficients: the functionals of the orthonormal Legendre coefficients, ``[order, order]``.
      with_ends: interpolates to both ends, and to the nodes between them, ``[order + 2, order]``.
    """

    nodes: np.ndarray
    weights: np.ndarray
    coefficients: np.ndarray
    with_ends: np.ndarray


@lru_cache
def _rule() -> _Rule:
    x, w = np.polynomial.legendre.leggauss(_ORDER)
    polynomials = [np.polynomial.legendre.Legendre.basis(k) for k in range(_ORDER)]
    norms = np.sqrt(2.0 * np.arange(_ORDER) + 1.0)
    at_nodes = norms[:, None] * np.stack([polynomial(x) for polynomial in polynomials])
    at_all = norms[:, None] * np.stack([polynomial(np.array([-1.0, *x, 1.0])) for polynomial in polynomials])
    coefficients = at_nodes * 0.5 * w
    return _Rule(0.5 * (x + 1.0), 0.5 * w, coefficients, at_all.T @ coefficients)


class _Placed(NamedTuple):
    """A mixture whose component k has its mean at ``anchors[k] + law.means[k]``.

    Components that are near each other beside their distance from the origin have one anchor, so that what they differ in keeps its digits.
    """

    law: GaussianMixture
    anchors: Float[Array, "k 2"]


def _log_components(placed: _Placed, low: Array, size: Array) -> Array:
    """Log-densities of components at the tensor nodes of cells ``[n, 2]``, ``[k, n * order * order]``."""
    mixture = placed.law
    (a, b), (c, d) = (mixture.factors[:, i, 0] for i in (0, 1)), (mixture.factors[:, i, 1] for i in (0, 1))
    # factors = [[a, c], [b, d]]
    determinant = a * d - b * c
    nodes = jnp.asarray(_rule().nodes, low.dtype)

    def away(axis: int) -> Array:
        # The difference first, which is exact near the anchor: far from the origin a node is rounded by more than a thin mode is wide.
        corner = low[None, :, axis] - placed.anchors[:, axis, None]
        inside = size[:, axis, None] * nodes[None, :]
        return corner[:, :, None] + inside[None, :, :] - mixture.means[:, axis, None, None]

    dx, dy = away(0)[:, :, :, None], away(1)[:, :, None, :]
    a, b, c, d, whole = (one[:, None, None, None] for one in (a, b, c, d, determinant))
    u, v = (d * dx - c * dy) / whole, (a * dy - b * dx) / whole
    height = -jnp.log(jnp.abs(determinant)) - math.log(2.0 * math.pi)
    return (height[:, None, None, None] - 0.5 * (u * u + v * v)).reshape(height.shape[0], -1)


class _Seen(NamedTuple):
    """Log-densities at points: of components ``[k, n]``, and of the mixture, ``[n]``."""

    components: Array
    mixed: Array


def _log_densities(p: _Placed, q: _Placed, low: Array, size: Array) -> tuple[_Seen, _Seen]:
    # The components of both laws as those of one: compiled once.
    both = jax.tree.map(lambda *fields: jnp.concatenate(fields), p, q)
    components = _log_components(both, low, size)
    split = p.anchors.shape[0]
    of_p, of_q = components[:split], components[split:]
    return (
        _Seen(of_p, logsumexp(p.law.log_weights[:, None] + of_p, axis=0)),
        _Seen(of_q, logsumexp(q.law.log_weights[:, None] + of_q, axis=0)),
    )


def _rows(integrand: Integrand, of_p: _Seen, of_q: _Seen) -> Array:
    """The integrand and both densities at points, ``[k + 2, n]``."""
    masses = jax.lax.stop_gradient(jnp.exp(jnp.stack([of_p.mixed, of_q.mixed])))
    return jnp.concatenate([integrand.rows(of_p.mixed, of_q.mixed), masses])


def _on_cells(values: Array, cells: int) -> Array:
    return values.reshape(-1, cells, _ORDER, _ORDER)


class _Measured(NamedTuple):
    """Of the rows and both densities on cells: integrals ``[n, k + 2]``, and their errors along both axes, ``[n, k + 2, 2]``."""

    integrals: Array
    errors: Array


def _integrals(integrand: Integrand, p: _Placed, q: _Placed, low: Array, size: Array) -> Array:
    """Integrals over all cells together, ``[k + 2]``, as functions of both laws."""
    of_p, of_q = _log_densities(p, q, low, size)
    values, count = _rows(integrand, of_p, of_q), integrand.number
    rows, masses = values[:count], values[count:]
    # A component of weight 0 is in no logarithm; what it would add is the one-sided derivative.
    for side, (law, seen) in enumerate(((p.law, of_p), (q.law, of_q))):
        gained = jnp.where(law.weights == 0, law.weights, 0.0)
        changes = jax.vmap(lambda log_f, side=side: integrand.changes(of_p.mixed, of_q.mixed, log_f)[side])(
            seen.components
        )
        rows = rows + jnp.sum(numerics.one_sided(changes, gained[:, None, None]), axis=0)
    w = jnp.asarray(_rule().weights, low.dtype)
    values = _on_cells(jnp.concatenate([rows, masses]), low.shape[0])
    return jnp.einsum("knij,i,j,n->k", values, w, w, size[:, 0] * size[:, 1])


def _measured(integrand: Integrand, p: _Placed, q: _Placed, low: Array, size: Array) -> _Measured:
    """Integrals over cells, with errors from the decay of Legendre coefficients along each axis.

    With ``t`` the size of the two highest coefficients along an axis and ``s`` that of the two before them, the error is a share of ``t``
    at a kink, where ``t`` is near ``s``; and ``t (t / s)^5`` where the integrand is analytic nearby: coefficients fall like ``rho^-k``, the
    error like ``rho^-16``. ``t (2 t / s)^3`` is more than either, and ``t / 1000`` is left for a ridge beside much that is smooth.
    """
    raw = _on_cells(_rows(integrand, *_log_densities(p, q, low, size)), low.shape[0])
    values = jnp.where(jnp.isfinite(raw), raw, 0.0)
    basis, area = jnp.asarray(_rule().coefficients, low.dtype), size[:, 0] * size[:, 1]
    coefficients = jnp.einsum("knij,ai,bj->nkab", values, basis, basis)
    # In units of the largest one, whose square might overflow.
    peak = jnp.max(jnp.abs(coefficients), axis=(2, 3))[..., None]
    squares = jnp.square(coefficients / jnp.where(peak > 0, peak, 1.0)[..., None])
    along = jnp.stack([jnp.sum(squares, axis=3), jnp.sum(squares, axis=2)], axis=2)
    top, before = (jnp.sqrt(jnp.sum(along[..., of], axis=3)) for of in (slice(-2, None), slice(-4, -2)))
    errors = peak * top * jnp.clip((2.0 * top / jnp.where(before > 0, before, 1.0)) ** 3, 1e-3, 1.0)
    if integrand.sign_changes:
        kinks = _at_kinks(values[-2] - values[-1])[:, None, :]
        errors = jnp.concatenate([jnp.maximum(errors[:, :-2], kinks), errors[:, -2:]], axis=1)
    w = jnp.asarray(_rule().weights, low.dtype)
    integrals = jnp.where(area[:, None] > 0, jnp.einsum("knij,i,j->nk", raw, w, w) * area[:, None], 0.0)
    return _Measured(integrals, errors * area[:, None, None])


def _at_kinks(difference: Array) -> Array:
    """How wrong sums of ``|difference| / 2`` over cells ``[n, order, order]`` in which it changes its sign may be, ``[n, 2]``.

    A kink that no node sees is one all the same: the difference, which is smooth, is continued to the borders of its cell. Where it has the
    other sign, it is at most ``m``, and the sum over 8 nodes of ``|x - c|`` on the unit interval errs by at most .021 of ``min(c, 1 - c)``.
    """
    to_borders = jnp.asarray(_rule().with_ends, difference.dtype)
    whole = jnp.einsum("nij,ai,bj->nab", difference, to_borders, to_borders)
    other = jnp.minimum(jnp.max(whole, axis=(1, 2)), jnp.max(-whole, axis=(1, 2)))
    across = jnp.mean(jnp.abs(whole[:, -1, :] - whole[:, 0, :]), axis=1)
    up = jnp.mean(jnp.abs(whole[:, :, -1] - whole[:, :, 0]), axis=1)
    both = jnp.stack([across, up], axis=1)
    total = jnp.sum(both, axis=1, keepdims=True)
    return 0.0105 * jnp.maximum(other, 0.0)[:, None] * both / jnp.where(total > 0, total, 1.0)


def _whiten(p: GaussianMixture, q: GaussianMixture) -> tuple[_Placed, _Placed]:
    """Both laws under the linear map that makes the first component of ``p`` round and the first of ``q`` upright; centred on all means."""
    origin = jax.lax.stop_gradient(jnp.mean(jnp.concatenate([p.means, q.means]), axis=0))
    whitener = jnp.linalg.inv(jax.lax.stop_gradient(p.factors[0]))
    whitener = _principal_axes(whitener @ jax.lax.stop_gradient(q.factors[0])) @ whitener

    every = jax.lax.stop_gradient(jnp.concatenate([p.means, q.means]))
    nearby = every[_nearby(every - origin[None, :])]
    split = p.means.shape[0]

    def moved(law: GaussianMixture, places: Array) -> _Placed:
        factors = jnp.einsum("ij,kjl->kil", whitener, law.factors)
        return _Placed(
            law._replace(means=(law.means - places) @ whitener.T, factors=factors),
            (places - origin[None, :]) @ whitener.T,
        )

    return moved(p, nearby[:split]), moved(q, nearby[split:])


def _nearby(means: Array) -> Array:
    """For each of ``means [k, 2]`` the first near it, beside their distance from the origin, that stands for itself, ``[k]``."""
    number = jnp.arange(means.shape[0])
    apart = jnp.max(jnp.abs(means[:, None, :] - means[None, :, :]), axis=2)
    near = apart <= jnp.max(jnp.abs(means), axis=1)[:, None] / 16.0

    def choose(j: Array, chosen: Array) -> Array:
        mine = near[:, j] & (chosen == number) & (number < j)
        return chosen.at[j].set(jnp.where(jnp.any(mine), jnp.argmax(mine), j))

    return jax.lax.fori_loop(0, means.shape[0], choose, number)


def _in_one(placed: _Placed) -> GaussianMixture:
    """The same law with its means as they are rounded: where it is, to a few digits."""
    return placed.law._replace(means=placed.anchors + placed.law.means)


def _principal_axes(factors: Array) -> Array:
    """Rotations ``[*batch, 2, 2]`` whose rows are the axes of ``factors factors^T``, the longer one first; of a round one, the identity."""
    covariances = factors @ jnp.swapaxes(factors, -1, -2)
    stretch, shear = covariances[..., 0, 0] - covariances[..., 1, 1], 2.0 * covariances[..., 0, 1]
    round_ = jnp.abs(stretch) + jnp.abs(shear) <= 1e-4 * jnp.trace(covariances, axis1=-2, axis2=-1)
    angle = jnp.where(round_, 0.0, 0.5 * jnp.arctan2(shear, stretch))
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    return jnp.stack([jnp.stack([cos, sin], axis=-1), jnp.stack([-sin, cos], axis=-1)], axis=-2)


class _Shape(NamedTuple):
    """Where the features are, all of Gaussians.

    Attributes:
      means: ``[k, 2]``.
      lengths: standard deviations along either axis where the other coordinate is held, ``[k, 2]``.
      widths: standard deviations of either coordinate, ``[k, 2]``.
      axes: principal axes, the rows of ``[k, 2, 2]``.
      deviations: standard deviations along them, ``[k, 2]``.
    """

    means: Array
    lengths: Array
    widths: Array
    axes: Array
    deviations: Array


def _shape(means: Array, factors: Array) -> _Shape:
    determinant = jnp.abs(factors[:, 0, 0] * factors[:, 1, 1] - factors[:, 0, 1] * factors[:, 1, 0])
    widths = jnp.sqrt(jnp.sum(jnp.square(factors), axis=2))
    # Singular values of a 2 × 2 matrix from its Frobenius norm and determinant.
    half = 0.5 * jnp.sum(jnp.square(factors), axis=(1, 2))
    wide = jnp.sqrt(half + jnp.sqrt(jnp.maximum(jnp.square(half) - jnp.square(determinant), 0.0)))
    deviations = jnp.stack([wide, determinant / wide], axis=1)
    return _Shape(means, determinant[:, None] / widths[:, ::-1], widths, _principal_axes(factors), deviations)


def _start(shape: _Shape, slots: int) -> Cells:
    """One cell around everything, whose halves and their halves have corners that no rounding moves: the cells leave no gap."""
    reach = _REACH * shape.widths
    low, high = jnp.min(shape.means - reach, axis=0), jnp.max(shape.means + reach, axis=0)
    # A whole number of units of which no corner has more than the type's digits, and so many halvings long; of single precision that is up
    # to an eighth longer than what it has to cover.
    digits = jnp.finfo(low.dtype).nmant - 1
    halvings = min(digits - 3, 24)
    _, exponent = jnp.frexp(high - low)
    unit = jnp.ldexp(jnp.ones_like(low), exponent - digits)
    size = jnp.ldexp(jnp.ceil(jnp.ldexp((high - low) / unit, -halvings)), halvings) * unit
    # What is symmetric stays so: modes on the borders of cells see their ridges best.
    low = jnp.round((0.5 * (low + high) - 0.5 * size) / unit) * unit
    empty = jnp.zeros((slots, 2), low.dtype)
    return Cells(empty.at[0].set(low), empty.at[0].set(size), jnp.ones((), int))


def _halved(cells: Cells, which: Array, wanted: Array, axis: Array) -> tuple[Cells, Array]:
    """Cells ``which [m]`` halved along ``axis [m]`` where ``wanted [m]`` and there is room: one half in place, one in a new slot.

    Returns:
      The cells, and the new slots ``[m]``; where nothing was halved, one that does not exist.
    """
    slots = cells.low.shape[0]
    target = cells.used + jnp.cumsum(wanted) - 1
    wanted = wanted & (target < slots)
    along = jax.nn.one_hot(axis, 2, dtype=cells.size.dtype)
    half = jnp.where(wanted[:, None], 1.0 - 0.5 * along, 1.0) * cells.size[which]
    target = jnp.where(wanted, target, slots)
    low = cells.low.at[target].set(cells.low[which] + along * half, mode="drop")
    # The parents first: among them may be slots that are not in use and become a child now.
    size = cells.size.at[which].set(half).at[target].set(half, mode="drop")
    return Cells(low, size, cells.used + jnp.sum(wanted)), target


def _halvable(cells: Cells) -> Array:
    """Along which axis the middle of each cell is a number of the type, so that its halves are all of it, ``[n, 2]``."""
    half = 0.5 * cells.size
    return (cells.low + half) - cells.low == half


def _too_long(cells: Cells, shape: _Shape) -> Array:
    """How many times longer than it should be each cell is along either axis, ``[n, 2]``."""
    half = 0.5 * cells.size[:, None, :]
    offset = cells.low[:, None, :] + half - shape.means[None, :, :]
    along = jnp.abs(jnp.einsum("kab,nkb->nka", shape.axes, offset))
    # What a cell covers of a principal axis; apart along either one, it is apart by at least so many deviations.
    covered = jnp.einsum("kab,nkb->nka", jnp.abs(shape.axes), jnp.broadcast_to(half, offset.shape))
    gaps = jnp.maximum(along - covered, 0.0) / shape.deviations[None, :, :]
    distance = jnp.sqrt(jnp.sum(jnp.square(gaps), axis=2))
    grown = jnp.where(distance < _REACH, _LENGTH * jnp.maximum(1.0, _GROWTH * distance), jnp.inf)
    return cells.size / jnp.min(shape.lengths[None, :, :] * grown[:, :, None], axis=1)


def _by_geometry(cells: Cells, shape: _Shape, slots: int) -> tuple[Cells, Array]:
    """Halves cells until none is too long, or there is no room; the cells, and whether none is."""
    batch = slots // 4

    def unfinished(state: tuple[Cells, Array]) -> Array:
        cells, worst = state
        return (worst > 1.0) & (cells.used < slots)

    def refine(state: tuple[Cells, Array]) -> tuple[Cells, Array]:
        cells, _ = state
        excess = _too_long(cells, shape)
        score, which = jax.lax.top_k(jnp.max(excess, axis=1), batch)
        cells, _ = _halved(cells, which, score > 1.0, jnp.argmax(excess[which], axis=1))
        return cells, score[0]

    cells, worst = jax.lax.while_loop(unfinished, refine, (cells, jnp.full((), jnp.inf, cells.low.dtype)))
    return cells, worst <= 1.0


def _in_chunks(function: Callable[[Array, Array], Any], cells: Cells) -> Any:
    """``function(low [chunk, 2], size [chunk, 2])`` over all cells, a chunk at a time: memory does not grow with the cells."""
    shape = (-1, _CHUNK, 2)
    # Without a checkpoint the backward pass would keep every density at every node.
    return jax.lax.map(
        jax.checkpoint(lambda chunk: function(*chunk)), (cells.low.reshape(shape), cells.size.reshape(shape))
    )


def _by_integrand(cells: Cells, integrand: Integrand, p: _Placed, q: _Placed) -> tuple[Cells, Array, Array]:
    """Halves the cells with the largest error until what is left of it is small, or there is no room.

    Returns:
      The cells, the integrals of the rows and of both densities, and their errors, ``[k + 2]`` each.
    """
    rounds, batch = integrand.refinement
    # What is refined is beside some component.
    batch = batch * -(-(p.anchors.shape[0] + q.anchors.shape[0]) // 16)
    extra = rounds * batch
    # Kinks are followed no further than matters for what is asked of them.
    goal = 1e-9 if cells.low.dtype == jnp.float64 and not integrand.sign_changes else 1e-6

    def measured(some: Cells) -> _Measured:
        found = _in_chunks(lambda low, size: _measured(integrand, p, q, low, size), some)
        return jax.tree.map(lambda field: field.reshape(-1, *field.shape[2:]), found)

    def longer(field: Array) -> Array:
        return jnp.concatenate([field, jnp.zeros((extra, *field.shape[1:]), field.dtype)])

    def scores(found: _Measured) -> tuple[Array, Array]:
        # Of a row and its complement the smaller is what the value comes from.
        rows = found.integrals[:, :-2]
        totals = jnp.sum(jnp.where(jnp.isfinite(rows), rows, 0.0), axis=0)
        errors = found.errors[:, jnp.argmin(totals)]
        return errors, jnp.sum(errors) > goal * integrand.combine(totals)

    def unfinished(state: tuple[Cells, _Measured, Array]) -> Array:
        cells, found, round_ = state
        return (round_ < 3 * rounds) & (cells.used < cells.low.shape[0]) & scores(found)[1]

    def refine(state: tuple[Cells, _Measured, Array]) -> tuple[Cells, _Measured, Array]:
        cells, found, round_ = state
        errors, _ = scores(found)
        errors = jnp.where(_halvable(cells), errors, 0.0)
        worst, which = jax.lax.top_k(jnp.max(errors, axis=1), batch)
        cells, new = _halved(cells, which, worst > 0.02 * worst[0], jnp.argmax(errors[which], axis=1))
        changed = jnp.concatenate([which, new])
        some = jnp.minimum(changed, cells.low.shape[0] - 1)
        part = measured(Cells(cells.low[some], cells.size[some], cells.used))
        found = jax.tree.map(lambda old, now: old.at[changed].set(now, mode="drop"), found, part)
        return cells, found, round_ + 1

    grown = Cells(longer(cells.low), longer(cells.size), cells.used)
    start = (grown, jax.tree.map(longer, measured(cells)), jnp.zeros((), int))
    cells, found, _ = jax.lax.while_loop(unfinished, refine, start)
    return cells, jnp.sum(found.integrals, axis=0), jnp.sum(found.errors, axis=(0, 2))


def _total(integrand: Integrand, p: _Placed, q: _Placed, cells: Cells) -> Array:
    return jnp.sum(_in_chunks(lambda low, size: _integrals(integrand, p, q, low, size), cells), axis=0)


def _first_slots(components: int) -> int:
    """Cells of the first phase, a whole number of chunks, from the number of components (a static shape)."""
    return -(-min(max(80 * components, 1024), 16384) // _CHUNK) * _CHUNK


# ------------------------------------------------------------------------------------------------------- p^2 / q, and where it goes


def _precisions(law: GaussianMixture) -> Array:
    inverse = jnp.linalg.inv(law.factors)
    return jnp.swapaxes(inverse, -1, -2) @ inverse


def _shares(components: int) -> np.ndarray:
    """Each component of ``q`` alone, and, where they are few, any two of them by halves, ``[c, components]``."""
    alone = np.eye(components)
    if components > 32:
        return alone
    first, second = np.triu_indices(components, 1)
    return np.concatenate([alone, 0.5 * (alone[first] + alone[second])])


def _peaks(p: GaussianMixture, q: GaussianMixture) -> tuple[_Shape, Array]:
    """Where ``p^2 / q`` is large, one Gaussian for each component of ``p``, and what lies beyond the reach of those.

    ``p^2 / q <= sum_i w_i p_i^2 / prod_j (v_j q_j / t_j)^{t_j}`` for any shares ``t`` of sum 1, which may depend on ``i``: those that make
    the integral smallest. For equal covariances, and one ``j`` alone, it peaks at ``2 a - b``, as far beyond ``a`` as ``b`` is before it.
    """
    of_q, shares = _precisions(q), jnp.asarray(_shares(q.means.shape[0]), q.means.dtype)
    precisions = 2.0 * _precisions(p)[:, None] - jnp.einsum("cj,jab->cab", shares, of_q)[None, :]
    determinants = jnp.linalg.det(precisions)
    absent = (shares @ (q.weights == 0).astype(shares.dtype)) > 0
    definite = (determinants > 0) & (precisions[..., 0, 0] > 0) & ~absent[None, :]
    safe = jnp.where(definite[..., None, None], precisions, jnp.eye(2, dtype=precisions.dtype))
    # Seen from a_i the exponent is -x P x / 2 + h x + c, with h and c means over the steps s to the b_j: P^-1 h is where it peaks.
    steps = q.means[None, :, :] - p.means[:, None, :]
    weighed = jnp.einsum("jab,ijb->ija", of_q, steps)
    slopes = -jnp.einsum("cj,ija->ica", shares, weighed)
    moves = jnp.linalg.solve(safe, slopes[..., None])[..., 0]
    heights = 0.5 * jnp.einsum("cj,ija,ija->ic", shares, weighed, steps) + 0.5 * jnp.sum(slopes * moves, axis=2)
    # And the logarithm of the integral.
    log_det_p, log_det_q = (jnp.log(jnp.abs(jnp.linalg.det(law.factors))) for law in (p, q))
    of_each = log_det_q - jnp.where(q.weights > 0, q.log_weights, 0.0)
    entropy = jnp.sum(numerics.xlogy(shares, shares), axis=1)
    sizes = (p.log_weights - 2.0 * log_det_p)[:, None] + (shares @ of_each + entropy)[None, :] + heights
    sizes = jnp.where(definite, sizes - 0.5 * jnp.log(jnp.where(definite, determinants, 1.0)), jnp.inf)
    best, which = jnp.argmin(sizes, axis=1), jnp.arange(sizes.shape[0])
    known = definite[which, best]
    factors = jnp.where(known[:, None, None], jnp.linalg.cholesky(jnp.linalg.inv(safe[which, best])), p.factors)
    shape = _shape(p.means + jnp.where(known[:, None], moves[which, best], 0.0), factors)
    # A component of weight 0 adds nothing.
    left = jnp.where(p.weights > 0, sizes[which, best], -jnp.inf)
    return shape, jnp.sum(jnp.exp(left - 0.5 * _REACH**2))


def _outweighed(p: GaussianMixture, q: GaussianMixture) -> Array:
    """Whether ``p^2 / q`` grows without bound in some direction, ``[]``.

    In the direction ``u`` it goes as ``exp(-r^2 / 2 min_i max_j u^T (2 A_i^-1 - B_j^-1) u)``. In the angle of ``u`` each of these forms is
    a constant and a cosine: the largest of several is least where one of them is, or where two are equal.
    """
    of_p, of_q = _precisions(p), _precisions(q)

    def cosine(form: Array) -> tuple[Array, Array]:
        return 0.5 * (form[..., 0, 0] - form[..., 1, 1]), form[..., 0, 1]

    c, s = cosine(2.0 * of_p[:, None] - of_q[None, :])
    lowest = 0.5 * jnp.arctan2(-s, -c).ravel()
    (c, s), middle = cosine(of_q), 0.5 * jnp.trace(of_q, axis1=-2, axis2=-1)
    mean = middle[:, None] - middle[None, :]
    c, s = c[:, None] - c[None, :], s[:, None] - s[None, :]
    size = jnp.hypot(c, s)
    meet = jnp.arccos(jnp.clip(-mean / jnp.where(size > 0, size, 1.0), -1.0, 1.0))
    equal = 0.5 * jnp.stack([jnp.arctan2(s, c) + meet, jnp.arctan2(s, c) - meet]).ravel()
    angles = jnp.concatenate([lowest, equal])
    directions = jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=1)
    a, b = (jnp.einsum("na,kab,nb->kn", directions, forms, directions) for forms in (of_p, of_q))
    a, b = (jnp.where((law.weights > 0)[:, None], form, jnp.inf) for law, form in ((p, a), (q, b)))
    lightest = jnp.min(2.0 * jnp.min(a, axis=0) - jnp.min(b, axis=0))
    scale = jnp.max(jnp.abs(of_q))
    return lightest < -64.0 * jnp.finfo(scale.dtype).eps * scale


# ---------------------------------------------------------------------------------------------------------------------- the divergence


def f_divergence(integrand: Integrand, p: GaussianMixture, q: GaussianMixture) -> ExactValue:
    """An f-divergence between two mixtures of Gaussians in the plane, with its error."""
    placed_p, placed_q = _whiten(p, q)
    held_p, held_q = jax.lax.stop_gradient((placed_p, placed_q))
    fixed_p, fixed_q = _in_one(held_p), _in_one(held_q)
    shape = _shape(jnp.concatenate([fixed_p.means, fixed_q.means]), jnp.concatenate([fixed_p.factors, fixed_q.factors]))
    beyond, infinite = jnp.zeros((), shape.means.dtype), jnp.zeros((), bool)
    if integrand.reflects:
        peaks, beyond = _peaks(fixed_p, fixed_q)
        shape = _Shape(*(jnp.concatenate(pair) for pair in zip(shape, peaks, strict=True)))
        infinite = _outweighed(fixed_p, fixed_q)
    slots = _first_slots(shape.means.shape[0])
    cells, seen = _by_geometry(_start(shape, slots), shape, slots)
    cells, found, errors = jax.lax.stop_gradient(_by_integrand(cells, integrand, held_p, held_q))
    rows = numerics.computed(found, partial(_total, integrand), placed_p, placed_q, cells)
    missing = jnp.abs(jax.lax.stop_gradient(rows[-2:]) - 1.0)
    # Where every component has cells that are short enough, the errors of a law's own integral explain what is missing of it, and are no
    # errors of the divergence. Where the room ran out, mass may be missing from one cell and found twice in another.
    missing = jnp.where(seen, jnp.maximum(missing - errors[-2:], 0.0), missing + errors[-2:])
    value, error = integrand.measured(rows[:-2], errors[:-2], missing)
    # Beyond the largest number nothing is added.
    error = jnp.where(infinite, 0.0, jnp.where(value < jnp.inf, error + beyond, error))
    return ExactValue(jnp.where(infinite, jnp.inf, jnp.where(infinite, 0.0, value)), error)
