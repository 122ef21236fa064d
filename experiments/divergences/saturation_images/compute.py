"""What ``saturation_images`` computes: splits of the digits, exact transport between them, and trainings on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np

from experiments.divergences.saturation_images.experiment import SIDE, Config
from experiments.framework import Arrays, Progress
from experiments.framework.rows import Member, Quantities, in_parts
from gan_jax import caching
from gan_jax.data.digits import Digits, halves, load_digits
from gan_jax.divergences import empirical
from gan_jax.estimators.variational import Estimate, neural_estimator
from gan_jax.models.lipschitz import orthonormal_mlp
from gan_jax.models.mlp import mlp
from gan_jax.objectives import losses
from gan_jax.training.ensemble import ensemble

RECORDS = 50
"""Length of a training's history; the number of steps is a multiple of it."""

CLASS_SIZE = 174
"""Pictures of the rarest digit: as many of every digit are used, so that numbers compare."""


def flat(digits: Digits) -> np.ndarray:
    """The images as points ``[n, 64]``."""
    return digits.images.reshape(len(digits.images), -1)


def split(config: Config, digits: Digits, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Split number ``index``: two sets of pictures ``[n, 64]`` without a picture in common."""
    # A seed sequence, not a sum: runs of neighbouring seeds share no split.
    first, second = halves(digits, seed=int(np.random.SeedSequence((config.seed, index)).generate_state(1)[0]))
    return flat(first), flat(second)


def class_pictures(config: Config, digits: Digits, index: int) -> np.ndarray:
    """Draw number ``index``: as many pictures of every class, in random order, ``[classes, 174, 64]``."""
    draw = np.random.default_rng((config.seed, 2, index))
    chosen = [draw.permutation(np.flatnonzero(digits.labels == digit))[:CLASS_SIZE] for digit in config.digits]
    return flat(digits)[np.stack(chosen)]


def shift_curves(config: Config, digits: Digits, progress: Progress) -> dict[str, np.ndarray]:
    """One half of the digits against the other, shifted; results ``[shifts, seeds]``."""
    thetas = np.asarray(config.shifts, np.float32)
    discriminator, critic = _estimators(config)

    def member(key: jax.Array, x: jax.Array, y: jax.Array) -> Quantities:
        js_key, w1_key = jax.random.split(key)
        return _quantities("js", discriminator(js_key, x, y)) | _quantities("w1", critic(w1_key, x, y))

    key = jax.random.fold_in(jax.random.key(config.seed), 1)
    program = _ahead(member, config, len(thetas), *map(len, split(config, digits, 0)))
    sides, transport, gaps = [], [], []
    for index in progress.track(range(config.seeds), "shifts: exact transport", share=18.0):
        x, y = split(config, digits, index)
        # ⟨v, mean y − mean x⟩: what the linear critic sees besides the shift.
        gaps.append((y.mean(axis=0, dtype=float) - x.mean(axis=0, dtype=float)).sum() / SIDE)
        moved = y[None] + thetas[:, None, None] / np.float32(SIDE)
        sides.append((np.broadcast_to(x, (len(thetas), *x.shape)), moved))
        transport.append([float(empirical.wasserstein(jnp.asarray(x), jnp.asarray(z))) for z in moved])
    return {
        "theta": thetas,
        "least_ink": flat(digits).min(axis=1).max(),
        "transport": np.asarray(transport).T,
        "linear_gap": np.asarray(gaps),
        "half_sizes": np.asarray([side.shape[1] for side in sides[0]]),
        **trained(program, sides, key, progress, "shifts: training", 20.0),
    }


def class_distances(config: Config, digits: Digits, progress: Progress) -> dict[str, np.ndarray]:
    """Every class against every other; results ``[pairs, seeds]``, and the sampling baselines ``[classes, seeds]``."""
    pairs = list(combinations(range(len(config.digits)), 2))
    half = CLASS_SIZE // 2
    discriminator, _ = _estimators(config)

    def member(key: jax.Array, x: jax.Array, y: jax.Array) -> Quantities:
        return _quantities("js", discriminator(key, x, y))

    key = jax.random.fold_in(jax.random.key(config.seed), 2)
    program = _ahead(member, config, len(pairs), CLASS_SIZE, CLASS_SIZE)
    sides, transport, baselines = [], [], []
    for index in progress.track(range(config.seeds), "classes: exact transport", share=6.0):
        points = class_pictures(config, digits, index)
        parts = jnp.asarray(points[:, :half]), jnp.asarray(points[:, half:])
        baselines.append([float(empirical.wasserstein(first, second)) for first, second in zip(*parts, strict=True)])
        transport.append([float(empirical.wasserstein(parts[0][i], parts[0][j])) for i, j in pairs])
        sides.append((points[[i for i, _ in pairs]], points[[j for _, j in pairs]]))
    return {
        "digits": np.asarray(config.digits),
        "transport": np.asarray(transport).T,
        "floor": np.asarray(baselines).T,
        **trained(program, sides, key, progress, "classes: training", 15.0),
    }


def _estimators(config: Config) -> tuple[Callable[..., Estimate], Callable[..., Estimate]]:
    """JS by a free discriminator, W1 by a critic that is 1-Lipschitz by construction."""
    features = (config.width, config.width)
    estimator = partial(neural_estimator, steps=config.steps, batch_size=config.batch_size, records=RECORDS)
    return (
        estimator(losses.minimax(), mlp(features), learning_rate=config.discriminator_learning_rate),
        estimator(losses.wasserstein(), orthonormal_mlp(features), learning_rate=config.critic_learning_rate),
    )


def _quantities(name: str, estimate: Estimate) -> Quantities:
    """What is kept of one training: value and its error, value on training pictures at the end, slopes."""
    return {
        name: estimate.value,
        f"{name}_standard_error": estimate.standard_error,
        f"{name}_training": estimate.history.divergence[-1],
        f"{name}_lipschitz_observed": estimate.lipschitz.observed,
        f"{name}_lipschitz_certified": estimate.lipschitz.certified,
    }


def _ahead(member: Member, config: Config, members: int, n: int, m: int) -> Callable[..., Quantities]:
    """The program that ``trained`` calls, compiled while transport problems are solved: of one seed's members on a CPU, else of all."""
    count = members if jax.default_backend() == "cpu" else members * config.seeds
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), count))
    sides = (jax.ShapeDtypeStruct((count, size, SIDE * SIDE), jnp.float32) for size in (n, m))
    return caching.ahead(jax.jit(ensemble(member)), keys, *sides)


def trained(
    program: Callable[..., Quantities],
    sides: Sequence[tuple[np.ndarray, np.ndarray]],
    key: jax.Array,
    progress: Progress,
    description: str,
    share: float,
) -> dict[str, np.ndarray]:
    """Trains all members of all seeds by one compiled program, called once for every seed on a CPU.

    Args:
      program: of one seed's members: keys and two sets of pictures each, ``[members, n, 64]`` and ``[members, m, 64]``.
      sides: for every seed the two sets of every member, ``[members, n, 64]`` and ``[members, m, 64]``.
      key: of all trainings.
      progress: where progress is shown.
      description: in progress.
      share: in progress.

    Returns:
      What ``program`` returns, ``[members, seeds]``.
    """
    seeds, members = len(sides), len(sides[0][0])
    keys = jax.random.split(key, (seeds, members)).reshape(-1)
    x, y = (np.concatenate(side) for side in zip(*sides, strict=True))
    found = in_parts(progress, description, program, (keys, x, y), on_cpu=members, share=share)
    return {name: values.reshape(seeds, members).T for name, values in found.items()}


def run(config: Config, progress: Progress) -> Arrays:
    """Loads the digits, solves the transport problems and trains the networks."""
    with progress.task("digits, shifted and in pairs", total=59.0):
        with progress.task("loading pictures", share=0.0):
            digits = load_digits()
        repeated = len(digits.images) - len(np.unique(flat(digits), axis=0))
        shift = shift_curves(config, digits, progress)
        classes = class_distances(config, digits, progress)
    return {
        "repeated": np.asarray(repeated),
        "example": digits.images[0],
        **{f"shift/{name}": value for name, value in shift.items()},
        **{f"classes/{name}": value for name, value in classes.items()},
    }
