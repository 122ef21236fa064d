"""Rare modes: what share of them a generator reproduces.

Figure: ten Gaussians on a ring whose weights rise in geometric progression from .5 % to a third; the mass that each game's last
generators give every mode against its weight, with the line of a perfect sampler; the ratio of the two for the rarest modes over
training; and samples.

A mode of weight w shows up in a batch of 256 about 256 w times: 1.3 times for the rarest. A discriminator that sees one sample at a time
can only learn of it from its gradient there; whether the generator ever gets one depends on whether it puts mass near by. The weights
are the dial: ``smallest`` of the configuration.

The games are the small ones of ``mode_table``: the plain GAN, packing (Lin et al. 2018: packs of 4 see how often modes come together),
WGAN-GP (Gulrajani et al. 2017), relativistic pairing with R1 + R2 (Huang et al. 2024), and the last row of that table. All have the
same number of generator steps. Masses are those of high-quality samples, within 3 σ of the mode, with exact binomial intervals.

Command: ``python -m experiments mode_weights``; ``--preset quick``: 150 s on two cores.

Expected: in the quick preset (4000 steps, 4 seeds) no game reproduces the modes of at most 2 %: the last one gives them a third of their
weight and the modes of 5 % or more nearly all of theirs, WGAN-GP a fifth, the plain GAN and packs nothing. In every game rare modes get
less of their weight than the others do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.diversity.recipe import RingRecipe
from experiments.framework import AT_MOST, EQUAL, Arrays, Claim, Progress, TableRow, finding, over_seeds
from gan_jax.metrics import statistics
from gan_jax.plots.curves import curve_with_band
from gan_jax.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, WIDTH, Look, style
from gan_jax.ranges import Count, Positive, Range, Recorded, Seed

RARE = 0.02
"""Weight up to which a mode is called rare."""


@dataclass(frozen=True)
class Config:
    """One target, five games."""

    modes: Annotated[int, Range(2, 49)] = 10  # Gaussians on the ring; so few that one of them at least is not rare.
    smallest: Annotated[float, Range(0, RARE, above=True)] = 0.005
    """Weight of the rarest; the others rise in geometric progression."""

    radius: Positive = 1.0  # Radius of the ring.
    scale: Positive = 0.03  # Standard deviation of a mode.
    seeds: Count = 10  # Independent games of each kind.
    steps: Recorded = 20_000  # Updates of the generator; a multiple of ``records``.
    recipe: RingRecipe = field(default_factory=RingRecipe)  # Sizes and rates.
    data: Count = 100_000  # Fixed samples that the games learn from.
    samples: Count = 10_000  # Generated samples that a game is measured with.
    shown: Count = 1500  # Points that the figure has.
    records: Count = 20  # How many times a game is looked at.
    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(
    seeds=2,
    steps=4,
    recipe=RingRecipe(width=8, generator_depth=2, discriminator_depth=2, batch_size=16),
    data=200,
    samples=500,
    shown=50,
    records=2,
)

PRESETS = {"quick": Config(seeds=4, steps=4000, records=10)}


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games, and counts samples by mode at every record."""
    import jax

    from experiments.diversity import cures
    from experiments.framework.rows import record
    from gan_jax import distributions
    from gan_jax.metrics.modes import ModeCounts, assay, modes_of, tally
    from gan_jax.training.state import GameState

    weights = distributions.geometric_weights(config.modes, config.smallest)
    target = distributions.gaussian_ring(config.modes, config.radius, config.scale, weights=weights)
    truth = modes_of(target)
    changes = {
        "gan": cures.nothing,
        "packing": cures.packing,
        "wgan_gp": cures.wasserstein,
        "relativistic": cures.relativistic,
        "together": cures.together,
    }
    data_key, games_key = jax.random.split(jax.random.key(config.seed))
    feed = target.sample(data_key, (config.data,))
    arrays: Arrays = {
        "weights": np.asarray(truth.weights),
        "centres": np.asarray(truth.centres),
        "steps": np.linspace(0, config.steps, config.records + 1),
        "batch": np.asarray(config.recipe.batch_size),
        "n": np.asarray(config.samples),
    }
    with progress.task("mode weights", total=float(len(changes))):
        for name, change in changes.items():
            small = cures.small_game(config.recipe, config.steps, change)

            def look(key: jax.Array, state: GameState, small: cures.SmallGame = small) -> tuple[ModeCounts, jax.Array]:
                points = small.sample(key, state, config.samples)
                return tally(points, truth), points[: config.shown]

            with progress.task(name, total=config.records, share=1.0) as task:
                # All kinds of games have the same keys, so that they differ by themselves alone.
                seen, shown = record(task, config, small.game, jax.random.clone(games_key), look, feed).seen
            arrays[f"{name}/masses"] = seen.high / config.samples
            arrays[f"{name}/samples"] = shown[-1, 0]
            last = [assay(jax.tree.map(lambda leaf: leaf[-1, seed], seen), truth) for seed in range(config.seeds)]  # noqa: B023
            arrays[f"{name}/reverse_kl_floor"] = np.asarray([one.reverse_kl_baseline for one in last], float)
            for quantity in ("high_quality", "reverse_kl", "covered", "reproduced"):
                arrays[f"{name}/{quantity}"] = np.asarray([getattr(one, quantity) for one in last], float)
            arrays[f"{name}/intervals"] = np.stack([one.mass_intervals for one in last])
    return arrays


GAMES = {
    "gan": ("GAN", Look(VERMILION, marker="o")),
    "packing": ("packs of 4", Look(ORANGE, marker="s")),
    "wgan_gp": ("WGAN-GP", Look(BLUE, marker="^")),
    "relativistic": ("relativistic + R1 + R2", Look(PURPLE, marker="D")),
    "together": ("all of it", Look(GREEN, marker="v")),
}
"""The games by name: label and look."""

_TRUTH = 1.0 - math.exp(-4.5)


def _ratios(arrays: Arrays, name: str) -> np.ndarray:
    """Mass of every mode over what a perfect sampler gives it, ``[records + 1, seeds, modes]``."""
    return arrays[f"{name}/masses"] / (_TRUTH * arrays["weights"])


def claims(arrays: Arrays) -> list[Claim]:
    """Whether rare modes are reproduced, by how much less than the others; and whether the last game does better than the plain one."""
    weights, n = arrays["weights"], int(arrays["n"])
    rare = weights <= RARE
    result = []
    for name, (label, _) in GAMES.items():
        reproduced = _ratios(arrays, name)[-1]
        for which, modes in (("rare modes (≤ 2 %)", rare), ("the other modes", ~rare)):
            # Mass of these modes together over their weight: of a perfect sampler a binomial share.
            mass = np.average(reproduced[:, modes], axis=1, weights=weights[modes]).mean()
            within = 4.0 / math.sqrt(n * len(reproduced) * float(weights[modes].sum()))
            what, basis = f"{label}: mass of {which} over their weight", "4 s.e. of a perfect sampler"
            result.append(finding(what, "a perfect sampler", 1.0, mass, within, EQUAL, basis))
    for name, (label, _) in GAMES.items():
        ratio = np.minimum(_ratios(arrays, name)[-1], 1.0)
        gap = over_seeds(ratio[:, rare].mean(axis=1) - ratio[:, ~rare].mean(axis=1), 2.0)
        what = f"{label}: share of rare modes (≤ 2 %) that is reproduced − that of the others"
        source = "a mode of weight w is in a batch w times its size"
        result.append(finding(what, source, 0.0, *gap, AT_MOST, "2 standard errors"))
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Mass, interval and weight of every mode of every game; and each game's numbers."""
    rows: list[TableRow] = []

    def add(game: str, seed: int, quantity: str, mode: int, *numbers: float) -> None:
        words = {"game": game, "seed": seed, "quantity": quantity, "mode": mode}
        rows.append({**words, **dict(zip(("weight", "value", "low", "high"), map(float, numbers), strict=True))})

    for name in GAMES:
        for seed, masses in enumerate(arrays[f"{name}/masses"][-1]):
            for mode, mass in enumerate(masses):
                add(name, seed, "mass", mode, arrays["weights"][mode], mass, *arrays[f"{name}/intervals"][seed, mode])
            for quantity in ("high_quality", "reverse_kl", "reverse_kl_floor", "covered", "reproduced"):
                add(name, seed, quantity, -1, math.nan, arrays[f"{name}/{quantity}"][seed], math.nan, math.nan)
    return rows


LEAST = 2e-4
"""Where a mass of nothing is drawn."""


def plot(arrays: Arrays) -> Figure:
    """Mass against weight, the rarest modes over training, and samples."""
    with style():
        figure = Figure(figsize=(WIDTH, 8.6), layout="constrained")
        parts = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.7, 1.0))[:, 0]
        left, right = parts[0].subplots(1, 2)
        _draw_masses(left, arrays)
        _draw_course(right, arrays)
        handles, labels = left.get_legend_handles_labels()
        parts[0].legend(handles, labels, loc="outside upper center", ncols=3)
        _draw_samples(parts[1].subplots(1, len(GAMES) + 1), arrays)
    return figure


def _draw_masses(ax: Axes, arrays: Arrays) -> None:
    weights = arrays["weights"]
    ends = np.array([0.6 * weights.min(), 1.6 * weights.max()])
    ax.plot(ends, ends, color=BLACK, linewidth=2.5, zorder=1, label="perfect sampler")
    for number, (name, (label, look)) in enumerate(GAMES.items()):
        masses = np.maximum(arrays[f"{name}/masses"][-1], LEAST)
        place = weights * 1.045 ** (number - 2)
        logs = np.log(masses)
        middle = np.exp(logs.mean(axis=0))
        bars = np.maximum(np.stack([middle - masses.min(axis=0), masses.max(axis=0) - middle]), 0.0)
        marks: dict[str, Any] = {"color": look.color, "markersize": 7, "capsize": 2, "elinewidth": 1.2}
        ax.errorbar(place, middle, bars, fmt=look.marker, label=label, **marks)
    ax.axhline(LEAST, color=GREY, linestyle=":", linewidth=1.5)
    ax.annotate("no sample", (weights.min(), LEAST), xytext=(0, 4), textcoords="offset points", color=GREY)
    ax.set(xscale="log", yscale="log", xlabel="weight of the mode", ylabel="mass in the samples (mean, range)")
    ax.set_title(f"after {int(arrays['steps'][-1]):,} steps, {arrays['gan/masses'].shape[1]} seeds")


def _draw_course(ax: Axes, arrays: Arrays) -> None:
    rare = arrays["weights"] <= RARE
    for name, (_, look) in GAMES.items():
        ratio = _ratios(arrays, name)[:, :, rare].mean(axis=2)
        curve_with_band(ax, arrays["steps"], *statistics.band(ratio, 1, of=statistics.standard_deviation), look=look)
    ax.axhline(1.0, color=BLACK, linewidth=2.5, zorder=1)
    ax.set(xlabel="generator steps", ylabel="mass / weight", ylim=(0.0, 1.3))
    ax.set_title(f"modes of at most 2 % ({int(rare.sum())} of {rare.size}), ± 1 sd")


def _draw_samples(axes: np.ndarray, arrays: Arrays) -> None:
    centres, weights = arrays["centres"], arrays["weights"]
    limit = 1.3 * float(np.abs(centres).max())
    for ax in axes:
        ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
        ax.grid(visible=False)
    axes[0].scatter(*centres.T, s=900.0 * np.sqrt(weights), color=GREY, alpha=0.5)
    for centre, weight in zip(centres, weights, strict=True):
        axes[0].annotate(f"{100 * weight:.2g}", 0.62 * centre, ha="center", va="center", fontsize=11)
    axes[0].set_title("weights (%)", fontsize=12)
    for ax, (name, (label, look)) in zip(axes[1:], GAMES.items(), strict=True):
        ax.plot(*arrays[f"{name}/samples"].T, ".", color=look.color, alpha=0.4, markersize=2.5, rasterized=True)
        ax.plot(*centres.T, "+", color=BLACK, markersize=6, markeredgewidth=1.0)
        ax.set_title(label.replace(" + R1", "\n+ R1"), fontsize=12)
