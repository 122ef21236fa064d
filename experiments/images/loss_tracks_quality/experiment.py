"""What a critic says falls as pictures get better; what a minimax discriminator says has little to do with them.

Figure: a column for each generator: a perceptron, a DCGAN, and a frozen one, an untrained DCGAN whose learning rate is 0, so that
only the discriminator learns. Rows: the Jensen–Shannon divergence by the discriminator of the minimax game, with its largest value log
2; W1 by the critic of WGAN-GP; the quality of the pictures, KID of both games; pictures of one seed at four moments, the same latents
each time; and Spearman's rank correlation of estimate and KID along training, a dot for each seed, bars of two standard errors. Lines
are means, bands one standard deviation over seeds. Solid estimates are on pictures that the discriminator learned from, as a loss curve
shows them; dashed ones on test pictures that it never saw, lower bounds in expectation.

Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN", section 4.2, figures 3 and 4: the critic's estimate falls as samples get better
and stays where training fails; the JS estimate stays near log 2 or rises, whether they do or not. Here on the 8 × 8 digits: players
learn from the training pictures, and KID, on the features of a classifier of the same training pictures, compares the generator's last
parameters (no moving average, since the discriminator scores the last ones) with the test pictures. Minimax is Goodfellow et al. 2014,
algorithm 1, with one discriminator step and Radford et al. 2016's Adam; WGAN-GP is Gulrajani et al. 2017, algorithm 1, with five critic
steps and five times their rate, for small pictures and a short run. Both discriminators are DCGAN's without normalisation. Step 0 is
the untrained generator, after the discriminator has learned against it for a while and the statistics of its batch norm have settled.
Steps are updates of the generator; records are spaced evenly in their logarithm.

A critic under a gradient penalty is not quite 1-Lipschitz: "slope" is the largest gradient norm that was met on lines between real and
generated pictures, over all records and seeds; divided by it, the estimate is a lower bound of W1 as far as those lines tell.

Command: ``python -m experiments loss_tracks_quality``; 127 s on two cores. Any prepared set of TFDS with classes and a test split:
``--data cifar10 --size 32``, with wider networks and more steps, on an accelerator; all pictures are held on the device.

Expected: rank correlation (± s.e.) of WGAN-GP's estimate and KID .90 ± .02 (MLP) and .98 ± .01 (DCGAN), of minimax's .07 ± .08 and
.26 ± .05; KID from 1.0 and 1.2 down to .07 and .05 in WGAN-GP, to .14 by minimax's DCGAN. Against the frozen generator JS goes to log 2
within 3e-4 nats, W1 stays at 8.4, and neither is correlated with KID. Four claims do not hold. The MLP's minimax game collapses: its KID
rises. One discriminator step keeps the JS estimate far below log 2 (means over records −.01 and .21), where the supports say that JS
is: it is the discriminator that lags, not the laws that are near. And the DCGAN's JS estimate does fall as its pictures get better, at
the end. With ``--discriminator-steps 5`` (two seeds, 1000 steps) DCGAN's is between .62 and .69 all the time, and KID hardly moves:
1.22 to .99.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from gan_jax import ranges
from gan_jax.ranges import AtLeastTwo, Count, NonNegative, Positive, Range, Seed

GAMES = ("minimax", "wgan_gp")

GENERATORS = ("mlp", "dcgan", "frozen")
"""The last is DCGAN's with a learning rate of zero."""

FIRST = 10
"""Generator steps before the first look at a generator that has moved."""

TITLES = {"minimax": "minimax", "wgan_gp": "WGAN-GP"}


@dataclass(frozen=True)
class Config:
    """Three generators in two games."""

    data: str = "digits"
    """digits, mnist, fashion_mnist, cifar10, or tfds:NAME: a set with classes, a training and a test split."""

    size: Count | None = None  # Edge of the pictures in pixels: 8, 16, 32 or 64; the set's own where not given.
    data_dir: Path | None = None  # Where sets of TFDS are prepared; in the user's cache folder where not given.
    seeds: AtLeastTwo = 4  # Independent games of every kind; at least 2.
    minimax_steps: Count = 2000  # Updates of the generator in the minimax game.
    wgan_steps: Count = 800  # Updates of the generator in WGAN-GP; each is four times the work.
    records: AtLeastTwo = 15  # How many times a game is looked at after its start.
    warm_up: Count = 100  # Steps before the start in which the discriminator alone learns.
    samples: Annotated[int, Range(4)] = 1000  # Generated pictures behind every KID and every estimate.
    held_out: Annotated[int, Range(4)] = 2000  # Test pictures behind them, or as many as there are.
    width: Count = 16  # Channels of the finest layer of DCGAN's generator and of the discriminators.
    mlp_width: Count = 128  # Width of the four hidden layers of the perceptron; 512 in the paper.
    latent: Count = 32  # Dimension of the noise.
    batch_size: Count = 64  # Pictures of each kind at an update.
    discriminator_steps: Count = 1
    """Updates of the discriminator of the minimax game for one of the generator; at least 1."""

    critic_steps: Count = 5  # Critic updates for one of the generator in WGAN-GP.
    penalty_weight: NonNegative = 10.0  # Weight of the gradient penalty.
    minimax_rate: Positive = 2e-4  # Learning rate of both players of the minimax game.
    wgan_rate: Positive = 5e-4  # Learning rate of both players' Adam in WGAN-GP.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        for name in ("minimax_steps", "wgan_steps"):
            if getattr(self, name) < FIRST + self.records:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; expected at least {FIRST + self.records}, since records ({self.records}) are at "
                    f"different steps from {FIRST} on"
                )
        ranges.check(self)


SMOKE = Config(
    seeds=2, minimax_steps=40, wgan_steps=20, records=4, warm_up=5, samples=100, width=4, mlp_width=16, latent=8
)
