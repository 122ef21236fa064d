"""A run on images from the command line: train, go on, sample, evaluate, export; and what it says of a wrong request."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax
import numpy as np
import PIL.Image
import pytest

from gan_jax.cli import devices, image_config, image_runs, pictures, starts
from gan_jax.cli import main as command_line
from gan_jax.cli import sample as sampling
from gan_jax.training import run_folder

SMALL = ("--model.pair", "mlp", "--model.width", "16", "--model.latent", "8", "--rule.batch-size", "16")
SHORT = ("--schedule.log-every", "5", "--schedule.save-every", "10", "--evaluation.fake", "0")


@pytest.fixture(autouse=True, scope="module")
def configured() -> Iterator[None]:
    """JAX stays as the tests configured it, also in what all tests of this file share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "configure_jax", lambda cpu_devices=None: None)
        # A machine with much else to do says nothing of what it takes long for.
        patch.setattr(starts, "QUIET", 1e6)
        yield


class Piece(np.ndarray):
    """An array that can be looked for after it should have gone."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__


def train(folder: Path, *words: str, steps: int = 20) -> int:
    return command_line.main(["train", "--out", str(folder), "--schedule.steps", str(steps), *SMALL, *SHORT, *words])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "digits"
    assert train(folder) == 0
    return folder


@pytest.mark.slow
def test_a_run_leaves_what_it_says(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {path.name for path in run.iterdir()}
    assert {
        "config.json",
        "metrics.jsonl",
        "metrics.csv",
        "checkpoints",
        "samples",
        "samples.gif",
        "tensorboard",
    } <= names
    assert sorted(path.name for path in (run / "samples").iterdir()) == [f"{step:09d}.png" for step in (0, 10, 20)]
    with PIL.Image.open(run / "samples.gif") as strip:
        assert strip.n_frames == 3
    assert [row["step"] for row in run_folder.read_rows(run)] == [5, 10, 15, 20]
    # The configuration comes back as it was.
    config = image_config.from_plain(run_folder.read_config(run))
    assert image_config.plain(config) == run_folder.read_config(run)
    assert config.model.width == 16
    assert train(run) == 0
    assert "all 20 steps made" in capsys.readouterr().out


@pytest.mark.slow
def test_two_halves_are_one_run(run: Path, tmp_path: Path) -> None:
    assert train(tmp_path, steps=10) == 0
    assert train(tmp_path, steps=20) == 0
    assert run_folder.read_rows(tmp_path) == run_folder.read_rows(run)
    for picture in (run / "samples").iterdir():
        assert (tmp_path / "samples" / picture.name).read_bytes() == picture.read_bytes()


@pytest.mark.slow
def test_every_start_is_said_and_recorded(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(tmp_path, steps=10) == 0
    said = capsys.readouterr().err
    opened = image_runs.opened(tmp_path)
    sizes = [
        sum(leaf.size for leaf in jax.tree.leaves(player.variables["params"]))
        for player in (opened.state.generator, opened.state.discriminator)
    ]
    devices = len(jax.devices())
    assert f"{tmp_path}: {devices} cpu device" in said
    assert f"(cpu), images 8 × 8 × 1, generator {sizes[0]} and discriminator {sizes[1]} parameters" in said
    assert "step 0 of 10" in said
    assert "step 10 of 10, " in said
    assert "steps/s, time left 0:00:00" in said
    assert train(tmp_path, steps=20) == 0
    starts_of = [json.loads(line) for line in (tmp_path / run_folder.MANIFEST).read_text(encoding="utf-8").splitlines()]
    assert [facts["step"] for facts in starts_of] == [0, 10]
    for facts in starts_of:
        assert facts["versions"]["jax"] == jax.__version__
        assert facts["device"] == {"platform": "cpu", "kind": "cpu", "count": devices}
        assert set(facts["git"]) == {"commit", "dirty"}
        assert facts["command"].startswith(f"python -m gan_jax train --out {tmp_path}")


@pytest.mark.slow
def test_a_rate_is_changed_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Steps of 1e30 in every coordinate leave float32 within the first row.
    assert train(tmp_path, "--generator.rate", "1e30", "--discriminator.rate", "1e30") == 2
    assert "--generator.rate RATE --discriminator.rate RATE --change generator.rate" in capsys.readouterr().err
    assert train(tmp_path, steps=5) == 2
    said = capsys.readouterr().err
    assert "is 0.001, and 1e+30 in the configuration of the run in" in said
    assert "name another folder or ask for the change by name: --change generator.rate" in said
    assert train(tmp_path, "--change", "generator.rate", "discriminator.rate") == 0
    changes = [json.loads(line) for line in (tmp_path / run_folder.CHANGES).read_text(encoding="utf-8").splitlines()]
    assert {(row["name"], row["from"], row["to"]) for row in changes} == {
        (f"{side}.rate", 1e30, 0.001) for side in ("generator", "discriminator")
    }
    assert train(tmp_path, "--change", "model.width") == 2
    assert "change is 'model.width'" in capsys.readouterr().err
    # What cannot be changed is not recommended to be.
    assert train(tmp_path, "--model.latent", "3") == 2
    assert capsys.readouterr().err.rstrip().endswith("expected the same: change it back or name another folder")


def test_what_takes_long_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(starts, "QUIET", 0.01)
    with starts.working("waiting"):
        time.sleep(0.2)
    said = capsys.readouterr().err.splitlines()
    assert said == ["waiting: 1 s so far", "waiting: done in 1 s"]
    monkeypatch.setattr(starts, "QUIET", 1e6)
    with starts.working("waiting"):
        pass
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_samples_are_a_picture_and_numbers(run: Path, tmp_path: Path) -> None:
    words = ["sample", str(run), "--out", str(tmp_path), "--seed", "3"]
    assert command_line.main([*words, "--n", "6", "--columns", "3"]) == 0
    with np.load(tmp_path / "samples_seed3.npz") as saved:
        images, step = saved["images"], int(saved["step"])
    assert step == 20
    assert images.shape == (6, 8, 8, 1)
    assert images.dtype == np.float32
    assert np.abs(images).max() <= 1
    with PIL.Image.open(tmp_path / "samples_seed3.png") as picture:
        # Two rows of three, six times enlarged, with lines of one pixel between.
        assert picture.size == (6 * 26, 6 * 17)
    assert command_line.main([*words, "--n", "2"]) == 0
    with np.load(tmp_path / "samples_seed3.npz") as saved:
        np.testing.assert_array_equal(saved["images"], images[:2])


@pytest.mark.slow
def test_images_are_written_as_they_are_drawn(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the size of a piece, the files are those of one array; at most one piece is held, and what the picture shows."""
    words = ["sample", str(run), "--seed", "4", "--n", "11", "--columns", "3", "--out"]
    images = np.asarray(image_runs.opened(run).sample(image_runs.opened(run).state, jax.random.key(4), 11))
    np.savez(tmp_path / "whole.npz", images=images, step=20, seed=4)
    pictures.write_grid(tmp_path / "first.png", images[:5], columns=3)
    cut, held = image_runs.opened, weakref.WeakSet[Piece]()

    def small(folder: Path) -> image_runs.Opened:
        def pieces(*_: object) -> Iterator[np.ndarray]:
            for first in range(0, 11, 2):
                piece = images[first : first + 2].copy().view(Piece)
                held.add(piece)
                yield piece
                del piece
                assert len(held) <= 4, "the three of the picture, and the one that was drawn last"

        return cut(folder)._replace(pieces=pieces)

    monkeypatch.setattr(sampling, "opened", small)
    monkeypatch.setattr(pictures, "MOST_SHOWN", 5)
    assert command_line.main([*words, str(tmp_path)]) == 0
    assert (tmp_path / "samples_seed4.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
    assert (tmp_path / "samples_seed4.png").read_bytes() == (tmp_path / "first.png").read_bytes()
    assert "samples_seed4.png with the first 5 of them, and" in capsys.readouterr().out


@pytest.mark.slow
def test_an_exported_generator_needs_no_gan_jax(run: Path, tmp_path: Path) -> None:
    assert command_line.main(["export", str(run), "--out", str(tmp_path)]) == 0
    assert len((tmp_path / "load.py").read_text(encoding="utf-8").splitlines()) == 10
    # From a folder where gan_jax cannot be imported by accident, with its name blocked.
    blocked = "import sys, runpy; sys.modules['gan_jax'] = None; runpy.run_path(sys.argv[1])"
    subprocess.run([sys.executable, "-c", blocked, tmp_path / "load.py"], cwd=tmp_path, check=True, timeout=120)
    loaded = np.load(tmp_path / "images.npy")
    opened = image_runs.opened(run)
    z = jax.random.normal(jax.random.key(0), (16, 8))
    from gan_jax.training.state import averaged

    np.testing.assert_allclose(loaded, opened.generator.apply(averaged(opened.state), z), atol=2e-6)
    with np.load(tmp_path / "weights.npz") as weights:
        assert weights["params/Dense_0/kernel"].shape == (8, 16)


@pytest.mark.slow
@pytest.mark.usefixtures("optimised")
def test_every_score_says_what_it_depends_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", os.fspath(tmp_path))
    run = tmp_path / "run"
    assert train(run, "--evaluation.fake", "64") == 0
    rows = run_folder.read_rows(run)
    assert ["KID" in row for row in rows] == [False, True, False, True]
    assert command_line.main(["evaluate", str(run), "--n", "200"]) == 0
    printed = capsys.readouterr().out
    evaluation = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
    assert evaluation["accuracy"] >= 0.98
    for score in evaluation["scores"]:
        assert score["metric"] in printed
        assert score["extractor"].startswith("digits-8 classifier ")
        assert score["n_fake"] == 200
        assert score["n_real"] in (0, 1797)
    assert "FID-Inception" not in printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "--data.name", "digit"], "name is 'digit'; did you mean 'digits'?"),
        (["train", "--data.name", "cifar10", "--data.data-dir", "nowhere"], "run: make data NAME=cifar10"),
        (["train", "--data.size", "7"], "size"),
        (["train", "--rule.batch-size", "63"], "batch_size is 63, which 2 devices cannot share evenly"),
        (["train", "--rule.objective", "hinges"], "rule.objective is 'hinges'; did you mean 'hinge'?"),
        (["train", "--rule.penalty", "gpp"], "rule.penalty is 'gpp'; did you mean 'gp'?"),
        (["train", "--devices.count", "5"], "devices is 5; expected a number from 1 to 2"),
        (["train", "--model.pair", "dcgan"], "the critic mixes the examples of a batch"),
        (["train", "--data.name", "folder:nowhere"], "nowhere"),
        (["sample", "nowhere"], "nowhere holds no config.json, so it is no run"),
        (["prepare", "nothing_like_it"], "nothing_like_it"),
        (["evaluate", "nowhere", "--n", "11", "--k", "11"], "--n is 11; expected at least 12: the 10 parts of the"),
        (["evaluate", "nowhere", "--n", "9", "--k", "1"], "--n is 9; expected at least 10"),
        (["evaluate", "nowhere", "--sha256", "1f"], "--sha256 is given without --inception"),
        (["train", "--evaluation.fake", "3"], "--evaluation.fake is 3; expected 0 or at least 4"),
    ],
)
def test_a_wrong_request_is_answered_in_one_sentence(
    words: Sequence[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    unmeasured = words[0] == "train" and "--evaluation.fake" not in words
    assert command_line.main([*words, *(["--evaluation.fake", "0"] if unmeasured else [])]) == 2
    said = capsys.readouterr().err.strip()
    assert message in said
    assert len(said.splitlines()) == 1


def test_help_explains_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(["train", "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for option in ("--rule.penalty-weight", "--schedule.save-every", "--devices.coordinator", "--evaluation.inception"):
        assert option in said
    # Each is a phrase of its own, that begins as one does; tests/experiments/test_options.py has those of experiments.
    lines = [line.strip(" │") for line in said.splitlines()]
    helps = [
        after
        for line, after in itertools.pairwise(lines)
        if re.fullmatch(r"--[\w.-]+ (INT|FLOAT|STR|PATH|\{None\}\|\w+)", line)
    ]
    assert len(helps) > 10
    assert [line for line in helps if not line[0].isupper()] == []
