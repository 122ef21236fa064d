"""The table of mode collapse: the published rows by their own protocol, and one cure at a time.

Figure: for the ring of 8 and the grid of 25 Gaussians, modes covered, share of high-quality samples, reverse KL of the mode histogram (in
nats) and variance inside the modes (over the truth's; an arrow where it is beyond the axis) for every row, means over seeds with standard
errors; open marks are the published numbers with theirs, grey lines what a perfect sampler scores. Below: samples of some rows.

The targets are those of Srivastava et al. 2017 (VEEGAN, section 4.1) and Lin et al. 2018 (PacGAN, section 4.1): radius 1 and σ = .01, and
{−4, −2, 0, 2, 4}² with σ = .05. 2500 samples are drawn from the last generator. A sample is of high quality within 3 σ of its nearest
mode; a mode is covered by one such sample; reverse KL is log K less the entropy of the histogram of such samples.

The first four rows have PacGAN's networks and protocol: 400 000 steps on 100 000 fixed packs. Two differences: packs are drawn with
replacement (there: shuffled epochs), and the two players' gradients at a step are of different draws. The rows below start from a game that
is smaller (layers of 128, six in G and three in D, batch 256), and change one thing; the last one joins what helped, with batches of 512,
and plays longer.

Presets: the default has the published number of steps and wants an accelerator; ``--preset quick`` shortens them (the figure says to
what), has two seeds but for the last row, and leaves out rows whose steps cost most; ``--preset hour`` plays two published rows on the
ring for as many steps as two idle cores make in an hour (it took 87 min, not all of them idle).

Command: ``python -m experiments mode_table``; ``--preset quick``: 360 s on two cores.

Expected: the last row, ring, 10 000 steps (``--rows together --targets ring --long-steps 10000``): 8 of 8 modes on all 10 seeds, high
quality 98.7 % (98.0 to 99.4), reverse KL .0022 (worst .0041). Grid, 30 000 steps (``--rows together``): 25 of 25 on all 10, 97.9 % (97.4
to 99.0), .0068 (worst .0097); with batches of 256 two of the ten seeds had 93.6 and 94.1 %, .052 and .032. On both, modes are too thin:
the variance inside them is .14 and .27 of the truth's. A ring at the grid's 30 000 steps is too much: the rate stays high for longer, and
one game of ten, which had 8 modes, goes to where no sample is near any. ``--preset hour``, after 140 000 of 400 000 steps, three seeds:
the plain GAN has 7 modes, 87 % high quality (72 to 96 %) and a reverse KL of .38, PacGAN2 has 8, 95.7 % and .034; published are 6.3, 98.2
%, .45 and 7.9, 95.6 %, .07, and all six agree within two combined standard errors, which of three seeds are wide.
"""

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
