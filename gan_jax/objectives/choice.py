"""Which objective, and which penalty, as data: one compiled program for several of them.

Where members run one after another (``ensemble.sequential``) only what is chosen is computed; under ``jax.vmap`` all of it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Integer

from gan_jax import checks
from gan_jax.moved import moved as moved_names
from gan_jax.objectives.losses import Objective, check_objective
from gan_jax.objectives.penalties import Penalty, check_penalty
from gan_jax.typing import Array, PRNGKey, ScalarCritic

__getattr__ = moved_names(
    __name__, {"one_of": f"{__name__}:switch_objective", "one_of_penalties": f"{__name__}:switch_penalty"}
)


def switch_objective(objectives: Sequence[Objective], index: int | Integer[Array, ""]) -> Objective:
    """The objective number ``index``, which may be traced: members of an ensemble then differ in their objective, and share a compilation.

    Args:
      objectives: to choose from.
      index: ``[]``, 0 to ``len(objectives) - 1``; what lies outside is clamped, as ``jax.lax.switch`` does.

    Returns:
      The objective: where ``index`` is known, the one of ``objectives``. Where it is traced, what cannot be is that of all of them where
      they agree: ``unit``, ``scales_with_data``, ``saturation``; otherwise it says ``"various"``, False and NaN, and ``optimal_logits``
      is None. No warning can then say that the one which is chosen needs a critic whose slope is held.

    Raises:
      ValueError: no objectives, or an index that is known and no integer.
    """
    if not objectives:
        raise ValueError("objectives is empty; expected at least one objective to choose from")
    if isinstance(objectives, Objective):
        raise TypeError(
            f"objectives is the objective {objectives.name}; expected several of them, [losses.minimax(), losses.wasserstein()]"
        )
    for objective in objectives:
        check_objective(objective)
    if checks.is_concrete(index):
        return objectives[_clamped(index, len(objectives))]

    def chosen(pick: Callable[[Objective], Callable[[Array, Array], Array]]) -> Callable[[Array, Array], Array]:
        branches = [pick(objective) for objective in objectives]
        return lambda first, second: jax.lax.switch(index, branches, first, second)

    units = {objective.unit for objective in objectives}
    saturations = {objective.saturation for objective in objectives}
    return Objective(
        name="one of " + ", ".join(objective.name for objective in objectives),
        discriminator_loss=chosen(lambda objective: objective.discriminator_loss),
        generator_loss=chosen(lambda objective: objective.generator_loss),
        divergence=chosen(lambda objective: objective.divergence),
        unit=units.pop() if len(units) == 1 else "various",
        scales_with_data=all(objective.scales_with_data for objective in objectives),
        estimates=", ".join(dict.fromkeys(objective.estimates for objective in objectives)),
        saturation=saturations.pop() if len(saturations) == 1 else float("nan"),
        separable=all(objective.separable for objective in objectives),
    )


def _clamped(index: int | Array, count: int) -> int:
    return min(max(checks.integer("index", index, -(2**31)), 0), count - 1)


def switch_penalty(penalties: Sequence[Penalty | None], index: int | Integer[Array, ""]) -> Penalty | None:
    """The penalty number ``index``, which may be traced; None stands for no penalty, which is zero.

    Args:
      penalties: to choose from.
      index: ``[]``, 0 to ``len(penalties) - 1``; what lies outside is clamped, as ``jax.lax.switch`` does.

    Returns:
      The penalty: where ``index`` is known, the one of ``penalties``, which may be None.

    Raises:
      ValueError: no penalties, or an index that is known and no integer.
    """
    if not penalties:
        raise ValueError("penalties is empty; expected at least one penalty, or None, to choose from")
    for penalty in penalties:
        if penalty is not None:
            check_penalty(penalty)
    if checks.is_concrete(index):
        return penalties[_clamped(index, len(penalties))]

    def chosen(critic: ScalarCritic, real: Array, fake: Array, key: PRNGKey) -> Array:
        def branch(penalty: Penalty | None) -> Callable[[Array, Array, PRNGKey], Array]:
            if penalty is None:
                return lambda real, fake, key: jnp.zeros(real.shape[0], real.dtype)
            return lambda real, fake, key: penalty(critic, real, fake, key)

        return jax.lax.switch(index, [branch(penalty) for penalty in penalties], real, fake, key)

    return chosen
