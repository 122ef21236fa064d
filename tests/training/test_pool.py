"""The pool of generated examples: it fills, then exchanges image by image, and forgets nothing that it should keep."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.training.pool import Pool, empty, exchanged


def numbered(first: int, n: int) -> jax.Array:
    """Examples that can be told apart: ``[n, 2]``, all of whose entries are the example's number."""
    return jnp.broadcast_to(jnp.arange(first, first + n, dtype=float)[:, None], (n, 2))


@pytest.mark.slow
def test_while_it_fills_all_is_kept_and_seen() -> None:
    pool, seen = exchanged(jax.random.key(0), empty(5, (2,)), numbered(1, 3))
    np.testing.assert_array_equal(seen, numbered(1, 3))
    np.testing.assert_array_equal(pool.examples, jnp.concatenate([numbered(1, 3), jnp.zeros((2, 2))]))
    assert int(pool.filled) == 3


def test_without_room_the_fresh_ones_are_seen() -> None:
    pool, seen = exchanged(jax.random.key(0), empty(0, (2,)), numbered(1, 4))
    np.testing.assert_array_equal(seen, numbered(1, 4))
    assert pool.examples.shape == (0, 2)


@pytest.mark.slow
def test_a_batch_is_what_its_images_are_one_by_one() -> None:
    """The rule is per image: an image of a batch may be exchanged for one that came before it in the same batch."""
    start, _ = exchanged(jax.random.key(0), empty(3, (2,)), numbered(1, 3))
    pool, seen = start, []
    for number in range(40):
        coin_key, place_key = jax.random.split(jax.random.fold_in(jax.random.key(1), number))
        image, place = numbered(100 + number, 1)[0], int(jax.random.randint(place_key, (), 0, 3))
        if bool(jax.random.bernoulli(coin_key)):
            seen.append(pool.examples[place])
            pool = Pool(pool.examples.at[place].set(image), pool.filled)
        else:
            seen.append(image)
    found, shown = exchanged(jax.random.key(1), start, numbered(100, 40))
    np.testing.assert_array_equal(shown, jnp.stack(seen))
    np.testing.assert_array_equal(found.examples, pool.examples)


@pytest.mark.slow
def test_half_of_the_images_are_exchanged_each_by_itself() -> None:
    n = 4000
    start, _ = exchanged(jax.random.key(0), empty(50, (2,)), numbered(1, 50))
    _, seen = exchanged(jax.random.key(2), start, numbered(1000, n))
    swapped = np.asarray(seen[:, 0]) != np.arange(1000, 1000 + n)
    assert abs(swapped.mean() - 0.5) < 4.0 * 0.5 / np.sqrt(n)
    # Neighbours in the batch have coins of their own.
    assert abs(np.corrcoef(swapped[1:], swapped[:-1])[0, 1]) < 4.0 / np.sqrt(n)


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_is_seen_twice() -> None:
    """Every example is seen or in the pool, and not both, once the pool is full."""
    start, _ = exchanged(jax.random.key(0), empty(7, (2,)), numbered(1, 7))
    pool, seen = exchanged(jax.random.key(3), start, numbered(8, 60))
    together = np.sort(np.concatenate([np.asarray(seen[:, 0]), np.asarray(pool.examples[:, 0])]))
    np.testing.assert_array_equal(together, np.arange(1, 68))


def test_a_capacity_that_batches_do_not_divide() -> None:
    pool = empty(5, (2,))
    for step in range(3):
        pool, seen = exchanged(jax.random.fold_in(jax.random.key(4), step), pool, numbered(1 + 3 * step, 3))
        if step == 0:
            np.testing.assert_array_equal(seen, numbered(1, 3))
    assert int(pool.filled) == 5
    assert np.all(np.asarray(pool.examples) > 0)


def test_wrong_values() -> None:
    with pytest.raises(ValueError, match="capacity is -1"):
        empty(-1, (2,))
    with pytest.raises(ValueError, match=r"fresh has examples of shape \(3,\) and the pool of \(2,\)"):
        exchanged(jax.random.key(0), empty(2, (2,)), jnp.zeros((1, 3)))
