"""Maps from one domain to another: a perceptron for points, a residual network for images, and discriminators that score patches."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import cast

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Float

from gan_jax import checks
from gan_jax.models.convolutions import Conv, upsample
from gan_jax.models.dcgan import NORMAL
from gan_jax.models.image_players import compute_dtype, unbounded
from gan_jax.models.mlp import widths
from gan_jax.typing import Array, Critic, PRNGKey, Translator, Variables

SIZES = (16, 32, 64, 128, 256)
"""Pixels a side that image translators are made for."""

EPSILON = 1e-5
"""Added to a variance."""

INSIDE = 0.98
"""How far towards ±1 a pixel that is added goes: where tanh still has a slope, .04."""

SKIPS = ("none", "joined", "added")
"""Ways of an image around the network: the paper's, which has none, at every size beside what comes back up, and into the tanh."""


class TranslatorMLP(nn.Module):
    """``x -> x + h(x)`` where both domains have one shape, ``x -> h(x)`` otherwise; h is dense, ReLU … -> dense.

    Attributes:
      features: hidden widths.
      event_shape: of the other domain.
    """

    features: Sequence[int]
    event_shape: tuple[int, ...]

    @nn.compact
    def __call__(self, x: Float[Array, " batch *event"]) -> Float[Array, " batch *event_out"]:
        """Maps ``x [batch, *event]`` to ``[batch, *event_shape]``."""
        h = x.reshape(x.shape[0], -1)
        for width in self.features:
            h = nn.relu(nn.Dense(width)(h))
        made = nn.Dense(math.prod(self.event_shape))(h).reshape(-1, *self.event_shape)
        return x + made if x.shape[1:] == self.event_shape else made


class InstanceNorm(nn.Module):
    """``γ (x − mean) / √(variance + ε) + β``, with mean and variance over the pixels of one channel of one image.

    Source: Ulyanov, Vedaldi & Lempitsky 2017, "Improved texture networks", equation 4.
    """

    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "batch h w c"]) -> Float[Array, "batch h w c"]:
        """Maps ``x [batch, h, w, c]`` to the same shape."""
        shape = (x.shape[-1],)
        scale = self.param("scale", nn.initializers.ones, shape, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, shape, jnp.float32)
        # Statistics in float32 whatever the network computes in.
        y = x.astype(jnp.float32)
        away = y - jnp.mean(y, axis=(1, 2), keepdims=True)
        y = away / jnp.sqrt(jnp.mean(jnp.square(away), axis=(1, 2), keepdims=True) + EPSILON)
        return (scale[None, None, None] * y + bias[None, None, None]).astype(self.dtype or jnp.float32)


class ReflectedConv(nn.Module):
    """A convolution around whose image lies its mirror image, so that a border is no black frame.

    Attributes:
      features, kernel_size, dtype: as of ``Conv``; the kernel is odd.
    """

    features: int
    kernel_size: int = 3
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "batch h w cin"]) -> Float[Array, "batch h w features"]:
        """Maps ``x [batch, h, w, cin]`` to ``[batch, h, w, features]``."""
        around = self.kernel_size // 2
        padded = jnp.pad(x, ((0, 0), (around, around), (around, around), (0, 0)), mode="reflect")
        return Conv(self.features, self.kernel_size, kernel_init=NORMAL, dtype=self.dtype, padding="VALID")(padded)


class ResidualBlock(nn.Module):
    """``x + n(conv(relu(n(conv(x)))))``, n instance norms."""

    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "batch h w c"]) -> Float[Array, "batch h w c"]:
        """Maps ``x [batch, h, w, c]`` to the same shape."""
        width = x.shape[-1]
        h = nn.relu(InstanceNorm(self.dtype)(ReflectedConv(width, dtype=self.dtype)(x)))
        return x + InstanceNorm(self.dtype)(ReflectedConv(width, dtype=self.dtype)(h))


class ResNetTranslator(nn.Module):
    """Convolution, two halvings, residual blocks, two doublings by nearest neighbours and a convolution, convolution, tanh.

    Attributes:
      channels: of the other domain.
      width: channels at full size; twice and four times as many below.
      blocks: residual blocks at a quarter of the size.
      fine_blocks: residual blocks at full size, after the doublings.
      kernel_size: of the first and the last convolution.
      skip: of ``SKIPS``.
      dtype: what it computes in.
    """

    channels: int
    width: int
    blocks: int
    fine_blocks: int
    kernel_size: int
    skip: str
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: Float[Array, "batch h w cin"]) -> Float[Array, "batch h w channels"]:
        """Maps images ``[batch, h, w, ·]`` to ``[batch, h, w, channels]`` in [-1, 1]."""
        dtype, joined = self.dtype, self.skip == "joined"
        given = x.astype(dtype)
        h = nn.relu(InstanceNorm(dtype)(ReflectedConv(self.width, self.kernel_size, dtype)(given)))
        passed = [h]
        for factor in (2, 4):
            h = Conv(factor * self.width, 3, stride=2, kernel_init=NORMAL, dtype=dtype)(h)
            h = nn.relu(InstanceNorm(dtype)(h))
            passed.append(h)
        for _ in range(self.blocks):
            h = ResidualBlock(dtype)(h)
        for factor, beside in ((2, passed[1]), (1, passed[0])):
            h = upsample(h)
            h = jnp.concatenate([h, beside], axis=-1) if joined else h
            h = nn.relu(InstanceNorm(dtype)(ReflectedConv(factor * self.width, 3, dtype)(h)))
        for _ in range(self.fine_blocks):
            h = ResidualBlock(dtype)(h)
        h = jnp.concatenate([h, given], axis=-1) if joined else h
        made = ReflectedConv(self.channels, self.kernel_size, dtype)(h).astype(jnp.float32)
        return jnp.tanh(made + jnp.arctanh(INSIDE * x) if self.skip == "added" else made)


class PatchDiscriminator(nn.Module):
    """4 × 4 convolutions, halving and leaky, with instance norms from the second on; then one logit for every place.

    Attributes:
      width: channels of the first layer; twice as many in every further one, at most eight times.
      layers: how many halve.
      dtype: what it computes in.
    """

    width: int
    layers: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: Float[Array, "batch h w c"]) -> Float[Array, "batch places"]:
        """Maps images ``[batch, h, w, c]`` to ``[batch, places]``."""
        h = x.astype(self.dtype)
        for depth in range(self.layers):
            width = self.width * min(2**depth, 8)
            h = Conv(width, 4, stride=2, kernel_init=NORMAL, dtype=self.dtype)(h)
            h = nn.leaky_relu(h if depth == 0 else InstanceNorm(self.dtype)(h), 0.2)
        h = Conv(1, 4, kernel_init=NORMAL, dtype=self.dtype)(h).astype(jnp.float32)
        return h.reshape(h.shape[0], -1)


def translator_of(module: nn.Module, event_shape: tuple[int, ...]) -> Translator:
    """A translator from a module without state.

    Args:
      module: ``module(x [batch, *event]) -> [batch, *event of the other domain]``.
      event_shape: of what it takes.

    Returns:
      The translator; it raises ``ValueError`` for examples of another shape.
    """

    def checked(x: Array) -> Array:
        if x.shape[1:] != event_shape:
            raise ValueError(f"x has shape {x.shape}; expected [batch, {', '.join(map(str, event_shape))}]")
        return x

    def init(key: PRNGKey, x: Array) -> Variables:
        return module.init(key, checked(x))

    def apply(variables: Variables, x: Array) -> Array:
        return cast(Array, module.apply(variables, checked(x)))

    return Translator(init, apply)


def mlp_translator(
    features: Sequence[int] = (64, 64),
    *,
    event_shape: tuple[int, ...] = (2,),
    other_shape: tuple[int, ...] | None = None,
) -> Translator:
    """A perceptron, which starts near the identity where both domains have one shape.

    Args:
      features: hidden widths.
      event_shape: of what it takes.
      other_shape: of what it gives; as ``event_shape`` where None.

    Returns:
      The translator.

    Raises:
      ValueError: an empty or non-positive ``features``; (in use) examples of another shape.
    """
    taken = checks.sizes("event_shape", event_shape)
    made = taken if other_shape is None else checks.sizes("other_shape", other_shape)
    return translator_of(TranslatorMLP(widths("features", features), made), taken)


def resnet_translator(
    size: int,
    channels: int = 3,
    *,
    other_channels: int | None = None,
    width: int = 64,
    blocks: int | None = None,
    fine_blocks: int = 0,
    kernel_size: int = 7,
    skip: str = "none",
    dtype: DTypeLike = jnp.float32,
) -> Translator:
    """The residual translator of images, with resize-convolutions in place of transposed ones.

    Args:
      size: pixels a side, of both domains.
      channels, other_channels: of the two domains; equal where ``other_channels`` is None.
      width: channels at full size.
      blocks: residual blocks; 6 up to 128 pixels and 9 above where None, as in the paper.
      fine_blocks: residual blocks at full size, after the doublings; none in the paper.
      kernel_size: of the first and the last convolution, odd; 3 suits small images, where 7 is half of one.
      skip: how the image gets around the network; only ``"none"`` is the paper's. ``"joined"`` sets the image, and what the network made of
        it on the way down, beside what comes back up, as a U-Net does: small things survive the halvings, and nothing says what becomes of
        them. ``"added"`` starts near the identity, ``G(x) = tanh(h(x) + arctanh(.98 x))``: what both domains share need not be learned,
        and is kept without any cycle.
      dtype: what it computes in; parameters are float32.

    Returns:
      A translator of images in [-1, 1].

    Raises:
      ValueError: another size, ``width`` or channels below one, fewer than no blocks, another dtype, a kernel of an even size or above
        half of the image's, an unknown skip, one that adds between domains of different channels; (in use) images of another shape.

    Source: Johnson, Alahi & Fei-Fei 2016, "Perceptual losses"; Zhu et al. 2017, appendix 7.2; Odena, Dumoulin & Olah 2016,
      "Deconvolution and checkerboard artifacts", for the resize; Ronneberger, Fischer & Brox 2015, "U-Net", for what is joined.
    """
    _check(size, channels, width)
    other = channels if other_channels is None else other_channels
    checks.integer("other_channels", other, 1)
    count = (6 if size <= 128 else 9) if blocks is None else blocks
    checks.integer("blocks", count, 0)
    checks.integer("fine_blocks", fine_blocks, 0)
    if checks.integer("kernel_size", kernel_size, 1) % 2 == 0 or kernel_size > size // 2:
        raise ValueError(f"kernel_size is {kernel_size}; expected an odd number, 1 to {size // 2}")
    checks.one_of("skip", skip, SKIPS)
    if skip == "added" and other != channels:
        raise ValueError(f"skip is 'added' and channels are {channels} and {other}; expected equal ones")
    module = ResNetTranslator(other, width, count, fine_blocks, kernel_size, skip, compute_dtype(dtype))
    return translator_of(module, (size, size, channels))


def patch_critic(
    size: int, channels: int = 3, *, width: int = 64, layers: int | None = None, dtype: DTypeLike = jnp.float32
) -> Critic:
    """PatchGAN: the logit of an image is that of all its patches, each ``1 + 3 (2^layers + Σ_{l < layers} 2^l)`` pixels a side.

    Args:
      size: pixels a side.
      channels: of the images.
      width: channels of the first layer.
      layers: how many halve the size; 3 for 64 pixels and more, 2 below, where None.
      dtype: what it computes in; parameters are float32.

    Returns:
      A discriminator whose ``apply`` gives ``[batch, places]``: objectives average over all of them.

    Raises:
      ValueError: another size, ``width`` or channels below one, more layers than the size can be halved; (in use) images of another shape.

    Source: Isola, Zhu, Zhou & Efros 2017, "Image-to-image translation with conditional adversarial networks", section 3.2.2; Zhu et al.
      2017, appendix 7.2.
    """
    _check(size, channels, width)
    count = (3 if size >= 64 else 2) if layers is None else layers
    if checks.integer("layers", count, 1) > int(math.log2(size)) - 1:
        raise ValueError(f"layers is {count} and size is {size}; expected 1 to {int(math.log2(size)) - 1}")
    made = translator_of(PatchDiscriminator(width, count, compute_dtype(dtype)), (size, size, channels))
    free: Callable[[Variables], Variables] = lambda variables: variables  # noqa: E731
    return Critic(made.init, made.apply, free, unbounded, mixes_examples=False)


def patch_size(layers: int) -> int:
    """Pixels a side that one logit of ``patch_critic`` depends on, ``1 + 3 (2^layers + Σ_{l < layers} 2^l)``."""
    checks.integer("layers", layers, 0)
    return 1 + 3 * (2**layers + sum(2**depth for depth in range(layers)))


def _check(size: int, channels: int, width: int) -> None:
    if checks.integer("size", size, 1) not in SIZES:
        raise ValueError(f"size is {size}; expected one of {', '.join(map(str, SIZES))} pixels a side")
    checks.integer("channels", channels, 1)
    checks.integer("width", width, 1)
