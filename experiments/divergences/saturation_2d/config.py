"""The configuration of ``saturation_2d``, and the names that it and its figure share."""

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
