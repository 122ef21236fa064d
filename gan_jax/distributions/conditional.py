"""Families of laws, one for every condition, whose truth is known: a mode of the ring by its number, a point of the plane by a sentence."""

from __future__ import annotations

import itertools

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Integer

from gan_jax import checks
from gan_jax.distributions.mixtures import Parameter
from gan_jax.distributions.targets import gaussian_ring
from gan_jax.typing import Array, Distribution

ACROSS = {"far left": -2.0, "left": -1.0, "middle": 0.0, "right": 1.0, "far right": 2.0}
UP = {"bottom": -1.0, "centre": 0.0, "top": 1.0}
PHRASES = (
    "a point at the {across} and the {up}",
    "{up} {across}",
    "the {up}, {across}",
    "somewhere {across} near the {up}",
)
"""How ``sentence_of`` says where a point is."""


def ring_mode(
    label: int | Integer[Array, ""], *, modes: int = 8, radius: Parameter = 1.0, scale: Parameter = 0.01
) -> Distribution:
    """The law of one mode of ``gaussian_ring``: ``N(radius (cos 2πk/modes, sin 2πk/modes), scale² I)``, k the label.

    Args:
      label: k, ``[]``, from 0 to ``modes − 1``; may be traced.
      modes, radius, scale: as of ``gaussian_ring``, whose law is the average of these over the labels.

    Returns:
      The distribution, event shape ``[2]``.

    Raises:
      ValueError: a label out of range, where it can be looked at; what ``gaussian_ring`` raises.
    """
    if checks.is_concrete(label) and not 0 <= int(label) < modes:
        raise ValueError(f"label is {label}; expected 0 to {modes - 1}")
    centres = gaussian_ring(modes, radius, scale).centres
    return _round(centres[label], scale)


def sentence_of(place: tuple[str, str], phrase: int = 0) -> str:
    """A sentence for a place of the plane: ``place`` is a name of ``ACROSS`` and one of ``UP``, ``phrase`` a number of ``PHRASES``."""
    return PHRASES[phrase].format(across=place[0], up=place[1])


def every_sentence() -> list[tuple[str, int]]:
    """All sentences, each with the number of its place in ``places()``."""
    named = list(itertools.product(ACROSS, UP))
    return [
        (sentence_of(place, phrase), number) for number, place in enumerate(named) for phrase in range(len(PHRASES))
    ]


def places() -> np.ndarray:
    """Where every place is, ``[15, 2]``, in the order of ``every_sentence``."""
    return np.array(list(itertools.product(ACROSS.values(), UP.values())), np.float32)


def named_point(number: int | Integer[Array, ""], *, scale: Parameter = 0.1) -> Distribution:
    """The law of a point that a sentence names: ``N(places()[number], scale² I)``.

    Args:
      number: of the place, ``[]``; may be traced.
      scale: standard deviation.

    Returns:
      The distribution, event shape ``[2]``.

    Raises:
      ValueError: a number out of range, where it can be looked at.
    """
    table = places()
    if checks.is_concrete(number) and not 0 <= int(number) < len(table):
        raise ValueError(f"number is {number}; expected 0 to {len(table) - 1}")
    return _round(jnp.asarray(table)[number], scale)


def _round(centre: Array, scale: Parameter) -> Distribution:
    deviation = jnp.asarray(scale, centre.dtype)
    return dist.MultivariateNormal(centre, scale_tril=deviation * jnp.eye(centre.shape[-1], dtype=centre.dtype))
