"""What ``optimal_discriminator`` computes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.divergences.optimal_discriminator.experiment import Config
from experiments.framework import Arrays, Progress
from experiments.framework.rows import Quantities, in_parts
from gan_jax.distributions import log_density, pair
from gan_jax.divergences import exact
from gan_jax.estimators import variational
from gan_jax.models.lipschitz import orthonormal_mlp, spectral_norm_mlp
from gan_jax.models.mlp import clipped_mlp, mlp
from gan_jax.objectives import losses, oracle, penalties
from gan_jax.training.ensemble import ensemble
from gan_jax.typing import Critic


def run(config: Config, progress: Progress) -> Arrays:
    """Trains a discriminator and five critics for every seed as one program, and reads them on a grid."""
    p, q = pair("gaussians").make(config.separation)
    x = jnp.linspace(-4.0, config.separation + 4.0, 201)
    networks = _networks(config)
    training: dict[str, Any] = {n: getattr(config, n) for n in ("steps", "batch_size", "learning_rate", "held_out")}

    def reads(key: jax.Array) -> dict[str, Quantities]:
        result = {}
        for name, (objective, critic, settings) in networks.items():
            key, own = jax.random.split(key)
            estimate = variational.neural_estimator(objective, critic, **training, **settings)(own, p, q)
            read = partial(variational.logits, critic, estimate.critic)
            values, slopes = jax.vmap(jax.value_and_grad(lambda point, read=read: read(point[None, None])[0]))(x)
            result[name] = {
                "output": values,
                "slope": slopes,
                "value": estimate.value,
                "standard_error": estimate.standard_error,
                "lipschitz_observed": estimate.lipschitz.observed,
                "lipschitz_certified": estimate.lipschitz.certified,
            }
        return result

    program = jax.jit(ensemble(reads))
    keys = jax.random.split(jax.random.key(config.seed), config.seeds)
    together = min(jax.device_count(), config.seeds)
    stacked = in_parts(progress, "training", program, (keys,), on_cpu=together)
    ratio = oracle.log_ratio(p, q)
    arrays = {f"{name}/{field}": value for name, fields in stacked.items() for field, value in fields.items()}
    return {
        **arrays,
        "x": np.asarray(x),
        "log_p": np.asarray(log_density(p, x)),
        "log_q": np.asarray(log_density(q, x)),
        "oracle": np.asarray(ratio(x)),
        "js": np.asarray(exact.jensen_shannon(p, q)),
        "w1": np.asarray(exact.wasserstein(p, q)),
        "separation": np.asarray(config.separation),
        "penalty_weight": np.asarray(config.penalty_weight),
        "objective": np.asarray(losses.minimax().name),
    }


def _networks(config: Config) -> Mapping[str, tuple[losses.Objective, Critic, dict[str, Any]]]:
    """Objective, network and further settings of the discriminator and of every critic."""
    features = (config.width, config.width)
    weighted = {"penalty_weight": config.penalty_weight}
    w1 = losses.wasserstein()
    return {
        "discriminator": (losses.minimax(), mlp(features), {}),
        "orthonormal": (w1, orthonormal_mlp(features), {}),
        "spectral norm": (w1, spectral_norm_mlp(features), {}),
        "GP": (w1, mlp(features), {"penalty": penalties.gradient_penalty(), **weighted}),
        "LP": (w1, mlp(features), {"penalty": penalties.lipschitz_penalty(), **weighted}),
        "clipping": (w1, clipped_mlp(features, bound=config.clip), {}),
    }
