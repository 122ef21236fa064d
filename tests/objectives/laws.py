"""Pairs of laws on the line, with their expectations by quadrature to 1e-12 and their densities from SciPy.

Every pair has the same number of nodes, so that all of them share what is compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from scipy import stats

from gan_jax.objectives.losses import Objective
from gan_jax.typing import Distribution

ORDER, PIECES = 24, 60
"""Of Gauss–Legendre on every piece, and pieces in all: a multiple of any number of intervals up to six."""


class Pair(NamedTuple):
    """Two laws, the second moved by m.

    Attributes:
      make: ``m -> (p, q)`` as NumPyro distributions.
      densities: ``(x [n], m) -> (p [n], q [n])`` by SciPy.
      breaks: where densities of the first law bend, begin or end, and where the tails of both are cut.
      moving: where the second law's do, at m = 0.
    """

    make: Callable[[float], tuple[Distribution, Distribution]]
    densities: Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]]
    breaks: tuple[float, ...]
    moving: tuple[float, ...] = ()


def _mixture() -> Distribution:
    parts = dist.Normal(jnp.asarray([-1.0, 2.0]), jnp.asarray([0.8, 1.0]))
    return dist.MixtureSameFamily(dist.Categorical(jnp.asarray([0.3, 0.7])), parts)


def _mixture_density(x: np.ndarray) -> np.ndarray:
    return 0.3 * stats.norm.pdf(x, -1.0, 0.8) + 0.7 * stats.norm.pdf(x, 2.0, 1.0)


# Every divergence of the table is finite on these: the tails of each law are lighter than the square root of the other's.
PAIRS = {
    "Gaussians": Pair(
        lambda m: (dist.Normal(0.0, 1.0), dist.Normal(1.0 + m, 1.0)),
        lambda x, m: (stats.norm.pdf(x), stats.norm.pdf(x, 1.0 + m)),
        (-13.0, 14.0),
    ),
    "scales": Pair(
        lambda m: (dist.Normal(0.0, 1.0), dist.Normal(0.5 + m, 1.2)),
        lambda x, m: (stats.norm.pdf(x), stats.norm.pdf(x, 0.5 + m, 1.2)),
        (-16.0, 16.0),
    ),
    "Laplaces": Pair(
        lambda m: (dist.Laplace(0.0, 1.0), dist.Laplace(0.7 + m, 1.0)),
        lambda x, m: (stats.laplace.pdf(x), stats.laplace.pdf(x, 0.7 + m)),
        (-36.0, 0.0, 36.0),
        (0.7,),
    ),
    "mixture": Pair(
        lambda m: (_mixture(), dist.Normal(1.0 + m, 1.2)),
        lambda x, m: (_mixture_density(x), stats.norm.pdf(x, 1.0 + m, 1.2)),
        (-12.0, 14.0),
    ),
}
OVERLAPPING = Pair(
    lambda m: (dist.Uniform(0.0, 1.0), dist.Uniform(0.25 + m, 1.25 + m)),
    lambda x, m: (stats.uniform.pdf(x), stats.uniform.pdf(x, 0.25 + m)),
    (0.0, 1.0),
    (0.25, 1.25),
)
"""For the divergences that stay finite where one density is zero."""


def _crossings(pair: Pair, m: float) -> np.ndarray:
    """Where one density becomes larger than the other, by bisection."""

    def above(x: np.ndarray) -> np.ndarray:
        p, q = pair.densities(x, m)
        return p > q

    edges = np.linspace(pair.breaks[0], pair.breaks[-1], 2000) + 0.00123
    # Where both densities have all but vanished they are compared no more.
    seen = np.minimum(*pair.densities(edges, m)) > 1e-30
    found = np.flatnonzero((above(edges)[1:] != above(edges)[:-1]) & seen[1:] & seen[:-1])
    low, high = edges[found], edges[found + 1]
    for _ in range(50):
        middle = 0.5 * (low + high)
        left = above(middle) == above(edges[found])
        low, high = np.where(left, middle, low), np.where(left, high, middle)
    return low


@cache
def nodes(pair: Pair, m: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Points ``[n]`` and weights ``[n]`` of ``∫ g dx``: Gauss–Legendre between all breaks and crossings."""
    ends = np.asarray(sorted([*pair.breaks, *(b + m for b in pair.moving), *_crossings(pair, m)]))
    ends = ends[np.append(np.diff(ends) > 1e-9, True)]
    share = PIECES // (len(ends) - 1)
    edges = np.unique(np.concatenate([np.linspace(a, b, share + 1) for a, b in pairwise(ends)]))
    x, w = np.polynomial.legendre.leggauss(ORDER)
    half = 0.5 * np.diff(edges)[:, None]
    points, weights = (edges[:-1, None] + half * (1 + x)).ravel(), (half * w).ravel()
    assert points.shape == (ORDER * PIECES,)
    return points, weights


def measures(pair: Pair, m: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points ``[n]`` and the weights of expectations under both laws, each ``[n]``."""
    points, weights = nodes(pair, m)
    p, q = pair.densities(points, m)
    return points, p * weights, q * weights


def value(objective: Objective, logits: jnp.ndarray, p_weights: np.ndarray, q_weights: np.ndarray) -> float:
    """``objective.divergence`` in expectation, from single examples: it is affine in them where the objective is separable."""
    zeros = jnp.zeros_like(logits)
    one = lambda r, f: objective.divergence(r[None], f[None])  # noqa: E731
    real, fake = (jnp.where(weights > 0, logits, 0.0) for weights in (p_weights, q_weights))
    of_real, of_fake, of_none = (jax.vmap(one)(*pair) for pair in ((real, zeros), (zeros, fake), (zeros, zeros)))
    return float(np.sum(of_real * p_weights) + np.sum(of_fake * q_weights) - of_none[0])
