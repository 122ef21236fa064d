"""Conditional games: the generator takes a condition beside its noise, and the discriminator scores pairs of an example and a condition.

The discriminator sees three kinds of pairs. It is to score (real, right condition) high, and both (generated, right condition) and (real,
wrong condition) low: without the third kind it need not look at the condition at all before generated examples are as good as real ones.

All three share their conditions. A generated example is made from the condition of the real one that it stands beside, so that a point
between the two (``penalties.interpolates``) has a condition that is valid for both ends, and relativistic objectives compare like with
like.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Bool, Int, Integer, Shaped

from gan_jax import checks
from gan_jax.moved import moved as moved_names
from gan_jax.moved import renamed_arguments
from gan_jax.objectives.losses import Objective, check_objective
from gan_jax.objectives.penalties import ExampleWise, Penalty, Perturbation
from gan_jax.training.critic import lazy_penalty, of_both, warn_where_nothing_holds_the_slope
from gan_jax.training.game import (
    Game,
    Place,
    check_changes,
    check_penalised,
    check_sizes,
    drawn_from,
    game_of,
    penalty_scale,
    perturbed,
    ruled,
    unsharded,
)
from gan_jax.training.optimizers import OptimizerOf, Rate, adam, at_rates
from gan_jax.training.sides import (
    DiscriminatorReport,
    Drawing,
    GeneratorReport,
    Moment,
    Setup,
    Update,
    apart,
    folded,
)
from gan_jax.training.state import Hyperparameters, PlayerState, variance_ratio
from gan_jax.training.updates import alternating
from gan_jax.typing import (
    UNSPECIFIED,
    Array,
    ConditionalCritic,
    ConditionalGenerator,
    Generator,
    PRNGKey,
    PyTree,
    Variables,
)
from gan_jax.typing import (
    ConditionedBatch as ConditionedBatch,  # what users make batches of
)

__getattr__ = moved_names(
    __name__, {"conditional": f"{__name__}:conditional_gan", "Pairs": "gan_jax.typing:ConditionedBatch"}
)

PairData: TypeAlias = Callable[..., ConditionedBatch]
"""``(key, batch, feed=…) -> ConditionedBatch``: draws examples with conditions."""


def labelled(x: Shaped[Array, " batch *event"], labels: Integer[Array, " batch"]) -> ConditionedBatch:
    """Examples whose condition is their label.

    Args:
      x: ``[batch, *event]``.
      labels: ``[batch]`` integers.

    Returns:
      The batch; the label is the one attribute of both.
    """
    return ConditionedBatch(x, labels, labels[:, None], labels[:, None])


@renamed_arguments(said="condition_attributes", true="attributes")
def describes(
    condition_attributes: Integer[Array, "... attributes"], attributes: Integer[Array, "... attributes"]
) -> Bool[Array, " ..."]:
    """Whether a condition describes an example: all that it says is true of it.

    Args:
      condition_attributes: ``[…, attributes]``, as in ``ConditionedBatch``.
      attributes: likewise; shapes broadcast along the leading axes.

    Returns:
      ``[…]`` of booleans.
    """
    return jnp.all((condition_attributes == UNSPECIFIED) | (condition_attributes == attributes), axis=-1)


class Mismatch(NamedTuple):
    """Wrong conditions for the examples of a batch.

    Attributes:
      places: whose condition each example is shown with, ``[batch]``.
      found: False where every condition of the batch describes the example, and ``places`` means nothing, ``[batch]``.
    """

    places: Int[Array, " batch"]
    found: Bool[Array, " batch"]


@renamed_arguments(said="condition_attributes", true="attributes")
def mismatched(
    key: PRNGKey,
    condition_attributes: Integer[Array, "batch attributes"],
    attributes: Integer[Array, "batch attributes"],
) -> Mismatch:
    """Draws a wrong condition for every example, uniformly from those of its batch that do not describe it.

    A condition of another example is no wrong one where it describes this one too: scored low, it would teach the discriminator that a
    right pair is wrong.

    Args:
      key: of the draw.
      condition_attributes, attributes: of one batch, as in ``ConditionedBatch``.

    Returns:
      The places of the wrong conditions.
    """
    wrong = ~describes(condition_attributes[None, :, :], attributes[:, None, :])
    found = jnp.any(wrong, axis=1)
    # A row without any would be all -inf, of which no draw is possible.
    weights = jnp.where(wrong | ~found[:, None], 0.0, -jnp.inf)
    return Mismatch(jax.random.categorical(key, weights, axis=1), found)


def conditional_gan(
    objective: Objective,
    generator: ConditionalGenerator,
    discriminator: ConditionalCritic,
    data: PairData,
    *,
    update: Update | None = None,
    batch_size: int = 64,
    discriminator_steps: int = 1,
    generator_optimizer: OptimizerOf | None = None,
    discriminator_optimizer: OptimizerOf | None = None,
    generator_rate: Rate = 1e-3,
    discriminator_rate: Rate = 1e-3,
    wrong_weight: float = 0.5,
    auxiliary_weight: float = 1.0,
    penalty: Penalty | None = None,
    penalty_weight: float = 10.0,
    penalty_every: int = 1,
    perturb: Perturbation | None = None,
    noise: float = 0.0,
    noise_steps: float = math.inf,
    ema_decay: float | None = None,
    place: Place = unsharded,
) -> Game:
    """A conditional generator against a discriminator of pairs.

    ``L_D = (1 − w) L(D(x, c), D(G(z, c), c)) + w L(D(x, c), D(x, c'))``, ``c'`` a condition that does not describe x, L the objective's
    loss of the discriminator; of a separable objective that is its loss on right pairs, plus ``1 − w`` times that on generated and w
    times that on wrong pairs. The generator descends the objective's loss on ``D(G(z, c), c)``. With an auxiliary classifier both also
    descend the cross-entropy of the class: the discriminator on real examples, the generator on its own.

    Where no wrong pair is ever a right one, the optimum is not moved by the third kind: on the support of right pairs the mixture of
    negatives is the generated law alone, scaled by ``1 − w``.

    Args:
      objective: both losses, from ``objectives.losses``.
      generator, discriminator: from ``models.conditional`` and ``models.conditional_critics``.
      data: ``(key, batch, feed=…) -> ConditionedBatch``.
      update: from ``training.updates``; ``alternating()`` where None.
      batch_size: examples of each kind at an update.
      discriminator_steps: updates of the discriminator at one step, each on fresh examples.
      generator_optimizer, discriminator_optimizer: ``game.adam()`` where None.
      generator_rate, discriminator_rate: learning rates or schedules of them, as in ``game.gan`` (hyperparameters).
      wrong_weight: w, ½ in the paper; 0 for no third kind (a hyperparameter).
      auxiliary_weight: of the cross-entropy of the class that the first attribute of ``condition_attributes`` is (a hyperparameter; only
        where the discriminator has a classifier).
      penalty, penalty_weight, penalty_every: as in ``game.gan``; the gradient is that with respect to the example.
      perturb, noise, noise_steps: as in ``game.gan``.
      ema_decay: as in ``game.gan``.
      place: as in ``game.gan``.

    Returns:
      The game; ``Info.divergence`` and ``variance_ratio`` are of right and generated pairs.

    Raises:
      ValueError: sizes below one, ``wrong_weight`` outside [0, 1], a penalty on a discriminator that mixes examples; (in ``init``) an
        unknown hyperparameter, data of another shape than samples.

    Warns:
      UserWarning: as ``game.gan`` does.

    Source: Reed et al. 2016, "Generative adversarial text to image synthesis", Algorithm 1 (GAN-CLS), where the halves are lines 9 and 10;
      Odena, Olah & Shlens 2017, equations 2 and 3, for the auxiliary classifier.
    """
    check_sizes(batch_size=batch_size, discriminator_steps=discriminator_steps, penalty_every=penalty_every)
    check_objective(objective)
    checks.made("generator", generator, ConditionalGenerator, "models.conditional.conditional_mlp_generator")
    checks.made("discriminator", discriminator, ConditionalCritic, "models.conditional_critics.conditional_mlp_critic")
    checks.takes("data", data, ("key", "batch"), "one that gives typing.ConditionedBatch", more=True)
    update = alternating() if update is None else update
    checks.made("update", update, Update, "updates.alternating()")
    optimizer_g, optimizer_d, hyper = at_rates(
        generator_optimizer, generator_rate, discriminator_optimizer, discriminator_rate, adam()
    )
    check_penalised(penalty, discriminator)
    warn_where_nothing_holds_the_slope(objective, discriminator, penalty, penalty_weight, stacklevel=3)
    check_changes(perturb)
    parts = _Parts(
        objective=objective,
        generator=generator,
        discriminator=discriminator,
        data=data,
        batch_size=batch_size,
        discriminator_steps=discriminator_steps,
        generator_optimizer=optimizer_g,
        discriminator_optimizer=optimizer_d,
        penalty=penalty,
        penalty_every=penalty_every,
        perturb=perturb,
        place=place,
    )
    hyper |= {"wrong_weight": wrong_weight, **update.hyperparameters}
    hyper |= {} if discriminator.classify is None else {"auxiliary_weight": auxiliary_weight}
    hyper |= {} if penalty is None else {"penalty_weight": penalty_weight}
    hyper |= {} if perturb is None else {"noise": noise, "noise_steps": noise_steps}
    return game_of(partial(_players, parts), ruled(update, partial(_setup, parts)), hyper, {}, ema_decay)


def check_pairs(data: PairData, batch_size: int, event_shape: tuple[int, ...]) -> None:
    """Raises ``ValueError`` unless data comes as ``ConditionedBatch`` of a batch, of the generator's event shape, with attributes."""
    pairs = jax.eval_shape(lambda key: data(key, batch_size), jax.random.key(0))
    if pairs.x.shape != (batch_size, *event_shape):
        raise ValueError(
            f"data gives examples of shape {pairs.x.shape}; expected {(batch_size, *event_shape)}, as the generator's"
        )
    asked, there = pairs.condition_attributes.shape, pairs.attributes.shape
    if len(asked) != 2 or asked != there or asked[0] != batch_size:
        raise ValueError(
            f"data gives condition_attributes of shape {asked} and attributes of shape {there}; "
            f"expected both [{batch_size}, attributes]"
        )


# ------------------------------------------------------------------------------------------------------------- the two sides


class _Parts(NamedTuple):
    """What of ``conditional_gan`` is fixed at compile time, by the names of its arguments."""

    objective: Objective
    generator: ConditionalGenerator
    discriminator: ConditionalCritic
    data: PairData
    batch_size: int
    discriminator_steps: int
    generator_optimizer: OptimizerOf
    discriminator_optimizer: OptimizerOf
    penalty: Penalty | None
    penalty_every: int
    perturb: Perturbation | None
    place: Place


class _Triples(NamedTuple):
    """What a discriminator is shown: right pairs, what was generated from their conditions, and whose conditions are wrong.

    Divided batches have the wrong conditions themselves too: what was made of one lies on another device.
    """

    pairs: ConditionedBatch
    fake: Array
    wrong: Mismatch
    wrong_condition: PyTree


class _Latents(NamedTuple):
    """What a generator makes samples of, beside the pairs whose conditions it takes."""

    pairs: ConditionedBatch
    noise: PyTree


def _players(parts: _Parts, key: PRNGKey, hyper: Hyperparameters, feed: PyTree) -> tuple[PlayerState, PlayerState]:
    data_key, generator_key, noise_key, discriminator_key = jax.random.split(key, 4)
    generator, data = parts.generator, drawn_from(parts.data, feed)
    pairs = data(data_key, 1)
    variables = generator.init(generator_key, pairs.condition)
    made = generator.apply(variables, generator.noise(noise_key, 1), generator.embed(variables, pairs.condition))
    check_pairs(data, parts.batch_size, made.shape[1:])
    variables_d = parts.discriminator.init(discriminator_key, made, pairs.condition)
    return (
        PlayerState(variables, parts.generator_optimizer(hyper["generator_rate"]).init(variables["params"])),
        PlayerState(
            variables_d, parts.discriminator_optimizer(hyper["discriminator_rate"]).init(variables_d["params"])
        ),
    )


def _setup(parts: _Parts, feed: PyTree) -> Setup:
    parts = parts._replace(data=drawn_from(parts.data, feed))
    draw_each, draw_g = partial(_draw_each, parts), partial(_draw_g, parts)
    return Setup(
        d_loss=partial(_d_loss, parts),
        g_loss=partial(_g_loss, parts),
        draw_d=_draw_d,
        draw_each=draw_each,
        draw_g=draw_g,
        draw_both=apart(_draw_d, draw_each, draw_g),
        one_batch=False,
        discriminator_steps=parts.discriminator_steps,
        discriminator_optimizer=parts.discriminator_optimizer,
        generator_optimizer=parts.generator_optimizer,
        constrain=parts.discriminator.constrain,
    )


def _draw_d(key: PRNGKey, *, generator: Variables, moment: Moment, steps: int) -> PRNGKey:
    del generator, moment
    return folded(key, steps)


def _draw_each(parts: _Parts, key: PRNGKey, *, generator: Variables, moment: Moment) -> Drawing:
    del moment
    network = parts.generator
    keys = jax.random.split(key, 6)
    whole = _conditions_whole(parts, parts.data(keys[0], parts.batch_size))
    pairs = parts.place(whole, 0)
    z = parts.place(network.noise(keys[1], parts.batch_size), 0)
    fake, _ = network.train(generator, z, network.embed(generator, pairs.condition))
    wrong, others = mismatched(keys[2], whole.condition_attributes, whole.attributes), None
    if parts.place is not unsharded:
        others = parts.place(jax.tree.map(lambda leaf: leaf[wrong.places], whole.condition), 0)
    return Drawing(_Triples(pairs, fake, wrong, others), keys[3:])


def _conditions_whole(parts: _Parts, pairs: ConditionedBatch) -> ConditionedBatch:
    """Pairs whose conditions every device has all of: each draws all wrong pairs, and nothing has to be exchanged for it."""
    condition, asked, there = parts.place((pairs.condition, pairs.condition_attributes, pairs.attributes), None)
    return pairs._replace(condition=condition, condition_attributes=asked, attributes=there)


def _draw_g(parts: _Parts, key: PRNGKey, *, moment: Moment) -> Drawing:
    del moment
    keys = jax.random.split(key, 4)
    pairs = parts.place(parts.data(keys[0], parts.batch_size), 0)
    noise = parts.place(parts.generator.noise(keys[1], parts.batch_size), 0)
    return Drawing(_Latents(pairs, noise), keys[2:])


def _d_loss(
    parts: _Parts, params: PyTree, *, variables: Variables, batch: _Triples, key: PRNGKey, moment: Moment
) -> tuple[Array, DiscriminatorReport]:
    """``mean L_D + λ mean penalty``, and the cross-entropy of the class."""
    real_key, fake_key, penalty_key = key
    network, objective, pairs = parts.discriminator, parts.objective, batch.pairs
    real = perturbed(parts.perturb, real_key, pairs.x, moment)
    fake = perturbed(parts.perturb, fake_key, batch.fake, moment)
    weight = moment.hyper["wrong_weight"] * batch.wrong.found
    own = {**variables, "params": params}
    embedding = network.embed(own, pairs.condition)
    of_real, of_fake = _features_of_both(parts, own, real, fake)
    real_logits = network.score(own, of_real, embedding)
    fake_logits = network.score(own, of_fake, embedding)
    wrong_logits = network.score(own, of_real, _of_wrong(network, own, batch, embedding))
    on_fake = objective.discriminator_loss(real_logits, fake_logits)
    on_wrong = objective.discriminator_loss(real_logits, wrong_logits)
    value = jnp.mean((1.0 - weight) * on_fake + weight * on_wrong)
    penalty = _penalty(parts, own, real, fake, pairs.condition, penalty_key, moment.updates)
    loss = value + penalty_scale(parts.penalty, parts.penalty_every, moment) * penalty
    return loss + _classification(network, own, of_real, pairs.condition_attributes, moment), DiscriminatorReport(
        divergence=objective.divergence(real_logits, fake_logits),
        loss=value,
        penalty=penalty,
        variance_ratio=variance_ratio(pairs.x, batch.fake),
        collections={},
    )


def _g_loss(
    parts: _Parts,
    params: PyTree,
    *,
    variables: Variables,
    discriminator: Variables,
    batch: _Latents,
    key: PRNGKey,
    moment: Moment,
) -> tuple[Array, GeneratorReport]:
    """``mean L_G``, which is what is told of it, and the cross-entropy of the class."""
    real_key, fake_key = key
    network, pairs, own = parts.discriminator, batch.pairs, {**variables, "params": params}
    fake, advanced = parts.generator.train(own, batch.noise, parts.generator.embed(own, pairs.condition))
    embedding = network.embed(discriminator, pairs.condition)
    of_fake = network.features(discriminator, perturbed(parts.perturb, fake_key, fake, moment))
    # Where the loss does not look at real logits, XLA drops what they are made of.
    of_real = network.features(discriminator, perturbed(parts.perturb, real_key, pairs.x, moment))
    fake_logits = network.score(discriminator, of_fake, embedding)
    real_logits = network.score(discriminator, of_real, embedding)
    value = jnp.mean(parts.objective.generator_loss(fake_logits, real_logits))
    loss = value + _classification(network, discriminator, of_fake, pairs.condition_attributes, moment)
    return loss, GeneratorReport(value, advanced)


def _of_wrong(network: ConditionalCritic, variables: Variables, batch: _Triples, embedding: PyTree) -> PyTree:
    """What the discriminator makes of the wrong conditions; ``embedding`` is what it made of the right ones, among which they are."""
    if batch.wrong_condition is None:
        return jax.tree.map(lambda leaf: leaf[batch.wrong.places], embedding)
    return network.embed(variables, batch.wrong_condition)


def _features_of_both(parts: _Parts, variables: Variables, real: Array, fake: Array) -> tuple[PyTree, PyTree]:
    """Features of both batches: in one pass where examples are seen one by one, apart where a batch has statistics of its own."""
    network = parts.discriminator
    if network.mixes_examples:
        return network.features(variables, real), network.features(variables, fake)
    return of_both(partial(network.features, variables), real, fake, divided=parts.place is not unsharded)


def _penalty(
    parts: _Parts, variables: Variables, real: Array, fake: Array, condition: PyTree, key: PRNGKey, count: Array
) -> Array:
    """The mean penalty of ``x -> D(x, c)``, every example with its own condition; zero at the updates that a lazy one leaves out."""
    penalty = parts.penalty
    if penalty is None:
        return jnp.zeros(())

    def mean() -> Array:
        return jnp.mean(penalty(given(parts.discriminator, variables, condition), real, fake, key))

    return lazy_penalty(mean, parts.penalty_every, count)


def _classification(
    network: ConditionalCritic, variables: Variables, features: PyTree, condition_attributes: Array, moment: Moment
) -> Array:
    """The weighted cross-entropy of the auxiliary classifier, zero where there is none."""
    if network.classify is None:
        return jnp.zeros(())
    logits = network.classify(variables, features)
    return moment.hyper["auxiliary_weight"] * jnp.mean(
        optax.softmax_cross_entropy_with_integer_labels(logits, condition_attributes[:, 0])
    )


# --------------------------------------------------------------------------------------------------------- at fixed conditions


def given(critic: ConditionalCritic, variables: Variables, condition: PyTree) -> ExampleWise:
    """``x -> D(x, c)`` for a batch of conditions, example by example: what a penalty takes the gradient of.

    Args:
      critic: which sees examples one by one.
      variables: of it.
      condition: ``[batch, …]``: a batch of examples is scored with it, the k-th with the k-th.
    """
    embedding = critic.embed(variables, condition)
    return ExampleWise(lambda x: critic.score(variables, critic.features(variables, x), embedding))


def with_conditions(generator: ConditionalGenerator, conditions: Callable[[PRNGKey, int], PyTree]) -> Generator:
    """The law over all conditions as a generator: its noise is ``(z, c)``.

    Args:
      generator: of one condition at a time.
      conditions: ``(key, n) -> conditions``, with a leading axis ``[n]``.

    Returns:
      The generator; its variables are those of ``generator``.
    """

    def init(key: PRNGKey) -> Variables:
        condition_key, own_key = jax.random.split(key)
        return generator.init(own_key, conditions(condition_key, 1))

    def noise(key: PRNGKey, n: int) -> PyTree:
        noise_key, condition_key = jax.random.split(key)
        return generator.noise(noise_key, n), conditions(condition_key, n)

    def apply(variables: Variables, z: PyTree) -> Array:
        latent, condition = z
        return generator.apply(variables, latent, generator.embed(variables, condition))

    def train(variables: Variables, z: PyTree) -> tuple[Array, Variables]:
        latent, condition = z
        return generator.train(variables, latent, generator.embed(variables, condition))

    return Generator(init, noise, apply, train)
