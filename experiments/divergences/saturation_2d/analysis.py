"""What ``saturation_2d`` finds: its claims and its table."""

from __future__ import annotations

import numpy as np

from experiments.divergences import saturation_sweep as sweeps
from experiments.framework import AT_LEAST, EQUAL, Arrays, Claim, TableRow, finding, theorem

TITLES = {
    "parallel_lines": ("parallel lines", "distance θ (units of x)"),
    "shifted_ring": ("ring of 8, shifted", "shift (units of x)"),
    "rotated_ring": ("ring of 8, rotated", "angle (rad)"),
}


def claims(arrays: Arrays) -> list[Claim]:
    """Example 1 and the rings: exact values, and what training reaches of them."""
    result = _exact_claims(arrays)
    result += [sweeps.trained_js_claim(arrays, name) for name in TITLES]
    result += [sweeps.trained_w1_claim(arrays, name, start=float(arrays[f"{name}/separation"][1])) for name in TITLES]
    result += [sweeps.lower_bound_claim(arrays, name) for name in TITLES]
    return result + [_still_pulls(arrays, name) for name in TITLES]


def _exact_claims(arrays: Arrays) -> list[Claim]:
    example, result = "Arjovsky, Chintala & Bottou 2017, Example 1", []
    closed = {
        "parallel_lines": arrays["parallel_lines/separation"],
        "shifted_ring": arrays["shifted_ring/separation"],
        "rotated_ring": 2 * arrays["radius"] * np.sin(arrays["rotated_ring/separation"] / 2),
    }
    for name, w1 in closed.items():
        error = np.abs(arrays[f"{name}/exact_at/w1"] - w1).max()
        what = f"{name}: exact W1 (largest difference from closed form)"
        result.append(theorem(what, "closed form", 0.0, error, 2e-6, EQUAL, "float32"))
    lines = arrays["parallel_lines/separation"] > 0
    jump = np.abs(arrays["parallel_lines/exact_at/js"] - np.log(2) * lines).max()
    what = "parallel_lines: exact JS is log 2 for θ ≠ 0 (largest difference)"
    result.append(theorem(what, example, 0.0, jump, 2e-6, EQUAL, "float32"))
    dead = arrays["parallel_lines/exact_at/saturating"].max()
    result.append(theorem("parallel_lines: exact gradient of log(1 − D)", example, 0.0, dead, 0.0, EQUAL, "exact"))
    for name in ("shifted_ring", "rotated_ring"):
        apart = closed[name] >= 8 * arrays["scale"]
        if apart.any():
            gap = (np.log(2) - arrays[f"{name}/exact_at/js"][apart]).max()
            # Between two Gaussians 8 σ apart log 2 − JS is 9.35e-5; a mode has two neighbours at most.
            what, source = f"{name}: log 2 − JS beyond 8 σ (nats)", "closed form for two Gaussians"
            result.append(theorem(what, source, 0.0, gap, 1e-4, EQUAL, "9.35e-5 at 8 σ"))
    return result


def _still_pulls(arrays: Arrays, name: str) -> Claim:
    """At the farthest separation the critic's gradient is larger than the discriminator's of log(1 − D)."""
    wasserstein, saturating = (arrays[f"{name}/trained/{which}"][-1].mean() for which in ("wasserstein", "saturating"))
    what, source = "at the farthest point, trained critic's gradient", "Arjovsky, Chintala & Bottou 2017, theorem 3"
    basis = "the gradient of log(1 − D) there"
    return finding(f"{name}: {what}", source, saturating, wasserstein, 0.0, AT_LEAST, basis)


def table(arrays: Arrays) -> list[TableRow]:
    """Every scalar, long format."""
    return sweeps.rows(arrays, list(TITLES))
