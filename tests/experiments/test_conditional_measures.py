"""What the conditional experiments measure, on pictures and counts whose truth is known."""

from __future__ import annotations

import math

import jax
import numpy as np
import pytest

from experiments.conditional import wrong_captions
from experiments.conditional.conditional_digits.compute import measured
from experiments.conditional.conditional_ring.experiment import course
from experiments.conditional.text_to_avatar import experiment as text_to_avatar
from gan_jax.cli import avatar_games
from gan_jax.cli.image_config import Data, Evaluation
from gan_jax.cli.reference_features import reference_features
from gan_jax.data import avatars
from gan_jax.data.avatars import EYE_COLOUR, HAIR_COLOUR
from gan_jax.data.images import to_bytes
from gan_jax.data.sets import load
from gan_jax.typing import UNSPECIFIED


def arrays_of(table: np.ndarray) -> dict[str, np.ndarray]:
    """One record of one game."""
    return {"row/table": table[None, None], "row/quality": np.ones((1, 1)), "row/kl": np.zeros((1, 1))}


@pytest.mark.parametrize(
    ("table", "accuracy", "information"),
    [
        (250 * np.eye(8, dtype=int), 1.0, math.log(8.0)),
        # A permuted ring: the label is used for all it is worth, and heeded never.
        (250 * np.roll(np.eye(8, dtype=int), 1, axis=1), 0.0, math.log(8.0)),
        (np.full((8, 8), 30), 0.125, 0.0),
        (np.tile(np.array([240, 0, 0, 0, 0, 0, 0, 0]), (8, 1)), 0.125, 0.0),
    ],
    ids=["right", "permuted", "deaf", "one mode"],
)
def test_a_table_of_labels_and_modes(table: np.ndarray, accuracy: float, information: float) -> None:
    found = course(arrays_of(table), "row")
    assert found.accuracy[0, 0] == pytest.approx(accuracy, abs=1e-12)
    assert found.information[0, 0] == pytest.approx(information, abs=1e-12)


@pytest.mark.slow
def test_real_digits_are_what_their_labels_say() -> None:
    """As many real digits of each label, once in order and once with every label one too high."""
    digits, measure = load("digits", split="all"), reference_features(Data(), Evaluation())
    features, labels = measure.real.features, digits.labels
    assert labels is not None
    real = np.concatenate([digits.images[labels == label][:100] for label in range(10)])
    found = measured(measure, features, labels, real)
    assert found.numbers["accuracy"] > 0.98
    # These 1000 find themselves, and others have near ones among them.
    assert found.numbers["recall"] > 1000 / len(labels)
    assert found.numbers["precision"] == 1.0
    assert np.all(np.diag(found.confusion) > 90)
    shifted = measured(measure, features, labels, np.roll(real, 100, axis=0))
    assert shifted.numbers["accuracy"] < 0.01
    assert np.all(shifted.kid > 10.0 * np.abs(found.kid))


@pytest.mark.slow
@pytest.mark.parametrize("pairs", ["seen", "held_out"])
def test_questions_name_both_colours_of_their_kind_of_pair(pairs: str) -> None:
    words = avatar_games.vocabulary()
    asked = avatar_games.questions(words, 250, pairs=pairs, seed=3)
    assert asked.tokens.shape == (250, avatar_games.LENGTH)
    assert np.all(asked.condition_attributes[:, [HAIR_COLOUR, EYE_COLOUR]] != UNSPECIFIED)
    assert np.any(asked.condition_attributes == UNSPECIFIED)
    held = avatars.is_held_out(asked.condition_attributes[:, HAIR_COLOUR], asked.condition_attributes[:, EYE_COLOUR])
    np.testing.assert_array_equal(held, pairs == "held_out")


@pytest.mark.slow
def test_real_renders_are_all_as_asked() -> None:
    asked = avatar_games.questions(avatar_games.vocabulary(), 250, pairs="seen", seed=4)
    drawn = avatars.sample_described(jax.random.key(0), asked.condition_attributes)
    right = avatar_games.share_right(asked.condition_attributes, np.asarray(to_bytes(avatars.render(drawn, size=16))))
    np.testing.assert_array_equal(right, 1.0)


@pytest.mark.slow
def test_real_renders_have_the_variety_of_real_renders() -> None:
    config = text_to_avatar.Config(size=16, within=10, each=25)
    within = avatar_games.questions(avatar_games.vocabulary(), 10, pairs="seen", seed=5)
    one, other = (
        avatar_games.real_diversity(text_to_avatar.Config(size=16, seed=seed), within).mean() for seed in (0, 7)
    )
    assert avatar_games.real_diversity(config, within).shape == (10,)
    assert one == pytest.approx(other, rel=0.05)


def test_blind_captions_that_are_right_by_counting() -> None:
    """Two pictures of three agree in the one thing that their captions name; the third has no caption to speak of."""
    true = np.zeros((3, 5), int)
    true[:, HAIR_COLOUR] = [0, 0, 1]
    said = np.full((3, 1, 5), UNSPECIFIED)
    said[:2, 0, HAIR_COLOUR] = 0
    # Ordered pairs of different pictures: a caption of the first two is right on the other of them, the third's on both: 4 of 6.
    assert wrong_captions._blind_and_right(said, true, seed=0) == pytest.approx(4 / 6, abs=0.01)


def test_captions_of_held_out_pairs_are_marked() -> None:
    captions = (
        "a girl with red eyes and long blue hair",
        "violet hair, amber eyes",
        "azure eyes",
        "spectacles and blue hair",
    )
    np.testing.assert_array_equal(avatar_games.name_held_out(captions), [True, False, False, False])
