"""What the images of a run are measured with: features, what they make of the real images, and KID at every save."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from gan_jax.cli.errors import UserError
from gan_jax.cli.image_config import Config, Data, Evaluation
from gan_jax.cli.image_data import SIZES, STACKED, Images, open_data, split_of
from gan_jax.cli.starts import working

if TYPE_CHECKING:
    import numpy as np

    from gan_jax.data.images import ImageSet, LazyImages
    from gan_jax.metrics.features import Extracted, Features
    from gan_jax.training.state import GameState
    from gan_jax.typing import PRNGKey


LEAST = 4
"""How many images KID needs, for its standard error."""

FOLDER = "folder:"
"""What the names of sets begin with that are folders of the user's: they have no test images beside the others."""


class ReferenceFeatures(NamedTuple):
    """Features, and what they make of the real images: extracted once for many generators."""

    features: Features
    real: Extracted
    accuracy: float
    name: str


def why_not(data: Data, evaluation: Evaluation, images: LazyImages) -> str | None:
    """Why generated images cannot be measured against a set, as far as its names, its headers and these options say; None where they can.

    Without weights of Inception the features are those of a classifier, which needs classes.
    """
    if evaluation.inception is not None or data.name == STACKED:
        return None
    if images.classes < 2:
        how_many = "one class" if images.classes else "no classes"
        below = " (folders in it, one for each class)" if data.name.startswith(FOLDER) else ""
        return f"{data.name} has {how_many}{below} to train a classifier on"
    # Held out is one image of five, rounded: none of two.
    if images.class_counts and max(images.class_counts) < 3 and not _has_test_images(data):
        return f"no class of {data.name} has 3 images, to train a classifier on some and hold some out"
    return None


def reference_features(data: Data, evaluation: Evaluation, images: Images | None = None) -> ReferenceFeatures:
    """The features that generated images are measured with, and those of the real ones.

    Features are Inception's where its weights are given, and else those of a classifier that is trained on the set. Its accuracy is that on
    test images; where a set has none, on one in five of its images, which are held out (``sets.held_out``).

    Args:
      data: which images.
      evaluation: the options.
      images: the set, open, and read here where it has not been yet; opened here where None.

    Raises:
      UserError: what ``why_not`` says.
    """
    from gan_jax.metrics.classifier import classifier_features, per_channel
    from gan_jax.metrics.features import extract
    from gan_jax.metrics.inception import inception_features

    images = open_data(data) if images is None else images
    reason = why_not(data, evaluation, images.lazy)
    if reason is not None:
        raise UserError(reason)
    stacked = data.name == STACKED
    with working("loading the images"):
        real = _part(data, images, data.name, split_of(data)) if stacked else images.all()
    if evaluation.inception is not None:
        features: Features = inception_features(evaluation.inception, evaluation.sha256)
        accuracy = float("nan")
    else:
        sets = _classifier_sets(data, images)
        with working("training the classifier that images are measured with"):
            trained = classifier_features(*sets)
        features = per_channel(trained.features) if stacked else trained.features
        accuracy = trained.accuracy
    with working("measuring the images of the set"):
        measured = extract(features, real.images)
    return ReferenceFeatures(features, measured, accuracy, real.name)


def _classifier_sets(data: Data, images: Images) -> tuple[ImageSet, ImageSet]:
    """What a classifier is trained on, and what it is tested on; nothing is read that has been read already."""
    from gan_jax.data.sets import held_out

    if not _has_test_images(data):
        return held_out(images.all())
    name = "digits" if data.name == STACKED else data.name
    train = images.all() if split_of(data) == "train" else _part(data, images, name, "train")
    return train, _part(data, images, name, "test")


def _part(data: Data, images: Images, name: str, split: str) -> ImageSet:
    """A part of a set at the size of ``images``."""
    from gan_jax.data.sets import load

    size = images.lazy.shape[0]
    return load(
        name,
        size=size,
        split=split,
        data_dir=data.data_dir,
        crop=data.crop,
        skip_corrupt=data.skip_corrupt,
        most_pixels=data.most_pixels,
    )


def _has_test_images(data: Data) -> bool:
    """Whether a set has a split of test images beside what is learned; opens it, and reads nothing."""
    from gan_jax.data.sets import SETS, open_images

    if data.name.startswith(FOLDER):
        return False
    if data.name in SETS:
        return "test" in SETS[data.name].splits
    try:
        open_images(data.name, size=SIZES[0], split="test", data_dir=data.data_dir)
    except ValueError:
        return False
    return True


def kid_of(measure: ReferenceFeatures, pieces: Iterable[np.ndarray]) -> dict[str, float]:
    """KID of generated images, pieces ``[some, h, w, c]`` in [-1, 1], with its standard error."""
    import jax.numpy as jnp

    from gan_jax.metrics.features import extract_in_pieces
    from gan_jax.metrics.kernel import kid

    fake = extract_in_pieces(measure.features, pieces, name="generated images")
    distance = kid(jnp.asarray(measure.real.features), jnp.asarray(fake.features))
    return {"KID": float(distance.value), "KID_standard_error": float(distance.standard_error)}


def evaluation_of(
    config: Config,
    measure: ReferenceFeatures,
    pieces: Callable[[GameState, PRNGKey, int], Iterator[np.ndarray]],
    key: PRNGKey,
) -> Callable[[GameState], dict[str, float]]:
    """What a run measures at every save: the same latents every time, so that the curve shows the generator alone."""
    return lambda state: kid_of(measure, pieces(state, key, config.evaluation.fake))
