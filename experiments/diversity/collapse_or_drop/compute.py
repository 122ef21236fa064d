"""The games of ``collapse_or_drop``: one pair of networks on one ring, and what is changed from arm to arm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from experiments.diversity.collapse_or_drop.experiment import ARMS, Config
from experiments.framework import Arrays, Progress
from gan_jax import distributions
from gan_jax.metrics.modes import THRESHOLD, modes_of, tally
from gan_jax.models.generators import mlp_generator
from gan_jax.models.mlp import mlp
from gan_jax.objectives import losses, penalties
from gan_jax.training.game import gan
from gan_jax.training.optimizers import adam
from gan_jax.training.recording import watch
from gan_jax.training.updates import alternating

PICTURED = 300
"""Samples of a picture."""


def _objective(name: str) -> Callable[[], Any]:
    def make() -> Any:
        return losses.OBJECTIVES[name]()

    return make


def _fast(objective: Callable[[], Any]) -> Callable[[Config], Mapping[str, Any]]:
    """The generator learns faster than the discriminator."""
    return lambda config: {"objective": objective(), "discriminator_rate": config.slow_rate}


def _strong(objective: Callable[[], Any]) -> Callable[[Config], Mapping[str, Any]]:
    """The discriminator is trained well before every step of the generator."""
    return lambda config: {"objective": objective(), "discriminator_steps": config.strong_steps}


def _noise(config: Config) -> Mapping[str, Any]:
    """Noise on all that the discriminator sees, gone after half of the game (Sønderby et al. 2017)."""
    return {"perturb": penalties.instance_noise, "noise": config.noise, "noise_steps": 0.5 * config.steps}


def _strong_with_noise(config: Config) -> Mapping[str, Any]:
    return {**_strong(_objective("non_saturating"))(config), **_noise(config)}


def _relativistic(config: Config) -> Mapping[str, Any]:
    """Relativistic pairing with R1 and R2 (Huang et al. 2024), under the same noise."""
    return {
        **_noise(config),
        "objective": _objective("relativistic")(),
        "penalty": penalties.both(penalties.r1(), penalties.r2()),
        "penalty_weight": config.zero_centred_weight,
        "penalty_every": 4,
    }


def _wasserstein(config: Config) -> Mapping[str, Any]:
    """WGAN-GP (Gulrajani et al. 2017)."""
    return {
        **_strong(_objective("wasserstein"))(config),
        "penalty": penalties.gradient_penalty(),
        "penalty_weight": config.gradient_penalty_weight,
        "generator_optimizer": adam(b1=0.5, b2=0.9),
        "discriminator_optimizer": adam(b1=0.5, b2=0.9),
    }


NON_SATURATING, MINIMAX, REVERSE = (_objective(name) for name in ("non_saturating", "minimax", "f_reverse_kl"))

CHANGES: dict[str, Callable[[Config], Mapping[str, Any]]] = {
    "fast": _fast(NON_SATURATING),
    "fast_minimax": _fast(MINIMAX),
    "fast_reverse": _fast(REVERSE),
    "strong": _strong(NON_SATURATING),
    "strong_minimax": _strong(MINIMAX),
    "strong_reverse": _strong(REVERSE),
    "wgan_gp": _wasserstein,
    "noise": _strong_with_noise,
    "relativistic": _relativistic,
}
"""What is changed in each arm: ``config -> {argument of game.gan: value}``, in place of those of the plain game."""


def play(config: Config, arm: str, key: Any, on_record: Callable[[int], None]) -> dict[str, np.ndarray]:
    """All games of one arm as one program: counts of their samples at every record, and pictures of the first."""
    law = distributions.gaussian_ring(config.modes, config.radius, config.scale)
    truth = modes_of(law)
    generator = mlp_generator((config.width, config.width), latent=config.latent)
    settings: dict[str, Any] = {
        "generator_optimizer": adam(b1=0.5, b2=0.999),
        "discriminator_optimizer": adam(b1=0.5, b2=0.999),
        "generator_rate": config.rate,
        "discriminator_rate": config.rate,
    }
    settings |= CHANGES[arm](config)
    game = gan(
        settings.pop("objective"),
        generator,
        mlp((config.width, config.width)),
        lambda key, batch: law.sample(key, (batch,)),
        alternating(),
        batch_size=config.batch_size,
        **settings,
    )

    def look(key: Any, state: Any) -> Any:
        samples = generator.apply(state.generator.variables, generator.noise(key, config.samples))
        return tally(samples, truth), samples[:PICTURED]

    watched = watch(
        game, key, look, seeds=config.seeds, steps=config.steps, records=config.records, on_record=on_record
    )
    counts, pictures = watched.seen
    return {
        "masses": counts.high / config.samples,
        "variance": in_mode_variance(counts),
        "spread": watched.info.variance_ratio,
        "pictures": pictures[:, 0],
    }


def in_mode_variance(counts: Any) -> np.ndarray:
    """Variance inside the modes over the truth's, ``[records + 1, seeds]``: pooled over modes, as ``metrics.modes.assay`` has it."""
    high = counts.high.astype(float)
    scatter = counts.squares - np.sum(np.square(counts.sums), axis=-1) / np.maximum(high, 1.0)
    freedom = np.sum(np.maximum(high - 1.0, 0.0), axis=-1)
    cut = 0.5 * THRESHOLD**2
    # E[|u|²; |u| < t] / P(|u| < t) of two standard normal coordinates.
    truth = 2.0 * (1.0 - (1.0 + cut) * np.exp(-cut)) / (1.0 - np.exp(-cut))
    return np.where(freedom > 0, np.sum(scatter, axis=-1) / (np.maximum(freedom, 1.0) * truth), np.nan)


def truth_of(config: Config) -> dict[str, np.ndarray]:
    """Centres and weights of the modes."""
    modes = modes_of(distributions.gaussian_ring(config.modes, config.radius, config.scale))
    return {"centres": np.asarray(modes.centres), "weights": np.asarray(modes.weights)}


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all arms from clones of one key: they differ by nothing but what is changed."""

    key = jax.random.key(config.seed)
    arrays: dict[str, Any] = {
        "steps": np.linspace(0, config.steps, config.records + 1),
        "scale": np.asarray(config.scale),
        **truth_of(config),
    }
    with progress.task("arms", total=len(ARMS)):
        for name, arm in ARMS.items():
            with progress.task(arm.label, total=config.records, share=1.0) as task:
                played = play(config, name, jax.random.clone(key), lambda _, task=task: task.advance(1))  # type: ignore[misc]
            arrays |= {f"{name}/{field}": values for field, values in played.items()}
    return {name: np.asarray(value) for name, value in arrays.items()}
