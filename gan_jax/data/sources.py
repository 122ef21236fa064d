"""Where a compiled step gets its images: on the device, where they fit, or from a stream of pools, behind one interface.

A step draws from arrays that are arguments of its program: ``draw(key, batch, feed=feed(first_step, steps))``. With ``resident`` these are
all images, with ``streamed`` a pool of them. Both draw with ``jax.random``, with replacement, so that a batch is a function of the key, the
step and the data, and of nothing else: not of threads, devices or processes.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Int32, UInt8

from gan_jax import checks
from gan_jax.data import stream
from gan_jax.data.images import ImageSet, LazyImages, check_set, collect, lazy, threads, to_unit
from gan_jax.data.sets import load, open_images
from gan_jax.moved import moved as moved_names
from gan_jax.typing import Array, ConditionedBatch, PRNGKey, PyTree

__getattr__ = moved_names(__name__, {"everywhere": f"{__name__}:replicate"})


POOL = 16_384
"""Rows of a pool where nothing else is said: 200 MB of 64 × 64 colour images, twice on the host and at most twice on the devices."""

LIMIT_BYTES = 2**31
"""How many bytes of images are kept on a device where nothing else is said."""


class Source(NamedTuple):
    """Images for a game.

    Attributes:
      event_shape: ``(h, w, c)`` of one image.
      draw: ``draw(key, batch, *, feed) -> [batch, h, w, c]`` float32 in [−1, 1], or ``ConditionedBatch`` of such images and
        their conditions; pure, for inside a compiled step.
      feed: ``feed(first_step, steps)``: the device arrays that the steps after the first ``first_step`` ones draw from, ``steps`` of them.
        They keep their shapes from one call to the next, are arguments of the compiled program, and must not be donated to it.
      close: ends what the source runs on the host; may be called twice.
    """

    event_shape: tuple[int, int, int]
    draw: Callable[..., Any]
    feed: Callable[[int, int], PyTree]
    close: Callable[[], None]


def resident(images: ImageSet, *, flip: bool = False, mesh: Mesh | None = None) -> Source:
    """All images on the device, as uint8; a batch is drawn from them with replacement.

    Args:
      images: n of them.
      flip: whether every drawn image is mirrored left to right with probability ½.
      mesh: every device of it gets all images; None for JAX's default device.

    Returns:
      The source; ``feed`` gives the same array at every call.

    Raises:
      ValueError: a set that is none (``images.check_set``).
    """
    check_set(images)
    checks.flag("flip", flip)
    held = replicate(images.images, mesh)

    def draw(key: PRNGKey, batch: int, *, feed: Array) -> Array:
        index_key, flip_key = jax.random.split(key)
        pictures = _rows(feed, jax.random.randint(index_key, (batch,), 0, feed.shape[0]))
        return to_unit(_mirrored(flip_key, pictures) if flip else pictures)

    return Source(_shape(images.images), draw, lambda first_step, steps: held, _nothing)


class LabelledFeed(NamedTuple):
    """Images with labels on the device: ``images [n, h, w, c]`` uint8, ``labels [n]`` int32."""

    images: UInt8[Array, "n h w c"]
    labels: Int32[Array, " n"]


def resident_labelled(images: ImageSet, *, flip: bool = False, mesh: Mesh | None = None) -> Source:
    """As ``resident``, each image with its label as the condition: the data of a conditional game.

    Args:
      images: n of them, every one with a label.
      flip, mesh: as of ``resident``.

    Returns:
      The source; ``draw`` gives ``ConditionedBatch``, whose condition is the label.

    Raises:
      ValueError: a set that is none, or one with images whose class is not known.
    """
    check_set(images)
    checks.flag("flip", flip)
    if images.classes < 1 or images.labels.min() < 0:
        raise ValueError(
            f"{images.name} has {images.classes} classes and labels from {images.labels.min()}; expected one label each"
        )
    held = LabelledFeed(replicate(images.images, mesh), replicate(images.labels.astype(np.int32), mesh))

    def draw(key: PRNGKey, batch: int, *, feed: LabelledFeed) -> ConditionedBatch:
        # Where nothing is mirrored a key draws what it drew before there was this choice.
        index_key, flip_key = jax.random.split(key) if flip else (key, key)
        places = jax.random.randint(index_key, (batch,), 0, feed.images.shape[0])
        pictures, labels = _rows(feed.images, places), _rows(feed.labels, places)
        pictures = _mirrored(flip_key, pictures) if flip else pictures
        return ConditionedBatch(to_unit(pictures), labels, labels[:, None], labels[:, None])

    return Source(_shape(images.images), draw, lambda first_step, steps: held, _nothing)


def stacked(images: ImageSet, *, mesh: Mesh | None = None) -> Source:
    """Three independent grey images as the colour channels of one: n³ examples of n images, ``classes³`` modes.

    Args:
      images: n grey ones.
      mesh: as of ``resident``.

    Returns:
      The source; ``event_shape`` is ``(h, w, 3)``. ``sets.stack`` makes such a set with its labels.

    Raises:
      ValueError: a set that is none, or one in colour.

    Source: Metz, Poole, Pfau & Sohl-Dickstein 2017, "Unrolled Generative Adversarial Networks", section 3.3.1 (stacked MNIST).
    """
    check_set(images)
    height, width, channels = _shape(images.images)
    if channels != 1:
        raise ValueError(f"images of {images.name} have {channels} channels; expected grey ones, of 1")
    held = replicate(images.images, mesh)

    def draw(key: PRNGKey, batch: int, *, feed: Array) -> Array:
        pictures = _rows(feed, jax.random.randint(key, (3 * batch,), 0, feed.shape[0]))
        return to_unit(jnp.moveaxis(pictures.reshape(batch, 3, height, width), 1, -1))

    return Source((height, width, 3), draw, lambda first_step, steps: held, _nothing)


def streamed(
    source: stream.RandomAccess,
    *,
    examples_per_step: int,
    seed: int,
    pool: int = POOL,
    flip: bool = False,
    mesh: Mesh | None = None,
) -> Source:
    """Images that are read while the game is played: steps draw from a pool on the device, threads read the next one.

    The step that a chunk of steps begins at decides its pool (``stream.pool_of``). Pools follow one another in an endless order in which
    every example comes once an epoch (``stream.places``), and a chunk may not draw more than a pool holds, so that no pool is passed over.
    A run that goes on from a saved step therefore sees the same pools bit for bit, where its chunks begin at the same steps.

    With a mesh the pool is one global array whose rows are divided over the devices; every process reads its own rows alone, and what the
    array holds does not depend on how many devices and processes there are. All processes call ``feed`` for the same steps.

    Args:
      source: examples by number: ``LazyImages``, TFDS's ``as_data_source``, any sequence of ``[h, w, c]`` uint8; the same in every process.
      examples_per_step: how many examples a step draws: the batch size times the batches of a step.
      seed: of the order.
      pool: images of a pool; a multiple of the number of devices.
      flip: as of ``resident``.
      mesh: over whose devices the rows are divided; None for JAX's default device.

    Returns:
      The source. What a thread raises (an image that cannot be read, say) is raised by ``feed``.

    Raises:
      ValueError: an empty source, examples that are no uint8 images, a pool below ``examples_per_step`` or one that the devices cannot
        share; from ``feed``: more steps than a pool is for.
    """
    checks.at_least("examples_per_step", examples_per_step, 1)
    checks.at_least("pool", pool, examples_per_step)
    checks.flag("flip", flip)
    checks.at_least("seed", seed, 0)
    shape = _shape_of_examples(source)
    rows = [range(pool)] if mesh is None else stream.sharded_rows(pool, mesh, mesh.local_devices)
    reader = stream.pools(source, shape, pool=pool, rows=rows, seed=seed, threads=threads())
    longest = stream.longest_chunk(examples_per_step=examples_per_step, pool=pool)
    held: dict[int, Array] = {}

    def feed(first_step: int, steps: int) -> Array:
        if not 0 <= steps <= longest:
            raise ValueError(
                f"steps is {steps}; expected at most {longest}, since a step draws {examples_per_step} examples and a pool has {pool}"
            )
        number = stream.pool_of(first_step, examples_per_step=examples_per_step, pool=pool)
        if number not in held:
            parts = reader.get(number)
            # The next pool is read while this one is used, and the one before is let go.
            reader.ahead(number + 1)
            held.clear()
            held[number] = _placed(parts, (pool, *shape), mesh)
        return held[number]

    def draw(key: PRNGKey, batch: int, *, feed: Array) -> Array:
        index_key, flip_key = jax.random.split(key)
        pictures = _rows(feed, jax.random.randint(index_key, (batch,), 0, feed.shape[0]))
        return to_unit(_mirrored(flip_key, pictures) if flip else pictures)

    def close() -> None:
        held.clear()
        reader.close()

    return Source(shape, draw, feed, close)


def fits(images: ImageSet | LazyImages, limit_bytes: int = LIMIT_BYTES) -> bool:
    """Whether ``n · h · w · c ≤ limit_bytes``: the bytes of the images, and nothing that differs from one machine to another."""
    count, shape = (
        (len(images.images), _shape(images.images)) if isinstance(images, ImageSet) else (len(images), images.shape)
    )
    return count * math.prod(shape) <= limit_bytes


def source_of(
    images: ImageSet | LazyImages,
    *,
    examples_per_step: int,
    seed: int,
    limit_bytes: int = LIMIT_BYTES,
    pool: int = POOL,
    flip: bool = False,
    mesh: Mesh | None = None,
) -> Source:
    """``resident`` where the images take at most ``limit_bytes``, ``streamed`` where they take more.

    The rule looks at the images and at ``limit_bytes``, not at the memory of the device: the two draw different batches, and a run that
    moves to another machine must go on as it would have. Whoever has a large device raises the limit (each device of a mesh holds all).

    Args:
      images: a set, or images that are read when asked for; these are read now where they fit.
      examples_per_step, seed, pool: as of ``streamed``; without effect where they fit.
      limit_bytes: of images on one device; 2 GiB where not given.
      flip, mesh: as of ``resident``.

    Returns:
      The source.
    """
    if fits(images, limit_bytes):
        return resident(images if isinstance(images, ImageSet) else collect(images), flip=flip, mesh=mesh)
    sequence = lazy(images) if isinstance(images, ImageSet) else images
    return streamed(sequence, examples_per_step=examples_per_step, seed=seed, pool=pool, flip=flip, mesh=mesh)


def load_source(
    name: str,
    *,
    size: int | None = None,
    split: str = "train",
    data_dir: str | os.PathLike[str] | None = None,
    crop: bool = False,
    skip_corrupt: bool = False,
    examples_per_step: int,
    seed: int,
    limit_bytes: int = LIMIT_BYTES,
    pool: int = POOL,
    flip: bool = False,
    mesh: Mesh | None = None,
) -> Source:
    """The source of a set by name: ``stacked`` for stacked digits, ``source_of`` for every other.

    Args:
      name, size, split, data_dir, crop, skip_corrupt: as of ``sets.load``.
      examples_per_step, seed, limit_bytes, pool, flip, mesh: as of ``source_of``.

    Returns:
      The source.

    Raises:
      ValueError: ``flip`` of stacked digits, which mirrored are no digits; what ``sets.load`` and ``source_of`` raise.
    """
    if name == "stacked_digits":
        if flip:
            raise ValueError("flip is True for stacked_digits; expected False, since mirrored digits are no digits")
        return stacked(load("digits", size=size, split=split, data_dir=data_dir), mesh=mesh)
    images = open_images(name, size=size, split=split, data_dir=data_dir, crop=crop, skip_corrupt=skip_corrupt)
    return source_of(
        images, examples_per_step=examples_per_step, seed=seed, limit_bytes=limit_bytes, pool=pool, flip=flip, mesh=mesh
    )


def _rows(feed: Array, indices: Array) -> Array:
    # The indices are below the number of rows by construction: no clamping, no masks.
    return feed.at[indices].get(mode="promise_in_bounds")


def _mirrored(key: PRNGKey, pictures: Array) -> Array:
    """``[batch, h, w, c]``, each mirrored left to right with probability ½."""
    coins = jax.random.bernoulli(key, shape=(pictures.shape[0], 1, 1, 1))
    return jnp.where(coins, pictures[:, :, ::-1], pictures)


def replicate(images: np.ndarray, mesh: Mesh | None) -> Array:
    """All of an array on every device of a mesh, or on JAX's default device where None."""
    # A CPU device may take the host's memory for its own, or read it later: what the caller writes there must not reach the step.
    images = images.copy()
    if mesh is None:
        return jnp.asarray(images)
    return jax.make_array_from_callback(images.shape, NamedSharding(mesh, PartitionSpec()), lambda index: images[index])


def _placed(parts: Mapping[range, np.ndarray], shape: tuple[int, ...], mesh: Mesh | None) -> Array:
    if mesh is None:
        return jnp.asarray(parts[range(shape[0])])

    def block(index: Any) -> np.ndarray:
        return parts[range(*index[0].indices(shape[0]))]

    return jax.make_array_from_callback(shape, stream.row_sharding(mesh), block)


def _shape(images: np.ndarray) -> tuple[int, int, int]:
    _, height, width, channels = images.shape
    return height, width, channels


def _shape_of_examples(source: stream.RandomAccess) -> tuple[int, int, int]:
    if len(source) == 0:
        raise ValueError("the source has 0 examples; expected at least one")
    first = stream.picture(source[0])
    if first.ndim != 3 or first.dtype != np.uint8:
        raise ValueError(f"example 0 is {first.dtype} {first.shape}; expected uint8 of shape [h, w, c]")
    height, width, channels = first.shape
    return height, width, channels


def _nothing() -> None:
    """A source without threads has nothing to close."""
