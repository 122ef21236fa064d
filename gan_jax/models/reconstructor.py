"""A reconstructor: a network from a sample back to the noise that it was made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

from flax import linen as nn
from jaxtyping import Float, Shaped

from gan_jax import checks
from gan_jax.models.generators import GeneratorMLP
from gan_jax.models.mlp import elementwise, widths
from gan_jax.typing import Array, PRNGKey, Variables


class Reconstructor(NamedTuple):
    """``F: x -> z`` as two pure functions: what ``training.veegan`` needs to know of it.

    Attributes:
      init: ``init(key, x) -> variables`` for a batch ``x [batch, *event]``; all of it is ``"params"``.
      apply: ``apply(variables, x) -> z [batch, latent]``; sees examples one by one.
    """

    init: Callable[[PRNGKey, Shaped[Array, " batch *event"]], Variables]
    apply: Callable[[Variables, Float[Array, " batch *event"]], Float[Array, "batch latent"]]


def mlp_reconstructor(
    features: Sequence[int] = (64, 64), *, latent: int = 2, activation: Callable[[Array], Array] = nn.relu
) -> Reconstructor:
    """A generator's network the other way round; the event is flattened.

    Args:
      features: hidden widths.
      latent: dimension of z.
      activation: applied after every hidden layer.

    Returns:
      The reconstructor.

    Raises:
      ValueError: an empty or non-positive ``features``, ``latent`` below one.
    """
    checks.integer("latent", latent, 1)
    module = GeneratorMLP(widths("features", features), (latent,), elementwise("activation", activation))

    def init(key: PRNGKey, x: Array) -> Variables:
        return module.init(key, x.reshape(x.shape[0], -1))

    def apply(variables: Variables, x: Array) -> Array:
        return cast(Array, module.apply(variables, x.reshape(x.shape[0], -1)))

    return Reconstructor(init, apply)
