"""What an f-divergence integrates, as functions of two log-densities.

Each function takes ``log p`` and ``log q`` at some points, either of them possibly ``-inf``, and returns values ``>=
0`` of ``[k, *points]``: one row, or a row and its complement, whose integrals add up to the divergence's upper bound. A
divergence that is small comes from the first, one that is close to its bound from the second (``combine``): both keep
all their digits, in the value and in the gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from gan_jax import numerics
from gan_jax.typing import Array


class Integrand(NamedTuple):
    """An f-divergence as an integral.

    Attributes:
      rows: ``(log_p, log_q) -> [k, *points]``.
      bound: the divergence of two laws that share no point.
      sign_changes: whether the integrand has kinks where ``p = q``.
      refinement: rounds and cells a round of the refinement by error in the plane: more where there are kinks.
      reflects: whether the integrand is large where neither density is.
    """

    rows: Callable[[Array, Array], Array]
    bound: float
    sign_changes: bool = False
    reflects: bool = False
    refinement: tuple[int, int] = (6, 64)

    def combine(self, integrals: Array) -> Array:
        """The divergence from the integrals of the rows, ``[k] -> []``."""
        if integrals.shape[0] == 1:
            return integrals[0]
        return numerics.smaller_of(integrals[0], integrals[1], self.bound)


def _symmetric(
    kernel: Callable[[Array], Array], complement: Callable[[Array], Array]
) -> Callable[[Array, Array], Array]:
    def rows(log_p: Array, log_q: Array) -> Array:
        middle = 0.5 * (jnp.exp(log_p) + jnp.exp(log_q))
        r = numerics.log_ratio(log_p, log_q)
        return jnp.stack([middle * kernel(r), middle * complement(r)])

    return rows


def _kl(log_p: Array, log_q: Array) -> Array:
    """``p log(p / q) - p + q = p (e^{-r} - 1 + r) >= 0``: pointwise positive, so that near laws do not cancel.

    The added ``q - p`` integrates to 0 over the whole line or plane.
    """
    p, q = jnp.exp(log_p), jnp.exp(log_q)
    r = numerics.log_ratio(log_p, log_q)
    near, far = r > -1.0, r < jnp.inf
    above = p * numerics.exp_remainder(-jnp.where(near & far, r, 0.0))
    # Where p << q, e^{-r} may overflow while p e^{-r} = q does not.
    below = p * (jnp.where(near | (r == -jnp.inf), 0.0, r) - 1.0) + q
    finite = jnp.where(near, above, below)
    return jnp.where(far, finite, jnp.where(p > 0, jnp.inf, 0.0))[None]


def _chi_squared(log_p: Array, log_q: Array) -> Array:
    """``(p - q)^2 / q = q (e^r - 1)^2 = e^{log q + 2 max(r, 0)} (1 - e^{-|r|})^2``: no square of a ratio that overflows."""
    r = numerics.log_ratio(log_p, log_q)
    finite = jnp.isfinite(r)
    safe = jnp.where(finite, r, 0.0)
    exponent = log_q + 2.0 * jnp.maximum(safe, 0.0)
    ceiling = 0.98 * math.log(jnp.finfo(log_q.dtype).max)
    over = exponent > ceiling
    value = jnp.exp(jnp.where(over, 0.0, exponent)) * jnp.square(jnp.expm1(-numerics.absolute(safe)))
    value = jnp.where(over, jnp.inf, value)
    # p = 0 leaves q; q = 0 leaves infinity wherever p has not vanished as well.
    edge = jnp.where((r > 0) & (jnp.exp(log_p) > 0), jnp.inf, jnp.exp(log_q))
    return jnp.where(finite, value, edge)[None]


# The log-ratio of two mixtures bends sharply between their modes, where KL's weight, unlike the others', is unbounded.
KL = Integrand(_kl, float("inf"), refinement=(8, 128))
CHI_SQUARED = Integrand(_chi_squared, float("inf"), reflects=True)
JENSEN_SHANNON = Integrand(_symmetric(numerics.js_kernel, numerics.binary_entropy), numerics.LOG_2)
TOTAL_VARIATION = Integrand(
    _symmetric(numerics.tv_kernel, numerics.tv_complement), 1.0, sign_changes=True, refinement=(12, 256)
)
SQUARED_HELLINGER = Integrand(_symmetric(numerics.hellinger_kernel, numerics.hellinger_complement), 1.0)
