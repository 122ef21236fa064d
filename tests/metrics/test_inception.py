"""Inception: its layers against SciPy, its size against the published one, its weights only with the right hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import map_coordinates, maximum_filter
from scipy.signal import correlate

from gan_jax.metrics import inception as loading
from gan_jax.metrics.inception import inception_features
from gan_jax.models import inception as network


def weights(shapes: dict[str, tuple[int, ...]], seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights under which values keep their size from layer to layer."""
    rng = np.random.default_rng(seed)

    def array(name: str, shape: tuple[int, ...]) -> np.ndarray:
        if name.endswith(("running_var", "bn.weight")):
            return rng.uniform(0.5, 1.5, shape).astype(np.float32)
        if len(shape) > 1:
            return (rng.standard_normal(shape, np.float32) * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float32)
        return (0.1 * rng.standard_normal(shape)).astype(np.float32)

    return {name: array(name, shape) for name, shape in shapes.items()}


def plain_layer(arrays: dict[str, np.ndarray]) -> network.Layer:
    """Convolution, batch normalisation, ReLU: one SciPy correlation a pair of channels, in float64."""

    def layer(name, x, features, kernel, *, stride=1, padding="SAME"):
        assert stride == 1
        assert padding == "SAME"
        matrix = arrays[f"{name}.conv.weight"].astype(np.float64)
        assert matrix.shape == (features, x.shape[-1], *kernel)
        image = np.asarray(x[0], np.float64)
        y = np.stack(
            [sum(correlate(image[..., c], filters[c], "same") for c in range(len(filters))) for filters in matrix],
            axis=-1,
        )
        gamma, beta, mean, var = (
            arrays[f"{name}.bn.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        return np.maximum((y - mean) / np.sqrt(var.astype(np.float64) + 1e-3) * gamma + beta, 0.0)[None]

    return layer


def plain_average(x: np.ndarray) -> np.ndarray:
    def sums(image: np.ndarray) -> np.ndarray:
        return correlate(image, np.ones((3, 3)), "same", "direct")

    counts = sums(np.ones(x.shape[1:3]))
    return np.stack([sums(x[0, ..., c]) / counts for c in range(x.shape[-1])], axis=-1)[None]


def plain_max(x: np.ndarray) -> np.ndarray:
    return maximum_filter(x, (1, 3, 3, 1), mode="constant", cval=-np.inf)


def noted(block: object, x: jax.Array) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}

    def note(name, x, features, kernel, *, stride=1, padding="SAME"):
        found[f"{name}.conv.weight"] = (features, x.shape[-1], *kernel)
        found.update({f"{name}.bn.{p}": (features,) for p in ("weight", "bias", "running_mean", "running_var")})
        return jnp.zeros((*x.shape[:-1], features))

    block(note, x)
    return found


def layer_names(arrays: dict[str, np.ndarray]) -> list[str]:
    return [name.removesuffix(".conv.weight") for name in arrays if name.endswith(".conv.weight")]


@pytest.mark.slow
def test_first_block_equals_a_direct_computation() -> None:
    x = np.random.default_rng(1).normal(size=(1, 5, 6, 4))
    arrays = weights(noted(lambda layer, x: network.block_a(layer, "m", x, 8), jnp.asarray(x, jnp.float32)))
    layer = network.layer_of({name: network.folded(arrays, name) for name in layer_names(arrays)})
    found = jax.jit(lambda x: network.block_a(layer, "m", x, 8))(jnp.asarray(x, jnp.float32))
    plain = plain_layer(arrays)
    five = plain("m.branch5x5_2", plain("m.branch5x5_1", x, 48, (1, 1)), 64, (5, 5))
    three = plain("m.branch3x3dbl_2", plain("m.branch3x3dbl_1", x, 64, (1, 1)), 96, (3, 3))
    three = plain("m.branch3x3dbl_3", three, 96, (3, 3))
    pooled = plain("m.branch_pool", plain_average(x), 8, (1, 1))
    expected = np.concatenate([plain("m.branch1x1", x, 64, (1, 1)), five, three, pooled], axis=-1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_pools() -> None:
    x = np.random.default_rng(2).normal(size=(1, 7, 6, 3))
    np.testing.assert_allclose(
        network.average_pool(jnp.asarray(x, jnp.float32)), plain_average(x), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_array_equal(network.max_pool(jnp.asarray(x, jnp.float32)), plain_max(x).astype(np.float32))
    strided = network.max_pool(jnp.asarray(x, jnp.float32), stride=2, padding="VALID")
    np.testing.assert_array_equal(strided, plain_max(x).astype(np.float32)[:, 1:-1:2, 1:-1:2])


@pytest.mark.parametrize(("height", "width", "side"), [(8, 8, 29), (32, 24, 29), (64, 64, 29)])
def test_resize_is_bilinear_at_half_pixels_without_antialiasing(height: int, width: int, side: int) -> None:
    x = np.random.default_rng(3).normal(size=(1, height, width, 2)).astype(np.float32)
    found = network.resized(jnp.asarray(x), side)
    rows, columns = ((np.arange(side) + 0.5) * size / side - 0.5 for size in (height, width))
    grid = np.meshgrid(rows, columns, indexing="ij")
    for channel in range(2):
        # The edge repeated: coordinates beyond the first and last centre are clipped to them.
        inside = [np.clip(axis, 0, size - 1) for axis, size in zip(grid, (height, width), strict=True)]
        expected = map_coordinates(x[0, ..., channel], inside, order=1, mode="nearest")
        np.testing.assert_allclose(found[0, ..., channel], expected, atol=1e-5)


def test_size_is_that_of_the_published_network() -> None:
    shapes = network.shapes()
    learnt = sum(int(np.prod(shape)) for name, shape in shapes.items() if "running" not in name)
    # torchvision's inception_v3 without its auxiliary head has 23 834 568 parameters with 1000 classes; here are 1008.
    assert learnt == 23_834_568 + 8 * (2048 + 1)
    assert sum(name.endswith("conv.weight") for name in shapes) == 94
    assert shapes["Mixed_7c.branch3x3dbl_3b.conv.weight"] == (384, 384, 3, 1)


@pytest.mark.slow
def test_whole_network_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    np.savez(path, **weights(network.shapes()), **{"Conv2d_1a_3x3.bn.num_batches_tracked": np.zeros(())})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    features = inception_features(path, digest.upper())
    assert features.name == f"Inception-v3 2015 {digest[:8]}"
    x = jax.random.uniform(jax.random.key(0), (2, 8, 8, 1), minval=-1.0)
    rows, logits = jax.jit(lambda apply, x: apply(x))(features.apply, x)
    assert (rows.shape, logits.shape) == ((2, 2048), (2, 1008))
    assert jnp.all(jnp.isfinite(rows))
    assert jnp.all(rows >= 0)
    assert not jnp.allclose(rows[0], rows[1])


TINY = {"fc.weight": (3, 2), "fc.bias": (3,)}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "shapes", lambda: TINY)


def refused(path: Path, words: str, sha256: str | None = None) -> None:
    with pytest.raises(ValueError, match=words):
        inception_features(path, hashlib.sha256(path.read_bytes()).hexdigest() if sha256 is None else sha256)


@pytest.mark.usefixtures("tiny")
def test_files_that_are_not_the_weights_are_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    with pytest.raises(FileNotFoundError, match=r"weights\.npz; expected a file of Inception weights"):
        inception_features(path, "0" * 64)
    np.savez(path, **{"fc.weight": np.zeros((3, 2))})
    refused(path, "has the SHA-256 [0-9a-f]{64}; expected 0{64}, as given", "0" * 64)
    refused(path, r"lacks 1 of 2 arrays, 'fc\.bias' first; expected the names of pytorch-fid")
    np.savez(path, **{"fc.weight": np.zeros((2, 3)), "fc.bias": np.zeros(3)})
    refused(path, r"has 1 array\(s\) of another shape, 'fc\.weight' \(2, 3\) first; expected \(3, 2\)")
    path.write_bytes(b"no archive")
    refused(path, "is no .npz that can be read")
    np.save(tmp_path / "one.npy", np.zeros(3))
    refused(tmp_path / "one.npy", "is no .npz that can be read")
