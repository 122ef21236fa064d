"""Pictures of modes hold the numbers they were given, and say so when they cannot."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.collections import PatchCollection, QuadMesh
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from gan_jax.plots.modes import mode_bars, mode_timeline, sample_strip, timeline_colors
from tests.cases import cases

WEIGHTS = np.array([0.5, 0.25, 0.25])
STEPS = np.array([0.0, 10.0, 40.0])
MASSES = np.array([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0], [0.25, 0.125, 0.5]])
CENTRES = np.array([[0.0, 1.0], [0.0, -1.0]])


def meshes(figure: Figure) -> tuple[QuadMesh, QuadMesh]:
    modes, outside = (c for c in figure.axes[0].collections if isinstance(c, QuadMesh))
    return modes, outside


class TestTimeline:
    def test_cells_are_doublings_of_the_true_weight(self) -> None:
        figure = Figure()
        mode_timeline(figure.subplots(), STEPS, MASSES, WEIGHTS)
        modes, outside = meshes(figure)
        shown = np.ma.getdata(modes.get_array()).reshape(3, 3).T
        np.testing.assert_array_equal(shown, [[0, 0, 0], [1, -3, -3], [-1, -1, 1]])
        np.testing.assert_allclose(np.ma.getdata(outside.get_array()).ravel(), [0.0, 0.0, 0.125])

    def test_equality_is_the_palest_colour_and_lack_is_not_excess(self) -> None:
        figure = Figure()
        scale = mode_timeline(figure.subplots(), STEPS, MASSES, WEIGHTS)
        light = [sum(to_rgb(scale.to_rgba(doublings))) for doublings in (-3.0, -1.0, 0.0, 1.0, 3.0)]
        assert light[0] < light[1] < light[2] > light[3] > light[4]
        # On the side of lack red is strongest, on that of excess blue: the axis that every kind of colour-blind eye keeps.
        lack, excess = (to_rgb(scale.to_rgba(doublings)) for doublings in (-2.0, 2.0))
        assert lack[0] > lack[2]
        assert excess[0] < excess[2]

    def test_a_record_reaches_halfway_to_its_neighbours(self) -> None:
        figure = Figure()
        mode_timeline(figure.subplots(), STEPS, MASSES, WEIGHTS)
        corners = np.asarray(meshes(figure)[0].get_coordinates())
        np.testing.assert_array_equal(corners[0, :, 0], [0.0, 5.0, 25.0, 40.0])

    def test_names_of_modes_and_of_none(self) -> None:
        figure = Figure()
        left, right = figure.subplots(1, 2)
        mode_timeline(left, STEPS, MASSES, WEIGHTS, labels=["a", "b", "c"])
        many = mode_timeline(right, STEPS, np.full((3, 25), 0.04), np.full(25, 0.04))
        timeline_colors(figure, many, [left, right])
        figure.canvas.draw()
        assert [text.get_text() for text in left.get_yticklabels()] == ["a", "b", "c", "none"]
        assert [text.get_text() for text in right.get_yticklabels()] == [*map(str, range(1, 26, 3)), "none"]
        bar = figure.axes[2]
        assert [text.get_text() for text in bar.get_yticklabels()] == ["≤ 1/8", "1/4", "1/2", "1", "2", "4", "≥ 8"]

    @cases(
        ("change", "sentence"),
        [
            (
                {"steps": STEPS[:2]},
                r"masses has shape \(3, 3\), steps \(2,\) and weights \(3,\); expected \[records, modes\]",
            ),
            ({"weights": WEIGHTS[:2]}, r"weights \(2,\); expected"),
            ({"steps": STEPS[:1], "masses": MASSES[:1]}, "at least two records"),
            ({"steps": STEPS[::-1]}, "steps do not rise"),
            ({"masses": 2 * MASSES}, "sums above 1"),
            ({"masses": -MASSES}, "outside 0 to 1"),
            ({"masses": MASSES * np.nan}, "outside 0 to 1"),
            ({"weights": WEIGHTS - 0.25}, "expected values above 0"),
            ({"labels": ["a"]}, "labels has 1 names; expected 3"),
        ],
    )
    def test_bad_input(self, change: dict[str, object], sentence: str) -> None:
        given = {"steps": STEPS, "masses": MASSES, "weights": WEIGHTS, **change}
        with pytest.raises(ValueError, match=sentence):
            mode_timeline(Figure().subplots(), **given)  # type: ignore[arg-type]


class TestStrip:
    def test_circles_are_three_standard_deviations(self) -> None:
        figure = Figure()
        axes = list(figure.subplots(1, 2))
        sample_strip(axes, np.zeros((2, 5, 2)), CENTRES, [0.1, 0.2], ["early", "late"])
        figure.canvas.draw()
        for ax, title in zip(axes, ("early", "late"), strict=True):
            assert ax.get_title() == title
            circles = next(c for c in ax.collections if isinstance(c, PatchCollection))
            heights = [np.ptp(path.vertices[:, 1]) for path in circles.get_paths()]
            np.testing.assert_allclose(heights, [0.6, 1.2], rtol=1e-6)

    def test_every_mode_is_in_view_and_what_is_not_is_counted(self) -> None:
        samples = np.zeros((1, 10, 2))
        samples[0, :3] = 50.0
        ax = Figure().subplots()
        sample_strip([ax], samples, CENTRES, 0.1, [""])
        (x_low, x_high), (y_low, y_high) = ax.get_xlim(), ax.get_ylim()
        assert x_high - x_low == pytest.approx(y_high - y_low)
        assert y_low < -1.3
        assert y_high > 1.3
        assert [text.get_text() for text in ax.texts] == ["30 % out of view"]
        np.testing.assert_array_equal(ax.lines[0].get_xydata(), samples[0])

    @cases(
        ("change", "sentence"),
        [
            ({"samples": np.zeros((1, 5, 3))}, r"samples has shape \(1, 5, 3\) and centres \(2, 2\); expected"),
            ({"titles": ["a", "b"]}, "there are 1 axes and 2 titles; expected 1"),
            ({"scale": 0.0}, "expected values above 0"),
        ],
    )
    def test_bad_input(self, change: dict[str, object], sentence: str) -> None:
        given = {"samples": np.zeros((1, 5, 2)), "centres": CENTRES, "scale": 0.1, "titles": [""], **change}
        with pytest.raises(ValueError, match=sentence):
            sample_strip([Figure().subplots()], **given)  # type: ignore[arg-type]


class TestBars:
    def test_bars_intervals_and_truth(self) -> None:
        ends = np.stack([MASSES[2] - 0.1, MASSES[2] + 0.05], axis=1)
        figure = Figure()
        ax = figure.subplots()
        mode_bars(ax, MASSES[2], ends, WEIGHTS, labels=["a", "b", "c"])
        np.testing.assert_allclose([bar.get_height() for bar in ax.patches], MASSES[2])
        errors, truth = ax.collections
        np.testing.assert_allclose([path.vertices[:, 1] for path in errors.get_paths()], ends)
        np.testing.assert_allclose([path.vertices[0, 1] for path in truth.get_paths()], WEIGHTS)
        figure.savefig(io.BytesIO(), dpi=50)
        assert [text.get_text() for text in ax.get_xticklabels()] == ["a", "b", "c"]

    @cases(
        ("change", "sentence"),
        [
            ({"intervals": np.zeros((2, 2))}, r"intervals \(2, 2\)"),
            ({"intervals": np.zeros((3, 2))}, "intervals does not hold masses"),
            ({"weights": np.zeros(3)}, "expected values above 0"),
        ],
    )
    def test_bad_input(self, change: dict[str, object], sentence: str) -> None:
        ends = np.stack([MASSES[2], MASSES[2]], axis=1)
        given = {"masses": MASSES[2], "intervals": ends, "weights": WEIGHTS, **change}
        with pytest.raises(ValueError, match=sentence):
            mode_bars(Figure().subplots(), **given)  # type: ignore[arg-type]
