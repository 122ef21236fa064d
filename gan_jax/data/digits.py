"""Real images without a network: the 1797 handwritten digits that come with scikit-learn, served through TFDS."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gan_jax.data.preparing import default_data_dir, prepare_once

if TYPE_CHECKING:
    from gan_jax.data.digits_builder import SklearnDigits

COUNT = 1797
FULL_INK = 16


class Digits(NamedTuple):
    """Pictures of digits.

    Attributes:
      images: ``[n, 8, 8]`` float32, 0 (no ink) to 1 (full), in steps of 1/16; row 0 on top.
      labels: ``[n]`` int32, 0 to 9.
    """

    images: np.ndarray
    labels: np.ndarray


def load_digits(data_dir: str | os.PathLike[str] | None = None) -> Digits:
    """All 1797 digits, in scikit-learn's order.

    The first call prepares them as array_record under ``data_dir``, in a private folder that is renamed at the end: a
    call that is interrupted leaves nothing that looks prepared, and several processes may make the first call at once.
    TensorFlow is not used.

    Args:
      data_dir: TFDS's folder of prepared data sets; ``$XDG_CACHE_HOME/gan_jax/tfds`` (``~/.cache/gan_jax/tfds``) where
        None.

    Returns:
      The images and their labels.

    Raises:
      OSError: ``data_dir`` cannot be written; the message names it.
      RuntimeError: what is prepared there is not whole.

    References:
      Alpaydin, E. and Kaynak, C. (1998). Optical Recognition of Handwritten Digits. UCI Machine Learning Repository.
    """
    root = default_data_dir() if data_dir is None else Path(data_dir)
    folder = Path(_builder(root).data_path)
    if not folder.is_dir():
        prepare_once(root, folder, _builder)
    try:
        source = _builder(root).as_data_source(split="train")
        examples = source.__getitems__(range(len(source)))
    except Exception as error:
        raise RuntimeError(
            f"The digits prepared in {folder} cannot be read ({error}); delete that folder and try again"
        ) from error
    if len(examples) != COUNT:
        raise RuntimeError(f"{folder} holds {len(examples)} digits; expected {COUNT}: delete that folder and try again")
    examples = sorted(examples, key=lambda example: int(example["index"]))
    # k / 16 is exact in float32.
    images = np.stack([example["image"] for example in examples]).astype(np.float32) / np.float32(FULL_INK)
    return Digits(images, np.asarray([example["label"] for example in examples], np.int32))


def halves(digits: Digits, *, seed: int) -> tuple[Digits, Digits]:
    """Splits at random into two sets without a picture in common.

    Args:
      digits: n ≥ 2 pictures.
      seed: of the split, ≥ 0.

    Returns:
      ⌊n / 2⌋ pictures and the other n − ⌊n / 2⌋.

    Raises:
      ValueError: fewer than two pictures, a number of labels that differs, or a negative seed.
    """
    count = len(digits.images)
    if count != len(digits.labels):
        raise ValueError(
            f"digits has {count} images and {len(digits.labels)} labels; expected one label for each image"
        )
    if count < 2:
        raise ValueError(f"digits has {count} images; expected at least 2 to split in two")
    if seed < 0:
        raise ValueError(f"seed is {seed}; expected an integer of at least 0")
    order = np.random.default_rng(seed).permutation(count)
    first, second = np.split(order, [count // 2])
    return Digits(digits.images[first], digits.labels[first]), Digits(digits.images[second], digits.labels[second])


def _builder(root: Path) -> SklearnDigits:
    # Importing TFDS takes seconds, so it waits until digits are asked for.
    from gan_jax.data.digits_builder import SklearnDigits

    # array_record: TFDS's parquet loses examples silently, and its tfrecord needs TensorFlow.
    return SklearnDigits(data_dir=os.fspath(root), file_format="array_record")
