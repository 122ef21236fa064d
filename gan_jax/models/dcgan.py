"""DCGAN: images from transposed convolutions, and a discriminator of strided ones."""

from __future__ import annotations

from functools import partial

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Float

from gan_jax import checks
from gan_jax.models.convolutions import Conv, ConvTranspose
from gan_jax.models.generators import generator_of
from gan_jax.models.image_players import check_image, compute_dtype, discriminator_of, layer_bound, scaled, unbounded
from gan_jax.typing import Array, Critic, Generator, Variables

SLOPE = 0.2
NORMAL = nn.initializers.normal(0.02)


def channels_of_layers(size: int, width: int) -> list[int]:
    """Channels from the finest layer to the coarsest: ``width`` at half the image's side, twice as many at every halving.

    The coarsest is 4 × 4, as in the paper, and 2 × 2 for images of 8 × 8, which would otherwise have one layer alone.
    """
    coarsest = min(4, size // 4)
    return [width * 2**i for i in range((size // coarsest).bit_length() - 1)]


class DCGANGenerator(nn.Module):
    """``z -> dense -> (batch norm, ReLU, transposed 4 × 4 convolution of stride 2) … -> tanh``.

    Attributes:
      size, channels: of the images.
      width: channels of the finest layer.
      dtype: what it computes in.
    """

    size: int
    channels: int
    width: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(
        self, z: Float[Array, "batch latent"], train: bool = False
    ) -> Float[Array, "batch size size channels"]:
        """Maps ``z [batch, latent]`` to images ``[batch, size, size, channels]``."""
        norm = partial(nn.BatchNorm, use_running_average=not train, momentum=0.9, dtype=self.dtype)
        features = channels_of_layers(self.size, self.width)
        side = self.size >> len(features)
        coarsest = nn.Dense(side * side * features[-1], use_bias=False, kernel_init=NORMAL, dtype=self.dtype)(z)
        h = nn.relu(norm()(coarsest.reshape(-1, side, side, features[-1])))
        for width in features[-2::-1]:
            h = ConvTranspose(width, use_bias=False, kernel_init=NORMAL, dtype=self.dtype)(h)
            h = nn.relu(norm()(h))
        return jnp.tanh(ConvTranspose(self.channels, kernel_init=NORMAL, dtype=self.dtype)(h).astype(jnp.float32))


class DCGANDiscriminator(nn.Module):
    """``x -> (4 × 4 convolution of stride 2, leaky ReLU) … -> dense``.

    Attributes:
      width: channels of the finest layer.
      batch_norm: whether every convolution but the first is normalised over the batch.
      dtype: what it computes in.
    """

    width: int
    batch_norm: bool
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: Float[Array, "batch size size channels"]) -> Float[Array, " batch"]:
        """Maps images ``[batch, size, size, channels]`` to logits ``[batch]``."""
        inner = NORMAL if self.batch_norm else scaled(2.0 / (1.0 + SLOPE**2))
        outer = NORMAL if self.batch_norm else scaled(1.0)
        h = x
        for i, width in enumerate(channels_of_layers(x.shape[1], self.width)):
            normalised = self.batch_norm and i > 0
            kernel_init = inner if i else outer
            h = Conv(width, 4, 2, use_bias=not normalised, kernel_init=kernel_init, dtype=self.dtype)(h)
            h = nn.BatchNorm(use_running_average=False, dtype=self.dtype)(h) if normalised else h
            h = nn.leaky_relu(h, SLOPE)
        return nn.Dense(1, kernel_init=inner)(h.reshape(h.shape[0], -1).astype(jnp.float32))[:, 0]


def dcgan_generator(
    size: int, channels: int, *, width: int = 64, latent: int = 128, dtype: DTypeLike = jnp.float32
) -> Generator:
    """DCGAN's generator, with batch normalisation.

    While training, the statistics are those of the batch; their running averages, the collection ``"batch_stats"``, are what samples are
    drawn with.

    Args:
      size: 8, 16, 32 or 64 pixels a side.
      channels: of the images.
      width: channels of the finest layer; 128 in the paper at 64 × 64.
      latent: dimension of ``z ~ N(0, I)`` (the paper's is uniform, of 100).
      dtype: float32 or bfloat16, what it computes in; parameters, statistics and samples are float32.

    Returns:
      A generator of images ``[n, size, size, channels]`` in [-1, 1].

    Raises:
      ValueError: another size or dtype; ``channels``, ``width`` or ``latent`` below one.

    Source: Radford, Metz & Chintala 2016, section 3 and figure 1; weights N(0, .02²), section 4.
    """
    check_image(size, channels, width)
    return generator_of(DCGANGenerator(size, channels, width, compute_dtype(dtype)), latent)


def dcgan_discriminator(
    size: int, channels: int, *, width: int = 64, batch_norm: bool = False, dtype: DTypeLike = jnp.float32
) -> Critic:
    """DCGAN's discriminator: with batch normalisation as in the paper, or without any, for penalties.

    Without normalisation nothing repairs the scale of the paper's N(0, .02²), which would let the signal die on its way, so that weights
    are then He's.

    Args:
      size, channels, width, dtype: as of the generator; logits are float32.
      batch_norm: whether every convolution but the first is normalised over the batch.

    Returns:
      A discriminator. It mixes examples where ``batch_norm``, which has no Lipschitz bound; without, the bound is a true one.

    Raises:
      ValueError: as of the generator.

    Source: Radford, Metz & Chintala 2016, section 3; Gulrajani et al. 2017, section 4, on batch norm under penalties; He et al. 2015,
      section 2.2.
    """
    check_image(size, channels, width)
    checks.flag("batch_norm", batch_norm)
    module = DCGANDiscriminator(width, batch_norm, compute_dtype(dtype))
    bound = unbounded if batch_norm else _lipschitz_bound
    return discriminator_of(module, (size, size, channels), lipschitz_bound=bound, mixes_examples=batch_norm)


def _lipschitz_bound(variables: Variables) -> Array:
    """``prod ||layer||``: leaky ReLU has slopes of at most one."""
    bounds = [layer_bound(layer["kernel"], stride=2) for layer in variables["params"].values()]
    return jnp.prod(jnp.stack(bounds))
