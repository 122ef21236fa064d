"""One game over many devices, and over many processes, with the numbers that one device gives.

The parameters are on every device, the batch is divided among them. A step is written for the whole batch: means, batch statistics,
penalties and relativistic pairs are over all of it, and the compiler adds what has to be exchanged: sums of gradients and of statistics,
and no examples but those of CycleGAN's pool, of which any device may be shown any. Random numbers are functions of the key
and of the place in the whole batch, whatever device draws them. So any number of devices makes the same step, up to the rounding of sums.

Many games over many devices are ``training.ensemble``, whose members do not talk to each other.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from gan_jax import checks, files
from gan_jax.training.game import Game, Place, unsharded
from gan_jax.training.state import GameState
from gan_jax.typing import Array, PRNGKey, PyTree

BATCH_AXIS = "batch"


PATIENCE = 300.0
"""Seconds that a process waits for the others."""

_joining: list[threading.Event] = []


def connect(
    coordinator: str | None = None,
    processes: int | None = None,
    process: int | None = None,
    on_wait: Callable[[], None] | None = None,
) -> None:
    """Joins the processes of one run; every one of them calls it before anything else of JAX. Ctrl-C ends the waiting.

    Args:
      coordinator: ``"host:port"`` of process 0. None on SLURM, GKE, Open MPI and TPU pods, where JAX's runtime finds its peers by itself.
      processes: how many there are; with ``coordinator``.
      process: the number of this one, from 0; with ``coordinator``.
      on_wait: called once, where the others are not there after three seconds.

    Raises:
      ValueError: some of the three without the others, a number out of range, a coordinator without a port.
      RuntimeError: no coordinator is given and JAX finds none by itself.
      TimeoutError: not all processes have come after ``PATIENCE`` seconds. What JAX began goes on: the program has to end.
    """
    given = [value is not None for value in (coordinator, processes, process)]
    if any(given) and not all(given):
        raise ValueError(
            f"coordinator is {coordinator}, processes is {processes} and process is {process}; expected all three, or none of them"
        )
    if processes is not None and process is not None:
        checks.integer("processes", processes, 1)
        if checks.integer("process", process, 0) >= processes:
            raise ValueError(f"process is {process} of {processes}; expected a number from 0 to {processes - 1}")
    if coordinator is not None:
        _check_address(coordinator)
    try:
        # Later than ours: where JAX's own patience ends, it aborts with a page of C++.
        patience = int(PATIENCE) + 60
        initialize = partial(
            jax.distributed.initialize, coordinator, processes, process, initialization_timeout=patience
        )
        _interruptible(initialize, on_wait)
    except TimeoutError as error:
        raise TimeoutError(
            f"after {PATIENCE:g} s not all {processes or 'processes'} of the run are at {coordinator or 'their coordinator'}; "
            "expected each to be started, with the same coordinator and a number of its own"
        ) from error
    except ValueError as error:
        if coordinator is not None:
            raise
        raise RuntimeError(
            "no coordinator is given and this is no cluster that JAX knows (SLURM, GKE, Open MPI, TPU pods); expected "
            "coordinator='host:port', processes and process"
        ) from error


def is_joining() -> bool:
    """Whether JAX still waits for the other processes, although ``connect`` was left: nothing but the end of the program ends that."""
    return any(not done.is_set() for done in _joining)


def _check_address(coordinator: str) -> None:
    host, colon, port = coordinator.rpartition(":")
    if not (host and colon and port.isdecimal() and 1 <= int(port) <= 65535):
        raise ValueError(
            f"coordinator is {coordinator!r}; expected host:port of process 0, with a port from 1 to 65535, such as 'localhost:12345'"
        )


def _interruptible(call: Callable[[], None], on_wait: Callable[[], None] | None) -> None:
    """``call()``, which waits in C++: beside this thread, since Python hears Ctrl-C in the main one alone, and between its own lines."""
    failed: list[BaseException] = []
    # An event: a thread whose ``join`` is interrupted says that it has ended.
    done = threading.Event()

    def called() -> None:
        try:
            call()
        except BaseException as error:
            failed.append(error)
        done.set()

    _joining.append(done)
    threading.Thread(target=called, daemon=True).start()
    until = time.monotonic() + PATIENCE
    if not done.wait(min(3.0, PATIENCE)) and on_wait is not None:
        on_wait()
    while not done.wait(0.1):
        if time.monotonic() > until:
            raise TimeoutError
    _joining.remove(done)
    if failed:
        raise failed[0]


def data_mesh(count: int | None = None) -> Mesh:
    """A mesh of one axis, over which a batch is divided.

    Args:
      count: how many of the devices, in JAX's order; all devices of all processes where None.

    Returns:
      The mesh.

    Raises:
      ValueError: fewer than one, more than there are, or so few that a process of the run has none of them.
    """
    there = jax.devices()
    count = len(there) if count is None else count
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= len(there):
        raise ValueError(f"devices is {count}; expected a number from 1 to {len(there)}, which is what JAX has here")
    at_work = {device.process_index for device in there[:count]}
    if len(at_work) < jax.process_count():
        raise ValueError(
            f"devices is {count}, of which {jax.process_count() - len(at_work)} of the {jax.process_count()} processes of the run have "
            f"none; expected {len(there)}, all of theirs together, or fewer processes"
        )
    return Mesh(np.asarray(there[:count]), (BATCH_AXIS,), axis_types=(AxisType.Auto,))


def check_batch(batch_size: int, mesh: Mesh) -> None:
    """Raises ``ValueError`` unless the batch can be divided evenly among the devices of ``mesh``."""
    if batch_size % mesh.size:
        raise ValueError(
            f"batch_size is {batch_size}, which {mesh.size} devices cannot share evenly; expected a multiple of {mesh.size}, "
            f"such as {max(batch_size // mesh.size, 1) * mesh.size}"
        )


def placement(mesh: Mesh) -> Place:
    """How batches lie on a mesh: divided along their batch axis.

    Args:
      mesh: from ``data_mesh``.

    Returns:
      What ``game.gan`` takes as ``place``. On one device ``unsharded``, so that the program is that of a game without a mesh.
    """
    if mesh.size == 1:
        return unsharded

    def place(tree: PyTree, axis: int | None) -> PyTree:
        sharding = replicated(mesh) if axis is None else NamedSharding(mesh, PartitionSpec(*(None,) * axis, BATCH_AXIS))
        return jax.tree.map(lambda leaf: jax.lax.with_sharding_constraint(leaf, sharding), tree)

    return place


def replicated(mesh: Mesh) -> NamedSharding:
    """The sharding of what is whole on every device of ``mesh``."""
    return NamedSharding(mesh, PartitionSpec())


def begin(game: Game, key: PRNGKey, mesh: Mesh, *, feed: PyTree = None, **hyperparameters: float) -> GameState:
    """``game.init`` on every device of a mesh: one compiled program, the same numbers everywhere.

    Args:
      game: whose batches lie on ``mesh``.
      key: of the game; the same in every process.
      mesh: from ``data_mesh``.
      feed: what the data draws from.
      **hyperparameters: as ``game.init`` takes them.

    Returns:
      The state, whole on every device.
    """
    init, data = _init_of(game, key, feed, hyperparameters)
    program = jax.jit(init, out_shardings=replicated(mesh))
    _refuse_too_large(program.trace(data).out_info, mesh)
    return program(data)


def shapes(game: Game, key: PRNGKey, mesh: Mesh, *, feed: PyTree = None) -> GameState:
    """What ``begin`` returns, as shapes, types and shardings alone: nothing is compiled, and nothing computed."""
    init, data = _init_of(game, key, feed, {})
    found: GameState = jax.eval_shape(init, data)
    _refuse_too_large(found, mesh)
    over = replicated(mesh)
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=over), found)


def _init_of(
    game: Game, key: PRNGKey, feed: PyTree, hyperparameters: Mapping[str, float]
) -> tuple[Callable[[Array], GameState], np.ndarray]:
    """``game.init`` as a function of the numbers of a key, and these numbers."""
    key = checks.key("key", key)
    kind = str(jax.random.key_impl(key))
    empties = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), feed)

    def init(data: Array) -> GameState:
        # Of a feed only the shape is looked at: nothing of it becomes part of this program.
        empty = jax.tree.map(lambda leaf: jax.numpy.zeros(leaf.shape, leaf.dtype), empties)
        return game.init(jax.random.wrap_key_data(data, impl=kind), feed=empty, **hyperparameters)

    return init, np.asarray(jax.random.key_data(key))


def _refuse_too_large(state: PyTree, mesh: Mesh) -> None:
    """Raises ``MemoryError`` for a state that is larger than a device's memory: XLA's compiler would end the process.

    Args:
      state: shapes and types.
      mesh: the devices, each of which is going to hold all of it.
    """
    needed = sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(state))
    for device in mesh.local_devices:
        # A CPU has no statistics of its own.
        statistics = device.memory_stats() or {}
        there = statistics.get("bytes_limit") or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        if needed > there:
            raise MemoryError(
                f"networks, optimisers and averages take {needed / 1e9:.3g} GB, and {device.device_kind} has {there / 1e9:.3g}"
            )


def fetch(tree: PyTree) -> PyTree:
    """A tree of arrays on the host, also of arrays that lie in several processes; every process calls it, and gets the whole."""

    def whole(leaf: Array) -> np.ndarray:
        if not isinstance(leaf, jax.Array):
            return np.asarray(leaf)
        if leaf.is_fully_addressable:
            return np.asarray(jax.device_get(leaf))
        if leaf.is_fully_replicated:
            return np.asarray(leaf.addressable_data(0))
        return np.asarray(multihost_utils.process_allgather(leaf, tiled=True))

    return jax.tree.map(whole, tree)


def any_process(flag: bool) -> bool:
    """Whether ``flag`` is True in some process; every process calls it, at the same point of the run."""
    return bool(largest(float(flag))[0])


def largest(*values: float) -> tuple[float, ...]:
    """Of each value the largest that some process has; every process calls it, at the same point of the run."""
    if jax.process_count() == 1:
        return values
    return tuple(float(value) for value in np.max(multihost_utils.process_allgather(np.asarray(values)), axis=0))


def from_first(value: int) -> int:
    """The value that the first process has; every process calls it, at the same point of the run."""
    if jax.process_count() == 1:
        return value
    return int(multihost_utils.broadcast_one_to_all(np.asarray(value)))


def refuse_others(fields: Mapping[str, object]) -> None:
    """Raises unless every process has the same values; every process calls it, at the same point of the run.

    Processes that learn under different settings make numbers of none of them, or wait for each other where they save at different steps.

    Args:
      fields: plain values by name.

    Raises:
      ValueError: in every process, where one differs: in that one with the first name that does, and both values.
    """
    if jax.process_count() == 1:
        return
    own = {name: json.dumps(value, default=str) for name, value in fields.items()}
    text = json.dumps(own).encode()
    padded = text.ljust(int(largest(float(len(text)))[0]))
    told = np.asarray(multihost_utils.broadcast_one_to_all(np.frombuffer(padded, np.uint8)))
    first: dict[str, str] = files.from_json(told.astype(np.uint8).tobytes().decode())
    name = next((name for name in {**first, **own} if first.get(name) != own.get(name)), None)
    if not any_process(name is not None):
        return
    if name is None:
        raise ValueError("another process of this run was started with other options than the first, and says which")
    was, now = first.get(name, "absent"), own.get(name, "absent")
    raise ValueError(
        f"{name} is {now}, and {was} in the first process of this run; expected the same options in all of them"
    )


_meetings = itertools.count()
"""Every process of a run counts the same ones, in the same order."""


def meet(works: bool, *, seconds: float) -> bool:
    """Whether every process comes to this point, where something may have failed in some of them.

    What is exchanged on devices has to come in one order everywhere: a process that left its work half done would meet others in the middle
    of theirs, for ever. So where it failed a process first waits, on the host, until the others say that they are through; where it worked
    it goes to the exchange at once, where it hears in a second that another one is gone.

    Args:
      works: whether this process did what it had to do.
      seconds: how long one that failed waits for the others.

    Returns:
      False where others did not come, who may be waiting for this process; True where all are here.
    """
    if jax.process_count() == 1:
        return True
    from orbax.checkpoint.multihost import get_barrier_sync_fn

    arrive = partial(get_barrier_sync_fn(), key=f"gan_jax/meeting {next(_meetings)}", timeout_ms=int(1000 * seconds))
    if works:

        def tell() -> None:
            # Whoever is gone is noticed in the exchange.
            with suppress(jax.errors.JaxRuntimeError):
                arrive()

        thread = threading.Thread(target=tell, name="meet", daemon=True)
        thread.start()
        largest(0.0)
        thread.join()
        return True
    try:
        arrive()
    except jax.errors.JaxRuntimeError as error:
        if "DEADLINE_EXCEEDED" not in str(error):
            raise
        return False
    largest(0.0)
    return True


def lost_peer(error: BaseException) -> BaseException | None:
    """What of ``error`` says that another process of the run is gone, whoever noticed it first; None where nothing does."""
    if jax.process_count() == 1:
        return None
    cause: BaseException | None = error
    while cause is not None:
        # What all write or read together fails with what the network says, whatever the type.
        network = any(said in str(cause) for said in ("onnection reset", "onnection closed", "onnection refused"))
        memory = any(said in str(cause) for said in ("RESOURCE_EXHAUSTED", "Out of memory"))
        if network or (isinstance(cause, jax.errors.JaxRuntimeError) and not memory):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


def is_first() -> bool:
    """Whether this process is the one that writes what all share: logs, pictures, locks."""
    return jax.process_index() == 0
