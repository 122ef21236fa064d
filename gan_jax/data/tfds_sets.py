"""Image sets of TensorFlow Datasets: reading what is prepared (no TensorFlow, no network), and preparing it once (both)."""

from __future__ import annotations

import contextlib
import difflib
import importlib.util
import io
import os
import re
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from gan_jax import checks, files
from gan_jax.data.images import UNKNOWN, LazyImages, checked_size, fitted, named, nearest
from gan_jax.data.preparing import default_data_dir

FORMAT = "array_record"
"""The one format that is prepared and read: TFDS's parquet loses examples silently, its tfrecord needs TensorFlow and has no order."""

CROPPED = ("celeb_a",)
"""Sets whose images are no squares, of which the centre square is taken: CelebA's faces are in the middle of 218 × 178."""

NAME = re.compile(r"[A-Za-z_]\w*(/[\w+-][\w.+-]*)?", re.ASCII)
"""A set, with its configuration where there are several: no path that leads out of the folder of prepared sets."""

OWN_FEATURE = re.compile(r"tensorflow_datasets\.(core\.)?features(\.\w+)+")
"""The classes of features that a prepared set may name."""

ALL = "all"
"""The split that holds every other."""


def prepared(name: str, data_dir: str | os.PathLike[str] | None = None) -> bool:
    """Whether a set can be read from a folder as it is; looks at that folder alone.

    Args:
      name: TFDS's name of the set, such as ``"cifar10"``.
      data_dir: TFDS's folder of prepared sets; ``preparing.default_data_dir()`` where None.

    Returns:
      True where some version of it is there, as array_record.
    """
    return _newest(name, _root(data_dir)) is not None


def prepare(name: str, data_dir: str | os.PathLike[str] | None = None, *, show: bool = False) -> Path:
    """Downloads a set and writes it as array_record; does nothing where it is prepared already.

    TFDS writes into a folder of its own and renames it at the end: what was interrupted is not taken for prepared. Downloads are kept in
    ``data_dir/downloads`` and not fetched twice.

    Args:
      name: TFDS's name of the set, such as ``"cifar10"``, with its configuration where there are several: ``"cycle_gan/horse2zebra"``.
      data_dir: as of ``prepared``.
      show: whether TFDS's progress is shown.

    Returns:
      The folder of the prepared set.

    Raises:
      OSError: ``data_dir`` cannot be written.
      ValueError: TFDS has no such set; the message gives near names.
      RuntimeError: it needs TensorFlow to be prepared, which is not installed (the message says how to install it), or ``data_dir`` has
        it in another format.
    """
    root = _root(data_dir)
    there = _newest(name, root)
    if there is not None:
        return there
    # Importing TFDS takes seconds, and what is above does not need it.
    import tensorflow_datasets as tfds

    known = tfds.list_builders(with_community_datasets=False)
    # A set with configurations is named with one of them: cycle_gan/horse2zebra.
    base = name.partition("/")[0]
    if base not in known:
        near = difflib.get_close_matches(base, known, n=3)
        hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
        raise ValueError(f"name is {name!r}; {hint}expected one of the {len(known)} sets of tfds.list_builders()")
    # TFDS's own builders encode images and read archives with TensorFlow; others need not.
    stock = tfds.builder_cls(base).__module__.startswith("tensorflow_datasets.")
    if stock and importlib.util.find_spec("tensorflow") is None:
        raise RuntimeError(
            f"preparing {name} needs TensorFlow (reading it does not); run: pip install 'gan_jax[prepare]'"
        )
    _writable(root)
    builder = tfds.builder(name, data_dir=os.fspath(root), file_format=FORMAT)
    if Path(builder.data_path).exists():
        # TFDS would take it for what was asked for.
        raise RuntimeError(
            f"{builder.data_path} is stored as {_format(Path(builder.data_path))}; expected {FORMAT}: delete it, or name another data_dir"
        )
    quiet = io.StringIO()
    with contextlib.ExitStack() as stack:
        if not show:
            stack.enter_context(contextlib.redirect_stdout(quiet))
            stack.enter_context(contextlib.redirect_stderr(quiet))
        builder.download_and_prepare(file_format=FORMAT)
    return Path(builder.data_path)


def open_tfds(
    name: str,
    *,
    size: int | Sequence[int] | None = None,
    split: str = "train",
    data_dir: str | os.PathLike[str] | None = None,
    crop: bool = False,
) -> LazyImages:
    """The images of a prepared set, read when they are asked for, in the order in which they are stored.

    Everything comes from the prepared folder: its features, its splits, its records. The code that prepared it is not needed.

    Args:
      name: TFDS's name of a set whose examples have an ``"image"``, and a ``"label"`` where there are classes.
      size: edge in pixels that all images are resized to (``images.resize``); several, of which the nearest to the native size is taken
        (``images.nearest``); None for the native size.
      split: one of the set's splits, or ``"all"``.
      data_dir: as of ``prepared``.
      crop: whether the centre square is taken first; always for ``celeb_a``.

    Returns:
      The images.

    Raises:
      FileNotFoundError: the set is not prepared; the message gives the command.
      RuntimeError: when an image is asked for, where what is prepared is damaged.
      ValueError: no such split, no image in the set's examples, no size where the images have none in common, a size below 8; features
        that are not TFDS's own, whose modules reading would run.
    """
    if size is None or isinstance(size, int):
        checked_size(size)
    command = _preparing(name, _root(data_dir))
    folder = _prepared_folder(name, _root(data_dir))
    _only_known_features(name, folder, command)
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(os.fspath(folder))
    checks.one_of(f"split of {name}", split, [*builder.info.splits, ALL])
    features = dict(builder.info.features.items())
    if "image" not in features:
        raise ValueError(f"{name} has {', '.join(sorted(features))}; expected a set whose examples have an 'image'")
    if features["image"].np_dtype != np.uint8:
        raise ValueError(f"images of {name} are {features['image'].np_dtype}; expected uint8")
    crop = crop or name in CROPPED
    native = tuple(features["image"].shape)
    shape = _shape(name, native, size, crop)
    side = None if size is None else shape[0]
    label = features.get("label")
    classes = label.num_classes if isinstance(label, tfds.features.ClassLabel) else 0
    # TFDS calls classes that have no name by their numbers.
    class_names = tuple(map(str, label.names)) if label is not None and classes else ()
    source = builder.as_data_source(split=split)

    def read(index: int) -> tuple[np.ndarray, int]:
        try:
            example = source[index]
        except Exception as error:
            raise RuntimeError(
                f"{name} in {folder} cannot be read ({error}); delete that folder and run: {command}"
            ) from error
        image = np.asarray(example["image"], np.uint8)
        return fitted(image, side, crop), int(example["label"]) if classes else UNKNOWN

    known = None if None in native[:2] else (int(native[0]), int(native[1]))
    return LazyImages(named(name, shape), shape, len(source), classes, read, class_names=class_names, native=known)


def _only_known_features(name: str, folder: Path, command: str) -> None:
    """Raises ``ValueError`` where a prepared set names a feature that is not TFDS's own: TFDS would import whatever module it names."""
    # TFDS writes features into the first; the other has a place for them too.
    for file in (folder / "features.json", folder / "dataset_info.json"):
        try:
            features = files.read_json(file)
        except FileNotFoundError:
            continue
        except ValueError as error:
            raise ValueError(f"{file} is damaged ({error}); delete that folder and run: {command}") from error
        for called in _feature_classes(features):
            if not OWN_FEATURE.fullmatch(called):
                raise ValueError(
                    f"{name} in {folder} has a feature of {called!r}, a module of its own; expected features of tensorflow_datasets, "
                    "since reading it would run that module"
                )


def _feature_classes(tree: object) -> Iterator[str]:
    """The classes that a description of features names: at every depth, under each of the names that TFDS and protobuf know."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            # The old form names a class as the type of a content; "type" alone can be anything.
            named = key in ("pythonClassName", "python_class_name") or (key == "type" and "content" in tree)
            if named and isinstance(value, str):
                yield value
            yield from _feature_classes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _feature_classes(value)


def _shape(
    name: str, native: tuple[int | None, ...], size: int | Sequence[int] | None, crop: bool
) -> tuple[int, int, int]:
    """Returns ``(h, w, c)`` of images after cropping and resizing."""
    height, width, channels = native if len(native) == 3 else (None, None, None)
    if channels is None or channels not in (1, 3):
        raise ValueError(f"images of {name} have shape {native}; expected [h, w, c] with 1 or 3 channels")
    if isinstance(size, int):
        return size, size, channels
    if height is None or width is None:
        raise ValueError(f"images of {name} differ in size; give a size to resize all to")
    if size is not None:
        side = nearest(min(height, width), size)
        return side, side, channels
    checked_size(min(height, width))
    return (min(height, width), min(height, width), channels) if crop else (height, width, channels)


def _root(data_dir: str | os.PathLike[str] | None) -> Path:
    return default_data_dir() if data_dir is None else Path(data_dir).expanduser()


def _writable(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
        # What the permissions say is not what counts, for root and on read-only disks.
        with tempfile.TemporaryFile(dir=root):
            pass
    except OSError as error:
        raise OSError(error.errno, f"data_dir {root} cannot be written ({error.strerror}); name another one") from error


def _prepared_folder(name: str, root: Path) -> Path:
    if not NAME.fullmatch(name):
        raise ValueError(
            f"name is {name!r}; expected that of a set of TFDS, such as 'cifar10' or 'cycle_gan/horse2zebra'"
        )
    folder = _newest(name, root)
    if folder is not None:
        return folder
    other = sorted({_format(version) for version in _versions(name, root)} - {FORMAT})
    as_what = f" as {FORMAT} (there is {', '.join(other)}, which is not read)" if other else ""
    raise FileNotFoundError(f"{name} is not prepared{as_what} in {root}; run: {_preparing(name, root)}")


def _preparing(name: str, root: Path) -> str:
    """The command that prepares a set where it was looked for."""
    if root == default_data_dir():
        return f"make data NAME={name}"
    return f"make data NAME={name} ARGS={shlex.quote(shlex.join(['--data-dir', os.fspath(root)]))}"


def _newest(name: str, root: Path) -> Path | None:
    """The folder of the newest version that is stored as array_record."""
    return next((folder for folder in _versions(name, root) if _format(folder) == FORMAT), None)


def _versions(name: str, root: Path) -> list[Path]:
    """The folders of prepared versions, newest first: ``root/name/1.2.3`` or, with a configuration, ``root/name/config/1.2.3``."""
    version = re.compile(r"\d+\.\d+\.\d+")
    infos = [*(root / name).glob("*/dataset_info.json"), *(root / name).glob("*/*/dataset_info.json")]
    folders = [info.parent for info in infos if version.fullmatch(info.parent.name)]
    return sorted(folders, key=lambda folder: tuple(map(int, folder.name.split("."))), reverse=True)


def _format(folder: Path) -> str:
    """How a prepared version is stored, as TFDS wrote it down; tfrecord is what TFDS does not write down."""
    try:
        return str(files.read_json(folder / "dataset_info.json").get("fileFormat", "tfrecord"))
    except (ValueError, AttributeError):
        return "damaged files"
