"""A label and a mode: where the discriminator does not see the label, the generator makes of it what it likes.

Figure: samples of one game of every row, coloured by the label that was asked for, the modes as circles with a tick of their label's
colour; below, over training, the share of samples that lie in the mode of their label, and the mutual information of label and nearest
mode in nats; means over seeds with a band of two standard errors, and the lines of chance (1/8) and of all there is to know (log 8).

Eight Gaussians on a ring (radius 1, σ = .05), each the law of one label: ``P(x | k) = N((cos 2πk/8, sin 2πk/8), σ² I)``. The generator
always sees the label. Rows differ in how the discriminator does: not at all; beside the example (Mirza & Osindero 2014); as a projection
(Miyato & Koyama 2018, equation 3); as a class to be told (Odena et al. 2017, equations 2 and 3); and, for the first two of these, with the
third kind of pair, a real example with another label (Reed et al. 2016, Algorithm 1).

All play relativistic pairing with R1 + R2, in turn, 10 seeds side by side; real and generated examples of a pair have one label. Quality is
the share of samples within 3 σ of the centre of their own label's mode; a perfect sampler has 98.89 %. The exact conditional KL is that
of a Gaussian with the mean and covariance of the samples of a label to the truth, averaged over labels.

Command: ``python -m experiments conditional_ring``: 355 s on two cores.

Expected: with the label shown, in any way, every game puts every label on its mode. Within 3 σ of its centre are at worst 99.9 % (beside
the example, with wrong pairs), 99.1 % (projection, with wrong pairs) and 98.3 % (auxiliary) of the samples; without wrong pairs the means
are 97 and 95 %, and the worst of ten games has 82 and 75 %: two claims that do not hold. More than 98.89 % is thinner than the truth.
Where the discriminator does not see the label, the right mode is met by chance, an eighth of the time, and yet the mutual information is
log 8: the generator does not ignore the label, it takes it for noise and gives every label a mode, which is the wrong one. That a
condition is used does not say that it is heeded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from experiments.artifacts import Arrays
from experiments.artifacts import Row as TableRow
from experiments.claims import AT_LEAST, AT_MOST, EQUAL, Claim
from experiments.progress import Progress
from gan_jax.ranges import Count, Decay, NonNegative, Positive, Seed

THRESHOLD = 3.0
"""Standard deviations within which a sample is good."""


class Row(NamedTuple):
    """One way to show a label to a discriminator.

    Attributes:
      label: as the figure names it.
      head: of ``conditional_critics.HEADS``.
      wrong_weight: of the third kind of pair.
    """

    label: str
    head: str
    wrong_weight: float = 0.0


ROWS: dict[str, Row] = {
    "unconditional": Row("D does not see the label", "unconditional"),
    "concatenation": Row("beside the example", "concatenation"),
    "concatenation_wrong": Row("beside it, with wrong pairs", "concatenation", 0.5),
    "projection": Row("as a projection", "projection"),
    "projection_wrong": Row("projection, with wrong pairs", "projection", 0.5),
    "auxiliary": Row("as a class to tell", "auxiliary"),
}
"""By name, in the figure's order."""


@dataclass(frozen=True)
class Config:
    """One ring, six ways to see a label."""

    rows: tuple[str, ...] = tuple(ROWS)
    """Which of them."""

    modes: Count = 8
    """Gaussians on the ring, and labels."""

    radius: Positive = 1.0
    """Of the ring."""

    scale: Positive = 0.05
    """Standard deviation of a mode."""

    width: Count = 64
    """Of the hidden layers of both networks."""

    embedding: Count = 16
    """Of a label's vector, in either network."""

    latent: Count = 2
    """Dimension of the noise."""

    batch_size: Count = 256
    """Examples of each kind at an update."""

    rate: Positive = 2e-3
    """Of both players' Adam(0, .99), before it decays linearly."""

    penalty_weight: NonNegative = 0.05
    """Of R1 + R2."""

    ema_decay: Decay = 0.995
    """Of the moving average of the generator's parameters."""

    steps: Count = 3000
    """Of every game; a multiple of ``records``."""

    records: Count = 20
    """How many times a game is looked at."""

    samples: Count = 250
    """Of every label, at every look."""

    shown: Count = 60
    """Of them, how many the figure has."""

    seeds: Count = 10
    """Games of every row."""

    seed: Seed = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        if not self.rows or len(set(self.rows)) != len(self.rows) or not set(self.rows) <= set(ROWS):
            raise ValueError(f"rows is {self.rows}; expected different names among {', '.join(ROWS)}")
        if not 1 <= self.shown <= self.samples:
            raise ValueError(f"shown is {self.shown}; expected 1 to {self.samples}, the samples of a label")


SMOKE = Config(
    rows=("unconditional", "projection_wrong"),
    width=8,
    batch_size=16,
    steps=4,
    records=2,
    samples=20,
    shown=10,
    seeds=2,
)


def run(config: Config, progress: Progress) -> Arrays:
    """Plays every row from clones of one key: they differ by nothing but how the discriminator sees the label."""
    import jax

    from experiments.mode_games import watch

    key = jax.random.key(config.seed)
    arrays: dict[str, Any] = {
        "rows": np.asarray(config.rows),
        "steps": np.linspace(0, config.steps, config.records + 1),
        "scale": config.scale,
        "radius": config.radius,
        "modes": config.modes,
        "samples": config.samples,
    }
    with progress.task("rows", total=len(config.rows)):
        for name in config.rows:
            with progress.task(ROWS[name].label, total=config.records, share=1.0) as task:
                game, look = _game(config, ROWS[name])
                watched = watch(
                    game,
                    jax.random.clone(key),
                    look,
                    seeds=config.seeds,
                    steps=config.steps,
                    records=config.records,
                    on_record=lambda _, task=task: task.advance(1),  # type: ignore[misc]
                )
            arrays |= {f"{name}/{field}": values for field, values in watched.seen.items() if field != "points"}
            arrays[f"{name}/points"] = watched.seen["points"][-1, 0]
    return {name: np.asarray(value) for name, value in arrays.items()}


def _game(config: Config, row: Row) -> tuple[Any, Any]:
    """The game of a row, and ``look(key, state) -> {quantity: array}``."""
    import jax
    import jax.numpy as jnp
    import optax

    from gan_jax.distributions import gaussian_ring
    from gan_jax.distributions.conditional import ring_mode
    from gan_jax.divergences import conditional as divergences
    from gan_jax.divergences import exact
    from gan_jax.models.conditional import conditional_mlp_generator
    from gan_jax.models.conditional_critics import conditional_mlp_critic
    from gan_jax.models.text import label_encoder
    from gan_jax.objectives.losses import relativistic
    from gan_jax.objectives.penalties import both, r1, r2
    from gan_jax.training.conditional import conditional, labelled
    from gan_jax.training.state import averaged

    centres = gaussian_ring(config.modes, config.radius, config.scale).centres
    encoder = label_encoder(config.modes, width=config.embedding)
    generator = conditional_mlp_generator(encoder, (config.width,) * 3, latent=config.latent)
    critic = conditional_mlp_critic(encoder, (config.width,) * 2, head=row.head, classes=config.modes)

    def data(key: Any, batch: int) -> Any:
        label_key, noise_key = jax.random.split(key)
        labels = jax.random.randint(label_key, (batch,), 0, config.modes)
        return labelled(centres[labels] + config.scale * jax.random.normal(noise_key, (batch, 2)), labels)

    def decaying(rate: Any) -> Any:
        return optax.adam(optax.linear_schedule(rate, 0.01 * rate, config.steps), b1=0.0, b2=0.99)

    game = conditional(
        relativistic(),
        generator,
        critic,
        data,
        batch_size=config.batch_size,
        generator_optimizer=decaying,
        discriminator_optimizer=decaying,
        generator_rate=config.rate,
        discriminator_rate=config.rate,
        wrong_weight=row.wrong_weight,
        penalty=both(r1(), r2()),
        penalty_weight=config.penalty_weight,
        ema_decay=config.ema_decay,
    )
    truth = lambda k: ring_mode(k, modes=config.modes, radius=config.radius, scale=config.scale)  # noqa: E731

    def look(key: Any, state: Any) -> Mapping[str, Any]:
        labels = jnp.repeat(jnp.arange(config.modes), config.samples)
        variables = averaged(state)
        x = generator.apply(variables, generator.noise(key, labels.size), generator.embed(variables, labels))
        squares = jnp.sum(jnp.square(x[:, None] - centres[None]), axis=2)
        nearest = jnp.argmin(squares, axis=1)
        table = jnp.zeros((config.modes, config.modes), jnp.int32).at[labels, nearest].add(1)
        own = jnp.take_along_axis(squares, labels[:, None], axis=1)[:, 0]
        points = x.reshape(config.modes, config.samples, 2)
        fitted = _gaussians(points, config.scale)
        return {
            # [label, nearest mode]: all that the mutual information needs.
            "table": table,
            "quality": jnp.mean(own <= (THRESHOLD * config.scale) ** 2),
            "kl": divergences.averaged(exact.kl, fitted, truth, jnp.arange(config.modes)),
            "points": points[:, : config.shown],
        }

    return game, look


def _gaussians(points: Any, scale: float) -> Any:
    """The family of Gaussians with the moments of ``points [labels, n, 2]``."""
    import jax.numpy as jnp
    import numpyro.distributions as dist

    means = jnp.mean(points, axis=1)
    away = points - means[:, None]
    # A millionth of the truth's variance keeps what has collapsed to a line from a KL of infinity.
    covariances = jnp.einsum("kni,knj->kij", away, away) / points.shape[1] + 1e-6 * scale**2 * jnp.eye(2)[None]
    factors = jnp.linalg.cholesky(covariances)
    return lambda k: dist.MultivariateNormal(means[k], scale_tril=factors[k])


# ------------------------------------------------------------------------------------------------- from the arrays alone


class Course(NamedTuple):
    """What became of a row, each ``[records + 1, seeds]``.

    Attributes:
      accuracy: share of samples whose nearest mode is their label's.
      information: mutual information of label and nearest mode, in nats.
      quality: share of samples within 3 σ of their label's centre.
      kl: exact, of fitted Gaussians, averaged over labels, in nats.
    """

    accuracy: np.ndarray
    information: np.ndarray
    quality: np.ndarray
    kl: np.ndarray


def course(arrays: Arrays, name: str) -> Course:
    """Reads a row."""
    counts = arrays[f"{name}/table"].astype(float)
    joint = counts / counts.sum((-2, -1), keepdims=True)
    outer = joint.sum(-1, keepdims=True) * joint.sum(-2, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(joint > 0, joint * np.log(joint / outer), 0.0)
    return Course(
        np.trace(joint, axis1=-2, axis2=-1), terms.sum((-2, -1)), arrays[f"{name}/quality"], arrays[f"{name}/kl"]
    )


def claims(arrays: Arrays) -> list[Claim]:
    """Chance without the label; every label on its mode with it."""
    modes, samples = int(arrays["modes"]), int(arrays["samples"])
    result = []
    for name in arrays["rows"].tolist():
        found, row = course(arrays, name), ROWS[name]
        label = row.label
        seeds = found.accuracy.shape[1]
        if row.head == "unconditional":
            last = found.accuracy[-1]
            error = float(last.std(ddof=1) / math.sqrt(seeds)) if seeds > 1 else 0.5
            result.append(
                Claim(
                    f"{label}: share of samples in the mode of their label",
                    "by symmetry: no mode is any label's",
                    1.0 / modes,
                    float(last.mean()),
                    4.0 * error,
                    EQUAL,
                    f"4 s.e., {seeds} seeds",
                )
            )
            continue
        information = float(found.information[-1].min())
        result += [
            Claim(
                f"{label}: least share of samples in the mode of their label",
                "Mirza & Osindero 2014, equation 2",
                1.0,
                float(found.accuracy[-1].min()),
                4.0 / (modes * samples),
                AT_LEAST,
                "every seed; four samples",
            ),
            Claim(
                f"{label}: least share within 3 σ of the label's centre",
                "a perfect sampler: 98.89 %",
                0.95,
                float(found.quality[-1].min()),
                0.0,
                AT_LEAST,
                "every seed",
            ),
            Claim(
                f"{label}: mutual information of label and mode, nats",
                "exact: log 8 where every label is on its mode",
                math.log(modes),
                information,
                0.01,
                EQUAL,
                "every seed; .01 nats",
            ),
        ]
    for name in ("concatenation", "projection"):
        both = (name, f"{name}_wrong")
        if set(both) <= set(arrays["rows"].tolist()):
            plain, wrong = (course(arrays, one).kl[-1] for one in both)
            result.append(
                Claim(
                    f"{ROWS[name].label}: conditional KL with wrong pairs, against without, nats",
                    "Reed et al. 2016, section 4.1",
                    float(plain.mean()),
                    float(wrong.mean()),
                    2.0 * math.hypot(_error(plain), _error(wrong)),
                    AT_MOST,
                    "2 s.e.",
                )
            )
    return result


def _error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / math.sqrt(values.size)) if values.size > 1 else 0.0


def table(arrays: Arrays) -> list[TableRow]:
    """Every number of every game at every record."""
    rows: list[TableRow] = []
    for name in arrays["rows"].tolist():
        found = course(arrays, name)
        for record, seed in np.ndindex(*found.accuracy.shape):
            numbers = {field: float(values[record, seed]) for field, values in found._asdict().items()}
            rows.append({"row": name, "step": float(arrays["steps"][record]), "seed": seed, **numbers})
    return rows


def plot(arrays: Arrays) -> Figure:
    """Samples by label, and how they come to heed it."""
    from experiments.conditional_ring_plot import draw

    return draw(arrays)
