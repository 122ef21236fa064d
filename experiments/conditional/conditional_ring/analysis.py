"""What ``conditional_ring`` finds: its claims and its table."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from experiments.conditional.conditional_ring.config import ROWS
from experiments.framework.artifacts import Arrays
from experiments.framework.artifacts import Row as TableRow
from experiments.framework.claims import AT_LEAST, AT_MOST, EQUAL, Claim, finding, theorem
from gan_jax.metrics import statistics


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
            plain, wrong = (course(arrays, one).kl[-1] for one in both)
            result.append(
                finding(
                    f"{ROWS[name].label}: conditional KL with wrong pairs, against without, nats",
                    "Reed et al. 2016, section 4.1",
                    plain.mean(),
                    wrong.mean(),
                    2.0 * math.hypot(statistics.standard_error(plain), statistics.standard_error(wrong)),
                    AT_MOST,
                    "2 s.e.",
                )
            )
    return result


def _at_chance(label: str, found: Course, modes: int) -> Claim:
    last = found.accuracy[-1]
    return theorem(
        f"{label}: share of samples in the mode of their label",
        "by symmetry: no mode is any label's",
        1.0 / modes,
        last.mean(),
        4.0 * float(statistics.standard_error(last)),
        EQUAL,
        f"4 s.e., {last.size} seeds",
    )


def _on_its_mode(label: str, found: Course, modes: int, samples: int) -> list[Claim]:
    return [
        finding(
            f"{label}: least share of samples in the mode of their label",
            "Mirza & Osindero 2014, equation 2",
            1.0,
            found.accuracy[-1].min(),
            4.0 / (modes * samples),
            AT_LEAST,
            "every seed; four samples",
        ),
        finding(
            f"{label}: least share within 3 σ of the label's centre",
            "a perfect sampler: 98.89 %",
            0.95,
            found.quality[-1].min(),
            0.0,
            AT_LEAST,
            "every seed",
        ),
        finding(
            f"{label}: mutual information of label and mode, nats",
            "exact: log 8 where every label is on its mode",
            math.log(modes),
            found.information[-1].min(),
            0.01,
            EQUAL,
            "every seed; .01 nats",
        ),
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
