"""The table of mode collapse: the published rows by their own protocol, and one cure at a time.

Figure: for the ring of 8 and the grid of 25 Gaussians, modes covered, share of high-quality samples, reverse KL of the mode histogram (in
nats) and variance inside the modes (over the truth's; an arrow where it is beyond the axis) for every row, means over seeds with standard
errors; open marks are the published numbers with theirs, grey lines what a perfect sampler scores. Below: samples of some rows.

The targets are those of Srivastava et al. 2017 (VEEGAN, section 4.1) and Lin et al. 2018 (PacGAN, section 4.1): radius 1 and σ = .01, and
{−4, −2, 0, 2, 4}² with σ = .05. 2500 samples are drawn from the last generator. A sample is of high quality within 3 σ of its nearest
mode; a mode is covered by one such sample; reverse KL is log K less the entropy of the histogram of such samples.

The first four rows have PacGAN's networks and protocol: 400 000 steps on 100 000 fixed packs. Two differences: packs are drawn with
replacement (there: shuffled epochs), and the two players' gradients at a step are of different draws. The rows below start from a game that
is smaller (layers of 128, six in G and three in D, batch 256), and change one thing; the last one joins what helped, with batches of 512,
and plays longer.

Presets: the default has the published number of steps and wants an accelerator; ``--preset quick`` shortens them (the figure says to
what), has two seeds but for the last row, and leaves out rows whose steps cost most; ``--preset hour`` plays two published rows on the
ring for as many steps as two idle cores make in an hour (it took 87 min, not all of them idle).

Command: ``python -m experiments mode_table``; ``--preset quick``: 360 s on two cores.

Expected: the last row, ring, 10 000 steps (``--rows together --targets ring --long-steps 10000``): 8 of 8 modes on all 10 seeds, high
quality 98.7 % (98.0 to 99.4), reverse KL .0022 (worst .0041). Grid, 30 000 steps (``--rows together``): 25 of 25 on all 10, 97.9 % (97.4
to 99.0), .0068 (worst .0097); with batches of 256 two of the ten seeds had 93.6 and 94.1 %, .052 and .032. On both, modes are too thin:
the variance inside them is .14 and .27 of the truth's. A ring at the grid's 30 000 steps is too much: the rate stays high for longer, and
one game of ten, which had 8 modes, goes to where no sample is near any. ``--preset hour``, after 140 000 of 400 000 steps, three seeds:
the plain GAN has 7 modes, 87 % high quality (72 to 96 %) and a reverse KL of .38, PacGAN2 has 8, 95.7 % and .034; published are 6.3, 98.2
%, .45 and 7.9, 95.6 %, .07, and all six agree within two combined standard errors, which of three seeds are wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure

from experiments import mode_table_plot
from experiments.artifacts import Arrays
from experiments.artifacts import Row as TableRow
from experiments.claims import AT_LEAST, AT_MOST, EQUAL, Claim, Relation
from experiments.mode_table_games import ROWS
from experiments.mode_table_plot import NUMBERS, PROTOCOL_STEPS, PUBLISHED, mean_and_error, multiple
from experiments.progress import Progress
from experiments.small_games import Recipe
from gan_jax import ranges
from gan_jax.ranges import Count, Seed

TARGETS = ("ring", "grid")
SOURCE = "Lin et al. 2018 (PacGAN), table 1"


@dataclass(frozen=True)
class Config:
    """The published protocol, and the budget of the cures."""

    rows: tuple[str, ...] = tuple(ROWS)
    """Rows of the table, in its order."""

    targets: tuple[str, ...] = TARGETS
    """Of ring and grid."""

    published_steps: Count = PROTOCOL_STEPS
    """Steps of the published rows: 400 epochs of 1000 batches."""

    published_seeds: Count = 10
    """Games of each published row."""

    published_batch: Count = 100
    """Packs at an update, there."""

    small_steps: Count = 20_000
    """Steps of the cures."""

    small_seeds: Count = 10
    """Games of each of them."""

    long_steps: Count = 30_000
    """Steps of the last row."""

    long_seeds: Count = 10
    """Its games."""

    recipe: Recipe = field(default_factory=Recipe)
    """Sizes and rates of the cures."""

    data: Count = 100_000
    """Fixed examples (packs) that all rows learn from."""

    samples: Count = 2500
    """Generated samples that a game is measured with."""

    shown: Count = 1000
    """Of them, how many the figure has."""

    records: Count = 20
    """How many times a game is looked at; every number of steps is a multiple of it."""

    seed: Seed = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        for name, known in (("rows", tuple(ROWS)), ("targets", TARGETS)):
            given = getattr(self, name)
            if not given or len(set(given)) != len(given) or not set(given) <= set(known):
                raise ValueError(f"{name} is {given}; expected different names among {', '.join(known)}")
        ranges.check(self)
        for name in self.rows:
            steps = ROWS[name].budget(self).steps
            if steps % self.records:
                raise ValueError(
                    f"the row {name} has {steps} steps; expected a multiple of records, which is {self.records}"
                )


SMOKE = Config(
    rows=("gan", "pacgan_2", "small_gan", "together"),
    published_steps=2,
    published_seeds=2,
    published_batch=10,
    small_steps=4,
    small_seeds=2,
    long_steps=4,
    long_seeds=2,
    recipe=Recipe(width=8, generator_depth=2, discriminator_depth=2, batch_size=16),
    data=100,
    samples=250,
    shown=50,
    records=2,
)

# Those whose steps cost several times the plain game's are left to the full preset, but for one of each kind.
_QUICK = tuple(name for name in ROWS if name not in ("pacgan_3", "pacgan_4", "unrolled_5", "unrolled_10", "minibatch"))

PRESETS = {
    "quick": Config(
        rows=_QUICK,
        published_steps=500,
        published_seeds=2,
        small_steps=1000,
        small_seeds=2,
        long_steps=6000,
        records=10,
    ),
    "hour": Config(rows=("gan", "pacgan_2"), targets=("ring",), published_steps=140_000, published_seeds=3, records=70),
}


def run(config: Config, progress: Progress) -> Arrays:
    """Plays every row on every target with all its seeds, and assays what the generators draw."""
    import jax

    from experiments import mode_table_games as games

    budgets = {name: ROWS[name].budget(config) for name in config.rows}
    most = max(budget.seeds for budget in budgets.values())
    truth = games.truths(config.targets)
    shape = (len(config.rows), config.records + 1, len(config.targets), most)
    arrays: dict[str, np.ndarray] = {name: np.full(shape, np.nan) for name in NUMBERS}
    samples = np.zeros((len(config.rows), len(config.targets), min(config.shown, config.samples), 2), np.float32)
    work = {name: budget.steps * budget.seeds * games.cost(name) for name, budget in budgets.items()}
    with progress.task("mode table", total=sum(work.values())):
        for number, (name, budget) in enumerate(budgets.items()):
            with progress.task(ROWS[name].label, total=config.records, share=work[name]) as task:
                seen = games.play(ROWS[name], config, jax.random.key(config.seed), lambda: task.advance(1))
            tallies, shown = seen.seen
            for place, modes in enumerate(truth.values()):
                found = games.assayed(tallies, modes, place, tuple(NUMBERS))
                for quantity, values in found.items():
                    arrays[quantity][number, :, place, : budget.seeds] = values
                samples[number, place] = shown[-1, place, 0]
    facts = {
        "rows": np.asarray(config.rows),
        "targets": np.asarray(config.targets),
        "steps": np.asarray([budget.steps for budget in budgets.values()]),
        "seeds": np.asarray([budget.seeds for budget in budgets.values()]),
        "modes": np.asarray([len(modes.weights) for modes in truth.values()]),
        "floor": np.asarray([games.floor(modes, config.samples) for modes in truth.values()]),
        "n": np.asarray(config.samples),
        "samples": samples,
    }
    for name, modes in truth.items():
        facts |= {f"{name}/centres": np.asarray(modes.centres), f"{name}/scales": np.asarray(modes.scales)}
    return {**arrays, **facts}


# ------------------------------------------------------------------------------------------------- from the arrays alone


def claims(arrays: Arrays) -> list[Claim]:
    """The published rows where their protocol was played for long enough; and the last row against all of them."""
    result: list[Claim] = []
    for number, name in enumerate(arrays["rows"].tolist()):
        steps, published = int(arrays["steps"][number]), ROWS[name].published
        # After a hundredth of the published steps no number of theirs is to be expected.
        if published is not None and steps >= PROTOCOL_STEPS // 10:
            result += _published_claims(arrays, number, published, steps)
    if "together" in arrays["rows"]:
        result += _best_claims(arrays, arrays["rows"].tolist().index("together"))
    return result


def _published_claims(arrays: Arrays, number: int, published: str, steps: int) -> list[Claim]:
    result = []
    for place, target in enumerate(arrays["targets"].tolist()):
        for quantity, (theirs, theirs_error) in PUBLISHED[published][target].items():
            ours, error = mean_and_error(arrays[quantity][number, -1, place])
            result.append(
                Claim(
                    f"{published}, {target}: {NUMBERS[quantity]} after {steps:,} of {PROTOCOL_STEPS:,} steps",
                    SOURCE,
                    theirs,
                    ours,
                    multiple(2.0, error, theirs_error),
                    EQUAL,
                    "2 combined s.e.",
                )
            )
    return result


def _best_claims(arrays: Arrays, number: int) -> list[Claim]:
    result = []
    for place, target in enumerate(arrays["targets"].tolist()):
        modes, floor, n = int(arrays["modes"][place]), float(arrays["floor"][place]), int(arrays["n"])
        seeds = int(arrays["seeds"][number])
        last = {quantity: arrays[quantity][number, -1, place, :seeds] for quantity in NUMBERS}
        truth = 1.0 - math.exp(-4.5)
        noise = math.sqrt(truth * (1.0 - truth) / (n * seeds))
        label = f"all of it, {target}, {seeds} seeds"
        result += [
            Claim(f"{label}: fewest modes", "all of them", modes, float(last["covered"].min()), 0.0, AT_LEAST, "exact"),
            *_two(f"{label}: share of high quality", "a user's wish", 0.95, last["high_quality"], AT_LEAST),
            Claim(
                f"{label}: mean share of high quality is not above the truth's",
                "1 − exp(−9/2): more is collapse inside the modes",
                truth,
                float(last["high_quality"].mean()),
                4.0 * noise,
                AT_MOST,
                "4 standard errors",
            ),
            *_two(
                f"{label}: reverse KL",
                "twice the perfect sampler's, plus .01",
                2.0 * floor + 0.01,
                last["reverse_kl"],
                AT_MOST,
            ),
            Claim(
                f"{label}: mean variance inside the modes over the truth's",
                "1 for the truth; less is collapse inside the modes",
                1.0,
                mean_and_error(last["variance_ratio"])[0],
                multiple(4.0, mean_and_error(last["variance_ratio"])[1]),
                EQUAL,
                "4 standard errors",
            ),
            Claim(
                f"{label}: mean reverse KL against the best published row's",
                SOURCE,
                min(row[target]["reverse_kl"][0] for row in PUBLISHED.values()),
                float(last["reverse_kl"].mean()),
                0.0,
                AT_MOST,
                "exact",
            ),
        ]
    return result


def _two(what: str, source: str, expected: float, values: np.ndarray, relation: Relation) -> list[Claim]:
    """A bound on the mean over seeds, and on the worst of them."""
    worst = values.min() if relation is AT_LEAST else values.max()
    return [
        Claim(f"{what}, {which}", source, expected, float(value), 0.0, relation, "exact")
        for which, value in (("mean", values.mean()), ("worst seed", worst))
    ]


def table(arrays: Arrays) -> list[TableRow]:
    """Every number of every game, at every record."""
    result: list[TableRow] = []
    for number, name in enumerate(arrays["rows"].tolist()):
        steps, seeds = int(arrays["steps"][number]), int(arrays["seeds"][number])
        for quantity in NUMBERS:
            values = arrays[quantity][number]
            for place, target in enumerate(arrays["targets"].tolist()):
                for record, level in enumerate(values[:, place, :seeds]):
                    step = steps * record // (len(values) - 1)
                    result += [
                        {
                            "row": name,
                            "target": target,
                            "step": step,
                            "quantity": quantity,
                            "seed": seed,
                            "value": float(value),
                        }
                        for seed, value in enumerate(level)
                    ]
    return result


def plot(arrays: Arrays) -> Figure:
    """The table as marks, and samples."""
    return mode_table_plot.plot(arrays, {name: ROWS[name] for name in arrays["rows"].tolist()})
