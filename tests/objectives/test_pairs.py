"""An objective over all pairs is the mean of the objective over all pairs."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from gan_jax.objectives import losses, pairs

ALL = [make() for make in losses.OBJECTIVES.values()]
REAL = jnp.asarray([0.3, -0.2, 1.1])
FAKE = jnp.asarray([-0.4, 0.5, 0.1])


def test_all_pairs_change_no_separable_mean() -> None:
    for objective in ALL:
        paired = pairs.over_all_pairs(objective)
        mean, over_pairs = (jnp.mean(o.discriminator_loss(REAL, FAKE)) for o in (objective, paired))
        if objective.separable or objective.name == "relativistic_average":
            np.testing.assert_allclose(over_pairs, mean, rtol=2e-6)


def test_relativistic_pairing_over_all_pairs() -> None:
    paired = pairs.over_all_pairs(losses.relativistic())
    expected = np.mean([np.logaddexp(0.0, f - r) for r in REAL for f in FAKE])
    np.testing.assert_allclose(jnp.mean(paired.discriminator_loss(REAL, FAKE)), expected, rtol=2e-6)
    back = np.mean([np.logaddexp(0.0, r - f) for r in REAL for f in FAKE])
    np.testing.assert_allclose(jnp.mean(paired.generator_loss(FAKE, REAL)), back, rtol=2e-6)
