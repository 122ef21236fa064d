"""Games that are watched mode by mode: many of them as one program, called record by record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import checks
from gan_jax.training.ensemble import ensemble, grid
from gan_jax.training.game import Game, play
from gan_jax.training.state import GameState
from gan_jax.typing import PRNGKey


class Case(NamedTuple):
    """What games differ by, beside their seed; or many such cases, with a leading axis in every leaf.

    Attributes:
      feed: what the data draws from.
      hyper: values of hyperparameters of the game, by name.
      truth: what ``look`` wants to know of the target, if anything.
    """

    feed: Any = None
    hyper: Mapping[str, Any] = {}
    truth: Any = None


class Watched(NamedTuple):
    """What is read off every game at every record, and off all steps before it.

    Attributes:
      seen: results of ``look``, with leading axes ``[records + 1, cases, seeds]``, the first before the first step.
      info: ``Info`` in means over the steps between two records, each ``[records, cases, seeds]``.
      states: where all games ended, on the devices, ``[cases · seeds]``.
    """

    seen: Any
    info: Any
    states: Any


def watch_cases(
    game: Game,
    key: PRNGKey,
    look: Callable[[Any, GameState, Case], Any],
    cases: Case,
    *,
    seeds: int,
    steps: int,
    records: int,
    on_record: Callable[[int], None] = lambda record: None,
) -> Watched:
    """Plays every case ``seeds`` times, all games side by side, and looks at all of them ``records`` times.

    One program makes the steps from one record to the next, for all games and all devices, and hands its states on to its own next
    call: compilation is paid once, progress is seen and Ctrl-C answered between calls. Cases have the same keys, so that they differ by
    themselves alone.

    Args:
      game: from ``game.gan``.
      key: of all seeds.
      look: ``look(key, state, case) -> pytree``; its key is another one at every record of every seed.
      cases: leading axis ``[cases]`` in every leaf.
      seeds: games of each case.
      steps: a multiple of ``records``.
      records: how many times the games are looked at.
      on_record: called with the number of every record that is done, from 1.

    Returns:
      What was seen.

    Raises:
      ValueError: no game, no key, a number below one, or ``steps`` that is no multiple of ``records``.
    """
    checks.made("game", game, Game, "game.gan")
    key = checks.key("key", key)
    for name, number in (("seeds", seeds), ("steps", steps), ("records", records)):
        checks.integer(name, number, 1)
    if steps % records:
        raise ValueError(f"steps is {steps} and records is {records}; expected steps to be a multiple of records")
    count = jax.tree.leaves(cases)[0].shape[0]
    # Of every seed one key for its game and one for looking at it.
    pairs = jax.vmap(jax.random.split)(jax.random.split(key, seeds))
    which, game_keys = grid(jnp.arange(count), pairs[:, 0])
    look_keys = jnp.tile(pairs[:, 1], count)

    def seen_by(key: Any, state: GameState, case: Case) -> Any:
        return look(jax.random.fold_in(key, state.step), state, case)

    def begin(cases: Case, number: Any, look_key: Any, game_key: Any) -> Any:
        case = jax.tree.map(lambda leaf: leaf[number], cases)
        state = game.init(game_key, feed=case.feed, **case.hyper)
        return state, seen_by(look_key, state, case)

    def advance(cases: Case, number: Any, look_key: Any, state: GameState) -> Any:
        case = jax.tree.map(lambda leaf: leaf[number], cases)
        state, info, _ = play(game, state, steps=steps // records, records=1, feed=case.feed)
        return state, jax.tree.map(lambda leaf: leaf[0], info), seen_by(look_key, state, case)

    # The cases are arguments of the program, and no constants in it; every member picks its own.
    begun = jax.jit(lambda cases, *members: ensemble(lambda *member: begin(cases, *member))(*members))
    advanced = jax.jit(
        lambda cases, *members: ensemble(lambda *member: advance(cases, *member))(*members), donate_argnums=3
    )
    states, now = begun(cases, which, look_keys, game_keys)
    seen, infos = [jax.tree.map(np.asarray, now)], []
    for record in range(1, records + 1):
        states, info, now = advanced(cases, which, look_keys, states)
        infos.append(jax.tree.map(np.asarray, info))
        seen.append(jax.tree.map(np.asarray, now))
        on_record(record)

    def stacked(*leaves: np.ndarray) -> np.ndarray:
        return np.stack([leaf.reshape(count, seeds, *leaf.shape[1:]) for leaf in leaves])

    return Watched(jax.tree.map(stacked, *seen), jax.tree.map(stacked, *infos), states)


def watch(
    game: Game,
    key: PRNGKey,
    look: Callable[[Any, GameState], Any],
    *,
    seeds: int,
    steps: int,
    records: int,
    feed: Any = None,
    on_record: Callable[[int], None] = lambda record: None,
) -> Watched:
    """``watch_cases`` of one case: ``look(key, state)``, and what is seen has leading axes ``[records + 1, seeds]``.

    Args:
      game, key, seeds, steps, records, on_record: as in ``watch_cases``.
      look: as there, without the case.
      feed: what the data draws from, shared by the seeds.

    Returns:
      What was seen.
    """
    # The empty truth gives the case its axis, where there is no feed.
    case = jax.tree.map(lambda leaf: leaf[None], Case(feed=feed, truth=np.zeros(())))
    watched = watch_cases(
        game,
        key,
        lambda key, state, case: look(key, state),
        case,
        seeds=seeds,
        steps=steps,
        records=records,
        on_record=on_record,
    )
    one = lambda leaf: leaf[:, 0]  # noqa: E731
    return Watched(jax.tree.map(one, watched.seen), jax.tree.map(one, watched.info), watched.states)
