"""The arms race as pictures: the data's law, the generator's and the discriminator at chosen steps; and what is said of them over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from gan_jax.plots.arguments import check_axes
from gan_jax.plots.curves import curve_with_band, reference_line
from gan_jax.plots.panels import Panel
from gan_jax.plots.style import BLACK, BLUE, RC, SKY, VERMILION, WIDTH, style

LEVELS = 8
"""Shades of a discriminator in the plane."""


@dataclass(frozen=True)
class OnLine:
    """One moment of a game on the line.

    Attributes:
      step: generator steps made.
      x: positions ``[n]``.
      data: density of the data ``[n]``.
      generator: density of the generator ``[n]``.
      discriminator: probability of real, or a critic's value, ``[n]``.
    """

    step: int
    x: np.ndarray
    data: np.ndarray
    generator: np.ndarray
    discriminator: np.ndarray


@dataclass(frozen=True)
class InPlane:
    """One moment of a game in the plane.

    Attributes:
      step: generator steps made.
      data: samples ``[n, 2]``.
      generator: samples ``[n, 2]``.
      axis: positions along either axis, ``[a]``.
      discriminator: probability of real, or a critic's value, at ``(axis_i, axis_j)``, ``[a, a]``.
    """

    step: int
    data: np.ndarray
    generator: np.ndarray
    axis: np.ndarray
    discriminator: np.ndarray


@dataclass(frozen=True)
class Strip:
    """One game as a row of pictures.

    Attributes:
      title: of the game.
      moments: in order.
      probability: whether the discriminator is a probability, shown as it is; a critic is scaled to its range in each picture, since it is
        known up to a constant, and to what is shown.
    """

    title: str
    moments: Sequence[OnLine | InPlane]
    probability: bool


def draw_moment(ax: Axes, moment: OnLine | InPlane, *, probability: bool) -> None:
    """Draws one moment into empty axes."""
    check_axes(ax)
    shown = moment.discriminator if probability else _scaled(moment.discriminator)
    if isinstance(moment, OnLine):
        ax.fill_between(moment.x, moment.data, color=SKY, alpha=0.6, linewidth=0)
        ax.fill_between(moment.x, moment.generator, color=VERMILION, alpha=0.5, linewidth=0)
        ax.plot(moment.x, shown, color=BLACK, linewidth=1.8)
        # A generator that has collapsed is a spike that would hide everything else.
        ax.set(xlim=(moment.x[0], moment.x[-1]), ylim=(0.0, 1.03))
        return
    levels = np.linspace(0.0, 1.0, LEVELS + 1)
    ax.contourf(moment.axis, moment.axis, shown.T, levels=levels, cmap="Greys", vmin=0.0, vmax=1.8)
    for samples, color in ((moment.data, BLUE), (moment.generator, VERMILION)):
        # Thousands of marks would make up most of a vector file.
        ax.plot(*samples.T, ".", color=color, markersize=2.2, rasterized=True)
    ax.grid(visible=False)
    ax.set(xlim=(moment.axis[0], moment.axis[-1]), ylim=(moment.axis[0], moment.axis[-1]), aspect="equal")


def _scaled(values: np.ndarray) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low) if high > low else np.full_like(values, 0.5)


def arms_race(strips: Sequence[Strip], tracks: Sequence[Sequence[Panel]]) -> Figure:
    """Draws the games as strips of pictures, and below them what is measured over time.

    Args:
      strips: rows of pictures, with as many moments each.
      tracks: rows of panels, of one length, with one legend for all.

    Returns:
      The figure.

    Raises:
      ValueError: no strips, strips of different lengths, or no tracks.
    """
    lengths = {len(strip.moments) for strip in strips}
    if len(lengths) != 1 or lengths == {0} or not tracks:
        counts = [len(strip.moments) for strip in strips]
        raise ValueError(
            f"strips have {counts} moments and there are {len(tracks)} rows of tracks; expected strips of one length above 0 and tracks"
        )
    heights = [1.75 if isinstance(strip.moments[0], InPlane) else 1.35 for strip in strips]
    below = 2.35 * len(tracks) + 0.4
    with style():
        figure = Figure(figsize=(WIDTH, sum(heights) + 1.3 + below), layout="constrained")
        grid = figure.add_gridspec(2, 1, height_ratios=(sum(heights) + 1.3, below))
        _draw_strips(figure, grid[0], strips, heights)
        _draw_tracks(figure, grid[1], tracks)
    return figure


def _draw_strips(figure: Figure, place: SubplotSpec, strips: Sequence[Strip], heights: Sequence[float]) -> None:
    columns = len(strips[0].moments)
    axes = place.subgridspec(len(strips), columns, height_ratios=heights).subplots(squeeze=False)
    for index, (row, strip) in enumerate(zip(axes, strips, strict=True)):
        for column, (ax, moment) in enumerate(zip(row, strip.moments, strict=True)):
            draw_moment(ax, moment, probability=strip.probability)
            ax.xaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
            ax.yaxis.set_major_locator(MaxNLocator(nbins=3, steps=[1, 2, 5, 10]))
            ax.tick_params(labelsize=10, labelleft=column == 0)
            if index == 0:
                ax.set_title(f"step {moment.step}")
        row[0].set_ylabel(strip.title, fontsize=11)
    figure.legend(handles=_handles(), loc="outside upper center", ncols=4, columnspacing=1.4, handlelength=1.4)


def _handles() -> list[Artist]:
    return [
        Patch(color=SKY, label="data: density"),
        Line2D([], [], color=BLUE, marker=".", linestyle="none", markersize=9, label="data: samples"),
        Patch(color=VERMILION, alpha=0.6, label="generator"),
        Line2D([], [], color=BLACK, linewidth=1.8, label="D: probability of real, or critic; dark is high"),
    ]


def _draw_tracks(figure: Figure, place: SubplotSpec, tracks: Sequence[Sequence[Panel]]) -> None:
    axes = place.subgridspec(len(tracks), len(tracks[0])).subplots(squeeze=False)
    for row, panels in zip(axes, tracks, strict=True):
        for column, (ax, panel) in enumerate(zip(row, panels, strict=True)):
            for curve in panel.curves:
                curve_with_band(ax, curve.x, curve.y, curve.low, curve.high, label=curve.label, look=curve.look)
            for reference in panel.references:
                reference_line(ax, reference.y, reference.label)
            if panel.y_limits is not None:
                ax.set_ylim(*panel.y_limits)
            ax.set_title(panel.title, fontsize=12)
            ax.set_xlabel(panel.x_label)
            ax.set_ylabel(panel.y_label if column == 0 else "")
            ax.xaxis.set_major_locator(MaxNLocator(nbins=3))
            ax.tick_params(labelsize=11, labelleft=column == 0)
    looks = {curve.label: curve.look for row in tracks for panel in row for curve in panel.curves if curve.label}
    handles = [Line2D([], [], label=label, **look.line_arguments()) for label, look in looks.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, columnspacing=1.4, handlelength=2.0)


def arms_race_animation(strips: Sequence[Strip], *, columns: int = 2) -> FuncAnimation:
    """The same games, moving: one picture for each game, all at the same step.

    Args:
      strips: games with moments at the same steps.
      columns: of the grid of games.

    Returns:
      The animation, drawn when it is saved.

    Raises:
      ValueError: no strips, or strips of different lengths.
    """
    lengths = {len(strip.moments) for strip in strips}
    if len(lengths) != 1 or lengths == {0}:
        counts = [len(strip.moments) for strip in strips]
        raise ValueError(f"strips have {counts} moments; expected strips of one length above 0")
    rows = -(-len(strips) // columns)
    with style():
        figure = Figure(figsize=(3.6 * columns, 3.1 * rows + 0.5), dpi=80)
        axes = figure.subplots(rows, columns, squeeze=False).ravel()[: len(strips)]
        figure.subplots_adjust(left=0.06, right=0.98, bottom=0.05, top=0.89, hspace=0.25, wspace=0.15)
        figure.legend(handles=_handles(), loc="upper center", ncols=4, fontsize=8, handlelength=1.2, columnspacing=1.0)

    def draw(index: int) -> list[Artist]:
        # Frames are drawn when the animation is saved, outside of the block above.
        with style():
            for ax, strip in zip(axes, strips, strict=True):
                ax.clear()
                draw_moment(ax, strip.moments[index], probability=strip.probability)
                ax.set_title(f"{strip.title}, step {strip.moments[index].step}".replace("\n", ", "), fontsize=10)
                ax.tick_params(labelsize=8)
                if isinstance(strip.moments[index], OnLine):
                    # Ticks are made when the frame is drawn, after this block.
                    ax.grid(color=RC["grid.color"], linewidth=RC["grid.linewidth"])
                ax.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
                ax.yaxis.set_major_locator(MaxNLocator(nbins=3))
        return [*figure.axes]

    return FuncAnimation(figure, draw, frames=lengths.pop(), init_func=lambda: [])


__all__ = ["InPlane", "OnLine", "Strip", "arms_race", "arms_race_animation", "draw_moment"]
