"""The figure of ``generator_gradients``."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.framework import Arrays
from experiments.game.generator_gradients.analysis import NAMES, TITLES
from gan_jax.metrics import statistics
from gan_jax.plots.curves import curve_with_band
from gan_jax.plots.style import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION, WIDTH, Look, style

LOOKS = {
    "minimax": Look(BLUE, "-", order=4.0),
    "non_saturating": Look(ORANGE, "-", order=3.5),
    "least_squares": Look(PURPLE, "--", order=3.0),
    "hinge": Look(SKY, "-.", order=3.0),
    "orthonormal": Look(GREEN, "-", order=4.0),
    "gp": Look(VERMILION, "--", order=3.0),
}

DEVIATION = Look(ORANGE, ":", linewidth=1.8, order=2.5)


def plot(arrays: Arrays) -> Figure:
    """Norms over updates, one row a problem, one column an age."""
    steps, ages = arrays["steps"], arrays["ages"]
    with style():
        figure = Figure(figsize=(WIDTH, 8.4), layout="constrained")
        axes = figure.subplots(len(TITLES), len(ages), sharex=True, sharey="row", squeeze=False)
        for row, (problem, title) in zip(axes, TITLES.items(), strict=True):
            for place, (ax, age) in enumerate(zip(row, ages, strict=True)):
                ax.set_xscale("log")
                ax.set_yscale("log")
                for objective, look in LOOKS.items():
                    _geometric(ax, steps, arrays[f"{problem}/{objective}/norm"][:, place], look)
                _geometric(ax, steps, arrays[f"{problem}/non_saturating/spread"][:, place], DEVIATION)
                distance = arrays[f"{problem}/energy_distance"][:, place].mean()
                js = arrays[f"{problem}/minimax/value"][:, place, -1].mean()
                made = f"generator of {age} steps" if age else "untrained generator"
                ax.set_title(
                    f"{title}, {made}\nenergy distance {distance:.2g}, D's JS {js:.2f} nats",
                    fontsize=12,
                )
            row[0].set_ylabel("‖∇‖ of the generator's parameters")
        for ax in axes[-1]:
            ax.set_xlabel("updates of the discriminator")
        handles = [Line2D([], [], label=NAMES[name], **look.line_arguments()) for name, look in LOOKS.items()]
        handles.append(Line2D([], [], label="−log D, spread over batches", **DEVIATION.line_arguments()))
        figure.legend(handles=handles, loc="outside upper center", ncols=4, handlelength=2.2, columnspacing=1.4)
    return figure


def _geometric(ax: Axes, steps: np.ndarray, values: np.ndarray, look: Look) -> None:
    """The geometric mean over seeds ``[seeds, records]`` and one standard deviation of the logarithm."""
    # A gradient that has died in float32 is drawn at the smallest normal number instead of nowhere.
    drawn = np.maximum(values, np.finfo(np.float32).tiny)
    curve_with_band(ax, steps, *statistics.band(drawn, of=statistics.standard_deviation, geometric=True), look=look)
