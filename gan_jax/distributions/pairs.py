"""Named pairs of laws, indexed by how far apart they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpyro.distributions as dist

from gan_jax import checks
from gan_jax.distributions.mixtures import Parameter
from gan_jax.distributions.targets import gaussian_ring, parallel_line
from gan_jax.moved import moved as moved_names
from gan_jax.typing import Distribution

__getattr__ = moved_names(__name__, {"Pair": f"{__name__}:DistributionPair"})


class DistributionPair(NamedTuple):
    """Two laws indexed by how far apart they are.

    Attributes:
      make: ``make(separation) -> (p, q)``; ``separation []`` may be a tracer, and ``p = q`` at 0.
      label: what the separation is, with its unit: an axis label.
      description: one line.
    """

    make: Callable[[Parameter], tuple[Distribution, Distribution]]
    label: str
    description: str


def ring_pairs(modes: int = 8, radius: Parameter = 1.0, scale: Parameter = 0.01) -> dict[str, DistributionPair]:
    """The ring against a moved copy of itself: ``shifted_ring`` along x, ``rotated_ring`` about its centre.

    Args:
      modes: number of modes.
      radius: of the ring, in units of the data.
      scale: standard deviation of a mode.

    Returns:
      The two pairs by name.
    """

    def ring(**moved: Any) -> Distribution:
        return gaussian_ring(modes, radius, scale, **moved)

    return {
        "shifted_ring": DistributionPair(
            lambda m: (ring(), ring(center=(m, 0.0))),
            "shift of the ring",
            f"a ring of {modes} Gaussians against itself shifted along x",
        ),
        "rotated_ring": DistributionPair(
            lambda angle: (ring(), ring(rotation=angle)),
            "rotation of the ring [rad]",
            f"a ring of {modes} Gaussians against itself rotated about its centre",
        ),
    }


PAIRS: Mapping[str, DistributionPair] = checks.Named(
    "pair",
    {
        "gaussians": DistributionPair(
            lambda m: (dist.Normal(0.0, 1.0), dist.Normal(jnp.asarray(m, float), 1.0)),
            "distance of the means [σ]",
            "N(0, 1) against N(m, 1)",
        ),
        "uniforms": DistributionPair(
            lambda m: (dist.Uniform(0.0, 1.0), dist.Uniform(jnp.asarray(m, float), 1.0 + jnp.asarray(m, float))),
            "shift [widths]",
            "U[0, 1] against U[m, 1 + m]: disjoint from m = 1 on",
        ),
        "diracs": DistributionPair(
            lambda m: (dist.Delta(jnp.zeros((), float)), dist.Delta(jnp.asarray(m, float))),
            "distance of the points",
            "a point mass at 0 against one at m",
        ),
        "laplaces": DistributionPair(
            lambda m: (dist.Laplace(0.0, 1.0), dist.Laplace(jnp.asarray(m, float), 1.0)),
            "distance of the medians [scales]",
            "Laplace(0, 1) against Laplace(m, 1)",
        ),
        "parallel_lines": DistributionPair(
            lambda m: (parallel_line(0.0), parallel_line(m)),
            "distance of the lines",
            "WGAN's Example 1: the law of (0, Z) against that of (m, Z), Z ~ U[0, 1]",
        ),
        **ring_pairs(),
    },
)
"""Pairs of distributions by name, each indexed by a separation."""


def pair(name: str) -> DistributionPair:
    """The pair called ``name``.

    Raises:
      ValueError: an unknown name; the message gives the nearest one.
    """
    return PAIRS[checks.one_of("name", name, PAIRS)]
