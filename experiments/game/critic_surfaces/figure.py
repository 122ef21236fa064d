"""The figure of ``critic_surfaces``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.framework import Arrays
from experiments.game.critic_surfaces.analysis import CRITICS, _efficiency
from experiments.game.critic_surfaces.experiment import DATA
from gan_jax.plots.curves import curve_with_band
from gan_jax.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILION, WIDTH, Look, style
from gan_jax.plots.surfaces import surface

LOOKS = (Look(BLUE, "--", "v"), Look(ORANGE, "--", "D"), Look(VERMILION, "--", "^"))

PENALTY_LOOK = Look(GREEN, "-", "o")


def draw_depth(ax: Axes, arrays: Arrays) -> None:
    """Norms over the layers, from the last to the input, as the gradient travels."""
    layers = np.arange(arrays["depth/penalty"].shape[-1])
    names = [f"c = {c:g}" for c in arrays["depth/bounds"]]
    for name, look, logs in (
        *zip(names, LOOKS, arrays["depth/clipping"], strict=False),
        ("GP", PENALTY_LOOK, arrays["depth/penalty"]),
    ):
        curve_with_band(ax, layers, logs.mean(axis=0), logs.min(axis=0), logs.max(axis=0), label=name, look=look)
    ax.axhline(0.0, color=GREY, linestyle=":", linewidth=1.8, zorder=1)
    ax.set_xlim(layers[-1] + 0.3, -0.3)
    ax.set_xticks([layer for layer in layers if layer % 3 == 0])
    ax.set_xlabel("layer (0: the input)")
    ax.set_ylabel("log10 ‖∂L/∂h‖, relative")
    ax.legend(loc="lower left", handlelength=1.6, fontsize=10, labelspacing=0.3)


def plot(arrays: Arrays) -> Figure:
    """Surfaces at the left; values, weights and gradients at the right."""
    weights = arrays["penalty_weights"]
    names = {
        **{name: label for name, (label, _) in CRITICS.items()},
        "penalty_weak": f"GP, λ = {weights[0]:g}",
        "penalty_strong": f"GP, λ = {weights[1]:g}",
    }
    with style():
        figure = Figure(figsize=(WIDTH, 13.0), layout="constrained")
        parts: Any = figure.subfigures(1, 2, width_ratios=(2.75, 1.25))
        left, right = parts
        axes = left.subplots(len(CRITICS), len(DATA), sharex=True, sharey=True)
        for row, (name, label) in zip(axes, names.items(), strict=True):
            for data, ax in enumerate(row):
                value, steepest = (arrays[f"{name}/{q}"][data].mean() for q in ("value", "lipschitz"))
                grid, points = arrays["grid"], arrays["points"][data]
                note = f"f {value:.2g}, K {steepest:.2g}"
                surface(ax, grid, grid, arrays[f"{name}/surface"][data], points=points, note=note)
            row[0].set_ylabel(f"{label}\n$x_2$")
        for data, (title, ax) in enumerate(zip(DATA, axes[0], strict=True)):
            low, high = (arrays[f"transport/{side}"][data].mean() for side in ("lower", "upper"))
            ax.set_title(f"{title}\n{low:.2f} ≤ W1 ≤ {high:.2f}")
        for ax in axes[-1]:
            ax.set_xlabel("$x_1$")
        values, clipping, penalty, depth = right.subplots(4, 1, height_ratios=(1.25, 1.0, 1.0, 1.25))
        _draw_values(values, arrays, names)
        _draw_weights(clipping, arrays["clipping/weights"], ORANGE, "weights: clipping")
        _draw_weights(penalty, arrays["penalty_strong/weights"], GREEN, f"weights: {names['penalty_strong']}")
        draw_depth(depth, arrays)
        depth.set_title("gradients at depth")
    return figure


def _draw_values(ax: Axes, arrays: Arrays, names: Mapping[str, str]) -> None:
    """Value over largest slope of every seed, beside the bounds of W1."""
    efficiency = {name: _efficiency(arrays, name) for name in CRITICS}
    for data in range(len(DATA)):
        low, high = (arrays[f"transport/{side}"][data].mean() for side in ("lower", "upper"))
        ax.fill_between(
            [data - 0.42, data + 0.42], low, high, color=BLACK, linewidth=0, label="W1" if data == 0 else None
        )
        for number, (name, (_, look)) in enumerate(CRITICS.items()):
            values = efficiency[name][data]
            place = np.full(values.size, data + 0.16 * (number - 2))
            ax.plot(
                place,
                values,
                linestyle="none",
                marker=look.marker,
                color=look.color,
                markersize=5,
                alpha=0.7,
                label=names[name] if data == 0 else None,
            )
    ax.axhline(0.0, color=GREY, linestyle=":", linewidth=1.8)
    ax.set_xticks(range(len(DATA)), ["8 G.", "25 G.", "roll"])
    ax.set_title("value f / largest slope K")
    ax.set_ylabel("units of the data")
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, fontsize=10, handletextpad=0.2, columnspacing=0.6
    )


def _draw_weights(ax: Axes, weights: np.ndarray, color: str, title: str) -> None:
    """The histogram of all weights, mean over seeds with the range of seeds."""
    end = float(np.abs(weights).max())
    edges = np.linspace(-end, end, 42)
    shares = np.stack([np.histogram(seed, edges)[0] / seed.size for seed in weights])
    middles = 0.5 * (edges[1:] + edges[:-1])
    error = np.stack([shares.mean(axis=0) - shares.min(axis=0), shares.max(axis=0) - shares.mean(axis=0)])
    ax.bar(middles, shares.mean(axis=0), width=edges[1] - edges[0], color=color, yerr=error, ecolor=GREY)
    ax.set_yscale("log")
    ax.set_title(title)
    ax.set_xticks([-end, 0.0, end], [f"−{end:.2g}", "0", f"{end:.2g}"])
    ax.set_xlabel("weight (Swiss roll)")
    ax.set_ylabel("share")
