"""Why games cycle: DiracGAN, two numbers against each other, and the eigenvalues of every objective, penalty and update rule.

Figure: the data are a point at 0, the generator a point θ, the discriminator D(x) = ψx. First two rows: the descent field (arrows) and a
path of the game (ring: start, disc: end) by different rules and regularisers. Third row: eigenvalues λ of the field's Jacobian as the
regulariser grows; eigenvalues z of one step's Jacobian as the step h grows; distance to the equilibrium against the closed form |z|ⁿ.
Marks: measured, by automatic differentiation through the step of the game; lines: closed forms.

Mescheder, Geiger & Nowozin 2018, "Which training methods for GANs do actually converge?", sections 2 and 3: eigenvalues of the GAN ±i/2, of
the WGAN ±i, with instance noise −σ²/4 ± √(σ⁴/16 − ¼), with R1 −γ/2 ± √(γ²/4 − ¼), with consensus optimisation −γ/4 ± i/2; WGAN-GP has no
smooth equilibrium. The closed forms of all other combinations are derived in ``theory``.

Command: ``python -m experiments dirac_gan``; 35 s on two cores.

Expected: eigenvalues agree with the closed forms to 1e-5 (in double precision to 1e-8); simultaneous descent leaves the equilibrium by
√(1 + h²/4) a step, alternating descent orbits, R1, noise, consensus, extragradient and optimism converge at the rate of their spectral
radius; the WGAN-GP crosses ψ = 0 no nearer to the equilibrium than |θ| = 2λ, again and again.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.game.dirac_gan.theory import DERIVATIVES
from gan_jax.ranges import Count, NonNegative, Positive

NEAR = 1e-8
"""How far from the equilibrium the paths begin whose linear law is checked: their quadratic terms are relative errors of this size."""


@dataclass(frozen=True)
class Config:
    """The strengths of all regularisers, and how long the game is played."""

    objectives: tuple[str, ...] = tuple(DERIVATIVES)
    """Objectives that meet every regulariser and every rule; names of ``theory.DERIVATIVES``."""

    regularisers: tuple[str, ...] = ("none", "R1", "R2", "R1 + R2", "GP0", "LP", "instance noise", "GP", "DRAGAN")
    """Regularisers that they meet."""

    step: Positive = 0.2  # h: learning rate of both players.
    steps: Count = 400  # Steps of every path.
    gamma: NonNegative = 0.6  # γ of R1; every penalty has the weight γ/2, so that R1 is the paper's γ/2 ||∇D||².
    noise: NonNegative = 1.0  # σ of instance noise.
    consensus: NonNegative = 0.4  # γ of consensus optimisation.
    unrolling: Count = 3  # K: discriminator steps that an unrolled generator looks ahead.
    clip: Positive = 1.0  # Bound of |ψ| for the clipped WGAN.
    marks: Count = 9  # Values of every regulariser and of the step along which eigenvalues are followed; odd.
    grid: Count = 15  # Arrows of a field along each axis.


SMOKE = Config(
    objectives=("minimax", "wasserstein"), regularisers=("none", "R1", "GP"), steps=100, unrolling=2, marks=5, grid=7
)

SPAN = 2.6
"""Half the width of a portrait."""

PANELS = (
    ("GAN, simultaneous", "simultaneous", "minimax", "none", 0.5),
    ("GAN, alternating", "alternating", "minimax", "none", 1.5),
    ("clipped WGAN", "clipped", "wasserstein", "none", 0.5),
    ("WGAN-GP", "simultaneous", "wasserstein", "GP", 2.0),
    ("GAN + R1", "simultaneous", "minimax", "R1", 2.0),
    ("GAN + instance noise", "simultaneous", "minimax", "instance noise", 2.0),
    ("GAN, consensus", "consensus", "minimax", "none", 2.0),
    ("GAN, extragradient", "extragradient", "minimax", "none", 2.0),
)
"""Title, rule, objective, regulariser, and θ where the path begins (ψ = 0)."""
