"""DCGAN on images of 32 × 32 in colour: a step of the game against PyTorch doing the same work; batch sizes and virtual devices.

The networks have 64, 128 and 256 channels and batch norm on both sides, batches are of 64, and both players make one update a step.
gan_jax plays the game through its public names (``dcgan_jax``), PyTorch in the three forms of ``dcgan_torch``. Before anything is timed,
both sides make a step from the same weights on the same draws, and have to come out alike in float32, which they compute in.

PyTorch has one thread for each core, set once. A game of gan_jax runs on one of JAX's virtual CPU devices, which uses all cores.
First calls, memory, batch sizes and numbers of devices are measured in processes of their own, with caches in a temporary folder.

Command: ``python -m benchmarks dcgan``; 3 min 46 s on two cores.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks import dcgan_jax as ours
from benchmarks import dcgan_torch as peer
from benchmarks.sides import alone, distance
from benchmarks.timing import alternate, print_table
from gan_jax.models.image_pairs import ImagePair
from gan_jax.training import mesh
from gan_jax.typing import Array, PRNGKey

GAN_JAX = "gan_jax"
BATCH, STEPS, REPEATS = 64, 8, 9
BATCHES, DEVICES = (16, 64, 128), (1, 2, 4, 8)
THREADS = os.cpu_count() or 1


def check_against_peer(name: str, variant: peer.Variant) -> None:
    """One step of both sides from the same weights, on the same draws, in float32.

    The discriminator's gradient, of which Adam keeps a tenth or half, agrees to 1e-4. Adam's first step has one length for every weight, so
    that rounding turns those of weights with hardly any gradient: what moved agrees to 5 %, where a wrong draw, sign or order would turn
    nearly all; so does the generator's gradient, which the moved discriminator gives, to 1 %.
    """
    real_key, noise_key, init_key = jax.random.split(jax.random.key(0), 3)
    real = jax.random.uniform(real_key, (BATCH, ours.SIZE, ours.SIZE, ours.CHANNELS), minval=-1.0)
    noise = jax.random.normal(noise_key, (BATCH, ours.LATENT))

    def draw(key: PRNGKey, batch: int, /, **hyperparameters: Array) -> Array:
        return real[:batch]

    generator, discriminator = ours.pair()
    players = ImagePair(generator._replace(noise=lambda key, n: noise[:n]), discriminator)
    gan = ours.dcgan_game(players, draw, BATCH, mesh.data_mesh(1))
    before = gan.init(init_key)
    after, _ = jax.jit(gan.step)(before)
    sides = {
        "discriminator": (ours.discriminator_weights, before.discriminator, after.discriminator),
        "generator": (ours.generator_weights, before.generator, after.generator),
    }
    modules: dict[str, torch.nn.Module] = {"discriminator": variant.discriminator, "generator": variant.generator}
    for side, (weights, start, _) in sides.items():
        peer.set_weights(modules[side], weights(start.variables["params"]))
    z = torch.tensor(np.asarray(noise))
    variant.step(torch.tensor(np.asarray(real.transpose(0, 3, 1, 2))), z, z)
    adams = {"discriminator": variant.discriminator_adam, "generator": variant.generator_adam}
    errors = {}
    for side, (weights, start, end) in sides.items():
        origin = weights(start.variables["params"])
        gradient = weights(end.optimizer[0].mu)
        parameters = list(modules[side].parameters())
        theirs = [adams[side].state[p]["exp_avg"].numpy() for p in parameters]
        moved = [p.detach().numpy() for p in parameters]
        errors[f"the {side}'s gradient"] = distance(gradient, theirs, [np.zeros_like(g) for g in gradient])
        errors[f"what the {side} moved"] = distance(weights(end.variables["params"]), moved, origin)
    allowed = dict(zip(errors, (1e-4, 0.05, 0.01, 0.05), strict=True))
    for what, error in errors.items():
        if not error < allowed[what]:
            raise AssertionError(f"{what} differs by {error:.1e} between gan_jax and PyTorch, {name}")
    print(f"PyTorch, {name}: " + ", ".join(f"{what} agrees to {error:.0e}" for what, error in errors.items()))


def one_game() -> None:
    """Checks, times and prints a step of all sides."""
    variants = {name: make() for name, make in peer.VARIANTS.items()}
    for name, variant in variants.items():
        check_against_peer(name, variant)
    sides: dict[str, Callable[[], object]] = {GAN_JAX: ours.going_on(BATCH, 1, STEPS)}
    sides |= {f"PyTorch, {name}": peer.going_on(variant, BATCH, STEPS) for name, variant in variants.items()}
    timings = {name: timing.per(STEPS) for name, timing in alternate(sides, REPEATS).items()}
    rates = {name: f"{BATCH / timing.median:.0f}" for name, timing in timings.items()}
    title = f"DCGAN, 32 × 32, batch {BATCH}: one step, {THREADS} cores, PyTorch with {torch.get_num_threads()} threads"
    print_table(title, timings, GAN_JAX, {"images per second": rates})
    best = min((name for name in timings if name != GAN_JAX), key=lambda name: timings[name].median)
    lead = timings[best].median / timings[GAN_JAX].median
    print(f"gan_jax against PyTorch's fastest form here ({best}): {lead:.2f} times as fast\n")


def in_processes_of_their_own(cache: str) -> None:
    """Prints first calls, steps and memory by batch size and by number of virtual devices."""
    environment = {
        "JAX_COMPILATION_CACHE_DIR": os.path.join(cache, "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    one = [("benchmarks.dcgan_jax", batch, 1, STEPS) for batch in BATCHES]
    many = [("benchmarks.dcgan_jax", BATCH, devices, STEPS) for devices in DEVICES if devices > 1]
    eager = [("benchmarks.dcgan_torch", "channels last", batch, THREADS, STEPS) for batch in BATCHES]
    compiled = [("benchmarks.dcgan_torch", "compiled", BATCH, THREADS, STEPS)]
    table = Table(title="a process of its own")
    table.add_column("", no_wrap=True)
    for column in ("batch", "step [ms]", "images per second", "first call [s]: cold", "warm", "peak memory [MB]"):
        table.add_column(column, justify="right")
    for arguments in (*one, *many, *eager, *compiled):
        found = alone(arguments, environment)
        ours_here = arguments[0] == "benchmarks.dcgan_jax"
        batch = int(arguments[1] if ours_here else arguments[2])
        again = batch == BATCH and (arguments in compiled or arguments in one)
        warm = f"{alone(arguments, environment)['first']:.1f}" if again else ""
        name = f"{GAN_JAX}, devices: {arguments[2]}" if ours_here else f"PyTorch, {arguments[1]}"
        cells = (f"{1e3 * found['step']:.1f}", f"{batch / found['step']:.0f}", f"{found['first']:.1f}")
        table.add_row(name, str(batch), *cells, warm, f"{found['peak']:.0f}")
    console = Console()
    console.width = max(console.width, 110)
    console.print(table)
    print("cold: empty caches on disk; warm: filled ones. First call: what it takes longer than the next.")
    print("Memory: the largest that the process itself held; compilers that it starts are not counted.\n")


def main() -> None:
    """The comparison, then what runs in processes of its own."""
    jnp.zeros(()).block_until_ready()
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = os.path.join(cache, "torch")
        in_processes_of_their_own(cache)
        torch.set_num_threads(THREADS)
        torch.manual_seed(0)
        one_game()


if __name__ == "__main__":
    main()
