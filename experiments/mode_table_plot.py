"""The figure of ``mode_table``, and the literature's table beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.artifacts import Arrays
from gan_jax.plots.style import BLACK, BLUE, GREEN, GREY, VERMILION, WIDTH, style

if TYPE_CHECKING:
    from experiments.mode_table_games import Row

PROTOCOL_STEPS = 400_000
"""400 epochs of 100 000 examples in batches of 100."""

NUMBERS = {
    "covered": "modes covered",
    "reproduced": "modes with half of their share",
    "high_quality": "share of high quality",
    "reverse_kl": "reverse KL",
    "jensen_shannon": "JS of the histogram",
    "variance_ratio": "in-mode variance / truth's",
}
"""What is measured of every game, in words."""

Published = dict[str, dict[str, tuple[float, float]]]


def _row(ring: tuple[float, ...], grid: tuple[float, ...]) -> Published:
    """One row: modes, share of high quality in per cent and reverse KL, each with its standard error."""
    names = ("covered", "high_quality", "reverse_kl")
    scale = (1.0, 0.01, 1.0)
    return {
        target: {name: (row[2 * i] * scale[i], row[2 * i + 1] * scale[i]) for i, name in enumerate(names)}
        for target, row in (("ring", ring), ("grid", grid))
    }


PUBLISHED: dict[str, Published] = {
    "GAN": _row((6.3, 0.5, 98.2, 0.2, 0.45, 0.09), (17.3, 0.8, 94.8, 0.7, 0.70, 0.07)),
    "ALI": _row((6.6, 0.3, 97.6, 0.4, 0.36, 0.04), (24.1, 0.4, 95.7, 0.6, 0.14, 0.03)),
    "PacGAN2": _row((7.9, 0.1, 95.6, 2.0, 0.07, 0.03), (23.8, 0.7, 91.3, 0.8, 0.13, 0.04)),
    "PacGAN3": _row((7.8, 0.1, 97.7, 0.3, 0.10, 0.02), (24.6, 0.4, 94.2, 0.4, 0.06, 0.02)),
    "PacGAN4": _row((7.8, 0.1, 95.9, 1.4, 0.07, 0.02), (24.8, 0.2, 93.6, 0.6, 0.04, 0.01)),
}
"""Lin et al. 2018, table 1: means of 10 trials with standard errors."""


def multiple(count: float, *errors: float) -> float:
    """So many combined standard errors; none of what is not known (one seed, or no number) can excuse a difference."""
    known = [error for error in errors if math.isfinite(error)]
    return count * math.hypot(*known) if known else 0.0


COLUMNS = {
    "covered": "modes",
    "high_quality": "quality (%)",
    "reverse_kl": "reverse KL",
    "variance_ratio": "variance",
}
LEAST = 3e-4
"""Left end of the logarithmic axis of reverse KL."""

WIDEST = 1.6
"""Right end of the axis of variance; a mean beyond it is an arrow at the edge."""


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Mean over seeds and its standard error; NaN stands for seeds that a row has not. NaN for the error of one seed."""
    own = values[np.isfinite(values)]
    if own.size == 0:
        return float("nan"), float("nan")
    error = float(own.std(ddof=1)) / math.sqrt(own.size) if own.size > 1 else float("nan")
    return float(own.mean()), error


def plot(arrays: Arrays, rows: Mapping[str, Row]) -> Figure:
    """Marks for every row and number, and a strip of samples.

    Args:
      arrays: of the run.
      rows: of the table by name, in its order.

    Returns:
      The figure.
    """
    targets = arrays["targets"].tolist()
    with style():
        figure = Figure(figsize=(WIDTH, 2.6 + 0.42 * len(rows) + 2.3 * len(targets)), layout="constrained")
        parts: Any = figure.subfigures(2, 1, height_ratios=(1.6 + 0.42 * len(rows), 2.3 * len(targets)))
        count = len(COLUMNS)
        axes = parts[0].subplots(1, count * len(targets), sharey=True, squeeze=False)[0]
        for place, target in enumerate(targets):
            for column, quantity in enumerate(COLUMNS):
                _draw_column(axes[count * place + column], arrays, rows, place, target, quantity)
        labels = [
            _label(row, *pair) for row, *pair in zip(rows.values(), arrays["steps"], arrays["seeds"], strict=True)
        ]
        axes[0].set_yticks(range(len(rows)), labels)
        axes[0].set_ylim(len(rows) - 0.4, -0.6)
        parts[0].legend(handles=_handles(), loc="outside upper center", ncols=4)
        _draw_samples(parts[1], arrays, rows, targets)
    return figure


def _label(row: Row, steps: int, seeds: int) -> str:
    return f"{row.label}\n{_thousands(int(steps))} steps × {seeds}"


def _thousands(steps: int) -> str:
    return f"{steps / 1000:g}k" if steps >= 1000 else str(steps)


def _draw_column(ax: Axes, arrays: Arrays, rows: Mapping[str, Row], place: int, target: str, quantity: str) -> None:
    factor = 100.0 if quantity == "high_quality" else 1.0
    modes, logarithmic = int(arrays["modes"][place]), quantity == "reverse_kl"
    for number, row in enumerate(rows.values()):
        values = factor * arrays[quantity][number, -1, place]
        color = GREEN if number == len(rows) - 1 else (VERMILION if row.published else BLUE)
        shown = np.maximum(values, LEAST) if logarithmic else values
        ax.plot(shown, np.full(shown.shape, number), ".", color=color, alpha=0.35, markersize=5)
        mean, error = mean_and_error(values)
        if quantity == "variance_ratio" and mean > WIDEST:
            # A generator that draws between the modes; how far is not the figure's question.
            ax.plot(0.97 * WIDEST, number, ">", color=color, markersize=7)
        else:
            _mark(ax, mean, error, number, color, color, logarithmic=logarithmic)
        if row.published and quantity in PUBLISHED[row.published][target]:
            theirs, their_error = PUBLISHED[row.published][target][quantity]
            _mark(ax, factor * theirs, factor * their_error, number + 0.3, BLACK, "white", logarithmic=logarithmic)
    perfect = {"covered": float(modes), "high_quality": 98.889, "reverse_kl": float(arrays["floor"][place])}
    ax.axvline(perfect.get(quantity, 1.0), color=GREY, linewidth=1.5, zorder=1)
    if logarithmic:
        ax.set_xscale("log")
        ax.set_xlim(LEAST, 5.0)
        ax.set_xticks([1e-3, 1e-1], ["$10^{-3}$", "0.1"])
        ax.minorticks_off()
    else:
        ax.set_xlim(0.0, {"covered": 1.08 * modes, "high_quality": 108.0, "variance_ratio": WIDEST}[quantity])
    ax.set_xlabel(COLUMNS[quantity])
    if quantity == "high_quality":
        # Above two columns, of which this is the left one.
        ax.set_title({"ring": "ring, 8 modes", "grid": "grid, 25 modes"}[target], x=1.1)


def _mark(ax: Axes, mean: float, error: float, y: float, color: str, face: str, *, logarithmic: bool) -> None:
    if not math.isfinite(mean):
        return
    shown = max(mean, LEAST) if logarithmic else mean
    low = min(error, shown - LEAST) if logarithmic else error
    bars = [[max(low, 0.0)], [error]] if math.isfinite(error) else None
    ax.errorbar(shown, y, xerr=bars, marker="o", markersize=6, color=color, markerfacecolor=face, capsize=2.5, zorder=4)


def _handles() -> list[Line2D]:
    def dot(color: str, face: str, label: str) -> Line2D:
        return Line2D([], [], linestyle="", marker="o", color=color, markerfacecolor=face, label=label)

    return [
        dot(VERMILION, VERMILION, "PacGAN's protocol, here"),
        dot(BLACK, "white", "published"),
        dot(BLUE, BLUE, "one cure, here"),
        Line2D([], [], color=GREY, label="perfect sampler"),
    ]


def _draw_samples(figure: Any, arrays: Arrays, rows: Mapping[str, Row], targets: list[str]) -> None:
    names = list(rows)
    picked = [name for name in ("gan", "pacgan_2", "small_gan", "unrolled_5", "wgan_gp", "together") if name in names]
    grid = figure.subplots(len(targets), len(picked), squeeze=False)
    for place, target in enumerate(targets):
        centres = arrays[f"{target}/centres"]
        limit = 1.25 * float(np.abs(centres).max())
        for ax, name in zip(grid[place], picked, strict=True):
            points = arrays["samples"][names.index(name), place]
            ax.plot(*centres.T, "+", color=VERMILION, markersize=7, markeredgewidth=1.2, zorder=1)
            ax.plot(*points.T, ".", color=BLACK, alpha=0.35, markersize=2.5, zorder=2, rasterized=True)
            ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
            ax.grid(visible=False)
            if place == 0:
                ax.set_title(rows[name].label, fontsize=12)
