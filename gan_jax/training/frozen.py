"""A generator that does not move: a fresh critic trained against it, and the gradient that the generator would receive on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Float

from gan_jax import caching, checks, numerics
from gan_jax.moved import renamed_fields
from gan_jax.objectives.losses import Objective, check_objective
from gan_jax.training import critic as critic_training
from gan_jax.training.critic import CriticState, CriticTraining
from gan_jax.typing import Array, Critic, Generator, PRNGKey, PyTree, Sampler, Variables


@renamed_fields(spread="standard_deviation")
class GeneratorGradient(NamedTuple):
    """The gradient ``g = ∂/∂θ mean generator_loss`` over batches of noise, each ``[]``.

    Attributes:
      norm: ``||mean_b g_b||``, of the gradient over all noise: batch noise is averaged out of it.
      batch_norm: ``mean_b ||g_b||``, what one batch gives.
      standard_deviation: ``sqrt(mean_b ||g_b - mean g||²)``, how far the gradient of one batch is from that over all noise.
    """

    norm: Float[Array, ""]
    batch_norm: Float[Array, ""]
    standard_deviation: Float[Array, ""]


def generator_gradient(
    objective: Objective,
    critic: Critic,
    critic_variables: Variables,
    generator: Generator,
    generator_variables: Variables,
    noise: PyTree,
    real: Float[Array, " batch *event"],
) -> GeneratorGradient:
    """The gradient that the parameters of a generator receive through a critic that does not move.

    ``g_b = ∂/∂θ  mean_i  generator_loss(D(G_θ(z_bi)), D(x_i))``. Batch normalisation in the generator uses its running averages.

    Args:
      objective: whose generator loss.
      critic, critic_variables: D.
      generator, generator_variables: G_θ; θ is ``generator_variables["params"]``.
      noise: z, with leading axes ``[batches, batch]``.
      real: x, ``[batch, *event]``, the same for every batch; looked at by relativistic losses alone.

    Returns:
      Its norm, and what one batch differs from it by.

    Source: Arjovsky & Bottou 2017, "Towards principled methods for training generative adversarial networks", figures 2 and 3.
    """
    check_objective(objective)

    def loss(params: PyTree, z: PyTree) -> Array:
        fake_logits = critic.apply(critic_variables, generator.apply({**generator_variables, "params": params}, z))
        return jnp.mean(objective.generator_loss(fake_logits, critic.apply(critic_variables, real)))

    gradients = jax.lax.map(lambda z: ravel_pytree(jax.grad(loss)(generator_variables["params"], z))[0], noise)
    mean = jnp.mean(gradients, axis=0)
    deviation = numerics.norm(gradients - mean[None], axis=None) / math.sqrt(len(gradients))
    return GeneratorGradient(numerics.norm(mean), jnp.mean(numerics.norm(gradients)), deviation)


def watch(
    key: PRNGKey,
    critic: Critic,
    training: CriticTraining,
    real: Sampler,
    fake: Sampler,
    *,
    at: Sequence[int],
    observe: Callable[[CriticState], PyTree],
) -> tuple[CriticState, PyTree]:
    """Trains a fresh critic and looks at it after given numbers of updates, as one program that is compiled once.

    As with ``critic.fit`` the program is found again for the same objects, ``observe`` among them; for another ``at`` of the same length,
    too. Inside of a ``jax.jit`` or a ``jax.vmap`` of one's own it is a part of that program.

    Args:
      key: base key.
      critic: the network.
      training: how it is trained.
      real, fake: samplers of the two laws.
      at: numbers of updates, rising, the first at least 0: evenly spaced on any axis.
      observe: what is read off the state.

    Returns:
      The last state, and the observations with a leading axis ``[len(at)]``.

    Raises:
      ValueError: ``at`` is empty, negative or not rising.
    """
    critic_training.check_training(critic, training, real, fake)
    checks.takes("observe", observe, ("state",), "lambda state: state.step")
    if not isinstance(at, Iterable):
        raise TypeError(f"at is {at!r}; expected several numbers of updates, such as (0, {at})")
    for number in at:
        checks.integer("an entry of at", number, 0)
    gaps = np.diff([0, *at])
    if len(at) == 0 or at[0] < 0 or np.any(gaps[1:] <= 0):
        raise ValueError(f"at is {tuple(at)}; expected at least one number of updates, rising, from 0 on")
    fixed = training._replace(penalty_weight=0.0)
    values = checks.key("key", key), training.penalty_weight, jnp.asarray(gaps)
    if caching.outside_of_traces(values):
        watched: tuple[CriticState, PyTree] = caching.program(_watched, critic, fixed, real, fake, observe)(*values)
        return watched
    return _watched(critic, fixed, real, fake, observe, *values)


def _watched(
    critic: Critic,
    training: CriticTraining,
    real: Sampler,
    fake: Sampler,
    observe: Callable[[CriticState], PyTree],
    key: PRNGKey,
    penalty_weight: float | Array,
    gaps: Array,
) -> tuple[CriticState, PyTree]:
    training = training._replace(penalty_weight=penalty_weight)
    init_key, example_key, train_key = jax.random.split(key, 3)
    start = critic_training.init(init_key, critic, training, real(example_key, 1))

    def update(_: Array, state: CriticState) -> CriticState:
        return critic_training.step(train_key, state, critic, training, real, fake)[0]

    def record(state: CriticState, gap: Array) -> tuple[CriticState, PyTree]:
        state = jax.lax.fori_loop(0, gap, update, state)
        return state, observe(state)

    return jax.lax.scan(record, start, gaps)


def log_spaced(last: int, count: int) -> tuple[int, ...]:
    """Whole numbers from 1 to ``last``, as evenly spaced on a logarithmic axis as whole numbers can be.

    Args:
      last: the last of them.
      count: how many are asked for; fewer where rounding makes some equal.

    Returns:
      The numbers, rising, the first 1 and the last ``last``.

    Raises:
      ValueError: ``last`` below one or ``count`` below two.
    """
    checks.integer("last", last, 1)
    checks.integer("count", count, 2)
    return tuple(int(n) for n in np.unique(np.round(np.geomspace(1, last, count)).astype(int)))
