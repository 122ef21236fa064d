"""What the images of a run are measured with: features, what they make of the real images, and KID at every save."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from experiments.artifacts import UserError
from experiments.image_runs import Config, Data, Evaluation, split_of

if TYPE_CHECKING:
    import numpy as np

    from gan_jax.data.images import ImageSet
    from gan_jax.metrics.features import Extracted, Features
    from gan_jax.training.state import GameState
    from gan_jax.typing import PRNGKey


class Yardstick(NamedTuple):
    """Features, and what they make of the real images: extracted once for many generators."""

    features: Features
    real: Extracted
    accuracy: float
    name: str


def yardstick(data: Data, evaluation: Evaluation) -> Yardstick:
    """The features that generated images are measured with, and those of the real ones.

    Raises:
      UserError: a set without classes, which no classifier can be trained on, and no Inception weights.
    """
    from gan_jax.data.sets import load
    from gan_jax.metrics.classifier import classifier_features, per_channel
    from gan_jax.metrics.features import extract
    from gan_jax.metrics.inception import inception_features

    def images(name: str, split: str) -> ImageSet:
        return load(
            name, size=data.size, split=split, data_dir=data.data_dir, crop=data.crop, skip_corrupt=data.skip_corrupt
        )

    real = images(data.name, split_of(data))
    if evaluation.inception is not None:
        features: Features = inception_features(evaluation.inception, evaluation.sha256)
        accuracy = float("nan")
    elif real.classes == 0 or data.name.startswith("folder:"):
        raise UserError(
            f"{data.name} has no test images with classes to train a classifier on; give --evaluation.inception FILE "
            "--evaluation.sha256 HASH, or --evaluation.fake 0"
        )
    else:
        stacked = data.name == "stacked_digits"
        name = "digits" if stacked else data.name
        trained = classifier_features(images(name, "train"), images(name, "test"))
        features = per_channel(trained.features) if stacked else trained.features
        accuracy = trained.accuracy
    return Yardstick(features, extract(features, real.images), accuracy, real.name)


def kid_of(measure: Yardstick, images: np.ndarray) -> dict[str, float]:
    """KID of generated images ``[n, h, w, c]`` in [-1, 1], with its standard error."""
    import jax.numpy as jnp

    from gan_jax.metrics.features import extract
    from gan_jax.metrics.kernel import kid

    fake = extract(measure.features, images)
    distance = kid(jnp.asarray(measure.real.features), jnp.asarray(fake.features))
    return {"KID": float(distance.value), "KID_standard_error": float(distance.standard_error)}


def evaluation_of(
    config: Config, measure: Yardstick, sample: Callable[[GameState, PRNGKey, int], np.ndarray], key: PRNGKey
) -> Callable[[GameState], dict[str, float]]:
    """What a run measures at every save: the same latents every time, so that the curve shows the generator alone."""
    return lambda state: kid_of(measure, sample(state, key, config.evaluation.fake))
