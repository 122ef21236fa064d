"""A label and a mode: where the discriminator does not see the label, the generator makes of it what it likes.

Figure: samples of one game of every row, coloured by the label that was asked for, the modes as circles with a tick of their label's
colour; below, over training, the share of samples that lie in the mode of their label, and the mutual information of label and nearest
mode in nats; means over seeds with a band of two standard errors, and the lines of chance (1/8) and of all there is to know (log 8).

Eight Gaussians on a ring (radius 1, σ = .05), each the law of one label: ``P(x | k) = N((cos 2πk/8, sin 2πk/8), σ² I)``. The generator
always sees the label. Rows differ in how the discriminator does: not at all; beside the example (Mirza & Osindero 2014); as a projection
(Miyato & Koyama 2018, equation 3); as a class to be told (Odena et al. 2017, equations 2 and 3); and, for the first two of these, with the
third kind of pair, a real example with another label (Reed et al. 2016, Algorithm 1).

All play relativistic pairing with R1 + R2, in turn, 10 seeds side by side; real and generated examples of a pair have one label. Quality is
the share of samples within 3 σ of the centre of their own label's mode; a perfect sampler has 98.89 %. The exact conditional KL is that
of a Gaussian with the mean and covariance of the samples of a label to the truth, averaged over labels.

Command: ``python -m experiments conditional_ring``: 355 s on two cores.

Expected: with the label shown, in any way, every game puts every label on its mode. Within 3 σ of its centre are at worst 99.9 % (beside
the example, with wrong pairs), 99.1 % (projection, with wrong pairs) and 98.3 % (auxiliary) of the samples; without wrong pairs the means
are 97 and 95 %, and the worst of ten games has 82 and 75 %: two claims that do not hold. More than 98.89 % is thinner than the truth.
Where the discriminator does not see the label, the right mode is met by chance, an eighth of the time, and yet the mutual information is
log 8: the generator does not ignore the label, it takes it for noise and gives every label a mode, which is the wrong one. That a
condition is used does not say that it is heeded.
"""

from __future__ import annotations

from experiments.conditional.conditional_ring.analysis import claims, table
from experiments.conditional.conditional_ring.config import SMOKE, Config
from experiments.conditional.conditional_ring.figure import plot
from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress

__all__ = ["SMOKE", "Config", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Plays every row from clones of one key: they differ by nothing but how the discriminator sees the label."""
    from experiments.conditional.conditional_ring import compute

    return compute.run(config, progress)
