"""The figure of ``mode_table``, and the literature's table beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.diversity.mode_table.analysis import PUBLISHED, mean_and_error
from experiments.diversity.mode_table.experiment import ROWS, Method
from experiments.framework import Arrays
from gan_jax.plots.style import BLACK, BLUE, GREEN, GREY, VERMILION, WIDTH, style

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


def plot(arrays: Arrays) -> Figure:
    """Marks for every row and number, and a strip of samples."""
    rows = {name: ROWS[name] for name in arrays["rows"].tolist()}
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


def _label(row: Method, steps: int, seeds: int) -> str:
    return f"{row.label}\n{_thousands(int(steps))} steps × {seeds}"


def _thousands(steps: int) -> str:
    return f"{steps / 1000:g}k" if steps >= 1000 else str(steps)


def _draw_column(ax: Axes, arrays: Arrays, rows: Mapping[str, Method], place: int, target: str, quantity: str) -> None:
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


def _draw_samples(figure: Any, arrays: Arrays, rows: Mapping[str, Method], targets: list[str]) -> None:
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
