"""What critics see: value surfaces, weights and gradients of clipping, a penalty, and two constraints.

Figure: critics trained to tell data from the data plus N(0, I) noise ("fixed generator" mode), as filled contours with the data on top;
one row for each way to hold the Lipschitz constant, one column for each data set. One seed of several is drawn; each panel notes the
means over seeds of the value f and of the largest slope K, and the first panel at the right has f / K of every seed beside W1. Below
it: the weights of the clipped critic and of one with a penalty, and the gradient of the loss at every layer of critics with twelve hidden
layers (bands: the range over seeds).

Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", figure 1; fixed generator as in the authors' toy code, except that both
batches are drawn independently. Critics: weights clipped to ±c (Arjovsky, Chintala & Bottou 2017, algorithm 1), gradient penalty
(equation 3) with the weight of the authors' toy code and with the paper's, spectral normalisation (Miyato et al. 2018), orthonormal layers
with GroupSort (Anil, Lucas & Grosse 2019). The clipped critic of the surfaces starts with weights uniform in [−c, c]: an ordinary
initialisation, clipped, starts with nine weights in ten at the bounds already, and a histogram at the end would not tell what training did.

W1 of the data and its blurred copy is bracketed by exact transport of samples: the cost of the plan of n points is too large in the
mean, the value of its potentials on fresh samples too small (``transport_bounds.wasserstein_bounds``).

Command: ``python -m experiments critic_surfaces``; 64 s on two cores.

Expected: the orthonormal critic comes nearest to W1, spectral normalisation reaches half of it, the clipped critic, over its largest slope,
as little; a penalty of weight λ gives slopes of 1 + W1 / 2λ. With λ = 10 some seeds stay behind: a function of slope one everywhere that
points the wrong way costs no penalty, and turning it round passes slopes of zero, which cost λ. Most clipped weights end at ±c; at depth 12
clipped gradients vanish for c = .001 and .01 and explode for .1, with a penalty they keep their size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, over_seeds, theorem
from experiments.framework.tables import long_rows, per_seed
from gan_jax.metrics.statistics import extent, mean_and_error
from gan_jax.plots.curves import curve_with_band
from gan_jax.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, WIDTH, Look, style
from gan_jax.plots.surfaces import surface
from gan_jax.ranges import AtLeastTwo, Count, Even, Fifties, NonNegative, Positive, Seed


@dataclass(frozen=True)
class Deep:
    """Deep critics on the Swiss roll."""

    deep_layers: Count = 12  # Hidden layers.
    deep_width: Count = 64  # Width of every hidden layer.
    deep_bounds: tuple[Positive, ...] = (0.001, 0.01, 0.1)  # c of weight clipping.
    deep_steps: Fifties = 400  # Updates of each; a multiple of 50.
    deep_rate: Positive = 1e-3  # Learning rate of Adam at the start; it falls to zero as a cosine.
    deep_examples: Count = 1024  # Fresh examples of each law that the gradients are taken on.


@dataclass(frozen=True)
class Config:
    """Three data sets, four critics, and deep ones."""

    seeds: AtLeastTwo = 5  # Independent trainings of every critic.
    noise: NonNegative = 1.0  # Standard deviation of what is added to the data to make the generator's samples.
    width: Even = 64  # Width of every hidden layer; even.
    depth: Count = 3  # Hidden layers.
    steps: Fifties = 2500  # Updates of each critic; a multiple of 50.
    batch_size: Count = 256  # Samples of each law at an update.
    learning_rate: Positive = 2e-3  # Learning rate of Adam at the start; it falls to zero as a cosine.
    orthonormal_rate: Positive = 0.1  # Learning rate of the orthonormal critic, momentum 0.9, decayed alike.
    penalty_weights: tuple[NonNegative, NonNegative] = (0.1, 10.0)
    """λ of the gradient penalty: that of the authors' toy code, and the paper's, which deep critics have too."""

    clip: Positive = 0.01  # Largest absolute weight of the clipped critic.
    held_out: Count = 16384  # Fresh samples of each law that score a critic and the transport's potentials.
    transport_points: Count = 1000  # Samples of each law between which exact transport is computed, O(n³).
    resolution: AtLeastTwo = 61  # Points along each axis of a surface.
    extent: Positive = 3.0  # Surfaces are drawn over [−extent, extent]².
    deep: Deep = field(default_factory=Deep)  # Critics for the gradients at every layer.
    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(
    seeds=2,
    width=8,
    depth=2,
    steps=50,
    batch_size=64,
    held_out=512,
    transport_points=100,
    resolution=21,
    deep=Deep(deep_layers=4, deep_width=8, deep_steps=50, deep_examples=64),
)

DATA = ("8 Gaussians", "25 Gaussians", "Swiss roll")
"""The data sets in the order of their numbers."""


SOURCE = "Gulrajani et al. 2017, figure 1b"


def decades(logs: np.ndarray) -> np.ndarray:
    """How many decades the norm changes by from the last hidden layer down to the first one, ``[…, seeds]``."""
    return logs[..., 1] - logs[..., -1]


def claims_at_depth(arrays: Arrays) -> list[Claim]:
    """Clipping explodes or vanishes, exponentially; the penalty does neither."""
    last = arrays["depth/clipping"].shape[-1] - 1
    between, result = f"(decades from layer {last} to 1)", []
    for bound, logs in zip(arrays["depth/bounds"], arrays["depth/clipping"], strict=True):
        grows, basis = bound >= 0.1, "a decade at least; s.e."
        verb, size, relation = ("explodes", 1.0, AT_LEAST) if grows else ("vanishes", -1.0, AT_MOST)
        what = f"clipping, c = {bound:g}: gradient {verb} {between}"
        result.append(finding(what, SOURCE, size, *over_seeds(decades(logs), 1.0), relation, basis))
        correlation = np.mean([abs(_correlation(seed)) for seed in logs])
        what = f"clipping, c = {bound:g}: exponentially (correlation of log norm and layer)"
        result.append(finding(what, SOURCE, 0.95, correlation, 0.0, AT_LEAST, "0.95 asked for"))
    kept = over_seeds(decades(arrays["depth/penalty"]), 1.0, slack=1.0)
    what = f"GP: gradient keeps its size {between}"
    return [*result, finding(what, SOURCE, 0.0, *kept, EQUAL, "a decade at most; s.e.")]


def _correlation(logs: np.ndarray) -> float:
    """Of the log norm with the layer, over hidden layers."""
    if not np.isfinite(logs).all() or np.ptp(logs[1:]) == 0.0:
        return float("nan")
    return float(np.corrcoef(np.arange(1, logs.size), logs[1:])[0, 1])


def table_at_depth(arrays: Arrays) -> list[TableRow]:
    """The log10 norm at every layer, for every seed."""
    families = [
        *((f"clipping {c:g}", logs) for c, logs in zip(arrays["depth/bounds"], arrays["depth/clipping"], strict=True)),
        ("GP", arrays["depth/penalty"]),
    ]
    layers = [f"log10 gradient norm, layer {layer}" for layer in range(arrays["depth/penalty"].shape[-1])]
    rows: list[TableRow] = []
    for name, logs in families:
        rows += long_rows(logs, {"seed": range(len(logs)), "quantity": layers}, data="swiss roll", critic=name)
    return rows


CRITICS = {
    "clipping": ("weight clipping", Look(ORANGE, marker="D")),
    "penalty_weak": ("GP, weak", Look(SKY, marker="v")),
    "penalty_strong": ("GP, strong", Look(GREEN, marker="^")),
    "spectral": ("spectral norm", Look(PURPLE, marker="s")),
    "orthonormal": ("orthonormal", Look(VERMILION, marker="o")),
}
"""Critics by the name of their arrays: how the figure calls and draws them."""


def at_bounds(weights: np.ndarray) -> np.ndarray:
    """The share of weights within one per cent of the end of their range, ``[seeds]``; for uniform ones it is one per cent."""
    sizes = np.abs(weights)
    return (sizes >= 0.99 * sizes.max(axis=-1, keepdims=True)).mean(axis=-1)


def _efficiency(arrays: Arrays, name: str) -> np.ndarray:
    """The value over the largest slope that was seen, ``[data, seeds]``: what the critic's shape is worth as a 1-Lipschitz function."""
    return arrays[f"{name}/value"] / arrays[f"{name}/lipschitz"]


def claims(arrays: Arrays) -> list[Claim]:
    """Who reaches W1, who does not, where weights end, and what depth does to gradients."""
    result = []
    for data, title in enumerate(DATA):
        result += _of_value(arrays, data, title) + _of_penalty(arrays, data, title)
    certified = arrays["orthonormal/certified"].max()
    result.append(theorem("orthonormal: certified Lipschitz constant", ANIL, 1.0, certified, 1e-5, EQUAL, "float32"))
    clipped, free = (at_bounds(arrays[f"{name}/weights"]).mean() for name in ("clipping", "penalty_strong"))
    what = "clipping: share of weights within 1 % of ±c, from 1 % at the start"
    result.append(finding(what, SOURCE, 0.5, clipped, 0.0, AT_LEAST, "most"))
    what = "gradient penalty: share of weights within 1 % of the end of their range"
    result.append(finding(what, SOURCE, 0.01, free, 0.0, AT_MOST, "as uniform weights"))
    return result + claims_at_depth(arrays)


ANIL = "Anil, Lucas & Grosse 2019"

DUALITY = "Kantorovich–Rubinstein duality"


def _of_value(arrays: Arrays, data: int, title: str) -> list[Claim]:
    """The constrained critics beside the two bounds of W1."""
    (lower, lower_error), (upper, upper_error) = (
        mean_and_error(arrays[f"transport/{side}"][data]) for side in ("lower", "upper")
    )
    reached, error = mean_and_error(arrays["orthonormal/value"][data])
    noise, above = 4.0 * np.hypot(lower_error, upper_error), 4.0 * np.hypot(error, upper_error)
    below, errors = np.hypot(error, lower_error) + 0.03 * lower, "4 standard errors"
    fresh = f"{title}: value of transport's potentials on fresh samples ≤ W1 of the samples"
    bound, reaches = "orthonormal critic's value ≤ W1 of samples", "orthonormal critic reaches the lower bound of W1"
    result = [
        theorem(fresh, f"{DUALITY}; Weed & Bach 2019", upper, lower, noise, AT_MOST, errors),
        theorem(f"{title}: {bound}", DUALITY, upper, reached, above, AT_MOST, errors),
        finding(f"{title}: {reaches}", ANIL, lower, reached, below, AT_LEAST, "s.e. + 3 %"),
    ]
    spectral, clipped = arrays["spectral/value"][data], _efficiency(arrays, "clipping")[data]
    for what, source, values in (
        ("spectral norm: value ≤ the orthonormal critic's", f"{ANIL}, section 3", spectral),
        ("clipping: value / largest slope ≤ the orthonormal critic's", "Gulrajani et al. 2017, figure 1a", clipped),
    ):
        result.append(finding(f"{title}: {what}", source, reached, values.mean(), 0.0, AT_MOST, "below"))
    return result


def _of_penalty(arrays: Arrays, data: int, title: str) -> list[Claim]:
    """A penalty of weight λ is no constraint: a critic a f*, f* of slope one, is worth a W1 − λ (a − 1)², best at a = 1 + W1 / 2λ."""
    low, high = (float(arrays[f"transport/{side}"][data].mean()) for side in ("lower", "upper"))
    result = []
    for name, weight in zip(("penalty_weak", "penalty_strong"), arrays["penalty_weights"], strict=True):
        steep = 1.0 + (low + high) / (4.0 * float(weight))
        slope, value = arrays[f"{name}/slope"][data], arrays[f"{name}/value"][data]
        source = "Gulrajani et al. 2017, equation 3"
        what = f"{title}: GP, λ = {weight:g}: mean slope between data and generator is 1 + W1 / 2λ"
        result.append(finding(what, source, steep, slope.mean(), 0.1 * steep, EQUAL, "10 % asked for"))
        # What a converged critic's value less its penalty is at least; its value all the more.
        least = low + low * low / (4.0 * float(weight))
        what = f"{title}: GP, λ = {weight:g}: value is at least W1 + W1² / 4λ"
        reached = over_seeds(value, 1.0, slack=0.03 * least)
        result.append(finding(what, source, least, *reached, AT_LEAST, "s.e. + 3 %"))
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Bounds of W1, and value, slopes, Lipschitz constants and weights of every critic, for every seed."""
    rows: list[TableRow] = []

    def add(data: str, critic: str, quantity: str, values: np.ndarray) -> None:
        rows.extend(per_seed(values, data=data, critic=critic, quantity=quantity))

    for data, title in enumerate(DATA):
        for quantity in ("lower", "lower_error", "upper"):
            add(title, "exact transport", quantity, arrays[f"transport/{quantity}"][data])
        for name in CRITICS:
            for quantity in ("value", "error", "lipschitz", "certified", "slope"):
                add(title, name, quantity, arrays[f"{name}/{quantity}"][data])
    for name in ("clipping", "penalty_strong"):
        add(DATA[-1], name, "share of weights at the bounds", at_bounds(arrays[f"{name}/weights"]))
    return rows + table_at_depth(arrays)


LOOKS = (Look(BLUE, "--", "v"), Look(ORANGE, "--", "D"), Look(VERMILION, "--", "^"))

PENALTY_LOOK = Look(GREEN, "-", "o")


def draw_depth(ax: Axes, arrays: Arrays) -> None:
    """Norms over the layers, from the last to the input, as the gradient travels."""
    layers = np.arange(arrays["depth/penalty"].shape[-1])
    names = [f"c = {c:g}" for c in arrays["depth/bounds"]]
    for name, look, logs in (
        *zip(names, LOOKS, arrays["depth/clipping"], strict=False),
        ("GP", PENALTY_LOOK, arrays["depth/penalty"]),
    ):
        curve_with_band(ax, layers, *extent(logs), label=name, look=look)
    ax.axhline(0.0, color=GREY, linestyle=":", linewidth=1.8, zorder=1)
    ax.set_xlim(layers[-1] + 0.3, -0.3)
    ax.set_xticks([layer for layer in layers if layer % 3 == 0])
    ax.set(xlabel="layer (0: the input)", ylabel="log10 ‖∂L/∂h‖, relative")
    ax.legend(loc="lower left", handlelength=1.6, fontsize=10, labelspacing=0.3)


def plot(arrays: Arrays) -> Figure:
    """Surfaces at the left; values, weights and gradients at the right."""
    weights = arrays["penalty_weights"]
    names = {
        **{name: label for name, (label, _) in CRITICS.items()},
        "penalty_weak": f"GP, λ = {weights[0]:g}",
        "penalty_strong": f"GP, λ = {weights[1]:g}",
    }
    with style():
        figure = Figure(figsize=(WIDTH, 13.0), layout="constrained")
        left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(2.75, 1.25))[0]
        axes = left.subplots(len(CRITICS), len(DATA), sharex=True, sharey=True)
        for row, (name, label) in zip(axes, names.items(), strict=True):
            for data, ax in enumerate(row):
                value, steepest = (arrays[f"{name}/{q}"][data].mean() for q in ("value", "lipschitz"))
                grid, points = arrays["grid"], arrays["points"][data]
                note = f"f {value:.2g}, K {steepest:.2g}"
                surface(ax, grid, grid, arrays[f"{name}/surface"][data], points=points, note=note)
            row[0].set_ylabel(f"{label}\n$x_2$")
        for data, (title, ax) in enumerate(zip(DATA, axes[0], strict=True)):
            low, high = (arrays[f"transport/{side}"][data].mean() for side in ("lower", "upper"))
            ax.set_title(f"{title}\n{low:.2f} ≤ W1 ≤ {high:.2f}")
        for ax in axes[-1]:
            ax.set_xlabel("$x_1$")
        values, clipping, penalty, depth = right.subplots(4, 1, height_ratios=(1.25, 1.0, 1.0, 1.25))
        _draw_values(values, arrays, names)
        _draw_weights(clipping, arrays["clipping/weights"], ORANGE, "weights: clipping")
        _draw_weights(penalty, arrays["penalty_strong/weights"], GREEN, f"weights: {names['penalty_strong']}")
        draw_depth(depth, arrays)
        depth.set_title("gradients at depth")
    return figure


def _draw_values(ax: Axes, arrays: Arrays, names: Mapping[str, str]) -> None:
    """Value over largest slope of every seed, beside the bounds of W1."""
    efficiency = {name: _efficiency(arrays, name) for name in CRITICS}
    for data in range(len(DATA)):
        low, high = (arrays[f"transport/{side}"][data].mean() for side in ("lower", "upper"))
        ax.fill_between(
            [data - 0.42, data + 0.42], low, high, color=BLACK, linewidth=0, label="W1" if data == 0 else None
        )
        for number, (name, (_, look)) in enumerate(CRITICS.items()):
            values = efficiency[name][data]
            place = np.full(values.size, data + 0.16 * (number - 2))
            label = names[name] if data == 0 else None
            ax.plot(place, values, look.marker, color=look.color, markersize=5, alpha=0.7, label=label)
    ax.axhline(0.0, color=GREY, linestyle=":", linewidth=1.8)
    ax.set_xticks(range(len(DATA)), ["8 G.", "25 G.", "roll"])
    ax.set(title="value f / largest slope K", ylabel="units of the data")
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, fontsize=10, handletextpad=0.2, columnspacing=0.6
    )


def _draw_weights(ax: Axes, weights: np.ndarray, color: str, title: str) -> None:
    """The histogram of all weights, mean over seeds with the range of seeds."""
    end = float(np.abs(weights).max())
    edges = np.linspace(-end, end, 42)
    shares = np.stack([np.histogram(seed, edges)[0] / seed.size for seed in weights])
    middles = 0.5 * (edges[1:] + edges[:-1])
    error = np.stack([shares.mean(axis=0) - shares.min(axis=0), shares.max(axis=0) - shares.mean(axis=0)])
    ax.bar(middles, shares.mean(axis=0), width=edges[1] - edges[0], color=color, yerr=error, ecolor=GREY)
    ax.set(yscale="log", title=title)
    ax.set_xticks([-end, 0.0, end], [f"−{end:.2g}", "0", f"{end:.2g}"])
    ax.set(xlabel="weight (Swiss roll)", ylabel="share")
