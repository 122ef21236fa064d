"""The optimal discriminator saturates, the optimal critic is a line: two Gaussians and what six networks make of them.

Figure: N(0, 1) (data) and N(m, 1) (generator) over x. Left: densities, and the discriminator σ(D(x)), exact and trained. Middle: the
critics f(x) of W1, trained with a gradient penalty (GP), a one-sided penalty (LP), weight clipping, spectral normalisation and
orthonormal layers, beside the exact one, a line of slope −1 (shifted to meet at the midpoint: a critic is known up to a constant).
Right: the slope each network gives the generator at its samples. Bands: the range over seeds.

Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN", figure 2; Goodfellow et al. 2014, proposition 1: D*(x) = p(x) / (p(x) + q(x)), here
σ(m²/2 − m x). Gulrajani et al. 2017, equation 3 (GP) and Petzka, Fischer & Lukovnikov 2018, equation 8 (LP): with penalty weight λ the
best linear critic has slope 1 + W1 / (2 λ), so that its value is (1 + W1 / (2 λ)) W1, above W1: a penalty is no constraint.

Command: ``python -m experiments optimal_discriminator``; 28 s on two cores.

Expected: the mean of |dσ(D)/dx| at the generator's samples is below 2 % of its largest value; the critics that are constrained to be
1-Lipschitz have slope −1 there, those with a penalty −1.3 at m = 6, λ = 10; the clipped critic has a slope of its own.
"""

from __future__ import annotations

from experiments.divergences.optimal_discriminator.analysis import claims, table
from experiments.divergences.optimal_discriminator.config import SMOKE, Config
from experiments.divergences.optimal_discriminator.figure import plot
from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress

__all__ = ["SMOKE", "Config", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Trains a discriminator and five critics for every seed as one program, and reads them on a grid."""
    from experiments.divergences.optimal_discriminator import compute

    return compute.run(config, progress)
