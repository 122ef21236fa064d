"""The configuration of ``forward_or_reverse``, and the names that it and its figure share."""

from __future__ import annotations

from dataclasses import dataclass

from gan_jax.ranges import Count, Positive, Seed

NAMES = {"kl": "KL", "jensen_shannon": "JS", "jeffreys": "Jeffreys", "reverse_kl": "reverse KL"}
"""The divergences, from covering to seeking, as the table of f-divergences and as the figure call them."""

STARTS = ("the middle", "one mode")
"""Where games begin."""


@dataclass(frozen=True)
class Config:
    """Four divergences over a separation, and games at some separations."""

    largest: Positive = 16.0
    """Largest separation of the two modes, in their standard deviations; beyond Jeffreys' switch at 13.05."""

    points: Count = 64  # Separations at which the middle is computed.
    game_separations: tuple[Positive, Positive, Positive] = (3.0, 6.0, 9.0)  # Separations of the games.
    seeds: Count = 8  # Independent games of each kind.
    width: Count = 64  # Width of both hidden layers of the critic.
    steps: Count = 1000  # Updates of the generator; a multiple of ``records``.
    discriminator_steps: Count = 4  # Updates of the critic before each of them.
    batch_size: Count = 1024  # Samples of each law at an update.
    learning_rate: Positive = 0.01  # Learning rate of both players' Adam at the start; it falls to zero as a cosine.
    records: Count = 20  # How many times a game is looked at.
    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(largest=14.0, points=8, seeds=2, width=8, steps=20, discriminator_steps=2, batch_size=64, records=2)

PRESETS = {"quick": Config(seeds=3, width=32, steps=800, batch_size=512)}
