"""A thousand modes: three digits as the channels of one picture, and which of all combinations a generator draws.

Figure: modes covered and KL of the histogram of classes to the uniform law over training, means over seeds with a band from the least to
the largest; the table beside the published one, which is of another data set; the share of every digit in every channel; pictures.

The data are stacks of three independent 8 × 8 digits of scikit-learn's 1797 (Metz et al. 2017, section 3.3.1, with other digits): 1000
modes. 26 000 pictures are drawn, and a classifier of single digits says channel by channel what they are. KL is that of the histogram to
the uniform law, in nats. A perfect sampler would score .0193, about (1000 − 1) / 2n, and real stacks through the classifier nearly that.

Published numbers are of stacked MNIST, 28 × 28, with larger networks and longer training: they stand beside ours for orientation, and no
claim holds one against the other, save that the best method should do what the best published ones do. DCGAN and PacDCGAN2 have batch norm
in both players and Adam with 2e-4 and b1 = .5 (Radford et al. 2016; packing: Lin et al. 2018); WGAN-GP has five critic steps; the last two
rows differ in the relativistic pairing alone (Huang et al. 2024), and have their rates decay and the generator's parameters averaged. That
recipe was found on other seeds than the figure's.

Presets: the default wants an accelerator; ``--preset quick`` has fewer steps and seeds, as the figure says.

Command: ``python -m experiments stacked_digits``; ``--preset quick``: 200 s on two cores.

Expected: relativistic + R1 + R2 covers 1000 of 1000 modes with a KL of .06 or less (.040 and .048 in the quick preset). That PacDCGAN2 is
better than DCGAN, and pairing better than its absence, is what papers say of stacked MNIST; on so small pictures neither holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from gan_jax import ranges
from gan_jax.ranges import AtLeastTwo, Count, Decay, NonNegative, Positive, Seed

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
