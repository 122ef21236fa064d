"""The same in the plane: parallel lines, and a ring of Gaussians shifted and rotated.

Figure: WGAN's Example 1, the law of (0, Z) against (θ, Z) with Z uniform; a ring of eight Gaussians against itself shifted along x; the
same ring against itself rotated. Rows as in ``saturation_1d``: JS, W1, and the generator's gradient, where the generator can only
move along the separation. The exact JS of the rings is an integral over the plane, their exact W1 that of mode-by-mode translation.
Bands: one standard deviation over seeds (third row: the range over seeds).

Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN", Example 1: W1 = |θ|, JS = log 2 for every θ ≠ 0. Two laws of one shape, shifted by δ,
have W1 = ‖δ‖. A ring turned by φ moves every mode by the chord 2 R sin(φ/2), which is W1 as long as no other mode comes near.

Command: ``python -m experiments saturation_2d``; 115 s on two cores.

Expected: parallel lines: JS = log 2 and no gradient at every θ ≠ 0, W1 = θ with gradient 1. Rings: JS within 1e-4 of log 2 once every mode
moved by 8 σ; W1 = shift, and the chord of the rotation. Trained W1 is a lower bound everywhere; on the rotated ring a small critic,
which has to turn its slope eight times around the ring, reaches only a part of W1. On both rings the networks miss 0.02 nats and 3 %
at small separations: those four claims do not hold. Histograms whose cells are wider than the modes see next to nothing of JS, and W1
between samples lies above W1: modes get unequal numbers of points, which then have to travel.
"""

from __future__ import annotations

from experiments.divergences.saturation_2d.analysis import claims, table
from experiments.divergences.saturation_2d.config import SMOKE, Config
from experiments.divergences.saturation_2d.figure import plot
from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress

__all__ = ["SMOKE", "Config", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Computes exact values, sample estimates and trainings of all three families."""
    from experiments.divergences.saturation_2d import compute

    return compute.run(config, progress)
