"""What a user can cause is one sentence with a path; a defect keeps its traceback; no terminal loses what was computed."""

from __future__ import annotations

import importlib
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from experiments import __main__ as command_line
from experiments.framework import artifacts
from gan_jax import checks, files
from gan_jax.cli import main as cli
from gan_jax.cli import sample
from gan_jax.cli.answers import answer
from gan_jax.cli.errors import UserError
from gan_jax.cli.terminal import say, speak_plainly
from tests.experiments.conftest import compute


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """Standard error, whose last line is the answer."""
    return capsys.readouterr().err.strip().splitlines()[-1]


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def caught(action: Any, *arguments: Any) -> Exception:
    try:
        action(*arguments)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


class TestAnswers:
    @pytest.mark.parametrize(
        ("writes", "file"),
        [
            ("write_table", "table.csv"),
            ("write_claims", "claims.json"),
            ("write_figure", "figure.png"),
            ("write_json", "arrays.npz"),
        ],
    )
    def test_a_disk_that_fills_up_costs_nothing_that_was_computed(
        self,
        stub: Any,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        writes: str,
        file: str,
    ) -> None:
        results, other = tmp_path / "results", tmp_path / "other"
        words = ["stub", "--out", str(results)]
        assert command_line.main(words) == 0
        before = {file.name: file.read_bytes() for file in (results / "stub").iterdir()}

        with monkeypatch.context() as patch:
            patch.setattr(artifacts, writes, full)
            assert command_line.main([*words, "--slope", "9"]) == 2
        line = said(capsys)
        assert (
            f"{results / 'stub' / file} cannot be written (No space left on device); what was there before is whole"
            in line
        )
        assert (
            f"is in {results / 'stub.unfinished'}: python -m experiments stub --redraw --out {results} makes the rest"
            in line
        )
        assert {file.name: file.read_bytes() for file in (results / "stub").iterdir()} == before
        assert {entry.name for entry in results.iterdir()} == {"stub", "stub.unfinished"}
        # The disk has room again: nothing is computed, and the result is that of a run that nothing stopped.
        stub.run = None
        assert command_line.main([*words, "--redraw"]) == 0
        assert [entry.name for entry in results.iterdir()] == ["stub"]
        stub.run = compute
        assert command_line.main(["stub", "--out", str(other), "--slope", "9"]) == 0
        for made in ("table.csv", "claims.json", "figure.png", "figure.svg", "arrays.npz"):
            assert (results / "stub" / made).read_bytes() == (other / "stub" / made).read_bytes()

    def test_arrays_that_the_disk_has_no_room_for_go_to_the_temporary_folder(
        self, stub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        results, temporary = tmp_path / "results", tmp_path / "temporary"
        temporary.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(temporary))
        write = artifacts.write_arrays

        def full_there(folder: Path, arrays: Any) -> None:
            if folder.is_relative_to(results):
                full()
            write(folder, arrays)

        with monkeypatch.context() as patch:
            patch.setattr(artifacts, "write_arrays", full_there)
            assert command_line.main(["stub", "--out", str(results), "--slope", "9"]) == 2
        line = said(capsys)
        (place,) = temporary.iterdir()
        assert f"{results / 'stub' / 'arrays.npz'} cannot be written (No space left on device)" in line
        assert line.endswith(
            f"is in {place / 'stub'}: python -m experiments stub --redraw --out {place} makes the rest there"
        )
        assert list(results.iterdir()) == []
        assert command_line.main(["stub", "--redraw", "--out", str(place)]) == 0
        assert (place / "stub" / "table.csv").read_text().endswith("4.0,36.0\n")
        # Where that is full too, it is said.
        monkeypatch.setattr(artifacts, "write_arrays", full)
        assert command_line.main(["stub", "--out", str(results)]) == 2
        assert f"what was computed is lost, since {temporary} cannot be written either (No space left" in said(capsys)

    def test_a_whole_result_takes_the_place_of_an_unfinished_one(
        self, stub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        words = ["stub", "--out", str(tmp_path)]
        with monkeypatch.context() as patch:
            patch.setattr(artifacts, "write_table", full)
            for slope in ("8", "9"):
                assert command_line.main([*words, "--slope", slope]) == 2
        with np.load(tmp_path / "stub.unfinished" / "arrays.npz") as arrays:
            assert arrays["y"][1] == 9.0
        assert command_line.main(words) == 0
        assert [entry.name for entry in tmp_path.iterdir()] == ["stub"]

    def test_no_home_folder(
        self, stub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def home() -> Path:
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr(Path, "home", home)
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        stub.run = lambda config, progress: {"folder": str(files.user_cache())}
        assert command_line.main(["stub", "--out", str(tmp_path)]) == 2
        assert "this user has no home folder" in (line := said(capsys))
        assert "expected XDG_CACHE_HOME to name a folder" in line

    def test_the_system_names_the_path(self, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.touch()
        assert answer(caught(file.mkdir)) == f"{file}: File exists; expected a folder"
        assert answer(caught((file / "x").mkdir)) == f"{file / 'x'}: Not a directory; expected a folder"
        assert answer(caught((tmp_path / "nowhere").read_text)) == f"{tmp_path / 'nowhere'}: No such file or directory"
        assert answer(OSError(28, "the log x cannot be written")) == "the log x cannot be written"

    def test_what_our_code_refuses_is_a_sentence_and_what_others_raise_is_a_defect(self) -> None:
        assert "expected a value of at least 1" in str(answer(caught(checks.at_least, "n", 0, 1)))
        assert answer(caught(np.zeros(3).reshape, 2)) is None
        assert answer(caught(int, "x")) is None
        assert answer(caught({}.__getitem__, "x")) is None
        assert "memory ran out" in str(answer(caught(np.ones, (10**7, 10**7))))
        # What XLA says of a CPU's memory, at run time.
        said = "INTERNAL: Error dispatching computation: Out of memory allocating 3852000000009424 bytes."
        assert "memory ran out" in str(answer(jax.errors.JaxRuntimeError(said)))

    def test_a_folder_that_is_gone_under_ones_feet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def nowhere() -> str:
            raise FileNotFoundError(2, "No such file or directory")

        monkeypatch.setattr(os, "getcwd", nowhere)
        assert "the folder that this is run in is not there any more" in str(answer(caught(Path("a").absolute)))

    def test_a_command_lets_defects_through(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sample, "main", lambda words: np.zeros(3).reshape(2))
        with pytest.raises(ValueError, match="cannot reshape"):
            command_line.main(["sample"])

    @pytest.mark.parametrize(
        ("variable", "value", "sentence"),
        [
            ("JAX_PLATFORMS", "rocm", "JAX_PLATFORMS is 'rocm', of which JAX finds no device here"),
            pytest.param("JAX_PLATFORMS", "nonsense", "JAX_PLATFORMS is 'nonsense', of which", marks=pytest.mark.slow),
            pytest.param("JAX_ENABLE_X64", "maybe", "JAX refuses a variable of the env", marks=pytest.mark.slow),
            pytest.param("JAX_NUM_CPU_DEVICES", "abc", "JAX refuses a variable of the env", marks=pytest.mark.slow),
        ],
    )
    def test_an_environment_that_does_not_suit_jax(
        self, tmp_path: Path, variable: str, value: str, sentence: str
    ) -> None:
        words = [sys.executable, "-m", "experiments", "moving_plans", "--preset", "smoke", "--out", str(tmp_path)]
        done = subprocess.run(words, env={**os.environ, variable: value}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert sentence in done.stderr.splitlines()[-1]
        assert list(tmp_path.iterdir()) == []


class TestWatcher:
    """What one of several processes leaves on standard error, whose descriptor C++ writes to."""

    DUMP = (
        "F1129 19:04:22.437266   13597 client.h:80] Terminating process because the JAX distributed service detected fatal errors.\n"
        "*** Check failure stack trace: ***\n    @     0x7f5768840634  SendToLog()\n"
    )

    def ended(self, by: str) -> tuple[int, list[str]]:
        program = (
            "import os, sys; from gan_jax.cli import answers; answers.watch(); os.write(2, b'of C++\\n');"
            f"sys.stderr.write('of Python\\n'); os.write(2, {self.DUMP!r}.encode()); {by}"
        )
        done = subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, timeout=60)
        return done.returncode, sorted(done.stderr.splitlines())

    def test_an_abort_is_one_sentence_without_its_page(self) -> None:
        status, lines = self.ended("os.abort()")
        assert status == signal.SIGABRT  # And not −6: no shell says that, and nothing is dumped.
        assert lines[:2] == ["of C++", "of Python"]
        (sentence,) = lines[2:]
        assert "this process of the run was ended from outside" in sentence
        assert sentence.endswith("and the run goes on from there")

    def test_what_ends_by_itself_has_said_all(self) -> None:
        status, lines = self.ended("sys.exit(0)")
        assert (status, lines) == (0, sorted(["of C++", "of Python", *self.DUMP.splitlines()]))

    def test_who_has_said_why_says_it_alone(self) -> None:
        status, lines = self.ended("answers._dismiss(answers.watcher.SAID); os._exit(2)")
        assert (status, lines) == (2, ["of C++", "of Python"])


class TestTerminals:
    @pytest.mark.slow
    def test_ascii_and_a_backend_that_is_none(self, tmp_path: Path) -> None:
        """The table of claims comes out in plain letters, and figures do not ask for a window."""
        words = [sys.executable, "-m", "experiments", "moving_plans", "--preset", "smoke", "--out", str(tmp_path)]
        environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "MPLBACKEND": "nonsense"}
        done = subprocess.run(words, env=environment, capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr
        printed = done.stdout.decode("ascii")
        assert "Peyre & Cuturi 2019" in printed
        assert "4 of 4 theorems hold; results in" in printed

    @pytest.mark.parametrize(
        ("encoding", "written"),
        [("ascii", "JS <= log 2 +- 0.5, Peyre, ?"), ("cp1252", "JS <= log 2 ± 0.5, Peyré, ?"), ("utf-8", "JS ≤ log 2 ± 0.5, Peyré, 愛")],
    )  # fmt: skip
    def test_what_a_stream_cannot_encode_is_plainer(self, encoding: str, written: str) -> None:
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding=encoding)
        speak_plainly(stream)
        stream.write("JS ≤ log 2 ± 0.5, Peyré, 愛")
        stream.flush()
        assert raw.getvalue().decode(encoding) == written

    def test_what_a_terminal_obeys_is_printed_as_it_would_be_typed(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A stranger's names clear no screen, forge no line and stop no output."""
        say("the class \x1b[2J\n\r\x9b1m\u202e is 8 × 8 ≤ ü \udcff")
        assert capsys.readouterr().out == "the class \\x1b[2J\\n\\r\\x9b1m\\u202e is 8 × 8 ≤ ü \\udcff\n"

    @pytest.mark.parametrize(
        "raised", [lambda text: UserError(text), lambda text: OSError(2, "No such file", text), lambda text: None]
    )
    @pytest.mark.filterwarnings("always")
    def test_so_are_refusals_and_warnings(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], raised: Any
    ) -> None:
        def refuses(words: object) -> int:
            warnings.warn("\x1b[2J\n", stacklevel=1)
            if error := raised("\x1b[2J\n"):
                raise error
            return 0

        monkeypatch.setattr(sample, "main", refuses)
        assert cli.main(["sample"]) in (0, 2)
        lines = capsys.readouterr().err.splitlines()
        assert lines
        assert all("\\x1b[2J\\n" in line for line in lines)
        assert "\x1b" not in "".join(lines)


class TestCtrlC:
    @pytest.mark.parametrize(
        ("name", "sentence"),
        [
            ("train", "interrupted; what the run had saved is whole, and the same command goes on from there."),
            ("sample", "interrupted; what it had written so far is there."),
        ],
    )
    def test_what_is_said_is_true(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, sentence: str
    ) -> None:
        def interrupted(words: object) -> int:
            raise KeyboardInterrupt

        monkeypatch.setattr(importlib.import_module(f"gan_jax.cli.{name}"), "main", interrupted)
        assert command_line.main([name]) == 130
        assert sentence in said(capsys)

    def test_a_second_one_while_an_experiment_is_cleared_away(
        self, stub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        def impatient(folder: Path, **options: Any) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            rmtree(folder, **options)

        rmtree = shutil.rmtree
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            monkeypatch.setattr(shutil, "rmtree", impatient)
            stub.run = interrupted
            assert command_line.main(["stub", "--out", str(tmp_path)]) == 130
        finally:
            signal.signal(signal.SIGINT, before)
        assert "the experiment under way left nothing" in said(capsys)
        assert list(tmp_path.iterdir()) == []
