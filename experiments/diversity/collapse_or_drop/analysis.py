"""What ``collapse_or_drop`` finds: its claims and its table."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.diversity.collapse_or_drop.experiment import ARMS
from experiments.framework import AT_LEAST, AT_MOST, Arrays, Claim, TableRow, finding

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
    return Course(
        alive,
        high_quality,
        changes / thousands,
        collapsed,
        dead,
        late.sum(axis=2).mean(axis=0),
        np.median(late_ratio, axis=0),
        np.ma.median(np.ma.masked_invalid(arrays[f"{name}/variance"][half + 1 :]), axis=0).filled(np.nan),
        verdict,
    )


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
