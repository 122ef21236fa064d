"""What the third kind of pair is worth: real pictures with captions that do not describe them.

Figure: accuracy of hair and eye colour over training, read off generated pictures, with wrong pairs (half of the negatives, as in Reed et
al. 2016, Algorithm 1), without any, and with wrong pairs drawn blindly, so that some of them are right; means over seeds with a band from
the least to the largest. On the right: how much swapping the caption changes a picture, over what other noise changes.

Without the third kind, the discriminator sees real pictures with right captions and generated ones with theirs. While generated pictures
are bad it can tell them apart without a caption, and the generator is told of captions late. Blind wrong pairs are a caption of another
picture, whatever it says: with captions that leave things out, a part of them does describe the picture, and the discriminator is taught
that a right pair is wrong.

Data, networks and measures are those of ``text_to_avatar``, at 16 × 16 and with a GRU. One program for all three: the weight of the third
kind, and how it is drawn, are data.

Command: ``python -m experiments wrong_captions``: 345 s on two cores.

Expected: with wrong pairs the hair has its colour sooner: half way on 80 % of the pictures, against 61 % without the third kind, and at
the end on 99.7 % against 93.5 %; the eyes, a few pixels, come as late either way (41 to 43 % after 3000 steps). The caption changes a
picture 1.5 times as much as the noise does, against 1.2 times. Blind pairs do as well as wrong ones: only .7 % of them are right ones, so
that the two claims which say otherwise do not hold.
"""

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
