"""The Fréchet distance against SciPy's square root, closed forms, and its bias at finite n."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.linalg

from gan_jax.divergences import exact
from gan_jax.metrics.frechet import fid, fit, frechet_distance
from tests.cases import cases


def covariance(rng: np.random.Generator, d: int, rank: int) -> np.ndarray:
    factor = rng.normal(size=(d, rank))
    return factor @ factor.T / rank


def textbook(mean_p: np.ndarray, cov_p: np.ndarray, mean_q: np.ndarray, cov_q: np.ndarray) -> float:
    root = scipy.linalg.sqrtm(cov_p @ cov_q)
    return float(np.sum((mean_p - mean_q) ** 2) + np.trace(cov_p + cov_q) - 2 * np.trace(root).real)


@pytest.mark.parametrize("d", [1, 3, 40])
def test_equals_the_formula_with_scipys_square_root(d: int) -> None:
    rng = np.random.default_rng(d)
    p = rng.normal(size=d), covariance(rng, d, 2 * d)
    q = rng.normal(size=d), covariance(rng, d, 2 * d)
    np.testing.assert_allclose(frechet_distance(*p, *q), textbook(*p, *q), rtol=1e-9)
    np.testing.assert_allclose(frechet_distance(*p, *q), frechet_distance(*q, *p), rtol=1e-12)


@pytest.mark.slow
def test_equals_the_exact_wasserstein_distance_of_two_gaussians() -> None:
    rng = np.random.default_rng(0)
    p = rng.normal(size=4), covariance(rng, 4, 9)
    q = rng.normal(size=4), covariance(rng, 4, 9)
    laws = [dist.MultivariateNormal(jnp.asarray(mean), jnp.asarray(cov)) for mean, cov in (p, q)]
    np.testing.assert_allclose(frechet_distance(*p, *q), exact.wasserstein(*laws, order=2) ** 2, rtol=2e-5)


def test_singular_covariances() -> None:
    # Of rank 5 in a common subspace of 30 dimensions, where the formula is that of 5 dimensions.
    rng = np.random.default_rng(1)
    frame = np.linalg.qr(rng.normal(size=(30, 5)))[0]
    a, b = covariance(rng, 5, 8), covariance(rng, 5, 8)
    zero = np.zeros(5)
    lifted = [frame @ cov @ frame.T for cov in (a, b)]
    np.testing.assert_allclose(
        frechet_distance(np.zeros(30), lifted[0], np.zeros(30), lifted[1]), textbook(zero, a, zero, b), rtol=1e-6
    )
    # Of orthogonal supports, nothing is shared: tr A + tr B; and a point against a law is its second moment.
    first, second = np.diag([2.0, 0.0, 0.0]), np.diag([0.0, 3.0, 1.0])
    np.testing.assert_allclose(frechet_distance(np.zeros(3), first, np.zeros(3), second), 6.0, rtol=1e-12)
    np.testing.assert_allclose(frechet_distance(np.ones(3), np.zeros((3, 3)), np.zeros(3), second), 7.0, rtol=1e-12)


def test_near_laws_keep_their_digits_and_equal_ones_are_at_zero() -> None:
    # Commuting covariances: Σ (√a - √b)², of 1e-16, where traces of 100 would leave 1e-14 of noise.
    a = np.linspace(1.0, 100.0, 20)
    b = (np.sqrt(a) + 1e-9) ** 2
    mean = np.zeros(20)
    np.testing.assert_allclose(frechet_distance(mean, np.diag(a), mean, np.diag(b)), 20e-18, rtol=1e-4)
    rank_two = covariance(np.random.default_rng(2), 20, 2)
    # Each of 18 zero eigenvalues comes out as one rounding of the largest.
    assert 0 <= frechet_distance(mean, rank_two, mean, rank_two) < 20 * np.finfo(float).eps * np.trace(rank_two)


def test_fit_is_numpys() -> None:
    x = np.random.default_rng(3).normal(size=(9001, 3)) + 100.0
    mean, cov = fit(x)
    np.testing.assert_allclose(mean, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(cov, np.cov(x, rowvar=False), rtol=1e-10, atol=1e-12)


def test_bias_is_that_of_the_docstring() -> None:
    rng = np.random.default_rng(4)
    d, n, m, runs = 6, 1500, 900, 300
    values = [fid(rng.normal(size=(n, d)), rng.normal(size=(m, d))) for _ in range(runs)]
    expected = (d + d * (d + 1) / 4) * (1 / n + 1 / m)
    error = np.std(values, ddof=1) / np.sqrt(runs)
    # What the expansion leaves out is of relative size d / m.
    assert abs(np.mean(values) - expected) < 4 * error + expected * d / m


@cases(
    ("call", "words"),
    [
        (
            lambda: fid(np.full((5, 2), np.nan), np.zeros((5, 2))),
            "real holds 10 value.* NaN or infinite; expected finite",
        ),
        (lambda: fid(np.zeros((5, 2)), np.zeros((1, 2))), r"fake has 1 sample\(s\); expected at least 2"),
        (
            lambda: fid(np.zeros((5, 2)), np.zeros((5, 3))),
            "real has 2 features a sample and fake has 3; expected the same",
        ),
        (lambda: fid(np.zeros(5), np.zeros(5)), r"real has shape \(5,\); expected features \[n, d\]"),
        (
            lambda: frechet_distance(np.zeros(2), np.eye(3), np.zeros(2), np.eye(2)),
            r"cov_p has shape \(3, 3\); expected \(2, 2\)",
        ),
        (
            lambda: frechet_distance(np.zeros(2), np.eye(2), np.zeros(3), np.eye(3)),
            r"mean_p has shape .* expected the same",
        ),
        (
            lambda: frechet_distance(np.zeros(2), np.eye(2), np.zeros(2), np.diag([1.0, -1.0])),
            "cov_q has the eigenvalue -1",
        ),
        (
            lambda: frechet_distance(np.zeros(2), np.array([[1.0, 0.5], [0.0, 1.0]]), np.zeros(2), np.eye(2)),
            "cov_p is not sym",
        ),
        (lambda: frechet_distance(np.array([0.0, np.inf]), np.eye(2), np.zeros(2), np.eye(2)), "mean_p holds 1 value"),
    ],
)
def test_bad_input_is_one_sentence(call: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
