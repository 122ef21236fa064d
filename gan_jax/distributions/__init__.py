"""Toy targets as NumPyro distributions, and named pairs of them indexed by a separation.

Everything here samples and has a ``log_prob``, takes tracers as parameters, and is a pytree: ``jit`` and ``vmap`` run
over parameters. One-dimensional laws are NumPyro's own (``Normal``, ``Uniform``, ``Laplace``, ``Delta`` …).
"""

from gan_jax.distributions.density import draw, log_density, log_density_at, log_weights, mixture_weights, support_of
from gan_jax.distributions.mixtures import (
    IsotropicMixture,
    Parameter,
    gaussian_modes,
    geometric_weights,
    random_modes,
    rare_weights,
)
from gan_jax.distributions.pairs import PAIRS, DistributionPair, pair, ring_pairs
from gan_jax.distributions.targets import (
    ParallelLine,
    SwissRoll,
    gaussian_grid,
    gaussian_ring,
    parallel_line,
    swiss_roll,
)
from gan_jax.moved import moved as moved_names

__getattr__ = moved_names(__name__, {"Pair": f"{__name__}:DistributionPair"})

__all__ = [
    "PAIRS",
    "DistributionPair",
    "IsotropicMixture",
    "ParallelLine",
    "Parameter",
    "SwissRoll",
    "draw",
    "gaussian_grid",
    "gaussian_modes",
    "gaussian_ring",
    "geometric_weights",
    "log_density",
    "log_density_at",
    "log_weights",
    "mixture_weights",
    "pair",
    "parallel_line",
    "random_modes",
    "rare_weights",
    "ring_pairs",
    "support_of",
    "swiss_roll",
]
