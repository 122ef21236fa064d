"""Runs the benchmarks named on the command line, or all: ``python -m benchmarks [NAME …]``."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import jax

from gan_jax import checks

MODULES = ("wasserstein_1d", "neighbours", "training", "wgan_gp", "dcgan", "mode_table", "many_networks")


def main() -> None:
    """Runs them in turn, each in a process of its own: numbers of threads and caches of one are no matter of the next."""
    try:
        names = [checks.one_of("the benchmark", name, MODULES) for name in sys.argv[1:]]
    except ValueError as error:
        sys.exit(str(error))
    if len(names) != 1:
        for name in names or MODULES:
            subprocess.run([sys.executable, "-m", "benchmarks", name], check=True)
        return
    # One device for each core, as the experiments have it; fixed when JAX first computes, hence before the benchmark.
    jax.config.update("jax_num_cpu_devices", os.cpu_count() or 1)
    importlib.import_module(f"benchmarks.{names[0]}").main()


if __name__ == "__main__":
    main()
