"""Pictures of a run: grids of images as PNG, and an animation of them."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gan_jax import files

if TYPE_CHECKING:
    import numpy as np

MOST_SHOWN = 1024
"""Images of one grid that are written beside any number of them."""


def write_grid(file: Path, images: np.ndarray, *, columns: int | None = None, enlarge: int | None = None) -> None:
    """Writes images ``[n, h, w, c]`` in [-1, 1] as one PNG, the same bytes for the same images; small ones larger where not told."""
    from PIL import Image

    from gan_jax.data.images import to_bytes
    from gan_jax.plots.images import enlargement, tile

    factor = enlargement(images.shape[1]) if enlarge is None else enlarge
    picture = tile(to_bytes(images), columns=columns, enlarge=factor)
    with files.replacing(file) as stream:
        Image.fromarray(picture).save(stream, format="PNG")


def write_numbers(file: Path, **arrays: object) -> None:
    """Writes arrays as one ``.npz``, whole or not at all."""
    import numpy as np

    with files.replacing(file) as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]  # NumPy's stub gives every keyword the type of allow_pickle.


def write_images(name: Path, pieces: Iterator[np.ndarray], n: int, *, columns: int | None, **facts: object) -> str:
    """Writes images as they are drawn, never all of them in memory: ``name.npz`` holds all, ``name.png`` shows the first ``MOST_SHOWN``.

    Args:
      name: of both files, without their endings.
      pieces: ``[some, h, w, c]`` in [-1, 1], at least one; n images together.
      n: how many.
      columns: images in a row of the picture; a square where None.
      **facts: saved beside ``images``.

    Returns:
      What was written, in words.
    """
    import numpy as np

    shown: list[np.ndarray] = []
    first = next(pieces)
    shape, drawn, picture = (n, *first.shape[1:]), 0, name.with_name(f"{name.name}.png")
    numbers = name.with_name(f"{name.name}.npz")
    with files.replacing(numbers) as stream, zipfile.ZipFile(stream, "w") as archive:
        # As numpy.savez writes an array, whose length is known before its numbers are.
        with archive.open("images.npy", "w", force_zip64=True) as file:
            header = {"descr": np.lib.format.dtype_to_descr(first.dtype), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for piece in itertools.chain((first,), pieces):
                file.write(np.ascontiguousarray(piece).data)
                if drawn < MOST_SHOWN:
                    shown.append(piece[: MOST_SHOWN - drawn])
                drawn += len(piece)
        for fact, value in facts.items():
            with archive.open(f"{fact}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asarray(value), allow_pickle=False)
    write_grid(picture, np.concatenate(shown), columns=None if columns is None else min(columns, MOST_SHOWN))
    of_them = f" with the first {MOST_SHOWN} of them" if n > MOST_SHOWN else ""
    return f"{picture}{of_them}, and {numbers} with images {list(shape)} in [-1, 1]"


def write_strip(folder: Path, file: Path, *, seconds: float = 0.4) -> None:
    """Joins the PNGs of a folder, in the order of their names, into one animation."""
    from PIL import Image

    pictures = [Image.open(path).convert("P", palette=Image.Palette.ADAPTIVE) for path in sorted(folder.glob("*.png"))]
    if len(pictures) > 1:
        first, *rest = pictures
        # The last one stays for longer, so that an eye can rest on where it ended.
        times = [int(1000 * seconds)] * len(rest) + [3000]
        with files.replacing(file) as stream:
            first.save(stream, format="GIF", save_all=True, append_images=rest, duration=times, loop=0, optimize=False)
