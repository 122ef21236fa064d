"""Games of an experiment with their progress: watched record by record, or swept over axes. Imports JAX, so only ``compute`` imports it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import jax
import numpy as np

from experiments.framework.progress import Progress, Task
from gan_jax import caching
from gan_jax.training import ensemble
from gan_jax.training.game import Game
from gan_jax.training.recording import Case, Watched, watch, watch_cases
from gan_jax.training.state import GameState
from gan_jax.typing import PRNGKey, PyTree

Quantities: TypeAlias = dict[str, jax.Array]
"""What is read off one run, by name."""

Member: TypeAlias = Callable[..., Quantities]
"""``member(key, **axes)``: one run of a sweep."""

Look: TypeAlias = Callable[[PRNGKey, GameState], PyTree]
"""``look(key, state)``: what is read off a game at a record."""

CaseLook: TypeAlias = Callable[[PRNGKey, GameState, Case], PyTree]
"""``look(key, state, case)``: the same of one of several cases."""


class Length(Protocol):
    """What a configuration says of its games: how many of each kind, how long, and how often they are looked at."""

    @property
    def seeds(self) -> int: ...

    @property
    def steps(self) -> int: ...

    @property
    def records(self) -> int: ...


def record(task: Task, config: Length, game: Game, key: PRNGKey, look: Look, feed: PyTree = None) -> Watched:
    """``recording.watch`` for as long as ``config`` says; ``task`` advances by one at every record."""
    length = {"seeds": config.seeds, "steps": config.steps, "records": config.records}
    return watch(game, key, look, **length, feed=feed, on_record=lambda _: task.advance())


def record_cases(task: Task, config: Length, game: Game, key: PRNGKey, look: CaseLook, cases: Case) -> Watched:
    """``recording.watch_cases`` for as long as ``config`` says; ``task`` advances by one at every record."""
    length = {"seeds": config.seeds, "steps": config.steps, "records": config.records}
    return watch_cases(game, key, look, cases, **length, on_record=lambda _: task.advance())


def swept(task: Task, member: Member, key: PRNGKey, *, seeds: int, **axes: Any) -> dict[str, np.ndarray]:
    """``ensemble.sweep``, as many members at a time as there are devices; ``task`` advances by one for each.

    Progress is seen and Ctrl-C answered between the calls of one compiled program. An accelerator takes all members at once.

    Args:
      task: of as many units as there are members.
      member, key, seeds, axes: as in ``sweep``.

    Returns:
      What ``member`` returns, by name, with leading axes ``[*axes, seeds]``.
    """
    together = jax.device_count() if jax.default_backend() == "cpu" else None
    table = ensemble.sweep(
        member, key, seeds=seeds, together=together, on_part=lambda done, _: task.advance(done - task.done), **axes
    )
    shape = (*(len(axis) for axis in axes.values()), seeds)
    results = {name: column for name, column in table.items() if name not in (*axes, "seed")}
    return {name: column.reshape(*shape, *column.shape[1:]) for name, column in results.items()}


def ahead(program: Callable[..., PyTree], members: tuple[PyTree, ...], *, on_cpu: int) -> Callable[..., PyTree]:
    """``caching.ahead`` of a jitted program that ``in_parts`` will call with these members."""
    number = len(jax.tree.leaves(members)[0])
    together = on_cpu if jax.default_backend() == "cpu" else number
    return caching.ahead(program, *ensemble.part(members, 0, together))


def in_parts(
    progress: Progress, title: str, program: Callable[..., PyTree], members: PyTree, *, on_cpu: int, share: float = 1.0
) -> PyTree:
    """``ensemble.in_parts`` as a task: ``on_cpu`` members at a time on a CPU; all at once on an accelerator, so that it is filled."""
    number = len(jax.tree.leaves(members)[0])
    together = on_cpu if jax.default_backend() == "cpu" else number
    with progress.task(title, total=number, share=share) as task:
        return ensemble.in_parts(program, members, together, lambda done, _: task.advance(done - task.done))
