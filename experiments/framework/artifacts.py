"""The folder that a run leaves: written whole or not at all."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import tempfile
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from experiments.framework.claims import Claim
from gan_jax import files
from gan_jax.cli.errors import KEPT, UserError
from gan_jax.cli.json_files import write_json
from gan_jax.cli.surroundings import surroundings

if TYPE_CHECKING:
    from matplotlib.animation import Animation
    from matplotlib.figure import Figure, SubFigure

Arrays: TypeAlias = dict[str, np.ndarray]
TableRow: TypeAlias = Mapping[str, object]

ARRAYS, CONFIG, MANIFEST = "arrays.npz", "config.json", "manifest.json"
COMPUTED = (ARRAYS, CONFIG, MANIFEST)
"""What cannot be made again without computing; ``--redraw`` makes the rest."""

DPI = 150
FRAMES_A_SECOND = 8


@contextmanager
def staged(root: Path, name: str) -> Iterator[Path]:
    """A hidden folder beside ``root / name``: takes its place when the block ends, vanishes when it is left early.

    An older result stays in place, whole, until that moment.

    Args:
      root: the folder of results; made where it does not exist.
      name: the experiment.

    Yields:
      The hidden folder, empty.

    Raises:
      UserError: the folder cannot be written, or what stands at ``root / name`` is no result and must not be replaced.
    """
    target = root / name
    check_replaceable(target)
    stage = _made(root, f".{name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        yield stage
        with uninterrupted():
            _publish(stage, target)
    finally:
        with uninterrupted():
            shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C is not heard while this lasts: a second one, from an impatient hand, would leave half of what is being taken away."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Gives what the system says of a failed write, such as a full disk, the path that was to be written.

    Raises:
      UserError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        # What ``files`` says in full is about a hidden folder, which is gone by then.
        reason = os.strerror(error.errno)
        raise UserError(
            f"{target} cannot be written ({reason}); what was there before is whole: make room, or name another folder with --out"
        ) from error


def check_replaceable(target: Path) -> None:
    """Raises ``UserError`` where ``target`` is something other than nothing, an empty folder or an earlier result."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise UserError(f"{target} is not a folder; expected a result to replace, or nothing")
    if target.is_dir() and any(target.iterdir()) and not (target / MANIFEST).is_file():
        raise UserError(f"{target} holds files but no {MANIFEST}, so it is no result; name another folder with --out")


def check_writable(root: Path, names: Sequence[str]) -> None:
    """Raises ``UserError`` unless the results of ``names`` can be written under ``root``; computes nothing."""
    for name in names:
        check_replaceable(root / name)
    _made(root, f".{uuid.uuid4().hex[:8]}.partial").rmdir()


def _made(root: Path, name: str) -> Path:
    """A new folder under ``root``, which is made where it does not exist; ``UserError`` where it cannot be."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        (root / name).mkdir()
    except OSError as error:
        raise UserError(
            f"The results folder {root} cannot be written ({error.strerror}); name another one with --out"
        ) from error
    return root / name


def _publish(stage: Path, target: Path) -> None:
    """Renames ``stage`` to ``target``; an older folder there steps aside first and comes back where that fails."""
    if not target.exists():
        stage.rename(target)
        return
    old = stage.with_suffix(".old")
    target.rename(old)
    try:
        stage.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def plain_arrays(arrays: Mapping[str, object]) -> Arrays:
    """The arrays as NumPy's.

    Raises:
      TypeError: an array holds Python objects, which only a pickle could save.
    """
    # In the order in which they are read again: sums of other orders differ in late digits, and with them claims.
    plain = {name: np.asarray(value, order="C") for name, value in arrays.items()}
    for name, array in plain.items():
        if array.dtype.hasobject:
            raise TypeError(
                f"run returned {name!r} with dtype {array.dtype}; expected numbers or strings of a fixed width"
            )
    return plain


def write_arrays(folder: Path, arrays: Arrays) -> None:
    """Writes ``arrays.npz`` without pickles, whole or not at all."""
    with files.replacing(folder / ARRAYS) as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]  # NumPy's stub gives every keyword the type of allow_pickle.


def write_computed(folder: Path, arrays: Arrays, config: object, facts: Mapping[str, object]) -> None:
    """Writes ``COMPUTED``, the arrays first."""
    write_arrays(folder, arrays)
    write_json(folder / CONFIG, config)
    write_json(folder / MANIFEST, facts)


def unfinished(target: Path) -> Path:
    """Beside a result: the folder of what was computed for it, where the rest could not be made; ``--redraw`` finishes that one."""
    return target.with_name(f"{target.name}.unfinished")


def to_draw(target: Path) -> Path:
    """The folder whose arrays ``--redraw`` draws: the unfinished one, where there is one."""
    waiting = unfinished(target)
    return waiting if (waiting / ARRAYS).is_file() else target


def drop_unfinished(target: Path) -> None:
    """Takes away what was waiting to be finished: a whole result has replaced it."""
    if (unfinished(target) / ARRAYS).is_file() and not unfinished(target).is_symlink():
        shutil.rmtree(unfinished(target), ignore_errors=True)


def keep(stage: Path, target: Path, computed: tuple[Arrays, object, Mapping[str, object]]) -> str:
    """Saves what was computed where making the rest failed: beside the result, or else in the system's folder for temporary files.

    Args:
      stage: from ``staged``; what it holds of the arrays is whole.
      target: the result's own folder; what is there stays.
      computed: arrays, configuration and facts, as ``write_computed`` takes them.

    Returns:
      What became of them, to be read by whoever was waiting for the result.
    """
    with uninterrupted():
        if (stage / ARRAYS).is_file():
            for file in stage.iterdir():
                if file.name not in COMPUTED:
                    file.unlink()
            waiting = unfinished(target)
            drop_unfinished(target)
            if not waiting.exists() and not waiting.is_symlink():
                stage.rename(waiting)
                return f"{KEPT} in {waiting}: python -m experiments {target.name} --redraw --out {target.parent} makes the rest"
        try:
            place = Path(tempfile.mkdtemp(prefix="gan_jax_")) / target.name
            place.mkdir()
            write_computed(place, *computed)
        except OSError as error:
            return f"{KEPT} lost, since {tempfile.gettempdir()} cannot be written either ({error.strerror})"
    return f"{KEPT} in {place}: python -m experiments {target.name} --redraw --out {place.parent} makes the rest there"


class SavedArrays(dict[str, np.ndarray]):
    """Arrays read from a file; one that is not there is the user's to know, not a ``KeyError``."""

    def __init__(self, path: Path, arrays: Arrays) -> None:
        super().__init__(arrays)
        self._path = path

    def __missing__(self, name: str) -> np.ndarray:
        raise UserError(
            f"{self._path} has no array {name!r}: it comes from another version of the experiment; run it again"
        )


def read_arrays(folder: Path) -> SavedArrays:
    """Reads ``arrays.npz``.

    Raises:
      UserError: it is missing, or is no such file.
    """
    path = folder / ARRAYS
    try:
        return SavedArrays(path, files.read_arrays(path))
    except FileNotFoundError as error:
        command = f"python -m experiments {folder.name}"
        raise UserError(f"{path} does not exist, so there is nothing to redraw; run {command} first") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); run the experiment again") from error
    except ValueError as error:
        raise UserError(f"{error}; run the experiment again") from error


def write_table(folder: Path, rows: Sequence[TableRow]) -> None:
    """Writes the tidy ``table.csv``; columns in the order in which the rows name them.

    Raises:
      ValueError: there are no rows.
    """
    if not rows:
        raise ValueError("table returned no rows; expected at least one scalar")
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_claims(folder: Path, claims: Sequence[Claim]) -> None:
    """Writes ``claims.json``."""
    write_json(folder / "claims.json", [claim.record() for claim in claims])


def write_figure(folder: Path, figure: Figure) -> None:
    """Writes ``figure.png`` and ``figure.svg``, the same bytes for the same figure.

    The layout is solved once, at the PNG's resolution, and then fixed: under constrained layout a second save would
    move things again.
    """
    import matplotlib as mpl

    figure.set_dpi(DPI)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    # The solver's last digits depend on addresses in memory, and SVG hashes all bits of a clip's box. What is left is a tenth of a pixel.
    for part in _parts(figure):
        box = part.bbox_relative
        box.p0, box.p1 = (tuple(round(float(side), 4) for side in corner) for corner in (box.p0, box.p1))
    for ax in figure.axes:
        left, bottom, width, height = (round(float(side), 4) for side in ax.get_position(original=True).bounds)
        ax.set_position((left, bottom, width, height))
    with mpl.rc_context({"svg.hashsalt": "gan_jax"}):
        figure.savefig(folder / "figure.png", dpi=DPI, metadata={"Software": None})
        figure.savefig(folder / "figure.svg", dpi=DPI, metadata={"Date": None, "Creator": None})


def _parts(figure: Figure | SubFigure) -> list[SubFigure]:
    """All subfigures, the outer ones first."""
    return [inner for part in figure.subfigs for inner in (part, *_parts(part))]


def write_animation(folder: Path, animation: Animation) -> None:
    """Writes ``animation.gif``, ``FRAMES_A_SECOND`` and repeating for ever; the same bytes for the same frames."""
    from matplotlib.animation import PillowWriter

    animation.save(folder / "animation.gif", writer=PillowWriter(fps=FRAMES_A_SECOND))


def manifest(
    name: str, *, command: str, preset: str, seed: int | None, started: str, seconds: float
) -> dict[str, object]:
    """What a run was made with: code, versions, devices, time."""
    return {
        "experiment": name,
        "command": command,
        "preset": preset,
        "seed": seed,
        "started_utc": started,
        "wall_seconds": round(seconds, 3),
        **surroundings(),
    }
