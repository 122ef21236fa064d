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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding
from gan_jax import ranges
from gan_jax.metrics import statistics
from gan_jax.plots.images import image_grid
from gan_jax.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, WIDTH, style
from gan_jax.ranges import AtLeastTwo, Count, Decay, NonNegative, Positive, Seed, different_names

CHANNELS, CLASSES = 3, 10

MODES = CLASSES**CHANNELS


class Method(NamedTuple):
    """A method.

    Attributes:
      label: as the figure names it.
      steps: from the configuration.
      cost: about the milliseconds of one step on one core, for the estimate of the time left.
      published: modes, and the least and the largest KL, of the same method on stacked MNIST.
    """

    label: str
    steps: Callable[[Config], int]
    cost: float
    published: tuple[float, float, float]


ROWS: dict[str, Method] = {
    "dcgan": Method("DCGAN", attrgetter("steps"), 4.0, (78.9, 4.50, 4.50)),
    "pacdcgan_2": Method("PacDCGAN2", attrgetter("steps"), 7.0, (1000.0, 0.06, 0.06)),
    "wgan_gp": Method("WGAN-GP", attrgetter("wgan_steps"), 30.0, (959.0, 0.73, 0.73)),
    "non_saturating": Method("non-saturating + R1 + R2", attrgetter("long_steps"), 8.0, (693.0, 0.927, 0.927)),
    "relativistic": Method("relativistic + R1 + R2", attrgetter("long_steps"), 8.0, (1000.0, 0.029, 0.078)),
}
"""The methods by name, in the figure's order; the numbers are those of stacked MNIST (28 × 28)."""

QUANTITIES = ("covered", "reproduced", "reverse_kl", "reverse_kl_error", "jensen_shannon")
"""What is kept of a histogram; names of its fields."""

FEWEST = 5 * MODES
"""Pictures below which a perfect sampler would miss modes."""


@dataclass(frozen=True)
class Config:
    """Five methods on one data set."""

    rows: tuple[str, ...] = tuple(ROWS)  # Methods, in the order of the figure.
    steps: Count = 30_000  # Generator steps of DCGAN and PacDCGAN2.
    wgan_steps: Count = 30_000  # Generator steps of WGAN-GP.
    critic_steps: Count = 5  # Critic updates at each of them.
    long_steps: AtLeastTwo = 30_000  # Steps of the last two methods.
    seeds: Count = 8  # Independent games of every method.
    width: Count = 32  # Channels of the generator's finest layer.
    critic_width: Count = 64  # Channels of the discriminator's finest layer.
    latent: Count = 64  # Dimension of the noise.
    batch_size: AtLeastTwo = 64  # Examples of each kind at an update.
    rate: Positive = 1e-3  # Learning rate of both players' Adam in WGAN-GP and the last two methods, before it decays.
    penalty_weight: NonNegative = 0.05  # Weight of R1 + R2.
    penalty_every: Count = 4  # R1 + R2 are computed at every so many updates, and weigh so many times more.
    ema_decay: Decay = 0.999  # Decay rate of the moving average of the generator's parameters, in the last two methods.
    samples: Count = 26_000  # Generated pictures at every record.
    records: Count = 8  # How many times a game is looked at; the steps between rise geometrically.
    shown: Count = 16  # Pictures of every method that the figure shows.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        different_names("rows", self.rows, ROWS)
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


BEST = "relativistic"


def claims(arrays: Arrays) -> list[Claim]:
    """The sampling baseline, what the best method does, and what papers say of packing and of relativistic pairing."""
    rows, n = arrays["rows"].tolist(), int(arrays["n"])
    noise = math.sqrt(0.5 * (MODES - 1)) / n
    exact, real = arrays["exact_floor"], arrays["floor_reverse_kl"]
    what, source = f"KL of real stacks through the classifier, {n:,} of them", "exact: a perfect sampler's mean"
    # The classifier errs now and then, and digits are not all equally many: nearly a theorem.
    result = [finding(what, source, exact, real, 4.0 * noise, EQUAL, "4 standard errors")]
    if BEST in rows:
        seeds, number = arrays["reverse_kl"].shape[-1], rows.index(BEST)
        played = f"{seeds} seed{'s' if seeds > 1 else ''}, {int(arrays['moments'][number, -1]):,} steps"
        label = f"{ROWS[BEST].label}, {played}"
        fewest, most = arrays["covered"][number, -1].min(), arrays["reverse_kl"][number, -1].max()
        source = "Huang et al. 2024 (R3GAN), on stacked MNIST"
        # Those numbers are of another data set: what is expected of these games is a guess from them, and no replication.
        result.append(finding(f"{label}: fewest modes", source, MODES, fewest, 0.0, AT_LEAST, "a count"))
        what, source = f"{label}: largest KL at {n:,} pictures", "Lin et al. 2018 (PacGAN), PacDCGAN2 on stacked MNIST"
        result.append(finding(what, source, 0.06, most, 0.0, AT_MOST, "as measured"))
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
    gap = far.mean() - near.mean()
    ahead = float(gap) - 2.0 * math.hypot(_error(far, errors[0]), _error(near, errors[1]))
    fewer, more = (arrays["covered"][number, -1].mean() for number in (worse, better))
    what = f"KL: {labels[0]} − {labels[1]}, less 2 standard errors"
    basis = f"2 s.e., {far.size} seed{'s' * (far.size > 1)}"
    against = f"modes: {labels[1]}, against {labels[0]}"
    return [
        finding(what, source, 0.0, ahead, 0.0, AT_LEAST, basis),
        finding(against, source, fewer, more, 0.0, AT_LEAST, "means over seeds"),
    ]


def _error(values: np.ndarray, own: np.ndarray) -> float:
    """Standard error of the mean over seeds; of one seed, and at least, that of drawing."""
    drawing = float(np.sqrt(np.mean(own**2) / values.size))
    return drawing if values.size < 2 else max(drawing, float(statistics.standard_error(values)))


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


COLORS = {"dcgan": GREY, "pacdcgan_2": ORANGE, "wgan_gp": PURPLE, "non_saturating": BLUE, "relativistic": VERMILION}

MARKERS = {"dcgan": "s", "pacdcgan_2": "D", "wgan_gp": "^", "non_saturating": "v", "relativistic": "o"}

AIM = 0.06
"""KL that the best method should come below: PacDCGAN2's on stacked MNIST."""

COLUMNS = (0.44, 0.54, 0.73, 0.87, 0.985)
"""Right ends of the table's numbers, as shares of its width."""


def plot(arrays: Arrays) -> Figure:
    """Timelines, the table, the shares of digits, and pictures."""
    rows = {name: ROWS[name] for name in arrays["rows"].tolist()}
    heights = (3.7, 0.9 + 0.34 * (len(rows) + 1), 0.9 + 0.34 * (len(rows) + 1), 0.5 * (len(rows) + 1))
    with style():
        figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
        parts = figure.subfigures(4, 1, squeeze=False, height_ratios=heights)[:, 0]
        left, right = parts[0].subplots(1, 2)
        _timeline(left, arrays, rows, "covered")
        _timeline(right, arrays, rows, "reverse_kl")
        _modes_axis(left)
        _kl_axis(right, float(arrays["floor_reverse_kl"]))
        parts[0].legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=3)
        _table(parts[1].subplots(), arrays, rows)
        _shares(parts[2], arrays, rows)
        _pictures(parts[3], arrays, rows)
    return figure


def _timeline(ax: Axes, arrays: Arrays, rows: Mapping[str, Method], quantity: str) -> None:
    """Means over seeds, and a band from the least to the largest."""
    for number, (name, row) in enumerate(rows.items()):
        x, values = arrays["moments"][number], arrays[quantity][number]
        ax.fill_between(x, values.min(axis=1), values.max(axis=1), color=COLORS[name], alpha=0.2, linewidth=0)
        ax.plot(x, values.mean(axis=1), color=COLORS[name], marker=MARKERS[name], markersize=5.5, label=row.label)
    ax.set(xscale="log", xlabel="generator steps")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def _modes_axis(ax: Axes) -> None:
    ax.axhline(1000, color=GREY, linestyle=":", linewidth=1.8, zorder=1)
    ax.set(ylim=(0, 1060), ylabel="modes covered, of 1000")


def _kl_axis(ax: Axes, baseline: float) -> None:
    ax.set(yscale="log", ylim=(min(0.8 * baseline, 0.015), 10.0))
    for level, color, text in ((baseline, GREY, f"real stacks {baseline:.4f}"), (AIM, GREEN, f"{AIM:g}")):
        ax.axhline(level, color=color, linestyle=":", linewidth=1.8, zorder=1)
        frame = ("axes fraction", "data")
        ax.annotate(text, (0.0, level), (4, 3), frame, "offset points", color=color, fontsize=11)
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_ylabel("KL to uniform (nats)")


def _table(ax: Axes, arrays: Arrays, rows: Mapping[str, Method]) -> None:
    """Text in columns: ours, and on grey the published ones."""
    seeds, n = arrays["reverse_kl"].shape[-1], int(arrays["n"])
    ax.set(xlim=(0, 1), ylim=(len(rows) + 2.8, 0))
    ax.axis("off")
    ax.axvspan(0.755, 1.0, color="#EFEFEF", zorder=0)
    ax.text(0.54, 0.5, f"here: digits 8 × 8, {n:,} pictures", ha="center", va="center", weight="bold")
    ax.text(0.8775, 0.5, "published: MNIST 28 × 28", ha="center", va="center", weight="bold", fontsize=11.5)
    _line(ax, 1.4, "", ("steps × seeds", "modes", "KL", "modes", "KL"), GREY)
    modes, kl = f"{float(arrays['floor_covered']):g}", f"{float(arrays['floor_reverse_kl']):.4f}"
    _line(ax, 2.3, "real stacks", ("", modes, kl, "", ""), "black")
    for number, (name, row) in enumerate(rows.items()):
        covered, values = arrays["covered"][number, -1], arrays["reverse_kl"][number, -1]
        error = f" ± {statistics.standard_error(values):.3f}" if seeds > 1 else ""
        their_modes, low, high = row.published
        theirs = f"{low:g}" if low == high else f"{low:g}–{high:g}"
        extra = f", {int(arrays['critic_steps'])} critic steps" if name == "wgan_gp" else ""
        cells = (
            f"{int(arrays['moments'][number, -1]):,} × {seeds}",
            f"{covered.mean():.5g}",
            f"{values.mean():.3f}{error}",
            f"{their_modes:g}",
            theirs,
        )
        _line(ax, 3.2 + number, row.label + extra, cells, COLORS[name])


def _line(ax: Axes, y: float, label: str, cells: tuple[str, ...], color: str) -> None:
    ax.text(0.005, y, label, va="center", color=color)
    for x, text in zip(COLUMNS, cells, strict=True):
        ax.text(x, y, text, ha="right", va="center", color=GREY if color == GREY and not label else "black")


def _shares(part: SubFigure, arrays: Arrays, rows: Mapping[str, Method]) -> None:
    """How often every digit is drawn in every channel, of all seeds together."""
    shares = np.concatenate([arrays["real_shares"][None], arrays["shares"].mean(axis=1)])
    # Digits that are never drawn are at the end of the scale.
    logs = np.log2(np.maximum(10.0 * shares, 0.25)).reshape(len(shares), -1)
    ax = part.subplots()
    image = ax.imshow(logs, cmap="RdBu_r", vmin=-1.0, vmax=1.0, aspect="auto")
    for edge in (9.5, 19.5):
        ax.axvline(edge, color="black", linewidth=1.5)
    ax.set_yticks(range(len(shares)), ["real stacks", *(row.label for row in rows.values())])
    ax.set_xticks(range(30), [str(digit) for _ in range(3) for digit in range(10)])
    ax.set_title("share of every digit in the red, the green and the blue channel", fontsize=13)
    ax.grid(visible=False)
    bar = part.colorbar(image, ax=ax, ticks=[-1, 0, 1], extend="both", pad=0.01)
    bar.ax.set_yticklabels(["1/20", "1/10", "1/5"])


def _pictures(part: SubFigure, arrays: Arrays, rows: Mapping[str, Method]) -> None:
    """A strip of every method's pictures, from the first seed."""
    strips = [arrays["real"], *arrays["pictures"]]
    labels = ["real stacks", *(row.label for row in rows.values())]
    axes = part.subplots(len(strips), 1, squeeze=False)[:, 0]
    for ax, strip, label in zip(axes, strips, labels, strict=True):
        image_grid(ax, strip, columns=len(strip))
        ax.text(-0.01, 0.5, label, transform=ax.transAxes, ha="right", va="center", fontsize=12)
