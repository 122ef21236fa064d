"""The folder of a run: one process at a time, one configuration for its life, logs that end where the state does."""

from __future__ import annotations

import csv
import errno
import fcntl
import io
import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from gan_jax import files

Value = TypeVar("Value")

Row: TypeAlias = Mapping[str, float]
"""Numbers of one record, ``"step"`` among them."""

Sink: TypeAlias = Callable[[int, Row], None]
"""``(step, numbers)``: where else numbers go: TensorBoard, Weights & Biases."""

CONFIG, LOCK, METRICS, TABLE = "config.json", "run.lock", "metrics.jsonl", "metrics.csv"
CUT, CHANGES, MANIFEST, FAILED = "metrics_cut.jsonl", "changes.jsonl", "manifest.jsonl", "failed.jsonl"
CHECKPOINTS = "checkpoints"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder for this process; the operating system lets go of it however the process ends.

    Args:
      folder: of the run; made where it does not exist.

    Raises:
      OSError: the folder cannot be made or written; names it.
      RuntimeError: another process is at work in it; names that process.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = files.update(folder / LOCK)
    except OSError as error:
        raise _unwritable(folder, error) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().decode("utf-8", "replace").strip() or "another process"
            raise RuntimeError(
                f"{folder} is in use by {holder}; expected one process at a time in a run's folder: wait for it, or name another folder"
            ) from error
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()} on {socket.gethostname()}".encode())
        file.flush()
        files.sweep(folder)
        yield


def check(
    folder: Path,
    config: Mapping[str, Any],
    *,
    free: Sequence[str] = (),
    change: Sequence[str] = (),
    changeable: Sequence[str] | None = None,
) -> None:
    """Raises what ``locked`` and ``settle_config`` would, and makes nothing: for whoever has long work to do before the run begins.

    Args:
      folder, config, free, change: as there.
      changeable: what ``change`` may name where it is an option, ``--change``; None where it may name every field.
    """
    if (folder / LOCK).exists():
        with locked(folder):
            pass
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists() or path.is_symlink())
    code = 0 if there.is_dir() else errno.EEXIST if there == folder else errno.ENOTDIR
    code = code or (0 if os.access(there, os.W_OK | os.X_OK) else errno.EACCES)
    if code:
        raise _unwritable(folder, OSError(code, os.strerror(code)))
    differing(folder, config, free=free, change=change, changeable=changeable)


def _ordinary(file: Path) -> Path:
    """``file``, which is an ordinary one or not there.

    Raises:
      OSError: it is something else, such as a folder; names it.
    """
    if file.exists() and not file.is_file():
        raise OSError(errno.EEXIST, f"{file} is no ordinary file; expected that of a run, or nothing: remove it")
    return file


def _unwritable(folder: Path, error: OSError) -> OSError:
    return OSError(error.errno, f"the run's folder {folder} cannot be written ({error.strerror})")


def settle_config(
    folder: Path, config: Mapping[str, Any], *, free: Sequence[str] = (), change: Sequence[str] = ()
) -> dict[str, tuple[Any, Any]]:
    """Writes the configuration that starts a run, or holds this one against it.

    Args:
      folder: of the run.
      config: nested, of plain values.
      free: fields that may change between one start and the next, by dotted name; a name covers what is under it.
      change: fields that are to change at this start, on request.

    Returns:
      Of the fields of ``change`` that differ: what they were, and what they are now. Where there are any, the configuration is as it was:
      ``record_changes`` writes it, with the record.

    Raises:
      ValueError: a field differs; names it and both values. Or the file there is no configuration, or is missing beside checkpoints.
    """
    changed = differing(folder, config, free=free, change=change)
    if not changed:
        write_whole(folder / CONFIG, json.dumps(config, indent=2) + "\n")
    return changed


def differing(
    folder: Path,
    config: Mapping[str, Any],
    *,
    free: Sequence[str] = (),
    change: Sequence[str] = (),
    changeable: Sequence[str] | None = None,
) -> dict[str, tuple[Any, Any]]:
    """Of the fields of ``change`` that differ from those of the run in ``folder``: what they were, and what they are now.

    Raises:
      ValueError: as ``settle_config``.
      TypeError: ``config`` holds other things than plain values.
    """
    file = _ordinary(folder / CONFIG)
    try:
        new = flattened(json.loads(json.dumps(config)))
    except TypeError as error:
        raise TypeError(f"config holds what no JSON has ({error}); expected nested plain values") from error
    changed: dict[str, tuple[Any, Any]] = {}
    if file.is_file():
        old = flattened(read_config(folder))
        for name in dict.fromkeys([*new, *old]):
            was, now = old.get(name, _ABSENT), new.get(name, _ABSENT)
            # As JSON has them NaN is the same value at every start.
            if was == now or json.dumps(was, default=repr) == json.dumps(now, default=repr) or _covers(free, name):
                continue
            if not _covers(change, name):
                ways = ["change it back", "name another folder"]
                if changeable is None or _covers(changeable, name):
                    ways.append(f"ask for the change by name: {'' if changeable is None else '--'}change {name}")
                raise ValueError(
                    f"{name} is {now!r}, and {was!r} in the configuration of the run in {folder}; expected the same: "
                    + " or ".join([", ".join(ways[:-1]), ways[-1]])
                )
            changed[name] = was, now
    elif (folder / CHECKPOINTS).is_dir() and any((folder / CHECKPOINTS).iterdir()):
        raise ValueError(
            f"{folder} has checkpoints and no {CONFIG}; expected that of the run: put it back, or name another folder"
        )
    return changed


def _covers(names: Sequence[str], field: str) -> bool:
    return any(field == name or field.startswith(f"{name}.") for name in names)


def moving(config: Mapping[str, Any], free: Sequence[str] = ()) -> dict[str, Any]:
    """The fields of a configuration, ``flattened``, without those that are ``free``."""
    return {name: value for name, value in flattened(config).items() if not _covers(free, name)}


def record_changes(folder: Path, step: int, changed: Mapping[str, tuple[Any, Any]], config: Mapping[str, Any]) -> None:
    """Puts ``config`` in place, after ``changes.jsonl`` says from which step on which field was changed, from what to what."""
    rows = [
        {"step": step, "name": name, "from": None if was is _ABSENT else was, "to": None if now is _ABSENT else now}
        for name, (was, now) in changed.items()
    ]
    _append_lines(folder / CHANGES, rows, "nothing is changed")
    write_whole(folder / CONFIG, json.dumps(config, indent=2) + "\n")


def changed_since(folder: Path, step: int) -> bool:
    """Whether ``changes.jsonl`` has a change from ``step`` on, or from a later one.

    A last line without its end is one that a stopped process began: the change was not made (``record_changes``).

    Raises:
      ValueError: another line that is no record of a change; names the file and the line.
    """
    return any(found >= step for found in _steps(folder / CHANGES, "a change"))


def record_failed(folder: Path, step: int, what: str) -> None:
    """Adds to ``failed.jsonl`` what ended a run of several processes at a step: it is not tried again."""
    _append_lines(folder / FAILED, [{"step": step, "what": what}], "the next start tries again")


def failed_at(folder: Path, step: int) -> bool:
    """Whether ``failed.jsonl`` has something of this step; raises as ``changed_since``."""
    return step in _steps(folder / FAILED, "what failed")


def check_records(folder: Path) -> None:
    """Raises ``ValueError`` where a line of what a run keeps beside its log is no record; names the file and the line."""
    _steps(folder / CHANGES, "a change")
    _steps(folder / FAILED, "what failed")
    _records(folder / MANIFEST, "a start", "a JSON object", dict)


def _steps(file: Path, of: str) -> list[int]:
    return _records(file, of, "a JSON object with a step", lambda row: int(row["step"]))


def _records(file: Path, of: str, expected: str, read: Callable[[Any], Value]) -> list[Value]:
    try:
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no record of {of} ({error}); expected lines of JSON") from error
    found = []
    for number, line in enumerate(text[: text.rfind("\n") + 1].splitlines(), 1):
        try:
            found.append(read(files.from_json(line)))
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise ValueError(
                f"{file}, line {number}, is no record of {of} ({type(error).__name__}: {error}); expected {expected}"
            ) from error
    return found


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of a run.

    Raises:
      FileNotFoundError: there is none; names the folder.
      ValueError: it is no JSON, or no object; names the file.
    """
    file = folder / CONFIG
    if not file.is_file():
        raise FileNotFoundError(f"{folder} holds no {CONFIG}, so it is no run; expected the folder that training left")
    try:
        tree = files.read_json(file)
    except ValueError as error:
        raise ValueError(f"{file} is not a configuration ({error}); expected the JSON that a run wrote") from error
    if not isinstance(tree, dict):
        raise ValueError(f"{file} is not a configuration (it holds no object); expected the JSON that a run wrote")
    return tree


class _Absent:
    def __repr__(self) -> str:
        return "absent"


_ABSENT = _Absent()


def flattened(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """``{"a": {"b": 1}}`` as ``{"a.b": 1}``."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= flattened(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat


def write_whole(file: Path, text: str) -> None:
    """Writes a file so that it is there whole or as it was before.

    Raises:
      OSError: it cannot be written; names it.
    """
    files.write_text(file, text)


# ---------------------------------------------------------------------------------------------------------------- the log


def append(folder: Path, *rows: Row) -> None:
    """Adds rows to ``metrics.jsonl``, on the disk when this returns.

    Raises:
      OSError: they cannot be written; names the file, which is as it was.
    """
    _append_lines(
        folder / METRICS,
        rows,
        "the checkpoints before it are whole: make room there, and start the same run again",
    )


def record_start(folder: Path, facts: Mapping[str, Any]) -> None:
    """Adds what is to be known of one start of a run to ``manifest.jsonl``."""
    _append_lines(folder / MANIFEST, [facts], "the run has not begun")


def _append_lines(file: Path, rows: Sequence[Mapping[str, Any]], otherwise: str) -> None:
    try:
        with files.update(file) as stream:
            handle, data = stream.fileno(), "".join(json.dumps(row) + "\n" for row in rows).encode()
            before = os.fstat(handle).st_size
            if before and os.pread(handle, 1, before - 1) != b"\n":
                # What a stopped process began is no line, and would spoil the next.
                before = file.read_bytes().rfind(b"\n") + 1
                os.ftruncate(handle, before)
            try:
                while data:
                    data = data[os.write(handle, data) :]
                os.fsync(handle)
            except OSError:
                # Half a line would be a bad one as soon as another follows it.
                with suppress(OSError):
                    os.ftruncate(handle, before)
                raise
    except OSError as error:
        raise OSError(error.errno, f"{file} cannot be written ({error.strerror}); {otherwise}") from error


RENAMED: Mapping[str, str] = {"spread": "variance_ratio"}
"""Fields of ``state.Info`` by the names that they had in earlier releases."""


def with_todays_names(values: Mapping[str, Value]) -> dict[str, Value]:
    """What a log or a checkpoint tells of ``state.Info``, by the names that its fields have now; all else as it is.

    Args:
      values: by name. Where a field is there by its name of today, another thing of its old name (an evaluation may have it) is left alone.

    Returns:
      The same values in the same order.
    """
    old = {name: new for name, new in RENAMED.items() if new not in values and "divergence" in values}
    return {old.get(name, name): value for name, value in values.items()}


def read_rows(folder: Path) -> list[dict[str, float]]:
    """The rows of ``metrics.jsonl``, those of earlier releases by today's names; a last line that was cut short is left out.

    Raises:
      ValueError: another line is no row, or steps do not rise; names the line.
    """
    file = folder / METRICS
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []
    rows: list[dict[str, float]] = []
    for number, line in enumerate(lines, start=1):
        try:
            row = files.from_json(line)
        except ValueError as error:
            if number < len(lines):
                raise ValueError(
                    f"line {number} of {file} is no record ({error}); expected one JSON object a line"
                ) from error
            continue
        if not isinstance(row, dict) or type(row.get("step")) is not int:
            raise ValueError(f'line {number} of {file} has no step; expected a record such as {{"step": 100, ...}}')
        odd = next((name for name, value in row.items() if type(value) not in (int, float)), None)
        if odd is not None:
            raise ValueError(f"line {number} of {file} has {odd} {row[odd]!r:.60}; expected numbers alone")
        if rows and row["step"] <= rows[-1]["step"]:
            raise ValueError(
                f"line {number} of {file} is of step {row['step']}, after step {rows[-1]['step']}; expected steps that rise"
            )
        rows.append(with_todays_names(row))
    return rows


def cut(folder: Path, step: int) -> None:
    """Takes the rows after ``step`` out of the log, since the state goes on from there and will write them again.

    They are kept in ``metrics_cut.jsonl``, each with the step that the log was cut back to.
    """
    rows = read_rows(folder)
    gone = [{**row, "cut_back_to": step} for row in rows if row["step"] > step]
    if gone:
        _append_lines(folder / CUT, gone, "the log is as it was")
    write_rows(folder, [row for row in rows if row["step"] <= step])


def write_rows(folder: Path, rows: Sequence[Row]) -> None:
    """Writes ``metrics.jsonl`` anew, whole or not at all."""
    write_whole(folder / METRICS, "".join(json.dumps(row) + "\n" for row in rows))


def amend(folder: Path, step: int, measured: Row) -> dict[str, float]:
    """Adds what was measured after the row of ``step`` was written to that row; returns it, or only what was measured where it is lost."""
    rows = read_rows(folder)
    if not rows or rows[-1]["step"] != step:
        return {"step": step, **measured}
    rows[-1] |= measured
    if measured:
        write_rows(folder, rows)
    return rows[-1]


def missing(rows: Sequence[Row], step: int, every: int) -> list[int]:
    """The steps up to ``step`` that a log with a row for ``every`` so many has no row of."""
    there = {row["step"] for row in rows}
    return [number for number in range(every, step + 1, every) if number not in there]


def table_ends(folder: Path) -> int:
    """The last step of ``metrics.csv``; 0 where there is no table, or no step in it."""
    file = folder / TABLE
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []
    first = lines[-1].partition(",")[0] if len(lines) > 1 else ""
    return int(first) if first.isdecimal() and first.isascii() else 0


def write_table(folder: Path) -> None:
    """Writes ``metrics.csv``: the log as a table, a column for every name."""
    rows = read_rows(folder)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(folder / TABLE, text.getvalue())


# ------------------------------------------------------------------------------------------------------------------ sinks


@contextmanager
def tensorboard(folder: Path, step: int) -> Iterator[Sink]:
    """Event files for TensorBoard in ``folder/tensorboard``; what an earlier process wrote after ``step`` is purged from view.

    Args:
      folder: of the run.
      step: where the run goes on.

    Yields:
      The sink.
    """
    from tensorboardX.event_file_writer import EventsWriter
    from tensorboardX.proto.event_pb2 import Event, SessionLog
    from tensorboardX.summary import scalar

    files.refuse_link(folder / "tensorboard")
    events = folder / "tensorboard"
    events.mkdir(exist_ok=True)
    # The writer itself, not the queue and the thread that ``SummaryWriter`` puts before it: where that thread fails (a full disk), whoever
    # fills the queue waits for ever. The name has a part of its own, since two starts in one second would share a file.
    writer = EventsWriter(os.fspath(events / "events"), filename_suffix=f".{uuid.uuid4().hex[:8]}")

    def write(step: int, row: Row) -> None:
        for name, value in row.items():
            if name != "step":
                writer.write_event(Event(wall_time=time.time(), step=step, summary=scalar(name, value)))
        writer.flush()

    writer.write_event(Event(step=step + 1, session_log=SessionLog(status=SessionLog.START)))
    try:
        yield write
    finally:
        writer.close()


@contextmanager
def weights_and_biases(folder: Path, step: int, *, project: str, config: Mapping[str, Any]) -> Iterator[Sink]:
    """A run at Weights & Biases under the folder's name; a resumed run goes on in it.

    Args:
      folder: of the run.
      step: where the run goes on.
      project: the project there.
      config: shown beside the run.

    Yields:
      The sink.

    Raises:
      ModuleNotFoundError: wandb is not installed; says how to.
    """
    files.refuse_link(folder / "wandb")
    try:
        import wandb
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("wandb is not installed; run: pip install 'gan_jax[wandb]'") from error

    run = wandb.init(
        project=project, name=folder.name, id=folder.name, dir=folder, resume="allow", config=dict(config), reinit=True
    )
    try:
        yield lambda step, row: run.log({name: value for name, value in row.items() if name != "step"}, step=step)
    finally:
        run.finish()
