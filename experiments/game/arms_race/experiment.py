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

from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress
from experiments.game.arms_race.analysis import claims, table
from experiments.game.arms_race.config import SMOKE, Config
from experiments.game.arms_race.figure import animation, plot

__all__ = ["SMOKE", "Config", "animation", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games, one program for each arena and objective, then transports samples in the plane."""
    from experiments.game.arms_race import compute

    return compute.run(config, progress)
