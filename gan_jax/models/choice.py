"""Which player, as data: one compiled program for several generators or several critics.

The variables are those of all players, so that members of an ensemble have one structure; only those of the chosen one get a gradient, and
Adam leaves a parameter without gradient where it is. Where members run one after another (``ensemble.sequential``) only the chosen
player is computed; under ``jax.vmap`` all are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
from jaxtyping import Integer

from gan_jax.typing import Array, Critic, Generator, PRNGKey, PyTree, Variables


def one_of_generators(generators: Sequence[Generator], index: int | Integer[Array, ""]) -> Generator:
    """The generator number ``index``, which may be traced.

    Args:
      generators: to choose from, all with samples of one shape.
      index: ``[]``, 0 to ``len(generators) - 1``; what lies outside is clamped, as ``jax.lax.switch`` does.

    Returns:
      The generator. Its noise is that of all, and its ``"params"`` is a tuple of the parameters of all.

    Raises:
      ValueError: no generators.
    """
    _some("generators", generators)

    def init(key: PRNGKey) -> Variables:
        keys = jax.random.split(key, len(generators))
        return _joined([generator.init(own) for generator, own in zip(generators, keys, strict=True)])

    def noise(key: PRNGKey, n: int) -> PyTree:
        keys = jax.random.split(key, len(generators))
        return tuple(generator.noise(own, n) for generator, own in zip(generators, keys, strict=True))

    def apply(variables: Variables, z: PyTree) -> Array:
        branches = [
            lambda variables, z, i=i, generator=generator: generator.apply(_own(variables, i), z[i])
            for i, generator in enumerate(generators)
        ]
        return jax.lax.switch(index, branches, variables, z)

    def train(variables: Variables, z: PyTree) -> tuple[Array, Variables]:
        def branch(i: int, generator: Generator) -> Callable[[Variables, PyTree], tuple[Array, PyTree]]:
            def run(variables: Variables, z: PyTree) -> tuple[Array, PyTree]:
                samples, advanced = generator.train(_own(variables, i), z[i])
                others = list(variables["others"])
                others[i] = _others(advanced)
                return samples, tuple(others)

            return run

        branches = [branch(i, generator) for i, generator in enumerate(generators)]
        samples, others = jax.lax.switch(index, branches, variables, z)
        return samples, {**variables, "others": others}

    return Generator(init, noise, apply, train)


def one_of_critics(critics: Sequence[Critic], index: int | Integer[Array, ""]) -> Critic:
    """The critic number ``index``, which may be traced.

    Args:
      critics: to choose from, all for examples of one shape.
      index: ``[]``, 0 to ``len(critics) - 1``; what lies outside is clamped, as ``jax.lax.switch`` does.

    Returns:
      The critic; ``constrain`` and ``lipschitz_bound`` are those of the chosen one, and it mixes examples where any of them does.

    Raises:
      ValueError: no critics.
    """
    _some("critics", critics)

    def init(key: PRNGKey, x: Array) -> Variables:
        keys = jax.random.split(key, len(critics))
        return _joined([critic.init(own, x) for critic, own in zip(critics, keys, strict=True)])

    def apply(variables: Variables, x: Array) -> Array:
        branches = [
            lambda variables, x, i=i, critic=critic: critic.apply(_own(variables, i), x)
            for i, critic in enumerate(critics)
        ]
        return jax.lax.switch(index, branches, variables, x)

    def constrain(variables: Variables) -> Variables:
        def branch(i: int, critic: Critic) -> Callable[[Variables], Variables]:
            def run(variables: Variables) -> Variables:
                params, others = list(variables["params"]), list(variables["others"])
                constrained = critic.constrain(_own(variables, i))
                params[i], others[i] = constrained["params"], _others(constrained)
                return {"params": tuple(params), "others": tuple(others)}

            return run

        return jax.lax.switch(index, [branch(i, critic) for i, critic in enumerate(critics)], variables)

    def lipschitz_bound(variables: Variables) -> Array:
        branches = [
            lambda variables, i=i, critic=critic: critic.lipschitz_bound(_own(variables, i))
            for i, critic in enumerate(critics)
        ]
        return jax.lax.switch(index, branches, variables)

    mixing, bounded = any(critic.mixes_examples for critic in critics), all(critic.bounded for critic in critics)
    return Critic(init, apply, constrain, lipschitz_bound, mixing, bounded)


def _some(name: str, players: Sequence[object]) -> None:
    if not players:
        raise ValueError(f"{name} is empty; expected at least one to choose from")


def _others(variables: Variables) -> Variables:
    """The collections that are not trained."""
    return {name: collection for name, collection in variables.items() if name != "params"}


def _joined(variables: Sequence[Variables]) -> Variables:
    """Variables of all players as those of one: ``"params"``, and the other collections of all under ``"others"``."""
    return {
        "params": tuple(own["params"] for own in variables),
        "others": tuple(_others(own) for own in variables),
    }


def _own(variables: Variables, index: int) -> Variables:
    """The variables of player number ``index``."""
    return {**variables["others"][index], "params": variables["params"][index]}
