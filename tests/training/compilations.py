"""How often a function was compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax


def counted(function: Callable[..., Any]) -> tuple[Callable[..., Any], list[None]]:
    """``jit`` of a function, and a list with an entry for each time it was traced, which is once for every program.

    The jitted function's own count is that of a cache which all functions of a process share: thousands of tests push it out of there.
    """
    traces: list[None] = []

    def traced(*arguments: Any) -> Any:
        traces.append(None)
        return function(*arguments)

    return jax.jit(traced), traces
