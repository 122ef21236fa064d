"""What an avatar's attributes are, read off its pixels by inverting the drawing.

A picture is linear in its colours (``avatar_drawing``). For every hair style, face shape, with glasses and without, and for every place
of the head on a grid, least squares find the colours that explain a picture best, ``min_c ||x − S c||²``; the candidate that leaves the
least is what was drawn, and its colours name those of the hair and of the eyes by the nearest of the palette. No network, no training,
nothing but the pixels.
"""

from __future__ import annotations

import functools
import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import checks
from gan_jax.data import avatar_drawing as drawing
from gan_jax.data import avatars
from gan_jax.data.avatar_drawing import FACE_SHAPES, HAIR_STYLES, STYLES, Place
from gan_jax.typing import Array

SIZES = (16, 32, 64)
FINEST = 32
"""Larger pictures are averaged down to this: four times the pixels say no more."""

SHIFTS, TILTS = 7, 3
"""Places of the head that are tried along each axis, and tilts. With five places, glasses were missed on one render of a thousand."""

AT_A_TIME = 256
"""Pictures that are explained at once."""


class Reading(NamedTuple):
    """What was read.

    Attributes:
      attributes: ``[n, 5]`` int32, as in ``avatars.Avatars``.
      hair, eyes: the colours found, ``[n, 3]`` in about [0, 1].
      unexplained: share of a picture's variance that the best candidate leaves, ``[n]``; near zero for a drawing, large for what is none.
    """

    attributes: np.ndarray
    hair: np.ndarray
    eyes: np.ndarray
    unexplained: np.ndarray


class Candidates(NamedTuple):
    """All that could have been drawn.

    Attributes:
      basis: an orthonormal basis of each candidate's shares, ``[pixels, m, colours]``.
      solve: from coordinates in the basis to colours, ``[m, colours, colours]``.
      hair_style, face_shape, glasses: of every candidate, ``[m]``.
    """

    basis: Array
    solve: Array
    hair_style: Array
    face_shape: Array
    glasses: Array


def read(images: Array | np.ndarray, *, style: str = "portrait") -> Reading:
    """Reads attributes off pictures.

    Args:
      images: ``[n, size, size, 3]`` in [-1, 1], or uint8; 16, 32 or 64 pixels a side.
      style: what they are drawn in.

    Returns:
      The reading, on the host.

    Raises:
      ValueError: another shape, size or style; values that are not finite.
    """
    checks.one_of("style", style, STYLES)
    if images.ndim != 4 or images.shape[1] != images.shape[2] or images.shape[3] != 3 or images.shape[1] not in SIZES:
        raise ValueError(f"images has shape {images.shape}; expected [n, size, size, 3] with a size of 16, 32 or 64")
    if not np.issubdtype(images.dtype, np.integer):
        checks.finite("images", images)
    size = min(images.shape[1], FINEST)
    candidates = candidates_of(size, style)
    parts = [_read(images[i : i + AT_A_TIME], candidates, size) for i in range(0, len(images), AT_A_TIME)]
    joined = [np.concatenate([np.asarray(part[k]) for part in parts]) for k in range(4)]
    return Reading(*joined)


def _read(images: Array | np.ndarray, candidates: Candidates, size: int) -> tuple[Array, ...]:
    n = len(images)
    # One shape for all parts, so that the program is compiled once.
    padded = np.zeros((AT_A_TIME, *images.shape[1:]), images.dtype)
    padded[:n] = np.asarray(images)
    return tuple(array[:n] for array in _explain(padded, candidates, size))


@functools.lru_cache(maxsize=4)
def candidates_of(size: int, style: str) -> Candidates:
    """All candidates of a size and style, ``HAIR_STYLES × FACE_SHAPES × glasses × places``."""
    line, tilts = np.linspace(-1.0, 1.0, SHIFTS), np.linspace(-1.0, 1.0, TILTS)
    drawn = range(len(HAIR_STYLES)), range(len(FACE_SHAPES)), range(2)
    grid = np.array(list(itertools.product(*drawn, line, line, tilts)))
    hair, shape, worn = (jnp.asarray(grid[:, column], jnp.int32) for column in range(3))
    place = Place(jnp.asarray(avatars.SHIFT * grid[:, 3:5], float), jnp.asarray(avatars.TILT * grid[:, 5], float))
    basis, solve = _bases(size, style, place, hair, shape, worn)
    return Candidates(basis, solve, hair, shape, worn)


def _bases(size: int, style: str, place: Place, hair: Array, shape: Array, worn: Array) -> tuple[Array, Array]:
    # Three programs: with drawing, QR and inverse in one, JAX 0.10.2 came to a halt on two CPU cores.
    q, r = jax.jit(jnp.linalg.qr)(_matrices(size, style, place, hair, shape, worn))
    # Without glasses the frame, which is the last colour, has no share, and explains nothing.
    last = (jnp.arange(drawing.COLOURS)[None] == drawing.FRAME) & (worn[:, None] == 0)
    q = jnp.where(last[:, None, :], 0.0, q)
    r = jnp.where(last[:, None, :], jnp.eye(drawing.COLOURS)[None], r)
    return q.swapaxes(0, 1), jax.jit(jnp.linalg.inv)(r)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _matrices(size: int, style: str, place: Place, hair: Array, shape: Array, worn: Array) -> Array:
    """Shares of colours, ``[m, pixels, colours]``."""
    amounts = jax.lax.map(
        lambda one: drawing.shares(size, style, one[0], one[1], one[2], one[3] == 1),
        (place, hair, shape, worn),
        batch_size=64,
    )
    return amounts.reshape(amounts.shape[0], drawing.COLOURS, -1).swapaxes(1, 2)


@functools.partial(jax.jit, static_argnums=2)
def _explain(images: Array, candidates: Candidates, size: int) -> tuple[Array, Array, Array, Array]:
    x = images / 255.0 if jnp.issubdtype(images.dtype, jnp.integer) else 0.5 * (images + 1.0)
    n, factor = x.shape[0], x.shape[1] // size
    x = x.reshape(n, size, factor, size, factor, 3).mean((2, 4)).reshape(n, -1, 3)
    pixels, count, colours = candidates.basis.shape
    along = jnp.einsum("npc,pq->ncq", x, candidates.basis.reshape(pixels, -1)).reshape(n, 3, count, colours)
    best = jnp.argmax(jnp.sum(jnp.square(along), axis=(1, 3)), axis=1)
    coordinates = jnp.take_along_axis(along, best[:, None, None, None], axis=2)[:, :, 0]
    found = jnp.einsum("nij,ncj->nic", candidates.solve[best], coordinates)
    hair, eyes = found[:, drawing.HAIR], found[:, drawing.IRIS]
    frame, known = found[:, drawing.FRAME], jnp.asarray([avatars.FRAME_COLOUR])
    dark = _squared(frame - known) < _squared(frame - found[:, drawing.SKIN])
    attributes = jnp.stack(
        [
            _nearest(hair, jnp.asarray(list(avatars.HAIR_COLOURS.values()))),
            _nearest(eyes, jnp.asarray(list(avatars.EYE_COLOURS.values()))),
            candidates.hair_style[best],
            candidates.face_shape[best],
            # A frame explains a little of any picture, as one more colour does; it is one where it is as dark as frames are.
            jnp.where(dark, candidates.glasses[best], 0),
        ],
        axis=1,
    )
    total = jnp.sum(jnp.square(x - jnp.mean(x, axis=1, keepdims=True)), axis=(1, 2))
    rest = jnp.sum(jnp.square(x), axis=(1, 2)) - jnp.sum(jnp.square(coordinates), axis=(1, 2))
    return attributes, hair, eyes, jnp.maximum(rest, 0.0) / jnp.maximum(total, 1e-12)


def _squared(difference: Array) -> Array:
    return jnp.sum(jnp.square(difference), axis=1)


def _nearest(colour: Array, palette: Array) -> Array:
    return jnp.argmin(jnp.sum(jnp.square(colour[:, None] - palette[None]), axis=2), axis=1).astype(jnp.int32)
