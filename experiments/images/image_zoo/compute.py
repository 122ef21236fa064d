"""What ``image_zoo`` computes: every objective under every penalty as one compiled program, and how well its generator does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.framework import Arrays, Progress, Task
from experiments.images.image_zoo.experiment import SCORES, WEIGHTS, Config
from gan_jax.cli.image_config import Data, Evaluation
from gan_jax.cli.reference_features import reference_features
from gan_jax.data.images import to_bytes
from gan_jax.data.sets import load
from gan_jax.data.sources import Source, resident
from gan_jax.metrics.features import Extracted, Features, extract
from gan_jax.metrics.kernel import kid
from gan_jax.metrics.neighbours import neighbours
from gan_jax.models.image_pairs import PAIRS, ImagePair
from gan_jax.objectives.choice import switch_objective, switch_penalty
from gan_jax.objectives.losses import OBJECTIVES as MADE
from gan_jax.objectives.penalties import PENALTIES
from gan_jax.training import game, optimizers, updates
from gan_jax.training.compiling import compile_together
from gan_jax.training.ensemble import ensemble
from gan_jax.training.mesh import fetch
from gan_jax.training.state import averaged
from gan_jax.typing import PRNGKey, PyTree, Variables

HALVINGS = 16
"""Random divisions of the real pictures into halves whose KID is the sampling baseline."""

SHOWN = 4
"""Pictures of every cell that the figure shows."""


class Cell(NamedTuple):
    """One game.

    Attributes:
      penalty, objective, seed: their numbers in the configuration.
    """

    penalty: int
    objective: int
    seed: int


class Played(NamedTuple):
    """What a game leaves.

    Attributes:
      sampled: the generator's variables, with the moving average of its parameters.
      finite: whether all parameters of both players are finite numbers, ``[]``.
    """

    sampled: Variables
    finite: jax.Array


class Bench(NamedTuple):
    """What all games are measured with.

    Attributes:
      draw: the generator's variables to pictures ``[n, *shape]``; from the same latents for every game.
      shape: of a picture.
      features: the extractor.
      real: what it makes of all real pictures.
    """

    draw: Callable[[Variables], jax.Array]
    shape: tuple[int, ...]
    features: Features
    real: Extracted


def cells(objectives: int, penalties: int, seeds: int) -> list[Cell]:
    """All games; seeds run fastest, then objectives, so that those of one call have one penalty."""
    return [Cell(*numbers) for numbers in product(range(penalties), range(objectives), range(seeds))]


def calls(members: Sequence[Cell], together: int) -> Iterator[list[Cell]]:
    """The games of each call of the compiled program, ``together`` of them or, in the last call, what is left."""
    for first in range(0, len(members), together):
        yield list(members[first : first + together])


def per_thousand(seconds: float, steps: int) -> float:
    """Seconds for 1000 steps, from those for ``steps``."""
    return 1000.0 * seconds / steps


def player(config: Config, pair: ImagePair, source: Source) -> Callable[..., Played]:
    """Returns ``(key, objective, penalty, weight, feed) -> Played``: one game, whose objective and penalty are indices, and so data."""
    objectives = [MADE[name]() for name in config.objectives]
    penalties = [None if name == "none" else PENALTIES[name]() for name in config.penalties]
    adam = optimizers.adam(b1=config.b1, b2=config.b2)

    def play(key: PRNGKey, objective: jax.Array, penalty: jax.Array, weight: jax.Array, feed: PyTree) -> Played:
        made = game.gan(
            switch_objective(objectives, objective),
            pair.generator,
            pair.discriminator,
            source.draw,
            updates.alternating(),
            batch_size=config.batch_size,
            **optimizers.alike(adam, config.learning_rate),
            penalty=switch_penalty(penalties, penalty),
            ema_decay=config.ema_decay,
        )
        state = made.init(key, feed=feed, penalty_weight=weight)
        state, _, _ = game.play(made, state, steps=config.steps, records=1, feed=feed)
        leaves = jax.tree.leaves((state.generator.variables, state.discriminator.variables))
        return Played(averaged(state), jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in leaves])))

    return play


def compiled(config: Config, pair: ImagePair, source: Source, keys: jax.Array) -> Callable[[Sequence[Cell]], Played]:
    """Compiles the games once, and returns what plays those of one call.

    Args:
      config: of the experiment.
      pair: the players.
      source: of the real pictures.
      keys: of the games, ``[seeds]``; all objectives and penalties start from the same.

    Returns:
      ``cells -> Played`` with a leading axis of as many members as there are devices; of fewer cells, the last is played again.
    """
    play, feed, together = player(config, pair, source), source.feed(0, config.steps), jax.device_count()
    weights = jnp.asarray([WEIGHTS[name] for name in config.penalties], jnp.float32)

    def all_of(keys: jax.Array, objective: jax.Array, penalty: jax.Array, weight: jax.Array, feed: PyTree) -> Played:
        return ensemble(lambda *member: play(*member, feed))(keys, objective, penalty, weight)

    def arguments(some: Sequence[Cell]) -> tuple[PyTree, ...]:
        filled = [some[min(i, len(some) - 1)] for i in range(together)]
        penalty, objective, seed = (jnp.asarray(numbers, jnp.int32) for numbers in zip(*filled, strict=True))
        return keys[seed], objective, penalty, weights[penalty], feed

    (program,) = compile_together([(all_of, arguments([Cell(0, 0, 0)]))])
    return lambda some: program(*arguments(some))


def measured(bench: Bench, variables: Variables, *, finite: bool) -> tuple[dict[str, float], np.ndarray] | None:
    """The scores of a generator, and its first pictures ``[SHOWN, *shape]`` in bytes; None for one whose game is not finite."""
    images = np.asarray(bench.draw(variables))
    # Finite weights may still be so large that their products are not.
    if not finite or not np.isfinite(images).all():
        return None
    fake = extract(bench.features, images).features
    distance = kid(bench.real.features, fake)
    scores = {"kid": float(distance.value), "kid_error": float(distance.standard_error)}
    return {**scores, **neighbours(bench.real.features, fake)._asdict()}, np.asarray(to_bytes(images[:SHOWN]))


def play_all(
    config: Config, play: Callable[[Sequence[Cell]], Played], bench: Bench, task: Task
) -> dict[str, np.ndarray]:
    """Plays all games, as many at a time as there are devices, and measures each.

    The time of a game is that of its call: from the host's call of the compiled program to the end of its last step. Games of one call have
    one penalty, and so nearly one cost, and run side by side, one on a device; measuring waits until they are done.

    Args:
      config: of the experiment.
      play: from ``compiled``.
      bench: what to measure with.
      task: advances by one a game.

    Returns:
      ``SCORES`` and ``seconds`` (for 1000 steps) ``[objectives, penalties, seeds]``; ``samples [objectives, penalties, SHOWN, *shape]`` in
      bytes, of the first seed. A game that is not finite has scores of NaN and black pictures, and touches no other.
    """
    shape = (len(config.objectives), len(config.penalties), config.seeds)
    scores = {name: np.full(shape, np.nan) for name in SCORES}
    seconds = np.full(shape, np.nan)
    samples = np.zeros((*shape[:2], SHOWN, *bench.shape), np.uint8)
    with ThreadPoolExecutor() as pool:
        for some in calls(cells(*shape), jax.device_count()):
            started = time.perf_counter()
            played = jax.block_until_ready(play(some))
            took = per_thousand(time.perf_counter() - started, config.steps)
            sampled, finite = fetch(played)
            jobs = [
                pool.submit(measured, bench, jax.tree.map(lambda leaf, i=i: leaf[i], sampled), finite=bool(finite[i]))
                for i in range(len(some))
            ]
            for (penalty, objective, seed), job in zip(some, jobs, strict=True):
                seconds[objective, penalty, seed] = took
                result = job.result()
                if result is not None:
                    for name, value in result[0].items():
                        scores[name][objective, penalty, seed] = value
                    if seed == 0:
                        samples[objective, penalty] = result[1]
            task.advance(len(some))
    return {**scores, "seconds": seconds, "samples": samples}


def kid_of_halves(key: PRNGKey, features: np.ndarray) -> np.ndarray:
    """KID between two random halves of the real pictures, ``[HALVINGS]``: what a perfect generator could have, up to noise around zero."""
    half = len(features) // 2
    orders = [np.asarray(jax.random.permutation(part, len(features))) for part in jax.random.split(key, HALVINGS)]
    return np.asarray([float(kid(features[order[:half]], features[order[half:]]).value) for order in orders])


def run(config: Config, progress: Progress) -> Arrays:
    """Loads the digits and the features, compiles the games once, and plays and measures them."""
    games = len(config.objectives) * len(config.penalties) * config.seeds
    with progress.task("image zoo", total=games):
        with progress.task("features and compilation", share=0.0):
            digits, measure = load("digits", split="all"), reference_features(Data(), Evaluation())
            source, (size, _, channels) = resident(digits), digits.images.shape[1:]
            pair = PAIRS["dcgan_norm_free"](size, channels, latent=config.latent, width=config.width)
            game_key, noise_key, half_key = jax.random.split(jax.random.key(config.seed), 3)
            play = compiled(config, pair, source, jax.random.split(game_key, config.seeds))
            latents = pair.generator.noise(noise_key, config.fake)
            draw = jax.jit(pair.generator.apply)
            bench = Bench(lambda v: draw(v, latents), source.event_shape, measure.features, measure.real)
        with progress.task("games", total=games, share=games) as task:
            table = play_all(config, play, bench, task)
        halves = kid_of_halves(half_key, measure.real.features)
    facts = {
        "halves": halves,
        "real": digits.images[:REAL],
        "n_real": len(digits.images),
        "n_fake": config.fake,
        "steps": config.steps,
        "width": config.width,
        "seed": config.seed,
        "accuracy": measure.accuracy,
        "extractor": f"{measure.features.name}; {measure.features.preprocessing}",
        "objectives": np.asarray(config.objectives),
        "penalties": np.asarray(config.penalties),
    }
    return {name: np.asarray(value) for name, value in (facts | table).items()}


REAL = 16
"""Real digits that the figure shows."""
