"""The data sets of ``critic_surfaces`` are the library's, and their blurred copies are them plus noise."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest

from experiments.game.critic_surfaces.compute import samplers
from experiments.game.critic_surfaces.experiment import DATA
from gan_jax.distributions import gaussian_grid, gaussian_ring, swiss_roll
from gan_jax.divergences import empirical
from gan_jax.typing import Array

LAWS = {
    "8 Gaussians": gaussian_ring(8, 2 / 1.414, 0.02 / 1.414),
    "25 Gaussians": gaussian_grid(5, 2 / 2.828, 0.05 / 2.828),
    "Swiss roll": swiss_roll(),
}


@pytest.mark.slow
@pytest.mark.parametrize("index", range(3), ids=DATA)
def test_samples_are_those_of_the_librarys_law(index: int) -> None:
    law = LAWS[DATA[index]]
    data, generator = samplers(1.0, index)

    @jax.jit
    def found(key: Array) -> tuple[Array, ...]:
        keys = jax.random.split(key, 4)
        drawn, expected = data(keys[0], 2000), law.sample(keys[1], (2000,))
        blurred = expected + jax.random.normal(keys[2], expected.shape)
        return (
            empirical.energy_distance(drawn, expected),
            empirical.energy_distance(generator(keys[3], 2000), blurred),
            jnp.mean(law.log_prob(drawn)),
            jnp.mean(law.log_prob(expected)),
        )

    sharp, blurry, ours, theirs = map(float, found(jax.random.key(3)))
    # The unbiased energy distance of two samples of one law is zero but for noise of about (spread / n).
    assert abs(sharp) < 5e-3
    assert abs(blurry) < 5e-3
    # No mode is wider or displaced: the library's density of every point is what it is for points of its own.
    assert ours == pytest.approx(theirs, rel=1e-7, abs=0.15)
