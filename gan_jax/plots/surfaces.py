"""Functions of the plane as filled contours, with the data on top."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from gan_jax.plots.arguments import check_axes, whole
from gan_jax.plots.style import BLACK


def surface(
    ax: Axes,
    x: ArrayLike,
    y: ArrayLike,
    values: ArrayLike,
    *,
    points: ArrayLike | None = None,
    levels: int = 14,
    note: str = "",
) -> None:
    """Draws level sets of a function of the plane, dark low and bright high, and points over them.

    The levels cover the function's own range: what a critic says is known up to a constant, and where its slope is not held also
    up to a factor.

    Args:
      ax: where to draw; becomes a square without grid.
      x: positions along the first axis ``[n]``.
      y: along the second ``[m]``.
      values: ``[m, n]``; ``values[j, i]`` is at ``(x[i], y[j])``.
      points: ``[points, 2]``, drawn as dots; those outside the axes are left out.
      levels: how many bands.
      note: a few words in the lower left corner.

    Raises:
      ValueError: shapes that do not fit, values that are not finite, or no level.
      TypeError: no axes.
    """
    check_axes(ax)
    levels = whole("levels", levels, 1)
    xs, ys, zs = (np.asarray(a, float) for a in (x, y, values))
    if xs.ndim != 1 or ys.ndim != 1 or min(xs.size, ys.size) < 2 or zs.shape != (ys.size, xs.size):
        raise ValueError(
            f"values has shape {zs.shape}; expected ({ys.size}, {xs.size}), as y {ys.shape} and x {xs.shape}, of at least 2 positions each"
        )
    if not np.isfinite(zs).all():
        raise ValueError("values holds NaN or infinity; expected finite numbers")
    dots = np.zeros((0, 2)) if points is None else np.asarray(points, float)
    if dots.ndim != 2 or dots.shape[1] != 2:
        raise ValueError(f"points has shape {dots.shape}; expected [points, 2]")
    low, high = float(zs.min()), float(zs.max())
    # A constant has no range for levels.
    width = high - low if high > low else max(abs(low), 1.0) * 1e-6
    edges = np.linspace(low, low + width, levels + 1)
    ax.contourf(xs, ys, zs, levels=edges, cmap="cividis", extend="both")
    ax.contour(xs, ys, zs, levels=edges[1:-1], colors="white", linewidths=0.5, linestyles="solid", alpha=0.6)
    if points is not None:
        ax.plot(dots[:, 0], dots[:, 1], linestyle="none", marker=".", markersize=2.4, color=BLACK, markeredgewidth=0)
        ax.plot(dots[:, 0], dots[:, 1], linestyle="none", marker=".", markersize=1.2, color="white", markeredgewidth=0)
    ax.set_xlim(xs[0], xs[-1])
    ax.set_ylim(ys[0], ys[-1])
    ax.set_aspect("equal")
    ax.grid(visible=False)
    if note:
        box = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 2.0}
        ax.text(0.03, 0.03, note, transform=ax.transAxes, fontsize=10, va="bottom", ha="left", bbox=box, zorder=5)
