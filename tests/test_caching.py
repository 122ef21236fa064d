"""What is called twice is traced once, and what is made twice from equal arguments is one object."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from gan_jax import caching
from gan_jax.divergences.variational import neural_estimator
from gan_jax.models import players
from gan_jax.models.lipschitz import orthonormal_mlp
from gan_jax.models.mlp import mlp
from gan_jax.objectives import losses, penalties
from gan_jax.training import game, updates
from gan_jax.typing import Array, Critic

SHORT = dict(steps=2, batch_size=4, held_out=8)


def counting(critic: Critic) -> tuple[Critic, list[None]]:
    """A critic, and a list with an entry for every time that its ``init`` ran: under ``jit``, for every trace."""
    traces: list[None] = []

    def init(key: Array, x: Array) -> dict:
        traces.append(None)
        return critic.init(key, x)

    return critic._replace(init=init), traces


def test_an_estimator_is_traced_once_for_all_values() -> None:
    critic, traces = counting(mlp((4,)))
    estimates = [
        # Built anew each time, from equal settings; rates and weights, laws and seeds are values.
        neural_estimator(
            losses.minimax(), critic, learning_rate=rate, penalty=penalties.r1(), penalty_weight=2 * rate, **SHORT
        )(seed, dist.Normal(0.0, 1.0), dist.Normal(mean, 1.0))
        for seed, rate, mean in ((0, 1e-3, 1.0), (1, 1e-2, 2.0), (0, 1e-3, 1.0))
    ]
    assert len(traces) == 1
    np.testing.assert_array_equal(estimates[0].value, estimates[2].value)
    assert float(estimates[0].value) != float(estimates[1].value)
    x = np.linspace(0.0, 1.0, 16)
    for shift in (0.0, 1.0):
        neural_estimator(losses.minimax(), critic, penalty=penalties.r1(), **SHORT)(0, x, x + shift)
    assert len(traces) == 2
    # Another number of steps is another program.
    neural_estimator(losses.minimax(), critic, penalty=penalties.r1(), **{**SHORT, "steps": 4})(0, x, x)
    assert len(traces) == 3


def test_an_estimator_inside_of_a_program_is_a_part_of_it() -> None:
    critic, traces = counting(mlp((4,)))
    estimator = neural_estimator(losses.minimax(), critic, **SHORT)
    alone = estimator(0, dist.Normal(0.0, 1.0), dist.Normal(1.0, 1.0))
    program = jax.jit(lambda key, m: estimator(key, dist.Normal(0.0, 1.0), dist.Normal(m, 1.0)).value)
    for _ in range(2):
        np.testing.assert_allclose(program(jax.random.key(0), 1.0), alone.value, rtol=1e-5)
    assert len(traces) == 2


def test_playing_is_traced_once() -> None:
    traces: list[None] = []

    def data(key: Array, batch: int) -> Array:
        traces.append(None)
        return jnp.zeros((batch, 1))

    made = game.adversarial(
        losses.minimax(), players.affine(), players.linear(), data, updates.alternating(), batch_size=2
    )
    state = made.init(0)
    first, _, _ = game.play(made, state, steps=4, records=2)
    traced = len(traces)
    second, _, _ = game.play(made, first, steps=4, records=2)
    again, _, _ = game.play(made, state, steps=4, records=2)
    assert len(traces) == traced
    jax.tree.map(np.testing.assert_array_equal, again._replace(key=0), first._replace(key=0))
    # The same as one long game, and as the program of somebody else.
    long, _, _ = jax.jit(lambda s: game.play(made, s, steps=8, records=1))(state)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7),
        long._replace(key=0),
        second._replace(key=0),
    )


def test_equal_arguments_give_one_object_and_others_another() -> None:
    constructors: tuple[Callable[[], object], ...] = (
        losses.minimax,
        losses.wasserstein,
        lambda: losses.f_gan("kl", trick=True),
        lambda: mlp((8, 8)),
        lambda: orthonormal_mlp((8, 8)),
        lambda: penalties.gradient_penalty(target=0.5),
        lambda: updates.unrolled(3),
        lambda: game.adam(b1=0.9),
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


def test_programs_are_let_go() -> None:
    def once() -> weakref.ref[Callable[[Array], Array]]:
        def function(x: Array) -> Array:
            return x

        caching.program(function)
        return weakref.ref(function)

    refs = [once() for _ in range(3 * caching.PROGRAMS)]
    gc.collect()
    assert sum(ref() is not None for ref in refs) <= caching.PROGRAMS
