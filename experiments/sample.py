"""``python -m experiments sample RUN``: images from a run, as one picture and as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from experiments import harness
from experiments.image_runs import opened
from experiments.options import parsed
from experiments.pictures import write_grid, write_numbers
from gan_jax import files
from gan_jax.ranges import Count, Seed


@dataclass(frozen=True)
class Options:
    """Images from a run, drawn with the moving average of its generator."""

    run: Annotated[Path, tyro.conf.Positional]
    """The run's folder."""

    n: Count = 64
    """How many images."""

    seed: Seed = 0
    """Of the noise; sample i is the same for every n."""

    columns: Count | None = None
    """Images in a row of the picture; a square where not given."""

    out: Path | None = None
    """The folder to write to; the run's own where not given."""


def main(words: Sequence[str]) -> int:
    """Writes ``samples_seed{seed}.png`` and ``.npz``."""
    options = parsed(Options, "sample", words)
    harness.configure_jax(cpu_devices=1)
    import jax

    run = opened(options.run)
    images = run.sample(run.state, jax.random.key(options.seed), options.n)
    folder = options.run if options.out is None else options.out
    name = files.place(folder, f"samples_seed{options.seed}")
    write_grid(name.with_suffix(".png"), images, columns=options.columns)
    write_numbers(name.with_suffix(".npz"), images=images, step=run.step, seed=options.seed)
    print(
        f"{options.n} images of step {run.step}: {name}.png, and {name}.npz with images {list(images.shape)} in [-1, 1]"
    )
    return 0
