"""JS against W1 of two Laplace distributions.

Figure: both, exact, over the distance m of the medians. JS is at most log 2 (Lin 1991); W1 is m, since one law is the other, shifted.

Command: ``python -m experiments forkme``; 10 s on two cores.

Expected: JS within 2 % of log 2 at the largest distance, W1 = m everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from experiments.framework import AT_MOST, EQUAL, Arrays, Claim, Progress, TableRow, theorem
from gan_jax.plots.curves import curve_with_band
from gan_jax.plots.style import style
from gan_jax.ranges import AtLeastTwo, Positive


@dataclass(frozen=True)
class Config:
    """Two laws, ever farther apart."""

    largest: Positive = 10.0  # Largest distance of the medians, in units of x.
    points: AtLeastTwo = 21  # Distances, evenly spaced from 0.


SMOKE = Config(largest=2.0, points=5)


def run(config: Config, progress: Progress) -> Arrays:
    """Computes both distances; the one function that imports JAX, so that listing, drawing and claiming need none."""
    import jax

    from gan_jax import distributions
    from gan_jax.divergences import exact

    m, make = np.linspace(0.0, config.largest, config.points), distributions.pair("laplaces").make
    arrays = {"m": m}
    for name, distance in progress.track([("js", exact.jensen_shannon), ("w1", exact.wasserstein)], "distances"):
        arrays[name] = np.asarray(jax.vmap(lambda m, distance=distance: distance(*make(m)))(m))
    return arrays


def plot(arrays: Arrays) -> Figure:
    """JS on the left, W1 on the right."""
    with style():
        figure = Figure(figsize=(10.8, 4.0), layout="constrained")
        for ax, name, label in zip(figure.subplots(1, 2), ("js", "w1"), ("JS [nats]", "W1 [x]"), strict=True):
            curve_with_band(ax, arrays["m"], arrays[name], label=label)
            ax.set(xlabel="distance of the medians [x]", ylabel=label)
    return figure


def claims(arrays: Arrays) -> list[Claim]:
    """What Lin and a shift say."""
    gap = float(np.abs(arrays["w1"] - arrays["m"]).max())
    return [
        theorem("JS ≤ log 2", "Lin 1991", np.log(2.0), arrays["js"].max(), 2e-6, AT_MOST, "float32 quadrature"),
        theorem("W1 is the distance of the medians", "a shift", 0.0, gap, 2e-6 * arrays["m"].max(), EQUAL, "float32"),
    ]


def table(arrays: Arrays) -> list[TableRow]:
    """One row a distance."""
    return [{name: float(column[i]) for name, column in arrays.items()} for i in range(len(arrays["m"]))]
