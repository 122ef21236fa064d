"""How tests compile: players as training runs them, and programs whose zeros are exact."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import jax

AS_USERS_DO = {"xla_cpu_use_fusion_emitters": True}
"""Options of ``jax.jit``. Both tiers leave XLA's emitters of fusions out, to compile in a third of the time; without them a number that two
places of a program compute may differ by a rounding, and what is zero to the last bit is not."""

Player = TypeVar("Player", bound=NamedTuple)


def compiled(player: Player) -> Player:
    """The player with each of its functions compiled, as training runs them.

    A network that is called outside of ``jit`` compiles a program for each operation of each layer, which takes longer than all else in
    a test. What a function refuses by its values, it refuses outside of ``jit`` alone: call the player itself for that.
    """
    functions: dict[str, Any] = {
        name: jax.jit(function, static_argnums=1 if name == "noise" else None)
        for name, function in player._asdict().items()
        if callable(function)
    }
    return player._replace(**functions)
