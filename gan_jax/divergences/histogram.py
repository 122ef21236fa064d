"""The plug-in Jensen–Shannon divergence of two samples: histograms in place of densities."""

from __future__ import annotations

import math

import jax.numpy as jnp
from jaxtyping import Float, Real

from gan_jax import checks, numerics
from gan_jax.typing import Array


def jensen_shannon(
    x: Real[Array, " n *event"], y: Real[Array, " m *event"], *, bins: int | None = None
) -> Float[Array, ""]:
    """JS of two histograms over one grid of equal cells that covers both samples.

    ``JS = Σ_b ½ (p_b + q_b) h(log p_b - log q_b)`` in nats, with ``h`` of ``numerics.js_kernel``. Binning can only lower the true JS
    (data processing); finite counts raise it, by about ``(occupied cells) / 8 · (1/n + 1/m)`` for close laws. It is piecewise constant
    in the points and has no useful gradient.

    Args:
      x: ``[n, d]`` or ``[n]``.
      y: ``[m, d]`` or ``[m]``.
      bins: cells along each axis; by default about ``(2 n^(1/3))^(1/d)``, Rice's rule for all cells together.

    Returns:
      The plug-in value in [0, log 2], ``[]``.

    Raises:
      ValueError: empty, NaN, dimensions that differ, ``bins`` below one, or more than 10⁷ cells.
    """
    x, y = checks.samples("x", x), checks.samples("y", y)
    checks.same_dimension("x", x, "y", y)
    dimension = x.shape[1]
    if bins is None:
        bins = max(1, math.ceil((2 * min(x.shape[0], y.shape[0]) ** (1 / 3)) ** (1 / dimension)))
    bins = checks.integer("bins", bins, 1)
    if bins**dimension > 10**7:
        raise ValueError(f"bins is {bins} in {dimension} dimensions; expected at most 10⁷ cells in all")
    # In units of 16: the width of what is near both ends of the floats is beyond them, and one over it is below.
    pooled = jnp.concatenate([x, y]) / 16.0
    low = jnp.min(pooled, axis=0, keepdims=True)
    width = jnp.max(pooled, axis=0, keepdims=True) - low
    unit = (pooled - low) / jnp.where(width > 0, width, 1.0)
    cell = jnp.clip((unit * bins).astype(jnp.int32), 0, bins - 1)
    index = cell @ jnp.asarray([bins**i for i in range(dimension)], jnp.int32)
    p = jnp.bincount(index[: x.shape[0]], length=bins**dimension).astype(x.dtype) / x.shape[0]
    q = jnp.bincount(index[x.shape[0] :], length=bins**dimension).astype(x.dtype) / y.shape[0]
    ratio = numerics.log_ratio(jnp.log(p), jnp.log(q))
    return jnp.sum(0.5 * (p + q) * numerics.js_kernel(ratio))
