"""Penalties on the gradient of a scalar critic: ``penalty(critic, real, fake, key) -> [batch]``, per example and un-weighted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp

from gan_jax import checks, numerics
from gan_jax.typing import Array, PRNGKey, ScalarCritic

Penalty: TypeAlias = Callable[[ScalarCritic, Array, Array, PRNGKey], Array]


def gradient_norms(critic: ScalarCritic, x: Array) -> Array:
    """``||∇f(x)||_2`` over the whole event, with a zero gradient (not NaN) where it vanishes.

    Args:
      critic: one example ``[*event]`` to one scalar.
      x: ``[batch, *event]``.

    Returns:
      ``[batch]``.
    """
    gradients = jax.vmap(jax.grad(critic))(x)
    return numerics.norm(gradients.reshape(x.shape[0], -1), axis=1)


def interpolates(real: Array, fake: Array, key: PRNGKey) -> Array:
    """``u x + (1 - u) y`` with one ``u ~ U[0, 1]`` an example.

    Args:
      real, fake: ``[batch, *event]``.
      key: of ``u``.

    Returns:
      ``[batch, *event]``.

    Raises:
      ValueError: shapes that differ.
    """
    if real.shape != fake.shape:
        raise ValueError(
            f"real has shape {real.shape} and fake has shape {fake.shape}; expected one shape [batch, *event]"
        )
    u = jax.random.uniform(key, (real.shape[0],) + (1,) * (real.ndim - 1), real.dtype)
    return u * real + (1 - u) * fake


def gradient_penalty(*, target: float = 1.0) -> Penalty:
    """GP, two-sided: ``(||∇f(x̂)|| - target)²`` at points between real and fake.

    Args:
      target: the norm that is asked for.

    Returns:
      The penalty.

    Source: Gulrajani et al. 2017, equation 3 (there weighted by λ = 10; 0.1 in the authors' toy code).
    """

    def penalty(critic: ScalarCritic, real: Array, fake: Array, key: PRNGKey) -> Array:
        return jnp.square(gradient_norms(critic, interpolates(real, fake, key)) - target)

    return penalty


def lipschitz_penalty(*, bound: float = 1.0) -> Penalty:
    """LP, one-sided: ``max(0, ||∇f(x̂)|| - bound)²``: slopes below the bound, which an optimal critic may have, cost nothing.

    Args:
      bound: the largest norm that costs nothing.

    Returns:
      The penalty.

    Raises:
      ValueError: ``bound`` not positive.

    Source: Petzka, Fischer & Lukovnikov 2018, equation 8.
    """
    checks.at_least("bound", bound, 0.0, strict=True)

    def penalty(critic: ScalarCritic, real: Array, fake: Array, key: PRNGKey) -> Array:
        return jnp.square(jnp.maximum(gradient_norms(critic, interpolates(real, fake, key)) - bound, 0.0))

    return penalty
