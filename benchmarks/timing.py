"""Side-by-side timing: what is compared runs in turn in one process, so that a busy machine slows all of it alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
from rich.console import Console
from rich.table import Table


class Timing(NamedTuple):
    """Seconds of one call: median, fastest, slowest, over ``repeats``."""

    median: float
    fastest: float
    slowest: float
    repeats: int


def alternate(callables: Mapping[str, Callable[[], object]], repeats: int = 7) -> dict[str, Timing]:
    """Times every callable once in each of ``repeats`` rounds, after one round that is not timed (compilation, caches).

    Args:
      callables: by name. JAX arrays in what they return are waited for.
      repeats: timed rounds.

    Returns:
      Timings by name, in the order given.
    """
    for function in callables.values():
        jax.block_until_ready(function())
    seconds: dict[str, list[float]] = {name: [] for name in callables}
    for _ in range(repeats):
        for name, function in callables.items():
            start = time.perf_counter()
            jax.block_until_ready(function())
            seconds[name].append(time.perf_counter() - start)
    return {name: Timing(statistics.median(s), min(s), max(s), repeats) for name, s in seconds.items()}


def print_table(title: str, timings: dict[str, Timing], baseline: str) -> None:
    """Prints timings, and how many times as long as ``baseline`` each takes (median over median)."""
    table = Table(title=f"{title} (ms)")
    table.add_column("", no_wrap=True)
    for column in ("median", "fastest", "slowest", f"ratio to {baseline}"):
        table.add_column(column, justify="right")
    for name, timing in timings.items():
        cells = [f"{1e3 * value:.3f}" for value in timing[:3]]
        table.add_row(name, *cells, f"{timing.median / timings[baseline].median:.2f}")
    Console().print(table, f"medians of {timings[baseline].repeats} alternating runs")
