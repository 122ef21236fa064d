"""Samples of a trained generator, many of them by one compiled program of one shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import jax
import numpy as np

from gan_jax import checks
from gan_jax.training.mesh import fetch
from gan_jax.training.state import GameState, averaged
from gan_jax.typing import Array, Generator, PRNGKey


def sampler(generator: Generator, *, batch: int = 500) -> Callable[[GameState, PRNGKey, int], np.ndarray]:
    """Draws from the generator of a state, with the moving average of its parameters where the game keeps one.

    Args:
      generator: of the game.
      batch: samples of one call of the compiled program.

    Returns:
      ``(state, key, n) -> [n, *event]`` on the host. Sample i is the same for every n.

    Raises:
      ValueError: ``batch`` below one; (when called) ``n`` below one.
    """
    drawn = in_pieces(generator, batch=batch)

    def sample(state: GameState, key: PRNGKey, n: int) -> np.ndarray:
        return np.concatenate(list(drawn(state, key, n)))

    return sample


def in_pieces(generator: Generator, *, batch: int = 500) -> Callable[[GameState, PRNGKey, int], Iterator[np.ndarray]]:
    """As ``sampler``, for more samples than memory holds: its samples in its order, a batch at a time.

    Args:
      generator: of the game.
      batch: samples of one call of the compiled program, and of a piece; the last piece may have fewer.

    Returns:
      ``(state, key, n) -> pieces [<= batch, *event]`` on the host, drawn as they are asked for.

    Raises:
      ValueError: ``batch`` below one; (when called) ``n`` below one.
    """
    checks.made("generator", generator, Generator, "models.generators.mlp_generator()")
    checks.integer("batch", batch, 1)

    @jax.jit
    def some(state: GameState, key: PRNGKey) -> Array:
        return generator.apply(averaged(state), generator.noise(key, batch))

    def pieces(state: GameState, key: PRNGKey, n: int) -> Iterator[np.ndarray]:
        checks.made("state", state, GameState, "Game.init")
        key = checks.key("key", key)
        checks.integer("n", n, 1)
        return (
            fetch(some(state, jax.random.fold_in(key, first // batch)))[: n - first] for first in range(0, n, batch)
        )

    return pieces
