"""Which class a classifier sees in every image: the modes of image sets, one digit each or three stacked as colours."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int32, Real

from gan_jax.metrics.features import Features, extract
from gan_jax.typing import Array


def class_labels(
    features: Features, images: Real[np.ndarray | Array, "n h w c"], *, batch: int = 256
) -> Int32[np.ndarray, " n"]:
    """The class of every image: the largest logit.

    Args:
      features: a classifier of such images (``classifier.classifier_features``).
      images: ``[n, h, w, c]``, uint8 or floats in [-1, 1].
      batch: images a call of the classifier.

    Returns:
      ``[n]`` int32, as ``histograms.of_labels`` takes them.

    Raises:
      ValueError: as ``features.extract``.
    """
    labels, _ = _classes(features, np.asarray(images), batch)
    return labels


def stacked_labels(
    features: Features, images: Real[np.ndarray | Array, "n h w 3"], *, batch: int = 256
) -> Int32[np.ndarray, " n"]:
    """The class of every image that stacks three grey ones: ``K² a + K b + c`` of K classes, ``100 a + 10 b + c`` of digits.

    Each channel goes through the classifier as a grey image of its own, so that a label is right where all three of its digits are: with
    probability ``accuracy³``.

    Args:
      features: a classifier of grey images.
      images: ``[n, h, w, 3]``, uint8 or floats in [-1, 1].
      batch: grey images a call of the classifier.

    Returns:
      ``[n]`` int32, from 0 to K³ - 1: numbered as ``sets.stack`` does.

    Raises:
      ValueError: images without three channels; as ``features.extract``.

    Source: Metz, Poole, Pfau & Sohl-Dickstein 2017, "Unrolled Generative Adversarial Networks", section 3.3.1.
    """
    array = np.asarray(images)
    if array.ndim != 4 or array.shape[3] != 3:
        raise ValueError(f"images has shape {array.shape}; expected [n, height, width, 3], three grey images each")
    n, height, width, channels = array.shape
    grey = np.moveaxis(array, -1, 1).reshape(n * channels, height, width, 1)
    labels, classes = _classes(features, grey, batch)
    return labels.reshape(n, channels) @ np.array([classes**2, classes, 1], np.int32)


def _classes(features: Features, images: np.ndarray, batch: int) -> tuple[np.ndarray, int]:
    """The class of every image, ``[n]`` int32, and how many classes there are."""
    logits = extract(features, images, batch=batch).logits
    return logits.argmax(axis=1).astype(np.int32), logits.shape[1]


__all__ = ["class_labels", "stacked_labels"]
