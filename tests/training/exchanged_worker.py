"""Compiles one step of several games over virtual devices, for ``test_exchanged``.

``python exchanged_worker.py DEVICES FOLDER`` writes GAME.txt: bytes of parameters, of a batch of pictures and of their labels; the program.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp

from gan_jax.models.conditional import conditional_dcgan_generator
from gan_jax.models.conditional_critics import conditional_dcgan_critic
from gan_jax.models.image_pairs import dcgan, dcgan_norm_free
from gan_jax.models.text import label_encoder
from gan_jax.models.translators import patch_critic, resnet_translator
from gan_jax.objectives.losses import least_squares, non_saturating, wasserstein
from gan_jax.objectives.penalties import gradient_penalty
from gan_jax.training import mesh as meshes
from gan_jax.training import updates
from gan_jax.training.conditional import ConditionedBatch, conditional_gan
from gan_jax.training.game import Game, Place, gan
from gan_jax.training.translation import Domains, cyclegan
from gan_jax.typing import Array, PRNGKey, PyTree

BATCH, SIZE = 16, 16
HELD = 64


def pictures(key: PRNGKey, batch: int, feed: Array) -> Array:
    """Pictures of a set that every device holds."""
    return feed[jax.random.randint(key, (batch,), 0, HELD)]


def pairs(key: PRNGKey, batch: int, feed: tuple[Array, Array]) -> ConditionedBatch:
    """Pictures with their labels."""
    held, labels = feed
    drawn = jax.random.randint(key, (batch,), 0, HELD)
    label = labels[drawn]
    return ConditionedBatch(held[drawn], label, label[:, None], label[:, None])


def domains(key: PRNGKey, batch: int, feed: Array) -> Domains:
    """Pictures of two sets that nobody paired."""
    x, y = jax.random.split(key)
    return Domains(pictures(x, batch, feed), 1.0 - pictures(y, batch, feed))


def games(place: Place) -> Iterator[tuple[str, Game, PyTree]]:
    """Batch statistics; a penalty and several updates of the critic; labels; translation without a pool, and with one."""
    held = jnp.zeros((HELD, SIZE, SIZE, 1))
    normalised = dcgan(SIZE, 1, width=8, latent=16)
    common = {"batch_size": BATCH, "place": place}
    yield (
        "dcgan",
        gan(
            non_saturating(), normalised.generator, normalised.discriminator, pictures, updates.alternating(),
            ema_decay=0.9, **common,
        ),
        held,
    )  # fmt: skip
    free = dcgan_norm_free(SIZE, 1, width=8, latent=16)
    yield (
        "penalised",
        gan(
            wasserstein(), free.generator, free.discriminator, pictures, updates.alternating(), discriminator_steps=3,
            penalty=gradient_penalty(), **common,
        ),
        held,
    )  # fmt: skip
    encoder = label_encoder(10, width=8)
    yield (
        "conditional",
        conditional_gan(
            non_saturating(), conditional_dcgan_generator(SIZE, 1, encoder, width=8, latent=16),
            conditional_dcgan_critic(SIZE, 1, encoder, width=8, head="projection"), pairs, **common,
        ),
        (held, jnp.zeros((HELD,), jnp.int32)),
    )  # fmt: skip
    critic, translator = patch_critic(SIZE, 1, width=8, layers=1), resnet_translator(SIZE, 1, width=8, blocks=1)
    for name, pool in (("cyclegan", 0), ("pooled", 50)):
        made = cyclegan(
            least_squares(), translator, translator, critic, critic, domains, pool_size=pool, **common
        )  # fmt: skip
        yield name, made, held


def main() -> None:
    devices, folder = int(sys.argv[1]), Path(sys.argv[2])
    jax.config.update("jax_num_cpu_devices", devices)
    mesh = meshes.data_mesh()
    for name, game, feed in games(meshes.placement(mesh)):
        state = meshes.shapes(game, jax.random.key(0), mesh, feed=feed)
        players = (state.generator.variables["params"], state.discriminator.variables["params"])
        parameters = 4 * sum(leaf.size for leaf in jax.tree.leaves(players))
        program = jax.jit(game.step).lower(state, feed).compile().as_text()
        sizes = f"{parameters} {4 * BATCH * SIZE * SIZE} {4 * BATCH}"
        (folder / f"{name}.txt").write_text(f"{sizes}\n{program}")


if __name__ == "__main__":
    main()
