"""Side-by-side timing: what is compared runs in turn in one process, so that a busy machine slows all of it alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
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

    @property
    def disturbed(self) -> bool:
        """Whether something else kept the machine busy: half of the calls took over 1.5 times as long as the fastest."""
        return self.median > 1.5 * self.fastest

    def per(self, count: int) -> Timing:
        """Seconds of one of ``count`` equal pieces of a call."""
        return Timing(self.median / count, self.fastest / count, self.slowest / count, self.repeats)


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


def print_table(
    title: str,
    timings: Mapping[str, Timing],
    baseline: str,
    further: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> None:
    """Prints timings, and how many times as long as ``baseline`` each takes (median over median).

    Args:
      title: of the table.
      timings: by name.
      baseline: the name that the ratios are taken to.
      further: more columns: title -> name of a timing -> cell.
    """
    table = Table(title=f"{title} (ms)")
    table.add_column("", no_wrap=True)
    for column in ("median", "fastest", "slowest", f"ratio to {baseline}", *further):
        table.add_column(column, justify="right")
    for name, timing in timings.items():
        cells = [f"{1e3 * value:.3f}" for value in timing[:3]]
        cells += [f"{timing.median / timings[baseline].median:.2f}", *(cell.get(name, "") for cell in further.values())]
        table.add_row(f"{name} (!)" if timing.disturbed else name, *cells)
    console = Console()
    # Output that goes to a file has 80 columns by default, which would cut numbers short.
    console.width = max(console.width, 110)
    console.print(table, f"medians of {timings[baseline].repeats} alternating runs")
    if any(timing.disturbed for timing in timings.values()):
        console.print("(!) the median is more than 1.5 times the fastest run: the machine was busy, repeat")
