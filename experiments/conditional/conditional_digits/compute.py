"""What ``conditional_digits`` computes."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.conditional.conditional_digits.experiment import CLASSES, NEIGHBOURS, ROWS, Config
from experiments.conditional.heads import Head, game
from experiments.framework import Arrays, Progress
from experiments.framework.rows import Look, record
from gan_jax.cli.image_config import Data, Evaluation
from gan_jax.cli.reference_features import ReferenceFeatures, reference_features
from gan_jax.data.images import to_bytes
from gan_jax.data.sets import load
from gan_jax.data.sources import Source, resident_labelled
from gan_jax.metrics.features import extract
from gan_jax.metrics.kernel import kid
from gan_jax.metrics.neighbours import neighbours
from gan_jax.models.conditional import conditional_dcgan_generator
from gan_jax.models.conditional_critics import conditional_dcgan_critic
from gan_jax.models.text import label_encoder
from gan_jax.training.game import Game
from gan_jax.training.state import GameState, averaged

SIZE = 8


def run(config: Config, progress: Progress) -> Arrays:
    """Plays every row from clones of one key, and measures what it draws."""
    with progress.task("conditional digits", total=len(config.rows)):
        with progress.task("classifier", share=0.0):
            digits, measure = load("digits", split="all"), reference_features(Data(), Evaluation())
            source = resident_labelled(digits)
            features, labels = measure.real.features, digits.labels
            read = measure.real.logits.argmax(axis=1)
        key = jax.random.key(config.seed)
        shape = (len(config.rows), config.records + 1, config.seeds)
        arrays = {name: np.zeros(shape) for name in ("accuracy", "recall", "precision")}
        kid, error = np.zeros((2, *shape[::2], CLASSES))
        confusion = np.zeros((len(config.rows), CLASSES, CLASSES), int)
        pictures = np.zeros((len(config.rows), CLASSES, 8, SIZE, SIZE, 1), np.uint8)
        for number, name in enumerate(config.rows):
            with progress.task(ROWS[name].label, total=2 * config.records + 1) as task:
                played, look = _game(config, ROWS[name], source)
                watched = record(task, config, played, jax.random.clone(key), look, source.feed(0, config.steps))
                for place in range(config.records + 1):
                    for seed in range(config.seeds):
                        found = measured(measure, features, labels, watched.seen[place, seed])
                        for quantity in arrays:
                            arrays[quantity][number, place, seed] = found.numbers[quantity]
                        # What stays is that of the last record.
                        kid[number, seed], error[number, seed] = found.kid, found.kid_error
                        confusion[number] = found.confusion if seed == 0 else confusion[number]
                    task.advance(1)
                pictures[number] = watched.seen[-1, 0].reshape(CLASSES, config.samples, SIZE, SIZE, 1)[:, :8]
        baseline = _baseline(features, labels, config.seed)
    facts = {
        "rows": np.asarray(config.rows),
        "steps": np.linspace(0, config.steps, config.records + 1),
        "samples": config.samples,
        "kid": kid,
        "kid_error": error,
        "kid_floor": baseline,
        "confusion": confusion,
        "real_accuracy": np.mean(read == labels),
        "pictures": pictures,
        "real": np.stack([digits.images[labels == label][:8] for label in range(CLASSES)]),
    }
    return {name: np.asarray(value) for name, value in (arrays | facts).items()}


def _game(config: Config, row: Head, source: Source) -> tuple[Game, Look]:
    """The game of a row, and ``look(key, state) -> images [10 · samples, 8, 8, 1]`` in bytes, label by label."""
    encoder = label_encoder(CLASSES, width=config.embedding)
    generator = conditional_dcgan_generator(SIZE, 1, encoder, width=config.width, latent=config.latent)
    critic = conditional_dcgan_critic(SIZE, 1, encoder, width=config.critic_width, head=row.head, classes=CLASSES)
    played = game(config, row, generator, critic, source.draw, constant=0.2, penalty_every=config.penalty_every)

    def look(key: jax.Array, state: GameState) -> jax.Array:
        labels = jnp.repeat(jnp.arange(CLASSES), config.samples)
        variables = averaged(state)
        return to_bytes(
            generator.apply(variables, generator.noise(key, labels.size), generator.embed(variables, labels))
        )

    return played, look


class Measured(NamedTuple):
    """What generated digits are.

    Attributes:
      numbers: accuracy, recall and precision.
      kid, kid_error: within each class, ``[10]``.
      confusion: ``[label, read]``.
    """

    numbers: dict[str, float]
    kid: np.ndarray
    kid_error: np.ndarray
    confusion: np.ndarray


def measured(measure: ReferenceFeatures, features: np.ndarray, labels: np.ndarray, images: np.ndarray) -> Measured:
    """Measures generated digits, equally many of each label in turn, against real ones."""
    fake = extract(measure.features, images)
    asked, read = np.repeat(np.arange(CLASSES), len(images) // CLASSES), fake.logits.argmax(axis=1)
    near = neighbours(features, fake.features, k=NEIGHBOURS)
    apart = [kid(jnp.asarray(features[labels == c]), jnp.asarray(fake.features[asked == c])) for c in range(CLASSES)]
    confusion = np.zeros((CLASSES, CLASSES), int)
    np.add.at(confusion, (asked, read), 1)
    return Measured(
        {"accuracy": float(np.mean(asked == read)), "recall": near.recall, "precision": near.precision},
        np.array([float(distance.value) for distance in apart]),
        np.array([float(distance.standard_error) for distance in apart]),
        confusion,
    )


def _baseline(features: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """KID of one half of every class against the other, ``[10]``."""
    rng, values = np.random.default_rng(seed), []
    for label in range(CLASSES):
        own = rng.permutation(features[labels == label])
        half = len(own) // 2
        values.append(float(kid(jnp.asarray(own[:half]), jnp.asarray(own[half:])).value))
    return np.array(values)
