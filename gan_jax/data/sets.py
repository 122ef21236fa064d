"""Image sets by name: digits, stacked digits and avatars without a network, TFDS's sets where they are prepared, any folder of images."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from gan_jax import checks
from gan_jax.data.digits import load_digits
from gan_jax.data.folder import MOST_PIXELS, open_folder
from gan_jax.data.images import ImageSet, LazyImages, check_set, checked_size, collect, lazy, named, nearest, resize
from gan_jax.data.stream import permutation
from gan_jax.data.tfds_sets import open_tfds

FOLDER, TFDS = "folder:", "tfds:"
"""What a name begins with that says where a set is: in a folder of the user's, or among TFDS's."""


class BuiltIn(NamedTuple):
    """A set that needs no network, ever.

    Attributes:
      load: ``(size, split, data_dir) -> ImageSet``: the images of a split, at ``size`` pixels or, where ``size`` is None or the set has no
        such size, at its own; ``load`` below resizes them.
      native: the edge of its images where no size is given, in pixels.
      splits: what it has.
      learned: the split that a run learns where none is named.
      class_names: in the order of their numbers; empty where they have none.
    """

    load: Callable[[int | None, str, str | os.PathLike[str] | None], ImageSet]
    native: int
    splits: tuple[str, ...] = ("train",)
    learned: str = "train"
    class_names: tuple[str, ...] = ()


PREPARED = ("mnist", "fashion_mnist", "cifar10", "celeb_a")
"""Sets that ``tfds_sets.prepare`` fetches once; ``tfds:NAME`` reads any other of TFDS's that has images."""


def names() -> tuple[str, ...]:
    """What ``load`` knows."""
    return (*SETS, *PREPARED, f"{FOLDER}PATH", f"{TFDS}NAME")


DIGIT_SPLITS = ("train", "test", "all")
TEST_SHARE = 5
"""One digit of five, in every class, is in the test split."""

STACKED_DRAWS = 25_600
"""How many draws ``load("stacked_digits")`` makes: 25.6 for each of the 1000 modes, on average."""


def load(
    name: str,
    *,
    size: int | None = None,
    split: str = "train",
    data_dir: str | os.PathLike[str] | None = None,
    crop: bool = False,
    skip_corrupt: bool = False,
    most_pixels: int = MOST_PIXELS,
) -> ImageSet:
    """An image set in memory.

    - ``"digits"``: scikit-learn's 1797 digits, 8 × 8, grey, whose levels 0 … 16 become ``round(255 k / 16)``. At other sizes they are
      interpolated bilinearly between the centres of pixels. Splits: in every class ``round(n / 5)`` digits, chosen by a fixed permutation,
      are ``"test"`` (359 in all) and the others ``"train"`` (1438); ``"all"`` is all of them. Every split is in scikit-learn's order, and
      has digits of every writer.
    - ``"stacked_digits"``: 25 600 draws of ``stack`` from the digits of that split, at seed 0. ``sources.stacked`` draws without end.
    - ``"avatars"``: faces drawn by code (``avatar_sets.load_avatars``), at 16, 32 (native) or 64 pixels a side; the class is the pair of
      colours, ``11 hair + eyes`` of 132. Splits ``"train"``, ``"test"`` and ``"held_out"``. Their captions are in ``avatar_sets``.
    - ``"cartoons"``: the same faces in the other style of drawing, in the same order.
    - ``"mnist"``, ``"fashion_mnist"``, ``"cifar10"``, ``"celeb_a"``, and ``"tfds:NAME"`` for any other set of TFDS with images: as prepared
      by ``tfds_sets.prepare``; TFDS's splits, and ``"all"``. CelebA's 218 × 178 are cropped to the square in the middle.
    - ``"folder:PATH"``: the images of a folder, as ``folder.open_folder`` reads them. One split, ``"train"``, also called ``"all"``.

    All but the digits are resized as ``images.resize`` says: bicubic, antialiased.

    Args:
      name: one of those above.
      size: edge in pixels, at least 8; None for the native size.
      split: of the set.
      data_dir: TFDS's folder of prepared sets; ``preparing.default_data_dir()`` where None.
      crop: whether the centre square of every image is taken before resizing.
      skip_corrupt: whether images of a folder that cannot be read are left out.
      most_pixels: how many pixels an image of a folder may have; one with more is not decoded.

    Returns:
      The set.

    Raises:
      ValueError: no such set (the message gives the nearest) or split, a size below 8; what ``folder.open_folder`` raises.
      FileNotFoundError: a set of TFDS that is not prepared (the message gives the command), a folder that is not there.
    """
    if name in SETS:
        return _built_in(name, checked_size(size), split, data_dir)
    opened = open_images(
        name, size=size, split=split, data_dir=data_dir, crop=crop, skip_corrupt=skip_corrupt, most_pixels=most_pixels
    )
    return collect(opened)


def open_images(
    name: str,
    *,
    size: int | Sequence[int] | None = None,
    split: str = "train",
    data_dir: str | os.PathLike[str] | None = None,
    crop: bool = False,
    skip_corrupt: bool = False,
    most_pixels: int = MOST_PIXELS,
) -> LazyImages:
    """The images of a set, read when they are asked for: arguments and sets as of ``load``.

    Args:
      name, split, data_dir, crop, skip_corrupt, most_pixels: as of ``load``.
      size: edge in pixels; several, of which the nearest to the images' own is taken (``images.nearest``); None for the native size.

    Returns:
      The images; those of the built-in sets are in memory.

    Raises:
      ValueError: as of ``load``; a path without ``folder:``.
    """
    if name in SETS:
        of = SETS[name]
        edge = size if size is None or isinstance(size, int) else nearest(of.native, size)
        images = lazy(load(name, size=edge, split=split, data_dir=data_dir))
        return dataclasses.replace(images, class_names=of.class_names, native=(of.native,) * 2)
    for prefix, opener in OPENERS.items():
        if name.startswith(prefix):
            return opener(name.removeprefix(prefix), size, split, data_dir, crop, skip_corrupt, most_pixels)
    checks.flag("crop", crop)
    known = names()
    if name not in known:
        _refuse_bare_path(name)
    checks.one_of("name", name, known)
    return open_tfds(name, size=size, split=split, data_dir=data_dir, crop=crop)


def _built_in(name: str, size: int | None, split: str, data_dir: str | os.PathLike[str] | None) -> ImageSet:
    of = SETS[name]
    checks.one_of(f"split of {name}", split, of.splits)
    images = of.load(size, split, data_dir)
    check_set(images)
    edge = size or of.native
    if images.images.shape[1:3] != (edge, edge):
        resized = np.stack([resize(image, edge) for image in images.images])
        images = images._replace(name=named(name, resized.shape[1:]), images=resized)
    return images


def _folder(
    place: str,
    size: int | Sequence[int] | None,
    split: str,
    data_dir: object,
    crop: bool,
    skip_corrupt: bool,
    most_pixels: int,
) -> LazyImages:
    if not place:
        raise ValueError(f"name is '{FOLDER}', without a path; expected '{FOLDER}PATH'")
    checks.one_of("split of a folder", split, ("train", "all"))
    return open_folder(place, size=size, crop=crop, skip_corrupt=skip_corrupt, most_pixels=most_pixels)


def _tfds(
    place: str,
    size: int | Sequence[int] | None,
    split: str,
    data_dir: str | os.PathLike[str] | None,
    crop: bool,
    skip_corrupt: bool,
    most_pixels: int,
) -> LazyImages:
    return open_tfds(place, size=size, split=split, data_dir=data_dir, crop=crop)


OPENERS: dict[str, Callable[..., LazyImages]] = {FOLDER: _folder, TFDS: _tfds}
"""What opens the sets of a prefix: ``opener(what follows it, size, split, data_dir, crop, skip_corrupt, most_pixels)``."""


def _refuse_bare_path(name: str) -> None:
    """Raises ``ValueError`` for a path that stands where a name is expected; says what is missing."""
    path = Path(name).expanduser()
    if path.is_dir():
        raise ValueError(f"name is {name!r}, a folder; expected '{FOLDER}{name}'")
    if path.is_file():
        raise ValueError(f"name is {name!r}, a file; expected a folder of images, as '{FOLDER}{path.parent}'")
    if path.name != name or path.suffix:
        raise ValueError(f"name is {name!r}, a path where nothing is; expected '{FOLDER}PATH' for a folder of images")


def stack(digits: ImageSet, n: int, seed: int) -> ImageSet:
    """Draws of three independent grey images as the colour channels of one; of class ``100 a + 10 b + c`` where the three are a, b, c.

    Args:
      digits: grey images in K classes (K = 10 for digits; in general the class is ``K² a + K b + c``).
      n: how many draws.
      seed: of the draws, ≥ 0.

    Returns:
      ``[n, h, w, 3]``, in K³ classes.

    Raises:
      ValueError: images in colour or without classes, ``n`` below one, a negative seed.

    Source: Metz, Poole, Pfau & Sohl-Dickstein 2017, "Unrolled Generative Adversarial Networks", section 3.3.1 (stacked MNIST).
    """
    check_set(digits)
    checks.at_least("n", n, 1)
    checks.at_least("seed", seed, 0)
    count, channels = len(digits.images), digits.images.shape[3]
    if channels != 1:
        raise ValueError(f"images of {digits.name} have {channels} channels; expected grey ones, of 1")
    if digits.classes < 1 or digits.labels.min() < 0:
        raise ValueError(
            f"{digits.name} has {digits.classes} classes and labels from {digits.labels.min()}; expected one label each"
        )
    drawn = np.random.default_rng(seed).integers(count, size=(n, 3))
    images = np.moveaxis(digits.images[drawn, :, :, 0], 1, -1)
    labels = digits.labels[drawn] @ np.array([digits.classes**2, digits.classes, 1], np.int32)
    return ImageSet(f"stacked_{digits.name}", np.ascontiguousarray(images), labels.astype(np.int32), digits.classes**3)


def held_out(images: ImageSet) -> tuple[ImageSet, ImageSet]:
    """One image of five, in every class, and the others: a test set for what is trained on the rest, where a set has none.

    Args:
      images: in classes; those without one are in neither part.

    Returns:
      The part to train on, and the held out one: ``round(n / 5)`` of every class, chosen by a fixed permutation; each in the set's order.

    Raises:
      ValueError: no class has the three images that it takes to hold one out.
    """
    check_set(images)
    known = np.flatnonzero(images.labels >= 0)
    parts = [known[_split(images.labels[known], part)] for part in ("train", "test")]
    if not len(parts[1]):
        raise ValueError(f"no class of {images.name} has 3 images; expected one with more, to hold some out")
    train, test = (images._replace(images=images.images[part], labels=images.labels[part]) for part in parts)
    return train, test


def _digits(size: int | None, split: str, data_dir: str | os.PathLike[str] | None) -> ImageSet:
    size = size or 8
    digits = load_digits(data_dir)
    chosen = _split(digits.labels, split)
    levels = digits.images[chosen] * np.float32(255.0)
    images = np.rint(levels if size == levels.shape[1] else np.stack([_enlarged(image, size) for image in levels]))
    shape = (size, size, 1)
    return ImageSet(named("digits", shape), images.astype(np.uint8)[..., None], digits.labels[chosen], 10)


def _avatars(name: str, size: int | None, split: str, data_dir: str | os.PathLike[str] | None) -> ImageSet:
    # Drawing needs a compiled program, which no other set does.
    from gan_jax.data.avatar_sets import load_avatars
    from gan_jax.data.avatars import COUNTS, EYE_COLOUR, HAIR_COLOUR

    drawn = load_avatars(
        split, size=size or 32, style="cartoon" if name == "cartoons" else "portrait", data_dir=data_dir
    )
    eyes = COUNTS[EYE_COLOUR]
    labels = drawn.attributes[:, HAIR_COLOUR] * eyes + drawn.attributes[:, EYE_COLOUR]
    return ImageSet(
        named(name, drawn.images.shape[1:]), drawn.images, labels.astype(np.int32), COUNTS[HAIR_COLOUR] * eyes
    )


def _split(labels: np.ndarray, split: str) -> np.ndarray:
    """Returns the places of a split, ascending."""
    if split == "all":
        return np.arange(len(labels))
    in_test = np.zeros(len(labels), bool)
    for label in np.unique(labels).tolist():
        members = np.flatnonzero(labels == label)
        # A permutation of its own for every class, so that the classes are not held out in step, writer by writer.
        order = permutation(len(members), seed=label, epoch=0)
        in_test[members[order[: round(len(members) / TEST_SHARE)]]] = True
    return np.flatnonzero(in_test if split == "test" else ~in_test)


def _enlarged(image: np.ndarray, size: int) -> np.ndarray:
    """Bilinear interpolation of ``[h, w]`` float32: no value outside those that are there, as bicubic has at every stroke."""
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))


def _stacked_digits(size: int | None, split: str, data_dir: str | os.PathLike[str] | None) -> ImageSet:
    return stack(_digits(size, split, data_dir), STACKED_DRAWS, seed=0)


_AVATARS = ("train", "test", "held_out")

SETS: Mapping[str, BuiltIn] = checks.Named(
    "set",
    {
        "digits": BuiltIn(_digits, 8, DIGIT_SPLITS, "all", tuple("0123456789")),
        "stacked_digits": BuiltIn(_stacked_digits, 8, DIGIT_SPLITS, "all"),
        "avatars": BuiltIn(partial(_avatars, "avatars"), 32, _AVATARS),
        "cartoons": BuiltIn(partial(_avatars, "cartoons"), 32, _AVATARS),
    },
)
"""The sets that need no network, by name: one's own arrays are a line here."""
