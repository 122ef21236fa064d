"""Every critic against every promise that training relies on, and the linear algebra behind the constraints."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from flax import linen as nn

from gan_jax.models.activations import activation_gradients
from gan_jax.models.lipschitz import group_sort, orthonormal_mlp, orthonormalise, spectral_norm_mlp
from gan_jax.models.mlp import STEEPEST, clipped_mlp, kernels, mlp, product_of_spectral_norms, steepest
from gan_jax.typing import Array, Critic
from tests.cases import cases
from tests.compiling import compiled

CRITICS = {
    "mlp": lambda: mlp((8, 8)),
    "clipped": lambda: clipped_mlp((8, 8), bound=0.1),
    "orthonormal": lambda: orthonormal_mlp((8, 8)),
    "orthonormal, full sort": lambda: orthonormal_mlp((8, 8), group_size=8),
    "spectral norm": lambda: spectral_norm_mlp((8, 8)),
}
CONSTRAINED = ["orthonormal", "orthonormal, full sort", "spectral norm"]


@pytest.fixture(params=CRITICS, ids=str)
def critic(request: pytest.FixtureRequest) -> Critic:
    return made(request.param)


@cache
def made(name: str) -> Critic:
    return compiled(CRITICS[name]())


def normal(seed: int, *shape: int) -> Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def disturbed(variables: dict, seed: int, size: float = 0.05) -> dict:
    """Variables after something like an optimiser's update."""
    rng = np.random.default_rng(seed)
    move = lambda leaf: np.asarray(leaf) + np.float32(size) * rng.normal(size=leaf.shape).astype(np.float32)  # noqa: E731
    return {**variables, "params": jax.tree.map(move, variables["params"])}


@pytest.mark.slow
@cases("event", [(1,), (3,), (4, 4)], ids=str)
def test_one_logit_an_example_whatever_the_event(critic: Critic, event: tuple[int, ...]) -> None:
    x = normal(1, 5, *event)
    variables = critic.init(jax.random.key(0), x)
    out = critic.apply(variables, x)
    assert out.shape == (5,)
    alone = jax.jit(jax.vmap(lambda e: critic.apply(variables, e[None])[0]))(x)
    np.testing.assert_allclose(out, alone, rtol=2e-5, atol=1e-6)


@pytest.mark.slow
def test_no_slope_exceeds_the_certified_bound(critic: Critic) -> None:
    x = normal(1, 256, 3)
    variables = critic.constrain(disturbed(critic.init(jax.random.key(0), x), 2))
    gradients = jax.jit(jax.vmap(jax.grad(lambda z: critic.apply(variables, z[None])[0])))(x)
    slopes = np.linalg.norm(gradients, axis=1)
    bound = float(critic.lipschitz_bound(variables))
    assert 0 < slopes.max() <= bound * (1 + 1e-5)
    # Secants too: the bound is of the function, not of its derivative where that exists.
    logits = np.asarray(critic.apply(variables, x))
    rise = np.abs(logits - logits[::-1])
    assert np.all(rise <= bound * np.linalg.norm(x - x[::-1], axis=1) * (1 + 1e-5))


def test_certified_bound_is_the_product_of_the_largest_singular_values() -> None:
    critic = compiled(mlp((6, 5)))
    variables = critic.init(jax.random.key(0), jnp.zeros((1, 4)))
    expected = np.prod([np.linalg.svd(np.asarray(w), compute_uv=False)[0] for w in kernels(variables)])
    np.testing.assert_allclose(product_of_spectral_norms(variables), expected, rtol=1e-5)


@cases(
    "activation",
    [*STEEPEST, partial(nn.leaky_relu, negative_slope=-1.5)],
    ids=lambda f: getattr(f, "__name__", "leaky"),
)
def test_the_steepest_slope_of_an_activation_is_known(activation: Callable[[Array], Array]) -> None:
    """By differences of 64-bit values on a grid that holds the steepest places: at most the bound, and near it."""
    x = np.linspace(-12.0, 12.0, 240_001)
    with jax.enable_x64(True):
        y = np.asarray(activation(jnp.asarray(x)))
    slopes = np.abs(np.diff(y) / np.diff(x))
    assert slopes.max() <= steepest(activation) * (1 + 1e-8)
    assert slopes.max() == pytest.approx(steepest(activation), rel=1e-4)


def test_the_bound_counts_a_steep_activation_and_there_is_none_of_an_unknown_one() -> None:
    x = jnp.linspace(-4.0, 4.0, 4001)[:, None]
    for activation, slope in ((nn.gelu, 1.1289930686587718), (nn.relu, 1.0)):
        critic = compiled(mlp((1,), activation=activation))
        # f(x) = a(x): the bound is the slope itself.
        params = {name: {"kernel": jnp.ones((1, 1)), "bias": jnp.zeros(1)} for name in ("Dense_0", "Dense_1")}
        bound = float(critic.lipschitz_bound({"params": params}))
        assert bound == pytest.approx(slope, rel=1e-6)
        rises = jnp.diff(critic.apply({"params": params}, x)) / jnp.diff(x[:, 0])
        assert float(jnp.max(jnp.abs(rises))) <= bound * (1 + 1e-3)
    assert np.isinf(mlp((1,), activation=lambda h: 3.0 * h).lipschitz_bound({"params": params}))


@pytest.mark.slow
@cases("shape", [(1, 8), (8, 1), (8, 8), (3, 16), (96, 96)], ids=str)
@cases("size", [0.0, 0.1, 30.0], ids=str)
def test_orthonormalise_is_the_polar_factor(shape: tuple[int, int], size: float) -> None:
    rng = np.random.default_rng(3)
    start, _ = scipy.linalg.polar(rng.normal(size=shape))
    start = jnp.asarray(start + size * rng.normal(size=shape) / shape[0], jnp.float32)
    iterations = 8 if size < 1 else 60
    polar, _ = scipy.linalg.polar(np.asarray(start, np.float64))
    found = jax.jit(partial(orthonormalise, iterations=iterations))(start)
    np.testing.assert_allclose(found, polar, atol=2e-5)


def test_orthonormal_critic_stays_one_lipschitz_through_large_updates() -> None:
    critic = compiled(orthonormal_mlp((32, 32)))
    variables = critic.init(jax.random.key(0), jnp.zeros((1, 2)))
    np.testing.assert_allclose(critic.lipschitz_bound(variables), 1.0, atol=3e-6)
    for step in range(20):
        variables = critic.constrain(disturbed(variables, step))
    np.testing.assert_allclose(critic.lipschitz_bound(variables), 1.0, atol=3e-6)
    for kernel in kernels(variables):
        kernel = np.asarray(kernel)
        gram = kernel.T @ kernel if kernel.shape[0] >= kernel.shape[1] else kernel @ kernel.T
        np.testing.assert_allclose(gram, np.eye(len(gram)), atol=3e-6)


@pytest.mark.parametrize(("dimension", "slopes"), [(8, "one"), (12, "one"), (2, "at most one")])
def test_orthonormal_layers_preserve_the_gradient_unless_they_widen(dimension: int, slopes: str) -> None:
    critic = orthonormal_mlp((8, 8))
    x = normal(1, 64, dimension)
    variables = jax.jit(critic.init)(jax.random.key(0), x)
    gradients = jax.jit(lambda: activation_gradients(lambda: jnp.sum(critic.apply(variables, x))))()
    first, *others = (np.linalg.norm(np.asarray(gradient, np.float64), axis=1) for gradient in gradients.values())
    np.testing.assert_allclose(others, 1.0, atol=1e-5)
    if slopes == "one":
        np.testing.assert_allclose(first, 1.0, atol=1e-5)
        return
    assert np.all(first <= 1 + 1e-5)
    assert first.min() < 0.9


def test_an_orthonormal_critic_that_widens_can_have_slope_one_everywhere() -> None:
    """``f(x) = x_1``, by weights that embed the plane and biases that leave nothing to sort."""
    critic = compiled(orthonormal_mlp((8, 8)))
    variables = critic.init(jax.random.key(0), jnp.zeros((1, 2)))
    shapes = {"Dense_0": (2, 8), "Dense_1": (8, 8), "Dense_2": (8, 1)}
    spread = {"Dense_0": 100.0 * jnp.arange(8), "Dense_1": jnp.zeros(8), "Dense_2": jnp.zeros(1)}
    variables["params"] = {name: {"kernel": jnp.eye(*shape), "bias": spread[name]} for name, shape in shapes.items()}
    x = normal(1, 16, 2)
    for held in (variables, critic.constrain(variables)):
        np.testing.assert_allclose(critic.apply(held, x), x[:, 0], atol=1e-4)


def test_orthonormal_layers_preserve_the_gradient_norm_between_them() -> None:
    # All but the last layer (which is a row of unit norm, a projection) keep the norm of a cotangent: 8 = 8 wide square layers.
    kernel = jax.jit(partial(orthonormalise, iterations=40))(normal(0, 8, 8))
    x, cotangent = normal(1, 2, 8)
    pulled = jax.jit(lambda x, g: jax.vjp(lambda z: group_sort((z @ kernel)[None])[0], x)[1](g)[0])(x, cotangent)
    np.testing.assert_allclose(np.linalg.norm(pulled), np.linalg.norm(cotangent), rtol=1e-5)


@pytest.mark.parametrize("group_size", [2, 4, 8])
def test_group_sort_sorts_groups(group_size: int) -> None:
    h = normal(0, 3, 8)
    expected = np.sort(np.asarray(h).reshape(3, group_size, 8 // group_size), axis=1).reshape(3, 8)
    np.testing.assert_array_equal(group_sort(h, group_size=group_size), expected)


@pytest.mark.slow
def test_spectral_norm_converges_to_the_exact_one_and_only_in_constrain() -> None:
    critic = spectral_norm_mlp((16, 16))
    variables = disturbed(jax.jit(critic.init)(jax.random.key(0), jnp.zeros((1, 3))), 1, size=0.3)
    before = jax.tree.map(np.copy, variables)
    critic.apply(variables, jnp.ones((4, 3)))
    jax.grad(lambda z: critic.apply(variables, z)[0])(jnp.ones((1, 3)))
    chex.assert_trees_all_equal(before, variables)
    critic = compiled(critic)
    for _ in range(200):
        variables = critic.constrain(variables)
    np.testing.assert_allclose(critic.lipschitz_bound(variables), 1.0, atol=1e-4)


def test_clipped_weights_stay_within_the_bound() -> None:
    critic = compiled(clipped_mlp((8,), bound=0.02))
    variables = critic.constrain(disturbed(critic.init(jax.random.key(0), jnp.zeros((1, 2))), 1, size=1.0))
    assert max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(variables["params"])) == pytest.approx(0.02)


@cases(
    ("make", "words"),
    [
        (lambda: mlp(()), "features is"),
        (lambda: mlp((8, 0)), "features is"),
        (lambda: clipped_mlp(bound=0.0), "bound is 0.0"),
        (lambda: orthonormal_mlp((7,)), "group_size is 2"),
        (lambda: orthonormal_mlp((8,), group_size=1), "group_size is 1"),
        (lambda: spectral_norm_mlp(power_iterations=0), "power_iterations is 0"),
        (lambda: group_sort(jnp.zeros((1, 7))), "group_size is 2"),
    ],
)
def test_bad_input_is_one_sentence(make: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
