"""The Vendi score: how many different things a sample holds."""

from __future__ import annotations

import numpy as np
from jaxtyping import Real
from scipy.special import entr

from gan_jax import checks
from gan_jax.metrics import features as named
from gan_jax.typing import Array


def vendi_of_kernel(kernel: np.ndarray) -> float:
    r"""Exponential of the entropy of the eigenvalues of a similarity matrix.

    .. math:: \mathrm{VS} = \exp\Bigl(-\sum_i \lambda_i \log \lambda_i\Bigr), \qquad \lambda = \mathrm{eig}(K / n)

    Args:
      kernel: ``K [n, n]``, positive semi-definite with ones on the diagonal.

    Returns:
      The effective number of different samples, 1 (all alike) to n (no two alike).

    Raises:
      ValueError: not square, NaN, not symmetric, a diagonal that is not 1, a negative eigenvalue.

    References:
      Friedman and Dieng (2023), The Vendi score, definition 3.1.
    """
    k = np.asarray(checks.real("kernel", kernel), np.float64)
    if k.ndim != 2 or k.shape[0] != k.shape[1] or k.size == 0:
        raise ValueError(f"kernel has shape {k.shape}; expected a square matrix [n, n]")
    checks.finite("kernel", k)
    n = len(k)
    if np.abs(k - k.T).max() > 1e-6:
        raise ValueError("kernel is not symmetric; expected the similarity of i and j to be that of j and i")
    if np.abs(np.diagonal(k) - 1.0).max() > 1e-6:
        raise ValueError("kernel has a diagonal that is not 1; expected the similarity of a sample with itself to be 1")
    values = np.linalg.eigvalsh(0.5 * (k + k.T))
    if values[0] < -1e-6 * n:
        raise ValueError(f"kernel has the eigenvalue {values[0]:g}; expected none below 0")
    return _exponential_entropy(values / n)


def vendi_score(features: Real[np.ndarray | Array, "n d"]) -> float:
    """Vendi score under the cosine kernel ``k(x, y) = xᵀy / (|x| |y|)``.

    With unit rows X, ``K = X Xᵀ`` and ``Xᵀ X`` have the same eigenvalues but zeros, which have no entropy: the smaller of the two is taken.
    It says how diverse samples are, not how good: compare it with the score of as many real ones (a sample of n cannot exceed n).

    Args:
      features: ``[n, d]``.

    Returns:
      The effective number of different samples.

    Raises:
      ValueError: NaN, fewer than two samples, or a sample whose features are all 0, which has no direction.

    References:
      Friedman and Dieng (2023), The Vendi score, definition 3.1 and section 3.2 (cost by the Gram matrix).
    """
    x = named.samples("features", features)
    norms = np.linalg.norm(x, axis=1, keepdims=True)
    zeros = int(np.sum(norms == 0))
    if zeros:
        raise ValueError(f"features holds {zeros} sample(s) of zeros; expected a direction, which the cosine needs")
    x = x / norms
    gram = x.T @ x if x.shape[1] < len(x) else x @ x.T
    return _exponential_entropy(np.linalg.eigvalsh(gram / len(x)))


def _exponential_entropy(values: np.ndarray) -> float:
    # Rounding leaves small negative eigenvalues in place of zeros.
    return float(np.exp(np.sum(entr(np.maximum(values, 0.0)))))
