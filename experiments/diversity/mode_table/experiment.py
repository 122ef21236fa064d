"""The table of mode collapse: the published rows by their own protocol, and one cure at a time.

Figure: for the ring of 8 and the grid of 25 Gaussians, modes covered, share of high-quality samples, reverse KL of the mode histogram (in
nats) and variance inside the modes (over the truth's; an arrow where it is beyond the axis) for every row, means over seeds with standard
errors; open marks are the published numbers with theirs, grey lines what a perfect sampler scores. Below: samples of some rows.

The targets are those of Srivastava et al. 2017 (VEEGAN, section 4.1) and Lin et al. 2018 (PacGAN, section 4.1): radius 1 and σ = .01, and
{−4, −2, 0, 2, 4}² with σ = .05. 2500 samples are drawn from the last generator. A sample is of high quality within 3 σ of its nearest
mode; a mode is covered by one such sample; reverse KL is log K less the entropy of the histogram of such samples.

The first four rows have PacGAN's networks and protocol: 400 000 steps on 100 000 fixed packs. Two differences: packs are drawn with
replacement (there: shuffled epochs), and the two players' gradients at a step are of different draws. The rows below start from a game that
is smaller (layers of 128, six in G and three in D, batch 256), and change one thing; the last one joins what helped, with batches of 512,
and plays longer.

Presets: the default has the published number of steps and wants an accelerator; ``--preset quick`` shortens them (the figure says to
what), has two seeds but for the last row, and leaves out rows whose steps cost most; ``--preset hour`` plays two published rows on the
ring for as many steps as two idle cores make in an hour (it took 87 min, not all of them idle).

Command: ``python -m experiments mode_table``; ``--preset quick``: 360 s on two cores.

Expected: the last row, ring, 10 000 steps (``--rows together --targets ring --long-steps 10000``): 8 of 8 modes on all 10 seeds, high
quality 98.7 % (98.0 to 99.4), reverse KL .0022 (worst .0041). Grid, 30 000 steps (``--rows together``): 25 of 25 on all 10, 97.9 % (97.4
to 99.0), .0068 (worst .0097); with batches of 256 two of the ten seeds had 93.6 and 94.1 %, .052 and .032. On both, modes are too thin:
the variance inside them is .14 and .27 of the truth's. A ring at the grid's 30 000 steps is too much: the rate stays high for longer, and
one game of ten, which had 8 modes, goes to where no sample is near any. ``--preset hour``, after 140 000 of 400 000 steps, three seeds:
the plain GAN has 7 modes, 87 % high quality (72 to 96 %) and a reverse KL of .38, PacGAN2 has 8, 95.7 % and .034; published are 6.3, 98.2
%, .45 and 7.9, 95.6 %, .07, and all six agree within two combined standard errors, which of three seeds are wide.
"""

from __future__ import annotations

from experiments.diversity.mode_table.analysis import claims, table
from experiments.diversity.mode_table.config import PRESETS, SMOKE, Config
from experiments.diversity.mode_table.figure import plot
from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress

__all__ = ["PRESETS", "SMOKE", "Config", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Plays every row on every target with all its seeds, and assays what the generators draw."""
    from experiments.diversity.mode_table import compute

    return compute.run(config, progress)
