"""What ``cycle_2d`` finds: its claims and its table."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding
from experiments.translation.ablations import ADVERSARIAL, CYCLE, FULL
from gan_jax.metrics.statistics import standard_error

RIGHT = 0.1
"""Relative error of a map that counts as found."""


class Course(NamedTuple):
    """What became of one kind of game on one pair, each ``[records + 1, seeds]``.

    Attributes:
      relative: error of G to the nearest of the maps that cannot be told apart.
      back: the same of F, to the nearest of their inverses.
      own: error of G to T itself.
      nearest: which map is nearest; 0 for T.
      cycle: mean ``|F(G(x)) - x|``, in units of the data.
      dependence: distance correlation of x and G(x).
      distance: energy distance of G(x) and y; unbiased, so that it may be negative.
    """

    relative: np.ndarray
    back: np.ndarray
    own: np.ndarray
    nearest: np.ndarray
    cycle: np.ndarray
    dependence: np.ndarray
    distance: np.ndarray


def course(arrays: Arrays, pair: str, game: str) -> Course:
    """Reads one kind of game on one pair."""
    number = arrays["games"].tolist().index(game)
    return Course(*(arrays[f"{pair}/{field}"][:, number] for field in Course._fields))


def found(course: Course) -> np.ndarray:
    """Which finished games have the map, both ways, ``[seeds]``."""
    return np.asarray(np.maximum(course.relative[-1], course.back[-1]) <= RIGHT)


def symmetric(arrays: Arrays, pair: str) -> bool:
    """Whether the law of Y has symmetries."""
    return int(arrays[f"{pair}/symmetries"]) > 0


def claims(arrays: Arrays) -> list[Claim]:
    """With cycles the true map, without them another; wrong maps at equal loss where there are symmetries."""
    result = []
    for pair in arrays["pairs"].tolist():
        label = str(arrays[f"{pair}/label"])
        result += _wrong(arrays, pair, label) if symmetric(arrays, pair) else _right(arrays, pair, label)
        result.append(_misses(arrays, pair, label))
    return result


def _right(arrays: Arrays, pair: str, label: str) -> list[Claim]:
    """Where there is one map to be found, who finds it."""
    full, alone = (found(course(arrays, pair, game)).mean() for game in (FULL, ADVERSARIAL))
    finds = f"{label}: share of seeds where the full game finds the map, both ways, to 10 %"
    without = f"{label}: share of seeds where the game without cycles finds it"
    return [
        finding(finds, "Zhu et al. 2017, section 3.2", 0.9, full, 0.0, AT_LEAST, "9 of 10 seeds"),
        finding(without, "Zhu et al. 2017, table 4", 0.8, alone, 0.0, AT_MOST, "fewer than 9 of 10"),
    ]


def _misses(arrays: Arrays, pair: str, label: str) -> Claim:
    """Cycles alone return what they are given and do not reach the target."""
    farthest, least = arrays[f"{pair}/ideal"][:, 1].max(), course(arrays, pair, CYCLE).distance[-1].min()
    what = f"{label}: least energy distance of G(x) and y, cycles alone"
    source, basis = "Zhu et al. 2017, table 4; of the true map: at most this", "every seed, 20 samples of the true map"
    return finding(what, source, farthest, least, 0.0, AT_LEAST, basis)


def hits(arrays: Arrays, pair: str, game: str) -> np.ndarray:
    """Which finished games hit the target: as near to Y as the farthest of 20 samples of the true map, ``[seeds]``."""
    return np.asarray(course(arrays, pair, game).distance[-1] <= arrays[f"{pair}/ideal"][:, 1].max())


def _wrong(arrays: Arrays, pair: str, label: str) -> list[Claim]:
    """Full games that hit the target by another map than T; losses of those at a symmetry of it, and of those at T."""
    number = arrays["games"].tolist().index(FULL)
    full, loss = course(arrays, pair, FULL), arrays[f"{pair}/loss"][number]
    wrong = hits(arrays, pair, FULL) & (full.own[-1] > RIGHT)
    source = "Moriakov et al. 2020, section 2"
    what = f"{label}: full games that hit the target by another map than T"
    no_loss, games = f"{source}: no loss tells them apart", f"of {wrong.size} games"
    result = [finding(what, no_loss, 1.0, wrong.sum(), 0.0, AT_LEAST, games)]
    right = found(full)
    own, other = right & (full.nearest[-1] == 0), right & (full.nearest[-1] != 0)
    if min(own.sum(), other.sum()) >= 2:
        gap = loss[other].mean() - loss[own].mean()
        counted = f"({other.sum()} games), less that at T ({own.sum()})"
        what = f"{label}: loss of generators at a symmetry of T {counted}"
        within = 3.0 * math.hypot(standard_error(loss[own]), standard_error(loss[other]))
        result.append(finding(what, f"{source}: equal", 0.0, gap, within, EQUAL, "3 s.e."))
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Every number of every game at every record."""
    rows: list[TableRow] = []
    for pair in arrays["pairs"].tolist():
        for game in arrays["games"].tolist():
            seen = course(arrays, pair, game)
            for record, seed in np.ndindex(*seen.relative.shape):
                numbers = {field: float(values[record, seed]) for field, values in seen._asdict().items()}
                rows.append(
                    {"pair": pair, "game": game, "step": float(arrays["steps"][record]), "seed": seed, **numbers}
                )
    return rows
