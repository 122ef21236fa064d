"""Games from words to avatars: what finished generators are measured by, on networks that were never trained and on real renders."""

from __future__ import annotations

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from gan_jax.cli import avatar_games
from gan_jax.data import drawn_avatars
from gan_jax.data.avatar_reading import read
from gan_jax.data.captions import attributes_of
from gan_jax.data.images import to_unit
from gan_jax.training.state import averaged

CAPTIONS = ("red eyes and long blue hair", "an oval face", "red eyes and long blue hair")
CONFIG = SimpleNamespace(seed=3, seeds=1, size=16, each=250, shown=2)
pytestmark = pytest.mark.slow


def test_what_a_finished_game_is_measured_by() -> None:
    words = avatar_games.vocabulary()
    recipe = avatar_games.TextGameRecipe(width=2, critic_width=2, hidden=4, text_width=4, latent=4, batch_size=4)
    player = avatar_games.text_game(recipe, "gru", words, 16, 10)
    feed = avatar_games.feed_for(drawn_avatars.draw_set(0, 8, size=16), words)
    state = jax.jit(player.game.init)(jax.random.key(0), feed=feed)
    asked = avatar_games.questions(words, 250, pairs="seen", seed=1)
    within = avatar_games.Questions(words.encode(CAPTIONS[:1]), np.stack([attributes_of(CAPTIONS[0])]))
    states = jax.tree.map(lambda leaf: leaf[None], state)
    found = avatar_games.finished(CONFIG, player, states, {"seen": asked}, within, words.encode(CAPTIONS))
    # The same pictures, from the definition.
    key, _ = jax.random.split(jax.random.fold_in(jax.random.key(3), 0), 2)
    generator, variables = player.generator, averaged(state)
    noise = generator.noise(jax.random.split(key, 1)[0], 250)
    images = jax.jit(lambda v, z, t: generator.apply(v, z, generator.embed(v, t)))(variables, noise, asked.tokens)
    levels = np.clip(np.round((np.asarray(images) + 1.0) * 127.5), 0, 255).astype(np.uint8)
    told = asked.condition_attributes
    right = (read(levels).attributes == told) & (told >= 0)
    np.testing.assert_allclose(found["last_seen"][0], right.sum(axis=0) / (told >= 0).sum(axis=0), atol=0.01)
    assert found["n"] == 250
    assert found["diversity"][0].shape == (1,)
    # One noise for all captions: the same words are the same pictures, other words are others.
    grid = found["grid"]
    assert grid.shape == (3, 2, 16, 16, 3)
    np.testing.assert_array_equal(grid[0], grid[2])
    assert not np.array_equal(grid[0], grid[1])


def test_real_renders_in_a_grid_are_what_their_captions_say() -> None:
    grid = avatar_games.real_grid(CONFIG, CAPTIONS[:2])
    assert grid.shape == (2, 2, 16, 16, 3)
    for caption, pictures in zip(CAPTIONS, grid, strict=False):
        said = attributes_of(caption)
        seen = read(to_unit(pictures)).attributes
        np.testing.assert_array_equal(seen[:, said >= 0], np.tile(said[said >= 0], (2, 1)))
