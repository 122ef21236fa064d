"""The inception-style score: how sure a classifier is of single images, and how unsure of their class over all."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Real
from scipy.special import entr, log_softmax

from gan_jax import checks
from gan_jax.metrics import features as named
from gan_jax.typing import Array


class ClassifierScore(NamedTuple):
    """A mean over splits of the sample and its standard error.

    Attributes:
      value: 1 to the number of classes.
      standard_error: of the mean over splits.
    """

    value: float
    standard_error: float


SPLITS = 10
"""Parts of a sample, as the papers have them."""


def inception_style_score(logits: Real[np.ndarray | Array, "n classes"], *, splits: int = SPLITS) -> ClassifierScore:
    r"""Exponential of the mutual information of image and class, as a classifier sees it.

    .. math:: \exp\bigl(\mathbb E_x \mathrm{KL}(p(y|x) \,\|\, p(y))\bigr), \qquad p(y) = \mathbb E_x\, p(y|x)

    Computed on each of ``splits`` consecutive parts and averaged, as the papers do. It is biased downwards by a term in 1/(part's size), so
    values at different n or splits do not compare.

    Warning:
      Papers print the standard deviation over the parts; the standard error here is that divided by √splits. It is the "Inception score" of
      the papers only with the logits of the Inception network.

    Args:
      logits: ``[n, classes]``.
      splits: parts, at least 2, of at least one image each.

    Returns:
      The score.

    Raises:
      ValueError: NaN, fewer images than splits, splits below 2.

    References:
      Salimans et al. (2016), Improved techniques for training GANs, section 4.
    """
    # Without two of them there is no standard error.
    splits = checks.integer("splits", splits, 2)
    log_p = log_softmax(named.samples("logits", logits, least=splits), axis=1)
    scores = np.array([_score(part) for part in np.array_split(log_p, splits)])
    return ClassifierScore(float(scores.mean()), float(scores.std(ddof=1) / np.sqrt(splits)))


def _score(log_p: np.ndarray) -> float:
    # E KL(p(y|x) || p(y)) = H(p(y)) - E H(p(y|x)).
    p = np.exp(log_p)
    return float(np.exp(entr(p.mean(axis=0)).sum() - entr(p).sum(axis=1).mean()))
