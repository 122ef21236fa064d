"""The order of a stream is a function of the seed, and its place one of the step: nothing else has to be saved."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import AxisType, Mesh

from gan_jax.data.stream import Position, longest_chunk, permutation, places, pool_of, position, sharded_rows


@pytest.mark.parametrize("epoch", [0, 1, 7])
def test_every_example_comes_once_an_epoch(epoch: int) -> None:
    np.testing.assert_array_equal(np.sort(permutation(1000, 5, epoch)), np.arange(1000))
    start = epoch * 1000
    np.testing.assert_array_equal(places(start, 1000, examples=1000, seed=5), permutation(1000, 5, epoch))


def test_epochs_and_seeds_differ_and_never_change() -> None:
    orders = {tuple(permutation(50, seed, epoch)) for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16
    # The sorted raw output of a bit generator, which NumPy keeps; other numbers here would break the resume of every saved run.
    np.testing.assert_array_equal(permutation(10, 3, 0), [0, 1, 2, 7, 5, 6, 9, 8, 4, 3])
    np.testing.assert_array_equal(permutation(10, 3, 1), [5, 8, 9, 6, 3, 7, 0, 1, 2, 4])


def test_places_of_examples_are_uniform() -> None:
    # How often example i comes at place j over 2000 epochs: binomial around 2000 / 8, all 64 counts within five standard errors.
    orders = np.stack([permutation(8, 0, epoch) for epoch in range(2000)])
    counts = np.array([[np.sum(orders[:, j] == i) for j in range(8)] for i in range(8)])
    assert np.abs(counts - 250).max() < 5 * np.sqrt(2000 / 8 * 7 / 8)


@settings(deadline=None, max_examples=60)
@given(first=st.integers(0, 500), count=st.integers(0, 90), cut=st.integers(0, 90), examples=st.integers(1, 40))
def test_what_is_read_in_parts_is_what_is_read_at_once(first: int, count: int, cut: int, examples: int) -> None:
    cut = min(cut, count)
    whole = places(first, count, examples=examples, seed=1)
    assert len(whole) == count
    parts = places(first, cut, examples=examples, seed=1), places(first + cut, count - cut, examples=examples, seed=1)
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@settings(deadline=None)
@given(step=st.integers(0, 10**9), examples=st.integers(1, 10**7), per_step=st.integers(1, 10**5))
def test_the_position_is_where_the_steps_have_come_to(step: int, examples: int, per_step: int) -> None:
    here = position(step, examples=examples, examples_per_step=per_step)
    assert 0 <= here.index < examples
    assert here.epoch * examples + here.index == step * per_step
    assert here == Position(here.epoch, here.index)


@settings(deadline=None, max_examples=60)
@given(per_step=st.integers(1, 50), spare=st.integers(0, 300), chunks=st.lists(st.integers(1, 1000), max_size=30))
def test_no_pool_is_passed_over(per_step: int, spare: int, chunks: list[int]) -> None:
    pool, step, seen = per_step + spare, 0, [0]
    for chunk in chunks:
        step += min(chunk, longest_chunk(examples_per_step=per_step, pool=pool))
        seen.append(pool_of(step, examples_per_step=per_step, pool=pool))
    assert set(np.diff(seen)) <= {0, 1}


def test_rows_of_processes_are_disjoint_and_make_the_pool() -> None:
    devices = jax.devices()
    assert len(devices) == 2
    mesh = Mesh(np.asarray(devices), ("batch",), axis_types=(AxisType.Auto,))
    first, second = (sharded_rows(12, mesh, [device]) for device in devices)
    assert (first, second) == ([range(6)], [range(6, 12)])
    assert sharded_rows(12, mesh, devices) == [range(6), range(6, 12)]
    # Over both axes of a mesh of two.
    grid = Mesh(np.asarray(devices)[:, None], ("batch", "model"), axis_types=(AxisType.Auto, AxisType.Auto))
    assert sharded_rows(12, grid, devices) == [range(6), range(6, 12)]
    with pytest.raises(ValueError, match="pool is 13, which 2 devices cannot share evenly; expected a multiple of 2"):
        sharded_rows(13, mesh, devices)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"step": -1, "examples": 1, "examples_per_step": 1}, "step is -1"),
        ({"step": 0, "examples": 0, "examples_per_step": 1}, "examples is 0"),
        ({"step": 0, "examples": 1, "examples_per_step": 0}, "examples_per_step is 0"),
    ],
)
def test_bad_input_to_position(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        position(**arguments)
