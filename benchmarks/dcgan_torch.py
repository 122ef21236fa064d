"""DCGAN on 32 × 32 in PyTorch, for ``benchmarks/dcgan.py``: eager, with channels last, and compiled.

All do the same work at a step: one update of the discriminator on real and on fake images, in two passes since batch norm sees
one kind at a time, then one of the generator on fresh noise. What an expert would do is done: fused Adam, no graph behind the fake images
that the discriminator learns from, no gradients for its weights where the generator learns.

As a program it runs one form by itself, and prints what its first call, a step and its memory cost, as JSON:
``python -m benchmarks.dcgan_torch FORM BATCH THREADS STEPS``.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.memory import peak_megabytes

LATENT, RATE, BETAS, IMAGES = 128, 2e-4, (0.5, 0.999), 1024


class Generator(nn.Module):
    """``z [batch, 128]`` to images ``[batch, 3, 32, 32]``."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(LATENT, 256 * 4 * 4, bias=False)
        self.layers = nn.Sequential(
            nn.BatchNorm2d(256),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(256, 128, 4, 2, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(64, 3, 4, 2, 1),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(self.dense(z).view(-1, 256, 4, 4))


class Discriminator(nn.Module):
    """Images ``[batch, 3, 32, 32]`` to logits ``[batch]``."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 64, 4, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(64, 128, 4, 2, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(128, 256, 4, 2, 1, bias=False),
            nn.BatchNorm2d(256),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Flatten(),
            nn.Linear(256 * 4 * 4, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)[:, 0]


class Variant(NamedTuple):
    """One game.

    Attributes:
      step: ``step(real, noise, noise)`` makes one step: real images, the discriminator's noise, the generator's.
      generator, discriminator: the modules.
      generator_adam, discriminator_adam: their optimisers.
    """

    step: Callable[[Tensor, Tensor, Tensor], None]
    generator: Generator
    discriminator: Discriminator
    generator_adam: torch.optim.Adam
    discriminator_adam: torch.optim.Adam


def variant(memory_format: torch.memory_format, wrap: Callable[[Any], Any] = lambda module: module) -> Variant:
    """A game whose modules and images have a memory format; ``wrap`` is applied to both modules, e.g. ``torch.compile``."""
    layout: Any = {"memory_format": memory_format}  # PyTorch's annotations leave this argument out.
    generator, discriminator = Generator().to(**layout), Discriminator().to(**layout)
    generator_adam = torch.optim.Adam(generator.parameters(), RATE, BETAS, fused=True)
    discriminator_adam = torch.optim.Adam(discriminator.parameters(), RATE, BETAS, fused=True)
    make, judge = wrap(generator), wrap(discriminator)

    def step(real: Tensor, noise: Tensor, last_noise: Tensor) -> None:
        real = real.contiguous(memory_format=memory_format)
        with torch.no_grad():
            fake = make(noise).contiguous(memory_format=memory_format)
        discriminator_adam.zero_grad(set_to_none=True)
        (F.softplus(-judge(real)).mean() + F.softplus(judge(fake)).mean()).backward()
        discriminator_adam.step()
        discriminator.requires_grad_(False)
        generator_adam.zero_grad(set_to_none=True)
        F.softplus(-judge(make(last_noise))).mean().backward()
        generator_adam.step()
        discriminator.requires_grad_(True)

    return Variant(step, generator, discriminator, generator_adam, discriminator_adam)


VARIANTS: dict[str, Callable[[], Variant]] = {
    "eager": lambda: variant(torch.contiguous_format),
    "channels last": lambda: variant(torch.channels_last),
    "compiled": lambda: variant(torch.channels_last, torch.compile),
}


def going_on(game: Variant, batch: int, steps: int) -> Callable[[], None]:
    """A function that goes on for ``steps`` steps on fresh draws, as gan_jax's: from images as bytes, with replacement."""
    pictures = torch.randint(0, 256, (IMAGES, 3, 32, 32), dtype=torch.uint8)

    def call() -> None:
        for _ in range(steps):
            real = pictures[torch.randint(IMAGES, (batch,))].float() / 127.5 - 1.0
            game.step(real, torch.randn(batch, LATENT), torch.randn(batch, LATENT))

    return call


def set_weights(module: nn.Module, values: list[np.ndarray]) -> None:
    """Puts weights and biases into a network, layer by layer."""
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), values, strict=True):
            parameter.copy_(torch.tensor(value))


def main() -> None:
    """Prints what the first call costs over the next, and a step (s), and the process's memory (MB)."""
    form, (batch, threads, steps) = sys.argv[1], (int(argument) for argument in sys.argv[2:])
    torch.set_num_threads(threads)
    imported = peak_megabytes()
    call = going_on(VARIANTS[form](), batch, steps)
    seconds = []
    for _ in range(6):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    step = statistics.median(seconds[1:]) / steps
    print(
        json.dumps({"first": seconds[0] - step * steps, "step": step, "imported": imported, "peak": peak_megabytes()})
    )


if __name__ == "__main__":
    main()
