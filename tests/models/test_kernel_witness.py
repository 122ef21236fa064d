"""The witness in the unit ball: its best value is the MMD over the span of its landmarks, and training gets there."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.models import players

LANDMARKS = jnp.linspace(-3.0, 3.0, 7)[:, None]
WITNESS = players.kernel_witness(LANDMARKS, bandwidth=1.0)


def gram(x: jax.Array, y: jax.Array) -> np.ndarray:
    return np.exp(-0.5 * np.square(np.asarray(x, float) - np.asarray(y, float).T))


def two_samples() -> tuple[jax.Array, jax.Array]:
    real_key, fake_key = jax.random.split(jax.random.key(0))
    return jax.random.normal(real_key, (64, 1)), 1.0 + 0.5 * jax.random.normal(fake_key, (64, 1))


def value(params: dict[str, jax.Array]) -> jax.Array:
    real, fake = two_samples()
    variables = {"params": params}
    return jnp.mean(WITNESS.apply(variables, real)) - jnp.mean(WITNESS.apply(variables, fake))


def best() -> tuple[np.ndarray, float]:
    """``α* = K⁻¹ v / √(vᵀ K⁻¹ v)`` and its value ``√(vᵀ K⁻¹ v)``, ``v_j = E_p k(·, c_j) - E_q k(·, c_j)``."""
    real, fake = two_samples()
    difference = gram(real, LANDMARKS).mean(axis=0) - gram(fake, LANDMARKS).mean(axis=0)
    solved = np.linalg.solve(gram(LANDMARKS, LANDMARKS), difference)
    size = float(np.sqrt(difference @ solved))
    return solved / size, size


@pytest.mark.parametrize("unit", [1e-25, 1e25])
def test_a_bandwidth_goes_with_the_unit_of_the_data(unit: float) -> None:
    real, _ = two_samples()
    variables = {"params": {"alpha": jnp.linspace(-0.1, 0.2, 7)}}
    found = players.kernel_witness(unit * LANDMARKS, bandwidth=unit).apply(variables, unit * real)
    np.testing.assert_allclose(found, gram(real, LANDMARKS) @ np.linspace(-0.1, 0.2, 7), rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_gradient_vanishes_at_the_best_witness_on_the_sphere() -> None:
    alpha, size = best()
    found, gradients = jax.value_and_grad(value)({"alpha": jnp.asarray(alpha, jnp.float32)})
    np.testing.assert_allclose(found, size, rtol=1e-5)
    # α is of size 1 to 10 here, and v of size 0.1: what is left is float32's rounding.
    np.testing.assert_allclose(gradients["alpha"], 0.0, atol=1e-5)


@pytest.mark.slow
def test_adam_reaches_the_mmd() -> None:
    optimizer = optax.adam(3e-2)
    params = {"alpha": jnp.zeros(len(LANDMARKS))}

    def step(carry: tuple[dict[str, jax.Array], optax.OptState], _: None) -> tuple[tuple[object, object], None]:
        params, state = carry
        updates, state = optimizer.update(jax.grad(lambda p: -value(p))(params), state, params)
        moved = WITNESS.constrain({"params": optax.apply_updates(params, updates)})["params"]
        return (moved, state), None

    (params, _), _ = jax.jit(lambda: jax.lax.scan(step, (params, optimizer.init(params)), length=3000))()
    np.testing.assert_allclose(value(params), best()[1], rtol=1e-2)


def test_inside_the_ball_it_is_left_as_it_is_and_outside_it_is_scaled() -> None:
    x = jnp.linspace(-2.0, 2.0, 5)[:, None]
    small, large = ({"params": {"alpha": size * jnp.ones(len(LANDMARKS))}} for size in (0.05, 5.0))
    np.testing.assert_allclose(WITNESS.apply(small, x), 0.05 * gram(x, LANDMARKS).sum(axis=1), rtol=1e-5)
    np.testing.assert_array_equal(WITNESS.constrain(small)["params"]["alpha"], small["params"]["alpha"])
    constrained = np.asarray(WITNESS.constrain(large)["params"]["alpha"], float)
    np.testing.assert_allclose(constrained @ gram(LANDMARKS, LANDMARKS) @ constrained, 1.0, rtol=1e-5)
    np.testing.assert_allclose(WITNESS.apply(large, x), WITNESS.apply(WITNESS.constrain(large), x), rtol=1e-5)
    np.testing.assert_allclose(WITNESS.lipschitz_bound(large), 1.0, rtol=1e-6)


@pytest.mark.parametrize("shape", [(0, 2), (3, 0), ()])
def test_landmarks_that_are_none_are_one_sentence(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="landmarks has shape"):
        players.kernel_witness(np.zeros(shape))
