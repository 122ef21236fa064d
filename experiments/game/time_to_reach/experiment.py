"""How long a generator takes to arrive, by how far away it begins: minimax never arrives from far.

Figure: the data are N(m, 1), the generator an affine map of noise that begins as N(0, 1); steps of the generator until W1, exact in closed
form, is below 0.1, against m. Left: plain gradient descent, which feels how large a gradient is. Right: Adam, which divides that out.
Marks: games with trained discriminators (and, for energy distance and MMD, none), means and range over seeds; hollow where a run was
stopped before it arrived, at the largest number of steps. Lines: the same generator and optimiser on the exact divergence that the
objective has at its optimal discriminator. Dotted: the integral T(m) = ∫ dm' / (rate g(m')) for a generator that can only move, with g
the exact gradients 2 dJS/dm, m − 2 dJS/dm and 1.

Arjovsky & Bottou 2017, "Towards principled methods for training generative adversarial networks", theorems 2.4 and 2.5; Arjovsky,
Chintala & Bottou 2017, "Wasserstein GAN", theorem 3.

Command: ``python -m experiments time_to_reach``; 66 s on two cores.

Expected: with plain descent minimax does not arrive from m = 8 and 10 (the integral asks for 70 000 steps at m = 8); Wasserstein's time is
m / rate. Games take the steps that the exact divergence says, but for the non-saturating one from m = 4 on: its generator moves faster than
its discriminator learns, and the claim does not hold. With Adam minimax arrives from everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, over_seeds, wide_rows
from gan_jax.plots.curves import reference_line
from gan_jax.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, WIDTH, Look, style
from gan_jax.ranges import AtLeastTwo, Count, Even, Positive, Seed

OPTIMIZERS = {"sgd": "plain gradient descent", "adam": "Adam"}


@dataclass(frozen=True)
class Config:
    """Where generators begin, and how the games are played."""

    separations: tuple[Positive, ...] = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0)
    """m: the data are N(m, 1), the generator begins as N(0, 1)."""

    seeds: Count = 5  # Independent games at every separation.
    at_most: Count = 3000  # Steps of the generator after which a run is stopped.
    within: Positive = 0.1  # W1 at which the generator has arrived, in units of x.
    rate: Positive = 0.02  # Learning rate of the generator, for plain descent and for Adam.
    discriminator_rate: Positive = 5e-3  # Learning rate of the discriminator's and the critic's Adam.
    discriminator_steps: Count = 5  # Updates of the discriminator at every step of the generator.
    width: Even = 32  # Width of both hidden layers of discriminator and critic; even.
    batch_size: AtLeastTwo = 256  # Samples of each law at an update.
    dense: AtLeastTwo = 1000  # Points of the integral's curve.
    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(
    separations=(1.0, 8.0), seeds=2, at_most=400, rate=0.05, discriminator_steps=2, width=8, batch_size=64, dense=100
)

EXACT = ("minimax", "non_saturating", "wasserstein", "energy", "mmd")
"""Objectives whose divergence at the optimal discriminator is known between Gaussians of any width."""

MOVING = {"minimax": "saturating", "non_saturating": "non_saturating", "wasserstein": "wasserstein"}
"""Objectives with an exact gradient for a generator that can only move, and its name in ``comparison.Exact``."""


LOOKS = {
    "minimax": Look(VERMILION, "", "o", order=4.0),
    "non_saturating": Look(ORANGE, "", "s", order=3.0),
    "least_squares": Look(PURPLE, "", "^", order=3.0),
    "hinge": Look(GREEN, "", "v", order=3.0),
    "relativistic": Look(SKY, "", "D", order=3.0),
    "wasserstein": Look(BLUE, "", "P", order=4.0),
    "energy": Look(GREY, "", "X", order=3.0),
    "mmd": Look(BLACK, "", "*", order=3.0),
}
"""The objectives and how their marks are drawn."""


def claims(arrays: Arrays) -> list[Claim]:
    """Who arrives, when, and whether the exact divergence says so."""
    # A network that follows a moving generator is asked for less than a critic held to slope 1, or no discriminator at all.
    asked = {"minimax": 0.1, "non_saturating": 0.1, "wasserstein": 0.05, "energy": 0.05, "mmd": 0.05}
    against = [_against_exact(arrays, name, within) for name, within in asked.items()]
    # Of a single separation there is no slope.
    slope = [_slope_of_time(arrays)] if np.ptp(arrays["separation"]) > 0 else []
    return [*_far_away(arrays), *_arrivals(arrays), *slope, *against]


def _share(arrays: Arrays, optimizer: str, name: str, least: float = 0.0) -> float:
    """Of the runs from a separation of at least ``least`` that arrive."""
    where = arrays["separation"] >= least
    return float(arrays[f"{optimizer}/{name}/reached"][where].mean()) if where.any() else np.nan


def _far_away(arrays: Arrays) -> list[Claim]:
    most, source = float(arrays["at_most"]), "Arjovsky & Bottou 2017, theorem 2.4"
    integral = np.exp(np.interp(8.0, arrays["dense"], np.log(np.maximum(arrays["integral/minimax"], 1e-9))))
    games, exact = (_share(arrays, "sgd", name, 8.0) for name in ("minimax", "exact/minimax"))
    trained = f"minimax, plain descent: share of runs from m ≥ 8 that arrive in {most:g} steps"
    asked = "minimax: steps that the integral of 1 / (rate · 2 dJS/dm) asks for at m = 8"
    descent = "minimax, plain descent on the exact 2 JS: share from m ≥ 8 that arrives"
    # The exact values are no theorems: whether they are beyond what games are given depends on what these are given.
    return [
        finding(trained, source, 0.0, games, 0.0, AT_MOST, "none"),
        finding(asked, source, most, integral, 0.0, AT_LEAST, "more than the games were given"),
        finding(descent, source, 0.0, exact, 0.0, AT_MOST, "none"),
    ]


def _arrivals(arrays: Arrays) -> list[Claim]:
    arrive = "share of runs that arrive"
    games = {
        ("sgd", "non_saturating"): (f"non-saturating, plain descent: {arrive}", "Arjovsky & Bottou 2017, theorem 2.5"),
        ("sgd", "wasserstein"): (
            f"Wasserstein, plain descent: {arrive}",
            "Arjovsky, Chintala & Bottou 2017, theorem 3",
        ),
        ("adam", "minimax"): (f"minimax, Adam: {arrive}, from every m", "Kingma & Ba 2015, section 2.1"),
    }
    return [finding(*said, 1.0, _share(arrays, *game), 0.0, AT_LEAST, "all") for game, said in games.items()]


def _slope_of_time(arrays: Arrays) -> Claim:
    steps = arrays["sgd/wasserstein/steps"].astype(float)
    slopes = float(arrays["rate"]) * np.polyfit(arrays["separation"], steps, 1)[0]
    what = "Wasserstein, plain descent: slope of the time over m, times the rate"
    basis = "3 % of the critic's slope asked for + 3 standard errors"
    return finding(what, "dW1/dm = 1", 1.0, *over_seeds(slopes, 3.0, slack=0.03), EQUAL, basis)


def _against_exact(arrays: Arrays, name: str, within: float) -> Claim:
    """The mean time of plain descent over that on the exact divergence, at the separation where they differ most."""
    where = arrays[f"sgd/exact/{name}/reached"][:, 0]
    steps = arrays[f"sgd/{name}/steps"][where].astype(float)
    ratio = steps / arrays[f"sgd/exact/{name}/steps"][where]
    found = (np.nan, within)
    if where.any():
        found = over_seeds(ratio[np.abs(ratio.mean(axis=1) - 1).argmax()], 3.0, slack=within)
    what = f"{name}, plain descent: mean time over that on the exact divergence, where it differs most"
    basis = f"{within:.0%} asked for + 3 standard errors"
    return finding(what, "the discriminator is optimal", 1.0, *found, EQUAL, basis)


def table(arrays: Arrays) -> list[TableRow]:
    """Every run: steps, and whether it arrived; the seed of an exact descent is -1."""
    rows: list[TableRow] = []
    for optimizer in OPTIMIZERS:
        for name in (*LOOKS, *(f"exact/{name}" for name in EXACT)):
            found = {quantity: arrays[f"{optimizer}/{name}/{quantity}"] for quantity in ("steps", "reached")}
            seeds = [-1] if name.startswith("exact/") else range(found["steps"].shape[1])
            axes = {"separation": arrays["separation"].tolist(), "seed": seeds}
            rows += wide_rows(found, axes, optimizer=optimizer, objective=name.removeprefix("exact/"))
    return rows


NAMES = {
    "non_saturating": "non-saturating",
    "least_squares": "least squares",
    "wasserstein": "Wasserstein",
    "mmd": "MMD",
}
"""Where they are called otherwise in print."""


def plot(arrays: Arrays) -> Figure:
    """Steps over separations, for plain descent and for Adam."""
    with style():
        figure = Figure(figsize=(WIDTH, 5.2), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        for ax, (optimizer, title) in zip(axes, OPTIMIZERS.items(), strict=True):
            _panel(ax, arrays, optimizer)
            ax.set(title=title, xlabel="m, where the generator begins (σ)")
        axes[0].set_ylabel(f"generator steps until W1 < {float(arrays['within']):g}")
        names = [
            Line2D([], [], label=NAMES.get(name, name), **{**look.line_arguments(), "markersize": 8.0})
            for name, look in LOOKS.items()
        ]
        lines = [
            Line2D([], [], color=BLACK, linewidth=1.8, label="exact divergence"),
            Line2D([], [], color=BLACK, linewidth=1.8, linestyle=":", label="∫ dm / (rate g)"),
            Line2D([], [], color=BLACK, marker="o", markerfacecolor="white", linestyle="none", label="not all arrived"),
        ]
        axes[1].legend(handles=[*names, *lines], loc="upper left", bbox_to_anchor=(1.02, 1.02), borderaxespad=0.0)
    return figure


def _panel(ax: Axes, arrays: Arrays, optimizer: str) -> None:
    m, most = arrays["separation"], float(arrays["at_most"])
    ax.set_yscale("log")
    reference_line(ax, most, "")
    ax.text(0.02, most * 1.05, "stopped", transform=ax.get_yaxis_transform(), color=GREY, fontsize="small", va="bottom")
    for index, (name, look) in enumerate(LOOKS.items()):
        steps, reached = (arrays[f"{optimizer}/{name}/{quantity}"] for quantity in ("steps", "reached"))
        # Side by side, so that no mark hides another.
        x = m + 0.1 * (index - 0.5 * (len(LOOKS) - 1))
        mean = steps.mean(axis=1)
        ax.vlines(x, steps.min(axis=1), steps.max(axis=1), color=look.color, linewidth=1.4, zorder=look.order)
        marks = {**look.line_arguments(), "markersize": 8.0}
        ax.plot(x, mean, **marks)
        censored = ~reached.all(axis=1)
        hollow = {"markerfacecolor": "white", "markeredgecolor": look.color, "markeredgewidth": 1.5}
        ax.plot(x[censored], mean[censored], **(marks | hollow))
        if name in EXACT:
            exact, arrived = (arrays[f"{optimizer}/exact/{name}/{quantity}"][:, 0] for quantity in ("steps", "reached"))
            ax.plot(m[arrived], exact[arrived], color=look.color, linewidth=1.8, zorder=2.0)
        if optimizer == "sgd" and name in MOVING:
            time = arrays[f"integral/{name}"]
            seen = (arrays["dense"] >= 0.6) & (time <= most)
            ax.plot(arrays["dense"][seen], time[seen], color=look.color, linewidth=1.8, linestyle=":", zorder=1.8)
    ax.set_ylim(20.0, most * 1.4)
