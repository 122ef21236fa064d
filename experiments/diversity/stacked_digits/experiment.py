"""A thousand modes: three digits as the channels of one picture, and which of all combinations a generator draws.

Figure: modes covered and KL of the histogram of classes to the uniform law over training, means over seeds with a band from the least to
the largest; the table beside the published one, which is of another data set; the share of every digit in every channel; pictures.

The data are stacks of three independent 8 × 8 digits of scikit-learn's 1797 (Metz et al. 2017, section 3.3.1, with other digits): 1000
modes. 26 000 pictures are drawn, and a classifier of single digits says channel by channel what they are. KL is that of the histogram to
the uniform law, in nats. A perfect sampler would score .0193, about (1000 − 1) / 2n, and real stacks through the classifier nearly that.

Published numbers are of stacked MNIST, 28 × 28, with larger networks and longer training: they stand beside ours for orientation, and no
claim holds one against the other, save that the best method should do what the best published ones do. DCGAN and PacDCGAN2 have batch norm
in both players and Adam with 2e-4 and b1 = .5 (Radford et al. 2016; packing: Lin et al. 2018); WGAN-GP has five critic steps; the last two
rows differ in the relativistic pairing alone (Huang et al. 2024), and have their rates decay and the generator's parameters averaged. That
recipe was found on other seeds than the figure's.

Presets: the default wants an accelerator; ``--preset quick`` has fewer steps and seeds, as the figure says.

Command: ``python -m experiments stacked_digits``; ``--preset quick``: 200 s on two cores.

Expected: relativistic + R1 + R2 covers 1000 of 1000 modes with a KL of .06 or less (.040 and .048 in the quick preset). That PacDCGAN2 is
better than DCGAN, and pairing better than its absence, is what papers say of stacked MNIST; on so small pictures neither holds.
"""

from __future__ import annotations

from experiments.diversity.stacked_digits.analysis import claims, table
from experiments.diversity.stacked_digits.config import PRESETS, SMOKE, Config
from experiments.diversity.stacked_digits.figure import plot
from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress

__all__ = ["PRESETS", "SMOKE", "Config", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Measures the floor, then plays every method and measures what it draws."""
    from experiments.diversity.stacked_digits import compute

    return compute.run(config, progress)
