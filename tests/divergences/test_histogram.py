"""The plug-in JS against its definition in NumPy, its bounds, and the bias that its docstring states."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.divergences.histogram import jensen_shannon
from tests.cases import cases


def by_numpy(x: np.ndarray, y: np.ndarray, bins: int) -> float:
    pooled = np.concatenate([x, y])
    edges = [np.linspace(low, high, bins + 1) for low, high in zip(pooled.min(axis=0), pooled.max(axis=0), strict=True)]
    p, q = (np.histogramdd(z, edges)[0].ravel() / len(z) for z in (x, y))
    m = (p + q) / 2
    kl = [float(np.sum(a[a > 0] * np.log(a[a > 0] / m[a > 0]))) for a in (p, q)]
    return sum(kl) / 2


@pytest.mark.parametrize(("dimension", "bins"), [(1, 7), (2, 4)])
def test_equals_its_definition(dimension: int, bins: int) -> None:
    rng = np.random.default_rng(0)
    # Halves of integers: cells in float32 are those of float64, with no point at an edge but the outermost.
    x, y = (rng.integers(0, 60, (n, dimension)).astype(np.float32) + shift for n, shift in ((80, 0.5), (50, 9.5)))
    found = jax.jit(partial(jensen_shannon, bins=bins))(x, y)
    assert float(found) == pytest.approx(by_numpy(x, y, bins), abs=1e-6)


@pytest.mark.slow
def test_zero_for_the_same_sample_and_log_2_for_disjoint_ones() -> None:
    x = jax.random.uniform(jax.random.key(0), (100, 2))
    assert float(jensen_shannon(x, x)) == pytest.approx(0.0, abs=1e-7)
    assert float(jensen_shannon(x, x + 5.0)) == pytest.approx(np.log(2), abs=1e-6)
    assert float(jensen_shannon(jnp.zeros(5), jnp.zeros(9))) == 0.0
    # Near both ends of float32, a width apart that it does not have.
    assert float(jensen_shannon(jnp.full(5, -3e38), jnp.full(9, 3e38))) == pytest.approx(np.log(2), abs=1e-6)


def test_bias_for_equal_laws_is_that_of_finite_counts() -> None:
    """Twice-n chi-squared statistics: E JS ≈ (cells − 1) / 8 · (1/n + 1/m) for equal laws; mean of 400 within 4 standard errors + 10 %."""
    n, cells = 1000, 10
    x, y = jax.random.uniform(jax.random.key(0), (2, 400, n))
    values = np.asarray(jax.jit(jax.vmap(lambda a, b: jensen_shannon(a, b, bins=cells)))(x, y))
    expected = (cells - 1) / 8 * (2 / n)
    assert abs(values.mean() - expected) < 4 * values.std(ddof=1) / 20 + 0.1 * expected


@cases(
    ("x", "y", "bins", "words"),
    [
        (jnp.zeros((0, 1)), jnp.zeros((3, 1)), None, "x has shape"),
        (jnp.zeros((3, 1)), jnp.full((3, 1), jnp.nan), None, "y holds 3 value"),
        (jnp.zeros((3, 1)), jnp.zeros((3, 2)), None, "expected the same shape"),
        (jnp.zeros((3, 1)), jnp.zeros((3, 1)), 0, "bins is 0"),
        (jnp.zeros((3, 8)), jnp.zeros((3, 8)), 10, "at most 10"),
    ],
)
def test_bad_input_is_one_sentence(x: jax.Array, y: jax.Array, bins: int | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        jensen_shannon(x, y, bins=bins)
