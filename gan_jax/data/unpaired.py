"""Two sets of images that nobody paired, as one source: each is drawn by itself, whatever its size."""

from __future__ import annotations

from typing import Any

import jax

from gan_jax.data.sources import Source
from gan_jax.typing import Domains, PRNGKey


def unpaired(x: Source, y: Source) -> Source:
    """Draws from two sources independently of each other.

    Args:
      x, y: sources of images alone, of the two domains; their sizes, channels and numbers of images may differ.

    Returns:
      A source of ``Domains``; its ``event_shape`` is that of the first, and closing it closes both.

    Raises:
      ValueError: (in use) a source that draws more than images.
    """

    def draw(key: PRNGKey, batch: int, *, feed: tuple[Any, Any]) -> Domains:
        x_key, y_key = jax.random.split(key)
        drawn = Domains(x.draw(x_key, batch, feed=feed[0]), y.draw(y_key, batch, feed=feed[1]))
        for name, images in drawn._asdict().items():
            if not hasattr(images, "shape"):
                raise ValueError(f"{name} draws {type(images).__name__}; expected a source of images alone")
        return drawn

    def feed(first_step: int, steps: int) -> tuple[Any, Any]:
        return x.feed(first_step, steps), y.feed(first_step, steps)

    def close() -> None:
        x.close()
        y.close()

    return Source(x.event_shape, draw, feed, close)
