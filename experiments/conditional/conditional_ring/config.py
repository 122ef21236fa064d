"""The configuration of ``conditional_ring``, and the names that it and its figure share."""

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
