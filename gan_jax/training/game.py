"""The game: a generator and a discriminator in turn, as a pure ``init`` and a pure ``step`` over one state.

``gan`` makes a game from an objective and two players, ``direct`` one without a discriminator. What moves whom, in which order and by
which gradient is an ``Update`` of ``training.updates``. A game knows no model and no file, and is not jitted: ``play`` scans it,
``training.loop`` runs it from the host, ``training.ensemble`` runs many as one program, ``training.mesh`` one over many devices.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import optax
from jaxtyping import Float

from gan_jax import caching, checks, numerics
from gan_jax.moved import moved as moved_names
from gan_jax.objectives.losses import Objective, check_objective
from gan_jax.objectives.penalties import Penalty, Perturbation, check_penalty
from gan_jax.objectives.regularisers import Regulariser
from gan_jax.training import tuning
from gan_jax.training.critic import (
    check_records,
    lazy_penalty,
    logits_of_both,
    mean_penalty,
    refuse_mixing,
    warn_where_nothing_holds_the_slope,
)
from gan_jax.training.optimizers import OptimizerOf, Rate, adam, at_rate, at_rates, check_optimizers
from gan_jax.training.sides import (
    DiscriminatorReport,
    Drawing,
    GeneratorReport,
    Moment,
    Setup,
    Update,
    drawn_already,
    folded,
)
from gan_jax.training.state import (
    GameState,
    Hyperparameters,
    Info,
    PlayerState,
    check_hyperparameter,
    known_hyperparameter,
    moved,
    variance_ratio,
)
from gan_jax.typing import Array, ConditionalCritic, Critic, Drawn, Generator, PRNGKey, PyTree, Variables

__getattr__ = moved_names(__name__, {"adversarial": f"{__name__}:gan", "anywhere": f"{__name__}:unsharded"})

Data: TypeAlias = Callable[..., Array]
"""``(key, batch, **hyperparameters) -> [batch, *event]``: draws data; takes the hyperparameters that the game hands to it by name.

Where a step is given a feed, ``data`` takes that too: ``data(key, batch, feed=…)``. What a feed holds (a set of images, the part of a
stream that is on the device now) is then an argument of the compiled program, and no constant in it.
"""

Place: TypeAlias = Callable[[PyTree, int | None], PyTree]
"""``(tree, axis) -> tree``: divides the leaves along their batch axis among the devices, or has them whole on every device where ``axis``
is None; the numbers stay (``training.mesh``)."""

Cost: TypeAlias = Callable[[PRNGKey, Array, Array], Array]
"""``(key, fake [batch, *event], real [batch, *event]) -> []``: a distance of samples, differentiable in ``fake``."""


class Game(NamedTuple):
    """A game as two pure functions.

    Attributes:
      init: ``init(key, *, feed=None, **hyperparameters) -> state``; the key may be an integer, its seed; hyperparameters that are not
        given have the values of ``hyperparameters``; of a feed (or of what ``feed(step, steps)`` gives) only the shapes are looked at.
      step: ``step(state, feed=None) -> (state, info)``; the feed is what ``data`` draws from, where it draws from one.
      hyperparameters: the names that ``init`` takes, and their values where it is not told others.
    """

    init: Callable[..., GameState]
    step: Callable[..., tuple[GameState, Info]]
    hyperparameters: Mapping[str, float]


def unsharded(tree: PyTree, axis: int | None) -> PyTree:
    """Leaves it to the compiler where a batch lies: on one device, there."""
    del axis
    return tree


def gan(
    objective: Objective,
    generator: Generator,
    discriminator: Critic,
    data: Data,
    update: Update,
    *,
    batch_size: int = 256,
    discriminator_steps: int = 1,
    generator_optimizer: OptimizerOf | None = None,
    discriminator_optimizer: OptimizerOf | None = None,
    generator_rate: Rate = 1e-3,
    discriminator_rate: Rate = 1e-3,
    penalty: Penalty | None = None,
    penalty_weight: float = 10.0,
    penalty_every: int = 1,
    perturb: Perturbation | None = None,
    noise: float = 0.0,
    noise_steps: float = math.inf,
    regulariser: Regulariser | None = None,
    regulariser_weight: float = 1.0,
    ema_decay: float | None = None,
    data_parameters: Mapping[str, float] = MappingProxyType({}),
    place: Place = unsharded,
) -> Game:
    """A generator against a discriminator.

    ``discriminator <- discriminator - ∇ [mean L_D + λ mean penalty]``, ``generator <- generator - ∇ mean L_G``, in the order and by the
    gradients of ``update``.

    Args:
      objective: both losses, from ``objectives.losses``.
      generator, discriminator: from ``models``.
      data: ``(key, batch, **data_parameters) -> [batch, *event]``; a NumPyro distribution; or examples ``[n, *event]``, from which batches
        are drawn with replacement.
      update: from ``training.updates``.
      batch_size: examples of each kind at an update.
      discriminator_steps: updates of the discriminator at one step, each on fresh examples.
      generator_optimizer, discriminator_optimizer: ``adam()`` where None; two time scales are two rates.
      generator_rate, discriminator_rate: learning rates (hyperparameters). Where one is an optax schedule of the player's own updates, the
        hyperparameter of that name is a factor of it, 1 unless it is overridden.
      penalty: from ``objectives.penalties``.
      penalty_weight: λ (a hyperparameter; only where there is a penalty).
      penalty_every: lazy regularisation: the penalty is computed, and weighs so many times more, at every so many discriminator updates.
      perturb: what the discriminator sees, e.g. ``penalties.instance_noise``.
      noise: scale of ``perturb``, in units of the data (a hyperparameter; only where there is a ``perturb``).
      noise_steps: the scale decays linearly to zero over so many steps; infinite for a constant one (a hyperparameter).
      regulariser: added to the generator's loss, from ``objectives.regularisers``.
      regulariser_weight: of it (a hyperparameter; only where there is a ``regulariser``).
      ema_decay: of a moving average of the generator's parameters, debiased (a hyperparameter); None for no average.
      data_parameters: further hyperparameters, handed to ``data`` by name.
      place: how batches lie on the devices, from ``mesh.placement``; the compiler's choice by default.

    Returns:
      The game. Its hyperparameters may be overridden in ``init``, also by tracers.

    Raises:
      ValueError: sizes below one, a hyperparameter out of its range, a penalty on a discriminator that mixes examples, names of
        ``data_parameters`` that are taken; (in ``init``) an unknown hyperparameter, data of another shape than samples.
      TypeError: an argument of another kind, such as a constructor without its brackets.

    Warns:
      UserWarning: an objective in units of the data, and nothing that holds the slope of the discriminator: ``Info.divergence`` is then no
        distance.

    Source: Goodfellow et al. 2014, Algorithm 1; Karras et al. 2020, appendix B, for lazy regularisation; Yazıcı et al. 2019 for the
      average.
    """
    check_sizes(batch_size=batch_size, discriminator_steps=discriminator_steps, penalty_every=penalty_every)
    check_objective(objective)
    checks.made("generator", generator, Generator, "models.generators.mlp_generator()")
    checks.made("discriminator", discriminator, Critic, "models.mlp.mlp()")
    checks.made("update", update, Update, "updates.alternating()")
    optimizer_g, optimizer_d, hyper = at_rates(
        generator_optimizer, generator_rate, discriminator_optimizer, discriminator_rate, adam()
    )
    check_penalised(penalty, discriminator)
    warn_where_nothing_holds_the_slope(objective, discriminator, penalty, penalty_weight, stacklevel=3)
    check_changes(perturb, regulariser)
    parts = _Parts(
        objective=objective,
        generator=generator,
        discriminator=discriminator,
        data=drawer(data),
        data_names=tuple(data_parameters),
        batch_size=batch_size,
        discriminator_steps=discriminator_steps,
        generator_optimizer=optimizer_g,
        discriminator_optimizer=optimizer_d,
        penalty=penalty,
        penalty_every=penalty_every,
        perturb=perturb,
        regulariser=regulariser,
        place=place,
    )
    hyper |= update.hyperparameters
    hyper |= {} if penalty is None else {"penalty_weight": penalty_weight}
    hyper |= {} if perturb is None else {"noise": noise, "noise_steps": noise_steps}
    hyper |= {} if regulariser is None else {"regulariser_weight": regulariser_weight}
    return game_of(partial(_players, parts), ruled(update, partial(_setup, parts)), hyper, data_parameters, ema_decay)


# --------------------------------------------------------------------------------------------------- a generator's two sides


class _Parts(NamedTuple):
    """What of ``gan`` is fixed at compile time, by the names of its arguments; ``data_names`` are the hyperparameters that data take."""

    objective: Objective
    generator: Generator
    discriminator: Critic
    data: Data
    data_names: tuple[str, ...]
    batch_size: int
    discriminator_steps: int
    generator_optimizer: OptimizerOf
    discriminator_optimizer: OptimizerOf
    penalty: Penalty | None
    penalty_every: int
    perturb: Perturbation | None
    regulariser: Regulariser | None
    place: Place


class _Examples(NamedTuple):
    """What a discriminator is shown, each ``[batch, *event]``."""

    real: Array
    fake: Array


class _Latents(NamedTuple):
    """What a generator makes samples of, and real examples ``[batch, *event]`` beside them."""

    noise: PyTree
    real: Array


def _players(parts: _Parts, key: PRNGKey, hyper: Hyperparameters, feed: PyTree) -> tuple[PlayerState, PlayerState]:
    generator_key, noise_key, discriminator_key = jax.random.split(key, 3)
    variables = parts.generator.init(generator_key)
    example = parts.generator.apply(variables, parts.generator.noise(noise_key, 1))
    own = {name: hyper[name] for name in parts.data_names}
    # All examples of a step are drawn at once; the generator's update draws one batch.
    for count in dict.fromkeys((parts.batch_size, parts.discriminator_steps * parts.batch_size)):
        check_data(drawn_from(parts.data, feed, own), count, example.shape[1:])
    variables_d = parts.discriminator.init(discriminator_key, example)
    return (
        PlayerState(variables, parts.generator_optimizer(hyper["generator_rate"]).init(variables["params"])),
        PlayerState(
            variables_d, parts.discriminator_optimizer(hyper["discriminator_rate"]).init(variables_d["params"])
        ),
    )


def _setup(parts: _Parts, feed: PyTree) -> Setup:
    parts = parts._replace(data=drawn_from(parts.data, feed))
    return Setup(
        d_loss=partial(_d_loss, parts),
        g_loss=partial(_g_loss, parts),
        draw_d=partial(_draw_d, parts),
        draw_each=drawn_already,
        draw_g=partial(_draw_g, parts),
        draw_both=partial(_draw_both, parts),
        one_batch=False,
        discriminator_steps=parts.discriminator_steps,
        discriminator_optimizer=parts.discriminator_optimizer,
        generator_optimizer=parts.generator_optimizer,
        constrain=parts.discriminator.constrain,
    )


def _real(parts: _Parts, key: PRNGKey, count: int, moment: Moment) -> Array:
    return parts.data(key, count, **{name: moment.hyper[name] for name in parts.data_names})


def _examples(parts: _Parts, key: PRNGKey, generator: Variables, moment: Moment, steps: int) -> _Examples:
    """Examples of ``steps`` discriminator updates, ``[steps, batch, *event]``: all of them in one pass."""
    real_key, noise_key = jax.random.split(key)
    total = steps * parts.batch_size
    real = _real(parts, real_key, total, moment)

    def split(a: Array) -> Array:
        return a.reshape(steps, parts.batch_size, *a.shape[1:])

    noise = parts.place(jax.tree.map(split, parts.generator.noise(noise_key, total)), 1)

    def made(z: PyTree) -> Array:
        return parts.generator.train(generator, z)[0]

    # Update by update, since batch statistics are those of one batch; without any, XLA makes it one large product. Of divided batches it
    # would be a product whose rows lie on other devices than the batches'.
    fake = jax.vmap(made)(noise) if parts.place is unsharded else jax.lax.map(made, noise)
    return _Examples(parts.place(split(real), 1), fake)


def _draw_d(parts: _Parts, key: PRNGKey, *, generator: Variables, moment: Moment, steps: int) -> Drawing:
    examples_key, update_key = jax.random.split(key)
    return Drawing(_examples(parts, examples_key, generator, moment, steps), folded(update_key, steps))


def _draw_g(parts: _Parts, key: PRNGKey, *, moment: Moment) -> Drawing:
    keys = jax.random.split(key, 4)
    noise = parts.place(parts.generator.noise(keys[0], parts.batch_size), 0)
    real = parts.place(_real(parts, keys[1], parts.batch_size, moment), 0)
    return Drawing(_Latents(noise, real), keys[2:])


def _draw_both(parts: _Parts, key: PRNGKey, *, generator: Variables, moment: Moment) -> tuple[Drawing, Drawing]:
    discriminator_key, generator_key = jax.random.split(key)
    examples_key, update_key = jax.random.split(discriminator_key)
    examples = jax.tree.map(lambda leaf: leaf[0], _examples(parts, examples_key, generator, moment, 1))
    return Drawing(examples, update_key), _draw_g(parts, generator_key, moment=moment)


def _d_loss(
    parts: _Parts, params: PyTree, *, variables: Variables, batch: _Examples, key: PRNGKey, moment: Moment
) -> tuple[Array, DiscriminatorReport]:
    """``mean L_D + λ mean penalty``."""
    real_key, fake_key, penalty_key = jax.random.split(key, 3)
    x = perturbed(parts.perturb, real_key, batch.real, moment)
    y = perturbed(parts.perturb, fake_key, batch.fake, moment)
    own = {**variables, "params": params}
    divided = parts.place is not unsharded
    real_logits, fake_logits = logits_of_both(parts.discriminator, own, x, y, divided=divided)
    value = jnp.mean(parts.objective.discriminator_loss(real_logits, fake_logits))
    penalty = _penalty(parts, own, x, y, penalty_key, moment.updates)
    return value + penalty_scale(parts.penalty, parts.penalty_every, moment) * penalty, DiscriminatorReport(
        divergence=parts.objective.divergence(real_logits, fake_logits),
        loss=value,
        penalty=penalty,
        variance_ratio=variance_ratio(batch.real, batch.fake),
        collections={},
    )


def _penalty(parts: _Parts, variables: Variables, real: Array, fake: Array, key: PRNGKey, count: Array) -> Array:
    """The mean penalty, zero at the updates that a lazy one leaves out."""
    if parts.penalty is None:
        return jnp.zeros(())
    mean = partial(mean_penalty, parts.penalty, parts.discriminator, variables, real, fake, key)
    return lazy_penalty(mean, parts.penalty_every, count)


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
    """``mean L_G``, which is what is told of it, and the regulariser."""
    fake_key, real_key = key
    fake, advanced = parts.generator.train({**variables, "params": params}, batch.noise)
    fake_logits = parts.discriminator.apply(discriminator, perturbed(parts.perturb, fake_key, fake, moment))
    # Where the loss does not look at real logits, XLA drops what they are made of.
    real_logits = parts.discriminator.apply(discriminator, perturbed(parts.perturb, real_key, batch.real, moment))
    loss = jnp.mean(parts.objective.generator_loss(fake_logits, real_logits))
    report = GeneratorReport(loss, advanced)
    if parts.regulariser is None:
        return loss, report
    return loss + moment.hyper["regulariser_weight"] * parts.regulariser(batch.noise, fake), report


def perturbed(
    perturb: Perturbation | None, key: PRNGKey, x: Float[Array, " batch *event"], moment: Moment
) -> Float[Array, " batch *event"]:
    """Examples as a discriminator sees them: changed by as much as the hyperparameters ``noise`` and ``noise_steps`` say of a moment."""
    if perturb is None:
        return x
    left = jnp.maximum(1.0 - moment.step / moment.hyper["noise_steps"], 0.0)
    return perturb(key, x, moment.hyper["noise"] * left)


def penalty_scale(penalty: Penalty | None, every: int, moment: Moment) -> float | Float[Array, ""]:
    """What a mean penalty is multiplied by: a lazy one weighs as many times more as it comes less often."""
    return moment.hyper["penalty_weight"] * every if penalty is not None else 0.0


# ------------------------------------------------------------------------------------------------------ without a discriminator


def direct(
    cost: Cost,
    generator: Generator,
    data: Data,
    *,
    batch_size: int = 256,
    generator_optimizer: OptimizerOf | None = None,
    generator_rate: Rate = 1e-3,
    ema_decay: float | None = None,
    data_parameters: Mapping[str, float] = MappingProxyType({}),
) -> Game:
    """A generator that descends a distance of samples, with no discriminator to train: ``min_G E cost(G(z_1 … z_n), x_1 … x_n)``.

    Args:
      cost: from ``objectives.costs`` (MMD, energy, Sinkhorn), or any differentiable function of two samples.
      generator, data, generator_optimizer, generator_rate, ema_decay, data_parameters: as in ``gan``.
      batch_size: samples of each law at a step.

    Returns:
      The game; ``Info.divergence`` is the cost, and what a discriminator would say is zero.

    Raises:
      ValueError: ``batch_size`` below one, names of ``data_parameters`` that are taken; (in ``init``) an unknown hyperparameter, data of
        another shape than the generator's samples.

    Source: Li, Swersky & Zemel 2015 (MMD); Bellemare et al. 2017 (energy); Genevay, Peyré & Cuturi 2018 (Sinkhorn).
    """
    checks.integer("batch_size", batch_size, 1)
    checks.takes("cost", cost, ("key", "fake", "real"), "costs.energy()")
    checks.made("generator", generator, Generator, "models.generators.mlp_generator()")
    check_optimizers(generator_optimizer=generator_optimizer)
    optimizer_of, generator_rate = at_rate("generator_rate", generator_rate, generator_optimizer or adam())
    data = drawer(data)

    def players(key: PRNGKey, hyper: Hyperparameters, feed: PyTree) -> tuple[PlayerState, PlayerState]:
        variables = generator.init(key)
        made = jax.eval_shape(lambda key: generator.apply(variables, generator.noise(key, 1)), key)
        own = {name: hyper[name] for name in data_parameters}
        check_data(drawn_from(data, feed, own), batch_size, made.shape[1:])
        return PlayerState(variables, optimizer_of(hyper["generator_rate"]).init(variables["params"])), PlayerState(
            {}, ()
        )

    def step(state: GameState, key: PRNGKey, feed: PyTree) -> tuple[PlayerState, PlayerState, Info]:
        data_key, noise_key, cost_key = jax.random.split(key, 3)
        own = {name: state.hyper[name] for name in data_parameters}
        real = drawn_from(data, feed, own)(data_key, batch_size)
        z = generator.noise(noise_key, batch_size)

        def loss(params: PyTree) -> tuple[Array, tuple[Array, Variables, Array]]:
            fake, variables = generator.train({**state.generator.variables, "params": params}, z)
            value = cost(cost_key, fake, real)
            return value, (value, variables, fake)

        gradients, (value, variables, fake) = jax.grad(loss, has_aux=True)(state.generator.variables["params"])
        optimizer = optimizer_of(state.hyper["generator_rate"])
        player = moved(PlayerState(variables, state.generator.optimizer), gradients, optimizer)
        nothing = jnp.zeros_like(value)
        return (
            player,
            state.discriminator,
            Info(
                divergence=value,
                discriminator_loss=nothing,
                penalty=nothing,
                generator_loss=value,
                discriminator_gradient=nothing,
                generator_gradient=numerics.tree_norm(gradients),
                variance_ratio=variance_ratio(real, fake),
            ),
        )

    return game_of(players, step, {"generator_rate": generator_rate}, data_parameters, ema_decay)


def _nothing(state: GameState) -> PyTree:
    """Observes nothing: one function, so that two calls of ``play`` share their program."""
    del state
    return ()


def play(
    game: Game,
    state: GameState,
    *,
    steps: int,
    records: int = 1,
    observe: Callable[[GameState], PyTree] = _nothing,
    feed: PyTree = None,
) -> tuple[GameState, Info, PyTree]:
    """Plays ``steps`` steps as one program, which is compiled at the first call and found again at later ones.

    The program is that of the game's step, of ``observe`` and of both numbers: the same objects give the same program, a game or a lambda
    that is made anew gives a new one. Inside of a ``jax.jit`` or a ``jax.vmap`` of one's own, as in ``training.ensemble``, playing is a
    part of that program.

    Args:
      game: from ``gan`` or ``direct``.
      state: from ``game.init``, or where an earlier call ended.
      steps: a multiple of ``records``.
      records: how many times the game is looked at.
      observe: what is read off a state.
      feed: what ``data`` draws from, where it draws from one; or the function that gives it, ``feed(step, steps)``.

    Returns:
      The last state; ``Info`` in means over the steps between two records, each ``[records]``; the observations, with a leading axis
      ``[records + 1]``, the first before the first step.

    Raises:
      ValueError: ``steps`` or ``records`` below one, or ``steps`` no multiple of ``records``; data that draws from a feed, and none;
        states of several games.
      TypeError: a game or a state of another kind; ``observe`` that returns other things than arrays.
    """
    checks.made("game", game, Game, "game.gan")
    checks.made("state", state, GameState, "Game.init")
    if jnp.ndim(state.step):
        raise ValueError(f"state holds {len(state.step)} games; expected one (map over several with jax.vmap)")
    checks.takes("observe", observe, ("state",), "lambda state: state.step")
    check_records(steps, records)
    if callable(feed):
        feed = feed(int(state.step) if checks.is_concrete(state.step) else 0, steps)
    try:
        if caching.outside_of_traces(state, feed):
            program = caching.program(_played, game.step, observe, steps, records, jit=tuning.jit)
            played: tuple[GameState, Info, PyTree] = program(state, feed)
            return played
        return _played(game.step, observe, steps, records, state, feed)
    except Exception as error:
        # Looked at only now: to know what a game's states are like is to trace its networks.
        _refuse_state_of_another(game, state, feed, error)
        raise


def _refuse_state_of_another(game: Game, state: GameState, feed: PyTree, cause: Exception) -> None:
    """Raises ``ValueError`` where the leaves of ``state`` are not those of the game's own states; names the first that is not."""

    def shapes(tree: PyTree) -> dict[str, tuple[int, ...]]:
        leaves = jax.tree_util.tree_leaves_with_path(tree)
        return {jax.tree_util.keystr(path, simple=True, separator="."): jnp.shape(leaf) for path, leaf in leaves}

    try:
        own = shapes(jax.eval_shape(lambda: game.init(jax.random.key(0), feed=feed)))
    except Exception:
        # What the game itself is wrong in, ``cause`` says.
        return
    given = shapes(state)
    for name, shape in own.items():
        if given.get(name, shape) != shape:
            raise ValueError(
                f"state is one of another game: {name} has shape {given[name]}; expected {shape}, as Game.init gives it"
            ) from cause
    if given.keys() != own.keys():
        raise ValueError("state is one of another game, with other parts; expected one of Game.init") from cause


def _played(
    step: Callable[..., tuple[GameState, Info]],
    observe: Callable[[GameState], PyTree],
    steps: int,
    records: int,
    state: GameState,
    feed: PyTree,
) -> tuple[GameState, Info, PyTree]:
    one = step if feed is None else partial(step, feed=feed)

    def record(state: GameState, _: None) -> tuple[GameState, tuple[Info, PyTree]]:
        state, infos = jax.lax.scan(lambda s, _: one(s), state, length=steps // records)
        return state, (jax.tree.map(jnp.mean, infos), observe(state))

    first = observe(state)
    for leaf in jax.tree.leaves(first):
        if not isinstance(leaf, jax.Array | np.ndarray | np.generic | int | float | complex):
            raise TypeError(f"observe returns {leaf!r}; expected arrays, or a tree of them")
    state, (infos, seen) = jax.lax.scan(record, state, length=records)
    return state, infos, jax.tree.map(lambda a, b: jnp.concatenate([jnp.asarray(a)[None], b]), first, seen)


def step_of(game: Game, feed: PyTree) -> Callable[[GameState], tuple[GameState, Info]]:
    """The step of a game that draws from ``feed``; where there is none, the step as it is, which need not know of feeds."""
    return game.step if feed is None else partial(game.step, feed=feed)


def drawn_from(draw: Callable[..., Drawn], feed: PyTree, own: Hyperparameters | None = None) -> Callable[..., Drawn]:
    """``draw``, which draws from ``feed`` where there is one, with its hyperparameters.

    Raises:
      ValueError: it draws from a feed and none is given, or the other way round.
    """
    wanted = _feed_of(draw)
    if feed is None and wanted is not None and wanted.default is wanted.empty:
        raise ValueError(
            "feed is None and data draws from one; expected feed=source.feed, of the source that the data is from"
        )
    if feed is not None and wanted is None:
        raise ValueError("feed is given and data takes none; expected data(key, batch, feed=…), such as source.draw")
    return partial(draw, **(own or {}), **({} if feed is None else {"feed": feed}))


def _feed_of(draw: Callable[..., Any]) -> inspect.Parameter | None:
    """The parameter by which a function takes a feed; None where it takes none."""
    parameters = inspect.signature(draw).parameters.values()
    named = [
        parameter for parameter in parameters if parameter.name == "feed" or parameter.kind is parameter.VAR_KEYWORD
    ]
    if not named:
        return None
    return named[0] if named[0].name == "feed" else named[0].replace(kind=named[0].KEYWORD_ONLY, default=None)


def drawer(data: object) -> Data:
    """What draws a game's data: a function as it is, a distribution by sampling, examples ``[n, *event]`` with replacement.

    Raises:
      TypeError: none of these.
      ValueError: examples that are not finite, or none.
    """
    owner = getattr(data, "__self__", None)
    # A distribution's own method takes a shape where ``data`` takes a number.
    law = owner if isinstance(owner, dist.Distribution) and getattr(data, "__name__", "") == "sample" else data
    if isinstance(law, type):
        raise TypeError(
            f"data is the class {law.__name__}; expected a distribution with its parameters, such as dist.Normal(0.0, 1.0)"
        )
    if isinstance(law, dist.Distribution):
        if law.batch_shape:
            raise ValueError(
                f"data has batch shape {law.batch_shape}; expected a single distribution, or Distribution.to_event(1) of it"
            )

        def sample(key: PRNGKey, batch: int) -> Array:
            x = law.sample(key, (batch,))
            return x if law.event_shape else x[:, None]

        return sample
    if isinstance(data, np.ndarray | jax.Array | list):
        examples = jnp.asarray(checks.real("data", data), jnp.result_type(float))
        examples = examples[:, None] if examples.ndim == 1 else examples
        if examples.ndim == 0 or 0 in examples.shape:
            raise ValueError(f"data has shape {examples.shape}; expected examples [n] or [n, *event]")
        checks.finite("data", examples)
        return lambda key, batch: examples[jax.random.randint(key, (batch,), 0, examples.shape[0])]
    checks.takes("data", data, ("key", "batch"), "distributions.gaussian_ring(), or an array of examples", more=True)
    return cast(Data, data)


def check_sizes(**numbers: int) -> None:
    """Raises ``ValueError`` where one is no integer of at least 1."""
    for name, value in numbers.items():
        checks.integer(name, value, 1)


def check_penalised(penalty: Penalty | None, *discriminators: Critic | ConditionalCritic) -> None:
    """Raises where ``penalty`` is none, or one that a discriminator has no per-example gradients for."""
    if penalty is not None:
        check_penalty(penalty)
        for discriminator in discriminators:
            refuse_mixing(discriminator)


def check_changes(perturb: Perturbation | None, regulariser: Regulariser | None = None) -> None:
    """Raises ``TypeError`` where one that is not None takes other arguments."""
    if perturb is not None:
        checks.takes("perturb", perturb, ("key", "x", "scale"), "penalties.instance_noise")
    if regulariser is not None:
        checks.takes("regulariser", regulariser, ("noise", "fake"), "regularisers.mode_seeking()")


def check_data(data: Data, batch_size: int, event_shape: tuple[int, ...]) -> None:
    """Raises ``ValueError`` unless data comes as ``[batch, *event]``, with the generator's event shape."""
    shape = jax.eval_shape(lambda key: data(key, batch_size), jax.random.key(0)).shape
    if shape[:1] != (batch_size,):
        raise ValueError(f"data gives shape {shape} for a batch of {batch_size}; expected [batch, *event]")
    if shape[1:] != event_shape:
        raise ValueError(
            f"data gives examples of shape {shape[1:]} and the generator of shape {event_shape}; expected one event shape"
        )


def _strongly_typed(leaf: Array) -> Array:
    """A leaf without a weak type: a first step would take it away, and so have a program compiled again."""
    return jax.lax.convert_element_type(leaf, leaf.dtype)


def ruled(
    update: Update, setup: Callable[[PyTree], Setup]
) -> Callable[[GameState, PRNGKey, PyTree], tuple[PlayerState, PlayerState, Info]]:
    """The step of a game whose sides ``setup(feed)`` says and ``update`` moves: what ``game_of`` takes."""

    def step(state: GameState, key: PRNGKey, feed: PyTree) -> tuple[PlayerState, PlayerState, Info]:
        return update.step(setup(feed), state, key)

    return step


def game_of(
    players: Callable[[PRNGKey, Hyperparameters, PyTree], tuple[PlayerState, PlayerState]],
    step: Callable[[GameState, PRNGKey, PyTree], tuple[PlayerState, PlayerState, Info]],
    hyper: Mapping[str, float],
    data_parameters: Mapping[str, float],
    ema_decay: float | None,
) -> Game:
    """What all games share: the state, its hyperparameters, its keys, and the moving average.

    Args:
      players: ``(key, hyperparameters, feed) -> (generator, discriminator)``, before the first step.
      step: ``(state, key, feed) -> (generator, discriminator, info)``; the key is the step's own.
      hyper: the game's own hyperparameters with their values.
      data_parameters, ema_decay: as in ``gan``.
    """
    taken = sorted((set(hyper) | {"key", "batch", "feed"}) & set(data_parameters))
    if taken:
        raise ValueError(f"data_parameters has {', '.join(taken)}, which the game itself uses; expected other names")
    known = {**hyper, **data_parameters} | ({} if ema_decay is None else {"ema_decay": ema_decay})
    for name, value in known.items():
        check_hyperparameter(name, value)

    def init(key: PRNGKey, *, feed: PyTree = None, **hyperparameters: Any) -> GameState:
        for name, value in hyperparameters.items():
            check_hyperparameter(known_hyperparameter(name, known), value)
        values = {name: jnp.asarray(hyperparameters.get(name, value), float) for name, value in known.items()}
        feed = feed(0, 1) if callable(feed) else feed
        players_key, key = jax.random.split(checks.key("key", key))
        generator, discriminator = jax.tree.map(_strongly_typed, players(players_key, values, feed))
        average = None if ema_decay is None else optax.ema(ema_decay).init(generator.variables["params"])
        return GameState(key, jnp.zeros((), jnp.int32), generator, discriminator, average, values)

    def next_state(state: GameState, feed: PyTree = None) -> tuple[GameState, Info]:
        generator, discriminator, info = step(state, jax.random.fold_in(state.key, state.step), feed)
        average = state.average
        if average is not None:
            ema = optax.ema(state.hyper["ema_decay"], debias=False)
            _, average = ema.update(generator.variables["params"], average)
        return (
            GameState(state.key, state.step + 1, generator, discriminator, average, state.hyper),
            info,
        )

    return Game(init, next_state, MappingProxyType(known))
