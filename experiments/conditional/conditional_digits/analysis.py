"""What ``conditional_digits`` finds: its claims and its table."""

from __future__ import annotations

import numpy as np

from experiments.conditional.conditional_digits.experiment import NEIGHBOURS, ROWS
from experiments.framework import AT_LEAST, Arrays, Claim, TableRow, finding


def claims(arrays: Arrays) -> list[Claim]:
    """The digit that was asked for, with variety, in every game."""
    result = []
    read = f"the classifier reads {100 * float(arrays['real_accuracy']):.1f} % of real ones right"
    recalled, basis = "Kynkäänniemi et al. 2019, equation 2", "every seed"
    for number, name in enumerate(arrays["rows"].tolist()):
        accuracy, recall = arrays["accuracy"][number, -1].min(), arrays["recall"][number, -1].min()
        what = f"{ROWS[name].label}: least share of digits read as their label"
        result.append(finding(what, read, 0.97, accuracy, 0.0, AT_LEAST, basis))
        what = f"{ROWS[name].label}: least recall at k = {NEIGHBOURS}"
        result.append(finding(what, recalled, 0.5, recall, 0.0, AT_LEAST, basis))
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Every number of every game at every record, and KID of every class."""
    rows: list[TableRow] = []
    for number, name in enumerate(arrays["rows"].tolist()):
        for record, seed in np.ndindex(*arrays["accuracy"].shape[1:]):
            facts = {"row": name, "step": float(arrays["steps"][record]), "seed": seed, "class": "all"}
            for quantity in ("accuracy", "recall", "precision"):
                rows.append({**facts, "quantity": quantity, "value": float(arrays[quantity][number, record, seed])})
        for seed, label in np.ndindex(*arrays["kid"].shape[1:]):
            facts = {"row": name, "step": float(arrays["steps"][-1]), "seed": seed, "class": str(label)}
            rows.append({**facts, "quantity": "KID", "value": float(arrays["kid"][number, seed, label])})
    return rows
