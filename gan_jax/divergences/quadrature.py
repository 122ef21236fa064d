"""Integrals over the line of what is built from the densities of two laws, under ``jit``, ``vmap`` and ``grad``.

The mesh is a fixed-size union of meshes that grow geometrically away from every landmark (``landmarks``), sorted, with
Gauss-Legendre nodes on each panel: a panel is never much longer than its distance from the nearest feature, so that
features of any scale and distance are resolved by the same number of nodes. Outside the hull of all landmarks both
meshes go on in one common geometric ladder, whose last panels tell how the integrand decays: like a power, which is
summed to infinity, or not at all, in which case the integral is infinite.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.distributions import log_density_at
from gan_jax.divergences.landmarks import Landmarks, landmarks_of
from gan_jax.typing import Array, Distribution

Integrand = Callable[[Array], Array]

_ORDER = 16
# Panels of half a scale out to 4, then growing by a sixth of their distance out to 40, by half of it out to 3000.
_CORE = np.concatenate([np.arange(0.0, 4.0, 0.5), 4.0 * (7 / 6) ** np.arange(15), 40.0 * 1.5 ** np.arange(0, 12)])
# A power law is resolved by panels that reach from one distance to three times that distance.
_GROWTH = 3.0
_FAR = _CORE[-1] * _GROWTH ** np.arange(1, 22)
_GRADED = _GROWTH ** -np.arange(0, 60.0)
# In single precision a density that decays like a cube must not underflow, nor the square of a distance overflow.
_FAR_SINGLE = _FAR[:8]


@lru_cache
def _rule() -> tuple[np.ndarray, np.ndarray]:
    x, w = np.polynomial.legendre.leggauss(_ORDER)
    return 0.5 * (x + 1.0), 0.5 * w


class Mesh(NamedTuple):
    """Panels of the line.

    Attributes:
      edges: ``[panels + 1]``, ascending.
      nodes: ``[panels * order]``, ascending.
      weights: ``[panels, order]``, of the nodes.
    """

    edges: Array
    nodes: Array
    weights: Array

    def sum(self, values: Array) -> Array:
        """The integral over each panel, ``[panels]``, of an integrand with ``values [panels * order]`` at the nodes."""
        # A panel of no width may sit where the integrand is infinite.
        held = jnp.where(self.weights > 0, values.reshape(self.weights.shape), 0.0)
        return jnp.sum(held * self.weights, axis=1)


def _ladder(marks: Array, offsets: np.ndarray) -> Array:
    steps = jnp.asarray(np.unique(np.concatenate([-offsets, offsets])), marks.dtype)
    marks = jax.lax.stop_gradient(marks)
    reach = marks[:, 1:] * steps[None, :]
    # A node must not round to the centre, where the density may have a pole.
    room = 1e3 * jnp.finfo(marks.dtype).eps * jnp.abs(marks[:, :1])
    return (marks[:, :1] + jnp.where(jnp.abs(reach) > room, reach, 0.0)).ravel()


def _panels(edges: Array) -> Mesh:
    x, w = _rule()
    width = edges[1:] - edges[:-1]
    nodes = edges[:-1, None] + width[:, None] * jnp.asarray(x, edges.dtype)[None, :]
    return Mesh(edges, nodes.ravel(), width[:, None] * jnp.asarray(w, edges.dtype)[None, :])


def mesh_of(marks: Landmarks) -> Mesh:
    """The mesh of a pair of laws from their landmarks: ascending panels that end in two regular geometric ladders."""
    dtype = marks.edges.dtype
    double = dtype == jnp.float64
    heavy = marks.heavy.shape[0] > 0
    inner = jnp.concatenate(
        [
            _ladder(marks.light, _CORE),
            _ladder(marks.heavy, np.concatenate([_CORE, _FAR if double else _FAR_SINGLE])),
            _ladder(marks.ends, _GRADED),
            marks.edges,
        ]
    )
    low, high = (jax.lax.stop_gradient(end) for end in (jnp.min(inner), jnp.max(inner)))
    count = 60 if heavy and double else 4
    reach = (
        jnp.asarray(_GROWTH ** np.arange(1, count + 1) - 1.0, dtype)
        * 0.5
        * jnp.maximum(high - low, jnp.finfo(dtype).tiny)
    )
    return _panels(jnp.sort(jnp.concatenate([low - reach, inner, high + reach])))


def mesh_for(*laws: Distribution) -> Mesh:
    """The mesh of several one-dimensional laws."""
    return mesh_of(landmarks_of(*laws))


def densities(d: Distribution, mesh: Mesh) -> Array:
    """Log-densities at the nodes, ``[panels * order]``."""
    return jax.vmap(lambda x: log_density_at(d, x))(mesh.nodes)


def total(mesh: Mesh, values: Array) -> Array:
    """The integral over the line of an integrand ``>= 0``, with its tails: ``inf`` where they do not converge.

    The outermost panels of each side grow by the same factor, so that an integrand that decays like a power of the
    distance gives contributions ``c_1, c_2, ...`` in a constant ratio ``rho``, and what lies beyond the last is ``c rho
    / (1 - rho)``. With ``rho >= 1`` the integral does not converge (``rho = 1`` is ``1 / x``).

    Args:
      mesh: the panels.
      values: the integrand at the nodes, ``[panels * order]``; ``inf`` on a panel of positive width makes the integral
        infinite.

    Returns:
      The integral, ``[]``. Where it is infinite its gradient is 0.
    """
    infinite = jnp.any((values == jnp.inf).reshape(mesh.weights.shape) & (mesh.weights > 0))
    parts = mesh.sum(jnp.where(values < jnp.inf, values, 0.0))
    left, left_diverges = _tail(parts[0], parts[1], jnp.sum(parts))
    right, right_diverges = _tail(parts[-1], parts[-2], jnp.sum(parts))
    infinite = infinite | left_diverges | right_diverges
    return jnp.where(infinite, jnp.inf, jnp.where(infinite, 0.0, jnp.sum(parts) + left + right))


def _tail(last: Array, before: Array, whole: Array) -> tuple[Array, Array]:
    eps = jnp.finfo(last.dtype).eps
    # Contributions that no longer change the sum carry no information; squared, since rho may be close to 1.
    live = (last > eps * eps * whole) & (before > 0)
    ratio = jnp.where(live, last, 0.0) / jnp.where(live, before, 1.0)
    diverges = live & (ratio > 0.999)
    ratio = jnp.where(diverges, 0.0, ratio)
    return jnp.where(live, last, 0.0) * ratio / (1.0 - ratio), diverges


def split_at_roots(mesh: Mesh, function: Integrand, values: Array, weight: Array, count: int) -> Mesh:
    """A finer mesh with a breakpoint at the sign changes of a function, where its absolute value has a kink.

    Args:
      mesh: the panels.
      function: ``x [] -> []``.
      values: the function at the nodes, ``[panels * order]``.
      weight: how much a node matters, ``[panels * order]``: of more than ``count`` sign changes those that matter most
        are taken.
      count: number of breakpoints.

    Returns:
      The mesh with ``count`` more panels. The breakpoints carry no gradient: the integrand vanishes there.
    """
    nodes, values, weight = (jax.lax.stop_gradient(a) for a in (mesh.nodes, values, weight))
    rising = values >= 0
    change = rising[1:] != rising[:-1]
    _, where = jax.lax.top_k(jnp.where(change, weight[1:] + weight[:-1], -1.0), count)
    up = rising[where + 1]

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = 0.5 * (low + high)
        right = (jax.vmap(function)(middle) >= 0) == up
        return jnp.where(right, low, middle), jnp.where(right, middle, high)

    steps = 56 if nodes.dtype == jnp.float64 else 28
    low, high = jax.lax.fori_loop(0, steps, halve, (nodes[where], nodes[where + 1]))
    roots = jax.lax.stop_gradient(jnp.where(change[where], 0.5 * (low + high), mesh.edges[0]))
    return _panels(jnp.sort(jnp.concatenate([mesh.edges, roots])))
