"""Critics whose Lipschitz constant is held by their weights: orthonormal layers with GroupSort, and spectral normalisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Float

from gan_jax import checks, numerics
from gan_jax.caching import remembered
from gan_jax.models.mlp import MLP, applied, dense_bound, elementwise, map_kernels, product_of_spectral_norms, widths
from gan_jax.typing import Array, Critic, PRNGKey, Variables


def group_sort(h: Float[Array, "batch width"], *, group_size: int = 2) -> Float[Array, "batch width"]:
    """Sorts the features within groups: a permutation at every point, hence 1-Lipschitz and gradient-norm preserving.

    Groups are strided (feature ``i`` meets ``i + width / group_size``), so that the sort runs over a leading axis and pairs need no gather.

    Args:
      h: ``[batch, width]``.
      group_size: how many features are sorted together; 2 is MaxMin, ``width`` the full sort.

    Returns:
      ``[batch, width]``.

    Raises:
      ValueError: ``width`` is not a multiple of ``group_size``.

    Source: Anil, Lucas & Grosse 2019, section 4.1.
    """
    batch, width = h.shape
    checks.integer("group_size", group_size, 1)
    if width % group_size:
        raise ValueError(f"group_size is {group_size}; expected a divisor of the layer's width {width}")
    if group_size == 2:
        low, high = h[:, : width // 2], h[:, width // 2 :]
        # Selections have a cheaper transpose than minimum and maximum, which split ties.
        swap = low > high
        return jnp.concatenate([jnp.where(swap, high, low), jnp.where(swap, low, high)], axis=1)
    return jnp.sort(h.reshape(batch, group_size, width // group_size), axis=1).reshape(batch, width)


def orthonormalise(kernel: Float[Array, "rows columns"], *, iterations: int = 5) -> Float[Array, "rows columns"]:
    """The nearest matrix with orthonormal rows or columns (the polar factor), by Newton–Schulz iteration.

    ``W <- W (3 I - W'W) / 2`` maps every singular value s to s (3 - s²) / 2: to one, quadratically, from anywhere in (0, √3).

    Args:
      kernel: ``[in, out]``, of full rank; rows become orthonormal where ``in <= out``, columns otherwise.
      iterations: 5 reach float32 accuracy from singular values in [0.8, 1.2], where one step of Adam leaves them, 8 from [0.3, 1.7]. A
        single row or column needs none: it is divided by its norm.

    Returns:
      ``[in, out]``.

    Source: Björck & Bowie 1971; Anil, Lucas & Grosse 2019, section 4.2.
    """
    checks.integer("iterations", iterations, 0)
    if 1 in kernel.shape:
        return kernel / numerics.norm(kernel, axis=None)
    tall = kernel if kernel.shape[0] >= kernel.shape[1] else kernel.T
    gram = tall.T @ tall
    # The Schatten 8-norm bounds the largest singular value from above and costs one product; for an orthonormal matrix it is n^(1/8),
    # below √3 up to n = 81, so that only what has left the basin of convergence (or is wide) is scaled back into it.
    schatten = jnp.sum(jnp.square(gram @ gram)) ** 0.125
    tall = tall / jnp.maximum(1.0, schatten / 1.73)
    eye = jnp.eye(tall.shape[1], dtype=tall.dtype)
    tall = jax.lax.fori_loop(0, iterations, lambda _, w: 0.5 * w @ (3 * eye - w.T @ w), tall, unroll=iterations <= 5)
    return tall if kernel.shape[0] >= kernel.shape[1] else tall.T


@remembered
def orthonormal_mlp(features: Sequence[int] = (64, 64), *, group_size: int = 2) -> Critic:
    """An exactly 1-Lipschitz critic: orthonormal weight matrices, kept so after every update, with GroupSort between them.

    A layer that is no wider than what it takes in preserves the norm of the gradient on its way back, whatever that gradient is. A wider
    one, as the first is where an event has fewer numbers than ``features[0]``, preserves what lies in the span of its rows and drops the
    rest: slopes are at most one everywhere, and below one where something is dropped. All gradients may lie in that span, so the network
    can have slope one almost everywhere, as the optimal critic has; ReLU networks under the same constraint cannot. Its held-out value
    never exceeds W1 but by sampling noise: a true lower bound.

    Args:
      features: hidden widths, each a multiple of ``group_size``.
      group_size: features sorted together; 2 is MaxMin.

    Returns:
      A critic whose ``constrain`` retracts onto the orthonormal matrices.

    Raises:
      ValueError: an empty or non-positive ``features``, a width that is no multiple of ``group_size``.

    Source: Anil, Lucas & Grosse 2019, "Sorting out Lipschitz function approximation".
    """
    checks.integer("group_size", group_size, 2)
    for width in widths("features", features):
        if width % group_size:
            raise ValueError(
                f"group_size is {group_size}; expected a divisor of every hidden width, and {width} is none of its multiples"
            )
    module = MLP(tuple(features), lambda h: group_sort(h, group_size=group_size), nn.initializers.orthogonal())

    def init(key: PRNGKey, x: Array) -> Variables:
        return map_kernels(lambda kernel: orthonormalise(kernel, iterations=16), module.init(checks.key("key", key), x))

    return Critic(
        init,
        applied(module),
        lambda variables: map_kernels(orthonormalise, variables),
        product_of_spectral_norms,
        bounded=True,
    )


@remembered
def spectral_norm_mlp(
    features: Sequence[int] = (64, 64), *, activation: Callable[[Array], Array] = nn.relu, power_iterations: int = 1
) -> Critic:
    """A critic with every weight matrix divided by its largest singular value: 1-Lipschitz, but not norm preserving.

    ``W / σ(W)`` with ``σ = u'Wv`` from a power iteration that goes on by ``power_iterations`` after every update, in ``constrain``:
    penalties and evaluations never advance it. The gradient flows through ``σ`` with u and v constant.

    Args:
      features: hidden widths.
      activation: of slope at most one; the certified bound counts the slope of a steeper one (``mlp.steepest``).
      power_iterations: after every update; 1 in the paper, 5 in Korotin et al. 2022.

    Returns:
      A critic with the left singular vectors in the collection ``"singular_vectors"``.

    Raises:
      ValueError: ``power_iterations`` below one.

    Source: Miyato et al. 2018, Algorithm 1.
    """
    checks.integer("power_iterations", power_iterations, 1)
    free = MLP(widths("features", features), elementwise("activation", activation))
    apply, bound = applied(free), dense_bound(activation)

    def vectors(kernel: Array, u: Array) -> tuple[Array, Array]:
        v = _unit(kernel @ u)
        return v, _unit(kernel.T @ v)

    def advance(variables: Variables, iterations: int) -> Variables:
        def iterate(kernel: Array, u: Array) -> Array:
            return jax.lax.fori_loop(0, iterations, lambda _, u: vectors(kernel, u)[1], u)

        us = jax.tree.map(iterate, _kernel_dict(variables), variables["singular_vectors"])
        return {**variables, "singular_vectors": us}

    def normalised(variables: Variables) -> Variables:
        def divide(kernel: Array, u: Array) -> Array:
            v, u = jax.lax.stop_gradient(vectors(kernel, u))
            return kernel / (v @ kernel @ u)

        layers = jax.tree.map(divide, _kernel_dict(variables), variables["singular_vectors"])
        params = {name: {**layer, "kernel": layers[name]} for name, layer in variables["params"].items()}
        return {"params": params}

    def init(key: PRNGKey, x: Array) -> Variables:
        params_key, vector_key = jax.random.split(checks.key("key", key))
        params = free.init(params_key, x)
        flat, tree = jax.tree.flatten(_kernel_dict(params))
        us = [
            _unit(jax.random.normal(k, (w.shape[1],)))
            for k, w in zip(jax.random.split(vector_key, len(flat)), flat, strict=True)
        ]
        # A handful of iterations at birth: σ is within a few per cent before the first update.
        return advance({**params, "singular_vectors": jax.tree.unflatten(tree, us)}, 15)

    return Critic(
        init,
        lambda variables, x: apply(normalised(variables), x),
        lambda variables: advance(variables, power_iterations),
        lambda variables: bound(normalised(variables)),
        bounded=True,
    )


def _unit(vector: Array) -> Array:
    """``v / ||v||``; a vector of zeros stays as it is."""
    norm = numerics.norm(vector)
    return vector / jnp.where(norm > 0, norm, 1.0)


def _kernel_dict(variables: Variables) -> dict[str, Array]:
    """Returns the weight matrices ``[in, out]`` by layer."""
    return {name: layer["kernel"] for name, layer in variables["params"].items()}
