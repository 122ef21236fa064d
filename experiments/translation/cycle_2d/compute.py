"""What ``cycle_2d`` computes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from experiments.framework import Arrays, Progress
from experiments.framework.rows import CaseLook, Quantities, record_cases
from experiments.translation.ablations import GAMES, cases, game_of_four
from experiments.translation.cycle_2d.experiment import Config
from gan_jax.distributions import draw
from gan_jax.distributions.correspondences import Correspondence, correspondence, domains
from gan_jax.divergences.empirical import energy_distance
from gan_jax.metrics.translation import cycle_error, distance_correlation, map_error
from gan_jax.models.mlp import mlp
from gan_jax.models.translators import mlp_translator
from gan_jax.training.game import Game
from gan_jax.training.state import GameState, averaged
from gan_jax.training.translation import translators


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games on every pair."""
    arrays: dict[str, object] = {
        "pairs": np.asarray(config.pairs),
        "games": np.asarray(GAMES),
        "steps": np.linspace(0, config.steps, config.records + 1),
    }
    keys = jax.random.split(jax.random.key(config.seed), len(config.pairs))
    with progress.task("pairs", total=len(config.pairs)):
        for key, name in zip(keys, config.pairs, strict=True):
            pair = correspondence(name)
            with progress.task(pair.label, total=config.records, share=1.0) as task:
                game, look = _game(config, pair)
                play_key, truth_key = jax.random.split(key)
                watched = record_cases(task, config, game, play_key, look, cases(config.recipe, GAMES))
            shown = {field: watched.seen.pop(field)[-1, :, 0] for field in ("x", "made")}
            arrays |= {f"{name}/{field}": values for field, values in watched.seen.items()}
            arrays |= {
                f"{name}/x": shown["x"][0],
                f"{name}/truth": pair.forward(shown["x"][0]),
                f"{name}/made": shown["made"],
                f"{name}/loss": watched.info.generator_loss[-1],
                f"{name}/label": pair.label,
                f"{name}/symmetries": len(pair.symmetries),
                f"{name}/ideal": _ideal(config, pair, truth_key),
            }
    return {name: np.asarray(value) for name, value in arrays.items()}


def _game(config: Config, pair: Correspondence) -> tuple[Game, CaseLook]:
    """The game of four on a pair of domains, and ``look(key, state, case) -> {quantity: array}``."""
    widths = (config.width,) * config.depth
    generator, discriminator = mlp_translator(widths), mlp(widths)
    game = game_of_four(config.recipe, generator, generator, discriminator, discriminator, domains(pair), config.steps)

    def look(key: jax.Array, state: GameState, case: object) -> Quantities:
        forward, backward = translators(averaged(state))
        x_key, real_key, back_key = jax.random.split(key, 3)
        x = draw(pair.source, x_key, config.samples)
        y = generator.apply(forward, x)
        seen = _measured(pair, x, y, generator.apply(backward, y), real_key)
        real = pair.forward(draw(pair.source, back_key, config.samples))
        # The way back of s ∘ T is T⁻¹ ∘ s⁻¹, and the symmetries are a group.
        behind = [lambda v, s=s: pair.backward(s(pair.forward(v))) for s in pair.symmetries]
        seen["back"] = map_error(generator.apply(backward, real), pair.backward(real), behind).relative
        return seen | {"x": x[: config.shown], "made": y[: config.shown]}

    return game, look


def _measured(pair: Correspondence, x: jax.Array, y: jax.Array, returned: jax.Array, real_key: jax.Array) -> Quantities:
    """Every number of a map that makes y of x, and of the way back."""
    found = map_error(y, pair.forward(x), pair.symmetries)
    real = pair.forward(draw(pair.source, real_key, x.shape[0]))
    return {
        "relative": found.relative,
        "own": found.every[0],
        "nearest": found.nearest,
        "cycle": cycle_error(returned, x),
        "dependence": distance_correlation(x, y),
        "distance": energy_distance(y, real),
    }


def _ideal(config: Config, pair: Correspondence, key: jax.Array) -> jax.Array:
    """Dependence and energy distance of the true map, over 20 samples: ``[20, 2]``."""

    def once(number: jax.Array) -> jax.Array:
        x_key, real_key = jax.random.split(jax.random.fold_in(key, number))
        x = draw(pair.source, x_key, config.samples)
        seen = _measured(pair, x, pair.forward(x), x, real_key)
        return jnp.stack([seen["dependence"], seen["distance"]])

    return jax.jit(lambda: jax.lax.map(once, jnp.arange(20)))()
