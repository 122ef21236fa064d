"""Minibatch discrimination is its definition, does not care for the order of a batch, and tells a batch of copies from others."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gan_jax.models.generators import mlp_generator
from gan_jax.models.minibatch import MinibatchDiscrimination, minibatch_discrimination_mlp
from gan_jax.models.mlp import from_module, mlp
from gan_jax.objectives import losses, penalties
from gan_jax.training import updates
from gan_jax.training.game import gan
from tests.compiling import AS_USERS_DO

LAYER = MinibatchDiscrimination(kernels=3, dimension=4)


def test_the_layer_is_its_definition_recomputed() -> None:
    f = jax.random.normal(jax.random.key(0), (6, 5))
    variables = LAYER.init(jax.random.key(1), f)
    tensor = np.asarray(variables["params"]["tensor"], np.float64)
    assert tensor.shape == (5, 12)
    matrices = np.einsum("ia,abc->ibc", np.asarray(f, np.float64), tensor.reshape(5, 3, 4))
    closeness = np.zeros((6, 3))
    for i in range(6):
        for j in range(6):
            closeness[i] += np.exp(-np.abs(matrices[i] - matrices[j]).sum(axis=1)) / 6
    found = LAYER.apply(variables, f)
    np.testing.assert_array_equal(found[:, :5], f)
    np.testing.assert_allclose(found[:, 5:], closeness, rtol=1e-5)


@pytest.mark.slow
def test_a_batch_in_another_order_has_its_logits_in_that_order() -> None:
    critic = minibatch_discrimination_mlp((8,), kernels=4, dimension=2)
    x = jax.random.normal(jax.random.key(0), (7, 2, 2))
    variables, apply = jax.jit(critic.init)(jax.random.key(1), x), jax.jit(critic.apply)
    order = jnp.asarray([3, 0, 6, 1, 2, 5, 4])
    logits = apply(variables, x)
    assert logits.shape == (7,)
    np.testing.assert_allclose(apply(variables, x[order]), logits[order], rtol=1e-5)
    # One example changed moves the logits of the others: it is no function of one example.
    moved = apply(variables, x.at[0].add(0.3))
    assert jnp.all(jnp.abs(moved[1:] - logits[1:]) > 0)


def test_copies_are_as_close_as_can_be_and_get_the_same_gradient() -> None:
    f = jnp.broadcast_to(jax.random.normal(jax.random.key(0), (1, 5)), (6, 5))
    variables = jax.jit(LAYER.init)(jax.random.key(1), f)
    np.testing.assert_allclose(LAYER.apply(variables, f)[:, 5:], 1.0, rtol=1e-6)
    slope = jax.jit(jax.grad(lambda f: jnp.sum(LAYER.apply(variables, f)[:, 5:])))(f)
    # No direction is better than another.
    np.testing.assert_array_equal(slope, 0.0)
    np.testing.assert_allclose(LAYER.apply(variables, jnp.eye(6)[:, :5] * 1e3)[:, 5:], 1 / 6, rtol=1e-6)


def test_slopes_and_curvatures_of_two_examples_are_those_of_an_exponential() -> None:
    """``o(a) + o(b) = 1 + exp(-t |a - b|)`` of one kernel in one dimension, differentiated twice in reverse mode."""
    layer, t, b = MinibatchDiscrimination(kernels=1, dimension=1), 0.7, 0.2
    variables = {"params": {"tensor": jnp.full((1, 1), t)}}

    def closeness(a: jax.Array) -> jax.Array:
        return jnp.sum(layer.apply(variables, jnp.stack([a, jnp.asarray(b)])[:, None])[:, 1])

    slope = jax.grad(closeness)
    both = jax.jit(jax.vmap(lambda a: (closeness(a), slope(a), jax.grad(slope)(a))), compiler_options=AS_USERS_DO)
    a = np.asarray([-1.5, 0.1, 0.5, 3.0])
    decay = np.exp(-t * np.abs(a - b))
    values, slopes, curvatures = both(jnp.asarray(a, jnp.float32))
    np.testing.assert_allclose(values, 1 + decay, rtol=1e-5)
    np.testing.assert_allclose(slopes, -t * np.sign(a - b) * decay, rtol=1e-5)
    np.testing.assert_allclose(curvatures, t**2 * decay, rtol=1e-5)
    # At the kink, two copies, every derivative is the subgradient zero.
    assert [float(value[0]) for value in both(jnp.full(1, b))] == [2.0, 0.0, 0.0]


class Custom(nn.Module):
    """A user's network with the layer somewhere inside."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return nn.Dense(1)(MinibatchDiscrimination(2, 2)(nn.relu(nn.Dense(3)(x))))[:, 0]


def test_it_mixes_examples_and_a_penalty_refuses_it() -> None:
    assert minibatch_discrimination_mlp((4,)).mixes_examples
    assert from_module(Custom(), jnp.zeros((2, 2))).mixes_examples
    assert not mlp((4,)).mixes_examples
    with pytest.raises(ValueError, match="mixes the examples of a batch"):
        gan(
            losses.minimax(),
            mlp_generator((4,)),
            minibatch_discrimination_mlp((4,)),
            lambda key, n: jnp.zeros((n, 2)),
            updates.alternating(),
            penalty=penalties.r1(),
        )


@pytest.mark.parametrize("option", ["kernels", "dimension"])
def test_bad_sizes_are_one_sentence(option: str) -> None:
    with pytest.raises(ValueError, match=f"{option} is 0"):
        minibatch_discrimination_mlp((4,), **{option: 0})
