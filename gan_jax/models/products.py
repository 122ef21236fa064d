"""Convolutions as one matrix product of all patches, for many networks at once on an accelerator.

With P(x) ``[b h' w', u v c]`` the patches of x, row by row, and K ``[u v c, o]`` the kernel,

    y = P(x) K,    ∂T/∂x = Pᵀ(g Kᵀ),    ∂T/∂k = P(x)ᵀ g,

where Pᵀ adds every patch to the place that it was cut from. Over many members, each with a kernel of its own, these are batched products,
which accelerators do at the speed of one. What ``vmap`` makes of a convolution instead is a grouped one, which is slower (``python -m
benchmarks many_networks``). The price is memory: the patches are ``u v`` times as large as x, though none is kept for the way back.

Source: Chellapilla, Puri & Simard 2006, "High performance convolutional neural networks for document processing", section 3.
"""

from __future__ import annotations

from typing import cast

import jax
import jax.numpy as jnp
from jax import lax

from gan_jax.models.geometry import Geometry
from gan_jax.typing import Array


def correlate(x: Array, k: Array, n: Geometry) -> Array:
    """``∂T/∂g``: ``x [b, h, w, c]``, ``k [u, v, c, o]`` to ``y [b, h', w', o]``; one group."""
    return jnp.einsum("bijp,po->bijo", _patches(x, n), k.reshape(-1, k.shape[3]))


def transposed(g: Array, k: Array, n: Geometry) -> Array:
    """``∂T/∂x``: ``g [b, h', w', o]``, ``k [u, v, c, o]`` to ``[b, h, w, c]``; one group."""
    x = jax.ShapeDtypeStruct((g.shape[0], *n.size, k.shape[2]), g.dtype)
    patches = jnp.einsum("bijo,po->bijp", g, k.reshape(-1, k.shape[3]))
    return cast(Array, jax.linear_transpose(lambda x: _patches(x, n), x)(patches)[0])


def gather(x: Array, g: Array, n: Geometry) -> Array:
    """``∂T/∂k``: ``x [b, h, w, c]``, ``g [b, h', w', o]`` to ``[u, v, c, o]``; one group."""
    kernel = jnp.einsum("bijp,bijo->po", _patches(x, n), g)
    return kernel.reshape(*n.window, x.shape[3], g.shape[3])


def _patches(x: Array, n: Geometry) -> Array:
    """``[b, h, w, c] -> [b, h', w', u v c]``: at every place what the window sees there."""
    x = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), (*n.padding[0], 0), (*n.padding[1], 0), (0, 0, 0)))
    (u, v), (h, w), s = n.window, n.out, n.stride

    def ends(i: int, j: int) -> tuple[int, int, int, int]:
        return x.shape[0], i + s * (h - 1) + 1, j + s * (w - 1) + 1, x.shape[3]

    cuts = [lax.slice(x, (0, i, j, 0), ends(i, j), (1, s, s, 1)) for i in range(u) for j in range(v)]
    return jnp.concatenate(cuts, axis=-1)
