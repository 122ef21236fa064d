"""A learning rate is a number or a schedule, wherever one is taken."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
import optax
import pytest

from gan_jax.estimators.variational import neural_estimator
from gan_jax.models.mlp import mlp
from gan_jax.objectives import costs, losses
from gan_jax.training import game, optimizers, updates
from gan_jax.training.optimizers import Rate
from tests.training.test_rules_and_games import GENERATOR, KINDS, critic, data

RATE = 0.03125
STEPS = 3


def played(made: game.Game, **hyper: float) -> Any:
    """The variables of both players after each of a few steps."""
    state, step = made.init(jax.random.key(0), **hyper), jax.jit(made.step)
    seen = []
    for _ in range(STEPS):
        state, _ = step(state)
        seen.append((state.generator.variables, state.discriminator.variables))
    return seen


def of_kind(kind: str) -> Callable[[Rate], Any]:
    def taker(rate: Rate) -> Any:
        make = KINDS[kind]().make
        return played(make(update=updates.alternating(), batch_size=4, generator_rate=rate, discriminator_rate=rate))

    return taker


def estimate(rate: Rate) -> Any:
    estimator = neural_estimator(losses.minimax(), mlp((4,)), steps=STEPS, batch_size=8, held_out=8, learning_rate=rate)
    return estimator(jax.random.key(0), dist.Normal(0.0, 1.0), dist.Normal(1.0, 1.0))


TAKERS: dict[str, Callable[[Rate], Any]] = {
    **{kind: of_kind(kind) for kind in KINDS},
    "direct": lambda rate: played(game.direct(costs.energy(), GENERATOR, data, batch_size=4, generator_rate=rate)),
    "neural_estimator": estimate,
}
SAME_AS_A_NUMBER = {"neural_estimator": optax.cosine_decay_schedule(RATE, STEPS)}
"""What an estimator makes of a number; a game keeps it."""


OFTEN = ("gan", "neural_estimator")
"""The others hand a rate on in the same way: they are for the slow tier."""


@pytest.mark.parametrize("name", [n if n in OFTEN else pytest.param(n, marks=pytest.mark.slow) for n in TAKERS])
def test_a_schedule_that_is_what_a_number_means_trains_to_the_same_bits(name: str) -> None:
    schedule = SAME_AS_A_NUMBER.get(name, optax.constant_schedule(RATE))
    chex.assert_trees_all_equal(TAKERS[name](schedule), TAKERS[name](RATE))


def test_a_schedule_counts_a_players_own_updates_and_its_hyperparameter_is_a_factor() -> None:
    """Plain descent at the rates 1, 0, 0, …: the generator moves at its first update alone; by half of it where the factor is ½."""
    make = KINDS["gan"]().make
    options = {"update": updates.simultaneous(), "batch_size": 4, "generator_optimizer": optax.sgd}
    first = optax.piecewise_constant_schedule(1.0, {1: 0.0})
    whole, half = (
        played(make(**options, generator_rate=first, discriminator_rate=0.0), generator_rate=factor)
        for factor in (1.0, 0.5)
    )
    start = GENERATOR.init(jax.random.key(0))["params"]
    moves, halves = (jax.tree.map(jnp.subtract, seen[0][0]["params"], start) for seen in (whole, half))
    assert all(float(jnp.abs(leaf)) > 1e-3 for leaf in jax.tree.leaves(moves))
    chex.assert_trees_all_close(halves, jax.tree.map(lambda leaf: 0.5 * leaf, moves), rtol=1e-5)
    chex.assert_trees_all_equal(whole[0], whole[-1])


@pytest.mark.parametrize(
    ("rate", "options", "message"),
    [
        (lambda: 0.1, {}, "expected a function of (count), such as optax.cosine"),
        (lambda count: -0.1, {}, "generator_rate at the first update is -0.1; expected"),
        (optax.constant_schedule(0.1), {"generator_optimizer": optimizers.adam(schedule=optimizers.cosine_decay(9))}, "one of the two"),
    ],
)  # fmt: skip
def test_what_is_no_rate_is_refused(rate: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        game.gan(
            losses.non_saturating(), GENERATOR, critic(), data, updates.alternating(), generator_rate=rate, **options
        )
