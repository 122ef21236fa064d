"""Means over independent games, how far they may be off, and what goes up with what."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Integer, Real


def standard_deviation(values: np.ndarray, axis: int = -1) -> np.ndarray:
    """Of a sample: ``sqrt(sum (x - mean)^2 / (n - 1))``; NaN for fewer than two values, which say nothing of it.

    Args:
      values: any shape.
      axis: of the independent values.

    Returns:
      ``values``'s shape without that axis, in its units.
    """
    if np.shape(values)[axis] < 2:
        return np.full(np.delete(np.shape(values), axis), np.nan)
    return np.std(values, axis=axis, ddof=1)


def standard_error(values: np.ndarray, axis: int = -1) -> np.ndarray:
    """Of the mean of n values: their standard deviation over ``sqrt(n)``; NaN for fewer than two.

    A claim whose tolerance is NaN does not hold: of one game nothing is known about others.

    Args:
      values: n of them along ``axis``.
      axis: of the values, such as that of seeds.

    Returns:
      ``values``'s shape without that axis, in its units.
    """
    return standard_deviation(values, axis) / np.sqrt(np.shape(values)[axis])


def mean_and_error(values: Real[np.ndarray, " n"]) -> tuple[float, float]:
    """The mean of ``values [n]`` and its standard error."""
    return float(np.mean(values)), float(standard_error(values))


class Band(NamedTuple):
    """A mean and a band around it."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def band(
    values: np.ndarray,
    axis: int = 0,
    *,
    times: float = 1.0,
    of: Callable[[np.ndarray, int], np.ndarray] = standard_error,
    geometric: bool = False,
) -> Band:
    """The mean over an axis, and so many standard errors (or deviations) below and above it.

    Args:
      values: any shape; above 0 where ``geometric``.
      axis: of the independent values.
      times: how many.
      of: ``standard_error``, or ``standard_deviation``.
      geometric: all of it of the logarithms, as a logarithmic axis wants it.

    Returns:
      Each of ``values``'s shape without that axis; the band of one value is NaN, which is not drawn.
    """
    # As ``checks.flag`` has it, which would load JAX where figures are redrawn.
    if not isinstance(geometric, bool | np.bool_):
        raise TypeError(f"geometric is {geometric!r}; expected True or False")
    of_what = np.log(values) if geometric else np.asarray(values)
    mean, width = np.mean(of_what, axis=axis), times * of(of_what, axis)
    found = Band(mean, mean - width, mean + width)
    return Band(*map(np.exp, found)) if geometric else found


def extent(values: np.ndarray, axis: int = 0) -> Band:
    """The mean over an axis, and the band from the least to the largest.

    Args:
      values: an array.
      axis: of the values, such as that of seeds.

    Returns:
      Each of ``values``'s shape without that axis.
    """
    return Band(np.mean(values, axis=axis), np.min(values, axis=axis), np.max(values, axis=axis))


def clopper_pearson(
    counts: Integer[np.ndarray, " *counts"], n: int, level: float
) -> tuple[Float[np.ndarray, " *counts"], Float[np.ndarray, " *counts"]]:
    """Ends of the exact interval of a proportion: quantiles of Beta(x, n - x + 1) and Beta(x + 1, n - x); see ``histograms.interval``.

    Args:
      counts: successes x, ``[...]``, from 0 to n.
      n: trials.
      level: of confidence, in (0, 1).

    Returns:
      Lower and upper ends, each ``[...]``.

    Raises:
      ValueError: a level outside of (0, 1).

    Source: Clopper & Pearson 1934.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level}; expected a value between 0 and 1")
    # Here alone, so that a figure without such intervals is drawn again without loading it.
    from scipy import special

    x = np.asarray(counts, np.float64)
    tail = 0.5 * (1.0 - level)
    with np.errstate(invalid="ignore"):
        low = np.where(x > 0, special.betaincinv(x, n - x + 1.0, tail), 0.0)
        high = np.where(x < n, special.betaincinv(x + 1.0, n - x, 1.0 - tail), 1.0)
    return low, high


def ranks(values: Real[np.ndarray, "... n"]) -> Float[np.ndarray, "... n"]:
    """Ranks along the last axis, from 0; equal values have their mean rank. Where one of them is NaN, which has no rank, all are NaN."""
    values = np.asarray(values)
    below = (values[..., None, :] < values[..., :, None]).sum(axis=-1)
    equal = (values[..., None, :] == values[..., :, None]).sum(axis=-1)
    unknown = np.isnan(values).any(axis=-1, keepdims=True)
    return np.where(unknown, np.nan, below + (equal - 1) / 2)


def rank_correlation(x: Real[np.ndarray, "... n"], y: Real[np.ndarray, "... n"]) -> Float[np.ndarray, " ..."]:
    """Spearman's rank correlation: Pearson's of the ranks, where equal values have their mean rank.

    Args:
      x, y: ``[..., n]``, paired along the last axis.

    Returns:
      ``[...]`` in [-1, 1]; NaN where one side does not move, or has a NaN.

    Source: Spearman 1904, "The proof and measurement of association between two things".
    """
    u, v = (ranks(side) - (np.shape(side)[-1] - 1) / 2 for side in (x, y))
    size = np.sqrt((u * u).sum(axis=-1) * (v * v).sum(axis=-1))
    return np.divide((u * v).sum(axis=-1), size, out=np.full(size.shape, np.nan), where=size > 0)


def lagged_rank_correlation(
    earlier: Real[np.ndarray, "... records"], later: Real[np.ndarray, "... records"], largest: float
) -> Float[np.ndarray, "... lags"]:
    """Rank correlation of one series with what another is so many records later, for every lag from 0 on.

    The window of the earlier series is the same at all lags, so that lags compare.

    Args:
      earlier, later: ``[..., records]``.
      largest: lag, as a share of the records; at least one record is tried.

    Returns:
      ``[..., lags]``.
    """
    length = earlier.shape[-1]
    window = length - max(1, int(largest * length))
    lags = range(length - window + 1)
    return np.stack([rank_correlation(earlier[..., :window], later[..., lag : lag + window]) for lag in lags], axis=-1)
