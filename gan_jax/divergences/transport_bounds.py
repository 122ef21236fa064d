"""Wasserstein-1 between two laws that can only be sampled, from both sides: what exact transport of samples proves of it."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Real

from gan_jax import checks, numerics
from gan_jax.divergences import empirical_transport
from gan_jax.typing import Array


class TransportBounds(NamedTuple):
    """Two numbers with W1 between their expectations, each ``[]``, in units of the data.

    Attributes:
      lower: value of a 1-Lipschitz function on samples that it was not made from: ``E lower <= W1``.
      lower_error: standard error of ``lower`` given that function.
      upper: exact W1 of the samples that it was made from: ``E upper >= W1``.
    """

    lower: Float[Array, ""]
    lower_error: Float[Array, ""]
    upper: Float[Array, ""]


def wasserstein_bounds(
    x: Real[Array, " n *event"],
    y: Real[Array, " m *event"],
    fresh_x: Real[Array, " fresh_n *event"],
    fresh_y: Real[Array, " fresh_m *event"],
) -> TransportBounds:
    r"""W1 from below and from above by one exact transport between samples.

    W1 is convex in both laws, so that the transport cost of samples overestimates it in the mean (in two dimensions by about
    ``n^{-1/2}``). The optimal potentials f of that problem extend to the plane as a 1-Lipschitz critic,

    .. math:: h(z) = -\min_i \bigl(\|x_i - z\| - f_i\bigr),

    whose value on fresh samples underestimates W1 in the mean (Kantorovich–Rubinstein), as that of every such critic.

    Args:
      x: ``[n, d]``, samples of the first law.
      y: ``[m, d]``, of the second.
      fresh_x, fresh_y: further samples, ``[n', d]`` and ``[m', d]``, independent of ``x`` and ``y``.

    Returns:
      The bounds.

    Raises:
      ValueError: bad samples, dimensions that differ.
      RuntimeError: the network simplex did not converge.

    Source: Peyré & Cuturi 2019, Computational Optimal Transport, sections 5.2 (c-transforms) and 6.1; the bias: Weed & Bach 2019.
    """
    named = {"x": x, "y": y, "fresh_x": fresh_x, "fresh_y": fresh_y}
    x, y, fresh_x, fresh_y = (checks.samples(name, value) for name, value in named.items())
    for name, value in (("y", y), ("fresh_x", fresh_x), ("fresh_y", fresh_y)):
        checks.same_dimension("x", x, name, value)
    a, b = (jnp.full((len(z),), 1 / len(z), z.dtype) for z in (x, y))
    plan = empirical_transport.optimal_plan(x, y, a, b, order=1)
    upper = jnp.sum(plan.mass * numerics.norm(x[plan.rows] - y[plan.columns]))
    of_x, of_y = (_critic(x, plan.scale * plan.f, z) for z in (fresh_x, fresh_y))
    return TransportBounds(jnp.mean(of_x) - jnp.mean(of_y), numerics.standard_error(of_x, of_y), upper)


@jax.jit
def _critic(anchors: Array, potentials: Array, z: Array) -> Array:
    """``-min_i (|x_i - z| - f_i)`` at ``z [n, d]``: ``[n]``, some points at a time."""

    def at(point: Array) -> Array:
        return -jnp.min(numerics.norm(anchors - point[None]) - potentials)

    return jax.lax.map(at, z, batch_size=256)
