"""A run: a game, a folder, and the promise that stopping and going on gives the numbers of never having stopped.

What a run goes on from is the state: its key is constant, a step folds its number into it, and the data is a function of both. A checkpoint
is written after the log's rows up to there; whoever goes on cuts the log back to the checkpoint. Steps are made in windows, each of them a
row of the log, and windows in pieces that take about a second, so that whoever asks to stop is heard: one compiled program makes every
step, whatever the pieces are. A checkpoint inside a window holds what the steps of that window looked like so far.

At a save the checkpoint is on the disk before anything else is tried: pictures, an evaluation, sinks. Where one of these fails it is warned
of, and the run goes on; where the process ends before they are done, the next start does them first.
"""

from __future__ import annotations

import dataclasses
import math
import os
import signal
import threading
import time
import types
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from gan_jax import checks, ranges
from gan_jax.ranges import Count
from gan_jax.training import checkpoint, run_folder
from gan_jax.training import mesh as meshes
from gan_jax.training.finite import refuse_not_finite
from gan_jax.training.game import Game
from gan_jax.training.loop import Window, progress, stop_where_not_finite, windows
from gan_jax.training.state import GameState, Hyperparameters, Info
from gan_jax.typing import Array, PRNGKey, PyTree

PIECE_SECONDS = 1.0
"""How long a piece of a window takes about, where one step is not longer: two of them are under way when somebody asks to stop."""

PEERS_SECONDS = 600.0
"""How long a process in which something failed waits for the others, in whom it may have worked."""

SinkFactory = Callable[[Path, int], AbstractContextManager[run_folder.Sink]]
"""``(folder, step)`` to a sink that is open while the run goes on from ``step``."""


@dataclass(frozen=True)
class Schedule:
    """How long, and how often what."""

    steps: Count
    """Steps of the whole run, however often it is interrupted; a multiple of ``log_every``."""

    log_every: Count = 100
    """Steps of a window, and of one row of the log."""

    save_every: Count = 1000
    """Steps between two checkpoints, evaluations and pictures; a multiple of ``log_every``."""

    keep: Count = 3
    """How many of the last checkpoints stay, whatever they were written for."""

    best: str | None = None
    """What is measured at a save, by name: of the checkpoints that have it in the log, the one where it is smallest stays too. One where it
    was not measured, or is no finite number, is never the best."""

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
      complete: whether all steps were made and measured; False where it was asked to stop, by a signal or by ``stop``.
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
    change: Sequence[str] = (),
    mesh: Mesh | None = None,
    feed: Callable[[int, int], PyTree] | None = None,
    evaluate: Callable[[GameState], Mapping[str, float]] | None = None,
    on_start: Callable[[GameState, int], None] | None = None,
    on_save: Callable[[GameState, int], None] | None = None,
    sinks: Sequence[SinkFactory] = (),
    stop: Callable[[Info], bool] | None = None,
    during: Callable[[str], AbstractContextManager[object]] = nullcontext,
    show: bool = False,
) -> Finished:
    """Trains in a folder, from where that folder ends: a new run, or the same one going on.

    SIGTERM and Ctrl-C end the steps under way, about two seconds of them, save, and return; a second Ctrl-C interrupts at once. Before the
    first step of this start there is nothing to save, and both do what they do to any program. After a kill the run goes on from its last
    checkpoint that is whole, and writes the rows after it again, the same ones.

    Args:
      game: from ``game.gan`` or ``game.direct``.
      key: of the whole run; the same at every start.
      folder: of the run. It will hold ``config.json``, ``metrics.jsonl`` and ``metrics.csv``, and ``checkpoints/``.
      schedule: how long, and how often what.
      config: what decides the run's numbers, nested, of plain values; a later start with another one is refused.
      free: dotted names in ``config`` that may change from start to start, such as how many steps or devices.
      change: dotted names in ``config`` that are changed at this start, on request: learning rates that were too high, say. From the last
        checkpoint on the hyperparameters are those of ``game``; ``changes.jsonl`` says what was changed at which step.
      mesh: the devices; all of them where None.
      feed: what the game's data draws from (``data.sources``).
      evaluate: measured on the state after every save, numbers by names that are no field of ``Info``, into the log. Where it fails the row
        stays without it, and a warning says why; the next start tries again where no step was made since.
      on_start: called with the state and its step before the first step of this start.
      on_save: called with the state and its step after every save and before the first step: pictures. At a start from a save that it may
        not have been called for it is called again.
      sinks: where rows go besides the log; one that fails is warned of, and gets no more rows at this start.
      stop: told the means of every window of ``log_every`` steps; where it says so, the run saves and ends (``collapse.collapsed``).
        Started again, it goes on from there.
      during: ``during("compiling a step")`` is entered while something takes long and makes no step: for showing that.
      show: whether progress and the time left are shown on standard error: a bar on a terminal, lines elsewhere.

    Returns:
      The last state, and whether the run is complete.

    Raises:
      ValueError: another configuration, or a checkpoint of another model; names what differs. Or a bad line in the log.
      RuntimeError: another process is at work in the folder, or no checkpoint can be read.
        Or of several processes one with other options.
      OSError: the folder cannot be written, or its disk is full; names the path. What was saved before stays.
      FloatingPointError: a quantity, or the state itself, is not finite; names it and the step. The checkpoint before it stays.
    """
    checks.made("game", game, Game, "game.gan")
    checks.made("schedule", schedule, Schedule, "runs.Schedule(1000)")
    _check_kinds(config, {"free": free, "change": change})
    _check_functions({"feed": feed, "evaluate": evaluate, "on_start": on_start, "on_save": on_save, "stop": stop})
    key, folder = checks.key("key", key), Path(folder)
    over = meshes.data_mesh() if mesh is None else mesh
    first = meshes.is_first()
    meshes.refuse_others({"devices": over.size, **_of_all_processes(config, schedule, key, free, change)})
    with ExitStack() as stack:
        changed: dict[str, tuple[Any, Any]] = {}
        if first:
            stack.enter_context(run_folder.locked(folder))
            run_folder.check_records(folder)
            changed = run_folder.settle_config(folder, config, free=free, change=change)
        manager = checkpoint.manager(folder / run_folder.CHECKPOINTS)
        stack.callback(manager.close)
        with during("preparing the networks and the last checkpoint"):
            at, hyper = _begun(game, key, over, manager, schedule, feed)
        on_record = bool(change) or meshes.from_first(first and run_folder.changed_since(folder, at.step))
        at = _with_hyperparameters(at, hyper, bool(on_record))
        if first:
            _settle_log(folder, at.step, schedule)
        if changed:
            run_folder.record_changes(folder, at.step, changed, config)
        outlets = [stack.enter_context(_guarded(sink, folder, at.step)) for sink in sinks] if first else []
        context = _RunContext(folder, schedule, manager, evaluate, on_save, tuple(outlets), first, stop, during)
        if on_start is not None:
            on_start(at.state, at.step)
        if at.step == 0 and on_save is not None:
            context.together("pictures of step 0", 0, lambda: on_save(at.state, 0))
        if context.owed(at.step):
            context.after(at.step, at.state)
        if at.step >= schedule.steps:
            return Finished(at.state, at.step, True)
        with during("compiling a step"):
            window, state, infos = _compiled(game, at, schedule, feed, over)
        with _asked_to_stop() as request, progress(schedule.steps, show) as shown:
            return _run(window, state, at.step, infos, feed, context, request, shown)


def _of_all_processes(
    config: Mapping[str, Any], schedule: Schedule, key: PRNGKey, free: Sequence[str], change: Sequence[str]
) -> dict[str, Any]:
    """What moves numbers, or says when processes meet: the same in all of them."""
    schedules = {f"schedule.{name}": value for name, value in dataclasses.asdict(schedule).items()}
    words = jax.random.key_data(key) if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key
    return {
        **run_folder.moving(config, free),
        **schedules,
        "change": sorted(change),
        "key": np.asarray(words).tolist(),
    }


def _check_kinds(config: object, several: Mapping[str, object]) -> None:
    """Raises ``TypeError`` for what is no configuration, or no list of names."""
    if not isinstance(config, Mapping):
        raise TypeError(
            f"config is {checks.shown(config)}; expected a mapping of names to plain values, such as {{'width': 64}}"
        )
    for name, names in several.items():
        if isinstance(names, str):
            raise TypeError(f"{name} is {names!r}; expected several dotted names, such as [{names!r}]")


_CALLED: Mapping[str, tuple[Sequence[str], str]] = {
    "feed": (("step", "steps"), "source.feed"),
    "evaluate": (("state",), "lambda state: {'kid': 0.1}"),
    "on_start": (("state", "step"), "lambda state, step: None"),
    "on_save": (("state", "step"), "lambda state, step: None"),
    "stop": (("info",), "collapse.collapsed()"),
}
"""What ``train`` calls each of its functions with, and an example of one."""


def _check_functions(given: Mapping[str, object]) -> None:
    """Raises ``TypeError`` for what is no function of what it is called with; None is none."""
    for name, function in given.items():
        if function is not None:
            checks.takes(name, function, *_CALLED[name])


class _At(NamedTuple):
    """Where a run stands: its state after ``step`` steps, and what the steps of the window under way looked like, where there are any."""

    state: GameState
    step: int
    infos: Info | None


def _begun(
    game: Game,
    key: PRNGKey,
    over: Mesh,
    manager: Any,
    schedule: Schedule,
    feed: Callable[[int, int], PyTree] | None,
) -> tuple[_At, Hyperparameters]:
    """Where the newest whole checkpoint stands, or the first step; and the hyperparameters of the game as it is now."""
    state = meshes.begin(game, key, over, feed=None if feed is None else feed(0, schedule.log_every))
    restored = checkpoint.restore(manager, state)
    if restored is None:
        refuse_not_finite(state, "before the first step")
        return _At(state, 0, None), state.hyper
    step, found = restored
    inside = step % schedule.log_every
    window = checkpoint.notes(manager, step).get(WINDOW, {})
    lengths = {len(values) for values in window.values()} or {0}
    if lengths != {inside}:
        raise ValueError(
            f"the checkpoint of step {step} was saved {lengths.pop()} steps into a row of the log, and with log_every = "
            f"{schedule.log_every} it is {inside} steps into one; expected the log_every that it was saved with"
        )
    front: Any = {name: np.asarray(values) for name, values in run_folder.with_todays_names(window).items()}
    return _At(found, step, Info(**front) if front else None), state.hyper


def _with_hyperparameters(at: _At, hyper: Hyperparameters, on_record: bool) -> _At:
    """The state under the hyperparameters of the game as it is now; other ones than it was saved with have to be asked for."""
    for name, value in meshes.fetch(hyper).items():
        was = meshes.fetch(at.state.hyper[name])
        if not np.array_equal(was, value, equal_nan=True) and not on_record:
            raise ValueError(
                f"{name} is {value!s}, and the run was trained with {was!s} up to step {at.step}; expected the same, or a change that is "
                "asked for by name (change)"
            )
    refuse_not_finite(hyper, f"among the hyperparameters at step {at.step}")
    return at._replace(state=at.state._replace(hyper=hyper))


WINDOW = "window"
"""What a checkpoint inside a window keeps with the state: for every quantity of ``Info`` its values at the window's steps so far."""


def _settle_log(folder: Path, step: int, schedule: Schedule) -> None:
    """Cuts the log back to where the state is, and says what it should have and has not."""
    saved = run_folder.table_ends(folder)
    if step == 0 and saved > 0:
        # Whoever deletes the checkpoints may mean that; a machine that starts a run again, and finds a disk missing, does not.
        warnings.warn(
            f"{folder} was saved at step {saved}, and no checkpoint is there any more: the run begins again at step 0; its rows so far are "
            f"kept in {run_folder.CUT}",
            RuntimeWarning,
            stacklevel=3,
        )
    run_folder.cut(folder, step)
    gone = run_folder.missing(run_folder.read_rows(folder), step, schedule.log_every)
    if gone:
        warnings.warn(
            f"{folder / run_folder.METRICS} lacks {len(gone)} of {step // schedule.log_every} rows up to step {step}, the first of them "
            f"of step {gone[0]}; the run goes on from its checkpoint, and log and table keep that gap",
            RuntimeWarning,
            stacklevel=3,
        )


def _compiled(
    game: Game, at: _At, schedule: Schedule, feed: Callable[[int, int], PyTree] | None, over: Mesh
) -> tuple[Window, GameState, Info]:
    """The programs of a window, compiled by making no step; the state, and what the window under way looked like so far."""
    begun = at.step - at.step % schedule.log_every
    held = None if feed is None else feed(begun, schedule.log_every)
    sharding = meshes.replicated(over)

    def place(tree: PyTree) -> PyTree:
        # Every process has the same numbers.
        return jax.tree.map(
            lambda leaf: jax.make_array_from_callback(leaf.shape, sharding, lambda index: leaf[index]), tree
        )

    window = windows(game, at.state, held, schedule.log_every, place)
    infos = window.begin()
    if at.infos is not None:
        infos = place(jax.tree.map(_with_front, meshes.fetch(infos), at.infos))
    state, infos, _ = window.advance(at.state, infos, held, 0, 0)
    jax.block_until_ready(window.seen(infos))
    return window, state, infos


def _with_front(whole: np.ndarray, front: np.ndarray) -> np.ndarray:
    result = whole.copy()
    result[: len(front)] = front
    return result


Outlet = Callable[[int, run_folder.Row], None]


@contextmanager
def _guarded(factory: SinkFactory, folder: Path, step: int) -> Iterator[Outlet]:
    """A sink whose failure costs no run: it is warned of once, and the sink is left alone from then on.

    What it says when it is opened stops the run before it starts: then nothing is lost, and somebody is there to read it.
    """
    name = getattr(getattr(factory, "func", factory), "__name__", "a sink")
    manager = factory(folder, step)
    write, works = manager.__enter__(), True

    def guarded(last: int, row: run_folder.Row) -> None:
        nonlocal works
        if works:
            works = _attempt(f"{name} at step {last}", lambda: write(last, row), "nothing more goes there")

    try:
        yield guarded
    finally:
        _attempt(f"closing {name}", lambda: manager.__exit__(None, None, None), "the run's own log is whole")


def _attempt(what: str, do: Callable[[], object], so: str) -> bool:
    """Whether ``do`` came to its end; what stopped it is a warning."""
    try:
        do()
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        warnings.warn(
            f"{what} failed ({type(error).__name__}: {reason[:300]}); {so}, and the run goes on",
            RuntimeWarning,
            stacklevel=3,
        )
        return False
    return True


def _numbers(measured: object) -> dict[str, float]:
    """What an evaluation returned, as a part of the log's row.

    Raises:
      TypeError, ValueError: it is no mapping of names that the row does not have to numbers; a log that held it could not be read again.
    """
    if not isinstance(measured, Mapping):
        raise TypeError(
            f"evaluate returned {checks.shown(measured)}; expected a mapping of names to numbers, such as {{'kid': 0.1}}"
        )
    for name, value in measured.items():
        if not isinstance(name, str) or name in {"step", *Info._fields}:
            raise ValueError(
                f"evaluate returned {name!r}; expected names other than those of the row: step, {', '.join(Info._fields)}"
            )
        with suppress(ValueError):
            if checks.real(name, value).ndim == 0:
                continue
        raise ValueError(f"evaluate returned {name} as {checks.shown(value)}; expected one number")
    return {name: float(value) for name, value in measured.items()}


@dataclass
class _RunContext:
    """What happens between two pieces of work on the device."""

    folder: Path
    schedule: Schedule
    manager: Any
    evaluate: Callable[[GameState], Mapping[str, float]] | None
    on_save: Callable[[GameState, int], None] | None
    sinks: tuple[Outlet, ...]
    first: bool
    stop: Callable[[Info], bool] | None
    during: Callable[[str], AbstractContextManager[object]]
    unwritten: list[dict[str, float]] = field(default_factory=list)
    clock: tuple[int, float] | None = None

    def stops(self, means: Info) -> bool:
        """Whether some process wants to end the run with a window of these means; one of them may have been told at this start alone."""
        return meshes.any_process(self.stop is not None and self.stop(meshes.fetch(means)))

    def attempt(self, what: str, do: Callable[[], object]) -> bool:
        """``do``, whose failure is a warning."""
        return _attempt(what, do, "what is saved stays")

    def together(self, what: str, step: int, do: Callable[[], object]) -> None:
        """``attempt`` of what every process of the run does, and what can fail in one of them.

        That one may have left the others in an exchange that waits for it, where they hear of nothing: then it ends, on record, and so do
        they; the next start goes on without.
        """
        lost: list[jax.errors.JaxRuntimeError] = []

        def done() -> None:
            try:
                do()
            except jax.errors.JaxRuntimeError as error:
                # Memory can run out in one process alone; what else an exchange ends in is that another one is gone.
                if jax.process_count() > 1 and not any(
                    of in str(error) for of in ("RESOURCE_EXHAUSTED", "Out of memory")
                ):
                    lost.append(error)
                raise

        works = self.attempt(what, done)
        if lost:
            raise lost[0]
        if meshes.meet(works, seconds=PEERS_SECONDS):
            return
        run_folder.record_failed(self.folder, step, what)
        raise RuntimeError(
            f"{what} failed in this process, and another one waits for it; what is saved is whole: start all of them again, and the run "
            "goes on without"
        )

    def log(self, last: int, seen: tuple[Info, Info]) -> dict[str, float]:
        """The row of the window that ended with step ``last``: into the log, and back for the sinks."""
        info, broken = meshes.fetch(seen)
        stop_where_not_finite(last - self.schedule.log_every + 1, last, broken)
        row = {"step": last, **{name: float(value) for name, value in info._asdict().items()}}
        if self.first:
            self.unwritten.append(row)
            # A disk that is full for a moment costs nothing: rows wait for the next save, which needs them on the disk.
            self.attempt(f"writing the log at step {last}", self.write)
        return row

    def write(self) -> None:
        """Puts the rows that wait into the log."""
        if self.unwritten:
            run_folder.append(self.folder, *self.unwritten)
            self.unwritten.clear()

    def tell(self, row: Mapping[str, float]) -> None:
        """A row for the sinks, with how fast it went: that is for eyes, and in the log it would make two equal runs differ."""
        last, now = int(row["step"]), time.perf_counter()
        speed = {}
        if self.clock is not None and last > self.clock[0]:
            speed = {"steps_per_second": (last - self.clock[0]) / (now - self.clock[1])}
        self.clock = last, now
        for sink in self.sinks:
            sink(last, {**row, **speed})

    def due(self, step: int) -> bool:
        """Whether pictures and an evaluation belong to the save of this step."""
        return step % self.schedule.save_every == 0 or step == self.schedule.steps

    def save(self, step: int, state: GameState, infos: Info | None = None) -> None:
        """The checkpoint of this step, after the log's rows up to there; inside a window with what its steps looked like so far."""
        if self.first:
            self.write()
        front = {} if infos is None else infos._asdict()
        inside = step % self.schedule.log_every
        values = {name: np.asarray(meshes.fetch(array))[:inside].tolist() for name, array in front.items()}
        checkpoint.save(self.manager, step, state, {WINDOW: values} if values else None)

    def owed(self, step: int) -> bool:
        """Whether the process that saved this step ended before all that belongs to that save was done."""
        owed = False
        if self.first and step > 0 and self.due(step):
            rows = [row for row in run_folder.read_rows(self.folder) if row["step"] == step]
            measured = bool(rows) and not set(rows[-1]) <= {"step", *Info._fields}
            owed = run_folder.table_ends(self.folder) != step or (self.evaluate is not None and not measured)
        return bool(meshes.from_first(owed))

    def after(self, step: int, state: GameState) -> None:
        """What belongs to the save of this step and can fail: pictures, an evaluation; then the table, and fewer checkpoints."""
        on_save, evaluate = self.on_save, self.evaluate
        measured: dict[str, float] = {}
        if meshes.from_first(self.first and run_folder.failed_at(self.folder, step)):
            warnings.warn(
                f"what belongs to the save of step {step} is left out, since it ended the processes of this run before "
                f"({run_folder.FAILED})",
                RuntimeWarning,
                stacklevel=3,
            )
            self.tidy(step)
            return
        with self.during(f"drawing and measuring what was saved at step {step}"):
            if on_save is not None:
                self.together(f"pictures of step {step}", step, lambda: on_save(state, step))
            if evaluate is not None:
                self.together(
                    f"the evaluation at step {step}", step, lambda: measured.update(_numbers(evaluate(state)))
                )
        if self.first:
            self.attempt(
                f"writing what was measured at step {step}",
                lambda: self.tell(run_folder.amend(self.folder, step, measured)),
            )
        self.tidy(step)

    def tidy(self, step: int) -> None:
        """The table, and only those checkpoints that are to stay."""
        if self.first:
            self.attempt(f"writing the table at step {step}", lambda: run_folder.write_table(self.folder))
        self.prune(step)

    def prune(self, step: int) -> None:
        """Only those checkpoints that are to stay."""
        best = meshes.from_first(self.best_step() if self.first else -1)
        self.attempt(
            f"deleting old checkpoints at step {step}",
            lambda: checkpoint.prune(self.manager, keep=self.schedule.keep, best=best),
        )

    def best_step(self) -> int:
        """The step of the checkpoint that is best by the log; −1 where none is."""
        name = self.schedule.best
        there = set(self.manager.all_steps())
        values = {
            int(row["step"]): float(row[name])
            for row in run_folder.read_rows(self.folder)
            if name in row and row["step"] in there and math.isfinite(row[name])
        } if name is not None else {}  # fmt: skip
        return min(values, key=lambda step: values[step], default=-1)


class _Pace:
    """How many steps are a piece: as many as take ``PIECE_SECONDS``, by the time that the last piece took; one where nothing is known."""

    def __init__(self) -> None:
        self.per_step = math.inf
        self.waiting: list[tuple[Array, int]] = []
        self.began: float | None = None

    def size(self, most: int) -> int:
        return max(1, min(most, int(PIECE_SECONDS / self.per_step) if self.per_step > 0.0 else most))

    def sent(self, done: Array, count: int, *asked: bool) -> bool:
        """Waits for the piece before this one, so that the device has one to do meanwhile; returns whether some process asks to stop."""
        self.waiting.append((done, count))
        seconds = 0.0
        if len(self.waiting) > 1:
            mark, made = self.waiting.pop(0)
            jax.block_until_ready(mark)
            now = time.perf_counter()
            if self.began is not None:
                seconds = (now - self.began) / made
            self.began = now
        # Pieces are of one size in all processes, which exchange something at every step.
        flag, seconds = meshes.largest(float(any(asked)), seconds)
        if seconds > 0.0:
            self.per_step = seconds
        return flag > 0.0

    def rest(self) -> None:
        """Time that passes from now on was not spent on steps: the device has none to make."""
        for mark, _ in self.waiting:
            jax.block_until_ready(mark)
        self.waiting.clear()
        self.began = time.perf_counter()


def _run(
    window: Window,
    state: GameState,
    step: int,
    infos: Info,
    feed: Callable[[int, int], PyTree] | None,
    context: _RunContext,
    request: _Request,
    shown: Callable[[int], None],
) -> Finished:
    """Piece after piece, until all steps are made or somebody asks to stop."""
    schedule, pace = context.schedule, _Pace()
    waiting: tuple[int, tuple[Info, Info]] | None = None
    shown(step)
    pace.rest()
    while step < schedule.steps:
        begun = step - step % schedule.log_every
        held = None if feed is None else feed(begun, schedule.log_every)
        asked, inside = False, step - begun
        while inside < schedule.log_every and not asked:
            count = pace.size(schedule.log_every - inside)
            state, infos, done = window.advance(state, infos, held, inside, count)
            inside += count
            if waiting is not None:
                # While this piece computes, the host looks at the window before.
                context.tell(context.log(*waiting))
                waiting = None
            asked = pace.sent(done, count, request.made)
            shown(count)
        step = begun + inside
        if inside == schedule.log_every:
            waiting = step, window.seen(infos)
        collapsed = waiting is not None and context.stops(waiting[1][0])
        if asked or collapsed or (waiting is not None and context.due(step)):
            pace.rest()
            done_after = _saved(context, state, step, infos, waiting, request, asked)
            waiting = None
            pace.rest()
            if asked or collapsed or not done_after:
                return Finished(state, step, step >= schedule.steps and done_after)
    return Finished(state, step, True)


def _saved(
    context: _RunContext,
    state: GameState,
    step: int,
    infos: Info,
    full: tuple[int, tuple[Info, Info]] | None,
    request: _Request,
    asked: bool,
) -> bool:
    """Saves, and then does what belongs to the save; returns whether all of it was done, which it is not where somebody asks to stop."""
    row = None
    if full is None:
        broken = jax.tree.map(lambda values: values[: step % context.schedule.log_every], meshes.fetch(infos))
        stop_where_not_finite(step - step % context.schedule.log_every + 1, step, jax.tree.map(_first_bad, broken))
    else:
        row = context.log(*full)
    context.save(step, state, infos if full is None else None)
    if full is None or not context.due(step):
        if row is not None:
            context.tell(row)
        context.tidy(step)
        return True
    if not asked:
        with suppress(_Asked), request.heard_at_once():
            context.after(step, state)
            return True
    # No table: where it ends says what is still owed.
    context.prune(step)
    return False


def _first_bad(values: np.ndarray) -> int:
    bad = ~np.isfinite(values)
    return int(np.argmax(bad)) if bad.any() else len(values)


class _Asked(BaseException):
    """Somebody asks to stop while nothing is done that has to be ended first."""


class _Request:
    """Whether somebody has asked to stop."""

    def __init__(self) -> None:
        self.made = False
        self.at_once = False

    @contextmanager
    def heard_at_once(self) -> Iterator[None]:
        """In here ``_Asked`` is raised at once: what is done here is done again at the next start.

        Not among several processes: one that left would leave the others waiting for it.
        """
        if jax.process_count() > 1:
            yield
            return
        self.at_once = True
        try:
            if self.made:
                raise _Asked
            yield
        finally:
            self.at_once = False


@contextmanager
def _asked_to_stop() -> Iterator[_Request]:
    """What SIGTERM and the first Ctrl-C ask, while this lasts; the second Ctrl-C interrupts as it always does."""
    request = _Request()
    if threading.current_thread() is not threading.main_thread():
        # Python hands signals to the main thread alone: whoever trains in another one has to stop it by other means.
        yield request
        return

    def ask(number: int, frame: types.FrameType | None) -> None:
        request.made = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if request.at_once:
            request.at_once = False
            raise _Asked

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield request
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
      feed: what the data draws from, or the function of ``train`` that gives it; only shapes are looked at.

    Returns:
      Its step and the state.

    Raises:
      FileNotFoundError: the folder has no checkpoint.
      ValueError: a checkpoint of another model.
    """
    folder = Path(folder)
    key = checks.key("key", key)
    over = meshes.data_mesh(1) if mesh is None else mesh
    if not (folder / run_folder.CHECKPOINTS).is_dir():
        raise FileNotFoundError(f"{folder} holds no checkpoints; expected the folder of a run that has saved one")
    like = meshes.shapes(game, key, over, feed=feed(0, 1) if callable(feed) else feed)
    with ExitStack() as stack:
        manager = checkpoint.manager(folder / run_folder.CHECKPOINTS, read_only=True)
        stack.callback(manager.close)
        found = checkpoint.restore(manager, like, rename=False)
    if found is None:
        raise FileNotFoundError(f"{folder} holds no whole checkpoint; expected the folder of a run that has saved one")
    return found


__all__ = ["Finished", "Schedule", "SinkFactory", "restored", "train"]
