"""What ``f_gan`` finds: its claims and its table."""

from __future__ import annotations

import numpy as np

from experiments.framework.artifacts import Arrays, Row
from experiments.framework.claims import AT_LEAST, AT_MOST, EQUAL, Claim, finding, theorem
from experiments.game.f_gan.config import NAMES
from gan_jax.metrics import statistics

SOURCE = "Nowozin, Cseke & Tomioka 2016, section 2.4"

OPTIMA = np.array([[1.0100, 1.8304], [1.5841, 1.6294], [1.3125, 1.7525], [1.3249, 1.7023], [0.5663, 1.9268]])
"""μ* and σ* to four digits, from a computation apart from this one: what our optima are held against, never what is drawn."""

CROSS = np.array(
    [
        [0.2881, 0.3545, 0.0683, 0.6426, 0.7576],
        [0.3648, 0.2507, 0.0688, 0.6155, 1.4801],
        [0.3049, 0.2769, 0.0649, 0.5819, 0.9840],
        [0.3107, 0.2684, 0.0651, 0.5791, 1.0298],
        [0.3171, 0.5671, 0.0839, 0.8843, 0.6616],
    ]
)
"""The exact cross table to four digits, from the same computation."""


def _reached(arrays: Arrays) -> np.ndarray:
    """The exact divergences of every game's last generator, ``[trained with, seeds, evaluated by]``."""
    return arrays["path_exact"][:, :, -1]


def _error(values: np.ndarray) -> np.ndarray:
    """The standard error of a mean over seeds, axis 1."""
    return statistics.standard_error(values, 1)


def claims(arrays: Arrays) -> list[Claim]:
    """The exact tables are those of the reference; games reach the minima; each divergence is best by its own measure."""
    rows = [claim for row, label in enumerate(NAMES.values()) for claim in _of_row(arrays, row, label)]
    return _of_tables(arrays) + rows


def _of_tables(arrays: Arrays) -> list[Claim]:
    optimum, exact = arrays["optimum"], arrays["exact"]
    return [
        theorem(
            f"exact {what}: largest difference from the reference table",
            f"{SOURCE}, for this P",
            0.0,
            float(np.abs(ours - theirs).max()),
            # Rounding to four digits leaves half of 1e-4; a value right on the edge may round either way in float32.
            5e-5 + 2e-6,
            EQUAL,
            "half of the last digit",
        )
        for what, ours, theirs in (("μ* and σ*", optimum, OPTIMA), ("cross table", exact, CROSS))
    ]


def _of_row(arrays: Arrays, row: int, label: str) -> list[Claim]:
    optimum, exact, reached = arrays["optimum"], arrays["exact"], _reached(arrays)
    last, cross = arrays["path"][:, :, -1], reached.mean(axis=1)
    own = reached[row, :, row]
    noise = float(_error(reached)[row, row])
    measured = [(f"{label}: mean exact divergence of trained generators", exact[row, row], own.mean(), noise)]
    for column, parameter in enumerate(("μ", "σ")):
        spread = float(_error(last)[row, column])
        measured.append((f"{label}: trained {parameter}", optimum[row, column], last[row, :, column].mean(), spread))
    result = [
        finding(what, SOURCE, truth, value, se + 0.02 * abs(float(truth)), EQUAL, "s.e. + 2 %")
        for what, truth, value, se in measured
    ]
    bound, bound_se = arrays["bound"][row], arrays["bound_error"][row]
    se = float(np.sqrt(np.square(bound_se).sum()) / bound.size)
    gap = float((bound - own).mean())
    source = "Nguyen, Wainwright & Jordan 2010; f-GAN, equation 4"
    result += [
        theorem(
            f"{label}: held-out bound of the critic − exact divergence of its generator",
            source,
            0.0,
            gap,
            4.0 * se,
            AT_MOST,
            "4 standard errors",
        ),
        finding(
            f"{label}: the same, over the exact divergence: the bound is tight",
            source,
            0.0,
            gap / float(own.mean()),
            0.02 + se / float(own.mean()),
            AT_LEAST,
            "s.e. + 2 %",
        ),
    ]
    others = np.delete(cross[:, row], row)
    result.append(
        finding(
            f"cross table, column {label}: its own row − the best other row",
            f"{SOURCE}, table 3",
            0.0,
            cross[row, row] - others.min(),
            0.0,
            AT_MOST,
            "the diagonal is the minimum",
        )
    )
    return result


def table(arrays: Arrays) -> list[Row]:
    """Parameters, own divergence, critic's bound and cross table, exact and for every seed."""
    rows: list[Row] = []
    reached = _reached(arrays)
    for row, label in enumerate(NAMES.values()):

        def add(quantity: str, exact: float, values: np.ndarray, label: str = label) -> None:
            rows.extend(
                {"trained_with": label, "quantity": quantity, "seed": seed, "value": float(v), "exact": exact}
                for seed, v in enumerate(values)
            )

        for column, parameter in enumerate(("mu", "sigma")):
            add(parameter, float(arrays["optimum"][row, column]), arrays["path"][row, :, -1, column])
        add("held-out bound", float(arrays["exact"][row, row]), arrays["bound"][row])
        add("held-out bound, standard error", 0.0, arrays["bound_error"][row])
        for column, evaluated in enumerate(NAMES.values()):
            add(evaluated, float(arrays["exact"][row, column]), reached[row, :, column])
    return rows
