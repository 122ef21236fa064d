"""The served digits are scikit-learn's, bit for bit, however many processes prepare them at once."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import datasets

from gan_jax.data import digits as module
from gan_jax.data import preparing
from gan_jax.data.digits import Digits, halves, load_digits


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tfds")


@pytest.fixture(scope="module")
def digits(data_dir: Path) -> Digits:
    return load_digits(data_dir)


def test_all_1797_images_are_scikit_learns_bit_for_bit(digits: Digits) -> None:
    bunch = datasets.load_digits()
    assert digits.images.shape == (1797, 8, 8)
    assert digits.images.dtype == np.float32
    assert digits.labels.dtype == np.int32
    assert (digits.images * 16).astype(np.float64).tobytes() == np.ascontiguousarray(bunch.images).tobytes()
    np.testing.assert_array_equal(digits.labels, bunch.target)


def test_grey_levels_are_the_17_multiples_of_a_sixteenth(digits: Digits) -> None:
    np.testing.assert_array_equal(np.unique(digits.images), np.arange(17, dtype=np.float32) / 16)


def test_a_second_load_reads_and_does_not_prepare(
    digits: Digits, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("prepared again")

    monkeypatch.setattr(module, "prepare_once", fail)
    np.testing.assert_array_equal(load_digits(data_dir).images, digits.images)


def test_the_default_folder_is_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert preparing.default_data_dir() == tmp_path / "gan_jax" / "tfds"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert preparing.default_data_dir() == tmp_path / ".cache" / "gan_jax" / "tfds"


def test_two_processes_prepare_at_once_without_tensorflow(tmp_path: Path) -> None:
    # The other process reports after its imports and this one answers, so that the two preparations overlap.
    code = """
import sys, time
from pathlib import Path
from gan_jax.data import digits, digits_builder
import sklearn.datasets
folder = Path(sys.argv[1])
(folder / "ready").touch()
while not (folder / "go").exists():
    time.sleep(0.001)
assert digits.load_digits(folder / "data").images.shape == (1797, 8, 8)
assert "tensorflow" not in sys.modules
"""
    other = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stderr=subprocess.PIPE, text=True)
    try:
        while not (tmp_path / "ready").exists() and other.poll() is None:
            time.sleep(0.01)
        (tmp_path / "go").touch()
        assert load_digits(tmp_path / "data").images.shape == (1797, 8, 8)
        _, errors = other.communicate(timeout=120)
    finally:
        other.kill()
    assert other.returncode == 0, errors
    assert [entry.name for entry in (tmp_path / "data").iterdir()] == ["sklearn_digits"]


def test_a_preparation_that_loses_the_race_uses_the_winners(digits: Digits, data_dir: Path, tmp_path: Path) -> None:
    folder = next(data_dir.glob("sklearn_digits/*"))
    before = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    preparing.prepare_once(data_dir, folder, module._builder)
    assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == before
    assert [entry.name for entry in data_dir.iterdir()] == ["sklearn_digits"]


def test_an_interrupted_preparation_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gan_jax.data.digits_builder import SklearnDigits

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SklearnDigits, "download_and_prepare", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load_digits(tmp_path)
    assert not list(tmp_path.glob("sklearn_digits/*"))
    assert not list(tmp_path.glob(".preparing-*"))


def test_a_data_dir_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(OSError, match=r"data_dir .*file/under cannot be written"):
        load_digits(file / "under")


def test_a_damaged_preparation_is_named(digits: Digits, data_dir: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(data_dir, tmp_path / "data")
    (record,) = (tmp_path / "data").glob("**/*array_record*")
    record.write_bytes(b"")
    with pytest.raises(RuntimeError, match=r"sklearn_digits.* cannot be read .*; delete that folder"):
        load_digits(tmp_path / "data")


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32), count=st.integers(2, 50))
def test_halves_hold_every_picture_once(seed: int, count: int) -> None:
    whole = Digits(np.arange(count, dtype=np.float32)[:, None, None], np.arange(count, dtype=np.int32))
    first, second = halves(whole, seed=seed)
    assert len(first.images) == count // 2
    np.testing.assert_array_equal(np.sort(np.concatenate([first.labels, second.labels])), whole.labels)
    for half in (first, second):
        np.testing.assert_array_equal(half.images[:, 0, 0], half.labels)


def test_no_digit_is_in_both_halves_and_another_seed_splits_otherwise(digits: Digits) -> None:
    first, second = halves(digits, seed=0)
    assert (len(first.images), len(second.images)) == (898, 899)
    pictures = [{image.tobytes() for image in half.images} for half in (first, second)]
    assert not pictures[0] & pictures[1]
    np.testing.assert_array_equal(halves(digits, seed=0)[0].images, first.images)
    assert (halves(digits, seed=1)[0].labels != first.labels).any()


@pytest.mark.parametrize(
    ("images", "labels", "seed", "sentence"),
    [
        (1, 1, 0, "digits has 1 images; expected at least 2"),
        (0, 0, 0, "digits has 0 images; expected at least 2"),
        (3, 2, 0, "digits has 3 images and 2 labels"),
        (3, 3, -1, "seed is -1; expected an integer of at least 0"),
    ],
)
def test_bad_input_to_halves(images: int, labels: int, seed: int, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        halves(Digits(np.zeros((images, 8, 8), np.float32), np.zeros(labels, np.int32)), seed=seed)
