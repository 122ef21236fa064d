"""Generators that are networks: noise through a multilayer perceptron."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import cast

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Float

from gan_jax import checks
from gan_jax.caching import remembered
from gan_jax.models.mlp import elementwise, widths
from gan_jax.typing import Array, Generator, PRNGKey, PyTree, Variables


class GeneratorMLP(nn.Module):
    """``z -> W_L a(… a(W_1 z + b_1) …) + b_L``, shaped as an event.

    Attributes:
      features: width of every hidden layer.
      event_shape: of one sample.
      activation: applied after every hidden layer.
      norm: ``norm(train)`` makes the normalisation before every activation; None for none.
      kernel_init: initialiser of every weight matrix.
      hidden_bias: whether hidden layers have a bias beside that of their normalisation.
    """

    features: Sequence[int]
    event_shape: tuple[int, ...]
    activation: Callable[[Array], Array] = nn.relu
    norm: Callable[[bool], nn.Module] | None = None
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    hidden_bias: bool = True

    @nn.compact
    def __call__(self, z: Float[Array, "batch latent"], train: bool = False) -> Float[Array, " batch *event"]:
        """Maps ``z [batch, latent]`` to samples ``[batch, *event]``."""
        h = z
        for width in self.features:
            h = nn.Dense(width, use_bias=self.hidden_bias, kernel_init=self.kernel_init)(h)
            h = self.activation(h if self.norm is None else self.norm(train)(h))
        return nn.Dense(math.prod(self.event_shape), kernel_init=self.kernel_init)(h).reshape(-1, *self.event_shape)


def _batch_norm(train: bool) -> nn.BatchNorm:
    return nn.BatchNorm(use_running_average=not train, momentum=0.9)


@remembered
def mlp_generator(
    features: Sequence[int] = (64, 64),
    *,
    latent: int = 2,
    event_shape: tuple[int, ...] = (2,),
    activation: Callable[[Array], Array] = nn.relu,
    batch_norm: bool = False,
) -> Generator:
    """A network as a generator: ``z ~ N(0, I)``, ``G(z) [*event]``.

    With ``batch_norm`` the batch statistics are those of the batch while training, and their running averages, the collection
    ``"batch_stats"``, are what samples are drawn with.

    Args:
      features: hidden widths.
      latent: dimension of z.
      event_shape: of one sample.
      activation: applied after every hidden layer.
      batch_norm: whether hidden layers are normalised over the batch.

    Returns:
      The generator.

    Raises:
      ValueError: an empty or non-positive ``features``, ``latent`` below one.
    """
    checks.flag("batch_norm", batch_norm)
    norm, shape = _batch_norm if batch_norm else None, checks.sizes("event_shape", event_shape)
    return generator_of(
        GeneratorMLP(widths("features", features), shape, elementwise("activation", activation), norm), latent
    )


def generator_of(module: nn.Module, latent: int) -> Generator:
    """A generator of ``z ~ N(0, I)`` from a module.

    Args:
      module: ``module(z [batch, latent], train) -> [batch, *event]``; what it keeps beside ``"params"`` advances where ``train``.
      latent: dimension of z.

    Returns:
      The generator.

    Raises:
      ValueError: ``latent`` below one.
      TypeError: a module of another kind.
    """
    checks.made("module", module, nn.Module, "Dense(1) of flax")
    checks.integer("latent", latent, 1)

    def init(key: PRNGKey) -> Variables:
        return module.init(checks.key("key", key), jnp.zeros((1, latent)))

    def noise(key: PRNGKey, n: int) -> Array:
        return jax.random.normal(checks.key("key", key), (n, latent))

    def apply(variables: Variables, z: PyTree) -> Array:
        checks.variables(variables)
        return cast(Array, module.apply(variables, z))

    def train(variables: Variables, z: PyTree) -> tuple[Array, Variables]:
        others = [name for name in variables if name != "params"]
        if not others:
            return apply(variables, z), variables
        samples, advanced = module.apply(variables, z, train=True, mutable=others)
        return cast(Array, samples), {**variables, **advanced}

    return Generator(init, noise, apply, train)


def with_output_noise(generator: Generator, scale: float) -> Generator:
    """``G(z) + scale ε``, ``ε ~ N(0, I)``: a generator whose law has a density, the mixture ``E_z N(G(z), scale² I)``.

    Without it a network's law may lie on a curve, where its JS to the data is log 2 whatever it looks like.

    Args:
      generator: G.
      scale: standard deviation of the noise, in units of the data.

    Returns:
      The generator; its latents are pairs ``(z, ε [n, *event])``, and with ε = 0 it is G.

    Raises:
      ValueError: ``scale`` negative.

    Source: Arjovsky, Chintala & Bottou 2017, section 1, on the noise term of likelihood models.
    """
    checks.within("scale", scale, 0.0, math.inf, high_open=True)

    def sample_shape(key: PRNGKey) -> Array:
        init_key, noise_key = jax.random.split(key)
        return generator.apply(generator.init(init_key), generator.noise(noise_key, 1))

    event_shape = jax.eval_shape(sample_shape, jax.random.key(0)).shape[1:]

    def noise(key: PRNGKey, n: int) -> PyTree:
        latent_key, output_key = jax.random.split(key)
        return generator.noise(latent_key, n), jax.random.normal(output_key, (n, *event_shape))

    def apply(variables: Variables, z: PyTree) -> Array:
        latent, output = z
        return generator.apply(variables, latent) + scale * output

    def train(variables: Variables, z: PyTree) -> tuple[Array, Variables]:
        latent, output = z
        samples, advanced = generator.train(variables, latent)
        return samples + scale * output, advanced

    return Generator(generator.init, noise, apply, train)
