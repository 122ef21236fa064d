"""Captions of avatars: sentences with synonyms, changing word order, and attributes left out; what each says is known.

``"a girl with red eyes and long blue hair"``, ``"someone wearing spectacles, golden hair in a bun"``, ``"teal hair brown eyes"``, ``"blue
hair"``. A caption *describes* an avatar where everything that it says is true of it, whatever it leaves out: by this rule, and not by which
avatar it was written for, a caption is right or wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gan_jax.data.avatars import ATTRIBUTES, EYE_COLOUR, FACE_SHAPE, GLASSES, HAIR_COLOUR, HAIR_STYLE, VALUES
from gan_jax.moved import moved as moved_names
from gan_jax.moved import renamed_fields
from gan_jax.typing import UNSPECIFIED

__getattr__ = moved_names(
    __name__, {"UNSAID": "gan_jax.typing:UNSPECIFIED", "what_is_said": f"{__name__}:attributes_of"}
)


COLOUR_WORDS: dict[str, tuple[str, ...]] = {
    "orange": ("orange", "ginger"),
    "white": ("white", "snowy"),
    "aqua": ("aqua", "teal"),
    "gray": ("gray", "grey", "silver"),
    "green": ("green", "emerald"),
    "red": ("red", "crimson"),
    "purple": ("purple", "violet"),
    "pink": ("pink", "rosy"),
    "blue": ("blue", "azure"),
    "black": ("black", "dark"),
    "brown": ("brown", "brunette"),
    "blonde": ("blonde", "golden"),
    "yellow": ("yellow", "amber"),
}
"""Words for every colour; the first is its name."""

STYLE_WORDS: dict[str, tuple[str, ...]] = {
    "short": ("short", "cropped"),
    "bob": ("bobbed",),
    "long": ("long", "flowing"),
    "spiky": ("spiky", "messy"),
    "twin tails": ("in twin tails", "in pigtails"),
    "bun": ("in a bun", "tied up"),
}
"""Words for every hair style, before the hair or, where there are several, after it."""

FACE_WORDS: dict[str, tuple[str, ...]] = {
    "round": ("round",),
    "oval": ("oval", "narrow"),
    "square": ("square", "angular"),
}
GLASSES_WORDS = {"yes": ("glasses", "spectacles"), "no": ("no glasses", "no spectacles")}
WHO = ("a girl", "a boy", "a person", "someone", "a character", "an avatar")
TELLING = 0.5
"""How often hair style, face shape or glasses are told of, each."""

ONE_COLOUR = 0.2
"""How often one of the two colours is left out."""


@renamed_fields(said="condition_attributes")
class Caption(NamedTuple):
    """A sentence and what it says.

    Attributes:
      text: lower case, words and commas.
      condition_attributes: ``[5]`` int32: the value of every attribute, as in ``avatars.Avatars``, or ``UNSPECIFIED``.
    """

    text: str
    condition_attributes: np.ndarray


def describe(attributes: np.ndarray, rng: np.random.Generator, *, tell: np.ndarray | None = None) -> Caption:
    """Writes a caption of one avatar.

    Args:
      attributes: ``[5]``, as in ``avatars.Avatars``.
      rng: of words, order, and what is left out.
      tell: ``[5]`` of booleans: what is said; drawn where None, at least one colour always.

    Returns:
      The caption.

    Raises:
      ValueError: attributes or ``tell`` of another shape, nothing to tell.
    """
    if np.shape(attributes) != (len(ATTRIBUTES),):
        raise ValueError(f"attributes has shape {np.shape(attributes)}; expected [{len(ATTRIBUTES)}]")
    told = _told(rng) if tell is None else np.asarray(tell, bool)
    if told.shape != (len(ATTRIBUTES),) or not told.any():
        raise ValueError(f"tell is {tell}; expected {len(ATTRIBUTES)} booleans of which one is true at least")
    found = np.where(told, attributes, UNSPECIFIED).astype(np.int32)
    values = {i: VALUES[name][found[i]] for i, name in enumerate(ATTRIBUTES) if found[i] != UNSPECIFIED}
    return Caption(_sentence(values, rng), found)


def _told(rng: np.random.Generator) -> np.ndarray:
    told = rng.random(len(ATTRIBUTES)) < TELLING
    told[[HAIR_COLOUR, EYE_COLOUR]] = True
    if rng.random() < ONE_COLOUR:
        told[(HAIR_COLOUR, EYE_COLOUR)[rng.integers(2)]] = False
    return told


def _sentence(values: Mapping[int, str], rng: np.random.Generator) -> str:
    parts = [part for part in (_hair(values, rng), _eyes(values, rng), _face(values, rng)) if part]
    worn = _one(GLASSES_WORDS[values[GLASSES]], rng) if GLASSES in values else ""
    order = [parts[i] for i in rng.permutation(len(parts))]
    who = _one(WHO, rng)
    if rng.random() < 0.4:
        # As tags: nothing but the parts, one after another.
        tags = [*order, worn] if worn else order
        return _one((" ", ", "), rng).join(tags[i] for i in rng.permutation(len(tags)))
    if worn and (not order or rng.random() < 0.4):
        # "wearing no glasses" needs no other verb.
        return f"{who} wearing {worn}" + (f" with {_listed(order)}" if order else "")
    everything = [*order, worn] if worn else order
    verb = "who has" if rng.random() < 0.3 else "with"
    return f"{who} {verb} {_listed([everything[i] for i in rng.permutation(len(everything))])}"


def _hair(values: Mapping[int, str], rng: np.random.Generator) -> str:
    words = [_one(COLOUR_WORDS[values[HAIR_COLOUR]], rng)] if HAIR_COLOUR in values else []
    after = ""
    if HAIR_STYLE in values:
        style = _one(STYLE_WORDS[values[HAIR_STYLE]], rng)
        if " " in style:
            after = f" {style}"
        else:
            words.insert(int(rng.integers(len(words) + 1)), style)
    return f"{' '.join(words)} hair{after}".strip() if words or after else ""


def _eyes(values: Mapping[int, str], rng: np.random.Generator) -> str:
    return f"{_one(COLOUR_WORDS[values[EYE_COLOUR]], rng)} eyes" if EYE_COLOUR in values else ""


def _face(values: Mapping[int, str], rng: np.random.Generator) -> str:
    if FACE_SHAPE not in values:
        return ""
    word = _one(FACE_WORDS[values[FACE_SHAPE]], rng)
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word} face"


def _one(words: tuple[str, ...], rng: np.random.Generator) -> str:
    return words[rng.integers(len(words))]


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


# ------------------------------------------------------------------------------------------------------ what a sentence says

_COLOURS = {word: colour for colour, words in COLOUR_WORDS.items() for word in words}
_STYLES = {word: style for style, words in STYLE_WORDS.items() for word in words}
_FACES = {word: shape for shape, words in FACE_WORDS.items() for word in words}


def words_of(text: str) -> list[str]:
    """The words of a sentence in lower case; what is no letter separates them."""
    return re.findall(r"[a-z]+", text.lower())


def attributes_of(text: str) -> np.ndarray:
    """Reads a sentence of these words: a colour belongs to the next ``hair`` or ``eyes``, a style to the hair, a shape to the face.

    Args:
      text: any sentence; words that are unknown say nothing.

    Returns:
      ``[5]`` int32, ``UNSPECIFIED`` where nothing is said, and of a colour that hair or eyes do not come in.
    """
    found = np.full(len(ATTRIBUTES), UNSPECIFIED, np.int32)
    words, colour, style = words_of(text), "", ""
    joined = f" {' '.join(words)} "
    for phrase, name in _STYLES.items():
        if " " in phrase and f" {phrase} " in joined:
            found[HAIR_STYLE] = VALUES["hair style"].index(name)
    for i, word in enumerate(words):
        colour, style = _COLOURS.get(word, colour), _STYLES.get(word, style)
        if word == "hair":
            found[HAIR_COLOUR] = _place("hair colour", colour, found[HAIR_COLOUR])
            found[HAIR_STYLE] = _place("hair style", style, found[HAIR_STYLE])
            colour, style = "", ""
        elif word in ("eyes", "eye"):
            found[EYE_COLOUR] = _place("eye colour", colour, found[EYE_COLOUR])
            colour = ""
        elif word in _FACES:
            found[FACE_SHAPE] = VALUES["face shape"].index(_FACES[word])
        elif word in ("glasses", "spectacles"):
            without = i > 0 and words[i - 1] in ("no", "without")
            found[GLASSES] = VALUES["glasses"].index("no" if without else "yes")
    return found


def _place(attribute: str, value: str, before: int) -> int:
    return VALUES[attribute].index(value) if value in VALUES[attribute] else before


def every_word() -> list[str]:
    """All words that captions are made of, sorted."""
    phrases = [
        *WHO,
        *(word for table in (COLOUR_WORDS, STYLE_WORDS, FACE_WORDS, GLASSES_WORDS) for words in table.values() for word in words),
        "with who has wearing and a an hair eyes face without",
    ]  # fmt: skip
    return sorted({word for phrase in phrases for word in words_of(phrase)})
