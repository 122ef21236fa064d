"""The games of ``collapse_or_drop``: one pair of networks on one ring, and what is changed from arm to arm."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np

from experiments.diversity.collapse_or_drop.experiment import ARMS, Config
from experiments.diversity.cures import Settings
from experiments.framework import Arrays, Progress, Task
from experiments.framework.rows import record
from gan_jax import distributions
from gan_jax.metrics.modes import ModeCounts, modes_of, pooled_variance, tally
from gan_jax.models.generators import mlp_generator
from gan_jax.models.mlp import mlp
from gan_jax.objectives import losses, penalties
from gan_jax.training.game import gan
from gan_jax.training.optimizers import adam, alike
from gan_jax.training.state import GameState
from gan_jax.training.updates import alternating

PICTURED = 300
"""Samples of a picture."""


def _fast(objective: str) -> Callable[[Config], Settings]:
    """The generator learns faster than the discriminator."""
    return lambda config: {"objective": losses.OBJECTIVES[objective](), "discriminator_rate": config.slow_rate}


def _strong(objective: str) -> Callable[[Config], Settings]:
    """The discriminator is trained well before every step of the generator."""
    return lambda config: {"objective": losses.OBJECTIVES[objective](), "discriminator_steps": config.strong_steps}


def _noise(config: Config) -> Settings:
    """Noise on all that the discriminator sees, gone after half of the game (Sønderby et al. 2017)."""
    return {"perturb": penalties.instance_noise, "noise": config.noise, "noise_steps": 0.5 * config.steps}


def _relativistic(config: Config) -> Settings:
    """Relativistic pairing with R1 and R2 (Huang et al. 2024), under the same noise."""
    return {
        **_noise(config),
        "objective": losses.relativistic(),
        "penalty": penalties.both(penalties.r1(), penalties.r2()),
        "penalty_weight": config.zero_centred_weight,
        "penalty_every": 4,
    }


def _wasserstein(config: Config) -> Settings:
    """WGAN-GP (Gulrajani et al. 2017)."""
    return {
        **_strong("wasserstein")(config),
        "penalty": penalties.gradient_penalty(),
        "penalty_weight": config.gradient_penalty_weight,
        "generator_optimizer": adam(b1=0.5, b2=0.9),
        "discriminator_optimizer": adam(b1=0.5, b2=0.9),
    }


CHANGES: dict[str, Callable[[Config], Settings]] = {
    "fast": _fast("non_saturating"),
    "fast_minimax": _fast("minimax"),
    "fast_reverse": _fast("f_reverse_kl"),
    "strong": _strong("non_saturating"),
    "strong_minimax": _strong("minimax"),
    "strong_reverse": _strong("f_reverse_kl"),
    "wgan_gp": _wasserstein,
    "noise": lambda config: {**_strong("non_saturating")(config), **_noise(config)},
    "relativistic": _relativistic,
}
"""What is changed in each arm: ``config -> {argument of game.gan: value}``, in place of those of the plain game."""


def play(config: Config, arm: str, key: jax.Array, task: Task) -> dict[str, np.ndarray]:
    """All games of one arm as one program: counts of their samples at every record, and pictures of the first."""
    law = distributions.gaussian_ring(config.modes, config.radius, config.scale)
    truth = modes_of(law)
    generator = mlp_generator((config.width, config.width), latent=config.latent)
    settings = {"batch_size": config.batch_size, **alike(adam(b1=0.5, b2=0.999), config.rate), **CHANGES[arm](config)}
    objective, critic = settings.pop("objective"), mlp((config.width, config.width))
    game = gan(objective, generator, critic, lambda key, batch: law.sample(key, (batch,)), alternating(), **settings)

    def look(key: jax.Array, state: GameState) -> tuple[ModeCounts, jax.Array]:
        samples = generator.apply(state.generator.variables, generator.noise(key, config.samples))
        return tally(samples, truth), samples[:PICTURED]

    watched = record(task, config, game, key, look)
    counts, pictures = watched.seen
    return {
        "masses": counts.high / config.samples,
        "variance": pooled_variance(counts),
        "spread": watched.info.variance_ratio,
        "pictures": pictures[:, 0],
    }


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all arms from clones of one key: they differ by nothing but what is changed."""
    key = jax.random.key(config.seed)
    truth = modes_of(distributions.gaussian_ring(config.modes, config.radius, config.scale))
    arrays: Arrays = {
        "steps": np.linspace(0, config.steps, config.records + 1),
        "scale": np.asarray(config.scale),
        "centres": np.asarray(truth.centres),
        "weights": np.asarray(truth.weights),
    }
    with progress.task("arms", total=len(ARMS)):
        for name, arm in ARMS.items():
            with progress.task(arm.label, total=config.records, share=1.0) as task:
                played = play(config, name, jax.random.clone(key), task)
            arrays |= {f"{name}/{field}": values for field, values in played.items()}
    return arrays
