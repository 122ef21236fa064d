"""The energy distance of two mixtures of Gaussians in any dimension, formed from what they differ in.

``||x|| = 1 / (2 sqrt pi) integral over t > 0 of (1 - e^{-t ||x||^2}) t^{-3/2}``, so that the distance is an integral over bandwidths of
squared MMDs under Gaussian kernels (Székely & Rizzo 2013; Sejdinovic et al. 2013),

    E(p, q) = 1 / (2 sqrt pi) integral of M(t) t^{-3/2} dt,   M(t) = sum_ij w_i w_j K_ij(t),   K_ij(t) = E e^{-t ||X_i - X_j||^2},

the weights being those of ``p`` and, with a minus, those of ``q``. Of Gaussians ``K_ij = det(I + 2 t S)^{-1/2} exp(-t delta^T (I + 2 t
S)^{-1} delta)`` with ``S = A_i + A_j``. Added up as it stands the sum is lost in rounding where the laws are near each other, and for
every small ``t``. So modes are taken in pairs, one of ``p`` and one of ``q``, and each pair as a difference (``_Four``).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from gan_jax import numerics
from gan_jax.divergences.accuracy import ExactValue
from gan_jax.divergences.gaussians import ELSEWHERE, GaussianMixture, near_zero
from gan_jax.typing import Array

NODES = {"float32": 321, "float64": 769}
"""Of the trapezoidal rule in ``log t``: odd, since the rule of every other node says how exact it is."""

BLOCKS = 16
"""What rounding does is taken as a sum over so many shares of the nodes: of single nodes it averages out, of all it may cancel."""


class _Pairs(NamedTuple):
    """Modes ``p_k`` and ``q_k`` in twos: what they have in common, and what they differ in.

    Attributes:
      common: ``[k]``, the mean of their weights, ``c_k``.
      surplus: ``[k]``, half of the weights' difference, ``sigma_k``; they add up to 0.
      middle: ``[k, d]``, half of the sum of the means.
      apart: ``[k, d]``, half of their difference.
      root_sum: ``[k, d, d]``, the sum of the roots of their covariances.
      root_apart: ``[k, d, d]``, the difference of the roots: nothing but this makes their covariances differ.
    """

    common: Array
    surplus: Array
    middle: Array
    apart: Array
    root_sum: Array
    root_apart: Array


class _Two(NamedTuple):
    """Two pairs, ``k`` and ``l``, seen along the axes of the covariance that all four have together.

    Attributes:
      between: ``[d]``, from the middle of ``l`` to the middle of ``k``.
      apart: ``[2, d]``, of each.
      covariances: ``[2, 2, d, d]``, of ``p_k, q_k`` and ``p_l, q_l``.
      excess: ``[2, d, d]``, the covariance of ``p_k`` less that of ``q_k``, and for ``l``.
    """

    between: Array
    apart: Array
    covariances: Array
    excess: Array


class _Four(NamedTuple):
    """``K`` of ``p_k, q_k`` with ``p_l, q_l``, added up with three patterns of signs, ``[]`` each.

    Attributes:
      differences: ``<p_k - q_k, p_l - q_l>``, of second order in what they differ in.
      left: ``<p_k - q_k, p_l + q_l>``, of first order.
      right: ``<p_k + q_k, p_l - q_l>``.
      sums: ``<p_k + q_k, p_l + q_l> - 4``.
    """

    differences: Array
    left: Array
    right: Array
    sums: Array


def energy_distance(p: GaussianMixture, q: GaussianMixture) -> ExactValue:
    """``2 E||X - Y|| - E||X - X'|| - E||Y - Y'||``, with its error.

    The trapezoidal rule in ``s = log t`` converges exponentially: there the integrand is analytic for ``|Im s| < pi / 2`` and decays like
    ``e^{-|s| / 2}``. The error is what a rule of twice the step finds otherwise, and what another unit of length does.

    Args:
      p, q: mixtures in one space.

    Returns:
      ``[]``, in units of the data.
    """
    p, q = near_zero(p, q)
    length = numerics.unit_of(p.means, q.means, p.factors, q.factors)
    p, q = (law._replace(means=law.means / length, factors=law.factors / length) for law in (p, q))
    pairs = _pairs(p, q)
    dtype = pairs.middle.dtype
    count = NODES[dtype.name]
    low, high = jax.lax.stop_gradient(_range(p, q))
    step = (high - low) / (count - 1)
    s = low + step * jnp.arange(count, dtype=dtype)
    # Every other node a second time, and t goes with the square of the unit: one program for both.
    units = jnp.asarray([1.0, ELSEWHERE], dtype)
    second = jnp.concatenate([jnp.zeros(count, int), jnp.ones((count + 1) // 2, int)])
    values = _along(
        jax.vmap(_scaled, (None, 0))(pairs, units), second, jnp.concatenate([s, s[::2] - 2.0 * math.log(ELSEWHERE)])
    )
    value = jnp.sum(values[:count]) * step
    half, moved = jax.lax.stop_gradient((values[:count:2], values[count:] / ELSEWHERE))
    shares = jnp.stack([jnp.sum(share) for share in jnp.array_split(half - moved, BLOCKS)])
    coarse = jnp.abs(jnp.sum(half) * 2.0 - jnp.sum(jax.lax.stop_gradient(values[:count])))
    return ExactValue(length * value, length * (coarse + 4.0 * jnp.sum(jnp.abs(shares))) * step)


# ------------------------------------------------------------------------------------------------------------------ pairs


def _pairs(p: GaussianMixture, q: GaussianMixture) -> _Pairs:
    """Each mode of ``p`` with the one of ``q`` that looks most like it, where that takes each once; else in the order given.

    The law that has fewer modes is given those of the other, with weight 0.
    """
    few, many = p.means.shape[0], q.means.shape[0]
    if few == many and few > 1:
        looks = [jnp.concatenate([law.means, law.factors.reshape(few, -1)], axis=1) for law in (p, q)]
        nearest = jnp.argmin(numerics.norm(looks[0][:, None, :] - looks[1][None, :, :]), axis=1)
        once_each = jnp.all(jnp.sort(nearest) == jnp.arange(few))
        order = jnp.where(once_each, nearest, jnp.arange(few))
        q = GaussianMixture(*(field[order] for field in q))
    p, q = _longer(p, q), _longer(q, p)
    return _Pairs(
        common=0.5 * (p.weights + q.weights),
        surplus=0.5 * (p.weights - q.weights),
        middle=0.5 * (p.means + q.means),
        apart=0.5 * (p.means - q.means),
        root_sum=p.factors + q.factors,
        root_apart=p.factors - q.factors,
    )


def _longer(law: GaussianMixture, other: GaussianMixture) -> GaussianMixture:
    count = law.means.shape[0]
    tail = GaussianMixture(*(field[count:] for field in other))
    return GaussianMixture(
        *(
            jnp.concatenate(fields)
            for fields in zip(law, tail._replace(weights=jnp.zeros_like(tail.weights)), strict=True)
        )
    )


def _scaled(pairs: _Pairs, unit: Array) -> _Pairs:
    weights = pairs.common, pairs.surplus
    return _Pairs(*weights, *(unit * lengths for lengths in pairs[2:]))


def _range(p: GaussianMixture, q: GaussianMixture) -> tuple[Array, Array]:
    """Of ``log t``: beyond it ``e^{-|s| / 2}`` is below the rounding of the sum."""
    variances = jnp.concatenate([jnp.einsum("kij,kij->k", law.factors, law.factors) for law in (p, q)])
    means = jnp.concatenate([p.means, q.means])
    extent = jnp.max(variances) + jnp.max(jnp.sum(jnp.square(means - means[:1]), axis=1))
    margin = -2.0 * math.log(float(jnp.finfo(means.dtype).eps)) + 4.0
    return -jnp.log(extent) - margin, -jnp.log(jnp.min(variances)) + margin


# ------------------------------------------------------------------------------------------------------------ the integrand


def _along(pairs: _Pairs, which: Array, s: Array) -> Array:
    """``M(e^s) e^{-s / 2} / (2 sqrt pi)`` at ``s [n]`` for the ``which`` of the pairs that are stacked, ``[n]``."""
    rows, columns = (jnp.asarray(a) for a in np.triu_indices(pairs.common.shape[-1]))
    twos = jax.vmap(jax.vmap(_two, (None, 0, 0)), (0, None, None))(pairs, rows, columns)
    # Both orders of two pairs are in the sum.
    times = jnp.where(rows == columns, 1.0, 2.0).astype(s.dtype)
    c, sigma = pairs.common[0], pairs.surplus[0]

    @jax.checkpoint
    def at(where: tuple[Array, Array]) -> Array:
        which, s = where
        four = jax.vmap(_four, (0, None))(jax.tree.map(lambda a: a[which], twos), jnp.exp(s))
        total = (
            c[rows] * c[columns] * four.differences
            + c[rows] * sigma[columns] * four.left
            + sigma[rows] * c[columns] * four.right
            + sigma[rows] * sigma[columns] * four.sums
        )
        return jnp.exp(-0.5 * s) * jnp.sum(times * total)

    return jax.lax.map(at, (which, s)) / (2.0 * math.sqrt(math.pi))


def _two(pairs: _Pairs, k: Array, other: Array) -> _Two:
    both = jnp.stack([k, other])
    sums, aparts = pairs.root_sum[both], pairs.root_apart[both]
    roots = 0.5 * jnp.stack([sums + aparts, sums - aparts], axis=1)
    # A thin law's small entries keep their digits along its axes: a matrix that is graded is as good as its entries are.
    together = jnp.concatenate(list(roots.reshape(-1, *roots.shape[-2:])), axis=1)
    axes = jax.lax.stop_gradient(jnp.linalg.svd(jax.lax.stop_gradient(together), full_matrices=False)[0]).T
    roots, sums, aparts = (axes @ a for a in (roots, sums, aparts))
    cross = aparts @ jnp.swapaxes(sums, -1, -2)
    return _Two(
        between=axes @ (pairs.middle[k] - pairs.middle[other]),
        apart=pairs.apart[both] @ axes.T,
        covariances=roots @ jnp.swapaxes(roots, -1, -2),
        excess=0.5 * (cross + jnp.swapaxes(cross, -1, -2)),
    )


def _four(two: _Two, t: Array) -> _Four:
    """The four kernels' sums: from what the laws differ in where that is little, as they stand where it is not."""
    # p_k with p_l and q_l, q_k with p_l and q_l: and before them the middle of all four.
    of_k, of_l = (jnp.asarray(signs, t.dtype)[:, None] for signs in ((0, 1, 1, -1, -1), (0, 1, -1, 1, -1)))
    shifts = two.between[None] + of_k * two.apart[:1] - of_l * two.apart[1:]
    (p_k, q_k), (p_l, q_l) = two.covariances
    covariances = jnp.stack([0.5 * (p_k + q_k + p_l + q_l), p_k + p_l, p_k + q_l, q_k + p_l, q_k + q_l])
    base, *logs = jax.vmap(_log_kernel, (0, 0, None))(shifts, covariances, t)

    same, turned, near = _changes(two, t)
    a, b = jnp.where(near, same, 0.0)
    c, d = jnp.where(near, turned, 0.0)
    size = 2.0 * jnp.exp(jnp.where(near, base, 0.0))
    between = jnp.exp(c) * (jnp.expm1(a - c) * jnp.cosh(b) + 2.0 * jnp.sinh(0.5 * (b + d)) * jnp.sinh(0.5 * (b - d)))
    one, other = jnp.exp(a) * jnp.sinh(b), jnp.exp(c) * jnp.sinh(d)
    pp, pq, qp, qq = (jnp.exp(log) for log in logs)
    return _Four(
        differences=jnp.where(near, size * between, pp + qq - pq - qp),
        left=jnp.where(near, size * (one + other), pp - qq + pq - qp),
        right=jnp.where(near, size * (one - other), pp - qq - pq + qp),
        sums=jnp.sum(jnp.expm1(jnp.stack(logs))),
    )


def _changes(two: _Two, t: Array) -> tuple[Array, Array, Array]:
    """Half of the sum and half of the difference of ``log K`` of ``(p_k, p_l), (q_k, q_l)``, and of ``(p_k, q_l), (q_k, p_l)``.

    The sums without ``log K`` of the middle Gaussians, at which all covariances ``I + 2 t S`` are ``I (+/-) H``. With ``x`` from middle to
    middle, ``f`` the difference of the two pairs' own and ``R = (I - H^2)^-1``,

        half sum         -log det(I - H^2) / 4 - t (f - H x)^T R (f - H x)
        half difference  -tr artanh(H) / 2 - 2 t x^T R f + t (x^T H R x + f^T H R f)

    of second and of first order, and of no other. For the other two the signs of ``l`` are turned.
    """
    identity = jnp.eye(two.between.shape[0], dtype=t.dtype)
    added = t * jnp.sum(two.covariances, axis=(0, 1))
    root = jnp.linalg.cholesky(identity + added)

    def seen(x: Array) -> Array:
        return jax.scipy.linalg.solve_triangular(root, x, lower=True)

    x, first, second = seen(jnp.stack([two.between, *two.apart], axis=1)).T
    excess = [seen(seen(t * one).T) for one in two.excess]

    def change(sign: Array) -> tuple[Array, Array]:
        h, f = excess[0] + sign * excess[1], first - sign * second
        little = jax.lax.stop_gradient(jnp.sum(jnp.square(h)) < 0.25)
        h = jnp.where(little, h, 0.0)
        square = h @ h.T
        log_dets, (held, *_) = jax.vmap(_log_det)(jnp.stack([-square, h, -h]))
        columns = jnp.stack([f - h @ x, x, f, h @ x, h @ f], axis=1)
        moved, along, across, along_h, across_h = jax.scipy.linalg.solve_triangular(held, columns, lower=True).T
        half_sum = -0.25 * log_dets[0] - t * moved @ moved
        half_difference = -0.25 * (log_dets[1] - log_dets[2]) - t * (
            2.0 * along @ across - along @ along_h - across @ across_h
        )
        near = little & (jnp.abs(half_sum) < 1.0) & (jnp.abs(half_difference) < 1.0)
        return jnp.stack([half_sum, half_difference]), near

    (same, turned), near = jax.vmap(change)(jnp.asarray([1.0, -1.0], t.dtype))
    return same, turned, jax.lax.stop_gradient(jnp.all(near))


def _log_kernel(shift: Array, covariance: Array, t: Array) -> Array:
    """``log E e^{-t ||X||^2}`` of ``N(shift, covariance)``, ``[]``: near 0 for small ``t``, and then relative to itself as good."""
    log_det, root = _log_det(2.0 * t * covariance)
    seen = jax.scipy.linalg.solve_triangular(root, shift, lower=True)
    return -0.5 * log_det - t * jnp.sum(jnp.square(seen))


def _log_det(added: Array) -> tuple[Float[Array, ""], Float[Array, "d d"]]:
    """``log det(I + added)``, from what each pivot has beyond 1: nothing else would be left of a small one; and the root of Cholesky."""
    root = jnp.linalg.cholesky(jnp.eye(added.shape[0], dtype=added.dtype) + added)
    beyond_one = jnp.diagonal(added) - jnp.sum(jnp.square(jnp.tril(root, -1)), axis=1)
    return jnp.sum(jnp.log1p(beyond_one)), root
