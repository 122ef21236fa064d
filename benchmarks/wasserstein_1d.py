"""Exact 1-D W1 between n and n points: gan_jax against SciPy and POT, on the same data in one run.

SciPy and POT compute in float64, so float64 is the like-for-like row; float32 is what JAX programs usually hold.
All sort on one core.

Command: ``python -m benchmarks wasserstein_1d``; about 30 s on two cores.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import ot
from scipy import stats

from benchmarks.timing import Timing, alternate, print_table
from gan_jax.divergences import empirical

SIZES = (10_000, 1_000_000)


def compare(n: int, repeats: int) -> dict[str, Timing]:
    """Times all at ``n`` against ``n`` points; raises where their values differ."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(0.0, 1.0, n), rng.normal(1.0, 1.5, n)
    compiled = jax.jit(empirical.wasserstein)
    single = [jax.device_put(z.astype(np.float32)) for z in (x, y)]
    with jax.enable_x64(True):
        double = [jax.device_put(z) for z in (x, y)]

    def in_double() -> jax.Array:
        with jax.enable_x64(True):
            return compiled(*double)

    callables: dict[str, Callable[[], Any]] = {
        "gan_jax, float32": lambda: compiled(*single),
        "gan_jax, float64": in_double,
        "SciPy": lambda: stats.wasserstein_distance(x, y),
        "POT wasserstein_1d": lambda: ot.wasserstein_1d(x, y, p=1),
        "POT emd2_1d": lambda: ot.emd2_1d(x, y, metric="euclidean"),
    }
    values = {name: float(function()) for name, function in callables.items()}
    for name, value in values.items():
        np.testing.assert_allclose(value, values["SciPy"], rtol=1e-5, err_msg=name)
    return alternate(callables, repeats)


def main() -> None:
    """Prints one table for each size."""
    for n, repeats in zip(SIZES, (51, 7), strict=True):
        print_table(f"W1 between {n} and {n} points, 1-D", compare(n, repeats), baseline="gan_jax, float64")


if __name__ == "__main__":
    main()
