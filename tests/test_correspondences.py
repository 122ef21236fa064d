"""Domains with a known map: the map has its inverse, symmetries leave the target's law as it is, and unpaired draws are independent."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.distributions import draw
from gan_jax.distributions.correspondences import (
    CORRESPONDENCES,
    Correspondence,
    Moons,
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


class Seen(NamedTuple):
    """Of a pair: points of the source, where they go and come back to, and what symmetries make of their images."""

    x: np.ndarray
    y: np.ndarray
    back: np.ndarray
    log_y: np.ndarray
    images: list[np.ndarray]
    log_images: list[np.ndarray]


@cache
def seen(name: str) -> Seen:
    """By one program: called one by one, every rotation and every density would compile its own."""
    pair = correspondence(name)

    @jax.jit
    def all_of_it(key: jax.Array) -> Seen:
        x = draw(pair.source, key, 500)
        y = pair.forward(x)
        few = y[:200]
        images = [symmetry(few) for symmetry in pair.symmetries]
        return Seen(x, y, pair.backward(y), log_of_target(pair, few), images, [log_of_target(pair, i) for i in images])

    return jax.tree.map(np.asarray, all_of_it(jax.random.key(0)))


def log_of_target(pair: Correspondence, y: jax.Array) -> jax.Array:
    """``log p_Y(y) = log p_X(T⁻¹ y) − log |det ∂T|``, by automatic differentiation."""
    jacobian = jax.vmap(jax.jacfwd(lambda v: pair.backward(v[None])[0]))(y)
    return log_density(pair.source, pair.backward(y)) + jnp.log(jnp.abs(jnp.linalg.det(jacobian)))


@pytest.mark.slow
def test_there_and_back(name: str) -> None:
    found = seen(name)
    np.testing.assert_allclose(found.back, found.x, atol=1e-5)
    assert found.y.shape == (500, 2)


@pytest.mark.slow
def test_symmetries_leave_the_law_of_the_target(name: str) -> None:
    """The density is the same at a point and where each symmetry takes it; and no symmetry is the identity, nor twice there."""
    found = seen(name)
    for log_image in found.log_images:
        np.testing.assert_allclose(log_image, found.log_y, atol=2e-3)
    every = [found.y[:200], *found.images]
    for i, one in enumerate(every):
        assert all(np.abs(one - other).max() > 0.1 for other in every[:i])
    assert len(found.images) == {"ring": 15, "square": 7, "moons": 3}.get(name, 0)


@pytest.mark.slow
def test_a_lopsided_law_has_no_symmetry() -> None:
    """No rotation by more than 17° and no reflection about its mean, in steps of two degrees, comes near it by its own density."""
    law = lopsided()
    x = draw(law, jax.random.key(2), 4000)
    mean = law.mean[None]
    mapped = jax.jit(lambda matrix: jnp.mean(log_density(law, (x - mean) @ matrix.T + mean)))
    own = float(mapped(np.eye(2, dtype=np.float32)))
    lost = []
    for flip in (1.0, -1.0):
        for angle in np.arange(0.0, 2.0 * np.pi, np.pi / 90.0):
            c, s = np.cos(angle), np.sin(angle)
            matrix = np.array([[c, -s * flip], [s, c * flip]], np.float32)
            if flip < 0 or min(angle, 2 * np.pi - angle) > 0.3:
                lost.append(own - float(mapped(matrix)))
    assert min(lost) > 1.0


def test_a_swirl_keeps_areas_and_lengths() -> None:
    forward, _ = swirl(0.6)
    x = np.random.default_rng(3).normal(size=(100, 2)).astype(np.float32)
    jacobian = lambda x: jax.vmap(jax.jacfwd(lambda v: forward(v[None])[0]))(x)  # noqa: E731
    y, slopes = map(np.asarray, jax.jit(lambda x: (forward(x), jacobian(x)))(x))
    np.testing.assert_allclose(np.linalg.norm(y, axis=1), np.linalg.norm(x, axis=1), rtol=1e-5)
    np.testing.assert_allclose(np.linalg.det(slopes), 1.0, rtol=1e-4)
    # No linear map is near it: least squares leave more than a tenth of what there is.
    away = x @ np.linalg.lstsq(x, y, rcond=None)[0] - y
    assert np.sum(away**2) / np.sum(x**2) > 0.1


def test_moons_have_a_density_of_mass_one_and_their_shares() -> None:
    """By the midpoint rule, with edges of cells at 0 and 1/2, where the moons end."""
    law, step = Moons(), 0.01
    x, y = (np.arange(low, high, step) + 0.5 * step for low, high in ((-2.0, 3.0), (-1.5, 2.0)))
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32)
    log_p, sampled, scores = jax.jit(
        lambda x, key: (log_density(law, x), z := draw(law, key, 4000), log_density(law, z))
    )(points, jax.random.key(5))
    log_p, scores = np.asarray(log_p, np.float64), np.asarray(scores, np.float64)
    assert np.exp(log_p).sum() * step**2 == pytest.approx(1.0, abs=1e-3)
    # E log p of samples is the integral of p log p; and six of ten are of the moon that opens downwards.
    entropy = -np.sum(np.exp(log_p) * np.where(np.isfinite(log_p), log_p, 0.0)) * step**2
    assert abs(scores.mean() + entropy) < 4.5 * scores.std() / np.sqrt(4000)
    below = np.mean(np.asarray(sampled)[:, 1] < 0.0)
    expected = np.sum(np.exp(log_p) * (points[:, 1] < 0.0)) * step**2
    assert abs(below - expected) < 4.5 * np.sqrt(expected * (1 - expected) / 4000)


@pytest.mark.slow
def test_draws_are_unpaired(name: str) -> None:
    pair = correspondence(name)

    @jax.jit
    def drawn(key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        x, y = domains(pair)(key, 2000)
        return x, map_error(y, pair.forward(x)).relative, pair.backward(y)

    x, relative, back = drawn(jax.random.key(4))
    assert float(relative) == pytest.approx(np.sqrt(2.0), abs=0.1)
    assert abs(np.corrcoef(np.asarray(x)[:, 0], np.asarray(back)[:, 0])[0, 1]) < 4.0 / np.sqrt(2000)


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match="name is 'rotatd'; did you mean 'rotated'"):
        correspondence("rotatd")
