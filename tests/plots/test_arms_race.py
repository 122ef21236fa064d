"""Pictures of a game hold its laws, its samples and its discriminator, and say so when they cannot."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from gan_jax.plots.arms_race import InPlane, OnLine, Strip, arms_race, arms_race_animation, draw_moment
from gan_jax.plots.panels import Curve, Panel, Reference

X = np.linspace(-2.0, 2.0, 41)
TRACKS = [
    [Panel([Curve("one", [0, 1], [0.0, 0.7])], title="JS", references=(Reference(0.69, "log 2"),), y_limits=(0.0, 0.8))]
]


def on_line(step: int, height: float = 3.0) -> OnLine:
    return OnLine(step, X, np.exp(-(X**2)), np.exp(-((X - 1.0) ** 2)), height * X)


def in_plane(step: int) -> InPlane:
    rng = np.random.default_rng(step)
    samples = rng.normal(size=(2, 30, 2))
    return InPlane(step, samples[0], samples[1], X, X[:, None] * np.ones(41))


def test_a_moment_on_the_line_shows_both_laws_and_a_critic_from_0_to_1() -> None:
    ax = Figure().subplots()
    draw_moment(ax, on_line(3), probability=False)
    (line,) = ax.lines
    np.testing.assert_allclose(line.get_ydata(), (X + 2.0) / 4.0)
    assert len(ax.collections) == 2
    assert ax.get_xlim() == (-2.0, 2.0)
    flat = Figure().subplots()
    draw_moment(flat, on_line(3, 0.0), probability=False)
    assert set(np.asarray(flat.lines[0].get_ydata())) == {0.5}


def test_a_probability_is_shown_as_it_is() -> None:
    ax = Figure().subplots()
    draw_moment(ax, on_line(0, 0.1), probability=True)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), 0.1 * X)


def test_a_moment_in_the_plane_shows_both_samples_and_the_first_coordinate_to_the_right() -> None:
    ax, moment = Figure().subplots(), in_plane(1)
    draw_moment(ax, moment, probability=False)
    for line, samples in zip(ax.lines, (moment.data, moment.generator), strict=True):
        np.testing.assert_array_equal(line.get_xydata(), samples)
    # The critic is x_1: its shades change from left to right, so that each is as high as the axes.
    shades = [path.get_extents() for path in ax.collections[0].get_paths() if len(path.vertices)]
    assert all(shade.height == pytest.approx(4.0) for shade in shades)
    assert ax.get_aspect() == 1.0


def test_strips_are_rows_and_tracks_are_below() -> None:
    strips = [Strip("line", [on_line(0), on_line(5)], False), Strip("plane", [in_plane(0), in_plane(5)], True)]
    figure = arms_race(strips, TRACKS)
    assert [ax.get_title() for ax in figure.axes] == ["step 0", "step 5", "", "", "JS"]
    assert [ax.get_ylabel() for ax in figure.axes[::2]] == ["line", "plane", ""]
    animation = arms_race_animation(strips)
    shown = [[ax.get_title() for ax in animation._func(index)] for index in (0, 1)]  # type: ignore[attr-defined]
    assert shown == [["line, step 0", "plane, step 0"], ["line, step 5", "plane, step 5"]]
    animation._draw_was_started = True  # It is not saved here, of which matplotlib would warn.


@pytest.mark.parametrize("strips", [[], [Strip("a", [], True)], [Strip("a", [on_line(0)], True), Strip("b", [], True)]])
def test_strips_of_different_lengths_are_refused(strips: list[Strip]) -> None:
    with pytest.raises(ValueError, match="expected strips of one length above 0"):
        arms_race(strips, TRACKS)
    with pytest.raises(ValueError, match="expected strips of one length above 0"):
        arms_race_animation(strips)
