"""Translators and patch discriminators: shapes, what a logit sees, what a border does, and instance norms by their definition."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models import translators
from gan_jax.models.translators import (
    InstanceNorm,
    ReflectedConv,
    mlp_translator,
    patch_critic,
    patch_size,
    resnet_translator,
)
from tests.cases import cases
from tests.compiling import compiled


def images(n: int, size: int, channels: int = 3, seed: int = 0) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).uniform(-1.0, 1.0, (n, size, size, channels)), jnp.float32)


@cases(("size", "channels", "other"), [(16, 1, 3), (16, 3, 3), (32, 3, 1)])
def test_images_become_images_of_the_other_domain(size: int, channels: int, other: int) -> None:
    network = resnet_translator(size, channels, other_channels=other, width=4, blocks=1)
    x = images(2, size, channels)
    shape = jax.eval_shape(lambda key: network.apply(network.init(key, x), x), jax.random.key(0))
    assert shape.shape == (2, size, size, other)


@pytest.mark.slow
def test_images_lie_in_their_range() -> None:
    network = compiled(resnet_translator(16, 1, other_channels=3, width=4, blocks=1))
    x = images(2, 16, 1)
    y = np.asarray(network.apply(network.init(jax.random.key(0), x), x))
    assert np.abs(y).max() <= 1.0
    assert np.abs(y).min() < 1.0


@pytest.mark.slow
def test_what_is_added_is_there_from_the_start() -> None:
    """The image is there but for what h adds, white and black pixels too; without the skip nothing of it is."""
    x = jnp.concatenate([images(2, 16), jnp.ones((1, 16, 16, 3)), -jnp.ones((1, 16, 16, 3))])
    near = compiled(resnet_translator(16, width=4, blocks=1, skip="added"))
    variables = near.init(jax.random.key(0), x)
    # The last layer's parameters at zero leave the identity, drawn in by INSIDE.
    last = max((name for name in variables["params"] if name.startswith("ReflectedConv")), key=lambda n: int(n[14:]))
    params = {**variables["params"], last: jax.tree.map(jnp.zeros_like, variables["params"][last])}
    np.testing.assert_allclose(near.apply({"params": params}, x), translators.INSIDE * x, atol=1e-6)
    far = compiled(resnet_translator(16, width=4, blocks=1))
    np.testing.assert_allclose(far.apply({"params": params}, x), 0.0, atol=1e-6)
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(near.apply(variables, x))))(x)
    assert bool(jnp.isfinite(gradient).all())


@pytest.mark.slow
def test_what_is_joined_reaches_the_last_convolution_as_it_is() -> None:
    """Where the last kernel looks at the image alone, G is its tanh but for a matrix; the other domain may have other channels."""
    x = images(2, 16)
    network = compiled(resnet_translator(16, 3, other_channels=1, width=4, blocks=0, skip="joined"))
    variables = network.init(jax.random.key(0), x)
    last = max((name for name in variables["params"] if name.startswith("ReflectedConv")), key=lambda n: int(n[14:]))
    shape = jax.tree.map(jnp.shape, variables["params"][last])
    kernel = jnp.zeros(shape["Conv_0"]["kernel"]).at[3, 3, 4:, 0].set(jnp.array([0.5, -1.0, 2.0]))
    params = {**variables["params"], last: {"Conv_0": {"kernel": kernel, "bias": jnp.full((1,), 0.25)}}}
    expected = np.tanh(0.25 + np.asarray(x) @ np.array([0.5, -1.0, 2.0]))
    np.testing.assert_allclose(np.asarray(network.apply({"params": params}, x))[..., 0], expected, atol=1e-5)


def test_a_skip_is_one_of_three_and_adds_between_equal_channels() -> None:
    with pytest.raises(ValueError, match="skip is 'added' and channels are 3 and 1; expected equal ones"):
        resnet_translator(16, 3, other_channels=1, skip="added")
    with pytest.raises(ValueError, match="skip is 'around'; expected one of 'none', 'joined', 'added'"):
        resnet_translator(16, skip="around")


@pytest.mark.parametrize(
    ("size", "kernel_size", "expected"),
    [(16, 4, "an odd number, 1 to 8"), (16, 9, "an odd number, 1 to 8"), (32, -1, "an integer of at least 1")],
)
def test_a_kernel_is_odd_and_at_most_half_of_an_image(size: int, kernel_size: int, expected: str) -> None:
    with pytest.raises(ValueError, match=f"kernel_size is {kernel_size}; expected {expected}"):
        resnet_translator(size, kernel_size=kernel_size)


def test_what_is_joined_is_what_was_made_of_the_image_on_the_way_down() -> None:
    """Convolutions after the doublings take the features of their size twice over, and the last one the image; blocks at full size too."""
    network = resnet_translator(16, 3, width=4, blocks=1, fine_blocks=2, kernel_size=3, skip="joined")
    params = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 16, 16, 3)))["params"]
    kernels = [params[f"ReflectedConv_{place}"]["Conv_0"]["kernel"].shape for place in range(4)]
    assert kernels == [(3, 3, 3, 4), (3, 3, 16 + 8, 8), (3, 3, 8 + 4, 4), (3, 3, 4 + 3, 3)]
    inside = [params[f"ResidualBlock_{place}"]["ReflectedConv_0"]["Conv_0"]["kernel"].shape for place in range(3)]
    assert inside == [(3, 3, 16, 16), (3, 3, 4, 4), (3, 3, 4, 4)]
    plain = jax.eval_shape(resnet_translator(16, width=4).init, jax.random.key(0), jnp.zeros((1, 16, 16, 3)))["params"]
    assert plain["ReflectedConv_3"]["Conv_0"]["kernel"].shape == (7, 7, 4, 3)


def test_blocks_are_six_and_nine() -> None:
    for size, blocks in ((64, 6), (256, 9)):
        network = resnet_translator(size, width=2)
        shapes = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, size, size, 3)))
        assert sum(name.startswith("ResidualBlock") for name in shapes["params"]) == blocks


def test_an_instance_norm_is_its_definition() -> None:
    x = 3.0 + 2.0 * images(2, 8, 4)
    module = InstanceNorm()
    apply = jax.jit(lambda x: module.init_with_output(jax.random.key(0), x)[0])
    y = np.asarray(apply(x))
    flat = np.asarray(x, np.float64)
    away = flat - flat.mean((1, 2), keepdims=True)
    np.testing.assert_allclose(y, away / np.sqrt((away**2).mean((1, 2), keepdims=True) + 1e-5), atol=1e-5)
    # Each image by itself, and each channel.
    np.testing.assert_allclose(apply(x[:1]), y[:1], atol=1e-6)


@pytest.mark.slow
def test_a_constant_image_has_a_finite_gradient() -> None:
    network = compiled(resnet_translator(16, width=4, blocks=1))
    x = jnp.zeros((1, 16, 16, 3))
    variables = network.init(jax.random.key(0), x)
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(network.apply(variables, x))))(x)
    assert bool(jnp.all(jnp.isfinite(gradient)))


def test_a_border_is_no_black_frame() -> None:
    """Under a kernel whose weights sum to one a constant image stays what it is, to the very edge."""
    module = ReflectedConv(1, 3)
    x = jnp.ones((1, 6, 6, 1))
    variables = module.init(jax.random.key(0), x)
    kernel = jax.tree.map(lambda leaf: jnp.ones_like(leaf) / 9.0 if leaf.ndim == 4 else leaf, variables)
    np.testing.assert_allclose(module.apply(kernel, x), 1.0, rtol=1e-6)


@pytest.mark.parametrize(("size", "layers"), [(32, 1), (32, 2), pytest.param(64, 3, marks=pytest.mark.slow)])
def test_a_logit_sees_one_patch(size: int, layers: int) -> None:
    """Without norms, which look at the whole image, the gradient of a middle logit lives on ``patch_size`` pixels a side."""
    critic = patch_critic(size, 1, width=4, layers=layers)
    x = images(1, size, 1)
    variables = jax.jit(critic.init)(jax.random.key(0), x)
    places = jax.eval_shape(critic.apply, variables, x).shape[1]
    side = size // 2**layers
    assert places == side * side
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(translators, "InstanceNorm", lambda dtype=None: lambda x: x)
        middle = (side // 2) * side + side // 2
        gradient = jax.jit(jax.grad(lambda x: critic.apply(variables, x)[0, middle]))(x)
    rows, columns = np.nonzero(np.asarray(gradient)[0, :, :, 0])
    assert np.ptp(rows) + 1 == min(patch_size(layers), size)
    assert np.ptp(columns) + 1 == min(patch_size(layers), size)


def test_points_start_near_where_they_are() -> None:
    network = compiled(mlp_translator((64, 64)))
    x = jax.random.normal(jax.random.key(0), (100, 2))
    y = network.apply(network.init(jax.random.key(1), x), x)
    assert np.square(np.asarray(y) - np.asarray(x)).mean() < np.square(x).mean()
    other = compiled(mlp_translator((8,), other_shape=(3,)))
    assert other.apply(other.init(jax.random.key(1), x), x).shape == (100, 3)


@pytest.mark.slow
def test_examples_are_seen_one_by_one() -> None:
    network, critic = resnet_translator(16, width=4, blocks=1), patch_critic(16, width=4)
    x = images(3, 16)
    for player in (compiled(network), compiled(critic)):
        variables = player.init(jax.random.key(0), x)
        together, alone = player.apply(variables, x), player.apply(variables, x[1:2])
        np.testing.assert_allclose(np.asarray(together)[1:2], alone, atol=2e-6)


@pytest.mark.slow
def test_bfloat16_has_float32_parameters_and_images() -> None:
    network = compiled(resnet_translator(16, width=4, blocks=1, dtype="bfloat16"))
    x = images(1, 16)
    variables = network.init(jax.random.key(0), x)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(variables))
    assert network.apply(variables, x).dtype == jnp.float32


@cases(
    ("make", "message"),
    [
        (lambda: resnet_translator(20), "size is 20; expected one of 16, 32, 64, 128, 256"),
        (lambda: resnet_translator(16, 0), "channels is 0"),
        (lambda: resnet_translator(16, other_channels=0), "other_channels is 0"),
        (lambda: resnet_translator(16, blocks=-1), "blocks is -1"),
        (lambda: patch_critic(16, layers=4), "layers is 4 and size is 16; expected 1 to 3"),
        (lambda: patch_critic(16, width=0), "width is 0"),
        (lambda: mlp_translator(()), "features is"),
    ],
)
def test_wrong_settings(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_images_of_another_shape() -> None:
    network = resnet_translator(16, width=4, blocks=1)
    with pytest.raises(ValueError, match=r"x has shape \(1, 32, 32, 3\); expected \[batch, 16, 16, 3\]"):
        network.init(jax.random.key(0), images(1, 32))
