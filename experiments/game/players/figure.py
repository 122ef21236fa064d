"""The figure of ``players``."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.framework import Arrays
from experiments.game.players.analysis import NAMES, ends_of
from experiments.game.players.experiment import COSTS, CRITICS, GENERATORS
from gan_jax.metrics.statistics import standard_error
from gan_jax.plots.curves import heatmap
from gan_jax.plots.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, VERMILION, WIDTH, style

SHOWN = (
    ("network", "network"),
    ("particles", "fourier"),
    ("quantiles", "witness"),
    ("affine", "orthonormal"),
    ("affine", "network"),
)

COLORS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE)


def plot(arrays: Arrays) -> Figure:
    """W1 of all pairs, and some of the laws over the target."""
    opponents = (*CRITICS, *COSTS)
    matrix = np.asarray([[ends_of(arrays, g, o).mean() for o in opponents] for g in GENERATORS])
    errors = np.asarray([[standard_error(ends_of(arrays, g, o)) for o in opponents] for g in GENERATORS])
    with style():
        figure = Figure(figsize=(WIDTH, 8.2), layout="constrained")
        grid = figure.add_gridspec(2, len(SHOWN), height_ratios=[1.3, 1.0])
        ax = figure.add_subplot(grid[0, :])
        # The palest cell is a perfect score; colours end at the affine map's best, which everything better than is told apart.
        heatmap(
            ax,
            matrix,
            [NAMES[g] for g in GENERATORS],
            column_labels=[NAMES[o].replace(" ", "\n", 1) for o in opponents],
            unit="W1 to the target (units of x)",
            limits=(0.0, float(arrays["best_gaussian"][0])),
            number=".3f",
        )
        ax.tick_params(axis="x", labelsize=11)
        for text, error in zip(list(ax.texts), errors.ravel(), strict=True):
            text.set_text(f"{text.get_text()}\n±{error:.3f}")
            text.set_fontsize(10.5)
        ax.axvline(len(CRITICS) - 0.5, color="white", linewidth=6)
        ax.set_ylabel("generator")
        count, batch = int(arrays["held_out"]), int(arrays["batch_size"])
        ax.set_title(
            f"exact sampler: {arrays['floor'].mean():.3f} ({count:,} samples, as here), "
            f"{arrays['batch_floor'].mean():.3f} ({batch} samples); best Gaussian: {arrays['best_gaussian'][0]:.3f}",
            fontsize=12.5,
        )
        ax.set_xlabel("discriminator; at the right of the line, a distance in its place")
        panels = [figure.add_subplot(grid[1, place]) for place in range(len(SHOWN))]
        for panel, pair, color in zip(panels, SHOWN, COLORS, strict=True):
            _law(panel, arrays, *pair, color)
            panel.sharey(panels[0])
            panel.tick_params(labelleft=panel is panels[0])
        panels[0].set_ylabel("density")
        panels[len(SHOWN) // 2].set_xlabel("x (black: the target; bands: range over seeds)")
    return figure


def _law(ax: Axes, arrays: Arrays, generator: str, critic: str, color: str) -> None:
    """The law that one pair ends at: mean and range over seeds, and the target."""
    edges = arrays["edges"]
    middle, width = 0.5 * (edges[1:] + edges[:-1]), np.diff(edges)
    densities = arrays["game/mass"][GENERATORS.index(generator), CRITICS.index(critic)] / width
    ax.fill_between(middle, densities.min(axis=0), densities.max(axis=0), color=color, alpha=0.3, linewidth=0)
    ax.plot(middle, densities.mean(axis=0), color=color, linewidth=1.8)
    ax.plot(middle, arrays["target_mass"] / width, color=BLACK, linewidth=1.3)
    ax.set_title(f"{NAMES[generator]}\n× {NAMES[critic]}", fontsize=12)
    ax.set_xlim(-4.0, 4.0)
