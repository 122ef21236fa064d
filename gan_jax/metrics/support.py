"""The birthday paradox as a measure: pairs of samples that coincide say how many different ones there can be."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Integer, Real
from scipy import special

from gan_jax import checks
from gan_jax.divergences.kernels import row_blocks
from gan_jax.metrics import features as named
from gan_jax.metrics.neighbours import squared_distances
from gan_jax.typing import Array


class SupportSize(NamedTuple):
    """How many different samples a law has to give, were they all equally likely.

    Attributes:
      size: ``1 / p``, p the share of pairs that coincide: an estimate of ``1 / Σ p_k²``. Infinite where no pair does.
      low, high: ends of its interval; ``high`` is infinite where no pair coincides, ``low`` never is.
      collisions: pairs that coincide.
      pairs: all pairs, ``n (n - 1) / 2``.
      n: samples looked at.
      radius: up to which distance two samples coincide.
    """

    size: float
    low: float
    high: float
    collisions: int
    pairs: int
    n: int
    radius: float


def support_size(samples: Real[np.ndarray | Array, "n d"], *, radius: float = 0.0, level: float = 0.95) -> SupportSize:
    r"""Effective size of the support, from the pairs of samples that coincide.

    .. math:: \frac{1}{\hat p}, \qquad \hat p = \binom n2^{-1} \#\{i < j: \|x_i - x_j\| \le \mathrm{radius}\}

    Two samples of a law that takes value k with probability p_k coincide with probability :math:`\sum_k p_k^2`: it is the collision
    probability of the uniform law on ``size`` values. It says nothing of rare values: a law that gives one picture half of the time has
    a size of at most four, whatever else it gives. The interval is that of ``interval``.

    The radius should be small against the distances of samples that are different, so that coinciding is the same for all of a group. At 0,
    the default, equal samples are counted by sorting them; above it, all pairs are walked through in blocks of rows.

    Args:
      samples: ``[n, d]``, at least three; pictures flattened, or features of them.
      radius: largest distance of two samples that coincide, in units of the samples.
      level: of the interval.

    Returns:
      The size with its interval.

    Raises:
      ValueError: samples that are not ``[n, d]``, fewer than three of them, NaN, a negative radius, a level outside (0, 1).

    References:
      Arora & Zhang (2017), Do GANs actually learn the distribution?, section 2.
    """
    x = named.samples("samples", samples, least=3)
    checks.at_least("radius", radius, 0.0)
    checks.finite("radius", radius)
    others = _equal(x) if radius == 0.0 else _near(x, float(radius))
    collisions, triples = int(others.sum()) // 2, round(float((others * (others - 1.0)).sum()) / 6.0)
    n = len(x)
    pairs = n * (n - 1) // 2
    low, high = interval(collisions, triples, n, level=level)
    size = pairs / collisions if collisions else math.inf
    return SupportSize(size, float(low), float(high), collisions, pairs, n, float(radius))


def interval(
    collisions: Integer[np.ndarray, " *collisions"] | int,
    triples: Integer[np.ndarray, " *collisions"] | int,
    n: int,
    *,
    level: float = 0.95,
) -> tuple[Float[np.ndarray, " *collisions"], Float[np.ndarray, " *collisions"]]:
    r"""The interval of :math:`1 / \sum_k p_k^2`, for laws of any shape.

    With N pairs, :math:`p = \sum p_k^2` and :math:`t = \sum p_k^3`, the number C of collisions has mean N p and variance

    .. math:: N p\, (1 - p + 2 (n - 2)\, e), \qquad e = (t - p^2) / p = \tau (\sqrt p - p), \quad 0 \le \tau \le 1

    since pairs that share a sample depend on each other. τ is 0 where all values are equally likely. It is 1 where one value is likely and
    the others never come twice: all collisions are then those of one group of m equal samples, :math:`C = m (m - 1) / 2`, and nearly as
    uncertain as :math:`\Lambda^2 / 2` with a gamma-distributed Λ. At τ = 0 the exact interval of a Poisson mean has gamma quantiles of
    means C and C + 1 and scale 1; at τ = 1 shapes m and m + 1 of Λ make the means C + m and C + 2 m + 1 and the scales 2 m + 3 and 2 m + 5.
    In between, both are interpolated in τ.

    τ comes from the triples that coincide. For the low end of the size it is the largest that they allow (at the same level), as a
    likely value may not have come twice yet: a law is never taken for uniform because there are few collisions. In simulations of 170
    laws (uniform ones, power laws, one to twenty likely values among many others) an interval of 95 % held the truth in 92.5 to 100 % of
    all runs.

    Args:
      collisions: pairs of samples that coincide, ``[...]``.
      triples: of samples that coincide, ``[...]``.
      n: samples, at least three.
      level: of confidence.

    Returns:
      Lower and upper ends of the size, each ``[...]``, at least 1; the upper one is infinite without collisions.

    Raises:
      ValueError: ``n`` below three, a level outside (0, 1).

    References:
      Hoeffding (1948), A class of statistics with asymptotically normal distribution, equation 5.13 (the variance).
    """
    n = checks.integer("n", n, 3)
    checks.between("level", level, 0.0, 1.0)
    tail = 0.5 * (1.0 - level)
    c, triple = np.asarray(collisions, np.float64), np.asarray(triples, np.float64)
    pairs = 0.5 * n * (n - 1.0)
    p = c / pairs
    group, free = 0.5 * (1.0 + np.sqrt(1.0 + 8.0 * c)), 1.0 - np.sqrt(p)

    tau = _unevenness(p, special.gammaincinv(triple + 1.0, 1.0 - tail), n)
    more = 1.0 - p + 2.0 * tau * group * free
    most = _gamma_quantile(1.0 - tail, c + more, more + 4.0 * tau) / pairs

    tau = _unevenness(p, triple, n)
    scale = 1.0 - p + 2.0 * tau * (group + 1.0) * free
    least = _gamma_quantile(tail, c + tau * group * free, scale) / pairs
    with np.errstate(divide="ignore"):
        return 1.0 / np.clip(most, 0.0, 1.0), np.where(c > 0, 1.0 / np.clip(least, 0.0, 1.0), np.inf)


def support_of_batch(s: float) -> float:
    r"""The classical reading of the birthday paradox: :math:`s^2 / (2 \log 2)`.

    If a batch of s samples has a duplicate with probability ½, that many values are equally likely (s² is twice as many as it should be).

    Args:
      s: samples of a batch, at least two.

    Returns:
      The size of the support.

    Raises:
      ValueError: ``s`` below two.
    """
    checks.at_least("s", s, 2)
    return s**2 / (2.0 * math.log(2.0))


def _unevenness(p: np.ndarray, triples: np.ndarray, n: int) -> np.ndarray:
    """τ: the excess of ``Σ p_k³`` over that of a uniform law, as a share of the largest there can be; 1 where nothing was seen."""
    t = triples / (n * (n - 1.0) * (n - 2.0) / 6.0)
    room = p**1.5 - p**2
    tau = np.clip((t - p**2) / np.where(room > 0.0, room, 1.0), 0.0, 1.0)
    return np.where(room > 0.0, tau, np.where(p > 0.0, 0.0, 1.0))


def _gamma_quantile(probability: float, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Of the gamma law with that mean and scale; the mean itself where the scale is 0."""
    positive = np.where(scale > 0.0, scale, 1.0)
    quantile = positive * special.gammaincinv(np.maximum(mean, 1e-300) / positive, probability)
    return np.where(scale > 0.0, quantile, mean)


def _equal(x: np.ndarray) -> np.ndarray:
    """How many other samples are the same as each of ``x [n, d]``, one row for all of a group (sums over them are those over samples)."""
    # Adding zero makes -0 the same bytes as 0.
    _, group, count = np.unique(x + 0.0, axis=0, return_inverse=True, return_counts=True)
    return (count - 1)[group.reshape(-1)]


def _near(x: np.ndarray, radius: float) -> np.ndarray:
    """How many other samples are within the radius of each of ``x [n, d]``, ``[n]``."""
    # Seen from the mean, where products of coordinates lose least, and in units of the radius: squared distances are kept in float32.
    away = (x - x.mean(axis=0)) / radius
    with jax.enable_x64(True):
        counts = _counts(jnp.asarray(away), jnp.asarray(1.0))
    return np.asarray(counts, np.int64)


@jax.jit
def _counts(x: Array, radius: Array) -> Array:
    n = len(x)

    def block(index: Array) -> Array:
        inside = jnp.minimum(index, n - 1)
        near = squared_distances(x[inside], x) <= jnp.square(radius)
        return jnp.sum(near & (index[:, None] != jnp.arange(n)[None, :]), axis=1, dtype=jnp.int32)

    return jax.lax.map(block, row_blocks(n, n)).reshape(-1)[:n]


__all__ = ["SupportSize", "interval", "support_of_batch", "support_size"]
