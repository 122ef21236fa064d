"""A frozen generator and a discriminator that learns: which objectives still tell the generator where to go.

Figure: the norm of the generator's gradient over the updates of a discriminator that starts from scratch while the generator does not
move, for every objective. Rows: a ring of 8 Gaussians and 8 × 8 digits; columns: generators of three ages, made by a short game on the
energy distance, which is none of the objectives compared. Every objective trains its own discriminator (log(1 − D) and −log D share one);
W1 has a critic with orthonormal layers and one with a gradient penalty (GP). Curves: geometric means over seeds, bands: one
standard deviation of the logarithm. The norm is that of the mean gradient over a few thousand fixed noise vectors, so that batch noise is
not part of it; dotted: the standard deviation of −log D's gradient from batch to batch. "D's JS": what the discriminator says at the end.

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

from dataclasses import dataclass

from gan_jax.ranges import Count, Even, NonNegative, Positive, Seed, Whole


@dataclass(frozen=True)
class Config:
    """Generators, their ages, and the discriminators that are trained against them."""

    seeds: Count = 6  # Independent generators of every age, each with discriminators of its own.
    ages: tuple[Whole, ...] = (0, 200, 3000)
    """Steps of the game on the energy distance after which a generator is frozen."""

    radius: Positive = 4.0
    """Of the ring, whose modes have a hundredth of it for scale. How far log(1 − D) falls for an untrained generator, of about unit size,
    depends on it: at 4 the generator does not reach the data; at 2 it does now and then, and in trials with four seeds the fall was one
    order; at 1.414, the size of WGAN-GP's toy data, a third of one."""

    steps: Count = 4000  # Updates of every discriminator.
    records: Count = 25
    """How often the gradient is looked at, evenly on a logarithmic axis from the first update to the last."""

    batch_size: Count = 128  # Examples of each kind at an update.
    noise_batches: Count = 16  # The gradient's norm is taken over so many batches of fixed noise together.
    width: Even = 64  # Width of both hidden layers of every discriminator; even.
    generator_width: Count = 64  # Width of every hidden layer of every generator.
    latent: Count = 8  # Dimensions of the noise of the digits' generator; the ring's has 2.
    discriminator_rate: Positive = 1e-3  # Learning rate of the discriminators' Adam (β = .5, .999, as DCGAN).
    penalty_weight: NonNegative = 10.0  # λ of the gradient penalty.
    game_batch: Count = 256  # Samples of each law at a step of the game that makes the generators.
    generator_rate: Positive = 1e-3  # Learning rate of that game's Adam.
    scored: Count = 2048  # Fresh samples of each law for the energy distance between a frozen generator and the data.
    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(seeds=2, ages=(0, 60), steps=60, records=6, noise_batches=2, width=16, generator_width=16, scored=256)
