"""Optimisers of games: functions of a learning rate, and what the rate does over a game.

A rate is a number or an optax schedule, ``updates made -> rate``, everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias, cast

import optax

from gan_jax import checks
from gan_jax.caching import remembered
from gan_jax.typing import Array

Rate: TypeAlias = float | Array | optax.Schedule
"""A learning rate: a number, ``[]``, at every update, or a schedule from the number of updates made to the rate of the next one."""

OptimizerOf: TypeAlias = Callable[[Rate], optax.GradientTransformation]
"""From a learning rate, which may be traced, to the optimiser; its state must not depend on the rate."""

ScheduleOf: TypeAlias = Callable[[float | Array], optax.Schedule]
"""From the learning rate at the start, which may be traced, to the rate at every update."""


@remembered
def linear_decay(steps: int, *, constant: float = 0.0, end: float = 0.0) -> ScheduleOf:
    """The rate stays as it is for a share of the updates and then falls linearly, ``optax.linear_schedule``.

    Args:
      steps: updates of the player whose rate it is: as many as the game has steps, and of the discriminator ``discriminator_steps`` times
        as many.
      constant: share of them at the full rate, in [0, 1).
      end: last rate, in units of the first.

    Returns:
      ``rate -> schedule``.

    Raises:
      ValueError: fewer than two updates, a share outside [0, 1), a negative ``end``.
    """
    checks.integer("steps", steps, 2)
    checks.within("constant", constant, 0.0, 1.0, high_open=True)
    checks.within("end", end, 0.0, math.inf, high_open=True)
    begin = math.floor(steps * constant + 1e-9)
    return lambda rate: optax.linear_schedule(rate, end * rate, steps - begin, begin)


@remembered
def cosine_decay(steps: int) -> ScheduleOf:
    """The rate falls to zero as half a cosine, ``optax.cosine_decay_schedule``: games that still circle come to rest.

    Args:
      steps: as of ``linear_decay``.

    Returns:
      ``rate -> schedule``.

    Raises:
      ValueError: fewer than one update.

    Source: Loshchilov & Hutter 2017, equation 5, without restarts.
    """
    checks.integer("steps", steps, 1)
    return lambda rate: optax.cosine_decay_schedule(rate, steps)


@remembered
def adam(*, b1: float = 0.5, b2: float = 0.9, eps_root: float = 0.0, schedule: ScheduleOf | None = None) -> OptimizerOf:
    """Adam as games use it, from a learning rate.

    Args:
      b1, b2: decay rates of the moments; (.5, .9) in WGAN-GP's toy code.
      eps_root: inside the square root. Where a game differentiates through the optimiser (unrolling) it has to be positive: the derivative
        of the root at a second moment of zero, of a weight that no example reaches, is infinite.
      schedule: what the rate does over the game, such as ``linear_decay(steps)``; constant where None.

    Returns:
      ``rate -> optax.adam(rate, …)``.

    Raises:
      ValueError: a decay rate outside [0, 1), a negative ``eps_root``; (when called) a rate that is a schedule itself, beside ``schedule``.
    """
    checks.within("b1", b1, 0.0, 1.0, high_open=True)
    checks.within("b2", b2, 0.0, 1.0, high_open=True)
    checks.within("eps_root", eps_root, 0.0, math.inf, high_open=True)

    def of(rate: Rate) -> optax.GradientTransformation:
        if schedule is not None and callable(rate):
            raise ValueError("the rate is a schedule, and so is schedule of adam(); expected one of the two")
        over_the_game = rate if schedule is None or callable(rate) else schedule(rate)
        return optax.adam(over_the_game, b1=b1, b2=b2, eps_root=eps_root)

    return of


def at_rate(name: str, rate: Rate, optimizer: OptimizerOf) -> tuple[OptimizerOf, float]:
    """An optimiser at a rate that may be a schedule, by a number that can be a hyperparameter.

    Args:
      name: of the argument, such as ``"generator_rate"``.
      rate: the rate.
      optimizer: from a rate.

    Returns:
      Where ``rate`` is a number, ``optimizer`` and that number. Where it is a schedule, the optimiser as a function of a factor of it, and
      the factor 1.

    Raises:
      ValueError: a rate at the first update that is negative or not finite; what an ``optimizer`` raises that takes no schedule.
      TypeError: a function of other arguments.
    """
    if not callable(rate):
        return optimizer, cast(float, rate)
    check_schedule(name, rate)
    optimizer(rate)
    return _times(optimizer, rate), 1.0


def at_rates(
    generator_optimizer: OptimizerOf | None,
    generator_rate: Rate,
    discriminator_optimizer: OptimizerOf | None,
    discriminator_rate: Rate,
    default: OptimizerOf,
) -> tuple[OptimizerOf, OptimizerOf, dict[str, float]]:
    """``at_rate`` of both players.

    Args:
      generator_optimizer, discriminator_optimizer: from a rate; None for ``default``.
      generator_rate, discriminator_rate: the rates.
      default: an optimiser, from a rate.

    Returns:
      The generator's optimiser, the discriminator's, and the hyperparameters ``generator_rate`` and ``discriminator_rate``.

    Raises:
      TypeError: an optimiser that is no function of a rate; what ``at_rate`` raises.
    """
    check_optimizers(generator_optimizer=generator_optimizer, discriminator_optimizer=discriminator_optimizer)
    optimizer_g, of_g = at_rate("generator_rate", generator_rate, generator_optimizer or default)
    optimizer_d, of_d = at_rate("discriminator_rate", discriminator_rate, discriminator_optimizer or default)
    return optimizer_g, optimizer_d, {"generator_rate": of_g, "discriminator_rate": of_d}


def check_optimizers(**optimizers: object) -> None:
    """Raises ``TypeError`` where one that is not None is no function from a learning rate to an optax transformation."""
    for name, optimizer in optimizers.items():
        if optimizer is not None:
            checks.takes(name, optimizer, ("rate",), "game.adam()")


@remembered
def _times(optimizer: OptimizerOf, schedule: optax.Schedule) -> OptimizerOf:
    return lambda factor: optimizer(lambda count: factor * schedule(count))


def check_schedule(name: str, schedule: optax.Schedule) -> None:
    """Raises unless ``schedule`` is a function of the number of updates, with a rate at the first one that is finite and not negative."""
    checks.takes(name, schedule, ("count",), "optax.cosine_decay_schedule(1e-3, 1000)")
    checks.within(f"{name} at the first update", schedule(0), 0.0, math.inf, high_open=True)


def alike(optimizer: OptimizerOf, rate: Rate) -> dict[str, Any]:
    """Arguments of a game whose players learn alike: ``gan(…, **alike(adam(), 1e-3))``.

    Args:
      optimizer: of both players.
      rate: of both.
    """
    return {
        "generator_optimizer": optimizer,
        "discriminator_optimizer": optimizer,
        "generator_rate": rate,
        "discriminator_rate": rate,
    }


def half_constant(steps: int, *, b1: float = 0.5, b2: float = 0.999) -> OptimizerOf:
    """CycleGAN's Adam: its rate is constant for half of the steps and then falls linearly to zero.

    Args:
      steps: of the game.
      b1, b2: decay rates of the moments.

    Returns:
      ``rate -> optimiser``.

    Raises:
      ValueError: fewer than two steps, a decay rate outside [0, 1).

    Source: Zhu et al. 2017, appendix 7.1.
    """
    return adam(b1=b1, b2=b2, schedule=linear_decay(steps, constant=0.5))
