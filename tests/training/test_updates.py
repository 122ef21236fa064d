"""Update rules where the answer is known by hand: a bilinear game, whose steps are rotations, and rules that contain each other."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.models import players
from gan_jax.objectives import losses
from gan_jax.training import game, updates
from gan_jax.typing import Array
from tests.cases import cases

H = 0.2


def sgd(rate: Array) -> optax.GradientTransformation:
    return optax.sgd(rate)


def optimistic(rate: Array) -> optax.GradientTransformation:
    return optax.optimistic_gradient_descent(rate, 1.0, 1.0)


# Bilinear games are about dynamics; that their value is no distance is known.
pytestmark = pytest.mark.filterwarnings("ignore:the objective wasserstein is in units of the data and nothing holds")


def dirac(
    update: game.Update,
    *,
    objective: losses.Objective | None = None,
    optimizer: game.OptimizerOf = sgd,
    start: float = 1.0,
    **options: Any,
) -> game.Game:
    """Data at 0, one particle θ, a discriminator ψx: nothing is random. With Wasserstein's losses the game is ``min max -ψθ``."""
    return game.gan(
        objective or losses.wasserstein(),
        players.particles(lambda key: jnp.full((1, 1), start)),
        players.linear(slope=0.5),
        lambda key, n: jnp.zeros((n, 1)),
        update,
        batch_size=1,
        generator_optimizer=optimizer,
        discriminator_optimizer=optimizer,
        generator_rate=H,
        discriminator_rate=H,
        **options,
    )


def point(state: game.GameState) -> Array:
    return jnp.stack(
        [state.generator.variables["params"]["x"][0, 0], state.discriminator.variables["params"]["psi"][0]]
    )


def path(made: game.Game, steps: int) -> np.ndarray:
    """(θ, ψ) before the first and after every step, ``[steps + 1, 2]``."""
    run = jax.jit(lambda s: game.play(made, s, steps=steps, records=steps, observe=point)[2])
    return np.asarray(run(made.init(jax.random.key(0))), np.float64)


# The losses are -ψθ for the generator and ψθ for the discriminator: with J = [[0, 1], [-1, 0]] the field is w' = J w.
J = np.asarray([[0.0, 1.0], [-1.0, 0.0]])
STEP = {
    "simultaneous": np.eye(2) + H * J,
    # ψ first, then θ along the new ψ.
    "alternating": np.asarray([[1 - H * H, H], [-H, 1.0]]),
    "extragradient": np.eye(2) + H * J @ (np.eye(2) + H * J),
    # ½ ||v||² = ½ (ψ² + θ²): its gradient is w.
    "consensus": np.eye(2) + H * J - H * 0.1 * np.eye(2),
    # D_K's ψ is ψ' - Khθ: L_G = -θ (ψ' - Khθ), whose derivative also goes through D_K.
    "unrolled": np.asarray([[1 - H * H - 2 * H * 5 * H, H], [-H, 1.0]]),
}


@pytest.mark.slow
@cases("rule", updates.UPDATES)
def test_every_rule_is_its_matrix_on_the_bilinear_game(rule: str) -> None:
    found = path(dirac(updates.UPDATES[rule]()), 12)
    expected = [np.asarray([1.0, 0.5])]
    for _ in range(12):
        expected.append(STEP[rule] @ expected[-1])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_simultaneous_steps_leave_and_extragradient_steps_arrive() -> None:
    """Both are a rotation times a number: √(1 + h²) against √((1 - h²)² + h²)."""
    out = np.linalg.norm(path(dirac(updates.simultaneous()), 40), axis=1)
    home = np.linalg.norm(path(dirac(updates.extragradient()), 40), axis=1)
    np.testing.assert_allclose(out[1:] / out[:-1], math.sqrt(1 + H**2), rtol=1e-5)
    np.testing.assert_allclose(home[1:] / home[:-1], math.hypot(1 - H**2, H), rtol=1e-5)
    assert out[-1] > 2 * out[0]
    assert home[-1] < 0.6 * home[0]


@pytest.mark.parametrize("rule", ["extragradient", "simultaneous"])
def test_a_schedule_counts_the_steps_of_a_game(rule: str) -> None:
    """The rate falls to 0 over ten steps, the same in both halves of an extragradient step; after them nothing moves."""
    made = dirac(updates.UPDATES[rule](), optimizer=lambda rate: optax.sgd(optax.linear_schedule(rate, 0.0, 10)))
    expected = [np.asarray([1.0, 0.5])]
    for step in range(12):
        move = H * max(1.0 - step / 10, 0.0) * J
        ahead = np.eye(2) + move if rule == "extragradient" else np.eye(2)
        expected.append(expected[-1] + move @ ahead @ expected[-1])
    np.testing.assert_allclose(path(made, 12), expected, rtol=1e-4, atol=1e-5)


def test_alternating_steps_stay_on_an_ellipse() -> None:
    # Its matrix has determinant one and leaves θ² + ψ² - hθψ as it is.
    theta, psi = path(dirac(updates.alternating()), 100).T
    np.testing.assert_allclose(theta**2 + psi**2 - H * theta * psi, 1.0 + 0.25 - H * 0.5, rtol=1e-5)


def test_optimism_is_the_recurrence_of_its_paper() -> None:
    # Daskalakis et al. 2018, equation 4: w_{t+1} = w_t + 2 h v(w_t) - h v(w_{t-1}); the first step has no past.
    found = path(dirac(updates.simultaneous(), optimizer=optimistic), 30)
    expected = [np.asarray([1.0, 0.5])]
    expected.append(expected[0] + H * J @ expected[0])
    for _ in range(29):
        expected.append(expected[-1] + 2 * H * J @ expected[-1] - H * J @ expected[-2])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("objective", [losses.non_saturating(), losses.relativistic(), losses.least_squares()])
def test_rules_that_contain_each_other(objective: losses.Objective) -> None:
    """Unrolling by no step is alternating; consensus of no weight is simultaneous. (Nothing here is random: keys do not matter.)"""
    paths = {
        name: path(dirac(update, objective=objective, discriminator_steps=2), 5)
        for name, update in (
            ("alternating", updates.alternating()),
            ("unrolled by 0", updates.unrolled(0)),
            ("unrolled by 1", updates.unrolled(1)),
            ("simultaneous", updates.simultaneous()),
            ("consensus of 0", updates.consensus(0.0)),
            ("consensus", updates.consensus(0.5)),
        )
    }
    np.testing.assert_allclose(paths["unrolled by 0"], paths["alternating"], rtol=1e-6)
    np.testing.assert_allclose(paths["consensus of 0"], paths["simultaneous"], rtol=1e-6)
    for one, other in (
        ("unrolled by 1", "alternating"),
        ("consensus", "simultaneous"),
        ("alternating", "simultaneous"),
    ):
        assert np.max(np.abs(paths[one] - paths[other])) > 1e-3


def test_more_discriminator_steps_are_more_steps() -> None:
    # θ stays (rate 0): ψ moves by -hθ at each of the 3 · 4 updates.
    made = dirac(updates.alternating(), discriminator_steps=3)
    state = made.init(jax.random.key(0), generator_rate=0.0)
    state, _, _ = jax.jit(lambda s: game.play(made, s, steps=4, records=1))(state)
    np.testing.assert_allclose(point(state), [1.0, 0.5 - 12 * H], rtol=1e-5)


def test_two_time_scales_are_two_rates() -> None:
    made = dirac(updates.simultaneous())
    state, _ = jax.jit(made.step)(made.init(jax.random.key(0), generator_rate=0.01, discriminator_rate=0.3))
    np.testing.assert_allclose(point(state), [1.0 + 0.01 * 0.5, 0.5 - 0.3 * 1.0], rtol=1e-6)


def test_unrolling_through_a_discriminator_at_rest_is_finite() -> None:
    """At θ = 0 the discriminator's gradient is zero, whose norm (reported, not trained on) has no derivative there."""
    made = dirac(updates.unrolled(2), start=0.0)
    state, info = jax.jit(made.step)(made.init(jax.random.key(0)))
    assert float(info.discriminator_gradient) == 0.0
    # L_G = -θ (ψ - 2hθ): its slope at θ = 0 is -ψ.
    np.testing.assert_allclose(info.generator_gradient, 0.5, rtol=1e-6)
    np.testing.assert_allclose(point(state), [H * 0.5, 0.5], rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "words"),
    [(lambda: updates.unrolled(-1), "steps is -1"), (lambda: updates.consensus(-0.5), "weight is -0.5")],
)
def test_bad_input_is_one_sentence(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
