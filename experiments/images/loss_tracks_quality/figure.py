"""The figure of ``loss_tracks_quality``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from experiments.framework import Arrays
from experiments.images.loss_tracks_quality.analysis import LABELS, LOG_2, correlations
from experiments.images.loss_tracks_quality.experiment import FIRST, GAMES, GENERATORS, TITLES
from gan_jax.metrics import statistics
from gan_jax.plots.curves import curve_with_band, reference_line
from gan_jax.plots.images import image_grid
from gan_jax.plots.style import BLUE, VERMILION, WIDTH, Look, style

LOOKS = {"minimax": Look(VERMILION, marker="o"), "wgan_gp": Look(BLUE, marker="s")}

ESTIMATES = {"minimax": "JS estimate (nats)", "wgan_gp": "W1 estimate\n(units of the data)"}


def plot(arrays: Arrays) -> Figure:
    """Estimates and KID over training, pictures, and the rank correlations."""
    with style():
        figure = Figure(figsize=(WIDTH, 14.0), layout="constrained")
        halves: Any = figure.subfigures(3, 1, height_ratios=(8.0, 3.1, 2.9))
        axes = halves[0].subplots(3, 3, sharex="row", sharey="row")
        for column, generator in enumerate(GENERATORS):
            for row, name in enumerate(GAMES):
                _draw_estimate(axes[row, column], arrays, name, column)
            axes[0, column].set_title(LABELS[generator] if generator != "frozen" else "frozen: G does not learn")
            axes[2, column].set_xlabel("generator steps")
        _draw_kid(axes[2], arrays)
        for row, label in enumerate((*ESTIMATES.values(), "KID")):
            axes[row, 0].set_ylabel(label)
        _legends(axes)
        halves[0].align_ylabels(axes[:, 0])
        _draw_pictures(halves[1], arrays)
        _draw_correlations(halves[2].subplots(), arrays)
    return figure


def _steps(ax: Axes, arrays: Arrays) -> None:
    """An axis of steps that is logarithmic from the first record on, and has the start too."""
    ax.set_xscale("symlog", linthresh=FIRST, linscale=0.4)
    last = max(int(arrays[f"{name}/step"][-1]) for name in GAMES)
    ax.set_xticks([0.0, *(10.0**power for power in range(1, math.floor(math.log10(last)) + 1))])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlim(-1.0, 1.15 * last)


def _band(values: np.ndarray) -> statistics.Band:
    """Mean over seeds, and one standard deviation below and above it."""
    return statistics.band(values, of=statistics.standard_deviation)


def _draw_estimate(ax: Axes, arrays: Arrays, name: str, column: int) -> None:
    step, color = arrays[f"{name}/step"], LOOKS[name].color
    curve_with_band(ax, step, *_band(arrays[f"{name}/training"][column]), look=LOOKS[name])
    held_out = arrays[f"{name}/held_out"][column].mean(axis=0)
    curve_with_band(ax, step, held_out, look=Look("black", linestyle="--", linewidth=1.3, order=4.0))
    if name == "minimax":
        reference_line(ax, LOG_2, "")
        if column == 0:
            ax.annotate("log 2", (1.0, LOG_2), (-2, 3), ("axes fraction", "data"), "offset points", ha="right")
        ax.set_ylim(top=0.85)
    else:
        ax.set_ylim(bottom=0.0)
        slope = arrays[f"{name}/slope"][column].max()
        ax.text(0.03, 0.05, f"slope ≤ {slope:.2f}", transform=ax.transAxes, color=color, fontsize="small")
    _steps(ax, arrays)


def _draw_kid(axes: Sequence[Axes], arrays: Arrays) -> None:
    bands = {name: [_band(values) for values in arrays[f"{name}/kid"]] for name in GAMES}
    lowest, highest = (
        end(end(band[edge].min() if edge == 0 else band[edge].max() for band in bands[name]) for name in GAMES)
        for end, edge in ((min, 0), (max, 2))
    )
    # KID is unbiased, and may come out below zero: what is below the axis is drawn at its end.
    bottom = max(lowest, float(arrays["floor"][1])) / 2.0
    for column, ax in enumerate(axes):
        ax.set_yscale("log")
        for name, look in LOOKS.items():
            mean, low, high = (np.maximum(edge, bottom) for edge in bands[name][column])
            curve_with_band(ax, arrays[f"{name}/step"], mean, low, high, look=look)
        ax.set_ylim(bottom, 1.5 * highest)
        ax.yaxis.set_minor_formatter(NullFormatter())
        _steps(ax, arrays)


def _legends(axes: np.ndarray) -> None:
    solid = Line2D([], [], label="learned pictures", **LOOKS["minimax"].line_arguments())
    dashed = Line2D([], [], label="held-out ones", color="black", linestyle="--", linewidth=1.3)
    axes[0, 2].legend(handles=[solid, dashed], loc="lower right", handlelength=1.6)
    games = [Line2D([], [], label=TITLES[name], **look.line_arguments()) for name, look in LOOKS.items()]
    axes[2, 2].legend(handles=games, loc="lower left", handlelength=1.6)


def _draw_pictures(part: Any, arrays: Arrays) -> None:
    """Pictures of one seed at four moments, a column of grids for each generator and a row for each game."""
    # Narrow columns hold the names of the games, and part the generators.
    grids = part.subplots(len(GAMES), 5 * len(GENERATORS), width_ratios=(0.35, 1.0, 1.0, 1.0, 1.0) * len(GENERATORS))
    for row, name in enumerate(GAMES):
        records = np.rint(np.linspace(0, arrays[f"{name}/step"].size - 1, 4)).astype(int)
        for column, ax in enumerate(grids[row]):
            place, moment = divmod(column, 5)
            if moment == 0:
                ax.set_axis_off()
                continue
            record = records[moment - 1]
            image_grid(ax, arrays[f"{name}/pictured"][place, record], columns=2)
            ax.set_title(f"{arrays[f'{name}/step'][record]:g}", fontsize=11, pad=3)
        grids[row, 0].text(0.0, 0.5, TITLES[name], rotation=90, va="center", ha="center", color=LOOKS[name].color)


def _draw_correlations(ax: Axes, arrays: Arrays) -> None:
    """Spearman's correlation for every generator and game: a dot for each seed, mean and two standard errors."""
    for offset, (name, look) in zip((-0.15, 0.15), LOOKS.items(), strict=True):
        for place, values in enumerate(correlations(arrays, name)):
            mean, error = statistics.mean_and_error(values)
            around = np.linspace(-0.045, 0.045, values.size)
            marks: dict[str, Any] = {"color": look.color, "marker": look.marker}
            ax.plot(place + offset + around, values, linestyle="none", markersize=5, alpha=0.45, **marks)
            ax.errorbar(place + offset + 0.1, mean, 2 * error, markersize=9, capsize=4, **marks)
    ax.axhline(0.0, color="black", linewidth=1.2, zorder=1)
    ax.set_xticks(range(len(GENERATORS)), list(LABELS.values()))
    ax.set_ylim(-1.08, 1.08)
    ax.set_xlim(-0.5, len(GENERATORS) - 0.5)
    ax.set_ylabel("rank correlation\nestimate – KID")
