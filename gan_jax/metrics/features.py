"""Feature extractors that carry their name, and features of many images computed in batches of one compiled shape."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Float, Float32, Float64, Real

from gan_jax import checks
from gan_jax.typing import Array

PIXEL_SLACK = 1e-3
"""How far outside [-1, 1] a pixel may lie: bfloat16's tanh and a resizer's rounding, not another range."""


class Features(NamedTuple):
    """A feature extractor. Scores of two extractors are never comparable, so that a score carries this name.

    Attributes:
      name: of the network and the data it was trained on, with the first digits of its weights' hash.
      preprocessing: what an image goes through before the network, in words.
      apply: ``[n, h, w, c]`` in [-1, 1] ``-> (features [n, d], logits [n, classes])``; jittable, and sees images one by one. As a
        ``jax.tree_util.Partial`` of the weights it hands them to the compiled program; otherwise they are constants inside it.
    """

    name: str
    preprocessing: str
    apply: Callable[[Float[Array, "n h w c"]], tuple[Float[Array, "n d"], Float[Array, "n classes"]]]


class InceptionFeatures(Features):
    """Features of the 2015 Inception network with weights checked by hash; only such scores are called FID-Inception."""

    __slots__ = ()


class Extracted(NamedTuple):
    """What an extractor makes of a set of images, on the host.

    Attributes:
      features: ``[n, d]`` float32.
      logits: ``[n, classes]`` float32.
    """

    features: Float32[np.ndarray, "n d"]
    logits: Float32[np.ndarray, "n classes"]


def in_unit_range(name: str, images: Real[np.ndarray | Array, "n h w c"]) -> Float32[np.ndarray, "n h w c"]:
    """Returns images as extractors take them: float32 in [-1, 1].

    The rule: uint8 ``x`` becomes ``x / 127.5 - 1``; floating images are taken as they are.

    Args:
      name: what the caller's user called the argument.
      images: ``[n, h, w, c]``, uint8 (0 to 255) or floating (-1 to 1).

    Returns:
      ``[n, h, w, c]`` float32.

    Raises:
      ValueError: another rank or type, no image, NaN, or pixels outside [-1, 1].

    Warns:
      UserWarning: floats none of which is below 0: they look like pixels in [0, 1].
    """
    checks.unmasked(name, images)
    array = np.asarray(images)
    if array.ndim != 4 or 0 in array.shape:
        raise ValueError(f"{name} has shape {array.shape}; expected at least one image [n, height, width, channels]")
    if array.dtype == np.uint8:
        # The difference is exact, so that there is one rounding, as in the data's own conversion.
        return (array.astype(np.float32) - np.float32(127.5)) / np.float32(127.5)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise ValueError(f"{name} has the type {array.dtype}; expected uint8 (0 to 255) or floats (-1 to 1)")
    array = array.astype(np.float32)
    checks.finite(name, array)
    low, high = float(array.min()), float(array.max())
    if low < -1.0 - PIXEL_SLACK or high > 1.0 + PIXEL_SLACK:
        raise ValueError(f"{name} has pixels from {low:g} to {high:g}; expected floats in [-1, 1], or uint8")
    if low >= 0.0 and high > 0.0:
        warnings.warn(
            f"{name} has no pixel below 0 (from {low:g} to {high:g}), and floats are read as [-1, 1], where 0 is grey; "
            "expected 2 x - 1 of pixels x in [0, 1], or uint8",
            stacklevel=2,
        )
    return array


def extract(
    features: Features, images: Real[np.ndarray | Array, "n h w c"], *, batch: int = 256, name: str = "images"
) -> Extracted:
    """Features and logits of every image, in batches of one compiled shape (the last one is filled up with repetitions).

    Args:
      features: the extractor.
      images: ``[n, h, w, c]``, uint8 or floats in [-1, 1] (``in_unit_range``).
      batch: images a call of the compiled program.
      name: of ``images`` in messages.

    Returns:
      The features and logits, in the order of the images.

    Raises:
      ValueError: bad images, ``batch`` below one, an extractor that does not return a row of features and of logits for each image, or
        features that are not finite.
    """
    batch = checks.integer("batch", batch, 1)
    checks.unmasked(name, images)
    array = np.asarray(images)
    # Bytes are converted batch by batch, as four times as many would be held; floats are looked at as a whole.
    if array.dtype != np.uint8 or array.ndim != 4 or 0 in array.shape:
        array = in_unit_range(name, array)
    apply = as_pytree(features.apply)
    parts: list[tuple[Array, Array]] = []
    for start in range(0, len(array), batch):
        piece = array[start : start + batch]
        piece = in_unit_range(name, piece) if piece.dtype == np.uint8 else piece
        filled = np.concatenate([piece, np.repeat(piece[:1], batch - len(piece), axis=0)])
        rows, logits = _called(apply, jnp.asarray(filled))
        if rows.ndim != 2 or logits.ndim != 2 or len(rows) != batch or len(logits) != batch:
            raise ValueError(
                f"features {features.name!r} returned shapes {rows.shape} and {logits.shape} for {batch} images; "
                f"expected ({batch}, d) and ({batch}, classes)"
            )
        parts.append((rows[: len(piece)], logits[: len(piece)]))
    rows, logits = (np.concatenate([np.asarray(part[i], np.float32) for part in parts]) for i in range(2))
    checks.finite(f"features of {name}", rows)
    checks.finite(f"logits of {name}", logits)
    return Extracted(rows, logits)


def extract_in_pieces(
    features: Features,
    pieces: Iterable[Real[np.ndarray | Array, "some h w c"]],
    *,
    batch: int = 256,
    name: str = "images",
) -> Extracted:
    """``extract`` of images that come piece by piece: never more than one piece of them is held.

    Args:
      features: the extractor.
      pieces: each ``[some, h, w, c]``, uint8 or floats in [-1, 1]; at least one.
      batch: images a call of the compiled program.
      name: of the images in messages.

    Returns:
      The features and logits of all, in their order.

    Raises:
      ValueError: as ``extract``; or no piece.
    """
    # A loop's variable would hold a piece while the next one is made.
    parts = list(map(partial(extract, features, batch=batch, name=name), pieces))
    if not parts:
        raise ValueError(f"{name} has no piece; expected at least one image")
    return Extracted(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def per_channel(features: Features) -> Features:
    """An extractor of grey images applied to every channel of images that stack them (three digits as red, green and blue).

    Features are concatenated. Channels are classified independently, so that the class of an image is the tuple of theirs and its
    log-probability their sum, ``log p(a, b, c | x) = log p(a | x_1) + log p(b | x_2) + log p(c | x_3)``: 10 classes on 3 channels make
    1000, numbered ``100 a + 10 b + c``, and ``argmax`` over them is the argmax of each channel.

    Args:
      features: of images with one channel: ``d`` features, ``K`` logits.

    Returns:
      Of images with c channels: ``c d`` features, ``K^c`` logits.
    """

    return Features(
        features.name,
        f"{features.preprocessing}, channel by channel",
        Partial(_by_channel, as_pytree(features.apply)),
    )


def _by_channel(apply: Partial, images: Array) -> tuple[Array, Array]:
    n, h, w, c = images.shape
    rows, logits = apply(jnp.moveaxis(images, -1, 1).reshape(n * c, h, w, 1))
    log_p = jax.nn.log_softmax(logits).reshape(n, c, -1)
    joint = log_p[:, 0]
    for channel in range(1, c):
        joint = (joint[:, :, None] + log_p[:, channel][:, None, :]).reshape(n, -1)
    return rows.reshape(n, -1), joint


def as_pytree(apply: Callable[[Array], tuple[Array, Array]]) -> Partial:
    """An extractor's function as something that ``jit`` takes for an argument."""
    return apply if isinstance(apply, Partial) else Partial(apply)


@jax.jit
def _called(apply: Partial, images: Array) -> tuple[Array, Array]:
    rows, logits = apply(images)
    return rows, logits


def samples(name: str, value: Real[np.ndarray | Array, "n d"], *, least: int = 2) -> Float64[np.ndarray, "n d"]:
    """Returns features as float64 on the host.

    Args:
      name: what the caller's user called the argument.
      value: ``[n, d]``.
      least: the smallest n that the score is defined for.

    Returns:
      ``[n, d]`` float64.

    Raises:
      ValueError: no real numbers, another rank, no feature, fewer samples than ``least``, NaN or infinity.
    """
    array = np.asarray(checks.real(name, value))
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"{name} has shape {array.shape}; expected features [n, d] of at least one dimension")
    if len(array) < least:
        raise ValueError(f"{name} has {len(array)} sample(s); expected at least {least}")
    array = array.astype(np.float64)
    checks.finite(name, array)
    return array


def two_samples(
    real: Real[np.ndarray | Array, "n d"], fake: Real[np.ndarray | Array, "m d"], *, least: int = 2
) -> tuple[Float64[np.ndarray, "n d"], Float64[np.ndarray, "m d"]]:
    """Returns ``real [n, d]`` and ``fake [m, d]`` as float64 on the host.

    Raises:
      ValueError: as ``samples``, and where the numbers of features differ.
    """
    x, y = samples("real", real, least=least), samples("fake", fake, least=least)
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"real has {x.shape[1]} features a sample and fake has {y.shape[1]}; expected the same extractor for both"
        )
    return x, y
