"""The configuration of ``cycle_digits``, and the names that it and its figure share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from experiments.translation.ablations import (
    IMAGES,
    CycleRecipe,
)
from gan_jax.ranges import Count, NonNegative, Seed


class Task(NamedTuple):
    """A map of digits that G is to find.

    Attributes:
      label: as the figure names it.
      channels: of Y.
      made: ``(x [n, size, size, 1] in [-1, 1], rng) -> y [n, size, size, channels]``.
      undone: ``y -> x``, as far as it goes.
    """

    label: str
    channels: int
    made: Callable[[np.ndarray, np.random.Generator], np.ndarray]
    undone: Callable[[np.ndarray], np.ndarray]


def _coloured(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ink of a colour of its own for every digit, of full brightness and any hue, on black."""
    hue = rng.random((len(x), 1))
    colour = np.clip(np.abs((6.0 * hue + np.array([[0.0, 4.0, 2.0]])) % 6.0 - 3.0) - 1.0, 0.0, 1.0)
    return (0.5 * (x + 1.0) * colour[:, None, None] * 2.0 - 1.0).astype(np.float32)


TASKS: dict[str, Task] = {
    "inverted": Task("inverted", 1, lambda x, rng: -x, lambda y: -y),
    "turned": Task(
        "turned by a quarter", 1, lambda x, rng: np.rot90(x, axes=(1, 2)), lambda y: np.rot90(y, -1, axes=(1, 2))
    ),
    "coloured": Task("coloured", 3, _coloured, lambda y: y.max(axis=3, keepdims=True)),
}
"""By name, in the figure's order."""


@dataclass(frozen=True)
class Config:
    """Three tasks, five games."""

    tasks: tuple[str, ...] = tuple(TASKS)  # Which of them.
    recipe: CycleRecipe = field(default_factory=lambda: dataclasses.replace(IMAGES, cycle_weight=3.0, ema_decay=0.995))
    """Weights and rates."""

    width: Count = 8  # Channels of the translators at full size.
    discriminator_width: Count = 16  # Channels of the discriminators' first layer.
    blocks: Count = 2  # Residual blocks of the translators.
    x_images: Count = 700  # Digits of X.
    y_images: Count = 600  # Digits of Y; what is left of 1797 is held out.
    steps: Count = 2000  # Steps of every game; a multiple of ``records``.
    records: Count = 4  # How many times a game is looked at.
    seeds: Count = 2  # Games of every kind on every task.
    shown: Count = 8  # Digits in the figure.
    scales: tuple[NonNegative, ...] = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
    """Of noise on F(y), in units of pixels from -1 to 1; the first is 0."""

    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        if not self.tasks or len(set(self.tasks)) != len(self.tasks) or not set(self.tasks) <= set(TASKS):
            raise ValueError(f"tasks is {self.tasks}; expected different names among {', '.join(TASKS)}")
        if self.x_images + self.y_images > 1700 or min(self.x_images, self.y_images) < 1:
            raise ValueError(
                f"x_images is {self.x_images} and y_images is {self.y_images}; expected at least one of each and 1700 together at most, "
                "of 1797 digits"
            )
        if not self.scales or self.scales[0] != 0.0:
            raise ValueError(f"scales is {self.scales}; expected 0 first")


SMOKE = Config(
    tasks=("coloured",),
    recipe=CycleRecipe(batch_size=2),
    width=2,
    discriminator_width=2,
    blocks=1,
    steps=4,
    records=2,
    seeds=2,
    shown=3,
    scales=(0.0, 0.1),
)

PRESETS = {"quick": Config(steps=800, records=2, seeds=1)}
"""For two cores in minutes."""
