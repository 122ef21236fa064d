"""What ``f_gan`` computes: the exact divergences of every Gaussian from the target, their minima, and the games."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from experiments.f_gan import Config

NAMES = {
    "kl": "KL",
    "reverse_kl": "reverse KL",
    "jensen_shannon": "JS",
    "jeffreys": "Jeffreys",
    "pearson": "Pearson",
}
"""The divergences, as the table of f-divergences and as the figure call them."""

WEIGHTS, MEANS, VARIANCES = (0.33, 0.67), (-1.0, 2.0), (0.0625, 2.0)
"""The two components of P."""


def divergences() -> Callable[[Any], Any]:
    """Returns ``(μ, log σ) [2] -> D_f(P || N(μ, σ²)) [5]``, exactly, in the order of ``NAMES``."""
    import jax.numpy as jnp
    import numpyro.distributions as dist

    from gan_jax.divergences import exact

    components = dist.Normal(jnp.asarray(MEANS), jnp.sqrt(jnp.asarray(VARIANCES)))
    p = dist.MixtureSameFamily(dist.Categorical(probs=jnp.asarray(WEIGHTS)), components)

    def at(theta: Any) -> Any:
        q = dist.Normal(theta[0], jnp.exp(theta[1]))
        kl, reverse_kl = exact.kl(p, q), exact.kl(q, p)
        return jnp.stack([kl, reverse_kl, exact.jensen_shannon(p, q), kl + reverse_kl, exact.chi_squared(p, q)])

    return at


def newton(divergences: Callable[[Any], Any], iterations: int = 20) -> Callable[[Any], tuple[Any, Any]]:
    """Returns ``row -> (μ*, log σ*) [2], |gradient| there``: damped Newton on the gradient of one exact divergence, from N(1, 1.5²)."""
    import jax
    import jax.numpy as jnp

    def minimise(row: Any) -> tuple[Any, Any]:
        def value(theta: Any) -> Any:
            return divergences(theta)[row]

        def step(theta: Any, _: None) -> tuple[Any, None]:
            curvatures, axes = jnp.linalg.eigh(jax.hessian(value)(theta))
            # Downhill also where the divergence is concave, and never far.
            move = axes @ ((axes.T @ jax.grad(value)(theta)) / jnp.maximum(jnp.abs(curvatures), 1e-3))
            return theta - move / jnp.maximum(1.0, jnp.max(jnp.abs(move)) / 0.3), None

        theta, _ = jax.lax.scan(step, jnp.asarray([1.0, np.log(1.5)], jnp.float32), length=iterations)
        return theta, jnp.max(jnp.abs(jax.grad(value)(theta)))

    return minimise


def member(config: Config) -> Callable[..., dict[str, Any]]:
    """Returns ``(key, divergence) -> results`` of one game: its path (μ, σ), and what the last critic says on samples it never saw."""
    import jax
    import jax.numpy as jnp
    import optax
    from flax import linen as nn

    from gan_jax.divergences.variational import score
    from gan_jax.models.mlp import mlp
    from gan_jax.models.players import affine
    from gan_jax.objectives import losses
    from gan_jax.objectives.choice import one_of
    from gan_jax.training.game import OptimizerOf, adversarial, play
    from gan_jax.training.updates import alternating

    def data(key: Any, batch: int, /, **_: Any) -> Any:
        mode_key, noise_key = jax.random.split(key)
        mode = jax.random.bernoulli(mode_key, WEIGHTS[1], (batch,)).astype(int)
        scales = jnp.sqrt(jnp.asarray(VARIANCES))
        return (jnp.asarray(MEANS)[mode] + scales[mode] * jax.random.normal(noise_key, (batch,)))[:, None]

    def decaying(updates: int) -> OptimizerOf:
        return lambda rate: optax.adam(optax.cosine_decay_schedule(rate, updates), b1=0.5, b2=0.9)

    def mean_and_scale(state: Any) -> Any:
        params = state.generator.variables["params"]
        return jnp.stack([params["shift"][0], jnp.abs(params["matrix"][0, 0])])

    generator, critic = affine(scale=config.start), mlp((config.width, config.width), activation=nn.tanh)
    objectives = [losses.f_gan(name) for name in NAMES]

    def member(key: Any, divergence: Any) -> dict[str, Any]:
        # Which divergence is data: one compilation for all five.
        objective = one_of(objectives, divergence.astype(int))
        game = adversarial(
            objective,
            generator,
            critic,
            data,
            alternating(),
            batch_size=config.batch_size,
            discriminator_steps=config.discriminator_steps,
            generator_optimizer=decaying(config.steps),
            discriminator_optimizer=decaying(config.steps * config.discriminator_steps),
            generator_rate=config.learning_rate,
            discriminator_rate=config.learning_rate,
        )
        game_key, real_key, noise_key = jax.random.split(key, 3)
        state, info, path = play(
            game, game.init(game_key), steps=config.steps, records=config.records, observe=mean_and_scale
        )
        fake = generator.apply(state.generator.variables, generator.noise(noise_key, config.held_out))
        logits = (critic.apply(state.discriminator.variables, x) for x in (data(real_key, config.held_out), fake))
        bound, standard_error = score(objective, *logits)
        return {"path": path, "bound": bound, "bound_error": standard_error, "training_bound": info.divergence}

    return member


def mean_and_scale(theta: Any) -> np.ndarray:
    """(μ, σ) from (μ, log σ), ``[…, 2]``."""
    values = np.asarray(theta)
    return np.stack([values[..., 0], np.exp(values[..., 1])], axis=-1)


def density(x: np.ndarray) -> np.ndarray:
    """The density of P."""
    parts = zip(WEIGHTS, MEANS, VARIANCES, strict=True)
    return np.sum([weight * normal(x, mean, np.sqrt(variance)) for weight, mean, variance in parts], axis=0)


def normal(x: np.ndarray, mean: Any, scale: Any) -> np.ndarray:
    """The density of N(mean, scale²)."""
    return np.exp(-0.5 * np.square((x - mean) / scale)) / (scale * np.sqrt(2.0 * np.pi))
