"""Residual networks for images: the generator of WGAN-GP and SNGAN, with a discriminator for spectral norm and one for penalties."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Float

from gan_jax.models.convolutions import Conv, average_pool, convolution, transposed_convolution, upsample
from gan_jax.models.generators import generator_of
from gan_jax.models.image_players import check_image, compute_dtype, discriminator_of, layer_bound, scaled
from gan_jax.models.spectral_norm import spectrally_normalised
from gan_jax.typing import Array, Critic, Generator, PyTree, Variables

BASE = 4
SAME_SIZE_BLOCKS = 2


def smeared(kernel: Array) -> Array:
    """A kernel convolved with 2 × 2 ones, ``[k, k, cin, cout] -> [k + 1, k + 1, cin, cout]``.

    ``conv(upsample(x), W) = transposed_conv(x, smeared(W))`` and ``pool(conv(x, W)) = conv(x, smeared(W) / 4, stride 2)``, zero padding
    included, for 4/9 of the multiplications.

    Source: Karras et al. 2018, "Progressive growing of GANs", whose code fuses resampling with convolutions in the same way.
    """
    for axis in (0, 1):
        before, after = ([(0, 0)] * axis + [gap] + [(0, 0)] * (3 - axis) for gap in ((1, 0), (0, 1)))
        kernel = jnp.pad(kernel, before) + jnp.pad(kernel, after)
    return kernel


class ResampledConv(nn.Module):
    """A 3 × 3 convolution after an upsampling by nearest neighbours, or before an average pooling, in one pass.

    Attributes:
      features: channels out.
      run: ``(x, 4 × 4 kernel) -> y``: what the smeared kernel is applied by.
      kernel_init: of the kernel ``[3, 3, cin, features]``.
      dtype: what it computes in.
    """

    features: int
    run: Callable[[Array, Array], Array]
    kernel_init: nn.initializers.Initializer
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps ``[batch, h, w, cin]`` to twice or half the side."""
        kernel = self.param("kernel", self.kernel_init, (3, 3, x.shape[-1], self.features), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)
        y = self.run(x.astype(self.dtype), smeared(kernel).astype(self.dtype))
        return y + bias.astype(self.dtype).reshape(1, 1, 1, -1)


def upsampled_convolution(x: Array, kernel: Array) -> Array:
    """``conv(upsample(x), W)`` of ``smeared(W)``."""
    return transposed_convolution(x, kernel, stride=2)


def pooled_convolution(x: Array, kernel: Array) -> Array:
    """``pool(conv(x, W))`` of ``smeared(W)``."""
    return convolution(x, 0.25 * kernel, stride=2)


class UpBlock(nn.Module):
    """``upsample(S x) + conv(ReLU(norm(conv(upsample(ReLU(norm(x)))))))``.

    Attributes:
      width: channels out.
      norm: makes a normalisation.
      dtype: what it computes in.
    """

    width: int
    norm: Callable[[], Callable[[Array], Array]]
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps ``[batch, h, w, c]`` to ``[batch, 2h, 2w, width]``."""
        h = nn.relu(self.norm()(x))
        h = ResampledConv(self.width, upsampled_convolution, scaled(2.0), self.dtype)(h)
        h = nn.relu(self.norm()(h))
        h = Conv(self.width, kernel_init=scaled(2.0), dtype=self.dtype)(h)
        # 1 × 1 and nearest neighbours commute, and this order is four times cheaper.
        return upsample(Conv(self.width, 1, kernel_init=scaled(1.0), dtype=self.dtype)(x)) + h


class ResNetGenerator(nn.Module):
    """``z -> dense -> blocks up … -> batch norm, ReLU, convolution -> tanh``.

    Attributes:
      size, channels: of the images.
      width: channels of every block.
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
        h = nn.Dense(BASE * BASE * self.width, kernel_init=scaled(1.0), dtype=self.dtype)(z)
        h = h.reshape(-1, BASE, BASE, self.width)
        for _ in range((self.size // BASE).bit_length() - 1):
            h = UpBlock(self.width, norm, self.dtype)(h)
        h = Conv(self.channels, kernel_init=scaled(1.0), dtype=self.dtype)(nn.relu(norm()(h)))
        return jnp.tanh(h.astype(jnp.float32))


class Branch(nn.Module):
    """``conv(ReLU(conv(x)))``, perhaps pooled, with a variance of ``variance`` times the input's at birth.

    Attributes:
      width: channels of both convolutions.
      down: whether blocks of 2 × 2 pixels are averaged at the end.
      input_gain: 2 where the input comes out of a ReLU, 1 elsewhere.
      variance: of the branch.
      dtype: what it computes in.
    """

    width: int
    down: bool
    input_gain: float
    variance: float
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps ``[batch, h, w, c]`` to ``[batch, h, w, width]``, or half the side."""
        h = nn.relu(Conv(self.width, kernel_init=scaled(self.input_gain), dtype=self.dtype, name="first")(x))
        last = scaled(2.0 * self.variance)
        if self.down:
            return ResampledConv(self.width, pooled_convolution, last, self.dtype, name="second")(h)
        return Conv(self.width, kernel_init=last, dtype=self.dtype, name="second")(h)


class ResNetDiscriminator(nn.Module):
    """``x -> blocks down … -> two blocks of one size -> ReLU -> pool over pixels -> dense``.

    A block down is ``S pool(x) + pool(branch(x))``, one of the same size ``x + branch(ReLU(x))``; all but the first see a ReLU. Every
    branch begins with 1 / blocks of its input's variance, so that the variance of the sum at most triples from end to end.

    Attributes:
      down_blocks: how many halve the side.
      width: channels of every block.
      pool: over pixels: ``jnp.sum`` or ``jnp.mean``.
      dtype: what it computes in.
    """

    down_blocks: int
    width: int
    pool: Callable[..., Array]
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: Float[Array, "batch size size channels"]) -> Float[Array, " batch"]:
        """Maps images ``[batch, size, size, channels]`` to logits ``[batch]``."""
        blocks = self.down_blocks + SAME_SIZE_BLOCKS
        h = x
        for i in range(blocks):
            down = i < self.down_blocks
            branch = Branch(self.width, down, 2.0 if i else 1.0, 1.0 / blocks, self.dtype, name=f"branch_{i}")
            added = branch(nn.relu(h) if i else h)
            if down:
                shortcut = Conv(self.width, 1, kernel_init=scaled(1.0), dtype=self.dtype, name=f"shortcut_{i}")
                h = shortcut(average_pool(h)) + added
            else:
                h = h + added
        h = self.pool(nn.relu(h).astype(jnp.float32), axis=(1, 2))
        return nn.Dense(1, kernel_init=scaled(2.0), name="logit")(h)[:, 0]


def resnet_generator(
    size: int, channels: int, *, width: int = 128, latent: int = 128, dtype: DTypeLike = jnp.float32
) -> Generator:
    """The residual generator, with batch normalisation: statistics of the batch while training, running averages for samples.

    Args:
      size: 8, 16, 32 or 64 pixels a side.
      channels: of the images.
      width: channels of every block; at 32 × 32, 128 in Gulrajani et al. and 256 in Miyato et al.
      latent: dimension of ``z ~ N(0, I)``.
      dtype: float32 or bfloat16, what it computes in; parameters, statistics and samples are float32.

    Returns:
      A generator of images ``[n, size, size, channels]`` in [-1, 1].

    Raises:
      ValueError: another size or dtype; ``channels``, ``width`` or ``latent`` below one.

    Source: Gulrajani et al. 2017, section 5.3 and its appendix (CIFAR-10); Miyato et al. 2018, appendix B.4.
    """
    check_image(size, channels, width)
    return generator_of(ResNetGenerator(size, channels, width, compute_dtype(dtype)), latent)


def resnet_discriminator(size: int, channels: int, *, width: int = 128, dtype: DTypeLike = jnp.float32) -> Critic:
    """The residual discriminator without any normalisation, for penalties; the mean over pixels is what is scored.

    Args:
      size, channels, dtype: as of the generator; logits are float32.
      width: channels of every block; 128 at 32 × 32.

    Returns:
      A discriminator; its Lipschitz bound is a true one, and loose.

    Raises:
      ValueError: as of the generator.

    Source: Gulrajani et al. 2017, section 5.3 and its appendix (CIFAR-10; the smaller branches at birth are this library's); Zhang,
      Dauphin & Ma 2019, section 2, on how residual variances add up.
    """
    return _discriminator(size, channels, width, jnp.mean, dtype)


def resnet_spectral_discriminator(
    size: int, channels: int, *, width: int = 128, power_iterations: int = 1, dtype: DTypeLike = jnp.float32
) -> Critic:
    """The residual discriminator with spectral normalisation; the sum over pixels is what is scored.

    Every kernel is divided by the largest singular value of its matrix ``[kh · kw · cin, cout]``: Miyato's convention, not the operator
    norm of the convolution, so that the network is not 1-Lipschitz. ``lipschitz_bound`` is a true bound all the same, and far above one.

    Args:
      size, channels, width, dtype: as of ``resnet_discriminator``.
      power_iterations: after every update, in ``constrain`` and nowhere else.

    Returns:
      A discriminator with right singular vectors in the collection ``"singular_vectors"``.

    Raises:
      ValueError: as of the generator; ``power_iterations`` below one.

    Source: Miyato et al. 2018, Algorithm 1 and appendix B.4.
    """
    return spectrally_normalised(
        _discriminator(size, channels, width, jnp.sum, dtype), power_iterations=power_iterations
    )


def _discriminator(size: int, channels: int, width: int, pool: Callable[..., Array], dtype: DTypeLike) -> Critic:
    check_image(size, channels, width)
    # 8 × 8 at the end, as in the papers at 32 × 32; 4 × 4 for the small sizes, whose blocks would otherwise see few pixels or none fewer.
    last = 8 if size >= 32 else BASE
    module = ResNetDiscriminator((size // last).bit_length() - 1, width, pool, compute_dtype(dtype))
    # The sum over n numbers has the norm √n, their mean 1 / √n.
    pool_bound = float(last) if pool is jnp.sum else 1.0 / last

    def lipschitz_bound(variables: Variables) -> Array:
        return pool_bound * _slope_before_pooling(variables["params"])

    return discriminator_of(module, (size, size, channels), lipschitz_bound=lipschitz_bound)


def _slope_before_pooling(params: PyTree) -> Array:
    """``||logit|| prod (||shortcut|| + ||branch||)``; the mean of 2 × 2 blocks has the norm ½."""
    bound = layer_bound(params["logit"]["kernel"])
    branches = sorted(name for name in params if name.startswith("branch"))
    for name in branches:
        layers = params[name]
        branch = layer_bound(layers["first"]["kernel"]) * layer_bound(layers["second"]["kernel"])
        shortcut = params.get(name.replace("branch", "shortcut"))
        bound = bound * (1.0 + branch if shortcut is None else 0.5 * (layer_bound(shortcut["kernel"]) + branch))
    return bound
