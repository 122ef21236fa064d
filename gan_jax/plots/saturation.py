"""The figure of the subject: what a divergence says of a separation, and what the generator feels of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.figure import Figure

from gan_jax.plots.panels import Curve, Panel, Reference, panel_grid
from gan_jax.plots.style import BLUE, GREEN, ORANGE, Look

SATURATING = Look(BLUE, linewidth=2.5)
"""The exact gradient of log(1 − D)."""

NON_SATURATING = Look(ORANGE, linewidth=2.5)
"""The exact gradient of −log D."""

WASSERSTEIN = Look(GREEN, linewidth=2.5)
"""The exact gradient of W1."""


def trained(look: Look) -> Look:
    """The trained counterpart of an exact curve: marks of the same colour, without a line, above it."""
    return replace(look, linestyle="", marker="o", order=look.order + 2.0)


@dataclass(frozen=True)
class Family:
    """One column: a family of pairs of distributions, indexed by a separation.

    Attributes:
      title: the family, e.g. ``"N(0, 1) and N(m, 1)"``.
      x_label: the separation, with its unit.
      js: curves of the Jensen–Shannon divergence in nats.
      wasserstein: curves of W1 in units of the data.
      gradient: curves of the norm of the generator's gradient.
    """

    title: str
    x_label: str
    js: Sequence[Curve]
    wasserstein: Sequence[Curve]
    gradient: Sequence[Curve]


def saturation(families: Sequence[Family], *, gradient_floor: float = 1e-7, share_y: bool = True) -> Figure:
    """Draws JS, W1 and the generator's gradient over the separation: three rows, one column for each family.

    Args:
      families: the columns.
      gradient_floor: gradients below it, and exact zeros, are drawn at the lowest tick.
      share_y: whether the columns share the scale of a row; JS and W1 of different families compare only where they do.

    Returns:
      The figure.

    Raises:
      ValueError: no families.
    """
    if not families:
        raise ValueError("families is empty; expected at least one family of pairs")
    log_2 = Reference(math.log(2.0), "log 2")
    rows = [
        [Panel(f.js, f.title, y_label="JS (nats)", references=(log_2,), y_limits=(-0.03, 0.85)) for f in families],
        [Panel(f.wasserstein, y_label="W1 (units of x)") for f in families],
        [Panel(f.gradient, x_label=f.x_label, y_label="‖∇‖ of generator", log_floor=gradient_floor) for f in families],
    ]
    return panel_grid(rows, share_y=share_y)
