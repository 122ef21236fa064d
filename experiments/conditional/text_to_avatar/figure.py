"""The figure of ``text_to_avatar``, from its arrays."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.conditional.text_to_avatar.analysis import ATTRIBUTES, LEAST
from experiments.conditional.text_to_avatar.experiment import ENCODERS, PAIRS
from experiments.framework import Arrays
from gan_jax.plots.curves import curve_with_band, reference_line
from gan_jax.plots.images import tile
from gan_jax.plots.style import BLUE, GREEN, VERMILION, WIDTH, Look, style

LOOKS = {
    ("gru", 0): Look(BLUE, "-", "o"),
    ("gru", 1): Look(BLUE, "--", "D"),
    ("transformer", 0): Look(VERMILION, "-", "o"),
    ("transformer", 1): Look(VERMILION, "--", "D"),
    ("lstm", 0): Look(GREEN, "-", "o"),
    ("lstm", 1): Look(GREEN, "--", "D"),
}

SHORT = ("hair\ncolour", "eye\ncolour", "hair\nstyle", "face\nshape", "glasses")


def plot(arrays: Arrays) -> Figure:
    """Accuracy over training and at the end; below, grids by caption."""
    encoders = arrays["encoders"].tolist()
    captions = arrays["captions"].tolist()
    with style():
        figure = Figure(figsize=(WIDTH, 4.6 + 0.62 * len(captions)), layout="constrained")
        parts: Any = figure.subfigures(2, 1, height_ratios=(4.6, 0.62 * len(captions)))
        *over, bars = parts[0].subplots(1, 3, width_ratios=(1.0, 1.0, 1.15))
        for ax, (pairs, title) in zip(over, PAIRS.items(), strict=True):
            _draw_training(ax, arrays, encoders, pairs)
            ax.set(title=title, xlabel="generator steps", ylim=(0.0, 1.03))
        over[0].set_ylabel("share of pictures as asked")
        _draw_final(bars, arrays, encoders)
        seeds = arrays[f"{encoders[0]}/seen"].shape[1]
        title = f"means of {seeds} game{'s' if seeds > 1 else ''}; bands: least to largest"
        parts[0].legend(loc="outside lower center", ncols=4, fontsize=11, title=title)
        _draw_grids(parts[1], arrays, encoders, captions)
    return figure


def _draw_training(ax: Axes, arrays: Arrays, encoders: list[str], pairs: str) -> None:
    for encoder in encoders:
        for column in (0, 1):
            values = arrays[f"{encoder}/{pairs}"][:, :, column]
            label = f"{ENCODERS.get(encoder, encoder)}: {ATTRIBUTES[column]}" if pairs == "seen" else None
            curve_with_band(
                ax,
                arrays["steps"],
                values.mean(axis=1),
                values.min(axis=1),
                values.max(axis=1),
                look=LOOKS[encoder, column],
                label=label,
            )
    reference_line(ax, LEAST[pairs], f"{100 * LEAST[pairs]:.0f} %")


def _draw_final(ax: Axes, arrays: Arrays, encoders: list[str]) -> None:
    places = np.arange(len(ATTRIBUTES))
    for number, encoder in enumerate(encoders):
        for kind, pairs in enumerate(PAIRS):
            shift = 0.34 * (number - 0.5 * (len(encoders) - 1)) + 0.13 * (kind - 0.5)
            values = arrays[f"{encoder}/last_{pairs}"].mean(axis=0)
            color = LOOKS[encoder, 0].color
            ax.plot(
                places + shift,
                values,
                linestyle="none",
                marker="o" if kind == 0 else "D",
                color=color,
                markerfacecolor=color if kind == 0 else "white",
                markersize=7,
            )
    ratios = ", ".join(
        f"{ENCODERS.get(e, e)} {float(arrays[f'{e}/diversity'].mean() / arrays['real_diversity'].mean()):.2f}"
        for e in encoders
    )
    low = min(float(arrays[f"{e}/last_{p}"].min()) for e in encoders for p in PAIRS)
    ax.set_ylim(max(0.0, min(0.7, low - 0.05)), 1.02)
    ax.set_xticks(places, SHORT, fontsize=10.5)
    ax.set_title(f"at the end; open: held-out pairs\nvariety: {ratios} of real", fontsize=11)


def _draw_grids(part: Any, arrays: Arrays, encoders: list[str], captions: list[str]) -> None:
    axes = part.subplots(1, 2 + len(encoders), width_ratios=(0.75, *(1.0 for _ in range(1 + len(encoders)))))
    axes[0].set(xlim=(0.0, 1.0), ylim=(len(captions), 0.0))
    axes[0].set_axis_off()
    axes[0].set_title("*: a held-out pair", fontsize=11, loc="right")
    for row, (caption, held) in enumerate(zip(captions, arrays["held_out"].tolist(), strict=True)):
        text = textwrap.fill(caption + (" *" if held else ""), 22)
        axes[0].text(1.0, row + 0.5, text, ha="right", va="center", fontsize=10.5, linespacing=0.95)
    grids = {"real renders": arrays["real"], **{ENCODERS.get(e, e): arrays[f"{e}/grid"] for e in encoders}}
    for ax, (title, images) in zip(axes[1:], grids.items(), strict=True):
        shown = images[:, : min(images.shape[1], 4 if len(encoders) > 1 else 8)]
        picture = tile(shown.reshape(-1, *shown.shape[2:]), columns=shown.shape[1])
        ax.imshow(picture, interpolation="nearest", aspect="auto")
        ax.set_axis_off()
        ax.set_title(title, fontsize=12)
