"""A run on images as one tree of dataclasses, and what is made of it: the game, its data, its generator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gan_jax import checks
from gan_jax.cli import answers
from gan_jax.cli.assembled import Assembled
from gan_jax.cli.image_config import VOCABULARY, Config, Devices, from_plain, plain
from gan_jax.cli.terminal import say

if TYPE_CHECKING:
    import numpy as np
    from jax.sharding import Mesh

    from gan_jax.cli.image_data import Facts, Images
    from gan_jax.models.tokenizer import Vocabulary
    from gan_jax.training.state import GameState
    from gan_jax.typing import Array, ConditionalGenerator, Generator, PRNGKey


def joined(devices: Devices) -> Mesh:
    """Joins the other processes of a run, where there are any, and returns the devices of all of them.

    Raises:
      ValueError: some of coordinator, processes and process without the others; more devices than there are.
      RuntimeError: no coordinator is given, and JAX finds none by itself.
      TimeoutError: the others do not come.
    """
    from gan_jax.training import mesh as meshes

    of_a_job = (devices.coordinator, devices.processes, devices.process)
    if devices.connect or any(value is not None for value in of_a_job):
        answers.watch()
        waiting = f"waiting for the other processes of the run, {meshes.PATIENCE:g} s at most"
        meshes.connect(*of_a_job, on_wait=lambda: say(waiting))
    return meshes.data_mesh(devices.count)


def recorded(config: Config, made: Assembled) -> dict[str, Any]:
    """What a run's folder keeps as its configuration: the options, and the words of its captions."""
    tree = plain(config)
    return tree if made.words is None else {**tree, VOCABULARY: json.loads(made.words.to_json())}


def assemble(
    config: Config, mesh: Mesh, words: Vocabulary | None = None, images: Images | Facts | None = None
) -> Assembled:
    """Makes the game of a configuration on the devices of ``mesh``.

    Args:
      config: the options.
      mesh: the devices.
      words: of a run with captions that is there already; those of this version where None.
      images: what is learned, open already; or what a run knows of it, where nothing is going to be learned. Opened here where None.

    Raises:
      UserError: a size that the networks do not have.
      ValueError: what a part of it says of a wrong value, in one sentence.
      FileNotFoundError: a set that is not prepared; gives the command.
    """
    import jax
    import jax.numpy as jnp

    from gan_jax.cli import image_data
    from gan_jax.models.image_pairs import PAIRS
    from gan_jax.objectives.losses import OBJECTIVES
    from gan_jax.objectives.penalties import PENALTIES
    from gan_jax.training import game, optimizers, updates
    from gan_jax.training import mesh as meshes

    if config.condition.kind != "none":
        from gan_jax.cli.conditional_runs import assemble as assemble_conditional

        return assemble_conditional(config, mesh, words, images)
    rule = config.rule
    objective = OBJECTIVES[checks.one_of("rule.objective", rule.objective, OBJECTIVES)]()
    penalty = checks.one_of("rule.penalty", rule.penalty, ("none", *PENALTIES))
    meshes.check_batch(rule.batch_size, mesh)
    images = image_data.open_data(config.data) if images is None else images
    if isinstance(images, image_data.Facts):
        source, facts = image_data.blank_source(images, mesh), images
    else:
        # The generator's update draws real examples too, for relativistic pairs.
        examples = rule.batch_size * (rule.discriminator_steps + 1)
        source = image_data.source_of(config.data, images, mesh, examples_per_step=examples, seed=config.seed)
        facts = image_data.facts_of(config.data, images.lazy)
    size, _, channels = source.event_shape
    width = {} if config.model.width is None else {"width": config.model.width}
    pair = PAIRS[config.model.pair](
        size, channels, latent=config.model.latent, dtype=jnp.dtype(config.model.dtype), **width
    )
    made = game.gan(
        objective,
        pair.generator,
        pair.discriminator,
        source.draw,
        updates.UPDATES[rule.update](),
        batch_size=rule.batch_size,
        discriminator_steps=rule.discriminator_steps,
        generator_optimizer=optimizers.adam(b1=config.generator.b1, b2=config.generator.b2),
        discriminator_optimizer=optimizers.adam(b1=config.discriminator.b1, b2=config.discriminator.b2),
        generator_rate=config.generator.rate,
        discriminator_rate=config.discriminator.rate,
        penalty=None if penalty == "none" else PENALTIES[penalty](),
        penalty_weight=rule.penalty_weight,
        penalty_every=rule.penalty_every,
        ema_decay=rule.ema_decay,
        place=meshes.placement(mesh),
    )
    return Assembled(made, pair.generator, source, jax.random.key(config.seed), mesh, facts)


# ------------------------------------------------------------------------------------------------------------ finished runs


DRAWN_AT_ONCE = 64
"""Images of one condition that one call of the compiled program draws."""


class Opened(NamedTuple):
    """A run that is read, not trained."""

    config: Config
    step: int
    state: GameState
    generator: Generator
    facts: Facts
    conditional: ConditionalGenerator | None
    words: Vocabulary | None
    sample: Callable[[GameState, PRNGKey, int], np.ndarray]
    pieces: Callable[[GameState, PRNGKey, int], Iterator[np.ndarray]]


def opened(folder: Path) -> Opened:
    """The newest whole state of a run, on one device; the images that it learned are not needed, but of runs of earlier versions.

    Raises:
      FileNotFoundError: no run, or none that has saved anything.
    """
    from gan_jax.cli import image_data
    from gan_jax.training import mesh as meshes
    from gan_jax.training import run_folder, runs
    from gan_jax.training.sampling import in_pieces, sampler

    tree = run_folder.read_config(folder)
    config = from_plain(tree, folder / run_folder.CONFIG)
    words = None
    if VOCABULARY in tree:
        from gan_jax.models.tokenizer import Vocabulary

        try:
            words = Vocabulary.from_json(json.dumps(tree[VOCABULARY]))
        except ValueError as error:
            raise ValueError(f"{folder / run_folder.CONFIG}: {error}") from error
    made = assemble(config, meshes.data_mesh(1), words, image_data.read_facts(folder))
    try:
        step, state = runs.restored(made.game, made.key, folder, mesh=made.mesh, feed=made.source.feed(0, 1))
    finally:
        made.source.close()
    return Opened(
        config, step, state, made.generator, made.facts, made.conditional, made.words, sampler(made.generator),
        in_pieces(made.generator),
    )  # fmt: skip


def drawn_with(
    run: Opened, embedding: Array, n: int, *, seed: int, truncation: float | None = None
) -> Iterator[np.ndarray]:
    """Images of one condition, ``DRAWN_AT_ONCE`` at a time, as they are asked for; image i is the same for every n.

    Args:
      run: one with a condition.
      embedding: of the condition, ``[1, width]``.
      n: how many.
      seed: of the noise.
      truncation: largest absolute value of the noise; None for no bound.

    Returns:
      Pieces ``[<= DRAWN_AT_ONCE, size, size, channels]`` in [-1, 1], of n images together.
    """
    import jax
    import jax.numpy as jnp
    import numpy as np

    from gan_jax.models.conditional import truncated_normal
    from gan_jax.training.state import averaged

    generator, variables = run.conditional, averaged(run.state)
    if generator is None:
        raise ValueError("run has no condition; expected one that was trained with one")

    @jax.jit
    def some(key: PRNGKey) -> Array:
        z = (
            generator.noise(key, DRAWN_AT_ONCE)
            if truncation is None
            else truncated_normal(key, DRAWN_AT_ONCE, run.config.model.latent, truncation)
        )
        return generator.apply(variables, z, jnp.broadcast_to(embedding, (DRAWN_AT_ONCE, embedding.shape[1])))

    key = jax.random.key(seed)
    starts = range(0, n, DRAWN_AT_ONCE)
    return (np.asarray(some(jax.random.fold_in(key, first // DRAWN_AT_ONCE)))[: n - first] for first in starts)
