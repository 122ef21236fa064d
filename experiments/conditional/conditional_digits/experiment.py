"""Digits by label: whether a generator draws the digit that was asked for, in all the ways to write it.

Figure: for every row the share of generated digits that a classifier reads as their label (bands: from the least to the largest of the
seeds), and recall at k = 5, over training; KID within each class at the end, with that of real digits against real ones as baseline; and a
grid of digits of the first game, one column a label, beside real ones.

Data: scikit-learn's 1797 digits of 8 × 8. Networks are DCGAN's with conditional batch norm in the generator and no normalisation in the
discriminator; relativistic pairing with R1 + R2, in turn, averaged parameters, falling rates. Rows differ in how the discriminator sees
the label: beside the features (Mirza & Osindero 2014), as a projection (Miyato & Koyama 2018), as a class to be told (Odena et al. 2017).
The first two also see real digits with other labels (Reed et al. 2016).

Accuracy is by the classifier of ``metrics.classifier``, trained on a part of the real digits; it reads real ones with an accuracy that the
figure gives. KID is on its features, recall (Kynkäänniemi et al. 2019) too.

Command: ``python -m experiments conditional_digits``: 225 s on two cores.

Expected: 99.5 to 100 % of the generated digits are read as their label, whichever way the discriminator sees it, as many as of real ones
(99.7 %); recall at k = 5 is .84 to .87 and rises still. KID within a class is .0002 to .0008 on average, and differs by .013 (standard
deviation over classes) between halves of the real ones, of which a class has no more than 180: no row can be told from the real digits by
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gan_jax.ranges import Count, Decay, NonNegative, Positive, Seed

CLASSES = 10

NEIGHBOURS = 5


class Head(NamedTuple):
    """One way to show a label to a discriminator.

    Attributes:
      label: as the figure names it.
      head: of ``conditional_critics.HEADS``.
      wrong_weight: of the third kind of pair.
    """

    label: str
    head: str
    wrong_weight: float


ROWS: dict[str, Head] = {
    "concatenation": Head("label beside the features", "concatenation", 0.5),
    "projection": Head("label as a projection", "projection", 0.5),
    "auxiliary": Head("label as a class to tell", "auxiliary", 0.0),
}
"""By name, in the figure's order."""


@dataclass(frozen=True)
class Config:
    """Ten labels, three ways to see them."""

    rows: tuple[str, ...] = tuple(ROWS)  # Which of them.
    steps: Count = 6000  # Steps of every game; a multiple of ``records``.
    records: Count = 6  # How many times a game is looked at.
    seeds: Count = 2  # Games of every row.
    width: Count = 32  # Channels of the generator's finest layer.
    critic_width: Count = 64  # Channels of the discriminator's finest layer.
    embedding: Count = 32  # Width of a label's vector, in either network.
    latent: Count = 64  # Dimension of the noise.
    batch_size: Count = 64  # Examples of each kind at an update.
    rate: Positive = 1e-3  # Learning rate of both players' Adam(0, .99), before it decays.
    penalty_weight: NonNegative = 0.05  # Weight of R1 + R2.
    penalty_every: Count = 4  # R1 + R2 are computed at every so many updates, and weigh so many times more.
    ema_decay: Decay = 0.999  # Decay rate of the moving average of the generator's parameters.
    samples: Count = 200  # Samples of every label, at every look.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        if not self.rows or len(set(self.rows)) != len(self.rows) or not set(self.rows) <= set(ROWS):
            raise ValueError(f"rows is {self.rows}; expected different names among {', '.join(ROWS)}")
        if self.samples <= NEIGHBOURS:
            raise ValueError(
                f"samples is {self.samples}; expected more than {NEIGHBOURS}, the neighbours that recall looks at"
            )


SMOKE = Config(
    rows=("projection", "auxiliary"),
    steps=4,
    records=2,
    seeds=1,
    width=4,
    critic_width=4,
    latent=8,
    batch_size=8,
    samples=20,
)
