"""Writing into folders that may have been laid out by somebody else: through no symbolic link, and whole or not at all.

A folder that was unpacked or fetched can hold links where a program is going to write: ``config.json`` to a file of the user's own, or
``samples`` to one of the user's folders. So nothing here opens through a link below the folder that the user named (that one may be a link:
it is the user's), temporary names cannot be guessed, and a link where a file belongs is replaced, not followed.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

PARTIAL = ".partial"
"""How the names of files end that are being written; ``sweep`` removes what a kill left of them."""


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


def _through_a_link(path: Path) -> OSError:
    return OSError(
        errno.ELOOP,
        f"{path} is a symbolic link, and what it points to would be written; expected one of its own there: remove the link",
    )
