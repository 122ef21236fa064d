"""What ``cycle_digits`` finds: its claims and its table."""

from __future__ import annotations

import numpy as np

from experiments.framework import AT_LEAST, AT_MOST, Arrays, Claim, TableRow, finding
from experiments.translation.ablations import ADVERSARIAL, FULL
from experiments.translation.cycle_digits.experiment import TASKS


def final(arrays: Arrays, task: str, field: str, game: str) -> np.ndarray:
    """A quantity of the finished games of one kind, ``[seeds, …]``."""
    return np.asarray(arrays[f"{task}/{field}"][-1, arrays["games"].tolist().index(game)])


def claims(arrays: Arrays) -> list[Claim]:
    """Whether the digit stays with cycles, and without, and whether colours are hidden where signs are not."""
    result = []
    tasks = arrays["tasks"].tolist()
    for task in tasks:
        label, n = TASKS[task].label, int(arrays["held_out"])
        full, alone = (final(arrays, task, "accuracy", game) for game in (FULL, ADVERSARIAL))
        error = float(np.sqrt(max(alone.mean() * (1.0 - alone.mean()), 1.0 / n) / (n * alone.size)))
        read = f"the classifier reads {100 * float(arrays[f'{task}/real_accuracy']):.1f} % of real ones right"
        what = f"{label}: least share of digits that the full game keeps"
        result.append(finding(what, read, 0.9, full.min(), 0.0, AT_LEAST, "every seed"))
        what, below = (
            f"{label}: share that is kept without cycles, against the full game's",
            float(full.mean()) - 4.0 * error,
        )
        basis = "4 s.e. below the full game's"
        result.append(finding(what, "Zhu et al. 2017, table 4", below, alone.mean(), 0.0, AT_MOST, basis))
    if {"inverted", "coloured"} <= set(tasks):
        hidden = {task: final(arrays, task, "hidden", FULL) for task in ("inverted", "coloured")}
        lost = {task: float((values[:, -1] - values[:, 0]).mean()) for task, values in hidden.items()}
        ratio, scale = lost["coloured"] / max(lost["inverted"], 1e-9), float(arrays["scales"][-1])
        what = f"noise of {scale} on F(y): what it adds to the error of the cycle, coloured over inverted"
        basis = "more, where colours are hidden"
        result.append(finding(what, "Chu et al. 2017, section 4", 1.0, ratio, 0.0, AT_LEAST, basis))
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Every number of every game at every record, and the cycle under noise."""
    rows: list[TableRow] = []
    for task in arrays["tasks"].tolist():
        for number, game in enumerate(arrays["games"].tolist()):
            for record, seed in np.ndindex(len(arrays["steps"]), arrays[f"{task}/accuracy"].shape[2]):
                facts: TableRow = {
                    "task": task, "game": game, "step": float(arrays["steps"][record]), "seed": seed
                }  # fmt: skip
                for quantity in ("accuracy", "kid", "relative", "cycle"):
                    value = float(arrays[f"{task}/{quantity}"][record, number, seed])
                    rows.append({**facts, "quantity": quantity, "value": value})
                for scale, value in zip(arrays["scales"], arrays[f"{task}/hidden"][record, number, seed], strict=True):
                    rows.append({**facts, "quantity": f"cycle from Y, noise {scale:g}", "value": float(value)})
    return rows
