"""What ``saturation_1d`` finds: its claims and its table."""

from __future__ import annotations

import math

import numpy as np

from experiments.divergences import saturation_sweep as sweeps
from experiments.divergences.saturation_1d.experiment import TITLES
from experiments.framework import AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, theorem

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
    return [*_exact_claims(arrays), *_trained_claims(arrays)]


def _at(arrays: Arrays, name: str, m: float) -> float:
    """An array's value at separation ``m``; NaN, which no claim holds for, where the run did not look there."""
    where = np.flatnonzero(np.isclose(arrays[f"{name.split('/')[0]}/separation"], m))
    return float(arrays[name][where[0]]) if where.size else math.nan


def _looked_at(arrays: Arrays, family: str, points: dict[float, float]) -> dict[float, float]:
    return {m: value for m, value in points.items() if np.isclose(arrays[f"{family}/separation"], m).any()}


PRECISE = "float32 quadrature: 2e-6"


def _exact_claims(arrays: Arrays) -> list[Claim]:
    return _of_gaussians(arrays) + [claim for name in TITLES for claim in _of_closed_forms(arrays, name)]


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
    what, source = (
        "exact gradient of −log D is m − 2 dJS/dm (largest difference)",
        "Arjovsky & Bottou 2017, theorem 2.5",
    )
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
    what, source = (
        "gradient of log(1 − D) through the trained D, farthest over largest",
        "Arjovsky & Bottou 2017, theorem 2.4",
    )
    basis = "at least two orders of magnitude are lost"
    result.append(finding(f"gaussians: {what}", source, 0.01, fallen, 0.0, AT_MOST, basis))
    off = np.abs(felt["wasserstein"][arrays["gaussians/separation"] >= 1.0] - 1).max()
    what = "gradient through the trained critic from m = 1 on is 1 (largest difference)"
    source, basis = "Arjovsky, Chintala & Bottou 2017, theorem 3", "3 % asked for; mean over seeds"
    return [*result, finding(f"gaussians: {what}", source, 0.0, off, 0.03, EQUAL, basis)]


def table(arrays: Arrays) -> list[TableRow]:
    """Every scalar, long format."""
    return sweeps.rows(arrays, list(TITLES))
