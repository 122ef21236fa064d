"""Digits to inverted, turned and coloured digits, unpaired: which digit comes out, and where the way back hides what it must not forget.

Figure: for every task, held-out digits, what the full game's G makes of them and what its F makes of that, and what G makes of them in
the game without cycles; the share of held-out digits that are still read as their label once the true map is undone, over training, for
every ablation (bands: from the least to the largest; the line is that of real digits); the error of the cycle from Y, with noise of scale
s on F(y); and KID to Y.

Data: scikit-learn's 1797 digits, at 16 × 16. X has 700 of them, Y has 600 others, inverted (y = -x), turned by a quarter, or each in a
colour of its own (a hue drawn uniformly, in three channels); 497 are held out. Nothing tells which y is made of which digit, and none of
them is: the sets are disjoint. Translators are residual networks, discriminators score patches.

A coloured digit has a colour that a grey one has no place for. The cycle from Y wants it back all the same: either it does not close, or F
hides the colour where it is not seen, and then a little noise on F(y) costs more than where nothing has to be hidden, as in inverted digits
(Chu et al. 2017, section 4).

Accuracy is by the classifier of ``metrics.classifier``, on what comes out with the true map undone: the sign, the turn, or the largest
channel for grey. KID (Bińkowski et al. 2018) is on its features too, against the digits of Y with the map undone, with the baseline of
held-out digits.

Command: ``python -m experiments cycle_digits``: 15 min on two cores; ``--preset quick``: 230 s. On one H100 some 5 min are
reckoned and were not run: ten games as one program at no more than the 7.4 ms a step of twelve of ``cycle_avatars``, and three programs to
compile, 78 s each.

Expected: after 2000 steps, of two games each, a cycle that closes still says little of which digit comes out. Inverted digits: in both full
games other digits (3 % are kept, on the way back each is what it was: mean |F(G(x)) - x| .10), while one cycle alone keeps 97 and 98 %, at
the KID of real digits for the backward one. Turned ones are turned digits of other classes (10 and 2 %, KID .06): a convolution turns
nothing, and other digits do as well. Coloured ones are the digits that they were in one full game (87 %), and others in the second (1 %).
Without cycles every digit becomes nearly the same picture, and a tenth are right, which is chance. The way from Y closes with hues as it
does without (.09 and .10, against .10 of inverted digits), and noise on F(y) adds no more there: nothing is seen to be hidden.

Of the quick preset, 800 steps and one seed: the cycle closes and says little of which digit comes out. Coloured digits are the
digits that they were on 84 % (without cycles, on 10 %). Inverted ones, of seed 0, are other digits (2 % kept), each of which comes back
as what it was: a wrong map at a low loss; a game of another seed kept 99 %. Turned ones are turned digits of another class (9 % kept, KID
.1): a convolution turns nothing, and other digits do as well. Without cycles every digit becomes nearly the same picture. The way from Y
closes less well with hues (.17 against .13), and noise on F(y) adds less there than to inverted digits: in games this short nothing is
hidden.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from experiments.translation.ablations import IMAGES, CycleRecipe
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
