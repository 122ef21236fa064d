"""The figure of ``cycle_digits``, from its arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.framework import Arrays
from experiments.translation.ablations import FULL
from experiments.translation.cycle_digits.analysis import final
from experiments.translation.cycle_digits.experiment import TASKS
from experiments.translation.plots import LOOKS, curves_by_game, rows_of_pictures
from gan_jax.plots.curves import curve_with_band, reference_line
from gan_jax.plots.style import BLUE, GREEN, VERMILION, WIDTH, Look, style

ROWS = {"x": "x", "full": "G(x)", "returned": "F(G(x))", "alone": "G(x), no cycle"}

BY_TASK = {
    "inverted": Look(BLUE, "-", "o"),
    "turned": Look(GREEN, "-", "s"),
    "coloured": Look(VERMILION, "-", "D"),
}


def plot(arrays: Arrays) -> Figure:
    """A line for every task: digits and what stays of them; below, the cycle under noise."""
    tasks = arrays["tasks"].tolist()
    with style():
        figure = Figure(figsize=(WIDTH, 2.6 * len(tasks) + 4.2), layout="constrained")
        parts: Any = figure.subfigures(2, 1, height_ratios=(2.6 * len(tasks) + 0.6, 3.6))
        axes = parts[0].subplots(len(tasks), 2, squeeze=False, width_ratios=(1.5, 1.0))
        for (pictures, kept), task in zip(axes, tasks, strict=True):
            _draw_digits(pictures, arrays, task)
            _draw_kept(kept, arrays, task)
        axes[-1, 1].set_xlabel("steps")
        seeds = arrays[f"{tasks[0]}/accuracy"].shape[2]
        handles, labels = axes[0, 1].get_legend_handles_labels()
        title = f"means over {seeds} game{'s' if seeds > 1 else ''}, bands: from the least to the largest"
        parts[0].legend(handles, labels, loc="outside lower center", ncols=5, fontsize=11, title=title)
        error, kid = parts[1].subplots(1, 2)
        _draw_hidden(error, arrays, tasks)
        _draw_kid(kid, arrays, tasks)
    return figure


def _draw_digits(ax: Axes, arrays: Arrays, task: str) -> None:
    rows_of_pictures(ax, {label: arrays[f"{task}/{row}"] for row, label in ROWS.items()})
    ax.set_title(TASKS[task].label, fontsize=13)


def _draw_kept(ax: Axes, arrays: Arrays, task: str) -> None:
    curves_by_game(ax, arrays["steps"], arrays[f"{task}/accuracy"], arrays["games"].tolist())
    reference_line(ax, float(arrays[f"{task}/real_accuracy"]), "real digits")
    ax.set(ylim=(0.0, 1.04), ylabel="share read as\ntheir label")


def _draw_hidden(ax: Axes, arrays: Arrays, tasks: list[str]) -> None:
    for task in tasks:
        values = final(arrays, task, "hidden", FULL)
        curve_with_band(
            ax,
            arrays["scales"],
            values.mean(axis=0),
            values.min(axis=0),
            values.max(axis=0),
            look=BY_TASK[task],
            label=TASKS[task].label,
        )
    ax.set(title="full game: the way back under noise", xlabel="noise on F(y)", ylabel="mean |G(F(y) + noise) − y|")
    ax.set_ylim(bottom=0.0)
    ax.legend(fontsize=11)


def _draw_kid(ax: Axes, arrays: Arrays, tasks: list[str]) -> None:
    games = arrays["games"].tolist()
    for i, task in enumerate(tasks):
        for j, game in enumerate(games):
            values = final(arrays, task, "kid", game)
            place = i + 0.15 * (j - 0.5 * (len(games) - 1))
            ax.plot(np.full(len(values), place), values, "o", color=LOOKS[game].color, markersize=6)
        baseline = abs(float(arrays[f"{task}/floor"][0]))
        ax.plot([i - 0.4, i + 0.4], [baseline, baseline], color="black", linewidth=1.2)
    ax.set_xticks(range(len(tasks)), [TASKS[task].label for task in tasks], fontsize=11)
    ax.set_yscale("symlog", linthresh=0.01)
    ax.set(title="KID to Y (line: real digits)", ylabel="KID")
