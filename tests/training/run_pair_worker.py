"""One of two processes of a small run, for ``test_run_pair``: ``FOLDER PORT PROCESS PIECE FAILS``.

Process 1 is asked to stop at that piece; it fails in its evaluation of step 10, before or after what both exchange there, where FAILS
says so. With FAILS "other" it was started with another rate, with "saves" it would save at other steps, with "key" it has another seed,
with "stops" it alone was told to stop after a window.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import jax

from gan_jax.models import players
from gan_jax.objectives import losses
from gan_jax.training import game, runs, updates
from gan_jax.training import mesh as meshes
from gan_jax.training.checkpoint import digest
from gan_jax.training.state import GameState
from gan_jax.typing import Array, PRNGKey


def data(key: PRNGKey, batch: int) -> Array:
    return 1.0 + 0.5 * jax.random.normal(key, (batch, 1))


def measure(state: GameState) -> dict[str, float]:
    meshes.largest(1.0)
    return {"shift": float(meshes.fetch(state.generator.variables["params"]["shift"])[0])}


def failing(when: str, process: int) -> Callable[[GameState], dict[str, float]]:
    """``measure``, which fails in process 1 at step 10."""

    def measured(state: GameState) -> dict[str, float]:
        fails = process == 1 and int(meshes.fetch(state.step)) == 10
        if fails and when == "before":
            raise MemoryError("no room here")
        found = measure(state)
        if fails and when == "after":
            raise MemoryError("no room here")
        return found

    return measured


def work(folder: Path, port: str, process: int, piece: int, fails: str) -> None:
    """Runs in pieces of one step, until all are made or, at piece number ``piece``, process 1 is asked to stop."""
    jax.config.update("jax_num_cpu_devices", 1)
    meshes.connect(f"localhost:{port}", 2, process)
    mesh = meshes.data_mesh()
    gan = game.gan(
        losses.minimax(), players.affine(), players.linear(), data, updates.alternating(), batch_size=8,
        generator_rate=0.05, place=meshes.placement(mesh),
    )  # fmt: skip
    runs.PIECE_SECONDS = 0.0
    runs.PEERS_SECONDS = 20.0
    sent, pieces = runs._Pace.sent, []

    def asked(self: runs._Pace, done: Array, count: int, *asked: bool) -> bool:
        pieces.append(count)
        return sent(self, done, count, *asked, process == 1 and len(pieces) == piece)

    runs._Pace.sent = asked  # type: ignore[method-assign]
    own = fails if process == 1 else ""
    schedule = runs.Schedule(20, log_every=5, save_every=20 if own == "saves" else 10, keep=2, best="shift")
    key, rate = jax.random.key(2 if own == "key" else 1), 0.06 if own == "other" else 0.05
    done = runs.train(
        gan, key, folder, schedule, config={"rate": rate}, mesh=mesh, evaluate=failing(fails, process),
        stop=(lambda info: True) if own == "stops" else None,
    )  # fmt: skip
    sys.stdout.write(f"came to {done.step} {done.complete} {digest(done.state)}\n")


if __name__ == "__main__":
    try:
        work(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    except Exception as error:
        # As the command line does it: a process that failed leaves without waiting for the other.
        sys.stdout.write(f"ended by {type(error).__name__}: {error}\n")
        sys.stdout.flush()
        os._exit(2)
