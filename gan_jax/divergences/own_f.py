"""An f-divergence of one's own, for ``exact.f_divergence``."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from gan_jax import checks
from gan_jax.caching import remembered
from gan_jax.divergences.integrands import Integrand
from gan_jax.typing import Array

Perspective = Callable[[Array, Array], Array]

_FAR = 40.0
"""A log-ratio at which one density is nothing beside the other; twice of it is within the range of single precision."""


@remembered
def integrand(perspective: Perspective, *, at_zero: float, at_infinity: float, sign_changes: bool = False) -> Integrand:
    """``D_f(p || q) = integral of q f(p / q)`` from ``q f(p / q)``, a function of both log-densities.

        def triangular(log_p, log_q):  # (p - q)² / (p + q)
            larger, r = jnp.maximum(log_p, log_q), jnp.abs(log_p - log_q)
            return jnp.exp(larger) * jnp.square(jnp.expm1(-r)) / (1.0 + jnp.exp(-r))

        exact.f_divergence(exact.integrand(triangular, at_zero=1.0, at_infinity=1.0), p, q)

    ``f`` is convex with ``f(1) = f'(1) = 0``, so that nothing is negative and near laws do not cancel: any other convex ``f`` becomes one
    by adding ``-f(1) - f'(1) (u - 1)``, whose integral is ``-f(1)``. Products of densities are written as sums of exponents, ``exp(2 log_p
    - log_q)``: a factor alone may be out of range where the product is not. The same function gives the same integrand, and so the same
    compiled program: define it once, outside of loops.

    Args:
      perspective: ``(log_p, log_q) -> q f(p / q)``, elementwise; it sees finite logarithms alone.
      at_zero: ``f(0)``, possibly ``inf``.
      at_infinity: the limit of ``f(u) / u``, possibly ``inf``; the divergence of laws that share no point is the sum of both.
      sign_changes: whether ``f`` has a kink at 1, as total variation has.

    Returns:
      The integrand.

    Raises:
      ValueError: a function that is no perspective of such an ``f``; limits that are not its own.
    """
    checks.takes("perspective", perspective, ("log_p", "log_q"), "lambda log_p, log_q: jnp.exp(log_p)")
    for what, limit in (("at_zero", at_zero), ("at_infinity", at_infinity)):
        checks.at_least(what, limit, 0.0)
    checks.flag("sign_changes", sign_changes)
    _check_values(perspective, sign_changes)
    _check_limit("at_zero", "f(u) at u = 0", at_zero, lambda r: perspective(-r, jnp.zeros_like(r)))
    _check_limit("at_infinity", "f(u) / u at u = inf", at_infinity, lambda r: perspective(jnp.zeros_like(r), -r))
    bound = at_zero + at_infinity

    def rows(log_p: Array, log_q: Array) -> Array:
        value = _held(perspective, at_zero, at_infinity, log_p, log_q)
        if not math.isfinite(bound):
            return value[None]
        return jnp.stack([value, jnp.maximum(at_zero * jnp.exp(log_q) + at_infinity * jnp.exp(log_p) - value, 0.0)])

    def slopes(r: Array, log_f: Array) -> tuple[Array, Array]:
        # The perspective is homogeneous: its derivatives in p and in q depend on the ratio alone, and are those where p or q is 1.
        finite = jnp.isfinite(r)
        safe = jnp.where(finite, r, 0.0)
        here = jnp.zeros_like(safe)
        ones = jnp.ones_like(safe)
        in_p = jax.jvp(lambda log_p: perspective(log_p, -safe), (here,), (ones,))[1]
        in_q = jax.jvp(lambda log_q: perspective(safe, log_q), (here,), (ones,))[1]
        in_p = jnp.where(finite, in_p, jnp.where(r > 0, at_infinity, jnp.nan))
        in_q = jnp.where(finite, in_q, jnp.where(r < 0, at_zero, jnp.nan))
        f = jnp.exp(log_f)
        if not math.isfinite(bound):
            return (in_p * f)[None], (in_q * f)[None]
        return jnp.stack([in_p * f, (at_infinity - in_p) * f]), jnp.stack([in_q * f, (at_zero - in_q) * f])

    steep = not math.isfinite(bound) and _steep(perspective)
    return Integrand(
        rows,
        slopes,
        bound,
        sign_changes,
        reflects=steep,
        refinement=(16, 512) if sign_changes else (8, 128),
        marked=True,
    )


def _held(perspective: Perspective, at_zero: float, at_infinity: float, log_p: Array, log_q: Array) -> Array:
    """The perspective where either density may vanish; -inf, which marks what is not known, where it is NaN."""
    both = (log_p > -jnp.inf) & (log_q > -jnp.inf)
    inside = perspective(jnp.where(both, log_p, 0.0), jnp.where(both, log_q, 0.0))
    inside = jnp.where(jnp.isnan(inside), -jnp.inf, inside)
    mass = jnp.exp(jnp.where(log_p > -jnp.inf, log_p, log_q))
    # What is left of a density where the other's logarithm overflows may be as small as the inverse of that.
    least = float(jnp.finfo(mass.dtype).tiny / jnp.finfo(mass.dtype).eps)
    limit = jnp.where(log_p > -jnp.inf, at_infinity, at_zero)
    finite = limit < jnp.inf
    outside = jnp.where(finite, jnp.where(finite, limit, 0.0) * mass, jnp.where(mass > least, jnp.inf, 0.0))
    return jnp.where(both, inside, outside)


def _check_values(perspective: Perspective, sign_changes: bool) -> None:
    """Raises ``ValueError`` unless, at some ratios, the function is 0 where p = q, at least 0, homogeneous, and known far out."""
    r = jnp.asarray([-_FAR, -4.0, -1.0, -0.5, 0.0, 0.5, 1.0, 4.0, _FAR], jnp.float32)
    log_p, log_q = 0.5 * r, -0.5 * r
    value = perspective(log_p, log_q)
    if jnp.shape(value) != r.shape:
        raise ValueError(
            f"perspective of two arrays of shape {r.shape} has shape {jnp.shape(value)}; expected one value a point"
        )
    if not checks.is_concrete(value):
        return
    rounding = 1e-5 * jnp.exp(0.5 * jnp.abs(r))
    if not bool(jnp.all(value >= -rounding)) or float(jnp.abs(value[4])) > 1e-5:
        worst = 4 if bool(jnp.all(value >= -rounding)) else int(jnp.argmin(jnp.nan_to_num(value, nan=-jnp.inf)))
        raise ValueError(
            f"perspective is {float(value[worst]):.6g} at log p - log q = {float(r[worst]):g}; expected a value of at least 0, and 0 "
            "where p = q: add -f(1) - f'(1) (u - 1) to f"
        )
    scaled = perspective(log_p + 1.0, log_q + 1.0)
    # Far out an f that grows like u³ is beyond the range of single precision: infinite, and then at both scales but for a factor of e.
    beyond = jnp.isinf(scaled) & (value > jnp.finfo(jnp.float32).max / 10.0)
    if not bool(jnp.all(beyond | (jnp.abs(scaled - math.e * value) <= 1e-4 * jnp.abs(scaled) + 10.0 * rounding))):
        raise ValueError(
            "perspective(log_p + 1, log_q + 1) is not e times perspective(log_p, log_q); expected q f(p / q), linear in both densities"
        )
    small = jnp.asarray([0.01, 0.02], jnp.float32)
    near, twice = (
        float(part) for part in perspective(0.5 * small, -0.5 * small) + perspective(-0.5 * small, 0.5 * small)
    )
    if not sign_changes and twice > 1e-5 and near > 0.4 * twice:
        raise ValueError("perspective has a kink where p = q; expected sign_changes=True with it")
    # Both densities are out of the range of single precision, or one is far beyond the other.
    low, high = jnp.asarray([-120.0, -10.0], jnp.float32), jnp.asarray([-10.0, -120.0], jnp.float32)
    if bool(jnp.any(jnp.isnan(perspective(low, high)))):
        raise ValueError(
            "perspective is NaN where log p and log q are -10 and -120; expected a number: write products of densities as sums of "
            "exponents, exp(2 log_p - log_q), since one density may vanish where their product does not"
        )


def _check_limit(name: str, what: str, given: float, tail: Callable[[Array], Array]) -> None:
    """Raises ``ValueError`` where ``tail(r)``, which tends to the limit as r grows, has come to rest elsewhere or is beyond it."""
    near, far = (float(value) for value in tail(jnp.asarray([_FAR, 2.0 * _FAR], jnp.float32)))
    rests = abs(far - near) <= 1e-5 * abs(far)
    if far > given + 1e-4 * max(given, 1.0) or (rests and abs(far - given) > 1e-4 * max(far, 1.0)):
        raise ValueError(f"{name} is {given:g}; expected {what}, which is {far:.6g}{'' if rests else ' or more'}")


def _steep(perspective: Perspective) -> bool:
    """Whether f grows faster than ``u log u`` or ``-log u``, so that it is large where neither density is."""
    r = jnp.asarray([0.5 * _FAR, _FAR], jnp.float32)
    grown = [perspective(jnp.zeros_like(r), -r), perspective(-r, jnp.zeros_like(r))]
    return any(bool(jnp.isinf(value[1]) | (value[1] > 4.0 * value[0] + 1.0)) for value in grown)
