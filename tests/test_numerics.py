"""Right values and right gradients at the edges, against mpmath and definitions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_jax import numerics
from gan_jax.typing import Array
from tests.cases import cases

mpmath.mp.dps = 40
LOG_RATIOS = np.array(
    [-700.0, -60.0, -5.0, -2.0, -1.99, -0.3, -1e-3, -1e-9, 0.0, 1e-12, 1e-5, 0.29, 0.31, 1.0, 2.01, 8.0, 90.0]
)


def _sigmoid(r):
    return 1 / (1 + mpmath.exp(-r))


def _entropy(r):
    s, t = _sigmoid(r), _sigmoid(-r)
    return -s * mpmath.log(s) - t * mpmath.log(t)


TRUTH = {
    "js_kernel": lambda r: mpmath.log(2) - _entropy(r),
    "binary_entropy": _entropy,
    "tv_kernel": lambda r: mpmath.tanh(abs(r) / 2),
    "tv_complement": lambda r: 2 * _sigmoid(-abs(r)),
    "hellinger_kernel": lambda r: 2 * mpmath.sinh(r / 4) ** 2 / mpmath.cosh(r / 2),
    "hellinger_complement": lambda r: mpmath.sech(r / 2),
    "log_cosh": lambda r: mpmath.log(mpmath.cosh(r)),
    "exp_remainder": lambda r: mpmath.expm1(r) - r,
}
SLOPE = {
    "js_kernel": lambda r: r * _sigmoid(r) * _sigmoid(-r),
    "binary_entropy": lambda r: -r * _sigmoid(r) * _sigmoid(-r),
    "tv_kernel": lambda r: mpmath.sign(r) / 2 * mpmath.sech(r / 2) ** 2,
    "tv_complement": lambda r: -mpmath.sign(r) / 2 * mpmath.sech(r / 2) ** 2,
    "hellinger_kernel": lambda r: mpmath.tanh(r / 2) * mpmath.sech(r / 2) / 2,
    "hellinger_complement": lambda r: -mpmath.tanh(r / 2) * mpmath.sech(r / 2) / 2,
    "log_cosh": mpmath.tanh,
    "exp_remainder": mpmath.expm1,
}


def _table(function):
    with mpmath.workdps(60):
        return np.array([float(function(mpmath.mpf(float(r)))) for r in LOG_RATIOS])


@pytest.mark.slow
@cases("name", TRUTH)
def test_kernel_keeps_its_relative_accuracy_in_value_and_gradient(name):
    """At every scale of the log-ratio, from 1e-12 to 700: a few units in the last place."""
    with jax.enable_x64(True):
        both = jax.vmap(jax.value_and_grad(getattr(numerics, name)))(jnp.asarray(LOG_RATIOS))
    values, slopes = (np.asarray(part) for part in both)
    eps = np.finfo(np.float64).eps
    # 1e-300 is where doubles lose digits; e^-r has a relative error of |r| eps.
    scale = 16 * eps * (1 + np.abs(LOG_RATIOS))
    np.testing.assert_array_less(np.abs(values - _table(TRUTH[name])), scale * np.abs(_table(TRUTH[name])) + 1e-300)
    if name in ("hellinger_kernel", "hellinger_complement"):
        # The slope's two factors are differentiated apart: absolute accuracy.
        np.testing.assert_allclose(slopes, _table(SLOPE[name]), atol=8 * eps)
    else:
        np.testing.assert_array_less(np.abs(slopes - _table(SLOPE[name])), scale * np.abs(_table(SLOPE[name])) + 1e-300)


@pytest.mark.slow
@cases("name", [n for n in TRUTH if n not in ("log_cosh", "exp_remainder")])
@cases("r", [np.inf, -np.inf])
def test_kernel_at_infinity_is_its_limit_with_gradient_zero(name, r):
    value, slope = jax.value_and_grad(getattr(numerics, name))(jnp.asarray(r))
    limit = {"js_kernel": numerics.LOG_2, "tv_kernel": 1.0, "hellinger_kernel": 1.0}.get(name, 0.0)
    assert float(value) == pytest.approx(limit, rel=1e-7)
    assert float(slope) == 0.0


@pytest.mark.slow
def test_kernels_and_complements_add_up_to_the_bound():
    r = jnp.asarray(LOG_RATIOS, jnp.float32)
    np.testing.assert_allclose(numerics.js_kernel(r) + numerics.binary_entropy(r), numerics.LOG_2, rtol=5e-7)
    np.testing.assert_allclose(numerics.tv_kernel(r) + numerics.tv_complement(r), 1.0, rtol=5e-7)
    np.testing.assert_allclose(numerics.hellinger_kernel(r) + numerics.hellinger_complement(r), 1.0, rtol=5e-7)


@pytest.mark.parametrize(
    ("x", "y", "value", "slopes"),
    [
        (0.0, 0.0, 0.0, (0.0, 0.0)),
        (0.0, 2.0, 0.0, (np.log(2.0), 0.0)),
        (3.0, 2.0, 3 * np.log(2.0), (np.log(2.0), 1.5)),
        (3.0, 0.0, -np.inf, (0.0, 0.0)),
    ],
)
def test_xlogy_at_its_edges(x, y, value, slopes):
    got, gradient = jax.value_and_grad(numerics.xlogy, (0, 1))(x, y)
    np.testing.assert_allclose(got, value, rtol=1e-6)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6)


def test_norm_has_gradient_zero_at_zero_and_a_unit_vector_elsewhere():
    x = jnp.asarray([[0.0, 0.0], [3.0, 4.0], [1e-12, 0.0]])
    np.testing.assert_allclose(numerics.norm(x), [0.0, 5.0, 1e-12], rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(jax.grad(numerics.norm))(x), [[0, 0], [0.6, 0.8], [1, 0]], rtol=1e-6)
    assert numerics.norm(x, axis=None).shape == ()


def test_absolute_has_gradient_zero_at_zero():
    np.testing.assert_array_equal(jax.vmap(jax.grad(numerics.absolute))(jnp.asarray([-2.0, 0.0, 3.0])), [-1, 0, 1])


@pytest.mark.slow
def test_log_mean_exp():
    x = jnp.asarray([[1000.0, 1000.0], [-jnp.inf, -jnp.inf], [0.0, -jnp.inf]])
    np.testing.assert_allclose(numerics.log_mean_exp(x, axis=1), [1000.0, -np.inf, -np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(numerics.log_mean_exp(jnp.log(jnp.arange(1.0, 6.0))), np.log(3.0), rtol=1e-6)


def test_log_sum_exp_of_nothing_has_gradient_zero():
    x = jnp.asarray([[-jnp.inf, -jnp.inf], [0.0, -jnp.inf]])
    np.testing.assert_array_equal(numerics.log_sum_exp(x), [-np.inf, 0.0])
    np.testing.assert_array_equal(jax.grad(lambda x: jnp.sum(jnp.exp(numerics.log_sum_exp(x))))(x), [[0, 0], [1, 0]])


def test_log_ratio_where_densities_vanish():
    log_p = jnp.asarray([-jnp.inf, -jnp.inf, 0.0, 1.0])
    log_q = jnp.asarray([-jnp.inf, 0.0, -jnp.inf, 3.0])
    np.testing.assert_array_equal(numerics.log_ratio(log_p, log_q), [0, -np.inf, np.inf, -2])
    gradient = jax.grad(
        lambda a: numerics.log_ratio(a, log_q)[3] + jnp.sum(jnp.tanh(numerics.log_ratio(a, log_q))[:3])
    )(log_p)
    np.testing.assert_array_equal(gradient, [0, 0, 0, 1])


@given(st.floats(-80.0, -1e-30))
@settings(deadline=None, max_examples=50)
def test_log1m_exp(x):
    x = float(np.float32(x))
    with mpmath.workdps(60):
        truth = float(mpmath.log(-mpmath.expm1(x)))
    assert float(numerics.log1m_exp(jnp.float32(x))) == pytest.approx(truth, rel=1e-6, abs=1e-44)


def test_log1m_exp_at_zero():
    value, slope = jax.value_and_grad(numerics.log1m_exp)(0.0)
    assert value == -jnp.inf
    assert np.isfinite(slope)


def test_smaller_of_takes_the_side_that_keeps_its_digits():
    complement = jnp.float32(1e-9)
    slope = jax.grad(lambda c: numerics.smaller_of(jnp.float32(1.0), c, 1.0))(complement)
    assert float(slope) == -1.0
    assert float(numerics.smaller_of(jnp.float32(1e-9), jnp.float32(1.0), 1.0)) == np.float32(1e-9)


def test_what_is_computed_already_is_computed_again_for_its_derivative_alone() -> None:
    calls = []

    def cube(x: Array, exponent: Array) -> Array:
        calls.append(1)
        return x["a"] ** exponent

    def known(a: Array) -> Array:
        return numerics.computed(a * a * a, cube, {"a": a}, jnp.asarray(3))

    assert known(jnp.asarray(2.0)) == 8.0
    assert not calls
    # x^3: 3 x^2 and 6 x, forwards and backwards; nothing comes from how the value was found.
    np.testing.assert_allclose(jax.grad(known)(2.0), 12.0, rtol=1e-6)
    np.testing.assert_allclose(jax.grad(jax.grad(known))(2.0), 12.0, rtol=1e-6)
    np.testing.assert_allclose(jax.jvp(known, (2.0,), (1.0,)), (8.0, 12.0), rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(jax.grad(known))(jnp.asarray([1.0, 2.0])), [3.0, 12.0], rtol=1e-6)
