"""Pictures of a run: grids of images as PNG, and an animation of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gan_jax import files

if TYPE_CHECKING:
    import numpy as np


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
