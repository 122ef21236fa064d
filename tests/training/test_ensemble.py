"""Ensembles equal separate runs, member by member, at any number of members and with either mapping."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.training.ensemble import by_backend, ensemble, grid, in_parts, part, sequential
from tests.cases import cases


def walk(key: jax.Array, scale: jax.Array) -> dict[str, jax.Array]:
    walk_key, noise_key = jax.random.split(key)
    return {"end": scale * jnp.sum(jax.random.normal(walk_key, (16,))), "noise": jax.random.uniform(noise_key, (3,))}


@pytest.mark.slow
@cases("mapper", [sequential, jax.vmap], ids=["sequential", "vmap"])
@cases("members", [1, 4, 5])
def test_members_equal_separate_runs(mapper: object, members: int) -> None:
    scales = jnp.linspace(1.0, 2.0, members)
    together = jax.jit(ensemble(walk, mapper=mapper))(jax.random.split(jax.random.key(0), members), scales)
    assert together["end"].shape == (members,)
    for i in range(members):
        alone = walk(jax.random.split(jax.random.key(0), members)[i], scales[i])
        np.testing.assert_allclose(together["end"][i], alone["end"], rtol=1e-5)
        np.testing.assert_array_equal(together["noise"][i], alone["noise"])


def test_members_are_spread_over_all_devices() -> None:
    mesh = jax.make_mesh((jax.device_count(),), ("members",), axis_types=(jax.sharding.AxisType.Auto,))
    seen = jax.jit(ensemble(lambda x: jax.lax.axis_index("members") + 0 * x, mesh=mesh))(jnp.zeros(8, jnp.int32))
    assert set(np.asarray(seen).tolist()) == set(range(jax.device_count()))


def test_the_second_call_does_not_compile() -> None:
    traces = []

    def member(x: jax.Array) -> jax.Array:
        traces.append(1)
        return x * 2

    program = jax.jit(ensemble(member))
    program(jnp.arange(4.0))
    count = len(traces)
    program(jnp.arange(4.0) + 1)
    assert len(traces) == count


def test_grid_is_the_cartesian_product_in_order() -> None:
    a, b = grid(jnp.arange(2), jnp.arange(3))
    np.testing.assert_array_equal(a, [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(b, [0, 1, 2, 0, 1, 2])
    keys, numbers = grid(jax.random.split(jax.random.key(0), 2), jnp.arange(3))
    assert keys.shape == numbers.shape == (6,)


def test_mapping_on_this_backend() -> None:
    assert by_backend() is (sequential if jax.default_backend() == "cpu" else jax.vmap)


@pytest.mark.parametrize(
    "arguments", [(jnp.zeros(3), jnp.zeros(4)), (jnp.zeros(0),), (jnp.zeros(()),)], ids=["differ", "none", "scalar"]
)
def test_bad_leading_axes_are_one_sentence(arguments: tuple[jax.Array, ...]) -> None:
    with pytest.raises(ValueError, match="expected one common number of members"):
        ensemble(lambda *a: a)(*arguments)


def test_members_in_parts_are_those_of_one_call() -> None:
    keys, scales = jax.random.split(jax.random.key(0), 5), np.arange(5.0)
    program = jax.jit(ensemble(lambda key, scale: {"x": scale * jax.random.normal(key, (2,))}))
    done: list[tuple[int, int]] = []
    found = in_parts(program, (keys, scales), 2, lambda *numbers: done.append(numbers))
    np.testing.assert_array_equal(found["x"], program(keys, scales)["x"])
    assert done == [(2, 5), (4, 5), (5, 5)]
    np.testing.assert_array_equal(part(scales, 3, 3), [3.0, 4.0, 4.0])
