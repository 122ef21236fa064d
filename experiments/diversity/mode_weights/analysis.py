"""What ``mode_weights`` finds: its claims and its table."""

from __future__ import annotations

import math

import numpy as np

from experiments.framework import AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, over_seeds
from gan_jax.plots.style import BLUE, GREEN, ORANGE, PURPLE, VERMILION, Look

GAMES = {
    "gan": ("GAN", Look(VERMILION, marker="o")),
    "packing": ("packs of 4", Look(ORANGE, marker="s")),
    "wgan_gp": ("WGAN-GP", Look(BLUE, marker="^")),
    "relativistic": ("relativistic + R1 + R2", Look(PURPLE, marker="D")),
    "together": ("all of it", Look(GREEN, marker="v")),
}
"""The games by name: label and look."""

RARE = 0.02
"""Weight up to which a mode is called rare."""

_TRUTH = 1.0 - math.exp(-4.5)


def _ratios(arrays: Arrays, name: str) -> np.ndarray:
    """Mass of every mode over what a perfect sampler gives it, ``[records + 1, seeds, modes]``."""
    return arrays[f"{name}/masses"] / (_TRUTH * arrays["weights"])


def claims(arrays: Arrays) -> list[Claim]:
    """Whether rare modes are reproduced, by how much less than the others; and whether the last game does better than the plain one."""
    weights, n = arrays["weights"], int(arrays["n"])
    rare = weights <= RARE
    result = []
    for name, (label, _) in GAMES.items():
        reproduced = _ratios(arrays, name)[-1]
        for which, modes in (("rare modes (≤ 2 %)", rare), ("the other modes", ~rare)):
            # Mass of these modes together over their weight: of a perfect sampler a binomial share.
            mass = np.average(reproduced[:, modes], axis=1, weights=weights[modes]).mean()
            within = 4.0 / math.sqrt(n * len(reproduced) * float(weights[modes].sum()))
            what, basis = f"{label}: mass of {which} over their weight", "4 s.e. of a perfect sampler"
            result.append(finding(what, "a perfect sampler", 1.0, mass, within, EQUAL, basis))
    for name, (label, _) in GAMES.items():
        ratio = np.minimum(_ratios(arrays, name)[-1], 1.0)
        gap = over_seeds(ratio[:, rare].mean(axis=1) - ratio[:, ~rare].mean(axis=1), 2.0)
        what = f"{label}: share of rare modes (≤ 2 %) that is reproduced − that of the others"
        source = "a mode of weight w is in a batch w times its size"
        result.append(finding(what, source, 0.0, *gap, AT_MOST, "2 standard errors"))
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Mass, interval and weight of every mode of every game; and each game's numbers."""
    rows: list[TableRow] = []

    def add(game: str, seed: int, quantity: str, mode: int, *numbers: float) -> None:
        words = {"game": game, "seed": seed, "quantity": quantity, "mode": mode}
        rows.append({**words, **dict(zip(("weight", "value", "low", "high"), map(float, numbers), strict=True))})

    for name in GAMES:
        for seed, masses in enumerate(arrays[f"{name}/masses"][-1]):
            for mode, mass in enumerate(masses):
                add(name, seed, "mass", mode, arrays["weights"][mode], mass, *arrays[f"{name}/intervals"][seed, mode])
            for quantity in ("high_quality", "reverse_kl", "reverse_kl_floor", "covered", "reproduced"):
                add(name, seed, quantity, -1, math.nan, arrays[f"{name}/{quantity}"][seed], math.nan, math.nan)
    return rows
