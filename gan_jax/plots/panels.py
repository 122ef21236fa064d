"""A grid of panels: one column for each family of pairs, one row for each quantity, one legend for each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogFormatterMathtext, MaxNLocator, NullFormatter
from numpy.typing import ArrayLike

from gan_jax.plots.curves import curve_with_band, reference_line
from gan_jax.plots.style import EXACT, WIDTH, Look, style


@dataclass(frozen=True)
class Curve:
    """One curve of a panel.

    Attributes:
      label: in the row's legend; curves of the same label share one entry, so they should share a look.
      x: positions ``[n]``.
      y: values ``[n]``.
      low: lower edge of the band ``[n]``, or None.
      high: upper edge of the band ``[n]``, or None.
      look: how it is drawn.
    """

    label: str
    x: ArrayLike
    y: ArrayLike
    low: ArrayLike | None = None
    high: ArrayLike | None = None
    look: Look = EXACT


class Reference(NamedTuple):
    """A level that a row is read against, e.g. ``Reference(math.log(2), "log 2")``."""

    y: float
    label: str


@dataclass(frozen=True)
class Panel:
    """One panel.

    Attributes:
      curves: what is drawn.
      title: shown above; usually only the first row has one.
      x_label: with its unit; shown under the lowest panel of a column.
      y_label: with its unit; shown at the first panel of a row.
      references: levels drawn across.
      log_floor: None for a linear axis. Otherwise the axis is logarithmic and ends at this value, at the tick ``≤
        floor``: values below it, exact zeros too, are drawn there, since a gradient that is zero is what the figure is
        about and must not vanish.
      y_limits: (low, high), or None for what the curves need.
    """

    curves: Sequence[Curve]
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    references: Sequence[Reference] = ()
    log_floor: float | None = None
    y_limits: tuple[float, float] | None = None


def panel_grid(
    panels: Sequence[Sequence[Panel]],
    *,
    width: float = WIDTH,
    row_height: float = 2.7,
    share_y: bool = True,
    title: str = "",
) -> Figure:
    """Draws panels as a grid; a column shares its x axis, and the legend of each row stands at its right.

    Args:
      panels: rows of panels ``[rows][columns]``, all rows of the same length.
      width: of the figure in inches.
      row_height: of one row in inches.
      share_y: whether a row shares its y axis.
      title: of the figure.

    Returns:
      The figure.

    Raises:
      ValueError: no panels, or rows of different lengths.
    """
    lengths = {len(row) for row in panels}
    if len(lengths) != 1 or lengths == {0}:
        counts = [len(row) for row in panels]
        raise ValueError(
            f"panels has rows of {counts} panels; expected at least one row, all of the same length above 0"
        )
    columns = lengths.pop()
    with style():
        figure = Figure(figsize=(width, row_height * len(panels) + 0.5), layout="constrained")
        axes = figure.subplots(len(panels), columns, sharex="col", sharey="row" if share_y else False, squeeze=False)
        for row, (row_axes, row_panels) in enumerate(zip(axes, panels, strict=True)):
            last = row == len(panels) - 1
            for column, (ax, panel) in enumerate(zip(row_axes, row_panels, strict=True)):
                _draw(ax, panel)
                ax.set_title(panel.title)
                ax.set_xlabel(panel.x_label if last else "")
                ax.set_ylabel(panel.y_label if column == 0 or not share_y else "")
            # After the whole row is drawn, since panels that share an axis also share its upper end.
            for ax, panel in zip(row_axes, row_panels, strict=True):
                if panel.log_floor is not None:
                    _log_ticks(ax, panel.log_floor, panel.y_limits[1] if panel.y_limits else None)
            _row_legend(row_axes[-1], row_panels)
        for ax in axes[-1]:
            # Axes with tick labels between them are narrower.
            ax.xaxis.set_major_locator(MaxNLocator(nbins=6 if share_y else 3, steps=[1, 2, 5, 10]))
        figure.align_ylabels()
        if title:
            figure.suptitle(title)
    return figure


def _draw(ax: Axes, panel: Panel) -> None:
    if panel.log_floor is not None:
        if not panel.log_floor > 0.0:
            raise ValueError(f"log_floor is {panel.log_floor}; expected a value above 0")
        ax.set_yscale("log")
    for curve in panel.curves:
        y, low, high = (_above(edge, panel.log_floor) for edge in (curve.y, curve.low, curve.high))
        assert y is not None
        curve_with_band(ax, curve.x, y, low, high, label=curve.label, look=curve.look)
    for reference in panel.references:
        reference_line(ax, reference.y, reference.label)
    if panel.log_floor is None and panel.y_limits is not None:
        ax.set_ylim(*panel.y_limits)


def _above(values: ArrayLike | None, floor: float | None) -> ArrayLike | None:
    """``values``, those below the floor at the floor; NaN stays NaN."""
    return values if values is None or floor is None else np.maximum(np.asarray(values, float), floor)


def _log_ticks(ax: Axes, floor: float, high: float | None) -> None:
    """Ends a logarithmic axis at ``floor``, whose tick stands for everything at or below it."""
    plain = LogFormatterMathtext()
    plain.set_axis(ax.yaxis)

    def name(value: float, position: int | None = None) -> str:
        text = plain(value, position)
        return f"≤{text}" if value <= floor * (1 + 1e-9) else text

    top = ax.get_ylim()[1] if high is None else high
    decades = np.arange(np.floor(np.log10(floor)) + 1, np.floor(np.log10(top)) + 1)
    step = max(1, len(decades) // 4)
    # Half a decade of room under the floor keeps the marks that lie on it inside the axes.
    ax.set_ylim(floor / 3.0, top)
    ax.yaxis.set_major_locator(FixedLocator([floor, *(10.0 ** decades[step - 1 :: step])]))
    ax.yaxis.set_major_formatter(FuncFormatter(name))
    ax.yaxis.set_minor_formatter(NullFormatter())


def _row_legend(ax: Axes, panels: Sequence[Panel]) -> None:
    """One entry for each label of the row, in the order of first appearance, at the right of the last panel."""
    looks = {curve.label: curve.look for panel in panels for curve in panel.curves if curve.label}
    if not looks:
        return
    handles = [Line2D([], [], label=label, **look.line_arguments()) for label, look in looks.items()]
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1.02), borderaxespad=0.0, handlelength=1.8)
