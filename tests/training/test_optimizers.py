"""What learning rates do over a game."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
import optax

from gan_jax.training import optimizers


def test_a_rate_stays_for_its_share_of_the_updates_and_falls_linearly_to_its_end() -> None:
    schedule = optimizers.linear_decay(10, constant=0.2, end=0.01)(jnp.asarray(0.5))
    expected = [0.5, 0.5, *(0.5 * (1.0 - 0.99 * k / 8) for k in range(9)), 0.005]
    np.testing.assert_allclose([schedule(step) for step in range(12)], expected, rtol=1e-6)


def test_a_share_of_the_updates_is_counted_as_in_whole_numbers() -> None:
    """``steps // 5`` for a fifth, whatever the rounding of .2."""
    for steps in (5, 10, 35, 45, 70, 1000, 12_345):
        for tenths in (1, 2, 3, 7):
            schedule = optimizers.linear_decay(steps, constant=tenths / 10)(1.0)
            begin = steps * tenths // 10
            assert float(schedule(begin)) == 1.0, (steps, tenths)
            assert float(schedule(begin + 1)) < 1.0, (steps, tenths)


def test_a_cosine_is_half_of_one() -> None:
    schedule = optimizers.cosine_decay(8)(jnp.asarray(2.0))
    np.testing.assert_allclose(
        [schedule(step) for step in range(9)], [1.0 + math.cos(math.pi * step / 8) for step in range(9)], atol=1e-6
    )


def test_adam_follows_its_schedule() -> None:
    """Of a gradient that never changes every step of Adam is the rate, against the gradient's sign."""
    optimizer = optimizers.adam(schedule=optimizers.linear_decay(4))(jnp.asarray(0.1))
    state, moves = optimizer.init(jnp.asarray(3.0)), []
    for _ in range(5):
        move, state = optimizer.update(jnp.asarray(2.0), state)
        moves.append(float(move))
    np.testing.assert_allclose(moves, [-0.1, -0.075, -0.05, -0.025, 0.0], rtol=1e-5)
    assert isinstance(optimizer, optax.GradientTransformation)


def test_players_who_learn_alike_are_one_and_the_same() -> None:
    adam = optimizers.adam()
    players = optimizers.alike(adam, 1e-3)
    assert players["generator_optimizer"] is players["discriminator_optimizer"] is adam
    assert players["generator_rate"] == players["discriminator_rate"] == 1e-3
    assert len(players) == 4
