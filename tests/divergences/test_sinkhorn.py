"""The blockwise Sinkhorn divergence: against dense double precision, POT and OTT, beyond a block, its gradient and its flag."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from gan_jax.divergences import empirical, entropic, kernels
from tests.cases import cases

RNG = np.random.default_rng(8)
X = RNG.normal(size=(30, 2))
Y = RNG.normal(size=(20, 2)) * 0.8 + [1.2, 0.0]
A, B = RNG.dirichlet(np.ones(len(X))), RNG.dirichlet(np.ones(len(Y)))


def soft_minimum(rest: np.ndarray, weights: np.ndarray, epsilon: float) -> np.ndarray:
    least = rest.min(axis=1)
    return least - epsilon * np.log(np.exp((least[:, None] - rest) / epsilon) @ weights)


def dense_transport(
    x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray, epsilon: float
) -> tuple[float, np.ndarray]:
    """Plain Sinkhorn in float64 to the last digit: the value from the plan, and the plan."""
    cost, f, g = cdist(x, y, "sqeuclidean"), np.zeros(len(x)), np.zeros(len(y))
    for _ in range(20_000):
        f = soft_minimum(cost - g, b, epsilon)
        new = soft_minimum(cost.T - f, a, epsilon)
        change, g = np.abs(new - g).max(), new
        if change < 1e-13:
            break
    density = np.exp((f[:, None] + g - cost) / epsilon)
    plan = a[:, None] * b * density
    return float(np.sum(plan * cost) + epsilon * np.sum(plan * np.log(density))), plan


def dense_divergence(x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray, epsilon: float) -> float:
    between, x_alone, y_alone = (
        dense_transport(*pair, epsilon)[0] for pair in ((x, y, a, b), (x, x, a, a), (y, y, b, b))
    )
    return between - (x_alone + y_alone) / 2


def equal(n: int) -> np.ndarray:
    return np.full(n, 1 / n)


@pytest.mark.slow
@cases("epsilon", [0.2, 1.0, 30.0])
@cases("weighted", [False, True])
def test_equals_dense_double_precision(epsilon: float, weighted: bool) -> None:
    a, b = (A, B) if weighted else (equal(len(X)), equal(len(Y)))
    weights = {"x_weights": A, "y_weights": B} if weighted else {}
    expected = dense_divergence(X, Y, a, b, epsilon)
    found = empirical.sinkhorn_divergence(X, Y, epsilon=epsilon, **weights)
    assert found.converged
    # The threshold of 1e-4 enters squared; the three terms are rounded at the size of the largest cost, about 10.
    np.testing.assert_allclose(found.value, expected, atol=1e-5)
    with jax.enable_x64(True):
        exact = empirical.sinkhorn_divergence(X, Y, epsilon=epsilon, threshold=1e-9, **weights)
    assert exact.converged
    np.testing.assert_allclose(exact.value, expected, rtol=1e-10)


@pytest.mark.slow
@cases("shift", [1000.0, 3000.0, 10_000.0])
@cases("epsilon", [1.0, 0.2])
def test_does_not_depend_on_where_the_origin_is(shift: float, epsilon: float) -> None:
    rng = np.random.default_rng(0)
    x, y = (z.astype(np.float32) + np.float32(shift) for z in (rng.normal(size=(64, 2)), rng.normal(size=(64, 2)) + 1))
    found = empirical.sinkhorn_divergence(x, y, epsilon=epsilon)
    expected = dense_divergence(x.astype(float), y.astype(float), equal(64), equal(64), epsilon)
    assert found.converged
    np.testing.assert_allclose(found.value, expected, rtol=2e-5)


@pytest.mark.slow
def test_clouds_far_from_each_other_keep_the_digits_of_their_distance() -> None:
    # S(x, x + δ) = |δ|², whatever ε: by the identity that is in the docstring of `between`, and exactly so in floats.
    x = RNG.integers(-50, 50, size=(40, 3)).astype(np.float32)
    delta = np.array([3000.0, -4000.0, 12_000.0], np.float32)
    found = empirical.sinkhorn_divergence(x, x + delta, epsilon=5.0)
    assert found.converged
    np.testing.assert_allclose(found.value, 13_000.0**2, rtol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("d", [2, 12])
def test_blocks_change_neither_value_nor_gradient(monkeypatch: pytest.MonkeyPatch, d: int) -> None:
    # In 12 dimensions costs beyond a block are made by products, in 2 by differences.
    x, y = jnp.asarray(RNG.normal(size=(30, d)) + 1000.0), jnp.asarray(RNG.normal(size=(20, d)) + 1000.5)
    function = jax.value_and_grad(
        lambda x, a: empirical.sinkhorn_divergence(x, y, epsilon=2.0, x_weights=a).value, argnums=(0, 1)
    )
    whole = function(x, jnp.asarray(A))
    monkeypatch.setattr(kernels, "BLOCK_ENTRIES", 7 * 20)
    empirical._sinkhorn.clear_cache()  # type: ignore[attr-defined]
    parts = function(x, jnp.asarray(A))
    empirical._sinkhorn.clear_cache()  # type: ignore[attr-defined]
    for found, expected in zip(jax.tree.leaves(parts), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-5)


@pytest.mark.slow
def test_more_points_than_a_block_holds_pairs() -> None:
    # Every point twice is the same law: 2100² pairs are walked through in blocks, 1050² are stored. (1500 points
    # worked before, 2500 did not.)
    x, y = RNG.normal(size=(1050, 2)), RNG.normal(size=(1050, 2)) + 1.0
    assert 1050**2 <= kernels.BLOCK_ENTRIES < 2100**2
    once = empirical.sinkhorn_divergence(x, y, epsilon=2.0)
    twice = empirical.sinkhorn_divergence(np.repeat(x, 2, axis=0), np.repeat(y, 2, axis=0), epsilon=2.0)
    assert once.converged
    assert twice.converged
    np.testing.assert_allclose(twice.value, once.value, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("d", [2, 16])
def test_ten_thousand_points_need_no_matrix_of_all_pairs(d: int) -> None:
    n = 10_000
    x = jax.ShapeDtypeStruct((n, d), jnp.float32)
    program = jax.jit(jax.value_and_grad(lambda x, y: empirical.sinkhorn_divergence(x, y, epsilon=1.0).value))
    memory = program.lower(x, x).compile().memory_analysis()
    # All pairs of float32 have 400 MB; a block has 17, and a few are alive at once.
    assert memory.temp_size_in_bytes < 4 * n**2 / 2


@pytest.mark.slow
@pytest.mark.parametrize("epsilon", [0.02, 0.2])
def test_is_between_the_bounds_of_exact_transport(epsilon: float) -> None:
    # OT ≤ OT_ε ≤ OT + ε KL(best plan ‖ product), and that KL is log n for one-to-one plans.
    x, y = X[:20], Y
    cost = cdist(x, y, "sqeuclidean")
    exact = cost[linear_sum_assignment(cost)].mean()
    with jax.enable_x64(True):
        clouds = (entropic.Cloud(jnp.asarray(z), jnp.asarray(equal(20))) for z in (x, y))
        found = entropic.between(*clouds, jnp.asarray(epsilon), jnp.asarray(1e-9), max_iterations=50_000)
    assert exact - 1e-9 <= float(found.value) <= exact + epsilon * np.log(20) + 1e-9


@pytest.mark.slow
def test_gradients_in_points_weights_and_epsilon() -> None:
    epsilon, step = 0.5, 1e-5

    def function(x: jax.Array, a: jax.Array, e: jax.Array) -> jax.Array:
        return empirical.sinkhorn_divergence(x, Y, epsilon=e, x_weights=a, y_weights=B, threshold=1e-11).value

    with jax.enable_x64(True):
        slopes = jax.jit(jax.grad(function, argnums=(0, 1, 2)))(*map(jnp.asarray, (X, A, epsilon)))
    in_x, in_a, in_e = map(np.asarray, slopes)
    # By the plans of dense transport: ∂OT/∂x_i = 2 Σ_j π_ij (x_i − y_j), and half of twice that in OT(x, x).
    between, alone = dense_transport(X, Y, A, B, epsilon)[1], dense_transport(X, X, A, A, epsilon)[1]
    expected = 2 * (A[:, None] * X - between @ Y) - 2 * (A[:, None] * X - alone @ X)
    np.testing.assert_allclose(in_x, expected, atol=1e-9)
    # Weights and ε by differences of dense values, along a direction that keeps the sum.
    along = RNG.dirichlet(np.ones(len(X))) - A
    values = [dense_divergence(X, Y, A + s * step * along, B, epsilon) for s in (1, -1)]
    np.testing.assert_allclose(in_a @ along, (values[0] - values[1]) / (2 * step), rtol=1e-6)
    values = [dense_divergence(X, Y, A, B, epsilon + s * step) for s in (1, -1)]
    np.testing.assert_allclose(in_e, (values[0] - values[1]) / (2 * step), rtol=1e-6)


def test_a_weight_of_zero_is_a_point_less_and_has_a_gradient() -> None:
    epsilon, step = 0.5, 1e-6
    without = A.copy()
    without[3] = 0.0
    without /= without.sum()
    with jax.enable_x64(True):
        function = jax.value_and_grad(
            lambda a: empirical.sinkhorn_divergence(X, Y, epsilon=epsilon, x_weights=a, threshold=1e-11).value
        )
        value, slope = map(np.asarray, jax.jit(function)(jnp.asarray(without)))
    rest = np.arange(len(X)) != 3
    b = equal(len(Y))
    expected = dense_divergence(X[rest], Y, without[rest], b, epsilon)
    np.testing.assert_allclose(value, expected, rtol=1e-9)
    # From one side: there are no weights below 0. Divided differences at h and 2 h, extrapolated.
    along = np.eye(len(X))[3] - without
    one, two = ((dense_divergence(X, Y, without + h * along, b, epsilon) - expected) / h for h in (step, 2 * step))
    np.testing.assert_allclose(slope @ along, 2 * one - two, rtol=1e-4)


@pytest.mark.slow
def test_many_problems_and_many_epsilons_at_once() -> None:
    x = jnp.asarray(RNG.normal(size=(3, 12, 2)), jnp.float32)
    epsilons = jnp.asarray([0.1, 1.0, 10.0])
    together = jax.jit(jax.vmap(lambda x, e: empirical.sinkhorn_divergence(x, Y, epsilon=e)))(x, epsilons)
    alone = [empirical.sinkhorn_divergence(z, Y, epsilon=e) for z, e in zip(x, epsilons, strict=True)]
    assert jnp.all(together.converged)
    np.testing.assert_allclose(together.value, [each.value for each in alone], rtol=1e-5)
    np.testing.assert_array_equal(together.iterations, [each.iterations for each in alone])


@pytest.mark.slow
@pytest.mark.parametrize("size", [1e19, 1e25])
def test_converged_implies_finite(size: float) -> None:
    # Squares beyond what float32 holds.
    found = empirical.sinkhorn_divergence(size * X, -size * X, epsilon=1.0)
    assert not found.converged
    found = jax.jit(lambda x: empirical.sinkhorn_divergence(x, Y, epsilon=1.0))(jnp.full((5, 2), jnp.nan))
    assert not found.converged


@pytest.mark.slow
@pytest.mark.parametrize("epsilon", [1e2, 1e4, 1e6, 1e9])
def test_a_large_epsilon_leaves_the_distance_of_the_means(epsilon: float) -> None:
    """``S = |mean x - mean y|^2 + O(1 / epsilon)`` in single precision: of logarithms near 0, times epsilon, nothing else would be left."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 2)).astype(np.float32), rng.normal(size=(5, 2)).astype(np.float32) + np.float32(1.0)
    found = empirical.sinkhorn_divergence(x, y, epsilon=epsilon)
    means = float(np.sum(np.square(x.astype(float).mean(axis=0) - y.astype(float).mean(axis=0))))
    assert found.converged
    assert float(found.value) == pytest.approx(means, rel=2e-5, abs=4.0 / epsilon)


def test_the_flag_is_of_the_threshold_that_was_asked_for() -> None:
    for most, converges in ((3, False), (2000, True)):
        found = empirical.sinkhorn_divergence(X, Y, epsilon=0.05, threshold=1e-3, max_iterations=most)
        assert found.iterations[0] <= most
        assert bool(found.converged) == converges


@pytest.mark.exhaustive
def test_equals_ott_at_fifteen_hundred_points() -> None:
    from ott.geometry.pointcloud import PointCloud
    from ott.tools.sinkhorn_divergence import sinkhorn_divergence

    x, y = RNG.normal(size=(1500, 3)), RNG.normal(size=(1400, 3)) * 1.5 + 0.5
    with jax.enable_x64(True), jax.numpy_rank_promotion("allow"):
        expected, output = sinkhorn_divergence(
            PointCloud, jnp.asarray(x), jnp.asarray(y), epsilon=0.5, solve_kwargs={"threshold": 1e-7}
        )
    assert all(output.converged)
    found = empirical.sinkhorn_divergence(x, y, epsilon=0.5)
    assert found.converged
    np.testing.assert_allclose(found.value, expected, rtol=2e-5)


@pytest.mark.exhaustive
@pytest.mark.usefixtures("optimised")
def test_ten_thousand_points_converge() -> None:
    x = RNG.normal(size=(10_000, 2))
    found = empirical.sinkhorn_divergence(x, RNG.normal(size=(10_000, 2)) + np.array([2.0, 0.0]), epsilon=2.0)
    assert found.converged
    # Equal covariances: S is the squared distance of the means, whose standard error is 2 · 2 √(2 / n).
    assert abs(float(found.value) - 4.0) < 4 * 4 * np.sqrt(2 / 10_000)
