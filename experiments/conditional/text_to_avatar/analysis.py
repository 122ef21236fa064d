"""What ``text_to_avatar`` finds: its claims and its table."""

from __future__ import annotations

import numpy as np

from experiments.conditional.text_to_avatar.config import ENCODERS, PAIRS
from experiments.framework.artifacts import Arrays
from experiments.framework.artifacts import Row as TableRow
from experiments.framework.claims import AT_LEAST, Claim, finding

ATTRIBUTES = ("hair colour", "eye colour", "hair style", "face shape", "glasses")

LEAST = {"seen": 0.95, "held_out": 0.90}

LEAST_DIVERSITY = 0.7


def claims(arrays: Arrays) -> list[Claim]:
    """Both colours, on both kinds of pairs, for every encoder and seed; and variety."""
    result = []
    for encoder in arrays["encoders"].tolist():
        name, n = ENCODERS.get(encoder, encoder), int(arrays[f"{encoder}/n"])
        for pairs, label in PAIRS.items():
            least = arrays[f"{encoder}/last_{pairs}"].min(axis=0)
            for column in (0, 1):
                what = f"{name}, {label}: least accuracy of {ATTRIBUTES[column]}, {n:,} pictures"
                source = "real renders: 100 %"
                result.append(finding(what, source, LEAST[pairs], least[column], 0.0, AT_LEAST, "every seed"))
        ratio = arrays[f"{encoder}/diversity"].mean(axis=1) / arrays["real_diversity"].mean()
        what = f"{name}: least mean distance within a caption over that of real renders"
        result.append(finding(what, "equal laws: 1", LEAST_DIVERSITY, ratio.min(), 0.0, AT_LEAST, "every seed"))
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Every accuracy at every record, the last ones, and the diversity."""
    rows: list[TableRow] = []

    def add(encoder: str, pairs: str, step: float, seed: int, quantity: str, value: float) -> None:
        rows.append(
            {"encoder": encoder, "pairs": pairs, "step": step, "seed": seed, "quantity": quantity, "value": value}
        )

    end = float(arrays["steps"][-1])
    for encoder in arrays["encoders"].tolist():
        n = int(arrays[f"{encoder}/n"])
        for pairs in PAIRS:
            for (record, seed, column), value in np.ndenumerate(arrays[f"{encoder}/{pairs}"]):
                add(encoder, pairs, float(arrays["steps"][record]), seed, ATTRIBUTES[column], float(value))
            for (seed, column), value in np.ndenumerate(arrays[f"{encoder}/last_{pairs}"]):
                add(encoder, pairs, end, seed, f"{ATTRIBUTES[column]}, n = {n}", float(value))
        for seed, values in enumerate(arrays[f"{encoder}/diversity"]):
            ratio = float(values.mean() / arrays["real_diversity"].mean())
            add(encoder, "seen", end, seed, "diversity within a caption over real", ratio)
    return rows
