"""What an avatar's attributes are, read off its pixels by inverting the drawing.

A picture is linear in its colours (``avatar_drawing``): ``x ≈ S(p) c``, with p the place of the head. For every hair style, face shape,
with glasses and without, and for every place on a grid, least squares find the colours that explain a picture best; this is done on
coarse pictures. For the few that explain most, the place is then freed: Gauss–Newton steps on ``min_{c, p} ||x − S(p) c||²`` at full
size. What leaves the least is what was drawn, and its colours name those of the hair and of the eyes by the nearest of the palette. No
network, no training, nothing but the pixels.
"""

from __future__ import annotations

import functools
import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Real

from gan_jax import checks
from gan_jax.data import avatar_drawing as drawing
from gan_jax.data import avatars
from gan_jax.data.avatar_drawing import FACE_SHAPES, HAIR_STYLES, STYLES, Place
from gan_jax.typing import Array

SIZES = (16, 32, 64)
FINEST, COARSEST = 32, 16
"""Larger pictures are averaged down to the first, four times the pixels say no more; the grid is searched on the second."""

SHIFTS, TILTS = 7, 3
"""Places of the head that are tried along each axis, and tilts."""

RIVALS = 3
"""How many candidates get a free place; there are as many face shapes, which differ least."""

STEPS = 2
"""Of Gauss–Newton."""

STEP = 1e-3
"""Of derivatives with respect to the place."""

AT_A_TIME = 32
"""Pictures that are explained at once: one program, whatever their number; more at once is no faster."""

DRAWN = 256
"""Candidates that are drawn at once."""


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


class Kind(NamedTuple):
    """What is drawn but for colours and place, each with the same leading axes.

    Attributes:
      hair: of ``HAIR_STYLES``.
      shape: of ``FACE_SHAPES``.
      worn: whether there are glasses.
    """

    hair: Array
    shape: Array
    worn: Array


class Candidates(NamedTuple):
    """All that could have been drawn.

    Attributes:
      basis: an orthonormal basis of each candidate's shares, ``[pixels, m, colours]``, on coarse pictures.
      kind: of every candidate, ``[m]``.
      place: of the head, with a leading axis ``[m]``; it is what varies fastest.
    """

    basis: Array
    kind: Kind
    place: Place


def read(images: Real[Array | np.ndarray, "n size size 3"], *, style: str = "portrait") -> Reading:
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
    parts = [_read(images[i : i + AT_A_TIME], candidates, size, style) for i in range(0, len(images), AT_A_TIME)]
    joined = [np.concatenate([np.asarray(part[k]) for part in parts]) for k in range(4)]
    return Reading(*joined)


def _read(images: Array | np.ndarray, candidates: Candidates, size: int, style: str) -> tuple[Array, ...]:
    n = len(images)
    # One shape and one type for all, so that the program is compiled once.
    padded = np.zeros((AT_A_TIME, *images.shape[1:]), np.float32)
    shares = np.asarray(images, np.float32)
    padded[:n] = shares / 255.0 if np.issubdtype(images.dtype, np.integer) else 0.5 * (shares + 1.0)
    return tuple(array[:n] for array in _explain(padded, candidates, size, style))


@functools.lru_cache(maxsize=4)
def candidates_of(size: int, style: str) -> Candidates:
    """All candidates of a size and style, ``HAIR_STYLES × FACE_SHAPES × glasses × places``."""
    line, tilts = np.linspace(-1.0, 1.0, SHIFTS), np.linspace(-1.0, 1.0, TILTS)
    drawn = range(len(HAIR_STYLES)), range(len(FACE_SHAPES)), range(2)
    grid = np.array(list(itertools.product(*drawn, line, line, tilts)))
    kind = Kind(*(jnp.asarray(grid[:, column], jnp.int32) for column in range(3)))
    place = Place(jnp.asarray(avatars.SHIFT * grid[:, 3:5], float), jnp.asarray(avatars.TILT * grid[:, 5], float))
    return Candidates(_bases(size, style, kind, place), kind, place)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _bases(size: int, style: str, kind: Kind, place: Place) -> Array:
    amounts = _shares(size, style, kind, place)
    coarse = _averaged(amounts.reshape(-1, size, size, drawing.COLOURS), COARSEST)
    return orthonormal(coarse)[0].swapaxes(0, 1)


def _shares(size: int, style: str, kind: Kind, place: Place) -> Array:
    """Shares of colours, ``[m, size², colours]``, of at most ``DRAWN`` pictures at once."""
    amounts = jax.lax.map(
        lambda one: drawing.shares(size, style, one[1], one[0].hair, one[0].shape, one[0].worn == 1),
        (kind, place),
        batch_size=DRAWN,
    )
    return amounts.reshape(amounts.shape[0], drawing.COLOURS, -1).swapaxes(1, 2)


def _averaged(images: Array, size: int) -> Array:
    """Averages ``[n, ·, ·, c]`` down to ``[n, size², c]``."""
    n, side, _, channels = images.shape
    factor = side // size
    return images.reshape(n, size, factor, size, factor, channels).mean((2, 4)).reshape(n, -1, channels)


def orthonormal(
    matrices: Float[Array, "n rows columns"],
) -> tuple[Float[Array, "n rows columns"], Float[Array, "n columns columns"]]:
    """Modified Gram–Schmidt, ``S T = Q``: for the few columns of many matrices, faster to compile and to run than LAPACK's QR.

    Args:
      matrices: S, ``[n, rows, columns]``.

    Returns:
      Q, like S, with orthonormal columns, zero where a column of S is one of zeros; and T, ``[n, columns, columns]``: the least squares of
      ``||x − S c||`` are ``c = T Qᵀ x``.
    """
    columns = matrices.shape[2]
    made: list[tuple[Array, Array]] = []
    for j in range(columns):
        column, weights = matrices[:, :, j], jnp.zeros((matrices.shape[0], columns)).at[:, j].set(1.0)
        for q, t in made:
            along = jnp.sum(q * column, axis=1, keepdims=True)
            column, weights = column - along * q, weights - along * t
        scale = jax.lax.rsqrt(jnp.sum(jnp.square(column), axis=1, keepdims=True) + 1e-9)
        made.append((scale * column, scale * weights))
    return jnp.stack([q for q, _ in made], axis=2), jnp.stack([t for _, t in made], axis=2)


class _Fit(NamedTuple):
    """A candidate whose place is free: where it is by now, what it leaves of the picture to first order, and its colours."""

    place: Place
    left: Array
    colours: Array


def _step(x: Array, kind: Kind, place: Place, size: int, style: str) -> _Fit:
    """One Gauss–Newton step, ``min_{c, δ} ||x − S(p) c − Σ_k δ_k ∂S(p)/∂p_k c₀||²``, c₀ what is best with ``δ = 0``.

    Args:
      x: ``[n, pixels, 3]``.
      kind, place: of a candidate for every picture, ``[n]``.
      size, style: of the pictures.

    Returns:
      The fit.

    Source: Golub & Pereyra 1973 for the projection that frees the colours.
    """
    amounts = _shares(size, style, kind, place)
    basis, solve = orthonormal(amounts)
    colours = solve @ (basis.swapaxes(1, 2) @ x)

    def beyond(y: Array) -> Array:
        """What no colours of the candidate explain."""
        return y - basis @ (basis.swapaxes(1, 2) @ y)

    def towards(direction: Array) -> Array:
        moved = Place(place.shift + STEP * direction[None, :2], place.tilt + STEP * direction[2])
        return beyond((_shares(size, style, kind, moved) - amounts) @ colours).reshape(x.shape[0], -1) / STEP

    rest = beyond(x).reshape(x.shape[0], -1)
    # One after another, as the steps below are: the drawing is compiled once, not for each.
    q, t = orthonormal(jnp.moveaxis(jax.lax.map(towards, jnp.eye(3)), 0, 2))
    along = jnp.sum(q * rest[:, :, None], axis=1)
    left = jnp.sum(jnp.square(rest), axis=1) - jnp.sum(jnp.square(along), axis=1)
    moves = jnp.sum(t * along[:, None], axis=2)
    # No farther than to the next place of the grid, where the first order no longer holds.
    shift = jnp.clip(moves[:, :2], -2.0 * avatars.SHIFT / (SHIFTS - 1), 2.0 * avatars.SHIFT / (SHIFTS - 1))
    tilt = jnp.clip(moves[:, 2], -2.0 * avatars.TILT / (TILTS - 1), 2.0 * avatars.TILT / (TILTS - 1))
    return _Fit(Place(place.shift + shift, place.tilt + tilt), left, colours)


@functools.partial(jax.jit, static_argnums=(2, 3))
def _explain(images: Array, candidates: Candidates, size: int, style: str) -> tuple[Array, Array, Array, Array]:
    x = _averaged(images, size)
    n, places = x.shape[0], SHIFTS * SHIFTS * TILTS
    coarse = _averaged(x.reshape(n, size, size, 3), COARSEST)
    pixels, count, colours = candidates.basis.shape
    along = jnp.einsum("npc,pq->ncq", coarse, candidates.basis.reshape(pixels, -1)).reshape(n, 3, count, colours)
    explained = jnp.sum(jnp.square(along), axis=(1, 3)).reshape(n, -1, places)
    _, kinds = jax.lax.top_k(jnp.max(explained, axis=2), RIVALS)
    rivals = kinds * places + jnp.take_along_axis(jnp.argmax(explained, axis=2), kinds, axis=1)

    def fit(which: Array) -> _Fit:
        kind, place = jax.tree.map(lambda leaf: leaf[which], (candidates.kind, candidates.place))

        def step(place: Place, _: None) -> tuple[Place, _Fit]:
            found = _step(x, kind, place, size, style)
            return found.place, found

        return jax.tree.map(lambda leaf: leaf[-1], jax.lax.scan(step, place, length=STEPS)[1])

    fits = jax.lax.map(fit, rivals.T)
    first = jnp.argmin(fits.left, axis=0)
    best, found = rivals[jnp.arange(n), first], fits.colours[first, jnp.arange(n)]
    hair, eyes, frame = found[:, drawing.HAIR], found[:, drawing.IRIS], found[:, drawing.FRAME]
    dark = _squared(frame - jnp.asarray([avatars.FRAME_COLOUR])) < _squared(frame - found[:, drawing.SKIN])
    attributes = jnp.stack(
        [
            _nearest(hair, jnp.asarray(list(avatars.HAIR_COLOURS.values()))),
            _nearest(eyes, jnp.asarray(list(avatars.EYE_COLOURS.values()))),
            candidates.kind.hair[best],
            candidates.kind.shape[best],
            # A frame explains a little of any picture, as one more colour does; it is one where it is as dark as frames are.
            jnp.where(dark, candidates.kind.worn[best], 0),
        ],
        axis=1,
    )
    total = jnp.sum(jnp.square(x - jnp.mean(x, axis=1, keepdims=True)), axis=(1, 2))
    return attributes, hair, eyes, jnp.maximum(jnp.min(fits.left, axis=0), 0.0) / jnp.maximum(total, 1e-12)


def _squared(difference: Array) -> Array:
    return jnp.sum(jnp.square(difference), axis=1)


def _nearest(colour: Array, palette: Array) -> Array:
    return jnp.argmin(jnp.sum(jnp.square(colour[:, None] - palette[None]), axis=2), axis=1).astype(jnp.int32)
