"""Every objective under every penalty, on digits: what a loss is worth depends on what holds the discriminator's slope.

Figure: KID of 16 objectives × (no penalty and 7 penalties), colours on a logarithm, the best penalty of every objective framed, the best of
all framed twice; beside it four samples of each game in the same places, all from the same latents. Below: real digits.

One recipe for all games: a DCGAN without normalisation in the discriminator, 8 × 8 pixels, players in turn with equal rates, the weight of
a penalty from its paper (``WEIGHTS`` below). The recipe was chosen on seed 11, for three objectives with a penalty; none of it was
chosen by this table, whose seed is another. A reader should not take it for what a loss can do at its best: a weight that suits one
objective is another's handicap, and so few steps favour what learns fast. Objectives called f_… have the generator's own loss of f-GAN's
equation 6, without its trick of a non-saturating one.

KID is the unbiased squared MMD under the cubic kernel (Bińkowski et al. 2018, section 4) of the features of a classifier trained on these
digits, with its standard error over new draws of both samples; precision and recall (Kynkäänniemi et al. 2019), density and coverage
(Naeem et al. 2020) are in the table. Two seeds say little of what a cell's seeds differ by, so that pairs of cells are compared by the
deviation that is usual in the whole table (``logarithms`` below); with one seed a claim about two cells is one about these two games.
That way of comparing, and the claims that count objectives, were settled after a first run of the table had shown the errors of single
cells to be no guide; the thresholds, four standard errors, are from before. A game with a number that is not finite is "diverged", and its
cell counts as infinitely far.

Seconds are those of one call of the compiled program, in which as many games run side by side as there are devices, one on a device (two
seeds of a cell, on two cores), from the host's call to the last step, without compilation and measuring. Which objective and which penalty
is an index in that program: it computes the chosen one alone, and every game pays the same small price for the choice.

Command: ``python -m experiments image_zoo``; 265 s on two cores.

Expected: no game diverges. With any penalty nearly every objective reaches a KID of .03 to .04, and what is left between them is noise
(11 % of a KID with two seeds): 1500 steps of so small a generator do not come to the .013 that a long run aims at. Without a penalty
Wasserstein collapses (1.6), the relativistic average is at .29, and 11 to 14 of 14 objectives are worse than with each of the penalties;
for one pair of cells, Wasserstein alone, that can be said at four standard errors, and the other pairs' claims do not hold. Total
variation, whose losses are flat where the discriminator is sure, fails under every penalty but the zero-centred ones. minimax, f: Jensen
Shannon and f: GAN have the same gradients, and are one game three times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from experiments.framework import AT_LEAST, AT_MOST, Arrays, Claim, TableRow, finding
from gan_jax import ranges
from gan_jax.metrics.statistics import mean_and_error
from gan_jax.plots.images import tile
from gan_jax.plots.style import VERMILION, WIDTH, style
from gan_jax.ranges import AtLeastTwo, Count, Decay, Positive, Range, Seed

OBJECTIVES = (
    "minimax",
    "non_saturating",
    "wasserstein",
    "least_squares",
    "hinge",
    "relativistic",
    "relativistic_average",
    "f_kl",
    "f_reverse_kl",
    "f_pearson",
    "f_neyman",
    "f_squared_hellinger",
    "f_jeffreys",
    "f_jensen_shannon",
    "f_total_variation",
    "f_gan",
)
"""The library's objectives by name, as ``gan_jax.objectives.losses`` calls them."""

WEIGHTS = MappingProxyType(
    {
        # No penalty.
        "none": 0.0,
        # Gulrajani et al. 2017, Algorithm 1: λ = 10 by default.
        "gp": 10.0,
        # λ of the two-sided penalty, so that the two differ in their side alone.
        "lp": 10.0,
        # γ / 2 with γ = 1, between what R3GAN's authors set at 32 and at 64 pixels (.05 to 2; Huang et al. 2024, their configurations).
        "r1": 0.5,
        "r2": 0.5,
        "r1_and_r2": 0.5,
        # Thanh-Tung, Tran & Venkatesh 2019 have another λ for every data set (500 in their code for stacked MNIST): that of R1 and R2, so
        # that the four differ in the place where the slope is penalised alone.
        "zero_centred": 0.5,
        # Kodali et al. 2017, the authors' code: λ = 10.
        "dragan": 10.0,
    }
)
"""The library's penalties by name, and their weights; chosen from papers, one for all objectives, before the table was seen."""

SCORES = ("kid", "kid_error", "precision", "recall", "density", "coverage")
"""What is measured of a generator; NaN for one that diverged."""


@dataclass(frozen=True)
class Config:
    """One recipe for every objective under every penalty."""

    objectives: tuple[str, ...] = OBJECTIVES  # Names of objectives, as ``gan_jax.objectives.losses`` has them.
    penalties: tuple[str, ...] = tuple(WEIGHTS)
    """Names of penalties, as ``gan_jax.objectives.penalties`` has them, or none."""

    seeds: Count = 2  # Independent games of every cell.
    steps: Count = 1500  # Updates of each player.
    width: Count = 8  # Channels of the finest layer of both networks.
    latent: Count = 64  # Dimension of the noise.
    batch_size: AtLeastTwo = 64  # Pictures of each kind at an update.
    learning_rate: Positive = 2e-3  # Learning rate of both players' Adam.
    b1: Decay = 0.0  # Decay rate of Adam's first moment.
    b2: Decay = 0.99  # Decay rate of Adam's second moment.
    ema_decay: Decay = 0.99
    """Of the moving average of the generator's parameters that samples are drawn with: an average over about 100 steps."""

    fake: Annotated[int, Range(6)] = 1000  # Generated pictures that a game is measured with.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        ranges.different_names("objectives", self.objectives, OBJECTIVES)
        ranges.different_names("penalties", self.penalties, WEIGHTS)
        ranges.check(self)


SMOKE = Config(
    objectives=("non_saturating", "wasserstein", "relativistic"),
    penalties=("none", "gp", "r1_and_r2"),
    steps=10,
    width=4,
    fake=200,
)


class Comparison(NamedTuple):
    """Two cells of which a paper says that the first is worse.

    Attributes:
      worse, better: (objective, penalty).
      source: who says so.
    """

    worse: tuple[str, str]
    better: tuple[str, str]
    source: str


COMPARISONS = (
    Comparison(("relativistic", "none"), ("relativistic", "r1_and_r2"), "Huang et al. 2024 (R3GAN), section 2"),
    Comparison(("relativistic", "r1"), ("relativistic", "r1_and_r2"), "Huang et al. 2024 (R3GAN), section 2"),
    Comparison(("non_saturating", "none"), ("non_saturating", "r1"), "Mescheder et al. 2018, section 4"),
    Comparison(("non_saturating", "none"), ("non_saturating", "zero_centred"), "Thanh-Tung et al. 2019"),
    Comparison(("non_saturating", "none"), ("non_saturating", "dragan"), "Kodali et al. 2017"),
    Comparison(("non_saturating", "none"), ("non_saturating", "gp"), "Fedus et al. 2018, Many paths to equilibrium"),
    Comparison(("wasserstein", "none"), ("wasserstein", "gp"), "Gulrajani et al. 2017, section 4"),
    Comparison(("wasserstein", "gp"), ("wasserstein", "lp"), "Petzka et al. 2018"),
    Comparison(("minimax", "none"), ("non_saturating", "none"), "Goodfellow et al. 2014, section 3"),
)
"""What papers say of pairs of cells."""


def claims(arrays: Arrays) -> list[Claim]:
    """The default recipe's distance, what papers say of pairs of cells, and of all objectives under R1 + R2."""
    logs, errors = logarithms(arrays)
    objectives, penalties = (arrays[name].tolist() for name in ("objectives", "penalties"))
    known = {
        (objective, penalty): (float(logs[i, j]), float(errors[i, j]))
        for i, objective in enumerate(objectives)
        for j, penalty in enumerate(penalties)
    }
    basis = f"4 standard errors, {seeds_in_words(arrays)}"
    result = _aim(arrays) if ("relativistic", "r1_and_r2") in known else []
    for worse, better, source in COMPARISONS:
        if worse in known and better in known:
            (far, far_error), (near, near_error) = known[worse], known[better]
            gap = far - near - 4.0 * math.hypot(far_error, near_error)
            what = f"log KID: {spoken(worse)} − {spoken(better)}, less 4 standard errors"
            result.append(finding(what, source, 0.0, gap, 0.0, AT_LEAST, basis))
    result += _helped(arrays)
    if "r1_and_r2" in penalties:
        lost = float(diverged(arrays)[:, penalties.index("r1_and_r2")].sum())
        source = "Mescheder et al. 2018, theorem 4.1; Huang et al. 2024, proposition II"
        result.append(finding("R1+R2: games that diverged", source, 0.0, lost, 0.0, AT_MOST, "a count"))
        others = [known[name, "r1_and_r2"] for name in objectives if name != "non_saturating"]
        if "non_saturating" in objectives and others:
            (own, own_error), (best, best_error) = known["non_saturating", "r1_and_r2"], min(others)
            what = "R1+R2: log KID, non_saturating − the least of all other objectives"
            source = "Lucic et al. 2018: no loss is consistently better than it"
            tolerance = 4.0 * math.hypot(own_error, best_error)
            result.append(finding(what, source, 0.0, own - best, tolerance, AT_MOST, basis))
    return result


def _helped(arrays: Arrays) -> list[Claim]:
    """For how many objectives each penalty is better than none, against fair coins; rows that are one game to the bit count once."""
    logs, _ = logarithms(arrays)
    penalties = arrays["penalties"].tolist()
    if "none" not in penalties:
        return []
    rows = np.unique(logs, axis=0)
    without, count = rows[:, penalties.index("none")], len(rows)
    least, basis = count / 2 + math.sqrt(count), "half, and 2 deviations of fair coins"
    result = []
    for column, name in enumerate(penalties):
        if name != "none":
            better = (rows[:, column] < without).sum()
            what = f"{LABELS[name]}: of {count} different games, those with a lower KID than without a penalty"
            result.append(finding(what, "Kurach et al. 2019, on penalties", least, better, 0.0, AT_LEAST, basis))
    return result


def _aim(arrays: Arrays) -> list[Claim]:
    """Whether so short a run of the library's default game comes to where a long one should."""
    kid, error = distances(arrays)
    where = (arrays["objectives"].tolist().index("relativistic"), arrays["penalties"].tolist().index("r1_and_r2"))
    halves, halves_error = mean_and_error(arrays["halves"])
    steps, within = int(arrays["steps"]), 2.0 * math.hypot(float(error[where]), 2.0 * halves_error)
    what = f"relativistic (R1+R2): KID after {steps} steps, against 2 KID(two halves of the data) + 0.01"
    source = "the aim of a long run of the command line"
    return [finding(what, source, 2.0 * halves + 0.01, kid[where], within, AT_MOST, "2 standard errors")]


def spoken(cell: tuple[str, str]) -> str:
    """``"wasserstein (GP)"``."""
    objective, penalty = cell
    return f"{objective} ({LABELS.get(penalty, penalty)})"


def table(arrays: Arrays) -> list[TableRow]:
    """One row for every game: its scores, its time, and what the scores are of; scores are NaN where it diverged."""
    lost = diverged(arrays)
    facts = {name: int(arrays[name]) for name in ("steps", "n_real", "n_fake")}
    rows: list[TableRow] = []
    for i, objective in enumerate(arrays["objectives"].tolist()):
        for j, penalty in enumerate(arrays["penalties"].tolist()):
            for seed in range(lost.shape[-1]):
                scores = {name: float(arrays[name][i, j, seed]) for name in SCORES}
                names = {"objective": objective, "penalty": penalty, "penalty_weight": WEIGHTS[penalty], "seed": seed}
                seconds = float(arrays["seconds"][i, j, seed])
                state = {"diverged": bool(lost[i, j, seed]), "seconds_per_1000_steps": seconds}
                rows.append({**names, **scores, **state, **facts, "extractor": str(arrays["extractor"])})
    return rows


LABELS = {
    "gp": "GP",
    "lp": "LP",
    "r1": "R1",
    "r2": "R2",
    "r1_and_r2": "R1+R2",
    "zero_centred": "GP0",
    "dragan": "DRAGAN",
}
"""Penalties as the figure calls them."""


def diverged(arrays: Arrays) -> np.ndarray:
    """Which games are not finite, ``[objectives, penalties, seeds]``."""
    return np.logical_not(np.isfinite(arrays["kid"]))


def distances(arrays: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """KID and its standard error, ``[objectives, penalties]``: means over seeds, infinite (error zero) where a game diverged.

    The error of a mean over S seeds is ``sqrt(mean s² / S + d² / S)``, with each value's own error s and, from two seeds on, the
    standard deviation d over seeds. The second has a part of the first in it: an upper bound.
    """
    values, errors, count = arrays["kid"], arrays["kid_error"], arrays["kid"].shape[-1]
    lost = diverged(arrays).any(axis=-1)
    variance = values.var(axis=-1, ddof=1) if count > 1 else np.zeros(values.shape[:-1])
    error = np.sqrt((np.square(errors).mean(axis=-1) + variance) / count)
    return np.where(lost, np.inf, values.mean(axis=-1)), np.where(lost, 0.0, error)


def logarithms(arrays: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """Log KID and its standard error, ``[objectives, penalties]``: what cells are compared by, since their noise grows with their KID.

    The mean over S seeds; infinite (error zero) where a game diverged. Two or three seeds say little of a cell's own variance, but all
    cells together say much of what is usual: the median of their variances, over that of χ² / dof with dof = S - 1, about
    ``(1 - 2 / (9 dof))³`` (Wilson & Hilferty 1931). The error is the largest of that usual deviation, of the cell's own, and of KID's
    standard error, over √S. A KID below its standard error counts as that.
    """
    count = arrays["kid"].shape[-1]
    lost = diverged(arrays).any(axis=-1)
    gone = np.expand_dims(lost, -1)
    noise = np.where(gone, 1.0, arrays["kid_error"])
    values = np.maximum(np.where(gone, 1.0, arrays["kid"]), noise)
    variance = np.square(noise / values).mean(axis=-1)
    if count > 1:
        own, freedom = np.log(values).var(axis=-1, ddof=1), count - 1
        usual = np.median(own[~lost]) / (1.0 - 2.0 / (9.0 * freedom)) ** 3 if not lost.all() else 0.0
        variance = np.maximum(np.maximum(own, usual), variance)
    mean = np.log(values).mean(axis=-1)
    return np.where(lost, np.inf, mean), np.where(lost, 0.0, np.sqrt(variance / count))


def seeds_in_words(arrays: Arrays) -> str:
    """``"one seed"``, ``"mean of 3 seeds"``."""
    count = arrays["kid"].shape[-1]
    return "one seed" if count == 1 else f"mean of {count} seeds"


PEOPLE = ("Wasserstein", "Pearson", "Neyman", "Hellinger", "Jeffreys", "Jensen", "Shannon")

NAMES = {"kl": "KL", "gan": "GAN", **{name.lower(): name for name in PEOPLE}}
"""Words of objectives' names that are written otherwise."""

GAP = 3
"""Pixels between two cells of the grid of samples, before it is enlarged."""

TICKS = tuple(digit * 10.0**power for power in range(-3, 5) for digit in (1, 2, 5))
"""Where the colour bar may have its ticks."""

EMPTY = "#D9D9D9"
"""What stands where a game has no number and no picture."""


def plot(arrays: Arrays) -> Figure:
    """The map of distances, and samples of the same games in the same places."""
    rows, columns = arrays["kid"].shape[:2]
    usual = float(np.median(logarithms(arrays)[1]))
    with style():
        figure = Figure(figsize=(WIDTH, 2.7 + 4.35 * rows / columns), layout="constrained")
        figure.suptitle(
            f"digits 8 × 8: {int(arrays['steps'])} steps of one recipe (width {int(arrays['width'])}), "
            f"{seeds_in_words(arrays)}\nusual error of a KID: {usual:.0%}; KID of two halves of the data: {arrays['halves'].mean():.4f}",
            fontsize=13,
        )
        places = figure.add_gridspec(2, 2, height_ratios=(4.35 * rows / columns, 0.3))
        left, right = (figure.add_subplot(places[0, column]) for column in range(2))
        bar, below = (figure.add_subplot(places[1, column]) for column in range(2))
        _distances(left, bar, arrays)
        _samples(right, arrays)
        below.imshow(tile(_ink(arrays["real"]), columns=len(arrays["real"]), gap=GAP), interpolation="nearest")
        below.set_title("real digits", fontsize=12)
        below.set_axis_off()
    return figure


def _ink(pictures: np.ndarray) -> np.ndarray:
    """Black ink on white paper."""
    return 255 - pictures


def _distances(ax: Axes, bar: Axes, arrays: Arrays) -> None:
    kid, _ = distances(arrays)
    shown = np.where(np.isfinite(kid), kid, np.nan)
    low, high = limits(shown)
    colours = mpl.colormaps["cividis_r"].with_extremes(bad=EMPTY)
    image = ax.imshow(np.clip(shown, low, high), cmap=colours, norm=LogNorm(low, high))
    for (row, column), value in np.ndenumerate(kid):
        colour = "white" if np.isfinite(value) and _is_dark(colours(image.norm(np.clip(value, low, high)))) else "black"
        ax.text(column, row, number(value), ha="center", va="center", color=colour, fontsize=11 if value < 1e3 else 7.5)
    for row, best in enumerate(best_of_rows(kid)):
        if best >= 0:
            ax.add_patch(_frame(best, row, 0.44))
    if np.isfinite(kid).any():
        row, column = np.unravel_index(np.argmin(kid), kid.shape)
        ax.add_patch(_frame(int(column), int(row), 0.36))
    seconds = np.nanmedian(arrays["seconds"], axis=(0, 2))
    penalties = [LABELS.get(name, name) for name in arrays["penalties"].tolist()]
    ax.set_xticks(range(len(penalties)), [f"{p}\n{s:.1f} s" for p, s in zip(penalties, seconds, strict=True)])
    ax.set_yticks(range(len(kid)), [written(name) for name in arrays["objectives"].tolist()])
    ax.set_title("KID (under the names: time of 1000 steps)", fontsize=12)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.tick_params(axis="x", labelsize=9.5)
    legend = ax.figure.colorbar(image, cax=bar, orientation="horizontal", extend="max")
    ticks = [tick for tick in TICKS if low <= tick <= high]
    legend.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    legend.ax.minorticks_off()
    legend.outline.set_visible(False)
    bar.set_title("KID; framed: best of a row, and of all", fontsize=12)


def _samples(ax: Axes, arrays: Arrays) -> None:
    rows, columns = arrays["kid"].shape[:2]
    lost = diverged(arrays)[..., 0]
    grids = [
        tile(_ink(pictures), columns=2)
        for pictures in arrays["samples"].reshape(rows * columns, *arrays["samples"].shape[2:])
    ]
    side = grids[0].shape[0]
    picture = tile(np.stack(grids), columns=columns, gap=GAP)
    ax.imshow(picture, interpolation="nearest")
    for (row, column), gone in np.ndenumerate(lost):
        if gone:
            corner = (column * (side + GAP) - 0.5, row * (side + GAP) - 0.5)
            ax.add_patch(Rectangle(corner, side, side, facecolor=EMPTY, edgecolor="none"))
            ax.text(corner[0] + side / 2, corner[1] + side / 2, "diverged", ha="center", va="center", fontsize=7.5)
    # Half a gap around every cell, so that cells lie where those of the map do.
    ax.set_xlim(-GAP / 2 - 0.5, columns * (side + GAP) - GAP / 2 - 0.5)
    ax.set_ylim(rows * (side + GAP) - GAP / 2 - 0.5, -GAP / 2 - 0.5)
    centres = np.arange(columns) * (side + GAP) + side / 2 - 0.5
    ax.set_xticks(centres, [LABELS.get(name, name) + "\n" for name in arrays["penalties"].tolist()])
    ax.set_yticks([])
    ax.set_title("four samples of each", fontsize=12)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.tick_params(axis="x", labelsize=9.5)


def number(kid: float) -> str:
    """A KID in at most four characters: ``.012``, ``.31``, ``2.4``, ``57``, or ``diverged``; one below zero keeps its sign."""
    if not np.isfinite(kid):
        return "diverged"
    text = f"{kid:.3f}" if abs(kid) < 0.0995 else f"{kid:.2f}" if abs(kid) < 0.995 else f"{kid:.1f}"
    return f"{kid:.0f}" if abs(kid) >= 9.95 else text.replace("0.", ".", 1) if abs(kid) < 0.995 else text


def limits(kid: np.ndarray) -> tuple[float, float]:
    """The KIDs of the palest and of the darkest colour: from the least one a factor of ten; whatever is above is as dark.

    A KID below its noise, or below zero, has no place on a logarithm: the palest colour, of 0.005, stands for it.
    """
    low = max(float(np.nanmin(kid)), 0.005) if np.isfinite(kid).any() else 0.005
    return low, 10.0 * low


def best_of_rows(kid: np.ndarray) -> list[int]:
    """The column of the least KID of every row of ``[rows, columns]``; -1 for a row without a finite one."""
    return [int(np.argmin(row)) if np.isfinite(row).any() else -1 for row in kid]


def written(objective: str) -> str:
    """An objective's name as the figure writes it: ``f_reverse_kl`` is ``f: reverse KL``."""
    words = (f"f: {objective[2:]}" if objective.startswith("f_") else objective).replace("_", " ").split()
    return " ".join(NAMES.get(word, word) for word in words)


def _frame(column: int, row: int, half: float) -> Rectangle:
    return Rectangle((column - half, row - half), 2 * half, 2 * half, fill=False, edgecolor=VERMILION, linewidth=2.0)


def _is_dark(colour: ArrayLike) -> bool:
    """By the relative luminance (ITU-R BT.709 weights)."""
    return float(np.asarray(colour, float)[:3] @ (0.2126, 0.7152, 0.0722)) < 0.45
