"""``python -m gan_jax translate RUN FOLDER``: a folder of images, translated by a run of ``train_translation``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

import numpy as np
import tyro

from gan_jax import files
from gan_jax.cli import devices
from gan_jax.cli.errors import UserError
from gan_jax.cli.options import parsed
from gan_jax.cli.pictures import write_grid
from gan_jax.cli.terminal import say
from gan_jax.cli.translation_runs import opened
from gan_jax.data.folder import MOST_PIXELS
from gan_jax.ranges import Count

SHOWN = 8
"""Images in a row of the overview, with what became of them below."""


@dataclass(frozen=True)
class Options:
    """Images of a folder, translated with the moving average of a run's generator, one file for each under its own name."""

    run: Annotated[Path, tyro.conf.Positional]
    """The run's folder."""

    folder: Annotated[Path, tyro.conf.Positional]
    """The folder of images; they are resized to the run's size."""

    back: bool = False
    """From Y to X, with F."""

    crop: bool = False
    """Take the square in the middle of every image before resizing."""

    skip_corrupt: bool = False
    """Leave out images that cannot be read."""

    most_pixels: Count = MOST_PIXELS
    """How many pixels an image may have; one with more is not decoded. Pillow itself decodes 178 million at most."""

    batch: Count = 16
    """Images of one call of the compiled program."""

    out: Path | None = None
    """Where to write; translated/FOLDER in the run's own folder where not given."""


def main(words: Sequence[str]) -> int:
    """Writes a PNG for every image, and an overview of the first of them."""
    options = parsed(Options, "translate", words)
    devices.configure_jax(cpu_devices=1)
    import jax

    from gan_jax.data.folder import open_folder
    from gan_jax.training.state import averaged
    from gan_jax.training.translation import translators

    run = opened(options.run)
    to_y, to_x = translators(averaged(run.state))
    network, variables, shape = (run.backward, to_x, run.y_shape) if options.back else (run.forward, to_y, run.x_shape)
    images = open_folder(
        options.folder,
        size=shape[0],
        crop=options.crop,
        skip_corrupt=options.skip_corrupt,
        most_pixels=options.most_pixels,
    )
    apply = jax.jit(lambda x: network.apply(variables, x))
    kept = options.folder.resolve().name or "images"
    root = (options.run, "translated", kept) if options.out is None else (options.out,)
    out = Path(*root)
    if out.resolve() == options.folder.resolve():
        raise UserError(
            f"out is {out}, the folder that is translated; expected another one, since its images would be lost"
        )
    names = _files(images.names)
    _keep_the_images(options.folder, images.names, [*(out / name for name in names), _overview(out)])
    shown: list[tuple[np.ndarray, np.ndarray]] = []
    for first in range(0, len(images), options.batch):
        numbers = range(first, min(first + options.batch, len(images)))
        given = np.stack([_in_channels(images[i], shape[2], options) for i in numbers])
        # One shape for all batches, so that the program is compiled once.
        filled = np.concatenate([given, np.repeat(given[:1], options.batch - len(given), axis=0)])
        made = np.asarray(apply(filled))[: len(given)]
        for number, image in zip(numbers, made, strict=True):
            # Names are made of those of files, and folders of the run may be links.
            write_grid(files.place(*root, names[number]), image[None], enlarge=1)
        shown += zip(given, made, strict=True) if first < SHOWN else []
    _write_overview(_overview(out), shown[:SHOWN])
    direction = "Y to X" if options.back else "X to Y"
    say(
        f"{len(images)} images from {direction} at step {run.step}: {out}, the first of them in {out.name}.png beside it"
    )
    return 0


def _files(names: Sequence[str]) -> list[str]:
    """A PNG for every image: ``a.jpg`` becomes ``a.png``, and ``a.jpg.png`` where another image would have that name."""
    short = {name: PurePosixPath(name).with_suffix(".png").as_posix() for name in names}
    # Some disks take A.png for a.png.
    count = Counter(one.casefold() for one in short.values())
    long = {name for name in names if count[short[name].casefold()] > 1}
    # A long name can be another's short one (a.jpg.png): that one becomes long too, until nothing changes.
    while True:
        taken = {f"{name}.png".casefold() for name in long}
        more = {name for name in names if name not in long and short[name].casefold() in taken}
        if not more:
            return [f"{name}.png" if name in long else short[name] for name in names]
        long |= more


def _overview(out: Path) -> Path:
    return out.with_name(f"{out.name}.png")


def _keep_the_images(folder: Path, names: Sequence[str], written: Sequence[Path]) -> None:
    """Raises ``UserError`` where a file that is going to be written is one of the images that are translated."""
    given = {(folder / name).resolve() for name in names}
    lost = next((file for file in written if file.resolve() in given), None)
    if lost is not None:
        raise UserError(f"{lost} is one of the images that are translated, and would be lost; name another --out")


def _in_channels(image: np.ndarray, channels: int, options: Options) -> np.ndarray:
    """An image as the network takes it, ``[h, w, channels]`` in [-1, 1]; grey ones become coloured ones, and not the other way."""
    from gan_jax.data.images import to_unit

    if image.shape[2] > channels:
        raise UserError(f"images of {options.folder} have {image.shape[2]} channels; expected {channels}, as the run's")
    return np.asarray(to_unit(np.repeat(image, channels // image.shape[2], axis=2)))


def _write_overview(file: Path, shown: list[tuple[np.ndarray, np.ndarray]]) -> None:
    rows = [np.stack(images) for images in zip(*shown, strict=True)]
    coloured = [np.repeat(row, 3 // row.shape[3], axis=3) for row in rows]
    write_grid(file, np.concatenate(coloured), columns=len(shown))
