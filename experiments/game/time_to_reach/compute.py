"""What ``time_to_reach`` computes: games, and how long the same generator takes on the exact divergence of an objective."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import optax

from experiments.framework import Arrays, Progress
from experiments.framework.rows import Member, Quantities
from experiments.game.time_to_reach.experiment import EXACT, MOVING, OPTIMIZERS, Config
from gan_jax.distributions import pair
from gan_jax.divergences import exact
from gan_jax.divergences.gaussians import wasserstein_1_normal
from gan_jax.estimators.comparison import exact_curves
from gan_jax.models import lipschitz, mlp, players
from gan_jax.objectives import choice, costs, losses
from gan_jax.training import game, optimizers, passage, updates
from gan_jax.training.ensemble import sweep
from gan_jax.training.state import GameState

CLASSIFIERS = ("minimax", "non_saturating", "least_squares", "hinge", "relativistic")

COSTS = ("energy", "mmd")


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games: for each optimiser one program of classifiers, one of critics, one of costs, one of exact descents."""
    members = {"classifier": CLASSIFIERS, "critic": ("wasserstein",), "direct": COSTS, "exact": EXACT}
    arrays: Arrays = {
        "separation": np.asarray(config.separations),
        "at_most": np.asarray(config.at_most),
        "rate": np.asarray(config.rate),
        "within": np.asarray(config.within),
    }
    arrays |= integrals(max(config.separations), config.rate, within=config.within, points=config.dense)
    jobs = [(optimizer, kind) for optimizer in OPTIMIZERS for kind in members]
    for optimizer, kind in progress.track(jobs, "programs"):
        names = members[kind]
        # Which objective is data as well: those that share a network share a program, in which it is a branch.
        found = sweep(
            _member(config, optimizer, kind),
            # The same at every program, so that two games of one seed differ by what is compared alone.
            jax.random.key(config.seed),
            # The exact descent has nothing random.
            seeds=1 if kind == "exact" else config.seeds,
            objective=np.arange(len(names)),
            separation=config.separations,
        )
        for quantity in ("steps", "reached"):
            values = found[quantity].reshape(len(names), len(config.separations), -1)
            # An exact descent and a game of the same name are two things.
            prefix = "exact/" if kind == "exact" else ""
            arrays |= {f"{optimizer}/{prefix}{name}/{quantity}": values[i] for i, name in enumerate(names)}
    return arrays


def _member(config: Config, optimizer: str, kind: str) -> Member:
    """One run as a function of key, objective (a number) and separation."""
    generator_optimizer: optimizers.OptimizerOf = optimizers.adam() if optimizer == "adam" else optax.sgd
    features = (config.width, config.width)
    shared: dict[str, Any] = {
        "batch_size": config.batch_size,
        "generator_optimizer": generator_optimizer,
        "generator_rate": config.rate,
        "data_parameters": {"separation": 1.0},
    }
    adversarial = {
        **shared,
        "discriminator_steps": config.discriminator_steps,
        "discriminator_rate": config.discriminator_rate,
    }

    def data(key: jax.Array, batch: int, /, **hyper: jax.Array) -> jax.Array:
        return hyper["separation"] + jax.random.normal(key, (batch, 1))

    def play(of: Callable[[jax.Array], game.Game]) -> Member:
        def member(key: jax.Array, objective: jax.Array, separation: jax.Array) -> Quantities:
            def arrived(state: GameState) -> jax.Array:
                params = state.generator.variables["params"]
                # A Z + b has the scale |A|: W1 of two normal laws on the line is E|δ + t Z| with the differences of means and scales.
                difference = jnp.abs(params["matrix"][0, 0]) - 1.0
                return wasserstein_1_normal(params["shift"][0] - separation, difference) < config.within

            own = of(objective.astype(int))
            found = passage.first_passage(own, own.init(key, separation=separation), arrived, at_most=config.at_most)
            return {"steps": found.steps, "reached": found.reached}

        return member

    affine, rule = players.affine(), updates.alternating()
    if kind == "classifier":
        network = mlp.mlp(features)
        made = [losses.OBJECTIVES[name]() for name in CLASSIFIERS]
        return play(lambda o: game.gan(choice.switch_objective(made, o), affine, network, data, rule, **adversarial))
    if kind == "critic":
        critic = lipschitz.orthonormal_mlp(features)
        return play(lambda o: game.gan(losses.wasserstein(), affine, critic, data, rule, **adversarial))
    if kind == "direct":
        branches = [costs.COSTS[name]() for name in COSTS]
        return play(lambda o: game.direct(partial(jax.lax.switch, o, branches), affine, data, **shared))
    return descent(generator_optimizer(config.rate), within=config.within, at_most=config.at_most)


MMD_BANDWIDTHS = (0.5, 1.0, 2.0, 4.0)
"""Those of ``costs.COSTS``."""


def descent(optimizer: optax.GradientTransformation, *, within: float, at_most: int) -> Member:
    """Descent of the generator N(b, s²) on the exact divergence of an objective, counted as the games are.

    Args:
      optimizer: of the generator.
      within: W1 at which it has arrived.
      at_most: steps.

    Returns:
      ``(key, objective, separation) -> {"steps", "reached"}``, the objective by its number in ``EXACT``.
    """

    def mmd(data: dist.Normal, fake: dist.Normal) -> jax.Array:
        # Gaussian kernel, summed over its bandwidths g: E k(X, Y) = √(g² / (g² + v)) exp(-δ² / 2 (g² + v)), with v the
        # variance of X - Y and δ its mean.
        def mean(variance: float | jax.Array, distance: float | jax.Array) -> jax.Array:
            widths = jnp.square(jnp.asarray(MMD_BANDWIDTHS))
            wide = widths + variance
            return jnp.sum(jnp.sqrt(widths / wide) * jnp.exp(-0.5 * jnp.square(distance) / wide))

        s2 = jnp.square(fake.scale)
        return mean(2.0, 0.0) + mean(2.0 * s2, 0.0) - 2.0 * mean(1.0 + s2, data.loc - fake.loc)

    # What the generator descends at the optimal discriminator: Goodfellow et al. 2014, theorem 1; Arjovsky & Bottou 2017, theorem 2.5.
    divergences = {
        "minimax": lambda p, q: 2.0 * exact.jensen_shannon(p, q),
        "non_saturating": lambda p, q: exact.kl(q, p) - 2.0 * exact.jensen_shannon(p, q),
        "wasserstein": exact.wasserstein,
        "energy": exact.energy_distance,
        "mmd": mmd,
    }

    def member(key: jax.Array, objective: jax.Array, separation: jax.Array) -> Quantities:
        data = dist.Normal(separation, 1.0)

        def slopes(of: Callable[[dist.Normal, dist.Normal], jax.Array]) -> Callable[[jax.Array], jax.Array]:
            return jax.grad(lambda params: of(data, dist.Normal(params[0], jnp.abs(params[1]))))

        branches = [slopes(divergences[name]) for name in EXACT]

        def far(params: jax.Array) -> jax.Array:
            return exact.wasserstein(data, dist.Normal(params[0], jnp.abs(params[1]))) >= within

        Carry: TypeAlias = tuple[jax.Array, optax.OptState, jax.Array]

        def goes_on(carry: Carry) -> jax.Array:
            params, _, steps = carry
            return far(params) & (steps < at_most)

        def advance(carry: Carry) -> Carry:
            params, memory, steps = carry
            moves, memory = optimizer.update(jax.lax.switch(objective.astype(int), branches, params), memory, params)
            return optax.apply_updates(params, moves), memory, steps + 1

        start = jnp.asarray([0.0, 1.0])
        params, _, steps = jax.lax.while_loop(goes_on, advance, (start, optimizer.init(start), jnp.zeros((), int)))
        return {"steps": steps, "reached": ~far(params)}

    return member


def integrals(farthest: float, rate: float, *, within: float, points: int) -> Arrays:
    """``T(m) = ∫ dm' / (rate g(m'))`` from ``within`` to m: the time of a generator that can only move, in steps.

    Args:
      farthest: the last m.
      rate: learning rate of plain descent.
      within: the first m, where W1 = m is small enough.
      points: of the curves.

    Returns:
      ``"dense" [points]``, m, and ``"integral/<objective>" [points]``.
    """
    m = np.geomspace(within, farthest, points)
    curves = jax.jit(lambda separations: exact_curves(pair("gaussians"), separations))(jnp.asarray(m, jnp.float32))
    arrays = {"dense": m}
    for name, field in MOVING.items():
        slowness = 1.0 / (rate * np.asarray(getattr(curves, field), float))
        # In log m, where the grid is even: dm = m dlog m.
        integrand = m * slowness
        cells = 0.5 * (integrand[1:] + integrand[:-1]) * np.diff(np.log(m))
        arrays[f"integral/{name}"] = np.concatenate([[0.0], np.cumsum(cells)])
    return arrays
