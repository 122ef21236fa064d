"""Ten games of the table of mode collapse: one program, ten runs one after another, and PyTorch doing the same work.

The game is the table's plain GAN on the ring, as PacGAN's authors play it: a generator of 4 × 400 with batch normalisation, a
discriminator of 3 × 200 maxout units, batches of 100 from 100 000 points, non-saturating losses, both players moved at once by Adam with
rate 1e-4 and (.8, .999). gan_jax plays it through its public names; PyTorch in the forms of ``mode_table_torch``. Before anything is
timed, both sides make the same steps from the same weights on the same draws, in float64, and have to come out alike.

One program is ten games over JAX's virtual CPU devices, one for each core, as the experiments play them. One after another they go
through one compiled program of a single game, which uses all cores. So does PyTorch, with a thread for each; a game of it takes as long
in a row of games as by itself, so that one is timed, for as many steps as all games make. Processes of one thread each, with a game each,
are timed as well.

Command: ``python -m benchmarks mode_table``; about 2 min on two cores.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any

# Before PyTorch is loaded: where other programs run too, its threads that spin while they wait make a step up to a hundred times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import jax
import jax.numpy as jnp
import numpy as np
import torch

from benchmarks import mode_table_torch as peer
from benchmarks.sides import all_at_once, distance
from benchmarks.timing import Timing, alternate, print_table
from benchmarks.wgan_gp_jax import in_double
from gan_jax.distributions import gaussian_ring
from gan_jax.models.pacgan import pacgan_discriminator, pacgan_generator
from gan_jax.objectives import losses
from gan_jax.training import game, optimizers, updates
from gan_jax.training.ensemble import ensemble
from gan_jax.training.state import GameState
from gan_jax.typing import Array, Generator, PRNGKey, Variables

GAMES, STEPS, REPEATS = 10, 10, 5
THREADS = os.cpu_count() or 1
ONE_PROGRAM, IN_A_ROW = "gan_jax, one program", "gan_jax, one by one"


def drawn(key: PRNGKey, batch: int, feed: Array) -> Array:
    """A batch from the fixed points, with replacement."""
    return feed[jax.random.randint(key, (batch,), 0, feed.shape[0])]


def gan(generator: Generator, data: game.Data) -> game.Game:
    """PacGAN's game without packing."""
    adam = optimizers.adam(b1=peer.BETAS[0], b2=peer.BETAS[1])
    return game.gan(
        losses.non_saturating(),
        generator,
        pacgan_discriminator(),
        data,
        updates.simultaneous(),
        batch_size=peer.BATCH,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        generator_rate=peer.RATE,
        discriminator_rate=peer.RATE,
    )


# ------------------------------------------------------------------------------------------------ the two compute the same


def layers(variables: Variables) -> list[np.ndarray]:
    """Weights ``[out, in]``, biases, and what normalises after them, layer by layer, as PyTorch has them."""
    params, found = variables["params"], []
    for i in range(sum(name.startswith("Dense") for name in params)):
        dense, norm = params[f"Dense_{i}"], params.get(f"BatchNorm_{i}", {})
        found += [
            dense["kernel"].T,
            *(part[name] for part in (dense, norm) for name in ("scale", "bias") if name in part),
        ]
    return [np.asarray(leaf) for leaf in found]


def set_weights(module: torch.nn.Module, values: list[np.ndarray]) -> None:
    """Puts weights and biases into a network, layer by layer."""
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), values, strict=True):
            parameter.copy_(torch.tensor(value))


def check_against_peer(steps: int = 3) -> None:
    """Both sides from the same weights, on the same draws, in float64: mean gradients and what moved agree to 1e-7.

    Adam's 1e-8 in the denominator makes at most 1e-8 of what rounding does to a gradient near zero.
    """
    with jax.enable_x64(True):
        real_key, noise_key, init_key = jax.random.split(jax.random.key(0), 3)
        real = gaussian_ring().sample(real_key, (peer.BATCH,)).astype(jnp.float64)
        noise = jax.random.normal(noise_key, (peer.BATCH, 2))
        played = gan(pacgan_generator()._replace(noise=lambda key, n: noise[:n]), lambda key, n: real[:n])
        before = in_double(played.init(init_key))
        after, step = before, jax.jit(played.step)
        for _ in range(steps):
            after = step(after)[0]
        z, x = (torch.tensor(np.asarray(array)) for array in (noise, real))
        sides = {
            side: (layers(start.variables), layers({"params": end.optimizer[0].mu}), layers(end.variables))
            for side, start, end in (
                ("generator", before.generator, after.generator),
                ("discriminator", before.discriminator, after.discriminator),
            )
        }
    variant = peer.variant(double=True)
    modules = {"generator": variant.generator, "discriminator": variant.discriminator}
    adams = {"generator": variant.generator_adam, "discriminator": variant.discriminator_adam}
    for side, (start, _, _) in sides.items():
        set_weights(modules[side], start)
    for _ in range(steps):
        variant.step(x, z, z)
    errors = {}
    for side, (start, moment, end) in sides.items():
        parameters = list(modules[side].parameters())
        theirs = [adams[side].state[p]["exp_avg"].numpy() for p in parameters]
        errors[f"the {side}'s mean gradient"] = distance(moment, theirs, [np.zeros_like(m) for m in moment])
        errors[f"what the {side} moved"] = distance(end, [p.detach().numpy() for p in parameters], start)
    for what, error in errors.items():
        if not error < 1e-7:
            raise AssertionError(f"{what} differs by {error:.1e} between gan_jax and PyTorch")
    print(f"gan_jax and PyTorch agree in float64 to {max(errors.values()):.0e}")


def check_compiled(variants: Mapping[str, peer.Variant], steps: int = 2) -> None:
    """PyTorch's forms from the same weights, on the same draws, in float32: what moved agrees within 5 %.

    Adam's first steps have one length for every weight, so that rounding turns those of weights with hardly any gradient.
    """
    first, *others = variants.values()
    start = [
        [p.detach().numpy().copy() for p in module.parameters()] for module in (first.generator, first.discriminator)
    ]
    for other in others:
        set_weights(other.generator, start[0])
        set_weights(other.discriminator, start[1])
    for _ in range(steps):
        draws = peer.ring()[: peer.BATCH], torch.randn(peer.BATCH, 2), torch.randn(peer.BATCH, 2)
        for variant in variants.values():
            variant.step(*draws)
    ends = [
        [[p.detach().numpy() for p in module.parameters()] for module in (variant.generator, variant.discriminator)]
        for variant in variants.values()
    ]
    error = max(distance(ends[0][i], end[i], start[i]) for end in ends[1:] for i in range(2))
    if not error < 0.05:
        raise AssertionError(f"PyTorch's forms differ by {error:.1%} of what moved")
    print(f"PyTorch's forms agree in float32 to {error:.1%} of what moved")


# --------------------------------------------------------------------------------------------------------------- ten games


def compiled(what: str, function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """The compiled program of a function, whose cost it prints."""
    lowered = jax.jit(function).lower(*arguments)
    start = time.perf_counter()
    program = lowered.compile()
    print(f"{what}: compiled in {time.perf_counter() - start:.1f} s")
    return program


def ten_games() -> dict[str, Callable[[], object]]:
    """Both ways of gan_jax, each going on from where its last call ended."""
    played = gan(pacgan_generator(), drawn)
    points = gaussian_ring().sample(jax.random.key(0), (peer.SAMPLES,))
    states = jax.jit(jax.vmap(lambda key: played.init(key, feed=points)))(jax.random.split(jax.random.key(1), GAMES))

    def play(state: GameState, feed: Array) -> tuple[GameState, object]:
        state, info, _ = game.play(played, state, steps=STEPS, records=1, feed=feed)
        return state, info

    def all_of_them(states: GameState, feed: Array) -> tuple[GameState, object]:
        return ensemble(lambda state: play(state, feed))(states)

    together = compiled(ONE_PROGRAM, all_of_them, states, points)
    single = [jax.tree.map(lambda leaf, i=i: leaf[i], states) for i in range(GAMES)]
    alone = compiled("gan_jax, a single game", play, single[0], points)
    held = [states]

    def one_program() -> object:
        held[0], info = together(held[0], points)
        return info

    def in_a_row() -> object:
        infos = []
        for i, state in enumerate(single):
            single[i], info = alone(state, points)
            infos.append(jax.block_until_ready(info))
        return infos

    return {ONE_PROGRAM: one_program, IN_A_ROW: in_a_row}


def processes_at_once(form: str) -> Timing:
    """One-thread processes of PyTorch, as many as cores, a game in each: seconds of a step over all of their games."""
    results = all_at_once(["benchmarks.mode_table_torch", form, 1, GAMES * STEPS // 2, REPEATS], THREADS)
    median, fastest, slowest = (np.mean([r[k] for r in results]) / THREADS for k in ("median", "fastest", "slowest"))
    return Timing(float(median), float(fastest), float(slowest), REPEATS)


def main() -> None:
    """Checks, then one table."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    check_against_peer()
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
        variants = {name: make() for name, make in peer.VARIANTS.items()}
        start = time.perf_counter()
        check_compiled(variants)
        print(f"PyTorch: first steps, with compilation, in {time.perf_counter() - start:.1f} s")
        sides = ten_games()
        steps = GAMES * STEPS
        sides |= {f"PyTorch, {name}": peer.going_on(variant, steps) for name, variant in variants.items()}
        timings = {name: timing.per(steps) for name, timing in alternate(sides, REPEATS).items()}
        timings[f"PyTorch, eager, {THREADS} processes"] = processes_at_once("eager")
    print_table(f"{GAMES} games: one step of one game, {jax.device_count()} devices", timings, ONE_PROGRAM)
    print("processes: one thread each, all at once, after the other runs rather than between them")
    best = min((name for name in timings if name.startswith("PyTorch")), key=lambda name: timings[name].median)
    for name in (IN_A_ROW, best):
        print(f"one program against {name}: {timings[name].median / timings[ONE_PROGRAM].median:.2f} times as fast")


if __name__ == "__main__":
    main()
