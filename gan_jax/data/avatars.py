"""Avatars: faces drawn by code from attributes that are known, so that what a caption asks for can be read off a picture.

Five attributes are what captions speak of: hair colour, eye colour, hair style, face shape, glasses. The rest is *jitter*: where the head
is, skin, clothes, background and a little of every colour, so that one caption has many pictures. Both are arrays, and drawing is pure,
batched JAX. Some pairs of hair and eye colour are held out: no training picture has them, though each colour is seen in others.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int32, Integer

from gan_jax import checks
from gan_jax.data import avatar_drawing as drawing
from gan_jax.data.avatar_drawing import FACE_SHAPES, HAIR_STYLES, STYLES, Place
from gan_jax.moved import renamed_arguments
from gan_jax.typing import Array, PRNGKey

HAIR_COLOURS: dict[str, tuple[float, float, float]] = {
    "orange": (0.93, 0.48, 0.08),
    "white": (0.95, 0.95, 0.96),
    "aqua": (0.25, 0.85, 0.85),
    "gray": (0.55, 0.56, 0.60),
    "green": (0.15, 0.62, 0.25),
    "red": (0.80, 0.08, 0.10),
    "purple": (0.50, 0.18, 0.72),
    "pink": (0.98, 0.55, 0.76),
    "blue": (0.12, 0.25, 0.85),
    "black": (0.08, 0.08, 0.10),
    "brown": (0.42, 0.24, 0.10),
    "blonde": (0.96, 0.84, 0.35),
}
"""Twelve colours, in red, green and blue from 0 to 1."""

EYE_COLOURS: dict[str, tuple[float, float, float]] = {
    "gray": (0.56, 0.57, 0.60),
    "black": (0.07, 0.07, 0.09),
    "orange": (0.95, 0.48, 0.05),
    "pink": (0.98, 0.45, 0.72),
    "yellow": (0.95, 0.88, 0.10),
    "aqua": (0.15, 0.85, 0.85),
    "purple": (0.52, 0.15, 0.75),
    "green": (0.10, 0.62, 0.20),
    "brown": (0.45, 0.25, 0.10),
    "red": (0.85, 0.06, 0.10),
    "blue": (0.10, 0.22, 0.90),
}
"""Eleven colours, as those of the hair."""

VALUES: dict[str, tuple[str, ...]] = {
    "hair colour": tuple(HAIR_COLOURS),
    "eye colour": tuple(EYE_COLOURS),
    "hair style": HAIR_STYLES,
    "face shape": FACE_SHAPES,
    "glasses": ("no", "yes"),
}
"""What every attribute can be, in the order of the columns of ``attributes [n, 5]``."""

ATTRIBUTES = tuple(VALUES)
COUNTS = tuple(len(values) for values in VALUES.values())
HAIR_COLOUR, EYE_COLOUR, HAIR_STYLE, FACE_SHAPE, GLASSES = range(len(ATTRIBUTES))

SMALLEST, LARGEST = 16, 64
"""Pixels a side that avatars are drawn with."""

SKIN_TONES = ((0.98, 0.86, 0.76), (0.92, 0.74, 0.60), (0.78, 0.58, 0.44))
LIP_COLOUR, INK_COLOUR, FRAME_COLOUR, WHITE_COLOUR = (
    (0.75, 0.32, 0.34),
    (0.14, 0.11, 0.13),
    (0.18, 0.16, 0.22),
    (1, 1, 1),
)

SHIFT, TILT = 0.06, 0.08
"""Largest shift of a head along each axis, in units of half the picture, and its largest tilt, in radians."""

COLOUR_JITTER = 0.03
"""Largest change of a channel of the hair's and the eyes' colour."""

JITTER = 16
"""How many numbers of ``U[0, 1]`` the jitter of one avatar is."""


class Avatars(NamedTuple):
    """Who is drawn; the same ones can be drawn in both styles and at any size.

    Attributes:
      attributes: ``[n, 5]`` int32, the places of ``VALUES``' entries.
      jitter: ``[n, JITTER]`` in [0, 1].
    """

    attributes: Int32[Array, "n 5"]
    jitter: Float[Array, "n jitter"]


def is_held_out(
    hair: Integer[Array | np.ndarray, " *shape"], eyes: Integer[Array | np.ndarray, " *shape"]
) -> Bool[Array | np.ndarray, " *shape"]:
    """Whether a pair of colours is held out: ``(hair + 3 eyes) mod 7 = 0``, 19 of 132 pairs; every colour is seen with nine or more.

    Args:
      hair: places in ``HAIR_COLOURS``.
      eyes: places in ``EYE_COLOURS``, of the same shape.
    """
    return (hair + 3 * eyes) % 7 == 0


PAIRS = {
    "all": np.ones((12, 11), bool),
    "seen": ~np.asarray(is_held_out(*np.indices((12, 11)))),
    "held_out": np.asarray(is_held_out(*np.indices((12, 11)))),
}
"""Sets of pairs of hair and eye colour, ``[12, 11]``."""


def sample(key: PRNGKey, n: int, *, pairs: str = "seen") -> Avatars:
    """Draws avatars: the pair of colours uniform over a set, all else uniform and independent.

    Args:
      key: of the draw.
      n: how many.
      pairs: ``"seen"``, ``"held_out"`` or ``"all"``.

    Returns:
      The avatars.

    Raises:
      ValueError: another set of pairs, ``n`` below one.
    """
    n = checks.integer("n", n, 1)
    checks.one_of("pairs", pairs, PAIRS)
    pair_key, other_key, jitter_key = jax.random.split(checks.key("key", key), 3)
    allowed = jnp.asarray(np.flatnonzero(PAIRS[pairs]), jnp.int32)
    pair = allowed[jax.random.randint(pair_key, (n,), 0, len(allowed))]
    others = jax.random.randint(other_key, (n, len(COUNTS) - 2), 0, jnp.asarray([COUNTS[2:]]))
    colours = jnp.stack([pair // COUNTS[EYE_COLOUR], pair % COUNTS[EYE_COLOUR]], axis=1)
    attributes = jnp.concatenate([colours, others], axis=1).astype(jnp.int32)
    return Avatars(attributes, jax.random.uniform(jitter_key, (n, JITTER)))


@renamed_arguments(said="condition_attributes")
def sample_described(
    key: PRNGKey, condition_attributes: Integer[Array | np.ndarray, "n 5"], *, pairs: str = "all"
) -> Avatars:
    """Draws one avatar for each caption, of those that it describes: what is said is kept, the rest is drawn as in ``sample``.

    Args:
      key: of the draw.
      condition_attributes: ``[n, 5]``, −1 where a caption says nothing.
      pairs: what colours that are not said are drawn from; a pair that is said is kept, whatever it is.

    Returns:
      The avatars.
    """
    drawn = sample(key, condition_attributes.shape[0], pairs=pairs)
    return drawn._replace(
        attributes=jnp.where(jnp.asarray(condition_attributes) < 0, drawn.attributes, condition_attributes)
    )


def render(avatars: Avatars, *, size: int = 32, style: str = "portrait") -> Float[Array, "n {size} {size} 3"]:
    """Draws avatars.

    Args:
      avatars: n of them; attributes out of range are an error where they can be looked at.
      size: pixels a side, 16 to 64.
      style: ``"portrait"`` or ``"cartoon"``.

    Returns:
      ``[n, size, size, 3]`` in [-1, 1].

    Raises:
      ValueError: another size or style, attributes of another shape or out of range.
    """
    checks.one_of("style", style, STYLES)
    if not SMALLEST <= size <= LARGEST:
        raise ValueError(f"size is {size}; expected {SMALLEST} to {LARGEST} pixels a side")
    check_attributes(avatars.attributes)
    if avatars.jitter.shape != (avatars.attributes.shape[0], JITTER):
        raise ValueError(
            f"jitter has shape {avatars.jitter.shape}; expected {(avatars.attributes.shape[0], JITTER)}, a row for each avatar"
        )
    return _render(avatars, size, style)


@partial(jax.jit, static_argnums=(1, 2))
def _render(avatars: Avatars, size: int, style: str) -> Array:
    a = avatars.attributes
    amounts = drawing.batched(size, style)(
        place_of(avatars.jitter), a[:, HAIR_STYLE], a[:, FACE_SHAPE], a[:, GLASSES] == 1
    )
    picture = jnp.einsum("nkhw,nkc->nhwc", amounts, colours_of(avatars))
    return 2.0 * jnp.clip(picture, 0.0, 1.0) - 1.0


def place_of(jitter: Float[Array, "n jitter"]) -> Place:
    """Where heads are, from the jitter ``[n, JITTER]``."""
    offset = 2.0 * jitter[:, :3] - 1.0
    return Place(SHIFT * offset[:, :2], TILT * offset[:, 2])


def colours_of(avatars: Avatars) -> Float[Array, "n colours 3"]:
    """The colours that avatars are drawn with, ``[n, drawing.COLOURS, 3]`` in [0, 1]."""
    jitter = avatars.jitter
    n = jitter.shape[0]
    near = COLOUR_JITTER * (2.0 * jitter[:, 3:9] - 1.0)
    hair = jnp.asarray(list(HAIR_COLOURS.values()))[avatars.attributes[:, HAIR_COLOUR]] + near[:, :3]
    iris = jnp.asarray(list(EYE_COLOURS.values()))[avatars.attributes[:, EYE_COLOUR]] + near[:, 3:]
    tone = jnp.minimum((jitter[:, 9] * len(SKIN_TONES)).astype(jnp.int32), len(SKIN_TONES) - 1)
    by_colour = {
        # Pale and never as saturated as hair: the head stands out from it.
        drawing.BACKGROUND: 0.55 + 0.35 * jitter[:, 10:13],
        drawing.HAIR: hair,
        drawing.SKIN: jnp.asarray(SKIN_TONES)[tone],
        drawing.CLOTHES: 0.15 + 0.7 * jitter[:, 13:16],
        drawing.IRIS: iris,
        **{
            place: jnp.broadcast_to(jnp.asarray(colour, float), (n, 3))
            for place, colour in (
                (drawing.WHITE, WHITE_COLOUR),
                (drawing.INK, INK_COLOUR),
                (drawing.LIP, LIP_COLOUR),
                (drawing.FRAME, FRAME_COLOUR),
            )
        },
    }
    return jnp.clip(jnp.stack([by_colour[k] for k in range(drawing.COLOURS)], axis=1), 0.0, 1.0)


def check_attributes(attributes: Array) -> None:
    """Raises ``ValueError`` unless attributes are ``[n, 5]`` and, where they can be looked at, each in its range."""
    if attributes.ndim != 2 or attributes.shape[1] != len(COUNTS):
        raise ValueError(
            f"attributes has shape {attributes.shape}; expected [n, {len(COUNTS)}]: {', '.join(ATTRIBUTES)}"
        )
    if checks.is_concrete(attributes):
        values = np.asarray(attributes)
        for column, (name, count) in enumerate(zip(ATTRIBUTES, COUNTS, strict=True)):
            bad = values[(values[:, column] < 0) | (values[:, column] >= count), column]
            if bad.size:
                raise ValueError(f"{name} is {int(bad[0])}; expected 0 to {count - 1}")
