"""A thousand modes: three digits as the channels of one picture, and which of all combinations a generator draws.

Figure: modes covered and KL of the histogram of classes to the uniform law over training, means over seeds with a band from the least to
the largest; the table beside the published one, which is of another data set; the share of every digit in every channel; pictures.

The data are stacks of three independent 8 × 8 digits of scikit-learn's 1797 (Metz et al. 2017, section 3.3.1, with other digits): 1000
modes. 26 000 pictures are drawn, and a classifier of single digits says channel by channel what they are. KL is that of the histogram to
the uniform law, in nats. A perfect sampler would score .0193, about (1000 − 1) / 2n, and real stacks through the classifier nearly that.

Published numbers are of stacked MNIST, 28 × 28, with larger networks and longer training: they stand beside ours for orientation, and no
claim holds one against the other, save that the best method should do what the best published ones do. DCGAN and PacDCGAN2 have batch norm
in both players and Adam with 2e-4 and b1 = .5 (Radford et al. 2016; packing: Lin et al. 2018); WGAN-GP has five critic steps; the last two
rows differ in the relativistic pairing alone (Huang et al. 2024), and have their rates decay and the generator's parameters averaged. That
recipe was found on other seeds than the figure's.

Presets: the default wants an accelerator; ``--preset quick`` has fewer steps and seeds, as the figure says.

Command: ``python -m experiments stacked_digits``; ``--preset quick``: 200 s on two cores.

Expected: relativistic + R1 + R2 covers 1000 of 1000 modes with a KL of .06 or less (.040 and .048 in the quick preset). That PacDCGAN2 is
better than DCGAN, and pairing better than its absence, is what papers say of stacked MNIST; on so small pictures neither holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from experiments import stacked_digits_figure
from experiments.artifacts import Arrays
from experiments.artifacts import Row as TableRow
from experiments.claims import AT_LEAST, AT_MOST, EQUAL, Claim
from experiments.progress import Progress
from experiments.stacked_digits_games import CHANNELS, CLASSES, MODES, QUANTITIES, ROWS
from gan_jax import ranges
from gan_jax.ranges import AtLeastTwo, Count, Decay, NonNegative, Positive, Seed

BEST = "relativistic"

FEWEST = 5 * MODES
"""Pictures below which a perfect sampler would miss modes."""


@dataclass(frozen=True)
class Config:
    """Five methods on one data set."""

    rows: tuple[str, ...] = tuple(ROWS)
    """Methods, in the order of the figure."""

    steps: Count = 30_000
    """Generator steps of DCGAN and PacDCGAN2."""

    wgan_steps: Count = 30_000
    """Generator steps of WGAN-GP."""

    critic_steps: Count = 5
    """Critic updates at each of them."""

    long_steps: Count = 30_000
    """Steps of the last two methods."""

    seeds: Count = 8
    """Independent games of every method."""

    width: Count = 32
    """Channels of the generator's finest layer."""

    critic_width: Count = 64
    """Channels of the discriminator's finest layer."""

    latent: Count = 64
    """Dimension of the noise."""

    batch_size: AtLeastTwo = 64
    """Examples of each kind at an update."""

    rate: Positive = 1e-3
    """Of both players' Adam in WGAN-GP and the last two methods, before it decays."""

    penalty_weight: NonNegative = 0.05
    """Of R1 + R2."""

    penalty_every: Count = 4
    """R1 + R2 are computed at every so many updates, and weigh so many times more."""

    ema_decay: Decay = 0.999
    """Of the moving average of the generator's parameters, in the last two methods."""

    samples: Count = 26_000
    """Generated pictures at every record."""

    records: Count = 8
    """How many times a game is looked at; the steps between rise geometrically."""

    shown: Count = 16
    """Pictures of every method that the figure shows."""

    seed: Seed = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        if not self.rows or len(set(self.rows)) != len(self.rows) or not set(self.rows) <= set(ROWS):
            raise ValueError(f"rows is {self.rows}; expected different names among {', '.join(ROWS)}")
        ranges.check(self)
        if self.samples < FEWEST:
            raise ValueError(f"samples is {self.samples}; expected at least {FEWEST}, five for every mode")


SMOKE = Config(
    rows=("dcgan", "pacdcgan_2", "relativistic"),
    steps=4,
    long_steps=4,
    seeds=1,
    width=4,
    critic_width=4,
    latent=8,
    batch_size=8,
    samples=FEWEST,
    records=2,
    shown=8,
)

PRESETS = {"quick": Config(steps=2000, wgan_steps=600, long_steps=8000, seeds=2, records=5)}


def run(config: Config, progress: Progress) -> Arrays:
    """Measures the floor, then plays every method and measures what it draws."""
    budgets = {name: ROWS[name].steps(config) for name in config.rows}
    measuring = 1500.0 * config.samples / 26_000 * config.records * config.seeds
    work = {name: ROWS[name].cost * steps * config.seeds + measuring for name, steps in budgets.items()}
    with progress.task("stacked digits", total=20_000.0 + sum(work.values())):
        with progress.task("classifier and floor", share=20_000.0):
            import jax

            from experiments import stacked_digits_games as games
            from experiments.image_runs import Data, Evaluation
            from experiments.yardsticks import yardstick
            from gan_jax.data.sets import load, stack
            from gan_jax.data.sources import stacked
            from gan_jax.metrics.histograms import reverse_kl_floor

            digits, measure = load("digits", split="all"), yardstick(Data(), Evaluation())
            source, real = stacked(digits), stack(digits, config.samples, config.seed)
            floor = games.measured(measure.features, real.images)
            keys = jax.random.split(jax.random.key(config.seed), len(ROWS))
        shape = (len(config.rows), config.records, config.seeds)
        arrays = {name: np.zeros(shape) for name in QUANTITIES}
        shares = np.zeros((len(config.rows), config.seeds, CHANNELS, CLASSES))
        pictures = np.zeros((len(config.rows), config.shown, *real.images.shape[1:]), np.uint8)
        moments = {name: games.moments(steps, config.records) for name, steps in budgets.items()}
        for number, name in enumerate(config.rows):
            with progress.task(ROWS[name].label, total=config.records * (1 + config.seeds), share=work[name]) as task:
                player = ROWS[name].make(config, source, budgets[name])
                key = keys[list(ROWS).index(name)]
                drawn = games.play(player, config, source, key, moments[name], lambda: task.advance())
                for record, seed in np.ndindex(*shape[1:]):
                    found = games.measured(measure.features, drawn[record, seed])
                    for quantity, value in found.numbers.items():
                        arrays[quantity][number, record, seed] = value
                    # What stays is that of the last record.
                    shares[number, seed] = found.shares
                    task.advance()
                pictures[number] = drawn[-1, 0, : config.shown]
    facts = {
        "rows": np.asarray(config.rows),
        "moments": np.stack([moments[name] for name in config.rows]),
        "n": config.samples,
        "critic_steps": config.critic_steps,
        "accuracy": measure.accuracy,
        "exact_floor": reverse_kl_floor(config.samples, np.full(MODES, 1.0 / MODES)),
        "shares": shares,
        "real_shares": floor.shares,
        "pictures": pictures,
        "real": real.images[: config.shown],
    }
    facts |= {f"floor_{quantity}": value for quantity, value in floor.numbers.items()}
    return {name: np.asarray(value) for name, value in (arrays | facts).items()}


# ------------------------------------------------------------------------------------------------- from the arrays alone


def claims(arrays: Arrays) -> list[Claim]:
    """The floor, what the best method does, and what papers say of packing and of relativistic pairing."""
    rows, n = arrays["rows"].tolist(), int(arrays["n"])
    noise = math.sqrt(0.5 * (MODES - 1)) / n
    result = [
        Claim(
            f"KL of real stacks through the classifier, {n:,} of them",
            "exact: a perfect sampler's mean",
            float(arrays["exact_floor"]),
            float(arrays["floor_reverse_kl"]),
            4.0 * noise,
            EQUAL,
            "4 standard errors",
        )
    ]
    if BEST in rows:
        seeds = arrays["reverse_kl"].shape[-1]
        number = rows.index(BEST)
        label = (
            f"{ROWS[BEST].label}, {seeds} seed{'s' if seeds > 1 else ''}, {int(arrays['moments'][number, -1]):,} steps"
        )
        fewest, most = arrays["covered"][number, -1].min(), arrays["reverse_kl"][number, -1].max()
        source = "Huang et al. 2024 (R3GAN), on stacked MNIST"
        result += [
            Claim(f"{label}: fewest modes", source, MODES, float(fewest), 0.0, AT_LEAST, "a count"),
            Claim(
                f"{label}: largest KL at {n:,} pictures",
                "Lin et al. 2018 (PacGAN), PacDCGAN2 on stacked MNIST",
                0.06,
                float(most),
                0.0,
                AT_MOST,
                "as measured",
            ),
        ]
    orders = (
        ("dcgan", "pacdcgan_2", "Lin et al. 2018 (PacGAN), on stacked MNIST"),
        ("non_saturating", "relativistic", "Huang et al. 2024 (R3GAN), on stacked MNIST"),
    )
    for worse, better, source in orders:
        if worse in rows and better in rows:
            result += _ordered(arrays, rows.index(worse), rows.index(better), source)
    return result


def _ordered(arrays: Arrays, worse: int, better: int, source: str) -> list[Claim]:
    """Two claims about two methods with one number of steps: KL, and modes."""
    labels = [ROWS[arrays["rows"][number]].label for number in (worse, better)]
    far, near = (arrays["reverse_kl"][number, -1] for number in (worse, better))
    errors = [arrays["reverse_kl_error"][number, -1] for number in (worse, better)]
    return [
        Claim(
            f"KL: {labels[0]} − {labels[1]}, less 2 standard errors",
            source,
            0.0,
            float(far.mean() - near.mean()) - 2.0 * math.hypot(_error(far, errors[0]), _error(near, errors[1])),
            0.0,
            AT_LEAST,
            f"2 s.e., {far.size} seed{'s' if far.size > 1 else ''}",
        ),
        Claim(
            f"modes: {labels[1]}, against {labels[0]}",
            source,
            float(arrays["covered"][worse, -1].mean()),
            float(arrays["covered"][better, -1].mean()),
            0.0,
            AT_LEAST,
            "means over seeds",
        ),
    ]


def _error(values: np.ndarray, own: np.ndarray) -> float:
    """Standard error of the mean over seeds; of one seed, and at least, that of drawing."""
    drawing = float(np.sqrt(np.mean(own**2) / values.size))
    return drawing if values.size < 2 else max(drawing, float(values.std(ddof=1)) / math.sqrt(values.size))


def table(arrays: Arrays) -> list[TableRow]:
    """Every number of every game at every record, and those of real stacks."""
    facts = {"n": int(arrays["n"]), "data": "digits, 8 x 8"}
    result: list[TableRow] = [
        {"row": "real", "step": 0, "seed": 0, **{name: float(arrays[f"floor_{name}"]) for name in QUANTITIES}, **facts}
    ]
    for number, record, seed in np.ndindex(*arrays["reverse_kl"].shape):
        numbers = {name: float(arrays[name][number, record, seed]) for name in QUANTITIES}
        step = int(arrays["moments"][number, record])
        result.append({"row": str(arrays["rows"][number]), "step": step, "seed": seed, **numbers, **facts})
    return result


def plot(arrays: Arrays) -> Figure:
    """Timelines, the table, the shares of digits, and pictures."""
    return stacked_digits_figure.plot(arrays, ROWS)
