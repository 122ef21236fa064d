"""A folder of image files as a data set, read with Pillow."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from gan_jax.data.images import UNKNOWN, LazyImages, checked_size, fitted, named, threads

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
"""The files of a folder that are read as images, in small or capital letters."""

GREY = ("1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I;16N")
"""Pillow's modes without colour."""

SIDEWAYS = (5, 6, 7, 8)
"""The values of Exif's orientation under which height and width change places."""

EXIF_ORIENTATION = 0x0112


class UnreadableImage(ValueError):
    """A file that should be an image and cannot be read as one; the message names it."""


class Seen(NamedTuple):
    """What is known of an image file before it is used.

    Attributes:
      size: ``(h, w)``, upright.
      colour: whether it has colours; False for grey.
    """

    size: tuple[int, int]
    colour: bool


def open_folder(
    path: str | os.PathLike[str], *, size: int | None = None, crop: bool = False, skip_corrupt: bool = False
) -> LazyImages:
    """The images of a folder, read when they are asked for.

    Files ending in .png, .jpg, .jpeg, .webp or .bmp count, those of the folder first and then those of its subfolders, each in the order
    of their names. Subfolders of one level that hold images are classes, numbered in the order of their names; images beside them have no
    label (−1), deeper folders and hidden files are passed over. Of every file the header is read now, its pixels later.

    Images are turned upright by their Exif orientation, transparency is laid over white, 16 bits become 8. Where every image is grey the
    set has one channel; where grey and colour are mixed, all are converted to colour.

    Args:
      path: of the folder.
      size: edge in pixels that all images are resized to (``images.resize``); None for images that have one size already.
      crop: whether the centre square is taken before resizing; otherwise resizing to ``size × size`` changes the ratio of the edges.
      skip_corrupt: whether images that cannot be read are left out, with one warning that counts them. Every image is decoded once more
        for it, now.

    Returns:
      The images, whose names are those of their files, from the folder on.

    Raises:
      FileNotFoundError: no such folder.
      NotADirectoryError: ``path`` is a file.
      ValueError: a folder without images, images of more than one size while ``size`` is None, a size below 8.
      UnreadableImage: an image that cannot be read, here or when it is asked for.
    """
    folder = Path(path).expanduser()
    size = checked_size(size)
    files, labels, classes = _listed(folder)
    files, labels, seen = _looked_at(folder, files, labels, skip_corrupt)
    edges = [(min(one.size),) * 2 if crop else one.size for one in seen]
    if size is None:
        _one_size(folder, files, edges)
        checked_size(min(edges[0]))
    height, width = edges[0] if size is None else (size, size)
    colour = any(one.colour for one in seen)
    shape = (height, width, 3 if colour else 1)

    def read(index: int) -> tuple[np.ndarray, int]:
        return fitted(_pixels(files[index], colour), size, crop), labels[index]

    names = tuple(file.relative_to(folder).as_posix() for file in files)
    return LazyImages(named(f"folder:{folder.resolve().name}", shape), shape, len(files), classes, read, names)


def _listed(folder: Path) -> tuple[list[Path], list[int], int]:
    """Returns the image files, their labels, and the number of classes."""
    if not folder.exists():
        raise FileNotFoundError(f"folder {folder} does not exist; expected a folder of images")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; expected a folder of images")
    files = _images_in(folder)
    labels = [UNKNOWN] * len(files)
    below = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    held = [images for images in map(_images_in, below) if images]
    for label, images in enumerate(held):
        files += images
        labels += [label] * len(images)
    if not files:
        raise ValueError(
            f"folder {folder} holds no image; expected files ending in {', '.join(ENDINGS)}, in it or in subfolders (one for each class)"
        )
    return files, labels, len(held)


def _images_in(folder: Path) -> list[Path]:
    entries = (
        entry for entry in folder.iterdir() if entry.suffix.lower() in ENDINGS and not entry.name.startswith(".")
    )
    return sorted(entry for entry in entries if entry.is_file())


def _looked_at(
    folder: Path, files: list[Path], labels: list[int], skip_corrupt: bool
) -> tuple[list[Path], list[int], list[Seen]]:
    """Returns the files that can be read, their labels, and what was seen of them."""

    def look(file: Path) -> Seen | UnreadableImage:
        try:
            return _look(file, whole=skip_corrupt)
        except UnreadableImage as error:
            return error

    with ThreadPoolExecutor(threads(), thread_name_prefix="gan_jax-reader") as pool:
        looks = list(pool.map(look, files))
    bad = [one for one in looks if isinstance(one, UnreadableImage)]
    if bad and not skip_corrupt:
        raise bad[0]
    if len(bad) == len(files):
        raise ValueError(f"folder {folder} holds no image that can be read; the first of {len(bad)}: {bad[0]}")
    if bad:
        warnings.warn(f"{len(bad)} of {len(files)} images in {folder} were skipped; the first: {bad[0]}", stacklevel=4)
    good = [
        (file, label, one)
        for file, label, one in zip(files, labels, looks, strict=True)
        if not isinstance(one, UnreadableImage)
    ]
    return [file for file, _, _ in good], [label for _, label, _ in good], [one for _, _, one in good]


def _look(file: Path, *, whole: bool) -> Seen:
    """Reads the header of a file, and its pixels where ``whole``."""
    with _readable(file), Image.open(file) as image:
        turned = _orientation(image) in SIDEWAYS
        seen = Seen((image.width, image.height) if turned else (image.height, image.width), image.mode not in GREY)
        if whole:
            image.load()
    return seen


def _orientation(image: Image.Image) -> int:
    # Where the header has no Exif, Pillow would decode a whole PNG to look for it behind the pixels.
    return int(image.getexif().get(EXIF_ORIENTATION, 1)) if "exif" in image.info else 1


def _pixels(file: Path, colour: bool) -> np.ndarray:
    """``[h, w, c]`` uint8, upright, over white; c is 3 where ``colour`` and 1 elsewhere."""
    with _readable(file), Image.open(file) as opened:
        image: Image.Image = ImageOps.exif_transpose(opened) if _orientation(opened) > 1 else opened
        if image.mode.startswith("I;16"):
            # Pillow's own conversion clips at 255; 65535 / 255 = 257.
            image = Image.fromarray(np.rint(np.asarray(image) / 257.0).astype(np.uint8))
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        image = image.convert("RGB" if colour else "L")
        return np.asarray(image).reshape(image.height, image.width, 3 if colour else 1)


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Turns whatever Pillow raises while it reads ``file`` into one sentence that names it."""
    try:
        yield
    except Exception as error:
        # A damaged file can raise nearly anything in a decoder, SyntaxError and struct.error included.
        reason = "no image that Pillow knows" if isinstance(error, UnidentifiedImageError) else str(error)
        raise UnreadableImage(
            f"image {file} cannot be read ({reason}); mend it, remove it, or skip such images with skip_corrupt=True"
        ) from error


def _one_size(folder: Path, files: Sequence[Path], sizes: Sequence[tuple[int, int]]) -> None:
    other = next((index for index, size in enumerate(sizes) if size != sizes[0]), None)
    if other is not None:
        first, second = (f"{files[i].relative_to(folder)} has {sizes[i][0]} × {sizes[i][1]}" for i in (0, other))
        raise ValueError(
            f"images of {folder} differ in size (height × width): {first} and {second}; give a size to resize all to"
        )
