"""What ``critic_surfaces`` computes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.framework import Arrays, Progress
from experiments.framework.rows import Quantities, swept
from experiments.game.critic_surfaces.experiment import DATA, Config
from gan_jax.distributions import gaussian_grid, gaussian_ring, swiss_roll
from gan_jax.divergences.transport_bounds import wasserstein_bounds
from gan_jax.estimators import variational
from gan_jax.models.activations import activation_gradients
from gan_jax.models.lipschitz import orthonormal_mlp, spectral_norm_mlp
from gan_jax.models.mlp import clipped_mlp, kernels, map_kernels, mlp
from gan_jax.objectives import losses, penalties
from gan_jax.objectives.penalties import gradient_norms, interpolates
from gan_jax.typing import Critic, Sampler, Variables


def trained_at_depth(config: Config, key: jax.Array, progress: Progress, share: float) -> Arrays:
    """Trains the clipped critics of the Swiss roll as one program (c is data) and those with a penalty as another."""
    deep, seeds = config.deep, config.seeds
    features = (deep.deep_width,) * deep.deep_layers

    def member(key: jax.Array, make: Callable[..., Critic], settings: dict[str, Any], **hyper: jax.Array) -> Quantities:
        critic, (real, fake) = make(**hyper), samplers(config.noise, len(DATA) - 1)
        train_key, real_key, fake_key = jax.random.split(key, 3)
        estimator = variational.neural_estimator(
            losses.wasserstein(),
            critic,
            steps=deep.deep_steps,
            batch_size=config.batch_size,
            learning_rate=deep.deep_rate,
            held_out=deep.deep_examples,
            **settings,
        )
        trained = estimator(train_key, real, fake).critic
        x = jnp.concatenate([real(real_key, deep.deep_examples), fake(fake_key, deep.deep_examples)])
        signs = jnp.repeat(jnp.asarray([-1.0, 1.0]), deep.deep_examples)
        # The loss times the number of examples: gradients of 1e-27 an example are common here, and float32 ends at 1e-38.
        gradients = activation_gradients(lambda: signs @ variational.logits(critic, trained, x))
        return {"log10": jnp.stack([_log10_norm(g) for g in gradients.values()])}

    clip_key, penalty_key = jax.random.split(key)
    count = len(deep.deep_bounds)
    penalty = {"penalty": penalties.gradient_penalty(), "penalty_weight": config.penalty_weights[-1]}
    with_clipping = partial(member, make=lambda clip: clipped_mlp(features, bound=clip), settings={})
    with_penalty = partial(member, make=lambda: mlp(features), settings=penalty)
    # The penalty is a second derivative: about three times the time of a clipped member.
    with progress.task("depth", total=count + 3.0, share=share):
        with progress.task("clipping", total=count * seeds, share=count) as task:
            logs = swept(task, with_clipping, clip_key, seeds=seeds, clip=deep.deep_bounds)["log10"]
        with progress.task("penalty", total=seeds, share=3.0) as task:
            penalised = swept(task, with_penalty, penalty_key, seeds=seeds)["log10"]
    return {
        "depth/bounds": np.asarray(deep.deep_bounds),
        "depth/clipping": logs - logs[..., -1:],
        "depth/penalty": penalised - penalised[..., -1:],
    }


def _log10_norm(a: jax.Array) -> jax.Array:
    """``log10 ||a||`` where the squares of small entries underflow; minus infinity for zeros."""
    largest = jnp.max(jnp.abs(a))
    safe = jnp.where(largest > 0, largest, 1.0)
    return jnp.log10(largest) + jnp.where(largest > 0, 0.5 * jnp.log10(jnp.sum(jnp.square(a / safe))), 0.0)


def run(config: Config, progress: Progress) -> Arrays:
    """Trains every critic on all data sets as one program, then deep ones; brackets W1 by exact transport."""
    laws_key, transport_key, train_key, deep_key = jax.random.split(jax.random.key(config.seed), 4)
    draw = jax.jit(lambda key, data: samplers(config.noise, data)[0](key, 500))
    arrays: Arrays = {
        "grid": np.linspace(-config.extent, config.extent, config.resolution),
        "clip": np.asarray(config.clip),
        "penalty_weights": np.asarray(config.penalty_weights),
        "points": np.stack([draw(jax.random.fold_in(laws_key, data), data) for data in range(len(DATA))]),
    }
    # Seconds on two cores, which tell the display how far it is.
    shares = {"clipping": 10.0, "penalty": 45.0, "spectral": 12.0, "orthonormal": 12.0, "depth": 18.0, "transport": 5.0}
    with progress.task("critics", total=sum(shares.values())):
        arrays |= transport(config, transport_key, progress, shares["transport"])
        arrays |= train(config, train_key, progress, shares)
        arrays |= trained_at_depth(config, deep_key, progress, shares["depth"])
    return arrays


def samplers(noise: float, index: jax.Array | int) -> tuple[Sampler, Sampler]:
    """Samplers of a data set and of its blurred copy; which one may be traced.

    All three are points of a skeleton (modes, or the roll's curve) plus isotropic noise, and data plus N(0, s² I) is the same with more of
    it. The random numbers stand outside of the choice, since every branch that draws its own is compiled wherever something is drawn.

    Args:
      noise: s, standard deviation of what the generator adds.
      index: number of the data set, ``[]``.

    Returns:
      Samplers of the data and of the generator, of ``distributions``' ``gaussian_ring(8, 2 / 1.414, .02 / 1.414)``, ``gaussian_grid(5, 2 /
      2.828, .05 / 2.828)`` and ``swiss_roll()``.
    """
    ring = gaussian_ring(8, 2.0 / 1.414, 0.02 / 1.414)
    grid = gaussian_grid(5, 2.0 / 2.828, 0.05 / 2.828)
    roll = swiss_roll()

    def along_the_roll(u: jax.Array) -> jax.Array:
        t = 1.5 * jnp.pi * (1.0 + 2.0 * u)
        return roll.scale * jnp.stack([t * jnp.cos(t), t * jnp.sin(t)], axis=-1)

    skeletons = (
        lambda u: ring.centres[(ring.centres.shape[0] * u).astype(int)],
        lambda u: grid.centres[(grid.centres.shape[0] * u).astype(int)],
        along_the_roll,
    )
    widths = jnp.stack([ring.scale, grid.scale, roll.noise * roll.scale])

    def blurred(extra: float) -> Sampler:
        def sample(key: jax.Array, batch: int) -> jax.Array:
            place_key, noise_key = jax.random.split(key)
            place = jax.lax.switch(index, skeletons, jax.random.uniform(place_key, (batch,)))
            return place + jnp.hypot(widths[index], extra) * jax.random.normal(noise_key, (batch, 2))

        return sample

    return blurred(0.0), blurred(noise)


def train(config: Config, key: jax.Array, progress: Progress, shares: Mapping[str, float]) -> Arrays:
    """Every kind of critic on all data sets as one program, the two penalty weights too: ``name/quantity [data, seeds, …]``.

    Surfaces are those of the first seed, weights those of the last data set, the Swiss roll.
    """
    arrays: Arrays = {}
    for number, (name, (critic, settings)) in enumerate(critics(config).items()):
        axes: dict[str, Sequence[float]] = {"penalty_weight": config.penalty_weights} if "penalty" in settings else {}
        names = [f"{name}_{which}" for which in ("weak", "strong")] if axes else [name]
        count = len(names) * len(DATA) * config.seeds
        with progress.task(f"critic: {name}", total=count, share=shares[name]) as task:
            own_key, axes = jax.random.fold_in(key, number), axes | {"data": range(len(DATA))}
            table = swept(task, partial(member, config, critic, settings), own_key, seeds=config.seeds, **axes)
        for quantity, values in table.items():
            parts = values if len(names) > 1 else values[None]
            arrays |= {f"{own}/{quantity}": part for own, part in zip(names, parts, strict=True)}
        for own in names:
            arrays[f"{own}/surface"] = arrays[f"{own}/surface"][:, 0]
            arrays[f"{own}/weights"] = arrays[f"{own}/weights"][-1]
    return arrays


def critics(config: Config) -> Mapping[str, tuple[Critic, dict[str, Any]]]:
    """Network and further settings of every kind of critic."""
    features = (config.width,) * config.depth
    # Adam scales every entry of a matrix by itself, which undoes the geometry of the orthonormal matrices: it leaves the critic of the
    # 8 Gaussians at two thirds of W1. Plain gradients, put back onto the orthonormal matrices after every step, do not.
    schedule = optax.cosine_decay_schedule(config.orthonormal_rate, config.steps)
    return {
        "clipping": (_uniform_inside(clipped_mlp(features, bound=config.clip), config.clip), {}),
        "penalty": (mlp(features), {"penalty": penalties.gradient_penalty()}),
        "spectral": (spectral_norm_mlp(features), {}),
        "orthonormal": (orthonormal_mlp(features), {"optimizer": optax.sgd(schedule, momentum=0.9)}),
    }


def _uniform_inside(critic: Critic, bound: float) -> Critic:
    """The critic with weights that start uniform in ``[-bound, bound]``: one per cent of them within one per cent of the bounds."""

    def init(key: jax.Array, x: jax.Array) -> Variables:
        shape_key, weight_key = jax.random.split(key)
        layer = itertools.count()

        def drawn(kernel: jax.Array) -> jax.Array:
            own_key = jax.random.fold_in(weight_key, next(layer))
            return jax.random.uniform(own_key, kernel.shape, minval=-bound, maxval=bound)

        return map_kernels(drawn, critic.init(shape_key, x))

    return critic._replace(init=init)


def member(
    config: Config, critic: Critic, settings: dict[str, Any], key: jax.Array, *, data: jax.Array, **hyper: Any
) -> Quantities:
    """One training of one critic on one data set: value, constants, slope, surface and weights."""
    real, fake = samplers(config.noise, data.astype(int))
    train_key, real_key, fake_key, between_key = jax.random.split(key, 4)
    estimator = variational.neural_estimator(
        losses.wasserstein(),
        critic,
        steps=config.steps,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        held_out=config.held_out,
        **settings,
        **hyper,
    )
    estimate = estimator(train_key, real, fake)
    read = partial(variational.logits, critic, estimate.critic)
    few = min(config.held_out, 2048)
    between = interpolates(real(real_key, few), fake(fake_key, few), between_key)
    axis = jnp.linspace(-config.extent, config.extent, config.resolution)
    grid = jnp.stack(jnp.meshgrid(axis, axis), axis=-1)
    return {
        "value": estimate.value,
        "error": estimate.standard_error,
        "lipschitz": estimate.lipschitz.observed,
        "certified": estimate.lipschitz.certified,
        "slope": jnp.mean(gradient_norms(lambda x: read(x[None])[0], between)),
        "surface": read(grid.reshape(-1, 2)).reshape(grid.shape[:2]),
        "weights": jnp.concatenate([kernel.ravel() for kernel in kernels(estimate.critic.variables)]),
    }


def transport(config: Config, key: jax.Array, progress: Progress, share: float) -> Arrays:
    """Bounds of W1 for every data set, from as many independent samples as there are seeds, ``[data, seeds]``."""

    def draw(key: jax.Array, data: jax.Array) -> tuple[jax.Array, ...]:
        real, fake = samplers(config.noise, data)
        keys, sizes = jax.random.split(key, 4), (config.transport_points, config.held_out)
        return tuple(
            law(k, n)
            for n, pair in zip(sizes, keys.reshape(2, 2), strict=True)
            for law, k in zip((real, fake), pair, strict=True)
        )

    program = jax.jit(draw)
    members = [(data, seed) for data in range(len(DATA)) for seed in range(config.seeds)]
    found = [
        wasserstein_bounds(*program(jax.random.fold_in(jax.random.fold_in(key, data), seed), data))
        for data, seed in progress.track(members, "exact transport", share=share)
    ]
    shape = (len(DATA), config.seeds)
    return {
        "transport/lower": np.asarray([float(bounds.lower) for bounds in found]).reshape(shape),
        "transport/lower_error": np.asarray([float(bounds.lower_error) for bounds in found]).reshape(shape),
        "transport/upper": np.asarray([float(bounds.upper) for bounds in found]).reshape(shape),
    }
