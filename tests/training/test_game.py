"""What a game is whatever is played: one sentence for each bad input, its average, its scan, its lazy penalty, no discriminator at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.models import players
from gan_jax.models.generators import mlp_generator
from gan_jax.models.lipschitz import orthonormal_mlp
from gan_jax.models.mlp import batch_norm_mlp, layer_norm_mlp
from gan_jax.objectives import costs, losses, penalties
from gan_jax.training import ensemble, game, updates
from gan_jax.training.critic import lazy_penalty
from gan_jax.training.state import averaged
from gan_jax.typing import Array


def data(key: Array, n: int, **_: Array) -> Array:
    return 2.0 + jax.random.normal(key, (n, 1))


def small(objective: losses.Objective | None = None, **options: Any) -> game.Game:
    options = {"batch_size": 4, "discriminator": players.linear(slope=0.5), "generator": players.affine(), **options}
    generator, discriminator, sampler = (options.pop(name, data) for name in ("generator", "discriminator", "data"))
    update = options.pop("update", updates.alternating())
    return game.gan(objective or losses.non_saturating(), generator, discriminator, sampler, update, **options)


def sgd(rate: Array) -> optax.GradientTransformation:
    return optax.sgd(rate)


# --------------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("name", ["batch_size", "discriminator_steps", "penalty_every"])
def test_sizes_below_one_are_one_sentence(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0; expected an integer of at least 1"):
        small(**{name: 0})


def test_batch_norm_under_a_penalty_is_one_sentence_and_layer_norm_is_not() -> None:
    with pytest.raises(ValueError, match="penalty is given and the critic mixes the examples"):
        small(discriminator=batch_norm_mlp((4,)), penalty=penalties.r1())
    small(discriminator=layer_norm_mlp((4,)), penalty=penalties.r1())
    small(discriminator=batch_norm_mlp((4,)))


def test_an_unknown_hyperparameter_is_one_sentence_with_the_nearest_name() -> None:
    made = small(penalty=penalties.r1(), data_parameters={"separation": 1.0}, ema_decay=0.9)
    words = "unknown hyperparameter 'penalty_wieght'; did you mean 'penalty_weight'"
    with pytest.raises(ValueError, match=words):
        made.init(jax.random.key(0), penalty_wieght=1.0)
    with pytest.raises(ValueError, match=words):
        ensemble.sweep(
            lambda key, **hyper: {"step": made.init(key, **hyper).step},
            jax.random.key(0),
            seeds=1,
            penalty_wieght=[1.0, 2.0],
        )
    known = {"generator_rate", "discriminator_rate", "penalty_weight", "separation", "ema_decay"}
    assert set(made.hyperparameters) == known
    # Without a penalty, noise or average there is nothing to weigh.
    assert set(small().hyperparameters) == {"generator_rate", "discriminator_rate"}
    with pytest.raises(ValueError, match="unknown hyperparameter 'ema_decay'; this game has discriminator_rate"):
        small().init(jax.random.key(0), ema_decay=0.5)


def test_names_of_data_parameters_that_are_taken_are_one_sentence() -> None:
    with pytest.raises(ValueError, match="data_parameters has generator_rate, which the game itself uses"):
        small(data_parameters={"generator_rate": 1.0})


def test_a_distance_and_a_free_discriminator_warn_by_name() -> None:
    """With psi free the value is psi (x - x'), which no distance is."""
    with pytest.warns(
        UserWarning, match="objective wasserstein is in units of the data and nothing holds the slope"
    ) as caught:
        small(losses.wasserstein())
    assert [Path(warning.filename).name for warning in caught] == ["test_game.py"]
    # Held by a penalty, or by the discriminator itself; in nats.
    small(losses.wasserstein(), penalty=penalties.gradient_penalty())
    small(losses.wasserstein(), discriminator=orthonormal_mlp((4,)))
    small(losses.hinge())


@pytest.mark.parametrize("objective", losses.OBJECTIVES)
def test_unequal_batches_are_one_sentence(objective: str) -> None:
    made = losses.OBJECTIVES[objective]()
    words = r"real_logits has shape \(4,\) and fake_logits has shape \(3,\); expected one shape \[batch\]"
    with pytest.raises(ValueError, match=words):
        made.discriminator_loss(jnp.zeros(4), jnp.zeros(3))
    if not made.separable:
        with pytest.raises(ValueError, match=words):
            made.generator_loss(jnp.zeros(3), jnp.zeros(4))


@pytest.mark.parametrize(
    ("sampler", "words"),
    [
        (lambda key, n: jax.random.normal(key, (n + 1, 1)), r"data gives shape \(5, 1\) for a batch of 4"),
        (
            lambda key, n: jax.random.normal(key, (n,)),
            r"data gives examples of shape \(\) and the generator of shape \(1,\)",
        ),
        (
            lambda key, n: jax.random.normal(key, (n, 3)),
            r"data gives examples of shape \(3,\) and the generator of shape \(1,\)",
        ),
    ],
    ids=["batch", "no event", "event"],
)
@pytest.mark.parametrize(
    "made",
    [small, lambda **options: game.direct(costs.energy(), players.affine(), batch_size=4, **options)],
    ids=["gan", "direct"],
)
def test_data_of_another_shape_is_one_sentence(
    made: Callable[..., game.Game], sampler: Callable[[Array, int], Array], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        made(data=sampler).init(jax.random.key(0))


def test_data_of_one_size_is_refused_where_a_step_draws_several_batches_at_once() -> None:
    fixed = jnp.zeros((4, 1))
    small(data=lambda key, batch: fixed[:batch]).init(jax.random.key(0))
    with pytest.raises(ValueError, match=r"data gives shape \(4, 1\) for a batch of 12"):
        small(data=lambda key, batch: fixed[:batch], discriminator_steps=3).init(jax.random.key(0))


def test_steps_that_are_no_multiple_of_records_are_one_sentence() -> None:
    made = small()
    for options, words in (
        ({"steps": 0, "records": 1}, "steps is 0"),
        ({"steps": 4, "records": 0}, "records is 0"),
        ({"steps": 5, "records": 2}, "steps is 5 and records is 2"),
    ):
        with pytest.raises(ValueError, match=words):
            game.play(made, made.init(jax.random.key(0)), **options)


# ------------------------------------------------------------------------------------------------------ scan and average


@pytest.mark.slow
def test_play_is_the_step_again_and_again_and_the_average_is_its_closed_form() -> None:
    made = small(ema_decay=0.5, discriminator_steps=2)
    state = made.init(jax.random.key(0), ema_decay=0.7, generator_rate=0.1)
    start = jnp.asarray(averaged(state)["params"]["shift"])
    np.testing.assert_array_equal(start, state.generator.variables["params"]["shift"])
    last, infos, seen = jax.jit(
        lambda s: game.play(made, s, steps=6, records=3, observe=lambda s: s.generator.variables["params"]["shift"])
    )(state)
    step, shifts, steps = jax.jit(made.step), [], []
    for _ in range(6):
        state, info = step(state)
        shifts.append(np.asarray(state.generator.variables["params"]["shift"]))
        steps.append(info)
    np.testing.assert_allclose(seen, [start, *shifts[1::2]], rtol=1e-6)
    for name, found in infos._asdict().items():
        each = np.asarray([getattr(info, name) for info in steps]).reshape(3, 2)
        np.testing.assert_allclose(found, each.mean(axis=1), rtol=1e-5, atol=1e-7)
    assert int(last.step) == 6
    # θ̄_t = (1 - d) Σ_s d^{t-s} θ_s / (1 - d^t).
    weights = 0.3 * 0.7 ** np.arange(5, -1, -1)
    expected = np.tensordot(weights, np.asarray(shifts), axes=1) / (1 - 0.7**6)
    np.testing.assert_allclose(averaged(last)["params"]["shift"], expected, rtol=1e-5)


def test_without_an_average_the_last_parameters_are_read() -> None:
    state = small().init(jax.random.key(0))
    assert averaged(state) is state.generator.variables


@pytest.mark.slow
def test_batch_statistics_advance_by_the_generators_own_pass_alone() -> None:
    generator = mlp_generator((3,), latent=2, event_shape=(1,), batch_norm=True)
    made = small(generator=generator, discriminator=batch_norm_mlp((3,)), discriminator_steps=3, batch_size=8)
    state = jax.jit(made.init)(jax.random.key(0))
    after, _ = jax.jit(made.step)(state)
    # The key of the generator's pass, as ``alternating`` splits it.
    _, pass_key = jax.random.split(jax.random.fold_in(state.key, 0))
    noise_key, *_ = jax.random.split(pass_key, 4)
    _, expected = jax.jit(generator.train)(state.generator.variables, generator.noise(noise_key, 8))
    for ours, theirs in zip(
        jax.tree.leaves(after.generator.variables["batch_stats"]), jax.tree.leaves(expected["batch_stats"]), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


# ------------------------------------------------------------------------------------------------------------ lazy penalty


@pytest.mark.parametrize("every", [1, 2, 4])
def test_a_lazy_penalty_moves_the_discriminator_as_far_as_the_plain_one(every: int) -> None:
    """Both gradients constant (Wasserstein, and a penalty linear in ψ): after a multiple of ``every`` updates, exactly as far."""

    def tilt(critic: Any, real: Array, fake: Array, key: Array) -> Array:
        return jax.vmap(critic)(jnp.ones_like(real))

    made = small(
        losses.wasserstein(),
        data=lambda key, n: jnp.full((n, 1), 3.0),
        generator=players.particles(lambda key: jnp.ones((4, 1))),
        penalty=tilt,
        penalty_every=every,
        discriminator_steps=2,
        discriminator_optimizer=sgd,
        generator_optimizer=sgd,
        generator_rate=0.0,
        discriminator_rate=0.25,
        penalty_weight=0.5,
    )
    state, infos, _ = jax.jit(lambda key: game.play(made, made.init(key), steps=4, records=4))(jax.random.key(0))
    # ψ <- ψ - .25 (1 - 3 + .5 · 1), 8 times.
    assert float(state.discriminator.variables["params"]["psi"][0]) == 0.5 + 8 * 0.25 * 1.5
    # The last update of a step is number 1, 3, 5, 7: never one of a lazy penalty.
    assert np.all(np.asarray(infos.penalty > 0) == (every == 1))


def test_members_leave_a_lazy_penalty_out_together() -> None:
    """One condition for all of them, around a ``vmap`` of a ``vmap`` too; and each is right though others are at another update."""
    weight = jnp.arange(1.0, 5.0)

    def slope(count: Array, weight: Array) -> Array:
        return jax.grad(lambda w: lazy_penalty(lambda: w**2, 4, count))(weight)

    counts = jnp.array([0, 4, 5, 7])
    np.testing.assert_array_equal(jax.jit(jax.vmap(slope))(counts, weight), [2.0, 4.0, 0.0, 0.0])
    grid = jax.vmap(jax.vmap(slope, (None, 0)), (0, None))
    np.testing.assert_array_equal(grid(counts, weight)[:, 0], [2.0, 2.0, 0.0, 0.0])
    # What vmap makes of a condition of each member's own is no condition.
    for mapped, arguments in ((jax.vmap(slope), (counts, weight)), (grid, (counts, weight))):
        assert "cond[" in str(jax.make_jaxpr(mapped)(*arguments))
    own = jax.vmap(lambda count: jax.lax.cond(count % 4 == 0, lambda: 1.0, lambda: 0.0))
    assert "cond[" not in str(jax.make_jaxpr(own)(counts))


# --------------------------------------------------------------------------------------------------------------- no judge


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mmd", "energy", "sliced"])
def test_a_direct_game_descends_its_cost_to_the_data(name: str) -> None:
    made = game.direct(costs.COSTS[name](), players.affine(), data, batch_size=64, generator_rate=0.05, ema_decay=0.8)
    state, infos, _ = jax.jit(lambda s: game.play(made, s, steps=120, records=4))(made.init(jax.random.key(0)))
    cost = np.asarray(infos.divergence)
    assert np.all(np.diff(cost[:3]) < 0)
    np.testing.assert_array_equal(infos.divergence, infos.generator_loss)
    assert np.all(np.asarray(infos.discriminator_gradient) == 0)
    # N(2, 1): the mean of 64 samples has standard error .125, and the last cost is a mean over 30 batches.
    assert float(averaged(state)["params"]["shift"][0]) == pytest.approx(2.0, abs=4 * 0.125)
    assert jax.tree.leaves(state.discriminator) == []
