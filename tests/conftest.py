"""What every test runs under: rank promotion raises, a key used twice is an error, and a CPU is two devices."""

from __future__ import annotations

import ctypes
import gc
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".cache" / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

import jax
import matplotlib as mpl
import pytest

from gan_jax.cli.devices import list_parameters_in_order

mpl.use("Agg")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_debug_key_reuse", True)
# Two virtual devices, so that what shards over devices does so in the tests. Costs nothing measurable.
jax.config.update("jax_num_cpu_devices", 2)
# Programs of laws are found again in the cache on disk.
list_parameters_in_order()
# Traces are made of millions of small objects that live long: at Python's own thresholds a tenth of the time goes to looking for garbage.
gc.set_threshold(100_000, 50, 100)
# Now, before a test calls a command: commands set the number of devices where there are none yet.
jax.devices()


# What a test process may hold in GiB before it forgets what it compiled; it finds that again on the disk.
MOST_MEMORY = 2.5


@pytest.fixture(scope="module", autouse=True)
def _memory() -> Iterator[None]:
    """Programs stay in memory for as long as a process lives, and a few thousand of them are several GiB."""
    yield
    status = Path("/proc/self/statm")
    if status.exists() and int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") > MOST_MEMORY * 2**30:
        jax.clear_caches()
        gc.collect()
        # Without this glibc keeps what was freed, and everything would be forgotten again after every module to come.
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


@pytest.fixture
def optimised() -> Iterator[None]:
    """What compiles here is optimised, which ``make test`` leaves out: for tests that compute for longer than they compile."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


class TimeLeft:
    """Says now and then how many tests are done and about how long the rest will take."""

    interval = 15.0

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self.reporter, self.total, self.done = reporter, 0, 0
        self.start = self.said = time.monotonic()

    def begin(self, total: int) -> None:
        self.total, self.start = total, time.monotonic()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.begin(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        # Every test process collects all tests; the one that hands them out collects none.
        self.begin(len(ids))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.done += report.when == "teardown"
        now = time.monotonic()
        if self.done and now - self.said >= self.interval:
            self.said = now
            left = (now - self.start) * (self.total / self.done - 1.0)
            self.reporter.write_line(f"  {self.done} of {self.total} tests, about {left:.0f} s left")


BY_CASE = ("tests/experiments/test_every_experiment.py", "tests/divergences/test_transport_on_the_line.py")
"""Long files whose cases share nothing with each other: where files stay in one process (`--dist loadfile`), these go case by case."""


DEAREST = (
    "tests/divergences/test_assay_distances.py",
    "tests/training/test_mesh.py",
    "tests/training/test_runs.py",
    "tests/cli/test_processes.py",
)
"""Files of few tests that take minutes: handed out first, so that no process is left alone with one of them at the end."""


def group_of(nodeid: str) -> str:
    """What stays in one process: ``[case]`` of a file in ``BY_CASE``, with all tests of that case, and any other file as a whole."""
    file, _, test = nodeid.partition("::")
    _, bracket, case = test.partition("[")
    return f"{file}::{bracket + case or test}" if file in BY_CASE else file


@pytest.hookimpl(trylast=True)  # After those that -m leaves out are gone.
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Groups in the order in which they are handed out: the dearest first, a test that is marked slow for about twenty that are not."""
    if not hasattr(config, "workerinput"):
        return
    cost: Counter[str] = Counter()
    for item in items:
        file = item.nodeid.partition("::")[0]
        cost[group_of(item.nodeid)] += 20 if item.get_closest_marker("slow") else 1
        if file in (*DEAREST, *BY_CASE):
            cost[group_of(item.nodeid)] += 1000
    items.sort(key=lambda item: -cost[group_of(item.nodeid)])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByCase(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return ByCase(config, log)


@pytest.hookimpl(trylast=True)  # The reporter is made by the same hook.
def pytest_configure(config: pytest.Config) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    # Test processes of pytest-xdist have a workerinput, and nobody reads what they write.
    if reporter is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(TimeLeft(reporter))
