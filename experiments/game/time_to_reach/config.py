"""The configuration of ``time_to_reach``, and the names that it and its figure share."""

from __future__ import annotations

from dataclasses import dataclass

from gan_jax.ranges import Count, Even, Positive, Seed

OPTIMIZERS = {"sgd": "plain gradient descent", "adam": "Adam"}


@dataclass(frozen=True)
class Config:
    """Where generators begin, and how the games are played."""

    separations: tuple[Positive, ...] = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0)
    """m: the data are N(m, 1), the generator begins as N(0, 1)."""

    seeds: Count = 5  # Independent games at every separation.
    at_most: Count = 3000  # Steps of the generator after which a run is stopped.
    within: Positive = 0.1  # W1 at which the generator has arrived, in units of x.
    rate: Positive = 0.02  # Learning rate of the generator, for plain descent and for Adam.
    discriminator_rate: Positive = 5e-3  # Learning rate of the discriminator's and the critic's Adam.
    discriminator_steps: Count = 5  # Updates of the discriminator at every step of the generator.
    width: Even = 32  # Width of both hidden layers of discriminator and critic; even.
    batch_size: Count = 256  # Samples of each law at an update.
    dense: Count = 1000  # Points of the integral's curve.
    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(
    separations=(1.0, 8.0), seeds=2, at_most=400, rate=0.05, discriminator_steps=2, width=8, batch_size=64, dense=100
)

EXACT = ("minimax", "non_saturating", "wasserstein", "energy", "mmd")
"""Objectives whose divergence at the optimal discriminator is known between Gaussians of any width."""

MOVING = {"minimax": "saturating", "non_saturating": "non_saturating", "wasserstein": "wasserstein"}
"""Objectives with an exact gradient for a generator that can only move, and its name in ``comparison.Exact``."""
