"""Exact transport in more dimensions, moving plans, sliced and Sinkhorn: other solvers, closed forms, gradients."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from gan_jax.divergences import empirical, empirical_transport
from tests.cases import cases

ot = empirical_transport.import_pot()
RNG = np.random.default_rng(11)
N, M, D = 6, 9, 3
X, Y = RNG.normal(size=(N, D)), RNG.normal(0.5, 2.0, size=(M, D))
A, B = RNG.dirichlet(np.ones(N)), RNG.dirichlet(np.ones(M))
SHIFT = np.array([1.0, -2.0, 0.5])


# Exact transport, d > 1.


@pytest.mark.parametrize("order", [1, 1.5, 2])
def test_equals_pot(order):
    with jax.enable_x64(True):
        value = empirical.wasserstein(X, Y, order=order, x_weights=A, y_weights=B)
        compiled = jax.jit(lambda x, y: empirical.wasserstein(x, y, order=order, x_weights=A, y_weights=B))(X, Y)
    expected = ot.emd2(A, B, cdist(X, Y) ** order) ** (1 / order)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(compiled, expected, rtol=1e-12)


def test_equals_the_best_assignment():
    x, y = RNG.normal(size=(60, D)), RNG.normal(size=(60, D))
    cost = cdist(x, y)
    with jax.enable_x64(True):
        np.testing.assert_allclose(empirical.wasserstein(x, y), cost[linear_sum_assignment(cost)].mean(), rtol=1e-12)


@cases("order", [1, 2, 60])
@cases("scale", [1e-12, 1.0, 1e12])
def test_translation_costs_its_length(order, scale):
    # Jensen: no plan beats moving everything by the difference of means. High orders must not overflow in float32.
    x = scale * X
    value = empirical.wasserstein(jnp.asarray(x), jnp.asarray(x + scale * SHIFT), order=order)
    np.testing.assert_allclose(value, scale * np.linalg.norm(SHIFT), rtol=1e-5)


def test_distances_far_from_the_origin_keep_their_digits():
    with jax.enable_x64(True):
        near, far = (float(empirical.wasserstein(X + c, X + c + 1e-3 * SHIFT)) for c in (0.0, 2.0**20))
    # Points at 2²⁰ are rounded to 2⁻³²; by ‖x‖² + ‖y‖² − 2 x·y squares of 10⁻³ would be lost (2⁴⁰ · 2⁻⁵² > 10⁻⁶ ·
    # 10⁻³).
    assert abs(near - far) < 2.0**-30


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, 2])
def test_agrees_with_the_line(order):
    x, y = X[:, :1], Y[:, :1]
    flat = [np.concatenate([z, np.zeros_like(z)], axis=1) for z in (x, y)]
    with jax.enable_x64(True):
        on_line = jax.value_and_grad(
            lambda x, a: empirical.wasserstein(x, y, order=order, x_weights=a, y_weights=B), (0, 1)
        )
        in_plane = jax.value_and_grad(
            lambda x, a: empirical.wasserstein(x, flat[1], order=order, x_weights=a, y_weights=B), (0, 1)
        )
        value, (slope, potential) = on_line(jnp.asarray(x), jnp.asarray(A))
        value_2, (slope_2, potential_2) = in_plane(jnp.asarray(flat[0]), jnp.asarray(A))
    np.testing.assert_allclose(value, value_2, rtol=1e-12)
    np.testing.assert_allclose(slope, slope_2[:, :1], atol=1e-12)
    np.testing.assert_allclose(potential, potential_2, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2])
def test_transport_gradients_by_finite_differences(order):
    with jax.enable_x64(True):
        function = jax.jit(lambda x, y, a, b: empirical.wasserstein(x, y, order=order, x_weights=a, y_weights=b))
        check_grads(function, tuple(map(jnp.asarray, (X, Y, A, B))), order=1, modes=("fwd", "rev"), eps=1e-6)


@pytest.mark.parametrize("zero", [0, 3])
def test_gradient_of_weights_supports_the_value(zero):
    # Equal weights (every plan degenerate) and one weight of zero; W1 is convex in the weights.
    start = np.full(N, 1 / N)
    if zero:
        start[zero] = 0
        start /= start.sum()
    with jax.enable_x64(True):
        function = jax.jit(jax.value_and_grad(lambda a: empirical.wasserstein(X, Y[:N], x_weights=a)))
        value, slope = map(np.asarray, function(start))
        for _ in range(20):
            other = RNG.dirichlet(np.full(N, 0.3))
            assert np.asarray(function(other)[0]) >= value + slope @ (other - start) - 1e-12
    np.testing.assert_allclose(slope @ start, 0, atol=1e-12)


@pytest.mark.parametrize("order", [1, 1.5, 2])
def test_transport_gradient_is_zero_where_samples_coincide(order):
    x = jnp.asarray(X)
    slope = jax.jit(jax.grad(lambda x: empirical.wasserstein(x, jax.lax.stop_gradient(x), order=order)))(x)
    np.testing.assert_array_equal(slope, jnp.zeros_like(x))


def test_gradient_of_w1_is_unit_vectors():
    slope = jax.grad(empirical.wasserstein)(jnp.asarray(X), jnp.asarray(X + 100 * SHIFT))
    # So far away every point moves along almost the same direction; each carries 1/n.
    np.testing.assert_allclose(np.linalg.norm(slope, axis=1), 1 / N, rtol=1e-5)


def test_transport_under_vmap():
    x = jnp.asarray(RNG.normal(size=(3, N, D)))
    together = jax.jit(jax.vmap(empirical.wasserstein, in_axes=(0, None)))(x, jnp.asarray(Y))
    np.testing.assert_allclose(together, [empirical.wasserstein(z, jnp.asarray(Y)) for z in x], rtol=1e-6)


def test_many_callbacks_in_one_program():
    # Callbacks whose arguments are large have been known to wait for themselves on a machine of few cores.
    x = jnp.asarray(RNG.normal(size=(64, 4096)), jnp.float32)

    @jax.jit
    def walk(x):
        return jax.lax.scan(lambda z, _: (z + 1, empirical.wasserstein(z, x)), x + 1, length=20)[1]

    np.testing.assert_allclose(walk(x), 64.0 * np.arange(1, 21), rtol=1e-5)


def test_says_when_it_did_not_converge(monkeypatch):
    monkeypatch.setattr(empirical_transport, "MAX_ITERATIONS", 1)
    with pytest.raises(RuntimeError, match="did not converge in 1 iterations"):
        empirical.wasserstein(X, Y)
    with pytest.raises(jax.errors.JaxRuntimeError, match="did not converge in 1 iterations"):
        jax.block_until_ready(jax.jit(lambda x: empirical.wasserstein(x, 2 * Y))(X))


# Moving plans.


@pytest.mark.slow
@cases("n", [1, 4, 6])
@cases("d", [1, 2])
def test_cheapest_plan_is_w1(n, d):
    x, y = RNG.normal(size=(n, d)), RNG.normal(size=(n, d))
    with jax.enable_x64(True):
        plans = empirical.moving_plans(x, y)
        np.testing.assert_allclose(plans.costs[0], empirical.wasserstein(x, y), rtol=1e-12)
    expected = {
        p: np.mean([np.linalg.norm(x[i] - y[j]) for i, j in enumerate(p)]) for p in itertools.permutations(range(n))
    }
    assert plans.permutations.shape == (math.factorial(n), n)
    np.testing.assert_allclose(plans.costs, [expected[tuple(map(int, p))] for p in plans.permutations], rtol=1e-12)
    assert len({tuple(map(int, p)) for p in plans.permutations}) == math.factorial(n)
    assert np.all(np.diff(plans.costs) >= 0)
    if d == 1:
        sorted_plan = np.argsort(y[:, 0])[np.argsort(np.argsort(x[:, 0]))]
        np.testing.assert_allclose(expected[tuple(map(int, sorted_plan))], plans.costs[0], rtol=1e-12)


def test_eight_points():
    plans = empirical.moving_plans(RNG.normal(size=(8, 2)), RNG.normal(size=(8, 2)))
    assert plans.permutations.shape == (40_320, 8)


# Sliced.


@pytest.mark.parametrize("d", [2, 5])
@pytest.mark.parametrize("order", [1, 2])
def test_sliced_distance_of_a_shift(d, order):
    x = RNG.normal(size=(20, d))
    delta = np.arange(1.0, d + 1)
    projections = 4000
    value = empirical.sliced_wasserstein(
        jax.random.key(3), jnp.asarray(x), jnp.asarray(x + delta), order=order, projections=projections
    )
    # Every projection moves by |<u, δ>|; E|<u, δ>| is the closed form, E<u, δ>² = ‖δ‖² / d, E<u, δ>⁴ = 3 ‖δ‖⁴ / d(d
    # + 2).
    length = np.linalg.norm(delta)
    first = length * math.gamma(d / 2) / (math.sqrt(math.pi) * math.gamma((d + 1) / 2))
    second, fourth = length**2 / d, 3 * length**4 / (d * (d + 2))
    mean, variance = (first, second - first**2) if order == 1 else (second, fourth - second**2)
    assert abs(value**order - mean) < 4 * math.sqrt(variance / projections)


def test_sliced_in_one_dimension_is_exact():
    x, y = jnp.asarray(X[:, :1]), jnp.asarray(Y[:, :1])
    value = empirical.sliced_wasserstein(jax.random.key(0), x, y, order=2, projections=3)
    np.testing.assert_allclose(value, empirical.wasserstein(x, y, order=2), rtol=1e-6)


def test_sliced_does_not_depend_on_how_many_fit_in_memory(monkeypatch):
    value = empirical.sliced_wasserstein(jax.random.key(1), X, Y, projections=7)
    monkeypatch.setattr(empirical.kernels, "BLOCK_ENTRIES", 2 * (N + M))
    empirical._sliced.clear_cache()
    in_blocks = empirical.sliced_wasserstein(jax.random.key(1), X, Y, projections=7)
    np.testing.assert_allclose(in_blocks, value, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, 2])
def test_sliced_gradients(order):
    with jax.enable_x64(True):
        x, y = jnp.asarray(X), jnp.asarray(Y)
        function = jax.jit(
            lambda x, y: empirical.sliced_wasserstein(jax.random.key(2), x, y, order=order, projections=4)
        )
        check_grads(function, (x, y), order=1, modes=("fwd", "rev"), eps=1e-6)
        slope = jax.grad(function)(x, x)
    np.testing.assert_array_equal(slope, jnp.zeros_like(x))


# Sinkhorn.


def _entropic_gaussians(delta, a, b, epsilon):
    """Entropic cost of N(0, a²) and N(δ, b²), from REFERENCE_RESULTS, section 2."""
    s2 = epsilon / 2
    d = math.sqrt(4 * a**2 * b**2 + s2**2)
    return delta**2 + a**2 + b**2 - d + s2 * (1 - math.log(2 * s2)) + s2 * math.log(d + s2)


@pytest.mark.parametrize(
    ("a", "b", "delta", "epsilon", "expected"),
    [(1, 2, 1, 1, 3.22435668), (1, 2, 1, 0.2, 2.40082316), (1, 1, 0, 1, 0.90875401)],
)
def test_closed_form_equals_the_reference(a, b, delta, epsilon, expected):
    assert abs(_entropic_gaussians(delta, a, b, epsilon) - expected) < 1e-8


@pytest.mark.slow
@pytest.mark.parametrize("epsilon", [0.2, 1.0])
def test_sinkhorn_divergence_of_gaussians(epsilon):
    expected = (
        _entropic_gaussians(1, 1, 2, epsilon)
        - _entropic_gaussians(0, 1, 1, epsilon) / 2
        - _entropic_gaussians(0, 2, 2, epsilon) / 2
    )
    x, y = RNG.normal(size=(12, 400, 1)), RNG.normal(1.0, 2.0, size=(12, 400, 1))
    results = [
        empirical.sinkhorn_divergence(jnp.asarray(u), jnp.asarray(v), epsilon=epsilon)
        for u, v in zip(x, y, strict=True)
    ]
    values = np.array([result.value for result in results])
    assert all(result.converged for result in results)
    # The bias of the debiased value, O(1/n), is an order below the standard error, O(1/√(12 n)).
    assert abs(values.mean() - expected) < 4 * values.std(ddof=1) / math.sqrt(12)


def test_sinkhorn_of_two_points_by_hand():
    # One point against two: the plan is forced, and costs (1 + 4) / 2. The two against themselves: by symmetry the
    # share that stays is q = σ(9 / ε), and the entropy is that of (q, 1 − q) against (½, ½).
    epsilon, x, y = 0.7, jnp.array([[0.0]]), jnp.array([[-1.0], [2.0]])
    q = 1 / (1 + math.exp(-9 / epsilon))
    own = (1 - q) * 9 + epsilon * (q * math.log(2 * q) + (1 - q) * math.log(2 * (1 - q)))
    result = empirical.sinkhorn_divergence(x, y, epsilon=epsilon)
    np.testing.assert_allclose(result.value, 2.5 - own / 2, rtol=1e-5)
    assert result.converged


@jax.jit
def _sinkhorn(x, y, epsilon, threshold):
    result = empirical.sinkhorn_divergence(x, y, epsilon=epsilon, threshold=threshold)
    return result.value, result.converged


def _in_double(x, y, epsilon, threshold=1e-10):
    with jax.enable_x64(True):
        return tuple(map(np.asarray, _sinkhorn(x, y, epsilon, threshold)))


def test_sinkhorn_equals_pot():
    def entropic(x, y):
        a, b, cost = np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y)), cdist(x, y, "sqeuclidean")
        plan = ot.sinkhorn(a, b, cost, 5.0, method="sinkhorn_log", stopThr=1e-9, numItermax=100_000)
        return np.sum(plan * cost) + 5.0 * np.sum(plan * np.log(plan / np.outer(a, b)))

    # POT's value comes from the plan: an error of 1e-9 of mass, times costs below 100.
    np.testing.assert_allclose(
        _in_double(X, Y, 5.0)[0], entropic(X, Y) - entropic(X, X) / 2 - entropic(Y, Y) / 2, atol=1e-7
    )


@pytest.mark.slow
def test_sinkhorn_gradients():
    with jax.enable_x64(True):
        arguments = tuple(map(jnp.asarray, (X, Y, 0.5)))
        check_grads(lambda *a: _sinkhorn(*a, 1e-10)[0], arguments, order=1, modes=("fwd", "rev"), eps=1e-5)


def test_sinkhorn_is_zero_on_the_diagonal_with_gradient_zero():
    value, slope = jax.value_and_grad(lambda x: empirical.sinkhorn_divergence(x, X, epsilon=0.5).value)(jnp.asarray(X))
    # Its minimum; the threshold bounds the error of the plan's marginals, the diameter that of a cost.
    assert abs(value) < 1e-4 * np.max(cdist(X, X, "sqeuclidean"))
    assert np.max(np.abs(slope)) < 1e-4 * np.max(cdist(X, X))


def test_sinkhorn_says_when_it_did_not_converge():
    assert _in_double(X, Y, 0.5)[1]
    assert not _in_double(X, 10 * Y, 1e-5)[1]


def test_sinkhorn_epsilon_is_absolute():
    # S(c x, c y; c² ε) = c² S(x, y; ε), and not with the same ε: it does not follow the data.
    value = _in_double(X, Y, 0.5)[0]
    np.testing.assert_allclose(_in_double(4 * X, 4 * Y, 8.0)[0], 16 * value, rtol=1e-8)
    assert abs(_in_double(4 * X, 4 * Y, 0.5)[0] / (16 * value) - 1) > 1e-3
