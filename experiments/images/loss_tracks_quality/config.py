"""The configuration of ``loss_tracks_quality``, and the names that it and its figure share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from gan_jax import ranges
from gan_jax.ranges import AtLeastTwo, Count, NonNegative, Positive, Range, Seed

if TYPE_CHECKING:
    pass

GAMES = ("minimax", "wgan_gp")

GENERATORS = ("mlp", "dcgan", "frozen")
"""The last is DCGAN's with a learning rate of zero."""

FIRST = 10
"""Generator steps before the first look at a generator that has moved."""

TITLES = {"minimax": "minimax", "wgan_gp": "WGAN-GP"}


@dataclass(frozen=True)
class Config:
    """Three generators in two games."""

    data: str = "digits"
    """digits, mnist, fashion_mnist, cifar10, or tfds:NAME: a set with classes, a training and a test split."""

    size: Count | None = None  # Edge of the pictures in pixels: 8, 16, 32 or 64; the set's own where not given.
    data_dir: Path | None = None  # Where sets of TFDS are prepared; in the user's cache folder where not given.
    seeds: AtLeastTwo = 4  # Independent games of every kind; at least 2.
    minimax_steps: Count = 2000  # Updates of the generator in the minimax game.
    wgan_steps: Count = 800  # Updates of the generator in WGAN-GP; each is four times the work.
    records: AtLeastTwo = 15  # How many times a game is looked at after its start.
    warm_up: Count = 100  # Steps before the start in which the discriminator alone learns.
    samples: Annotated[int, Range(4)] = 1000  # Generated pictures behind every KID and every estimate.
    held_out: Annotated[int, Range(4)] = 2000  # Test pictures behind them, or as many as there are.
    width: Count = 16  # Channels of the finest layer of DCGAN's generator and of the discriminators.
    mlp_width: Count = 128  # Width of the four hidden layers of the perceptron; 512 in the paper.
    latent: Count = 32  # Dimension of the noise.
    batch_size: Count = 64  # Pictures of each kind at an update.
    discriminator_steps: Count = 1
    """Updates of the discriminator of the minimax game for one of the generator; at least 1."""

    critic_steps: Count = 5  # Critic updates for one of the generator in WGAN-GP.
    penalty_weight: NonNegative = 10.0  # Weight of the gradient penalty.
    minimax_rate: Positive = 2e-4  # Learning rate of both players of the minimax game.
    wgan_rate: Positive = 5e-4  # Learning rate of both players' Adam in WGAN-GP.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        for name in ("minimax_steps", "wgan_steps"):
            if getattr(self, name) < FIRST + self.records:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; expected at least {FIRST + self.records}, since records ({self.records}) are at "
                    f"different steps from {FIRST} on"
                )
        ranges.check(self)


SMOKE = Config(
    seeds=2, minimax_steps=40, wgan_steps=20, records=4, warm_up=5, samples=100, width=4, mlp_width=16, latent=8
)
