"""A small run in a process of its own, for ``test_runs`` to kill: everything that a run has to bring back is in it.

Optimisers with moments, batch statistics, several discriminator steps with a penalty, a moving average, a stream of pools, an evaluation,
and pictures.
"""

from __future__ import annotations

import os
from pathlib import Path

import jax
import numpy as np

from gan_jax.data import sets, sources
from gan_jax.models.generators import mlp_generator
from gan_jax.models.mlp import mlp
from gan_jax.objectives.losses import wasserstein
from gan_jax.objectives.penalties import gradient_penalty
from gan_jax.training import runs, updates
from gan_jax.training.checkpoint import digest
from gan_jax.training.game import Game, gan
from gan_jax.training.sampling import sampler
from gan_jax.training.state import GameState

SCHEDULE = runs.Schedule(steps=600, log_every=20, save_every=40, keep=2, best="spread")
GENERATOR = mlp_generator((32, 32), latent=8, event_shape=(8, 8, 1), batch_norm=True)
DONE = "digest.txt"


def game_of(source: sources.Source) -> Game:
    return gan(
        wasserstein(),
        GENERATOR,
        mlp((32, 32)),
        source.draw,
        updates.alternating(),
        batch_size=16,
        discriminator_steps=2,
        penalty=gradient_penalty(),
        ema_decay=0.99,
    )


def work(folder: str, steps: int = SCHEDULE.steps) -> None:
    """Runs to the end from wherever the folder stands, and leaves the digest of the last state."""
    jax.config.update("jax_num_cpu_devices", 1)
    source = sources.streamed(sets.open_images("digits", split="all"), examples_per_step=48, pool=1024, seed=0)
    sample = sampler(GENERATOR, batch=64)
    path = Path(folder)

    def pictures(state: GameState, step: int) -> None:
        path.joinpath(f"samples-{step}.bin").write_bytes(sample(state, jax.random.key(9), 8).tobytes())

    def evaluate(state: GameState) -> dict[str, float]:
        return {"spread": float(np.std(sample(state, jax.random.key(9), 64)))}

    schedule = runs.Schedule(steps, SCHEDULE.log_every, SCHEDULE.save_every, SCHEDULE.keep, SCHEDULE.best)
    done = runs.train(
        game_of(source),
        jax.random.key(5),
        path,
        schedule,
        config={"rule": {"batch_size": 16}, "schedule": {"steps": steps}},
        free=("schedule.steps",),
        feed=source.feed,
        evaluate=evaluate,
        on_save=pictures,
    )
    source.close()
    if done.complete:
        path.joinpath(DONE).write_text(digest(done.state), encoding="utf-8")


if __name__ == "__main__":
    import sys

    work(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else SCHEDULE.steps)
    os._exit(0)
