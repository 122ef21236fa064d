"""The game of four and its ablations: what experiments on unpaired translation share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gan_jax.ranges import Count, Decay, NonNegative, Positive, Whole

if TYPE_CHECKING:
    from gan_jax.training.game import Game
    from gan_jax.training.recording import Case
    from gan_jax.training.translation import DomainData
    from gan_jax.typing import Critic, PyTree, Translator

GAMES = ("full", "adversarial only", "forward cycle only", "backward cycle only", "cycle only")
"""Of ``training.translation.ABLATIONS``, in its order."""

FULL, ADVERSARIAL, FORWARD, BACKWARD, CYCLE = GAMES

NO_IDENTITY = "full, no identity"
"""Both cycles and the adversarial terms, and nothing that says that a picture of the other domain is to be left as it is."""


@dataclass(frozen=True)
class CycleRecipe:
    """Weights and rates of a game of four."""

    objective: str = "least_squares"  # Objective, one of ``losses.OBJECTIVES``.
    batch_size: Count = 128  # Examples of each domain at an update.
    rate: Positive = 1e-3  # Learning rate of all players' Adam; falls to zero over the second half.
    b1: Decay = 0.5  # Decay rate of Adam's first moment.
    b2: Decay = 0.999  # Decay rate of Adam's second moment.
    cycle_weight: NonNegative = 0.3
    """Of the way there and back, in units of the adversarial loss over those of the data."""

    identity_weight: NonNegative | None = None
    """Of leaving alone what is in the other domain already, times the cycle's; without these terms where not given."""

    pool_size: Whole = 50  # Translated examples that are kept for the discriminators.
    penalty_weight: NonNegative = 0.0  # Weight of R1 + R2; 0 for none.
    penalty_every: Count = 1  # R1 + R2 are computed at every so many updates, and weigh so many times more there.
    ema_decay: Decay = 0.99  # Decay rate of the moving average of the generators' parameters.


IMAGES = CycleRecipe(
    objective="relativistic",
    batch_size=8,
    b1=0.0,
    b2=0.99,
    cycle_weight=1.0,
    penalty_weight=0.2,
    penalty_every=8,
    ema_decay=0.998,
)
"""For small images on a CPU: relativistic pairing + R1 + R2, which is near the target long before least squares are."""


def game_of_four(
    recipe: CycleRecipe,
    forward: Translator,
    backward: Translator,
    discriminator_x: Critic,
    discriminator_y: Critic,
    data: DomainData,
    steps: int,
) -> Game:
    """Two translators and two discriminators, rates that fall over the second half, and a moving average.

    Args:
      recipe: weights and rates.
      forward, backward, discriminator_x, discriminator_y, data: as of ``translation``.
      steps: of the game, which schedules are made for.
    """
    from gan_jax.objectives.losses import OBJECTIVES
    from gan_jax.objectives.penalties import both, r1, r2
    from gan_jax.training.optimizers import alike, half_constant
    from gan_jax.training.translation import cyclegan

    return cyclegan(
        OBJECTIVES[recipe.objective](),
        forward,
        backward,
        discriminator_x,
        discriminator_y,
        data,
        batch_size=recipe.batch_size,
        **alike(half_constant(steps, b1=recipe.b1, b2=recipe.b2), recipe.rate),
        identity_weight=recipe.identity_weight,
        pool_size=recipe.pool_size,
        penalty=both(r1(), r2()) if recipe.penalty_weight > 0.0 else None,
        penalty_weight=recipe.penalty_weight,
        penalty_every=recipe.penalty_every,
        ema_decay=recipe.ema_decay,
    )


def cases(recipe: CycleRecipe, games: tuple[str, ...], feed: PyTree = None) -> Case:
    """Ablations as cases of one program, which differ by the weights of their terms alone.

    Args:
      recipe: of the full game.
      games: names among ``ABLATIONS``, and ``NO_IDENTITY``.
      feed: what the data draws from, the same for all of them.

    Raises:
      ValueError: ``NO_IDENTITY`` where the recipe has no identity terms; another name.
    """
    import jax
    import jax.numpy as jnp

    from gan_jax.training.recording import Case
    from gan_jax.training.translation import ablation

    if NO_IDENTITY in games and recipe.identity_weight is None:
        raise ValueError(f"{NO_IDENTITY!r} is among the games and identity_weight is None; expected a number")
    full = {"adversarial_weight": 1.0, "forward_weight": recipe.cycle_weight, "backward_weight": recipe.cycle_weight}
    full |= {} if recipe.identity_weight is None else {"identity_weight": recipe.identity_weight}
    chosen = [full | ({"identity_weight": 0.0} if game == NO_IDENTITY else dict(ablation(game))) for game in games]
    repeated = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf[None], (len(games), *leaf.shape)), feed)
    return Case(feed=repeated, hyper={name: jnp.array([one[name] for one in chosen]) for name in full})
