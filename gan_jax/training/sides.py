"""What a game says of its two sides, and all that an update rule knows of it: losses, draws, and how a side moves.

A rule (``training.updates``) decides who moves when and along which gradient; a game (``game.gan``, ``conditional.conditional_gan``,
``translation.cyclegan``, ``veegan.veegan``) decides what is descended. Every rule plays every game.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from gan_jax.training.optimizers import OptimizerOf
from gan_jax.training.state import GameState, Hyperparameters, Info, PlayerState
from gan_jax.typing import Array, PRNGKey, PyTree, Variables


class Moment(NamedTuple):
    """When in a game a loss is looked at.

    Attributes:
      step: steps of the game before this one, ``[]``.
      updates: of the discriminator before this one, ``[]``; what a lazy penalty goes by.
      hyper: the game's hyperparameters.
    """

    step: Int[Array, ""]
    updates: Int[Array, ""]
    hyper: Hyperparameters


class Drawing(NamedTuple):
    """What one evaluation of a loss is made from.

    Attributes:
      batch: complete: a discriminator's has the generated examples in it.
      key: of what the loss draws itself (noise that it adds, a penalty's points), or several in an array; None where it draws nothing.
    """

    batch: PyTree
    key: PRNGKey | None


class DiscriminatorReport(NamedTuple):
    """What is told of a discriminator's loss, each ``[]`` but the collections.

    Attributes:
      divergence, loss, penalty, variance_ratio: as in ``Info``.
      collections: those of its collections that the evaluation advanced (a pool of earlier examples); mostly none.
    """

    divergence: Float[Array, ""]
    loss: Float[Array, ""]
    penalty: Float[Array, ""]
    variance_ratio: Float[Array, ""]
    collections: Variables


class GeneratorReport(NamedTuple):
    """What is told of a generator's loss.

    Attributes:
      loss: as in ``Info``, ``[]``.
      variables: its own, whose collections the pass advanced.
    """

    loss: Float[Array, ""]
    variables: Variables


class DiscriminatorLoss(Protocol):
    """``L_D(ψ; batch)``, a plain function: rules differentiate it in ``params``, and through the batch in the generator that made it."""

    def __call__(
        self, params: PyTree, *, variables: Variables, batch: PyTree, key: PRNGKey | None, moment: Moment
    ) -> tuple[Float[Array, ""], DiscriminatorReport]:
        """The loss and its report.

        Args:
          params: ψ, which stands in the place of ``variables["params"]``.
          variables: of the discriminator.
          batch, key: a ``Drawing``.
          moment: of the game.

        Returns:
          What the discriminator descends, ``[]``, weighted penalty and all; and what is told of it.
        """


class GeneratorLoss(Protocol):
    """``L_G(θ; ψ, batch)``, a plain function: rules differentiate it in ``params``, and in ψ where that follows from θ."""

    def __call__(
        self,
        params: PyTree,
        *,
        variables: Variables,
        discriminator: Variables,
        batch: PyTree,
        key: PRNGKey | None,
        moment: Moment,
    ) -> tuple[Float[Array, ""], GeneratorReport]:
        """The loss and its report.

        Args:
          params: θ, which stands in the place of ``variables["params"]``.
          variables: of the generator.
          discriminator: variables of the other side.
          batch, key: a ``Drawing``.
          moment: of the game.

        Returns:
          What the generator descends, ``[]``; and what is told of it.
        """


class DiscriminatorDraw(Protocol):
    """Draws for several updates of the discriminator at once."""

    def __call__(self, key: PRNGKey, *, generator: Variables, moment: Moment, steps: int) -> PyTree:
        """Batches of all updates.

        Args:
          key: of all of it.
          generator: variables of what makes the generated examples; gradients pass.
          moment: of the game; its ``updates`` are not looked at.
          steps: how many updates.

        Returns:
          What ``draw_each`` takes, with a leading axis ``[steps]`` in every leaf: drawings, or a key for each.
        """


class EachDraw(Protocol):
    """A single update's share of what was drawn for several: ``draw(share, generator=…, moment=…) -> Drawing``."""

    def __call__(self, share: PyTree, /, *, generator: Variables, moment: Moment) -> Drawing: ...


class GeneratorDraw(Protocol):
    """Draws for an update of the generator: ``draw(key, moment=…) -> Drawing``."""

    def __call__(self, key: PRNGKey, *, moment: Moment) -> Drawing: ...


class JointDraw(Protocol):
    """Draws for both at one point: ``draw(key, generator=…, moment=…) -> (the discriminator's, the generator's)``."""

    def __call__(self, key: PRNGKey, *, generator: Variables, moment: Moment) -> tuple[Drawing, Drawing]: ...


class Setup(NamedTuple):
    """A game as update rules see it.

    Attributes:
      d_loss, g_loss: what the sides minimise.
      draw_d, draw_g: what they are evaluated on, each for itself; the discriminator for several updates.
      draw_each: of a single update, from its share of that.
      draw_both: what both are evaluated on at one point.
      one_batch: whether that is one batch for both; a step that is nothing else then draws it with its own key.
      discriminator_steps: updates of the discriminator at one step of the game.
      discriminator_optimizer, generator_optimizer: from learning rates.
      constrain: of the discriminator's variables after an update.
    """

    d_loss: DiscriminatorLoss
    g_loss: GeneratorLoss
    draw_d: DiscriminatorDraw
    draw_each: EachDraw
    draw_g: GeneratorDraw
    draw_both: JointDraw
    one_batch: bool
    discriminator_steps: int
    discriminator_optimizer: OptimizerOf
    generator_optimizer: OptimizerOf
    constrain: Callable[[Variables], Variables]


class UpdateStep(Protocol):
    """One step of a rule."""

    def __call__(self, setup: Setup, state: GameState, key: PRNGKey) -> tuple[PlayerState, PlayerState, Info]:
        """The step.

        Args:
          setup: the game.
          state: before the step.
          key: the step's own.

        Returns:
          Generator and discriminator after the step, and what it looked like.
        """


class Update(NamedTuple):
    """How one step moves the two sides.

    Attributes:
      name: the field's.
      step: one step.
      hyperparameters: of the rule itself, with their values.
    """

    name: str
    step: UpdateStep
    hyperparameters: Mapping[str, float] = MappingProxyType({})


def drawn_already(drawing: Drawing, *, generator: Variables, moment: Moment) -> Drawing:
    """``draw_each`` of a game whose ``draw_d`` gives whole drawings."""
    del generator, moment
    return drawing


def folded(key: PRNGKey, count: int) -> PRNGKey:
    """``fold_in(key, n)`` for n from 0 on, ``[count]``."""
    return jax.vmap(lambda number: jax.random.fold_in(key, number))(jnp.arange(count))


def apart(draw_d: DiscriminatorDraw, draw_each: EachDraw, draw_g: GeneratorDraw) -> JointDraw:
    """A draw for both of which neither knows the other's."""

    def draw(key: PRNGKey, *, generator: Variables, moment: Moment) -> tuple[Drawing, Drawing]:
        discriminator_key, generator_key = jax.random.split(key)
        several = draw_d(discriminator_key, generator=generator, moment=moment, steps=1)
        share = jax.tree.map(lambda leaf: leaf[0], several)
        return draw_each(share, generator=generator, moment=moment), draw_g(generator_key, moment=moment)

    return draw
