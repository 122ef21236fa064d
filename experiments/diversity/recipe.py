"""Sizes and rates of the small games that experiments on mode collapse share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from gan_jax.ranges import MOST, Count, Decay, NonNegative, Positive, Range


@dataclass(frozen=True)
class RingRecipe:
    """Sizes and rates of the small games."""

    width: Count = 128  # Width of the hidden layers of both networks.
    generator_depth: Count = 6  # Hidden layers of the generator: what it takes to tear one Gaussian into many.
    discriminator_depth: Count = 3  # Hidden layers of the discriminator.
    batch_size: Annotated[int, Range(4, MOST, multiple=4)] = 256  # Samples of each kind at an update, in packs of 4.
    rate: Positive = 1e-3  # Learning rate of both players' Adam.
    penalty_weight: NonNegative = 0.02  # Weight of R1 + R2.
    penalty_every: Count = 4  # R1 + R2 are computed at every so many updates, and weigh so many times more there.
    noise: NonNegative = 0.3  # Standard deviation of instance noise at the start, in units of the data.
    ema_decay: Decay = 0.999  # Decay rate of the moving average of a generator's parameters.
