"""Scores carry what they depend on; features are computed in one compiled shape; nothing else is called Inception."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.metrics import features as named
from gan_jax.metrics.features import (
    Features,
    InceptionFeatures,
    extract,
    extract_in_pieces,
    in_unit_range,
    per_channel,
)
from gan_jax.metrics.frechet import fid
from gan_jax.metrics.kernel import kid
from gan_jax.metrics.neighbours import neighbours
from gan_jax.metrics.report import Score, evaluate, scores
from gan_jax.metrics.vendi import vendi_score
from tests.cases import cases

MATRIX = np.random.default_rng(0).normal(size=(16, 6)).astype(np.float32)


def linear(images: jax.Array) -> tuple[jax.Array, jax.Array]:
    flat = images.reshape(len(images), -1)
    return flat @ MATRIX + 1.0, flat[:, :3]


LINEAR = Features("linear of 16 pixels", "4 × 4 grey, [-1, 1]", linear)


def pictures(seed: int, n: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 4, 4, 1), dtype=np.uint8)


class Piece(np.ndarray):
    """An array that can be looked for after it should have gone."""


def test_pieces_are_let_go_one_by_one_and_give_what_all_at_once_give() -> None:
    images, gone = pictures(4, 23), []

    def pieces() -> Iterator[np.ndarray]:
        before: weakref.ref[Piece] | None = None
        for first in range(0, 23, 5):
            gone.append(before is None or before() is None)
            made = images[first : first + 5].copy().view(Piece)
            before = weakref.ref(made)
            yield made
            del made

    found, whole = extract_in_pieces(LINEAR, pieces(), batch=10), extract(LINEAR, images, batch=10)
    assert gone == [True] * 5
    for one, other in zip(found, whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    with pytest.raises(ValueError, match="images has no piece"):
        extract_in_pieces(LINEAR, iter(()))


def test_score_prints_all_of_it() -> None:
    score = Score("KID", 0.00213, 0.00031, "digits-8 classifier 1f3a9c2e", 1797, 10_000, "8 × 8 grey, [-1, 1]")
    assert (
        str(score) == "KID 0.0021 ± 0.0003 (digits-8 classifier 1f3a9c2e, 1797 real, 10000 fake, 8 × 8 grey, [-1, 1])"
    )


@cases(
    ("value", "error", "expected"),
    [
        (0.00213, 0.00031, "0.0021 ± 0.0003"),
        (-0.00213, 0.00012, "-0.00213 ± 0.00012"),
        (123.456, 2.34, "123.5 ± 2.3"),
        (12345.6, 321.0, "12346 ± 321"),
        (1.0, 0.0, "1 ± 0"),
        (3.0e-8, 2.0e-9, "3.00e-08 ± 2e-09"),
        (0.123456789, None, "0.12346"),
        (float("nan"), float("nan"), "nan ± nan"),
    ],
)
def test_numbers_are_rounded_to_their_error(value: float, error: float | None, expected: str) -> None:
    assert str(Score("M", value, error, "e", 2, 2, "p")).split(" (")[0] == f"M {expected}"


def test_evaluate_gives_every_score_of_the_same_features() -> None:
    real, fake = pictures(1, 60), pictures(2, 70)
    found = {score.metric: score for score in evaluate(LINEAR, real, fake, k=3, batch=32)}
    x, y = (np.asarray(linear(jnp.asarray(in_unit_range("x", z)))[0]) for z in (real, fake))
    assert found["FID"].value == pytest.approx(fid(x, y), rel=1e-4)
    assert found["KID"].value == pytest.approx(float(kid(x, y).value), rel=1e-3)
    assert found["KID"].standard_error == pytest.approx(float(kid(x, y).standard_error), rel=1e-3)
    four = [found[f"{name} (k = 3)"].value for name in ("precision", "recall", "density", "coverage")]
    np.testing.assert_allclose(four, neighbours(x, y, k=3), atol=1e-9)
    assert found["Vendi score"].value == pytest.approx(vendi_score(y), rel=1e-4)
    assert 1.0 <= found["inception-style score"].value <= 3.0
    assert len(found) == 8
    for score in found.values():
        assert (score.extractor, score.n_fake, score.preprocessing) == (LINEAR.name, 70, LINEAR.preprocessing)
        assert score.n_real == (0 if "core" in score.metric else 60)
        assert "Inception" not in str(score)


def test_bytes_and_floats_are_the_same_images() -> None:
    images = pictures(3, 5)
    unit = in_unit_range("x", images)
    assert unit.dtype == np.float32
    assert (unit.min(), unit.max()) == ((int(images.min()) - 127.5) / 127.5, (int(images.max()) - 127.5) / 127.5)
    np.testing.assert_array_equal(in_unit_range("x", np.array([[[[0]]], [[[255]]]], np.uint8)).ravel(), [-1.0, 1.0])
    np.testing.assert_array_equal(extract(LINEAR, images).features, extract(LINEAR, unit).features)


def test_features_are_computed_in_one_compiled_shape() -> None:
    shapes = []

    def noting(images: jax.Array) -> tuple[jax.Array, jax.Array]:
        shapes.append(images.shape)
        return linear(images)

    found = extract(Features("noting", "none", noting), pictures(4, 23), batch=10)
    assert shapes == [(10, 4, 4, 1)]
    np.testing.assert_allclose(found.features, linear(jnp.asarray(in_unit_range("x", pictures(4, 23))))[0], rtol=1e-5)
    assert found.logits.shape == (23, 3)


def test_channels_are_classified_one_by_one() -> None:
    stacked = np.concatenate([pictures(5, 7), pictures(6, 7), pictures(7, 7)], axis=-1)
    found = extract(per_channel(LINEAR), stacked)
    alone = [extract(LINEAR, stacked[..., [channel]]) for channel in range(3)]
    np.testing.assert_allclose(found.features, np.concatenate([a.features for a in alone], axis=1), rtol=1e-5)
    a, b, c = (part.logits.argmax(axis=1) for part in alone)
    np.testing.assert_array_equal(found.logits.argmax(axis=1), 9 * a + 3 * b + c)
    # They are log-probabilities: of the 27 classes together 1.
    np.testing.assert_allclose(np.exp(found.logits).sum(axis=1), 1.0, rtol=1e-5)
    assert per_channel(LINEAR).preprocessing == "4 × 4 grey, [-1, 1], channel by channel"


def test_only_inception_is_called_inception() -> None:
    real, fake = (extract(LINEAR, pictures(seed, 40)) for seed in (1, 2))
    named_so = scores(InceptionFeatures(*LINEAR), real, fake)
    assert {"FID-Inception", "Inception score"} <= {score.metric for score in named_so}
    with pytest.raises(ValueError, match="expected another name: only what inception_features loads is Inception"):
        scores(LINEAR._replace(name="Inception of mine"), real, fake)


def with_nan(images: jax.Array) -> tuple[jax.Array, jax.Array]:
    rows, logits = linear(images)
    return rows.at[0, 0].set(jnp.nan), logits


def of_wrong_shape(images: jax.Array) -> tuple[jax.Array, jax.Array]:
    return images, images


@cases(
    ("call", "words"),
    [
        (
            lambda: evaluate(LINEAR, pictures(1, 9), pictures(1, 9)[:, :2]),
            "real_images has shape .* expected images of one shape",
        ),
        (lambda: evaluate(LINEAR, pictures(1, 40), pictures(1, 5)), "fake has 5 samples; expected k below"),
        (
            lambda: evaluate(LINEAR, pictures(1, 40), pictures(1, 0)),
            r"fake_images has shape \(0, 4, 4, 1\); expected at least one",
        ),
        (lambda: extract(LINEAR, pictures(1, 9)[0]), r"images has shape \(4, 4, 1\); expected at least one image"),
        (lambda: extract(LINEAR, pictures(1, 9).astype(int)), "images has the type int64; expected uint8"),
        (lambda: extract(LINEAR, pictures(1, 9) / 255.0 * 2), "images has pixels from .* expected floats in"),
        (lambda: extract(LINEAR, np.full((2, 4, 4, 1), np.nan)), "images holds 32 value"),
        (lambda: extract(LINEAR, pictures(1, 9), batch=0), "batch is 0; expected"),
        (lambda: extract(LINEAR._replace(apply=with_nan), pictures(1, 9)), "features of images holds 1 value"),
        (
            lambda: extract(LINEAR._replace(apply=of_wrong_shape), pictures(1, 9)),
            "features 'linear of 16 pixels' returned shapes",
        ),
        (lambda: named.samples("x", np.zeros((3, 0))), r"x has shape \(3, 0\); expected features"),
    ],
)
def test_bad_input_is_one_sentence(call: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
