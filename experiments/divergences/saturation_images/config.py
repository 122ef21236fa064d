"""The configuration of ``saturation_images``, and the names that it and its figure share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from gan_jax import ranges
from gan_jax.ranges import AtLeastTwo, Count, Even, Fifties, NonNegative, Positive, Range, Seed

if TYPE_CHECKING:
    pass

SIDE = 8
"""Pixels of a side: the constant unit image is 1 / 8 everywhere."""


@dataclass(frozen=True)
class Config:
    """One shift of all digits, and all pairs of digits."""

    shifts: tuple[NonNegative, ...] = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0)
    """Lengths θ of the shift, rising from 0; in Euclidean norm of images whose pixels go from 0 (no ink) to 1 (full)."""

    digits: tuple[Annotated[int, Range(0, 9)], ...] = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    """The classes that are compared with each other."""

    seeds: AtLeastTwo = 8  # Independent splits of the pictures, each with its own training; at least 2.
    width: Even = 32  # Width of both hidden layers of the discriminator and of the critic; even.
    steps: Fifties = 400  # Updates of each network; a multiple of 50.
    batch_size: Count = 64  # Pictures of each side at an update.
    discriminator_learning_rate: Positive = 1e-3  # Learning rate of D's Adam at the start; it falls as a cosine.
    critic_learning_rate: Positive = 5e-3  # Learning rate of the critic's Adam, whose weights a constraint holds.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        rise = np.diff(self.shifts)
        if not rise.size or self.shifts[0] != 0.0 or not (rise > 0).all() or not 1.0 <= self.shifts[-1] < math.inf:
            raise ValueError(f"shifts is {self.shifts}; expected finite numbers that rise from 0 to at least 1")
        if len(self.digits) < 2 or list(self.digits) != sorted(set(self.digits) & set(range(10))):
            raise ValueError(f"digits is {self.digits}; expected at least two of 0 to 9, rising")
        ranges.check(self)


SMOKE = Config(shifts=(0.0, 1.0, 8.0), digits=(0, 1, 3, 8), seeds=2, width=8, steps=50)
