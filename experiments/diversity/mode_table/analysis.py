"""What ``mode_table`` finds: its claims and its table."""

from __future__ import annotations

import math

import numpy as np

from experiments.diversity.mode_table.experiment import NUMBERS, PROTOCOL_GAMES, PROTOCOL_SAMPLES, PROTOCOL_STEPS, ROWS
from experiments.framework import Arrays, TableRow
from experiments.framework.claims import AT_LEAST, AT_MOST, EQUAL, Budget, Claim, Relation, finding, replication
from experiments.framework.tables import per_seed
from gan_jax.metrics import statistics

SOURCE = "Lin et al. 2018 (PacGAN), table 1"


def claims(arrays: Arrays) -> list[Claim]:
    """The published rows, due where their protocol was played to its end; and the last row against all of them."""
    result: list[Claim] = []
    for number, name in enumerate(arrays["rows"].tolist()):
        if (published := ROWS[name].published) is not None:
            result += _published_claims(arrays, number, published)
    if "together" in arrays["rows"]:
        result += _best_claims(arrays, arrays["rows"].tolist().index("together"))
    return result


def _published_claims(arrays: Arrays, number: int, published: str) -> list[Claim]:
    steps, seeds = int(arrays["steps"][number]), int(arrays["seeds"][number])
    met = steps >= PROTOCOL_STEPS and seeds >= PROTOCOL_GAMES and int(arrays["n"]) >= PROTOCOL_SAMPLES
    needed = f"{PROTOCOL_STEPS:,} steps, {PROTOCOL_GAMES} games, {PROTOCOL_SAMPLES} samples of each"
    result = []
    for place, target in enumerate(arrays["targets"].tolist()):
        for quantity, (theirs, theirs_error) in PUBLISHED[published][target].items():
            ours, error = mean_and_error(arrays[quantity][number, -1, place])
            what = f"{published}, {target}: {NUMBERS[quantity]} after {steps:,} of {PROTOCOL_STEPS:,} steps"
            numbers = theirs, ours, multiple(2.0, error, theirs_error)
            result.append(replication(what, SOURCE, *numbers, EQUAL, "2 combined s.e.", budget=Budget(needed, met)))
    return result


def _best_claims(arrays: Arrays, number: int) -> list[Claim]:
    result, truth = [], 1.0 - math.exp(-4.5)
    more, less = (
        "1 − exp(−9/2): more is collapse inside the modes",
        "1 for the truth; less is collapse inside the modes",
    )
    for place, target in enumerate(arrays["targets"].tolist()):
        modes, baseline, n = int(arrays["modes"][place]), float(arrays["floor"][place]), int(arrays["n"])
        seeds = int(arrays["seeds"][number])
        last = {quantity: arrays[quantity][number, -1, place, :seeds] for quantity in NUMBERS}
        noise, errors = 4.0 * math.sqrt(truth * (1.0 - truth) / (n * seeds)), "4 standard errors"
        ratio, ratio_error = mean_and_error(last["variance_ratio"])
        quality, kl = last["high_quality"], last["reverse_kl"]
        published = min(row[target]["reverse_kl"][0] for row in PUBLISHED.values())
        label = f"all of it, {target}, {seeds} seeds"
        above = f"{label}: mean share of high quality is not above the truth's"
        variance = f"{label}: mean variance inside the modes over the truth's"
        record = f"{label}: mean reverse KL against the best published row's"
        twice = "twice the perfect sampler's, plus .01"
        result += [
            finding(f"{label}: fewest modes", "all of them", modes, last["covered"].min(), 0.0, AT_LEAST, "exact"),
            *_two(f"{label}: share of high quality", "a user's wish", 0.95, quality, AT_LEAST),
            finding(above, more, truth, quality.mean(), noise, AT_MOST, errors),
            *_two(f"{label}: reverse KL", twice, 2.0 * baseline + 0.01, kl, AT_MOST),
            finding(variance, less, 1.0, ratio, multiple(4.0, ratio_error), EQUAL, errors),
            finding(record, SOURCE, published, kl.mean(), 0.0, AT_MOST, "exact"),
        ]
    return result


def _two(what: str, source: str, expected: float, values: np.ndarray, relation: Relation) -> list[Claim]:
    """A bound on the mean over seeds, and on the worst of them."""
    worst = values.min() if relation is AT_LEAST else values.max()
    return [
        finding(f"{what}, {which}", source, expected, value, 0.0, relation, "exact")
        for which, value in (("mean", values.mean()), ("worst seed", worst))
    ]


def table(arrays: Arrays) -> list[TableRow]:
    """Every number of every game, at every record."""
    result: list[TableRow] = []
    for number, name in enumerate(arrays["rows"].tolist()):
        steps, seeds = int(arrays["steps"][number]), int(arrays["seeds"][number])
        for quantity in NUMBERS:
            values = arrays[quantity][number]
            for place, target in enumerate(arrays["targets"].tolist()):
                for record, level in enumerate(values[:, place, :seeds]):
                    step = steps * record // (len(values) - 1)
                    where = {"row": name, "target": target, "step": step, "quantity": quantity}
                    result += per_seed(level, **where)
    return result


Published = dict[str, dict[str, tuple[float, float]]]


def _row(ring: tuple[float, ...], grid: tuple[float, ...]) -> Published:
    """One row: modes, share of high quality in per cent and reverse KL, each with its standard error."""
    names = ("covered", "high_quality", "reverse_kl")
    scale = (1.0, 0.01, 1.0)
    return {
        target: {name: (row[2 * i] * scale[i], row[2 * i + 1] * scale[i]) for i, name in enumerate(names)}
        for target, row in (("ring", ring), ("grid", grid))
    }


PUBLISHED: dict[str, Published] = {
    "GAN": _row((6.3, 0.5, 98.2, 0.2, 0.45, 0.09), (17.3, 0.8, 94.8, 0.7, 0.70, 0.07)),
    "ALI": _row((6.6, 0.3, 97.6, 0.4, 0.36, 0.04), (24.1, 0.4, 95.7, 0.6, 0.14, 0.03)),
    "PacGAN2": _row((7.9, 0.1, 95.6, 2.0, 0.07, 0.03), (23.8, 0.7, 91.3, 0.8, 0.13, 0.04)),
    "PacGAN3": _row((7.8, 0.1, 97.7, 0.3, 0.10, 0.02), (24.6, 0.4, 94.2, 0.4, 0.06, 0.02)),
    "PacGAN4": _row((7.8, 0.1, 95.9, 1.4, 0.07, 0.02), (24.8, 0.2, 93.6, 0.6, 0.04, 0.01)),
}
"""Lin et al. 2018, table 1: means of 10 trials with standard errors."""


def multiple(count: float, *errors: float) -> float:
    """So many combined standard errors; none of what is not known (one seed, or no number) can excuse a difference."""
    known = [error for error in errors if math.isfinite(error)]
    return count * math.hypot(*known) if known else 0.0


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Mean over seeds and its standard error; NaN stands for seeds that a row has not. NaN for the error of one seed."""
    own = values[np.isfinite(values)]
    if own.size == 0:
        return float("nan"), float("nan")
    return statistics.mean_and_error(own)
