"""A run: a game, a folder, and the promise that stopping and going on gives the numbers of never having stopped.

What a run goes on from is the state alone: its key is constant, a step folds its number into it, and the data is a function of both. A
checkpoint is written between two chunks of steps, after the log's rows up to there; whoever goes on cuts the log back to the checkpoint.
Chunks are of one length, so that the same compiled program makes every step, whatever happened in between.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from jax.sharding import Mesh

from gan_jax import ranges
from gan_jax.ranges import Count
from gan_jax.training import checkpoint, run_folder
from gan_jax.training import mesh as meshes
from gan_jax.training.game import Game
from gan_jax.training.loop import Seen, compiled, progress, stop_where_not_finite
from gan_jax.training.state import GameState, Info
from gan_jax.typing import PRNGKey, PyTree

SinkFactory = Callable[[Path, int], AbstractContextManager[run_folder.Sink]]
"""``(folder, step)`` to a sink that is open while the run goes on from ``step``."""


@dataclass(frozen=True)
class Schedule:
    """How long, and how often what.

    Attributes:
      steps: of the whole run, however often it is interrupted; a multiple of ``log_every``.
      log_every: steps of one call of the compiled program, and of one row of the log.
      save_every: steps between two checkpoints, evaluations and pictures; a multiple of ``log_every``.
      keep: how many of the last checkpoints stay.
      best: name of a number of ``evaluate``; the checkpoint where it is smallest stays too.
    """

    steps: Count
    log_every: Count = 100
    save_every: Count = 1000
    keep: Count = 3
    best: str | None = None

    def __post_init__(self) -> None:
        ranges.check(self)
        for name in ("steps", "save_every"):
            if getattr(self, name) % self.log_every:
                raise ValueError(
                    f"{name} is {getattr(self, name)} and log_every is {self.log_every}; expected {name} to be a multiple of log_every"
                )


class Finished(NamedTuple):
    """What came of a run.

    Attributes:
      state: the last one.
      step: its number.
      complete: whether all steps were made; False where it was asked to stop, by a signal or by ``stop``.
    """

    state: GameState
    step: int
    complete: bool


def train(
    game: Game,
    key: PRNGKey,
    folder: str | os.PathLike[str],
    schedule: Schedule,
    *,
    config: Mapping[str, Any],
    free: Sequence[str] = (),
    mesh: Mesh | None = None,
    feed: Callable[[int, int], PyTree] | None = None,
    evaluate: Callable[[GameState], Mapping[str, float]] | None = None,
    on_save: Callable[[GameState, int], None] | None = None,
    sinks: Sequence[SinkFactory] = (),
    stop: Callable[[Info], bool] | None = None,
    show: bool = False,
) -> Finished:
    """Trains in a folder, from where that folder ends: a new run, or the same one going on.

    SIGTERM and Ctrl-C end the chunk of steps under way, save, and return; a second Ctrl-C interrupts at once. After a kill the run goes on
    from its last checkpoint that is whole, and writes the rows after it again, the same ones.

    Args:
      game: from ``game.adversarial`` or ``game.direct``.
      key: of the whole run; the same at every start.
      folder: of the run. It will hold ``config.json``, ``metrics.jsonl`` and ``metrics.csv``, and ``checkpoints/``.
      schedule: how long, and how often what.
      config: what decides the run's numbers, nested, of plain values; a later start with another one is refused.
      free: dotted names in ``config`` that may change from start to start, such as how many steps or devices.
      mesh: the devices; all of them where None.
      feed: what the game's data draws from (``data.sources``).
      evaluate: measured on the state at every save, into the log.
      on_save: called with the state and its step at every save and before the first step: pictures.
      sinks: where rows go besides the log.
      stop: told the means of every chunk of ``log_every`` steps; where it says so, the run saves and ends (``collapse.collapsed``). Started
        again, it goes on from there.
      show: whether progress and the time left are shown on standard error.

    Returns:
      The last state, and whether the run is complete.

    Raises:
      ValueError: another configuration, or a checkpoint of another model; names what differs.
      RuntimeError: another process is at work in the folder, or no checkpoint can be read.
      OSError: the folder cannot be written, or its disk is full; names the path. What was saved before stays.
      FloatingPointError: a quantity is not finite; names it and the step. The checkpoint before it stays.
    """
    folder = Path(folder)
    over = meshes.data_mesh() if mesh is None else mesh
    first = meshes.is_first()
    with ExitStack() as stack:
        if first:
            stack.enter_context(run_folder.locked(folder))
            run_folder.settle_config(folder, config, free=free)
        manager = checkpoint.manager(folder / "checkpoints", keep=schedule.keep, best=schedule.best)
        stack.callback(manager.close)
        state = meshes.begin(game, key, over, feed=None if feed is None else feed(0, schedule.log_every))
        restored = checkpoint.restore(manager, state)
        step, state = (0, state) if restored is None else restored
        if first:
            run_folder.cut(folder, step)
        rows = [stack.enter_context(sink(folder, step)) for sink in sinks] if first else []
        stopping = stack.enter_context(_asked_to_stop())
        if step == 0 and on_save is not None:
            on_save(state, 0)
        journey = _Journey(
            folder, schedule, manager, evaluate, on_save, tuple(rows), first, stop, [time.perf_counter()]
        )
        return _run(game, state, step, feed, journey, stopping, show)


@dataclass(frozen=True)
class _Journey:
    """What happens between two chunks."""

    folder: Path
    schedule: Schedule
    manager: Any
    evaluate: Callable[[GameState], Mapping[str, float]] | None
    on_save: Callable[[GameState, int], None] | None
    sinks: tuple[run_folder.Sink, ...]
    first: bool
    stop: Callable[[Info], bool] | None
    clock: list[float]

    def log(self, last: int, seen: Seen, measured: Mapping[str, float]) -> None:
        """One row for the chunk that ended with step ``last``."""
        info, broken, _ = meshes.fetch(seen)
        stop_where_not_finite(last - self.schedule.log_every + 1, last, broken)
        row = {"step": last, **{name: float(value) for name, value in info._asdict().items()}, **measured}
        now = time.perf_counter()
        speed = self.schedule.log_every / (now - self.clock.pop())
        self.clock.append(now)
        if self.first:
            run_folder.append(self.folder, row)
            # How fast it went is for eyes: in the log it would make two equal runs differ.
            for sink in self.sinks:
                sink(last, {**row, "steps_per_second": speed})

    def save(self, last: int, state: GameState, measured: Mapping[str, float]) -> None:
        """The checkpoint of step ``last``, after the log's rows up to there."""
        if self.first:
            run_folder.write_table(self.folder)
        checkpoint.save(self.manager, last, state, measured or None)


def _run(
    game: Game,
    state: GameState,
    step: int,
    feed: Callable[[int, int], PyTree] | None,
    journey: _Journey,
    stopping: threading.Event,
    show: bool,
) -> Finished:
    """Chunk after chunk, until all steps are made or somebody asks to stop."""
    schedule = journey.schedule
    advance = compiled(game)
    waiting: tuple[int, Seen] | None = None
    with progress(schedule.steps, show) as shown:
        shown(step)
        while step < schedule.steps:
            state, seen = advance(state, None if feed is None else feed(step, schedule.log_every), schedule.log_every)
            # While this chunk computes, the host looks at the one before.
            if waiting is not None:
                journey.log(*waiting, {})
            step += schedule.log_every
            waiting = step, seen
            shown(schedule.log_every)
            stop = meshes.any_process(stopping.is_set())
            # The means are the same on every process, and so is the answer.
            stop |= journey.stop is not None and journey.stop(meshes.fetch(seen[0]))
            due = step % schedule.save_every == 0 or step == schedule.steps
            if due or stop:
                # Looked at first: a state that is not finite is never saved.
                stop_where_not_finite(step - schedule.log_every + 1, step, meshes.fetch(seen[1]))
                measured = dict(journey.evaluate(state)) if due and journey.evaluate is not None else {}
                journey.log(*waiting, measured)
                waiting = None
                if due and journey.on_save is not None:
                    journey.on_save(state, step)
                journey.save(step, state, measured)
            if stop:
                return Finished(state, step, step >= schedule.steps)
    return Finished(state, step, True)


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """An event that SIGTERM and the first Ctrl-C set, while this lasts; the second Ctrl-C interrupts as it always does."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        # Python hands signals to the main thread alone: whoever trains in another one has to stop it by other means.
        yield asked
        return

    def ask(number: int, frame: types.FrameType | None) -> None:
        asked.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def restored(
    game: Game,
    key: PRNGKey,
    folder: str | os.PathLike[str],
    *,
    mesh: Mesh | None = None,
    feed: PyTree = None,
) -> tuple[int, GameState]:
    """The newest whole state of a run, to sample from or to measure; the folder is only read.

    Args:
      game: the one that was trained there.
      key: any; only the shapes of its state are used.
      folder: of the run.
      mesh: the devices; the first one where None.
      feed: what the data draws from; only shapes are looked at.

    Returns:
      Its step and the state.

    Raises:
      FileNotFoundError: the folder has no checkpoint.
      ValueError: a checkpoint of another model.
    """
    folder = Path(folder)
    over = meshes.data_mesh(1) if mesh is None else mesh
    if not (folder / "checkpoints").is_dir():
        raise FileNotFoundError(f"{folder} holds no checkpoints; expected the folder of a run that has saved one")
    state = meshes.begin(game, key, over, feed=feed)
    with ExitStack() as stack:
        manager = checkpoint.manager(folder / "checkpoints", read_only=True)
        stack.callback(manager.close)
        found = checkpoint.restore(manager, state, rename=False)
    if found is None:
        raise FileNotFoundError(f"{folder} holds no whole checkpoint; expected the folder of a run that has saved one")
    return found


__all__ = ["Finished", "Schedule", "SinkFactory", "restored", "train"]
