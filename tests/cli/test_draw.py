"""Runs with a condition from the command line: train, go on, draw a caption; the words that a run knows are kept with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from gan_jax.cli import avatar_games, devices, draw, image_config, image_runs
from gan_jax.cli import main as command_line
from gan_jax.data import avatar_sets, drawn_avatars
from gan_jax.models.tokenizer import Vocabulary
from gan_jax.training import run_folder

SMALL = ("--model.width", "4", "--model.latent", "4", "--rule.batch-size", "4", "--condition.width", "8")
SHORT = ("--schedule.log-every", "2", "--schedule.save-every", "4", "--no-tensorboard", "--data.size", "16")
pytestmark = pytest.mark.slow

CAPTION = "red eyes and short green hair"


@pytest.fixture(scope="module", autouse=True)
def configured() -> object:
    """JAX stays as the tests configured it; the set of avatars is a small one, drawn and not prepared."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "configure_jax", lambda cpu_devices=None: None)
        patch.setattr(
            avatar_sets,
            "load_avatars",
            lambda split="train", *, size=32, style="portrait", data_dir=None: drawn_avatars.draw_set(0, 24, size=size),
        )
        yield


def train(folder: Path, *words: str, steps: int = 4) -> int:
    settings = ["train", "--out", str(folder), "--schedule.steps", str(steps), *SMALL, *SHORT]
    return command_line.main([*settings, "--data.name", "avatars", "--condition.kind", "caption", *words])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "avatars"
    assert train(folder, "--evaluation.fake", "250") == 0
    return folder


def test_a_run_measures_what_can_be_read_off_its_pictures(run: Path) -> None:
    rows = run_folder.read_rows(run)
    assert [row["step"] for row in rows] == [2, 4]
    assert 0.0 <= rows[-1]["wrong_colours"] <= 1.0
    assert {"hair_colour", "eye_colour"} <= set(rows[-1])


def test_a_run_holds_its_words(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later version with other words draws with those that the run was trained with, and does not go on with its own."""
    kept = json.loads((run / "config.json").read_text(encoding="utf-8"))[image_config.VOCABULARY]
    words = avatar_games.vocabulary()
    assert Vocabulary.from_json(json.dumps(kept)) == words
    other = Vocabulary(("another", *words.words), words.length)
    monkeypatch.setattr(avatar_games, "vocabulary", lambda: other)
    assert image_runs.opened(run).words == words
    assert train(run, "--evaluation.fake", "250", steps=8) == 2


def test_drawing_writes_the_grid_and_says_what_is_there(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["draw", str(run), CAPTION, "--out", str(tmp_path), "--columns", "3"]
    assert command_line.main([*words, "--n", "6"]) == 0
    said = capsys.readouterr().out
    assert "hair colour green:" in said
    assert "eye colour red:" in said
    name = tmp_path / "draw_red_eyes_and_short_green_hair_seed0"
    with np.load(name.with_suffix(".npz")) as saved:
        images = saved["images"]
        assert str(saved["caption"]) == CAPTION
    assert images.shape == (6, 16, 16, 3)
    with PIL.Image.open(name.with_suffix(".png")) as picture:
        assert picture.size == (3 * 3 * 17 - 3, 3 * 2 * 17 - 3)
    assert command_line.main([*words, "--n", "2"]) == 0
    with np.load(name.with_suffix(".npz")) as saved:
        np.testing.assert_array_equal(saved["images"], images[:2])


def test_another_caption_guidance_and_truncation_change_the_pictures(run: Path, tmp_path: Path) -> None:
    def drawn(caption: str, *words: str) -> np.ndarray:
        assert command_line.main(["draw", str(run), caption, "--n", "4", "--out", str(tmp_path), *words]) == 0
        (file,) = tmp_path.glob("*.npz")
        with np.load(file) as saved:
            images = saved["images"]
        file.unlink()
        return images

    plain = drawn(CAPTION)
    assert not np.array_equal(drawn("blue hair"), plain)
    assert not np.array_equal(drawn(CAPTION, "--guidance", "2"), plain)
    safe = drawn(CAPTION, "--truncation", "0.1")
    assert safe.std(axis=0).mean() < plain.std(axis=0).mean()


def test_every_caption_has_a_file_of_its_own(tmp_path: Path) -> None:
    """Also one that is as another up to its 60th letter, or has no letter from a to z."""
    long = "a character with short green hair, brown eyes and an oval face wearing {} glasses"
    captions = (CAPTION, long.format("no"), long.format("round"), "", "日本", "röte", "rte", "green-hair", "green hair")
    options = [
        *(draw.Options(tmp_path, caption) for caption in captions),
        draw.Options(tmp_path, CAPTION, seed=1),
        draw.Options(tmp_path, CAPTION, guidance=1.5),
        draw.Options(tmp_path, CAPTION, truncation=1.5),
    ]
    names = [draw.name_of(one) for one in options]
    assert names[0] == "draw_red_eyes_and_short_green_hair_seed0"
    assert len(set(names)) == len(names)
    assert max(map(len, names)) < 100


def test_unknown_words_are_named(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["draw", str(run), "turquoise hair and a hat", "--n", "1", "--out", str(tmp_path)]) == 0
    assert "the run has never seen: turquoise, hat" in capsys.readouterr().err


@pytest.mark.exhaustive
def test_two_halves_are_one_run(tmp_path: Path) -> None:
    words = ("--evaluation.fake", "0")
    assert train(tmp_path / "whole", *words, steps=8) == 0
    assert train(tmp_path / "halves", *words, steps=4) == 0
    assert train(tmp_path / "halves", *words, steps=8) == 0
    assert run_folder.read_rows(tmp_path / "halves") == run_folder.read_rows(tmp_path / "whole")


def test_labels_can_be_the_condition(tmp_path: Path) -> None:
    words = [
        "train",
        "--out",
        str(tmp_path),
        "--schedule.steps",
        "4",
        "--schedule.log-every",
        "2",
        "--schedule.save-every",
        "4",
    ]
    words += ["--model.width", "4", "--rule.batch-size", "4", "--evaluation.fake", "0", "--no-tensorboard"]
    assert command_line.main([*words, "--condition.kind", "label", "--condition.head", "auxiliary"]) == 0
    assert command_line.main(["sample", str(tmp_path), "--n", "4"]) == 0


def test_a_run_without_captions_cannot_draw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "digits"
    words = [
        "train",
        "--out",
        str(folder),
        "--schedule.steps",
        "2",
        "--schedule.log-every",
        "2",
        "--schedule.save-every",
        "2",
    ]
    words += [
        "--model.pair",
        "mlp",
        "--model.width",
        "4",
        "--rule.batch-size",
        "4",
        "--evaluation.fake",
        "0",
        "--no-tensorboard",
    ]
    assert command_line.main(words) == 0
    assert command_line.main(["draw", str(folder), "blue hair"]) == 2
    assert "was trained without captions, so it cannot draw one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("caption", "message"),
    [
        ("", "is empty; expected a name, a number or a path"),
        ("!?", "expected at least one word"),
        ("blue hair " * 20, "caption has 40 words; expected at most 24, as the model was made for"),
    ],
)
def test_a_caption_that_cannot_be_read_is_an_error(
    run: Path, caption: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["draw", str(run), caption]) == 2
    said = capsys.readouterr().err.strip()
    assert message in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data.name", "digits"], "data.name is 'digits'; expected 'avatars', the set that has captions"),
        (["--data.flip"], "data.flip is True; expected False with captions"),
        (
            ["--data.name", "stacked_digits", "--condition.kind", "label", "--data.size", "8"],
            "data.name is 'stacked_digits', whose stacks have no labels",
        ),
        (["--condition.head", "auxiliary"], "condition.head is 'auxiliary'"),
        (["--model.pair", "r3gan"], "model.pair is 'r3gan'; expected 'dcgan_norm_free'"),
        (["--rule.update", "simultaneous"], "rule.update is 'simultaneous'; expected 'alternating'"),
        (
            ["--condition.wrong-weight", "2"],
            "--condition.wrong-weight is 2.0; expected a finite number of at least 0 and at most 1",
        ),
    ],
)
def test_a_wrong_request_is_answered_in_one_sentence(
    words: Sequence[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path / "run", "--evaluation.fake", "0", *words) == 2
    said = capsys.readouterr().err.strip()
    assert message in said
    assert len(said.splitlines()) == 1


def test_a_run_with_captions_is_no_file_of_noise_alone(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["export", str(run)]) == 2
    assert "was trained with a condition" in capsys.readouterr().err
    copy = run.parent / "copy"
    shutil.copytree(run, copy)
    assert image_runs.opened(copy).words is not None
