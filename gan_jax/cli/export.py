"""``python -m gan_jax export RUN``: a run's generator alone, for programs that know nothing of gan_jax."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from gan_jax import files
from gan_jax.cli import devices
from gan_jax.cli.errors import UserError
from gan_jax.cli.image_runs import opened
from gan_jax.cli.options import parsed
from gan_jax.cli.pictures import write_numbers
from gan_jax.cli.terminal import say

LOADER = '''"""Draws images from the generator in this folder: needs JAX (with flatbuffers) and NumPy, nothing else."""
from pathlib import Path

import jax
import numpy as np

generate = jax.export.deserialize(bytearray((Path(__file__).parent / "generator.jax").read_bytes())).call
z = jax.random.normal(jax.random.key(0), (16, {latent}))
images = np.asarray(generate(z))  # {shape}, from -1 to 1
np.save(Path(__file__).parent / "images.npy", images)
'''


@dataclass(frozen=True)
class Options:
    """The generator of a run as one file of compiled JAX (StableHLO, with its weights inside), and a loader of ten lines."""

    run: Annotated[Path, tyro.conf.Positional]
    """The run's folder."""

    out: Path | None = None
    """The folder to write to; ``export`` in the run's own where not given."""


def main(words: Sequence[str]) -> int:
    """Writes ``generator.jax``, ``weights.npz`` and ``load.py``."""
    options = parsed(Options, "export", words)
    devices.configure_jax(cpu_devices=1)
    import jax
    import numpy as np

    from gan_jax.training.mesh import fetch
    from gan_jax.training.state import averaged

    run = opened(options.run)
    if run.conditional is not None:
        raise UserError(
            f"{options.run} was trained with a condition; expected a run without one, whose generator takes noise alone"
        )
    variables = fetch(averaged(run.state))
    # Any number of images at once: the batch is a symbol, not a number.
    (n,) = jax.export.symbolic_shape("n")
    z = jax.ShapeDtypeStruct((n, run.config.model.latent), np.float32)
    generate = jax.jit(lambda z: run.generator.apply(variables, z))
    exported = jax.export.export(generate, platforms=("cpu", "cuda", "tpu"))(z)
    # The run may come from somebody else, and its "export" may be a link; a folder that is named here is the user's.
    inside = (options.run, "export") if options.out is None else (options.out,)
    folder = files.place(*inside, "generator.jax").parent
    files.write_bytes(folder / "generator.jax", bytes(exported.serialize()))
    flat = jax.tree_util.tree_leaves_with_path(variables)
    leaves = {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in flat}
    write_numbers(folder / "weights.npz", **leaves)
    shape = "[16, " + ", ".join(str(side) for side in run.facts.shape) + "]"
    files.write_text(folder / "load.py", LOADER.format(latent=run.config.model.latent, shape=shape))
    say(f"{folder}: generator.jax of step {run.step}, weights.npz; python {folder}/load.py draws 16 images")
    return 0
