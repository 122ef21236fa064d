"""Two domains of the plane with a known map between them, with symmetries of the target or without: what unpaired translation is asked.

A law of Y that a map s leaves as it is cannot tell T from ``s ∘ T``, and neither can any sample of it. Where there is no such s but the
identity, the marginals and a smooth map name T.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from gan_jax import checks
from gan_jax.distributions.density import draw
from gan_jax.distributions.mixtures import gaussian_modes
from gan_jax.distributions.targets import gaussian_ring
from gan_jax.typing import Array, Distribution, Domains, PRNGKey

PlaneMap: TypeAlias = Callable[[Array], Array]
"""``[n, 2] -> [n, 2]``."""


class Correspondence(NamedTuple):
    """Two domains and the map between them: ``y = T(x)``, ``x ~ source``.

    Attributes:
      source: the law of X, event shape ``[2]``.
      forward, backward: T and its inverse.
      symmetries: maps of the plane that leave the law of Y as it is, but for the identity; ``T`` is known up to them.
      label: for figures.
    """

    source: Distribution
    forward: PlaneMap
    backward: PlaneMap
    symmetries: tuple[PlaneMap, ...]
    label: str


def linear(matrix: Array, shift: Array) -> tuple[PlaneMap, PlaneMap]:
    """``x -> A x + b`` and its inverse, for points in rows."""
    inverse = jnp.linalg.inv(matrix)
    return lambda x: x @ matrix.T + shift[None], lambda y: (y - shift[None]) @ inverse.T


def rotation(angle: float) -> Array:
    """The matrix that turns by ``angle`` radians, anticlockwise, ``[2, 2]``."""
    c, s = math.cos(angle), math.sin(angle)
    return jnp.array([[c, -s], [s, c]])


def swirl(rate: float) -> tuple[PlaneMap, PlaneMap]:
    """``(r, θ) -> (r, θ + rate r)`` and its inverse: smooth, keeps areas, and no linear map is near it."""

    def turned(x: Array, rate: float) -> Array:
        angle = rate * jnp.sqrt(jnp.sum(jnp.square(x), axis=1) + 1e-12)
        c, s = jnp.cos(angle), jnp.sin(angle)
        return jnp.stack([c * x[:, 0] - s * x[:, 1], s * x[:, 0] + c * x[:, 1]], axis=1)

    return partial(turned, rate=rate), partial(turned, rate=-rate)


def lopsided() -> Distribution:
    """Five Gaussians at no two equal distances and of no two equal weights: a law without symmetry."""
    centres = jnp.array([[-1.3, 0.4], [-0.2, 1.1], [1.2, 0.7], [0.5, -0.6], [-0.7, -1.2]])
    return gaussian_modes(centres, 0.15, jnp.array([0.3, 0.25, 0.2, 0.15, 0.1]))


def square() -> Distribution:
    """Uniform on ``[-1, 1]²``: eight symmetries, the identity among them."""
    return dist.Uniform(-jnp.ones(2), jnp.ones(2)).to_event(1)


def turns(count: int) -> tuple[PlaneMap, ...]:
    """Rotations by multiples of ``2π / count`` and the reflections in between, but for the identity: ``2 count − 1`` maps."""
    flip = jnp.array([[1.0, 0.0], [0.0, -1.0]])
    every = [rotation(2.0 * math.pi * k / count) for k in range(count)]
    matrices = [*every[1:], *(one @ flip for one in every)]
    return tuple(linear(matrix, jnp.zeros(2))[0] for matrix in matrices)


def correspondence(name: str) -> Correspondence:
    """One of ``CORRESPONDENCES`` by name.

    Raises:
      ValueError: another name.
    """
    return CORRESPONDENCES[checks.one_of("name", name, CORRESPONDENCES)]()


def _rotated() -> Correspondence:
    forward, backward = linear(rotation(math.pi / 3.0), jnp.array([0.5, -0.3]))
    return Correspondence(lopsided(), forward, backward, (), "turned by 60° and shifted")


def _sheared() -> Correspondence:
    forward, backward = linear(jnp.array([[1.0, 0.8], [0.0, 1.0]]), jnp.zeros(2))
    return Correspondence(lopsided(), forward, backward, (), "sheared")


def _swirled() -> Correspondence:
    return Correspondence(lopsided(), *swirl(0.6), (), "swirled")


def _ring() -> Correspondence:
    # An angle that is no symmetry of the ring, so that Y is another law than X.
    forward, backward = linear(rotation(math.pi / 8.0), jnp.zeros(2))
    turned = [lambda y, s=s: forward(s(backward(y))) for s in turns(8)]
    return Correspondence(
        gaussian_ring(8, 1.0, 0.05), forward, backward, tuple(turned), "a ring of eight, turned by 22.5°"
    )


def _square() -> Correspondence:
    forward, backward = linear(1.5 * jnp.eye(2), jnp.zeros(2))
    return Correspondence(square(), forward, backward, turns(4), "a square, enlarged")


CORRESPONDENCES: dict[str, Callable[[], Correspondence]] = {
    "rotated": _rotated,
    "sheared": _sheared,
    "swirled": _swirled,
    "ring": _ring,
    "square": _square,
}
"""By name: three whose target has no symmetry, and two whose target has sixteen and eight."""


def domains(pair: Correspondence) -> Callable[[PRNGKey, int], Domains]:
    """``(key, batch) -> Domains``: draws of both domains, independent of each other, as unpaired data are.

    Args:
      pair: the two domains.

    Returns:
      What ``training.translation`` draws from.
    """

    def sample(key: PRNGKey, batch: int) -> Domains:
        x_key, y_key = jax.random.split(key)
        return Domains(draw(pair.source, x_key, batch), pair.forward(draw(pair.source, y_key, batch)))

    return sample
