"""The game of four: who sees which domain, which term does what, what the pool changes; against a step written out by hand."""

from __future__ import annotations

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.models.mlp import mlp
from gan_jax.models.translators import mlp_translator
from gan_jax.objectives import losses, penalties
from gan_jax.training import optimizers
from gan_jax.training import translation as games
from gan_jax.training.game import play
from gan_jax.training.state import averaged
from gan_jax.typing import Critic, Domains, Translator
from tests.training.compilations import once

BATCH = 6


def sgd(rate: Any) -> optax.GradientTransformation:
    return optax.sgd(rate)


def data(key: Any, batch: int) -> Domains:
    x_key, y_key = jax.random.split(key)
    return Domains(jax.random.normal(x_key, (batch, 2)), 3.0 + 2.0 * jax.random.normal(y_key, (batch, 2)))


def affine(slope: float, shift: float) -> Translator:
    """``a x + b``."""

    def init(key: Any, x: Any) -> Any:
        return {"params": {"a": jnp.asarray(slope), "b": jnp.asarray(shift)}}

    return Translator(init, lambda v, x: v["params"]["a"] * x + v["params"]["b"])


def quadratic(weight: float) -> Critic:
    """``w |x|² + c``."""

    def init(key: Any, x: Any) -> Any:
        return {"params": {"w": jnp.asarray(weight), "c": jnp.asarray(0.1)}}

    def apply(v: Any, x: Any) -> Any:
        return v["params"]["w"] * jnp.sum(jnp.square(x), axis=1) + v["params"]["c"]

    return Critic(
        init, apply, lambda variables: variables, lambda variables: jnp.asarray(jnp.inf), mixes_examples=False
    )


def small(**settings: Any) -> Any:
    usual: dict[str, Any] = {
        "batch_size": BATCH,
        "generator_optimizer": sgd,
        "discriminator_optimizer": sgd,
        "generator_rate": 0.01,
        "discriminator_rate": 0.02,
        "pool_size": 0,
    }
    players = affine(0.8, 0.3), affine(1.3, -0.2), quadratic(0.05), quadratic(-0.04)
    return games.cyclegan(losses.least_squares(), *players, data, **(usual | settings))


def by_hand(state: Any, weights: dict[str, float]) -> tuple[Any, Any, float]:
    """One step with formulas: both generators, then both discriminators against what the generators made before it."""
    data_key, _, _ = jax.random.split(jax.random.fold_in(state.key, state.step), 3)
    x, y = data(data_key, BATCH)
    translators, judges = state.generator.variables["params"], state.discriminator.variables["params"]

    def move(p: Any, z: Any) -> Any:
        return p["a"] * z + p["b"]

    def judge(p: Any, z: Any) -> Any:
        return p["w"] * jnp.sum(z**2, axis=1) + p["c"]

    def generators(p: Any) -> Any:
        g, f = p["forward"], p["backward"]
        adversarial = jnp.mean((judge(judges["y"], move(g, x)) - 1) ** 2)
        adversarial += jnp.mean((judge(judges["x"], move(f, y)) - 1) ** 2)
        there = jnp.mean(jnp.abs(move(f, move(g, x)) - x))
        back = jnp.mean(jnp.abs(move(g, move(f, y)) - y))
        still_y, still_x = jnp.mean(jnp.abs(move(g, y) - y)), jnp.mean(jnp.abs(move(f, x) - x))
        return (
            weights["adversarial_weight"] * scale * adversarial
            + weights["forward_weight"] * (there + weights["identity_weight"] * still_x)
            + weights["backward_weight"] * (back + weights["identity_weight"] * still_y)
        )

    def discriminators(p: Any) -> Any:
        on_y = jnp.mean((judge(p["y"], y) - 1) ** 2 + judge(p["y"], move(translators["forward"], x)) ** 2)
        on_x = jnp.mean((judge(p["x"], x) - 1) ** 2 + judge(p["x"], move(translators["backward"], y)) ** 2)
        return 0.5 * scale * (on_y + on_x)

    # The library's least squares may carry a factor; it is read off, not assumed.
    one = losses.least_squares().generator_loss(jnp.zeros(1), jnp.zeros(1))
    scale = float(jnp.mean(one))
    loss, gradient = jax.value_and_grad(generators)(translators)
    moved = jax.tree.map(lambda p, g: p - 0.01 * g, translators, gradient)
    judged = jax.tree.map(lambda p, g: p - 0.02 * g, judges, jax.grad(discriminators)(judges))
    return moved, judged, float(loss)


FULL = {"adversarial_weight": 1.0, "forward_weight": 10.0, "backward_weight": 10.0, "identity_weight": 0.5}


@pytest.mark.slow
@pytest.mark.parametrize("name", games.ABLATIONS)
def test_a_step_is_what_is_written(name: str) -> None:
    """Every ablation, for three steps: parameters and the loss, so that each switches its term and no other."""
    with jax.enable_x64(True):
        game = small()
        state = game.init(jax.random.key(0), **games.ablation(name))
        for _ in range(3):
            moved, judged, loss = by_hand(state, FULL | games.ABLATIONS[name])
            state, info = game.step(state)
            chex.assert_trees_all_close(state.generator.variables["params"], moved, rtol=1e-9)
            chex.assert_trees_all_close(state.discriminator.variables["params"], judged, rtol=1e-9)
            assert float(info.generator_loss) == pytest.approx(loss, rel=1e-9)


@pytest.mark.slow
def test_patches_are_judged_each_by_itself() -> None:
    """A discriminator of three places gives the loss of a batch three times as large, one logit an example."""

    def places(weights: tuple[float, ...]) -> Critic:
        def apply(v: Any, x: Any) -> Any:
            logits = v["params"]["w"] * jnp.sum(x, axis=1)
            return jnp.stack([weight * logits for weight in weights], axis=1)

        free = quadratic(0.2)
        return free._replace(init=lambda key, x: {"params": {"w": jnp.asarray(0.3)}}, apply=apply)

    def losses_of(weights: tuple[float, ...]) -> tuple[float, float]:
        players = affine(0.8, 0.3), affine(1.3, -0.2), places(weights), places(weights)
        game = games.cyclegan(losses.least_squares(), *players, data, batch_size=BATCH, forward_weight=0.0)
        _, info = game.step(game.init(jax.random.key(3)))
        return float(info.generator_loss), float(info.discriminator_loss)

    each = np.array([losses_of((weight,)) for weight in (0.5, 1.0, 2.0)])
    np.testing.assert_allclose(losses_of((0.5, 1.0, 2.0)), each.mean(axis=0), rtol=1e-5)


@pytest.mark.slow
def test_without_identity_terms_there_is_no_weight_of_them() -> None:
    """The program is that of weight 0, and the hyperparameter is unknown."""
    without, zero = small(identity_weight=None), small(identity_weight=0.0)
    one, other = without.init(jax.random.key(4)), zero.init(jax.random.key(4))
    chex.assert_trees_all_equal(without.step(one)[0].generator, zero.step(other)[0].generator)
    with pytest.raises(ValueError, match="identity_weight"):
        without.init(jax.random.key(0), identity_weight=0.5)


@pytest.mark.slow
def test_every_player_sees_its_own_domain() -> None:
    """Points of the plane and of space: whoever were shown the other domain would fail on its shape."""

    def both(key: Any, batch: int) -> Domains:
        x_key, y_key = jax.random.split(key)
        return Domains(jax.random.normal(x_key, (batch, 2)), jax.random.normal(y_key, (batch, 3)))

    seen: dict[str, set[tuple[int, ...]]] = {"x": set(), "y": set()}

    def spy(name: str) -> Critic:
        free = mlp((8,))

        def apply(variables: Any, x: Any) -> Any:
            seen[name].add(x.shape[1:])
            return free.apply(variables, x)

        return free._replace(apply=apply)

    forward, backward = mlp_translator((8,), other_shape=(3,)), mlp_translator((8,), event_shape=(3,), other_shape=(2,))
    game = games.cyclegan(losses.least_squares(), forward, backward, spy("x"), spy("y"), both, batch_size=4)
    state, info = game.step(game.init(jax.random.key(0)))
    assert seen == {"x": {(2,)}, "y": {(3,)}}
    assert bool(jnp.isfinite(info.generator_loss))
    pools = state.discriminator.variables["pool"]
    assert {name: pool.examples.shape for name, pool in pools.items()} == {"x": (50, 2), "y": (50, 3)}


@pytest.mark.slow
def test_the_pool_changes_what_discriminators_see_and_nothing_else() -> None:
    with_pool, without = small(pool_size=3), small(pool_size=0)
    one, other = with_pool.init(jax.random.key(1)), without.init(jax.random.key(1))
    for step in range(4):
        judges = one.discriminator.variables["params"], other.discriminator.variables["params"]
        one, other = with_pool.step(one)[0], without.step(other)[0]
        if step == 0:
            # The generators have moved by the same gradient, since discriminators move after them.
            chex.assert_trees_all_equal(one.generator.variables, other.generator.variables)
        assert jax.tree.all(jax.tree.map(lambda a, b: bool(a == b), *judges)) == (step == 0)
    made = one.discriminator.variables["pool"]
    assert int(made["x"].filled) == int(made["y"].filled) == 3
    # F(y) = 1.3 y − .2 at first, around 3.7; G(x) = .8 x + .3, around .3.
    assert float(made["x"].examples.mean()) > 1.5 > float(made["y"].examples.mean())


@pytest.mark.slow
def test_half_way_and_on_is_all_the_way() -> None:
    """A state that went through the host's memory, pools and all, goes on to the same bits."""
    game = small(pool_size=4, ema_decay=0.9, generator_optimizer=optimizers.half_constant(8))
    run = jax.jit(lambda state: play(game, state, steps=4, records=1)[0])
    whole = run(run(game.init(jax.random.key(2))))
    half = run(game.init(jax.random.key(2)))
    stored = jax.tree.map(np.asarray, half._replace(key=jax.random.key_data(half.key)))
    again = stored._replace(key=jax.random.wrap_key_data(stored.key))
    chex.assert_trees_all_equal(run(again)._replace(key=None), whole._replace(key=None))


@pytest.mark.slow
def test_ablations_are_one_program() -> None:
    game = small(pool_size=4)
    step = once(game.step)
    for name in games.ABLATIONS:
        state, _ = step(game.init(jax.random.key(0), **games.ablation(name)))
        step(state)


@pytest.mark.slow
def test_seeds_side_by_side_are_seeds_one_by_one() -> None:
    game = small(pool_size=4)

    def run(key: Any) -> Any:
        state, _, _ = play(game, game.init(key), steps=5, records=1)
        return state.generator.variables["params"], state.discriminator.variables["pool"]

    def keys() -> Any:
        return jax.random.split(jax.random.key(3), 3)

    together = jax.jit(jax.vmap(run))(keys())
    for i in range(3):
        jax.tree.map(
            lambda a, b, i=i: np.testing.assert_allclose(a[i], b, rtol=2e-5, atol=1e-6),
            together,
            jax.jit(run)(keys()[i]),
        )


@pytest.mark.slow
def test_lazy_penalties_weigh_as_much() -> None:
    """A penalty of every other step moves a discriminator twice as far at those, and not at the others."""
    states = {}
    for every in (1, 2):
        game = small(penalty=penalties.r1(), penalty_weight=0.3, penalty_every=every)
        states[every] = game.step(game.init(jax.random.key(4)))
    free = small().step(small().init(jax.random.key(4)))[0].discriminator.variables["params"]
    once, twice = (states[every][0].discriminator.variables["params"] for every in (1, 2))
    jax.tree.map(
        lambda f, a, b: np.testing.assert_allclose(b - f, 2.0 * (a - f), rtol=1e-3, atol=1e-7), free, once, twice
    )
    assert float(states[1][1].penalty) > 0.0


def test_the_average_is_of_both_generators() -> None:
    game = small(ema_decay=0.5)
    state = game.step(game.init(jax.random.key(5)))[0]
    chex.assert_trees_all_close(averaged(state)["params"], state.generator.variables["params"], rtol=1e-6)
    forward, backward = games.translators(averaged(state))
    both = averaged(state)["params"]
    assert (forward["params"], backward["params"]) == (both["forward"], both["backward"])


def test_rates_fall_to_zero_over_the_second_half() -> None:
    optimizer = optimizers.half_constant(10)(jnp.asarray(1.0))
    state, sizes = optimizer.init({"w": jnp.zeros(())}), []
    for _ in range(11):
        updates, state = optimizer.update({"w": jnp.ones(())}, state)
        sizes.append(-float(updates["w"]))
    np.testing.assert_allclose(sizes[:6], 1.0, rtol=1e-4)
    np.testing.assert_allclose(sizes[5:], np.linspace(1.0, 0.0, 6), atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"pool_size": -1}, "pool_size is -1"),
        ({"penalty_every": 0}, "penalty_every is 0"),
    ],
)
def test_wrong_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**settings)


@pytest.mark.parametrize("free", ["x", "y"])
def test_a_distance_and_a_free_discriminator_warn_by_name(free: str) -> None:
    judges = [quadratic(1.0)._replace(bounded=name != free) for name in ("x", "y")]
    players = affine(1.0, 0.0), affine(1.0, 0.0), *judges
    with pytest.warns(UserWarning, match="objective wasserstein is in units of the data and nothing holds the slope"):
        games.cyclegan(losses.wasserstein(), *players, data)
    held = [judge._replace(bounded=True) for judge in judges]
    games.cyclegan(losses.wasserstein(), *players[:2], *held, data)


def test_wrong_players_and_data() -> None:
    with pytest.raises(ValueError, match="unknown hyperparameter 'forward_wight'; did you mean 'forward_weight'"):
        small().init(jax.random.key(0), forward_wight=1.0)
    bad = mlp_translator((8,), other_shape=(3,))
    players = bad, affine(1.0, 0.0), quadratic(1.0), quadratic(1.0)
    with pytest.raises(ValueError, match=r"forward gives events of shape \(3,\); expected \(2,\)"):
        games.cyclegan(losses.least_squares(), *players, data).init(jax.random.key(0))
    with pytest.raises(ValueError, match=r"data gives x of shape \(5, 2\)"):
        games.cyclegan(losses.least_squares(), *players, lambda key, batch: data(key, 5), batch_size=4).init(
            jax.random.key(0)
        )
    with pytest.raises(ValueError, match="name is 'forward'"):
        games.ablation("forward")
