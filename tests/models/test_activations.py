"""Gradients layer by layer against the chain rule written out."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models.activations import activation_gradients
from gan_jax.models.lipschitz import orthonormal_mlp, spectral_norm_mlp
from gan_jax.models.mlp import mlp

KEY = jax.random.key(1)
X = jnp.asarray(np.random.default_rng(0).normal(size=(5, 2)), jnp.float32)


def test_equals_the_chain_rule() -> None:
    critic = mlp((4, 3))
    variables = jax.jit(critic.init)(KEY, X)
    found = jax.jit(lambda: activation_gradients(lambda: jnp.sum(critic.apply(variables, X))))()
    assert list(found) == ["Dense_0", "Dense_1", "Dense_2"]
    kernels = [np.asarray(variables["params"][name]["kernel"]) for name in found]
    first = np.asarray(X) @ kernels[0]
    second = np.maximum(first, 0) @ kernels[1]
    last = np.ones((5, 1)) @ kernels[2].T
    middle = (last * (second > 0)) @ kernels[1].T
    inputs = (middle * (first > 0)) @ kernels[0].T
    for name, expected in zip(found, (inputs, middle, last), strict=True):
        np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("make", [orthonormal_mlp, spectral_norm_mlp])
def test_the_first_is_the_gradient_of_the_input(make) -> None:
    critic = make((4, 4))
    variables = jax.jit(critic.init)(KEY, X)
    found, expected = jax.jit(
        lambda x: (
            activation_gradients(lambda: jnp.sum(critic.apply(variables, x))),
            jax.grad(lambda x: jnp.sum(critic.apply(variables, x)))(x),
        )
    )(X)
    np.testing.assert_allclose(found["Dense_0"], expected, rtol=1e-5, atol=1e-7)


def test_no_dense_layer() -> None:
    with pytest.raises(ValueError, match=r"loss ran no nn\.Dense layer"):
        activation_gradients(lambda: jnp.sum(X))


def test_a_layer_that_is_called_twice() -> None:
    critic = mlp((4,))
    variables = jax.jit(critic.init)(KEY, X)
    with pytest.raises(ValueError, match="Dense_0 is called twice"):
        activation_gradients(lambda: jnp.sum(critic.apply(variables, X) + critic.apply(variables, X)))
