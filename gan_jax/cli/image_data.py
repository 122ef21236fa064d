"""The images of a run: looked at before any is read, read once; and what the run's folder keeps of them, so that drawing needs no set."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gan_jax import files
from gan_jax.cli.errors import UserError
from gan_jax.cli.starts import working
from gan_jax.cli.terminal import printable, say

if TYPE_CHECKING:
    from jax.sharding import Mesh

    from gan_jax.cli.image_config import Data
    from gan_jax.data.images import ImageSet, LazyImages
    from gan_jax.data.sources import Source

SIZES = (8, 16, 32, 64)
"""The edges that the networks are made for, in pixels."""

FACTS = "data.json"
"""What a run's folder keeps of its images."""

STACKED = "stacked_digits"

Value = TypeVar("Value")

NAMED = 12
"""Up to how many classes are named where images are described."""


@dataclass
class Images:
    """A set that is open: what it is, is known; its pixels are read when they are first asked for, once.

    Attributes:
      lazy: the images; of stacked digits, the digits that are stacked.
    """

    lazy: LazyImages
    _read: list[ImageSet] = field(default_factory=list)

    def all(self) -> ImageSet:
        """All of them, in memory."""
        from gan_jax.data.images import collect

        if not self._read:
            self._read.append(collect(self.lazy))
        return self._read[0]

    def release(self) -> None:
        """Lets go of what was read."""
        self._read.clear()


@dataclass(frozen=True)
class Facts:
    """What a run knows of its images.

    Attributes:
      name: of the set, with its size.
      shape: ``(h, w, c)`` of what is drawn.
      count: how many there are.
      classes: how many classes; 0 where there are none.
      class_names: in the order of their numbers; empty where they have none.
      captions: of a run with captions, the tokens that its own pictures go round.
    """

    name: str
    shape: tuple[int, int, int]
    count: int
    classes: int
    class_names: tuple[str, ...] = ()
    captions: tuple[tuple[int, ...], ...] = ()


def split_of(data: Data) -> str:
    """The part of the set that is learned."""
    from gan_jax.data.sets import SETS

    return data.split or (SETS[data.name].learned if data.name in SETS else "train")


def open_data(data: Data, *, option: str = "data", sizes: Sequence[int] = SIZES) -> Images:
    """Opens the images of a run at the size that is asked for, or at the nearest to their own that the networks have.

    Args:
      data: which images.
      option: what these options are called, for messages.
      sizes: that the networks have.

    Raises:
      UserError: another size, known before anything is opened.
      ValueError: what ``sets.open_images`` says of a wrong name, split or folder.
      FileNotFoundError: a set that is not prepared, a folder that is not there.
    """
    from gan_jax.data.images import nearest
    from gan_jax.data.sets import open_images

    if data.size is not None and data.size not in sizes:
        known = ", ".join(map(str, sizes))
        raise UserError(
            f"--{option}.size is {data.size}; expected one of {known}: the nearest is {nearest(data.size, sizes)}"
        )
    name = "digits" if data.name == STACKED else data.name
    with working("looking at the images"):
        lazy = open_images(
            name,
            size=tuple(sizes) if data.size is None else data.size,
            split=split_of(data),
            data_dir=data.data_dir,
            crop=data.crop,
            skip_corrupt=data.skip_corrupt,
            most_pixels=data.most_pixels,
        )
    return Images(lazy)


def described(data: Data, images: LazyImages) -> str:
    """One line for a person: how many, of what size, in which classes, and what was left out."""
    height, width, channels = images.shape
    words = [f"{len(images)} images of {height} × {width} in {'colour' if channels == 3 else 'grey'}"]
    given = "several sizes" if images.native is None else "{} × {}".format(*images.native)
    if images.native != (height, width):
        squeezed = images.native is None or images.native[0] != images.native[1]
        how = " (crops: --data.crop)" if squeezed and not data.crop else ""
        words[0] += f", resized from {given}{how}"
    if data.name == STACKED:
        words[0] = f"stacks of three of {words[0]}, one a channel"
        words.append(f"{images.classes**3} modes")
    elif images.classes:
        names = f" ({', '.join(images.class_names)})" if 0 < len(images.class_names) <= NAMED else ""
        words.append(f"{images.classes} classes{names}")
    else:
        words.append("no classes")
    unlabelled = len(images) - sum(images.class_counts)
    if images.class_counts and unlabelled:
        words.append(f"{unlabelled} without a class")
    if images.left_out:
        words.append("left out: " + ", ".join(f"{count} {reason}" for reason, count in images.left_out.items()))
    return printable(f"{data.name}: " + "; ".join(words))


# ------------------------------------------------------------------------------------------------------------------ sources


def source_of(data: Data, images: Images, mesh: Mesh, *, examples_per_step: int, seed: int) -> Source:
    """What a game without a condition draws from: arguments as of ``sources.source_of``."""
    from gan_jax.data import sources

    if data.name == STACKED:
        if data.flip:
            raise ValueError("flip is True for stacked_digits; expected False, since mirrored digits are no digits")
        return sources.stacked(images.all(), mesh=mesh)
    return sources.source_of(
        images.all() if sources.fits(images.lazy) else images.lazy,
        flip=data.flip,
        examples_per_step=examples_per_step,
        seed=seed,
        mesh=mesh,
    )


def labelled_source(data: Data, images: Images, mesh: Mesh) -> Source:
    """What a game with labels draws from.

    Raises:
      UserError: images without a class; known before any is read.
    """
    from gan_jax.data import sources

    counted = sum(images.lazy.class_counts)
    if images.lazy.classes < 1 or (images.lazy.class_counts and counted < len(images.lazy)):
        raise UserError(
            f"{data.name} has {images.lazy.classes} classes, and {len(images.lazy) - counted} of {len(images.lazy)} images are in none; "
            "expected every image in a class to draw by label"
        )
    if not sources.fits(images.lazy):
        warnings.warn(
            f"{data.name}: with labels all {len(images.lazy)} images are kept on every device, more than the "
            f"{sources.LIMIT_BYTES / 2**30:.0f} GiB beyond which others are streamed",
            stacklevel=2,
        )
    return sources.resident_labelled(images.all(), flip=data.flip, mesh=mesh)


def blank_source(facts: Facts, mesh: Mesh, *, labelled: bool = False) -> Source:
    """One black image of the shape of a run's: what its game is made on where nothing is going to be learned."""
    import numpy as np

    from gan_jax.data import sources
    from gan_jax.data.images import UNKNOWN, ImageSet

    label = 0 if labelled else UNKNOWN
    one = ImageSet(facts.name, np.zeros((1, *facts.shape), np.uint8), np.array([label], np.int32), facts.classes)
    return (sources.resident_labelled if labelled else sources.resident)(one, mesh=mesh)


# -------------------------------------------------------------------------------------------------------- the run's own record


def facts_of(data: Data, images: LazyImages) -> Facts:
    """What a run keeps of its images."""
    if data.name != STACKED:
        return Facts(images.name, images.shape, len(images), images.classes, images.class_names)
    height, width, channels = images.shape
    return Facts(f"{data.name}-{height}", (height, width, 3 * channels), len(images), images.classes**3)


def settle(folder: Path, facts: Facts, *, name: str = "data") -> None:
    """Holds the images of a run that goes on against those that it began with; warns where there are more or fewer of them.

    Raises:
      UserError: another shape, or other classes.
    """
    before = read_facts(folder, name=name)
    if before is None:
        return
    for what, there, here in (
        ("images", before.shape, facts.shape),
        ("classes", before.class_names or before.classes, facts.class_names or facts.classes),
    ):
        # What captions say takes the place of classes.
        if there != here and not (what == "classes" and before.captions):
            raise UserError(
                f"{facts.name} has {what} {here}, and the run in {folder} began with {there}; expected the same set: change it back, or "
                "name another folder"
            )
    if before.count != facts.count:
        say(
            f"{facts.name} has {facts.count} images, and had {before.count} when the run in {folder} began: it goes on with those "
            "that are there now",
            file=sys.stderr,
        )


def write_facts(folder: Path, facts: Facts, *, name: str = "data") -> None:
    """Writes ``data.json``, or its part ``name``; nothing where it is there already."""
    tree = _tree(folder)
    plain = json.loads(json.dumps(facts.__dict__))
    if tree.get(name) != plain:
        files.write_text(files.place(folder, FACTS), json.dumps({**tree, name: plain}) + "\n")


def read_facts(folder: Path, *, name: str = "data") -> Facts | None:
    """What ``write_facts`` wrote; None in the folder of a run of an earlier version.

    Raises:
      UserError: the file is no such record.
    """
    tree = _tree(folder)
    return None if name not in tree else _facts(folder / FACTS, tree[name])


def _tree(folder: Path) -> dict[str, Any]:
    file = folder / FACTS
    if not file.is_file():
        return {}
    try:
        tree = files.read_json(file)
    except ValueError as error:
        raise _no_record(file, error) from error
    if not isinstance(tree, dict):
        raise _no_record(file, "it holds no object")
    return tree


def _facts(file: Path, tree: Any) -> Facts:
    try:
        height, width, channels = _each(int, tree["shape"])
        facts = Facts(
            _one(str, tree["name"]),
            (height, width, channels),
            _one(int, tree["count"]),
            _one(int, tree["classes"]),
            _each(str, tree["class_names"]),
            tuple(_each(int, tokens) for tokens in _each(list, tree["captions"])),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise _no_record(file, error) from error
    if not (1 <= height <= 4096 and 1 <= width <= 4096 and channels in (1, 3) and 0 <= facts.classes <= 1_000_000):
        raise _no_record(file, f"images of {facts.shape} in {facts.classes} classes")
    if len(facts.class_names) not in (0, facts.classes):
        raise _no_record(file, f"{len(facts.class_names)} names of {facts.classes} classes")
    return facts


def _one(kind: type[Value], value: Any) -> Value:
    """A value of JSON of one kind; True is no number."""
    return _each(kind, [value])[0]


def _each(kind: type[Value], values: Any) -> tuple[Value, ...]:
    """A list of JSON whose entries are all of one kind; a text is no list of letters."""
    if type(values) is not list or any(type(value) is not kind for value in values):
        raise TypeError(f"{values!r:.60} is no list of {kind.__name__}")
    return tuple(values)


def _no_record(file: Path, error: object) -> UserError:
    return UserError(
        f"{file} is no record of a run's images ({error}); expected the one that train wrote: delete it to read the set"
    )
