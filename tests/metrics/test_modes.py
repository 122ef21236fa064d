"""The assay on samples of mixtures that are known: what it must say follows from the mixture."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gan_jax import distributions
from gan_jax.metrics import histograms, modes
from tests.cases import cases

N = 20_000
TRUTH = 1.0 - math.exp(-4.5)


def mixture(key: int, n: int, truth: modes.Modes, weights: Any, *, blur: float = 1.0, shift: float = 0.0) -> np.ndarray:
    """Samples of the truth with other weights, wider modes, or modes moved by ``shift`` standard deviations."""
    rng = np.random.default_rng(key)
    mode = rng.choice(len(truth.weights), n, p=np.asarray(weights))
    noise = blur * rng.standard_normal((n, 2)) + shift
    return np.asarray(truth.centres)[mode] + np.asarray(truth.scales)[mode, None] * noise


@pytest.fixture(scope="module", params=["ring", "grid"])
def truth(request: pytest.FixtureRequest) -> modes.Modes:
    target = {"ring": distributions.gaussian_ring, "grid": distributions.gaussian_grid}[request.param]
    return modes.modes_of(target())


def variance_within(threshold: float) -> float:
    """E[|u|²; |u| < t] / P(|u| < t) of a standard normal u in the plane, by parts: 2 − t² e^{−t²/2} / (1 − e^{−t²/2})."""
    tail = math.exp(-0.5 * threshold**2)
    return 2.0 - threshold**2 * tail / (1.0 - tail)


def test_perfect_sampler(truth: modes.Modes) -> None:
    count = len(truth.weights)
    found = modes.assay(mixture(0, N, truth, truth.weights), truth)
    assert found.covered == found.reproduced == count
    assert found.expected_high_quality == pytest.approx(TRUTH, abs=1e-12)
    assert found.high_quality == pytest.approx(TRUTH, abs=4 * math.sqrt(TRUTH * (1 - TRUTH) / N))
    assert found.outside == pytest.approx(1 - found.high_quality)
    assert found.high_quality_interval[0] < TRUTH < found.high_quality_interval[1]
    # 2 n KL is chi-squared with K - 1 degrees of freedom.
    assert found.reverse_kl < stats.chi2.ppf(1 - 1e-4, count - 1) / (2 * N * TRUTH)
    assert found.variance_ratio == pytest.approx(1.0, abs=4 * found.variance_ratio_error)
    assert found.masses.sum() == pytest.approx(found.high_quality)


def test_collapse_to_one_mode(truth: modes.Modes) -> None:
    count = len(truth.weights)
    weights = np.eye(count)[3]
    found = modes.assay(mixture(1, N, truth, weights), truth)
    assert found.covered == found.reproduced == 1
    assert found.reverse_kl == pytest.approx(math.log(count), abs=1e-6)
    # JS of a point and w: ½ log(2 / (1 + w)) + ½ w log(2 w / (1 + w)) + ½ (1 - w) log 2.
    w = 1.0 / count
    js = 0.5 * (math.log(2 / (1 + w)) + w * math.log(2 * w / (1 + w)) + (1 - w) * math.log(2))
    assert found.jensen_shannon == pytest.approx(js, abs=1e-6)


def test_collapse_inside_the_modes_shows_as_too_much_quality(truth: modes.Modes) -> None:
    # Every mode is one point, half a standard deviation off its centre.
    found = modes.assay(mixture(2, N, truth, truth.weights, blur=0.0, shift=0.5), truth)
    assert found.high_quality == 1.0
    assert found.high_quality_interval[0] > found.expected_high_quality
    assert found.variance_ratio == pytest.approx(0.0, abs=1e-4)
    narrow = modes.assay(mixture(2, N, truth, truth.weights, blur=0.5), truth)
    expected = 0.25 * variance_within(6.0) / variance_within(3.0)
    assert narrow.variance_ratio == pytest.approx(expected, abs=4 * narrow.variance_ratio_error)


def test_dropped_modes(truth: modes.Modes) -> None:
    count = len(truth.weights)
    kept = np.arange(count) < count // 2
    found = modes.assay(mixture(3, N, truth, kept / kept.sum()), truth)
    assert found.covered == found.reproduced == kept.sum()
    expected = math.log(count / kept.sum())
    bias = (kept.sum() - 1) / (2 * N)
    assert found.reverse_kl - bias == pytest.approx(expected, abs=4 * found.reverse_kl_error)
    assert np.all(found.masses[~kept] == 0.0)
    assert np.all(found.mass_intervals[~kept, 0] == 0.0)
    # The rule of three, two-sided: none of n leaves at most about 3.7 / n.
    np.testing.assert_allclose(found.mass_intervals[~kept, 1], 1 - 0.025 ** (1 / N), rtol=1e-9)


def test_other_weights(truth: modes.Modes) -> None:
    count = len(truth.weights)
    q = np.arange(1.0, count + 1) / (count * (count + 1) / 2)
    found = modes.assay(mixture(4, N, truth, q), truth)
    expected = float(np.sum(q * np.log(q * count)))
    bias = (count - 1) / (2 * N)
    assert found.reverse_kl - bias == pytest.approx(expected, abs=4 * found.reverse_kl_error)
    # Judged by those weights, the same samples are perfect.
    own = modes.assay(mixture(4, N, truth, q), truth._replace(weights=q))
    assert own.reverse_kl < stats.chi2.ppf(1 - 1e-4, count - 1) / (2 * N * TRUTH)
    assert own.reproduced == count


@pytest.mark.parametrize("blur", [0.8, 1.5])
def test_blurred_modes(truth: modes.Modes, blur: float) -> None:
    found = modes.assay(mixture(5, N, truth, truth.weights, blur=blur), truth)
    share = 1.0 - math.exp(-4.5 / blur**2)
    assert found.high_quality == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / N))
    ratio = blur**2 * variance_within(3.0 / blur) / variance_within(3.0)
    assert found.variance_ratio == pytest.approx(ratio, abs=4 * found.variance_ratio_error)


def test_variance_does_not_see_where_a_mode_is(truth: modes.Modes) -> None:
    there = modes.assay(mixture(6, N, truth, truth.weights, blur=0.2, shift=1.0), truth)
    assert there.variance_ratio == pytest.approx(0.04 * 2.0 / variance_within(3.0), abs=4 * there.variance_ratio_error)


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    truth = modes.modes_of(distributions.gaussian_ring())
    weights = np.array([0.005, 0.02, 0.05, 0.1, 0.125, 0.2, 0.2, 0.3])
    runs, n = 400, 500
    masses, quality, ratio, held = np.zeros(8), 0, 0, 1.96
    for run in range(runs):
        found = modes.assay(mixture(run, n, truth, weights), truth._replace(weights=weights))
        low, high = found.mass_intervals.T
        masses += (low <= TRUTH * weights) & (weights * TRUTH <= high)
        quality += found.high_quality_interval[0] <= TRUTH <= found.high_quality_interval[1]
        ratio += abs(found.variance_ratio - 1.0) <= held * found.variance_ratio_error
    slack = 3 * math.sqrt(0.05 * 0.95 / runs)
    assert np.all(masses / runs >= 0.95 - slack)
    assert quality / runs >= 0.95 - slack
    # The last one is asymptotic: 95 % up to what 500 samples leave of skewness, and not above.
    assert abs(ratio / runs - 0.95) <= slack + 0.01


def test_reverse_kl_error_is_that_of_repeated_samples() -> None:
    rng = np.random.default_rng(0)
    weights = np.full(10, 0.1)
    for q in (weights, np.arange(1.0, 11.0) / 55.0):
        found = [histograms.of_counts(rng.multinomial(1000, q), weights, n=1000) for _ in range(400)]
        values = np.array([one.reverse_kl for one in found])
        errors = np.array([one.reverse_kl_error for one in found])
        # The standard deviation of 400 values is known to 3.5 %; the square root of a chi-squared variable is a little skewed.
        assert values.std() == pytest.approx(np.sqrt(np.mean(errors**2)), rel=0.15)
        expected = np.sum(q * np.log(q / weights)) + 9 / 2000
        assert values.mean() == pytest.approx(expected, abs=4 * values.std() / 20 + 1e-4)


@pytest.mark.slow
def test_tally_is_its_definition_and_additive(truth: modes.Modes) -> None:
    points = mixture(7, 300, truth, truth.weights, blur=2.0).astype(np.float32)
    centres, scales = np.asarray(truth.centres), np.asarray(truth.scales)
    distance = np.linalg.norm(points[:, None] - centres[None], axis=2) / scales
    nearest, count = distance.argmin(axis=1), len(centres)
    high = distance.min(axis=1) < 3.0
    found = modes.tally(jnp.asarray(points), truth)
    np.testing.assert_array_equal(found.near, np.bincount(nearest, minlength=count))
    np.testing.assert_array_equal(found.high, np.bincount(nearest[high], minlength=count))
    squares = np.bincount(nearest[high], distance.min(axis=1)[high] ** 2, minlength=count)
    np.testing.assert_allclose(found.squares, squares, rtol=1e-3)
    halves = jax.vmap(lambda x: modes.tally(x, truth))(jnp.asarray(points).reshape(2, 150, 2))
    for whole, parts in zip(found, halves, strict=True):
        np.testing.assert_allclose(whole, parts.sum(axis=0), rtol=2e-4, atol=1e-4)


def test_a_sample_that_is_not_finite_is_in_no_mode() -> None:
    truth = modes.modes_of(distributions.gaussian_ring())
    points = jnp.concatenate([truth.centres, jnp.array([[jnp.nan, 0.0], [jnp.inf, 0.0]])])
    found = modes.tally(points, truth)
    assert int(found.samples) == 10
    assert int(found.near.sum()) == int(found.high.sum()) == 8
    assert bool(jnp.all(jnp.isfinite(found.squares)))
    with pytest.raises(ValueError, match="samples holds 2 value"):
        modes.assay(points, truth)


def test_nearest_is_in_the_modes_own_standard_deviations() -> None:
    truth = modes.Modes(jnp.array([[0.0, 0.0], [4.0, 0.0]]), jnp.array([1.0, 0.1]), jnp.array([0.5, 0.5]))
    # Nearer to the second centre, but 14 of its standard deviations away and 2.6 of the first one's.
    found = modes.tally(jnp.array([[2.6, 0.0]]), truth)
    np.testing.assert_array_equal(found.high, [1, 0])


def test_three_dimensions() -> None:
    rng = np.random.default_rng(0)
    truth = modes.Modes(jnp.array([[0.0, 0, 0], [50.0, 0, 0]]), jnp.ones(2), jnp.full(2, 0.5))
    points = np.asarray(truth.centres)[rng.integers(0, 2, N)] + rng.standard_normal((N, 3))
    found = modes.assay(points, truth)
    share = float(stats.chi2.cdf(9.0, 3))
    assert found.expected_high_quality == pytest.approx(share)
    assert found.high_quality == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / N))
    assert found.variance_ratio == pytest.approx(1.0, abs=4 * found.variance_ratio_error)


def test_no_sample_in_any_mode() -> None:
    truth = modes.modes_of(distributions.gaussian_ring())
    found = modes.assay(np.zeros((100, 2)), truth)
    assert (found.covered, found.high_quality, found.outside) == (0, 0.0, 1.0)
    assert math.isnan(found.reverse_kl)
    assert math.isnan(found.variance_ratio)


@pytest.mark.parametrize(("n", "k", "baseline"), [(2500, 8, 0.0014), (2500, 25, 0.0048), (26_000, 1000, 0.0192)])
def test_baseline_of_a_perfect_sampler(n: int, k: int, baseline: float) -> None:
    found = histograms.reverse_kl_baseline(n, np.full(k, 1 / k))
    assert found == pytest.approx(baseline, abs=0.0002)
    rng = np.random.default_rng(0)
    q = rng.multinomial(n, np.full(k, 1 / k), size=200) / n
    values = np.sum(np.where(q > 0, q * np.log(np.where(q > 0, q, 1.0) * k), 0.0), axis=1)
    assert found == pytest.approx(values.mean(), abs=4 * values.std() / math.sqrt(200))


def test_baseline_of_unequal_weights_by_enumeration() -> None:
    weights, n = np.array([0.2, 0.8]), 7
    x = np.arange(n + 1)
    kl = [stats.entropy([i / n, 1 - i / n], weights) for i in x]
    assert histograms.reverse_kl_baseline(n, weights) == pytest.approx(
        np.sum(stats.binom.pmf(x, n, 0.2) * kl), abs=1e-12
    )


@pytest.mark.parametrize("x", [0, 1, 37, 100])
def test_interval_is_the_exact_one(x: int) -> None:
    expected = stats.binomtest(x, 100).proportion_ci(confidence_level=0.9, method="exact")
    np.testing.assert_allclose(np.array(histograms.interval(x, 100, level=0.9)), [expected.low, expected.high])


@cases(
    ("counts", "words"),
    [
        ([200, 300], "sum to 500; expected them from 0, of a sum up to n = 51"),
        ([-5, 51], "counts are from -5"),
        ([20.7, 30.2], "type float64; expected whole numbers"),
        ([51], r"shape \(1,\) and type int64; expected whole numbers \(2,\)"),
        ([20, 30, 1], r"expected whole numbers \(2,\)"),
    ],
)
def test_counts_that_no_samples_have_are_refused(counts: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        histograms.of_counts(np.array(counts), np.array([0.5, 0.5]), n=51)


def test_successes_beyond_the_trials_have_no_interval() -> None:
    with pytest.raises(ValueError, match=r"counts is 7; expected a value in \[0, 5\]"):
        histograms.interval(7, 5)


def test_labels_are_counts() -> None:
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    found = histograms.of_labels(labels, np.full(4, 0.25))
    assert (found.n, found.covered, found.reproduced) == (100, 3, 3)
    np.testing.assert_allclose(found.masses, [0.5, 0.3, 0.2, 0.0])
    assert found.reverse_kl == pytest.approx(stats.entropy([0.5, 0.3, 0.2, 0.0], [0.25] * 4))
    assert histograms.of_labels(labels, np.full(4, 0.25), share=1.0).reproduced == 2


def test_births_and_deaths() -> None:
    masses = np.array([[0.5, 0.0, 0.0], [0.2, 0.2, 0.0], [0.0, 0.2, 0.05], [0.3, 0.2, 0.1]])
    found = modes.mode_turnover(masses, np.array([0.5, 0.3, 0.2]))
    np.testing.assert_array_equal(found.alive, [[1, 0, 0], [1, 1, 0], [0, 1, 1], [1, 1, 1]])
    np.testing.assert_array_equal(found.births, [1, 1, 1])
    np.testing.assert_array_equal(found.deaths, [0, 1, 0])


def test_few_samples_warn_of_what_that_means() -> None:
    truth = modes.modes_of(distributions.gaussian_grid())
    missed = 25 * (1 - TRUTH / 25) ** 50
    with pytest.warns(UserWarning, match=f"50 samples for 25 modes: a perfect sampler would miss {missed:.1f} of them"):
        modes.assay(mixture(0, 50, truth, truth.weights), truth)
    with pytest.warns(UserWarning, match="expected at least 5000 samples"):
        histograms.of_labels(np.arange(1000), np.full(1000, 1e-3))


@cases(
    ("call", "message"),
    [
        (lambda t: modes.assay(np.zeros((300, 3)), t), r"samples has shape \(300, 3\); expected \[n, 2\]"),
        (lambda t: modes.assay(np.full((300, 2), np.nan), t), "samples holds 600 value"),
        (
            lambda t: modes.assay(np.zeros((300, 2)), t._replace(weights=np.full(8, 0.1))),
            "weights sum to 0.8; expected 1",
        ),
        (lambda t: modes.assay(np.zeros((300, 2)), t._replace(weights=np.eye(8)[0])), "expected a positive number"),
        (lambda t: modes.assay(np.zeros((300, 2)), t, threshold=0.0), "threshold is 0.0; expected a value above 0"),
        (lambda t: modes.assay(np.zeros((300, 2)), t, level=1.0), "level is 1.0; expected a value between 0 and 1"),
        (lambda t: modes.assay(np.zeros((300, 2)), t, share=0.0), "share is 0.0; expected a value above 0"),
        (
            lambda t: histograms.of_labels(np.array([0, 9]), np.full(2, 0.5)),
            "labels has values from 0 to 9; expected them",
        ),
        (lambda t: histograms.of_labels(np.array([0.5]), np.full(2, 0.5)), "expected whole numbers"),
        (lambda t: histograms.reverse_kl_baseline(0, np.full(2, 0.5)), "n is 0; expected an integer of at least 1"),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(modes.modes_of(distributions.gaussian_ring()))


def test_pooled_variance_of_many_tallies_is_that_of_each_assay() -> None:
    truth = modes.modes_of(distributions.gaussian_ring(8, 2.0, 0.02))
    keys = jax.random.split(jax.random.key(7), 3)
    samples = [distributions.gaussian_ring(8, 2.0, 0.01 * (i + 1)).sample(key, (400,)) for i, key in enumerate(keys)]
    tallies = [modes.tally(some, truth) for some in samples]
    found = modes.pooled_variance(jax.tree.map(lambda *leaves: np.stack(leaves), *tallies))
    expected = [modes.assay(one, truth).variance_ratio for one in tallies]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    none = jax.tree.map(np.zeros_like, jax.tree.map(np.asarray, tallies[0]))
    assert np.isnan(modes.pooled_variance(none))
