"""How an avatar is drawn: a stack of shapes with smooth edges, in two styles, as shares of a few colours in every pixel.

A picture is linear in its colours: ``x[pixel] = Σ_k share_k[pixel] colour_k``, where the shares of a pixel sum to one and are a function of
shape and pose alone. ``avatars.render`` multiplies them with colours, ``avatar_reading`` solves for the colours.

Coordinates: x to the right, y down, the picture is [-1, 1]². A shape is a signed distance (negative inside); what it covers of a pixel
falls from one to zero across the pixel's width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from gan_jax.typing import Array

Distance: TypeAlias = Array
"""Signed distance of every pixel to a shape, ``[h, w]``."""

BACKGROUND, HAIR, SKIN, CLOTHES, IRIS, WHITE, INK, LIP, FRAME = range(9)
COLOURS = 9
"""How many colours a picture is made of."""

OUTLINE = 0.045
"""Width of the cartoon's lines, in units of half the picture."""

NEVER = 1e3
"""A distance that no pixel is within."""


class Place(NamedTuple):
    """Where the head is.

    Attributes:
      shift: to the right and down, ``[2]``, in units of half the picture.
      tilt: clockwise, ``[]``, in radians.
    """

    shift: Array
    tilt: Array


class Layer(NamedTuple):
    """One sheet of the stack.

    Attributes:
      distance: of its shape.
      shades: which colours it shows, and how much of each: ``((colour, intensity), …)``; an intensity is ``[]`` or ``[h, w]``.
      outlined: whether a cartoon draws a line around it.
    """

    distance: Distance
    shades: Sequence[tuple[int, float | Array]]
    outlined: bool = False


# -------------------------------------------------------------------------------------------------------------------- shapes


def length(u: Array, v: Array) -> Array:
    """``√(u² + v²)``, with a gradient where both are zero."""
    return jnp.sqrt(u**2 + v**2 + 1e-12)


def ellipse(x: Array, y: Array, centre: tuple[float, float], radii: tuple[Array | float, Array | float]) -> Distance:
    """An ellipse; exact for circles, and at the edge's first order for others."""
    u, v = (x - centre[0]) / radii[0], (y - centre[1]) / radii[1]
    return (length(u, v) - 1.0) * jnp.minimum(radii[0], radii[1])


def rounded(x: Array, y: Array, centre: tuple[float, float], half: tuple[Array | float, Array | float]) -> Distance:
    """A superellipse of degree 4, between an ellipse and a box."""
    u, v = (x - centre[0]) / half[0], (y - centre[1]) / half[1]
    return ((u**4 + v**4 + 1e-12) ** 0.25 - 1.0) * jnp.minimum(half[0], half[1])


def within(*shapes: Distance) -> Distance:
    """What lies in all of them."""
    return jnp.max(jnp.stack(shapes), axis=0)


def union(*shapes: Distance) -> Distance:
    """What lies in any of them."""
    return jnp.min(jnp.stack(shapes), axis=0)


def ring(shape: Distance, width: float) -> Distance:
    """A line of that width along the edge of a shape."""
    return jnp.abs(shape) - 0.5 * width


def pixels(size: int, place: Place) -> tuple[Array, Array]:
    """Centres of all pixels, ``[h, w]`` each, seen from the head."""
    axis = (2.0 * jnp.arange(size) + 1.0) / size - 1.0
    x, y = axis[None, :] - place.shift[0], axis[:, None] - place.shift[1]
    cos, sin = jnp.cos(place.tilt), jnp.sin(place.tilt)
    return cos * x + sin * y, cos * y - sin * x


# ---------------------------------------------------------------------------------------------------------- parts of a head

HAIR_STYLES = ("short", "bob", "long", "spiky", "twin tails", "bun")
FACE_SHAPES = ("round", "oval", "square")
EYES = ((-0.22, 0.1), (0.22, 0.1))


def hair_behind(x: Array, y: Array, style: Array) -> Distance:
    """What is seen of the hair behind the head, for one of ``HAIR_STYLES``."""
    cap = ellipse(x, y, (0.0, -0.08), (0.54, 0.56))
    short = within(cap, y - 0.12)
    bob = within(rounded(x, y, (0.0, -0.04), (0.6, 0.58)), y - 0.45)
    widening = rounded(x, y, (0.0, 0.25), (0.62 + 0.06 * y, 0.85))
    angle = jnp.arctan2(x, 0.05 - y)
    teeth = jnp.abs(((angle * 7.0 / jnp.pi + 0.5) % 1.0) - 0.5)
    spiky = within((length(x, y - 0.02) - 0.52 - 0.5 * teeth) * 0.6, y - 0.2)
    tails = union(short, ellipse(x, y, (-0.68, 0.1), (0.18, 0.5)), ellipse(x, y, (0.68, 0.1), (0.18, 0.5)))
    bun = union(short, ellipse(x, y, (0.0, -0.7), (0.23, 0.2)))
    return jnp.stack([short, bob, widening, spiky, tails, bun])[style]


def fringe(x: Array, y: Array, style: Array) -> Distance:
    """What lies over the forehead; none reaches the eyes."""
    cap = ellipse(x, y, (0.0, -0.08), (0.53, 0.55))
    straight = y + 0.2 + 0.0 * x
    parted = y + 0.38 - 0.75 * jnp.abs(x - 0.12)
    jagged = y + 0.26 - 0.28 * jnp.abs(((x * 3.0 + 0.5) % 1.0) - 0.5)
    swept = y + 0.28 - 0.3 * x
    below = jnp.stack([swept, straight, parted, jagged, straight, parted])[style]
    return within(cap, jnp.maximum(below * 0.8, y + 0.14))


def face(x: Array, y: Array, shape: Array) -> Distance:
    """The face, for one of ``FACE_SHAPES``."""
    outlines = [
        ellipse(x, y, (0.0, 0.06), (0.5, 0.48)),
        ellipse(x, y, (0.0, 0.1), (0.45, 0.57)),
        rounded(x, y, (0.0, 0.05), (0.46, 0.49)),
    ]
    return jnp.stack(outlines)[shape]


def both_eyes(x: Array, y: Array, radii: tuple[float, float], *, dx: float = 0.0, dy: float = 0.0) -> Distance:
    """The same ellipse at both eyes."""
    return union(*(ellipse(x, y, (ex + dx, ey + dy), radii) for ex, ey in EYES))


def glasses(x: Array, y: Array) -> Distance:
    """Two rings and a bridge."""
    rims = union(*(ring(rounded(x, y, eye, (0.21, 0.21)), 0.06) for eye in EYES))
    bridge = within(jnp.abs(y - 0.06) - 0.03, jnp.abs(x) - 0.03)
    return union(rims, bridge)


# -------------------------------------------------------------------------------------------------------------------- styles


def portrait(x: Array, y: Array, hair: Array, shape: Array, worn: Array) -> list[Layer]:
    """Softly shaded, with white in the eyes, a pupil, and a shine on the hair."""
    light = 0.94 + 0.06 * jnp.clip(1.0 - length(x + 0.15, y - 0.05), 0.0, 1.0)
    front = fringe(x, y, hair)
    shine = jnp.clip(0.5 - jnp.abs(length(x, y - 0.05) - 0.42) * 9.0, 0.0, 0.35)
    return [
        Layer(hair_behind(x, y, hair), [(HAIR, 0.85)]),
        Layer(rounded(x, y, (0.0, 1.05), (0.62, 0.4)), [(CLOTHES, 1.0)]),
        Layer(rounded(x, y, (0.0, 0.6), (0.14, 0.22)), [(SKIN, 0.84)]),
        Layer(face(x, y, shape), [(SKIN, light)]),
        Layer(ellipse(x, y, (0.0, 0.39), (0.1, 0.035)), [(LIP, 1.0)]),
        Layer(both_eyes(x, y, (0.18, 0.18), dy=-0.03), [(INK, 1.0)]),
        Layer(both_eyes(x, y, (0.175, 0.17)), [(WHITE, 1.0)]),
        Layer(both_eyes(x, y, (0.125, 0.155)), [(IRIS, 1.0)]),
        Layer(both_eyes(x, y, (0.04, 0.055)), [(INK, 1.0)]),
        Layer(both_eyes(x, y, (0.035, 0.035), dx=0.045, dy=-0.075), [(WHITE, 1.0)]),
        Layer(front, [(HAIR, 1.0 - shine), (WHITE, shine)]),
        Layer(jnp.where(worn, glasses(x, y), NEVER), [(FRAME, 1.0)]),
    ]


def cartoon(x: Array, y: Array, hair: Array, shape: Array, worn: Array) -> list[Layer]:
    """Flat colours within lines, and eyes without white."""
    return [
        Layer(hair_behind(x, y, hair), [(HAIR, 1.0)], outlined=True),
        Layer(rounded(x, y, (0.0, 1.05), (0.55, 0.36)), [(CLOTHES, 1.0)], outlined=True),
        Layer(rounded(x, y, (0.0, 0.6), (0.11, 0.2)), [(SKIN, 1.0)], outlined=True),
        Layer(face(x, y, shape), [(SKIN, 1.0)], outlined=True),
        Layer(ring(ellipse(x, y, (0.0, 0.34), (0.13, 0.09)), 0.05) + jnp.where(y < 0.37, NEVER, 0.0), [(LIP, 1.0)]),
        Layer(both_eyes(x, y, (0.13, 0.18)), [(IRIS, 1.0)], outlined=True),
        Layer(both_eyes(x, y, (0.04, 0.04), dx=-0.035, dy=-0.08), [(WHITE, 1.0)]),
        Layer(fringe(x, y, hair), [(HAIR, 1.0)], outlined=True),
        Layer(jnp.where(worn, glasses(x, y), NEVER), [(FRAME, 1.0)]),
    ]


STYLES: dict[str, Callable[[Array, Array, Array, Array, Array], list[Layer]]] = {
    "portrait": portrait,
    "cartoon": cartoon,
}
"""The styles of drawing by name: ``(x, y, hair style, face shape, glasses) -> layers``, the hindmost first."""


def shares(size: int, style: str, place: Place, hair: Array, shape: Array, worn: Array) -> Array:
    """How much of every colour is in every pixel of one avatar.

    Layers lie over one another: ``share_k = Σ_l intensity_lk α_l Π_{m > l} (1 − α_m)``, α the covered part of a pixel.

    Args:
      size: pixels a side.
      style: of ``STYLES``.
      place: of the head.
      hair: of ``HAIR_STYLES``, ``[]``.
      shape: of ``FACE_SHAPES``, ``[]``.
      worn: whether there are glasses, ``[]``; where it is False, ``FRAME`` has no share.

    Returns:
      ``[COLOURS, size, size]``; shaded parts have shares that sum to less than one.
    """
    x, y = pixels(size, place)
    pixel = 2.0 / size
    total = jnp.zeros((COLOURS, size, size)).at[BACKGROUND].set(1.0)
    for layer in STYLES[style](x, y, hair, shape, worn):
        if layer.outlined:
            total = _over(total, layer.distance - OUTLINE, [(INK, 1.0)], pixel)
        total = _over(total, layer.distance, layer.shades, pixel)
    return total


def _over(total: Array, distance: Distance, shades: Sequence[tuple[int, float | Array]], pixel: float) -> Array:
    covered = jnp.clip(0.5 - distance / pixel, 0.0, 1.0)
    total = (1.0 - covered)[None] * total
    for colour, intensity in shades:
        total = total.at[colour].add(covered * intensity)
    return total


def batched(size: int, style: str) -> Callable[[Place, Array, Array, Array], Array]:
    """``shares`` of many avatars: every argument with a leading axis ``[n]``, ``[n, COLOURS, size, size]`` out."""
    return jax.vmap(lambda place, hair, shape, worn: shares(size, style, place, hair, shape, worn))
