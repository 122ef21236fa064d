"""Errors of means and rank correlations, against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gan_jax.metrics import statistics


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_the_error_of_a_mean_is_scipys(axis: int) -> None:
    values = np.random.default_rng(0).normal(size=(5, 7, 3))
    np.testing.assert_allclose(statistics.standard_error(values, axis), stats.sem(values, axis=axis), rtol=1e-12)
    assert statistics.mean_and_error(values[0, 0]) == pytest.approx((values[0, 0].mean(), stats.sem(values[0, 0])))


def test_of_one_value_nothing_is_known() -> None:
    values = np.ones((4, 1, 2))
    assert statistics.standard_error(values, 1).shape == (4, 2)
    assert np.isnan(statistics.standard_error(values, 1)).all()
    found = statistics.band(values, 1)
    assert np.isnan(found.low).all()
    np.testing.assert_array_equal(found.mean, np.ones((4, 2)))


def test_a_geometric_band_is_that_of_logarithms() -> None:
    values = np.exp(np.random.default_rng(1).normal(size=(6, 4)))
    found = statistics.band(values, times=2.0, of=statistics.standard_deviation, geometric=True)
    np.testing.assert_allclose(found.mean, stats.gmean(values, axis=0), rtol=1e-12)
    np.testing.assert_allclose(np.sqrt(found.high / found.low), stats.gstd(values, axis=0) ** 2, rtol=1e-12)


def test_rank_correlation_is_scipys_with_ties_and_nan_where_a_side_stands_still() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 5, (3, 40)), rng.integers(0, 5, (3, 40))
    expected = [stats.spearmanr(a, b).statistic for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(statistics.rank_correlation(x, y), expected, rtol=1e-12)
    assert np.isnan(statistics.rank_correlation(np.zeros(4), np.arange(4.0)))


def test_an_extent_is_the_mean_between_the_least_and_the_largest() -> None:
    found = statistics.extent(np.array([[1.0, 5.0], [3.0, -1.0], [8.0, 2.0]]))
    np.testing.assert_array_equal(found, [[4.0, 2.0], [1.0, -1.0], [8.0, 5.0]])


def test_the_correlation_of_a_series_with_its_own_past_is_one_at_that_lag() -> None:
    series = np.random.default_rng(3).normal(size=(2, 24))
    found = statistics.lagged_rank_correlation(series, np.roll(series, 3, axis=-1), 0.25)
    assert found.shape == (2, 7)
    np.testing.assert_array_equal(found.argmax(axis=-1), [3, 3])
    np.testing.assert_allclose(found[:, 3], 1.0, rtol=1e-12)
    expected = stats.spearmanr(series[0, :18], np.roll(series[0], 3)[5:23]).statistic
    assert found[0, 5] == pytest.approx(expected, rel=1e-12)


def test_what_is_unknown_has_no_rank() -> None:
    known, unknown = np.arange(3.0), np.array([1.0, np.nan, 2.0])
    assert np.isnan(statistics.rank_correlation(unknown, known))
    np.testing.assert_array_equal(statistics.rank_correlation(np.stack([known, unknown]), known), [1.0, np.nan])


@pytest.mark.parametrize("level", [0.0, 1.0, 1.5, np.nan])
def test_a_level_is_between_0_and_1(level: float) -> None:
    with pytest.raises(ValueError, match=rf"level is {level}; expected a value between 0 and 1"):
        statistics.clopper_pearson(np.array([3]), 10, level)
