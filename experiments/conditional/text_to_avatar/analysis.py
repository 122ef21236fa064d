"""What ``text_to_avatar`` finds: its claims and its table."""

from __future__ import annotations

from experiments.conditional.text_to_avatar.experiment import ENCODERS, PAIRS
from experiments.framework import AT_LEAST, Arrays, Claim, TableRow, finding, long_rows, per_seed

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
    steps = [float(step) for step in arrays["steps"]]
    for encoder in arrays["encoders"].tolist():
        last = {"encoder": encoder, "step": steps[-1]}
        measured = [f"{name}, n = {int(arrays[f'{encoder}/n'])}" for name in ATTRIBUTES]
        for pairs in PAIRS:
            values, ends = arrays[f"{encoder}/{pairs}"], arrays[f"{encoder}/last_{pairs}"]
            seeds = range(len(ends))
            axes = {"step": steps, "seed": seeds, "quantity": ATTRIBUTES}
            rows += long_rows(values, axes, encoder=encoder, pairs=pairs)
            rows += long_rows(ends, {"seed": seeds, "quantity": measured}, **last, pairs=pairs)
        ratio = arrays[f"{encoder}/diversity"].mean(axis=1) / arrays["real_diversity"].mean()
        rows += per_seed(ratio, **last, pairs="seen", quantity="diversity within a caption over real")
    return rows
