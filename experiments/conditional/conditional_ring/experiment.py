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
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.conditional.heads import Head
from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, over_seeds, theorem
from experiments.framework.tables import wide_rows
from gan_jax.metrics import statistics
from gan_jax.metrics.statistics import mean_and_error
from gan_jax.plots.curves import curve_with_band, reference_line
from gan_jax.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, WIDTH, Look, style
from gan_jax.ranges import Count, Decay, NonNegative, Positive, Recorded, Seed, different_names

THRESHOLD = 3.0
"""Standard deviations within which a sample is good."""


ROWS: dict[str, Head] = {
    "unconditional": Head("D does not see the label", "unconditional"),
    "concatenation": Head("beside the example", "concatenation"),
    "concatenation_wrong": Head("beside it, with wrong pairs", "concatenation", 0.5),
    "projection": Head("as a projection", "projection"),
    "projection_wrong": Head("projection, with wrong pairs", "projection", 0.5),
    "auxiliary": Head("as a class to tell", "auxiliary"),
}
"""By name, in the figure's order."""


@dataclass(frozen=True)
class Config:
    """One ring, six ways to see a label."""

    rows: tuple[str, ...] = tuple(ROWS)  # Which of them.
    modes: Count = 8  # Gaussians on the ring, and labels.
    radius: Positive = 1.0  # Radius of the ring.
    scale: Positive = 0.05  # Standard deviation of a mode.
    width: Count = 64  # Width of the hidden layers of both networks.
    embedding: Count = 16  # Width of a label's vector, in either network.
    latent: Count = 2  # Dimension of the noise.
    batch_size: Count = 256  # Examples of each kind at an update.
    rate: Positive = 2e-3  # Learning rate of both players' Adam(0, .99), before it decays linearly.
    penalty_weight: NonNegative = 0.05  # Weight of R1 + R2.
    ema_decay: Decay = 0.995  # Decay rate of the moving average of the generator's parameters.
    steps: Recorded = 3000  # Steps of every game; a multiple of ``records``.
    records: Count = 20  # How many times a game is looked at.
    samples: Count = 250  # Samples of every label, at every look.
    shown: Count = 60  # Points that the figure has.
    seeds: Count = 10  # Games of every row.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        different_names("rows", self.rows, ROWS)
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
        if ROWS[name].head == "unconditional":
            result += _at_chance(ROWS[name].label, course(arrays, name), modes)
        else:
            result += _on_its_mode(ROWS[name].label, course(arrays, name), modes, samples)
    for name in ("concatenation", "projection"):
        both = (name, f"{name}_wrong")
        if set(both) <= set(arrays["rows"].tolist()):
            (plain, plain_error), (wrong, wrong_error) = (mean_and_error(course(arrays, one).kl[-1]) for one in both)
            what = f"{ROWS[name].label}: conditional KL with wrong pairs, against without, nats"
            within = 2.0 * math.hypot(plain_error, wrong_error)
            result.append(finding(what, "Reed et al. 2016, section 4.1", plain, wrong, within, AT_MOST, "2 s.e."))
    return result


def _at_chance(label: str, found: Course, modes: int) -> list[Claim]:
    last = found.accuracy[-1]
    if last.size < 2:
        return []
    what, source = f"{label}: share of samples in the mode of their label", "by symmetry: no mode is any label's"
    return [theorem(what, source, 1.0 / modes, *over_seeds(last, 4.0, student=True), EQUAL, "4 s.e., Student's t")]


def _on_its_mode(label: str, found: Course, modes: int, samples: int) -> list[Claim]:
    accuracy, quality, information = (part[-1].min() for part in (found.accuracy, found.quality, found.information))
    mode, centre = "least share of samples in the mode of their label", "least share within 3 σ of the label's centre"
    both, slack = "mutual information of label and mode, nats", 4.0 / (modes * samples)
    mirza, exact = "Mirza & Osindero 2014, equation 2", f"exact: log {modes} where every label is on its mode"
    perfect, four = "a perfect sampler: 98.89 %", "every seed; four samples"
    return [
        finding(f"{label}: {mode}", mirza, 1.0, accuracy, slack, AT_LEAST, four),
        finding(f"{label}: {centre}", perfect, 0.95, quality, 0.0, AT_LEAST, "every seed"),
        finding(f"{label}: {both}", exact, math.log(modes), information, 0.01, EQUAL, "every seed; .01 nats"),
    ]


def table(arrays: Arrays) -> list[TableRow]:
    """Every number of every game at every record."""
    rows: list[TableRow] = []
    for name in arrays["rows"].tolist():
        found = course(arrays, name)
        axes = {"step": arrays["steps"].tolist(), "seed": range(found.kl.shape[1])}
        rows += wide_rows(found._asdict(), axes, row=name)
    return rows


LABELS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)
"""Of the labels."""

LOOKS = {
    "unconditional": Look(GREY, "-", "s"),
    "concatenation": Look(BLUE, "-"),
    "concatenation_wrong": Look(BLUE, "--"),
    "projection": Look(VERMILION, "-"),
    "projection_wrong": Look(VERMILION, "--"),
    "auxiliary": Look(GREEN, "-"),
}


def plot(arrays: Arrays) -> Figure:
    """A picture of samples for each row; below, accuracy and information over training."""
    rows = arrays["rows"].tolist()
    with style():
        columns = 3
        lines = math.ceil(len(rows) / columns)
        figure = Figure(figsize=(WIDTH, 3.5 * lines + 4.0), layout="constrained")
        parts = figure.subfigures(2, 1, squeeze=False, height_ratios=(3.5 * lines, 4.0))[:, 0]
        axes = parts[0].subplots(lines, columns, squeeze=False)
        for ax in axes.ravel()[len(rows) :]:
            ax.set_axis_off()
        for ax, name in zip(axes.ravel(), rows, strict=False):
            _draw_samples(ax, arrays, name)
        accuracy, information = parts[1].subplots(1, 2)
        modes = int(arrays["modes"])
        for name in rows:
            found = course(arrays, name)
            _draw_course(accuracy, arrays["steps"], found.accuracy, LOOKS[name], ROWS[name].label)
            _draw_course(information, arrays["steps"], found.information, LOOKS[name], "")
        accuracy.axhline(1.0 / modes, color=GREY, linestyle=":", linewidth=1.8)
        place = {"xy": (1.0, 1.0 / modes), "xycoords": ("axes fraction", "data"), "xytext": (-2, 4)}
        look = {"textcoords": "offset points", "ha": "right", "color": GREY, "fontsize": "small"}
        accuracy.annotate(f"chance, 1/{modes}", **place, **look)
        reference_line(information, math.log(modes), f"log {modes}")
        accuracy.set(title="samples in their label's mode", xlabel="generator steps", ylabel="share", ylim=(0.0, 1.04))
        most = 1.08 * math.log(modes)
        information.set(title="I(label; mode)", xlabel="generator steps", ylabel="nats", ylim=(0.0, most))
        seeds = arrays[f"{rows[0]}/quality"].shape[1]
        title = f"means over {seeds} games, bands: 2 standard errors"
        parts[1].legend(loc="outside lower center", ncols=3, fontsize=11, title=title)
    return figure


def _draw_samples(ax: Axes, arrays: Arrays, name: str) -> None:
    radius, scale, modes = float(arrays["radius"]), float(arrays["scale"]), int(arrays["modes"])
    for label, points in enumerate(arrays[f"{name}/points"]):
        color = LABELS[label % len(LABELS)]
        angle = 2.0 * math.pi * label / modes
        centre = radius * np.array([math.cos(angle), math.sin(angle)])
        round_ = np.linspace(0.0, 2.0 * math.pi, 61)
        edge = centre[:, None] + THRESHOLD * scale * np.stack([np.cos(round_), np.sin(round_)])
        ax.plot(*edge, color=color, linewidth=1.2)
        ax.text(1.32 * centre[0], 1.32 * centre[1], str(label), color=color, ha="center", va="center", fontsize=11)
        ax.plot(*points.T, linestyle="none", marker="o", markersize=2.2, markeredgewidth=0, alpha=0.7, color=color)
    reach = 1.6 * radius
    found = course(arrays, name)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])
    ax.set_title(f"{ROWS[name].label}\n{100 * found.quality[-1].mean():.0f} % within 3 σ", fontsize=12)


def _draw_course(ax: Axes, steps: np.ndarray, values: np.ndarray, look: Look, label: str) -> None:
    curve_with_band(ax, steps, *statistics.band(values, 1, times=2.0), look=look, label=label or None)
