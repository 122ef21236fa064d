"""What ``players`` computes: every generator against every discriminator on the line, and what each of them ends at."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize
from scipy.special import ndtr, ndtri

from experiments.framework import Arrays, Progress
from experiments.framework.rows import Member, Quantities, in_parts
from experiments.game.players.experiment import COSTS, CRITICS, DEVIATIONS, GENERATORS, MEANS, WEIGHTS, Config
from gan_jax.divergences import empirical
from gan_jax.models import players
from gan_jax.models.choice import one_of_critics, one_of_generators
from gan_jax.models.generators import mlp_generator
from gan_jax.models.lipschitz import orthonormal_mlp
from gan_jax.models.mlp import mlp
from gan_jax.objectives import costs, losses
from gan_jax.objectives.choice import switch_objective
from gan_jax.training import game
from gan_jax.training.compiling import compile_together
from gan_jax.training.ensemble import ensemble, part
from gan_jax.training.optimizers import OptimizerOf, adam, linear_decay
from gan_jax.training.state import GameState
from gan_jax.training.updates import alternating
from gan_jax.typing import Critic, Generator, PRNGKey

LOW, HIGH = -5.0, 5.0
"""Ends of every grid on the line; the target has 1e-8 of its mass beyond them."""

Read: TypeAlias = Callable[[GameState, Generator, PRNGKey], Quantities]
"""``(state, generator, key) -> quantities`` at the end of a game."""


class Players(NamedTuple):
    """Both sides, in the order of ``GENERATORS`` and ``CRITICS``."""

    generators: list[Generator]
    critics: list[Critic]


def target_cdf(x: np.ndarray) -> np.ndarray:
    """``F(x)`` of the target."""
    return ndtr((x[..., None] - MEANS) / DEVIATIONS) @ WEIGHTS


def target_quantiles(count: int) -> np.ndarray:
    """``F⁻¹((i - ½) / count)``, ``[count]``: by interpolation on a grid of 1e-5, right to 1e-6 where there are samples to compare."""
    x = np.linspace(LOW - 2.0, HIGH + 2.0, 1_400_001)
    return np.interp((np.arange(count) + 0.5) / count, target_cdf(x), x)


def distance_of_best_gaussian(count: int = 20_000) -> tuple[float, float, float]:
    """The least W1 between a Gaussian and the target, and its mean and deviation.

    ``min over (b, a) of ∫ |F⁻¹(u) - b - a Φ⁻¹(u)| du``: least absolute deviations, a convex problem.
    """
    quantiles, normal = target_quantiles(count), ndtri((np.arange(count) + 0.5) / count)

    def distance(b_and_a: np.ndarray) -> float:
        return float(np.abs(quantiles - b_and_a[0] - b_and_a[1] * normal).mean())

    start = np.asarray([quantiles.mean(), quantiles.std()])
    best = minimize(distance, start, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 4000})
    return float(best.fun), float(best.x[0]), float(best.x[1])


def draw(key: jax.Array, batch: int, /, **_: object) -> jax.Array:
    """Samples of the target, ``[batch, 1]``."""
    mode_key, noise_key = jax.random.split(key)
    mode = jax.random.categorical(mode_key, jnp.log(jnp.asarray(WEIGHTS, float)), shape=(batch,))
    noise = jax.random.normal(noise_key, (batch,))
    return (jnp.asarray(MEANS, float)[mode] + jnp.asarray(DEVIATIONS, float)[mode] * noise)[:, None]


def generators(config: Config) -> list[Generator]:
    """The generators in the order of ``GENERATORS``; all begin as laws of about unit width around zero."""
    features = (config.width, config.width)
    return [
        mlp_generator(features, latent=2, event_shape=(1,)),
        players.particles(lambda key: jax.random.normal(key, (config.batch_size, 1))),
        players.affine(),
        players.quantile_table(config.knots, low=-2.0, high=2.0),
    ]


def critics(config: Config) -> list[Critic]:
    """The discriminators in the order of ``CRITICS``."""
    features = (config.width, config.width)
    return [
        mlp(features),
        orthonormal_mlp(features),
        players.fourier_logistic(config.features, bandwidth=config.bandwidth),
        players.histogram_table(config.bins, low=LOW, high=HIGH),
        players.kernel_witness(landmarks(config), bandwidth=config.bandwidth),
    ]


def landmarks(config: Config) -> jax.Array:
    """Where the witness can bend: a grid over the line, a bandwidth apart, ``[m, 1]``."""
    return jnp.linspace(LOW, HIGH, 1 + round((HIGH - LOW) / config.bandwidth))[:, None]


def run(config: Config, progress: Progress) -> Arrays:
    """Plays every pair as one program, descends every distance as another: ``[generators, discriminators or costs, seeds, …]``."""
    quantiles = target_quantiles(config.held_out)
    edges = np.linspace(LOW, HIGH, config.density_bins + 1)
    best, mean, deviation = distance_of_best_gaussian()
    arrays: Arrays = {
        "edges": edges,
        "target_mass": np.diff(target_cdf(edges)),
        "best_gaussian": np.asarray([best, mean, deviation]),
        "landmarks": np.asarray(landmarks(config))[:, 0],
        "bandwidth": np.asarray(config.bandwidth),
        "batch_size": np.asarray(config.batch_size),
        "held_out": np.asarray(config.held_out),
    }
    base = jax.random.key(config.seed)
    for place, (name, count) in enumerate((("floor", config.held_out), ("batch_floor", config.batch_size))):
        arrays[name] = sampling_baseline(jax.random.fold_in(base, place), count)

    players = Players(generators(config), critics(config))
    jobs: dict[str, tuple[Member, int, float]] = {
        "game": (_adversarial, len(CRITICS), 0.7),
        "direct": (_direct, len(COSTS), 0.3),
    }

    read = partial(_read, quantiles=quantiles, edges=edges)
    pairs = {name: (len(GENERATORS), columns, config.seeds) for name, (_, columns, _) in jobs.items()}
    # Seed by seed on a CPU.
    together = {name: math.prod(p[:2]) if jax.default_backend() == "cpu" else math.prod(p) for name, p in pairs.items()}
    members = {
        name: _members(jax.random.split(jax.random.fold_in(base, 2 + place), config.seeds), shape)
        for place, (name, shape) in enumerate(pairs.items())
    }
    with progress.task("players", total=1.0):
        with progress.task("compiling", share=0.0):
            programs = compile_together(
                [
                    (ensemble(partial(job[0], config, players, read)), part(members[name], 0, together[name]))
                    for name, job in jobs.items()
                ]
            )
        for program, (name, (_, _, share)) in zip(programs, jobs.items(), strict=True):
            found = in_parts(progress, f"{name}s", program, members[name], on_cpu=together[name], share=share)
            for field, values in found.items():
                seeds_first = values.reshape(config.seeds, *pairs[name][:2], *values.shape[1:])
                arrays[f"{name}/{field}"] = np.moveaxis(seeds_first, 0, 2)
    return arrays


def _members(keys: jax.Array, shape: tuple[int, int, int]) -> tuple[jax.Array, np.ndarray, np.ndarray]:
    """Keys and numbers of all games, seeds slowest. Of one seed, all pairs have the same keys: they differ in the players alone."""
    generators, opponents, seeds = shape
    seed, generator, opponent = (a.ravel().astype(np.int32) for a in np.indices((seeds, generators, opponents)))
    return keys[seed], generator, opponent


def sampling_baseline(key: jax.Array, count: int, repeats: int = 64) -> np.ndarray:
    """W1 between ``count`` samples of the target and the target, for ``repeats`` independent sets of samples."""
    quantiles = jnp.asarray(target_quantiles(count))[:, None]
    one = jax.jit(lambda key: jnp.mean(jnp.abs(jnp.sort(draw(key, count), axis=0) - quantiles)))
    return np.asarray([one(own) for own in jax.random.split(key, repeats)])


def _coming_to_rest(steps: int) -> OptimizerOf:
    """Adam with a rate that decays linearly to zero: games that still circle come to rest."""
    return adam(b1=0.5, b2=0.999, schedule=linear_decay(steps))


def _adversarial(
    config: Config, players: Players, read: Read, key: jax.Array, generator_number: jax.Array, critic_number: jax.Array
) -> Quantities:
    """One game, and what is read off its end."""
    play_key, read_key = jax.random.split(key)
    generator = one_of_generators(players.generators, generator_number)
    of_critics = jnp.isin(critic_number, jnp.asarray([CRITICS.index("orthonormal"), CRITICS.index("witness")]))
    played = game.gan(
        switch_objective([losses.non_saturating(), losses.wasserstein()], of_critics.astype(int)),
        generator,
        one_of_critics(players.critics, critic_number),
        draw,
        alternating(),
        batch_size=config.batch_size,
        discriminator_steps=config.discriminator_steps,
        generator_optimizer=_coming_to_rest(config.steps),
        discriminator_optimizer=_coming_to_rest(config.steps * config.discriminator_steps),
    )
    start = played.init(
        play_key,
        generator_rate=jnp.asarray(config.generator_rates)[generator_number],
        discriminator_rate=jnp.asarray(config.discriminator_rates)[critic_number],
    )
    state, info, _ = game.play(played, start, steps=config.steps, records=config.records)
    alpha = state.discriminator.variables["params"][CRITICS.index("witness")]["alpha"]
    return {**read(state, generator, read_key), "divergence": info.divergence, "alpha": alpha}


def _direct(
    config: Config, players: Players, read: Read, key: jax.Array, generator_number: jax.Array, cost_number: jax.Array
) -> Quantities:
    """One descent of a cost, and what is read off its end."""
    play_key, read_key = jax.random.split(key)
    generator = one_of_generators(players.generators, generator_number)
    branches = [costs.energy(), costs.mmd(empirical.gaussian(config.bandwidth)), costs.sinkhorn(config.epsilon)]

    def cost(key: jax.Array, fake: jax.Array, real: jax.Array) -> jax.Array:
        return jax.lax.switch(cost_number, branches, key, fake, real)

    played = game.direct(
        cost, generator, draw, batch_size=config.batch_size, generator_optimizer=_coming_to_rest(config.direct_steps)
    )
    rate = config.direct_speed * jnp.asarray(config.generator_rates)[generator_number]
    start = played.init(play_key, generator_rate=rate)
    state, info, _ = game.play(played, start, steps=config.direct_steps, records=config.records)
    return {**read(state, generator, read_key), "divergence": info.divergence}


def _read(state: GameState, generator: Generator, key: PRNGKey, quantiles: np.ndarray, edges: np.ndarray) -> Quantities:
    """W1 between the generator's law and the target, its histogram, and the parameters of the affine map."""
    fake = generator.apply(state.generator.variables, generator.noise(key, len(quantiles)))[:, 0]
    ordered = jnp.sort(fake)
    affine = state.generator.variables["params"][GENERATORS.index("affine")]
    return {
        "w1": jnp.mean(jnp.abs(ordered - jnp.asarray(quantiles, float))),
        "mass": jnp.diff(jnp.searchsorted(ordered, jnp.asarray(edges, float))) / len(quantiles),
        "affine": jnp.stack([affine["shift"][0], affine["matrix"][0, 0]]),
    }
