"""The vocabulary: words to numbers and back, and the words it does not know."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_jax.models.tokenizer import PADDING, UNKNOWN, Vocabulary, vocabulary_of, words_of

WORDS = Vocabulary(("blue", "eyes", "hair", "long", "with"), 6)


@given(st.lists(st.sampled_from(WORDS.words), min_size=1, max_size=WORDS.length))
def test_known_words_come_back(words: list[str]) -> None:
    tokens = WORDS.encode([" ".join(words)])
    assert tokens.shape == (1, 6)
    assert tokens.dtype == np.int32
    assert WORDS.decode(tokens) == [" ".join(words)]
    np.testing.assert_array_equal(tokens[0, len(words) :], PADDING)


def test_case_and_punctuation_do_not_count() -> None:
    np.testing.assert_array_equal(WORDS.encode(["Blue hair, long."]), WORDS.encode(["blue  hair long"]))
    assert words_of("Déjà-vu, 2 x!") == ["déjà", "vu", "2", "x"]


def test_unknown_words_are_named_and_have_a_token() -> None:
    caption = "turquoise hair with a turquoise bow"
    assert WORDS.unknown(caption) == ["turquoise", "a", "bow"]
    tokens = WORDS.encode([caption])[0]
    assert (tokens == UNKNOWN).sum() == 4
    assert WORDS.decode(tokens[None]) == ["<unknown> hair with <unknown> <unknown> <unknown>"]


def test_a_vocabulary_survives_its_text() -> None:
    again = Vocabulary.from_json(WORDS.to_json())
    assert again == WORDS
    np.testing.assert_array_equal(again.encode(["blue eyes"]), WORDS.encode(["blue eyes"]))
    for broken in ("", "{}", '{"words": 3, "length": 2}'):
        with pytest.raises(ValueError, match="cannot be read"):
            Vocabulary.from_json(broken)


def test_the_vocabulary_of_captions_is_their_words() -> None:
    made = vocabulary_of(["long blue hair", "blue eyes"])
    assert made.words == ("blue", "eyes", "hair", "long")
    assert made.length == 3
    assert len(made) == 6
    assert vocabulary_of(["blue"], length=9).length == 9


def test_wrong_captions_are_named() -> None:
    with pytest.raises(ValueError, match="caption is ' , '; expected at least one word"):
        WORDS.encode([" , "])
    with pytest.raises(ValueError, match="caption has 7 words; expected at most 6"):
        WORDS.encode(["blue " * 7])
    with pytest.raises(ValueError, match="tokens has values from 0 to 7; expected 0 to 6"):
        WORDS.decode(np.array([[0, 7]]))


@pytest.mark.parametrize("words", [(), ("a", "a"), ("two words",), ("Upper",)])
def test_wrong_words_are_named(words: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="words has"):
        Vocabulary(words, 3)
