"""Penalties on critics whose gradient is known in closed form."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.objectives import penalties
from gan_jax.objectives.penalties import gradient_norms, gradient_penalty, interpolates, lipschitz_penalty
from gan_jax.typing import ScalarCritic
from tests.cases import cases

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


@pytest.mark.slow
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


# ------------------------------------------------------------------------------------------- every penalty, every event shape

EVENTS = [(1,), (2,), (4, 4, 1)]


def batches(event: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    real_key, fake_key = jax.random.split(key(5))
    return jax.random.normal(real_key, (6, *event)), 1.0 + 2.0 * jax.random.normal(fake_key, (6, *event))


def flat_norm(x: jax.Array) -> np.ndarray:
    return np.linalg.norm(np.asarray(x, np.float64).reshape(len(x), -1), axis=1)


PAPERS = ("gp", "lp", "r1", "r2", "r1_and_r2", "zero_centred", "dragan")
"""Whose values are written down below."""

OF_GRADIENTS = {
    name: made
    for name, made in ((name, make()) for name, make in penalties.PENALTIES.items())
    if isinstance(made, penalties.GradientNormPenalty)
}
"""These say that they are functions of the gradient's norm: one of one's own is held to its own points and cost."""

BY_GRADIENT = list(dict.fromkeys([*PAPERS, *OF_GRADIENTS]))


def own_cost(name: str, norm: np.ndarray | float) -> np.ndarray:
    made = OF_GRADIENTS[name]
    return np.asarray(made.cost(jnp.asarray(norm**2 if made.squared else norm)))


@pytest.mark.slow
@cases("event", EVENTS, ids=str)
@cases("name", BY_GRADIENT)
def test_every_penalty_on_a_linear_critic(name: str, event: tuple[int, ...]) -> None:
    """``f(x) = s Σ x``, whose gradient has norm ``s √d`` everywhere: where it is looked at does not matter."""
    x, y = batches(event)
    for scale in (0.05, 0.7, 3.0):
        norm = scale * np.sqrt(x[0].size)
        papers = {
            "gp": (norm - 1) ** 2,
            "lp": max(norm - 1, 0.0) ** 2,
            "r1": norm**2,
            "r2": norm**2,
            "r1_and_r2": 2 * norm**2,
            "zero_centred": norm**2,
            "dragan": (norm - 1) ** 2,
        }
        expected = papers[name] if name in papers else own_cost(name, norm)
        found = penalties.PENALTIES[name]()(lambda e, scale=scale: scale * jnp.sum(e), x, y, key())
        np.testing.assert_allclose(found, np.full(6, expected), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@cases("event", EVENTS, ids=str)
@cases("name", BY_GRADIENT)
def test_every_penalty_on_a_quadratic_critic_is_looked_at_where_it_says(name: str, event: tuple[int, ...]) -> None:
    """``f(x) = ½ ||x||²``, whose gradient is the point itself: the penalty tells the norm of the points it was asked at."""
    x, y = batches(event)
    found = np.asarray(penalties.PENALTIES[name]()(lambda e: 0.5 * jnp.sum(e * e), x, y, key()))
    between = flat_norm(interpolates(x, y, key()))
    # δ = ½ std(x) u, of all coordinates together: DRAGAN's own draw, with the key that it is given.
    near = np.asarray(x) + 0.5 * np.asarray(x).std() * np.asarray(jax.random.uniform(key(), x.shape))
    papers = {
        "gp": (between - 1) ** 2,
        "lp": np.maximum(between - 1, 0) ** 2,
        "r1": flat_norm(x) ** 2,
        "r2": flat_norm(y) ** 2,
        "r1_and_r2": flat_norm(x) ** 2 + flat_norm(y) ** 2,
        "zero_centred": between**2,
        "dragan": (flat_norm(near) - 1) ** 2,
    }
    expected = papers[name] if name in papers else own_cost(name, flat_norm(OF_GRADIENTS[name].points(x, y, key())))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@cases("name", penalties.PENALTIES)
def test_every_penalty_at_a_dead_critic_has_a_finite_gradient(name: str) -> None:
    """At ``w = 0`` of ``f = ⟨w, x⟩``: zero for squares and below the bound; not NaN where the norm has no derivative."""
    x, y = batches((2,))
    mean = lambda w: jnp.mean(penalties.PENALTIES[name]()(lambda e: jnp.vdot(w, e), x, y, key()))  # noqa: E731
    value, slope = jax.value_and_grad(mean)(jnp.zeros(2))
    papers = {"gp": 1.0, "lp": 0.0, "r1": 0.0, "r2": 0.0, "r1_and_r2": 0.0, "zero_centred": 0.0, "dragan": 1.0}
    if name in BY_GRADIENT:
        assert float(value) == (papers[name] if name in papers else pytest.approx(float(own_cost(name, 0.0))))
    np.testing.assert_array_equal(slope, [0.0, 0.0])


@cases("name", penalties.PENALTIES)
def test_one_pass_over_the_batch_gives_what_one_gradient_an_example_gives(name: str) -> None:
    x, y = batches((2,))
    batched = lambda points: jnp.sum(jnp.tanh(points @ jnp.asarray([[1.0, -2.0], [0.5, 1.0]])), axis=1)  # noqa: E731
    one_pass = penalties.PENALTIES[name]()(penalties.ExampleWise(batched), x, y, key())
    one_by_one = penalties.PENALTIES[name]()(lambda e: batched(e[None])[0], x, y, key())
    np.testing.assert_allclose(one_pass, one_by_one, rtol=1e-5, atol=1e-6)


def test_papers_half_of_r1_is_half_the_weight() -> None:
    # γ/2 E ||∇D||² at γ = 10 for a gradient of norm 5: 125.
    x, y = batches((2,))
    weighted = penalties.weight_of_gamma(10.0) * jnp.mean(penalties.r1()(linear(1.0), x, y, key()))
    np.testing.assert_allclose(weighted, 125.0, rtol=1e-5)


def test_sum_of_two_penalties_gives_each_a_key_of_its_own() -> None:
    x, y = batches((2,))
    critic = lambda e: 0.5 * jnp.sum(e * e)  # noqa: E731
    found = penalties.both(penalties.zero_centred(), penalties.zero_centred())(critic, x, y, key())
    parts = [penalties.zero_centred()(critic, x, y, part) for part in jax.random.split(key())]
    np.testing.assert_allclose(found, parts[0] + parts[1], rtol=1e-6)
    assert np.max(np.abs(parts[0] - parts[1])) > 0.1


@pytest.mark.parametrize(
    "optimizer",
    [optax.sgd(1.0), optax.adam(0.5), optax.rmsprop(0.1), optax.chain(optax.clip(3.0), optax.sgd(2.0, momentum=0.9))],
    ids=["sgd", "adam", "rmsprop", "momentum"],
)
def test_weight_clipping_keeps_the_bound_after_any_optimiser(optimizer: optax.GradientTransformation) -> None:
    chain = optax.chain(optimizer, penalties.weight_clipping(0.25))
    params = {"w": jnp.asarray([0.2, -0.1, 0.0]), "b": jnp.asarray(0.25)}
    state = chain.init(params)
    for step in range(6):
        grads = jax.tree.map(lambda w, s=step: 10.0 * jnp.cos(3.0 * w + s), params)
        updates, state = chain.update(grads, state, params)
        free, _ = optimizer.update(grads, optimizer.init(params), params)
        if step == 0:
            # Inside the bound nothing is changed: what is clipped is the parameter, not the step.
            expected = jax.tree.map(lambda w, u: np.clip(w + u, -0.25, 0.25), params, free)
        params = optax.apply_updates(params, updates)
        assert all(bool(jnp.all(jnp.abs(leaf) <= 0.25 + 1e-7)) for leaf in jax.tree.leaves(params))
        if step == 0:
            chex.assert_trees_all_close(params, expected, rtol=1e-7, atol=1e-7)


def test_weight_clipping_needs_the_parameters_and_a_positive_bound() -> None:
    with pytest.raises(ValueError, match="params is None; expected the parameters"):
        penalties.weight_clipping().update({"w": jnp.zeros(2)}, penalties.weight_clipping().init({"w": jnp.zeros(2)}))
    with pytest.raises(ValueError, match=r"bound is 0\.0"):
        penalties.weight_clipping(0.0)
    with pytest.raises(ValueError, match=r"scale is -1\.0"):
        penalties.dragan(scale=-1.0)


def test_instance_noise_has_its_scale_and_no_mean() -> None:
    x = jnp.full((200, 10, 10), 3.0)
    noise = np.asarray(penalties.instance_noise(key(), x, jnp.asarray(0.5)) - x)
    n = noise.size
    # Within 4 standard errors: of a mean, σ / √n; of a variance, σ² √(2 / n).
    assert abs(noise.mean()) < 4 * 0.5 / np.sqrt(n)
    assert abs(noise.var() - 0.25) < 4 * 0.25 * np.sqrt(2 / n)
    np.testing.assert_array_equal(penalties.instance_noise(key(), x, jnp.asarray(0.0)), x)
