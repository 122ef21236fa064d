"""PacGAN's plain GAN on the ring in PyTorch, for ``benchmarks/mode_table.py``: eager, and with ``torch.compile`` of both losses.

Both do the same work at a step: the gradients of both players where both are, of the discriminator on 100 real and 100 fake points in one
pass, of the generator on fresh noise; then one update of Adam each. What an expert would do is done: fused Adam, no graph behind the
points that the discriminator learns from, no gradients for its weights where the generator learns.

As a program it waits for a line on its standard input, goes on with one form by itself, and prints seconds a step, as JSON:
``python -m benchmarks.mode_table_torch FORM THREADS STEPS CALLS``.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BATCH, SAMPLES, RATE, BETAS, STDDEV = 100, 100_000, 1e-4, (0.8, 0.999), 0.02
WIDTH, HIDDEN, PIECES, MAXOUT = 400, 4, 5, 200


class Maxout(nn.Module):
    """The largest of five linear pieces, each 200 outputs."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.pieces = nn.Linear(inputs, PIECES * MAXOUT)

    def forward(self, x: Tensor) -> Tensor:
        return self.pieces(x).view(-1, PIECES, MAXOUT).amax(dim=1)


def generator_network() -> nn.Sequential:
    """``z [n, 2]`` to points ``[n, 2]``: four hidden layers of 400 with batch normalisation."""
    layers: list[nn.Module] = []
    for inputs in (2, *[WIDTH] * (HIDDEN - 1)):
        layers += [nn.Linear(inputs, WIDTH, bias=False), nn.BatchNorm1d(WIDTH, eps=1e-4, momentum=0.05), nn.ReLU()]
    return initialised(nn.Sequential(*layers, nn.Linear(WIDTH, 2)))


def discriminator_network() -> nn.Sequential:
    """Points ``[n, 2]`` to logits ``[n, 1]``: three maxout layers."""
    return initialised(nn.Sequential(Maxout(2), Maxout(MAXOUT), Maxout(MAXOUT), nn.Linear(MAXOUT, 1)))


def initialised(network: nn.Sequential) -> nn.Sequential:
    """All weights from ``N(0, .02²)``, biases zero."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=STDDEV)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network


def ring() -> Tensor:
    """The 100 000 points that are drawn from: 8 Gaussians of standard deviation .01 on the unit circle."""
    angles = 2.0 * math.pi * torch.randint(8, (SAMPLES,)) / 8
    return torch.stack([angles.cos(), angles.sin()], dim=1) + 0.01 * torch.randn(SAMPLES, 2)


class Variant(NamedTuple):
    """One game.

    Attributes:
      step: ``step(real, noise, noise)`` makes one step: real points, the discriminator's noise, the generator's.
      generator, discriminator: the modules.
      generator_adam, discriminator_adam: their optimisers.
    """

    step: Callable[[Tensor, Tensor, Tensor], None]
    generator: nn.Sequential
    discriminator: nn.Sequential
    generator_adam: torch.optim.Adam
    discriminator_adam: torch.optim.Adam


def variant(wrap: Callable[[Any], Any] = lambda loss: loss, *, double: bool = False) -> Variant:
    """A game; ``wrap`` is applied to both losses, e.g. ``torch.compile``."""
    generator, discriminator = generator_network(), discriminator_network()
    if double:
        generator, discriminator = generator.double(), discriminator.double()
    generator_adam = torch.optim.Adam(generator.parameters(), RATE, BETAS, fused=True)
    discriminator_adam = torch.optim.Adam(discriminator.parameters(), RATE, BETAS, fused=True)

    def discriminator_loss(real: Tensor, noise: Tensor) -> Tensor:
        with torch.no_grad():
            fake = generator(noise)
        on_real, on_fake = discriminator(torch.cat([real, fake])).chunk(2)
        return F.softplus(-on_real).mean() + F.softplus(on_fake).mean()

    def generator_loss(noise: Tensor) -> Tensor:
        return F.softplus(-discriminator(generator(noise))).mean()

    judge, make = wrap(discriminator_loss), wrap(generator_loss)

    def step(real: Tensor, noise: Tensor, last_noise: Tensor) -> None:
        discriminator_adam.zero_grad(set_to_none=True)
        judge(real, noise).backward()
        # The generator's gradient is taken where the discriminator was, and leaves that one's weights alone.
        discriminator.requires_grad_(False)
        generator_adam.zero_grad(set_to_none=True)
        make(last_noise).backward()
        discriminator.requires_grad_(True)
        discriminator_adam.step()
        generator_adam.step()

    return Variant(step, generator, discriminator, generator_adam, discriminator_adam)


def compiled(loss: Any) -> Any:
    """``torch.compile`` of a loss as one graph."""
    return torch.compile(loss, fullgraph=True)


VARIANTS: dict[str, Callable[[], Variant]] = {"eager": variant, "compiled": lambda: variant(compiled)}


def going_on(game: Variant, steps: int) -> Callable[[], None]:
    """A function that goes on for ``steps`` steps on fresh draws, as gan_jax's: from the points, with replacement."""
    points = ring()

    def call() -> None:
        for _ in range(steps):
            real = points[torch.randint(SAMPLES, (BATCH,))]
            game.step(real, torch.randn(BATCH, 2), torch.randn(BATCH, 2))

    return call


def main() -> None:
    """Prints seconds of a step, timed together with the other processes that got their line at the same time."""
    form, (threads, steps, calls) = sys.argv[1], (int(argument) for argument in sys.argv[2:])
    torch.set_num_threads(threads)
    call = going_on(VARIANTS[form](), steps)
    call()
    print("ready", flush=True)
    sys.stdin.readline()
    seconds = []
    for _ in range(calls):
        start = time.perf_counter()
        call()
        seconds.append((time.perf_counter() - start) / steps)
    print(json.dumps({"median": statistics.median(seconds), "fastest": min(seconds), "slowest": max(seconds)}))


if __name__ == "__main__":
    main()
