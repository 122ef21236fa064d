"""What ``f_gan`` finds: its claims and its table."""

from __future__ import annotations

import numpy as np

from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, theorem
from experiments.game.f_gan.experiment import NAMES
from gan_jax.metrics.statistics import standard_error

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


def claims(arrays: Arrays) -> list[Claim]:
    """The exact tables are those of the reference; games reach the minima; each divergence is best by its own measure."""
    rows = [claim for row, label in enumerate(NAMES.values()) for claim in _of_row(arrays, row, label)]
    return _of_tables(arrays) + rows


def _of_tables(arrays: Arrays) -> list[Claim]:
    # Rounding to four digits leaves half of 1e-4; a value right on the edge may round either way in float32.
    source, within, basis = f"{SOURCE}, for this P", 5e-5 + 2e-6, "half of the last digit"
    return [
        theorem(f"exact {what}: largest difference from the reference table", source, 0.0, gap, within, EQUAL, basis)
        for what, gap in (
            ("μ* and σ*", np.abs(arrays["optimum"] - OPTIMA).max()),
            ("cross table", np.abs(arrays["exact"] - CROSS).max()),
        )
    ]


def _of_row(arrays: Arrays, row: int, label: str) -> list[Claim]:
    exact, reached = arrays["exact"], _reached(arrays)
    last, cross = arrays["path"][:, :, -1], reached.mean(axis=1)
    own, optimum = reached[row, :, row], arrays["optimum"][row]
    own_error, (mu_error, sigma_error) = standard_error(reached, 1)[row, row], standard_error(last, 1)[row]
    result = []
    for what, truth, values, error in (
        ("mean exact divergence of trained generators", exact[row, row], own, own_error),
        ("trained μ", optimum[0], last[row, :, 0], mu_error),
        ("trained σ", optimum[1], last[row, :, 1], sigma_error),
    ):
        slack = float(error) + 0.02 * abs(float(truth))
        result.append(finding(f"{label}: {what}", SOURCE, truth, values.mean(), slack, EQUAL, "s.e. + 2 %"))
    bound, bound_se = arrays["bound"][row], arrays["bound_error"][row]
    se = float(np.sqrt(np.square(bound_se).sum()) / bound.size)
    gap, mean = float((bound - own).mean()), float(own.mean())
    source = "Nguyen, Wainwright & Jordan 2010; f-GAN, equation 4"
    what = f"{label}: held-out bound of the critic − exact divergence of its generator"
    result.append(theorem(what, source, 0.0, gap, 4.0 * se, AT_MOST, "4 standard errors"))
    what = f"{label}: the same, over the exact divergence: the bound is tight"
    result.append(finding(what, source, 0.0, gap / mean, 0.02 + se / mean, AT_LEAST, "s.e. + 2 %"))
    above = cross[row, row] - np.delete(cross[:, row], row).min()
    what = f"cross table, column {label}: its own row − the best other row"
    basis = "the diagonal is the minimum"
    return [*result, finding(what, f"{SOURCE}, table 3", 0.0, above, 0.0, AT_MOST, basis)]


def table(arrays: Arrays) -> list[TableRow]:
    """Parameters, own divergence, critic's bound and cross table, exact and for every seed."""
    rows: list[TableRow] = []
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
