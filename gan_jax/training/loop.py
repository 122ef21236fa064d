"""The host's loop: compiled chunks of steps, progress with the time left, and a stop where something is not finite."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from gan_jax import checks
from gan_jax.training import tuning
from gan_jax.training.finite import refuse_not_finite
from gan_jax.training.game import Game, step_of
from gan_jax.training.mesh import fetch
from gan_jax.training.state import GameState, Info
from gan_jax.typing import Array, PyTree


class Chunk(NamedTuple):
    """What the host sees of one compiled chunk of steps.

    Attributes:
      first, last: numbers of its first and last step, counted from 1.
      info: means over the chunk, each a NumPy scalar.
      observation: of the state after it, on the host.
    """

    first: int
    last: int
    info: Info
    observation: PyTree


def run(
    game: Game,
    state: GameState,
    *,
    steps: int,
    chunk: int = 1000,
    observe: Callable[[GameState], PyTree] = lambda state: (),
    on_chunk: Callable[[Chunk], None] | None = None,
    feed: Callable[[int, int], PyTree] | None = None,
    stop: Callable[[Info], bool] | None = None,
    show: bool = False,
) -> tuple[GameState, list[Chunk]]:
    """Runs a game from the host: one compiled program a chunk, its buffers donated, nothing fetched step by step.

    While one chunk computes, the host looks at the one before it (with ``stop``, it waits for each). The state that is handed in stays
    usable: it is copied once.

    Args:
      game: from ``game.gan`` or ``game.direct``.
      state: from ``game.init``, or where an earlier run ended.
      steps: to make; what is left after whole chunks is a shorter last one (a second compilation).
      chunk: steps of one call of the compiled program.
      observe: what is read off the state after every chunk.
      on_chunk: called with every chunk, in order: logs, plots.
      feed: ``feed(first_step, steps)``, what the game's data draws from during those steps (``data.sources``).
      stop: told the means of every chunk; the run ends after the chunk where it says so (``collapse.collapsed``).
      show: whether progress and the time left are shown on standard error.

    Returns:
      The last state and all chunks.

    Raises:
      ValueError: ``steps`` or ``chunk`` below one.
      FloatingPointError: a quantity of ``Info`` is not finite; names it, the step, and the window of steps it was found in. Or the last
        state is not; names the leaf.
    """
    checks.made("game", game, Game, "game.gan")
    checks.made("state", state, GameState, "Game.init")
    if feed is not None:
        checks.takes("feed", feed, ("step", "steps"), "source.feed")
    checks.integer("steps", steps, 1)
    checks.integer("chunk", chunk, 1)
    advance = compiled(game, observe)
    state = jax.tree.map(lambda leaf: leaf.copy(), state)
    done = int(state.step)
    chunks: list[Chunk] = []

    def look(first: int, last: int, seen: Seen) -> None:
        info, broken, observation = fetch(seen)
        stop_where_not_finite(first, last, broken)
        chunks.append(Chunk(first, last, info, observation))
        if on_chunk is not None:
            on_chunk(chunks[-1])

    with progress(steps, show) as shown:
        shown(0)
        waiting: tuple[int, int, Seen] | None = None
        for begin in range(0, steps, chunk):
            size = min(chunk, steps - begin)
            state, seen = advance(state, None if feed is None else feed(done + begin, size), size)
            if waiting is not None:
                look(*waiting)
                shown(waiting[1] - waiting[0] + 1)
            waiting = done + begin + 1, done + begin + size, seen
            # Whoever may stop has to be asked before the next chunk begins.
            if stop is not None:
                look(*waiting)
                shown(size)
                waiting = None
                if stop(chunks[-1].info):
                    break
        if waiting is not None:
            look(*waiting)
            shown(waiting[1] - waiting[0] + 1)
    refuse_not_finite(state, f"after step {chunks[-1].last}")
    return state, chunks


Seen: TypeAlias = tuple[Info, Info, PyTree]
"""Of a chunk: means of ``Info``; the first step, from 0, at which each quantity was not finite, or their number; the observation."""


def compiled(
    game: Game, observe: Callable[[GameState], PyTree] = lambda state: ()
) -> Callable[[GameState, PyTree, int], tuple[GameState, Seen]]:
    """A chunk of steps as one program: ``(state, feed, steps) -> (state, seen)``; the state that goes in is donated.

    Args:
      game: whose step is scanned.
      observe: what is read off the state after the chunk.

    Returns:
      The jitted function; it compiles once for every number of steps.
    """

    def advance(state: GameState, feed: PyTree, size: int) -> tuple[GameState, Seen]:
        state, infos = jax.lax.scan(lambda s, _: step_of(game, feed)(s), state, length=size)
        return state, (*_summary(infos), observe(state))

    return tuning.jit(advance, static_argnums=2, donate_argnums=0)


class Window(NamedTuple):
    """The programs of a window of steps that is made in pieces of any size, with the same bits whatever the sizes are.

    The number of steps of a piece is an argument of its program, not a part of it: one program makes every step. What the steps looked like
    is gathered in an array, and its means are taken when the window is full.

    Attributes:
      begin: ``() -> infos``, each ``[size]``, not filled yet.
      advance: ``(state, infos, feed, first, count) -> (state, infos, done)``: makes ``count`` steps and puts what they looked like into
        ``infos`` from ``first`` on; ``done = first + count`` is there when they are made. State and ``infos`` that go in are donated.
      seen: ``infos -> (their means, the first step from 0 at which each was not finite)``.
    """

    begin: Callable[[], Info]
    advance: Callable[[GameState, Info, PyTree, int, int], tuple[GameState, Info, Array]]
    seen: Callable[[Info], tuple[Info, Info]]


def windows(game: Game, state: GameState, feed: PyTree, size: int, place: Callable[[PyTree], PyTree]) -> Window:
    """Compiles nothing yet: the programs do at their first call, of which ``advance`` with a count of 0 makes no step.

    Args:
      game: whose steps are made.
      state: what it goes on from; only shapes are looked at.
      feed: what its data draws from; likewise.
      size: steps of a window.
      place: puts a tree of host arrays where the state is.
    """
    shapes = jax.eval_shape(lambda state, feed: step_of(game, feed)(state)[1], state, feed)

    def begin() -> Info:
        return place(jax.tree.map(lambda leaf: np.zeros((size, *leaf.shape), leaf.dtype), shapes))

    def advance(
        state: GameState, infos: Info, feed: PyTree, first: Array, count: Array
    ) -> tuple[GameState, Info, Array]:
        step = step_of(game, feed)

        def one(index: Array, carry: tuple[GameState, Info]) -> tuple[GameState, Info]:
            state, infos = carry
            state, info = step(state)
            return state, jax.tree.map(lambda all_, new: all_.at[index].set(new), infos, info)

        state, infos = jax.lax.fori_loop(first, first + count, one, (state, infos))
        return state, infos, first + count

    compiled_advance = tuning.jit(advance, donate_argnums=(0, 1))
    return Window(
        begin,
        lambda state, infos, feed, first, count: compiled_advance(
            state, infos, feed, np.asarray(first, np.int32), np.asarray(count, np.int32)
        ),
        jax.jit(_summary),
    )


def _summary(infos: Info) -> tuple[Info, Info]:
    """Means over a window, and where each quantity was first not finite (the window's size where it never was)."""

    def first_bad(values: Array) -> Array:
        bad = ~jnp.isfinite(values)
        return jnp.where(jnp.any(bad), jnp.argmax(bad), values.shape[0])

    return jax.tree.map(jnp.mean, infos), jax.tree.map(first_bad, infos)


def stop_where_not_finite(first: int, last: int, broken: Info) -> None:
    """Raises ``FloatingPointError`` where a quantity of a chunk was not finite; names it, the step and the window."""
    size = last - first + 1
    bad = {name: int(np.asarray(index)) for name, index in broken._asdict().items() if int(index) < size}
    if bad:
        quantity, index = min(bad.items(), key=lambda item: item[1])
        others = ", ".join(name for name in bad if name != quantity)
        also = f"; in the same window also {others}" if others else ""
        raise FloatingPointError(
            f"{quantity} is not finite at step {first + index} (found in steps {first} to {last}{also}); "
            "expected finite numbers: lower the learning rates, or look at the state before this window"
        )


@contextmanager
def progress(steps: int, show: bool) -> Iterator[Callable[[int], None]]:
    """Yields ``advance(steps)``; where asked to, shows on standard error a bar with the time left, or lines where that is no terminal."""
    if not show:
        yield lambda _: None
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(steps, console)
        return
    columns = (
        TextColumn("steps"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:
        task = bars.add_task("steps", total=steps, speed="")

        def advance(count: int) -> None:
            speed = bars.tasks[0].speed
            bars.update(task, advance=count, speed="" if not speed else f"{speed:.3g} steps/s")

        yield advance


LINE_SECONDS = 15.0
"""Between two lines of progress; the first comes as soon as a speed is known, the last at the end."""


def _lines(steps: int, console: Console) -> Callable[[int], None]:
    """``advance(steps)`` that prints a line now and then. Its first call is where the work begins, and takes no time."""
    done: int | None = None
    begun, at, last = 0, time.perf_counter(), -LINE_SECONDS

    def advance(count: int) -> None:
        nonlocal done, begun, at, last
        now = time.perf_counter()
        if done is None:
            done = begun = count
            at = now
            return
        done += count
        # What the first second says of the speed is not worth a line, unless it was all.
        if done < steps and (now - at < 1.0 or now - last < LINE_SECONDS):
            return
        last = now
        speed = (done - begun) / max(now - at, 1e-9)
        left = datetime.timedelta(seconds=round((steps - done) / speed))
        console.print(
            f"step {done} of {steps}, {speed:.3g} steps/s, time left {left}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    return advance
