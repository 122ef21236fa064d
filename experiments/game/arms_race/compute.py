"""The games of ``arms_race``, and what is read off them on the way; every function here computes with JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from experiments.framework import Arrays, Progress, Task
from experiments.framework.rows import Quantities, swept
from experiments.game.arms_race.experiment import ARENAS, GAMES, SPEEDS, TITLES, Config
from gan_jax import distributions
from gan_jax.distributions import draw
from gan_jax.divergences import empirical, generated
from gan_jax.models.generators import mlp_generator, with_output_noise
from gan_jax.models.lipschitz import orthonormal_mlp
from gan_jax.models.mlp import mlp
from gan_jax.objectives import losses
from gan_jax.training import game as games
from gan_jax.training import updates
from gan_jax.training.state import GameState
from gan_jax.typing import Critic, Generator, PRNGKey

PICTURED = 300
"""Samples of each law in a picture of the plane."""

STRIDE = 2
"""A picture of the plane has the discriminator at every other point of the grid."""


class Arena(NamedTuple):
    """Where a game takes place: the laws, and how a state is read.

    Attributes:
      data: ``(key, batch) -> [batch, *event]``.
      generator: of the game.
      observe: ``(state, critic, objective, samples) -> {name: array}``, exact values for the state.
      points: where pictures have the discriminator, ``[n]`` for each axis.
      masses: of the data on the cells of the pictures.
      draw: ``key -> what every record of one member shares``: latents and data samples.
    """

    data: games.Data
    generator: Generator
    observe: Callable[[GameState, Critic, losses.Objective, Quantities], Quantities]
    points: np.ndarray
    masses: np.ndarray
    draw: Callable[[PRNGKey], Quantities]


def line(config: Config) -> Arena:
    """Two Gaussians on the line against the image of one normal latent: JS and W1 are known without sampling."""
    side, scale = config.line_separation / 2, config.line_scale
    law = dist.MixtureSameFamily(
        dist.Categorical(probs=jnp.asarray([0.5, 0.5])), dist.Normal(jnp.asarray([-side, side]), jnp.full(2, scale))
    )
    generator = mlp_generator((config.line_width, config.line_width), latent=1, event_shape=(1,))
    latents = generated.normal_cells(config.cells)[:, None]
    edges = jnp.linspace(-config.line_reach, config.line_reach, config.bins + 1)
    centres = generated.cell_centres(edges)
    data = generated.law_masses(law, edges)

    def distances(images: jax.Array, edges: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        p, q = generated.law_masses(law, edges), generated.generated_masses(images, edges)
        return q, generated.jensen_shannon(p, q), generated.wasserstein(p, q, edges[1] - edges[0])

    def observe(state: GameState, critic: Critic, objective: losses.Objective, shared: Quantities) -> Quantities:
        del shared
        images = generator.apply(state.generator.variables, latents)[:, 0]
        masses, js, w1 = distances(images, edges)
        _, half_js, half_w1 = distances(images[::2], edges[::2])
        logits = critic.apply(state.discriminator.variables, centres[:, None])
        return {
            "js": js,
            "w1": w1,
            "js_error": js - half_js,
            "w1_error": w1 - half_w1,
            "estimate": generated.discriminator_value(objective.divergence, logits, data, masses),
            "outside": masses[0] + masses[-1],
            "logits": logits,
            "generator": masses,
        }

    def real(key: jax.Array, batch: int) -> jax.Array:
        return draw(law, key, batch)[:, None]

    return Arena(real, generator, observe, np.asarray(centres), np.asarray(data), lambda key: {})


def plane(config: Config) -> Arena:
    """Eight Gaussians on a ring against a network with noise on its output, whose law is a mixture: JS is known on a grid."""
    law = distributions.gaussian_ring(8, config.ring_radius, config.ring_scale)
    network = mlp_generator((config.ring_width, config.ring_width), latent=2)
    generator = with_output_noise(network, config.output_noise)
    lattice, half_lattice = (generated.normal_lattice(n) for n in (config.lattice, config.lattice // 2))
    x = jnp.linspace(-config.ring_reach, config.ring_reach, config.grid)
    points = jnp.stack(jnp.meshgrid(x, x, indexing="ij"), axis=-1).reshape(-1, 2)
    data = jnp.exp(law.log_prob(points))
    data = data / jnp.sum(data)

    def masses_of(state: GameState, latents: jax.Array) -> tuple[jax.Array, jax.Array]:
        images = network.apply(state.generator.variables, latents)
        masses = generated.mixture_density(images, x, x, config.output_noise).reshape(-1) * (x[1] - x[0]) ** 2
        inside = jnp.sum(masses)
        return masses / inside, 1.0 - inside

    def observe(state: GameState, critic: Critic, objective: losses.Objective, shared: Quantities) -> Quantities:
        masses, outside = masses_of(state, lattice)
        logits = critic.apply(state.discriminator.variables, points)
        js = generated.jensen_shannon(data, masses)
        return {
            "js": js,
            "js_error": js - generated.jensen_shannon(data, masses_of(state, half_lattice)[0]),
            "estimate": generated.discriminator_value(objective.divergence, logits, data, masses),
            "outside": outside,
            "logits": logits.reshape(config.grid, config.grid)[::STRIDE, ::STRIDE],
            "samples": generator.apply(state.generator.variables, shared["latents"]),
        }

    def draw(key: jax.Array) -> Quantities:
        latent_key, real_key, other_key = jax.random.split(key, 3)
        return {
            "latents": generator.noise(latent_key, config.transported),
            "real": law.sample(real_key, (config.transported,)),
            "other": law.sample(other_key, (config.transported,)),
        }

    def real(key: jax.Array, batch: int) -> jax.Array:
        return law.sample(key, (batch,))

    return Arena(real, generator, observe, np.asarray(x)[::STRIDE], np.asarray(data), draw)


def play(arena: Arena, game: str, width: int, config: Config, key: jax.Array, task: Task) -> Arrays:
    """Plays one objective at every discriminator's rate and seed as one program.

    Args:
      arena: where.
      game: ``non_saturating`` or ``wasserstein``.
      width: of the discriminator's hidden layers.
      config: of the experiment.
      key: of all seeds.
      task: of as many units as there are members.

    Returns:
      Arrays ``[rates, seeds, …]``: observations, with a further axis ``[records + 1]``; ``training``, what the loss says on the training
      batches between two records ``[records]``; and what ``arena.draw`` drew.
    """
    classifies = game == "non_saturating"
    objective = losses.non_saturating() if classifies else losses.wasserstein()
    critic = mlp((width, width)) if classifies else orthonormal_mlp((width, width))
    match = games.gan(
        objective,
        arena.generator,
        critic,
        arena.data,
        updates.alternating(),
        batch_size=config.batch_size,
        discriminator_steps=config.discriminator_steps,
        generator_rate=config.generator_rate,
    )

    def member(key: jax.Array, discriminator_rate: jax.Array) -> Quantities:
        game_key, draw_key = jax.random.split(key)
        shared = arena.draw(draw_key)
        _, info, seen = games.play(
            match,
            match.init(game_key, discriminator_rate=discriminator_rate),
            steps=config.steps,
            records=config.records,
            observe=lambda state: arena.observe(state, critic, objective, shared),
        )
        drawn = {name: value for name, value in shared.items() if name != "latents"}
        return {**seen, **drawn, "training": info.divergence}

    return swept(task, member, key, seeds=config.seeds, discriminator_rate=np.asarray(config.discriminator_rates))


def transported(played: Arrays, config: Config, on_one: Callable[[], None]) -> tuple[np.ndarray, np.ndarray]:
    """Exact transport of generated samples to data samples, on the host, at every ``transport_every``-th record.

    Args:
      played: from ``play`` in the plane.
      config: of the experiment.
      on_one: called after every member.

    Returns:
      W1 ``[rates, seeds, records / transport_every + 1]``, and ``[rates, seeds]`` the W1 of two samples of the data: what equal laws get.
    """
    distance = jax.jit(empirical.wasserstein)
    rates, seeds = played["js"].shape[:2]
    values: list[list[float]] = []
    baselines: list[float] = []
    for rate in range(rates):
        for seed in range(seeds):
            real = played["real"][rate, seed]
            chosen = played["samples"][rate, seed, :: config.transport_every]
            values.append([float(distance(samples, real)) for samples in chosen])
            # Both rates share their keys, and so their data.
            baselines.append(float(distance(played["other"][rate, seed], real)) if rate == 0 else baselines[seed])
            on_one()
    return np.reshape(values, (rates, seeds, -1)), np.reshape(baselines, (rates, seeds))


def kept(played: Arrays) -> Arrays:
    """What is saved: scalars of all members; laws, samples and discriminators of the first seed with the faster discriminator."""
    pictures: Arrays = {
        name: played[name][-1, 0] for name in ("logits", "generator", "samples", "real") if name in played
    }
    if "samples" in pictures:
        pictures["samples"] = pictures["samples"][:, :PICTURED]
        pictures["real"] = pictures["real"][:PICTURED]
    scalars = {name: value for name, value in played.items() if name not in (*pictures, "other")}
    return {**scalars, **pictures}


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games, one program for each arena and objective, then transports samples in the plane."""
    members = config.seeds * len(SPEEDS)
    shown = np.arange(0, config.records + 1)
    arrays = {
        "step": shown * (config.steps // config.records),
        "transport_step": shown[:: config.transport_every] * (config.steps // config.records),
        "pictures": np.unique(np.round(np.asarray(config.pictures) * config.records).astype(int)),
        "bin": np.asarray(2 * config.line_reach / config.bins),
        "rates": np.asarray(config.discriminator_rates),
    }
    keys = dict(zip(ARENAS, jax.random.split(jax.random.key(config.seed), len(ARENAS)), strict=True))
    # Both objectives of an arena start from clones of one key: the same generator at generation zero, the same data.
    shares = {"line": (16.0, 0.0), "ring": (42.0, 42.0)}
    with progress.task("games", total=sum(map(sum, shares.values()))):
        for arena_name, (share, transport) in shares.items():
            arena = line(config) if arena_name == "line" else plane(config)
            width = config.line_width if arena_name == "line" else config.ring_width
            arrays[f"{arena_name}/axis"] = arena.points
            arrays[f"{arena_name}/data"] = arena.masses
            arrays[f"{arena_name}/cells"] = np.asarray(arena.masses.size)
            for game in GAMES:
                name = f"{TITLES[arena_name]} {TITLES[game]}"
                with progress.task(name, total=members, share=share / 2) as task:
                    played = play(arena, game, width, config, jax.random.clone(keys[arena_name]), task)
                if arena_name == "ring":
                    with progress.task(f"{name}: transport", total=members, share=transport / 2) as task:
                        played["w1"], played["floor"] = transported(played, config, task.advance)
                arrays |= {f"{arena_name}/{game}/{field}": value for field, value in kept(played).items()}
    return arrays
