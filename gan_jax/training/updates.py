"""Update rules: who moves when, and along which gradient. Each is an ``Update`` for ``game.adversarial``.

Optimism is a property of the optimiser, not of the rule: ``simultaneous()`` with ``optax.optimistic_gradient_descent`` or
``optax.optimistic_adam_v2`` on both sides. Two time scales are two learning rates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from gan_jax import checks
from gan_jax.caching import remembered
from gan_jax.objectives.penalties import Perturbation
from gan_jax.training.critic import lazy_penalty, logits_of_both, mean_penalty
from gan_jax.training.game import Setup, Update
from gan_jax.training.state import GameState, Info, Player, moved, spread
from gan_jax.typing import Array, PRNGKey, PyTree, Variables


class _Verdict(NamedTuple):
    """What a discriminator update saw, each ``[]``."""

    divergence: Array
    loss: Array
    penalty: Array
    gradient: Array
    spread: Array


@remembered
def alternating() -> Update:
    """The discriminator first, ``discriminator_steps`` times on fresh examples, then the generator against the new discriminator.

    Returns:
      The rule.

    Source: Goodfellow et al. 2014, Algorithm 1.
    """

    def step(setup: Setup, state: GameState, key: PRNGKey) -> tuple[Player, Player, Info]:
        discriminator_key, generator_key = jax.random.split(key)
        discriminator, verdict = _train_discriminator(setup, state, discriminator_key, setup.discriminator_steps)
        gradients, loss, variables = _generator_gradient(
            setup, state.generator.variables, discriminator.variables, generator_key, state
        )
        generator = _move_generator(setup, state, Player(variables, state.generator.optimizer), gradients)
        return generator, discriminator, _info(verdict, loss, gradients)

    return Update("alternating", step)


@remembered
def simultaneous() -> Update:
    """Both along their gradients at the same point; with k discriminator steps, the first k - 1 are made before.

    Returns:
      The rule.

    Source: Mescheder, Nowozin & Geiger 2017, Algorithm 1.
    """

    def step(setup: Setup, state: GameState, key: PRNGKey) -> tuple[Player, Player, Info]:
        before_key, field_key = jax.random.split(key)
        before = _before(setup, state, before_key)
        field = _field(setup, state, state.generator.variables, before.variables, field_key)
        generator = _move_generator(
            setup, state, Player(field.generator_variables, state.generator.optimizer), field.generator
        )
        discriminator = _move_discriminator(setup, state, before, field.discriminator)
        return generator, discriminator, _info(field.verdict, field.generator_loss, field.generator)

    return Update("simultaneous", step)


@remembered
def unrolled(steps: int) -> Update:
    """The generator looks ahead: its loss is taken after ``steps`` more updates of the discriminator, and differentiated through them.

    ``∇_θ L_G(θ, D_K(θ))``, ``D_{k+1} = D_k`` moved by its optimiser on examples of G_θ. The discriminator itself then moves as in
    ``alternating``, before the generator. The optimiser is differentiated too: give Adam a positive ``eps_root`` (``game.adam``).

    Args:
      steps: K; 0 is ``alternating``.

    Returns:
      The rule.

    Raises:
      ValueError: ``steps`` negative.

    Source: Metz et al. 2017, equations 7 to 10.
    """
    checks.integer("steps", steps, 0)

    def step(setup: Setup, state: GameState, key: PRNGKey) -> tuple[Player, Player, Info]:
        discriminator_key, ahead_key, generator_key = jax.random.split(key, 3)
        discriminator, verdict = _train_discriminator(setup, state, discriminator_key, setup.discriminator_steps)

        def loss(params: PyTree) -> tuple[Array, tuple[Array, Variables]]:
            variables = {**state.generator.variables, "params": params}
            looking = state._replace(generator=Player(variables, ()), discriminator=discriminator)
            ahead = _train_discriminator(setup, looking, ahead_key, steps)[0] if steps else discriminator
            return _generator_loss(setup, variables, ahead.variables, generator_key, state)

        gradients, (value, variables) = jax.grad(loss, has_aux=True)(state.generator.variables["params"])
        generator = _move_generator(setup, state, Player(variables, state.generator.optimizer), gradients)
        return generator, discriminator, _info(verdict, value, gradients)

    return Update(f"unrolled_{steps}", step)


@remembered
def extragradient() -> Update:
    """Both look one simultaneous step ahead and move from where they are along the gradients found there.

    ``w' = w - h v(w)``, ``w <- w - h v(w')``; both evaluations, on fresh examples, advance the optimisers' moments.

    Returns:
      The rule.

    Source: Korpelevich 1976; Gidel et al. 2019, Algorithms 2 and 4 (ExtraSGD, ExtraAdam).
    """

    def step(setup: Setup, state: GameState, key: PRNGKey) -> tuple[Player, Player, Info]:
        before_key, here_key, ahead_key = jax.random.split(key, 3)
        before = _before(setup, state, before_key)
        here = _field(setup, state, state.generator.variables, before.variables, here_key)
        generator = _move_generator(setup, state, state.generator, here.generator)
        discriminator = _move_discriminator(setup, state, before, here.discriminator)
        ahead = _field(setup, state, generator.variables, discriminator.variables, ahead_key)
        back = {**ahead.generator_variables, "params": state.generator.variables["params"]}
        return (
            _move_generator(setup, state, Player(back, generator.optimizer), ahead.generator),
            _move_discriminator(setup, state, Player(before.variables, discriminator.optimizer), ahead.discriminator),
            _info(ahead.verdict, ahead.generator_loss, ahead.generator),
        )

    return Update("extragradient", step)


@remembered
def consensus(weight: float = 0.1) -> Update:
    """Both also descend ``½ ||v||²``, v the two gradients together: where the players disagree, they slow down.

    ``w <- w - h (v + γ ∇ ½ ||v||²)``.

    Args:
      weight: γ, the hyperparameter ``consensus_weight``.

    Returns:
      The rule.

    Raises:
      ValueError: ``weight`` negative.

    Source: Mescheder, Nowozin & Geiger 2017, Algorithm 2.
    """
    checks.within("weight", weight, 0.0, math.inf, high_open=True)

    def step(setup: Setup, state: GameState, key: PRNGKey) -> tuple[Player, Player, Info]:
        before_key, field_key = jax.random.split(key)
        before = _before(setup, state, before_key)

        def energy(generator_params: PyTree, discriminator_params: PyTree) -> tuple[Array, _Field]:
            field = _field(
                setup,
                state,
                {**state.generator.variables, "params": generator_params},
                {**before.variables, "params": discriminator_params},
                field_key,
            )
            # Not the norm: its square, whose derivative at an equilibrium is zero.
            squares = jax.tree.map(lambda g: jnp.sum(jnp.square(g)), (field.generator, field.discriminator))
            return 0.5 * sum(jax.tree.leaves(squares), start=jnp.zeros(())), field

        pull, field = jax.grad(energy, argnums=(0, 1), has_aux=True)(
            state.generator.variables["params"], before.variables["params"]
        )
        add = lambda gradient, towards: gradient + state.hyper["consensus_weight"] * towards  # noqa: E731
        generator_gradients = jax.tree.map(add, field.generator, pull[0])
        discriminator_gradients = jax.tree.map(add, field.discriminator, pull[1])
        generator = _move_generator(
            setup, state, Player(field.generator_variables, state.generator.optimizer), generator_gradients
        )
        discriminator = _move_discriminator(setup, state, before, discriminator_gradients)
        return generator, discriminator, _info(field.verdict, field.generator_loss, field.generator)

    return Update("consensus", step, {"consensus_weight": weight})


# ------------------------------------------------------------------------------------------------------- the two gradients


class _Field(NamedTuple):
    """Both gradients at one point."""

    generator: PyTree
    generator_loss: Array
    generator_variables: Variables
    discriminator: PyTree
    verdict: _Verdict


def _field(setup: Setup, state: GameState, generator: Variables, discriminator: Variables, key: PRNGKey) -> _Field:
    """The gradients of both sides where both are; the discriminator's is that of the last of its steps."""
    discriminator_key, generator_key = jax.random.split(key)
    examples_key, update_key = jax.random.split(discriminator_key)
    real, fake = _examples(setup, generator, examples_key, state, 1)
    count = state.step * setup.discriminator_steps + setup.discriminator_steps - 1
    towards, verdict = _discriminator_gradient(setup, discriminator, real[0], fake[0], update_key, count, state)
    gradients, loss, variables = _generator_gradient(setup, generator, discriminator, generator_key, state)
    return _Field(gradients, loss, variables, towards, verdict)


def _examples(setup: Setup, generator: Variables, key: PRNGKey, state: GameState, steps: int) -> tuple[Array, Array]:
    """Real and fake examples of ``steps`` discriminator updates, ``[steps, batch, *event]``: all of them in one pass."""
    real_key, noise_key = jax.random.split(key)
    total = steps * setup.batch_size
    real = setup.data(real_key, total, **{name: state.hyper[name] for name in setup.data_names})

    def split(a: Array) -> Array:
        return a.reshape(steps, setup.batch_size, *a.shape[1:])

    noise = setup.place(jax.tree.map(split, setup.generator.noise(noise_key, total)), 1)
    # Update by update, since batch statistics are those of one batch; without any, XLA makes it one large product.
    fake = jax.vmap(lambda z: setup.generator.train(generator, z)[0])(noise)
    return setup.place(split(real), 1), fake


def _train_discriminator(setup: Setup, state: GameState, key: PRNGKey, steps: int) -> tuple[Player, _Verdict]:
    """``steps`` updates of the discriminator against the generator of ``state``, each on fresh examples."""
    examples_key, update_key = jax.random.split(key)
    real, fake = _examples(setup, state.generator.variables, examples_key, state, steps)
    first = state.step * setup.discriminator_steps

    def one(player: Player, batch: tuple[Array, Array, Array]) -> tuple[Player, _Verdict]:
        x, y, number = batch
        own_key = jax.random.fold_in(update_key, number)
        gradients, verdict = _discriminator_gradient(setup, player.variables, x, y, own_key, first + number, state)
        return _move_discriminator(setup, state, player, gradients), verdict

    if steps == 1:
        return one(state.discriminator, (real[0], fake[0], jnp.zeros((), jnp.int32)))
    player, verdicts = jax.lax.scan(one, state.discriminator, (real, fake, jnp.arange(steps)))
    return player, jax.tree.map(lambda a: a[-1], verdicts)


def _before(setup: Setup, state: GameState, key: PRNGKey) -> Player:
    """The discriminator after all of its steps but the last."""
    steps = setup.discriminator_steps - 1
    return _train_discriminator(setup, state, key, steps)[0] if steps else state.discriminator


def _discriminator_gradient(
    setup: Setup, variables: Variables, real: Array, fake: Array, key: PRNGKey, count: Array, state: GameState
) -> tuple[PyTree, _Verdict]:
    """The gradient of ``mean L_D + λ mean penalty`` with respect to the discriminator's parameters, at update number ``count``."""
    real_key, fake_key, penalty_key = jax.random.split(key, 3)
    x, y = _seen(setup, real_key, real, state), _seen(setup, fake_key, fake, state)

    def loss(params: PyTree) -> tuple[Array, tuple[Array, Array, Array]]:
        own = {**variables, "params": params}
        real_logits, fake_logits = logits_of_both(setup.discriminator, own, x, y)
        value = jnp.mean(setup.objective.discriminator_loss(real_logits, fake_logits))
        divergence = setup.objective.divergence(real_logits, fake_logits)
        penalty = _penalty(setup, own, x, y, penalty_key, count)
        weight = state.hyper["penalty_weight"] * setup.penalty_every if setup.penalty is not None else 0.0
        return value + weight * penalty, (divergence, value, penalty)

    gradients, (divergence, value, penalty) = jax.grad(loss, has_aux=True)(variables["params"])
    return gradients, _Verdict(divergence, value, penalty, optax.tree.norm(gradients), spread(real, fake))


def _penalty(setup: Setup, variables: Variables, real: Array, fake: Array, key: PRNGKey, count: Array) -> Array:
    """The mean penalty, zero at the updates that a lazy one leaves out."""
    penalty = setup.penalty
    if penalty is None:
        return jnp.zeros(())
    mean = partial(mean_penalty, penalty, setup.discriminator, variables, real, fake, key)
    return lazy_penalty(mean, setup.penalty_every, count)


def _generator_loss(
    setup: Setup, generator: Variables, discriminator: Variables, key: PRNGKey, state: GameState
) -> tuple[Array, tuple[Array, Variables]]:
    """What the generator descends, on fresh noise; and ``mean L_G`` alone, with the generator's variables after the pass."""
    noise_key, data_key, fake_key, real_key = jax.random.split(key, 4)
    noise = setup.place(setup.generator.noise(noise_key, setup.batch_size), 0)
    fake, variables = setup.generator.train(generator, noise)
    # Where the loss does not look at real logits, XLA drops what follows from here.
    real = setup.data(data_key, setup.batch_size, **{name: state.hyper[name] for name in setup.data_names})
    real = setup.place(real, 0)
    fake_logits = setup.discriminator.apply(discriminator, _seen(setup, fake_key, fake, state))
    real_logits = setup.discriminator.apply(discriminator, _seen(setup, real_key, real, state))
    loss = jnp.mean(setup.objective.generator_loss(fake_logits, real_logits))
    if setup.regulariser is None:
        return loss, (loss, variables)
    return loss + state.hyper["regulariser_weight"] * setup.regulariser(noise, fake), (loss, variables)


def _generator_gradient(
    setup: Setup, generator: Variables, discriminator: Variables, key: PRNGKey, state: GameState
) -> tuple[PyTree, Array, Variables]:
    """The gradient of ``mean L_G`` with respect to the generator's parameters, the loss, and the variables after the pass."""

    def loss(params: PyTree) -> tuple[Array, tuple[Array, Variables]]:
        return _generator_loss(setup, {**generator, "params": params}, discriminator, key, state)

    gradients, (value, variables) = jax.grad(loss, has_aux=True)(generator["params"])
    return gradients, value, variables


def _seen(setup: Setup, key: PRNGKey, x: Array, state: GameState) -> Array:
    """What the discriminator sees in place of ``x``."""
    return perturbed(setup.perturb, key, x, state)


def perturbed(perturb: Perturbation | None, key: PRNGKey, x: Array, state: GameState) -> Array:
    """Examples as a discriminator sees them: changed by as much as the hyperparameters ``noise`` and ``noise_steps`` of a state say."""
    if perturb is None:
        return x
    left = jnp.maximum(1.0 - state.step / state.hyper["noise_steps"], 0.0)
    return perturb(key, x, state.hyper["noise"] * left)


def _move_generator(setup: Setup, state: GameState, player: Player, gradients: PyTree) -> Player:
    return moved(player, gradients, setup.generator_optimizer(state.hyper["generator_rate"]))


def _move_discriminator(setup: Setup, state: GameState, player: Player, gradients: PyTree) -> Player:
    optimizer = setup.discriminator_optimizer(state.hyper["discriminator_rate"])
    return moved(player, gradients, optimizer, setup.discriminator.constrain)


def _info(verdict: _Verdict, generator_loss: Array, generator_gradients: PyTree) -> Info:
    return Info(
        verdict.divergence,
        verdict.loss,
        verdict.penalty,
        generator_loss,
        verdict.gradient,
        optax.tree.norm(generator_gradients),
        verdict.spread,
    )


UPDATES: Mapping[str, Callable[[], Update]] = checks.Named(
    "update",
    {
        "alternating": alternating,
        "simultaneous": simultaneous,
        "unrolled": lambda: unrolled(5),
        "extragradient": extragradient,
        "consensus": consensus,
    },
)
"""Constructors of all rules by name."""
