"""Images as one picture: a grid of them, for a file or for a part of a figure."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from gan_jax.plots.arguments import check_axes, whole


def tile(images: ArrayLike, *, columns: int | None = None, gap: int = 1, enlarge: int = 1) -> np.ndarray:
    """Lays images out in rows, with thin white lines between them.

    Args:
      images: ``[n, h, w, c]`` uint8, c of 1 or 3.
      columns: in a row; the square root of n, rounded up, where None.
      gap: pixels between two images, before they are enlarged.
      enlarge: every pixel becomes a square of so many.

    Returns:
      ``[height, width, 3]`` uint8.

    Raises:
      ValueError: another shape or type, no image, or ``columns``, ``gap`` or ``enlarge`` out of range.
    """
    array = np.asarray(images)
    if array.ndim != 4 or array.shape[-1] not in (1, 3) or array.dtype != np.uint8 or array.shape[0] == 0:
        raise ValueError(
            f"images has shape {array.shape} and type {array.dtype}; expected [n, h, w, 1 or 3] uint8 with n of at least 1"
        )
    n, h, w, _ = array.shape
    columns = math.ceil(math.sqrt(n)) if columns is None else whole("columns", columns, 1)
    gap, enlarge = whole("gap", gap, 0), whole("enlarge", enlarge, 1)
    rows = math.ceil(n / columns)
    canvas = np.full((rows * (h + gap) - gap, columns * (w + gap) - gap, 3), 255, np.uint8)
    for index, image in enumerate(array):
        top, left = index // columns * (h + gap), index % columns * (w + gap)
        canvas[top : top + h, left : left + w] = image
    return canvas.repeat(enlarge, axis=0).repeat(enlarge, axis=1)


def enlargement(size: int, *, pixels: int = 48) -> int:
    """By which factor to enlarge images of ``size`` pixels a side, for each to have about ``pixels``."""
    return max(1, round(pixels / whole("size", size, 1)))


def image_grid(ax: Axes, images: ArrayLike, *, columns: int | None = None, title: str = "") -> None:
    """Draws a grid of images as a part of a figure.

    Args:
      ax: where to draw; loses its axes.
      images: as ``tile`` takes them.
      columns: in a row.
      title: above it.

    Raises:
      ValueError: as ``tile``.
      TypeError: no axes.
    """
    check_axes(ax)
    ax.imshow(tile(images, columns=columns), interpolation="nearest")
    ax.set_axis_off()
    if title:
        ax.set_title(title, fontsize=12)
