"""Every rule × every kind of game, two steps of each, against losses and rules that are written out here as formulas.

The players have two or three numbers each, the optimisers are plain descent (or optimistic descent), and all is in double precision. The
reference knows of the library what is tested by itself elsewhere: how keys are split, the pool of examples, and the draw of wrong pairs.
``test_game_matrix`` has the rules with Adam, every objective and every penalty.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.models.reconstructor import Reconstructor
from gan_jax.objectives import losses, penalties
from gan_jax.training import game, pool, updates
from gan_jax.training.conditional import conditional_gan, labelled, mismatched
from gan_jax.training.translation import cyclegan
from gan_jax.training.veegan import veegan
from gan_jax.typing import (
    Array,
    ConditionalCritic,
    ConditionalGenerator,
    ConditionedBatch,
    Critic,
    Domains,
    Generator,
    Translator,
    trains_as_it_samples,
)
from tests.training.compilations import once

BATCH, INNER, AHEAD, STEPS, CLASSES, POOL = 4, 2, 2, 2, 3, 5
RATE_G, RATE_D, GAMMA, LAMBDA, EVERY, WRONG, CYCLE, IDENTITY, RECONSTRUCTION = (
    0.05,
    0.1,
    0.3,
    0.2,
    3,
    0.4,
    2.0,
    0.5,
    0.7,
)
RULES: dict[str, Callable[[], game.Update]] = {
    **updates.UPDATES,
    "unrolled": lambda: updates.unrolled(AHEAD),
    "consensus": lambda: updates.consensus(GAMMA),
    "optimistic": updates.simultaneous,
}

# ------------------------------------------------------------------------------------------------------------- the players


def move(p: Any, z: Array) -> Array:
    return p["a"] * z + p["b"]


def logit(p: Any, x: Array) -> Array:
    return p["w"] * jnp.sum(x**2, axis=-1) + p["c"] * jnp.sum(x, axis=-1)


def squared_slope(p: Any, x: Array) -> Array:
    """Of ``logit``, whose gradient is ``2 w x + c``."""
    return jnp.sum((2 * p["w"] * x + p["c"]) ** 2, axis=-1)


def two(first: str, one: float, second: str, other: float) -> Any:
    return {"params": {first: jnp.asarray(one), second: jnp.asarray(other)}}


def free(variables: Any) -> Any:
    return variables


def critic(w: float = 0.1) -> Critic:
    return Critic(
        lambda key, x: two("w", w, "c", 0.2),
        lambda v, x: logit(v["params"], x),
        free,
        lambda v: jnp.full((), jnp.inf),
    )


def latents(key: Array, n: int) -> Array:
    return jax.random.normal(key, (n, 2))


def sampled(v: Any, z: Array) -> Array:
    return move(v["params"], z)


GENERATOR = Generator(lambda key: two("a", 0.8, "b", 0.3), latents, sampled, trains_as_it_samples(sampled))


def data(key: Array, n: int) -> Array:
    return 1.0 + 0.5 * jax.random.normal(key, (n, 2))


def pairs(key: Array, n: int) -> ConditionedBatch:
    labels = jax.random.randint(key, (n,), 0, CLASSES)
    return labelled(jnp.stack([labels, 1.0 - labels], axis=1).astype(float), labels)


def domains(key: Array, n: int) -> Domains:
    x_key, y_key = jax.random.split(key)
    return Domains(latents(x_key, n), 2.0 + data(y_key, n))


# --------------------------------------------------------------------------------------- the four games, as formulas of both


class Kind(NamedTuple):
    """A game as the reference has it: ``d_loss(ψ, θ, draw, pools, count) -> (L_D, pools)`` and ``g_loss(θ, ψ, draw) -> L_G``."""

    make: Callable[..., game.Game]
    draw_d: Callable[[Array, int], list[Any]]
    draw_g: Callable[[Array], Any]
    draw_both: Callable[[Array], tuple[Any, Any]]
    d_loss: Callable[..., Any]
    g_loss: Callable[..., Array]


def lazily(count: int, penalty: Array) -> Array:
    return jnp.where(count % EVERY == 0, EVERY * LAMBDA, 0.0) * penalty


R1: Any = {"penalty": penalties.r1(), "penalty_weight": LAMBDA, "penalty_every": EVERY}


def plain() -> Kind:
    def draw_d(key: Array, steps: int) -> list[Any]:
        examples_key, _ = jax.random.split(key)
        real_key, noise_key = jax.random.split(examples_key)
        x, z = data(real_key, steps * BATCH), latents(noise_key, steps * BATCH)
        return [(x[n * BATCH : (n + 1) * BATCH], z[n * BATCH : (n + 1) * BATCH]) for n in range(steps)]

    def draw_g(key: Array) -> Any:
        return latents(jax.random.split(key, 4)[0], BATCH)

    def draw_both(key: Array) -> tuple[Any, Any]:
        d_key, g_key = jax.random.split(key)
        return draw_d(d_key, 1)[0], draw_g(g_key)

    def d_loss(psi: Any, theta: Any, draw: Any, pools: Any, count: int) -> Any:
        x, z = draw
        value = jnp.mean(jax.nn.softplus(-logit(psi, x)) + jax.nn.softplus(logit(psi, move(theta, z))))
        return value + lazily(count, jnp.mean(squared_slope(psi, x))), pools

    def g_loss(theta: Any, psi: Any, z: Any) -> Array:
        return jnp.mean(jax.nn.softplus(-logit(psi, move(theta, z))))

    def make(**options: Any) -> game.Game:
        return game.gan(losses.non_saturating(), GENERATOR, critic(), data, **R1, **options)

    return Kind(make, draw_d, draw_g, draw_both, d_loss, g_loss)


def conditional() -> Kind:
    def noise(p: Any, c: Array) -> Array:
        return p["t"][c][:, None]

    def d_of(p: Any, x: Array, c: Array) -> Array:
        return logit(p, x) + p["u"][c] * x[:, 0]

    def draw_one(key: Array) -> Any:
        keys = jax.random.split(key, 6)
        drawn = pairs(keys[0], BATCH)
        return drawn, latents(keys[1], BATCH), mismatched(keys[2], drawn.condition[:, None], drawn.condition[:, None])

    def draw_d(key: Array, steps: int) -> list[Any]:
        return [draw_one(jax.random.fold_in(key, n)) for n in range(steps)]

    def draw_g(key: Array) -> Any:
        keys = jax.random.split(key, 4)
        return pairs(keys[0], BATCH), latents(keys[1], BATCH)

    def draw_both(key: Array) -> tuple[Any, Any]:
        d_key, g_key = jax.random.split(key)
        return draw_d(d_key, 1)[0], draw_g(g_key)

    def d_loss(psi: Any, theta: Any, draw: Any, pools: Any, count: int) -> Any:
        drawn, z, wrong = draw
        x, c = drawn.x, drawn.condition
        fake = move(theta, z) + noise(theta, c)
        weight = WRONG * wrong.found
        negative = (1 - weight) * jax.nn.softplus(d_of(psi, fake, c))
        negative += weight * jax.nn.softplus(d_of(psi, x, c[wrong.places]))
        slope = 2 * psi["w"] * x + psi["c"] + jnp.stack([psi["u"][c], jnp.zeros(BATCH)], axis=1)
        value = jnp.mean(jax.nn.softplus(-d_of(psi, x, c)) + negative)
        return value + lazily(count, jnp.mean(jnp.sum(slope**2, axis=1))), pools

    def g_loss(theta: Any, psi: Any, draw: Any) -> Array:
        drawn, z = draw
        fake = move(theta, z) + noise(theta, drawn.condition)
        return jnp.mean(jax.nn.softplus(-d_of(psi, fake, drawn.condition)))

    def apply(v: Any, z: Array, e: Array) -> Array:
        return move(v["params"], z) + e[:, None]

    table = jnp.linspace(-0.5, 0.5, CLASSES)
    generator = ConditionalGenerator(
        lambda key, c: {"params": {**two("a", 0.8, "b", 0.3)["params"], "t": table}},
        latents,
        lambda v, c: v["params"]["t"][c],
        apply,
        lambda v, z, e: (apply(v, z, e), v),
    )
    network = ConditionalCritic(
        lambda key, x, c: {"params": {**two("w", 0.1, "c", 0.2)["params"], "u": -table}},
        lambda v, x: jnp.concatenate([logit(v["params"], x)[:, None], x[:, :1]], axis=1),
        lambda v, c: v["params"]["u"][c],
        lambda v, f, e: f[:, 0] + e * f[:, 1],
        None,
        free,
    )

    def make(**options: Any) -> game.Game:
        return conditional_gan(losses.non_saturating(), generator, network, pairs, wrong_weight=WRONG, **R1, **options)

    return Kind(make, draw_d, draw_g, draw_both, d_loss, g_loss)


def cycle() -> Kind:
    def draw_both(key: Array) -> tuple[Any, Any]:
        data_key, pool_key, _ = jax.random.split(key, 3)
        drawn = domains(data_key, BATCH)
        return (drawn, *jax.random.split(pool_key)), drawn

    def draw_d(key: Array, steps: int) -> list[Any]:
        return [draw_both(own)[0] for own in jax.random.split(key, steps)]

    def draw_g(key: Array) -> Any:
        return domains(key, BATCH)

    def d_loss(psi: Any, theta: Any, draw: Any, pools: Any, count: int) -> Any:
        (x, y), x_key, y_key = draw
        pool_x, seen_x = pool.exchanged(x_key, pools["x"], move(theta["backward"], y))
        pool_y, seen_y = pool.exchanged(y_key, pools["y"], move(theta["forward"], x))
        # Least squares with labels 1 and 0, halved over the two domains.
        on_x = jnp.mean((logit(psi["x"], x) - 1) ** 2 + logit(psi["x"], seen_x) ** 2)
        on_y = jnp.mean((logit(psi["y"], y) - 1) ** 2 + logit(psi["y"], seen_y) ** 2)
        slopes = jnp.mean(squared_slope(psi["x"], x)) + jnp.mean(squared_slope(psi["y"], y))
        return 0.5 * HALF * (on_x + on_y) + lazily(count, slopes), {"x": pool_x, "y": pool_y}

    def g_loss(theta: Any, psi: Any, draw: Any) -> Array:
        x, y = draw
        to_y, to_x = partial(move, theta["forward"]), partial(move, theta["backward"])
        far = lambda a, b: jnp.mean(jnp.abs(a - b))  # noqa: E731
        taken = jnp.mean((logit(psi["y"], to_y(x)) - 1) ** 2) + jnp.mean((logit(psi["x"], to_x(y)) - 1) ** 2)
        cycles = far(to_x(to_y(x)), x) + far(to_y(to_x(y)), y)
        return HALF * taken + CYCLE * (cycles + IDENTITY * (far(to_y(y), y) + far(to_x(x), x)))

    def translator(a: float, b: float) -> Translator:
        return Translator(lambda key, x: two("a", a, "b", b), sampled)

    def make(**options: Any) -> game.Game:
        return cyclegan(
            losses.least_squares(),
            *(translator(0.8, 0.3), translator(1.3, -0.2), critic(0.05), critic(-0.04)),
            domains,
            forward_weight=CYCLE,
            backward_weight=CYCLE,
            identity_weight=IDENTITY,
            pool_size=POOL,
            **R1,
            **options,
        )

    return Kind(make, draw_d, draw_g, draw_both, d_loss, g_loss)


def with_reconstructor() -> Kind:
    def draw_both(key: Array) -> tuple[Any, Any]:
        data_key, noise_key = jax.random.split(key)
        z = latents(noise_key, BATCH)
        return (data(data_key, BATCH), z), z

    def draw_d(key: Array, steps: int) -> list[Any]:
        return [draw_both(own)[0] for own in jax.random.split(key, steps)]

    def draw_g(key: Array) -> Any:
        return latents(key, BATCH)

    def joint(x: Array, z: Array) -> Array:
        return jnp.concatenate([x, z], axis=1)

    def d_loss(psi: Any, theta: Any, draw: Any, pools: Any, count: int) -> Any:
        x, z = draw
        real = logit(psi, joint(x, move(theta["reconstructor"], x)))
        fake = logit(psi, joint(move(theta["generator"], z), z))
        return jnp.mean(jax.nn.softplus(-real) + jax.nn.softplus(fake)), pools

    def g_loss(theta: Any, psi: Any, z: Any) -> Array:
        x = move(theta["generator"], z)
        error = jnp.mean(jnp.sum((z - move(theta["reconstructor"], x)) ** 2, axis=1))
        return -jnp.mean(logit(psi, joint(x, z))) + RECONSTRUCTION * error

    def make(**options: Any) -> game.Game:
        inverse = Reconstructor(lambda key, x: two("a", 0.9, "b", -0.1), sampled)
        return veegan(GENERATOR, inverse, critic(), data, reconstruction_weight=RECONSTRUCTION, **options)

    return Kind(make, draw_d, draw_g, draw_both, d_loss, g_loss)


# Least squares comes with a factor in some papers and without in others; here it is read off.
HALF = float(losses.least_squares().generator_loss(jnp.zeros(1), jnp.zeros(1))[0])
KINDS: dict[str, Callable[[], Kind]] = {
    "gan": plain,
    "conditional_gan": conditional,
    "cyclegan": cycle,
    "veegan": with_reconstructor,
}

# --------------------------------------------------------------------------------------------------- the rules, as formulas


class Gradients(NamedTuple):
    """Compiled once for all rules."""

    d: Callable[..., Any]
    g: Callable[..., Any]


@cache
def gradients(kind: str) -> tuple[Kind, Gradients]:
    made = KINDS[kind]()
    return made, Gradients(jax.jit(jax.grad(made.d_loss, has_aux=True)), jax.jit(jax.value_and_grad(made.g_loss)))


def less(params: Any, gradient: Any, rate: float) -> Any:
    return jax.tree.map(lambda w, g: w - rate * g, params, gradient)


class Reference:
    """One game, step by step: θ, ψ, the pools, and the last gradients for optimism."""

    def __init__(self, kind: str, rule: str, state: game.GameState) -> None:
        self.kind, self.of = gradients(kind)
        self.rule, self.key, self.step = rule, state.key, 0
        self.theta, self.psi = state.generator.variables["params"], state.discriminator.variables["params"]
        self.pools = state.discriminator.variables.get("pool")
        self.last: dict[str, Any] = {}

    def down(self, side: str, params: Any, gradient: Any) -> Any:
        """``w - h g``, or with optimism ``w - h (2 g - g_last)``, whose first step has no past."""
        rate, last = (RATE_D if side == "d" else RATE_G), self.last.get(side, gradient)
        if self.rule == "optimistic":
            self.last[side] = gradient
            gradient = jax.tree.map(lambda now, before: 2 * now - before, gradient, last)
        return less(params, gradient, rate)

    def train(self, draws: list[Any]) -> None:
        for number, draw in enumerate(draws):
            count = self.step * INNER + number
            gradient, self.pools = self.of.d(self.psi, self.theta, draw, self.pools, count)
            self.psi = self.down("d", self.psi, gradient)

    def field(self, theta: Any, psi: Any, key: Array) -> tuple[Array, Any, Any, Any]:
        draw_d, draw_g = self.kind.draw_both(key)
        along_d, pools = self.of.d(psi, theta, draw_d, self.pools, self.step * INNER + INNER - 1)
        value, along_g = self.of.g(theta, psi, draw_g)
        return value, along_g, along_d, pools

    def advance(self) -> Array:
        """One step; L_G as it is recorded."""
        key = jax.random.fold_in(self.key, self.step)
        value = getattr(self, self.rule if self.rule != "optimistic" else "simultaneous")(key)
        self.step += 1
        return value

    def alternating(self, key: Array) -> Array:
        d_key, g_key = jax.random.split(key)
        self.train(self.kind.draw_d(d_key, INNER))
        value, along = self.of.g(self.theta, self.psi, self.kind.draw_g(g_key))
        self.theta = self.down("g", self.theta, along)
        return value

    def simultaneous(self, key: Array) -> Array:
        before_key, field_key = jax.random.split(key)
        self.train(self.kind.draw_d(before_key, INNER - 1))
        value, along_g, along_d, self.pools = self.field(self.theta, self.psi, field_key)
        self.theta, self.psi = self.down("g", self.theta, along_g), self.down("d", self.psi, along_d)
        return value

    def extragradient(self, key: Array) -> Array:
        """Korpelevich 1976: from here, along the gradients of there."""
        before_key, here_key, ahead_key = jax.random.split(key, 3)
        self.train(self.kind.draw_d(before_key, INNER - 1))
        _, along_g, along_d, _ = self.field(self.theta, self.psi, here_key)
        there = less(self.theta, along_g, RATE_G), less(self.psi, along_d, RATE_D)
        value, along_g, along_d, self.pools = self.field(*there, ahead_key)
        self.theta, self.psi = less(self.theta, along_g, RATE_G), less(self.psi, along_d, RATE_D)
        return value

    def unrolled(self, key: Array) -> Array:
        """Metz et al. 2017, equation 10."""
        d_key, ahead_key, g_key = jax.random.split(key, 3)
        self.train(self.kind.draw_d(d_key, INNER))
        draws, draw = self.kind.draw_d(ahead_key, AHEAD), self.kind.draw_g(g_key)

        def surrogate(theta: Any) -> Array:
            psi, pools = self.psi, self.pools
            for number, ahead in enumerate(draws):
                gradient, pools = self.of.d(psi, theta, ahead, pools, self.step * INNER + number)
                psi = less(psi, gradient, RATE_D)
            return self.kind.g_loss(theta, psi, draw)

        value, along = jax.value_and_grad(surrogate)(self.theta)
        self.theta = less(self.theta, along, RATE_G)
        return value

    def consensus(self, key: Array) -> Array:
        """Mescheder, Nowozin & Geiger 2017, Algorithm 2."""
        before_key, field_key = jax.random.split(key)
        self.train(self.kind.draw_d(before_key, INNER - 1))

        def energy(theta: Any, psi: Any) -> Any:
            found = self.field(theta, psi, field_key)
            return 0.5 * sum(jnp.sum(g**2) for g in jax.tree.leaves(found[1:3])), found

        more, (value, along_g, along_d, self.pools) = jax.grad(energy, argnums=(0, 1), has_aux=True)(
            self.theta, self.psi
        )
        add = lambda g, extra: g + GAMMA * extra  # noqa: E731
        along_g, along_d = jax.tree.map(add, (along_g, along_d), more)
        self.theta, self.psi = less(self.theta, along_g, RATE_G), less(self.psi, along_d, RATE_D)
        return value


# --------------------------------------------------------------------------------------------------------------- the matrix


def optimizer(rule: str) -> game.OptimizerOf:
    return (lambda rate: optax.optimistic_gradient_descent(rate, 1.0, 1.0)) if rule == "optimistic" else optax.sgd


def made(kind: str, rule: str) -> game.Game:
    return gradients(kind)[0].make(
        update=RULES[rule](),
        batch_size=BATCH,
        discriminator_steps=INNER,
        generator_optimizer=optimizer(rule),
        discriminator_optimizer=optimizer(rule),
        generator_rate=RATE_G,
        discriminator_rate=RATE_D,
    )


# Like a chessboard: every kind meets half of the rules at every change, and every rule half of the kinds.
CELLS = [
    pytest.param(kind, rule, marks=[pytest.mark.exhaustive] * ((i + j) % 2))
    for i, kind in enumerate(KINDS)
    for j, rule in enumerate(RULES)
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "rule"), CELLS)
def test_two_steps_are_what_is_written(kind: str, rule: str) -> None:
    """Both sides' numbers, the pools and the generator's loss, to rounding; the second step is no other program."""
    with jax.enable_x64(True):
        game = made(kind, rule)
        state = game.init(jax.random.key(3))
        step = once(game.step)
        reference = Reference(kind, rule, state)
        for _ in range(STEPS):
            before, (state, info) = state, step(state)
            value = reference.advance()
            found = state.generator.variables["params"], state.discriminator.variables["params"]
            close = partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-12)
            jax.tree.map(close, found, (reference.theta, reference.psi))
            jax.tree.map(close, state.discriminator.variables.get("pool"), reference.pools)
            close(info.generator_loss, value)
            old = before.generator.variables["params"], before.discriminator.variables["params"]
            assert all(np.any(a != b) for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(old), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_rule_is_one_sentence(kind: str) -> None:
    words = r"update is .*; did you mean alternating\(\)\? expected an Update, such as updates\.(alternating|simultaneous)\(\)"
    with pytest.raises(TypeError, match=words):
        gradients(kind)[0].make(update=updates.alternating)
