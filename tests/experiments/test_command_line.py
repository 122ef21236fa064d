"""A wrong request gets one sentence before anything is computed; a right one can be found by asking."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import experiments
from experiments import __main__ as command_line
from experiments.framework import harness

FILES = {"arrays.npz", "claims.json", "config.json", "figure.png", "figure.svg", "manifest.json", "table.csv"}


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def must_not_run(*_: object) -> None:
    raise AssertionError("run was called")


class TestFolder:
    @pytest.mark.parametrize("words", [["stub"], ["all"]])
    def test_a_results_folder_that_cannot_be_written_is_known_before_computing(
        self, stub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
    ) -> None:
        stub.run = must_not_run
        (tmp_path / "file").touch()
        out = tmp_path / "file" / "results"
        assert command_line.main([*words, "--out", str(out)]) == 2
        assert f"The results folder {out} cannot be written (Not a directory); name another" in capsys.readouterr().err

    @pytest.mark.parametrize("words", [["stub"], ["all"]])
    def test_without_permission(
        self,
        stub: Any,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        words: list[str],
    ) -> None:
        stub.run = must_not_run
        mkdir = Path.mkdir

        # Permission bits do not stop root, as whom containers run tests.
        def denied(self: Path, *arguments: Any, **options: Any) -> None:
            if self.suffix == ".partial":
                raise PermissionError(13, "Permission denied")
            mkdir(self, *arguments, **options)

        monkeypatch.setattr(Path, "mkdir", denied)
        assert command_line.main([*words, "--out", str(tmp_path)]) == 2
        assert f"The results folder {tmp_path} cannot be written (Permission denied)" in capsys.readouterr().err

    @pytest.mark.parametrize("words", [["stub"], ["all"]])
    def test_what_is_no_result_is_not_replaced(
        self, stub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
    ) -> None:
        stub.run = must_not_run
        (tmp_path / "stub").mkdir()
        (tmp_path / "stub" / "thesis.tex").write_text("years of work")
        assert command_line.main([*words, "--out", str(tmp_path)]) == 2
        assert "holds files but no manifest.json, so it is no result" in capsys.readouterr().err
        assert (tmp_path / "stub" / "thesis.tex").read_text() == "years of work"

    def test_a_file_in_the_place_of_the_result(
        self, stub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "stub").write_text("a file")
        assert command_line.main(["stub", "--out", str(tmp_path)]) == 2
        assert "is not a folder; expected a result to replace" in capsys.readouterr().err

    def test_an_empty_folder_is_filled(self, stub: Any, tmp_path: Path) -> None:
        (tmp_path / "stub").mkdir()
        assert command_line.main(["stub", "--out", str(tmp_path)]) == 0
        assert set(contents(tmp_path / "stub")) == FILES


class TestRequests:
    @pytest.mark.parametrize(
        ("name", "sentence"),
        [
            ("stup", "there is no experiment 'stup'; did you mean 'stub'? Known ones: stub, divergences, all."),
            ("qqq", "experiment 'qqq'; Known"),
        ],
    )
    def test_unknown_experiment(self, stub: Any, capsys: pytest.CaptureFixture[str], name: str, sentence: str) -> None:
        assert command_line.main([name]) == 2
        error = capsys.readouterr().err
        assert sentence in error
        assert error.count("\n") == 1

    @pytest.mark.parametrize(
        ("words", "answers"),
        [
            (["--sloep", "3"], ["--sloep", "Perhaps you meant", "--slope"]),
            (["--preset", "smok"], ["smok", "'smoke'"]),
            (["--slope", "steep"], ["--slope", "steep"]),
            (["--slope", "-1"], ["slope is -1.0; expected a number above 0"]),
        ],
        ids=["unknown option", "unknown preset", "no number", "a value that Config refuses"],
    )
    def test_wrong_options(
        self, stub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], answers: list[str]
    ) -> None:
        stub.run = must_not_run
        with pytest.raises(SystemExit) as exit_info:
            command_line.main(["stub", "--out", str(tmp_path), *words])
        assert exit_info.value.code == 2
        error = capsys.readouterr().err
        for answer in answers:
            assert answer in error
        assert list(tmp_path.iterdir()) == []

    def test_unknown_option_of_all(self, stub: Any, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as exit_info:
            command_line.main(["all", "--stric"])
        assert exit_info.value.code == 2
        assert "--strict" in capsys.readouterr().err

    def test_help_shows_every_option_with_its_documentation(
        self, stub: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as exit_info:
            command_line.main(["stub", "--help", "--preset", "smoke"])
        assert exit_info.value.code == 0
        words = " ".join(capsys.readouterr().out.replace("│", " ").split())
        for text in (
            "--slope FLOAT Slope of the line; above 0. (default: 1.0)",
            "--seed",
            "--out",
            "--redraw",
            "--strict [all] Exit with status 1 where a theorem does not hold; with --strict all, where any claim does not.",
        ):
            assert text in words

    def test_listing_and_help_are_quick(self) -> None:
        code = """
import sys
from experiments.__main__ import main
assert main([]) == main(["--help"]) == main(["list"]) == 0
for module in ("jax", "matplotlib", "scipy"):
    assert module not in sys.modules, module
try:
    main(["moving_plans", "--help"])
except SystemExit:
    assert "jax" not in sys.modules
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        for entry in experiments.EXPERIMENTS:
            assert entry.name in done.stdout

    def test_a_listed_module_that_does_not_exist(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (command_line, experiments):
            monkeypatch.setattr(module, "EXPERIMENTS", (experiments.Entry("absent", 1.0, 1.0),))
        with pytest.raises(ModuleNotFoundError, match=r"there is no experiments/divergences/absent.py"):
            command_line.main([])
        with pytest.raises(ModuleNotFoundError, match="absent"):
            command_line.main(["absent"])

    def test_a_module_without_the_contract(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(harness, "module_of", lambda name: name)
        monkeypatch.setitem(sys.modules, "bare", types.ModuleType("bare"))
        with pytest.raises(TypeError, match=r"bare has no Config, SMOKE, run, plot, claims, table"):
            harness.load("bare")
