"""The kernel distance against its definition, and its standard error against repeated samples."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.divergences import empirical, kernels
from gan_jax.metrics.kernel import KernelDistance, _kid, kid, kid_of_subsets
from tests.cases import cases


def cubic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1.0) ** 3


def definition(x: np.ndarray, y: np.ndarray) -> float:
    n, m = len(x), len(y)
    own = sum((k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (cubic(x, x), cubic(y, y)))
    return float(own - 2 * cubic(x, y).sum() / (n * m))


def estimated_variance(x: np.ndarray, y: np.ndarray, least: float = 0.0) -> float:
    """Hoeffding's five terms with the kernel matrices centred entry by entry; the first two are not let below ``least``."""

    def u_centred(k: np.ndarray) -> np.ndarray:
        n = len(k)
        k = k - np.diag(np.diag(k))
        rows = k.sum(axis=1)
        return (k - rows[:, None] / (n - 2) - rows[None] / (n - 2) + k.sum() / ((n - 1) * (n - 2))) * (1 - np.eye(n))

    n, m = len(x), len(y)
    xx, yy, xy = cubic(x, x), cubic(y, y), cubic(x, y)
    noise_x, noise_y = ((u_centred(k) ** 2).sum() / (len(k) * (len(k) - 3)) for k in (xx, yy))
    cross = xy - xy.mean(axis=1, keepdims=True) - xy.mean(axis=0, keepdims=True) + xy.mean()
    noise_xy = (cross**2).sum() / ((n - 1) * (m - 1))
    witness_x = (xx.sum(axis=1) - np.diag(xx)) / (n - 2) - xy.mean(axis=1)
    witness_y = (yy.sum(axis=1) - np.diag(yy)) / (m - 2) - xy.mean(axis=0)
    first = 4 / n * (witness_x.var(ddof=1) - noise_x / (n - 2) - noise_xy / m)
    first += 4 / m * (witness_y.var(ddof=1) - noise_y / (m - 2) - noise_xy / n)
    return max(first, least) + 2 * noise_x / (n * (n - 1)) + 2 * noise_y / (m * (m - 1)) + 4 * noise_xy / (n * m)


@pytest.mark.slow
@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_equals_its_definition_also_in_blocks(monkeypatch: pytest.MonkeyPatch, offset: float) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(23, 5)), rng.normal(size=(31, 5)) + offset
    whole = kid(x, y)
    np.testing.assert_allclose(whole.value, definition(x, y), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(whole.value, empirical.mmd2(x, y, kernel=empirical.cubic), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(whole.standard_error**2, estimated_variance(x, y), rtol=1e-4)
    monkeypatch.setattr(kernels, "BLOCK_ENTRIES", 54 * 5)
    _kid.clear_cache()
    np.testing.assert_allclose(kid(x, y), whole, rtol=1e-4, atol=1e-6)


def test_a_small_distance_of_far_samples_keeps_its_digits() -> None:
    # The kernel is around (9 + 1)³: float32 sums of it would lose 1e-4.
    rng = np.random.default_rng(1)
    x, y = (rng.normal(size=(400, 16), scale=0.01) + 3.0 for _ in range(2))
    x, y = x.astype(np.float32), y.astype(np.float32)
    found, expected = kid(x, y), definition(x.astype(np.float64), y.astype(np.float64))
    assert abs(float(found.value) - expected) < 0.1 * float(found.standard_error)
    np.testing.assert_allclose(
        found.standard_error**2, estimated_variance(x.astype(np.float64), y.astype(np.float64)), rtol=0.02
    )


def test_far_from_the_origin_it_keeps_the_digits_of_what_both_samples_differ_in() -> None:
    # The kernel is around 7e20, the distance 6e12: float32 sums of the former know nothing of the latter.
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(150, 64)) + mean for mean in (3000.0, 3000.1))
    x, y = x.astype(np.float32), y.astype(np.float32)
    expected = definition(x.astype(np.longdouble), y.astype(np.longdouble))
    np.testing.assert_allclose(kid(x, y).value, expected, rtol=1e-5)
    for kernel in (kernels.cubic, kernels.sum_of([kernels.gaussian(1.0), kernels.cubic])):
        np.testing.assert_allclose(empirical.mmd2(x, y, kernel=kernel), expected, rtol=1e-5)


@pytest.mark.parametrize("offset", [0.0, 0.2], ids=["P = Q", "P ≠ Q"])
def test_variance_is_estimated_without_bias(offset: float) -> None:
    rng = np.random.default_rng(3)
    pairs = [(rng.uniform(-1, 1, (12, 4)), rng.uniform(-1, 1, (17, 4)) + offset) for _ in range(3000)]
    variances = np.array([estimated_variance(x, y, least=-np.inf) for x, y in pairs])
    values = np.array([definition(x, y) for x, y in pairs])
    squares = np.square(values - values.mean())
    error = np.hypot(variances.std(), squares.std()) / np.sqrt(len(pairs))
    assert abs(variances.mean() - squares.mean()) < 4 * error


@jax.jit
def all_runs(keys: jax.Array, offset: jax.Array) -> KernelDistance:
    def one(key: jax.Array) -> KernelDistance:
        real_key, fake_key = jax.random.split(key)
        real = jax.random.uniform(real_key, (60, 8), minval=-1.0)
        return kid(real, jax.random.uniform(fake_key, (90, 8), minval=-1.0) + offset)

    return jax.vmap(one)(keys)


def repeated(offset: float, *, runs: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    """Values and standard errors ``[runs]`` of 60 against 90 samples in 8 dimensions."""
    found = all_runs(jax.random.split(jax.random.key(7), runs), jnp.float32(offset))
    return np.asarray(found.value, np.float64), np.asarray(found.standard_error, np.float64)


@pytest.mark.slow
def test_two_standard_errors_cover_far_laws_as_often_as_a_normal_law_would() -> None:
    values, errors = repeated(0.8)
    # Of 1500 runs, 0.954 ± 0.005; the value is still skewed a little.
    assert np.mean(np.abs(values - values.mean()) <= 2 * errors) == pytest.approx(0.954, abs=0.02)


def test_two_standard_errors_cover_equal_laws_at_least_as_often_and_the_value_is_negative_half_the_time() -> None:
    values, errors = repeated(0.0)
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(len(values))
    assert 0.4 < np.mean(values < 0) < 0.7
    assert np.mean(np.abs(values) <= 2 * errors) >= 0.954
    # Conservative, as the first term, which is 0, is not let below 0: but it never says more than it must by half.
    assert values.var() < np.mean(errors**2) < 1.5**2 * values.var()


def test_two_standard_errors_cover_near_laws() -> None:
    # The hardest place: first and second terms are alike, and the error is smallest where the value is too small.
    values, errors = repeated(0.1)
    assert np.mean(np.abs(values - values.mean()) <= 2 * errors) >= 0.88


@pytest.mark.slow
def test_subsets_average_to_the_same_distance() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(300, 4)), rng.normal(size=(280, 4)) + 0.5
    subsets = kid_of_subsets(jax.random.key(0), x, y, subsets=200, size=60)
    assert abs(float(subsets.value) - float(kid(x, y).value)) < 4 * float(subsets.standard_deviation) / np.sqrt(200)
    # A subset of everything is everything.
    everything = kid_of_subsets(jax.random.key(1), x[:280], y, subsets=2, size=280)
    np.testing.assert_allclose(everything.value, definition(x[:280], y), rtol=1e-4)
    np.testing.assert_allclose(everything.standard_deviation, 0.0, atol=1e-5)


@pytest.mark.slow
def test_ten_thousand_against_1797_needs_no_square_of_them() -> None:
    x, y = jax.random.normal(jax.random.key(0), (1797, 128)), jax.random.normal(jax.random.key(1), (10_000, 128))
    memory = _kid.lower(x, y).compile().memory_analysis()
    # Two blocks of BLOCK_ENTRIES float32, where all pairs would take 557 MB.
    assert memory.temp_size_in_bytes < 3 * 4 * kernels.BLOCK_ENTRIES
    value, error = kid(x, y)
    assert abs(float(value)) < 4 * float(error)


@cases(
    ("call", "words"),
    [
        (
            lambda: kid(jnp.array([[jnp.nan]] * 5), jnp.zeros((5, 1))),
            "real holds 5 value.* NaN or infinite; expected finite",
        ),
        (lambda: kid(jnp.zeros((5, 2)), jnp.zeros((1, 2))), r"fake has 1 sample\(s\); expected at least 4"),
        (
            lambda: kid(jnp.zeros((5, 2)), jnp.zeros((5, 3))),
            r"real has shape \(5, 2\) and fake has shape \(5, 3\); expected",
        ),
        (
            lambda: kid_of_subsets(jax.random.key(0), jnp.zeros((9, 1)), jnp.zeros((5, 1)), size=6),
            "size is 6; expected at most 5",
        ),
        (
            lambda: kid_of_subsets(jax.random.key(0), jnp.zeros((9, 1)), jnp.zeros((5, 1)), size=1),
            "size is 1; expected",
        ),
        (
            lambda: kid_of_subsets(jax.random.key(0), jnp.zeros((9, 1)), jnp.zeros((5, 1)), subsets=0, size=5),
            "subsets is 0",
        ),
    ],
)
def test_bad_input_is_one_sentence(call: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
