"""The optimal discriminator of each objective, from two densities: what training would reach with no limit on samples or capacity."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from gan_jax import numerics
from gan_jax.distributions import log_density
from gan_jax.divergences.f_divergence import f_divergence
from gan_jax.typing import Array, Distribution

Logits: TypeAlias = Callable[[Array], Array]
"""Maps ``[*batch, *event]`` to one number a point, ``[*batch]``."""


def log_ratio(p: Distribution, q: Distribution) -> Logits:
    """The logits of the optimal discriminator of the minimax game: ``D*(x) = σ(log p(x) - log q(x))``.

    Where only one density vanishes the logit is infinite, with the right sign: the discriminator is certain.

    Args:
      p: the law of the data.
      q: the law of the generator, of the same event shape.

    Returns:
      ``x [*batch, *event] -> [*batch]``, differentiable in ``x`` where both densities are.

    Raises:
      ValueError: event shapes that differ.

    Source: Goodfellow et al. 2014, proposition 1.
    """
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"p has event shape {p.event_shape} and q has event shape {q.event_shape}; expected one event shape"
        )
    return lambda x: numerics.log_ratio(log_density(p, x), log_density(q, x))


def f_critic(name: str, p: Distribution, q: Distribution) -> Logits:
    """The optimal critic of an f-divergence, ``T*(x) = f'(p(x) / q(x))``: it attains ``D_f = E_P[T*] - E_Q[f*(T*)]``.

    Args:
      name: of a row of ``f_divergence.F_DIVERGENCES``.
      p: the law of the data.
      q: the law of the generator.

    Returns:
      ``x [*batch, *event] -> T*(x) [*batch]``.

    Raises:
      ValueError: an unknown name; event shapes that differ.

    Source: Nguyen, Wainwright & Jordan 2010, lemma 1; Nowozin et al. 2016, equation 5.
    """
    row, ratio = f_divergence(name), log_ratio(p, q)
    return lambda x: row.f_prime(ratio(x))


def f_output(name: str, p: Distribution, q: Distribution) -> Logits:
    """The unconstrained network output behind ``f_critic``: ``v*(x)`` with ``g_f(v*) = f'(p / q)``.

    Args:
      name: of a row of ``f_divergence.F_DIVERGENCES``.
      p: the law of the data.
      q: the law of the generator.

    Returns:
      ``x [*batch, *event] -> v*(x) [*batch]``.

    Raises:
      ValueError: an unknown name; event shapes that differ.

    Source: Nowozin et al. 2016, table 2.
    """
    row, ratio = f_divergence(name), log_ratio(p, q)
    return lambda x: row.link(ratio(x))
