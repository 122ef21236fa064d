"""Captions: every sentence says what it is said to say, and leaves out what it leaves out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_jax.data.avatars import ATTRIBUTES, COUNTS, GLASSES, VALUES
from gan_jax.data.captions import attributes_of, describe, every_word, words_of
from gan_jax.typing import UNSPECIFIED
from tests.cases import cases

LONGEST = 18


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(
    attributes=st.tuples(*(st.integers(0, count - 1) for count in COUNTS)),
    tell=st.tuples(*(st.booleans() for _ in COUNTS)).filter(any),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_sentence_says_what_was_told(attributes: tuple[int, ...], tell: tuple[bool, ...], seed: int) -> None:
    """Read back by a reader that knows the words and not the caption."""
    row = np.array(attributes)
    caption = describe(row, np.random.default_rng(seed), tell=np.array(tell))
    np.testing.assert_array_equal(caption.condition_attributes, np.where(tell, row, UNSPECIFIED))
    np.testing.assert_array_equal(attributes_of(caption.text), caption.condition_attributes)
    words = words_of(caption.text)
    assert set(words) <= set(every_word())
    assert len(words) <= LONGEST


def test_a_colour_at_least_is_told_and_others_are_left_out() -> None:
    rng = np.random.default_rng(0)
    said = np.stack([describe(np.zeros(5, int), rng).condition_attributes for _ in range(2000)])
    assert ((said[:, :2] != UNSPECIFIED).sum(axis=1) >= 1).all()
    shares = (said != UNSPECIFIED).mean(axis=0)
    # Four standard errors of a share of 2000.
    np.testing.assert_allclose(shares, [0.9, 0.9, 0.5, 0.5, 0.5], atol=4.0 * 0.5 / np.sqrt(2000))


def test_one_avatar_has_many_sentences() -> None:
    rng = np.random.default_rng(0)
    texts = {describe(np.array([8, 9, 2, 0, 1]), rng, tell=np.ones(5, bool)).text for _ in range(500)}
    assert len(texts) > 300


@cases(
    ("text", "said"),
    [
        ("a girl with red eyes and long blue hair", {"eye colour": "red", "hair colour": "blue", "hair style": "long"}),
        ("Blue hair!", {"hair colour": "blue"}),
        ("red eyes and short green hair", {"eye colour": "red", "hair colour": "green", "hair style": "short"}),
        ("someone without glasses", {"glasses": "no"}),
        (
            "golden hair in pigtails, an angular face",
            {"hair colour": "blonde", "hair style": "twin tails", "face shape": "square"},
        ),
        ("yellow hair", {}),
        ("nothing of this", {}),
    ],
)
def test_sentences_of_a_user_are_read(text: str, said: dict[str, str]) -> None:
    expected = [VALUES[name].index(said[name]) if name in said else UNSPECIFIED for name in ATTRIBUTES]
    assert attributes_of(text).tolist() == expected


def test_a_wrong_request_is_named() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"attributes has shape \(4,\)"):
        describe(np.zeros(4, int), rng)
    with pytest.raises(ValueError, match="expected 5 booleans of which one is true"):
        describe(np.zeros(5, int), rng, tell=np.zeros(5, bool))
    assert GLASSES == 4
