"""The pair of networks that PacGAN's table of mode collapse was made with, as its authors' code builds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Float

from gan_jax import checks
from gan_jax.caching import remembered
from gan_jax.models.generators import GeneratorMLP, generator_of
from gan_jax.models.mlp import applied, product_of_spectral_norms, widths
from gan_jax.typing import Array, Critic, Generator, Variables

STDDEV = 0.02
"""Of every initial weight of both networks; biases start at zero."""


class MaxoutMLP(nn.Module):
    """``h <- max_p (W_p h + b_p)`` in every hidden layer, then one linear logit; the event is flattened.

    Attributes:
      features: outputs of every hidden layer.
      pieces: linear pieces that each output is the largest of.
      kernel_init: initialiser of every weight matrix.
    """

    features: Sequence[int]
    pieces: int
    kernel_init: nn.initializers.Initializer

    @nn.compact
    def __call__(self, x: Float[Array, " batch *event"]) -> Float[Array, " batch"]:
        """Maps ``x [batch, *event]`` to logits ``[batch]``."""
        h = x.reshape(x.shape[0], -1)
        for width in self.features:
            # The pieces of one output are ``width`` columns apart, so that the maximum runs over whole rows of memory.
            parts = jnp.split(nn.Dense(width * self.pieces, kernel_init=self.kernel_init)(h), self.pieces, axis=1)
            h = parts[0]
            for part in parts[1:]:
                h = jnp.maximum(h, part)
        return nn.Dense(1, kernel_init=self.kernel_init)(h)[:, 0]


@remembered
def maxout_mlp(
    features: Sequence[int] = (200, 200, 200),
    *,
    pieces: int = 5,
    kernel_init: nn.initializers.Initializer | None = None,
) -> Critic:
    """A free network of maxout layers: convex and piecewise linear from layer to layer, without a dead unit.

    Args:
      features: outputs of every hidden layer.
      pieces: linear pieces of each output.
      kernel_init: of every weight matrix; LeCun's normal one where None.

    Returns:
      A critic without constraint. A maximum of ``pieces`` maps has at most the spectral norm of all of them stacked, which is what
      ``lipschitz_bound`` multiplies.

    Raises:
      ValueError: an empty or non-positive ``features``, ``pieces`` below one.

    Source: Goodfellow et al. 2013, "Maxout networks", equation 1.
    """
    checks.integer("pieces", pieces, 1)
    module = MaxoutMLP(widths("features", features), pieces, kernel_init or nn.initializers.lecun_normal())
    return Critic(module.init, applied(module), _unchanged, product_of_spectral_norms)


def pacgan_discriminator() -> Critic:
    """Three maxout layers of 200 outputs with 5 pieces, no normalisation; the input is a pack of samples (``training.packing``).

    Source: Lin et al. 2018, "PacGAN", section 4.1, and the authors' code for the initial weights (``N(0, .02²)``).
    """
    return maxout_mlp((200, 200, 200), pieces=5, kernel_init=nn.initializers.normal(STDDEV))


def pacgan_generator(*, latent: int = 2, event_shape: tuple[int, ...] = (2,)) -> Generator:
    """Four hidden layers of 400 ReLUs with batch normalisation, ``z ~ N(0, I)``.

    The moving statistics that samples are drawn with move by 5 % a step, as in the authors' code; hidden layers have no bias but that of
    the normalisation.

    Args:
      latent: dimension of z.
      event_shape: of one sample.

    Returns:
      The generator.

    Raises:
      ValueError: ``latent`` below one.

    Source: Lin et al. 2018, section 4.1, and the authors' code.
    """
    checks.sizes("event_shape", event_shape)
    normalise: Callable[..., nn.BatchNorm] = lambda train: nn.BatchNorm(  # noqa: E731
        use_running_average=not train, momentum=0.95, epsilon=1e-4
    )
    module = GeneratorMLP(
        (400,) * 4, event_shape, norm=normalise, kernel_init=nn.initializers.normal(STDDEV), hidden_bias=False
    )
    return generator_of(module, latent)


def _unchanged(variables: Variables) -> Variables:
    return variables
