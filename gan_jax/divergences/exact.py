"""The truth: divergences between two distributions whose densities (or supports) are known.

``p`` and ``q`` are NumPyro distributions with batch shape ``()``; the value is a scalar in the floating type of their
parameters. ``jit`` (with ``p`` and ``q`` as arguments: they are pytrees), ``vmap`` over parameters, and ``grad`` with
respect to parameters all work:

    jax.vmap(lambda m: exact.jensen_shannon(dist.Normal(0, 1), dist.Normal(m, 1)))(jnp.linspace(0, 10, 101))

What is supported:

- on the line: every NumPyro law with a density (mixtures and affine images included), by quadrature, and ``Delta``;
- in the plane: mixtures of Gaussians (``gaussian_ring``, ``gaussian_grid``, ``MultivariateNormal`` …) by adaptive
  cubature;
- in any dimension: Gaussians, where there is a closed form (KL, Hellinger, chi-squared, W2, energy) or where their
  covariances are the same (Jensen-Shannon and total variation, which are then those of ``N(0, 1)`` and ``N(m, 1)``,
  ``m`` the Mahalanobis distance);
- singular laws (``Delta``, ``parallel_line``): the exact value, ``log 2``, 1 or ``inf``, with gradient 0.

Infinite values are ``inf`` with gradient 0. All values are in nats or in units of the data.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from gan_jax import checks, numerics
from gan_jax.distributions import ParallelLine
from gan_jax.divergences import gaussians, in_the_plane, integrands, on_the_line, plans
from gan_jax.divergences.integrands import Integrand
from gan_jax.numerics import float_of
from gan_jax.typing import Array, Distribution


def kl(p: Distribution, q: Distribution) -> Array:
    """Kullback-Leibler divergence ``KL(p || q) = integral of p log(p / q)``, in nats.

    Args:
      p: NumPyro distribution, batch shape ``()``.
      q: NumPyro distribution with the same event shape.

    Returns:
      ``[]``, ``>= 0``; ``inf`` where ``p`` has mass that ``q`` has not, or heavier tails than ``q`` can bear.

    Raises:
      ValueError: batch or event shapes, NaN parameters, or a pair that no rule covers.
    """
    return _f_divergence("kl", p, q)


def jensen_shannon(p: Distribution, q: Distribution) -> Array:
    """Jensen-Shannon divergence ``(KL(p || m) + KL(q || m)) / 2``, ``m = (p + q) / 2``, in nats.

    The standard one, in ``[0, log 2]``: half of f-GAN's. Goodfellow et al. (2014), eq. 6: ``max_D V = 2 JS - 2 log 2``.
    A small value and a value near log 2 (``m = 10`` standard deviations) are both right in all digits of their
    gradient.

    Args:
      p: NumPyro distribution, batch shape ``()``.
      q: NumPyro distribution with the same event shape.

    Returns:
      ``[]``, in ``[0, log 2]``.

    Raises:
      ValueError: batch or event shapes, NaN parameters, or a pair that no rule covers.
    """
    return _f_divergence("jensen_shannon", p, q)


def total_variation(p: Distribution, q: Distribution) -> Array:
    """Total variation ``integral of |p - q| / 2``, the largest difference in probability of an event.

    In the plane the kink along ``p = q`` limits the relative error to some 1e-6 (see the tests); elsewhere it is a
    breakpoint.

    Args:
      p: NumPyro distribution, batch shape ``()``.
      q: NumPyro distribution with the same event shape.

    Returns:
      ``[]``, in ``[0, 1]``.

    Raises:
      ValueError: batch or event shapes, NaN parameters, or a pair that no rule covers.
    """
    return _f_divergence("total_variation", p, q)


def squared_hellinger(p: Distribution, q: Distribution) -> Array:
    """Squared Hellinger distance ``1 - integral of sqrt(p q) = integral of (sqrt p - sqrt q)^2 / 2``.

    In ``[0, 1]``: half of the one without the ½, which f-GAN uses.

    Args:
      p: NumPyro distribution, batch shape ``()``.
      q: NumPyro distribution with the same event shape.

    Returns:
      ``[]``, in ``[0, 1]``.

    Raises:
      ValueError: batch or event shapes, NaN parameters, or a pair that no rule covers.
    """
    return _f_divergence("squared_hellinger", p, q)


def chi_squared(p: Distribution, q: Distribution) -> Array:
    """Pearson's divergence ``chi^2(p || q) = integral of (p - q)^2 / q``. Neyman's is ``chi_squared(q, p)``.

    Args:
      p: NumPyro distribution, batch shape ``()``.
      q: NumPyro distribution with the same event shape.

    Returns:
      ``[]``, ``>= 0``; ``inf`` where the integral does not converge (``N(0, 2^2)`` against ``N(0, 1)``).

    Raises:
      ValueError: batch or event shapes, NaN parameters, or a pair that no rule covers.
    """
    return _f_divergence("chi_squared", p, q)


def wasserstein(p: Distribution, q: Distribution, order: float = 1) -> Array:
    """Wasserstein distance ``inf (E ||X - Y||^order)^{1 / order}`` over all couplings: the distance, *not* its power.

    Exact on the line (``integral of |F - G|``, quantiles for higher orders), for point masses, for ``parallel_line``,
    for Gaussians in any dimension at order 2, and for a law against its own translate: ``||delta||``. Two mixtures of
    the same modes (ring against shifted or rotated ring), mode ``k`` moved by ``delta_k``, are ``(sum w_k
    ||delta_k||^order)^{1 / order}`` apart while the moves are short compared with the gaps (``plans.matched_modes`` has
    the condition and its proof); beyond, the value is NaN where parameters are traced and an error where they are
    known. The gradient where ``p = q`` is 0 where both laws have one shape.

    Args:
      p: NumPyro distribution, batch shape ``()``.
      q: NumPyro distribution with the same event shape.
      order: ``>= 1``, a Python number.

    Returns:
      ``[]``, in units of the data; ``inf`` where a moment of that order does not exist.

    Raises:
      ValueError: ``order`` below 1, batch or event shapes, NaN parameters, or a pair that no rule covers.
    """
    checks.at_least("order", order, 1.0)
    checks.finite("order", order)
    _check(p, q)
    expected = "one law and its translate, or modes that move less than the gaps between them"
    return plans.concrete_or_raise(
        "wasserstein", _wasserstein(float(order), plans.same_degrees(p, q), p, q), p, q, expected
    )


def energy_distance(p: Distribution, q: Distribution) -> Array:
    """Energy distance ``2 E||X - Y|| - E||X - X'|| - E||Y - Y'||`` (Székely & Rizzo 2013), the square of a metric.

    On the line ``2 integral of (F - G)^2``, twice SciPy's squared ``energy_distance / sqrt 2``; for mixtures of
    Gaussians in any dimension an integral over the bandwidths of a Gaussian kernel; for point masses ``2 ||a - b||``.

    Args:
      p: NumPyro distribution, batch shape ``()``.
      q: NumPyro distribution with the same event shape.

    Returns:
      ``[]``, in units of the data.

    Raises:
      ValueError: batch or event shapes, NaN parameters, or a pair that no rule covers.
    """
    _check(p, q)
    return _energy_distance(p, q)


# -------------------------------------------------------------------------------------------------------------- borders


def _check(p: Distribution, q: Distribution) -> None:
    for name, law in (("p", p), ("q", q)):
        if not isinstance(law, dist.Distribution):
            raise ValueError(
                f"{name} is a {type(law).__name__}; expected a NumPyro distribution (for samples see divergences.empirical)"
            )
        batch = plans.batch_shape(law)
        if batch:
            raise ValueError(
                f"{name} has batch shape {batch}; expected one distribution: map over its parameters with jax.vmap "
                "(or make a batch one event with .to_event)"
            )
        plans.no_nan(name, law)
    if p.event_shape != q.event_shape:
        raise ValueError(f"p has event shape {p.event_shape} and q has event shape {q.event_shape}; expected the same")


def _unsupported(what: str, p: Distribution, q: Distribution) -> ValueError:
    return ValueError(
        f"{what} of {type(p).__name__} and {type(q).__name__} with event shape {p.event_shape} has no exact rule here; "
        "expected laws on the line, mixtures of Gaussians in the plane, Gaussians, or point masses: "
        "draw samples and use divergences.empirical instead"
    )


# -------------------------------------------------------------------------------------------------------- f-divergences


_Name = Literal["kl", "jensen_shannon", "total_variation", "squared_hellinger", "chi_squared"]

_INTEGRANDS: dict[str, Integrand] = {
    "kl": integrands.KL,
    "jensen_shannon": integrands.JENSEN_SHANNON,
    "total_variation": integrands.TOTAL_VARIATION,
    "squared_hellinger": integrands.SQUARED_HELLINGER,
    "chi_squared": integrands.CHI_SQUARED,
}
_CLOSED_FORMS = {
    "kl": gaussians.kl,
    "squared_hellinger": gaussians.squared_hellinger,
    "chi_squared": gaussians.chi_squared,
}


def _coincide(p: Distribution, q: Distribution) -> Array | None:
    """Whether two laws, at least one of them singular, are the same one, ``[]``; ``None`` where both have densities."""
    if isinstance(p, dist.Delta) and isinstance(q, dist.Delta):
        return jnp.all(jnp.asarray(p.v) == jnp.asarray(q.v))
    if isinstance(p, ParallelLine) and isinstance(q, ParallelLine):
        return p.theta == q.theta
    if isinstance(p, dist.Delta | ParallelLine) or isinstance(q, dist.Delta | ParallelLine):
        return jnp.zeros((), bool)
    return None


def _f_divergence(name: _Name, p: Distribution, q: Distribution) -> Array:
    _check(p, q)
    expected = "Gaussians with the same covariance, in more than two dimensions"
    return plans.concrete_or_raise(name, _compiled_f_divergence(name, p, q), p, q, expected)


@partial(jax.jit, static_argnums=0)
def _compiled_f_divergence(name: _Name, p: Distribution, q: Distribution) -> Array:
    integrand = _INTEGRANDS[name]
    coincide = _coincide(p, q)
    if coincide is not None:
        return jnp.where(coincide, 0.0, integrand.bound).astype(float_of(p, q))
    one_p, one_q = gaussians.gaussian(p), gaussians.gaussian(q)
    if one_p is not None and one_q is not None:
        return _between_gaussians(name, integrand, one_p, one_q, p, q)
    if p.event_shape == ():
        return on_the_line.f_divergence(integrand, p, q)
    mixed_p, mixed_q = gaussians.gaussian_mixture(p), gaussians.gaussian_mixture(q)
    if p.event_shape == (2,) and mixed_p is not None and mixed_q is not None:
        return in_the_plane.f_divergence(integrand, mixed_p, mixed_q)
    raise _unsupported(name, p, q)


def _between_gaussians(
    name: _Name,
    integrand: Integrand,
    p: gaussians.Gaussian,
    q: gaussians.Gaussian,
    law_p: Distribution,
    law_q: Distribution,
) -> Array:
    """Closed forms; else one dimension; else, for equal covariances, one dimension with the Mahalanobis distance."""
    if name in _CLOSED_FORMS:
        return _CLOSED_FORMS[name](p, q)
    if p.mean.shape == (1,):
        line_p, line_q = (dist.Normal(g.mean[0], numerics.absolute(g.factor[0, 0])) for g in (p, q))
        return on_the_line.f_divergence(integrand, line_p, line_q)
    same, distance = gaussians.same_shape(p, q)
    standard = dist.Normal(jnp.zeros_like(distance), jnp.ones_like(distance))
    reduced = on_the_line.f_divergence(integrand, standard, dist.Normal(distance, jnp.ones_like(distance)))
    if p.mean.shape == (2,):
        mixed_p, mixed_q = gaussians.gaussian_mixture(law_p), gaussians.gaussian_mixture(law_q)
        assert mixed_p is not None
        assert mixed_q is not None
        return jnp.where(same, reduced, in_the_plane.f_divergence(integrand, mixed_p, mixed_q))
    return jnp.where(same, reduced, jnp.nan)


# ------------------------------------------------------------------------------------------------------------ distances


@partial(jax.jit, static_argnums=(0, 1))
def _wasserstein(order: float, one_shape: bool, p: Distribution, q: Distribution) -> Array:
    value = plans.wasserstein(order, p, q, one_shape=one_shape)
    if value is None:
        raise _unsupported(f"wasserstein (order {order:g})", p, q)
    return value.astype(float_of(p, q))


@jax.jit
def _energy_distance(p: Distribution, q: Distribution) -> Array:
    value = plans.energy_distance(p, q)
    if value is None:
        raise _unsupported("energy_distance", p, q)
    return value.astype(float_of(p, q))
