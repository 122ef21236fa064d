"""Every objective under every penalty, on digits: what a loss is worth depends on what holds the discriminator's slope.

Figure: KID of 16 objectives × (no penalty and 7 penalties), colours on a logarithm, the best penalty of every objective framed, the best of
all framed twice; beside it four samples of each game in the same places, all from the same latents. Below: real digits.

One recipe for all games: a DCGAN without normalisation in the discriminator, 8 × 8 pixels, players in turn with equal rates, the weight of
a penalty from its paper (``WEIGHTS`` below). The recipe was chosen on seed 11, for three objectives with a penalty; none of it was
chosen by this table, whose seed is another. A reader should not take it for what a loss can do at its best: a weight that suits one
objective is another's handicap, and so few steps favour what learns fast. Objectives called f_… have the generator's own loss of f-GAN's
equation 6, without its trick of a non-saturating one.

KID is the unbiased squared MMD under the cubic kernel (Bińkowski et al. 2018, section 4) of the features of a classifier trained on these
digits, with its standard error over new draws of both samples; precision and recall (Kynkäänniemi et al. 2019), density and coverage
(Naeem et al. 2020) are in the table. Two seeds say little of what a cell's seeds differ by, so that pairs of cells are compared by the
deviation that is usual in the whole table (``analysis.logarithms``); with one seed a claim about two cells is one about these two games.
That way of comparing, and the claims that count objectives, were settled after a first run of the table had shown the errors of single
cells to be no guide; the thresholds, four standard errors, are from before. A game with a number that is not finite is "diverged", and its
cell counts as infinitely far.

Seconds are those of one call of the compiled program, in which as many games run side by side as there are devices, one on a device (two
seeds of a cell, on two cores), from the host's call to the last step, without compilation and measuring. Which objective and which penalty
is an index in that program: it computes the chosen one alone, and every game pays the same small price for the choice.

Command: ``python -m experiments image_zoo``; 265 s on two cores.

Expected: no game diverges. With any penalty nearly every objective reaches a KID of .03 to .04, and what is left between them is noise
(11 % of a KID with two seeds): 1500 steps of so small a generator do not come to the .013 that a long run aims at. Without a penalty
Wasserstein collapses (1.6), the relativistic average is at .29, and 11 to 14 of 14 objectives are worse than with each of the penalties;
for one pair of cells, Wasserstein alone, that can be said at four standard errors, and the other pairs' claims do not hold. Total
variation, whose losses are flat where the discriminator is sure, fails under every penalty but the zero-centred ones. minimax, f: Jensen
Shannon and f: GAN have the same gradients, and are one game three times.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

from gan_jax import ranges
from gan_jax.ranges import AtLeastTwo, Count, Decay, Positive, Range, Seed

OBJECTIVES = (
    "minimax",
    "non_saturating",
    "wasserstein",
    "least_squares",
    "hinge",
    "relativistic",
    "relativistic_average",
    "f_kl",
    "f_reverse_kl",
    "f_pearson",
    "f_neyman",
    "f_squared_hellinger",
    "f_jeffreys",
    "f_jensen_shannon",
    "f_total_variation",
    "f_gan",
)
"""The library's objectives by name, as ``gan_jax.objectives.losses`` calls them."""

WEIGHTS = MappingProxyType(
    {
        # No penalty.
        "none": 0.0,
        # Gulrajani et al. 2017, Algorithm 1: λ = 10 by default.
        "gp": 10.0,
        # λ of the two-sided penalty, so that the two differ in their side alone.
        "lp": 10.0,
        # γ / 2 with γ = 1, between what R3GAN's authors set at 32 and at 64 pixels (.05 to 2; Huang et al. 2024, their configurations).
        "r1": 0.5,
        "r2": 0.5,
        "r1_and_r2": 0.5,
        # Thanh-Tung, Tran & Venkatesh 2019 have another λ for every data set (500 in their code for stacked MNIST): that of R1 and R2, so
        # that the four differ in the place where the slope is penalised alone.
        "zero_centred": 0.5,
        # Kodali et al. 2017, the authors' code: λ = 10.
        "dragan": 10.0,
    }
)
"""The library's penalties by name, and their weights; chosen from papers, one for all objectives, before the table was seen."""

SCORES = ("kid", "kid_error", "precision", "recall", "density", "coverage")
"""What is measured of a generator; NaN for one that diverged."""


@dataclass(frozen=True)
class Config:
    """One recipe for every objective under every penalty."""

    objectives: tuple[str, ...] = OBJECTIVES  # Names of objectives, as ``gan_jax.objectives.losses`` has them.
    penalties: tuple[str, ...] = tuple(WEIGHTS)
    """Names of penalties, as ``gan_jax.objectives.penalties`` has them, or none."""

    seeds: Count = 2  # Independent games of every cell.
    steps: Count = 1500  # Updates of each player.
    width: Count = 8  # Channels of the finest layer of both networks.
    latent: Count = 64  # Dimension of the noise.
    batch_size: AtLeastTwo = 64  # Pictures of each kind at an update.
    learning_rate: Positive = 2e-3  # Learning rate of both players' Adam.
    b1: Decay = 0.0  # Decay rate of Adam's first moment.
    b2: Decay = 0.99  # Decay rate of Adam's second moment.
    ema_decay: Decay = 0.99
    """Of the moving average of the generator's parameters that samples are drawn with: an average over about 100 steps."""

    fake: Annotated[int, Range(6)] = 1000  # Generated pictures that a game is measured with.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        for name, known in (("objectives", OBJECTIVES), ("penalties", tuple(WEIGHTS))):
            given = getattr(self, name)
            if not given or len(set(given)) != len(given) or not set(given) <= set(known):
                raise ValueError(f"{name} is {given}; expected different names among {', '.join(known)}")
        ranges.check(self)


SMOKE = Config(
    objectives=("non_saturating", "wasserstein", "relativistic"),
    penalties=("none", "gp", "r1_and_r2"),
    steps=10,
    width=4,
    fake=200,
)
