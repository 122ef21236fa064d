"""What the kernel witness of ``players`` is worth against the affine map, in closed form: no samples, no noise.

The mean of a Gaussian kernel over a Gaussian is a Gaussian: ``E k(c, x) = g / √(g² + s²) exp(-(c - m)² / 2 (g² + s²))``, ``x ~ N(m, s²)``.
"""

from __future__ import annotations

import numpy as np

from experiments.framework import Arrays
from experiments.game.players.experiment import CRITICS, DEVIATIONS, GENERATORS, MEANS, WEIGHTS


def _mean_kernel(bandwidth: float, difference: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """``E exp(-X² / 2g²)`` for ``X ~ N(difference, variance)``."""
    wide = bandwidth**2 + variance
    return bandwidth / np.sqrt(wide) * np.exp(-np.square(difference) / (2.0 * wide))


def witness_values(arrays: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The trained witness's value between the target and the affine map's Gaussian, and what it could be.

    Args:
      arrays: of ``players``.

    Returns:
      The value ``E f(x) - E f(G(z))`` of every seed's witness, scaled into the unit ball as the game scales it; the largest such value over
      the span of the landmarks; and over the whole ball, which is the MMD. Each ``[seeds]``.
    """
    g, centres = float(arrays["bandwidth"]), arrays["landmarks"].astype(float)
    pair = GENERATORS.index("affine"), CRITICS.index("witness")
    alphas, affine = arrays["game/alpha"][pair].astype(float), arrays["game/affine"][pair].astype(float)
    gram = _mean_kernel(g, centres[:, None] - centres, np.zeros(()))
    of_target = _mean_kernel(g, centres[:, None] - MEANS, np.square(DEVIATIONS)) @ WEIGHTS
    variances = np.square(DEVIATIONS)[:, None] + np.square(DEVIATIONS)
    within = WEIGHTS @ _mean_kernel(g, MEANS[:, None] - MEANS, variances) @ WEIGHTS
    values, spans, distances = [], [], []
    for alpha, (mean, deviation) in zip(alphas, affine, strict=True):
        variance = np.square(deviation)
        difference = of_target - _mean_kernel(g, centres - mean, variance)
        # The game's own norm is that of float32, right to 1e-6.
        values.append(alpha @ difference / max(1.0, np.sqrt(alpha @ gram @ alpha)))
        spans.append(np.sqrt(difference @ np.linalg.solve(gram, difference)))
        own = _mean_kernel(g, np.zeros(()), 2.0 * variance)
        across = WEIGHTS @ _mean_kernel(g, MEANS - mean, np.square(DEVIATIONS) + variance)
        distances.append(np.sqrt(within + own - 2.0 * across))
    return np.asarray(values), np.asarray(spans), np.asarray(distances)
