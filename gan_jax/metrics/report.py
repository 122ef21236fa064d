"""Scores that say what they are: every number with its extractor, sample counts and preprocessing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Real

from gan_jax import checks
from gan_jax.metrics.features import Extracted, Features, InceptionFeatures, extract
from gan_jax.metrics.frechet import fid
from gan_jax.metrics.kernel import kid
from gan_jax.metrics.neighbours import neighbours
from gan_jax.metrics.score import SPLITS, inception_style_score
from gan_jax.metrics.vendi import vendi_score
from gan_jax.typing import Array


@dataclass(frozen=True)
class Score:
    """A number and all that it depends on.

    Attributes:
      metric: its name.
      value: the number.
      standard_error: of the value; None where none is known.
      extractor: the name of the features.
      n_real: real images that entered it; 0 where it looks at generated ones alone.
      n_fake: generated images that entered it.
      preprocessing: what images went through before the extractor.
    """

    metric: str
    value: float
    standard_error: float | None
    extractor: str
    n_real: int
    n_fake: int
    preprocessing: str

    def __str__(self) -> str:
        """One line with everything, as in ``KID 0.0021 ± 0.0003 (digits-8 classifier 1f3a9c2e, 1797 real, 10000 fake, …)``."""
        counts = f"{self.n_real} real, {self.n_fake} fake" if self.n_real else f"{self.n_fake} fake"
        number = _number(self.value, self.standard_error)
        return f"{self.metric} {number} ({self.extractor}, {counts}, {self.preprocessing})"


def evaluate(
    features: Features,
    real_images: Real[np.ndarray | Array, "n h w c"],
    fake_images: Real[np.ndarray | Array, "m h w c"],
    *,
    k: int = 5,
    splits: int = SPLITS,
    batch: int = 256,
) -> tuple[Score, ...]:
    """Every score of generated images against real ones.

    Args:
      features: the extractor.
      real_images, fake_images: ``[n, h, w, c]``: floats in [-1, 1], or uint8 ``x``, read as ``x / 127.5 - 1``.
      k: which neighbour gives the radii of precision, recall, density and coverage.
      splits: parts that the inception-style score is averaged over.
      batch: images a call of the extractor, which is compiled for that number.

    Returns:
      FID, KID, precision, recall, density, coverage, Vendi score, inception-style score.

    Raises:
      ValueError: bad images, images of different shapes, too few of them, k not below both numbers.
    """
    if np.shape(real_images)[1:] != np.shape(fake_images)[1:]:
        raise ValueError(
            f"real_images has shape {np.shape(real_images)} and fake_images has shape {np.shape(fake_images)}; "
            "expected images of one shape"
        )
    k, splits = checks.integer("k", k, 1), checks.integer("splits", splits, 2)
    real = extract(features, real_images, batch=batch, name="real_images")
    return scores(features, real, extract(features, fake_images, batch=batch, name="fake_images"), k=k, splits=splits)


def scores(
    features: Features, real: Extracted, fake: Extracted, *, k: int = 5, splits: int = SPLITS
) -> tuple[Score, ...]:
    """As ``evaluate``, from what the extractor made of the images: real ones are extracted once for many generators.

    Args:
      features: the extractor that made both.
      real, fake: what it made.
      k: which neighbour gives the radii.
      splits: parts of the inception-style score.

    Returns:
      The scores, in the order of ``evaluate``.

    Raises:
      ValueError: as ``evaluate``; an extractor called Inception that ``inception_features`` did not load.
    """
    inception = isinstance(features, InceptionFeatures)
    if not inception and "inception" in features.name.lower():
        raise ValueError(
            f"features is named {features.name!r}; expected another name: only what inception_features loads is Inception"
        )
    n, m = len(real.features), len(fake.features)

    def score(metric: str, value: float, error: float | None = None, n_real: int = n) -> Score:
        return Score(metric, value, error, features.name, n_real, m, features.preprocessing)

    distance = kid(real.features, fake.features)
    near = neighbours(real.features, fake.features, k=k)
    classified = inception_style_score(fake.logits, splits=splits)
    return (
        score("FID-Inception" if inception else "FID", fid(real.features, fake.features)),
        score("KID", float(distance.value), float(distance.standard_error)),
        score(f"precision (k = {k})", near.precision),
        score(f"recall (k = {k})", near.recall),
        score(f"density (k = {k})", near.density),
        score(f"coverage (k = {k})", near.coverage),
        score("Vendi score", vendi_score(fake.features), n_real=0),
        score("Inception score" if inception else "inception-style score", *classified, n_real=0),
    )


def _number(value: float, error: float | None) -> str:
    """``value ± error``, rounded to the error's first digit (to its second where the first is 1 or 2)."""
    if error is None:
        return f"{value:.5g}"
    if not (math.isfinite(error) and error > 0):
        return f"{value:.5g} ± {error:.2g}"
    exponent = math.floor(math.log10(error))
    places = (1 if error < 3 * 10.0**exponent else 0) - exponent
    if places > 6:
        return f"{value:.{max(places + exponent, 0) + 1}e} ± {error:.0e}"
    places = max(places, 0)
    # Adding zero takes the sign off a value that rounds to zero.
    return f"{round(value, places) + 0.0:.{places}f} ± {error:.{places}f}"
