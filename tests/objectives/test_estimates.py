"""Trained estimates of the newer objectives: near their oracle, and with a standard error that is the spread over repeats."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from gan_jax.divergences import exact
from gan_jax.estimators import variational
from gan_jax.models.mlp import mlp
from gan_jax.objectives import losses
from gan_jax.typing import Array

PAIR = (dist.Normal(0.0, 1.0), dist.Normal(2.0, 1.0))


@pytest.fixture(scope="module")
def estimates() -> dict[str, variational.Estimate]:
    """Both from one program."""
    options = dict(steps=300, batch_size=128, learning_rate=1e-2, held_out=8192, records=1)

    def run(key: Array) -> dict[str, variational.Estimate]:
        keys = jax.random.split(key)
        return {
            name: variational.neural_estimator(losses.OBJECTIVES[name](), mlp((16,)), **options)(k, *PAIR)
            for name, k in zip(("hinge", "relativistic"), keys, strict=True)
        }

    return jax.jit(run)(jax.random.key(0))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hinge", "relativistic"])
def test_trained_value_is_below_the_oracle_and_within_a_tenth(
    name: str, estimates: dict[str, variational.Estimate]
) -> None:
    estimate = estimates[name]
    # The oracle on the same held-out samples: what training leaves, and no noise of its own but that of the difference.
    best = float(estimate.value + estimate.oracle_gap)
    assert float(estimate.oracle_gap) > -4 * float(estimate.standard_error)
    assert float(estimate.oracle_gap) < 0.1 * best
    if name == "hinge":
        assert best == pytest.approx(float(exact.total_variation(*PAIR)), abs=4 * float(estimate.standard_error))


@pytest.mark.parametrize("name", ["relativistic", "relativistic_average", "hinge"])
def test_standard_error_is_the_spread_over_repeats(name: str) -> None:
    """Its square, in the mean over 400 repeats, against the variance of the values, which is known to √(2 / 399)."""
    objective = losses.OBJECTIVES[name]()

    def repeat(key: Array) -> tuple[Array, Array]:
        real_key, fake_key = jax.random.split(key)
        real, fake = 1.0 + jax.random.normal(real_key, (1024,)), 2.0 * jax.random.normal(fake_key, (1024,)) - 1.0
        return variational.score(objective, real, fake)

    values, errors = jax.jit(jax.vmap(repeat))(jax.random.split(jax.random.key(1), 400))
    ratio = np.mean(np.square(errors)) / np.var(values, ddof=1)
    assert abs(ratio - 1) < 4 * np.sqrt(2 / 399)


def test_relativistic_score_cuts_to_equal_numbers() -> None:
    real, fake = jax.random.normal(jax.random.key(0), (70,)), jax.random.normal(jax.random.key(1), (100,))
    value, error = variational.score(losses.relativistic(), real, fake)
    np.testing.assert_allclose(value, losses.relativistic().divergence(real, fake[:70]), rtol=1e-6)
    assert float(error) > 0
    assert bool(jnp.isfinite(error))
