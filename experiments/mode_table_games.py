"""The rows of ``mode_table``: PacGAN's networks under its protocol, and one small game with one cure at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from experiments import small_games
from experiments.small_games import Change, Player, last, rows_of, small_game

if TYPE_CHECKING:
    from experiments.mode_table import Config

MOST_MODES = 25
"""Targets with fewer modes are filled up to so many, so that all of them run through one program."""


class Budget(NamedTuple):
    """How long and how often a row is played."""

    steps: int
    seeds: int


class Row(NamedTuple):
    """A row of the table.

    Attributes:
      label: as the figure names it.
      make: the game.
      budget: from the configuration.
      published: whose row of the literature's table it repeats, if any.
    """

    label: str
    make: Callable[[Config], Player]
    budget: Callable[[Config], Budget]
    published: str | None = None


# --------------------------------------------------------------------------------------------------- PacGAN's own protocol


def packed_game(config: Config, *, size: int) -> Player:
    """PacGAN with ``size`` samples a pack; 1 is its plain GAN.

    Batches of 100 packs, both players at once (the authors' code computes both gradients at one point), Adam with rate 1e-4 and b1 = .8.
    """
    from gan_jax.models.pacgan import pacgan_discriminator, pacgan_generator
    from gan_jax.objectives.losses import non_saturating
    from gan_jax.training.game import adam, adversarial
    from gan_jax.training.packing import packed
    from gan_jax.training.updates import simultaneous

    generator = pacgan_generator()
    game = adversarial(
        non_saturating(),
        # The data's packs are fixed, as PacGAN's are: they are packed before they are drawn.
        packed(generator, rows_of, size).generator,
        pacgan_discriminator(),
        rows_of,
        simultaneous(),
        batch_size=config.published_batch,
        generator_optimizer=adam(b1=0.8, b2=0.999),
        discriminator_optimizer=adam(b1=0.8, b2=0.999),
        generator_rate=1e-4,
        discriminator_rate=1e-4,
    )
    return Player(game, last(generator), size)


def _published(config: Config) -> Budget:
    return Budget(config.published_steps, config.published_seeds)


def _small(config: Config) -> Budget:
    return Budget(config.small_steps, config.small_seeds)


def _long(config: Config) -> Budget:
    return Budget(config.long_steps, config.long_seeds)


def _cure(label: str, change: Change, budget: Callable[[Config], Budget] = _small) -> Row:
    return Row(label, lambda config: small_game(config.recipe, budget(config).steps, change), budget)


ROWS: dict[str, Row] = {
    "gan": Row("GAN", partial(packed_game, size=1), _published, "GAN"),
    "pacgan_2": Row("PacGAN2", partial(packed_game, size=2), _published, "PacGAN2"),
    "pacgan_3": Row("PacGAN3", partial(packed_game, size=3), _published, "PacGAN3"),
    "pacgan_4": Row("PacGAN4", partial(packed_game, size=4), _published, "PacGAN4"),
    "small_gan": _cure("GAN, small", small_games.nothing),
    "two_time_scales": _cure("two time scales", small_games.two_time_scales),
    "instance_noise": _cure("instance noise", small_games.instance_noise),
    "moving_average": _cure("moving average", small_games.moving_average),
    "unrolled_1": _cure("unrolled, 1", partial(small_games.unrolling, ahead=1)),
    "unrolled_5": _cure("unrolled, 5", partial(small_games.unrolling, ahead=5)),
    "unrolled_10": _cure("unrolled, 10", partial(small_games.unrolling, ahead=10)),
    "minibatch": _cure("minibatch discrimination", small_games.minibatch_discrimination),
    "mode_seeking": _cure("mode seeking", small_games.mode_seeking),
    "veegan": Row("VEEGAN", lambda config: small_games.veegan_game(config.recipe, _small(config).steps), _small),
    "wgan_gp": _cure("WGAN-GP", small_games.wasserstein),
    "relativistic": _cure("relativistic + R1 + R2", small_games.relativistic),
    "together": _cure("all of it, long", small_games.together, _long),
}
"""The rows of the table by name, in their order."""


# ----------------------------------------------------------------------------------------------------------------- playing


def truths(names: tuple[str, ...]) -> dict[str, Any]:
    """The modes of the targets by name, as published: PacGAN's ring of 8 and grid of 25."""
    from gan_jax import distributions
    from gan_jax.metrics.modes import modes_of

    laws = {"ring": distributions.gaussian_ring(), "grid": distributions.gaussian_grid()}
    return {name: modes_of(laws[name]) for name in names}


def filled(modes: Any) -> Any:
    """Modes filled up to ``MOST_MODES`` with such as no sample is near to."""
    import jax.numpy as jnp

    from gan_jax.metrics.modes import Modes

    missing = MOST_MODES - modes.weights.shape[0]
    return Modes(
        jnp.concatenate([modes.centres, jnp.full((missing, 2), 1e6)]),
        jnp.concatenate([modes.scales, jnp.full((missing,), 1e-3)]),
        jnp.concatenate([modes.weights, jnp.zeros((missing,))]),
    )


def play(row: Row, config: Config, key: Any, on_record: Callable[[], None]) -> Any:
    """Plays one row on all targets with all seeds.

    Args:
      row: of ``ROWS``.
      config: of the experiment.
      key: of the data and of all seeds.
      on_record: called whenever a record is done.

    Returns:
      ``Watched``: of every record, the tally of ``config.samples`` samples, and some of them.
    """
    import jax
    import jax.numpy as jnp

    from experiments.mode_games import Case, watch_cases
    from gan_jax.distributions import gaussian_grid, gaussian_ring
    from gan_jax.metrics.modes import tally
    from gan_jax.training.packing import pack

    player, budget = row.make(config), row.budget(config)
    data_key, games_key = jax.random.split(key)
    laws = {"ring": gaussian_ring(), "grid": gaussian_grid()}
    sets = [
        pack(
            laws[name].sample(
                jax.random.fold_in(data_key, 10 * tuple(laws).index(name) + player.pack), (config.data * player.pack,)
            ),
            player.pack,
        )
        for name in config.targets
    ]
    truth = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(filled, truths(config.targets).values()))

    def look(key: Any, state: Any, case: Case) -> Any:
        samples = player.sample(key, state, config.samples)
        return tally(samples, case.truth), samples[: config.shown]

    return watch_cases(
        player.game,
        games_key,
        look,
        Case(feed=jnp.stack(sets), truth=truth),
        seeds=budget.seeds,
        steps=budget.steps,
        records=config.records,
        on_record=lambda _: on_record(),
    )


def assayed(tallies: Any, modes: Any, place: int, quantities: Sequence[str]) -> dict[str, Any]:
    """Fields of the assays of all records and seeds of one target, by name, each ``[records + 1, seeds]``."""
    import numpy as np

    from gan_jax.metrics.modes import Tally, assay

    count = modes.weights.shape[0]
    # What the target was filled up with is taken off again: no sample is near to it.
    own = Tally(*(leaf[:, place] if leaf.ndim == 3 else leaf[:, place, :, :count] for leaf in tallies))
    found: dict[str, Any] = {name: np.zeros(own.samples.shape) for name in quantities}
    for record, seed in np.ndindex(*own.samples.shape):
        result = assay(Tally(*(leaf[record, seed] for leaf in own)), modes)
        for name in quantities:
            found[name][record, seed] = getattr(result, name)
    return found


def floor(modes: Any, n: int) -> float:
    """The reverse KL of a perfect sampler's histogram, at so many samples."""
    import numpy as np

    from gan_jax.metrics.histograms import reverse_kl_floor

    return reverse_kl_floor(n, np.asarray(modes.weights))


COSTS = {
    "gan": 3.4, "pacgan_2": 4.8, "pacgan_3": 6.2, "pacgan_4": 7.6, "unrolled_1": 5.0, "unrolled_5": 18.0, "unrolled_10": 36.0,
    "minibatch": 9.0, "wgan_gp": 6.0,
}  # fmt: skip
"""About the milliseconds of one step on one core, for the estimate of the time left."""


def cost(name: str) -> float:
    """About the milliseconds of one step of a row."""
    return COSTS.get(name, 2.0)
