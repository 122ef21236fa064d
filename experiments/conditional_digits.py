"""Digits by label: whether a generator draws the digit that was asked for, in all the ways to write it.

Figure: for every row the share of generated digits that a classifier reads as their label (bands: from the least to the largest of the
seeds), and recall at k = 5, over training; KID within each class at the end, with that of real digits against real ones as the floor; and a
grid of digits of the first game, one column a label, beside real ones.

Data: scikit-learn's 1797 digits of 8 × 8. Networks are DCGAN's with conditional batch norm in the generator and no normalisation in the
discriminator; relativistic pairing with R1 + R2, in turn, averaged parameters, decaying rates. Rows differ in how the discriminator sees
the label: beside the features (Mirza & Osindero 2014), as a projection (Miyato & Koyama 2018), as a class to be told (Odena et al. 2017).
The first two also see real digits with other labels (Reed et al. 2016).

Accuracy is by the classifier of ``metrics.classifier``, trained on a part of the real digits; it reads real ones with an accuracy that the
figure gives. KID is on its features, recall (Kynkäänniemi et al. 2019) too.

Command: ``python -m experiments conditional_digits``: 225 s on two cores.

Expected: 99.5 to 100 % of the generated digits are read as their label, whichever way the discriminator sees it, as many as of real ones
(99.7 %); recall at k = 5 is .84 to .87 and rises still. KID within a class is .0002 to .0008 on average, and differs by .013 (standard
deviation over classes) between halves of the real ones, of which a class has no more than 180: no row can be told from the real digits by
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from experiments.artifacts import Arrays
from experiments.artifacts import Row as TableRow
from experiments.claims import AT_LEAST, Claim
from experiments.progress import Progress
from gan_jax.ranges import Count, Decay, NonNegative, Positive, Seed

CLASSES = 10
SIZE = 8
NEIGHBOURS = 5


class Row(NamedTuple):
    """One way to show a label to a discriminator.

    Attributes:
      label: as the figure names it.
      head: of ``conditional_critics.HEADS``.
      wrong_weight: of the third kind of pair.
    """

    label: str
    head: str
    wrong_weight: float


ROWS: dict[str, Row] = {
    "concatenation": Row("label beside the features", "concatenation", 0.5),
    "projection": Row("label as a projection", "projection", 0.5),
    "auxiliary": Row("label as a class to tell", "auxiliary", 0.0),
}
"""By name, in the figure's order."""


@dataclass(frozen=True)
class Config:
    """Ten labels, three ways to see them."""

    rows: tuple[str, ...] = tuple(ROWS)
    """Which of them."""

    steps: Count = 6000
    """Of every game; a multiple of ``records``."""

    records: Count = 6
    """How many times a game is looked at."""

    seeds: Count = 2
    """Games of every row."""

    width: Count = 32
    """Channels of the generator's finest layer."""

    critic_width: Count = 64
    """Channels of the discriminator's finest layer."""

    embedding: Count = 32
    """Of a label's vector, in either network."""

    latent: Count = 64
    """Dimension of the noise."""

    batch_size: Count = 64
    """Examples of each kind at an update."""

    rate: Positive = 1e-3
    """Of both players' Adam(0, .99), before it decays."""

    penalty_weight: NonNegative = 0.05
    """Of R1 + R2."""

    penalty_every: Count = 4
    """R1 + R2 are computed at every so many updates, and weigh so many times more."""

    ema_decay: Decay = 0.999
    """Of the moving average of the generator's parameters."""

    samples: Count = 200
    """Of every label, at every look."""

    seed: Seed = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        if not self.rows or len(set(self.rows)) != len(self.rows) or not set(self.rows) <= set(ROWS):
            raise ValueError(f"rows is {self.rows}; expected different names among {', '.join(ROWS)}")
        if self.samples <= NEIGHBOURS:
            raise ValueError(
                f"samples is {self.samples}; expected more than {NEIGHBOURS}, the neighbours that recall looks at"
            )


SMOKE = Config(
    rows=("projection", "auxiliary"),
    steps=4,
    records=2,
    seeds=1,
    width=4,
    critic_width=4,
    latent=8,
    batch_size=8,
    samples=20,
)


def run(config: Config, progress: Progress) -> Arrays:
    """Plays every row from clones of one key, and measures what it draws."""
    with progress.task("conditional digits", total=20.0 + 100.0 * len(config.rows)):
        with progress.task("classifier", share=20.0):
            import jax

            from experiments.image_runs import Data, Evaluation
            from experiments.mode_games import watch
            from experiments.yardsticks import yardstick
            from gan_jax.data.sets import load
            from gan_jax.data.sources import resident_labelled

            digits, measure = load("digits", split="all"), yardstick(Data(), Evaluation())
            source = resident_labelled(digits)
            features, labels = measure.real.features, digits.labels
            read = measure.real.logits.argmax(axis=1)
        key = jax.random.key(config.seed)
        shape = (len(config.rows), config.records + 1, config.seeds)
        arrays = {name: np.zeros(shape) for name in ("accuracy", "recall", "precision")}
        kid, error = np.zeros((2, *shape[::2], CLASSES))
        confusion = np.zeros((len(config.rows), CLASSES, CLASSES), int)
        pictures = np.zeros((len(config.rows), CLASSES, 8, SIZE, SIZE, 1), np.uint8)
        for number, name in enumerate(config.rows):
            with progress.task(ROWS[name].label, total=2 * config.records + 1, share=100.0) as task:
                game, look = _game(config, ROWS[name], source)
                watched = watch(
                    game,
                    jax.random.clone(key),
                    look,
                    seeds=config.seeds,
                    steps=config.steps,
                    records=config.records,
                    feed=source.feed(0, config.steps),
                    on_record=lambda _, task=task: task.advance(1),  # type: ignore[misc]
                )
                for record in range(config.records + 1):
                    for seed in range(config.seeds):
                        found = measured(measure, features, labels, watched.seen[record, seed])
                        for quantity in arrays:
                            arrays[quantity][number, record, seed] = found.numbers[quantity]
                        # What stays is that of the last record.
                        kid[number, seed], error[number, seed] = found.kid, found.kid_error
                        confusion[number] = found.confusion if seed == 0 else confusion[number]
                    task.advance(1)
                pictures[number] = watched.seen[-1, 0].reshape(CLASSES, config.samples, SIZE, SIZE, 1)[:, :8]
        floor = _floor(features, labels, config.seed)
    facts = {
        "rows": np.asarray(config.rows),
        "steps": np.linspace(0, config.steps, config.records + 1),
        "samples": config.samples,
        "kid": kid,
        "kid_error": error,
        "kid_floor": floor,
        "confusion": confusion,
        "real_accuracy": np.mean(read == labels),
        "pictures": pictures,
        "real": np.stack([digits.images[labels == label][:8] for label in range(CLASSES)]),
    }
    return {name: np.asarray(value) for name, value in (arrays | facts).items()}


def _game(config: Config, row: Row, source: Any) -> tuple[Any, Any]:
    """The game of a row, and ``look(key, state) -> images [10 · samples, 8, 8, 1]`` in bytes, label by label."""
    import jax.numpy as jnp
    import optax

    from gan_jax.data.images import to_bytes
    from gan_jax.models.conditional import conditional_dcgan_generator
    from gan_jax.models.conditional_critics import conditional_dcgan_critic
    from gan_jax.models.text import label_encoder
    from gan_jax.objectives.losses import relativistic
    from gan_jax.objectives.penalties import both, r1, r2
    from gan_jax.training.conditional import conditional
    from gan_jax.training.state import averaged

    encoder = label_encoder(CLASSES, width=config.embedding)
    generator = conditional_dcgan_generator(SIZE, 1, encoder, width=config.width, latent=config.latent)
    critic = conditional_dcgan_critic(SIZE, 1, encoder, width=config.critic_width, head=row.head, classes=CLASSES)
    constant = config.steps // 5

    def decaying(rate: Any) -> Any:
        return optax.adam(optax.linear_schedule(rate, 0.01 * rate, config.steps - constant, constant), b1=0.0, b2=0.99)

    game = conditional(
        relativistic(),
        generator,
        critic,
        source.draw,
        batch_size=config.batch_size,
        generator_optimizer=decaying,
        discriminator_optimizer=decaying,
        generator_rate=config.rate,
        discriminator_rate=config.rate,
        wrong_weight=row.wrong_weight,
        penalty=both(r1(), r2()),
        penalty_weight=config.penalty_weight,
        penalty_every=config.penalty_every,
        ema_decay=config.ema_decay,
    )

    def look(key: Any, state: Any) -> Any:
        labels = jnp.repeat(jnp.arange(CLASSES), config.samples)
        variables = averaged(state)
        return to_bytes(
            generator.apply(variables, generator.noise(key, labels.size), generator.embed(variables, labels))
        )

    return game, look


class Measured(NamedTuple):
    """What generated digits are.

    Attributes:
      numbers: accuracy, recall and precision.
      kid, kid_error: within each class, ``[10]``.
      confusion: ``[label, read]``.
    """

    numbers: dict[str, float]
    kid: np.ndarray
    kid_error: np.ndarray
    confusion: np.ndarray


def measured(measure: Any, features: np.ndarray, labels: np.ndarray, images: np.ndarray) -> Measured:
    """Measures generated digits, equally many of each label in turn, against real ones."""
    import jax.numpy as jnp

    from gan_jax.metrics.features import extract
    from gan_jax.metrics.kernel import kid
    from gan_jax.metrics.neighbours import neighbours

    fake = extract(measure.features, images)
    asked, read = np.repeat(np.arange(CLASSES), len(images) // CLASSES), fake.logits.argmax(axis=1)
    near = neighbours(features, fake.features, k=NEIGHBOURS)
    apart = [kid(jnp.asarray(features[labels == c]), jnp.asarray(fake.features[asked == c])) for c in range(CLASSES)]
    confusion = np.zeros((CLASSES, CLASSES), int)
    np.add.at(confusion, (asked, read), 1)
    return Measured(
        {"accuracy": float(np.mean(asked == read)), "recall": near.recall, "precision": near.precision},
        np.array([float(distance.value) for distance in apart]),
        np.array([float(distance.standard_error) for distance in apart]),
        confusion,
    )


def _floor(features: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """KID of one half of every class against the other, ``[10]``."""
    import jax.numpy as jnp

    from gan_jax.metrics.kernel import kid

    rng, values = np.random.default_rng(seed), []
    for label in range(CLASSES):
        own = rng.permutation(features[labels == label])
        half = len(own) // 2
        values.append(float(kid(jnp.asarray(own[:half]), jnp.asarray(own[half:])).value))
    return np.array(values)


# ------------------------------------------------------------------------------------------------- from the arrays alone


def claims(arrays: Arrays) -> list[Claim]:
    """The digit that was asked for, with variety, in every game."""
    result = []
    for number, name in enumerate(arrays["rows"].tolist()):
        accuracy, recall = arrays["accuracy"][number, -1], arrays["recall"][number, -1]
        label = ROWS[name].label
        result += [
            Claim(
                f"{label}: least share of digits read as their label",
                f"the classifier reads {100 * float(arrays['real_accuracy']):.1f} % of real ones right",
                0.97,
                float(accuracy.min()),
                0.0,
                AT_LEAST,
                "every seed",
            ),
            Claim(
                f"{label}: least recall at k = {NEIGHBOURS}",
                "Kynkäänniemi et al. 2019, equation 2",
                0.5,
                float(recall.min()),
                0.0,
                AT_LEAST,
                "every seed",
            ),
        ]
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Every number of every game at every record, and KID of every class."""
    rows: list[TableRow] = []
    for number, name in enumerate(arrays["rows"].tolist()):
        for record, seed in np.ndindex(*arrays["accuracy"].shape[1:]):
            facts = {"row": name, "step": float(arrays["steps"][record]), "seed": seed, "class": "all"}
            for quantity in ("accuracy", "recall", "precision"):
                rows.append({**facts, "quantity": quantity, "value": float(arrays[quantity][number, record, seed])})
        for seed, label in np.ndindex(*arrays["kid"].shape[1:]):
            facts = {"row": name, "step": float(arrays["steps"][-1]), "seed": seed, "class": str(label)}
            rows.append({**facts, "quantity": "KID", "value": float(arrays["kid"][number, seed, label])})
    return rows


def plot(arrays: Arrays) -> Figure:
    """Accuracy, recall, KID by class, and digits."""
    from experiments.conditional_digits_plot import draw

    return draw(arrays)
