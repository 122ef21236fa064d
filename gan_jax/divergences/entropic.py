r"""Entropic optimal transport with cost ``‖x − y‖²``: Sinkhorn's iteration in the log domain, its value and its gradient.

The plan is ``π_ij = a_i b_j exp((f_i + g_j − C_ij) / ε)``, a density with respect to the product of the weights. A potential of one
side determines that of the other,

.. math:: f_i = T(g)_i = -\varepsilon \log \sum_j b_j \, e^{(g_j - C_{ij}) / \varepsilon},

so that one of them is iterated. Costs are stored where they fit in a block of ``kernels.BLOCK_ENTRIES``; beyond that they are made
block by block as they are needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from gan_jax.divergences import kernels
from gan_jax.typing import Array

MEMORY = 6
"""Iterates that Anderson's acceleration combines."""

_COOLING = 0.5
_LARGEST_EXPONENT = 60.0


class Cloud(NamedTuple):
    """Weighted points.

    Attributes:
      points: ``[n, d]``.
      weights: ``[n]``, of sum 1.
    """

    points: Float[Array, "n d"]
    weights: Float[Array, " n"]


class Transport(NamedTuple):
    """A solved problem, ``[]`` each.

    Attributes:
      value: ``OT_ε``, with the gradient of the converged plan.
      error: of the plan: the total absolute error of its marginals, of 1.
      iterations: Sinkhorn iterations.
    """

    value: Float[Array, ""]
    error: Float[Array, ""]
    iterations: Int[Array, ""]


class _Iterate(NamedTuple):
    """Of the accelerated iteration ``g ← G(g)``.

    Attributes:
      g: what the error belongs to.
      following: the next g.
      error: of g.
      best: the least error so far.
      iteration: how many were made.
      images: ``G(g)`` of the last iterates, ``[MEMORY, m]``, the latest first.
      residuals: ``G(g) − g`` of the same.
      held: how many of these there are.
    """

    g: Array
    following: Array
    error: Array
    best: Array
    iteration: Array
    images: Array
    residuals: Array
    held: Array


def between(
    x: Cloud, y: Cloud, epsilon: Float[Array, ""], threshold: Float[Array, ""], *, max_iterations: int
) -> Transport:
    r"""Entropic transport of two clouds.

    Each cloud is seen from a centre of its own, whichever: with ``δ`` from one centre to the other,

    .. math:: \|x - y\|^2 = \|\delta\|^2 + 2 \langle \delta, u - v \rangle + \|u - v\|^2, \qquad x = c_x + u, \quad y = c_y + v,

    whose second term has one mean under all plans. What is iterated on does not depend on where the clouds are.
    """
    (u, x_centre), (v, y_centre) = _centred(x), _centred(y)
    delta = x_centre - y_centre
    moved = jnp.sum(delta * (delta + 2 * (_mean(u) - _mean(v))))
    to_u, to_v = _transforms(*jax.lax.stop_gradient((u, v)))

    def one_round(g: Array, temperature: Array) -> tuple[Array, Array]:
        image = to_v(to_u(g, temperature), temperature)
        # Its rows are right, those of the plan of T(g) and g.
        return image, _marginal_error(v.weights, g - image, temperature)

    farthest = [jnp.sqrt(jnp.max(jnp.sum(jnp.square(z.points), axis=1))) for z in (u, v)]
    hottest = jnp.square(farthest[0] + farthest[1])
    start = jax.lax.stop_gradient((jnp.zeros_like(v.weights), v.weights, hottest, epsilon, threshold))
    g, iterations = _fixed_point(one_round, *start, max_iterations=max_iterations)
    value, error = _semidual(u, v, g, epsilon)
    return Transport(moved + value, error, iterations)


def within(x: Cloud, epsilon: Float[Array, ""], threshold: Float[Array, ""], *, max_iterations: int) -> Transport:
    """Entropic transport of a cloud to itself: one potential, by averaged updates, which halve the error at the least."""
    u, _ = _centred(x)
    to_u, _ = _transforms(*jax.lax.stop_gradient((u, u)))

    def one_round(f: Array, temperature: Array) -> tuple[Array, Array]:
        other = to_u(f, temperature)
        # Rows and columns are wrong by the same.
        return (f + other) / 2, 2 * _marginal_error(u.weights, f - other, temperature)

    start = jax.lax.stop_gradient((jnp.zeros_like(u.weights), u.weights, epsilon, epsilon, threshold))
    f, iterations = _fixed_point(one_round, *start, max_iterations=max_iterations)
    value, error = _semidual(u, u, f, epsilon)
    return Transport(value, error, iterations)


def _centred(x: Cloud) -> tuple[Cloud, Array]:
    """The cloud seen from about its mean, and that centre ``[d]``, a constant.

    A difference of floats that are near each other is exact, so that a centre need only be near.
    """
    points, weights = jax.lax.stop_gradient(x)
    first = points[:1]
    centre = first[0] + _mean(Cloud(points - first, weights))
    return Cloud(x.points - centre[None, :], x.weights), centre


def _mean(x: Cloud) -> Array:
    return jnp.sum(x.weights[:, None] * x.points, axis=0)


def _fixed_point(
    one_round: Callable[[Array, Array], tuple[Array, Array]],
    g: Array,
    weights: Array,
    hottest: Array,
    epsilon: Array,
    threshold: Array,
    *,
    max_iterations: int,
) -> tuple[Array, Array]:
    """Iterates ``g ← G(g)`` until the error is below the threshold; returns that g, and how many iterations it took.

    The temperature is halved at each of the first iterations down to ε: what is far is settled where iterations reach far. From then on,
    Anderson's acceleration: the next iterate is the combination of the last images whose residuals cancel best. Where it leads astray
    it starts afresh from a plain step, which converges from everywhere.

    References:
      Walker and Ni (2011), Anderson acceleration for fixed-point iterations, section 2. Schmitzer (2019), Stabilized sparse scaling
      algorithms for entropy regularized transport problems, section 3.2 (ε-scaling).
    """
    # A little further than asked for, so that the check of the result, which rounds otherwise, agrees.
    target = 0.9 * threshold

    def goes_on(at: _Iterate) -> Array:
        return (at.error > target) & (at.iteration < max_iterations)

    def step(at: _Iterate) -> _Iterate:
        g = at.following
        temperature = jnp.maximum(epsilon, hottest * _COOLING ** at.iteration.astype(g.dtype))
        cooling = temperature > epsilon
        image, error = one_round(g, temperature)
        error = jnp.where(cooling, jnp.inf, error)
        astray = error > 4 * at.best
        held = jnp.where(cooling, 0, jnp.where(astray, 1, jnp.minimum(at.held + 1, MEMORY)))
        images, residuals = (
            jnp.concatenate([new[None], old[:-1]]) for new, old in ((image, at.images), (image - g, at.residuals))
        )
        following = jnp.where(held > 1, _combination(images, residuals, weights, held), image)
        best = jnp.minimum(at.best, error)
        return _Iterate(g, following, error, best, at.iteration + 1, images, residuals, held)

    nothing, never = jnp.zeros((MEMORY, g.shape[0]), g.dtype), jnp.full((), jnp.inf, g.dtype)
    start = _Iterate(g, g, never, never, jnp.zeros((), jnp.int32), nothing, nothing, jnp.zeros((), jnp.int32))
    end = jax.lax.while_loop(goes_on, step, start)
    return end.g, end.iteration


def _combination(images: Array, residuals: Array, weights: Array, held: Array) -> Array:
    """``Σ_k α_k images_k`` with ``Σ_k α_k = 1`` and the least ``|Σ_k α_k residuals_k|``, over the latest ``held``."""
    use = jnp.arange(MEMORY) < held
    chosen = jnp.where(use[:, None], residuals, 0.0)
    gram = jnp.matmul(chosen * weights[None, :], chosen.T, precision=jax.lax.Precision.HIGHEST)
    size = jnp.trace(gram)
    gram = gram / jnp.where(size > 0, size, 1.0)
    # As much as the products are rounded by; what is not held has a residual of 1, and hence no part.
    ridge = jnp.where(use, 10 * jnp.finfo(gram.dtype).eps, 1.0)
    share = jnp.linalg.solve(gram + jnp.diag(ridge), use.astype(gram.dtype))
    combined = jnp.sum((share / jnp.sum(share))[:, None] * images, axis=0)
    return jnp.where(jnp.all(jnp.isfinite(combined)), combined, images[0])


def _transforms(x: Cloud, y: Cloud) -> tuple[Callable[[Array, Array], Array], Callable[[Array, Array], Array]]:
    """``(g [m], ε) -> T(g) [n]`` and ``(f [n], ε) -> T(f) [m]``, fast: for potentials, which need not have all digits of the costs."""
    stored = len(x.points) * len(y.points) <= kernels.BLOCK_ENTRIES
    costs = kernels.squared_distances(x.points, y.points) if stored else None

    def transform(to: Cloud, of: Cloud, costs: Array | None) -> Callable[[Array, Array], Array]:
        def at(potential: Array, epsilon: Array) -> Array:
            # A weight of 0 is −∞ here, and adds nothing.
            weighted = potential + epsilon * jnp.log(of.weights)
            if costs is not None:
                return _soft_minimum(costs, weighted, epsilon)
            return _by_rows(
                lambda z: _soft_minimum(_quick_costs(z, of.points), weighted, epsilon), to.points, of.points
            )

        return at

    return transform(x, y, costs), transform(y, x, None if costs is None else costs.T)


def _soft_minimum(costs: Array, weighted: Array, epsilon: Array) -> Array:
    """``−ε log Σ_j exp((h_j − C_ij) / ε)`` of ``C [n, m]``, ``h [m]``: ``[n]``."""
    rest = weighted[None, :] - costs
    top = jnp.max(rest, axis=1)
    return -(top + epsilon * jnp.log(jnp.sum(jnp.exp((rest - top[:, None]) / epsilon), axis=1)))


def _quick_costs(x: Array, y: Array) -> Array:
    """``‖xᵢ − yⱼ‖²`` of centred points, by products where there are many dimensions: thirty times faster there than by differences."""
    if x.shape[1] <= kernels.UNROLLED:
        return kernels.squared_distances(x, y)
    squares = [jnp.sum(jnp.square(z), axis=1) for z in (x, y)]
    products = jnp.matmul(x, y.T, precision=jax.lax.Precision.HIGHEST)
    return jnp.maximum(squares[0][:, None] + squares[1][None, :] - 2 * products, 0.0)


def _semidual(x: Cloud, y: Cloud, g: Array, epsilon: Array) -> tuple[Array, Array]:
    r"""The value of entropic transport from one potential, and the error of its plan.

    .. math:: \sum_i a_i T(g)_i + \sum_j b_j g_j

    It is stationary in g at the optimum. So the error of the value is of second order in that of the potential, and with g held constant
    its gradient with respect to points, weights and ε is that of the transport cost (envelope theorem). Costs are by differences here.

    References:
      Peyré and Cuturi (2019), Computational Optimal Transport, section 5.3, with the entropy as a KL to the product.
    """
    fixed_x, fixed_y, temperature = jax.lax.stop_gradient((x, y, epsilon))
    image = _exact_transform(fixed_y, fixed_x, _exact_transform(fixed_x, fixed_y, g, temperature), temperature)
    # The value is that of one round more, which costs little and matters where ε is large: its error is ε times the square of the plan's.
    value = jnp.sum(x.weights * _exact_transform(x, y, image, epsilon)) + jnp.sum(y.weights * image)
    return value, _marginal_error(fixed_y.weights, g - image, temperature)


def _exact_transform(x: Cloud, y: Cloud, g: Array, epsilon: Array) -> Array:
    """``T(g)``, with derivatives in the points, the weights (one of 0 included) and ε."""
    positive = (y.weights > 0)[None, :]
    total = jnp.sum(y.weights)

    def of_rows(points: Array) -> Array:
        rest = g[None, :] - kernels.squared_distances(points, y.points)
        top = jax.lax.stop_gradient(jnp.max(jnp.where(positive, rest, -jnp.inf), axis=1))
        # Only a point without mass can lie above the top.
        exponents = jnp.minimum((rest - top[:, None]) / epsilon, _LARGEST_EXPONENT)
        # Where ε is large beside all costs the sum is near 1, and what is left of its logarithm is what it differs by.
        beyond = jnp.sum(y.weights[None, :] * jnp.expm1(exponents), axis=1)
        hot = jax.lax.stop_gradient(beyond) > -0.5
        near_1 = jnp.log1p(jnp.where(hot, beyond, 0.0) + (total - jax.lax.stop_gradient(total)))
        summed = jnp.sum(y.weights[None, :] * jnp.exp(exponents), axis=1)
        return -(top + epsilon * jnp.where(hot, near_1, jnp.log(jnp.where(hot, 1.0, summed))))

    return _by_rows(of_rows, x.points, y.points)


def _by_rows(function: Callable[[Array], Array], x: Array, y: Array) -> Array:
    """``function(rows of x [k, d]) -> [k]`` for all of ``x [n, d]``, so many at a time as are a block with ``y [m, d]``."""
    n = x.shape[0]
    index = kernels.row_blocks(n, y.shape[0])
    if len(index) == 1:
        return function(x)
    blocks = jax.lax.map(jax.checkpoint(lambda i: function(x[jnp.minimum(i, n - 1)])), index)
    return blocks.reshape(-1)[:n]


def _marginal_error(weights: Array, difference: Array, epsilon: Array) -> Array:
    """``Σ_j b_j |exp((g_j − T_j) / ε) − 1|``: by how much the sums of the plan of g differ from the weights, of which T's are right."""
    return jnp.sum(weights * jnp.abs(jnp.expm1(difference / epsilon)))
