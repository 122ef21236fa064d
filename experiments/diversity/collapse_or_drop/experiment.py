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
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from experiments.framework import AT_LEAST, AT_MOST, Arrays, Claim, TableRow, finding
from gan_jax.metrics import statistics
from gan_jax.plots.curves import curve_with_band, reference_line
from gan_jax.plots.modes import mode_timeline, sample_strip, timeline_colors
from gan_jax.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, WIDTH, Look, style
from gan_jax.ranges import Count, Even, NonNegative, Positive, Recorded, Seed


class Arm(NamedTuple):
    """One way to play.

    Attributes:
      label: as the figure names it.
      shown: whether the figure has its first game; the others are counted alone.
    """

    label: str
    shown: bool = False


ARMS = {
    "fast": Arm("non-saturating, G fast", shown=True),
    "fast_minimax": Arm("minimax, G fast"),
    "fast_reverse": Arm("reverse KL, G fast"),
    "strong": Arm("non-saturating, D strong", shown=True),
    "strong_minimax": Arm("minimax, D strong"),
    "strong_reverse": Arm("reverse KL, D strong", shown=True),
    "wgan_gp": Arm("WGAN-GP"),
    "noise": Arm("non-saturating, D strong, noise", shown=True),
    "relativistic": Arm("relativistic, R1 + R2, noise", shown=True),
}
"""All arms by the name of their arrays."""


@dataclass(frozen=True)
class Config:
    """One ring, one pair of networks, nine ways to play."""

    modes: Count = 8  # Gaussians on a ring.
    radius: Positive = 4.0
    """Of the ring, in units of x: large enough for a discriminator to be sure of itself between two modes."""

    scale: Positive = 0.2  # Standard deviation of a mode.
    width: Count = 64  # Width of both hidden layers of either network.
    latent: Count = 3  # Dimension of the generator's noise.
    batch_size: Count = 128  # Samples of each law at an update.
    rate: Positive = 1e-3  # Learning rate of both players' Adam.
    slow_rate: Positive = 2e-5  # Learning rate of the discriminator, where the generator is the fast one.
    strong_steps: Count = 5  # Updates of the discriminator for each of the generator, where it is the strong one.
    noise: NonNegative = 1.6
    """Standard deviation of instance noise at the start, in units of x; it is gone after half of the game."""

    zero_centred_weight: NonNegative = 0.1  # Weight of R1 + R2.
    gradient_penalty_weight: NonNegative = 0.1  # Weight of WGAN-GP's penalty; that of the authors' toy code.
    steps: Recorded = 9600  # Updates of the generator; a multiple of ``records``.
    records: Even = 120  # How many times a game is looked at; even.
    samples: Count = 2500  # Drawn at every look.
    seeds: Count = 10  # Independent games of every arm.
    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(width=8, batch_size=16, steps=8, records=4, samples=250, seeds=2)

PRESETS = {"quick": Config(steps=3000, records=60, seeds=4)}


FAST, STRONG, CURES = (
    ("fast", "fast_minimax", "fast_reverse"),
    ("strong", "strong_minimax", "strong_reverse"),
    ("wgan_gp", "noise", "relativistic"),
)

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


class Course(NamedTuple):
    """What became of the games of one arm, over the second half of training unless it says otherwise.

    Attributes:
      alive: which modes are, at every record of the whole game, ``[records + 1, seeds, modes]``.
      high_quality: mean share of samples in modes, ``[seeds]``.
      turnover: births and deaths of modes per 1000 steps, ``[seeds]``.
      collapsed: share of records at which a quarter of the modes or fewer are alive and the variance ratio is below a quarter, ``[seeds]``.
      dead: modes that are alive at none of the records, ``[seeds]``.
      living: mean number of modes alive, ``[seeds]``.
      variance_ratio: median over records, ``[seeds]``.
      variance: median over records of the variance inside modes over the truth's, ``[seeds]``.
      verdict: of every game.
    """

    alive: np.ndarray
    high_quality: np.ndarray
    turnover: np.ndarray
    collapsed: np.ndarray
    dead: np.ndarray
    living: np.ndarray
    variance_ratio: np.ndarray
    variance: np.ndarray
    verdict: list[str]


def course(arrays: Arrays, name: str) -> Course:
    """Reads an arm by the definitions of this module's docstring."""
    masses, ratio = arrays[f"{name}/masses"], arrays[f"{name}/spread"]
    alive = masses >= ALIVE * arrays["weights"]
    half = len(ratio) // 2
    late, late_ratio = alive[half + 1 :], ratio[half:]
    changes = np.abs(np.diff(alive[half:].astype(int), axis=0)).sum(axis=(0, 2))
    thousands = (arrays["steps"][-1] - arrays["steps"][half]) / 1000.0
    few = late.sum(axis=2) <= FEW * alive.shape[2]
    collapsed = (few & (late_ratio < NARROW)).mean(axis=0)
    high_quality = masses[half + 1 :].sum(axis=2).mean(axis=0)
    dead = (~late.any(axis=0)).sum(axis=1)
    whole = np.asarray(late.all(axis=(0, 2)))
    verdict = [
        COLLAPSE if narrow >= 0.5 else WHOLE if every else DROP if lost and good >= GOOD else OTHER
        for narrow, every, lost, good in zip(collapsed, whole, dead, high_quality, strict=True)
    ]
    variance = np.ma.median(np.ma.masked_invalid(arrays[f"{name}/variance"][half + 1 :]), axis=0).filled(np.nan)
    turnover, living, usual = changes / thousands, late.sum(axis=2).mean(axis=0), np.median(late_ratio, axis=0)
    return Course(alive, high_quality, turnover, collapsed, dead, living, usual, variance, verdict)


def claims(arrays: Arrays) -> list[Claim]:
    """Every arm does what it stands for, in every game; births and deaths; what the variance ratio sees."""
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
            result.append(finding(what, source, 1.0, share, 0.0, AT_LEAST, "every game"))
    for fast, strong in zip(FAST, STRONG, strict=True):
        quick, slow = courses[fast].turnover, courses[strong].turnover
        what = f"{ARMS[fast].label}: births and deaths per 1000 steps, against those of {ARMS[strong].label}"
        result.append(finding(what, "Metz et al. 2017, figure 2", slow.mean(), quick.mean(), 0.0, AT_LEAST, "its sign"))
    source = "the definition of the variance ratio"
    for name, relation, what in (
        ("fast", AT_MOST, "a collapse shows in the variance of a batch, mean over games of the median"),
        ("strong", AT_LEAST, "dropping does not, mean over games of the median"),
    ):
        measured = float(courses[name].variance_ratio.mean())
        result.append(finding(f"{ARMS[name].label}: {what}", source, NARROW, measured, 0.0, relation, "the threshold"))
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Every game of every arm: its verdict and what that rests on."""
    rows: list[TableRow] = []
    for name, arm in ARMS.items():
        found = course(arrays, name)
        numbers = {
            "modes alive": found.living,
            "modes dead throughout": found.dead,
            "high quality": found.high_quality,
            "births and deaths per 1000 steps": found.turnover,
            "share of records collapsed": found.collapsed,
            "variance of samples over data's": found.variance_ratio,
            "variance in modes over truth": found.variance,
        }
        for quantity, values in numbers.items():
            rows.extend(
                {"arm": arm.label, "quantity": quantity, "seed": seed, "verdict": verdict, "value": float(value)}
                for seed, (value, verdict) in enumerate(zip(values, found.verdict, strict=True))
            )
    return rows


MOMENTS = (0.25, 0.5, 0.75, 1.0)
"""Shares of the game at which the first game of an arm has a picture."""

VERDICTS = {
    COLLAPSE: Look(VERMILION, "", "D"),
    DROP: Look(ORANGE, "", "v"),
    OTHER: Look(GREY, "", "s"),
    WHOLE: Look(BLUE, "", "o"),
}

COLORS = (VERMILION, ORANGE, PURPLE, GREEN, BLUE)
"""Of the arms that are shown, in order."""


def plot(arrays: Arrays) -> Figure:
    """A row for each arm that is shown: its first game as a timeline and as pictures; below, all games of all arms."""
    shown = [name for name, arm in ARMS.items() if arm.shown]
    courses = {name: course(arrays, name) for name in ARMS}
    with style():
        figure = Figure(figsize=(WIDTH, 1.62 * len(shown) + 4.2), layout="constrained")
        parts = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.62 * len(shown), 4.2))[:, 0]
        _draw_games(parts[0], arrays, shown, courses)
        _draw_all(parts[1], arrays, shown, courses)
    return figure


def _draw_games(part: SubFigure, arrays: Arrays, shown: list[str], courses: dict[str, Course]) -> None:
    axes = part.subplots(len(shown), 1 + len(MOMENTS), width_ratios=(3.0, *(1.0 for _ in MOMENTS)), squeeze=False)
    records = arrays["steps"].size - 1
    moments = [round(share * records) for share in MOMENTS]
    scale = None
    for number, (row, name) in enumerate(zip(axes, shown, strict=True)):
        scale = mode_timeline(row[0], arrays["steps"], arrays[f"{name}/masses"][:, 0], arrays["weights"])
        row[0].set_title(f"{ARMS[name].label}: {courses[name].verdict[0]}", fontsize=12.5)
        row[0].tick_params(labelsize=10, labelbottom=number == len(shown) - 1)
        steps = [f"step {arrays['steps'][moment]:.0f}" if number == 0 else "" for moment in moments]
        sample_strip(
            list(row[1:]), arrays[f"{name}/pictures"][moments], arrays["centres"], float(arrays["scale"]), steps
        )
    axes[-1, 0].set_xlabel("generator steps")
    axes[len(shown) // 2, 0].set_ylabel("mode")
    if scale is not None:
        timeline_colors(part, scale, list(axes.ravel()))


def _draw_all(part: SubFigure, arrays: Arrays, shown: list[str], courses: dict[str, Course]) -> None:
    ratio, living, turnover = part.subplots(1, 3, width_ratios=(1.25, 1.0, 1.0))
    for name, color in zip(shown, COLORS, strict=True):
        _draw_ratio(ratio, arrays, name, color)
    ratio.set_yscale("log")
    reference_line(ratio, NARROW, "¼")
    ratio.set(title="variance of samples / of data", xlabel="generator steps", ylim=(1e-3, 20.0))
    seeds, steps = arrays[f"{shown[0]}/spread"].shape[1], int(arrays["steps"][-1])
    for ax, values in ((living, "living"), (turnover, "turnover")):
        for place, found in enumerate(courses.values()):
            _draw_arm(ax, place, getattr(found, values), found.verdict)
        ax.set_ylim(len(ARMS) - 0.5, -0.5)
    living.set_yticks(range(len(ARMS)), [_short(arm.label) for arm in ARMS.values()])
    living.tick_params(axis="y", labelsize=10.5)
    turnover.set_yticks(range(len(ARMS)), [""] * len(ARMS))
    living.set(title="modes alive", xlabel=f"of {arrays['weights'].size}", xlim=(-0.4, arrays["weights"].size + 0.4))
    turnover.set(title="births + deaths", xlabel="per 1000 steps", xlim=(-1.5, None))
    handles = [
        *(
            Line2D([], [], color=c, linewidth=2.5, label=_short(ARMS[n].label))
            for n, c in zip(shown, COLORS, strict=True)
        ),
        *(Line2D([], [], label=label, **look.line_arguments()) for label, look in VERDICTS.items()),
    ]
    title = f"{seeds} games of {steps} steps an arm; marks: second half"
    part.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=10.5, columnspacing=1.0, title=title)


def _short(label: str) -> str:
    for long, short in (("non-saturating", "NS"), ("relativistic", "rel."), ("reverse KL", "rev. KL")):
        label = label.replace(long, short)
    return label


def _draw_ratio(ax: Axes, arrays: Arrays, name: str, color: str) -> None:
    # Geometric, since the axis is: the mean of logarithms, and two standard errors over seeds.
    found = statistics.band(np.maximum(arrays[f"{name}/spread"], 1e-6), 1, times=2.0, geometric=True)
    curve_with_band(ax, arrays["steps"][1:], *found, look=Look(color))


def _draw_arm(ax: Axes, place: int, values: np.ndarray, verdicts: list[str]) -> None:
    """One mark a game; games that agree stand below each other."""
    shifts = np.linspace(-0.27, 0.27, values.size) if values.size > 1 else np.zeros(1)
    for value, verdict, shift in zip(values, verdicts, shifts, strict=True):
        ax.plot(value, place + shift, **VERDICTS[verdict].line_arguments())
