"""The state of a game: one pytree, and what is done to a player in it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Float, Int

from gan_jax import checks, numerics
from gan_jax.moved import moved as moved_names
from gan_jax.moved import renamed_fields
from gan_jax.typing import Array, PRNGKey, PyTree, Variables

__getattr__ = moved_names(
    __name__,
    {
        "Player": f"{__name__}:PlayerState",
        "spread": f"{__name__}:variance_ratio",
        "MOST_SPREAD": f"{__name__}:LARGEST_RATIO",
    },
)

Hyperparameters: TypeAlias = dict[str, Array]
"""Continuous hyperparameters by name, each ``[]``."""


class PlayerState(NamedTuple):
    """One side of the game.

    Attributes:
      variables: ``"params"``, which the optimiser moves, and the side's other collections.
      optimizer: the optimiser's state.
    """

    variables: Variables
    optimizer: optax.OptState


class GameState(NamedTuple):
    """All that a game goes on from: one pytree.

    Attributes:
      key: the base key, constant; a step folds its number into it.
      step: how many steps were made, ``[]``.
      generator, discriminator: the players; the discriminator of a ``direct`` game is empty.
      average: moving average of the generator's parameters (``averaged`` reads it); None where the game keeps none.
      hyper: the continuous hyperparameters by name, each ``[]``, so that ``vmap`` runs over them as over seeds.
    """

    key: PRNGKey
    step: Int[Array, ""]
    generator: PlayerState
    discriminator: PlayerState
    average: optax.EmaState | None
    hyper: Hyperparameters


@renamed_fields(spread="variance_ratio")
class Info(NamedTuple):
    """What a step looked like, each ``[]``; never needed to go on.

    Attributes:
      divergence: what the discriminator's value says of the distance, on the training batch before its last update, without the penalty;
        of an objective in units of the data no distance where nothing holds the discriminator's slope, of which the game warns when made.
      discriminator_loss: mean of the discriminator's loss there, without the penalty.
      penalty: mean penalty there, un-weighted; zero at steps that a lazy penalty leaves out.
      generator_loss: mean of the generator's loss.
      discriminator_gradient, generator_gradient: Euclidean norms of the gradients of both, the penalty included.
      variance_ratio: of the examples of the discriminator's last update (``variance_ratio``): falls to zero where the generator
        collapses.
    """

    divergence: Float[Array, " *steps"]
    discriminator_loss: Float[Array, " *steps"]
    penalty: Float[Array, " *steps"]
    generator_loss: Float[Array, " *steps"]
    discriminator_gradient: Float[Array, " *steps"]
    generator_gradient: Float[Array, " *steps"]
    variance_ratio: Float[Array, " *steps"]


LARGEST_RATIO = 1e6
"""Where real examples do not vary, a ratio to their variance stops here: it stays finite."""


def variance_ratio(real: Float[Array, " n *event"], fake: Float[Array, " m *event"]) -> Float[Array, ""]:
    """``tr Cov(fake) / tr Cov(real)`` of two batches: 1 where the laws agree, 0 where all that is generated is one point.

    Args:
      real, fake: ``[batch, *event]``.

    Returns:
      The ratio, ``[]``, at most ``LARGEST_RATIO``; 1 where neither varies.
    """

    # Seen from one of the examples, so that equal ones have a mean without rounding, and a variance of exactly zero; a ratio has no unit.
    offsets = [(x - x[:1]).reshape(x.shape[0], -1) for x in (real, fake)]
    unit = numerics.unit_of(*offsets)

    def total_variance(offset: Array) -> Array:
        away = offset / unit
        return jnp.sum(jnp.mean(jnp.square(away - jnp.mean(away, axis=0, keepdims=True)), axis=0))

    whole, own = map(total_variance, offsets)
    ratio = jnp.minimum(own / jnp.where(whole > 0.0, whole, 1.0), LARGEST_RATIO)
    return jnp.where(whole > 0.0, ratio, jnp.where(own > 0.0, LARGEST_RATIO, 1.0))


def moved(
    player: PlayerState,
    gradients: PyTree,
    optimizer: optax.GradientTransformation,
    constrain: Callable[[Variables], Variables] = lambda variables: variables,
) -> PlayerState:
    """The player after one update of its optimiser along ``gradients``, put back into its constraint.

    Args:
      player: before the update.
      gradients: of what it minimises, as its ``"params"``.
      optimizer: whose state the player has.
      constrain: of all its variables, such as a critic's ``constrain``.

    Returns:
      The player after the update; collections other than ``"params"`` as they were.
    """
    params = player.variables["params"]
    updates, state = optimizer.update(gradients, player.optimizer, params)
    return PlayerState(constrain({**player.variables, "params": optax.apply_updates(params, updates)}), state)


def averaged(state: GameState) -> Variables:
    """The generator's variables with the moving average of its parameters in place of the last ones.

    ``θ̄_t = (1 - d) Σ_s d^{t-s} θ_s / (1 - d^t)``; the last parameters where the game keeps no average, or has made no step.
    """
    variables = state.generator.variables
    if state.average is None:
        return variables
    correction = 1.0 - state.hyper["ema_decay"] ** state.average.count
    begun = state.average.count > 0

    def read(mean: Array, last: Array) -> Array:
        return jnp.where(begun, mean / jnp.where(begun, correction, 1.0), last)

    return {**variables, "params": jax.tree.map(read, state.average.ema, variables["params"])}


NOT_NEGATIVE = frozenset(
    {
        "generator_rate",
        "discriminator_rate",
        "penalty_weight",
        "regulariser_weight",
        "noise",
        "consensus_weight",
        "adversarial_weight",
        "forward_weight",
        "backward_weight",
        "identity_weight",
        "auxiliary_weight",
        "reconstruction_weight",
    }
)
"""Hyperparameters that are finite and not negative. A rate of zero is a player who stands still."""


def check_hyperparameter(name: str, value: object) -> None:
    """Raises ``ValueError`` unless ``value`` is one number, in the range of the hyperparameter of that name; of other names, not NaN."""
    shape = getattr(value, "shape", ())
    if shape != ():
        raise ValueError(
            f"{name} has shape {shape}; expected one number (map over several with jax.vmap, or ensemble.sweep)"
        )
    if name in NOT_NEGATIVE:
        checks.within(name, value, 0.0, math.inf, high_open=True)
    elif name == "noise_steps":
        checks.at_least(name, value, 0.0, strict=True)
    elif name == "ema_decay":
        checks.within(name, value, 0.0, 1.0, high_open=True)
    elif name == "wrong_weight":
        checks.within(name, value, 0.0, 1.0, what="a share from 0 to 1")
    else:
        checks.at_least(name, value, -math.inf)


def known_hyperparameter(name: str, known: Mapping[str, object]) -> str:
    """Returns ``name`` where the game has such a hyperparameter.

    Raises:
      ValueError: it has not; the message gives the nearest one.
    """
    if name in known:
        return name
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ValueError(f"unknown hyperparameter {name!r}; {hint}this game has {', '.join(sorted(known))}")
