"""Forward or reverse: KL covers, reverse KL seeks, and games inherit it.

Figure: above, one Gaussian fitted to f-GAN's mixture and to two equal Gaussians that move apart. Middle row, one panel for each
divergence: where the fit is, over the separation of the two modes in their standard deviations; thick: the best fit, thin: a minimum that
is not the best, dotted: a saddle point; ●: the separation where fits on one mode appear, ▼: from where they are the best; marks: where
games ended that began as N(0, 1 + d²/4) (○) or on one mode (◆). Below: width, mass on the emptier mode and mass in no mode of the best
fits, and by how much trained fits exceed the exact minimum downhill of their start.

P = ½ N(−d/2, 1) + ½ N(d/2, 1), Q = N(μ, σ²). Forward KL(P‖Q) has one stationary point, the moments: μ = 0, σ² = 1 + d²/4, where it is
½ log(1 + d²/4) − JS of the two modes. Reverse KL(Q‖P), JS and Jeffreys do not leave the middle by a pitchfork: where the derivative in
σ vanishes, Stein's identity makes reverse KL's curvature in μ equal 1/σ² > 0 (Opper & Archambeau 2009, equation 4), so that the middle
stays a minimum at every separation; fits on one mode appear beside it, by a fold, and become the best ones further on. All stationary
points are followed by pseudo-arclength (Keller 1977), in double precision, on the exact divergences. Bishop 2006, figure 10.3; Minka 2005
for what covers and what seeks; Nowozin, Cseke & Tomioka 2016, section 2.4 for the mixture .33 N(−1, .0625) + .67 N(2, 2) and the games.

A mode's mass is what lies within three standard deviations of its centre and on its side of the middle. An f-GAN sees only its own
samples and the data's: forward KL's loss for the generator is a mean of p/q over Q, with a variance of order e^{d²} for a Q on one mode;
reverse KL's for the critic is one of q/p over P, whose variance is infinite for σ² ≥ 2, as in the middle from d = 3 on; Jeffreys has both.

Command: ``python -m experiments forward_or_reverse``; ``--preset quick``: 35 s on two cores.

Expected: fits on one mode appear at d = 4.824 (reverse KL), 5.514 (JS), 11.882 (Jeffreys), never for KL; they are the best from 5.600,
8.489, 13.051. Reverse KL on one mode → log 2, JS → ¾ log 4/3. Games end within 2 % of the exact minimum downhill of their start, so
that JS and reverse KL stay where they begin, with the exceptions that the variances announce: KL and Jeffreys from one mode at d = 6 and 9,
which should go to the middle and do not; Jeffreys (d = 6 and 9) and reverse KL (d = 9) from the middle. Those claims do not hold.
"""

from __future__ import annotations

from dataclasses import dataclass

from gan_jax.ranges import Count, Positive, Seed

NAMES = {"kl": "KL", "jensen_shannon": "JS", "jeffreys": "Jeffreys", "reverse_kl": "reverse KL"}
"""The divergences, from covering to seeking, as the table of f-divergences and as the figure call them."""

STARTS = ("the middle", "one mode")
"""Where games begin."""


@dataclass(frozen=True)
class Config:
    """Four divergences over a separation, and games at some separations."""

    largest: Positive = 16.0
    """Largest separation of the two modes, in their standard deviations; beyond Jeffreys' switch at 13.05."""

    points: Count = 64  # Separations at which the middle is computed.
    game_separations: tuple[Positive, Positive, Positive] = (3.0, 6.0, 9.0)  # Separations of the games.
    seeds: Count = 8  # Independent games of each kind.
    width: Count = 64  # Width of both hidden layers of the critic.
    steps: Count = 1000  # Updates of the generator; a multiple of ``records``.
    discriminator_steps: Count = 4  # Updates of the critic before each of them.
    batch_size: Count = 1024  # Samples of each law at an update.
    learning_rate: Positive = 0.01  # Learning rate of both players' Adam at the start; it falls to zero as a cosine.
    records: Count = 20  # How many times a game is looked at.
    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(largest=14.0, points=8, seeds=2, width=8, steps=20, discriminator_steps=2, batch_size=64, records=2)

PRESETS = {"quick": Config(seeds=3, width=32, steps=800, batch_size=512)}
