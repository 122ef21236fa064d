"""The games of ``stacked_digits``, what their generators draw, and which of the 1000 modes each picture is in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from experiments.diversity.stacked_digits.experiment import CHANNELS, CLASSES, MODES, QUANTITIES, ROWS, Config
from experiments.framework import Arrays, Progress
from gan_jax.cli.image_config import Data, Evaluation
from gan_jax.cli.reference_features import reference_features
from gan_jax.data.images import to_bytes
from gan_jax.data.sets import load, stack
from gan_jax.data.sources import Source, stacked
from gan_jax.metrics.features import Features
from gan_jax.metrics.histograms import of_labels, reverse_kl_baseline
from gan_jax.metrics.stacked import stacked_labels
from gan_jax.models.dcgan import dcgan_discriminator, dcgan_generator
from gan_jax.objectives.losses import OBJECTIVES, non_saturating, wasserstein
from gan_jax.objectives.penalties import both, gradient_penalty, r1, r2
from gan_jax.training.ensemble import ensemble
from gan_jax.training.game import Game, gan, step_of
from gan_jax.training.optimizers import adam, alike, linear_decay
from gan_jax.training.packing import packed
from gan_jax.training.state import GameState, averaged
from gan_jax.training.updates import alternating
from gan_jax.typing import Generator, PyTree, Variables

SIZE = 8

PARTS = 1000
"""Pictures that are drawn at a time."""


class StackedGame(NamedTuple):
    """A game, and the generator that its states are sampled with.

    Attributes:
      game: from ``game.gan``.
      generator: of single pictures.
    """

    game: Game
    generator: Generator


decay = partial(linear_decay, constant=0.2, end=0.01)
"""The rate falls linearly to a hundredth, after a first fifth of the updates."""


def batch_normalised(config: Config, source: Source, steps: int, *, pack: int) -> StackedGame:
    """DCGAN with ``pack`` pictures an example, channels joined; 1 is the plain one.

    Batch norm in both players, the non-saturating loss, Adam (2e-4, .5, .999), constant rates.
    """
    generator = dcgan_generator(SIZE, CHANNELS, width=config.width, latent=config.latent)
    laws = packed(generator, source.draw, pack)
    game = gan(
        non_saturating(),
        laws.generator,
        dcgan_discriminator(SIZE, pack * CHANNELS, width=config.critic_width, batch_norm=True),
        laws.data,
        alternating(),
        batch_size=config.batch_size,
        **alike(adam(b1=0.5, b2=0.999), 2e-4),
    )
    return StackedGame(game, generator)


def wgan_gp(config: Config, source: Source, steps: int) -> StackedGame:
    """WGAN-GP: λ = 10, several critic steps, Adam (0, .9), rates that decay."""
    generator = dcgan_generator(SIZE, CHANNELS, width=config.width, latent=config.latent)
    game = gan(
        wasserstein(),
        generator,
        dcgan_discriminator(SIZE, CHANNELS, width=config.critic_width),
        source.draw,
        alternating(),
        batch_size=config.batch_size,
        discriminator_steps=config.critic_steps,
        generator_optimizer=adam(b1=0.0, b2=0.9, schedule=decay(steps)),
        discriminator_optimizer=adam(b1=0.0, b2=0.9, schedule=decay(steps * config.critic_steps)),
        generator_rate=config.rate,
        discriminator_rate=config.rate,
        penalty=gradient_penalty(),
        penalty_weight=10.0,
    )
    return StackedGame(game, generator)


def regularised(config: Config, source: Source, steps: int, *, objective: str) -> StackedGame:
    """R1 + R2 with one objective or another, without normalisation in the discriminator; rates that decay, and a moving average."""
    generator = dcgan_generator(SIZE, CHANNELS, width=config.width, latent=config.latent)
    game = gan(
        OBJECTIVES[objective](),
        generator,
        dcgan_discriminator(SIZE, CHANNELS, width=config.critic_width),
        source.draw,
        alternating(),
        batch_size=config.batch_size,
        **alike(adam(b1=0.0, b2=0.99, schedule=decay(steps)), config.rate),
        penalty=both(r1(), r2()),
        penalty_weight=config.penalty_weight,
        penalty_every=config.penalty_every,
        ema_decay=config.ema_decay,
    )
    return StackedGame(game, generator)


PLAYERS: dict[str, Callable[[Config, Source, int], StackedGame]] = {
    "dcgan": partial(batch_normalised, pack=1),
    "pacdcgan_2": partial(batch_normalised, pack=2),
    "wgan_gp": wgan_gp,
    "non_saturating": partial(regularised, objective="non_saturating"),
    "relativistic": partial(regularised, objective="relativistic"),
}
"""How each is made: ``(config, source, steps) -> StackedGame``."""


def moments_of(steps: int, records: int) -> np.ndarray:
    """The steps at which a game is looked at, rising geometrically to the last one, ``[records]``."""
    rising = np.rint(np.geomspace(max(steps / 32, 1.0), steps, records)).astype(int)
    # Where the steps are few, rounding may meet a number twice.
    return np.maximum.accumulate(np.minimum(np.maximum(rising, np.arange(1, records + 1)), steps))


def play(
    player: StackedGame,
    config: Config,
    source: Source,
    key: jax.Array,
    moments: np.ndarray,
    on_record: Callable[[], None],
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
    game, generator = player
    count = -(-config.samples // PARTS)

    def draw(key: jax.Array, variables: Variables) -> jax.Array:
        def part(key: jax.Array) -> jax.Array:
            return to_bytes(generator.apply(variables, generator.noise(key, PARTS)))

        images = jax.lax.map(part, jax.random.split(key, count))
        return images.reshape(-1, *images.shape[2:])[: config.samples]

    def advance(key: jax.Array, state: GameState, length: jax.Array, feed: PyTree) -> tuple[GameState, jax.Array]:
        state = jax.lax.fori_loop(0, length, lambda _, state: step_of(game, feed)(state)[0], state)
        return state, draw(jax.random.fold_in(key, state.step), averaged(state))

    # The pictures and the number of steps are arguments of the programs: each is compiled once.
    begun = jax.jit(lambda keys, feed: ensemble(lambda key: game.init(key, feed=feed))(keys))
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
    labels = stacked_labels(features, images, batch=1024)
    found = of_labels(labels, np.full(MODES, 1.0 / MODES))
    digits = np.stack(np.unravel_index(labels, (CLASSES,) * CHANNELS))
    shares = np.stack([np.bincount(channel, minlength=CLASSES) for channel in digits]) / len(labels)
    return Measured({name: float(getattr(found, name)) for name in QUANTITIES}, shares)


def run(config: Config, progress: Progress) -> Arrays:
    """Measures the sampling baseline, then plays every method and measures what it draws."""
    budgets = {name: ROWS[name].steps(config) for name in config.rows}
    measuring = 1500.0 * config.samples / 26_000 * config.records * config.seeds
    work = {name: ROWS[name].cost * steps * config.seeds + measuring for name, steps in budgets.items()}
    with progress.task("stacked digits", total=sum(work.values())):
        with progress.task("classifier and baseline", share=0.0):
            digits, measure = load("digits", split="all"), reference_features(Data(), Evaluation())
            source, real = stacked(digits), stack(digits, config.samples, config.seed)
            baseline = measured(measure.features, real.images)
            keys = jax.random.split(jax.random.key(config.seed), len(ROWS))
        shape = (len(config.rows), config.records, config.seeds)
        arrays = {name: np.zeros(shape) for name in QUANTITIES}
        shares = np.zeros((len(config.rows), config.seeds, CHANNELS, CLASSES))
        pictures = np.zeros((len(config.rows), config.shown, *real.images.shape[1:]), np.uint8)
        moments = {name: moments_of(steps, config.records) for name, steps in budgets.items()}
        for number, name in enumerate(config.rows):
            with progress.task(ROWS[name].label, total=config.records * (1 + config.seeds), share=work[name]) as task:
                player = PLAYERS[name](config, source, budgets[name])
                key = keys[list(ROWS).index(name)]
                drawn = play(player, config, source, key, moments[name], lambda: task.advance())
                for record, seed in np.ndindex(*shape[1:]):
                    found = measured(measure.features, drawn[record, seed])
                    for quantity, value in found.numbers.items():
                        arrays[quantity][number, record, seed] = value
                    # What stays is that of the last record.
                    shares[number, seed] = found.shares
                    task.advance()
                pictures[number] = drawn[-1, 0, : config.shown]
    facts = {
        "rows": np.asarray(config.rows),
        "moments": np.stack([moments[name] for name in config.rows]),
        "n": config.samples,
        "critic_steps": config.critic_steps,
        "accuracy": measure.accuracy,
        "exact_floor": reverse_kl_baseline(config.samples, np.full(MODES, 1.0 / MODES)),
        "shares": shares,
        "real_shares": baseline.shares,
        "pictures": pictures,
        "real": real.images[: config.shown],
    }
    facts |= {f"floor_{quantity}": value for quantity, value in baseline.numbers.items()}
    return {name: np.asarray(value) for name, value in (arrays | facts).items()}
