"""The energy distance of mixtures of Gaussians in several dimensions, against closed forms in 40 digits."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import numpyro.distributions as dist
import pytest

from gan_jax import distributions
from gan_jax.divergences import exact

RING = 1.5 * np.stack([np.cos(2 * np.pi * np.arange(5) / 5), np.sin(2 * np.pi * np.arange(5) / 5)], axis=1)


def _gaussian(root):
    return dist.MultivariateNormal(jnp.zeros(len(root), jnp.asarray(root).dtype), scale_tril=jnp.asarray(root))


def _mixture(weights, means, scale):
    roots = jnp.asarray(scale * np.eye(2, dtype=means.dtype))
    return dist.MixtureSameFamily(
        dist.Categorical(probs=jnp.asarray(weights)), dist.MultivariateNormal(jnp.asarray(means), scale_tril=roots)
    )


def _mean_length(covariance):
    """``E||N(0, C)||`` in the plane, ``sqrt(2 a / pi) E(1 - b / a)`` for the eigenvalues ``a >= b`` of ``C``."""
    trace, det = covariance[0, 0] + covariance[1, 1], covariance[0, 0] * covariance[1, 1] - covariance[0, 1] ** 2
    a = (trace + mpmath.sqrt(trace**2 - 4 * det)) / 2
    return mpmath.sqrt(2 * a / mpmath.pi) * mpmath.ellipe(1 - det / a**2)


def _mean_distance(shift, variance):
    """``E||N(m, v I)||`` in the plane, ``sqrt(pi v / 2) L_{1/2}(-|m|^2 / 2 v)``, the mean of Rice's law."""
    square = mpmath.fsum(x**2 for x in shift)
    return mpmath.sqrt(mpmath.pi * variance / 2) * mpmath.hyp1f1(-0.5, 1, -square / (2 * variance))


def _energy_of_round(*laws):
    """Of two mixtures ``(weights, means, scale)`` of round Gaussians: the sum over all pairs of modes, as it stands."""
    with mpmath.workdps(40):
        parts = []
        for sign, (weights, means, scale) in zip((1, -1), laws, strict=True):
            # NumPyro makes weights add up to 1.
            total = mpmath.fsum(map(float, weights))
            for w, mean in zip(weights, means.astype(float), strict=True):
                parts.append(
                    (sign * mpmath.mpf(float(w)) / total, [mpmath.mpf(x) for x in mean], mpmath.mpf(float(scale)) ** 2)
                )
        return -float(
            mpmath.fsum(
                w * v * _mean_distance([x - y for x, y in zip(m, n, strict=True)], a + b)
                for w, m, a in parts
                for v, n, b in parts
            )
        )


@pytest.mark.parametrize("width", [0.3, 0.01, 1e-3, 1e-5])
def test_thin_slanted_laws_in_single_precision(width):
    """One is twice as thin: their covariances agree, to the rounding of their entries, in all but that."""
    turn = np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    roots = [np.linalg.cholesky(turn @ np.diag([1.0, s * s]) @ turn.T).astype(np.float32) for s in (width, 2 * width)]
    value, error = (float(a) for a in exact.with_error(exact.energy_distance, *map(_gaussian, roots)))
    with mpmath.workdps(40):
        one, other = (mpmath.matrix(root.astype(float).tolist()) for root in roots)
        one, other = one * one.T, other * other.T
        truth = float(2 * _mean_length(one + other) - _mean_length(2 * one) - _mean_length(2 * other))
    assert value == pytest.approx(truth, rel=1e-5)
    assert error < 1e-4 * truth


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("change", ["moved", "wider", "weights", "fewer"])
def test_mixtures_that_hardly_differ(change, dtype):
    """A ring moved, widened or weighted a little: of mean distances near 2 between 10^-3 and 10^-9 is left. And one that lost two modes."""
    ring = np.full(5, 0.2, dtype), RING.astype(dtype), dtype(0.3)
    weights, means, scale = ring
    other = {
        "moved": (weights, means + dtype(1e-4) * np.asarray([1, 0], dtype), scale),
        "wider": (weights, means, scale + dtype(2e-4)),
        "weights": (weights + dtype(0.01) * np.asarray([1, 0, 0, -1, 0], dtype), means, scale),
        "fewer": (np.full(3, 1 / 3, dtype), means[:3], scale),
    }[change]
    with jax.enable_x64(dtype is np.float64):
        found = exact.with_error(exact.energy_distance, _mixture(*ring), _mixture(*other))
        value, error = (float(a) for a in found)
    truth = _energy_of_round(ring, other)
    digits = 1e-9 if dtype is np.float64 else 2e-5
    assert value == pytest.approx(truth, rel=digits)
    assert error < digits * truth


def test_a_ring_turned_by_a_step_is_itself():
    """Its modes are the same in another order; and so are two halves of a law that lie on each other."""
    weights, means, scale = np.full(5, 0.2, np.float32), RING.astype(np.float32), np.float32(0.3)
    ring = _mixture(weights, means, scale)
    assert float(exact.energy_distance(ring, _mixture(weights, np.roll(means, 2, axis=0), scale))) == 0.0
    two = dist.MultivariateNormal(jnp.zeros((2, 2)), scale_tril=jnp.stack([jnp.eye(2), 3.0 * jnp.eye(2)]))
    turned = dist.MultivariateNormal(jnp.zeros((2, 2)), scale_tril=jnp.stack([3.0 * jnp.eye(2), jnp.eye(2)]))
    weights = dist.Categorical(probs=jnp.asarray([0.3, 0.7])), dist.Categorical(probs=jnp.asarray([0.7, 0.3]))
    pair = (dist.MixtureSameFamily(w, modes) for w, modes in zip(weights, (two, turned), strict=True))
    assert float(exact.energy_distance(*pair)) == 0.0
    halves = _mixture(np.full(2, 0.5, np.float32), np.zeros((2, 2), np.float32), np.float32(1.0))
    assert float(exact.energy_distance(_gaussian(np.eye(2, dtype=np.float32)), halves)) == 0.0


@pytest.mark.parametrize("unit", [2.0**-90, 2.0**90])
def test_it_goes_with_the_unit_of_length_to_the_last_bit(unit):
    """Squares of these lengths are beyond single precision."""
    weights, means, scale = np.full(5, 0.2, np.float32), RING.astype(np.float32), np.float32(0.3)
    laws = (means, scale), (means + np.float32(0.5), np.float32(0.4))
    plain = exact.energy_distance(*(_mixture(weights, *law) for law in laws))
    small = exact.energy_distance(*(_mixture(weights, *(np.float32(unit) * x for x in law)) for law in laws))
    assert float(small) == unit * float(plain) > 0.0


def test_gradients_against_differences_of_the_closed_form():
    """In where a ring is, how wide and how weighted, for laws near each other and not."""
    weights, means = np.asarray([0.3, 0.2, 0.2, 0.2, 0.1]), RING

    def law(at):
        tilt = jnp.asarray(weights) + at[2] * jnp.asarray([1.0, 0.0, 0.0, -1.0, 0.0])
        roots = (0.3 + at[1]) * jnp.eye(2)
        return dist.MixtureSameFamily(
            dist.Categorical(probs=tilt), dist.MultivariateNormal(jnp.asarray(means) + at[0], scale_tril=roots)
        )

    def closed(at):
        tilt = weights + at[2] * np.asarray([1.0, 0.0, 0.0, -1.0, 0.0])
        return _energy_of_round((weights, means, 0.3), (tilt, means + at[0], 0.3 + at[1]))

    with jax.enable_x64(True):
        gradient = jax.jit(jax.grad(lambda at: exact.energy_distance(law(jnp.zeros(3)), law(at))))
        for at in (np.asarray([1e-3, -2e-3, 1e-3]), np.asarray([0.7, 0.2, 0.05])):
            found = np.asarray(gradient(jnp.asarray(at)))
            step = 1e-4 * np.abs(at)
            expected = [(closed(at + e) - closed(at - e)) / (2 * e.sum()) for e in np.diag(step)]
            np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.slow
def test_it_is_differentiable_at_a_weight_of_zero():
    """It is quadratic in a weight: three values give the slopes at both ends."""
    with jax.enable_x64(True):
        modes = dist.MultivariateNormal(jnp.asarray([[0.0, 0.0], [5.0, 0.0]]), jnp.eye(2))
        other = dist.MultivariateNormal(jnp.zeros(2), jnp.diag(jnp.asarray([9.0, 1.0])))

        def distance(w):
            weights = dist.Categorical(probs=jnp.stack([w, 1.0 - w]))
            return exact.energy_distance(dist.MixtureSameFamily(weights, modes), other)

        f = jax.jit(jax.vmap(jax.value_and_grad(distance)))
        (at_0, middle, at_1), slopes = (np.asarray(a) for a in f(jnp.asarray([0.0, 0.5, 1.0])))
    np.testing.assert_allclose(slopes[[0, 2]], [4 * middle - 3 * at_0 - at_1, 3 * at_1 + at_0 - 4 * middle], rtol=1e-8)


@pytest.mark.slow
def test_against_the_line_and_samples():
    """A law in one dimension is the law on the line; samples of two rings."""
    with jax.enable_x64(True):
        p = dist.MultivariateNormal(jnp.zeros(1), scale_tril=jnp.eye(1))
        q = dist.MultivariateNormal(jnp.full(1, 2.0), scale_tril=jnp.eye(1))
        assert float(exact.energy_distance(p, q)) == pytest.approx(1.944259832449024, rel=1e-8)
        ring, shifted = distributions.PAIRS["shifted_ring"].make(0.5)
        value = float(exact.energy_distance(ring, shifted))
    x = np.asarray(distributions.gaussian_ring().sample(jax.random.key(0), (3000,)))
    y = np.asarray(distributions.gaussian_ring(center=(0.5, 0.0)).sample(jax.random.key(1), (3000,)))
    u, v = (np.asarray(distributions.gaussian_ring().sample(jax.random.key(k), (3000,))) for k in (2, 3))
    terms = 2 * np.linalg.norm(x - y, axis=1) - 2 * np.linalg.norm(u - v, axis=1)
    assert abs(terms.mean() - value) < 4.5 * terms.std() / np.sqrt(len(terms))
