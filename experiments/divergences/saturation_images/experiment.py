"""On real digits JS says log 2 whatever the pair; Wasserstein says how far: a shift, and all pairs of digit classes.

Figure: first row, one of scikit-learn's 1797 handwritten digits (8 × 8, 17 grey levels) with θ v added, v = (1/8, …,
1/8): every pixel gets θ/8 more ink, and θ = 8 turns white paper black. Second row: half of the digits against the other
half shifted by θ v, no picture on both sides. JS from a discriminator and W1 from an exactly 1-Lipschitz critic, on
held-out pictures; W1 of the two halves by exact transport; the truth. Bands: one standard deviation over splits. Third
row: all pairs of digit classes, JS by a discriminator beside W1 by exact transport between 87 and 87 pictures; the
diagonal of W1 is its sampling baseline ("floor"), two halves of one class, and that of JS, which is 0, is left empty.

v is a unit image, and a darker scan is a change that everybody sees. Moving every picture by θ v costs θ, and the
1-Lipschitz function ⟨v, ·⟩ earns θ, so W1 = θ (Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN", equation 2). Every
digit has a pixel without ink and no shifted one has: the supports are disjoint for every θ > 0, and JS = log 2
(Goodfellow et al. 2014, theorem 1; Arjovsky & Bottou 2017, section 2.1). It is an easy shift: three pixels are empty in
all pictures, and a discriminator that finds them needs no others. Between two halves A and B the triangle inequality
gives |W1(A, B + θv) − θ| ≤ W1(A, B): what sample transport says at θ = 0, its baseline, is the most it errs by anywhere.

A discriminator trains on about 600 pictures a side in the second row and on 116 in the third, and is scored on the
other third of them. A small learning rate and few steps alone hold it back: enough of them for its value on training
pictures to reach log 2 for θ ≥ 1 and for all classes. At small θ it still learns its pictures by heart: what it says of
held-out ones is a lower bound of JS in expectation, and may be below zero. With a learning rate of 5e-3 it comes nearer
to log 2 at θ = 0.25 (about 0.68) and says −0.3 at θ = 0: neither is what the laws are, and more steps do not help.

Command: ``python -m experiments saturation_images``; 36 s on two cores.

Expected: JS = log 2 = .6931 nats for every θ > 0, by the discriminator from θ = 1 on; W1 = θ, by the critic within 3 %
from θ = 1 on; a baseline of 1.26 for the halves; W1(3, 8) = 2.33 below W1(0, 1) = 3.24. Two claims do not hold: at θ up to
a grey level (0.5) and for near classes (5 and 9) the discriminator has too few pictures to come within 0.02 of log 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec

from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, per_seed, theorem
from gan_jax import ranges
from gan_jax.metrics import statistics
from gan_jax.plots.curves import curve_with_band, heatmap, reference_line
from gan_jax.plots.style import EXACT, GREY, ORANGE, SKY, TRAINED, WIDTH, Look, style
from gan_jax.ranges import AtLeastTwo, Count, Even, Fifties, NonNegative, Positive, Range, Seed

SIDE = 8
"""Pixels of a side: the constant unit image is 1 / 8 everywhere."""


@dataclass(frozen=True)
class Config:
    """One shift of all digits, and all pairs of digits."""

    shifts: tuple[NonNegative, ...] = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0)
    """Lengths θ of the shift, rising from 0; in Euclidean norm of images whose pixels go from 0 (no ink) to 1 (full)."""

    digits: tuple[Annotated[int, Range(0, 9)], ...] = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    """The classes that are compared with each other."""

    seeds: AtLeastTwo = 8  # Independent splits of the pictures, each with its own training; at least 2.
    width: Even = 32  # Width of both hidden layers of the discriminator and of the critic; even.
    steps: Fifties = 400  # Updates of each network; a multiple of 50.
    batch_size: Count = 64  # Pictures of each side at an update.
    discriminator_learning_rate: Positive = 1e-3  # Learning rate of D's Adam at the start; it falls as a cosine.
    critic_learning_rate: Positive = 5e-3  # Learning rate of the critic's Adam, whose weights a constraint holds.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        rise = np.diff(self.shifts)
        if not rise.size or self.shifts[0] != 0.0 or not (rise > 0).all() or not 1.0 <= self.shifts[-1] < math.inf:
            raise ValueError(f"shifts is {self.shifts}; expected finite numbers that rise from 0 to at least 1")
        if len(self.digits) < 2 or list(self.digits) != sorted(set(self.digits) & set(range(10))):
            raise ValueError(f"digits is {self.digits}; expected at least two of 0 to 9, rising")
        ranges.check(self)


SMOKE = Config(shifts=(0.0, 1.0, 8.0), digits=(0, 1, 3, 8), seeds=2, width=8, steps=50)


LOG_2 = math.log(2.0)


def claims(arrays: Arrays) -> list[Claim]:
    """What the two halves say of a shift, and the two distances of the classes."""
    return [*_exact_claims(arrays), *_shift_claims(arrays), *_class_claims(arrays)]


def rounding(arrays: Arrays, value: float) -> float:
    """How far a float32 sum of n + m − 1 masses times distances of 64 squares may be from the theorem: eps / 2 a term."""
    terms = arrays["shift/half_sizes"].sum() + arrays["example"].size
    return float(terms * np.finfo(np.float32).eps / 2 * value)


def _exact_claims(arrays: Arrays) -> list[Claim]:
    """Disjoint supports, and the theorems that hold for every split."""
    theta, transport = arrays["shift/theta"].astype(float)[:, None], arrays["shift/transport"]
    rounded = rounding(arrays, transport.max())
    excess = (np.abs(transport - theta) - transport[:1])[1:].max()
    above = (transport - theta - arrays["shift/linear_gap"][None]).min()
    repeated, ink = float(arrays["repeated"]), float(arrays["shift/least_ink"])
    perfect = "Arjovsky & Bottou 2017, section 2.1"
    twice, empty = "pictures that occur twice (on both sides, in two classes)", "most ink in a picture's emptiest pixel"
    upper, lower = "|W1(A, B + θv) − θ| − W1(A, B)", "W1(A, B + θv) − θ − ⟨v, mean B − mean A⟩"
    return [
        theorem(f"{twice}: JS of classes is log 2", perfect, 0.0, repeated, 0.0, EQUAL, "exact"),
        theorem(f"{empty}: JS is log 2 for every θ > 0", perfect, 0.0, ink, 0.0, EQUAL, "exact"),
        theorem(f"halves: largest {upper}", "triangle inequality", 0.0, excess, rounded, AT_MOST, "rounding"),
        theorem(f"halves: least {lower}", "duality, with ⟨v, ·⟩", 0.0, above, rounded, AT_LEAST, "rounding"),
    ]


def _shift_claims(arrays: Arrays) -> list[Claim]:
    """Trained values over the shift against the truth."""
    theta = arrays["shift/theta"].astype(float)
    far = theta >= 1.0
    js, w1 = (arrays[f"shift/{name}"].mean(axis=1) for name in ("js", "w1"))
    js_noise, w1_noise = (standard_error(arrays[f"shift/{name}_standard_error"]) for name in ("js", "w1"))
    goodfellow, duality = "Goodfellow et al. 2014, theorem 1", "Kantorovich–Rubinstein duality"
    short, nats, noise = "shift: largest log 2 − trained JS", "0.02 nats, mean over seeds", "4 standard errors"
    bound = "is a lower bound (largest excess in standard errors)"
    off, error = float(np.abs(w1[far] / theta[far] - 1).max()), "largest relative error of trained W1 from θ = 1 on"
    return [
        finding(f"{short} from θ = 1 on", goodfellow, 0.0, LOG_2 - js[far].min(), 0.02, EQUAL, nats),
        finding(f"{short} for all θ > 0", goodfellow, 0.0, LOG_2 - js[1:].min(), 0.02, EQUAL, nats),
        theorem(f"shift: trained JS at θ = 0 {bound}", goodfellow, 0.0, (js / js_noise)[0], 4.0, AT_MOST, noise),
        finding(f"shift: {error}", duality, 0.0, off, 0.03, EQUAL, "3 %, mean over seeds"),
        theorem(f"shift: trained W1 {bound}", duality, 0.0, ((w1 - theta) / w1_noise).max(), 4.0, AT_MOST, noise),
    ]


def _class_claims(arrays: Arrays) -> list[Claim]:
    """What JS and W1 tell of the classes."""
    digits = arrays["classes/digits"].tolist()
    pairs = list(combinations(range(len(digits)), 2))
    js, transport, baseline = (arrays[f"classes/{name}"] for name in ("js", "transport", "floor"))
    larger = np.stack([np.maximum(baseline[i], baseline[j]) for i, j in pairs])
    of_js, of_w1 = (float(values.mean(axis=1).std() / values.mean()) for values in (js, transport))
    short = LOG_2 - js.mean(axis=1)
    above = float(less_noise(transport - larger).min())
    perfect, nats, halves = "Arjovsky & Bottou 2017, section 2.1", "0.02 nats, mean over seeds", "delete-half jackknife"
    seen = "Arjovsky, Chintala & Bottou 2017, section 2"
    relative = "classes: standard deviation over pairs / mean, of trained JS against W1"
    result = [
        finding("classes: mean log 2 − trained JS over pairs", perfect, 0.0, short.mean(), 0.02, EQUAL, nats),
        finding("classes: largest log 2 − trained JS of a pair", perfect, 0.0, short.max(), 0.02, EQUAL, nats),
        finding(relative, seen, of_w1, of_js, 0.0, AT_MOST, "the same pairs"),
        finding("classes: least W1 − floor, less 4 standard errors", seen, 0.0, above, 0.0, AT_LEAST, halves),
    ]
    named = [(digits[i], digits[j]) for i, j in pairs]
    if (0, 1) in named and (3, 8) in named:
        far, near = named.index((0, 1)), named.index((3, 8))
        w1_gap, js_gap = float(less_noise((transport[far] - transport[near])[None])[0]), js[far] - js[near]
        noise = float(4 * statistics.standard_error(js_gap))
        what, errors = "classes: W1(0, 1) − W1(3, 8), less 4 standard errors", "4 standard errors over seeds"
        result += [
            finding(what, "3 and 8 look more alike than 0 and 1", 0.0, w1_gap, 0.0, AT_LEAST, halves),
            finding("classes: trained JS(0, 1) − JS(3, 8)", perfect, 0.0, js_gap.mean(), noise, EQUAL, errors),
        ]
    return result


def standard_error(errors: np.ndarray) -> np.ndarray:
    """Of a mean over seeds, from every seed's own ``[members, seeds]``.

    Splits are drawn independently. Given its critic, a split's held-out pictures are a random partition of what it did
    not train on: the difference of the two sides' means then has just the variance of independent samples.
    """
    return np.sqrt(np.square(errors).mean(axis=1) / errors.shape[1])


def less_noise(differences: np.ndarray) -> np.ndarray:
    """Means ``[rows]`` of ``[rows, seeds]`` less four standard errors.

    A seed looks at a random half of each class. The deviation between such halves, not divided by the root of their
    number, is the standard error of a value from the whole class: the mean of n / 2 of n points has variance
    (1 − 1/2) S² / (n / 2) = S² / n (the delete-half jackknife of Shao & Wu 1989).
    """
    return differences.mean(axis=1) - 4 * statistics.standard_deviation(differences, 1)


def table(arrays: Arrays) -> list[TableRow]:
    """Every scalar of every shift and pair, long format."""
    digits = arrays["classes/digits"].tolist()
    members = {
        "shift": [f"{theta:g}" for theta in arrays["shift/theta"]],
        "classes": [f"{a} {b}" for a, b in combinations(digits, 2)],
    }
    rows: list[TableRow] = []
    for name, values in arrays.items():
        part, _, quantity = name.partition("/")
        if values.ndim != 2 or not quantity:
            continue
        labels = [f"{digit} {digit}" for digit in digits] if quantity == "floor" else members[part]
        for label, entries in zip(labels, values, strict=True):
            rows += per_seed(entries, part=part, member=label, quantity=quantity)
    return rows


def plot(arrays: Arrays) -> Figure:
    """Shifted pictures above, JS and W1 over the shift, and the two matrices of the classes."""
    labels = [str(digit) for digit in arrays["classes/digits"]]
    diagonal = np.full(len(labels), np.nan)
    js = _matrix(arrays["classes/js"].mean(axis=1), diagonal)
    w1 = _matrix(arrays["classes/transport"].mean(axis=1), arrays["classes/floor"].mean(axis=1))
    with style():
        figure = Figure(figsize=(WIDTH, 10.2), layout="constrained")
        figure.suptitle("a shift by θ: θ/8 more ink in every pixel", fontsize=14)
        rows = figure.add_gridspec(3, 1, height_ratios=(1.1, 3.5, 4.5))
        _pictures(figure, rows[0], arrays)
        above, below = (row.subgridspec(1, 2) for row in (rows[1], rows[2]))
        _js(figure.add_subplot(above[0]), arrays)
        _w1(figure.add_subplot(above[1]), arrays)
        left, right = (figure.add_subplot(below[column]) for column in range(2))
        by_network, by_transport = "digit classes: JS by a trained D", "digit classes: W1 by exact transport"
        heatmap(left, js, labels, title=by_network, unit="JS (nats), up to log 2", limits=(0.0, LOG_2))
        heatmap(right, w1, labels, title=by_transport, unit="W1 (units of full ink)")
        for ax in (left, right):
            ax.set(xlabel="digit", ylabel="against digit")
    return figure


def _matrix(values: np.ndarray, diagonal: np.ndarray) -> np.ndarray:
    """The symmetric matrix with ``values`` of the pairs above and below the diagonal."""
    matrix = np.diag(diagonal.astype(float))
    for (i, j), value in zip(combinations(range(len(diagonal)), 2), values, strict=True):
        matrix[i, j] = matrix[j, i] = value
    return matrix


def _pictures(figure: Figure, where: SubplotSpec, arrays: Arrays) -> None:
    """One digit with θ v added, black at twice full ink."""
    thetas, picture = arrays["shift/theta"], arrays["example"]
    shown = thetas[np.unique(np.linspace(0, len(thetas) - 1, 9).round().astype(int))]
    columns = where.subgridspec(1, len(shown))
    for column, theta in enumerate(shown):
        ax = figure.add_subplot(columns[column])
        ax.imshow(picture + theta / SIDE, cmap="gray_r", vmin=0.0, vmax=2.0)
        ax.set_title(f"θ = {theta:g}")
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set_visible(True)


def _js(ax: Axes, arrays: Arrays) -> None:
    theta = arrays["shift/theta"]
    ax.plot(theta, np.where(theta > 0, LOG_2, np.nan), label="truth: log 2 for θ > 0, else 0", **EXACT.line_arguments())
    ax.plot([0.0], [0.0], "o", color=EXACT.color, markersize=9)
    _banded(ax, arrays, "js_training", "D on its training pictures", Look(ORANGE, linestyle=":", order=3.5))
    _banded(ax, arrays, "js", "D on held-out pictures", TRAINED)
    reference_line(ax, LOG_2, "log 2")
    _label(ax, "JS (nats)")
    ax.legend(loc="lower right")


def _w1(ax: Axes, arrays: Arrays) -> None:
    theta, baseline = arrays["shift/theta"], float(arrays["shift/transport"][0].mean())
    ax.plot(theta, theta, label="truth: θ", **EXACT.line_arguments())
    low, high = np.maximum(theta - baseline, 0.0), theta + baseline
    ax.fill_between(theta, low, high, color=GREY, alpha=0.15, linewidth=0, label="truth ± floor")
    _banded(ax, arrays, "transport", "exact transport of the halves", Look(SKY, marker="s", order=3.0))
    _banded(ax, arrays, "w1", "1-Lipschitz critic, held out", TRAINED)
    reference_line(ax, baseline, f"floor {baseline:.2f}: the halves at θ = 0")
    _label(ax, "W1 (units of full ink)")
    # Room for the legend above the curves.
    ax.set_ylim(-0.05 * theta[-1], 1.4 * theta[-1])
    ax.legend(loc="upper left")


def _banded(ax: Axes, arrays: Arrays, name: str, label: str, look: Look) -> None:
    values = arrays[f"shift/{name}"]
    found = statistics.band(values, 1, of=statistics.standard_deviation)
    curve_with_band(ax, arrays["shift/theta"], *found, label=label, look=look)


def _label(ax: Axes, y_label: str) -> None:
    ax.set(title="half the digits, the other half shifted", xlabel="shift θ (units of full ink)", ylabel=y_label)
