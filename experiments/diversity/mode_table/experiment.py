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
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from experiments.diversity.recipe import RingRecipe
from experiments.framework import Arrays, TableRow
from experiments.framework.claims import AT_LEAST, AT_MOST, EQUAL, Budget, Claim, Relation, finding, replication
from experiments.framework.tables import per_seed
from gan_jax import ranges
from gan_jax.metrics import statistics
from gan_jax.plots.style import BLACK, BLUE, GREEN, GREY, VERMILION, WIDTH, style
from gan_jax.ranges import Count, Seed


class Length(NamedTuple):
    """How long a row is played, how often, and how many times it is looked at."""

    steps: int
    seeds: int
    records: int


class Method(NamedTuple):
    """A row of the table.

    Attributes:
      label: as the figure names it.
      kind: whose steps and seeds of the configuration it has: published, small or long.
      published: whose row of the literature's table it repeats, if any.
    """

    label: str
    kind: str
    published: str | None = None

    def budget(self, config: Config) -> Length:
        """From the configuration."""
        steps, seeds = (getattr(config, f"{self.kind}_{what}") for what in ("steps", "seeds"))
        return Length(steps, seeds, config.records)


ROWS: dict[str, Method] = {
    "gan": Method("GAN", "published", "GAN"),
    "pacgan_2": Method("PacGAN2", "published", "PacGAN2"),
    "pacgan_3": Method("PacGAN3", "published", "PacGAN3"),
    "pacgan_4": Method("PacGAN4", "published", "PacGAN4"),
    "small_gan": Method("GAN, small", "small"),
    "two_time_scales": Method("two time scales", "small"),
    "instance_noise": Method("instance noise", "small"),
    "moving_average": Method("moving average", "small"),
    "unrolled_1": Method("unrolled, 1", "small"),
    "unrolled_5": Method("unrolled, 5", "small"),
    "unrolled_10": Method("unrolled, 10", "small"),
    "minibatch": Method("minibatch discrimination", "small"),
    "mode_seeking": Method("mode seeking", "small"),
    "veegan": Method("VEEGAN", "small"),
    "wgan_gp": Method("WGAN-GP", "small"),
    "relativistic": Method("relativistic + R1 + R2", "small"),
    "together": Method("all of it, long", "long"),
}
"""The rows of the table by name, in their order."""

PROTOCOL_STEPS = 400_000
"""400 epochs of 100 000 examples in batches of 100."""

PROTOCOL_GAMES, PROTOCOL_SAMPLES = 10, 2500
"""How many games the published means are over, and how many samples of each were measured."""

TARGETS = ("ring", "grid")


@dataclass(frozen=True)
class Config:
    """The published protocol, and the budget of the cures."""

    rows: tuple[str, ...] = tuple(ROWS)  # Rows of the table, in its order.
    targets: tuple[str, ...] = TARGETS  # Targets: ring and grid.
    published_steps: Count = PROTOCOL_STEPS  # Steps of the published rows: 400 epochs of 1000 batches.
    published_seeds: Count = PROTOCOL_GAMES  # Games of each published row.
    published_batch: Count = 100  # Packs at an update, there.
    small_steps: Count = 20_000  # Steps of the cures.
    small_seeds: Count = 10  # Games of each cure.
    long_steps: Count = 30_000  # Steps of the last row.
    long_seeds: Count = 10  # Games of the last row.
    recipe: RingRecipe = field(default_factory=RingRecipe)  # Sizes and rates of the cures.
    data: Count = 100_000  # Fixed examples (packs) that all rows learn from.
    samples: Count = PROTOCOL_SAMPLES  # Generated samples that a game is measured with.
    shown: Count = 1000  # Points that the figure has.
    records: Count = 20  # How many times a game is looked at; every number of steps is a multiple of it.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        ranges.different_names("rows", self.rows, ROWS)
        ranges.different_names("targets", self.targets, TARGETS)
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
    recipe=RingRecipe(width=8, generator_depth=2, discriminator_depth=2, batch_size=16),
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

NUMBERS = {
    "covered": "modes covered",
    "reproduced": "modes with half of their share",
    "high_quality": "share of high quality",
    "reverse_kl": "reverse KL",
    "jensen_shannon": "JS of the histogram",
    "variance_ratio": "in-mode variance / truth's",
}
"""What is measured of every game, in words."""


SOURCE = "Lin et al. 2018 (PacGAN), table 1"


def claims(arrays: Arrays) -> list[Claim]:
    """The published rows, due where their protocol was played to its end; and the last row against all of them."""
    result: list[Claim] = []
    for number, name in enumerate(arrays["rows"].tolist()):
        if (published := ROWS[name].published) is not None:
            result += _published_claims(arrays, number, published)
    if "together" in arrays["rows"]:
        result += _best_claims(arrays, arrays["rows"].tolist().index("together"))
    return result


def _published_claims(arrays: Arrays, number: int, published: str) -> list[Claim]:
    steps, seeds = int(arrays["steps"][number]), int(arrays["seeds"][number])
    met = steps >= PROTOCOL_STEPS and seeds >= PROTOCOL_GAMES and int(arrays["n"]) >= PROTOCOL_SAMPLES
    needed = f"{PROTOCOL_STEPS:,} steps, {PROTOCOL_GAMES} games, {PROTOCOL_SAMPLES} samples of each"
    result = []
    for place, target in enumerate(arrays["targets"].tolist()):
        for quantity, (theirs, theirs_error) in PUBLISHED[published][target].items():
            ours, error = mean_and_error(arrays[quantity][number, -1, place])
            what = f"{published}, {target}: {NUMBERS[quantity]} after {steps:,} of {PROTOCOL_STEPS:,} steps"
            numbers = theirs, ours, multiple(2.0, error, theirs_error)
            result.append(replication(what, SOURCE, *numbers, EQUAL, "2 combined s.e.", budget=Budget(needed, met)))
    return result


def _best_claims(arrays: Arrays, number: int) -> list[Claim]:
    result, truth = [], 1.0 - math.exp(-4.5)
    more = "1 − exp(−9/2): more is collapse inside the modes"
    less = "1 for the truth; less is collapse inside the modes"
    for place, target in enumerate(arrays["targets"].tolist()):
        modes, baseline, n = int(arrays["modes"][place]), float(arrays["floor"][place]), int(arrays["n"])
        seeds = int(arrays["seeds"][number])
        last = {quantity: arrays[quantity][number, -1, place, :seeds] for quantity in NUMBERS}
        noise, errors = 4.0 * math.sqrt(truth * (1.0 - truth) / (n * seeds)), "4 standard errors"
        ratio, ratio_error = mean_and_error(last["variance_ratio"])
        quality, kl = last["high_quality"], last["reverse_kl"]
        published = min(row[target]["reverse_kl"][0] for row in PUBLISHED.values())
        label = f"all of it, {target}, {seeds} seeds"
        above = f"{label}: mean share of high quality is not above the truth's"
        variance = f"{label}: mean variance inside the modes over the truth's"
        record = f"{label}: mean reverse KL against the best published row's"
        twice = "twice the perfect sampler's, plus .01"
        result += [
            finding(f"{label}: fewest modes", "all of them", modes, last["covered"].min(), 0.0, AT_LEAST, "exact"),
            *_two(f"{label}: share of high quality", "a user's wish", 0.95, quality, AT_LEAST),
            finding(above, more, truth, quality.mean(), noise, AT_MOST, errors),
            *_two(f"{label}: reverse KL", twice, 2.0 * baseline + 0.01, kl, AT_MOST),
            finding(variance, less, 1.0, ratio, multiple(4.0, ratio_error), EQUAL, errors),
            finding(record, SOURCE, published, kl.mean(), 0.0, AT_MOST, "exact"),
        ]
    return result


def _two(what: str, source: str, expected: float, values: np.ndarray, relation: Relation) -> list[Claim]:
    """A bound on the mean over seeds, and on the worst of them."""
    worst = values.min() if relation is AT_LEAST else values.max()
    return [
        finding(f"{what}, {which}", source, expected, value, 0.0, relation, "exact")
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
                    where = {"row": name, "target": target, "step": step, "quantity": quantity}
                    result += per_seed(level, **where)
    return result


Published = dict[str, dict[str, tuple[float, float]]]


def _row(ring: tuple[float, ...], grid: tuple[float, ...]) -> Published:
    """One row: modes, share of high quality in per cent and reverse KL, each with its standard error."""
    names = ("covered", "high_quality", "reverse_kl")
    scale = (1.0, 0.01, 1.0)
    return {
        target: {name: (row[2 * i] * scale[i], row[2 * i + 1] * scale[i]) for i, name in enumerate(names)}
        for target, row in (("ring", ring), ("grid", grid))
    }


PUBLISHED: dict[str, Published] = {
    "GAN": _row((6.3, 0.5, 98.2, 0.2, 0.45, 0.09), (17.3, 0.8, 94.8, 0.7, 0.70, 0.07)),
    "ALI": _row((6.6, 0.3, 97.6, 0.4, 0.36, 0.04), (24.1, 0.4, 95.7, 0.6, 0.14, 0.03)),
    "PacGAN2": _row((7.9, 0.1, 95.6, 2.0, 0.07, 0.03), (23.8, 0.7, 91.3, 0.8, 0.13, 0.04)),
    "PacGAN3": _row((7.8, 0.1, 97.7, 0.3, 0.10, 0.02), (24.6, 0.4, 94.2, 0.4, 0.06, 0.02)),
    "PacGAN4": _row((7.8, 0.1, 95.9, 1.4, 0.07, 0.02), (24.8, 0.2, 93.6, 0.6, 0.04, 0.01)),
}
"""Lin et al. 2018, table 1: means of 10 trials with standard errors."""


def multiple(count: float, *errors: float) -> float:
    """So many combined standard errors; none of what is not known (one seed, or no number) can excuse a difference."""
    known = [error for error in errors if math.isfinite(error)]
    return count * math.hypot(*known) if known else 0.0


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Mean over seeds and its standard error; NaN stands for seeds that a row has not. NaN for the error of one seed."""
    own = values[np.isfinite(values)]
    if own.size == 0:
        return float("nan"), float("nan")
    return statistics.mean_and_error(own)


COLUMNS = {"covered": "modes", "high_quality": "quality (%)", "reverse_kl": "reverse KL", "variance_ratio": "variance"}

LEAST = 3e-4
"""Left end of the logarithmic axis of reverse KL."""

WIDEST = 1.6
"""Right end of the axis of variance; a mean beyond it is an arrow at the edge."""


def plot(arrays: Arrays) -> Figure:
    """Marks for every row and number, and a strip of samples."""
    rows = {name: ROWS[name] for name in arrays["rows"].tolist()}
    targets = arrays["targets"].tolist()
    with style():
        figure = Figure(figsize=(WIDTH, 2.6 + 0.42 * len(rows) + 2.3 * len(targets)), layout="constrained")
        parts = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.6 + 0.42 * len(rows), 2.3 * len(targets)))[:, 0]
        count = len(COLUMNS)
        axes = parts[0].subplots(1, count * len(targets), sharey=True, squeeze=False)[0]
        for place, target in enumerate(targets):
            for column, quantity in enumerate(COLUMNS):
                _draw_column(axes[count * place + column], arrays, rows, place, target, quantity)
        labels = [
            _label(row, *pair) for row, *pair in zip(rows.values(), arrays["steps"], arrays["seeds"], strict=True)
        ]
        axes[0].set_yticks(range(len(rows)), labels)
        axes[0].set_ylim(len(rows) - 0.4, -0.6)
        parts[0].legend(handles=_handles(), loc="outside upper center", ncols=4)
        _draw_samples(parts[1], arrays, rows, targets)
    return figure


def _label(row: Method, steps: int, seeds: int) -> str:
    return f"{row.label}\n{_thousands(int(steps))} steps × {seeds}"


def _thousands(steps: int) -> str:
    return f"{steps / 1000:g}k" if steps >= 1000 else str(steps)


def _draw_column(ax: Axes, arrays: Arrays, rows: Mapping[str, Method], place: int, target: str, quantity: str) -> None:
    factor = 100.0 if quantity == "high_quality" else 1.0
    modes, logarithmic = int(arrays["modes"][place]), quantity == "reverse_kl"
    for number, row in enumerate(rows.values()):
        values = factor * arrays[quantity][number, -1, place]
        color = GREEN if number == len(rows) - 1 else (VERMILION if row.published else BLUE)
        shown = np.maximum(values, LEAST) if logarithmic else values
        ax.plot(shown, np.full(shown.shape, number), ".", color=color, alpha=0.35, markersize=5)
        mean, error = mean_and_error(values)
        if quantity == "variance_ratio" and mean > WIDEST:
            # A generator that draws between the modes; how far is not the figure's question.
            ax.plot(0.97 * WIDEST, number, ">", color=color, markersize=7)
        else:
            _mark(ax, mean, error, number, color, color, logarithmic=logarithmic)
        if row.published and quantity in PUBLISHED[row.published][target]:
            theirs, their_error = PUBLISHED[row.published][target][quantity]
            _mark(ax, factor * theirs, factor * their_error, number + 0.3, BLACK, "white", logarithmic=logarithmic)
    perfect = {"covered": float(modes), "high_quality": 98.889, "reverse_kl": float(arrays["floor"][place])}
    ax.axvline(perfect.get(quantity, 1.0), color=GREY, linewidth=1.5, zorder=1)
    if logarithmic:
        ax.set(xscale="log", xlim=(LEAST, 5.0))
        ax.set_xticks([1e-3, 1e-1], ["$10^{-3}$", "0.1"])
        ax.minorticks_off()
    else:
        ax.set_xlim(0.0, {"covered": 1.08 * modes, "high_quality": 108.0, "variance_ratio": WIDEST}[quantity])
    ax.set_xlabel(COLUMNS[quantity])
    if quantity == "high_quality":
        # Above two columns, of which this is the left one.
        ax.set_title({"ring": "ring, 8 modes", "grid": "grid, 25 modes"}[target], x=1.1)


def _mark(ax: Axes, mean: float, error: float, y: float, color: str, face: str, *, logarithmic: bool) -> None:
    if not math.isfinite(mean):
        return
    shown = max(mean, LEAST) if logarithmic else mean
    low = min(error, shown - LEAST) if logarithmic else error
    bars = [[max(low, 0.0)], [error]] if math.isfinite(error) else None
    ax.errorbar(shown, y, xerr=bars, marker="o", markersize=6, color=color, markerfacecolor=face, capsize=2.5, zorder=4)


def _handles() -> list[Line2D]:
    def dot(color: str, face: str, label: str) -> Line2D:
        return Line2D([], [], linestyle="", marker="o", color=color, markerfacecolor=face, label=label)

    return [
        dot(VERMILION, VERMILION, "PacGAN's protocol, here"),
        dot(BLACK, "white", "published"),
        dot(BLUE, BLUE, "one cure, here"),
        Line2D([], [], color=GREY, label="perfect sampler"),
    ]


def _draw_samples(figure: SubFigure, arrays: Arrays, rows: Mapping[str, Method], targets: list[str]) -> None:
    names = list(rows)
    picked = [name for name in ("gan", "pacgan_2", "small_gan", "unrolled_5", "wgan_gp", "together") if name in names]
    grid = figure.subplots(len(targets), len(picked), squeeze=False)
    for place, target in enumerate(targets):
        centres = arrays[f"{target}/centres"]
        limit = 1.25 * float(np.abs(centres).max())
        for ax, name in zip(grid[place], picked, strict=True):
            points = arrays["samples"][names.index(name), place]
            ax.plot(*centres.T, "+", color=VERMILION, markersize=7, markeredgewidth=1.2, zorder=1)
            ax.plot(*points.T, ".", color=BLACK, alpha=0.35, markersize=2.5, zorder=2, rasterized=True)
            ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
            ax.grid(visible=False)
            if place == 0:
                ax.set_title(rows[name].label, fontsize=12)
