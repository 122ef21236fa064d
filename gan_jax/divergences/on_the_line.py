"""Divergences and distances between one-dimensional laws, by quadrature."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from gan_jax import numerics
from gan_jax.distributions import log_density_at
from gan_jax.divergences import quadrature
from gan_jax.divergences.distribution_functions import tails
from gan_jax.divergences.integrands import Integrand
from gan_jax.divergences.landmarks import landmarks_of
from gan_jax.numerics import float_of
from gan_jax.typing import Array, Distribution


def _components(d: Distribution) -> int:
    if isinstance(d, dist.MixtureSameFamily | dist.MixtureGeneral):
        return int(d.mixture_size)
    return 1


def _crossings(p: Distribution, q: Distribution) -> int:
    """How many crossings are looked for: twice as many as two mixtures of as many Gaussians usually have."""
    return 4 * (_components(p) + _components(q))


def f_divergence(integrand: Integrand, p: Distribution, q: Distribution) -> Array:
    """An f-divergence between two laws with densities on the line, ``[]``."""
    mesh = quadrature.mesh_for(p, q)
    log_p, log_q = quadrature.densities(p, mesh), quadrature.densities(q, mesh)
    if integrand.sign_changes:
        fixed_p, fixed_q = jax.lax.stop_gradient((p, q))
        mesh = quadrature.split_at_roots(
            mesh,
            lambda x: numerics.log_ratio(log_density_at(fixed_p, x), log_density_at(fixed_q, x)),
            numerics.log_ratio(log_p, log_q),
            integrand.rows(log_p, log_q)[-1],
            _crossings(p, q),
        )
        log_p, log_q = quadrature.densities(p, mesh), quadrature.densities(q, mesh)
    rows = integrand.rows(log_p, log_q)
    return integrand.combine(jnp.stack([quadrature.total(mesh, row) for row in rows]))


def _difference(p: Distribution, q: Distribution, x: Array) -> tuple[Array, Array]:
    """``F(x) - G(x)`` from whichever side is the smaller, and the size of what was subtracted."""
    (p_lower, p_upper), (q_lower, q_upper) = tails(p, x), tails(q, x)
    left = p_lower + q_lower < p_upper + q_upper
    difference = jnp.where(left, p_lower - q_lower, q_upper - p_upper)
    return difference, jnp.where(left, p_lower + q_lower, p_upper + q_upper)


def _settled(difference: Array, size: Array) -> Array:
    """The difference, 0 where rounding left nothing of it: noise over ever longer panels would look like a fat tail."""
    return jnp.where(numerics.absolute(difference) > 16.0 * jnp.finfo(size.dtype).eps * size, difference, 0.0)


def cumulative_difference(p: Distribution, q: Distribution) -> tuple[quadrature.Mesh, Array]:
    """A mesh whose panels do not straddle a zero of ``F - G``, and ``F - G`` at its nodes."""
    mesh = quadrature.mesh_for(p, q)
    values, size = jax.vmap(lambda x: _difference(p, q, x))(mesh.nodes)
    fixed_p, fixed_q = jax.lax.stop_gradient((p, q))
    weight = numerics.absolute(_settled(values, size)) * jnp.repeat(mesh.weights.sum(axis=1), mesh.weights.shape[1])
    mesh = quadrature.split_at_roots(
        mesh, lambda x: _difference(fixed_p, fixed_q, x)[0], values, weight, _crossings(p, q)
    )
    values, size = jax.vmap(lambda x: _difference(p, q, x))(mesh.nodes)
    return mesh, _settled(values, size)


def wasserstein_1(p: Distribution, q: Distribution) -> Array:
    """``W_1 = integral of |F - G|`` between two laws on the line, ``[]``."""
    mesh, difference = cumulative_difference(p, q)
    return quadrature.total(mesh, numerics.absolute(difference))


def energy_distance(p: Distribution, q: Distribution) -> Array:
    """``2 E|X - Y| - E|X - X'| - E|Y - Y'| = 2 integral of (F - G)^2`` between two laws on the line, ``[]``."""
    mesh, difference = cumulative_difference(p, q)
    return quadrature.total(mesh, 2.0 * jnp.square(difference))


def moment(order: float, law: Distribution, offset: Array | float, slope: Array | float, turn: Array | float) -> Array:
    """``E|offset + slope Z|^order`` for ``Z ~ law``, ``[]``; ``turn`` is where ``offset + slope Z`` changes its sign.

    The integrand has a kink at ``turn``, which becomes a breakpoint; it needs no gradient, as the integrand vanishes
    there.
    """
    marks = landmarks_of(law)
    dtype = float_of(law, offset, slope)
    turn = jax.lax.stop_gradient(jnp.asarray(turn, dtype).reshape(1))
    marks = marks._replace(edges=jnp.concatenate([marks.edges.astype(dtype), turn]))
    mesh = quadrature.mesh_of(marks)
    moved = numerics.absolute(offset + slope * mesh.nodes)
    return quadrature.total(mesh, powered(moved, order) * jnp.exp(quadrature.densities(law, mesh)))


def powered(size: Array, order: float) -> Array:
    """``size^order`` with gradient 0 at 0."""
    if order == 1:
        return size
    positive = size > 0
    return jnp.where(positive, jnp.power(jnp.where(positive, size, 1.0), order), 0.0)


def root(value: Array, order: float) -> Array:
    """``value^(1 / order)`` with gradient 0 at 0 and at infinity."""
    if order == 1:
        return value
    inside = (value > 0) & (value < jnp.inf)
    return jnp.where(inside, jnp.power(jnp.where(inside, value, 1.0), 1.0 / order), value)


def _log_odds(sides: tuple[Array, Array]) -> Array:
    """``log F - log(1 - F)``: increasing, with full relative accuracy in both tails."""
    lower, upper = sides
    return jnp.log(lower) - jnp.log(upper)


def monotone_map(p: Distribution, q: Distribution, x: Array, mesh: quadrature.Mesh) -> Array:
    """``T(x) = G^{-1}(F(x))``, the cheapest plan for every cost that is convex in the distance, at ``x [n]``.

    Bracketed among the mesh's edges, then bisected; the derivative is that of the implicit function ``G(T; q) = F(x;
    p)``.
    """
    fixed_p, fixed_q = jax.lax.stop_gradient((p, q))
    still, edges = jax.lax.stop_gradient((x, mesh.edges))
    goal = jax.vmap(lambda point: _log_odds(tails(fixed_p, point)))(still)
    ladder = jax.vmap(lambda point: _log_odds(tails(fixed_q, point)))(edges)
    right = jnp.clip(jnp.searchsorted(ladder, goal), 1, edges.shape[0] - 1)

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = 0.5 * (low + high)
        below = jax.vmap(lambda point: _log_odds(tails(fixed_q, point)))(middle) < goal
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    steps = 56 if edges.dtype == jnp.float64 else 28
    low, high = jax.lax.fori_loop(0, steps, halve, (edges[right - 1], edges[right]))
    image = jax.lax.stop_gradient(0.5 * (low + high))
    slope = jnp.exp(jax.vmap(lambda point: log_density_at(fixed_q, point))(image))

    def moved(start: Array, end: Array, steepness: Array) -> Array:
        (p_lower, p_upper), (q_lower, q_upper) = tails(p, start), tails(q, end)
        change = jnp.where(p_lower < p_upper, p_lower - q_lower, q_upper - p_upper)
        change = change - jax.lax.stop_gradient(change)
        held = steepness > 0
        return end + jnp.where(held, change, 0.0) / jnp.where(held, steepness, 1.0)

    return jax.vmap(moved)(x, image, jax.lax.stop_gradient(slope))


def wasserstein(order: float, p: Distribution, q: Distribution) -> Array:
    """``W_order = (integral of |x - G^{-1}(F(x))|^order dF)^{1 / order}`` between two laws with densities on the line, ``[]``."""
    mesh, _ = cumulative_difference(p, q)
    weight = jnp.exp(quadrature.densities(p, mesh))
    # Where p has no mass its distribution function has no inverse: any image will do.
    distance = mesh.nodes - monotone_map(p, q, mesh.nodes, mesh)
    distance = jnp.where(weight > 0, distance, 0.0)
    return root(quadrature.total(mesh, weight * powered(numerics.absolute(distance), order)), order)
