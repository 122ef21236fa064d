"""``python -m gan_jax train``: trains a GAN on images in a folder, and goes on there after whatever stopped it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial

from gan_jax import checks, files
from gan_jax.cli import conditional_runs, devices, image_data, options, starts
from gan_jax.cli.errors import UserError
from gan_jax.cli.image_config import CHANGEABLE, FREE, VOCABULARY, Config, plain
from gan_jax.cli.image_runs import assemble, joined, recorded
from gan_jax.cli.pictures import write_grid, write_strip
from gan_jax.cli.reference_features import LEAST, evaluation_of, reference_features, why_not
from gan_jax.cli.terminal import say
from gan_jax.cli.unused import without_effect

PICTURES = 64

BEST = "KID"
"""By what the best checkpoint is known: smaller is better. With captions it is the share of wrong colours."""


def main(words: Sequence[str]) -> int:
    """Trains until all steps are made, or somebody asks to stop; the same command goes on."""
    config = options.parsed(Config, "train", words, description=__doc__)
    devices.configure_jax(cpu_devices=1)
    with config.profiling.shown():
        return run(config, words)


def run(config: Config, words: Sequence[str] = ()) -> int:
    """Trains in ``config.out``; prints where it stands at the end."""
    import jax

    from gan_jax.training import mesh as meshes
    from gan_jax.training import run_folder, runs
    from gan_jax.training.collapse import collapsed
    from gan_jax.training.sampling import in_pieces
    from gan_jax.training.state import GameState

    _check(config)
    change = starts.changes(config.change, CHANGEABLE)
    mesh = joined(config.devices)
    captions = config.condition.kind == "caption"
    settled = partial(run_folder.check, config.out, change=change, changeable=CHANGEABLE)
    if meshes.is_first():
        # The words of captions are known when the set is.
        settled(plain(config), free=(*FREE, VOCABULARY) if captions else FREE)
    images, measured = (None, True) if captions else _opened(config, meshes.is_first())
    with starts.working("loading the images"):
        made = assemble(config, mesh, images=images)
    if captions and meshes.is_first():
        settled(recorded(config, made), free=FREE)
        image_data.settle(config.out, made.facts)
        say(f"{config.data.name}: {made.facts.count} images of {made.facts.shape[0]} pixels a side, with captions")
    pieces = in_pieces(made.generator)
    picture_key, measure_key = jax.random.split(jax.random.fold_in(made.key, 1))

    def on_save(state: GameState, step: int) -> None:
        pictures = next(pieces(state, picture_key, PICTURES))
        if meshes.is_first():
            image_data.write_facts(config.out, made.facts)
            write_grid(files.place(config.out, "samples", f"{step:09d}.png"), pictures)

    sinks = [run_folder.tensorboard] if config.tensorboard else []
    if config.wandb is not None:
        sinks.append(partial(run_folder.weights_and_biases, project=config.wandb, config=recorded(config, made)))
    evaluate, schedule = None, config.schedule
    if config.evaluation.fake and made.words is not None:
        evaluate, schedule = conditional_runs.evaluation_of(config, made, measure_key)
    elif config.evaluation.fake and images is not None and measured:
        measure = reference_features(config.data, config.evaluation, images)
        evaluate = evaluation_of(config, measure, pieces, measure_key)
    if images is not None:
        images.release()
    stop = collapsed(below=config.stop_below) if config.stop_below > 0.0 else None
    on_start = starts.opening(config.out, "train", words, schedule.steps, made.source.event_shape)
    try:
        with starts.diverging(config.out):
            done = runs.train(
                made.game, made.key, config.out, schedule, config=recorded(config, made), free=FREE, change=change, mesh=made.mesh,
                feed=made.source.feed, evaluate=evaluate, on_start=on_start, on_save=on_save, sinks=sinks, stop=stop,
                during=starts.working, show=meshes.is_first(),
            )  # fmt: skip
    finally:
        made.source.close()
    if meshes.is_first():
        write_strip(config.out / "samples", config.out / "samples.gif")
        say(_summary(config, done.step, done.complete))
    return 0


def _check(config: Config) -> None:
    """Raises where one option does not go with another one, and warns of those that have no effect beside the others."""
    for sentence in without_effect(config):
        warnings.warn(sentence, stacklevel=3)
    captions = config.condition.kind == "caption"
    if config.schedule.best is not None:
        checks.one_of("schedule.best", config.schedule.best, (BEST, "wrong_colours") if captions else (BEST,))
    if 0 < config.evaluation.fake < LEAST and not captions:
        raise UserError(
            f"--evaluation.fake is {config.evaluation.fake}; expected 0 or at least {LEAST}, which KID needs"
        )


def _opened(config: Config, first: bool) -> tuple[image_data.Images, bool]:
    """The images of a run, open, and whether generated ones can be measured against them; the first process says both, and none is read."""
    images = image_data.open_data(config.data)
    image_data.settle(config.out, image_data.facts_of(config.data, images.lazy))
    reason = why_not(config.data, config.evaluation, images.lazy)
    if first:
        say(image_data.described(config.data, images.lazy))
    if first and reason is not None and config.evaluation.fake:
        say(
            f"not measured: {reason}; give weights of Inception to measure with: --evaluation.inception FILE --evaluation.sha256 HASH",
        )
    return images, reason is None


def _summary(config: Config, step: int, complete: bool) -> str:
    from gan_jax.training.run_folder import read_rows

    rows = [row for row in read_rows(config.out) if "KID" in row]
    last = (
        f"; KID {rows[-1]['KID']:.4f} ± {rows[-1]['KID_standard_error']:.4f} at step {rows[-1]['step']}" if rows else ""
    )
    before, after = starts.ending(config.out, step, config.schedule.steps, complete)
    return f"{before}{last}{after}"
