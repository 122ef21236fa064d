"""What a critic says falls as pictures get better; what a minimax discriminator says has little to do with them.

Figure: a column for each generator: a perceptron, a DCGAN, and a frozen one, an untrained DCGAN whose learning rate is 0, so that
only the discriminator learns. Rows: the Jensen–Shannon divergence by the discriminator of the minimax game, with its largest value log
2; W1 by the critic of WGAN-GP; the quality of the pictures, KID of both games; pictures of one seed at four moments, the same latents
each time; and Spearman's rank correlation of estimate and KID along training, a dot for each seed, bars of two standard errors. Lines
are means, bands one standard deviation over seeds. Solid estimates are on pictures that the discriminator learned from, as a loss curve
shows them; dashed ones on test pictures that it never saw, lower bounds in expectation.

Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN", section 4.2, figures 3 and 4: the critic's estimate falls as samples get better
and stays where training fails; the JS estimate stays near log 2 or rises, whether they do or not. Here on the 8 × 8 digits: players
learn from the training pictures, and KID, on the features of a classifier of the same training pictures, compares the generator's last
parameters (no moving average, since the discriminator scores the last ones) with the test pictures. Minimax is Goodfellow et al. 2014,
algorithm 1, with one discriminator step and Radford et al. 2016's Adam; WGAN-GP is Gulrajani et al. 2017, algorithm 1, with five critic
steps and five times their rate, for small pictures and a short run. Both discriminators are DCGAN's without normalisation. Step 0 is
the untrained generator, after the discriminator has learned against it for a while and the statistics of its batch norm have settled.
Steps are updates of the generator; records are spaced evenly in their logarithm.

A critic under a gradient penalty is not quite 1-Lipschitz: "slope" is the largest gradient norm that was met on lines between real and
generated pictures, over all records and seeds; divided by it, the estimate is a lower bound of W1 as far as those lines tell.

Command: ``python -m experiments loss_tracks_quality``; 127 s on two cores. Any prepared set of TFDS with classes and a test split:
``--data cifar10 --size 32``, with wider networks and more steps, on an accelerator; all pictures are held on the device.

Expected: rank correlation (± s.e.) of WGAN-GP's estimate and KID .90 ± .02 (MLP) and .98 ± .01 (DCGAN), of minimax's .07 ± .08 and
.26 ± .05; KID from 1.0 and 1.2 down to .07 and .05 in WGAN-GP, to .14 by minimax's DCGAN. Against the frozen generator JS goes to log 2
within 3e-4 nats, W1 stays at 8.4, and neither is correlated with KID. Four claims do not hold. The MLP's minimax game collapses: its KID
rises. One discriminator step keeps the JS estimate far below log 2 (means over records −.01 and .21), where the supports say that JS
is: it is the discriminator that lags, not the laws that are near. And the DCGAN's JS estimate does fall as its pictures get better, at
the end. With ``--discriminator-steps 5`` (two seeds, 1000 steps) DCGAN's is between .62 and .69 all the time, and KID hardly moves:
1.22 to .99.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, less, over_seeds
from experiments.framework.tables import long_rows
from gan_jax import ranges
from gan_jax.metrics import statistics
from gan_jax.plots.curves import curve_with_band, reference_line
from gan_jax.plots.images import image_grid
from gan_jax.plots.style import BLUE, VERMILION, WIDTH, Look, style
from gan_jax.ranges import AtLeastTwo, Count, NonNegative, Positive, Range, Seed

GAMES = ("minimax", "wgan_gp")

GENERATORS = ("mlp", "dcgan", "frozen")
"""The last is DCGAN's with a learning rate of zero."""

FIRST = 10
"""Generator steps before the first look at a generator that has moved."""

TITLES = {"minimax": "minimax", "wgan_gp": "WGAN-GP"}


@dataclass(frozen=True)
class Config:
    """Three generators in two games."""

    data: str = "digits"
    """digits, mnist, fashion_mnist, cifar10, or tfds:NAME: a set with classes, a training and a test split."""

    size: Count | None = None  # Edge of the pictures in pixels: 8, 16, 32 or 64; the set's own where not given.
    data_dir: Path | None = None  # Where sets of TFDS are prepared; in the user's cache folder where not given.
    seeds: AtLeastTwo = 4  # Independent games of every kind; at least 2.
    minimax_steps: Count = 2000  # Updates of the generator in the minimax game.
    wgan_steps: Count = 800  # Updates of the generator in WGAN-GP; each is four times the work.
    records: AtLeastTwo = 15  # How many times a game is looked at after its start.
    warm_up: Count = 100  # Steps before the start in which the discriminator alone learns.
    samples: Annotated[int, Range(4)] = 1000  # Generated pictures behind every KID and every estimate.
    held_out: Annotated[int, Range(4)] = 2000  # Test pictures behind them, or as many as there are.
    width: Count = 16  # Channels of the finest layer of DCGAN's generator and of the discriminators.
    mlp_width: Count = 128  # Width of the four hidden layers of the perceptron; 512 in the paper.
    latent: Count = 32  # Dimension of the noise.
    batch_size: Count = 64  # Pictures of each kind at an update.
    discriminator_steps: Count = 1
    """Updates of the discriminator of the minimax game for one of the generator; at least 1."""

    critic_steps: Count = 5  # Critic updates for one of the generator in WGAN-GP.
    penalty_weight: NonNegative = 10.0  # Weight of the gradient penalty.
    minimax_rate: Positive = 2e-4  # Learning rate of both players of the minimax game.
    wgan_rate: Positive = 5e-4  # Learning rate of both players' Adam in WGAN-GP.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        for name in ("minimax_steps", "wgan_steps"):
            if getattr(self, name) < FIRST + self.records:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; expected at least {FIRST + self.records}, since records ({self.records}) are at "
                    f"different steps from {FIRST} on"
                )
        ranges.check(self)


SMOKE = Config(
    seeds=2, minimax_steps=40, wgan_steps=20, records=4, warm_up=5, samples=100, width=4, mlp_width=16, latent=8
)


LOG_2 = math.log(2.0)

WGAN = "Arjovsky, Chintala & Bottou 2017, section 4.2"

LABELS = {"mlp": "MLP", "dcgan": "DCGAN", "frozen": "frozen"}


def correlations(arrays: Arrays, name: str, estimate: str = "training") -> np.ndarray:
    """Spearman's rank correlation of estimate and KID along each run, ``[generators, seeds]``."""
    return statistics.rank_correlation(arrays[f"{name}/{estimate}"], arrays[f"{name}/kid"])


def claims(arrays: Arrays) -> list[Claim]:
    """What WGAN's section 4.2 says, and the control that stands still."""
    result = []
    for generator in ("mlp", "dcgan"):
        result += _trained_claims(arrays, generator)
    return [*result, *_frozen_claims(arrays)]


def _trained_claims(arrays: Arrays, generator: str) -> list[Claim]:
    """One generator that learns, in both games."""
    place, label, errors = GENERATORS.index(generator), LABELS[generator], "2 standard errors over seeds"
    result = []
    for estimate, where in (("training", ""), ("held_out", ", on held-out pictures")):
        tracked = less(correlations(arrays, "wgan_gp", estimate)[place], 2.0)
        what = f"{label}, WGAN-GP: rank correlation of W1 estimate and KID{where}, less 2 standard errors"
        result.append(finding(what, f"{WGAN}, figure 3", 0.0, tracked, 0.0, AT_LEAST, errors))
    js, w1 = (correlations(arrays, name)[place] for name in GAMES)
    what = f"{label}, minimax: rank correlation of JS estimate and KID: it does not fall as samples get better"
    result.append(finding(what, f"{WGAN}, figure 4", 0.0, *over_seeds(js, 2.0), AT_MOST, errors))
    what = f"{label}: rank correlation of minimax − that of WGAN-GP, plus 2 standard errors"
    result.append(finding(what, WGAN, 0.0, less(js - w1, -2.0), 0.0, AT_MOST, errors))
    estimate_over_run = over_seeds(arrays["minimax/training"][place].mean(axis=-1), 2.0, slack=0.02)
    what = f"{label}, minimax: JS estimate, mean over records: very close to log 2"
    result.append(finding(what, f"{WGAN}, figure 4", LOG_2, *estimate_over_run, EQUAL, "0.02 nats + 2 s.e."))
    for name in GAMES:
        kid = arrays[f"{name}/kid"][place]
        what = f"{label}, {TITLES[name]}: KID at the end − at the start, plus 2 standard errors"
        change = less(kid[:, -1] - kid[:, 0], -2.0)
        result.append(finding(what, "what training is for", 0.0, change, 0.0, AT_MOST, errors))
    return result


def _frozen_claims(arrays: Arrays) -> list[Claim]:
    """The generator that stands still: estimates go to where they belong and say nothing more."""
    place, errors = GENERATORS.index("frozen"), "2 standard errors over seeds"
    result = []
    for estimate, where in (("training", "pictures learned from"), ("held_out", "held-out pictures")):
        last = over_seeds(arrays[f"minimax/{estimate}"][place, :, -1], 2.0, slack=0.02)
        what = f"frozen, minimax: JS estimate at the end, on {where}"
        source = "Arjovsky & Bottou 2017, theorem 2.3"
        result.append(finding(what, source, LOG_2, *last, EQUAL, "0.02 nats + 2 s.e."))
    w1 = arrays["wgan_gp/training"][place]
    what = "frozen, WGAN-GP: W1 estimate at the end over that at the start − 1: it does not fall"
    grown = over_seeds(w1[:, -1] / w1[:, 0] - 1.0, 2.0)
    result.append(finding(what, f"{WGAN}, figure 3", 0.0, *grown, AT_LEAST, errors))
    for name in GAMES:
        values = correlations(arrays, name)[place]
        # Of independent series without ties the variance is exactly 1 / (n − 1).
        noise = 2.0 / math.sqrt((arrays[f"{name}/step"].size - 1) * values.size)
        what = f"frozen, {TITLES[name]}: rank correlation of estimate and KID, which varies by its samples alone"
        source = "Kendall & Gibbons 1990, chapter 4"
        result.append(finding(what, source, 0.0, values.mean(), noise, EQUAL, "2 s.e. of independent series"))
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Every estimate, KID and slope at every record, then the correlations, long format."""
    rows: list[TableRow] = []
    fields = ("training", "held_out", "standard_error", "slope", "kid", "kid_standard_error")
    for name in GAMES:
        values = np.stack([arrays[f"{name}/{field}"] for field in fields], axis=-1)
        seeds, steps = range(values.shape[1]), [int(step) for step in arrays[f"{name}/step"]]
        axes = {"generator": GENERATORS, "seed": seeds, "step": steps, "quantity": fields}
        rows += long_rows(values, axes, game=name)
        for estimate in ("training", "held_out"):
            found, said = correlations(arrays, name, estimate), f"rank correlation, {estimate}"
            rows += long_rows(found, {"generator": GENERATORS, "seed": seeds}, game=name, step="", quantity=said)
    baseline, error = (float(value) for value in arrays["floor"])
    nothing: dict[str, object] = {"game": "", "generator": "training pictures", "seed": "", "step": ""}
    rows.append({**nothing, "quantity": "kid", "value": baseline})
    rows.append({**nothing, "quantity": "kid_standard_error", "value": error})
    return rows


LOOKS = {"minimax": Look(VERMILION, marker="o"), "wgan_gp": Look(BLUE, marker="s")}

ESTIMATES = {"minimax": "JS estimate (nats)", "wgan_gp": "W1 estimate\n(units of the data)"}


def plot(arrays: Arrays) -> Figure:
    """Estimates and KID over training, pictures, and the rank correlations."""
    with style():
        figure = Figure(figsize=(WIDTH, 14.0), layout="constrained")
        halves = figure.subfigures(3, 1, squeeze=False, height_ratios=(8.0, 3.1, 2.9))[:, 0]
        axes = halves[0].subplots(3, 3, sharex="row", sharey="row")
        for column, generator in enumerate(GENERATORS):
            for row, name in enumerate(GAMES):
                _draw_estimate(axes[row, column], arrays, name, column)
            axes[0, column].set_title(LABELS[generator] if generator != "frozen" else "frozen: G does not learn")
            axes[2, column].set_xlabel("generator steps")
        _draw_kid(axes[2], arrays)
        for row, label in enumerate((*ESTIMATES.values(), "KID")):
            axes[row, 0].set_ylabel(label)
        _legends(axes)
        halves[0].align_ylabels(axes[:, 0])
        _draw_pictures(halves[1], arrays)
        _draw_correlations(halves[2].subplots(), arrays)
    return figure


def _steps(ax: Axes, arrays: Arrays) -> None:
    """An axis of steps that is logarithmic from the first record on, and has the start too."""
    ax.set_xscale("symlog", linthresh=FIRST, linscale=0.4)
    last = max(int(arrays[f"{name}/step"][-1]) for name in GAMES)
    ax.set_xticks([0.0, *(10.0**power for power in range(1, math.floor(math.log10(last)) + 1))])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlim(-1.0, 1.15 * last)


def _band(values: np.ndarray) -> statistics.Band:
    """Mean over seeds, and one standard deviation below and above it."""
    return statistics.band(values, of=statistics.standard_deviation)


def _draw_estimate(ax: Axes, arrays: Arrays, name: str, column: int) -> None:
    step, color = arrays[f"{name}/step"], LOOKS[name].color
    curve_with_band(ax, step, *_band(arrays[f"{name}/training"][column]), look=LOOKS[name])
    held_out = arrays[f"{name}/held_out"][column].mean(axis=0)
    curve_with_band(ax, step, held_out, look=Look("black", linestyle="--", linewidth=1.3, order=4.0))
    if name == "minimax":
        reference_line(ax, LOG_2, "")
        if column == 0:
            ax.annotate("log 2", (1.0, LOG_2), (-2, 3), ("axes fraction", "data"), "offset points", ha="right")
        ax.set_ylim(top=0.85)
    else:
        ax.set_ylim(bottom=0.0)
        slope = arrays[f"{name}/slope"][column].max()
        ax.text(0.03, 0.05, f"slope ≤ {slope:.2f}", transform=ax.transAxes, color=color, fontsize="small")
    _steps(ax, arrays)


def _draw_kid(axes: Sequence[Axes], arrays: Arrays) -> None:
    bands = {name: [_band(values) for values in arrays[f"{name}/kid"]] for name in GAMES}
    every = [band for name in GAMES for band in bands[name]]
    lowest, highest = min(band.mean.min() for band in every), max(band.high.max() for band in every)
    # KID is unbiased, and may come out below zero: what is below the axis is drawn at its end.
    bottom = max(lowest, float(arrays["floor"][1])) / 2.0
    for column, ax in enumerate(axes):
        ax.set_yscale("log")
        for name, look in LOOKS.items():
            mean, low, high = (np.maximum(edge, bottom) for edge in bands[name][column])
            curve_with_band(ax, arrays[f"{name}/step"], mean, low, high, look=look)
        ax.set_ylim(bottom, 1.5 * highest)
        ax.yaxis.set_minor_formatter(NullFormatter())
        _steps(ax, arrays)


def _legends(axes: np.ndarray) -> None:
    solid = Line2D([], [], label="learned pictures", **LOOKS["minimax"].line_arguments())
    dashed = Line2D([], [], label="held-out ones", color="black", linestyle="--", linewidth=1.3)
    axes[0, 2].legend(handles=[solid, dashed], loc="lower right", handlelength=1.6)
    games = [Line2D([], [], label=TITLES[name], **look.line_arguments()) for name, look in LOOKS.items()]
    axes[2, 2].legend(handles=games, loc="lower left", handlelength=1.6)


def _draw_pictures(part: SubFigure, arrays: Arrays) -> None:
    """Pictures of one seed at four moments, a column of grids for each generator and a row for each game."""
    # Narrow columns hold the names of the games, and part the generators.
    grids = part.subplots(len(GAMES), 5 * len(GENERATORS), width_ratios=(0.35, 1.0, 1.0, 1.0, 1.0) * len(GENERATORS))
    for row, name in enumerate(GAMES):
        records = np.rint(np.linspace(0, arrays[f"{name}/step"].size - 1, 4)).astype(int)
        for column, ax in enumerate(grids[row]):
            place, moment = divmod(column, 5)
            if moment == 0:
                ax.set_axis_off()
                continue
            record = records[moment - 1]
            image_grid(ax, arrays[f"{name}/pictured"][place, record], columns=2)
            ax.set_title(f"{arrays[f'{name}/step'][record]:g}", fontsize=11, pad=3)
        grids[row, 0].text(0.0, 0.5, TITLES[name], rotation=90, va="center", ha="center", color=LOOKS[name].color)


def _draw_correlations(ax: Axes, arrays: Arrays) -> None:
    """Spearman's correlation for every generator and game: a dot for each seed, mean and two standard errors."""
    for offset, (name, look) in zip((-0.15, 0.15), LOOKS.items(), strict=True):
        for place, values in enumerate(correlations(arrays, name)):
            mean, error = statistics.mean_and_error(values)
            around = np.linspace(-0.045, 0.045, values.size)
            marks: dict[str, Any] = {"color": look.color, "marker": look.marker}
            ax.plot(place + offset + around, values, linestyle="none", markersize=5, alpha=0.45, **marks)
            ax.errorbar(place + offset + 0.1, mean, 2 * error, markersize=9, capsize=4, **marks)
    ax.axhline(0.0, color="black", linewidth=1.2, zorder=1)
    ax.set_xticks(range(len(GENERATORS)), list(LABELS.values()))
    ax.set(ylim=(-1.08, 1.08), xlim=(-0.5, len(GENERATORS) - 0.5), ylabel="rank correlation\nestimate – KID")
