"""Players that take a condition: what they look at, and what they leave alone."""

from __future__ import annotations

from functools import cache
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gan_jax.models.attention import CrossAttention
from gan_jax.models.conditional import (
    ConditionalNorm,
    conditional_dcgan_generator,
    conditional_mlp_generator,
    guided,
    truncated_normal,
)
from gan_jax.models.conditional_critics import HEADS, conditional_dcgan_critic, conditional_mlp_critic
from gan_jax.models.text import frozen, gru_encoder, label_encoder, sentence
from gan_jax.objectives.penalties import squared_gradient_norms
from gan_jax.training.conditional import given, with_conditions
from gan_jax.typing import ConditionalCritic, ConditionalGenerator
from tests.cases import cases
from tests.compiling import compiled

LABELS = np.array([0, 1, 2, 1])


@cache
def generators() -> dict[str, ConditionalGenerator]:
    encoder = label_encoder(3, width=4)
    return {
        "mlp": compiled(conditional_mlp_generator(encoder, (8,), latent=2)),
        "dcgan": compiled(conditional_dcgan_generator(8, 1, encoder, width=4, latent=2)),
    }


@cache
def critics(head: str) -> dict[str, tuple[ConditionalCritic, tuple[int, ...]]]:
    encoder = label_encoder(3, width=4)
    return {
        "mlp": (compiled(conditional_mlp_critic(encoder, (8,), head=head, classes=3)), (2,)),
        "dcgan": (
            compiled(conditional_dcgan_critic(8, 1, encoder, width=4, head=head, hidden=8, classes=3)),
            (8, 8, 1),
        ),
    }


@pytest.mark.parametrize("kind", ["mlp", "dcgan"])
def test_a_generator_sees_noise_and_condition_example_by_example(kind: str) -> None:
    generator = generators()[kind]
    variables = generator.init(jax.random.key(0), LABELS)
    z = generator.noise(jax.random.key(1), 4)
    embedding = generator.embed(variables, LABELS)
    x = generator.apply(variables, z, embedding)
    alone = generator.apply(variables, np.asarray(z)[1:2], np.asarray(embedding)[1:2])
    np.testing.assert_allclose(np.asarray(alone)[0], np.asarray(x)[1], atol=1e-6)
    other = generator.apply(variables, z, generator.embed(variables, np.roll(LABELS, 1)))
    again = generator.apply(variables, generator.noise(jax.random.key(2), 4), embedding)
    for moved in (other, again):
        assert np.abs(np.asarray(moved) - np.asarray(x))[0].max() > 1e-6


def test_training_moves_the_statistics_and_nothing_else() -> None:
    generator = generators()["dcgan"]
    variables = generator.init(jax.random.key(0), LABELS)
    assert set(variables) == {"params", "batch_stats"}
    assert set(variables["params"]) == {"encoder", "network"}
    x, advanced = generator.train(variables, generator.noise(jax.random.key(1), 4), generator.embed(variables, LABELS))
    assert x.shape == (4, 8, 8, 1)
    chex.assert_trees_all_equal(advanced["params"], variables["params"])
    moved = jax.tree.map(
        lambda a, b: np.any(np.asarray(a) != np.asarray(b)), advanced["batch_stats"], variables["batch_stats"]
    )
    assert any(jax.tree.leaves(moved))


def test_a_conditional_norm_is_its_formula() -> None:
    module = ConditionalNorm(lambda: nn.LayerNorm(use_scale=False, use_bias=False))
    h, e = jax.random.normal(jax.random.key(0), (3, 2, 2, 5)), jax.random.normal(jax.random.key(1), (3, 4))
    variables = jax.jit(module.init)(jax.random.key(2), h, e)
    found = jax.jit(module.apply)(variables, h, e)
    h, e, kernel, bias = map(
        np.asarray, (h, e, *(variables["params"]["modulation"][name] for name in ("kernel", "bias")))
    )
    scale, shift = np.split(e @ kernel + bias[None], 2, axis=1)
    normal = (h - h.mean(-1, keepdims=True)) / np.sqrt(h.var(-1, keepdims=True) + 1e-6)
    expected = (1.0 + scale[:, None, None]) * normal + shift[:, None, None]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.slow
@cases("kind", ["mlp", "dcgan"])
@cases("head", HEADS)
def test_a_discriminator_sees_the_condition_as_its_head_says(head: str, kind: str) -> None:
    critic, event = critics(head)[kind]
    x = jax.random.normal(jax.random.key(0), (4, *event))
    variables = critic.init(jax.random.key(1), x, LABELS)
    features, embedding = critic.features(variables, x), critic.embed(variables, LABELS)
    logits = critic.score(variables, features, embedding)
    assert logits.shape == (4,)
    other = critic.score(variables, features, critic.embed(variables, np.roll(LABELS, 1)))
    changed = float(np.abs(np.asarray(other) - np.asarray(logits))[0])
    assert changed > 1e-6 if head in ("concatenation", "projection") else changed == 0.0
    assert (critic.classify is not None) == (head == "auxiliary")
    if critic.classify is not None:
        assert critic.classify(variables, features).shape == (4, 3)


def test_a_projection_is_linear_in_the_embedding() -> None:
    """Miyato & Koyama 2018, equation 3: the part of the condition is an inner product."""
    critic, event = critics("projection")["mlp"]
    x = jax.random.normal(jax.random.key(0), (4, *event))
    variables = critic.init(jax.random.key(1), x, LABELS)
    features = critic.features(variables, x)
    at = lambda e: np.asarray(critic.score(variables, features, e))  # noqa: E731
    a, b = np.random.default_rng(2).normal(size=(2, 4, 4)).astype(np.float32)
    nothing = at(np.zeros((4, 4), np.float32))
    np.testing.assert_allclose(at(2.0 * a - b) - nothing, 2.0 * (at(a) - nothing) - (at(b) - nothing), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS)
def test_a_penalty_takes_the_gradient_of_each_pair(head: str) -> None:
    """In one pass, and example by example with its own condition: the same norms."""
    critic, event = critics(head)["dcgan"]
    x = jax.random.normal(jax.random.key(0), (4, *event))
    variables = critic.init(jax.random.key(1), x, LABELS)
    together = jax.jit(lambda x: squared_gradient_norms(given(critic, variables, LABELS), x))(x)

    def alone(example: jax.Array, label: jax.Array) -> jax.Array:
        e = critic.embed(variables, label[None])
        gradient = jax.grad(lambda one: critic.score(variables, critic.features(variables, one[None]), e)[0])(example)
        return jnp.sum(gradient**2)

    one_by_one = jax.jit(lambda x: jax.lax.map(lambda pair: alone(*pair), (x, jnp.asarray(LABELS))))(x)
    np.testing.assert_allclose(together, one_by_one, rtol=1e-4)


@pytest.mark.slow
def test_a_frozen_encoder_keeps_its_place_in_a_player() -> None:
    encoder = compiled(gru_encoder(9, width=4))
    tokens = np.array([[2, 3, 0], [4, 5, 6]])
    kept = encoder.init(jax.random.key(0), tokens)
    generator = compiled(conditional_mlp_generator(sentence(frozen(encoder, kept)), (4,)))
    variables = generator.init(jax.random.key(1), tokens)
    assert set(variables) == {"params", "frozen"}
    assert variables["params"]["encoder"] == {}
    z = generator.noise(jax.random.key(2), 2)
    _, after = generator.train(variables, z, generator.embed(variables, tokens))
    chex.assert_trees_all_equal(after["frozen"], kept["params"])
    np.testing.assert_array_equal(generator.embed(variables, tokens), encoder.apply(kept, tokens).sentence)


@pytest.mark.slow
def test_pixels_look_at_words_and_not_at_padding() -> None:
    """At birth the layer is the identity; with other weights every word counts, and what stands at padding does not."""
    tokens = np.array([[2, 3, 4, 0, 0], [5, 6, 0, 0, 0]])
    encoder = compiled(gru_encoder(9, width=8))
    caption = encoder.apply(encoder.init(jax.random.key(0), tokens), tokens)
    h = jax.random.normal(jax.random.key(1), (2, 3, 3, 8))
    layer = CrossAttention(heads=2)
    variables = jax.jit(layer.init)(jax.random.key(2), h, caption)
    apply = jax.jit(layer.apply)
    np.testing.assert_array_equal(apply(variables, h, caption), h)
    rng = np.random.default_rng(3)
    awake = jax.tree.map(
        lambda leaf: leaf + np.float32(0.3) * rng.normal(size=leaf.shape).astype(np.float32), variables
    )
    looked = np.asarray(apply(awake, h, caption))

    def at(word: int) -> np.ndarray:
        states = np.array(caption.states)
        states[0, word] += 5.0
        return np.asarray(apply(awake, h, caption._replace(states=states)))

    np.testing.assert_allclose(at(3), looked, atol=1e-6)
    assert np.abs(at(2) - looked)[0].min() > 0.0


@pytest.mark.slow
def test_a_generator_may_attend() -> None:
    tokens = np.array([[2, 3, 4, 0], [5, 6, 0, 0]])
    encoder = gru_encoder(9, width=8)
    generator = conditional_dcgan_generator(16, 3, encoder, width=4, latent=3, attend=True)
    variables = jax.jit(lambda key: generator.init(key, tokens))(jax.random.key(0))
    z = generator.noise(jax.random.key(1), 2)
    trained = jax.eval_shape(generator.train, variables, z, jax.eval_shape(generator.embed, variables, tokens))
    assert trained[0].shape == (2, 16, 16, 3)

    def loss(params: Any) -> jax.Array:
        own = {**variables, "params": params}
        return jnp.sum(generator.apply(own, z, generator.embed(own, tokens)) ** 2)

    gradient = jax.jit(jax.grad(loss))(variables["params"])
    assert any(bool(jnp.any(leaf)) for leaf in jax.tree.leaves(gradient["network"]["CrossAttention_0"]))


def test_the_law_over_all_conditions_is_a_generator() -> None:
    own = generators()["mlp"]
    over_all = with_conditions(own, lambda key, n: jax.random.randint(key, (n,), 0, 3))
    variables = over_all.init(jax.random.key(0))
    z, labels = over_all.noise(jax.random.key(1), 5)
    assert labels.shape == (5,)
    np.testing.assert_array_equal(
        over_all.apply(variables, (z, labels)), own.apply(variables, z, own.embed(variables, labels))
    )


def test_guidance_moves_along_the_line_through_the_centre() -> None:
    e, centre = jnp.array([[1.0, 2.0], [3.0, -1.0]]), jnp.array([0.5, 0.5])
    np.testing.assert_allclose(guided(e, centre, 1.0), e)
    np.testing.assert_allclose(guided(e, centre, 0.0), jnp.broadcast_to(centre, (2, 2)))
    np.testing.assert_allclose(guided(e, centre, 2.0), [[1.5, 3.5], [5.5, -2.5]])


def test_truncated_noise_stays_inside() -> None:
    z = truncated_normal(jax.random.key(0), 1000, 3, 0.7)
    assert float(jnp.abs(z).max()) <= 0.7
    with pytest.raises(ValueError, match="threshold is 0"):
        truncated_normal(jax.random.key(0), 1, 1, 0.0)


def test_wrong_players_are_named() -> None:
    encoder = label_encoder(3)
    with pytest.raises(ValueError, match="did you mean 'projection'"):
        conditional_mlp_critic(encoder, head="projecting")
    with pytest.raises(ValueError, match="classes is 0"):
        conditional_mlp_critic(encoder, head="auxiliary")
    with pytest.raises(ValueError, match="size is 24"):
        conditional_dcgan_generator(24, 3, encoder)
