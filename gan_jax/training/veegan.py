"""VEEGAN: a third player, the reconstructor, maps samples back to noise, and the discriminator judges pairs of both.

A sample that many noises are mapped to cannot be mapped back to all of them: where the generator leaves modes out, the reconstructor, which
sees them, makes noise of them that no pair of the generator has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

import jax
import jax.numpy as jnp
import optax

from gan_jax import checks
from gan_jax.objectives import losses
from gan_jax.training.critic import logits_of_both
from gan_jax.training.game import (
    Data,
    Game,
    Place,
    anywhere,
    check_data,
    check_optimizers,
    drawer,
    drawn_from,
    game_of,
)
from gan_jax.training.optimizers import OptimizerOf, adam
from gan_jax.training.state import GameState, Hyperparameters, Info, Player, moved, spread
from gan_jax.typing import Array, Critic, Generator, PRNGKey, PyTree, Variables


class Reconstructor(Protocol):
    """``F: x -> z``, such as ``models.reconstructor`` makes."""

    @property
    def init(self) -> Callable[[PRNGKey, Array], Variables]: ...

    @property
    def apply(self) -> Callable[[Variables, Array], Array]: ...


def beside(generator: Generator, reconstructor: Reconstructor) -> Generator:
    """A generator that carries a reconstructor: ``params`` is ``{"generator": …, "reconstructor": …}``, and samples are the generator's.

    Args:
      generator: G.
      reconstructor: F.

    Returns:
      The generator, whose noise and whose other collections are those of G. With it the states of ``veegan`` are sampled.
    """

    def init(key: PRNGKey) -> Variables:
        generator_key, noise_key, reconstructor_key = jax.random.split(key, 3)
        variables = generator.init(generator_key)
        example = generator.apply(variables, generator.noise(noise_key, 1))
        own = reconstructor.init(reconstructor_key, example)["params"]
        return {**variables, "params": {"generator": variables["params"], "reconstructor": own}}

    def alone(variables: Variables) -> Variables:
        return {**variables, "params": variables["params"]["generator"]}

    def train(variables: Variables, z: PyTree) -> tuple[Array, Variables]:
        samples, advanced = generator.train(alone(variables), z)
        return samples, {**advanced, "params": variables["params"]}

    return Generator(init, generator.noise, lambda variables, z: generator.apply(alone(variables), z), train)


def joint(x: Array, z: Array) -> Array:
    """Pairs of samples ``[batch, *event]`` and noise ``[batch, latent]`` as examples of a discriminator, ``[batch, event + latent]``."""
    return jnp.concatenate([x.reshape(x.shape[0], -1), z], axis=1)


def flat(noise: PyTree) -> Array:
    """All noise that a sample is made of, ``[batch, latent]``."""
    return jnp.concatenate([leaf.reshape(leaf.shape[0], -1) for leaf in jax.tree.leaves(noise)], axis=1)


def veegan(
    generator: Generator,
    reconstructor: Reconstructor,
    discriminator: Critic,
    data: Data,
    *,
    batch_size: int = 256,
    generator_optimizer: OptimizerOf | None = None,
    discriminator_optimizer: OptimizerOf | None = None,
    generator_rate: float = 1e-3,
    discriminator_rate: float = 1e-3,
    reconstruction_weight: float = 1.0,
    ema_decay: float | None = None,
    data_parameters: Mapping[str, float] = MappingProxyType({}),
    place: Place = anywhere,
) -> Game:
    """Generator and reconstructor against a discriminator of pairs, all three moved at once along gradients at one point.

    ``D <- D - ∇ E [-log σ(D(x, F(x))) - log(1 - σ(D(G(z), z)))]``, ``G <- G - ∇ E [-D(G(z), z) + λ ||z - F(G(z))||²]``, ``F <- F - ∇ λ E
    ||z - F(G(z))||²``. At the best discriminator, -D is the log-ratio of generated to real pairs, and the generator's first term their
    reverse KL.

    Warning:
      The paper minimises ``KL(q(x|z) p(z), p_F(z|x) p(x)) + E d(z, F(G(z)))`` over G and F (its equations 3 and 4), and the divergence
      depends on F too. Its Algorithm 1, which this is, drops that: with the log-ratio replaced by the discriminator, F is left in the
      reconstruction alone. The Julia code beside the authors' moves F against the discriminator as well. The paper's D has the
      other sign.

    Args:
      generator: G; all its noise, flattened, is z.
      reconstructor: F, of as many outputs as z has coordinates.
      discriminator: of examples ``[event + latent]``, the sample flattened and z after it.
      data: as in ``game.adversarial``.
      batch_size: examples of each kind at a step.
      generator_optimizer, discriminator_optimizer: ``adam()`` where None; the generator's moves the reconstructor too.
      generator_rate, discriminator_rate: learning rates (hyperparameters).
      reconstruction_weight: λ, 1 in the paper (a hyperparameter).
      ema_decay, data_parameters, place: as in ``game.adversarial``.

    Returns:
      The game. Its states are sampled with ``beside(generator, reconstructor)``. ``Info`` tells of pairs, but for ``spread``, which
      is that of samples; the generator's loss has the reconstruction in it.

    Raises:
      ValueError: ``batch_size`` below one; (in ``init``) a reconstructor with another number of outputs than z has coordinates, and what
        ``game.adversarial`` raises there.

    Source: Srivastava et al. 2017, "VEEGAN: reducing mode collapse in GANs using implicit variational learning", Algorithm 1.
    """
    checks.integer("batch_size", batch_size, 1)
    checks.made("generator", generator, Generator, "models.generators.mlp_generator()")
    checks.made("discriminator", discriminator, Critic, "models.mlp.mlp()")
    check_optimizers(generator_optimizer=generator_optimizer, discriminator_optimizer=discriminator_optimizer)
    data = drawer(data)
    both = beside(generator, reconstructor)
    generator_of, discriminator_of = generator_optimizer or adam(), discriminator_optimizer or adam()
    objective = losses.minimax()

    def recovered(params: PyTree, x: Array) -> Array:
        return reconstructor.apply({"params": params["reconstructor"]}, x)

    def players(key: PRNGKey, hyper: Hyperparameters, feed: PyTree) -> tuple[Player, Player]:
        generator_key, noise_key, discriminator_key = jax.random.split(key, 3)
        variables = both.init(generator_key)
        noise = both.noise(noise_key, 1)
        x, z = both.apply(variables, noise), flat(noise)
        own = {name: hyper[name] for name in data_parameters}
        check_data(drawn_from(data, feed, own), batch_size, x.shape[1:])
        _check_reconstruction(recovered(variables["params"], x), z)
        judge = discriminator.init(discriminator_key, joint(x, z))
        return (
            Player(variables, generator_of(hyper["generator_rate"]).init(variables["params"])),
            Player(judge, discriminator_of(hyper["discriminator_rate"]).init(judge["params"])),
        )

    def step(state: GameState, key: PRNGKey, feed: PyTree) -> tuple[Player, Player, Info]:
        data_key, noise_key = jax.random.split(key)
        own = {name: state.hyper[name] for name in data_parameters}
        real = place(drawn_from(data, feed, own)(data_key, batch_size), 0)
        noise = place(both.noise(noise_key, batch_size), 0)
        z, before, judge = flat(noise), state.generator.variables, state.discriminator.variables

        def generator_loss(params: PyTree) -> tuple[Array, tuple[Array, Array, Variables]]:
            fake, variables = both.train({**before, "params": params}, noise)
            error = jnp.mean(jnp.sum(jnp.square(z - recovered(params, fake)), axis=1))
            log_ratio = -jnp.mean(discriminator.apply(judge, joint(fake, z)))
            value = log_ratio + state.hyper["reconstruction_weight"] * error
            return value, (value, fake, variables)

        towards, (value, fake, variables) = jax.grad(generator_loss, has_aux=True)(before["params"])

        def discriminator_loss(params: PyTree) -> tuple[Array, tuple[Array, Array]]:
            real_logits, fake_logits = logits_of_both(
                discriminator,
                {**judge, "params": params},
                joint(real, recovered(before["params"], real)),
                joint(fake, z),
            )
            loss = jnp.mean(objective.discriminator_loss(real_logits, fake_logits))
            return loss, (loss, objective.divergence(real_logits, fake_logits))

        against, (loss, divergence) = jax.grad(discriminator_loss, has_aux=True)(judge["params"])
        norms = optax.tree.norm(against), optax.tree.norm(towards)
        return (
            moved(Player(variables, state.generator.optimizer), towards, generator_of(state.hyper["generator_rate"])),
            moved(
                state.discriminator,
                against,
                discriminator_of(state.hyper["discriminator_rate"]),
                discriminator.constrain,
            ),
            Info(divergence, loss, jnp.zeros_like(loss), value, *norms, spread(real, fake)),
        )

    hyper = {
        "generator_rate": generator_rate,
        "discriminator_rate": discriminator_rate,
        "reconstruction_weight": reconstruction_weight,
    }
    return game_of(players, step, hyper, data_parameters, ema_decay)


def _check_reconstruction(recovered: Array, z: Array) -> None:
    """Raises ``ValueError`` unless what a reconstructor gives has the shape of noise."""
    if recovered.shape != z.shape:
        raise ValueError(
            f"reconstructor gives shape {recovered.shape} for noise of shape {z.shape}; expected one shape [batch, latent]"
        )
