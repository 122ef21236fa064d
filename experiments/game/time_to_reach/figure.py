"""The figure of ``time_to_reach``."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.framework import Arrays
from experiments.game.time_to_reach.analysis import LOOKS
from experiments.game.time_to_reach.experiment import EXACT, MOVING, OPTIMIZERS
from gan_jax.plots.curves import reference_line
from gan_jax.plots.style import BLACK, GREY, WIDTH, style

NAMES = {
    "non_saturating": "non-saturating",
    "least_squares": "least squares",
    "wasserstein": "Wasserstein",
    "mmd": "MMD",
}
"""Where they are called otherwise in print."""


def plot(arrays: Arrays) -> Figure:
    """Steps over separations, for plain descent and for Adam."""
    with style():
        figure = Figure(figsize=(WIDTH, 5.2), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        for ax, (optimizer, title) in zip(axes, OPTIMIZERS.items(), strict=True):
            _panel(ax, arrays, optimizer)
            ax.set_title(title)
            ax.set_xlabel("m, where the generator begins (σ)")
        axes[0].set_ylabel(f"generator steps until W1 < {float(arrays['within']):g}")
        names = [
            Line2D([], [], label=NAMES.get(name, name), **{**look.line_arguments(), "markersize": 8.0})
            for name, look in LOOKS.items()
        ]
        lines = [
            Line2D([], [], color=BLACK, linewidth=1.8, label="exact divergence"),
            Line2D([], [], color=BLACK, linewidth=1.8, linestyle=":", label="∫ dm / (rate g)"),
            Line2D([], [], color=BLACK, marker="o", markerfacecolor="white", linestyle="none", label="not all arrived"),
        ]
        axes[1].legend(handles=[*names, *lines], loc="upper left", bbox_to_anchor=(1.02, 1.02), borderaxespad=0.0)
    return figure


def _panel(ax: Axes, arrays: Arrays, optimizer: str) -> None:
    m, most = arrays["separation"], float(arrays["at_most"])
    ax.set_yscale("log")
    reference_line(ax, most, "")
    ax.text(0.02, most * 1.05, "stopped", transform=ax.get_yaxis_transform(), color=GREY, fontsize="small", va="bottom")
    for index, (name, look) in enumerate(LOOKS.items()):
        steps, reached = (arrays[f"{optimizer}/{name}/{quantity}"] for quantity in ("steps", "reached"))
        # Side by side, so that no mark hides another.
        x = m + 0.1 * (index - 0.5 * (len(LOOKS) - 1))
        mean = steps.mean(axis=1)
        ax.vlines(x, steps.min(axis=1), steps.max(axis=1), color=look.color, linewidth=1.4, zorder=look.order)
        ax.plot(x, mean, **{**look.line_arguments(), "markersize": 8.0})
        censored = ~reached.all(axis=1)
        hollow = {
            **look.line_arguments(),
            "markersize": 8.0,
            "markerfacecolor": "white",
            "markeredgecolor": look.color,
            "markeredgewidth": 1.5,
        }
        ax.plot(x[censored], mean[censored], **hollow)
        if name in EXACT:
            exact, arrived = (arrays[f"{optimizer}/exact/{name}/{quantity}"][:, 0] for quantity in ("steps", "reached"))
            ax.plot(m[arrived], exact[arrived], color=look.color, linewidth=1.8, zorder=2.0)
        if optimizer == "sgd" and name in MOVING:
            time = arrays[f"integral/{name}"]
            seen = (arrays["dense"] >= 0.6) & (time <= most)
            ax.plot(arrays["dense"][seen], time[seen], color=look.color, linewidth=1.8, linestyle=":", zorder=1.8)
    ax.set_ylim(20.0, most * 1.4)
