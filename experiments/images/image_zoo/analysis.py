"""What ``image_zoo`` finds: its claims and its table."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from experiments.framework import AT_LEAST, AT_MOST, Arrays, Claim, TableRow, finding
from experiments.images.image_zoo.experiment import SCORES, WEIGHTS
from gan_jax.metrics.statistics import mean_and_error


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
