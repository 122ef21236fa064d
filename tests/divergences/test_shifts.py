"""Distances do not depend on where the origin is: a common shift of 10⁴ in float32 leaves what the rounded points leave."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats
from scipy.spatial.distance import cdist

from gan_jax.distributions import translates
from gan_jax.divergences import empirical, exact, histogram
from gan_jax.divergences.transport_bounds import wasserstein_bounds
from gan_jax.metrics.conditioning import diversity_within
from gan_jax.metrics.frechet import fid
from gan_jax.metrics.neighbours import neighbours
from gan_jax.metrics.support import support_size
from gan_jax.metrics.translation import distance_correlation
from gan_jax.typing import Array, Distribution
from tests.cases import cases
from tests.tiers import some

RNG = np.random.default_rng(4)
X = RNG.normal(size=(64, 2)).astype(np.float32)
Y = (RNG.normal(size=(48, 2)) * 0.8 + [1.2, 0.0]).astype(np.float32)
SHIFT = np.float32(1e4)
# What is left of the points, and where it is in float64: differences of floats of one size are exact.
X_FAR, Y_FAR = X + SHIFT, Y + SHIFT
X_BACK, Y_BACK = (z.astype(np.float64) - float(SHIFT) for z in (X_FAR, Y_FAR))
A, B = (RNG.dirichlet(np.ones(len(z))).astype(np.float32) for z in (X, Y))

DISTANCES: dict[str, Callable[[np.ndarray, np.ndarray], object]] = {
    "W1": empirical.wasserstein,
    "W2": lambda x, y: empirical.wasserstein(x, y, order=2, x_weights=A, y_weights=B),
    "W1 on the line": lambda x, y: empirical.wasserstein(x[:, 0], y[:, 0]),
    "W3 on the line": lambda x, y: empirical.wasserstein(x[:, 0], y[:, 0], order=3),
    "W1 of weights on the line": lambda x, y: empirical.wasserstein(x[:, 0], y[:, 0], x_weights=A, y_weights=B),
    "moving plans": lambda x, y: empirical.moving_plans(x[:4], y[:4]).costs,
    "sliced": lambda x, y: empirical.sliced_wasserstein(jax.random.key(0), x, y),
    "sliced W2": lambda x, y: empirical.sliced_wasserstein(jax.random.key(0), x, y, order=2),
    "MMD": lambda x, y: empirical.mmd2(x, y, kernel=empirical.gaussian([0.3, 2.0])),
    "MMD, Laplacian": lambda x, y: empirical.mmd2(x, y, kernel=empirical.laplacian(1.0)),
    "energy": empirical.energy_distance,
    "Sinkhorn, ε = 1": lambda x, y: empirical.sinkhorn_divergence(x, y, epsilon=1.0).value,
    "Sinkhorn, ε = 0.05": lambda x, y: empirical.sinkhorn_divergence(x, y, epsilon=0.05).value,
    "Sinkhorn of weights": lambda x, y: (
        empirical.sinkhorn_divergence(x, y, epsilon=0.3, x_weights=A, y_weights=B).value
    ),
    "histogram": lambda x, y: histogram.jensen_shannon(x, y, bins=4),
    "bounds of W1": lambda x, y: jnp.stack(wasserstein_bounds(x[:32], y[:24], x[32:], y[24:])),
    "precision and recall": lambda x, y: jnp.asarray(neighbours(x, y, k=3)),
    "FID": lambda x, y: jnp.asarray(fid(x, y)),
    "diversity": lambda x, _: jnp.asarray(diversity_within(x[None])),
    "distance correlation": lambda x, y: distance_correlation(jnp.asarray(x[:48]), jnp.asarray(y)),
    "support": lambda x, _: jnp.asarray(support_size(x, radius=0.2)[:6]),
}


ON_THE_HOST = {"W1", "W2", "moving plans", "bounds of W1", "precision and recall", "FID", "diversity", "support"}
"""What takes no tracers. All else is compiled whole: called as it is, each of its steps would be a program, in either precision."""


def _compiled(name: str, function: Callable[..., object]) -> Callable[..., object]:
    return function if name in ON_THE_HOST else jax.jit(function)


def _near_the_origin(name: str, function: Callable[[jax.Array, jax.Array], object]) -> np.ndarray:
    """In double precision, but for random directions, which are others there."""
    with jax.enable_x64(not name.startswith("sliced")):
        return np.asarray(_compiled(name, function)(jnp.asarray(X_BACK, float), jnp.asarray(Y_BACK, float)))


@pytest.mark.slow
@pytest.mark.parametrize("name", some(DISTANCES, 3))
def test_a_common_shift_changes_nothing(name: str) -> None:
    distance = DISTANCES[name]
    expected = _near_the_origin(name, distance)
    # Single precision near the origin: roundings of sums of numbers of the size of the distances, 1 to 10.
    np.testing.assert_allclose(_compiled(name, distance)(X_FAR, Y_FAR), expected, rtol=1e-5, atol=1e-6)


SMOOTH = ["W2", "sliced W2", "MMD", "energy", "Sinkhorn, ε = 1", "Sinkhorn, ε = 0.05", "Sinkhorn of weights"]


@pytest.mark.slow
@cases("name", SMOOTH)
def test_nor_does_it_change_the_gradient(name: str) -> None:
    slope = jax.grad(DISTANCES[name])
    expected = _near_the_origin(name, slope)
    # Sinkhorn's plan is right to the threshold of 1e-4, of 1 in all.
    found = _compiled(name, slope)(jnp.asarray(X_FAR), jnp.asarray(Y_FAR))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("d", [2, 12, 64])
def test_support_sees_near_points_far_from_the_origin(d: int) -> None:
    # By products in float64, 10⁴ from the origin in 64 dimensions all distances below 0.01 were 0.
    x = (RNG.normal(size=(40, d)) * 0.02 / np.sqrt(d) + 1e4).astype(np.float64)
    distances = cdist(x, x)[np.triu_indices(40, 1)]
    for radius in np.quantile(distances, [0.02, 0.3]) * (1 + 1e-6):
        assert support_size(x, radius=float(radius)).collisions == int(np.sum(distances <= radius))


def test_sliced_distance_of_near_clouds_far_from_the_origin() -> None:
    # Every coordinate is a multiple of 2⁻¹⁰, here and 10⁴ away: both pairs are exactly the same but for the shift. Projected from the
    # origin, points 10⁴ away are rounded to 10⁻³, of a distance of 2⁻⁷.
    x = np.round(X * 2**10) / np.float32(2**10)
    y = x + np.array([2.0**-7, 0.0], np.float32)
    near, far = (
        empirical.sliced_wasserstein(jax.random.key(0), x + shift, y + shift, order=2, projections=16)
        for shift in (np.float32(0), SHIFT)
    )
    np.testing.assert_allclose(far, near, rtol=1e-6)


def _mixture(s: Array) -> Distribution:
    return dist.MixtureSameFamily(
        dist.Categorical(probs=jnp.array([0.3, 0.7])), dist.Normal(s + jnp.array([0.0, 2.0]), 1.0)
    )


# Distances of laws at s, which are those at 0; W1 of a law from a point is its mean distance from there.
OF_LAWS: dict[str, Callable[[Array], Array]] = {
    "W1": lambda s: exact.wasserstein(dist.Uniform(s, s + 1.0), dist.Laplace(s, 1.0)),
    "W2": lambda s: exact.wasserstein(_mixture(s), dist.Logistic(s + 0.5, 1.0), order=2),
    "energy": lambda s: exact.energy_distance(_mixture(s), dist.Gumbel(s, 1.0)),
    "W1 from a point": lambda s: exact.wasserstein(dist.Delta(s + 0.5), dist.Logistic(s, 1.0)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", some(OF_LAWS, 2))
def test_a_common_shift_of_laws_changes_nothing(name: str) -> None:
    distance = jax.jit(OF_LAWS[name])
    with jax.enable_x64(True):
        expected = float(distance(jnp.zeros(())))
    # At 2^14 quantiles of single precision are multiples of 2^-10.
    assert float(distance(jnp.float32(2.0**14))) == pytest.approx(expected, rel=2e-5)


def _in_the_plane(s: Array) -> tuple[Distribution, Distribution]:
    places = jnp.stack([jnp.stack([s, s]), jnp.stack([s + 1.0, s])])
    modes = dist.MultivariateNormal(places, scale_tril=jnp.eye(2, dtype=s.dtype))
    return dist.MixtureSameFamily(dist.Categorical(probs=jnp.array([0.5, 0.5])), modes), dist.MultivariateNormal(
        places[0], scale_tril=jnp.eye(2, dtype=s.dtype)
    )


def _gaussians(s: Array) -> tuple[Distribution, Distribution]:
    mean = jnp.stack([s, s])
    return dist.MultivariateNormal(mean, scale_tril=jnp.eye(2, dtype=s.dtype)), dist.MultivariateNormal(
        mean + jnp.array([1.0, 0.0], s.dtype), scale_tril=1.5 * jnp.eye(2, dtype=s.dtype)
    )


@pytest.mark.parametrize("laws", [_in_the_plane, _gaussians])
@pytest.mark.parametrize(
    "divergence",
    [exact.kl, exact.squared_hellinger, exact.jensen_shannon, exact.energy_distance],
    ids=lambda f: f.__name__,
)
def test_a_common_shift_of_laws_of_the_plane_changes_nothing(
    laws: Callable[[Array], tuple[Distribution, Distribution]], divergence: Callable[..., Array]
) -> None:
    """Their places are whole numbers: exact in single precision, where densities were not (KL of these mixtures at 10^4: 1e-3 off)."""
    found = [float(divergence(*laws(jnp.float32(s)))) for s in (0.0, 2.0**14)]
    assert found[1] == pytest.approx(found[0], rel=1e-6)


LAWS_WITH_A_PLACE: list[Distribution] = [
    dist.Normal(1.0, 0.5),
    dist.AsymmetricLaplace(1.0, 0.5, 2.0),
    dist.StudentT(3.0, 1.0, 0.5),
    dist.Uniform(-1.5, 2.0),
    dist.TruncatedNormal(0.0, 1.0, low=-1.5, high=2.0),
    _mixture(jnp.ones(())),
    dist.MixtureGeneral(dist.Categorical(probs=jnp.array([0.4, 0.6])), [dist.Normal(0.0, 1.0), dist.Laplace(2.0, 1.0)]),
    dist.TransformedDistribution(dist.Beta(2.0, 3.0), dist.transforms.AffineTransform(0.5, -2.0)),
]


@pytest.mark.slow
@cases("law", LAWS_WITH_A_PLACE, ids=lambda law: type(law).__name__)
def test_a_law_that_is_moved_has_its_density_there(law: Distribution) -> None:
    x, by = jnp.linspace(-1.2, 0.4, 5), jnp.float32(0.25)
    moved = translates.translated(law, by)
    np.testing.assert_allclose(jax.vmap(moved.log_prob)(x + by), jax.vmap(law.log_prob)(x), rtol=1e-5, atol=1e-5)
    before, after = translates.location(law), translates.location(moved)
    assert before is not None
    assert after is not None
    assert float(after) == pytest.approx(float(before) + 0.25)


def test_a_law_without_a_place_stays_where_it_is() -> None:
    p, q = dist.Normal(5.0, 1.0), dist.Gamma(2.0, 1.0)
    assert translates.near_zero(p, q) == (p, q)
    assert translates.near_zero(q, p) == (q, p)


@pytest.mark.slow
def test_laws_far_from_0_that_have_no_place_are_refused_in_single_precision() -> None:
    """LogNormal(log 100, .01) has no location to be moved by; quantiles near 100 are rounded by more than 1e-4 of W1, which is .005."""
    p, q = dist.LogNormal(np.float32(np.log(100.0)), np.float32(0.01)), dist.Normal(100.0, 1.0)
    with pytest.raises(ValueError, match="with an error of up to"):
        exact.wasserstein(p, q)
    with pytest.raises(ValueError, match="with an error of up to"):
        exact.energy_distance(dist.LogNormal(np.float32(np.log(1e4)), 1e-3), dist.Normal(1e4, 10.0))
    assert float(exact.wasserstein(p, p)) == 0.0
    x = np.linspace(88.0, 114.0, 200_001)
    known = stats.lognorm(float(p.scale), scale=np.exp(float(p.loc))).cdf(x) - stats.norm(100.0, 1.0).cdf(x)
    truth = np.trapezoid(np.abs(known), x)
    value, error = exact.with_error(exact.wasserstein, p, q)
    assert abs(float(value) - truth) <= float(error)
    near = dist.LogNormal(np.float32(np.log(10.0)), np.float32(0.1)), dist.Normal(10.0, 1.0)
    found = float(exact.wasserstein(*near))
    with jax.enable_x64(True):
        # Nearer to 0 it is right, and not refused.
        double = dist.LogNormal(float(near[0].loc), float(near[0].scale)), dist.Normal(10.0, 1.0)
        assert found == pytest.approx(float(exact.wasserstein(*double)), rel=1e-4)
        double = dist.LogNormal(float(p.loc), float(p.scale)), dist.Normal(100.0, 1.0)
        assert float(exact.wasserstein(*double)) == pytest.approx(truth, rel=1e-6)


def _slanted(unit):
    return jnp.asarray([[1.0, 0.0], [0.5, 0.7]], jnp.float32) * unit


UNITS = {
    "W1 of points": lambda u: exact.wasserstein(dist.Delta(0.0 * u), dist.Delta(u)),
    "energy of points": lambda u: exact.energy_distance(dist.Delta(0.0 * u), dist.Delta(u)),
    "W2": lambda u: exact.wasserstein(dist.Normal(0.0 * u, u), dist.Normal(0.5 * u, 2.0 * u), 2),
    "W2 in the plane": lambda u: exact.wasserstein(
        dist.MultivariateNormal(jnp.zeros(2) * u, scale_tril=jnp.eye(2) * u),
        dist.MultivariateNormal(jnp.full(2, 0.5) * u, scale_tril=_slanted(u)),
        2,
    ),
    "W1 of a translate": lambda u: exact.wasserstein(
        dist.MultivariateNormal(jnp.zeros(2) * u, scale_tril=_slanted(u)),
        dist.MultivariateNormal(jnp.full(2, 0.5) * u, scale_tril=_slanted(u)),
    ),
    "energy": lambda u: exact.energy_distance(dist.Uniform(0.0 * u, u), dist.Uniform(0.5 * u, 2.0 * u)),
}


@pytest.mark.parametrize("name", UNITS)
def test_a_distance_goes_with_the_unit_of_length(name):
    """In units in which squares of lengths are beyond single precision, on either side."""
    plain = float(UNITS[name](jnp.float32(1.0)))
    for exponent in (-80, 80):
        assert float(UNITS[name](jnp.float32(2.0**exponent))) == pytest.approx(2.0**exponent * plain, rel=2e-6)
