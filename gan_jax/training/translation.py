"""Unpaired translation as a game of four: a generator each way, and a discriminator of each domain.

Nobody shows which y belongs to which x. What keeps a generator from drawing anything that looks like the other domain is that the way there
and back must return what it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from gan_jax import checks
from gan_jax.moved import moved as moved_names
from gan_jax.objectives.losses import Objective, check_objective
from gan_jax.objectives.penalties import Penalty
from gan_jax.training import pool as pools
from gan_jax.training.critic import lazy_penalty, mean_penalty, warn_where_nothing_holds_the_slope
from gan_jax.training.game import (
    Game,
    Place,
    check_penalised,
    check_sizes,
    drawn_from,
    game_of,
    penalty_scale,
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
)
from gan_jax.training.state import Hyperparameters, PlayerState, variance_ratio
from gan_jax.training.updates import simultaneous
from gan_jax.typing import Array, Critic, Domains, PRNGKey, PyTree, Translator, Variables

__getattr__ = moved_names(
    __name__, {"translation": f"{__name__}:cyclegan", "half_constant": "gan_jax.training.optimizers"}
)

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


def cyclegan(
    objective: Objective,
    forward: Translator,
    backward: Translator,
    discriminator_x: Critic,
    discriminator_y: Critic,
    data: DomainData,
    *,
    update: Update | None = None,
    batch_size: int = 1,
    discriminator_steps: int = 1,
    generator_optimizer: OptimizerOf | None = None,
    discriminator_optimizer: OptimizerOf | None = None,
    generator_rate: Rate = 2e-4,
    discriminator_rate: Rate = 2e-4,
    adversarial_weight: float = 1.0,
    forward_weight: float = 10.0,
    backward_weight: float = 10.0,
    identity_weight: float | None = 0.5,
    pool_size: int = 50,
    penalty: Penalty | None = None,
    penalty_weight: float = 10.0,
    penalty_every: int = 1,
    ema_decay: float | None = None,
    place: Place = unsharded,
) -> Game:
    """CycleGAN: ``G: X -> Y`` and ``F: Y -> X``, who return what they were given, against ``D_Y`` and ``D_X``.

    With ℓ the objective's loss of a generator, α the adversarial weight, λ_x and λ_y those of the two cycles, and ι that of the identity,

    ``L_G = α [ℓ(D_Y(G(x))) + ℓ(D_X(F(y)))] + λ_x mean |F(G(x)) − x| + λ_y mean |G(F(y)) − y|
    + ι λ_y mean |G(y) − y| + ι λ_x mean |F(x) − x|``,

    and the discriminators descend half the sum of their losses on ``(y, G(x))`` and on ``(x, F(y))``, where generated examples come by way
    of a pool of each. In the paper's code both generators move first, then both discriminators, against what the generators made before
    they moved: all four along gradients at one point, on one batch.

    Args:
      objective: from ``objectives.losses``; least squares in the paper.
      forward, backward: G and F, from ``models.translators``.
      discriminator_x, discriminator_y: discriminators of the two domains.
      data: ``(key, batch, feed=…) -> Domains``.
      update: from ``training.updates``; ``simultaneous()``, which is the paper's, where None.
      batch_size: examples of each domain at an update.
      discriminator_steps: updates of both discriminators at one step; each passes the pools.
      generator_optimizer, discriminator_optimizer: ``game.adam(b1=.5, b2=.999)`` where None; ``half_constant`` is the paper's.
      generator_rate, discriminator_rate: learning rates or schedules of them, as in ``game.gan`` (hyperparameters).
      adversarial_weight, forward_weight, backward_weight: α, λ_x and λ_y (hyperparameters; ``ABLATIONS`` names some).
      identity_weight: ι (a hyperparameter); the terms are there only where both domains have one event shape. With None they are not in
        the program at all, which saves two of six passes through the generators.
      pool_size: generated examples of each domain that are kept; they change what discriminators see, and nothing else.
      penalty, penalty_weight, penalty_every: as in ``game.gan``, on both discriminators.
      ema_decay: as in ``game.gan``, of both generators.
      place: as in ``game.gan``.

    Returns:
      The game. ``state.generator`` holds both translators (``translators`` reads them), ``state.discriminator`` both discriminators and
      the pools. ``Info.divergence``, the losses and the penalty are sums over the two domains; ``variance_ratio`` is of y and G(x).

    Raises:
      ValueError: sizes below one, a negative pool, a penalty on a discriminator that mixes examples; (in ``init``) an unknown
        hyperparameter, translators whose events are not those of the data.

    Warns:
      UserWarning: as ``game.gan`` does.

    Source: Zhu, Park, Isola & Efros 2017, "Unpaired image-to-image translation using cycle-consistent adversarial networks", equations 1 to
      3, section 4 and appendix 7.1; the identity terms are those of section 5.2.
    """
    check_sizes(batch_size=batch_size, discriminator_steps=discriminator_steps, penalty_every=penalty_every)
    checks.integer("pool_size", pool_size, 0)
    check_objective(objective)
    _check_networks(forward, backward, discriminator_x, discriminator_y)
    checks.takes("data", data, ("key", "batch"), "one that gives typing.Domains", more=True)
    update = simultaneous() if update is None else update
    checks.made("update", update, Update, "updates.simultaneous()")
    optimizer_g, optimizer_d, hyper = at_rates(
        generator_optimizer, generator_rate, discriminator_optimizer, discriminator_rate, adam(b2=0.999)
    )
    check_penalised(penalty, discriminator_x, discriminator_y)
    free = discriminator_y if discriminator_x.bounded else discriminator_x
    warn_where_nothing_holds_the_slope(objective, free, penalty, penalty_weight, stacklevel=3)
    parts = _Parts(
        objective=objective,
        forward=forward,
        backward=backward,
        discriminator_x=discriminator_x,
        discriminator_y=discriminator_y,
        data=data,
        batch_size=batch_size,
        discriminator_steps=discriminator_steps,
        generator_optimizer=optimizer_g,
        discriminator_optimizer=optimizer_d,
        identity=identity_weight is not None,
        pool_size=pool_size,
        penalty=penalty,
        penalty_every=penalty_every,
        place=place,
    )
    hyper |= {**update.hyperparameters, "adversarial_weight": adversarial_weight, "forward_weight": forward_weight}
    optional = {"identity_weight": identity_weight, "penalty_weight": None if penalty is None else penalty_weight}
    hyper |= {"backward_weight": backward_weight} | {k: v for k, v in optional.items() if v is not None}
    return game_of(partial(_players, parts), ruled(update, partial(_setup, parts)), hyper, {}, ema_decay)


def translators(variables: Variables) -> tuple[Variables, Variables]:
    """Variables of G and of F, from ``state.generator.variables`` or ``training.state.averaged(state)``."""
    return _own(variables, "forward"), _own(variables, "backward")


class _Parts(NamedTuple):
    """What of ``cyclegan`` is fixed at compile time; ``identity`` is whether there are such terms."""

    objective: Objective
    forward: Translator
    backward: Translator
    discriminator_x: Critic
    discriminator_y: Critic
    data: DomainData
    batch_size: int
    discriminator_steps: int
    generator_optimizer: OptimizerOf
    discriminator_optimizer: OptimizerOf
    identity: bool
    pool_size: int
    penalty: Penalty | None
    penalty_every: int
    place: Place


class _Examples(NamedTuple):
    """What the discriminators are shown: of either domain what is real, and what was translated into it."""

    real: Domains
    fake: Domains


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


def _check_networks(forward: object, backward: object, discriminator_x: object, discriminator_y: object) -> None:
    for name, network in (("forward", forward), ("backward", backward)):
        checks.made(name, network, Translator, "models.translators.mlp_translator()")
    for name, network in (("discriminator_x", discriminator_x), ("discriminator_y", discriminator_y)):
        checks.made(name, network, Critic, "models.mlp.mlp()")


def _check_events(forward: Translator, backward: Translator, both: Variables, x: Array, y: Array) -> None:
    for name, network, given, wanted in (("forward", forward, x, y), ("backward", backward, y, x)):
        made = jax.eval_shape(network.apply, _own(both, name), given).shape
        if made[1:] != wanted.shape[1:]:
            raise ValueError(f"{name} gives events of shape {made[1:]}; expected {wanted.shape[1:]}, as the data's")


def _players(parts: _Parts, key: PRNGKey, hyper: Hyperparameters, feed: PyTree) -> tuple[PlayerState, PlayerState]:
    data_key, *keys = jax.random.split(key, 5)
    x, y = _checked(drawn_from(parts.data, feed), data_key, parts.batch_size)
    forward, backward = parts.forward, parts.backward
    both = _joined(forward.init(keys[0], x), backward.init(keys[1], y), ("forward", "backward"))
    _check_events(forward, backward, both, x, y)
    variables_d = _joined(parts.discriminator_x.init(keys[2], x), parts.discriminator_y.init(keys[3], y), ("x", "y"))
    kept = {"x": pools.empty(parts.pool_size, x.shape[1:]), "y": pools.empty(parts.pool_size, y.shape[1:])}
    return (
        PlayerState(both, parts.generator_optimizer(hyper["generator_rate"]).init(both["params"])),
        PlayerState(
            {**variables_d, "pool": kept},
            parts.discriminator_optimizer(hyper["discriminator_rate"]).init(variables_d["params"]),
        ),
    )


def _setup(parts: _Parts, feed: PyTree) -> Setup:
    parts = parts._replace(data=drawn_from(parts.data, feed))
    return Setup(
        d_loss=partial(_d_loss, parts),
        g_loss=partial(_g_loss, parts),
        draw_d=_draw_d,
        draw_each=partial(_draw_each, parts),
        draw_g=partial(_draw_g, parts),
        draw_both=partial(_draw_both, parts),
        one_batch=True,
        discriminator_steps=parts.discriminator_steps,
        discriminator_optimizer=parts.discriminator_optimizer,
        generator_optimizer=parts.generator_optimizer,
        constrain=partial(_constrained, parts),
    )


def _draw_both(parts: _Parts, key: PRNGKey, *, generator: Variables, moment: Moment) -> tuple[Drawing, Drawing]:
    keys = jax.random.split(key, 3)
    drawing = _draw_g(parts, keys[0], moment=moment)
    x, y = drawing.batch
    # What a generator makes in its own loss of the same examples is the same product to XLA.
    fake = Domains(
        parts.backward.apply(_own(generator, "backward"), y), parts.forward.apply(_own(generator, "forward"), x)
    )
    return Drawing(_Examples(drawing.batch, fake), keys[1:]), drawing


def _draw_d(key: PRNGKey, *, generator: Variables, moment: Moment, steps: int) -> PRNGKey:
    del generator, moment
    return jax.random.split(key, steps)


def _draw_each(parts: _Parts, key: PRNGKey, *, generator: Variables, moment: Moment) -> Drawing:
    return _draw_both(parts, key, generator=generator, moment=moment)[0]


def _draw_g(parts: _Parts, key: PRNGKey, *, moment: Moment) -> Drawing:
    del moment
    return Drawing(Domains(*parts.place(parts.data(key, parts.batch_size), 0)), None)


def _g_loss(
    parts: _Parts,
    params: PyTree,
    *,
    variables: Variables,
    discriminator: Variables,
    batch: Domains,
    key: None,
    moment: Moment,
) -> tuple[Array, GeneratorReport]:
    """Of both generators: to be taken for real, to return what was given, and to keep what is there already."""
    del key
    hyper, (x, y) = moment.hyper, batch
    own = {**variables, "params": params}
    to_y, to_x = _own(own, "forward"), _own(own, "backward")
    fake_y, fake_x = parts.forward.apply(to_y, x), parts.backward.apply(to_x, y)
    value = hyper["adversarial_weight"] * (
        _generator_loss(parts.objective, parts.discriminator_y, _own(discriminator, "y"), y, fake_y)
        + _generator_loss(parts.objective, parts.discriminator_x, _own(discriminator, "x"), x, fake_x)
    )
    value += hyper["forward_weight"] * _distance(parts.backward.apply(to_x, fake_y), x)
    value += hyper["backward_weight"] * _distance(parts.forward.apply(to_y, fake_x), y)
    if parts.identity and x.shape == y.shape:
        kept_y, kept_x = _distance(parts.forward.apply(to_y, y), y), _distance(parts.backward.apply(to_x, x), x)
        value += hyper["identity_weight"] * (hyper["backward_weight"] * kept_y + hyper["forward_weight"] * kept_x)
    return value, GeneratorReport(value, own)


def _generator_loss(objective: Objective, network: Critic, variables: Variables, real: Array, fake: Array) -> Array:
    """The objective's loss of a generator, ``[]``; where it does not look at real logits, XLA drops what follows from them."""
    return jnp.mean(objective.generator_loss(_logits(network, variables, fake), _logits(network, variables, real)))


def _logits(network: Critic, variables: Variables, x: Array) -> Array:
    """One logit an example, or one for every patch of every example: ``[batch]`` or ``[batch · places]``."""
    return network.apply(variables, x).reshape(-1)


def _distance(made: Array, given: Array) -> Array:
    return jnp.mean(jnp.abs(made - given))


def _d_loss(
    parts: _Parts, params: PyTree, *, variables: Variables, batch: _Examples, key: PRNGKey, moment: Moment
) -> tuple[Array, DiscriminatorReport]:
    """Of both discriminators, D_Y on y and G(x), D_X on x and F(y), generated ones by way of their pools."""
    pool_key, penalty_key = key
    x_key, y_key = jax.random.split(pool_key)
    kept, (real, fake) = variables["pool"], batch
    # What is kept may be shown in any place of a later batch: every device keeps all of it.
    made = parts.place(fake, None) if parts.pool_size else fake
    pool_x, seen_x = pools.exchanged(x_key, kept["x"], made.x)
    pool_y, seen_y = pools.exchanged(y_key, kept["y"], made.y)
    seen_x, seen_y = parts.place((seen_x, seen_y), 0)
    own = {**variables, "params": params}
    sides = (parts.discriminator_x, "x", real.x, seen_x), (parts.discriminator_y, "y", real.y, seen_y)
    verdicts = [
        _verdict(parts, network, _own(own, name), x, seen, jax.random.fold_in(penalty_key, i), moment.updates)
        for i, (network, name, x, seen) in enumerate(sides)
    ]
    divergence, value, penalty = (a + b for a, b in zip(*verdicts, strict=True))
    loss = 0.5 * value + penalty_scale(parts.penalty, parts.penalty_every, moment) * penalty
    return loss, DiscriminatorReport(
        divergence=divergence,
        loss=value,
        penalty=penalty,
        variance_ratio=variance_ratio(real.y, fake.y),
        collections={"pool": {"x": pool_x, "y": pool_y}},
    )


def _verdict(
    parts: _Parts, network: Critic, variables: Variables, real: Array, fake: Array, key: PRNGKey, count: Array
) -> tuple[Array, Array, Array]:
    """Divergence, loss and penalty of one discriminator, each ``[]``."""
    real_logits, fake_logits = _logits(network, variables, real), _logits(network, variables, fake)
    penalty, every = parts.penalty, parts.penalty_every
    # One logit an example: where a discriminator scores patches, their mean.
    whole = network._replace(apply=lambda own, x: jnp.mean(network.apply(own, x).reshape(x.shape[0], -1), axis=1))
    weighed = (
        jnp.zeros(())
        if penalty is None
        else lazy_penalty(lambda: mean_penalty(penalty, whole, variables, real, fake, key), every, count)
    )
    return (
        parts.objective.divergence(real_logits, fake_logits),
        jnp.mean(parts.objective.discriminator_loss(real_logits, fake_logits)),
        weighed,
    )


def _constrained(parts: _Parts, variables: Variables) -> Variables:
    both = _joined(
        parts.discriminator_x.constrain(_own(variables, "x")),
        parts.discriminator_y.constrain(_own(variables, "y")),
        ("x", "y"),
    )
    return {**both, "pool": variables["pool"]}


def ablation(name: str) -> Mapping[str, float]:
    """Hyperparameters of one of ``ABLATIONS`` by name.

    Raises:
      ValueError: another name.
    """
    return ABLATIONS[checks.one_of("name", name, ABLATIONS)]
