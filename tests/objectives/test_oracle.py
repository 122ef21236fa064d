"""With the optimal discriminator plugged in, every variational value is the divergence it stands for."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from gan_jax.distributions import gaussian_ring, log_density
from gan_jax.divergences import exact
from gan_jax.divergences.f_divergence import F_DIVERGENCES
from gan_jax.objectives import oracle
from gan_jax.typing import Array, Distribution
from tests.cases import cases

PAIRS: dict[str, tuple[Distribution, Distribution]] = {
    "Gaussians": (dist.Normal(0.0, 1.0), dist.Normal(1.0, 1.0)),
    "scales": (dist.Normal(0.0, 1.0), dist.Normal(0.5, 1.5)),
    "Laplaces": (dist.Laplace(0.0, 1.0), dist.Laplace(0.7, 1.0)),
    "mixture": (
        dist.MixtureSameFamily(
            dist.Categorical(jnp.asarray([0.3, 0.7])), dist.Normal(jnp.asarray([-1.0, 2.0]), jnp.asarray([0.5, 1.0]))
        ),
        dist.Normal(1.0, 2.0),
    ),
}
# Both laws are below 1e-14 outside, but for the Laplace tails e^-40; kinks and centres are nodes.
GRID = jnp.linspace(-40.0, 40.0, 80_001)


def integral(values: Array) -> float:
    """The trapezoidal rule in float64: exact to rounding for smooth integrands, to 1e-7 at the Laplace kinks, which are nodes."""
    return float(np.trapezoid(np.asarray(values, np.float64), np.asarray(GRID, np.float64)))


@pytest.fixture(params=PAIRS, ids=str)
def pair(request: pytest.FixtureRequest) -> tuple[Distribution, Distribution]:
    return PAIRS[request.param]


@pytest.mark.slow
def test_value_of_the_minimax_game(pair: tuple[Distribution, Distribution]) -> None:
    p, q = pair

    @jax.jit
    def integrand(x: Array) -> Array:
        logit = oracle.log_ratio(p, q)(x)
        density_p, density_q = jnp.exp(log_density(p, x)), jnp.exp(log_density(q, x))
        return -density_p * jax.nn.softplus(-logit) - density_q * jax.nn.softplus(logit)

    value = integral(integrand(GRID))
    assert value == pytest.approx(2 * float(exact.jensen_shannon(p, q)) - 2 * np.log(2), abs=2e-5)


@pytest.mark.slow
@cases("name", F_DIVERGENCES)
def test_value_of_every_f_divergence(name: str) -> None:
    p, q = PAIRS["Gaussians"]
    row = F_DIVERGENCES[name]
    critic, output = oracle.f_critic(name, p, q), oracle.f_output(name, p, q)
    # Within 9 standard deviations: beyond them the ratio overflows float32 where it is squared, and no mass is left.
    x = GRID[jnp.abs(GRID) < 9.0]
    density_p, density_q = jnp.exp(log_density(p, x)), jnp.exp(log_density(q, x))
    bound = density_p * critic(x) - density_q * row.conjugate_of_activation(output(x))
    value = float(np.trapezoid(np.asarray(bound, np.float64), np.asarray(x, np.float64)))
    truth: dict[str, Callable[[], Array]] = {
        "kl": lambda: exact.kl(p, q),
        "reverse_kl": lambda: exact.kl(q, p),
        "pearson": lambda: exact.chi_squared(p, q),
        "neyman": lambda: exact.chi_squared(q, p),
        "squared_hellinger": lambda: exact.squared_hellinger(p, q),
        "jeffreys": lambda: exact.kl(p, q) + exact.kl(q, p),
        "jensen_shannon": lambda: exact.jensen_shannon(p, q),
        "total_variation": lambda: exact.total_variation(p, q),
        "gan": lambda: exact.jensen_shannon(p, q),
    }
    assert float(row.standard(value)) == pytest.approx(float(truth[name]()), abs=1e-4)
    finite = jnp.isfinite(output(x))
    np.testing.assert_allclose(row.activation(output(x))[finite], critic(x)[finite], rtol=2e-4, atol=2e-5)


@pytest.mark.slow
def test_no_discriminator_beats_the_oracle() -> None:
    p, q = PAIRS["Gaussians"]
    logit = oracle.log_ratio(p, q)(GRID)
    density_p, density_q = jnp.exp(log_density(p, GRID)), jnp.exp(log_density(q, GRID))

    def value(change: Array) -> float:
        return integral(-density_p * jax.nn.softplus(-logit - change) - density_q * jax.nn.softplus(logit + change))

    best = value(jnp.zeros_like(GRID))
    for change in (jnp.sin(GRID), 0.1 * GRID, jnp.full_like(GRID, 0.3)):
        assert value(change) < best
        assert value(-change) < best


def test_gaussian_discriminator_in_closed_form() -> None:
    m = 3.0
    p, q = dist.Normal(0.0, 1.0), dist.Normal(m, 1.0)
    x = jnp.linspace(-5.0, 8.0, 50)
    np.testing.assert_allclose(oracle.log_ratio(p, q)(x), m * m / 2 - m * x, atol=2e-5)


@pytest.mark.slow
def test_certainty_outside_a_support_has_a_sign_and_no_nan() -> None:
    p, q = dist.Uniform(0.0, 1.0), dist.Uniform(0.5, 1.5)
    np.testing.assert_array_equal(oracle.log_ratio(p, q)(jnp.asarray([0.25, 0.75, 1.25])), [np.inf, 0.0, -np.inf])
    slope = jax.vmap(jax.grad(oracle.log_ratio(p, q)))(jnp.asarray([0.25, 0.75, 1.25]))
    np.testing.assert_array_equal(slope, [0.0, 0.0, 0.0])


@pytest.mark.slow
def test_in_the_plane() -> None:
    p, q = gaussian_ring(scale=0.2), gaussian_ring(scale=0.2, rotation=0.3)
    x = jax.random.normal(jax.random.key(0), (7, 2))
    np.testing.assert_allclose(oracle.log_ratio(p, q)(x), p.log_prob(x) - q.log_prob(x), atol=2e-5)


def test_bad_input_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="expected one event shape"):
        oracle.log_ratio(dist.Normal(0.0, 1.0), gaussian_ring())
    with pytest.raises(ValueError, match="did you mean 'pearson'"):
        oracle.f_critic("pearsons", *PAIRS["Gaussians"])


def test_what_is_no_law_or_has_no_grid_is_one_sentence() -> None:
    x = np.zeros(4)
    for call in (oracle.log_ratio, oracle.kantorovich_potential):
        with pytest.raises(TypeError, match="p is a ndarray; expected a NumPyro distribution"):
            call(x, x)
    with pytest.raises(
        ValueError, match=r"p has batch shape \(3,\) and event shape \(\); expected one law on the line"
    ):
        oracle.kantorovich_potential(dist.Normal(jnp.zeros(3), 1.0), dist.Normal(1.0, 1.0))
    for wide in (dist.Cauchy(0.0, 1.0), dist.StudentT(2.0)):
        with pytest.raises(ValueError, match="no finite mean and variance"):
            oracle.kantorovich_potential(wide, dist.Normal(0.0, 1.0))
