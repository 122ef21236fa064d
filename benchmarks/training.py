"""The 1-D figure's trainings: one compiled program against PyTorch doing the same work.

Both sides train, for every separation m of N(0, 1) against N(m, 1), a discriminator (JS) and a 1-Lipschitz critic (W1): the networks,
batches, updates, optimiser, schedule and retraction of ``experiments/saturation_1d.py``, with fresh samples at every update and values from
as many held-out samples. PyTorch comes in two forms: the loop that a user writes, one network after another, and an expert's, with all
separations batched into one set of weights (``baddbmm``). The values of all three are checked against the truth first.

Command: ``python -m benchmarks training``; about 1 min on two cores.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import torch

from benchmarks.timing import alternate, print_table
from gan_jax.distributions import pair
from gan_jax.divergences import exact
from gan_jax.estimators.comparison import TrainingRecipe, samplers_of, trained_point
from gan_jax.models.lipschitz import orthonormal_mlp
from gan_jax.models.mlp import mlp
from gan_jax.training.ensemble import ensemble

SEPARATIONS = (1.0, 2.0, 4.0, 8.0)
WIDTH, BATCH, STEPS, HELD_OUT = 32, 256, 250, 16384
DISCRIMINATOR_RATE, CRITIC_RATE = 1e-2, 5e-3

Tensors = list[torch.Tensor]


def one_program() -> Callable[[], tuple[jax.Array, jax.Array]]:
    """All trainings as one compiled program; returns (JS, W1), each ``[separations]``."""
    recipe = TrainingRecipe(
        mlp((WIDTH, WIDTH)),
        orthonormal_mlp((WIDTH, WIDTH)),
        steps=STEPS,
        batch_size=BATCH,
        discriminator_rate=DISCRIMINATOR_RATE,
        critic_rate=CRITIC_RATE,
        held_out=HELD_OUT,
    )

    def member(key: jax.Array, m: jax.Array) -> tuple[jax.Array, jax.Array]:
        point = trained_point(key, samplers_of([pair("gaussians")], 0), m, recipe)
        return point.js.value, point.w1.value

    separations = jnp.asarray(SEPARATIONS)
    start = time.perf_counter()
    program = (
        jax.jit(ensemble(member)).lower(jax.random.split(jax.random.key(0), separations.size), separations).compile()
    )
    print(f"gan_jax: compiled in {time.perf_counter() - start:.1f} s (once; the compilation cache on disk keeps it)")
    return lambda: program(jax.random.split(jax.random.key(0), separations.size), separations)


def retract(kernel: torch.Tensor) -> torch.Tensor:
    """The polar factor of every member's matrix, as ``models.lipschitz.orthonormalise``."""
    if 1 in kernel.shape[1:]:
        return kernel / torch.linalg.matrix_norm(kernel, keepdim=True)
    eye = torch.eye(kernel.shape[-1])
    for _ in range(5):
        kernel = 0.5 * kernel @ (3 * eye - kernel.mT @ kernel)
    return kernel


def initial(members: int, *, orthonormal: bool) -> Tensors:
    """Weights and biases of a network 1 → width → width → 1 for every member."""
    parameters = []
    for rows, columns in ((1, WIDTH), (WIDTH, WIDTH), (WIDTH, 1)):
        kernel = torch.randn(members, rows, columns) / math.sqrt(rows)
        if orthonormal:
            kernel = torch.linalg.qr(kernel)[0] if rows == columns else retract(kernel)
        parameters += [kernel.requires_grad_(), torch.zeros(members, 1, columns, requires_grad=True)]
    return parameters


def forward(parameters: Tensors, x: torch.Tensor, *, orthonormal: bool) -> torch.Tensor:
    """Logits ``[members, batch]`` of ``x [members, batch, 1]``."""
    h = x
    for kernel, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        h = torch.baddbmm(bias, h, kernel)
        if orthonormal:
            low, high = h.chunk(2, dim=-1)
            h = torch.cat([torch.minimum(low, high), torch.maximum(low, high)], dim=-1)
        else:
            h = torch.relu(h)
    return torch.baddbmm(parameters[-1], h, parameters[-2])[..., 0]


def train(separations: torch.Tensor, *, orthonormal: bool) -> torch.Tensor:
    """Trains all members together; returns the held-out divergence of each, ``[members]``."""
    members = separations.shape[0]
    m = separations[:, None, None]

    def samples(size: int) -> torch.Tensor:
        noise = torch.randn(members, 2 * size, 1)
        noise[:, size:] += m
        return noise

    first = samples(1024)
    shift, scale = first.mean(dim=1, keepdim=True), first.std(dim=1, keepdim=True)
    gain = scale[:, :, 0] if orthonormal else torch.ones(members, 1)
    parameters = initial(members, orthonormal=orthonormal)
    rate = CRITIC_RATE if orthonormal else DISCRIMINATOR_RATE
    adam = torch.optim.Adam(parameters, lr=rate, betas=(0.5, 0.9))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, STEPS)

    def value(x: torch.Tensor) -> torch.Tensor:
        logits = gain * forward(parameters, (x - shift) / scale, orthonormal=orthonormal)
        real, fake = logits.chunk(2, dim=1)
        if orthonormal:
            return real.mean(dim=1) - fake.mean(dim=1)
        softplus = torch.nn.functional.softplus
        return math.log(2) - 0.5 * (softplus(-real).mean(dim=1) + softplus(fake).mean(dim=1))

    for _ in range(STEPS):
        adam.zero_grad(set_to_none=True)
        # Twice the divergence is the minimax value; members do not share parameters, so that a sum trains each by itself.
        (-(1.0 if orthonormal else 2.0) * value(samples(BATCH)).sum()).backward()
        adam.step()
        schedule.step()
        if orthonormal:
            with torch.no_grad():
                for kernel in parameters[::2]:
                    kernel.copy_(retract(kernel))
    with torch.no_grad():
        return value(samples(HELD_OUT))


def torch_loop() -> tuple[np.ndarray, np.ndarray]:
    """One network after another."""
    each = torch.tensor(SEPARATIONS)[:, None]
    js, w1 = ([train(m, orthonormal=orthonormal) for m in each] for orthonormal in (False, True))
    return torch.cat(js).numpy(), torch.cat(w1).numpy()


def torch_batched() -> tuple[np.ndarray, np.ndarray]:
    """All separations in one set of weights."""
    together = torch.tensor(SEPARATIONS)
    return train(together, orthonormal=False).numpy(), train(together, orthonormal=True).numpy()


def main() -> None:
    """Checks that all sides reach the truth, then prints one table."""
    # At this size a second thread costs PyTorch more than it brings: this is its better setting.
    torch.set_num_threads(1)
    torch.manual_seed(0)
    sides = {"gan_jax, one program": one_program(), "PyTorch, loop": torch_loop, "PyTorch, batched": torch_batched}
    truth = np.asarray([float(exact.jensen_shannon(*pair("gaussians").make(m))) for m in SEPARATIONS])
    for name, side in sides.items():
        js, w1 = (np.asarray(value) for value in side())
        np.testing.assert_allclose(js, truth, atol=0.03, err_msg=name)
        np.testing.assert_allclose(w1, SEPARATIONS, rtol=0.05, atol=0.05, err_msg=name)
    networks = 2 * len(SEPARATIONS)
    title = f"{networks} networks × {STEPS} updates of batch {BATCH}, {jax.device_count()} cores"
    print_table(title, alternate(sides, repeats=3), baseline="gan_jax, one program")


if __name__ == "__main__":
    main()
