"""The arms race: generator and discriminator in turn, and whether D's loss tracks the divergence.

Figure: above, games from generation zero at chosen steps, on the line (two Gaussians) and in the plane (eight Gaussians on a ring), with
the non-saturating and the Wasserstein objective: the data, the generator, and D's probability of real or the critic's value (the first
seed, the faster D). Below, over the generator's steps, JS and W1 (solid) and what the discriminator says of the one that it estimates
(dashed): log 2 + V/2 for JS, the critic's value for W1; then the rank correlation of the exact value, over the first three quarters, with
the estimate that comes so many steps later. Two rates of the discriminator: the generator's, and ten times that. Bands: two standard
errors over seeds. ``animation.gif``: the games, moving.

Goodfellow et al. 2014, algorithm 1 and theorem 1: V(D) ≤ 2 JS − 2 log 2, with equality for the best D. Arjovsky, Chintala & Bottou 2017,
section 4.2: the critic's loss correlates with sample quality, "because the critic is trained relatively well before each generator update"
(figure 3), and log 2 + V/2 does not: it stays near log 2 (figure 4). Five discriminator updates for each of the generator, everywhere.

JS, W1 and every estimate are values of the laws themselves, not sample means. On the line the generator's latent is one normal, cut into
cells of equal probability whose images are intervals; both laws become masses of bins (``gan_jax.divergences.generated``), and the table
has what halving cells and bins changes. In the plane the generator adds Gaussian noise to its output, so that its law is a mixture with a
density on a grid, for which a lattice integrates over the latent (the table has what half the lattice changes). Only W1 in the plane comes
from samples, 1000 against 1000, by exact transport: too large by up to what two samples of the data get, the grey dotted line.

Command: ``python -m experiments arms_race``; 78 s on two cores.

Expected: no estimate above what it estimates. Rank correlation of the critic's value with W1 over the run: .8 to .95, at either rate; of
log 2 + V/2 with JS: about .1 where D learns as fast as the generator, .6 to .9 where it is ten times faster, so that what decides is how
well D is trained. In these dimensions the supports overlap: JS is not log 2, nor is its estimate, and the WGAN paper's figure 4 does not
repeat. The non-saturating game often ends without some of the modes, where JS is low, W1 is not, and D says what JS is.
"""

from __future__ import annotations

from dataclasses import dataclass

from gan_jax.ranges import Count, Even, NonNegative, Positive, Seed, Share

ARENAS = ("line", "ring")

GAMES = ("non_saturating", "wasserstein")

SPEEDS = ("equal rates", "fast D")
"""The two rates of the discriminator, slower first."""

TITLES = {"line": "1-D", "ring": "2-D", "non_saturating": "non-saturating", "wasserstein": "Wasserstein"}


@dataclass(frozen=True)
class Config:
    """Two arenas, two objectives, two rates of the discriminator."""

    seeds: Count = 6  # Independent games of each kind.
    steps: Count = 1600  # Updates of the generator; a multiple of ``records``.
    records: Count = 80  # How often the laws are looked at after generation zero; a multiple of ``transport_every``.
    transport_every: Count = 5  # In the plane, W1 is computed at every so many records.
    discriminator_steps: Count = 5  # Updates of the discriminator for each of the generator.
    batch_size: Count = 256  # Examples of each law at an update.
    generator_rate: Positive = 3e-4  # Learning rate of the generator's Adam.
    discriminator_rates: tuple[Positive, Positive] = (3e-4, 3e-3)  # Adam's rates, the slower discriminator first.
    line_separation: NonNegative = 4.0  # Between the two Gaussians on the line, in units of x.
    line_scale: Positive = 0.5  # Standard deviation of each Gaussian on the line.
    line_width: Even = 32  # Width of both hidden layers of either network on the line; even.
    line_reach: Positive = 8.0  # Half the length of the grid on the line; what lies beyond is two bins more.
    cells: Even = 1024  # Cells of equal probability of the latent; even.
    bins: Even = 1024  # Bins of the grid on the line; even.
    ring_radius: Positive = 1.5  # Radius of the ring of eight Gaussians, in units of x.
    ring_scale: Positive = 0.1  # Standard deviation of each Gaussian of the ring.
    output_noise: Positive = 0.08
    """Standard deviation of what the generator in the plane adds to its output; at least the step of the grid."""

    ring_width: Even = 64  # Width of both hidden layers of either network in the plane; even.
    ring_reach: Positive = 4.0  # Half the side of the grid in the plane; what lies beyond is left out of the law.
    grid: Count = 101  # Points of the grid along either axis of the plane.
    lattice: Count = 4181  # Latents that the generator in the plane is integrated over.
    transported: Count = 1000  # Samples of each law between which W1 is computed in the plane.
    pictures: tuple[Share, ...] = (0.0, 0.05, 0.1, 0.2, 0.4, 1.0)  # Shares of the run at which the strip has a picture.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        for name, value, divisor in (
            ("steps", self.steps, self.records),
            ("records", self.records, self.transport_every),
            ("cells", self.cells, 2),
            ("bins", self.bins, 2),
        ):
            if value < 1 or value % divisor:
                raise ValueError(f"{name} is {value}; expected a multiple of {divisor}")
        if self.output_noise < 2 * self.ring_reach / (self.grid - 1):
            raise ValueError(
                f"output_noise is {self.output_noise}; expected at least the step {2 * self.ring_reach / (self.grid - 1):.3g} of the grid"
            )


SMOKE = Config(
    seeds=2,
    steps=8,
    records=8,
    transport_every=2,
    batch_size=32,
    line_width=8,
    ring_width=8,
    cells=64,
    bins=64,
    lattice=233,
    transported=100,
)
