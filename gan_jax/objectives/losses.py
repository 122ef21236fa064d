"""Objectives: what the discriminator and the generator minimise, and the divergence that the discriminator's value estimates."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gan_jax.typing import Array


class Objective(NamedTuple):
    """A game's two losses and the divergence behind them, as pure functions of logits, per example and un-averaged.

    Attributes:
      name: the field's name.
      discriminator_loss: ``(real_logits [batch], fake_logits [batch]) -> [batch]``; its mean is minimised by the discriminator.
      generator_loss: ``(fake_logits [batch], real_logits [batch]) -> [batch]``; its mean is minimised by the generator.
      divergence: ``(real_logits [n], fake_logits [m]) -> []``; what the discriminator's value says of the distance. It is affine in means
        over examples, so that the mean of single-example values is the value.
      unit: what the divergence is measured in.
      scales_with_data: whether the divergence of c·X and c·Y is c times that of X and Y (a distance), or the same (in nats).
    """

    name: str
    discriminator_loss: Callable[[Array, Array], Array]
    generator_loss: Callable[[Array, Array], Array]
    divergence: Callable[[Array, Array], Array]
    unit: str
    scales_with_data: bool


def _pair(real_logits: Array, fake_logits: Array) -> tuple[Array, Array]:
    """Raises ``ValueError`` unless both are ``[batch]`` of the same batch: ``[B]`` against ``[B, 1]`` would broadcast to ``[B, B]``."""
    if real_logits.ndim != 1 or real_logits.shape != fake_logits.shape:
        raise ValueError(
            f"real_logits has shape {real_logits.shape} and fake_logits has shape {fake_logits.shape}; expected one shape [batch]"
        )
    return real_logits, fake_logits


def _classifier_loss(real_logits: Array, fake_logits: Array) -> Array:
    """``-log σ(D(x)) - log(1 - σ(D(G(z))))``: the cross entropy of real against fake, un-halved."""
    real, fake = _pair(real_logits, fake_logits)
    return jax.nn.softplus(-real) + jax.nn.softplus(fake)


def _jensen_shannon(real_logits: Array, fake_logits: Array) -> Array:
    """``JS >= log 2 + V / 2`` with ``V = E log σ(D(x)) + E log(1 - σ(D(G(z))))``, un-halved."""
    return jnp.log(2.0) - 0.5 * (jnp.mean(jax.nn.softplus(-real_logits)) + jnp.mean(jax.nn.softplus(fake_logits)))


def minimax() -> Objective:
    """The original game: ``min_G max_D E log σ(D(x)) + E log(1 - σ(D(G(z))))``; the generator's loss saturates.

    At the optimal discriminator the value is ``2 JS - 2 log 2``; ``divergence`` is ``log 2 + V / 2``, a lower bound of JS in nats.

    Returns:
      The objective.

    Source: Goodfellow et al. 2014, equation 1 and theorem 1.
    """
    return Objective(
        "minimax",
        _classifier_loss,
        lambda fake_logits, real_logits: -jax.nn.softplus(fake_logits),
        _jensen_shannon,
        "nats",
        False,
    )


def non_saturating() -> Objective:
    """The discriminator of ``minimax`` with the generator's loss ``-log σ(D(G(z)))``, whose gradient does not vanish.

    At the optimal discriminator the generator descends ``KL(P_G || P_data) - 2 JS``, which is no divergence.

    Returns:
      The objective.

    Source: Goodfellow et al. 2014, section 3; Arjovsky & Bottou 2017, theorem 2.5.
    """
    return minimax()._replace(
        name="non_saturating", generator_loss=lambda fake_logits, real_logits: jax.nn.softplus(-fake_logits)
    )


def wasserstein() -> Objective:
    """The critic's game: ``min_G max_{||f||_L <= 1} E f(x) - E f(G(z))``.

    For a 1-Lipschitz critic, ``divergence`` is a lower bound of W1 in units of the data (Kantorovich–Rubinstein).

    Returns:
      The objective.

    Source: Arjovsky, Chintala & Bottou 2017, equation 2.
    """

    def discriminator_loss(real_logits: Array, fake_logits: Array) -> Array:
        real, fake = _pair(real_logits, fake_logits)
        return fake - real

    return Objective(
        "wasserstein",
        discriminator_loss,
        lambda fake_logits, real_logits: -fake_logits,
        lambda real_logits, fake_logits: jnp.mean(real_logits) - jnp.mean(fake_logits),
        "units of the data",
        True,
    )
