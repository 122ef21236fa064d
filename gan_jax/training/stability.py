"""Stability of a game where it stands: the Jacobian of one step by automatic differentiation, and its eigenvalues.

A step of a game is a map ``w -> F(w)``. Near a point that it leaves alone it acts as its Jacobian: it converges there, linearly at the rate
of the spectral radius, where every eigenvalue of ``F'`` lies inside the unit circle, and leaves where one lies outside (Bertsekas 1999,
proposition 4.4.1). With one learning rate h on both sides, simultaneous descent along a field v is ``F = w + h v(w)``, so that the
eigenvalues of ``v'`` are those of ``F'`` less one, divided by h: there the imaginary axis takes the place of the unit circle.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Complex128, Float, Float64, Real

from gan_jax import checks
from gan_jax.training.game import Game
from gan_jax.training.state import GameState
from gan_jax.typing import Array, PyTree


class FlatGame(NamedTuple):
    """A game as a map of vectors: what a step moves, and nothing else.

    Attributes:
      point: the state as a vector ``[n]``: of the generator, then of the discriminator, all floating-point numbers of the variables and
        of the optimiser's state (moments, remembered gradients), each in the order of ``jax.tree.leaves``.
      step: ``w [n] -> F(w) [n]``: one step from the state's number and with its key, so that it is one and the same map whenever asked.
      state: ``w [n] -> GameState``.
    """

    point: Float[Array, " n"]
    step: Callable[[Float[Array, " n"]], Float[Array, " n"]]
    state: Callable[[Float[Array, " n"]], GameState]


def flat(game: Game, state: GameState) -> FlatGame:
    """A game around a state as a map of vectors.

    The key and the step's number stay those of ``state``: a game with random examples is the map of these examples; whoever wants the
    expected map gives it examples whose mean is the expectation.

    Args:
      game: from ``game.gan`` or ``game.direct``.
      state: from ``game.init``, or where a run ended.

    Returns:
      The map, and how to go from states to vectors and back.
    """
    checks.made("game", game, Game, "game.gan")
    checks.made("state", state, GameState, "init(jax.random.key(0)) of the game")
    leaves, structure = jax.tree.flatten((state.generator, state.discriminator))
    # Counters are part of an optimiser's state, but nothing to differentiate.
    moving = [jnp.issubdtype(jnp.asarray(leaf).dtype, jnp.floating) for leaf in leaves]

    def vector(players: PyTree) -> Array:
        chosen = [leaf for leaf, moves in zip(jax.tree.leaves(players), moving, strict=True) if moves]
        return ravel_pytree(chosen)[0]

    _, unravel = ravel_pytree([leaf for leaf, moves in zip(leaves, moving, strict=True) if moves])

    def with_vector(w: Array) -> GameState:
        moved = iter(unravel(w))
        filled = [next(moved) if moves else leaf for leaf, moves in zip(leaves, moving, strict=True)]
        generator, discriminator = jax.tree.unflatten(structure, filled)
        return state._replace(generator=generator, discriminator=discriminator)

    def step(w: Array) -> Array:
        after, _ = game.step(with_vector(w))
        return vector((after.generator, after.discriminator))

    return FlatGame(vector((state.generator, state.discriminator)), step, with_vector)


def jacobian(game: Game, state: GameState) -> Float[Array, "n n"]:
    """The Jacobian ``F'`` of one step at a state, by forward-mode differentiation through everything that the step does.

    Pure: ``jit``, ``vmap`` and ``training.ensemble`` run it over hyperparameters. Costs n tangents of a step: for small games.

    Args:
      game: from ``game.gan`` or ``game.direct``.
      state: where; an equilibrium, if the eigenvalues are to say anything of convergence.

    Returns:
      ``[n, n]``, in the order of ``flat``.

    Source: Mescheder, Geiger & Nowozin 2018, section 2 (the Jacobian of the update operator).
    """
    game_map = flat(game, state)
    result: Array = jax.jacfwd(game_map.step)(game_map.point)
    return result


def eigenvalues(matrices: Real[Array | np.ndarray, "*batch n n"]) -> Complex128[np.ndarray, "*batch n"]:
    """Eigenvalues of real square matrices, on the host in double precision.

    Args:
      matrices: ``[*batch, n, n]``.

    Returns:
      Complex, ``[*batch, n]``; NaN where a matrix has an entry that is not finite.

    Raises:
      ValueError: no square matrices, or empty ones.
    """
    values = np.asarray(matrices, np.float64)
    if values.ndim < 2 or values.shape[-1] != values.shape[-2] or not values.shape[-1]:
        raise ValueError(f"matrices has shape {values.shape}; expected square ones, [*batch, n, n]")
    finite = np.asarray(np.isfinite(values).all(axis=(-2, -1)))
    found: np.ndarray = np.linalg.eigvals(np.where(finite[..., None, None], values, 0.0)).astype(np.complex128)
    found[~finite] = complex(np.nan, np.nan)
    return found


def spectral_radius(matrices: Real[Array | np.ndarray, "*batch n n"]) -> Float64[np.ndarray, " *batch"]:
    """The largest modulus of the eigenvalues: the factor by which a step shrinks (below one) or grows a small deviation in the long run.

    Args:
      matrices: ``[*batch, n, n]``.

    Returns:
      ``[*batch]``.
    """
    radius: np.ndarray = np.abs(eigenvalues(matrices)).max(axis=-1)
    return radius
