"""DCGAN on 32 × 32 in gan_jax, for ``benchmarks/dcgan.py``: the public library, nothing special-cased.

As a program it plays the game by itself, and prints what its first call, a step and its memory cost, as JSON:
``python -m benchmarks.dcgan_jax BATCH DEVICES STEPS``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from benchmarks.memory import peak_megabytes
from gan_jax.data.images import ImageSet
from gan_jax.data.sources import Source, resident
from gan_jax.models.image_pairs import ImagePair, dcgan
from gan_jax.objectives import losses
from gan_jax.training import game, mesh, optimizers, updates
from gan_jax.training.state import GameState, Info
from gan_jax.typing import Array, PyTree, Variables

SIZE, CHANNELS, WIDTH, LATENT, RATE, IMAGES = 32, 3, 64, 128, 2e-4, 1024

Program: TypeAlias = Callable[[GameState, PyTree], tuple[GameState, Info]]


def pair() -> ImagePair:
    """Generator and discriminator, both with batch norm."""
    return dcgan(SIZE, CHANNELS, width=WIDTH, latent=LATENT)


def pictures() -> np.ndarray:
    """What is drawn from: noise, which takes as long as photographs."""
    return np.random.default_rng(0).integers(0, 256, (IMAGES, SIZE, SIZE, CHANNELS), np.uint8)


def images(over: Mesh) -> Source:
    """The pictures on every device of a mesh."""
    return resident(ImageSet("noise-32", pictures(), np.full(IMAGES, -1, np.int32), 0), mesh=over)


def dcgan_game(players: ImagePair, draw: Callable[..., Array], batch: int, over: Mesh) -> game.Game:
    """The game of Radford et al. 2016: non-saturating losses, one update each, Adam with rate 2e-4 and β₁ = ½."""
    adam = optimizers.adam(b1=0.5, b2=0.999)
    return game.gan(
        losses.non_saturating(),
        players.generator,
        players.discriminator,
        draw,
        updates.alternating(),
        batch_size=batch,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        generator_rate=RATE,
        discriminator_rate=RATE,
        place=mesh.placement(over),
    )


def play(gan: game.Game, steps: int) -> Program:
    """``steps`` steps as one program."""

    def program(state: GameState, feed: PyTree) -> tuple[GameState, Info]:
        state, info, _ = game.play(gan, state, steps=steps, records=1, feed=feed)
        return state, info

    return program


def going_on(batch: int, devices: int, steps: int) -> Callable[[], Info]:
    """A function that plays ``steps`` steps from where its last call ended."""
    over = mesh.data_mesh(devices)
    source = images(over)
    gan, feed = dcgan_game(pair(), source.draw, batch, over), source.feed(0, steps)
    held = [mesh.begin(gan, jax.random.key(0), over, feed=feed)]
    program = jax.jit(play(gan, steps))

    def call() -> Info:
        held[0], info = program(held[0], feed)
        return info

    return call


def generator_weights(params: Mapping[str, Variables]) -> list[np.ndarray]:
    """The generator's weights in the shapes and the order of ``dcgan_torch.Generator``."""
    norms = [params[f"BatchNorm_{i}"] for i in range(3)]
    # PyTorch's transposed convolution flips its kernel.
    kernels = [np.asarray(params[f"ConvTranspose_{i}"]["kernel"])[::-1, ::-1].transpose(2, 3, 0, 1) for i in range(3)]
    # Its pixels come row by row, where PyTorch's come channel by channel.
    first = np.asarray(params["Dense_0"]["kernel"]).reshape(LATENT, 4, 4, -1).transpose(3, 1, 2, 0).reshape(-1, LATENT)
    weights = [first, norms[0]["scale"], norms[0]["bias"]]
    weights += [kernels[0], norms[1]["scale"], norms[1]["bias"], kernels[1], norms[2]["scale"], norms[2]["bias"]]
    return [np.array(w) for w in (*weights, kernels[2], params["ConvTranspose_2"]["bias"])]


def discriminator_weights(params: Mapping[str, Variables]) -> list[np.ndarray]:
    """The discriminator's weights in the shapes and the order of ``dcgan_torch.Discriminator``."""
    kernels = [np.asarray(params[f"Conv_{i}"]["kernel"]).transpose(3, 2, 0, 1) for i in range(3)]
    weights = [kernels[0], params["Conv_0"]["bias"]]
    for i in (0, 1):
        weights += [kernels[i + 1], params[f"BatchNorm_{i}"]["scale"], params[f"BatchNorm_{i}"]["bias"]]
    last = np.asarray(params["Dense_0"]["kernel"]).reshape(4, 4, -1, 1).transpose(3, 2, 0, 1).reshape(1, -1)
    return [np.array(w) for w in (*weights, last, params["Dense_0"]["bias"])]


def main() -> None:
    """What the first call costs over the next, and a step, in seconds, and the process's memory, in MB."""
    batch, devices, steps = (int(argument) for argument in sys.argv[1:])
    jax.config.update("jax_num_cpu_devices", devices)
    jnp.zeros(()).block_until_ready()
    imported = peak_megabytes()
    call = going_on(batch, devices, steps)
    seconds = []
    for _ in range(6):
        start = time.perf_counter()
        jax.block_until_ready(call())
        seconds.append(time.perf_counter() - start)
    step = float(np.median(seconds[1:])) / steps
    print(
        json.dumps({"first": seconds[0] - step * steps, "step": step, "imported": imported, "peak": peak_megabytes()})
    )


if __name__ == "__main__":
    main()
