"""The figure of ``cycle_avatars``, from its arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.framework import Arrays
from experiments.translation.ablations import FULL
from experiments.translation.cycle_avatars.analysis import ATTRIBUTES, COLOURS, SURVIVE, last, near
from experiments.translation.plots import LOOKS, curves_by_game, rows_of_pictures
from gan_jax.plots.curves import reference_line
from gan_jax.plots.style import BLACK, WIDTH, style


def plot(arrays: Arrays) -> Figure:
    """The grid of pictures; below, colours over training, all attributes, and KID."""
    games = arrays["games"].tolist()
    others = [game for game in games if game != FULL]
    rows = {"x": arrays["x"], "G(x), full": last(arrays, "made", FULL), "F(G(x))": last(arrays, "returned", FULL)}
    rows |= {"true cartoon": arrays["truth"]} | {game: last(arrays, "made", game) for game in others}
    columns = len(arrays["x"])
    cell = 0.76 * WIDTH / columns
    with style():
        figure = Figure(figsize=(WIDTH, cell * len(rows) + 4.4), layout="constrained")
        parts: Any = figure.subfigures(2, 1, height_ratios=(cell * len(rows), 4.4))
        rows_of_pictures(parts[0].subplots(), rows)
        hair, eyes, final, kid = parts[1].subplots(1, 4, width_ratios=(1.0, 1.0, 1.3, 0.8))
        for column, ax in zip(range(COLOURS), (hair, eyes), strict=True):
            _draw_training(ax, arrays, games, column)
        hair.set_ylabel("share of pictures")
        _draw_final(final, arrays, games)
        _draw_kid(kid, arrays, games)
        seeds = arrays["kid"].shape[1]
        handles, labels = hair.get_legend_handles_labels()
        title = f"means of {seeds} game{'s' if seeds > 1 else ''}, bands and marks: each game"
        parts[1].legend(handles, labels, loc="outside lower center", ncols=5, fontsize=11, title=title)
    return figure


def _draw_training(ax: Axes, arrays: Arrays, games: list[str], column: int) -> None:
    curves_by_game(ax, arrays["steps"], arrays["right"][..., column], games)
    reference_line(ax, SURVIVE, f"{100 * SURVIVE:.0f} %")
    ax.set(title=f"{ATTRIBUTES[column]} survives", xlabel="steps", ylim=(0.0, 1.04))


def _draw_final(ax: Axes, arrays: Arrays, games: list[str]) -> None:
    for number, game in enumerate(games):
        values = last(arrays, "last", game)
        for seed in values:
            places = np.arange(len(ATTRIBUTES)) + 0.13 * (number - 0.5 * (len(games) - 1))
            ax.plot(places, seed, "o", color=LOOKS[game].color, markersize=5)
    ax.set_xticks(range(len(ATTRIBUTES)), [name.replace(" ", "\n") for name in ATTRIBUTES], fontsize=10.5)
    ax.set(title="all attributes at the end", ylim=(0.0, 1.04))


def _draw_kid(ax: Axes, arrays: Arrays, games: list[str]) -> None:
    for number, game in enumerate(games):
        color, values = LOOKS[game].color, last(arrays, "kid", game)
        for scale, inside in enumerate((color, "none")):
            places = np.full(len(values), number + 0.3 * scale)
            ax.plot(places, values[:, scale], "o", color=color, markerfacecolor=inside, markersize=6)
    ax.axhline(near(arrays, 0), color=BLACK, linestyle=":", linewidth=1.5)
    ax.set_xticks([])
    ax.set_yscale("symlog", linthresh=0.01)
    ax.set_ylim(bottom=-0.01)
    ax.set_title("KID to cartoons\n(open: unit scale;\nline: near)", fontsize=12)
