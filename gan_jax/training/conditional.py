"""Conditional games: the generator takes a condition beside its noise, and the discriminator judges pairs of an example and a condition.

The discriminator sees three kinds of pairs. It is to score (real, right condition) high, and both (generated, right condition) and (real,
wrong condition) low: without the third kind it need not look at the condition at all before generated examples are as good as real ones.

All three share their conditions. A generated example is made from the condition of the real one that it stands beside, so that a point
between the two (``penalties.interpolates``) has a condition that is valid for both ends, and relativistic objectives compare like with
like.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

from gan_jax import checks
from gan_jax.objectives.losses import Objective, check_objective
from gan_jax.objectives.penalties import ExampleWise, Penalty, Perturbation, check_penalty
from gan_jax.training.critic import lazy_penalty, refuse_mixing, warn_where_nothing_holds_the_slope
from gan_jax.training.game import Game, Place, anywhere, check_optimizers, drawn_from, game_of
from gan_jax.training.optimizers import OptimizerOf, adam
from gan_jax.training.state import GameState, Hyperparameters, Info, Player, moved, spread
from gan_jax.training.updates import perturbed
from gan_jax.typing import (
    UNSAID,
    Array,
    ConditionalCritic,
    ConditionalGenerator,
    Generator,
    PRNGKey,
    PyTree,
    Variables,
)
from gan_jax.typing import (
    Pairs as Pairs,  # what users make batches of
)

PairData: TypeAlias = Callable[..., Pairs]
"""``(key, batch, feed=…) -> Pairs``: draws examples with conditions."""


def labelled(x: Array, labels: Array) -> Pairs:
    """Examples ``[batch, *event]`` whose condition is their label ``[batch]``."""
    return Pairs(x, labels, labels[:, None], labels[:, None])


def describes(said: Array, true: Array) -> Array:
    """Whether a condition describes an example: all that it says is true of it.

    Args:
      said: ``[…, attributes]``, as in ``Pairs``.
      true: likewise; shapes broadcast along the leading axes.

    Returns:
      ``[…]`` of booleans.
    """
    return jnp.all((said == UNSAID) | (said == true), axis=-1)


class Mismatch(NamedTuple):
    """Wrong conditions for the examples of a batch.

    Attributes:
      places: whose condition each example is shown with, ``[batch]``.
      found: False where every condition of the batch describes the example, and ``places`` means nothing, ``[batch]``.
    """

    places: Array
    found: Array


def mismatched(key: PRNGKey, said: Array, true: Array) -> Mismatch:
    """Draws a wrong condition for every example, uniformly from those of its batch that do not describe it.

    A condition of another example is no wrong one where it describes this one too: scored low, it would teach the discriminator that a
    right pair is wrong.

    Args:
      key: of the draw.
      said, true: of one batch, as in ``Pairs``.

    Returns:
      The places of the wrong conditions.
    """
    wrong = ~describes(said[None, :, :], true[:, None, :])
    found = jnp.any(wrong, axis=1)
    # A row without any would be all -inf, of which no draw is possible.
    weights = jnp.where(wrong | ~found[:, None], 0.0, -jnp.inf)
    return Mismatch(jax.random.categorical(key, weights, axis=1), found)


class _Setup(NamedTuple):
    """What is fixed at compile time."""

    objective: Objective
    generator: ConditionalGenerator
    discriminator: ConditionalCritic
    batch_size: int
    discriminator_steps: int
    generator_optimizer: OptimizerOf
    discriminator_optimizer: OptimizerOf
    penalty: Penalty | None
    penalty_every: int
    perturb: Perturbation | None
    place: Place


def conditional(
    objective: Objective,
    generator: ConditionalGenerator,
    discriminator: ConditionalCritic,
    data: PairData,
    *,
    batch_size: int = 64,
    discriminator_steps: int = 1,
    generator_optimizer: OptimizerOf | None = None,
    discriminator_optimizer: OptimizerOf | None = None,
    generator_rate: float = 1e-3,
    discriminator_rate: float = 1e-3,
    wrong_weight: float = 0.5,
    auxiliary_weight: float = 1.0,
    penalty: Penalty | None = None,
    penalty_weight: float = 10.0,
    penalty_every: int = 1,
    perturb: Perturbation | None = None,
    noise: float = 0.0,
    noise_steps: float = math.inf,
    ema_decay: float | None = None,
    place: Place = anywhere,
) -> Game:
    """A conditional generator against a discriminator of pairs, in turn.

    ``L_D = (1 − w) L(D(x, c), D(G(z, c), c)) + w L(D(x, c), D(x, c'))``, ``c'`` a condition that does not describe x, L the objective's
    loss of the discriminator; of a separable objective that is its loss on right pairs, plus ``1 − w`` times that on generated and w
    times that on wrong pairs. The generator descends the objective's loss on ``D(G(z, c), c)``. With an auxiliary classifier both also
    descend the cross-entropy of the class: the discriminator on real examples, the generator on its own.

    Where no wrong pair is ever a right one, the optimum is not moved by the third kind: on the support of right pairs the mixture of
    negatives is the generated law alone, scaled by ``1 − w``.

    Args:
      objective: both losses, from ``objectives.losses``.
      generator, discriminator: from ``models.conditional`` and ``models.conditional_critics``.
      data: ``(key, batch, feed=…) -> Pairs``.
      batch_size: examples of each kind at an update.
      discriminator_steps: updates of the discriminator at one step, each on fresh examples.
      generator_optimizer, discriminator_optimizer: ``game.adam()`` where None.
      generator_rate, discriminator_rate: learning rates (hyperparameters).
      wrong_weight: w, ½ in the paper; 0 for no third kind (a hyperparameter).
      auxiliary_weight: of the cross-entropy of the class that the first attribute of ``said`` is (a hyperparameter; only where the
        discriminator has a classifier).
      penalty, penalty_weight, penalty_every: as in ``game.adversarial``; the gradient is that with respect to the example.
      perturb, noise, noise_steps: as in ``game.adversarial``.
      ema_decay: as in ``game.adversarial``.
      place: as in ``game.adversarial``.

    Returns:
      The game; ``Info.divergence`` and ``spread`` are of right and generated pairs.

    Raises:
      ValueError: sizes below one, ``wrong_weight`` outside [0, 1], a penalty on a discriminator that mixes examples; (in ``init``) an
        unknown hyperparameter, data of another shape than samples.

    Warns:
      UserWarning: as ``game.adversarial`` does.

    Source: Reed et al. 2016, "Generative adversarial text to image synthesis", Algorithm 1 (GAN-CLS), where the halves are lines 9 and 10;
      Odena, Olah & Shlens 2017, equations 2 and 3, for the auxiliary classifier.
    """
    sizes = {"batch_size": batch_size, "discriminator_steps": discriminator_steps, "penalty_every": penalty_every}
    for name, value in sizes.items():
        checks.integer(name, value, 1)
    check_objective(objective)
    checks.made("generator", generator, ConditionalGenerator, "models.conditional.conditional_mlp_generator")
    checks.made("discriminator", discriminator, ConditionalCritic, "models.conditional_critics.conditional_mlp_critic")
    checks.takes("data", data, ("key", "batch"), "one that gives training.conditional.Pairs", more=True)
    check_optimizers(generator_optimizer=generator_optimizer, discriminator_optimizer=discriminator_optimizer)
    if penalty is not None:
        check_penalty(penalty)
        refuse_mixing(discriminator)
    warn_where_nothing_holds_the_slope(objective, discriminator, penalty, stacklevel=3)
    setup = _Setup(
        objective,
        generator,
        discriminator,
        batch_size,
        discriminator_steps,
        generator_optimizer or adam(),
        discriminator_optimizer or adam(),
        penalty,
        penalty_every,
        perturb,
        place,
    )
    hyper = {"generator_rate": generator_rate, "discriminator_rate": discriminator_rate, "wrong_weight": wrong_weight}
    hyper |= {} if discriminator.classify is None else {"auxiliary_weight": auxiliary_weight}
    hyper |= {} if penalty is None else {"penalty_weight": penalty_weight}
    hyper |= {} if perturb is None else {"noise": noise, "noise_steps": noise_steps}

    def players(key: PRNGKey, hyper: Hyperparameters, feed: PyTree) -> tuple[Player, Player]:
        data_key, generator_key, noise_key, discriminator_key = jax.random.split(key, 4)
        pairs = drawn_from(data, feed)(data_key, 1)
        variables = generator.init(generator_key, pairs.condition)
        made = generator.apply(variables, generator.noise(noise_key, 1), generator.embed(variables, pairs.condition))
        check_pairs(drawn_from(data, feed), batch_size, made.shape[1:])
        judge = discriminator.init(discriminator_key, made, pairs.condition)
        return (
            Player(variables, setup.generator_optimizer(hyper["generator_rate"]).init(variables["params"])),
            Player(judge, setup.discriminator_optimizer(hyper["discriminator_rate"]).init(judge["params"])),
        )

    def step(state: GameState, key: PRNGKey, feed: PyTree) -> tuple[Player, Player, Info]:
        draw = drawn_from(data, feed)
        discriminator_key, generator_key = jax.random.split(key)
        judge, verdict = _train_discriminator(setup, draw, state, discriminator_key)
        player, loss, norm = _train_generator(setup, draw, state, judge.variables, generator_key)
        return player, judge, verdict._replace(generator_loss=loss, generator_gradient=norm)

    return game_of(players, step, hyper, {}, ema_decay)


def check_pairs(data: PairData, batch_size: int, event_shape: tuple[int, ...]) -> None:
    """Raises ``ValueError`` unless data comes as ``Pairs`` of a batch, with the generator's event shape and one set of attributes."""
    pairs = jax.eval_shape(lambda key: data(key, batch_size), jax.random.key(0))
    if pairs.x.shape != (batch_size, *event_shape):
        raise ValueError(
            f"data gives examples of shape {pairs.x.shape}; expected {(batch_size, *event_shape)}, as the generator's"
        )
    if pairs.said.ndim != 2 or pairs.said.shape != pairs.true.shape or pairs.said.shape[0] != batch_size:
        raise ValueError(
            f"data gives said of shape {pairs.said.shape} and true of shape {pairs.true.shape}; expected both [{batch_size}, attributes]"
        )


# --------------------------------------------------------------------------------------------------------------- the updates


def _train_discriminator(setup: _Setup, data: PairData, state: GameState, key: PRNGKey) -> tuple[Player, Info]:
    """``discriminator_steps`` updates of the discriminator, each on fresh examples; of the last one, what it saw."""
    first = state.step * setup.discriminator_steps

    def one(player: Player, number: Array) -> tuple[Player, Info]:
        own_key = jax.random.fold_in(key, number)
        gradients, info = _discriminator_gradient(setup, data, state, player.variables, own_key, first + number)
        optimizer = setup.discriminator_optimizer(state.hyper["discriminator_rate"])
        return moved(player, gradients, optimizer, setup.discriminator.constrain), info

    if setup.discriminator_steps == 1:
        return one(state.discriminator, jnp.zeros((), jnp.int32))
    player, infos = jax.lax.scan(one, state.discriminator, jnp.arange(setup.discriminator_steps))
    return player, jax.tree.map(lambda a: a[-1], infos)


def _discriminator_gradient(
    setup: _Setup, data: PairData, state: GameState, variables: Variables, key: PRNGKey, count: Array
) -> tuple[PyTree, Info]:
    """The gradient of ``mean L_D + λ mean penalty`` with respect to the discriminator's parameters, at update number ``count``."""
    data_key, noise_key, wrong_key, real_key, fake_key, penalty_key = jax.random.split(key, 6)
    judge, generator, own = setup.discriminator, setup.generator, state.generator.variables
    pairs = setup.place(data(data_key, setup.batch_size), 0)
    z = setup.place(generator.noise(noise_key, setup.batch_size), 0)
    made, _ = generator.train(own, z, generator.embed(own, pairs.condition))
    real = perturbed(setup.perturb, real_key, pairs.x, state)
    fake = perturbed(setup.perturb, fake_key, made, state)
    wrong = mismatched(wrong_key, pairs.said, pairs.true)
    weight = state.hyper["wrong_weight"] * wrong.found

    def loss(params: PyTree) -> tuple[Array, tuple[Array, Array, Array]]:
        ours = {**variables, "params": params}
        embedding = judge.embed(ours, pairs.condition)
        of_real, of_fake = _features_of_both(judge, ours, real, fake)
        real_logits = judge.judge(ours, of_real, embedding)
        fake_logits = judge.judge(ours, of_fake, embedding)
        wrong_logits = judge.judge(ours, of_real, jax.tree.map(lambda leaf: leaf[wrong.places], embedding))
        against_fake = setup.objective.discriminator_loss(real_logits, fake_logits)
        against_wrong = setup.objective.discriminator_loss(real_logits, wrong_logits)
        value = jnp.mean((1.0 - weight) * against_fake + weight * against_wrong)
        penalty = _penalty(setup, ours, real, fake, pairs.condition, penalty_key, count)
        scale = state.hyper["penalty_weight"] * setup.penalty_every if setup.penalty is not None else 0.0
        total = value + scale * penalty + _classification(setup, state, ours, of_real, pairs.said)
        return total, (setup.objective.divergence(real_logits, fake_logits), value, penalty)

    gradients, (divergence, value, penalty) = jax.grad(loss, has_aux=True)(variables["params"])
    nothing = jnp.zeros_like(value)
    return gradients, Info(
        divergence, value, penalty, nothing, optax.tree.norm(gradients), nothing, spread(pairs.x, made)
    )


def _train_generator(
    setup: _Setup, data: PairData, state: GameState, judge_variables: Variables, key: PRNGKey
) -> tuple[Player, Array, Array]:
    """One update of the generator on fresh noise and conditions; its loss, and the norm of its gradient."""
    data_key, noise_key, real_key, fake_key = jax.random.split(key, 4)
    judge, generator, own = setup.discriminator, setup.generator, state.generator.variables
    pairs = setup.place(data(data_key, setup.batch_size), 0)
    z = setup.place(generator.noise(noise_key, setup.batch_size), 0)

    def loss(params: PyTree) -> tuple[Array, tuple[Array, Variables]]:
        ours = {**own, "params": params}
        made, variables = generator.train(ours, z, generator.embed(ours, pairs.condition))
        embedding = judge.embed(judge_variables, pairs.condition)
        of_fake = judge.features(judge_variables, perturbed(setup.perturb, fake_key, made, state))
        # Where the loss does not look at real logits, XLA drops what follows from here.
        of_real = judge.features(judge_variables, perturbed(setup.perturb, real_key, pairs.x, state))
        value = jnp.mean(
            setup.objective.generator_loss(
                judge.judge(judge_variables, of_fake, embedding), judge.judge(judge_variables, of_real, embedding)
            )
        )
        return value + _classification(setup, state, judge_variables, of_fake, pairs.said), (value, variables)

    gradients, (value, variables) = jax.grad(loss, has_aux=True)(own["params"])
    optimizer = setup.generator_optimizer(state.hyper["generator_rate"])
    player = moved(Player(variables, state.generator.optimizer), gradients, optimizer)
    return player, value, optax.tree.norm(gradients)


def _features_of_both(
    judge: ConditionalCritic, variables: Variables, real: Array, fake: Array
) -> tuple[PyTree, PyTree]:
    """Features of both batches: in one pass where examples are seen one by one, apart where a batch has statistics of its own."""
    if judge.mixes_examples:
        return judge.features(variables, real), judge.features(variables, fake)
    together = judge.features(variables, jnp.concatenate([real, fake]))
    n = real.shape[0]
    return jax.tree.map(lambda leaf: leaf[:n], together), jax.tree.map(lambda leaf: leaf[n:], together)


def _penalty(
    setup: _Setup, variables: Variables, real: Array, fake: Array, condition: PyTree, key: PRNGKey, count: Array
) -> Array:
    """The mean penalty of ``x -> D(x, c)``, every example with its own condition; zero at the updates that a lazy one leaves out."""
    penalty = setup.penalty
    if penalty is None:
        return jnp.zeros(())

    def mean() -> Array:
        return jnp.mean(penalty(given(setup.discriminator, variables, condition), real, fake, key))

    return lazy_penalty(mean, setup.penalty_every, count)


def _classification(setup: _Setup, state: GameState, variables: Variables, features: PyTree, said: Array) -> Array:
    """The weighted cross-entropy of the auxiliary classifier, zero where there is none."""
    if setup.discriminator.classify is None:
        return jnp.zeros(())
    logits = setup.discriminator.classify(variables, features)
    return state.hyper["auxiliary_weight"] * jnp.mean(
        optax.softmax_cross_entropy_with_integer_labels(logits, said[:, 0])
    )


# --------------------------------------------------------------------------------------------------------- at fixed conditions


def given(critic: ConditionalCritic, variables: Variables, condition: PyTree) -> ExampleWise:
    """``x -> D(x, c)`` for a batch of conditions, example by example: what a penalty takes the gradient of.

    Args:
      critic: which sees examples one by one.
      variables: of it.
      condition: ``[batch, …]``: a batch of examples is judged with it, the k-th with the k-th.
    """
    embedding = critic.embed(variables, condition)
    return ExampleWise(lambda x: critic.judge(variables, critic.features(variables, x), embedding))


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
