"""Runs experiments: configures JAX, computes, and leaves one folder of artifacts for each."""

from __future__ import annotations

import ast
import datetime
import functools
import importlib
import importlib.util
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

import experiments
from experiments.framework import artifacts, times
from experiments.framework.artifacts import Arrays, TableRow
from experiments.framework.claims import Claim, tally
from experiments.framework.progress import Progress
from gan_jax.cli import devices
from gan_jax.cli.errors import UserError
from gan_jax.cli.json_files import write_json
from gan_jax.cli.terminal import duration

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Experiment(Protocol):
    """What an experiment offers; see the package's docstring. ``animation`` is optional, and so not listed."""

    __doc__: str | None
    Config: type[Any]
    SMOKE: Any

    def run(self, config: Any, progress: Progress) -> Arrays: ...

    def plot(self, arrays: Arrays) -> Figure: ...

    def claims(self, arrays: Arrays) -> list[Claim]: ...

    def table(self, arrays: Arrays) -> list[TableRow]: ...


class Outcome(NamedTuple):
    """What came of one experiment."""

    name: str
    folder: Path
    claims: list[Claim]


@dataclass(frozen=True)
class Request:
    """One experiment to run: which, with what, and under what name the options go into its manifest."""

    name: str
    experiment: Experiment
    config: Any
    preset: str
    command: str


def module_of(name: str) -> str:
    """Where an experiment is: a module of its chapter, or the module ``experiment`` of a folder there.

    Raises:
      ModuleNotFoundError: the table of contents has it, and the chapter has not.
    """
    entry = next(entry for entry in (*experiments.EXPERIMENTS, experiments.TEMPLATE) if entry.name == name)
    path = ".".join(filter(None, ("experiments", entry.chapter, name)))
    spec = importlib.util.find_spec(path)
    if spec is None:
        raise ModuleNotFoundError(f"EXPERIMENTS names {name!r}, but there is no {path.replace('.', '/')}.py")
    return path if spec.submodule_search_locations is None else f"{path}.experiment"


def title(name: str) -> str:
    """The first line of an experiment's docstring, read without importing it."""
    spec = importlib.util.find_spec(module_of(name))
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{module_of(name)} has no file")
    docstring = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].rstrip(".")


def load(name: str) -> Experiment:
    """Imports one experiment: a module that has all of the contract, or that of a folder, whose ``run`` is apart.

    Raises:
      ImportError: a module cannot be imported: a defect of the module, shown as it is.
      TypeError: a part of the contract is missing.
    """
    path = module_of(name)
    folder = path.removesuffix(".experiment")
    found = importlib.import_module(path) if folder == path else _joined(folder)
    missing = [part for part in ("Config", "SMOKE", "run", "plot", "claims", "table") if not hasattr(found, part)]
    if missing:
        raise TypeError(f"{path} has no {', '.join(missing)}; the docstring of experiments says what it needs")
    return cast(Experiment, found)


@functools.cache
def _joined(folder: str) -> SimpleNamespace:
    """The experiment of a folder. ``compute``, which imports JAX, is loaded when it runs, so that all else needs none."""

    def run(config: Any, progress: Progress) -> Arrays:
        return importlib.import_module(f"{folder}.compute").run(config, progress)

    return SimpleNamespace(**{**vars(importlib.import_module(f"{folder}.experiment")), "run": run})


def has_animation(experiment: Experiment) -> bool:
    """Whether the experiment has the contract's optional part, ``animation(arrays) -> matplotlib.animation.Animation``."""
    return hasattr(experiment, "animation")


def presets(experiment: Experiment) -> dict[str, Any]:
    """The configurations that have a name.

    Where an experiment has no quick one, its full one takes minutes on two cores, and is quick.
    """
    full = experiment.Config()
    return {"full": full, "quick": full, "smoke": experiment.SMOKE, **getattr(experiment, "PRESETS", {})}


def run(request: Request, root: Path, progress: Progress, *, label: str = "") -> Outcome:
    """Runs one experiment and puts its folder in place.

    Args:
      request: the experiment and its options.
      root: the folder of results; the run leaves ``root / request.name``.
      progress: where progress is shown.
      label: what is added to the experiment's name in progress, e.g. ``"(2 of 5)"``.

    Returns:
      The folder and the claims.

    Raises:
      UserError: the folder cannot be written; known before anything is computed.
    """
    with artifacts.staged(root, request.name) as folder:
        devices.configure_jax()
        started, clock = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), time.perf_counter()
        seconds = times.weight(request.name, request.preset)
        with progress.task(f"{request.name} {label}".strip(), share=seconds, expected=seconds):
            computed = request.experiment.run(request.config, progress)
        seconds = time.perf_counter() - clock
        seed = getattr(request.config, "seed", None)
        facts = artifacts.manifest(
            request.name, command=request.command, preset=request.preset, seed=seed, started=started, seconds=seconds
        )
        arrays = artifacts.plain_arrays(computed)
        try:
            with artifacts.writing(root / request.name / artifacts.ARRAYS):
                artifacts.write_computed(folder, arrays, request.config, facts)
            claims = _present(request.experiment, arrays, folder, root / request.name)
        except Exception as error:
            kept = artifacts.keep(folder, root / request.name, (arrays, request.config, facts))
            if isinstance(error, UserError):
                raise UserError(f"{error}; {kept}") from error
            error.add_note(kept)
            raise
    artifacts.drop_unfinished(root / request.name)
    # Options of one's own take a time of their own.
    if request.config == presets(request.experiment).get(request.preset):
        times.keep(request.name, request.preset, seconds)
    progress.console.print(
        f"{root / request.name}: {tally(claims)}, computed in {duration(seconds)}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return Outcome(request.name, root / request.name, claims)


def redraw(name: str, experiment: Experiment, root: Path) -> Outcome:
    """Makes figure, table and claims again from the saved arrays; nothing is computed and JAX is not needed.

    Args:
      name: the experiment.
      experiment: its module.
      root: the folder of results that holds ``root / name``.

    Returns:
      The folder and the claims.

    Raises:
      UserError: there are no arrays, or the folder cannot be written.
    """
    source = artifacts.to_draw(root / name)
    arrays = artifacts.read_arrays(source)
    with artifacts.staged(root, name) as folder:
        with artifacts.writing(root / name):
            for file in artifacts.COMPUTED:
                if (source / file).exists() or source == root / name:
                    shutil.copy2(source / file, folder / file)
            if not (folder / artifacts.MANIFEST).exists():
                # The disk was full before it was written.
                write_json(folder / artifacts.MANIFEST, {"experiment": name})
        claims = _present(experiment, arrays, folder, root / name)
    artifacts.drop_unfinished(root / name)
    return Outcome(name, root / name, claims)


def _present(experiment: Experiment, arrays: Arrays, folder: Path, target: Path) -> list[Claim]:
    """Writes what is made from the arrays alone into ``folder``, which becomes ``target``: table, claims, figure."""
    claims, table = list(experiment.claims(arrays)), experiment.table(arrays)
    with artifacts.writing(target / "table.csv"):
        artifacts.write_table(folder, table)
    with artifacts.writing(target / "claims.json"):
        artifacts.write_claims(folder, claims)
    with artifacts.writing(target / "figure.png"):
        artifacts.write_figure(folder, experiment.plot(arrays))
    if has_animation(experiment):
        with artifacts.writing(target / "animation.gif"):
            artifacts.write_animation(folder, experiment.animation(arrays))  # type: ignore[attr-defined]  # Checked just now.
    return claims


def run_all(requests: Sequence[Request], root: Path, progress: Progress) -> list[Outcome]:
    """Runs several experiments in one process, with one estimate of the time left for all of them."""
    artifacts.check_writable(root, [request.name for request in requests])
    total = sum(times.weight(request.name, request.preset) for request in requests)
    with progress.task("all experiments", total=total, expected=total):
        return [
            run(request, root, progress, label=f"({index} of {len(requests)})")
            for index, request in enumerate(requests, start=1)
        ]
