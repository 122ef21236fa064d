"""Bad input gets one sentence that names the argument, the value and what was expected."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.divergences import empirical
from tests.cases import cases

X = np.arange(6.0).reshape(3, 2)
LINE = np.arange(3.0)
THIRDS = [1 / 3, 1 / 3, 1 / 3]
NAN = np.array([[0.0, np.nan], [0.0, 1.0]])


def _sliced(x, y, **options):
    return empirical.sliced_wasserstein(jax.random.key(0), x, y, **options)


def _sinkhorn(x, y, epsilon=1.0, **options):
    return empirical.sinkhorn_divergence(x, y, epsilon=epsilon, **options)


def _mmd2(x, y, **options):
    return empirical.mmd2(x, y, **{"kernel": empirical.gaussian(1.0), **options})


FUNCTIONS = [empirical.wasserstein, empirical.moving_plans, _sliced, _sinkhorn, _mmd2, empirical.energy_distance]


@cases("function", FUNCTIONS)
@cases(
    ("x", "y", "message"),
    [
        (NAN, X, "x holds 1 value.* NaN or infinite; expected finite"),
        (X, NAN, "y holds 1 value.* NaN or infinite; expected finite"),
        (X, X + np.inf, "y holds .* NaN or infinite; expected finite"),
        (np.zeros((0, 2)), X, r"x has shape \(0, 2\); expected at least one sample"),
        (
            X,
            [],
            r"y has shape \(0,\).*; expected at least one sample|y has shape \(0, 1\); expected at least one sample",
        ),
        (X, LINE, r"x has shape \(3, 2\) and y has shape \(3, 1\); expected the same"),
        (X[None], X, r"x has shape \(1, 3, 2\); expected samples of shape \[n, d\]"),
    ],
)
def test_samples(function, x, y, message):
    with pytest.raises(ValueError, match=message):
        function(x, y)


@cases(
    ("call", "message"),
    [
        (lambda: empirical.wasserstein(X, X, order=0.5), "order is 0.5; expected a value of at least 1"),
        (
            lambda: empirical.wasserstein(X, X, order=np.array([1.0, 2.0])),
            r"order has shape \(2,\); expected one number",
        ),
        (lambda: empirical.wasserstein(X, X, order=np.nan), "order is nan; expected"),
        (lambda: empirical.wasserstein(X, X, order=np.inf), "order holds .* infinite; expected finite"),
        (lambda: _sliced(X, X, order=0), "order is 0; expected a value of at least 1"),
        (lambda: _sliced(X, X, projections=0), "projections is 0; expected an integer of at least 1"),
        (lambda: empirical.wasserstein(X, X, x_weights=[0.5, 0.5]), r"x_weights has shape \(2,\); expected \(3,\)"),
        (
            lambda: empirical.wasserstein(X, X, y_weights=[0.5, 1.0, -0.5]),
            "y_weights is -0.5; expected a value of at least 0",
        ),
        (
            lambda: empirical.wasserstein(LINE, LINE, x_weights=[0.3, 0.3, 0.3]),
            "x_weights sums to 0.9; expected 1 within",
        ),
        (
            lambda: empirical.wasserstein(LINE, LINE, y_weights=[1.0, 1.0, 1.0]),
            "y_weights sums to 3; expected 1 within",
        ),
        (lambda: empirical.wasserstein(LINE, LINE, x_weights=[np.nan, 0.5, 0.5]), "x_weights holds 1 value.* NaN"),
        (lambda: empirical.moving_plans(np.zeros((9, 1)), np.zeros((9, 1))), "x has 9 points; expected at most 8"),
        (lambda: empirical.moving_plans(X, X[:2]), "x has 3 points and y has 2; expected as many"),
        (lambda: _sinkhorn(X, X, epsilon=0.0), "epsilon is 0.0; expected a value above 0"),
        (lambda: _sinkhorn(X, X, epsilon=-1.0), "epsilon is -1.0; expected a value above 0"),
        (lambda: _sinkhorn(X, X, epsilon=np.nan), "epsilon holds .* NaN"),
        (lambda: _sinkhorn(X, X, threshold=0.0), "threshold is 0.0; expected a value above 0"),
        (lambda: _sinkhorn(X, X, max_iterations=0), "max_iterations is 0; expected an integer of at least 1"),
        (lambda: _mmd2(X[:1], X), "x has 1 sample; expected at least 2 for an unbiased value"),
        (lambda: empirical.energy_distance(X, X[:1]), "y has 1 sample; expected at least 2 for an unbiased value"),
        (lambda: empirical.gaussian(0.0), r"bandwidth is .*0.*; expected a value above 0"),
        (lambda: empirical.laplacian([1.0, -2.0]), r"bandwidth is .*-2.*; expected a value above 0"),
        (lambda: empirical.gaussian(np.nan), "bandwidth holds .* NaN"),
        (lambda: empirical.gaussian([]), r"bandwidth has shape \(0,\); expected one number or a non-empty list"),
        (lambda: empirical.sum_of([]), "kernels is empty; expected at least one kernel"),
        (lambda: _mmd2(X, X, kernel="gaussian"), "kernel is 'gaussian'; expected a function"),
        (lambda: _mmd2(X, X, kernel=lambda x, y: x[:, 0]), r"kernel returned shape \(3,\) .*expected \(3, 3\)"),
    ],
)
def test_other_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_one_sample_is_enough_for_biased_values():
    assert empirical.energy_distance(X[:1], X[:1] + 3, unbiased=False) > 0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_weights_normalised_in_their_own_type_are_accepted(dtype):
    # They sum to 1 up to rounding.
    weights = np.random.default_rng(0).random(10_000).astype(dtype)
    weights = (weights / weights.sum()).astype(dtype)
    assert np.isfinite(empirical.wasserstein(np.arange(10_000.0), np.zeros(1), x_weights=weights))


def test_integers_half_precision_and_lists_are_samples():
    assert empirical.wasserstein([0, 1], [3, 4]) == 3
    assert empirical.wasserstein(jnp.zeros(2, jnp.bfloat16), jnp.ones(2, jnp.float16)) == 1
    assert empirical.wasserstein([0.0, 1.0], [0.0, 1.0], x_weights=[0.5, 0.5]) == 0
    np.testing.assert_allclose(empirical.wasserstein([0.0, 1.0, 2.0], [1.0], x_weights=THIRDS), 2 / 3, rtol=1e-6)


@pytest.mark.parametrize("function", [empirical.energy_distance, _mmd2, _sliced])
def test_nan_under_jit_comes_out_as_nan(function):
    assert jnp.isnan(jax.jit(function)(NAN, X))
