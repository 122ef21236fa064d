"""What ``image_zoo`` shows: KID of every objective under every penalty, and what such a KID looks like."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from experiments.framework import Arrays
from experiments.images.image_zoo.analysis import LABELS, distances, diverged, logarithms, seeds_in_words
from gan_jax.plots.images import tile
from gan_jax.plots.style import VERMILION, WIDTH, style

NAMES = {
    "kl": "KL",
    "gan": "GAN",
    **{
        name.lower(): name
        for name in ("Wasserstein", "Pearson", "Neyman", "Hellinger", "Jeffreys", "Jensen", "Shannon")
    },
}
"""Words of objectives' names that are written otherwise."""

GAP = 3
"""Pixels between two cells of the grid of samples, before it is enlarged."""

TICKS = tuple(digit * 10.0**power for power in range(-3, 5) for digit in (1, 2, 5))
"""Where the colour bar may have its ticks."""

EMPTY = "#D9D9D9"
"""What stands where a game has no number and no picture."""


def plot(arrays: Arrays) -> Figure:
    """The map of distances, and samples of the same games in the same places."""
    rows, columns = arrays["kid"].shape[:2]
    usual = float(np.median(logarithms(arrays)[1]))
    with style():
        figure = Figure(figsize=(WIDTH, 2.7 + 4.35 * rows / columns), layout="constrained")
        figure.suptitle(
            f"digits 8 × 8: {int(arrays['steps'])} steps of one recipe (width {int(arrays['width'])}), "
            f"{seeds_in_words(arrays)}\nusual error of a KID: {usual:.0%}; KID of two halves of the data: {arrays['halves'].mean():.4f}",
            fontsize=13,
        )
        places = figure.add_gridspec(2, 2, height_ratios=(4.35 * rows / columns, 0.3))
        left, right = (figure.add_subplot(places[0, column]) for column in range(2))
        bar, below = (figure.add_subplot(places[1, column]) for column in range(2))
        _distances(left, bar, arrays)
        _samples(right, arrays)
        below.imshow(tile(_ink(arrays["real"]), columns=len(arrays["real"]), gap=GAP), interpolation="nearest")
        below.set_title("real digits", fontsize=12)
        below.set_axis_off()
    return figure


def _ink(pictures: np.ndarray) -> np.ndarray:
    """Black ink on white paper."""
    return 255 - pictures


def _distances(ax: Axes, bar: Axes, arrays: Arrays) -> None:
    kid, _ = distances(arrays)
    shown = np.where(np.isfinite(kid), kid, np.nan)
    low, high = limits(shown)
    colours = mpl.colormaps["cividis_r"].with_extremes(bad=EMPTY)
    image = ax.imshow(np.clip(shown, low, high), cmap=colours, norm=LogNorm(low, high))
    for (row, column), value in np.ndenumerate(kid):
        colour = "white" if np.isfinite(value) and _is_dark(colours(image.norm(np.clip(value, low, high)))) else "black"
        ax.text(column, row, number(value), ha="center", va="center", color=colour, fontsize=11 if value < 1e3 else 7.5)
    for row, best in enumerate(best_of_rows(kid)):
        if best >= 0:
            ax.add_patch(_frame(best, row, 0.44))
    if np.isfinite(kid).any():
        row, column = np.unravel_index(np.argmin(kid), kid.shape)
        ax.add_patch(_frame(int(column), int(row), 0.36))
    seconds = np.nanmedian(arrays["seconds"], axis=(0, 2))
    penalties = [LABELS.get(name, name) for name in arrays["penalties"].tolist()]
    ax.set_xticks(range(len(penalties)), [f"{p}\n{s:.1f} s" for p, s in zip(penalties, seconds, strict=True)])
    ax.set_yticks(range(len(kid)), [written(name) for name in arrays["objectives"].tolist()])
    ax.set_title("KID (under the names: time of 1000 steps)", fontsize=12)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.tick_params(axis="x", labelsize=9.5)
    legend = ax.figure.colorbar(image, cax=bar, orientation="horizontal", extend="max")
    ticks = [tick for tick in TICKS if low <= tick <= high]
    legend.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    legend.ax.minorticks_off()
    legend.outline.set_visible(False)
    bar.set_title("KID; framed: best of a row, and of all", fontsize=12)


def _samples(ax: Axes, arrays: Arrays) -> None:
    rows, columns = arrays["kid"].shape[:2]
    lost = diverged(arrays)[..., 0]
    grids = [
        tile(_ink(pictures), columns=2)
        for pictures in arrays["samples"].reshape(rows * columns, *arrays["samples"].shape[2:])
    ]
    side = grids[0].shape[0]
    picture = tile(np.stack(grids), columns=columns, gap=GAP)
    ax.imshow(picture, interpolation="nearest")
    for (row, column), gone in np.ndenumerate(lost):
        if gone:
            corner = (column * (side + GAP) - 0.5, row * (side + GAP) - 0.5)
            ax.add_patch(Rectangle(corner, side, side, facecolor=EMPTY, edgecolor="none"))
            ax.text(corner[0] + side / 2, corner[1] + side / 2, "diverged", ha="center", va="center", fontsize=7.5)
    # Half a gap around every cell, so that cells lie where those of the map do.
    ax.set_xlim(-GAP / 2 - 0.5, columns * (side + GAP) - GAP / 2 - 0.5)
    ax.set_ylim(rows * (side + GAP) - GAP / 2 - 0.5, -GAP / 2 - 0.5)
    centres = np.arange(columns) * (side + GAP) + side / 2 - 0.5
    ax.set_xticks(centres, [LABELS.get(name, name) + "\n" for name in arrays["penalties"].tolist()])
    ax.set_yticks([])
    ax.set_title("four samples of each", fontsize=12)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.tick_params(axis="x", labelsize=9.5)


def number(kid: float) -> str:
    """A KID in at most four characters: ``.012``, ``.31``, ``2.4``, ``57``, or ``diverged``; one below zero keeps its sign."""
    if not np.isfinite(kid):
        return "diverged"
    text = f"{kid:.3f}" if abs(kid) < 0.0995 else f"{kid:.2f}" if abs(kid) < 0.995 else f"{kid:.1f}"
    return f"{kid:.0f}" if abs(kid) >= 9.95 else text.replace("0.", ".", 1) if abs(kid) < 0.995 else text


def limits(kid: np.ndarray) -> tuple[float, float]:
    """The KIDs of the palest and of the darkest colour: from the least one a factor of ten; whatever is above is as dark.

    A KID below its noise, or below zero, has no place on a logarithm: the palest colour, of 0.005, stands for it.
    """
    low = max(float(np.nanmin(kid)), 0.005) if np.isfinite(kid).any() else 0.005
    return low, 10.0 * low


def best_of_rows(kid: np.ndarray) -> list[int]:
    """The column of the least KID of every row of ``[rows, columns]``; -1 for a row without a finite one."""
    return [int(np.argmin(row)) if np.isfinite(row).any() else -1 for row in kid]


def written(objective: str) -> str:
    """An objective's name as the figure writes it: ``f_reverse_kl`` is ``f: reverse KL``."""
    words = (f"f: {objective[2:]}" if objective.startswith("f_") else objective).replace("_", " ").split()
    return " ".join(NAMES.get(word, word) for word in words)


def _frame(column: int, row: int, half: float) -> Rectangle:
    return Rectangle((column - half, row - half), 2 * half, 2 * half, fill=False, edgecolor=VERMILION, linewidth=2.0)


def _is_dark(colour: ArrayLike) -> bool:
    """By the relative luminance (ITU-R BT.709 weights)."""
    return float(np.asarray(colour, float)[:3] @ (0.2126, 0.7152, 0.0722)) < 0.45
