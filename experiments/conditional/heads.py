"""Ways to show a label to a discriminator, and the game that they are compared in: what experiments on labels share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from gan_jax.training.conditional import PairData
    from gan_jax.training.game import Game
    from gan_jax.typing import ConditionalCritic, ConditionalGenerator


class Head(NamedTuple):
    """One way to show a label to a discriminator.

    Attributes:
      label: as the figure names it.
      head: of ``conditional_critics.HEADS``.
      wrong_weight: of the third kind of pair.
    """

    label: str
    head: str
    wrong_weight: float = 0.0


def game(
    config: Any,
    head: Head,
    generator: ConditionalGenerator,
    critic: ConditionalCritic,
    data: PairData,
    *,
    constant: float = 0.0,
    **more: Any,
) -> Game:
    """Relativistic pairing with R1 + R2, Adam(0, .99) at rates that fall from a share ``constant`` of the steps on, and a moving average.

    Args:
      config: of the experiment: ``steps``, ``batch_size``, ``rate``, ``penalty_weight`` and ``ema_decay``.
      head: how the critic sees a label.
      generator, critic, data, more: as of ``conditional_gan``.
    """
    from gan_jax.objectives.losses import relativistic
    from gan_jax.objectives.penalties import both, r1, r2
    from gan_jax.training.conditional import conditional_gan
    from gan_jax.training.optimizers import adam, alike, linear_decay

    adam_to_rest = adam(b1=0.0, b2=0.99, schedule=linear_decay(config.steps, constant=constant, end=0.01))
    return conditional_gan(
        relativistic(),
        generator,
        critic,
        data,
        batch_size=config.batch_size,
        **alike(adam_to_rest, config.rate),
        wrong_weight=head.wrong_weight,
        penalty=both(r1(), r2()),
        penalty_weight=config.penalty_weight,
        ema_decay=config.ema_decay,
        **more,
    )
