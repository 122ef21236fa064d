"""The configuration of ``f_gan``, and the names that it and its figure share."""

from __future__ import annotations

from dataclasses import dataclass

from gan_jax.ranges import Count, Positive, Seed

NAMES = {
    "kl": "KL",
    "reverse_kl": "reverse KL",
    "jensen_shannon": "JS",
    "jeffreys": "Jeffreys",
    "pearson": "Pearson",
}
"""The divergences, as the table of f-divergences and as the figure call them."""


@dataclass(frozen=True)
class Config:
    """Five games for one target."""

    seeds: Count = 8  # Independent games of every divergence.
    width: Count = 64  # Width of both hidden layers of the critic.
    steps: Count = 1000  # Updates of the generator; a multiple of ``records``.
    discriminator_steps: Count = 4  # Updates of the critic before each of them.
    batch_size: Count = 1024  # Samples of each law at an update.
    learning_rate: Positive = 0.01  # Learning rate of both players' Adam at the start; it falls to zero as a cosine.
    start: Positive = 1.5  # σ of the generator at the beginning; its mean is 0.
    records: Count = 50  # How many times a game is looked at.
    held_out: Count = 65536  # Fresh samples of each law that score the last critic.
    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(seeds=2, width=16, steps=20, discriminator_steps=2, batch_size=128, records=10, held_out=1024)
