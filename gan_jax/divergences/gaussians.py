"""Gaussians and their mixtures: reading them out of NumPyro's distributions, and closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Bool, Float
from numpyro.distributions import transforms

from gan_jax import numerics
from gan_jax.distributions import log_weights, mixture_weights
from gan_jax.divergences.accuracy import ExactValue, beyond_rounding, closed_form
from gan_jax.numerics import float_of
from gan_jax.typing import Array, Distribution

NEWTON_STEPS = 5
"""Of a rotation: each doubles the digits, and the first has one."""

ELSEWHERE = 0.7071
"""A unit of length in which a value is computed again: it scales with it, what rounding does is another thing."""


class GaussianMixture(NamedTuple):
    """``sum_k w_k N(means_k, factors_k factors_k^T)`` in ``d`` dimensions.

    Attributes:
      weights: ``[k]``, linear in probabilities.
      log_weights: ``[k]``, ``-inf`` with gradient 0 where a weight is 0.
      means: ``[k, d]``.
      factors: ``[k, d, d]``, any square roots of the covariances.
    """

    weights: Float[Array, " k"]
    log_weights: Float[Array, " k"]
    means: Float[Array, "k d"]
    factors: Float[Array, "k d d"]


class Gaussian(NamedTuple):
    """``N(mean, factor factor^T)``: ``mean [d]``, ``factor [d, d]``."""

    mean: Float[Array, " d"]
    factor: Float[Array, "d d"]


def _components(d: Distribution) -> tuple[Array, Array] | None:
    """Means ``[*batch, d]`` and square roots of covariances ``[*batch, d, d]`` of a (batch of) Gaussians, or ``None``."""
    if isinstance(d, dist.ExpandedDistribution):
        inner = _components(d.base_dist)
        if inner is None:
            return None
        means, factors = inner
        # A law on the line has the event shape (), and one mean.
        event = d.event_shape or (1,)
        shape = d.batch_shape + event
        return jnp.broadcast_to(means, shape), jnp.broadcast_to(factors, shape + event[-1:])
    if isinstance(d, dist.MultivariateNormal):
        dtype = float_of(d.loc, d.scale_tril)
        means, factors = jnp.asarray(d.loc, dtype), jnp.asarray(d.scale_tril, dtype)
        batch = max(means.shape[:-1], factors.shape[:-2], key=len)
        return jnp.broadcast_to(means, batch + means.shape[-1:]), jnp.broadcast_to(factors, batch + factors.shape[-2:])
    if isinstance(d, dist.LowRankMultivariateNormal):
        return _components(dist.MultivariateNormal(d.loc, covariance_matrix=d.covariance_matrix))
    if isinstance(d, dist.Normal):
        dtype = float_of(d.loc, d.scale)
        means, scales = jnp.broadcast_arrays(jnp.asarray(d.loc, dtype), jnp.asarray(d.scale, dtype))
        return means[..., None], scales[..., None, None]
    if isinstance(d, dist.Independent) and d.reinterpreted_batch_ndims == 1:
        inner = _components(d.base_dist)
        if inner is None or not isinstance(_unexpanded(d.base_dist), dist.Normal):
            return None
        means, scales = inner[0][..., 0], inner[1][..., 0, 0]
        means, scales = (jnp.broadcast_to(a, d.base_dist.batch_shape) if a.ndim == 0 else a for a in (means, scales))
        identity = jnp.eye(means.shape[-1], dtype=means.dtype)
        return means, scales[..., :, None] * identity.reshape((1,) * (means.ndim - 1) + identity.shape)
    return _affine_components(d)


def _unexpanded(d: Distribution) -> Distribution:
    return d.base_dist if isinstance(d, dist.ExpandedDistribution) else d


def _affine_components(d: Distribution) -> tuple[Array, Array] | None:
    if not isinstance(d, dist.TransformedDistribution) or not all(
        isinstance(t, transforms.AffineTransform) for t in d.transforms
    ):
        return None
    inner = _components(d.base_dist)
    if inner is None:
        return None
    means, factors = inner
    for t in d.transforms:
        scale = jnp.broadcast_to(jnp.asarray(t.scale, means.dtype), means.shape)
        means = jnp.broadcast_to(jnp.asarray(t.loc, means.dtype), means.shape) + scale * means
        factors = scale[..., :, None] * factors
    return means, factors


def gaussian(d: Distribution) -> Gaussian | None:
    """The one Gaussian that ``d`` is, in any dimension, or ``None``."""
    parts = None if isinstance(d, dist.MixtureSameFamily) else _components(d)
    if parts is None or parts[0].ndim != 1:
        return None
    return Gaussian(*parts)


def gaussian_mixture(d: Distribution) -> GaussianMixture | None:
    """The mixture of Gaussians that ``d`` is (of one, where it is a Gaussian), or ``None``."""
    if isinstance(d, dist.MixtureSameFamily):
        parts = _components(d.component_distribution)
        if parts is None or parts[0].ndim != 2:
            return None
        dtype = parts[0].dtype
        return GaussianMixture(mixture_weights(d).astype(dtype), log_weights(d).astype(dtype), *parts)
    one = gaussian(d)
    if one is None:
        return None
    weight = jnp.ones((1,), one.mean.dtype)
    return GaussianMixture(weight, jnp.zeros_like(weight), one.mean[None], one.factor[None])


def near_zero(p: GaussianMixture, q: GaussianMixture) -> tuple[GaussianMixture, GaussianMixture]:
    """Two mixtures, seen from the first mode of one of them where they are far from 0: there, sums with places lose what tells them apart.

    Distances and divergences do not change: differences of places so near each other are exact. Laws that are nearer to 0 than 16 times
    what they extend over stay as they are.
    """
    first = jax.lax.stop_gradient(p.means[:1])
    lengths = [jnp.max(jnp.abs(jax.lax.stop_gradient(x))) for law in (p, q) for x in (law.means - first, law.factors)]
    far = jnp.max(jnp.abs(first)) > 16.0 * jnp.max(jnp.stack(lengths))
    origin = jnp.where(far, first, 0.0)
    return p._replace(means=p.means - origin), q._replace(means=q.means - origin)


class _Relative(NamedTuple):
    """One Gaussian seen in the coordinates in which the other is standard.

    Attributes:
      shift: ``[d]``.
      logs: of the eigenvalues of its covariance, ``[d]``.
      excess: the eigenvalues less 1, ``[d]``.
      covariance: ``[d, d]``.
    """

    shift: Array
    logs: Array
    excess: Array
    covariance: Array


def _excess(root: Array, other: Array) -> tuple[Array, Array, Array]:
    """``C^-1 D D^T C^-T - I`` for roots ``D`` and ``C`` of two covariances, whether it is small, and ``C^-1 (D - C)``.

    It is formed from what the roots differ in, since the covariances themselves, rounded, differ by their rounding at least.
    """
    apart = jnp.linalg.solve(other, root - other)
    excess = apart + apart.T + apart @ apart.T
    return excess, jnp.sum(jnp.square(excess)) < 0.25, apart


def _relative(p: Gaussian, q: Gaussian) -> _Relative:
    shift = jnp.linalg.solve(q.factor, p.mean - q.mean)
    excess, near, _ = _excess(p.factor, q.factor)
    identity = jnp.eye(shift.shape[0], dtype=shift.dtype)
    # Only symmetric functions of the eigenvalues are taken, whose derivatives exist where eigenvalues coincide.
    small = jnp.linalg.eigvalsh(jnp.where(near, excess, 0.0 * identity))
    factor = jnp.linalg.solve(q.factor, p.factor)
    wide, narrow = (jnp.where(near, identity, f) for f in (factor, jnp.linalg.solve(p.factor, q.factor)))
    # Roots of the eigenvalues, as far as they are above 1 from one side, and as far as they are below from the other: rounding is relative
    # to the largest of a matrix, and would be all of the smallest.
    above, below = (jnp.linalg.svd(f, compute_uv=False) for f in (wide, narrow))
    below = below[::-1]
    far = 2.0 * jnp.where(above >= 1.0, jnp.log(jnp.maximum(above, 1.0)), -jnp.log(jnp.maximum(below, 1.0)))
    # Both rise.
    far = far[::-1]
    logs = jnp.where(near, jnp.log1p(small), far)
    return _Relative(shift, logs, jnp.where(near, small, jnp.expm1(far)), factor @ factor.T)


def kl(p: Gaussian, q: Gaussian) -> Float[Array, ""]:
    """``(tr(B^-1 A) - d - log det(B^-1 A) + delta^T B^-1 delta) / 2`` for ``p = N(a, A)``, ``q = N(b, B)``; near laws do not cancel.

    Args:
      p, q: Gaussians in one space, ``delta = a - b``.

    Returns:
      ``[]``, in nats.
    """
    relative = _relative(p, q)
    return 0.5 * (jnp.sum(numerics.exp_remainder(relative.logs)) + jnp.sum(jnp.square(relative.shift)))


def squared_hellinger(p: Gaussian, q: Gaussian) -> Float[Array, ""]:
    """``1 - det(A)^1/4 det(B)^1/4 / det(M)^1/2 exp(-delta^T M^-1 delta / 8)``, ``M = (A + B) / 2``.

    Args:
      p, q: Gaussians in one space, ``delta = a - b``.

    Returns:
      ``[]``, in [0, 1].
    """
    relative = _relative(p, q)
    # With B standard: the exponent is ¼ Σ log λ - ½ Σ log((1 + λ)/2) = -½ Σ log cosh(½ log λ).
    widths = 0.5 * jnp.sum(numerics.log_cosh(0.5 * relative.logs))
    middle = 0.5 * (relative.covariance + jnp.eye(relative.shift.shape[0], dtype=relative.shift.dtype))
    return -jnp.expm1(-widths - relative.shift @ jnp.linalg.solve(middle, relative.shift) / 8.0)


def chi_squared(p: Gaussian, q: Gaussian) -> Float[Array, ""]:
    """``integral of p^2 / q - 1``: infinite unless ``2 A^-1 - B^-1`` is positive definite.

    With ``B`` standard and ``A = L``: ``det(L)^-1/2 det(2 I - L)^-1/2 exp(delta^T (2 I - L)^-1 delta) - 1``.

    Args:
      p, q: Gaussians in one space, ``delta = a - b``.

    Returns:
      ``[]``.
    """
    relative = _relative(p, q)
    finite = jnp.max(relative.excess) < 1.0
    identity = jnp.eye(relative.shift.shape[0], dtype=relative.shift.dtype)
    # Inputs are guarded, so that an infinite value has the gradient 0.
    excess = jnp.where(finite, relative.excess, 0.0)
    remainder = jnp.where(finite, 2.0 * identity - relative.covariance, identity)
    shift = jnp.where(finite, relative.shift, 0.0)
    # λ (2 - λ) = 1 - (λ - 1)², whose logarithm a small λ leaves no digits of.
    logs = jnp.where(finite, relative.logs, 0.0)
    thin = excess < -0.5
    widths = jnp.where(thin, logs + jnp.log1p(-excess), jnp.log1p(-jnp.square(jnp.where(thin, 0.0, excess))))
    exponent = -0.5 * jnp.sum(widths) + shift @ jnp.linalg.solve(remainder, shift)
    return jnp.where(finite, jnp.expm1(exponent), jnp.inf)


def with_rounding(formula: Callable[[Gaussian, Gaussian], Array], p: Gaussian, q: Gaussian) -> ExactValue:
    """A divergence in closed form, and what it is otherwise in other units of length, on which it does not depend.

    Args:
      formula: ``kl``, ``squared_hellinger`` or ``chi_squared``.
      p, q: Gaussians in one space.
    """
    value = formula(p, q)
    if p.mean.shape == (1,):
        return closed_form(value)
    # Seen from one of the means: scaled far from 0 they would differ by their own rounding.
    seen = Gaussian(p.mean - q.mean, p.factor), Gaussian(jnp.zeros_like(q.mean), q.factor)
    still, fixed = jax.lax.stop_gradient((value, seen))
    units = ELSEWHERE ** jnp.asarray([0.5, 1.0, 1.5], value.dtype)
    again = jax.vmap(lambda unit: formula(*jax.tree.map(lambda length: unit * length, fixed)))(units)
    return ExactValue(value, 2.0 * jnp.max(jnp.where(still == again, 0.0, jnp.abs(still - again))))


def wasserstein_2(p: Gaussian, q: Gaussian) -> ExactValue:
    """``W_2^2 = ||delta||^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2)`` and its root, ``[]`` (Dowson & Landau 1982).

    ``W_2^2`` is the Fréchet distance of the FID. The trace is ``min ||C - D U||_F^2`` over orthogonal ``U`` for any roots ``A = C C^T`` and
    ``B = D D^T`` (Procrustes; Bhatia, Jain & Lim 2019, theorem 1): a sum of squares, in which nothing cancels but ``C - D``, and whose
    gradient is that at a constant ``U``. No derivative of a singular vector is taken, which would not exist for a round ``A``.

    Args:
      p, q: Gaussians in one space, ``delta`` the difference of their means.

    Returns:
      The distance, and what it is otherwise with the roots exchanged, in another unit of length. Its second derivatives in the covariances
      are NaN.
    """
    unit = numerics.unit_of(p.mean - q.mean, p.factor, q.factor)
    delta, c, d = (p.mean - q.mean) / unit, p.factor / unit, q.factor / unit

    def distance(delta: Array, size: Array) -> Array:
        square = jnp.sum(jnp.square(delta)) + size
        positive = square > 0
        return jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1.0)), 0.0)

    value = distance(delta, numerics.once_differentiable(_least_square(c, d)))
    delta, c, d = (ELSEWHERE * jax.lax.stop_gradient(x) for x in (delta, c, d))
    away = jnp.abs(distance(delta, _least_square(d, c)) / ELSEWHERE - jax.lax.stop_gradient(value))
    length = jnp.sqrt(jnp.sum(jnp.square(c)) + jnp.sum(jnp.square(d)))
    return ExactValue(unit * value, unit * beyond_rounding(2.0 * away, length))


def _least_square(c: Array, d: Array) -> Array:
    """``min ||C - D U||_F^2`` over orthogonal ``U``, with its first derivative."""
    apart = c - d
    fixed, moving = jax.lax.stop_gradient((d, apart))
    left, _, right = jnp.linalg.svd(fixed.T @ (fixed + moving))
    identity = jnp.eye(len(d), dtype=d.dtype)
    beyond = left @ right - identity
    # Roots that are near each other are rotated by little, and that is found from 0, relative to itself as exact as they are.
    near = jnp.sum(jnp.square(beyond)) < 0.1
    beyond = jnp.where(near, 0.0, beyond)
    for _ in range(NEWTON_STEPS):
        beyond = _turned(fixed, moving, beyond)
    size = jnp.sum(jnp.square(apart - d @ beyond))
    # What rounding leaves of one covariance by two roots is no distance, and has no gradient.
    eps = 64.0 * jnp.finfo(d.dtype).eps
    return jnp.where(near | (size > eps * eps * jnp.sum(jnp.square(fixed))), size, 0.0)


def _turned(d: Array, apart: Array, beyond: Array) -> Array:
    """``U - I`` after a step of Newton's method towards the ``U`` that makes ``D^T C U^T`` symmetric, for ``C = D + apart``."""
    identity = jnp.eye(len(d), dtype=d.dtype)
    product = d.T @ (apart - d @ beyond) @ (identity + beyond).T
    values, vectors = jnp.linalg.eigh(d.T @ d + 0.5 * (product + product.T))
    skew = vectors.T @ (product - product.T) @ vectors
    both = values[:, None] + values[None, :]
    held = both > jnp.finfo(d.dtype).eps * jnp.max(both)
    turn = vectors @ jnp.where(held, skew / jnp.where(held, both, 1.0), 0.0) @ vectors.T
    # Cayley's rotation by it, less the identity.
    more = jnp.linalg.solve(identity - 0.5 * turn, turn)
    return beyond + more + more @ beyond


def wasserstein_1_normal(offset: Array, slope: Array) -> Array:
    """``E|offset + slope Z|`` for a standard normal ``Z``: the mean of a folded normal.

    ``t sqrt(2 / pi) e^{-m^2 / 2 t^2} + m (2 Phi(m / t) - 1)``.
    """
    t, m = numerics.absolute(slope), numerics.absolute(offset)
    wide = t > 0
    ratio = m / jnp.where(wide, t, 1.0)
    # 2Φ(z) - 1 = erf(z/√2).
    folded = t * math.sqrt(2.0 / math.pi) * jnp.exp(-0.5 * jnp.square(ratio)) + m * jax.scipy.special.erf(
        ratio / math.sqrt(2.0)
    )
    return jnp.where(wide, folded, m)


def alike(root: Float[Array, "d d"], other: Float[Array, "d d"]) -> Bool[Array, ""]:
    """Whether one covariance is ``I`` in the coordinates in which the other is, up to the root of the rounding.

    A divergence is of second order in what is left. Covariances that differ by their rounding alone may still be of thin laws that are
    far apart.
    """
    excess, _, _ = _excess(root, other)
    return jnp.all(jnp.abs(excess) <= jnp.sqrt(jnp.finfo(excess.dtype).eps))


def same_shape(p: Gaussian, q: Gaussian) -> tuple[Bool[Array, ""], Float[Array, ""]]:
    """Whether two Gaussians have the same covariance (to rounding), and their Mahalanobis distance under it, both ``[]``."""
    unit = numerics.unit_of(p.factor, q.factor)
    a, b = ((law.factor / unit) @ (law.factor / unit).T for law in (p, q))
    eps = jnp.finfo(a.dtype).eps
    sizes = jnp.sqrt(jnp.diagonal(a)[:, None] * jnp.diagonal(a)[None, :])
    same = jnp.all(jnp.abs(a - b) <= 8.0 * eps * sizes) & alike(p.factor, q.factor)
    return same, numerics.norm(jnp.linalg.solve(q.factor, p.mean - q.mean))
