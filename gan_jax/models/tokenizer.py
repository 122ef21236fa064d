"""Words as numbers: a vocabulary that is fixed once, saved with the model, and names the words that it does not know."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from gan_jax import checks, files

PADDING, UNKNOWN = 0, 1
"""The tokens of no word and of a word that is not in the vocabulary."""

SPECIAL = ("<padding>", "<unknown>")


def words_of(text: str) -> list[str]:
    """The words of a sentence in lower case: runs of letters and digits; all else separates them."""
    return re.findall(r"[^\W_]+", text.lower())


@dataclass(frozen=True)
class Vocabulary:
    """Words by number, and how many of them a caption may have.

    Attributes:
      words: all that are known, without ``SPECIAL``; word k is token ``k + 2``.
      length: tokens of every caption, padded at the end with ``PADDING``.

    Raises:
      ValueError: no words, one that is twice there or is no single word, ``length`` below one.
    """

    words: tuple[str, ...]
    length: int
    _numbers: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        checks.integer("length", self.length, 1)
        other = next((word for word in self.words if not isinstance(word, str)), None)
        if other is not None:
            raise ValueError(f"words has {other!r:.60}; expected strings")
        if not self.words or len(set(self.words)) != len(self.words):
            raise ValueError(
                f"words has {len(self.words)} words, {len(set(self.words))} of them different; expected some, each once"
            )
        odd = [word for word in self.words if words_of(word) != [word]]
        if odd:
            raise ValueError(f"words has {odd[0]!r}; expected single words in lower case")
        object.__setattr__(self, "_numbers", {word: i + len(SPECIAL) for i, word in enumerate(self.words)})

    def __len__(self) -> int:
        """How many tokens there are, ``SPECIAL`` among them."""
        return len(self.words) + len(SPECIAL)

    def encode(self, captions: Sequence[str]) -> np.ndarray:
        """Captions as tokens.

        Args:
          captions: n sentences.

        Returns:
          ``[n, length]`` int32; words that are not known are ``UNKNOWN``.

        Raises:
          ValueError: a caption without a word, or with more than ``length``.
        """
        tokens = np.full((len(captions), self.length), PADDING, np.int32)
        for row, caption in enumerate(captions):
            words = words_of(caption)
            if not words:
                raise ValueError(f"caption is {caption!r}; expected at least one word")
            if len(words) > self.length:
                raise ValueError(
                    f"caption has {len(words)} words; expected at most {self.length}, as the model was made for: {caption!r}"
                )
            tokens[row, : len(words)] = [self._numbers.get(word, UNKNOWN) for word in words]
        return tokens

    def decode(self, tokens: np.ndarray) -> list[str]:
        """Tokens ``[n, length]`` as sentences, without padding.

        Raises:
          ValueError: a token that is none of this vocabulary.
        """
        array = np.asarray(tokens)
        if array.size and not (array.min() >= 0 and array.max() < len(self)):
            raise ValueError(f"tokens has values from {array.min()} to {array.max()}; expected 0 to {len(self) - 1}")
        names = (*SPECIAL, *self.words)
        return [" ".join(names[token] for token in row if token != PADDING) for row in array]

    def unknown(self, caption: str) -> list[str]:
        """The words of a caption that are not known, each once, in their order."""
        return list(dict.fromkeys(word for word in words_of(caption) if word not in self._numbers))

    def to_json(self) -> str:
        """All of it as text; ``from_json`` reads it."""
        return json.dumps({"length": self.length, "words": self.words}, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Vocabulary:
        """Reads what ``to_json`` wrote.

        Raises:
          ValueError: another content.
        """
        try:
            content = files.from_json(text)
            return cls(tuple(content["words"]), content["length"])
        except (TypeError, KeyError, ValueError) as error:
            raise ValueError(f"the vocabulary cannot be read ({error!r}); expected what to_json wrote") from error


def vocabulary_of(captions: Iterable[str], *, length: int | None = None) -> Vocabulary:
    """The vocabulary of all words in captions, sorted.

    Args:
      captions: sentences.
      length: of a caption; that of the longest where None.

    Returns:
      The vocabulary.

    Raises:
      ValueError: no word in them.
    """
    counts = [words_of(caption) for caption in captions]
    longest = max((len(words) for words in counts), default=0)
    return Vocabulary(tuple(sorted({word for words in counts for word in words})), length or longest)
