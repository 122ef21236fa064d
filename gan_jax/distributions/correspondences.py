"""Two domains of the plane with a known map between them, with symmetries of the target or without: what unpaired translation is asked.

A law of Y that a map s leaves as it is cannot tell T from ``s ∘ T``, and neither can any sample of it. A law with a density always has such
maps, if none that is an isometry: what the marginals leave open, the networks decide, which prefer what is smooth and near to where they
start. So the maps of laws without symmetry are no farther from the identity than that: turned by 60° in place of 20°, the modes go to
others than T's, with every loss low.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Float
from numpyro.distributions import constraints

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


def linear(matrix: Float[Array, "d d"], shift: Float[Array, " d"]) -> tuple[PlaneMap, PlaneMap]:
    """``x -> A x + b`` and its inverse, for points in rows."""
    inverse = jnp.linalg.inv(matrix)
    return lambda x: x @ matrix.T + shift[None], lambda y: (y - shift[None]) @ inverse.T


def rotation(angle: float) -> Float[Array, "2 2"]:
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
    return gaussian_modes(centres, 0.2, jnp.array([0.3, 0.25, 0.2, 0.15, 0.1]))


def square() -> Distribution:
    """Uniform on ``[-1, 1]²``: eight symmetries, the identity among them."""
    return dist.Uniform(-jnp.ones(2), jnp.ones(2)).to_event(1)


class Moons(dist.Distribution):
    """Two half circles that reach into each other: ``(r cos t, r sin t)`` and ``(1 - r cos t, .5 - r sin t)``.

    ``t ~ U[0, π]``, ``r ~ N(1, scale²)``; three fifths of the samples are on the first.
    """

    arg_constraints = {"scale": constraints.positive}  # noqa: RUF012
    support = constraints.real_vector
    FIRST = 0.6

    def __init__(self, scale: float | Array = 0.05, *, validate_args: bool | None = None) -> None:
        self.scale = jnp.asarray(scale, float)
        super().__init__((), (2,), validate_args=validate_args)

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        which_key, t_key, r_key = jax.random.split(key, 3)
        first = jax.random.bernoulli(which_key, self.FIRST, sample_shape)
        t = jnp.pi * jax.random.uniform(t_key, sample_shape)
        return _on_moons(first, 1.0 + self.scale * jax.random.normal(r_key, sample_shape), t)

    def log_prob(self, value: Array, intermediates: Any = None) -> Array:
        def of(weight: float, x: Array, y: Array) -> Array:
            r = jnp.sqrt(jnp.square(x) + jnp.square(y) + 1e-12)
            # What polar coordinates stretch is 1 / r.
            log = dist.Normal(1.0, self.scale).log_prob(r) - jnp.log(jnp.pi * r) + math.log(weight)
            return jnp.where(y >= 0.0, log, -jnp.inf)

        x, y = value[..., 0], value[..., 1]
        return jnp.logaddexp(of(self.FIRST, x, y), of(1.0 - self.FIRST, 1.0 - x, 0.5 - y))


def _on_moons(first: Array, r: Array, t: Array) -> Array:
    c, s = r * jnp.cos(t), r * jnp.sin(t)
    return jnp.stack([jnp.where(first, c, 1.0 - c), jnp.where(first, s, 0.5 - s)], axis=-1)


RADII = 1.0, 0.4
"""Of the circles that moons become."""

OPENING = math.pi / 3.0
"""The angle that is missing of each, on the left."""


def opened() -> tuple[PlaneMap, PlaneMap]:
    """Moons to two open circles, the second inside the first, ``t -> (2 π - OPENING) (t / π - 1/2)``, and back.

    The distance from the middle of an arc is kept; the other half of a circle, where no sample is, belongs to the nearer arc.
    """
    stretch = 2.0 - OPENING / math.pi

    def forward(x: Array) -> Array:
        u = jnp.stack([x, jnp.array([[1.0, 0.5]]) - x], axis=0)
        r = jnp.sqrt(jnp.sum(jnp.square(u), axis=2) + 1e-12)
        # How far a point is from each arc; below its ends it is farther than the circle says.
        away = jnp.abs(r - 1.0) + jnp.maximum(-u[:, :, 1], 0.0)
        first = away[0] <= away[1]
        angles = jnp.arctan2(u[:, :, 1], u[:, :, 0])
        t = jnp.where(first, angles[0], angles[1])
        rho = jnp.where(first, RADII[0] + r[0], RADII[1] + r[1]) - 1.0
        angle = stretch * (t - 0.5 * math.pi)
        return jnp.stack([rho * jnp.cos(angle), rho * jnp.sin(angle)], axis=1)

    def backward(y: Array) -> Array:
        rho = jnp.sqrt(jnp.sum(jnp.square(y), axis=1) + 1e-12)
        first = rho > 0.5 * (RADII[0] + RADII[1])
        t = jnp.arctan2(y[:, 1], y[:, 0]) / stretch + 0.5 * math.pi
        return _on_moons(first, rho - jnp.where(first, RADII[0], RADII[1]) + 1.0, t)

    return forward, backward


def mirrored(outer: bool, inner: bool) -> PlaneMap:
    """Turns upside down what lies outside half the way between the circles of ``RADII``, or inside, or both."""

    def flip(y: Array) -> Array:
        outside = jnp.sum(jnp.square(y), axis=1) > (0.5 * (RADII[0] + RADII[1])) ** 2
        return jnp.stack([y[:, 0], jnp.where(jnp.where(outside, outer, inner), -y[:, 1], y[:, 1])], axis=1)

    return flip


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
    forward, backward = linear(rotation(math.pi / 9.0), jnp.array([0.5, -0.3]))
    return Correspondence(lopsided(), forward, backward, (), "turned by 20° and shifted")


def _sheared() -> Correspondence:
    forward, backward = linear(jnp.array([[1.0, 0.6], [0.0, 1.0]]), jnp.zeros(2))
    return Correspondence(lopsided(), forward, backward, (), "sheared")


def _swirled() -> Correspondence:
    return Correspondence(lopsided(), *swirl(0.25), (), "swirled")


def _ring() -> Correspondence:
    # An angle that is no symmetry of the ring, so that Y is another law than X.
    forward, backward = linear(rotation(math.pi / 8.0), jnp.zeros(2))
    turned = [lambda y, s=s: forward(s(backward(y))) for s in turns(8)]
    return Correspondence(
        gaussian_ring(8, 1.0, 0.05), forward, backward, tuple(turned), "a ring of eight, turned by 22.5°"
    )


def _square() -> Correspondence:
    # Half way between two symmetries, so that a network that starts at the identity is as near to either.
    forward, backward = linear(1.5 * rotation(math.pi / 4.0), jnp.zeros(2))
    return Correspondence(square(), forward, backward, turns(4), "a square, turned by 45° and enlarged")


def _moons() -> Correspondence:
    flips = mirrored(True, True), mirrored(True, False), mirrored(False, True)
    return Correspondence(Moons(), *opened(), flips, "moons to open circles")


CORRESPONDENCES: dict[str, Callable[[], Correspondence]] = {
    "rotated": _rotated,
    "sheared": _sheared,
    "swirled": _swirled,
    "ring": _ring,
    "square": _square,
    "moons": _moons,
}
"""By name: three whose target has no symmetry, and three whose target has sixteen, eight and four, the identity among them."""


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
