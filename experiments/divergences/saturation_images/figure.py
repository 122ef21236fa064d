"""The figure of ``saturation_images``."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec

from experiments.divergences.saturation_images.analysis import LOG_2
from experiments.divergences.saturation_images.experiment import SIDE
from experiments.framework import Arrays
from gan_jax.metrics import statistics
from gan_jax.plots.curves import curve_with_band, heatmap, reference_line
from gan_jax.plots.style import EXACT, GREY, ORANGE, SKY, TRAINED, WIDTH, Look, style


def plot(arrays: Arrays) -> Figure:
    """Shifted pictures above, JS and W1 over the shift, and the two matrices of the classes."""
    labels = [str(digit) for digit in arrays["classes/digits"]]
    diagonal = np.full(len(labels), np.nan)
    js = _matrix(arrays["classes/js"].mean(axis=1), diagonal)
    w1 = _matrix(arrays["classes/transport"].mean(axis=1), arrays["classes/floor"].mean(axis=1))
    with style():
        figure = Figure(figsize=(WIDTH, 10.2), layout="constrained")
        figure.suptitle("a shift by θ: θ/8 more ink in every pixel", fontsize=14)
        rows = figure.add_gridspec(3, 1, height_ratios=(1.1, 3.5, 4.5))
        _pictures(figure, rows[0], arrays)
        above, below = (row.subgridspec(1, 2) for row in (rows[1], rows[2]))
        _js(figure.add_subplot(above[0]), arrays)
        _w1(figure.add_subplot(above[1]), arrays)
        left, right = (figure.add_subplot(below[column]) for column in range(2))
        heatmap(
            left,
            js,
            labels,
            title="digit classes: JS by a trained D",
            unit="JS (nats), up to log 2",
            limits=(0.0, LOG_2),
        )
        heatmap(right, w1, labels, title="digit classes: W1 by exact transport", unit="W1 (units of full ink)")
        for ax in (left, right):
            ax.set_xlabel("digit")
            ax.set_ylabel("against digit")
    return figure


def _matrix(values: np.ndarray, diagonal: np.ndarray) -> np.ndarray:
    """The symmetric matrix with ``values`` of the pairs above and below the diagonal."""
    matrix = np.diag(diagonal.astype(float))
    for (i, j), value in zip(combinations(range(len(diagonal)), 2), values, strict=True):
        matrix[i, j] = matrix[j, i] = value
    return matrix


def _pictures(figure: Figure, where: SubplotSpec, arrays: Arrays) -> None:
    """One digit with θ v added, black at twice full ink."""
    thetas, picture = arrays["shift/theta"], arrays["example"]
    shown = thetas[np.unique(np.linspace(0, len(thetas) - 1, 9).round().astype(int))]
    columns = where.subgridspec(1, len(shown))
    for column, theta in enumerate(shown):
        ax = figure.add_subplot(columns[column])
        ax.imshow(picture + theta / SIDE, cmap="gray_r", vmin=0.0, vmax=2.0)
        ax.set_title(f"θ = {theta:g}")
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set_visible(True)


def _js(ax: Axes, arrays: Arrays) -> None:
    theta = arrays["shift/theta"]
    ax.plot(theta, np.where(theta > 0, LOG_2, np.nan), label="truth: log 2 for θ > 0, else 0", **EXACT.line_arguments())
    ax.plot([0.0], [0.0], "o", color=EXACT.color, markersize=9)
    _banded(ax, arrays, "js_training", "D on its training pictures", Look(ORANGE, linestyle=":", order=3.5))
    _banded(ax, arrays, "js", "D on held-out pictures", TRAINED)
    reference_line(ax, LOG_2, "log 2")
    _label(ax, "JS (nats)")
    ax.legend(loc="lower right")


def _w1(ax: Axes, arrays: Arrays) -> None:
    theta, baseline = arrays["shift/theta"], float(arrays["shift/transport"][0].mean())
    ax.plot(theta, theta, label="truth: θ", **EXACT.line_arguments())
    low, high = np.maximum(theta - baseline, 0.0), theta + baseline
    ax.fill_between(theta, low, high, color=GREY, alpha=0.15, linewidth=0, label="truth ± floor")
    _banded(ax, arrays, "transport", "exact transport of the halves", Look(SKY, marker="s", order=3.0))
    _banded(ax, arrays, "w1", "1-Lipschitz critic, held out", TRAINED)
    reference_line(ax, baseline, f"floor {baseline:.2f}: the halves at θ = 0")
    _label(ax, "W1 (units of full ink)")
    # Room for the legend above the curves.
    ax.set_ylim(-0.05 * theta[-1], 1.4 * theta[-1])
    ax.legend(loc="upper left")


def _banded(ax: Axes, arrays: Arrays, name: str, label: str, look: Look) -> None:
    values = arrays[f"shift/{name}"]
    found = statistics.band(values, 1, of=statistics.standard_deviation)
    curve_with_band(ax, arrays["shift/theta"], *found, label=label, look=look)


def _label(ax: Axes, y_label: str) -> None:
    ax.set_title("half the digits, the other half shifted")
    ax.set_xlabel("shift θ (units of full ink)")
    ax.set_ylabel(y_label)
