"""What is written is there whole or not at all, and nothing is written through a link that somebody else has laid."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Callable
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


NESTED = {
    "beyond Python's reach": '{"a":' + "[" * 100_000,
    "within the parser's reach": '{"a":' * (files.DEEPEST + 1) + "1" + "}" * (files.DEEPEST + 1),
}


@pytest.mark.parametrize("text", NESTED.values(), ids=NESTED)
def test_json_that_is_nested_without_end_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="nested more than 100 deep"):
        files.from_json(text)


def test_json_that_is_nested_as_records_are_is_read(tmp_path: Path) -> None:
    tree = {"a": [1, 2.5, None, True, {"b": "ä"}]}
    (tmp_path / "a").write_text('{"a": [1, 2.5, null, true, {"b": "ä"}]}', encoding="utf-8")
    assert files.read_json(tmp_path / "a") == tree
    edge = "[" * files.DEEPEST + "]" * files.DEEPEST
    assert repr(files.from_json(edge)) == edge


def archive(path: Path, compression: int = zipfile.ZIP_STORED, header: bytes = b"", bare: bytes = b"") -> Path:
    """An archive of ``a = 0 … 999``; where it is given with ``b`` of that header, or of those bytes."""
    with zipfile.ZipFile(path, "w", compression) as stored:
        stream = io.BytesIO()
        np.save(stream, np.arange(1000.0))
        stored.writestr("a.npy", stream.getvalue())
        if bare:
            stored.writestr("b.npy", bare)
        if header:
            stored.writestr("b.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    return path


def spoiled(path: Path) -> Path:
    """The same file, with other bytes in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 40] = b"\xff" * 40
    path.write_bytes(data)
    return path


ARCHIVES = {
    "text": lambda path: path.write_text("no archive"),
    "empty": lambda path: path.write_bytes(b""),
    "one array": lambda path: np.save(path.with_suffix(".npy"), np.zeros(3)) or path.with_suffix(".npy").rename(path),
    "pickle": lambda path: np.savez(path, a=np.array([{}], object)),
    "cut": lambda path: path.write_bytes(archive(path).read_bytes()[:500]),
    "spoiled": lambda path: spoiled(archive(path)),
    "spoiled deflate": lambda path: spoiled(archive(path, zipfile.ZIP_DEFLATED)),
    "spoiled lzma": lambda path: spoiled(archive(path, zipfile.ZIP_LZMA)),
    "parentheses": lambda path: archive(path, header=b"(" * 9000),
    "more than memory": lambda path: archive(path, header=b"{'descr':'<f8','fortran_order':False,'shape':(10**17,)}\n"),
    "larger than memory": lambda path: archive(
        path, header=b"{'descr':'<f8','fortran_order':False,'shape':(100000000000000000,)}\n"
    ),
    "no array": lambda path: archive(path, bare=b"hello"),
}


@pytest.mark.parametrize("make", ARCHIVES.values(), ids=ARCHIVES)
def test_what_is_no_archive_of_arrays_is_a_value_error(tmp_path: Path, make: Callable[[Path], object]) -> None:
    path = tmp_path / "arrays.npz"
    make(path)
    with pytest.raises(ValueError, match=r"arrays.npz is no .npz that can be read \(."):
        files.read_arrays(path)


def test_arrays_come_back(tmp_path: Path) -> None:
    path = archive(tmp_path / "arrays.npz", zipfile.ZIP_LZMA)
    np.testing.assert_array_equal(files.read_arrays(path)["a"], np.arange(1000.0))
    assert files.read_arrays(path, ["b"]) == {}
    np.save(tmp_path / "one.npy", np.arange(6).reshape(2, 3))
    np.testing.assert_array_equal(files.read_array(tmp_path / "one.npy"), [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("content", [b"", b"hello", b"\x93NUMPY\x01\x00\x10\x00{'descr':'|O'}  ", "archive", "objects"])
def test_what_is_no_array_is_named(tmp_path: Path, content: bytes | str) -> None:
    path = tmp_path / "one.npy"
    if content == "archive":
        archive(path)
    elif content == "objects":
        np.save(path, np.asarray([None]), allow_pickle=True)
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"one.npy is no .npy that can be read \(."):
        files.read_array(path)
