"""Exact divergences in the plane and beyond: rings, grids, Gaussians of any dimension."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy.linalg import sqrtm
from scipy.special import logsumexp, ndtr

from gan_jax import distributions
from gan_jax.divergences import exact, gaussians, in_the_plane, integrands

LOG_2 = math.log(2.0)


def _gauss_boxes(p, q, boxes, step):
    """JS, KL and squared Hellinger of two ``(centres, scale)`` by a dense, uniform product rule on given boxes, in NumPy."""
    x, w = np.polynomial.legendre.leggauss(8)
    total = np.zeros(3)
    for centre, half in boxes:
        edges = np.linspace(-half, half, int(np.ceil(2 * half / step)) + 1)
        width = edges[1] - edges[0]
        nodes = (edges[:-1, None] + 0.5 * width * (x + 1)).ravel()
        weights = np.tile(0.5 * width * w, len(edges) - 1)
        points = np.stack(np.meshgrid(centre[0] + nodes, centre[1] + nodes, indexing="ij"), axis=-1).reshape(-1, 2)
        area = np.outer(weights, weights).ravel()
        log_p, log_q = (
            logsumexp([-((points - c) ** 2).sum(axis=1) / (2 * s * s) for c in centres], axis=0)
            - math.log(len(centres) * 2 * math.pi * s * s)
            for centres, s in (p, q)
        )
        a, b, r = np.exp(log_p), np.exp(log_q), log_p - log_q
        entropy = np.logaddexp(0, -np.abs(r)) + np.abs(r) / (1 + np.exp(np.minimum(np.abs(r), 700)))
        total += area @ np.stack([(a + b) / 2 * (LOG_2 - entropy), a * r, (np.sqrt(a) - np.sqrt(b)) ** 2 / 2], axis=1)
    return total


def _three(p, q):
    return [float(f(p, q)) for f in (exact.jensen_shannon, exact.kl, exact.squared_hellinger)]


def _ring(rotation=0.0, shift=0.0, modes=8):
    angles = rotation + 2 * np.pi * np.arange(modes) / modes
    return np.stack([np.cos(angles) + shift, np.sin(angles)], axis=1)


RINGS = {
    "shifted": ({"center": (0.02, 0.0)}, (_ring(shift=0.02), 0.01), 0.12, 0.01),
    "rotated": ({"rotation": 0.03}, (_ring(rotation=0.03), 0.01), 0.13, 0.01),
    "blurred": ({"scale": 0.03}, (_ring(), 0.03), 0.3, 0.015),
}


@pytest.mark.parametrize("name", RINGS)
def test_narrow_ring_against_a_dense_product_rule(name):
    """Of eight modes that are alike, under a shift four are different: the reference integrates around all of them."""
    change, q, half, step = RINGS[name]
    p = (_ring(), 0.01)
    # Rotated and blurred rings have eight modes that are images of one another.
    modes, share = (p[0], 1.0) if name == "shifted" else (p[0][:1], 8.0)
    truth = share * _gauss_boxes(p, q, [(c, half) for c in modes], step)
    with jax.enable_x64(True):
        values = _three(distributions.gaussian_ring(), distributions.gaussian_ring(**change))
    np.testing.assert_allclose(values, truth, rtol=1e-6)


def test_log_ratio_with_a_ridge_under_each_mode():
    """Turned by half a step, every mode of p sits on the border between two modes of q, where log q has a kink."""
    truth = 8 * _gauss_boxes((_ring(), 0.01), (_ring(rotation=np.pi / 8), 0.01), [((1.0, 0.0), 0.09)], 0.0025)
    with jax.enable_x64(True):
        value = exact.kl(distributions.gaussian_ring(), distributions.gaussian_ring(rotation=np.pi / 8))
        assert float(value) == pytest.approx(truth[1], rel=1e-6)
        assert float(
            exact.jensen_shannon(distributions.gaussian_ring(), distributions.gaussian_ring(rotation=np.pi / 8))
        ) == pytest.approx(LOG_2)


def test_one_broad_mode_against_a_narrow_ring():
    """Where the ring is not, q alone is left, and its share of JS is known: log 2 / 2 times its mass there."""
    with jax.enable_x64(True):
        ring, broad = distributions.gaussian_ring(), dist.MultivariateNormal(jnp.zeros(2), jnp.eye(2))
        values = _three(ring, broad)
    p, q = (_ring(), 0.01), (np.zeros((1, 2)), 1.0)
    inside = 8 * _gauss_boxes(p, q, [((1.0, 0.0), 0.1)], 0.005)
    inside[0] = _sum_boxes(p, q, 0)
    mass = sum(np.prod([ndtr(c + 0.1) - ndtr(c - 0.1) for c in centre]) for centre in p[0])
    truth = [inside[0] + LOG_2 / 2 * (1 - mass), inside[1], _sum_boxes(p, q, 2) + (1 - mass) / 2]
    np.testing.assert_allclose(values, truth, rtol=1e-6)


def _sum_boxes(p, q, row):
    return _gauss_boxes(p, q, [(c, 0.1) for c in p[0]], 0.01)[row]


def test_grid_against_its_blurred_copy_in_single_precision():
    centres = np.stack(np.meshgrid(2.0 * np.arange(3), 2.0 * np.arange(3)), axis=-1).reshape(-1, 2)
    truth = 9 * _gauss_boxes((centres, 0.05), (centres, 0.08), [((0.0, 0.0), 0.7)], 0.04)
    values = _three(distributions.gaussian_grid(side=3), distributions.gaussian_grid(side=3, scale=0.08))
    np.testing.assert_allclose(values, truth, atol=2e-6)


@pytest.mark.parametrize("row", ["KL", "JENSEN_SHANNON", "SQUARED_HELLINGER", "TOTAL_VARIATION", "CHI_SQUARED"])
def test_cubature_gives_equal_covariances_their_one_dimensional_value(row):
    """Correlated Gaussians at Mahalanobis distance m, by cubature alone, value and gradient."""
    integrand = getattr(integrands, row)
    factor = np.array([[1.0, 0.0], [1.9, 0.4]])
    towards = factor @ np.array([0.6, 0.8])

    def cubature(m):
        p = dist.MultivariateNormal(jnp.zeros(2), scale_tril=jnp.asarray(factor))
        q = dist.MultivariateNormal(m * jnp.asarray(towards), scale_tril=jnp.asarray(factor))
        one, other = gaussians.gaussian_mixture(p), gaussians.gaussian_mixture(q)
        return in_the_plane.f_divergence(integrand, one, other).value

    public = {"KL": exact.kl, "JENSEN_SHANNON": exact.jensen_shannon, "SQUARED_HELLINGER": exact.squared_hellinger}
    public |= {"TOTAL_VARIATION": exact.total_variation, "CHI_SQUARED": exact.chi_squared}
    with jax.enable_x64(True):
        m = jnp.asarray([0.003, 0.5, 2.5])
        value, slope = jax.jit(jax.vmap(jax.value_and_grad(cubature)))(m)
        line = jax.vmap(jax.value_and_grad(lambda m: public[row](dist.Normal(0.0, 1.0), dist.Normal(m, 1.0))))(m)
        # The kink of total variation along p = q is not a breakpoint in the plane.
        tolerance = 1e-5 if row == "TOTAL_VARIATION" else 1e-6
        np.testing.assert_allclose(np.asarray(value), np.asarray(line[0]), rtol=tolerance)
        np.testing.assert_allclose(
            np.asarray(slope), np.asarray(line[1]), rtol=100 * tolerance if row == "TOTAL_VARIATION" else tolerance
        )


def _two_modes(w, modes):
    return dist.MixtureSameFamily(dist.Categorical(probs=jnp.stack([w, 1.0 - w])), modes)


# At w = 0 and 1, `log p / q` is a polynomial: of N(5, 1), or N(0, 1), to N(0, 3).
ONE_SIDED_KL = [(-(1 + (0 - a) ** 2) / 2 + 1 / 18) - (-(1 + (5 - a) ** 2) / 2 + 26 / 18) for a in (5.0, 0.0)]


@pytest.mark.parametrize(
    "name",
    [
        "kl",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("jensen_shannon", "total_variation", "squared_hellinger", "chi_squared")
        ),
    ],
)
def test_a_weight_of_zero_has_its_one_sided_derivative(name):
    """Both laws are N(0, 1) along the second axis: the values and slopes are those of the line."""
    f = getattr(exact, name)
    with jax.enable_x64(True):
        w, means = jnp.asarray([0.0, 1.0]), jnp.asarray([[0.0, 0.0], [5.0, 0.0]])
        wide = dist.MultivariateNormal(jnp.zeros(2), jnp.diag(jnp.asarray([9.0, 1.0])))
        modes = dist.MultivariateNormal(means, jnp.eye(2))
        slopes = jax.vmap(jax.grad(lambda w: f(_two_modes(w, modes), wide)))(w)
        if name == "kl":
            truth = ONE_SIDED_KL
        else:
            line = dist.Normal(means[:, 0], 1.0)
            truth = jax.vmap(jax.grad(lambda w: f(_two_modes(w, line), dist.Normal(0.0, 3.0))))(w)
    np.testing.assert_allclose(np.asarray(slopes), np.asarray(truth), rtol=1e-3 if name == "total_variation" else 1e-6)


def test_energy_distance_is_differentiable_at_a_weight_of_zero():
    """It is quadratic in a weight: three values give the slopes at both ends."""
    with jax.enable_x64(True):
        modes = dist.MultivariateNormal(jnp.asarray([[0.0, 0.0], [5.0, 0.0]]), jnp.eye(2))
        other = dist.MultivariateNormal(jnp.zeros(2), jnp.diag(jnp.asarray([9.0, 1.0])))
        f = jax.vmap(jax.value_and_grad(lambda w: exact.energy_distance(_two_modes(w, modes), other)))
        (at_0, middle, at_1), slopes = (np.asarray(a) for a in f(jnp.asarray([0.0, 0.5, 1.0])))
    np.testing.assert_allclose(slopes[[0, 2]], [4 * middle - 3 * at_0 - at_1, 3 * at_1 + at_0 - 4 * middle], rtol=1e-8)


def test_vmap_and_gradient_over_the_shift_of_a_ring():
    """Value and gradient together; the gradient against central differences of the values."""
    make = distributions.PAIRS["shifted_ring"].make
    with jax.enable_x64(True):
        m = jnp.asarray([0.0, 0.0199999, 0.02, 0.0200001])
        values, slopes = jax.jit(jax.vmap(jax.value_and_grad(lambda m: exact.jensen_shannon(*make(m)))))(m)
        values, slopes = np.asarray(values), np.asarray(slopes)
    assert values[0] == 0.0
    assert slopes[0] == 0.0
    assert slopes[2] == pytest.approx((values[3] - values[1]) / 2e-7, rel=1e-6)


FACTOR_A = np.array([[1.0, 0, 0], [0.5, 1.2, 0], [0.1, -0.3, 0.8]])
FACTOR_B = np.array([[0.7, 0, 0], [0.2, 1.0, 0], [0.3, 0.3, 1.1]])
DELTA = np.array([0.3, 0.2, -0.1])


def _gaussian(mean, factor):
    return dist.MultivariateNormal(jnp.asarray(mean), scale_tril=jnp.asarray(factor))


def test_gaussians_in_three_dimensions():
    """KL, Hellinger, chi-squared and W2 against their textbook forms in NumPy."""
    a, b = FACTOR_A @ FACTOR_A.T, FACTOR_B @ FACTOR_B.T
    with jax.enable_x64(True):
        p, q = _gaussian(DELTA, FACTOR_A), _gaussian(np.zeros(3), FACTOR_B)
        kl, h, w2 = float(exact.kl(p, q)), float(exact.squared_hellinger(p, q)), float(exact.wasserstein(p, q, order=2))
        wide = float(exact.chi_squared(q, _gaussian(DELTA, 1.5 * FACTOR_A)))
        assert float(exact.chi_squared(_gaussian(DELTA, 2 * FACTOR_B), q)) == np.inf
    inverse = np.linalg.inv(b)
    assert kl == pytest.approx(
        0.5 * (np.trace(inverse @ a) + DELTA @ inverse @ DELTA - 3 + np.log(np.linalg.det(b) / np.linalg.det(a))),
        rel=1e-12,
    )
    middle = (a + b) / 2
    overlap = (
        (np.linalg.det(a) * np.linalg.det(b)) ** 0.25
        / np.sqrt(np.linalg.det(middle))
        * np.exp(-DELTA @ np.linalg.solve(middle, DELTA) / 8)
    )
    assert h == pytest.approx(1 - overlap, rel=1e-12)
    root = sqrtm(a)
    assert w2**2 == pytest.approx(DELTA @ DELTA + np.trace(a + b - 2 * np.real(sqrtm(root @ b @ root))), rel=1e-10)
    # integral of q^2 / p: a Gaussian integral with precision 2 B^-1 - C^-1, C = 2.25 A.
    c = 2.25 * a
    precision = 2 * inverse - np.linalg.inv(c)
    linear = -np.linalg.solve(c, DELTA)
    exponent = 0.5 * linear @ np.linalg.solve(precision, linear) + 0.5 * DELTA @ np.linalg.solve(c, DELTA)
    chi = np.sqrt(np.linalg.det(c) / np.linalg.det(precision)) / np.linalg.det(b) * np.exp(exponent) - 1
    assert wide == pytest.approx(chi, rel=1e-10)


def test_gradient_of_w2_is_that_of_finite_differences_and_zero_where_laws_coincide():
    def w2(scale, m):
        return exact.wasserstein(_gaussian(np.zeros(3), FACTOR_A), _gaussian(m * DELTA, scale * FACTOR_A), order=2)

    with jax.enable_x64(True):
        f = jax.jit(jax.value_and_grad(w2, (0, 1)))
        h = 1e-6
        slopes = np.asarray(f(1.3, 0.7)[1])
        differences = [
            (f(1.3 + h, 0.7)[0] - f(1.3 - h, 0.7)[0]) / (2 * h),
            (f(1.3, 0.7 + h)[0] - f(1.3, 0.7 - h)[0]) / (2 * h),
        ]
        np.testing.assert_allclose(slopes, np.asarray(differences), rtol=1e-8)
        value, slopes = f(1.0, 0.0)
        assert float(value) == 0.0
        np.testing.assert_array_equal(np.asarray(slopes), 0.0)


def test_equal_covariances_in_three_dimensions_reduce_to_the_line():
    m = float(np.linalg.norm(np.linalg.solve(FACTOR_A, DELTA)))
    p, q = _gaussian(np.zeros(3), FACTOR_A), _gaussian(DELTA, FACTOR_A)
    line = (dist.Normal(0.0, 1.0), dist.Normal(m, 1.0))
    for f in (exact.jensen_shannon, exact.total_variation):
        assert float(f(p, q)) == pytest.approx(float(f(*line)), abs=2e-6)
    assert float(exact.wasserstein(p, q)) == pytest.approx(np.linalg.norm(DELTA), abs=2e-6)
    with pytest.raises(
        ValueError, match="has no exact rule at these parameters; expected Gaussians with the same covariance"
    ):
        exact.jensen_shannon(p, _gaussian(DELTA, FACTOR_B))


def test_rotated_ring_moves_every_mode_along_its_chord():
    """``2 sin(angle / 2)``; past half a step the neighbours are nearer; in between NaN, or an error where the angle is known."""
    make = distributions.PAIRS["rotated_ring"].make
    angles = jnp.asarray([0.0, 0.1, 0.25, 0.39, np.pi / 4 - 0.1, np.pi / 4])
    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(lambda t: exact.wasserstein(*make(t)))))(angles)
    truth = 2 * np.sin(np.array([0.0, 0.05, 0.125, np.nan, 0.05, 0.0]))
    np.testing.assert_allclose(values, truth, atol=2e-6)
    np.testing.assert_allclose(slopes[1:3], np.cos([0.05, 0.125]), atol=1e-5)
    assert float(slopes[0]) == 0.0
    with pytest.raises(
        ValueError, match="wasserstein of IsotropicMixture and IsotropicMixture has no exact rule at these parameters"
    ):
        exact.wasserstein(*make(0.39))


def test_energy_distance_of_mixtures_against_the_line_and_samples():
    """Along one axis far apart in the other nothing changes: a narrow plane law is the law on the line."""
    with jax.enable_x64(True):
        p, q = _gaussian([0.0], [[1.0]]), _gaussian([2.0], [[1.0]])
        assert float(exact.energy_distance(p, q)) == pytest.approx(1.944259832449024, rel=1e-8)
        ring, shifted = distributions.PAIRS["shifted_ring"].make(0.5)
        value = float(exact.energy_distance(ring, shifted))
    x = np.asarray(distributions.gaussian_ring().sample(jax.random.key(0), (3000,)))
    y = np.asarray(distributions.gaussian_ring(center=(0.5, 0.0)).sample(jax.random.key(1), (3000,)))
    u, v = (np.asarray(distributions.gaussian_ring().sample(jax.random.key(k), (3000,))) for k in (2, 3))
    terms = 2 * np.linalg.norm(x - y, axis=1) - 2 * np.linalg.norm(u - v, axis=1)
    assert abs(terms.mean() - value) < 4.5 * terms.std() / np.sqrt(len(terms))


def test_energy_distance_of_parallel_lines():
    """``2 E sqrt(theta^2 + (Z - Z')^2) - 2 E|Z - Z'|`` on a fine grid of ``|Z - Z'|``."""
    t = (np.arange(2_000_000) + 0.5) / 2_000_000
    for theta in (0.01, 1.0, 5.0):
        truth = np.mean(2 * (1 - t) * 2 * (np.sqrt(theta**2 + t**2) - t))
        value = exact.energy_distance(distributions.parallel_line(0.0), distributions.parallel_line(theta))
        assert float(value) == pytest.approx(truth, rel=3e-6)


def test_modes_too_narrow_for_the_cells_that_there_are_are_refused() -> None:
    """A law and itself turned by 90 degrees, standard deviations 1 and .01: two Gaussians, of which H² has a closed form.

    By the means of two equal components each, so that the closed form is not taken: the cells ran out, and .9999992 was returned.
    """

    def law(covariance: jax.Array) -> dist.Distribution:
        components = dist.MultivariateNormal(jnp.zeros((2, 2)), covariance_matrix=jnp.stack([covariance, covariance]))
        return dist.MixtureSameFamily(dist.Categorical(probs=jnp.array([0.5, 0.5])), components)

    narrow = 1e-4
    p, q = law(jnp.diag(jnp.array([1.0, narrow]))), law(jnp.diag(jnp.array([narrow, 1.0])))
    truth = 1.0 - 2.0 * math.sqrt(narrow) / (1.0 + narrow)
    value, error = exact.with_error(exact.squared_hellinger, p, q)
    assert abs(float(value) - truth) <= float(error)
    with pytest.raises(ValueError, match="squared_hellinger of MixtureSameFamily"):
        exact.squared_hellinger(p, q)
