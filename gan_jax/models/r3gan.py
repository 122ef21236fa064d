"""A modern pair without normalisation, in the manner of R3GAN: ResNeXt blocks with inverted bottlenecks and fix-up initialisation."""

from __future__ import annotations

import math

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Float

from gan_jax import checks
from gan_jax.models.convolutions import Conv, average_pool, upsample
from gan_jax.models.generators import generator_of
from gan_jax.models.image_players import check_image, compute_dtype, discriminator_of, layer_bound, scaled
from gan_jax.typing import Array, Critic, Generator, PyTree, Variables

BASE = 4
SLOPE = 0.2
EXPANSION = 2


class Block(nn.Module):
    """``x + W_3 a(W_2 a(W_1 x + b_1) + b_2)``: 1 × 1, grouped 3 × 3 and 1 × 1 convolutions, the inner ones twice as wide.

    ``W_1`` and ``W_2`` are He's, of variance scaled by ``blocks^{-1/2}`` each, and ``W_3`` is zero: the block begins as the identity, and
    one update moves the output of the whole network by as much whatever its depth.

    Attributes:
      groups: of the 3 × 3 convolution.
      blocks: of the whole network.
      dtype: what it computes in.
    """

    groups: int
    blocks: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: Float[Array, "batch h w c"]) -> Float[Array, "batch h w c"]:
        """Maps ``[batch, h, w, c]`` to the same shape."""
        width = EXPANSION * x.shape[-1]
        # Three layers share 1 / blocks of the variance between the two that are not zero.
        he = scaled(2.0 / (1.0 + SLOPE**2) / math.sqrt(self.blocks))
        h = nn.leaky_relu(Conv(width, 1, kernel_init=he, dtype=self.dtype, name="expand")(x), SLOPE)
        h = Conv(width, 3, groups=self.groups, kernel_init=he, dtype=self.dtype, name="grouped")(h)
        last = Conv(
            x.shape[-1], 1, use_bias=False, kernel_init=nn.initializers.zeros, dtype=self.dtype, name="contract"
        )
        return x + last(nn.leaky_relu(h, SLOPE))


class R3GANGenerator(nn.Module):
    """``z -> basis · dense(z) -> (blocks, nearest neighbour) … -> blocks -> 1 × 1 -> tanh``.

    Attributes:
      size, channels: of the images.
      width: channels of every stage.
      blocks_per_stage: at every resolution from 4 × 4 on.
      groups: of the 3 × 3 convolutions.
      dtype: what it computes in.
    """

    size: int
    channels: int
    width: int
    blocks_per_stage: int
    groups: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(
        self, z: Float[Array, "batch latent"], train: bool = False
    ) -> Float[Array, "batch size size channels"]:
        """Maps ``z [batch, latent]`` to images ``[batch, size, size, channels]``; training changes nothing."""
        stages = _stages(self.size)
        basis = self.param("basis", nn.initializers.normal(1.0), (BASE, BASE, self.width), jnp.float32)
        weights = nn.Dense(self.width, use_bias=False, kernel_init=scaled(1.0), dtype=self.dtype)(z)
        h = basis[None].astype(self.dtype) * weights[:, None, None, :]
        for stage in range(stages):
            h = upsample(h) if stage else h
            for _ in range(self.blocks_per_stage):
                h = Block(self.groups, stages * self.blocks_per_stage, self.dtype)(h)
        h = Conv(self.channels, 1, use_bias=False, kernel_init=scaled(1.0), dtype=self.dtype)(h)
        return jnp.tanh(h.astype(jnp.float32))


class R3GANDiscriminator(nn.Module):
    """``x -> 1 × 1 -> (blocks, average pool) … -> blocks -> basis -> dense``, the generator backwards.

    Attributes:
      width, blocks_per_stage, groups, dtype: as of the generator.
    """

    width: int
    blocks_per_stage: int
    groups: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: Float[Array, "batch size size channels"]) -> Float[Array, " batch"]:
        """Maps images ``[batch, size, size, channels]`` to logits ``[batch]``."""
        stages = _stages(x.shape[1])
        h = Conv(self.width, 1, use_bias=False, kernel_init=scaled(1.0), dtype=self.dtype, name="extract")(x)
        for i in range(stages * self.blocks_per_stage):
            h = average_pool(h) if i and i % self.blocks_per_stage == 0 else h
            h = Block(self.groups, stages * self.blocks_per_stage, self.dtype, name=f"block_{i}")(h)
        basis = self.param("basis", nn.initializers.normal(1.0 / BASE), (BASE, BASE, self.width), jnp.float32)
        features = jnp.sum(h.astype(jnp.float32) * basis[None], axis=(1, 2))
        return nn.Dense(1, use_bias=False, kernel_init=scaled(1.0), name="logit")(features)[:, 0]


def r3gan_generator(
    size: int,
    channels: int,
    *,
    width: int = 256,
    latent: int = 64,
    blocks_per_stage: int = 2,
    group_width: int = 16,
    dtype: DTypeLike = jnp.float32,
) -> Generator:
    """A generator without normalisation, for relativistic pairing with R1 + R2.

    In the paper images are not bounded by a tanh, and resampling is bilinear.

    Args:
      size: 8, 16, 32 or 64 pixels a side.
      channels: of the images.
      width: channels of every stage; 768 in the paper at 32 × 32.
      latent: dimension of ``z ~ N(0, I)``.
      blocks_per_stage: at every resolution from 4 × 4 on; 2 in the paper.
      group_width: channels of a group in the 3 × 3 convolutions, which are twice as wide as a stage; 16 in the paper at 32 × 32. Narrow
        networks have one group.
      dtype: float32 or bfloat16, what it computes in; parameters and samples are float32.

    Returns:
      A generator of images ``[n, size, size, channels]`` in [-1, 1].

    Raises:
      ValueError: another size or dtype; a number below one; ``2 width`` no multiple of ``group_width``.

    Source: Huang et al. 2024, "The GAN is dead; long live the GAN! A modern GAN baseline", section 3 (config E); Zhang, Dauphin & Ma 2019,
      section 3, for the initialisation.
    """
    groups = _groups(size, channels, width, blocks_per_stage, group_width)
    module = R3GANGenerator(size, channels, width, blocks_per_stage, groups, compute_dtype(dtype))
    return generator_of(module, latent)


def r3gan_discriminator(
    size: int,
    channels: int,
    *,
    width: int = 256,
    blocks_per_stage: int = 2,
    group_width: int = 16,
    dtype: DTypeLike = jnp.float32,
) -> Critic:
    """A discriminator without normalisation, the mirror of ``r3gan_generator``.

    Args:
      size, channels, width, blocks_per_stage, group_width, dtype: as of the generator; logits are float32.

    Returns:
      A discriminator; its Lipschitz bound is a true one, and loose.

    Raises:
      ValueError: as of the generator.

    Source: Huang et al. 2024, section 3 (config E).
    """
    groups = _groups(size, channels, width, blocks_per_stage, group_width)
    module = R3GANDiscriminator(width, blocks_per_stage, groups, compute_dtype(dtype))

    def lipschitz_bound(variables: Variables) -> Array:
        # The mean of 2 × 2 blocks has the norm ½.
        return 0.5 ** (_stages(size) - 1) * _slope_without_pooling(variables["params"], groups)

    return discriminator_of(module, (size, size, channels), lipschitz_bound=lipschitz_bound)


def _slope_without_pooling(params: PyTree, groups: int) -> Array:
    """``||extract|| prod (1 + ||branch||) ||basis|| ||logit||``."""
    # The basis maps every channel by itself.
    basis = jnp.max(jnp.linalg.norm(params["basis"].reshape(BASE * BASE, -1), axis=0))
    bound = basis * layer_bound(params["extract"]["kernel"]) * layer_bound(params["logit"]["kernel"])
    for name in [name for name in params if name.startswith("block")]:
        expand, grouped, contract = (params[name][layer]["kernel"] for layer in ("expand", "grouped", "contract"))
        bound = bound * (1.0 + layer_bound(expand) * layer_bound(grouped, groups=groups) * layer_bound(contract))
    return bound


def _stages(size: int) -> int:
    """How many resolutions there are from 4 × 4 to the image's."""
    return (size // BASE).bit_length()


def _groups(size: int, channels: int, width: int, blocks_per_stage: int, group_width: int) -> int:
    """How many groups the 3 × 3 convolutions have, all arguments looked at."""
    check_image(size, channels, width)
    checks.integer("blocks_per_stage", blocks_per_stage, 1)
    checks.integer("group_width", group_width, 1)
    inner = EXPANSION * width
    if inner <= group_width:
        return 1
    if inner % group_width:
        raise ValueError(
            f"group_width is {group_width} and width is {width}; expected a divisor of the {inner} channels within a block"
        )
    return inner // group_width
