"""First passage: how many steps a game takes until something is reached, counted inside the compiled program."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Int

from gan_jax import caching, checks
from gan_jax.training.game import Game
from gan_jax.training.state import GameState, Info
from gan_jax.typing import Array

Reached: TypeAlias = Callable[[GameState], Array]
"""``state -> []``, boolean."""


class Passage(NamedTuple):
    """When a game first got somewhere.

    Attributes:
      state: after the step that got there, or after the last one.
      steps: how many were made, ``[]``.
      reached: whether the last of them got there, ``[]``; where not, ``steps`` is censored: the true number is larger.
    """

    state: GameState
    steps: Int[Array, ""]
    reached: Bool[Array, ""]


def first_passage(game: Game, state: GameState, reached: Reached, *, at_most: int) -> Passage:
    """Plays until ``reached(state)`` is true, ``at_most`` steps, as one program that is compiled once.

    The program is that of the game's step and of ``reached``: the same objects give the same one. Inside of a ``jax.jit`` or a ``jax.vmap``
    of one's own, playing is a part of that program.

    A ``while`` loop: members that run one after another (on a CPU) stop where they arrive; members that run together (``vmap``) go on
    until the last has arrived, the others standing still.

    Args:
      game: from ``game.gan`` or ``game.direct``.
      state: from ``game.init``, or where a run ended.
      reached: ``state -> []``, boolean; asked before the first step and after every one.
      at_most: steps.

    Returns:
      The passage.

    Raises:
      ValueError: ``at_most`` below one.
    """
    checks.made("game", game, Game, "game.gan")
    checks.made("state", state, GameState, "Game.init")
    checks.takes("reached", reached, ("state",), "lambda state: state.step >= 3")
    checks.integer("at_most", at_most, 1)
    if caching.outside_of_traces(state):
        passage: Passage = caching.program(_passage, game.step, reached)(state, at_most)
        return passage
    return _passage(game.step, reached, state, at_most)


def _passage(
    step: Callable[[GameState], tuple[GameState, Info]], reached: Reached, state: GameState, at_most: int | Array
) -> Passage:
    def arrived(state: GameState) -> Array:
        answer = jnp.asarray(reached(state))
        if answer.shape != ():
            raise ValueError(
                f"reached returned shape {answer.shape}; expected one truth, [], such as jnp.all(…) of them"
            )
        return answer.astype(bool)

    def goes_on(carry: tuple[GameState, Array, Array]) -> Array:
        _, steps, there = carry
        return (steps < at_most) & ~there

    def advance(carry: tuple[GameState, Array, Array]) -> tuple[GameState, Array, Array]:
        state, steps, _ = carry
        state, _ = step(state)
        return state, steps + 1, arrived(state)

    return Passage(*jax.lax.while_loop(goes_on, advance, (state, jnp.zeros((), jnp.int32), arrived(state))))
