"""How every figure looks: colours that colour-blind readers tell apart, type that is readable at half width."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import matplotlib as mpl
from matplotlib.colors import to_hex, to_rgb
from matplotlib.rcsetup import cycler

# Okabe & Ito (2008), "Color Universal Design".
BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#6E6E6E"

CYCLE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, YELLOW, BLACK)

WIDTH = 11.0
"""Inches: 1650 pixels at 150 dots an inch."""

RC: dict[Any, Any] = {
    "font.size": 13.0,
    "axes.titlesize": 14.0,
    "axes.labelsize": 13.0,
    "xtick.labelsize": 12.0,
    "ytick.labelsize": 12.0,
    "legend.fontsize": 12.0,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "lines.linewidth": 2.0,
    "axes.prop_cycle": cycler(color=CYCLE),
    "figure.dpi": 150.0,
    "savefig.dpi": 150.0,
}


@contextmanager
def style() -> Iterator[None]:
    """The house style, for figures made inside the block; the reader's own settings come back after it."""
    with mpl.rc_context():
        # From matplotlib's defaults (the backend stays), so that a personal matplotlibrc does not change a published
        # figure.
        mpl.rcdefaults()
        mpl.rcParams.update(RC)
        yield


@dataclass(frozen=True)
class Look:
    """How one curve is drawn.

    Attributes:
      color: of the line, its marks and its band.
      linestyle: matplotlib's, e.g. ``"-"``, ``"--"``, ``""`` for marks alone.
      marker: matplotlib's, ``""`` for none.
      linewidth: in points.
      order: what lies above what; higher is nearer to the reader.
    """

    color: str
    linestyle: str = "-"
    marker: str = ""
    linewidth: float = 2.0
    order: float = 2.0

    def line_arguments(self) -> dict[str, Any]:
        """As matplotlib's ``plot`` wants it."""
        return {
            "color": self.color,
            "linestyle": self.linestyle or "none",
            "marker": self.marker or "none",
            "markersize": 6.0,
            "markeredgecolor": "white",
            "markeredgewidth": 0.6,
            "linewidth": self.linewidth,
            "zorder": self.order,
        }

    def colored(self, color: str) -> Look:
        """The same in another colour."""
        return replace(self, color=color)


EXACT = Look(BLACK, linewidth=3.0, order=2.0)
"""The truth: a thick line under everything else."""

TRAINED = Look(VERMILION, linestyle="--", marker="o", order=4.0)
"""What was trained: marks, with a band over seeds."""


def sample_looks(count: int, color: str = SKY) -> list[Look]:
    """Looks for estimates from samples of ``count`` rising sizes: one hue, from pale (few samples) to dark (many).

    Raises:
      ValueError: ``count`` is below 1.
    """
    if count < 1:
        raise ValueError(f"count is {count}; expected at least 1 sample size")
    markers = ("v", "s", "D", "^", "P")
    # 0 is the colour mixed with white, 1 the colour mixed with black.
    depths = [0.0 + index / max(count - 1, 1) for index in range(count)]
    return [
        Look(_shade(color, depth), linestyle="-", marker=markers[index % len(markers)], linewidth=1.5, order=3.0)
        for index, depth in enumerate(depths)
    ]


def _shade(color: str, depth: float) -> str:
    toward, amount = (1.0, 0.35 * (1.0 - 2.0 * depth)) if depth < 0.5 else (0.0, 0.9 * (depth - 0.5))
    mixed = [(1.0 - amount) * part + amount * toward for part in to_rgb(color)]
    return to_hex((mixed[0], mixed[1], mixed[2]))
