"""A frozen generator and a discriminator that learns: which objectives still tell the generator where to go.

Figure: the norm of the generator's gradient over the updates of a discriminator that starts from scratch while the generator does not
move, for every objective. Rows: a ring of 8 Gaussians and 8 × 8 digits; columns: generators of three ages, made by a short game on the
energy distance, which is none of the objectives compared. Every objective trains its own discriminator (log(1 − D) and −log D share one);
W1 has a critic with orthonormal layers and one with a gradient penalty (GP). Curves: geometric means over seeds, bands: one
standard deviation of the logarithm. The norm is that of the mean gradient over a few thousand fixed noise vectors, so that batch noise is
not part of it; dotted: the spread of −log D's gradient from batch to batch. "D's JS": what the discriminator says at the end.

Arjovsky & Bottou 2017, "Towards principled methods for training generative adversarial networks", figure 2 (log(1 − D), theorem 2.4: a
discriminator near the perfect one leaves a gradient near zero) and figure 3 (−log D, theorem 2.6), there for a DCGAN on images after 1,
10 and 25 epochs. Mao et al. 2017 (least squares), Lim & Ye 2017 (hinge), Anil, Lucas & Grosse 2019 (orthonormal), Gulrajani et al.
2017 (GP).

Command: ``python -m experiments generator_gradients``; 71 s on two cores.

Expected: on digits, where no generator lies on the data's support, log(1 − D) falls by two to five orders of magnitude, the more the
younger the generator; −log D's gradient grows thirtyfold and more and gets noisy, and Wasserstein's stays within one order. On the ring the
same holds for an untrained generator, which does not reach the data (2.7 orders); one that overlaps with the data has no perfect
discriminator, theorem 2.4 does not apply, and log(1 − D) does not vanish.
"""

from __future__ import annotations

from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress
from experiments.game.generator_gradients.analysis import claims, table
from experiments.game.generator_gradients.config import SMOKE, Config
from experiments.game.generator_gradients.figure import plot

__all__ = ["SMOKE", "Config", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Freezes generators and trains discriminators: every problem × objective × age × seed."""
    from experiments.game.generator_gradients import compute

    return compute.run(config, progress)
