"""Several programs compiled at once: compiling one keeps about one core busy, and figures have more than one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax

from gan_jax import checks
from gan_jax.typing import PyTree


def compile_together(
    jobs: Sequence[tuple[Callable[..., PyTree], tuple[Any, ...]]], *, threads: int | None = None
) -> list[Callable[..., PyTree]]:
    """Compiles functions for the shapes of their arguments, as ``jax.jit`` would at the first call, but side by side.

    Args:
      jobs: pairs (pure function, its arguments): arrays, or their ``jax.ShapeDtypeStruct``.
      threads: how many compile at once; one a core where None.

    Returns:
      The compiled programs, in the order of the jobs. Each takes arguments of those shapes and types alone, which a jitted function would
      compile again for.

    Raises:
      ValueError: ``threads`` below one.
    """
    if threads is not None:
        checks.integer("threads", threads, 1)

    def compiled(job: tuple[Callable[..., PyTree], tuple[Any, ...]]) -> Callable[..., PyTree]:
        function, arguments = job
        return jax.jit(function).lower(*arguments).compile()

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        return list(pool.map(compiled, jobs))
