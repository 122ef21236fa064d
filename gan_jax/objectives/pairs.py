"""An objective over all pairs of a batch, for those that compare real examples with fake ones."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp

from gan_jax.caching import remembered
from gan_jax.objectives.losses import Objective, check_objective
from gan_jax.typing import Array


@remembered
def over_all_pairs(objective: Objective) -> Objective:
    """An objective whose losses run over all pairs of a batch: every real example meets every fake one.

    ``1/n² Σ_ij L(real_i, fake_j)``: for separable objectives the mean over the batch as before, for those that compare real with fake the
    expectation under the product of both empirical laws, whatever the order of the examples.

    Args:
      objective: from ``losses``.

    Returns:
      The objective, with losses ``[batch], [batch] -> [batch²]``.
    """
    check_objective(objective)

    def pairs(function: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
        def over_pairs(first: Array, second: Array) -> Array:
            # Flattened without a word, [n, 1] would pass for [n].
            if first.ndim != 1 or second.ndim != 1:
                raise ValueError(
                    f"logits have shapes {first.shape} and {second.shape}; expected one logit an example, [n] and [m]"
                )
            return function(jnp.repeat(first, second.size), jnp.tile(second, first.size))

        return over_pairs

    return objective._replace(
        name=f"{objective.name}, all pairs",
        discriminator_loss=pairs(objective.discriminator_loss),
        generator_loss=pairs(objective.generator_loss),
        divergence=pairs(objective.divergence),
    )
