"""What is made twice from equal arguments is one object, and what is called twice is compiled once.

Compiled programs are found again by the functions that they are made of. Functions are equal where they are the same object: so the
constructors of objectives, penalties, players and rules remember what they made.
"""

from __future__ import annotations

import atexit
import functools
import os
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp

from gan_jax import checks
from gan_jax.typing import PyTree

Function = TypeVar("Function", bound=Callable[..., Any])

OBJECTS = 128
"""So many results of a constructor are remembered."""

PROGRAMS = 16
"""So many compiled programs are kept, with whatever their functions hold; the one that was not called for longest goes first."""


WAITED = "/gan_jax/compile/waited_duration"
"""The event of ``jax.monitoring`` that a call had to wait for a compilation ``ahead``."""


@dataclass(frozen=True)
class _Call:
    """Arguments, equal to others where values and types are: 1, 1.0 and True are three."""

    typed: Hashable
    arguments: tuple[Any, ...] = field(compare=False)
    keywords: dict[str, Any] = field(compare=False)


def remembered(function: Function) -> Function:
    """A constructor that gives the same object again for equal arguments; where one cannot be hashed (an array), a new one.

    For functions without side effects whose results never change.
    """

    @functools.lru_cache(maxsize=OBJECTS)
    def made(call: _Call) -> Any:
        return function(*call.arguments, **call.keywords)

    @functools.wraps(function)
    def constructor(*arguments: Any, **keywords: Any) -> Any:
        call = _Call((_typed(arguments), _typed(tuple(sorted(keywords.items())))), arguments, keywords)
        return made(call) if _hashable(call.typed) else function(*arguments, **keywords)

    return cast(Function, constructor)


def program(
    function: Callable[..., PyTree],
    *static: Any,
    jit: Callable[[Callable[..., PyTree]], Callable[..., PyTree]] = jax.jit,
) -> Callable[..., PyTree]:
    """``jit`` of ``function(*static, …)``, the same program again for the same ``function`` and ``static``.

    Args:
      function: ``function(*static, *arrays)``, pure.
      static: what is fixed at compile time: functions, numbers, named tuples of them. Where something in it cannot be hashed, the program
        is compiled at every call.
      jit: what compiles it.

    Returns:
      ``program(*arrays)``.
    """
    if _hashable(static):
        return _program(function, static, jit)
    return jit(functools.partial(function, *static))


def ahead(compiled: Any, *arguments: PyTree) -> Callable[..., PyTree]:
    """A program that is compiled on another thread from now on; its first call waits for that.

    XLA compiles without holding Python's lock, so that several programs are compiled at once, or one while another one runs. For programs
    that run for seconds: on a CPU, XLA compiles without its fusion emitters, which take up to two fifths of the time.

    Args:
      compiled: a function after ``jax.jit``.
      *arguments: of the call to come, or of its shapes and types; they are not kept.

    Returns:
      ``program(*arrays)``, of arrays of those shapes and types.
    """
    shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), arguments)
    options = {"xla_cpu_use_fusion_emitters": False} if jax.default_backend() == "cpu" else None
    job = _Job(lambda: compiled.lower(*shapes).compile(options))

    def program(*arrays: PyTree) -> PyTree:
        if job.is_alive():
            started = time.time()
            job.join()
            # For profiles: it is no other program's time.
            name = getattr(compiled, "__name__", "?")
            jax.monitoring.record_event_time_span(WAITED, started, time.time(), fun_name=name)
        return job.result()(*arrays)

    return program


class _Job(threading.Thread):
    """One compilation, on a thread of its own, as many at a time as there are cores.

    A process cannot end amid one without a crash inside of XLA: it waits for those that have begun, and those that have not are dropped.
    """

    room = threading.BoundedSemaphore(os.cpu_count() or 1)
    leaving = threading.Event()

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.work, self.found = work, None
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        with self.room:
            if self.leaving.is_set():
                return
            try:
                self.found = self.work()
            except Exception as error:
                self.error = error

    def result(self) -> Any:
        self.join()
        if self.error is not None:
            raise self.error
        return self.found


def compiling() -> bool:
    """Whether something is being compiled ``ahead`` of its use."""
    return any(isinstance(thread, _Job) for thread in threading.enumerate())


@atexit.register
def _finish() -> None:
    _Job.leaving.set()
    for thread in threading.enumerate():
        if isinstance(thread, _Job):
            thread.join()


def named(wrapper: Function, function: Callable[..., Any]) -> Function:
    """Gives a wrapper the name of what it wraps: by its name a compiled program is known in profiles, traces and errors.

    Args:
      wrapper: a function made a moment before, which nobody else has.
      function: what it wraps; of a ``partial``, the function inside.

    Returns:
      ``wrapper`` itself.
    """
    while isinstance(function, functools.partial):
        function = function.func
    wrapper.__name__ = getattr(function, "__name__", type(function).__name__)
    return wrapper


def outside_of_traces(*arguments: PyTree) -> bool:
    """Whether a call with these arguments is no part of another program: nothing in them is traced, nor is what is made now."""
    return checks.is_concrete((arguments, jnp.zeros(())))


@functools.lru_cache(maxsize=PROGRAMS)
def _program(
    function: Callable[..., PyTree],
    static: tuple[Any, ...],
    jit: Callable[[Callable[..., PyTree]], Callable[..., PyTree]],
) -> Callable[..., PyTree]:
    return jit(functools.partial(function, *static))


def _typed(value: Any) -> Hashable:
    return (tuple, *map(_typed, value)) if type(value) is tuple else (type(value), value)


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
