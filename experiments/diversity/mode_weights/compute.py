"""What ``mode_weights`` computes."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from experiments.diversity import cures
from experiments.diversity.mode_weights.experiment import Config
from experiments.framework import Arrays, Progress
from gan_jax import distributions
from gan_jax.metrics.modes import assay, modes_of, tally
from gan_jax.training.recording import watch


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games, and counts samples by mode at every record."""

    target = distributions.gaussian_ring(
        config.modes,
        config.radius,
        config.scale,
        weights=distributions.geometric_weights(config.modes, config.smallest),
    )
    truth = modes_of(target)
    changes = {
        "gan": cures.nothing,
        "packing": cures.packing,
        "wgan_gp": cures.wasserstein,
        "relativistic": cures.relativistic,
        "together": cures.together,
    }
    data_key, games_key = jax.random.split(jax.random.key(config.seed))
    feed = target.sample(data_key, (config.data,))
    arrays: dict[str, Any] = {
        "weights": np.asarray(truth.weights),
        "centres": np.asarray(truth.centres),
        "steps": np.linspace(0, config.steps, config.records + 1),
        "batch": np.asarray(config.recipe.batch_size),
        "n": np.asarray(config.samples),
    }
    with progress.task("mode weights", total=float(len(changes))):
        for name, change in changes.items():
            player = cures.small_game(config.recipe, config.steps, change)

            def look(key: Any, state: Any, player: cures.SmallGame = player) -> Any:
                points = player.sample(key, state, config.samples)
                return tally(points, truth), points[: config.shown]

            with progress.task(name, total=config.records, share=1.0) as task:
                seen, shown = watch(
                    player.game,
                    # All kinds of games have the same keys, so that they differ by themselves alone.
                    jax.random.clone(games_key),
                    look,
                    seeds=config.seeds,
                    steps=config.steps,
                    records=config.records,
                    feed=feed,
                    on_record=lambda _: task.advance(1),
                ).seen
            arrays[f"{name}/masses"] = seen.high / config.samples
            arrays[f"{name}/samples"] = shown[-1, 0]
            last = [assay(jax.tree.map(lambda leaf: leaf[-1, seed], seen), truth) for seed in range(config.seeds)]  # noqa: B023
            arrays[f"{name}/reverse_kl_floor"] = np.asarray([one.reverse_kl_baseline for one in last], float)
            for quantity in ("high_quality", "reverse_kl", "covered", "reproduced"):
                arrays[f"{name}/{quantity}"] = np.asarray([getattr(one, quantity) for one in last], float)
            arrays[f"{name}/intervals"] = np.stack([one.mass_intervals for one in last])
    return {name: np.asarray(value) for name, value in arrays.items()}
