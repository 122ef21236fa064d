"""Avatars with captions, drawn: the same numbers always give the same ones."""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np

from gan_jax import checks
from gan_jax.data import avatars
from gan_jax.data.captions import describe
from gan_jax.data.images import to_bytes
from gan_jax.moved import renamed_fields

SPLITS = {"train": ("seen", 20_000), "test": ("seen", 2_000), "held_out": ("held_out", 2_000)}
"""Of every split, which pairs of colours it has and how many avatars."""

CAPTIONS = 4
"""Captions of every avatar."""


@renamed_fields(said="condition_attributes")
class AvatarSet(NamedTuple):
    """Avatars with captions, in the host's memory.

    Attributes:
      name: with style and size, as in ``"avatars-portrait-32"``.
      images: ``[n, size, size, 3]`` uint8.
      attributes: ``[n, 5]`` int32, as in ``avatars.Avatars``.
      captions: k sentences for each.
      condition_attributes: what they say, ``[n, k, 5]`` int32, −1 where nothing.
    """

    name: str
    images: np.ndarray
    attributes: np.ndarray
    captions: tuple[tuple[str, ...], ...]
    condition_attributes: np.ndarray


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
    captions, condition_attributes = captions_of(attributes, seed)
    return AvatarSet(f"avatars-{style}-{size}", np.concatenate(parts), attributes, captions, condition_attributes)


PART = 500
"""Avatars that are drawn at once."""


def captions_of(
    attributes: np.ndarray, seed: int, count: int = CAPTIONS
) -> tuple[tuple[tuple[str, ...], ...], np.ndarray]:
    """``count`` captions for each of n avatars, and what they say, ``[n, count, 5]``."""
    rng = np.random.default_rng(seed)
    made = [[describe(row, rng) for _ in range(count)] for row in attributes]
    return tuple(tuple(caption.text for caption in row) for row in made), np.array(
        [[c.condition_attributes for c in row] for row in made]
    )
