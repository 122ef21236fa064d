"""WGAN-GP on 25 Gaussians in PyTorch, for ``benchmarks/wgan_gp.py``: an eager loop, ``torch.func``, and ``torch.compile`` of the latter.

All do the same work at a generator step, on draws that are handed to them, so that they can be compared number by number: five critic
updates, each on fresh data, noise and interpolation, then one generator update. What an expert would do is done: fused Adam in the eager
loop, real and fake examples in one pass of the critic, the fake examples of all five updates in one pass of the generator, the
penalty's gradients from one backward pass of the batch.

As a program it runs one variant by itself, and prints what its first call and its memory cost, as JSON:
``python -m benchmarks.wgan_gp_torch VARIANT DEPTH WIDTH THREADS STEPS CALLS``.
"""

from __future__ import annotations

import copy
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap

from benchmarks.memory import peak_megabytes

BATCH, CRITIC_STEPS, WEIGHT, RATE, BETAS = 256, 5, 0.1, 1e-4, (0.5, 0.9)
CENTRES = torch.tensor(list(itertools.product((-4.0, -2.0, 0.0, 2.0, 4.0), repeat=2))) / 2.828
SIGMA = 0.05 / 2.828

Tensor: TypeAlias = torch.Tensor
Parameters: TypeAlias = dict[str, Tensor]
Learner: TypeAlias = tuple[Parameters, Parameters, Parameters, Tensor]
"""Parameters, Adam's two moments, and how many updates were made."""


class Draws(NamedTuple):
    """All randomness of one generator step: ``real``, ``noise [5, batch, 2]``, ``u [5, batch, 1]``, ``last_noise [batch, 2]``."""

    real: Tensor
    noise: Tensor
    u: Tensor
    last_noise: Tensor


class Variant(NamedTuple):
    """One game.

    Attributes:
      step: makes one generator step on the draws.
      critic, generator: their parameters as they are now: weights ``[out, in]`` and biases, layer by layer.
      critic_moment: Adam's running mean of the critic's gradients, likewise.
    """

    step: Callable[[Draws], None]
    critic: Callable[[], list[Tensor]]
    generator: Callable[[], list[Tensor]]
    critic_moment: Callable[[], list[Tensor]]


def draw(*games: int) -> Draws:
    """Fresh draws of one generator step; with ``games``, of so many games, along a leading axis."""
    shape = (*games, CRITIC_STEPS, BATCH)
    real = CENTRES[torch.randint(len(CENTRES), shape)] + SIGMA * torch.randn(*shape, 2)
    return Draws(real, torch.randn(*shape, 2), torch.rand(*shape, 1), torch.randn(*games, BATCH, 2))


def networks(depth: int, width: int) -> tuple[nn.Sequential, nn.Sequential]:
    """Generator and critic: ``depth`` hidden layers of ``width`` each, ReLU, PyTorch's initialisation."""

    def mlp(outputs: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for rows, columns in itertools.pairwise([2] + [width] * depth):
            layers += [nn.Linear(rows, columns), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(width, outputs))

    return mlp(2), mlp(1)


def norms(gradients: Tensor) -> Tensor:
    """Euclidean norms ``[batch]``, with a finite gradient at zero."""
    return gradients.square().sum(dim=1).add(1e-24).sqrt()


def eager(generator: nn.Sequential, critic: nn.Sequential) -> Variant:
    """The loop that users write: modules, autograd, ``torch.optim``."""
    generator, critic = copy.deepcopy(generator), copy.deepcopy(critic)
    generator_adam = torch.optim.Adam(generator.parameters(), lr=RATE, betas=BETAS, fused=True)
    critic_adam = torch.optim.Adam(critic.parameters(), lr=RATE, betas=BETAS, fused=True)

    def critic_update(real: Tensor, fake: Tensor, u: Tensor) -> None:
        between = (u * real + (1 - u) * fake).requires_grad_(True)
        (gradients,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        on_real, on_fake = critic(torch.cat([real, fake])).chunk(2)
        loss = on_fake.mean() - on_real.mean() + WEIGHT * (norms(gradients) - 1).square().mean()
        critic_adam.zero_grad(set_to_none=True)
        loss.backward()
        critic_adam.step()

    def step(draws: Draws) -> None:
        critic.requires_grad_(True)
        with torch.no_grad():
            fake = generator(draws.noise.reshape(-1, 2)).view_as(draws.real)
        for batch in zip(draws.real, fake, draws.u, strict=True):
            critic_update(*batch)
        critic.requires_grad_(False)
        loss = -critic(generator(draws.last_noise)).mean()
        generator_adam.zero_grad(set_to_none=True)
        loss.backward()
        generator_adam.step()

    return Variant(
        step,
        lambda: list(critic.parameters()),
        lambda: list(generator.parameters()),
        lambda: [critic_adam.state[p]["exp_avg"] for p in critic.parameters()],
    )


def learner(module: nn.Module) -> Learner:
    """The state of a module that has not learnt yet."""
    parameters = {name: p.detach().clone() for name, p in module.named_parameters()}
    m, v = ({name: torch.zeros_like(p) for name, p in parameters.items()} for _ in range(2))
    return parameters, m, v, torch.zeros((), dtype=next(module.parameters()).dtype)


def adam(state: Learner, gradients: Parameters) -> Learner:
    """One update of Adam, as a function."""
    parameters, m, v, t = state
    (b1, b2), t = BETAS, t + 1
    m = {name: b1 * m[name] + (1 - b1) * g for name, g in gradients.items()}
    v = {name: b2 * v[name] + (1 - b2) * g * g for name, g in gradients.items()}
    rate, root = RATE / (1 - b1**t), torch.sqrt(1 - b2**t)
    moved = {name: p - rate * m[name] / (torch.sqrt(v[name]) / root + 1e-8) for name, p in parameters.items()}
    return moved, m, v, t


Step: TypeAlias = Callable[[Learner, Learner, Draws], tuple[Learner, Learner]]


def pure_step(generator: nn.Sequential, critic: nn.Sequential, wrap: Callable[[Any], Any] = lambda f: f) -> Step:
    """One generator step as a pure function ``(critic, generator, draws) -> (critic, generator)``.

    Args:
      generator, critic: whose structure is used; their parameters are not.
      wrap: applied to each of the two updates, e.g. ``torch.compile``.
    """

    def critic_update(state: Learner, real: Tensor, fake: Tensor, u: Tensor) -> Learner:
        def loss(parameters: Parameters) -> Tensor:
            on_real, on_fake = functional_call(critic, parameters, (torch.cat([real, fake]),)).chunk(2)
            between = u * real + (1 - u) * fake
            gradients = grad(lambda x: functional_call(critic, parameters, (x,)).sum())(between)
            return on_fake.mean() - on_real.mean() + WEIGHT * (norms(gradients) - 1).square().mean()

        return adam(state, grad(loss)(state[0]))

    def generator_update(state: Learner, judge: Parameters, noise: Tensor) -> Learner:
        def loss(parameters: Parameters) -> Tensor:
            return -functional_call(critic, judge, (functional_call(generator, parameters, (noise,)),)).mean()

        return adam(state, grad(loss)(state[0]))

    critic_update, generator_update = wrap(critic_update), wrap(generator_update)

    def step(c: Learner, g: Learner, draws: Draws) -> tuple[Learner, Learner]:
        fake = functional_call(generator, g[0], (draws.noise.reshape(-1, 2),)).view(draws.real.shape)
        for i in range(CRITIC_STEPS):
            c = critic_update(c, draws.real[i], fake[i], draws.u[i])
        return c, generator_update(g, c[0], draws.last_noise)

    return step


def of_pure(step: Step, c: Learner, g: Learner) -> Variant:
    """A game that goes on from the states of critic and generator."""
    state = [c, g]

    def advance(draws: Draws) -> None:
        with torch.no_grad():
            state[:] = step(state[0], state[1], draws)

    return Variant(
        advance,
        lambda: list(state[0][0].values()),
        lambda: list(state[1][0].values()),
        lambda: list(state[0][1].values()),
    )


def functional(generator: nn.Sequential, critic: nn.Sequential) -> Variant:
    """``torch.func``, without compilation."""
    return of_pure(pure_step(generator, critic), learner(critic), learner(generator))


def compiled_updates(generator: nn.Sequential, critic: nn.Sequential) -> Variant:
    """``torch.compile`` of the two updates."""
    step = pure_step(generator, critic, lambda update: torch.compile(update, fullgraph=True))
    return of_pure(step, learner(critic), learner(generator))


def compiled_step(generator: nn.Sequential, critic: nn.Sequential) -> Variant:
    """``torch.compile`` of the whole generator step: one graph of all six updates."""
    step = torch.compile(pure_step(generator, critic), fullgraph=True)
    return of_pure(step, learner(critic), learner(generator))


def together(depth: int, width: int, games: int) -> Variant:
    """Many games in one set of tensors: ``torch.func.vmap`` of the step."""
    pairs = [networks(depth, width) for _ in range(games)]

    def stacked(modules: list[nn.Module]) -> Learner:
        parameters = {name: p.detach() for name, p in stack_module_state(modules)[0].items()}
        m, v = ({name: torch.zeros_like(p) for name, p in parameters.items()} for _ in range(2))
        return parameters, m, v, torch.zeros(games)

    step = vmap(pure_step(*pairs[0]))
    return of_pure(step, stacked([c for _, c in pairs]), stacked([g for g, _ in pairs]))


VARIANTS: dict[str, Callable[[nn.Sequential, nn.Sequential], Variant]] = {
    "eager": eager,
    "functional": functional,
    "compiled updates": compiled_updates,
    "compiled step": compiled_step,
}


def run(variant: Variant, steps: int, *games: int) -> None:
    """Goes on for ``steps`` generator steps on fresh draws."""
    for _ in range(steps):
        variant.step(draw(*games))


def matmul_program(width: int, rounds: int) -> Callable[[], None]:
    """The three products of a hidden layer ``rounds`` times: ``h W``, ``d Wᵀ``, ``hᵀ d``, as ``wgan_gp_jax.matmul_program``."""
    w = torch.linalg.qr(torch.randn(width, width))[0]
    h, d, gradient = torch.randn(2 * BATCH, width), torch.empty(2 * BATCH, width), torch.empty(width, width)

    def program() -> None:
        for _ in range(rounds):
            torch.mm(h, w, out=d)
            torch.mm(h.T, d, out=gradient)
            torch.mm(d, w.T, out=h)

    return program


def main() -> None:
    """Prints what the first call costs over the next (s), the process's memory (MB) and, where told to go on, seconds a step."""
    name, (depth, width, threads, steps, go_on) = sys.argv[1], (int(argument) for argument in sys.argv[2:])
    torch.set_num_threads(threads)
    imported = peak_megabytes()
    variant = VARIANTS[name](*networks(depth, width))

    def timed() -> float:
        start = time.perf_counter()
        run(variant, steps)
        return time.perf_counter() - start

    first, *later = (timed() for _ in range(3))
    result = {"first": first - min(later), "imported": imported, "peak": peak_megabytes()}
    if go_on:
        # Processes that are compared at once wait for each other here, on their standard input.
        print("ready", flush=True)
        sys.stdin.readline()
        calls = [timed() for _ in range(go_on)]
        result |= {
            "median": statistics.median(calls) / steps,
            "fastest": min(calls) / steps,
            "slowest": max(calls) / steps,
        }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
