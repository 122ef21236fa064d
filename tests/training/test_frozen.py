"""A frozen generator: the gradient it would receive, and a critic that is looked at on a logarithmic axis."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import numerics
from gan_jax.models import players
from gan_jax.models.mlp import mlp
from gan_jax.objectives import losses
from gan_jax.training import critic, frozen
from gan_jax.training.critic import CriticTraining
from gan_jax.typing import Array, PRNGKey


def sample(key: PRNGKey, batch: int) -> Array:
    return jax.random.normal(key, (batch, 1))


def shifted(key: PRNGKey, batch: int) -> Array:
    return 1.0 + jax.random.normal(key, (batch, 1))


def test_gradient_of_an_affine_map_through_a_linear_critic_is_known() -> None:
    """``L = -E ψ (a z + b)``: ``∂L/∂b = -ψ`` and ``∂L/∂a = -ψ mean z``."""
    generator, judge = players.affine(), players.linear(slope=2.0)
    variables = generator.init(jax.random.key(0))
    noise = generator.noise(jax.random.key(1), 24).reshape(4, 6, 1)
    real = jnp.zeros((6, 1))
    found = frozen.generator_gradient(
        losses.wasserstein(), judge, judge.init(jax.random.key(2), real), generator, variables, noise, real
    )
    means = np.asarray(noise, float).mean(axis=(1, 2))
    gradients = -2.0 * np.stack([means, np.ones(4)], axis=1)
    norms = np.linalg.norm(gradients, axis=1)
    np.testing.assert_allclose(found.norm, np.linalg.norm(gradients.mean(axis=0)), rtol=1e-5)
    np.testing.assert_allclose(found.batch_norm, norms.mean(), rtol=1e-5)
    deviation = np.sqrt(np.square(gradients - gradients.mean(axis=0)).sum(axis=1).mean())
    np.testing.assert_allclose(found.standard_deviation, deviation, rtol=1e-4)


def test_a_gradient_that_vanishes_is_as_small_as_it_is() -> None:
    """Under minimax it is ``sigmoid(D) |D'|``: of a discriminator that is sure by 60 nats, 10^-26, whose square no float32 holds."""
    judge, particles = players.linear(slope=2.0), players.particles(lambda key: jnp.full((1, 1), -30.0))
    variables = particles.init(jax.random.key(0))
    real, noise = jnp.zeros((1, 1)), jnp.zeros((3, 1), int)
    critic_variables = judge.init(jax.random.key(0), real)
    found = frozen.generator_gradient(losses.minimax(), judge, critic_variables, particles, variables, noise, real)
    np.testing.assert_allclose([found.norm, found.batch_norm], 2.0 * np.exp(-60.0), rtol=1e-5)
    tree = {"a": jnp.full((3, 2), 1e-30), "b": jnp.full(2, -2e-30)}
    np.testing.assert_allclose(numerics.tree_norm(tree), np.sqrt(14.0) * 1e-30, rtol=1e-6)
    # Of a player that has no parameters, or a layer of none.
    assert float(numerics.tree_norm({})) == float(numerics.tree_norm({"a": jnp.zeros((0, 2))})) == 0.0


def training() -> CriticTraining:
    return CriticTraining(losses.minimax(), optax.adam(1e-2), None, 0.0, 16)


@pytest.mark.slow
def test_watched_training_is_training() -> None:
    """The state after the last look is that of ``critic.fit`` with as many steps, and looks before do not change it."""
    network = mlp((4,))
    fitted, _ = critic.fit(jax.random.key(0), network, training(), sample, shifted, steps=12, records=1)
    watched, seen = frozen.watch(
        jax.random.key(0), network, training(), sample, shifted, at=(0, 1, 5, 12), observe=lambda state: state.step
    )
    np.testing.assert_array_equal(seen, [0, 1, 5, 12])
    chex.assert_trees_all_close(watched, fitted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("at", [(), (-1, 2), (3, 3), (5, 2)])
def test_numbers_of_updates_that_do_not_rise_are_an_error(at: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at is"):
        frozen.watch(jax.random.key(0), mlp((4,)), training(), sample, shifted, at=at, observe=lambda state: state.step)


@pytest.mark.parametrize(("last", "count"), [(4000, 25), (1, 2), (10, 40), (7, 2)])
def test_log_spaced_numbers_rise_from_one_to_the_last(last: int, count: int) -> None:
    numbers = frozen.log_spaced(last, count)
    assert numbers[0] == 1
    assert numbers[-1] == last
    assert all(np.diff(numbers) > 0)
    assert len(numbers) <= count


def test_log_spaced_refuses_what_is_no_range() -> None:
    with pytest.raises(ValueError, match="last is 0"):
        frozen.log_spaced(0, 3)
    with pytest.raises(ValueError, match="count is 1"):
        frozen.log_spaced(10, 1)
