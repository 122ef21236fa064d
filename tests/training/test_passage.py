"""First passage: counted as a plain loop counts it, censored where it does not happen."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.models import players
from gan_jax.training import game, passage
from gan_jax.training.state import GameState
from gan_jax.typing import Array

HALVING = game.direct(
    # Gradient x: with the rate ½ every step halves the distance to zero.
    lambda key, fake, real: 0.5 * jnp.sum(jnp.square(fake)),
    players.particles(lambda key: jnp.ones((1, 1))),
    lambda key, batch, /, **_: jnp.zeros((batch, 1)),
    batch_size=1,
    generator_optimizer=optax.sgd,
    generator_rate=0.5,
)


def below(level: float | Array) -> passage.Reached:
    return lambda state: state.generator.variables["params"]["x"][0, 0] < level


@pytest.mark.parametrize(
    ("level", "steps", "reached"), [(2.0, 0, True), (0.3, 2, True), (1e-9, 10, False), (2**-9.5, 10, True)]
)
def test_counts_the_steps(level: float, steps: int, reached: bool) -> None:
    found = jax.jit(lambda s: passage.first_passage(HALVING, s, below(level), at_most=10))(
        HALVING.init(jax.random.key(0))
    )
    assert int(found.steps) == steps
    assert bool(found.reached) == reached
    assert int(found.state.step) == steps
    np.testing.assert_allclose(found.state.generator.variables["params"]["x"], 0.5**steps)


def test_members_together_count_as_apart() -> None:
    state = HALVING.init(jax.random.key(0))

    def count(level: Array) -> tuple[Array, Array]:
        found = passage.first_passage(HALVING, state, below(level), at_most=5)
        return found.steps, found.reached

    levels = jnp.asarray([2.0, 0.3, 1e-9])
    together = jax.vmap(count)(levels)
    np.testing.assert_array_equal(together[0], [0, 2, 5])
    np.testing.assert_array_equal(together[1], [True, True, False])


def test_zero_steps_are_refused() -> None:
    state: GameState = HALVING.init(jax.random.key(0))
    with pytest.raises(ValueError, match="at_most is 0; expected"):
        passage.first_passage(HALVING, state, below(0.5), at_most=0)
