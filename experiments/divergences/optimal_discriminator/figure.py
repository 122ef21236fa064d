"""The figure of ``optimal_discriminator``."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.divergences.optimal_discriminator.analysis import CRITICS, _probability_slope
from experiments.framework import Arrays
from gan_jax.plots.curves import curve_with_band, reference_line
from gan_jax.plots.style import EXACT, GREY, SKY, VERMILION, WIDTH, Look, style


def plot(arrays: Arrays) -> Figure:
    """Discriminator, critics, and their slopes."""
    x, m = arrays["x"], float(arrays["separation"])
    with style():
        figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        for log_density, label, color in (
            (arrays["log_p"], "data", SKY),
            (arrays["log_q"], "generator", GREY),
        ):
            left.fill_between(x, np.exp(log_density), color=color, alpha=0.5, linewidth=0, label=label)
        left.plot(x, _sigmoid(arrays["oracle"]), color=EXACT.color, linewidth=EXACT.linewidth, label="exact D")
        _range(left, x, _sigmoid(arrays["discriminator/output"]), "trained D", Look(VERMILION, "--"))
        left.set_title("discriminator saturates")
        left.set_ylabel("probability of real; density")
        middle.plot(x, m / 2 - x, color=EXACT.color, linewidth=EXACT.linewidth, label="exact critic")
        right.plot(x, np.full_like(x, -1.0), color=EXACT.color, linewidth=EXACT.linewidth, label="exact critic")
        centre = int(np.argmin(np.abs(x - m / 2)))
        for name, look in CRITICS.items():
            output = arrays[f"{name}/output"]
            thin = Look(look.color, look.linestyle)
            _range(middle, x, output - output[:, centre : centre + 1], name, thin)
            _range(right, x, arrays[f"{name}/slope"], name, thin)
        _range(
            right,
            x,
            _probability_slope(arrays["discriminator/output"], arrays["discriminator/slope"]),
            "σ(D)",
            Look(GREY, ":"),
        )
        reference_line(right, 0.0, "")
        middle.set_title("critics are lines")
        middle.set_ylabel("f(x) − f(m/2)  (units of x)")
        right.set_title("slopes the generator feels")
        right.set_ylabel("df/dx")
        for ax in (left, middle, right):
            ax.set_xlabel("x")
        handles = [line for line in right.get_lines() if line.get_label() == "σ(D)"]
        right.legend(handles=handles, labels=["discriminator σ(D)"], loc="lower right", fontsize=10, handlelength=1.6)
        left.legend(loc="center left", bbox_to_anchor=(0.0, 0.65), handlelength=1.2)
        middle.legend(loc="lower left")
    return figure


def _range(ax: Any, x: np.ndarray, values: np.ndarray, label: str, look: Look) -> None:
    """The mean over seeds and the range of seeds."""
    curve_with_band(ax, x, values.mean(axis=0), values.min(axis=0), values.max(axis=0), label=label, look=look)


def _sigmoid(logit: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(logit / 2))
