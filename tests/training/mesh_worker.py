"""One process of a game over several devices, run by ``test_mesh``: plays 20 steps of several games, and saves every step's ``Info``.

``python mesh_worker.py DEVICES_A_PROCESS PROCESS PROCESSES PORT FILE``
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gan_jax.data import sets, sources
from gan_jax.models.generators import mlp_generator
from gan_jax.models.image_pairs import ImagePair, dcgan
from gan_jax.models.mlp import mlp
from gan_jax.objectives.losses import OBJECTIVES
from gan_jax.objectives.penalties import PENALTIES
from gan_jax.training import ensemble, updates
from gan_jax.training import mesh as meshes
from gan_jax.training.game import Game, gan

STEPS, BATCH, SIZE = 20, 64, 8


def games(mesh: jax.sharding.Mesh, draw: Callable[..., jax.Array]) -> Iterator[tuple[str, Game]]:
    """Penalties, relativistic pairs, several discriminator steps, and batch statistics on both sides.

    Where a penalty's gradient is compared in float32 the activations are smooth: at a kink of a ReLU the gradient of a penalty jumps, and a
    rounding error decides on which side of it an example lies.
    """
    smooth = ImagePair(
        mlp_generator((64, 64), latent=16, event_shape=(SIZE, SIZE, 1), activation=nn.softplus, batch_norm=True),
        mlp((64, 64), activation=nn.softplus),
    )
    normalised = dcgan(SIZE, 1, width=8, latent=16)
    for objective, penalty, steps, pair in (
        ("relativistic_average", "gp", 2, smooth),
        ("non_saturating", None, 1, normalised),
    ):
        yield (
            objective,
            gan(
                OBJECTIVES[objective](),
                pair.generator,
                pair.discriminator,
                draw,
                updates.alternating(),
                batch_size=BATCH,
                discriminator_steps=steps,
                penalty=None if penalty is None else PENALTIES[penalty](),
                penalty_weight=1.0,
                generator_rate=2e-4,
                discriminator_rate=2e-4,
                ema_decay=0.99,
                place=meshes.placement(mesh),
            ),
        )


def played(mesh: jax.sharding.Mesh) -> dict[str, np.ndarray]:
    """Every number of ``Info`` at every step of every game, ``[quantities, steps]`` each."""
    source = sources.resident(sets.load("digits", split="all"), mesh=mesh)
    infos = {}
    for name, game in games(mesh, source.draw):
        state = meshes.begin(game, jax.random.key(3), mesh, feed=source.feed(0, STEPS))
        play = jax.jit(
            lambda state, feed, game=game: jax.lax.scan(lambda s, _: game.step(s, feed), state, length=STEPS)
        )
        _, info = play(state, source.feed(0, STEPS))
        infos[name] = np.stack(meshes.fetch(info))
    return infos


def ensemble_member(key: jax.Array, *, scale: jax.Array) -> dict[str, jax.Array]:
    """One member of an ensemble, whose members are divided among the devices of all processes."""
    return {"draw": scale * jax.random.normal(key, (2,))}


def main() -> None:
    devices, process, processes, port = map(int, sys.argv[1:5])
    jax.config.update("jax_num_cpu_devices", devices)
    jax.config.update("jax_numpy_rank_promotion", "raise")
    if processes > 1:
        meshes.connect(f"localhost:{port}", processes, process)
    infos = played(meshes.data_mesh())
    table = ensemble.sweep(ensemble_member, jax.random.key(1), seeds=3, scale=[1.0, 2.0, 3.0])
    assert jnp.zeros(()).dtype == jnp.float32
    if meshes.is_first():
        np.savez(sys.argv[5], ensemble=table["draw"], **infos)


if __name__ == "__main__":
    main()
