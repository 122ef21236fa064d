"""The configuration of ``players``, and the names that it and its figure share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gan_jax.ranges import Count, Even, Positive, Seed

if TYPE_CHECKING:
    pass

GENERATORS = ("network", "particles", "affine", "quantiles")
"""Generators, by their number in the program."""

CRITICS = ("network", "orthonormal", "fourier", "histogram", "witness")
"""Discriminators, by their number in the program; the first two are networks."""

COSTS = ("energy", "mmd", "sinkhorn")
"""Distances that a generator descends with nobody on the other side."""

WEIGHTS, MEANS, DEVIATIONS = np.asarray([0.3, 0.7]), np.asarray([-2.0, 1.0]), np.asarray([0.3, 0.7])
"""The target: a narrow and a wide mode, of unequal weight."""


@dataclass(frozen=True)
class Config:
    """The players and their games."""

    seeds: Count = 5  # Independent games of every pair.
    steps: Count = 1500  # Steps of every game; a multiple of ``records``.
    direct_steps: Count = 400  # Steps of descent on a distance; a multiple of ``records``.
    records: Count = 10  # How often a game's value is kept.
    discriminator_steps: Count = 2  # Updates of the discriminator at a step.
    batch_size: Count = 256
    """Samples of each law at an update, and the number of particles: every step sees all of them."""

    width: Even = 32  # Width of both hidden layers of every network; even.
    knots: Count = 64  # Knots of the quantile table.
    features: Count = 64  # Random Fourier features.
    bins: Count = 32  # Nodes of the histogram table.
    bandwidth: Positive = 0.5
    """Of the Gaussian kernel: of the Fourier features, of the witness (whose landmarks are as far apart), of the MMD; in units of x."""

    epsilon: Positive = 0.5  # ε of the Sinkhorn divergence, in squared units of x.
    generator_rates: tuple[Positive, ...] = (2e-3, 2e-2, 1e-2, 1e-2)
    """Learning rate of each generator's Adam (network, particles, affine, quantiles) at the start; it decays linearly to zero."""

    discriminator_rates: tuple[Positive, ...] = (5e-3, 2e-2, 5e-2, 5e-2, 3e-1)
    """The same of each discriminator (network, orthonormal, fourier, histogram, witness)."""

    direct_speed: Positive = 3.0
    """Factor on the generators' rates under a distance: nobody answers, so that they may go faster."""

    held_out: Count = 65536  # Fresh samples of the generator that its W1 to the target is taken from.
    density_bins: Count = 100  # Bins of the laws that are drawn.
    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(
    seeds=2, steps=20, direct_steps=10, records=2, batch_size=32, width=8, knots=8, features=8, bins=8, held_out=1024
)
