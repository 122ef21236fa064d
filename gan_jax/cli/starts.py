"""What a run says and records when it starts: where, with what, how large its networks are, what takes long before the first step."""

from __future__ import annotations

import datetime
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gan_jax import checks
from gan_jax.cli.errors import UserError
from gan_jax.cli.surroundings import surroundings
from gan_jax.cli.terminal import duration, say

if TYPE_CHECKING:
    from gan_jax.training.state import GameState

QUIET = 3.0
"""Seconds that something may take without a word."""

BEAT = 15.0
"""Seconds between two words on something that takes longer."""


@contextmanager
def working(what: str) -> Iterator[None]:
    """Says on standard error what takes long, for how long by now, and in the end how long it took; nothing where it is quick."""
    began, ended, said = time.perf_counter(), threading.Event(), threading.Event()

    def beat() -> None:
        wait = QUIET
        while not ended.wait(wait):
            said.set()
            say(f"{what}: {duration(time.perf_counter() - began)} so far", file=sys.stderr)
            wait = BEAT

    thread = threading.Thread(target=beat, name=what, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if said.is_set():
        say(f"{what}: done in {duration(time.perf_counter() - began)}", file=sys.stderr)


def opening(
    folder: Path, command: str, words: Sequence[str], steps: int, event_shape: Sequence[int]
) -> Callable[[GameState, int], None]:
    """What ``runs.train`` takes as ``on_start``: says and records this start of a run.

    The record is when, from which step, by which command, on what, with which versions and commit.

    Args:
      folder: of the run.
      command: its name.
      words: what followed it on the command line.
      steps: of the whole run.
      event_shape: of an image.
    """

    def on_start(state: GameState, step: int) -> None:
        import jax

        from gan_jax.training import mesh as meshes
        from gan_jax.training import run_folder

        if not meshes.is_first():
            return
        facts = {
            "started_utc": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "step": step,
            "command": shlex.join(["python", "-m", "gan_jax", command, *words]),
            "processes": jax.process_count(),
            **surroundings(),
        }
        run_folder.record_start(folder, facts)
        generator, discriminator = (
            sum(leaf.size for leaf in jax.tree.leaves(player.variables.get("params", {})))
            for player in (state.generator, state.discriminator)
        )
        device = facts["device"]
        shape = " × ".join(map(str, event_shape))
        say(
            f"{folder}: {device['count']} {device['platform']} device{'' if device['count'] == 1 else 's'} ({device['kind']}), images "
            f"{shape}, generator {generator} and discriminator {discriminator} parameters, step {step} of {max(step, steps)}",
            file=sys.stderr,
        )

    return on_start


def ending(folder: Path, step: int, asked: int, complete: bool) -> tuple[str, str]:
    """How a run ended, in words that come before what was measured last, and after it.

    Args:
      folder: of the run.
      step: how many it has made.
      asked: how many the command asks for.
      complete: whether these are all of them.
    """
    if not complete:
        return f"{folder}: stopped at step {step} of {asked}, saved", "; the same command goes on from here"
    if step > asked:
        return f"{folder}: {step} steps were made before, more than the {asked} asked for", ""
    return f"{folder}: all {step} steps made", ""


def changes(asked: Sequence[str], known: Sequence[str]) -> list[str]:
    """The options that are to change at this start, as a run's configuration names them.

    Raises:
      ValueError: one that cannot be changed; names the nearest that can.
    """
    return [checks.one_of("change", name.replace("-", "_"), known) for name in asked]


@contextmanager
def diverging(folder: Path) -> Iterator[None]:
    """Says, where a run ends in numbers that are not finite, how it can go on from its last checkpoint."""
    try:
        yield
    except FloatingPointError as error:
        raise UserError(
            f"{error}. {folder} goes on from its last checkpoint, under other rates where they are given and asked for: "
            "--generator.rate RATE --discriminator.rate RATE --change generator.rate discriminator.rate"
        ) from error
