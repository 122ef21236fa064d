"""Objectives at logits where the answer is known by hand, and the shapes that must not broadcast."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_expit

from gan_jax.objectives import losses

OBJECTIVES = {"minimax": losses.minimax, "non_saturating": losses.non_saturating, "wasserstein": losses.wasserstein}
REAL = jnp.asarray([-2.0, 0.0, 1.0, 40.0])
FAKE = jnp.asarray([3.0, -1.0, 0.0, -60.0])


def log_sigmoid(x: jax.Array | np.ndarray) -> np.ndarray:
    return log_expit(np.asarray(x, np.float64))


@pytest.fixture(params=OBJECTIVES, ids=str)
def objective(request: pytest.FixtureRequest) -> losses.Objective:
    return OBJECTIVES[request.param]()


def test_minimax_is_its_textbook_form() -> None:
    game = losses.minimax()
    value = log_sigmoid(REAL) + log_sigmoid(-FAKE)
    np.testing.assert_allclose(-game.discriminator_loss(REAL, FAKE), value, rtol=1e-6)
    np.testing.assert_allclose(game.generator_loss(FAKE, REAL), log_sigmoid(-FAKE), rtol=1e-5)
    np.testing.assert_allclose(game.divergence(REAL, FAKE), np.log(2) + value.mean() / 2, rtol=1e-6)


def test_non_saturating_is_minus_log_d() -> None:
    game = losses.non_saturating()
    np.testing.assert_allclose(game.generator_loss(FAKE, REAL), -log_sigmoid(FAKE), rtol=1e-5)
    np.testing.assert_array_equal(game.discriminator_loss(REAL, FAKE), losses.minimax().discriminator_loss(REAL, FAKE))


def test_wasserstein_is_a_difference_of_means_with_the_right_sign() -> None:
    game = losses.wasserstein()
    np.testing.assert_allclose(game.divergence(REAL, FAKE), np.mean(REAL) - np.mean(FAKE), rtol=1e-6)
    np.testing.assert_allclose(jnp.mean(game.discriminator_loss(REAL, FAKE)), np.mean(FAKE) - np.mean(REAL), rtol=1e-6)
    np.testing.assert_allclose(game.generator_loss(FAKE, REAL), -FAKE)


def test_divergence_is_affine_in_single_example_values(objective: losses.Objective) -> None:
    each = jax.vmap(lambda r, f: objective.divergence(r[None], f[None]))(REAL, FAKE)
    np.testing.assert_allclose(jnp.mean(each), objective.divergence(REAL, FAKE), rtol=1e-6)


def test_a_better_discriminator_has_a_lower_loss_and_a_larger_divergence(objective: losses.Objective) -> None:
    slope = jax.grad(lambda shift: jnp.mean(objective.discriminator_loss(REAL + shift, FAKE - shift)))(0.0)
    rise = jax.grad(lambda shift: objective.divergence(REAL + shift, FAKE - shift))(0.0)
    assert slope < 0 < rise


def test_generator_gains_where_the_discriminator_says_real(objective: losses.Objective) -> None:
    slopes = jax.vmap(jax.grad(lambda f: objective.generator_loss(f[None], f[None])[0]))(FAKE)
    assert jnp.all(slopes <= 0)
    assert slopes[0] < 0


def test_saturation_of_the_two_generator_losses_at_a_certain_discriminator() -> None:
    # d/dv of -softplus(v) is -σ(v), of softplus(-v) is -σ(-v): at v = -60 one is dead, the other whole.
    at = lambda game: jax.grad(lambda f: game.generator_loss(f, f)[0])(jnp.asarray([-60.0]))[0]  # noqa: E731
    assert abs(at(losses.minimax())) < 1e-25
    np.testing.assert_allclose(at(losses.non_saturating()), -1.0)


@pytest.mark.parametrize("fake", [jnp.zeros((4, 1)), jnp.zeros(3)], ids=["column", "shorter"])
def test_shapes_that_would_broadcast_are_refused(objective: losses.Objective, fake: jax.Array) -> None:
    with pytest.raises(ValueError, match=r"expected one shape \[batch\]"):
        objective.discriminator_loss(REAL, fake)
