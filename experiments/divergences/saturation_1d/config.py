"""The configuration of ``saturation_1d``, and the names that it and its figure share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from experiments.divergences import saturation_sweep as sweeps
from gan_jax.ranges import Count, NonNegative, Seed

TITLES = {
    "gaussians": "N(0, 1) and N(m, 1)",
    "uniforms": "U[0, 1] and U[m, 1 + m]",
    "diracs": "two Diracs",
}


@dataclass(frozen=True)
class Config:
    """Three families along one axis, two networks at every point."""

    separations: tuple[NonNegative, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0)
    """Where samples are drawn and networks trained, in units of x."""

    dense: Count = 101  # Points of the exact curves.
    training: Annotated[sweeps.Sampling, tyro.conf.OmitArgPrefixes] = field(default_factory=sweeps.Sampling)
    """Samples and networks."""

    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(
    separations=(0.0, 1.0, 4.0, 10.0),
    dense=11,
    training=sweeps.Sampling(seeds=2, sample_sizes=(50, 200), sample_seeds=2, width=8, steps=50, held_out=1024),
)
