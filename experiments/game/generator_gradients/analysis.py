"""What ``generator_gradients`` finds: its claims and its table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from experiments.framework import AT_LEAST, AT_MOST, Arrays, Budget, Claim, TableRow, finding, over_seeds, replication
from experiments.framework.tables import long_rows

OBJECTIVES = ("minimax", "non_saturating", "least_squares", "hinge", "orthonormal", "gp")
"""All curves; non-saturating shares its discriminator with minimax."""

NAMES = {
    "minimax": "log(1 − D), saturating",
    "non_saturating": "−log D, non-saturating",
    "least_squares": "least squares",
    "hinge": "hinge",
    "orthonormal": "Wasserstein, orthonormal",
    "gp": "Wasserstein, GP",
}

TITLES = {"ring": "8 Gaussians", "digits": "digits"}

PAPER = "Arjovsky & Bottou 2017"


def _orders_lost(arrays: Arrays, problem: str, objective: str) -> np.ndarray:
    """``log10(largest norm / last norm)`` of every seed and age, ``[seeds, ages]``."""
    norms = arrays[f"{problem}/{objective}/norm"]
    return np.log10(norms.max(axis=-1) / norms[..., -1])


def _growth(arrays: Arrays, problem: str, objective: str, field: str) -> np.ndarray:
    """``log10(last / first)`` of every seed and age, ``[seeds, ages]``."""
    values = arrays[f"{problem}/{objective}/{field}"]
    return np.log10(values[..., -1] / values[..., 0])


def _extreme(values: np.ndarray, which: Callable[[np.ndarray], np.intp]) -> tuple[float, float]:
    """The mean over seeds of ``values [seeds, ages]``, at the age where it is least (``np.argmin``) or largest, and two standard errors."""
    return over_seeds(values[:, which(values.mean(axis=0))], 2.0)


def claims(arrays: Arrays) -> list[Claim]:
    """What vanishes, what grows, and what does neither. A gradient's fall is counted from its largest norm to its last."""
    ages, steps, basis = arrays["ages"], int(arrays["steps"][-1]), "2 standard errors"
    result = []
    for problem, title in TITLES.items():
        for lost, age in zip(_orders_lost(arrays, problem, "minimax").T, ages, strict=True):
            made = f"generator of {age} steps" if age else "untrained generator"
            what = f"{title}, {made}: orders of magnitude that log(1 − D)'s gradient falls"
            source = f"{PAPER}, figure 2 and theorem 2.4"
            result.append(finding(what, source, 2.0, *over_seeds(lost, 2.0), AT_LEAST, basis))
    # The paper's generators have been trained: one that has not been is no instance of its claim, however far its gradient falls.
    most = _extreme(_orders_lost(arrays, "digits", "minimax")[:, np.asarray(ages) > 0], np.argmax)
    what = f"digits, trained generators: most orders that log(1 − D) falls in {steps} updates ('up to 5 in 4000')"
    budget = Budget("4000 updates of the discriminator", steps >= 4000)
    result.append(replication(what, f"{PAPER}, figure 2", 5.0, *most, AT_LEAST, basis, budget=budget))
    for problem, title in TITLES.items():
        for critic in ("orthonormal", "gp"):
            lost = _extreme(_orders_lost(arrays, problem, critic), np.argmax)
            what = f"{title}: most orders that the gradient of {NAMES[critic]} falls, of all ages"
            source = "Arjovsky, Chintala & Bottou 2017, section 3"
            result.append(finding(what, source, 1.0, *lost, AT_MOST, basis))
    for problem, title in TITLES.items():
        for field, name in (("norm", "norm"), ("spread", "spread over batches")):
            grown = _extreme(_growth(arrays, problem, "non_saturating", field), np.argmin)
            what = f"{title}: −log D's gradient grows, {name}: least log₁₀(last / first) of all ages"
            result.append(finding(what, f"{PAPER}, figure 3", 0.0, *grown, AT_LEAST, basis))
    for problem, title in TITLES.items():
        # Of one seed, both discriminators meet the same generator: differences are paired.
        gain = _orders_lost(arrays, problem, "minimax") - _orders_lost(arrays, problem, "least_squares")
        what = f"{title}: least squares falls by fewer orders than log(1 − D): least difference of all ages"
        result.append(finding(what, "Mao et al. 2017, section 3.2", 0.0, *_extreme(gain, np.argmin), AT_LEAST, basis))
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Norms of every objective, age, seed and record, and how far the generators are from the data."""
    rows: list[TableRow] = []
    steps = [int(step) for step in arrays["steps"]]
    for problem in TITLES:
        for (seed, age), distance in np.ndenumerate(arrays[f"{problem}/energy_distance"]):
            shared = {"problem": problem, "age": int(arrays["ages"][age]), "seed": seed}
            rows.append({**shared, "objective": "", "step": 0, "quantity": "energy_distance", "value": float(distance)})
            for objective in OBJECTIVES:
                for field in ("norm", "batch_norm", "spread", "value"):
                    values = arrays[f"{problem}/{objective}/{field}"][seed, age]
                    rows += long_rows(values, {"step": steps}, **shared, objective=objective, quantity=field)
    return rows
