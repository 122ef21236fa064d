"""Classes of images, and of images that stack three, through classifiers that are known and one that is trained."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.data.sets import load, stack
from gan_jax.metrics.classifier import classifier_features
from gan_jax.metrics.features import Features, extract, per_channel
from gan_jax.metrics.stacked import class_labels, stacked_labels


def _bands(images: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Ten classes of grey level: the class of the mean pixel; refuses colour."""
    assert images.shape[-1] == 1
    level = jnp.mean(images, axis=(1, 2, 3))
    centres = jnp.linspace(-0.9, 0.9, 10)
    return level[:, None], -jnp.square(level[:, None] - centres[None, :])


BANDS = Features("bands", "none", _bands)


def flat(levels: np.ndarray) -> np.ndarray:
    """Images ``[n, 8, 8, c]`` of one grey level ``[n, c]`` in each channel."""
    return np.broadcast_to(levels[:, None, None, :], (len(levels), 8, 8, levels.shape[1])).astype(np.float32)


def test_labels_of_grey_images_and_of_stacks_of_them() -> None:
    digits = np.random.default_rng(0).integers(0, 10, (53, 3))
    images = flat(-0.9 + 0.2 * digits)
    found = stacked_labels(BANDS, images, batch=16)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, digits @ [100, 10, 1])
    np.testing.assert_array_equal(class_labels(BANDS, images[..., :1], batch=16), digits[:, 0])
    pixels = np.rint(127.5 * (images + 1)).astype(np.uint8)
    np.testing.assert_array_equal(stacked_labels(BANDS, pixels), found)
    # The 1000 joint logits have their largest one there.
    np.testing.assert_array_equal(extract(per_channel(BANDS), images).logits.argmax(axis=1), found)


@pytest.mark.parametrize("shape", [(4, 8, 8, 1), (4, 8, 8), (4, 8, 8, 4)])
def test_stacks_have_three_channels(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"images has shape .* expected \[n, height, width, 3\]"):
        stacked_labels(BANDS, np.zeros(shape, np.float32))


@pytest.mark.exhaustive
def test_real_stacks_are_read_as_well_as_three_digits_are(tmp_path: Path) -> None:
    train, test = (load("digits", split=split, data_dir=tmp_path) for split in ("train", "test"))
    trained = classifier_features(train, test, cache_dir=tmp_path / "kept")
    stacks = stack(test, 4000, seed=1)
    right = stacked_labels(trained.features, stacks.images) == stacks.labels
    # The three digits are drawn independently, with replacement, from those that the accuracy was measured on.
    expected = trained.accuracy**3
    assert abs(right.mean() - expected) < 4.5 * np.sqrt(expected * (1 - expected) / len(right)) + 1e-12
    assert expected > 0.94
    np.testing.assert_array_equal(
        class_labels(trained.features, test.images),
        stacked_labels(trained.features, np.repeat(test.images, 3, -1)) // 111,
    )
