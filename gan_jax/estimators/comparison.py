"""One family of pairs on one axis: the exact value, what samples say, what a trained critic says, and what the generator feels.

Every function takes a ``distributions.DistributionPair`` and separations; each is pure, so that ``training.ensemble`` runs whole
figures of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Float, Integer

from gan_jax import checks
from gan_jax.distributions import DistributionPair
from gan_jax.divergences import exact
from gan_jax.estimators import variational
from gan_jax.estimators.variational import Estimate
from gan_jax.moved import moved as moved_names
from gan_jax.objectives import losses
from gan_jax.training.optimizers import Rate
from gan_jax.typing import Array, Critic, PRNGKey, Sampler

__getattr__ = moved_names(__name__, {"Recipe": f"{__name__}:TrainingRecipe"})


class Exact(NamedTuple):
    """The truth at one separation, each ``[]``, or along the axis, ``[separations]``; NaN where there is none.

    Attributes:
      js: Jensen–Shannon divergence, nats.
      w1: Wasserstein-1 distance, units of the data.
      saturating: ``|2 dJS/dm|``, the gradient of ``E log(1 - D*)``.
      non_saturating: ``|d/dm [KL(q || p) - 2 JS]|``, the gradient of ``-E log D*``.
      wasserstein: ``|dW1/dm|``.
    """

    js: Float[Array, " *separations"]
    w1: Float[Array, " *separations"]
    saturating: Float[Array, " *separations"]
    non_saturating: Float[Array, " *separations"]
    wasserstein: Float[Array, " *separations"]


def exact_point(pair: DistributionPair, separation: Float[Array, ""]) -> Exact:
    """The exact divergences and the generator's exact gradients, for a generator that moves q along the axis.

    The three gradients are those of Goodfellow et al. 2014 (theorem 1: at D* the minimax loss is ``2 JS - 2 log 2``), of Arjovsky &
    Bottou 2017 (theorem 2.5, for ``-log D``) and of Arjovsky, Chintala & Bottou 2017 (theorem 3).

    Args:
      pair: the family.
      separation: m, ``[]``.

    Returns:
      Five numbers, each ``[]``.
    """
    js, js_slope = jax.value_and_grad(lambda s: exact.jensen_shannon(*pair.make(s)))(separation)
    w1, w1_slope = jax.value_and_grad(lambda s: exact.wasserstein(*pair.make(s)))(separation)
    reverse_kl, kl_slope = jax.value_and_grad(lambda s: exact.kl(*reversed(pair.make(s))))(separation)
    feels = jnp.where(jnp.isfinite(reverse_kl), jnp.abs(kl_slope - 2 * js_slope), jnp.nan)
    return Exact(js, w1, jnp.abs(2 * js_slope), feels, jnp.abs(w1_slope))


def exact_curves(pair: DistributionPair, separations: Float[Array, " separations"]) -> Exact:
    """``exact_point`` along the axis, one separation after another: memory does not grow with their number.

    Args:
      pair: the family.
      separations: ``[separations]``.

    Returns:
      Five curves, each ``[separations]``.
    """
    return jax.lax.map(partial(exact_point, pair), separations)


class Trained(NamedTuple):
    """What one trained discriminator and one trained critic say at one separation, each ``[]``.

    Attributes:
      js: the discriminator's estimate of JS.
      w1: the critic's estimate of W1.
      saturating: norm of the generator's gradient of ``log(1 - D)`` through that discriminator.
      non_saturating: the same of ``-log D``.
      wasserstein: the same through the critic.
    """

    js: Estimate
    w1: Estimate
    saturating: Float[Array, ""]
    non_saturating: Float[Array, ""]
    wasserstein: Float[Array, ""]


class TrainingRecipe(NamedTuple):
    """How the two networks are trained.

    Attributes:
      discriminator: a free network for JS.
      critic: a 1-Lipschitz network for W1.
      steps: updates of each.
      batch_size: samples of each law a step.
      discriminator_rate, critic_rate: learning rates of Adam, decayed to zero, or schedules of them, as in ``neural_estimator``.
      held_out: fresh samples of each law that score each network.
    """

    discriminator: Critic
    critic: Critic
    steps: int = 1000
    batch_size: int = 256
    discriminator_rate: Rate = 1e-2
    critic_rate: Rate = 5e-3
    held_out: int = 16384


Samplers: TypeAlias = Callable[[Array], tuple[Sampler, Sampler]]
"""From a separation ``[]`` to the samplers of p and q."""


def samplers_of(pairs: Sequence[DistributionPair], index: Integer[Array, ""] | int) -> Samplers:
    """The samplers of one of several families, chosen by a number that may be traced.

    With the family as data, networks for many families compile once: only the samplers are compiled family by family.

    Args:
      pairs: the families, all of one event shape.
      index: which of them, ``[]``.

    Returns:
      ``separation -> (sampler of p, sampler of q)``.
    """

    def at(separation: Array) -> tuple[Sampler, Sampler]:
        def side(which: int) -> Sampler:
            def sample(key: PRNGKey, batch: int) -> Array:
                branches = [
                    lambda k, m, pair=pair: variational.sampler(pair.make(m)[which])(k, batch) for pair in pairs
                ]
                drawn: Array = jax.lax.switch(index, branches, key, separation)
                return drawn

            return sample

        return side(0), side(1)

    return at


def trained_point(key: PRNGKey, samplers: Samplers, separation: Float[Array, ""], recipe: TrainingRecipe) -> Trained:
    """Trains a discriminator and a critic at one separation, and asks both what the generator feels.

    The generator is ``q_m`` with its noise held fixed, moved along the axis by m; its gradient is taken on samples that neither network
    was trained on.

    Args:
      key: of everything random.
      samplers: of the family, from ``samplers_of``.
      separation: m, ``[]``; may be traced.
      recipe: the networks and their training.

    Returns:
      Both estimates and three gradient norms.
    """
    js_key, w1_key, noise_key = jax.random.split(checks.key("key", key), 3)
    train = partial(
        variational.neural_estimator,
        steps=recipe.steps,
        batch_size=recipe.batch_size,
        held_out=recipe.held_out,
    )
    minimax, wasserstein = losses.minimax(), losses.wasserstein()
    p, q = samplers(separation)
    js = train(minimax, recipe.discriminator, learning_rate=recipe.discriminator_rate)(js_key, p, q)
    w1 = train(wasserstein, recipe.critic, learning_rate=recipe.critic_rate)(w1_key, p, q)

    # One noise for all three gradients, so that they compare sample by sample.
    fake, velocity = jax.jvp(
        lambda m: samplers(m)[1](noise_key, recipe.held_out), (separation,), (jnp.ones_like(separation),)
    )

    def felt(objective: losses.Objective, network: Critic, trained: variational.TrainedCritic) -> Array:
        scores = partial(variational.logits, network, trained)
        slope = variational.generator_gradient(objective, scores, lambda t: fake + t * velocity, jnp.zeros(()))
        return jnp.abs(slope)

    return Trained(
        js,
        w1,
        felt(minimax, recipe.discriminator, js.critic),
        felt(losses.non_saturating(), recipe.discriminator, js.critic),
        felt(wasserstein, recipe.critic, w1.critic),
    )
