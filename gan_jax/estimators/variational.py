"""Divergences from a critic trained on samples: a lower bound, with the error and the audit that make it readable."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import optax
from jaxtyping import Bool, Float

from gan_jax import caching, checks, numerics
from gan_jax.divergences import exact
from gan_jax.objectives import oracle
from gan_jax.objectives.losses import Objective, check_objective
from gan_jax.objectives.penalties import Penalty, check_penalty, gradient_norms, interpolates
from gan_jax.training import critic as critic_training
from gan_jax.training.critic import CriticTraining, History
from gan_jax.training.optimizers import Rate, adam, check_schedule
from gan_jax.typing import Array, Critic, PRNGKey, Sampler, Variables

Law: TypeAlias = dist.Distribution | Sampler | Array
"""A NumPyro distribution or a sampler ``(key, batch) -> [batch, *event]``, sampled afresh; or samples ``[n, *event]``.

Samples ``[n]`` are read as ``[n, 1]``, which is also what a distribution on the line gives.
"""

ROUNDING = 1e-4
"""A certified Lipschitz constant of at most one plus this is one: what float32 leaves of orthonormal matrices."""


class Lipschitz(NamedTuple):
    """The Lipschitz constant that a critic reached, from below and from above.

    Attributes:
      observed: the largest ``||∇f||`` at held-out points and between them, ``[]``: the constant is at least this.
      certified: a bound from the weights alone, ``[]``: the constant is at most this.
    """

    observed: Float[Array, ""]
    certified: Float[Array, ""]


class TrainedCritic(NamedTuple):
    """A critic and the frame it sees the data in: ``f(x) = gain · net((x - shift) / scale)``.

    Attributes:
      variables: of the network.
      shift: ``[*event]``, the pooled mean.
      scale: ``[]``, the pooled root-mean-square deviation of a coordinate.
      gain: ``[]``; ``scale`` for objectives in units of the data, so that the slope of f is the slope of the network; else one.
    """

    variables: Variables
    shift: Float[Array, " *event"]
    scale: Float[Array, ""]
    gain: Float[Array, ""]


class Estimate(NamedTuple):
    """What a trained critic says of the distance between two laws, on samples that it never saw.

    Attributes:
      value: of the divergence, ``[]``, in the objective's unit.
      standard_error: of ``value`` given the critic, over held-out samples, ``[]``.
      history: of training, without the penalty.
      lipschitz: what slope the critic reached.
      oracle_gap: the optimal critic's value less this one's, ``[]``; NaN where the truth is not known.
      critic: the trained critic, for ``logits``.
      is_lower_bound: whether ``value`` is at most the truth but for sampling noise, ``[]``, boolean. True for divergences that any
        discriminator bounds from below (JS); for distances in units of the data where ``lipschitz.certified`` is at most one. Where it is
        False and that is finite, ``value / lipschitz.certified`` is a lower bound.
    """

    value: Float[Array, ""]
    standard_error: Float[Array, ""]
    history: History
    lipschitz: Lipschitz
    oracle_gap: Float[Array, ""]
    critic: TrainedCritic
    is_lower_bound: Bool[Array, ""]


class _Data(NamedTuple):
    """A law as training sees it: a sampler, and held-out examples ``[n, *event]`` that it never draws."""

    sample: Sampler
    held_out: Array


def neural_estimator(
    objective: Objective,
    critic: Critic,
    *,
    steps: int = 1000,
    batch_size: int = 256,
    learning_rate: Rate = 1e-3,
    optimizer: optax.GradientTransformation | None = None,
    penalty: Penalty | None = None,
    penalty_weight: float | Array = 10.0,
    held_out: int = 16384,
    held_out_share: float = 1 / 3,
    records: int | None = None,
) -> Callable[[PRNGKey, Law, Law], Estimate]:
    """Estimates a divergence by training a critic on samples and scoring it on others, as one program that is compiled once.

    The critic maximises the objective's divergence (minimises its discriminator loss plus penalty). Its value on fresh samples is, in
    expectation, at most the truth: of JS for ``losses.minimax()`` with any discriminator, of W1 for ``losses.wasserstein()`` with a
    1-Lipschitz critic (``models.lipschitz.orthonormal_mlp``). With a penalty, clipping or any other soft constraint the value can lie on
    either side; ``Estimate.is_lower_bound`` tells whether it may, and ``Estimate.lipschitz`` by how much. With no constraint at all the
    slope grows as long as one trains, and the value of a distance means nothing: that warns.

    Estimators of equal settings share their program, and estimators that differ in rates or penalty weights as well; so do two calls with
    samples, or distributions, of equal shapes. A sampler, like any function, is equal to itself alone. Inside of a ``jax.jit`` or a
    ``jax.vmap`` of one's own, an estimator is a part of that program.

    Args:
      objective: ``losses.minimax()`` for JS, ``losses.wasserstein()`` for W1.
      critic: from ``models``.
      steps: updates.
      batch_size: samples of each law a step.
      learning_rate: of Adam (β = .5, .9): a number, which may be traced, falls to zero as half a cosine; an optax schedule is followed
        as it is. Not used where ``optimizer`` is given.
      optimizer: any optax transformation, in place of that Adam.
      penalty: from ``objectives.penalties``; None for none.
      penalty_weight: λ; may be traced.
      held_out: fresh samples of each law that score the critic, where laws are distributions.
      held_out_share: share of the examples that score the critic, where laws are arrays.
      records: length of the history, a divisor of ``steps``; the largest one up to 50 where None.

    Returns:
      ``estimator(key, p, q) -> Estimate``, pure. ``p`` and ``q`` are each a NumPyro distribution of event shape ``[]`` or ``[*event]``, a
      sampler ``(key, batch) -> [batch, *event]``, or an array of samples ``[n, *event]`` that is split into training and held-out
      examples by the key. The key may be an integer, the seed of one.

    Raises:
      ValueError: sizes below one, ``steps`` no multiple of ``records``, a share outside (0, 1), a negative rate or weight; (when called)
        laws of different event shapes, batch shapes, NaN or too few samples.
      TypeError: an argument of another kind.

    Warns:
      UserWarning: an objective in units of the data, and nothing that holds the slope of the critic.

    Source: Goodfellow et al. 2014, theorem 1; Arjovsky, Chintala & Bottou 2017; Nowozin et al. 2016 for the variational view.
    """
    _check_settings(objective, critic, optimizer, penalty)
    sizes = {"steps": (steps, 1), "batch_size": (batch_size, 1), "held_out": (held_out, 2)}
    for name, (value, low) in sizes.items():
        checks.integer(name, value, low)
    if callable(learning_rate):
        check_schedule("learning_rate", learning_rate)
        optimizer, learning_rate = optimizer or _adam(learning_rate), 0.0
    checks.within("learning_rate", learning_rate, 0.0, math.inf, high_open=True)
    checks.within("penalty_weight", penalty_weight, 0.0, math.inf, high_open=True)
    checks.within("held_out_share", held_out_share, 0.0, 1.0, low_open=True, high_open=True)
    length = max(n for n in range(1, min(steps, 50) + 1) if steps % n == 0) if records is None else records
    critic_training.check_records(steps, length)
    critic_training.warn_where_nothing_holds_the_slope(objective, critic, penalty, penalty_weight, stacklevel=3)
    recipe = _Recipe(objective, critic, optimizer, penalty, steps, batch_size, held_out, held_out_share, length)

    def estimator(key: PRNGKey, p: Law, q: Law) -> Estimate:
        key, p, q = checks.key("key", key), _law("p", p), _law("q", q)
        # Samplers are functions, which a program is compiled for; distributions and samples are its arguments.
        (p_sampler, p_values), (q_sampler, q_values) = _split(p), _split(q)
        samplers = p_sampler, q_sampler
        arguments = key, (p_values, q_values), learning_rate, penalty_weight
        if caching.outside_of_traces(arguments):
            return cast(Estimate, caching.program(_estimate, recipe, samplers)(*arguments))
        return _estimate(recipe, samplers, *arguments)

    return estimator


@caching.remembered
def _adam(schedule: optax.Schedule) -> optax.GradientTransformation:
    """One object for one schedule, so that its program is found again."""
    return adam()(schedule)


def _split(law: Law) -> tuple[Sampler | None, dist.Distribution | Array | None]:
    """A law as a function, or as values: the other one is None."""
    # A distribution can be called too.
    if isinstance(law, dist.Distribution | jax.Array):
        return None, law
    return law, None


class _Recipe(NamedTuple):
    """What an estimator's program is compiled for; as the arguments of ``neural_estimator``."""

    objective: Objective
    critic: Critic
    optimizer: optax.GradientTransformation | None
    penalty: Penalty | None
    steps: int
    batch_size: int
    held_out: int
    held_out_share: float
    records: int


def _estimate(
    recipe: _Recipe,
    samplers: tuple[Sampler | None, Sampler | None],
    key: PRNGKey,
    laws: tuple[dist.Distribution | Array | None, dist.Distribution | Array | None],
    learning_rate: float | Array,
    penalty_weight: float | Array,
) -> Estimate:
    """The estimate, given what is fixed and what is not; each law is in ``samplers`` or in ``laws``."""
    objective, critic = recipe.objective, recipe.critic
    p, q = (law if sampler is None else sampler for sampler, law in zip(samplers, laws, strict=True))
    p_key, q_key, frame_key, fit_key, audit_key = jax.random.split(key, 5)
    real = _data("p", p_key, p, recipe.held_out, recipe.held_out_share)
    fake = _data("q", q_key, q, recipe.held_out, recipe.held_out_share)
    if real.held_out.shape[1:] != fake.held_out.shape[1:]:
        raise ValueError(
            f"p has event shape {real.held_out.shape[1:]} and q has event shape {fake.held_out.shape[1:]}; expected one event shape"
        )
    optimizer = recipe.optimizer or adam()(optax.cosine_decay_schedule(learning_rate, recipe.steps))
    training = CriticTraining(objective, optimizer, recipe.penalty, penalty_weight, recipe.batch_size)
    frame = _frame(frame_key, real, fake, objective)
    framed = critic._replace(apply=lambda variables, x: logits(critic, frame._replace(variables=variables), x))
    state, history = critic_training.fit(
        fit_key, framed, training, real.sample, fake.sample, steps=recipe.steps, records=recipe.records
    )
    trained = frame._replace(variables=state.variables)
    return _score(audit_key, objective, critic, trained, real.held_out, fake.held_out, history, p, q)


def _check_settings(
    objective: Objective, critic: Critic, optimizer: optax.GradientTransformation | None, penalty: Penalty | None
) -> None:
    """Raises ``TypeError`` where an argument of ``neural_estimator`` is of another kind."""
    check_objective(objective)
    checks.made("critic", critic, Critic, "models.mlp.mlp()")
    if optimizer is not None:
        checks.made("optimizer", optimizer, optax.GradientTransformation, "optax.adam(1e-3)")
    if penalty is not None:
        check_penalty(penalty)


def _is_distance(objective: Objective) -> bool:
    """Whether only a 1-Lipschitz critic bounds the divergence from below; of several units, one may be that of the data."""
    return objective.scales_with_data or objective.unit == "various"


def logits(
    critic: Critic, trained: TrainedCritic | Estimate, x: Float[Array, " batch *event"]
) -> Float[Array, " batch"]:
    """The trained critic's output, ``gain · net((x - shift) / scale)``.

    Args:
      critic: the network that was given to ``neural_estimator``.
      trained: ``Estimate.critic`` of one member, or the estimate itself.
      x: ``[batch, *event]``.

    Returns:
      ``[batch]``: logits, or units of the data for Wasserstein critics.

    Raises:
      TypeError: ``trained`` is neither.
    """
    trained = trained.critic if isinstance(trained, Estimate) else trained
    checks.made("trained", trained, TrainedCritic, "Estimate.critic")
    return trained.gain * critic.apply(trained.variables, (x - trained.shift[None]) / trained.scale)


def generator_gradient(
    objective: Objective,
    discriminator: Callable[[Float[Array, " n *event"]], Float[Array, " n"]],
    generate: Callable[[Float[Array, " *theta"]], Float[Array, " n *event"]],
    theta: Float[Array, " *theta"],
) -> Float[Array, " *theta"]:
    """The gradient that a generator receives through a discriminator that does not move.

    ``∂/∂θ  mean_i  generator_loss(D(G_θ(z_i)))`` with D and the noise z fixed.

    Args:
      objective: whose generator loss.
      discriminator: ``[n, *event] -> [n]``, e.g. ``partial(logits, critic, estimate.critic)`` or an oracle.
      generate: ``θ -> samples [n, *event]``, differentiable, with its noise inside.
      theta: the generator's parameter, any shape.

    Returns:
      The gradient, of ``theta``'s shape.
    """
    check_objective(objective)

    def loss(theta: Array) -> Array:
        fake_logits = discriminator(generate(theta))
        return jnp.mean(objective.generator_loss(fake_logits, fake_logits))

    return jax.grad(loss)(theta)


def sampler(law: dist.Distribution) -> Sampler:
    """Returns ``(key, batch) -> [batch, *event]``; an event shape of ``[]`` becomes ``[1]``.

    Args:
      law: a NumPyro distribution without batch shape.

    Returns:
      The sampler.
    """

    def sample(key: PRNGKey, batch: int) -> Array:
        x = law.sample(key, (batch,))
        return x if law.event_shape else x[:, None]

    return sample


def _law(name: str, law: Law) -> Law:
    """Returns a law with what can be looked at looked at: samples as ``[n, *event]``, a distribution's own method as the distribution."""
    owner = getattr(law, "__self__", None)
    if isinstance(owner, dist.Distribution) and getattr(law, "__name__", "") == "sample":
        # Its second argument would be a shape, where a sampler's is a number.
        law = owner
    if isinstance(law, type):
        raise TypeError(
            f"{name} is the class {law.__name__}; expected a distribution with its parameters, such as dist.Normal(0.0, 1.0)"
        )
    if isinstance(law, dist.Distribution):
        if law.batch_shape:
            raise ValueError(
                f"{name} has batch shape {law.batch_shape}; expected a single distribution (map over a batch with jax.vmap)"
            )
        return law
    if callable(law):
        checks.takes(name, law, ("key", "batch"), "distributions.gaussian_ring(), or an array of samples")
        return law
    if isinstance(law, np.ndarray | jax.Array | list):
        law = checks.real(name, law)
    try:
        examples = jnp.asarray(law, jnp.result_type(float))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} is of type {type(law).__name__}; expected a distribution, a sampler or an array"
        ) from error
    examples = examples[:, None] if examples.ndim == 1 else examples
    if examples.ndim < 2 or examples.shape[0] < 4 or 0 in examples.shape:
        raise ValueError(f"{name} has shape {examples.shape}; expected at least 4 samples, [n] or [n, *event]")
    checks.finite(name, examples)
    return examples


def _data(name: str, key: PRNGKey, law: Law | None, held_out: int, share: float) -> _Data:
    """Returns the law's training sampler and its held-out examples."""
    if isinstance(law, dist.Distribution):
        law = sampler(law)
    if callable(law):
        sample = _of_numbers(law)
        examples = sample(key, held_out)
        if examples.shape[:1] != (held_out,):
            raise ValueError(f"{name} gives shape {examples.shape} for a batch of {held_out}; expected [batch, *event]")
        return _Data(sample, examples)
    assert law is not None
    scored = min(max(round(share * law.shape[0]), 2), law.shape[0] - 2)
    shuffled = jax.random.permutation(key, law)
    seen = shuffled[scored:]

    def resample(key: PRNGKey, batch: int) -> Array:
        return seen[jax.random.randint(key, (batch,), 0, seen.shape[0])]

    return _Data(resample, shuffled[:scored])


def _of_numbers(law: Sampler) -> Sampler:
    """The sampler with examples of ``[1]`` where they are of ``[]``, and reals for the integers of a law of counts: critics have slopes."""

    def sample(key: PRNGKey, batch: int) -> Array:
        x = law(key, batch)
        x = x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.result_type(float))
        return x[:, None] if x.ndim == 1 else x

    return sample


def _frame(key: PRNGKey, real: _Data, fake: _Data, objective: Objective, size: int = 1024) -> TrainedCritic:
    """Returns the frame of the pooled training data, with no variables yet.

    One scale for all coordinates keeps the frame an isometry up to that scale: a 1-Lipschitz network stays a 1-Lipschitz critic.
    """
    real_key, fake_key = jax.random.split(key)
    x = jnp.concatenate([real.sample(real_key, size), fake.sample(fake_key, size)])
    shift = jnp.mean(x, axis=0)
    deviation = numerics.norm((x - shift[None]).reshape(-1)) / jnp.sqrt(x.size)
    scale = jnp.where(deviation > 0, deviation, 1.0)
    return TrainedCritic({}, shift, scale, scale if objective.scales_with_data else jnp.ones_like(scale))


def _score(
    key: PRNGKey,
    objective: Objective,
    critic: Critic,
    trained: TrainedCritic,
    real: Array,
    fake: Array,
    history: History,
    p: Law,
    q: Law,
) -> Estimate:
    """Returns the estimate from held-out examples."""
    size = min(real.shape[0], fake.shape[0])
    value, standard_error = score(objective, logits(critic, trained, real), logits(critic, trained, fake))
    few = min(size, 1024)
    between = interpolates(real[:few], fake[:few], key)
    slopes = gradient_norms(
        lambda x: logits(critic, trained, x[None])[0], jnp.concatenate([real[:few], fake[:few], between])
    )
    certified = critic.lipschitz_bound(trained.variables) * trained.gain / trained.scale
    gap = _truth(objective, p, q, real, fake) - value
    below = certified <= 1.0 + ROUNDING if _is_distance(objective) else jnp.ones((), bool)
    return Estimate(value, standard_error, history, Lipschitz(jnp.max(slopes), certified), gap, trained, below)


def score(
    objective: Objective, real_logits: Float[Array, " n"], fake_logits: Float[Array, " m"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The divergence and its standard error from held-out logits.

    A separable divergence is affine in means over real and over fake examples, so that its variance is that of single-example values:
    ``se² = var_i d(r_i, f̄) / n + var_j d(r̄, f_j) / m``. Others compare real with fake: their error is that of the mean of 32 blocks.

    Args:
      objective: whose divergence.
      real_logits: ``[n]``.
      fake_logits: ``[m]``.

    Returns:
      (value ``[]``, standard error ``[]``).
    """
    check_objective(objective)
    if not objective.separable:
        return _score_of_pairs(objective, real_logits, fake_logits)
    value = objective.divergence(real_logits, fake_logits)
    of_real = jax.vmap(lambda r: objective.divergence(r[None], fake_logits[:1]))(real_logits)
    of_fake = jax.vmap(lambda f: objective.divergence(real_logits[:1], f[None]))(fake_logits)
    return value, numerics.standard_error(of_real, of_fake)


def _score_of_pairs(
    objective: Objective, real_logits: Array, fake_logits: Array, blocks: int = 32
) -> tuple[Array, Array]:
    """The same for a divergence that compares example with example: equal numbers, and a standard error from blocks of them."""
    size = min(real_logits.size, fake_logits.size)
    real, fake = real_logits[:size], fake_logits[:size]
    blocks = min(blocks, size)
    whole = size - size % blocks
    each = jax.vmap(objective.divergence)(real[:whole].reshape(blocks, -1), fake[:whole].reshape(blocks, -1))
    return objective.divergence(real, fake), numerics.standard_error(each)


def _truth(objective: Objective, p: Law, q: Law, real: Array, fake: Array) -> Array:
    """The optimal critic's value: on the same held-out samples from densities, exactly for distances; NaN where it is not known."""
    unknown = jnp.full((), jnp.nan)
    if not (isinstance(p, dist.Distribution) and isinstance(q, dist.Distribution)):
        return unknown
    if objective.scales_with_data:
        try:
            return exact.wasserstein(p, q)
        except ValueError:
            # No exact rule for this pair: that is no error of the estimate's.
            return unknown
    if objective.optimal_logits is None:
        return unknown
    best = oracle.discriminator(objective, p, q)

    def events(x: Array) -> Array:
        return x if p.event_shape else x[:, 0]

    return score(objective, best(events(real)), best(events(fake)))[0]
