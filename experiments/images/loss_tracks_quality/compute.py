"""What ``loss_tracks_quality`` computes: the games, what their discriminators say on the way, and how good the pictures are."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.framework import Arrays, Progress
from experiments.framework.rows import Member, Quantities, in_parts
from experiments.images.loss_tracks_quality.experiment import FIRST, GAMES, GENERATORS, TITLES, Config
from gan_jax.cli.errors import UserError
from gan_jax.data.images import ImageSet, to_bytes, to_unit
from gan_jax.data.sets import load
from gan_jax.data.sources import resident
from gan_jax.estimators.variational import score
from gan_jax.metrics.classifier import classifier_features
from gan_jax.metrics.features import Features, extract
from gan_jax.metrics.kernel import kid
from gan_jax.models.choice import one_of_generators
from gan_jax.models.dcgan import dcgan_discriminator, dcgan_generator
from gan_jax.models.image_pairs import mlp_image_generator
from gan_jax.objectives import losses, penalties
from gan_jax.objectives.losses import Objective
from gan_jax.objectives.penalties import gradient_norms, interpolates
from gan_jax.training import updates
from gan_jax.training.ensemble import ensemble, grid
from gan_jax.training.game import Game, gan
from gan_jax.training.optimizers import adam, alike
from gan_jax.training.state import GameState
from gan_jax.typing import Critic, Generator

PICTURED = 8
"""Pictures that are kept of every record, from the same latents each time."""


class Pictures(NamedTuple):
    """Two sets of pictures: what both players learn from, and what none of them ever sees."""

    train: ImageSet
    test: ImageSet


def pictures(config: Config) -> Pictures:
    """Loads both sets.

    Raises:
      UserError: a set without classes or without a test split; what ``data.sets.load`` says of one that it cannot read.
    """
    if config.data.startswith("folder:") or config.data == "stacked_digits":
        raise UserError(
            f"data is {config.data}; expected a set with test pictures in classes: digits, one of TFDS, or tfds:NAME"
        )
    try:
        train, test = (
            load(config.data, size=config.size, split=split, data_dir=config.data_dir) for split in ("train", "test")
        )
    except (ValueError, FileNotFoundError) as error:
        raise UserError(str(error)) from error
    if test.classes == 0:
        raise UserError(f"data is {config.data}, which has no classes to train a classifier on; expected a set with")
    if len(test.images) > config.held_out:
        chosen = np.random.default_rng(config.seed).permutation(len(test.images))[: config.held_out]
        test = test._replace(images=test.images[chosen], labels=test.labels[chosen])
    return Pictures(train, test)


def moments(config: Config, name: str) -> np.ndarray:
    """The generator steps at which a game is looked at: 0, then ``records`` of them, rising geometrically, ``[records + 1]``."""
    steps = config.minimax_steps if name == "minimax" else config.wgan_steps
    rising = np.rint(np.geomspace(FIRST, steps, config.records)).astype(int)
    # Where the steps are few, rounding may meet a number twice.
    return np.concatenate([[0], np.maximum(rising, FIRST + np.arange(config.records))])


class Match(NamedTuple):
    """A game, and what its states are read with."""

    generator: Generator
    critic: Critic
    objective: Objective
    game: Game


def match_of(name: str, network: jax.Array, images: Pictures, config: Config) -> Match:
    """One game, where ``network``, which may be traced, is the place of the generator in ``GENERATORS``."""
    size, _, channels = images.train.images.shape[1:]
    generators = [
        mlp_image_generator(size, channels, width=config.mlp_width, latent=config.latent),
        dcgan_generator(size, channels, width=config.width, latent=config.latent),
    ]
    generator = one_of_generators(generators, jnp.minimum(network, 1))
    critic = dcgan_discriminator(size, channels, width=config.width)
    minimax = name == "minimax"
    objective = losses.minimax() if minimax else losses.wasserstein()
    # The decay rates of Radford et al. 2016 and of Gulrajani et al. 2017.
    optimizer = adam(b1=0.5, b2=0.999 if minimax else 0.9)
    rate = config.minimax_rate if minimax else config.wgan_rate
    game = gan(
        objective,
        generator,
        critic,
        resident(images.train).draw,
        updates.alternating(),
        batch_size=config.batch_size,
        discriminator_steps=config.discriminator_steps if minimax else config.critic_steps,
        **alike(optimizer, rate),
        penalty=None if minimax else penalties.gradient_penalty(),
        penalty_weight=config.penalty_weight,
    )
    return Match(generator, critic, objective, game)


def readings(match: Match, images: Pictures, config: Config, key: jax.Array) -> Callable[..., Quantities]:
    """``(state, record, learned, unseen) -> what is read off a state``; the two sets of real pictures are ``[n, h, w, c]`` uint8."""
    generator, critic, objective, _ = match
    fixed_key, fresh_key, mix_key = jax.random.split(key, 3)
    fixed = generator.noise(fixed_key, PICTURED)
    mixed = min(len(images.test.images), config.samples)

    def observe(state: GameState, record: jax.Array, learned: jax.Array, unseen: jax.Array) -> Quantities:
        def logits(x: jax.Array) -> jax.Array:
            return critic.apply(state.discriminator.variables, x)

        # Fresh noise at every record, so that the KID of a generator that stands still varies by chance alone.
        latents = generator.noise(jax.random.fold_in(fresh_key, record), config.samples)
        fake, real = generator.apply(state.generator.variables, latents), to_unit(unseen)
        value, error = score(objective, logits(real), logits(fake))
        between = interpolates(real[:mixed], fake[:mixed], jax.random.fold_in(mix_key, record))
        return {
            "held_out": value,
            "standard_error": error,
            "training": objective.divergence(logits(to_unit(learned)), logits(fake)),
            "slope": jnp.max(gradient_norms(lambda x: logits(x[None])[0], between)),
            "samples": to_bytes(fake),
            "pictured": to_bytes(generator.apply(state.generator.variables, fixed)),
        }

    return observe


def member_of(name: str, images: Pictures, config: Config) -> Member:
    """``(key, network, learned, unseen) -> readings`` of one game, each with a leading axis ``[records + 1]``."""
    # Before the first record the discriminator learns against the untrained generator, which does not move.
    lengths = jnp.asarray([config.warm_up, *np.diff(moments(config, name))])
    moves = jnp.asarray([0.0, *np.ones(config.records)])
    rate = config.minimax_rate if name == "minimax" else config.wgan_rate
    rates = jnp.asarray([0.0 if generator == "frozen" else rate for generator in GENERATORS])

    def member(key: jax.Array, network: jax.Array, learned: jax.Array, unseen: jax.Array) -> Quantities:
        match = match_of(name, network, images, config)
        game_key, reading_key = jax.random.split(key)
        observe = readings(match, images, config, reading_key)
        scored = learned[: len(images.test.images)]

        def record(state: GameState, now: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[GameState, Quantities]:
            number, length, moving = now
            state = state._replace(hyper={**state.hyper, "generator_rate": rates[network] * moving})
            state = jax.lax.fori_loop(0, length, lambda _, state: match.game.step(state, learned)[0], state)
            return state, observe(state, number, scored, unseen)

        state = match.game.init(game_key, feed=learned)
        return jax.lax.scan(record, state, (jnp.arange(lengths.size), lengths, moves))[1]

    return member


def play(name: str, images: Pictures, config: Config, key: jax.Array, progress: Progress, share: float) -> Arrays:
    """Plays one game with every generator and seed as one program.

    Args:
      name: of ``GAMES``.
      images: what is learned, and what is held out.
      config: of the experiment.
      key: of all seeds; the generators share them.
      progress: where progress is shown.
      share: of the whole experiment.

    Returns:
      Arrays ``[generators, seeds, records + 1]``: ``training`` and ``held_out``, what the discriminator says on pictures that it learned
      from and on others, ``standard_error`` of the latter, ``slope``, the largest gradient norm of the discriminator on lines between
      real and generated pictures; with the further axes of pictures, uint8: ``samples`` for KID, ``pictured`` for the figure.
    """
    member = member_of(name, images, config)

    @jax.jit
    def program(keys: jax.Array, networks: jax.Array, learned: jax.Array, unseen: jax.Array) -> Quantities:
        # All members share the pictures, which are arguments of the program.
        return ensemble(lambda key, network: member(key, network, learned, unseen))(keys, networks)

    both = jnp.asarray(images.train.images), jnp.asarray(images.test.images)
    networks, number = grid(jnp.arange(len(GENERATORS)), jnp.arange(config.seeds))
    keys = jax.random.split(key, config.seeds)[number]
    title, few = f"playing {TITLES[name]}", jax.device_count()
    found = in_parts(progress, title, lambda *some: program(*some, *both), (keys, networks), on_cpu=few, share=share)
    shape = (len(GENERATORS), config.seeds)
    return {field: values.reshape(*shape, *values.shape[1:]) for field, values in found.items()}


def qualities(samples: np.ndarray, features: Features, real: np.ndarray, on_one: Callable[[], None]) -> Arrays:
    """KID of samples ``[…, n, h, w, c]`` to real features ``[m, d]``, and its standard error, ``[…]`` each."""
    shape = samples.shape[:-4]
    values = []
    for some in samples.reshape(-1, *samples.shape[-4:]):
        distance = kid(real, extract(features, some, batch=len(some)).features)
        values.append([float(distance.value), float(distance.standard_error)])
        on_one()
    value, error = np.moveaxis(np.asarray(values), -1, 0)
    return {"kid": value.reshape(shape), "kid_standard_error": error.reshape(shape)}


def run(config: Config, progress: Progress) -> Arrays:
    """Loads the pictures, trains the classifier, plays both games and measures their pictures."""
    count = len(GENERATORS) * config.seeds
    with progress.task("loss against quality", total=90.0 + 150.0 + 20.0):
        with progress.task("pictures and features", share=0.0):
            images = pictures(config)
            trained = classifier_features(images.train, images.test)
            real = extract(trained.features, images.test.images).features
            baseline = kid(real, extract(trained.features, images.train.images[: len(real)]).features)
        arrays: Arrays = {
            "data": np.asarray(images.train.name),
            "features": np.asarray(trained.features.name),
            "accuracy": np.asarray(trained.accuracy),
            "sizes": np.asarray([len(images.train.images), len(images.test.images), config.samples]),
            "floor": np.asarray([float(baseline.value), float(baseline.standard_error)]),
        }
        for name, share in zip(GAMES, (90.0, 150.0), strict=True):
            played = play(name, images, config, jax.random.key(config.seed), progress, share)
            with progress.task(f"KID of {TITLES[name]}", total=count * (config.records + 1), share=10.0) as task:
                played |= qualities(played.pop("samples"), trained.features, real, task.advance)
            # Pictures of one seed are drawn.
            played["pictured"] = played["pictured"][:, 0]
            arrays |= {f"{name}/{field}": value for field, value in played.items()}
            arrays[f"{name}/step"] = moments(config, name)
    return arrays
