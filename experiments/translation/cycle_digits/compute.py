"""What ``cycle_digits`` computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.framework import Arrays, Progress
from experiments.framework.rows import CaseLook, Quantities, record_cases
from experiments.translation.ablations import ADVERSARIAL, FULL, GAMES, cases, game_of_four
from experiments.translation.cycle_digits.experiment import TASKS, Config, Task
from gan_jax.cli.image_config import Data, Evaluation
from gan_jax.cli.reference_features import ReferenceFeatures, reference_features
from gan_jax.data.images import ImageSet, to_bytes
from gan_jax.data.sets import load
from gan_jax.data.sources import Source, resident
from gan_jax.data.unpaired import unpaired
from gan_jax.metrics.features import extract
from gan_jax.metrics.kernel import kid
from gan_jax.metrics.translation import cycle_error, steganography
from gan_jax.models.translators import patch_critic, resnet_translator
from gan_jax.training.game import Game
from gan_jax.training.state import GameState, averaged
from gan_jax.training.translation import translators
from gan_jax.typing import PyTree

SIZE = 16


class Split(NamedTuple):
    """Digits of the two domains before anything is made of them, and those that are held out, in [-1, 1], with their labels."""

    x: np.ndarray
    y: np.ndarray
    held_out: np.ndarray
    labels: np.ndarray


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games on every task, and measures what G and F make of held-out digits."""
    with progress.task("cycle digits", total=len(config.tasks)):
        with progress.task("classifier", share=0.0):
            split, measure = _split(config), reference_features(Data(size=SIZE), Evaluation())
        arrays: dict[str, object] = {
            "tasks": np.asarray(config.tasks),
            "games": np.asarray(GAMES),
            "steps": np.linspace(0, config.steps, config.records + 1),
            "scales": np.asarray(config.scales),
            "held_out": len(split.labels),
        }
        keys = dict(zip(TASKS, jax.random.split(jax.random.key(config.seed), len(TASKS)), strict=True))
        for name in config.tasks:
            task = TASKS[name]
            with progress.task(task.label, total=config.records + 1) as shown:
                rng = np.random.default_rng(config.seed)
                y, held_out_y = task.made(split.y, rng), task.made(split.held_out, rng)
                game, feed, look = _game(config, task, split, y, held_out_y)
                watched = record_cases(shown, config, game, keys[name], look, cases(config.recipe, GAMES, feed))
                found = _measured(measure, task, split, y, held_out_y, watched.seen["made"])
                arrays |= {f"{name}/{field}": values for field, values in found.items()}
                arrays |= {f"{name}/{field}": watched.seen[field] for field in ("cycle", "hidden")}
                arrays |= _pictures(config, name, split, watched.seen)
    return {name: np.asarray(value) for name, value in arrays.items()}


def _split(config: Config) -> Split:
    """Three disjoint sets of digits, by a permutation that follows the seed."""
    digits = load("digits", size=SIZE, split="all")
    order = np.random.default_rng(config.seed).permutation(len(digits.images))
    images = (digits.images[order].astype(np.float32) - 127.5) / 127.5
    second, third = config.x_images, config.x_images + config.y_images
    return Split(images[:second], images[second:third], images[third:], digits.labels[order][third:])


def _game(
    config: Config, task: Task, split: Split, y: np.ndarray, held_out_y: np.ndarray
) -> tuple[Game, PyTree, CaseLook]:
    """The game of a task, what it draws from, and ``look(key, state, case) -> {quantity: array}``."""

    def source(name: str, images: np.ndarray) -> Source:
        return resident(ImageSet(name, np.asarray(to_bytes(images)), np.full(len(images), -1, np.int32), 0))

    both = unpaired(source("x", split.x), source("y", y))
    networks: dict[str, Any] = {"width": config.width, "blocks": config.blocks}
    forward = resnet_translator(SIZE, 1, other_channels=task.channels, **networks)
    backward = resnet_translator(SIZE, task.channels, other_channels=1, **networks)
    discriminator_x, discriminator_y = (
        patch_critic(SIZE, channels, width=config.discriminator_width) for channels in (1, task.channels)
    )
    game = game_of_four(config.recipe, forward, backward, discriminator_x, discriminator_y, both.draw, config.steps)
    x, ys, scales = jnp.asarray(split.held_out), jnp.asarray(held_out_y), jnp.asarray(config.scales)

    def look(key: jax.Array, state: GameState, case: object) -> Quantities:
        own, back = translators(averaged(state))

        def to_y(images: jax.Array) -> jax.Array:
            return forward.apply(own, images)

        def to_x(images: jax.Array) -> jax.Array:
            return backward.apply(back, images)

        made = to_y(x)
        returned = to_x(made)
        return {
            "made": to_bytes(made),
            "returned": to_bytes(returned[: config.shown]),
            "cycle": cycle_error(returned, x),
            "hidden": steganography(key, to_x, to_y, ys, scales),
        }

    return game, both.feed(0, config.steps), look


def _measured(
    measure: ReferenceFeatures, task: Task, split: Split, y: np.ndarray, held_out_y: np.ndarray, made: np.ndarray
) -> dict[str, object]:
    """Accuracy, KID and error of G(x) with the map undone, ``[records + 1, games, seeds]``, and what real digits have."""
    real = extract(measure.features, np.ascontiguousarray(task.undone(y)))
    held_out = extract(measure.features, split.held_out)
    accuracy, distance, error = np.zeros((3, *made.shape[:3]))
    variance = np.square(held_out_y - held_out_y.mean(axis=0)).sum()
    for place in np.ndindex(*made.shape[:3]):
        images = made[place].astype(np.float32) / 127.5 - 1.0
        seen = extract(measure.features, np.ascontiguousarray(task.undone(images)))
        accuracy[place] = (seen.logits.argmax(axis=1) == split.labels).mean()
        distance[place] = float(kid(jnp.asarray(real.features), jnp.asarray(seen.features)).value)
        error[place] = np.sqrt(np.square(images - held_out_y).sum() / variance)
    baseline = kid(jnp.asarray(real.features), jnp.asarray(held_out.features))
    return {
        "accuracy": accuracy,
        "kid": distance,
        "relative": error,
        "floor": np.array([float(baseline.value), float(baseline.standard_error)]),
        "real_accuracy": (held_out.logits.argmax(axis=1) == split.labels).mean(),
    }


def _pictures(config: Config, name: str, split: Split, seen: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Digits of the first seed, before and after."""
    full, alone = GAMES.index(FULL), GAMES.index(ADVERSARIAL)
    shown = slice(config.shown)
    return {
        f"{name}/x": np.rint(127.5 * (split.held_out[shown] + 1.0)).astype(np.uint8),
        f"{name}/full": seen["made"][-1, full, 0, shown],
        f"{name}/returned": seen["returned"][-1, full, 0],
        f"{name}/alone": seen["made"][-1, alone, 0, shown],
    }
