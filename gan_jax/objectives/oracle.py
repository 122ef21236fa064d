"""The optimal discriminator of each objective, from two densities: what training would reach with no limit on samples or capacity."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from gan_jax import checks, numerics
from gan_jax.distributions import log_density
from gan_jax.divergences.f_divergence import f_divergence
from gan_jax.objectives.losses import Objective, check_objective
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
    _check_laws(p, q)
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


def discriminator(objective: Objective, p: Distribution, q: Distribution) -> Logits:
    """The discriminator that maximises an objective's divergence between two laws, over all functions.

    Args:
      objective: from ``losses``.
      p: the law of the data.
      q: the law of the generator, of the same event shape.

    Returns:
      ``x [*batch, *event] -> [*batch]``: the objective's ``optimal_logits`` of the log-ratio; for distances on the line the Kantorovich
      potential.

    Raises:
      ValueError: event shapes that differ; an objective whose best discriminator no rule gives (a distance between laws that are not on
        the line, the relativistic average: see ``relativistic_average_logits``).
    """
    check_objective(objective)
    if objective.optimal_logits is not None:
        best, ratio = objective.optimal_logits, log_ratio(p, q)
        return lambda x: best(ratio(x))
    if objective.scales_with_data:
        return kantorovich_potential(p, q)
    raise ValueError(
        f"objective is {objective.name!r}, whose best discriminator depends on more than the densities at a point; "
        "expected one with optimal_logits, or a distance on the line"
    )


def _check_laws(p: Distribution, q: Distribution) -> None:
    for name, law in (("p", p), ("q", q)):
        if not hasattr(law, "event_shape"):
            raise TypeError(f"{name} is a {type(law).__name__}; expected a NumPyro distribution")
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"p has event shape {p.event_shape} and q has event shape {q.event_shape}; expected one event shape"
        )


def kantorovich_potential(p: Distribution, q: Distribution, *, nodes: int = 4097) -> Logits:
    """The optimal 1-Lipschitz critic on the line: ``f'(x) = sign(F_q(x) - F_p(x))``, ``f(middle) = 0``.

    ``E_p f - E_q f = ∫ f' (F_q - F_p) dx = ∫ |F_q - F_p| dx = W1``. The slope is exact at every point; the value is integrated on a grid
    over the middle of both laws and goes on with the slope of the grid's ends beyond it, so that a kink is known to half a cell.

    Args:
      p: the law of the data, of event shape ``[]``, with a ``cdf``.
      q: the law of the generator.
      nodes: of the grid over both means ± 10 standard deviations.

    Returns:
      ``x [*batch] -> f(x) [*batch]``, differentiable in ``x``.

    Raises:
      ValueError: laws that are not on the line, or have no finite mean and variance (NaN where they are traced); fewer than three nodes.
      TypeError: samples in the place of a law.

    Source: Peyré & Cuturi 2019, Computational Optimal Transport, section 6.1 (the dual of W1 on the line).
    """
    checks.integer("nodes", nodes, 3)
    _check_laws(p, q)
    for name, law in (("p", p), ("q", q)):
        if law.event_shape or law.batch_shape:
            raise ValueError(
                f"{name} has batch shape {law.batch_shape} and event shape {law.event_shape}; expected one law on the line, () and ()"
            )
    ends = [(law.mean + side * 10.0 * jnp.sqrt(law.variance)) for law in (p, q) for side in (-1.0, 1.0)]
    edges = jnp.stack(ends)
    if checks.is_concrete(edges) and not np.all(np.isfinite(edges)):
        raise ValueError("p or q has no finite mean and variance; expected both, since the grid is laid over them")
    low, high = jnp.min(edges), jnp.max(edges)
    width = jnp.where(high > low, high - low, 1.0)
    cell = width / (nodes - 1)

    def slope(x: Array) -> Array:
        # Point by point: a mixture's cdf broadcasts its components against a batch.
        # Beyond the grid the slope stays that of its ends: further out both cdfs round to one number.
        inside = jnp.clip(x, low + 0.5 * cell, low + width - 0.5 * cell).reshape(-1)
        difference = jax.vmap(lambda point: q.cdf(point) - p.cdf(point))(inside)
        return jnp.sign(difference).reshape(x.shape)

    grid = low + width * jnp.linspace(0.0, 1.0, nodes)
    rise = jnp.concatenate([jnp.zeros(1), jnp.cumsum(slope(0.5 * (grid[1:] + grid[:-1])) * cell)])
    rise = rise - rise[nodes // 2]

    @jax.custom_jvp
    def potential(x: Array) -> Array:
        inside = jnp.clip(x, grid[0], grid[-1])
        return jnp.interp(inside, grid, rise) + slope(x) * (x - inside)

    @potential.defjvp
    def _(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
        (x,), (dx,) = primals, tangents
        return potential(x), slope(x) * dx

    return potential


def relativistic_average_logits(
    log_ratios: Float[Array, " n"],
    p_weights: Float[Array, " n"],
    q_weights: Float[Array, " n"],
    *,
    iterations: int = 50,
) -> tuple[Float[Array, " n"], Float[Array, ""]]:
    """The best logits of the relativistic average objective on finitely many points.

    With ``a = E_q D``, ``b = E_p D`` and the gauge ``a + b = 0``, stationarity of the (concave) value in D(x) reads

        e^r (σ(a - D) + B) = σ(D - b) + A,      A = E_p σ(a - D),   B = E_q σ(D - b),

    which for given (b, A, B) is a quadratic equation in ``e^D``; the three numbers are found by Newton's method. (Summed over the points
    the equation holds for any A and B, so that the definition of B follows from those of a, b and A.)

    Args:
      log_ratios: ``r = log p - log q`` at the points, ``[n]``, finite. A solution exists where they are bounded well enough: ``A < 1 /
        (e^{max r} - 1)`` and ``B < 1 / (e^{-min r} - 1)`` at it.
      p_weights: of the points under p, ``[n]``, of sum one.
      q_weights: under q.
      iterations: of Newton's method.

    Returns:
      The logits ``[n]``, and the largest residual of the three equations ``[]``; the logits are not to be used where it is large.
    """
    checks.integer("iterations", iterations, 0)
    u = jnp.exp(log_ratios)

    def logits(unknown: Array) -> Array:
        b, a_mean, b_mean = unknown
        # With e = e^D, s = e^b: u (1 / (1 + e s) + B) = e / (e + s) + A, since a = -b.
        s = jnp.exp(b)
        # With k = uB - A: e² s (k - 1) + e (u - 1 + k (1 + s²)) + s (u + k) = 0.
        k = u * b_mean - a_mean
        quadratic, linear, constant = (
            s * (k - 1.0),
            u - 1.0 + k * (1.0 + s * s),
            s * (u + k),
        )
        # One positive root: quadratic < 0 < constant.
        root = jnp.sqrt(jnp.maximum(linear * linear - 4.0 * quadratic * constant, 0.0))
        positive = jnp.where(linear > 0, (-linear - root) / (2 * quadratic), 2 * constant / (-linear + root))
        return jnp.log(positive)

    def residual(unknown: Array) -> Array:
        b, a_mean, _ = unknown
        best = logits(unknown)
        return jnp.stack(
            [
                b - p_weights @ best,
                b + q_weights @ best,
                a_mean - p_weights @ jax.nn.sigmoid(-b - best),
            ]
        )

    def newton(unknown: Array, _: None) -> tuple[Array, None]:
        step = jnp.linalg.solve(jax.jacfwd(residual)(unknown), residual(unknown))
        # Damped: the first steps from the logits log p - log q may overshoot.
        moved = unknown - step / jnp.maximum(1.0, 4.0 * jnp.max(jnp.abs(step)))
        return jnp.concatenate([moved[:1], jnp.clip(moved[1:], 1e-6, 1.0)]), None

    b = 0.5 * (p_weights @ log_ratios - q_weights @ log_ratios)
    centred = log_ratios - 0.5 * (p_weights @ log_ratios + q_weights @ log_ratios)
    start = jnp.stack([b, p_weights @ jax.nn.sigmoid(-b - centred), q_weights @ jax.nn.sigmoid(centred - b)])
    found, _ = jax.lax.scan(newton, start, length=iterations)
    return logits(found), jnp.max(jnp.abs(residual(found)))
