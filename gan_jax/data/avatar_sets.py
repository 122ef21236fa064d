"""Avatars with captions as a set: drawn once, kept as TFDS keeps sets."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from gan_jax import checks
from gan_jax.data.drawn_avatars import SPLITS, AvatarSet
from gan_jax.data.preparing import default_data_dir, prepare_once
from gan_jax.moved import moved

_DRAWN = dict.fromkeys(("CAPTIONS", "PART", "draw_set", "captions_of"), "gan_jax.data.drawn_avatars")
_FED = dict.fromkeys(("Feed", "feed_of", "captioned"), "gan_jax.data.avatar_feeds")
__getattr__ = moved(__name__, _DRAWN | _FED)


def load_avatars(
    split: str = "train",
    *,
    size: int = 32,
    style: str = "portrait",
    data_dir: str | os.PathLike[str] | None = None,
) -> AvatarSet:
    """A set as TFDS keeps it: drawn and prepared at the first call, read at every later one; no TensorFlow, no network.

    Args:
      split: ``"train"`` (20 000) and ``"test"`` (2000), of seen pairs of colours, or ``"held_out"`` (2000), of the others.
      size: 16, 32 or 64 pixels a side.
      style: ``"portrait"`` or ``"cartoon"``.
      data_dir: TFDS's folder of prepared sets; ``preparing.default_data_dir()`` where None.

    Returns:
      The set.

    Raises:
      ValueError: another split, size or style.
      OSError: ``data_dir`` cannot be written; the message names it.
      RuntimeError: what is prepared there is not whole.
    """
    from gan_jax.data.avatars_builder import CONFIGS, Avatars, name_of

    checks.one_of("split", split, SPLITS)
    if (style, size) not in CONFIGS:
        sizes = sorted({known for _, known in CONFIGS})
        checks.one_of("style", style, {known for known, _ in CONFIGS})
        raise ValueError(f"size is {size}; expected one of {', '.join(map(str, sizes))}")
    root = default_data_dir() if data_dir is None else Path(data_dir)

    def builder(folder: Path) -> Avatars:
        return Avatars(data_dir=os.fspath(folder), config=name_of(style, size), file_format="array_record")

    folder = Path(builder(root).data_path)
    if not folder.is_dir():
        prepare_once(root, folder, builder)
    try:
        source = builder(root).as_data_source(split=split)
        examples = sorted(source.__getitems__(range(len(source))), key=lambda example: int(example["index"]))
    except Exception as error:
        raise RuntimeError(
            f"The avatars prepared in {folder} cannot be read ({error}); delete that folder and try again"
        ) from error
    if len(examples) != SPLITS[split][1]:
        raise RuntimeError(
            f"{folder} holds {len(examples)} avatars; expected {SPLITS[split][1]}: delete that folder and try again"
        )
    return AvatarSet(
        f"avatars-{style}-{size}",
        np.stack([example["image"] for example in examples]),
        np.stack([example["attributes"] for example in examples]).astype(np.int32),
        tuple(tuple(bytes(text).decode() for text in example["captions"]) for example in examples),
        np.stack([example["said"] for example in examples]).astype(np.int32),
    )
