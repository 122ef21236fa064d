"""Forms that give the right value and the right gradient at the edges.

Every function here is used where its textbook form fails: ``0 log 0``, the gradient of a norm at zero, a log of a ratio
whose terms both vanish, the difference of two numbers that are almost the same. ``where`` guards the input, not the
result: a guard on the result alone leaves ``0 * inf = NaN`` in the gradient.

A divergence between ``p`` and ``q`` is an integral of a *kernel* of the log-ratio ``r = log p - log q``, which is also
the logit of the optimal discriminator. The kernels below are even in ``r`` where their divergence is symmetric, vanish
at ``r = 0`` with full relative accuracy, and come with their complement, so that both a small divergence and a small
distance from its upper bound keep all their digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial, reduce

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jax.scipy.special import logsumexp
from jaxtyping import Float

from gan_jax.typing import Array, PyTree

LOG_2 = math.log(2.0)


def float_of(*values: object) -> jnp.dtype:
    """The floating type that ``values`` share; Python numbers do not widen it."""
    leaves = [leaf for leaf in jax.tree.leaves(values) if not isinstance(leaf, bool)]
    return jnp.result_type(*leaves, 1.0) if leaves else jnp.result_type(float)


def xlogy(x: Array | float, y: Array | float) -> Array:
    """``x log y`` with ``0 log 0 = 0`` and no NaN in its gradient.

    Args:
      x: array, ``>= 0``.
      y: array of the same shape (or a scalar), ``>= 0``.

    Returns:
      ``x log y``; 0 where ``x = 0``; ``-inf`` where ``x > 0 = y``. The gradient is ``(log y, x / y)`` where ``y > 0``
      and 0 elsewhere.
    """
    x, y = jnp.asarray(x, dtype=jnp.result_type(x, float)), jnp.asarray(y, dtype=jnp.result_type(y, float))
    inside = y > 0
    value = x * jnp.log(jnp.where(inside, y, 1.0))
    return jnp.where(inside, value, jnp.where(x == 0, 0.0, -jnp.inf * jnp.sign(x)))


def unit_of(*arrays: Float[Array, " *shape"], axis: int | tuple[int, ...] | None = None) -> Array:
    """A power of two near the largest size in ``arrays``: lengths in that unit have squares that neither overflow nor vanish.

    Args:
      arrays: lengths of one kind.
      axis: the axes of each that are looked at together, which stay with one element; ``None`` for all, which leave none.

    Returns:
      The unit, without a gradient; 1 where there is nothing but zeros, or what is not finite.
    """
    sizes = [
        jnp.max(jnp.abs(jax.lax.stop_gradient(a)), axis=axis, keepdims=axis is not None, initial=0.0) for a in arrays
    ]
    largest = reduce(jnp.maximum, sizes) if sizes else jnp.zeros(())
    usable = (largest >= jnp.finfo(largest.dtype).tiny) & (largest < jnp.inf)
    _, exponent = jnp.frexp(jnp.where(usable, largest, 1.0))
    return jnp.where(usable, jnp.ldexp(jnp.ones_like(largest), exponent - 1), 1.0)


def norm(x: Array, axis: int | tuple[int, ...] | None = -1) -> Array:
    """Euclidean norm whose gradient at zero is zero, with no epsilon that moves the value.

    Args:
      x: array.
      axis: the axes to sum over; ``None`` for all.

    Returns:
      ``sqrt(sum x^2)``, right wherever it is a number of its type. The gradient is ``x / ||x||``, and 0 (a subgradient) at ``x = 0``.
    """
    unit = unit_of(x, axis=tuple(range(x.ndim)) if axis is None else axis)
    squares = jnp.sum(jnp.square(x / unit), axis=axis)
    # Asked this way round, NaN stays NaN.
    zero = squares == 0
    return jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, squares))) * jnp.reshape(unit, squares.shape)


def tree_norm(tree: PyTree) -> Float[Array, ""]:
    """``norm`` of all leaves of a tree together, such as a gradient: one that vanishes is as small as it is, and not 0.

    Args:
      tree: of arrays.

    Returns:
      ``[]``.
    """
    leaves = jax.tree.leaves(tree)
    unit = unit_of(*leaves)
    squares = sum((jnp.sum(jnp.square(leaf / unit)) for leaf in leaves), start=jnp.zeros((), unit.dtype))
    zero = squares == 0
    return jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, squares))) * unit


def standard_error(*samples: Float[Array, " n"]) -> Float[Array, ""]:
    r"""Of a sum or a difference of means of independent samples, :math:`\sqrt{\sum_s \mathrm{Var}(x_s) / n_s}`, in any unit of theirs.

    Args:
      samples: ``[n]`` each, n of at least two (of one it is NaN).
    """
    unit = unit_of(*samples)
    return jnp.sqrt(sum((jnp.var(x / unit, ddof=1) / x.size for x in samples), start=jnp.zeros((), unit.dtype))) * unit


def absolute(x: Array) -> Array:
    """``|x|`` whose gradient at zero is zero (JAX's own is 1 there): the subgradient that is right where two laws coincide."""
    return x * jnp.sign(x)


def log_sum_exp(x: Array, axis: int | tuple[int, ...] | None = -1) -> Array:
    """``log sum exp x`` without overflow; ``-inf`` with gradient 0, not NaN as JAX's own, where every entry is ``-inf``.

    Args:
      x: array of logs.
      axis: the axes to add up over; ``None`` for all.

    Returns:
      The array with ``axis`` removed.
    """
    held = jnp.any(x > -jnp.inf, axis=axis, keepdims=True)
    total = logsumexp(jnp.where(held, x, 0.0), axis=axis)
    return jnp.where(jnp.reshape(held, total.shape), total, -jnp.inf)


def log_mean_exp(x: Array, axis: int | tuple[int, ...] | None = None) -> Array:
    """``log mean exp x`` without overflow; ``-inf`` with gradient 0 where every entry is ``-inf``.

    Args:
      x: array of logs.
      axis: the axes to average over; ``None`` for all.

    Returns:
      The array with ``axis`` removed.
    """
    axes = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else axis
    count = math.prod(x.shape[a] for a in axes)
    return log_sum_exp(x, axis=axes) - math.log(count)


def log_ratio(log_p: Float[Array, " *points"], log_q: Float[Array, " *points"]) -> Float[Array, " *points"]:
    """``log p - log q`` where either density may vanish.

    Args:
      log_p: array of log-densities, possibly ``-inf``.
      log_q: array of the same shape.

    Returns:
      The log-ratio: ``+inf`` where only ``q`` vanishes, ``-inf`` where only ``p`` does, 0 where both do (no mass, no
      matter). The gradient is 0 wherever a density vanishes.
    """
    p_positive, q_positive = log_p > -jnp.inf, log_q > -jnp.inf
    both = p_positive & q_positive
    ratio = jnp.where(both, log_p, 0.0) - jnp.where(both, log_q, 0.0)
    edge = jnp.where(p_positive, jnp.inf, jnp.where(q_positive, -jnp.inf, 0.0))
    return jnp.where(both, ratio, edge)


def log_cosh(u: Float[Array, " *points"]) -> Float[Array, " *points"]:
    """``log cosh u``: ``u^2 / 2`` for small ``u`` without cancellation, ``|u| - log 2`` for large ``u`` without overflow."""
    size = absolute(u)
    small = size < 1.0
    near = jnp.log1p(2.0 * jnp.square(jnp.sinh(0.5 * jnp.where(small, u, 0.0))))
    return jnp.where(small, near, size + jnp.log1p(jnp.exp(-2.0 * size)) - LOG_2)


@jax.custom_jvp
def one_sided(change: Array, weight: Array) -> Array:
    """0 with the derivative ``change`` in ``weight``: what is added where a weight of 0 is one end of its range.

    Logarithms of such a weight have no derivative; what it is a weight of may have one.

    Args:
      change: the derivative; an infinite one is cut off at a large number, so that 0 times it is 0.
      weight: 0, of a shape that broadcasts with that of ``change``.

    Returns:
      0, of the shape that both broadcast to.
    """
    return jnp.zeros(jnp.broadcast_shapes(change.shape, weight.shape), weight.dtype)


def _one_sided_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    (change, weight), (_, moved) = primals, tangents
    value = one_sided(change, weight)
    # Where no derivative in the weight is asked for, ``change`` is not computed.
    if isinstance(moved, SymbolicZero):
        return value, jnp.zeros_like(value)
    most = 1e-9 * float(jnp.finfo(weight.dtype).max)
    return value, jnp.clip(change, -most, most) * moved


one_sided.defjvp(_one_sided_jvp, symbolic_zeros=True)


def computed(value: Array, function: Callable[..., Array], *arguments: PyTree) -> Array:
    """``value``, which is ``function(*arguments)`` and known already: it is computed for its derivative alone.

    Args:
      value: what the function gives. It has no derivative of its own.
      function: is differentiated where a derivative in one of the arguments is asked for.
      arguments: pytrees.

    Returns:
      ``value``.
    """

    @jax.custom_jvp
    def held(value: Array, *arguments: PyTree) -> Array:
        return value

    def moved(primals: tuple[PyTree, ...], tangents: tuple[PyTree, ...]) -> tuple[Array, Array]:
        leaves, tree = jax.tree.flatten(primals[1:])
        slopes = jax.tree.leaves(tangents[1:])
        moving = [k for k, slope in enumerate(slopes) if not isinstance(slope, SymbolicZero)]

        def along(*parts: Array) -> Array:
            merged = list(leaves)
            for k, part in zip(moving, parts, strict=True):
                merged[k] = part
            return function(*jax.tree.unflatten(tree, merged))

        # Itself, not primals[0]: this is differentiated for second derivatives.
        value = held(*primals)
        if not moving:
            return value, jnp.zeros_like(value)
        return value, jax.jvp(along, tuple(leaves[k] for k in moving), tuple(slopes[k] for k in moving))[1]

    held.defjvp(moved, symbolic_zeros=True)
    return held(jax.lax.stop_gradient(value), *arguments)


@jax.custom_jvp
def _one(x: Array) -> Array:
    return jnp.ones_like(x)


@_one.defjvp
def _one_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    return _one(primals[0]), jnp.nan * tangents[0]


@jax.custom_jvp
def once_differentiable(x: Array) -> Array:
    """``x``, whose first derivative is its own, and whose second one is NaN: where the latter would be wrong without a sign of it."""
    return x


@once_differentiable.defjvp
def _once_differentiable_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (moved,) = primals, tangents
    return once_differentiable(x), _one(x) * moved


def log1m_exp(x: Float[Array, " *points"]) -> Float[Array, " *points"]:
    """``log(1 - e^x)`` for ``x <= 0``: through ``expm1`` near 0 and ``log1p`` far from it; ``-inf`` at 0."""
    near = x > -LOG_2
    inside = x < 0
    small = jnp.log(-jnp.expm1(jnp.where(near & inside, x, -1.0)))
    large = jnp.log1p(-jnp.exp(jnp.where(near, -1.0, x)))
    return jnp.where(inside, jnp.where(near, small, large), -jnp.inf)


@jax.custom_jvp
def exp_remainder(t: Float[Array, " *points"]) -> Float[Array, " *points"]:
    """``e^t - 1 - t >= 0``, with full relative accuracy at small ``t`` (where it is ``t^2 / 2``). Its derivative is ``expm1(t)``."""
    small = jnp.abs(t) < 0.3
    s = jnp.where(small, t, 0.0)
    # t²/2 (1 + t/3 (1 + t/4 (…))): 12 terms leave 0.3^12 / (14! / 2) < 1e-16.
    series = jnp.ones_like(s)
    for k in range(14, 2, -1):
        series = 1.0 + s / k * series
    return jnp.where(small, 0.5 * s * s * series, jnp.expm1(t) - jnp.where(t < jnp.inf, t, 0.0))


@exp_remainder.defjvp
def _exp_remainder_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (t,), (dt,) = primals, tangents
    return exp_remainder(t), jnp.expm1(t) * dt


def _logistic_variance(r: Array) -> Array:
    """``sigma(r) (1 - sigma(r))``, and ``r`` times 0 at infinity is 0: returns ``r * sigma(r) * sigma(-r)``."""
    finite = jnp.isfinite(r)
    safe = jnp.where(finite, r, 0.0)
    return safe * jax.nn.sigmoid(safe) * jax.nn.sigmoid(-safe)


@jax.custom_jvp
def binary_entropy(r: Float[Array, " *points"]) -> Float[Array, " *points"]:
    """Entropy of a coin with logit ``r``, in nats.

    ``H(sigma(r)) = log(1 + e^-|r|) + |r| sigma(-|r|)``: both terms are positive, so that nothing cancels. Its
    derivative is ``-r sigma(r) sigma(-r)``, 0 at ``r = +-inf``.

    Args:
      r: logits, possibly infinite.

    Returns:
      Values in ``[0, log 2]``, with full relative accuracy as they go to 0.
    """
    size = jnp.abs(r)
    finite = jnp.isfinite(size)
    safe = jnp.where(finite, size, 0.0)
    return jnp.where(finite, jnp.log1p(jnp.exp(-safe)) + safe * jax.nn.sigmoid(-safe), 0.0)


@binary_entropy.defjvp
def _binary_entropy_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (r,), (dr,) = primals, tangents
    return binary_entropy(r), -_logistic_variance(r) * dr


@jax.custom_jvp
def js_kernel(r: Float[Array, " *points"]) -> Float[Array, " *points"]:
    """The Jensen-Shannon kernel: ``JS(p, q) = integral of m h(log p / q)``, ``m = (p + q) / 2``.

    ``h(r) = log 2 - H(sigma(r)) = u tanh u - log cosh u`` with ``u = r / 2``. The first form loses every digit at small
    ``r``, the second has ``h = r^2 / 8`` there. Its derivative is ``r sigma(r) sigma(-r)``, 0 at ``r = +-inf``.

    Args:
      r: log-ratios, possibly infinite.

    Returns:
      Values in ``[0, log 2]``, with full relative accuracy as they go to 0; ``binary_entropy`` is the complement.
    """
    small = jnp.abs(r) < 2.0
    u = 0.5 * jnp.where(small, r, 0.0)
    return jnp.where(small, u * jnp.tanh(u) - log_cosh(u), LOG_2 - binary_entropy(r))


@js_kernel.defjvp
def _js_kernel_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (r,), (dr,) = primals, tangents
    return js_kernel(r), _logistic_variance(r) * dr


def _even(r: Array) -> tuple[Array, Array]:
    """``|r|`` made finite, and whether it was: kernels decay like ``e^-|r|`` and are constant where it was not."""
    finite = jnp.isfinite(r)
    return absolute(jnp.where(finite, r, 0.0)), finite


def _tv_slope(r: Array) -> Array:
    # sech²(r/2) / 2 = 2 σ(r) σ(-r), which the derivative 1 - tanh² loses to cancellation.
    return 2.0 * jnp.sign(r) * jax.nn.sigmoid(r) * jax.nn.sigmoid(-r)


@jax.custom_jvp
def tv_kernel(r: Float[Array, " *points"]) -> Float[Array, " *points"]:
    """``|p - q| / (p + q) = tanh(|r| / 2)``: ``TV = integral of m tanh(|r| / 2)``; 1 with gradient 0 at infinity."""
    return jnp.tanh(0.5 * jnp.abs(r))


@tv_kernel.defjvp
def _tv_kernel_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (r,), (dr,) = primals, tangents
    return tv_kernel(r), _tv_slope(r) * dr


@jax.custom_jvp
def tv_complement(r: Float[Array, " *points"]) -> Float[Array, " *points"]:
    """``1 - tanh(|r| / 2) = 2 sigma(-|r|)``, with full relative accuracy as it goes to 0."""
    return 2.0 * jax.nn.sigmoid(-jnp.abs(r))


@tv_complement.defjvp
def _tv_complement_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (r,), (dr,) = primals, tangents
    return tv_complement(r), -_tv_slope(r) * dr


def hellinger_complement(r: Float[Array, " *points"]) -> Float[Array, " *points"]:
    """``sqrt(p q) / m = sech(r / 2)``, with full relative accuracy as it goes to 0."""
    size, finite = _even(r)
    return jnp.where(finite, 2.0 * jnp.exp(-0.5 * size) / (1.0 + jnp.exp(-size)), 0.0)


def hellinger_kernel(r: Float[Array, " *points"]) -> Float[Array, " *points"]:
    """``1 - sech(r / 2) = tanh^2(r / 2) / (1 + sech(r / 2))``: ``H^2 = integral of m (1 - sech(r / 2))``; ``r^2 / 8`` at small ``r``."""
    return jnp.square(tv_kernel(r)) / (1.0 + hellinger_complement(r))


@partial(jax.jit, inline=True)
def smaller_of(
    value: Float[Array, ""], complement: Float[Array, ""], bound: Float[Array, ""] | float
) -> Float[Array, ""]:
    """``value``, or ``bound - complement`` where the complement is the smaller: the one that keeps its digits.

    The gradient is that of the side taken.

    Args:
      value: an integral of a kernel, ``[]``.
      complement: the integral of the complement of that kernel, so that ``value + complement = bound`` but for errors.
      bound: the sum of both.

    Returns:
      The value, ``[]``.
    """
    return jnp.where(value < complement, value, bound - complement)
