"""Whether a generator does what its condition asks for, and whether it looks at it at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Float, Int, Integer, Real

from gan_jax import checks, numerics
from gan_jax.divergences import kernels
from gan_jax.metrics.histograms import interval
from gan_jax.moved import moved as moved_names
from gan_jax.moved import renamed_arguments
from gan_jax.typing import UNSPECIFIED, Array, PRNGKey, PyTree, Variables

__getattr__ = moved_names(__name__, {"UNSAID": "gan_jax.typing:UNSPECIFIED"})


class Agreement(NamedTuple):
    """How often what was asked for is what came.

    Attributes:
      share: of the examples whose condition says something, one for each attribute, ``[attributes]``; NaN where none does.
      low, high: ends of a Clopper–Pearson interval, ``[attributes]``.
      n: how many examples that were, ``[attributes]``.
    """

    share: Float[np.ndarray, " attributes"]
    low: Float[np.ndarray, " attributes"]
    high: Float[np.ndarray, " attributes"]
    n: Int[np.ndarray, " attributes"]


@renamed_arguments(said="condition_attributes")
def agreement(
    condition_attributes: Integer[np.ndarray | Array, "n attributes"],
    found: Integer[np.ndarray | Array, "n attributes"],
    *,
    level: float = 0.95,
) -> Agreement:
    """Compares what conditions say with what was read off examples, attribute by attribute.

    Args:
      condition_attributes: ``[n, attributes]`` integers, ``UNSPECIFIED`` where a condition leaves the
        attribute open; a column of labels is ``labels[:, None]``.
      found: ``[n, attributes]`` integers.
      level: of the intervals.

    Returns:
      The shares.

    Raises:
      ValueError: shapes that differ, no examples, what is no whole number.
    """
    asked, came = _whole("condition_attributes", condition_attributes), _whole("found", found)
    if asked.shape != came.shape or asked.ndim != 2 or not len(asked):
        raise ValueError(
            f"condition_attributes has shape {asked.shape} and found has shape {came.shape}; expected one shape [n, attributes]"
        )
    told = asked != UNSPECIFIED
    n, right = told.sum(0), (told & (asked == came)).sum(0)
    ends = [
        interval(int(hits), int(total), level=level) if total else (np.nan, np.nan)
        for hits, total in zip(right, n, strict=True)
    ]
    with np.errstate(invalid="ignore"):
        share = np.where(n > 0, right / np.maximum(n, 1), np.nan)
    return Agreement(share, np.array([low for low, _ in ends], float), np.array([high for _, high in ends], float), n)


def _whole(name: str, labels: np.ndarray | Array) -> np.ndarray:
    """Labels, which are whole numbers: probabilities and NaN would be values like any other, each of them another."""
    array = np.asarray(labels)
    if not (np.issubdtype(array.dtype, np.integer) or array.dtype == np.bool_):
        raise ValueError(f"{name} has the type {array.dtype}; expected whole numbers")
    return array


class Information(NamedTuple):
    """What a condition and what came of it know of each other, in nats.

    Attributes:
      value: the mutual information, with Miller and Madow's correction, at least 0.
      plug_in: without it: too large by about ``bias``.
      bias: ``(cells − rows − columns + 1) / 2n``, of cells, rows and columns that occur.
      entropy: of the conditions: the most that there is to know.
    """

    value: float
    plug_in: float
    bias: float
    entropy: float


def mutual_information(
    conditions: Integer[np.ndarray | Array, " n"], found: Integer[np.ndarray | Array, " n"]
) -> Information:
    """``I(C; A) = Σ p(c, a) log p(c, a) / (p(c) p(a))`` of a condition and an attribute of what was generated.

    Zero where the generator does not look at its condition; the entropy of the conditions where every condition can be read off.

    Args:
      conditions: ``[n]`` integers.
      found: ``[n]`` integers.

    Returns:
      The information.

    Raises:
      ValueError: shapes that differ, no examples, what is no whole number.

    Source: Miller 1955, "Note on the bias of information estimates".
    """
    c, a = _whole("conditions", conditions), _whole("found", found)
    if c.shape != a.shape or c.ndim != 1 or not len(c):
        raise ValueError(f"conditions has shape {c.shape} and found has shape {a.shape}; expected one shape [n]")
    rows, c = np.unique(c, return_inverse=True)
    columns, a = np.unique(a, return_inverse=True)
    joint = np.zeros((len(rows), len(columns)))
    np.add.at(joint, (c, a), 1.0 / len(c))
    outer = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    inside = joint > 0
    plug_in = float(np.sum(joint[inside] * np.log(joint[inside] / outer[inside])))
    bias = (int(inside.sum()) - len(rows) - len(columns) + 1) / (2.0 * len(c))
    p = joint.sum(1)
    return Information(max(plug_in - bias, 0.0), plug_in, bias, float(-np.sum(p * np.log(p))))


class Conditioned(Protocol):
    """What ``swap_effect`` needs of a ``ConditionalGenerator``."""

    @property
    def noise(self) -> Callable[[PRNGKey, int], PyTree]: ...

    @property
    def embed(self) -> Callable[[Variables, PyTree], PyTree]: ...

    @property
    def apply(self) -> Callable[[Variables, PyTree, PyTree], Array]: ...


def swap_effect(
    key: PRNGKey, generator: Conditioned, variables: Variables, condition: PyTree, other: PyTree
) -> Float[Array, ""]:
    """``E |G(z, c) − G(z, c')| / E |G(z, c) − G(z', c)|``: what another condition changes, against what another noise changes.

    Args:
      key: of the noise.
      generator: with its ``variables``.
      condition, other: two batches of conditions, ``[n, …]``; the k-th is swapped for the k-th.

    Returns:
      The ratio, ``[]``: 0 where the condition is ignored, ``inf`` where the noise is.
    """
    n = jax.tree.leaves(condition)[0].shape[0]
    first_key, second_key = jax.random.split(checks.key("key", key))
    z, again = generator.noise(first_key, n), generator.noise(second_key, n)
    here = generator.apply(variables, z, generator.embed(variables, condition))
    swapped = generator.apply(variables, z, generator.embed(variables, other))
    redrawn = generator.apply(variables, again, generator.embed(variables, condition))

    def apart(x: Array, y: Array) -> Array:
        return jnp.mean(numerics.norm((x - y).reshape(n, -1)))

    by_condition, by_noise = apart(here, swapped), apart(here, redrawn)
    return jnp.where(by_noise > 0.0, by_condition / jnp.where(by_noise > 0.0, by_noise, 1.0), jnp.inf)


def diversity_within(x: Real[np.ndarray | Array, "conditions m *event"]) -> Float[np.ndarray, " conditions"]:
    """The mean distance of two examples of one condition: ``2 / m(m−1) Σ_{i<j} |x_i − x_j|``, for every condition.

    Args:
      x: ``[conditions, m, *event]``, m ≥ 2 examples of each condition.

    Returns:
      ``[conditions]``, in units of the data.

    Raises:
      ValueError: fewer than two examples of a condition.
    """
    x = checks.floating("x", x)
    if x.ndim < 3 or x.shape[1] < 2:
        raise ValueError(
            f"x has shape {x.shape}; expected [conditions, m, *event] with at least 2 examples of each condition"
        )
    flat = x.reshape(x.shape[0], x.shape[1], -1)
    return np.asarray(jax.lax.map(_mean_distance, flat))


@jax.jit
def _mean_distance(x: Array) -> Array:
    return kernels.mean_over_pairs(Partial(kernels.distances), x, x, distinct=True)
