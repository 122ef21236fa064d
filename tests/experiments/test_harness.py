"""A run leaves one whole folder or nothing, and JAX set up as the user and the machine have it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import experiments
from experiments import __main__ as command_line
from experiments.framework import times

FILES = {"arrays.npz", "claims.json", "config.json", "figure.png", "figure.svg", "manifest.json", "table.csv"}


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def must_not_run(*_: object) -> None:
    raise AssertionError("run was called")


class TestRun:
    def test_leaves_one_whole_folder(self, stub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert command_line.main(["stub", "--out", str(tmp_path / "new" / "results"), "--slope", "3"]) == 0
        folder = tmp_path / "new" / "results" / "stub"
        assert set(contents(folder)) == FILES
        assert [entry.name for entry in folder.parent.iterdir()] == ["stub"]
        assert json.loads((folder / "config.json").read_text()) == {"slope": 3.0, "seed": 7}
        with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
            np.testing.assert_array_equal(arrays["y"], 3.0 * np.arange(5.0))
            assert arrays["y"].dtype == np.float32
        assert (folder / "table.csv").read_text() == "x,y\n0.0,0.0\n1.0,3.0\n2.0,6.0\n3.0,9.0\n4.0,12.0\n"
        captured = capsys.readouterr()
        assert "stub 0% · time left 3 s" in captured.err
        assert captured.out.count("does not hold") == 2
        assert (
            "0 of 1 theorems, 0 of 1 replications (1 not run at this budget), 0 of 1 findings hold; results"
            in captured.out
        )
        written = {claim["what"]: claim for claim in json.loads((folder / "claims.json").read_text())}
        assert {what: (claim["kind"], claim["holds"], claim["verdict"]) for what, claim in written.items()} == {
            "slope": ("theorem", False, "does not hold"),
            "points": ("replication", None, "not run at this budget"),
            "end is far": ("finding", False, "does not hold"),
        }
        assert written["points"]["budget"] == "1000 points"

    def test_manifest_says_what_it_was_made_with(self, stub: Any, tmp_path: Path) -> None:
        words = ["stub", "--out", str(tmp_path), "--preset", "smoke", "--seed", "3"]
        assert command_line.main(words) == 0
        manifest = json.loads((tmp_path / "stub" / "manifest.json").read_text())
        assert manifest["command"] == f"python -m experiments {' '.join(words)}"
        assert manifest["seed"] == 3
        assert manifest["preset"] == "smoke"
        assert manifest["versions"]["numpy"] == np.__version__
        assert manifest["versions"]["jax"]
        assert manifest["device"]["count"] >= 1
        assert set(manifest["git"]) == {"commit", "dirty"}
        assert manifest["wall_seconds"] >= 0.0
        assert manifest["started_utc"].endswith("+00:00")
        assert json.loads((tmp_path / "stub" / "config.json").read_text()) == {"slope": 1.0, "seed": 3}

    def test_presets_of_an_experiments_own(self, stub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        stub.PRESETS = {"quick": stub.Config(slope=5.0), "hour": stub.Config(slope=9.0)}

        def slope(*words: str) -> float:
            assert command_line.main([*words, "--out", str(tmp_path)]) == 0
            return float(json.loads((tmp_path / "stub" / "config.json").read_text())["slope"])

        assert slope("stub", "--preset", "hour") == 9.0
        assert slope("stub", "--preset", "hour", "--slope", "4") == 4.0
        # The last one counts, so that a command which names a preset can be told another.
        assert slope("all", "--preset", "smoke", "--preset", "quick") == 5.0
        del stub.PRESETS
        # Without a quick one, the full one is quick.
        assert slope("stub", "--preset", "quick") == stub.Config().slope
        with pytest.raises(SystemExit):
            command_line.main(["stub", "--preset", "hour"])
        assert "'full', 'quick', 'smoke'" in " ".join(capsys.readouterr().err.split())

    def test_seconds_of_a_preset(self) -> None:
        entry = experiments.Entry("stub", full=100.0, smoke=1.0, quick=10.0)
        assert [entry.seconds(preset) for preset in ("full", "quick", "smoke", "hour")] == [100.0, 10.0, 1.0, 100.0]
        assert experiments.Entry("stub", full=100.0, smoke=1.0).seconds("quick") == 100.0

    def test_claims_file_is_strict_json(self, stub: Any, tmp_path: Path) -> None:
        command_line.main(["stub", "--out", str(tmp_path)])

        def refuse(constant: str) -> None:
            raise AssertionError(constant)

        text = (tmp_path / "stub" / "claims.json").read_text()
        far, points, slope = json.loads(text, parse_constant=refuse)
        assert slope["holds"] is True
        assert far["expected"] == "inf"
        assert far["relation"] == "≥"
        assert far["holds"] is False
        assert points["holds"] is None

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("slope", "kinds", "strict", "everything"),
        [
            # By the slope the theorem holds or not; the finding never does, and the replication is never due.
            ("2", "theorem replication finding", 0, 1),
            ("3", "theorem replication finding", 1, 1),
            ("3", "theorem", 1, 1),
            ("2", "theorem replication", 0, 0),
            ("2", "replication", 0, 0),
        ],
    )
    def test_strict_is_about_theorems_and_strict_all_about_every_claim_that_is_due(
        self, stub: Any, tmp_path: Path, slope: str, kinds: str, strict: int, everything: int
    ) -> None:
        every = stub.claims
        stub.claims = lambda arrays: [claim for claim in every(arrays) if claim.kind in kinds.split()]
        words = ["stub", "--out", str(tmp_path), "--slope", slope]
        assert command_line.main(words) == 0
        assert command_line.main([*words, "--strict"]) == strict
        assert command_line.main([*words, "--strict", "all"]) == everything
        # Nor does it matter what comes after.
        assert command_line.main(["stub", "--strict", "--out", str(tmp_path), "--slope", slope]) == strict
        assert command_line.main(["stub", "--out", str(tmp_path), "--redraw", "--strict", "all"]) == everything

    def test_strict_takes_no_other_word(self, stub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        stub.run = must_not_run
        with pytest.raises(SystemExit) as exit_info:
            command_line.main(["stub", "--out", str(tmp_path), "--strict", "findings"])
        assert exit_info.value.code == 2
        error = " ".join(capsys.readouterr().err.replace("│", " ").split())
        assert "--strict is followed by 'findings'; expected nothing, or all" in error

    def test_same_run_same_bytes(self, stub: Any, tmp_path: Path) -> None:
        for folder in ("a", "b"):
            command_line.main(["stub", "--out", str(tmp_path / folder)])
        first, second = contents(tmp_path / "a" / "stub"), contents(tmp_path / "b" / "stub")
        for name in FILES - {"manifest.json"}:
            assert first[name] == second[name], name

    def test_all_runs_everything_in_order_and_reports_once(
        self, stub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        entries = tuple(
            experiments.Entry(name, full=seconds, smoke=1.0) for name, seconds in (("one", 1.0), ("two", 3.0))
        )
        monkeypatch.setattr(command_line, "EXPERIMENTS", entries)
        monkeypatch.setattr(times, "EXPERIMENTS", entries)
        assert command_line.main(["all", "--out", str(tmp_path)]) == 0
        captured = capsys.readouterr()
        # The first of the two is a quarter of the whole, by the seconds in the table of contents.
        assert "all experiments 0% › one (1 of 2) 0%" in captured.err
        assert "all experiments 25% › two (2 of 2) 0%" in captured.err
        assert "2 of 2 theorems, 0 of 2 replications (2 not run at this budget), 0 of 2 findings hold" in captured.out
        assert captured.out.index("one") < captured.out.index("two")
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["one", "two"]
        before = contents(tmp_path / "two")
        stub.run = must_not_run
        assert command_line.main(["all", "--out", str(tmp_path), "--redraw"]) == 0
        assert contents(tmp_path / "two") == before

    def test_a_chapter_runs_its_experiments_alone(
        self, stub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entries = tuple(
            experiments.Entry(name, full=1.0, smoke=1.0, chapter=chapter)
            for name, chapter in (("one", "first"), ("two", "second"), ("three", "second"))
        )
        monkeypatch.setattr(command_line, "EXPERIMENTS", entries)
        monkeypatch.setattr(times, "EXPERIMENTS", entries)
        assert command_line.main(["second", "--out", str(tmp_path)]) == 0
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["three", "two"]

    def test_smoke_differs_from_full_by_its_preset(self, stub: Any, tmp_path: Path) -> None:
        command_line.main(["all", "--preset", "smoke", "--out", str(tmp_path)])
        assert json.loads((tmp_path / "stub" / "config.json").read_text())["slope"] == 1.0


class TestWholeOrNothing:
    @pytest.mark.parametrize("part", ["run", "plot", "claims", "table"])
    @pytest.mark.parametrize("earlier", [False, True], ids=["nothing before", "a result before"])
    def test_a_crash_leaves_what_was_there_and_loses_nothing_computed(
        self, stub: Any, tmp_path: Path, part: str, earlier: bool
    ) -> None:
        if earlier:
            command_line.main(["stub", "--out", str(tmp_path)])
        before = contents(tmp_path / "stub") if earlier else None

        def crash(*_: object) -> None:
            raise ZeroDivisionError

        setattr(stub, part, crash)
        with pytest.raises(ZeroDivisionError) as caught:
            command_line.main(["stub", "--out", str(tmp_path), "--slope", "9"])
        left = ({"stub"} if earlier else set()) | ({"stub.unfinished"} if part != "run" else set())
        assert {entry.name for entry in tmp_path.iterdir()} == left
        assert before is None or contents(tmp_path / "stub") == before
        if part != "run":
            assert set(contents(tmp_path / "stub.unfinished")) == {"arrays.npz", "config.json", "manifest.json"}
            assert any(
                f"what was computed is in {tmp_path / 'stub.unfinished'}" in note for note in caught.value.__notes__
            )

    def test_ctrl_c_leaves_nothing_and_exits_130_with_one_sentence(self, tmp_path: Path) -> None:
        # A parent started in the background ignores SIGINT, and its children would too.
        code = """
import signal, sys, time, types
signal.signal(signal.SIGINT, signal.default_int_handler)
from dataclasses import dataclass
from pathlib import Path
from experiments import Entry, __main__ as command_line
from experiments.framework import harness
from experiments.framework import times

@dataclass(frozen=True)
class Config:
    '''Stand-in.'''

def run(config, progress):
    with progress.task("waiting", total=1):
        Path(sys.argv[1], "running").touch()
        time.sleep(60)

command_line.EXPERIMENTS = times.EXPERIMENTS = (Entry("stub", 1.0, 1.0),)
parts = dict.fromkeys(("plot", "claims", "table"))
harness.load = lambda name: types.SimpleNamespace(__doc__="Stub.", Config=Config, SMOKE=Config(), run=run, **parts)
sys.exit(command_line.main(["stub", "--out", sys.argv[1] + "/results"]))
"""
        process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stderr=subprocess.PIPE, text=True)
        try:
            for _ in range(6000):
                if (tmp_path / "running").exists() or process.poll() is not None:
                    break
                time.sleep(0.01)
            (stage,) = (tmp_path / "results").iterdir()
            assert stage.name.startswith(".stub.")
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
        assert process.returncode == 130, errors
        assert "interrupted; the experiment under way left nothing" in errors
        assert "Traceback" not in errors
        assert list((tmp_path / "results").iterdir()) == []

    def test_a_replacement_that_fails_brings_the_earlier_result_back(
        self, stub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        command_line.main(["stub", "--out", str(tmp_path)])
        before = contents(tmp_path / "stub")
        rename = Path.rename

        def fail_for_the_new_one(self: Path, target: Path) -> Path:
            if self.suffix == ".partial":
                raise OSError("disk is gone")
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", fail_for_the_new_one)
        with pytest.raises(OSError, match="disk is gone"):
            command_line.main(["stub", "--out", str(tmp_path)])
        assert contents(tmp_path / "stub") == before
        assert [entry.name for entry in tmp_path.iterdir()] == ["stub"]


class TestJax:
    def test_one_cpu_device_for_each_core_and_a_cache_on_disk(self, tmp_path: Path) -> None:
        code = """
import os, sys
from gan_jax.cli import devices
devices.configure_jax()
import jax
assert jax.config.jax_compilation_cache_dir == sys.argv[1] + "/gan_jax/xla", jax.config.jax_compilation_cache_dir
assert jax.local_device_count("cpu") == min(devices.cores(), devices.MOST_CPU_DEVICES)
jax.jit(lambda x: x + 1)(1.0)
devices.configure_jax()
assert os.listdir(sys.argv[1] + "/gan_jax/xla")
"""
        done = run_python(code, [str(tmp_path)], XDG_CACHE_HOME=str(tmp_path), JAX_PLATFORMS="cpu")
        assert done.returncode == 0, done.stderr

    def test_what_the_user_set_stays(self, tmp_path: Path) -> None:
        code = """
from gan_jax.cli import devices
devices.configure_jax()
import jax, sys
assert jax.config.jax_compilation_cache_dir == sys.argv[1]
assert jax.local_device_count("cpu") == 3
assert jax.config.jax_persistent_cache_min_compile_time_secs == 5
"""
        done = run_python(
            code,
            [str(tmp_path)],
            JAX_COMPILATION_CACHE_DIR=str(tmp_path),
            JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="5",
            JAX_PLATFORMS="cpu",
            XLA_FLAGS="--xla_force_host_platform_device_count=3",
        )
        assert done.returncode == 0, done.stderr


def run_python(code: str, words: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "XLA_"))}
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, env={**inherited, **variables}, capture_output=True, text=True, timeout=120)
