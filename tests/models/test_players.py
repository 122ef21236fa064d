"""Players that are no networks do what their names say, and every generator and discriminator meets training the same way."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.interpolate
from flax import linen as nn

from gan_jax.models import players
from gan_jax.models.generators import mlp_generator
from gan_jax.models.mlp import batch_norm_mlp, from_module, layer_norm_mlp, mlp
from gan_jax.typing import Array, Critic, Generator, PRNGKey
from tests.cases import cases
from tests.compiling import compiled

GENERATORS = {
    "mlp": lambda: mlp_generator((8,), latent=3, event_shape=(1,)),
    "mlp, batch norm": lambda: mlp_generator((8,), event_shape=(1,), batch_norm=True),
    "particles": lambda: players.particles(lambda key: jax.random.normal(key, (6, 1))),
    "affine": lambda: players.affine(scale=2.0, shift=-1.0),
    "quantile table": lambda: players.quantile_table(5, low=-1.0, high=3.0),
}
DISCRIMINATORS = {
    "fourier": lambda: players.fourier_logistic(16, bandwidth=0.5),
    "witness": lambda: players.kernel_witness(jnp.linspace(-2.0, 2.0, 5)[:, None], bandwidth=0.7),
    "histogram": lambda: players.histogram_table(6, low=-2.0, high=2.0),
    "linear": lambda: players.linear(slope=0.5),
}


def key(seed: int = 0) -> PRNGKey:
    return jax.random.key(seed)


def disturbed(variables: dict, seed: int) -> dict:
    """Variables with random parameters."""
    rng = np.random.default_rng(seed)
    draw = lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), jnp.float32)  # noqa: E731
    return {**variables, "params": jax.tree.map(draw, variables["params"])}


@cache
def made(name: str) -> Generator | Critic:
    return compiled(GENERATORS[name]() if name in GENERATORS else DISCRIMINATORS[name]())


# ------------------------------------------------------------------------------------------------------------ generators


@pytest.fixture(params=GENERATORS, ids=str)
def generator(request: pytest.FixtureRequest) -> Generator:
    return made(request.param)


def test_samples_have_the_event_shape_and_depend_on_the_parameters(generator: Generator) -> None:
    variables = generator.init(key())
    z = generator.noise(key(1), 4)
    assert generator.apply(variables, z).shape == (4, 1)
    total = lambda p: jnp.sum(generator.apply({**variables, "params": p}, z))  # noqa: E731
    slopes = jax.jit(jax.grad(total))(variables["params"])
    assert any(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(slopes))


def test_examples_are_made_one_by_one(generator: Generator) -> None:
    variables = generator.init(key())
    z = generator.noise(key(1), 4)
    parts = [jax.tree.map(lambda a, i=i: np.asarray(a)[i : i + 1], z) for i in range(4)]
    alone = [np.asarray(generator.apply(variables, part))[0] for part in parts]
    np.testing.assert_allclose(generator.apply(variables, z), np.stack(alone), rtol=1e-5, atol=1e-6)


def test_training_changes_other_collections_alone(generator: Generator) -> None:
    variables = generator.init(key())
    samples, after = generator.train(variables, generator.noise(key(1), 32))
    assert samples.shape == (32, 1)
    for ours, theirs in zip(jax.tree.leaves(variables["params"]), jax.tree.leaves(after["params"]), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert jax.tree.structure(after) == jax.tree.structure(variables)


def test_batch_norm_trains_with_the_batch_and_samples_with_running_averages() -> None:
    module = compiled(mlp_generator((4,), event_shape=(1,), batch_norm=True))
    variables = module.init(key())
    z = module.noise(key(1), 4096)
    for _ in range(80):
        samples, variables = module.train(variables, z)
    # The running averages have forgotten their start, .9^80 = 2e-4, so that both ways agree on this batch.
    np.testing.assert_allclose(module.apply(variables, z), samples, atol=5e-3)
    hidden = variables["params"]["Dense_0"]
    before = np.asarray(z) @ np.asarray(hidden["kernel"]) + np.asarray(hidden["bias"])
    (statistics,) = variables["batch_stats"].values()
    np.testing.assert_allclose(statistics["mean"], before.mean(axis=0), atol=1e-3)
    np.testing.assert_allclose(statistics["var"], before.var(axis=0), rtol=2e-3, atol=1e-3)


def test_a_batch_of_all_particles_is_all_particles() -> None:
    generator = compiled(players.particles(lambda k: jnp.arange(6.0)[:, None]))
    variables = generator.init(key())
    for batch, times in ((6, 1), (12, 2)):
        samples = generator.apply(variables, generator.noise(key(3), batch))
        np.testing.assert_array_equal(np.sort(np.asarray(samples)[:, 0]), np.sort(np.tile(np.arange(6.0), times)))
    some = np.asarray(generator.apply(variables, generator.noise(key(3), 4)))[:, 0]
    assert len(set(some.tolist())) == 4


def test_affine_map_of_noise_is_that_gaussian() -> None:
    generator = players.affine((2,))
    variables = {"params": {"matrix": jnp.asarray([[2.0, 0.0], [1.0, 0.5]]), "shift": jnp.asarray([1.0, -3.0])}}
    n = 40_000
    samples = np.asarray(generator.apply(variables, generator.noise(key(1), n)))
    covariance = np.asarray([[4.0, 2.0], [2.0, 1.25]])
    # Standard errors: of a mean sqrt(C_ii / n), of a covariance at most sqrt(2 C_ii C_jj / n).
    np.testing.assert_array_less(np.abs(samples.mean(axis=0) - [1.0, -3.0]), 5 * np.sqrt(np.diag(covariance) / n))
    error = np.abs(np.cov(samples.T) - covariance)
    np.testing.assert_array_less(error, 5 * np.sqrt(2 * np.outer(np.diag(covariance), np.diag(covariance)) / n))


def test_quantile_table_begins_uniform_and_never_crosses() -> None:
    generator = compiled(players.quantile_table(9, low=-1.0, high=3.0))
    variables = generator.init(key())
    levels = np.linspace(0.0, 1.0, 41, dtype=np.float32)
    at = lambda variables, levels: np.asarray(generator.apply(variables, levels))[:, 0]  # noqa: E731
    np.testing.assert_allclose(at(variables, levels), -1.0 + 4.0 * levels, atol=2e-6)
    wild = disturbed(variables, 1)
    assert np.all(np.diff(at(wild, levels)) > 0)
    # Linear between knots: NumPy's interpolation of the same table.
    table = at(wild, np.linspace(0.0, 1.0, 9, dtype=np.float32))
    expected = np.interp(levels, np.linspace(0, 1, 9), table)
    np.testing.assert_allclose(at(wild, levels), expected, atol=3e-6)


# -------------------------------------------------------------------------------------------------------- discriminators


@pytest.fixture(params=DISCRIMINATORS, ids=str)
def discriminator(request: pytest.FixtureRequest) -> Critic:
    return made(request.param)


def test_one_logit_an_example_and_no_slope_above_the_bound(discriminator: Critic) -> None:
    x = jax.random.uniform(key(1), (64, 1), minval=-3.0, maxval=3.0)
    variables = discriminator.constrain(disturbed(discriminator.init(key(), x), 2))
    logits = discriminator.apply(variables, x)
    assert logits.shape == (64,)
    one = lambda e: discriminator.apply(variables, e[None])[0]  # noqa: E731
    alone, slopes = jax.jit(jax.vmap(jax.value_and_grad(one)))(x)
    np.testing.assert_allclose(logits, alone, rtol=1e-5, atol=1e-6)
    assert 0 < float(np.abs(slopes).max()) <= float(discriminator.lipschitz_bound(variables)) * (1 + 1e-5)


def test_random_features_are_those_of_the_gaussian_kernel() -> None:
    features, bandwidth = 20_000, 0.8
    critic = compiled(players.fourier_logistic(features, bandwidth=bandwidth))
    x = jnp.asarray([[0.0, 0.0], [0.5, -0.3], [1.0, 2.0]])
    variables = critic.init(key(), x)

    def feature_map(example: Array) -> Array:
        return jax.grad(lambda w: critic.apply(_with(variables, w), example[None])[0])(variables["params"]["weights"])

    phi = np.asarray(jax.jit(jax.vmap(feature_map))(x))
    squares = ((np.asarray(x)[:, None] - np.asarray(x)[None]) ** 2).sum(axis=-1)
    # Rahimi & Recht 2007: the mean of `features` products, each of at most 2 in size and variance at most 1.
    np.testing.assert_allclose(phi @ phi.T, np.exp(-squares / (2 * bandwidth**2)), atol=5 / np.sqrt(features))


def _with(variables: dict, weights: Array) -> dict:
    return {**variables, "params": {**variables["params"], "weights": weights}}


@pytest.mark.parametrize("dimension", [1, 2])
def test_histogram_table_interpolates_and_goes_on_flat(dimension: int) -> None:
    critic = compiled(players.histogram_table(5, low=-1.0, high=1.0))
    variables = disturbed(critic.init(key(), jnp.zeros((1, dimension))), 1)
    nodes = (np.linspace(-1, 1, 5),) * dimension
    x = np.random.default_rng(0).uniform(-1.6, 1.6, (50, dimension)).astype(np.float32)
    exact = scipy.interpolate.RegularGridInterpolator(nodes, np.asarray(variables["params"]["table"], float))
    np.testing.assert_allclose(critic.apply(variables, jnp.asarray(x)), exact(np.clip(x, -1, 1)), atol=3e-6)


@pytest.mark.slow
def test_norms_of_critics_look_at_one_example_or_are_refused() -> None:
    x = jax.random.normal(key(1), (8, 3))
    for critic, mixes in ((layer_norm_mlp((6,)), False), (batch_norm_mlp((6,)), True), (mlp((6,)), False)):
        assert critic.mixes_examples is mixes
        critic = compiled(critic)
        variables = critic.init(key(), x)
        together, half = np.asarray(critic.apply(variables, x))[:4], critic.apply(variables, np.asarray(x)[:4])
        assert np.allclose(together, half, atol=1e-5) is not mixes


class Normalised(nn.Module):
    """A user's own network, with a batch norm below the top."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return nn.Dense(1)(nn.Sequential([nn.Dense(4), nn.BatchNorm(use_running_average=True)])(x))[:, 0]


class Plain(nn.Module):
    """A user's own network without one."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return nn.Dense(1)(nn.LayerNorm()(nn.Dense(4)(x)))[:, 0]


def test_batch_norm_is_found_in_a_users_module() -> None:
    example = jax.ShapeDtypeStruct((1, 3), jnp.float32)
    assert from_module(Normalised(), example).mixes_examples
    plain = compiled(from_module(Plain(), example))
    assert not plain.mixes_examples
    assert plain.apply(plain.init(key(), jnp.zeros((1, 3))), jnp.zeros((5, 3))).shape == (5,)


@cases(
    ("make", "words"),
    [
        (lambda: players.affine(scale=0.0), "scale is 0.0"),
        (lambda: players.quantile_table(1), "knots is 1"),
        (lambda: players.quantile_table(low=1.0, high=1.0), "expected high above low"),
        (lambda: players.fourier_logistic(0), "features is 0"),
        (lambda: players.fourier_logistic(bandwidth=0.0), "bandwidth is 0.0"),
        (lambda: players.kernel_witness(jnp.zeros((2, 1)), bandwidth=-1.0), "bandwidth is -1.0"),
        (lambda: players.histogram_table(1), "bins is 1"),
        (lambda: players.histogram_table(low=0.0, high=0.0), "expected high above low"),
        (lambda: players.histogram_table().init(key(), jnp.zeros((1, 3))), "x has 3 dimensions"),
        (lambda: mlp_generator((8,), latent=0), "latent is 0"),
        (lambda: mlp_generator(()), "features is"),
    ],
)
def test_bad_input_is_one_sentence(make: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
