"""The figure of ``forward_or_reverse``, from its arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.diversity.forward_or_reverse.analysis import best, shares
from experiments.diversity.forward_or_reverse.experiment import NAMES
from experiments.framework import Arrays
from experiments.game.f_gan.experiment import NAMES as REFERENCE
from experiments.game.f_gan.figure import LOOKS
from experiments.game.f_gan.theory import density, normal
from gan_jax.plots.style import BLACK, GREY, WIDTH, style

SHORT = {"kl": "KL", "jensen_shannon": "JS", "jeffreys": "Jeffreys", "reverse_kl": "rev. KL"}


def plot(arrays: Arrays) -> Figure:
    """Three rows: fits; branches and games; what the best fits are made of."""
    separations = arrays["games/separations"]
    seeds, steps = arrays["games/path"].shape[3], int(arrays["games/steps"][-1])
    with style():
        figure = Figure(figsize=(WIDTH, 10.2), layout="constrained")
        rows: Any = figure.subfigures(3, 1, height_ratios=(1.0, 1.15, 1.05))
        fits, branches, below = (row.subplots(1, 4) for row in rows)
        _draw_reference(fits[0], arrays)
        for ax, d in zip(fits[1:], separations, strict=True):
            _draw_fits(ax, arrays, float(d))
        fits[0].set_ylabel("density")
        handles = [Line2D([], [], label=label, **_line(name)) for name, label in NAMES.items()]
        rows[0].legend(handles=handles, loc="outside upper center", ncols=4, title="one Gaussian, best by")
        for row, (ax, name) in enumerate(zip(branches, NAMES, strict=True)):
            _draw_branches(ax, arrays, name, row)
        branches[0].set_ylabel("|μ| / half separation")
        rows[1].legend(handles=_explained(seeds, steps), loc="outside lower center", ncols=4, columnspacing=1.2)
        _draw_best(below[:3], arrays)
        _draw_excess(below[3], arrays)
    return figure


def _draw_reference(ax: Axes, arrays: Arrays) -> None:
    x = np.linspace(-5.0, 7.5, 401)
    ax.fill_between(x, density(x), color=GREY, alpha=0.35, linewidth=0)
    for name in NAMES:
        optimum = arrays["reference/optimum"][list(REFERENCE).index(name)]
        ax.plot(x, normal(x, *optimum), **_line(name))
    ax.set_xticks([-4, 0, 4])
    ax.set(title="f-GAN's mixture", xlabel="x", xlim=(x[0], x[-1]), ylim=(0.0, None))


def _draw_fits(ax: Axes, arrays: Arrays, d: float) -> None:
    x = np.linspace(-0.5 * d - 5.0, 0.5 * d + 5.0, 401)
    ax.fill_between(x, 0.5 * (normal(x, -0.5 * d, 1.0) + normal(x, 0.5 * d, 1.0)), color=GREY, alpha=0.35, linewidth=0)
    for name in NAMES:
        mean, scale = best(arrays, name, np.array([d]))
        ax.plot(x, normal(x, mean[0], scale[0]), **_line(name))
    ax.set(title=f"separation d = {d:g}", xlabel="x", xlim=(x[0], x[-1]), ylim=(0.0, None))


def _line(name: str) -> dict[str, Any]:
    """Fits that coincide are told apart by dashes over a line."""
    dashes: dict[str, Any] = {"jensen_shannon": (0, (3, 3)), "jeffreys": (0, (1.5, 1.5))}
    order = 4 if name in dashes else 3
    return {"color": LOOKS[name].color, "linewidth": 2.4, "linestyle": dashes.get(name, "-"), "zorder": order}


def _draw_branches(ax: Axes, arrays: Arrays, name: str, row: int) -> None:
    color = LOOKS[name].color
    separations = arrays["separations"]
    switch = float(arrays[f"{name}/switch"]) if name != "kl" else np.inf
    for part, width in ((separations <= switch, 4.0), (separations >= switch, 1.5)):
        ax.plot(separations[part], np.zeros(part.sum()), color=color, linewidth=width, solid_capstyle="butt")
    if name != "kl":
        points, turn = arrays[f"{name}/aside/points"], int(arrays[f"{name}/turn"])
        place = points[:, 0] / (0.5 * points[:, 2])
        fold = arrays[f"{name}/fold"]
        at_fold = fold[0] / (0.5 * fold[2])
        minima = np.append(points[:turn, 2], fold[2]), np.append(place[:turn], at_fold)
        saddles = np.append(fold[2], points[turn:, 2]), np.append(at_fold, place[turn:])
        ax.plot(*minima, color=color, linewidth=1.5)
        ax.plot(*(axis[minima[0] >= switch] for axis in minima), color=color, linewidth=4.0, solid_capstyle="butt")
        ax.plot(*saddles, color=color, linewidth=1.8, linestyle=":")
        ax.plot(fold[2], at_fold, marker="o", markersize=8, color=BLACK, linestyle="none", zorder=4)
        ax.plot(switch, 1.12, marker="v", markersize=9, color=BLACK, linestyle="none", zorder=4)
        ax.axvline(switch, color=GREY, linewidth=1.0, linestyle="-", zorder=1)
    _draw_games(ax, arrays, row)
    ax.set(title=SHORT[name], xlabel="separation d", xlim=(0.0, separations[-1]), ylim=(-0.12, 1.18))
    ax.set_xticks([0, 3, 6, 9, 12, 15])


def _draw_games(ax: Axes, arrays: Arrays, row: int) -> None:
    for start, (marker, fill, shift) in enumerate((("o", "white", -0.25), ("D", BLACK, 0.25))):
        for column, d in enumerate(arrays["games/separations"]):
            ends = np.abs(arrays["games/path"][row, column, start, :, -1, 0]) / (0.5 * d)
            ax.plot(
                np.full(ends.size, d + shift),
                ends,
                marker=marker,
                markersize=6,
                color=BLACK,
                markerfacecolor=fill,
                alpha=0.8,
                linestyle="none",
                zorder=5,
            )
            lost = int(np.sum(~np.isfinite(ends)))
            if lost:
                ax.text(d - 0.4, 1.09, f"{lost} of {ends.size} lost", fontsize=10, va="center", ha="right", color=BLACK)


def _explained(seeds: int, steps: int) -> list[Line2D]:
    line: Any = {"linestyle": "none", "color": BLACK}
    return [
        Line2D([], [], color=GREY, linewidth=4.0, label="best fit"),
        Line2D([], [], color=GREY, linewidth=1.5, label="another minimum"),
        Line2D([], [], color=GREY, linewidth=1.8, linestyle=":", label="saddle point"),
        Line2D([], [], marker="o", markersize=8, label="one-mode fits appear", **line),
        Line2D([], [], marker="v", markersize=9, label="… are the best", **line),
        Line2D([], [], marker="o", markerfacecolor="white", label="game from the middle", **line),
        Line2D([], [], marker="D", label="game from one mode", **line),
        Line2D([], [], linestyle="none", label=f"({seeds} seeds, {steps} steps)"),
    ]


def _draw_best(axes: Any, arrays: Arrays) -> None:
    d = np.linspace(0.3, float(arrays["separations"][-1]), 600)
    for name in NAMES:
        mean, scale = best(arrays, name, d)
        left, right, outside = shares(mean, scale, d)
        # A gap where the best fit changes, and no line that would pass for a transition.
        gap = np.insert(np.diff(mean) > 0.5, 0, False)
        scale, left, outside = (np.where(gap, np.nan, values) for values in (scale, left, outside))
        for ax, values in zip(axes, (scale, np.minimum(left, right), outside), strict=True):
            ax.plot(d, values, **_line(name))
    for ax, title in zip(axes, ("σ of best fit", "mass on emptier mode", "mass in no mode"), strict=True):
        ax.set(title=title, xlabel="separation d", xlim=(0.0, d[-1]), ylim=(0.0, None))
        ax.set_xticks([0, 3, 6, 9, 12, 15])


def _draw_excess(ax: Axes, arrays: Arrays) -> None:
    """By how much trained fits exceed the minimum downhill of their start, in per cent, at every separation."""
    separations, least = arrays["games/separations"], arrays["games/least"]
    excess = 100.0 * (arrays["games/reached"] / least[..., None] - 1.0)
    ax.set_yscale("log")
    for row, name in enumerate(NAMES):
        for start, (marker, fill) in enumerate((("o", "white"), ("D", None))):
            for column in range(separations.size):
                values = np.maximum(excess[row, column, start], 1e-2)
                color = LOOKS[name].color
                ax.plot(
                    np.full(values.size, column + 0.2 * (row - 1.5) + 0.08 * (start - 0.5)),
                    values,
                    marker=marker,
                    markersize=5,
                    linestyle="none",
                    color=color,
                    markerfacecolor=fill or color,
                    alpha=0.85,
                )
    ax.axhline(2.0, color=GREY, linestyle=":", linewidth=1.8)
    ax.set_xticks(range(separations.size), [f"d = {d:g}" for d in separations])
    ax.set(title="games: % over min.", ylim=(7e-3, None))
