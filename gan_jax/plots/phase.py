"""Parts of a figure about dynamics: a field of arrows with paths through it, and the complex plane with eigenvalues."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from numpy.typing import ArrayLike

from gan_jax.plots.arguments import check_axes, check_look
from gan_jax.plots.style import BLACK, GREY, Look

PALE = "#B8B8B8"
"""Of arrows, which lie under paths."""


def arrows(ax: Axes, points: ArrayLike, vectors: ArrayLike) -> None:
    """Draws a field as arrows of one length: their direction alone, since a path shows the speed.

    Args:
      ax: where to draw.
      points: ``[n, 2]``.
      vectors: the field there, ``[n, 2]``; where it vanishes no arrow is drawn.

    Raises:
      ValueError: shapes that differ, or no points in the plane.
    """
    check_axes(ax)
    at, along = np.asarray(points, float), np.asarray(vectors, float)
    if at.ndim != 2 or at.shape[1] != 2 or len(at) == 0 or at.shape != along.shape:
        raise ValueError(f"points has shape {at.shape} and vectors has shape {along.shape}; expected one shape [n, 2]")
    lengths = np.linalg.norm(along, axis=1)
    seen = lengths > 1e-12 * max(float(lengths.max()), 1e-300)
    unit = along[seen] / lengths[seen, None]
    ax.quiver(*at[seen].T, *unit.T, color=PALE, angles="xy", pivot="mid", scale=17.0, width=0.006, zorder=1.0)


def path(ax: Axes, points: ArrayLike, look: Look, *, label: str = "") -> Line2D:
    """Draws a path through the plane: a ring where it begins, a disc where it ends.

    Args:
      ax: where to draw.
      points: ``[steps, 2]``.
      look: its colour and line.
      label: for the legend.

    Returns:
      The line.

    Raises:
      ValueError: no path in the plane.
      TypeError: no axes, or a look that is none.
    """
    check_axes(ax)
    check_look(look)
    along = np.asarray(points, float)
    if along.ndim != 2 or along.shape[1] != 2 or len(along) < 2:
        raise ValueError(f"points has shape {along.shape}; expected [steps, 2] with at least 2 steps")
    (line,) = ax.plot(*along.T, color=look.color, linestyle=look.linestyle, linewidth=1.4, zorder=2.0, label=label)
    ax.plot(
        *along[0], marker="o", markersize=7.0, color="white", markeredgecolor=look.color, markeredgewidth=1.8, zorder=3
    )
    ax.plot(*along[-1], marker="o", markersize=6.0, color=look.color, markeredgecolor="white", zorder=3.1)
    return line


def portrait(ax: Axes, limit: float, *, title: str, x_label: str = "", y_label: str = "") -> None:
    """Makes a square of half-width ``limit`` with the equilibrium marked at the origin."""
    ax.plot(0.0, 0.0, marker="+", markersize=11.0, markeredgewidth=2.2, color=BLACK, linestyle="none", zorder=4.0)
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), xlabel=x_label, ylabel=y_label, aspect="equal")
    ax.set_title(title)
    ax.grid(visible=False)


def unit_circle(ax: Axes) -> None:
    """Draws the circle inside which a step contracts."""
    ax.add_patch(Circle((0.0, 0.0), 1.0, fill=False, color=GREY, linestyle=":", linewidth=1.8, zorder=1.5))


def imaginary_axis(ax: Axes) -> None:
    """Draws the line left of which a flow contracts."""
    ax.axvline(0.0, color=GREY, linestyle=":", linewidth=1.8, zorder=1.5)


def eigenvalues(
    ax: Axes, measured: ArrayLike, exact: ArrayLike, look: Look, *, label: str, size: float = 6.0
) -> Line2D:
    """Draws measured eigenvalues as marks over the curves on which the closed form lies.

    Args:
      ax: the complex plane.
      measured: complex, any shape.
      exact: complex, ``[n, branches]``, each branch a continuous curve.
      look: marks and colour.
      label: for the legend.
      size: of the marks in points: larger ones show under smaller ones.

    Returns:
      The marks.

    Raises:
      ValueError: no curves.
      TypeError: no axes, or a look that is none.
    """
    check_axes(ax)
    check_look(look)
    branches = np.asarray(exact, complex)
    if branches.ndim == 0:
        raise ValueError("exact is one number; expected curves, [n, branches]")
    for branch in branches.reshape(len(branches), -1).T:
        ax.plot(branch.real, branch.imag, color=look.color, linewidth=1.6, alpha=0.55, zorder=look.order - 0.5)
    found = np.asarray(measured, complex).ravel()
    (marks,) = ax.plot(
        found.real, found.imag, label=label, **{**look.line_arguments(), "linestyle": "none", "markersize": size}
    )
    return marks
