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

from dataclasses import dataclass

from gan_jax.ranges import Count, Positive, Seed

NAMES = {
    "kl": "KL",
    "reverse_kl": "reverse KL",
    "jensen_shannon": "JS",
    "jeffreys": "Jeffreys",
    "pearson": "Pearson",
}
"""The divergences, as the table of f-divergences and as the figure call them."""


@dataclass(frozen=True)
class Config:
    """Five games for one target."""

    seeds: Count = 8  # Independent games of every divergence.
    width: Count = 64  # Width of both hidden layers of the critic.
    steps: Count = 1000  # Updates of the generator; a multiple of ``records``.
    discriminator_steps: Count = 4  # Updates of the critic before each of them.
    batch_size: Count = 1024  # Samples of each law at an update.
    learning_rate: Positive = 0.01  # Learning rate of both players' Adam at the start; it falls to zero as a cosine.
    start: Positive = 1.5  # σ of the generator at the beginning; its mean is 0.
    records: Count = 50  # How many times a game is looked at.
    held_out: Count = 65536  # Fresh samples of each law that score the last critic.
    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(seeds=2, width=16, steps=20, discriminator_steps=2, batch_size=128, records=10, held_out=1024)
