"""Neither side of the game has to be a neural network: one target, every generator against every discriminator.

Figure: a target of two unequal modes on the line. Left: how far each generator ends from it, W1 in units of x, mean over seeds, for four
generators (rows) against five discriminators and under three distances that need no discriminator (columns). Right: the laws that
some pairs end at, over the target. Generators: a network, particles that are all of them parameters, an affine map of noise, a monotone
table of quantiles. Discriminators: a network (non-saturating), a logistic regression on random Fourier features (non-saturating), a table
of logits (non-saturating), a network with orthonormal layers (its best value is W1), a witness in the unit ball of a Gaussian kernel's
space (its best value is the MMD). Distances: energy, MMD of the same kernel, Sinkhorn.

Goodfellow et al. 2014, section 4 (the theory is that of densities, of any form); Gretton et al. 2012, section 2.3 (the witness); Rahimi &
Recht 2007 (Fourier features); Bellemare et al. 2017 (energy); Li, Swersky & Zemel 2015 (MMD); Genevay, Peyré & Cuturi 2018 (Sinkhorn).

Command: ``python -m experiments players``; 74 s on two cores.

Expected: particles and quantiles come as near to the target as one batch of data is (0.10) with no network on either side, at best 0.02 to
0.04; as many exact samples as are scored here have 0.006. Particles against the histogram table do not (0.34). The affine map stays at the
best Gaussian's distance (0.408) or above; against the non-saturating classifiers it gives up the lighter mode (0.90). The witness's value
is the MMD to within 2 %. One game of a network against it is lost: a quarter of its law ends beyond the grid of landmarks, where f is zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gan_jax.ranges import Count, Even, Positive, Seed

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
