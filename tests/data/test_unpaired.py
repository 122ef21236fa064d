"""Two sources as one: independent draws, sizes that differ, both closed."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from gan_jax.data.images import ImageSet
from gan_jax.data.sets import load
from gan_jax.data.sources import resident, resident_labelled
from gan_jax.data.unpaired import unpaired


def sets() -> tuple[ImageSet, ImageSet]:
    """All digits, and the first hundred of them as images of another size."""
    digits = load("digits", split="all")
    return digits, digits._replace(
        images=np.repeat(np.repeat(digits.images[:100], 2, axis=1), 2, axis=2), labels=digits.labels[:100]
    )


def test_each_domain_is_drawn_by_itself() -> None:
    small, large = sets()
    source = unpaired(resident(small), resident(large))
    feed = source.feed(0, 10)
    x, y = source.draw(jax.random.key(0), 32, feed=feed)
    assert x.shape == (32, 8, 8, 1)
    assert y.shape == (32, 16, 16, 1)
    # Were they drawn with one key, equal sets would give pairs.
    same = unpaired(resident(small), resident(small))
    one, other = same.draw(jax.random.key(0), 256, feed=same.feed(0, 1))
    assert float(np.mean(np.all(np.asarray(one) == np.asarray(other), axis=(1, 2, 3)))) < 0.05
    again, _ = same.draw(jax.random.key(0), 256, feed=same.feed(0, 1))
    np.testing.assert_array_equal(again, one)


def test_closing_closes_both() -> None:
    closed: list[str] = []
    small, large = sets()
    x = resident(small)._replace(close=lambda: closed.append("x"))
    y = resident(large)._replace(close=lambda: closed.append("y"))
    unpaired(x, y).close()
    assert closed == ["x", "y"]


def test_labels_are_refused() -> None:
    small, _ = sets()
    source: Any = unpaired(resident(small), resident_labelled(small))
    with pytest.raises(ValueError, match="y draws ConditionedBatch; expected a source of images alone"):
        source.draw(jax.random.key(0), 4, feed=source.feed(0, 1))
