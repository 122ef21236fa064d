"""Bytes and [−1, 1] are the same images, noise makes a density of bytes without moving them, and resizing neither aliases nor shifts."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.data import images as module
from gan_jax.data.images import (
    ImageSet,
    LazyImages,
    centre_square,
    collect,
    dequantise,
    lazy,
    resize,
    to_bytes,
    to_unit,
)
from tests.cases import cases

LEVELS = np.arange(256, dtype=np.uint8)


def picture(seed: int, height: int, width: int, channels: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def a_set(count: int = 300, size: int = 8) -> ImageSet:
    images = np.stack([picture(seed, size, size, 1) for seed in range(count)])
    return ImageSet("noise-8", images, np.arange(count, dtype=np.int32) % 7, 7)


def test_every_level_is_mapped_to_one_rounding_and_back() -> None:
    unit = to_unit(LEVELS)
    assert unit.dtype == np.float32
    assert (unit[0], unit[255]) == (-1.0, 1.0)
    # The constant 1 / 127.5 and the product are rounded once each.
    np.testing.assert_allclose(unit, LEVELS / 127.5 - 1.0, rtol=2 * 2.0**-24, atol=0)
    np.testing.assert_array_equal(to_bytes(unit), LEVELS)


def test_host_and_compiled_program_agree_bit_for_bit() -> None:
    unit = jax.jit(to_unit)(jnp.asarray(LEVELS))
    np.testing.assert_array_equal(np.asarray(unit), to_unit(LEVELS))
    back = jax.jit(to_bytes)(unit)
    assert back.dtype == jnp.uint8
    np.testing.assert_array_equal(np.asarray(back), LEVELS)


def test_values_outside_are_clipped_and_not_wrapped() -> None:
    values = np.array([-7.0, -1.0001, 0.0, 1.0001, 9.0], np.float32)
    np.testing.assert_array_equal(to_bytes(values), [0, 0, 128, 255, 255])
    np.testing.assert_array_equal(np.asarray(to_bytes(jnp.asarray(values))), [0, 0, 128, 255, 255])


def test_dequantised_bytes_stay_in_their_cell_and_fill_it() -> None:
    images = np.tile(LEVELS, 2000)
    noisy = np.asarray(dequantise(jax.random.key(0), jnp.asarray(images)))
    assert noisy.dtype == np.float32
    assert noisy.min() >= 0.0
    assert noisy.max() < 1.0
    np.testing.assert_array_equal(np.floor(noisy * 256.0), images)
    inside = (noisy * 256.0 - images).astype(np.float64)
    # Mean ½ and variance 1/12 of U[0, 1) within five standard errors; the variance of (u − ½)² is 1/180.
    n = inside.size
    assert abs(inside.mean() - 0.5) < 5 * np.sqrt(1 / 12 / n)
    assert abs(np.mean((inside - 0.5) ** 2) - 1 / 12) < 5 * np.sqrt(1 / 180 / n)


def test_only_bytes_are_dequantised() -> None:
    with pytest.raises(ValueError, match="images are float32; expected uint8"):
        dequantise(jax.random.key(0), jnp.zeros(3))


def test_a_size_that_is_there_already_leaves_every_bit() -> None:
    image = picture(0, 16, 16, 3)
    assert resize(image, 16) is image


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 20])
def test_resizing_keeps_flat_images_ramps_and_symmetry(channels: int, size: int) -> None:
    flat = np.full((16, 16, channels), 77, np.uint8)
    np.testing.assert_array_equal(resize(flat, size), np.full((size, size, channels), 77))
    image = picture(1, 16, 16, channels)
    # Half-pixel centres: a mirrored image gives the mirrored result.
    mirrored = resize(np.ascontiguousarray(image[:, ::-1]), size)
    assert np.abs(mirrored.astype(int) - resize(image, size)[:, ::-1]).max() <= 1


def test_shrinking_does_not_alias() -> None:
    # Columns alternate from pixel to pixel: below the new sampling rate only their mean is left.
    stripes = np.tile(np.array([0, 255], np.uint8), (64, 32))[..., None]
    small = resize(stripes, 16)[2:-2, 2:-2]
    assert np.abs(small.astype(float) - 127.5).max() < 4.0


@pytest.mark.parametrize(("height", "width"), [(10, 7), (7, 10), (9, 9), (218, 178)])
def test_the_centre_square_is_in_the_centre(height: int, width: int) -> None:
    image = picture(2, height, width, 1)
    square = centre_square(image)
    edge = min(height, width)
    assert square.shape == (edge, edge, 1)
    top, left = (height - edge) // 2, (width - edge) // 2
    assert abs((height - edge - top) - top) <= 1
    np.testing.assert_array_equal(square, image[top : top + edge, left : left + edge])


def test_collecting_what_was_made_lazy_gives_the_set_back() -> None:
    whole = a_set()
    sequence = lazy(whole)
    assert len(sequence) == 300
    np.testing.assert_array_equal(sequence[299], whole.images[299])
    back = collect(sequence)
    np.testing.assert_array_equal(back.images, whole.images)
    np.testing.assert_array_equal(back.labels, whole.labels)
    assert (back.name, back.classes, back.labels.dtype) == (whole.name, 7, np.int32)


def test_an_image_of_another_shape_is_named() -> None:
    def read(index: int) -> tuple[np.ndarray, int]:
        return np.zeros((8, 9 if index == 5 else 8, 1), np.uint8), 0

    images = LazyImages("odd", (8, 8, 1), 10, 0, read)
    with pytest.raises(ValueError, match=r"image 5 of odd has shape \(8, 9, 1\); expected \(8, 8, 1\)"):
        collect(images)
    with pytest.raises(ValueError, match="image 5 of odd"):
        images[5]
    with pytest.raises(IndexError, match="index is 10; expected 0 to 9"):
        images[10]


@cases("size", [7, 0, -8, 8.5, True])
def test_sizes_below_eight_and_parts_of_pixels_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=rf"size is {size}; expected a whole number of pixels of at least 8"):
        module.checked_size(size)


@cases(
    ("change", "sentence"),
    [
        (
            {"images": np.zeros((2, 8, 8, 1), np.float32)},
            r"images of noise-8 are float32 \(2, 8, 8, 1\); expected uint8",
        ),
        ({"images": np.zeros((2, 8, 8), np.uint8)}, r"expected uint8 of shape \[n, h, w, c\]"),
        (
            {"images": np.zeros((2, 1, 8, 8), np.uint8)},
            r"shape \(2, 1, 8, 8\); expected one channel \(grey\) or three .*, as the last axis",
        ),
        ({"images": np.zeros((2, 8, 8, 4), np.uint8)}, r"shape \(2, 8, 8, 4\); expected one channel"),
        ({"labels": np.zeros((2, 1), np.int32)}, r"labels of .* are int32 \(2, 1\); expected integers of shape \[n\]"),
        ({"labels": np.asarray([0.5, 1.0])}, r"labels of .* are float64 \(2,\); expected integers"),
        ({"labels": np.full(300, 7, np.int32), "classes": 3}, "labels of .* go from 7 to 7 and it has 3 classes"),
        ({"images": np.zeros((0, 8, 8, 1), np.uint8)}, "expected at least one image"),
        ({"labels": np.full(300, -2, np.int32)}, "labels of .* go from -2 to -2 .* or -1 where unknown"),
        ({"labels": np.zeros(3, np.int32)}, "has 300 images and 3 labels"),
        ({"classes": -1}, "classes is -1"),
    ],
)
def test_what_is_no_image_set(change: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        module.check_set(a_set()._replace(**change))
