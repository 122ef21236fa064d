"""Precision, recall, density and coverage at n = 10⁴, d = 64: gan_jax against the reference formula in NumPy.

NumPy has the formula of Naeem et al. 2020 written out: full matrices of distances in float64, radii by ``np.partition``, products by its
BLAS on all cores. gan_jax is given the same arrays on the host, computes products in float64 as well, and walks through blocks of rows.
Both have to give the same four numbers, to the last sample, before anything is timed. Memory is measured in processes of their own.

Command: ``python -m benchmarks neighbours``; about 1 min on two cores.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.memory import peak_megabytes
from benchmarks.sides import alone
from benchmarks.timing import alternate, print_table
from gan_jax.metrics.neighbours import Neighbours, neighbours

SAMPLES, DIMENSION, K, REPEATS = 10_000, 64, 5, 5


def distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared distances ``[n, m]`` in float64."""
    squares = x @ y.T
    squares *= -2.0
    squares += np.sum(x**2, axis=1)[:, None]
    squares += np.sum(y**2, axis=1)[None, :]
    return squares


def radii(x: np.ndarray, k: int) -> np.ndarray:
    """Squared distance ``[n]`` of each sample to its k-th nearest other one."""
    squares = distances(x, x)
    # The nearest one is the sample itself, whose distance to itself rounding may have left above or below 0.
    np.fill_diagonal(squares, -1.0)
    return np.partition(squares, k, axis=1)[:, k]


def reference(real: np.ndarray, fake: np.ndarray, k: int) -> Neighbours:
    """The four numbers from full matrices of distances."""
    x, y = real.astype(np.float64), fake.astype(np.float64)
    real_radii, fake_radii = radii(x, k), radii(y, k)
    between = distances(x, y)
    in_real, in_fake = between <= real_radii[:, None], between <= fake_radii[None, :]
    return Neighbours(
        float(in_real.any(axis=0).mean()),
        float(in_fake.any(axis=1).mean()),
        float(in_real.sum()) / (k * len(y)),
        float(in_real.any(axis=1).mean()),
    )


def data() -> tuple[np.ndarray, np.ndarray]:
    """Two samples ``[n, d]`` of laws that differ a little, so that none of the numbers is at its end."""
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, SAMPLES, DIMENSION))
    return real.astype(np.float32), (0.95 * fake + 0.05).astype(np.float32)


SIDES: dict[str, Callable[[np.ndarray, np.ndarray], Neighbours]] = {
    "gan_jax": lambda real, fake: neighbours(real, fake, k=K),
    "NumPy": lambda real, fake: reference(real, fake, K),
}


def compare() -> None:
    """Checks that both give the same, then times them in turn."""
    real, fake = data()
    ours, theirs = (side(real, fake) for side in SIDES.values())
    for name, found, expected in zip(Neighbours._fields, ours, theirs, strict=True):
        # Fractions of whole samples or balls; where float32 rounds two distances to one, a ball may take in one more.
        if not abs(found - expected) < 1.5 / SAMPLES:
            raise AssertionError(f"{name} is {found} in gan_jax and {expected} in NumPy")
    print(
        "both sides: " + ", ".join(f"{name} {value:.4f}" for name, value in zip(Neighbours._fields, ours, strict=True))
    )
    timings = alternate({name: partial(side, real, fake) for name, side in SIDES.items()}, REPEATS)
    print_table(f"PRDC: n = m = {SAMPLES}, d = {DIMENSION}, k = {K}", timings, "gan_jax")


def memory() -> None:
    """Prints the largest memory of each side in a process of its own."""
    table = Table(title="a process of its own (MB)")
    for column in ("", "before", "at most", "more"):
        table.add_column(column, justify="right")
    for name in SIDES:
        found = alone(["benchmarks.neighbours", name], {})
        table.add_row(
            name, *(f"{value:.0f}" for value in (found["before"], found["peak"], found["peak"] - found["before"]))
        )
    Console().print(table)


def main() -> None:
    """Both comparisons; with a side's name as an argument, that side's memory as JSON."""
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name in SIDES:
        real, fake = data()
        jnp.zeros(()).block_until_ready()
        before = peak_megabytes()
        SIDES[name](real, fake)
        print(json.dumps({"before": before, "peak": peak_megabytes()}))
        return
    compare()
    memory()


if __name__ == "__main__":
    main()
