"""Collapse or drop: a fast generator runs after one point, a strong discriminator lets modes go.

Figure: the first game of five arms, one row each: how the mass of every mode changes over training (colour: over its true weight;
lowest row: mass in no mode, black is all of it), and pictures of samples. Below, all games of all nine arms: the total variance of
generated batches over that of the data's (geometric means, bands: two standard errors over seeds), modes alive, and births and deaths
of modes.

One ring of eight Gaussians (radius 4, σ = .2), one pair of networks, and two things that may be changed: how well the discriminator is
trained before each step of the generator, and the objective. "G fast": its rate is 50 times the discriminator's; "D strong": five
updates of the discriminator for each of the generator, at equal rates. 2500 samples at every look; a sample is in a mode within 3 σ of
its centre.

Definitions, over the second half of a game. A mode is alive where it has at least a quarter of its weight. A game *collapses* where, at
half of the records or more, a quarter of the modes or fewer are alive and the generated variance is below a quarter of the data's:
samples are concentrated, wherever that is. It is *whole* where all modes are alive at every record; it *drops* where some are alive at
no record while at least 80 % of the samples are in modes: what there is, is good, and part is missing. *Neither* is everything else.

Metz et al. 2017, "Unrolled GANs", figure 2, for modes that are visited in turn; Goodfellow 2016, "NIPS tutorial", section 5.1.1, on the
order of min and max: a generator that moves much while D stands still maximises D at a point. Arjovsky & Bottou 2017, theorem 2.5: with
D at its best, the non-saturating loss descends KL(G‖P) − 2 JS, which seeks. Sønderby et al. 2017 for instance noise, Huang et al. 2024
for relativistic pairing with R1 and R2, Gulrajani et al. 2017 for WGAN-GP.

Command: ``python -m experiments collapse_or_drop``; ``--preset quick``: 60 s on two cores.

Expected: in the quick preset (3000 steps, 4 seeds) the non-saturating game with a fast G collapses in 3 games of 4: a clump that
wanders, one mode alive at a time or none, 8 births and deaths per 1000 steps; reverse KL's in 2, minimax's scatters or runs away
instead. With a strong D the non-saturating game drops modes in 4 of 4, with 83 to 85 % of samples good; minimax keeps nearly all of
them; reverse KL loses two to five, at 71 to 78 %, and others come and go. WGAN-GP, and noise with either objective, end whole in 11
games of 12. The variance of a batch sees collapse (.12), and not dropping (.88). Claims that every game of an arm has one verdict fail
accordingly.
"""

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
