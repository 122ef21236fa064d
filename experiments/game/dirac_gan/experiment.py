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

from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress
from experiments.game.dirac_gan.analysis import claims, table
from experiments.game.dirac_gan.config import SMOKE, Config
from experiments.game.dirac_gan.figure import plot

__all__ = ["SMOKE", "Config", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games, one program for each rule, and holds them against the closed forms."""
    from experiments.game.dirac_gan import compute

    return compute.run(config, progress)
