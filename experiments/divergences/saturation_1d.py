"""JS saturates at log 2 and leaves the generator no gradient; Wasserstein does not: three families on a line.

Figure: N(0, 1) against N(m, 1), U[0, 1] against U[m, 1 + m], and two Diracs, m from 0 to 10. First row: the Jensen–Shannon divergence,
exact, from samples of three sizes (histograms), and from a discriminator trained on samples. Second row: W1, exact, from the same
sample sizes (quantiles), and from an exactly 1-Lipschitz critic. Third row: the gradient that reaches a generator which can only move
q: of log(1 − D), of −log D and of the critic; exact lines, and through the trained networks. Bands: one standard deviation over seeds
(third row: the range over seeds).

Goodfellow et al. 2014, "Generative adversarial nets", theorem 1: max_D V = 2 JS − 2 log 2. Arjovsky & Bottou 2017, theorems 2.4 and 2.5:
with an optimal D the gradient of log(1 − D) is 2 ∇JS, which dies. Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN", equation 2.

Command: ``python -m experiments saturation_1d``; 45 s on two cores.

Expected: JS(1) = .11142148, JS(4) = .63272019, JS(10) = .69314632 nats; gradient of log(1 − D) .39797 at m = 1, 4.464e-6 at m = 10;
−log D 10.0000 at m = 10; W1 = m with gradient 1. Trained JS within 0.02 everywhere, trained W1 within 3 % from m = 1 on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import tyro
from matplotlib.figure import Figure

from experiments.divergences import saturation_sweep as sweeps
from experiments.framework import AT_MOST, EQUAL, Arrays, Claim, Progress, TableRow, finding, theorem
from gan_jax.plots.saturation import saturation
from gan_jax.ranges import AtLeastTwo, NonNegative, Seed

TITLES = {"gaussians": "N(0, 1) and N(m, 1)", "uniforms": "U[0, 1] and U[m, 1 + m]", "diracs": "two Diracs"}


@dataclass(frozen=True)
class Config:
    """Three families along one axis, two networks at every point."""

    separations: tuple[NonNegative, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0)
    """Where samples are drawn and networks trained, in units of x."""

    dense: AtLeastTwo = 101  # Points of the exact curves.
    training: Annotated[sweeps.Sampling, tyro.conf.OmitArgPrefixes] = field(default_factory=sweeps.Sampling)
    """Samples and networks."""

    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        if list(self.separations) != sorted(set(self.separations)) or not self.separations[-1:] >= (1.0,):
            raise ValueError(f"separations is {self.separations}; expected different numbers that rise to at least 1")


SMOKE = Config(
    separations=(0.0, 1.0, 4.0, 10.0),
    dense=11,
    training=sweeps.Sampling(seeds=2, sample_sizes=(50, 200), sample_seeds=2, width=8, steps=50, held_out=1024),
)


def run(config: Config, progress: Progress) -> Arrays:
    """Computes exact values, sample estimates and trainings of all three families."""
    from gan_jax import distributions

    separations = np.asarray(config.separations)
    dense = np.linspace(separations.min(), separations.max(), config.dense)
    axes = {name: sweeps.Axis(distributions.pair(name), separations, dense) for name in TITLES}
    return sweeps.compute(axes, config.training, progress, seed=config.seed, shares=(10.0, 5.0, 60.0))


REFERENCE = {
    0.5: 0.03031130,
    1.0: 0.11142148,
    2.0: 0.33683082,
    3.0: 0.52677731,
    4.0: 0.63272019,
    6.0: 0.68929793,
    8.0: 0.69305365,
    10.0: 0.69314632,
}
"""JS of N(0, 1) and N(m, 1) in nats, by 30-digit quadrature."""

SATURATING = {1.0: 0.39797, 2.0: 0.44960, 4.0: 0.13719, 6.0: 1.245e-2, 10.0: 4.464e-6}
"""2 dJS/dm of the same, by 30-digit quadrature."""


def claims(arrays: Arrays) -> list[Claim]:
    """Exact values against section 1's closed integrals, trained values against the exact ones."""
    closed = [claim for name in TITLES for claim in _of_closed_forms(arrays, name)]
    return [*_of_gaussians(arrays), *closed, *_trained_claims(arrays)]


def _at(arrays: Arrays, name: str, m: float) -> float:
    """An array's value at separation ``m``; NaN, which no claim holds for, where the run did not look there."""
    where = np.flatnonzero(np.isclose(arrays[f"{name.split('/')[0]}/separation"], m))
    return float(arrays[name][where[0]]) if where.size else math.nan


def _looked_at(arrays: Arrays, family: str, points: dict[float, float]) -> dict[float, float]:
    return {m: value for m, value in points.items() if np.isclose(arrays[f"{family}/separation"], m).any()}


PRECISE = "float32 quadrature: 2e-6"


def _of_gaussians(arrays: Arrays) -> list[Claim]:
    result, theorem_2_4 = [], "Arjovsky & Bottou 2017, theorem 2.4; 30-digit quadrature"
    for m, value in _looked_at(arrays, "gaussians", REFERENCE).items():
        js = _at(arrays, "gaussians/exact_at/js", m)
        what = f"gaussians: exact JS at m = {m:g} (nats)"
        result.append(theorem(what, "30-digit quadrature", value, js, 2e-6, EQUAL, PRECISE))
    for m, value in _looked_at(arrays, "gaussians", SATURATING).items():
        slope = _at(arrays, "gaussians/exact_at/saturating", m)
        within = max(0.01 * value, 5e-8) if value < 1e-3 else 2e-5
        what = f"gaussians: exact gradient of log(1 − D) at m = {m:g}"
        result.append(theorem(what, theorem_2_4, value, slope, within, EQUAL, "digits of the reference + float32"))
    kl_slope = np.abs(arrays["gaussians/separation"] - arrays["gaussians/exact_at/saturating"])
    gap = np.abs(arrays["gaussians/exact_at/non_saturating"] - kl_slope).max()
    what = "exact gradient of −log D is m − 2 dJS/dm (largest difference)"
    source = "Arjovsky & Bottou 2017, theorem 2.5"
    return [*result, theorem(f"gaussians: {what}", source, 0.0, gap, 2e-5, EQUAL, "float32 quadrature")]


def _of_closed_forms(arrays: Arrays, name: str) -> list[Claim]:
    m = arrays[f"{name}/separation"]
    js, w1 = arrays[f"{name}/exact_at/js"], arrays[f"{name}/exact_at/w1"]
    distance, within = float(np.abs(w1 - m).max()), 2e-6 * (1 + m.max())
    result = [
        theorem(f"{name}: exact W1 is m (largest difference)", "closed form", 0.0, distance, within, EQUAL, "float32")
    ]
    if name != "gaussians":
        closed = np.log(2.0) * (np.minimum(m, 1.0) if name == "uniforms" else (m > 0))
        what = f"{name}: exact JS (largest difference from closed form)"
        result.append(theorem(what, "closed form", 0.0, np.abs(js - closed).max(), 2e-6, EQUAL, PRECISE))
    return result


def _trained_claims(arrays: Arrays) -> list[Claim]:
    result = [sweeps.trained_js_claim(arrays, name) for name in TITLES]
    result += [sweeps.trained_w1_claim(arrays, name, start=1.0) for name in TITLES]
    result += [sweeps.lower_bound_claim(arrays, name) for name in TITLES]
    felt = {name: arrays[f"gaussians/trained/{name}"].mean(axis=1) for name in sweeps.GRADIENTS}
    fallen = felt["saturating"][-1] / felt["saturating"].max()
    what = "gradient of log(1 − D) through the trained D, farthest over largest"
    source = "Arjovsky & Bottou 2017, theorem 2.4"
    basis = "at least two orders of magnitude are lost"
    result.append(finding(f"gaussians: {what}", source, 0.01, fallen, 0.0, AT_MOST, basis))
    off = np.abs(felt["wasserstein"][arrays["gaussians/separation"] >= 1.0] - 1).max()
    what = "gradient through the trained critic from m = 1 on is 1 (largest difference)"
    source, basis = "Arjovsky, Chintala & Bottou 2017, theorem 3", "3 % asked for; mean over seeds"
    return [*result, finding(f"gaussians: {what}", source, 0.0, off, 0.03, EQUAL, basis)]


def table(arrays: Arrays) -> list[TableRow]:
    """Every scalar, long format."""
    return sweeps.rows(arrays, list(TITLES))


def plot(arrays: Arrays) -> Figure:
    """Three rows by three families."""
    return saturation(
        [sweeps.family(arrays, name, title, "separation m (units of x)") for name, title in TITLES.items()]
    )
