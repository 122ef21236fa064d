"""The types that rooms meet through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

import jax
import numpyro.distributions as dist
from jaxtyping import Float, Integer, Real, Shaped

from gan_jax.moved import moved as moved_names
from gan_jax.moved import renamed_fields

__getattr__ = moved_names(__name__, {"Pairs": f"{__name__}:ConditionedBatch", "UNSAID": f"{__name__}:UNSPECIFIED"})


Array: TypeAlias = jax.Array
PRNGKey: TypeAlias = jax.Array
PyTree: TypeAlias = Any
Variables: TypeAlias = PyTree
Distribution: TypeAlias = dist.Distribution
Samples: TypeAlias = jax.Array
"""An array of samples, ``[n, *event]``."""

ScalarCritic: TypeAlias = Callable[[Float[Array, " *event"]], Float[Array, ""]]
"""Maps one example ``[*event]`` to one scalar ``[]``."""


Drawn = TypeVar("Drawn")
"""What data draws: a batch of examples, or ``ConditionedBatch`` of one."""


class Sampler(Protocol):
    """Draws a batch from a distribution: ``sampler(key, batch) -> [batch, *event]``."""

    def __call__(self, key: PRNGKey, batch: int, /) -> Real[Array, " batch *event"]: ...


class Critic(NamedTuple):
    """A scalar-valued network as four pure functions: what training needs to know of a critic or a discriminator.

    Attributes:
      init: ``init(key, x) -> variables`` for a batch ``x [batch, *event]``. ``variables`` is a dictionary of collections, of which
        only ``"params"`` is trained.
      apply: ``apply(variables, x) -> [batch]``, one logit an example (``[batch, places]`` of a discriminator of patches); never changes
        ``variables``.
      constrain: ``constrain(variables) -> variables``, called once after every optimiser update: weight clipping, the retraction onto
        orthonormal matrices, the power iteration of spectral norms. The identity for free networks.
      lipschitz_bound: ``lipschitz_bound(variables) -> []``, an upper bound of the Lipschitz constant in the Euclidean norm, from the
        weights alone.
      mixes_examples: whether the logit of one example depends on the rest of its batch (batch normalisation, minibatch statistics). Such
        a discriminator has no gradient of one example alone, so a per-example penalty refuses it.
      bounded: whether ``constrain`` holds the slope, exactly (orthonormal layers) or nearly (power iterations, clipping), whatever is
        trained. By what constant, ``lipschitz_bound`` certifies.
    """

    init: Callable[[PRNGKey, Shaped[Array, " batch *event"]], Variables]
    apply: Callable[[Variables, Float[Array, " batch *event"]], Float[Array, " batch *places"]]
    constrain: Callable[[Variables], Variables]
    lipschitz_bound: Callable[[Variables], Float[Array, ""]]
    mixes_examples: bool = False
    bounded: bool = False


class Generator(NamedTuple):
    """A law with parameters as four pure functions: ``x = G(z)``, ``z ~ noise``. It need not be a network.

    Attributes:
      init: ``init(key) -> variables``: a dictionary of collections, of which only ``"params"`` is trained.
      noise: ``noise(key, n) -> z``, a pytree with a leading axis ``[n]``: what a sample is made of.
      apply: ``apply(variables, z) -> [n, *event]``; never changes ``variables``, and sees examples one by one.
      train: ``train(variables, z) -> ([n, *event], variables)``, as ``apply`` while training: batch statistics are those of the batch, and
        the collections other than ``"params"`` advance. ``trains_as_it_samples(apply)`` for generators without such collections.
    """

    init: Callable[[PRNGKey], Variables]
    noise: Callable[[PRNGKey, int], PyTree]
    apply: Callable[[Variables, PyTree], Float[Array, " n *event"]]
    train: Callable[[Variables, PyTree], tuple[Float[Array, " n *event"], Variables]]


def trains_as_it_samples(
    apply: Callable[[Variables, PyTree], Float[Array, " n *event"]],
) -> Callable[[Variables, PyTree], tuple[Float[Array, " n *event"], Variables]]:
    """Returns ``train`` of a generator that behaves the same in training."""
    return lambda variables, z: (apply(variables, z), variables)


class ConditionalGenerator(NamedTuple):
    """A law for every condition: ``x = G(z, e(c))``, ``z ~ noise``, where ``e`` maps a condition (a label, a sentence) to its embedding.

    The two steps are apart, so that an embedding may be made once, looked at, moved, or mixed with another.

    Attributes:
      init: ``init(key, condition) -> variables`` for a batch of conditions; only ``"params"`` is trained.
      noise: ``noise(key, n) -> z``, a pytree with a leading axis ``[n]``.
      embed: ``embed(variables, condition) -> embedding``, pytrees with a leading axis ``[n]``.
      apply: ``apply(variables, z, embedding) -> [n, *event]``; never changes ``variables``, and sees examples one by one.
      train: ``train(variables, z, embedding) -> ([n, *event], variables)``, as ``Generator.train``.
    """

    init: Callable[[PRNGKey, PyTree], Variables]
    noise: Callable[[PRNGKey, int], PyTree]
    embed: Callable[[Variables, PyTree], PyTree]
    apply: Callable[[Variables, PyTree, PyTree], Float[Array, " n *event"]]
    train: Callable[[Variables, PyTree, PyTree], tuple[Float[Array, " n *event"], Variables]]


@renamed_fields(judge="score")
class ConditionalCritic(NamedTuple):
    """A discriminator of pairs ``(x, c)``: what it sees of each by itself, and what it makes of both.

    ``D(x, c) = score(features(x), embed(c))``. One picture is scored with several conditions, and one condition with several pictures,
    for one pass of each.

    Attributes:
      init: ``init(key, x, condition) -> variables``; only ``"params"`` is trained.
      features: ``features(variables, x) -> φ``, pytrees with a leading axis ``[batch]``.
      embed: ``embed(variables, condition) -> e``, likewise.
      score: ``score(variables, φ, e) -> [batch]``, one logit a pair.
      classify: ``classify(variables, φ) -> [batch, classes]``, logits of an auxiliary classifier; None where there is none.
      constrain: as of ``Critic``.
      mixes_examples: as of ``Critic``, of ``features``.
      bounded: as of ``Critic``, of the logit in the example.
    """

    init: Callable[[PRNGKey, Shaped[Array, " batch *event"], PyTree], Variables]
    features: Callable[[Variables, Float[Array, " batch *event"]], PyTree]
    embed: Callable[[Variables, PyTree], PyTree]
    score: Callable[[Variables, PyTree, PyTree], Float[Array, " batch"]]
    classify: Callable[[Variables, PyTree], Float[Array, "batch classes"]] | None
    constrain: Callable[[Variables], Variables]
    mixes_examples: bool = False
    bounded: bool = False


UNSPECIFIED = -1
"""What ``ConditionedBatch.condition_attributes`` has where a condition leaves something open."""


@renamed_fields(said="condition_attributes", true="attributes")
class ConditionedBatch(NamedTuple):
    """Examples, each with a condition that describes it, and what is known of both.

    Attributes:
      x: examples, ``[batch, *event]``.
      condition: what players see of the conditions: labels ``[batch]``, tokens ``[batch, length]``, any pytree of arrays.
      condition_attributes: what every condition says, attribute by attribute, ``[batch, attributes]`` integers; ``UNSPECIFIED`` where it
        says nothing.
      attributes: what is true of every example, ``[batch, attributes]`` integers.
    """

    x: Shaped[Array, " batch *event"]
    condition: PyTree
    condition_attributes: Integer[Array, "batch attributes"]
    attributes: Integer[Array, "batch attributes"]


class Translator(NamedTuple):
    """A map from examples of one domain to examples of another, as two pure functions.

    Attributes:
      init: ``init(key, x) -> variables`` for a batch ``x [batch, *event]``; only ``"params"`` is trained.
      apply: ``apply(variables, x) -> [batch, *event of the other domain]``; sees examples one by one.
    """

    init: Callable[[PRNGKey, Shaped[Array, " batch *event"]], Variables]
    apply: Callable[[Variables, Float[Array, " batch *event"]], Float[Array, " batch *other"]]


class Domains(NamedTuple):
    """Examples of two domains, which nobody paired.

    Attributes:
      x: of the first, ``[batch, *event]``.
      y: of the second, ``[batch, *event]``.
    """

    x: Float[Array, " batch *event"]
    y: Float[Array, " batch *other"]
