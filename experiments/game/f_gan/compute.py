"""What ``f_gan`` computes: the exact divergences of every Gaussian from the target, their minima, and the games."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from flax import linen as nn

from experiments.framework import Arrays, Progress
from experiments.framework.rows import Member, Quantities, swept
from experiments.game.f_gan.experiment import MEANS, NAMES, VARIANCES, WEIGHTS, Config, density
from gan_jax.divergences import exact
from gan_jax.estimators.variational import score
from gan_jax.models.mlp import mlp
from gan_jax.models.players import affine
from gan_jax.objectives import losses
from gan_jax.objectives.choice import switch_objective
from gan_jax.training.ensemble import ensemble
from gan_jax.training.game import Data, Game, gan, play
from gan_jax.training.optimizers import adam, cosine_decay
from gan_jax.training.state import GameState
from gan_jax.training.updates import alternating
from gan_jax.typing import Critic, Generator


def divergences() -> Callable[[jax.Array], jax.Array]:
    """Returns ``(μ, log σ) [2] -> D_f(P || N(μ, σ²)) [5]``, exactly, in the order of ``NAMES``."""
    components = dist.Normal(jnp.asarray(MEANS), jnp.sqrt(jnp.asarray(VARIANCES)))
    p = dist.MixtureSameFamily(dist.Categorical(probs=jnp.asarray(WEIGHTS)), components)

    def at(theta: jax.Array) -> jax.Array:
        q = dist.Normal(theta[0], jnp.exp(theta[1]))
        kl, reverse_kl = exact.kl(p, q), exact.kl(q, p)
        return jnp.stack([kl, reverse_kl, exact.jensen_shannon(p, q), kl + reverse_kl, exact.chi_squared(p, q)])

    return at


def newton(divergences: Callable[[jax.Array], jax.Array]) -> Callable[[jax.Array], tuple[jax.Array, jax.Array]]:
    """Returns ``row -> (μ*, log σ*) [2], |gradient| there``: damped Newton on the gradient of one exact divergence, from N(1, 1.5²)."""

    def minimise(row: jax.Array) -> tuple[jax.Array, jax.Array]:
        def value(theta: jax.Array) -> jax.Array:
            return divergences(theta)[row]

        def step(theta: jax.Array, _: None) -> tuple[jax.Array, None]:
            curvatures, axes = jnp.linalg.eigh(jax.hessian(value)(theta))
            # Downhill also where the divergence is concave, and never far.
            move = axes @ ((axes.T @ jax.grad(value)(theta)) / jnp.maximum(jnp.abs(curvatures), 1e-3))
            return theta - move / jnp.maximum(1.0, jnp.max(jnp.abs(move)) / 0.3), None

        theta, _ = jax.lax.scan(step, jnp.asarray([1.0, np.log(1.5)], jnp.float32), length=20)
        return theta, jnp.max(jnp.abs(jax.grad(value)(theta)))

    return minimise


def affine_game(
    config: Any, objective: losses.Objective, generator: Generator, data: Data, **more: Any
) -> tuple[Game, Critic]:
    """An f-GAN between an affine generator and a critic of two layers of tanh, at rates that fall to zero; the game and its critic."""
    critic = mlp((config.width, config.width), activation=nn.tanh)
    game = gan(
        objective,
        generator,
        critic,
        data,
        alternating(),
        batch_size=config.batch_size,
        discriminator_steps=config.discriminator_steps,
        generator_optimizer=adam(schedule=cosine_decay(config.steps)),
        discriminator_optimizer=adam(schedule=cosine_decay(config.steps * config.discriminator_steps)),
        generator_rate=config.learning_rate,
        discriminator_rate=config.learning_rate,
        **more,
    )
    return game, critic


def law(state: GameState) -> jax.Array:
    """(μ, σ) of the affine generator, ``[2]``."""
    params = state.generator.variables["params"]
    return jnp.stack([params["shift"][0], jnp.abs(params["matrix"][0, 0])])


def member(config: Config) -> Member:
    """Returns ``(key, divergence) -> results`` of one game: its path (μ, σ), and what the last critic says on samples it never saw."""

    def data(key: jax.Array, batch: int, /, **_: object) -> jax.Array:
        mode_key, noise_key = jax.random.split(key)
        mode = jax.random.bernoulli(mode_key, WEIGHTS[1], (batch,)).astype(int)
        scales = jnp.sqrt(jnp.asarray(VARIANCES))
        return (jnp.asarray(MEANS)[mode] + scales[mode] * jax.random.normal(noise_key, (batch,)))[:, None]

    generator = affine(scale=config.start)
    objectives = [losses.f_gan(name) for name in NAMES]

    def member(key: jax.Array, divergence: jax.Array) -> Quantities:
        # Which divergence is data: one compilation for all five.
        objective = switch_objective(objectives, divergence.astype(int))
        game, critic = affine_game(config, objective, generator, data)
        game_key, real_key, noise_key = jax.random.split(key, 3)
        state, info, path = play(game, game.init(game_key), steps=config.steps, records=config.records, observe=law)
        fake = generator.apply(state.generator.variables, generator.noise(noise_key, config.held_out))
        logits = (critic.apply(state.discriminator.variables, x) for x in (data(real_key, config.held_out), fake))
        bound, standard_error = score(objective, *logits)
        return {"path": path, "bound": bound, "bound_error": standard_error, "training_bound": info.divergence}

    return member


def mean_and_scale(theta: jax.Array | np.ndarray) -> np.ndarray:
    """(μ, σ) from (μ, log σ), ``[…, 2]``."""
    values = np.asarray(theta)
    return np.stack([values[..., 0], np.exp(values[..., 1])], axis=-1)


def run(config: Config, progress: Progress) -> Arrays:
    """Finds the exact optima, plays the games, and evaluates what they reached by the exact divergences."""
    values = divergences()
    count = len(NAMES)
    with progress.task("f-GAN", total=count * config.seeds):
        with progress.task("optimum", share=0.0):
            optimum, residual = jax.block_until_ready(jax.jit(lambda: jax.lax.map(newton(values), jnp.arange(count)))())
        arrays: Arrays = {"optimum": mean_and_scale(optimum), "optimum_gradient": np.asarray(residual)}
        with progress.task("games", total=count * config.seeds, share=count * config.seeds) as task:
            key = jax.random.key(config.seed)
            arrays |= swept(task, member(config), key, seeds=config.seeds, divergence=range(count))
        # [divergences, seeds, records + 1, 2]: all states of all games, evaluated by all divergences as one program.
        logs = jnp.asarray(np.stack([arrays["path"][..., 0], np.log(arrays["path"][..., 1])], axis=-1), jnp.float32)
        evaluate = jax.jit(ensemble(values))
        arrays["path_exact"] = np.asarray(evaluate(logs.reshape(-1, 2))).reshape(*logs.shape[:-1], count)
        arrays["exact"] = np.asarray(evaluate(optimum))
    x = np.linspace(-6.0, 8.0, 401)
    arrays |= {
        "x": x,
        "density": density(x),
        "steps": np.linspace(0, config.steps, config.records + 1),
        "names": np.asarray(list(NAMES)),
    }
    return arrays
