"""WGAN-GP on 25 Gaussians: one game, and 32 games at once, against PyTorch doing the same work.

The game is the toy code's of Gulrajani et al. 2017: 25 Gaussians, batches of 256, five critic updates for one of the generator, a
penalty of weight .1, Adam with rate 1e-4 and (.5, .9); networks of 3 hidden layers of 128 and of 4 of 512, ReLU. gan_jax plays it through
its public names (``wgan_gp_jax``); PyTorch in the forms of ``wgan_gp_torch``. Before anything is timed, both sides make the same
generator steps from the same weights on the same draws, in float64, and have to come out alike; so do all of PyTorch's forms, in float32,
as they are timed. First calls and memory are measured in processes of their own, with caches in a temporary folder.

PyTorch has one thread for each core, set once. Of ``torch.compile`` the form is timed that did best before: the whole generator step as
one graph at 3 × 128, each of the two updates as one at 4 × 512. Tried as well, and not timed here: one thread, a per-example penalty
(``vmap`` of ``grad``), plain Adam, separate passes of real and fake examples. A game of gan_jax runs on one of JAX's virtual CPU devices;
at 3 × 128 it was as fast with one such device as with two, so that it runs here as ``python -m benchmarks`` sets them: one for each core.

Command: ``python -m benchmarks wgan_gp``; 3 min 24 s on two cores.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks import wgan_gp_jax as ours
from benchmarks import wgan_gp_torch as peer
from benchmarks.sides import all_at_once, alone, distance
from benchmarks.timing import Timing, alternate, print_table
from gan_jax.objectives import penalties
from gan_jax.training.ensemble import ensemble
from gan_jax.training.state import GameState
from gan_jax.typing import Array, PRNGKey, ScalarCritic

GAN_JAX = "gan_jax"
REPEATS, GAMES, ENSEMBLE_STEPS = 7, 32, 5
THREADS = os.cpu_count() or 1


class Size(NamedTuple):
    """Networks of one size.

    Attributes:
      depth, width: hidden layers, and units of each.
      steps: generator steps of one timed call.
      compiled: the best form of ``torch.compile``.
    """

    depth: int
    width: int
    steps: int
    compiled: str

    @property
    def name(self) -> str:
        return f"{self.depth} × {self.width}"


SMALL, LARGE = Size(3, 128, 25, "compiled step"), Size(4, 512, 4, "compiled updates")


# ------------------------------------------------------------------------------------------------ the two compute the same


def numbers(tensors: Sequence[torch.Tensor]) -> list[np.ndarray]:
    """Copies as NumPy arrays."""
    return [tensor.detach().numpy().copy() for tensor in tensors]


def set_weights(module: torch.nn.Module, values: Sequence[np.ndarray]) -> None:
    """Puts weights and biases into a network, layer by layer."""
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), values, strict=True):
            parameter.copy_(torch.tensor(value))


def check_against_peer(size: Size, steps: int = 2) -> None:
    """Both sides from the same weights, on the same draws, in float64: weights and the critic's mean gradient agree to 1e-7.

    float64 is right to 1e-16; where Adam divides by a gradient near zero, its 1e-8 in the denominator makes at most 1e-8 of that.
    """
    with jax.enable_x64(True):
        init_key, real_key, noise_key, last_key, u_key = jax.random.split(jax.random.key(0), 5)
        batches = ours.CRITIC_STEPS * ours.BATCH
        real = ours.data(real_key, batches)
        noise, last = jax.random.normal(noise_key, (batches, 2)), jax.random.normal(last_key, (ours.BATCH, 2))
        u = penalties.interpolates(jnp.ones((ours.BATCH, 2)), jnp.zeros((ours.BATCH, 2)), u_key)[:, :1]
        generator, critic = ours.players(size.depth, size.width)

        def penalty(critic: ScalarCritic, real: Array, fake: Array, key: PRNGKey) -> Array:
            return penalties.gradient_penalty()(critic, real, fake, u_key)

        gan = ours.wgan_gp(
            generator._replace(noise=lambda key, n: noise if n == batches else last[:n]),
            critic,
            lambda key, n, /, **hyperparameters: real[:n],
            penalty,
        )
        before = ours.in_double(gan.init(init_key))
        after, _ = jax.jit(ours.play(gan, steps))(before)
        start = [ours.layers(player.variables) for player in (before.discriminator, before.generator)]
        moment = ours.layers({"params": after.discriminator.optimizer[0].mu})
        end = [ours.layers(player.variables) for player in (after.discriminator, after.generator)]
        shape = (ours.CRITIC_STEPS, ours.BATCH, 2)
        arrays = real.reshape(shape), noise.reshape(shape), jnp.broadcast_to(u, (*shape[:2], 1)), last
        draws = peer.Draws(*(torch.tensor(np.asarray(array)) for array in arrays))
    modules = [module.double() for module in peer.networks(size.depth, size.width)]
    for module, values in zip(modules, reversed(start), strict=True):
        set_weights(module, values)
    for name in ("eager", "functional"):
        variant = peer.VARIANTS[name](*modules)
        for _ in range(steps):
            variant.step(draws)
        found = {
            "the critic's mean gradient": distance(
                moment, numbers(variant.critic_moment()), [np.zeros_like(m) for m in moment]
            ),
            "what the critic moved": distance(end[0], numbers(variant.critic()), start[0]),
            "what the generator moved": distance(end[1], numbers(variant.generator()), start[1]),
        }
        for what, error in found.items():
            if not error < 1e-7:
                raise AssertionError(f"{size.name}: {what} differs by {error:.1e} between gan_jax and PyTorch, {name}")
        print(f"{size.name}: gan_jax and PyTorch, {name}, agree in float64 to {max(found.values()):.0e}")


def check_variants(size: Size, variants: Mapping[str, peer.Variant], steps: int = 2) -> None:
    """All forms of PyTorch, which start from the same weights, on the same draws, in float32: what moved agrees within 5 %.

    Adam's first steps have one length for every weight, so that rounding turns those of weights with hardly any gradient; a wrong draw,
    sign or order would turn nearly all.
    """
    first, *others = variants
    start = [numbers(variants[first].critic()), numbers(variants[first].generator())]
    for _ in range(steps):
        draws = peer.draw()
        for variant in variants.values():
            variant.step(draws)
    end = {name: [numbers(variant.critic()), numbers(variant.generator())] for name, variant in variants.items()}
    errors = {name: max(map(distance, end[first], end[name], start)) for name in others}
    for name, error in errors.items():
        if not error < 0.05:
            raise AssertionError(f"{size.name}: PyTorch, {name}, moves {error:.1%} away from {first}")
    print(f"{size.name}: PyTorch's forms agree in float32 to {max(errors.values()):.1%} of what moved")


# ------------------------------------------------------------------------------------------------------------- single games


def going_on(program: Callable[[GameState], tuple[GameState, object]], state: GameState) -> Callable[[], object]:
    """A function that goes on from where its last call ended."""
    held = [state]

    def call() -> object:
        held[0], info = program(held[0])
        return info

    return call


def matmul_rate(width: int) -> float:
    """The machine's rate [FLOP/s] of the three products of a hidden layer: the faster of JAX and PyTorch, medians."""
    rounds = 64 if width > 256 else 512
    program, flops = ours.matmul_program(width, rounds)
    h_key, w_key = jax.random.split(jax.random.key(0))
    h = jax.random.normal(h_key, (2 * ours.BATCH, width))
    w = jnp.linalg.qr(jax.random.normal(w_key, (width, width)))[0]
    sides = {"JAX": lambda: program(h, w), "PyTorch": peer.matmul_program(width, rounds)}
    timings = alternate(sides, REPEATS)
    rates = {name: flops / timing.median for name, timing in timings.items()}
    cells = {name: f"{rate / 1e9:.0f}" for name, rate in rates.items()}
    title = f"{rounds} rounds of a layer's three products, [{2 * ours.BATCH}, {width}] × [{width}, {width}]"
    print_table(title, timings, "JAX", {"GFLOP/s": cells})
    return max(rates.values())


def one_game(size: Size) -> tuple[str, peer.Variant]:
    """Checks, times and prints one game of all sides; returns PyTorch's fastest form."""
    check_against_peer(size)
    gan = ours.wgan_gp(*ours.players(size.depth, size.width), ours.data, penalties.gradient_penalty())
    state = jax.jit(gan.init)(jax.random.key(0))
    modules = peer.networks(size.depth, size.width)
    variants = {name: peer.VARIANTS[name](*modules) for name in ("eager", "functional", size.compiled)}
    check_variants(size, variants)
    sides: dict[str, Callable[[], object]] = {GAN_JAX: going_on(jax.jit(ours.play(gan, size.steps)), state)}
    sides |= {f"PyTorch, {name}": partial(peer.run, v, size.steps) for name, v in variants.items()}
    timings = {name: timing.per(size.steps) for name, timing in alternate(sides, REPEATS).items()}
    rate, flops = matmul_rate(size.width), ours.useful_flops(size.depth, size.width)
    share = {name: f"{flops / timing.median / rate:.0%}" for name, timing in timings.items()}
    title = f"one game, networks {size.name}: one generator step and its {ours.CRITIC_STEPS} critic updates"
    print_table(title, timings, GAN_JAX, {"of the matmul rate": share})
    print(
        f"useful products of a step: {flops / 1e9:.2f} GFLOP; {THREADS} cores, PyTorch with {torch.get_num_threads()} threads"
    )
    best = min(variants, key=lambda name: timings[f"PyTorch, {name}"].median)
    lead = timings[f"PyTorch, {best}"].median / timings[GAN_JAX].median
    print(f"gan_jax against PyTorch's fastest form here ({best}): {lead:.2f} times as fast\n")
    return best, variants[best]


# --------------------------------------------------------------------------------------------------------------- many games


def many_games(size: Size, best: str, variant: peer.Variant) -> None:
    """Times and prints seeds at once: gan_jax's ensemble, PyTorch one after another, batched, and in a process for each core."""
    gan = ours.wgan_gp(*ours.players(size.depth, size.width), ours.data, penalties.gradient_penalty())
    states = jax.jit(ensemble(gan.init))(jax.random.split(jax.random.key(0), GAMES))
    batched = peer.together(size.depth, size.width, GAMES)
    after, at_once = f"PyTorch, {best}, one by one", "PyTorch, vmap of all"
    # A game in PyTorch takes as long in a row of games as by itself: one is timed, for as many steps as all games make.
    steps = {GAN_JAX: GAMES * ENSEMBLE_STEPS, after: GAMES * ENSEMBLE_STEPS, at_once: GAMES}
    sides = {
        GAN_JAX: going_on(jax.jit(ensemble(ours.play(gan, ENSEMBLE_STEPS))), states),
        after: lambda: peer.run(variant, steps[after]),
        at_once: lambda: peer.run(batched, 1, GAMES),
    }
    timings = {name: timing.per(steps[name]) for name, timing in alternate(sides, REPEATS).items()}
    for form in ("eager", size.compiled):
        timings[f"PyTorch, {form}, {THREADS} processes"] = processes_at_once(size, form)
    title = f"{GAMES} games, networks {size.name}: one generator step of one game, over {jax.device_count()} devices"
    print_table(title, timings, GAN_JAX)
    print("processes: one thread each, all at once, after gan_jax's runs rather than between them\n")


def processes_at_once(size: Size, form: str, calls: int = 7) -> Timing:
    """One-thread processes of PyTorch, as many as cores, all training at once: seconds of a generator step over all of their games."""
    arguments = ["benchmarks.wgan_gp_torch", form, size.depth, size.width, 1, size.steps, calls]
    results = all_at_once(arguments, THREADS)
    # In the time of one step of every process, as many steps are made as there are processes.
    median, fastest, slowest = (np.mean([r[k] for r in results]) / THREADS for k in ("median", "fastest", "slowest"))
    return Timing(float(median), float(fastest), float(slowest), calls)


# --------------------------------------------------------------------------------------------------- first calls and memory


def first_calls(size: Size, cache: str) -> None:
    """Prints what compilation costs, from empty and from filled caches, and the largest memory of each side."""
    environment = {
        "JAX_COMPILATION_CACHE_DIR": os.path.join(cache, "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    peers = {f"PyTorch, {form}": form for form in ("eager", "functional", size.compiled)}
    sides: dict[str, list[object]] = {GAN_JAX: ["benchmarks.wgan_gp_jax", size.depth, size.width, size.steps]}
    for name, form in peers.items():
        sides[name] = ["benchmarks.wgan_gp_torch", form, size.depth, size.width, THREADS, size.steps, 0]
    table = Table(title=f"a process of its own, networks {size.name}")
    table.add_column("", no_wrap=True)
    for column in ("first call [s]: cold", "warm", "peak memory [MB]: cold", "warm", "imports alone"):
        table.add_column(column, justify="right")
    for name, arguments in sides.items():
        # Eager forms keep nothing on disk: one process shows all.
        cold = alone(arguments, environment)
        warm = cold if name in ("PyTorch, eager", "PyTorch, functional") else alone(arguments, environment)
        cells = [f"{run['first']:.1f}" for run in (cold, warm)] + [f"{run['peak']:.0f}" for run in (cold, warm)]
        table.add_row(name, *cells, f"{warm['imported']:.0f}")
    console = Console()
    console.width = max(console.width, 110)
    console.print(table)
    print("cold: empty caches on disk; warm: filled ones. First call: what it takes longer than the next.")
    print("Memory: the largest that the process itself held; compilers that it starts are not counted.\n")


def main() -> None:
    """First calls and memory, then checks and timings of one game of each size, then of many games."""
    with tempfile.TemporaryDirectory() as cache:
        # The programs that are timed below are then read from this folder too.
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = os.path.join(cache, "torch")
        for size in (SMALL, LARGE):
            first_calls(size, cache)
        torch.set_num_threads(THREADS)
        torch.manual_seed(0)
        one_game(LARGE)
        many_games(SMALL, *one_game(SMALL))


if __name__ == "__main__":
    main()
