"""The types that rooms meet through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

import jax
import numpyro.distributions as dist

Array: TypeAlias = jax.Array
PRNGKey: TypeAlias = jax.Array
PyTree: TypeAlias = Any
Variables: TypeAlias = PyTree
Distribution: TypeAlias = dist.Distribution
Samples: TypeAlias = jax.Array
"""An array of samples, ``[n, *event]``."""

ScalarCritic: TypeAlias = Callable[[Array], Array]
"""Maps one example ``[*event]`` to one scalar ``[]``."""


class Sampler(Protocol):
    """Draws a batch from a distribution: ``sampler(key, batch) -> [batch, *event]``."""

    def __call__(self, key: PRNGKey, batch: int, /) -> Array: ...


class Critic(NamedTuple):
    """A scalar-valued network as four pure functions: what training needs to know of a critic or a discriminator.

    Attributes:
      init: ``init(key, x) -> variables`` for a batch ``x [batch, *event]``. ``variables`` is a dictionary of collections, of which
        only ``"params"`` is trained.
      apply: ``apply(variables, x) -> [batch]``, one logit an example; never changes ``variables``.
      constrain: ``constrain(variables) -> variables``, called once after every optimiser update: weight clipping, the retraction onto
        orthonormal matrices, the power iteration of spectral norms. The identity for free networks.
      lipschitz_bound: ``lipschitz_bound(variables) -> []``, an upper bound of the Lipschitz constant in the Euclidean norm, from the
        weights alone.
    """

    init: Callable[[PRNGKey, Array], Variables]
    apply: Callable[[Variables, Array], Array]
    constrain: Callable[[Variables], Variables]
    lipschitz_bound: Callable[[Variables], Array]
