"""The folder of a run: one process at a time, one configuration for its life, logs that end where the state does."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from gan_jax import files

Row: TypeAlias = Mapping[str, float]
"""Numbers of one record, ``"step"`` among them."""

Sink: TypeAlias = Callable[[int, Row], None]
"""``(step, numbers)``: where else numbers go: TensorBoard, Weights & Biases."""

CONFIG, LOCK, METRICS, TABLE = "config.json", "run.lock", "metrics.jsonl", "metrics.csv"


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
        raise OSError(error.errno, f"the run's folder {folder} cannot be written ({error.strerror})") from error
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


def settle_config(folder: Path, config: Mapping[str, Any], *, free: Sequence[str] = ()) -> None:
    """Writes the configuration that starts a run, or holds this one against it.

    Args:
      folder: of the run.
      config: nested, of plain values.
      free: fields that may change between one start and the next, by dotted name; a name covers what is under it.

    Raises:
      ValueError: a field differs; names it and both values. Or the file there is no configuration.
    """
    file = folder / CONFIG
    new = flattened(json.loads(json.dumps(config)))
    if file.is_file():
        try:
            old = flattened(json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, AttributeError) as error:
            raise ValueError(f"{file} is not a configuration ({error}); expected the JSON that a run wrote") from error
        for name in dict.fromkeys([*new, *old]):
            if any(name == other or name.startswith(f"{other}.") for other in free):
                continue
            if old.get(name, _ABSENT) != new.get(name, _ABSENT):
                raise ValueError(
                    f"{name} is {new.get(name, _ABSENT)!r}, and the run in {folder} was started with {old.get(name, _ABSENT)!r}; "
                    "expected the same configuration: change it back, or name another folder"
                )
    write_whole(file, json.dumps(config, indent=2) + "\n")


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
        tree = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is not a configuration ({error}); expected the JSON that a run wrote") from error
    if not isinstance(tree, dict):
        raise ValueError(f"{file} is not a configuration (it holds no object); expected the JSON that a run wrote")
    return tree


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


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


def append(folder: Path, row: Row) -> None:
    """Adds a row to ``metrics.jsonl``, on the disk when this returns.

    Raises:
      OSError: it cannot be written; names the file.
    """
    file = folder / METRICS
    try:
        with files.update(file) as stream:
            stream.write(f"{json.dumps(row)}\n".encode())
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise OSError(
            error.errno, f"{file} cannot be written ({error.strerror}); the checkpoints before it are whole: make room there, and start "
            "the same run again",
        ) from error  # fmt: skip


def read_rows(folder: Path) -> list[dict[str, float]]:
    """The rows of ``metrics.jsonl``; a last line that was cut short is left out.

    Raises:
      ValueError: another line is no row; names it.
    """
    file = folder / METRICS
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(dict(json.loads(line)))
        except ValueError as error:
            if number < len(lines):
                raise ValueError(
                    f"line {number} of {file} is no record ({error}); expected one JSON object a line"
                ) from error
    return rows


def cut(folder: Path, step: int) -> None:
    """Takes the rows after ``step`` out of the log: the state goes on from there, and will write them again."""
    kept = [row for row in read_rows(folder) if row["step"] <= step]
    write_whole(folder / METRICS, "".join(json.dumps(row) + "\n" for row in kept))


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
    from tensorboardX import SummaryWriter

    files.refuse_link(folder / "tensorboard")
    with SummaryWriter(os.fspath(folder / "tensorboard"), purge_step=step + 1) as writer:

        def write(step: int, row: Row) -> None:
            for name, value in row.items():
                if name != "step":
                    writer.add_scalar(name, value, step)
            writer.flush()

        yield write


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
