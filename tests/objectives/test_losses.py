"""Objectives at logits where the answer is known by hand, and the shapes that must not broadcast."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_expit

from gan_jax.objectives import losses
from tests.cases import cases

OBJECTIVES = losses.OBJECTIVES
SEPARABLE = [name for name, make in OBJECTIVES.items() if make().separable]
REAL = jnp.asarray([-2.0, 0.0, 1.0, 40.0])
FAKE = jnp.asarray([3.0, -1.0, 0.0, -60.0])
NEAR_REAL, NEAR_FAKE = jnp.asarray([0.1, 0.3, 0.5]), jnp.asarray([0.2, 0.4, 0.6])


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


@pytest.mark.slow
@cases("name", SEPARABLE)
def test_divergence_is_affine_in_single_example_values(name: str) -> None:
    # What ``laws.value`` and the standard error of a trained estimate rest on.
    divergence = OBJECTIVES[name]().divergence
    each = jax.vmap(lambda r, f: divergence(r[None], f[None]))(NEAR_REAL, NEAR_FAKE)
    np.testing.assert_allclose(jnp.mean(each), divergence(NEAR_REAL, NEAR_FAKE), rtol=1e-5)


def test_divergence_rises_as_the_loss_falls(objective: losses.Objective) -> None:
    """By less than any label: there every discriminator is better for telling real from fake a little more."""
    loss = lambda r, f: jnp.mean(objective.discriminator_loss(r, f))  # noqa: E731

    @jax.jit
    def along(towards: jax.Array) -> list[jax.Array]:
        return [jax.jvp(f, (NEAR_REAL, NEAR_FAKE), tuple(towards))[1] for f in (loss, objective.divergence)]

    slope, rise = map(float, along(jnp.stack([jnp.ones(3), -jnp.ones(3)])))
    assert slope < 0 < rise
    # And along any direction the two are proportional: the divergence is affine in the loss.
    fall, turn = map(float, along(jnp.asarray(np.random.default_rng(0).normal(size=(2, 3)), jnp.float32)))
    np.testing.assert_allclose(turn / fall, rise / slope, rtol=1e-3)


def test_generator_gains_where_the_discriminator_says_real(objective: losses.Objective) -> None:
    slopes = jax.grad(lambda f: jnp.sum(objective.generator_loss(f, NEAR_REAL)))(NEAR_FAKE)
    assert jnp.all(slopes < 0)


@cases("logit", [-80.0, 80.0])
def test_gradients_at_a_certain_discriminator_are_not_nan(objective: losses.Objective, logit: float) -> None:
    """Infinite where an exponential overflows (χ² and KL have no bound), NaN nowhere."""
    sure, unsure = jnp.full(2, logit), jnp.zeros(2)
    pairs = (sure, unsure), (unsure, sure), (sure, sure), (sure, -sure)
    first, second = (jnp.stack(logits) for logits in zip(*pairs, strict=True))
    for loss in (objective.discriminator_loss, objective.generator_loss):
        f = jax.value_and_grad(lambda a, b, loss=loss: jnp.mean(loss(a, b)), argnums=(0, 1))
        for found in jax.tree.leaves(jax.jit(jax.vmap(f))(first, second)):
            assert not np.any(np.isnan(found))


def test_saturation_of_the_two_generator_losses_at_a_certain_discriminator() -> None:
    # d/dv of -softplus(v) is -σ(v), of softplus(-v) is -σ(-v): at v = -60 one is dead, the other whole.
    at = lambda game: jax.grad(lambda f: game.generator_loss(f, f)[0])(jnp.asarray([-60.0]))[0]  # noqa: E731
    assert abs(at(losses.minimax())) < 1e-25
    np.testing.assert_allclose(at(losses.non_saturating()), -1.0)


@cases("fake", [jnp.zeros((4, 1)), jnp.zeros(3)], ids=["column", "shorter"])
def test_shapes_that_would_broadcast_are_refused(objective: losses.Objective, fake: jax.Array) -> None:
    with pytest.raises(ValueError, match=r"expected one shape \[batch\]"):
        objective.discriminator_loss(REAL, fake)


@cases("name", SEPARABLE)
def test_a_column_of_fake_logits_is_refused_by_every_generator(name: str) -> None:
    with pytest.raises(ValueError, match=r"fake_logits has shape \(3, 1\); expected one logit an example"):
        OBJECTIVES[name]().generator_loss(jnp.zeros((3, 1)), jnp.zeros(3))


def test_relativistic_losses_are_those_of_their_papers() -> None:
    r, f = np.asarray(NEAR_REAL, np.float64), np.asarray(NEAR_FAKE, np.float64)
    pairing, average = losses.relativistic(), losses.relativistic_average()
    np.testing.assert_allclose(pairing.discriminator_loss(NEAR_REAL, NEAR_FAKE), -log_sigmoid(r - f), rtol=1e-6)
    np.testing.assert_allclose(pairing.generator_loss(NEAR_FAKE, NEAR_REAL), -log_sigmoid(f - r), rtol=1e-6)
    both = -log_sigmoid(r - f.mean()) - log_sigmoid(-(f - r.mean()))
    np.testing.assert_allclose(average.discriminator_loss(NEAR_REAL, NEAR_FAKE), both, rtol=1e-6)
    exchanged = -log_sigmoid(f - r.mean()) - log_sigmoid(-(r - f.mean()))
    np.testing.assert_allclose(average.generator_loss(NEAR_FAKE, NEAR_REAL), exchanged, rtol=1e-6)
    np.testing.assert_allclose(average.divergence(NEAR_REAL, NEAR_FAKE), np.log(2) - both.mean() / 2, rtol=1e-5)
    # A number added to all logits is nothing to them.
    for game in (pairing, average):
        moved = game.discriminator_loss(NEAR_REAL + 3.0, NEAR_FAKE + 3.0)
        np.testing.assert_allclose(moved, game.discriminator_loss(NEAR_REAL, NEAR_FAKE), rtol=1e-5)


def test_hinge_and_least_squares_are_their_textbook_forms() -> None:
    hinge, squares = losses.hinge(), losses.least_squares(fake_label=-1.0, real_label=2.0, generator_label=0.5)
    r, f = np.asarray([-2.0, 0.5, 3.0]), np.asarray([-3.0, -0.5, 2.0])
    real, fake = jnp.asarray(r, jnp.float32), jnp.asarray(f, jnp.float32)
    margins = np.maximum(0, 1 - r) + np.maximum(0, 1 + f)
    np.testing.assert_allclose(hinge.discriminator_loss(real, fake), margins)
    np.testing.assert_allclose(hinge.generator_loss(fake, real), -f)
    np.testing.assert_allclose(hinge.divergence(real, fake), 1 - margins.mean() / 2, rtol=1e-6)
    np.testing.assert_allclose(squares.discriminator_loss(real, fake), 0.5 * ((r - 2) ** 2 + (f + 1) ** 2))
    np.testing.assert_allclose(squares.generator_loss(fake, real), 0.5 * (f - 0.5) ** 2)
    with pytest.raises(ValueError, match=r"fake_label and real_label are both 1\.0"):
        losses.least_squares(fake_label=1.0)


def test_trick_of_f_gan_is_another_generators_loss_alone() -> None:
    plain, trick = losses.f_gan("kl"), losses.f_gan("kl", trick=True)
    np.testing.assert_array_equal(
        plain.discriminator_loss(NEAR_REAL, NEAR_FAKE), trick.discriminator_loss(NEAR_REAL, NEAR_FAKE)
    )
    np.testing.assert_allclose(plain.generator_loss(NEAR_FAKE, NEAR_REAL), -jnp.exp(NEAR_FAKE - 1), rtol=1e-6)
    np.testing.assert_allclose(trick.generator_loss(NEAR_FAKE, NEAR_REAL), -NEAR_FAKE, rtol=1e-6)
    with pytest.raises(ValueError, match="did you mean 'pearson'"):
        losses.f_gan("pearsons")


def test_an_objective_of_ones_own_is_three_functions() -> None:
    """Least squares, written again: the same numbers, and the same refusals."""
    mine = losses.separable(
        lambda real: 0.5 * jnp.square(real - 1.0),
        lambda fake: 0.5 * jnp.square(fake),
        lambda fake: 0.5 * jnp.square(fake - 1.0),
        name="mine",
        divergence=lambda loss: 1.0 - 4.0 * loss,
    )
    squares = losses.least_squares()
    np.testing.assert_array_equal(
        mine.discriminator_loss(NEAR_REAL, NEAR_FAKE), squares.discriminator_loss(NEAR_REAL, NEAR_FAKE)
    )
    np.testing.assert_array_equal(
        mine.generator_loss(NEAR_FAKE, NEAR_REAL), squares.generator_loss(NEAR_FAKE, NEAR_REAL)
    )
    # The two sides may differ in number where the losses do not meet.
    np.testing.assert_array_equal(mine.divergence(REAL, NEAR_FAKE), squares.divergence(REAL, NEAR_FAKE))
    assert mine.separable
    with pytest.raises(ValueError, match=r"real_logits has shape \(3, 1\)"):
        mine.divergence(jnp.zeros((3, 1)), jnp.zeros(3))
    with pytest.raises(TypeError, match=r"generator is 2; expected a function of \(logits\)"):
        losses.separable(jnp.square, jnp.square, 2, name="mine")  # type: ignore[arg-type]  # What is tested.


def test_a_row_of_f_divergences_says_what_it_is_measured_in() -> None:
    nats = {name for name, make in OBJECTIVES.items() if name.startswith("f_") and make().unit == "nats"}
    assert {"f_kl", "f_reverse_kl", "f_jeffreys", "f_jensen_shannon", "f_gan"} <= nats
    assert not {"f_pearson", "f_neyman", "f_squared_hellinger", "f_total_variation"} & nats
