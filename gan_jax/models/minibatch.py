"""Minibatch discrimination: a layer that tells a discriminator how close every example is to the others of its batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Float

from gan_jax import checks, numerics
from gan_jax.models.mlp import applied, elementwise, widths
from gan_jax.typing import Array, Critic, Variables


class MinibatchDiscrimination(nn.Module):
    """``o_b(x_i) = 1/n Σ_j exp(-||M_ib - M_jb||_1)``, ``M_i = f(x_i) T``, beside the features: ``[f(x_i), o(x_i)]``.

    A batch of copies has ``o_b = 1``, one of n examples that are far apart ``o_b = 1/n``. The paper has the sum in place of the mean. It
    grows with the batch, and where it outweighs the features by two orders, as at n = 256, a generator that starts out narrow may be
    driven into one point. (The authors' code scales T and shifts o by what it finds in a first batch, and leaves j = i out.)

    Attributes:
      kernels: B, how many closenesses.
      dimension: C, of the space that each is measured in.
      kernel_init: initialiser of T ``[A, B · C]``.
    """

    kernels: int
    dimension: int
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

    mixes_examples: ClassVar[bool] = True
    """What ``mlp.from_module`` looks for."""

    @nn.compact
    def __call__(self, features: Float[Array, "batch a"]) -> Float[Array, "batch width"]:
        """Maps ``f [batch, A]`` to ``[batch, A + B]``."""
        tensor = self.param("tensor", self.kernel_init, (features.shape[1], self.kernels * self.dimension))
        # The batch last, in rows of memory; one coordinate after another, so that nothing larger than [kernels, batch, batch] is held.
        m = (features @ tensor).T.reshape(self.kernels, self.dimension, -1)
        distance = jnp.zeros(())
        for c in range(self.dimension):
            distance = distance + _gaps(m[:, c])
        return jnp.concatenate([features, jnp.mean(jnp.exp(-distance), axis=1).T], axis=1)


class MinibatchDiscriminationMLP(nn.Module):
    """Hidden layers, ``MinibatchDiscrimination`` of the last one, and one linear logit; the event is flattened.

    Attributes:
      features: width of every hidden layer.
      kernels, dimension: of the minibatch layer.
      activation: applied after every hidden layer.
    """

    features: Sequence[int]
    kernels: int
    dimension: int
    activation: Callable[[Array], Array]

    @nn.compact
    def __call__(self, x: Float[Array, " batch *event"]) -> Float[Array, " batch"]:
        """Maps ``x [batch, *event]`` to logits ``[batch]``."""
        h = x.reshape(x.shape[0], -1)
        for width in self.features:
            h = self.activation(nn.Dense(width)(h))
        return nn.Dense(1)(MinibatchDiscrimination(self.kernels, self.dimension)(h))[:, 0]


def minibatch_discrimination_mlp(
    features: Sequence[int] = (64, 64),
    *,
    kernels: int = 16,
    dimension: int = 8,
    activation: Callable[[Array], Array] = nn.relu,
) -> Critic:
    """A free network that sees how close an example is to the rest of its batch, and so finds out a generator that repeats itself.

    Real and fake examples pass in batches of their own. Time and memory grow with the square of the batch: ``[kernels, batch, batch]``.

    Args:
      features: hidden widths.
      kernels: how many closenesses; B.
      dimension: of the space that each is measured in; C, 5 in the authors' code.
      activation: applied after every hidden layer.

    Returns:
      A discriminator that mixes examples: a per-example penalty refuses it.

    Raises:
      ValueError: an empty or non-positive ``features``, ``kernels`` or ``dimension`` below one.

    Source: Salimans et al. 2016, "Improved techniques for training GANs", section 3.2.
    """
    checks.integer("kernels", kernels, 1)
    checks.integer("dimension", dimension, 1)
    module = MinibatchDiscriminationMLP(
        widths("features", features), kernels, dimension, elementwise("activation", activation)
    )
    return Critic(module.init, applied(module), _unchanged, _unbounded, mixes_examples=True)


@jax.checkpoint
def _gaps(m: Array) -> Array:
    """``|m_bi - m_bj|`` of ``m [kernels, batch]``, ``[kernels, batch, batch]``."""
    # Made again for the gradient, which would otherwise hold one such array for every coordinate.
    # Copies have no direction to be driven apart in: the gradient there is zero.
    return numerics.absolute(m[:, :, None] - m[:, None, :])


def _unchanged(variables: Variables) -> Variables:
    return variables


def _unbounded(variables: Variables) -> Array:
    return jnp.full((), jnp.inf)
