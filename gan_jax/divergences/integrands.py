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

import jax
import jax.numpy as jnp
from jaxtyping import Float

from gan_jax import numerics
from gan_jax.divergences.accuracy import ExactValue
from gan_jax.typing import Array


class Integrand(NamedTuple):
    """An f-divergence as an integral.

    Attributes:
      rows: ``(log_p, log_q) -> [k, *points]``.
      slopes: how the rows change with a weight of ``f`` in ``p``, and with one in ``q``: functions of the log-ratio
        ``log p - log q`` and of ``log f``.
      bound: the divergence of two laws that share no point.
      sign_changes: whether the integrand has kinks where ``p = q``.
      refinement: rounds, and cells a round for every 16 components, of the refinement by error in the plane: more where there are kinks.
      reflects: whether the integrand is large where neither density is.
      marked: whether rows are ``-inf`` where they are not known.
    """

    rows: Callable[[Array, Array], Array]
    slopes: Callable[[Array, Array], tuple[Array, Array]]
    bound: float
    sign_changes: bool = False
    reflects: bool = False
    refinement: tuple[int, int] = (8, 64)
    marked: bool = False

    @property
    def number(self) -> int:
        """How many rows there are."""
        return 2 if math.isfinite(self.bound) else 1

    def changes(self, log_p: Array, log_q: Array, log_f: Array) -> tuple[Array, Array]:
        """``slopes`` where either density may vanish, ``[k, *points]`` each; infinite where they are."""
        r = numerics.log_ratio(log_p, log_q)
        nothing = (log_p == -jnp.inf) & (log_q == -jnp.inf)
        in_p = self.slopes(jnp.where(nothing, jnp.inf, r), log_f)[0]
        in_q = self.slopes(jnp.where(nothing, -jnp.inf, r), log_f)[1]
        held = log_f > -jnp.inf
        return jnp.where(held, in_p, 0.0), jnp.where(held, in_q, 0.0)

    def combine(self, integrals: Float[Array, " k"]) -> Float[Array, ""]:
        """The divergence from the integrals of the rows, ``[k] -> []``."""
        if integrals.shape[0] == 1:
            return integrals[0]
        return numerics.smaller_of(integrals[0], integrals[1], self.bound)

    def measured(
        self, integrals: Float[Array, " k"], errors: Float[Array, " k"], missing: Float[Array, " 2"]
    ) -> ExactValue:
        """The divergence with its error.

        Args:
          integrals: of the rows, ``[k]``.
          errors: of the integrals, ``[k]``.
          missing: by how much the mass found of either law differs from 1, ``[2]``.
        """
        value = self.combine(integrals)
        if self.sign_changes:
            # Kinks move, with all of the second derivative that comes from them; nodes and roots are held.
            value = numerics.once_differentiable(value)
        error = errors[0] if errors.shape[0] == 1 else jnp.where(integrals[0] < integrals[1], errors[0], errors[1])
        # Mass that no node has seen may add its share of the bound, or of an average log-ratio of one more.
        # A normaliser is known to the rounding of its logarithm, a sum of terms of some tens.
        lost = jnp.sum(jnp.maximum(missing - 128.0 * jnp.finfo(missing.dtype).eps, 0.0))
        share = 0.5 * self.bound if math.isfinite(self.bound) else 1.0 + jax.lax.stop_gradient(value)
        # Where a density is not one of mass 1, nothing follows from its integrals, and least of all that they diverge.
        infinite = jnp.where(lost < 1e-3, 0.0, jnp.inf)
        return ExactValue(value, jnp.where(value < jnp.inf, error + share * lost, infinite))


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
    # Where p is below the smallest number, p r need not be.
    large = far & (r > 1e3)
    above = jnp.where(large, jnp.exp(log_p + jnp.log(jnp.where(large, r, 2.0) - 1.0)), above)
    # Where p << q, e^{-r} may overflow while p e^{-r} = q does not.
    below = p * (jnp.where(near | (r == -jnp.inf), 0.0, r) - 1.0) + q
    finite = jnp.where(near, above, below)
    # What is left of p where log q overflows may be as small as 1 / log q.
    least = float(jnp.finfo(p.dtype).tiny / jnp.finfo(p.dtype).eps)
    return jnp.where(far, finite, jnp.where(p > least, jnp.inf, 0.0))[None]


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


def _grown(exponent: Array, log_f: Array) -> Array:
    """``f (e^exponent - 1)``, where the exponential alone may overflow."""
    small = exponent < 1.0
    near = jnp.exp(log_f) * jnp.expm1(jnp.where(small, exponent, 0.0))
    return jnp.where(small, near, jnp.exp(log_f + exponent) - jnp.exp(log_f))


def _kl_slopes(r: Array, log_f: Array) -> tuple[Array, Array]:
    return (r * jnp.exp(log_f))[None], -_grown(r, log_f)[None]


def _chi_squared_slopes(r: Array, log_f: Array) -> tuple[Array, Array]:
    return 2.0 * _grown(r, log_f)[None], -_grown(2.0 * r, log_f)[None]


def _jensen_shannon_slopes(r: Array, log_f: Array) -> tuple[Array, Array]:
    # d/dp of p log(2 p / (p + q)) / 2 + ...: log(2 sigma(r)) / 2; and the entropy is what is left of log 2 (p + q) / 2.
    f = jnp.exp(log_f)
    p, q = 0.5 * jax.nn.softplus(-r) * f, 0.5 * jax.nn.softplus(r) * f
    half = 0.5 * numerics.LOG_2 * f
    return jnp.stack([half - p, p]), jnp.stack([half - q, q])


def _total_variation_slopes(r: Array, log_f: Array) -> tuple[Array, Array]:
    half, sign = 0.5 * jnp.exp(log_f), 0.5 * jnp.sign(r) * jnp.exp(log_f)
    return jnp.stack([sign, half - sign]), jnp.stack([-sign, half + sign])


def _squared_hellinger_slopes(r: Array, log_f: Array) -> tuple[Array, Array]:
    half = 0.5 * jnp.exp(log_f)
    p, q = 0.5 * _grown(-0.5 * r, log_f), 0.5 * _grown(0.5 * r, log_f)
    return jnp.stack([-p, half + p]), jnp.stack([-q, half + q])


# The log-ratio of two mixtures bends sharply between their modes, where KL's weight, unlike the others', is unbounded.
KL = Integrand(_kl, _kl_slopes, float("inf"), refinement=(8, 128))
CHI_SQUARED = Integrand(_chi_squared, _chi_squared_slopes, float("inf"), reflects=True, refinement=(8, 128))
JENSEN_SHANNON = Integrand(
    _symmetric(numerics.js_kernel, numerics.binary_entropy), _jensen_shannon_slopes, numerics.LOG_2
)
TOTAL_VARIATION = Integrand(
    _symmetric(numerics.tv_kernel, numerics.tv_complement),
    _total_variation_slopes,
    1.0,
    sign_changes=True,
    refinement=(16, 512),
)
SQUARED_HELLINGER = Integrand(
    _symmetric(numerics.hellinger_kernel, numerics.hellinger_complement), _squared_hellinger_slopes, 1.0
)
