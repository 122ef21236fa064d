"""What the saturation figures share: families of pairs swept along a separation, their arrays, curves, rows and common claims.

Arrays are named ``family/group/quantity``. The separation is the first axis of every one of them, seeds the second where there are any.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from experiments.framework import AT_MOST, EQUAL, Arrays, Claim, Progress, TableRow, finding, per_seed, theorem
from gan_jax.metrics import statistics
from gan_jax.plots.panels import Curve
from gan_jax.plots.saturation import NON_SATURATING, SATURATING, WASSERSTEIN, Family, trained
from gan_jax.plots.style import EXACT, TRAINED, Look, sample_looks
from gan_jax.ranges import AtLeastTwo, Count, Even, Fifties, Positive

if TYPE_CHECKING:
    from experiments.framework.rows import Quantities
    from gan_jax.distributions import DistributionPair
    from gan_jax.estimators.comparison import Trained, TrainingRecipe

GRADIENTS = {"saturating": SATURATING, "non_saturating": NON_SATURATING, "wasserstein": WASSERSTEIN}
NAMES = {"saturating": "log(1 − D)", "non_saturating": "−log D", "wasserstein": "Wasserstein"}


@dataclass(frozen=True)
class Axis:
    """A family and where it is looked at.

    Attributes:
      pair: the family.
      separations: where samples are drawn and networks trained, ``[separations]``; every family of a figure has as many.
      dense: where the exact curves are drawn.
    """

    pair: DistributionPair
    separations: np.ndarray
    dense: np.ndarray


@dataclass(frozen=True)
class Sampling:
    """Samples and trainings of a saturation figure: a free discriminator and an exactly 1-Lipschitz critic of one size, trained alike."""

    seeds: Count = 8  # Independent trainings at every separation.
    sample_sizes: tuple[Count, ...] = (100, 1000, 10000)
    """Sizes of the samples for the estimates without training; in the plane W1 solves an exact transport problem, O(n³)."""

    sample_seeds: Count = 8  # Independent samples of every size.
    width: Even = 32  # Width of the hidden layers of the discriminator and of the critic; even.
    depth: Count = 2  # Hidden layers of both.
    steps: Fifties = 750  # Updates of each network; a multiple of 50.
    batch_size: Count = 256  # Samples of each law at an update.
    discriminator_rate: Positive = 1e-2
    """Learning rate of the discriminator's Adam at the start; it falls to zero as a cosine."""

    critic_rate: Positive = 5e-3  # Learning rate of the critic's Adam at the start; it falls to zero as a cosine.
    held_out: AtLeastTwo = 16384  # Fresh samples of each law that score a trained network.

    def recipe(self) -> TrainingRecipe:
        """The two networks and how they are trained."""
        from gan_jax.estimators.comparison import TrainingRecipe
        from gan_jax.models.lipschitz import orthonormal_mlp
        from gan_jax.models.mlp import mlp

        features = (self.width,) * self.depth
        return TrainingRecipe(
            mlp(features),
            orthonormal_mlp(features),
            steps=self.steps,
            batch_size=self.batch_size,
            discriminator_rate=self.discriminator_rate,
            critic_rate=self.critic_rate,
            held_out=self.held_out,
        )


def compute(
    axes: Mapping[str, Axis], plan: Sampling, progress: Progress, *, seed: int, shares: tuple[float, float, float]
) -> Arrays:
    """Computes all families.

    Args:
      axes: the families by name.
      plan: sample sizes, networks and their training.
      progress: where progress is shown.
      seed: of everything random.
      shares: what part of the time exact values, samples and training take.

    Returns:
      The arrays.
    """
    arrays: Arrays = {}
    for name, axis in axes.items():
        arrays[f"{name}/separation"], arrays[f"{name}/dense"] = axis.separations, axis.dense
    # Compiled beside each other, and beside what is computed before them.
    exact, sampled, trained = _exact(axes), _samples(axes, plan, seed), _trainings(axes, plan, seed)
    with progress.task("sweep", total=sum(shares)):
        for name in progress.track(axes, "exact values", len(axes), share=shares[0]):
            arrays |= exact[name]()
        arrays |= sampled(progress, shares[1])
        arrays |= trained(progress, shares[2])
    for name in axes:
        for field in ("js", "w1"):
            truth = arrays[f"{name}/exact_at/{field}"][:, None]
            arrays[f"{name}/trained/{field}_oracle_gap"] = truth - arrays[f"{name}/trained/{field}"]
    arrays["sample_sizes"] = np.asarray(plan.sample_sizes)
    return arrays


def _exact(axes: Mapping[str, Axis]) -> dict[str, Callable[[], Arrays]]:
    """The truth on the dense grid and at the separations, by one program for every family."""
    import jax
    import jax.numpy as jnp

    from gan_jax import caching
    from gan_jax.estimators.comparison import exact_point
    from gan_jax.training.ensemble import ensemble

    def of(name: str, axis: Axis) -> Callable[[], Arrays]:
        everywhere = jnp.asarray(np.concatenate([axis.dense, axis.separations]), jnp.float32)
        program = caching.ahead(jax.jit(ensemble(partial(exact_point, axis.pair))), everywhere)

        def exact() -> Arrays:
            curves = jax.device_get(program(everywhere))._asdict()
            parts = ("exact", slice(len(axis.dense))), ("exact_at", slice(len(axis.dense), None))
            return {f"{name}/{part}/{field}": curves[field][where] for part, where in parts for field in curves}

        return exact

    return {name: of(name, axis) for name, axis in axes.items()}


def _samples(axes: Mapping[str, Axis], plan: Sampling, seed: int) -> Callable[[Progress, float], Arrays]:
    """JS (histograms) and W1 (exact plans) of samples of every size, ``[separations, sample_seeds]``."""
    import jax
    import jax.numpy as jnp

    from gan_jax import caching
    from gan_jax.divergences import empirical, histogram
    from gan_jax.estimators.variational import sampler
    from gan_jax.training.ensemble import ensemble, grid

    def draw(pair: DistributionPair, size: int) -> Callable[..., tuple[jax.Array, jax.Array]]:
        def pair_of_samples(key: jax.Array, m: jax.Array) -> tuple[jax.Array, jax.Array]:
            p_key, q_key = jax.random.split(key)
            p, q = pair.make(m)
            return sampler(p)(p_key, size), sampler(q)(q_key, size)

        return jax.jit(ensemble(pair_of_samples))

    # Made once, so that families of one dimension share what is compiled.
    js, line = jax.jit(ensemble(histogram.jensen_shannon)), jax.jit(ensemble(empirical.wasserstein))

    def w1(x: jax.Array, y: jax.Array) -> jax.Array | list[jax.Array]:
        # In more dimensions the solver runs on the host, one problem after another.
        return line(x, y) if x.shape[-1] == 1 else [empirical.wasserstein(*both) for both in zip(x, y, strict=True)]

    base, jobs = jax.random.fold_in(jax.random.key(seed), 1), []
    for (i, (name, axis)), size in itertools.product(enumerate(axes.items()), plan.sample_sizes):
        members, _ = grid(jnp.asarray(axis.separations, jnp.float32), jnp.arange(plan.sample_seeds))
        keys = jax.random.split(jax.random.fold_in(jax.random.fold_in(base, i), size), members.size)
        jobs.append((f"{name}/samples_{size}", caching.ahead(draw(axis.pair, size), keys, members), keys, members))

    def sampled(progress: Progress, share: float) -> Arrays:
        arrays = {}
        for name, program, keys, members in progress.track(jobs, "samples", share=share):
            x, y = program(keys, members)
            for field, values in (("js", js(x, y)), ("w1", w1(x, y))):
                arrays[f"{name}/{field}"] = np.asarray(values).reshape(-1, plan.sample_seeds)
        return arrays

    return sampled


def _trainings(axes: Mapping[str, Axis], plan: Sampling, seed: int) -> Callable[[Progress, float], Arrays]:
    """Every family × separation × seed × network as one compiled program, called once for every seed on a CPU."""
    import jax
    import jax.numpy as jnp

    from experiments.framework.rows import ahead, in_parts
    from gan_jax.estimators.comparison import samplers_of, trained_point
    from gan_jax.training.ensemble import ensemble

    recipe = plan.recipe()
    pairs = [axis.pair for axis in axes.values()]

    def member(key: jax.Array, family: jax.Array, separation: jax.Array) -> Quantities:
        return _quantities(trained_point(key, samplers_of(pairs, family), separation, recipe))

    separations = np.stack([axis.separations for axis in axes.values()])
    families = np.broadcast_to(np.arange(len(pairs))[:, None], separations.shape)
    base = jax.random.fold_in(jax.random.key(seed), 2)
    seeds = range(plan.seeds)
    keys = jnp.concatenate([jax.random.split(jax.random.fold_in(base, number), separations.size) for number in seeds])
    tiled = [jnp.asarray(np.tile(a.ravel(), plan.seeds)) for a in (families, separations.astype(np.float32))]
    program = ahead(jax.jit(ensemble(member)), (keys, *tiled), on_cpu=separations.size)

    def trained(progress: Progress, share: float) -> Arrays:
        result = in_parts(progress, "training", program, (keys, *tiled), on_cpu=separations.size, share=share)
        arrays: Arrays = {}
        for quantity, values in result.items():
            of_families = np.moveaxis(values.reshape(plan.seeds, *separations.shape, *values.shape[1:]), 0, 2)
            arrays |= {f"{name}/trained/{quantity}": of_families[i] for i, name in enumerate(axes)}
        return arrays

    return trained


def _quantities(point: Trained) -> Quantities:
    """What is kept of one training; the networks are not."""
    kept: Quantities = {name: getattr(point, name) for name in GRADIENTS}
    for name, estimate in (("js", point.js), ("w1", point.w1)):
        kept |= {
            name: estimate.value,
            f"{name}_standard_error": estimate.standard_error,
            f"{name}_history": estimate.history.divergence,
            f"{name}_lipschitz_observed": estimate.lipschitz.observed,
            f"{name}_lipschitz_certified": estimate.lipschitz.certified,
        }
    return kept


def family(arrays: Arrays, name: str, title: str, x_label: str, *, marked: Sequence[str] = tuple(GRADIENTS)) -> Family:
    """The three panels of one family; bands are one standard deviation over seeds."""
    dense = arrays[f"{name}/dense"]
    sizes = [int(size) for size in arrays["sample_sizes"]]

    def value_curves(quantity: str) -> list[Curve]:
        curves = [Curve("exact", dense, arrays[f"{name}/exact/{quantity}"], look=EXACT)]
        for size, look in zip(sizes, sample_looks(len(sizes)), strict=True):
            curves.append(_band(f"{size:,} samples", arrays, name, f"samples_{size}/{quantity}", look))
        network = "trained D" if quantity == "js" else "trained critic"
        return [*curves, _band(network, arrays, name, f"trained/{quantity}", TRAINED)]

    gradients = [
        Curve(f"{NAMES[g]}, exact", dense, arrays[f"{name}/exact/{g}"], look=look) for g, look in GRADIENTS.items()
    ]
    gradients += [
        _band(f"{NAMES[g]}, trained", arrays, name, f"trained/{g}", trained(look))
        for g, look in GRADIENTS.items()
        if g in marked
    ]
    return Family(title, x_label, value_curves("js"), value_curves("w1"), gradients)


def _band(label: str, arrays: Arrays, name: str, quantity: str, look: Look) -> Curve:
    values = arrays[f"{name}/{quantity}"]
    mean = values.mean(axis=1)
    if quantity.split("/")[1] in GRADIENTS:
        # On a logarithmic axis a mean minus a deviation may be negative: the band is the range over seeds.
        return Curve(label, arrays[f"{name}/separation"], mean, values.min(axis=1), values.max(axis=1), look)
    found = statistics.band(values, 1, of=statistics.standard_deviation)
    return Curve(label, arrays[f"{name}/separation"], *found, look)


def rows(arrays: Arrays, names: Sequence[str]) -> list[TableRow]:
    """Every scalar of every family in long format."""
    result: list[TableRow] = []
    for name in names:
        for key, values in arrays.items():
            owner, _, quantity = key.partition("/")
            if owner != name or "/" not in quantity or quantity.endswith("_history") or quantity.startswith("exact/"):
                continue
            source, field = quantity.split("/")
            for m, entries in zip(arrays[f"{name}/separation"], values, strict=True):
                place = {"family": name, "separation": float(m), "source": source, "quantity": field}
                result += per_seed(np.atleast_1d(entries), **place)
    return result


def trained_js_claim(arrays: Arrays, name: str, *, within: float = 0.02) -> Claim:
    """The mean trained JS is near the truth at every separation."""
    gap = np.abs(arrays[f"{name}/trained/js"].mean(axis=1) - arrays[f"{name}/exact_at/js"]).max()
    basis = f"{within} nats asked for; mean over seeds"
    what, source = f"{name}: largest |trained − exact JS|", "Goodfellow et al. 2014, theorem 1"
    return finding(what, source, 0.0, gap, within, EQUAL, basis)


def trained_w1_claim(arrays: Arrays, name: str, *, start: float, within: float = 0.03) -> Claim:
    """The mean W1 of the 1-Lipschitz critic is near the truth from separation ``start`` on."""
    far = arrays[f"{name}/separation"] >= start
    truth = arrays[f"{name}/exact_at/w1"][far]
    gap = np.abs(arrays[f"{name}/trained/w1"].mean(axis=1)[far] / truth - 1).max()
    what = f"{name}: largest relative error of trained W1 from separation {start:g} on"
    basis = f"{within:.0%} asked for; mean over seeds"
    return finding(what, "Kantorovich–Rubinstein duality", 0.0, gap, within, EQUAL, basis)


def lower_bound_claim(arrays: Arrays, name: str) -> Claim:
    """No mean over seeds of the exactly 1-Lipschitz critic's held-out value lies above W1 by more than its noise."""
    values, errors = arrays[f"{name}/trained/w1"], arrays[f"{name}/trained/w1_standard_error"]
    seeds = values.shape[1]
    noise = np.sqrt(np.square(errors).mean(axis=1) / seeds)
    excess = values.mean(axis=1) - arrays[f"{name}/exact_at/w1"]
    # Where samples are no source of noise (two Diracs), float32 sums over the held-out set still round.
    noise = np.maximum(noise, 1e-6 * (1 + arrays[f"{name}/exact_at/w1"]))
    what = f"{name}: trained W1 is a lower bound (largest excess in standard errors)"
    return theorem(what, "Anil, Lucas & Grosse 2019", 0.0, np.max(excess / noise), 4.0, AT_MOST, "4 standard errors")
