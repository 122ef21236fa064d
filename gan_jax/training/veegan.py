"""VEEGAN: a third player, the reconstructor, maps samples back to noise, and the discriminator scores pairs of both.

A sample that many noises are mapped to cannot be mapped back to all of them: where the generator leaves modes out, the reconstructor, which
sees them, makes noise of them that no pair of the generator has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Float

from gan_jax import checks
from gan_jax.objectives import losses
from gan_jax.objectives.losses import Objective
from gan_jax.training.critic import logits_of_both
from gan_jax.training.game import (
    Data,
    Game,
    Place,
    check_data,
    check_sizes,
    drawer,
    drawn_from,
    game_of,
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


def joint(x: Float[Array, " batch *event"], z: Float[Array, "batch latent"]) -> Float[Array, "batch pair"]:
    """Pairs of samples ``[batch, *event]`` and noise ``[batch, latent]`` as examples of a discriminator, ``[batch, event + latent]``."""
    return jnp.concatenate([x.reshape(x.shape[0], -1), z], axis=1)


def flat(noise: PyTree) -> Float[Array, "batch latent"]:
    """All noise that a sample is made of, ``[batch, latent]``."""
    return jnp.concatenate([leaf.reshape(leaf.shape[0], -1) for leaf in jax.tree.leaves(noise)], axis=1)


def veegan(
    generator: Generator,
    reconstructor: Reconstructor,
    discriminator: Critic,
    data: Data,
    *,
    update: Update | None = None,
    batch_size: int = 256,
    discriminator_steps: int = 1,
    generator_optimizer: OptimizerOf | None = None,
    discriminator_optimizer: OptimizerOf | None = None,
    generator_rate: Rate = 1e-3,
    discriminator_rate: Rate = 1e-3,
    reconstruction_weight: float = 1.0,
    ema_decay: float | None = None,
    data_parameters: Mapping[str, float] = MappingProxyType({}),
    place: Place = unsharded,
) -> Game:
    """Generator and reconstructor against a discriminator of pairs; in the paper all three move at once along gradients at one point.

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
      data: as in ``game.gan``.
      update: from ``training.updates``; ``simultaneous()``, on one batch for all, where None.
      batch_size: examples of each kind at an update.
      discriminator_steps: updates of the discriminator at one step.
      generator_optimizer, discriminator_optimizer: ``adam()`` where None; the generator's moves the reconstructor too.
      generator_rate, discriminator_rate: learning rates or schedules of them, as in ``game.gan`` (hyperparameters).
      reconstruction_weight: λ, 1 in the paper (a hyperparameter).
      ema_decay, data_parameters, place: as in ``game.gan``.

    Returns:
      The game. Its states are sampled with ``beside(generator, reconstructor)``. ``Info`` tells of pairs, but for ``variance_ratio``, which
      is that of samples; the generator's loss has the reconstruction in it.

    Raises:
      ValueError: sizes below one; (in ``init``) a reconstructor with another number of outputs than z has coordinates, and what
        ``game.gan`` raises there.

    Source: Srivastava et al. 2017, "VEEGAN: reducing mode collapse in GANs using implicit variational learning", Algorithm 1.
    """
    check_sizes(batch_size=batch_size, discriminator_steps=discriminator_steps)
    checks.made("generator", generator, Generator, "models.generators.mlp_generator()")
    checks.made("discriminator", discriminator, Critic, "models.mlp.mlp()")
    update = simultaneous() if update is None else update
    checks.made("update", update, Update, "updates.simultaneous()")
    optimizer_g, optimizer_d, hyper = at_rates(
        generator_optimizer, generator_rate, discriminator_optimizer, discriminator_rate, adam()
    )
    parts = _Parts(
        generator=beside(generator, reconstructor),
        reconstructor=reconstructor,
        discriminator=discriminator,
        objective=losses.minimax(),
        data=drawer(data),
        data_names=tuple(data_parameters),
        batch_size=batch_size,
        discriminator_steps=discriminator_steps,
        generator_optimizer=optimizer_g,
        discriminator_optimizer=optimizer_d,
        place=place,
    )
    hyper |= {"reconstruction_weight": reconstruction_weight, **update.hyperparameters}
    return game_of(partial(_players, parts), ruled(update, partial(_setup, parts)), hyper, data_parameters, ema_decay)


class _Parts(NamedTuple):
    """What of ``veegan`` is fixed at compile time; the generator carries the reconstructor (``beside``)."""

    generator: Generator
    reconstructor: Reconstructor
    discriminator: Critic
    objective: Objective
    data: Data
    data_names: tuple[str, ...]
    batch_size: int
    discriminator_steps: int
    generator_optimizer: OptimizerOf
    discriminator_optimizer: OptimizerOf
    place: Place


class _Joint(NamedTuple):
    """What a discriminator is shown: samples ``[batch, *event]``, each with noise ``[batch, latent]``: its own, or what F makes of it."""

    real: Array
    recovered: Array
    fake: Array
    z: Array


def _players(parts: _Parts, key: PRNGKey, hyper: Hyperparameters, feed: PyTree) -> tuple[PlayerState, PlayerState]:
    generator_key, noise_key, discriminator_key = jax.random.split(key, 3)
    variables = parts.generator.init(generator_key)
    noise = parts.generator.noise(noise_key, 1)
    x, z = parts.generator.apply(variables, noise), flat(noise)
    own = {name: hyper[name] for name in parts.data_names}
    check_data(drawn_from(parts.data, feed, own), parts.batch_size, x.shape[1:])
    _check_reconstruction(_recovered(parts, variables["params"], x), z)
    variables_d = parts.discriminator.init(discriminator_key, joint(x, z))
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
        draw_d=_draw_d,
        draw_each=partial(_draw_each, parts),
        draw_g=partial(_draw_g, parts),
        draw_both=partial(_draw_both, parts),
        one_batch=True,
        discriminator_steps=parts.discriminator_steps,
        discriminator_optimizer=parts.discriminator_optimizer,
        generator_optimizer=parts.generator_optimizer,
        constrain=parts.discriminator.constrain,
    )


def _recovered(parts: _Parts, params: PyTree, x: Array) -> Array:
    return parts.reconstructor.apply({"params": params["reconstructor"]}, x)


def _draw_both(parts: _Parts, key: PRNGKey, *, generator: Variables, moment: Moment) -> tuple[Drawing, Drawing]:
    data_key, noise_key = jax.random.split(key)
    own = {name: moment.hyper[name] for name in parts.data_names}
    real = parts.place(parts.data(data_key, parts.batch_size, **own), 0)
    drawing = _draw_g(parts, noise_key, moment=moment)
    fake, _ = parts.generator.train(generator, drawing.batch)
    recovered = _recovered(parts, generator["params"], real)
    return Drawing(_Joint(real, recovered, fake, flat(drawing.batch)), None), drawing


def _draw_d(key: PRNGKey, *, generator: Variables, moment: Moment, steps: int) -> PRNGKey:
    del generator, moment
    return jax.random.split(key, steps)


def _draw_each(parts: _Parts, key: PRNGKey, *, generator: Variables, moment: Moment) -> Drawing:
    return _draw_both(parts, key, generator=generator, moment=moment)[0]


def _draw_g(parts: _Parts, key: PRNGKey, *, moment: Moment) -> Drawing:
    del moment
    return Drawing(parts.place(parts.generator.noise(key, parts.batch_size), 0), None)


def _d_loss(
    parts: _Parts, params: PyTree, *, variables: Variables, batch: _Joint, key: None, moment: Moment
) -> tuple[Array, DiscriminatorReport]:
    """``E [-log σ(D(x, F(x))) - log(1 - σ(D(G(z), z)))]``."""
    del key, moment
    real_logits, fake_logits = logits_of_both(
        parts.discriminator,
        {**variables, "params": params},
        joint(batch.real, batch.recovered),
        joint(batch.fake, batch.z),
        divided=parts.place is not unsharded,
    )
    loss = jnp.mean(parts.objective.discriminator_loss(real_logits, fake_logits))
    return loss, DiscriminatorReport(
        divergence=parts.objective.divergence(real_logits, fake_logits),
        loss=loss,
        penalty=jnp.zeros_like(loss),
        variance_ratio=variance_ratio(batch.real, batch.fake),
        collections={},
    )


def _g_loss(
    parts: _Parts,
    params: PyTree,
    *,
    variables: Variables,
    discriminator: Variables,
    batch: PyTree,
    key: None,
    moment: Moment,
) -> tuple[Array, GeneratorReport]:
    """``E [-D(G(z), z) + λ ||z - F(G(z))||²]``."""
    del key
    z = flat(batch)
    fake, advanced = parts.generator.train({**variables, "params": params}, batch)
    error = jnp.mean(jnp.sum(jnp.square(z - _recovered(parts, params, fake)), axis=1))
    log_ratio = -jnp.mean(parts.discriminator.apply(discriminator, joint(fake, z)))
    loss = log_ratio + moment.hyper["reconstruction_weight"] * error
    return loss, GeneratorReport(loss, advanced)


def _check_reconstruction(recovered: Array, z: Array) -> None:
    """Raises ``ValueError`` unless what a reconstructor gives has the shape of noise."""
    if recovered.shape != z.shape:
        raise ValueError(
            f"reconstructor gives shape {recovered.shape} for noise of shape {z.shape}; expected one shape [batch, latent]"
        )
