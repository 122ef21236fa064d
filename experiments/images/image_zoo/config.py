"""The configuration of ``image_zoo``, and the names that it and its figure share."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from gan_jax import ranges
from gan_jax.ranges import AtLeastTwo, Count, Decay, Positive, Range, Seed

if TYPE_CHECKING:
    pass

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
