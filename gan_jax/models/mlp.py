"""Multilayer perceptrons as critics, free and with clipped weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import cast

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Float

from gan_jax import checks
from gan_jax.caching import remembered
from gan_jax.typing import Array, Critic, PRNGKey, Variables


class MLP(nn.Module):
    """``x -> W_L a(… a(n(W_1 x + b_1)) …) + b_L``, one scalar an example; the event is flattened.

    Attributes:
      features: width of every hidden layer.
      activation: applied after every hidden layer.
      kernel_init: initialiser of every weight matrix.
      norm: makes the normalisation before every activation; None for none.
    """

    features: Sequence[int]
    activation: Callable[[Array], Array] = nn.relu
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    norm: Callable[[], Callable[[Array], Array]] | None = None

    @nn.compact
    def __call__(self, x: Float[Array, " batch *event"]) -> Float[Array, " batch"]:
        """Maps ``x [batch, *event]`` to logits ``[batch]``."""
        h = x.reshape(x.shape[0], -1)
        for width in self.features:
            h = nn.Dense(width, kernel_init=self.kernel_init)(h)
            h = self.activation(h if self.norm is None else self.norm()(h))
        return nn.Dense(1, kernel_init=self.kernel_init)(h)[:, 0]


def applied(module: nn.Module) -> Callable[[Variables, Array], Array]:
    """Returns ``apply(variables, x) -> [batch]`` of a module, typed as rooms meet it."""

    def apply(variables: Variables, x: Array) -> Array:
        checks.variables(variables)
        # Without mutable collections, which no network here has, linen's apply returns the output alone.
        return cast(Array, module.apply(variables, x))

    return apply


def born(module: nn.Module) -> Callable[[PRNGKey, Array], Variables]:
    """Returns ``init(key, x) -> variables`` of a module; the key may be an integer, the seed of one."""
    return lambda key, x: module.init(checks.key("key", key), x)


def kernels(variables: Variables) -> list[Array]:
    """Returns the weight matrices ``[in, out]`` of a dense network."""
    leaves = jax.tree_util.tree_leaves_with_path(variables["params"])
    return [leaf for path, leaf in leaves if path[-1].key == "kernel"]


def map_kernels(function: Callable[[Array], Array], variables: Variables) -> Variables:
    """Returns ``variables`` with ``function`` applied to every weight matrix ``[in, out]``."""
    params = jax.tree_util.tree_map_with_path(
        lambda path, leaf: function(leaf) if path[-1].key == "kernel" else leaf, variables["params"]
    )
    return {**variables, "params": params}


STEEPEST: Mapping[Callable[[Array], Array], float] = MappingProxyType(
    {
        **{f: 1.0 for f in (nn.relu, nn.relu6, nn.leaky_relu, nn.elu, nn.celu, nn.tanh, nn.hard_tanh, nn.softplus)},
        **{f: 1.0 for f in (nn.soft_sign, nn.log_sigmoid, jnp.sin, jnp.cos, jnp.abs)},
        nn.sigmoid: 0.25,
        # λ α, on the left of zero.
        nn.selu: 1.7580994,
        # Where the second derivative is zero: x = 2.3994 for silu, 1.4185 for the tanh form of gelu.
        nn.silu: 1.0998394,
        nn.gelu: 1.1289931,
    }
)
"""The largest slope of activations, rounded up."""


def steepest(activation: Callable[[Array], Array]) -> float:
    """The largest slope of an activation; infinite where it is neither in ``STEEPEST`` nor ``partial(nn.leaky_relu, negative_slope=…)``."""
    if isinstance(activation, partial) and activation.func is nn.leaky_relu and not activation.args:
        return max(1.0, abs(float(activation.keywords.get("negative_slope", 0.01))))
    return STEEPEST.get(activation, math.inf)


def dense_bound(activation: Callable[[Array], Array]) -> Callable[[Variables], Array]:
    """``prod_l ||W_l||_2 · s^(L - 1)``: the Lipschitz bound of a dense network of L layers whose activation has slopes of at most s."""
    slope = steepest(activation)
    if math.isinf(slope):
        return _unbounded
    return lambda variables: product_of_spectral_norms(variables) * slope ** (len(kernels(variables)) - 1)


def product_of_spectral_norms(variables: Variables) -> Float[Array, ""]:
    """``prod_l ||W_l||_2``: an upper bound of the Lipschitz constant of a dense network with 1-Lipschitz activations.

    Args:
      variables: of a network whose activations have slopes of at most one (ReLU, tanh, GroupSort; not GELU or SiLU).

    Returns:
      The bound, ``[]``.
    """
    return jnp.prod(jnp.stack([jnp.linalg.norm(kernel, ord=2) for kernel in kernels(variables)]))


def widths(name: str, features: Sequence[int]) -> tuple[int, ...]:
    """Returns ``features`` as a tuple.

    Raises:
      ValueError: no hidden layer, or a width that is no integer of at least one.
    """
    found = checks.sizes(name, features, what="hidden widths")
    if not found:
        raise ValueError(f"{name} is (); expected at least one hidden width")
    return found


def elementwise(name: str, function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Returns ``function``.

    Raises:
      TypeError: it is no function of one array, such as the name of one.
    """
    checks.takes(name, function, ("x",), "jax.nn.tanh")
    return function


@remembered
def mlp(features: Sequence[int] = (64, 64), *, activation: Callable[[Array], Array] = nn.relu) -> Critic:
    """A free network: the discriminator of the minimax game, or a critic held by a penalty.

    Args:
      features: hidden widths.
      activation: one of ``STEEPEST`` where ``lipschitz_bound`` is to be finite.

    Returns:
      A critic without constraint.

    Raises:
      ValueError: an empty or non-positive ``features``.
    """
    module = MLP(widths("features", features), elementwise("activation", activation))
    return Critic(born(module), applied(module), lambda variables: variables, dense_bound(activation))


@remembered
def clipped_mlp(
    features: Sequence[int] = (64, 64), *, bound: float = 0.01, activation: Callable[[Array], Array] = nn.relu
) -> Critic:
    """The WGAN's first critic: every parameter kept in ``[-bound, bound]``.

    The Lipschitz constant is bounded, but by an unknown K far from one that depends on depth and width; the value estimates ``K W1`` for
    some ``K`` no larger than ``lipschitz_bound``.

    Args:
      features: hidden widths.
      bound: largest absolute value of a weight or bias; 0.01 in the paper.
      activation: applied after every hidden layer.

    Returns:
      A critic whose ``constrain`` clips.

    Raises:
      ValueError: ``bound`` not positive.

    Source: Arjovsky, Chintala & Bottou 2017, Algorithm 1.
    """
    checks.within("bound", bound, 0.0, math.inf, low_open=True, high_open=True)
    free = mlp(features, activation=activation)

    def clip(variables: Variables) -> Variables:
        return {**variables, "params": jax.tree.map(lambda w: jnp.clip(w, -bound, bound), variables["params"])}

    return free._replace(init=lambda key, x: clip(free.init(key, x)), constrain=clip, bounded=True)


@remembered
def layer_norm_mlp(features: Sequence[int] = (64, 64), *, activation: Callable[[Array], Array] = nn.relu) -> Critic:
    """A free network with layer normalisation, which looks at one example alone: a norm that a per-example penalty allows.

    Args:
      features: hidden widths.
      activation: applied after every normalisation.

    Returns:
      A critic; its Lipschitz constant has no bound (a layer norm is steep where its input hardly varies).

    Source: Ba, Kiros & Hinton 2016; Gulrajani et al. 2017, section 4, recommends it for critics.
    """
    module = MLP(widths("features", features), elementwise("activation", activation), norm=nn.LayerNorm)
    return Critic(born(module), applied(module), lambda variables: variables, _unbounded)


@remembered
def batch_norm_mlp(features: Sequence[int] = (64, 64), *, activation: Callable[[Array], Array] = nn.relu) -> Critic:
    """A free network with batch normalisation: real and fake examples pass in batches of their own, with the statistics of that batch.

    Args:
      features: hidden widths.
      activation: applied after every normalisation.

    Returns:
      A discriminator that mixes examples: a per-example penalty refuses it.

    Source: Ioffe & Szegedy 2015; Salimans et al. 2016, section 3.2, on its side effects in discriminators.
    """

    def batch_statistics() -> Callable[[Array], Array]:
        return nn.BatchNorm(use_running_average=False, use_scale=True, use_bias=True)

    module = MLP(widths("features", features), elementwise("activation", activation), norm=batch_statistics)

    def init(key: PRNGKey, x: Array) -> Variables:
        return {"params": module.init(checks.key("key", key), x)["params"]}

    def apply(variables: Variables, x: Array) -> Array:
        checks.variables(variables)
        # Running averages are made and dropped: a discriminator is never asked outside training batches.
        logits, _ = module.apply(variables, x, mutable=["batch_stats"])
        return cast(Array, logits)

    return Critic(init, apply, lambda variables: variables, _unbounded, mixes_examples=True)


def from_module(module: nn.Module, example: Array) -> Critic:
    """A critic from any flax module that maps ``x [batch, *event]`` to logits ``[batch]``.

    Whether it mixes examples is found by looking among the layers that run for ``BatchNorm``, and for one with an attribute
    ``mixes_examples`` that is true, such as ``minibatch.MinibatchDiscrimination``. Of a module with other statistics over the batch one
    says so: ``from_module(module, example)._replace(mixes_examples=True)``.

    Args:
      module: whose collections other than ``"params"`` do not change.
      example: any batch ``[batch, *event]``, or its ``jax.ShapeDtypeStruct``; only its shape is looked at.

    Returns:
      A critic without constraint and without a known Lipschitz bound.
    """
    mixing: list[nn.Module] = []

    def interceptor(
        run: Callable[..., object],
        arguments: tuple[object, ...],
        keywords: dict[str, object],
        context: nn.module.InterceptorContext,
    ) -> object:
        if isinstance(context.module, nn.BatchNorm) or getattr(context.module, "mixes_examples", False):
            mixing.append(context.module)
        return run(*arguments, **keywords)

    checks.made("module", module, nn.Module, "Dense(1) of flax")
    with nn.intercept_methods(interceptor):
        jax.eval_shape(module.init, jax.random.key(0), example)
    free = Critic(born(module), applied(module), lambda variables: variables, _unbounded)
    return free._replace(mixes_examples=bool(mixing))


def _unbounded(variables: Variables) -> Array:
    return jnp.full((), jnp.inf)
