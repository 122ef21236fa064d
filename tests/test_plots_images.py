"""Images as one picture."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from gan_jax.plots.images import enlargement, image_grid, tile
from tests.cases import cases


def numbered(n: int, channels: int = 1) -> np.ndarray:
    """Images of 2 × 3 pixels, each of the grey level of its number."""
    return np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, 2, 3, channels)).copy()


@pytest.mark.parametrize("channels", [1, 3])
def test_images_lie_row_by_row_with_white_between(channels: int) -> None:
    picture = tile(numbered(5, channels), columns=3)
    assert picture.shape == (2 * 2 + 1, 3 * 3 + 2, 3)
    assert picture.dtype == np.uint8
    for index in range(5):
        top, left = index // 3 * 3, index % 3 * 4
        np.testing.assert_array_equal(picture[top : top + 2, left : left + 3], index)
    np.testing.assert_array_equal(picture[2], 255)
    np.testing.assert_array_equal(picture[:, 3], 255)
    # Where the last row ends early there is white.
    np.testing.assert_array_equal(picture[3:, 8:], 255)


def test_a_square_unless_told_otherwise_and_every_pixel_enlarged() -> None:
    assert tile(numbered(9), gap=0).shape == (6, 9, 3)
    large = tile(numbered(4), gap=1, enlarge=3)
    np.testing.assert_array_equal(large[::3, ::3], tile(numbered(4), gap=1))
    np.testing.assert_array_equal(large[1::3, 2::3], tile(numbered(4), gap=1))
    assert [enlargement(size) for size in (8, 32, 64, 128)] == [6, 2, 1, 1]


def test_a_grid_as_a_part_of_a_figure() -> None:
    ax = Figure().subplots()
    image_grid(ax, numbered(4), title="four")
    np.testing.assert_array_equal(ax.images[0].get_array(), tile(numbered(4)))
    assert ax.get_title() == "four"
    assert not ax.axison


@cases(
    ("images", "options", "message"),
    [
        (np.zeros((2, 3, 3), np.uint8), {}, r"images has shape \(2, 3, 3\)"),
        (np.zeros((2, 3, 3, 2), np.uint8), {}, "1 or 3"),
        (np.zeros((2, 3, 3, 1)), {}, "type float64; expected"),
        (np.zeros((0, 3, 3, 1), np.uint8), {}, "n of at least 1"),
        (numbered(2), {"columns": 0}, "columns is 0"),
        (numbered(2), {"enlarge": 0}, "enlarge is 0"),
    ],
)
def test_bad_input_is_one_sentence(images: np.ndarray, options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tile(images, **options)
