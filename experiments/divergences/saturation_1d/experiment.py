"""JS saturates at log 2 and leaves the generator no gradient; Wasserstein does not: three families on a line.

Figure: N(0, 1) against N(m, 1), U[0, 1] against U[m, 1 + m], and two Diracs, m from 0 to 10. First row: the Jensen–Shannon divergence,
exact, from samples of three sizes (histograms), and from a discriminator trained on samples. Second row: W1, exact, from the same
sample sizes (quantiles), and from an exactly 1-Lipschitz critic. Third row: the gradient that reaches a generator which can only move
q: of log(1 − D), of −log D and of the critic; exact lines, and through the trained networks. Bands: one standard deviation over seeds
(third row: the range over seeds).

Goodfellow et al. 2014, "Generative adversarial nets", theorem 1: max_D V = 2 JS − 2 log 2. Arjovsky & Bottou 2017, theorems 2.4 and 2.5:
with an optimal D the gradient of log(1 − D) is 2 ∇JS, which dies. Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN", equation 2.

Command: ``python -m experiments saturation_1d``; 65 s on two cores.

Expected: JS(1) = .11142148, JS(4) = .63272019, JS(10) = .69314632 nats; gradient of log(1 − D) .39797 at m = 1, 4.464e-6 at m = 10;
−log D 10.0000 at m = 10; W1 = m with gradient 1. Trained JS within 0.02 everywhere, trained W1 within 3 % from m = 1 on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from experiments.divergences import saturation_sweep as sweeps
from gan_jax.ranges import Count, NonNegative, Seed

TITLES = {
    "gaussians": "N(0, 1) and N(m, 1)",
    "uniforms": "U[0, 1] and U[m, 1 + m]",
    "diracs": "two Diracs",
}


@dataclass(frozen=True)
class Config:
    """Three families along one axis, two networks at every point."""

    separations: tuple[NonNegative, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0)
    """Where samples are drawn and networks trained, in units of x."""

    dense: Count = 101  # Points of the exact curves.
    training: Annotated[sweeps.Sampling, tyro.conf.OmitArgPrefixes] = field(default_factory=sweeps.Sampling)
    """Samples and networks."""

    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(
    separations=(0.0, 1.0, 4.0, 10.0),
    dense=11,
    training=sweeps.Sampling(seeds=2, sample_sizes=(50, 200), sample_seeds=2, width=8, steps=50, held_out=1024),
)
