"""Which laws an exact rule may be asked about: one sentence for those that are none, or have no density."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from gan_jax import checks
from gan_jax.typing import Distribution

_WITHOUT_DENSITY = (
    dist.HurdleProbs,
    dist.LeftCensoredDistribution,
    dist.RightCensoredDistribution,
    dist.IntervalCensoredDistribution,
    dist.ImproperUniform,
    dist.Unit,
    dist.MaskedDistribution,
    # NumPyro's is of mass P(X < 2.5) = 1 - 5.6e-6.
    dist.TruncatedPolyaGamma,
)


def refuse(name: str, law: Distribution) -> None:
    """Raises ``ValueError`` where ``law`` has no density of mass 1, or concrete ends that are no interval, or a NaN."""
    for part in _parts(law):
        kind = type(part).__name__
        if isinstance(part, _WITHOUT_DENSITY):
            raise ValueError(
                f"{name} is a {kind}, which has no density of mass 1; expected a law with a density, or Delta"
            )
        if not checks.is_concrete(part):
            continue
        if any(bool(np.any(np.isnan(leaf))) for leaf in jax.tree.leaves(part) if _is_float(leaf)):
            raise ValueError(f"{name}, a {kind}, has a parameter that is NaN; expected numbers")
        # Ranges of single parameters NumPyro has looked at itself.
        low, high = part.__dict__.get("low"), part.__dict__.get("high")
        if low is not None and high is not None and not bool(np.all(np.asarray(low) < np.asarray(high))):
            raise ValueError(f"{name}, a {kind}, has low = {low} and high = {high}; expected low below high")


def _parts(law: Distribution) -> Iterator[Distribution]:
    yield law
    inner = getattr(law, "component_distributions", None) or [
        law.__dict__[name] for name in ("base_dist", "_component_distribution") if name in law.__dict__
    ]
    for part in inner:
        if isinstance(part, dist.Distribution):
            yield from _parts(part)


def _is_float(leaf: object) -> bool:
    return isinstance(leaf, float) or (hasattr(leaf, "dtype") and bool(jnp.issubdtype(leaf.dtype, jnp.floating)))
