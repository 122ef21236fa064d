"""Sets by name: the digits at every size, their splits, the stacked digits and their thousand classes, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn import datasets

from gan_jax.data import avatar_sets, drawn_avatars
from gan_jax.data.images import ImageSet
from gan_jax.data.sets import load, open_images, stack
from tests.cases import cases


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tfds")


@pytest.fixture(scope="module")
def digits(data_dir: Path) -> ImageSet:
    return load("digits", split="all", data_dir=data_dir)


def bilinear(image: np.ndarray, size: int) -> np.ndarray:
    """Bilinear interpolation between the centres of pixels, written out, with the edge repeated outside."""
    n = len(image)
    places = np.clip((np.arange(size) + 0.5) * n / size - 0.5, 0, n - 1)
    below = np.minimum(places.astype(int), n - 2)
    weights = np.zeros((size, n))
    weights[np.arange(size), below] = 1 - (places - below)
    weights[np.arange(size), below + 1] = places - below
    return weights @ image @ weights.T


def test_the_native_digits_are_scikit_learns_with_their_17_levels(digits: ImageSet) -> None:
    bunch = datasets.load_digits()
    assert (digits.name, digits.images.shape, digits.classes) == ("digits-8", (1797, 8, 8, 1), 10)
    assert (digits.images.dtype, digits.labels.dtype) == (np.uint8, np.int32)
    np.testing.assert_array_equal(digits.images[..., 0], np.rint(bunch.images * 255 / 16))
    np.testing.assert_array_equal(digits.labels, bunch.target)
    assert len(np.unique(digits.images)) == 17


@pytest.mark.parametrize("size", [16, 32])
def test_enlarged_digits_are_bilinear_and_stay_in_range(size: int, digits: ImageSet, data_dir: Path) -> None:
    large = load("digits", size=size, split="all", data_dir=data_dir)
    assert (large.name, large.images.shape) == (f"digits-{size}", (1797, size, size, 1))
    np.testing.assert_array_equal(large.labels, digits.labels)
    bunch = datasets.load_digits()
    for index in (0, 5, 1796):
        expected = bilinear(bunch.images[index] * 255 / 16, size)
        # Half a level of rounding, and float32.
        np.testing.assert_allclose(large.images[index, ..., 0], expected, atol=0.5 + 1e-4)
    # Interpolation goes nowhere that the pixels are not: no overshoot in any image.
    low, high = digits.images.min((1, 2, 3)), digits.images.max((1, 2, 3))
    assert (large.images.min((1, 2, 3)) >= low).all()
    assert (large.images.max((1, 2, 3)) <= high).all()


def test_splits_are_disjoint_whole_stratified_and_the_same_at_every_size(digits: ImageSet, data_dir: Path) -> None:
    train, test = (load("digits", split=split, data_dir=data_dir) for split in ("train", "test"))
    assert (len(train.images), len(test.images)) == (1438, 359)
    both = np.concatenate([train.images, test.images]).reshape(1797, -1)
    whole = digits.images.reshape(1797, -1)
    assert sorted(map(bytes, both)) == sorted(map(bytes, whole))
    for label in range(10):
        members = np.sum(digits.labels == label)
        assert np.sum(test.labels == label) == round(members / 5)
    large = load("digits", size=16, split="test", data_dir=data_dir)
    np.testing.assert_array_equal(large.labels, test.labels)


def test_the_split_never_changes(data_dir: Path, digits: ImageSet) -> None:
    # Places of the test split's first digits in scikit-learn's order; another split would make old scores incomparable.
    test = load("digits", split="test", data_dir=data_dir)
    position = {image.tobytes(): index for index, image in enumerate(digits.images)}
    assert [position[image.tobytes()] for image in test.images[:10]] == [0, 1, 3, 11, 13, 18, 19, 21, 23, 30]


def test_a_stack_is_three_digits_and_its_label_their_number(digits: ImageSet) -> None:
    stacked = stack(digits, 4000, seed=3)
    assert (stacked.name, stacked.classes, stacked.images.shape) == ("stacked_digits-8", 1000, (4000, 8, 8, 3))
    assert (stacked.images.dtype, stacked.labels.dtype) == (np.uint8, np.int32)
    label_of = {image.tobytes(): label for image, label in zip(digits.images[..., 0], digits.labels, strict=True)}
    a, b, c = (
        np.array([label_of[np.ascontiguousarray(image).tobytes()] for image in stacked.images[..., channel]])
        for channel in range(3)
    )
    np.testing.assert_array_equal(stacked.labels, 100 * a + 10 * b + c)
    # The channels are independent: their labels agree one time in ten, within five standard errors.
    for first, second in ((a, b), (b, c), (a, c)):
        assert abs(np.mean(first == second) - 0.1) < 5 * np.sqrt(0.09 / 4000)
    np.testing.assert_array_equal(stack(digits, 4000, seed=3).images, stacked.images)
    assert (stack(digits, 4000, seed=4).labels != stacked.labels).any()


def test_stacked_digits_by_name_have_all_thousand_modes(data_dir: Path) -> None:
    stacked = load("stacked_digits", size=16, data_dir=data_dir)
    assert (stacked.name, stacked.images.shape) == ("stacked_digits-16", (25_600, 16, 16, 3))
    assert len(np.unique(stacked.labels)) == 1000
    lazily = open_images("stacked_digits", size=16, data_dir=data_dir)
    np.testing.assert_array_equal(lazily[7], stacked.images[7])


@pytest.mark.slow
def test_cartoons_are_the_avatars_in_another_style(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same people in the same order, so that a hidden pairing is there to evaluate by; other pictures of them."""
    monkeypatch.setattr(
        avatar_sets,
        "load_avatars",
        lambda split, *, size, style, data_dir: drawn_avatars.draw_set(0, 6, size=size, style=style),
    )
    portraits, cartoons = load("avatars", size=16), load("cartoons", size=16)
    assert (portraits.name, cartoons.name) == ("avatars-16", "cartoons-16")
    np.testing.assert_array_equal(portraits.labels, cartoons.labels)
    assert portraits.images.shape == cartoons.images.shape == (6, 16, 16, 3)
    assert not np.array_equal(portraits.images, cartoons.images)


@cases(
    ("arguments", "sentence"),
    [
        (
            {"name": "cifar"},
            r"name is 'cifar'; did you mean 'cifar10'\? expected one of 'digits', 'stacked_digits', 'avatars', 'cartoons'",
        ),
        ({"name": "digitz"}, r"did you mean 'digits'\?"),
        ({"name": "folder"}, r"did you mean 'folder:PATH'\?"),
        ({"name": "digits", "split": "tests"}, r"split of digits is 'tests'; did you mean 'test'\?"),
        (
            {"name": "stacked_digits", "split": "validation"},
            "split of stacked_digits is 'validation'; expected one of 'train'",
        ),
        ({"name": "digits", "size": 7}, "size is 7; expected a whole number of pixels of at least 8"),
        ({"name": "folder:x", "split": "test"}, "split of a folder is 'test'; expected one of 'train', 'all'"),
    ],
)
def test_bad_input_to_load(arguments: dict, sentence: str, data_dir: Path) -> None:
    with pytest.raises(ValueError, match=sentence):
        load(**arguments, data_dir=data_dir)


@pytest.mark.parametrize(
    ("change", "n", "seed", "sentence"),
    [
        ({}, 0, 0, "n is 0; expected a value of at least 1"),
        ({}, 1, -1, "seed is -1"),
        (
            {"images": np.zeros((1797, 8, 8, 3), np.uint8)},
            1,
            0,
            "images of digits-8 have 3 channels; expected grey ones",
        ),
        ({"labels": np.full(1797, -1)}, 1, 0, "digits-8 has 10 classes and labels from -1; expected one label each"),
    ],
)
def test_bad_input_to_stack(change: dict, n: int, seed: int, sentence: str, digits: ImageSet) -> None:
    with pytest.raises(ValueError, match=sentence):
        stack(digits._replace(**change), n, seed)


def test_a_path_where_a_name_is_expected_is_told_its_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "MINE").mkdir()
    (tmp_path / "MINE" / "a.png").write_text("")
    for name, sentence in (
        ("MINE", r"name is 'MINE', a folder; expected 'folder:MINE'"),
        ("MINE/a.png", r"name is 'MINE/a\.png', a file; expected a folder of images, as 'folder:MINE'"),
        ("YOURS/pictures", r"name is 'YOURS/pictures', a path where nothing is; expected 'folder:PATH'"),
        ("a.zip", r"name is 'a\.zip', a path where nothing is; expected 'folder:PATH'"),
        ("folder:", r"name is 'folder:', without a path; expected 'folder:PATH'"),
        ("digit", r"name is 'digit'; did you mean 'digits'"),
    ):
        with pytest.raises(ValueError, match=sentence):
            open_images(name)
    # A folder that is called as a set is does not hide the set.
    (tmp_path / "digits").mkdir()
    assert open_images("digits", size=(8, 16)).class_names == tuple("0123456789")
