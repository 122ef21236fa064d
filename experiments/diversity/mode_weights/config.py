"""The configuration of ``mode_weights``, and the names that it and its figure share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from experiments.diversity.recipe import RingRecipe
from gan_jax.ranges import Count, Positive, Range, Seed


@dataclass(frozen=True)
class Config:
    """One target, five games."""

    modes: Count = 10  # Gaussians on the ring.
    smallest: Annotated[float, Range(0, 1, above=True, below=True)] = 0.005
    """Weight of the rarest; the others rise in geometric progression."""

    radius: Positive = 1.0  # Radius of the ring.
    scale: Positive = 0.03  # Standard deviation of a mode.
    seeds: Count = 10  # Independent games of each kind.
    steps: Count = 20_000  # Updates of the generator.
    recipe: RingRecipe = field(default_factory=RingRecipe)  # Sizes and rates.
    data: Count = 100_000  # Fixed samples that the games learn from.
    samples: Count = 10_000  # Generated samples that a game is measured with.
    shown: Count = 1500  # Points that the figure has.
    records: Count = 20  # How many times a game is looked at.
    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(
    seeds=2,
    steps=4,
    recipe=RingRecipe(width=8, generator_depth=2, discriminator_depth=2, batch_size=16),
    data=200,
    samples=500,
    shown=50,
    records=2,
)

PRESETS = {"quick": Config(seeds=4, steps=4000, records=10)}
