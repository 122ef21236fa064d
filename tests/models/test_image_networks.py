"""Every image pair against every promise of a generator and a discriminator, at 8 × 8 and width 8."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models.convolutions import average_pool, convolution, upsample
from gan_jax.models.dcgan import dcgan_discriminator
from gan_jax.models.image_pairs import PAIRS, parameter_count
from gan_jax.models.r3gan import Block, r3gan_discriminator, r3gan_generator
from gan_jax.models.resnet import pooled_convolution, resnet_discriminator, smeared, upsampled_convolution
from gan_jax.objectives.penalties import gradient_penalty
from gan_jax.training.critic import mean_penalty
from gan_jax.typing import Array, Critic
from tests.cases import cases
from tests.tiers import some

BATCH = 6
ONE_BY_ONE = [name for name in PAIRS if not PAIRS[name](8, 2, width=8).discriminator.mixes_examples]
BOUNDED = ["mlp", "dcgan_norm_free", "resnet_spectral", "resnet", "r3gan"]
BATCH_NORM = ["dcgan", "resnet"]


def some_variables(shapes: Any, seed: int) -> Any:
    """Variables in mid-training, drawn by NumPy: no block is the identity any more. (Compiling initialisers takes longer than all else.)"""
    rng = np.random.default_rng(seed)

    def draw(path: tuple[Any, ...], leaf: jax.ShapeDtypeStruct) -> Array:
        normal = rng.normal(size=leaf.shape)
        if path[-1].key in ("var", "scale"):
            return jnp.asarray(np.exp(0.1 * normal), leaf.dtype)
        fan_in = max(math.prod(leaf.shape[:-1]), 1)
        return jnp.asarray(normal / np.sqrt(fan_in) if len(leaf.shape) > 1 else 0.1 * normal, leaf.dtype)

    return jax.tree_util.tree_map_with_path(draw, shapes)


class Seen(NamedTuple):
    """What one compiled pass of a small pair shows."""

    variables: Any
    samples: Array
    low_samples: Array
    critic_variables: Any
    real: Array
    logits: Array
    low_logits: Array
    alone: Array
    slopes: Array
    bound: Array


@cache
def seen(name: str) -> Seen:
    generator, critic = PAIRS[name](8, 2, width=8, latent=5)
    low_generator, low_critic = PAIRS[name](8, 2, width=8, latent=5, dtype=jnp.bfloat16)
    rng = np.random.default_rng(1)
    z = jnp.asarray(rng.normal(size=(BATCH, 5)), jnp.float32)
    real = jnp.asarray(rng.uniform(-1.0, 1.0, size=(BATCH, 8, 8, 2)), jnp.float32)
    variables = some_variables(jax.eval_shape(generator.init, jax.random.key(0)), 2)
    judge = some_variables(jax.eval_shape(critic.init, jax.random.key(0), real), 3)

    @jax.jit
    def passes(variables: Any, judge: Any) -> Seen:
        judge = critic.constrain(judge)
        logits, pull = jax.vjp(lambda x: critic.apply(judge, x), real)
        return Seen(
            variables,
            generator.train(variables, z)[0],
            low_generator.train(variables, z)[0],
            judge,
            real,
            logits,
            low_critic.apply(judge, real),
            jax.lax.map(lambda x: critic.apply(judge, x[None])[0], real),
            jnp.sqrt(jnp.sum(jnp.square(pull(jnp.ones(BATCH))[0]), axis=(1, 2, 3))),
            critic.lipschitz_bound(judge),
        )

    return passes(variables, judge)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("size", some([8, 16, 32, 64], 2))
def test_images_of_the_size_asked_for_and_one_logit_each(name: str, size: int) -> None:
    generator, critic = PAIRS[name](size, 3, width=16, latent=7, dtype=jnp.bfloat16)

    def once(key: Array) -> tuple[Array, ...]:
        generator_key, noise_key, critic_key = jax.random.split(key, 3)
        samples, advanced = generator.train(generator.init(generator_key), generator.noise(noise_key, 5))
        judge = critic.init(critic_key, samples)
        return samples, critic.apply(judge, samples), advanced, judge

    samples, logits, *variables = jax.eval_shape(once, jax.random.key(0))
    assert samples.shape == (5, size, size, 3)
    assert logits.shape == (5,)
    # Whatever is computed in bfloat16, what leaves and what is kept is float32.
    assert {leaf.dtype for leaf in jax.tree.leaves((samples, logits, variables))} == {jnp.dtype("float32")}


@pytest.mark.slow
@cases("name", PAIRS)
def test_samples_lie_in_the_range_of_images_and_differ(name: str) -> None:
    samples = seen(name).samples
    assert jnp.all(jnp.isfinite(samples))
    assert float(jnp.max(jnp.abs(samples))) <= 1.0
    assert float(jnp.std(samples, axis=0).mean()) > 1e-3


@pytest.mark.slow
@cases("name", PAIRS)
def test_bfloat16_computes_the_same_to_its_rounding(name: str) -> None:
    found = seen(name)
    for full, low in ((found.samples, found.low_samples), (found.logits, found.low_logits)):
        # A rounding is at most 2^-9 of a number; those of ten layers at most add up.
        error = float(jnp.linalg.norm(full - low) / jnp.linalg.norm(full))
        assert 2.0**-16 < error < 10 * 2.0**-9


@pytest.mark.slow
@cases("name", PAIRS)
def test_a_logit_depends_on_its_own_example_alone_unless_the_critic_says_so(name: str) -> None:
    found = seen(name)
    mixes = PAIRS[name](8, 2, width=8).discriminator.mixes_examples
    if mixes:
        assert float(jnp.max(jnp.abs(found.logits - found.alone))) > 0.01
    else:
        np.testing.assert_allclose(found.logits, found.alone, rtol=2e-5, atol=1e-5)


@pytest.mark.slow
@cases("name", PAIRS)
def test_no_slope_exceeds_the_lipschitz_bound(name: str) -> None:
    found = seen(name)
    assert name not in BOUNDED or float(found.bound) < np.inf
    assert 0 < float(found.slopes.max()) <= float(found.bound)


@pytest.mark.slow
@cases("name", ONE_BY_ONE)
def test_every_kernel_feels_a_gradient_penalty(name: str) -> None:
    found = seen(name)
    critic = PAIRS[name](8, 2, width=8, latent=5).discriminator

    def penalty(params: Any) -> Array:
        own = {**found.critic_variables, "params": params}
        return mean_penalty(gradient_penalty(), critic, own, found.real, found.samples, jax.random.key(1))

    value, gradients = jax.jit(jax.value_and_grad(penalty))(found.critic_variables["params"])
    assert 0 < float(value) < np.inf
    for path, leaf in jax.tree_util.tree_leaves_with_path(gradients):
        assert bool(jnp.all(jnp.isfinite(leaf)))
        # Biases of layers without an activation after them move no gradient.
        if path[-1].key != "bias":
            assert float(jnp.linalg.norm(leaf)) > 0, path


def test_the_pair_with_batch_norm_refuses_penalties() -> None:
    critic = PAIRS["dcgan"](8, 1, width=8).discriminator
    assert critic.mixes_examples
    with pytest.raises(ValueError, match="mixes the examples"):
        mean_penalty(
            gradient_penalty(), critic, {}, jnp.zeros((2, 8, 8, 1)), jnp.zeros((2, 8, 8, 1)), jax.random.key(0)
        )


@pytest.mark.parametrize("name", BATCH_NORM)
def test_running_averages_of_one_batch_give_what_training_saw(name: str) -> None:
    generator = PAIRS[name](8, 2, width=8, latent=5).generator
    z = generator.noise(jax.random.key(0), 16)
    start = seen(name).variables

    @jax.jit
    def many(variables: Any) -> tuple[Array, Array, Array, Any]:
        # 0.9^200 = 7e-10 of the first averages is left.
        advanced = jax.lax.fori_loop(0, 200, lambda _, v: generator.train(v, z)[1], variables)
        return generator.train(variables, z)[0], generator.apply(variables, z), generator.apply(advanced, z), advanced

    trained, before, after, advanced = many(start)
    assert float(jnp.max(jnp.abs(trained - before))) > 1e-2
    np.testing.assert_allclose(after, trained, atol=2e-5)
    for mine, theirs in zip(*map(jax.tree.leaves, (advanced["params"], start["params"])), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("name", ["mlp", "r3gan"])
def test_generators_without_batch_statistics_train_as_they_sample(name: str) -> None:
    generator = PAIRS[name](8, 1, width=8).generator
    variables = jax.eval_shape(generator.init, jax.random.key(0))
    assert set(variables) == {"params"}


@pytest.mark.slow
@pytest.mark.parametrize("make", [dcgan_discriminator, resnet_discriminator, r3gan_discriminator])
def test_logits_without_normalisation_begin_at_order_one(make: Callable[..., Critic]) -> None:
    critic = make(8, 1, width=16)
    x = jnp.ones((1, 8, 8, 1))

    @jax.jit
    def squares(key: Array) -> Array:
        return jax.lax.map(lambda k: jnp.square(critic.apply(critic.init(k, x), x)[0]), jax.random.split(key, 64))

    assert 0.1 < float(jnp.mean(squares(jax.random.key(5)))) < 10.0


@pytest.mark.slow
def test_a_block_of_r3gan_begins_as_the_identity_whatever_its_depth() -> None:
    x = jax.random.normal(jax.random.key(0), (2, 4, 4, 8))
    block = Block(2, 8, jnp.dtype("float32"))
    variables = block.init(jax.random.key(1), x)
    np.testing.assert_array_equal(block.apply(variables, x), x)
    # The two layers within share 1 / blocks of He's variance: 2 / 1.04 / √8 each.
    layers = variables["params"]
    for name, fan_in in (("expand", 8), ("grouped", 9 * 8)):
        kernel = layers[name]["kernel"]
        expected = 2.0 / 1.04 / np.sqrt(8.0) / fan_in
        # The standard error of a variance of n normal numbers is √(2 / n) of it.
        assert abs(float(jnp.mean(jnp.square(kernel))) / expected - 1.0) < 5 * np.sqrt(2.0 / kernel.size)


def test_resampling_and_convolution_in_one_pass_are_the_two_one_after_the_other() -> None:
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(2, 4, 4, 3)), jnp.float32)
    kernel = jnp.asarray(rng.normal(size=(3, 3, 3, 2)), jnp.float32)
    wide = smeared(kernel)
    np.testing.assert_allclose(upsampled_convolution(x, wide), convolution(upsample(x), kernel), atol=1e-5)
    np.testing.assert_allclose(pooled_convolution(x, wide), average_pool(convolution(x, kernel)), atol=1e-5)


def convolutions(layers: list[tuple[int, int, int]], bias: bool = True) -> int:
    """The number of parameters of layers (side of the kernel, channels in, channels out)."""
    return sum(k * k * i * o + bias * o for k, i, o in layers)


@pytest.mark.slow
def test_parameter_counts_are_those_of_the_papers_layers() -> None:
    def count(name: str, size: int, **keywords: int) -> tuple[int, int]:
        generator, critic = PAIRS[name](size, 3, **keywords)
        x = jnp.zeros((1, size, size, 3))
        players = jax.eval_shape(lambda: (generator.init(jax.random.key(0)), critic.init(jax.random.key(0), x)))
        return parameter_count(players[0]), parameter_count(players[1])

    # Radford et al., figure 1: 1024 channels at 4 × 4 down to 128 at 32 × 32; scale and shift after every layer but the last.
    features = [1024, 512, 256, 128]
    up = convolutions([(4, *io) for io in pairwise(features)], bias=False)
    generator = 100 * 16 * 1024 + up + 2 * sum(features) + convolutions([(4, 128, 3)])
    down = convolutions([(4, *io) for io in pairwise(features[::-1])], bias=False)
    critic = convolutions([(4, 3, 128)]) + down + 2 * sum(features[:-1]) + 16 * 1024 + 1
    assert count("dcgan", 64, width=128, latent=100) == (generator, critic)

    # Gulrajani et al., CIFAR-10: three blocks up; two blocks down and two of one size, all of 128 channels.
    w = 128
    block = convolutions([(3, w, w), (3, w, w), (1, w, w)])
    generator = 129 * 16 * w + 3 * (block + 4 * w) + 2 * w + convolutions([(3, w, 3)])
    critic = convolutions([(3, 3, w), (3, w, w), (1, 3, w)]) + block + 2 * convolutions([(3, w, w)] * 2) + w + 1
    assert count("resnet", 32, width=w, latent=128) == (generator, critic)

    # Huang et al., CIFAR-10: 768 channels, two blocks at 4, 8, 16, 32, inner layers of 1536 channels in 96 groups.
    w = 768
    block = convolutions([(1, w, 2 * w), (3, 16, 2 * w)]) + 2 * w * w
    assert count("r3gan", 32, width=w, latent=64) == (
        16 * w + 64 * w + 8 * block + 3 * w,
        3 * w + 8 * block + 16 * w + w,
    )


@cases("name", PAIRS)
@cases(
    ("arguments", "keywords", "words"),
    [
        ((12, 1), {}, "size is 12; expected 8, 16, 32 or 64"),
        ((4, 1), {}, "size is 4"),
        ((7, 1), {}, "size is 7"),
        ((8, 0), {}, "channels is 0"),
        ((8, 1), {"width": 0}, "width is 0"),
        ((8, 1), {"latent": 0}, "latent is 0"),
        ((8, 1), {"dtype": jnp.float16}, "dtype is 'float16'"),
    ],
    ids=str,
)
def test_bad_input_is_one_sentence(name: str, arguments: tuple[int, ...], keywords: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        PAIRS[name](*arguments, **keywords)


def test_bad_groups_and_bad_images_are_one_sentence() -> None:
    with pytest.raises(ValueError, match="group_width is 16 and width is 12; expected a divisor of the 24 channels"):
        r3gan_generator(8, 1, width=12)
    critic = dcgan_discriminator(8, 1)
    with pytest.raises(ValueError, match=r"x has shape \(2, 16, 16, 1\); expected images \[batch, 8, 8, 1\]"):
        critic.init(jax.random.key(0), jnp.zeros((2, 16, 16, 1)))
