"""One small game in the plane and its cures, one at a time: what experiments on mode collapse share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import jax

from experiments.diversity.recipe import RingRecipe
from gan_jax.models.generators import mlp_generator
from gan_jax.models.minibatch import minibatch_discrimination_mlp
from gan_jax.models.mlp import mlp
from gan_jax.models.reconstructor import mlp_reconstructor
from gan_jax.objectives import losses, penalties, regularisers
from gan_jax.objectives.losses import non_saturating
from gan_jax.training.game import Game, gan
from gan_jax.training.optimizers import adam, alike, linear_decay
from gan_jax.training.packing import packed
from gan_jax.training.state import GameState, averaged
from gan_jax.training.updates import alternating, unrolled
from gan_jax.training.veegan import beside, veegan
from gan_jax.typing import Generator, PRNGKey


class SmallGame(NamedTuple):
    """A game, and how its generator is sampled.

    Attributes:
      game: whose data draws rows from its feed.
      sample: ``sample(key, state, n) -> [n, 2]``.
      pack: samples of an example of the data.
    """

    game: Game
    sample: Callable[[PRNGKey, GameState, int], jax.Array]
    pack: int = 1


Settings: TypeAlias = Mapping[str, Any]
"""Arguments of ``game.gan`` by name; ``sample`` among them is how the generator is sampled."""

Change: TypeAlias = Callable[[RingRecipe, int], Settings]
"""``(recipe, steps of the game) -> arguments`` in place of the plain game's."""


def rows_of(key: jax.Array, batch: int, *, feed: jax.Array) -> jax.Array:
    """Draws examples of a fixed set, with replacement: ``feed [n, *event] -> [batch, *event]``."""
    return feed[jax.random.randint(key, (batch,), 0, feed.shape[0])]


def nothing(recipe: RingRecipe, steps: int) -> Settings:
    """The plain game."""
    return {}


def small_game(recipe: RingRecipe, steps: int, change: Change = nothing) -> SmallGame:
    """The plain game of the cures: two networks of one size, non-saturating, in turn, Adam(.5, .999) with equal rates.

    Args:
      recipe: sizes and rates.
      steps: of the game, which schedules are made for.
      change: what a cure puts in place of arguments.

    Returns:
      The player.
    """
    generator = mlp_generator((recipe.width,) * recipe.generator_depth)
    settings: dict[str, Any] = {
        "objective": non_saturating(),
        "generator": generator,
        "discriminator": mlp((recipe.width,) * recipe.discriminator_depth),
        "data": rows_of,
        "update": alternating(),
        "batch_size": recipe.batch_size,
        "sample": last(generator),
        **alike(adam(b1=0.5, b2=0.999), recipe.rate),
    }
    settings |= change(recipe, steps)
    sample = settings.pop("sample")
    return SmallGame(gan(**settings), sample)


def packing(recipe: RingRecipe, steps: int, *, size: int = 4) -> Settings:
    """The discriminator scores packs of samples (Lin et al. 2018); as many samples a batch as the others have."""
    single = mlp_generator((recipe.width,) * recipe.generator_depth)
    packs = packed(single, rows_of, size)
    return {
        "generator": packs.generator,
        "data": packs.data,
        "batch_size": recipe.batch_size // size,
        "sample": last(single),
    }


def two_time_scales(recipe: RingRecipe, steps: int) -> Settings:
    """A discriminator four times as fast as the generator (Heusel et al. 2017)."""
    return {"generator_rate": recipe.rate / 2, "discriminator_rate": recipe.rate * 2}


def instance_noise(recipe: RingRecipe, steps: int) -> Settings:
    """Noise on all that the discriminator sees, gone after half of the game (Sønderby et al. 2017)."""
    return {"perturb": penalties.instance_noise, "noise": recipe.noise, "noise_steps": 0.5 * steps}


def moving_average(recipe: RingRecipe, steps: int) -> Settings:
    """Samples of the mean of the generator's parameters (Yazıcı et al. 2019)."""
    return {"ema_decay": recipe.ema_decay, "sample": mean(mlp_generator((recipe.width,) * recipe.generator_depth))}


def unrolling(recipe: RingRecipe, steps: int, *, ahead: int) -> Settings:
    """The generator looks so many discriminator updates ahead (Metz et al. 2017)."""
    return {"update": unrolled(ahead), "discriminator_optimizer": adam(b1=0.5, b2=0.999, eps_root=1e-10)}


def minibatch_discrimination(recipe: RingRecipe, steps: int) -> Settings:
    """A last layer of the discriminator sees how near the batch's examples are to each other (Salimans et al. 2016)."""
    # All pairs of a batch are looked at: with the layer's default size a step takes eight times as long.
    widths = (recipe.width,) * recipe.discriminator_depth
    return {"discriminator": minibatch_discrimination_mlp(widths, kernels=5, dimension=3)}


def mode_seeking(recipe: RingRecipe, steps: int) -> Settings:
    """Different latents are to give different samples (Mao et al. 2019, weight 1)."""
    return {"regulariser": regularisers.mode_seeking()}


def veegan_game(recipe: RingRecipe, steps: int) -> SmallGame:
    """VEEGAN: the discriminator scores samples with their latents, which a third network reconstructs (Srivastava et al. 2017)."""
    widths = (recipe.width,) * recipe.discriminator_depth
    generator, reconstructor = mlp_generator((recipe.width,) * recipe.generator_depth), mlp_reconstructor(widths)
    players = alike(adam(b1=0.5, b2=0.999), recipe.rate)
    game = veegan(generator, reconstructor, mlp(widths), rows_of, batch_size=recipe.batch_size, **players)
    return SmallGame(game, last(beside(generator, reconstructor)))


def wasserstein(recipe: RingRecipe, steps: int) -> Settings:
    """WGAN-GP with five critic steps (Gulrajani et al. 2017; λ = .1, as in their toy code)."""
    optimizer = adam(b1=0.5, b2=0.9)
    return {
        "objective": losses.wasserstein(),
        "penalty": penalties.gradient_penalty(),
        "penalty_weight": 0.1,
        "discriminator_steps": 5,
        "generator_optimizer": optimizer,
        "discriminator_optimizer": optimizer,
    }


def relativistic(recipe: RingRecipe, steps: int) -> Settings:
    """Relativistic pairing with R1 and R2 (Huang et al. 2024, R3GAN)."""
    return {
        "objective": losses.relativistic(),
        "penalty": penalties.both(penalties.r1(), penalties.r2()),
        "penalty_weight": recipe.penalty_weight,
        "penalty_every": recipe.penalty_every,
    }


def together(recipe: RingRecipe, steps: int) -> Settings:
    """Relativistic pairing, R1 + R2, instance noise and the moving average, at twice the rate, which decays to nothing from a fifth on.

    Batches are twice as large: with smaller ones some games of ten leave the modes of a grid with unequal shares.
    """
    optimizer = adam(b1=0.0, b2=0.99, schedule=linear_decay(steps, constant=0.2, end=0.01))
    return {
        **relativistic(recipe, steps),
        **moving_average(recipe, steps),
        "batch_size": 2 * recipe.batch_size,
        "perturb": penalties.instance_noise,
        "noise": recipe.noise,
        "noise_steps": 0.6 * steps,
        **alike(optimizer, 2.0 * recipe.rate),
    }


def last(generator: Generator) -> Callable[[PRNGKey, GameState, int], jax.Array]:
    """Samples of the generator as it is."""
    return lambda key, state, n: generator.apply(state.generator.variables, generator.noise(key, n))


def mean(generator: Generator) -> Callable[[PRNGKey, GameState, int], jax.Array]:
    """Samples of the mean of the generator's parameters."""
    return lambda key, state, n: generator.apply(averaged(state), generator.noise(key, n))
