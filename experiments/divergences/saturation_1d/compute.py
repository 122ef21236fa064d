"""What ``saturation_1d`` computes."""

from __future__ import annotations

import numpy as np

from experiments.divergences import saturation_sweep as sweeps
from experiments.divergences.saturation_1d.experiment import TITLES, Config
from experiments.framework import Arrays, Progress
from gan_jax import distributions


def run(config: Config, progress: Progress) -> Arrays:
    """Computes exact values, sample estimates and trainings of all three families."""
    separations = np.asarray(config.separations)
    dense = np.linspace(separations.min(), separations.max(), config.dense)
    axes = {name: sweeps.Axis(distributions.pair(name), separations, dense) for name in TITLES}
    return sweeps.compute(axes, config.training, progress, seed=config.seed, shares=(10.0, 5.0, 60.0))
