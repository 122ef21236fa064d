"""What ``loss_tracks_quality`` finds: its claims and its table."""

from __future__ import annotations

import math

import numpy as np

from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, less, over_seeds
from experiments.framework.tables import long_rows
from experiments.images.loss_tracks_quality.experiment import GAMES, GENERATORS, TITLES
from gan_jax.metrics import statistics

LOG_2 = math.log(2.0)

WGAN = "Arjovsky, Chintala & Bottou 2017, section 4.2"

LABELS = {"mlp": "MLP", "dcgan": "DCGAN", "frozen": "frozen"}


def correlations(arrays: Arrays, name: str, estimate: str = "training") -> np.ndarray:
    """Spearman's rank correlation of estimate and KID along each run, ``[generators, seeds]``."""
    return statistics.rank_correlation(arrays[f"{name}/{estimate}"], arrays[f"{name}/kid"])


def claims(arrays: Arrays) -> list[Claim]:
    """What WGAN's section 4.2 says, and the control that stands still."""
    result = []
    for generator in ("mlp", "dcgan"):
        result += _trained_claims(arrays, generator)
    return [*result, *_frozen_claims(arrays)]


def _trained_claims(arrays: Arrays, generator: str) -> list[Claim]:
    """One generator that learns, in both games."""
    place, label, errors = GENERATORS.index(generator), LABELS[generator], "2 standard errors over seeds"
    result = []
    for estimate, where in (("training", ""), ("held_out", ", on held-out pictures")):
        tracked = less(correlations(arrays, "wgan_gp", estimate)[place], 2.0)
        what = f"{label}, WGAN-GP: rank correlation of W1 estimate and KID{where}, less 2 standard errors"
        result.append(finding(what, f"{WGAN}, figure 3", 0.0, tracked, 0.0, AT_LEAST, errors))
    js, w1 = (correlations(arrays, name)[place] for name in GAMES)
    what = f"{label}, minimax: rank correlation of JS estimate and KID: it does not fall as samples get better"
    result.append(finding(what, f"{WGAN}, figure 4", 0.0, *over_seeds(js, 2.0), AT_MOST, errors))
    what = f"{label}: rank correlation of minimax − that of WGAN-GP, plus 2 standard errors"
    result.append(finding(what, WGAN, 0.0, less(js - w1, -2.0), 0.0, AT_MOST, errors))
    estimate_over_run = over_seeds(arrays["minimax/training"][place].mean(axis=-1), 2.0, slack=0.02)
    what = f"{label}, minimax: JS estimate, mean over records: very close to log 2"
    result.append(finding(what, f"{WGAN}, figure 4", LOG_2, *estimate_over_run, EQUAL, "0.02 nats + 2 s.e."))
    for name in GAMES:
        kid = arrays[f"{name}/kid"][place]
        what = f"{label}, {TITLES[name]}: KID at the end − at the start, plus 2 standard errors"
        change = less(kid[:, -1] - kid[:, 0], -2.0)
        result.append(finding(what, "what training is for", 0.0, change, 0.0, AT_MOST, errors))
    return result


def _frozen_claims(arrays: Arrays) -> list[Claim]:
    """The generator that stands still: estimates go to where they belong and say nothing more."""
    place, errors = GENERATORS.index("frozen"), "2 standard errors over seeds"
    result = []
    for estimate, where in (("training", "pictures learned from"), ("held_out", "held-out pictures")):
        last = over_seeds(arrays[f"minimax/{estimate}"][place, :, -1], 2.0, slack=0.02)
        what = f"frozen, minimax: JS estimate at the end, on {where}"
        source = "Arjovsky & Bottou 2017, theorem 2.3"
        result.append(finding(what, source, LOG_2, *last, EQUAL, "0.02 nats + 2 s.e."))
    w1 = arrays["wgan_gp/training"][place]
    what = "frozen, WGAN-GP: W1 estimate at the end over that at the start − 1: it does not fall"
    grown = over_seeds(w1[:, -1] / w1[:, 0] - 1.0, 2.0)
    result.append(finding(what, f"{WGAN}, figure 3", 0.0, *grown, AT_LEAST, errors))
    for name in GAMES:
        values = correlations(arrays, name)[place]
        # Of independent series without ties the variance is exactly 1 / (n − 1).
        noise = 2.0 / math.sqrt((arrays[f"{name}/step"].size - 1) * values.size)
        what = f"frozen, {TITLES[name]}: rank correlation of estimate and KID, which varies by its samples alone"
        source = "Kendall & Gibbons 1990, chapter 4"
        result.append(finding(what, source, 0.0, values.mean(), noise, EQUAL, "2 s.e. of independent series"))
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Every estimate, KID and slope at every record, then the correlations, long format."""
    rows: list[TableRow] = []
    fields = ("training", "held_out", "standard_error", "slope", "kid", "kid_standard_error")
    for name in GAMES:
        values = np.stack([arrays[f"{name}/{field}"] for field in fields], axis=-1)
        seeds, steps = range(values.shape[1]), [int(step) for step in arrays[f"{name}/step"]]
        axes = {"generator": GENERATORS, "seed": seeds, "step": steps, "quantity": fields}
        rows += long_rows(values, axes, game=name)
        for estimate in ("training", "held_out"):
            found, said = correlations(arrays, name, estimate), f"rank correlation, {estimate}"
            rows += long_rows(found, {"generator": GENERATORS, "seed": seeds}, game=name, step="", quantity=said)
    baseline, error = (float(value) for value in arrays["floor"])
    nothing: dict[str, object] = {"game": "", "generator": "training pictures", "seed": "", "step": ""}
    rows.append({**nothing, "quantity": "kid", "value": baseline})
    rows.append({**nothing, "quantity": "kid_standard_error", "value": error})
    return rows
