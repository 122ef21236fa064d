"""Bounds of W1 from samples: what they are on their own samples, and on which side of the truth they lie."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.divergences import empirical
from gan_jax.divergences.transport_bounds import wasserstein_bounds

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(40, 2)).astype(np.float32), (1.0 + 2.0 * RNG.normal(size=(50, 2))).astype(np.float32)


@pytest.mark.slow
def test_upper_is_the_transport_cost_and_on_its_own_samples_the_lower_is_the_same() -> None:
    bounds = wasserstein_bounds(X, Y, X, Y)
    np.testing.assert_allclose(bounds.upper, empirical.wasserstein(X, Y), rtol=1e-5)
    # Kantorovich–Rubinstein: the optimal potentials are a 1-Lipschitz function that attains the cost.
    np.testing.assert_allclose(bounds.lower, bounds.upper, rtol=1e-5)


@pytest.mark.slow
def test_the_truth_lies_between() -> None:
    shift = jnp.asarray([[3.0, 4.0]])

    def draw(key: jax.Array) -> list[float]:
        keys = jax.random.split(key, 4)
        x, y, fresh_x, fresh_y = (
            jax.random.normal(k, (n, 2)) for k, n in zip(keys, (100, 100, 2000, 2000), strict=True)
        )
        bounds = wasserstein_bounds(x, shift + y, fresh_x, shift + fresh_y)
        return [float(bounds.lower), float(bounds.upper)]

    drawn = np.asarray([draw(jax.random.fold_in(jax.random.key(0), seed)) for seed in range(6)])
    error = drawn.std(axis=0, ddof=1) / np.sqrt(len(drawn))
    assert drawn[:, 0].mean() <= 5.0 + 4 * error[0]
    assert drawn[:, 1].mean() >= 5.0 - 4 * error[1]
    # And close to it: both laws are translates, whose optimal potential is linear.
    np.testing.assert_allclose(drawn.mean(axis=0), 5.0, atol=0.2)


@pytest.mark.parametrize("unit", [1e-25, 1e25])
def test_they_go_with_the_unit_of_the_data(unit: float) -> None:
    rng = np.random.default_rng(7)
    samples = [rng.normal(size=(n, 2)) + shift for n, shift in ((30, 0.0), (25, 0.5), (35, 0.0), (40, 0.5))]
    found = wasserstein_bounds(*(np.float32(unit * z) for z in samples))
    for one, own in zip(found, wasserstein_bounds(*samples), strict=True):
        np.testing.assert_allclose(float(one) / unit, float(own), rtol=1e-4)


def test_standard_error_is_that_of_two_means() -> None:
    bounds = wasserstein_bounds(X, Y, X, Y)
    halves = wasserstein_bounds(X, Y, np.tile(X, (4, 1)), np.tile(Y, (4, 1)))
    np.testing.assert_allclose(halves.lower_error, bounds.lower_error / 2, rtol=0.02)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X, Y[:, :1], X, Y), "y has shape"),
        ((X, Y, X, Y[:, :1]), "fresh_y"),
        ((X, Y, X[:0], Y), "fresh_x has shape"),
        ((X, np.full_like(Y, np.nan), X, Y), "y holds 100"),
    ],
)
def test_bad_samples(arguments: tuple[np.ndarray, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wasserstein_bounds(*arguments)
