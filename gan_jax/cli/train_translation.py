"""``python -m gan_jax train_translation``: trains a CycleGAN on two sets of images that nobody paired, and goes on where it stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_jax import checks, files
from gan_jax.cli import devices, options, starts
from gan_jax.cli.image_data import write_facts
from gan_jax.cli.image_runs import joined
from gan_jax.cli.pictures import write_grid, write_strip
from gan_jax.cli.terminal import say
from gan_jax.cli.translation_runs import CHANGEABLE, FREE, Assembled, Config, assemble, plain

if TYPE_CHECKING:
    from gan_jax.training.state import GameState

PICTURES = 8
"""Images of each domain that are shown at every save."""


def main(words: Sequence[str]) -> int:
    """Trains until all steps are made, or somebody asks to stop; the same command goes on."""
    config = options.parsed(Config, "train_translation", words, description=__doc__)
    devices.configure_jax(cpu_devices=1)
    with config.profiling.shown():
        return run(config, words)


def run(config: Config, words: Sequence[str] = ()) -> int:
    """Trains in ``config.out``; prints where it stands at the end."""
    from gan_jax.training import mesh as meshes
    from gan_jax.training import run_folder, runs

    if config.schedule.best is not None:
        checks.one_of("schedule.best", config.schedule.best, ("cycle_x", "cycle_y"))
    change = starts.changes(config.change, CHANGEABLE)
    mesh = joined(config.devices)
    if meshes.is_first():
        run_folder.check(config.out, plain(config), free=FREE, change=change, changeable=CHANGEABLE)
    with starts.working("loading the images"):
        made = assemble(config, mesh)
    show = _shown(made)

    def on_save(state: GameState, step: int) -> None:
        pictures, _ = show(state)
        if meshes.is_first():
            for name, facts in zip(("x", "y"), made.facts, strict=True):
                write_facts(config.out, facts, name=name)
            for name, images in pictures.items():
                write_grid(files.place(config.out, "samples", name, f"{step:09d}.png"), images, columns=PICTURES)

    on_start = starts.opening(config.out, "train_translation", words, config.schedule.steps, made.x.event_shape)
    try:
        with starts.diverging(config.out):
            done = runs.train(
                made.game, made.key, config.out, config.schedule, config=plain(config), free=FREE, change=change, mesh=made.mesh,
                feed=made.source.feed, evaluate=lambda state: show(state)[1], on_start=on_start, on_save=on_save,
                sinks=[run_folder.tensorboard] if config.tensorboard else [], during=starts.working, show=meshes.is_first(),
            )  # fmt: skip
    finally:
        made.source.close()
    if meshes.is_first():
        for name in ("forward", "backward"):
            write_strip(config.out / "samples" / name, config.out / f"{name}.gif")
        say(_summary(config, done.step, done.complete))
    return 0


def _shown(made: Assembled) -> Any:
    """``show(state) -> ({direction: images}, {quantity: value})``: the first images of each domain, there and back."""
    import jax
    import jax.numpy as jnp

    from gan_jax.metrics.translation import cycle_error
    from gan_jax.training.mesh import fetch
    from gan_jax.training.state import averaged
    from gan_jax.training.translation import translators

    key = jax.random.fold_in(made.key, 1)
    drawn = jax.jit(lambda feed: made.source.draw(key, PICTURES, feed=feed))(made.source.feed(0, 1))

    @jax.jit
    def both_ways(state: GameState, x: Any, y: Any) -> Any:
        to_y, to_x = translators(averaged(state))
        fake_y, fake_x = made.forward.apply(to_y, x), made.backward.apply(to_x, y)
        back_x, back_y = made.backward.apply(to_x, fake_y), made.forward.apply(to_y, fake_x)
        errors = jnp.stack([cycle_error(back_x, x), cycle_error(back_y, y)])
        return (fake_y, back_x), (fake_x, back_y), errors

    def show(state: GameState) -> tuple[dict[str, np.ndarray], dict[str, float]]:
        forward, backward, errors = fetch(both_ways(state, *drawn))
        pictures = {
            name: np.concatenate([_colour(np.asarray(images)) for images in (fetch(given), *ways)])
            for name, given, ways in (("forward", drawn.x, forward), ("backward", drawn.y, backward))
        }
        return pictures, {"cycle_x": float(errors[0]), "cycle_y": float(errors[1])}

    return show


def _colour(images: np.ndarray) -> np.ndarray:
    """Three channels, whatever there are, for domains that differ stand in one picture."""
    return np.repeat(images, 3, axis=3) if images.shape[3] == 1 else images


def _summary(config: Config, step: int, complete: bool) -> str:
    from gan_jax.training.run_folder import read_rows

    rows = [row for row in read_rows(config.out) if "cycle_x" in row]
    last = f"; mean |F(G(x)) − x| {rows[-1]['cycle_x']:.3f}, |G(F(y)) − y| {rows[-1]['cycle_y']:.3f}" if rows else ""
    before, after = starts.ending(config.out, step, config.schedule.steps, complete)
    translating = f"; translate images with: translate {config.out} FOLDER" if complete else ""
    return f"{before}{last}{translating}{after}"
