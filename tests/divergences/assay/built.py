"""NumPyro's laws from the specs of the assay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpyro.distributions as dist

from gan_jax.typing import Array, Distribution

Spec = list[Any]


def parameters(spec: Spec) -> list[float]:
    """All parameters, a law's own before those of what it is made of."""
    own = [float(value) for value in spec[1].values()]
    return own + [value for part in spec[2] for value in parameters(part)]


def names(spec: Spec, path: str = "") -> list[str]:
    """Names of all parameters, in the same order."""
    own = [f"{path}{name}" for name in spec[1]]
    places = [f"{path}{k}." if len(spec[2]) > 1 else f"{path}base." for k in range(len(spec[2]))]
    return own + [name for place, part in zip(places, spec[2], strict=True) for name in names(part, place)]


def skeleton(spec: Spec) -> Spec:
    """The spec without its numbers: laws with the same one share their programs."""
    return [spec[0], list(spec[1]), [skeleton(part) for part in spec[2]]]


def build(spec: Spec, values: Array) -> Distribution:
    """The law with the parameters ``values [n]``, in the order of ``parameters``."""
    return _build(spec, iter(values))


def _build(spec: Spec, values: Iterator[Array]) -> Distribution:
    family, own, parts = spec
    given = {name: next(values) for name in own}
    made = [_build(part, values) for part in parts]
    if family == "Mixture":
        return _mixture(given["weight"], *made)
    if family == "Truncated":
        if isinstance(made[0], dist.Gamma):
            return dist.TruncatedGamma(made[0].concentration, made[0].rate, **given)
        return dist.TruncatedDistribution(made[0], **given)
    if family == "Affine":
        return dist.TransformedDistribution(made[0], dist.transforms.AffineTransform(given["loc"], given["scale"]))
    if family in ("Exp", "Sigmoid"):
        return dist.TransformedDistribution(made[0], getattr(dist.transforms, f"{family}Transform")())
    if family == "Folded":
        return dist.FoldedDistribution(made[0])
    return getattr(dist, family)(**given)


def _mixture(weight: Array, first: Distribution, second: Distribution) -> Distribution:
    chosen = dist.Categorical(probs=jnp.stack([weight, 1.0 - weight]))
    if isinstance(first, dist.Uniform):
        # Of supports that move NumPyro has to be told the union.
        return dist.MixtureGeneral(chosen, [first, second], support=dist.constraints.real)
    if type(first) is type(second):
        names = first.arg_constraints
        stacked = {name: jnp.stack([getattr(first, name), getattr(second, name)]) for name in names}
        return dist.MixtureSameFamily(chosen, type(first)(**stacked))
    return dist.MixtureGeneral(chosen, [first, second])
