"""What ``conditional_ring`` computes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from experiments.conditional.conditional_ring.experiment import ROWS, THRESHOLD, Config
from experiments.conditional.heads import Head, game
from experiments.framework import Arrays, Progress
from experiments.framework.rows import Look, Quantities, record
from gan_jax.distributions import gaussian_ring
from gan_jax.distributions.conditional import ring_mode
from gan_jax.divergences import conditional as divergences
from gan_jax.divergences import exact
from gan_jax.models.conditional import conditional_mlp_generator
from gan_jax.models.conditional_critics import conditional_mlp_critic
from gan_jax.models.text import label_encoder
from gan_jax.training.conditional import labelled
from gan_jax.training.game import Game
from gan_jax.training.state import GameState, averaged
from gan_jax.typing import ConditionedBatch


def run(config: Config, progress: Progress) -> Arrays:
    """Plays every row from clones of one key: they differ by nothing but how the discriminator sees the label."""
    key = jax.random.key(config.seed)
    arrays: dict[str, object] = {
        "rows": np.asarray(config.rows),
        "steps": np.linspace(0, config.steps, config.records + 1),
        "scale": config.scale,
        "radius": config.radius,
        "modes": config.modes,
        "samples": config.samples,
    }
    with progress.task("rows", total=len(config.rows)):
        for name in config.rows:
            with progress.task(ROWS[name].label, total=config.records, share=1.0) as task:
                played, look = _game(config, ROWS[name])
                watched = record(task, config, played, jax.random.clone(key), look)
            arrays |= {f"{name}/{field}": values for field, values in watched.seen.items() if field != "points"}
            arrays[f"{name}/points"] = watched.seen["points"][-1, 0]
    return {name: np.asarray(value) for name, value in arrays.items()}


def _game(config: Config, row: Head) -> tuple[Game, Look]:
    """The game of a row, and ``look(key, state) -> {quantity: array}``."""
    centres = gaussian_ring(config.modes, config.radius, config.scale).centres
    encoder = label_encoder(config.modes, width=config.embedding)
    generator = conditional_mlp_generator(encoder, (config.width,) * 3, latent=config.latent)
    critic = conditional_mlp_critic(encoder, (config.width,) * 2, head=row.head, classes=config.modes)

    def data(key: jax.Array, batch: int) -> ConditionedBatch:
        label_key, noise_key = jax.random.split(key)
        labels = jax.random.randint(label_key, (batch,), 0, config.modes)
        return labelled(centres[labels] + config.scale * jax.random.normal(noise_key, (batch, 2)), labels)

    truth = lambda k: ring_mode(k, modes=config.modes, radius=config.radius, scale=config.scale)  # noqa: E731

    def look(key: jax.Array, state: GameState) -> Quantities:
        labels = jnp.repeat(jnp.arange(config.modes), config.samples)
        variables = averaged(state)
        x = generator.apply(variables, generator.noise(key, labels.size), generator.embed(variables, labels))
        squares = jnp.sum(jnp.square(x[:, None] - centres[None]), axis=2)
        nearest = jnp.argmin(squares, axis=1)
        table = jnp.zeros((config.modes, config.modes), jnp.int32).at[labels, nearest].add(1)
        own = jnp.take_along_axis(squares, labels[:, None], axis=1)[:, 0]
        points = x.reshape(config.modes, config.samples, 2)
        fitted = _gaussians(points, config.scale)
        return {
            # [label, nearest mode]: all that the mutual information needs.
            "table": table,
            "quality": jnp.mean(own <= (THRESHOLD * config.scale) ** 2),
            "kl": divergences.averaged(exact.kl, fitted, truth, jnp.arange(config.modes)),
            "points": points[:, : config.shown],
        }

    return game(config, row, generator, critic, data), look


def _gaussians(points: jax.Array, scale: float) -> divergences.Family:
    """The family of Gaussians with the moments of ``points [labels, n, 2]``."""
    means = jnp.mean(points, axis=1)
    away = points - means[:, None]
    # A millionth of the truth's variance keeps what has collapsed to a line from a KL of infinity.
    covariances = jnp.einsum("kni,knj->kij", away, away) / points.shape[1] + 1e-6 * scale**2 * jnp.eye(2)[None]
    factors = jnp.linalg.cholesky(covariances)
    return lambda k: dist.MultivariateNormal(means[k], scale_tril=factors[k])
