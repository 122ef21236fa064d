"""The figure of ``collapse_or_drop``, from its arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.diversity.collapse_or_drop.analysis import COLLAPSE, DROP, NARROW, OTHER, WHOLE, Course, course
from experiments.diversity.collapse_or_drop.experiment import ARMS
from experiments.framework import Arrays
from gan_jax.metrics import statistics
from gan_jax.plots.curves import curve_with_band, reference_line
from gan_jax.plots.modes import mode_timeline, sample_strip, timeline_colors
from gan_jax.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, WIDTH, Look, style

MOMENTS = (0.25, 0.5, 0.75, 1.0)
"""Shares of the game at which the first game of an arm has a picture."""

VERDICTS = {
    COLLAPSE: Look(VERMILION, "", "D"),
    DROP: Look(ORANGE, "", "v"),
    OTHER: Look(GREY, "", "s"),
    WHOLE: Look(BLUE, "", "o"),
}

COLORS = (VERMILION, ORANGE, PURPLE, GREEN, BLUE)
"""Of the arms that are shown, in order."""


def plot(arrays: Arrays) -> Figure:
    """A row for each arm that is shown: its first game as a timeline and as pictures; below, all games of all arms."""
    shown = [name for name, arm in ARMS.items() if arm.shown]
    courses = {name: course(arrays, name) for name in ARMS}
    with style():
        figure = Figure(figsize=(WIDTH, 1.62 * len(shown) + 4.2), layout="constrained")
        parts: Any = figure.subfigures(2, 1, height_ratios=(1.62 * len(shown), 4.2))
        _draw_games(parts[0], arrays, shown, courses)
        _draw_all(parts[1], arrays, shown, courses)
    return figure


def _draw_games(part: Any, arrays: Arrays, shown: list[str], courses: dict[str, Course]) -> None:
    axes = part.subplots(len(shown), 1 + len(MOMENTS), width_ratios=(3.0, *(1.0 for _ in MOMENTS)), squeeze=False)
    records = arrays["steps"].size - 1
    moments = [round(share * records) for share in MOMENTS]
    scale = None
    for number, (row, name) in enumerate(zip(axes, shown, strict=True)):
        scale = mode_timeline(row[0], arrays["steps"], arrays[f"{name}/masses"][:, 0], arrays["weights"])
        row[0].set_title(f"{ARMS[name].label}: {courses[name].verdict[0]}", fontsize=12.5)
        row[0].tick_params(labelsize=10, labelbottom=number == len(shown) - 1)
        steps = [f"step {arrays['steps'][moment]:.0f}" if number == 0 else "" for moment in moments]
        sample_strip(
            list(row[1:]), arrays[f"{name}/pictures"][moments], arrays["centres"], float(arrays["scale"]), steps
        )
    axes[-1, 0].set_xlabel("generator steps")
    axes[len(shown) // 2, 0].set_ylabel("mode")
    if scale is not None:
        timeline_colors(part, scale, list(axes.ravel()))


def _draw_all(part: Any, arrays: Arrays, shown: list[str], courses: dict[str, Course]) -> None:
    ratio, living, turnover = part.subplots(1, 3, width_ratios=(1.25, 1.0, 1.0))
    for name, color in zip(shown, COLORS, strict=True):
        _draw_ratio(ratio, arrays, name, color)
    ratio.set_yscale("log")
    reference_line(ratio, NARROW, "¼")
    ratio.set(title="variance of samples / of data", xlabel="generator steps", ylim=(1e-3, 20.0))
    seeds, steps = arrays[f"{shown[0]}/spread"].shape[1], int(arrays["steps"][-1])
    for ax, values in ((living, "living"), (turnover, "turnover")):
        for place, found in enumerate(courses.values()):
            _draw_arm(ax, place, getattr(found, values), found.verdict)
        ax.set_ylim(len(ARMS) - 0.5, -0.5)
    living.set_yticks(range(len(ARMS)), [_short(arm.label) for arm in ARMS.values()])
    living.tick_params(axis="y", labelsize=10.5)
    turnover.set_yticks(range(len(ARMS)), [""] * len(ARMS))
    living.set(title="modes alive", xlabel=f"of {arrays['weights'].size}", xlim=(-0.4, arrays["weights"].size + 0.4))
    turnover.set(title="births + deaths", xlabel="per 1000 steps", xlim=(-1.5, None))
    handles = [
        *(
            Line2D([], [], color=c, linewidth=2.5, label=_short(ARMS[n].label))
            for n, c in zip(shown, COLORS, strict=True)
        ),
        *(Line2D([], [], label=label, **look.line_arguments()) for label, look in VERDICTS.items()),
    ]
    title = f"{seeds} games of {steps} steps an arm; marks: second half"
    part.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=10.5, columnspacing=1.0, title=title)


def _short(label: str) -> str:
    for long, short in (("non-saturating", "NS"), ("relativistic", "rel."), ("reverse KL", "rev. KL")):
        label = label.replace(long, short)
    return label


def _draw_ratio(ax: Axes, arrays: Arrays, name: str, color: str) -> None:
    # Geometric, since the axis is: the mean of logarithms, and two standard errors over seeds.
    found = statistics.band(np.maximum(arrays[f"{name}/spread"], 1e-6), 1, times=2.0, geometric=True)
    curve_with_band(ax, arrays["steps"][1:], *found, look=Look(color))


def _draw_arm(ax: Axes, place: int, values: np.ndarray, verdicts: list[str]) -> None:
    """One mark a game; games that agree stand below each other."""
    shifts = np.linspace(-0.27, 0.27, values.size) if values.size > 1 else np.zeros(1)
    for value, verdict, shift in zip(values, verdicts, shifts, strict=True):
        ax.plot(value, place + shift, **VERDICTS[verdict].line_arguments())
