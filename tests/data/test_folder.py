"""A folder of files is the set it looks like: order, classes, colour, orientation, and one sentence for what cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_jax.data.folder import UnreadableImage, open_folder
from gan_jax.data.images import collect, resize
from gan_jax.data.sets import load


def noise(seed: int, height: int = 12, width: int = 12, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def save(path: Path, array: np.ndarray, **options: object) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array[..., 0] if array.shape[2] == 1 else array).save(path, **options)
    return array


def test_files_are_read_in_the_order_of_their_names_whatever_their_endings(tmp_path: Path) -> None:
    pictures = [save(tmp_path / name, noise(i)) for i, name in enumerate(["a.png", "b.BMP", "c.PNG"])]
    pictures.append(save(tmp_path / "d.webp", noise(3), lossless=True))
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.png").write_text("no image either")
    images = load(f"folder:{tmp_path}")
    assert (images.name, images.classes) == (f"folder:{tmp_path.name}-12", 0)
    assert (images.images.dtype, images.labels.dtype) == (np.uint8, np.int32)
    np.testing.assert_array_equal(images.images, np.stack(pictures))
    np.testing.assert_array_equal(images.labels, [-1] * 4)


def test_a_jpeg_is_what_pillow_makes_of_it(tmp_path: Path) -> None:
    save(tmp_path / "a.jpeg", noise(0))
    with Image.open(tmp_path / "a.jpeg") as image:
        np.testing.assert_array_equal(open_folder(tmp_path)[0], np.asarray(image))


def test_subfolders_of_one_level_are_classes(tmp_path: Path) -> None:
    for i, name in enumerate(
        ["loose.png", "cats/1.png", "cats/2.png", "ants/1.png", "ants/deeper/9.png", ".git/1.png"]
    ):
        save(tmp_path / name, noise(i))
    (tmp_path / "empty").mkdir()
    images = load(f"folder:{tmp_path}", split="all")
    assert images.classes == 2
    np.testing.assert_array_equal(images.labels, [-1, 0, 1, 1])
    np.testing.assert_array_equal(images.images, np.stack([noise(0), noise(3), noise(1), noise(2)]))


def test_grey_stays_grey_and_a_mixture_becomes_colour(tmp_path: Path) -> None:
    grey = save(tmp_path / "a.png", noise(0, channels=1))
    assert open_folder(tmp_path).shape == (12, 12, 1)
    np.testing.assert_array_equal(open_folder(tmp_path)[0], grey)
    colour = save(tmp_path / "b.png", noise(1))
    mixed = collect(open_folder(tmp_path)).images
    np.testing.assert_array_equal(mixed, np.stack([np.repeat(grey, 3, axis=2), colour]))


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    levels = np.arange(144, dtype=np.uint16).reshape(12, 12) * 450
    Image.fromarray(levels).save(tmp_path / "a.png")
    images = open_folder(tmp_path)
    assert images.shape == (12, 12, 1)
    np.testing.assert_array_equal(images[0][..., 0], np.rint(levels / 65535 * 255))


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    layers = np.dstack([noise(0), np.full((12, 12), 255, np.uint8)])
    layers[:6, :, 3] = 0
    Image.fromarray(layers).save(tmp_path / "a.png")
    image = open_folder(tmp_path)[0]
    assert (image[:6] == 255).all()
    np.testing.assert_array_equal(image[6:], layers[6:, :, :3])


def test_images_are_turned_upright_before_their_size_is_compared(tmp_path: Path) -> None:
    upright = save(tmp_path / "a.png", noise(0, 16, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # The camera was turned: what is stored has to be turned clockwise by a quarter.
    save(tmp_path / "b.png", np.ascontiguousarray(np.rot90(upright)), exif=exif)
    images = open_folder(tmp_path)
    assert (images.shape, images.name) == ((16, 10, 3), f"folder:{tmp_path.name}-16x10")
    np.testing.assert_array_equal(images[1], images[0])


def test_a_size_makes_one_size_of_many_and_crops_only_when_asked(tmp_path: Path) -> None:
    wide, tall = save(tmp_path / "a.png", noise(0, 20, 30)), save(tmp_path / "b.png", noise(1, 40, 16))
    images = load(f"folder:{tmp_path}", size=16)
    assert (images.name, images.images.shape) == (f"folder:{tmp_path.name}-16", (2, 16, 16, 3))
    np.testing.assert_array_equal(images.images, np.stack([resize(wide, 16), resize(tall, 16)]))
    cropped = load(f"folder:{tmp_path}", size=16, crop=True)
    np.testing.assert_array_equal(cropped.images, np.stack([resize(wide[:, 5:25], 16), tall[12:28]]))


def test_images_of_mixed_size_are_named_with_their_sizes(tmp_path: Path) -> None:
    save(tmp_path / "a.png", noise(0, 20, 30))
    save(tmp_path / "cats" / "b.png", noise(1, 20, 31))
    with pytest.raises(
        ValueError, match=r"a\.png has 20 × 30 and cats.b\.png has 20 × 31; give a size to resize all to"
    ):
        load(f"folder:{tmp_path}")
    # Cropped to squares they have one size.
    assert open_folder(tmp_path, crop=True).shape == (20, 20, 3)


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Four images, of which the second is cut in two and the third is no image at all."""
    for i in range(4):
        save(tmp_path / f"{i}.png", noise(i, 40, 40))
    whole = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "2.png").write_text("no image")
    return tmp_path


def test_a_corrupt_image_is_named(damaged: Path) -> None:
    with pytest.raises(UnreadableImage, match=r"image .*2\.png cannot be read \(no image that Pillow knows\); mend it"):
        open_folder(damaged)
    (damaged / "2.png").unlink()
    # Its header is whole, so it shows when the pixels are read.
    images = open_folder(damaged)
    with pytest.raises(UnreadableImage, match=r"image .*1\.png cannot be read \(.*truncated.*\).*skip_corrupt=True"):
        images[1]
    with pytest.raises(UnreadableImage, match=r"1\.png"):
        load(f"folder:{damaged}")


def test_corrupt_images_are_skipped_when_asked_and_counted(damaged: Path) -> None:
    with pytest.warns(UserWarning, match=r"2 of 4 images in .* were skipped; the first: image .*1\.png"):
        images = load(f"folder:{damaged}", skip_corrupt=True)
    np.testing.assert_array_equal(images.images, np.stack([noise(0, 40, 40), noise(3, 40, 40)]))


def test_a_folder_of_nothing_but_corrupt_images(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(ValueError, match=r"holds no image that can be read; the first of 1: image .*a\.png"):
        open_folder(tmp_path, skip_corrupt=True)


def test_folders_that_are_missing_empty_or_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"folder .*nowhere does not exist; expected a folder of images"):
        load(f"folder:{tmp_path / 'nowhere'}")
    with pytest.raises(ValueError, match=r"folder .* holds no image; expected files ending in \.png, \.jpg"):
        load(f"folder:{tmp_path}")
    save(tmp_path / "a.png", noise(0))
    with pytest.raises(NotADirectoryError, match=r"a\.png is a file; expected a folder of images"):
        load(f"folder:{tmp_path / 'a.png'}")


def test_images_below_eight_pixels(tmp_path: Path) -> None:
    save(tmp_path / "a.png", noise(0, 7, 9))
    with pytest.raises(ValueError, match="size is 7; expected a whole number of pixels of at least 8"):
        open_folder(tmp_path)
    with pytest.raises(ValueError, match="size is 4"):
        open_folder(tmp_path, size=4)
