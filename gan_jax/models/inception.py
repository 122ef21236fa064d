"""The Inception-v3 network of 2015 as the Fréchet inception distance uses it, as a function of its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.tree_util import Partial
from jaxtyping import Float

from gan_jax.models.convolutions import convolution
from gan_jax.typing import Array

SIDE = 299
"""Side of the images that the network sees, in pixels."""

CLASSES = 1008
FEATURES = 2048
EPSILON = 1e-3
"""Added to the variances of the batch normalisation."""

Layer: TypeAlias = Callable[..., Array]
"""``layer(name, x [n, h, w, cin], features, kernel, *, stride=1, padding="SAME") -> [n, h', w', features]``: a convolution without bias,
batch normalisation and ReLU. The network is written once over such layers: real ones, and ones that only note their shapes."""

Weights: TypeAlias = Mapping[str, np.ndarray]


def shapes() -> dict[str, tuple[int, ...]]:
    """Every array of the network by its name in pytorch-fid's state dict: convolutions ``[out, in, h, w]``."""
    found: dict[str, tuple[int, ...]] = {}

    def note(
        name: str, x: Array, features: int, kernel: tuple[int, int], *, stride: int = 1, padding: str = "SAME"
    ) -> Array:
        found[f"{name}.conv.weight"] = (features, x.shape[-1], *kernel)
        for part in ("weight", "bias", "running_mean", "running_var"):
            found[f"{name}.bn.{part}"] = (features,)
        return convolution(x, jnp.zeros((*kernel, x.shape[-1], features)), stride=stride, padding=padding)

    jax.eval_shape(lambda x: pooled_features(note, x), jax.ShapeDtypeStruct((1, SIDE, SIDE, 3), jnp.float32))
    return found | {"fc.weight": (CLASSES, FEATURES), "fc.bias": (CLASSES,)}


def inception(weights: Weights) -> Partial:
    """The network with its weights.

    Args:
      weights: arrays of ``shapes()``; others are ignored.

    Returns:
      ``[n, h, w, 1 or 3]`` in [-1, 1] of any size ``-> (features [n, 2048], logits [n, 1008])``: resized to 299 × 299, grey repeated to
      three channels. The weights are leaves of it, arguments of a program that is compiled with it.
    """
    layers = {name.removesuffix(".conv.weight") for name in shapes() if name.endswith(".conv.weight")}
    convolutions = {name: folded(weights, name) for name in sorted(layers)}
    dense = jnp.asarray(weights["fc.weight"].T, jnp.float32), jnp.asarray(weights["fc.bias"], jnp.float32)
    return Partial(_features_and_logits, convolutions, dense)


def layer_of(convolutions: Mapping[str, tuple[Array, Array]]) -> Layer:
    """Layers that compute, from a convolution ``[h, w, in, out]`` and a bias ``[out]`` for every name."""

    def layer(
        name: str, x: Array, features: int, kernel: tuple[int, int], *, stride: int = 1, padding: str = "SAME"
    ) -> Array:
        matrix, bias = convolutions[name]
        return jax.nn.relu(convolution(x, matrix, stride=stride, padding=padding) + bias[None, None, None, :])

    return layer


def _features_and_logits(
    convolutions: Mapping[str, tuple[Array, Array]], dense: tuple[Array, Array], images: Array
) -> tuple[Array, Array]:
    colours = jnp.broadcast_to(images, (*images.shape[:-1], 3))
    features = pooled_features(layer_of(convolutions), resized(colours))
    return features, features @ dense[0] + dense[1][None, :]


def resized(images: Float[Array, "n h w c"], side: int = SIDE) -> Float[Array, "n {side} {side} c"]:
    """Bilinear resize with half-pixel centres, edges repeated, no antialiasing: ``F.interpolate(align_corners=False)``.

    Args:
      images: ``[n, h, w, c]``.
      side: of the result.

    Returns:
      ``[n, side, side, c]``.
    """
    n, _, _, c = images.shape
    return jax.image.resize(images, (n, side, side, c), "bilinear", antialias=False)


def pooled_features(layer: Layer, x: Float[Array, "n 299 299 3"]) -> Float[Array, "n 2048"]:
    """The last average pool (pool3).

    Args:
      layer: computes the convolutions.
      x: ``[n, 299, 299, 3]`` in [-1, 1].

    Returns:
      ``[n, 2048]``.

    Source: Szegedy et al. 2016, "Rethinking the Inception architecture", in the variant of the TensorFlow model of December 2015 whose
    weights Heusel et al. 2017 use: average pools leave the padding out, and the last block has a max pool (pytorch-fid, inception.py).
    """
    x = layer("Conv2d_1a_3x3", x, 32, (3, 3), stride=2, padding="VALID")
    x = layer("Conv2d_2a_3x3", x, 32, (3, 3), padding="VALID")
    x = max_pool(layer("Conv2d_2b_3x3", x, 64, (3, 3)), stride=2, padding="VALID")
    x = layer("Conv2d_3b_1x1", x, 80, (1, 1), padding="VALID")
    x = max_pool(layer("Conv2d_4a_3x3", x, 192, (3, 3), padding="VALID"), stride=2, padding="VALID")
    for name, pool in (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)):
        x = block_a(layer, name, x, pool)
    x = block_b(layer, "Mixed_6a", x)
    for name, inner in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
        x = block_c(layer, name, x, inner)
    x = block_d(layer, "Mixed_7a", x)
    x = block_e(layer, "Mixed_7b", x, average_pool)
    x = block_e(layer, "Mixed_7c", x, max_pool)
    return jnp.mean(x, axis=(1, 2))


def max_pool(x: Array, *, stride: int = 1, padding: str = "SAME") -> Array:
    """Largest value of 3 × 3 windows."""
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, stride, stride, 1), padding)


def average_pool(x: Array) -> Array:
    """Mean over what a 3 × 3 window holds of the image, padding left out."""
    window = ((1, 3, 3, 1), (1, 1, 1, 1), "SAME")
    counts = lax.reduce_window(jnp.ones((1, *x.shape[1:3], 1), x.dtype), 0.0, lax.add, *window)
    return lax.reduce_window(x, 0.0, lax.add, *window) / counts


def _chain(layer: Layer, x: Array, *steps: tuple[str, int, tuple[int, int]]) -> Array:
    for name, features, kernel in steps:
        x = layer(name, x, features, kernel)
    return x


def block_a(layer: Layer, name: str, x: Array, pool: int) -> Array:
    """35 × 35: 1 × 1, 5 × 5, two 3 × 3, and ``pool`` channels of an average pool."""
    small = layer(f"{name}.branch1x1", x, 64, (1, 1))
    five = _chain(layer, x, (f"{name}.branch5x5_1", 48, (1, 1)), (f"{name}.branch5x5_2", 64, (5, 5)))
    double = f"{name}.branch3x3dbl"
    three = _chain(layer, x, (f"{double}_1", 64, (1, 1)), (f"{double}_2", 96, (3, 3)), (f"{double}_3", 96, (3, 3)))
    pooled = layer(f"{name}.branch_pool", average_pool(x), pool, (1, 1))
    return jnp.concatenate([small, five, three, pooled], axis=-1)


def block_b(layer: Layer, name: str, x: Array) -> Array:
    """35 × 35 to 17 × 17."""
    three = layer(f"{name}.branch3x3", x, 384, (3, 3), stride=2, padding="VALID")
    double = _chain(layer, x, (f"{name}.branch3x3dbl_1", 64, (1, 1)), (f"{name}.branch3x3dbl_2", 96, (3, 3)))
    double = layer(f"{name}.branch3x3dbl_3", double, 96, (3, 3), stride=2, padding="VALID")
    return jnp.concatenate([three, double, max_pool(x, stride=2, padding="VALID")], axis=-1)


def block_c(layer: Layer, name: str, x: Array, inner: int) -> Array:
    """17 × 17: 1 × 1, one and two pairs of 1 × 7 and 7 × 1 through ``inner`` channels, and an average pool."""
    one, wide, tall = (1, 1), (1, 7), (7, 1)
    small = layer(f"{name}.branch1x1", x, 192, one)
    first = f"{name}.branch7x7"
    seven = _chain(layer, x, (f"{first}_1", inner, one), (f"{first}_2", inner, wide), (f"{first}_3", 192, tall))
    second = f"{name}.branch7x7dbl"
    double = _chain(
        layer,
        x,
        (f"{second}_1", inner, one),
        (f"{second}_2", inner, tall),
        (f"{second}_3", inner, wide),
        (f"{second}_4", inner, tall),
        (f"{second}_5", 192, wide),
    )
    pooled = layer(f"{name}.branch_pool", average_pool(x), 192, one)
    return jnp.concatenate([small, seven, double, pooled], axis=-1)


def block_d(layer: Layer, name: str, x: Array) -> Array:
    """17 × 17 to 8 × 8."""
    three = layer(f"{name}.branch3x3_1", x, 192, (1, 1))
    three = layer(f"{name}.branch3x3_2", three, 320, (3, 3), stride=2, padding="VALID")
    inner = f"{name}.branch7x7x3"
    seven = _chain(layer, x, (f"{inner}_1", 192, (1, 1)), (f"{inner}_2", 192, (1, 7)), (f"{inner}_3", 192, (7, 1)))
    seven = layer(f"{inner}_4", seven, 192, (3, 3), stride=2, padding="VALID")
    return jnp.concatenate([three, seven, max_pool(x, stride=2, padding="VALID")], axis=-1)


def block_e(layer: Layer, name: str, x: Array, pool: Callable[[Array], Array]) -> Array:
    """8 × 8: 1 × 1, two branches that end in 1 × 3 beside 3 × 1, and a pool, which is not the same in the last two blocks."""
    wide, tall = (1, 3), (3, 1)
    small = layer(f"{name}.branch1x1", x, 320, (1, 1))
    entry = layer(f"{name}.branch3x3_1", x, 384, (1, 1))
    three = [layer(f"{name}.branch3x3_2{end}", entry, 384, kernel) for end, kernel in (("a", wide), ("b", tall))]
    inner = f"{name}.branch3x3dbl"
    entry = _chain(layer, x, (f"{inner}_1", 448, (1, 1)), (f"{inner}_2", 384, (3, 3)))
    double = [layer(f"{inner}_3{end}", entry, 384, kernel) for end, kernel in (("a", wide), ("b", tall))]
    pooled = layer(f"{name}.branch_pool", pool(x), 192, (1, 1))
    return jnp.concatenate([small, *three, *double, pooled], axis=-1)


def folded(weights: Weights, name: str) -> tuple[Array, Array]:
    """The convolution ``[h, w, in, out]`` and bias ``[out]`` that equal convolution and batch normalisation, folded in float64."""
    kernel = np.asarray(weights[f"{name}.conv.weight"], np.float64)
    gamma, beta, mean, variance = (
        np.asarray(weights[f"{name}.bn.{part}"], np.float64)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / np.sqrt(variance + EPSILON)
    kernel = (kernel * scale[:, None, None, None]).transpose(2, 3, 1, 0)
    return jnp.asarray(kernel, jnp.float32), jnp.asarray(beta - mean * scale, jnp.float32)
