"""Images on the host: sets of them, sequences that are read when asked for, sizes, and the way between bytes and [−1, 1]."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from gan_jax import checks
from gan_jax.typing import Array, PRNGKey

SMALLEST = 8
"""The smallest size of an image: the smallest that the networks of ``models`` are made for."""

UNKNOWN = -1
"""The label of an image whose class is not known."""

HostOrDevice = TypeVar("HostOrDevice", np.ndarray, jax.Array)


class ImageSet(NamedTuple):
    """Images in the host's memory.

    Attributes:
      name: with the size, as in ``"digits-8"``, ``"stacked_digits-32"``, ``"cifar10-32"``, ``"folder:flowers-64"``.
      images: ``[n, h, w, c]`` uint8, 0 to 255; c is 1 (grey) or 3 (red, green, blue).
      labels: ``[n]`` int32; −1 where unknown.
      classes: how many classes there are; 0 where there are none.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    classes: int


Reader: TypeAlias = Callable[[int], tuple[np.ndarray, int]]
"""``index -> (image [h, w, c] uint8, label)``; called from several threads at once."""


@dataclass(frozen=True)
class LazyImages:
    """A sequence of images that are read when they are asked for: ``images[index] -> [h, w, c]`` uint8.

    Attributes:
      name: as in ``ImageSet``.
      shape: ``(h, w, c)`` of every image.
      count: how many there are.
      classes: as in ``ImageSet``.
      read: reads one of them, with its label.
      names: what each is called where it comes from, such as its file; empty where they have no names.
      class_names: of the classes, in the order of their numbers; empty where they have none.
      class_counts: how many images each class has; empty where nobody has counted.
      native: ``(h, w)`` of all images where they come from, before cropping and resizing; None where they differ, or it is not known.
      left_out: how many files were not read, by reason.
    """

    name: str
    shape: tuple[int, int, int]
    count: int
    classes: int
    read: Reader
    names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    class_counts: tuple[int, ...] = ()
    native: tuple[int, int] | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> np.ndarray:
        if not 0 <= index < self.count:
            raise IndexError(f"index is {index}; expected 0 to {self.count - 1}, the images of {self.name}")
        return self.labelled(index)[0]

    def labelled(self, index: int) -> tuple[np.ndarray, int]:
        """Reads one image and its label; raises ``ValueError`` where its shape is not that of the others."""
        image, label = self.read(index)
        if image.shape != self.shape:
            raise ValueError(
                f"image {index} of {self.name} has shape {image.shape}; expected {self.shape}, as the others"
            )
        return image, label


def threads() -> int:
    """How many threads read images: decoding releases Python's lock, and waiting for a disk does too."""
    return min(16, 2 * (os.cpu_count() or 1))


def collect(images: LazyImages) -> ImageSet:
    """Reads all images into memory.

    Args:
      images: n of them.

    Returns:
      The set, in the order of the sequence.

    Raises:
      ValueError: an image of another shape than the rest; what reading raises.
    """
    pictures = np.empty((images.count, *images.shape), np.uint8)
    labels = np.empty(images.count, np.int32)

    def fill(indices: Sequence[int]) -> None:
        for index in indices:
            pictures[index], labels[index] = images.labelled(index)

    parts = [range(first, min(first + 256, images.count)) for first in range(0, images.count, 256)]
    with ThreadPoolExecutor(threads(), thread_name_prefix="gan_jax-reader") as pool:
        jobs = [pool.submit(fill, part) for part in parts]
        try:
            for job in jobs:
                job.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return ImageSet(images.name, pictures, labels, images.classes)


def lazy(images: ImageSet) -> LazyImages:
    """The same images as a sequence.

    Args:
      images: n of them.

    Returns:
      The sequence; it shares their memory.
    """

    def read(index: int) -> tuple[np.ndarray, int]:
        return images.images[index], int(images.labels[index])

    count, height, width, channels = images.images.shape
    return LazyImages(images.name, (height, width, channels), count, images.classes, read)


def named(base: str, shape: tuple[int, int, int]) -> str:
    """``base-32`` for square images, ``base-24x32`` (height × width) for others."""
    height, width, _ = shape
    return f"{base}-{height}" if height == width else f"{base}-{height}x{width}"


def checked_size(size: int | None) -> int | None:
    """Returns ``size``, an edge in pixels or None.

    Raises:
      ValueError: no whole number, or below 8.
    """
    if size is not None and (isinstance(size, bool) or int(size) != size or size < SMALLEST):
        raise ValueError(f"size is {size}; expected a whole number of pixels of at least {SMALLEST}")
    return size


def nearest(edge: float, sizes: Sequence[int]) -> int:
    """The one of ``sizes`` that is nearest to ``edge`` pixels; of two equally near ones the smaller, which invents no pixel.

    Raises:
      ValueError: no sizes, or one below 8.
    """
    if not sizes:
        raise ValueError("sizes is empty; expected at least one edge in pixels")
    for size in sizes:
        checked_size(size)
    return min(sorted(sizes), key=lambda size: abs(size - edge))


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """One image at another size, antialiased.

    Bicubic (a = −½), with the kernel as wide as a pixel of the smaller image, in Pillow. Most other resizers keep the kernel narrow when
    they shrink; that aliases, and moves FID by more than many a method does. Values beyond 0 and 255 are clipped. An image that has the
    size already is returned as it is, bit for bit. The ratio of the edges is not kept: crop first (``centre_square``) where it matters.

    Args:
      image: ``[h, w, c]`` uint8, c 1 or 3.
      size: the edge of the result, in pixels.

    Returns:
      ``[size, size, c]`` uint8.

    Source: Parmar, Zhang & Zhu 2022, "On Aliased Resizing and Surprising Subtleties in GAN Evaluation".
    """
    if image.shape[:2] == (size, size):
        return image
    grey = image.shape[2] == 1
    resized = Image.fromarray(image[..., 0] if grey else image).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(resized).reshape(size, size, image.shape[2])


def centre_square(image: np.ndarray) -> np.ndarray:
    """The largest square in the middle of an image: rows ``⌊(h − s) / 2⌋`` to ``⌊(h − s) / 2⌋ + s``, columns alike, ``s = min(h, w)``.

    Args:
      image: ``[h, w, c]``.

    Returns:
      ``[s, s, c]``.
    """
    left, top, right, bottom = _centre(*image.shape[:2])
    return image[top:bottom, left:right]


def _centre(height: int, width: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the largest square in the middle."""
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    return left, top, left + edge, top + edge


def fitted(image: np.ndarray, size: int | None, crop: bool) -> np.ndarray:
    """``centre_square`` where ``crop``, then ``resize`` where ``size`` is given.

    Args:
      image: ``[h, w, c]`` uint8.
      size: the edge of the result, in pixels; None to leave it.
      crop: whether the centre square is taken.

    Returns:
      ``[h', w', c]`` uint8.
    """
    square = centre_square(image) if crop else image
    return square if size is None else resize(square, size)


def fitted_picture(picture: Image.Image, size: int | None, crop: bool) -> Image.Image:
    """``fitted`` of a picture of Pillow's, of mode L or RGB: the same bits, without a copy of all pixels on the way."""
    if crop:
        picture = picture.crop(_centre(picture.height, picture.width))
    if size is None or picture.size == (size, size):
        return picture
    return picture.resize((size, size), Image.Resampling.BICUBIC)


def to_unit(images: HostOrDevice) -> HostOrDevice:
    """``x / 127.5 − 1``: bytes to [−1, 1], 0 to −1 and 255 to 1 exactly.

    Computed as ``(x − 127.5) · (1 / 127.5)``: the difference is exact and a product is one rounding, so that NumPy and every compiler give
    the same bits. A division is none of that: XLA turns it into a product on its own.

    Args:
      images: uint8 of any shape, of NumPy or of JAX.

    Returns:
      float32 of the same shape and the same library.
    """
    return (images.astype(np.float32) - np.float32(127.5)) * (np.float32(1.0) / np.float32(127.5))


def to_bytes(images: HostOrDevice) -> HostOrDevice:
    """``round(127.5 (x + 1))``, clipped to 0 … 255: the inverse of ``to_unit``, for what a generator makes.

    Args:
      images: of a floating type, in [−1, 1] (values outside are clipped), of NumPy or of JAX.

    Returns:
      uint8 of the same shape and the same library.
    """
    library = jnp if isinstance(images, jax.Array) else np
    scaled = images.astype(np.float32) * np.float32(127.5) + np.float32(127.5)
    return library.clip(library.rint(scaled), 0, 255).astype(np.uint8)


def dequantise(key: PRNGKey, images: UInt8[Array, " *shape"]) -> Float32[Array, " *shape"]:
    """``(x + u) / 256``, ``u ~ U[0, 1)`` for every pixel: bytes as samples of a law that has a density.

    Bytes have no density, and a model with one reaches any likelihood by narrow peaks at the 256 values. With uniform noise the mean
    log-density of ``y`` is bounded by a log-probability of bytes: ``E_u log p(y) ≤ log P(x) + n log 256``, for the n numbers of an image.

    It is for likelihood-like quantities alone (log-likelihoods, bits per dimension, nearest-neighbour entropies). Games and FID-like scores
    need no density: they take ``to_unit``, since the noise would be one more thing to imitate.

    u has 16 bits: ``x + u`` is then exact in float32, and never rounds up to the next byte.

    Args:
      key: of u.
      images: uint8 of any shape.

    Returns:
      float32 in [0, 1), of the same shape; ``floor(256 y) = x``.

    Raises:
      ValueError: images that are not uint8.

    Source: Theis, van den Oord & Bethge 2016, "A note on the evaluation of generative models", section 3.1; Uria, Murray & Larochelle 2013.
    """
    if images.dtype != jnp.uint8:
        raise ValueError(f"images are {images.dtype}; expected uint8, 0 to 255")
    noise = jax.random.bits(checks.key("key", key), images.shape, jnp.uint16).astype(jnp.float32) / 65536.0
    return (images.astype(jnp.float32) + noise) / 256.0


def check_set(images: ImageSet) -> None:
    """Raises ``ValueError`` unless ``images`` is a set as its docstring says: uint8 ``[n, h, w, c]``, one class an image, not empty."""
    if not isinstance(images, ImageSet):
        raise ValueError(f"images is {checks.shown(images)}; expected an ImageSet, such as sets.load('digits')")
    array = images.images
    if array.ndim != 4 or array.dtype != np.uint8:
        raise ValueError(
            f"images of {images.name} are {array.dtype} {array.shape}; expected uint8 of shape [n, h, w, c]"
        )
    if 0 in array.shape:
        raise ValueError(f"images of {images.name} have shape {array.shape}; expected at least one image of one pixel")
    if array.shape[3] not in (1, 3):
        raise ValueError(
            f"images of {images.name} have shape {array.shape}; expected one channel (grey) or three (red, green, blue), as the last axis"
        )
    labels = np.asarray(images.labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels of {images.name} are {labels.dtype} {labels.shape}; expected integers of shape [n], a class each, -1 where unknown"
        )
    if len(labels) != len(array):
        raise ValueError(f"{images.name} has {len(array)} images and {len(labels)} labels; expected one label each")
    checks.at_least("classes", images.classes, 0)
    if labels.min() < -1 or (images.classes and labels.max() >= images.classes):
        raise ValueError(
            f"labels of {images.name} go from {labels.min()} to {labels.max()} and it has {images.classes} classes; expected labels below "
            "that, from 0, or -1 where unknown"
        )
