"""What ``wrong_captions`` finds: its claims and its table."""

from __future__ import annotations

import numpy as np

from experiments.conditional.wrong_captions.experiment import ARMS
from experiments.framework import AT_LEAST, Arrays, Claim, TableRow, finding


def claims(arrays: Arrays) -> list[Claim]:
    """Wrong pairs are worth something, early and at the end."""
    right = arrays["right"][..., :2].mean(axis=-1)
    names = arrays["arms"].tolist()
    result = []
    for moment, when in ((right.shape[0] // 2, "half way"), (right.shape[0] - 1, "at the end")):
        with_wrong = right[moment, names.index("wrong")]
        basis = f"its sign, means of {with_wrong.size} seeds"
        for other in ("none", "blind"):
            without = right[moment, names.index(other)].mean()
            what = f"accuracy of both colours {when}: wrong pairs, against {ARMS[other][0]}"
            source = "Reed et al. 2016, section 4.1"
            result.append(finding(what, source, without, with_wrong.mean(), 0.0, AT_LEAST, basis))
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Every number of every game at every record."""
    rows: list[TableRow] = []
    for record, arm, seed in np.ndindex(*arrays["swap"].shape):
        hair, eyes = (float(value) for value in arrays["right"][record, arm, seed, :2])
        numbers = {"hair colour": hair, "eye colour": eyes, "swap effect": float(arrays["swap"][record, arm, seed])}
        rows.append({"arm": str(arrays["arms"][arm]), "step": float(arrays["steps"][record]), "seed": seed, **numbers})
    return rows
