"""A folder of image files as a data set, read with Pillow; what it holds and cannot be read is counted, and said."""

from __future__ import annotations

import os
import threading
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from gan_jax import checks
from gan_jax.data.grey_levels import (
    DEEP,
    Levels,
    brightened,
    common_levels,
    common_upper,
    extremes,
    in_bytes,
    refuse,
    stored_as,
    transparent,
    upper_extreme,
)
from gan_jax.data.images import UNKNOWN, LazyImages, checked_size, fitted_picture, named, nearest, threads

ENDINGS = (
    ".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".apng", ".jfif", ".jpe", ".dib",
    ".pbm", ".pgm", ".ppm", ".pnm",
)  # fmt: skip
"""The files of a folder that are read as images, in small or capital letters."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM")
"""What Pillow may take them for, whatever their endings: formats that are pixels and nothing else (EPS, for one, is a program)."""

COMPANIONS = (
    ".txt",
    ".csv",
    ".tsv",
    ".json",
    ".jsonl",
    ".md",
    ".xml",
    ".yaml",
    ".yml",
    ".html",
    ".htm",
    ".log",
    ".ini",
    ".db",
)
"""Files that are expected beside images, and passed over without a word."""

RUN = "run.lock"
"""A file that a run's folder has: what it drew is no picture to train on, where its folder lies beside its data."""

MOST_PIXELS = 50_000_000
"""How many pixels an image may have where nothing else is said: more than cameras of telephones make, and 0.3 GB while it is read."""

LARGE = 2**23
"""Images of more pixels are decoded one at a time, so that memory does not grow with the threads."""

GREY = ("1", "L", "LA", "La", *DEEP)
"""Pillow's modes without colour."""

EXIF_ORIENTATION = 0x0112

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns an image upright, by the value of Exif's orientation."""

SIDEWAYS = (5, 6, 7, 8)
"""The values under which height and width change places."""

_one_large = threading.Lock()


class UnreadableImage(ValueError):
    """A file that should be an image and cannot be read as one; the message names it."""


class Seen(NamedTuple):
    """What is known of an image file before it is used.

    Attributes:
      size: ``(h, w)``, upright.
      colour: whether it has colours; False for grey.
      orientation: Exif's, 1 to 8; 1 where there is none, or none that means anything.
      extremes: the least and the largest grey level of a file with more than 8 bits a pixel, and whether levels are whole numbers.
      upper: the largest bytes, of colours and of transparency, of a file with 16 bits a channel, of which Pillow reads 8.
    """

    size: tuple[int, int]
    colour: bool
    orientation: int
    extremes: tuple[float, float, bool] | None
    upper: tuple[int, int] | None


class Listed(NamedTuple):
    """What a folder holds.

    Attributes:
      files: its images, those of the folder first and then those of its classes.
      labels: the number of its class for each, −1 for the first.
      classes: the names of the folders that are classes.
      left_out: how many files are not read, by reason.
    """

    files: list[Path]
    labels: list[int]
    classes: tuple[str, ...]
    left_out: Counter[str]


def open_folder(
    path: str | os.PathLike[str],
    *,
    size: int | Sequence[int] | None = None,
    crop: bool = False,
    skip_corrupt: bool = False,
    most_pixels: int = MOST_PIXELS,
) -> LazyImages:
    """The images of a folder, read when they are asked for.

    Files with the endings of ``ENDINGS`` count, those of the folder first and then those of its subfolders, each in the order of their
    names. Subfolders of one level that hold images are classes, numbered in the order of their names; images beside them have no label
    (−1). Of every file the header is read now, its pixels later. What looks like it should have been read and is not (other kinds of
    images, deeper folders, links to nothing) is counted in one warning, and in ``left_out`` of the result.

    Images are turned upright by their Exif orientation, transparency is laid over white, an animation is its first frame. Where every
    image is grey the set has one channel; where grey and colour are mixed, all are converted to colour. Grey images of more than 8 bits a
    pixel share one scale, which the levels that are there decide (``grey_levels.common_levels``): their pixels are read once more for it.

    Args:
      path: of the folder.
      size: edge in pixels that all images are resized to (``images.resize``); several edges, of which the nearest to the images' own is
        taken (``images.nearest`` of the median of their shorter edges); None for images that have one size already.
      crop: whether the centre square is taken before resizing; otherwise resizing to ``size × size`` changes the ratio of the edges.
      skip_corrupt: whether images that cannot be read are left out, and counted. Every image is decoded once more for it, now.
      most_pixels: how many pixels an image may have; one with more is not decoded.

    Returns:
      The images, whose names are those of their files, from the folder on.

    Raises:
      FileNotFoundError: no such folder.
      NotADirectoryError: ``path`` is a file.
      ValueError: a folder without images, images of more than one size while ``size`` is None, a size below 8.
      UnreadableImage: an image that cannot be read, here or when it is asked for.
    """
    folder = Path(path).expanduser()
    checks.at_least("most_pixels", most_pixels, 1)
    checks.flag("crop", crop)
    checks.flag("skip_corrupt", skip_corrupt)
    if size is None or isinstance(size, int):
        checked_size(size)
    listed = _listed(folder)
    with _quietly():
        listed, seen = _looked_at(folder, listed, skip_corrupt, most_pixels)
    edges = [(min(one.size),) * 2 if crop else one.size for one in seen]
    if size is None:
        _one_size(folder, listed.files, edges)
        checked_size(min(edges[0]))
    elif not isinstance(size, int):
        size = nearest(float(np.median([min(edge) for edge in edges])), size)
    height, width = edges[0] if size is None else (size, size)
    colour = any(one.colour for one in seen)
    levels = common_levels([one.extremes for one in seen if one.extremes is not None])
    upper = common_upper([one.upper for one in seen if one.upper is not None])
    _warn_of_what_is_left_out(folder, listed, (levels, upper))
    shape = (height, width, 3 if colour else 1)
    side, files, labels = size, listed.files, listed.labels

    def read(index: int) -> tuple[np.ndarray, int]:
        scale = levels if seen[index].upper is None else upper
        return _pixels(files[index], seen[index], colour, scale, side, crop), labels[index]

    counts = Counter(labels)
    return LazyImages(
        named(f"folder:{folder.resolve().name}", shape),
        shape,
        len(files),
        len(listed.classes),
        read,
        names=tuple(file.relative_to(folder).as_posix() for file in files),
        class_names=listed.classes,
        class_counts=tuple(counts[label] for label in range(len(listed.classes))),
        native=seen[0].size if len({one.size for one in seen}) == 1 else None,
        left_out=dict(listed.left_out),
    )


# ------------------------------------------------------------------------------------------------------------- what is there


def _listed(folder: Path) -> Listed:
    """Lists a folder and its classes; opens no file."""
    if not folder.exists():
        raise FileNotFoundError(f"folder {folder} does not exist; expected a folder of images")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; expected a folder of images, such as {folder.parent}")
    left_out: Counter[str] = Counter()
    files, below = _entries(folder, left_out)
    labels, around = [UNKNOWN] * len(files), {folder.resolve(), *folder.resolve().parents}
    classes: list[str] = []
    deeper: list[Path] = []
    for one in below:
        if one.is_symlink() and one.resolve() in around:
            left_out["links back to the folder itself"] += 1
            continue
        if (one / RUN).exists():
            left_out["folders of runs"] += 1
            continue
        images, inner = _entries(one, left_out)
        deeper += [image for further in inner if not further.is_symlink() for image in _deeper(further)]
        if images:
            labels += [len(classes)] * len(images)
            files += images
            classes.append(one.name)
    if not files:
        raise ValueError(_nothing_there(folder, deeper, left_out))
    if deeper:
        left_out["images in folders below those of classes"] += len(deeper)
    return Listed(files, labels, tuple(classes), left_out)


def _entries(folder: Path, left_out: Counter[str]) -> tuple[list[Path], list[Path]]:
    """The image files and the folders in a folder, in the order of their names; what is neither is counted."""
    images, folders = [], []
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise OSError(error.errno, f"folder {folder} cannot be opened ({error.strerror})") from error
    for entry in entries:
        ending = Path(entry.name).suffix.lower()
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            folders.append(Path(entry.path))
        elif ending in ENDINGS and entry.is_file():
            images.append(Path(entry.path))
        elif ending in ENDINGS:
            left_out["links to nothing" if entry.is_symlink() else "no ordinary files"] += 1
        elif ending not in COMPANIONS:
            left_out[f"{ending} files" if ending else "files without an ending"] += 1
    return images, folders


def _deeper(folder: Path) -> Iterator[Path]:
    """The image files of a folder and all below it, that of links left out."""
    for root, below, names in os.walk(folder):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(names):
            if Path(name).suffix.lower() in ENDINGS and not name.startswith("."):
                yield Path(root, name)


def _nothing_there(folder: Path, deeper: Sequence[Path], left_out: Mapping[str, int]) -> str:
    what = f" ({_counted(left_out)})" if left_out else ""
    if deeper:
        first = deeper[0].relative_to(folder).parts[0]
        return (
            f"folder {folder} holds no image, but {len(deeper)} in folders further down, such as {deeper[0].relative_to(folder)}; expected "
            f"images in the folder or in subfolders, one for each class: name the folder that has those, such as {folder / first}"
        )
    return (
        f"folder {folder} holds no image{what}; expected files ending in {', '.join(ENDINGS)}, in it or in subfolders "
        "(one for each class)"
    )


def _counted(left_out: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in left_out.items())


def _warn_of_what_is_left_out(folder: Path, listed: Listed, scales: Sequence[Levels | None]) -> None:
    if listed.left_out:
        total = len(listed.files) + listed.left_out.total()
        warnings.warn(
            f"{listed.left_out.total()} of {total} files in {folder} were left out: {_counted(listed.left_out)}",
            stacklevel=3,
        )
    for what, scale in zip(("grey levels", "colours"), scales, strict=True):
        if scale is not None and scale.notice:
            warnings.warn(f"{what} of more than 8 bits in {folder} {scale.notice}", stacklevel=3)


# ------------------------------------------------------------------------------------------------------------------- headers


def _looked_at(folder: Path, listed: Listed, skip_corrupt: bool, most_pixels: int) -> tuple[Listed, list[Seen]]:
    """Returns the files that can be read with their labels, and what was seen of them."""

    def look(file: Path) -> Seen | UnreadableImage:
        try:
            return _look(file, whole=skip_corrupt, most_pixels=most_pixels)
        except UnreadableImage as error:
            return error

    with ThreadPoolExecutor(threads(), thread_name_prefix="gan_jax-reader") as pool:
        looks = list(pool.map(look, listed.files))
    bad = [one for one in looks if isinstance(one, UnreadableImage)]
    if bad and not skip_corrupt:
        raise bad[0]
    if len(bad) == len(looks):
        raise ValueError(f"folder {folder} holds no image that can be read; the first of {len(bad)}: {bad[0]}")
    good = [index for index, one in enumerate(looks) if not isinstance(one, UnreadableImage)]
    if bad:
        listed.left_out[f"that cannot be read (the first: {bad[0]})"] += len(bad)
    kept = listed._replace(files=[listed.files[i] for i in good], labels=[listed.labels[i] for i in good])
    return kept, [one for one in looks if not isinstance(one, UnreadableImage)]


def _look(file: Path, *, whole: bool, most_pixels: int) -> Seen:
    """Reads the header of a file, and its pixels where ``whole``, or where they decide a scale."""
    with _readable(file), _opened(file) as image:
        if image.width * image.height > most_pixels:
            raise _TooLargeError(image.width, image.height, most_pixels)
        refuse(image)
        orientation = _orientation(image)
        turned = orientation in SIDEWAYS
        size = (image.width, image.height) if turned else (image.height, image.width)
        deep = image.mode in DEEP
        with _gate(image):
            # Grey with transparency, which Pillow makes colours of where it has 16 bits.
            colour = image.mode not in GREY and not stored_as(image).startswith("LA")
            upper = upper_extreme(image)
            if whole or deep:
                image.load()
            seen = Seen(size, colour, orientation, extremes(image) if deep else None, upper)
    return seen


class _TooLargeError(Exception):
    def __init__(self, width: int, height: int, most: int) -> None:
        super().__init__(f"it has {width} × {height} = {width * height} pixels; expected at most {most} (most_pixels)")


def _orientation(image: Image.Image) -> int:
    """What Exif says, 1 where it says nothing that means anything: a malformed word about an image is no reason to refuse it."""
    # Where the header has no Exif, Pillow would decode a whole PNG to look for it behind the pixels.
    if "exif" not in image.info:
        return 1
    try:
        value = int(image.getexif().get(EXIF_ORIENTATION, 1))
    except Exception:
        # What a writer put there can be of any type, and the whole block can be damaged.
        return 1
    return value if value in UPRIGHT else 1


# -------------------------------------------------------------------------------------------------------------------- pixels


def _pixels(file: Path, seen: Seen, colour: bool, scale: Levels | None, size: int | None, crop: bool) -> np.ndarray:
    """``[h, w, c]`` uint8, upright, over white; c is 3 where ``colour`` and 1 elsewhere."""
    with _readable(file), _opened(file) as image, _gate(image):
        picture: Image.Image = image
        if scale is not None and image.mode in DEEP:
            picture = in_bytes(image, scale)
        elif "transparency" in image.info:
            picture.info["transparency"] = transparent(image)
        if picture.has_transparency_data:
            picture = picture.convert("RGBA")
        if scale is not None and seen.upper is not None:
            picture = brightened(picture, scale)
        if picture.mode == "RGBA":
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
        mode = "RGB" if colour else "L"
        picture = picture if picture.mode == mode else picture.convert(mode)
        if seen.orientation in UPRIGHT:
            picture = picture.transpose(UPRIGHT[seen.orientation])
        picture = fitted_picture(picture, size, crop)
        return np.asarray(picture).reshape(picture.height, picture.width, 3 if colour else 1)


@contextmanager
def _opened(file: Path) -> Iterator[Image.Image]:
    """The image of a file, as a stream: by name Pillow maps what is not compressed, and a TIFF that lies on its side by a wrong size."""
    with file.open("rb") as stream, Image.open(stream, formats=FORMATS) as image:
        yield image


def _gate(image: Image.Image) -> AbstractContextManager[object]:
    return _one_large if image.width * image.height > LARGE else nullcontext()


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Turns whatever Pillow raises while it reads ``file`` into one sentence that names it."""
    try:
        yield
    except Exception as error:
        # A damaged file can raise nearly anything in a decoder, SyntaxError and struct.error included.
        reason = str(error)
        if isinstance(error, UnidentifiedImageError):
            reason = "no image that Pillow knows"
        elif isinstance(error, Image.DecompressionBombError):
            reason = "it has more pixels than Pillow decodes"
        raise UnreadableImage(
            f"image {file} cannot be read ({reason}); mend it, remove it, or skip such images with skip_corrupt=True (of a command, the "
            "option skip-corrupt)"
        ) from error


@contextmanager
def _quietly() -> Iterator[None]:
    """Without Pillow's own warnings of many pixels and of damaged Exif: what they are about is dealt with here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def _one_size(folder: Path, files: Sequence[Path], sizes: Sequence[tuple[int, int]]) -> None:
    other = next((index for index, size in enumerate(sizes) if size != sizes[0]), None)
    if other is not None:
        first, second = (f"{files[i].relative_to(folder)} has {sizes[i][0]} × {sizes[i][1]}" for i in (0, other))
        raise ValueError(
            f"images of {folder} differ in size (height × width): {first} and {second}; give a size to resize all to"
        )
