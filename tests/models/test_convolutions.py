"""Convolutions equal their definition in float64, to every order, whichever form runs and however it is batched."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from gan_jax.models import convolutions, winograd
from gan_jax.models.convolutions import (
    DERIVED,
    WRITTEN_OUT,
    Conv,
    ConvTranspose,
    average_pool,
    convolution,
    depth_to_space,
    space_to_depth,
    transposed_convolution,
    upsample,
)
from gan_jax.typing import Array
from tests.cases import cases

near = partial(np.testing.assert_allclose, rtol=1e-5, atol=2e-5)


def pair(size: tuple[int, int], side: int, cin: int, cout: int, groups: int = 1, batch: int = 2) -> tuple[Array, Array]:
    draw = np.random.default_rng(side + 10 * groups)
    x, k = draw.normal(size=(batch, *size, cin)), draw.normal(size=(side, side, cin // groups, cout)) / side
    return jnp.asarray(x, jnp.float32), jnp.asarray(k, jnp.float32)


def by_definition(x: Array, k: Array, stride: int, groups: int = 1, padding: str = "SAME") -> np.ndarray:
    """The sum itself, in float64."""
    image, kernel = np.asarray(x, np.float64), np.asarray(k, np.float64)
    pads = lax.padtype_to_pads(image.shape[1:3], kernel.shape[:2], (stride, stride), padding)
    image = np.pad(image, ((0, 0), *pads, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape[:2], (1, 2))[:, ::stride, ::stride]
    windows = windows.reshape(*windows.shape[:3], groups, -1, *kernel.shape[:2])
    kernel = kernel.reshape(*kernel.shape[:3], groups, -1)
    y = np.einsum("bijgcuv,uvcgo->bijgo", windows, kernel)
    return y.reshape(*y.shape[:3], -1)


def transposed_by_definition(x: Array, k: Array, stride: int) -> np.ndarray:
    image, kernel = np.asarray(x, np.float64), np.asarray(k, np.float64)
    side = kernel.shape[0]
    before = side - 1 if stride > side - 1 else -(-(side + stride - 2) // 2)
    b, h, w, c = image.shape
    zeros = np.zeros((b, stride * h + 2 * side, stride * w + 2 * side, c))
    zeros[:, before : before + stride * h : stride, before : before + stride * w : stride] = image
    windows = np.lib.stride_tricks.sliding_window_view(zeros, (side, side), (1, 2))[:, : stride * h, : stride * w]
    return np.einsum("bijcuv,uvco->bijo", windows, kernel)


@cases("stride", [1, 2])
@cases("side", [1, 3, 4, 5])
@cases("size", [(8, 8), (7, 4)], ids=str)
def test_convolution_is_its_sum(size: tuple[int, int], side: int, stride: int) -> None:
    x, k = pair(size, side, 3, 4)
    forms = (convolution, transposed_convolution)
    whole, transposed = jax.jit(lambda x, k: [form(x, k, stride=stride) for form in forms])(x, k)
    near(whole, by_definition(x, k, stride))
    near(transposed, transposed_by_definition(x, k, stride))


# Whole, thin (merged by sixteen, and by the largest divisor below it), and depthwise.
@pytest.mark.parametrize(("cin", "cout", "groups"), [(32, 64, 2), (12, 6, 3), (5, 10, 5)], ids=str)
def test_groups_see_themselves_alone(cin: int, cout: int, groups: int) -> None:
    x, k = pair((5, 6), 3, cin, cout, groups)
    near(jax.jit(partial(convolution, groups=groups))(x, k), by_definition(x, k, 1, groups))


def test_valid_padding() -> None:
    x, k = pair((7, 6), 3, 3, 4)
    near(jax.jit(partial(convolution, stride=2, padding="VALID"))(x, k), by_definition(x, k, 2, padding="VALID"))


def by_lax(x: Array, k: Array, stride: int, groups: int) -> Array:
    return lax.conv_general_dilated(
        x, k, (stride, stride), "SAME", dimension_numbers=convolutions.LAYOUT, feature_group_count=groups
    )


def by_lax_transposed(x: Array, k: Array, stride: int) -> Array:
    return lax.conv_transpose(x, k, (stride, stride), "SAME", dimension_numbers=convolutions.LAYOUT)


def two_orders(function: Callable[[Array, Array], Array], x: Array, k: Array) -> tuple[tuple[Array, Array], ...]:
    """Gradients of a loss that is no polynomial, and of the squared norm of its image gradient: what R1 differentiates."""

    def loss(x: Array, k: Array) -> Array:
        return jnp.sum(jnp.sin(function(x, k)))

    def penalty(x: Array, k: Array) -> Array:
        return jnp.sum(jax.grad(loss)(x, k) ** 2)

    def of_kernel(x: Array, k: Array) -> Array:
        return jnp.sum(jnp.cos(jax.grad(loss, 1)(x, k)))

    return jax.jit(lambda x, k: tuple(jax.grad(f, (0, 1))(x, k) for f in (loss, penalty, of_kernel)))(x, k)


GRADIENTS = [((6, 6), 4, 2, 1), ((5, 4), 3, 2, 2), ((4, 5), 3, 1, 3)]


@pytest.mark.slow
@cases("form", [WRITTEN_OUT, DERIVED], ids=["written out", "derived"])
@cases(("size", "side", "stride", "groups"), GRADIENTS, ids=str)
def test_gradients_of_both_orders(
    monkeypatch: pytest.MonkeyPatch,
    form: convolutions.Thirds,
    size: tuple[int, int],
    side: int,
    stride: int,
    groups: int,
) -> None:
    monkeypatch.setattr(convolutions, "_on", lambda backend: form)
    x, k = pair(size, side, 6, 6, groups)
    got = two_orders(partial(convolution, stride=stride, groups=groups), x, k)
    expected = two_orders(lambda x, k: by_lax(x, k, stride, groups), x, k)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * float(np.abs(b).max())), got, expected
    )


@pytest.mark.parametrize("side", [4, 3])
def test_gradients_of_the_transposed(side: int) -> None:
    x, k = pair((3, 4), side, 3, 2)
    got = two_orders(transposed_convolution, x, k)
    expected = two_orders(lambda x, k: by_lax_transposed(x, k, 2), x, k)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * float(np.abs(b).max())), got, expected
    )


@pytest.mark.parametrize(
    ("size", "side", "stride", "padding"),
    [((8, 12), 4, 2, "SAME"), ((4, 4), 3, 1, "SAME"), ((8, 6), 3, 1, "SAME"), ((11, 15), 4, 2, "VALID")],
    ids=str,
)
def test_fewer_multiplications_give_the_same_sums(size: tuple[int, int], side: int, stride: int, padding: str) -> None:
    channels, features = winograd.FEWEST_CHANNELS, winograd.FEWEST_CHANNELS + 2
    x, k = pair(size, side, channels, features)
    rows, columns = lax.padtype_to_pads(size, (side, side), (stride, stride), padding)
    n = convolutions.Geometry(size, (side, side), stride, (rows, columns))
    assert winograd.fits(channels, features, n)
    assert not winograd.fits(channels - 1, features, n)
    y = jnp.asarray(by_definition(x, k, stride, padding=padding), jnp.float32)
    # Sums of up to side² features float32 products of order one, in another order.
    close = partial(np.testing.assert_allclose, rtol=1e-5, atol=2e-4)

    @jax.jit
    def both(x: Array, k: Array, y: Array) -> tuple[tuple[Array, ...], ...]:
        fewer = winograd.correlate(x, k, n), winograd.transposed(y, k, n), winograd.gather(x, y, n)
        return fewer, (DERIVED.transposed(y, k, n), DERIVED.gather(x, y, n))

    (correlated, spread, gathered), (plainly_spread, plainly_gathered) = both(x, k, y)
    close(correlated, y)
    close(spread, plainly_spread)
    np.testing.assert_allclose(gathered, plainly_gathered, rtol=1e-4, atol=2e-3)


@pytest.mark.slow
def test_both_orders_with_fewer_multiplications() -> None:
    x, k = pair((4, 4), 4, winograd.FEWEST_CHANNELS, winograd.FEWEST_CHANNELS)
    got = two_orders(partial(convolution, stride=2), x, k)
    expected = two_orders(lambda x, k: by_lax(x, k, 2, 1), x, k)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * float(np.abs(b).max())), got, expected
    )


def test_bfloat16_is_rounded_once() -> None:
    x, k = (a.astype(jnp.bfloat16) for a in pair((6, 6), 3, 64, 32))
    y = jax.jit(convolution)(x, k)
    assert y.dtype == jnp.bfloat16
    exact = by_definition(x, k, 1)
    # Half a unit in the last of 8 bits, and the rounding of a sum of 576 float32 products.
    np.testing.assert_allclose(np.asarray(y, np.float64), exact, rtol=2.0**-8, atol=1e-4)
    dx, dk = jax.eval_shape(jax.grad(lambda x, k: convolution(x, k).astype(jnp.float32).sum(), (0, 1)), x, k)
    assert dx.dtype == dk.dtype == jnp.bfloat16


def test_vmap_over_images_kernels_and_gradients() -> None:
    x, k = pair((4, 4), 3, 2, 2, batch=3)
    plain = np.asarray(k)
    kernels = np.stack([plain, -2 * plain, plain**2])
    both = jax.jit(jax.vmap(lambda x, k: convolution(x[None], k, stride=2)[0]))(x, kernels)
    near(both, np.stack([by_definition(np.asarray(x)[i : i + 1], kernels[i], 2)[0] for i in range(3)]))

    def norms(k: Array) -> Array:
        return jax.vmap(jax.grad(lambda e: jnp.sum(convolution(e[None], k) ** 2)))(x)

    def norms_by_lax(k: Array) -> Array:
        return jax.grad(lambda x: jnp.sum(by_lax(x, k, 1, 1) ** 2))(x)

    def both(form: Callable[[Array], Array]) -> tuple[Array, Array]:
        return jax.jit(lambda k: (form(k), jax.grad(lambda k: jnp.sum(form(k) ** 2))(k)))(k)

    (mine, slope), (expected, whole) = both(norms), both(norms_by_lax)
    near(mine, expected)
    np.testing.assert_allclose(slope, whole, rtol=1e-4, atol=1e-4 * float(jnp.abs(whole).max()))


@pytest.mark.parametrize("channels", [16, winograd.FEWEST_CHANNELS])
def test_a_batch_over_devices_is_not_gathered(channels: int) -> None:
    x, k = pair((4, 4), 4, channels, channels, batch=4)
    mesh = jax.make_mesh((2,), ("batch",), axis_types=(AxisType.Auto,))
    over = NamedSharding(mesh, PartitionSpec("batch"))

    def loss(x: Array, k: Array) -> Array:
        h = convolution(x, k, stride=2)
        return jnp.sum(transposed_convolution(jnp.tanh(h), k) ** 2)

    step = jax.jit(jax.grad(loss, (0, 1)), in_shardings=(over, NamedSharding(mesh, PartitionSpec())))
    text = step.lower(x, k).compile().as_text()
    assert text
    assert "all-gather" not in text
    assert "all-to-all" not in text
    for got, expected in zip(step(x, k), jax.jit(jax.grad(loss, (0, 1)))(x, k), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5 * float(np.abs(expected).max()))


def test_resampling() -> None:
    x = np.arange(2 * 4 * 6 * 3, dtype=np.float32).reshape(2, 4, 6, 3)
    large, back, deep, flat = jax.jit(
        lambda x: (upsample(x), average_pool(upsample(x)), space_to_depth(x), depth_to_space(space_to_depth(x)))
    )(x)
    np.testing.assert_array_equal(large, np.repeat(np.repeat(x, 2, 1), 2, 2))
    np.testing.assert_array_equal(back, x)
    np.testing.assert_array_equal(flat, x)
    np.testing.assert_array_equal(
        np.asarray(deep)[0, 1, 2], np.concatenate([x[0, 2, 4], x[0, 2, 5], x[0, 3, 4], x[0, 3, 5]])
    )


@cases(
    ("call", "says"),
    [
        (lambda x, k: convolution(x[0], k), r"x has shape \(4, 4, 2\); expected \[batch, height, width, channels\]"),
        (
            lambda x, k: convolution(x, k[:, :, :1]),
            r"kernel has shape \(3, 3, 1, 2\) where x has 2 channels and groups is 1",
        ),
        (lambda x, k: convolution(x, k, padding="same"), "padding is 'same'"),
        (lambda x, k: convolution(x, k, stride=0), "stride is 0"),
        (lambda x, k: convolution(x[:, :2], k, padding="VALID"), "fits in images"),
        (
            lambda x, k: transposed_convolution(x, k[:, :, :1]),
            r"kernel has shape \(3, 3, 1, 2\) where x has 2 channels",
        ),
        (lambda x, k: average_pool(x[:, :3]), r"multiples of 2"),
        (lambda x, k: depth_to_space(x), r"multiple of 4"),
    ],
)
def test_shapes_that_do_not_go_together(call: Callable[[Array, Array], Array], says: str) -> None:
    x, k = pair((4, 4), 3, 2, 2)
    with pytest.raises(ValueError, match=says):
        call(x, k)


def test_modules_compute_in_their_type_and_keep_float32() -> None:
    x, _ = pair((4, 4), 3, 4, 4)
    for module, shape in ((Conv(6, stride=2, groups=2), (2, 2, 2, 6)), (ConvTranspose(6), (2, 8, 8, 6))):
        variables = jax.jit(module.init)(jax.random.key(0), x)
        half = cast(Array, jax.jit(module.clone(dtype=jnp.bfloat16).apply)(variables, x))
        assert half.dtype == jnp.bfloat16
        assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(variables))
        full = cast(Array, jax.jit(module.apply)(variables, x))
        assert full.shape == shape
        np.testing.assert_allclose(np.asarray(half, np.float32), full, atol=0.05)
