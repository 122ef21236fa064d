"""The games of ``stacked_digits``, what their generators draw, and which of the 1000 modes each picture is in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from experiments.stacked_digits import Config
    from gan_jax.data.sources import Source
    from gan_jax.metrics.features import Features
    from gan_jax.training.game import Game, OptimizerOf
    from gan_jax.typing import Generator

CHANNELS, CLASSES = 3, 10
MODES = CLASSES**CHANNELS
SIZE = 8
PARTS = 1000
"""Pictures that are drawn at a time."""


class Player(NamedTuple):
    """A game, and the generator that its states are sampled with.

    Attributes:
      game: from ``game.adversarial``.
      generator: of single pictures.
    """

    game: Game
    generator: Generator


class Row(NamedTuple):
    """A method.

    Attributes:
      label: as the figure names it.
      make: ``(config, source, steps) -> Player``.
      steps: from the configuration.
      cost: about the milliseconds of one step on one core, for the estimate of the time left.
      published: modes, and the least and the largest KL, of the same method on stacked MNIST.
    """

    label: str
    make: Callable[[Config, Source, int], Player]
    steps: Callable[[Config], int]
    cost: float
    published: tuple[float, float, float]


# ------------------------------------------------------------------------------------------------------------------- games


def decaying(updates: int, *, b1: float, b2: float) -> OptimizerOf:
    """Adam whose rate falls linearly to a hundredth, after a first fifth of the updates."""
    import optax

    constant = updates // 5
    return lambda rate: optax.adam(optax.linear_schedule(rate, 0.01 * rate, updates - constant, constant), b1=b1, b2=b2)


def batch_normalised(config: Config, source: Source, steps: int, *, pack: int) -> Player:
    """DCGAN with ``pack`` pictures an example, channels joined; 1 is the plain one.

    Batch norm in both players, the non-saturating loss, Adam (2e-4, .5, .999), constant rates.
    """
    from gan_jax.models.dcgan import dcgan_discriminator, dcgan_generator
    from gan_jax.objectives.losses import non_saturating
    from gan_jax.training.game import adam, adversarial
    from gan_jax.training.packing import packed
    from gan_jax.training.updates import alternating

    generator = dcgan_generator(SIZE, CHANNELS, width=config.width, latent=config.latent)
    laws = packed(generator, source.draw, pack)
    game = adversarial(
        non_saturating(),
        laws.generator,
        dcgan_discriminator(SIZE, pack * CHANNELS, width=config.critic_width, batch_norm=True),
        laws.data,
        alternating(),
        batch_size=config.batch_size,
        generator_optimizer=adam(b1=0.5, b2=0.999),
        discriminator_optimizer=adam(b1=0.5, b2=0.999),
        generator_rate=2e-4,
        discriminator_rate=2e-4,
    )
    return Player(game, generator)


def wgan_gp(config: Config, source: Source, steps: int) -> Player:
    """WGAN-GP: λ = 10, several critic steps, Adam (0, .9), rates that decay."""
    from gan_jax.models.dcgan import dcgan_discriminator, dcgan_generator
    from gan_jax.objectives.losses import wasserstein
    from gan_jax.objectives.penalties import gradient_penalty
    from gan_jax.training.game import adversarial
    from gan_jax.training.updates import alternating

    generator = dcgan_generator(SIZE, CHANNELS, width=config.width, latent=config.latent)
    game = adversarial(
        wasserstein(),
        generator,
        dcgan_discriminator(SIZE, CHANNELS, width=config.critic_width),
        source.draw,
        alternating(),
        batch_size=config.batch_size,
        discriminator_steps=config.critic_steps,
        generator_optimizer=decaying(steps, b1=0.0, b2=0.9),
        discriminator_optimizer=decaying(steps * config.critic_steps, b1=0.0, b2=0.9),
        generator_rate=config.rate,
        discriminator_rate=config.rate,
        penalty=gradient_penalty(),
        penalty_weight=10.0,
    )
    return Player(game, generator)


def regularised(config: Config, source: Source, steps: int, *, objective: str) -> Player:
    """R1 + R2 with one objective or another, without normalisation in the discriminator; rates that decay, and a moving average."""
    from gan_jax.models.dcgan import dcgan_discriminator, dcgan_generator
    from gan_jax.objectives.losses import OBJECTIVES
    from gan_jax.objectives.penalties import both, r1, r2
    from gan_jax.training.game import adversarial
    from gan_jax.training.updates import alternating

    generator = dcgan_generator(SIZE, CHANNELS, width=config.width, latent=config.latent)
    game = adversarial(
        OBJECTIVES[objective](),
        generator,
        dcgan_discriminator(SIZE, CHANNELS, width=config.critic_width),
        source.draw,
        alternating(),
        batch_size=config.batch_size,
        generator_optimizer=decaying(steps, b1=0.0, b2=0.99),
        discriminator_optimizer=decaying(steps, b1=0.0, b2=0.99),
        generator_rate=config.rate,
        discriminator_rate=config.rate,
        penalty=both(r1(), r2()),
        penalty_weight=config.penalty_weight,
        penalty_every=config.penalty_every,
        ema_decay=config.ema_decay,
    )
    return Player(game, generator)


def _short(config: Config) -> int:
    return config.steps


def _long(config: Config) -> int:
    return config.long_steps


ROWS: dict[str, Row] = {
    "dcgan": Row("DCGAN", partial(batch_normalised, pack=1), _short, 4.0, (78.9, 4.50, 4.50)),
    "pacdcgan_2": Row("PacDCGAN2", partial(batch_normalised, pack=2), _short, 7.0, (1000.0, 0.06, 0.06)),
    "wgan_gp": Row("WGAN-GP", wgan_gp, lambda config: config.wgan_steps, 30.0, (959.0, 0.73, 0.73)),
    "non_saturating": Row(
        "non-saturating + R1 + R2", partial(regularised, objective="non_saturating"), _long, 8.0, (693.0, 0.927, 0.927)
    ),
    "relativistic": Row(
        "relativistic + R1 + R2", partial(regularised, objective="relativistic"), _long, 8.0, (1000.0, 0.029, 0.078)
    ),
}
"""The methods by name, in the figure's order; the numbers are those of stacked MNIST (28 × 28)."""


# ----------------------------------------------------------------------------------------------------------------- playing


def moments(steps: int, records: int) -> np.ndarray:
    """The steps at which a game is looked at, rising geometrically to the last one, ``[records]``."""
    rising = np.rint(np.geomspace(max(steps / 32, 1.0), steps, records)).astype(int)
    # Where the steps are few, rounding may meet a number twice.
    return np.maximum.accumulate(np.minimum(np.maximum(rising, np.arange(1, records + 1)), steps))


def play(
    player: Player, config: Config, source: Source, key: Any, moments: np.ndarray, on_record: Callable[[], None]
) -> np.ndarray:
    """Plays a game with all seeds side by side, and draws from every generator at every moment.

    Args:
      player: what is played.
      config: of the experiment.
      source: of the stacks.
      key: of all seeds.
      moments: from the function of that name.
      on_record: called whenever a moment is reached.

    Returns:
      Pictures in bytes, ``[records, seeds, samples, 8, 8, 3]``.
    """
    import jax

    from gan_jax.data.images import to_bytes
    from gan_jax.training.ensemble import ensemble
    from gan_jax.training.game import step_of
    from gan_jax.training.state import averaged

    game, generator = player
    count = -(-config.samples // PARTS)

    def begin(key: Any, feed: Any) -> Any:
        return game.init(key, feed=feed)

    def draw(key: Any, variables: Any) -> Any:
        def part(key: Any) -> Any:
            return to_bytes(generator.apply(variables, generator.noise(key, PARTS)))

        images = jax.lax.map(part, jax.random.split(key, count))
        return images.reshape(-1, *images.shape[2:])[: config.samples]

    def advance(key: Any, state: Any, length: Any, feed: Any) -> Any:
        state = jax.lax.fori_loop(0, length, lambda _, state: step_of(game, feed)(state)[0], state)
        return state, draw(jax.random.fold_in(key, state.step), averaged(state))

    # The pictures and the number of steps are arguments of the programs: each is compiled once.
    begun = jax.jit(lambda keys, feed: ensemble(lambda key: begin(key, feed))(keys))
    advanced = jax.jit(
        lambda keys, states, length, feed: ensemble(lambda key, state: advance(key, state, length, feed))(keys, states),
        donate_argnums=1,
    )
    game_key, look_key = jax.random.split(key)
    feed, looks = source.feed(0, int(moments[-1])), jax.random.split(look_key, config.seeds)
    states, drawn = begun(jax.random.split(game_key, config.seeds), feed), []
    for length in np.diff(moments, prepend=0):
        states, images = advanced(looks, states, np.int32(length), feed)
        drawn.append(np.asarray(images))
        on_record()
    return np.stack(drawn)


# --------------------------------------------------------------------------------------------------------------- measuring

QUANTITIES = ("covered", "reproduced", "reverse_kl", "reverse_kl_error", "jensen_shannon")
"""What is kept of a histogram; names of its fields."""


class Measured(NamedTuple):
    """What a set of stacks is.

    Attributes:
      numbers: ``QUANTITIES`` by name.
      shares: of every digit in every channel, ``[3, 10]``.
    """

    numbers: dict[str, float]
    shares: np.ndarray


def measured(features: Features, images: np.ndarray) -> Measured:
    """Which modes the pictures are in, by a classifier of single digits."""
    from gan_jax.metrics.histograms import of_labels
    from gan_jax.metrics.stacked import stacked_labels

    labels = stacked_labels(features, images, batch=1024)
    found = of_labels(labels, np.full(MODES, 1.0 / MODES))
    digits = np.stack(np.unravel_index(labels, (CLASSES,) * CHANNELS))
    shares = np.stack([np.bincount(channel, minlength=CLASSES) for channel in digits]) / len(labels)
    return Measured({name: float(getattr(found, name)) for name in QUANTITIES}, shares)
