"""``new`` begins an experiment: one file and one line, and what it writes runs as it is; what cannot be begun is one sentence."""

from __future__ import annotations

import runpy
import shutil
import types
from pathlib import Path

import pytest

import experiments
from experiments import __main__ as command_line
from experiments import game
from experiments.framework import harness, new
from gan_jax.cli import devices
from gan_jax.cli.errors import UserError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What ``new`` reads of the folder of experiments, and where it writes."""
    copy = tmp_path / "experiments"
    (copy / "game" / "dirac_gan").mkdir(parents=True)
    for name in ("__init__.py", "forkme.py"):
        shutil.copy(new.TREE / name, copy / name)
    return copy


def contents(tree: Path) -> dict[str, bytes]:
    return {str(file.relative_to(tree)): file.read_bytes() for file in tree.rglob("*") if file.is_file()}


@pytest.mark.slow
def test_it_is_one_file_and_one_line_and_runs(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before, name = contents(tree), "figure_of_this_test"
    last = [entry.name for entry in experiments.EXPERIMENTS if entry.chapter == "game"][-1]
    assert new.begin([name, "--chapter", "game", "--title", "Two laws, far apart."], tree) == name
    assert f"{name}.py is a copy of " in capsys.readouterr().out
    after = contents(tree)
    assert set(after) - set(before) == {f"game/{name}.py"}
    assert {file for file in before if after[file] != before[file]} == {"__init__.py"}
    old, table = (text["__init__.py"].decode().splitlines() for text in (before, after))
    line = f'    Entry("{name}", full=10.0, smoke=10.0, chapter="game", measured=False),'
    assert [row for row in table if row != line] == old
    assert table[table.index(line) - 1].startswith(f'    Entry("{last}", ')
    # As a checkout with this file and this line has it.
    entries = runpy.run_path(str(tree / "__init__.py"))["EXPERIMENTS"]
    for module in (experiments, command_line):
        monkeypatch.setattr(module, "EXPERIMENTS", entries)
    monkeypatch.setattr(game, "__path__", [*game.__path__, str(tree / "game")])
    monkeypatch.setattr(devices, "configure_jax", lambda: None)
    assert harness.title(name) == "Two laws, far apart"
    assert command_line.main([name, "--preset", "smoke", "--strict", "--out", str(tmp_path / "results")]) == 0
    assert (tmp_path / "results" / name / "figure.png").exists()


def test_the_last_chapter_and_the_first(tree: Path) -> None:
    for chapter in ("divergences", "translation"):
        (tree / chapter).mkdir()
        new.begin([f"mine_{chapter}", "--chapter", chapter], tree)
    entries = runpy.run_path(str(tree / "__init__.py"))["EXPERIMENTS"]
    assert [entry.name for entry in entries if entry.name.startswith("mine")] == [
        "mine_divergences",
        "mine_translation",
    ]
    assert entries[-1].name == "mine_translation"
    chapters = [entry.chapter for entry in entries]
    assert chapters == sorted(chapters, key=list(dict.fromkeys(chapters)).index)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["f_gan", "--chapter", "game"], "name is 'f_gan', which is taken; expected another"),
        (["game", "--chapter", "game"], "name is 'game', which is taken"),
        (["train", "--chapter", "game"], "name is 'train', which is taken"),
        (["forkme", "--chapter", "game"], "name is 'forkme', which is taken"),
        (["3d", "--chapter", "game"], "name is '3d'; expected small letters, digits and _"),
        (["my-figure", "--chapter", "game"], "name is 'my-figure'; expected small letters"),
        (["class", "--chapter", "game"], "name is 'class'; expected small letters"),
        (["../up", "--chapter", "game"], "name is '../up'; expected small letters"),
        (["mine", "--chapter", "gaem"], "--chapter is 'gaem'; did you mean 'game'? expected one of 'divergences', 'game'"),
        (["mine", "--chapter", "game", "--title", 'A "b"'], "title is 'A \"b\"'; expected one line"),
        (["mine", "--chapter", "game", "--title", "A\nb"], "title is 'A\\nb'; expected one line"),
    ],
)  # fmt: skip
def test_what_cannot_be_begun_leaves_everything_as_it_was(tree: Path, words: list[str], sentence: str) -> None:
    before = contents(tree)
    with pytest.raises(UserError) as caught:
        new.begin(words, tree)
    assert sentence in str(caught.value)
    assert contents(tree) == before


def test_a_file_or_a_folder_that_is_there_is_not_touched(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "game" / "mine.py").write_text("years of work")
    (tree / "game" / "ours").mkdir()
    for name in ("mine", "ours"):
        with pytest.raises(UserError, match=rf"name is '{name}', and .*{name}.* is there already; expected another"):
            new.begin([name, "--chapter", "game"], tree)
    assert (tree / "game" / "mine.py").read_text() == "years of work"


@pytest.mark.parametrize("denied", ["mine.py", "__init__.py"])
def test_a_tree_that_cannot_be_written_is_left_as_it_was(
    tree: Path, monkeypatch: pytest.MonkeyPatch, denied: str
) -> None:
    write = new.files.write_text

    # Permission bits do not stop root, as whom containers run tests.
    def refused(file: Path, text: str) -> None:
        if file.name == denied:
            raise PermissionError(13, "Permission denied")
        write(file, text)

    monkeypatch.setattr(new.files, "write_text", refused)
    before = contents(tree)
    with pytest.raises(UserError, match=rf"{denied} cannot be written \(Permission denied\); expected a checkout"):
        new.begin(["mine", "--chapter", "game"], tree)
    assert contents(tree) == before


def test_the_template_runs_by_its_name_and_is_in_no_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert experiments.TEMPLATE not in experiments.EXPERIMENTS
    assert len((new.TREE / "forkme.py").read_text().splitlines()) < 80
    assert command_line.main(["forkmee"]) == 2
    assert "did you mean 'forkme'?" in capsys.readouterr().err
    assert command_line.main(["neww"]) == 2
    assert "did you mean 'new'?" in capsys.readouterr().err


def test_it_is_run_by_a_process_that_has_read_the_new_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[object] = []

    def run(command: list[str], **how: object) -> types.SimpleNamespace:
        ran.extend([command[1:], how["cwd"]])
        return types.SimpleNamespace(returncode=3)

    monkeypatch.setattr(new, "begin", lambda words: words[0])
    monkeypatch.setattr(new.subprocess, "run", run)
    assert new.main(["mine"]) == 3
    assert ran == [["-m", "experiments", "mine", "--preset", "smoke"], new.TREE.parent]
    assert "-m experiments mine --preset smoke" in capsys.readouterr().out
