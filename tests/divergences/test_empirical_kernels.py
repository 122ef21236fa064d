"""MMD and energy distance: closed forms, scikit-learn, SciPy, definitions, gradients, blocks."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads
from scipy import stats
from scipy.spatial.distance import cdist
from sklearn.metrics import pairwise

from gan_jax.divergences import empirical, kernels
from tests.cases import cases

RNG = np.random.default_rng(5)
N, M, D = 6, 9, 3
X, Y = RNG.normal(size=(N, D)), RNG.normal(0.5, 2.0, size=(M, D))

KERNELS = {
    "gaussian": (empirical.gaussian(1.5), lambda x, y: pairwise.rbf_kernel(x, y, gamma=1 / (2 * 1.5**2))),
    "gaussians": (
        empirical.gaussian([0.5, 2.0]),
        lambda x, y: pairwise.rbf_kernel(x, y, gamma=2.0) + pairwise.rbf_kernel(x, y, gamma=1 / 8),
    ),
    "laplacian": (empirical.laplacian(1.5), lambda x, y: pairwise.laplacian_kernel(x, y, gamma=1 / 1.5)),
    "cubic": (empirical.cubic, lambda x, y: pairwise.polynomial_kernel(x, y, degree=3, gamma=1 / x.shape[1], coef0=1)),
    "sum": (
        empirical.sum_of([empirical.cubic, empirical.laplacian(2.0)]),
        lambda x, y: pairwise.polynomial_kernel(x, y, degree=3, coef0=1) + pairwise.laplacian_kernel(x, y, gamma=0.5),
    ),
    "a function": (lambda x, y: x @ y.T, pairwise.linear_kernel),
}
every_kernel = pytest.mark.parametrize("name", KERNELS)


def _by_definition(kernel, x, y, unbiased):
    xx, yy, xy = kernel(x, x), kernel(y, y), kernel(x, y)
    if unbiased:
        n, m = len(x), len(y)
        within = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    else:
        within = xx.mean() + yy.mean()
    return within - 2 * xy.mean()


@every_kernel
@cases("unbiased", [True, False])
def test_mmd_by_definition_with_kernels_of_scikit_learn(name, unbiased):
    kernel, reference = KERNELS[name]
    with jax.enable_x64(True):
        value = np.asarray(empirical.mmd2(X, Y, kernel=kernel, unbiased=unbiased))
    # Bandwidths are single precision where they were made outside of double precision.
    np.testing.assert_allclose(value, _by_definition(reference, X, Y, unbiased), rtol=1e-6)


@pytest.mark.slow
@cases("d", [1, 3, 12])
@cases("unbiased", [True, False])
def test_energy_by_definition(d, unbiased):
    rng = np.random.default_rng(d)
    x, y = rng.normal(size=(N, d)), rng.normal(0.5, 2.0, size=(M, d))
    with jax.enable_x64(True):
        value = np.asarray(empirical.energy_distance(x, y, unbiased=unbiased))
    np.testing.assert_allclose(value, -_by_definition(cdist, x, y, unbiased), rtol=1e-12)
    if d == 1 and not unbiased:
        np.testing.assert_allclose(value, stats.energy_distance(x[:, 0], y[:, 0]) ** 2, rtol=1e-12)


def _mean_and_standard_error(function, x, y):
    values = np.asarray(jax.jit(jax.vmap(function))(jnp.asarray(x), jnp.asarray(y)))
    return values.mean(), values.std(ddof=1) / math.sqrt(len(values))


@pytest.mark.parametrize(("mean", "scale", "expected"), [(1, 1, 0.541807), (2, 1, 1.944260), (0, 1, 0.0)])
def test_energy_distance_of_gaussians(mean, scale, expected):
    x, y = RNG.normal(size=(200, 50, 1)), RNG.normal(mean, scale, size=(200, 50, 1))
    value, standard_error = _mean_and_standard_error(empirical.energy_distance, x, y)
    assert abs(value - expected) < 4 * standard_error


@pytest.mark.parametrize(("shift", "variance", "expected"), [(1.0, 4.0, 0.167964), (0.0, 1.0, 0.0)])
def test_gaussian_mmd_of_gaussians(shift, variance, expected):
    # d = 2, bandwidth² = 2; REFERENCE_RESULTS, section 2.
    x, y = RNG.normal(size=(200, 50, 2)), RNG.normal(0, math.sqrt(variance), size=(200, 50, 2)) + np.array([shift, 0.0])
    kernel = empirical.gaussian(math.sqrt(2))
    value, standard_error = _mean_and_standard_error(lambda x, y: empirical.mmd2(x, y, kernel=kernel), x, y)
    assert abs(value - expected) < 4 * standard_error


@pytest.mark.parametrize("distance", [0.0, 0.3, 4.0])
def test_two_diracs(distance):
    x, y = jnp.zeros((3, 1)), jnp.full((4, 1), distance)
    rounding = 1e-6
    for unbiased in (True, False):
        energy = empirical.energy_distance(x, y, unbiased=unbiased)
        mmd2 = empirical.mmd2(x, y, kernel=empirical.gaussian(0.7), unbiased=unbiased)
        assert abs(energy - 2 * distance) < rounding
        assert abs(mmd2 - 2 * (1 - math.exp(-(distance**2) / (2 * 0.7**2)))) < rounding


def test_unbiased_values_are_not_clipped():
    # P = Q: the mean is 0, so a good part of the values lies below it.
    x, y = jnp.asarray(RNG.normal(size=(2, 50, 20, 1)))
    for function in (empirical.energy_distance, lambda x, y: empirical.mmd2(x, y, kernel=empirical.gaussian(1.0))):
        values = jax.vmap(function)(x, y)
        assert jnp.any(values < 0)
        assert jnp.any(values > 0)


clouds = st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=5, max_size=5).map(
    lambda v: np.array(v, dtype=np.float32)
)


@settings(deadline=None, max_examples=30)
@given(clouds, clouds)
def test_biased_values_are_distances(x, y):
    rounding = 1e-5
    for function in (
        lambda x, y: float(empirical.energy_distance(x, y, unbiased=False)),
        lambda x, y: float(empirical.mmd2(x, y, kernel=empirical.laplacian(1.0), unbiased=False)),
    ):
        assert function(x, y) > -rounding
        assert abs(function(x, y) - function(y, x)) < rounding
        assert abs(function(x, x[::-1])) < rounding


@pytest.mark.slow
@every_kernel
def test_gradients(name):
    kernel = KERNELS[name][0]
    with jax.enable_x64(True):
        function = jax.jit(lambda x, y: empirical.mmd2(x, y, kernel=kernel))
        check_grads(function, (jnp.asarray(X), jnp.asarray(Y)), order=1, modes=("fwd", "rev"), eps=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("d", [3, 12])
def test_gradients_of_energy(d):
    x, y = RNG.normal(size=(N, d)), RNG.normal(0.5, 2.0, size=(M, d))
    with jax.enable_x64(True):
        function = jax.jit(empirical.energy_distance)
        check_grads(function, (jnp.asarray(x), jnp.asarray(y)), order=1, modes=("fwd", "rev"), eps=1e-6)


@pytest.mark.slow
def test_gradients_are_finite_where_points_coincide():
    x = jnp.array([[0.0, 0.0], [0.0, 0.0], [1.0, 2.0]])
    functions = [
        empirical.energy_distance,
        *(lambda x, y, k=k: empirical.mmd2(x, y, kernel=k) for k, _ in KERNELS.values()),
    ]
    for function in functions:
        for unbiased_slope in jax.jit(jax.grad(function, (0, 1)))(x, x):
            assert jnp.all(jnp.isfinite(unbiased_slope))
    # Biased, P = Q is the minimum.
    slope = jax.grad(lambda x: empirical.energy_distance(x, jax.lax.stop_gradient(x), unbiased=False))(x)
    np.testing.assert_allclose(slope, jnp.zeros_like(x), atol=1e-6)


def test_gradient_with_respect_to_the_bandwidth():
    with jax.enable_x64(True):
        function = jax.jit(lambda g: empirical.mmd2(X, Y, kernel=empirical.gaussian(g)))
        check_grads(function, (jnp.asarray(1.3),), order=1, modes=("rev",), eps=1e-6)


def test_a_new_bandwidth_does_not_compile_again():
    x, y = jnp.asarray(X), jnp.asarray(Y)
    empirical.mmd2(x, y, kernel=empirical.gaussian(0.1))
    before = empirical._mmd2._cache_size()
    empirical.mmd2(x, y, kernel=empirical.gaussian(0.2))
    assert empirical._mmd2._cache_size() == before


@pytest.mark.slow
def test_blocks_do_not_change_value_or_gradient(monkeypatch):
    function = jax.value_and_grad(lambda x: empirical.energy_distance(x, jnp.asarray(Y)))
    value, slope = function(jnp.asarray(X))
    # Four rows of nine at a time: two blocks, the last one not full.
    monkeypatch.setattr(kernels, "BLOCK_ENTRIES", 4 * M)
    kernels.mean_over_pairs.clear_cache()
    empirical._mmd2.clear_cache()
    blocked_value, blocked_slope = function(jnp.asarray(X))
    np.testing.assert_allclose(blocked_value, value, rtol=1e-5)
    np.testing.assert_allclose(blocked_slope, slope, atol=1e-6)


@pytest.mark.slow
def test_memory_is_bounded_also_in_reverse_mode():
    n = 20_000
    samples = jax.ShapeDtypeStruct((n, 2), jnp.float32)
    compiled = jax.jit(jax.grad(empirical.energy_distance)).lower(samples, samples).compile()
    # All pairs would take 1.6 GB for one array; a block takes 16 MiB, and a few are alive at once.
    assert compiled.memory_analysis().temp_size_in_bytes < 20 * 4 * kernels.BLOCK_ENTRIES


def test_near_points_far_from_the_origin_keep_their_digits():
    x, y = X * 2.0**-10 + 64, Y * 2.0**-10 + 64
    x, y = x.astype(np.float32), y.astype(np.float32)
    expected = -_by_definition(cdist, x.astype(np.float64), y.astype(np.float64), True)
    np.testing.assert_allclose(empirical.energy_distance(x, y), expected, rtol=1e-4)


@pytest.mark.parametrize("scale", [1e-25, 1e-30, 1e25, 1e30])
def test_the_energy_distance_scales_with_the_data_however_large_or_small(scale):
    x, y = (np.asarray(z * scale, np.float32) for z in (X, Y))
    expected = -_by_definition(cdist, x.astype(np.float64), y.astype(np.float64), True)
    np.testing.assert_allclose(empirical.energy_distance(x, y), expected, rtol=1e-5)
    slope = jax.grad(empirical.energy_distance)(jnp.asarray(x), jnp.asarray(y))
    own = jax.grad(empirical.energy_distance)(jnp.asarray(X, jnp.float32), jnp.asarray(Y, jnp.float32))
    np.testing.assert_allclose(slope, own, atol=1e-5)


@pytest.mark.parametrize("scale", [1e-20, 1e-30, 1e20, 1e30])
def test_a_bandwidth_goes_with_the_unit_of_the_data(scale):
    x, y = (np.asarray(z * scale, np.float32) for z in (X, Y))
    widths = np.asarray([0.5, 2.0]) * scale

    def gram(a, b):
        squares = cdist(a.astype(np.float64), b.astype(np.float64)) ** 2
        return sum(np.exp(-squares / (2.0 * width**2)) for width in widths)

    found = empirical.mmd2(x, y, kernel=kernels.gaussian(widths), unbiased=False)
    np.testing.assert_allclose(found, _by_definition(gram, x, y, False), rtol=1e-5, atol=1e-6)


def test_the_cubic_kernel_alone() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 3, 4))
    np.testing.assert_allclose(kernels.cubic(jnp.asarray(x), jnp.asarray(y)), (x @ y.T / 4 + 1) ** 3, rtol=1e-5)
