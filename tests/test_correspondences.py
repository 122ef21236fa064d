"""Domains with a known map: the map has its inverse, symmetries leave the target's law as it is, and unpaired draws are independent."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.distributions import draw
from gan_jax.distributions.correspondences import (
    CORRESPONDENCES,
    Correspondence,
    correspondence,
    domains,
    lopsided,
    swirl,
)
from gan_jax.distributions.density import log_density
from gan_jax.metrics.translation import map_error


@pytest.fixture(params=CORRESPONDENCES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def log_of_target(pair: Correspondence, y: jax.Array) -> jax.Array:
    """``log p_Y(y) = log p_X(T⁻¹ y) − log |det ∂T|``, by automatic differentiation."""
    jacobian = jax.vmap(jax.jacfwd(lambda v: pair.backward(v[None])[0]))(y)
    return log_density(pair.source, pair.backward(y)) + jnp.log(jnp.abs(jnp.linalg.det(jacobian)))


def test_there_and_back(name: str) -> None:
    pair = correspondence(name)
    x = draw(pair.source, jax.random.key(0), 500)
    np.testing.assert_allclose(pair.backward(pair.forward(x)), x, atol=1e-5)
    assert pair.forward(x).shape == (500, 2)


def test_symmetries_leave_the_law_of_the_target(name: str) -> None:
    """The density is the same at a point and where each symmetry takes it; and no symmetry is the identity, nor twice there."""
    pair = correspondence(name)
    y = pair.forward(draw(pair.source, jax.random.key(1), 200))
    expected = log_of_target(pair, y)
    images = [symmetry(y) for symmetry in pair.symmetries]
    for image in images:
        np.testing.assert_allclose(log_of_target(pair, image), expected, atol=2e-3)
    every = [y, *images]
    for i, one in enumerate(every):
        assert all(float(jnp.abs(one - other).max()) > 0.1 for other in every[:i])
    assert len(images) == {"ring": 15, "square": 7, "moons": 3}.get(name, 0)


@pytest.mark.slow
def test_a_lopsided_law_has_no_symmetry() -> None:
    """No rotation by more than 17° and no reflection about its mean, in steps of two degrees, comes near it by its own density."""
    law = lopsided()
    x = draw(law, jax.random.key(2), 4000)
    mean = law.mean[None]
    own = float(jnp.mean(log_density(law, x)))
    lost = []
    for flip in (1.0, -1.0):
        for angle in np.arange(0.0, 2.0 * np.pi, np.pi / 90.0):
            c, s = np.cos(angle), np.sin(angle)
            matrix = jnp.array([[c, -s * flip], [s, c * flip]])
            if flip < 0 or min(angle, 2 * np.pi - angle) > 0.3:
                lost.append(own - float(jnp.mean(log_density(law, (x - mean) @ matrix.T + mean))))
    assert min(lost) > 1.0


def test_a_swirl_keeps_areas_and_lengths() -> None:
    forward, _ = swirl(0.6)
    x = jax.random.normal(jax.random.key(3), (100, 2))
    np.testing.assert_allclose(jnp.linalg.norm(forward(x), axis=1), jnp.linalg.norm(x, axis=1), rtol=1e-5)
    jacobian = jax.vmap(jax.jacfwd(lambda v: forward(v[None])[0]))(x)
    np.testing.assert_allclose(jnp.linalg.det(jacobian), 1.0, rtol=1e-4)
    # No linear map is near it: least squares leave more than a tenth of what there is.
    away = x @ jnp.linalg.lstsq(x, forward(x))[0] - forward(x)
    assert float(jnp.sum(away**2) / jnp.sum(x**2)) > 0.1


def test_draws_are_unpaired(name: str) -> None:
    pair = correspondence(name)
    x, y = domains(pair)(jax.random.key(4), 2000)
    found = map_error(y, pair.forward(x))
    assert float(found.relative) == pytest.approx(np.sqrt(2.0), abs=0.1)
    assert abs(float(jnp.corrcoef(x[:, 0], pair.backward(y)[:, 0])[0, 1])) < 4.0 / np.sqrt(2000)


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match="name is 'rotatd'; did you mean 'rotated'"):
        correspondence("rotatd")
