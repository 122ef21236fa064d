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
from tests.cases import cases

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
        "transposed": lambda x, k, g: form.transposed(g, k, n),
        "gather": lambda x, k, g: form.gather(x, g, n),
    }


THIRDS = ("correlate", "transposed", "gather")
PRODUCTS = convolutions.Thirds(products.correlate, products.transposed, products.gather)


@cases("n", GEOMETRIES[:-1], ids=str)
def test_a_product_of_patches_is_the_convolution(n: Geometry) -> None:
    @jax.jit
    def both(*given: Array) -> list[dict[str, Array]]:
        return [{third: form(*given) for third, form in thirds(kind, n).items()} for kind in (PRODUCTS, DERIVED)]

    got, expected = both(*(np.asarray(a)[0] for a in of_members(n)))
    for third in THIRDS:
        near(got[third], expected[third], err_msg=third)


@pytest.mark.slow
@cases("n", GEOMETRIES[::2], ids=str)
@cases("shared", ["nothing", "x", "k", "g"])
def test_every_member_has_its_own(shared: str, n: Geometry) -> None:
    axes = [None if name == shared else 0 for name in "xkg"]
    everything = [
        np.asarray(a)[0] if axis is None else np.asarray(a) for a, axis in zip(of_members(n), axes, strict=True)
    ]

    @jax.jit
    def both(*given: Array) -> dict[str, tuple[Array, Array]]:
        def one_by_one(function: Callable[..., Array]) -> Array:
            members = [
                [a if axis is None else a[i] for a, axis in zip(given, axes, strict=True)] for i in range(MEMBERS)
            ]
            return jnp.stack([function(*member) for member in members])

        return {third: (jax.vmap(form, axes)(*given), one_by_one(form)) for third, form in thirds(DERIVED, n).items()}

    for third, (got, expected) in both(*everything).items():
        near(got, expected, err_msg=third)


def test_a_grid_of_members() -> None:
    """A ``vmap`` around a ``vmap``, of which the inner one shares the kernel: images fold, kernels do not."""
    n = GEOMETRIES[1]
    x, k, _ = of_members(n)
    inner = jax.vmap(lambda x, k: DERIVED.correlate(x, k, n), (0, None))
    got, expected = jax.jit(
        lambda x, k: (
            jax.vmap(inner, (None, 0))(x, k),
            jnp.stack([jnp.stack([DERIVED.correlate(x[j], k[i], n) for j in range(MEMBERS)]) for i in range(MEMBERS)]),
        )
    )(x, k)
    near(got, expected)


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
    got = jax.jit(jax.vmap(ours))(x, k)
    plainly = jax.jit(partial(slopes, by_lax))
    for member in range(MEMBERS):
        for a, b in zip(got, plainly(np.asarray(x)[member], np.asarray(k)[member]), strict=True):
            np.testing.assert_allclose(np.asarray(a)[member], b, rtol=1e-4, atol=1e-4 * float(np.abs(b).max()))
