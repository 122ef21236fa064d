"""Winograd's filtering computes the convolution, and its two derivatives, that XLA computes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from gan_jax.models import winograd
from gan_jax.models.convolutions import LAYOUT
from gan_jax.models.geometry import Geometry
from tests.cases import cases

CHANNELS, FEATURES, BATCH = 3, 5, 2
# DCGAN's kernels; the same with unequal zeros; 3 × 3 at stride 1; 6 × 6 at stride 2, of three taps.
GEOMETRIES = [
    Geometry((8, 8), (4, 4), 2, ((1, 1), (1, 1))),
    Geometry((8, 12), (4, 4), 2, ((2, 0), (0, 2))),
    Geometry((6, 4), (3, 3), 1, ((1, 1), (1, 1))),
    Geometry((8, 8), (6, 6), 2, ((2, 2), (2, 2))),
    Geometry((5, 7), (2, 2), 1, ((0, 0), (0, 0))),
]


def plain(x: jax.Array, k: jax.Array, n: Geometry) -> jax.Array:
    return lax.conv_general_dilated(x, k, (n.stride, n.stride), n.padding, dimension_numbers=LAYOUT)


def arrays(n: Geometry) -> tuple[jax.Array, jax.Array, jax.Array]:
    rng = np.random.default_rng(0)
    shapes = (BATCH, *n.size, CHANNELS), (*n.window, CHANNELS, FEATURES), (BATCH, *n.out, FEATURES)
    return tuple(jnp.asarray(rng.normal(size=shape)) for shape in shapes)


@pytest.mark.parametrize("taps", sorted(winograd.FILTERS))
def test_filters_are_exact(taps: int) -> None:
    """``A [(G k) ⊙ (B d)]`` is the filter, for every unit vector of taps and of data: both sides are bilinear."""
    data, kernel, result = (np.asarray(matrix) for matrix in winograd.FILTERS[taps])
    for k in np.eye(taps):
        for d in np.eye(taps + 1):
            expected = [np.dot(k, d[start : start + taps]) for start in (0, 1)]
            np.testing.assert_array_equal(result @ ((kernel @ k) * (data @ d)), expected)


@pytest.mark.slow
@cases("n", GEOMETRIES)
def test_all_three_are_those_of_xla(n: Geometry) -> None:
    with jax.enable_x64(True):
        x, k, g = arrays(n)

        @jax.jit
        def both(x: jax.Array, k: jax.Array, g: jax.Array) -> tuple[tuple[jax.Array, ...], ...]:
            y, transpose = jax.vjp(lambda x, k: plain(x, k, n), x, k)
            ours = winograd.correlate(x, k, n), winograd.transposed(g, k, n), winograd.gather(x, g, n)
            return ours, (y, *transpose(g))

        for mine, xla in zip(*both(x, k, g), strict=True):
            assert mine.dtype == jnp.float64
            np.testing.assert_allclose(mine, xla, rtol=0, atol=1e-12)


@cases(
    ("channels", "n"),
    [
        (winograd.FEWEST_CHANNELS - 1, GEOMETRIES[0]),
        (64, GEOMETRIES[0]._replace(groups=2)),
        (64, GEOMETRIES[0]._replace(size=(6, 8))),
        (64, GEOMETRIES[0]._replace(window=(5, 5))),
        (64, GEOMETRIES[0]._replace(window=(4, 2))),
        (64, GEOMETRIES[2]._replace(window=(4, 4), size=(7, 7))),
    ],
)
def test_it_keeps_to_what_it_can_do(channels: int, n: Geometry) -> None:
    assert not winograd.fits(channels, 64, n)
    assert not winograd.fits(64, channels, n) or channels == 64
