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

from dataclasses import dataclass, field

from gan_jax.ranges import Count, Even, Fifties, NonNegative, Positive, Seed


@dataclass(frozen=True)
class Deep:
    """Deep critics on the Swiss roll."""

    deep_layers: Count = 12  # Hidden layers.
    deep_width: Count = 64  # Width of every hidden layer.
    deep_bounds: tuple[Positive, ...] = (0.001, 0.01, 0.1)  # c of weight clipping.
    deep_steps: Fifties = 400  # Updates of each; a multiple of 50.
    deep_rate: Positive = 1e-3  # Learning rate of Adam at the start; it falls to zero as a cosine.
    deep_examples: Count = 1024  # Fresh examples of each law that the gradients are taken on.


@dataclass(frozen=True)
class Config:
    """Three data sets, four critics, and deep ones."""

    seeds: Count = 5  # Independent trainings of every critic.
    noise: NonNegative = 1.0  # Standard deviation of what is added to the data to make the generator's samples.
    width: Even = 64  # Width of every hidden layer; even.
    depth: Count = 3  # Hidden layers.
    steps: Fifties = 2500  # Updates of each critic; a multiple of 50.
    batch_size: Count = 256  # Samples of each law at an update.
    learning_rate: Positive = 2e-3  # Learning rate of Adam at the start; it falls to zero as a cosine.
    orthonormal_rate: Positive = 0.1  # Learning rate of the orthonormal critic, momentum 0.9, decayed alike.
    penalty_weights: tuple[NonNegative, NonNegative] = (0.1, 10.0)
    """λ of the gradient penalty: that of the authors' toy code, and the paper's, which deep critics have too."""

    clip: Positive = 0.01  # Largest absolute weight of the clipped critic.
    held_out: Count = 16384  # Fresh samples of each law that score a critic and the transport's potentials.
    transport_points: Count = 1000  # Samples of each law between which exact transport is computed, O(n³).
    resolution: Count = 61  # Points along each axis of a surface.
    extent: Positive = 3.0  # Surfaces are drawn over [−extent, extent]².
    deep: Deep = field(default_factory=Deep)  # Critics for the gradients at every layer.
    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(
    seeds=2,
    width=8,
    depth=2,
    steps=50,
    batch_size=64,
    held_out=512,
    transport_points=100,
    resolution=21,
    deep=Deep(deep_layers=4, deep_width=8, deep_steps=50, deep_examples=64),
)

DATA = ("8 Gaussians", "25 Gaussians", "Swiss roll")
"""The data sets in the order of their numbers."""
