"""Divergences between one-dimensional laws, by quadrature."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from gan_jax import numerics
from gan_jax.distributions import log_density_at
from gan_jax.divergences import quadrature
from gan_jax.divergences.integrands import Integrand
from gan_jax.typing import Array, Distribution


def _components(d: Distribution) -> int:
    if isinstance(d, dist.MixtureSameFamily | dist.MixtureGeneral):
        return int(d.mixture_size)
    return 1


def _crossings(p: Distribution, q: Distribution) -> int:
    """How many crossings are looked for: twice as many as two mixtures of as many Gaussians usually have."""
    return 4 * (_components(p) + _components(q))


def f_divergence(integrand: Integrand, p: Distribution, q: Distribution) -> Array:
    """An f-divergence between two laws with densities on the line, ``[]``."""
    mesh = quadrature.mesh_for(p, q)
    log_p, log_q = quadrature.densities(p, mesh), quadrature.densities(q, mesh)
    if integrand.sign_changes:
        fixed_p, fixed_q = jax.lax.stop_gradient((p, q))
        mesh = quadrature.split_at_roots(
            mesh,
            lambda x: numerics.log_ratio(log_density_at(fixed_p, x), log_density_at(fixed_q, x)),
            numerics.log_ratio(log_p, log_q),
            integrand.rows(log_p, log_q)[-1],
            _crossings(p, q),
        )
        log_p, log_q = quadrature.densities(p, mesh), quadrature.densities(q, mesh)
    rows = integrand.rows(log_p, log_q)
    return integrand.combine(jnp.stack([quadrature.total(mesh, row) for row in rows]))
