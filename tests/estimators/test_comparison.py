"""Exact curves against the reference table, and families chosen by a traced number."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.distributions import pair
from gan_jax.estimators.comparison import exact_curves, samplers_of
from gan_jax.estimators.variational import sampler


@pytest.mark.slow
def test_curves_of_two_gaussians_are_those_of_thirty_digit_quadrature() -> None:
    separations = jnp.asarray([1.0, 4.0, 10.0])
    curves = jax.jit(lambda m: exact_curves(pair("gaussians"), m))(separations)
    np.testing.assert_allclose(curves.js, [0.11142148, 0.63272019, 0.69314632], atol=2e-6)
    np.testing.assert_allclose(curves.saturating, [0.39797, 0.13719, 4.464e-6], rtol=1e-2, atol=1e-12)
    np.testing.assert_allclose(curves.non_saturating, [0.6020, 3.8628, 10.0], atol=1e-4)
    np.testing.assert_allclose(curves.w1, separations, rtol=1e-6)
    np.testing.assert_allclose(curves.wasserstein, 1.0, rtol=1e-6)


def test_infinite_reverse_kl_has_no_non_saturating_gradient() -> None:
    curves = jax.jit(lambda m: exact_curves(pair("diracs"), m))(jnp.asarray([0.0, 2.0]))
    np.testing.assert_allclose(curves.js, [0.0, np.log(2)], atol=1e-7)
    np.testing.assert_array_equal(curves.saturating, [0.0, 0.0])
    assert np.isnan(curves.non_saturating[1])


def test_families_are_chosen_by_a_traced_number() -> None:
    pairs = [pair("gaussians"), pair("uniforms"), pair("diracs")]

    @jax.jit
    def draw(index: jax.Array, m: jax.Array) -> tuple[jax.Array, jax.Array]:
        real, fake = samplers_of(pairs, index)(m)
        return real(jax.random.key(0), 5), fake(jax.random.key(1), 5)

    for index, family in enumerate(pairs):
        p, q = family.make(jnp.asarray(3.0))
        real, fake = draw(jnp.asarray(index), jnp.asarray(3.0))
        np.testing.assert_allclose(real, sampler(p)(jax.random.key(0), 5), rtol=1e-6)
        np.testing.assert_allclose(fake, sampler(q)(jax.random.key(1), 5), rtol=1e-6)
