"""Level sets show the function that was given, and say so when they cannot."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from gan_jax.plots.surfaces import surface

X, Y = np.linspace(-1.0, 1.0, 5), np.linspace(0.0, 3.0, 4)


def test_limits_points_and_note() -> None:
    ax = Figure().subplots()
    surface(ax, X, Y, X[None] + Y[:, None], points=[[0.0, 1.0], [0.5, 2.0]], note="a note")
    assert ax.get_xlim() == (-1.0, 1.0)
    assert ax.get_ylim() == (0.0, 3.0)
    assert [text.get_text() for text in ax.texts] == ["a note"]
    np.testing.assert_array_equal(ax.get_lines()[0].get_ydata(), [1.0, 2.0])


@pytest.mark.parametrize("level", [0.0, -3.0, 1e-9])
def test_a_constant_is_drawn(level: float) -> None:
    figure = Figure()
    surface(figure.subplots(), X, Y, np.full((4, 5), level))
    figure.canvas.draw()


@pytest.mark.parametrize(
    ("values", "message"),
    [(np.zeros((5, 4)), r"values has shape \(5, 4\); expected \(4, 5\)"), (np.full((4, 5), np.nan), "NaN")],
)
def test_bad_values(values: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        surface(Figure().subplots(), X, Y, values)
