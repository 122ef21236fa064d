"""Many networks at once: ``vmap`` of the derived forms gives every member its own convolution, as products and never as groups."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from gan_jax.models import convolutions, products
from gan_jax.models.convolutions import DERIVED, convolution
from gan_jax.models.geometry import Geometry
from gan_jax.typing import Array

# Sums of up to 4 · 16 · 3 float32 products of order one.
near = partial(np.testing.assert_allclose, rtol=1e-5, atol=5e-5)
MEMBERS = 3
GEOMETRIES = [
    Geometry((8, 7), (3, 3), 1, ((1, 1), (1, 1))),
    Geometry((8, 8), (4, 4), 2, ((1, 1), (1, 1))),
    Geometry((7, 8), (3, 2), 2, ((0, 1), (0, 0))),
    Geometry((6, 6), (3, 3), 1, ((0, 0), (0, 0))),
    Geometry((5, 5), (3, 3), 1, ((1, 1), (1, 1)), groups=3),
]


def drawn(seed: int, *shape: int) -> Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def of_members(n: Geometry, many: int = MEMBERS) -> tuple[Array, Array, Array]:
    """Images, kernels and what flows back, of every member."""
    return (
        drawn(1, many, 2, *n.size, 3),
        drawn(2, many, *n.window, 3 // n.groups, 6),
        drawn(3, many, 2, *n.out, 6),
    )


def thirds(form: convolutions.Thirds, n: Geometry) -> dict[str, Callable[[Array, Array, Array], Array]]:
    return {
        "correlate": lambda x, k, g: form.correlate(x, k, n),
        "spread": lambda x, k, g: form.spread(g, k, n),
        "gather": lambda x, k, g: form.gather(x, g, n),
    }


PRODUCTS = convolutions.Thirds(products.correlate, products.spread, products.gather)


@pytest.mark.parametrize("n", GEOMETRIES[:-1], ids=str)
@pytest.mark.parametrize("third", ["correlate", "spread", "gather"])
def test_a_product_of_patches_is_the_convolution(third: str, n: Geometry) -> None:
    x, k, g = (a[0] for a in of_members(n))
    near(thirds(PRODUCTS, n)[third](x, k, g), thirds(DERIVED, n)[third](x, k, g))


@pytest.mark.parametrize("n", GEOMETRIES[::2], ids=str)
@pytest.mark.parametrize("third", ["correlate", "spread", "gather"])
@pytest.mark.parametrize("shared", ["nothing", "x", "k", "g"])
def test_every_member_has_its_own(third: str, shared: str, n: Geometry) -> None:
    everything = dict(zip("xkg", of_members(n), strict=True))
    given = {name: a[0] if name == shared else a for name, a in everything.items()}
    function = thirds(DERIVED, n)[third]
    got = jax.vmap(function, [None if name == shared else 0 for name in "xkg"])(*given.values())
    for member in range(MEMBERS):
        one = (a if name == shared else a[member] for name, a in given.items())
        near(got[member], function(*one))


def test_a_grid_of_members() -> None:
    """A ``vmap`` around a ``vmap``, of which the inner one shares the kernel: images fold, kernels do not."""
    n = GEOMETRIES[1]
    x, k, _ = of_members(n)
    inner = jax.vmap(lambda x, k: DERIVED.correlate(x, k, n), (0, None))
    got = jax.vmap(inner, (None, 0))(x, k)
    for i in range(MEMBERS):
        for j in range(MEMBERS):
            near(got[i, j], DERIVED.correlate(x[j], k[i], n))


def by_lax(x: Array, k: Array) -> Array:
    return lax.conv_general_dilated(x, k, (2, 2), "SAME", dimension_numbers=convolutions.LAYOUT)


def slopes(function: Callable[[Array, Array], Array], x: Array, k: Array) -> tuple[Array, Array]:
    """Of the squared norm of an image gradient, as in R1: every third, and derivatives of every third."""

    def penalty(x: Array, k: Array) -> Array:
        return jnp.sum(jax.grad(lambda x: jnp.sum(jnp.sin(function(x, k))))(x) ** 2)

    return jax.grad(penalty, (0, 1))(x, k)


def test_no_groups_and_one_convolution_for_one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs: products for many kernels, in both orders of derivatives; for a shared kernel, the convolution of all images."""
    monkeypatch.setattr(convolutions, "_on", lambda backend: DERIVED)
    ours = partial(slopes, partial(convolution, stride=2))
    x, k, _ = of_members(GEOMETRIES[1])
    assert "conv_general_dilated" not in str(jax.make_jaxpr(jax.vmap(ours))(x, k))
    assert "conv_general_dilated" in str(jax.make_jaxpr(jax.vmap(ours, (0, None)))(x, k[0]))
    got = jax.vmap(ours)(x, k)
    for member in range(MEMBERS):
        for a, b in zip(got, slopes(by_lax, x[member], k[member]), strict=True):
            np.testing.assert_allclose(a[member], b, rtol=1e-4, atol=1e-4 * float(jnp.abs(b).max()))
