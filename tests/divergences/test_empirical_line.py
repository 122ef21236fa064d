"""1-D Wasserstein distances: against SciPy, POT, closed forms, and at a million points in float32."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads
from scipy import stats

from gan_jax.divergences import empirical, empirical_1d, empirical_transport
from tests.cases import cases

ot = empirical_transport.import_pot()

RNG = np.random.default_rng(7)
# One set of shapes: equal, unequal either way, sizes that divide each other, one point.
SIZES = [(6, 6), (6, 9), (9, 6), (4, 12), (1, 5)]


def _cloud(n, m, weighted):
    rng = np.random.default_rng([n, m, weighted])
    weights = (rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))) if weighted else (None, None)
    return rng.normal(size=n), rng.normal(0.5, 2.0, size=m), *weights


@pytest.mark.slow
@cases("weighted", [False, True])
@cases("sizes", SIZES)
@cases("order", [1, 1.5])
def test_equals_pot_and_scipy(sizes, weighted, order):
    x, y, a, b = _cloud(*sizes, weighted)
    with jax.enable_x64(True):
        value = empirical.wasserstein(x, y, order=order, x_weights=a, y_weights=b)
    np.testing.assert_allclose(float(value) ** order, ot.wasserstein_1d(x, y, a, b, p=order), rtol=1e-12)
    if order == 1:
        np.testing.assert_allclose(value, stats.wasserstein_distance(x, y, a, b), rtol=1e-12)


# Few values and coarse weights, so that ties of points, of cumulated weights, and weights of zero all occur.
points = st.lists(st.integers(-3, 3), min_size=5, max_size=5).map(lambda v: np.array(v, dtype=np.float64))
masses = st.lists(st.integers(0, 3), min_size=5, max_size=5).filter(any).map(lambda v: np.array(v) / sum(v))


@jax.jit
def _value_and_slope(x, y, a, b):
    return jax.value_and_grad(lambda a: empirical.wasserstein(x, y, x_weights=a, y_weights=b))(a)


@settings(deadline=None, max_examples=100)
@given(points, points, masses, masses, masses)
def test_ties_and_weights_of_zero(x, y, a, b, other):
    with jax.enable_x64(True):
        value, slope = map(np.asarray, _value_and_slope(x, y, a, b))
        reverse, elsewhere = (
            np.asarray(_value_and_slope(*arguments)[0]) for arguments in ((y, x, b, a), (x, y, other, b))
        )
    np.testing.assert_allclose(value, stats.wasserstein_distance(x, y, a, b), atol=1e-13)
    np.testing.assert_allclose(value, reverse, atol=1e-13)
    # W1 is convex in the weights: the gradient supports it everywhere, also where it is a choice among subgradients.
    assert elsewhere >= value + slope @ (other - a) - 1e-12
    np.testing.assert_allclose(slope @ a, 0.0, atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(points, points, points)
def test_is_a_metric(x, y, z):
    def distance(u, v, order=1):
        return float(empirical.wasserstein(u, v, order=order))

    rounding = 1e-5
    assert distance(x, x) == 0
    assert distance(x, y) >= 0
    assert (distance(x, y) == 0) == np.array_equal(np.sort(x), np.sort(y))
    assert distance(x, z) <= distance(x, y) + distance(y, z) + rounding
    assert distance(x, y) <= distance(x, y, 2) + rounding


def test_definition_by_quantiles():
    x, y, a, b = _cloud(6, 9, True)

    def quantile(points, weights, u):
        order = np.argsort(points)
        index = np.searchsorted(np.cumsum(weights[order]), u)
        return points[order][np.minimum(index, len(points) - 1)]

    # The integrand is a step function with at most 14 jumps: a midpoint rule of k cells errs by at most 14 · max / k.
    u = (np.arange(200_000) + 0.5) / 200_000
    integrand = np.abs(quantile(x, a, u) - quantile(y, b, u)) ** 3
    with jax.enable_x64(True):
        value = empirical.wasserstein(x, y, order=3, x_weights=a, y_weights=b)
    assert abs(float(value) ** 3 - integrand.mean()) < 14 * integrand.max() / 200_000


def test_gaussians_of_different_width():
    # 16 samples of 20 000; N(0, 1) against N(1, 3²), closed form in REFERENCE_RESULTS, section 2.
    x, y = RNG.normal(size=(16, 20_000)), RNG.normal(1.0, 3.0, size=(16, 20_000))
    values = jax.vmap(empirical.wasserstein)(jnp.asarray(x), jnp.asarray(y))
    standard_error = values.std(ddof=1) / 4
    assert abs(values.mean() - 1.791186) < 4 * standard_error


@pytest.mark.slow
@pytest.mark.parametrize("m", [1_000_000, 777_777])
def test_float32_does_not_drift_at_a_million_points(m):
    x, y = RNG.normal(size=1_000_000).astype(np.float32), RNG.normal(1.0, 1.1, size=m).astype(np.float32)
    # Pairwise summation: a few roundings, not a million.
    np.testing.assert_allclose(
        empirical.wasserstein(x, y), stats.wasserstein_distance(x, y), rtol=10 * np.finfo(np.float32).eps
    )


def test_float32_weights_do_not_drift():
    n, m = 200_000, 150_000
    x, y = RNG.normal(size=n).astype(np.float32), RNG.normal(1.0, 1.1, size=m).astype(np.float32)
    a, b = RNG.dirichlet(np.full(n, 0.3)).astype(np.float32), RNG.dirichlet(np.ones(m)).astype(np.float32)
    expected = stats.wasserstein_distance(x, y, a, b)
    # An error e of a grid of cumulated weights moves the value by at most e times the variation of |F⁻¹ − G⁻¹|,
    # which is at most the sum of both ranges; log2 n roundings in a parallel sum.
    bound = np.finfo(np.float32).eps * np.log2(n) * (np.ptp(x) + np.ptp(y))
    assert abs(empirical.wasserstein(x, y, x_weights=a, y_weights=b) - expected) < bound


@pytest.mark.slow
@cases(("n", "m"), [(1, 1), (1, 7), (3, 7), (5, 25), (46_341, 46_342), (999_983, 1_000_003)])
def test_exact_division_of_multiples(n, m):
    quotient, remainder = empirical_1d._multiples_divided(n, m)
    expected = np.divmod(np.arange(m, dtype=np.int64) * n, m)
    np.testing.assert_array_equal(quotient, expected[0])
    np.testing.assert_array_equal(remainder, expected[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sorting_by_bits(dtype):
    info = np.finfo(dtype)
    values = np.array(
        [3.5, -0.0, 0.0, -np.inf, np.inf, info.tiny, -info.tiny, info.max, info.min, -1.0, -1.0, 2.0], dtype=dtype
    )
    with jax.enable_x64(dtype == np.float64):
        np.testing.assert_array_equal(empirical_1d.ascending(jnp.asarray(values)), np.sort(values))
        order = empirical_1d.ascending_order(jnp.asarray(values))
    np.testing.assert_array_equal(values[order], np.sort(values))
    np.testing.assert_array_equal(np.sort(order), np.arange(len(values)))


def test_nan_under_jit_is_not_hidden():
    x = jnp.array([0.0, jnp.nan, 1.0, 2.0, 3.0])
    for y in (jnp.arange(5.0), jnp.arange(3.0)):
        assert jnp.isnan(jax.jit(empirical.wasserstein)(x, y))


@pytest.mark.slow
@cases("weighted", [False, True])
@cases("sizes", [(6, 6), (6, 9)])
@cases("order", [1, 2])
def test_gradients_by_finite_differences(sizes, weighted, order):
    x, y, a, b = _cloud(*sizes, weighted)
    with jax.enable_x64(True):
        if weighted:

            def function(x, y, a, b):
                return empirical.wasserstein(x, y, order=order, x_weights=a, y_weights=b)

            arguments = (x, y, a, b)
        else:

            def function(x, y):
                return empirical.wasserstein(x, y, order=order)

            arguments = (x, y)
        # Compiled, because perturbed weights do not sum to one and the eager check would say so.
        check_grads(jax.jit(function), tuple(map(jnp.asarray, arguments)), order=1, modes=("fwd", "rev"), eps=1e-6)


def test_gradient_of_w1_counts_points():
    # Sorted pairs move by 1/n each, towards their partner.
    slope = jax.grad(empirical.wasserstein)(jnp.array([3.0, 0.0, 1.0, -2.0]), jnp.array([5.0, 5.0, -1.0, -1.0]))
    np.testing.assert_array_equal(slope, [-0.25, 0.25, -0.25, -0.25])


@pytest.mark.parametrize("order", [1, 1.5, 2])
def test_gradient_is_zero_not_nan_where_samples_coincide(order):
    x = jnp.array([0.0, 1.0, 1.0, -4.0])
    for y in (x, jnp.concatenate([x, x])):
        slope = jax.grad(lambda x, y=y: empirical.wasserstein(x, y, order=order))(x)
        np.testing.assert_array_equal(slope, jnp.zeros(4))


def test_gradient_is_finite_where_some_points_coincide():
    slope = jax.grad(lambda x: empirical.wasserstein(x, jnp.array([0.0, 2.0]), order=1.5))(jnp.array([0.0, 1.0]))
    assert slope[0] == 0
    # W = (½ |1 − 2|^p)^{1/p}: derivative with respect to the moved point −2^{−1/p}.
    np.testing.assert_allclose(slope[1], -(2 ** (-1 / 1.5)), rtol=1e-6)


def test_vmap_and_jit_equal_single_calls():
    x, y = RNG.normal(size=(3, 6)).astype(np.float32), RNG.normal(size=(3, 9)).astype(np.float32)
    together = jax.jit(jax.vmap(empirical.wasserstein))(x, y)
    np.testing.assert_allclose(together, [empirical.wasserstein(u, v) for u, v in zip(x, y, strict=True)], rtol=1e-6)


@pytest.mark.parametrize("axis", [0, 1])
def test_gradients_of_a_compiled_batch_along_any_axis(axis):
    x, y = jnp.asarray(RNG.normal(size=(3, 6))), jnp.asarray(RNG.normal(size=(3, 6)))
    batch = jax.jit(jax.vmap(empirical.wasserstein, in_axes=axis))
    slope = jax.grad(lambda x: batch(x, jnp.moveaxis(y, 0, axis)).sum())(jnp.moveaxis(x, 0, axis))
    expected = [jax.grad(empirical.wasserstein)(u, v) for u, v in zip(x, y, strict=True)]
    np.testing.assert_array_equal(jnp.moveaxis(slope, axis, 0), expected)


@pytest.mark.parametrize("order", [1, 2, 60])
def test_order_of_any_size_neither_overflows_nor_underflows(order):
    for scale in (1e-12, 1.0, 1e12):
        value = empirical.wasserstein(scale * jnp.array([0.0, 1.0]), scale * jnp.array([3.0, 4.0]), order=order)
        np.testing.assert_allclose(value, 3 * scale, rtol=1e-5)
