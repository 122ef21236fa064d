"""The f-divergences as one table: generator, conjugate, activation, optimal critic, and what the best value is worth.

``D_f(P || Q) = integral of q f(p / q)`` for a convex ``f`` with ``f(1) = 0`` (for the GAN's, ``f(1) = -2 log 2``). Its
variational form (Nguyen, Wainwright & Jordan 2010; Nowozin, Cseke & Tomioka 2016, eq. 4) is

    D_f(P || Q) = sup_T  E_P[T(x)] - E_Q[f*(T(x))],        T*(x) = f'(p(x) / q(x)),

and a network with unconstrained output ``v`` takes part through ``T = g_f(v)``, which maps into the domain of ``f*``.

Everything is written in terms of the *log-ratio* ``r = log p(x) - log q(x)``, never of ``u = p / q``, which overflows
where the supports hardly meet. The conjugate at an activation is written in terms of ``v`` for the same reason:
``-log(1 - e^T)`` at ``T = g_f(v)`` is ``softplus(v)``.

Where papers differ: f-GAN's "Jensen-Shannon" is *twice* the usual one; its GAN row is ``2 JS - 2 log 2``; Pearson's
chi^2 is ``integral of (p - q)^2 / q`` and Neyman's is ``integral of (p - q)^2 / p``; squared Hellinger here follows
f-GAN, ``integral of (sqrt p - sqrt q)^2``, twice the one in [0, 1] that ``exact.squared_hellinger`` returns.
``standard`` converts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from gan_jax import checks, numerics
from gan_jax.typing import Array

Function = Callable[[Array], Array]


class FDivergence(NamedTuple):
    """One f-divergence, elementwise functions of arrays.

    Attributes:
      f: ``f(e^r)`` as a function of the log-ratio ``r``.
      f_prime: ``f'(e^r)`` as a function of the log-ratio: the optimal critic ``T*``.
      conjugate: ``f*(t)``; ``inf`` outside its domain.
      activation: ``g_f(v)``, from the real line into the domain of ``f*``.
      conjugate_of_activation: ``f*(g_f(v))``, without overflow.
      link: ``g_f^{-1}(f'(e^r))``: the unconstrained output ``v`` of the optimal critic.
      f_prime_at_one: ``f'(1)``, the critic's threshold between real and fake.
      standard: from the best value of the bound to the divergence of the textbooks (``exact``'s).
      standard_name: which divergence that is, in words.
      unit: what the textbook's divergence is measured in.
      disjoint: what it is worth on disjoint supports.
    """

    f: Function
    f_prime: Function
    conjugate: Function
    activation: Function
    conjugate_of_activation: Function
    link: Function
    f_prime_at_one: float
    standard: Function
    standard_name: str
    unit: str = "1"
    disjoint: float = math.inf


def _same(value: Array) -> Array:
    return value


def _half(value: Array) -> Array:
    return 0.5 * value


def _minus_log_negative(t: Array) -> Array:
    """``-log(-t)`` on ``t < 0``, ``inf`` elsewhere."""
    inside = t < 0
    return jnp.where(inside, -jnp.log(jnp.where(inside, -t, 1.0)), jnp.inf)


def _neyman_conjugate(t: Array) -> Array:
    inside = t <= 1
    below = t < 1
    root = jnp.where(below, jnp.sqrt(jnp.where(below, 1.0 - t, 1.0)), 0.0)
    return jnp.where(inside, 2.0 - 2.0 * root, jnp.inf)


def _hellinger_conjugate(t: Array) -> Array:
    inside = t < 1
    return jnp.where(inside, t / jnp.where(inside, 1.0 - t, 1.0), jnp.inf)


def _minus_log_difference(bound: float) -> Function:
    """``t -> -log(bound - e^t)`` where ``e^t < bound``, ``inf`` elsewhere, through ``log1m_exp``."""
    shift = math.log(bound)

    def conjugate(t: Array) -> Array:
        inside = t < shift
        return jnp.where(inside, -shift - numerics.log1m_exp(jnp.where(inside, t - shift, -1.0)), jnp.inf)

    return conjugate


def _log_lambert(a: Array) -> Array:
    """``r = -log W(e^a)``, the root of ``e^{-r} - r = a``: the log-ratio at which Jeffreys' ``f'`` is ``1 - a``.

    With ``w = log W(e^a)``: ``w + e^w = a``. Newton's method on this convex function from above converges without
    overshoot.
    """
    # e^w <= a gives w <= log a for a > 1, and w <= a always: both starts lie above the root.
    w = jax.lax.stop_gradient(jnp.where(a > 1.0, jnp.log(jnp.where(a > 1.0, a, 1.0)), jnp.minimum(a, 0.0)))
    fixed = jax.lax.stop_gradient(a)
    for _ in range(8):
        w = w - (w + jnp.exp(w) - fixed) / (1.0 + jnp.exp(w))
    # Two more steps with the tracked argument: each doubles the order to which w follows a, so that derivatives up to the third are
    # those of the implicit function. (One step alone has the first, dw/da = 1 / (1 + e^w), and zero for the second.)
    w = jax.lax.stop_gradient(w)
    for _ in range(2):
        w = w - (w + jnp.exp(w) - a) / (1.0 + jnp.exp(w))
    return -w


def _jeffreys_conjugate(t: Array) -> Array:
    # f'(u) = log u + 1 - 1/u = t has the solution 1/u = W(e^{1-t}); f*(t) = W + 1/W + t - 2.
    # Where supports are disjoint the optimal critic is infinite, and f* with it.
    certain = jnp.isinf(t)
    r = _log_lambert(1.0 - jnp.where(certain, 0.0, t))
    # W + log W = 1 - t turns it into 1/W - 1 - log W = e^r - 1 + r: no cancellation at t = 0.
    return jnp.where(certain, t, jnp.expm1(r) + r)


def _total_variation_f(r: Array) -> Array:
    return 0.5 * numerics.absolute(jnp.expm1(r))


def _neyman_f(r: Array) -> Array:
    # (1 - u)²/u = 4 sinh²(r/2).
    return 4.0 * jnp.square(jnp.sinh(0.5 * r))


def _jensen_shannon_f(r: Array) -> Array:
    # -(u + 1) log((1 + u)/2) + u log u = (1 + u) h(r).
    return (1.0 + jnp.exp(r)) * numerics.js_kernel(r)


F_DIVERGENCES: Mapping[str, FDivergence] = checks.Named(
    "f-divergence",
    {
        "kl": FDivergence(
            f=lambda r: r * jnp.exp(r),
            f_prime=lambda r: 1.0 + r,
            conjugate=lambda t: jnp.exp(t - 1.0),
            activation=_same,
            conjugate_of_activation=lambda v: jnp.exp(v - 1.0),
            link=lambda r: 1.0 + r,
            f_prime_at_one=1.0,
            standard=_same,
            standard_name="KL(P || Q)",
            unit="nats",
        ),
        "reverse_kl": FDivergence(
            f=lambda r: -r,
            f_prime=lambda r: -jnp.exp(-r),
            conjugate=lambda t: -1.0 + _minus_log_negative(t),
            activation=lambda v: -jnp.exp(-v),
            conjugate_of_activation=lambda v: v - 1.0,
            link=_same,
            f_prime_at_one=-1.0,
            standard=_same,
            standard_name="KL(Q || P)",
            unit="nats",
        ),
        "pearson": FDivergence(
            f=lambda r: jnp.square(jnp.expm1(r)),
            f_prime=lambda r: 2.0 * jnp.expm1(r),
            conjugate=lambda t: 0.25 * jnp.square(t) + t,
            activation=_same,
            conjugate_of_activation=lambda v: 0.25 * jnp.square(v) + v,
            link=lambda r: 2.0 * jnp.expm1(r),
            f_prime_at_one=0.0,
            standard=_same,
            standard_name="chi^2(P || Q), the integral of (p - q)^2 / q",
        ),
        "neyman": FDivergence(
            f=_neyman_f,
            f_prime=lambda r: -jnp.expm1(-2.0 * r),
            conjugate=_neyman_conjugate,
            activation=lambda v: -jnp.expm1(-v),
            conjugate_of_activation=lambda v: -2.0 * jnp.expm1(-0.5 * v),
            link=lambda r: 2.0 * r,
            f_prime_at_one=0.0,
            standard=_same,
            standard_name="chi^2(Q || P), the integral of (p - q)^2 / p",
        ),
        "squared_hellinger": FDivergence(
            f=lambda r: jnp.square(jnp.expm1(0.5 * r)),
            f_prime=lambda r: -jnp.expm1(-0.5 * r),
            conjugate=_hellinger_conjugate,
            activation=lambda v: -jnp.expm1(-v),
            conjugate_of_activation=jnp.expm1,
            link=lambda r: 0.5 * r,
            f_prime_at_one=0.0,
            standard=_half,
            standard_name="squared Hellinger distance in [0, 1], half of the integral of (sqrt p - sqrt q)^2",
            disjoint=1.0,
        ),
        "jeffreys": FDivergence(
            f=lambda r: r * jnp.expm1(r),
            f_prime=lambda r: r - jnp.expm1(-r),
            conjugate=_jeffreys_conjugate,
            activation=_same,
            conjugate_of_activation=_jeffreys_conjugate,
            link=lambda r: r - jnp.expm1(-r),
            f_prime_at_one=0.0,
            standard=_same,
            standard_name="KL(P || Q) + KL(Q || P)",
            unit="nats",
        ),
        "jensen_shannon": FDivergence(
            f=_jensen_shannon_f,
            f_prime=lambda r: numerics.LOG_2 - jax.nn.softplus(-r),
            conjugate=_minus_log_difference(2.0),
            activation=lambda v: numerics.LOG_2 - jax.nn.softplus(-v),
            conjugate_of_activation=lambda v: jax.nn.softplus(v) - numerics.LOG_2,
            link=_same,
            f_prime_at_one=0.0,
            standard=_half,
            standard_name="Jensen-Shannon divergence in [0, log 2]",
            unit="nats",
            disjoint=numerics.LOG_2,
        ),
        "total_variation": FDivergence(
            f=_total_variation_f,
            f_prime=lambda r: 0.5 * jnp.sign(r),
            conjugate=lambda t: jnp.where(numerics.absolute(t) <= 0.5, t, jnp.inf),
            activation=lambda v: 0.5 * jnp.tanh(v),
            conjugate_of_activation=lambda v: 0.5 * jnp.tanh(v),
            # The optimum ±1/2 lies at infinity.
            link=lambda r: jnp.where(r == 0, 0.0, jnp.sign(r) * jnp.inf),
            f_prime_at_one=0.0,
            standard=_same,
            standard_name="total variation in [0, 1]",
            disjoint=1.0,
        ),
        "gan": FDivergence(
            # u log u - (u + 1) log(u + 1) = (1 + u) (h(r) - log 2).
            f=lambda r: -(1.0 + jnp.exp(r)) * numerics.binary_entropy(r),
            f_prime=lambda r: -jax.nn.softplus(-r),
            conjugate=_minus_log_difference(1.0),
            activation=lambda v: -jax.nn.softplus(-v),
            conjugate_of_activation=jax.nn.softplus,
            link=_same,
            f_prime_at_one=-numerics.LOG_2,
            standard=lambda value: numerics.LOG_2 + 0.5 * value,
            standard_name="Jensen-Shannon divergence in [0, log 2] (the value itself is 2 JS - 2 log 2)",
            unit="nats",
            disjoint=numerics.LOG_2,
        ),
    },
)
"""The f-divergences by name."""


def f_divergence(name: str) -> FDivergence:
    """The row called ``name``.

    Raises:
      ValueError: an unknown name; the message gives the nearest one.
    """
    return F_DIVERGENCES[checks.one_of("name", name, F_DIVERGENCES)]


def variational_bound(
    divergence: FDivergence, real_v: Float[Array, " n"], fake_v: Float[Array, " m"]
) -> Float[Array, ""]:
    """``E_P[g_f(v)] - E_Q[f*(g_f(v))]``, a lower bound on ``D_f(P || Q)`` (Nowozin et al. 2016, eq. 6).

    Args:
      divergence: a row of the table.
      real_v: unconstrained outputs on samples of ``P``, ``[n]``.
      fake_v: on samples of ``Q``, ``[m]``.

    Returns:
      The bound, ``[]``; ``divergence.standard`` turns it into the textbook's units.
    """
    return jnp.mean(divergence.activation(real_v)) - jnp.mean(divergence.conjugate_of_activation(fake_v))
