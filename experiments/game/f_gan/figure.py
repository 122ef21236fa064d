"""The figure of ``f_gan``."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.framework import Arrays
from experiments.game.f_gan.analysis import _reached
from experiments.game.f_gan.experiment import NAMES
from experiments.game.f_gan.theory import normal
from gan_jax.metrics import statistics
from gan_jax.plots.curves import BAND_ALPHA, curve_with_band, heatmap, reference_line
from gan_jax.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, WIDTH, Look, style

LOOKS = {
    "kl": Look(BLUE),
    "reverse_kl": Look(VERMILION),
    "jensen_shannon": Look(GREEN),
    "jeffreys": Look(PURPLE),
    "pearson": Look(ORANGE),
}


def plot(arrays: Arrays) -> Figure:
    """The fits, the excess over the minima, and the cross tables."""
    with style():
        figure = Figure(figsize=(WIDTH, 8.8), layout="constrained")
        halves: Any = figure.subfigures(2, 1)
        top, bottom = halves
        fits, course, minima = top.subplots(1, 3, width_ratios=(1.25, 1.0, 1.0))
        _draw_fits(fits, arrays)
        _draw_course(course, arrays)
        _draw_minima(minima, arrays)
        labels = ["KL", "rev. KL", "JS", "Jeffr.", "Pearson"]
        left, right = bottom.subplots(1, 2)
        for ax, matrix, title in (
            (left, arrays["exact"], "exact optima"),
            (right, _reached(arrays).mean(axis=1), "trained, mean over seeds"),
        ):
            # Columns have scales of their own: the colour is how far a row is from the best of its column.
            relative = matrix / np.diag(arrays["exact"])[None]
            heatmap(ax, relative, labels, title=title, unit="value / column's exact minimum", limits=(1.0, 2.4))
            for text, value in zip(ax.texts, matrix.ravel(), strict=True):
                text.set_text(f"{value:.4f}")
                text.set_fontsize(11)
            ax.set_xlabel("evaluated by")
            ax.set_ylabel("trained with")
    return figure


def _draw_fits(ax: Axes, arrays: Arrays) -> None:
    x = arrays["x"]
    ax.fill_between(x, arrays["density"], color=GREY, alpha=0.3, linewidth=0, label="P")
    for row, (name, look) in enumerate(LOOKS.items()):
        ax.plot(x, normal(x, *arrays["optimum"][row]), color=look.color, linewidth=5.5, alpha=0.35, label=NAMES[name])
        curves = np.stack([normal(x, *theta) for theta in arrays["path"][row, :, -1]])
        low, high = curves.min(axis=0), curves.max(axis=0)
        ax.fill_between(x, low, high, color=look.color, linewidth=0.6, edgecolor=look.color, zorder=3)
    ax.set_title("exact (thick), trained (band)")
    ax.set_xlabel("x")
    ax.set_ylabel("density")
    ax.set_ylim(0.0, None)
    ax.legend(loc="upper right", handlelength=1.2)


def _draw_course(ax: Axes, arrays: Arrays) -> None:
    ax.set_yscale("log")
    for row, look in enumerate(LOOKS.values()):
        best = arrays["exact"][row, row]
        excess = np.maximum(100.0 * (arrays["path_exact"][row, :, :, row] / best - 1.0), 1e-3)
        # Geometric, since the axis is: the mean of logarithms with its deviation over seeds.
        found = statistics.band(excess, of=statistics.standard_deviation, geometric=True)
        curve_with_band(ax, arrays["steps"], *found, look=look)
    reference_line(ax, 2.0, "2 %")
    ax.set_ylim(1e-3, None)
    ax.set_title("exact D over training")
    ax.set_xlabel("generator steps")
    ax.set_ylabel("excess over exact minimum (%)")


def _draw_minima(ax: Axes, arrays: Arrays) -> None:
    reached = _reached(arrays)
    for row, look in enumerate(LOOKS.values()):
        best = arrays["exact"][row, row]
        for values, shift, marker, fill in (
            (reached[row, :, row], -0.16, "o", look.color),
            (arrays["bound"][row], 0.16, "s", "white"),
        ):
            percent = 100.0 * (values / best - 1.0)
            place = np.full(percent.size, row + shift)
            ax.plot(
                place, percent, linestyle="none", marker=marker, markersize=4, color=look.color, alpha=BAND_ALPHA + 0.2
            )
            ax.errorbar(
                row + shift,
                percent.mean(),
                float(statistics.standard_error(percent)),
                marker=marker,
                markersize=7,
                color=look.color,
                markerfacecolor=fill,
                capsize=3,
                zorder=4,
            )
    ax.axhline(0.0, color="black", linewidth=2.0, zorder=1)
    for level in (2.0, -2.0):
        ax.axhline(level, color=GREY, linestyle=":", linewidth=1.8, zorder=1)
    ax.set_xticks(range(len(NAMES)), ["KL", "rKL", "JS", "Jeffr.", "χ²"])
    ax.set_title("● exact D, □ critic's bound")
    ax.set_ylabel("over exact minimum (%)")
