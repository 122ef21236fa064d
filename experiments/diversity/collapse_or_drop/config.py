"""The configuration of ``collapse_or_drop``, and the names that it and its figure share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gan_jax.ranges import Count, Even, NonNegative, Positive, Seed


class Arm(NamedTuple):
    """One way to play.

    Attributes:
      label: as the figure names it.
      shown: whether the figure has its first game; the others are counted alone.
    """

    label: str
    shown: bool = False


ARMS = {
    "fast": Arm("non-saturating, G fast", shown=True),
    "fast_minimax": Arm("minimax, G fast"),
    "fast_reverse": Arm("reverse KL, G fast"),
    "strong": Arm("non-saturating, D strong", shown=True),
    "strong_minimax": Arm("minimax, D strong"),
    "strong_reverse": Arm("reverse KL, D strong", shown=True),
    "wgan_gp": Arm("WGAN-GP"),
    "noise": Arm("non-saturating, D strong, noise", shown=True),
    "relativistic": Arm("relativistic, R1 + R2, noise", shown=True),
}
"""All arms by the name of their arrays."""


@dataclass(frozen=True)
class Config:
    """One ring, one pair of networks, nine ways to play."""

    modes: Count = 8  # Gaussians on a ring.
    radius: Positive = 4.0
    """Of the ring, in units of x: large enough for a discriminator to be sure of itself between two modes."""

    scale: Positive = 0.2  # Standard deviation of a mode.
    width: Count = 64  # Width of both hidden layers of either network.
    latent: Count = 3  # Dimension of the generator's noise.
    batch_size: Count = 128  # Samples of each law at an update.
    rate: Positive = 1e-3  # Learning rate of both players' Adam.
    slow_rate: Positive = 2e-5  # Learning rate of the discriminator, where the generator is the fast one.
    strong_steps: Count = 5  # Updates of the discriminator for each of the generator, where it is the strong one.
    noise: NonNegative = 1.6
    """Standard deviation of instance noise at the start, in units of x; it is gone after half of the game."""

    zero_centred_weight: NonNegative = 0.1  # Weight of R1 + R2.
    gradient_penalty_weight: NonNegative = 0.1  # Weight of WGAN-GP's penalty; that of the authors' toy code.
    steps: Count = 9600  # Updates of the generator; a multiple of ``records``.
    records: Even = 120  # How many times a game is looked at; even.
    samples: Count = 2500  # Drawn at every look.
    seeds: Count = 10  # Independent games of every arm.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        if self.records < 2 or self.records % 2:
            raise ValueError(f"records is {self.records}; expected an even number, at least 2")


SMOKE = Config(width=8, batch_size=16, steps=8, records=4, samples=250, seeds=2)

PRESETS = {"quick": Config(steps=3000, records=60, seeds=4)}
