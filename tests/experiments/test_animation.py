"""The optional part of the contract: an animation is saved beside the figure, and drawn again to the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.animation import FuncAnimation
from matplotlib.figure import Figure
from PIL import Image

from experiments import __main__ as command_line
from experiments.framework import artifacts, harness

FRAMES = 5


def move(arrays: dict[str, np.ndarray]) -> FuncAnimation:
    figure = Figure(figsize=(2.0, 1.5), dpi=50)
    ax = figure.subplots()
    ax.set(xlim=(0, 4), ylim=(0, 8))
    (line,) = ax.plot([], [])

    def draw(index: int) -> list[Any]:
        line.set_data(arrays["x"][: index + 1], arrays["y"][: index + 1])
        return [line]

    return FuncAnimation(figure, draw, frames=FRAMES, init_func=lambda: [])


@pytest.fixture
def moving(stub: Any) -> Any:
    stub.animation = move
    return stub


def test_it_is_saved_beside_the_figure(moving: Any, tmp_path: Path) -> None:
    assert harness.has_animation(moving)
    assert command_line.main(["stub", "--out", str(tmp_path)]) == 0
    with Image.open(tmp_path / "stub" / "animation.gif") as image:
        assert image.n_frames == FRAMES
        assert image.size == (100, 75)
        assert image.info["loop"] == 0
        # GIF counts in hundredths of a second.
        assert image.info["duration"] == 10 * (100 // artifacts.FRAMES_A_SECOND)


def test_an_experiment_without_one_leaves_none(stub: Any, tmp_path: Path) -> None:
    assert not harness.has_animation(stub)
    assert command_line.main(["stub", "--out", str(tmp_path)]) == 0
    assert not (tmp_path / "stub" / "animation.gif").exists()


def test_same_run_and_redraw_give_the_same_bytes(moving: Any, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        command_line.main(["stub", "--out", str(tmp_path / folder)])
    first = (tmp_path / "a" / "stub" / "animation.gif").read_bytes()
    assert (tmp_path / "b" / "stub" / "animation.gif").read_bytes() == first
    (tmp_path / "a" / "stub" / "animation.gif").unlink()
    assert command_line.main(["stub", "--out", str(tmp_path / "a"), "--redraw"]) == 0
    assert (tmp_path / "a" / "stub" / "animation.gif").read_bytes() == first


@pytest.mark.slow
def test_an_animation_that_is_gone_from_the_experiment_is_gone_from_the_folder(moving: Any, tmp_path: Path) -> None:
    command_line.main(["stub", "--out", str(tmp_path)])
    del moving.animation
    assert command_line.main(["stub", "--out", str(tmp_path), "--redraw"]) == 0
    assert not (tmp_path / "stub" / "animation.gif").exists()


def test_a_crash_while_it_is_drawn_leaves_what_was_computed(moving: Any, tmp_path: Path) -> None:
    def crash(arrays: Any) -> None:
        raise ZeroDivisionError

    moving.animation = crash
    with pytest.raises(ZeroDivisionError):
        command_line.main(["stub", "--out", str(tmp_path)])
    assert [entry.name for entry in tmp_path.iterdir()] == ["stub.unfinished"]
    left = {entry.name for entry in (tmp_path / "stub.unfinished").iterdir()}
    assert left == {"arrays.npz", "config.json", "manifest.json"}
