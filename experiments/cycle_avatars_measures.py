"""What ``cycle_avatars`` measures on pictures: attributes that are still there, and the distance to real cartoons."""

from __future__ import annotations

from typing import Any

import numpy as np

SCALES = ("features as they are", "features of mean square 1")
"""What KID is computed on."""


def right(made: np.ndarray, attributes: np.ndarray) -> np.ndarray:
    """Share of pictures ``[…, n, size, size, 3]`` on which every attribute is what it was, ``[…, 5]``."""
    from gan_jax.data.avatar_reading import read

    found = read(made.reshape(-1, *made.shape[-3:]), style="cartoon").attributes
    return np.asarray((found.reshape(*made.shape[:-3], -1) == attributes).mean(axis=-2))


def distances(seen: Any, truth: Any, others: Any, made: np.ndarray) -> dict[str, Any]:
    """KID of what G draws to real cartoons, and of other real ones, on features of a classifier.

    The kernel (xᵀy / d + 1)³ has a scale, and nothing fixes that of a classifier's features: KID is given on features as they are, and in
    units of their root mean square on real cartoons.

    Args:
      seen: cartoons that the classifier is trained on.
      truth: cartoons of the avatars whose portraits are translated.
      others: the real cartoons of the comparison.
      made: ``[games, seeds, n, size, size, 3]``.

    Returns:
      ``kid`` and ``kid_error`` ``[games, seeds, 2]``, the last axis as ``SCALES``; ``floor`` ``[2, 2]``, value and error of ``truth``;
      ``square``, the mean square of features; ``features``, their name; ``kid_n``.
    """
    import jax.numpy as jnp

    from gan_jax.data.avatars import COUNTS, HAIR_COLOUR, HAIR_STYLE
    from gan_jax.data.images import ImageSet
    from gan_jax.metrics.classifier import classifier_features
    from gan_jax.metrics.features import extract
    from gan_jax.metrics.kernel import kid

    def labelled(drawn: Any) -> ImageSet:
        hair = drawn.attributes[:, HAIR_COLOUR] * COUNTS[HAIR_STYLE] + drawn.attributes[:, HAIR_STYLE]
        return ImageSet(drawn.name, drawn.images, hair.astype(np.int32), COUNTS[HAIR_COLOUR] * COUNTS[HAIR_STYLE])

    trained = classifier_features(labelled(seen), labelled(truth))

    def features(images: np.ndarray) -> Any:
        return jnp.asarray(extract(trained.features, images).features)

    # Neither the games nor the classifier have seen these: features of what a classifier was trained on are of another law.
    real = features(others.images)
    square = jnp.mean(jnp.square(real))

    def to_real(images: np.ndarray) -> list[list[float]]:
        """KID and its standard error, ``[2, 2]``: on features as they are, and in units of their root mean square."""
        found = features(images)
        both = kid(real, found), kid(real / jnp.sqrt(square), found / jnp.sqrt(square))
        return [[float(one.value), float(one.standard_error)] for one in both]

    every = np.array([[to_real(images) for images in seeds] for seeds in made])
    return {
        "kid": every[..., 0],
        "kid_error": every[..., 1],
        "floor": np.array(to_real(truth.images)),
        "square": float(square),
        "features": f"{trained.features.name}, accuracy {trained.accuracy:.3f}",
        "kid_n": len(truth.images),
    }
