"""An objective or a penalty by its number: the same values and gradients as the one itself."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.objectives import losses, penalties
from gan_jax.objectives.choice import switch_objective, switch_penalty
from tests.cases import cases

NAMES = ("minimax", "non_saturating", "least_squares", "hinge", "wasserstein")


@pytest.mark.slow
@cases("field", ["discriminator_loss", "generator_loss", "divergence"])
@cases("number", range(len(NAMES)))
def test_chosen_objective_is_the_objective(field: str, number: int) -> None:
    objectives = [losses.OBJECTIVES[name]() for name in NAMES]
    real, fake = 2.0 * jax.random.normal(jax.random.key(0), (2, 16))

    def value(objective: losses.Objective, logits: jax.Array) -> jax.Array:
        return jnp.mean(getattr(objective, field)(logits, fake))

    chosen = jax.jit(jax.value_and_grad(lambda logits, index: value(switch_objective(objectives, index), logits)))
    expected = jax.value_and_grad(lambda logits: value(objectives[number], logits))(real)
    for mine, plain in zip(chosen(real, number), expected, strict=True):
        np.testing.assert_allclose(mine, plain, rtol=1e-6, atol=1e-7)


def test_members_of_one_map_differ_in_their_objective() -> None:
    objectives = [losses.OBJECTIVES[name]() for name in NAMES]
    real, fake = jax.random.normal(jax.random.key(1), (2, 16))
    loss = lambda index: jnp.mean(switch_objective(objectives, index).discriminator_loss(real, fake))  # noqa: E731
    expected = [jnp.mean(objective.discriminator_loss(real, fake)) for objective in objectives]
    for mapped in (jax.vmap(loss), lambda indices: jax.lax.map(loss, indices)):
        np.testing.assert_allclose(mapped(jnp.arange(len(NAMES))), jnp.stack(expected), rtol=1e-6)


def test_what_cannot_be_traced_is_what_all_agree_on() -> None:
    @jax.jit
    def traced(index: jax.Array) -> None:
        agreeing = switch_objective([losses.minimax(), losses.non_saturating()], index)
        assert (agreeing.unit, agreeing.saturation, agreeing.separable) == ("nats", math.log(2.0), True)
        various = switch_objective([losses.minimax(), losses.wasserstein(), losses.relativistic()], index)
        assert (various.unit, various.scales_with_data, various.separable) == ("various", False, False)
        assert math.isnan(various.saturation)

    traced(0)


@pytest.mark.parametrize(("index", "number"), [(1, 1), (jnp.int32(0), 0), (7, 1), (-1, 0)])
def test_what_is_known_is_chosen_at_once(index: int | jax.Array, number: int) -> None:
    objectives, kinds = [losses.minimax(), losses.wasserstein()], [None, penalties.r1()]
    assert switch_objective(objectives, index) is objectives[number]
    assert switch_penalty(kinds, index) is kinds[number]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_chosen_penalty_is_the_penalty(number: int) -> None:
    candidates = [None, penalties.gradient_penalty(), penalties.r1()]
    real, fake = jax.random.normal(jax.random.key(2), (2, 8, 3))

    def critic(x: jax.Array) -> jax.Array:
        return jnp.sum(jnp.sin(x))

    key = jax.random.key(3)
    mine = jax.jit(lambda index: switch_penalty(candidates, index)(critic, real, fake, key))(number)
    plain = candidates[number]
    expected = np.zeros(8) if plain is None else plain(critic, real, fake, jax.random.key(3))
    np.testing.assert_allclose(mine, expected, rtol=1e-6)


def test_nothing_to_choose_from_is_an_error() -> None:
    with pytest.raises(ValueError, match="objectives is empty"):
        switch_objective([], 0)
    with pytest.raises(ValueError, match="penalties is empty"):
        switch_penalty([], 0)
    with pytest.raises(ValueError, match=r"index is 0.7; expected an integer"):
        switch_objective([losses.minimax()], 0.7)
