"""Six unpaired translations in the plane with a known answer: who ignores what is given, who misses the target, who finds a wrong map.

Figure: for every pair of domains, X coloured by place, what the true map makes of it, what the full game's G and that of the game without
cycles make of it (seed 0, the same points with the same colours), with how many of ten games end at T, or hit Y by another map; and over
training the relative error of G, to the nearest of the maps that differ from the true one by a symmetry of Y (means over seeds, bands: from
the least to the largest, the line is 10 %).

Domains: ``distributions.correspondences``: five unequal Gaussians turned by 20° and shifted, sheared, and swirled, whose law has no
symmetry; a ring of eight Gaussians turned by 22.5°, a square turned by 45° and enlarged, and two moons that become open circles, whose
laws have sixteen, eight and four. G and F never see a pair. Games are those of Zhu et al. 2017, equations 1 to 3 and table 4: with both
cycles, with one, with none, and with cycles alone, all from the same keys: five games by ten seeds are one program.

The error is ``√(Σ |G(x) - T(x)|² / Σ |T(x) - mean T|²)`` on points that no game has seen. Whether G heeds what is given is told by the
distance correlation of x and G(x) (Székely et al. 2007), whether it hits the target by the energy distance of G(x) and y, whether there is
a way back by the cycle error; all are in the table. A map is found where both G and F are within 10 %. A symmetry of
Y cannot be told by any loss: where there is one, the report counts the games that hit Y (no farther than the farthest of 20 samples of
the true map) by another map than T, and compares the losses of those at T and at a symmetry of it (Moriakov et al. 2020).

Command: ``python -m experiments cycle_2d``: 300 s on two cores; on one H100 some 190 s (reckoned: five of the six pairs took 150 s).

Expected: with both cycles all ten games find the map on each of the three pairs without symmetry (errors 5 to 7, 1 to 2, and 6 %; what
remains of the first and last is how the inside of a mode is turned, which its law does not say). Without cycles 0, 4 and 1 of ten do,
both ways: modes swap places, or come out thin. One cycle does nearly as well as two. Cycles alone stay near the identity and miss Y. On
the ring three games end at T and four at its mirror image, at losses that differ by less than their error; three tear a mode. On the
square all ten hit Y, at 14 to 77 % from the nearest of the eight symmetric maps: maps of a square that keep areas are many more than
these. No game opens the moons as T does, and nine hit the target.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from experiments.translation.ablations import CycleRecipe
from gan_jax.ranges import Count, Seed

PAIRS = ("rotated", "sheared", "swirled", "ring", "square", "moons")
"""Of ``correspondences.CORRESPONDENCES``; named here, since a configuration loads no JAX."""


@dataclass(frozen=True)
class Config:
    """Six pairs of domains, five games."""

    pairs: tuple[str, ...] = PAIRS  # Pairs of domains with a known correspondence.
    recipe: CycleRecipe = field(default_factory=CycleRecipe)  # Weights and rates.
    width: Count = 64  # Width of the hidden layers of all four networks.
    depth: Count = 2  # Hidden layers of all four networks.
    steps: Count = 2500  # Steps of every game; a multiple of ``records``.
    records: Count = 20  # How many times a game is looked at.
    samples: Count = 500  # Points at every look.
    shown: Count = 400  # Points that the figure has.
    seeds: Count = 10  # Games of every kind on every pair.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        if not self.pairs or len(set(self.pairs)) != len(self.pairs) or not set(self.pairs) <= set(PAIRS):
            raise ValueError(f"pairs is {self.pairs}; expected different names among {', '.join(PAIRS)}")
        if not 2 <= self.shown <= self.samples:
            raise ValueError(f"shown is {self.shown}; expected 2 to {self.samples}, the points of a look")


SMOKE = Config(
    pairs=("rotated", "square"),
    recipe=CycleRecipe(batch_size=8),
    width=8,
    steps=4,
    records=2,
    samples=20,
    shown=10,
    seeds=2,
)
