"""What ``wrong_captions`` computes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.conditional.wrong_captions.experiment import ARMS, Config
from experiments.framework import Arrays, Progress
from gan_jax.cli import avatar_games as games
from gan_jax.data.avatar_feeds import captioned
from gan_jax.data.drawn_avatars import draw_set
from gan_jax.metrics.conditioning import swap_effect
from gan_jax.training.recording import Case, watch_cases
from gan_jax.training.state import averaged


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all arms side by side, as cases of one program, with the same seeds."""

    words = games.vocabulary()
    feed = games.feed_for(draw_set(config.seed, config.avatars, size=config.size), words)
    asked = games.questions(words, config.samples, pairs="seen", seed=1)

    def data(key: Any, batch: int, *, feed: Any) -> Any:
        pairs = captioned(key, batch, feed=feed[0])
        # Told that a caption says nothing but whose it is, the draw of wrong ones takes any other.
        own = jnp.arange(batch)[:, None] * jnp.ones_like(pairs.condition_attributes)
        asked, there = (jnp.where(feed[1], own, known) for known in (pairs.condition_attributes, pairs.attributes))
        return pairs._replace(condition_attributes=asked, attributes=there)

    player = games.text_game(config.recipe, "gru", words, config.size, config.steps, data=data)

    def look(key: Any, state: Any, case: Any) -> Any:
        picture_key, swap_key = jax.random.split(key)
        variables, tokens = averaged(state), jnp.asarray(asked.tokens[:250])
        return {
            "images": games.drawn(player.generator, variables, picture_key, asked.tokens),
            "swap": swap_effect(swap_key, player.generator, variables, tokens, jnp.roll(tokens, 1, axis=0)),
        }

    blind = np.array([name == "blind" for name in ARMS])
    repeated = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (len(ARMS), *leaf.shape)), feed)
    weights = np.array([0.0 if name == "none" else 0.5 for name in ARMS], np.float32)
    cases = Case(
        feed=(repeated, jnp.asarray(blind)), hyper={"wrong_weight": jnp.asarray(weights)}, truth=np.zeros(len(ARMS))
    )
    with progress.task("games", total=config.records) as task:
        watched = watch_cases(
            player.game,
            jax.random.key(config.seed),
            look,
            cases,
            seeds=config.seeds,
            steps=config.steps,
            records=config.records,
            on_record=lambda _: task.advance(1),
        )
    images = watched.seen["images"]
    right = np.array(
        [games.share_right(asked.condition_attributes, images[place]) for place in np.ndindex(*images.shape[:3])]
    )
    return {
        "arms": np.asarray(list(ARMS)),
        "steps": np.linspace(0, config.steps, config.records + 1),
        # [records + 1, arms, seeds, attributes]
        "right": right.reshape(*images.shape[:3], -1),
        "swap": np.asarray(watched.seen["swap"]),
        "blind_right": np.asarray(
            _blind_and_right(np.asarray(feed.condition_attributes), np.asarray(feed.attributes), config.seed)
        ),
    }


def _blind_and_right(condition_attributes: np.ndarray, attributes: np.ndarray, seed: int) -> float:
    """Share of blindly drawn wrong captions that describe the picture all the same, of 100 000."""
    rng = np.random.default_rng(seed)
    picture, other = rng.integers(len(attributes), size=(2, 100_000))
    claims = condition_attributes[other, rng.integers(condition_attributes.shape[1], size=100_000)]
    describes = np.all((claims < 0) | (claims == attributes[picture]), axis=1)
    return float(np.mean(describes[picture != other]))
