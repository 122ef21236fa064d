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

BITS, PHOTOMETRIC, PLANES, SAMPLE_FORMAT = 258, 262, 284, 339
"""TIFF's tags of how many bits a number has, what its numbers mean, whether channels lie apart, and what kind of numbers they are."""

MIN_IS_WHITE, APART, UNSIGNED, SIGNED = 0, 2, 1, 2
"""Values of the last three."""

UPPER_WHITES = (3, 15, 63, 255)
"""What is left of white in the upper 8 of 16 bits, of scans of 10, 12, 14 and 16 bits."""


class Levels(NamedTuple):
    """A scale.

    Attributes:
      black: the level that becomes 0.
      white: the level that becomes 255.
      notice: what a person is to be told of it; empty where it is the usual one.
      opaque: of transparency, the level that becomes 255.
    """

    black: float
    white: float
    notice: str
    opaque: float = 255.0


def refuse(image: Image.Image) -> None:
    """Raises ``ValueError`` for pixels that Pillow opens and reads wrongly: numbers that it takes for others, without a word."""
    if image.format != "TIFF":
        return
    bits = _tag(image, BITS, 1)
    if bits == 8 and _tag(image, SAMPLE_FORMAT, UNSIGNED) == SIGNED:
        raise ValueError("its levels are whole numbers of 8 bits with a sign; expected some without")
    if bits > 8 and _tag(image, PLANES, 1) == APART:
        raise ValueError(f"its channels of {bits} bits lie apart; expected those of a pixel together")


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
    notice = "" if white == usual else f"reach from {low:g} to {high:g}: 0 becomes black and {white:g} white"
    return Levels(0.0, white, notice)


def stored_as(image: Image.Image) -> str:
    """Pillow's name of how pixels lie in the file, such as ``"RGB;16B"``; empty where it does not say. Before they are read."""
    tile = getattr(image, "tile", None)
    args = tile[0][3] if tile else ""
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def transparent(image: Image.Image) -> object:
    """What Pillow calls ``transparency``, in the units of the pixels that it reads. Before they are read.

    PNG counts the colour that stands for transparency in the bits of the file, of which Pillow makes 8: of 16 the upper ones, so that
    colours which differ from it in the lower ones alone are transparent as well.
    """
    clear, stored = image.info.get("transparency"), stored_as(image)
    if isinstance(clear, tuple) and ";16" in stored:
        return tuple(level >> 8 for level in clear)
    if isinstance(clear, int):
        return clear * {"1": 255, "L;2": 85, "L;4": 17}.get(stored, 1)
    return clear


def upper_extreme(image: Image.Image) -> tuple[int, int] | None:
    """The largest bytes, of colours and of transparency, of an image of which Pillow reads the upper 8 of 16 bits, as it does of colours.

    Args:
      image: whose header is read, and whose pixels are not.

    Returns:
      Both, the second 0 without transparency; None for every other image.
    """
    if image.mode in DEEP or ";16" not in stored_as(image):
        return None
    largest = [int(np.asarray(band).max()) for band in image.split()]
    colours = largest[:-1] if image.mode == "RGBA" else largest
    return max(colours), largest[-1] if image.mode == "RGBA" else 0


def common_upper(found: Sequence[tuple[int, int]]) -> Levels | None:
    """The scale of a set's colours of 16 bits: white is the first of ``UPPER_WHITES`` that none exceeds.

    Transparency is on the same scale where it does not exceed it either, and reaches to the last of them elsewhere.

    Args:
      found: ``upper_extreme`` of every such image of the set.

    Returns:
      The scale, None where there is no such image.
    """
    if not found:
        return None
    colours, hides = (max(one[i] for one in found) for i in (0, 1))
    white = next(white for white in UPPER_WHITES if colours <= white)
    notice = (
        f"are read by their upper 8 bits, which reach {colours}: {white} becomes white, so that few levels are left"
    )
    opaque = white if hides <= white else UPPER_WHITES[-1]
    return Levels(0.0, float(white), "" if white == UPPER_WHITES[-1] else notice, float(opaque))


def brightened(image: Image.Image, upper: Levels) -> Image.Image:
    """An image of ``upper_extreme`` on the scale of its set, transparency included."""
    if upper.white == UPPER_WHITES[-1]:
        return image
    whites = [upper.opaque if name == "A" else upper.white for name in image.getbands()]
    return image.point([min(255, round(255 * level / white)) for white in whites for level in range(256)])


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
    """``[h, w]``, as the file has them; those that count from white to black, from black to white."""
    array = np.asarray(image)
    if image.format != "TIFF":
        return array
    if image.mode == "I" and _tag(image, SAMPLE_FORMAT, UNSIGNED) == UNSIGNED:
        # Pillow has no type for 32 bits without a sign, and gives the same bits as if there were one.
        array = array.view(np.uint32)
    if _tag(image, PHOTOMETRIC, 1) == MIN_IS_WHITE:
        # Pillow turns 8 bits over by itself. Where there is no largest number, black is what comes out as the smallest.
        whole = np.issubdtype(array.dtype, np.unsignedinteger)
        return 2 ** _tag(image, BITS, 16) - 1 - array if whole else -array
    return array


def _tag(image: Image.Image, tag: int, default: int) -> int:
    """The first number of a TIFF's tag."""
    found = getattr(image, "tag_v2", {}).get(tag, default)
    return int(found[0] if isinstance(found, tuple) else found)
