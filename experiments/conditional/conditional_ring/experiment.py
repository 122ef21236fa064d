"""A label and a mode: where the discriminator does not see the label, the generator makes of it what it likes.

Figure: samples of one game of every row, coloured by the label that was asked for, the modes as circles with a tick of their label's
colour; below, over training, the share of samples that lie in the mode of their label, and the mutual information of label and nearest
mode in nats; means over seeds with a band of two standard errors, and the lines of chance (1/8) and of all there is to know (log 8).

Eight Gaussians on a ring (radius 1, σ = .05), each the law of one label: ``P(x | k) = N((cos 2πk/8, sin 2πk/8), σ² I)``. The generator
always sees the label. Rows differ in how the discriminator does: not at all; beside the example (Mirza & Osindero 2014); as a projection
(Miyato & Koyama 2018, equation 3); as a class to be told (Odena et al. 2017, equations 2 and 3); and, for the first two of these, with the
third kind of pair, a real example with another label (Reed et al. 2016, Algorithm 1).

All play relativistic pairing with R1 + R2, in turn, 10 seeds side by side; real and generated examples of a pair have one label. Quality is
the share of samples within 3 σ of the centre of their own label's mode; a perfect sampler has 98.89 %. The exact conditional KL is that
of a Gaussian with the mean and covariance of the samples of a label to the truth, averaged over labels.

Command: ``python -m experiments conditional_ring``: 355 s on two cores.

Expected: with the label shown, in any way, every game puts every label on its mode. Within 3 σ of its centre are at worst 99.9 % (beside
the example, with wrong pairs), 99.1 % (projection, with wrong pairs) and 98.3 % (auxiliary) of the samples; without wrong pairs the means
are 97 and 95 %, and the worst of ten games has 82 and 75 %: two claims that do not hold. More than 98.89 % is thinner than the truth.
Where the discriminator does not see the label, the right mode is met by chance, an eighth of the time, and yet the mutual information is
log 8: the generator does not ignore the label, it takes it for noise and gives every label a mode, which is the wrong one. That a
condition is used does not say that it is heeded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gan_jax.ranges import Count, Decay, NonNegative, Positive, Seed

THRESHOLD = 3.0
"""Standard deviations within which a sample is good."""


class Head(NamedTuple):
    """One way to show a label to a discriminator.

    Attributes:
      label: as the figure names it.
      head: of ``conditional_critics.HEADS``.
      wrong_weight: of the third kind of pair.
    """

    label: str
    head: str
    wrong_weight: float = 0.0


ROWS: dict[str, Head] = {
    "unconditional": Head("D does not see the label", "unconditional"),
    "concatenation": Head("beside the example", "concatenation"),
    "concatenation_wrong": Head("beside it, with wrong pairs", "concatenation", 0.5),
    "projection": Head("as a projection", "projection"),
    "projection_wrong": Head("projection, with wrong pairs", "projection", 0.5),
    "auxiliary": Head("as a class to tell", "auxiliary"),
}
"""By name, in the figure's order."""


@dataclass(frozen=True)
class Config:
    """One ring, six ways to see a label."""

    rows: tuple[str, ...] = tuple(ROWS)  # Which of them.
    modes: Count = 8  # Gaussians on the ring, and labels.
    radius: Positive = 1.0  # Radius of the ring.
    scale: Positive = 0.05  # Standard deviation of a mode.
    width: Count = 64  # Width of the hidden layers of both networks.
    embedding: Count = 16  # Width of a label's vector, in either network.
    latent: Count = 2  # Dimension of the noise.
    batch_size: Count = 256  # Examples of each kind at an update.
    rate: Positive = 2e-3  # Learning rate of both players' Adam(0, .99), before it decays linearly.
    penalty_weight: NonNegative = 0.05  # Weight of R1 + R2.
    ema_decay: Decay = 0.995  # Decay rate of the moving average of the generator's parameters.
    steps: Count = 3000  # Steps of every game; a multiple of ``records``.
    records: Count = 20  # How many times a game is looked at.
    samples: Count = 250  # Samples of every label, at every look.
    shown: Count = 60  # Points that the figure has.
    seeds: Count = 10  # Games of every row.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        if not self.rows or len(set(self.rows)) != len(self.rows) or not set(self.rows) <= set(ROWS):
            raise ValueError(f"rows is {self.rows}; expected different names among {', '.join(ROWS)}")
        if not 1 <= self.shown <= self.samples:
            raise ValueError(f"shown is {self.shown}; expected 1 to {self.samples}, the samples of a label")


SMOKE = Config(
    rows=("unconditional", "projection_wrong"),
    width=8,
    batch_size=16,
    steps=4,
    records=2,
    samples=20,
    shown=10,
    seeds=2,
)
