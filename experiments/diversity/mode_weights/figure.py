"""The figure of ``mode_weights``."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.diversity.mode_weights.analysis import GAMES, RARE, _ratios
from experiments.framework import Arrays
from gan_jax.metrics import statistics
from gan_jax.plots.curves import curve_with_band
from gan_jax.plots.style import BLACK, GREY, WIDTH, style

LEAST = 2e-4
"""Where a mass of nothing is drawn."""


def plot(arrays: Arrays) -> Figure:
    """Mass against weight, the rarest modes over training, and samples."""
    with style():
        figure = Figure(figsize=(WIDTH, 8.6), layout="constrained")
        parts: Any = figure.subfigures(2, 1, height_ratios=(1.7, 1.0))
        left, right = parts[0].subplots(1, 2)
        _draw_masses(left, arrays)
        _draw_course(right, arrays)
        handles, labels = left.get_legend_handles_labels()
        parts[0].legend(handles, labels, loc="outside upper center", ncols=3)
        _draw_samples(parts[1].subplots(1, len(GAMES) + 1), arrays)
    return figure


def _draw_masses(ax: Axes, arrays: Arrays) -> None:
    weights = arrays["weights"]
    ends = np.array([0.6 * weights.min(), 1.6 * weights.max()])
    ax.plot(ends, ends, color=BLACK, linewidth=2.5, zorder=1, label="perfect sampler")
    for number, (name, (label, look)) in enumerate(GAMES.items()):
        masses = np.maximum(arrays[f"{name}/masses"][-1], LEAST)
        place = weights * 1.045 ** (number - 2)
        logs = np.log(masses)
        middle = np.exp(logs.mean(axis=0))
        ax.errorbar(
            place,
            middle,
            yerr=np.maximum(np.stack([middle - masses.min(axis=0), masses.max(axis=0) - middle]), 0.0),
            linestyle="none",
            marker=look.marker,
            color=look.color,
            markersize=7,
            capsize=2,
            elinewidth=1.2,
            label=label,
        )
    ax.axhline(LEAST, color=GREY, linestyle=":", linewidth=1.5)
    ax.annotate("no sample", (weights.min(), LEAST), xytext=(0, 4), textcoords="offset points", color=GREY)
    ax.set(xscale="log", yscale="log", xlabel="weight of the mode", ylabel="mass in the samples (mean, range)")
    ax.set_title(f"after {int(arrays['steps'][-1]):,} steps, {arrays['gan/masses'].shape[1]} seeds")


def _draw_course(ax: Axes, arrays: Arrays) -> None:
    rare = arrays["weights"] <= RARE
    for name, (_, look) in GAMES.items():
        ratio = _ratios(arrays, name)[:, :, rare].mean(axis=2)
        curve_with_band(ax, arrays["steps"], *statistics.band(ratio, 1, of=statistics.standard_deviation), look=look)
    ax.axhline(1.0, color=BLACK, linewidth=2.5, zorder=1)
    ax.set(xlabel="generator steps", ylabel="mass / weight", ylim=(0.0, 1.3))
    ax.set_title(f"modes of at most 2 % ({int(rare.sum())} of {rare.size}), ± 1 sd")


def _draw_samples(axes: Any, arrays: Arrays) -> None:
    centres, weights = arrays["centres"], arrays["weights"]
    limit = 1.3 * float(np.abs(centres).max())
    for ax in axes:
        ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
        ax.grid(visible=False)
    axes[0].scatter(*centres.T, s=900.0 * np.sqrt(weights), color=GREY, alpha=0.5)
    for centre, weight in zip(centres, weights, strict=True):
        axes[0].annotate(f"{100 * weight:.2g}", 0.62 * centre, ha="center", va="center", fontsize=11)
    axes[0].set_title("weights (%)", fontsize=12)
    for ax, (name, (label, look)) in zip(axes[1:], GAMES.items(), strict=True):
        ax.plot(*arrays[f"{name}/samples"].T, ".", color=look.color, alpha=0.4, markersize=2.5, rasterized=True)
        ax.plot(*centres.T, "+", color=BLACK, markersize=6, markeredgewidth=1.0)
        ax.set_title(label.replace(" + R1", "\n+ R1"), fontsize=12)
