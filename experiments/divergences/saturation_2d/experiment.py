"""The same in the plane: parallel lines, and a ring of Gaussians shifted and rotated.

Figure: WGAN's Example 1, the law of (0, Z) against (θ, Z) with Z uniform; a ring of eight Gaussians against itself shifted along x; the
same ring against itself rotated. Rows as in ``saturation_1d``: JS, W1, and the generator's gradient, where the generator can only
move along the separation. The exact JS of the rings is an integral over the plane, their exact W1 that of mode-by-mode translation.
Bands: one standard deviation over seeds (third row: the range over seeds).

Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN", Example 1: W1 = |θ|, JS = log 2 for every θ ≠ 0. Two laws of one shape, shifted by δ,
have W1 = ‖δ‖. A ring turned by φ moves every mode by the chord 2 R sin(φ/2), which is W1 as long as no other mode comes near.

Command: ``python -m experiments saturation_2d``; 115 s on two cores.

Expected: parallel lines: JS = log 2 and no gradient at every θ ≠ 0, W1 = θ with gradient 1. Rings: JS within 1e-4 of log 2 once every mode
moved by 8 σ; W1 = shift, and the chord of the rotation. Trained W1 is a lower bound everywhere; on the rotated ring a small critic,
which has to turn its slope eight times around the ring, reaches only a part of W1. On both rings the networks miss 0.02 nats and 3 %
at small separations: those four claims do not hold. Histograms whose cells are wider than the modes see next to nothing of JS, and W1
between samples lies above W1: modes get unequal numbers of points, which then have to travel.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from experiments.divergences import saturation_sweep as sweeps
from gan_jax.ranges import Count, NonNegative, Positive, Seed


@dataclass(frozen=True)
class Config:
    """Three families in the plane, two networks at every point."""

    modes: Count = 8  # Gaussians on the ring.
    radius: Positive = 1.0  # Radius of the ring, in units of x.
    scale: Positive = 0.02  # Standard deviation of a Gaussian of the ring, in units of x.
    points: Count = 6  # Separations of each family where samples are drawn and networks trained, from 0 on.
    farthest_line: NonNegative = 1.0  # Largest distance of the lines, in units of x.
    farthest_shift: NonNegative = 0.25  # Largest shift of the ring, in units of x.
    farthest_angle: NonNegative = 0.125
    """Largest rotation of the ring in radians. Exact W1 is known while each mode is nearest to its own image."""

    dense: Count = 31  # Points of the exact curves.
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
