"""How long a generator takes to arrive, by how far away it begins: minimax never arrives from far.

Figure: the data are N(m, 1), the generator an affine map of noise that begins as N(0, 1); steps of the generator until W1, exact in closed
form, is below 0.1, against m. Left: plain gradient descent, which feels how large a gradient is. Right: Adam, which divides that out.
Marks: games with trained discriminators (and, for energy distance and MMD, none), means and range over seeds; hollow where a run was
stopped before it arrived, at the largest number of steps. Lines: the same generator and optimiser on the exact divergence that the
objective has at its optimal discriminator. Dotted: the integral T(m) = ∫ dm' / (rate g(m')) for a generator that can only move, with g
the exact gradients 2 dJS/dm, m − 2 dJS/dm and 1.

Arjovsky & Bottou 2017, "Towards principled methods for training generative adversarial networks", theorems 2.4 and 2.5; Arjovsky,
Chintala & Bottou 2017, "Wasserstein GAN", theorem 3.

Command: ``python -m experiments time_to_reach``; 66 s on two cores.

Expected: with plain descent minimax does not arrive from m = 8 and 10 (the integral asks for 70 000 steps at m = 8); Wasserstein's time is
m / rate. Games take the steps that the exact divergence says, but for the non-saturating one from m = 4 on: its generator moves faster than
its discriminator learns, and the claim does not hold. With Adam minimax arrives from everywhere.
"""

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
