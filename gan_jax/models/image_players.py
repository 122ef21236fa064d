"""What image networks share: how a module becomes a player, what sizes there are, and how steep a convolution can be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Float

from gan_jax import checks
from gan_jax.typing import Array, Critic, PRNGKey, Variables

SIZES = (8, 16, 32, 64)
DTYPES = ("float32", "bfloat16")


def unbounded(variables: Variables) -> Float[Array, ""]:
    """Infinity: what is known of the Lipschitz constant of a network that has none in its weights, ``[]``."""
    return jnp.full((), jnp.inf)


def compute_dtype(dtype: DTypeLike) -> jnp.dtype:
    """Returns ``dtype`` where networks compute in it.

    Raises:
      ValueError: neither float32 nor bfloat16.
    """
    found = jnp.dtype(dtype)
    checks.one_of("dtype", found.name, DTYPES)
    return found


def check_image(size: int, channels: int, width: int) -> None:
    """Raises ``ValueError`` unless ``size`` is 8, 16, 32 or 64 and there are channels both in images and in layers."""
    if checks.integer("size", size, 1) not in SIZES:
        raise ValueError(f"size is {size}; expected 8, 16, 32 or 64 pixels a side")
    checks.integer("channels", channels, 1)
    checks.integer("width", width, 1)


def scaled(variance: float) -> nn.initializers.Initializer:
    """``N(0, variance / fan-in)``; He's initialiser keeps the second moment through a leaky ReLU at ``2 / (1 + slope²)``."""
    return nn.initializers.variance_scaling(variance, "fan_in", "normal")


def discriminator_of(
    module: nn.Module,
    event_shape: tuple[int, int, int],
    *,
    lipschitz_bound: Callable[[Variables], Array] = unbounded,
    mixes_examples: bool = False,
) -> Critic:
    """A discriminator without constraint from a module.

    Args:
      module: ``module(x [batch, h, w, c]) -> [batch]``. Running averages that it makes are dropped: a discriminator is never asked outside
        training batches.
      event_shape: ``(h, w, c)``.
      lipschitz_bound: from the weights alone.
      mixes_examples: whether a logit depends on the rest of its batch.

    Returns:
      The discriminator; its ``init`` and ``apply`` raise ``ValueError`` for images of another shape.
    """

    def checked(x: Array) -> Array:
        if x.shape[1:] != event_shape:
            raise ValueError(f"x has shape {x.shape}; expected images [batch, {', '.join(map(str, event_shape))}]")
        return x

    def init(key: PRNGKey, x: Array) -> Variables:
        return {"params": module.init(key, checked(x))["params"]}

    def apply(variables: Variables, x: Array) -> Array:
        checks.variables(variables)
        if not mixes_examples:
            return cast(Array, module.apply(variables, checked(x)))
        logits, _ = module.apply(variables, checked(x), mutable=["batch_stats"])
        return cast(Array, logits)

    return Critic(init, apply, lambda variables: variables, lipschitz_bound, mixes_examples)


def matrix_of(kernel: Float[Array, "... cin cout"]) -> Float[Array, "patch cout"]:
    """A kernel ``[…, cin, cout]`` as the matrix ``[… cin, cout]`` that is applied to every patch."""
    return kernel.reshape(-1, kernel.shape[-1])


def layer_bound(kernel: Float[Array, " *kernel"], *, stride: int = 1, groups: int = 1) -> Float[Array, ""]:
    """An upper bound of the operator norm of a dense layer or of a convolution with zero padding.

    ``||conv|| <= ⌈k / s⌉ max_g σ(W_g)``: the layer is W on patches, each pixel is in at most ``⌈k / s⌉²`` of them, so that the patches
    together have at most ``⌈k / s⌉²`` times the squared norm of the image.

    Args:
      kernel: ``[in, out]`` or ``[k, k, cin / groups, cout]``.
      stride: s.
      groups: of channels.

    Returns:
      The bound, ``[]``.

    Source: Tsuzuku, Sato & Sugiyama 2018, "Lipschitz-margin training", on convolutions.
    """
    overlap = math.ceil(kernel.shape[0] / stride) if kernel.ndim == 4 else 1
    matrix = matrix_of(kernel)
    blocks = matrix.reshape(matrix.shape[0], groups, -1).transpose(1, 0, 2)
    return overlap * jnp.max(jnp.linalg.norm(blocks, ord=2, axis=(1, 2)))
