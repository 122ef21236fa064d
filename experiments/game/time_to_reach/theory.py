"""How long a Gaussian generator takes to reach a Gaussian on the exact divergence of an objective: the theory of ``time_to_reach``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import optax

from experiments.framework import Arrays
from experiments.game.time_to_reach.experiment import EXACT, MOVING
from gan_jax.distributions import pair
from gan_jax.divergences import exact
from gan_jax.estimators.comparison import exact_curves

MMD_BANDWIDTHS = (0.5, 1.0, 2.0, 4.0)
"""Those of ``costs.COSTS``."""


def descent(optimizer: Any, *, within: float, at_most: int) -> Callable[..., dict[str, Any]]:
    """Descent of the generator N(b, s²) on the exact divergence of an objective, counted as the games are.

    Args:
      optimizer: of the generator.
      within: W1 at which it has arrived.
      at_most: steps.

    Returns:
      ``(key, objective, separation) -> {"steps", "reached"}``, the objective by its number in ``EXACT``.
    """

    def mmd(data: dist.Normal, fake: dist.Normal) -> Any:
        # Gaussian kernel, summed over its bandwidths g: E k(X, Y) = √(g² / (g² + v)) exp(-δ² / 2 (g² + v)), with v the
        # variance of X - Y and δ its mean.
        def mean(variance: Any, distance: Any) -> Any:
            widths = jnp.square(jnp.asarray(MMD_BANDWIDTHS))
            wide = widths + variance
            return jnp.sum(jnp.sqrt(widths / wide) * jnp.exp(-0.5 * jnp.square(distance) / wide))

        s2 = jnp.square(fake.scale)
        return mean(2.0, 0.0) + mean(2.0 * s2, 0.0) - 2.0 * mean(1.0 + s2, data.loc - fake.loc)

    # What the generator descends at the optimal discriminator: Goodfellow et al. 2014, theorem 1; Arjovsky & Bottou 2017, theorem 2.5.
    divergences = {
        "minimax": lambda p, q: 2.0 * exact.jensen_shannon(p, q),
        "non_saturating": lambda p, q: exact.kl(q, p) - 2.0 * exact.jensen_shannon(p, q),
        "wasserstein": exact.wasserstein,
        "energy": exact.energy_distance,
        "mmd": mmd,
    }

    def member(key: Any, objective: Any, separation: Any) -> dict[str, Any]:
        data = dist.Normal(separation, 1.0)

        def slopes(of: Callable[..., Any]) -> Callable[[Any], Any]:
            return jax.grad(lambda params: of(data, dist.Normal(params[0], jnp.abs(params[1]))))

        branches = [slopes(divergences[name]) for name in EXACT]

        def far(params: Any) -> Any:
            return exact.wasserstein(data, dist.Normal(params[0], jnp.abs(params[1]))) >= within

        def goes_on(carry: Any) -> Any:
            params, _, steps = carry
            return far(params) & (steps < at_most)

        def advance(carry: Any) -> Any:
            params, memory, steps = carry
            moves, memory = optimizer.update(jax.lax.switch(objective.astype(int), branches, params), memory, params)
            return optax.apply_updates(params, moves), memory, steps + 1

        start = jnp.asarray([0.0, 1.0])
        params, _, steps = jax.lax.while_loop(goes_on, advance, (start, optimizer.init(start), jnp.zeros((), int)))
        return {"steps": steps, "reached": ~far(params)}

    return member


def integrals(farthest: float, rate: float, *, within: float, points: int) -> Arrays:
    """``T(m) = ∫ dm' / (rate g(m'))`` from ``within`` to m: the time of a generator that can only move, in steps.

    Args:
      farthest: the last m.
      rate: learning rate of plain descent.
      within: the first m, where W1 = m is small enough.
      points: of the curves.

    Returns:
      ``"dense" [points]``, m, and ``"integral/<objective>" [points]``.
    """

    m = np.geomspace(within, farthest, points)
    curves = jax.jit(lambda separations: exact_curves(pair("gaussians"), separations))(jnp.asarray(m, jnp.float32))
    arrays = {"dense": m}
    for name, field in MOVING.items():
        slowness = 1.0 / (rate * np.asarray(getattr(curves, field), float))
        # In log m, where the grid is even: dm = m dlog m.
        integrand = m * slowness
        cells = 0.5 * (integrand[1:] + integrand[:-1]) * np.diff(np.log(m))
        arrays[f"integral/{name}"] = np.concatenate([[0.0], np.cumsum(cells)])
    return arrays
