"""A folder of the user's own: what is said of it before it is read, that it is read once, and that its run needs it no more."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from gan_jax.cli import devices, image_config, image_data, image_runs, reference_features, sample
from gan_jax.cli import main as command_line
from gan_jax.cli.errors import UserError
from gan_jax.data import avatar_sets, drawn_avatars
from gan_jax.data import folder as folders
from gan_jax.data.folder import open_folder
from gan_jax.metrics import classifier
from gan_jax.metrics.features import Features
from gan_jax.training import run_folder
from gan_jax.training.mesh import data_mesh

SMALL = ("--model.pair", "mlp", "--model.width", "4", "--model.latent", "4", "--rule.batch-size", "4")
SHORT = ("--schedule.steps", "2", "--schedule.log-every", "2", "--schedule.save-every", "2", "--no-tensorboard")
CLASSES = ("ants", "bees")


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """JAX stays as the tests configured it."""
    monkeypatch.setattr(devices, "configure_jax", lambda cpu_devices=None: None)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the pixels of each file are read."""
    once, counted = folders._pixels, Counter[str]()

    def pixels(file: Path, *arguments: object) -> np.ndarray:
        counted[file.name] += 1
        return once(file, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(folders, "_pixels", pixels)
    return counted


def write_images(folder: Path, count: int, size: int = 10, *, first: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(first, first + count):
        pixels = np.random.default_rng(index).integers(256, size=(size, size), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index:02d}.png")
    return folder


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return write_images(tmp_path / "MINE", 5)


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    for number, name in enumerate(CLASSES):
        write_images(tmp_path / "MINE" / name, 6, first=10 * number)
    return tmp_path / "MINE"


def train(folder: Path, out: Path, *words: str) -> int:
    return command_line.main(["train", "--data.name", f"folder:{folder}", "--out", str(out), *SMALL, *SHORT, *words])


@pytest.mark.slow
def test_a_folder_without_classes_is_trained_and_the_rest_is_said_first(
    plain: Path, tmp_path: Path, read: Counter[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert train(plain, run) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"folder:{plain}: 5 images of 8 × 8 in grey, resized from 10 × 10; no classes"
    assert said[1] == (
        f"not measured: folder:{plain} has no classes (folders in it, one for each class) to train a classifier on; give weights of "
        "Inception to measure with: --evaluation.inception FILE --evaluation.sha256 HASH"
    )
    assert set(read.values()) == {1}
    # What follows needs no picture: the set is gone.
    plain.rename(tmp_path / "gone")
    assert command_line.main(["sample", str(run), "--n", "2"]) == 0
    with np.load(run / "samples_seed0.npz") as saved:
        assert saved["images"].shape == (2, 8, 8, 1)
    assert command_line.main(["export", str(run)]) == 0
    assert command_line.main(["sample", str(run), "--label", "ants"]) == 2
    assert "the run was trained without labels" in capsys.readouterr().err
    (tmp_path / "gone").rename(plain)
    assert command_line.main(["evaluate", str(run)]) == 2
    said_of_it = capsys.readouterr().err
    assert "has no classes" in said_of_it
    # The options that are recommended are the command's own.
    assert "--inception FILE --sha256 HASH" in said_of_it
    assert "--evaluation" not in said_of_it


def stand_in(monkeypatch: pytest.MonkeyPatch) -> list[tuple[np.ndarray, np.ndarray]]:
    """A classifier that is not trained; how many images of each class it was to learn from, and to be tested on."""
    seen = []

    def made(train: classifier.LabelledImages, test: classifier.LabelledImages, **_: object) -> classifier.Trained:
        seen.append((np.bincount(train.labels), np.bincount(test.labels)))

        def apply(x: jnp.ndarray) -> tuple[jnp.ndarray, jnp.ndarray]:
            return x.reshape(len(x), -1), x.reshape(len(x), -1)

        return classifier.Trained(Features(f"{train.name} classifier", "", apply), 1.0)

    monkeypatch.setattr(classifier, "classifier_features", made)
    return seen


def test_everything_that_may_take_long_with_images_is_said(labelled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty thousand files take minutes to be listed, read and measured."""
    stand_in(monkeypatch)
    said = []

    def working(what: str) -> AbstractContextManager[None]:
        said.append(what)
        return nullcontext()

    for module in (image_data, reference_features):
        monkeypatch.setattr(module, "working", working)
    reference_features.reference_features(
        image_config.Data(name=f"folder:{labelled}", size=8), image_config.Evaluation()
    )
    assert said == [
        "looking at the images",
        "loading the images",
        "training the classifier that images are measured with",
        "measuring the images of the set",
    ]


@pytest.mark.slow
def test_a_folder_in_classes_is_measured_and_every_picture_read_once(
    labelled: Path,
    tmp_path: Path,
    read: Counter[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The classifier is a stand-in; that it is trained on four in five of every class, and tested on the others, is not."""
    seen = stand_in(monkeypatch)
    run = tmp_path / "run"
    assert train(labelled, run, "--evaluation.fake", "8") == 0
    said = capsys.readouterr().out
    assert f"folder:{labelled}: 12 images of 8 × 8 in grey, resized from 10 × 10; 2 classes (ants, bees)\n" in said
    assert "KID" in (run / "metrics.jsonl").read_text()
    assert read == {f"{i:02d}.png": 1 for i in (*range(6), *range(10, 16))}
    np.testing.assert_array_equal(seen[0], [[5, 5], [1, 1]])
    read.clear()
    assert command_line.main(["evaluate", str(run), "--n", "20"]) == 0
    assert json.loads((run / "evaluation.json").read_text())["real"] == "folder:MINE-8"
    assert set(read.values()) == {1}


def test_refusals_come_before_a_picture_is_opened(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("a picture was opened"))
    assert train(labelled, tmp_path / "run", "--data.size", "40") == 2
    assert "data.size is 40; expected one of 8, 16, 32, 64: the nearest is 32" in capsys.readouterr().err
    assert command_line.main(["train", "--data.name", str(labelled), *SHORT]) == 2
    assert f"name is '{labelled}', a folder; expected 'folder:{labelled}'" in capsys.readouterr().err


def test_a_label_needs_every_picture_in_a_class(
    labelled: Path, tmp_path: Path, read: Counter[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(labelled, 1, first=90)
    words = ("--model.pair", "dcgan_norm_free", "--condition.kind", "label", "--evaluation.fake", "0")
    assert train(labelled, tmp_path / "run", *words) == 2
    assert "2 classes, and 1 of 13 images are in none; expected every image in a class" in capsys.readouterr().err
    assert not read


@pytest.mark.slow
def test_a_run_that_goes_on_has_the_set_that_it_began_with(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert train(plain, run, "--evaluation.fake", "0") == 0
    write_images(plain, 1, first=50)
    assert train(plain, run, "--evaluation.fake", "0") == 0
    assert "has 6 images, and had 5 when the run in" in capsys.readouterr().err
    shutil.rmtree(plain)
    write_images(plain, 5, size=16)
    assert train(plain, run, "--evaluation.fake", "0") == 2
    assert "has images (16, 16, 1), and the run in" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["none", "label", "caption"])
def test_a_game_without_its_set_has_the_state_of_the_one_with_it(
    kind: Literal["none", "label", "caption"], labelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that its checkpoints are read with what ``data.json`` keeps; nothing is compiled here, and nothing played."""
    monkeypatch.setattr(
        avatar_sets, "load_avatars", lambda split, *, size, data_dir: drawn_avatars.draw_set(0, 24, size=size)
    )
    name = "avatars" if kind == "caption" else f"folder:{labelled}"
    config = image_config.Config(
        data=image_config.Data(name=name, size=16),
        condition=image_config.Condition(kind=kind, width=4),
        model=image_config.Model(width=4, latent=4),
    )
    mesh = data_mesh(1)
    real = image_runs.assemble(config, mesh)
    blank = image_runs.assemble(config, mesh, real.words, real.facts)
    assert blank.facts == real.facts
    states = [
        jax.eval_shape(partial(made.game.init, feed=made.source.feed(0, 1)), jax.random.key(0))
        for made in (real, blank)
    ]
    assert jax.tree.structure(states[0]) == jax.tree.structure(states[1])
    assert jax.tree.leaves(states[0]) == jax.tree.leaves(states[1])
    # What its pictures are drawn from is the same too, conditions included.
    drawn = [made.generator.noise(jax.random.key(1), 5) for made in (real, blank)]
    for one, other in zip(*map(jax.tree.leaves, drawn), strict=True):
        np.testing.assert_array_equal(one, other)


def test_names_of_classes_do_not_reach_the_terminal_as_they_are(tmp_path: Path) -> None:
    """Neither an escape sequence nor bytes that are no UTF-8, which no encoding can print; both are kept as they are."""
    for name in ("a\x1b[2J", "b\udcff"):
        write_images(tmp_path / name, 1)
    images = open_folder(tmp_path, size=8)
    data = image_config.Data(name="folder:x")
    assert r"2 classes (a\x1b[2J, b\udcff)" in image_data.described(data, images)
    facts = image_data.facts_of(data, images)
    image_data.write_facts(tmp_path / "run", facts)
    assert image_data.read_facts(tmp_path / "run") == facts


@pytest.mark.slow
def test_a_label_is_drawn_by_its_name_or_its_number(labelled: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ("--model.pair", "dcgan_norm_free", "--condition.kind", "label", "--evaluation.fake", "0")
    assert train(labelled, run, *words) == 0
    shutil.rmtree(labelled)
    drawn = []
    for label in ("bees", "1", "ants"):
        assert (
            command_line.main(["sample", str(run), "--label", label, "--n", "3", "--out", str(tmp_path / label)]) == 0
        )
        (file,) = (tmp_path / label).glob("samples_label*_seed0.npz")
        with np.load(file) as saved:
            drawn.append(saved["images"])
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_a_class_is_known_by_its_name_before_its_number() -> None:
    """Folders called 1, 10 and 2 are classes 0, 1 and 2, in the order of their names."""
    facts = image_data.Facts("folder:numbers-8", (8, 8, 1), 9, 3, ("1", "10", "2"))
    config = image_config.Config(condition=image_config.Condition(kind="label"))
    run = image_runs.Opened(config, 1, None, None, facts, None, None, None, None)  # type: ignore[arg-type]  # only these are looked at
    assert [sample.label_of(run, label) for label in ("1", "10", "2", "0")] == [0, 1, 2, 0]
    with pytest.raises(UserError, match=r"label is '3'; expected one of 1, 10, 2, or a number from 0 to 2"):
        sample.label_of(run, "3")
    bees = run._replace(facts=image_data.Facts("x", (8, 8, 1), 9, 2, CLASSES))
    with pytest.raises(UserError, match="label is 'bee'; did you mean 'bees'"):
        sample.label_of(bees, "bee")
    with pytest.raises(UserError, match="label is '-1'; expected a number from 0 to 9"):
        sample.label_of(run._replace(facts=image_data.Facts("x", (8, 8, 1), 9, 10)), "-1")


def test_what_a_run_keeps_of_its_images_comes_back_or_is_refused(tmp_path: Path) -> None:
    facts = image_data.Facts("x-8", (8, 8, 1), 9, 2, CLASSES, ((1, 2), (3, 4)))
    image_data.write_facts(tmp_path, facts, name="x")
    image_data.write_facts(tmp_path, facts, name="y")
    assert image_data.read_facts(tmp_path, name="y") == facts
    assert image_data.read_facts(tmp_path, name="data") is None
    file = tmp_path / image_data.FACTS
    whole = json.loads(file.read_text())
    odd = (
        {"shape": [10**9, 8, 1]}, {"shape": [8, 8, True]}, {"shape": [8, 8, 1e999]}, {"classes": True}, {"class_names": "ab"},
        {"class_names": ["a", 3]}, {"class_names": ["a", "b", "c"]}, {"captions": [["a"]]}, {"name": None},
    )  # fmt: skip
    nested = '{"x":' + "[" * 100_000
    for broken in ("{", "[1]", '{"x": 1}', nested, *(json.dumps({"x": {**whole["x"], **other}}) for other in odd)):
        file.write_text(broken)
        with pytest.raises(UserError, match=r"data\.json is no record of a run's images"):
            image_data.read_facts(tmp_path, name="x")


def test_how_many_pixels_an_image_may_have_is_an_option(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(plain, tmp_path / "run", "--data.most-pixels", "99") == 2
    assert "it has 10 × 10 = 100 pixels; expected at most 99 (most_pixels)" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    data = image_config.Data(name=f"folder:{plain}", most_pixels=100)
    assert len(image_data.open_data(data).lazy) == 5
    # It moves no number of a run, and runs of earlier versions know nothing of it.
    tree = image_config.plain(image_config.Config())
    del tree["data"]["most_pixels"]
    run_folder.settle_config(tmp_path, tree)
    config = image_config.Config(data=image_config.Data(most_pixels=7))
    assert run_folder.settle_config(tmp_path, image_config.plain(config), free=image_config.FREE) == {}
