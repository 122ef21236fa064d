"""What ``image_zoo`` computes: every objective under every penalty as one compiled program, and how well its generator does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from experiments.image_zoo import Config
    from experiments.progress import Task
    from gan_jax.data.sources import Source
    from gan_jax.metrics.features import Extracted, Features
    from gan_jax.models.image_pairs import Pair
    from gan_jax.typing import PRNGKey

OBJECTIVES = (
    "minimax",
    "non_saturating",
    "wasserstein",
    "least_squares",
    "hinge",
    "relativistic",
    "relativistic_average",
    "f_kl",
    "f_reverse_kl",
    "f_pearson",
    "f_neyman",
    "f_squared_hellinger",
    "f_jeffreys",
    "f_jensen_shannon",
    "f_total_variation",
    "f_gan",
)
"""The library's objectives by name, as ``gan_jax.objectives.losses`` calls them."""

WEIGHTS = MappingProxyType(
    {
        # No penalty.
        "none": 0.0,
        # Gulrajani et al. 2017, Algorithm 1: λ = 10 by default.
        "gp": 10.0,
        # λ of the two-sided penalty, so that the two differ in their side alone.
        "lp": 10.0,
        # γ / 2 with γ = 1, between what R3GAN's authors set at 32 and at 64 pixels (.05 to 2; Huang et al. 2024, their configurations).
        "r1": 0.5,
        "r2": 0.5,
        "r1_and_r2": 0.5,
        # Thanh-Tung, Tran & Venkatesh 2019 have another λ for every data set (500 in their code for stacked MNIST): that of R1 and R2, so
        # that the four differ in the place where the slope is penalised alone.
        "zero_centred": 0.5,
        # Kodali et al. 2017, the authors' code: λ = 10.
        "dragan": 10.0,
    }
)
"""The library's penalties by name, and their weights; chosen from papers, one for all objectives, before the table was seen."""

SCORES = ("kid", "kid_error", "precision", "recall", "density", "coverage")
"""What is measured of a generator; NaN for one that diverged."""

HALVINGS = 16
"""Random divisions of the real pictures into halves whose KID is the floor."""

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

    sampled: Any
    finite: Any


class Bench(NamedTuple):
    """What all games are measured with.

    Attributes:
      draw: the generator's variables to pictures ``[n, *shape]``; from the same latents for every game.
      shape: of a picture.
      features: the extractor.
      real: what it makes of all real pictures.
    """

    draw: Callable[[Any], Any]
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


def player(config: Config, pair: Pair, source: Source) -> Callable[..., Played]:
    """Returns ``(key, objective, penalty, weight, feed) -> Played``: one game, whose objective and penalty are indices, and so data."""
    import jax
    import jax.numpy as jnp

    from gan_jax.objectives.choice import one_of, one_of_penalties
    from gan_jax.objectives.losses import OBJECTIVES as MADE
    from gan_jax.objectives.penalties import PENALTIES
    from gan_jax.training import game, updates
    from gan_jax.training.state import averaged

    objectives = [MADE[name]() for name in config.objectives]
    penalties = [None if name == "none" else PENALTIES[name]() for name in config.penalties]
    adam = game.adam(b1=config.b1, b2=config.b2)

    def play(key: PRNGKey, objective: Any, penalty: Any, weight: Any, feed: Any) -> Played:
        made = game.adversarial(
            one_of(objectives, objective),
            pair.generator,
            pair.discriminator,
            source.draw,
            updates.alternating(),
            batch_size=config.batch_size,
            generator_optimizer=adam,
            discriminator_optimizer=adam,
            generator_rate=config.learning_rate,
            discriminator_rate=config.learning_rate,
            penalty=one_of_penalties(penalties, penalty),
            ema_decay=config.ema_decay,
        )
        state = made.init(key, feed=feed, penalty_weight=weight)
        state, _, _ = game.play(made, state, steps=config.steps, records=1, feed=feed)
        leaves = jax.tree.leaves((state.generator.variables, state.discriminator.variables))
        return Played(averaged(state), jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in leaves])))

    return play


def compiled(config: Config, pair: Pair, source: Source, keys: Any) -> Callable[[Sequence[Cell]], Played]:
    """Compiles the games once, and returns what plays those of one call.

    Args:
      config: of the experiment.
      pair: the players.
      source: of the real pictures.
      keys: of the games, ``[seeds]``; all objectives and penalties start from the same.

    Returns:
      ``cells -> Played`` with a leading axis of as many members as there are devices; of fewer cells, the last is played again.
    """
    import jax
    import jax.numpy as jnp

    from gan_jax.training.compiling import compile_together
    from gan_jax.training.ensemble import ensemble

    play, feed, together = player(config, pair, source), source.feed(0, config.steps), jax.device_count()
    weights = jnp.asarray([WEIGHTS[name] for name in config.penalties], jnp.float32)

    def all_of(keys: Any, objective: Any, penalty: Any, weight: Any, feed: Any) -> Played:
        return ensemble(lambda *member: play(*member, feed))(keys, objective, penalty, weight)

    def arguments(some: Sequence[Cell]) -> tuple[Any, ...]:
        filled = [some[min(i, len(some) - 1)] for i in range(together)]
        penalty, objective, seed = (jnp.asarray(numbers, jnp.int32) for numbers in zip(*filled, strict=True))
        return keys[seed], objective, penalty, weights[penalty], feed

    (program,) = compile_together([(all_of, arguments([Cell(0, 0, 0)]))])
    return lambda some: program(*arguments(some))


def measured(bench: Bench, variables: Any, *, finite: bool) -> tuple[dict[str, float], np.ndarray] | None:
    """The scores of a generator, and its first pictures ``[SHOWN, *shape]`` in bytes; None for one whose game is not finite."""
    from gan_jax.data.images import to_bytes
    from gan_jax.metrics.features import extract
    from gan_jax.metrics.kernel import kid
    from gan_jax.metrics.neighbours import neighbours

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
    import jax

    from gan_jax.training.mesh import fetch

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
    import jax

    from gan_jax.metrics.kernel import kid

    half = len(features) // 2
    orders = [np.asarray(jax.random.permutation(part, len(features))) for part in jax.random.split(key, HALVINGS)]
    return np.asarray([float(kid(features[order[:half]], features[order[half:]]).value) for order in orders])
