"""One of two processes of a small run, for ``test_run_pair``: ``FOLDER PORT PROCESS PIECE``, where process 1 is asked to stop."""

from __future__ import annotations

import sys
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
    return {"shift": float(meshes.fetch(state.generator.variables["params"]["shift"])[0])}


def work(folder: Path, port: str, process: int, piece: int) -> None:
    """Runs in pieces of one step, until all are made or, at piece number ``piece``, process 1 is asked to stop."""
    jax.config.update("jax_num_cpu_devices", 1)
    meshes.connect(f"localhost:{port}", 2, process)
    mesh = meshes.data_mesh()
    gan = game.adversarial(
        losses.minimax(), players.affine(), players.linear(), data, updates.alternating(), batch_size=8,
        generator_rate=0.05, place=meshes.placement(mesh),
    )  # fmt: skip
    runs.PIECE_SECONDS = 0.0
    sent, pieces = runs._Pace.sent, []

    def asked(self: runs._Pace, done: Array, count: int, *asked: bool) -> bool:
        pieces.append(count)
        return sent(self, done, count, *asked, process == 1 and len(pieces) == piece)

    runs._Pace.sent = asked  # type: ignore[method-assign]
    schedule = runs.Schedule(20, log_every=5, save_every=10, keep=2, best="shift")
    done = runs.train(gan, jax.random.key(1), folder, schedule, config={"rate": 0.05}, mesh=mesh, evaluate=measure)
    sys.stdout.write(f"came to {done.step} {done.complete} {digest(done.state)}\n")


if __name__ == "__main__":
    work(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
