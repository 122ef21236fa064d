"""Every objective under every penalty, on digits: what a loss is worth depends on what holds the discriminator's slope.

Figure: KID of 16 objectives × (no penalty and 7 penalties), colours on a logarithm, the best penalty of every objective framed, the best of
all framed twice; beside it four samples of each game in the same places, all from the same latents. Below: real digits.

One recipe for all games: a DCGAN without normalisation in the discriminator, 8 × 8 pixels, players in turn with equal rates, the weight of
a penalty from its paper (``config.WEIGHTS``). The recipe was chosen on seed 11, for three objectives with a penalty; none of it was
chosen by this table, whose seed is another. A reader should not take it for what a loss can do at its best: a weight that suits one
objective is another's handicap, and so few steps favour what learns fast. Objectives called f_… have the generator's own loss of f-GAN's
equation 6, without its trick of a non-saturating one.

KID is the unbiased squared MMD under the cubic kernel (Bińkowski et al. 2018, section 4) of the features of a classifier trained on these
digits, with its standard error over new draws of both samples; precision and recall (Kynkäänniemi et al. 2019), density and coverage
(Naeem et al. 2020) are in the table. Two seeds say little of what a cell's seeds differ by, so that pairs of cells are compared by the
spread that is usual in the whole table (``analysis.logarithms``); with one seed a claim about two cells is one about these two games.
That way of comparing, and the claims that count objectives, were settled after a first run of the table had shown the errors of single
cells to be no guide; the thresholds, four standard errors, are from before. A game with a number that is not finite is "diverged", and its
cell counts as infinitely far.

Seconds are those of one call of the compiled program, in which as many games run side by side as there are devices, one on a device (two
seeds of a cell, on two cores), from the host's call to the last step, without compilation and measuring. Which objective and which penalty
is an index in that program: it computes the chosen one alone, and every game pays the same small price for the choice.

Command: ``python -m experiments image_zoo``; 265 s on two cores.

Expected: no game diverges. With any penalty nearly every objective reaches a KID of .03 to .04, and what is left between them is noise
(11 % of a KID with two seeds): 1500 steps of so small a generator do not come to the .013 that a long run aims at. Without a penalty
Wasserstein collapses (1.6), the relativistic average is at .29, and 11 to 14 of 14 objectives are worse than with each of the penalties;
for one pair of cells, Wasserstein alone, that can be said at four standard errors, and the other pairs' claims do not hold. Total
variation, whose losses are flat where the discriminator is sure, fails under every penalty but the zero-centred ones. minimax, f: Jensen
Shannon and f: GAN have the same gradients, and are one game three times.
"""

from __future__ import annotations

from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress
from experiments.images.image_zoo.analysis import claims, table
from experiments.images.image_zoo.config import SMOKE, Config
from experiments.images.image_zoo.figure import plot

__all__ = ["SMOKE", "Config", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Loads the digits and the features, compiles the games once, and plays and measures them."""
    from experiments.images.image_zoo import compute

    return compute.run(config, progress)
