"""Convolutions with fewer multiplications, for CPUs: Winograd's minimal filtering.

Two neighbouring outputs of a filter with r taps k take r + 1 multiplications instead of 2r, from the r + 1 inputs d that they see:

    y = A [(G k) ⊙ (B d)],

and in both directions of an image (r + 1)² instead of 4 r²: 9 for 16, and 16 for 36 of a 3 × 3 kernel. With channels a multiplication is a
matrix product over the tiles d of all images. A kernel of r s pixels a side at stride s has r taps on blocks of s × s pixels, so that
DCGAN's 4 × 4 kernels at stride 2 have two. A, G and B hold 0, ±1 and ±½ alone: rounding grows by a small factor.

The derivatives are the transposes, which transform the same tiles, the same kernel and the same results: XLA computes those that several of
them share once. They are written out since what JAX derives pads every tile to a whole image.

Measured at a step of DCGAN (32 × 32, batch 64, 64 to 256 channels): 141 ms of one core's time, 196 ms with XLA's own convolutions. Alone,
the convolution takes .75 to .9 and ``transposed`` .55 to .6 of their time; ``gather`` gains only where its transforms are shared.

Source: Winograd 1980, "Arithmetic Complexity of Computations", chapter V; Lavin & Gray 2016, "Fast algorithms for convolutional neural
networks", section 4.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import reduce
from typing import NamedTuple, TypeAlias

import jax.numpy as jnp
from jax import lax

from gan_jax.models.geometry import Geometry
from gan_jax.typing import Array

# With fewer channels the products are too small to pay for the transforms.
FEWEST_CHANNELS = 32

Matrix: TypeAlias = tuple[tuple[float, ...], ...]
Grid: TypeAlias = list[list[Array]]


class Filter(NamedTuple):
    """Two outputs of r taps.

    Attributes:
      data: B ``[r + 1, r + 1]``.
      taps: G ``[r + 1, r]``.
      result: A ``[2, r + 1]``.
    """

    data: Matrix
    taps: Matrix
    result: Matrix


FILTERS = {
    2: Filter(((1, -1, 0), (0, 1, 0), (0, 1, -1)), ((1, 0), (1, 1), (0, 1)), ((1, 1, 0), (0, 1, -1))),
    3: Filter(
        ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
        ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1)),
        ((1, 1, 1, 0), (0, 1, -1, -1)),
    ),
}


def fits(channels: int, features: int, n: Geometry) -> bool:
    """Whether the functions below do this geometry, and pay: two or three taps, an even number of outputs, and enough channels."""
    taps = n.window[0] // n.stride
    whole = n.groups == 1 and n.window == (taps * n.stride,) * 2 and n.out[0] % 2 == n.out[1] % 2 == 0
    return whole and taps in FILTERS and min(channels, features) >= FEWEST_CHANNELS


def correlate(x: Array, k: Array, n: Geometry) -> Array:
    """The convolution: ``x [b, h, w, c]``, ``k [u, v, c, o]`` to ``y [b, h', w', o]``."""
    products = _each(jnp.matmul, _tiles(x, n), _taps(k, n))
    pixels = _mixed_twice(_filter(n).result, products)
    rows = [jnp.stack([pixel.reshape(*_tiling(x, n), -1) for pixel in row], 3) for row in pixels]
    return jnp.stack(rows, 2).reshape(x.shape[0], *n.out, k.shape[3])


def transposed(g: Array, k: Array, n: Geometry) -> Array:
    """Its transpose in x: ``g [b, h', w', o]``, ``k [u, v, c, o]`` to ``[b, h, w, c]``."""
    s, channels = n.stride, k.shape[2]
    tiles = _each(lambda result, taps: _dot(result, taps, (1, 1)), _results(g, n), _taps(k, n))
    blocks = _mixed_twice(
        _transposed(_filter(n).data),
        [[tile.reshape(*_tiling(g, n), s, s, channels).transpose(0, 1, 3, 2, 4, 5) for tile in row] for row in tiles],
    )
    columns = [_overlapped(list(column), 1) for column in zip(*blocks, strict=True)]
    x = _overlapped(columns, 4)
    x = x.reshape(x.shape[0], 2 * s * x.shape[1], 2 * s * x.shape[4], channels)
    pads = [(-before, size + before - had, 0) for before, size, had in _rows_and_columns(n, x)]
    return lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *pads, (0, 0, 0)])


def gather(x: Array, g: Array, n: Geometry) -> Array:
    """Its transpose in k: ``x [b, h, w, c]``, ``g [b, h', w', o]`` to ``[u, v, c, o]``."""
    s, channels, features = n.stride, x.shape[3], g.shape[3]
    # The results first: they are the smaller factor, and it is the first one that XLA transposes.
    products = _each(lambda result, tile: _dot(result, tile, (0, 0)), _results(g, n), _tiles(x, n))
    taps = _mixed_twice(_transposed(_filter(n).taps), products)
    rows = [jnp.stack([tap.T.reshape(s, s, channels, features) for tap in row], 1) for row in taps]
    return jnp.stack(rows).reshape(*n.window, channels, features)


def _filter(n: Geometry) -> Filter:
    return FILTERS[n.window[0] // n.stride]


def _tiling(images: Array, n: Geometry) -> tuple[int, int, int]:
    """How many images there are, and tiles down and across each."""
    return images.shape[0], n.out[0] // 2, n.out[1] // 2


def _tiles(x: Array, n: Geometry) -> Grid:
    """``B d`` in both directions, ``[r + 1][r + 1]`` arrays ``[tiles, s s c]``: tile t has the blocks from 2t to 2t + r."""
    s, (b, down, across) = n.stride, _tiling(x, n)
    pads = [
        (before, 2 * s * (tiles + 1) - before - size, 0)
        for tiles, (before, size, _) in zip((down, across), _rows_and_columns(n, x), strict=True)
    ]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *pads, (0, 0, 0)])
    x = x.reshape(b, down + 1, 2, s, across + 1, 2, s, -1)

    def block(i: int, j: int) -> Array:
        inputs = x[:, i // 2 : i // 2 + down, i % 2, :, j // 2 : j // 2 + across, j % 2]
        return inputs.transpose(0, 1, 3, 2, 4, 5).reshape(b * down * across, -1)

    inputs = range(len(_filter(n).data))
    return _mixed_twice(_filter(n).data, [[block(i, j) for j in inputs] for i in inputs])


def _taps(k: Array, n: Geometry) -> Grid:
    """``G k`` in both directions, ``[r + 1][r + 1]`` matrices ``[s s c, o]``."""
    s, taps = n.stride, range(n.window[0] // n.stride)
    k = k.reshape(len(taps), s, len(taps), s, *k.shape[2:])
    return _mixed_twice(_filter(n).taps, [[k[i, :, j].reshape(-1, k.shape[-1]) for j in taps] for i in taps])


def _results(g: Array, n: Geometry) -> Grid:
    """``g A`` in both directions, ``[r + 1][r + 1]`` arrays ``[tiles, o]``."""
    b, down, across = _tiling(g, n)
    g = g.reshape(b, down, 2, across, 2, -1)
    pixels = [[g[:, :, i, :, j].reshape(b * down * across, -1) for j in (0, 1)] for i in (0, 1)]
    return _mixed_twice(_transposed(_filter(n).result), pixels)


def _rows_and_columns(n: Geometry, x: Array) -> list[tuple[int, int, int]]:
    """For rows and for columns: zeros before, how many the image has, how many ``x`` has."""
    return [(n.padding[i][0], n.size[i], x.shape[i + 1]) for i in (0, 1)]


def _overlapped(parts: list[Array], axis: int) -> Array:
    """Block i of tile t at the place 2t + i, summed where two tiles meet: r + 1 of ``[…, t, …]`` to ``[…, t + 1, 2, …]``."""
    parts = parts + [jnp.zeros_like(parts[0])] * (4 - len(parts))
    return jnp.stack([_met(parts[0], parts[2], axis), _met(parts[1], parts[3], axis)], axis + 1)


def _met(first: Array, last: Array, axis: int) -> Array:
    """``first`` of tile t plus ``last`` of tile t − 1; with ``jnp.pad`` in place of the ends it takes 1.3 times as long."""

    def part(a: Array, start: int, end: int | None) -> Array:
        return lax.slice_in_dim(a, start, end, axis=axis)

    inner = part(first, 1, None) + part(last, 0, -1)
    return jnp.concatenate([part(first, 0, 1), inner, part(last, -1, None)], axis)


def _dot(a: Array, b: Array, axes: tuple[int, int]) -> Array:
    """The matrix product that sums over one axis of each."""
    return lax.dot_general(a, b, (((axes[0],), (axes[1],)), ((), ())))


def _each(function: Callable[[Array, Array], Array], first: Grid, second: Grid) -> Grid:
    """``function`` of what lies at the same place of two grids."""
    return [[function(a, b) for a, b in zip(*rows, strict=True)] for rows in zip(first, second, strict=True)]


def _transposed(matrix: Matrix) -> Matrix:
    return tuple(zip(*matrix, strict=True))


def _mixed(matrix: Matrix, parts: Sequence[Array]) -> list[Array]:
    """``Σ_j matrix[i][j] parts[j]`` for every i, without the zeros."""
    rows = [[f * part if f != 1 else part for f, part in zip(row, parts, strict=True) if f] for row in matrix]
    return [reduce(operator.add, row) for row in rows]


def _mixed_twice(matrix: Matrix, parts: Grid) -> Grid:
    """``matrix parts matrixᵀ`` of a grid."""
    across = [_mixed(matrix, row) for row in parts]
    down = [_mixed(matrix, column) for column in zip(*across, strict=True)]
    return [list(row) for row in zip(*down, strict=True)]
