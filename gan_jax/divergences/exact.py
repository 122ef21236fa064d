"""The truth: divergences between two distributions whose densities (or supports) are known.

``p`` and ``q`` are NumPyro distributions with batch shape ``()``; the value is a scalar in the floating type of their
parameters. ``jit`` (with ``p`` and ``q`` as arguments: they are pytrees), ``vmap`` over parameters, and ``grad`` with
respect to parameters all work:

    jax.vmap(lambda m: exact.jensen_shannon(dist.Normal(0, 1), dist.Normal(m, 1)))(jnp.linspace(0, 10, 101))

What is supported:

- on the line: every NumPyro law with a density (mixtures and affine images included), by quadrature with an error that
  is estimated (``with_error``), and ``Delta``; laws with an atom, a mask or no mass of 1 are refused;
- in the plane: mixtures of Gaussians (``gaussian_ring``, ``gaussian_grid``, ``MultivariateNormal`` …) by adaptive
  cubature, with an error as well;
- in any dimension: Gaussians, where there is a closed form (KL, Hellinger, chi-squared, W2, energy) or where their
  covariances are the same (Jensen-Shannon and total variation, which are then those of ``N(0, 1)`` and ``N(m, 1)``,
  ``m`` the Mahalanobis distance);
- singular laws (``Delta``, ``parallel_line``): the exact value, ``log 2``, 1 or ``inf``, with gradient 0.

Infinite values are ``inf`` with gradient 0. All values are in nats or in units of the data. Second derivatives of total
variation, and of Wasserstein distances that are integrals over quantiles, are NaN. So is the first derivative of either in
a weight of 0 where the laws coincide without it: ``|p - q|`` and ``|F - G|`` have a kink there.

A divergence of one's own is ``f_divergence(integrand(q f(p / q), …), p, q)``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Float

from gan_jax import checks, numerics
from gan_jax.distributions import ParallelLine
from gan_jax.distributions.density import vanishing_weights
from gan_jax.divergences import accuracy, cubature_2d, exact_transport, gaussians, integrands, laws, quadrature_1d
from gan_jax.divergences.accuracy import ExactValue, closed_form
from gan_jax.divergences.integrands import Integrand
from gan_jax.divergences.own_f import integrand as integrand
from gan_jax.numerics import float_of
from gan_jax.typing import Array, Distribution


def kl(p: Distribution, q: Distribution) -> Float[Array, ""]:
    """Kullback-Leibler divergence ``KL(p || q) = integral of p log(p / q)``, in nats.

    Args:
      p: NumPyro distribution, batch shape ``()``.
      q: NumPyro distribution with the same event shape.

    Returns:
      ``[]``, ``>= 0``; ``inf`` where ``p`` has mass that ``q`` has not, or heavier tails than ``q`` can bear.

    Raises:
      ValueError: batch or event shapes, NaN parameters, or a pair that no rule covers.
    """
    return _accepted("kl", _f_divergence("kl", integrands.KL, p, q), p, q)


def jensen_shannon(p: Distribution, q: Distribution) -> Float[Array, ""]:
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
    return _accepted("jensen_shannon", _f_divergence("jensen_shannon", integrands.JENSEN_SHANNON, p, q), p, q)


def total_variation(p: Distribution, q: Distribution) -> Float[Array, ""]:
    """Total variation ``integral of |p - q| / 2``, the largest difference in probability of an event.

    On the line the kinks where ``p = q`` are breakpoints. In the plane cells become small along them: the value is within
    1e-7 of itself or so (see the tests), but what is known of it is less, and it is returned where its error is at most
    ``accuracy.KINKED`` = 1e-4 of it. Its gradient there is right to some 1e-4.

    Args:
      p: NumPyro distribution, batch shape ``()``.
      q: NumPyro distribution with the same event shape.

    Returns:
      ``[]``, in ``[0, 1]``.

    Raises:
      ValueError: batch or event shapes, NaN parameters, or a pair that no rule covers.
    """
    result = _f_divergence("total_variation", integrands.TOTAL_VARIATION, p, q)
    return accuracy.accepted("total_variation", result, p, q, relative=accuracy.KINKED if p.event_shape else None)


def squared_hellinger(p: Distribution, q: Distribution) -> Float[Array, ""]:
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
    return _accepted("squared_hellinger", _f_divergence("squared_hellinger", integrands.SQUARED_HELLINGER, p, q), p, q)


def chi_squared(p: Distribution, q: Distribution) -> Float[Array, ""]:
    """Pearson's divergence ``chi^2(p || q) = integral of (p - q)^2 / q``. Neyman's is ``chi_squared(q, p)``.

    Args:
      p: NumPyro distribution, batch shape ``()``.
      q: NumPyro distribution with the same event shape.

    Returns:
      ``[]``, ``>= 0``; ``inf`` where the integral does not converge (``N(0, 2^2)`` against ``N(0, 1)``).

    Raises:
      ValueError: batch or event shapes, NaN parameters, or a pair that no rule covers.
    """
    return _accepted("chi_squared", _f_divergence("chi_squared", integrands.CHI_SQUARED, p, q), p, q)


def f_divergence(integrand: Integrand, p: Distribution, q: Distribution) -> Float[Array, ""]:
    """``D_f(p || q) = integral of q f(p / q)`` for an ``f`` of one's own, with the same quadrature, and as sure as the others here.

    ``with_error(f_divergence, p, q, integrand=...)`` has the value with its error; a function of it (Rényi's divergences) takes both
    through ``accuracy.mapped``. In the plane ``f`` must not grow faster than ``u log u``.

    Args:
      integrand: of ``exact.integrand``, or one of ``divergences.integrands``.
      p: NumPyro distribution, batch shape ``()``.
      q: NumPyro distribution with the same event shape.

    Returns:
      ``[]``, ``>= 0``; ``inf`` where the integral does not converge.

    Raises:
      ValueError: batch or event shapes, NaN parameters, a pair that no rule covers, or an error that is too large.
      TypeError: no integrand.
    """
    return _accepted("f_divergence", _f_divergence("f_divergence", integrand, p, q), p, q)


def wasserstein(p: Distribution, q: Distribution, order: float = 1) -> Float[Array, ""]:
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
    return accuracy.accepted("wasserstein", _wasserstein(p, q, order), p, q, scale=0.0)


def energy_distance(p: Distribution, q: Distribution) -> Float[Array, ""]:
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
    value = accuracy.accepted("energy_distance", _energy_distance(p, q), p, q, scale=0.0)
    return exact_transport.concrete_or_raise("energy_distance", value, p, q, "laws that are less thin in one direction")


def with_error(divergence: Callable[..., Array], p: Distribution, q: Distribution, **options: Any) -> ExactValue:
    """A divergence together with an estimate of its error, however large: ``with_error(exact.kl, p, q)``.

    The functions of this module return a value only where its error is at most ``accuracy.tolerance``. The estimate
    bounds the error of the integration (an embedded rule on every panel or cell, what lies beyond the last ones, the
    mass of both laws that was not found). Of Gaussians in several dimensions it is what rounding does (the same in other units of
    length); other closed forms have error 0. Elsewhere rounding (of parameters, of nodes, of log-densities and quantiles) is not in it,
    nor is the error of gradients.

    Args:
      divergence: one of the divergences and distances of this module.
      p: NumPyro distribution, batch shape ``()``.
      q: NumPyro distribution with the same event shape.
      options: those of ``divergence`` (``order``, ``integrand``).

    Returns:
      The value and its error, ``[]`` each.

    Raises:
      ValueError: what ``divergence`` raises, except for too large an error.
    """
    if divergence not in _MEASURED:
        expected = ", ".join(f"exact.{function.__name__}" for function in _MEASURED)
        raise ValueError(f"divergence is {divergence!r}; expected one of {expected}")
    return _MEASURED[divergence](p, q, **options)


# -------------------------------------------------------------------------------------------------------------- borders


def _check(p: Distribution, q: Distribution) -> None:
    for name, law in (("p", p), ("q", q)):
        if not isinstance(law, dist.Distribution):
            raise ValueError(
                f"{name} is a {type(law).__name__}; expected a NumPyro distribution (for samples see divergences.empirical)"
            )
        batch = exact_transport.batch_shape(law)
        if batch:
            raise ValueError(
                f"{name} has batch shape {batch}; expected one distribution: map over its parameters with jax.vmap "
                "(or make a batch one event with .to_event)"
            )
        _refuse_other_numbers(name, law)
        laws.refuse(name, law)
    if p.event_shape != q.event_shape:
        raise ValueError(f"p has event shape {p.event_shape} and q has event shape {q.event_shape}; expected the same")


def _refuse_other_numbers(name: str, law: Distribution) -> None:
    """Raises ``ValueError`` for parameters of a type that no exact value is computed in."""
    for leaf in jax.tree.leaves(law):
        kind = getattr(leaf, "dtype", None)
        if kind is None or not jnp.issubdtype(kind, jnp.floating):
            continue
        if kind.itemsize not in (4, 8) or (isinstance(kind, np.dtype) and not kind.isnative):
            raise ValueError(
                f"{name} has a parameter of type {kind}; expected float32 or float64, in this machine's order of bytes, for an exact value"
            )


def _kinked(value: Array, least: float, p: Distribution, q: Distribution) -> Array:
    """A distance, whose derivative in a weight of 0 is NaN where the laws coincide: where it is at most ``least``.

    With the weight of ``f`` it grows by ``|f - g|``, ``g`` what the mass is taken from: that is linear in no tangent, and a
    root of it has no derivative at all. Moves of ``p`` against ``q`` have a kink that goes both ways, and 0 is among its slopes.
    """
    together = value <= least
    for law in (p, q):
        weights = vanishing_weights(law)
        if weights is not None:
            change = jnp.where(together & (weights == 0), jnp.nan, 0.0).astype(value.dtype)
            value = value + jnp.sum(numerics.one_sided(change, weights.astype(value.dtype)))
    return value


def _unsupported(what: str, p: Distribution, q: Distribution) -> ValueError:
    return ValueError(
        f"{what} of {type(p).__name__} and {type(q).__name__} with event shape {p.event_shape} has no exact rule here; "
        "expected laws on the line, mixtures of Gaussians in the plane, Gaussians, or point masses: "
        "draw samples and use divergences.empirical instead"
    )


# -------------------------------------------------------------------------------------------------------- f-divergences


_CLOSED_FORMS = {
    integrands.KL: gaussians.kl,
    integrands.SQUARED_HELLINGER: gaussians.squared_hellinger,
    integrands.CHI_SQUARED: gaussians.chi_squared,
}
"""Between two Gaussians."""


def _coincide(p: Distribution, q: Distribution) -> Array | None:
    """Whether two laws, at least one of them singular, are the same one, ``[]``; ``None`` where both have densities."""
    if isinstance(p, dist.Delta) and isinstance(q, dist.Delta):
        return jnp.all(jnp.asarray(p.v) == jnp.asarray(q.v))
    if isinstance(p, ParallelLine) and isinstance(q, ParallelLine):
        return p.theta == q.theta
    if isinstance(p, dist.Delta | ParallelLine) or isinstance(q, dist.Delta | ParallelLine):
        return jnp.zeros((), bool)
    return None


def _accepted(what: str, result: ExactValue, p: Distribution, q: Distribution) -> Array:
    return accuracy.accepted(what, result, p, q)


def _f_divergence(what: str, integrand: Integrand, p: Distribution, q: Distribution) -> ExactValue:
    checks.made("integrand", integrand, Integrand, "exact.integrand(perspective, at_zero=1.0, at_infinity=1.0)")
    _check(p, q)
    expected = "Gaussians with the same covariance, in more than two dimensions"
    value, error = _compiled_f_divergence(what, integrand, p, q)
    if integrand.sign_changes:
        value = _kinked(value, 128.0 * float(jnp.finfo(value.dtype).eps), p, q)
    return ExactValue(exact_transport.concrete_or_raise(what, value, p, q, expected), error)


@partial(jax.jit, static_argnums=(0, 1))
def _compiled_f_divergence(what: str, integrand: Integrand, p: Distribution, q: Distribution) -> ExactValue:
    coincide = _coincide(p, q)
    if coincide is not None:
        return closed_form(jnp.where(coincide, 0.0, integrand.bound).astype(float_of(p, q)))
    one_p, one_q = gaussians.gaussian(p), gaussians.gaussian(q)
    if one_p is not None and one_q is not None:
        return _between_gaussians(what, integrand, one_p, one_q, p, q)
    if p.event_shape == ():
        return quadrature_1d.f_divergence(integrand, p, q)
    mixed_p, mixed_q = gaussians.gaussian_mixture(p), gaussians.gaussian_mixture(q)
    if p.event_shape == (2,) and mixed_p is not None and mixed_q is not None:
        return _in_the_plane(what, integrand, mixed_p, mixed_q)
    raise _unsupported(what, p, q)


def _between_gaussians(
    what: str,
    integrand: Integrand,
    p: gaussians.Gaussian,
    q: gaussians.Gaussian,
    law_p: Distribution,
    law_q: Distribution,
) -> ExactValue:
    """Closed forms; else one dimension; else, for equal covariances, one dimension with the Mahalanobis distance."""
    if integrand in _CLOSED_FORMS:
        return gaussians.with_rounding(_CLOSED_FORMS[integrand], p, q)
    if p.mean.shape == (1,):
        line_p, line_q = (dist.Normal(g.mean[0], numerics.absolute(g.factor[0, 0])) for g in (p, q))
        return quadrature_1d.f_divergence(integrand, line_p, line_q)
    same, distance = gaussians.same_shape(p, q)
    standard = dist.Normal(jnp.zeros_like(distance), jnp.ones_like(distance))
    reduced = quadrature_1d.f_divergence(integrand, standard, dist.Normal(distance, jnp.ones_like(distance)))
    other = closed_form(jnp.full_like(reduced.value, jnp.nan))
    if p.mean.shape == (2,):
        mixed_p, mixed_q = gaussians.gaussian_mixture(law_p), gaussians.gaussian_mixture(law_q)
        assert mixed_p is not None
        assert mixed_q is not None
        other = _in_the_plane(what, integrand, mixed_p, mixed_q)
    return ExactValue(*(jnp.where(same, one, two) for one, two in zip(reduced, other, strict=True)))


def _in_the_plane(
    what: str, integrand: Integrand, p: gaussians.GaussianMixture, q: gaussians.GaussianMixture
) -> ExactValue:
    if integrand.reflects and integrand != integrands.CHI_SQUARED:
        raise ValueError(
            f"{what} in the plane has an f that grows faster than u log u; expected one that does not (chi_squared alone has a rule there)"
        )
    return cubature_2d.f_divergence(integrand, *gaussians.near_zero(p, q))


# ------------------------------------------------------------------------------------------------------------ distances


def _wasserstein(p: Distribution, q: Distribution, order: float = 1) -> ExactValue:
    order = checks.known_number("order", order, 1.0)
    _check(p, q)
    expected = "one law and its translate, or modes that move less than the gaps between them"
    value, error = _compiled_wasserstein(order, exact_transport.same_degrees(p, q), p, q)
    value = _kinked(value, 0.0, p, q)
    return ExactValue(exact_transport.concrete_or_raise("wasserstein", value, p, q, expected), error)


@partial(jax.jit, static_argnums=(0, 1))
def _compiled_wasserstein(order: float, one_shape: bool, p: Distribution, q: Distribution) -> ExactValue:
    found = exact_transport.wasserstein(order, p, q, one_shape=one_shape)
    return _found(f"wasserstein (order {order:g})", found, p, q)


def _energy_distance(p: Distribution, q: Distribution) -> ExactValue:
    _check(p, q)
    return _compiled_energy_distance(p, q)


@jax.jit
def _compiled_energy_distance(p: Distribution, q: Distribution) -> ExactValue:
    return _found("energy_distance", exact_transport.energy_distance(p, q), p, q)


def _found(what: str, found: ExactValue | Array | None, p: Distribution, q: Distribution) -> ExactValue:
    """What a rule has found, in the floating type of the laws; a value without an error is one in closed form."""
    if found is None:
        raise _unsupported(what, p, q)
    value, error = found if isinstance(found, ExactValue) else closed_form(found)
    dtype = float_of(p, q)
    return ExactValue(value.astype(dtype), error.astype(dtype))


_MEASURED: dict[Callable[..., Array], Callable[..., ExactValue]] = {
    kl: partial(_f_divergence, "kl", integrands.KL),
    jensen_shannon: partial(_f_divergence, "jensen_shannon", integrands.JENSEN_SHANNON),
    total_variation: partial(_f_divergence, "total_variation", integrands.TOTAL_VARIATION),
    squared_hellinger: partial(_f_divergence, "squared_hellinger", integrands.SQUARED_HELLINGER),
    chi_squared: partial(_f_divergence, "chi_squared", integrands.CHI_SQUARED),
    f_divergence: lambda p, q, *, integrand: _f_divergence("f_divergence", integrand, p, q),
    wasserstein: _wasserstein,
    energy_distance: _energy_distance,
}
