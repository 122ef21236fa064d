"""Discriminators that score an example and a condition together.

A discriminator is a trunk, which sees the example, an encoder of its own, which sees the condition, and a head, which sees both; so that
one picture is scored with several conditions for one pass of the trunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Float

from gan_jax import checks
from gan_jax.models.conditional import beside, embedded
from gan_jax.models.convolutions import Conv
from gan_jax.models.dcgan import SLOPE, channels_of_layers
from gan_jax.models.image_players import check_image, compute_dtype, scaled
from gan_jax.models.mlp import widths
from gan_jax.models.text import Encoder
from gan_jax.typing import Array, ConditionalCritic, PRNGKey, PyTree, Variables

HEADS = ("concatenation", "projection", "auxiliary", "unconditional")
"""Ways in which a discriminator sees a condition; the last does not."""


class MLPTrunk(nn.Module):
    """Features of a flattened example: ``x -> dense, ReLU …``.

    Attributes:
      features: hidden widths.
    """

    features: Sequence[int]

    @nn.compact
    def __call__(self, x: Float[Array, " batch *event"]) -> Float[Array, "batch width"]:
        """Maps ``x [batch, *event]`` to ``[batch, width]``."""
        h = x.reshape(x.shape[0], -1)
        for width in self.features:
            h = nn.relu(nn.Dense(width)(h))
        return h


class DCGANTrunk(nn.Module):
    """DCGAN's strided convolutions without normalisation.

    Attributes:
      width: channels of the finest layer.
      dtype: what it computes in.
    """

    width: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: Float[Array, "batch size size channels"]) -> Float[Array, "batch side side width"]:
        """Maps images ``[batch, size, size, channels]`` to ``[batch, side, side, width]``."""
        h = x
        for i, width in enumerate(channels_of_layers(x.shape[1], self.width)):
            kernel_init = scaled(2.0 / (1.0 + SLOPE**2)) if i else scaled(1.0)
            h = nn.leaky_relu(Conv(width, 4, 2, kernel_init=kernel_init, dtype=self.dtype)(h), SLOPE)
        return h


class Head(nn.Module):
    """What a discriminator makes of features and an embedding; ``φ`` below is the flattened features through one hidden layer.

    - ``"concatenation"``: the embedding stands at every pixel beside the features, and a 1 × 1 convolution sees both (Reed et al. 2016).
    - ``"projection"``: ``v · φ + (W e) · φ`` (Miyato & Koyama 2018, equation 3).
    - ``"auxiliary"``: ``v · φ``, and class logits ``U φ`` beside it (Odena et al. 2017).
    - ``"unconditional"``: ``v · φ``.

    Attributes:
      kind: of ``HEADS``.
      hidden: width of φ, or of the 1 × 1 convolution.
      classes: of the auxiliary classifier.
    """

    kind: str
    hidden: int
    classes: int = 0

    def setup(self) -> None:
        he = scaled(2.0 / (1.0 + SLOPE**2))
        # Of vectors this is a dense layer, of pixels a 1 × 1 convolution.
        self.hidden_layer = nn.Dense(self.hidden, kernel_init=he)
        self.logit = nn.Dense(1, kernel_init=he)
        if self.kind == "projection":
            self.direction = nn.Dense(self.hidden, use_bias=False, kernel_init=scaled(1.0 / self.hidden))
        if self.kind == "auxiliary":
            self.classifier = nn.Dense(self.classes)

    def __call__(
        self, features: Float[Array, "batch ... c"], embedding: Float[Array, "batch d"]
    ) -> Float[Array, " batch"]:
        """Maps features ``[batch, …, c]`` and embeddings ``[batch, d]`` to logits ``[batch]``."""
        if self.kind == "concatenation":
            around = embedding.reshape(embedding.shape[0], *(1,) * (features.ndim - 2), -1)
            around = jnp.broadcast_to(around, (*features.shape[:-1], embedding.shape[-1]))
            h = nn.leaky_relu(self.hidden_layer(jnp.concatenate([features, around], axis=-1)), SLOPE)
            return self.logit(h.reshape(h.shape[0], -1))[:, 0]
        h = self._hidden(features)
        logit = self.logit(h)[:, 0]
        if self.kind == "projection":
            return logit + jnp.sum(self.direction(embedding) * h, axis=1)
        if self.kind == "auxiliary":
            # So that init makes the classifier; a compiled program leaves out what is not used.
            self.classify(features)
        return logit

    def classify(self, features: Float[Array, "batch ... c"]) -> Float[Array, "batch classes"]:
        """Class logits ``[batch, classes]``."""
        return self.classifier(self._hidden(features))

    def _hidden(self, features: Array) -> Array:
        return nn.leaky_relu(self.hidden_layer(features.reshape(features.shape[0], -1)), SLOPE)


def conditional_critic(
    encoder: Encoder,
    trunk: nn.Module,
    *,
    head: str = "concatenation",
    hidden: int = 128,
    classes: int = 0,
) -> ConditionalCritic:
    """A discriminator of pairs from a trunk, which sees the example, an encoder, which sees the condition, and a head, which sees both.

    Args:
      encoder: of conditions, as vectors.
      trunk: ``trunk(x [batch, *event]) -> [batch, …, c]``, example by example.
      head: of ``HEADS``.
      hidden: width of the head's hidden layer.
      classes: of the auxiliary classifier, for ``"auxiliary"`` alone.

    Returns:
      The discriminator, without constraint. ``params`` is ``{"encoder": …, "trunk": …, "head": …}``.

    Raises:
      ValueError: an unknown head, ``hidden`` below one, an auxiliary classifier of fewer than two classes.
    """
    checks.made("encoder", encoder, Encoder, "models.text.label_encoder")
    checks.one_of("head", head, HEADS)
    checks.integer("hidden", hidden, 1)
    checks.integer("classes", classes, 2 if head == "auxiliary" else 0)
    top = Head(head, hidden, classes)

    def init(key: PRNGKey, x: Array, condition: PyTree) -> Variables:
        encoder_key, trunk_key, head_key = jax.random.split(key, 3)
        own = encoder.init(encoder_key, condition)
        body = trunk.init(trunk_key, x)
        params = top.init(head_key, trunk.apply(body, x), encoder.apply(own, condition))
        return beside(own, trunk=body, head=params)

    def features(variables: Variables, x: Array) -> Array:
        return cast(Array, trunk.apply({"params": variables["params"]["trunk"]}, x))

    def score(variables: Variables, features: PyTree, embedding: PyTree) -> Array:
        logits = cast(Array, top.apply({"params": variables["params"]["head"]}, features, embedding))
        return logits.astype(jnp.float32)

    def classify(variables: Variables, features: PyTree) -> Array:
        return cast(Array, top.apply({"params": variables["params"]["head"]}, features, method=Head.classify))

    return ConditionalCritic(
        init,
        features,
        partial(embedded, encoder),
        score,
        classify if head == "auxiliary" else None,
        lambda variables: variables,
    )


def conditional_mlp_critic(
    encoder: Encoder, features: Sequence[int] = (128, 128), *, head: str = "concatenation", classes: int = 0
) -> ConditionalCritic:
    """A multilayer perceptron as a discriminator of pairs; the head's hidden layer is as wide as the last of ``features``.

    Args:
      encoder, head, classes: as of ``conditional_critic``.
      features: hidden widths before the head.

    Raises:
      ValueError: as of ``conditional_critic``; an empty or non-positive ``features``.
    """
    checked = widths("features", features)
    return conditional_critic(encoder, MLPTrunk(checked), head=head, hidden=checked[-1], classes=classes)


def conditional_dcgan_critic(
    size: int,
    channels: int,
    encoder: Encoder,
    *,
    width: int = 64,
    head: str = "concatenation",
    hidden: int = 128,
    classes: int = 0,
    dtype: DTypeLike = jnp.float32,
) -> ConditionalCritic:
    """DCGAN's discriminator of pairs, without normalisation, so that per-example penalties may be used.

    Args:
      size, channels, width, dtype: as of ``dcgan.dcgan_discriminator``.
      encoder, head, hidden, classes: as of ``conditional_critic``.

    Raises:
      ValueError: as of both.
    """
    check_image(size, channels, width)
    return conditional_critic(
        encoder, DCGANTrunk(width, compute_dtype(dtype)), head=head, hidden=hidden, classes=classes
    )
