"""The configuration of ``cycle_avatars``, and the names that it and its figure share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from experiments.translation.ablations import (
    ADVERSARIAL,
    BACKWARD,
    CYCLE,
    FORWARD,
    FULL,
    IMAGES,
    NO_IDENTITY,
    CycleRecipe,
)
from gan_jax.ranges import Count, Fifties, Seed

GAMES = (FULL, NO_IDENTITY, ADVERSARIAL, FORWARD, BACKWARD, CYCLE)

PART = 50
"""Pictures that are translated at once."""


@dataclass(frozen=True)
class Config:
    """Two styles of drawing, five games."""

    games: tuple[str, ...] = GAMES  # Games, any of ``GAMES``: the ablations, and the full one without identity terms.
    size: Count = 16  # Pixels a side: 16, 32 or 64.
    recipe: CycleRecipe = field(default_factory=lambda: replace(IMAGES, cycle_weight=3.0, identity_weight=0.5))
    """Weights and rates."""

    width: Count = 16  # Channels of the translators at full size.
    blocks: Count = 2  # Residual blocks of the translators at a quarter of the size, and as many at full size.
    skip: str = "joined"  # How an image gets around the translators: none, joined or added.
    discriminator_width: Count = 32  # Channels of the discriminators' first layer.
    portraits: Count = 4000  # Pictures of X.
    cartoons: Count = 3000  # Pictures of Y, of other avatars.
    steps: Count = 6000  # Steps of every game; a multiple of ``records``.
    records: Count = 4  # How many times a game is looked at.
    seeds: Count = 2  # Games of every kind.
    samples: Fifties = 100  # Held-out portraits that are translated at every look; a multiple of 50.
    last_samples: Fifties = 1000  # Pictures at the end, whose attributes are read; a multiple of 50.
    kid_samples: Fifties = 10_000
    """Held-out portraits whose translations KID compares, and as many real cartoons; a multiple of 50, at least ``last_samples``."""

    shown: Count = 10  # Portraits in the figure.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        if not self.games or len(set(self.games)) != len(self.games) or not set(self.games) <= set(GAMES):
            raise ValueError(f"games is {self.games}; expected different names among {', '.join(GAMES)}")
        for name in ("samples", "last_samples", "kid_samples"):
            value = getattr(self, name)
            if value < PART or value % PART:
                raise ValueError(f"{name} is {value}; expected a multiple of {PART}")
        if self.kid_samples < max(self.samples, self.last_samples):
            raise ValueError(f"kid_samples is {self.kid_samples}; expected at least samples and last_samples")
        if not 1 <= self.shown <= self.samples:
            raise ValueError(f"shown is {self.shown}; expected 1 to {self.samples}, the portraits of a look")


SMOKE = Config(
    games=(FULL, ADVERSARIAL),
    size=16,
    recipe=CycleRecipe(batch_size=2),
    width=4,
    blocks=1,
    discriminator_width=4,
    portraits=60,
    cartoons=80,
    steps=4,
    records=2,
    seeds=1,
    samples=50,
    last_samples=50,
    kid_samples=50,
    shown=3,
)

PRESETS = {
    "quick": Config(steps=1600, seeds=1, last_samples=500, kid_samples=2000),
    "long": Config(games=(FULL,), steps=60_000),
    "large": Config(size=32, width=32, blocks=4, discriminator_width=64, steps=20_000),
}
"""For two cores in minutes; the full game alone, for longer; at twice the size, for an accelerator, which has not been run."""
