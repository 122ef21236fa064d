"""What ``time_to_reach`` finds: its claims and its table."""

from __future__ import annotations

import numpy as np

from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, over_seeds
from experiments.game.time_to_reach.experiment import EXACT, OPTIMIZERS
from gan_jax.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, Look

LOOKS = {
    "minimax": Look(VERMILION, "", "o", order=4.0),
    "non_saturating": Look(ORANGE, "", "s", order=3.0),
    "least_squares": Look(PURPLE, "", "^", order=3.0),
    "hinge": Look(GREEN, "", "v", order=3.0),
    "relativistic": Look(SKY, "", "D", order=3.0),
    "wasserstein": Look(BLUE, "", "P", order=4.0),
    "energy": Look(GREY, "", "X", order=3.0),
    "mmd": Look(BLACK, "", "*", order=3.0),
}
"""The objectives and how their marks are drawn."""


def claims(arrays: Arrays) -> list[Claim]:
    """Who arrives, when, and whether the exact divergence says so."""
    # A network that follows a moving generator is asked for less than a critic held to slope 1, or no discriminator at all.
    asked = {"minimax": 0.1, "non_saturating": 0.1, "wasserstein": 0.05, "energy": 0.05, "mmd": 0.05}
    against = [_against_exact(arrays, name, within) for name, within in asked.items()]
    return [*_far_away(arrays), *_arrivals(arrays), _slope_of_time(arrays), *against]


def _share(arrays: Arrays, optimizer: str, name: str, least: float = 0.0) -> float:
    """Of the runs from a separation of at least ``least`` that arrive."""
    where = arrays["separation"] >= least
    return float(arrays[f"{optimizer}/{name}/reached"][where].mean()) if where.any() else np.nan


def _far_away(arrays: Arrays) -> list[Claim]:
    most, source = float(arrays["at_most"]), "Arjovsky & Bottou 2017, theorem 2.4"
    integral = np.exp(np.interp(8.0, arrays["dense"], np.log(np.maximum(arrays["integral/minimax"], 1e-9))))
    games, exact = (_share(arrays, "sgd", name, 8.0) for name in ("minimax", "exact/minimax"))
    trained = f"minimax, plain descent: share of runs from m ≥ 8 that arrive in {most:g} steps"
    asked = "minimax: steps that the integral of 1 / (rate · 2 dJS/dm) asks for at m = 8"
    descent = "minimax, plain descent on the exact 2 JS: share from m ≥ 8 that arrives"
    # The exact values are no theorems: whether they are beyond what games are given depends on what these are given.
    return [
        finding(trained, source, 0.0, games, 0.0, AT_MOST, "none"),
        finding(asked, source, most, integral, 0.0, AT_LEAST, "more than the games were given"),
        finding(descent, source, 0.0, exact, 0.0, AT_MOST, "none"),
    ]


def _arrivals(arrays: Arrays) -> list[Claim]:
    arrive = "share of runs that arrive"
    games = {
        ("sgd", "non_saturating"): (f"non-saturating, plain descent: {arrive}", "Arjovsky & Bottou 2017, theorem 2.5"),
        ("sgd", "wasserstein"): (
            f"Wasserstein, plain descent: {arrive}",
            "Arjovsky, Chintala & Bottou 2017, theorem 3",
        ),
        ("adam", "minimax"): (f"minimax, Adam: {arrive}, from every m", "Kingma & Ba 2015, section 2.1"),
    }
    return [finding(*said, 1.0, _share(arrays, *game), 0.0, AT_LEAST, "all") for game, said in games.items()]


def _slope_of_time(arrays: Arrays) -> Claim:
    steps = arrays["sgd/wasserstein/steps"].astype(float)
    slopes = float(arrays["rate"]) * np.polyfit(arrays["separation"], steps, 1)[0]
    what = "Wasserstein, plain descent: slope of the time over m, times the rate"
    basis = "3 % of the critic's slope asked for + 3 standard errors"
    return finding(what, "dW1/dm = 1", 1.0, *over_seeds(slopes, 3.0, slack=0.03), EQUAL, basis)


def _against_exact(arrays: Arrays, name: str, within: float) -> Claim:
    """The mean time of plain descent over that on the exact divergence, at the separation where they differ most."""
    where = arrays[f"sgd/exact/{name}/reached"][:, 0]
    steps = arrays[f"sgd/{name}/steps"][where].astype(float)
    ratio = steps / arrays[f"sgd/exact/{name}/steps"][where]
    found = (np.nan, within)
    if where.any():
        found = over_seeds(ratio[np.abs(ratio.mean(axis=1) - 1).argmax()], 3.0, slack=within)
    what = f"{name}, plain descent: mean time over that on the exact divergence, where it differs most"
    basis = f"{within:.0%} asked for + 3 standard errors"
    return finding(what, "the discriminator is optimal", 1.0, *found, EQUAL, basis)


def table(arrays: Arrays) -> list[TableRow]:
    """Every run: steps, and whether it arrived; the seed of an exact descent is -1."""
    rows: list[TableRow] = []
    for optimizer in OPTIMIZERS:
        for name in (*LOOKS, *(f"exact/{name}" for name in EXACT)):
            steps, reached = (arrays[f"{optimizer}/{name}/{quantity}"] for quantity in ("steps", "reached"))
            for i, m in enumerate(arrays["separation"]):
                for seed in range(steps.shape[1]):
                    rows.append(
                        {
                            "optimizer": optimizer,
                            "objective": name.removeprefix("exact/"),
                            "separation": float(m),
                            "seed": -1 if name.startswith("exact/") else seed,
                            "steps": int(steps[i, seed]),
                            "reached": bool(reached[i, seed]),
                        }
                    )
    return rows
