"""Laws on the line moved along it, in their parameters, so that what is far from 0 is not rounded there."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from gan_jax.typing import Array, Distribution

_WITH_LOCATION = (
    dist.Normal,
    dist.Laplace,
    dist.AsymmetricLaplace,
    dist.Cauchy,
    dist.Logistic,
    dist.SoftLaplace,
    dist.Gumbel,
    dist.Levy,
)

_TRUNCATED = (
    dist.LeftTruncatedDistribution,
    dist.RightTruncatedDistribution,
    dist.TwoSidedTruncatedDistribution,
)


def near_zero(p: Distribution, q: Distribution) -> tuple[Distribution, Distribution]:
    """Both laws moved by one length, to where p is near 0; as they are where one of them has no location.

    What depends on differences of places alone is the same for both pairs, derivatives too.
    """
    places = location(p), location(q)
    if places[0] is None or places[1] is None:
        return p, q
    by = -jax.lax.stop_gradient(places[0])
    return translated(p, by), translated(q, by)


def location(law: Distribution) -> Array | None:
    """A point ``[]`` that moves with the law, or None for a family without a location."""
    if law.event_shape != () or law.batch_shape != ():
        return None
    if isinstance(law, dist.MixtureSameFamily):
        return _first(law.component_distribution)
    if isinstance(law, dist.MixtureGeneral):
        places = [location(part) for part in law.component_distributions]
        return None if any(place is None for place in places) else places[0]
    return _first(law)


def _first(law: Distribution) -> Array | None:
    """The location of a law, of the first where there is a batch of them."""
    if type(law) in _WITH_LOCATION or type(law) is dist.StudentT:
        return jnp.ravel(jnp.asarray(law.loc))[0]
    if type(law) is dist.Uniform:
        return jnp.ravel(jnp.asarray(law.low))[0]
    if type(law) is dist.Delta:
        return jnp.ravel(jnp.asarray(law.v))[0]
    if type(law) is dist.TransformedDistribution and type(law.transforms[-1]) is dist.transforms.AffineTransform:
        return jnp.ravel(jnp.asarray(law.transforms[-1].loc))[0]
    return _first(law.base_dist) if type(law) in _TRUNCATED else None


def translated(law: Distribution, by: Array) -> Distribution:
    """``law`` moved by ``by []``; of one of the families of ``location``."""
    if isinstance(law, dist.MixtureSameFamily):
        return dist.MixtureSameFamily(law.mixing_distribution, translated(law.component_distribution, by))
    if isinstance(law, dist.MixtureGeneral):
        return dist.MixtureGeneral(
            law.mixing_distribution, [translated(part, by) for part in law.component_distributions]
        )
    if isinstance(law, dist.Uniform):
        return dist.Uniform(law.low + by, law.high + by)
    if isinstance(law, dist.Delta):
        return dist.Delta(law.v + by, law.log_density, law.event_dim)
    if isinstance(law, dist.TransformedDistribution):
        last = law.transforms[-1]
        moved = dist.transforms.AffineTransform(last.loc + by, last.scale, domain=last.domain)
        return dist.TransformedDistribution(law.base_dist, [*law.transforms[:-1], moved])
    if isinstance(law, _TRUNCATED):
        ends = {end: getattr(law, end) + by for end in ("low", "high") if end in law.__dict__}
        return type(law)(translated(law.base_dist, by), **ends)
    if isinstance(law, dist.StudentT):
        return dist.StudentT(law.df, law.loc + by, law.scale)
    if isinstance(law, dist.AsymmetricLaplace):
        return dist.AsymmetricLaplace(law.loc + by, law.scale, law.asymmetry)
    return type(law)(law.loc + by, law.scale)
