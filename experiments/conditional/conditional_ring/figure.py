"""The figure of ``conditional_ring``, from its arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.conditional.conditional_ring.analysis import course
from experiments.conditional.conditional_ring.experiment import ROWS, THRESHOLD
from experiments.framework import Arrays
from gan_jax.metrics import statistics
from gan_jax.plots.curves import curve_with_band, reference_line
from gan_jax.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, WIDTH, Look, style

LABELS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)
"""Of the labels."""

LOOKS = {
    "unconditional": Look(GREY, "-", "s"),
    "concatenation": Look(BLUE, "-"),
    "concatenation_wrong": Look(BLUE, "--"),
    "projection": Look(VERMILION, "-"),
    "projection_wrong": Look(VERMILION, "--"),
    "auxiliary": Look(GREEN, "-"),
}


def plot(arrays: Arrays) -> Figure:
    """A picture of samples for each row; below, accuracy and information over training."""
    rows = arrays["rows"].tolist()
    with style():
        columns = 3
        lines = math.ceil(len(rows) / columns)
        figure = Figure(figsize=(WIDTH, 3.5 * lines + 4.0), layout="constrained")
        parts: Any = figure.subfigures(2, 1, height_ratios=(3.5 * lines, 4.0))
        axes = parts[0].subplots(lines, columns, squeeze=False)
        for ax in axes.ravel()[len(rows) :]:
            ax.set_axis_off()
        for ax, name in zip(axes.ravel(), rows, strict=False):
            _draw_samples(ax, arrays, name)
        accuracy, information = parts[1].subplots(1, 2)
        modes = int(arrays["modes"])
        for name in rows:
            found = course(arrays, name)
            _draw_course(accuracy, arrays["steps"], found.accuracy, LOOKS[name], ROWS[name].label)
            _draw_course(information, arrays["steps"], found.information, LOOKS[name], "")
        accuracy.axhline(1.0 / modes, color=GREY, linestyle=":", linewidth=1.8)
        place: Any = {"xy": (1.0, 1.0 / modes), "xycoords": ("axes fraction", "data"), "xytext": (-2, 4)}
        look: Any = {"textcoords": "offset points", "ha": "right", "color": GREY, "fontsize": "small"}
        accuracy.annotate(f"chance, 1/{modes}", **place, **look)
        reference_line(information, math.log(modes), f"log {modes}")
        accuracy.set(title="samples in their label's mode", xlabel="generator steps", ylabel="share", ylim=(0.0, 1.04))
        information.set(
            title="I(label; mode)", xlabel="generator steps", ylabel="nats", ylim=(0.0, 1.08 * math.log(modes))
        )
        seeds = arrays[f"{rows[0]}/quality"].shape[1]
        parts[1].legend(
            loc="outside lower center",
            ncols=3,
            fontsize=11,
            title=f"means over {seeds} games, bands: 2 standard errors",
        )
    return figure


def _draw_samples(ax: Axes, arrays: Arrays, name: str) -> None:
    radius, scale, modes = float(arrays["radius"]), float(arrays["scale"]), int(arrays["modes"])
    for label, points in enumerate(arrays[f"{name}/points"]):
        color = LABELS[label % len(LABELS)]
        angle = 2.0 * math.pi * label / modes
        centre = radius * np.array([math.cos(angle), math.sin(angle)])
        round_ = np.linspace(0.0, 2.0 * math.pi, 61)
        edge = centre[:, None] + THRESHOLD * scale * np.stack([np.cos(round_), np.sin(round_)])
        ax.plot(*edge, color=color, linewidth=1.2)
        ax.text(1.32 * centre[0], 1.32 * centre[1], str(label), color=color, ha="center", va="center", fontsize=11)
        ax.plot(*points.T, linestyle="none", marker="o", markersize=2.2, markeredgewidth=0, alpha=0.7, color=color)
    reach = 1.6 * radius
    found = course(arrays, name)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])
    ax.set_title(f"{ROWS[name].label}\n{100 * found.quality[-1].mean():.0f} % within 3 σ", fontsize=12)


def _draw_course(ax: Axes, steps: np.ndarray, values: np.ndarray, look: Look, label: str) -> None:
    curve_with_band(ax, steps, *statistics.band(values, 1, times=2.0), look=look, label=label or None)
