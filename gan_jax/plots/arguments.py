"""What functions that draw are given, held against what they need; without JAX, which drawing does not load."""

from __future__ import annotations

import operator
from collections.abc import Sequence

from matplotlib.axes import Axes

from gan_jax.plots.style import Look


def check_axes(ax: object, name: str = "ax") -> None:
    """Raises ``TypeError`` unless ``ax`` is one pair of matplotlib's axes."""
    if not isinstance(ax, Axes):
        raise TypeError(f"{name} is of type {type(ax).__name__}; expected matplotlib's Axes, such as plt.subplots()[1]")


def check_look(look: object) -> None:
    """Raises ``TypeError`` unless ``look`` is a ``style.Look``."""
    if not isinstance(look, Look):
        raise TypeError(f"look is {look!r:.40}; expected a style.Look, such as style.TRAINED")


def check_labels(labels: Sequence[str] | None, count: int, what: str) -> None:
    """Raises ``ValueError`` where there are labels, and not one for each of ``count`` things."""
    if labels is not None and len(labels) != count:
        raise ValueError(f"labels has {len(labels)} names; expected {count}, one for each {what}")


def whole(name: str, value: object, low: int) -> int:
    """Returns a whole number of at least ``low``.

    Raises:
      ValueError: it is none.
    """
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = low - 1
    if number < low or isinstance(value, bool):
        raise ValueError(f"{name} is {value!r:.40}; expected an integer of at least {low}")
    return number
