"""The configuration of ``cycle_2d``, and the names that it and its figure share."""

from __future__ import annotations

from dataclasses import dataclass, field

from experiments.translation.ablations import CycleRecipe
from gan_jax.ranges import Count, Seed

PAIRS = ("rotated", "sheared", "swirled", "ring", "square", "moons")
"""Of ``correspondences.CORRESPONDENCES``; named here, since a configuration loads no JAX."""


@dataclass(frozen=True)
class Config:
    """Six pairs of domains, five games."""

    pairs: tuple[str, ...] = PAIRS  # Pairs of domains with a known correspondence.
    recipe: CycleRecipe = field(default_factory=CycleRecipe)  # Weights and rates.
    width: Count = 64  # Width of the hidden layers of all four networks.
    depth: Count = 2  # Hidden layers of all four networks.
    steps: Count = 2500  # Steps of every game; a multiple of ``records``.
    records: Count = 20  # How many times a game is looked at.
    samples: Count = 500  # Points at every look.
    shown: Count = 400  # Points that the figure has.
    seeds: Count = 10  # Games of every kind on every pair.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        if not self.pairs or len(set(self.pairs)) != len(self.pairs) or not set(self.pairs) <= set(PAIRS):
            raise ValueError(f"pairs is {self.pairs}; expected different names among {', '.join(PAIRS)}")
        if not 2 <= self.shown <= self.samples:
            raise ValueError(f"shown is {self.shown}; expected 2 to {self.samples}, the points of a look")


SMOKE = Config(
    pairs=("rotated", "square"),
    recipe=CycleRecipe(batch_size=8),
    width=8,
    steps=4,
    records=2,
    samples=20,
    shown=10,
    seeds=2,
)
