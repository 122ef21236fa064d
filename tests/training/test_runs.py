"""What a run promises: stopping, however it comes, and going on gives the numbers of never having stopped."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import random
import resource
import signal
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.context import ForkServerContext
from pathlib import Path

import jax
import numpy as np
import pytest

from gan_jax.models.generators import mlp_generator
from gan_jax.models.mlp import mlp
from gan_jax.objectives.losses import non_saturating
from gan_jax.training import run_folder, runs, updates
from gan_jax.training.checkpoint import digest
from gan_jax.training.game import Game, gan
from gan_jax.training.state import GameState
from tests.tiers import some

sys.path.insert(0, os.fspath(Path(__file__).parent))
import run_worker

PATIENCE = 120.0


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Processes that have imported everything, and started no backend of JAX: a start costs what a run costs, not its imports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["run_worker"])
    return context


def finish(context: ForkServerContext, folder: Path) -> float:
    """Runs to the end; returns the seconds it took."""
    began = time.perf_counter()
    process = context.Process(target=run_worker.work, args=(os.fspath(folder),))
    process.start()
    process.join(PATIENCE)
    assert process.exitcode == 0
    return time.perf_counter() - began


def result(folder: Path) -> dict[str, bytes]:
    """All that has to come out the same: the state's digest, the log, the table, and every picture."""
    names = [
        run_worker.DONE,
        run_folder.METRICS,
        run_folder.TABLE,
        *sorted(p.name for p in folder.glob("samples-*.bin")),
    ]
    return {name: (folder / name).read_bytes() for name in names}


@pytest.fixture(scope="module")
def whole(processes: ForkServerContext, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], float]:
    """What a run gives that nobody disturbs, and the seconds that one takes with its programs compiled before."""
    folder = tmp_path_factory.mktemp("whole")
    finish(processes, folder / "first")
    seconds = finish(processes, folder / "second")
    assert result(folder / "first") == result(folder / "second")
    return result(folder / "first"), seconds


@pytest.mark.slow
@pytest.mark.parametrize(("kills", "seed"), some([(3, 1), (5, 2), (5, 3)], 3))
def test_kills_at_random_moments_change_no_bit(
    processes: ForkServerContext, whole: tuple[dict[str, bytes], float], tmp_path: Path, kills: int, seed: int
) -> None:
    expected, seconds = whole
    moments, folders = random.Random(seed), (tmp_path / str(number) for number in itertools.count())
    folder = next(folders)
    while kills:
        process = processes.Process(target=run_worker.work, args=(os.fspath(folder),))
        process.start()
        # From the first import to the last save.
        process.join(moments.uniform(0.1, 0.8) * seconds)
        if process.exitcode is None:
            os.kill(process.pid, signal.SIGKILL)
            process.join(PATIENCE)
            kills -= 1
        else:
            # What goes on is nearer to its end, and may reach it first: the next kill is of a new run.
            assert result(folder) == expected
            folder = next(folders)
    finish(processes, folder)
    assert result(folder) == expected


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_exits_cleanly(
    processes: ForkServerContext, whole: tuple[dict[str, bytes], float], tmp_path: Path, number: int
) -> None:
    process = processes.Process(target=run_worker.work, args=(os.fspath(tmp_path),))
    process.start()
    while not (tmp_path / run_folder.METRICS).is_file() or not run_folder.read_rows(tmp_path):
        time.sleep(0.02)
    os.kill(process.pid, number)
    process.join(PATIENCE)
    assert process.exitcode == 0
    saved = max(int(path.name) for path in (tmp_path / "checkpoints").iterdir() if path.name.isdigit())
    # Every step that was made was saved, also those of a row that is not full.
    last = run_folder.read_rows(tmp_path)[-1]["step"]
    assert last <= saved < last + run_worker.SCHEDULE.log_every
    finish(processes, tmp_path)
    assert result(tmp_path) == whole[0]


# --------------------------------------------------------------------------------------------------------- in this process


def small_game(width: int = 8) -> Game:
    return gan(
        non_saturating(),
        mlp_generator((width,)),
        mlp((width,)),
        lambda key, batch: jax.random.normal(key, (batch, 2)),
        updates.alternating(),
        batch_size=8,
        ema_decay=0.9,
    )


def train(
    folder: Path, *, game: Game | None = None, steps: int = 20, config: dict | None = None, **options
) -> runs.Finished:
    schedule = runs.Schedule(steps, log_every=5, save_every=10, keep=2)
    return runs.train(
        game or small_game(), jax.random.key(1), folder, schedule, config=config or {"rule": {"rate": 1.0}}, **options
    )


def checkpoints(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


@pytest.mark.slow
def test_a_longer_run_is_a_shorter_one_that_went_on(tmp_path: Path) -> None:
    once = train(tmp_path / "once", steps=40)
    for steps in (10, 20, 40):
        twice = train(tmp_path / "twice", steps=steps)
    assert digest(once.state) == digest(twice.state)
    assert run_folder.read_rows(tmp_path / "once") == run_folder.read_rows(tmp_path / "twice")


@pytest.mark.slow
def test_a_damaged_checkpoint_is_passed_over_with_a_warning(tmp_path: Path) -> None:
    expected = digest(train(tmp_path).state)
    assert checkpoints(tmp_path) == ["10", "20"]
    for file in (tmp_path / "checkpoints" / "20" / "state").rglob("*"):
        if file.is_file() and file.stat().st_size > 1000:
            file.write_bytes(file.read_bytes()[:-7])
    with pytest.warns(RuntimeWarning, match="checkpoint .*20 is damaged .*; an earlier one is looked for"):
        again = train(tmp_path)
    assert digest(again.state) == expected
    assert checkpoints(tmp_path) == ["10", "20", "damaged-20"]


def test_of_a_file_that_is_cut_one_sentence_is_said(tmp_path: Path) -> None:
    """Pytest fails where the reads that were under way complain of it."""
    from gan_jax.training import checkpoint

    state = {f"a{i}": np.random.default_rng(i).normal(size=(64, 64)) for i in range(24)}
    manager = checkpoint.manager(tmp_path / "checkpoints")
    for step in (1, 2):
        checkpoint.save(manager, step, state)
    # What is saved is there when the manager is closed.
    manager.close()
    data = max((tmp_path / "checkpoints" / "2" / "state" / "d").iterdir(), key=lambda file: file.stat().st_size)
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    manager = checkpoint.manager(tmp_path / "checkpoints")
    with pytest.warns(RuntimeWarning, match="is damaged") as said:
        assert checkpoint.restore(manager, state)[0] == 1
    manager.close()
    assert not any("tensorstore" in str(warning.message) for warning in said)


@pytest.mark.slow
def test_numbers_that_changed_on_the_disk_are_damage(tmp_path: Path) -> None:
    from gan_jax.training import checkpoint

    train(tmp_path)
    manager = checkpoint.manager(tmp_path / "checkpoints", keep=3)
    state = small_game().init(jax.random.key(1))
    step, right = checkpoint.restore(manager, state)
    assert step == 20
    # A checkpoint that orbax reads without complaint, and whose numbers are not those of its digest.
    checkpoint.save(manager, 30, right)
    facts = next(path for path in (tmp_path / "checkpoints" / "30" / "facts").iterdir() if path.name == "metadata")
    facts.write_text(facts.read_text(encoding="utf-8").replace(digest(right)[:8], "00000000"), encoding="utf-8")
    with pytest.warns(RuntimeWarning, match="not those that were saved"):
        assert checkpoint.restore(manager, state)[0] == 20
    manager.close()


@pytest.mark.slow
def test_no_checkpoint_that_can_be_read_is_an_error(tmp_path: Path) -> None:
    train(tmp_path)
    for step in ("10", "20"):
        (tmp_path / "checkpoints" / step / "facts" / "metadata").write_text("{", encoding="utf-8")
    with (
        pytest.warns(RuntimeWarning, match="damaged"),
        pytest.raises(RuntimeError, match="none of the 2 checkpoints in"),
    ):
        train(tmp_path)


@pytest.mark.slow
def test_another_configuration_is_refused_by_the_field(tmp_path: Path) -> None:
    train(tmp_path)
    message = r"rule\.rate is 2\.0, and 1\.0 in the configuration of the run in .*; expected the same"
    with pytest.raises(ValueError, match=message):
        train(tmp_path, config={"rule": {"rate": 2.0}})
    with pytest.raises(ValueError, match=r"rule\.steps is 3, and absent in the configuration of the run in"):
        train(tmp_path, config={"rule": {"rate": 1.0, "steps": 3}})
    train(tmp_path, config={"rule": {"rate": 1.0}, "devices": {"count": 3}}, free=("devices",))


@pytest.mark.slow
def test_a_checkpoint_of_another_model_is_refused_by_the_leaf(tmp_path: Path) -> None:
    train(tmp_path)
    message = r"another model: generator\.variables\.params\.Dense_0\.bias is float32\[8\] in it and float32\[16\] here"
    with pytest.raises(ValueError, match=message):
        train(tmp_path, game=small_game(width=16))


@pytest.mark.slow
def test_a_second_run_in_the_folder_is_refused(tmp_path: Path) -> None:
    with (
        run_folder.locked(tmp_path),
        pytest.raises(RuntimeError, match=f"{tmp_path} is in use by process {os.getpid()} on"),
    ):
        train(tmp_path)
    train(tmp_path)


@pytest.mark.slow
def test_a_full_disk_names_the_path_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest(train(tmp_path, steps=10).state)

    def full(path: object) -> object:
        return type("Usage", (), {"free": 10})()

    monkeypatch.setattr("gan_jax.training.checkpoint.shutil.disk_usage", full)
    with pytest.raises(OSError, match=rf"checkpoint 20 cannot be written to {tmp_path}/checkpoints \(0\.0 MB free"):
        train(tmp_path, steps=20)
    monkeypatch.undo()
    _, state = runs.restored(small_game(), jax.random.key(1), tmp_path)
    assert digest(state) == before
    assert digest(train(tmp_path, steps=20).state) == digest(train(tmp_path / "other", steps=20).state)


def test_a_file_that_cannot_grow_names_itself(tmp_path: Path) -> None:
    """The operating system refuses the write in the middle of a row, as a full disk does."""
    run_folder.append(tmp_path, {"step": 5, "loss": 0.5})
    size = (tmp_path / run_folder.METRICS).stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 4, hard))
        with pytest.raises(OSError, match=rf"{run_folder.METRICS} cannot be written \(File too large\)"):
            run_folder.append(tmp_path, {"step": 10, "loss": 0.25})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    # What was cut short is left out, and written again.
    assert run_folder.read_rows(tmp_path) == [{"step": 5, "loss": 0.5}]
    run_folder.cut(tmp_path, 5)
    run_folder.append(tmp_path, {"step": 10, "loss": 0.25})
    assert [row["step"] for row in run_folder.read_rows(tmp_path)] == [5, 10]


@pytest.mark.slow
def test_what_is_not_finite_is_never_saved(tmp_path: Path) -> None:
    game = small_game()

    def poisoned(state: GameState, feed: object = None) -> object:
        state, info = game.step(state)
        return state, info._replace(penalty=jax.numpy.where(state.step == 13, jax.numpy.nan, info.penalty))

    with pytest.raises(FloatingPointError, match="penalty is not finite at step 13"):
        train(tmp_path, game=game._replace(step=poisoned))
    assert checkpoints(tmp_path) == ["10"]


@pytest.mark.slow
def test_the_last_few_and_the_best_are_kept(tmp_path: Path) -> None:
    numbers, shown = iter([3.0, 1.0, 2.0, 2.5, 4.0]), []

    def during(what: str) -> AbstractContextManager[object]:
        shown.append(what)
        return nullcontext()

    schedule = runs.Schedule(50, log_every=10, save_every=10, keep=2, best="kid")
    runs.train(
        small_game(), jax.random.key(1), tmp_path, schedule, config={}, evaluate=lambda state: {"kid": next(numbers)},
        during=during,
    )  # fmt: skip
    assert shown == [
        "preparing the networks and the last checkpoint",
        "compiling a step",
        *(f"drawing and measuring what was saved at step {step}" for step in range(10, 60, 10)),
    ]
    assert checkpoints(tmp_path) == ["20", "40", "50"]
    assert [row["kid"] for row in run_folder.read_rows(tmp_path)] == [3.0, 1.0, 2.0, 2.5, 4.0]


@pytest.mark.slow
def test_event_files_hold_every_row(tmp_path: Path) -> None:
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import RecordWriter  # noqa: F401

    train(tmp_path, sinks=[run_folder.tensorboard])
    (file,) = (tmp_path / "tensorboard").iterdir()
    seen: dict[int, dict[str, float]] = {}
    data = file.read_bytes()
    while data:
        # TFRecord: length, its checksum, the record, its checksum.
        length = int.from_bytes(data[:8], "little")
        event = Event.FromString(data[12 : 12 + length])
        data = data[16 + length :]
        for value in event.summary.value:
            seen.setdefault(event.step, {})[value.tag] = value.simple_value
    rows = run_folder.read_rows(tmp_path)
    assert sorted(seen) == [row["step"] for row in rows]
    for row in rows:
        for name, value in row.items():
            if name != "step":
                np.testing.assert_allclose(seen[row["step"]][name], value, rtol=1e-6)


@pytest.mark.slow
def test_the_table_is_the_log(tmp_path: Path) -> None:
    train(tmp_path)
    header, *lines = (tmp_path / run_folder.TABLE).read_text(encoding="utf-8").splitlines()
    rows = run_folder.read_rows(tmp_path)
    assert header.split(",")[0] == "step"
    assert [float(line.split(",")[1]) for line in lines] == [row["divergence"] for row in rows]
    assert json.loads((tmp_path / run_folder.CONFIG).read_text(encoding="utf-8")) == {"rule": {"rate": 1.0}}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps is 0; expected an integer of at least 1"),
        (
            {"steps": 25, "log_every": 10},
            "steps is 25 and log_every is 10; expected steps to be a multiple of log_every",
        ),
        ({"steps": 20, "log_every": 10, "save_every": 15}, "save_every is 15 and log_every is 10"),
        ({"steps": 20, "keep": 0}, "keep is 0"),
    ],
)
def test_a_schedule_that_does_not_fit_is_one_sentence(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        runs.Schedule(**options)


def test_a_folder_that_is_no_run_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"{tmp_path} holds no checkpoints"):
        runs.restored(small_game(), jax.random.key(0), tmp_path)
    (tmp_path / "empty" / "checkpoints").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="empty holds no whole checkpoint"):
        runs.restored(small_game(), jax.random.key(0), tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match=f"{tmp_path} holds no config"):
        run_folder.read_config(tmp_path)
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OSError, match="file/run cannot be written"):
        train(tmp_path / "file" / "run")
