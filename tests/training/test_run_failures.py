"""What fails beside a run, or is damaged behind its back, costs no step that was made, and is never passed over in silence."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import sys
import threading
import time
import types
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models import players
from gan_jax.objectives import losses
from gan_jax.training import checkpoint, game, run_folder, runs, updates
from gan_jax.training.checkpoint import digest
from gan_jax.training.game import Game
from gan_jax.training.state import GameState, Info
from gan_jax.typing import Array, PRNGKey


def data(key: PRNGKey, batch: int) -> Array:
    return 1.0 + 0.5 * jax.random.normal(key, (batch, 1))


def gan(rate: float = 0.05) -> Game:
    return game.gan(
        losses.minimax(), players.affine(), players.linear(), data, updates.alternating(), batch_size=8, generator_rate=rate
    )  # fmt: skip


def train(
    folder: Path, *, of: Game | None = None, steps: int = 20, keep: int = 2, config: object = None, **options: object
) -> runs.Finished:
    best = options.pop("best", None)
    schedule = runs.Schedule(steps, log_every=5, save_every=10, keep=keep, best=best)
    config = {"rate": 0.05} if config is None else config
    return runs.train(of or gan(), jax.random.key(1), folder, schedule, config=config, **options)


def checkpoints(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def log(folder: Path) -> tuple[bytes, bytes]:
    return (folder / run_folder.METRICS).read_bytes(), (folder / run_folder.TABLE).read_bytes()


def measure(state: GameState) -> dict[str, float]:
    return {"shift": float(state.generator.variables["params"]["shift"][0])}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, tuple[bytes, bytes]]:
    """What a measured run of 20 steps ends with that nobody disturbs: the state's digest, log and table."""
    folder = tmp_path_factory.mktemp("whole")
    return digest(train(folder, evaluate=measure).state), log(folder)


# -------------------------------------------------------------------------------------------- what belongs to a save and fails


@pytest.mark.slow
def test_a_failing_evaluation_comes_after_its_save_and_costs_a_warning(
    tmp_path: Path, whole: tuple[str, tuple[bytes, bytes]]
) -> None:
    found = []

    def fails(state: GameState) -> Mapping[str, float]:
        found.append(checkpoints(tmp_path))
        raise MemoryError("60000 × 60000 distances")

    with pytest.warns(RuntimeWarning) as said:
        done = train(tmp_path, evaluate=fails)
    assert found == [["10"], ["10", "20"]]
    assert done.complete
    assert digest(done.state) == whole[0]
    assert [str(warning.message) for warning in said] == [
        f"the evaluation at step {step} failed (MemoryError: 60000 × 60000 distances); what is saved stays, and the run goes on"
        for step in (10, 20)
    ]
    # The rows are there, without what was not measured.
    rows = run_folder.read_rows(tmp_path)
    assert [row["step"] for row in rows] == [5, 10, 15, 20]
    assert not any("shift" in row for row in rows)
    # Mended, it is done for the step where the run stands.
    train(tmp_path, evaluate=measure)
    assert ["shift" in row for row in run_folder.read_rows(tmp_path)] == [False, False, False, True]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("measured", "sentence"),
    [
        ({"kid": "low"}, "evaluate returned kid as 'low'; expected one number"),
        ({"kid": np.ones(2)}, "evaluate returned kid as an array of shape (2,); expected one number"),
        ({"step": 7.0}, "evaluate returned 'step'; expected names other than those of the row"),
        ({"divergence": 1.0}, "evaluate returned 'divergence'; expected names other than those of the row"),
        ([0.1], "evaluate returned [0.1]; expected a mapping of names to numbers"),
    ],
)
def test_what_is_no_measure_is_not_in_the_log(
    tmp_path: Path, whole: tuple[str, tuple[bytes, bytes]], measured: Any, sentence: str
) -> None:
    """A log that held it could not be read at the next start."""
    with pytest.warns(RuntimeWarning) as said:
        train(tmp_path, steps=10, evaluate=lambda state: measured)
    assert sentence in str(said[0].message)
    train(tmp_path, evaluate=measure)
    assert [row["step"] for row in run_folder.read_rows(tmp_path)] == [5, 10, 15, 20]
    assert digest(train(tmp_path, evaluate=measure).state) == whole[0]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"config": "width"}, "config is 'width'; expected a mapping"),
        ({"free": "width"}, "free is 'width'; expected several dotted names, such as ['width']"),
        ({"stop": "collapsed"}, "stop is 'collapsed'; expected a function of (info)"),
        ({"evaluate": 3}, "evaluate is 3; expected a function of (state)"),
        ({"on_save": lambda state: None}, "expected a function of (state, step)"),
    ],
)
def test_arguments_of_another_kind_are_refused_before_a_file_is_written(
    tmp_path: Path, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(TypeError, match=re.escape(sentence)):
        train(tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_best_is_one_that_was_measured(tmp_path: Path) -> None:
    numbers = iter([float("nan"), 1.0, None, 0.5, -float("inf"), 2.0])

    def sometimes(state: GameState) -> Mapping[str, float]:
        number = next(numbers)
        if number is None:
            raise ValueError("no")
        return {"kid": number}

    with pytest.warns(RuntimeWarning, match="the evaluation at step 30 failed"):
        train(tmp_path, steps=60, keep=1, best="kid", evaluate=sometimes)
    assert checkpoints(tmp_path) == ["40", "60"]


@pytest.mark.slow
def test_pictures_and_sinks_that_fail_are_warned_of_by_name(
    tmp_path: Path, whole: tuple[str, tuple[bytes, bytes]]
) -> None:
    told, closed = [], []

    @contextmanager
    def board(folder: Path, step: int):
        def write(step: int, row: Mapping[str, float]) -> None:
            told.append(step)
            raise OSError(28, "No space left on device")

        yield write
        closed.append(True)
        raise OSError(28, "No space left on device")

    def pictures(state: GameState, step: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.warns(RuntimeWarning) as said:
        done = train(tmp_path, evaluate=measure, on_save=pictures, sinks=[board])
    assert (digest(done.state), log(tmp_path)) == whole
    whats = [str(warning.message).partition(" failed")[0] for warning in said]
    assert whats == [f"pictures of step {step}" if step != 5 else "board at step 5" for step in (0, 5, 10, 20)] + [
        "closing board"
    ]
    assert (told, closed) == ([5], [True])


def test_a_log_that_cannot_be_written_for_a_moment_loses_no_row(
    tmp_path: Path, whole: tuple[str, tuple[bytes, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = run_folder.append, []

    def sometimes(folder: Path, *rows: Mapping[str, float]) -> None:
        calls.append(len(rows))
        if len(calls) == 1:
            raise OSError(28, "the log cannot be written")
        write(folder, *rows)

    monkeypatch.setattr(run_folder, "append", sometimes)
    with pytest.warns(RuntimeWarning, match="writing the log at step 5 failed"):
        done = train(tmp_path, evaluate=measure)
    assert (digest(done.state), log(tmp_path)) == whole
    assert calls[:2] == [1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["killed", "asked"])
def test_what_a_save_still_owes_is_done_at_the_next_start(
    tmp_path: Path, whole: tuple[str, tuple[bytes, bytes]], way: str
) -> None:
    pictures: list[int] = []

    def interrupted(state: GameState) -> Mapping[str, float]:
        if "20" not in checkpoints(tmp_path):
            return measure(state)
        if way == "killed":
            raise SystemExit
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
        raise AssertionError("SIGTERM was not heard while an evaluation lasted")

    options = {"on_save": lambda state, step: pictures.append(step)}
    if way == "killed":
        with pytest.raises(SystemExit):
            train(tmp_path, evaluate=interrupted, **options)
    else:
        began = time.perf_counter()
        assert train(tmp_path, evaluate=interrupted, **options)[1:] == (20, False)
        assert time.perf_counter() - began < 30
    assert not any("shift" in row for row in run_folder.read_rows(tmp_path)[2:])
    done = train(tmp_path, evaluate=measure, **options)
    assert (done.complete, digest(done.state), log(tmp_path)) == (True, *whole)
    assert pictures == [0, 10, 20, 20]
    # Then nothing is owed.
    train(tmp_path, evaluate=measure, **options)
    assert pictures == [0, 10, 20, 20]


# --------------------------------------------------------------------------------------------------------------- what is kept


@pytest.mark.slow
def test_as_many_checkpoints_stay_as_were_asked_for_measured_or_not(tmp_path: Path) -> None:
    train(tmp_path, steps=60, keep=2, best="kid")
    assert checkpoints(tmp_path) == ["50", "60"]
    # Those of a stop, at which nothing is due, are checkpoints as others are.
    for step in (65, 70, 75):
        assert train(tmp_path, steps=100, keep=2, best="kid", stop=lambda info: True).step == step
    assert checkpoints(tmp_path) == ["70", "75"]


@pytest.mark.slow
def test_a_stop_that_is_heard_while_a_save_is_measured_leaves_no_checkpoint_more(tmp_path: Path) -> None:
    def interrupted(state: GameState) -> Mapping[str, float]:
        if "20" in checkpoints(tmp_path):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
        return measure(state)

    assert train(tmp_path, evaluate=interrupted, keep=1)[1:] == (20, False)
    assert checkpoints(tmp_path) == ["20"]


# ------------------------------------------------------------------------------------------------------- what is not finite


def poisoned(at: int) -> Game:
    """A game whose step ``at`` looks finite and leaves a parameter that is not."""
    fine = gan()

    def step(state: GameState, feed: object = None) -> tuple[GameState, Info]:
        after, info = fine.step(state)
        params = dict(after.generator.variables["params"])
        params["shift"] = jnp.where(after.step == at, jnp.nan, params["shift"])
        return after._replace(generator=after.generator._replace(variables={"params": params})), info

    return fine._replace(step=step)


@pytest.mark.slow
def test_a_state_that_is_not_finite_is_never_saved(tmp_path: Path) -> None:
    with pytest.raises(
        FloatingPointError, match=r"generator\.variables\.params\.shift is not finite after step 20, which is not saved"
    ):
        train(tmp_path, of=poisoned(20))
    assert checkpoints(tmp_path) == ["10"]


def test_a_run_does_not_begin_with_what_is_not_finite(tmp_path: Path) -> None:
    with pytest.raises(FloatingPointError, match=r"hyper\.generator_rate is not finite before the first step"):
        train(tmp_path, of=_begun_with_nan())
    assert checkpoints(tmp_path) == []


def _begun_with_nan() -> Game:
    """A game whose own ``init`` gives a rate that is not finite, which a game made of numbers refuses."""
    fine = gan()

    def init(*args: object, **options: object) -> GameState:
        state = fine.init(*args, **options)
        return state._replace(hyper={**state.hyper, "generator_rate": jnp.asarray(jnp.nan)})

    return fine._replace(init=init)


def test_a_checkpoint_that_is_not_finite_is_not_drawn_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As earlier versions saved them."""
    monkeypatch.setattr(checkpoint, "refuse_not_finite", lambda state, when: None)
    train(tmp_path, of=poisoned(20))
    assert checkpoints(tmp_path) == ["10", "20"]
    with pytest.warns(RuntimeWarning, match=r"checkpoint .*20 is damaged \(generator\.variables\.params\.shift is not"):
        step, state = runs.restored(gan(), jax.random.key(1), tmp_path)
    assert step == 10
    assert checkpoint.not_finite(state) == []


@pytest.mark.slow
def test_a_rate_that_was_too_high_is_changed_on_request_and_on_record(tmp_path: Path) -> None:
    high = {"config": {"rate": 0.05}, "of": poisoned(20)}
    with pytest.raises(FloatingPointError):
        train(tmp_path, **high)
    low = {"config": {"rate": 0.01}, "of": gan(0.01)}
    with pytest.raises(
        ValueError, match=r"rate is 0\.01, and 0\.05 in the configuration of the run in .*; .* change rate"
    ):
        train(tmp_path, **low)
    # One that the configuration does not know of is found in the state.
    with pytest.raises(ValueError, match=r"generator_rate is 0\.01, and the run was trained with 0\.05 up to step 10"):
        train(tmp_path, of=gan(0.01))
    done = train(tmp_path, **low, change=["rate"])
    assert float(done.state.hyper["generator_rate"]) == pytest.approx(0.01)
    (record,) = (tmp_path / run_folder.CHANGES).read_text(encoding="utf-8").splitlines()
    assert json.loads(record) == {"step": 10, "name": "rate", "from": 0.05, "to": 0.01}
    assert run_folder.read_config(tmp_path) == {"rate": 0.01}
    # Killed before its next save, the run still goes on under the new rate, without being asked again.
    shutil.rmtree(tmp_path / "checkpoints" / "20")
    again = train(tmp_path, **low)
    assert digest(again.state) == digest(done.state)


# --------------------------------------------------------------------------------------------- what is damaged, lost or moved


def damage(folder: Path, *steps: int) -> None:
    for step in steps:
        (folder / "checkpoints" / str(step) / "facts" / "metadata").write_text("{", encoding="utf-8")


def test_a_refusal_comes_again_until_somebody_acts(tmp_path: Path) -> None:
    train(tmp_path)
    before = log(tmp_path)
    damage(tmp_path, 10, 20)
    for _ in range(2):
        with (
            pytest.warns(RuntimeWarning, match="damaged"),
            pytest.raises(RuntimeError, match="none of the 2 checkpoints in"),
        ):
            train(tmp_path)
        assert checkpoints(tmp_path) == ["10", "20"]
        assert log(tmp_path) == before
    # What an earlier version renamed is no reason to begin again either.
    for step in (10, 20):
        (tmp_path / "checkpoints" / str(step)).rename(tmp_path / "checkpoints" / f"damaged-{step}")
    with pytest.raises(RuntimeError, match="holds damaged-10, damaged-20 and no checkpoint that is whole"):
        train(tmp_path)
    assert log(tmp_path) == before


@pytest.mark.parametrize("count", [1, 2])
def test_a_process_that_is_gone_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Where two read together and one is killed, the other finds the network closed, and the checkpoint as whole as it was."""
    manager = checkpoint.manager(tmp_path)
    checkpoint.save(manager, 1, {"a": jnp.ones(3)})

    def closed(*arguments: Any, **keywords: Any) -> None:
        raise ValueError(
            "INTERNAL: [external/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:2"
        )

    monkeypatch.setattr(manager, "restore", closed)
    monkeypatch.setattr(checkpoint.jax, "process_count", lambda: count)
    if count == 2:
        with pytest.raises(ValueError, match="Connection closed by peer"):
            checkpoint.restore(manager, {"a": jnp.ones(3)})
    else:
        with pytest.warns(RuntimeWarning, match="is damaged"), pytest.raises(RuntimeError, match="none of the 1"):
            checkpoint.restore(manager, {"a": jnp.ones(3)})
    assert [path.name for path in tmp_path.iterdir()] == ["1"]
    monkeypatch.undo()
    manager.close()


@pytest.mark.slow
def test_what_is_cut_from_a_log_is_kept(tmp_path: Path) -> None:
    train(tmp_path)
    rows = run_folder.read_rows(tmp_path)
    shutil.rmtree(tmp_path / "checkpoints" / "20")
    train(tmp_path)
    assert run_folder.read_rows(tmp_path) == rows
    kept = [json.loads(line) for line in (tmp_path / run_folder.CUT).read_text(encoding="utf-8").splitlines()]
    assert kept == [{**row, "cut_back_to": 10} for row in rows[2:]]


@pytest.mark.slow
def test_a_checkpoint_under_another_steps_name_is_not_believed(tmp_path: Path) -> None:
    expected = digest(train(tmp_path, steps=30).state)
    folder = tmp_path / "checkpoints"
    shutil.rmtree(folder / "30")
    shutil.copytree(folder / "20", folder / "30")
    with pytest.warns(RuntimeWarning, match="by its own record it is the one of step 20, under another name"):
        again = train(tmp_path, steps=30)
    assert (again.step, digest(again.state)) == (30, expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: "", "lacks 2 of 2 rows up to step 10, the first of them of step 5"),
        (lambda text: text[: text.index("\n") + 20], "lacks 1 of 2 rows up to step 10, the first of them of step 10"),
    ],
)
def test_rows_that_a_log_has_lost_are_named(tmp_path: Path, spoil: object, message: str) -> None:
    train(tmp_path, steps=10)
    file = tmp_path / run_folder.METRICS
    file.write_text(spoil(file.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.warns(RuntimeWarning, match=message):
        assert train(tmp_path).complete
    assert [row["step"] for row in run_folder.read_rows(tmp_path)][-2:] == [15, 20]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"loss": 1.0}', r"line 3 of .* has no step"),
        ("[1, 2]", r"line 3 of .* has no step"),
        ('{"step": "x"}', r"line 3 of .* has no step"),
        ('{"step": 5, "loss": 1.0}', r"line 3 of .* is of step 5, after step 10; expected steps that rise"),
    ],
)
def test_a_line_of_a_log_that_is_no_row_is_named(tmp_path: Path, line: str, message: str) -> None:
    lines = ['{"step": 5}', '{"step": 10}', line, '{"step": 15}']
    (tmp_path / run_folder.METRICS).write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        run_folder.cut(tmp_path, 10)


def test_64_bit_numbers_are_not_another_model(tmp_path: Path) -> None:
    manager = checkpoint.manager(tmp_path)
    with jax.enable_x64(True):
        checkpoint.save(manager, 5, {"w": jnp.zeros(3), "n": jnp.zeros((), jnp.int32)})
    message = r"5 was saved with 64-bit numbers \(w is float64\[3\]\), and JAX here works without .* JAX_ENABLE_X64=1"
    with pytest.raises(ValueError, match=message):
        checkpoint.restore(manager, {"w": jnp.zeros(3), "n": jnp.zeros((), jnp.int32)})
    with pytest.raises(ValueError, match=r"another model: w is float64\[3\] in it and float32\[4\] here"):
        checkpoint.restore(manager, {"w": jnp.zeros(4), "n": jnp.zeros((), jnp.int32)})
    manager.close()


# ----------------------------------------------------------------------------------------------------------------- pieces


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 0.002, 1e6])
def test_pieces_of_any_size_make_the_same_run(
    tmp_path: Path, whole: tuple[str, tuple[bytes, bytes]], monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(runs, "PIECE_SECONDS", seconds)
    assert (digest(train(tmp_path, evaluate=measure).state), log(tmp_path)) == whole


def ask_at_step_8(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Has runs make pieces of one step, and stop in the 8th from now on; returns the sizes of those that are made."""
    monkeypatch.setattr(runs, "PIECE_SECONDS", 0.0)
    sent, sizes = runs._Pace.sent, []

    def asked(self: runs._Pace, done: Array, count: int, *asked: bool) -> bool:
        sizes.append(count)
        return sent(self, done, count, *asked, len(sizes) == 8)

    monkeypatch.setattr(runs._Pace, "sent", asked)
    return sizes


@pytest.mark.slow
def test_a_run_of_an_earlier_release_goes_on(
    tmp_path: Path, whole: tuple[str, tuple[bytes, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its log and its checkpoints, one of them inside a row, have the variance ratio by the name that it had."""

    def as_it_was(text: str) -> str:
        return text.replace('"variance_ratio"', '"spread"')

    saved = checkpoint.save
    with monkeypatch.context() as old:
        ask_at_step_8(old)
        old.setattr(checkpoint, "save", lambda *args: saved(*args[:3], json.loads(as_it_was(json.dumps(args[3])))))
        assert train(tmp_path, evaluate=measure).step == 8
    file = tmp_path / run_folder.METRICS
    file.write_text(as_it_was(file.read_text(encoding="utf-8")), encoding="utf-8")
    done = train(tmp_path, evaluate=measure)
    assert run_folder.read_rows(tmp_path)[0]["variance_ratio"] > 0.0
    assert (digest(done.state), (log(tmp_path)[1],)) == (whole[0], whole[1][1:])


@pytest.mark.slow
def test_a_run_stops_inside_a_row_and_goes_on_there(
    tmp_path: Path, whole: tuple[str, tuple[bytes, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked in the piece that ends with step 8, of pieces of one step and rows of five."""
    sizes = ask_at_step_8(monkeypatch)
    stopped = train(tmp_path, evaluate=measure)
    assert stopped[1:] == (8, False)
    assert sizes == [1] * 8
    assert checkpoints(tmp_path) == ["8"]
    assert [row["step"] for row in run_folder.read_rows(tmp_path)] == [5]
    with pytest.raises(
        ValueError, match="was saved 3 steps into a row of the log, and with log_every = 4 it is 0 steps"
    ):
        runs.train(
            gan(), jax.random.key(1), tmp_path, runs.Schedule(20, log_every=4, save_every=4), config={"rate": 0.05}
        )
    done = train(tmp_path, evaluate=measure)
    assert (digest(done.state), log(tmp_path)) == whole


def test_the_size_of_a_piece_follows_the_time_of_a_step() -> None:
    pace = runs._Pace()
    assert pace.size(100) == 1
    pace.per_step = 0.25
    assert pace.size(100) == int(runs.PIECE_SECONDS / 0.25)
    pace.per_step = 60.0
    assert pace.size(100) == 1
    pace.per_step = 1e-6
    assert pace.size(100) == 100


def test_a_failed_line_leaves_no_half_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_folder.append(tmp_path, {"step": 5})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(run_folder.os, "fsync", full)
        with pytest.raises(OSError, match=re.escape(f"{run_folder.METRICS} cannot be written (No space left")):
            run_folder.append(tmp_path, {"step": 10})
    run_folder.append(tmp_path, {"step": 10}, {"step": 15})
    assert [row["step"] for row in run_folder.read_rows(tmp_path)] == [5, 10, 15]
    np.testing.assert_array_equal(run_folder.missing(run_folder.read_rows(tmp_path), 20, 5), [20])


def test_a_record_of_changes_that_was_cut_short_is_left_out_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / run_folder.CHANGES
    file.write_text('{"step": 4, "name": "a", "from": 1, "to": 2}\n{"step": 6, "na', encoding="utf-8")
    assert [run_folder.changed_since(tmp_path, step) for step in (4, 5)] == [True, False]
    run_folder.record_changes(tmp_path, 8, {"a": (2, 3)}, {"a": 3})
    assert [json.loads(line)["step"] for line in file.read_text(encoding="utf-8").splitlines()] == [4, 8]
    file.write_text('{"name": 3}\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"changes.jsonl, line 1, is no record of a change"):
        run_folder.changed_since(tmp_path, 0)


@pytest.mark.parametrize("name", [run_folder.CHANGES, run_folder.MANIFEST, run_folder.FAILED])
@pytest.mark.parametrize("line", [b"[1]\n", b"{\n", b"\xff\n"])
def test_a_damaged_record_is_named_before_a_run_starts(tmp_path: Path, name: str, line: bytes) -> None:
    (tmp_path / name).write_bytes(line)
    with pytest.raises(ValueError, match=rf"{name}.* is no record of"):
        train(tmp_path)
    assert not (tmp_path / run_folder.CONFIG).exists()


def test_checkpoints_without_their_configuration_are_not_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / run_folder.CHECKPOINTS / "10").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"has checkpoints and no config.json; expected that of the run"):
        run_folder.settle_config(tmp_path, {"rate": 1.0})
    assert not (tmp_path / run_folder.CONFIG).exists()


def test_a_configuration_that_is_nested_without_end_is_named(tmp_path: Path) -> None:
    (tmp_path / run_folder.CONFIG).write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(ValueError, match=r"config.json is not a configuration"):
        run_folder.read_config(tmp_path)
    with pytest.raises(ValueError, match=r"config.json is not a configuration"):
        run_folder.settle_config(tmp_path, {})
    (tmp_path / run_folder.CONFIG).write_text("[]", encoding="utf-8")
    with pytest.raises(ValueError, match=r"config.json is not a configuration \(it holds no object\)"):
        run_folder.settle_config(tmp_path, {})


@pytest.mark.slow
def test_a_run_that_lost_its_checkpoints_says_that_it_begins_again(tmp_path: Path) -> None:
    whole = train(tmp_path, evaluate=measure)
    rows = (tmp_path / run_folder.METRICS).read_bytes()
    shutil.rmtree(tmp_path / "checkpoints")
    with pytest.warns(
        RuntimeWarning, match=r"was saved at step 20, and no checkpoint is there any more: .* metrics_cut"
    ):
        again = train(tmp_path, evaluate=measure)
    assert digest(again.state) == digest(whole.state)
    assert (tmp_path / run_folder.METRICS).read_bytes() == rows
    assert len((tmp_path / run_folder.CUT).read_text().splitlines()) == len(rows.splitlines())


@pytest.mark.slow
def test_checkpoints_that_are_a_file_or_lack_a_part_are_named(tmp_path: Path) -> None:
    train(tmp_path / "a")
    shutil.rmtree(tmp_path / "a" / "checkpoints" / "20" / "facts")
    with pytest.warns(RuntimeWarning, match=r"checkpoints/20 is damaged \(facts not there\)"):
        assert train(tmp_path / "a").step == 20
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "checkpoints").write_text("mine")
    with pytest.raises(OSError, match=r"checkpoints is a file; expected the folder of a run's checkpoints"):
        train(tmp_path / "b")
    assert (tmp_path / "b" / "checkpoints").read_text() == "mine"
    with pytest.raises(TypeError, match=r"config holds what no JSON has .*; expected nested plain values"):
        train(tmp_path / "b", config={"rate": object()})


def test_a_checkpoint_that_cannot_be_written_is_one_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Orbax's threads log their own end, in 130 lines; it is the error that is raised."""
    manager = checkpoint.manager(tmp_path / "checkpoints")
    noise = {"a": jax.random.normal(jax.random.key(0), (50_000,))}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match=r"checkpoint 1 cannot be written to .*\(File too large"):
            checkpoint.save(manager, 1, noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        manager.close()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_run_in_another_thread_hears_no_signals() -> None:
    """Python hands them to the main thread alone; asking for them elsewhere would be an error."""
    heard: list[object] = []

    def play() -> None:
        with runs._asked_to_stop() as request:
            heard.append(request.made)

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=play)
    thread.start()
    thread.join()
    assert heard == [False]
    assert signal.getsignal(signal.SIGTERM) is before


def test_weights_and_biases_is_told_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    run = types.SimpleNamespace(log=lambda row, step: told.append((step, row)), finish=lambda: told.append("finished"))
    module = types.SimpleNamespace(init=lambda **options: told.append(options) or run)
    monkeypatch.setitem(sys.modules, "wandb", module)
    with run_folder.weights_and_biases(tmp_path / "mine", 5, project="gans", config={"rate": 1.0}) as sink:
        sink(10, {"step": 10, "kid": 0.5})
    options, *rest = told
    assert options["name"] == options["id"] == "mine"
    assert (options["project"], options["config"], options["resume"]) == ("gans", {"rate": 1.0}, "allow")
    assert rest == [(10, {"kid": 0.5}), "finished"]
    monkeypatch.setitem(sys.modules, "wandb", None)
    with (
        pytest.raises(ModuleNotFoundError, match=r"wandb is not installed; run: pip install"),
        run_folder.weights_and_biases(tmp_path, 0, project="gans", config={}),
    ):
        pass


def test_late_reads_of_a_damaged_checkpoint_are_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    with checkpoint._without_late_reads():
        for error in (RuntimeError("Event loop is closed"), RuntimeError("another")):
            sys.unraisablehook(types.SimpleNamespace(exc_value=error))
    assert [str(one.exc_value) for one in said] == ["another"]
