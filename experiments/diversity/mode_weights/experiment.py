"""Rare modes: what share of them a generator reproduces.

Figure: ten Gaussians on a ring whose weights rise in geometric progression from .5 % to a third; the mass that each game's last
generators give every mode against its weight, with the line of a perfect sampler; the ratio of the two for the rarest modes over
training; and samples.

A mode of weight w shows up in a batch of 256 about 256 w times: 1.3 times for the rarest. A discriminator that sees one sample at a time
can only learn of it from its gradient there; whether the generator ever gets one depends on whether it puts mass near by. The weights
are the dial: ``smallest`` of the configuration.

The games are the small ones of ``mode_table``: the plain GAN, packing (Lin et al. 2018: packs of 4 see how often modes come together),
WGAN-GP (Gulrajani et al. 2017), relativistic pairing with R1 + R2 (Huang et al. 2024), and the last row of that table. All have the
same number of generator steps. Masses are those of high-quality samples, within 3 σ of the mode, with exact binomial intervals.

Command: ``python -m experiments mode_weights``; ``--preset quick``: 150 s on two cores.

Expected: in the quick preset (4000 steps, 4 seeds) no game reproduces the modes of at most 2 %: the last one gives them a third of their
weight and the modes of 5 % or more nearly all of theirs, WGAN-GP a fifth, the plain GAN and packs nothing. In every game rare modes get
less of their weight than the others do.
"""

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
