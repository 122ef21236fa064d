"""The figure of ``wrong_captions``."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.conditional.wrong_captions.experiment import ARMS
from experiments.framework import Arrays
from gan_jax.plots.curves import curve_with_band
from gan_jax.plots.style import WIDTH, Look, style


def plot(arrays: Arrays) -> Figure:
    """Accuracy of both colours, and what a swap of captions changes."""
    with style():
        figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
        axes: Any = figure.subplots(1, 3)
        for arm, name in enumerate(arrays["arms"].tolist()):
            label, look = ARMS[name]
            right = arrays["right"][:, arm]
            courses = (right[..., 0], right[..., 1], arrays["swap"][:, arm])
            for ax, values, text in zip(axes, courses, (label, None, None), strict=True):
                _draw_course(ax, arrays["steps"], values, look, text)
        for ax, count in ((axes[0], 12), (axes[1], 11)):
            ax.axhline(1.0 / count, color="grey", linestyle=":", linewidth=1.8)
            ax.set(ylim=(0.0, 1.03), xlabel="generator steps")
        axes[0].set(title="hair colour as asked", ylabel="share of pictures")
        axes[1].set(title="eye colour as asked")
        axes[2].set(title="change by caption / by noise", xlabel="generator steps")
        blind = 100.0 * float(arrays["blind_right"])
        seeds = arrays["swap"].shape[2]
        title = f"means of {seeds} games, bands: least to largest; dotted: chance; {blind:.1f} % of blind pairs are right ones"
        figure.legend(loc="outside lower center", ncols=3, fontsize=11.5, title=title)
    return figure


def _draw_course(ax: Axes, steps: np.ndarray, values: np.ndarray, look: Look, label: str | None) -> None:
    curve_with_band(ax, steps, values.mean(axis=1), values.min(axis=1), values.max(axis=1), look=look, label=label)
