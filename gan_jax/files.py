"""Writing into folders that may have been laid out by somebody else, and reading what is in them.

What is written goes through no symbolic link, and is there whole or not at all; what is read and is no such file is a ``ValueError``.

A folder that was unpacked or fetched can hold links where a program is going to write: ``config.json`` to a file of the user's own, or
``samples`` to one of the user's folders. So nothing here opens through a link below the folder that the user named (that one may be a link:
it is the user's), temporary names cannot be guessed, and a link where a file belongs is replaced, not followed.
"""

from __future__ import annotations

import errno
import json
import lzma
import os
import secrets
import stat
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

PARTIAL = ".partial"
"""How the names of files end that are being written; ``sweep`` removes what a kill left of them."""

DEEPEST = 100
"""How deep a record may be nested. What is nested deeper is nobody's record, and would end in a ``RecursionError`` here or there."""


def user_cache() -> Path:
    """Where this user keeps what is made once: ``$XDG_CACHE_HOME/gan_jax``, else ``~/.cache/gan_jax``.

    Raises:
      RuntimeError: this user has no home folder, as in some containers; says what to set.
    """
    named = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(named or Path.home() / ".cache") / "gan_jax"
    except RuntimeError as error:
        raise RuntimeError(
            "this user has no home folder to keep prepared sets and compiled programs in; expected XDG_CACHE_HOME to name a folder that "
            "can be written"
        ) from error


def place(root: str | os.PathLike[str], *names: str) -> Path:
    """The path of a file inside a folder, whose folders are there when this returns, none of them a link.

    Args:
      root: the folder that the user named; it may be a link itself.
      *names: what leads from there to the file, without ``..``; the last one is the file's.

    Returns:
      ``root/names``.

    Raises:
      OSError: a folder on the way is a symbolic link, or cannot be made; names it.
      ValueError: names that lead out of ``root``.
    """
    path, parts = Path(root), Path(*names).parts
    if not parts or ".." in parts or Path(*names).is_absolute():
        raise ValueError(f"names is {'/'.join(names)!r}; expected a path inside {path}")
    path.mkdir(parents=True, exist_ok=True)
    for name in parts[:-1]:
        path = path / name
        refuse_link(path)
        path.mkdir(exist_ok=True)
    return path / parts[-1]


def refuse_link(path: Path) -> None:
    """Raises ``OSError`` where ``path`` is a symbolic link."""
    if path.is_symlink():
        raise _through_a_link(path)


@contextmanager
def replacing(file: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A stream whose bytes take the place of ``file`` when the block ends; it vanishes where the block is left early.

    Args:
      file: what is written; where it is a symbolic link, the link is replaced and what it points to stays.

    Yields:
      The stream, on a new file beside ``file`` under a name that nobody can guess.

    Raises:
      OSError: it cannot be written; names ``file``.
    """
    path = Path(file)
    partial = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}{PARTIAL}")
    try:
        # O_EXCL makes the file or fails, and follows no link.
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(partial, path)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise
    except OSError as error:
        reason = error.strerror or error
        raise OSError(
            error.errno or errno.EIO, f"{path} cannot be written ({reason}); what was there before is whole"
        ) from error


def write_bytes(file: str | os.PathLike[str], data: bytes) -> None:
    """Writes a file so that it is there whole or as it was before; raises as ``replacing``."""
    with replacing(file) as stream:
        stream.write(data)


def write_text(file: str | os.PathLike[str], text: str) -> None:
    """``write_bytes`` of text in UTF-8, its line ends as they are."""
    write_bytes(file, text.encode("utf-8"))


def update(file: str | os.PathLike[str]) -> IO[bytes]:
    """Opens a file that grows or is locked: to read from and to append to, made where it does not exist.

    Args:
      file: an ordinary file, or none yet.

    Returns:
      The stream; to be closed by the caller.

    Raises:
      OSError: a symbolic link or another thing that is no ordinary file, or one that cannot be written; names it.
    """
    path = Path(file)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        handle = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _through_a_link(path) from error
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, f"{path} is no ordinary file; expected one, or nothing: remove it")
    return os.fdopen(handle, "a+b")


def sweep(folder: str | os.PathLike[str]) -> None:
    """Removes what a kill left of files that were being written; for whoever holds the folder alone."""
    for left in Path(folder).glob(f".*{PARTIAL}"):
        if left.is_file() or left.is_symlink():
            with suppress(OSError):
                left.unlink()


def from_json(text: str) -> Any:
    """What a text says that is JSON.

    Args:
      text: of a file that may be damaged, edited by hand, or somebody else's.

    Returns:
      Objects, lists, strings, numbers, truths and None.

    Raises:
      ValueError: it is no JSON, or nested more than ``DEEPEST`` deep; says where, or that.
    """
    too_deep = f"nested more than {DEEPEST} deep"
    try:
        tree = json.loads(text)
    except RecursionError as error:
        raise ValueError(too_deep) from error
    level = [tree]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return tree
    raise ValueError(too_deep)


def read_json(file: str | os.PathLike[str]) -> Any:
    """``from_json`` of a file in UTF-8.

    Raises:
      OSError: it cannot be read.
      ValueError: as ``from_json``; or it is no UTF-8.
    """
    return from_json(Path(file).read_text(encoding="utf-8"))


def read_array(file: str | os.PathLike[str]) -> np.ndarray:
    """The array of an ``.npy``, without pickles.

    Args:
      file: that may be damaged, or somebody else's.

    Returns:
      The array.

    Raises:
      OSError: it cannot be read.
      ValueError: it holds no array; names it, and says what is wrong.
    """
    try:
        with Path(file).open("rb") as stream:
            array: np.ndarray = np.lib.format.read_array(stream, allow_pickle=False)
    except _NO_ARRAYS as error:
        raise ValueError(f"{file} is no .npy that can be read ({str(error) or type(error).__name__})") from error
    return array


def read_arrays(file: str | os.PathLike[str], names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz``, without pickles.

    Args:
      file: that may be damaged, or somebody else's.
      names: which of them; all where None. Those that are not there are left out.

    Returns:
      The arrays by name.

    Raises:
      OSError: it cannot be read.
      ValueError: it is no archive of arrays, or a damaged one; names it, and says what is wrong.
    """
    try:
        # Not numpy.load, which takes a single array too, and leaves open what turns out to be no archive.
        with Path(file).open("rb") as stream, np.lib.npyio.NpzFile(stream, allow_pickle=False) as stored:
            wanted = stored.files if names is None else [name for name in names if name in stored.files]
            arrays = {name: stored[name] for name in wanted}
        bare = next((name for name, array in arrays.items() if not isinstance(array, np.ndarray)), None)
        if bare is not None:
            raise ValueError(f"{bare} in it is no array")
    except _NO_ARRAYS as error:
        raise ValueError(f"{file} is no .npz that can be read ({str(error) or type(error).__name__})") from error
    return arrays


# What NumPy, and the archive and its compressions beneath it, say of bytes that are not what they should be.
_NO_ARRAYS = (
    ValueError, TypeError, AttributeError, KeyError, EOFError, RuntimeError, SyntaxError, OverflowError, tokenize.TokenError,
    MemoryError, zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _through_a_link(path: Path) -> OSError:
    return OSError(
        errno.ELOOP,
        f"{path} is a symbolic link, and what it points to would be written; expected one of its own there: remove the link",
    )
