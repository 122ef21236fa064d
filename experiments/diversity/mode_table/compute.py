"""The rows of ``mode_table``: PacGAN's networks under its protocol, and one small game with one cure at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from experiments.diversity import cures
from experiments.diversity.cures import Change, SmallGame, last, rows_of, small_game
from experiments.diversity.mode_table.experiment import NUMBERS, ROWS, Config
from experiments.framework import Arrays, Progress, Task
from experiments.framework.rows import record_cases
from gan_jax.distributions import IsotropicMixture, gaussian_grid, gaussian_ring
from gan_jax.metrics.histograms import reverse_kl_baseline
from gan_jax.metrics.modes import ModeCounts, Modes, assay, modes_of, tally
from gan_jax.models.pacgan import pacgan_discriminator, pacgan_generator
from gan_jax.objectives.losses import non_saturating
from gan_jax.training.game import gan
from gan_jax.training.optimizers import adam, alike
from gan_jax.training.packing import pack, packed
from gan_jax.training.recording import Case, Watched
from gan_jax.training.state import GameState
from gan_jax.training.updates import simultaneous

MOST_MODES = 25
"""Targets with fewer modes are filled up to so many, so that all of them run through one program."""


def packed_game(config: Config, *, size: int) -> SmallGame:
    """PacGAN with ``size`` samples a pack; 1 is its plain GAN.

    Batches of 100 packs, both players at once (the authors' code computes both gradients at one point), Adam with rate 1e-4 and b1 = .8.
    """
    generator = pacgan_generator()
    game = gan(
        non_saturating(),
        # The data's packs are fixed, as PacGAN's are: they are packed before they are drawn.
        packed(generator, rows_of, size).generator,
        pacgan_discriminator(),
        rows_of,
        simultaneous(),
        batch_size=config.published_batch,
        **alike(adam(b1=0.8, b2=0.999), 1e-4),
    )
    return SmallGame(game, last(generator), size)


CURES: dict[str, Change] = {
    "small_gan": cures.nothing,
    "two_time_scales": cures.two_time_scales,
    "instance_noise": cures.instance_noise,
    "moving_average": cures.moving_average,
    "unrolled_1": partial(cures.unrolling, ahead=1),
    "unrolled_5": partial(cures.unrolling, ahead=5),
    "unrolled_10": partial(cures.unrolling, ahead=10),
    "minibatch": cures.minibatch_discrimination,
    "mode_seeking": cures.mode_seeking,
    "wgan_gp": cures.wasserstein,
    "relativistic": cures.relativistic,
    "together": cures.together,
}
"""What is changed in the small game, by row."""

PACKS = {"gan": 1, "pacgan_2": 2, "pacgan_3": 3, "pacgan_4": 4}
"""Samples of a pack, of the rows that are PacGAN's."""


def player_of(name: str, config: Config) -> SmallGame:
    """The game of a row."""
    if name in PACKS:
        return packed_game(config, size=PACKS[name])
    steps = ROWS[name].budget(config).steps
    if name == "veegan":
        return cures.veegan_game(config.recipe, steps)
    return small_game(config.recipe, steps, CURES[name])


def laws() -> dict[str, IsotropicMixture]:
    """The targets by name, as published: PacGAN's ring of 8 and grid of 25."""
    return {"ring": gaussian_ring(), "grid": gaussian_grid()}


def truths(names: tuple[str, ...]) -> dict[str, Modes]:
    """The modes of the targets by name."""
    return {name: modes_of(laws()[name]) for name in names}


def filled(modes: Modes) -> Modes:
    """Modes filled up to ``MOST_MODES`` with such as no sample is near to."""
    missing = MOST_MODES - modes.weights.shape[0]
    return Modes(
        jnp.concatenate([modes.centres, jnp.full((missing, 2), 1e6)]),
        jnp.concatenate([modes.scales, jnp.full((missing,), 1e-3)]),
        jnp.concatenate([modes.weights, jnp.zeros((missing,))]),
    )


def play(name: str, config: Config, key: jax.Array, task: Task) -> Watched:
    """Plays one row on all targets with all seeds.

    Args:
      name: of a row.
      config: of the experiment.
      key: of the data and of all seeds.
      task: advances by one at every record.

    Returns:
      Of every record, the tally of ``config.samples`` samples, and some of them.
    """
    player = player_of(name, config)
    data_key, games_key = jax.random.split(key)
    sets = []
    for target in config.targets:
        own_key = jax.random.fold_in(data_key, 10 * tuple(laws()).index(target) + player.pack)
        sets.append(pack(laws()[target].sample(own_key, (config.data * player.pack,)), player.pack))
    truth = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(filled, truths(config.targets).values()))

    def look(key: jax.Array, state: GameState, case: Case) -> tuple[ModeCounts, jax.Array]:
        samples = player.sample(key, state, config.samples)
        return tally(samples, case.truth), samples[: config.shown]

    cases = Case(feed=jnp.stack(sets), truth=truth)
    return record_cases(task, ROWS[name].budget(config), player.game, games_key, look, cases)


def assayed(tallies: ModeCounts, modes: Modes, place: int, quantities: Sequence[str]) -> Arrays:
    """Fields of the assays of all records and seeds of one target, by name, each ``[records + 1, seeds]``."""
    count = modes.weights.shape[0]
    # What the target was filled up with is taken off again: no sample is near to it.
    own = ModeCounts(*(leaf[:, place] if leaf.ndim == 3 else leaf[:, place, :, :count] for leaf in tallies))
    found = {name: np.zeros(own.samples.shape) for name in quantities}
    for record, seed in np.ndindex(*own.samples.shape):
        result = assay(ModeCounts(*(leaf[record, seed] for leaf in own)), modes)
        for name in quantities:
            found[name][record, seed] = getattr(result, name)
    return found


COSTS = {
    "gan": 3.4, "pacgan_2": 4.8, "pacgan_3": 6.2, "pacgan_4": 7.6, "unrolled_1": 5.0, "unrolled_5": 18.0, "unrolled_10": 36.0,
    "minibatch": 9.0, "wgan_gp": 6.0,
}  # fmt: skip
"""About the milliseconds of one step on one core, for the estimate of the time left; 2 for the others."""


def run(config: Config, progress: Progress) -> Arrays:
    """Plays every row on every target with all its seeds, and assays what the generators draw."""
    budgets = {name: ROWS[name].budget(config) for name in config.rows}
    most = max(budget.seeds for budget in budgets.values())
    truth = truths(config.targets)
    shape = (len(config.rows), config.records + 1, len(config.targets), most)
    arrays: dict[str, np.ndarray] = {name: np.full(shape, np.nan) for name in NUMBERS}
    samples = np.zeros((len(config.rows), len(config.targets), min(config.shown, config.samples), 2), np.float32)
    work = {name: budget.steps * budget.seeds * COSTS.get(name, 2.0) for name, budget in budgets.items()}
    with progress.task("mode table", total=sum(work.values())):
        for number, (name, budget) in enumerate(budgets.items()):
            with progress.task(ROWS[name].label, total=config.records, share=work[name]) as task:
                seen = play(name, config, jax.random.key(config.seed), task)
            tallies, shown = seen.seen
            for place, modes in enumerate(truth.values()):
                found = assayed(tallies, modes, place, tuple(NUMBERS))
                for quantity, values in found.items():
                    arrays[quantity][number, :, place, : budget.seeds] = values
                samples[number, place] = shown[-1, place, 0]
    facts = {
        "rows": np.asarray(config.rows),
        "targets": np.asarray(config.targets),
        "steps": np.asarray([budget.steps for budget in budgets.values()]),
        "seeds": np.asarray([budget.seeds for budget in budgets.values()]),
        "modes": np.asarray([len(modes.weights) for modes in truth.values()]),
        "floor": np.asarray([reverse_kl_baseline(config.samples, np.asarray(m.weights)) for m in truth.values()]),
        "n": np.asarray(config.samples),
        "samples": samples,
    }
    for name, modes in truth.items():
        facts |= {f"{name}/centres": np.asarray(modes.centres), f"{name}/scales": np.asarray(modes.scales)}
    return {**arrays, **facts}
