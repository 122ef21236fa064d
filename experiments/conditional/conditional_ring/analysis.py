"""What ``conditional_ring`` finds: its claims and its table."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from experiments.conditional.conditional_ring.experiment import ROWS
from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, over_seeds, theorem
from gan_jax.metrics.statistics import mean_and_error


class Course(NamedTuple):
    """What became of a row, each ``[records + 1, seeds]``.

    Attributes:
      accuracy: share of samples whose nearest mode is their label's.
      information: mutual information of label and nearest mode, in nats.
      quality: share of samples within 3 σ of their label's centre.
      kl: exact, of fitted Gaussians, averaged over labels, in nats.
    """

    accuracy: np.ndarray
    information: np.ndarray
    quality: np.ndarray
    kl: np.ndarray


def course(arrays: Arrays, name: str) -> Course:
    """Reads a row."""
    counts = arrays[f"{name}/table"].astype(float)
    joint = counts / counts.sum((-2, -1), keepdims=True)
    outer = joint.sum(-1, keepdims=True) * joint.sum(-2, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(joint > 0, joint * np.log(joint / outer), 0.0)
    return Course(
        np.trace(joint, axis1=-2, axis2=-1), terms.sum((-2, -1)), arrays[f"{name}/quality"], arrays[f"{name}/kl"]
    )


def claims(arrays: Arrays) -> list[Claim]:
    """Chance without the label; every label on its mode with it."""
    modes, samples = int(arrays["modes"]), int(arrays["samples"])
    result = []
    for name in arrays["rows"].tolist():
        if ROWS[name].head == "unconditional":
            result.append(_at_chance(ROWS[name].label, course(arrays, name), modes))
        else:
            result += _on_its_mode(ROWS[name].label, course(arrays, name), modes, samples)
    for name in ("concatenation", "projection"):
        both = (name, f"{name}_wrong")
        if set(both) <= set(arrays["rows"].tolist()):
            (plain, plain_error), (wrong, wrong_error) = (mean_and_error(course(arrays, one).kl[-1]) for one in both)
            what = f"{ROWS[name].label}: conditional KL with wrong pairs, against without, nats"
            within = 2.0 * math.hypot(plain_error, wrong_error)
            result.append(finding(what, "Reed et al. 2016, section 4.1", plain, wrong, within, AT_MOST, "2 s.e."))
    return result


def _at_chance(label: str, found: Course, modes: int) -> Claim:
    last = found.accuracy[-1]
    what, source = f"{label}: share of samples in the mode of their label", "by symmetry: no mode is any label's"
    return theorem(what, source, 1.0 / modes, *over_seeds(last, 4.0), EQUAL, f"4 s.e., {last.size} seeds")


def _on_its_mode(label: str, found: Course, modes: int, samples: int) -> list[Claim]:
    accuracy, quality, information = (part[-1].min() for part in (found.accuracy, found.quality, found.information))
    mode, centre = "least share of samples in the mode of their label", "least share within 3 σ of the label's centre"
    both, slack = "mutual information of label and mode, nats", 4.0 / (modes * samples)
    mirza, exact = "Mirza & Osindero 2014, equation 2", "exact: log 8 where every label is on its mode"
    perfect, four = "a perfect sampler: 98.89 %", "every seed; four samples"
    return [
        finding(f"{label}: {mode}", mirza, 1.0, accuracy, slack, AT_LEAST, four),
        finding(f"{label}: {centre}", perfect, 0.95, quality, 0.0, AT_LEAST, "every seed"),
        finding(f"{label}: {both}", exact, math.log(modes), information, 0.01, EQUAL, "every seed; .01 nats"),
    ]


def table(arrays: Arrays) -> list[TableRow]:
    """Every number of every game at every record."""
    rows: list[TableRow] = []
    for name in arrays["rows"].tolist():
        found = course(arrays, name)
        for record, seed in np.ndindex(*found.accuracy.shape):
            numbers = {field: float(values[record, seed]) for field, values in found._asdict().items()}
            rows.append({"row": name, "step": float(arrays["steps"][record]), "seed": seed, **numbers})
    return rows
