"""Update rules: who moves when, and along which gradient. Each is an ``Update``, for every game that says its losses (``sides.Setup``).

Optimism is a property of the optimiser, not of the rule: ``simultaneous()`` with ``optax.optimistic_gradient_descent`` or
``optax.optimistic_adam_v2`` on both sides. Two time scales are two learning rates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from gan_jax import checks, numerics
from gan_jax.caching import remembered
from gan_jax.training.sides import DiscriminatorReport, Drawing, GeneratorReport, Moment, Setup, Update
from gan_jax.training.state import GameState, Info, PlayerState, moved
from gan_jax.typing import Array, PRNGKey, PyTree, Variables


class _Verdict(NamedTuple):
    """What a discriminator update saw, each ``[]``."""

    divergence: Array
    loss: Array
    penalty: Array
    gradient: Array
    variance_ratio: Array


@remembered
def alternating() -> Update:
    """The discriminator first, ``discriminator_steps`` times on fresh examples, then the generator against the new discriminator.

    Returns:
      The rule.

    Source: Goodfellow et al. 2014, Algorithm 1.
    """

    def step(setup: Setup, state: GameState, key: PRNGKey) -> tuple[PlayerState, PlayerState, Info]:
        discriminator_key, generator_key = jax.random.split(key)
        discriminator, verdict = _train_discriminator(
            setup, state, state.generator.variables, state.discriminator, discriminator_key, setup.discriminator_steps
        )
        drawing = setup.draw_g(generator_key, moment=_moment(setup, state))
        grads_g, report = _generator_gradient(setup, state, state.generator.variables, discriminator.variables, drawing)
        generator = _move_generator(setup, state, PlayerState(report.variables, state.generator.optimizer), grads_g)
        return generator, discriminator, _info(verdict, report.loss, grads_g)

    return Update("alternating", step)


@remembered
def simultaneous() -> Update:
    """Both along their gradients at the same point; with k discriminator steps, the first k - 1 are made before.

    Returns:
      The rule.

    Source: Mescheder, Nowozin & Geiger 2017, Algorithm 1.
    """

    def step(setup: Setup, state: GameState, key: PRNGKey) -> tuple[PlayerState, PlayerState, Info]:
        before, field_key = _before(setup, state, key)
        field = _field(setup, state, state.generator.variables, before.variables, field_key)
        return _moved_along(setup, state, before, field, field.grads_g, field.grads_d)

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

    def step(setup: Setup, state: GameState, key: PRNGKey) -> tuple[PlayerState, PlayerState, Info]:
        discriminator_key, ahead_key, generator_key = jax.random.split(key, 3)
        own = state.generator.variables
        discriminator, verdict = _train_discriminator(
            setup, state, own, state.discriminator, discriminator_key, setup.discriminator_steps
        )
        moment = _moment(setup, state)
        drawing = setup.draw_g(generator_key, moment=moment)

        def loss(params: PyTree) -> tuple[Array, GeneratorReport]:
            looking = {**own, "params": params}
            ahead = discriminator
            if steps:
                ahead, _ = _train_discriminator(setup, state, looking, discriminator, ahead_key, steps)
            return setup.g_loss(
                params, variables=own, discriminator=ahead.variables, **drawing._asdict(), moment=moment
            )

        grads_g, report = jax.grad(loss, has_aux=True)(own["params"])
        generator = _move_generator(setup, state, PlayerState(report.variables, state.generator.optimizer), grads_g)
        return generator, discriminator, _info(verdict, report.loss, grads_g)

    return Update(f"unrolled_{steps}", step)


@remembered
def extragradient() -> Update:
    """Both look one simultaneous step ahead and move from where they are along the gradients found there.

    ``w' = w - h v(w)``, ``w <- w - h v(w')``; both evaluations, on fresh examples, advance the optimisers' moments. One rate h serves both:
    a schedule counts the pair as one update.

    Returns:
      The rule.

    Source: Korpelevich 1976; Gidel et al. 2019, Algorithms 2 and 4 (ExtraSGD, ExtraAdam).
    """

    def step(setup: Setup, state: GameState, key: PRNGKey) -> tuple[PlayerState, PlayerState, Info]:
        before_key, here_key, ahead_key = jax.random.split(key, 3)
        before = _all_but_the_last(setup, state, before_key)
        here = _field(setup, state, state.generator.variables, before.variables, here_key)
        generator = _move_generator(setup, state, state.generator, here.grads_g)
        discriminator = _move_discriminator(setup, state, before, here.grads_d)
        ahead = _field(setup, state, generator.variables, discriminator.variables, ahead_key)
        # Back to where they were, with the moments and the collections that have seen what is ahead.
        back = {**ahead.generator.variables, "params": state.generator.variables["params"]}
        shown = {**before.variables, **ahead.collections}
        optimizer_g = _scheduled_as(state.generator.optimizer, generator.optimizer)
        optimizer_d = _scheduled_as(before.optimizer, discriminator.optimizer)
        return (
            _move_generator(setup, state, PlayerState(back, optimizer_g), ahead.grads_g),
            _move_discriminator(setup, state, PlayerState(shown, optimizer_d), ahead.grads_d),
            _info(ahead.verdict, ahead.generator.loss, ahead.grads_g),
        )

    return Update("extragradient", step)


def _scheduled_as(before: PyTree, ahead: PyTree) -> PyTree:
    """The optimiser's state ``ahead``, whose schedules stand where they stood ``before``."""

    def is_schedule(node: object) -> bool:
        return isinstance(node, optax.ScaleByScheduleState)

    return jax.tree.map(lambda a, b: a if is_schedule(a) else b, before, ahead, is_leaf=is_schedule)


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

    def step(setup: Setup, state: GameState, key: PRNGKey) -> tuple[PlayerState, PlayerState, Info]:
        before, field_key = _before(setup, state, key)
        params = state.generator.variables["params"], before.variables["params"]

        def energy(params_g: PyTree, params_d: PyTree) -> tuple[Array, _Field]:
            field = _field(
                setup,
                state,
                {**state.generator.variables, "params": params_g},
                {**before.variables, "params": params_d},
                field_key,
            )
            # Not the norm: its square, whose derivative at an equilibrium is zero.
            squares = jax.tree.map(lambda g: jnp.sum(jnp.square(g)), (field.grads_g, field.grads_d))
            return 0.5 * sum(jax.tree.leaves(squares), start=jnp.zeros(())), field

        pull, field = jax.grad(energy, argnums=(0, 1), has_aux=True)(*params)
        add = lambda gradient, extra: gradient + state.hyper["consensus_weight"] * extra  # noqa: E731
        grads_g, grads_d = jax.tree.map(add, (field.grads_g, field.grads_d), pull)
        return _moved_along(setup, state, before, field, grads_g, grads_d)

    return Update("consensus", step, {"consensus_weight": weight})


# ------------------------------------------------------------------------------------------------------- the two gradients


class _Field(NamedTuple):
    """Both gradients at one point, and what was told of either side."""

    grads_g: PyTree
    generator: GeneratorReport
    grads_d: PyTree
    collections: Variables
    verdict: _Verdict


def _moment(setup: Setup, state: GameState, number: Array | int = 0) -> Moment:
    """Of the discriminator's update ``number`` of a step."""
    return Moment(step=state.step, updates=state.step * setup.discriminator_steps + number, hyper=state.hyper)


def _field(setup: Setup, state: GameState, generator: Variables, discriminator: Variables, key: PRNGKey) -> _Field:
    """The gradients of both sides where both are; the discriminator's is that of the last of its steps."""
    moment = _moment(setup, state, setup.discriminator_steps - 1)
    drawing_d, drawing_g = setup.draw_both(key, generator=generator, moment=moment)
    grads_d, collections, verdict = _discriminator_gradient(setup, discriminator, drawing_d, moment)
    grads_g, report = _generator_gradient(setup, state, generator, discriminator, drawing_g)
    return _Field(grads_g, report, grads_d, collections, verdict)


def _train_discriminator(
    setup: Setup, state: GameState, generator: Variables, discriminator: PlayerState, key: PRNGKey, steps: int
) -> tuple[PlayerState, _Verdict]:
    """``steps`` updates of the discriminator against a generator that stays, each on fresh examples; what the last one saw."""
    shares = setup.draw_d(key, generator=generator, moment=_moment(setup, state), steps=steps)

    def one(player: PlayerState, update: tuple[PyTree, Array]) -> tuple[PlayerState, _Verdict]:
        share, number = update
        moment = _moment(setup, state, number)
        drawing = setup.draw_each(share, generator=generator, moment=moment)
        grads_d, collections, verdict = _discriminator_gradient(setup, player.variables, drawing, moment)
        player = PlayerState({**player.variables, **collections}, player.optimizer)
        return _move_discriminator(setup, state, player, grads_d), verdict

    if steps == 1:
        return one(discriminator, (jax.tree.map(lambda leaf: leaf[0], shares), jnp.zeros((), jnp.int32)))
    player, verdicts = jax.lax.scan(one, discriminator, (shares, jnp.arange(steps)))
    return player, jax.tree.map(lambda a: a[-1], verdicts)


def _before(setup: Setup, state: GameState, key: PRNGKey) -> tuple[PlayerState, PRNGKey]:
    """The discriminator after all of its steps but the last, and the key of what follows."""
    if setup.one_batch and setup.discriminator_steps == 1:
        return state.discriminator, key
    before_key, field_key = jax.random.split(key)
    return _all_but_the_last(setup, state, before_key), field_key


def _all_but_the_last(setup: Setup, state: GameState, key: PRNGKey) -> PlayerState:
    steps = setup.discriminator_steps - 1
    if not steps:
        return state.discriminator
    return _train_discriminator(setup, state, state.generator.variables, state.discriminator, key, steps)[0]


def _discriminator_gradient(
    setup: Setup, variables: Variables, drawing: Drawing, moment: Moment
) -> tuple[PyTree, Variables, _Verdict]:
    """The gradient in the discriminator's parameters, the collections that advanced, and what is recorded."""
    grads_d, report = jax.grad(setup.d_loss, has_aux=True)(
        variables["params"], variables=variables, **drawing._asdict(), moment=moment
    )
    return grads_d, report.collections, _verdict(report, grads_d)


def _verdict(report: DiscriminatorReport, grads_d: PyTree) -> _Verdict:
    return _Verdict(
        divergence=report.divergence,
        loss=report.loss,
        penalty=report.penalty,
        gradient=numerics.tree_norm(grads_d),
        variance_ratio=report.variance_ratio,
    )


def _generator_gradient(
    setup: Setup, state: GameState, generator: Variables, discriminator: Variables, drawing: Drawing
) -> tuple[PyTree, GeneratorReport]:
    """The gradient in the generator's parameters, and what is told of it."""
    grads_g: PyTree
    report: GeneratorReport
    grads_g, report = jax.grad(setup.g_loss, has_aux=True)(
        generator["params"],
        variables=generator,
        discriminator=discriminator,
        **drawing._asdict(),
        moment=_moment(setup, state),
    )
    return grads_g, report


def _moved_along(
    setup: Setup, state: GameState, before: PlayerState, field: _Field, grads_g: PyTree, grads_d: PyTree
) -> tuple[PlayerState, PlayerState, Info]:
    """Both sides from where the field was taken, along two gradients; recorded are those of the field."""
    generator = PlayerState(field.generator.variables, state.generator.optimizer)
    discriminator = PlayerState({**before.variables, **field.collections}, before.optimizer)
    return (
        _move_generator(setup, state, generator, grads_g),
        _move_discriminator(setup, state, discriminator, grads_d),
        _info(field.verdict, field.generator.loss, field.grads_g),
    )


def _move_generator(setup: Setup, state: GameState, player: PlayerState, grads_g: PyTree) -> PlayerState:
    return moved(player, grads_g, setup.generator_optimizer(state.hyper["generator_rate"]))


def _move_discriminator(setup: Setup, state: GameState, player: PlayerState, grads_d: PyTree) -> PlayerState:
    return moved(player, grads_d, setup.discriminator_optimizer(state.hyper["discriminator_rate"]), setup.constrain)


def _info(verdict: _Verdict, generator_loss: Array, grads_g: PyTree) -> Info:
    return Info(
        divergence=verdict.divergence,
        discriminator_loss=verdict.loss,
        penalty=verdict.penalty,
        generator_loss=generator_loss,
        discriminator_gradient=verdict.gradient,
        generator_gradient=numerics.tree_norm(grads_g),
        variance_ratio=verdict.variance_ratio,
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
