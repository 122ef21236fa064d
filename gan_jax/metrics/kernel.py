"""The kernel distance (KID): an unbiased squared MMD of features, with its standard error."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Real

from gan_jax import checks
from gan_jax.divergences import kernels
from gan_jax.moved import renamed_fields
from gan_jax.typing import Array, PRNGKey


class KernelDistance(NamedTuple):
    """An estimate of the squared MMD, ``[]`` each.

    Attributes:
      value: unbiased; may be negative, and is never clipped.
      standard_error: of ``value``, over new draws of both samples.
    """

    value: Float[Array, ""]
    standard_error: Float[Array, ""]


@renamed_fields(spread="standard_deviation")
class SubsetDistance(NamedTuple):
    """The kernel distance as papers print it, ``[]`` each.

    Attributes:
      value: mean over subsets; unbiased.
      standard_deviation: over subsets: of ONE subset's value, no standard error of the mean, as subsets share samples.
    """

    value: Float[Array, ""]
    standard_deviation: Float[Array, ""]


class _Sums(NamedTuple):
    """Sums of the centred kernel over each row of the pooled sample, ``[n + m]`` each, without the diagonal."""

    over_real: Array
    over_fake: Array
    squares_over_real: Array
    squares_over_fake: Array


def kid(real: Real[np.ndarray | Array, "n d"], fake: Real[np.ndarray | Array, "m d"]) -> KernelDistance:
    r"""Unbiased squared MMD under the cubic kernel over ALL pairs, and its standard error.

    .. math:: k(x, y) = (x^T y / d + 1)^3, \qquad
        \mathrm{KID} = \frac{1}{n(n-1)} \sum_{i \ne j} k(x_i, x_j) + \frac{1}{m(m-1)} \sum_{i \ne j} k(y_i, y_j)
        - \frac{2}{nm} \sum_{ij} k(x_i, y_j)

    Hoeffding's decomposition gives its variance at every n and m, P = Q included. With the witness :math:`w = \mu_P -
    \mu_Q` and k centred twice (:math:`\tilde k_P` under P in both arguments, :math:`\tilde k_{PQ}` under P and Q),

    .. math:: \mathrm{Var} = \tfrac4n \mathrm{Var}\, w(X) + \tfrac4m \mathrm{Var}\, w(Y)
        + \tfrac{2}{n(n-1)} \mathbb E \tilde k_P^2 + \tfrac{2}{m(m-1)} \mathbb E \tilde k_Q^2
        + \tfrac{4}{nm} \mathbb E \tilde k_{PQ}^2.

    Each term is estimated without bias: the second ones by U-centring, the first by the variance of the estimated
    witness less its own noise, :math:`\mathbb E \tilde k_P^2 / (n - 2) + \mathbb E \tilde k_{PQ}^2 / m`. The sum of the
    first two, which vanishes at P = Q, is not let below 0. Measured on 60 against 90 samples: two standard errors cover 99 %
    at P = Q, 94 % where P and Q are far, 90 % at the worst place between (the value is skewed, and its error is smallest where
    the value is). On 200 against 300 the worst place measured had 92 %.

    Pairs are walked through in blocks of rows: memory is bounded by ``divergences.kernels.BLOCK_ENTRIES`` numbers, time
    is O((n + m)² d).

    Args:
      real: features ``[n, d]``, n ≥ 4.
      fake: features ``[m, d]``, m ≥ 4.

    Returns:
      The value and its standard error.

    Raises:
      ValueError: bad samples, numbers of features that differ, fewer than four samples (which the standard error needs).

    References:
      Bińkowski et al. (2018), Demystifying MMD GANs, section 4. Gretton et al. (2012), A kernel two-sample test, lemma 6.
      Sutherland and Deka (2019), Unbiased estimators for the variance of MMD estimators. Székely and Rizzo (2014),
      Partial distance correlation, definition 2 (U-centring).
    """
    real, fake = _two_samples(real, fake, least=4)
    return _kid(real, fake)


def kid_of_subsets(
    key: PRNGKey,
    real: Real[np.ndarray | Array, "n d"],
    fake: Real[np.ndarray | Array, "m d"],
    *,
    subsets: int = 100,
    size: int = 1000,
) -> SubsetDistance:
    """The convention of papers: the mean of ``kid``'s value over random subsets, drawn without replacement.

    Same expectation as ``kid``, more noise, and no standard error: use ``kid`` except to compare with printed numbers.

    Args:
      key: draws the subsets.
      real: features ``[n, d]``.
      fake: features ``[m, d]``.
      subsets: how many.
      size: samples of each side in a subset, at most n and m.

    Returns:
      Mean and standard deviation (divided by the number of subsets, as NumPy's) over subsets.

    Raises:
      ValueError: bad samples, ``size`` above n or m or below two, ``subsets`` below one.

    References:
      Bińkowski et al. (2018), section 4 and the code that comes with it (100 subsets of 1000).
    """
    key = checks.key("key", key)
    real, fake = _two_samples(real, fake, least=2)
    subsets, size = checks.integer("subsets", subsets, 1), checks.integer("size", size, 2)
    smaller = min(len(real), len(fake))
    if size > smaller:
        raise ValueError(f"size is {size}; expected at most {smaller}, the smaller of the two samples")
    values = _subset_values(key, real, fake, subsets=subsets, size=size)
    return SubsetDistance(jnp.mean(values), jnp.std(values))


@jax.jit
def _kid(real: Array, fake: Array) -> KernelDistance:
    n, m = len(real), len(fake)
    sums = _sums(jnp.concatenate([real, fake]), n)
    value = _value(sums, n, m)
    noise_real = _u_centred_square(sums.over_real[:n], jnp.sum(sums.squares_over_real[:n]))
    noise_fake = _u_centred_square(sums.over_fake[n:], jnp.sum(sums.squares_over_fake[n:]))
    rows, columns = sums.over_fake[:n], sums.over_real[n:]
    centred = jnp.sum(sums.squares_over_fake[:n]) - jnp.sum(rows**2) / m - jnp.sum(columns**2) / n
    noise_cross = (centred + jnp.sum(rows) ** 2 / _pairs(n, m)) / _pairs(n - 1, m - 1)
    # Divided by n - 2, not n - 1: so a function of one argument added to the kernel (the centring) changes nothing.
    witness_real = sums.over_real[:n] / (n - 2) - rows / m
    witness_fake = sums.over_fake[n:] / (m - 2) - columns / n
    variance_real = jnp.var(witness_real, ddof=1) - noise_real / (n - 2) - noise_cross / m
    variance_fake = jnp.var(witness_fake, ddof=1) - noise_fake / (m - 2) - noise_cross / n
    first = jnp.maximum(4 * variance_real / n + 4 * variance_fake / m, 0.0)
    # Each is a sum of squares; rounding may leave less than 0.
    second = 2 * noise_real / _pairs(n, n - 1) + 2 * noise_fake / _pairs(m, m - 1) + 4 * noise_cross / _pairs(n, m)
    return KernelDistance(value, jnp.sqrt(first + jnp.maximum(second, 0.0)))


def _value(sums: _Sums, n: int, m: int) -> Array:
    own = jnp.sum(sums.over_real[:n]) / _pairs(n, n - 1) + jnp.sum(sums.over_fake[n:]) / _pairs(m, m - 1)
    return own - 2 * jnp.sum(sums.over_fake[:n]) / _pairs(n, m)


def _pairs(n: int, m: int) -> float:
    """``n m`` as a real number: beside an array an integer would be one of 32 bits, which end at 46 341²."""
    return float(n * m)


def _u_centred_square(rows: Array, squares: Array) -> Array:
    """``E k̃²`` without bias, from the row sums ``[n]`` and the sum of squares ``[]`` of a kernel matrix with a zero diagonal."""
    n = len(rows)
    centred = squares - 2 * jnp.sum(rows**2) / (n - 2) + jnp.sum(rows) ** 2 / _pairs(n - 1, n - 2)
    return centred / _pairs(n, n - 3)


def _sums(pooled: Array, n: int) -> _Sums:
    """Walks through all pairs of the pooled sample ``[n + m, d]`` in blocks of rows."""
    count = len(pooled)
    # What is summed is of the size of what is looked for; the kernel itself is around 1 and more, and float32 would lose 1e-6.
    kernel = kernels.about(kernels.cubic, jnp.mean(pooled, axis=0))

    def block(index: Array) -> tuple[Array, Array, Array, Array]:
        inside = jnp.minimum(index, count - 1)
        values = jnp.where(index[:, None] == jnp.arange(count)[None, :], 0.0, kernel(pooled[inside], pooled))
        real, fake = values[:, :n], values[:, n:]
        return jnp.sum(real, 1), jnp.sum(fake, 1), jnp.sum(real**2, 1), jnp.sum(fake**2, 1)

    parts = jax.lax.map(block, kernels.row_blocks(count, count))
    return _Sums(*(part.reshape(-1)[:count] for part in parts))


@partial(jax.jit, static_argnames=("subsets", "size"))
def _subset_values(key: PRNGKey, real: Array, fake: Array, *, subsets: int, size: int) -> Array:
    def one(key: PRNGKey) -> Array:
        real_key, fake_key = jax.random.split(key)
        x = jax.random.choice(real_key, real, (size,), replace=False)
        y = jax.random.choice(fake_key, fake, (size,), replace=False)
        return _value(_sums(jnp.concatenate([x, y]), size), size, size)

    return jax.lax.map(one, jax.random.split(key, subsets))


def _two_samples(real: np.ndarray | Array, fake: np.ndarray | Array, *, least: int) -> tuple[Array, Array]:
    x, y = checks.samples("real", real), checks.samples("fake", fake)
    checks.same_dimension("real", x, "fake", y)
    for name, z in (("real", x), ("fake", y)):
        if len(z) < least:
            raise ValueError(f"{name} has {len(z)} sample(s); expected at least {least}")
    return x, y
