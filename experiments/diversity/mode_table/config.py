"""The configuration of ``mode_table``, and the names that it and its figure share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from experiments.diversity.recipe import RingRecipe
from gan_jax import ranges
from gan_jax.ranges import Count, Seed


class Budget(NamedTuple):
    """How long and how often a row is played."""

    steps: int
    seeds: int


class Method(NamedTuple):
    """A row of the table.

    Attributes:
      label: as the figure names it.
      budget: from the configuration.
      published: whose row of the literature's table it repeats, if any.
    """

    label: str
    budget: Callable[[Config], Budget]
    published: str | None = None


def _published(config: Config) -> Budget:
    return Budget(config.published_steps, config.published_seeds)


def _small(config: Config) -> Budget:
    return Budget(config.small_steps, config.small_seeds)


def _long(config: Config) -> Budget:
    return Budget(config.long_steps, config.long_seeds)


ROWS: dict[str, Method] = {
    "gan": Method("GAN", _published, "GAN"),
    "pacgan_2": Method("PacGAN2", _published, "PacGAN2"),
    "pacgan_3": Method("PacGAN3", _published, "PacGAN3"),
    "pacgan_4": Method("PacGAN4", _published, "PacGAN4"),
    "small_gan": Method("GAN, small", _small),
    "two_time_scales": Method("two time scales", _small),
    "instance_noise": Method("instance noise", _small),
    "moving_average": Method("moving average", _small),
    "unrolled_1": Method("unrolled, 1", _small),
    "unrolled_5": Method("unrolled, 5", _small),
    "unrolled_10": Method("unrolled, 10", _small),
    "minibatch": Method("minibatch discrimination", _small),
    "mode_seeking": Method("mode seeking", _small),
    "veegan": Method("VEEGAN", _small),
    "wgan_gp": Method("WGAN-GP", _small),
    "relativistic": Method("relativistic + R1 + R2", _small),
    "together": Method("all of it, long", _long),
}
"""The rows of the table by name, in their order."""

PROTOCOL_STEPS = 400_000
"""400 epochs of 100 000 examples in batches of 100."""

PROTOCOL_GAMES, PROTOCOL_SAMPLES = 10, 2500
"""How many games the published means are over, and how many samples of each were measured."""

TARGETS = ("ring", "grid")


@dataclass(frozen=True)
class Config:
    """The published protocol, and the budget of the cures."""

    rows: tuple[str, ...] = tuple(ROWS)  # Rows of the table, in its order.
    targets: tuple[str, ...] = TARGETS  # Targets: ring and grid.
    published_steps: Count = PROTOCOL_STEPS  # Steps of the published rows: 400 epochs of 1000 batches.
    published_seeds: Count = PROTOCOL_GAMES  # Games of each published row.
    published_batch: Count = 100  # Packs at an update, there.
    small_steps: Count = 20_000  # Steps of the cures.
    small_seeds: Count = 10  # Games of each cure.
    long_steps: Count = 30_000  # Steps of the last row.
    long_seeds: Count = 10  # Games of the last row.
    recipe: RingRecipe = field(default_factory=RingRecipe)  # Sizes and rates of the cures.
    data: Count = 100_000  # Fixed examples (packs) that all rows learn from.
    samples: Count = PROTOCOL_SAMPLES  # Generated samples that a game is measured with.
    shown: Count = 1000  # Points that the figure has.
    records: Count = 20  # How many times a game is looked at; every number of steps is a multiple of it.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        for name, known in (("rows", tuple(ROWS)), ("targets", TARGETS)):
            given = getattr(self, name)
            if not given or len(set(given)) != len(given) or not set(given) <= set(known):
                raise ValueError(f"{name} is {given}; expected different names among {', '.join(known)}")
        ranges.check(self)
        for name in self.rows:
            steps = ROWS[name].budget(self).steps
            if steps % self.records:
                raise ValueError(
                    f"the row {name} has {steps} steps; expected a multiple of records, which is {self.records}"
                )


SMOKE = Config(
    rows=("gan", "pacgan_2", "small_gan", "together"),
    published_steps=2,
    published_seeds=2,
    published_batch=10,
    small_steps=4,
    small_seeds=2,
    long_steps=4,
    long_seeds=2,
    recipe=RingRecipe(width=8, generator_depth=2, discriminator_depth=2, batch_size=16),
    data=100,
    samples=250,
    shown=50,
    records=2,
)


# Those whose steps cost several times the plain game's are left to the full preset, but for one of each kind.
_QUICK = tuple(name for name in ROWS if name not in ("pacgan_3", "pacgan_4", "unrolled_5", "unrolled_10", "minibatch"))

PRESETS = {
    "quick": Config(
        rows=_QUICK,
        published_steps=500,
        published_seeds=2,
        small_steps=1000,
        small_seeds=2,
        long_steps=6000,
        records=10,
    ),
    "hour": Config(rows=("gan", "pacgan_2"), targets=("ring",), published_steps=140_000, published_seeds=3, records=70),
}

NUMBERS = {
    "covered": "modes covered",
    "reproduced": "modes with half of their share",
    "high_quality": "share of high quality",
    "reverse_kl": "reverse KL",
    "jensen_shannon": "JS of the histogram",
    "variance_ratio": "in-mode variance / truth's",
}
"""What is measured of every game, in words."""
