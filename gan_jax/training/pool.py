"""A pool of generated examples: what a discriminator sees is partly what the generator made before."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from gan_jax import checks
from gan_jax.typing import Array, PRNGKey


class Pool(NamedTuple):
    """Generated examples of earlier steps.

    Attributes:
      examples: ``[capacity, *event]``; zeros where there is none yet.
      filled: how many there are, ``[]``.
    """

    examples: Float[Array, " capacity *event"]
    filled: Int[Array, ""]


def empty(capacity: int, event_shape: tuple[int, ...]) -> Pool:
    """A pool before the first example.

    Args:
      capacity: how many it holds; with 0 a discriminator sees the fresh examples.
      event_shape: of one example.

    Returns:
      The pool.

    Raises:
      ValueError: a negative capacity.
    """
    checks.integer("capacity", capacity, 0)
    return Pool(jnp.zeros((capacity, *event_shape)), jnp.zeros((), jnp.int32))


# The scan holds a function that is made here: without jit a call that is not traced would compile it anew.
@jax.jit
def exchanged(
    key: PRNGKey, pool: Pool, fresh: Float[Array, " batch *event"]
) -> tuple[Pool, Float[Array, " batch *event"]]:
    """Puts fresh examples in, one after another, and says which ones a discriminator sees.

    While the pool is not full, an example is kept and seen. After that a fair coin decides for each example by itself: it is seen and not
    kept, or one of the pool, drawn uniformly, is seen in its stead and makes room for it.

    Args:
      key: of the coins and the draws.
      pool: before.
      fresh: generated examples ``[batch, *event]``.

    Returns:
      The pool after, and what is seen, ``[batch, *event]``.

    Raises:
      ValueError: examples of another shape than the pool's.

    Source: Shrivastava et al. 2017, "Learning from simulated and unsupervised images", section 2.3; Zhu et al. 2017, section 4, whose code
      draws for each image.
    """
    if fresh.shape[1:] != pool.examples.shape[1:]:
        raise ValueError(
            f"fresh has examples of shape {fresh.shape[1:]} and the pool of {pool.examples.shape[1:]}; expected the same"
        )
    capacity = pool.examples.shape[0]
    if capacity == 0:
        return pool, fresh

    # Who is where is decided on numbers alone; examples move once.
    def one(carry: tuple[Array, Array], number: Array) -> tuple[tuple[Array, Array], Array]:
        held, filled = carry
        coin_key, place_key = jax.random.split(jax.random.fold_in(key, number))
        filling = filled < capacity
        swap = ~filling & jax.random.bernoulli(coin_key)
        place = jnp.where(filling, filled, jax.random.randint(place_key, (), 0, capacity))
        own, old = capacity + number, held[place]
        held = held.at[place].set(jnp.where(filling | swap, own, old))
        return (held, jnp.minimum(filled + 1, capacity)), jnp.where(swap, old, own)

    numbers = jnp.arange(fresh.shape[0], dtype=jnp.int32)
    start = jnp.arange(capacity, dtype=jnp.int32), pool.filled
    (held, filled), shown = jax.lax.scan(one, start, numbers)
    everything = jnp.concatenate([pool.examples, fresh])
    return Pool(everything[held], filled), everything[shown]
