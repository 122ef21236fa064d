"""Encoders: padding never changes what comes out, order and words do, and labels out of range are no zero rows."""

from __future__ import annotations

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.models.text import (
    ENCODERS,
    Encoder,
    Encoding,
    frozen,
    gru_encoder,
    label_encoder,
    sentence,
    transformer_encoder,
    waves,
)
from tests.compiling import compiled

TOKENS, LENGTH, WIDTH = 11, 9, 8
CAPTIONS = np.array([[2, 3, 4, 0, 0], [5, 0, 0, 0, 0], [6, 7, 8, 9, 10]], np.int32)


@cache
def made(name: str) -> tuple[Encoder, dict[str, object]]:
    encoder = compiled(ENCODERS[name](TOKENS, LENGTH, WIDTH))
    return encoder, encoder.init(jax.random.key(0), CAPTIONS)


@pytest.fixture(params=ENCODERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.slow
def test_padding_changes_nothing(name: str) -> None:
    """Longer padding, and none at all: the same sentence and the same states."""
    encoder, variables = made(name)
    short = encoder.apply(variables, CAPTIONS)
    long = encoder.apply(variables, np.pad(CAPTIONS, ((0, 0), (0, 4))))
    np.testing.assert_allclose(long.sentence, short.sentence, atol=2e-6)
    np.testing.assert_allclose(np.asarray(long.states)[:, :5], short.states, atol=2e-6)
    np.testing.assert_array_equal(np.asarray(long.states)[:, 5:], 0.0)
    alone = encoder.apply(variables, CAPTIONS[:1, :3])
    np.testing.assert_allclose(np.asarray(alone.sentence)[0], np.asarray(short.sentence)[0], atol=2e-6)
    np.testing.assert_allclose(np.asarray(alone.states)[0], np.asarray(short.states)[0, :3], atol=2e-6)


@pytest.mark.slow
def test_a_permuted_batch_is_permuted(name: str) -> None:
    encoder, variables = made(name)
    order = np.array([2, 0, 1])
    here, there = encoder.apply(variables, CAPTIONS), encoder.apply(variables, CAPTIONS[order])
    for field in Encoding._fields:
        np.testing.assert_allclose(getattr(there, field), np.asarray(getattr(here, field))[order], atol=2e-6)


@pytest.mark.slow
def test_the_order_of_words_counts_and_every_word_does(name: str) -> None:
    encoder, variables = made(name)
    here = np.asarray(encoder.apply(variables, CAPTIONS).sentence)
    turned = np.asarray(encoder.apply(variables, CAPTIONS[:, ::-1]).sentence)
    assert np.abs(turned[2] - here[2]).max() > 1e-3
    for place in range(5):
        changed = CAPTIONS.copy()
        changed[2, place] = 2
        assert np.abs(np.asarray(encoder.apply(variables, changed).sentence)[2] - here[2]).max() > 1e-3


@pytest.mark.slow
def test_a_gradient_reaches_every_parameter(name: str) -> None:
    encoder, variables = made(name)
    seen = np.arange(2, TOKENS, dtype=np.int32).reshape(1, LENGTH)

    def loss(params: dict[str, object]) -> jax.Array:
        encoding = encoder.apply({"params": params}, seen)
        return jnp.sum(jnp.sin(encoding.sentence)) + jnp.sum(jnp.sin(encoding.states))

    for path, leaf in jax.tree_util.tree_leaves_with_path(jax.jit(jax.grad(loss))(variables["params"])):
        # The bias of keys moves all scores of a query alike, and the softmax does not see it.
        if "key']['bias" in jax.tree_util.keystr(path):
            continue
        assert np.abs(leaf).max() > 0.0, jax.tree_util.keystr(path)


def test_a_frozen_encoder_has_nothing_to_train_and_no_gradient() -> None:
    encoder, variables = made("gru")
    still = compiled(sentence(frozen(encoder, variables)))
    own = still.init(jax.random.key(5), CAPTIONS)
    assert set(own) == {"frozen"}
    np.testing.assert_array_equal(still.apply(own, CAPTIONS), encoder.apply(variables, CAPTIONS).sentence)
    gradient = jax.grad(lambda kept: jnp.sum(still.apply({"frozen": kept}, CAPTIONS)))(own["frozen"])
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(gradient))


def test_labels_have_vectors_of_their_own() -> None:
    encoder = label_encoder(4, width=3)
    variables = encoder.init(jax.random.key(0), np.arange(4))
    vectors = np.asarray(encoder.apply(variables, np.array([3, 0, 3, 1])))
    np.testing.assert_array_equal(vectors[0], vectors[2])
    assert len(np.unique(vectors, axis=0)) == 3


@pytest.mark.parametrize("label", [-1, 4, 100])
def test_a_label_out_of_range_is_an_error_and_never_a_row(label: int) -> None:
    encoder = label_encoder(4, width=3)
    variables = encoder.init(jax.random.key(0), np.arange(4))
    with pytest.raises(ValueError, match=f"label is {label}; expected 0 to 3"):
        encoder.apply(variables, np.array([0, label]))
    traced = np.asarray(jax.jit(encoder.apply)(variables, np.array([0, label])))
    assert np.isfinite(traced[0]).all()
    assert np.isnan(traced[1]).all()


def test_wrong_inputs_are_named() -> None:
    variables = made("transformer")[1]
    encoder = ENCODERS["transformer"](TOKENS, LENGTH, WIDTH)
    with pytest.raises(ValueError, match="captions of 10 words; expected at most 9"):
        encoder.apply(variables, np.ones((1, 10), np.int32))
    with pytest.raises(ValueError, match="expected integers"):
        encoder.apply(variables, np.ones((1, 3), np.float32))
    with pytest.raises(ValueError, match=r"labels has shape \(2, 1\)"):
        label_encoder(3).init(jax.random.key(0), np.zeros((2, 1), np.int32))
    with pytest.raises(ValueError, match="width is 7; expected an even one"):
        gru_encoder(TOKENS, width=7)
    with pytest.raises(ValueError, match="heads is 3 and width is 8; expected a divisor"):
        transformer_encoder(TOKENS, LENGTH, width=8, heads=3)
    with pytest.raises(ValueError, match="classes is 0"):
        label_encoder(0)


def test_positions_start_with_neighbours_alike() -> None:
    """⟨p_i, p_j⟩ = Σ_k 2 cos((i − j) ω_k): a function of the distance, which falls."""
    first = np.asarray(waves(jax.random.key(0), (24, 64)))
    assert np.mean(first**2) == pytest.approx(1.0, abs=1e-6)
    gram = first @ first.T
    rates = 24.0 ** (-np.arange(32) / 32)
    expected = 2.0 * np.cos((np.arange(24)[:, None] - np.arange(24)[None])[..., None] * rates).sum(-1)
    np.testing.assert_allclose(gram, expected, atol=1e-3)
    assert gram[0, 0] > gram[0, 1] > gram[0, 2] > gram[0, 3]


@pytest.mark.exhaustive
def test_words_are_bound_to_their_neighbours(name: str) -> None:
    """ "c1 eyes and c2 hair" or "c2 hair and c1 eyes": after a thousand updates, which colour is whose is told."""
    rng = np.random.default_rng(0)
    eyes, hair, first = rng.integers(12, size=(3, 6000))
    # Tokens 0 and 1 are padding and unknown words; then twelve colours, "eyes", "hair", "and".
    one, other = np.stack([2 + eyes, np.full(6000, 14)], 1), np.stack([2 + hair, np.full(6000, 15)], 1)
    swapped = (first < 6)[:, None]
    middle = np.full((6000, 1), 16)
    captions = np.concatenate([np.where(swapped, other, one), middle, np.where(swapped, one, other)], axis=1)
    encoder = sentence(ENCODERS[name](17, 8, 32))
    told = {
        "variables": encoder.init(jax.random.key(0), captions[:1]),
        "head": 0.1 * jax.random.normal(jax.random.key(2), (32, 24)),
    }
    optimizer = optax.adam(2e-3)

    def loss(parameters: Any, rows: Any) -> Any:
        logits = encoder.apply(parameters["variables"], jnp.asarray(captions)[rows]) @ parameters["head"]
        both = ((logits[:, :12], jnp.asarray(eyes)[rows]), (logits[:, 12:], jnp.asarray(hair)[rows]))
        return sum(jnp.mean(optax.softmax_cross_entropy_with_integer_labels(*each)) for each in both)

    def update(carry: Any, key: Any) -> Any:
        parameters, state = carry
        gradient = jax.grad(loss)(parameters, jax.random.randint(key, (64,), 0, 6000))
        steps, state = optimizer.update(gradient, state)
        return (optax.apply_updates(parameters, steps), state), None

    keys = jax.random.split(jax.random.key(1), 1000)
    (told, _), _ = jax.jit(lambda carry: jax.lax.scan(update, carry, keys))((told, optimizer.init(told)))
    logits = np.asarray(encoder.apply(told["variables"], captions) @ told["head"])
    right = (logits[:, :12].argmax(1) == eyes) & (logits[:, 12:].argmax(1) == hair)
    # A bag of words cannot tell which is whose: it is right on half of the pairs of different colours.
    assert right.mean() > 0.9
