"""The figure of ``conditional_digits``, from its arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.conditional.conditional_digits.experiment import CLASSES, NEIGHBOURS, ROWS
from experiments.framework import Arrays
from gan_jax.plots.curves import curve_with_band, reference_line
from gan_jax.plots.images import image_grid
from gan_jax.plots.style import BLUE, GREEN, VERMILION, WIDTH, Look, style

LOOKS = {"concatenation": Look(BLUE), "projection": Look(VERMILION, "--"), "auxiliary": Look(GREEN, "-.")}


def plot(arrays: Arrays) -> Figure:
    """Accuracy, recall, KID by class, and digits."""
    rows = arrays["rows"].tolist()
    with style():
        figure = Figure(figsize=(WIDTH, 6.9), layout="constrained")
        parts: Any = figure.subfigures(2, 1, height_ratios=(4.2, 2.7))
        accuracy, recall, kid = parts[0].subplots(1, 3)
        for number, name in enumerate(rows):
            _draw_course(accuracy, arrays["steps"], arrays["accuracy"][number], LOOKS[name], ROWS[name].label)
            _draw_course(recall, arrays["steps"], arrays["recall"][number], LOOKS[name], "")
            shift = 0.22 * (number - 0.5 * (len(rows) - 1))
            kid.plot(
                np.arange(CLASSES) + shift,
                arrays["kid"][number].mean(axis=0),
                linestyle="none",
                marker="o",
                color=LOOKS[name].color,
            )
        kid.plot(
            np.arange(CLASSES),
            arrays["kid_floor"],
            linestyle="none",
            marker="_",
            markersize=14,
            color="black",
            label="real",
        )
        real = float(arrays["real_accuracy"])
        reference_line(accuracy, real, f"real: {real:.3f}")
        accuracy.set(title="read as the label", xlabel="generator steps", ylabel="share", ylim=(0.0, 1.02))
        recall.set(title=f"recall, k = {NEIGHBOURS}", xlabel="generator steps", ylim=(0.0, 1.02))
        for ax in (accuracy, recall):
            ax.locator_params(axis="x", nbins=4)
        kid.set(title="KID within a class; bar: real", xlabel="label", xticks=range(CLASSES))
        parts[0].legend(
            loc="outside lower center",
            ncols=4,
            fontsize=11.5,
            title=f"means of {arrays['accuracy'].shape[2]} games; bands: least to largest",
        )
        grids = parts[1].subplots(1, 1 + len(rows))
        image_grid(grids[0], _columns(arrays["real"]), columns=CLASSES, title="real")
        for ax, number in zip(grids[1:], range(len(rows)), strict=True):
            image_grid(ax, _columns(arrays["pictures"][number]), columns=CLASSES, title=ROWS[rows[number]].label)
    return figure


def _columns(images: np.ndarray) -> np.ndarray:
    """``[10, m, h, w, c]`` as rows of ten, one of each label."""
    return images.swapaxes(0, 1).reshape(-1, *images.shape[2:])


def _draw_course(ax: Axes, steps: np.ndarray, values: np.ndarray, look: Look, label: str) -> None:
    curve_with_band(
        ax, steps, values.mean(axis=1), values.min(axis=1), values.max(axis=1), look=look, label=label or None
    )
