"""A game as a map of vectors, its Jacobian, and eigenvalues."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.models import players
from gan_jax.objectives import losses, penalties
from gan_jax.training import game, stability, updates
from gan_jax.typing import Array


def dirac(update: game.Update | None = None, **settings: Any) -> game.Game:
    """DiracGAN: data at 0, a generator of one particle, a line as the discriminator."""
    return game.gan(
        losses.minimax(),
        players.particles(lambda key: jnp.zeros((1, 1))),
        players.linear(),
        lambda key, batch, /, **_: jnp.zeros((batch, 1)),
        updates.simultaneous() if update is None else update,
        batch_size=1,
        **{"generator_optimizer": optax.sgd, "discriminator_optimizer": optax.sgd, **settings},
    )


def field_eigenvalues(dirac_game: game.Game, h: float) -> np.ndarray:
    state = dirac_game.init(jax.random.key(0), generator_rate=h, discriminator_rate=h)
    matrix = jax.jit(lambda s: stability.jacobian(dirac_game, s))(state)
    found: np.ndarray = (stability.eigenvalues(matrix) - 1.0) / h
    return found[np.lexsort((found.imag, found.real))]


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.5])
def test_eigenvalues_of_r1_are_those_of_the_paper(gamma: float) -> None:
    root = np.sqrt(complex(gamma**2 / 4 - 0.25))
    expected = np.asarray([-gamma / 2 - root, -gamma / 2 + root])
    with jax.enable_x64(True):
        own = dirac(penalty=penalties.r1(), penalty_weight=penalties.weight_of_gamma(gamma))
        np.testing.assert_allclose(field_eigenvalues(own, 0.5), expected, atol=1e-10)


def test_jacobians_map_over_hyperparameters() -> None:
    own = dirac(penalty=penalties.r1())

    def matrix(weight: Array) -> Array:
        return stability.jacobian(own, own.init(jax.random.key(0), penalty_weight=weight))

    weights = jnp.asarray([0.0, 0.25, 1.0])
    together = jax.jit(jax.vmap(matrix))(weights)
    one = jax.jit(matrix)
    apart = np.stack([one(weight) for weight in weights])
    np.testing.assert_allclose(together, apart, atol=1e-7)
    # Of float32, one entry: 1 - h 2 w.
    np.testing.assert_allclose(together[:, 1, 1], 1.0 - 1e-3 * 2.0 * weights, rtol=1e-6)


@pytest.mark.slow
def test_flat_game_steps_as_the_game_does() -> None:
    own = game.gan(
        losses.minimax(),
        players.affine(),
        players.fourier_logistic(4),
        lambda key, batch, /, **_: 1.0 + jax.random.normal(key, (batch, 1)),
        updates.alternating(),
        batch_size=8,
    )
    state = jax.jit(own.init)(jax.random.key(1))
    flat = stability.flat(own, state)
    after, _ = jax.jit(own.step)(state)
    moved = flat.state(jax.jit(flat.step)(flat.point))
    for side in ("generator", "discriminator"):
        found, expected = getattr(moved, side), getattr(after, side)
        for a, b in zip(jax.tree.leaves(found.variables), jax.tree.leaves(expected.variables), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)
    # Weights, moments and the fixed features of both sides, but no counter.
    counted = [leaf.size for leaf in jax.tree.leaves((state.generator, state.discriminator)) if leaf.dtype != jnp.int32]
    assert flat.point.shape == (sum(counted),)
    assert jax.eval_shape(lambda s: stability.jacobian(own, s), state).shape == (sum(counted),) * 2


def test_optimism_has_its_memory_in_the_state() -> None:
    own = dirac(generator_optimizer=optax.optimistic_gradient_descent)
    with jax.enable_x64(True):
        state, _ = jax.eval_shape(lambda key: own.step(own.init(key)), jax.random.key(0))
        assert jax.eval_shape(lambda s: stability.jacobian(own, s), state).shape == (3, 3)


def test_eigenvalues_of_a_matrix_that_is_not_finite_are_nan() -> None:
    matrices = np.stack([np.eye(2), np.full((2, 2), np.nan)])
    found = stability.eigenvalues(matrices)
    np.testing.assert_array_equal(found[0], [1.0, 1.0])
    assert np.isnan(found[1]).all()


@pytest.mark.parametrize("shape", [(3,), (2, 3), (0, 0), ()])
def test_what_is_no_square_matrix_is_one_sentence(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected square ones"):
        stability.spectral_radius(np.zeros(shape))


def test_what_is_no_state_is_one_sentence() -> None:
    with pytest.raises(TypeError, match="state is 0"):
        stability.jacobian(dirac(), 0)  # type: ignore[arg-type]


def test_spectral_radius_of_a_rotation() -> None:
    turn = 1.25 * np.asarray([[0.6, -0.8], [0.8, 0.6]])
    np.testing.assert_allclose(stability.spectral_radius(turn), 1.25)
