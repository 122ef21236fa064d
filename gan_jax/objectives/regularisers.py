"""What a generator's loss may have added: functions of latents and of what was made of them, ``regulariser(noise, fake) -> []``.

A game adds ``regulariser_weight · regulariser`` to the mean of the generator's loss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp

from gan_jax import checks, numerics
from gan_jax.typing import Array, PyTree

Regulariser: TypeAlias = Callable[[PyTree, Array], Array]
"""``(noise, a pytree [batch, …], fake [batch, *event]) -> []``; minimised by the generator."""


def mode_seeking(*, epsilon: float = 1e-5) -> Regulariser:
    """Different latents are to give different samples: ``1 / (r + ε)``, ``r = mean |x₁ − x₂| / mean |z₁ − z₂|``.

    The pairs are the halves of the batch; means run over pairs and coordinates, as in the authors' code. (The paper writes the ratio of
    one pair, to be maximised; its inverse has no bound there either where two samples coincide.) Where all samples coincide, there is no
    direction to move in: the gradient is zero.

    Args:
      epsilon: in units of the ratio.

    Returns:
      The regulariser.

    Raises:
      ValueError: ``epsilon`` not above 0; (when called) a batch of fewer than two.

    Source: Mao, Lee, Tseng, Ma & Yang 2019, "Mode seeking GANs", equation 3 and the authors' code (weight 1).
    """
    checks.at_least("epsilon", epsilon, 0.0, strict=True)

    def regulariser(noise: PyTree, fake: Array) -> Array:
        if fake.shape[0] < 2:
            raise ValueError(f"fake has shape {fake.shape}; expected at least two samples to make a pair of")
        z = jnp.concatenate([leaf.reshape(leaf.shape[0], -1) for leaf in jax.tree.leaves(noise)], axis=1)
        return 1.0 / (_mean_distance(fake) / _mean_distance(z) + epsilon)

    return regulariser


def _mean_distance(x: Array) -> Array:
    """Mean absolute difference between the halves of a batch; the last one of an odd batch is left out."""
    half = x.shape[0] // 2
    return jnp.mean(numerics.absolute(x[:half] - x[half : 2 * half]))
