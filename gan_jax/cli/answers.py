"""What a user can cause, in one sentence. Everything else is a defect of this project, and keeps its traceback."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from typing import NoReturn

from gan_jax.cli import watcher

OURS = ("gan_jax.", "experiments.")


def answer(error: Exception) -> str | None:
    """The sentence for an error that a user can cause; None for a defect.

    What the library refuses is a ``ValueError`` (or one of a few others) that its own code raises; the same error out of NumPy or JAX is a
    defect that got past its checks. What the system refuses is an ``OSError``, with the path that it was about.
    """
    if lost := _without_peers(error):
        return lost
    if isinstance(error, OSError) and error.errno is not None:
        return _of_the_system(error)
    if _is_of_memory(error):
        return f"memory ran out ({_short(error)}); expected a smaller batch, width or number of samples, or a larger machine"
    if isinstance(error, AssertionError | RuntimeError) and not _is_ours(error):
        return _without_devices()
    # The library misses a package that is an extra; what these commands miss is a file of their own.
    if isinstance(error, ModuleNotFoundError):
        return str(error) if _is_ours(error, OURS[:1]) else None
    if isinstance(error, ValueError) and _is_ours(error, ("jax._src.config",)):
        return f"JAX refuses a variable of the environment ({_short(error)}); expected one of its values, or the variable unset"
    known = (ValueError, OSError, RuntimeError, FloatingPointError)
    return str(error) if isinstance(error, known) and _is_ours(error) else None


def _is_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of Python's, of a device's or of XLA's."""
    return isinstance(error, MemoryError) or any(what in str(error) for what in ("RESOURCE_EXHAUSTED", "Out of memory"))


def _of_the_system(error: OSError) -> str:
    """The path, and what the system says of it."""
    said = error.strerror or os.strerror(error.errno or 0)
    if error.filename is None:
        return (
            said if _is_somewhere() else "the folder that this is run in is not there any more; change to another one"
        )
    wanted = "; expected a folder" if isinstance(error, FileExistsError | NotADirectoryError) else ""
    return f"{os.fspath(error.filename)}: {said}{wanted}"


def _is_somewhere() -> bool:
    """Whether there is a working directory."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _is_ours(error: Exception, ours: tuple[str, ...] = OURS) -> bool:
    """Whether the line that raised it is this project's."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith(ours)


def _without_devices() -> str | None:
    """Where JAX has nothing to compute on: that, and what asked for it."""
    if "jax" not in sys.modules:
        return None
    import jax

    try:
        jax.devices()
    # JAX asserts that some backend is there, where the one that was asked for has no plugin.
    except (RuntimeError, AssertionError) as error:
        asked = os.environ.get("JAX_PLATFORMS")
        what = f"JAX_PLATFORMS is {asked!r}, of which JAX finds no device here" if asked else "JAX finds no device here"
        said = f" ({_short(error)})" if str(error) else ""
        return f"{what}{said}; expected 'cpu', or a platform that is installed, such as with: make setup ACCELERATOR=cuda13"
    return None


def of_several() -> bool:
    """Whether this process is one of several that train one run, and has joined the others."""
    if "jax" not in sys.modules or _is_joining():
        return False
    import jax

    return jax.distributed.is_initialized() and jax.process_count() > 1


_held: list[BaseException] = []


def hold(error: BaseException) -> None:
    """Keeps what ends one of several processes, and the arrays in its frames: to free those can wait for an exchange that never ends."""
    if of_several():
        _held.append(error)


def _is_joining() -> bool:
    """Whether JAX still waits for the others; until it has them, asking it anything more would wait too."""
    mesh = sys.modules.get("gan_jax.training.mesh")
    return mesh is not None and bool(mesh.is_joining())


def _without_peers(error: BaseException) -> str | None:
    """Where one of several processes is gone, and the others cannot exchange what they have to: that, whoever noticed it first."""
    if not of_several():
        return None
    from gan_jax.training import mesh

    gone = mesh.lost_peer(error)
    if gone is None:
        return None
    return (
        f"another process of the run is gone ({_short(gone)}); what was saved before is whole: start all of them again, each "
        "with its own command as it was, and the run goes on from there"
    )


_watchers: list[subprocess.Popen[bytes]] = []


def watch() -> None:
    """Lets another process, without JAX, say it where this one is ended from outside of Python; for one of several of a run.

    Where process 0 is gone, JAX aborts the others out of C++ within a second, with a page of it: no Python runs after that, and the
    callback that its client offers ends in the same abort. So what C++ writes to standard error goes to the watcher, which passes it on
    until JAX's last words; for these it says what to do. The status is 6 then, the number of the signal: no core is dumped, and no shell
    says "Aborted".
    """
    said = (
        "python -m gan_jax: this process of the run was ended from outside, as JAX does where another one is gone; what was saved before "
        "is whole: start all of them again, each with its own command as it was, and the run goes on from there\n"
    )
    read, write = os.pipe()
    # A session of its own: what ends this process's group, such as Ctrl-C, is not meant for it.
    _watchers.append(
        subprocess.Popen(
            [sys.executable, "-I", "-S", watcher.__file__, str(read), said],
            stdin=subprocess.PIPE, pass_fds=(read,), start_new_session=True,
        )
    )  # fmt: skip
    os.close(read)
    _move_standard_error(write)
    # ``_exit`` of C itself, so that nothing of Python has to run.
    c = ctypes.CDLL(None)
    c.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
    c.signal.restype = ctypes.c_void_p
    c.signal(signal.SIGABRT, ctypes.cast(c._exit, ctypes.c_void_p))
    atexit.register(_dismiss, watcher.BY_ITSELF)


def _move_standard_error(pipe: int) -> None:
    """Lets descriptor 2 be ``pipe``; what Python writes goes where it went, a terminal among others."""
    for name in ("stderr", "__stderr__"):
        stream = getattr(sys, name)
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
            if stream.fileno() == 2:
                own = os.fdopen(os.dup(2), "w", buffering=1, encoding=stream.encoding, errors=stream.errors)
                setattr(sys, name, own)
    os.dup2(pipe, 2)
    os.close(pipe)


def _dismiss(word: bytes) -> None:
    """Tells the watcher that this process ends by itself."""
    while _watchers:
        process = _watchers.pop()
        with contextlib.suppress(OSError):
            os.write(process.stdin.fileno(), word)  # type: ignore[union-attr]  # It was opened as a pipe.


def leave(status: int) -> NoReturn:
    """Ends this process with ``status``.

    Where it is one of several and something went wrong, at once: on its way out JAX would wait for the others, who may be gone or have not
    come, for more than a minute, and then abort with a page of C++. So too where something is still being compiled, which nobody waits for.
    """
    if status and (_is_joining() or of_several() or _is_compiling()):
        _dismiss(watcher.SAID)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def _is_compiling() -> bool:
    # Where it was not loaded, nothing is.
    caching = sys.modules.get("gan_jax.caching")
    return caching is not None and caching.compiling()


def _short(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
