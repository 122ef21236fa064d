"""The table of f-divergences: Fenchel's equality, activations, and what the best value is worth."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy.special import lambertw

from gan_jax.divergences import exact, f_divergence
from gan_jax.divergences.f_divergence import F_DIVERGENCES
from tests.cases import cases

NAMES = list(F_DIVERGENCES)
LOG_RATIOS = np.array([-6.0, -2.0, -0.5, -1e-4, 0.0, 1e-4, 0.5, 2.0, 6.0])
# REFERENCE: f(u), f*(t) and g_f(v) as Nowozin et al. (2016), tables 1, 2 and 6, print them.
PRINTED = {
    "kl": (lambda u: u * np.log(u), lambda t: np.exp(t - 1), lambda v: v, 1.0),
    "reverse_kl": (lambda u: -np.log(u), lambda t: -1 - np.log(-t), lambda v: -np.exp(-v), -1.0),
    "pearson": (lambda u: (u - 1) ** 2, lambda t: t**2 / 4 + t, lambda v: v, 0.0),
    "neyman": (lambda u: (1 - u) ** 2 / u, lambda t: 2 - 2 * np.sqrt(1 - t), lambda v: 1 - np.exp(-v), 0.0),
    "squared_hellinger": (lambda u: (np.sqrt(u) - 1) ** 2, lambda t: t / (1 - t), lambda v: 1 - np.exp(-v), 0.0),
    "jeffreys": (
        lambda u: (u - 1) * np.log(u),
        lambda t: lambertw(np.exp(1 - t)).real + 1 / lambertw(np.exp(1 - t)).real + t - 2,
        lambda v: v,
        0.0,
    ),
    "jensen_shannon": (
        lambda u: -(u + 1) * np.log((1 + u) / 2) + u * np.log(u),
        lambda t: -np.log(2 - np.exp(t)),
        lambda v: np.log(2) - np.log(1 + np.exp(-v)),
        0.0,
    ),
    "total_variation": (lambda u: np.abs(u - 1) / 2, lambda t: t, lambda v: np.tanh(v) / 2, 0.0),
    "gan": (
        lambda u: u * np.log(u) - (u + 1) * np.log(u + 1),
        lambda t: -np.log(1 - np.exp(t)),
        lambda v: -np.log(1 + np.exp(-v)),
        -np.log(2.0),
    ),
}


@pytest.mark.slow
@cases("name", NAMES)
def test_row_is_the_published_one(name):
    row = F_DIVERGENCES[name]
    f, conjugate, activation, at_one = PRINTED[name]
    v = np.linspace(-3.0, 3.0, 13)
    t = np.asarray(activation(v))
    with jax.enable_x64(True):
        np.testing.assert_allclose(row.f(jnp.asarray(LOG_RATIOS)), f(np.exp(LOG_RATIOS)), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(row.activation(jnp.asarray(v)), t, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(row.conjugate(jnp.asarray(t)), conjugate(t), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(row.conjugate_of_activation(jnp.asarray(v)), conjugate(t), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(row.f_prime(jnp.zeros(())), at_one, atol=1e-15)
    assert row.f_prime_at_one == pytest.approx(at_one)


@cases("name", NAMES)
def test_fenchel_equality(name):
    """``f(u) = u f'(u) - f*(f'(u))``: the optimal critic is where the conjugate is attained."""
    row = F_DIVERGENCES[name]
    with jax.enable_x64(True):
        r = jnp.asarray(LOG_RATIOS)
        u, t = jnp.exp(r), row.f_prime(r)
        np.testing.assert_allclose(row.f(r), u * t - row.conjugate(t), rtol=1e-9, atol=1e-11)


@pytest.mark.slow
@cases("name", [n for n in NAMES if n != "total_variation"])
def test_f_prime_is_the_derivative_and_link_inverts_the_activation(name):
    row = F_DIVERGENCES[name]
    with jax.enable_x64(True):
        r = jnp.asarray(LOG_RATIOS)
        # d f(e^r) / dr = u f'(u).
        np.testing.assert_allclose(jax.vmap(jax.grad(row.f))(r), jnp.exp(r) * row.f_prime(r), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(row.activation(row.link(r)), row.f_prime(r), rtol=1e-12, atol=1e-15)


@pytest.mark.slow
@cases("name", NAMES)
def test_conjugate_is_the_supremum(name):
    """``f*(t) >= u t - f(u)`` for every u, with equality nowhere above."""
    row = F_DIVERGENCES[name]
    with jax.enable_x64(True):
        r = jnp.linspace(-8.0, 8.0, 4001)
        for v in (-1.5, 0.0, 0.7):
            t = row.activation(jnp.asarray(v))
            below = jnp.exp(r) * t - row.f(r)
            assert float(row.conjugate(t)) >= float(jnp.max(below)) - 1e-12
            # The grid's step of .004 leaves at most f'' (.002 u)^2 / 2.
            assert float(row.conjugate(t)) == pytest.approx(float(jnp.max(below)), abs=1e-3)


@cases(
    ("name", "outside"),
    [
        ("reverse_kl", 0.1),
        ("neyman", 1.1),
        ("squared_hellinger", 1.0),
        ("jensen_shannon", 0.7),
        ("total_variation", 0.6),
        ("gan", 0.0),
    ],
)
def test_conjugate_is_infinite_outside_its_domain(name, outside):
    assert F_DIVERGENCES[name].conjugate(jnp.asarray(outside)) == jnp.inf


@cases("name", NAMES)
def test_gradients_are_finite_where_log_ratios_are_large(name):
    row = F_DIVERGENCES[name]
    v = jnp.asarray([-60.0, 0.0, 60.0])
    for function in (row.activation, row.conjugate_of_activation):
        gradient = np.asarray(jax.vmap(jax.grad(function))(v))
        assert np.isfinite(gradient).all()


EXACT = {
    "kl": lambda p, q: exact.kl(p, q),
    "reverse_kl": lambda p, q: exact.kl(q, p),
    "pearson": lambda p, q: exact.chi_squared(p, q),
    "neyman": lambda p, q: exact.chi_squared(q, p),
    "squared_hellinger": lambda p, q: exact.squared_hellinger(p, q),
    "jeffreys": lambda p, q: exact.kl(p, q) + exact.kl(q, p),
    "jensen_shannon": lambda p, q: exact.jensen_shannon(p, q),
    "total_variation": lambda p, q: exact.total_variation(p, q),
    "gan": lambda p, q: exact.jensen_shannon(p, q),
}


@pytest.mark.slow
@cases("name", NAMES)
def test_the_optimal_critics_value_is_the_divergence(name):
    """``E_P[T*] - E_Q[f*(T*)]`` by quadrature, put into standard units, is what ``exact`` says (and so is ``E_Q[f]``)."""
    row = F_DIVERGENCES[name]
    with jax.enable_x64(True):
        p, q = dist.Normal(0.0, 1.0), dist.Normal(1.0, 1.2)
        x = jnp.linspace(-15.0, 15.0, 600_001)
        step = 30.0 / 600_000
        log_p, log_q = p.log_prob(x), q.log_prob(x)
        t = row.f_prime(log_p - log_q)
        value = jnp.sum(jnp.exp(log_p) * t - jnp.exp(log_q) * row.conjugate(t)) * step
        direct = jnp.sum(jnp.exp(log_q) * row.f(log_p - log_q)) * step
        truth = float(EXACT[name](p, q))
        value, direct = float(row.standard(value)), float(row.standard(direct))
    # The trapezoidal rule is exact for smooth integrands; total variation's jump of T costs its step.
    tolerance = step if name == "total_variation" else 1e-10
    assert value == pytest.approx(truth, abs=tolerance)
    assert direct == pytest.approx(truth, abs=tolerance)


@pytest.mark.slow
@cases("name", NAMES)
def test_bound_of_samples_lies_below_for_other_critics(name):
    """With a critic that is not the optimum the expected bound is smaller: v = link(r) / 2 against v = link(r)."""
    row = F_DIVERGENCES[name]
    x = dist.Normal(0.0, 1.0).sample(jax.random.key(0), (20_000,))
    y = dist.Normal(1.0, 1.0).sample(jax.random.key(1), (20_000,))
    best, other = (
        f_divergence.variational_bound(row, row.link(0.5 - x) * scale, row.link(0.5 - y) * scale)
        for scale in (1.0, 0.4)
    )
    if name == "total_variation":
        pytest.skip("its optimal output is infinite at every scale")
    assert float(best) > float(other)


def test_unknown_name():
    with pytest.raises(ValueError, match="name is 'pearsn'; did you mean 'pearson'"):
        f_divergence.f_divergence("pearsn")
