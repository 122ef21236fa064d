"""The figure of ``cycle_2d``, from its arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.framework import Arrays
from experiments.translation.ablations import ADVERSARIAL, FULL
from experiments.translation.cycle_2d.analysis import RIGHT, course, found, hits, symmetric
from experiments.translation.plots import curves_by_game
from gan_jax.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, WIDTH, style

PLACES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)
"""Of points of X, by where they are."""


def plot(arrays: Arrays) -> Figure:
    """A line of panels for each pair."""
    pairs = arrays["pairs"].tolist()
    with style():
        figure = Figure(figsize=(WIDTH, 2.25 * len(pairs) + 1.3), layout="constrained")
        axes = figure.subplots(len(pairs), 5, squeeze=False, width_ratios=(1.0, 1.0, 1.0, 1.0, 1.7))
        for line, pair in zip(axes, pairs, strict=True):
            _draw_points(line, arrays, pair)
            _draw_errors(line[-1], arrays, pair)
        for ax, title in zip(
            axes[0], ("x", "T(x), the truth", "G(x), full", "G(x), no cycle", "error of G"), strict=True
        ):
            ax.set_title(title, fontsize=13)
        axes[-1, -1].set_xlabel("steps")
        seeds = course(arrays, pairs[0], FULL).relative.shape[1]
        title = f"relative error, means over {seeds} games, bands: from the least to the largest"
        handles, labels = axes[0, -1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=11, title=title)
    return figure


def _draw_points(line: Any, arrays: Arrays, pair: str) -> None:
    x, truth = arrays[f"{pair}/x"], arrays[f"{pair}/truth"]
    games = arrays["games"].tolist()
    made = [arrays[f"{pair}/made"][games.index(game)] for game in (FULL, ADVERSARIAL)]
    colors = _by_place(x)
    reach = 1.15 * np.abs(np.concatenate([x, truth])).max()
    for ax, points in zip(line, (x, truth, *made), strict=False):
        ax.scatter(*points.T, c=colors, s=7, linewidths=0)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])
    line[0].set_ylabel("\n".join(_broken(str(arrays[f"{pair}/label"]))), fontsize=11)
    for ax, game in zip(line[2:4], (FULL, ADVERSARIAL), strict=True):
        seen = course(arrays, pair, game)
        text = f"{found(seen).sum()} of {seen.relative.shape[1]} are T"
        if symmetric(arrays, pair):
            wrong = hits(arrays, pair, game) & (seen.own[-1] > RIGHT)
            text = f"{wrong.sum()} hit Y, not as T"
        ax.set_xlabel(text, fontsize=11)


def _by_place(x: np.ndarray) -> list[str]:
    """A colour for every point of X, by its direction from the middle, one of eight."""
    away = x - x.mean(axis=0)
    sector = np.rint(np.arctan2(away[:, 1], away[:, 0]) / (0.25 * np.pi)).astype(int) % len(PLACES)
    return [PLACES[i] for i in sector]


def _broken(label: str) -> list[str]:
    """A label in lines of at most about sixteen letters."""
    lines = [""]
    for word in label.split():
        if lines[-1] and len(lines[-1]) + len(word) > 15:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _draw_errors(ax: Axes, arrays: Arrays, pair: str) -> None:
    curves_by_game(ax, arrays["steps"], arrays[f"{pair}/relative"], arrays["games"].tolist())
    ax.axhline(RIGHT, color=GREY, linestyle=":", linewidth=1.5)
    ax.set(yscale="log", ylim=(0.008, 3.0))
