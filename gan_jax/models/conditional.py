"""Generators that take a condition, through conditional norms or beside the noise; and what can be done with an embedding at sampling.

A player is an encoder of conditions (``models.text``) and a network that takes what the encoder gives, a vector. Each player has an encoder
of its own, which its own loss trains; ``text.frozen`` makes one that nothing trains.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Float

from gan_jax import checks
from gan_jax.models.attention import CrossAttention
from gan_jax.models.convolutions import ConvTranspose
from gan_jax.models.dcgan import NORMAL, channels_of_layers
from gan_jax.models.image_players import check_image, compute_dtype, scaled
from gan_jax.models.mlp import widths
from gan_jax.models.text import Encoder, Encoding
from gan_jax.typing import Array, ConditionalGenerator, PRNGKey, PyTree, Variables

# ---------------------------------------------------------------------------------------------------------------- generators


class ConditionalNorm(nn.Module):
    """``(1 + W e) n(h) + V e``: a normalisation whose scale and shift follow the condition.

    Attributes:
      norm: a normalisation without scale and shift of its own.
      dtype: what it computes in.

    Source: de Vries et al. 2017, "Modulating early visual processing by language", section 3; Perez et al. 2018, "FiLM".
    """

    norm: Callable[[], nn.Module]
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, h: Float[Array, "n ... c"], embedding: Float[Array, "n d"]) -> Float[Array, "n ... c"]:
        """Maps ``h [n, …, c]`` with ``embedding [n, d]`` to the shape of ``h``."""
        both = nn.Dense(2 * h.shape[-1], kernel_init=scaled(0.25), dtype=self.dtype, name="modulation")(embedding)
        both = both.reshape(h.shape[0], *(1,) * (h.ndim - 2), -1)
        scale, shift = jnp.split(both, 2, axis=-1)
        return (1.0 + scale) * self.norm()(h) + shift


class ConditionalGeneratorMLP(nn.Module):
    """``(z, e) -> dense, ReLU … -> dense``, both concatenated at the entrance.

    Attributes:
      features: hidden widths.
      event_shape: of one sample.
    """

    features: Sequence[int]
    event_shape: tuple[int, ...]

    @nn.compact
    def __call__(
        self, z: Float[Array, "n latent"], embedding: Float[Array, "n d"], train: bool = False
    ) -> Float[Array, " n *event"]:
        """Maps ``z [n, latent]``, ``embedding [n, d]`` to samples ``[n, *event]``."""
        h = jnp.concatenate([z, embedding], axis=1)
        for width in self.features:
            h = nn.relu(nn.Dense(width)(h))
        return nn.Dense(math.prod(self.event_shape))(h).reshape(-1, *self.event_shape)


class ConditionalDCGANGenerator(nn.Module):
    """DCGAN's generator with conditional batch norms: ``(z, e) -> dense -> (norm given (z, e), ReLU, transposed convolution) … -> tanh``.

    Attributes:
      size, channels, width, dtype: as of ``dcgan.DCGANGenerator``.
      attend: whether pixels look at the words of a caption, at twice the coarsest side; the embedding is then an ``Encoding``.
    """

    size: int
    channels: int
    width: int
    dtype: jnp.dtype
    attend: bool = False

    @nn.compact
    def __call__(
        self, z: Float[Array, "n latent"], embedding: Float[Array, "n d"] | Encoding, train: bool = False
    ) -> Float[Array, "n size size channels"]:
        """Maps ``z [n, latent]``, ``embedding [n, d]`` to images ``[n, size, size, channels]``."""
        vector = embedding.sentence if isinstance(embedding, Encoding) else embedding
        norm = partial(
            nn.BatchNorm,
            use_running_average=not train,
            momentum=0.9,
            use_scale=False,
            use_bias=False,
            dtype=self.dtype,
        )
        features = channels_of_layers(self.size, self.width)
        side = self.size >> len(features)
        entrance = jnp.concatenate([z, vector], axis=1)
        h = nn.Dense(side * side * features[-1], use_bias=False, kernel_init=NORMAL, dtype=self.dtype)(entrance)
        h = h.reshape(-1, side, side, features[-1])
        for depth, width in enumerate(features[-2::-1]):
            h = nn.relu(ConditionalNorm(norm, self.dtype)(h, entrance))
            h = ConvTranspose(width, use_bias=False, kernel_init=NORMAL, dtype=self.dtype)(h)
            if depth == 0 and isinstance(embedding, Encoding) and self.attend:
                h = CrossAttention(dtype=self.dtype)(h, embedding)
        h = nn.relu(ConditionalNorm(norm, self.dtype)(h, entrance))
        return jnp.tanh(ConvTranspose(self.channels, kernel_init=NORMAL, dtype=self.dtype)(h).astype(jnp.float32))


def conditional_generator(encoder: Encoder, module: nn.Module, latent: int) -> ConditionalGenerator:
    """A generator of ``z ~ N(0, I)`` and a condition, from a module.

    Args:
      encoder: of conditions, as vectors ``[n, d]`` or what the module takes.
      module: ``module(z [n, latent], embedding [n, d], train) -> [n, *event]``; what it keeps beside ``"params"`` advances where ``train``.
      latent: dimension of z.

    Returns:
      The generator. ``params`` is ``{"encoder": …, "network": …}``; a frozen encoder's are the collection ``"frozen"``.

    Raises:
      ValueError: ``latent`` below one.
    """
    checks.made("encoder", encoder, Encoder, "models.text.label_encoder")
    checks.integer("latent", latent, 1)

    def init(key: PRNGKey, condition: PyTree) -> Variables:
        encoder_key, network_key = jax.random.split(key)
        own = encoder.init(encoder_key, condition)
        embedding = encoder.apply(own, condition)
        n = jax.tree.leaves(embedding)[0].shape[0]
        network = module.init(network_key, jnp.zeros((n, latent)), embedding)
        return beside(own, network=network)

    def noise(key: PRNGKey, n: int) -> Array:
        return jax.random.normal(key, (n, latent))

    def apply(variables: Variables, z: PyTree, embedding: PyTree) -> Array:
        return cast(Array, module.apply(_network(variables), z, embedding))

    def train(variables: Variables, z: PyTree, embedding: PyTree) -> tuple[Array, Variables]:
        own = _network(variables)
        others = [name for name in own if name != "params"]
        if not others:
            return apply(variables, z, embedding), variables
        samples, advanced = module.apply(own, z, embedding, train=True, mutable=others)
        return cast(Array, samples), {**variables, **advanced}

    return ConditionalGenerator(init, noise, partial(embedded, encoder), apply, train)


def conditional_mlp_generator(
    encoder: Encoder, features: Sequence[int] = (128, 128), *, latent: int = 2, event_shape: tuple[int, ...] = (2,)
) -> ConditionalGenerator:
    """A multilayer perceptron of noise and embedding, concatenated.

    Args:
      encoder: of conditions, as vectors.
      features: hidden widths.
      latent: dimension of ``z ~ N(0, I)``.
      event_shape: of one sample.

    Returns:
      The generator.

    Raises:
      ValueError: an empty or non-positive ``features``, ``latent`` below one.

    Source: Mirza & Osindero 2014, "Conditional generative adversarial nets", section 3.2.
    """
    shape = checks.sizes("event_shape", event_shape)
    return conditional_generator(encoder, ConditionalGeneratorMLP(widths("features", features), shape), latent)


def conditional_dcgan_generator(
    size: int,
    channels: int,
    encoder: Encoder,
    *,
    width: int = 64,
    latent: int = 64,
    attend: bool = False,
    dtype: DTypeLike = jnp.float32,
) -> ConditionalGenerator:
    """DCGAN's generator with conditional batch norms, which follow noise and embedding; both also stand at the entrance.

    Args:
      size, channels, width, latent, dtype: as of ``dcgan.dcgan_generator``.
      encoder: of conditions, as vectors; of captions as ``Encoding`` where ``attend``.
      attend: whether pixels look at the words (``attention.CrossAttention``).

    Returns:
      A generator of images ``[n, size, size, channels]`` in [-1, 1].

    Raises:
      ValueError: as of ``dcgan.dcgan_generator``.

    Source: Radford, Metz & Chintala 2016; Miyato & Koyama 2018, "cGANs with projection discriminator", section 5, for the norms; Brock,
      Donahue & Simonyan 2019, section 3, for noise in them.
    """
    check_image(size, channels, width)
    checks.flag("attend", attend)
    module = ConditionalDCGANGenerator(size, channels, width, compute_dtype(dtype), attend)
    return conditional_generator(encoder, module, latent)


# ------------------------------------------------------------------------------------------------------------------- sampling


def guided(embedding: Float[Array, "n d"], centre: Float[Array, " d"], strength: float | Array) -> Float[Array, "n d"]:
    """``e' = ē + s (e − ē)``: an embedding pushed away from (s > 1) or pulled to (s < 1) the centre of all.

    A GAN has no score to guide, so this is what guidance can mean here: the condition is exaggerated, for less variety. With s = 1 nothing
    changes, with s = 0 every condition is the average one.

    Args:
      embedding: ``[n, d]``, from ``ConditionalGenerator.embed``.
      centre: ``[d]``, the mean embedding of conditions as they occur.
      strength: s.

    Returns:
      ``[n, d]``.

    Source: the truncation trick of Karras et al. 2019, section B, in the space of embeddings; Ho & Salimans 2022 for the name.
    """
    checks.number("strength", strength)
    return centre[None] + strength * (embedding - centre[None])


def truncated_normal(key: PRNGKey, n: int, latent: int, threshold: float) -> Float[Array, "{n} {latent}"]:
    """Noise for the truncation trick: ``z ~ N(0, I)`` given that no coordinate is beyond ``threshold``: less variety, safer samples.

    Args:
      key: of the draw.
      n, latent: shape.
      threshold: in standard deviations; 2 and less is what papers use.

    Returns:
      ``[n, latent]``.

    Raises:
      ValueError: ``threshold`` not positive.

    Source: Brock, Donahue & Simonyan 2019, section 3.1.
    """
    checks.integer("n", n, 1)
    checks.integer("latent", latent, 1)
    checks.at_least("threshold", threshold, 0.0, strict=True)
    return jax.random.truncated_normal(key, -threshold, threshold, (n, latent))


# --------------------------------------------------------------------------------------------------------------- composition


def beside(encoder: Variables, **parts: Variables) -> Variables:
    """Variables of an encoder and of networks as those of one player; collections other than ``"params"`` are the network's, or frozen."""
    params = {name: variables["params"] for name, variables in parts.items()}
    others = {name: value for variables in parts.values() for name, value in variables.items() if name != "params"}
    if "frozen" in encoder:
        others["frozen"] = encoder["frozen"]
    return {"params": {**params, "encoder": encoder.get("params", {})}, **others}


def _network(variables: Variables) -> Variables:
    kept = {name: value for name, value in variables.items() if name not in ("params", "frozen")}
    return {"params": variables["params"]["network"], **kept}


def embedded(encoder: Encoder, variables: Variables, condition: PyTree) -> PyTree:
    """What the encoder of a player makes of conditions."""
    if "frozen" in variables:
        return encoder.apply({"frozen": variables["frozen"]}, condition)
    return encoder.apply({"params": variables["params"]["encoder"]}, condition)
