"""The configuration of ``optimal_discriminator``, and the names that it and its figure share."""

from __future__ import annotations

from dataclasses import dataclass

from gan_jax.ranges import Count, Even, Fifties, NonNegative, Positive, Seed


@dataclass(frozen=True)
class Config:
    """Two Gaussians and the networks between them."""

    separation: NonNegative = 6.0  # m: the data is N(0, 1), the generator N(m, 1).
    seeds: Count = 8  # Independent trainings of every network.
    width: Even = 32  # Width of both hidden layers; even.
    steps: Fifties = 1500  # Updates of each network; a multiple of 50.
    batch_size: Count = 256  # Samples of each law at an update.
    learning_rate: Positive = 3e-3  # Learning rate of Adam at the start; it falls to zero as a cosine.
    penalty_weight: NonNegative = 10.0  # λ of GP and LP.
    clip: Positive = 0.1  # Largest absolute weight of the clipped critic.
    held_out: Count = 16384  # Fresh samples of each law that score a trained network.
    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(seeds=2, width=8, steps=50, held_out=1024)
