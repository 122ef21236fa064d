"""Where a run's time goes: tracing, lowering, compiling and running of every program, and Python between them.

Programs are waited for one by one while this looks on, so that every moment of the main thread belongs to one part, and the parts add up
to the time on the clock. What several programs at once would have gained is lost meanwhile: a run is a little slower than without.
"""

from __future__ import annotations

import contextlib
import functools
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gan_jax.cli.errors import UserError
from gan_jax.cli.terminal import say

ROWS = 15
"""So many programs have a row of their own in the table, those that took longest."""

TRACE, LOWER, COMPILE, RUN = "trace", "lower", "compile", "run"
PARTS = (TRACE, LOWER, COMPILE, RUN)

_EVENTS = {
    "/jax/core/compile/jaxpr_trace_duration": TRACE,
    "/jax/core/compile/jaxpr_to_mlir_module_duration": LOWER,
    "/jax/core/compile/backend_compile_duration": COMPILE,
    "/gan_jax/compile/waited_duration": COMPILE,
}
_READ = "/jax/compilation_cache/cache_hits"


@dataclass
class Program:
    """What one program took, or all of one name.

    Attributes:
      seconds: by part; without what lay inside it and was of another part or program.
      calls: how often it ran.
      compiled: how many were compiled.
      read: how many came, compiled, from the cache on disk; their reading is in the seconds of ``COMPILE``.
    """

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
    calls: int = 0
    compiled: int = 0
    read: int = 0

    @property
    def total(self) -> float:
        return sum(self.seconds.values())


@dataclass
class Profile:
    """What was seen between ``started`` and ``ended``, in seconds of ``time.time``."""

    started: float
    ended: float = float("nan")
    programs: dict[str, Program] = field(default_factory=dict)
    beside: float = 0.0
    """Seconds of parts on other threads, which ran while the main one did something else."""

    @property
    def wall(self) -> float:
        return self.ended - self.started

    def of(self, part: str) -> float:
        """The seconds of one part, of all programs."""
        return sum(program.seconds[part] for program in self.programs.values())

    @property
    def python(self) -> float:
        """What is left of the time on the clock: Python, imports, files, drawing."""
        return self.wall - sum(map(self.of, PARTS))


class _Watch:
    """Adds spans of time to a profile, each without the spans inside it."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.lock = threading.Lock()
        # Of each thread: spans that are over, and that no longer one contains so far.
        self.over = threading.local()
        self.over.read = False

    def span(self, part: str, name: str, start: float, end: float) -> Program:
        pending = self.over.__dict__.setdefault("spans", [])
        inside = 0.0
        while pending and pending[-1][0] >= start:
            inside += pending[-1][1]
            pending.pop()
        pending.append((start, end - start))
        own = max(0.0, end - start - inside)
        name = name.removeprefix("jit(").removesuffix(")") if name.startswith("jit(") else name
        with self.lock:
            program = self.profile.programs.setdefault(name, Program())
            if threading.current_thread() is threading.main_thread():
                program.seconds[part] += own
            else:
                self.profile.beside += own
            return program

    def event(self, event: str, **_: Any) -> None:
        if event == _READ:
            self.over.read = True

    def spanned(self, event: str, start_time: float, end_time: float, **facts: Any) -> None:
        if event not in _EVENTS:
            return
        program = self.span(_EVENTS[event], str(facts.get("fun_name", "?")), start_time, end_time)
        if event.endswith("backend_compile_duration"):
            read = self.over.__dict__.pop("read", False)
            program.compiled, program.read = program.compiled + (not read), program.read + read


@dataclass(frozen=True)
class Profiling:
    """Whether a command says where its time goes."""

    profile: bool = False
    """Print at the end where the time went: seconds to trace, lower, compile and run every program, and the peak memory."""

    trace: Path | None = None
    """Also write JAX's own trace of every operation into this folder, for TensorBoard or Perfetto; it grows fast, so for few steps."""

    @property
    def asked(self) -> bool:
        return self.profile or self.trace is not None

    def refuse(self, option: str) -> None:
        """Raises ``UserError`` where a profile is asked for beside an option with which nothing is computed."""
        if self.asked:
            raise UserError(
                f"{option} computes nothing, so that there is nothing to profile; leave out --profile and --trace"
            )

    @contextlib.contextmanager
    def shown(self, settle: Callable[[], None] = lambda: None) -> Iterator[None]:
        """What runs inside, profiled where that is asked for; the table is printed however it ended.

        Args:
          settle: what has to be settled before JAX's devices are up, as a trace needs them.
        """
        if not self.asked:
            yield
            return
        settle()
        seen = None
        try:
            with profiled(self.trace) as seen:
                yield
        finally:
            if seen is not None:
                console = Console()
                (console if console.is_terminal else Console(width=140)).print(table(seen))
                say(summary(seen))
                if self.trace is not None:
                    say(f"trace for TensorBoard or Perfetto in {self.trace}")


@contextlib.contextmanager
def profiled(trace: Path | None = None) -> Iterator[Profile]:
    """Profiles what runs inside.

    Args:
      trace: a folder to write JAX's own trace into, for TensorBoard and Perfetto: every operation of every step. None for none.

    Yields:
      The profile, whole when the block has ended, however it ended.

    Raises:
      UserError: this version of JAX does not say when a program runs, or ``trace`` cannot be written.
    """
    import jax

    profile = Profile(time.time())
    watch = _Watch(profile)
    with contextlib.ExitStack() as ends:
        ends.callback(lambda: setattr(profile, "ended", time.time()))
        ends.enter_context(_runs(watch))
        jax.monitoring.register_event_listener(watch.event)
        ends.callback(jax.monitoring.unregister_event_listener, watch.event)
        jax.monitoring.register_event_time_span_listener(watch.spanned)
        ends.callback(jax.monitoring.unregister_event_time_span_listener, watch.spanned)
        if trace is not None:
            ends.enter_context(_traced(trace))
        yield profile


@contextlib.contextmanager
def _runs(watch: _Watch) -> Iterator[None]:
    """Tells ``watch`` of every program that runs. JAX has no public event for it: three of its own functions are replaced meanwhile."""
    import jax

    try:
        from jax._src import pjit
        from jax._src.interpreters import pxla

        run, quick = pxla.ExecuteReplicated.__call__, pjit._get_fastpath_data
        quick_compiled = pxla.MeshExecutable.create_cpp_call
    except (ImportError, AttributeError) as error:
        raise UserError(
            f"JAX {jax.__version__} does not say when a program runs; --profile is known to work with 0.10.2"
        ) from error

    @functools.wraps(run)
    def timed(program: Any, *arguments: Any) -> Any:
        start = time.time()
        try:
            return jax.block_until_ready(run(program, *arguments))
        finally:
            watch.span(RUN, program.name, start, time.time()).calls += 1

    def never(*_: Any) -> None:
        """No way past ``timed``."""

    _replace(pxla.ExecuteReplicated, "__call__", timed)
    _replace(pjit, "_get_fastpath_data", never)
    _replace(pxla.MeshExecutable, "create_cpp_call", never)
    # Programs that were called before know their quick way already.
    jax.clear_caches()
    try:
        yield
    finally:
        _replace(pxla.ExecuteReplicated, "__call__", run)
        _replace(pjit, "_get_fastpath_data", quick)
        _replace(pxla.MeshExecutable, "create_cpp_call", quick_compiled)


def _replace(owner: Any, name: str, value: Callable[..., Any]) -> None:
    setattr(owner, name, value)


@contextlib.contextmanager
def _traced(folder: Path) -> Iterator[None]:
    import jax

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}); a trace needs a folder of its own") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{folder} cannot be written; a trace needs a folder of its own")
    options = jax.profiler.ProfileOptions()
    # Python's own calls are more than all others, and no part of what is asked.
    options.python_tracer_level = 0
    jax.profiler.start_trace(str(folder), profiler_options=options)
    try:
        yield
    finally:
        jax.profiler.stop_trace()


def peak_memory() -> dict[str, int]:
    """Bytes at most in use so far: of the process, and of each device that says so."""
    import jax

    unit = 1 if sys.platform == "darwin" else 1024
    found = {"process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    for device in jax.local_devices():
        facts = device.memory_stats() or {}
        if "peak_bytes_in_use" in facts:
            found[str(device)] = int(facts["peak_bytes_in_use"])
    return found


def table(profile: Profile) -> Table:
    """The programs that took longest, all others, Python, and their sum, which is the time on the clock."""
    found = Table(title="Where the time went, in seconds", title_justify="left", show_footer=False)
    found.add_column("program", overflow="fold")
    for title in ("calls", "compiled", "read", *PARTS, "sum"):
        found.add_column(title, justify="right")
    ordered = sorted(profile.programs.items(), key=lambda item: -item[1].total)
    for name, program in ordered[:ROWS]:
        found.add_row(Text(name), *_numbers(program))
    if others := [program for _, program in ordered[ROWS:]]:
        found.add_row(f"{len(others)} others", *_numbers(_joined(others)))
    found.add_section()
    found.add_row("all programs", *_numbers(_joined(list(profile.programs.values()))))
    found.add_row("Python, imports, files, drawing", *[""] * 7, f"{profile.python:.2f}")
    found.add_row("time on the clock", *[""] * 7, f"{profile.wall:.2f}")
    return found


def _numbers(program: Program) -> list[str]:
    counts = [program.calls, program.compiled, program.read]
    return [
        *(f"{count:,}".replace(",", " ") for count in counts),
        *(f"{program.seconds[part]:.2f}" for part in PARTS),
        f"{program.total:.2f}",
    ]


def _joined(programs: list[Program]) -> Program:
    return Program(
        {part: sum(program.seconds[part] for program in programs) for part in PARTS},
        *(sum(getattr(program, name) for program in programs) for name in ("calls", "compiled", "read")),
    )


def summary(profile: Profile) -> str:
    """One line below the table: what is in no row of it."""
    memory = ", ".join(f"{name} {size / 1e6:,.0f} MB".replace(",", " ") for name, size in peak_memory().items())
    beside = f"; on other threads, at the same time: {profile.beside:.2f} s" if profile.beside else ""
    return f"peak memory: {memory}{beside}"
