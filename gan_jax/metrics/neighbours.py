"""Precision, recall, density and coverage: whether samples lie among the neighbours of real ones, and the reverse."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Float32, Real

from gan_jax import checks
from gan_jax.divergences.kernels import row_blocks
from gan_jax.metrics import features as named
from gan_jax.typing import Array


class Neighbours(NamedTuple):
    """Four fractions of samples. All depend on n, m and k: compare only where these are the same.

    Attributes:
      precision: of fake samples that lie in the ball of some real one.
      recall: of real samples that lie in the ball of some fake one.
      density: balls of real samples around a fake one, over k; 1 where the laws agree, and it may exceed 1.
      coverage: of real samples with a fake one in their ball.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def neighbours(
    real: Real[np.ndarray | Array, "n d"], fake: Real[np.ndarray | Array, "m d"], *, k: int = 5
) -> Neighbours:
    r"""Precision and recall, density and coverage.

    With the closed balls :math:`B_i` around :math:`x_i` that reach its k-th nearest other real sample, and :math:`C_j`
    likewise around the fake :math:`y_j`:

    .. math:: \mathrm{precision} = \frac1m \sum_j 1[y_j \in \cup_i B_i], \quad
        \mathrm{recall} = \frac1n \sum_i 1[x_i \in \cup_j C_j], \quad
        \mathrm{density} = \frac{1}{km} \sum_{ij} 1[y_j \in B_i], \quad
        \mathrm{coverage} = \frac1n \sum_i 1[\exists j: y_j \in B_i]

    Distances are right to the last digit of float32, and equal samples are at distance 0: the product form :math:`\|x\|^2
    + \|y\|^2 - 2 x \cdot y` in float64 (for the time of the call, and in this thread alone), then rounded. In float32
    it would lose the near neighbours, which are all that matters here. Pairs are walked through in blocks of rows.

    Args:
      real: features ``[n, d]``, n > k.
      fake: features ``[m, d]``, m > k.
      k: which neighbour gives the radius: 3 in Kynkäänniemi et al., 5 in Naeem et al.

    Returns:
      The four numbers.

    Raises:
      ValueError: NaN, fewer than two samples, numbers of features that differ, k below one or not below n and m.

    References:
      Kynkäänniemi et al. (2019), Improved precision and recall metric, equations 1 and 2 (closed balls). Naeem et al.
      (2020), Reliable fidelity and diversity metrics, equations 3 and 5 (whose code has open balls: it differs at ties).
    """
    x, y = named.two_samples(real, fake)
    k = checks.integer("k", k, 1)
    for name, z in (("real", x), ("fake", y)):
        if k >= len(z):
            raise ValueError(f"k is {k} and {name} has {len(z)} samples; expected k below the number of samples")
    # None of the four depends on place and scale; near the origin and of size 1 nothing cancels or overflows.
    centre = (x.sum(axis=0) + y.sum(axis=0)) / (len(x) + len(y))
    x, y = x - centre, y - centre
    size = max(np.abs(x).max(), np.abs(y).max()) or 1.0
    with jax.enable_x64(True):
        x64, y64 = jnp.asarray(x / size), jnp.asarray(y / size)
        counts = _counts(x64, y64, _radii(x64, k=k), _radii(y64, k=k))
    balls, recalled, covered = (np.asarray(part) for part in counts)
    density = float(balls.sum(dtype=np.int64)) / (k * len(y))
    return Neighbours(float(np.mean(balls > 0)), float(np.mean(recalled)), density, float(np.mean(covered)))


def expected_coverage(n: int, m: int, *, k: int) -> float:
    r"""Expected coverage where both laws are the same and have a density, whatever they are.

    .. math:: 1 - \prod_{i=1}^k \frac{n - i}{n + m - i}

    The expected density is 1. A coverage is read against this number, not against 1.

    Args:
      n: real samples, above k.
      m: fake samples, at least one.
      k: which neighbour gives the radius.

    Returns:
      A number in (0, 1).

    Raises:
      ValueError: k below one, n not above k, m below one.

    References:
      Naeem et al. (2020), lemma 2 (with its product written out).
    """
    k = checks.integer("k", k, 1)
    n, m = checks.integer("n", n, k + 1), checks.integer("m", m, 1)
    return 1.0 - math.prod((n - i) / (n + m - i) for i in range(1, k + 1))


def squared_distances(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float32[Array, "n m"]:
    """``‖xᵢ − yⱼ‖²`` as ``[n, m]`` float32, from float64 samples."""
    own, other = jnp.sum(x**2, axis=1)[:, None], jnp.sum(y**2, axis=1)[None, :]
    squares = own + other - 2 * jnp.matmul(x, y.T, precision=jax.lax.Precision.HIGHEST)
    # Equal samples are at distance 0, and not at what rounding leaves. Features are float32: different ones are further apart than this.
    noise = x.shape[1] * jnp.finfo(x.dtype).eps * (own + other)
    return jnp.where(squares > noise, squares, 0.0).astype(jnp.float32)


def _kth_smallest(values: Array, k: int) -> Array:
    """The k-th smallest of each row of ``[n, m]`` with at most one infinity, ``[n]``; equal ones count one by one.

    Rows are cut into groups, and only the k groups with the smallest minima are looked at: whatever another group holds is at least its
    minimum, hence at least k values of these. All is one pass over the row and little more, where ``lax.top_k`` sorts it on a CPU.
    """
    n, m = values.shape
    # The passes over minima and over what is looked at are shortest together.
    size = math.isqrt(m // (2 * k))
    if size < 2:
        return _by_minima(values, k)
    groups = values[:, : m - m % size].reshape(n, size, m // size)

    def next_smallest(i: Array, found: tuple[Array, Array]) -> tuple[Array, Array]:
        minima, chosen = found
        where = jnp.argmin(minima, axis=1)
        taken = where[:, None] == jnp.arange(minima.shape[1])[None, :]
        return jnp.where(taken, jnp.inf, minima), chosen.at[:, i].set(where)

    start = jnp.min(groups, axis=1), jnp.zeros((n, k), int)
    chosen = jax.lax.fori_loop(0, k, next_smallest, start)[1]
    candidates = jnp.take_along_axis(groups, chosen[:, None, :], axis=2).reshape(n, size * k)
    return _by_minima(jnp.concatenate([candidates, values[:, m - m % size :]], axis=1), k)


def _by_minima(values: Array, k: int) -> Array:
    """As ``_kth_smallest``, by at most k minima, each over what is above the last."""

    def larger(_: int, smallest: Array) -> Array:
        reached = jnp.sum(values <= smallest[:, None], axis=1) >= k
        above = jnp.min(jnp.where(values > smallest[:, None], values, jnp.inf), axis=1)
        return jnp.where(reached, smallest, above)

    return jax.lax.fori_loop(0, k - 1, larger, jnp.min(values, axis=1))


@partial(jax.jit, static_argnames=("k",))
def _radii(x: Array, *, k: int) -> Array:
    """Squared distance ``[n]`` of each sample to its k-th nearest other one."""
    n = len(x)

    def block(index: Array) -> Array:
        squares = squared_distances(x[jnp.minimum(index, n - 1)], x)
        others = jnp.where(index[:, None] == jnp.arange(n)[None, :], jnp.inf, squares)
        return _kth_smallest(others, k)

    return jax.lax.map(block, row_blocks(n, n)).reshape(-1)[:n]


@jax.jit
def _counts(real: Array, fake: Array, real_radii: Array, fake_radii: Array) -> tuple[Array, Array, Array]:
    """Real balls around each fake sample ``[m]``; whether each real sample is in a fake ball, and has a fake in its own, ``[n]``."""
    n, m = len(real), len(fake)

    def block(balls: Array, index: Array) -> tuple[Array, tuple[Array, Array]]:
        inside = jnp.minimum(index, n - 1)
        squares = squared_distances(real[inside], fake)
        in_real = (squares <= real_radii[inside][:, None]) & (index < n)[:, None]
        in_fake = squares <= fake_radii[None, :]
        return balls + jnp.sum(in_real, axis=0, dtype=jnp.int32), (jnp.any(in_fake, axis=1), jnp.any(in_real, axis=1))

    balls, (recalled, covered) = jax.lax.scan(block, jnp.zeros(m, jnp.int32), row_blocks(n, m))
    return balls, recalled.reshape(-1)[:n], covered.reshape(-1)[:n]
