"""Training a critic alone, against two samplers that do not move: the inner problem of every adversarial estimate."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.custom_batching import custom_vmap
from jaxtyping import Float, Int, Shaped

from gan_jax import caching, checks
from gan_jax.objectives.losses import Objective, check_objective
from gan_jax.objectives.penalties import ExampleWise, Penalty, check_penalty
from gan_jax.typing import Array, ConditionalCritic, Critic, PRNGKey, PyTree, Sampler, Variables


class CriticState(NamedTuple):
    """All that training goes on from: one pytree.

    Attributes:
      variables: of the critic; ``"params"`` is trained.
      optimizer: the optimiser's state.
      step: how many updates were made, ``[]``.
    """

    variables: Variables
    optimizer: optax.OptState
    step: Int[Array, ""]


class History(NamedTuple):
    """What training looked like, in means over the steps between two records.

    Attributes:
      step: updates made at each record, ``[records]``.
      divergence: the objective's divergence on training batches, without the penalty, ``[records]``.
      penalty: the mean penalty, un-weighted, ``[records]``; zero without one.
    """

    step: Int[Array, " records"]
    divergence: Float[Array, " records"]
    penalty: Float[Array, " records"]


class CriticTraining(NamedTuple):
    """How a critic is trained; every field but ``penalty_weight`` is fixed at compile time.

    Attributes:
      objective: whose discriminator loss is minimised.
      optimizer: of the parameters.
      penalty: added to the loss, weighted; None for none.
      penalty_weight: λ; may be traced.
      batch_size: samples of each law at a step.
    """

    objective: Objective
    optimizer: optax.GradientTransformation
    penalty: Penalty | None
    penalty_weight: float | Float[Array, ""]
    batch_size: int


def logits_of_both(
    critic: Critic,
    variables: Variables,
    real: Float[Array, " n *event"],
    fake: Float[Array, " m *event"],
    *,
    divided: bool = False,
) -> tuple[Float[Array, " n"], Float[Array, " m"]]:
    """Logits ``[batch]`` of real and of fake examples ``[batch, *event]``.

    Args:
      critic, variables: D.
      real, fake: ``[batch, *event]``, whose numbers of examples may differ.
      divided: as for ``of_both``.

    Returns:
      Those of ``real`` and those of ``fake``.
    """
    checks.flag("divided", divided)
    if critic.mixes_examples:
        return critic.apply(variables, real), critic.apply(variables, fake)
    return of_both(partial(critic.apply, variables), real, fake, divided=divided)


def of_both(
    function: Callable[[Array], PyTree],
    real: Float[Array, " n *event"],
    fake: Float[Array, " m *event"],
    *,
    divided: bool,
) -> tuple[PyTree, PyTree]:
    """``function(real), function(fake)`` in one pass over both batches, since one large product is faster than two.

    Args:
      function: of examples ``[batch, *event]``, which it sees one by one, to leaves ``[batch, …]``.
      real, fake: ``[batch, *event]``; where they are divided, of one size.
      divided: whether the batches lie divided on several devices. Real and fake examples then alternate: one batch after the other would
        have half of all pictures sent to another device.

    Returns:
      The leaves of ``real`` and those of ``fake``.
    """
    n = real.shape[0]
    checks.flag("divided", divided)
    if not divided:
        together = function(jnp.concatenate([real, fake]))
        return jax.tree.map(lambda leaf: leaf[:n], together), jax.tree.map(lambda leaf: leaf[n:], together)
    together = function(jnp.stack([real, fake], axis=1).reshape(2 * n, *real.shape[1:]))
    pairs = jax.tree.map(lambda leaf: leaf.reshape(n, 2, *leaf.shape[1:]), together)
    return jax.tree.map(lambda leaf: leaf[:, 0], pairs), jax.tree.map(lambda leaf: leaf[:, 1], pairs)


def mean_penalty(
    penalty: Penalty,
    critic: Critic,
    variables: Variables,
    real: Float[Array, " batch *event"],
    fake: Float[Array, " batch *event"],
    key: PRNGKey,
) -> Float[Array, ""]:
    """The mean of a per-example penalty over a batch, ``[]``.

    Args:
      penalty: from ``objectives.penalties``.
      critic, variables: D.
      real, fake: ``[batch, *event]``.
      key: of the points that the penalty draws.

    Raises:
      ValueError: a critic that mixes examples: the gradient of one logit then depends on the whole batch; a penalty that is not one
        number an example.
    """
    refuse_mixing(critic)
    values = penalty(ExampleWise(partial(critic.apply, variables)), real, fake, key)
    if jnp.ndim(values) != 1:
        raise ValueError(f"penalty returned shape {jnp.shape(values)}; expected one number an example, [batch]")
    return jnp.mean(values)


def lazy_penalty(mean: Callable[[], Float[Array, ""]], every: int, count: Int[Array, ""]) -> Float[Array, ""]:
    """A mean penalty, or zero at the updates that lazy regularisation leaves out, ``[]``.

    Under ``vmap``, where a condition of each member would have both sides computed at every update, all members leave it out together:
    it is computed where one of them is due, and counts for those that are.

    Args:
      mean: computes it.
      every: it is computed at every so many updates.
      count: of the discriminator's updates before this one, ``[]``.
    """
    if checks.integer("every", every, 1) == 1:
        return mean()
    due = count % every == 0
    return jax.lax.cond(_any_member(due), lambda: jnp.where(due, mean(), 0.0), lambda: jnp.zeros(()))


@custom_vmap
def _any_member(due: Array) -> Array:
    """Whether something is due in any member of what it is mapped over, ``[]``: one answer for all."""
    return due


@_any_member.def_vmap
def _(size: int, batched: list[bool], due: Array) -> tuple[Array, bool]:
    # Called again, and not returned, for the sake of a vmap around this one.
    return _any_member(jnp.any(due, axis=0) if batched[0] else due), False


def refuse_mixing(critic: Critic | ConditionalCritic) -> None:
    """Raises ``ValueError`` where a per-example penalty would meet a critic that mixes examples."""
    if critic.mixes_examples:
        raise ValueError(
            "penalty is given and the critic mixes the examples of a batch (batch normalisation or minibatch statistics), so that one "
            "example has no gradient of its own; expected a critic without such layers, e.g. layer_norm_mlp, or no penalty"
        )


def warn_where_nothing_holds_the_slope(
    objective: Objective,
    critic: Critic | ConditionalCritic,
    penalty: object | None,
    weight: float | Array,
    *,
    stacklevel: int,
) -> None:
    """Warns where an objective is in units of the data and its critic is free: its value is then no distance.

    Args:
      objective: what the critic is trained for.
      critic: its ``bounded`` is what counts.
      penalty: None for none.
      weight: of the penalty; 0 is none, where it is known.
      stacklevel: of the caller's caller, as in ``warnings.warn`` called by this function.
    """
    # NumPy's: what is known stays known inside a function that is being compiled.
    free = penalty is None or (checks.is_concrete(weight) and not np.any(np.asarray(weight)))
    if objective.scales_with_data and free and not critic.bounded:
        warnings.warn(
            f"the objective {objective.name} is in units of the data and nothing holds the slope of the critic: its value grows with "
            f"the steps, and is no bound of the {objective.estimates or 'distance'}; take models.lipschitz.orthonormal_mlp for a lower "
            "bound, or a penalty such as penalties.gradient_penalty(); where the optimizer holds it, give critic._replace(bounded=True)",
            stacklevel=stacklevel,
        )


def check_training(critic: Critic, training: CriticTraining, real: Sampler, fake: Sampler) -> None:
    """Raises ``TypeError`` for an argument of ``fit`` of another kind, ``ValueError`` for a number out of its range."""
    checks.made("critic", critic, Critic, "models.mlp.mlp()")
    checks.made("training", training, CriticTraining, "training.critic.CriticTraining")
    check_objective(training.objective)
    checks.made("optimizer", training.optimizer, optax.GradientTransformation, "optax.adam(1e-3)")
    if training.penalty is not None:
        check_penalty(training.penalty)
    checks.within("penalty_weight", training.penalty_weight, 0.0, math.inf, high_open=True)
    checks.integer("batch_size", training.batch_size, 1)
    for name, sampler in (("real", real), ("fake", fake)):
        checks.takes(name, sampler, ("key", "batch"), "lambda key, batch: jax.random.normal(key, (batch, 1))")


def check_records(steps: int, records: int) -> None:
    """Raises ``ValueError`` unless ``steps`` is a multiple of ``records``, both whole numbers of at least one."""
    checks.integer("records", records, 1)
    checks.integer("steps", steps, 1)
    if steps % records:
        near = max(n for n in range(1, records + 1) if steps % n == 0)
        raise ValueError(
            f"steps is {steps} and records is {records}; expected steps to be a multiple of records, such as of {near}"
        )


def init(
    key: PRNGKey, critic: Critic, training: CriticTraining, example: Shaped[Array, " batch *event"]
) -> CriticState:
    """Returns the state before the first update.

    Args:
      key: of the initial weights.
      critic: the network.
      training: how it is trained.
      example: any batch of the right event shape, ``[batch, *event]``.

    Returns:
      The state.
    """
    variables = critic.init(key, example)
    return CriticState(variables, training.optimizer.init(variables["params"]), jnp.zeros((), jnp.int32))


def step(
    key: PRNGKey, state: CriticState, critic: Critic, training: CriticTraining, real: Sampler, fake: Sampler
) -> tuple[CriticState, tuple[Float[Array, ""], Float[Array, ""]]]:
    """One update on fresh samples.

    ``loss = mean(discriminator_loss) + λ mean(penalty)``; the keys of the step are folded from the constant base key.

    Args:
      key: the base key of the whole training, the same at every step.
      state: before the update.
      critic: the network.
      training: how it is trained.
      real, fake: samplers of the two laws.

    Returns:
      The state after the update, and (divergence, mean penalty) of the batch before it.
    """
    real_key, fake_key, penalty_key = jax.random.split(jax.random.fold_in(key, state.step), 3)
    x, y = real(real_key, training.batch_size), fake(fake_key, training.batch_size)
    checks.same_dimension("real", x, "fake", y)

    def loss(params: Variables) -> tuple[Array, tuple[Array, Array]]:
        variables = {**state.variables, "params": params}
        real_logits, fake_logits = logits_of_both(critic, variables, x, y)
        value = jnp.mean(training.objective.discriminator_loss(real_logits, fake_logits))
        penalty = jnp.zeros(())
        if training.penalty is not None:
            penalty = mean_penalty(training.penalty, critic, variables, x, y, penalty_key)
            value = value + training.penalty_weight * penalty
        return value, (training.objective.divergence(real_logits, fake_logits), penalty)

    gradients, info = jax.grad(loss, has_aux=True)(state.variables["params"])
    updates, optimizer = training.optimizer.update(gradients, state.optimizer, state.variables["params"])
    params = optax.apply_updates(state.variables["params"], updates)
    variables = critic.constrain({**state.variables, "params": params})
    return CriticState(variables, optimizer, state.step + 1), info


def fit(
    key: PRNGKey,
    critic: Critic,
    training: CriticTraining,
    real: Sampler,
    fake: Sampler,
    *,
    steps: int,
    records: int = 50,
) -> tuple[CriticState, History]:
    """Trains from a fresh initialisation as one program, which is compiled at the first call and found again at later ones.

    The program is that of the same objects: a critic, an objective or a sampler that is made anew gives a new one; keys and weights of
    penalties are its arguments. Inside of a ``jax.jit`` or a ``jax.vmap`` of one's own, training is a part of that program.

    Args:
      key: base key.
      critic: the network.
      training: how it is trained.
      real, fake: samplers of the two laws.
      steps: updates; a multiple of ``records``.
      records: length of the history.

    Returns:
      The last state and the history.

    Raises:
      ValueError: ``steps`` or ``records`` below one, or ``steps`` no multiple of ``records``.
    """
    check_training(critic, training, real, fake)
    check_records(steps, records)
    key = checks.key("key", key)
    fixed, weight = training._replace(penalty_weight=0.0), training.penalty_weight
    if caching.outside_of_traces(key, weight):
        found: tuple[CriticState, History] = caching.program(_fitted, critic, fixed, real, fake, steps, records)(
            key, weight
        )
        return found
    return _fitted(critic, fixed, real, fake, steps, records, key, weight)


def _fitted(
    critic: Critic,
    training: CriticTraining,
    real: Sampler,
    fake: Sampler,
    steps: int,
    records: int,
    key: PRNGKey,
    penalty_weight: float | Array,
) -> tuple[CriticState, History]:
    training = training._replace(penalty_weight=penalty_weight)
    init_key, example_key, train_key = jax.random.split(key, 3)
    state = init(init_key, critic, training, real(example_key, 1))

    def record(state: CriticState, _: None) -> tuple[CriticState, History]:
        def advance(state: CriticState, _: None) -> tuple[CriticState, tuple[Array, Array]]:
            return step(train_key, state, critic, training, real, fake)

        state, (divergence, penalty) = jax.lax.scan(advance, state, length=steps // records)
        return state, History(state.step, jnp.mean(divergence), jnp.mean(penalty))

    return jax.lax.scan(record, state, length=records)
