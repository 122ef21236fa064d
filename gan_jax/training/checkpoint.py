"""Checkpoints of a state: written whole or not at all, checked when they are read, the last few and the best one kept.

A checkpoint is an orbax one, so that it goes on with another number of devices. It carries the SHA-256 of all its numbers, its step and the
shape of every leaf: what is damaged, under another step's name or not finite is found when it is read, and what belongs to another model is
named. A state that is not finite is never written.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import preservation_policy

from gan_jax import checks, files
from gan_jax.training.finite import listed, not_finite, plain, refuse_not_finite
from gan_jax.training.mesh import fetch, is_first, lost_peer
from gan_jax.typing import PyTree

STATE, FACTS = "state", "facts"


def manager(folder: Path, *, keep: int | None = None, read_only: bool = False) -> ocp.CheckpointManager:
    """What writes and reads the checkpoints in a folder; to be closed by the caller.

    Args:
      folder: of the checkpoints, one sub-folder each, named by its step; made where it does not exist.
      keep: how many of the last are kept at every save; all of them where None (``prune`` leaves fewer).
      read_only: whether to leave the folder as it is: somebody else may be writing there.

    Returns:
      Orbax's manager.

    Raises:
      OSError: the folder, or something in it, is a symbolic link; or the folder is a file; names it.
      ValueError: ``keep`` below one.
    """
    if read_only:
        return ocp.CheckpointManager(folder.absolute(), options=ocp.CheckpointManagerOptions(read_only=True))
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(
            errno.ENOTDIR, f"{folder} is a file; expected the folder of a run's checkpoints, or nothing: remove it"
        )
    # What is written and what is removed here is in this folder, and nowhere that a link in it leads.
    for path in (folder, *(folder.iterdir() if folder.is_dir() else ())):
        files.refuse_link(path)
    if keep is not None:
        checks.integer("keep", keep, 1)
    options = ocp.CheckpointManagerOptions(
        preservation_policy=preservation_policy.PreserveAll() if keep is None else preservation_policy.LatestN(keep),
        # One that was interrupted while it was written never had its name.
        cleanup_tmp_directories=True,
        # A step whose checkpoint is on the disk when ``save`` returns is simple to reason about, and takes a tenth of a second.
        enable_async_checkpointing=False,
        create=True,
    )
    return ocp.CheckpointManager(folder.absolute(), options=options)


def save(to: ocp.CheckpointManager, step: int, state: PyTree, notes: Mapping[str, Any] | None = None) -> None:
    """Writes one checkpoint; it has its name only when all of it is on the disk. Every process of a run calls it.

    Args:
      to: from ``manager``.
      step: its name.
      state: any pytree of arrays and keys.
      notes: what else to keep with it, in the types that JSON has; ``notes`` reads them.

    Raises:
      FloatingPointError: the state is not finite; names the leaf. Nothing is written.
      OSError: it cannot be written (a full disk, no permission); names the folder. What was saved before stays.
    """
    host = fetch(plain(state))
    refuse_not_finite(host, f"after step {step}, which is not saved")
    record = {"step": step, "leaves": leaves(state), "notes": dict(notes or {})}
    facts = {"sha256": digest(host), "record_sha256": _record_digest(record), **record}
    items = ocp.args.Composite(**{STATE: ocp.args.StandardSave(state), FACTS: ocp.args.JsonSave(facts)})
    try:
        _refuse_full_disk(Path(str(to.directory)), host)
        with _said_once():
            to.save(step, args=items, force=True)
    # Tensorstore has no exceptions of its own: a failed write is a ValueError.
    except (OSError, ValueError) as error:
        raise OSError(
            getattr(error, "errno", None) or errno.EIO,
            f"checkpoint {step} cannot be written to {to.directory} ({_reason(error)}); the checkpoints before it are whole: make "
            "room there, and start the same run again",
        ) from error


@contextmanager
def _said_once() -> Iterator[None]:
    """Leaves what a thread of Orbax logs of its end out of the log: it is raised here too, and says the same in 100 lines fewer."""

    def other(record: logging.LogRecord) -> bool:
        return "run() raised an exception" not in record.getMessage()

    log = logging.getLogger("absl")
    log.addFilter(other)
    try:
        yield
    finally:
        log.removeFilter(other)


def prune(among: ocp.CheckpointManager, *, keep: int, best: int | None = None) -> None:
    """Deletes all checkpoints but the last few and the best one. Every process of a run calls it.

    Args:
      among: from ``manager``.
      keep: how many of the last stay, ≥ 1.
      best: the step of one that stays beside them; None for none.
    """
    for step in sorted(among.all_steps())[:-keep]:
        if step != best:
            among.delete(step)


def restore(source: ocp.CheckpointManager, like: PyTree, *, rename: bool = True) -> tuple[int, PyTree] | None:
    """The newest checkpoint that is whole; a damaged one is warned of, and the one before is tried.

    Args:
      source: from ``manager``.
      like: a state of the same structure, arrays or ``jax.ShapeDtypeStruct``; where it has shardings the result has those, whatever number
        of devices it was saved from.
      rename: whether damaged checkpoints newer than the one that is found are renamed, to ``damaged-STEP``, so that their steps can be
        saved again. Where none is found nothing is renamed: the same refusal comes again until a person has acted.

    Returns:
      Its step and the state, or None where there is no checkpoint.

    Raises:
      ValueError: a checkpoint of another model, or of another precision; names the first leaf that differs.
      RuntimeError: there are checkpoints, and none can be read.
    """
    folder, damaged = Path(str(source.directory)), dict[int, str]()
    for step in sorted(source.all_steps(), reverse=True):
        found = _read(source, step, like)
        if not isinstance(found, str):
            if rename:
                _step_aside(source, list(damaged))
            return step, found[0]
        damaged[step] = found
        warnings.warn(
            f"checkpoint {folder / str(step)} is damaged ({found}); an earlier one is looked for",
            RuntimeWarning,
            stacklevel=2,
        )
    aside = sorted(path.name for path in folder.glob("damaged-*")) if folder.is_dir() else []
    if damaged:
        raise RuntimeError(
            f"none of the {len(damaged)} checkpoints in {folder} can be read; expected a whole one: put a copy back, or "
            "delete that folder to start the run again"
        )
    if aside:
        raise RuntimeError(
            f"{folder} holds {', '.join(aside)} and no checkpoint that is whole; expected one: put a copy back, or delete "
            "that folder to start the run again"
        )
    return None


def notes(source: ocp.CheckpointManager, step: int) -> dict[str, Any]:
    """What was kept with a checkpoint beside its state; empty where nothing was."""
    return dict(_facts(source, step).get("notes", {}))


def _facts(source: ocp.CheckpointManager, step: int) -> Mapping[str, Any]:
    facts: Mapping[str, Any] = source.restore(step, args=ocp.args.Composite(**{FACTS: ocp.args.JsonRestore()}))[FACTS]
    return facts


def _read(source: ocp.CheckpointManager, step: int, like: PyTree) -> tuple[PyTree] | str:
    """The state of one checkpoint, or what is wrong with it."""
    lacks = [part for part in (FACTS, STATE) if not (Path(str(source.directory)) / str(step) / part).is_dir()]
    if lacks:
        return f"{' and '.join(lacks)} not there"
    try:
        facts = _facts(source, step)
        there, sha256 = dict(facts["leaves"]), str(facts["sha256"])
        # Older checkpoints have no record of their own: of these the state's number of steps is looked at (``_number``).
        record = {name: facts[name] for name in ("step", "leaves", "notes")} if "record_sha256" in facts else None
    except Exception as error:  # Whatever orbax says of a damaged file.
        _refuse_lost_peer(error)
        return _reason(error)
    if record is not None and _record_digest(record) != facts["record_sha256"]:
        return "its record is not the one that was saved"
    if record is not None and record["step"] != step:
        return f"by its own record it is the one of step {record['step']}, under another name"
    _refuse_another_model(Path(str(source.directory)) / str(step), there, leaves(like))
    wanted = ocp.args.Composite(**{STATE: ocp.args.StandardRestore(_abstract(like))})
    try:
        with _without_late_reads():
            state = source.restore(step, args=wanted)[STATE]
    except Exception as error:
        _refuse_lost_peer(error)
        return _reason(error)
    host = fetch(plain(state))
    if digest(host) != sha256:
        return "its numbers are not those that were saved"
    number = getattr(host, "step", None)
    if record is None and number is not None and int(number) != step:
        return f"its state is the one of step {int(number)}, under another name"
    bad = not_finite(host)
    if bad:
        return f"{listed(bad)} not finite"
    return (state,)


def _refuse_lost_peer(error: Exception) -> None:
    """Raises it where another process is gone: that is no damage, and nothing is to be renamed or deleted for it."""
    if lost_peer(error) is not None:
        raise error


@contextmanager
def _without_late_reads() -> Iterator[None]:
    """Where one array cannot be read, the reads of the others come back to an event loop that is closed: a page of tracebacks for each.

    They may come after the refusal, so that none of them is said from then on; everything else is said as before.
    """
    before = sys.unraisablehook

    def said(what: sys.UnraisableHookArgs) -> None:
        if not (isinstance(what.exc_value, RuntimeError) and str(what.exc_value) == "Event loop is closed"):
            before(what)

    sys.unraisablehook = said
    yield
    sys.unraisablehook = before


def _record_digest(record: Mapping[str, Any]) -> str:
    """SHA-256 of what a checkpoint says of itself."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def digest(state: PyTree) -> str:
    """SHA-256 of all numbers of a state, in the order of its leaves."""
    total = hashlib.sha256()
    for array in jax.tree.leaves(fetch(plain(state))):
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def leaves(state: PyTree) -> dict[str, str]:
    """Path, type and shape of every leaf: ``{"generator.variables.params.Dense_0.kernel": "float32[64, 128]"}``."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="."): f"{leaf.dtype}{list(leaf.shape)}"
        for path, leaf in jax.tree_util.tree_leaves_with_path(state)
    }


def _abstract(like: PyTree) -> PyTree:
    """Shapes, types and shardings of ``like``."""
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=getattr(leaf, "sharding", None)), like
    )


def _refuse_another_model(path: Path, there: Mapping[str, str], here: Mapping[str, str]) -> None:
    differing = [name for name in dict.fromkeys([*here, *there]) if there.get(name) != here.get(name)]
    if not differing:
        return
    narrow = {name: kind.replace("64[", "32[") for name, kind in there.items()}
    if narrow == {name: kind.replace("64[", "32[") for name, kind in here.items()}:
        wide = any("64[" in there[name] for name in differing)
        raise ValueError(
            f"{path} was saved {'with' if wide else 'without'} 64-bit numbers ({differing[0]} is {there[differing[0]]}), and JAX here "
            f"works {'without' if wide else 'with'} them; expected JAX_ENABLE_X64={int(wide)}, as when the run was started"
        )
    name = differing[0]
    raise ValueError(
        f"{path} is a checkpoint of another model: {name} is {there.get(name, 'not there')} in it and "
        f"{here.get(name, 'not there')} here; expected the model that it was saved from"
    )


def _step_aside(source: ocp.CheckpointManager, steps: Sequence[int]) -> None:
    """Renames damaged checkpoints, which can still be looked into."""
    for step in steps:
        folder = Path(str(source.directory)) / str(step)
        if is_first():
            names = (f"damaged-{step}", *(f"damaged-{step}-{number}" for number in range(1, 1000)))
            folder.rename(next(path for name in names if not (path := folder.with_name(name)).exists()))
    if steps:
        source.reload()


def _reason(error: Exception) -> str:
    """What went wrong, without the way there: tensorstore puts the cause last."""
    text = (getattr(error, "strerror", None) or str(error)).strip() or type(error).__name__
    said = text.splitlines()[0].partition(" [tensorstore_spec")[0].rsplit(": ", 1)[-1][:200]
    # Tensorstore hands Orbax a method where it means what the method says.
    return "its arrays cannot be read" if "<bound method" in said else said


def _refuse_full_disk(folder: Path, state: PyTree) -> None:
    """Raises ``OSError`` where the disk has no room for a state, before anything of it is written."""
    needed = sum(leaf.nbytes for leaf in jax.tree.leaves(plain(state)))
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"{free / 1e6:.1f} MB free, {needed / 1e6:.1f} MB needed")
