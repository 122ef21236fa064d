"""``python -m gan_jax prepare NAME``: fetches a set of images once, for every later run to read without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from gan_jax.cli.names import Names
from gan_jax.cli.options import parsed
from gan_jax.cli.terminal import say


@dataclass(frozen=True)
class Options:
    """Prepares a set of TensorFlow Datasets; needs a network and TensorFlow, which reading it later does not."""

    name: Annotated[str, Names("gan_jax.data.sets:PREPARED", closed=False), tyro.conf.Positional]
    """The set: one of these, or any other of TFDS's with images."""

    data_dir: Path | None = None
    """Where to; the user's cache folder where not given."""


def main(words: Sequence[str]) -> int:
    """Prepares the set, and says where it is."""
    options = parsed(Options, "prepare", words)
    from gan_jax.data.sets import SETS
    from gan_jax.data.tfds_sets import prepare

    if options.name in SETS:
        say(f"{options.name} come with gan_jax: there is nothing to prepare")
        return 0
    say(f"{options.name} is prepared in {prepare(options.name, options.data_dir, show=True)}")
    return 0
