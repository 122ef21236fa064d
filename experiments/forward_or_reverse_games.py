"""The games of ``forward_or_reverse``: one Gaussian against two, from the middle between them and from one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.forward_or_reverse import Config

NAMES = {"kl": "KL", "jensen_shannon": "JS", "jeffreys": "Jeffreys", "reverse_kl": "reverse KL"}
"""The divergences, from covering to seeking, as the table of f-divergences and as the figure call them."""


def member(config: Config) -> Callable[..., dict[str, Any]]:
    """Returns ``(key, divergence, separation, start) -> {"path": [records + 1, 2]}``: (μ, σ) of one game.

    ``start`` is where N(start · separation / 2, σ²) begins: at 0, with the variance of the data, which is KL's own optimum; at 1, as the
    right mode.
    """
    import jax
    import jax.numpy as jnp
    import optax
    from flax import linen as nn

    from gan_jax.models.mlp import mlp
    from gan_jax.models.players import affine
    from gan_jax.objectives import losses
    from gan_jax.objectives.choice import one_of
    from gan_jax.training.game import OptimizerOf, adversarial, play
    from gan_jax.training.updates import alternating

    def data(key: Any, batch: int, /, *, separation: Any) -> Any:
        side_key, noise_key = jax.random.split(key)
        side = jax.random.rademacher(side_key, (batch,), float)
        return (0.5 * separation * side + jax.random.normal(noise_key, (batch,)))[:, None]

    def decaying(updates: int) -> OptimizerOf:
        return lambda rate: optax.adam(optax.cosine_decay_schedule(rate, updates), b1=0.5, b2=0.9)

    def mean_and_scale(state: Any) -> Any:
        params = state.generator.variables["params"]
        return jnp.stack([params["shift"][0], jnp.abs(params["matrix"][0, 0])])

    generator, critic = affine(), mlp((config.width, config.width), activation=nn.tanh)
    objectives = [losses.f_gan(name) for name in NAMES]

    def member(key: Any, divergence: Any, separation: Any, start: Any) -> dict[str, Any]:
        wide = jnp.sqrt(1.0 + 0.25 * separation**2)
        begun = {
            "matrix": jnp.where(start == 0.0, wide, 1.0).reshape(1, 1),
            "shift": (0.5 * start * separation).reshape(1),
        }
        game = adversarial(
            one_of(objectives, divergence.astype(int)),
            generator._replace(init=lambda key: {"params": begun}),
            critic,
            data,
            alternating(),
            batch_size=config.batch_size,
            discriminator_steps=config.discriminator_steps,
            generator_optimizer=decaying(config.steps),
            discriminator_optimizer=decaying(config.steps * config.discriminator_steps),
            generator_rate=config.learning_rate,
            discriminator_rate=config.learning_rate,
            data_parameters={"separation": 1.0},
        )
        state = game.init(key, separation=separation)
        _, _, path = play(game, state, steps=config.steps, records=config.records, observe=mean_and_scale)
        return {"path": path}

    return member
