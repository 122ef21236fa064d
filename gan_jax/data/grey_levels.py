"""Images of more than 8 bits a channel as bytes: one scale for a whole set, by the levels that are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
"""Pillow's modes of more than 8 bits a pixel; all are grey, since it reads the upper 8 of deep colours alone."""

WHITES = (1.0, 255.0, 1023.0, 4095.0, 16_383.0, 65_535.0)
"""What scanners, cameras and programs write as white: shares of one, and 8, 10, 12, 14 and 16 bits."""

SAMPLE_FORMAT, UNSIGNED = 339, 1
"""TIFF's tag of what numbers are, and its value for those without a sign."""


UPPER_WHITES = (3, 15, 63, 255)
"""What is left of white in the upper 8 of 16 bits, of scans of 10, 12, 14 and 16 bits."""


class Levels(NamedTuple):
    """A scale.

    Attributes:
      black: the level that becomes 0.
      white: the level that becomes 255.
      said: what a person is to be told of it; empty where it is the usual one.
    """

    black: float
    white: float
    said: str


def extremes(image: Image.Image) -> tuple[float, float, bool]:
    """The least and the largest level of an image of ``DEEP``, and whether its levels are whole numbers.

    Raises:
      ValueError: NaN or infinity among them.
    """
    levels = _levels(image)
    if not np.isfinite(levels).all():
        raise ValueError("it holds levels that are NaN or infinite")
    return float(levels.min()), float(levels.max()), image.mode != "F"


def common_levels(found: Sequence[tuple[float, float, bool]]) -> Levels | None:
    """The scale of a set: black is 0 and white the first of ``WHITES`` that no level exceeds; the extremes themselves where none fits.

    Scans of 12 bits in files of 16 are so as bright as they were meant; a single dark picture among bright ones stays dark.

    Args:
      found: ``extremes`` of every deep image of the set.

    Returns:
      The scale, None where there is no such image.
    """
    if not found:
        return None
    low, high = min(one[0] for one in found), max(one[1] for one in found)
    whole = all(one[2] for one in found)
    if low < 0.0 or high > WHITES[-1]:
        black = min(low, 0.0)
        return Levels(black, high, f"reach from {low:g} to {high:g}: {black:g} becomes black and {high:g} white")
    white = next(white for white in WHITES if high <= white)
    usual = WHITES[-1] if whole else WHITES[0]
    said = "" if white == usual else f"reach from {low:g} to {high:g}: 0 becomes black and {white:g} white"
    return Levels(0.0, white, said)


def stored_as(image: Image.Image) -> str:
    """Pillow's name of how pixels lie in the file, such as ``"RGB;16B"``; empty where it does not say. Before they are read."""
    tile = getattr(image, "tile", None)
    args = tile[0][3] if tile else ""
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def upper_extreme(image: Image.Image) -> int | None:
    """The largest byte of an image of which Pillow reads the upper 8 of 16 bits, as it does of colours; None for every other image.

    Args:
      image: whose header is read, and whose pixels are not.
    """
    if image.mode in DEEP or ";16" not in stored_as(image):
        return None
    found = image.getextrema()
    return max(int(band[1]) if isinstance(band, tuple) else int(band) for band in found)


def common_upper(found: Sequence[int]) -> Levels | None:
    """The scale of a set's colours of 16 bits: white is the first of ``UPPER_WHITES`` that none exceeds.

    Args:
      found: ``upper_extreme`` of every such image of the set.

    Returns:
      The scale, None where there is no such image.
    """
    if not found:
        return None
    white = next(white for white in UPPER_WHITES if max(found) <= white)
    said = (
        f"are read by their upper 8 bits, which reach {max(found)}: {white} becomes white, so that few levels are left"
    )
    return Levels(0.0, float(white), "" if white == UPPER_WHITES[-1] else said)


def brightened(image: Image.Image, upper: Levels) -> Image.Image:
    """An image of ``upper_extreme`` on the scale of its set, transparency included."""
    if upper.white == UPPER_WHITES[-1]:
        return image
    table = [min(255, round(255 * level / upper.white)) for level in range(256)]
    return image.point(table * len(image.getbands()))


def in_bytes(image: Image.Image, levels: Levels) -> Image.Image:
    """An image of ``DEEP`` as 8 bits: ``round(255 (x − black) / (white − black))``; a colour that stands for transparency becomes white."""
    deep = _levels(image).astype(np.float64)
    # 65535 / 255 = 257 exactly.
    grey = np.rint((deep - levels.black) / ((levels.white - levels.black or 1.0) / 255.0)).clip(0.0, 255.0)
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey[deep == clear] = 255.0
    return Image.fromarray(grey.astype(np.uint8))


def _levels(image: Image.Image) -> np.ndarray:
    """``[h, w]``, as the file has them."""
    array = np.asarray(image)
    if image.mode == "I" and image.format == "TIFF":
        tag = getattr(image, "tag_v2", {}).get(SAMPLE_FORMAT, (UNSIGNED,))
        kind = tag[0] if isinstance(tag, tuple) else tag
        # Pillow has no type for 32 bits without a sign, and gives the same bits as if there were one.
        return array.view(np.uint32) if kind == UNSIGNED else array
    return array
