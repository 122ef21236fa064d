"""What is called twice is traced once, and what is made twice from equal arguments is one object."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
import weakref
from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import optax
import pytest

from gan_jax import caching
from gan_jax.estimators.variational import neural_estimator
from gan_jax.models import players
from gan_jax.models.lipschitz import orthonormal_mlp
from gan_jax.models.mlp import mlp
from gan_jax.objectives import losses, penalties
from gan_jax.training import critic, ensemble, frozen, game, optimizers, passage, pool, updates
from gan_jax.training.state import GameState
from gan_jax.typing import Array, Critic

SHORT = dict(steps=2, batch_size=4, held_out=8)


def counting(critic: Critic) -> tuple[Critic, list[None]]:
    """A critic, and a list with an entry for every time that its ``init`` ran: under ``jit``, for every trace."""
    traces: list[None] = []

    def init(key: Array, x: Array) -> dict:
        traces.append(None)
        return critic.init(key, x)

    return critic._replace(init=init), traces


@pytest.mark.slow
def test_an_estimator_is_traced_once_for_all_values() -> None:
    network, traces = counting(mlp((4,)))
    estimates = [
        # Built anew each time, from equal settings; rates and weights, laws and seeds are values.
        neural_estimator(
            losses.minimax(), network, learning_rate=rate, penalty=penalties.r1(), penalty_weight=2 * rate, **SHORT
        )(seed, dist.Normal(0.0, 1.0), dist.Normal(mean, 1.0))
        for seed, rate, mean in ((0, 1e-3, 1.0), (1, 1e-2, 2.0), (0, 1e-3, 1.0))
    ]
    assert len(traces) == 1
    np.testing.assert_array_equal(estimates[0].value, estimates[2].value)
    assert float(estimates[0].value) != float(estimates[1].value)
    x = np.linspace(0.0, 1.0, 16)
    for shift in (0.0, 1.0):
        neural_estimator(losses.minimax(), network, penalty=penalties.r1(), **SHORT)(0, x, x + shift)
    assert len(traces) == 2
    # Another number of steps is another program.
    neural_estimator(losses.minimax(), network, penalty=penalties.r1(), **{**SHORT, "steps": 4})(0, x, x)
    assert len(traces) == 3


@pytest.mark.slow
def test_an_estimator_inside_of_a_program_is_a_part_of_it() -> None:
    network, traces = counting(mlp((4,)))
    estimator = neural_estimator(losses.minimax(), network, **SHORT)
    alone = estimator(0, dist.Normal(0.0, 1.0), dist.Normal(1.0, 1.0))
    program = jax.jit(lambda key, m: estimator(key, dist.Normal(0.0, 1.0), dist.Normal(m, 1.0)).value)
    for _ in range(2):
        np.testing.assert_allclose(program(jax.random.key(0), 1.0), alone.value, rtol=1e-5)
    assert len(traces) == 2


@pytest.mark.slow
def test_playing_is_traced_once() -> None:
    traces: list[None] = []

    def data(key: Array, batch: int) -> Array:
        traces.append(None)
        return jnp.zeros((batch, 1))

    made = game.gan(losses.minimax(), players.affine(), players.linear(), data, updates.alternating(), batch_size=2)
    state = made.init(0)
    first, _, _ = game.play(made, state, steps=4, records=2)
    traced = len(traces)
    second, _, _ = game.play(made, first, steps=4, records=2)
    again, _, _ = game.play(made, state, steps=4, records=2)
    assert len(traces) == traced
    chex.assert_trees_all_equal(again._replace(key=0), first._replace(key=0))
    # The same as one long game, and as the program of somebody else.
    long, _, _ = jax.jit(lambda s: game.play(made, s, steps=8, records=1))(state)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7),
        long._replace(key=0),
        second._replace(key=0),
    )


def once(key: Array, batch: int) -> Array:
    return jax.random.normal(key, (batch, 1))


def shifted(key: Array, batch: int) -> Array:
    return 1.0 + once(key, batch)


def same(a: object, b: object) -> None:
    """Two trees have the same numbers, up to the rounding of another order of sums."""
    chex.assert_trees_all_close(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_fitting_a_critic_is_traced_once() -> None:
    counted, traces = counting(mlp((4,)))
    settings = critic.CriticTraining(losses.minimax(), optax.sgd(0.1), penalties.r1(), 0.0, 8)

    def fit(key: Array, weight: float | Array) -> tuple[critic.CriticState, critic.History]:
        training = settings._replace(penalty_weight=weight)
        return critic.fit(key, counted, training, once, shifted, steps=4, records=2)

    first, _, again = (fit(jax.random.key(seed), weight) for seed, weight in ((0, 0.5), (1, 2.0), (0, 0.5)))
    assert len(traces) == 1
    chex.assert_trees_all_equal(first, again)
    # In a program of somebody else it is a part of that, with the same numbers; the weight counts.
    same(jax.jit(fit)(jax.random.key(0), 0.5), first)
    mapped = jax.vmap(lambda seed, weight: fit(jax.random.key(seed), weight))(jnp.arange(1), jnp.ones(1))
    same(jax.tree.map(lambda x: x[0], mapped), fit(jax.random.key(0), 1.0))

    def moved(by: Array) -> Array:
        """A sampler of a law that is mapped over, which no argument tells of."""
        return critic.fit(
            jax.random.key(0), counted, settings, once, lambda key, batch: by + once(key, batch), steps=4, records=2
        )[1].divergence

    same(jax.vmap(moved)(jnp.asarray([0.0, 1.0])), jnp.stack([moved(jnp.asarray(by)) for by in (0.0, 1.0)]))
    assert not np.allclose(fit(jax.random.key(0), 2.0)[1].divergence, first[1].divergence, rtol=1e-3)


@pytest.mark.slow
def test_watching_a_critic_is_traced_once() -> None:
    counted, traces = counting(mlp((4,)))
    training = critic.CriticTraining(losses.minimax(), optax.sgd(0.1), None, 0.0, 8)

    def number(state: critic.CriticState) -> Array:
        return state.step

    def watched(key: Array, at: tuple[int, ...] = (0, 2, 3)) -> tuple[critic.CriticState, Array]:
        return frozen.watch(key, counted, training, once, shifted, at=at, observe=number)

    first, seen = watched(jax.random.key(0))
    np.testing.assert_array_equal(seen, [0, 2, 3])
    np.testing.assert_array_equal(watched(jax.random.key(0), (1, 4, 9))[1], [1, 4, 9])
    assert len(traces) == 1
    same(jax.jit(watched)(jax.random.key(0))[0], first)


@pytest.mark.slow
def test_a_first_passage_is_traced_once() -> None:
    traces: list[None] = []

    def data(key: Array, batch: int) -> Array:
        traces.append(None)
        return jnp.zeros((batch, 1))

    made = game.gan(losses.minimax(), players.affine(), players.linear(), data, updates.alternating(), batch_size=2)

    def third(state: GameState) -> Array:
        return state.step >= 3

    state = made.init(0)
    found = passage.first_passage(made, state, third, at_most=9)
    traced = len(traces)
    assert (int(found.steps), bool(found.reached)) == (3, True)
    short = passage.first_passage(made, state, third, at_most=2)
    assert (int(short.steps), bool(short.reached)) == (2, False)
    assert len(traces) == traced
    inside = jax.jit(lambda s: passage.first_passage(made, s, third, at_most=9))(state)
    same(inside.state._replace(key=0), found.state._replace(key=0))


def test_equal_arguments_give_one_object_and_others_another() -> None:
    constructors: tuple[Callable[[], object], ...] = (
        losses.minimax,
        losses.wasserstein,
        lambda: losses.f_gan("kl", trick=True),
        lambda: mlp((8, 8)),
        lambda: orthonormal_mlp((8, 8)),
        lambda: penalties.gradient_penalty(target=0.5),
        lambda: updates.unrolled(3),
        lambda: optimizers.adam(b1=0.9),
    )
    for make in constructors:
        assert make() is make()
    assert mlp((8, 8)) is not mlp((8, 4))
    # What cannot be hashed is made anew; it is no error.
    assert mlp([8, 8]).init is not mlp([8, 8]).init


def test_types_are_told_apart() -> None:
    """1, 1.0 and True are equal and have one hash: what was checked for one of them would pass for all."""
    same = caching.remembered(lambda value: [value])
    found = [same(value) for value in (1, 1.0, True, (1,), (1.0,), (True,))]
    assert [repr(made) for made in found] == ["[1]", "[1.0]", "[True]", "[(1,)]", "[(1.0,)]", "[(True,)]"]


@pytest.mark.slow
def test_a_sweep_is_traced_once_whatever_the_values() -> None:
    traces: list[None] = []

    def member(key: Array, *, scale: Array) -> dict[str, Array]:
        traces.append(None)
        return {"draw": scale * jax.random.normal(key, (2,))}

    for seed, scales in ((0, [1.0, 2.0]), (1, [3.0, 0.5])):
        ensemble.sweep(member, jax.random.key(seed), seeds=2, scale=scales)
    assert len(traces) == 1


@pytest.mark.slow
def test_an_exchange_outside_of_a_program_is_compiled_once() -> None:
    before = pool.exchanged._cache_size()
    for step in range(3):
        pool.exchanged(jax.random.key(step), pool.empty(5, (3,)), jnp.full((2, 3), float(step)))
    assert pool.exchanged._cache_size() == before + 1


@pytest.mark.slow
def test_programs_are_let_go() -> None:
    def once() -> weakref.ref[Callable[[Array], Array]]:
        def function(x: Array) -> Array:
            return x

        caching.program(function)
        return weakref.ref(function)

    refs = [once() for _ in range(3 * caching.PROGRAMS)]
    gc.collect()
    assert sum(ref() is not None for ref in refs) <= caching.PROGRAMS


class TestAhead:
    def test_gives_what_the_program_gives_and_compiles_once(self) -> None:
        traced = []

        @jax.jit
        def program(key: jax.Array, tree: dict[str, jax.Array]) -> jax.Array:
            traced.append(None)
            return tree["x"] @ tree["x"] + jax.random.normal(key, (3, 3))

        key, x = jax.random.key(0), {"x": jnp.arange(9.0).reshape(3, 3)}
        made = caching.ahead(program, key, x)
        found = [made(key, tree) for tree in (x, {"x": 2.0 * x["x"]})]
        assert len(traced) == 1
        expected = program(jax.random.clone(key), x)
        np.testing.assert_allclose(found[0], expected, rtol=1e-6)
        np.testing.assert_allclose(found[1] - found[0], 3.0 * x["x"] @ x["x"], rtol=1e-5)

    def test_an_error_of_the_program_is_raised_by_its_call(self) -> None:
        @jax.jit
        def program(x: jax.Array) -> jax.Array:
            return x @ jnp.ones(4)

        made = caching.ahead(program, jnp.ones(3))
        with pytest.raises(TypeError, match="dot_general"):
            made(jnp.ones(3))

    def test_other_shapes_are_refused(self) -> None:
        made = caching.ahead(jax.jit(jnp.sin), jnp.ones(3))
        with pytest.raises(TypeError, match="Argument types differ"):
            made(jnp.ones(4))

    @pytest.mark.parametrize(("ending", "status"), [("leave(130)", 130), ("sys.exit(3)", 3)])
    def test_a_process_ends_amid_a_compilation_without_a_crash(self, ending: str, status: int) -> None:
        code = f"""
import sys, time
from gan_jax import caching
from gan_jax.cli.answers import leave

jobs = [caching._Job(lambda: time.sleep(20.0 if "leave" in "{ending}" else 0.5)) for _ in range(9)]
{ending}
"""
        started = time.monotonic()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30)
        assert (done.returncode, done.stderr) == (status, "")
        # Those that have not begun are dropped.
        assert time.monotonic() - started < 15.0
