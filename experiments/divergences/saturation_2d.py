"""The same in the plane: parallel lines, and a ring of Gaussians shifted and rotated.

Figure: WGAN's Example 1, the law of (0, Z) against (θ, Z) with Z uniform; a ring of eight Gaussians against itself shifted along x; the
same ring against itself rotated. Rows as in ``saturation_1d``: JS, W1, and the generator's gradient, where the generator can only
move along the separation. The exact JS of the rings is an integral over the plane, their exact W1 that of mode-by-mode translation.
Bands: one standard deviation over seeds (third row: the range over seeds).

Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN", Example 1: W1 = |θ|, JS = log 2 for every θ ≠ 0. Two laws of one shape, shifted by δ,
have W1 = ‖δ‖. A ring turned by φ moves every mode by the chord 2 R sin(φ/2), which is W1 as long as no other mode comes near.

Command: ``python -m experiments saturation_2d``; 85 s on two cores.

Expected: parallel lines: JS = log 2 and no gradient at every θ ≠ 0, W1 = θ with gradient 1. Rings: JS within 1e-4 of log 2 once every mode
moved by 8 σ; W1 = shift, and the chord of the rotation. Trained W1 is a lower bound everywhere; on the rotated ring a small critic,
which has to turn its slope eight times around the ring, reaches only a part of W1. On both rings the networks miss 0.02 nats and 3 %
at small separations: those four claims do not hold. Histograms whose cells are wider than the modes see next to nothing of JS, and W1
between samples lies above W1: modes get unequal numbers of points, which then have to travel.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import tyro
from matplotlib.figure import Figure

from experiments.divergences import saturation_sweep as sweeps
from experiments.framework import AT_LEAST, EQUAL, Arrays, Claim, Progress, TableRow, finding, theorem
from gan_jax.plots.saturation import saturation
from gan_jax.ranges import AtLeastTwo, Count, Positive, Seed


@dataclass(frozen=True)
class Config:
    """Three families in the plane, two networks at every point."""

    modes: Count = 8  # Gaussians on the ring.
    radius: Positive = 1.0  # Radius of the ring, in units of x.
    scale: Positive = 0.02  # Standard deviation of a Gaussian of the ring, in units of x.
    points: AtLeastTwo = 6  # Separations of each family where samples are drawn and networks trained, from 0 on.
    farthest_line: Positive = 1.0  # Largest distance of the lines, in units of x.
    farthest_shift: Positive = 0.25  # Largest shift of the ring, in units of x.
    farthest_angle: Positive = 0.125
    """Largest rotation of the ring in radians. Exact W1 is known while each mode is nearest to its own image."""

    dense: AtLeastTwo = 31  # Points of the exact curves.
    training: Annotated[sweeps.Sampling, tyro.conf.OmitArgPrefixes] = field(
        default_factory=lambda: sweeps.Sampling(
            sample_sizes=(64, 256, 1024), sample_seeds=4, width=48, depth=3, batch_size=128
        )
    )
    """Samples and networks."""

    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(
    points=3,
    dense=4,
    training=sweeps.Sampling(seeds=2, sample_sizes=(16, 32), sample_seeds=2, width=8, steps=50, held_out=1024),
)


def run(config: Config, progress: Progress) -> Arrays:
    """Computes exact values, sample estimates and trainings of all three families."""
    from gan_jax import distributions

    rings = distributions.ring_pairs(config.modes, config.radius, config.scale)
    pairs = {
        "parallel_lines": (distributions.pair("parallel_lines"), config.farthest_line),
        "shifted_ring": (rings["shifted_ring"], config.farthest_shift),
        "rotated_ring": (rings["rotated_ring"], config.farthest_angle),
    }
    axes = {
        name: sweeps.Axis(pair, np.linspace(0.0, farthest, config.points), np.linspace(0.0, farthest, config.dense))
        for name, (pair, farthest) in pairs.items()
    }
    geometry = {"radius": np.asarray(config.radius), "scale": np.asarray(config.scale)}
    return sweeps.compute(axes, config.training, progress, seed=config.seed, shares=(15.0, 15.0, 70.0)) | geometry


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


def plot(arrays: Arrays) -> Figure:
    """Three rows by three families, each with its own scale of W1."""
    return saturation([sweeps.family(arrays, name, *labels) for name, labels in TITLES.items()], share_y=False)
