"""Maxout layers are maxima of affine maps, and PacGAN's pair is what its paper says."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models.pacgan import maxout_mlp, pacgan_discriminator, pacgan_generator


@pytest.mark.slow
@pytest.mark.parametrize("event", [(3,), (2, 2, 1)], ids=str)
def test_a_maxout_network_is_maxima_of_affine_maps(event: tuple[int, ...]) -> None:
    critic, widths, pieces = maxout_mlp((4, 3), pieces=5), (4, 3), 5
    x = jax.random.normal(jax.random.key(0), (6, *event))
    variables = jax.jit(critic.init)(jax.random.key(1), x)
    # Biases begin at zero; any will do here.
    variables = jax.tree.map(lambda w: w + np.linspace(0, 0.1, w.size, dtype=np.float32).reshape(w.shape), variables)
    params = jax.tree.map(lambda w: np.asarray(w, np.float64), variables["params"])
    h = np.asarray(x, np.float64).reshape(6, -1)
    for layer, width in enumerate(widths):
        kernel, bias = params[f"Dense_{layer}"]["kernel"], params[f"Dense_{layer}"]["bias"]
        every = [[h @ kernel[:, p * width + k] + bias[p * width + k] for k in range(width)] for p in range(pieces)]
        h = np.max(every, axis=0).T
    expected = h @ params["Dense_2"]["kernel"][:, 0] + params["Dense_2"]["bias"]
    np.testing.assert_allclose(critic.apply(variables, x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_no_secant_of_a_maxout_network_exceeds_its_bound() -> None:
    critic = maxout_mlp((4, 4), pieces=3)
    x, y = jax.random.normal(jax.random.key(0), (2, 512, 2))
    variables = jax.jit(critic.init)(jax.random.key(1), x)
    bound = float(critic.lipschitz_bound(variables))
    expected = np.prod([np.linalg.norm(variables["params"][f"Dense_{n}"]["kernel"], ord=2) for n in range(3)])
    np.testing.assert_allclose(bound, expected, rtol=1e-5)
    rise = jnp.abs(critic.apply(variables, x) - critic.apply(variables, y))
    assert jnp.all(rise <= bound * jnp.linalg.norm(x - y, axis=1) * (1 + 1e-5))


def test_one_piece_is_a_linear_network() -> None:
    critic = maxout_mlp((4,), pieces=1)
    x = jax.random.normal(jax.random.key(0), (3, 2))
    variables = jax.jit(critic.init)(jax.random.key(1), x)
    sides = critic.apply(variables, x) + critic.apply(variables, -x)
    np.testing.assert_allclose(sides, 2 * critic.apply(variables, jnp.zeros((3, 2))), atol=1e-6)


@pytest.mark.slow
def test_the_published_pair() -> None:
    discriminator, generator = pacgan_discriminator(), pacgan_generator()
    judge = jax.jit(discriminator.init)(jax.random.key(0), jnp.zeros((1, 4)))["params"]
    shapes = [(judge[f"Dense_{n}"]["kernel"].shape) for n in range(4)]
    assert shapes == [(4, 1000), (200, 1000), (200, 1000), (200, 1)]
    variables = jax.jit(generator.init)(jax.random.key(0))
    layers = variables["params"]
    assert [layers[f"Dense_{n}"]["kernel"].shape for n in range(5)] == [(2, 400), *[(400, 400)] * 3, (400, 2)]
    # The bias of a hidden layer is that of its normalisation.
    assert [set(layers[f"Dense_{n}"]) for n in range(5)] == [{"kernel"}] * 4 + [{"kernel", "bias"}]
    assert discriminator.constrain(judge) is judge
    # N(0, .02²): the deviation of 40 000 and more weights is known to 1 %.
    for kernel in (judge["Dense_1"]["kernel"], layers["Dense_1"]["kernel"]):
        np.testing.assert_allclose(np.std(kernel), 0.02, rtol=4 / np.sqrt(2 * kernel.size))


def test_moving_statistics_move_by_five_percent() -> None:
    generator = pacgan_generator()
    variables = jax.jit(generator.init)(jax.random.key(0))
    z = generator.noise(jax.random.key(1), 32)
    _, advanced = jax.jit(generator.train)(variables, z)
    h = np.asarray(z, np.float64) @ np.asarray(variables["params"]["Dense_0"]["kernel"], np.float64)
    found = advanced["batch_stats"]["BatchNorm_0"]
    np.testing.assert_allclose(found["mean"], 0.05 * h.mean(axis=0), atol=1e-7)
    np.testing.assert_allclose(found["var"], 0.95 + 0.05 * h.var(axis=0), rtol=1e-5)


def test_bad_sizes_are_one_sentence() -> None:
    with pytest.raises(ValueError, match="pieces is 0"):
        maxout_mlp((4,), pieces=0)
    with pytest.raises(ValueError, match="latent is 0"):
        pacgan_generator(latent=0)
