"""The Fréchet distance of two Gaussian fits, in float64 on the host."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Real

from gan_jax import checks
from gan_jax.metrics import features as named
from gan_jax.typing import Array

ROWS = 4096
"""Samples whose float64 copies are held at once while a covariance is summed."""


class Fit(NamedTuple):
    """A Gaussian fit of features.

    Attributes:
      mean: ``[d]`` float64.
      covariance: ``[d, d]`` float64, divided by n - 1.
    """

    mean: Float64[np.ndarray, " d"]
    covariance: Float64[np.ndarray, "d d"]


def fit(features: Real[np.ndarray | Array, "n d"], *, name: str = "features") -> Fit:
    """Mean and covariance ``Σ (x_i - mean)(x_i - mean)ᵀ / (n - 1)``.

    Args:
      features: ``[n, d]``, n ≥ 2.
      name: of ``features`` in messages.

    Returns:
      The fit.

    Raises:
      ValueError: NaN, fewer than two samples, or another rank.
    """
    x = named.samples(name, features)
    mean = x.mean(axis=0)
    covariance = np.zeros((x.shape[1], x.shape[1]))
    for start in range(0, len(x), ROWS):
        centred = x[start : start + ROWS] - mean
        covariance += centred.T @ centred
    return Fit(mean, covariance / (len(x) - 1))


def frechet_distance(
    mean_p: Real[np.ndarray, " d"],
    cov_p: Real[np.ndarray, "d d"],
    mean_q: Real[np.ndarray, " d"],
    cov_q: Real[np.ndarray, "d d"],
) -> float:
    r"""Squared 2-Wasserstein distance of two Gaussians, singular ones included.

    .. math:: d^2 = \|\mu_p - \mu_q\|^2 + \mathrm{tr}\bigl(A + B - 2 (A^{1/2} B A^{1/2})^{1/2}\bigr)
        = \|\mu_p - \mu_q\|^2 + \min_{V^T V = I} \|A^{1/2} - B^{1/2} V\|_F^2

    The second form is computed: the best rotation is the polar factor of :math:`B^{1/2} A^{1/2}`, and a sum of squares
    neither cancels where the two are near nor comes out negative. Nothing is added to a singular covariance.

    Args:
      mean_p, mean_q: ``[d]``.
      cov_p, cov_q: ``[d, d]``, symmetric and positive semi-definite (to rounding).

    Returns:
      :math:`d^2` in squared units of the features.

    Raises:
      ValueError: shapes that do not fit, NaN, a covariance that is not symmetric or has a negative eigenvalue.

    References:
      Dowson and Landau (1982), The Fréchet distance between multivariate normal distributions, equation 16. Peyré and
      Cuturi (2019), Computational Optimal Transport, remark 2.31. Bhatia, Jain and Lim (2019), On the Bures-Wasserstein
      distance, theorem 1.
    """
    mu_p, mu_q = (_mean(name, mean) for name, mean in (("mean_p", mean_p), ("mean_q", mean_q)))
    if mu_p.shape != mu_q.shape:
        raise ValueError(f"mean_p has shape {mu_p.shape} and mean_q has shape {mu_q.shape}; expected the same")
    root_p, root_q = _root("cov_p", cov_p, len(mu_p)), _root("cov_q", cov_q, len(mu_q))
    left, _, right = np.linalg.svd(root_q @ root_p)
    return float(np.sum(np.square(mu_p - mu_q)) + np.sum(np.square(root_p - root_q @ (left @ right))))


def fid(real_features: Real[np.ndarray | Array, "n d"], fake_features: Real[np.ndarray | Array, "m d"]) -> float:
    """Fréchet distance of the Gaussian fits of two sets of features.

    Warning:
      It is biased upwards by a term in 1/n that depends on the law: for ``N(0, I)`` in d dimensions against itself its mean is about
      ``(d + d (d + 1) / 4) (1/n + 1/m)``, not 0. Never compare values at different n or m. Nor is it "the FID" of the papers unless the
      features are those of Inception: a value is named after its extractor.

    Args:
      real_features: ``[n, d]``.
      fake_features: ``[m, d]``.

    Returns:
      The distance, in squared units of the features.

    Raises:
      ValueError: NaN, fewer than two samples, numbers of features that differ.

    References:
      Heusel et al. (2017), GANs trained by a two time-scale update rule, equation 6. Chong and Forsyth (2020),
      Effectively unbiased FID and inception score, section 3 (the bias).
    """
    real, fake = named.two_samples(real_features, fake_features)
    return frechet_distance(*fit(real, name="real"), *fit(fake, name="fake"))


def _mean(name: str, value: np.ndarray) -> np.ndarray:
    mean = np.asarray(checks.real(name, value), np.float64)
    if mean.ndim != 1 or mean.size == 0:
        raise ValueError(f"{name} has shape {mean.shape}; expected [d]")
    checks.finite(name, mean)
    return mean


def _root(name: str, value: np.ndarray, d: int) -> np.ndarray:
    """The symmetric square root of a covariance."""
    covariance = np.asarray(checks.real(name, value), np.float64)
    if covariance.shape != (d, d):
        raise ValueError(f"{name} has shape {covariance.shape}; expected ({d}, {d}), as its mean has {d} entries")
    checks.finite(name, covariance)
    size = np.abs(covariance).max()
    # A covariance may have been summed in float32.
    slack = 1e-5 * size
    if np.abs(covariance - covariance.T).max() > slack:
        raise ValueError(f"{name} is not symmetric; expected a covariance")
    values, vectors = np.linalg.eigh(0.5 * (covariance + covariance.T))
    if values[0] < -slack * d:
        raise ValueError(f"{name} has the eigenvalue {values[0]:g}; expected none below 0")
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)
