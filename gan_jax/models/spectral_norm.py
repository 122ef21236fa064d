"""Spectral normalisation of any critic, convolutions included."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict

from gan_jax import checks, numerics
from gan_jax.models.image_players import matrix_of
from gan_jax.typing import Array, Critic, PRNGKey, PyTree, Variables


def spectrally_normalised(critic: Critic, *, power_iterations: int = 1) -> Critic:
    """A critic with every kernel divided by the largest singular value of its matrix ``[kh · kw · cin, cout]``.

    ``W / σ(W)`` with ``σ = v'Wu`` from a power iteration that goes on by ``power_iterations`` after every update, in ``constrain``:
    penalties and evaluations never advance it. The gradient flows through ``σ`` with u and v constant.

    Warning:
      This is Miyato's convention: σ of the matrix that is applied to patches, which is not the operator norm of the convolution. That
      is up to ``⌈k / stride⌉`` times as large, so that a network of such layers is not 1-Lipschitz. For dense layers both are one.

    Args:
      critic: with parameters named ``"kernel"``, the last axis the outputs, none of them in groups.
      power_iterations: after every update; 1 in the paper.

    Returns:
      The critic, with right singular vectors ``u [cout]`` in the collection ``"singular_vectors"``. Its Lipschitz bound is that of
      ``critic`` at the divided kernels.

    Raises:
      ValueError: ``power_iterations`` below one.

    Source: Miyato et al. 2018, Algorithm 1 and section 2.1.
    """
    checks.integer("power_iterations", power_iterations, 1)

    def normalised(variables: Variables) -> Variables:
        def divide(kernel: Array, u: Array) -> Array:
            matrix = matrix_of(kernel)
            v, u = jax.lax.stop_gradient(_iterate(matrix, u))
            # A kernel of zeros, as some blocks begin with, stays one.
            sigma = v @ matrix @ u
            return kernel / jnp.where(sigma > 0, sigma, 1.0)

        flat, vectors = flatten_dict(variables["params"]), flatten_dict(variables["singular_vectors"])
        divided = {path: divide(flat[path], u) for path, u in vectors.items()}
        return {**variables, "params": unflatten_dict({**flat, **divided})}

    def advance(variables: Variables, iterations: int) -> Variables:
        def advanced(kernel: Array, u: Array) -> Array:
            matrix = matrix_of(kernel)
            return jax.lax.fori_loop(0, iterations, lambda _, u: _iterate(matrix, u)[1], u)

        flat, vectors = flatten_dict(variables["params"]), flatten_dict(variables["singular_vectors"])
        moved = {path: advanced(flat[path], u) for path, u in vectors.items()}
        return {**variables, "singular_vectors": unflatten_dict(moved)}

    def init(key: PRNGKey, x: Array) -> Variables:
        params_key, vectors_key = jax.random.split(key)
        variables = critic.init(params_key, x)
        # A handful of iterations at birth: σ is within a few per cent before the first update.
        return advance({**variables, "singular_vectors": _random_vectors(vectors_key, variables["params"])}, 15)

    return Critic(
        init,
        lambda variables, x: critic.apply(normalised(variables), x),
        lambda variables: advance(variables, power_iterations),
        lambda variables: critic.lipschitz_bound(normalised(variables)),
        critic.mixes_examples,
        bounded=True,
    )


def _random_vectors(key: PRNGKey, params: PyTree) -> PyTree:
    """One unit vector ``[cout]`` for every kernel, in the tree of the parameters."""
    kernels = {path: leaf for path, leaf in flatten_dict(params).items() if path[-1] == "kernel"}
    keys = jax.random.split(key, len(kernels))
    return unflatten_dict(
        {
            path: _unit(jax.random.normal(own, (kernel.shape[-1],)))
            for own, (path, kernel) in zip(keys, kernels.items(), strict=True)
        }
    )


def _iterate(matrix: Array, u: Array) -> tuple[Array, Array]:
    """One power iteration: left and right singular vectors."""
    v = _unit(matrix @ u)
    return v, _unit(matrix.T @ v)


def _unit(vector: Array) -> Array:
    """``v / ||v||``; a vector of zeros stays as it is."""
    norm = numerics.norm(vector)
    return vector / jnp.where(norm > 0, norm, 1.0)
