"""What the numbers of samples in every mode say: coverage, masses with exact intervals, KL and JS to the true weights."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Integer, Real
from scipy import special

from gan_jax import checks
from gan_jax.metrics.statistics import clopper_pearson
from gan_jax.moved import moved as moved_names
from gan_jax.moved import renamed_fields
from gan_jax.typing import Array

__getattr__ = moved_names(__name__, {"reverse_kl_floor": f"{__name__}:reverse_kl_baseline"})


FEWEST_PER_MODE = 5
"""With fewer samples a mode even a perfect sampler misses modes, so that counting them says little: there is a warning."""


@renamed_fields(reverse_kl_floor="reverse_kl_baseline")
class Histogram(NamedTuple):
    """What the numbers of samples in every mode say.

    Attributes:
      n: samples looked at.
      covered: modes with at least one sample.
      reproduced: modes with at least ``share`` of the samples that their weight gives them.
      share: see there.
      masses: share of all samples in every mode, ``[modes]``.
      mass_intervals: of them, exact (Clopper–Pearson), ``[modes, 2]``.
      reverse_kl: ``KL(q ‖ w) = Σ q log(q / w)`` in nats, q the histogram of the samples that are in a mode; NaN without any.
      reverse_kl_error: its standard error; it also carries a bias upwards of about ``(covered - 1) / 2n``.
      reverse_kl_baseline: its mean for a perfect sampler at this n: what it is to be read against.
      jensen_shannon: of q and w, in nats.
    """

    n: int
    covered: int
    reproduced: int
    share: float
    masses: Float[np.ndarray, " modes"]
    mass_intervals: Float[np.ndarray, "modes 2"]
    reverse_kl: float
    reverse_kl_error: float
    reverse_kl_baseline: float
    jensen_shannon: float


def of_labels(
    labels: Integer[np.ndarray | Array, " n"],
    weights: Real[np.ndarray | Array, " modes"],
    *,
    share: float = 0.5,
    level: float = 0.95,
) -> Histogram:
    """What the labels of samples say, where a classifier tells the mode: classes of digits, 1000 classes of stacked digits.

    Args:
      labels: ``[n]``, from 0 to the number of modes less one.
      weights: of the modes in the truth, ``[modes]``.
      share, level: as in ``of_counts``.

    Returns:
      The histogram. ``reverse_kl`` is the KL that papers print for stacked MNIST, where the weights are equal.

    Raises:
      ValueError: no label or one out of range; what ``of_counts`` says of weights, share and level.

    Warns:
      UserWarning: as ``of_counts``.

    Source: Metz et al. 2017, section 3.3.1 (1000 classes, KL at 26 000 samples).
    """
    own, modes = np.asarray(labels), len(np.asarray(weights))
    if own.ndim != 1 or own.size == 0 or not np.issubdtype(own.dtype, np.integer):
        raise ValueError(f"labels has shape {own.shape} and type {own.dtype}; expected whole numbers [n], at least one")
    if own.min() < 0 or own.max() >= modes:
        raise ValueError(f"labels has values from {own.min()} to {own.max()}; expected them in 0 to {modes - 1}")
    return of_counts(np.bincount(own, minlength=modes), np.asarray(weights), n=own.size, share=share, level=level)


def of_counts(
    counts: Integer[np.ndarray, " modes"],
    weights: Real[np.ndarray, " modes"],
    *,
    n: int,
    expected_inside: float = 1.0,
    share: float = 0.5,
    level: float = 0.95,
) -> Histogram:
    """What the numbers of samples in every mode say.

    Args:
      counts: samples in every mode, ``[modes]``.
      weights: of the modes in the truth, ``[modes]``.
      n: samples in all, those in no mode included.
      expected_inside: share of a perfect sampler's samples that is in a mode.
      share: of a mode's expected number of samples, from which on it counts as reproduced.
      level: of the intervals.

    Returns:
      The histogram.

    Raises:
      ValueError: counts that are no whole numbers from 0, as many as weights and of a sum up to ``n``; weights that are not positive or
        do not sum to one, ``n`` below one, ``expected_inside`` outside (0, 1], ``share`` not above zero, a level outside (0, 1).

    Warns:
      UserWarning: fewer than five samples a mode; says how many modes a perfect sampler would miss.
    """
    weights = np.asarray(weights, np.float64)
    n = checks.integer("n", n, 1)
    checks.at_least("share", share, 0.0, strict=True)
    checks.finite("share", share)
    checks.within("expected_inside", expected_inside, 0.0, 1.0, low_open=True)
    _check_weights(weights)
    _warn_of_few(n, weights * expected_inside)
    counts = _checked_counts(counts, n, of=weights)
    low, high = interval(counts, n, level=level)
    divergence, error = _reverse_kl(counts, weights)
    return Histogram(
        n=n,
        covered=int(np.count_nonzero(counts)),
        reproduced=int(np.count_nonzero(counts >= share * n * expected_inside * weights)),
        share=share,
        masses=counts / n,
        mass_intervals=np.stack([low, high], axis=-1),
        reverse_kl=divergence,
        reverse_kl_error=error,
        reverse_kl_baseline=reverse_kl_baseline(max(round(n * expected_inside), 1), weights),
        jensen_shannon=_jensen_shannon(counts, weights),
    )


def reverse_kl_baseline(n: int, weights: Real[np.ndarray | Array, " modes"]) -> float:
    r"""Mean reverse KL of the histogram of n samples of the truth itself: exact, about ``(modes - 1) / 2n``.

    .. math:: \sum_k E\left[\frac{X_k}{n} \log \frac{X_k}{n w_k}\right], \qquad X_k \sim \mathrm{Binomial}(n, w_k)

    Args:
      n: samples in modes, at least one.
      weights: of the modes, ``[modes]``.

    Returns:
      Nats.

    Raises:
      ValueError: ``n`` below one, weights that are not positive or do not sum to one.
    """
    # Half a second to load, and for this sum alone.
    from scipy import stats

    n = checks.integer("n", n, 1)
    weights = np.asarray(weights, np.float64)
    _check_weights(weights)
    total = 0.0
    # Modes of one weight share one sum, whose terms beyond nine standard deviations are below any rounding.
    for weight, modes in zip(*np.unique(weights, return_counts=True), strict=True):
        middle, reach = n * weight, 9.0 * np.sqrt(n * weight * (1.0 - weight)) + 20.0
        x = np.arange(max(0, int(middle - reach)), min(n, int(middle + reach) + 1) + 1)
        total += float(modes) * float(np.sum(stats.binom.pmf(x, n, weight) * special.xlogy(x / n, x / (n * weight))))
    return total


def interval(
    counts: Integer[np.ndarray, " *counts"] | int, n: int, *, level: float = 0.95
) -> tuple[Float[np.ndarray, " *counts"], Float[np.ndarray, " *counts"]]:
    """Clopper–Pearson intervals of proportions: exact, so that they hold the truth at least as often as they say.

    Args:
      counts: successes, ``[...]``, from 0 to n.
      n: trials.
      level: of confidence.

    Returns:
      Lower and upper ends, each ``[...]``.

    Raises:
      ValueError: a level outside (0, 1), counts outside 0 to n.
    """
    checks.between("level", level, 0.0, 1.0)
    n = checks.integer("n", n, 1)
    checks.within("counts", counts, 0, n)
    return clopper_pearson(np.asarray(counts), n, level)


def _checked_counts(counts: np.ndarray, n: int, *, of: np.ndarray) -> np.ndarray:
    """Counts of samples in modes; what is in no mode may be missing from their sum, but nothing may be there twice."""
    whole = np.asarray(counts)
    if whole.shape != of.shape or not np.issubdtype(whole.dtype, np.integer):
        raise ValueError(f"counts has shape {whole.shape} and type {whole.dtype}; expected whole numbers {of.shape}")
    if whole.min() < 0 or whole.sum(dtype=np.int64) > n:
        raise ValueError(
            f"counts are from {whole.min()} and sum to {whole.sum()}; expected them from 0, of a sum up to n = {n}"
        )
    return whole.astype(np.int64)


def _check_weights(weights: np.ndarray) -> None:
    if weights.ndim != 1 or weights.size == 0 or not np.all(np.isfinite(weights)) or not np.all(weights > 0.0):
        raise ValueError(f"weights has shape {weights.shape}; expected a positive number for every mode, [modes]")
    if abs(weights.sum() - 1.0) > 1e-6 * weights.size:
        raise ValueError(f"weights sum to {weights.sum():.6g}; expected 1")


def _warn_of_few(n: int, weights: np.ndarray) -> None:
    """Warns where so few samples say little of coverage; weights are those of being in each mode."""
    if n < FEWEST_PER_MODE * len(weights):
        missed = float(np.sum(np.exp(n * np.log1p(-np.minimum(weights, 1.0 - 1e-12)))))
        warnings.warn(
            f"{n} samples for {len(weights)} modes: a perfect sampler would miss {missed:.1f} of them on average, so that modes "
            f"covered say little; expected at least {FEWEST_PER_MODE * len(weights)} samples",
            stacklevel=4,
        )


def _reverse_kl(counts: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """``KL(q ‖ w)`` and its standard error.

    At q = w, ``2 n KL`` is χ² with K − 1 degrees of freedom: a variance of (K − 1) / 2n². Elsewhere it is V / n with V = Var_q log(q/w),
    whose estimate is (K − 1) / n too large for the noise in the logarithms.
    """
    inside = counts.sum()
    if inside == 0:
        return float("nan"), float("nan")
    q = counts / inside
    logs = np.log(np.where(q > 0, q, 1.0) / np.where(q > 0, weights, 1.0))
    value = float(np.sum(q * logs))
    least = 0.5 * (int(np.count_nonzero(counts)) - 1) / inside**2
    variance = float(np.sum(q * logs**2) - value**2) / inside - least
    return value, float(np.sqrt(max(variance, least)))


def _jensen_shannon(counts: np.ndarray, weights: np.ndarray) -> float:
    if counts.sum() == 0:
        return float("nan")
    q = counts / counts.sum()
    middle = 0.5 * (q + weights)
    return float(0.5 * np.sum(special.rel_entr(q, middle) + special.rel_entr(weights, middle)))


__all__ = ["Histogram", "interval", "of_counts", "of_labels", "reverse_kl_baseline"]
