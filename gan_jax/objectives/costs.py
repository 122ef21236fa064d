"""Distances of samples as a generator's cost: ``cost(key, fake [n, *event], real [m, *event]) -> []``, no discriminator to train.

For ``training.game.direct``. Examples are flattened; the distances themselves are those of ``divergences.empirical``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import jax.numpy as jnp

from gan_jax import checks
from gan_jax.divergences import empirical
from gan_jax.typing import Array, PRNGKey

Cost: TypeAlias = Callable[[PRNGKey, Array, Array], Array]


def _flat(x: Array) -> Array:
    return x.reshape(x.shape[0], -1)


def mmd(kernel: empirical.Kernel) -> Cost:
    """Squared maximum mean discrepancy, unbiased: ``E k(x, x') + E k(y, y') - 2 E k(x, y)``.

    Args:
      kernel: from ``divergences.empirical``; with a bandwidth far below the distance of two samples the gradient dies, as JS's does.

    Returns:
      The cost.

    Source: Gretton et al. 2012, equation 3; Li, Swersky & Zemel 2015.
    """
    checks.takes("kernel", kernel, ("x", "y"), "empirical.gaussian(1.0)")
    return lambda key, fake, real: empirical.mmd2(_flat(fake), _flat(real), kernel=kernel)


def energy() -> Cost:
    """Energy distance, unbiased: ``2 E|x - y| - E|x - x'| - E|y - y'|``, the MMD of the kernel ``-|x - y|``, which has no bandwidth.

    Returns:
      The cost.

    Source: Székely & Rizzo 2013, equation 2.3; Bellemare et al. 2017.
    """
    return lambda key, fake, real: empirical.energy_distance(_flat(fake), _flat(real))


def sinkhorn(epsilon: float) -> Cost:
    """Sinkhorn divergence with cost ``|x - y|²``: between MMD (large ε) and W2² (small ε).

    Args:
      epsilon: ε, absolute, in squared units of the data.

    Returns:
      The cost.

    Raises:
      ValueError: ``epsilon`` not above 0.

    Source: Genevay, Peyré & Cuturi 2018, equation 5.
    """
    checks.at_least("epsilon", epsilon, 0.0, strict=True)
    return lambda key, fake, real: empirical.sinkhorn_divergence(_flat(fake), _flat(real), epsilon=epsilon).value


def sliced(projections: int = 64) -> Cost:
    """Squared sliced 2-Wasserstein distance over fresh directions at every step.

    Args:
      projections: directions.

    Returns:
      The cost.

    Raises:
      ValueError: ``projections`` below one.

    Source: Deshpande, Zhang & Schwing 2018, equation 6.
    """
    checks.integer("projections", projections, 1)

    def cost(key: PRNGKey, fake: Array, real: Array) -> Array:
        distance = empirical.sliced_wasserstein(key, _flat(fake), _flat(real), order=2, projections=projections)
        return jnp.square(distance)

    return cost


COSTS: Mapping[str, Callable[[], Cost]] = checks.Named(
    "cost",
    {
        "mmd": lambda: mmd(empirical.gaussian((0.5, 1.0, 2.0, 4.0))),
        "energy": energy,
        "sinkhorn": lambda: sinkhorn(0.5),
        "sliced": sliced,
    },
)
"""Constructors of the costs by name, for data of about unit size."""
