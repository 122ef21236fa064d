"""What ``players`` finds: its claims and its table."""

from __future__ import annotations

import numpy as np

from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, over_seeds, theorem
from experiments.framework.tables import per_seed
from experiments.game.players.experiment import COSTS, CRITICS, GENERATORS
from experiments.game.players.witness import witness_values
from gan_jax.metrics.statistics import mean_and_error

NAMES = {
    "network": "network",
    "particles": "particles",
    "affine": "affine map",
    "quantiles": "quantile table",
    "orthonormal": "orthonormal net",
    "fourier": "Fourier logistic",
    "histogram": "histogram table",
    "witness": "kernel witness",
    "energy": "energy",
    "mmd": "MMD",
    "sinkhorn": "Sinkhorn",
}

WITHOUT_NETWORK = [
    (generator, critic) for generator in ("particles", "quantiles") for critic in ("fourier", "histogram", "witness")
]
"""Games with no network on either side, and a generator that can represent the target."""


def ends_of(arrays: Arrays, generator: str, opponent: str) -> np.ndarray:
    """W1 at the end of every seed's game, ``[seeds]``."""
    group, names = ("game", CRITICS) if opponent in CRITICS else ("direct", COSTS)
    return arrays[f"{group}/w1"][GENERATORS.index(generator), names.index(opponent)]


def claims(arrays: Arrays) -> list[Claim]:
    """What can be reached without networks, what an affine map cannot reach, and what the witness's value is."""
    return _without_networks(arrays) + _of_the_affine_map(arrays) + _of_the_witness(arrays)


def _without_networks(arrays: Arrays) -> list[Claim]:
    (baseline, baseline_error), result = mean_and_error(arrays["batch_floor"]), []
    source, basis = "Goodfellow et al. 2014, proposition 2: players of any form", "2 standard errors of the difference"
    for generator, opponent in [*WITHOUT_NETWORK, *((g, "energy") for g in ("particles", "quantiles"))]:
        end, error = mean_and_error(ends_of(arrays, generator, opponent))
        pair = f"{NAMES[generator]} × {NAMES[opponent]}"
        what = f"{pair}, no network: W1 at most that of {arrays['batch_size']} exact samples"
        result.append(finding(what, source, baseline, end, 2.0 * np.hypot(error, baseline_error), AT_MOST, basis))
    return result


def _of_the_affine_map(arrays: Arrays) -> list[Claim]:
    best, baselines = arrays["best_gaussian"][0], arrays["floor"]
    affine = np.stack([ends_of(arrays, "affine", opponent) for opponent in (*CRITICS, *COSTS)])
    what, source = "affine map: least W1 of all games ≥ the best Gaussian's", "least absolute deviations of quantiles"
    # |W1(sample, target) − W1(law, target)| ≤ W1(sample, law), which for a law of this width is the sampling baseline.
    basis = f"sampling baseline of {arrays['held_out']} samples"
    bound = theorem(what, source, best, affine.min(), baselines.max(), AT_LEAST, basis)
    ends = over_seeds(ends_of(arrays, "affine", "orthonormal"), 2.0, slack=float(baselines.mean()))
    what = "affine map × orthonormal critic: W1 is the best Gaussian's"
    source = "Arjovsky, Chintala & Bottou 2017: the critic's value is W1"
    return [bound, finding(what, source, best, *ends, EQUAL, "baseline + 2 standard errors")]


def _of_the_witness(arrays: Arrays) -> list[Claim]:
    value, span, mmd = witness_values(arrays)
    gretton, basis = "Gretton et al. 2012", "2 % asked for + 2 standard errors"
    above, share = (
        "kernel witness: value ≤ exact MMD (largest excess, affine map)",
        over_seeds(value / mmd, 2.0, slack=0.02),
    )
    part, least = "MMD over the span of the landmarks / exact MMD (least, affine map)", (span / mmd).min()
    return [
        theorem(above, f"{gretton}, lemma 4", 0.0, (value - mmd).max(), 1e-5, AT_MOST, "float32"),
        finding("kernel witness: value / exact MMD (affine map)", f"{gretton}, section 2.3", 1.0, *share, EQUAL, basis),
        finding(part, "restriction of a supremum", 1.0, least, 1e-3, EQUAL, "0.1 % asked for"),
    ]


def table(arrays: Arrays) -> list[TableRow]:
    """W1 of every pair and seed, mean and standard error of every pair, and the sampling baselines."""
    rows: list[TableRow] = []
    for generator in GENERATORS:
        for opponent in (*CRITICS, *COSTS):
            ends = ends_of(arrays, generator, opponent)
            pair = {"generator": generator, "opponent": opponent}
            rows += per_seed(ends, **pair, quantity="w1")
            for quantity, value in zip(("w1_mean", "w1_standard_error"), mean_and_error(ends), strict=True):
                rows.append({**pair, "quantity": quantity, "seed": "", "value": value})
    for name in ("floor", "batch_floor"):
        shared = {"generator": "exact sampler", "opponent": "", "seed": ""}
        rows.append({**shared, "quantity": name, "value": float(arrays[name].mean())})
    best = {"generator": "best Gaussian", "opponent": "", "quantity": "w1", "seed": ""}
    rows.append({**best, "value": float(arrays["best_gaussian"][0])})
    for name, values in zip(("value", "span", "mmd"), witness_values(arrays), strict=True):
        rows += per_seed(values, generator="affine", opponent="witness", quantity=f"witness_{name}")
    return rows
