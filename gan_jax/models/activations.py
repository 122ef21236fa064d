"""Gradients with respect to what flows through a network, layer by layer."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Float

from gan_jax.typing import Array


def activation_gradients(loss: Callable[[], Float[Array, ""]]) -> dict[str, Float[Array, "batch width"]]:
    """The gradient of a scalar with respect to what enters every dense layer.

    ``∂ loss / ∂ h_l`` for the layers ``W_l h_l + b_l``; the first h is the input of the network. Every input is moved by an offset of
    zero, and the loss is differentiated with respect to the offsets.

    Args:
      loss: ``loss() -> []``, one forward pass of a network with ``nn.Dense`` layers inside, each called once, e.g. ``lambda:
        jnp.mean(critic.apply(variables, x))``.

    Returns:
      By name of the layer, in the order of the pass: ``[batch, width]``.

    Raises:
      ValueError: no dense layer, or one that is called twice.

    Source: Gulrajani et al. 2017, figure 1b.
    """
    shapes: dict[str, jax.ShapeDtypeStruct] = {}

    def run(offsets: dict[str, Array] | None) -> Array:
        def interceptor(
            call: Callable[..., object],
            arguments: tuple[Array, ...],
            keywords: dict[str, object],
            context: nn.module.InterceptorContext,
        ) -> object:
            if not isinstance(context.module, nn.Dense) or context.method_name != "__call__":
                return call(*arguments, **keywords)
            name = "/".join(context.module.path)
            x, *others = arguments
            if offsets is not None:
                return call(x + offsets[name], *others, **keywords)
            if name in shapes:
                raise ValueError(f"layer {name} is called twice; expected one pass, each dense layer called once")
            shapes[name] = jax.ShapeDtypeStruct(x.shape, x.dtype)
            return call(*arguments, **keywords)

        with nn.intercept_methods(interceptor):
            return loss()

    jax.eval_shape(lambda: run(None))
    if not shapes:
        raise ValueError("loss ran no nn.Dense layer; expected the forward pass of a dense network")
    gradients = jax.grad(run)({name: jnp.zeros(shape.shape, shape.dtype) for name, shape in shapes.items()})
    return {name: gradients[name] for name in shapes}
