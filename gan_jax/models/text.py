"""Conditions as vectors: labels by a table, captions by a recurrent network or a Transformer; padding never changes what comes out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Bool, Float, Integer

from gan_jax import checks
from gan_jax.models.tokenizer import PADDING
from gan_jax.typing import Array, PRNGKey, PyTree, Variables


class Encoding(NamedTuple):
    """A caption, encoded.

    Attributes:
      sentence: one vector for all of it, ``[n, width]``.
      states: one vector for each token, zero at padding, ``[n, length, width]``: what cross-attention looks at.
      mask: where there are words, ``[n, length]``.
    """

    sentence: Float[Array, "n width"]
    states: Float[Array, "n length width"]
    mask: Bool[Array, "n length"]


class Encoder(NamedTuple):
    """A map from conditions to embeddings as two pure functions.

    Attributes:
      init: ``init(key, condition) -> variables``; ``"params"`` is trained, and no other collection is.
      apply: ``apply(variables, condition) -> embedding``, with a leading axis ``[n]``.
    """

    init: Callable[[PRNGKey, PyTree], Variables]
    apply: Callable[[Variables, PyTree], PyTree]


# -------------------------------------------------------------------------------------------------------------------- labels


class LabelTable(nn.Module):
    """A trained vector for every class.

    Attributes:
      classes: how many.
      width: of the vectors.
    """

    classes: int
    width: int

    @nn.compact
    def __call__(self, labels: Integer[Array, " n"]) -> Float[Array, "n width"]:
        """Maps labels ``[n]`` to vectors ``[n, width]``; NaN for a traced label that is out of range."""
        table = self.param("table", nn.initializers.normal(1.0), (self.classes, self.width), jnp.float32)
        # Negative places would be counted from the end: out of range on both sides is filled with NaN.
        return jnp.take(table, jnp.where(labels < 0, self.classes, labels), axis=0, mode="fill")


def label_encoder(classes: int, *, width: int = 32) -> Encoder:
    """Class labels ``[n]``, integers from 0 to ``classes − 1``, as vectors ``[n, width]``, ``N(0, 1)`` at birth.

    Args:
      classes: how many there are.
      width: of the vectors.

    Returns:
      The encoder. A label out of range is a ``ValueError`` where it can be looked at, and NaN inside a compiled program.

    Raises:
      ValueError: ``classes`` or ``width`` below one.
    """
    checks.integer("classes", classes, 1)
    checks.integer("width", width, 1)
    module = LabelTable(classes, width)

    def checked(labels: Array) -> Array:
        check_labels(labels, classes)
        return jnp.asarray(labels)

    return Encoder(
        lambda key, labels: module.init(key, checked(labels)),
        lambda variables, labels: module.apply(variables, checked(labels)),
    )


def check_labels(labels: Array, classes: int) -> None:
    """Raises ``ValueError`` unless labels are integers ``[n]`` and, where they can be looked at, from 0 to ``classes − 1``."""
    if labels.ndim != 1 or not jnp.issubdtype(labels.dtype, jnp.integer):
        raise ValueError(f"labels has shape {labels.shape} and type {labels.dtype}; expected integers [n]")
    if checks.is_concrete(labels):
        values = np.asarray(labels)
        bad = values[(values < 0) | (values >= classes)]
        if bad.size:
            raise ValueError(f"label is {int(bad[0])}; expected 0 to {classes - 1}")


# ------------------------------------------------------------------------------------------------------------------ captions


class RecurrentEncoder(nn.Module):
    """Two recurrent networks, one from the first word on and one from the last back; the sentence is where both end.

    Attributes:
      tokens: how many different ones there are.
      width: of all vectors; half of it from each direction.
      cell: makes a recurrent cell of a width.
      hidden: reads the hidden state off a carry.
    """

    tokens: int
    width: int
    cell: Callable[[int], nn.RNNCellBase]
    hidden: Callable[[PyTree], Array]

    @nn.compact
    def __call__(self, tokens: Integer[Array, "n length"]) -> Encoding:
        """Maps tokens ``[n, length]`` to their encoding."""
        mask = tokens != PADDING
        lengths = jnp.sum(mask, axis=1)
        words = nn.Embed(self.tokens, self.width, embedding_init=nn.initializers.normal(1.0), name="words")(tokens)
        ends, states = [], []
        for reverse in (False, True):
            run = nn.RNN(
                self.cell(self.width // 2),
                return_carry=True,
                reverse=reverse,
                keep_order=True,
                name="backward" if reverse else "forward",
            )
            carry, outputs = run(words, seq_lengths=lengths)
            ends.append(self.hidden(carry))
            states.append(outputs)
        both = jnp.where(mask[:, :, None], jnp.concatenate(states, axis=2), 0.0)
        return Encoding(nn.Dense(self.width, name="sentence")(jnp.concatenate(ends, axis=1)), both, mask)


def gru_encoder(tokens: int, *, width: int = 64) -> Encoder:
    """A bidirectional GRU over words.

    Args:
      tokens: size of the vocabulary.
      width: of the sentence's vector and of the states; even.

    Returns:
      The encoder of tokens ``[n, length]``, any length; it gives an ``Encoding``.

    Raises:
      ValueError: ``tokens`` or ``width`` below one, an odd ``width``; (in use) tokens that are no integers ``[n, length]``.

    Source: Cho et al. 2014, "Learning phrase representations using RNN encoder–decoder", equations 5 to 8.
    """
    return _recurrent(tokens, width, nn.GRUCell, lambda carry: carry)


def lstm_encoder(tokens: int, *, width: int = 64) -> Encoder:
    """A bidirectional LSTM over words; arguments and errors as of ``gru_encoder``.

    Source: Hochreiter & Schmidhuber 1997, "Long short-term memory".
    """
    return _recurrent(tokens, width, nn.OptimizedLSTMCell, lambda carry: carry[1])


def _recurrent(
    tokens: int, width: int, cell: Callable[[int], nn.RNNCellBase], hidden: Callable[[PyTree], Array]
) -> Encoder:
    checks.integer("tokens", tokens, 1)
    checks.integer("width", width, 1)
    if width % 2:
        raise ValueError(f"width is {width}; expected an even one, half of it for each direction")
    return _of_tokens(RecurrentEncoder(tokens, width, cell, hidden))


def waves(key: PRNGKey, shape: tuple[int, int]) -> Array:
    """Sines and cosines of the place, ``[length, width]``, of mean square one and wavelengths from 2π to 2π · length; the key is unused.

    Learned positions start from them. From small random ones a word does not find its neighbours, and the encoder stays a bag of words, to
    which "red eyes and blue hair" is "blue eyes and red hair"; from wavelengths up to 2π · 10 000 it takes several times as long.

    Source: Vaswani et al. 2017, section 3.5, but for the longest wavelength.
    """
    length, width = shape
    half = -(-width // 2)
    phase = jnp.arange(length)[:, None] * float(length) ** (-jnp.arange(half) / half)[None]
    both = jnp.stack([jnp.sin(phase), jnp.cos(phase)], axis=2)
    return math.sqrt(2.0) * both.reshape(length, 2 * half)[:, :width]


class TransformerEncoder(nn.Module):
    """``x + attention(norm(x))``, ``x + dense(gelu(dense(norm(x))))``, … over words with learned positions; the sentence is their mean.

    Attributes:
      tokens: how many different ones there are.
      length: the most that a caption has.
      width: of all vectors.
      layers, heads: how many.
    """

    tokens: int
    length: int
    width: int
    layers: int
    heads: int

    @nn.compact
    def __call__(self, tokens: Integer[Array, "n length"]) -> Encoding:
        """Maps tokens ``[n, length]`` to their encoding."""
        mask = tokens != PADDING
        positions = self.param("positions", waves, (self.length, self.width))
        h = nn.Embed(self.tokens, self.width, embedding_init=nn.initializers.normal(1.0), name="words")(tokens)
        h = h + positions[None, : tokens.shape[1]]
        # Every token sees all words and no padding.
        seen = mask[:, None, None, :]
        for _ in range(self.layers):
            attend = nn.MultiHeadDotProductAttention(self.heads, deterministic=True)
            h = h + attend(nn.LayerNorm()(h), mask=seen)
            h = h + nn.Dense(self.width)(nn.gelu(nn.Dense(2 * self.width)(nn.LayerNorm()(h))))
        states = jnp.where(mask[:, :, None], nn.LayerNorm()(h), 0.0)
        words = jnp.maximum(jnp.sum(mask, axis=1, keepdims=True), 1)
        return Encoding(nn.Dense(self.width, name="sentence")(jnp.sum(states, axis=1) / words), states, mask)


def transformer_encoder(tokens: int, length: int, *, width: int = 64, layers: int = 2, heads: int = 4) -> Encoder:
    """A Transformer over words: pre-norm blocks, masked attention, learned positions.

    Args:
      tokens: size of the vocabulary.
      length: the most tokens of a caption.
      width: of the sentence's vector and of the states.
      layers: blocks.
      heads: of attention; a divisor of ``width``.

    Returns:
      The encoder of tokens ``[n, at most length]``; it gives an ``Encoding``.

    Raises:
      ValueError: a number below one, ``width`` no multiple of ``heads``; (in use) captions that are longer, tokens that are no integers.

    Source: Vaswani et al. 2017, "Attention is all you need", section 3; Xiong et al. 2020 on norms before the blocks.
    """
    for name, value in (
        ("tokens", tokens),
        ("length", length),
        ("width", width),
        ("layers", layers),
        ("heads", heads),
    ):
        checks.integer(name, value, 1)
    if width % heads:
        raise ValueError(f"heads is {heads} and width is {width}; expected a divisor of it")
    return _of_tokens(TransformerEncoder(tokens, length, width, layers, heads), longest=length)


def _of_tokens(module: nn.Module, longest: int | None = None) -> Encoder:
    def checked(tokens: Array) -> Array:
        if tokens.ndim != 2 or not jnp.issubdtype(tokens.dtype, jnp.integer):
            raise ValueError(f"tokens has shape {tokens.shape} and type {tokens.dtype}; expected integers [n, length]")
        if longest is not None and tokens.shape[1] > longest:
            raise ValueError(
                f"tokens has captions of {tokens.shape[1]} words; expected at most {longest}, as the model was made for"
            )
        return jnp.asarray(tokens).astype(jnp.int32)

    return Encoder(
        lambda key, tokens: module.init(key, checked(tokens)),
        lambda variables, tokens: cast(Encoding, module.apply(variables, checked(tokens))),
    )


ENCODERS: dict[str, Callable[[int, int, int], Encoder]] = {
    "gru": lambda tokens, length, width: gru_encoder(tokens, width=width),
    "lstm": lambda tokens, length, width: lstm_encoder(tokens, width=width),
    "transformer": lambda tokens, length, width: transformer_encoder(tokens, length, width=width),
}
"""Encoders of captions by name, ``(tokens, length, width) -> encoder``."""


# --------------------------------------------------------------------------------------------------------- of other encoders


def sentence(encoder: Encoder) -> Encoder:
    """The sentence's vector alone, ``[n, width]``."""
    return Encoder(encoder.init, lambda variables, condition: encoder.apply(variables, condition).sentence)


def frozen(encoder: Encoder, variables: Variables) -> Encoder:
    """An encoder that is not trained: its parameters are the collection ``"frozen"``, which no optimiser moves.

    Args:
      encoder: whose parameters are kept.
      variables: of that encoder, trained elsewhere.

    Returns:
      The encoder; every ``init`` gives the same variables.
    """
    kept = {"frozen": variables["params"]}
    return Encoder(
        lambda key, condition: kept,
        lambda variables, condition: encoder.apply({"params": jax.lax.stop_gradient(variables["frozen"])}, condition),
    )
