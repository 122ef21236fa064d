"""The law of a generator without sampling noise: tabulated on a grid, beside the data's, on the line and in the plane.

A generator has no density that could be evaluated, but its latent law is known. On the line the latent normal is cut into cells of equal
probability, and the image of a small cell is an interval; in the plane a generator with Gaussian noise on its output is a mixture over its
latents, and a lattice integrates over them. Both laws become masses of the same cells of a grid. Whatever is computed from such masses
(JS, W1, the value of any discriminator) is exact for the tabulated laws, so that every bound between them holds to rounding; what the grid
leaves out is seen by halving it.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy import special

from gan_jax import checks, numerics
from gan_jax.divergences.distribution_functions import tails
from gan_jax.typing import Array, Distribution


def normal_cells(count: int) -> Float[Array, " {count}+1"]:
    """Edges of ``count`` cells of equal probability of ``N(0, 1)``, ascending.

    The two outer cells are made finite so that their middle is their mean: an affine generator keeps the mean of every cell.

    Args:
      count: n, at least 2.

    Returns:
      ``[n + 1]``.

    Raises:
      ValueError: fewer than 2 cells.
    """
    count = checks.integer("count", count, 2)
    inner = special.ndtri(np.arange(1, count) / count)
    # E[z | z > a] = φ(a) / P(z > a).
    mean = count * np.exp(-0.5 * inner[-1] ** 2) / np.sqrt(2.0 * np.pi)
    outer = 2.0 * mean - inner[-1]
    return jnp.asarray(np.concatenate([[-outer], inner, [outer]]), float)


def normal_lattice(count: int) -> Float[Array, "points 2"]:
    """``count`` points that integrate over ``N(0, I)`` in the plane: the Fibonacci lattice through the normal quantile function.

    ``u_i = ((i + ½) / n, (i F_{k-1} / n + ½) mod 1)``, ``n = F_k``, ``z_i = Φ^{-1}(u_i)``.

    Args:
      count: n, rounded up to the next Fibonacci number F_k.

    Returns:
      ``[n, 2]``.

    Raises:
      ValueError: fewer than 2 points.

    Source: Niederreiter & Sloan 1994, "Integration of nonperiodic functions of two variables by Fibonacci lattice rules".
    """
    count = checks.integer("count", count, 2)
    before, last = 1, 2
    while last < count:
        before, last = last, before + last
    i = np.arange(last)
    return jnp.asarray(
        special.ndtri(np.stack([(i + 0.5) / last, (i * before / last + 0.5 / last) % 1.0], axis=1)), float
    )


def cell_centres(edges: Float[Array, " edges"]) -> Float[Array, " edges+1"]:
    """Where the mass of each cell of an even grid is put: the middles of its cells, and half a cell beyond either end.

    Args:
      edges: ascending, evenly spaced, ``[m + 1]``.

    Returns:
      ``[m + 2]``.
    """
    half = 0.5 * (edges[1] - edges[0])
    return jnp.concatenate([edges - half, edges[-1:] + half])


def law_masses(law: Distribution, edges: Float[Array, " edges"]) -> Float[Array, " edges+1"]:
    """Masses of a one-dimensional law on the cells of a grid, the two outer ones unbounded.

    Args:
      law: with a distribution function.
      edges: ascending, ``[m + 1]``.

    Returns:
      ``[m + 2]``, of sum 1, each with full relative accuracy in the tails.

    Raises:
      ValueError: a law without a distribution function.
    """
    lower, upper = jax.vmap(lambda x: tails(law, x))(edges)
    # From the side of the tail that is the smaller: differences of numbers near 1 have no digits left there.
    inner = jnp.where(lower[1:] < 0.5, lower[1:] - lower[:-1], upper[:-1] - upper[1:])
    return jnp.concatenate([lower[:1], inner, upper[-1:]])


def generated_masses(images: Float[Array, " images"], edges: Float[Array, " edges"]) -> Float[Array, " edges+1"]:
    """Masses of a generator on the line on the cells of a grid, the two outer ones unbounded.

    Latent cell i has probability 1/n and is mapped onto the interval between ``G(z_i)`` and ``G(z_{i+1})``, over which its mass is laid
    evenly: ``F(x) = 1/n Σ_i clip((x - lo_i) / (hi_i - lo_i), 0, 1)``. For piecewise linear G what is left out is the variation of the
    latent density within a cell.

    Args:
      images: G at the edges of ``normal_cells(n)``, ``[n + 1]``.
      edges: ascending, ``[m + 1]``.

    Returns:
      ``[m + 2]``, non-negative, of sum 1. Masses are differences of cumulated ones: each is right to about 1e-7.
    """
    low, high = jnp.minimum(images[1:], images[:-1]), jnp.maximum(images[1:], images[:-1])
    wide = high > low
    safe = jnp.where(wide, high - low, 1.0)

    def below(x: Array) -> Array:
        # A cell on which G is constant is a point mass.
        return jnp.mean(jnp.where(wide, jnp.clip((x - low) / safe, 0.0, 1.0), (x >= low).astype(x.dtype)))

    cumulated = jnp.concatenate([jnp.zeros(1), jax.vmap(below)(edges), jnp.ones(1)])
    return cumulated[1:] - cumulated[:-1]


def mixture_density(
    points: Float[Array, "n 2"], x: Float[Array, " a"], y: Float[Array, " b"], scale: float | Float[Array, ""]
) -> Float[Array, "a b"]:
    """Density of ``1/n Σ_i N(points_i, scale² I)`` on a product grid: one matrix product, since a round Gaussian is a product.

    Args:
      points: ``[n, 2]``.
      x, y: the grid's axes, ``[a]`` and ``[b]``; with steps of at most ``scale``, sums over the grid are integrals.
      scale: standard deviation.

    Returns:
      ``[a, b]``.
    """

    def along(axis: Array, coordinate: Array) -> Array:
        steps = (axis[None, :] - coordinate[:, None]) / scale
        return jnp.exp(-0.5 * jnp.square(steps)) / (scale * np.sqrt(2.0 * np.pi))

    return along(x, points[:, 0]).T @ along(y, points[:, 1]) / points.shape[0]


def jensen_shannon(p: Float[Array, " *cells"], q: Float[Array, " *cells"]) -> Float[Array, ""]:
    """JS of two laws given as masses of the same cells: ``Σ_j ½ (p_j + q_j) h(log p_j - log q_j)``, ``h`` of ``numerics.js_kernel``.

    By data processing it is at most the JS of the laws that the masses come from, and no less for a finer grid.

    Args:
      p, q: masses, of one shape, each of sum 1.

    Returns:
      Nats, ``[]``.

    Raises:
      ValueError: shapes that differ.
    """
    _same_cells(p, q)
    return jnp.sum(0.5 * (p + q) * numerics.js_kernel(numerics.log_ratio(jnp.log(p), jnp.log(q))))


def wasserstein(
    p: Float[Array, " cells"], q: Float[Array, " cells"], step: float | Float[Array, ""]
) -> Float[Array, ""]:
    """W1 of two laws given as masses of the cells of an even grid on the line: ``∫ |F - G| dx = step Σ_k |Σ_{j <= k} (p_j - q_j)|``.

    It is W1 of the laws with all mass moved to the cells' centres, each of which moves by at most half a step within the grid.

    Args:
      p, q: masses ``[m + 2]``, each of sum 1.
      step: of the grid, in units of the data.

    Returns:
      Units of the data, ``[]``.

    Raises:
      ValueError: shapes that differ.
    """
    _same_cells(p, q)
    return step * jnp.sum(jnp.abs(jnp.cumsum(p - q)[:-1]))


def discriminator_value(
    divergence: Callable[[Array, Array], Array],
    logits: Float[Array, " cells"],
    p: Float[Array, " cells"],
    q: Float[Array, " cells"],
) -> Float[Array, ""]:
    """What a discriminator's value says of the distance, in expectation: its logits weighted with the masses of both laws.

    A separable objective's divergence is ``E_p a(D) + E_q b(D)`` up to a constant, so that ``Σ_j p_j d(D_j, 0) + Σ_j q_j d(0, D_j) -
    d(0, 0)`` is it. For any logits it is at most the divergence of the masses: ``jensen_shannon(p, q)`` for classifiers; for a critic that
    is 1-Lipschitz between the cells' centres, ``wasserstein(p, q, step)``.

    Args:
      divergence: of a separable objective, ``losses.Objective.divergence``.
      logits: of the discriminator at the cells' centres, ``[cells]``.
      p, q: masses of the data and of the generator, ``[cells]``, each of sum 1.

    Returns:
      The value, ``[]``, in the units of the objective.

    Raises:
      ValueError: shapes that differ.
    """
    _same_cells(p, q)
    if logits.shape != p.shape:
        raise ValueError(f"logits has shape {logits.shape} and p has shape {p.shape}; expected one logit a cell")
    zero = jnp.zeros(1, logits.dtype)
    of_real, of_fake = jax.vmap(lambda one: (divergence(one[None], zero), divergence(zero, one[None])))(logits)
    return jnp.vdot(p, of_real) + jnp.vdot(q, of_fake) - divergence(zero, zero)


def _same_cells(p: Array, q: Array) -> None:
    if p.shape != q.shape or p.size == 0:
        raise ValueError(f"p has shape {p.shape} and q has shape {q.shape}; expected masses of the same cells")
