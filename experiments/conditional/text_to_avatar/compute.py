"""What ``text_to_avatar`` computes."""

from __future__ import annotations

from functools import partial

import jax
import numpy as np

from experiments.conditional.text_to_avatar.experiment import ENCODERS, PAIRS, Config
from experiments.framework import Arrays, Progress
from experiments.framework.rows import Quantities, record
from gan_jax.cli import avatar_games as games
from gan_jax.data.avatar_sets import load_avatars
from gan_jax.data.drawn_avatars import draw_set
from gan_jax.training.state import GameState, averaged

CAPTIONS = (
    "a girl with red eyes and long blue hair",
    "green eyes, spiky pink hair and glasses",
    "a boy who has short blonde hair and brown eyes",
    "violet hair in twin tails, amber eyes",
    "silver hair in a bun",
    "a person with crimson hair",
    "azure eyes",
    "spectacles and brown hair",
)
"""Of the grids; the first three name held-out pairs."""


def run(config: Config, progress: Progress) -> Arrays:
    """Trains a generator with every encoder, and reads what it draws."""
    with progress.task("text to avatar", total=len(config.encoders)):
        with progress.task("avatars", share=0.0):
            words = games.vocabulary()
            prepared = config.avatars == 20_000
            drawn = (
                load_avatars(size=config.size) if prepared else draw_set(config.seed, config.avatars, size=config.size)
            )
            feed = games.feed_for(drawn, words)
            asked, last = (
                {pairs: games.questions(words, n, pairs=pairs, seed=first + i) for i, pairs in enumerate(PAIRS)}
                for n, first in ((config.samples, 1), (config.last_samples, 3))
            )
            within = games.questions(words, config.within, pairs="seen", seed=5)
            real_diversity = games.real_diversity(config, within)
            grid = words.encode(CAPTIONS)
        keys = dict(zip(ENCODERS, jax.random.split(jax.random.key(config.seed), len(ENCODERS)), strict=True))
        arrays: dict[str, object] = {
            "encoders": np.asarray(config.encoders),
            "steps": np.linspace(0, config.steps, config.records + 1),
            "real_diversity": real_diversity,
            "real": games.real_grid(config, CAPTIONS),
            "captions": np.asarray(CAPTIONS),
            "held_out": games.name_held_out(CAPTIONS),
        }
        for encoder in config.encoders:
            player = games.text_game(config.recipe, encoder, words, config.size, config.steps)

            def look(key: jax.Array, state: GameState, player: games.TextGame = player) -> Quantities:
                variables = averaged(state)
                each = zip(jax.random.split(key, len(asked)), asked.items(), strict=True)
                return {pairs: games.drawn(player.generator, variables, own, q.tokens) for own, (pairs, q) in each}

            with progress.task(ENCODERS[encoder], total=config.records) as task:
                watched = record(task, config, player.game, keys[encoder], look, feed)
            for pairs, q in asked.items():
                right = partial(games.share_right, q.condition_attributes)
                arrays[f"{encoder}/{pairs}"] = np.array([[*map(right, seeds)] for seeds in watched.seen[pairs]])
            ends = games.finished(config, player, watched.states, last, within, grid)
            arrays |= {f"{encoder}/{name}": value for name, value in ends.items()}
    return {name: np.asarray(value) for name, value in arrays.items()}
