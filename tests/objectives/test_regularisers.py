"""Regularisers of the generator: their formulas, their gradients where all samples coincide, and that every update rule descends them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.models import players
from gan_jax.objectives import losses
from gan_jax.objectives.regularisers import mode_seeking
from gan_jax.training import game, updates
from gan_jax.typing import Array
from tests.cases import cases

# What is looked at is the generator's loss; that the value is no distance is known.
pytestmark = pytest.mark.filterwarnings("ignore:the objective wasserstein is in units of the data and nothing holds")


def test_mode_seeking_of_a_multiple_is_known() -> None:
    """``G(z) = a z`` has ``r = |a|``: the value is ``1 / (|a| + ε)`` and its derivative ``-sign(a) / (|a| + ε)²``."""
    z = jax.random.normal(jax.random.key(0), (64, 3))
    value = jax.value_and_grad(lambda a: mode_seeking(epsilon=0.1)(z, a * z))
    for a in (2.0, -0.5):
        found, slope = value(jnp.asarray(a))
        np.testing.assert_allclose(found, 1 / (abs(a) + 0.1), rtol=1e-5)
        np.testing.assert_allclose(slope, -np.sign(a) / (abs(a) + 0.1) ** 2, rtol=1e-4)


@pytest.mark.parametrize("n", [2, 8, 9])
def test_mode_seeking_is_its_formula_recomputed(n: int) -> None:
    rng = np.random.default_rng(n)
    first, second, fake = rng.normal(size=(n, 2)), rng.normal(size=(n, 1, 4)), rng.normal(size=(n, 3, 3, 1))
    half = n // 2
    z = np.concatenate([first, second.reshape(n, -1)], axis=1)
    ratio = np.abs(fake[:half] - fake[half : 2 * half]).mean() / np.abs(z[:half] - z[half : 2 * half]).mean()
    noise = (jnp.asarray(first, jnp.float32), jnp.asarray(second, jnp.float32))
    found = mode_seeking()(noise, jnp.asarray(fake, jnp.float32))
    assert found.shape == ()
    np.testing.assert_allclose(found, 1 / (ratio + 1e-5), rtol=1e-5)


@pytest.mark.slow
def test_where_samples_coincide_they_have_no_direction_to_move_in() -> None:
    z = jax.random.normal(jax.random.key(0), (8, 2))
    value, slope = jax.value_and_grad(mode_seeking(), argnums=1)(z, jnp.full((8, 2), 0.3))
    np.testing.assert_allclose(value, 1e5, rtol=1e-6)
    np.testing.assert_array_equal(slope, 0.0)
    # One pair of four coincides: it stays, and the others move apart.
    fake = jax.random.normal(jax.random.key(1), (8, 2))
    slope = jax.grad(mode_seeking(), argnums=1)(z, fake.at[4].set(fake[0]))
    np.testing.assert_array_equal(slope[jnp.asarray([0, 4])], 0.0)
    np.testing.assert_array_equal(jnp.sign(slope[1:4]), -jnp.sign(fake[1:4] - fake[5:]))


@pytest.mark.slow
@cases("rule", updates.UPDATES)
def test_every_rule_descends_it(rule: str) -> None:
    """A discriminator that is zero and stays so leaves the regulariser alone: here the mean of ``2 b``, whose gradient is 2."""
    update = updates.consensus(0.0) if rule == "consensus" else updates.UPDATES[rule]()

    def twice_the_shift(noise: Any, fake: Array) -> Array:
        return 2.0 * jnp.mean(fake - noise)

    made = game.gan(
        losses.wasserstein(),
        players.affine(),
        players.linear(),
        lambda key, n: jax.random.normal(key, (n, 1)),
        update,
        batch_size=4,
        discriminator_steps=2,
        generator_optimizer=optax.sgd,
        discriminator_optimizer=optax.sgd,
        regulariser=twice_the_shift,
    )
    assert made.hyperparameters["regulariser_weight"] == 1.0
    state = jax.jit(made.init)(jax.random.key(0), generator_rate=0.1, discriminator_rate=0.0, regulariser_weight=3.0)
    after, info = jax.jit(made.step)(state)
    np.testing.assert_allclose(after.generator.variables["params"]["shift"], -0.1 * 3.0 * 2.0, rtol=1e-5)
    # What is reported is the loss without it; its gradient is the whole one.
    assert float(info.generator_loss) == 0.0
    assert float(info.generator_gradient) >= 6.0


def test_the_weight_is_there_only_with_a_regulariser() -> None:
    plain = game.gan(
        losses.wasserstein(),
        players.affine(),
        players.linear(),
        lambda key, n: jnp.zeros((n, 1)),
        updates.alternating(),
    )
    with pytest.raises(ValueError, match="unknown hyperparameter 'regulariser_weight'"):
        plain.init(jax.random.key(0), regulariser_weight=1.0)


def test_bad_requests_are_one_sentence() -> None:
    with pytest.raises(ValueError, match="epsilon is 0"):
        mode_seeking(epsilon=0.0)
    with pytest.raises(ValueError, match=r"fake has shape \(1, 2\); expected at least two samples"):
        mode_seeking()(jnp.zeros((1, 2)), jnp.zeros((1, 2)))
