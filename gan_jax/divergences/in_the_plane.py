"""f-divergences of two mixtures of Gaussians in the plane: adaptive cubature under ``jit``, ``vmap`` and ``grad``.

A fixed number of rectangular cells is refined in two phases, neither of which is differentiated:

1. *by geometry*: cells are halved until each is no longer than about the standard deviation of every component it is
   near to, so that no component is missed, however narrow and far from the others;
2. *by the integrand*: the cells with the largest error are halved. Gauss-Legendre samples of an integrand that is
   resolved have small highest Legendre coefficients; a kink (total variation where ``p = q``; the log-ratio of two
   mixtures on the borders between their modes) shows in them.

Then the integrand is summed over all cells with their nodes held fixed: the derivative of the sum is the sum of the
derivatives. Both laws are first whitened by one linear map, which leaves every f-divergence as it is: two strongly
correlated Gaussians become round.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp

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

    low: Array
    size: Array
    used: Array


@lru_cache
def _rule() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes and weights on [0, 1], and the functional of the two highest Legendre coefficients ``[2, order]``."""
    x, w = np.polynomial.legendre.leggauss(_ORDER)
    top = np.stack(
        [np.polynomial.legendre.Legendre.basis(k)(x) * w * math.sqrt(k + 0.5) for k in (_ORDER - 2, _ORDER - 1)]
    )
    return 0.5 * (x + 1.0), 0.5 * w, top


def _log_components(mixture: GaussianMixture, x: Array) -> Array:
    """Log-densities of components at ``x [2, n]``, ``[k, n]``: coordinates first, so that they run along contiguous points."""
    (a, b), (c, d) = (mixture.factors[:, i, 0] for i in (0, 1)), (mixture.factors[:, i, 1] for i in (0, 1))
    # factors = [[a, c], [b, d]]
    determinant = a * d - b * c
    dx, dy = x[0][None, :] - mixture.means[:, 0][:, None], x[1][None, :] - mixture.means[:, 1][:, None]
    u = (d[:, None] * dx - c[:, None] * dy) / determinant[:, None]
    v = (a[:, None] * dy - b[:, None] * dx) / determinant[:, None]
    height = -jnp.log(jnp.abs(determinant)) - math.log(2.0 * math.pi)
    return height[:, None] - 0.5 * (u * u + v * v)


def _nodes(low: Array, size: Array) -> Array:
    """The tensor nodes of cells ``[n, 2]`` as ``[2, n * order * order]``."""
    x = jnp.asarray(_rule()[0], low.dtype)
    across = low[:, 0, None] + size[:, 0, None] * x[None, :]
    up = low[:, 1, None] + size[:, 1, None] * x[None, :]
    shape = (low.shape[0], _ORDER, _ORDER)
    return jnp.stack(
        [jnp.broadcast_to(across[:, :, None], shape).ravel(), jnp.broadcast_to(up[:, None, :], shape).ravel()]
    )


def _rows(integrand: Integrand, p: GaussianMixture, q: GaussianMixture, low: Array, size: Array) -> Array:
    """The integrand and both densities on cells, ``[k + 2, n, order, order]``."""
    x = _nodes(low, size)
    parts = [_log_components(law, x) for law in (p, q)]
    log_p, log_q = (logsumexp(law.log_weights[:, None] + part, axis=0) for law, part in zip((p, q), parts, strict=True))
    rows = integrand.rows(log_p, log_q)
    # A component of weight 0 is in no logarithm; what it would add is the one-sided derivative.
    for side, (law, part) in enumerate(zip((p, q), parts, strict=True)):
        gained = jnp.where(law.weights == 0, law.weights, 0.0)
        changes = jax.vmap(lambda log_f, side=side: integrand.changes(log_p, log_q, log_f)[side])(part)
        rows = rows + jnp.sum(numerics.one_sided(changes, gained[:, None, None]), axis=0)
    masses = jax.lax.stop_gradient(jnp.exp(jnp.stack([log_p, log_q])))
    return jnp.concatenate([rows, masses]).reshape(-1, low.shape[0], _ORDER, _ORDER)


def _integrals(integrand: Integrand, p: GaussianMixture, q: GaussianMixture, low: Array, size: Array) -> Array:
    w = jnp.asarray(_rule()[1], low.dtype)
    return jnp.einsum("knij,i,j,n->k", _rows(integrand, p, q, low, size), w, w, size[:, 0] * size[:, 1])


def _errors(integrand: Integrand, p: GaussianMixture, q: GaussianMixture, low: Array, size: Array) -> Array:
    """How unresolved the integrand is along each axis of each cell, times the cell's area: ``[n, 2]``."""
    values = jnp.sum(_rows(integrand, p, q, low, size)[:-2], axis=0)
    values = jnp.where(jnp.isfinite(values), values, 0.0)
    top = jnp.asarray(_rule()[2], low.dtype)
    along_x = jnp.sqrt(jnp.sum(jnp.square(jnp.einsum("nij,ki->nkj", values, top)), axis=(1, 2)))
    along_y = jnp.sqrt(jnp.sum(jnp.square(jnp.einsum("nij,kj->nki", values, top)), axis=(1, 2)))
    return jnp.stack([along_x, along_y], axis=1) * (size[:, 0] * size[:, 1])[:, None]


def _whiten(p: GaussianMixture, q: GaussianMixture) -> tuple[GaussianMixture, GaussianMixture]:
    """Both laws under the linear map that makes the first component of ``p`` round; centred on all means."""
    origin = jax.lax.stop_gradient(jnp.mean(jnp.concatenate([p.means, q.means]), axis=0))
    whitener = jnp.linalg.inv(jax.lax.stop_gradient(p.factors[0]))

    def moved(law: GaussianMixture) -> GaussianMixture:
        means = (law.means - origin[None, :]) @ whitener.T
        return law._replace(means=means, factors=jnp.einsum("ij,kjl->kil", whitener, law.factors))

    return moved(p), moved(q)


class _Shape(NamedTuple):
    """Where the features are: means ``[k, 2]``, smallest and largest standard deviations ``[k]`` of all components of both laws."""

    means: Array
    narrow: Array
    wide: Array


def _shape(p: GaussianMixture, q: GaussianMixture) -> _Shape:
    factors = jnp.concatenate([p.factors, q.factors])
    # Singular values of a 2 × 2 matrix from its Frobenius norm and determinant.
    half = 0.5 * jnp.sum(jnp.square(factors), axis=(1, 2))
    determinant = jnp.abs(factors[:, 0, 0] * factors[:, 1, 1] - factors[:, 0, 1] * factors[:, 1, 0])
    wide = jnp.sqrt(half + jnp.sqrt(jnp.maximum(jnp.square(half) - jnp.square(determinant), 0.0)))
    return _Shape(jnp.concatenate([p.means, q.means]), determinant / wide, wide)


def _with_reflections(shape: _Shape, p: GaussianMixture, q: GaussianMixture) -> _Shape:
    """Adds where ``p^2 / q`` peaks: for equal covariances at ``2 a - b``, as far beyond ``a`` as its nearest ``b`` is before it."""
    steps = p.means[:, None, :] - q.means[None, :, :]
    nearest = jnp.argmin(jnp.sum(jnp.square(steps), axis=2), axis=1)
    images = 2.0 * p.means - q.means[nearest]
    count = p.means.shape[0]
    return _Shape(
        jnp.concatenate([shape.means, images]),
        jnp.concatenate([shape.narrow, shape.narrow[:count]]),
        jnp.concatenate([shape.wide, shape.wide[:count]]),
    )


def _start(shape: _Shape, slots: int) -> Cells:
    reach = (_REACH * shape.wide)[:, None]
    low, high = jnp.min(shape.means - reach, axis=0), jnp.max(shape.means + reach, axis=0)
    empty = jnp.zeros((slots, 2), low.dtype)
    return Cells(empty.at[0].set(low), empty.at[0].set(high - low), jnp.ones((), int))


def _halved(cells: Cells, which: Array, wanted: Array, axis: Array) -> Cells:
    """Cells ``which [m]`` halved along ``axis [m]`` where ``wanted [m]`` and there is room: one half in place, one in a new slot."""
    slots = cells.low.shape[0]
    target = cells.used + jnp.cumsum(wanted) - 1
    wanted = wanted & (target < slots)
    along = jax.nn.one_hot(axis, 2, dtype=cells.size.dtype)
    half = jnp.where(wanted[:, None], 1.0 - 0.5 * along, 1.0) * cells.size[which]
    target = jnp.where(wanted, target, slots)
    low = cells.low.at[target].set(cells.low[which] + along * half, mode="drop")
    # The parents first: among them may be slots that are not in use and become a child now.
    size = cells.size.at[which].set(half).at[target].set(half, mode="drop")
    return Cells(low, size, cells.used + jnp.sum(wanted))


def _too_long(cells: Cells, shape: _Shape) -> Array:
    """How many times longer than it should be each cell is, ``[n]``."""
    nearest = jnp.clip(shape.means[None, :, :], cells.low[:, None, :], cells.low[:, None, :] + cells.size[:, None, :])
    distance = jnp.sqrt(jnp.sum(jnp.square(nearest - shape.means[None, :, :]), axis=2)) / shape.wide[None, :]
    allowed = shape.narrow[None, :] * _LENGTH * jnp.maximum(1.0, _GROWTH * distance)
    allowed = jnp.where(distance < _REACH, allowed, jnp.inf)
    return jnp.max(cells.size, axis=1) / jnp.min(allowed, axis=1)


def _by_geometry(cells: Cells, shape: _Shape, slots: int) -> Cells:
    batch = slots // 4

    def unfinished(state: tuple[Cells, Array]) -> Array:
        cells, worst = state
        return (worst > 1.0) & (cells.used < slots)

    def refine(state: tuple[Cells, Array]) -> tuple[Cells, Array]:
        cells, _ = state
        score, which = jax.lax.top_k(_too_long(cells, shape), batch)
        return _halved(cells, which, score > 1.0, jnp.argmax(cells.size[which], axis=1)), score[0]

    cells, _ = jax.lax.while_loop(unfinished, refine, (cells, jnp.full((), jnp.inf, cells.low.dtype)))
    return cells


def _in_chunks(function: Callable[[Array, Array], Array], cells: Cells) -> Array:
    """``function(low [chunk, 2], size [chunk, 2])`` over all cells, a chunk at a time: memory does not grow with the cells."""
    shape = (-1, _CHUNK, 2)
    # Without a checkpoint the backward pass would keep every density at every node.
    return jax.lax.map(
        jax.checkpoint(lambda chunk: function(*chunk)), (cells.low.reshape(shape), cells.size.reshape(shape))
    )


def _by_integrand(cells: Cells, integrand: Integrand, p: GaussianMixture, q: GaussianMixture) -> Cells:
    rounds, batch = integrand.refinement
    extra = rounds * batch
    empty = jnp.zeros((extra, 2), cells.low.dtype)
    grown = Cells(jnp.concatenate([cells.low, empty]), jnp.concatenate([cells.size, empty]), cells.used)

    def errors_of(low: Array, size: Array) -> Array:
        return _errors(integrand, p, q, low, size)

    errors = _in_chunks(errors_of, cells).reshape(-1, 2)
    errors = jnp.concatenate([errors, jnp.zeros((extra, 2), errors.dtype)])

    def refine(_: int, state: tuple[Cells, Array]) -> tuple[Cells, Array]:
        cells, errors = state
        worst, which = jax.lax.top_k(jnp.max(errors, axis=1), batch)
        new = cells.used + jnp.arange(batch)
        cells = _halved(cells, which, jnp.ones_like(worst, bool), jnp.argmax(errors[which], axis=1))
        changed = jnp.concatenate([which, jnp.minimum(new, errors.shape[0] - 1)])
        part = Cells(cells.low[changed], cells.size[changed], cells.used)
        return cells, errors.at[changed].set(_in_chunks(errors_of, part).reshape(-1, 2))

    cells, _ = jax.lax.fori_loop(0, rounds, refine, (grown, errors))
    return cells


def _first_slots(components: int) -> int:
    """Cells of the first phase, a whole number of chunks, from the number of components (a static shape)."""
    return -(-min(max(80 * components, 512), 4096) // _CHUNK) * _CHUNK


# By how much the mass that the cells find of a law may differ from 1: what is not resolved differs by far more.
_MASS = {jnp.dtype("float64"): 1e-7, jnp.dtype("float32"): 1e-4}


def f_divergence(integrand: Integrand, p: GaussianMixture, q: GaussianMixture) -> ExactValue:
    """An f-divergence between two mixtures of Gaussians in the plane.

    The error is known where the cells ran out before they resolved a law, by the mass that is missing; else it is not estimated (NaN).
    """
    p, q = _whiten(p, q)
    fixed_p, fixed_q = jax.lax.stop_gradient((p, q))
    slots = _first_slots(p.means.shape[0] + q.means.shape[0])
    shape = _shape(fixed_p, fixed_q)
    if integrand.reflects:
        shape = _with_reflections(shape, fixed_p, fixed_q)
    cells = _by_geometry(_start(shape, slots), shape, slots)
    cells = jax.lax.stop_gradient(_by_integrand(cells, integrand, fixed_p, fixed_q))
    rows = jnp.sum(_in_chunks(lambda low, size: _integrals(integrand, p, q, low, size), cells), axis=0)
    missing = jnp.abs(jax.lax.stop_gradient(rows[-2:]) - 1.0)
    value, error = integrand.measured(rows[:-2], jnp.zeros_like(rows[:-2]), missing)
    return ExactValue(value, jnp.where(jnp.max(missing) > _MASS[missing.dtype], error, jnp.nan))
