"""Parts of a figure: a curve with its band, a reference line, a matrix with its numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from gan_jax.plots.arguments import check_axes, check_look
from gan_jax.plots.style import GREY, TRAINED, Look

BAND_ALPHA = 0.22


def curve_with_band(
    ax: Axes,
    x: ArrayLike,
    mean: ArrayLike,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
    *,
    label: str | None = None,
    look: Look = TRAINED,
) -> Line2D:
    """Draws ``mean`` over ``x``, and the band from ``low`` to ``high`` where they are given.

    Args:
      ax: where to draw.
      x: positions ``[n]``.
      mean: values ``[n]``; NaN leaves a gap.
      low: lower edge of the band ``[n]``.
      high: upper edge of the band ``[n]``.
      label: for the legend.
      look: how the curve is drawn.

    Returns:
      The line.

    Raises:
      ValueError: shapes that differ, no points, or a band with one edge.
      TypeError: no axes, or a look that is none.
    """
    check_axes(ax)
    check_look(look)
    if (low is None) != (high is None):
        given, lacking = ("high", "low") if low is None else ("low", "high")
        raise ValueError(f"{given} is given and {lacking} is None; expected both edges of the band, or neither")
    given_arrays = {"x": x, "mean": mean, "low": low, "high": high}
    arrays = {name: np.asarray(value, float) for name, value in given_arrays.items() if value is not None}
    for name, array in arrays.items():
        if array.ndim != 1 or array.size == 0 or array.shape != arrays["x"].shape:
            raise ValueError(
                f"{name} has shape {array.shape}; expected [n] with n ≥ 1, as x of shape {arrays['x'].shape}"
            )
    if "low" in arrays:
        ax.fill_between(
            arrays["x"],
            arrays["low"],
            arrays["high"],
            color=look.color,
            alpha=BAND_ALPHA,
            linewidth=0,
            zorder=look.order - 0.5,
        )
    (line,) = ax.plot(arrays["x"], arrays["mean"], label=label, **look.line_arguments())
    return line


def reference_line(ax: Axes, y: float, label: str) -> Line2D:
    """Draws the level ``y`` across the axes, with its name under its right end: what saturates comes from the left.

    Raises:
      ValueError: ``y`` is not finite.
    """
    check_axes(ax)
    if not np.isfinite(y):
        raise ValueError(f"y is {y}; expected a finite level for the line {label!r}")
    line = ax.axhline(y, color=GREY, linestyle=":", linewidth=1.8, zorder=1.5)
    ax.annotate(
        label,
        xy=(1.0, y),
        xycoords=("axes fraction", "data"),
        xytext=(-2, -9),
        textcoords="offset points",
        ha="right",
        va="top",
        color=GREY,
        fontsize="small",
        zorder=5,
    )
    return line


def heatmap(
    ax: Axes,
    matrix: ArrayLike,
    labels: Sequence[str],
    *,
    column_labels: Sequence[str] | None = None,
    title: str = "",
    unit: str = "",
    limits: tuple[float, float] | None = None,
    number: str = ".2f",
) -> None:
    """Draws ``matrix`` as coloured cells with their numbers.

    Args:
      ax: where to draw.
      matrix: values ``[rows, columns]``; NaN leaves a cell empty.
      labels: one for each row, and for each column where ``column_labels`` is None.
      column_labels: one for each column.
      title: above the matrix.
      unit: named at the colour bar, e.g. ``"nats"``.
      limits: values of the palest and the darkest cell; those of the matrix where None.
      number: format of the numbers.

    Raises:
      ValueError: not a matrix, no finite value, the wrong number of labels, or limits that do not rise.
      TypeError: no axes.
    """
    check_axes(ax)
    values = np.asarray(matrix, float)
    columns = labels if column_labels is None else column_labels
    if values.ndim != 2 or not np.isfinite(values).any():
        raise ValueError(f"matrix has shape {values.shape}; expected [rows, columns] with at least one finite value")
    if values.shape != (len(labels), len(columns)):
        raise ValueError(f"matrix has shape {values.shape}; expected ({len(labels)}, {len(columns)}), one label each")
    low, high = limits if limits is not None else (float(np.nanmin(values)), float(np.nanmax(values)))
    if not (np.isfinite([low, high]).all() and low <= high):
        raise ValueError(f"limits is ({low}, {high}); expected two finite values, the lower one first")
    image = ax.imshow(values, cmap="cividis_r", vmin=low, vmax=high)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(labels)), labels)
    ax.set_title(title)
    # Ten columns over half a page leave about a third of an inch for each number.
    size = "medium" if len(columns) <= 6 else 9.5
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = _luminance(image.cmap(image.norm(value))) < 0.45
            text = format(value, number)
            ax.text(column, row, text, ha="center", va="center", fontsize=size, color="white" if dark else "black")
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8, aspect=25, pad=0.02)
    bar.outline.set_visible(False)
    bar.set_label(unit)


def _luminance(color: ArrayLike) -> float:
    """Relative luminance of a colour ``[3]`` or ``[4]`` (ITU-R BT.709 weights)."""
    return float(np.asarray(color, float)[:3] @ np.asarray([0.2126, 0.7152, 0.0722]))
