"""Modes of a generator's law: their masses over training, samples at some moments, masses beside the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PatchCollection
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Circle
from matplotlib.ticker import FixedFormatter, FixedLocator
from numpy.typing import ArrayLike

from gan_jax.plots.arguments import check_axes, check_labels
from gan_jax.plots.style import BLACK, BLUE, GREY, VERMILION

DOUBLINGS = 3
"""The colours of a timeline reach from 2^-3 to 2^3 times the true weight; what lies beyond is drawn as the end."""

HALF_DOUBLINGS = np.arange(-DOUBLINGS - 0.25, DOUBLINGS + 0.5, 0.5)
"""Edges of the colours; the middle one is around equality."""

TIMELINE_COLORS = "PuOr"
"""From brown (too little) over white (right) to purple (too much): told apart by colour-blind readers."""

REACH = 3.0
"""Standard deviations: the radius of the circle that stands for a mode."""


def mode_timeline(
    ax: Axes, steps: ArrayLike, masses: ArrayLike, weights: ArrayLike, *, labels: Sequence[str] | None = None
) -> ScalarMappable:
    """Draws the mass of every mode over training: a row for each mode, and the mass that is in no mode as the lowest row.

    The colour of a mode is ``mass / weight`` on a scale of powers of two, white where both agree; a dead mode is as dark as the scale
    goes, so that births and deaths are edges. The lowest row, under a line, is white where all mass is in modes and black where none is.

    Args:
      ax: where to draw.
      steps: at which the masses were taken, rising, ``[records]``.
      masses: share of all samples in every mode, ``[records, modes]``; what is missing to one is in no mode.
      weights: of the modes in the truth, ``[modes]``.
      labels: of the modes; their numbers from 1 where None.

    Returns:
      What ``timeline_colors`` explains.

    Raises:
      ValueError: shapes that do not fit, fewer than two records, steps that do not rise, masses outside [0, 1], weights not above 0.
    """
    check_axes(ax)
    at, mass, weight = (np.asarray(a, float) for a in (steps, masses, weights))
    if mass.ndim != 2 or at.shape != mass.shape[:1] or weight.shape != mass.shape[1:] or at.size < 2:
        raise ValueError(
            f"masses has shape {mass.shape}, steps {at.shape} and weights {weight.shape}; expected [records, modes], [records] and "
            "[modes] with at least two records"
        )
    if not np.all(np.diff(at) > 0):
        raise ValueError("steps do not rise; expected every record later than the one before")
    _check_weights(weight)
    # Shares from counts in float32 may sum to one and a rounding.
    if not np.all((mass >= 0.0) & (mass.sum(axis=1, keepdims=True) <= 1.0 + 1e-5)):
        raise ValueError("masses holds values outside 0 to 1, or sums above 1; expected shares of all samples")
    modes = weight.size
    check_labels(labels, modes, "mode")
    between = 0.5 * (at[1:] + at[:-1])
    edges = np.concatenate([at[:1], between, at[-1:]])
    norm = BoundaryNorm(HALF_DOUBLINGS, colormaps[TIMELINE_COLORS].N)
    with np.errstate(divide="ignore"):
        doublings = np.clip(np.log2(mass / weight), -DOUBLINGS, DOUBLINGS)
    # Thousands of cells would make up most of a vector file.
    ax.pcolormesh(edges, np.arange(modes + 1) - 0.5, doublings.T, cmap=TIMELINE_COLORS, norm=norm, rasterized=True)
    outside = np.clip(1.0 - mass.sum(axis=1), 0.0, 1.0)
    low, high = modes - 0.2, modes + max(0.8, 0.12 * modes)
    ax.pcolormesh(edges, [low, high], outside[None], cmap="Greys", vmin=0.0, vmax=1.0, rasterized=True)
    for edge in np.arange(1, modes) - 0.5:
        ax.axhline(edge, color=GREY, linewidth=0.4)
    ax.axhspan(modes - 0.5, low, color="white", linewidth=0)
    for edge in (modes - 0.5, low):
        ax.axhline(edge, color=BLACK, linewidth=0.8)
    _name_modes(ax, modes, labels, 0.5 * (low + high))
    ax.set(xlim=(edges[0], edges[-1]), ylim=(high, -0.5))
    ax.grid(visible=False)
    return ScalarMappable(norm, TIMELINE_COLORS)


def _name_modes(ax: Axes, modes: int, labels: Sequence[str] | None, outside: float) -> None:
    """Names at most ten modes, and the row of what is in none."""
    every = max(1, -(-modes // 10))
    shown = range(0, modes, every)
    names = [str(mode + 1) if labels is None else labels[mode] for mode in shown]
    ax.yaxis.set_major_locator(FixedLocator([*shown, outside]))
    ax.yaxis.set_major_formatter(FixedFormatter([*names, "none"]))


def timeline_colors(figure: Figure | SubFigure, scale: ScalarMappable, axes: Sequence[Axes]) -> None:
    """Draws the colour bar of timelines at the right of ``axes``.

    Args:
      figure: that of the axes.
      scale: from ``mode_timeline``.
      axes: that share it.
    """
    bar = figure.colorbar(scale, ax=list(axes), aspect=30, fraction=0.03, pad=0.01)
    ticks = range(-DOUBLINGS, DOUBLINGS + 1)
    names = [f"1/{2**-tick}" if tick < 0 else str(2**tick) for tick in ticks]
    bar.set_ticks(list(ticks), labels=[f"≤ {names[0]}", *names[1:-1], f"≥ {names[-1]}"])
    bar.ax.tick_params(length=0)
    bar.set_label("mass of mode / true weight")


def sample_strip(
    axes: Sequence[Axes],
    samples: ArrayLike,
    centres: ArrayLike,
    scale: float | ArrayLike,
    titles: Sequence[str],
    *,
    color: str = VERMILION,
) -> None:
    """Draws samples at some moments, one panel each, over the circles of three standard deviations of the true modes.

    All panels show the modes and a third of their extent around them. Samples beyond that are counted in a corner, so that none is lost
    in silence.

    Args:
      axes: one for each moment; they become squares without ticks.
      samples: ``[moments, n, 2]``.
      centres: of the modes, ``[modes, 2]``.
      scale: standard deviation of every mode, a number or ``[modes]``.
      titles: one for each moment.
      color: of the samples.

    Raises:
      ValueError: shapes that do not fit, or a scale not above 0.
      TypeError: one pair of axes.
    """
    if isinstance(axes, Axes):
        raise TypeError("axes is one Axes; expected one for each moment, such as plt.subplots(1, 3)[1]")
    points, middle = np.asarray(samples, float), np.asarray(centres, float)
    if points.ndim != 3 or points.shape[2] != 2 or 0 in points.shape or middle.ndim != 2 or middle.shape[1] != 2:
        raise ValueError(
            f"samples has shape {points.shape} and centres {middle.shape}; expected [moments, n, 2] and [modes, 2]"
        )
    if not len(axes) == len(titles) == points.shape[0]:
        raise ValueError(
            f"there are {len(axes)} axes and {len(titles)} titles; expected {points.shape[0]}, one a moment"
        )
    if np.shape(scale) not in ((), middle.shape[:1]):
        raise ValueError(
            f"scale has shape {np.shape(scale)}; expected a number, or {middle.shape[:1]}, one for each mode"
        )
    scales = np.broadcast_to(np.asarray(scale, float), middle.shape[:1])
    if not np.all(scales > 0.0):
        raise ValueError(f"scale is {scales}; expected values above 0")
    reach = REACH * scales[:, None]
    low, high = (middle - reach).min(axis=0), (middle + reach).max(axis=0)
    center, half = 0.5 * (low + high), 0.5 * float((high - low).max()) * 4.0 / 3.0
    for ax, moment, title in zip(axes, points, titles, strict=True):
        circles = [Circle((x, y), REACH * s) for (x, y), s in zip(middle, scales, strict=True)]
        ax.add_collection(
            PatchCollection(circles, facecolor=BLUE, alpha=0.25, edgecolor="none", zorder=1, match_original=False)
        )
        ax.add_collection(PatchCollection(circles, facecolor="none", edgecolor=BLUE, linewidth=0.8, zorder=2))
        # Thousands of marks would make up most of a vector file.
        ax.plot(*moment.T, ".", color=color, markersize=2.5, markeredgewidth=0, alpha=0.6, rasterized=True, zorder=3)
        beyond = float(np.mean(~np.all(np.abs(moment - center) <= half, axis=1)))
        if beyond > 0.0:
            text = "< 1 % out of view" if beyond < 0.01 else f"{beyond:.0%} out of view".replace("%", " %")
            box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.0}
            ax.text(0.03, 0.03, text, transform=ax.transAxes, fontsize=10, color=GREY, bbox=box, zorder=5)
        ax.set_title(title)
        ax.set(xlim=(center[0] - half, center[0] + half), ylim=(center[1] - half, center[1] + half), aspect="equal")
        ax.set(xticks=[], yticks=[])
        ax.grid(visible=False)


def mode_bars(
    ax: Axes,
    masses: ArrayLike,
    intervals: ArrayLike,
    weights: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    color: str = VERMILION,
) -> None:
    """Draws the mass of every mode with its interval, and the true weight as a black line across each bar.

    Args:
      ax: where to draw.
      masses: ``[modes]``.
      intervals: lower and upper ends, ``[modes, 2]``.
      weights: of the modes in the truth, ``[modes]``.
      labels: of the modes; their numbers from 1 where None.
      color: of the bars.

    Raises:
      ValueError: shapes that do not fit, an interval that does not hold its mass, weights not above 0.
    """
    check_axes(ax)
    mass, ends, weight = (np.asarray(a, float) for a in (masses, intervals, weights))
    if mass.ndim != 1 or mass.size == 0 or ends.shape != (mass.size, 2) or weight.shape != mass.shape:
        raise ValueError(
            f"masses has shape {mass.shape}, intervals {ends.shape} and weights {weight.shape}; expected [modes], [modes, 2] and [modes]"
        )
    if not np.all((ends[:, 0] <= mass) & (mass <= ends[:, 1])):
        raise ValueError("intervals does not hold masses; expected lower end ≤ mass ≤ upper end for every mode")
    _check_weights(weight)
    check_labels(labels, mass.size, "mode")
    place = np.arange(mass.size)
    errors = np.stack([mass - ends[:, 0], ends[:, 1] - mass])
    ax.bar(place, mass, width=0.7, color=color, alpha=0.75, linewidth=0, zorder=2)
    ax.errorbar(place, mass, errors, linestyle="none", color=GREY, capsize=3, linewidth=1.5, zorder=3)
    ax.hlines(weight, place - 0.45, place + 0.45, color=BLACK, linewidth=2.5, zorder=4, label="true weight")
    every = max(1, -(-mass.size // 12))
    shown = place[::every]
    ax.set_xticks(shown, [str(mode + 1) if labels is None else labels[mode] for mode in shown])
    ax.set(xlim=(-0.7, mass.size - 0.3), xlabel="mode", ylabel="mass")
    ax.set_ylim(0.0, None)
    ax.grid(visible=False, axis="x")


def _check_weights(weights: np.ndarray) -> None:
    if not np.all(weights > 0.0):
        raise ValueError(f"weights is {weights}; expected values above 0")


__all__ = ["mode_bars", "mode_timeline", "sample_strip", "timeline_colors"]
