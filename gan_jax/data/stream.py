"""What does not fit on a device, pool by pool: an endless order that is a function of the seed, and threads that read ahead of it.

The order is one permutation of all examples after another, that of epoch e a function of (seed, e). Pool k holds places ``k · pool`` to
``(k + 1) · pool`` of it, and the step decides the pool. So nothing of the stream has to be saved: whoever knows the step has its position.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import NamedTuple, Protocol

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gan_jax import checks

ROWS_A_JOB = 64
"""How many examples a thread reads at a time."""


class Position(NamedTuple):
    """A place in the endless order.

    Attributes:
      epoch: how many times all examples came before.
      index: place in the permutation of that epoch.
    """

    epoch: int
    index: int  # type: ignore[assignment]  # it takes the place of tuple.index


class RandomAccess(Protocol):
    """Images by number, ``[h, w, c]`` uint8, or mappings that hold one as ``"image"``; read from several threads at once.

    ``LazyImages`` is one, TFDS's ``as_data_source`` another, a list a third.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> np.ndarray | Mapping[str, np.ndarray]: ...


class Pools(NamedTuple):
    """Pools on the host.

    Attributes:
      get: ``get(number) -> {rows: [rows, h, w, c] uint8}``; waits until they are read, and raises what reading raised.
      ahead: ``ahead(number)``; begins to read a pool, and returns.
      close: stops the threads.
    """

    get: Callable[[int], Mapping[range, np.ndarray]]
    ahead: Callable[[int], None]
    close: Callable[[], None]


def position(step: int, *, examples: int, examples_per_step: int) -> Position:
    """Where the stream is after ``step`` steps: place ``step · examples_per_step`` of the order.

    Args:
      step: how many steps were made.
      examples: how many there are in the set.
      examples_per_step: how many the order advances at a step.

    Returns:
      The position.

    Raises:
      ValueError: ``step`` negative, or one of the others below one.
    """
    checks.at_least("step", step, 0)
    checks.at_least("examples", examples, 1)
    checks.at_least("examples_per_step", examples_per_step, 1)
    return Position(*divmod(step * examples_per_step, examples))


def pool_of(step: int, *, examples_per_step: int, pool: int) -> int:
    """The number of the pool that a chunk of steps draws from which begins after ``step`` steps: ``⌊step · examples_per_step / pool⌋``."""
    return step * examples_per_step // pool


def longest_chunk(*, examples_per_step: int, pool: int) -> int:
    """How many steps may draw from one pool, so that no pool is passed over: ``⌊pool / examples_per_step⌋``."""
    return pool // examples_per_step


@functools.lru_cache(maxsize=4)
def permutation(examples: int, seed: int, epoch: int) -> np.ndarray:
    """The order of one epoch.

    It sorts the raw output of Philox at (seed, epoch), which NumPy promises to keep in all its versions. It does not promise that of
    ``Generator.permutation``, and a run may go on under another NumPy.

    Args:
      examples: how many there are.
      seed: of the order, ≥ 0.
      epoch: ≥ 0.

    Returns:
      ``[examples]``, every number from 0 once; read-only.
    """
    raw = np.random.Philox(np.random.SeedSequence([seed, epoch])).random_raw(examples)
    order = np.argsort(raw, kind="stable")
    order.flags.writeable = False
    return order


def places(first: int, count: int, *, examples: int, seed: int) -> np.ndarray:
    """The examples at places ``first`` to ``first + count`` of the endless order, ``[count]``."""
    parts = []
    while count > 0:
        epoch, index = divmod(first, examples)
        part = permutation(examples, seed, epoch)[index : index + count]
        parts.append(part)
        first, count = first + len(part), count - len(part)
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def sharded_rows(pool: int, mesh: Mesh, devices: Iterable[jax.Device]) -> list[range]:
    """The rows of a pool that lie on some devices of a mesh, whose devices share the rows evenly.

    Args:
      pool: rows of the pool.
      mesh: all devices.
      devices: some of them, such as those of one process.

    Returns:
      Ranges without a row in common.

    Raises:
      ValueError: a pool that the devices of the mesh cannot share evenly.
    """
    if pool % mesh.size:
        raise ValueError(
            f"pool is {pool}, which {mesh.size} devices cannot share evenly; expected a multiple of {mesh.size}"
        )
    places_of = row_sharding(mesh).devices_indices_map((pool,))
    return sorted({range(*places_of[device][0].indices(pool)) for device in devices}, key=lambda rows: rows.start)


def row_sharding(mesh: Mesh) -> NamedSharding:
    """Rows divided over all axes of a mesh."""
    return NamedSharding(mesh, PartitionSpec(mesh.axis_names))


def picture(example: np.ndarray | Mapping[str, np.ndarray]) -> np.ndarray:
    """The image of an example, which is one or holds one as ``"image"``."""
    return np.asarray(example["image"] if isinstance(example, Mapping) else example)


def pools(
    source: RandomAccess, shape: tuple[int, int, int], *, pool: int, rows: Sequence[range], seed: int, threads: int
) -> Pools:
    """Reads pools with threads, the one that is asked for and the one that is wanted ahead.

    Args:
      source: the examples.
      shape: ``(h, w, c)`` of all of them.
      pool: rows of a pool.
      rows: which of them this process reads.
      seed: of the order.
      threads: how many read.

    Returns:
      The reader.
    """
    executor = ThreadPoolExecutor(threads, thread_name_prefix="gan_jax-reader")
    stop = threading.Event()
    wanted: dict[int, tuple[dict[range, np.ndarray], list[Future[None]]]] = {}

    def fill(target: np.ndarray, indices: np.ndarray) -> None:
        for row, index in enumerate(indices.tolist()):
            if stop.is_set():
                raise CancelledError
            image = picture(source[index])
            if image.shape != shape or image.dtype != np.uint8:
                raise ValueError(
                    f"example {index} is {image.dtype} {image.shape}; expected uint8 {shape}, as example 0"
                )
            target[row] = image

    def ahead(number: int) -> None:
        if number in wanted:
            return
        buffers = {part: np.empty((len(part), *shape), np.uint8) for part in rows}
        jobs = []
        for part, buffer in buffers.items():
            indices = places(number * pool + part.start, len(part), examples=len(source), seed=seed)
            for first in range(0, len(part), ROWS_A_JOB):
                block = slice(first, first + ROWS_A_JOB)
                jobs.append(executor.submit(fill, buffer[block], indices[block]))
        wanted[number] = buffers, jobs

    def forget(numbers: Iterable[int]) -> None:
        for number in numbers:
            for job in wanted.pop(number)[1]:
                job.cancel()

    def get(number: int) -> Mapping[range, np.ndarray]:
        if stop.is_set():
            raise RuntimeError("the source is closed; expected an open one to feed from")
        # A run that went back, or an error that was met before: what is no longer wanted makes room.
        forget([other for other in wanted if other != number])
        ahead(number)
        buffers, jobs = wanted[number]
        try:
            for job in jobs:
                job.result()
        finally:
            forget([number])
        return buffers

    def close() -> None:
        stop.set()
        forget(list(wanted))
        executor.shutdown(wait=True, cancel_futures=True)

    return Pools(get, ahead, close)
