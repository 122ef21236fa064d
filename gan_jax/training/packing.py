"""Packing: the discriminator scores m samples at once, and so sees how they vary.

PacGAN is the game between the product laws ``P^m`` and ``Q^m``: a pack is one example. A generator that always draws the same sample is
found out by its first pack, while single samples of it may all be likely. Everything of a game that looks at examples, losses, penalties
and update rules alike, then looks at packs, and needs to know nothing of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Shaped

from gan_jax import checks
from gan_jax.training.game import Data, drawer
from gan_jax.typing import Array, Generator, PRNGKey, PyTree, Variables


class Packed(NamedTuple):
    """Both laws of a game, m samples an example.

    Attributes:
      generator: of packs; its variables are those of the generator of single samples, which they are sampled with.
      data: draws packs.
    """

    generator: Generator
    data: Data


def pack(x: Shaped[Array, "samples *event c"], size: int) -> Shaped[Array, "packs *event packed"]:
    """Joins every ``size`` consecutive samples along the last axis of an event: coordinates of points, channels of images.

    Args:
      x: ``[n · size, *event, c]``.
      size: samples of a pack, m.

    Returns:
      ``[n, *event, size · c]``, the samples of a pack one after another.

    Raises:
      ValueError: ``size`` below one, or a number of samples that is no multiple of it.
    """
    checks.integer("size", size, 1)
    if x.ndim < 2 or x.shape[0] % size:
        raise ValueError(f"x has shape {x.shape}; expected [n * {size}, ..., c], whole packs of {size} samples")
    return _joined(x.reshape(-1, size, *x.shape[1:]), axis=1)


def packed(generator: Generator, data: Data, size: int) -> Packed:
    """The two laws of a game as laws of packs: ``P -> P^m``, ``Q -> Q^m``.

    A batch of n is then n packs. While training, each of the m parts passes the generator as a batch of its own, so that batch statistics
    are those of n samples whatever m is, and the collections that advance do so by the mean over the parts.

    Args:
      generator: of single samples.
      data: of single samples.
      size: samples of a pack, m; 1 leaves the game as it is.

    Returns:
      What ``game.gan`` takes in their place. The discriminator is one of packs (``[*event, m · c]``).

    Raises:
      ValueError: ``size`` below one.

    Source: Lin, Khetan, Fanti & Oh 2018, "PacGAN", section 3.
    """
    checks.integer("size", size, 1)
    checks.made("generator", generator, Generator, "models.generators.mlp_generator()")
    data = drawer(data)
    if size == 1:
        return Packed(generator, data)

    def noise(key: PRNGKey, n: int) -> PyTree:
        # Leading axis first, as for every generator: [n, m, *latent].
        return jax.tree.map(lambda z: z.reshape(n, size, *z.shape[1:]), generator.noise(key, n * size))

    def apply(variables: Variables, z: PyTree) -> Array:
        return pack(generator.apply(variables, jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), z)), size)

    def train(variables: Variables, z: PyTree) -> tuple[Array, Variables]:
        samples, advanced = jax.vmap(generator.train, in_axes=(None, 1))(variables, z)
        others = {name: value for name, value in advanced.items() if name != "params"}
        means = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), others)
        return _joined(samples, axis=0), {**variables, **means}

    def draw(key: PRNGKey, batch: int, **parameters: Any) -> Array:
        return pack(data(key, batch * size, **parameters), size)

    return Packed(Generator(generator.init, noise, apply, train), draw)


def _joined(x: Array, axis: int) -> Array:
    """The samples of a pack, along ``axis``, joined along the last one."""
    samples = jnp.moveaxis(x, axis, -2)
    return samples.reshape(*samples.shape[:-2], -1)


__all__ = ["Packed", "pack", "packed"]
