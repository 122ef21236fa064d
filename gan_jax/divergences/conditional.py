"""Divergences of conditional laws: for each condition, on average, and of the joint laws of example and condition.

``P(x, c) = w(c) P(x | c)``. A family is a function from a condition to a distribution, which is asked inside ``vmap``: what it does with a
condition must be traceable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Integer, Real, Shaped

from gan_jax import checks, numerics
from gan_jax.divergences import exact
from gan_jax.typing import Array, Distribution

Family: TypeAlias = Callable[[Array], Distribution]
"""``condition -> P(x | c)``."""

Divergence: TypeAlias = Callable[[Distribution, Distribution], Float[Array, ""]]
"""``(p, q) -> []``, such as those of ``exact``."""


def by_condition(
    divergence: Divergence, p: Family, q: Family, conditions: Shaped[Array, "k ..."]
) -> Float[Array, " k"]:
    """``D(P(· | c) ‖ Q(· | c))`` for every condition.

    Args:
      divergence: of two distributions.
      p, q: the families.
      conditions: ``[k, …]``.

    Returns:
      ``[k]``, in the divergence's unit.
    """
    return jax.vmap(lambda condition: divergence(p(condition), q(condition)))(jnp.asarray(conditions))


def averaged(
    divergence: Divergence,
    p: Family,
    q: Family,
    conditions: Shaped[Array, "k ..."],
    weights: Real[Array | np.ndarray, " k"] | None = None,
) -> Float[Array, ""]:
    """``Σ_c w(c) D(P(· | c) ‖ Q(· | c))``.

    Of an f-divergence this is also that of the joint laws, where both families have the same law of conditions: the density ratio of the
    joint laws at (x, c) is then that of the conditional ones at x. Of a Wasserstein distance it is an upper bound of the joint one, which
    may also move mass from one condition to another (``labelled_points``).

    Args:
      divergence, p, q, conditions: as of ``by_condition``.
      weights: ``w [k]``, summing to one; equal where None.

    Returns:
      ``[]``; conditions of weight zero do not count, whatever their divergence is.

    Raises:
      ValueError: weights of another shape, negative, or that do not sum to one.
    """
    values = by_condition(divergence, p, q, conditions)
    return _weighted(values, _weights("weights", weights, values.shape[0]))


def joint_kl(
    p: Family,
    q: Family,
    conditions: Shaped[Array, "k ..."],
    p_weights: Real[Array | np.ndarray, " k"] | None = None,
    q_weights: Real[Array | np.ndarray, " k"] | None = None,
) -> Float[Array, ""]:
    """``KL(P(x, c) ‖ Q(x, c)) = KL(w_P ‖ w_Q) + Σ_c w_P(c) KL(P(· | c) ‖ Q(· | c))``: the chain rule.

    Args:
      p, q, conditions: as of ``by_condition``.
      p_weights, q_weights: the laws of conditions, ``[k]``; equal where None.

    Returns:
      ``[]``, in nats; ``inf`` where Q never has a condition that P has.

    Raises:
      ValueError: as of ``averaged``.

    Source: Cover & Thomas 2006, Theorem 2.5.3.
    """
    values = by_condition(exact.kl, p, q, conditions)
    of_p = _weights("p_weights", p_weights, values.shape[0])
    of_q = _weights("q_weights", q_weights, values.shape[0])
    return jnp.sum(numerics.xlogy(of_p, of_p) - numerics.xlogy(of_p, of_q)) + _weighted(values, of_p)


def labelled_points(
    x: Float[Array, "n d"], labels: Integer[Array, " n"], classes: int, *, price: float
) -> Float[Array, "n d+{classes}"]:
    """Samples of a joint law as points: ``(x, price / √2 · one-hot(c))``, so that a change of the condition costs ``price``.

    ``|(x, c) − (x', c')|² = |x − x'|² + price² [c ≠ c']``: with these every function of ``empirical`` is one of joint laws. With a price
    beyond all distances, W1 is the weighted average over conditions, where both sides have equally many samples of each.

    Args:
      x: ``[n, d]``.
      labels: ``[n]``, 0 to ``classes − 1``.
      classes: how many.
      price: in units of the data.

    Returns:
      ``[n, d + classes]``.

    Raises:
      ValueError: a negative price; shapes that do not go together; labels that are none of the classes.
    """
    checks.at_least("price", price, 0.0)
    x, labels = checks.floating("x", x), jnp.asarray(checks.real("labels", labels))
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise ValueError(f"labels has the type {labels.dtype}; expected integers from 0 to {classes - 1}")
    if checks.is_concrete(labels) and labels.size and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ValueError(
            f"labels go from {int(labels.min())} to {int(labels.max())}; expected integers from 0 to {classes - 1}"
        )
    if x.ndim != 2 or labels.shape != x.shape[:1]:
        raise ValueError(f"x has shape {x.shape} and labels has shape {labels.shape}; expected [n, d] and [n]")
    return jnp.concatenate([x, price / np.sqrt(2.0) * jax.nn.one_hot(labels, classes, dtype=x.dtype)], axis=1)


def _weighted(values: Array, weights: Array) -> Array:
    # 0 · inf: a condition that never occurs.
    return jnp.sum(jnp.where(weights > 0.0, weights * jnp.where(weights > 0.0, values, 0.0), 0.0))


def _weights(name: str, weights: Array | np.ndarray | None, count: int) -> Array:
    if weights is None:
        return jnp.full((count,), 1.0 / count)
    array = jnp.asarray(weights, float)
    if array.shape != (count,):
        raise ValueError(f"{name} has shape {array.shape}; expected [{count}], one for each condition")
    # NumPy's: what is known stays known inside a function that is being compiled.
    known = np.asarray(array) if checks.is_concrete(array) else None
    if known is not None and not ((known >= 0.0).all() and abs(float(known.sum()) - 1.0) <= 1e-5):
        raise ValueError(
            f"{name} has the least value {float(known.min()):g} and the sum {float(known.sum()):g}; expected shares that sum to 1"
        )
    return array
