"""WGAN-GP on 25 Gaussians in gan_jax, for ``benchmarks/wgan_gp.py``: the public library, nothing special-cased.

As a program it compiles and runs the game by itself, and prints what its first call and its memory cost, as JSON:
``python -m benchmarks.wgan_gp_jax DEPTH WIDTH STEPS``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.memory import peak_megabytes
from gan_jax.distributions import gaussian_grid
from gan_jax.models.generators import mlp_generator
from gan_jax.models.mlp import mlp
from gan_jax.objectives import losses, penalties
from gan_jax.objectives.penalties import Penalty
from gan_jax.training import game, updates
from gan_jax.training.state import GameState, Info
from gan_jax.typing import Array, Critic, Generator, PRNGKey, PyTree, Variables

BATCH, CRITIC_STEPS, WEIGHT, RATE = 256, 5, 0.1, 1e-4

Program: TypeAlias = Callable[[GameState], tuple[GameState, Info]]


def players(depth: int, width: int) -> tuple[Generator, Critic]:
    """Generator and critic: ``depth`` hidden layers of ``width`` each, ReLU."""
    return mlp_generator((width,) * depth), mlp((width,) * depth)


def data(key: PRNGKey, batch: int, /, **hyperparameters: Array) -> Array:
    """25 Gaussians of WGAN-GP's toy code: the grid {-4, …, 4}² of standard deviation .05, divided by 2.828."""
    return gaussian_grid(spacing=2 / 2.828, scale=0.05 / 2.828).sample(key, (batch,))


def wgan_gp(generator: Generator, critic: Critic, data: game.Data, penalty: Penalty) -> game.Game:
    """The game of Gulrajani et al. 2017 with the numbers of the authors' toy code; Adam's (.5, .9) is the library's default."""
    return game.gan(
        losses.wasserstein(),
        generator,
        critic,
        data,
        updates.alternating(),
        batch_size=BATCH,
        discriminator_steps=CRITIC_STEPS,
        generator_rate=RATE,
        discriminator_rate=RATE,
        penalty=penalty,
        penalty_weight=WEIGHT,
    )


def play(gan: game.Game, steps: int) -> Program:
    """``steps`` generator steps as one program."""

    def program(state: GameState) -> tuple[GameState, Info]:
        state, info, _ = game.play(gan, state, steps=steps, records=1)
        return state, info

    return program


def useful_flops(depth: int, width: int) -> float:
    """Floating-point operations of the matrix products that the mathematics of one generator step asks for, none of them twice.

    With ``f`` those of one pass of one batch, a critic update takes the pass that makes fake examples; for real and for fake
    examples each forward, weight gradients, and backward to the first hidden layer; for the penalty forward, backward to its examples,
    and, since ReLU has no curvature, the tangents of those gradients and the weight gradients of them. The generator's update takes
    both networks forward, the critic backward, and the generator's weight gradients and its backward pass.
    """
    first = 2 * BATCH * 2 * width
    hidden = first + (depth - 1) * 2 * BATCH * width**2
    generator, critic = hidden + 2 * BATCH * width * 2, hidden + 2 * BATCH * width
    examples = 2 * (critic + critic + (critic - first))
    penalty = 4 * critic
    return CRITIC_STEPS * (generator + examples + penalty) + generator + 2 * critic + generator + (generator - first)


def matmul_program(width: int, rounds: int) -> tuple[Callable[[Array, Array], Array], float]:
    """The three products of a hidden layer, in turn, as one program: ``h W``, ``d Wᵀ`` and ``hᵀ d``; and its operations.

    Each product is used by the next round, so that none of them can be left out or hoisted.
    """
    rows = 2 * BATCH

    def program(h: Array, w: Array) -> Array:
        def body(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
            h, w = carry
            d = h @ w
            # Zero times the weight gradient: it has to be computed, and an orthonormal W keeps all numbers in their range.
            return (d @ w.T, w + 0.0 * (h.T @ d)), None

        return jax.lax.scan(body, (h, w), length=rounds)[0][0]

    return jax.jit(program), 3 * 2.0 * rows * width**2 * rounds


def layers(variables: Variables) -> list[np.ndarray]:
    """Weights ``[out, in]`` and biases, layer by layer, as PyTorch has them."""
    dense = variables["params"]
    return [
        np.asarray(leaf)
        for name in sorted(dense, key=lambda name: int(name.rsplit("_", 1)[1]))
        for leaf in (dense[name]["kernel"].T, dense[name]["bias"])
    ]


def in_double(tree: PyTree) -> PyTree:
    """The tree in float64, where ``jax.enable_x64`` holds; keys and integers stay."""
    return jax.tree.map(lambda a: a.astype(jnp.float64) if jnp.issubdtype(a.dtype, jnp.floating) else a, tree)


def main() -> None:
    """What the first call costs over the next, in seconds, and the process's memory, in MB."""
    depth, width, steps = (int(argument) for argument in sys.argv[1:])
    jnp.zeros(()).block_until_ready()
    imported = peak_megabytes()
    gan = wgan_gp(*players(depth, width), data, penalties.gradient_penalty())
    state = jax.jit(gan.init)(jax.random.key(0))
    program = jax.jit(play(gan, steps))
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        state = jax.block_until_ready(program(state))[0]
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"first": seconds[0] - min(seconds[1:]), "imported": imported, "peak": peak_megabytes()}))


if __name__ == "__main__":
    main()
