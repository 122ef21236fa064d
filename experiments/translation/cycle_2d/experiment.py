"""Six unpaired translations in the plane with a known answer: who ignores what is given, who misses the target, who finds a wrong map.

Figure: for every pair of domains, X coloured by place, what the true map makes of it, what the full game's G and that of the game without
cycles make of it (seed 0, the same points with the same colours), with how many of ten games end at T, or hit Y by another map; and over
training the relative error of G, to the nearest of the maps that differ from the true one by a symmetry of Y (means over seeds, bands: from
the least to the largest, the line is 10 %).

Domains: ``distributions.correspondences``: five unequal Gaussians turned by 20° and shifted, sheared, and swirled, whose law has no
symmetry; a ring of eight Gaussians turned by 22.5°, a square turned by 45° and enlarged, and two moons that become open circles, whose
laws have sixteen, eight and four. G and F never see a pair. Games are those of Zhu et al. 2017, equations 1 to 3 and table 4: with both
cycles, with one, with none, and with cycles alone, all from the same keys: five games by ten seeds are one program.

The error is ``√(Σ |G(x) - T(x)|² / Σ |T(x) - mean T|²)`` on points that no game has seen. Whether G heeds what is given is told by the
distance correlation of x and G(x) (Székely et al. 2007), whether it hits the target by the energy distance of G(x) and y, whether there is
a way back by the cycle error; all are in the table. A map is found where both G and F are within 10 %. A symmetry of
Y cannot be told by any loss: where there is one, the report counts the games that hit Y (no farther than the farthest of 20 samples of
the true map) by another map than T, and compares the losses of those at T and at a symmetry of it (Moriakov et al. 2020).

Command: ``python -m experiments cycle_2d``: 300 s on two cores; on one H100 some 190 s (reckoned: five of the six pairs took 150 s).

Expected: with both cycles all ten games find the map on each of the three pairs without symmetry (errors 5 to 7, 1 to 2, and 6 %; what
remains of the first and last is how the inside of a mode is turned, which its law does not say). Without cycles 0, 4 and 1 of ten do,
both ways: modes swap places, or come out thin. One cycle does nearly as well as two. Cycles alone stay near the identity and miss Y. On
the ring three games end at T and four at its mirror image, at losses that differ by less than their error; three tear a mode. On the
square all ten hit Y, at 14 to 77 % from the nearest of the eight symmetric maps: maps of a square that keep areas are many more than
these. No game opens the moons as T does, and nine hit the target.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, wide_rows
from experiments.translation.ablations import ADVERSARIAL, CYCLE, FULL, CycleRecipe
from experiments.translation.plots import curves_by_game
from gan_jax.metrics.statistics import standard_error
from gan_jax.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, WIDTH, style
from gan_jax.ranges import Count, Recorded, Seed, different_names

PAIRS = ("rotated", "sheared", "swirled", "ring", "square", "moons")
"""Of ``correspondences.CORRESPONDENCES``; named here, since a configuration loads no JAX."""


@dataclass(frozen=True)
class Config:
    """Six pairs of domains, five games."""

    pairs: tuple[str, ...] = PAIRS  # Pairs of domains with a known correspondence.
    recipe: CycleRecipe = field(default_factory=CycleRecipe)  # Weights and rates.
    width: Count = 64  # Width of the hidden layers of all four networks.
    depth: Count = 2  # Hidden layers of all four networks.
    steps: Recorded = 2500  # Steps of every game; a multiple of ``records``.
    records: Count = 20  # How many times a game is looked at.
    samples: Count = 500  # Points at every look.
    shown: Count = 400  # Points that the figure has.
    seeds: Count = 10  # Games of every kind on every pair.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        different_names("pairs", self.pairs, PAIRS)
        if not 2 <= self.shown <= self.samples:
            raise ValueError(f"shown is {self.shown}; expected 2 to {self.samples}, the points of a look")


SMOKE = Config(
    pairs=("rotated", "square"),
    recipe=CycleRecipe(batch_size=8),
    width=8,
    steps=4,
    records=2,
    samples=20,
    shown=10,
    seeds=2,
)


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
            seen = {field: values.astype(float) for field, values in course(arrays, pair, game)._asdict().items()}
            axes = {"step": arrays["steps"].tolist(), "seed": range(seen["own"].shape[1])}
            rows += wide_rows(seen, axes, pair=pair, game=game)
    return rows


PLACES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)
"""Of points of X, by where they are."""


def plot(arrays: Arrays) -> Figure:
    """A line of panels for each pair."""
    pairs = arrays["pairs"].tolist()
    with style():
        figure = Figure(figsize=(WIDTH, 2.25 * len(pairs) + 1.3), layout="constrained")
        axes = figure.subplots(len(pairs), 5, squeeze=False, width_ratios=(1.0, 1.0, 1.0, 1.0, 1.7))
        for line, pair in zip(axes, pairs, strict=True):
            _draw_points(line, arrays, pair)
            _draw_errors(line[-1], arrays, pair)
        for ax, title in zip(
            axes[0], ("x", "T(x), the truth", "G(x), full", "G(x), no cycle", "error of G"), strict=True
        ):
            ax.set_title(title, fontsize=13)
        axes[-1, -1].set_xlabel("steps")
        seeds = course(arrays, pairs[0], FULL).relative.shape[1]
        title = f"relative error, means over {seeds} games, bands: from the least to the largest"
        handles, labels = axes[0, -1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=11, title=title)
    return figure


def _draw_points(line: np.ndarray, arrays: Arrays, pair: str) -> None:
    x, truth = arrays[f"{pair}/x"], arrays[f"{pair}/truth"]
    games = arrays["games"].tolist()
    made = [arrays[f"{pair}/made"][games.index(game)] for game in (FULL, ADVERSARIAL)]
    colors = _by_place(x)
    reach = 1.15 * np.abs(np.concatenate([x, truth])).max()
    for ax, points in zip(line, (x, truth, *made), strict=False):
        ax.scatter(*points.T, c=colors, s=7, linewidths=0)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])
    line[0].set_ylabel("\n".join(_broken(str(arrays[f"{pair}/label"]))), fontsize=11)
    for ax, game in zip(line[2:4], (FULL, ADVERSARIAL), strict=True):
        seen = course(arrays, pair, game)
        text = f"{found(seen).sum()} of {seen.relative.shape[1]} are T"
        if symmetric(arrays, pair):
            wrong = hits(arrays, pair, game) & (seen.own[-1] > RIGHT)
            text = f"{wrong.sum()} hit Y, not as T"
        ax.set_xlabel(text, fontsize=11)


def _by_place(x: np.ndarray) -> list[str]:
    """A colour for every point of X, by its direction from the middle, one of eight."""
    away = x - x.mean(axis=0)
    sector = np.rint(np.arctan2(away[:, 1], away[:, 0]) / (0.25 * np.pi)).astype(int) % len(PLACES)
    return [PLACES[i] for i in sector]


def _broken(label: str) -> list[str]:
    """A label in lines of at most about sixteen letters."""
    lines = [""]
    for word in label.split():
        if lines[-1] and len(lines[-1]) + len(word) > 15:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _draw_errors(ax: Axes, arrays: Arrays, pair: str) -> None:
    curves_by_game(ax, arrays["steps"], arrays[f"{pair}/relative"], arrays["games"].tolist())
    ax.axhline(RIGHT, color=GREY, linestyle=":", linewidth=1.5)
    ax.set(yscale="log", ylim=(0.008, 3.0))
