"""What is written is there whole or not at all, and nothing is written through a link that somebody else has laid."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from gan_jax import files


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    files.write_text(file, "ä\r\n")
    assert file.read_bytes() == "ä\r\n".encode()

    def interrupted() -> None:
        with files.replacing(file) as stream:
            stream.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert file.read_bytes() == "ä\r\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_file_has_the_permissions_that_the_user_gives_to_files(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        files.write_bytes(tmp_path / "a", b"")
        files.update(tmp_path / "b").close()
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"] == [0o640, 0o640]


def test_a_link_is_replaced_and_what_it_points_to_stays(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "config.json").symlink_to(tmp_path / "victim")
    files.write_text(tmp_path / "config.json", "theirs")
    assert (tmp_path / "victim").read_text() == "mine"
    assert not (tmp_path / "config.json").is_symlink()


def test_temporary_names_cannot_be_guessed(tmp_path: Path) -> None:
    names = set()
    for _ in range(2):
        with files.replacing(tmp_path / "a") as stream:
            names |= {path.name for path in tmp_path.iterdir()} - {"a"}
            stream.write(b"")
    assert len(names) == 2
    # What a kill leaves is removed by whoever holds the folder.
    (tmp_path / names.pop()).touch()
    files.sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_grows_is_no_link_and_no_pipe(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "log").symlink_to(tmp_path / "victim")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe")
    for name in ("log", "dangling"):
        with pytest.raises(OSError, match=f"{name} is a symbolic link, and what it points to would be written"):
            files.update(tmp_path / name)
    with pytest.raises(OSError, match="pipe is no ordinary file"):
        files.update(tmp_path / "pipe")
    assert not (tmp_path / "nothing").exists()
    with files.update(tmp_path / "new") as stream:
        stream.write(b"a\n")
    with files.update(tmp_path / "new") as stream:
        stream.write(b"b\n")
    assert (tmp_path / "new").read_bytes() == b"a\nb\n"


def test_no_folder_on_the_way_is_a_link_but_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    file = files.place(tmp_path / "run", "samples", "a.png")
    assert file.parent.is_dir()
    (tmp_path / "victim").mkdir()
    (tmp_path / "run" / "export").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="export is a symbolic link"):
        files.place(tmp_path / "run", "export", "load.py")
    for names in [("..", "a"), ("/a",), ("samples", "../../a"), ()]:
        with pytest.raises(ValueError, match="expected a path inside"):
            files.place(tmp_path / "run", *names)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"a cannot be written .*; what was there before is whole"):
        files.write_bytes(tmp_path / "nowhere" / "a", b"")
    np.testing.assert_array_equal(list(tmp_path.iterdir()), [])
