"""Optimal transport on the line, in O(n log n) and in JAX alone: sort both samples and couple equal quantiles.

Everything here returns, or works on, a *coupling*: points ``x_k``, ``y_k`` and the mass ``w_k`` that moves between
them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from gan_jax.typing import Array

_INTEGER_OF_BYTES = {4: jnp.int32, 8: jnp.int64}


class Coupling(NamedTuple):
    """Mass moved between points of the line.

    Attributes:
      x: ``[k]``.
      y: ``[k]``.
      mass: ``[k]``, of sum 1; None where all are ``1 / k``.
    """

    x: Float[Array, " k"]
    y: Float[Array, " k"]
    mass: Float[Array, " k"] | None


def absolute(x: Array) -> Array:
    """``|x|``, with derivative 0 at 0, where ``jnp.abs`` has 1."""
    return x * jax.lax.stop_gradient(jnp.sign(x))


@jax.custom_jvp
def ascending(x: Float[Array, " n"]) -> Float[Array, " n"]:
    """``x [n]`` in ascending order.

    Floats are sorted by their bits as integers. XLA's comparison of floats on a CPU handles −0 and NaN in each
    comparison and takes about ten times as long. The permutation, which takes longer than the values, is computed
    under differentiation only.
    """
    return _float_of(jax.lax.sort(_integer_of(x)), x.dtype)


@ascending.defjvp
def _ascending_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (tangent,) = primals, tangents
    # Not x[order]: under vmap a gather puts the batch first, a sort leaves it where it was, and JAX takes the two
    # for the same.
    return ascending(x), tangent[ascending_order(x)]


def ascending_order(x: Float[Array, " n"]) -> Int[Array, " n"]:
    """The stable permutation ``[n]`` that sorts ``x [n]``."""
    return jax.lax.sort((_integer_of(x), jnp.arange(x.shape[0], dtype=jnp.int32)), num_keys=1)[1]


def _integer_of(x: Array) -> Array:
    bits = jax.lax.bitcast_convert_type(x, _INTEGER_OF_BYTES[x.dtype.itemsize])
    return _flip_negative(bits)


def _float_of(integers: Array, dtype: jnp.dtype) -> Array:
    return jax.lax.bitcast_convert_type(_flip_negative(integers), dtype)


def _flip_negative(bits: Array) -> Array:
    # IEEE floats are sign and magnitude; two's complement order wants the magnitude bits of negative numbers
    # flipped. Its own inverse.
    info = jnp.iinfo(bits.dtype)
    return bits ^ ((bits >> (info.bits - 1)) & info.max)


def equal(x: Float[Array, " n"], y: Float[Array, " n"]) -> Coupling:
    """Couples ``x [n]`` and ``y [n]``, each point of mass ``1 / n``: the i-th smallest with the i-th smallest."""
    return Coupling(ascending(x), ascending(y), None)


def uniform(x: Float[Array, " n"], y: Float[Array, " m"]) -> Coupling:
    """Couples ``x [n]``, points of mass ``1 / n``, with ``y [m]``, points of mass ``1 / m``.

    With n ≤ m, the quantile interval ``[j/m, (j+1)/m]`` of ``y_j`` is no longer than one of x, so it meets at most
    two of them: with ``j n = a m + r``, it begins in the interval ``a`` of x, of which ``m − r`` is left, in units
    of ``1 / nm``. All of it is integer arithmetic, hence exact at any n and m; cumulated float32 weights would not
    be.
    """
    if x.shape[0] > y.shape[0]:
        swapped = uniform(y, x)
        return Coupling(swapped.y, swapped.x, swapped.mass)
    n, m = x.shape[0], y.shape[0]
    x, y = ascending(x), ascending(y)
    first, remainder = _multiples_divided(n, m)
    left = m - remainder
    second = jnp.minimum(first + 1, n - 1)
    # Integers until here: the only roundings are of each share.
    share_first = jnp.minimum(left, n).astype(x.dtype) / n
    share_second = jnp.maximum(n - left, 0).astype(x.dtype) / n
    return Coupling(
        jnp.concatenate([x[first], x[second]]),
        jnp.concatenate([y, y]),
        jnp.concatenate([share_first, share_second]) / m,
    )


def _multiples_divided(n: int, m: int) -> tuple[Array, Array]:
    """Quotients and remainders ``[m]`` of ``j n / m``, j = 0 … m − 1, in 32 bits although ``j n`` may need more.

    With ``j = b·j₁ + j₀`` and ``b ≈ √m``, both parts come from tables of √m entries made in 64 bits when the
    program is traced; the sum of two remainders carries at most once.
    """
    base = math.isqrt(m - 1) + 1
    high = np.arange(-(-m // base), dtype=np.int64) * base * n
    low = np.arange(base, dtype=np.int64) * n
    quotient = jnp.asarray(high // m, jnp.int32)[:, None] + jnp.asarray(low // m, jnp.int32)[None, :]
    remainder = jnp.asarray(high % m, jnp.int32)[:, None] + jnp.asarray(low % m, jnp.int32)[None, :]
    carry = remainder >= m
    return (quotient + carry).reshape(-1)[:m], (remainder - m * carry).reshape(-1)[:m]


def weighted(
    x: Float[Array, " n"], y: Float[Array, " m"], x_weights: Float[Array, " n"], y_weights: Float[Array, " m"]
) -> Coupling:
    """Couples ``x [n]`` of weights ``[n]`` with ``y [m]`` of weights ``[m]``, by a merge of cumulated weights.

    Every grid point ends one interval of quantiles. The one that ends at ``U_i``, the cumulated weight of ``x_i``,
    moves ``x_i`` to ``y_r``, ``r = #{V < U_i}``; the one that ends at ``V_j`` moves ``x_s`` to ``y_j``, ``s = #{U ≤
    V_j}``. Of equal grid points x's come first, consistently, so that consecutive pairs always share a point: such
    a staircase is what makes the gradient with respect to the weights a dual solution (north-west corner rule), at
    ties too.

    Weights are divided by their sum, so gradients with respect to them are those of a function of normalised weights.
    """
    n, m = x.shape[0], y.shape[0]
    x, u = _sorted_with_grid(x, x_weights)
    y, v = _sorted_with_grid(y, y_weights)
    # At the end of the grids r may be m, or s n: intervals that are empty but for rounding, and move to and from
    # the last point.
    r = jnp.searchsorted(v, u, side="left")
    s = jnp.searchsorted(u, v, side="right")
    before_u = _last(u, jnp.arange(n), v, r)
    before_v = _last(u, s, v, jnp.arange(m))
    return Coupling(
        jnp.concatenate([x, x[jnp.minimum(s, n - 1)]]),
        jnp.concatenate([y[jnp.minimum(r, m - 1)], y]),
        jnp.concatenate([u - before_u, v - before_v]),
    )


def _sorted_with_grid(x: Array, weights: Array) -> tuple[Array, Array]:
    order = ascending_order(x)
    cumulated = jnp.cumsum(weights[order])
    cumulated = cumulated / cumulated[-1]
    # A parallel sum may fall by a rounding error where a weight is tiny; the merge needs an ascending grid. The value
    # is corrected, the gradient left alone.
    lifted = jax.lax.cummax(jax.lax.stop_gradient(cumulated))
    return x[order], cumulated + (lifted - jax.lax.stop_gradient(cumulated))


def _last(u: Array, i: Array, v: Array, j: Array) -> Array:
    """The last grid point among the first i of u and the first j of v; 0 where there is none.

    Not ``jnp.maximum``, whose gradient at ties is half of each: of equal grid points the one of y comes later.
    """
    of_x = jnp.where(i > 0, u[jnp.maximum(i - 1, 0)], 0.0)
    of_y = v[jnp.maximum(j - 1, 0)]
    return jnp.where((j == 0) | (of_x > of_y), of_x, of_y)
