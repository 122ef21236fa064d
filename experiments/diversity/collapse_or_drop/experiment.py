"""Collapse or drop: a fast generator runs after one point, a strong discriminator lets modes go.

Figure: the first game of five arms, one row each: how the mass of every mode changes over training (colour: over its true weight;
lowest row: mass in no mode, black is all of it), and pictures of samples. Below, all games of all nine arms: the total variance of
generated batches over that of the data's (geometric means, bands: two standard errors over seeds), modes alive, and births and deaths
of modes.

One ring of eight Gaussians (radius 4, σ = .2), one pair of networks, and two things that may be changed: how well the discriminator is
trained before each step of the generator, and the objective. "G fast": its rate is 50 times the discriminator's; "D strong": five
updates of the discriminator for each of the generator, at equal rates. 2500 samples at every look; a sample is in a mode within 3 σ of
its centre.

Definitions, over the second half of a game. A mode is alive where it has at least a quarter of its weight. A game *collapses* where, at
half of the records or more, a quarter of the modes or fewer are alive and the generated variance is below a quarter of the data's:
samples are concentrated, wherever that is. It is *whole* where all modes are alive at every record; it *drops* where some are alive at
no record while at least 80 % of the samples are in modes: what there is, is good, and part is missing. *Neither* is everything else.

Metz et al. 2017, "Unrolled GANs", figure 2, for modes that are visited in turn; Goodfellow 2016, "NIPS tutorial", section 5.1.1, on the
order of min and max: a generator that moves much while D stands still maximises D at a point. Arjovsky & Bottou 2017, theorem 2.5: with
D at its best, the non-saturating loss descends KL(G‖P) − 2 JS, which seeks. Sønderby et al. 2017 for instance noise, Huang et al. 2024
for relativistic pairing with R1 and R2, Gulrajani et al. 2017 for WGAN-GP.

Command: ``python -m experiments collapse_or_drop``; ``--preset quick``: 60 s on two cores.

Expected: in the quick preset (3000 steps, 4 seeds) the non-saturating game with a fast G collapses in 3 games of 4: a clump that
wanders, one mode alive at a time or none, 8 births and deaths per 1000 steps; reverse KL's in 2, minimax's scatters or runs away
instead. With a strong D the non-saturating game drops modes in 4 of 4, with 83 to 85 % of samples good; minimax keeps nearly all of
them; reverse KL loses two to five, at 71 to 78 %, and others come and go. WGAN-GP, and noise with either objective, end whole in 11
games of 12. The variance of a batch sees collapse (.12), and not dropping (.88). Claims that every game of an arm has one verdict fail
accordingly.
"""

from __future__ import annotations

from experiments.diversity.collapse_or_drop.analysis import claims, table
from experiments.diversity.collapse_or_drop.config import PRESETS, SMOKE, Config
from experiments.diversity.collapse_or_drop.figure import plot
from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress

__all__ = ["PRESETS", "SMOKE", "Config", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all arms from clones of one key: they differ by nothing but what is changed."""
    from experiments.diversity.collapse_or_drop import compute

    return compute.run(config, progress)
