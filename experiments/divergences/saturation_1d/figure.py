"""The figure of ``saturation_1d``."""

from __future__ import annotations

from matplotlib.figure import Figure

from experiments.divergences import saturation_sweep as sweeps
from experiments.divergences.saturation_1d.experiment import TITLES
from experiments.framework import Arrays
from gan_jax.plots.saturation import saturation


def plot(arrays: Arrays) -> Figure:
    """Three rows by three families."""
    return saturation(
        [sweeps.family(arrays, name, title, "separation m (units of x)") for name, title in TITLES.items()]
    )
