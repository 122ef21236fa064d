"""What ``stacked_digits`` finds: its claims and its table."""

from __future__ import annotations

import math

import numpy as np

from experiments.diversity.stacked_digits.experiment import MODES, QUANTITIES, ROWS
from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding
from gan_jax.metrics import statistics

BEST = "relativistic"


def claims(arrays: Arrays) -> list[Claim]:
    """The sampling baseline, what the best method does, and what papers say of packing and of relativistic pairing."""
    rows, n = arrays["rows"].tolist(), int(arrays["n"])
    noise = math.sqrt(0.5 * (MODES - 1)) / n
    exact, real = arrays["exact_floor"], arrays["floor_reverse_kl"]
    what, source = f"KL of real stacks through the classifier, {n:,} of them", "exact: a perfect sampler's mean"
    # The classifier errs now and then, and digits are not all equally many: nearly a theorem.
    result = [finding(what, source, exact, real, 4.0 * noise, EQUAL, "4 standard errors")]
    if BEST in rows:
        seeds, number = arrays["reverse_kl"].shape[-1], rows.index(BEST)
        played = f"{seeds} seed{'s' if seeds > 1 else ''}, {int(arrays['moments'][number, -1]):,} steps"
        label = f"{ROWS[BEST].label}, {played}"
        fewest, most = arrays["covered"][number, -1].min(), arrays["reverse_kl"][number, -1].max()
        source = "Huang et al. 2024 (R3GAN), on stacked MNIST"
        # Those numbers are of another data set: what is expected of these games is a guess from them, and no replication.
        result.append(finding(f"{label}: fewest modes", source, MODES, fewest, 0.0, AT_LEAST, "a count"))
        what, source = f"{label}: largest KL at {n:,} pictures", "Lin et al. 2018 (PacGAN), PacDCGAN2 on stacked MNIST"
        result.append(finding(what, source, 0.06, most, 0.0, AT_MOST, "as measured"))
    orders = (
        ("dcgan", "pacdcgan_2", "Lin et al. 2018 (PacGAN), on stacked MNIST"),
        ("non_saturating", "relativistic", "Huang et al. 2024 (R3GAN), on stacked MNIST"),
    )
    for worse, better, source in orders:
        if worse in rows and better in rows:
            result += _ordered(arrays, rows.index(worse), rows.index(better), source)
    return result


def _ordered(arrays: Arrays, worse: int, better: int, source: str) -> list[Claim]:
    """Two claims about two methods with one number of steps: KL, and modes."""
    labels = [ROWS[arrays["rows"][number]].label for number in (worse, better)]
    far, near = (arrays["reverse_kl"][number, -1] for number in (worse, better))
    errors = [arrays["reverse_kl_error"][number, -1] for number in (worse, better)]
    gap = far.mean() - near.mean()
    ahead = float(gap) - 2.0 * math.hypot(_error(far, errors[0]), _error(near, errors[1]))
    fewer, more = (arrays["covered"][number, -1].mean() for number in (worse, better))
    what, basis = (
        f"KL: {labels[0]} − {labels[1]}, less 2 standard errors",
        f"2 s.e., {far.size} seed{'s' * (far.size > 1)}",
    )
    against = f"modes: {labels[1]}, against {labels[0]}"
    return [
        finding(what, source, 0.0, ahead, 0.0, AT_LEAST, basis),
        finding(against, source, fewer, more, 0.0, AT_LEAST, "means over seeds"),
    ]


def _error(values: np.ndarray, own: np.ndarray) -> float:
    """Standard error of the mean over seeds; of one seed, and at least, that of drawing."""
    drawing = float(np.sqrt(np.mean(own**2) / values.size))
    return drawing if values.size < 2 else max(drawing, float(statistics.standard_error(values)))


def table(arrays: Arrays) -> list[TableRow]:
    """Every number of every game at every record, and those of real stacks."""
    facts = {"n": int(arrays["n"]), "data": "digits, 8 x 8"}
    result: list[TableRow] = [
        {"row": "real", "step": 0, "seed": 0, **{name: float(arrays[f"floor_{name}"]) for name in QUANTITIES}, **facts}
    ]
    for number, record, seed in np.ndindex(*arrays["reverse_kl"].shape):
        numbers = {name: float(arrays[name][number, record, seed]) for name in QUANTITIES}
        step = int(arrays["moments"][number, record])
        result.append({"row": str(arrays["rows"][number]), "step": step, "seed": seed, **numbers, **facts})
    return result
