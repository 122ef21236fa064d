"""Exact divergences on the line: 30-digit values, closed forms, gradients, infinities, singular pairs."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import numpyro.distributions as dist
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_jax import distributions
from gan_jax.divergences import exact, integrands, quadrature_1d, transport_on_the_line
from tests.tiers import some, those

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


THREE = (0.25, 0.25, 0.5)
# JS, KL and squared Hellinger, integrated by mpmath with 30 digits on panels around every scale of both laws.
THIRTY_DIGITS = {
    "shift of .003": (
        lambda: (dist.Normal(0.0, 1.0), dist.Normal(0.003, 1.0)),
        1.12499873437689843e-6,
        4.5e-6,
        1.1249993671877373e-6,
    ),
    "shift of 10": (
        lambda: (dist.Normal(0.0, 1.0), dist.Normal(10.0, 1.0)),
        0.693146317393984464,
        50.0,
        0.999996273346827921,
    ),
    "narrow": (
        lambda: (dist.Normal(0.0, 1.0), dist.Normal(0.3, 0.001)),
        0.684875851455021143,
        544992.592244721018,
        0.956273656250347762,
    ),
    "wide": (
        lambda: (dist.Normal(0.0, 1.0), dist.Normal(2.0, 50.0)),
        0.605669498594177582,
        3.41302300542814606,
        0.800119924046106349,
    ),
    "Laplaces": (
        lambda: (dist.Laplace(0.0, 1.0), dist.Laplace(2.0, 0.5)),
        0.376708600152021799,
        2.57752338591328007,
        0.433915201983362703,
    ),
    "Laplace, normal": (
        lambda: (dist.Laplace(0.0, 1.0), dist.Normal(1.0, 2.0)),
        0.0771920300840743793,
        0.293938533204672742,
        0.080025559833774069,
    ),
    "Cauchys": (
        lambda: (dist.Cauchy(0.0, 1.0), dist.Cauchy(1.0, 1.0)),
        0.0542306615981851542,
        0.223143551314209756,
        0.054993669070241946,
    ),
    "narrow Cauchy": (
        lambda: (dist.Cauchy(0.0, 1.0), dist.Cauchy(3.0, 0.01)),
        0.631880800402390149,
        5.52346890051503938,
        0.833027340064983494,
    ),
    "Students": (
        lambda: (dist.StudentT(3.0, 0.0, 1.0), dist.StudentT(3.0, 2.0, 0.5)),
        0.361176704880993861,
        2.18502114660001613,
        0.408003625053123003,
    ),
    "normal, Student": (
        lambda: (dist.Normal(0.0, 1.0), dist.StudentT(2.0, 1.0, 1.0)),
        0.119091318211004036,
        0.45582717058327688,
        0.133858254631927877,
    ),
    "f-GAN's mixture": (
        lambda: (_mixture((0.33, 0.67), (-1.0, 2.0), (0.25, math.sqrt(2.0))), dist.Normal(1.0, 1.8)),
        0.068277079031814931,
        0.288392590716539582,
        0.0727376139018546717,
    ),
    "two mixtures": (
        lambda: (
            _mixture(THREE, (-20.0, 0.0, 7.0), (0.01, 1.0, 0.2)),
            _mixture(THREE, (-20.0, 0.5, 7.0), (0.02, 1.0, 0.1)),
        ),
        0.0771278281955200129,
        0.512424114324864758,
        0.0868706093803466838,
    ),
}


@jax.jit
def _by_quadrature(p, q):
    """JS, KL and squared Hellinger from the quadrature itself: closed forms are not asked."""
    rows = (integrands.JENSEN_SHANNON, integrands.KL, integrands.SQUARED_HELLINGER)
    return jnp.stack([quadrature_1d.f_divergence(row, p, q).value for row in rows])


@pytest.mark.slow
@pytest.mark.parametrize("name", some(THIRTY_DIGITS, 3))
def test_thirty_digit_values(name):
    """Float64 within 1e-6 relative, float32 within 2e-6 absolute (relative where the value exceeds 1)."""
    make, *truth = THIRTY_DIGITS[name]
    with jax.enable_x64(True):
        values = np.asarray(_by_quadrature(*make()))
    assert values.dtype == np.float64
    np.testing.assert_allclose(values, truth, rtol=1e-6)
    if name in ("Laplaces", "Students", "normal, Student", "f-GAN's mixture"):
        return  # the others cover single precision; each family is one more compilation
    values = np.asarray(_by_quadrature(*make()))
    assert values.dtype == np.float32
    np.testing.assert_array_less(np.abs(values - truth), 2e-6 * np.maximum(1.0, np.abs(truth)))


def test_the_constants_above_come_from_mpmath():
    with mpmath.workdps(30):
        p, q = (lambda x: 1 / (mpmath.pi * (1 + x**2))), (lambda x: 1 / (mpmath.pi * (1 + (x - 1) ** 2)))
        value = mpmath.quad(
            lambda x: (p(x) * mpmath.log(2 * p(x) / (p(x) + q(x))) + q(x) * mpmath.log(2 * q(x) / (p(x) + q(x)))) / 2,
            [-mpmath.inf, -1000, -30, -4, 0, 0.5, 1, 5, 30, 1000, mpmath.inf],
        )
    assert float(value) == pytest.approx(THIRTY_DIGITS["Cauchys"][1], rel=1e-12)


# REFERENCE_RESULTS, section 1: m, JS, TV, 2 dJS/dm.
GAUSSIANS = np.array(
    [
        [0.5, 0.03031130, 0.19741, 0.23526],
        [1, 0.11142148, 0.38292, 0.39797],
        [2, 0.33683082, 0.68269, 0.44960],
        [3, 0.52677731, 0.86639, 0.29586],
        [4, 0.63272019, 0.95450, 0.13719],
        [6, 0.68929793, 0.99730, 1.245e-2],
        [8, 0.69305365, 0.99994, 3.929e-4],
        [10, 0.69314632, 1.0, 4.464e-6],
    ]
)


@pytest.mark.slow
@pytest.mark.parametrize("x64", some([True, False], 2))
def test_table_of_shifted_gaussians_with_gradients_out_to_ten(x64):
    with jax.enable_x64(x64):
        standard = dist.Normal(0.0, 1.0)
        m = jnp.asarray(GAUSSIANS[:, 0])
        js, slope = jax.jit(
            jax.vmap(jax.value_and_grad(lambda m: exact.jensen_shannon(standard, dist.Normal(m, 1.0))))
        )(m)
        tv = jax.jit(jax.vmap(lambda m: exact.total_variation(standard, dist.Normal(m, 1.0))))(m)
        js, slope, tv = (np.asarray(a) for a in (js, slope, tv))
    # Half a unit of the last digit printed (the fourth, of gradients), and float32's own tolerance.
    np.testing.assert_allclose(js, GAUSSIANS[:, 1], atol=0.5e-8 if x64 else 2e-6)
    np.testing.assert_allclose(tv, GAUSSIANS[:, 2], atol=0.5e-5)
    np.testing.assert_allclose(2 * slope, GAUSSIANS[:, 3], rtol=5e-4)


@pytest.mark.slow
def test_gradients_are_those_of_finite_differences_of_mpmath():
    """dJS/dm and dJS/ds at N(0,1), N(1.5, 2) against central differences in 22 digits."""

    def truth(m, s):
        density = mpmath.npdf
        points = [-30, -6, -2, 1, 4, 9, 30]
        return mpmath.quad(
            lambda x: (
                sum(a * mpmath.log(2 * a / (density(x) + density(x, m, s))) for a in (density(x), density(x, m, s))) / 2
            ),
            points,
        )

    with mpmath.workdps(22):
        h = mpmath.mpf("1e-6")
        m, s = mpmath.mpf("1.5"), mpmath.mpf(2)
        slopes = [
            float((truth(m + h, s) - truth(m - h, s)) / (2 * h)),
            float((truth(m, s + h) - truth(m, s - h)) / (2 * h)),
        ]
    with jax.enable_x64(True):
        standard = dist.Normal(0.0, 1.0)
        ours = jax.grad(lambda m, s: exact.jensen_shannon(standard, dist.Normal(m, s)), (0, 1))(1.5, 2.0)
        np.testing.assert_allclose(np.asarray(ours), slopes, rtol=1e-9)


@pytest.mark.slow
def test_scales_of_the_reference():
    with jax.enable_x64(True):
        js = jax.jit(jax.vmap(lambda s: exact.jensen_shannon(dist.Normal(0.0, 1.0), dist.Normal(0.0, s))))
        values = np.asarray(js(jnp.asarray([2.0, 4.0, 10.0, 0.5, 0.25, 0.1])))
    np.testing.assert_allclose(values, [0.092733, 0.253471, 0.433311] * 2, atol=0.5e-6)


def _normal_kl(m, s):
    return math.log(s) + (1 + m * m) / (2 * s * s) - 0.5


@given(m=st.floats(0.001, 12.0), s=st.floats(0.75, 8.0))
@settings(deadline=None, max_examples=25)
def test_quadrature_gives_the_closed_forms_of_gaussians(m, s):
    """KL, Hellinger: closed forms that the quadrature does not know of."""
    with jax.enable_x64(True):
        _, kl, hellinger = np.asarray(_by_quadrature(dist.Normal(0.0, 1.0), dist.Normal(m, s)))
    assert kl == pytest.approx(_normal_kl(m, s), rel=1e-9)
    overlap = math.sqrt(2 * s / (1 + s * s)) * math.exp(-m * m / (4 * (1 + s * s)))
    assert hellinger == pytest.approx(1 - overlap, rel=1e-9, abs=1e-14)


@pytest.mark.slow
def test_closed_form_dispatch_agrees_with_the_quadrature():
    with jax.enable_x64(True):
        p, q = dist.Normal(0.5, 1.0), dist.Normal(-1.0, 1.2)
        for closed, row in (
            (exact.kl, integrands.KL),
            (exact.squared_hellinger, integrands.SQUARED_HELLINGER),
            (exact.chi_squared, integrands.CHI_SQUARED),
        ):
            quadrature = jax.jit(
                jax.value_and_grad(lambda m, row=row: quadrature_1d.f_divergence(row, dist.Normal(m, 1.0), q).value)
            )(0.5)
            dispatched = jax.value_and_grad(lambda m, closed=closed: closed(dist.Normal(m, 1.0), q))(p.loc)
            np.testing.assert_allclose(np.asarray(quadrature), np.asarray(dispatched), rtol=1e-10)


@jax.jit
def _w1_by_quadrature(p, q):
    return transport_on_the_line.wasserstein(1, p, q).value


@pytest.mark.slow
@pytest.mark.parametrize("m", some([0.003, 1.0, 2.0, 4.0], 3))
def test_laplaces(m):
    with jax.enable_x64(True):
        p, q = dist.Laplace(0.0, 1.0), dist.Laplace(m, 1.0)
        assert float(exact.kl(p, q)) == pytest.approx(m + math.expm1(-m), rel=1e-9)
        assert float(exact.total_variation(p, q)) == pytest.approx(-math.expm1(-m / 2), rel=1e-12)
        assert float(exact.wasserstein(p, q)) == pytest.approx(m, rel=1e-12)
        assert float(_w1_by_quadrature(p, q)) == pytest.approx(m, rel=1e-9)
        if m >= 1:
            js = {1.0: 0.088520, 2.0: 0.247720, 4.0: 0.498823}[m]
            assert float(exact.jensen_shannon(p, q)) == pytest.approx(js, abs=0.5e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "js"), [(2.0, 0.053782), (4.0, 0.173315)])
def test_exponentials(rate, js):
    with jax.enable_x64(True):
        p, q = dist.Exponential(1.0), dist.Exponential(rate)
        assert float(exact.kl(p, q)) == pytest.approx(-math.log(rate) + rate - 1, rel=1e-10)
        assert float(exact.jensen_shannon(p, q)) == pytest.approx(js, abs=0.5e-6)
        assert float(exact.wasserstein(p, q)) == pytest.approx(1 - 1 / rate, rel=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [
        lambda t: (dist.Gamma(2.0, 1.0), dist.Gamma(2.0 + t, 1.5)),
        lambda t: (dist.Beta(0.5, 0.7), dist.Beta(0.5 + t, 2.0)),
        lambda t: (dist.LogNormal(0.0, 1.0), dist.LogNormal(t, 0.8)),
    ],
    ids=["Gamma", "Beta with a pole", "LogNormal"],
)
def test_other_families_against_numpyros_closed_forms(make):
    """Laws that are known by their moments and support alone; NumPyro has these KLs in closed form."""
    with jax.enable_x64(True):
        p, q = make(0.6)
        truth = (
            dist.kl_divergence(p.base_dist, q.base_dist) if isinstance(p, dist.LogNormal) else dist.kl_divergence(p, q)
        )
        assert float(exact.kl(p, q)) == pytest.approx(float(truth), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["jensen_shannon", "total_variation", "squared_hellinger", "wasserstein", "kl", "chi_squared"]
)
def test_shifted_uniforms(name):
    """``t log 2``, ``t``, ``t``, ``t``, infinite: the gradient is that of a support that moves."""
    t = jnp.asarray([0.0, 0.25, 0.9, 1.5, 4.0])
    inside = np.minimum(t, 1.0)
    value = {"jensen_shannon": LOG_2 * inside, "wasserstein": t}.get(name, inside)
    slope = np.where(np.asarray(t) < 1, {"jensen_shannon": LOG_2}.get(name, 1.0), 1.0 if name == "wasserstein" else 0.0)
    if name in ("kl", "chi_squared"):
        value, slope = np.where(np.asarray(t) > 0, np.inf, 0.0), np.zeros(5)
    slope[0] = 0.0
    f = jax.jit(
        jax.vmap(jax.value_and_grad(lambda t: DIVERGENCES[name](dist.Uniform(0.0, 1.0), dist.Uniform(t, 1.0 + t))))
    )
    values, slopes = f(t)
    np.testing.assert_allclose(values, value, atol=2e-6)
    np.testing.assert_allclose(slopes, slope, atol=2e-6)


SINGULAR = {
    "kl": np.inf,
    "jensen_shannon": LOG_2,
    "total_variation": 1.0,
    "squared_hellinger": 1.0,
    "chi_squared": np.inf,
}


@pytest.mark.parametrize("pair", ["diracs", "parallel_lines"])
@pytest.mark.parametrize("name", SINGULAR)
def test_singular_pairs_are_at_the_bound_with_gradient_zero(pair, name):
    make = distributions.PAIRS[pair].make
    values, slopes = jax.vmap(jax.value_and_grad(lambda t: DIVERGENCES[name](*make(t))))(
        jnp.asarray([-2.0, 0.0, 1e-6, 3.0])
    )
    np.testing.assert_allclose(values, [SINGULAR[name], 0.0, SINGULAR[name], SINGULAR[name]], rtol=1e-6)
    np.testing.assert_array_equal(slopes, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("form", those(["expanded"], ["expanded", "logits", "affine"]))
def test_a_law_in_another_form_is_the_same_law(form):
    """Expanded to no batch, with logits for probabilities, as an affine image of itself: values, and slopes in a location."""

    def mixture(weights, m):
        return dist.MixtureSameFamily(weights, dist.Normal(jnp.stack([m, 3.0 * m]), 1.0))

    def expanded(m):
        return dist.ExpandedDistribution(dist.Normal(m, 2.0), ())

    def moved(m):
        return dist.TransformedDistribution(dist.Normal(0.0, 2.0), dist.transforms.AffineTransform(m, 1.0))

    def plain(m):
        return dist.Normal(m, 2.0)

    def by_probs(m):
        return mixture(dist.Categorical(probs=jnp.asarray([0.2, 0.8])), m)

    def by_logits(m):
        return mixture(dist.Categorical(logits=jnp.log(jnp.asarray([0.2, 0.8]))), m)

    q = dist.Laplace(0.0, 1.0)
    f, make, other = {
        "expanded": (exact.kl, plain, expanded),
        "logits": (exact.kl, by_probs, by_logits),
        "affine": (exact.wasserstein, plain, moved),
    }[form]
    with jax.enable_x64(True):
        of = [jax.jit(jax.value_and_grad(lambda m, law=law: f(law(m), q))) for law in (make, other)]
        np.testing.assert_allclose(of[1](0.7), of[0](0.7), rtol=1e-9)


def test_a_law_of_the_plane_expanded_to_no_batch_is_itself():
    with jax.enable_x64(True):
        far = dist.MultivariateNormal(jnp.ones(2), jnp.eye(2))
        same = dist.ExpandedDistribution(far, ())
        np.testing.assert_allclose(exact.kl(same, far), 0.0, atol=1e-12)
