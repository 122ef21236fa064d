"""The figure of ``saturation_2d``."""

from __future__ import annotations

from matplotlib.figure import Figure

from experiments.divergences import saturation_sweep as sweeps
from experiments.divergences.saturation_2d.analysis import TITLES
from experiments.framework import Arrays
from gan_jax.plots.saturation import saturation


def plot(arrays: Arrays) -> Figure:
    """Three rows by three families, each with its own scale of W1."""
    return saturation([sweeps.family(arrays, name, *labels) for name, labels in TITLES.items()], share_y=False)
