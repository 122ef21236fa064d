"""What ``players`` finds: its claims and its table."""

from __future__ import annotations

import numpy as np

from experiments.framework.artifacts import Arrays, Row
from experiments.framework.claims import AT_LEAST, AT_MOST, EQUAL, Claim, finding, theorem
from experiments.game.players.config import COSTS, CRITICS, GENERATORS
from experiments.game.players.witness import witness_values
from gan_jax.metrics import statistics

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


def _ends(arrays: Arrays, generator: str, opponent: str) -> np.ndarray:
    """W1 at the end of every seed's game, ``[seeds]``."""
    group, names = ("game", CRITICS) if opponent in CRITICS else ("direct", COSTS)
    return arrays[f"{group}/w1"][GENERATORS.index(generator), names.index(opponent)]


def _standard_error(values: np.ndarray) -> float:
    return float(statistics.standard_error(values))


def claims(arrays: Arrays) -> list[Claim]:
    """What can be reached without networks, what an affine map cannot reach, and what the witness's value is."""
    return _without_networks(arrays) + _of_the_affine_map(arrays) + _of_the_witness(arrays)


def _without_networks(arrays: Arrays) -> list[Claim]:
    batch_floor, result = float(arrays["batch_floor"].mean()), []
    for generator, opponent in [*WITHOUT_NETWORK, *((g, "energy") for g in ("particles", "quantiles"))]:
        ends = _ends(arrays, generator, opponent)
        result.append(
            finding(
                f"{NAMES[generator]} × {NAMES[opponent]}, no network: W1 at most that of {arrays['batch_size']} exact samples",
                "Goodfellow et al. 2014, proposition 2: players of any form",
                batch_floor,
                ends.mean(),
                2.0 * float(np.hypot(_standard_error(ends), _standard_error(arrays["batch_floor"]))),
                AT_MOST,
                "2 standard errors of the difference",
            )
        )
    return result


def _of_the_affine_map(arrays: Arrays) -> list[Claim]:
    best, result = float(arrays["best_gaussian"][0]), []
    affine = np.stack([_ends(arrays, "affine", opponent) for opponent in (*CRITICS, *COSTS)])
    result.append(
        theorem(
            "affine map: least W1 of all games ≥ the best Gaussian's",
            "least absolute deviations of quantiles",
            best,
            float(affine.min()),
            # |W1(sample, target) − W1(law, target)| ≤ W1(sample, law), which for a law of this width is the sampling floor.
            float(arrays["floor"].max()),
            AT_LEAST,
            f"sampling floor of {arrays['held_out']} samples",
        )
    )
    ends = _ends(arrays, "affine", "orthonormal")
    result.append(
        finding(
            "affine map × orthonormal critic: W1 is the best Gaussian's",
            "Arjovsky, Chintala & Bottou 2017: the critic's value is W1",
            best,
            ends.mean(),
            float(arrays["floor"].mean()) + 2.0 * _standard_error(ends),
            EQUAL,
            "floor + 2 standard errors",
        )
    )
    return result


def _of_the_witness(arrays: Arrays) -> list[Claim]:
    result = []
    value, span, mmd = witness_values(arrays)
    result.append(
        theorem(
            "kernel witness: value ≤ exact MMD (largest excess, affine map)",
            "Gretton et al. 2012, lemma 4",
            0.0,
            (value - mmd).max(),
            1e-5,
            AT_MOST,
            "float32",
        )
    )
    result.append(
        finding(
            "kernel witness: value / exact MMD (affine map)",
            "Gretton et al. 2012, section 2.3",
            1.0,
            (value / mmd).mean(),
            0.02 + 2.0 * _standard_error(value / mmd),
            EQUAL,
            "2 % asked for + 2 standard errors",
        )
    )
    result.append(
        finding(
            "MMD over the span of the landmarks / exact MMD (least, affine map)",
            "restriction of a supremum",
            1.0,
            (span / mmd).min(),
            1e-3,
            EQUAL,
            "0.1 % asked for",
        )
    )
    return result


def table(arrays: Arrays) -> list[Row]:
    """W1 of every pair and seed, mean and standard error of every pair, and the floors."""
    rows: list[Row] = []
    for generator in GENERATORS:
        for opponent in (*CRITICS, *COSTS):
            ends = _ends(arrays, generator, opponent)
            pair = {"generator": generator, "opponent": opponent}
            rows += [{**pair, "quantity": "w1", "seed": seed, "value": float(v)} for seed, v in enumerate(ends)]
            rows.append({**pair, "quantity": "w1_mean", "seed": "", "value": float(ends.mean())})
            rows.append({**pair, "quantity": "w1_standard_error", "seed": "", "value": _standard_error(ends)})
    for name in ("floor", "batch_floor"):
        shared = {"generator": "exact sampler", "opponent": "", "seed": ""}
        rows.append({**shared, "quantity": name, "value": float(arrays[name].mean())})
    rows.append(
        {
            "generator": "best Gaussian",
            "opponent": "",
            "quantity": "w1",
            "seed": "",
            "value": float(arrays["best_gaussian"][0]),
        }
    )
    for name, values in zip(("value", "span", "mmd"), witness_values(arrays), strict=True):
        pair = {"generator": "affine", "opponent": "witness", "quantity": f"witness_{name}"}
        rows += [{**pair, "seed": seed, "value": float(v)} for seed, v in enumerate(values)]
    return rows
