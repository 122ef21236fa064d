"""What is compiled once, and no second time."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import chex
import jax

NUMBERS = itertools.count()


def once(function: Callable[..., Any]) -> Callable[..., Any]:
    """``jit`` of a function, which fails where it is traced for a second time, as for another program.

    The jitted function's own count is that of a cache which all functions of a process share: thousands of tests push it out of there.
    """

    def traced(*arguments: Any) -> Any:
        return function(*arguments)

    # chex counts all functions of one name and source together, here those of all tests of a process.
    traced.__name__ = f"traced_{next(NUMBERS)}"
    return jax.jit(chex.assert_max_traces(traced, n=1))
