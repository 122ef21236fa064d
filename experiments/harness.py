"""Runs experiments: configures JAX, computes, and leaves one folder of artifacts for each."""

from __future__ import annotations

import ast
import contextlib
import datetime
import importlib
import importlib.util
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from experiments import artifacts, times
from experiments.artifacts import Arrays, Row, UserError
from experiments.claims import Claim, tally
from experiments.progress import Progress, duration
from gan_jax.files import user_cache

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CPU_DEVICES = 8


class Experiment(Protocol):
    """What a module of this package offers; see the package's docstring. ``animation`` is optional, and so not listed."""

    __doc__: str | None
    Config: type[Any]
    SMOKE: Any

    def run(self, config: Any, progress: Progress) -> Arrays: ...

    def plot(self, arrays: Arrays) -> Figure: ...

    def claims(self, arrays: Arrays) -> list[Claim]: ...

    def table(self, arrays: Arrays) -> list[Row]: ...


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


def title(name: str) -> str:
    """The first line of an experiment's docstring, read without importing it."""
    spec = importlib.util.find_spec(f"experiments.{name}")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"EXPERIMENTS names {name!r}, but there is no module experiments/{name}.py")
    docstring = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].rstrip(".")


def load(name: str) -> Experiment:
    """Imports one experiment.

    Raises:
      ImportError: the module cannot be imported: a defect of the module, shown as it is.
      TypeError: the module lacks a part of the contract.
    """
    module = importlib.import_module(f"experiments.{name}")
    missing = [part for part in ("Config", "SMOKE", "run", "plot", "claims", "table") if not hasattr(module, part)]
    if missing:
        raise TypeError(
            f"experiments/{name}.py has no {', '.join(missing)}; the docstring of experiments says what it needs"
        )
    return cast(Experiment, module)


def has_animation(experiment: Experiment) -> bool:
    """Whether the experiment has the contract's optional part, ``animation(arrays) -> matplotlib.animation.Animation``."""
    return hasattr(experiment, "animation")


def presets(experiment: Experiment) -> dict[str, Any]:
    """The configurations that have a name.

    Where an experiment has no quick one, its full one takes minutes on two cores, and is quick.
    """
    full = experiment.Config()
    return {"full": full, "quick": full, "smoke": experiment.SMOKE, **getattr(experiment, "PRESETS", {})}


def configure_jax(cpu_devices: int | None = None) -> None:
    """Sets JAX up for a run: the compilation cache on disk, virtual devices on a CPU. What the user set stays.

    Ensembles shard over devices, so on a CPU they use all cores as soon as there is one virtual device for each. One large
    step is better off with one device, whose products use all cores: two that share a batch wait for each other. The
    number of devices is fixed when JAX first computes; in a process where that has happened it stays.

    Args:
      cpu_devices: how many a CPU becomes; one for each core where None.
    """
    import jax

    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(user_cache() / "xla"))
    # JAX by default stores only programs that took long to compile; many small ones are what a start of seconds goes
    # into.
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    if "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES" not in os.environ:
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    chosen = "JAX_NUM_CPU_DEVICES" in os.environ or "xla_force_host_platform_device_count" in os.environ.get(
        "XLA_FLAGS", ""
    )
    if not chosen:
        # RuntimeError: the backends are up already, and the devices are what they are.
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", cpu_devices or min(cores(), MOST_CPU_DEVICES))


def cores() -> int:
    """The CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
        configure_jax()
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
                artifacts.write_json(folder / artifacts.MANIFEST, {"experiment": name})
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


__all__ = [
    "Experiment",
    "Outcome",
    "Request",
    "UserError",
    "configure_jax",
    "has_animation",
    "load",
    "presets",
    "redraw",
    "run",
    "run_all",
    "title",
]
