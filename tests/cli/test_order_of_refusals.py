"""What can be refused before a picture is read is refused then; and the folder that was refused is as it was."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path
from typing import Any

import pytest

from gan_jax.cli import devices, image_config, options, translation_runs
from gan_jax.cli import main as command_line
from gan_jax.data import images, sets
from gan_jax.training import run_folder
from tests.cases import cases

PLAIN: Any = {
    "train": lambda out: image_config.plain(image_config.Config(out=out)),
    "train_translation": lambda out: translation_runs.plain(translation_runs.Config(out=out)),
}


@pytest.fixture(autouse=True)
def nothing_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """JAX stays as the tests configured it; opening a set is a defect here."""

    def opens(*_: object, **__: object) -> None:
        raise AssertionError("a set was opened before the refusal")

    monkeypatch.setattr(devices, "configure_jax", lambda cpu_devices=None: None)
    for module, name in ((sets, "open_images"), (images, "collect")):
        monkeypatch.setattr(module, name, opens)


def refused(capsys: pytest.CaptureFixture[str], command: str, *words: str) -> str:
    assert command_line.main([command, *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize("command", PLAIN)
def test_a_place_that_cannot_be_a_runs_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for out, reason in (
        (file, "File exists"),
        (file / "run" / "deeper", "Not a directory"),
        (tmp_path / "dangling", "File exists"),
    ):
        assert f"the run's folder {out} cannot be written ({reason})" in refused(capsys, command, "--out", str(out))
    assert file.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "file"]


@pytest.mark.parametrize("command", PLAIN)
def test_a_folder_that_another_process_works_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    with run_folder.locked(tmp_path), (tmp_path / run_folder.LOCK).open() as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert f"{tmp_path} is in use by process" in refused(capsys, command, "--out", str(tmp_path))


@pytest.mark.parametrize("command", PLAIN)
def test_another_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    file = tmp_path / run_folder.CONFIG
    file.write_text(json.dumps(PLAIN[command](tmp_path)))
    before = file.read_bytes()
    words = ("--out", str(tmp_path), "--generator.rate", "0.5")
    said = refused(capsys, command, *words)
    assert "generator.rate is 0.5, and " in said
    assert " in the configuration of the run in" in said
    other = next(name for name in PLAIN if name != command)
    assert "expected the same" in refused(capsys, other, "--out", str(tmp_path))
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [run_folder.CONFIG]
    # Asked for by name, it is no reason to refuse: the set is opened.
    with pytest.raises(AssertionError, match="a set was opened"):
        command_line.main([command, *words, "--devices.count", "1", "--change", "generator.rate"])


@pytest.mark.parametrize("command", PLAIN)
def test_a_configuration_that_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    (tmp_path / run_folder.CONFIG).mkdir()
    line = refused(capsys, command, "--out", str(tmp_path))
    assert f"{tmp_path / run_folder.CONFIG} is no ordinary file; expected that of a run, or nothing" in line


@cases(
    ("words", "sentence"),
    [
        (["train", "--out", ""], "the word after --out is empty; expected a name, a number or a path"),
        (["train", "--out="], "nothing follows --out=; expected a name"),
        (["sample", " "], "the word after sample is empty"),
        (["prepare", ""], "the word after prepare is empty"),
        ([""], "the word after python -m gan_jax is empty"),
    ],
)
def test_a_word_that_a_shell_left_empty_is_no_folder(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentence in refused(capsys, *words)


def test_words_of_captions_are_looked_at_later(tmp_path: Path) -> None:
    """They are made with the set; a run with captions goes on."""
    config = options.parsed(image_config.Config, "train", ["--condition.kind", "caption", "--out", str(tmp_path)])
    tree = {**image_config.plain(config), image_config.VOCABULARY: {"words": ["blue"], "length": 1}}
    run_folder.settle_config(tmp_path, tree)
    run_folder.check(tmp_path, image_config.plain(config), free=(*image_config.FREE, image_config.VOCABULARY))
