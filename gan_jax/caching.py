"""What is made twice from equal arguments is one object, and what is called twice is compiled once.

Compiled programs are found again by the functions that they are made of. Functions are equal where they are the same object: so the
constructors of objectives, penalties, players and rules remember what they made.
"""

from __future__ import annotations

import functools
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


def program(function: Callable[..., PyTree], *static: Any) -> Callable[..., PyTree]:
    """``jit`` of ``function(*static, …)``, the same program again for the same ``function`` and ``static``.

    Args:
      function: ``function(*static, *arrays)``, pure.
      static: what is fixed at compile time: functions, numbers, named tuples of them. Where something in it cannot be hashed, the program
        is compiled at every call.

    Returns:
      ``program(*arrays)``.
    """
    if _hashable(static):
        return _program(function, static)
    return jax.jit(functools.partial(function, *static))


def outside_of_traces(*arguments: PyTree) -> bool:
    """Whether a call with these arguments is no part of another program: nothing in them is traced, nor is what is made now."""
    return checks.is_concrete((arguments, jnp.zeros(())))


@functools.lru_cache(maxsize=PROGRAMS)
def _program(function: Callable[..., PyTree], static: tuple[Any, ...]) -> Callable[..., PyTree]:
    return cast("Callable[..., PyTree]", jax.jit(functools.partial(function, *static)))


def _typed(value: Any) -> Hashable:
    return (tuple, *map(_typed, value)) if type(value) is tuple else (type(value), value)


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
