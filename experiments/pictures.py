"""Pictures of a run: grids of images as PNG, and an animation of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def write_grid(file: Path, images: np.ndarray, *, columns: int | None = None, enlarge: int | None = None) -> None:
    """Writes images ``[n, h, w, c]`` in [-1, 1] as one PNG, the same bytes for the same images; small ones larger where not told."""
    from PIL import Image

    from gan_jax.data.images import to_bytes
    from gan_jax.plots.images import enlargement, tile

    factor = enlargement(images.shape[1]) if enlarge is None else enlarge
    picture = tile(to_bytes(images), columns=columns, enlarge=factor)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    Image.fromarray(picture).save(partial, format="PNG")
    partial.replace(file)


def write_strip(folder: Path, file: Path, *, seconds: float = 0.4) -> None:
    """Joins the PNGs of a folder, in the order of their names, into one animation."""
    from PIL import Image

    pictures = [Image.open(path).convert("P", palette=Image.Palette.ADAPTIVE) for path in sorted(folder.glob("*.png"))]
    if len(pictures) > 1:
        first, *rest = pictures
        # The last one stays for longer, so that an eye can rest on where it ended.
        times = [int(1000 * seconds)] * len(rest) + [3000]
        first.save(file, save_all=True, append_images=rest, duration=times, loop=0, optimize=False)
