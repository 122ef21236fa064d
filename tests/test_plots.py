"""Figures show the numbers they were given, and say so when they cannot."""

from __future__ import annotations

import io
import math
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from gan_jax.plots import curves, style
from gan_jax.plots.curves import curve_with_band, heatmap, reference_line
from gan_jax.plots.panels import Curve, Panel, Reference, panel_grid
from gan_jax.plots.saturation import SATURATING, Family, saturation, trained
from tests.cases import cases

X = np.linspace(0.0, 10.0, 11)


def render(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=50)
    return stream.getvalue()


class TestStyle:
    def test_the_readers_settings_come_back(self) -> None:
        before = dict(mpl.rcParams)
        with style.style():
            assert mpl.rcParams["font.size"] == style.RC["font.size"]
        assert dict(mpl.rcParams) == before

    def test_the_readers_settings_do_not_change_a_figure(self) -> None:
        panels = [[Panel([Curve("a", X, X)], "title", "x", "y")]]
        plain = render(panel_grid(panels))
        with mpl.rc_context({"axes.facecolor": "black", "lines.linewidth": 9.0, "font.size": 30.0}):
            figure = panel_grid(panels)
        assert render(figure) == plain

    def test_sample_looks_go_from_pale_to_dark_in_one_hue(self) -> None:
        looks = style.sample_looks(4)
        light = [sum(to_rgb(look.color)) for look in looks]
        assert all(before > after for before, after in pairwise(light))
        assert len({look.marker for look in looks}) == 4
        assert len(style.sample_looks(1)) == 1

    def test_no_sample_sizes(self) -> None:
        with pytest.raises(ValueError, match="count is 0; expected at least 1 sample size"):
            style.sample_looks(0)

    def test_another_colour_changes_nothing_else(self) -> None:
        assert style.TRAINED.colored("red") == style.Look("red", "--", "o", order=4.0)


class TestCurveWithBand:
    def test_line_and_band_hold_the_numbers(self) -> None:
        ax = Figure().subplots()
        line = curve_with_band(ax, X, X**2, X**2 - 1.0, X**2 + 2.0, label="squares")
        np.testing.assert_array_equal(line.get_xydata(), np.stack([X, X**2], axis=1))
        (band,) = ax.collections
        vertices = band.get_paths()[0].vertices
        for edge in (X**2 - 1.0, X**2 + 2.0):
            assert {tuple(point) for point in np.stack([X, edge], axis=1)} <= {tuple(point) for point in vertices}

    def test_a_curve_without_a_band(self) -> None:
        ax = Figure().subplots()
        curve_with_band(ax, X, X)
        assert len(ax.collections) == 0

    @cases(
        ("arrays", "sentence"),
        [
            ({"x": X, "mean": X[:-1]}, r"mean has shape \(10,\); expected \[n\] .* x of shape \(11,\)"),
            ({"x": X, "mean": X, "low": X, "high": X[:1]}, r"high has shape \(1,\)"),
            ({"x": X[:0], "mean": X[:0]}, r"x has shape \(0,\); expected \[n\] with n ≥ 1"),
            ({"x": X[None], "mean": X[None]}, r"x has shape \(1, 11\)"),
            ({"x": X, "mean": X, "low": X}, "low is given and high is None; expected both edges"),
            ({"x": X, "mean": X, "high": X}, "high is given and low is None; expected both edges"),
        ],
    )
    def test_bad_input(self, arrays: dict[str, np.ndarray], sentence: str) -> None:
        with pytest.raises(ValueError, match=sentence):
            curve_with_band(Figure().subplots(), **arrays)


class TestReferenceLine:
    def test_stands_at_its_level_with_its_name(self) -> None:
        ax = Figure().subplots()
        line = reference_line(ax, math.log(2.0), "log 2")
        assert list(line.get_ydata()) == [math.log(2.0)] * 2
        assert [text.get_text() for text in ax.texts] == ["log 2"]

    @pytest.mark.parametrize("y", [math.nan, math.inf])
    def test_bad_level(self, y: float) -> None:
        with pytest.raises(ValueError, match=r"y is (nan|inf); expected a finite level for the line 'log 2'"):
            reference_line(Figure().subplots(), y, "log 2")


class TestHeatmap:
    def test_every_number_stands_in_its_cell_and_nan_leaves_it_empty(self) -> None:
        ax = Figure().subplots()
        matrix = np.asarray([[0.0, 0.25, 0.5], [0.75, np.nan, 1.0]])
        heatmap(ax, matrix, ["a", "b"], column_labels=["u", "v", "w"], title="t", unit="nats", number=".3f")
        shown = {(int(text.get_position()[1]), int(text.get_position()[0])): text.get_text() for text in ax.texts}
        assert shown == {place: f"{value:.3f}" for place, value in np.ndenumerate(matrix) if np.isfinite(value)}
        assert [label.get_text() for label in ax.get_xticklabels()] == ["u", "v", "w"]
        assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
        assert ax.get_title() == "t"
        assert ax.figure.axes[1].get_ylabel() == "nats"

    def test_numbers_stand_out_from_every_cell(self) -> None:
        ax = Figure().subplots()
        values = np.linspace(0.0, 1.0, 64).reshape(8, 8)
        heatmap(ax, values, list("abcdefgh"))
        image = ax.images[0]
        for text in ax.texts:
            column, row = (int(part) for part in text.get_position())
            cell = curves._luminance(image.cmap(image.norm(values[row, column])))
            ink = curves._luminance(to_rgb(text.get_color()))
            # Half of the whole range between paper and ink, whatever the value.
            assert abs(cell - ink) > 0.4

    def test_limits_fix_the_scale(self) -> None:
        ax = Figure().subplots()
        heatmap(ax, np.full((2, 2), 0.5), ["a", "b"], limits=(0.0, math.log(2.0)))
        assert ax.images[0].get_clim() == (0.0, math.log(2.0))

    @cases(
        ("matrix", "sentence"),
        [
            (np.zeros(3), r"matrix has shape \(3,\); expected \[rows, columns\]"),
            (np.zeros((2, 3)), r"matrix has shape \(2, 3\); expected \(2, 2\), one label each"),
            (np.full((2, 2), np.nan), "at least one finite value"),
        ],
    )
    def test_bad_input(self, matrix: np.ndarray, sentence: str) -> None:
        with pytest.raises(ValueError, match=sentence):
            heatmap(Figure().subplots(), matrix, ["a", "b"])


class TestPanelGrid:
    def test_columns_share_x_rows_share_y_and_labels_stand_once(self) -> None:
        rows = [
            [Panel([Curve("a", X, X * row)], f"t{row}{column}", "x (m)", "y (m)") for column in range(2)]
            for row in range(3)
        ]
        figure = panel_grid(rows)
        axes = np.asarray(figure.axes).reshape(3, 2)
        assert [ax.get_xlabel() for ax in axes.flat] == ["", "", "", "", "x (m)", "x (m)"]
        assert [ax.get_ylabel() for ax in axes.flat] == ["y (m)", "", "y (m)", "", "y (m)", ""]
        assert axes[0, 0].get_shared_x_axes().joined(axes[0, 0], axes[2, 0])
        assert axes[1, 0].get_shared_y_axes().joined(axes[1, 0], axes[1, 1])
        assert not axes[0, 0].get_shared_y_axes().joined(axes[0, 0], axes[1, 0])

    def test_a_row_has_one_legend_with_each_label_once(self) -> None:
        row = [Panel([Curve("a", X, X), Curve("b", X, -X)]), Panel([Curve("b", X, X), Curve("c", X, X)])]
        figure = panel_grid([row])
        legends = [ax.get_legend() for ax in figure.axes]
        assert legends[0] is None
        assert [text.get_text() for text in legends[1].get_texts()] == ["a", "b", "c"]

    def test_a_logarithmic_axis_keeps_zeros_in_sight(self) -> None:
        y = np.asarray([0.0, 1e-12, 1e-4, np.nan, 1.0])
        figure = panel_grid([[Panel([Curve("a", np.arange(5.0), y, 0.0 * y, 2.0 * y)], log_floor=1e-7)]])
        (ax,) = figure.axes
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), [1e-7, 1e-7, 1e-4, np.nan, 1.0])
        figure.draw_without_rendering()
        bottom = ax.get_yticklabels()[0].get_text()
        assert bottom.startswith("≤")
        assert "10^{-7}" in bottom
        assert sum("≤" in label.get_text() for label in ax.get_yticklabels()) == 1
        assert ax.get_ylim()[0] < 1e-7

    def test_limits_and_references(self) -> None:
        panel = Panel([Curve("a", X, X)], references=[Reference(3.0, "three")], y_limits=(-1.0, 4.0))
        (ax,) = panel_grid([[panel]], title="whole").axes
        assert ax.get_ylim() == (-1.0, 4.0)
        assert [text.get_text() for text in ax.texts] == ["three"]
        logarithmic = Panel([Curve("a", X, X)], log_floor=1e-3, y_limits=(1e-3, 100.0))
        assert panel_grid([[logarithmic]]).axes[0].get_ylim()[1] == 100.0

    @pytest.mark.parametrize("rows", [[], [[]], [[Panel([])], [Panel([]), Panel([])]]], ids=["none", "empty", "ragged"])
    def test_bad_grid(self, rows: list[list[Panel]]) -> None:
        with pytest.raises(ValueError, match="expected at least one row, all of the same length above 0"):
            panel_grid(rows)

    @pytest.mark.parametrize("floor", [0.0, -1.0, math.nan])
    def test_bad_floor(self, floor: float) -> None:
        with pytest.raises(ValueError, match=r"log_floor is .*; expected a value above 0"):
            panel_grid([[Panel([Curve("a", X, X)], log_floor=floor)]])


class TestSaturation:
    @staticmethod
    def family(title: str) -> Family:
        gradient = [
            Curve("saturating", X, np.exp(-(X**2)), look=SATURATING),
            Curve("trained", X, X, look=trained(SATURATING)),
        ]
        return Family(title, "shift", [Curve("exact", X, np.tanh(X))], [Curve("exact", X, X)], gradient)

    def test_three_rows_and_a_column_for_each_family(self) -> None:
        figure = saturation([self.family("one"), self.family("two")])
        axes = np.asarray(figure.axes).reshape(3, 2)
        assert [ax.get_title() for ax in axes[0]] == ["one", "two"]
        assert [ax.get_ylabel() for ax in axes[:, 0]] == ["JS (nats)", "W1 (units of x)", "‖∇‖ of generator"]
        assert axes[2, 0].get_yscale() == "log"
        assert [text.get_text() for text in axes[0, 0].texts] == ["log 2"]
        assert axes[0, 1].lines[1].get_ydata()[0] == math.log(2.0)
        assert len(render(figure)) > 1000

    def test_trained_marks_have_the_colour_of_their_curve_and_no_line(self) -> None:
        look = trained(SATURATING)
        assert (look.color, look.linestyle, look.marker) == (SATURATING.color, "", "o")
        assert look.order > SATURATING.order

    def test_no_families(self) -> None:
        with pytest.raises(ValueError, match="families is empty; expected at least one family of pairs"):
            saturation([])
