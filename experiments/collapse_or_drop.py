"""Collapse or drop: a fast generator runs after one point, a strong discriminator lets modes go.

Figure: the first game of five arms, one row each: how the mass of every mode changes over training (colour: over its true weight;
lowest row: mass in no mode, black is all of it), and pictures of samples. Below, all games of all nine arms: the total variance of
generated batches over that of the data's (geometric means, bands: two standard errors over seeds), modes alive, and births and deaths
of modes.

One ring of eight Gaussians (radius 4, σ = .2), one pair of networks, and two things that may be changed: how well the discriminator is
trained before each step of the generator, and the objective. "G fast": its rate is 50 times the discriminator's; "D strong": five
updates of the discriminator for each of the generator, at equal rates. 2500 samples at every look; a sample is in a mode within 3 σ of
its centre.

Definitions, over the second half of a game. A mode is alive where it has at least a quarter of its weight. A game *collapses* where, at
half of the records or more, a quarter of the modes or fewer are alive and the generated variance is below a quarter of the data's:
samples are concentrated, wherever that is. It is *whole* where all modes are alive at every record; it *drops* where some are alive at
no record while at least 80 % of the samples are in modes: what there is, is good, and part is missing. *Neither* is everything else.

Metz et al. 2017, "Unrolled GANs", figure 2, for modes that are visited in turn; Goodfellow 2016, "NIPS tutorial", section 5.1.1, on the
order of min and max: a generator that moves much while D stands still maximises D at a point. Arjovsky & Bottou 2017, theorem 2.5: with
D at its best, the non-saturating loss descends KL(G‖P) − 2 JS, which seeks. Sønderby et al. 2017 for instance noise, Huang et al. 2024
for relativistic pairing with R1 and R2, Gulrajani et al. 2017 for WGAN-GP.

Command: ``python -m experiments collapse_or_drop``; ``--preset quick``: 60 s on two cores.

Expected: in the quick preset (3000 steps, 4 seeds) the non-saturating game with a fast G collapses in 3 games of 4: a clump that
wanders, one mode alive at a time or none, 8 births and deaths per 1000 steps; reverse KL's in 2, minimax's scatters or runs away
instead. With a strong D the non-saturating game drops modes in 4 of 4, with 83 to 85 % of samples good; minimax keeps nearly all of
them; reverse KL loses two to five, at 71 to 78 %, and others come and go. WGAN-GP, and noise with either objective, end whole in 11
games of 12. The variance of a batch sees collapse (.12), and not dropping (.88). Claims that every game of an arm has one verdict fail
accordingly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from experiments.artifacts import Arrays, Row
from experiments.claims import AT_LEAST, AT_MOST, Claim
from experiments.collapse_or_drop_games import ARMS, CURES, FAST, STRONG
from experiments.progress import Progress
from gan_jax.ranges import Count, Even, NonNegative, Positive, Seed

ALIVE = 0.25
"""A mode is alive where it has at least this share of its weight."""

FEW = 0.25
"""Share of the modes of which no more are alive in a collapse."""

NARROW = 0.25
"""Share of the data's variance below which samples are concentrated: half of its width."""

GOOD = 0.8
"""Share of high-quality samples from which on they are good."""

COLLAPSE, DROP, WHOLE, OTHER = "collapse", "drop", "whole", "neither"
"""What becomes of a game."""


@dataclass(frozen=True)
class Config:
    """One ring, one pair of networks, nine ways to play."""

    modes: Count = 8
    """Gaussians on a ring."""

    radius: Positive = 4.0
    """Of the ring, in units of x: large enough for a discriminator to be sure of itself between two modes."""

    scale: Positive = 0.2
    """Standard deviation of a mode."""

    width: Count = 64
    """Width of both hidden layers of either network."""

    latent: Count = 3
    """Dimension of the generator's noise."""

    batch_size: Count = 128
    """Samples of each law at an update."""

    rate: Positive = 1e-3
    """Of both players' Adam."""

    slow_rate: Positive = 2e-5
    """Of the discriminator, where the generator is the fast one."""

    strong_steps: Count = 5
    """Updates of the discriminator for each of the generator, where it is the strong one."""

    noise: NonNegative = 1.6
    """Standard deviation of instance noise at the start, in units of x; it is gone after half of the game."""

    zero_centred_weight: NonNegative = 0.1
    """Of R1 + R2."""

    gradient_penalty_weight: NonNegative = 0.1
    """Of WGAN-GP's penalty; that of the authors' toy code."""

    steps: Count = 9600
    """Updates of the generator; a multiple of ``records``."""

    records: Even = 120
    """How many times a game is looked at; even."""

    samples: Count = 2500
    """Drawn at every look."""

    seeds: Count = 10
    """Independent games of every arm."""

    seed: Seed = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        if self.records < 2 or self.records % 2:
            raise ValueError(f"records is {self.records}; expected an even number, at least 2")


SMOKE = Config(width=8, batch_size=16, steps=8, records=4, samples=250, seeds=2)
PRESETS = {"quick": Config(steps=3000, records=60, seeds=4)}


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all arms from clones of one key: they differ by nothing but what is changed."""
    import jax

    from experiments.collapse_or_drop_games import play, truth_of

    key = jax.random.key(config.seed)
    arrays: dict[str, Any] = {
        "steps": np.linspace(0, config.steps, config.records + 1),
        "scale": np.asarray(config.scale),
        **truth_of(config),
    }
    with progress.task("arms", total=len(ARMS)):
        for name, arm in ARMS.items():
            with progress.task(arm.label, total=config.records, share=1.0) as task:
                played = play(config, arm, jax.random.clone(key), lambda _, task=task: task.advance(1))  # type: ignore[misc]
            arrays |= {f"{name}/{field}": values for field, values in played.items()}
    return {name: np.asarray(value) for name, value in arrays.items()}


# ------------------------------------------------------------------------------------------------- from the arrays alone


class Course(NamedTuple):
    """What became of the games of one arm, over the second half of training unless it says otherwise.

    Attributes:
      alive: which modes are, at every record of the whole game, ``[records + 1, seeds, modes]``.
      high_quality: mean share of samples in modes, ``[seeds]``.
      turnover: births and deaths of modes per 1000 steps, ``[seeds]``.
      collapsed: share of records at which a quarter of the modes or fewer are alive and the spread is below a quarter, ``[seeds]``.
      dead: modes that are alive at none of the records, ``[seeds]``.
      living: mean number of modes alive, ``[seeds]``.
      spread: median over records, ``[seeds]``.
      variance: median over records of the variance inside modes over the truth's, ``[seeds]``.
      verdict: of every game.
    """

    alive: np.ndarray
    high_quality: np.ndarray
    turnover: np.ndarray
    collapsed: np.ndarray
    dead: np.ndarray
    living: np.ndarray
    spread: np.ndarray
    variance: np.ndarray
    verdict: list[str]


def course(arrays: Arrays, name: str) -> Course:
    """Reads an arm by the definitions of this module's docstring."""
    masses, spread = arrays[f"{name}/masses"], arrays[f"{name}/spread"]
    alive = masses >= ALIVE * arrays["weights"]
    half = len(spread) // 2
    late, late_spread = alive[half + 1 :], spread[half:]
    changes = np.abs(np.diff(alive[half:].astype(int), axis=0)).sum(axis=(0, 2))
    thousands = (arrays["steps"][-1] - arrays["steps"][half]) / 1000.0
    few = late.sum(axis=2) <= FEW * alive.shape[2]
    collapsed = (few & (late_spread < NARROW)).mean(axis=0)
    high_quality = masses[half + 1 :].sum(axis=2).mean(axis=0)
    dead = (~late.any(axis=0)).sum(axis=1)
    whole = np.asarray(late.all(axis=(0, 2)))
    verdict = [
        COLLAPSE if narrow >= 0.5 else WHOLE if every else DROP if lost and good >= GOOD else OTHER
        for narrow, every, lost, good in zip(collapsed, whole, dead, high_quality, strict=True)
    ]
    return Course(
        alive,
        high_quality,
        changes / thousands,
        collapsed,
        dead,
        late.sum(axis=2).mean(axis=0),
        np.median(late_spread, axis=0),
        np.ma.median(np.ma.masked_invalid(arrays[f"{name}/variance"][half + 1 :]), axis=0).filled(np.nan),
        verdict,
    )


def claims(arrays: Arrays) -> list[Claim]:
    """Every arm does what it stands for, in every game; births and deaths; what the spread sees."""
    courses = {name: course(arrays, name) for name in ARMS}
    result = []
    for names, verdict, source in (
        (FAST, COLLAPSE, "Metz et al. 2017, figure 2"),
        (STRONG, DROP, "Arjovsky & Bottou 2017, theorem 2.5"),
        (CURES, WHOLE, "Gulrajani et al. 2017; Sønderby et al. 2017; Huang et al. 2024"),
    ):
        for name in names:
            share = courses[name].verdict.count(verdict) / len(courses[name].verdict)
            what = f"{ARMS[name].label}: share of games whose verdict is {verdict!r}"
            result.append(Claim(what, source, 1.0, share, 0.0, AT_LEAST, "every game"))
    for fast, strong in zip(FAST, STRONG, strict=True):
        quick, slow = courses[fast].turnover, courses[strong].turnover
        what = f"{ARMS[fast].label}: births and deaths per 1000 steps, against those of {ARMS[strong].label}"
        result.append(
            Claim(
                what, "Metz et al. 2017, figure 2", float(slow.mean()), float(quick.mean()), 0.0, AT_LEAST, "its sign"
            )
        )
    source = "the definition of the spread"
    for name, relation, what in (
        ("fast", AT_MOST, "a collapse shows in the variance of a batch, mean over games of the median"),
        ("strong", AT_LEAST, "dropping does not, mean over games of the median"),
    ):
        measured = float(courses[name].spread.mean())
        result.append(Claim(f"{ARMS[name].label}: {what}", source, NARROW, measured, 0.0, relation, "the threshold"))
    return result


def table(arrays: Arrays) -> list[Row]:
    """Every game of every arm: its verdict and what that rests on."""
    rows: list[Row] = []
    for name, arm in ARMS.items():
        found = course(arrays, name)
        numbers = {
            "modes alive": found.living,
            "modes dead throughout": found.dead,
            "high quality": found.high_quality,
            "births and deaths per 1000 steps": found.turnover,
            "share of records collapsed": found.collapsed,
            "variance of samples over data's": found.spread,
            "variance in modes over truth": found.variance,
        }
        for quantity, values in numbers.items():
            rows.extend(
                {
                    "arm": arm.label,
                    "quantity": quantity,
                    "seed": seed,
                    "verdict": found.verdict[seed],
                    "value": float(v),
                }
                for seed, v in enumerate(values)
            )
    return rows


def plot(arrays: Arrays) -> Figure:
    """Timelines, pictures, and all games."""
    from experiments.collapse_or_drop_plot import draw

    return draw(arrays)
