"""Of all plans to move six points onto six others, the cheapest one is the Wasserstein distance.

Figure: the cheapest, the first and the worst plan as arrows; the mean cost of every plan, in order; in one dimension,
the plan that keeps the order.

W1 between two sets of n points of equal weight is the least mean cost over one-to-one plans (Peyré & Cuturi 2019,
"Computational Optimal Transport", eq. 2.2 and Proposition 2.1):

    W1(x, y) = min over permutations σ of (1/n) Σ_i ‖x_i − y_σ(i)‖,

and on a line the plan that keeps the order is a cheapest one (their Remark 2.28).

Command: ``python -m experiments moving_plans``; 5 s on two cores, most of them for starting JAX and POT.

Expected: 6! = 720 plans; the cheapest one costs what the exact solver finds, and in one dimension what the sorted plan
costs, up to rounding in float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.framework import EQUAL, Arrays, Claim, Progress, TableRow, theorem
from gan_jax import ranges
from gan_jax.plots.style import BLUE, GREEN, GREY, ORANGE, VERMILION, WIDTH, style
from gan_jax.ranges import Range, Real, Seed

MOST_POINTS = 8


@dataclass(frozen=True)
class Config:
    """Two sets of points in the plane."""

    points: Annotated[int, Range(2, 8)] = 6  # Points on each side, from 2 to 8: there are points! plans.
    separation: Real = 2.0  # Distance between the centres of the two sets, in units of their standard deviation.
    seed: Seed = 0  # Seed of the points.

    def __post_init__(self) -> None:
        if not 2 <= self.points <= MOST_POINTS:
            raise ValueError(
                f"points is {self.points}; expected 2 to {MOST_POINTS}, since all points! plans are enumerated"
            )
        ranges.check(self)


SMOKE = Config(points=4)


def run(config: Config, progress: Progress) -> Arrays:
    """Draws the points, enumerates the plans in the plane and on its first axis, and asks the exact solvers."""
    import jax
    import jax.numpy as jnp

    from gan_jax.divergences import empirical

    n = config.points
    keys = jax.random.split(jax.random.key(config.seed))
    with progress.task("plans", total=4) as task:
        x = jax.random.normal(keys[0], (n, 2), jnp.float32)
        shift = jnp.tile(jnp.asarray([config.separation, 0.0], jnp.float32), (n, 1))
        y = jax.random.normal(keys[1], (n, 2), jnp.float32) + shift
        task.advance()
        plane = empirical.moving_plans(x, y)
        line = empirical.moving_plans(x[:, :1], y[:, :1])
        task.advance()
        plane_solver = empirical.wasserstein(x, y)
        task.advance()
        line_solver = empirical.wasserstein(x[:, :1], y[:, :1])
        task.advance()
    return {
        "x": np.asarray(x),
        "y": np.asarray(y),
        "plane_plans": np.asarray(plane.permutations),
        "plane_costs": np.asarray(plane.costs),
        "plane_solver": np.asarray(plane_solver),
        "line_plans": np.asarray(line.permutations),
        "line_costs": np.asarray(line.costs),
        "line_solver": np.asarray(line_solver),
    }


def rounding(arrays: Arrays, cost: float) -> float:
    """How far two means of n float32 distances may be apart though they are the same number.

    A coordinate difference, square, sum and root err by at most 3 units of rounding, and a sum of n terms divided by n
    by n more: n + 3 units for either side, of eps / 2 each, relative to the cost; the coordinates themselves are the
    same on both sides.
    """
    n = arrays["x"].shape[0]
    return float((n + 3) * np.finfo(np.float32).eps * cost)


def claims(arrays: Arrays) -> list[Claim]:
    """The number of plans, and three ways to the same cheapest cost."""
    n = arrays["x"].shape[0]
    sorted_plan = float(np.mean(np.abs(np.sort(arrays["x"][:, 0]) - np.sort(arrays["y"][:, 0]))))
    plane, line = float(arrays["plane_costs"][0]), float(arrays["line_costs"][0])
    plane_solver, line_solver = float(arrays["plane_solver"]), float(arrays["line_solver"])
    book, exact = "Peyré & Cuturi 2019", math.factorial(n)
    same = (
        ("in the plane, cheapest plan = exact solver's W1", f"{book}, Prop. 2.1", plane_solver, plane),
        ("on a line, cheapest plan = W1 from quantiles", f"{book}, Rem. 2.28", line_solver, line),
        ("on a line, cheapest plan = sorted plan", f"{book}, Rem. 2.28", sorted_plan, line),
    )
    return [
        theorem(f"one-to-one plans of {n} points", "n!", exact, len(arrays["plane_costs"]), 0.0, EQUAL, "exact"),
        *(theorem(*one, rounding(arrays, one[2]), EQUAL, "rounding") for one in same),
    ]


def table(arrays: Arrays) -> list[TableRow]:
    """The cost of every plan, in the plane and on a line, cheapest first."""
    rows: list[TableRow] = []
    for space in ("plane", "line"):
        for rank, (plan, cost) in enumerate(zip(arrays[f"{space}_plans"], arrays[f"{space}_costs"], strict=True)):
            rows.append(
                {"space": space, "by": "plan", "rank": rank, "plan": " ".join(map(str, plan)), "mean_cost": cost}
            )
        rows.append({"space": space, "by": "exact solver", "mean_cost": float(arrays[f"{space}_solver"])})
    return rows


def plot(arrays: Arrays) -> Figure:
    """Three plans as arrows above; below, what every plan costs, and the cheapest plan on a line."""
    costs, plans = arrays["plane_costs"], arrays["plane_plans"]
    first = int(np.flatnonzero((plans == np.arange(plans.shape[1])).all(axis=1))[0])
    marked = [("cheapest", 0, GREEN), ("first", first, ORANGE), ("worst", len(costs) - 1, VERMILION)]
    with style():
        figure = Figure(figsize=(WIDTH, 7.6), layout="constrained")
        grid = figure.add_gridspec(2, 6, height_ratios=(1.1, 1.0))
        for column, (name, rank, color) in enumerate(marked):
            ax = figure.add_subplot(grid[0, 2 * column : 2 * column + 2])
            _plan(ax, arrays["x"], arrays["y"][plans[rank]], color)
            # The three maps hold the same points and have the same size, so their axes agree without being shared.
            ax.set_aspect("equal", adjustable="datalim")
            ax.set(title=f"{name} plan: mean cost {costs[rank]:.3f}", xlabel="first coordinate")
            if column == 0:
                ax.set_ylabel("second coordinate")
                ax.legend(loc="best", handletextpad=0.3, labelspacing=0.2, frameon=True)
        _costs(figure.add_subplot(grid[1, :4]), costs, marked)
        _line(figure.add_subplot(grid[1, 4:]), arrays)
    return figure


def _plan(ax: Axes, starts: np.ndarray, ends: np.ndarray, color: str) -> None:
    """Arrows from every start to its end, in the plane."""
    arrow = {
        "arrowstyle": "-|>",
        "color": color,
        "linewidth": 2.0,
        "shrinkA": 5.0,
        "shrinkB": 5.0,
        "mutation_scale": 16,
    }
    for start, end in zip(starts, ends, strict=True):
        ax.annotate("", xy=tuple(end), xytext=tuple(start), arrowprops=arrow)
    ax.plot(*starts.T, "o", color=BLUE, markersize=9, label="from")
    ax.plot(*ends.T, "s", color=GREY, markersize=8, label="to")
    ax.margins(0.12)


def _costs(ax: Axes, costs: np.ndarray, marked: Sequence[tuple[str, int, str]]) -> None:
    """The mean cost of every plan, cheapest first, with some of them named."""
    ranks = np.arange(1, len(costs) + 1)
    ax.plot(ranks, costs, color=BLUE, linewidth=2.5)
    for name, rank, color in marked:
        ax.plot(
            ranks[rank], costs[rank], "o", color=color, markersize=11, markeredgecolor="white", label=name, zorder=4
        )
    ax.legend(loc="lower right")
    ax.set(title=f"all {len(costs)} plans, cheapest first", xlabel="rank of the plan", ylabel="mean cost (units of x)")


def _line(ax: Axes, arrays: Arrays) -> None:
    """The sorted plan on the first axis; where all points move the same way, other plans cost as much."""
    starts, ends = np.sort(arrays["x"][:, 0]), np.sort(arrays["y"][:, 0])
    upper, lower = np.ones_like(starts), np.zeros_like(starts)
    _plan(ax, np.stack([starts, upper], axis=1), np.stack([ends, lower], axis=1), GREEN)
    ax.margins(0.08, 0.15)
    ax.set_yticks([0, 1], ["to", "from"])
    ax.grid(visible=False, axis="y")
    ax.set(title=f"on a line: sorted plan {np.mean(np.abs(starts - ends)):.3f}", xlabel="first coordinate")
