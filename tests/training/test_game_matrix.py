"""Every objective × penalty, and every update rule: each step of the game against a plain reference, and what every game promises.

All cells of one rule are members of one ensemble, their objective and penalty chosen by ``lax.switch``: the whole matrix compiles a few
programs. It runs in double precision, where two orders of the same sums agree to 1e-9 even through Adam's division. One
rule has every objective with every penalty; the others, which know of both no more than the discriminator's loss, every objective where
a rule differentiates twice, and two penalties, which draw. ``test_rules_and_games`` has every rule with every kind of game.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.training import game
from gan_jax.training.ensemble import ensemble
from gan_jax.typing import Array
from tests.training.compilations import once
from tests.training.plain_reference import (
    CRITIC,
    OBJECTIVES,
    PENALTIES,
    RULES,
    STEPS,
    Cell,
    Reference,
    chosen_objective,
    chosen_penalty,
    make,
    start,
)

ALL, FEW = tuple(OBJECTIVES), ("relativistic_average",)
NONE, EVERY_PENALTY, DRAWING = ("none",), tuple(PENALTIES), ("gp", "dragan")


class Group(NamedTuple):
    """The cells that share a program: one rule, some objectives, and some penalties or none."""

    rule: str
    names: tuple[str, ...]
    penalties: tuple[str, ...]

    @property
    def bare(self) -> bool:
        return self.penalties == NONE

    def cells(self) -> list[tuple[str, str]]:
        return [(name, penalty) for name in self.names for penalty in self.penalties]


class Played(NamedTuple):
    """What a group's cells did: each leaf ``[cells, steps, …]``."""

    together: tuple[Any, game.Info]
    reference: tuple[Any, game.Info]


def hyperparameters(rule: str, bare: bool, count: int, seed: int) -> dict[str, np.ndarray]:
    """Others for every cell, so that none of them is a constant of the program."""
    ranges = {"generator_rate": (0.01, 0.03), "discriminator_rate": (0.01, 0.05), "separation": (0.5, 2.0)}
    ranges |= {"noise": (0.05, 0.2), "noise_steps": (2.5, 9.0), "ema_decay": (0.3, 0.9)}
    ranges |= {"consensus_weight": (0.1, 1.0)} if rule == "consensus" else {}
    ranges |= {} if bare else {"penalty_weight": (0.1, 2.0)}
    draws = np.random.default_rng(seed).uniform(size=(len(ranges), count))
    return {name: low + (high - low) * u for (name, (low, high)), u in zip(ranges.items(), draws, strict=True)}


def members(group: Group, seed: int = 0) -> tuple[Any, ...]:
    """Of every cell: its numbers, its key, its hyperparameters."""
    numbers = [(group.names.index(name), group.penalties.index(penalty)) for name, penalty in group.cells()]
    count = len(numbers)
    keys = jax.random.split(jax.random.key(seed), count)
    hyper = hyperparameters(group.rule, group.bare, count, seed)
    return Cell(*jnp.asarray(numbers, jnp.int32).T), keys, hyper


def look(state: game.GameState) -> dict[str, Any]:
    """What is compared: all that a step changes."""
    sides = (state.generator.variables, state.discriminator.variables)
    return {"step": state.step, "sides": sides, "average": state.average.ema}


def run(group: Group, cell: Cell, key: Array, hyper: dict[str, Array]) -> tuple[Any, game.Info]:
    """One cell: what is looked at before the first and after every step, and what the steps were like."""
    penalty = None if group.bare else chosen_penalty(group.penalties, cell.penalty)
    made = make(group.rule, chosen_objective(group.names, cell.objective), penalty)
    _, infos, seen = game.play(made, made.init(key, **hyper), steps=STEPS, records=STEPS, observe=look)
    return seen, infos


def member(tree: Any, number: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[number], tree)


def refer(group: Group, number: int, key: Array, hyper: dict[str, Array], first: Any) -> tuple[Any, game.Info]:
    """The same by the reference, from the players ``first``."""
    # The gradients of first order are compiled once, for all objectives and rules.
    names = group.names if group.rule in ("unrolled", "consensus") else tuple(OBJECTIVES)
    name, penalty = group.cells()[number]
    cell = Cell(np.int32(names.index(name)), np.int32(0 if group.bare else list(PENALTIES).index(penalty)))
    _, game_key = jax.random.split(key)
    reference = Reference(group.rule, names, group.bare, cell, game_key, hyper)
    sides = [start(variables) for variables in first["sides"]]
    seen, infos, average = [first], [], jax.tree.map(jnp.zeros_like, first["average"])
    for step in range(STEPS):
        *sides, info = reference(step, *sides)
        decay = hyper["ema_decay"]
        average = jax.tree.map(lambda a, w: decay * a + (1 - decay) * w, average, sides[0].variables["params"])  # noqa: B023
        seen.append({"step": step + 1, "sides": tuple(side.variables for side in sides), "average": average})
        infos.append(info)
    return jax.tree.map(lambda *a: np.stack(a), *seen), jax.tree.map(lambda *a: np.stack(a), *infos)


@cache
def played(group: Group) -> Played:
    with jax.enable_x64(True):
        arguments = members(group)
        program = once(ensemble(partial(run, group)))
        together = jax.device_get(program(*arguments))
        program(*members(group, seed=1))
        first = jax.tree.map(lambda leaf: leaf[:, 0], together[0])
        _, keys, hyper = members(group)
        each = [refer(group, n, keys[n], member(hyper, n), member(first, n)) for n in range(len(group.cells()))]
        return Played(together, jax.tree.map(lambda *a: np.stack(a), *each))


GROUPS = [
    Group("alternating", ALL, NONE),
    Group("alternating", ALL, EVERY_PENALTY),
    *(Group(rule, ALL, NONE) for rule in ("unrolled", "consensus")),
    *(Group(rule, FEW, DRAWING) for rule in RULES if rule != "alternating"),
]
# Those that compile a program for the reference too; ``test_rules_and_games`` meets all rules.
LATER = [
    group
    for group in GROUPS
    if group.rule in ("unrolled", "simultaneous", "optimistic") or (group.rule == "consensus" and group.bare)
]
CELLS = [
    pytest.param(group, n, id=", ".join((group.rule, *cell)), marks=[pytest.mark.exhaustive] * (group in LATER))
    for group in GROUPS
    for n, cell in enumerate(group.cells())
]
# Rounding, through Adam's division: by sqrt(v + 1e-8), at least 1e-4.
close = partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-11)


def name_of(group: Group) -> str:
    return f"{group.rule}, {len(group.names)} objective(s), {'no' if group.bare else len(group.penalties)} penalties"


@pytest.mark.slow
@pytest.mark.parametrize(("group", "number"), CELLS)
def test_every_step_is_the_plain_reference(group: Group, number: int) -> None:
    jax.tree.map(close, member(played(group).together, number), member(played(group).reference, number))


@pytest.mark.slow
@pytest.mark.parametrize(("group", "number"), CELLS)
def test_losses_and_gradients_are_finite_and_everything_moves(group: Group, number: int) -> None:
    seen, info = member(played(group).together, number)
    chex.assert_tree_all_finite((seen, info))
    assert np.all(info.generator_gradient > 0)
    assert np.all(info.discriminator_gradient > 0)
    for leaf in jax.tree.leaves(seen["sides"]):
        assert np.all(np.any(leaf[1:] != leaf[:-1], axis=tuple(range(1, leaf.ndim))))


@pytest.mark.slow
@pytest.mark.parametrize("group", [group for group in GROUPS if group not in LATER], ids=name_of)
def test_another_state_and_other_hyperparameters_do_not_compile_again(group: Group) -> None:
    assert played(group).together  # Which fails where its program is traced twice (``once``).


# What an ensemble is does not depend on the rule.
@pytest.mark.slow
@pytest.mark.parametrize("group", [GROUPS[1]], ids=name_of)
def test_members_of_an_ensemble_are_separate_runs_of_one_compilation(group: Group) -> None:
    with jax.enable_x64(True):
        alone = once(partial(run, group))
        for number in range(len(group.cells())):
            jax.tree.map(close, alone(*member(members(group), number)), member(played(group).together, number))


@pytest.mark.exhaustive
@pytest.mark.parametrize("group", [GROUPS[1]], ids=name_of)
def test_members_agree_under_vmap_too(group: Group) -> None:
    # ``vmap`` makes a selection of every branch, and the check of keys takes a key that is handed to a branch for used.
    with jax.enable_x64(True), jax.debug_key_reuse(False):
        found = jax.jit(ensemble(partial(run, group), mapper=jax.vmap))(*members(group))
    jax.tree.map(close, jax.device_get(found), played(group).together)


# Every penalty under one rule, every rule without.
COLUMNS = [*((rule, "none") for rule in RULES), *(("alternating", penalty) for penalty in PENALTIES)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the objective wasserstein is in units of the data and nothing holds")
@pytest.mark.parametrize(("rule", "penalty"), COLUMNS)
def test_a_column_of_logits_is_one_sentence(rule: str, penalty: str) -> None:
    column = CRITIC._replace(apply=lambda variables, x: CRITIC.apply(variables, x)[:, None])
    state = jax.eval_shape(make(rule, OBJECTIVES["minimax"], PENALTIES.get(penalty), column).init, jax.random.key(0))
    for objective in OBJECTIVES.values():
        with pytest.raises(ValueError, match=r"real_logits has shape \(4, 1\) .*; expected one shape \[batch\]"):
            jax.eval_shape(make(rule, objective, PENALTIES.get(penalty), column).step, state)
