"""Generators and discriminators of images that belong together, by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from gan_jax import checks
from gan_jax.models.dcgan import dcgan_discriminator, dcgan_generator
from gan_jax.models.generators import mlp_generator
from gan_jax.models.image_players import check_image, compute_dtype, discriminator_of
from gan_jax.models.mlp import MLP, product_of_spectral_norms
from gan_jax.models.r3gan import r3gan_discriminator, r3gan_generator
from gan_jax.models.resnet import resnet_discriminator, resnet_generator, resnet_spectral_discriminator
from gan_jax.moved import moved as moved_names
from gan_jax.typing import Array, Critic, Generator, PyTree, Variables

__getattr__ = moved_names(__name__, {"Pair": f"{__name__}:ImagePair"})


class ImagePair(NamedTuple):
    """Two players for images of one size.

    Attributes:
      generator: of images ``[n, size, size, channels]`` in [-1, 1].
      discriminator: of such images.
    """

    generator: Generator
    discriminator: Critic


def parameter_count(variables: Variables) -> int:
    """How many numbers are trained: the sizes of all parameters together; works on shapes (``jax.eval_shape``) too."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(variables["params"]))


def mlp_image_generator(
    size: int, channels: int, *, width: int = 512, latent: int = 128, dtype: DTypeLike = jnp.float32
) -> Generator:
    """A perceptron of four hidden layers and a tanh: the generator that knows nothing of images.

    Args:
      size: 8, 16, 32 or 64 pixels a side.
      channels: of the images.
      width: of every hidden layer; 512 in the paper.
      latent: dimension of ``z ~ N(0, I)``.
      dtype: float32 or bfloat16, what it computes in; parameters and samples are float32.

    Returns:
      A generator of images ``[n, size, size, channels]`` in [-1, 1].

    Raises:
      ValueError: another size or dtype; ``channels``, ``width`` or ``latent`` below one.

    Source: Arjovsky, Chintala & Bottou 2017, section 4.2 and figure 3.
    """
    check_image(size, channels, width)
    free = mlp_generator((width,) * 4, latent=latent, event_shape=(size, size, channels))
    low = partial(_cast, dtype=compute_dtype(dtype))

    def apply(variables: Variables, z: PyTree) -> Array:
        return jnp.tanh(free.apply(low(variables), low(z)).astype(jnp.float32))

    return Generator(free.init, free.noise, apply, lambda variables, z: (apply(variables, z), variables))


def mlp_image_discriminator(size: int, channels: int, *, width: int = 512, dtype: DTypeLike = jnp.float32) -> Critic:
    """A perceptron of four hidden layers with leaky ReLU, without normalisation.

    Args:
      size, channels, width, dtype: as of the generator; logits are float32.

    Returns:
      A discriminator; its Lipschitz bound is the product of the spectral norms.

    Raises:
      ValueError: as of the generator.

    Source: Arjovsky, Chintala & Bottou 2017, section 4.2 and figure 3.
    """
    check_image(size, channels, width)
    module = MLP((width,) * 4, partial(nn.leaky_relu, negative_slope=0.2))
    free = discriminator_of(module, (size, size, channels), lipschitz_bound=product_of_spectral_norms)
    low = partial(_cast, dtype=compute_dtype(dtype))

    def apply(variables: Variables, x: Array) -> Array:
        return free.apply(low(variables), low(x)).astype(jnp.float32)

    return free._replace(apply=apply)


def _cast(tree: PyTree, dtype: jnp.dtype) -> PyTree:
    """Every array in another type; the way back of a gradient is cast back."""
    return jax.tree.map(lambda leaf: leaf.astype(dtype), tree)


def mlp(size: int, channels: int, *, width: int = 256, latent: int = 128, dtype: DTypeLike = jnp.float32) -> ImagePair:
    """Two perceptrons of four hidden layers; the paper's width is 512."""
    return ImagePair(
        mlp_image_generator(size, channels, width=width, latent=latent, dtype=dtype),
        mlp_image_discriminator(size, channels, width=width, dtype=dtype),
    )


def dcgan(size: int, channels: int, *, width: int = 32, latent: int = 128, dtype: DTypeLike = jnp.float32) -> ImagePair:
    """DCGAN with batch norm on both sides, for games without penalties; the paper's width is 128 at 64 × 64."""
    return ImagePair(
        dcgan_generator(size, channels, width=width, latent=latent, dtype=dtype),
        dcgan_discriminator(size, channels, width=width, batch_norm=True, dtype=dtype),
    )


def dcgan_norm_free(
    size: int, channels: int, *, width: int = 32, latent: int = 128, dtype: DTypeLike = jnp.float32
) -> ImagePair:
    """DCGAN with a discriminator without normalisation, for penalties; the paper's width is 128 at 64 × 64."""
    return ImagePair(
        dcgan_generator(size, channels, width=width, latent=latent, dtype=dtype),
        dcgan_discriminator(size, channels, width=width, dtype=dtype),
    )


def resnet_spectral(
    size: int, channels: int, *, width: int = 32, latent: int = 128, dtype: DTypeLike = jnp.float32
) -> ImagePair:
    """Residual networks, the discriminator with spectral norm; the paper's widths are 256 and 128 at 32 × 32."""
    return ImagePair(
        resnet_generator(size, channels, width=width, latent=latent, dtype=dtype),
        resnet_spectral_discriminator(size, channels, width=width, dtype=dtype),
    )


def resnet(
    size: int, channels: int, *, width: int = 32, latent: int = 128, dtype: DTypeLike = jnp.float32
) -> ImagePair:
    """Residual networks, the discriminator without normalisation, for penalties; the paper's width is 128 at 32 × 32."""
    return ImagePair(
        resnet_generator(size, channels, width=width, latent=latent, dtype=dtype),
        resnet_discriminator(size, channels, width=width, dtype=dtype),
    )


def r3gan(size: int, channels: int, *, width: int = 32, latent: int = 64, dtype: DTypeLike = jnp.float32) -> ImagePair:
    """The modern pair without normalisation, for ``relativistic`` with R1 + R2; the paper's width is 768 at 32 × 32."""
    return ImagePair(
        r3gan_generator(size, channels, width=width, latent=latent, dtype=dtype),
        r3gan_discriminator(size, channels, width=width, dtype=dtype),
    )


PAIRS: Mapping[str, Callable[..., ImagePair]] = checks.Named(
    "pair",
    {
        "mlp": mlp,
        "dcgan": dcgan,
        "dcgan_norm_free": dcgan_norm_free,
        "resnet_spectral": resnet_spectral,
        "resnet": resnet,
        "r3gan": r3gan,
    },
)
"""Constructors of all pairs by name: ``(size, channels, *, width, latent, dtype) -> Pair``; default widths train on a CPU at 8 × 8."""
