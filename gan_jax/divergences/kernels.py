"""Kernels for the maximum mean discrepancy, and means over pairs of samples that never hold all pairs at once.

A kernel is a function ``k(x [n, d], y [m, d]) -> [n, m]``. Those made here are ``jax.tree_util.Partial``: plain
callables that are pytrees too, so that a new bandwidth is a new argument of a compiled program, not a new program.
A user's own function will do as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Float, Int

from gan_jax import checks, numerics
from gan_jax.divergences import empirical_1d
from gan_jax.typing import Array

Kernel: TypeAlias = Callable[[Float[Array, "n d"], Float[Array, "m d"]], Float[Array, "n m"]]
"""``k(x [n, d], y [m, d]) -> [n, m]``."""

BLOCK_ENTRIES = 1 << 22
"""How many pairs are held at once (16 MiB in float32); more are walked through in blocks of rows."""

UNROLLED = 8
"""Dimensions up to which squared differences are summed one by one: beyond it a reduction is slow on a CPU."""


def gaussian(bandwidth: float | Array | Sequence[float]) -> Kernel:
    r"""Gaussian (RBF) kernel, or a sum of them.

    .. math:: k(x, y) = \sum_g \exp\bigl(-\|x - y\|_2^2 / 2 g^2\bigr)

    Args:
      bandwidth: ``g``, in units of the data: one number, or several ``[b]`` whose kernels are added (added, not
      averaged).
        scikit-learn's ``gamma`` is ``1 / 2g²``.

    Returns:
      A kernel.

    Raises:
      ValueError: a bandwidth that is not positive and finite, or none at all.
    """
    return Partial(_gaussian, _bandwidths(bandwidth))


def laplacian(bandwidth: float | Array | Sequence[float]) -> Kernel:
    r"""Laplacian kernel, or a sum of them.

    .. math:: k(x, y) = \sum_g \exp\bigl(-\|x - y\|_1 / g\bigr)

    Warning:
      The norm is the 1-norm, as in Rahimi and Recht (2007) and scikit-learn (whose ``gamma`` is ``1 / g``). Some
      papers write the same name for the 2-norm; in one dimension the two agree.

    Args:
      bandwidth: ``g``, in units of the data: one number, or several ``[b]`` whose kernels are added.

    Returns:
      A kernel.

    Raises:
      ValueError: a bandwidth that is not positive and finite, or none at all.
    """
    return Partial(_laplacian, _bandwidths(bandwidth))


def _cubic(x: Array, y: Array) -> Array:
    return (jnp.matmul(x, y.T, precision=jax.lax.Precision.HIGHEST) / x.shape[-1] + 1.0) ** 3


cubic: Partial = Partial(_cubic)
"""The kernel of the kernel inception distance, ``(xᵀy / d + 1)³`` (Bińkowski et al. 2018, section 4)."""


def about(kernel: Partial, centre: Float[Array, " d"]) -> Partial:
    r"""A kernel of the same MMD as ``kernel``, whose numbers are of the size of what the MMD is made from.

    .. math:: k(x, y) - k(x, c) - k(c, y) + k(c, c)

    No MMD sees functions of one argument. Of distances, and of functions of the user's own, it is ``kernel`` itself. The cubic
    kernel of points far from the origin is the cube of a large number, of which float32 would keep nothing that depends on both:
    with :math:`u = x - c`, :math:`v = y - c`, :math:`t = u^T v / d`, :math:`a = c^T c / d + 1`, :math:`b_u = c^T u / d` and
    :math:`s = a + b_u + b_v` the above is

    .. math:: 3 b_u b_v (a + s) + t \bigl(3 s (s + t) + t^2\bigr).

    Args:
      kernel: a ``Partial`` of ``(x [n, d], y [m, d]) -> [n, m]``.
      centre: ``c``, such as the mean of both samples.

    Returns:
      A ``Partial`` of the same kind.
    """
    if kernel.func is _sum_of:
        return Partial(_sum_of, tuple(about(term, centre) for term in kernel.args[0]))
    return Partial(_cubic_about, centre) if kernel.func is _cubic else kernel


def _cubic_about(centre: Array, x: Array, y: Array) -> Array:
    dot, d = partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST), x.shape[-1]
    u, v = x - centre[None], y - centre[None]
    both, own = dot(u, v.T) / d, dot(centre, centre) / d + 1.0
    of_x, of_y = (dot(u, centre) / d)[:, None], (dot(v, centre) / d)[None]
    one = own + of_x + of_y
    return 3.0 * of_x * of_y * (own + one) + both * (3.0 * one * (one + both) + both**2)


def sum_of(kernels: Sequence[Kernel]) -> Kernel:
    """The sum of kernels, which is a kernel.

    Args:
      kernels: at least one.

    Returns:
      ``k(x, y) = Σ kᵢ(x, y)``.

    Raises:
      ValueError: no kernel, or one that is in no list.
    """
    if callable(kernels):
        raise ValueError("kernels is one kernel; expected a list of kernels to sum, such as [gaussian(1.0), cubic]")
    if not kernels:
        raise ValueError("kernels is empty; expected at least one kernel to sum")
    return Partial(_sum_of, tuple(as_pytree(kernel) for kernel in kernels))


def as_pytree(kernel: Kernel) -> Partial:
    """The kernel as something that ``jit`` takes for an argument."""
    if not callable(kernel):
        raise ValueError(
            f"kernel is {kernel!r}; expected a function k(x [n, d], y [m, d]) -> [n, m], such as gaussian(1.0)"
        )
    checks.takes("kernel", kernel, ("x", "y"), "kernels.gaussian(1.0)")
    return kernel if isinstance(kernel, Partial) else Partial(kernel)


@jax.custom_jvp
def squared_distances(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
    r"""``‖xᵢ − yⱼ‖²`` for ``x [n, d]``, ``y [m, d]``, as ``[n, m]``.

    The value by differences: ``‖x‖² + ‖y‖² − 2 x·y`` loses every digit of near points far from the origin. The
    derivative by products,

    .. math:: \tfrac12 \dot s_{ij} = \langle x_i, \dot x_i\rangle - \langle \dot x_i, y_j\rangle
        - \langle x_i, \dot y_j\rangle + \langle y_j, \dot y_j\rangle,

    with the mean of y taken from both: in reverse mode it is two matrix products instead of reductions over ``[n,
    m, d]``, and its error is that of points moved by one rounding of their centred coordinates.
    """
    return _sum_over_dimensions(jnp.square, x, y)


@squared_distances.defjvp
def _squared_distances_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    (x, y), (dx, dy) = primals, tangents
    centre = jnp.mean(y, axis=0, keepdims=True)
    from_x, from_y = x - centre, y - centre
    product = partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
    own = jnp.sum(from_x * dx, axis=1)[:, None] + jnp.sum(from_y * dy, axis=1)[None, :]
    return squared_distances(x, y), 2 * (own - product(dx, from_y.T) - product(from_x, dy.T))


def _sum_over_dimensions(function: Callable[[Array], Array], x: Array, y: Array) -> Array:
    """``Σ_k function(x_ik − y_jk)``, as ``[n, m]``.

    Under ``jit`` the differences are summed as they are made: nothing of shape ``[n, m, d]`` is stored.
    """
    if x.shape[1] <= UNROLLED:
        # XLA vectorises this over pairs on a CPU, the reduction below only over dimensions: 30 times faster at d = 2.
        return _total([function(x[:, k][:, None] - y[:, k][None, :]) for k in range(x.shape[1])])
    return jnp.sum(function(x[:, None, :] - y[None, :, :]), axis=-1)


def distances(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """``‖xᵢ − yⱼ‖`` as ``[n, m]``; the gradient is 0 where two points coincide.

    In units of a power of two near the largest coordinate, which changes no digit: squares of 1e-25 and of 1e25 are not in float32.
    """
    unit = numerics.unit_of(x, y)
    squared = squared_distances(x / unit, y / unit)
    coincide = squared == 0
    return jnp.where(coincide, 0.0, jnp.sqrt(jnp.where(coincide, 1.0, squared))) * unit


def row_blocks(n: int, m: int) -> Int[Array, "blocks rows"]:
    """Row numbers ``[blocks, rows]`` of a matrix ``[n, m]``, at most ``BLOCK_ENTRIES`` of which are a block; the last may run past n."""
    rows = max(1, min(n, BLOCK_ENTRIES // m))
    blocks = -(-n // rows)
    return jnp.arange(blocks * rows).reshape(blocks, rows)


@partial(jax.jit, static_argnames=("distinct",))
def mean_over_pairs(
    kernel: Partial, x: Float[Array, "n d"], y: Float[Array, "m d"], *, distinct: bool = False
) -> Float[Array, ""]:
    r"""Mean of a kernel over all pairs.

    .. math:: \frac{1}{nm} \sum_{ij} k(x_i, y_j), \qquad \text{distinct: } \frac{1}{n(n-1)} \sum_{i \ne j} k(x_i, y_j)

    Memory is bounded by ``BLOCK_ENTRIES``, also in reverse mode: a block is computed again rather than kept.

    Args:
      kernel: a ``Partial`` of ``(x, y) -> [n, m]``.
      x: ``[n, d]``.
      y: ``[m, d]``; where ``distinct``, the same samples as ``x``.
      distinct: leave out the pairs of a sample with itself.

    Returns:
      A scalar.
    """
    n, m = x.shape[0], y.shape[0]
    blocks = row_blocks(n, m)
    rows = blocks.shape[1]

    @jax.checkpoint
    def block_mean(index: Array) -> Array:
        values = kernel(x[jnp.minimum(index, n - 1)], y)
        if values.shape != (rows, m):
            raise ValueError(
                f"kernel returned shape {values.shape} for x {(rows, x.shape[1])} and y {y.shape}; expected {(rows, m)}"
            )
        keep = jnp.broadcast_to((index < n)[:, None], (rows, m))
        if distinct:
            # By index, not by value: duplicates among the samples are pairs like any other.
            keep &= index[:, None] != jnp.arange(m)[None, :]
        return jnp.sum(jnp.where(keep, values, 0.0)) / (rows * m)

    means = jax.lax.map(block_mean, blocks)
    pairs = n * (m - 1) if distinct else n * m
    return jnp.sum(means) * (rows * m / pairs)


def _bandwidths(bandwidth: float | Array | Sequence[float]) -> Array:
    array = jnp.atleast_1d(jnp.asarray(checks.real("bandwidth", bandwidth), dtype=jnp.result_type(float)))
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"bandwidth has shape {array.shape}; expected one number or a non-empty list of numbers")
    checks.finite("bandwidth", array)
    checks.at_least("bandwidth", bandwidth, 0.0, strict=True)
    return array


# The loops over bandwidths below are unrolled: each term is fused into the sum, and no array [b, n, m] exists.


def _gaussian(bandwidths: Array, x: Array, y: Array) -> Array:
    # In units of a power of two near the widest, which changes no digit: squares of 1e-20 and of 1e20 are not in float32.
    unit = numerics.unit_of(bandwidths).astype(x.dtype)
    squared = squared_distances(x / unit, y / unit)
    return _total([jnp.exp(-squared / (2 * (g.astype(x.dtype) / unit) ** 2)) for g in bandwidths])


def _laplacian(bandwidths: Array, x: Array, y: Array) -> Array:
    absolute = _sum_over_dimensions(empirical_1d.absolute, x, y)
    return _total([jnp.exp(-absolute / g.astype(absolute.dtype)) for g in bandwidths])


def _sum_of(kernels: tuple[Partial, ...], x: Array, y: Array) -> Array:
    return _total([kernel(x, y) for kernel in kernels])


def _total(terms: list[Array]) -> Array:
    # Not `sum`, which would start from an integer 0.
    first, *rest = terms
    for term in rest:
        first = first + term
    return first
