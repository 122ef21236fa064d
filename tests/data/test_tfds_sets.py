"""Sets of TFDS are read from prepared array_record, and only from that; what is not prepared is said at once."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import tensorflow_datasets as tfds

from gan_jax.data import sources, stream
from gan_jax.data.images import collect, fitted
from gan_jax.data.sets import load, open_images
from gan_jax.data.tfds_sets import open_tfds, prepare, prepared
from tests.cases import cases

COUNTS = {"train": 30, "test": 11}


def picture(split: str, index: int) -> np.ndarray:
    return np.random.default_rng([len(split), index]).integers(0, 256, (20, 14, 3), dtype=np.uint8)


class TinyPictures(tfds.core.GeneratorBasedBuilder):
    """Noise of 20 × 14 pixels in three classes."""

    VERSION = tfds.core.Version("1.2.3")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.2.3": "Noise."}

    def _info(self) -> tfds.core.DatasetInfo:
        # Tensor and not Image, which TFDS encodes with TensorFlow.
        features = {
            "image": tfds.features.Tensor(shape=(20, 14, 3), dtype=np.uint8),
            "label": tfds.features.ClassLabel(num_classes=3),
        }
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features), disable_shuffling=True)

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
        del dl_manager
        return {split: self._generate_examples(split) for split in COUNTS}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict[str, Any]]]:
        for index in range(COUNTS[split]):
            yield index, {"image": picture(split, index), "label": index % 3}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tfds")
    folder = prepare("tiny_pictures", root)
    assert folder == root / "tiny_pictures" / "1.2.3"
    return root


def metadata(root: Path, name: str, counts: dict[str, int]) -> Path:
    """What TFDS writes beside the records of a prepared set, without records."""
    builder = tfds.builder(name, data_dir=os.fspath(root), file_format="array_record")
    folder = Path(builder.data_path)
    folder.mkdir(parents=True)
    splits = []
    for split, count in counts.items():
        template = tfds.core.naming.ShardedFileTemplate(
            data_dir=folder, dataset_name=builder.name, split=split, filetype_suffix="array_record"
        )
        splits.append(tfds.core.SplitInfo(name=split, shard_lengths=[count], num_bytes=1, filename_template=template))
    builder.info.set_splits(tfds.core.splits.SplitDict(splits))
    builder.info.write_to_directory(folder)
    return folder


@pytest.mark.parametrize("split", [*COUNTS, "all"])
def test_a_prepared_set_is_read_back_example_by_example(data_dir: Path, split: str) -> None:
    images = load("tfds:tiny_pictures", split=split, data_dir=data_dir)
    of = {"all": [(part, i) for part in COUNTS for i in range(COUNTS[part])]}
    expected = of.get(split, [(split, i) for i in range(COUNTS.get(split, 0))])
    assert (images.name, images.classes) == ("tiny_pictures-20x14", 3)
    assert (images.images.dtype, images.labels.dtype) == (np.uint8, np.int32)
    order = sorted(range(len(expected)), key=lambda i: picture(*expected[i]).tobytes())
    found = sorted(range(len(images.images)), key=lambda i: images.images[i].tobytes())
    np.testing.assert_array_equal(images.images[found], np.stack([picture(*expected[i]) for i in order]))
    np.testing.assert_array_equal(images.labels[found], [expected[i][1] % 3 for i in order])


def test_sizes_and_crops_are_those_of_every_image(data_dir: Path) -> None:
    images = open_tfds("tiny_pictures", size=8, crop=True, data_dir=data_dir)
    assert (images.name, images.shape, len(images)) == ("tiny_pictures-8", (8, 8, 3), 30)
    np.testing.assert_array_equal(images[4], fitted(picture("train", 4), 8, crop=True))


def test_preparing_twice_does_nothing_the_second_time(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TinyPictures, "_generate_examples", None)
    assert prepare("tiny_pictures", data_dir) == data_dir / "tiny_pictures" / "1.2.3"
    assert prepared("tiny_pictures", data_dir)
    assert list(data_dir.glob("**/*.array_record*"))


def test_an_interrupted_preparation_does_not_look_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Any, split: str) -> Iterator[tuple[int, dict[str, Any]]]:
        yield 0, {"image": picture(split, 0), "label": 0}
        raise KeyboardInterrupt

    monkeypatch.setattr(TinyPictures, "_generate_examples", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare("tiny_pictures", tmp_path)
    assert not prepared("tiny_pictures", tmp_path)


@pytest.mark.parametrize(
    ("name", "native", "classes"),
    [
        ("mnist", (28, 28, 1), 10),
        ("fashion_mnist", (28, 28, 1), 10),
        ("cifar10", (32, 32, 3), 10),
        ("celeb_a", (178, 178, 3), 0),
    ],
)
def test_stock_sets_are_read_as_their_metadata_says(name: str, native: tuple, classes: int, tmp_path: Path) -> None:
    folder = metadata(tmp_path, name, {"train": 40, "test": 20})
    assert prepared(name, tmp_path)
    # TFDS's mock invents the records; the metadata, and all of our code, are real.
    with tfds.testing.mock_data(num_examples=12, data_dir=os.fspath(folder)):
        images = open_images(name, data_dir=tmp_path)
        small = load(name, size=16, split="test", data_dir=tmp_path)
    assert (images.name, images.shape, images.classes) == (f"{name}-{native[0]}", native, classes)
    first, label = images.labelled(0)
    assert (first.shape, first.dtype) == (native, np.uint8)
    assert 0 <= label < classes if classes else label == -1
    assert (small.name, small.images.shape) == (f"{name}-16", (12, 16, 16, native[2]))
    np.testing.assert_array_equal(small.images[3], fitted(images[3], 16, crop=False))
    assert "tensorflow" not in sys.modules


def test_a_set_with_configurations_is_named_with_one_of_them(tmp_path: Path) -> None:
    """The sets of CycleGAN: two domains, each a split, of images without a common size."""
    name = "cycle_gan/horse2zebra"
    folder = metadata(tmp_path, name, {"trainA": 5, "trainB": 7})
    assert prepared(name, tmp_path)
    assert not prepared("cycle_gan/apple2orange", tmp_path)
    with tfds.testing.mock_data(num_examples=6, data_dir=os.fspath(folder)):
        images = load(f"tfds:{name}", size=16, split="trainB", data_dir=tmp_path)
    assert (images.images.shape, images.classes) == ((6, 16, 16, 3), 2)
    with pytest.raises(ValueError, match="differ in size; give a size"):
        open_images(f"tfds:{name}", split="trainA", data_dir=tmp_path)
    with pytest.raises(ValueError, match="did you mean 'cycle_gan'"):
        prepare("cycle_gam/horse2zebra", tmp_path)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "celeb_a"])
def test_an_unprepared_set_says_at_once_what_to_run(name: str, tmp_path: Path) -> None:
    assert not prepared(name, tmp_path)
    begin = time.monotonic()
    with pytest.raises(FileNotFoundError) as error:
        load(name, data_dir=tmp_path)
    assert (
        str(error.value)
        == f"{name} is not prepared in {tmp_path}; run: make data NAME={name} ARGS='--data-dir {tmp_path}'"
    )
    assert time.monotonic() - begin < 1.0


def test_what_is_prepared_is_found_without_importing_tfds(data_dir: Path) -> None:
    code = """
import sys
from gan_jax.data.tfds_sets import prepared, prepare
assert prepared("tiny_pictures", sys.argv[1]) and not prepared("mnist", sys.argv[1])
prepare("tiny_pictures", sys.argv[1])
assert "tensorflow_datasets" not in sys.modules and "tensorflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, str(data_dir)], check=True, timeout=120)


def test_the_newest_version_counts_and_another_format_does_not(data_dir: Path, tmp_path: Path) -> None:
    def write(version: str, **info: str) -> None:
        folder = tmp_path / "mnist" / version
        folder.mkdir(parents=True)
        (folder / "dataset_info.json").write_text(json.dumps(info))

    write("3.0.1", fileFormat="tfrecord")
    write("1.0.0.incompleteAB", fileFormat="array_record")
    assert not prepared("mnist", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"mnist is not prepared as array_record \(there is tfrecord, which"):
        load("mnist", data_dir=tmp_path)
    from gan_jax.data import tfds_sets

    for version in ("2.0.0", "10.0.0", "9.9.9"):
        write(version, fileFormat="array_record")
    assert tfds_sets._newest("mnist", tmp_path) == tmp_path / "mnist" / "10.0.0"


def test_another_format_in_the_way_of_preparing_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "tiny_pictures" / "1.2.3"
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").write_text(json.dumps({"name": "tiny_pictures", "version": "1.2.3"}))
    with pytest.raises(RuntimeError, match=r"1\.2\.3 is stored as tfrecord; expected array_record: delete it, or name"):
        prepare("tiny_pictures", tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is not None, reason="TensorFlow is installed")
def test_a_missing_tensorflow_says_which_extra_to_install(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as error:
        prepare("cifar10", tmp_path)
    assert str(error.value) == (
        "preparing cifar10 needs TensorFlow (reading it does not); run: pip install 'gan_jax[prepare]'"
    )


def test_a_data_dir_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"data_dir .*file/under cannot be written"):
        prepare("tiny_pictures", tmp_path / "file" / "under")


def test_a_damaged_preparation_is_named(data_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(data_dir, tmp_path / "data")
    for record in (tmp_path / "data").glob("**/*train*array_record*"):
        record.write_bytes(b"")
    with pytest.raises(
        RuntimeError, match=r"tiny_pictures in .*1\.2\.3 cannot be read \(.*\); delete that folder and run"
    ):
        load("tfds:tiny_pictures", data_dir=tmp_path / "data")
    # The other split is whole.
    assert len(load("tfds:tiny_pictures", split="test", data_dir=tmp_path / "data").images) == 11


def test_names_and_splits_that_do_not_exist(data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"name is 'cifar11'; did you mean 'cifar10.*'\? expected one of the \d+ sets"):
        prepare("cifar11", tmp_path)
    with pytest.raises(ValueError, match=r"split of tiny_pictures is 'trian'; did you mean 'train'\? expected one of"):
        load("tfds:tiny_pictures", split="trian", data_dir=data_dir)
    with pytest.raises(ValueError, match="size is 5"):
        load("tfds:tiny_pictures", size=5, data_dir=data_dir)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"image"', '"photo"', "tiny_pictures has label, photo; expected a set whose examples have an 'image'"),
        ('"uint8"', '"int32"', "images of tiny_pictures are int32; expected uint8"),
        ('"3"', '"2"', r"images of tiny_pictures have shape \(20, 14, 2\); expected \[h, w, c\] with 1 or 3 channels"),
    ],
)
def test_sets_without_images_of_bytes_are_refused(
    old: str, new: str, sentence: str, data_dir: Path, tmp_path: Path
) -> None:
    shutil.copytree(data_dir, tmp_path / "data")
    file = tmp_path / "data" / "tiny_pictures" / "1.2.3" / "features.json"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(ValueError, match=sentence):
        load("tfds:tiny_pictures", data_dir=tmp_path / "data")


def test_images_without_a_common_size_need_one(tmp_path: Path) -> None:
    folder = metadata(tmp_path, "rock_paper_scissors", {"train": 4})
    features = json.loads((folder / "features.json").read_text())
    (folder / "features.json").write_text(json.dumps(features).replace('"300"', '"-1"'))
    with pytest.raises(ValueError, match="images of rock_paper_scissors differ in size; give a size"):
        load("tfds:rock_paper_scissors", data_dir=tmp_path)
    assert open_tfds("rock_paper_scissors", size=32, data_dir=tmp_path).shape == (32, 32, 3)


@pytest.mark.parametrize("whose", ["TFDS's", "ours"])
def test_a_prepared_set_is_streamed_in_the_order_of_the_seed(whose: str, data_dir: Path) -> None:
    if whose == "ours":
        source: Any = open_tfds("tiny_pictures", data_dir=data_dir)
    else:
        builder = tfds.builder_from_directory(os.fspath(data_dir / "tiny_pictures" / "1.2.3"))
        source = builder.as_data_source(split="train")
    streamed = sources.streamed(source, examples_per_step=4, seed=2, pool=16)
    for pool in range(5):
        order = stream.places(16 * pool, 16, examples=30, seed=2)
        expected = np.stack([picture("train", index) for index in order])
        np.testing.assert_array_equal(np.asarray(streamed.feed(4 * pool, 4)), expected)
    streamed.close()


def test_collecting_reads_with_threads_what_one_thread_reads(data_dir: Path) -> None:
    images = open_tfds("tiny_pictures", data_dir=data_dir)
    np.testing.assert_array_equal(collect(images).images, np.stack([images[i] for i in range(30)]))


@pytest.mark.parametrize("old", [False, True], ids=["as TFDS writes it", "as TFDS once wrote it"])
def test_a_prepared_set_imports_no_module_of_its_choice(data_dir: Path, tmp_path: Path, old: bool) -> None:
    """TFDS imports what a description of features names; here that module would be one that lies beside the run."""
    shutil.copytree(data_dir, tmp_path / "data")
    (tmp_path / "evil_features.py").write_text("raise SystemExit('it ran')")
    file = tmp_path / "data" / "tiny_pictures" / "1.2.3" / "features.json"
    features = json.loads(file.read_text())
    if old:
        features = {"type": "evil_features.Dict", "content": {}}
    else:
        features["featuresDict"]["features"]["label"]["pythonClassName"] = "evil_features.Label"
    file.write_text(json.dumps(features))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(os.fspath(tmp_path))
        with pytest.raises(ValueError, match=r"has a feature of 'evil_features\.\w+', a module of its own; expected"):
            open_tfds("tiny_pictures", data_dir=tmp_path / "data")
    assert "evil_features" not in sys.modules


def test_a_feature_may_be_called_type(data_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(data_dir, tmp_path / "data")
    file = tmp_path / "data" / "tiny_pictures" / "1.2.3" / "features.json"
    file.write_text(file.read_text().replace('"label"', '"type"'))
    assert open_tfds("tiny_pictures", data_dir=tmp_path / "data").classes == 0


@cases("name", ["../elsewhere", "/etc", "a/../b", "", "a/b/c"])
def test_a_name_is_no_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected that of a set of TFDS, such as"):
        open_tfds(name, data_dir=tmp_path)


def test_the_nearest_of_several_sizes_and_the_names_of_classes(data_dir: Path) -> None:
    images = open_tfds("tiny_pictures", size=(8, 16, 32), data_dir=data_dir)
    assert (images.shape, images.native, images.class_names) == ((16, 16, 3), (20, 14), ("0", "1", "2"))
    assert images[0].shape == (16, 16, 3)
