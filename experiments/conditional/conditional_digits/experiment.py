"""Digits by label: whether a generator draws the digit that was asked for, in all the ways to write it.

Figure: for every row the share of generated digits that a classifier reads as their label (bands: from the least to the largest of the
seeds), and recall at k = 5, over training; KID within each class at the end, with that of real digits against real ones as the floor; and a
grid of digits of the first game, one column a label, beside real ones.

Data: scikit-learn's 1797 digits of 8 × 8. Networks are DCGAN's with conditional batch norm in the generator and no normalisation in the
discriminator; relativistic pairing with R1 + R2, in turn, averaged parameters, falling rates. Rows differ in how the discriminator sees
the label: beside the features (Mirza & Osindero 2014), as a projection (Miyato & Koyama 2018), as a class to be told (Odena et al. 2017).
The first two also see real digits with other labels (Reed et al. 2016).

Accuracy is by the classifier of ``metrics.classifier``, trained on a part of the real digits; it reads real ones with an accuracy that the
figure gives. KID is on its features, recall (Kynkäänniemi et al. 2019) too.

Command: ``python -m experiments conditional_digits``: 225 s on two cores.

Expected: 99.5 to 100 % of the generated digits are read as their label, whichever way the discriminator sees it, as many as of real ones
(99.7 %); recall at k = 5 is .84 to .87 and rises still. KID within a class is .0002 to .0008 on average, and differs by .013 (standard
deviation over classes) between halves of the real ones, of which a class has no more than 180: no row can be told from the real digits by
it.
"""

from __future__ import annotations

from experiments.conditional.conditional_digits.analysis import claims, table
from experiments.conditional.conditional_digits.config import SMOKE, Config
from experiments.conditional.conditional_digits.figure import plot
from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress

__all__ = ["SMOKE", "Config", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Plays every row from clones of one key, and measures what it draws."""
    from experiments.conditional.conditional_digits import compute

    return compute.run(config, progress)
