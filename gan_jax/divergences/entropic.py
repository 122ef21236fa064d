"""Entropic optimal transport with cost ``‖x − y‖²``: potentials by OTT, the value and its gradient from them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from gan_jax.divergences import kernels
from gan_jax.typing import Array


class Solution(NamedTuple):
    """Solved transport problems (x, y), (x, x), (y, y).

    Attributes:
      potentials: three pairs ``([·], [·])``.
      converged: whether all three are within the threshold.
      iterations: ``[3]``.
    """

    potentials: tuple[tuple[Array, Array], ...]
    converged: Array
    iterations: Array


def solve(x: Array, y: Array, epsilon: Array, threshold: Array, *, max_iterations: int) -> Solution:
    """The Sinkhorn potentials f, g, for which ``exp((f_i + g_j − ‖x_i − y_j‖²) / ε) / nm`` is the optimal plan."""
    divergence, point_cloud = _ott()
    # Beyond a block's worth of costs, they are computed as they are needed instead of stored.
    online = 256 if len(x) * len(y) > kernels.BLOCK_ENTRIES else None
    # OTT relies on rank promotion, which a careful user forbids.
    with jax.numpy_rank_promotion("allow"):
        _, output = divergence(
            point_cloud,
            x,
            y,
            epsilon=epsilon,
            batch_size=online,
            solve_kwargs={"threshold": threshold, "max_iterations": max_iterations},
        )
    # OTT's potentials are those of exp((f + g − C) / ε); here the plan is a density with respect to the product of
    # the weights.
    potentials = tuple((f + epsilon * jnp.log(len(f)), g + epsilon * jnp.log(len(g))) for f, g in output.potentials)
    return Solution(potentials, jnp.all(jnp.stack(output.converged)), jnp.stack(output.n_iters))


def dual_value(points: tuple[Array, Array], potentials: tuple[Array, Array], epsilon: Array) -> Array:
    r"""The dual objective of entropic transport at given potentials.

    .. math:: \frac1n \sum_i f_i + \frac1m \sum_j g_j
        - \varepsilon \Bigl(\frac1{nm} \sum_{ij} e^{(f_i + g_j - \|x_i - y_j\|^2)/\varepsilon} - 1\Bigr)

    It is stationary in f and g at their optimum. So the error of the value is of second order in that of the
    potentials, and with them held constant its gradient with respect to points and ε is that of the entropic cost
    (envelope theorem).

    References:
      Peyré and Cuturi (2019), Computational Optimal Transport, proposition 4.4, with the entropy as a KL to the
      product.
    """
    (x, y), (f, g) = points, potentials
    density = kernels.mean_over_pairs(
        Partial(_plan_density, epsilon),
        jnp.concatenate([x, f[:, None]], axis=1),
        jnp.concatenate([y, g[:, None]], axis=1),
    )
    return jnp.mean(f) + jnp.mean(g) - epsilon * (density - 1)


def _plan_density(epsilon: Array, x_f: Array, y_g: Array) -> Array:
    cost = kernels.squared_distances(x_f[:, :-1], y_g[:, :-1])
    return jnp.exp((x_f[:, -1:] + y_g[:, -1:].T - cost) / epsilon)


def _ott() -> tuple[Callable[..., Any], type]:
    """OTT takes seconds to import, so it is imported where it is used."""
    with warnings.catch_warnings():
        # OTT imports jaxopt, which says that it is no longer maintained. Nothing of it is used here.
        warnings.filterwarnings("ignore", message=".*JAXopt is no longer maintained", category=DeprecationWarning)
        from ott.geometry.pointcloud import PointCloud
        from ott.tools.sinkhorn_divergence import sinkhorn_divergence
    return sinkhorn_divergence, PointCloud
