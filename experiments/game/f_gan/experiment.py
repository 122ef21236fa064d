"""f-GAN: five divergences, five Gaussians, and each is the best one only by its own divergence.

Figure: a mixture of two Gaussians and the one Gaussian that five f-GANs fit to it, exact optima thick, trained ones as bands over seeds;
how far above the exact minimum each is over training and at its end; and the cross table, row the divergence trained with, column the
divergence evaluated, exact and trained.

Nowozin, Cseke & Tomioka 2016, "f-GAN", section 2.4 and table 3: P = .33 N(−1, .0625) + .67 N(2, 2) (variances), Q = N(μ, σ²), critic 2 × 64
tanh, batch 1024, learning rate .01; min over (μ, σ) of max over v of E_P g_f(v) − E_Q f*(g_f(v)) (equation 6). The Jensen–Shannon
divergence printed here is the standard one, half of f-GAN's. The exact optima are minima of the exact divergence, found by Newton's
method on its gradient; the trained ones are evaluated by the same exact divergence, so that a trained row says what was reached and not
what the critic believed.

The game starts at N(0, 1.5²), where every loss at its optimal critic has a finite variance: Pearson's χ² needs E_Q (p/q)⁴, finite for σ >
1.22 only, reverse KL (and Jeffreys with it) E_P (q/p)², finite for σ < 2 only.

Command: ``python -m experiments f_gan``; 54 s on two cores.

Expected: minima .2881 (KL), .2507 (reverse KL), .0649 (JS), .5791 (Jeffreys), .6616 (Pearson), reached within 2 % by games of 1000 steps;
the diagonal of the cross table is each column's minimum. A mode-seeking divergence sits on the wide component (reverse KL: μ = 1.58),
a mass-covering one between both (Pearson: μ = .57).
"""

from __future__ import annotations

from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress
from experiments.game.f_gan.analysis import claims, table
from experiments.game.f_gan.config import SMOKE, Config
from experiments.game.f_gan.figure import plot

__all__ = ["SMOKE", "Config", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Finds the exact optima, plays the games, and evaluates what they reached by the exact divergences."""
    from experiments.game.f_gan import compute

    return compute.run(config, progress)
