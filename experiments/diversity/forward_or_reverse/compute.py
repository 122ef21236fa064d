"""The games of ``forward_or_reverse``: one Gaussian against two, from the middle between them and from one of them."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from experiments.diversity.forward_or_reverse.experiment import NAMES, STARTS, Config
from experiments.diversity.forward_or_reverse.theory import aside, fields, middle, minimum, switch
from experiments.framework import Arrays, Progress
from experiments.framework.rows import Member, Quantities, swept
from experiments.game.f_gan.compute import affine_game, divergences, law, mean_and_scale, newton
from experiments.game.f_gan.experiment import NAMES as REFERENCE
from gan_jax.divergences import exact
from gan_jax.models.players import affine
from gan_jax.objectives import losses
from gan_jax.objectives.choice import switch_objective
from gan_jax.training.game import play


def member(config: Config) -> Member:
    """Returns ``(key, divergence, separation, start) -> {"path": [records + 1, 2]}``: (μ, σ) of one game.

    ``start`` is where N(start · separation / 2, σ²) begins: at 0, with the variance of the data, which is KL's own optimum; at 1, as the
    right mode.
    """

    def data(key: jax.Array, batch: int, /, *, separation: jax.Array) -> jax.Array:
        side_key, noise_key = jax.random.split(key)
        side = jax.random.rademacher(side_key, (batch,), float)
        return (0.5 * separation * side + jax.random.normal(noise_key, (batch,)))[:, None]

    generator = affine()
    objectives = [losses.f_gan(name) for name in NAMES]

    def member(key: jax.Array, divergence: jax.Array, separation: jax.Array, start: jax.Array) -> Quantities:
        wide = jnp.sqrt(1.0 + 0.25 * separation**2)
        begun = {
            "matrix": jnp.where(start == 0.0, wide, 1.0).reshape(1, 1),
            "shift": (0.5 * start * separation).reshape(1),
        }
        objective = switch_objective(objectives, divergence.astype(int))
        started = generator._replace(init=lambda key: {"params": begun})
        game, _ = affine_game(config, objective, started, data, data_parameters={"separation": 1.0})
        state = game.init(key, separation=separation)
        _, _, path = play(game, state, steps=config.steps, records=config.records, observe=law)
        return {"path": path}

    return member


def run(config: Config, progress: Progress) -> Arrays:
    """Finds the fits of the reference mixture, follows those of the two modes, and plays the games."""
    with progress.task("forward or reverse", total=8.0 + 8.0 + 24.0):
        with progress.task("reference mixture", total=1, share=8.0):
            values = divergences()
            optimum, residual = jax.jit(lambda: jax.lax.map(newton(values), jnp.arange(len(REFERENCE))))()
            found = np.diag(jax.jit(jax.vmap(values))(optimum))
            arrays: Arrays = {
                "reference/optimum": mean_and_scale(optimum),
                "reference/minimum": found,
                "reference/gradient": np.asarray(residual),
            }
        with progress.task("separation", total=len(NAMES), share=8.0) as task:
            arrays |= _followed(config, task.advance)
        kinds = len(NAMES) * len(config.game_separations) * len(STARTS)
        with progress.task("games", total=kinds * config.seeds, share=24.0) as task:
            axes = {"divergence": range(len(NAMES)), "separation": config.game_separations, "start": (0.0, 1.0)}
            played = swept(task, member(config), jax.random.key(config.seed), seeds=config.seeds, **axes)
        arrays["games/path"] = played["path"]
        arrays["games/steps"] = np.linspace(0, config.steps, config.records + 1)
        arrays |= _ends(arrays["games/path"][..., -1, :], config.game_separations)
    return arrays


def _followed(config: Config, advance: Callable[[float], None]) -> Arrays:
    """All stationary points over the separation, and where Newton's method ends from a grid of starts."""
    separations = np.linspace(0.0, config.largest, config.points + 1)[1:]
    arrays = {"separations": separations}
    with jax.enable_x64(True):
        apart = jax.vmap(
            lambda d: exact.jensen_shannon(dist.Normal(0.0 * d, 1.0 + 0.0 * d), dist.Normal(d, 1.0 + 0.0 * d))
        )
        arrays["two_modes"] = np.asarray(jax.jit(apart)(jnp.asarray(separations)))
        for name, field in fields().items():
            branches = {"middle": middle(field, separations)}
            # The one stationary point of forward KL is the middle: the family is exponential.
            if name != "kl":
                off = aside(field, config.largest)
                branches["aside"] = off.branch
                arrays[f"{name}/fold"], arrays[f"{name}/turn"] = off.fold, np.asarray(off.turn)
                arrays[f"{name}/switch"] = np.asarray(switch(field, off, config.largest))
            for branch, found in branches.items():
                arrays |= {f"{name}/{branch}/{part}": values for part, values in found._asdict().items()}
            arrays[f"{name}/from_starts"] = np.stack(
                [
                    minimum(field, 0.5 * place * d, np.log(scale), d)
                    for d in config.game_separations
                    for place in (0.0, 0.4, 0.8, 1.1)
                    for scale in (0.6, 1.5, 0.5 * d)
                ]
            )
            advance(1)
    return arrays


def _ends(ends: np.ndarray, separations: tuple[float, ...]) -> dict[str, np.ndarray]:
    """The exact divergence of every trained fit, and the minimum downhill of every start, ``[divergences, separations, starts, …]``."""
    downhill = np.zeros((*ends.shape[:3], 3))
    least, reached = np.zeros(ends.shape[:3]), np.full(ends.shape[:4], np.nan)
    with jax.enable_x64(True):
        for row, field in enumerate(fields().values()):
            for column, d in enumerate(separations):
                for start, (mean, scale) in enumerate(((0.0, np.sqrt(1.0 + 0.25 * d * d)), (0.5 * d, 1.0))):
                    place = row, column, start
                    downhill[place] = minimum(field, mean, np.log(scale), d)
                    least[place] = field(downhill[place])[0]
                    for seed, (mu, sigma) in enumerate(ends[place].astype(float)):
                        if np.isfinite(mu) and sigma > 0.0:
                            reached[(*place, seed)] = field(np.array([mu, np.log(sigma), d]))[0]
    return {
        "games/separations": np.asarray(separations),
        "games/downhill": downhill,
        "games/least": least,
        "games/reached": reached,
    }
