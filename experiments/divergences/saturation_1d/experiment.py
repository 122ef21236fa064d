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

from experiments.divergences.saturation_1d.analysis import claims, table
from experiments.divergences.saturation_1d.config import SMOKE, Config
from experiments.divergences.saturation_1d.figure import plot
from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress

__all__ = ["SMOKE", "Config", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Computes exact values, sample estimates and trainings of all three families."""
    from experiments.divergences.saturation_1d import compute

    return compute.run(config, progress)
