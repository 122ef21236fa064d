"""What is known of ``f_gan`` without playing it."""

from __future__ import annotations

from typing import Any

import numpy as np

WEIGHTS, MEANS, VARIANCES = (0.33, 0.67), (-1.0, 2.0), (0.0625, 2.0)
"""The two components of P."""


def normal(x: np.ndarray, mean: Any, scale: Any) -> np.ndarray:
    """The density of N(mean, scale²)."""
    return np.exp(-0.5 * np.square((x - mean) / scale)) / (scale * np.sqrt(2.0 * np.pi))


def density(x: np.ndarray) -> np.ndarray:
    """The density of P."""
    parts = zip(WEIGHTS, MEANS, VARIANCES, strict=True)
    return np.sum([weight * normal(x, mean, np.sqrt(variance)) for weight, mean, variance in parts], axis=0)
