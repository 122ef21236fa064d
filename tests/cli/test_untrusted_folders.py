"""A run's folder that somebody else has laid out: nothing is written where its links lead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gan_jax import files
from gan_jax.cli import pictures, translate
from gan_jax.cli.errors import UserError
from gan_jax.cli.json_files import write_json
from gan_jax.training import checkpoint, run_folder

IMAGES = np.zeros((2, 8, 8, 1), np.float32)


def locked(folder: Path) -> None:
    with run_folder.locked(folder):
        pass


def strip(folder: Path) -> None:
    for name in ("1.png", "2.png"):
        pictures.write_grid(files.place(folder, "samples", name), IMAGES)
    pictures.write_strip(folder / "samples", folder / "samples.gif")


WRITERS: dict[str, Callable[[Path], object]] = {
    "run.lock": locked,
    "config.json": lambda folder: run_folder.settle_config(folder, {"seed": 0}),
    ".config.json.partial": lambda folder: run_folder.settle_config(folder, {"seed": 0}),
    "metrics.jsonl": lambda folder: run_folder.append(folder, {"step": 1.0}),
    "metrics.csv": run_folder.write_table,
    "samples.png": lambda folder: pictures.write_grid(folder / "samples.png", IMAGES),
    ".samples.png.partial": lambda folder: pictures.write_grid(folder / "samples.png", IMAGES),
    "samples.gif": strip,
    "samples.npz": lambda folder: pictures.write_numbers(folder / "samples.npz", images=IMAGES),
    "evaluation.json": lambda folder: write_json(folder / "evaluation.json", {}),
}


@pytest.mark.parametrize("name", WRITERS)
def test_no_file_is_written_through_a_link(name: str, tmp_path: Path) -> None:
    victim, run = tmp_path / "victim", tmp_path / "run"
    run.mkdir()
    # A configuration that is read is a good one, so that it is written again.
    victim.write_text('{"seed": 0}')
    (run / name).symlink_to(victim)
    try:
        WRITERS[name](run)
    except OSError as error:
        assert "is a symbolic link" in str(error)  # noqa: PT017  # both a refusal and a replaced link are right
    assert victim.read_text() == '{"seed": 0}'


def test_no_folder_of_a_run_is_a_link(tmp_path: Path) -> None:
    victim, run = tmp_path / "victim", tmp_path / "run"
    victim.mkdir()
    run.mkdir()
    for name in ("checkpoints", "tensorboard", "samples"):
        (run / name).symlink_to(victim)
    with pytest.raises(OSError, match="checkpoints is a symbolic link"):
        checkpoint.manager(run / "checkpoints")
    with pytest.raises(OSError, match="tensorboard is a symbolic link"), run_folder.tensorboard(run, 0):
        pass
    with pytest.raises(OSError, match="samples is a symbolic link"):
        strip(run)
    assert list(victim.iterdir()) == []
    (run / "checkpoints").unlink()
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "10").symlink_to(victim)
    with pytest.raises(OSError, match="10 is a symbolic link"):
        checkpoint.manager(run / "checkpoints")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.jpg", "b.png"], ["a.png", "b.png"]),
        (["a.jpg", "a.png", "a.jpg.png"], ["a.jpg.png", "a.png.png", "a.jpg.png.png"]),
        # The long name of one takes another's short name, and so on: each is moved out of the way.
        (
            ["a.jpg", "a.png", "a.jpg.bmp", "a.jpg.bmp.gif"],
            ["a.jpg.png", "a.png.png", "a.jpg.bmp.png", "a.jpg.bmp.gif.png"],
        ),
        (["A.jpg", "a.png", "c/a.png"], ["A.jpg.png", "a.png.png", "c/a.png"]),
    ],
)
def test_no_two_images_are_translated_into_one_file(names: list[str], expected: list[str]) -> None:
    assert translate._files(names) == expected
    for chosen in (names, names[::-1]):
        assert len({file.casefold() for file in translate._files(chosen)}) == len(names)


def test_no_image_that_is_translated_is_written_over(tmp_path: Path) -> None:
    """The overview stands beside the folder of translated images, and may be one of those that are given."""
    with pytest.raises(UserError, match=r"out\.png is one of the images that are translated"):
        translate._keep_the_images(tmp_path, ["out.png"], [translate._overview(tmp_path / "out")])
