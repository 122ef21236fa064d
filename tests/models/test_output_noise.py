"""A generator with noise on its output: a smooth law around the network's."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models import players
from gan_jax.models.generators import mlp_generator, with_output_noise


@pytest.mark.slow
def test_without_noise_it_is_the_generator() -> None:
    plain = mlp_generator((8,), latent=2, batch_norm=True)
    noisy = with_output_noise(plain, 0.5)
    variables = noisy.init(jax.random.key(0))
    z, noise = noisy.noise(jax.random.key(1), 7)
    assert noise.shape == (7, 2)
    silent = jnp.zeros_like(noise)
    np.testing.assert_array_equal(noisy.apply(variables, (z, silent)), plain.apply(variables, z))
    samples, advanced = noisy.train(variables, (z, silent))
    expected, expected_advanced = plain.train(variables, z)
    np.testing.assert_array_equal(samples, expected)
    chex.assert_trees_all_equal(advanced, expected_advanced)


def test_variance_is_the_sum() -> None:
    noisy = with_output_noise(players.affine((2,), scale=0.6), 0.8)
    variables = noisy.init(jax.random.key(0))
    n = 20_000
    samples = noisy.apply(variables, noisy.noise(jax.random.key(1), n))
    # 0.6² + 0.8² = 1; the variance of n normal numbers has a standard error of √(2 / n).
    np.testing.assert_allclose(jnp.var(samples, axis=0), 1.0, atol=4 * np.sqrt(2 / n))


def test_a_negative_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="scale is -1"):
        with_output_noise(players.affine(), -1.0)
