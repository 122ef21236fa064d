"""A player by its number: the same samples, logits and constraint as the player itself, and one structure for all of them."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models import players
from gan_jax.models.choice import one_of_critics, one_of_generators
from gan_jax.models.generators import mlp_generator
from gan_jax.models.lipschitz import orthonormal_mlp, spectral_norm_mlp
from gan_jax.models.mlp import mlp
from gan_jax.objectives import losses
from gan_jax.training import game
from gan_jax.training.updates import alternating
from gan_jax.typing import Array, Critic, Generator, PRNGKey
from tests.compiling import compiled


def generators() -> list[Generator]:
    return [
        mlp_generator((4,), latent=2, event_shape=(1,), batch_norm=True),
        players.particles(lambda key: jax.random.normal(key, (8, 1))),
        players.affine(),
        players.quantile_table(5),
    ]


def critics() -> list[Critic]:
    return [mlp((4,)), orthonormal_mlp((4,)), spectral_norm_mlp((4,)), players.fourier_logistic(4)]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(4))
def test_chosen_generator_is_the_generator(number: int) -> None:
    plain = compiled(generators()[number])
    chosen = compiled(one_of_generators(generators(), number))
    variables, noise = chosen.init(jax.random.key(0)), chosen.noise(jax.random.key(1), 6)
    own = {**variables["others"][number], "params": variables["params"][number]}
    # Not to the bit: compiled as a branch, products and sums may be fused, which some processors round once.
    np.testing.assert_allclose(chosen.apply(variables, noise), plain.apply(own, noise[number]), rtol=1e-6, atol=1e-6)
    samples, advanced = chosen.train(variables, noise)
    expected, expected_variables = plain.train(own, noise[number])
    np.testing.assert_allclose(samples, expected, rtol=1e-6)
    own_after = {**advanced["others"][number], "params": advanced["params"][number]}
    chex.assert_trees_all_close(own_after, expected_variables, rtol=1e-6)
    total = lambda params: jnp.sum(chosen.apply({**variables, "params": params}, noise))  # noqa: E731
    gradients = jax.jit(jax.grad(total))(variables["params"])
    moved = [any(np.any(leaf) for leaf in jax.tree.leaves(gradient)) for gradient in gradients]
    assert moved == [i == number for i in range(4)]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(4))
def test_chosen_critic_is_the_critic(number: int) -> None:
    plain, chosen = compiled(critics()[number]), compiled(one_of_critics(critics(), number))
    x = jax.random.normal(jax.random.key(2), (6, 1))
    variables = chosen.init(jax.random.key(3), x)
    # Away from the constraint, so that there is something to constrain.
    variables = {
        **variables,
        "params": jax.tree.map(lambda leaf: np.float32(1.1) * np.asarray(leaf) + np.float32(0.05), variables["params"]),
    }
    own = {**variables["others"][number], "params": variables["params"][number]}
    np.testing.assert_allclose(chosen.apply(variables, x), plain.apply(own, x), rtol=1e-6)
    np.testing.assert_allclose(chosen.lipschitz_bound(variables), plain.lipschitz_bound(own), rtol=1e-6)
    constrained, expected = chosen.constrain(variables), plain.constrain(own)
    for i in range(4):
        after = {**constrained["others"][i], "params": constrained["params"][i]}
        before = {**variables["others"][i], "params": variables["params"][i]}
        chex.assert_trees_all_close(after, expected if i == number else before, rtol=1e-6)


@pytest.mark.slow
def test_game_of_a_chosen_pair_moves_that_pair_alone() -> None:
    def draw(key: PRNGKey, batch: int, /, **_: Array) -> Array:
        return 2.0 + jax.random.normal(key, (batch, 1))

    def play(generator_number: Array, critic_number: Array) -> tuple[game.GameState, game.GameState]:
        played = game.gan(
            losses.non_saturating(),
            one_of_generators(generators(), generator_number),
            one_of_critics(critics(), critic_number),
            draw,
            alternating(),
            batch_size=8,
        )
        start = played.init(jax.random.key(4))
        return start, game.play(played, start, steps=2, records=1)[0]

    start, end = jax.jit(play)(jnp.asarray(2), jnp.asarray(1))
    for side, number in (("generator", 2), ("discriminator", 1)):
        before, after = (getattr(state, side).variables["params"] for state in (start, end))
        same = [
            all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(x), jax.tree.leaves(y), strict=True))
            for x, y in zip(before, after, strict=True)
        ]
        assert same == [i != number for i in range(4)]


def test_one_that_mixes_examples_is_reported() -> None:
    mixing = mlp((4,))._replace(mixes_examples=True)
    assert one_of_critics([mlp((4,)), mixing], 0).mixes_examples
    assert not one_of_critics(critics(), 0).mixes_examples


def test_nobody_to_choose_from_is_an_error() -> None:
    with pytest.raises(ValueError, match="generators is empty"):
        one_of_generators([], 0)
    with pytest.raises(ValueError, match="critics is empty"):
        one_of_critics([], 0)
