"""Progress of nested work, with an estimate of the time left, on a terminal or in a log."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from gan_jax.cli.terminal import duration

Item = TypeVar("Item")


@dataclass
class Task:
    """One level of work: ``done`` of ``total`` units, of which an inner task that is under way stands for ``share``.

    ``outside`` are the seconds that its inner tasks of share 0 took.
    """

    description: str
    total: float
    share: float
    started: float
    expected: float | None
    shown: Callable[[], None]
    done: float = field(default=0.0)
    outside: float = field(default=0.0)

    def advance(self, amount: float = 1.0) -> None:
        """Marks ``amount`` more units as done."""
        self.done = min(self.total, self.done + amount)
        self.shown()


class Display(Protocol):
    """Shows a stack of tasks, outermost first, and what fraction of each is done."""

    console: Console

    def show(self, tasks: Sequence[Task], fractions: Sequence[float], left: float | None, *, opened: bool) -> None: ...

    def close(self) -> None: ...


class Progress:
    """Nested progress: tasks inside tasks, one estimate of the time left.

    ::

        with progress.task("figure", total=rows * steps):
            with progress.task("loading", share=0.0):
                ...
            for row in range(rows):
                with progress.task(f"row {row}", total=8, share=steps) as task:
                    task.advance()

    Units are what can be counted (steps, members, rows), and the time that one takes is measured. An inner task stands for ``share`` units
    of the one around it, which advances by them when the inner task ends. What happens once and is no such unit (loading, compiling) has
    share 0, and its time is left out while the task around it runs. The estimate is ``t (1 − f) / f``, f the fraction done and t the
    seconds that went into it; before anything is done, it is what the outermost task was expected to take.
    """

    def __init__(self, display: Display, clock: Callable[[], float] = time.monotonic) -> None:
        self._display = display
        self._clock = clock
        self._stack: list[Task] = []

    @property
    def console(self) -> Console:
        """Where lines can be printed while progress is shown."""
        return self._display.console

    @contextmanager
    def task(
        self, description: str, total: float = 1.0, *, share: float = 1.0, expected: float | None = None
    ) -> Iterator[Task]:
        """Opens a task inside the one that is under way.

        Args:
          description: a few words.
          total: the units of work in it, > 0; any unit, fractions allowed.
          share: the units of the enclosing task that it stands for, ≥ 0; parts of several kinds are in the proportion of their time.
          expected: seconds that it is known to take about, or None.

        Yields:
          The task, to ``advance``.

        Raises:
          ValueError: ``total`` or ``share`` is not such a number.
        """
        if not (math.isfinite(total) and total > 0.0):
            raise ValueError(f"total of task {description!r} is {total}; expected a finite number above 0")
        if not (math.isfinite(share) and share >= 0.0):
            raise ValueError(f"share of task {description!r} is {share}; expected a finite number of at least 0")
        task = Task(description, float(total), float(share), self._clock(), expected, self._show)
        self._stack.append(task)
        self._show(opened=True)
        try:
            yield task
        finally:
            self._stack.pop()
        if self._stack:
            self._stack[-1].outside += 0.0 if task.share else self._clock() - task.started
            self._stack[-1].advance(task.share)

    def track(
        self, items: Iterable[Item], description: str, total: float | None = None, *, share: float = 1.0
    ) -> Iterator[Item]:
        """Yields ``items`` as a task that advances by one after each; ``total`` is needed where they have no length."""
        if total is None:
            if not isinstance(items, Sized):
                raise ValueError(
                    f"total of task {description!r} is None and its items have no length; expected a number"
                )
            total = len(items)
        # Nothing to do is done at once: a task needs at least one unit.
        with self.task(description, max(total, 1), share=share) as task:
            for item in items:
                yield item
                task.advance()

    def fractions(self) -> list[float]:
        """The fraction done of each open task, outermost first, counting what is done inside its inner task."""
        result: list[float] = []
        inner = 0.0
        for task in reversed(self._stack):
            fraction = min(1.0, (task.done + inner) / task.total)
            result.append(fraction)
            inner = task.share * fraction
        return result[::-1]

    def seconds_left(self) -> float | None:
        """Estimated seconds until the outermost task ends; None where nothing is done and nothing was expected."""
        if not self._stack:
            return None
        outermost, fraction = self._stack[0], self.fractions()[0]
        now = self._clock()
        elapsed = now - outermost.started
        if fraction > 0.0:
            outside = outermost.outside
            for task in self._stack[1:]:
                if not task.share:
                    outside += now - task.started
                    break
                outside += task.outside
            return (elapsed - outside) * (1.0 - fraction) / fraction
        return None if outermost.expected is None else max(0.0, outermost.expected - elapsed)

    def _show(self, *, opened: bool = False) -> None:
        self._display.show(self._stack, self.fractions(), self.seconds_left(), opened=opened)


class Lines:
    """Progress as plain lines: when one of the two outer levels opens a task, else every ``interval`` seconds."""

    def __init__(self, console: Console, interval: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.console = console
        self._interval = interval
        self._clock = clock
        self._last = -math.inf

    def show(self, tasks: Sequence[Task], fractions: Sequence[float], left: float | None, *, opened: bool) -> None:
        """Prints a line where one is due."""
        now = self._clock()
        if not tasks or (now - self._last < self._interval and not (opened and len(tasks) <= 2)):
            return
        self._last = now
        levels = " › ".join(
            f"{task.description} {fraction:.0%}" for task, fraction in zip(tasks, fractions, strict=True)
        )
        self.console.print(f"{levels} · time left {duration(left)}", markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Nothing is left open."""


class LiveBars:
    """Progress as one bar for each open task, on a terminal."""

    def __init__(self, console: Console) -> None:
        self.console = console
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
        )
        self._bars = Bars(*columns, console=console, transient=True)
        self._shown: list[tuple[Task, TaskID]] = []
        self._bars.start()

    def show(self, tasks: Sequence[Task], fractions: Sequence[float], left: float | None, *, opened: bool) -> None:
        """Adds the bars of tasks that opened, removes those of tasks that ended, and moves the rest."""
        del opened
        while self._shown and not any(self._shown[-1][0] is task for task in tasks):
            self._bars.remove_task(self._shown.pop()[1])
        for depth, task in enumerate(tasks[len(self._shown) :], len(self._shown)):
            self._shown.append((task, self._bars.add_task("  " * depth + task.description, total=1.0, left="")))
        for depth, ((_, bar), fraction) in enumerate(zip(self._shown, fractions, strict=True)):
            self._bars.update(bar, completed=fraction, left=f"time left {duration(left)}" if depth == 0 else "")

    def close(self) -> None:
        """Takes the bars off the screen."""
        self._bars.stop()


@contextmanager
def shown_progress(console: Console) -> Iterator[Progress]:
    """Progress on ``console``: live bars on a terminal, plain lines elsewhere."""
    display: Display = LiveBars(console) if console.is_terminal else Lines(console)
    try:
        yield Progress(display)
    finally:
        display.close()
