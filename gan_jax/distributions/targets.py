"""The toy targets: a ring and a grid of Gaussians, the Swiss roll, parallel lines."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax.scipy.special import logsumexp
from numpyro.distributions import constraints

from gan_jax import checks
from gan_jax.distributions.mixtures import IsotropicMixture, Parameter, Weights, whole_number
from gan_jax.typing import Array, Distribution, PRNGKey


def gaussian_ring(
    modes: int = 8,
    radius: Parameter = 1.0,
    scale: Parameter = 0.01,
    *,
    center: tuple[Parameter, Parameter] | Array = (0.0, 0.0),
    rotation: Parameter = 0.0,
    weights: Weights | None = None,
) -> IsotropicMixture:
    """Isotropic Gaussians evenly spaced on a circle.

    The k-th mode sits at ``center + radius (cos a_k, sin a_k)``, ``a_k = rotation + 2 pi k / modes``, ``k = 0 .. modes
    - 1``: all angles are distinct. The defaults are the ring of VEEGAN (Srivastava et al. 2017) and PacGAN (Lin et al. 2018); WGAN-GP's 8
    Gaussians (Gulrajani et al. 2017) are ``radius=2 / 1.414, scale=.02 / 1.414``.

    Args:
      modes: number of modes.
      radius: of the circle, in units of the data.
      scale: standard deviation (not variance) of a mode.
      center: of the circle, ``[2]``.
      rotation: in radians.
      weights: of the modes, ``[modes]``, above 0 and summing to one; all equal where None. ``geometric_weights`` and ``rare_weights``
        make some.

    Returns:
      A NumPyro mixture with event shape ``[2]``.

    Raises:
      ValueError: ``modes`` below 1, ``scale`` not above 0, ``radius`` below 0, another number of weights, weights not above 0 or that do
        not sum to one.
    """
    modes = whole_number("modes", modes)
    checks.at_least("scale", scale, 0.0, strict=True)
    checks.at_least("radius", radius, 0.0)
    angles = 2.0 * np.pi * np.arange(modes) / modes
    unit = jnp.asarray(np.stack([np.cos(angles), np.sin(angles)], axis=1), dtype=float)
    cos, sin = jnp.cos(jnp.asarray(rotation, float)), jnp.sin(jnp.asarray(rotation, float))
    turned = jnp.stack([cos * unit[:, 0] - sin * unit[:, 1], sin * unit[:, 0] + cos * unit[:, 1]], axis=1)
    middle = jnp.stack([jnp.asarray(center[0], float), jnp.asarray(center[1], float)])
    return IsotropicMixture(middle[None, :] + radius * turned, scale, weights)


def gaussian_grid(
    side: int = 5,
    spacing: Parameter = 2.0,
    scale: Parameter = 0.05,
    *,
    weights: Weights | None = None,
) -> IsotropicMixture:
    """``side * side`` isotropic Gaussians on a square grid centred at zero.

    The defaults are the grid ``{-4, -2, 0, 2, 4}^2`` of VEEGAN and PacGAN; WGAN-GP divides everything by 2.828.

    Args:
      side: modes along one side.
      spacing: between neighbouring modes, in units of the data.
      scale: standard deviation (not variance) of a mode.
      weights: of the modes, ``[side * side]``, the second coordinate running fastest; as of ``gaussian_ring``.

    Returns:
      A NumPyro mixture with event shape ``[2]``.

    Raises:
      ValueError: ``side`` below 1, ``spacing`` or ``scale`` not above 0, weights as of ``gaussian_ring``.
    """
    side = whole_number("side", side)
    checks.at_least("scale", scale, 0.0, strict=True)
    checks.at_least("spacing", spacing, 0.0, strict=True)
    ticks = np.arange(side) - 0.5 * (side - 1)
    steps = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)
    return IsotropicMixture(jnp.asarray(spacing, float) * jnp.asarray(steps, dtype=float), scale, weights)


class SwissRoll(dist.Distribution):
    """``scale * (t cos t + noise e_1, t sin t + noise e_2)``, ``t`` uniform on ``[1.5 pi, 4.5 pi]``, ``e`` standard normal."""

    arg_constraints = {"noise": constraints.positive, "scale": constraints.positive}  # noqa: RUF012
    support = constraints.real_vector
    # A composite Gauss-Legendre rule over t: the spacing of its 1536 nodes along the roll is at most .08, a third of
    # the default noise, which leaves the log-density right to 1e-6 for noise >= 0.1.
    _PANELS, _ORDER = 96, 16

    def __init__(
        self, noise: Parameter = 0.25, scale: Parameter = 1 / 7.5, *, validate_args: bool | None = None
    ) -> None:
        self.noise, self.scale = jnp.asarray(noise, float), jnp.asarray(scale, float)
        super().__init__((), (2,), validate_args=validate_args)

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        key_t, key_noise = jax.random.split(key)
        t = 1.5 * jnp.pi * (1.0 + 2.0 * jax.random.uniform(key_t, sample_shape, self.noise.dtype))
        roll = jnp.stack([t * jnp.cos(t), t * jnp.sin(t)], axis=-1)
        noise = jax.random.normal(key_noise, (*sample_shape, 2), self.noise.dtype)
        return self.scale * (roll + self.noise * noise)

    def log_prob(self, value: Array, intermediates: Any = None) -> Array:
        x, w = np.polynomial.legendre.leggauss(self._ORDER)
        edges = np.linspace(1.5 * np.pi, 4.5 * np.pi, self._PANELS + 1)
        t = (0.5 * (edges[1:] + edges[:-1])[:, None] + 0.5 * (edges[1] - edges[0]) * x).ravel()
        log_weight = jnp.asarray(np.log(np.tile(0.5 * w / self._PANELS, self._PANELS)), value.dtype)
        roll = jnp.asarray(np.stack([t * np.cos(t), t * np.sin(t)], axis=1), value.dtype)

        def at_point(x: Array) -> Array:
            squares = jnp.sum(jnp.square((x / self.scale)[None, :] - roll), axis=1) / jnp.square(self.noise)
            return logsumexp(log_weight - 0.5 * squares) - jnp.log(2.0 * jnp.pi * jnp.square(self.noise * self.scale))

        points = value.reshape(-1, 2)
        # Sixty-four points at a time: the rule's nodes are never all laid out against all points.
        return jax.lax.map(at_point, points, batch_size=64).reshape(value.shape[:-1])

    @property
    def mean(self) -> Array:
        # d/dt (t sin t + cos t) = t cos t, d/dt (sin t - t cos t) = t sin t, over an interval of length 3 pi.
        a, b = 1.5 * math.pi, 4.5 * math.pi
        x = (b * math.sin(b) + math.cos(b) - a * math.sin(a) - math.cos(a)) / (b - a)
        y = (math.sin(b) - b * math.cos(b) - math.sin(a) + a * math.cos(a)) / (b - a)
        return self.scale * jnp.asarray([x, y], self.scale.dtype)


def swiss_roll(noise: Parameter = 0.25, scale: Parameter = 1 / 7.5) -> Distribution:
    """The two roll coordinates of the Swiss roll, as in WGAN-GP's toy code (Gulrajani et al. 2017).

    ``x = scale (t cos t + noise e_1, t sin t + noise e_2)``, ``t ~ U[1.5 pi, 4.5 pi]``, ``e ~ N(0, I)``. The density
    integrates ``t`` out by quadrature and is right to about 1e-6 for ``noise >= 0.1`` (a narrower roll needs more
    nodes).

    Args:
      noise: standard deviation of the noise before scaling.
      scale: what everything is multiplied by.

    Returns:
      A NumPyro distribution with event shape ``[2]``.

    Raises:
      ValueError: ``noise`` or ``scale`` not above 0.
    """
    checks.at_least("noise", noise, 0.0, strict=True)
    checks.at_least("scale", scale, 0.0, strict=True)
    return SwissRoll(noise, scale)


class ParallelLine(dist.Distribution):
    """The law of ``(theta, Z)``, ``Z`` uniform on [0, 1]: singular, with no density in the plane."""

    arg_constraints = {"theta": constraints.real}  # noqa: RUF012
    support = constraints.real_vector
    reparametrized_params = ["theta"]  # noqa: RUF012

    def __init__(self, theta: Parameter = 0.0, *, validate_args: bool | None = None) -> None:
        self.theta = jnp.asarray(theta, float)
        super().__init__((), (2,), validate_args=validate_args)

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        height = jax.random.uniform(key, sample_shape, self.theta.dtype)
        return jnp.stack([jnp.broadcast_to(self.theta, height.shape), height], axis=-1)

    def log_prob(self, value: Array, intermediates: Any = None) -> Array:
        """``-inf`` off the line, ``+inf`` on it: the law is singular with respect to Lebesgue measure on the plane."""
        on_line = (value[..., 0] == self.theta) & (value[..., 1] >= 0) & (value[..., 1] <= 1)
        return jnp.where(on_line, jnp.inf, -jnp.inf).astype(self.theta.dtype)

    @property
    def mean(self) -> Array:
        return jnp.stack([self.theta, jnp.full_like(self.theta, 0.5)])

    @property
    def variance(self) -> Array:
        return jnp.asarray([0.0, 1.0 / 12.0], self.theta.dtype)


def parallel_line(theta: Parameter) -> Distribution:
    """WGAN's Example 1 (Arjovsky et al. 2017): the law of ``(theta, Z)``, ``Z ~ U[0, 1]``.

    Two of them with different ``theta`` share no point: ``JS = log 2``, ``KL = inf``, ``TV = 1``, ``W1 = |theta_1 -
    theta_2|``. There is no density in the plane; ``log_prob`` is ``-inf`` off the line and ``+inf`` on it.

    Args:
      theta: where the line is, ``[]``, in units of the data.

    Returns:
      A NumPyro distribution with event shape ``[2]``.

    Raises:
      ValueError: ``theta`` NaN or infinite.
    """
    checks.finite("theta", theta)
    return ParallelLine(theta)
