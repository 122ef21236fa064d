"""What critics see: value surfaces, weights and gradients of clipping, a penalty, and two constraints.

Figure: critics trained to tell data from the data plus N(0, I) noise ("fixed generator" mode), as filled contours with the data on top;
one row for each way to hold the Lipschitz constant, one column for each data set. One seed of several is drawn; each panel notes the
means over seeds of the value f and of the largest slope K, and the first panel at the right has f / K of every seed beside W1. Below
it: the weights of the clipped critic and of one with a penalty, and the gradient of the loss at every layer of critics with twelve hidden
layers (bands: the range over seeds).

Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", figure 1; fixed generator as in the authors' toy code, except that both
batches are drawn independently. Critics: weights clipped to ±c (Arjovsky, Chintala & Bottou 2017, algorithm 1), gradient penalty
(equation 3) with the weight of the authors' toy code and with the paper's, spectral normalisation (Miyato et al. 2018), orthonormal layers
with GroupSort (Anil, Lucas & Grosse 2019). The clipped critic of the surfaces starts with weights uniform in [−c, c]: an ordinary
initialisation, clipped, starts with nine weights in ten at the bounds already, and a histogram at the end would not tell what training did.

W1 of the data and its blurred copy is bracketed by exact transport of samples: the cost of the plan of n points is too large in the
mean, the value of its potentials on fresh samples too small (``transport_bounds.wasserstein_bounds``).

Command: ``python -m experiments critic_surfaces``; 64 s on two cores.

Expected: the orthonormal critic comes nearest to W1, spectral normalisation reaches half of it, the clipped critic, over its largest slope,
as little; a penalty of weight λ gives slopes of 1 + W1 / 2λ. With λ = 10 some seeds stay behind: a function of slope one everywhere that
points the wrong way costs no penalty, and turning it round passes slopes of zero, which cost λ. Most clipped weights end at ±c; at depth 12
clipped gradients vanish for c = .001 and .01 and explode for .1, with a penalty they keep their size.
"""

from __future__ import annotations

from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress
from experiments.game.critic_surfaces.analysis import claims, table
from experiments.game.critic_surfaces.config import SMOKE, Config
from experiments.game.critic_surfaces.figure import plot

__all__ = ["SMOKE", "Config", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Trains every critic on all data sets as one program, then deep ones; brackets W1 by exact transport."""
    from experiments.game.critic_surfaces import compute

    return compute.run(config, progress)
