"""The birthday paradox: counts against their definition, and intervals that cover for laws of very different shapes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from gan_jax.divergences import kernels
from gan_jax.metrics import support
from gan_jax.metrics.support import interval, support_of_batch, support_size
from tests.cases import cases


def power_law(values: int, exponent: float) -> np.ndarray:
    weights = np.arange(1.0, values + 1.0) ** -exponent
    return weights / weights.sum()


def likely(values: int, mass: float, others: int) -> np.ndarray:
    return np.concatenate([np.full(values, mass), np.full(others, (1.0 - values * mass) / others)])


LAWS = {
    "two": (np.full(2, 0.5), 100),
    "ten": (np.full(10, 0.1), 200),
    "uniform, 5 collisions": (np.full(1000, 1e-3), 100),
    "uniform, 500 collisions": (np.full(1000, 1e-3), 1000),
    "uniform, .1 collisions": (np.full(10_000, 1e-4), 50),
    "power 1": (power_law(1000, 1.0), 100),
    "power 1, few": (power_law(1000, 1.0), 30),
    "power .7": (power_law(5000, 0.7), 200),
    "one of half the mass": (likely(1, 0.5, 50), 300),
    **{f"one that comes {k} times": (likely(1, k / 400, 5000), 400) for k in (1, 3, 6, 12)},
    "three that come 3 times": (likely(3, 3 / 400, 5000), 400),
}


@pytest.mark.slow
@cases("law", LAWS)
def test_the_interval_covers(law: str) -> None:
    """In at least 94 % of the runs, less three standard errors."""
    weights, n = LAWS[law]
    runs = 1500
    drawn = np.random.default_rng(list(LAWS).index(law)).multinomial(n, weights, size=runs)
    low, high = interval((drawn * (drawn - 1) // 2).sum(1), (drawn * (drawn - 1) * (drawn - 2) // 6).sum(1), n)
    truth = 1.0 / np.sum(weights**2)
    assert np.mean((low <= truth) & (truth <= high)) > 0.94 - 3 * math.sqrt(0.94 * 0.06 / runs)
    assert np.all(low >= 1.0)
    assert np.all(np.isfinite(low))


def test_many_collisions_make_the_interval_narrow() -> None:
    """Near that of a Poisson count, ``1 ± 1.96 / √C``, for a uniform law; several times as wide where one value makes them all."""
    n, groups = 1000, 1000
    pairs = n * (n - 1) // 2
    even = interval(pairs // groups, n * (n - 1) * (n - 2) // 6 // groups**2, n)
    one = interval(500, 32 * 31 * 30 // 6, n)
    assert even[1] / even[0] == pytest.approx(1 + 4 * 0.96 / math.sqrt(pairs / groups), rel=0.05)
    assert one[1] / one[0] > 2.0 * even[1] / even[0]


def test_without_collisions_the_lower_end_is_that_of_the_worst_law() -> None:
    """One value of mass a and the rest never twice: no collision has the probability ``e^-λ (1 + λ)``, λ = n a, which is 2.5 % at 5.57."""
    low, high = interval(0, 0, 500)
    assert high == np.inf
    assert low == pytest.approx((500 / 5.572) ** 2, rel=0.1)


def test_counts_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, (120, 3)).astype(np.float32)
    x[:5] = -0.0
    found = support_size(x)
    assert found.collisions == int(np.sum(pdist(x) == 0))
    assert found[4:] == (120 * 119 // 2, 120, 0.0)
    assert found.size == pytest.approx(found.pairs / found.collisions)
    assert found.low < found.size < found.high
    moved = x + rng.uniform(-0.01, 0.01, x.shape)
    assert support_size(moved).collisions == 0
    assert support_size(moved).size == np.inf
    near = support_size(moved, radius=0.05)
    assert near[:6] == found[:6]
    assert near.radius == 0.05


@pytest.mark.parametrize("unit", [1e-25, 1e25])
def test_a_radius_goes_with_the_unit_of_the_samples(unit: float) -> None:
    x = np.random.default_rng(5).uniform(size=(40, 2))
    assert support_size(unit * x, radius=unit * 0.1).collisions == support_size(x, radius=0.1).collisions > 0


def test_counts_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(1).normal(size=(70, 2))
    monkeypatch.setattr(kernels, "BLOCK_ENTRIES", 70 * 16)
    support._counts.clear_cache()  # type: ignore[attr-defined]
    assert support_size(x, radius=0.3).collisions == int(np.sum(pdist(x) <= 0.3))
    support._counts.clear_cache()  # type: ignore[attr-defined]


def test_one_point_has_size_one() -> None:
    found = support_size(np.ones((50, 2)))
    assert found.size == found.low == 1.0
    assert found.high == pytest.approx(1.0, abs=1e-6)


def test_the_batch_with_a_duplicate_half_of_the_time() -> None:
    """365 birthdays: 23 people. The rule is the limit of ``Π (1 - i / N) = ½``."""
    days = support_of_batch(22.77)
    assert days == pytest.approx(365, rel=0.03)
    s = 2000
    size = support_of_batch(s)
    assert np.sum(np.log1p(-np.arange(s) / size)) == pytest.approx(-math.log(2.0), rel=1e-3)


@cases(
    ("call", "words"),
    [
        (lambda: support_size(np.full((9, 2), np.nan)), "samples holds 18 value.* NaN or infinite; expected finite"),
        (lambda: support_size(np.zeros((2, 2))), r"samples has 2 sample\(s\); expected at least 3"),
        (lambda: support_size(np.zeros(9)), r"samples has shape \(9,\); expected features \[n, d\]"),
        (lambda: support_size(np.zeros((9, 2)), radius=-1.0), "radius is -1.0; expected a value of at least 0"),
        (lambda: support_size(np.zeros((9, 2)), level=1.0), "level is 1.0; expected a value between 0 and 1"),
        (lambda: interval(1, 0, 2), "n is 2; expected an integer of at least 3"),
        (lambda: support_of_batch(1), "s is 1; expected a value of at least 2"),
    ],
)
def test_bad_input_is_one_sentence(call: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
