"""What ``generator_gradients`` computes: generators of several ages, and fresh discriminators trained against each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.framework import Arrays, Progress
from experiments.framework.rows import in_parts
from experiments.game.generator_gradients.experiment import Config
from gan_jax.data.digits import load_digits
from gan_jax.distributions import gaussian_ring
from gan_jax.divergences import empirical
from gan_jax.estimators.variational import sampler
from gan_jax.models.choice import one_of_critics
from gan_jax.models.generators import mlp_generator
from gan_jax.models.lipschitz import orthonormal_mlp
from gan_jax.models.mlp import mlp
from gan_jax.objectives import costs, losses, penalties
from gan_jax.objectives.choice import switch_objective, switch_penalty
from gan_jax.training import frozen, game
from gan_jax.training.compiling import compile_together
from gan_jax.training.critic import CriticState, CriticTraining
from gan_jax.training.ensemble import ensemble, part
from gan_jax.training.frozen import GeneratorGradient, log_spaced
from gan_jax.typing import Generator, PRNGKey, PyTree, Sampler, Variables

TRAINED = ("minimax", "least_squares", "hinge", "orthonormal", "gp")
"""The discriminators: three free networks, and two critics of W1. Which one is data to one compiled program."""

SAVED = {"standard_deviation": "spread"}
"""Fields of a gradient by the names that saved arrays have."""


class Problem(NamedTuple):
    """Data, and a generator of it.

    Attributes:
      data: draws examples ``[batch, *event]``.
      generator: the network.
    """

    data: Sampler
    generator: Generator


def problems(config: Config) -> dict[str, Problem]:
    """The ring of 8 Gaussians, and the digits, which live on the device."""
    images = jnp.asarray(load_digits().images)

    def digits(key: jax.Array, batch: int) -> jax.Array:
        return images[jax.random.randint(key, (batch,), 0, len(images))]

    width = config.generator_width
    return {
        "ring": Problem(
            sampler(gaussian_ring(8, config.radius, config.radius / 100)),
            mlp_generator((width, width), latent=2, event_shape=(2,)),
        ),
        "digits": Problem(digits, mlp_generator((width, width), latent=config.latent, event_shape=(8, 8))),
    }


def aged_generators(config: Config, problem: Problem) -> Callable[[PRNGKey], tuple[Variables, jax.Array]]:
    """Makes generators of all ages from one seed, and says how far they are from the data.

    They descend the energy distance, which is none of the objectives that are compared, so that none of them is at home.

    Args:
      config: ages, batch and rate of the game.
      problem: data and generator.

    Returns:
      ``key -> (variables [ages, …], energy distances of fresh samples [ages])``.
    """

    def data(key: jax.Array, batch: int, /, **_: object) -> jax.Array:
        return problem.data(key, batch)

    played = game.direct(
        costs.energy(), problem.generator, data, batch_size=config.game_batch, generator_rate=config.generator_rate
    )
    unit = int(np.gcd.reduce(config.ages))
    chosen = np.asarray(config.ages) // unit

    def seed(key: jax.Array) -> tuple[Variables, jax.Array]:
        game_key, noise_key, data_key = jax.random.split(key, 3)
        records = int(max(chosen))
        _, _, seen = game.play(
            played,
            played.init(game_key),
            steps=records * unit,
            records=records,
            observe=lambda state: state.generator.variables,
        )
        variables = jax.tree.map(lambda a: a[chosen], seen)
        z, real = problem.generator.noise(noise_key, config.scored), problem.data(data_key, config.scored)

        def distance(own: Variables) -> jax.Array:
            fake = problem.generator.apply(own, z)
            flat = [jnp.reshape(x, (config.scored, -1)) for x in (fake, real)]
            return empirical.energy_distance(*flat)

        return variables, jax.lax.map(distance, variables)

    return seed


def train_discriminator(
    config: Config, problem: Problem, steps: tuple[int, ...]
) -> Callable[[PRNGKey, Variables, jax.Array], dict[str, jax.Array | GeneratorGradient]]:
    """Trains discriminator number ``number`` of ``TRAINED`` and looks at the gradient it gives the generator.

    Args:
      config: networks and training.
      problem: data and generator.
      steps: updates after which it is looked at.

    Returns:
      ``(key, generator variables, number) -> {quantity: […, records]}``, one program for all discriminators.
    """
    features = (config.width, config.width)
    w1 = losses.wasserstein()
    objectives = [losses.minimax(), losses.least_squares(), losses.hinge(), w1, w1]
    generator = problem.generator
    total = config.noise_batches * config.batch_size

    def member(key: jax.Array, variables: Variables, number: jax.Array) -> dict[str, jax.Array | GeneratorGradient]:
        train_key, noise_key, data_key = jax.random.split(key, 3)
        objective = switch_objective(objectives, number)
        orthonormal, penalised = (jnp.int32(number == TRAINED.index(name)) for name in ("orthonormal", "gp"))
        critic = one_of_critics([mlp(features), orthonormal_mlp(features)], orthonormal)
        training = CriticTraining(
            objective,
            optax.adam(config.discriminator_rate, b1=0.5, b2=0.999),
            switch_penalty([None, penalties.gradient_penalty()], penalised),
            config.penalty_weight,
            config.batch_size,
        )
        noise = jax.tree.map(
            lambda z: z.reshape(config.noise_batches, config.batch_size, *z.shape[1:]),
            generator.noise(noise_key, total),
        )
        # For the discriminator's value: no loss here compares examples, so that a gradient looks at none of them.
        real = problem.data(data_key, total)

        def gradient(objective: losses.Objective, trained: Variables) -> GeneratorGradient:
            example = real[: config.batch_size]
            return frozen.generator_gradient(objective, critic, trained, generator, variables, noise, example)

        def observe(state: CriticState) -> dict[str, jax.Array | GeneratorGradient]:
            own = gradient(objective, state.variables)
            fake_logits = jax.lax.map(lambda z: critic.apply(state.variables, generator.apply(variables, z)), noise)
            value = objective.divergence(critic.apply(state.variables, real), fake_logits.reshape(-1))
            # Minimax's discriminator is that of the non-saturating game too; nobody asks the others.
            other = jax.lax.cond(
                number == TRAINED.index("minimax"),
                lambda: gradient(losses.non_saturating(), state.variables),
                lambda: jax.tree.map(lambda a: jnp.full_like(a, jnp.nan), own),
            )
            return {"own": own, "value": value, "other": other}

        def fake(key: jax.Array, batch: int) -> jax.Array:
            return generator.apply(variables, generator.noise(key, batch))

        return frozen.watch(train_key, critic, training, problem.data, fake, at=steps, observe=observe)[1]

    return member


def run(config: Config, progress: Progress) -> Arrays:
    """Freezes generators and trains discriminators against them: ``problem/objective/field [seeds, ages, records]``."""
    steps = log_spaced(config.steps, config.records)
    arrays = {
        "steps": np.asarray(steps),
        "ages": np.asarray(config.ages),
        "noise": np.asarray(config.noise_batches * config.batch_size),
    }
    base = jax.random.key(config.seed)
    shape = (config.seeds, len(config.ages), len(TRAINED))
    # Two seeds at a time fill two devices whatever the number of members; an accelerator takes all of them at once.
    seeds = min(2, config.seeds) if jax.default_backend() == "cpu" else config.seeds
    together = seeds * len(config.ages) * len(TRAINED)
    cases = problems(config)
    keys = {name: jax.random.split(jax.random.fold_in(base, place)) for place, name in enumerate(cases)}
    with progress.task("frozen generators", total=len(cases)):
        with progress.task("compiling", share=0.0):
            games, trainings = _programs(config, cases, shape, together, steps)
        for name in cases:
            game_key, discriminator_key = keys[name]
            with progress.task(f"{name}: generators", share=0.15):
                seed_keys = jax.random.split(game_key, config.seeds)
                variables, distances = jax.block_until_ready(games[name](seed_keys))
            arrays[f"{name}/energy_distance"] = np.asarray(distances)
            member_keys = jax.random.split(discriminator_key, shape)
            title, members = f"{name}: discriminators", _members(member_keys, variables)
            found = in_parts(progress, title, trainings[name], members, on_cpu=together, share=0.85)
            seen = jax.tree.map(lambda a: a.reshape(*shape, len(steps)), found)
            for number, objective in enumerate(TRAINED):
                arrays |= _named(f"{name}/{objective}", {"value": seen["value"], **seen["own"]._asdict()}, number)
            shared = {"value": seen["value"], **seen["other"]._asdict()}
            arrays |= _named(f"{name}/non_saturating", shared, TRAINED.index("minimax"))
    return arrays


def _programs(
    config: Config, cases: Mapping[str, Problem], shape: tuple[int, int, int], together: int, steps: tuple[int, ...]
) -> tuple[dict[str, Callable[..., PyTree]], dict[str, Callable[..., PyTree]]]:
    """The compiled games and the compiled trainings of all problems."""
    seed_keys = jax.random.split(jax.random.key(0), shape[0])
    member_keys = jax.random.split(jax.random.key(0), shape)
    games = {name: ensemble(aged_generators(config, problem)) for name, problem in cases.items()}
    trainings = {name: ensemble(train_discriminator(config, problem, steps)) for name, problem in cases.items()}
    jobs: list[tuple[Callable[..., PyTree], tuple[PyTree, ...]]] = []
    for name in cases:
        jobs.append((games[name], (seed_keys,)))
        variables, _ = jax.eval_shape(games[name], seed_keys)
        blank = jax.tree.map(lambda a: np.zeros(a.shape, a.dtype), variables)
        jobs.append((trainings[name], part(_members(member_keys, blank), 0, together)))
    compiled = compile_together(jobs)
    return dict(zip(cases, compiled[::2], strict=True)), dict(zip(cases, compiled[1::2], strict=True))


def _members(keys: jax.Array, variables: Variables) -> tuple[jax.Array, Variables, np.ndarray]:
    """Keys, generators and numbers of the discriminators of all seeds, flattened: discriminators, then ages, run fastest."""
    seeds, ages, numbers = keys.shape
    repeated = jax.tree.map(lambda a: np.repeat(np.asarray(a).reshape(-1, *a.shape[2:]), numbers, axis=0), variables)
    return keys.reshape(-1), repeated, np.tile(np.arange(numbers, dtype=np.int32), seeds * ages)


def _named(prefix: str, fields: Mapping[str, np.ndarray], number: int) -> dict[str, np.ndarray]:
    """The fields ``[seeds, ages, discriminators, records]`` of one discriminator."""
    return {f"{prefix}/{SAVED.get(field, field)}": values[:, :, number] for field, values in fields.items()}
