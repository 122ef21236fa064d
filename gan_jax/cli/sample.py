"""``python -m gan_jax sample RUN``: images from a run, as one picture and as numbers."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from gan_jax import files
from gan_jax.cli import devices, starts
from gan_jax.cli.errors import UserError
from gan_jax.cli.image_runs import Opened, drawn_with, opened
from gan_jax.cli.options import parsed
from gan_jax.cli.pictures import write_images
from gan_jax.cli.terminal import say
from gan_jax.ranges import Count, Seed

if TYPE_CHECKING:
    from gan_jax.typing import Array

MOST_NAMED = 20
"""Classes that are named where none is meant."""


@dataclass(frozen=True)
class Options:
    """Images from a run, drawn with the moving average of its generator."""

    run: Annotated[Path, tyro.conf.Positional]
    """The run's folder."""

    n: Count = 64
    """How many images; any number, since they are written as they are drawn. The picture shows the first 1024."""

    seed: Seed = 0
    """Of the noise; sample i is the same for every n."""

    label: str | None = None
    """Images of this class alone, by its name or its number; for a run with --condition.kind label."""

    columns: Count | None = None
    """Images in a row of the picture; a square where not given."""

    out: Path | None = None
    """The folder to write to; the run's own where not given."""


def main(words: Sequence[str]) -> int:
    """Writes ``samples_seed{seed}.png`` and ``.npz``, or ``samples_label{label}_seed{seed}`` of one class."""
    options = parsed(Options, "sample", words)
    devices.configure_jax(cpu_devices=1)
    import jax

    run = opened(options.run)
    if options.label is None:
        pieces, what = run.pieces(run.state, jax.random.key(options.seed), options.n), ""
    else:
        number = label_of(run, options.label)
        pieces, what = drawn_with(run, _embedded(run, number), options.n, seed=options.seed), f"label{number}_"
    folder = options.run if options.out is None else options.out
    name = files.place(folder, f"samples_{what}seed{options.seed}")
    with starts.working(f"drawing {options.n} images"):
        written = write_images(name, pieces, options.n, columns=options.columns, step=run.step, seed=options.seed)
    say(f"{options.n} images of step {run.step}: {written}")
    return 0


def label_of(run: Opened, label: str) -> int:
    """The number of a class that is given by its name, or by its number where no class is called so.

    Raises:
      UserError: a run without labels, or no such class.
    """
    names, classes = run.facts.class_names, run.facts.classes
    if run.config.condition.kind != "label":
        raise UserError(
            f"label is {label!r}, and the run was trained without labels; expected one of train --condition.kind label"
        )
    if label in names:
        return names.index(label)
    if label.isdecimal() and int(label) < classes:
        return int(label)
    numbers = f"a number from 0 to {classes - 1}"
    if not names:
        raise UserError(f"label is {label!r}; expected {numbers}")
    near = difflib.get_close_matches(label, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise UserError(f"label is {label!r}; {hint}expected one of {', '.join(names[:MOST_NAMED])}, or {numbers}")


def _embedded(run: Opened, number: int) -> Array:
    import jax.numpy as jnp

    from gan_jax.training.state import averaged

    if run.conditional is None:
        raise UserError("the run was trained without labels")
    return run.conditional.embed(averaged(run.state), jnp.array([number], jnp.int32))
