"""Penalties on critics whose gradient is known in closed form."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.objectives.penalties import gradient_norms, gradient_penalty, interpolates, lipschitz_penalty
from gan_jax.typing import ScalarCritic

W = jnp.asarray([3.0, 4.0])


def key(seed: int = 0) -> jax.Array:
    return jax.random.key(seed)


def linear(scale: float) -> ScalarCritic:
    return lambda x: scale * jnp.vdot(W, x.reshape(-1))


@pytest.mark.parametrize(
    ("scale", "two_sided", "one_sided"), [(1.0, 16.0, 16.0), (0.2, 0.0, 0.0), (0.1, 0.25, 0.0), (0.0, 1.0, 0.0)]
)
def test_linear_critic_of_norm_five_times_scale(scale: float, two_sided: float, one_sided: float) -> None:
    x, y = jax.random.normal(key(1), (2, 6, 2))
    # The gradient's norm is 5 · scale everywhere.
    np.testing.assert_allclose(
        gradient_penalty()(linear(scale), x, y, key()), np.full(6, two_sided), rtol=1e-5, atol=1e-12
    )
    np.testing.assert_allclose(
        lipschitz_penalty()(linear(scale), x, y, key()), np.full(6, one_sided), rtol=1e-5, atol=1e-12
    )


def test_norm_runs_over_the_whole_event() -> None:
    x = jax.random.normal(key(1), (3, 2, 2, 2))
    np.testing.assert_allclose(
        gradient_norms(lambda e: 0.5 * jnp.sum(e * e), x), np.linalg.norm(x.reshape(3, -1), axis=1), rtol=1e-6
    )


def test_zero_gradient_has_a_finite_second_derivative() -> None:
    # A dead critic, as after clipping: norm 0, whose derivative with respect to the weights must not be NaN.
    x, y = jax.random.normal(key(1), (2, 4, 2))
    slope = jax.grad(lambda w: jnp.mean(gradient_penalty()(lambda e: jnp.vdot(w, e), x, y, key())))(jnp.zeros(2))
    assert jnp.all(jnp.isfinite(slope))


def test_gradient_of_the_penalty_with_respect_to_the_weights() -> None:
    x, y = jax.random.normal(key(1), (2, 4, 2))
    slope = jax.grad(lambda w: jnp.mean(gradient_penalty()(lambda e: jnp.vdot(w, e), x, y, key())))(W)
    np.testing.assert_allclose(slope, 2 * (5 - 1) * W / 5, rtol=1e-5)


def test_interpolates_lie_between_with_one_weight_an_example() -> None:
    x, y = jnp.zeros((64, 3)), jnp.stack([jnp.full(64, 1.0), jnp.full(64, 2.0), jnp.full(64, -4.0)], axis=1)
    z = np.asarray(interpolates(x, y, key()))
    weights = z / np.asarray(y)
    np.testing.assert_allclose(weights, np.broadcast_to(weights[:, :1], weights.shape), rtol=1e-5)
    assert 0 <= weights.min() < 0.1
    assert 0.9 < weights.max() <= 1


def test_one_sided_penalty_ends_where_the_two_sided_one_is_zero() -> None:
    x, y = jax.random.normal(key(1), (2, 4, 2))
    assert jnp.all(lipschitz_penalty(bound=5.0)(linear(1.0), x, y, key()) < 1e-10)
    assert jnp.all(gradient_penalty(target=5.0)(linear(1.0), x, y, key()) < 1e-10)


def test_bad_input_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="real has shape"):
        interpolates(jnp.zeros((3, 2)), jnp.zeros((4, 2)), key())
    with pytest.raises(ValueError, match="bound is 0"):
        lipschitz_penalty(bound=0.0)
