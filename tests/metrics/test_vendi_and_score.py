"""The Vendi score and the inception-style score against reference values and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from gan_jax.metrics.score import inception_style_score
from gan_jax.metrics.vendi import vendi_of_kernel, vendi_score
from tests.cases import cases


def test_reference_values() -> None:
    points = np.array([0, 0, 10, 10, 20, 20.0])
    assert vendi_of_kernel(np.exp(-np.abs(points[:, None] - points[None]))) == pytest.approx(3.0, abs=1e-3)
    block = np.array([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]])
    assert vendi_of_kernel(block) == pytest.approx(2.1573, abs=5e-5)
    assert vendi_of_kernel(0.5 * np.eye(10) + 0.5) == pytest.approx(5.34889, abs=5e-6)


@pytest.mark.parametrize(("n", "r"), [(10, 0.5), (25, 0.2), (4, 0.0), (7, 1.0)])
def test_equicorrelation(n: int, r: float) -> None:
    # Eigenvalues of K/n: (1 + (n - 1) r)/n once, (1 - r)/n otherwise.
    values = np.array([(1 + (n - 1) * r) / n] + [(1 - r) / n] * (n - 1))
    entropy = -np.sum([v * np.log(v) for v in values if v > 0])
    assert vendi_of_kernel((1 - r) * np.eye(n) + r) == pytest.approx(np.exp(entropy))


@pytest.mark.parametrize(("n", "d"), [(40, 6), (6, 40)])
def test_both_gram_matrices_give_the_score_of_the_cosine_kernel(n: int, d: int) -> None:
    x = np.random.default_rng(n).normal(size=(n, d)) + 0.3
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    assert vendi_score(x) == pytest.approx(vendi_of_kernel(unit @ unit.T), rel=1e-9)


def test_copies_count_once() -> None:
    assert vendi_score(np.tile(np.eye(4), (25, 1))) == pytest.approx(4.0)
    assert vendi_score(np.ones((30, 3))) == pytest.approx(1.0)


def test_score_of_sure_and_of_unsure_classifiers() -> None:
    sure = 1000.0 * np.eye(5)[np.tile(np.arange(5), 20)]
    value, error = inception_style_score(sure, splits=10)
    assert value == pytest.approx(5.0)
    assert error == pytest.approx(0.0, abs=1e-12)
    assert inception_style_score(np.zeros((100, 5)), splits=10).value == pytest.approx(1.0)
    assert inception_style_score(np.tile(sure[:1], (100, 1)), splits=10).value == pytest.approx(1.0)


def test_score_equals_its_definition() -> None:
    logits = np.random.default_rng(0).normal(size=(103, 7))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    parts = np.array_split(p, 4)
    scores = [np.exp(np.mean(np.sum(q * np.log(q / q.mean(axis=0)), axis=1))) for q in parts]
    value, error = inception_style_score(logits, splits=4)
    assert value == pytest.approx(np.mean(scores))
    assert error == pytest.approx(np.std(scores, ddof=1) / 2)


def test_standard_error_of_the_score_is_that_of_repeated_samples() -> None:
    rng = np.random.default_rng(1)
    runs = [inception_style_score(2 * rng.normal(size=(300, 4)), splits=10) for _ in range(300)]
    values, errors = np.array(runs).T
    # A variance from 9 degrees of freedom, averaged over 300 runs, and one from 300 values: together 9 %.
    np.testing.assert_allclose(np.mean(errors**2), values.var(ddof=1), rtol=0.35)


@cases(
    ("call", "words"),
    [
        (lambda: vendi_score(np.full((9, 2), np.nan)), "features holds 18 value.* NaN or infinite; expected finite"),
        (lambda: vendi_score(np.zeros((1, 2))), r"features has 1 sample\(s\); expected at least 2"),
        (lambda: vendi_score(np.eye(3)[:, :2]), r"features holds 1 sample\(s\) of zeros; expected a direction"),
        (lambda: vendi_of_kernel(np.zeros((2, 3))), r"kernel has shape \(2, 3\); expected a square matrix"),
        (lambda: vendi_of_kernel(2 * np.eye(3)), "kernel has a diagonal that is not 1"),
        (lambda: vendi_of_kernel(np.array([[1, 0.5], [0, 1]])), "kernel is not symmetric"),
        (
            lambda: vendi_of_kernel(np.array([[1.0, 3.0], [3.0, 1.0]])),
            "kernel has the eigenvalue -2; expected none below 0",
        ),
        (lambda: inception_style_score(np.zeros((5, 3))), r"logits has 5 sample\(s\); expected at least 10"),
        (lambda: inception_style_score(np.zeros((5, 3)), splits=1), "splits is 1; expected an integer of at least 2"),
        (lambda: inception_style_score(np.full((20, 3), np.inf)), "logits holds 60 value"),
    ],
)
def test_bad_input_is_one_sentence(call: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
