"""Distances between distributions from samples alone, without training anything.

Samples are ``x [n, d]`` and ``y [m, d]`` (``[n]`` is read as ``[n, 1]``). All functions work under ``jit``,
``vmap`` and ``grad``; inside them only shapes and static arguments are checked, and NaN among the samples comes out
as NaN. They compute in floats of the type that JAX has, 32 bits where ``jax_enable_x64`` is off, with a warning where rounding samples of
a wider type moves them by more than a thousandth of their range.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Bool, Float, Int, Real

from gan_jax import checks
from gan_jax.divergences import empirical_transport, entropic, kernels
from gan_jax.divergences.kernels import Kernel, cubic, gaussian, laplacian, sum_of
from gan_jax.typing import Array, PRNGKey

__all__ = [
    "Kernel",
    "MovingPlans",
    "Sinkhorn",
    "cubic",
    "energy_distance",
    "gaussian",
    "laplacian",
    "mmd2",
    "moving_plans",
    "sinkhorn_divergence",
    "sliced_wasserstein",
    "sum_of",
    "wasserstein",
]

MAX_ENUMERATED = 8
"""Points whose one-to-one plans are enumerated: 8! = 40 320."""


class MovingPlans(NamedTuple):
    """Every one-to-one plan between n points and n points, cheapest first.

    Attributes:
      permutations: ``[n!, n]``; plan k moves ``x[i]`` to ``y[permutations[k, i]]``.
      costs: ``[n!]``, the mean distance moved, in units of the data. The first is ``W_1``.
    """

    permutations: Int[Array, "plans n"]
    costs: Float[Array, " plans"]


class Sinkhorn(NamedTuple):
    """A Sinkhorn divergence, and whether its three transport problems were solved.

    Attributes:
      value: the divergence, in squared units of the data. Not to be used unless ``converged``.
      converged: whether all three problems reached the threshold and the value is finite.
      iterations: ``[3]``, the iterations of (x, y), (x, x), (y, y).
    """

    value: Float[Array, ""]
    converged: Bool[Array, ""]
    iterations: Int[Array, " 3"]


def wasserstein(
    x: Real[Array, " n *event"],
    y: Real[Array, " m *event"],
    *,
    order: float = 1,
    x_weights: Real[Array, " n"] | None = None,
    y_weights: Real[Array, " m"] | None = None,
) -> Float[Array, ""]:
    r"""Exact Wasserstein distance between two weighted samples.

    .. math:: W_p = \Bigl(\min_\pi \sum_{ij} \pi_{ij} \|x_i - y_j\|_2^p\Bigr)^{1/p},
        \qquad \pi 1 = a,\ \pi^T 1 = b,\ \pi \ge 0

    In one dimension by sorting, O((n + m) log(n + m)), in JAX. In more by POT's network simplex in float64 on the
    host (also inside ``jit``, through a callback; one problem after another under ``vmap``): about 0.2 s for 1000
    against 1000 points, O(n³) and a matrix ``[n, m]`` in general.

    Gradients are those of the optimal plan. Where the distance has a kink (coincident points, ties) they are a
    subgradient, never NaN. Gradients with respect to weights are those of the function of ``weights /
    sum(weights)``: the dual potential, centred.

    Warning:
      The value is ``W_p``, in units of the data, not ``W_p^p``, which POT's ``emd2`` and ``wasserstein_1d`` return.

    Warning:
      In more than one dimension, do not call it inside a program that is sharded over several virtual CPU devices: with
      samples of some 100 KB JAX 0.10.2's host callbacks, one on each device, were seen to wait for each other for ever.
      Draw inside such a program and call this outside, as the experiments do.

    Args:
      x: ``[n, d]``, or ``[n]`` in one dimension.
      y: ``[m, d]``, or ``[m]``.
      order: p, a number ≥ 1, known at compile time.
      x_weights: ``[n]``, non-negative, of sum 1 (to rounding; they are divided by their sum); all 1/n by default.
      y_weights: ``[m]``.

    Returns:
      A scalar.

    Raises:
      ValueError: bad samples, dimensions that differ, bad weights, an order below 1 or infinite.
      RuntimeError: the network simplex did not converge (under ``jit``, JAX's error carries the sentence).

    References:
      Peyré and Cuturi (2019), Computational Optimal Transport, section 2.4, remark 2.30 (one dimension), section 3.4.2
      (north-west corner rule).
    """
    x, y = _two_samples(x, y)
    order = checks.known_number("order", order, 1.0)
    weights = _checked_weights("x_weights", x_weights, "x", x), _checked_weights("y_weights", y_weights, "y", y)
    if x.shape[1] == 1:
        return empirical_transport.wasserstein_on_line(x[:, 0], y[:, 0], weights, order=order)
    return empirical_transport.wasserstein_by_simplex(x, y, weights, order=order)


def moving_plans(x: Real[Array, " n *event"], y: Real[Array, " n *event"]) -> MovingPlans:
    r"""Every one-to-one plan that moves the points x onto the points y, with its cost, cheapest first.

    .. math:: \mathrm{cost}(\sigma) = \frac1n \sum_i \|x_i - y_{\sigma(i)}\|_2,
        \qquad W_1 = \min_\sigma \mathrm{cost}(\sigma)

    The minimum over permutations is the minimum over all plans (Birkhoff and von Neumann).

    Args:
      x: ``[n, d]`` with n ≤ 8.
      y: ``[n, d]``.

    Returns:
      The n! plans; of equal costs the lexicographically first plan comes first.

    Raises:
      ValueError: bad samples, different numbers of points, more than 8 points.

    References:
      Peyré and Cuturi (2019), Computational Optimal Transport, proposition 2.1.
    """
    x, y = _two_samples(x, y)
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} points and y has {len(y)}; expected as many, to be moved one to one")
    if len(x) > MAX_ENUMERATED:
        raise ValueError(
            f"x has {len(x)} points; expected at most {MAX_ENUMERATED}, since all n! plans are "
            "enumerated: use wasserstein instead"
        )
    return MovingPlans(*_plans(x, y))


@jax.jit
def _plans(x: Array, y: Array) -> tuple[Array, Array]:
    return empirical_transport.plans_by_cost(kernels.distances(x, y))


def sliced_wasserstein(
    key: PRNGKey, x: Real[Array, " n *event"], y: Real[Array, " m *event"], *, order: float = 1, projections: int = 256
) -> Float[Array, ""]:
    r"""Sliced Wasserstein distance: the one-dimensional distance of random projections.

    .. math:: SW_p = \Bigl(\mathbb E_{u \sim U(S^{d-1})} W_p^p(\langle u, x\rangle, \langle u, y\rangle)\Bigr)^{1/p}

    Args:
      key: draws the directions.
      x: ``[n, d]``.
      y: ``[m, d]``.
      order: p ≥ 1.
      projections: how many directions; the standard error of ``SW_p^p`` falls as one over its root.

    Returns:
      A scalar in units of the data.

    Raises:
      TypeError: no key.
      ValueError: bad samples, dimensions that differ, an order below 1 or infinite, projections below 1.

    References:
      Bonneel et al. (2015), Sliced and Radon Wasserstein barycenters of measures.
    """
    key = checks.key("key", key)
    x, y = _two_samples(x, y)
    order = checks.known_number("order", order, 1.0)
    projections = checks.integer("projections", projections, 1)
    return _sliced(key, x, y, order=order, projections=projections)


@partial(jax.jit, static_argnames=("order", "projections"))
def _sliced(key: PRNGKey, x: Array, y: Array, *, order: float, projections: int) -> Array:
    # Seen from one of the points: differences of floats that are near each other are exact, and ⟨u, x⟩ far from the origin is not.
    origin = jax.lax.stop_gradient(x[:1])
    x, y = x - origin, y - origin
    normals = jax.random.normal(key, (projections, x.shape[1]), x.dtype)
    directions = normals / jnp.linalg.norm(normals, axis=1, keepdims=True)

    def along(direction: Array) -> Array:
        projected = (jnp.matmul(z, direction, precision=jax.lax.Precision.HIGHEST) for z in (x, y))
        return empirical_transport.wasserstein_on_line(*projected, (None, None), order=order)

    together = max(1, min(projections, kernels.BLOCK_ENTRIES // (len(x) + len(y))))
    distances = jax.lax.map(along, directions, batch_size=together)
    if order == 1:
        return jnp.mean(distances)
    scale = jax.lax.stop_gradient(jnp.max(distances))
    return empirical_transport.rooted(
        jnp.mean(empirical_transport.relative_power(distances, scale, order)), scale, order
    )


def sinkhorn_divergence(
    x: Real[Array, " n *event"],
    y: Real[Array, " m *event"],
    *,
    epsilon: float,
    threshold: float = 1e-4,
    max_iterations: int = 10_000,
    x_weights: Real[Array, " n"] | None = None,
    y_weights: Real[Array, " m"] | None = None,
) -> Sinkhorn:
    r"""Debiased entropic transport, with cost ``‖x − y‖²``.

    .. math::
        S_\varepsilon = OT_\varepsilon(x, y) - \tfrac12 OT_\varepsilon(x, x) - \tfrac12 OT_\varepsilon(y, y), \qquad
        OT_\varepsilon = \min_\pi \langle \pi, C\rangle + \varepsilon\, \mathrm{KL}(\pi \| a \otimes b)

    Between ``W_2²`` (ε → 0) and the squared distance of the means (ε → ∞). First derivatives in points, weights and ε are those of the
    converged plans, held constant (envelope theorem): there are no second ones. Pairs of more than ``kernels.BLOCK_ENTRIES`` are walked
    through in blocks, so that memory is bounded; an iteration takes O(n m).

    Warning:
      Squared units. Papers differ in the cost (this one has no ½) and in the entropy (this is the KL to the product
      of the weights). ε is absolute: it does not change with the data, so values of different samples can be
      compared. The number of iterations grows as the largest cost over ε.

    Args:
      x: ``[n, d]``.
      y: ``[m, d]``.
      epsilon: ε > 0, in squared units of the data.
      threshold: when to stop: the total absolute error of the plan's marginals, of 1. The error of the value is of second order in it,
        that of the gradient of first.
      max_iterations: after which it is given up: ``converged`` is then False.
      x_weights: ``[n]``, non-negative, of sum 1 (to rounding; they are divided by their sum); all 1/n by default.
      y_weights: ``[m]``.

    Returns:
      The value, and whether it converged. Check that before use: it is an array under ``jit``, so nothing is raised.

    Raises:
      ValueError: bad samples, dimensions that differ, bad weights, an epsilon or a threshold that is not positive and finite,
        ``max_iterations`` below one.

    References:
      Feydy et al. (2019), Interpolating between optimal transport and MMD using Sinkhorn divergences, equation 3, and section 3 for the
      updates of the terms of one sample.
    """
    x, y = _two_samples(x, y)
    for name, value in (("epsilon", epsilon), ("threshold", threshold)):
        checks.one_number(name, value)
        checks.finite(name, value)
        checks.at_least(name, value, 0.0, strict=True)
    max_iterations = checks.integer("max_iterations", max_iterations, 1)
    weights = _checked_weights("x_weights", x_weights, "x", x), _checked_weights("y_weights", y_weights, "y", y)
    a, b = (empirical_transport.normalised(w, z) for w, z in zip(weights, (x, y), strict=True))
    numbers = jnp.asarray(epsilon, x.dtype), jnp.asarray(threshold, x.dtype)
    return _sinkhorn(entropic.Cloud(x, a), entropic.Cloud(y, b), *numbers, max_iterations=max_iterations)


@partial(jax.jit, static_argnames=("max_iterations",))
def _sinkhorn(
    x: entropic.Cloud, y: entropic.Cloud, epsilon: Array, threshold: Array, *, max_iterations: int
) -> Sinkhorn:
    between = partial(entropic.between, max_iterations=max_iterations)
    within = partial(entropic.within, max_iterations=max_iterations)
    both, of_x, of_y = between(x, y, epsilon, threshold), within(x, epsilon, threshold), within(y, epsilon, threshold)
    value = both.value - (of_x.value + of_y.value) / 2
    errors = jnp.stack([both.error, of_x.error, of_y.error])
    iterations = jnp.stack([both.iterations, of_x.iterations, of_y.iterations])
    return Sinkhorn(value, jnp.all(errors <= threshold) & jnp.isfinite(value), iterations)


def mmd2(
    x: Real[Array, " n *event"], y: Real[Array, " m *event"], *, kernel: Kernel, unbiased: bool = True
) -> Float[Array, ""]:
    r"""Squared maximum mean discrepancy.

    .. math:: \mathrm{MMD}^2 = \mathbb E\, k(X, X') + \mathbb E\, k(Y, Y') - 2\, \mathbb E\, k(X, Y)

    Unbiased: means over pairs of different samples (a U-statistic). It is often negative at P = Q, and never clipped.
    Biased: the pairs of a sample with itself stay in (a V-statistic), which is ≥ 0.

    Args:
      x: ``[n, d]``.
      y: ``[m, d]``.
      kernel: ``k(x [n, d], y [m, d]) -> [n, m]``: ``gaussian(bandwidth)``, ``laplacian(bandwidth)``, ``cubic``,
      ``sum_of(kernels)``, or any
        function of that kind.
      unbiased: which of the two.

    Returns:
      A scalar in units of the kernel.

    Raises:
      ValueError: bad samples, dimensions that differ, fewer than two samples where unbiased.

    References:
      Gretton et al. (2012), A kernel two-sample test, lemma 6 (equation 3 unbiased, equation 5 biased, squared).
    """
    x, y = _two_samples(x, y)
    _checked_pairs(x, y, unbiased)
    return _mmd2(kernels.as_pytree(kernel), x, y, unbiased=unbiased)


def energy_distance(
    x: Real[Array, " n *event"], y: Real[Array, " m *event"], *, unbiased: bool = True
) -> Float[Array, ""]:
    r"""Energy distance.

    .. math:: \mathcal E = 2\, \mathbb E\|X - Y\|_2 - \mathbb E\|X - X'\|_2 - \mathbb E\|Y - Y'\|_2

    It is the squared MMD of the kernel ``−‖x − y‖``; unbiased as there: it may be negative and is never clipped.

    Warning:
      SciPy's ``energy_distance`` returns the square root of the biased value.

    Args:
      x: ``[n, d]``.
      y: ``[m, d]``.
      unbiased: leave out the pairs of a sample with itself.

    Returns:
      A scalar in units of the data.

    Raises:
      ValueError: bad samples, dimensions that differ, fewer than two samples where unbiased.

    References:
      Székely and Rizzo (2013), Energy statistics; Sejdinovic et al. (2013) for the kernel.
    """
    x, y = _two_samples(x, y)
    _checked_pairs(x, y, unbiased)
    return -_mmd2(Partial(kernels.distances), x, y, unbiased=unbiased)


@partial(jax.jit, static_argnames=("unbiased",))
def _mmd2(kernel: Partial, x: Array, y: Array, *, unbiased: bool) -> Array:
    kernel = kernels.about(kernel, jax.lax.stop_gradient(jnp.mean(jnp.concatenate([x, y]), axis=0)))
    within = kernels.mean_over_pairs(kernel, x, x, distinct=unbiased) + kernels.mean_over_pairs(
        kernel, y, y, distinct=unbiased
    )
    return within - 2 * kernels.mean_over_pairs(kernel, x, y)


def _two_samples(x: Array, y: Array) -> tuple[Array, Array]:
    """Both as ``[·, d]`` of one type."""
    x, y = checks.samples("x", x), checks.samples("y", y)
    checks.same_dimension("x", x, "y", y)
    dtype = jnp.promote_types(x.dtype, y.dtype)
    return x.astype(dtype), y.astype(dtype)


def _checked_weights(name: str, weights: Array | None, of: str, points: Array) -> Array | None:
    if weights is None:
        return None
    # Summed before they are rounded to the type of the samples.
    given = weights if isinstance(weights, jax.Array) else np.asarray(weights)
    if given.shape != points.shape[:1]:
        raise ValueError(f"{name} has shape {given.shape}; expected {points.shape[:1]}, one weight for each of {of}")
    if checks.is_concrete(given):
        checks.finite(name, given)
        checks.at_least(name, np.min(given), 0.0)
        total = float(np.sum(np.asarray(given, dtype=np.float64)))
        # Normalised in the type they have, or in float32 before: a random walk of n roundings, of n weights and of
        # their sum.
        dtype = given.dtype if jnp.issubdtype(given.dtype, jnp.floating) else jnp.float32
        eps = max(float(jnp.finfo(dtype).eps), float(jnp.finfo(jnp.float32).eps))
        tolerance = min(8 * eps * math.sqrt(len(given)), 0.01)
        if abs(total - 1) > tolerance:
            raise ValueError(f"{name} sums to {total:.9g}; expected 1 within {tolerance:.1g}")
    return jnp.asarray(given, points.dtype)


def _checked_pairs(x: Array, y: Array, unbiased: bool) -> None:
    checks.flag("unbiased", unbiased)
    for name, samples in (("x", x), ("y", y)):
        if unbiased and len(samples) < 2:
            raise ValueError(
                f"{name} has 1 sample; expected at least 2 for an unbiased value, which leaves out "
                "pairs of a sample with itself"
            )
