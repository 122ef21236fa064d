"""How long a generator takes to arrive, by how far away it begins: minimax never arrives from far.

Figure: the data are N(m, 1), the generator an affine map of noise that begins as N(0, 1); steps of the generator until W1, exact in closed
form, is below 0.1, against m. Left: plain gradient descent, which feels how large a gradient is. Right: Adam, which divides that out.
Marks: games with trained discriminators (and, for energy distance and MMD, none), means and range over seeds; hollow where a run was
stopped before it arrived, at the largest number of steps. Lines: the same generator and optimiser on the exact divergence that the
objective has at its optimal discriminator. Dotted: the integral T(m) = ∫ dm' / (rate g(m')) for a generator that can only move, with g
the exact gradients 2 dJS/dm, m − 2 dJS/dm and 1.

Arjovsky & Bottou 2017, "Towards principled methods for training generative adversarial networks", theorems 2.4 and 2.5; Arjovsky,
Chintala & Bottou 2017, "Wasserstein GAN", theorem 3.

Command: ``python -m experiments time_to_reach``; 66 s on two cores.

Expected: with plain descent minimax does not arrive from m = 8 and 10 (the integral asks for 70 000 steps at m = 8); Wasserstein's time is
m / rate. Games take the steps that the exact divergence says, but for the non-saturating one from m = 4 on: its generator moves faster than
its discriminator learns, and the claim does not hold. With Adam minimax arrives from everywhere.
"""

from __future__ import annotations

from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress
from experiments.game.time_to_reach.analysis import claims, table
from experiments.game.time_to_reach.config import SMOKE, Config
from experiments.game.time_to_reach.figure import plot

__all__ = ["SMOKE", "Config", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games: for each optimiser one program of classifiers, one of critics, one of costs, one of exact descents."""
    from experiments.game.time_to_reach import compute

    return compute.run(config, progress)
