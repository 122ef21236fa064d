"""The figure of ``stacked_digits``: timelines, our rows beside the published ones, shares of digits, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from experiments.diversity.stacked_digits.experiment import ROWS, Method
from experiments.framework import Arrays
from gan_jax.metrics import statistics
from gan_jax.plots.images import image_grid
from gan_jax.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, WIDTH, style

COLORS = {
    "dcgan": GREY,
    "pacdcgan_2": ORANGE,
    "wgan_gp": PURPLE,
    "non_saturating": BLUE,
    "relativistic": VERMILION,
}

MARKERS = {"dcgan": "s", "pacdcgan_2": "D", "wgan_gp": "^", "non_saturating": "v", "relativistic": "o"}

AIM = 0.06
"""KL that the best method should come below: PacDCGAN2's on stacked MNIST."""

COLUMNS = (0.44, 0.54, 0.73, 0.87, 0.985)
"""Right ends of the table's numbers, as shares of its width."""


def plot(arrays: Arrays) -> Figure:
    """Timelines, the table, the shares of digits, and pictures."""
    rows = {name: ROWS[name] for name in arrays["rows"].tolist()}
    heights = (3.7, 0.9 + 0.34 * (len(rows) + 1), 0.9 + 0.34 * (len(rows) + 1), 0.5 * (len(rows) + 1))
    with style():
        figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
        parts: Any = figure.subfigures(4, 1, height_ratios=heights)
        left, right = parts[0].subplots(1, 2)
        _timeline(left, arrays, rows, "covered")
        _timeline(right, arrays, rows, "reverse_kl")
        _modes_axis(left)
        _kl_axis(right, float(arrays["floor_reverse_kl"]))
        parts[0].legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=3)
        _table(parts[1].subplots(), arrays, rows)
        _shares(parts[2], arrays, rows)
        _pictures(parts[3], arrays, rows)
    return figure


def _timeline(ax: Axes, arrays: Arrays, rows: Mapping[str, Method], quantity: str) -> None:
    """Means over seeds, and a band from the least to the largest."""
    for number, (name, row) in enumerate(rows.items()):
        x, values = arrays["moments"][number], arrays[quantity][number]
        ax.fill_between(x, values.min(axis=1), values.max(axis=1), color=COLORS[name], alpha=0.2, linewidth=0)
        ax.plot(x, values.mean(axis=1), color=COLORS[name], marker=MARKERS[name], markersize=5.5, label=row.label)
    ax.set_xscale("log")
    ax.set_xlabel("generator steps")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def _modes_axis(ax: Axes) -> None:
    ax.axhline(1000, color=GREY, linestyle=":", linewidth=1.8, zorder=1)
    ax.set_ylim(0, 1060)
    ax.set_ylabel("modes covered, of 1000")


def _kl_axis(ax: Axes, baseline: float) -> None:
    ax.set_yscale("log")
    ax.set_ylim(min(0.8 * baseline, 0.015), 10.0)
    for level, color, text in ((baseline, GREY, f"real stacks {baseline:.4f}"), (AIM, GREEN, f"{AIM:g}")):
        ax.axhline(level, color=color, linestyle=":", linewidth=1.8, zorder=1)
        frame = ("axes fraction", "data")
        ax.annotate(text, (0.0, level), (4, 3), frame, "offset points", color=color, fontsize=11)
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_ylabel("KL to uniform (nats)")


def _table(ax: Axes, arrays: Arrays, rows: Mapping[str, Method]) -> None:
    """Text in columns: ours, and on grey the published ones."""
    seeds, n = arrays["reverse_kl"].shape[-1], int(arrays["n"])
    ax.set(xlim=(0, 1), ylim=(len(rows) + 2.8, 0))
    ax.axis("off")
    ax.axvspan(0.755, 1.0, color="#EFEFEF", zorder=0)
    ax.text(0.54, 0.5, f"here: digits 8 × 8, {n:,} pictures", ha="center", va="center", weight="bold")
    ax.text(0.8775, 0.5, "published: MNIST 28 × 28", ha="center", va="center", weight="bold", fontsize=11.5)
    _line(ax, 1.4, "", ("steps × seeds", "modes", "KL", "modes", "KL"), GREY)
    _line(
        ax,
        2.3,
        "real stacks",
        ("", f"{float(arrays['floor_covered']):g}", f"{float(arrays['floor_reverse_kl']):.4f}", "", ""),
        "black",
    )
    for number, (name, row) in enumerate(rows.items()):
        modes, kl = arrays["covered"][number, -1], arrays["reverse_kl"][number, -1]
        error = f" ± {statistics.standard_error(kl):.3f}" if seeds > 1 else ""
        their_modes, low, high = row.published
        theirs = f"{low:g}" if low == high else f"{low:g}–{high:g}"
        extra = f", {int(arrays['critic_steps'])} critic steps" if name == "wgan_gp" else ""
        cells = (
            f"{int(arrays['moments'][number, -1]):,} × {seeds}",
            f"{modes.mean():.5g}",
            f"{kl.mean():.3f}{error}",
            f"{their_modes:g}",
            theirs,
        )
        _line(ax, 3.2 + number, row.label + extra, cells, COLORS[name])


def _line(ax: Axes, y: float, label: str, cells: tuple[str, ...], color: str) -> None:
    ax.text(0.005, y, label, va="center", color=color)
    for x, text in zip(COLUMNS, cells, strict=True):
        ax.text(x, y, text, ha="right", va="center", color=GREY if color == GREY and not label else "black")


def _shares(part: Any, arrays: Arrays, rows: Mapping[str, Method]) -> None:
    """How often every digit is drawn in every channel, of all seeds together."""
    shares = np.concatenate([arrays["real_shares"][None], arrays["shares"].mean(axis=1)])
    # Digits that are never drawn are at the end of the scale.
    logs = np.log2(np.maximum(10.0 * shares, 0.25)).reshape(len(shares), -1)
    ax = part.subplots()
    image = ax.imshow(logs, cmap="RdBu_r", vmin=-1.0, vmax=1.0, aspect="auto")
    for edge in (9.5, 19.5):
        ax.axvline(edge, color="black", linewidth=1.5)
    ax.set_yticks(range(len(shares)), ["real stacks", *(row.label for row in rows.values())])
    ax.set_xticks(range(30), [str(digit) for _ in range(3) for digit in range(10)])
    ax.set_title("share of every digit in the red, the green and the blue channel", fontsize=13)
    ax.grid(visible=False)
    bar = part.colorbar(image, ax=ax, ticks=[-1, 0, 1], extend="both", pad=0.01)
    bar.ax.set_yticklabels(["1/20", "1/10", "1/5"])


def _pictures(part: Any, arrays: Arrays, rows: Mapping[str, Method]) -> None:
    """A strip of every method's pictures, from the first seed."""
    strips = [arrays["real"], *arrays["pictures"]]
    labels = ["real stacks", *(row.label for row in rows.values())]
    axes = part.subplots(len(strips), 1, squeeze=False)[:, 0]
    for ax, strip, label in zip(axes, strips, labels, strict=True):
        image_grid(ax, strip, columns=len(strip))
        ax.text(-0.01, 0.5, label, transform=ax.transAxes, ha="right", va="center", fontsize=12)
