"""Avatars with captions on the device, drawn from inside a compiled step."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Int32, UInt8

from gan_jax.data.drawn_avatars import AvatarSet
from gan_jax.data.images import to_unit
from gan_jax.data.sources import replicate
from gan_jax.moved import renamed_fields
from gan_jax.typing import Array, ConditionedBatch, PRNGKey


@renamed_fields(said="condition_attributes")
class Feed(NamedTuple):
    """A set on the device, with captions as tokens.

    Attributes:
      images: ``[n, size, size, 3]`` uint8.
      tokens: ``[n, k, length]`` int32.
      condition_attributes: what the captions say, ``[n, k, 5]`` int32.
      attributes: ``[n, 5]`` int32.
    """

    images: UInt8[Array, "n size size 3"]
    tokens: Int32[Array, "n k length"]
    condition_attributes: Int32[Array, "n k 5"]
    attributes: Int32[Array, "n 5"]


def feed_of(drawn: AvatarSet, encode: Callable[[list[str]], np.ndarray], *, mesh: Mesh | None = None) -> Feed:
    """A set on the devices.

    Args:
      drawn: n avatars with k captions each.
      encode: sentences to tokens ``[m, length]``, such as a vocabulary's.
      mesh: every device of it gets the whole set; None for JAX's default device.
    """
    n, count = drawn.condition_attributes.shape[:2]
    tokens = encode([caption for captions in drawn.captions for caption in captions]).astype(np.int32)
    arrays = (
        drawn.images,
        tokens.reshape(n, count, -1),
        drawn.condition_attributes.astype(np.int32),
        drawn.attributes.astype(np.int32),
    )
    return Feed(*(replicate(array, mesh) for array in arrays))


def captioned(key: PRNGKey, batch: int, *, feed: Feed) -> ConditionedBatch:
    """Draws avatars, each with one of its captions, with replacement: the data of a conditional game.

    Args:
      key: of the draw.
      batch: how many.
      feed: the set.

    Returns:
      Images ``[batch, size, size, 3]`` in [-1, 1] with tokens ``[batch, length]``.
    """
    who_key, which_key = jax.random.split(key)
    who = jax.random.randint(who_key, (batch,), 0, feed.images.shape[0])
    which = jax.random.randint(which_key, (batch,), 0, feed.tokens.shape[1])
    return ConditionedBatch(
        to_unit(feed.images[who]), feed.tokens[who, which], feed.condition_attributes[who, which], feed.attributes[who]
    )
