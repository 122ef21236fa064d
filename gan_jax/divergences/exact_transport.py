"""Distances that come from moving mass, between laws that are known: Wasserstein and energy distance, rule by rule.

A rule takes two laws and returns a value, or ``None`` where it does not apply; the first that applies is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Float

from gan_jax import checks, numerics
from gan_jax.distributions import ParallelLine, log_density_at, translates
from gan_jax.distributions.standard_tails import STANDARD_TAILS, location_scale
from gan_jax.divergences import energy_of_mixtures, gaussians, transport_on_the_line
from gan_jax.divergences.accuracy import ExactValue
from gan_jax.divergences.gaussians import GaussianMixture
from gan_jax.numerics import float_of
from gan_jax.typing import Array, Distribution

Rule = Callable[[float, Distribution, Distribution], ExactValue | Array | None]


# -------------------------------------------------------------------------------------------------------------- borders


def batch_shape(law: Distribution) -> tuple[int, ...]:
    """The batch shape that the parameters have now: inside ``vmap`` over a batched law NumPyro's own is out of date."""
    if not law.batch_shape:
        return ()
    probe = jax.ShapeDtypeStruct(law.event_shape, float_of(law))
    return jax.eval_shape(log_density_at, law, probe).shape


def concrete_or_raise(what: str, value: Array, p: Distribution, q: Distribution, expected: str) -> Array:
    """``value``, unless it is a concrete NaN: the two laws are then beyond the rule that was tried."""
    if checks.is_concrete(value) and bool(jnp.isnan(value)):
        raise ValueError(
            f"{what} of {type(p).__name__} and {type(q).__name__} has no exact rule at these parameters; expected {expected}: "
            f"draw samples and use divergences.{'empirical' if what in ('wasserstein', 'energy_distance') else 'variational'} instead"
        )
    return value


# -------------------------------------------------------------------------------------------------------- singular laws


def _points(order: float, p: Distribution, q: Distribution) -> Array | None:
    if not (isinstance(p, dist.Delta) and isinstance(q, dist.Delta)):
        return None
    return numerics.norm(jnp.ravel(jnp.asarray(p.v, float_of(p)) - jnp.asarray(q.v, float_of(q))))


def _lines(order: float, p: Distribution, q: Distribution) -> Array | None:
    """Every point moves straight across: no plan is cheaper than the distance of the lines."""
    if not (isinstance(p, ParallelLine) and isinstance(q, ParallelLine)):
        return None
    return numerics.absolute(p.theta - q.theta)


def _point_and_law(order: float, p: Distribution, q: Distribution) -> ExactValue | None:
    """There is one plan only: everything goes to the point."""
    point, law = translates.near_zero(*((p, q) if isinstance(p, dist.Delta) else (q, p)))
    if not isinstance(point, dist.Delta) or point.event_shape != ():
        return None
    to = jnp.asarray(point.v, float_of(point, law))
    return transport_on_the_line.moment(order, law, -to, 1.0, to)


# ---------------------------------------------------------------------------------------------------------- on the line


def _one_family(order: float, p: Distribution, q: Distribution) -> ExactValue | Array | None:
    if type(p) is not type(q) or type(p) not in STANDARD_TAILS:
        return None
    return _one_shape(order, p, q)


def _one_shape(order: float, p: Distribution, q: Distribution) -> ExactValue | Array:
    """``p = a + s Z`` and ``q = b + t Z``: the monotone plan moves ``z`` by ``(a - b) + (s - t) z``, exactly.

    No difference of distribution functions is taken, whose heavy tails would cancel.
    """
    (a, s), (b, t) = location_scale(p), location_scale(q)
    dtype = float_of(p, q)
    offset, slope = (jnp.asarray(x, dtype) - jnp.asarray(y, dtype) for x, y in ((a, b), (s, t)))
    if isinstance(p, dist.Normal) and order == 1:
        return gaussians.wasserstein_1_normal(offset, slope)
    if isinstance(p, dist.Normal) and order == 2:
        return numerics.norm(jnp.stack([offset, slope]))
    turn = -offset / jnp.where(slope == 0, 1.0, slope)
    standard = _standard(p, dtype)
    value, error = transport_on_the_line.moment(order, standard, offset, slope, turn)
    # One shape: a translation, however heavy the tails.
    shifted = slope == 0
    return ExactValue(jnp.where(shifted, numerics.absolute(offset), value), jnp.where(shifted, 0.0, error))


def same_degrees(p: Distribution, q: Distribution) -> bool:
    """Whether both are Student's laws of degrees of freedom that are known, before any tracing, to be the same."""
    if not (isinstance(p, dist.StudentT) and isinstance(q, dist.StudentT)):
        return False
    return p.df is q.df or (checks.is_concrete((p.df, q.df)) and bool(np.all(np.asarray(p.df) == np.asarray(q.df))))


def _standard(d: Distribution, dtype: jnp.dtype) -> Distribution:
    zero, one = jnp.zeros((), dtype), jnp.ones((), dtype)
    if isinstance(d, dist.StudentT):
        return dist.StudentT(jnp.asarray(d.df, dtype), zero, one)
    if isinstance(d, dist.Exponential | dist.HalfNormal | dist.HalfCauchy):
        return type(d)(one)
    return type(d)(zero, one)


def _line(order: float, p: Distribution, q: Distribution) -> ExactValue | None:
    if p.event_shape != () or isinstance(p, dist.Delta) or isinstance(q, dist.Delta):
        return None
    return transport_on_the_line.wasserstein(order, *translates.near_zero(p, q))


# --------------------------------------------------------------------------------------------- in more dimensions


def _gaussians(order: float, p: Distribution, q: Distribution) -> ExactValue | Array | None:
    """Order 2 in closed form; any order for equal covariances, where one law is the other's translate."""
    one, other = gaussians.gaussian(p), gaussians.gaussian(q)
    if one is None or other is None or p.event_shape == ():
        return None
    if order == 2:
        return gaussians.wasserstein_2(one, other)
    same, _ = gaussians.same_shape(one, other)
    return jnp.where(same, numerics.norm(one.mean - other.mean), jnp.nan)


def _modes(order: float, p: Distribution, q: Distribution) -> Array | None:
    one, other = gaussians.gaussian_mixture(p), gaussians.gaussian_mixture(q)
    if one is None or other is None or p.event_shape == () or one.means.shape != other.means.shape:
        return None
    return matched_modes(order, *gaussians.near_zero(one, other))


def matched_modes(order: float, p: GaussianMixture, q: GaussianMixture) -> Float[Array, ""]:
    """Two mixtures of the same modes, mode ``k`` moved by ``delta_k``: ``(sum w_k ||delta_k||^order)^{1 / order}``.

    NaN where this is not known to be the cheapest plan.

    *All moves equal* (one translation): no plan is cheaper, since ``E||X - Y||^order >= ||E X - E Y||^order`` (Jensen),
    at any order.

    *Different moves*: the plan that translates each mode is optimal if its support is cyclically monotone for the cost
    ``c = ||.||^order``. Let a mode's mass lie within ``r`` of its centre. Cut a cycle that visits several modes into
    runs, each of ``n`` steps inside a mode ``k`` and one step across to a mode ``j``. Inside, ``c`` is convex and the
    moves are parallel, ``c(x_l - y_{l+1}) >= c(delta_k) - <grad c(delta_k), x_l - x_{l+1}>``, which adds up to at least
    ``n c(delta_k) - 2 r c'`` with ``c' = order ||delta_k||^{order - 1}`` (and a run that is the whole cycle loses
    nothing). The step across costs at least ``(D_k - 2 r)^order``, ``D_k = min_{j != k} ||a_k - b_j||``. The run is not
    cheaper than the ``(n + 1) c(delta_k)`` that it replaces if ``D_k - 2 r >= ||delta_k|| + 2 r``, because ``(d + 2
    r)^order >= d^order + 2 r order d^{order - 1}``. Hence the condition, for every order:

        min_{j != k} ||a_k - b_j|| - 4 r >= ||delta_k||   for every k.

    With ``r = (sqrt d + 5) sigma`` a mode has less than 1e-8 (``d = 2``) of its mass outside; moving that inside costs
    less than 1e-7 ``sigma`` at order 1, which by the triangle inequality bounds the error of the value.

    Where all moves are equal there are derivatives in the weights as well; where they differ there are none (NaN).

    The modes of ``q`` are taken in the order given, and else each as the nearest to a mode of ``p``: a ring turned by a
    whole step is itself.
    """
    unit = numerics.unit_of(p.means, q.means, p.factors, q.factors)
    p, q = (m._replace(means=m.means / unit, factors=m.factors / unit) for m in (p, q))
    nearest = jnp.argmin(_across(p, q), axis=1)
    given_valid, given_one = _known_plan(p, q)
    other_valid, other_one = _known_plan(p, GaussianMixture(*(field[nearest] for field in q)))
    once_each = jnp.all(jnp.sort(nearest) == jnp.arange(nearest.shape[0]))
    order_of_q = jnp.where(given_valid, jnp.arange(nearest.shape[0]), nearest)
    value = _translated_modes(
        order, p, GaussianMixture(*(field[order_of_q] for field in q)), jnp.where(given_valid, given_one, other_one)
    )
    return unit * jnp.where(given_valid | (other_valid & once_each), value, jnp.nan)


def _across(p: GaussianMixture, q: GaussianMixture) -> Array:
    return numerics.norm(p.means[:, None, :] - q.means[None, :, :])


def _known_plan(p: GaussianMixture, q: GaussianMixture) -> tuple[Array, Array]:
    """Whether moving mode ``k`` to mode ``k`` is known to be the cheapest plan, and whether all modes move alike, ``[]`` each."""
    p, q = jax.lax.stop_gradient((p, q))
    steps = q.means - p.means
    moves = numerics.norm(steps)
    covariances = [jnp.einsum("kij,klj->kil", m.factors, m.factors) for m in (p, q)]
    deviation = jnp.sqrt(jnp.max(jnp.linalg.eigvalsh(covariances[0])))
    eps = 16.0 * jnp.finfo(moves.dtype).eps
    size = jnp.max(jnp.abs(p.means)) + jnp.max(jnp.abs(q.means)) + deviation
    same_modes = jnp.all(jnp.abs(covariances[0] - covariances[1]) <= eps * deviation * deviation)
    same_modes &= jnp.all(jax.vmap(gaussians.alike)(p.factors, q.factors))
    same_weights = jnp.all(jnp.abs(p.weights - q.weights) <= eps * p.weights)
    one_move = jnp.all(jnp.abs(steps - steps[:1]) <= eps * size)
    gaps = jnp.min(jnp.where(jnp.eye(p.means.shape[0], dtype=bool), jnp.inf, _across(p, q)), axis=1)
    apart = jnp.all(gaps - 4.0 * (math.sqrt(p.means.shape[1]) + 5.0) * deviation >= moves)
    return same_modes & same_weights & (one_move | apart), one_move


def _translated_modes(order: float, p: GaussianMixture, q: GaussianMixture, one_move: Array) -> Array:
    """The cost of moving mode ``k`` to mode ``k``; NaN is its derivative in weights where there is none.

    Of one translation by ``delta`` Kantorovich's potentials are linear: the distance changes by ``-<u, a_k>`` with a weight
    of ``p`` and by ``<u, b_k>`` with one of ``q``, ``u = delta / ||delta||``, at any order. Where moves differ, mass that
    one mode has gained and another lost has to go from mode to mode, whichever has gained: the distance has a kink.
    """
    steps = q.means - p.means
    weights = jax.lax.stop_gradient(p.weights)
    costs = transport_on_the_line.powered(numerics.norm(steps), order)
    value = transport_on_the_line.root(jnp.sum(weights * costs), order)
    step = jax.lax.stop_gradient(steps[0])
    unit = step / jnp.where(jnp.any(step != 0), numerics.norm(step), 1.0)
    for sign, law in ((-1.0, p), (1.0, q)):
        change = jnp.where(one_move, sign * jax.lax.stop_gradient(law.means) @ unit, jnp.nan)
        value = value + jnp.sum(numerics.one_sided(change, law.weights))
    return value


_WASSERSTEIN: tuple[Rule, ...] = (_points, _lines, _point_and_law, _one_family, _line, _gaussians, _modes)


def wasserstein(
    order: float, p: Distribution, q: Distribution, *, one_shape: bool = False
) -> ExactValue | Float[Array, ""] | None:
    """The Wasserstein distance by the first rule that applies, or ``None``; ``one_shape`` is what ``same_degrees`` found."""
    if one_shape:
        return _one_shape(order, p, q)
    return next((value for rule in _WASSERSTEIN if (value := rule(order, p, q)) is not None), None)


# ------------------------------------------------------------------------------------------------------ energy distance


def _energy_of_lines(theta: Array) -> Array:
    """``2 E sqrt(theta^2 + T^2) - 2 E T``, ``T = |Z - Z'|`` with density ``2 (1 - t)`` on [0, 1].

    ``integral of 4 (1 - t) theta^2 / (sqrt(theta^2 + t^2) + t) dt``; ``t = u^8`` grades the nodes towards 0, where the
    integrand is as sharp as ``theta``.
    """
    u, w = (jnp.asarray(a, theta.dtype) for a in np.polynomial.legendre.leggauss(96))
    t = (0.5 * (u + 1.0)) ** 8
    slope = 4.0 * w * (0.5 * (u + 1.0)) ** 7
    square = jnp.square(theta)
    held = square > 0
    reach = jnp.sqrt(jnp.where(held, square, 1.0) + t * t) + t
    return jnp.where(held, jnp.sum(4.0 * slope * (1.0 - t) / reach) * square, 0.0)


def energy_distance(p: Distribution, q: Distribution) -> ExactValue | Float[Array, ""] | None:
    """The energy distance by the first rule that applies, or ``None``."""
    between_points = _points(1.0, p, q)
    if between_points is not None:
        return 2.0 * between_points
    if isinstance(p, ParallelLine) and isinstance(q, ParallelLine):
        return _energy_of_lines(p.theta - q.theta)
    if p.event_shape == ():
        return transport_on_the_line.energy_distance(*translates.near_zero(p, q))
    one, other = gaussians.gaussian_mixture(p), gaussians.gaussian_mixture(q)
    return None if one is None or other is None else energy_of_mixtures.energy_distance(one, other)
