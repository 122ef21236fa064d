"""Exact distances on the line that come from moving mass; infinities, affine images, properties, bad input."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gan_jax import distributions
from gan_jax.divergences import exact, transport_on_the_line
from tests.cases import cases
from tests.tiers import some

LOG_2 = math.log(2.0)
DIVERGENCES = {
    "kl": exact.kl,
    "jensen_shannon": exact.jensen_shannon,
    "total_variation": exact.total_variation,
    "squared_hellinger": exact.squared_hellinger,
    "chi_squared": exact.chi_squared,
    "wasserstein": exact.wasserstein,
    "energy_distance": exact.energy_distance,
}


def _mixture(weights, means, scales):
    weights, means, scales = (jnp.asarray(a, jnp.result_type(float)) for a in (weights, means, scales))
    return dist.MixtureSameFamily(dist.Categorical(probs=weights), dist.Normal(means, scales))


@pytest.mark.slow
@cases("pair", ["diracs", "parallel_lines", "gaussians", "laplaces", "uniforms", "shifted_ring"])
@cases("order", [1, 2])
def test_wasserstein_of_a_translate_is_its_length_and_its_gradient_never_dies(pair, order):
    make = distributions.PAIRS[pair].make
    t = jnp.asarray([-3.0, 0.0, 0.5, 10.0])
    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(lambda t: exact.wasserstein(*make(t), order=order))))(t)
    np.testing.assert_allclose(values, np.abs(t), rtol=2e-6)
    np.testing.assert_allclose(slopes, np.sign(t), atol=2e-6)


INFINITE = {
    "KL of heavy tails": lambda: exact.kl(dist.Cauchy(0.0, 1.0), dist.Normal(0.0, 1.0)),
    "KL of supports that differ": lambda: exact.kl(dist.Uniform(0.0, 1.0), dist.Uniform(0.5, 1.5)),
    "chi-squared": lambda: exact.chi_squared(dist.Normal(0.0, 2.0), dist.Normal(0.0, 1.0)),
    "W1": lambda: exact.wasserstein(dist.Cauchy(0.0, 1.0), dist.Cauchy(0.0, 2.0)),
    "W1 from a point": lambda: exact.wasserstein(dist.Delta(0.0), dist.Cauchy(0.0, 1.0)),
    "KL of Student's law": lambda: exact.kl(dist.StudentT(2.0, 0.0, 1.0), dist.Normal(0.0, 1.0)),
    "KL to a bounded law": lambda: exact.kl(
        dist.Normal(0.0, 1.0), dist.Uniform(-50.0, 50.0) if jax.config.jax_enable_x64 else dist.Uniform(-9.0, 9.0)
    ),
    "KL to a half line": lambda: exact.kl(dist.Normal(0.0, 1.0), dist.Exponential(1.0)),
    "chi-squared of Laplace laws": lambda: exact.chi_squared(dist.Laplace(0.0, 2.0), dist.Laplace(0.0, 1.0)),
    "W1 of other tails": lambda: exact.wasserstein(dist.Cauchy(0.0, 1.0), dist.Normal(0.0, 1.0)),
    "W2": lambda: exact.wasserstein(dist.StudentT(2.0, 0.0, 1.0), dist.StudentT(2.0, 0.0, 2.0), order=2),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", some(INFINITE, 3))
def test_infinite_values(name):
    assert float(INFINITE[name]()) == np.inf


@pytest.mark.slow
def test_infinite_values_have_gradient_zero_and_large_finite_ones_are_finite():
    slope = jax.grad(lambda s: exact.chi_squared(dist.Laplace(0.0, s), dist.Laplace(0.0, 1.0)))(2.5)
    assert float(slope) == 0.0
    # Closed form: s^2 / q integrates to (1/s^2) / (2/s - 1), finite below s = 2.
    with jax.enable_x64(True):
        value = exact.chi_squared(dist.Laplace(0.0, 1.9), dist.Laplace(0.0, 1.0))
        assert float(value) == pytest.approx(1 / 1.9**2 / (2 / 1.9 - 1) - 1, rel=1e-6)


def _w1_normals(m, t):
    return t * math.sqrt(2 / math.pi) * math.exp(-m * m / 2 / t / t) + m * (2 * stats.norm.cdf(m / t) - 1)


@pytest.mark.exhaustive
def test_wasserstein_of_gaussians_by_rule_and_by_quadrature():
    with jax.enable_x64(True):
        p = dist.Normal(0.0, 1.0)
        by_quadrature = jax.jit(lambda q: transport_on_the_line.wasserstein(1, p, q).value)
        for m, s in ((1.0, 3.0), (0.0, 0.5), (5.0, 1.0), (3.0, 4.0)):
            truth = _w1_normals(m, abs(s - 1)) if s != 1 else m
            q = dist.Normal(m, s)
            assert float(exact.wasserstein(p, q)) == pytest.approx(truth, rel=1e-12)
            assert float(by_quadrature(q)) == pytest.approx(truth, rel=1e-9)
        assert float(exact.wasserstein(p, dist.Normal(1.0, 3.0))) == pytest.approx(1.791186, abs=0.5e-6)
        quantiles = jax.jit(
            jax.value_and_grad(lambda m, s: transport_on_the_line.wasserstein(2.0, p, dist.Normal(m, s)).value, (0, 1))
        )(1.0, 3.0)
        np.testing.assert_allclose(quantiles[0], math.sqrt(5.0), rtol=1e-9)
        np.testing.assert_allclose(np.asarray(quantiles[1]), np.array([1.0, 2.0]) / math.sqrt(5.0), rtol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("order", some([1, 1.5, 2, 3], 3))
def test_wasserstein_between_families_against_scipys_quantiles(order):
    """``integral over u of |F^-1 - G^-1|^order`` by SciPy's quantile functions, on a grid graded towards both ends."""
    z = np.linspace(-12.0, 12.0, 400_001)
    u, density = stats.norm.cdf(z), stats.norm.pdf(z)
    upper = stats.norm.sf(z)
    laplace = np.where(u < 0.5, 1.0 + 0.5 * np.log(2 * u), 1.0 - 0.5 * np.log(2 * upper))
    truth = (np.sum(np.abs(z - laplace) ** order * density) * (z[1] - z[0])) ** (1 / order)
    with jax.enable_x64(True):
        value = exact.wasserstein(dist.Normal(0.0, 1.0), dist.Laplace(1.0, 0.5), order=order)
    # The kink of |.|^order costs the grid its step squared.
    assert float(value) == pytest.approx(truth, rel=1e-7)


@pytest.mark.exhaustive
def test_wasserstein_of_heavy_tails():
    by_quadrature = jax.jit(lambda p, q: transport_on_the_line.wasserstein(1, p, q).value)
    with jax.enable_x64(True):
        cauchys = dist.Cauchy(0.0, 1.0), dist.Cauchy(1.0, 1.0)
        assert float(by_quadrature(*cauchys)) == pytest.approx(1.0, rel=1e-6)
        p, q = dist.StudentT(3.0, 0.0, 1.0), dist.StudentT(3.0, 0.0, 2.0)
        mean = 2 * math.sqrt(3) / math.pi  # E|T| with 3 degrees of freedom
        assert float(exact.wasserstein(p, q)) == pytest.approx(mean, rel=1e-6)
        value, slope = jax.jit(jax.value_and_grad(lambda s: by_quadrature(p, dist.StudentT(3.0, 0.0, s))))(2.0)
        assert float(value) == pytest.approx(mean, rel=1e-6)
        assert float(slope) == pytest.approx(mean, rel=1e-6)


@pytest.mark.exhaustive
def test_affine_images():
    """``a + b X`` for X ~ Laplace is a Laplace law; for a uniform X the support moves with its gradient."""
    affine = dist.transforms.AffineTransform
    with jax.enable_x64(True):
        image = dist.TransformedDistribution(dist.Laplace(0.0, 1.0), affine(1.0, -2.0))
        q = dist.Laplace(0.0, 1.0)
        for f in (exact.jensen_shannon, exact.kl, exact.wasserstein, exact.energy_distance):
            np.testing.assert_allclose(f(image, q), f(dist.Laplace(1.0, 2.0), q), rtol=1e-9)
        slope = jax.grad(
            lambda t: exact.jensen_shannon(
                dist.Uniform(0.0, 1.0), dist.TransformedDistribution(dist.Uniform(0.0, 1.0), affine(t, 1.0))
            )
        )(0.3)
        assert float(slope) == pytest.approx(LOG_2, rel=1e-9)


@pytest.mark.slow
def test_point_mass_against_a_law():
    with jax.enable_x64(True):
        normal = dist.Normal(1.0, 2.0)
        assert float(exact.wasserstein(dist.Delta(0.0), normal, order=2)) == pytest.approx(math.sqrt(5.0), rel=1e-9)
        truth = 2 * math.sqrt(2 / math.pi) * math.exp(-1 / 8) + 1 - 2 * stats.norm.cdf(-0.5)
        assert float(exact.wasserstein(normal, dist.Delta(0.0))) == pytest.approx(truth, rel=1e-9)
        assert float(exact.jensen_shannon(dist.Delta(0.0), normal)) == pytest.approx(LOG_2)
        slope = jax.grad(lambda a: exact.wasserstein(dist.Delta(a), dist.Uniform(0.0, 1.0)))(0.25)
        # E|X - a| = (a^2 + (1 - a)^2) / 2.
        assert float(slope) == pytest.approx(2 * 0.25 - 1, rel=1e-9)


@pytest.mark.slow
def test_energy_distance():
    with jax.enable_x64(True):
        p = dist.Normal(0.0, 1.0)
        assert float(exact.energy_distance(p, dist.Normal(1.0, 1.0))) == pytest.approx(0.541807, abs=0.5e-6)
        assert float(exact.energy_distance(p, dist.Normal(2.0, 1.0))) == pytest.approx(1.944260, abs=0.5e-6)
        assert float(exact.energy_distance(dist.Delta(1.0), dist.Delta(4.0))) == pytest.approx(6.0)
        # U[0, 1] against a point at a: 2 (a^2 - a + 1/2) - 1/3.
        assert float(exact.energy_distance(dist.Uniform(0.0, 1.0), dist.Delta(0.25))) == pytest.approx(
            2 * (0.0625 + 0.25) - 1 / 3, rel=1e-9
        )


FGAN = {
    "kl": (1.0100, 1.8304),
    "reverse_kl": (1.5841, 1.6294),
    "js": (1.3125, 1.7525),
    "jeffreys": (1.3249, 1.7023),
    "pearson": (0.5663, 1.9268),
}
CROSS = {
    "kl": [0.2881, 0.3545, 0.0683, 0.6426, 0.7576],
    "reverse_kl": [0.3648, 0.2507, 0.0688, 0.6155, 1.4801],
    "js": [0.3049, 0.2769, 0.0649, 0.5819, 0.9840],
    "jeffreys": [0.3107, 0.2684, 0.0651, 0.5791, 1.0298],
    "pearson": [0.3171, 0.5671, 0.0839, 0.8843, 0.6616],
}


@pytest.mark.exhaustive
def test_fgans_univariate_table():
    """Every divergence at every optimum; the tolerance is the rounding of the optimum times the slope, plus the value's own."""
    rows = np.array(list(FGAN.values()))

    def all_five(at):
        p, q = _mixture((0.33, 0.67), (-1.0, 2.0), (0.25, math.sqrt(2.0))), dist.Normal(at[0], at[1])
        forward, backward = exact.kl(p, q), exact.kl(q, p)
        return jnp.stack([forward, backward, exact.jensen_shannon(p, q), forward + backward, exact.chi_squared(p, q)])

    with jax.enable_x64(True):
        values, slopes = jax.jit(jax.vmap(lambda at: (all_five(at), jax.jacfwd(all_five)(at))))(jnp.asarray(rows))
        values, slopes = np.asarray(values), np.asarray(slopes)
    tolerance = 0.51e-4 * (1 + np.abs(slopes).sum(axis=2))
    np.testing.assert_array_less(np.abs(values - np.array(list(CROSS.values()))), tolerance)
    # Each divergence is stationary at its own optimum.
    assert np.abs(np.einsum("iij->ij", slopes)).max() < 5e-4


@pytest.mark.exhaustive
@given(m=st.floats(0.0, 6.0), s=st.floats(0.2, 5.0), w=st.floats(0.05, 0.95))
@settings(deadline=None, max_examples=20)
def test_properties_of_mixtures(m, s, w):
    """Symmetry, bounds, JS <= TV log 2, Pinsker, H^2 <= TV <= H sqrt(2 - H^2), zero of a law with itself."""
    p, q = _mixture((w, 1 - w), (0.0, 3.0), (1.0, 0.5)), _mixture((0.5, 0.5), (m, -m), (s, 1.0))
    js, tv, h, kl = (
        float(f(p, q)) for f in (exact.jensen_shannon, exact.total_variation, exact.squared_hellinger, exact.kl)
    )
    slack = 4e-6
    assert -slack <= js <= min(LOG_2, tv * LOG_2) + slack
    assert js == pytest.approx(float(exact.jensen_shannon(q, p)), abs=slack)
    assert h - slack <= tv <= math.sqrt(h * (2 - h)) + slack
    assert tv <= math.sqrt(kl / 2) + slack
    assert kl <= math.log1p(float(exact.chi_squared(p, q))) + slack * (1 + kl)
    assert float(exact.jensen_shannon(p, p)) == 0.0
    assert float(exact.total_variation(p, p)) == 0.0


def test_a_batched_law_inside_vmap_is_one_law():
    values = jax.vmap(exact.kl)(dist.Normal(jnp.zeros(3), jnp.ones(3)), dist.Normal(jnp.arange(3.0), jnp.ones(3)))
    np.testing.assert_allclose(values, [0, 0.5, 2], atol=2e-6)


@pytest.mark.slow
def test_saturation_identity_of_the_generators_gradients():
    """Non-saturating = m - 2 dJS/dm = d KL(P_G || P_data) / dm - 2 dJS/dm (Arjovsky & Bottou 2017, Theorem 2.5)."""
    with jax.enable_x64(True):
        data = dist.Normal(0.0, 1.0)
        slope = jax.grad(
            lambda m: exact.kl(dist.Normal(m, 1.0), data) - 2 * exact.jensen_shannon(dist.Normal(m, 1.0), data)
        )
        np.testing.assert_allclose([slope(m) for m in (1.0, 4.0)], [0.6020, 3.8628], atol=0.5e-4)


@cases(
    ("call", "message"),
    [
        (
            lambda: exact.kl(dist.Normal(jnp.zeros(3), 1.0), dist.Normal(0.0, 1.0)),
            r"p has batch shape \(3,\); expected one distribution: .*jax.vmap",
        ),
        (
            lambda: exact.kl(dist.Normal(0.0, 1.0), distributions.gaussian_ring()),
            r"p has event shape \(\) and q has event shape \(2,\)",
        ),
        (lambda: exact.kl(3.0, dist.Normal(0.0, 1.0)), "p is a float; expected a NumPyro distribution"),
        (
            lambda: exact.kl(dist.Poisson(1.0), dist.Normal(0.0, 1.0)),
            "Poisson is discrete; expected a law with a density",
        ),
        (
            lambda: exact.kl(dist.Normal(0.0, 1.0), dist.Normal(jnp.nan, 1.0, validate_args=False)),
            "q, a Normal, has a parameter that is NaN",
        ),
        (
            lambda: exact.wasserstein(dist.Normal(0.0, 1.0), dist.Normal(0.0, 1.0), order=0.5),
            "order is 0.5; expected a value of at least 1",
        ),
        (
            lambda: exact.wasserstein(dist.Normal(0.0, 1.0), dist.Normal(0.0, 1.0), order=math.inf),
            "order holds 1 value",
        ),
        (
            lambda: exact.wasserstein(dist.Normal(0.0, 1.0), dist.Normal(1.0, 1.0), order=jnp.array([1.0, 2.0])),
            r"order has shape \(2,\); expected one number",
        ),
        (
            lambda: jax.jit(lambda k: exact.wasserstein(dist.Normal(0.0, 1.0), dist.Normal(1.0, 1.0), order=k))(2.0),
            "order is traced; expected a value of at least 1, known at compile time",
        ),
        (
            lambda: exact.kl(distributions.swiss_roll(), distributions.swiss_roll()),
            "kl of SwissRoll and SwissRoll .* has no exact rule here; .*empirical",
        ),
    ],
)
def test_bad_input_is_one_clear_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
