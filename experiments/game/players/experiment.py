"""Neither side of the game has to be a neural network: one target, every generator against every discriminator.

Figure: a target of two unequal modes on the line. Left: how far each generator ends from it, W1 in units of x, mean over seeds, for four
generators (rows) against five discriminators and under three distances that need no discriminator (columns). Right: the laws that
some pairs end at, over the target. Generators: a network, particles that are all of them parameters, an affine map of noise, a monotone
table of quantiles. Discriminators: a network (non-saturating), a logistic regression on random Fourier features (non-saturating), a table
of logits (non-saturating), a network with orthonormal layers (its best value is W1), a witness in the unit ball of a Gaussian kernel's
space (its best value is the MMD). Distances: energy, MMD of the same kernel, Sinkhorn.

Goodfellow et al. 2014, section 4 (the theory is that of densities, of any form); Gretton et al. 2012, section 2.3 (the witness); Rahimi &
Recht 2007 (Fourier features); Bellemare et al. 2017 (energy); Li, Swersky & Zemel 2015 (MMD); Genevay, Peyré & Cuturi 2018 (Sinkhorn).

Command: ``python -m experiments players``; 74 s on two cores.

Expected: particles and quantiles come as near to the target as one batch of data is (0.10) with no network on either side, at best 0.02 to
0.04; as many exact samples as are scored here have 0.006. Particles against the histogram table do not (0.34). The affine map stays at the
best Gaussian's distance (0.408) or above; against the non-saturating classifiers it gives up the lighter mode (0.90). The witness's value
is the MMD to within 2 %. One game of a network against it is lost: a quarter of its law ends beyond the grid of landmarks, where f is zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, over_seeds, theorem
from experiments.framework.tables import per_seed
from gan_jax.metrics.statistics import mean_and_error, standard_error
from gan_jax.plots.curves import heatmap
from gan_jax.plots.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, VERMILION, WIDTH, style
from gan_jax.ranges import Count, Even, Positive, Recorded, Seed

GENERATORS = ("network", "particles", "affine", "quantiles")
"""Generators, by their number in the program."""

CRITICS = ("network", "orthonormal", "fourier", "histogram", "witness")
"""Discriminators, by their number in the program; the first two are networks."""

COSTS = ("energy", "mmd", "sinkhorn")
"""Distances that a generator descends with nobody on the other side."""

WEIGHTS, MEANS, DEVIATIONS = np.asarray([0.3, 0.7]), np.asarray([-2.0, 1.0]), np.asarray([0.3, 0.7])
"""The target: a narrow and a wide mode, of unequal weight."""


@dataclass(frozen=True)
class Config:
    """The players and their games."""

    seeds: Count = 5  # Independent games of every pair.
    steps: Recorded = 1500  # Steps of every game; a multiple of ``records``.
    direct_steps: Recorded = 400  # Steps of descent on a distance; a multiple of ``records``.
    records: Count = 10  # How often a game's value is kept.
    discriminator_steps: Count = 2  # Updates of the discriminator at a step.
    batch_size: Count = 256
    """Samples of each law at an update, and the number of particles: every step sees all of them."""

    width: Even = 32  # Width of both hidden layers of every network; even.
    knots: Count = 64  # Knots of the quantile table.
    features: Count = 64  # Random Fourier features.
    bins: Count = 32  # Nodes of the histogram table.
    bandwidth: Positive = 0.5
    """Of the Gaussian kernel: of the Fourier features, of the witness (whose landmarks are as far apart), of the MMD; in units of x."""

    epsilon: Positive = 0.5  # ε of the Sinkhorn divergence, in squared units of x.
    generator_rates: tuple[Positive, Positive, Positive, Positive] = (2e-3, 2e-2, 1e-2, 1e-2)
    """Learning rate of each generator's Adam (network, particles, affine, quantiles) at the start; it decays linearly to zero."""

    discriminator_rates: tuple[Positive, Positive, Positive, Positive, Positive] = (5e-3, 2e-2, 5e-2, 5e-2, 3e-1)
    """The same of each discriminator (network, orthonormal, fourier, histogram, witness)."""

    direct_speed: Positive = 3.0
    """Factor on the generators' rates under a distance: nobody answers, so that they may go faster."""

    held_out: Count = 65536  # Fresh samples of the generator that its W1 to the target is taken from.
    density_bins: Count = 100  # Bins of the laws that are drawn.
    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(
    seeds=2, steps=20, direct_steps=10, records=2, batch_size=32, width=8, knots=8, features=8, bins=8, held_out=1024
)


def _mean_kernel(bandwidth: float, difference: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """``E exp(-X² / 2g²)`` for ``X ~ N(difference, variance)``."""
    wide = bandwidth**2 + variance
    return bandwidth / np.sqrt(wide) * np.exp(-np.square(difference) / (2.0 * wide))


def witness_values(arrays: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The trained witness's value between the target and the affine map's Gaussian, and what it could be.

    Args:
      arrays: of ``players``.

    Returns:
      The value ``E f(x) - E f(G(z))`` of every seed's witness, scaled into the unit ball as the game scales it; the largest such value over
      the span of the landmarks; and over the whole ball, which is the MMD. Each ``[seeds]``.
    """
    g, centres = float(arrays["bandwidth"]), arrays["landmarks"].astype(float)
    pair = GENERATORS.index("affine"), CRITICS.index("witness")
    alphas, affine = arrays["game/alpha"][pair].astype(float), arrays["game/affine"][pair].astype(float)
    gram = _mean_kernel(g, centres[:, None] - centres, np.zeros(()))
    of_target = _mean_kernel(g, centres[:, None] - MEANS, np.square(DEVIATIONS)) @ WEIGHTS
    variances = np.square(DEVIATIONS)[:, None] + np.square(DEVIATIONS)
    within = WEIGHTS @ _mean_kernel(g, MEANS[:, None] - MEANS, variances) @ WEIGHTS
    values, spans, distances = [], [], []
    for alpha, (mean, deviation) in zip(alphas, affine, strict=True):
        variance = np.square(deviation)
        difference = of_target - _mean_kernel(g, centres - mean, variance)
        # The game's own norm is that of float32, right to 1e-6.
        values.append(alpha @ difference / max(1.0, np.sqrt(alpha @ gram @ alpha)))
        spans.append(np.sqrt(difference @ np.linalg.solve(gram, difference)))
        own = _mean_kernel(g, np.zeros(()), 2.0 * variance)
        across = WEIGHTS @ _mean_kernel(g, MEANS - mean, np.square(DEVIATIONS) + variance)
        distances.append(np.sqrt(within + own - 2.0 * across))
    return np.asarray(values), np.asarray(spans), np.asarray(distances)


NAMES = {
    "network": "network",
    "particles": "particles",
    "affine": "affine map",
    "quantiles": "quantile table",
    "orthonormal": "orthonormal net",
    "fourier": "Fourier logistic",
    "histogram": "histogram table",
    "witness": "kernel witness",
    "energy": "energy",
    "mmd": "MMD",
    "sinkhorn": "Sinkhorn",
}

WITHOUT_NETWORK = [
    (generator, critic) for generator in ("particles", "quantiles") for critic in ("fourier", "histogram", "witness")
]
"""Games with no network on either side, and a generator that can represent the target."""


def ends_of(arrays: Arrays, generator: str, opponent: str) -> np.ndarray:
    """W1 at the end of every seed's game, ``[seeds]``."""
    group, names = ("game", CRITICS) if opponent in CRITICS else ("direct", COSTS)
    return arrays[f"{group}/w1"][GENERATORS.index(generator), names.index(opponent)]


def claims(arrays: Arrays) -> list[Claim]:
    """What can be reached without networks, what an affine map cannot reach, and what the witness's value is."""
    return _without_networks(arrays) + _of_the_affine_map(arrays) + _of_the_witness(arrays)


def _without_networks(arrays: Arrays) -> list[Claim]:
    (baseline, baseline_error), result = mean_and_error(arrays["batch_floor"]), []
    source, basis = "Goodfellow et al. 2014, proposition 2: players of any form", "2 standard errors of the difference"
    for generator, opponent in [*WITHOUT_NETWORK, *((g, "energy") for g in ("particles", "quantiles"))]:
        end, error = mean_and_error(ends_of(arrays, generator, opponent))
        pair = f"{NAMES[generator]} × {NAMES[opponent]}"
        what = f"{pair}, no network: W1 at most that of {arrays['batch_size']} exact samples"
        result.append(finding(what, source, baseline, end, 2.0 * np.hypot(error, baseline_error), AT_MOST, basis))
    return result


def _of_the_affine_map(arrays: Arrays) -> list[Claim]:
    best, baselines = arrays["best_gaussian"][0], arrays["floor"]
    affine = np.stack([ends_of(arrays, "affine", opponent) for opponent in (*CRITICS, *COSTS)])
    what, source = "affine map: least W1 of all games ≥ the best Gaussian's", "least absolute deviations of quantiles"
    # |W1(sample, target) − W1(law, target)| ≤ W1(sample, law), which for a law of this width is the sampling baseline.
    basis = f"sampling baseline of {arrays['held_out']} samples"
    bound = theorem(what, source, best, affine.min(), baselines.max(), AT_LEAST, basis)
    ends = over_seeds(ends_of(arrays, "affine", "orthonormal"), 2.0, slack=float(baselines.mean()))
    what = "affine map × orthonormal critic: W1 is the best Gaussian's"
    source = "Arjovsky, Chintala & Bottou 2017: the critic's value is W1"
    return [bound, finding(what, source, best, *ends, EQUAL, "baseline + 2 standard errors")]


def _of_the_witness(arrays: Arrays) -> list[Claim]:
    value, span, mmd = witness_values(arrays)
    gretton, basis = "Gretton et al. 2012", "2 % asked for + 2 standard errors"
    above = "kernel witness: value ≤ exact MMD (largest excess, affine map)"
    share = over_seeds(value / mmd, 2.0, slack=0.02)
    part, least = "MMD over the span of the landmarks / exact MMD (least, affine map)", (span / mmd).min()
    return [
        theorem(above, f"{gretton}, lemma 4", 0.0, (value - mmd).max(), 1e-5, AT_MOST, "float32"),
        finding("kernel witness: value / exact MMD (affine map)", f"{gretton}, section 2.3", 1.0, *share, EQUAL, basis),
        finding(part, "restriction of a supremum", 1.0, least, 1e-3, EQUAL, "0.1 % asked for"),
    ]


def table(arrays: Arrays) -> list[TableRow]:
    """W1 of every pair and seed, mean and standard error of every pair, and the sampling baselines."""
    rows: list[TableRow] = []
    for generator in GENERATORS:
        for opponent in (*CRITICS, *COSTS):
            ends = ends_of(arrays, generator, opponent)
            pair = {"generator": generator, "opponent": opponent}
            rows += per_seed(ends, **pair, quantity="w1")
            for quantity, value in zip(("w1_mean", "w1_standard_error"), mean_and_error(ends), strict=True):
                rows.append({**pair, "quantity": quantity, "seed": "", "value": value})
    for name in ("floor", "batch_floor"):
        shared = {"generator": "exact sampler", "opponent": "", "seed": ""}
        rows.append({**shared, "quantity": name, "value": float(arrays[name].mean())})
    best = {"generator": "best Gaussian", "opponent": "", "quantity": "w1", "seed": ""}
    rows.append({**best, "value": float(arrays["best_gaussian"][0])})
    for name, values in zip(("value", "span", "mmd"), witness_values(arrays), strict=True):
        rows += per_seed(values, generator="affine", opponent="witness", quantity=f"witness_{name}")
    return rows


SHOWN = (
    ("network", "network"),
    ("particles", "fourier"),
    ("quantiles", "witness"),
    ("affine", "orthonormal"),
    ("affine", "network"),
)

COLORS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE)


def plot(arrays: Arrays) -> Figure:
    """W1 of all pairs, and some of the laws over the target."""
    opponents = (*CRITICS, *COSTS)
    matrix = np.asarray([[ends_of(arrays, g, o).mean() for o in opponents] for g in GENERATORS])
    errors = np.asarray([[standard_error(ends_of(arrays, g, o)) for o in opponents] for g in GENERATORS])
    with style():
        figure = Figure(figsize=(WIDTH, 8.2), layout="constrained")
        grid = figure.add_gridspec(2, len(SHOWN), height_ratios=[1.3, 1.0])
        ax = figure.add_subplot(grid[0, :])
        # The palest cell is a perfect score; colours end at the affine map's best, which everything better than is told apart.
        rows, columns = [NAMES[g] for g in GENERATORS], [NAMES[o].replace(" ", "\n", 1) for o in opponents]
        unit, limits = "W1 to the target (units of x)", (0.0, float(arrays["best_gaussian"][0]))
        heatmap(ax, matrix, rows, column_labels=columns, unit=unit, limits=limits, number=".3f")
        ax.tick_params(axis="x", labelsize=11)
        for text, error in zip(list(ax.texts), errors.ravel(), strict=True):
            text.set_text(f"{text.get_text()}\n±{error:.3f}")
            text.set_fontsize(10.5)
        ax.axvline(len(CRITICS) - 0.5, color="white", linewidth=6)
        ax.set_ylabel("generator")
        count, batch = int(arrays["held_out"]), int(arrays["batch_size"])
        ax.set_title(
            f"exact sampler: {arrays['floor'].mean():.3f} ({count:,} samples, as here), "
            f"{arrays['batch_floor'].mean():.3f} ({batch} samples); best Gaussian: {arrays['best_gaussian'][0]:.3f}",
            fontsize=12.5,
        )
        ax.set_xlabel("discriminator; at the right of the line, a distance in its place")
        panels = [figure.add_subplot(grid[1, place]) for place in range(len(SHOWN))]
        for panel, pair, color in zip(panels, SHOWN, COLORS, strict=True):
            _law(panel, arrays, *pair, color)
            panel.sharey(panels[0])
            panel.tick_params(labelleft=panel is panels[0])
        panels[0].set_ylabel("density")
        panels[len(SHOWN) // 2].set_xlabel("x (black: the target; bands: range over seeds)")
    return figure


def _law(ax: Axes, arrays: Arrays, generator: str, critic: str, color: str) -> None:
    """The law that one pair ends at: mean and range over seeds, and the target."""
    edges = arrays["edges"]
    middle, width = 0.5 * (edges[1:] + edges[:-1]), np.diff(edges)
    densities = arrays["game/mass"][GENERATORS.index(generator), CRITICS.index(critic)] / width
    ax.fill_between(middle, densities.min(axis=0), densities.max(axis=0), color=color, alpha=0.3, linewidth=0)
    ax.plot(middle, densities.mean(axis=0), color=color, linewidth=1.8)
    ax.plot(middle, arrays["target_mass"] / width, color=BLACK, linewidth=1.3)
    ax.set_title(f"{NAMES[generator]}\n× {NAMES[critic]}", fontsize=12)
    ax.set_xlim(-4.0, 4.0)
