"""Penalties on the gradient of a scalar critic: ``penalty(critic, real, fake, key) -> [batch]``, per example and un-weighted.

A loss adds ``penalty_weight · mean(penalty)``. No penalty here carries a ½; papers that write ``γ/2 ||∇D||²`` (R1, R2) mean a weight of
``γ / 2``, which ``weight_of_gamma`` converts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Float

from gan_jax import checks, numerics
from gan_jax.caching import remembered
from gan_jax.moved import renamed_arguments
from gan_jax.typing import Array, PRNGKey, PyTree, ScalarCritic

Penalty: TypeAlias = Callable[
    [ScalarCritic, Float[Array, " batch *event"], Float[Array, " batch *event"], PRNGKey], Float[Array, " batch"]
]

Perturbation: TypeAlias = Callable[
    [PRNGKey, Float[Array, " batch *event"], Float[Array, ""]], Float[Array, " batch *event"]
]
"""``(key, x [batch, *event], scale []) -> [batch, *event]``: what a discriminator sees in place of ``x``."""


@dataclass(frozen=True)
class ExampleWise:
    """A critic that sees the examples of a batch one by one, as a function of one example.

    It is a ``ScalarCritic`` that remembers its batched form, so that the gradients of a whole batch take one pass: the gradient of the
    sum of the logits. The other way, a gradient of each example under ``vmap``, gives the same numbers from slower matrix layouts.

    Attributes:
      apply: ``[batch, *event] -> [batch]``, in which no logit depends on another example.
    """

    apply: Callable[[Float[Array, " batch *event"]], Float[Array, " batch"]]

    def __call__(self, example: Float[Array, " *event"]) -> Float[Array, ""]:
        return self.apply(example[None])[0]


def input_gradients(critic: ScalarCritic, x: Float[Array, " batch *event"]) -> Float[Array, "batch size"]:
    """``∇f(x)`` with respect to every example, flattened.

    Args:
      critic: one example ``[*event]`` to one scalar.
      x: ``[batch, *event]``.

    Returns:
      ``[batch, size of an event]``.
    """
    if isinstance(critic, ExampleWise):
        gradients = jax.grad(lambda batch: jnp.sum(critic.apply(batch)))(x)
    else:
        gradients = jax.vmap(jax.grad(critic))(x)
    return gradients.reshape(x.shape[0], -1)


def gradient_norms(critic: ScalarCritic, x: Float[Array, " batch *event"]) -> Float[Array, " batch"]:
    """``||∇f(x)||_2`` over the whole event, with a zero gradient (not NaN) where it vanishes.

    Args:
      critic: one example ``[*event]`` to one scalar.
      x: ``[batch, *event]``.

    Returns:
      ``[batch]``.
    """
    return numerics.norm(input_gradients(critic, x), axis=1)


def squared_gradient_norms(critic: ScalarCritic, x: Float[Array, " batch *event"]) -> Float[Array, " batch"]:
    """``||∇f(x)||_2²`` over the whole event, smooth where the gradient vanishes.

    Args:
      critic: one example ``[*event]`` to one scalar.
      x: ``[batch, *event]``.

    Returns:
      ``[batch]``.
    """
    return jnp.sum(jnp.square(input_gradients(critic, x)), axis=1)


def interpolates(
    real: Float[Array, " batch *event"], fake: Float[Array, " batch *event"], key: PRNGKey
) -> Float[Array, " batch *event"]:
    """``u x + (1 - u) y`` with one ``u ~ U[0, 1]`` an example.

    Args:
      real, fake: ``[batch, *event]``.
      key: of ``u``.

    Returns:
      ``[batch, *event]``.

    Raises:
      ValueError: shapes that differ.
    """
    if real.shape != fake.shape:
        raise ValueError(
            f"real has shape {real.shape} and fake has shape {fake.shape}; expected one shape [batch, *event]"
        )
    u = jax.random.uniform(key, (real.shape[0],) + (1,) * (real.ndim - 1), real.dtype)
    return u * real + (1 - u) * fake


Points: TypeAlias = Callable[
    [Float[Array, " batch *event"], Float[Array, " batch *event"], PRNGKey], Float[Array, " batch *event"]
]
"""``(real [batch, *event], fake, key) -> [batch, *event]``: where a penalty looks at the critic's gradient."""


@dataclass(frozen=True)
class GradientNormPenalty:
    """A penalty on the length of a critic's gradient: ``cost(||∇f(x)||)`` at the ``points`` of its choice.

    It is a ``Penalty`` that says what it is: the tests hold every such one in ``PENALTIES`` to its own points and cost.

    Attributes:
      points: where the gradient is looked at.
      cost: of the gradient's norm (its square where ``squared``), elementwise.
      squared: whether ``cost`` takes ``||∇f||²``, which is smooth where the gradient vanishes.
    """

    points: Points
    cost: Callable[[Array], Array]
    squared: bool = False

    def __call__(
        self,
        critic: ScalarCritic,
        real: Float[Array, " batch *event"],
        fake: Float[Array, " batch *event"],
        key: PRNGKey,
    ) -> Float[Array, " batch"]:
        norms = squared_gradient_norms if self.squared else gradient_norms
        return self.cost(norms(critic, self.points(real, fake, key)))


def at_real(
    real: Float[Array, " batch *event"], fake: Float[Array, " batch *event"], key: PRNGKey
) -> Float[Array, " batch *event"]:
    """The real examples."""
    return real


def at_fake(
    real: Float[Array, " batch *event"], fake: Float[Array, " batch *event"], key: PRNGKey
) -> Float[Array, " batch *event"]:
    """The generated examples."""
    return fake


def _itself(value: Array) -> Array:
    return value


@remembered
def gradient_penalty(*, target: float = 1.0) -> Penalty:
    """GP, two-sided: ``(||∇f(x̂)|| - target)²`` at points between real and fake.

    Args:
      target: the norm that is asked for.

    Returns:
      The penalty.

    Raises:
      ValueError: ``target`` negative.

    Source: Gulrajani et al. 2017, equation 3 (there weighted by λ = 10; 0.1 in the authors' toy code).
    """
    checks.within("target", target, 0.0, math.inf, high_open=True)

    return GradientNormPenalty(interpolates, lambda norm: jnp.square(norm - target))


@remembered
def lipschitz_penalty(*, bound: float = 1.0) -> Penalty:
    """LP, one-sided: ``max(0, ||∇f(x̂)|| - bound)²``: slopes below the bound, which an optimal critic may have, cost nothing.

    Args:
      bound: the largest norm that costs nothing.

    Returns:
      The penalty.

    Raises:
      ValueError: ``bound`` not positive.

    Source: Petzka, Fischer & Lukovnikov 2018, equation 8.
    """
    checks.within("bound", bound, 0.0, math.inf, low_open=True, high_open=True)

    return GradientNormPenalty(interpolates, lambda norm: jnp.square(jnp.maximum(norm - bound, 0.0)))


@remembered
def r1() -> Penalty:
    """R1: ``||∇D(x)||²`` at real examples.

    Warning:
      The paper's term is ``γ/2 E ||∇D||²``: use ``penalty_weight=weight_of_gamma(γ)``. StyleGAN2 and R3GAN keep the ½; some code bases
      drop it and call the weight γ all the same.

    Returns:
      The penalty.

    Source: Mescheder, Geiger & Nowozin 2018, equation 9.
    """
    return GradientNormPenalty(at_real, _itself, squared=True)


@remembered
def r2() -> Penalty:
    """R2: ``||∇D(G(z))||²`` at generated examples; the conventions are those of ``r1``.

    Returns:
      The penalty.

    Source: Mescheder, Geiger & Nowozin 2018, equation 10.
    """
    return GradientNormPenalty(at_fake, _itself, squared=True)


@remembered
def zero_centred() -> Penalty:
    """GP0: ``||∇D(x̂)||²`` at points between real and fake.

    Returns:
      The penalty.

    Source: Thanh-Tung, Tran & Venkatesh 2019, equation 7 (weighted by λ, no ½).
    """
    return GradientNormPenalty(interpolates, _itself, squared=True)


@renamed_arguments(spread="scale")
@remembered
def dragan(*, scale: float = 0.5, target: float = 1.0) -> Penalty:
    """DRAGAN: ``(||∇D(x + δ)|| - target)²`` around real examples, ``δ = scale · std(x) · u``, ``u ~ U[0, 1]`` for every coordinate.

    ``std(x)`` is that of all coordinates of the batch of real examples together, as in the authors' code. (The paper writes ``δ ~ N(0, c
    I)``.)

    Args:
      scale: of the perturbation, in standard deviations of the data; 0.5 in the authors' code.
      target: the norm that is asked for.

    Returns:
      The penalty.

    Raises:
      ValueError: ``scale`` or ``target`` negative.

    Source: Kodali et al. 2017, section 2.4 and the authors' code (λ = 10).
    """
    for name, value in (("scale", scale), ("target", target)):
        checks.within(name, value, 0.0, math.inf, high_open=True)

    def near(real: Array, fake: Array, key: PRNGKey) -> Array:
        deviation = numerics.norm(real - jnp.mean(real), axis=None) / jnp.sqrt(real.size)
        return real + scale * deviation * jax.random.uniform(key, real.shape, real.dtype)

    return GradientNormPenalty(near, lambda norm: jnp.square(norm - target))


@remembered
def both(first: Penalty, second: Penalty) -> Penalty:
    """The sum of two penalties with one weight, such as R1 + R2 (R3GAN).

    Args:
      first, second: the penalties; each has a key of its own.

    Returns:
      The penalty.
    """
    check_penalty(first)
    check_penalty(second)

    def penalty(critic: ScalarCritic, real: Array, fake: Array, key: PRNGKey) -> Array:
        first_key, second_key = jax.random.split(key)
        return first(critic, real, fake, first_key) + second(critic, real, fake, second_key)

    return penalty


def weight_of_gamma(gamma: float | Array) -> float | Array:
    """The ``penalty_weight`` of a paper's ``γ/2 E ||∇D||²``: ``γ / 2``, since penalties here carry no ½."""
    checks.within("gamma", gamma, 0.0, math.inf, high_open=True)
    return 0.5 * gamma


def weight_clipping(bound: float = 0.01) -> optax.GradientTransformation:
    """WGAN's clipping as the last link of a chain: what leaves it keeps every parameter in ``[-bound, bound]``.

    ``update <- clip(parameter + update, -bound, bound) - parameter``.

    Args:
      bound: largest absolute value of a parameter; 0.01 in the paper.

    Returns:
      The transformation; its ``update`` needs the parameters.

    Raises:
      ValueError: ``bound`` not positive; (at an update) no parameters.

    Source: Arjovsky, Chintala & Bottou 2017, Algorithm 1.
    """
    checks.within("bound", bound, 0.0, math.inf, low_open=True, high_open=True)

    def update(updates: PyTree, params: PyTree | None) -> PyTree:
        if params is None:
            raise ValueError("params is None; expected the parameters, which weight_clipping needs to clip")
        return jax.tree.map(lambda u, w: jnp.clip(w + u, -bound, bound) - w, updates, params)

    return optax.stateless(update)


def instance_noise(
    key: PRNGKey, x: Float[Array, " batch *event"], scale: Float[Array, ""]
) -> Float[Array, " batch *event"]:
    """What the discriminator sees: ``x + scale · ε``, ``ε ~ N(0, I)``, for real and fake examples alike.

    A game takes it as ``perturb``, and the scale as the hyperparameter ``noise``, with ``noise_steps`` for the linear decay to zero.

    Args:
      key: of ε.
      x: ``[batch, *event]``.
      scale: standard deviation in units of the data, ``[]``.

    Returns:
      ``[batch, *event]``.

    Source: Sønderby et al. 2017, section 3.2; Arjovsky & Bottou 2017, section 3.
    """
    return x + scale * jax.random.normal(key, x.shape, x.dtype)


def check_penalty(penalty: object) -> None:
    """Raises ``TypeError`` unless it is a function of a critic, real and fake examples and a key."""
    checks.takes("penalty", penalty, ("critic", "real", "fake", "key"), "penalties.gradient_penalty()")


PENALTIES: Mapping[str, Callable[[], Penalty]] = checks.Named(
    "penalty",
    {
        "gp": gradient_penalty,
        "lp": lipschitz_penalty,
        "r1": r1,
        "r2": r2,
        "r1_and_r2": lambda: both(r1(), r2()),
        "zero_centred": zero_centred,
        "dragan": dragan,
    },
)
"""Constructors of all penalties by name, each with its paper's defaults."""
