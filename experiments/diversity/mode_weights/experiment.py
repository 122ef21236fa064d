"""Rare modes: what share of them a generator reproduces.

Figure: ten Gaussians on a ring whose weights rise in geometric progression from .5 % to a third; the mass that each game's last
generators give every mode against its weight, with the line of a perfect sampler; the ratio of the two for the rarest modes over
training; and samples.

A mode of weight w shows up in a batch of 256 about 256 w times: 1.3 times for the rarest. A discriminator that sees one sample at a time
can only learn of it from its gradient there; whether the generator ever gets one depends on whether it puts mass near by. The weights
are the dial: ``smallest`` of the configuration.

The games are the small ones of ``mode_table``: the plain GAN, packing (Lin et al. 2018: packs of 4 see how often modes come together),
WGAN-GP (Gulrajani et al. 2017), relativistic pairing with R1 + R2 (Huang et al. 2024), and the last row of that table. All have the
same number of generator steps. Masses are those of high-quality samples, within 3 σ of the mode, with exact binomial intervals.

Command: ``python -m experiments mode_weights``; ``--preset quick``: 150 s on two cores.

Expected: in the quick preset (4000 steps, 4 seeds) no game reproduces the modes of at most 2 %: the last one gives them a third of their
weight and the modes of 5 % or more nearly all of theirs, WGAN-GP a fifth, the plain GAN and packs nothing. In every game rare modes get
less of their weight than the others do.
"""

from __future__ import annotations

from experiments.diversity.mode_weights.analysis import claims, table
from experiments.diversity.mode_weights.config import PRESETS, SMOKE, Config
from experiments.diversity.mode_weights.figure import plot
from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress

__all__ = ["PRESETS", "SMOKE", "Config", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games, and counts samples by mode at every record."""
    from experiments.diversity.mode_weights import compute

    return compute.run(config, progress)
