"""The configuration of ``stacked_digits``, and the names that it and its figure share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gan_jax import ranges
from gan_jax.ranges import AtLeastTwo, Count, Decay, NonNegative, Positive, Seed

if TYPE_CHECKING:
    pass

CHANNELS, CLASSES = 3, 10

MODES = CLASSES**CHANNELS


class Method(NamedTuple):
    """A method.

    Attributes:
      label: as the figure names it.
      steps: from the configuration.
      cost: about the milliseconds of one step on one core, for the estimate of the time left.
      published: modes, and the least and the largest KL, of the same method on stacked MNIST.
    """

    label: str
    steps: Callable[[Config], int]
    cost: float
    published: tuple[float, float, float]


def _short(config: Config) -> int:
    return config.steps


def _long(config: Config) -> int:
    return config.long_steps


ROWS: dict[str, Method] = {
    "dcgan": Method("DCGAN", _short, 4.0, (78.9, 4.50, 4.50)),
    "pacdcgan_2": Method("PacDCGAN2", _short, 7.0, (1000.0, 0.06, 0.06)),
    "wgan_gp": Method("WGAN-GP", lambda config: config.wgan_steps, 30.0, (959.0, 0.73, 0.73)),
    "non_saturating": Method("non-saturating + R1 + R2", _long, 8.0, (693.0, 0.927, 0.927)),
    "relativistic": Method("relativistic + R1 + R2", _long, 8.0, (1000.0, 0.029, 0.078)),
}
"""The methods by name, in the figure's order; the numbers are those of stacked MNIST (28 × 28)."""

QUANTITIES = ("covered", "reproduced", "reverse_kl", "reverse_kl_error", "jensen_shannon")
"""What is kept of a histogram; names of its fields."""

FEWEST = 5 * MODES
"""Pictures below which a perfect sampler would miss modes."""


@dataclass(frozen=True)
class Config:
    """Five methods on one data set."""

    rows: tuple[str, ...] = tuple(ROWS)  # Methods, in the order of the figure.
    steps: Count = 30_000  # Generator steps of DCGAN and PacDCGAN2.
    wgan_steps: Count = 30_000  # Generator steps of WGAN-GP.
    critic_steps: Count = 5  # Critic updates at each of them.
    long_steps: Count = 30_000  # Steps of the last two methods.
    seeds: Count = 8  # Independent games of every method.
    width: Count = 32  # Channels of the generator's finest layer.
    critic_width: Count = 64  # Channels of the discriminator's finest layer.
    latent: Count = 64  # Dimension of the noise.
    batch_size: AtLeastTwo = 64  # Examples of each kind at an update.
    rate: Positive = 1e-3  # Learning rate of both players' Adam in WGAN-GP and the last two methods, before it decays.
    penalty_weight: NonNegative = 0.05  # Weight of R1 + R2.
    penalty_every: Count = 4  # R1 + R2 are computed at every so many updates, and weigh so many times more.
    ema_decay: Decay = 0.999  # Decay rate of the moving average of the generator's parameters, in the last two methods.
    samples: Count = 26_000  # Generated pictures at every record.
    records: Count = 8  # How many times a game is looked at; the steps between rise geometrically.
    shown: Count = 16  # Pictures of every method that the figure shows.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        if not self.rows or len(set(self.rows)) != len(self.rows) or not set(self.rows) <= set(ROWS):
            raise ValueError(f"rows is {self.rows}; expected different names among {', '.join(ROWS)}")
        ranges.check(self)
        if self.samples < FEWEST:
            raise ValueError(f"samples is {self.samples}; expected at least {FEWEST}, five for every mode")


SMOKE = Config(
    rows=("dcgan", "pacdcgan_2", "relativistic"),
    steps=4,
    long_steps=4,
    seeds=1,
    width=4,
    critic_width=4,
    latent=8,
    batch_size=8,
    samples=FEWEST,
    records=2,
    shown=8,
)

PRESETS = {"quick": Config(steps=2000, wgan_steps=600, long_steps=8000, seeds=2, records=5)}
