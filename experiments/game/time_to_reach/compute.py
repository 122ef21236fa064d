"""What ``time_to_reach`` computes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.framework import Arrays, Progress
from experiments.game.time_to_reach.experiment import EXACT, OPTIMIZERS, Config
from experiments.game.time_to_reach.theory import descent, integrals
from gan_jax.divergences.gaussians import wasserstein_1_normal
from gan_jax.models import lipschitz, mlp, players
from gan_jax.objectives import choice, costs, losses
from gan_jax.training import game, optimizers, passage, updates
from gan_jax.training.ensemble import sweep

CLASSIFIERS = ("minimax", "non_saturating", "least_squares", "hinge", "relativistic")

COSTS = ("energy", "mmd")


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games: for each optimiser one program of classifiers, one of critics, one of costs, one of exact descents."""

    members = {"classifier": CLASSIFIERS, "critic": ("wasserstein",), "direct": COSTS, "exact": EXACT}
    arrays: dict[str, Any] = {
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
    return {name: np.asarray(value) for name, value in arrays.items()}


def _member(config: Config, optimizer: str, kind: str) -> Callable[..., dict[str, Any]]:
    """One run as a function of key, objective (a number) and separation."""

    generator_optimizer: Any = optimizers.adam() if optimizer == "adam" else optax.sgd
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

    def data(key: Any, batch: int, /, **hyper: Any) -> Any:
        return hyper["separation"] + jax.random.normal(key, (batch, 1))

    def play(of: Callable[[Any], game.Game]) -> Callable[..., dict[str, Any]]:
        def member(key: Any, objective: Any, separation: Any) -> dict[str, Any]:
            def arrived(state: Any) -> Any:
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
