"""Costs between samples, where they have a closed form."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.objectives import costs


def test_entropic_transport_of_two_points_is_their_squared_distance() -> None:
    """One plan is possible, so that entropy takes no part: ``|x - y|^2``, for pictures too, with the gradient ``2 (x - y)``."""
    x, y = jnp.arange(8.0).reshape(1, 2, 4), jnp.ones((1, 2, 4))
    cost = costs.sinkhorn(0.5)
    value, slope = jax.value_and_grad(lambda x: cost(jax.random.key(0), x, y))(x)
    np.testing.assert_allclose(value, np.sum((np.arange(8.0) - 1.0) ** 2), rtol=1e-6)
    np.testing.assert_allclose(slope, 2.0 * (x - y), rtol=1e-5)
