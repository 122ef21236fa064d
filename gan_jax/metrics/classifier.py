"""Features of a small classifier trained on the images at hand, kept on disk under a hash of all that decides it."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import Partial

from gan_jax import checks, files
from gan_jax.metrics.features import Features, extract, per_channel
from gan_jax.models.classifier import Classifier, conv_classifier
from gan_jax.moved import moved as moved_names
from gan_jax.typing import Array, PRNGKey, Variables

__getattr__ = moved_names(__name__, {"Recipe": f"{__name__}:ClassifierRecipe"})


__all__ = ["ClassifierRecipe", "LabelledImages", "Trained", "classifier_features", "default_cache_dir", "per_channel"]

RECIPE_VERSION = 1
"""To be raised by whoever changes what is trained in a way that ``ClassifierRecipe`` does not say."""

SIZES = (8, 64)
"""Smallest and largest side of an image, in pixels."""


class LabelledImages(Protocol):
    """Images with classes: an ``ImageSet`` of the data room, or anything like it."""

    @property
    def name(self) -> str:
        """Of the data set."""

    @property
    def images(self) -> np.ndarray:
        """``[n, h, w, c]`` uint8."""

    @property
    def labels(self) -> np.ndarray:
        """``[n]`` integers, 0 to classes - 1."""

    @property
    def classes(self) -> int:
        """How many classes there are."""


class ClassifierRecipe(NamedTuple):
    """How the classifier is trained: AdamW, its rate rising over the first tenth of the steps and then falling as a cosine to 0.

    Attributes:
      steps: of the optimiser.
      batch: images a step.
      peak_rate: the largest learning rate.
      weight_decay: of AdamW.
      shift: images are moved by up to this many pixels along each axis, for every 8 of their side; what enters repeats the edge.
      smoothing: of the labels.
      features: width of the last hidden layer.
      width: channels of the first convolution.
      widest: largest number of channels.
    """

    steps: int = 800
    batch: int = 64
    peak_rate: float = 2e-3
    weight_decay: float = 1e-2
    shift: int = 1
    smoothing: float = 0.1
    features: int = 128
    width: int = 32
    widest: int = 64


class Trained(NamedTuple):
    """A trained classifier as an extractor of features.

    Attributes:
      features: the extractor.
      accuracy: fraction of the test pictures that it classifies rightly.
    """

    features: Features
    accuracy: float


def classifier_features(
    images: LabelledImages,
    test: LabelledImages,
    *,
    seed: int = 0,
    steps: int | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Trained:
    """Trains a small convolutional classifier on ``images``; its last hidden layer is an extractor, named after its weights.

    Cross-entropy by AdamW as one compiled program. The weights and the accuracy are kept in ``cache_dir`` under a hash of the pictures, the
    recipe, its version, the seed and the steps; a file there that is damaged is written anew. The test pictures train nothing and choose
    nothing.

    Images that stack grey pictures as channels are classified channel by channel: ``per_channel(trained.features)``.

    Warning:
      The same seed gives other last digits, hence another name, on another kind of device. Only scores of one name compare.

    Args:
      images: to train on; sides of 8 to 64 pixels.
      test: to measure the accuracy on, of the same shape and classes.
      seed: of the initial weights, the batches and the shifts; ≥ 0.
      steps: of the optimiser; where None 800, which are enough for the digits, or two passes over the pictures where that is more.
      cache_dir: where trained classifiers are kept; ``$XDG_CACHE_HOME/gan_jax/classifiers`` (``~/.cache/…``) where None.

    Returns:
      The extractor and its accuracy.

    Raises:
      ValueError: images of another type, size or shape, labels that are not 0 to classes - 1, a negative seed, no steps.
      OSError: ``cache_dir`` cannot be written; the message names it.
    """
    seed = checks.integer("seed", seed, 0)
    _check_set("images", images)
    _check_set("test", test)
    if images.images.shape[1:] != test.images.shape[1:] or images.classes != test.classes:
        raise ValueError(
            f"test has images of {test.images.shape[1:]} in {test.classes} classes; expected {images.images.shape[1:]} in "
            f"{images.classes}, as those that are trained on"
        )
    recipe = ClassifierRecipe()
    recipe = recipe._replace(
        steps=max(recipe.steps, 2 * len(images.images) // recipe.batch) if steps is None else steps
    )
    checks.integer("steps", recipe.steps, 1)
    folder = default_cache_dir() if cache_dir is None else Path(cache_dir)
    path = folder / f"classifier-{_key(images, test, recipe, seed)[:32]}.npz"
    network = conv_classifier(images.classes, features=recipe.features, width=recipe.width, widest=recipe.widest)
    example = jax.ShapeDtypeStruct((1, *images.images.shape[1:]), jnp.float32)
    structure = jax.eval_shape(network.init, jax.random.key(0), example)
    found = _read(path, structure)
    if found is None:
        variables = _train(network, recipe, images, seed)
        found = variables, _accuracy(_named(network, variables, images), test)
        _write(path, *found)
    variables, accuracy = found
    return Trained(_named(network, variables, images), accuracy)


def default_cache_dir() -> Path:
    """Where trained classifiers are kept for this user: ``$XDG_CACHE_HOME/gan_jax/classifiers``."""
    return files.user_cache() / "classifiers"


def _check_set(name: str, images: LabelledImages) -> None:
    pictures, labels = images.images, np.asarray(images.labels)
    if pictures.ndim != 4 or pictures.dtype != np.uint8 or pictures.shape[-1] not in (1, 3) or len(pictures) == 0:
        raise ValueError(
            f"{name} has images of shape {pictures.shape} and type {pictures.dtype}; expected uint8 [n, h, w, 1 or 3]"
        )
    low, high = SIZES
    if not all(low <= side <= high for side in pictures.shape[1:3]):
        raise ValueError(f"{name} has images of {_size(images)} pixels; expected sides of {low} to {high}")
    if images.classes < 2:
        raise ValueError(f"{name} has {images.classes} classes; expected at least 2 to train a classifier on")
    if labels.shape != (len(pictures),):
        raise ValueError(
            f"{name} has {len(pictures)} images and labels of shape {labels.shape}; expected one a picture"
        )
    if labels.min() < 0 or labels.max() >= images.classes:
        raise ValueError(
            f"{name} has labels from {labels.min()} to {labels.max()}; expected 0 to {images.classes - 1}, all known"
        )


def _size(images: LabelledImages) -> str:
    return f"{images.images.shape[1]} × {images.images.shape[2]}"


def _named(network: Classifier, variables: Variables, images: LabelledImages) -> Features:
    colour = "grey" if images.images.shape[-1] == 1 else "RGB"
    name = f"{images.name} classifier {_hash_of_weights(variables)[:8]}"
    return Features(name, f"{_size(images)} {colour}, [-1, 1]", Partial(network.apply, variables))


def _train(network: Classifier, recipe: ClassifierRecipe, images: LabelledImages, seed: int) -> Variables:
    """All steps as one compiled program; the pictures stay uint8 on the device."""
    pictures, labels = jnp.asarray(images.images), jnp.asarray(images.labels, jnp.int32)
    shift = recipe.shift * max(1, min(pictures.shape[1:3]) // 8)
    warm = max(1, recipe.steps // 10)
    rate = optax.warmup_cosine_decay_schedule(0.0, recipe.peak_rate, warm, max(recipe.steps, warm + 1))
    optimiser = optax.adamw(rate, weight_decay=recipe.weight_decay)
    targets = optax.smooth_labels(jax.nn.one_hot(labels, images.classes), recipe.smoothing)

    def loss(params: Variables, x: Array, target: Array) -> Array:
        _, logits = network.apply({"params": params}, x)
        return jnp.mean(optax.softmax_cross_entropy(logits, target))

    @jax.jit
    def run(key: PRNGKey, pictures: Array, targets: Array) -> Variables:
        init_key, steps_key = jax.random.split(key)
        params = network.init(init_key, pictures[:1].astype(jnp.float32))["params"]

        def step(
            carry: tuple[Variables, optax.OptState], index: Array
        ) -> tuple[tuple[Variables, optax.OptState], None]:
            params, state = carry
            batch_key, shift_key = jax.random.split(jax.random.fold_in(steps_key, index))
            chosen = jax.random.randint(batch_key, (recipe.batch,), 0, len(pictures))
            x = _shifted(shift_key, (pictures[chosen].astype(jnp.float32) - 127.5) / 127.5, shift)
            updates, state = optimiser.update(jax.grad(loss)(params, x, targets[chosen]), state, params)
            return (optax.apply_updates(params, updates), state), None

        (params, _), _ = jax.lax.scan(step, (params, optimiser.init(params)), jnp.arange(recipe.steps))
        return {"params": params}

    return run(jax.random.key(seed), pictures, targets)


def _shifted(key: PRNGKey, x: Array, most: int) -> Array:
    """Moves every image ``[batch, h, w, c]`` by its own whole number of pixels along each axis, -most to most."""
    batch, h, w, c = x.shape
    padded = jnp.pad(x, ((0, 0), (most, most), (most, most), (0, 0)), mode="edge")
    corners = jax.random.randint(key, (batch, 2), 0, 2 * most + 1)
    return jax.vmap(lambda image, corner: jax.lax.dynamic_slice(image, (corner[0], corner[1], 0), (h, w, c)))(
        padded, corners
    )


def _accuracy(features: Features, test: LabelledImages) -> float:
    logits = extract(features, test.images, name="test").logits
    return float(np.mean(logits.argmax(axis=1) == np.asarray(test.labels)))


def _key(images: LabelledImages, test: LabelledImages, recipe: ClassifierRecipe, seed: int) -> str:
    digest = hashlib.sha256(json.dumps([RECIPE_VERSION, recipe._asdict(), seed], sort_keys=True).encode())
    for part in (images, test):
        digest.update(json.dumps([part.name, part.classes, part.images.shape]).encode())
        digest.update(np.ascontiguousarray(part.images).tobytes())
        digest.update(np.ascontiguousarray(part.labels, np.int32).tobytes())
    return digest.hexdigest()


def _arrays(variables: Variables) -> dict[str, np.ndarray]:
    leaves = jax.tree_util.tree_leaves_with_path(variables)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(leaf) for path, leaf in leaves}


def _hash_of_weights(variables: Variables) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(_arrays(variables).items()):
        digest.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _read(path: Path, structure: Variables) -> tuple[Variables, float] | None:
    """The weights and the accuracy kept in a file; None where it is absent, damaged, or holds something else."""
    expected = _arrays_of(structure)
    try:
        arrays = files.read_arrays(path, [*expected, "accuracy", "sha256"])
        accuracy, weights_hash = float(arrays.pop("accuracy")), str(arrays.pop("sha256"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    kinds = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    if kinds != {name: (leaf.shape, leaf.dtype) for name, leaf in expected.items()}:
        return None
    variables = jax.tree.unflatten(jax.tree.structure(structure), [jnp.asarray(arrays[name]) for name in expected])
    # The archive's own checksums cover each array, but not that they belong together.
    return (variables, accuracy) if _hash_of_weights(variables) == weights_hash else None


def _arrays_of(structure: Variables) -> dict[str, jax.ShapeDtypeStruct]:
    leaves = jax.tree_util.tree_leaves_with_path(structure)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


def _write(path: Path, variables: Variables, accuracy: float) -> None:
    """Writes beside the file and renames: whoever reads finds a whole file or none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, private = tempfile.mkstemp(prefix=".writing-", suffix=".npz", dir=path.parent)
    except OSError as error:
        raise OSError(
            error.errno, f"cache_dir {path.parent} cannot be written ({error.strerror}); name another one"
        ) from error
    try:
        with os.fdopen(handle, "wb") as file:
            arrays = _arrays(variables) | {
                "accuracy": np.asarray(accuracy),
                "sha256": np.asarray(_hash_of_weights(variables)),
            }
            np.savez(file, **arrays)  # type: ignore[arg-type]  # its stubs take any name for allow_pickle
            file.flush()
            os.fsync(file.fileno())
        os.replace(private, path)
    except BaseException:
        Path(private).unlink(missing_ok=True)
        raise
