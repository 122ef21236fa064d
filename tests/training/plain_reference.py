"""A plain reference of every update rule, for ``test_game_matrix``, and the small game that it is compared on.

Written from the papers' formulas: Python's loops, one explicit gradient at a time, an Adam of its own, and the keys as
``training.updates`` splits them. Objective and penalty are data (``lax.switch``), so that one program plays all cells of the matrix.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from gan_jax.objectives import choice, losses, penalties
from gan_jax.training import game, optimizers, updates
from gan_jax.typing import Array, Critic, Generator

BATCH, INNER, AHEAD, STEPS = 4, 2, 2, 2
# Updates 0 and 3 of the 4 in two steps: a penalty at the first of a step, at the last of a step, and at none.
EVERY = 3
B1, B2, EPS, EPS_ROOT = 0.5, 0.9, 1e-8, 1e-8
RULES = {**updates.UPDATES, "unrolled": lambda: updates.unrolled(AHEAD), "optimistic": updates.simultaneous}
OBJECTIVES = {name: make() for name, make in losses.OBJECTIVES.items()}
PENALTIES = {name: make() for name, make in penalties.PENALTIES.items()}


def data(key: Array, n: int, *, separation: Array) -> Array:
    return separation + jax.random.normal(key, (n, 2))


def _generator() -> Generator:
    """An affine map with a collection of its own: the running mean of what it made in training."""

    def apply(variables: Any, z: Array) -> Array:
        return z @ variables["params"]["matrix"] + variables["params"]["shift"][None]

    def train(variables: Any, z: Array) -> tuple[Array, Any]:
        x = apply(variables, z)
        mean = 0.9 * variables["statistics"]["mean"] + 0.1 * jnp.mean(x, axis=0)
        return x, {**variables, "statistics": {"mean": mean}}

    def init(key: Array) -> Any:
        matrix = jnp.eye(2) + 0.3 * jax.random.normal(key, (2, 2))
        return {"params": {"matrix": matrix, "shift": jnp.zeros(2)}, "statistics": {"mean": jnp.zeros(2)}}

    return Generator(init, lambda key, n: jax.random.normal(key, (n, 2)), apply, train)


def _critic() -> Critic:
    """A smooth network with a collection of its own: how often it was constrained."""

    def init(key: Array, x: Array) -> Any:
        first_key, last_key = jax.random.split(key)
        params = {"first": jax.random.normal(first_key, (2, 3)), "last": jax.random.normal(last_key, (3,))}
        return {"params": {**params, "bias": jnp.zeros(3)}, "calls": {"count": jnp.zeros(())}}

    def apply(variables: Any, x: Array) -> Array:
        params = variables["params"]
        return jnp.tanh(x @ params["first"] + params["bias"][None]) @ params["last"]

    def constrain(variables: Any) -> Any:
        params = jax.tree.map(lambda w: jnp.clip(w, -2.0, 2.0), variables["params"])
        return {"params": params, "calls": {"count": variables["calls"]["count"] + 1}}

    return Critic(init, apply, constrain, lambda variables: jnp.full((), jnp.inf))


GENERATOR, CRITIC = _generator(), _critic()


def optimizer(rule: str) -> game.OptimizerOf:
    if rule == "optimistic":
        return lambda rate: optax.optimistic_adam_v2(rate, b1=B1, b2=B2, eps_root=EPS_ROOT, nesterov=False)
    return optimizers.adam(b1=B1, b2=B2, eps_root=EPS_ROOT)


def make(
    rule: str, objective: losses.Objective, penalty: penalties.Penalty | None, critic: Critic = CRITIC
) -> game.Game:
    return game.gan(
        objective,
        GENERATOR,
        critic,
        data,
        RULES[rule](),
        batch_size=BATCH,
        discriminator_steps=INNER,
        generator_optimizer=optimizer(rule),
        discriminator_optimizer=optimizer(rule),
        penalty=penalty,
        penalty_every=EVERY,
        perturb=penalties.instance_noise,
        ema_decay=0.9,
        data_parameters={"separation": 1.0},
    )


class Cell(NamedTuple):
    """One objective (of some names) and one penalty, by number: data, so that one program plays all cells."""

    objective: Array
    penalty: Array


def chosen_objective(names: tuple[str, ...], number: Array) -> losses.Objective:
    return choice.switch_objective([OBJECTIVES[name] for name in names], number)


def chosen_penalty(names: tuple[str, ...], number: Array) -> penalties.Penalty:
    return choice.switch_penalty([PENALTIES[name] for name in names], number)


# ------------------------------------------------------------------------------------------------------- the plain reference


class Side(NamedTuple):
    """A player of the reference, with the moments of its Adam and the direction it went last."""

    variables: Any
    first: Any
    second: Any
    last: Any
    count: Any


def start(variables: Any) -> Side:
    zeros = jax.tree.map(jnp.zeros_like, variables["params"])
    return Side(variables, zeros, zeros, zeros, jnp.zeros(()))


def adam(side: Side, gradients: Any, rate: Array, *, optimistic: bool) -> Side:
    """Kingma & Ba 2015, Algorithm 1; optimistic: Daskalakis et al. 2018, Algorithm 1, whose first step has no past."""
    count = side.count + 1
    first = jax.tree.map(lambda m, g: B1 * m + (1 - B1) * g, side.first, gradients)
    second = jax.tree.map(lambda v, g: B2 * v + (1 - B2) * g**2, side.second, gradients)
    way = jax.tree.map(
        lambda m, v: (m / (1 - B1**count)) / (jnp.sqrt(v / (1 - B2**count) + EPS_ROOT) + EPS), first, second
    )
    go = way
    if optimistic:
        go = jax.tree.map(lambda now, last: 2 * now - jnp.where(count == 1, now, last), way, side.last)
    params = jax.tree.map(lambda w, d: w - rate * d, side.variables["params"], go)
    return Side({**side.variables, "params": params}, first, second, way, count)


def discriminator_loss(
    psi: Any, theta: Any, cell: Cell, examples: Any, key: Array, noise: Array, weight: Array, *, names: Any, bare: bool
) -> tuple[Array, tuple[Array, Array, Array]]:
    """As a function of both players: consensus and unrolling differentiate its gradient."""
    objective, (real, z) = chosen_objective(names, cell.objective), examples
    real_key, fake_key, penalty_key = jax.random.split(key, 3)
    x = real + noise * jax.random.normal(real_key, real.shape)
    y = GENERATOR.apply({"params": theta}, z) + noise * jax.random.normal(fake_key, real.shape)
    real_logits, fake_logits = CRITIC.apply({"params": psi}, x), CRITIC.apply({"params": psi}, y)
    loss, mean = jnp.mean(objective.discriminator_loss(real_logits, fake_logits)), jnp.zeros(())
    if not bare:
        judge = lambda point: CRITIC.apply({"params": psi}, point[None])[0]  # noqa: E731
        mean = jnp.mean(chosen_penalty(tuple(PENALTIES), cell.penalty)(judge, x, y, penalty_key))
    return loss + weight * mean, (objective.divergence(real_logits, fake_logits), loss, mean)


def generator_loss(theta: Any, psi: Any, cell: Cell, key: Array, noise: Array, separation: Array, *, names: Any) -> Any:
    """The loss, and with it the mean of what the generator made."""
    noise_key, data_key, fake_key, real_key = jax.random.split(key, 4)
    made = GENERATOR.apply({"params": theta}, GENERATOR.noise(noise_key, BATCH))
    x = data(data_key, BATCH, separation=separation)
    fake_logits = CRITIC.apply({"params": psi}, made + noise * jax.random.normal(fake_key, made.shape))
    real_logits = CRITIC.apply({"params": psi}, x + noise * jax.random.normal(real_key, x.shape))
    loss = jnp.mean(chosen_objective(names, cell.objective).generator_loss(fake_logits, real_logits))
    return loss, (loss, jnp.mean(made, axis=0))


def spread(theta: Any, examples: tuple[Array, Array]) -> Array:
    """Total variances of the examples, before any noise."""
    real, z = examples
    made = GENERATOR.apply({"params": theta}, z)
    return jnp.trace(jnp.cov(made.T, bias=True)) / jnp.trace(jnp.cov(real.T, bias=True))


# Compiled once for all cells, steps and rules of first order.
SPREAD = jax.jit(spread)
ADAM = jax.jit(adam, static_argnames="optimistic")
DISCRIMINATOR_GRADIENT = jax.jit(jax.grad(discriminator_loss, has_aux=True), static_argnames=("names", "bare"))
GENERATOR_LOSS = jax.jit(generator_loss, static_argnames="names")
GENERATOR_GRADIENT = jax.jit(jax.grad(generator_loss, has_aux=True), static_argnames="names")


class Reference:
    """One game as its papers write it: no scan, no vmap, one gradient at a time."""

    def __init__(
        self, rule: str, names: tuple[str, ...], bare: bool, cell: Cell, key: Array, hyper: dict[str, Array]
    ) -> None:
        self.rule, self.names, self.bare, self.cell, self.key, self.hyper = rule, names, bare, cell, key, hyper

    def adam(self, side: Side, gradients: Any, rate: Array) -> Side:
        return ADAM(side, gradients, rate, optimistic=self.rule == "optimistic")

    def move_discriminator(self, side: Side, gradients: Any) -> Side:
        moved = self.adam(side, gradients, self.hyper["discriminator_rate"])
        return moved._replace(variables=CRITIC.constrain(moved.variables))

    def draw(self, key: Array, count: int) -> list[tuple[Array, Array]]:
        """Data and noise of ``count`` discriminator updates."""
        real_key, noise_key = jax.random.split(key)
        real = data(real_key, count * BATCH, separation=self.hyper["separation"])
        z = GENERATOR.noise(noise_key, count * BATCH)
        parts = [slice(n * BATCH, (n + 1) * BATCH) for n in range(count)]
        return [(real[part], z[part]) for part in parts]

    def towards(self, psi: Any, theta: Any, examples: tuple[Array, Array], key: Array, number: int) -> tuple[Any, Any]:
        """The discriminator's gradient at its update ``number``, and what it saw."""
        lazy = number % EVERY != 0
        weight = jnp.zeros(()) if lazy or self.bare else EVERY * self.hyper["penalty_weight"]
        gradients, (divergence, loss, mean) = DISCRIMINATOR_GRADIENT(
            psi, theta, self.cell, examples, key, self.noise, weight, names=self.names, bare=self.bare
        )
        return gradients, (divergence, loss, 0.0 if lazy else mean, gradients, SPREAD(theta, examples))

    def pull(self, theta: Any, psi: Any, key: Array) -> tuple[Any, Any]:
        """The generator's gradient, and (loss, mean of what it made, gradient)."""
        gradients, seen = GENERATOR_GRADIENT(
            theta, psi, self.cell, key, self.noise, self.hyper["separation"], names=self.names
        )
        return gradients, (*seen, gradients)

    def train(self, theta: Any, side: Side, key: Array, count: int) -> tuple[Side, Any]:
        examples_key, update_key = jax.random.split(key)
        seen = None
        for n, examples in enumerate(self.draw(examples_key, count)):
            own_key, number = jax.random.fold_in(update_key, n), self.step * INNER + n
            gradients, seen = self.towards(side.variables["params"], theta, examples, own_key, number)
            side = self.move_discriminator(side, gradients)
        return side, seen

    def field(self, theta: Any, psi: Any, key: Array) -> tuple[Any, Any, Any, Any]:
        """Both gradients at one point, and what both sides saw."""
        discriminator_key, generator_key = jax.random.split(key)
        examples_key, update_key = jax.random.split(discriminator_key)
        ((examples),) = self.draw(examples_key, 1)
        down, seen = self.towards(psi, theta, examples, update_key, self.step * INNER + INNER - 1)
        pull, made = self.pull(theta, psi, generator_key)
        return pull, down, made, seen

    def __call__(self, step: int, generator: Side, discriminator: Side) -> tuple[Side, Side, game.Info]:
        """Step number ``step``: both sides after it, and what they saw."""
        self.step, self.noise = step, self.hyper["noise"] * max(1 - step / self.hyper["noise_steps"], 0)
        key, theta = jax.random.fold_in(self.key, step), generator.variables["params"]
        if self.rule in ("alternating", "unrolled"):
            inner_key, *rest = jax.random.split(key, 3 if self.rule == "unrolled" else 2)
            discriminator, seen = self.train(theta, discriminator, inner_key, INNER)
            if self.rule == "alternating":
                pull, made = self.pull(theta, discriminator.variables["params"], rest[-1])
            else:
                # Metz et al. 2017, equation 10: the updates in between are functions of the generator too.
                def surrogate(theta: Any) -> Any:
                    ahead, _ = self.train(theta, discriminator, rest[0], AHEAD)
                    psi, separation = ahead.variables["params"], self.hyper["separation"]
                    return GENERATOR_LOSS(theta, psi, self.cell, rest[-1], self.noise, separation, names=self.names)

                pull, made = jax.grad(surrogate, has_aux=True)(theta)
                made = (*made, pull)
        elif self.rule == "extragradient":
            inner_key, here_key, ahead_key = jax.random.split(key, 3)
            discriminator, _ = self.train(theta, discriminator, inner_key, INNER - 1)
            pull, down, _, _ = self.field(theta, discriminator.variables["params"], here_key)
            looked = self.adam(generator, pull, self.hyper["generator_rate"])
            judged = self.move_discriminator(discriminator, down)
            pull, down, made, seen = self.field(looked.variables["params"], judged.variables["params"], ahead_key)
            # From where they were, with the moments that have seen both gradients: Gidel et al. 2019, Algorithm 4.
            generator = looked._replace(variables=generator.variables)
            discriminator = self.move_discriminator(judged._replace(variables=discriminator.variables), down)
        else:
            inner_key, field_key = jax.random.split(key)
            discriminator, _ = self.train(theta, discriminator, inner_key, INNER - 1)
            psi = discriminator.variables["params"]
            if self.rule == "consensus":
                # Mescheder, Nowozin & Geiger 2017, Algorithm 2.
                def half_square(theta: Any, psi: Any) -> tuple[Array, Any]:
                    pull, down, *seen = self.field(theta, psi, field_key)
                    return 0.5 * sum(jnp.sum(g**2) for g in jax.tree.leaves((pull, down))), (pull, down, *seen)

                extra, (pull, down, made, seen) = jax.grad(half_square, argnums=(0, 1), has_aux=True)(theta, psi)
                add = lambda g, r: g + self.hyper["consensus_weight"] * r  # noqa: E731
                pull, down = jax.tree.map(add, (pull, down), extra)
            else:
                pull, down, made, seen = self.field(theta, psi, field_key)
            discriminator = self.move_discriminator(discriminator, down)
        loss, mean, own = made
        old = generator.variables["statistics"]["mean"]
        advanced = {**generator.variables, "statistics": {"mean": old + 0.1 * (mean - old)}}
        generator = self.adam(generator._replace(variables=advanced), pull, self.hyper["generator_rate"])
        divergence, discriminator_loss, penalty, last, spread = seen
        norms = [jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(tree))) for tree in (last, own)]
        return generator, discriminator, game.Info(divergence, discriminator_loss, penalty, loss, *norms, spread)
