"""Avatars with captions as a set: drawn once, kept as TFDS keeps sets, and drawn from inside a compiled step."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from gan_jax import checks
from gan_jax.data import avatars
from gan_jax.data.captions import describe
from gan_jax.data.images import to_bytes, to_unit
from gan_jax.data.preparing import default_data_dir, prepare_once
from gan_jax.data.sources import everywhere
from gan_jax.typing import Array, Pairs, PRNGKey

SPLITS = {"train": ("seen", 20_000), "test": ("seen", 2_000), "held_out": ("held_out", 2_000)}
"""Of every split, which pairs of colours it has and how many avatars."""

CAPTIONS = 4
"""Captions of every avatar."""


class AvatarSet(NamedTuple):
    """Avatars with captions, in the host's memory.

    Attributes:
      name: with style and size, as in ``"avatars-portrait-32"``.
      images: ``[n, size, size, 3]`` uint8.
      attributes: ``[n, 5]`` int32, as in ``avatars.Avatars``.
      captions: k sentences for each.
      said: what they say, ``[n, k, 5]`` int32, −1 where nothing.
    """

    name: str
    images: np.ndarray
    attributes: np.ndarray
    captions: tuple[tuple[str, ...], ...]
    said: np.ndarray


def draw_set(seed: int, n: int, *, pairs: str = "seen", size: int = 32, style: str = "portrait") -> AvatarSet:
    """Draws a set; the same numbers always give the same one.

    Args:
      seed: of everything random, ≥ 0.
      n: how many avatars.
      pairs, size, style: as of ``avatars.sample`` and ``avatars.render``.

    Returns:
      The set.

    Raises:
      ValueError: a negative seed; what ``avatars.sample`` and ``avatars.render`` raise.
    """
    checks.at_least("seed", seed, 0)
    drawn = avatars.sample(jax.random.key(seed), n, pairs=pairs)
    parts = []
    for first in range(0, n, PART):
        # One shape for all parts, so that the program is compiled once.
        places = np.minimum(np.arange(first, first + PART), n - 1)
        part = avatars.Avatars(drawn.attributes[places], drawn.jitter[places])
        parts.append(np.asarray(to_bytes(avatars.render(part, size=size, style=style)))[: n - first])
    attributes = np.asarray(drawn.attributes)
    captions, said = captions_of(attributes, seed)
    return AvatarSet(f"avatars-{style}-{size}", np.concatenate(parts), attributes, captions, said)


PART = 500
"""Avatars that are drawn at once."""


def captions_of(
    attributes: np.ndarray, seed: int, count: int = CAPTIONS
) -> tuple[tuple[tuple[str, ...], ...], np.ndarray]:
    """``count`` captions for each of n avatars, and what they say, ``[n, count, 5]``."""
    rng = np.random.default_rng(seed)
    made = [[describe(row, rng) for _ in range(count)] for row in attributes]
    return tuple(tuple(caption.text for caption in row) for row in made), np.array(
        [[c.said for c in row] for row in made]
    )


def load_avatars(
    split: str = "train",
    *,
    size: int = 32,
    style: str = "portrait",
    data_dir: str | os.PathLike[str] | None = None,
) -> AvatarSet:
    """A set as TFDS keeps it: drawn and prepared at the first call, read at every later one; no TensorFlow, no network.

    Args:
      split: ``"train"`` (20 000) and ``"test"`` (2000), of seen pairs of colours, or ``"held_out"`` (2000), of the others.
      size: 16, 32 or 64 pixels a side.
      style: ``"portrait"`` or ``"cartoon"``.
      data_dir: TFDS's folder of prepared sets; ``preparing.default_data_dir()`` where None.

    Returns:
      The set.

    Raises:
      ValueError: another split, size or style.
      OSError: ``data_dir`` cannot be written; the message names it.
      RuntimeError: what is prepared there is not whole.
    """
    from gan_jax.data.avatars_builder import CONFIGS, Avatars, name_of

    checks.one_of("split", split, SPLITS)
    if (style, size) not in CONFIGS:
        sizes = sorted({known for _, known in CONFIGS})
        checks.one_of("style", style, {known for known, _ in CONFIGS})
        raise ValueError(f"size is {size}; expected one of {', '.join(map(str, sizes))}")
    root = default_data_dir() if data_dir is None else Path(data_dir)

    def builder(folder: Path) -> Avatars:
        return Avatars(data_dir=os.fspath(folder), config=name_of(style, size), file_format="array_record")

    folder = Path(builder(root).data_path)
    if not folder.is_dir():
        prepare_once(root, folder, builder)
    try:
        source = builder(root).as_data_source(split=split)
        examples = sorted(source.__getitems__(range(len(source))), key=lambda example: int(example["index"]))
    except Exception as error:
        raise RuntimeError(
            f"The avatars prepared in {folder} cannot be read ({error}); delete that folder and try again"
        ) from error
    if len(examples) != SPLITS[split][1]:
        raise RuntimeError(
            f"{folder} holds {len(examples)} avatars; expected {SPLITS[split][1]}: delete that folder and try again"
        )
    return AvatarSet(
        f"avatars-{style}-{size}",
        np.stack([example["image"] for example in examples]),
        np.stack([example["attributes"] for example in examples]).astype(np.int32),
        tuple(tuple(bytes(text).decode() for text in example["captions"]) for example in examples),
        np.stack([example["said"] for example in examples]).astype(np.int32),
    )


# -------------------------------------------------------------------------------------------------- drawing inside a program


class Feed(NamedTuple):
    """A set on the device, with captions as tokens.

    Attributes:
      images: ``[n, size, size, 3]`` uint8.
      tokens: ``[n, k, length]`` int32.
      said: ``[n, k, 5]`` int32.
      attributes: ``[n, 5]`` int32.
    """

    images: Array
    tokens: Array
    said: Array
    attributes: Array


def feed_of(drawn: AvatarSet, encode: Callable[[list[str]], np.ndarray], *, mesh: Mesh | None = None) -> Feed:
    """A set on the devices.

    Args:
      drawn: n avatars with k captions each.
      encode: sentences to tokens ``[m, length]``, such as a vocabulary's.
      mesh: every device of it gets the whole set; None for JAX's default device.
    """
    n, count = drawn.said.shape[:2]
    tokens = encode([caption for captions in drawn.captions for caption in captions]).astype(np.int32)
    arrays = drawn.images, tokens.reshape(n, count, -1), drawn.said.astype(np.int32), drawn.attributes.astype(np.int32)
    return Feed(*(everywhere(array, mesh) for array in arrays))


def captioned(key: PRNGKey, batch: int, *, feed: Feed) -> Pairs:
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
    return Pairs(to_unit(feed.images[who]), feed.tokens[who, which], feed.said[who, which], feed.attributes[who])
