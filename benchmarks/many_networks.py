"""Twelve games of convolutional networks as one program: as products of patches, as groups, and one after another.

The game is that of ``cycle_avatars``: residual translators of 16 channels on images of 16 × 16, patch discriminators, batches of 8,
relativistic pairing with R1 + R2 at every eighth update, cycles and identity terms. ``vmap`` over members gives every convolution many
kernels; JAX turns these into groups, gan_jax into batched products of patches (``models.products``). One after another, the games go
through the convolutions that the backend does well. All three have to have the same losses and gradients before anything is timed.

On one H100 with jax 0.11.2 such a step took 7.4 ms with products, for all twelve games, and a single game with twice the channels 8.3 ms,
each alone; with groups it took 195 ms while other programs compiled on the same GPU, which is no fair comparison. On two CPU cores it takes
5957 ms with groups, 905 with products and 650 one after another, which is what the experiments do there.

Command: ``python -m benchmarks many_networks``; about 6 min on two cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.timing import alternate, print_table
from gan_jax.models import convolutions
from gan_jax.models.translators import patch_critic, resnet_translator
from gan_jax.objectives import losses, penalties
from gan_jax.training.ensemble import Mapper, sequential
from gan_jax.training.game import Game, play
from gan_jax.training.state import GameState, Info
from gan_jax.training.translation import cyclegan
from gan_jax.typing import Domains, PRNGKey

GAMES, SIZE, WIDTH, BLOCKS, BATCH, STEPS, REPEATS = 12, 16, 16, 2, 8, 8, 3
PRODUCTS = "vmap, products"


def noise(key: PRNGKey, batch: int) -> Domains:
    """Images of both domains, which are of no matter here."""
    x, y = jnp.tanh(jax.random.normal(key, (2, batch, SIZE, SIZE, 3)))
    return Domains(x, y)


def game() -> Game:
    """The game of four."""
    translator = partial(
        resnet_translator, SIZE, width=WIDTH, blocks=BLOCKS, fine_blocks=BLOCKS, kernel_size=3, skip="joined"
    )
    return cyclegan(
        losses.relativistic(),
        translator(),
        translator(),
        patch_critic(SIZE, width=2 * WIDTH),
        patch_critic(SIZE, width=2 * WIDTH),
        noise,
        batch_size=BATCH,
        forward_weight=3.0,
        backward_weight=3.0,
        penalty=penalties.both(penalties.r1(), penalties.r2()),
        penalty_weight=0.2,
        penalty_every=STEPS,
    )


def compiled(name: str, form: convolutions.Thirds, mapper: Mapper, states: GameState) -> Callable[[GameState], Info]:
    """``STEPS`` steps of all games from the same states, compiled."""
    played = game()

    def steps(states: GameState) -> Info:
        return mapper(lambda state: play(played, state, steps=STEPS, records=STEPS)[1])(states)

    start = time.perf_counter()
    with mock.patch.object(convolutions, "_on", return_value=form):
        program = jax.jit(steps).lower(states).compile()
    print(f"{name}: compiled in {time.perf_counter() - start:.1f} s")
    return program


def first(info: Info) -> dict[str, np.ndarray]:
    """What the first update of every game saw, ``[games]``: later ones differ by how Adam turns rounding into steps."""
    names = ("generator_loss", "discriminator_loss", "generator_gradient", "discriminator_gradient", "penalty")
    return {name: np.asarray(getattr(info, name))[:, 0] for name in names}


def main() -> None:
    """Checks that all have the same gradients, then times them in turn."""
    states = jax.jit(jax.vmap(game().init))(jax.random.split(jax.random.key(0), GAMES))
    ways: dict[str, tuple[convolutions.Thirds, Mapper]] = {
        PRODUCTS: (convolutions.DERIVED, jax.vmap),
        "vmap, groups": (convolutions.ONE, jax.vmap),
        "one by one": (convolutions._on(jax.default_backend()), sequential),
    }
    programs = {name: compiled(name, *way, states) for name, way in ways.items()}
    expected = first(programs[PRODUCTS](states))
    for name, program in programs.items():
        for quantity, value in first(program(states)).items():
            # An accelerator rounds factors to 10 bits.
            error = float(np.max(np.abs(value - expected[quantity]) / np.abs(expected[quantity])))
            if not error < 1e-2:
                raise AssertionError(f"{quantity} differs by {error:.1e} between {name} and {PRODUCTS}")
    timings = alternate({name: partial(program, states) for name, program in programs.items()}, REPEATS)
    per_step = {name: timing.per(STEPS) for name, timing in timings.items()}
    print_table(f"{GAMES} games of CycleGAN, one step of all", per_step, PRODUCTS)


if __name__ == "__main__":
    main()
