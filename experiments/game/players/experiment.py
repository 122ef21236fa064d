"""Neither side of the game has to be a neural network: one target, every generator against every discriminator.

Figure: a target of two unequal modes on the line. Left: how far each generator ends from it, W1 in units of x, mean over seeds, for four
generators (rows) against five discriminators and under three distances that need no discriminator (columns). Right: the laws that
some pairs end at, over the target. Generators: a network, particles that are all of them parameters, an affine map of noise, a monotone
table of quantiles. Discriminators: a network (non-saturating), a logistic regression on random Fourier features (non-saturating), a table
of logits (non-saturating), a network with orthonormal layers (its best value is W1), a witness in the unit ball of a Gaussian kernel's
space (its best value is the MMD). Distances: energy, MMD of the same kernel, Sinkhorn.

Goodfellow et al. 2014, section 4 (the theory is that of densities, of any form); Gretton et al. 2012, section 2.3 (the witness); Rahimi &
Recht 2007 (Fourier features); Bellemare et al. 2017 (energy); Li, Swersky & Zemel 2015 (MMD); Genevay, Peyré & Cuturi 2018 (Sinkhorn).

Command: ``python -m experiments players``; 74 s on two cores.

Expected: particles and quantiles come as near to the target as one batch of data is (0.10) with no network on either side, at best 0.02 to
0.04; as many exact samples as are scored here have 0.006. Particles against the histogram table do not (0.34). The affine map stays at the
best Gaussian's distance (0.408) or above; against the non-saturating classifiers it gives up the lighter mode (0.90). The witness's value
is the MMD to within 2 %. One game of a network against it is lost: a quarter of its law ends beyond the grid of landmarks, where f is zero.
"""

from __future__ import annotations

from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress
from experiments.game.players.analysis import claims, table
from experiments.game.players.config import SMOKE, Config
from experiments.game.players.figure import plot

__all__ = ["SMOKE", "Config", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Plays every pair as one program, descends every distance as another."""
    from experiments.game.players import compute

    return compute.run(config, progress)
