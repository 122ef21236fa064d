"""Divergences between one-dimensional laws, by quadrature."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpyro.distributions as dist

from gan_jax.divergences import panels
from gan_jax.divergences.accuracy import ExactValue
from gan_jax.divergences.integrands import Integrand
from gan_jax.typing import Distribution


def _components(d: Distribution) -> int:
    if isinstance(d, dist.MixtureSameFamily | dist.MixtureGeneral):
        return int(d.mixture_size)
    return 1


def _crossings(p: Distribution, q: Distribution) -> int:
    """How many crossings are looked for: twice as many as two mixtures of as many Gaussians usually have."""
    return 4 * (_components(p) + _components(q))


def f_divergence(integrand: Integrand, p: Distribution, q: Distribution) -> ExactValue:
    """An f-divergence between two laws with densities on the line, with its error."""
    crossings = _crossings(p, q) if integrand.sign_changes else 0
    functions = panels.Functions(
        integrand.number,
        integrand.rows,
        integrand.changes,
        crossings,
        unbounded=not math.isfinite(integrand.bound),
        marked=integrand.marked,
    )
    found = panels.integrals(functions, p, q)
    value, error = integrand.measured(found.values, found.errors, found.missing)
    # An error that is no number vouches for nothing.
    return ExactValue(value, jnp.where(jnp.isnan(error), jnp.inf, error))
