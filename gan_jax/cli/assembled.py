"""What a configuration stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from jax.sharding import Mesh

    from gan_jax.cli.image_data import Facts
    from gan_jax.data.sources import Source
    from gan_jax.models.tokenizer import Vocabulary
    from gan_jax.training.game import Game
    from gan_jax.typing import ConditionalGenerator, Generator, PRNGKey


class Assembled(NamedTuple):
    """A game with all that belongs to it: generator, data, key, devices, what is known of the set; and the words of captions."""

    game: Game
    generator: Generator
    source: Source
    key: PRNGKey
    mesh: Mesh
    facts: Facts
    conditional: ConditionalGenerator | None = None
    words: Vocabulary | None = None
