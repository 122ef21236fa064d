"""Spectral norms of convolutions: the power iteration against NumPy, and bounds against the convolution as a matrix."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from gan_jax.models.convolutions import convolution
from gan_jax.models.image_players import layer_bound, matrix_of
from gan_jax.models.resnet import resnet_discriminator, resnet_spectral_discriminator
from gan_jax.models.spectral_norm import spectrally_normalised
from gan_jax.typing import Array, Variables


def singular_value(kernel: Array | np.ndarray) -> float:
    """NumPy's largest singular value of the kernel as a matrix ``[kh · kw · cin, cout]``."""
    matrix = np.asarray(kernel, np.float64).reshape(-1, kernel.shape[-1])
    return float(np.linalg.svd(matrix, compute_uv=False)[0])


def kernels(variables: Variables) -> dict[tuple[str, ...], Array]:
    return {path: leaf for path, leaf in flatten_dict(variables["params"]).items() if path[-1] == "kernel"}


@pytest.mark.slow
def test_the_power_iteration_finds_every_singular_value_and_goes_on_in_constrain_alone() -> None:
    critic = resnet_spectral_discriminator(8, 1, width=8)
    x = jax.random.normal(jax.random.key(0), (3, 8, 8, 1))
    variables = jax.jit(critic.init)(jax.random.key(1), x)
    before = jax.tree.map(np.asarray, variables)
    gradient = jax.jit(jax.grad(lambda v, x: jnp.sum(critic.apply(v, x)), argnums=1))(variables, x)
    assert bool(jnp.all(jnp.isfinite(gradient)))
    chex.assert_trees_all_equal(before, variables)

    many = jax.jit(lambda v: jax.lax.fori_loop(0, 1000, lambda _, v: critic.constrain(v), v))
    converged = many(variables)
    chex.assert_trees_all_equal(before["params"], converged["params"])
    vectors = flatten_dict(converged["singular_vectors"])
    assert set(vectors) == set(kernels(converged))
    for path, kernel in kernels(converged).items():
        u = np.asarray(vectors[path])
        assert u.shape == (kernel.shape[-1],)
        np.testing.assert_allclose(np.linalg.norm(u), 1.0, rtol=1e-5)
        # |W u| = σ for the right singular vector u.
        np.testing.assert_allclose(np.linalg.norm(np.asarray(matrix_of(kernel)) @ u), singular_value(kernel), rtol=1e-4)
    moved = max(jax.tree.leaves(jax.tree.map(lambda a, b: np.abs(a - b).max(), before, converged)))
    assert moved > 1e-4


@pytest.mark.slow
def test_the_network_is_the_free_one_with_kernels_divided_by_their_singular_values() -> None:
    free = resnet_discriminator(8, 1, width=4)
    critic = spectrally_normalised(free, power_iterations=300)
    x = jax.random.normal(jax.random.key(0), (3, 8, 8, 1))
    rng = np.random.default_rng(2)
    variables = jax.tree.map(
        lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), leaf.dtype),
        jax.eval_shape(critic.init, jax.random.key(0), x),
    )
    divided = jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaf / singular_value(leaf) if path[-1].key == "kernel" else leaf, variables["params"]
    )
    logits = jax.jit(lambda v: critic.apply(critic.constrain(v), x))(variables)
    expected = jax.jit(lambda p: free.apply({"params": p}, x))(divided)
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "stride", "groups"),
    [((3, 3, 2, 4), 1, 1), ((4, 4, 2, 3), 2, 1), ((1, 1, 3, 2), 1, 1), ((3, 3, 2, 4), 1, 2)],
    ids=str,
)
def test_a_convolution_is_as_steep_as_its_matrix_at_least_and_as_its_bound_at_most(
    shape: tuple[int, ...], stride: int, groups: int
) -> None:
    kernel = jnp.asarray(np.random.default_rng(sum(shape)).normal(size=shape), jnp.float32)
    size = 36 * shape[2] * groups
    images = jnp.eye(size).reshape(size, 6, 6, -1)
    matrix = convolution(images, kernel, stride=stride, groups=groups).reshape(size, -1)
    norm = np.linalg.norm(np.asarray(matrix), ord=2)
    overlap = -(-shape[0] // stride)
    bound = float(layer_bound(kernel, stride=stride, groups=groups))
    # The first singular vector as a patch in the middle of the image reaches σ; no image passes ⌈k / s⌉ σ.
    assert bound / overlap <= norm * (1 + 1e-5)
    assert norm <= bound * (1 + 1e-5)
    blocks = np.split(np.asarray(kernel), groups, axis=-1)
    np.testing.assert_allclose(bound, overlap * max(singular_value(block) for block in blocks), rtol=1e-5)


def test_the_bound_of_a_dense_layer_is_its_norm() -> None:
    kernel = jax.random.normal(jax.random.key(0), (5, 3))
    np.testing.assert_allclose(layer_bound(kernel), singular_value(kernel), rtol=1e-5)


def test_a_kernel_of_zeros_stays_one() -> None:
    critic = spectrally_normalised(resnet_discriminator(8, 1, width=4))
    x = jnp.ones((1, 8, 8, 1))
    variables = jax.eval_shape(critic.init, jax.random.key(0), x)
    zero = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), variables)
    assert float(jax.jit(critic.apply)(zero, x)[0]) == 0.0


def test_bad_input_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="power_iterations is 0"):
        resnet_spectral_discriminator(8, 1, power_iterations=0)
