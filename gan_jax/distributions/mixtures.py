"""Mixtures of isotropic Gaussians in any dimension, with weights that may differ: targets whose modes are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Float, Real
from scipy import optimize

from gan_jax import checks
from gan_jax.distributions.density import log_density
from gan_jax.typing import Array, PRNGKey

Parameter = float | Array
Weights = Sequence[float] | np.ndarray | Array


class IsotropicMixture(dist.MixtureSameFamily):
    """A mixture of isotropic Gaussians: NumPyro's mixture, with less work a sample and a point.

    Sampling draws one component instead of all of them, and nothing promotes ranks (NumPyro's own raises under
    ``jax_numpy_rank_promotion=raise``). ``component_distribution`` is NumPyro's, so that everything that reads mixtures
    reads it.

    Args:
      centres: ``[modes, d]``.
      scale: standard deviation of every mode, ``[]``, or of each, ``[modes]``.
      weights: of the modes, ``[modes]``; all equal where None.

    Raises:
      ValueError: weights of another shape, not above 0, or that do not sum to one.
    """

    pytree_data_fields = ()
    # What is the same for all modes is known to the program, not only to its data.
    pytree_aux_fields = ("_one_weight", "_one_scale")

    def __init__(
        self,
        centres: Array,
        scale: Parameter | np.ndarray,
        weights: Weights | None = None,
        *,
        validate_args: bool | None = None,
    ) -> None:
        modes = centres.shape[0]
        self._one_weight, self._one_scale = weights is None, np.ndim(scale) == 0
        shares = jnp.full((modes,), 1.0 / modes, centres.dtype) if weights is None else _shares(weights, centres)
        deviations = jnp.asarray(scale, centres.dtype)
        deviations = deviations if self._one_scale else deviations[:, None]
        components = dist.Normal(centres, jnp.broadcast_to(deviations, centres.shape))
        super().__init__(dist.Categorical(probs=shares), dist.Independent(components, 1), validate_args=validate_args)

    @property
    def centres(self) -> Float[Array, "modes d"]:
        """``[modes, d]``."""
        return self.component_distribution.base_dist.loc

    @property
    def scale(self) -> Array:
        """Standard deviation of a mode, ``[]``; of each, ``[modes]``, where it was given so."""
        deviations = self.component_distribution.base_dist.scale
        return deviations[0, 0] if self._one_scale else deviations[:, 0]

    @property
    def weights(self) -> Float[Array, " modes"]:
        """Of the modes, ``[modes]``, summing to one."""
        return self.mixing_distribution.probs

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        key_mode, key_noise = jax.random.split(key)
        modes, dimension = self.centres.shape
        if self._one_weight:
            mode = jax.random.randint(key_mode, sample_shape, 0, modes)
        else:
            mode = jax.random.choice(key_mode, modes, sample_shape, p=self.weights)
        noise = jax.random.normal(key_noise, (*sample_shape, dimension), self.centres.dtype)
        deviations = self.scale if self._one_scale else self.scale[mode][..., None]
        return self.centres[mode] + deviations * noise

    def log_prob(self, value: Array, intermediates: Any = None) -> Array:
        return log_density(self, value)


def gaussian_modes(
    centres: Real[np.ndarray | Array, "modes d"], scale: Parameter | np.ndarray, weights: Weights | None = None
) -> IsotropicMixture:
    r"""Isotropic Gaussians wherever they are wanted: :math:`\sum_k w_k N(c_k, s_k^2 I)`.

    Args:
      centres: ``[modes, d]``, in units of the data.
      scale: standard deviation (not variance) of every mode, ``[]``, or of each, ``[modes]``.
      weights: of the modes, ``[modes]``, above 0 and summing to one; all equal where None.

    Returns:
      A NumPyro mixture with event shape ``[d]``.

    Raises:
      ValueError: centres that are not ``[modes, d]`` or not finite, another number of scales or weights, ``scale`` or weights not above
        0, weights that do not sum to one.
    """
    places = jnp.asarray(centres, float)
    if places.ndim != 2 or 0 in places.shape:
        raise ValueError(f"centres has shape {places.shape}; expected [modes, d] with at least one of each")
    checks.finite("centres", places)
    deviations = jnp.asarray(scale, float)
    if deviations.shape not in ((), places.shape[:1]):
        raise ValueError(f"scale has shape {deviations.shape}; expected one, or one for each of {len(places)} modes")
    checks.at_least("scale", deviations, 0.0, strict=True)
    return IsotropicMixture(places, deviations, weights)


def random_modes(
    key: PRNGKey | int,
    modes: int,
    dimension: int,
    *,
    separation: Parameter = 20.0,
    weights: Weights | None = None,
) -> IsotropicMixture:
    r"""Isotropic Gaussians at random places: centres uniform in the cube :math:`[-1, 1]^d`.

    The dial is ``separation``, the smallest distance of two centres in standard deviations of a mode:

    .. math:: s = \min_{i \ne j} \|c_i - c_j\| / \mathrm{separation}

    In every dimension, of the samples of one of the two nearest modes a share :math:`\Phi(-\mathrm{separation} / 2)` is nearer to the
    other: 16 % at 2, .1 % at 6. The separation is 40 for VEEGAN's grid and 77 for its ring.

    Args:
      key: a key that nothing else uses, or a whole number that gives one: the same number, the same target.
      modes: number of modes, at least two.
      dimension: d.
      separation: see above, above 0.
      weights: of the modes, ``[modes]``, above 0 and summing to one; all equal where None.

    Returns:
      A NumPyro mixture with event shape ``[d]``.

    Raises:
      ValueError: ``modes`` below two, ``dimension`` below one, ``separation`` not above 0, weights as of ``gaussian_modes``.
    """
    modes, dimension = whole_number("modes", modes, least=2), whole_number("dimension", dimension)
    checks.at_least("separation", separation, 0.0, strict=True)
    places_key = jax.random.key(key) if isinstance(key, int | np.integer) else key
    centres = jax.random.uniform(places_key, (modes, dimension), float, -1.0, 1.0)
    return IsotropicMixture(centres, _smallest_distance(centres) / separation, weights)


def geometric_weights(modes: int, smallest: float) -> Float[Array, " {modes}"]:
    r"""Weights in geometric progression, the smallest first: :math:`w_k = s r^k`, :math:`s \sum_{k < K} r^k = 1`.

    Args:
      modes: how many, K, at least two.
      smallest: s, above 0 and at most ``1 / modes`` (where all are equal).

    Returns:
      ``[modes]``, rising, summing to one.

    Raises:
      ValueError: ``modes`` below two, ``smallest`` outside its range.
    """
    modes = whole_number("modes", modes, least=2)
    _check_smallest(smallest, modes)
    powers = np.arange(modes)

    def excess(log_ratio: float) -> float:
        return float(np.sum(smallest * np.exp(log_ratio * powers))) - 1.0

    # The sum rises with the ratio; at the upper end the last weight alone is one.
    upper = -np.log(smallest) / (modes - 1)
    log_ratio = 0.0 if excess(0.0) >= 0.0 else optimize.brentq(excess, 0.0, upper, xtol=1e-15)
    return jnp.asarray(smallest * np.exp(log_ratio * powers), float)


def rare_weights(modes: int, rare: int, smallest: float) -> Float[Array, " {modes}"]:
    """Weights of which the first ``rare`` are ``smallest`` each; the others share the rest equally.

    Args:
      modes: how many, at least two.
      rare: how many of them are rare, from one to ``modes - 1``.
      smallest: weight of a rare mode, above 0 and at most ``1 / modes`` (where all are equal).

    Returns:
      ``[modes]``, summing to one.

    Raises:
      ValueError: ``modes`` below two, ``rare`` or ``smallest`` outside its range.
    """
    modes, rare = whole_number("modes", modes, least=2), whole_number("rare", rare)
    if rare >= modes:
        raise ValueError(f"rare is {rare} of {modes} modes; expected at least one mode that is not rare")
    _check_smallest(smallest, modes)
    common = (1.0 - rare * smallest) / (modes - rare)
    return jnp.asarray(np.where(np.arange(modes) < rare, smallest, common), float)


def whole_number(name: str, value: int, *, least: int = 1) -> int:
    """Returns ``value`` where it is a whole number of at least ``least``.

    Raises:
      ValueError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} is {value!r}; expected a whole number of at least {least}")
    return int(value)


def _check_smallest(smallest: float, modes: int) -> None:
    if not 0.0 < smallest <= (1.0 + 1e-6) / modes:
        raise ValueError(
            f"smallest is {smallest} for {modes} modes; expected a weight above 0 and of at most 1 / {modes}"
        )


def _shares(weights: Weights, centres: Array) -> Array:
    """Checked weights, in the type of the centres."""
    modes = centres.shape[0]
    if np.shape(weights) != (modes,):
        raise ValueError(f"weights has shape {np.shape(weights)}; expected one for each of {modes} modes, [{modes}]")
    if not checks.is_concrete(weights):
        return jnp.asarray(weights, centres.dtype)
    exact = np.asarray(weights, np.float64)
    checks.finite("weights", exact)
    if not np.all(exact > 0.0):
        raise ValueError(
            f"weights holds {exact.min():g} as its smallest; expected all above 0 (a mode without weight is no mode: leave it out)"
        )
    total = exact.sum()
    if abs(total - 1.0) > 1e-6 * modes:
        raise ValueError(f"weights sum to {total:.8g}; expected 1")
    return jnp.asarray(exact / total, centres.dtype)


def _smallest_distance(centres: Array) -> Array:
    """Of two of ``centres [modes, d]``, ``[]``; from differences, row by row, so that no ``[modes, modes, d]`` is held."""

    def nearest(index: Array) -> Array:
        squares = jnp.sum(jnp.square(centres - centres[index][None, :]), axis=1)
        return jnp.min(jnp.where(jnp.arange(len(centres)) == index, jnp.inf, squares))

    return jnp.sqrt(jnp.min(jax.lax.map(nearest, jnp.arange(len(centres)))))


__all__ = [
    "IsotropicMixture",
    "Parameter",
    "Weights",
    "gaussian_modes",
    "geometric_weights",
    "random_modes",
    "rare_weights",
    "whole_number",
]
