"""Inception features, from a file of weights that the user has and whose hash the user knows."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np

from gan_jax import files
from gan_jax.metrics.features import InceptionFeatures
from gan_jax.models.inception import SIDE, inception, shapes


def inception_features(path: str | os.PathLike[str], sha256: str) -> InceptionFeatures:
    """The features of FID, KID and the Inception score as the papers have them: pool3 (2048) and logits (1008) of Inception-v3.

    The weights are those of pytorch-fid, which are TensorFlow's of December 2015, under the same names. These lines, run where PyTorch is,
    write the file from ``pt_inception-2015-12-05-6726825d.pth`` and print its hash::

        import hashlib, numpy, torch
        weights = torch.load("pt_inception-2015-12-05-6726825d.pth", map_location="cpu", weights_only=True)
        numpy.savez("inception-2015.npz", **{name: array.numpy() for name, array in weights.items()})
        print(hashlib.sha256(open("inception-2015.npz", "rb").read()).hexdigest())

    As pytorch-fid, images are resized to 299 × 299 bilinearly without antialiasing, whatever their size; other resizers give other scores.

    Args:
      path: the ``.npz`` file.
      sha256: what its SHA-256 must be, 64 hexadecimal digits. It is checked before the file is opened.

    Returns:
      The extractor. Only what is loaded here is called Inception, and only its Fréchet distance FID-Inception.

    Raises:
      FileNotFoundError: no such file.
      ValueError: another hash, no archive of arrays, arrays that are missing or have another shape.

    References:
      Heusel et al. (2017), GANs trained by a two time-scale update rule. Seitzer (2020), pytorch-fid.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path is {path}; expected a file of Inception weights (.npz), and there is none")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256.strip().lower():
        raise ValueError(f"path {path} has the SHA-256 {found}; expected {sha256}, as given")
    apply = inception(_weights(path))
    preprocessing = f"{SIDE} × {SIDE} bilinear without antialiasing, [-1, 1]"
    return InceptionFeatures(f"Inception-v3 2015 {found[:8]}", preprocessing, apply)


def _weights(path: Path) -> dict[str, np.ndarray]:
    expected = shapes()
    try:
        weights = files.read_arrays(path, expected)
    except OSError as error:
        raise ValueError(f"path {path} cannot be read ({error}); expected an .npz of arrays without pickles") from error
    except ValueError as error:
        raise ValueError(f"path {error}; expected an .npz of arrays without pickles") from error
    missing = [name for name in expected if name not in weights]
    if missing:
        raise ValueError(
            f"path {path} lacks {len(missing)} of {len(expected)} arrays, {missing[0]!r} first; expected the names of "
            "pytorch-fid's state dict"
        )
    wrong = [name for name, shape in expected.items() if weights[name].shape != shape]
    if wrong:
        raise ValueError(
            f"path {path} has {len(wrong)} array(s) of another shape, {wrong[0]!r} {weights[wrong[0]].shape} first; "
            f"expected {expected[wrong[0]]}"
        )
    return weights
