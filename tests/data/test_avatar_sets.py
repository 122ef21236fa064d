"""The set of avatars: kept by TFDS as it was drawn, and drawn from inside a compiled step."""

from __future__ import annotations

import re
from pathlib import Path

import jax
import numpy as np
import pytest

from gan_jax.data import avatar_sets as module
from gan_jax.data import avatars
from gan_jax.data.avatar_feeds import captioned, feed_of
from gan_jax.data.avatar_sets import load_avatars
from gan_jax.data.captions import attributes_of, every_word
from gan_jax.data.drawn_avatars import CAPTIONS, AvatarSet, draw_set
from gan_jax.data.images import to_bytes
from gan_jax.models.tokenizer import Vocabulary
from gan_jax.training.conditional import describes


@pytest.fixture(scope="module")
def drawn() -> AvatarSet:
    return draw_set(0, 40, size=16)


@pytest.mark.slow
def test_a_set_is_its_renders_with_captions_that_describe_them(drawn: AvatarSet) -> None:
    again = avatars.sample(jax.random.key(0), 40)
    np.testing.assert_array_equal(drawn.images, np.asarray(to_bytes(avatars.render(again, size=16))))
    np.testing.assert_array_equal(drawn.attributes, np.asarray(again.attributes))
    assert drawn.condition_attributes.shape == (40, CAPTIONS, 5)
    assert np.asarray(describes(drawn.condition_attributes, drawn.attributes[:, None])).all()
    for texts, said in zip(drawn.captions, drawn.condition_attributes, strict=True):
        np.testing.assert_array_equal([attributes_of(text) for text in texts], said)


@pytest.mark.slow
def test_a_batch_has_pictures_with_captions_of_their_own(drawn: AvatarSet) -> None:
    words = Vocabulary(tuple(every_word()), 24)
    feed = feed_of(drawn, words.encode)
    pairs = jax.jit(captioned, static_argnums=1)(jax.random.key(1), 64, feed=feed)
    assert pairs.x.shape == (64, 16, 16, 3)
    assert np.asarray(describes(pairs.condition_attributes, pairs.attributes)).all()
    for text, said in zip(
        words.decode(np.asarray(pairs.condition)), np.asarray(pairs.condition_attributes), strict=True
    ):
        np.testing.assert_array_equal(attributes_of(text), said)
    # Each picture is the one whose attributes stand beside it.
    by_bytes = {image.tobytes(): row for image, row in zip(drawn.images, drawn.attributes, strict=True)}
    for image, true in zip(np.asarray(to_bytes(pairs.x)), np.asarray(pairs.attributes), strict=True):
        np.testing.assert_array_equal(by_bytes[image.tobytes()], true)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, int]]:
    splits = {"train": ("seen", 12), "test": ("seen", 5), "held_out": ("held_out", 6)}
    monkeypatch.setattr(module, "SPLITS", splits)
    import gan_jax.data.avatars_builder as builder

    monkeypatch.setattr(builder, "SPLITS", splits)
    return splits


@pytest.mark.slow
def test_what_tfds_keeps_is_what_was_drawn(
    small: dict[str, tuple[str, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, (split, (pairs, count)) in enumerate(small.items()):
        kept, drawn = load_avatars(split, size=16, data_dir=tmp_path), draw_set(seed, count, pairs=pairs, size=16)
        assert kept.name == "avatars-portrait-16"
        assert kept.captions == drawn.captions
        for name in ("images", "attributes", "condition_attributes"):
            np.testing.assert_array_equal(getattr(kept, name), getattr(drawn, name))
        assert (np.asarray(avatars.is_held_out(*kept.attributes[:, :2].T)) == (pairs == "held_out")).all()

    def fail(*_: object) -> None:
        raise AssertionError("prepared again")

    monkeypatch.setattr(module, "prepare_once", fail)
    load_avatars("test", size=16, data_dir=tmp_path)


@pytest.mark.slow
def test_a_damaged_set_says_what_to_do(small: dict[str, tuple[str, int]], tmp_path: Path) -> None:
    load_avatars("test", size=16, data_dir=tmp_path)
    for file in tmp_path.rglob("*.array_record*"):
        file.unlink()
    with pytest.raises(RuntimeError, match="delete that folder and try again"):
        load_avatars("test", size=16, data_dir=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "tset"}, "did you mean 'test'"),
        ({"size": 24}, "size is 24; expected one of 16, 32, 64"),
        ({"style": "cartoons"}, "did you mean 'cartoon'"),
    ],
)
def test_a_wrong_request_is_named(arguments: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        load_avatars(**arguments, data_dir=tmp_path)  # type: ignore[arg-type]
