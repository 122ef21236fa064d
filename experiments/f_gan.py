"""f-GAN: five divergences, five Gaussians, and each is the best one only by its own divergence.

Figure: a mixture of two Gaussians and the one Gaussian that five f-GANs fit to it, exact optima thick, trained ones as bands over seeds;
how far above the exact minimum each is over training and at its end; and the cross table, row the divergence trained with, column the
divergence evaluated, exact and trained.

Nowozin, Cseke & Tomioka 2016, "f-GAN", section 2.4 and table 3: P = .33 N(−1, .0625) + .67 N(2, 2) (variances), Q = N(μ, σ²), critic 2 × 64
tanh, batch 1024, learning rate .01; min over (μ, σ) of max over v of E_P g_f(v) − E_Q f*(g_f(v)) (equation 6). The Jensen–Shannon
divergence printed here is the standard one, half of f-GAN's. The exact optima are minima of the exact divergence, found by Newton's
method on its gradient; the trained ones are evaluated by the same exact divergence, so that a trained row says what was reached and not
what the critic believed.

The game starts at N(0, 1.5²), where every loss at its optimal critic has a finite variance: Pearson's χ² needs E_Q (p/q)⁴, finite for σ >
1.22 only, reverse KL (and Jeffreys with it) E_P (q/p)², finite for σ < 2 only.

Command: ``python -m experiments f_gan``; 54 s on two cores.

Expected: minima .2881 (KL), .2507 (reverse KL), .0649 (JS), .5791 (Jeffreys), .6616 (Pearson), reached within 2 % by games of 1000 steps;
the diagonal of the cross table is each column's minimum. A mode-seeking divergence sits on the wide component (reverse KL: μ = 1.58),
a mass-covering one between both (Pearson: μ = .57).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.artifacts import Arrays, Row
from experiments.claims import AT_LEAST, AT_MOST, EQUAL, Claim
from experiments.f_gan_games import NAMES, density, divergences, mean_and_scale, member, newton, normal
from experiments.progress import Progress
from gan_jax.plots.curves import BAND_ALPHA, curve_with_band, heatmap, reference_line
from gan_jax.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, WIDTH, Look, style
from gan_jax.ranges import Count, Positive, Seed

SOURCE = "Nowozin, Cseke & Tomioka 2016, section 2.4"
LOOKS = {
    "kl": Look(BLUE),
    "reverse_kl": Look(VERMILION),
    "jensen_shannon": Look(GREEN),
    "jeffreys": Look(PURPLE),
    "pearson": Look(ORANGE),
}

OPTIMA = np.array([[1.0100, 1.8304], [1.5841, 1.6294], [1.3125, 1.7525], [1.3249, 1.7023], [0.5663, 1.9268]])
"""μ* and σ* to four digits, from a computation apart from this one: what our optima are held against, never what is drawn."""

CROSS = np.array(
    [
        [0.2881, 0.3545, 0.0683, 0.6426, 0.7576],
        [0.3648, 0.2507, 0.0688, 0.6155, 1.4801],
        [0.3049, 0.2769, 0.0649, 0.5819, 0.9840],
        [0.3107, 0.2684, 0.0651, 0.5791, 1.0298],
        [0.3171, 0.5671, 0.0839, 0.8843, 0.6616],
    ]
)
"""The exact cross table to four digits, from the same computation."""


@dataclass(frozen=True)
class Config:
    """Five games for one target."""

    seeds: Count = 8
    """Independent games of every divergence."""

    width: Count = 64
    """Width of both hidden layers of the critic."""

    steps: Count = 1000
    """Updates of the generator; a multiple of ``records``."""

    discriminator_steps: Count = 4
    """Updates of the critic before each of them."""

    batch_size: Count = 1024
    """Samples of each law at an update."""

    learning_rate: Positive = 0.01
    """Of both players' Adam at the start; it decays to zero along a cosine."""

    start: Positive = 1.5
    """σ of the generator at the beginning; its mean is 0."""

    records: Count = 50
    """How many times a game is looked at."""

    held_out: Count = 65536
    """Fresh samples of each law that score the last critic."""

    seed: Seed = 0
    """Seed of everything random."""


SMOKE = Config(seeds=2, width=16, steps=20, discriminator_steps=2, batch_size=128, records=10, held_out=1024)


def run(config: Config, progress: Progress) -> Arrays:
    """Finds the exact optima, plays the games, and evaluates what they reached by the exact divergences."""
    import jax
    import jax.numpy as jnp

    from gan_jax.training.ensemble import ensemble, sweep

    values = divergences()
    count = len(NAMES)
    # On two devices two seeds at a time: progress is seen and Ctrl-C answered between the calls of one compiled program.
    together = jax.device_count() if jax.default_backend() == "cpu" else None
    with progress.task("f-GAN", total=5.0 + 70.0):
        optimum, residual = jax.jit(lambda: jax.lax.map(newton(values), jnp.arange(count)))()
        arrays: dict[str, Any] = {"optimum": mean_and_scale(optimum), "optimum_gradient": residual}
        with progress.task("games", total=count * config.seeds, share=70.0) as task:
            table = sweep(
                member(config),
                jax.random.key(config.seed),
                seeds=config.seeds,
                together=together,
                on_part=lambda done, _: task.advance(done - task.done),
                divergence=range(count),
            )
        for field in ("path", "bound", "bound_error", "training_bound"):
            arrays[field] = table[field].reshape(count, config.seeds, *table[field].shape[1:])
        # [divergences, seeds, records + 1, 2]: all states of all games, evaluated by all divergences as one program.
        logs = jnp.asarray(np.stack([arrays["path"][..., 0], np.log(arrays["path"][..., 1])], axis=-1), jnp.float32)
        evaluate = jax.jit(ensemble(values))
        arrays["path_exact"] = np.asarray(evaluate(logs.reshape(-1, 2))).reshape(*logs.shape[:-1], count)
        arrays["exact"] = evaluate(optimum)
    x = np.linspace(-6.0, 8.0, 401)
    arrays |= {
        "x": x,
        "density": density(x),
        "steps": np.linspace(0, config.steps, config.records + 1),
        "names": np.asarray(list(NAMES)),
    }
    return {name: np.asarray(value) for name, value in arrays.items()}


# ------------------------------------------------------------------------------------------------- from the arrays alone


def _reached(arrays: Arrays) -> np.ndarray:
    """The exact divergences of every game's last generator, ``[trained with, seeds, evaluated by]``."""
    return arrays["path_exact"][:, :, -1]


def _error(values: np.ndarray) -> np.ndarray:
    """The standard error of a mean over seeds, axis 1."""
    return values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])


def claims(arrays: Arrays) -> list[Claim]:
    """The exact tables are those of the reference; games reach the minima; each divergence is best by its own measure."""
    optimum, exact, reached = arrays["optimum"], arrays["exact"], _reached(arrays)
    last, cross = arrays["path"][:, :, -1], reached.mean(axis=1)
    digits = "half of the last digit"
    result = [
        Claim(
            f"exact {what}: largest difference from the reference table",
            f"{SOURCE}, for this P",
            0.0,
            float(np.abs(ours - theirs).max()),
            # Rounding to four digits leaves half of 1e-4; a value right on the edge may round either way in float32.
            5e-5 + 2e-6,
            EQUAL,
            digits,
        )
        for what, ours, theirs in (("μ* and σ*", optimum, OPTIMA), ("cross table", exact, CROSS))
    ]
    for row, label in enumerate(NAMES.values()):
        own = reached[row, :, row]
        noise = float(_error(reached)[row, row])
        measured = [(f"{label}: mean exact divergence of trained generators", exact[row, row], own.mean(), noise)]
        for column, parameter in enumerate(("μ", "σ")):
            spread = float(_error(last)[row, column])
            measured.append(
                (f"{label}: trained {parameter}", optimum[row, column], last[row, :, column].mean(), spread)
            )
        result += [
            Claim(what, SOURCE, float(truth), float(value), se + 0.02 * abs(float(truth)), EQUAL, "s.e. + 2 %")
            for what, truth, value, se in measured
        ]
        bound, bound_se = arrays["bound"][row], arrays["bound_error"][row]
        se = float(np.sqrt(np.square(bound_se).sum()) / bound.size)
        gap = float((bound - own).mean())
        source = "Nguyen, Wainwright & Jordan 2010; f-GAN, equation 4"
        result += [
            Claim(
                f"{label}: held-out bound of the critic − exact divergence of its generator",
                source,
                0.0,
                gap,
                4.0 * se,
                AT_MOST,
                "4 standard errors",
            ),
            Claim(
                f"{label}: the same, over the exact divergence: the bound is tight",
                source,
                0.0,
                gap / float(own.mean()),
                0.02 + se / float(own.mean()),
                AT_LEAST,
                "s.e. + 2 %",
            ),
        ]
        others = np.delete(cross[:, row], row)
        result.append(
            Claim(
                f"cross table, column {label}: its own row − the best other row",
                f"{SOURCE}, table 3",
                0.0,
                float(cross[row, row] - others.min()),
                0.0,
                AT_MOST,
                "the diagonal is the minimum",
            )
        )
    return result


def table(arrays: Arrays) -> list[Row]:
    """Parameters, own divergence, critic's bound and cross table, exact and for every seed."""
    rows: list[Row] = []
    reached = _reached(arrays)
    for row, label in enumerate(NAMES.values()):

        def add(quantity: str, exact: float, values: np.ndarray, label: str = label) -> None:
            rows.extend(
                {"trained_with": label, "quantity": quantity, "seed": seed, "value": float(v), "exact": exact}
                for seed, v in enumerate(values)
            )

        for column, parameter in enumerate(("mu", "sigma")):
            add(parameter, float(arrays["optimum"][row, column]), arrays["path"][row, :, -1, column])
        add("held-out bound", float(arrays["exact"][row, row]), arrays["bound"][row])
        add("held-out bound, standard error", 0.0, arrays["bound_error"][row])
        for column, evaluated in enumerate(NAMES.values()):
            add(evaluated, float(arrays["exact"][row, column]), reached[row, :, column])
    return rows


def plot(arrays: Arrays) -> Figure:
    """The fits, the excess over the minima, and the cross tables."""
    with style():
        figure = Figure(figsize=(WIDTH, 8.8), layout="constrained")
        halves: Any = figure.subfigures(2, 1)
        top, bottom = halves
        fits, course, minima = top.subplots(1, 3, width_ratios=(1.25, 1.0, 1.0))
        _draw_fits(fits, arrays)
        _draw_course(course, arrays)
        _draw_minima(minima, arrays)
        labels = ["KL", "rev. KL", "JS", "Jeffr.", "Pearson"]
        left, right = bottom.subplots(1, 2)
        for ax, matrix, title in (
            (left, arrays["exact"], "exact optima"),
            (right, _reached(arrays).mean(axis=1), "trained, mean over seeds"),
        ):
            # Columns have scales of their own: the colour is how far a row is from the best of its column.
            relative = matrix / np.diag(arrays["exact"])[None]
            heatmap(ax, relative, labels, title=title, unit="value / column's exact minimum", limits=(1.0, 2.4))
            for text, value in zip(ax.texts, matrix.ravel(), strict=True):
                text.set_text(f"{value:.4f}")
                text.set_fontsize(11)
            ax.set_xlabel("evaluated by")
            ax.set_ylabel("trained with")
    return figure


def _draw_fits(ax: Axes, arrays: Arrays) -> None:
    x = arrays["x"]
    ax.fill_between(x, arrays["density"], color=GREY, alpha=0.3, linewidth=0, label="P")
    for row, (name, look) in enumerate(LOOKS.items()):
        ax.plot(x, normal(x, *arrays["optimum"][row]), color=look.color, linewidth=5.5, alpha=0.35, label=NAMES[name])
        curves = np.stack([normal(x, *theta) for theta in arrays["path"][row, :, -1]])
        low, high = curves.min(axis=0), curves.max(axis=0)
        ax.fill_between(x, low, high, color=look.color, linewidth=0.6, edgecolor=look.color, zorder=3)
    ax.set_title("exact (thick), trained (band)")
    ax.set_xlabel("x")
    ax.set_ylabel("density")
    ax.set_ylim(0.0, None)
    ax.legend(loc="upper right", handlelength=1.2)


def _draw_course(ax: Axes, arrays: Arrays) -> None:
    ax.set_yscale("log")
    for row, look in enumerate(LOOKS.values()):
        best = arrays["exact"][row, row]
        excess = np.maximum(100.0 * (arrays["path_exact"][row, :, :, row] / best - 1.0), 1e-3)
        # Geometric, since the axis is: the mean of logarithms with its spread over seeds.
        logs = np.log(excess)
        mean, spread = logs.mean(axis=0), logs.std(axis=0, ddof=1)
        curve_with_band(ax, arrays["steps"], np.exp(mean), np.exp(mean - spread), np.exp(mean + spread), look=look)
    reference_line(ax, 2.0, "2 %")
    ax.set_ylim(1e-3, None)
    ax.set_title("exact D over training")
    ax.set_xlabel("generator steps")
    ax.set_ylabel("excess over exact minimum (%)")


def _draw_minima(ax: Axes, arrays: Arrays) -> None:
    reached = _reached(arrays)
    for row, look in enumerate(LOOKS.values()):
        best = arrays["exact"][row, row]
        for values, shift, marker, fill in (
            (reached[row, :, row], -0.16, "o", look.color),
            (arrays["bound"][row], 0.16, "s", "white"),
        ):
            percent = 100.0 * (values / best - 1.0)
            place = np.full(percent.size, row + shift)
            ax.plot(
                place, percent, linestyle="none", marker=marker, markersize=4, color=look.color, alpha=BAND_ALPHA + 0.2
            )
            ax.errorbar(
                row + shift,
                percent.mean(),
                percent.std(ddof=1) / np.sqrt(percent.size),
                marker=marker,
                markersize=7,
                color=look.color,
                markerfacecolor=fill,
                capsize=3,
                zorder=4,
            )
    ax.axhline(0.0, color="black", linewidth=2.0, zorder=1)
    for level in (2.0, -2.0):
        ax.axhline(level, color=GREY, linestyle=":", linewidth=1.8, zorder=1)
    ax.set_xticks(range(len(NAMES)), ["KL", "rKL", "JS", "Jeffr.", "χ²"])
    ax.set_title("● exact D, □ critic's bound")
    ax.set_ylabel("over exact minimum (%)")
