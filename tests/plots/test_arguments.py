"""What is drawn of another kind or shape than a picture needs is refused in one sentence, before anything is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from gan_jax.plots import arms_race, curves, images, modes, phase, surfaces
from tests.cases import cases

PICTURES = np.zeros((5, 8, 8, 1), np.uint8)
SQUARE = [[1.0, 2.0], [3.0, 4.0]]
HALVES, ENDS = [0.5, 0.5], [[0.4, 0.6], [0.4, 0.6]]
TWO: Any = Figure().subplots(1, 2)


def ax() -> Any:
    return Figure().subplots()


@cases(
    ("draw", "sentence"),
    [
        (lambda: images.tile(PICTURES, columns=2.5), "columns is 2.5; expected an integer of at least 1"),
        (lambda: images.tile(PICTURES, columns="3"), "columns is '3'; expected an integer of at least 1"),
        (lambda: images.tile(PICTURES, enlarge=True), "enlarge is True; expected an integer of at least 1"),
        (lambda: images.tile(PICTURES, gap=-1), "gap is -1; expected an integer of at least 0"),
        (lambda: curves.heatmap(ax(), SQUARE, "ab", limits=(4, 1)), r"limits is \(4, 1\); expected two finite values"),
        (lambda: modes.mode_bars(ax(), HALVES, ENDS, HALVES, labels=["a"]), "labels has 1 names; expected 2"),
        (
            lambda: modes.sample_strip(TWO, np.zeros((2, 5, 2)), np.eye(2), [0.1] * 3, ["a", "b"]),
            r"scale has shape \(3,\); expected a number, or \(2,\)",
        ),
        (lambda: surfaces.surface(ax(), [0, 1], [0, 1], SQUARE, points=[0, 0]), r"points has shape \(2,\)"),
        (lambda: surfaces.surface(ax(), [0, 1], [0, 1], SQUARE, levels=0), "levels is 0; expected an integer"),
        (lambda: surfaces.surface(ax(), [0], [0, 1], [[1.0], [2.0]]), "of at least 2 positions each"),
        (lambda: phase.eigenvalues(ax(), [1j], 1j, curves.TRAINED, label=""), "exact is one number; expected curves"),
    ],
)
def test_values_that_do_not_fit(draw: Callable[[], object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        draw()


@cases(
    ("draw", "sentence"),
    [
        (lambda: images.image_grid(PICTURES, ax()), "ax is of type ndarray; expected matplotlib's Axes"),
        (lambda: curves.curve_with_band([1], [1], [1]), "ax is of type list; expected matplotlib's Axes"),
        (lambda: curves.reference_line(None, 0.0, "x"), "ax is of type NoneType"),
        (lambda: curves.heatmap(None, SQUARE, "ab"), "ax is of type NoneType"),
        (lambda: surfaces.surface(None, [0, 1], [0, 1], SQUARE), "ax is of type NoneType"),
        (lambda: modes.mode_bars(None, HALVES, ENDS, HALVES), "ax is of type NoneType"),
        (lambda: modes.mode_timeline(TWO, [0, 1], SQUARE, HALVES), "ax is of type ndarray"),
        (lambda: phase.arrows(None, [[0, 0]], [[1, 1]]), "ax is of type NoneType"),
        (lambda: arms_race.draw_moment(None, None, probability=True), "ax is of type NoneType"),
        (lambda: modes.sample_strip(ax(), np.zeros((1, 5, 2)), np.eye(2), 0.1, ["a"]), "axes is one Axes"),
        (lambda: curves.curve_with_band(ax(), [1], [1], look="red"), "look is 'red'; expected a style.Look"),
        (lambda: phase.path(ax(), np.zeros((3, 2)), "k"), "look is 'k'; expected a style.Look"),
    ],
)
def test_things_of_another_kind(draw: Callable[[], object], sentence: str) -> None:
    with pytest.raises(TypeError, match=sentence):
        draw()
