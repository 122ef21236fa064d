"""The classifier reads digits it never saw, and its weights are kept safely."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.data.images import ImageSet
from gan_jax.data.sets import load
from gan_jax.metrics import classifier as module
from gan_jax.metrics.classifier import Trained, classifier_features
from gan_jax.metrics.features import extract
from gan_jax.metrics.kernel import kid
from gan_jax.models.classifier import conv_classifier
from tests.cases import cases

RNG = np.random.default_rng(0)
SMALL = ImageSet("small-8", RNG.integers(0, 256, (40, 8, 8, 1), dtype=np.uint8), np.arange(40, dtype=np.int32) % 10, 10)


def trained(folder: Path, images: ImageSet = SMALL, **options: int) -> Trained:
    return classifier_features(images, SMALL, cache_dir=folder, **{"steps": 2, **options})


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trained]:
    folder = tmp_path_factory.mktemp("kept")
    return folder, trained(folder)


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(module, "_train", refuse)


@pytest.mark.exhaustive  # test_image_runs reads digits at every change.
@pytest.mark.usefixtures("optimised")
def test_digits_are_read_and_halves_of_them_are_near(tmp_path: Path) -> None:
    train, test = (load("digits", split=split, data_dir=tmp_path) for split in ("train", "test"))
    result = classifier_features(train, test, cache_dir=tmp_path / "kept")
    assert result.accuracy >= 0.98
    rows = extract(result.features, load("digits", split="all", data_dir=tmp_path).images).features
    assert rows.shape == (1797, 128)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(1797)
        value, error = kid(rows[order[:898]], rows[order[898:]])
        assert abs(float(value)) < 4 * float(error)


@pytest.mark.slow
@pytest.mark.usefixtures("no_training")
def test_the_second_call_reads_the_first(kept: tuple[Path, Trained]) -> None:
    folder, first = kept
    again = trained(folder)
    assert len(files(folder)) == 1
    assert again.features[:2] == first.features[:2]
    assert again.accuracy == first.accuracy
    for found, expected in zip(*(extract(t.features, SMALL.images) for t in (again, first)), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda: {"seed": 1},
        lambda: {"steps": 3},
        lambda: {"images": SMALL._replace(name="other-8")},
        lambda: {"images": SMALL._replace(labels=SMALL.labels[::-1])},
        lambda: {"images": SMALL._replace(images=np.where(SMALL.images == 255, np.uint8(254), SMALL.images))},
    ],
    ids=["seed", "steps", "name", "labels", "one grey level"],
)
@pytest.mark.usefixtures("no_training")
def test_what_decides_the_weights_decides_the_file(kept: tuple[Path, Trained], change: Callable[[], dict]) -> None:
    with pytest.raises(AssertionError, match="trained again"):
        trained(kept[0], **change())


@pytest.mark.slow
@pytest.mark.usefixtures("no_training")
def test_the_recipe_and_its_version_decide_the_file(
    kept: tuple[Path, Trained], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RECIPE_VERSION", -1)
    with pytest.raises(AssertionError, match="trained again"):
        trained(kept[0])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def changed(path: Path) -> None:
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["params/Dense_0/bias"] = arrays["params/Dense_0/bias"] + np.float32(1.0)
    np.savez(path, **arrays)


def of_another_network(path: Path) -> None:
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["params/Dense_0/bias"] = arrays["params/Dense_0/bias"][:-1]
    np.savez(path, **arrays)


def pickled(path: Path) -> None:
    np.savez(path, accuracy=np.array([object()], dtype=object))


@pytest.mark.slow
@pytest.mark.parametrize("damage", [cut, flipped, emptied, changed, of_another_network, pickled])
def test_a_damaged_file_is_trained_over(
    kept: tuple[Path, Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None]
) -> None:
    folder, first = kept
    (copy := tmp_path / files(folder)[0].name).write_bytes(files(folder)[0].read_bytes())
    damage(copy)
    weights = first.features.apply.args[0]
    monkeypatch.setattr(module, "_train", lambda *_: weights)
    assert trained(tmp_path).features.name == first.features.name
    monkeypatch.setattr(module, "_train", None)
    assert trained(tmp_path).features.name == first.features.name
    assert files(tmp_path) == [copy]


def test_a_folder_that_cannot_be_written_is_named(
    kept: tuple[Path, Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(module, "_train", lambda *_: kept[1].features.apply.args[0])
    with pytest.raises(OSError, match=r"cache_dir .*file cannot be written"):
        trained(tmp_path / "file")
    assert os.listdir(tmp_path) == ["file"]


def test_shifts_move_whole_pictures() -> None:
    x = jnp.asarray(np.repeat(SMALL.images, 5, axis=0), jnp.float32)
    moved = np.asarray(module._shifted(jax.random.key(0), x, 1))
    padded = np.pad(np.asarray(x), ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    seen = set()
    for image, around in zip(moved, padded, strict=True):
        seen |= {(i, j) for i in range(3) for j in range(3) if np.array_equal(image, around[i : i + 8, j : j + 8])}
    assert len(seen) == 9


def test_name_and_preprocessing_say_what_it_is(kept: tuple[Path, Trained]) -> None:
    features = kept[1].features
    assert features.name.startswith("small-8 classifier ")
    assert len(features.name.split()[-1]) == 8
    assert features.preprocessing == "8 × 8 grey, [-1, 1]"


@pytest.mark.parametrize(("shape", "classes"), [((8, 8, 1), 10), ((28, 28, 1), 10), ((64, 64, 3), 4), ((24, 32, 3), 2)])
def test_features_have_one_width_at_every_size(shape: tuple[int, int, int], classes: int) -> None:
    network = conv_classifier(classes, features=32, width=4)
    x = jax.ShapeDtypeStruct((5, *shape), jnp.float32)
    variables = jax.eval_shape(network.init, jax.random.key(0), x)
    features, logits = jax.eval_shape(network.apply, variables, x)
    assert (features.shape, logits.shape) == ((5, 32), (5, classes))


def odd(images: np.ndarray = SMALL.images, labels: np.ndarray = SMALL.labels, classes: int = 10) -> ImageSet:
    return ImageSet("odd", images, labels, classes)


@cases(
    ("images", "words"),
    [
        (odd(images=np.zeros((40, 7, 7, 1), np.uint8)), "images has images of 7 × 7 pixels; expected sides of 8 to 64"),
        (odd(images=np.zeros((40, 8, 65, 1), np.uint8)), "images has images of 8 × 65 pixels"),
        (odd(images=np.zeros((40, 8, 8, 2), np.uint8)), r"expected uint8 \[n, h, w, 1 or 3\]"),
        (odd(images=np.zeros((40, 8, 8, 1))), "type float64; expected uint8"),
        (odd(images=np.zeros((40, 8, 8, 3), np.uint8)), r"test has images of \(8, 8, 1\)"),
        (odd(classes=0), "images has 0 classes; expected at least 2"),
        (odd(labels=np.full(40, -1, np.int32)), "images has labels from -1 to -1; expected 0 to 9, all known"),
        (odd(labels=np.zeros(3, np.int32)), "expected one a picture"),
    ],
)
def test_bad_images_are_one_sentence(tmp_path: Path, images: ImageSet, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        trained(tmp_path, images)


@pytest.mark.parametrize(("options", "words"), [({"seed": -1}, "seed is -1"), ({"steps": 0}, "steps is 0")])
def test_bad_options_are_one_sentence(tmp_path: Path, options: dict[str, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        trained(tmp_path, **options)


@pytest.mark.parametrize(
    ("options", "words"), [({"classes": 1}, "classes is 1"), ({"classes": 3, "width": 0}, "width is 0")]
)
def test_bad_networks_are_one_sentence(options: dict[str, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        conv_classifier(**options)
