"""Every number of every public function of objectives, models and training has a type and a range: what is outside is one sentence."""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from gan_jax import checks
from gan_jax.data import folder, sets, sources
from gan_jax.data.images import ImageSet
from gan_jax.divergences import empirical, kernels, own_f
from gan_jax.estimators import variational
from gan_jax.metrics import statistics
from gan_jax.models import conditional as conditional_models
from gan_jax.models import conditional_critics, text, translators
from gan_jax.models.generators import GeneratorMLP, mlp_generator
from gan_jax.models.image_pairs import PAIRS
from gan_jax.models.mlp import mlp
from gan_jax.models.reconstructor import mlp_reconstructor
from gan_jax.objectives import losses, penalties
from gan_jax.objectives.pairs import over_all_pairs
from gan_jax.training import critic as critic_training
from gan_jax.training import game, optimizers, updates
from gan_jax.training.ensemble import sweep
from gan_jax.training.recording import Case
from tests.cases import cases

ROOMS = ("objectives", "models", "training")

MINIMAX, NETWORK, GENERATOR = losses.minimax(), mlp((4,)), mlp_generator((4,))
CRITIC_TRAINING = critic_training.CriticTraining(MINIMAX, optimizers.adam()(1e-3), None, 1.0, 4)
IMAGES = jnp.zeros((2, 4, 4, 4))
ENCODER = text.label_encoder(3)


def data(key: jax.Array, batch: int) -> jax.Array:
    return jax.random.normal(key, (batch, 2))


def played() -> game.Game:
    return game.gan(MINIMAX, GENERATOR, NETWORK, data, updates.alternating())


# What else a function needs before its numbers can be asked about.
NEEDS: dict[str, Callable[[], dict[str, Any]]] = {
    "conditional.conditional_dcgan_generator": lambda: dict(size=8, channels=1, encoder=ENCODER),
    "conditional.conditional_generator": lambda: dict(encoder=ENCODER, module=GeneratorMLP((4,), (2,)), latent=2),
    "conditional.conditional_mlp_generator": lambda: dict(encoder=ENCODER),
    "conditional.guided": lambda: dict(embedding=jnp.zeros((2, 3)), centre=jnp.zeros(3), strength=1.0),
    "conditional.truncated_normal": lambda: dict(key=jax.random.key(0), n=2, latent=2, threshold=2.0),
    "conditional_critics.conditional_dcgan_critic": lambda: dict(size=8, channels=1, encoder=ENCODER),
    "conditional_critics.conditional_mlp_critic": lambda: dict(encoder=ENCODER),
    "convolutions.average_pool": lambda: dict(x=IMAGES),
    "convolutions.convolution": lambda: dict(x=IMAGES, kernel=jnp.zeros((2, 2, 4, 4))),
    "convolutions.depth_to_space": lambda: dict(x=IMAGES),
    "convolutions.space_to_depth": lambda: dict(x=IMAGES),
    "convolutions.transposed_convolution": lambda: dict(x=IMAGES, kernel=jnp.zeros((2, 2, 4, 4))),
    "convolutions.upsample": lambda: dict(x=IMAGES),
    "classifier.conv_classifier": lambda: dict(classes=3),
    "generators.generator_of": lambda: dict(module=GeneratorMLP((4,), (2,)), latent=2),
    "generators.with_output_noise": lambda: dict(generator=GENERATOR, scale=0.1),
    "lipschitz.group_sort": lambda: dict(h=jnp.zeros((1, 4))),
    "lipschitz.orthonormalise": lambda: dict(kernel=jnp.eye(2)),
    "players.kernel_witness": lambda: dict(landmarks=jnp.zeros((2, 1))),
    "reconstructor.mlp_reconstructor": lambda: dict(latent=2),
    "spectral_norm.spectrally_normalised": lambda: dict(critic=NETWORK),
    "text.gru_encoder": lambda: dict(tokens=3),
    "text.label_encoder": lambda: dict(classes=3),
    "text.lstm_encoder": lambda: dict(tokens=3),
    "text.transformer_encoder": lambda: dict(tokens=3, length=4),
    "tokenizer.vocabulary_of": lambda: dict(captions=("a b",)),
    "translators.patch_critic": lambda: dict(size=16),
    "translators.patch_size": lambda: dict(layers=1),
    "translators.resnet_translator": lambda: dict(size=16),
    "losses.separable": lambda: {"name": "own"} | dict.fromkeys(("real", "fake", "generator"), jax.nn.softplus),
    "oracle.kantorovich_potential": lambda: dict(p=dist.Normal(0.0, 1.0), q=dist.Normal(1.0, 1.0)),
    "oracle.relativistic_average_logits": lambda: dict(
        log_ratios=jnp.zeros(2), p_weights=jnp.full(2, 0.5), q_weights=jnp.full(2, 0.5)
    ),
    "costs.sinkhorn": lambda: dict(epsilon=0.1),
    "penalties.weight_of_gamma": lambda: dict(gamma=1.0),
    "compiling.compile_together": lambda: dict(jobs=()),
    "conditional.conditional_gan": lambda: dict(
        objective=MINIMAX,
        generator=conditional_models.conditional_mlp_generator(ENCODER, (4,)),
        discriminator=conditional_critics.conditional_mlp_critic(ENCODER, (4,), head="auxiliary", classes=3),
        data=data,
        penalty=penalties.r1(),
        perturb=penalties.instance_noise,
        ema_decay=0.9,
    ),
    "critic.check_records": lambda: dict(steps=1, records=1),
    "critic.fit": lambda: dict(
        key=jax.random.key(0), critic=NETWORK, training=CRITIC_TRAINING, real=data, fake=data, steps=1
    ),
    "critic.lazy_penalty": lambda: dict(mean=lambda: jnp.zeros(()), every=1, count=jnp.zeros((), int)),
    "ensemble.in_parts": lambda: dict(program=lambda leaf: leaf, members=(jnp.zeros(3),), together=2),
    "ensemble.part": lambda: dict(members=jnp.zeros(3), first=0, count=1),
    "ensemble.sweep": lambda: dict(member=lambda key: {"x": key}, key=jax.random.key(0)),
    "frozen.log_spaced": lambda: dict(last=10, count=3),
    "game.gan": lambda: dict(
        objective=MINIMAX,
        generator=GENERATOR,
        discriminator=NETWORK,
        data=data,
        update=updates.alternating(),
        penalty=penalties.r1(),
        perturb=penalties.instance_noise,
        regulariser=lambda noise, fake: jnp.zeros(()),
        ema_decay=0.9,
    ),
    "game.direct": lambda: dict(
        cost=lambda key, fake, real: jnp.zeros(()), generator=GENERATOR, data=data, ema_decay=0.9
    ),
    "game.play": lambda: dict(game=played(), state=played().init(jax.random.key(0)), steps=1, records=1),
    "loop.run": lambda: dict(game=played(), state=played().init(jax.random.key(0)), steps=1, chunk=1),
    "packing.pack": lambda: dict(x=jnp.zeros((4, 2)), size=2),
    "packing.packed": lambda: dict(generator=GENERATOR, data=data, size=2),
    "passage.first_passage": lambda: dict(
        game=played(), state=played().init(jax.random.key(0)), reached=lambda state: state.step > 1, at_most=1
    ),
    "pool.empty": lambda: dict(capacity=1, event_shape=(2,)),
    "recording.watch": lambda: dict(
        game=played(), key=jax.random.key(0), look=lambda key, state: state.step, seeds=1, steps=1, records=1
    ),
    "recording.watch_cases": lambda: dict(
        game=played(),
        key=jax.random.key(0),
        look=lambda key, state, case: state.step,
        cases=Case(jnp.zeros((1, 2))),
        seeds=1,
        steps=1,
        records=1,
    ),
    "sampling.sampler": lambda: dict(generator=GENERATOR),
    "sampling.in_pieces": lambda: dict(generator=GENERATOR),
    **{f"optimizers.{name}": lambda: dict(steps=4) for name in ("half_constant", "linear_decay", "cosine_decay")},
    "translation.cyclegan": lambda: dict(
        objective=MINIMAX,
        forward=translators.mlp_translator((4,)),
        backward=translators.mlp_translator((4,)),
        discriminator_x=NETWORK,
        discriminator_y=NETWORK,
        data=data,
        penalty=penalties.r1(),
        ema_decay=0.9,
    ),
    "updates.unrolled": lambda: dict(steps=1),
    "veegan.veegan": lambda: dict(
        generator=GENERATOR,
        reconstructor=mlp_reconstructor((4,), latent=2),
        discriminator=NETWORK,
        data=data,
        ema_decay=0.9,
    ),
}
NEEDS |= {
    f"{module}.{name}": lambda: dict(size=8, channels=1)
    for module, names in {
        "dcgan": ("dcgan_generator", "dcgan_discriminator"),
        "image_pairs": ("mlp_image_generator", "mlp_image_discriminator"),
        "r3gan": ("r3gan_generator", "r3gan_discriminator"),
        "resnet": ("resnet_generator", "resnet_discriminator", "resnet_spectral_discriminator"),
    }.items()
    for name in names
}
MAKERS = [make.function if isinstance(make, checks.At) else make for make in PAIRS.values()]
NEEDS |= {f"{make.__module__.rpartition('.')[2]}.{make.__name__}": lambda: dict(size=8, channels=1) for make in MAKERS}

# Steps inside of a network or of a run, which are handed what was checked at the door.
INSIDE = {
    "conditional.check_pairs",
    "conditional_critics.conditional_critic",
    "critic.warn_where_nothing_holds_the_slope",
    "dcgan.channels_of_layers",
    "game.check_data",
    "game.game_of",
    "game.penalty_scale",
    "game.unsharded",
    "image_players.check_image",
    "image_players.layer_bound",
    "image_players.scaled",
    "inception.block_a",
    "inception.block_c",
    "inception.max_pool",
    "inception.resized",
    "loop.progress",
    "loop.stop_where_not_finite",
    "loop.windows",
    "optimizers.alike",
    "optimizers.at_rate",
    "optimizers.at_rates",
    "sides.folded",
    "text.check_labels",
    "winograd.fits",
}

# What is in the range of these, though not in that of most.
ALLOWED = {
    "affine.shift": (-1.0,),
    "separable.saturation": (math.inf,),
    "affine.scale": (-1.0,),
    "gan.noise_steps": (math.inf,),
    "conditional_gan.noise_steps": (math.inf,),
    "least_squares.fake_label": (-1.0,),
    "least_squares.real_label": (-1.0,),
    "least_squares.generator_label": (-1.0,),
    "quantile_table.low": (-1.0,),
    "linear.slope": (-1.0,),
    "guided.strength": (-1.0,),
    "truncated_normal.threshold": (math.inf,),
    "collapsed.below": (math.inf,),
    "mode_seeking.epsilon": (math.inf,),
    "sinkhorn.epsilon": (math.inf,),
}


def public_functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    for room in ROOMS:
        package = importlib.import_module(f"gan_jax.{room}")
        for found in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{found.name}")
            for name, function in vars(module).items():
                own = inspect.isfunction(function) and function.__module__ == module.__name__
                if own and not name.startswith("_"):
                    yield f"{found.name}.{name}", function


def numbers(function: Callable[..., Any]) -> dict[str, str]:
    """Parameters that are numbers: ``{name: annotation}``."""
    kinds = ("int", "float", "int | None", "float | None", "float | Array", "Rate")
    return {
        name: parameter.annotation
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.annotation in kinds and parameter.kind is not parameter.VAR_KEYWORD
    }


# A run's own files and devices: what their numbers are is decided at ``runs.Schedule`` and ``runs.train``.
OF_A_RUN = ("checkpoint", "run_folder", "mesh")
FUNCTIONS = {
    name: function
    for name, function in public_functions()
    if numbers(function) and name.partition(".")[0] not in OF_A_RUN
}


def test_the_functions_named_here_exist() -> None:
    assert INSIDE | set(NEEDS) <= set(FUNCTIONS)


@pytest.mark.slow
@cases("name", sorted(set(FUNCTIONS) - INSIDE))
def test_what_is_no_number_of_the_range_is_one_sentence(name: str) -> None:
    function, needed = FUNCTIONS[name], NEEDS.get(name, dict)()
    for parameter, kind in numbers(function).items():
        bad = [True, "3", math.nan, -1, 1j, *([1.5, 0.5, 8.0] if kind.startswith("int") else [math.inf])]
        for value in bad:
            if value in ALLOWED.get(f"{name.split('.')[1]}.{parameter}", ()):
                continue
            with pytest.raises(ValueError, match=rf"{parameter}.*; expected"):
                function(**{**needed, parameter: value})


def flags(function: Callable[..., Any]) -> list[str]:
    return [name for name, of in inspect.signature(function).parameters.items() if of.annotation == "bool"]


X, PICTURES = jnp.arange(3.0)[:, None], ImageSet("own", np.zeros((2, 8, 8, 1), np.uint8), np.zeros(2, np.int32), 1)
# Of other rooms, those with a flag; ``show`` of training says what is printed.
OTHERS: dict[str, Callable[..., object]] = {
    "energy_distance": partial(empirical.energy_distance, X, X),
    "mmd2": partial(empirical.mmd2, X, X, kernel=kernels.cubic),
    "integrand": partial(own_f.integrand, lambda p, q: p - q, at_zero=1.0, at_infinity=1.0),
    "band": partial(statistics.band, np.ones((3, 2))),
    "resident": partial(sources.resident, PICTURES),
    "streamed": partial(sources.streamed, PICTURES, examples_per_step=1, seed=0),
    "open_folder": partial(folder.open_folder, "."),
    "open_images": partial(sets.open_images, "folder:."),
}
FLAGGED = OTHERS | {
    name: partial(function, **NEEDS.get(name, dict)())
    for name, function in public_functions()
    if flags(function) and "show" not in flags(function) and name.partition(".")[0] not in (*OF_A_RUN, "image_players")
}
FLAGGED["critic.logits_of_both"] = partial(critic_training.logits_of_both, mlp((4,)), {}, X, X)
FLAGGED["critic.of_both"] = partial(critic_training.of_both, jnp.sin, X, X)
FLAGGED["losses.separable"] = partial(losses.separable, jax.nn.relu, jax.nn.relu, jax.nn.relu, name="own")
FLAGGED["losses.f_gan"] = partial(losses.f_gan, "kl")


@cases("name", sorted(FLAGGED))
def test_a_word_is_no_flag(name: str) -> None:
    """Every word is true to Python, "no" too."""
    for flag in flags(FLAGGED[name].func):
        with pytest.raises(TypeError, match=f"{flag} is 'no'; expected True or False"):
            FLAGGED[name](**{flag: "no"})


@cases("name", losses.OBJECTIVES)
@cases("shapes", [((4, 1), (4, 1)), ((4,), (4, 1)), ((), ())], ids=str)
def test_a_divergence_takes_one_logit_an_example(name: str, shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    """``[n, 1]`` against ``[n]`` would broadcast, and a mean would hide it."""
    objective = losses.OBJECTIVES[name]()
    for made in (objective, over_all_pairs(objective)):
        with pytest.raises(ValueError, match=r"expected one (logit|shape)"):
            made.divergence(*(jnp.zeros(shape) for shape in shapes))


@cases(
    ("make", "words"),
    [
        (lambda: mlp(64), r"features is 64; expected a tuple of hidden widths, such as \(64,\)"),
        (lambda: mlp((64, 0.5)), r"features is \(64, 0.5\); expected hidden widths that are integers"),
        (lambda: mlp_generator("64"), "features is '64'"),
        (lambda: mlp_generator(event_shape=2), r"event_shape is 2; expected a tuple of sizes, such as \(2,\)"),
        (lambda: played().init(jax.random.key(0), generator_rate=-1.0), "generator_rate is -1.0"),
        (lambda: played().init(jax.random.key(0), generator_rate=jnp.ones(2)), r"generator_rate has shape \(2,\)"),
        (lambda: sweep(lambda key: {}, jax.random.key(0), generator_rate=[0.1, -0.1]), "generator_rate is -0.1"),
        (lambda: variational.neural_estimator(MINIMAX, NETWORK, steps=1e3), "steps is 1000.0; .*, such as 1000"),
        (lambda: variational.neural_estimator(MINIMAX, NETWORK, learning_rate=-1.0), "learning_rate is -1.0"),
        (lambda: checks.integer("steps", jnp.zeros((2,), int), 1), "steps is Array"),
    ],
)
def test_sizes_and_values_given_later_are_one_sentence(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_numbers_of_other_libraries_are_numbers() -> None:
    assert checks.integer("n", np.int64(3), 1) == checks.integer("n", jnp.asarray(3), 1) == 3
    checks.within("b", np.float32(0.5), 0.0, 1.0)
    checks.at_least("weight", 10**30, 0.0)
    jax.jit(lambda weight: checks.at_least("weight", weight, 0.0))(-1.0)
    with pytest.raises(ValueError, match="n is traced; expected an integer"):
        jax.jit(lambda n: checks.integer("n", n, 1))(3)
