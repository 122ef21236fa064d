"""Densities and samples of any NumPyro law: masked outside the support, at points of any batch shape."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Float, Shaped
from numpyro.distributions import constraints

from gan_jax import numerics
from gan_jax.distributions.standard_tails import between, standardised, student
from gan_jax.numerics import float_of, log_sum_exp
from gan_jax.typing import Array, Distribution, PRNGKey

_TRUNCATED = (
    dist.LeftTruncatedDistribution,
    dist.RightTruncatedDistribution,
    dist.TwoSidedTruncatedDistribution,
)


def draw(d: Distribution, key: PRNGKey, n: int) -> Shaped[Array, " n *event"]:
    """``n`` samples ``[n, *event]``, one key a sample: works where ``d.sample`` trips over rank promotion.

    NumPyro's mixtures do, under ``jax_numpy_rank_promotion=raise``.

    Args:
      d: a distribution with batch shape ``[]``.
      key: a key that nothing else uses.
      n: number of samples.

    Returns:
      Samples ``[n, *event]``.
    """
    return jax.vmap(lambda one: d.sample(one))(jax.random.split(key, n))


def mixture_weights(mixture: Distribution) -> Float[Array, " components"]:
    """Normalised weights ``[components]`` of a ``MixtureSameFamily`` or ``MixtureGeneral``.

    Linear in the probabilities of a ``Categorical(probs=...)``, so that a weight of 0 has its one-sided derivative;
    NumPyro's own logits of such a weight are ``-inf`` with gradient 0.
    """
    mixing = mixture.mixing_distribution
    if isinstance(mixing, dist.CategoricalProbs):
        probs = jnp.asarray(mixing.probs, jnp.result_type(mixing.probs, float))
        return probs / jnp.sum(probs, axis=-1, keepdims=True)
    return jax.nn.softmax(mixing.logits, axis=-1)


def log_weights(mixture: Distribution) -> Float[Array, " components"]:
    """The logarithms of ``mixture_weights``: ``-inf`` with gradient 0 where a weight is 0."""
    if isinstance(mixture.mixing_distribution, dist.CategoricalProbs):
        linear = mixture_weights(mixture)
        return jnp.where(linear > 0, jnp.log(jnp.where(linear > 0, linear, 1.0)), -jnp.inf)
    return jax.nn.log_softmax(mixture.mixing_distribution.logits, axis=-1)


def vanishing_weights(d: Distribution) -> Float[Array, " k"] | None:
    """The weights ``[k]`` of a law's components that are 0, as functions of its parameters; ``None`` without a mixture.

    Of components that have a weight they are constants 0.
    """
    inner = getattr(d, "base_dist", None)
    if inner is not None:
        return vanishing_weights(inner)
    if not isinstance(d, dist.MixtureSameFamily | dist.MixtureGeneral):
        return None
    weights = mixture_weights(d)
    own = jnp.where(weights == 0, weights, 0.0) if isinstance(d.mixing_distribution, dist.CategoricalProbs) else None
    parts = d.component_distributions if isinstance(d, dist.MixtureGeneral) else [d.component_distribution]
    found = [part for part in (own, *(vanishing_weights(part) for part in parts)) if part is not None]
    return jnp.concatenate([jnp.ravel(part) for part in found]) if found else None


def support_of(d: Distribution) -> Any:
    """The support of a law, a constraint: NumPyro's Levy law forgets it when it passes through ``jit``."""
    return constraints.greater_than(d.loc) if isinstance(d, dist.Levy) else d.support


def log_density(d: Distribution, x: Array) -> Float[Array, " *batch"]:
    """``log p(x)``, ``-inf`` outside the support (where NumPyro's ``Uniform.log_prob``, for one, is not).

    Mixtures, products and transformed laws are masked part by part. Outside the support the gradient is 0, never NaN.

    Args:
      d: a distribution with batch shape ``[]`` (or the same as that of ``x``).
      x: points ``[*batch, *event]``.

    Returns:
      Log-densities ``[*batch]``.
    """
    x = jnp.asarray(x, dtype=jnp.result_type(x, float))
    batch = x.shape[: x.ndim - d.event_dim]
    flat = x.reshape((math.prod(batch), *x.shape[len(batch) :]))
    return jax.vmap(lambda point: log_density_at(d, point))(flat).reshape(batch + _batch_shape(d))


def _batch_shape(d: Distribution) -> tuple[int, ...]:
    # Inside vmap over a batched distribution NumPyro's own batch_shape is out of date: ask the density.
    probe = jax.ShapeDtypeStruct(d.event_shape, jnp.result_type(float))
    return jax.eval_shape(lambda point: log_density_at(d, point), probe).shape


def log_density_at(d: Distribution, x: Shaped[Array, " *event"]) -> Float[Array, " *batch"]:
    """``log_density`` at one point ``x [*event]`` for a distribution of any batch shape: ``[*batch]``."""
    if isinstance(d, dist.MixtureSameFamily):
        return _mixed(d, log_density_at(d.component_distribution, x))
    if isinstance(d, dist.MixtureGeneral):
        return _mixed(d, jnp.stack([log_density_at(component, x) for component in d.component_distributions], axis=-1))
    if isinstance(d, dist.Independent):
        count = d.reinterpreted_batch_ndims
        # The base's batch is [*batch, *independent]; each of its entries sees its own coordinates of x.
        value = _mask_and_evaluate(d.base_dist, x)
        return jnp.sum(value, axis=tuple(range(value.ndim - count, value.ndim)))
    if isinstance(d, dist.FoldedDistribution):
        # Not one monotone map: both x and -x come to x.
        held = jnp.maximum(x, 0.0)
        both = log_sum_exp(jnp.stack([log_density_at(d.base_dist, held), log_density_at(d.base_dist, -held)]), axis=0)
        return jnp.where(x >= 0, both, -jnp.inf)
    if isinstance(d, dist.TransformedDistribution):
        return _transformed(d, x)
    if isinstance(d, _TRUNCATED):
        return _truncated(d, x)
    return _mask_and_evaluate(d, x)


def _mixed(mixture: Distribution, logs: Array) -> Array:
    """The log-density of a mixture from those of its components, ``[*batch, components]``."""
    value = log_sum_exp(log_weights(mixture) + logs)
    if not isinstance(mixture.mixing_distribution, dist.CategoricalProbs):
        return value
    # A component of weight 0 is not in the logarithm; in its weight it has the one-sided derivative f / p.
    weights = mixture_weights(mixture)
    gained = jnp.where(weights == 0, weights, 0.0)
    change = jnp.exp(numerics.log_ratio(logs, jnp.broadcast_to(value[..., None], logs.shape)))
    return value + jnp.sum(numerics.one_sided(change, gained), axis=-1)


def _truncated(d: Distribution, x: Array) -> Array:
    """By the probability between both ends, from the tail that keeps its digits.

    NumPyro's normaliser is a difference of distribution functions, which in the upper tail are both 1, by a ``log_ndtr``
    that is right to 4e-9 in the lower one; and Student's has no derivative in the degrees of freedom.
    """
    base, dtype = d.base_dist, float_of(d, x)
    tails = student if isinstance(base, dist.StudentT) else standardised
    ends = {name: jnp.asarray(getattr(d, name), dtype) for name in ("low", "high") if hasattr(d, name)}
    zero, one = jnp.zeros((), dtype), jnp.ones((), dtype)
    start = tails(base, ends["low"]) if "low" in ends else (zero, one)
    end = tails(base, ends["high"]) if "high" in ends else (one, zero)
    held = (x >= ends.get("low", -jnp.inf)) & (x <= ends.get("high", jnp.inf))
    value = _mask_and_evaluate(base, jnp.where(held, x, next(iter(ends.values())))) - jnp.log(between(start, end))
    return jnp.where(held, value, -jnp.inf)


def _mask_and_evaluate(d: Distribution, x: Array) -> Array:
    if isinstance(d, dist.TransformedDistribution):
        return _transformed(d, x)
    rank = len(d.batch_shape) + len(d.event_shape)
    if not d.event_shape and not isinstance(d, dist.ExpandedDistribution):
        # Inside vmap over a batched law its parameters have lost their batch, which NumPyro's batch_shape does not
        # know.
        rank = min(rank, max((jnp.ndim(leaf) for leaf in jax.tree.leaves(d)), default=0))
    value = x.reshape((1,) * (rank - x.ndim) + x.shape) if x.ndim < rank else x
    support = support_of(d)
    if _everywhere(support):
        return d.log_prob(value)
    inside = support(value)
    inside_event = inside.reshape(inside.shape + (1,) * len(d.event_shape))
    safe = jnp.where(inside_event, value, support.feasible_like(value))
    return jnp.where(inside, d.log_prob(safe), -jnp.inf)


def _everywhere(support: Any) -> bool:
    while isinstance(support, constraints._IndependentConstraint):
        support = support.base_constraint
    return support is constraints.real


def _transformed(d: Distribution, x: Array) -> Array:
    """Change of variables, masked by each transform's codomain and by the base's support (which NumPyro's own is not)."""
    total: Array = jnp.zeros((), x.dtype)
    inside: Array = jnp.ones((), bool)
    for transform in reversed(d.transforms):
        if not _everywhere(transform.codomain):
            held = transform.codomain(x)
            x = jnp.where(held, x, transform.codomain.feasible_like(x))
            inside = inside & jnp.all(held)
        before = transform.inv(x)
        slope = transform.log_abs_det_jacobian(before, x)
        total = total + jnp.sum(slope) if d.event_dim else total + slope
        x = before
    return jnp.where(inside, log_density_at(d.base_dist, x) - total, -jnp.inf)
