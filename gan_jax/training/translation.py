"""Unpaired translation as a game of four: a generator each way, and a discriminator of each domain.

Nobody shows which y belongs to which x. What keeps a generator from drawing anything that looks like the other domain is that the way there
and back must return what it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

from gan_jax import checks
from gan_jax import moved as relocated
from gan_jax.objectives.losses import Objective, check_objective
from gan_jax.objectives.penalties import Penalty, check_penalty
from gan_jax.training import pool as pools
from gan_jax.training.critic import lazy_penalty, mean_penalty, refuse_mixing, warn_where_nothing_holds_the_slope
from gan_jax.training.game import Game, Place, anywhere, check_optimizers, drawn_from, game_of
from gan_jax.training.optimizers import OptimizerOf, adam
from gan_jax.training.state import GameState, Hyperparameters, Info, Player, moved, spread
from gan_jax.typing import Array, Critic, Domains, PRNGKey, PyTree, Translator, Variables

DomainData: TypeAlias = Callable[..., Domains]
"""``(key, batch, feed=…) -> Domains``: draws examples of both domains, independently of each other."""

ABLATIONS: dict[str, dict[str, float]] = {
    "full": {},
    "adversarial only": {"forward_weight": 0.0, "backward_weight": 0.0},
    "forward cycle only": {"backward_weight": 0.0},
    "backward cycle only": {"forward_weight": 0.0},
    "cycle only": {"adversarial_weight": 0.0},
}
"""What ``init`` takes to leave terms out: all of them are one program (Zhu et al. 2017, table 4; the last one is the cycle alone)."""


class _Setup(NamedTuple):
    """What is fixed at compile time."""

    objective: Objective
    forward: Translator
    backward: Translator
    judge_x: Critic
    judge_y: Critic
    batch_size: int
    generator_optimizer: OptimizerOf
    discriminator_optimizer: OptimizerOf
    identity: bool
    penalty: Penalty | None
    penalty_every: int
    place: Place


def translation(
    objective: Objective,
    forward: Translator,
    backward: Translator,
    judge_x: Critic,
    judge_y: Critic,
    data: DomainData,
    *,
    batch_size: int = 1,
    generator_optimizer: OptimizerOf | None = None,
    discriminator_optimizer: OptimizerOf | None = None,
    generator_rate: float = 2e-4,
    discriminator_rate: float = 2e-4,
    adversarial_weight: float = 1.0,
    forward_weight: float = 10.0,
    backward_weight: float = 10.0,
    identity_weight: float | None = 0.5,
    pool_size: int = 50,
    penalty: Penalty | None = None,
    penalty_weight: float = 10.0,
    penalty_every: int = 1,
    ema_decay: float | None = None,
    place: Place = anywhere,
) -> Game:
    """CycleGAN: ``G: X -> Y`` and ``F: Y -> X``, who return what they were given, against ``D_Y`` and ``D_X``.

    With ℓ the objective's loss of a generator, α the adversarial weight, λ_x and λ_y those of the two cycles, and ι that of the identity,

    ``L_G = α [ℓ(D_Y(G(x))) + ℓ(D_X(F(y)))] + λ_x mean |F(G(x)) − x| + λ_y mean |G(F(y)) − y|
    + ι λ_y mean |G(y) − y| + ι λ_x mean |F(x) − x|``,

    and the discriminators descend half the sum of their losses on ``(y, G(x))`` and on ``(x, F(y))``, where generated examples come by way
    of a pool of each. Both generators move first, both discriminators after them, on the same batch.

    Args:
      objective: from ``objectives.losses``; least squares in the paper.
      forward, backward: G and F, from ``models.translators``.
      judge_x, judge_y: discriminators of the two domains.
      data: ``(key, batch, feed=…) -> Domains``.
      batch_size: examples of each domain at a step.
      generator_optimizer, discriminator_optimizer: ``game.adam(b1=.5, b2=.999)`` where None; ``half_constant`` is the paper's.
      generator_rate, discriminator_rate: learning rates (hyperparameters).
      adversarial_weight, forward_weight, backward_weight: α, λ_x and λ_y (hyperparameters; ``ABLATIONS`` names some).
      identity_weight: ι (a hyperparameter); the terms are there only where both domains have one event shape. With None they are not in
        the program at all, which saves two of six passes through the generators.
      pool_size: generated examples of each domain that are kept; they change what discriminators see, and nothing else.
      penalty, penalty_weight, penalty_every: as in ``game.adversarial``, on both discriminators.
      ema_decay: as in ``game.adversarial``, of both generators.
      place: as in ``game.adversarial``.

    Returns:
      The game. ``state.generator`` holds both translators (``translators`` reads them), ``state.discriminator`` both discriminators and
      the pools. ``Info.divergence``, the losses and the penalty are sums over the two domains; ``spread`` is of y and G(x).

    Raises:
      ValueError: sizes below one, a negative pool, a penalty on a discriminator that mixes examples; (in ``init``) an unknown
        hyperparameter, translators whose events are not those of the data.

    Warns:
      UserWarning: as ``game.adversarial`` does.

    Source: Zhu, Park, Isola & Efros 2017, "Unpaired image-to-image translation using cycle-consistent adversarial networks", equations 1 to
      3, section 4 and appendix 7.1; the identity terms are those of section 5.2.
    """
    for name, value in {"batch_size": batch_size, "penalty_every": penalty_every}.items():
        checks.integer(name, value, 1)
    checks.integer("pool_size", pool_size, 0)
    check_objective(objective)
    for name, player, kind, example in (
        ("forward", forward, Translator, "models.translators.mlp_translator()"),
        ("backward", backward, Translator, "models.translators.mlp_translator()"),
        ("judge_x", judge_x, Critic, "models.mlp.mlp()"),
        ("judge_y", judge_y, Critic, "models.mlp.mlp()"),
    ):
        checks.made(name, player, kind, example)
    checks.takes("data", data, ("key", "batch"), "one that gives typing.Domains", more=True)
    check_optimizers(generator_optimizer=generator_optimizer, discriminator_optimizer=discriminator_optimizer)
    if penalty is not None:
        check_penalty(penalty)
        refuse_mixing(judge_x)
        refuse_mixing(judge_y)
    free = judge_y if judge_x.bounded else judge_x
    warn_where_nothing_holds_the_slope(objective, free, penalty, stacklevel=3)
    usual = adam(b1=0.5, b2=0.999)
    setup = _Setup(
        objective,
        forward,
        backward,
        judge_x,
        judge_y,
        batch_size,
        generator_optimizer or usual,
        discriminator_optimizer or usual,
        identity_weight is not None,
        penalty,
        penalty_every,
        place,
    )
    hyper = {
        "generator_rate": generator_rate,
        "discriminator_rate": discriminator_rate,
        "adversarial_weight": adversarial_weight,
        "forward_weight": forward_weight,
        "backward_weight": backward_weight,
    }
    hyper |= {} if identity_weight is None else {"identity_weight": identity_weight}
    hyper |= {} if penalty is None else {"penalty_weight": penalty_weight}

    def players(key: PRNGKey, hyper: Hyperparameters, feed: PyTree) -> tuple[Player, Player]:
        data_key, *keys = jax.random.split(key, 5)
        x, y = _checked(drawn_from(data, feed), data_key, batch_size)
        both = _joined(forward.init(keys[0], x), backward.init(keys[1], y), ("forward", "backward"))
        _check_events(forward, backward, both, x, y)
        judges = _joined(judge_x.init(keys[2], x), judge_y.init(keys[3], y), ("x", "y"))
        kept = {"x": pools.empty(pool_size, x.shape[1:]), "y": pools.empty(pool_size, y.shape[1:])}
        return (
            Player(both, setup.generator_optimizer(hyper["generator_rate"]).init(both["params"])),
            Player(
                {**judges, "pool": kept},
                setup.discriminator_optimizer(hyper["discriminator_rate"]).init(judges["params"]),
            ),
        )

    def step(state: GameState, key: PRNGKey, feed: PyTree) -> tuple[Player, Player, Info]:
        data_key, pool_key, penalty_key = jax.random.split(key, 3)
        drawn = place(drawn_from(data, feed)(data_key, batch_size), 0)
        own = setup._replace(identity=setup.identity and drawn.x.shape == drawn.y.shape)
        generators, made, loss, norm = _train_generators(own, state, drawn)
        judges, info = _train_discriminators(own, state, drawn, made, pool_key, penalty_key)
        return generators, judges, info._replace(generator_loss=loss, generator_gradient=norm)

    return game_of(players, step, hyper, {}, ema_decay)


def translators(variables: Variables) -> tuple[Variables, Variables]:
    """Variables of G and of F, from those of ``state.generator`` or ``state.averaged``."""
    return _own(variables, "forward"), _own(variables, "backward")


def _joined(first: Variables, second: Variables, names: tuple[str, str]) -> Variables:
    """Two players' variables as one: ``{collection: {name: …}}``."""
    return {
        collection: {names[0]: first.get(collection, {}), names[1]: second.get(collection, {})}
        for collection in first | second
    }


def _own(variables: Variables, name: str) -> Variables:
    return {collection: both[name] for collection, both in variables.items() if collection != "pool"}


def _checked(data: DomainData, key: PRNGKey, batch_size: int) -> Domains:
    x, y = data(key, batch_size)
    for name, drawn in (("x", x), ("y", y)):
        if drawn.shape[:1] != (batch_size,):
            raise ValueError(f"data gives {name} of shape {drawn.shape}; expected [{batch_size}, *event]")
    return Domains(x, y)


def _check_events(forward: Translator, backward: Translator, both: Variables, x: Array, y: Array) -> None:
    for name, network, given, wanted in (("forward", forward, x, y), ("backward", backward, y, x)):
        made = jax.eval_shape(network.apply, _own(both, name), given).shape
        if made[1:] != wanted.shape[1:]:
            raise ValueError(f"{name} gives events of shape {made[1:]}; expected {wanted.shape[1:]}, as the data's")


def _train_generators(setup: _Setup, state: GameState, drawn: Domains) -> tuple[Player, Domains, Array, Array]:
    """One update of both generators; what they made before it, their loss, and the norm of its gradient."""
    own, judges, hyper = state.generator.variables, state.discriminator.variables, state.hyper
    x, y = drawn

    def loss(params: PyTree) -> tuple[Array, Domains]:
        variables = {**own, "params": params}
        to_y, to_x = _own(variables, "forward"), _own(variables, "backward")
        fake_y, fake_x = setup.forward.apply(to_y, x), setup.backward.apply(to_x, y)
        deceived = [
            _deception(setup, judge, _own(judges, name), real, fake)
            for judge, name, real, fake in ((setup.judge_y, "y", y, fake_y), (setup.judge_x, "x", x, fake_x))
        ]
        value = hyper["adversarial_weight"] * (deceived[0] + deceived[1])
        value += hyper["forward_weight"] * _distance(setup.backward.apply(to_x, fake_y), x)
        value += hyper["backward_weight"] * _distance(setup.forward.apply(to_y, fake_x), y)
        if setup.identity:
            kept_y, kept_x = _distance(setup.forward.apply(to_y, y), y), _distance(setup.backward.apply(to_x, x), x)
            value += hyper["identity_weight"] * (hyper["backward_weight"] * kept_y + hyper["forward_weight"] * kept_x)
        return value, Domains(fake_x, fake_y)

    (value, made), gradients = jax.value_and_grad(loss, has_aux=True)(own["params"])
    player = moved(state.generator, gradients, setup.generator_optimizer(hyper["generator_rate"]))
    return player, made, value, optax.tree.norm(gradients)


def _deception(setup: _Setup, judge: Critic, variables: Variables, real: Array, fake: Array) -> Array:
    """The objective's loss of a generator, ``[]``; where it does not look at real logits, XLA drops what follows from them."""
    return jnp.mean(setup.objective.generator_loss(_logits(judge, variables, fake), _logits(judge, variables, real)))


def _logits(judge: Critic, variables: Variables, x: Array) -> Array:
    """One logit an example, or one for every patch of every example: ``[batch]`` or ``[batch · places]``."""
    return judge.apply(variables, x).reshape(-1)


def _distance(made: Array, given: Array) -> Array:
    return jnp.mean(jnp.abs(made - given))


def _train_discriminators(
    setup: _Setup, state: GameState, drawn: Domains, made: Domains, pool_key: PRNGKey, penalty_key: PRNGKey
) -> tuple[Player, Info]:
    """One update of both discriminators, D_Y on y and G(x), D_X on x and F(y), generated ones by way of their pools."""
    own, kept = state.discriminator.variables, state.discriminator.variables["pool"]
    x_key, y_key = jax.random.split(pool_key)
    pool_x, seen_x = pools.exchanged(x_key, kept["x"], made.x)
    pool_y, seen_y = pools.exchanged(y_key, kept["y"], made.y)

    def loss(params: PyTree) -> tuple[Array, tuple[Array, Array, Array]]:
        variables = {**own, "params": params}
        sides = (setup.judge_x, "x", drawn.x, seen_x), (setup.judge_y, "y", drawn.y, seen_y)
        verdicts = [
            _verdict(setup, judge, _own(variables, name), real, fake, jax.random.fold_in(penalty_key, i), state.step)
            for i, (judge, name, real, fake) in enumerate(sides)
        ]
        divergence, value, penalty = (a + b for a, b in zip(*verdicts, strict=True))
        scale = state.hyper["penalty_weight"] * setup.penalty_every if setup.penalty is not None else 0.0
        return 0.5 * value + scale * penalty, (divergence, value, penalty)

    gradients, (divergence, value, penalty) = jax.grad(loss, has_aux=True)(own["params"])
    optimizer = setup.discriminator_optimizer(state.hyper["discriminator_rate"])
    player = moved(state.discriminator, gradients, optimizer, lambda variables: _constrained(setup, variables))
    player = player._replace(variables={**player.variables, "pool": {"x": pool_x, "y": pool_y}})
    nothing = jnp.zeros_like(value)
    return player, Info(
        divergence, value, penalty, nothing, optax.tree.norm(gradients), nothing, spread(drawn.y, made.y)
    )


def _verdict(
    setup: _Setup, judge: Critic, variables: Variables, real: Array, fake: Array, key: PRNGKey, count: Array
) -> tuple[Array, Array, Array]:
    """Divergence, loss and penalty of one discriminator, each ``[]``."""
    real_logits, fake_logits = _logits(judge, variables, real), _logits(judge, variables, fake)
    penalty, every = setup.penalty, setup.penalty_every
    # One logit an example: where a discriminator judges patches, their mean.
    whole = judge._replace(apply=lambda own, x: jnp.mean(judge.apply(own, x).reshape(x.shape[0], -1), axis=1))
    weighed = (
        jnp.zeros(())
        if penalty is None
        else lazy_penalty(lambda: mean_penalty(penalty, whole, variables, real, fake, key), every, count)
    )
    return (
        setup.objective.divergence(real_logits, fake_logits),
        jnp.mean(setup.objective.discriminator_loss(real_logits, fake_logits)),
        weighed,
    )


def _constrained(setup: _Setup, variables: Variables) -> Variables:
    both = _joined(
        setup.judge_x.constrain(_own(variables, "x")), setup.judge_y.constrain(_own(variables, "y")), ("x", "y")
    )
    return {**both, "pool": variables["pool"]}


def ablation(name: str) -> Mapping[str, float]:
    """Hyperparameters of one of ``ABLATIONS`` by name.

    Raises:
      ValueError: another name.
    """
    return ABLATIONS[checks.one_of("name", name, ABLATIONS)]


__getattr__ = relocated.moved(__name__, {"half_constant": "gan_jax.training.optimizers"})
