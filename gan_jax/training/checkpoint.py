"""Checkpoints of a state: written whole or not at all, checked when they are read, the last few and the best one kept.

A checkpoint is an orbax one, so that it goes on with another number of devices, and carries the SHA-256 of all its numbers and the shape of
every leaf: what is damaged is found when it is read, and what belongs to another model is named.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import preservation_policy

from gan_jax import checks, files
from gan_jax.training.mesh import fetch, is_first
from gan_jax.typing import PyTree

STATE, FACTS = "state", "facts"


def manager(
    folder: Path, *, keep: int = 3, best: str | None = None, smaller_is_better: bool = True, read_only: bool = False
) -> ocp.CheckpointManager:
    """What writes and reads the checkpoints in a folder; to be closed by the caller.

    Args:
      folder: of the checkpoints, one sub-folder each, named by its step; made where it does not exist.
      keep: how many of the last are kept.
      best: name of a metric given to ``save``; the checkpoint that is best by it is kept too. None: only the last are.
      smaller_is_better: whether the best is the smallest.
      read_only: whether to leave the folder as it is: somebody else may be writing there.

    Returns:
      Orbax's manager.

    Raises:
      OSError: the folder, or something in it, is a symbolic link; names it.
      ValueError: ``keep`` below one.
    """
    checks.at_least("keep", keep, 1)
    if read_only:
        return ocp.CheckpointManager(folder.absolute(), options=ocp.CheckpointManagerOptions(read_only=True))
    # What is written and what is removed here is in this folder, and nowhere that a link in it leads.
    for path in (folder, *(folder.iterdir() if folder.is_dir() else ())):
        files.refuse_link(path)
    policies: list[preservation_policy.PreservationPolicy] = [preservation_policy.LatestN(keep)]
    if best is not None:
        sign = -1.0 if smaller_is_better else 1.0
        # Not a number, and steps at which nothing was measured, are worse than anything.
        worst = lambda metrics: float(np.nan_to_num(sign * (metrics or {}).get(best, np.nan), nan=-np.inf))  # noqa: E731
        policies.append(preservation_policy.BestN(get_metric_fn=worst, n=1))
    options = ocp.CheckpointManagerOptions(
        preservation_policy=preservation_policy.AnyPreservationPolicy(policies),
        # One that was interrupted while it was written never had its name.
        cleanup_tmp_directories=True,
        # A step whose checkpoint is on the disk when ``save`` returns is simple to reason about, and takes a tenth of a second.
        enable_async_checkpointing=False,
        create=True,
    )
    return ocp.CheckpointManager(folder.absolute(), options=options)


def save(to: ocp.CheckpointManager, step: int, state: PyTree, metrics: Mapping[str, float] | None = None) -> None:
    """Writes one checkpoint; it has its name only when all of it is on the disk. Every process of a run calls it.

    Args:
      to: from ``manager``.
      step: its name.
      state: any pytree of arrays and keys.
      metrics: measured at this step, for ``best``.

    Raises:
      OSError: it cannot be written (a full disk, no permission); names the folder. What was saved before stays.
    """
    facts = {"sha256": digest(state), "leaves": leaves(state)}
    items = ocp.args.Composite(**{STATE: ocp.args.StandardSave(state), FACTS: ocp.args.JsonSave(facts)})
    try:
        _refuse_full_disk(Path(str(to.directory)), state)
        to.save(step, args=items, metrics=None if metrics is None else dict(metrics), force=True)
    # Tensorstore has no exceptions of its own: a failed write is a ValueError.
    except (OSError, ValueError) as error:
        raise OSError(
            getattr(error, "errno", None) or errno.EIO,
            f"checkpoint {step} cannot be written to {to.directory} ({_reason(error)}); the checkpoints before it are whole: make "
            "room there, and start the same run again",
        ) from error


def restore(source: ocp.CheckpointManager, like: PyTree, *, rename: bool = True) -> tuple[int, PyTree] | None:
    """The newest checkpoint that is whole; a damaged one is warned of, and the one before is tried.

    Args:
      source: from ``manager``.
      like: a state of the same structure, arrays or ``jax.ShapeDtypeStruct``; where it has shardings the result has those, whatever number
        of devices it was saved from.
      rename: whether a damaged checkpoint is renamed, to ``damaged-STEP``, so that its step can be saved again.

    Returns:
      Its step and the state, or None where there is no checkpoint.

    Raises:
      ValueError: a checkpoint of another model; names the first leaf that differs.
      RuntimeError: there are checkpoints, and none can be read.
    """
    steps = sorted(source.all_steps(), reverse=True)
    for step in steps:
        try:
            facts = source.restore(step, args=ocp.args.Composite(**{FACTS: ocp.args.JsonRestore()}))[FACTS]
            there, sha256 = dict(facts["leaves"]), str(facts["sha256"])
        except Exception as error:  # Whatever orbax says of a damaged file.
            _pass_over(source, step, _reason(error), rename)
            continue
        _refuse_another_model(Path(str(source.directory)) / str(step), there, leaves(like))
        try:
            items = ocp.args.Composite(**{STATE: ocp.args.StandardRestore(_abstract(like))})
            state = source.restore(step, args=items)[STATE]
        except Exception as error:
            _pass_over(source, step, _reason(error), rename)
            continue
        if digest(state) != sha256:
            _pass_over(source, step, "its numbers are not those that were saved", rename)
            continue
        return step, state
    if steps:
        raise RuntimeError(
            f"none of the {len(steps)} checkpoints in {source.directory} can be read; delete that folder to start the run again"
        )
    return None


def digest(state: PyTree) -> str:
    """SHA-256 of all numbers of a state, in the order of its leaves."""
    total = hashlib.sha256()
    for array in jax.tree.leaves(fetch(_plain(state))):
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def leaves(state: PyTree) -> dict[str, str]:
    """Path, type and shape of every leaf: ``{"generator.variables.params.Dense_0.kernel": "float32[64, 128]"}``."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="."): f"{leaf.dtype}{list(leaf.shape)}"
        for path, leaf in jax.tree_util.tree_leaves_with_path(state)
    }


def _plain(state: PyTree) -> PyTree:
    """``state`` with the numbers of its keys."""

    def numbers(leaf: Any) -> Any:
        return jax.random.key_data(leaf) if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf

    return jax.tree.map(numbers, state)


def _abstract(like: PyTree) -> PyTree:
    """Shapes, types and shardings of ``like``."""
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=getattr(leaf, "sharding", None)), like
    )


def _refuse_another_model(path: Path, there: Mapping[str, str], here: Mapping[str, str]) -> None:
    for name in dict.fromkeys([*here, *there]):
        if there.get(name) != here.get(name):
            raise ValueError(
                f"{path} is a checkpoint of another model: {name} is {there.get(name, 'not there')} in it and "
                f"{here.get(name, 'not there')} here; expected the model that it was saved from"
            )


def _pass_over(source: ocp.CheckpointManager, step: int, why: str, rename: bool) -> None:
    """Warns of a damaged checkpoint; renamed, it can still be looked into."""
    folder = Path(str(source.directory)) / str(step)
    if rename and is_first():
        aside = folder.with_name(f"damaged-{step}")
        for number in range(1, 1000):
            if not aside.exists():
                break
            aside = folder.with_name(f"damaged-{step}-{number}")
        folder.rename(aside)
    if rename:
        source.reload()
    warnings.warn(f"checkpoint {folder} is damaged ({why}); the one before it is used", RuntimeWarning, stacklevel=3)


def _reason(error: Exception) -> str:
    """What went wrong, without the way there: tensorstore puts the cause last."""
    text = (getattr(error, "strerror", None) or str(error)).strip() or type(error).__name__
    return text.splitlines()[0].rsplit(": ", 1)[-1][:200]


def _refuse_full_disk(folder: Path, state: PyTree) -> None:
    """Raises ``OSError`` where the disk has no room for a state, before anything of it is written."""
    needed = sum(leaf.nbytes for leaf in jax.tree.leaves(_plain(state)))
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"{free / 1e6:.1f} MB free, {needed / 1e6:.1f} MB needed")
