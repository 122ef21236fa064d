"""The configuration of ``wrong_captions``, and the names that it and its figure share."""

from __future__ import annotations

from dataclasses import dataclass, field

from gan_jax.cli.avatar_games import TextGameRecipe
from gan_jax.plots.style import BLUE, ORANGE, VERMILION, Look
from gan_jax.ranges import Count, Seed

ARMS = {
    "wrong": ("wrong pairs", Look(BLUE)),
    "none": ("no third kind", Look(VERMILION, "--")),
    "blind": ("blind pairs", Look(ORANGE, "-.")),
}
"""By name: label and look."""


@dataclass(frozen=True)
class Config:
    """Three ways to make the third kind of pair."""

    size: Count = 16  # Pixels a side.
    avatars: Count = 5000  # Training pictures.
    recipe: TextGameRecipe = field(default_factory=TextGameRecipe)  # Networks, rates and penalties.
    steps: Count = 3000  # Steps of every game; a multiple of ``records``.
    records: Count = 10  # How many times a game is looked at.
    seeds: Count = 2  # Games of every arm.
    samples: Count = 1000  # Generated pictures at every look; a multiple of 250.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        if self.samples < 250 or self.samples % 250:
            raise ValueError(f"samples is {self.samples}; expected a multiple of 250")


SMOKE = Config(
    avatars=64,
    recipe=TextGameRecipe(width=4, critic_width=4, hidden=8, text_width=8, latent=4, batch_size=4),
    steps=4,
    records=2,
    seeds=1,
    samples=250,
)
