"""What ``saturation_2d`` computes."""

from __future__ import annotations

import numpy as np

from experiments.divergences import saturation_sweep as sweeps
from experiments.divergences.saturation_2d.experiment import Config
from experiments.framework import Arrays, Progress
from gan_jax import distributions


def run(config: Config, progress: Progress) -> Arrays:
    """Computes exact values, sample estimates and trainings of all three families."""
    rings = distributions.ring_pairs(config.modes, config.radius, config.scale)
    pairs = {
        "parallel_lines": (distributions.pair("parallel_lines"), config.farthest_line),
        "shifted_ring": (rings["shifted_ring"], config.farthest_shift),
        "rotated_ring": (rings["rotated_ring"], config.farthest_angle),
    }
    axes = {
        name: sweeps.Axis(pair, np.linspace(0.0, farthest, config.points), np.linspace(0.0, farthest, config.dense))
        for name, (pair, farthest) in pairs.items()
    }
    geometry = {"radius": np.asarray(config.radius), "scale": np.asarray(config.scale)}
    return sweeps.compute(axes, config.training, progress, seed=config.seed, shares=(15.0, 15.0, 70.0)) | geometry
