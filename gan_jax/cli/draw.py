"""``python -m gan_jax draw RUN CAPTION``: pictures of a sentence, by a run that was trained with captions."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator, Sequence
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
from gan_jax.ranges import Count, Positive, Real, Seed

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Options:
    """Pictures of what a caption describes, drawn with the moving average of a run's generator."""

    run: Annotated[Path, tyro.conf.Positional]
    """The run's folder; a run that was trained with --condition.kind caption."""

    caption: Annotated[str, tyro.conf.Positional]
    """A sentence, such as "red eyes and short green hair"."""

    n: Count = 16
    """How many pictures."""

    seed: Seed = 0
    """Of the noise."""

    columns: Count | None = None
    """Pictures in a row; a square where not given."""

    guidance: Real = 1.0
    """How far the sentence is pushed away from the average of all sentences: 1 leaves it, more exaggerates it, for less variety."""

    truncation: Positive | None = None
    """Largest absolute value of the noise, in standard deviations: 1 and less give safer pictures, and fewer different ones."""

    out: Path | None = None
    """The folder to write to; the run's own where not given."""


def main(words: Sequence[str]) -> int:
    """Writes ``draw_CAPTION_seed{seed}.png`` and ``.npz`` (``name_of``), and says what can be read off the pictures."""
    options = parsed(Options, "draw", words)
    devices.configure_jax(cpu_devices=1)
    run = opened(options.run)
    if run.words is None or run.conditional is None:
        raise UserError(
            f"{options.run} was trained without captions, so it cannot draw one; train a run with --condition.kind caption"
        )
    tokens = run.words.encode([options.caption])
    unknown = run.words.unknown(options.caption)
    if unknown:
        say(f"the run has never seen: {', '.join(unknown)}", file=sys.stderr)
    from gan_jax.data.avatar_reading import read

    found: list[np.ndarray] = []

    def read_as_drawn() -> Iterator[np.ndarray]:
        for piece in _drawn(run, options, tokens):
            found.append(read(piece).attributes)
            yield piece

    folder = options.run if options.out is None else options.out
    name = files.place(folder, name_of(options))
    facts = {"step": run.step, "seed": options.seed, "caption": options.caption}
    with starts.working(f"drawing {options.n} pictures"):
        written = write_images(name, read_as_drawn(), options.n, columns=options.columns, **facts)
    say(f"{options.n} pictures of step {run.step}: {written}")
    say(_read_back(options.caption, found))
    return 0


def name_of(options: Options) -> str:
    """The name of the pictures without its ending, another one for every other caption, guidance, truncation or seed.

    It holds the caption's words, and eight digits of its SHA-256 where they do not say all of it: where they are cut after 60 letters, or
    the caption has more than the letters a to z and digits.
    """
    words = re.sub(r"[^a-z0-9]+", "_", options.caption.lower()).strip("_")[:60]
    parts = ["draw", words] if words else ["draw"]
    if words.split("_") != options.caption.lower().split():
        parts.append(hashlib.sha256(options.caption.encode(errors="surrogatepass")).hexdigest()[:8])
    if options.guidance != 1.0:
        parts.append(f"guidance{options.guidance}")
    if options.truncation is not None:
        parts.append(f"truncation{options.truncation}")
    return "_".join([*parts, f"seed{options.seed}"])


def _drawn(run: Opened, options: Options, tokens: np.ndarray) -> Iterator[np.ndarray]:
    """Pieces ``[some, size, size, 3]`` in [-1, 1] of n pictures; picture i is the same for every n."""
    import jax
    import jax.numpy as jnp

    from gan_jax.models.conditional import guided
    from gan_jax.training.state import averaged

    generator, variables = run.conditional, averaged(run.state)
    if generator is None:
        raise UserError(f"{options.run} was trained without a condition")
    embedding = generator.embed(variables, tokens)
    if options.guidance != 1.0:
        known = jnp.asarray(run.generator.noise(jax.random.key(options.seed), 256)[1])
        embedding = guided(embedding, jnp.mean(generator.embed(variables, known), axis=0), options.guidance)
    return drawn_with(run, embedding, options.n, seed=options.seed, truncation=options.truncation)


def _read_back(caption: str, found: Sequence[np.ndarray]) -> str:
    """What the caption asks for, attribute by attribute, and on how many pictures, whose attributes were read, it is there."""
    import numpy as np

    from gan_jax.data.avatars import ATTRIBUTES, VALUES
    from gan_jax.data.captions import attributes_of
    from gan_jax.typing import UNSPECIFIED

    wanted, there = attributes_of(caption), np.concatenate(found)
    asked = [(i, name) for i, name in enumerate(ATTRIBUTES) if wanted[i] != UNSPECIFIED]
    if not asked:
        return "the caption names no attribute of an avatar"
    return "; ".join(
        f"{name} {VALUES[name][wanted[i]]}: {int((there[:, i] == wanted[i]).sum())} of {len(there)}"
        for i, name in asked
    )
