"""Packing: a pack is m samples side by side, and the game of packs is the game of the product laws."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from gan_jax.divergences import exact
from gan_jax.models import players
from gan_jax.models.generators import mlp_generator
from gan_jax.models.mlp import mlp
from gan_jax.objectives import losses
from gan_jax.training import updates
from gan_jax.training.game import gan
from gan_jax.training.packing import pack, packed
from gan_jax.typing import Array, Critic, PRNGKey, Variables
from tests.cases import cases
from tests.training.compilations import once


def data(key: PRNGKey, batch: int) -> Array:
    return jax.random.normal(key, (batch, 2))


@pytest.mark.slow
@cases("event", [(2,), (3, 2, 2)], ids=str)
@cases("size", [1, 2, 3])
def test_a_pack_is_its_samples_side_by_side(event: tuple[int, ...], size: int) -> None:
    x = np.arange(4.0 * size * np.prod(event), dtype=np.float32).reshape(4 * size, *event)
    by_hand = np.stack([np.concatenate(list(x[i * size : (i + 1) * size]), axis=-1) for i in range(4)])
    np.testing.assert_array_equal(pack(jnp.asarray(x), size), by_hand)


@pytest.mark.slow
def test_packs_are_made_of_the_samples_of_both_laws() -> None:
    generator = mlp_generator((4,), latent=3)
    both = packed(generator, data, 3)
    variables = generator.init(jax.random.key(0))
    key = jax.random.key(1)
    z, singles = both.generator.noise(key, 5), generator.noise(jax.random.clone(key), 15)
    assert z.shape == (5, 3, 3)
    made = both.generator.apply(variables, z)
    np.testing.assert_array_equal(made, pack(generator.apply(variables, singles), 3))
    np.testing.assert_allclose(both.generator.train(variables, z)[0], made, rtol=1e-6)
    key = jax.random.key(2)
    np.testing.assert_array_equal(both.data(key, 5), pack(data(jax.random.clone(key), 15), 3))


def test_packs_of_one_are_the_plain_game() -> None:
    """Not the same numbers: the same functions."""
    generator = mlp_generator((4,))
    both = packed(generator, data, 1)
    assert both.generator is generator
    assert both.data is data


@pytest.mark.slow
def test_each_part_has_statistics_of_its_own() -> None:
    generator = mlp_generator((4,), batch_norm=True)
    both = packed(generator, data, 3).generator
    variables = generator.init(jax.random.key(0))
    z = both.noise(jax.random.key(1), 6)
    made, advanced = both.train(variables, z)
    parts = [generator.train(variables, z[:, part]) for part in range(3)]
    np.testing.assert_allclose(made, jnp.concatenate([samples for samples, _ in parts], axis=1), rtol=1e-5, atol=1e-6)
    means = jax.tree.map(lambda *leaves: np.mean(leaves, axis=0), *[after["batch_stats"] for _, after in parts])
    chex.assert_trees_all_close(advanced["batch_stats"], means, rtol=1e-5)
    chex.assert_trees_all_equal(advanced["params"], variables["params"])


def summed(critic: Critic, size: int) -> Critic:
    """The discriminator of packs whose logit is the sum of the logits of their samples."""

    def apply(variables: Variables, x: Array) -> Array:
        samples = x.reshape(x.shape[0] * size, -1)
        return jnp.sum(critic.apply(variables, samples).reshape(-1, size), axis=1)

    return critic._replace(apply=apply)


def test_what_a_sum_says_of_packs_is_what_its_terms_say_of_samples() -> None:
    """``E D(x_1 … x_m) = m E f(x)`` for ``D = Σ f(x_i)``: the generator's gradient through packs is m times that through samples."""
    generator, judge = mlp_generator((4,)), mlp((4,))
    both = packed(generator, data, 3)
    variables = generator.init(jax.random.key(0))
    opinion = judge.init(jax.random.key(1), jnp.zeros((1, 2)))
    z = both.generator.noise(jax.random.key(2), 8)

    def through_packs(params: Variables) -> Array:
        made, _ = both.generator.train({"params": params}, z)
        return jnp.mean(summed(judge, 3).apply(opinion, made))

    def through_samples(params: Variables) -> Array:
        return jnp.mean(judge.apply(opinion, generator.apply({"params": params}, z.reshape(24, 2))))

    found, expected = jax.jit(lambda params: (jax.grad(through_packs)(params), jax.grad(through_samples)(params)))(
        variables["params"]
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, 3 * b, rtol=1e-4, atol=1e-6), found, expected)


@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 4])
def test_the_best_discriminator_of_packs_says_the_divergence_of_the_product_laws(size: int) -> None:
    """The log-ratio of a product is the sum of those of its factors.

    The product of m pairs of Gaussians at distance δ has the divergence of one pair at distance √m δ.
    """
    delta, n = 0.8, 40_000
    p_key, q_key = jax.random.split(jax.random.key(size))
    x = pack(jax.random.normal(p_key, (n * size, 1)), size)
    y = pack(delta + jax.random.normal(q_key, (n * size, 1)), size)
    # log p - log q of N(0, 1) and N(δ, 1).
    log_ratio = lambda packs: jnp.sum(delta * (delta / 2 - packs), axis=1)  # noqa: E731
    found = losses.minimax().divergence(log_ratio(x), log_ratio(y))
    expected = exact.jensen_shannon(dist.Normal(0.0, 1.0), dist.Normal(delta * np.sqrt(size), 1.0))
    terms = [np.asarray(jax.nn.softplus(-log_ratio(x))), np.asarray(jax.nn.softplus(log_ratio(y)))]
    error = 0.5 * np.sqrt(sum(term.var() / n for term in terms))
    assert abs(float(found - expected)) < 4 * error
    # Packing tells the laws apart better than one sample does.
    assert float(expected) > 1.5 * float(exact.jensen_shannon(dist.Normal(0.0, 1.0), dist.Normal(delta, 1.0)))


@pytest.mark.slow
def test_a_packed_game_is_sampled_as_the_plain_one() -> None:
    generator = players.affine((2,))
    both = packed(generator, data, 2)
    made = gan(losses.non_saturating(), both.generator, mlp((4,)), both.data, updates.simultaneous(), batch_size=8)
    # One program for all steps: the state that comes out is of the type that goes in.
    step = once(made.step)
    state, info = step(jax.jit(made.init)(jax.random.key(0)))
    state, info = step(state)
    assert state.discriminator.variables["params"]["Dense_0"]["kernel"].shape == (4, 4)
    samples = generator.apply(state.generator.variables, generator.noise(jax.random.key(1), 3))
    assert samples.shape == (3, 2)
    chex.assert_tree_all_finite(info)


def test_bad_sizes_are_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"x has shape \(5, 2\); expected \[n \* 2, ..., c\]"):
        pack(jnp.zeros((5, 2)), 2)
    with pytest.raises(ValueError, match="size is 0"):
        packed(mlp_generator((4,)), data, 0)
