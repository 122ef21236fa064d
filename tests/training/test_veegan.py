"""VEEGAN: one step against its algorithm written out, player by player, and the point where nothing has a reason to move."""

from __future__ import annotations

from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.models import players
from gan_jax.models.generators import mlp_generator, with_output_noise
from gan_jax.models.minibatch import minibatch_discrimination_mlp
from gan_jax.models.mlp import mlp
from gan_jax.models.reconstructor import Reconstructor, mlp_reconstructor
from gan_jax.training import game, sampling
from gan_jax.training.veegan import beside, flat, joint, veegan
from gan_jax.typing import Array, PRNGKey
from tests.compiling import AS_USERS_DO

BATCH, RATE, WEIGHT = 16, 0.1, 0.7


def data(key: PRNGKey, batch: int) -> Array:
    return 2.0 + jax.random.normal(key, (batch, 3))


class Parts(NamedTuple):
    """The players of one game, smooth so that two ways of taking a gradient agree to rounding."""

    generator: Any = mlp_generator((5,), latent=2, event_shape=(3,), activation=jnp.tanh, batch_norm=True)
    reconstructor: Any = mlp_reconstructor((4,), latent=2, activation=jnp.tanh)
    discriminator: Any = mlp((6,), activation=jnp.tanh)


PARTS = Parts()


def small(**options: Any) -> game.Game:
    return veegan(
        *PARTS,
        data,
        batch_size=BATCH,
        generator_optimizer=optax.sgd,
        discriminator_optimizer=optax.sgd,
        generator_rate=RATE,
        discriminator_rate=2 * RATE,
        reconstruction_weight=WEIGHT,
        **options,
    )


@pytest.fixture(scope="module")
def played() -> tuple[game.GameState, Any]:
    """A game before its first step, and its step."""
    made = small(ema_decay=0.9)
    return jax.jit(made.init)(jax.random.key(0)), jax.jit(made.step)


@pytest.mark.slow
def test_a_step_is_the_papers_algorithm(played: tuple[game.GameState, Any]) -> None:
    """Srivastava et al. 2017, Algorithm 1, one gradient at a time; the paper's D is minus the logit of real against generated."""
    before, step = played
    after, info = step(before)
    players, expected = jax.jit(written_out)(before)

    def same(found: Any, expected: Any) -> None:
        chex.assert_trees_all_close(found, expected, rtol=1e-4, atol=1e-6)

    same(after.generator.variables, players[0])
    same(after.discriminator.variables, players[1])
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(info, name), value, rtol=1e-4, err_msg=name)


def written_out(before: game.GameState) -> tuple[Any, dict[str, Array]]:
    """Both sides' variables after a step, and what the step was like."""
    data_key, noise_key = jax.random.split(jax.random.fold_in(before.key, 0))
    x, z = data(data_key, BATCH), PARTS.generator.noise(noise_key, BATCH)
    variables, judge = before.generator.variables, before.discriminator.variables
    gamma, theta, omega = variables["params"]["generator"], variables["params"]["reconstructor"], judge["params"]

    def generated(gamma: Any) -> tuple[Array, Any]:
        return PARTS.generator.train({**variables, "params": gamma}, z)

    def reconstructed(theta: Any, x: Array) -> Array:
        return PARTS.reconstructor.apply({"params": theta}, x)

    def paper_d(omega: Any, z: Array, x: Array) -> Array:
        return -PARTS.discriminator.apply({"params": omega}, jnp.concatenate([x, z], axis=1))

    def error(theta: Any, gamma: Any) -> Array:
        return jnp.mean(jnp.sum((z - reconstructed(theta, generated(gamma)[0])) ** 2, axis=1))

    def o_lr(omega: Any) -> Array:
        ours, theirs = paper_d(omega, z, generated(gamma)[0]), paper_d(omega, reconstructed(theta, x), x)
        return -jnp.mean(jnp.log(jax.nn.sigmoid(ours)) + jnp.log(1 - jax.nn.sigmoid(theirs)))

    def o_hat(gamma: Any) -> Array:
        return jnp.mean(paper_d(omega, z, generated(gamma)[0])) + WEIGHT * error(theta, gamma)

    g_omega, g_gamma = jax.grad(o_lr)(omega), jax.grad(o_hat)(gamma)
    g_theta = jax.grad(lambda theta: WEIGHT * error(theta, gamma))(theta)

    def moved(params: Any, gradients: Any, rate: float) -> Any:
        return jax.tree.map(lambda w, g: w - rate * g, params, gradients)

    def norm(tree: Any) -> Array:
        return jnp.sqrt(sum((jnp.sum(g**2) for g in jax.tree.leaves(tree)), start=jnp.zeros(())))

    fake, advanced = generated(gamma)
    after = {"generator": moved(gamma, g_gamma, RATE), "reconstructor": moved(theta, g_theta, RATE)}
    return (
        ({**advanced, "params": after}, {"params": moved(omega, g_omega, 2 * RATE)}),
        {
            "divergence": jnp.log(2) - 0.5 * o_lr(omega),
            "discriminator_loss": o_lr(omega),
            "penalty": jnp.zeros(()),
            "generator_loss": o_hat(gamma),
            "discriminator_gradient": norm(g_omega),
            "generator_gradient": norm((g_gamma, g_theta)),
            "variance_ratio": jnp.sum(jnp.var(fake, axis=0)) / jnp.sum(jnp.var(x, axis=0)),
        },
    )


IDENTITY = Reconstructor(
    lambda key, x: {"params": {"matrix": jnp.eye(x.shape[1])}}, lambda variables, x: x @ variables["params"]["matrix"]
)


@pytest.mark.slow
def test_nobody_moves_where_the_generator_is_right_and_inverted() -> None:
    """``G(z) = z`` on normal data, ``F(x) = x``, D = 0: pairs have one law, and the reconstruction is exact. D feels noise alone."""
    made = veegan(
        players.affine((2,)),
        IDENTITY,
        players.linear(),
        lambda key, batch: jax.random.normal(key, (batch, 2)),
        batch_size=1024,
        generator_optimizer=optax.sgd,
        discriminator_optimizer=optax.sgd,
    )
    before = jax.jit(made.init)(jax.random.key(0))
    after, info = jax.jit(made.step, compiler_options=AS_USERS_DO)(before)
    chex.assert_trees_all_equal(after.generator.variables, before.generator.variables)
    assert float(info.divergence) == pytest.approx(0.0, abs=1e-6)
    # Each of its four coordinates is half the difference of two means of 1024 standard normals.
    assert 0 < float(info.discriminator_gradient) < 4 * np.sqrt(4 * 0.25 * 2 / 1024)


@pytest.mark.slow
def test_the_reconstructor_does_not_see_the_discriminator(played: tuple[game.GameState, Any]) -> None:
    state, step = played
    other = jax.tree.map(lambda w: 3 * w + 1, state.discriminator)
    first, second = step(state)[0].generator, step(state._replace(discriminator=other))[0].generator
    params = [player.variables["params"] for player in (first, second)]
    chex.assert_trees_all_equal(params[0]["reconstructor"], params[1]["reconstructor"])
    sides = [np.asarray(own["generator"]["Dense_1"]["kernel"]) for own in params]
    assert np.max(np.abs(sides[0] - sides[1])) > 1e-3


@pytest.mark.slow
def test_samples_are_those_of_the_generator_alone(played: tuple[game.GameState, Any]) -> None:
    both, state = beside(PARTS.generator, PARTS.reconstructor), played[0]
    variables = state.generator.variables
    alone = {**variables, "params": variables["params"]["generator"]}
    z = both.noise(jax.random.key(1), 4)
    np.testing.assert_array_equal(both.apply(variables, z), PARTS.generator.apply(alone, z))
    samples, advanced = both.train(variables, z)
    expected, statistics = PARTS.generator.train(alone, z)
    np.testing.assert_array_equal(samples, expected)
    chex.assert_trees_all_equal(advanced["batch_stats"], statistics["batch_stats"])
    chex.assert_trees_all_equal(advanced["params"], variables["params"])
    assert sampling.sampler(both, batch=8)(state, jax.random.key(3), 5).shape == (5, 3)


@pytest.mark.slow
def test_pairs_of_images_and_of_noise_in_parts() -> None:
    """Noise that is a pair itself, samples that are images, and a discriminator that mixes examples."""
    generator = with_output_noise(mlp_generator((4,), latent=2, event_shape=(2, 2, 1)), 0.1)
    made = veegan(
        generator,
        mlp_reconstructor((4,), latent=6),
        minibatch_discrimination_mlp((4,), kernels=2, dimension=2),
        lambda key, batch, *, scale: scale * jax.random.normal(key, (batch, 2, 2, 1)),
        batch_size=8,
        data_parameters={"scale": 2.0},
    )
    state = jax.jit(made.init)(jax.random.key(0), scale=1.5)
    assert state.discriminator.variables["params"]["Dense_0"]["kernel"].shape == (4 + 6, 4)
    _, info = jax.jit(made.step)(state)
    chex.assert_tree_all_finite(info)
    noise = generator.noise(jax.random.key(1), 3)
    np.testing.assert_array_equal(flat(noise), np.concatenate([noise[0], noise[1].reshape(3, 4)], axis=1))
    x = jax.random.normal(jax.random.key(2), (3, 2, 2, 1))
    np.testing.assert_array_equal(joint(x, flat(noise))[:, :4], x.reshape(3, 4))


@pytest.mark.slow
def test_bad_requests_are_one_sentence() -> None:
    wrong = veegan(PARTS.generator, mlp_reconstructor((4,), latent=3), PARTS.discriminator, data)
    with pytest.raises(ValueError, match=r"reconstructor gives shape \(1, 3\) for noise of shape \(1, 2\)"):
        wrong.init(jax.random.key(0))
    other = veegan(*PARTS, lambda key, n: jnp.zeros((n, 4)))
    with pytest.raises(ValueError, match=r"data gives examples of shape \(4,\) and the generator of shape \(3,\)"):
        other.init(jax.random.key(0))
    with pytest.raises(ValueError, match="batch_size is 0"):
        veegan(*PARTS, data, batch_size=0)
    with pytest.raises(ValueError, match="latent is 0"):
        mlp_reconstructor((4,), latent=0)
