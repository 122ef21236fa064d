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

from dataclasses import dataclass

from gan_jax.ranges import Count, Even, Fifties, NonNegative, Positive, Seed


@dataclass(frozen=True)
class Config:
    """Two Gaussians and the networks between them."""

    separation: NonNegative = 6.0  # m: the data is N(0, 1), the generator N(m, 1).
    seeds: Count = 8  # Independent trainings of every network.
    width: Even = 32  # Width of both hidden layers; even.
    steps: Fifties = 1500  # Updates of each network; a multiple of 50.
    batch_size: Count = 256  # Samples of each law at an update.
    learning_rate: Positive = 3e-3  # Learning rate of Adam at the start; it falls to zero as a cosine.
    penalty_weight: NonNegative = 10.0  # λ of GP and LP.
    clip: Positive = 0.1  # Largest absolute weight of the clipped critic.
    held_out: Count = 16384  # Fresh samples of each law that score a trained network.
    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(seeds=2, width=8, steps=50, held_out=1024)
