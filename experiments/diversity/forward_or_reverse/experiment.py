"""Forward or reverse: KL covers, reverse KL seeks, and games inherit it.

Figure: above, one Gaussian fitted to f-GAN's mixture and to two equal Gaussians that move apart. Middle row, one panel for each
divergence: where the fit is, over the separation of the two modes in their standard deviations; thick: the best fit, thin: a minimum that
is not the best, dotted: a saddle point; ●: the separation where fits on one mode appear, ▼: from where they are the best; marks: where
games ended that began as N(0, 1 + d²/4) (○) or on one mode (◆). Below: width, mass on the emptier mode and mass in no mode of the best
fits, and by how much trained fits exceed the exact minimum downhill of their start.

P = ½ N(−d/2, 1) + ½ N(d/2, 1), Q = N(μ, σ²). Forward KL(P‖Q) has one stationary point, the moments: μ = 0, σ² = 1 + d²/4, where it is
½ log(1 + d²/4) − JS of the two modes. Reverse KL(Q‖P), JS and Jeffreys do not leave the middle by a pitchfork: where the derivative in
σ vanishes, Stein's identity makes reverse KL's curvature in μ equal 1/σ² > 0 (Opper & Archambeau 2009, equation 4), so that the middle
stays a minimum at every separation; fits on one mode appear beside it, by a fold, and become the best ones further on. All stationary
points are followed by pseudo-arclength (Keller 1977), in double precision, on the exact divergences. Bishop 2006, figure 10.3; Minka 2005
for what covers and what seeks; Nowozin, Cseke & Tomioka 2016, section 2.4 for the mixture .33 N(−1, .0625) + .67 N(2, 2) and the games.

A mode's mass is what lies within three standard deviations of its centre and on its side of the middle. An f-GAN sees only its own
samples and the data's: forward KL's loss for the generator is a mean of p/q over Q, with a variance of order e^{d²} for a Q on one mode;
reverse KL's for the critic is one of q/p over P, whose variance is infinite for σ² ≥ 2, as in the middle from d = 3 on; Jeffreys has both.

Command: ``python -m experiments forward_or_reverse``; ``--preset quick``: 35 s on two cores.

Expected: fits on one mode appear at d = 4.824 (reverse KL), 5.514 (JS), 11.882 (Jeffreys), never for KL; they are the best from 5.600,
8.489, 13.051. Reverse KL on one mode → log 2, JS → ¾ log 4/3. Games end within 2 % of the exact minimum downhill of their start, so
that JS and reverse KL stay where they begin, with the exceptions that the variances announce: KL and Jeffreys from one mode at d = 6 and 9,
which should go to the middle and do not; Jeffreys (d = 6 and 9) and reverse KL (d = 9) from the middle. Those claims do not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, SupportsFloat

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, theorem
from experiments.game.f_gan.experiment import CROSS, LOOKS, OPTIMA, density, normal
from experiments.game.f_gan.experiment import NAMES as REFERENCE
from gan_jax.metrics.statistics import mean_and_error
from gan_jax.plots.style import BLACK, GREY, WIDTH, style
from gan_jax.ranges import AtLeastTwo, Count, Positive, Range, Recorded, Seed

NAMES = {"kl": "KL", "jensen_shannon": "JS", "jeffreys": "Jeffreys", "reverse_kl": "reverse KL"}
"""The divergences, from covering to seeking, as the table of f-divergences and as the figure call them."""

STARTS = ("the middle", "one mode")
"""Where games begin."""


@dataclass(frozen=True)
class Config:
    """Four divergences over a separation, and games at some separations."""

    largest: Annotated[float, Range(14)] = 16.0
    """Largest separation of the two modes, in their standard deviations; beyond Jeffreys' switch at 13.05."""

    points: AtLeastTwo = 64  # Separations at which the middle is computed.
    game_separations: tuple[Positive, Positive, Positive] = (3.0, 6.0, 9.0)  # Separations of the games.
    seeds: Count = 8  # Independent games of each kind.
    width: Count = 64  # Width of both hidden layers of the critic.
    steps: Recorded = 1000  # Updates of the generator; a multiple of ``records``.
    discriminator_steps: Count = 4  # Updates of the critic before each of them.
    batch_size: Count = 1024  # Samples of each law at an update.
    learning_rate: Positive = 0.01  # Learning rate of both players' Adam at the start; it falls to zero as a cosine.
    records: Count = 20  # How many times a game is looked at.
    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(largest=14.0, points=8, seeds=2, width=8, steps=20, discriminator_steps=2, batch_size=64, records=2)

PRESETS = {"quick": Config(seeds=3, width=32, steps=800, batch_size=512)}


STEIN = "Stein's identity; Opper & Archambeau 2009, equation 4"

SEEKING = "Bishop 2006, figure 10.3"

ROUNDING = 1e-9
"""Double precision and quadrature, of values near one."""


def best(arrays: Arrays, name: str, separation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """μ ≥ 0 and σ of the best fit at every separation."""
    columns = arrays[f"{name}/middle/points"]
    mean = np.zeros_like(separation)
    log_scale = np.interp(separation, columns[:, 2], columns[:, 1])
    if name != "kl":
        minima = arrays[f"{name}/aside/points"][: int(arrays[f"{name}/turn"])][::-1]
        apart = separation > float(arrays[f"{name}/switch"])
        mean = np.where(apart, np.interp(separation, minima[:, 2], minima[:, 0]), mean)
        log_scale = np.where(apart, np.interp(separation, minima[:, 2], minima[:, 1]), log_scale)
    return mean, np.exp(log_scale)


def claims(arrays: Arrays) -> list[Claim]:
    """The reference fits; what is known of the four landscapes in closed form; where games end."""
    return [
        *_of_reference(arrays),
        *_of_forward(arrays),
        *_of_landscapes(arrays),
        *_of_limits(arrays),
        *_of_games(arrays),
    ]


def _of_reference(arrays: Arrays) -> list[Claim]:
    source, result = "Nowozin, Cseke & Tomioka 2016, section 2.4, for this P", []
    theirs = np.column_stack([OPTIMA, np.diag(CROSS)])
    ours = np.column_stack([arrays["reference/optimum"], arrays["reference/minimum"]])
    rows = {"KL": [0], "reverse KL": [1], "all five divergences": list(range(5))}
    for label, which in rows.items():
        what = f"{label}: μ*, σ* and minimum, largest difference from the reference table"
        gap = float(np.abs(ours - theirs)[which].max())
        result.append(theorem(what, source, 0.0, gap, 5e-5 + 2e-6, EQUAL, "half of the last digit"))
    return result


def _of_forward(arrays: Arrays) -> list[Claim]:
    source = "maximum likelihood in an exponential family: moments match"
    points, values = arrays["kl/middle/points"], arrays["kl/middle/values"]
    mean, log_scale, d = points.T
    moments = np.exp(2.0 * log_scale) / (1.0 + 0.25 * d * d) - 1.0
    closed = 0.5 * np.log1p(0.25 * d * d) - arrays["two_modes"]
    starts = arrays["kl/from_starts"]
    away = np.hypot(starts[:, 0], starts[:, 1] - 0.5 * np.log1p(0.25 * starts[:, 2] ** 2))
    return [
        theorem(what, source, 0.0, np.abs(gaps).max(), ROUNDING, EQUAL, "double precision")
        for what, gaps in (
            ("KL: μ of the fit, over all separations", mean),
            ("KL: σ² / (1 + d²/4) − 1, over all separations", moments),
            ("KL: minimum − (½ log(1 + d²/4) − JS of the two modes)", values - closed),
            ("KL: every start ends at the moments: largest distance", away),
        )
    ]


def _of_landscapes(arrays: Arrays) -> list[Claim]:
    result = []
    for name, label in NAMES.items():
        branches = [branch for branch in ("middle", "aside") if f"{name}/{branch}/points" in arrays]
        left = max(float(arrays[f"{name}/{branch}/gradients"].max()) for branch in branches)
        what = f"{label}: largest derivative left at a stationary point"
        result.append(theorem(what, "definition", 0.0, left, ROUNDING, EQUAL, "double precision"))
        least = float(arrays[f"{name}/middle/curvatures"].min())
        what = f"{label}: least curvature of the middle over all separations: it stays a minimum"
        # Of the two in the middle nothing is proved: KL has one stationary point, reverse KL a curvature of 1 / σ² along μ.
        kind, source = _STAYS.get(name, (finding, "no pitchfork"))
        result.append(kind(what, source, 0.0, least, 0.0, AT_LEAST, "its sign"))
        if name == "kl":
            continue
        starts, known = arrays[f"{name}/from_starts"], _minima(arrays, name)
        what = f"{label}: minima from a grid of starts, largest distance from the branches"
        # The same by symmetry, on the right side.
        folded = np.column_stack([np.abs(starts[:, 0]), starts[:, 1:]])
        away = float(np.max([np.min(np.abs(known(d) - (mu, scale)).max(axis=1)) for mu, scale, d in folded]))
        result.append(finding(what, "the branches are all there is", 0.0, away, 0.02, EQUAL, "interpolated branches"))
        fold, turn = float(arrays[f"{name}/fold"][2]), float(arrays[f"{name}/switch"])
        what = f"{label}: fits on one mode appear (d = {fold:.4f}) before they are the best ones; d of that"
        result.append(theorem(what, "a fold, then a first-order transition", fold, turn, 0.0, AT_LEAST, "exact"))
    for branch in ("middle", "aside"):
        curvature, log_scale = arrays[f"reverse_kl/{branch}/along_mean"], arrays[f"reverse_kl/{branch}/points"][:, 1]
        gap = float(np.abs(curvature * np.exp(2.0 * log_scale) - 1.0).max())
        what = f"reverse KL, {branch}: σ² ∂²D/∂μ² − 1 at every stationary point"
        result.append(theorem(what, STEIN, 0.0, gap, ROUNDING, EQUAL, "double precision"))
    return result


_STAYS = {"kl": (theorem, "no pitchfork"), "reverse_kl": (theorem, STEIN)}
"""For which divergences it is known that the fit in the middle stays a minimum, and from whom."""


def _minima(arrays: Arrays, name: str) -> Callable[[float], np.ndarray]:
    """Returns ``separation -> [(μ, log σ), …]`` of the minima on the branches."""
    both = arrays[f"{name}/middle/points"]
    one = arrays[f"{name}/aside/points"][: int(arrays[f"{name}/turn"])][::-1]

    def at(separation: float) -> np.ndarray:
        found: list[tuple[float, ...]] = [(0.0, np.interp(separation, both[:, 2], both[:, 1]))]
        if separation >= one[0, 2]:
            found.append(tuple(np.interp(separation, one[:, 2], one[:, column]) for column in (0, 1)))
        return np.asarray(found)

    return at


def _of_limits(arrays: Arrays) -> list[Claim]:
    """The largest separation, where the two modes overlap by less than rounding."""
    d = float(arrays["separations"][-1])
    # ∫ √(ab) of the two modes bounds what their overlap changes.
    slack = ROUNDING + float(np.exp(-d * d / 8.0))
    result = []
    for name, limit, text in (
        ("reverse_kl", np.log(2.0), "log 2"),
        ("jensen_shannon", 0.75 * np.log(4.0 / 3.0), "¾ log 4/3"),
    ):
        value = float(arrays[f"{name}/aside/values"][0])
        what = f"{NAMES[name]} of the fit on one mode at d = {d:g} is {text}"
        result.append(theorem(what, "disjoint modes", limit, value, slack, EQUAL, "overlap of the modes"))
    masses = {}
    for name in NAMES:
        mean, scale = best(arrays, name, np.array([d]))
        masses[name] = [float(part[0]) for part in shares(mean, scale, np.array([d]))]
    three = 0.9973002039367398
    for what, expected, measured in (
        ("reverse KL: mass of the best fit on the mode it takes: Φ(3) − Φ(−3)", three, masses["reverse_kl"][1]),
        ("reverse KL: mass on the other mode", 0.0, masses["reverse_kl"][0]),
        ("KL: mass of the best fit on the right mode − on the left one", 0.0, masses["kl"][1] - masses["kl"][0]),
    ):
        # The fit is interpolated between points of the branch that lie .25 apart, on a straight stretch of it.
        result.append(theorem(f"{what}, d = {d:g}", SEEKING, expected, measured, 1e-6, EQUAL, "interpolated branches"))
    in_no_mode = {name: parts[2] for name, parts in masses.items()}
    what = f"mass in no mode at d = {d:g}: KL's best fit ≥ reverse KL's"
    result.append(theorem(what, SEEKING, in_no_mode["reverse_kl"], in_no_mode["kl"], 0.0, AT_LEAST, "exact"))
    return result


def _of_games(arrays: Arrays) -> list[Claim]:
    result = []
    source = "Nowozin, Cseke & Tomioka 2016, equation 6; the exact landscape"
    for row, label in enumerate(NAMES.values()):
        for start, where in enumerate(STARTS):
            for column, d in enumerate(arrays["games/separations"]):
                least = float(arrays["games/least"][row, column, start])
                reached, error = mean_and_error(arrays["games/reached"][row, column, start])
                # A game that left the numbers is counted as one whose standard error is unknown: the claim does not hold.
                slack = 0.02 * least + (error if np.isfinite(error) else 0.0)
                what = f"games, {label} from {where}, d = {d:g}: exact D − its minimum downhill of the start"
                result.append(finding(what, source, 0.0, reached - least, slack, AT_MOST, "s.e. + 2 %"))
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Fits of the reference mixture; folds and switches; best fits at the games' separations; every game's end."""
    rows: list[TableRow] = []

    def add(divergence: str, quantity: str, value: SupportsFloat, **where: object) -> None:
        place = {"separation": "", "start": "", "seed": "", **where}
        rows.append({"divergence": divergence, "quantity": quantity, **place, "value": float(value)})

    for row, label in enumerate(REFERENCE.values()):
        for quantity, value in zip(("mu", "sigma"), arrays["reference/optimum"][row], strict=True):
            add(label, f"reference mixture: {quantity}", value)
        add(label, "reference mixture: minimum", arrays["reference/minimum"][row])
    separations = arrays["games/separations"]
    for row, (name, label) in enumerate(NAMES.items()):
        if name != "kl":
            add(label, "separation where fits on one mode appear", arrays[f"{name}/fold"][2])
            add(label, "separation from which they are the best", arrays[f"{name}/switch"])
        mean, scale = best(arrays, name, separations)
        parts = shares(mean, scale, separations)
        quantities = ("best fit: mu", "best fit: sigma", "best fit: mass on left mode", "on right mode", "in no mode")
        for quantity, values in zip(quantities, (mean, scale, *parts), strict=True):
            for d, value in zip(separations, values, strict=True):
                add(label, quantity, value, separation=float(d))
        for index in np.ndindex(arrays["games/reached"].shape[1:]):
            column, start, seed = index
            where = {"separation": float(separations[column]), "start": STARTS[start], "seed": seed}
            add(label, "game: exact D", arrays["games/reached"][(row, *index)], **where)
            for quantity, value in zip(("mu", "sigma"), arrays["games/path"][(row, *index, -1)], strict=True):
                add(label, f"game: {quantity}", value, **where)
    return rows


def shares(mean: np.ndarray, scale: np.ndarray, separation: np.ndarray, reach: float = 3.0) -> tuple[np.ndarray, ...]:
    """Mass of N(mean, scale²) within ``reach`` of the left and of the right mode, each up to the middle, and the rest."""
    # Here alone, so that the experiment's --help answers without loading it.
    from scipy.special import ndtr

    half = 0.5 * separation
    inner = np.minimum(half, reach)

    def between(low: np.ndarray, high: np.ndarray) -> np.ndarray:
        return ndtr((high - mean) / scale) - ndtr((low - mean) / scale)

    left = between(-half - reach, -half + inner)
    right = between(half - inner, half + reach)
    return left, right, 1.0 - left - right


SHORT = {"kl": "KL", "jensen_shannon": "JS", "jeffreys": "Jeffreys", "reverse_kl": "rev. KL"}


def plot(arrays: Arrays) -> Figure:
    """Three rows: fits; branches and games; what the best fits are made of."""
    separations = arrays["games/separations"]
    seeds, steps = arrays["games/path"].shape[3], int(arrays["games/steps"][-1])
    with style():
        figure = Figure(figsize=(WIDTH, 10.2), layout="constrained")
        rows = figure.subfigures(3, 1, squeeze=False, height_ratios=(1.0, 1.15, 1.05))[:, 0]
        fits, branches, below = (row.subplots(1, 4) for row in rows)
        _draw_reference(fits[0], arrays)
        for ax, d in zip(fits[1:], separations, strict=True):
            _draw_fits(ax, arrays, float(d))
        fits[0].set_ylabel("density")
        handles = [Line2D([], [], label=label, **_line(name)) for name, label in NAMES.items()]
        rows[0].legend(handles=handles, loc="outside upper center", ncols=4, title="one Gaussian, best by")
        for row, (ax, name) in enumerate(zip(branches, NAMES, strict=True)):
            _draw_branches(ax, arrays, name, row)
        branches[0].set_ylabel("|μ| / half separation")
        rows[1].legend(handles=_explained(seeds, steps), loc="outside lower center", ncols=4, columnspacing=1.2)
        _draw_best(below[:3], arrays)
        _draw_excess(below[3], arrays)
    return figure


def _draw_reference(ax: Axes, arrays: Arrays) -> None:
    x = np.linspace(-5.0, 7.5, 401)
    ax.fill_between(x, density(x), color=GREY, alpha=0.35, linewidth=0)
    for name in NAMES:
        optimum = arrays["reference/optimum"][list(REFERENCE).index(name)]
        ax.plot(x, normal(x, *optimum), **_line(name))
    ax.set_xticks([-4, 0, 4])
    ax.set(title="f-GAN's mixture", xlabel="x", xlim=(x[0], x[-1]), ylim=(0.0, None))


def _draw_fits(ax: Axes, arrays: Arrays, d: float) -> None:
    x = np.linspace(-0.5 * d - 5.0, 0.5 * d + 5.0, 401)
    ax.fill_between(x, 0.5 * (normal(x, -0.5 * d, 1.0) + normal(x, 0.5 * d, 1.0)), color=GREY, alpha=0.35, linewidth=0)
    for name in NAMES:
        mean, scale = best(arrays, name, np.array([d]))
        ax.plot(x, normal(x, mean[0], scale[0]), **_line(name))
    ax.set(title=f"separation d = {d:g}", xlabel="x", xlim=(x[0], x[-1]), ylim=(0.0, None))


def _line(name: str) -> dict[str, Any]:
    """Fits that coincide are told apart by dashes over a line."""
    dashes = {"jensen_shannon": (0, (3, 3)), "jeffreys": (0, (1.5, 1.5))}
    order = 4 if name in dashes else 3
    return {"color": LOOKS[name].color, "linewidth": 2.4, "linestyle": dashes.get(name, "-"), "zorder": order}


def _draw_branches(ax: Axes, arrays: Arrays, name: str, row: int) -> None:
    color = LOOKS[name].color
    separations = arrays["separations"]
    switch = float(arrays[f"{name}/switch"]) if name != "kl" else np.inf
    for part, width in ((separations <= switch, 4.0), (separations >= switch, 1.5)):
        ax.plot(separations[part], np.zeros(part.sum()), color=color, linewidth=width, solid_capstyle="butt")
    if name != "kl":
        points, turn = arrays[f"{name}/aside/points"], int(arrays[f"{name}/turn"])
        place = points[:, 0] / (0.5 * points[:, 2])
        fold = arrays[f"{name}/fold"]
        at_fold = fold[0] / (0.5 * fold[2])
        minima = np.append(points[:turn, 2], fold[2]), np.append(place[:turn], at_fold)
        saddles = np.append(fold[2], points[turn:, 2]), np.append(at_fold, place[turn:])
        ax.plot(*minima, color=color, linewidth=1.5)
        ax.plot(*(axis[minima[0] >= switch] for axis in minima), color=color, linewidth=4.0, solid_capstyle="butt")
        ax.plot(*saddles, color=color, linewidth=1.8, linestyle=":")
        ax.plot(fold[2], at_fold, marker="o", markersize=8, color=BLACK, linestyle="none", zorder=4)
        ax.plot(switch, 1.12, marker="v", markersize=9, color=BLACK, linestyle="none", zorder=4)
        ax.axvline(switch, color=GREY, linewidth=1.0, linestyle="-", zorder=1)
    _draw_games(ax, arrays, row)
    ax.set(title=SHORT[name], xlabel="separation d", xlim=(0.0, separations[-1]), ylim=(-0.12, 1.18))
    ax.set_xticks([0, 3, 6, 9, 12, 15])


def _draw_games(ax: Axes, arrays: Arrays, row: int) -> None:
    for start, (marker, fill, shift) in enumerate((("o", "white", -0.25), ("D", BLACK, 0.25))):
        for column, d in enumerate(arrays["games/separations"]):
            ends = np.abs(arrays["games/path"][row, column, start, :, -1, 0]) / (0.5 * d)
            marks: dict[str, Any] = {"color": BLACK, "markerfacecolor": fill, "alpha": 0.8, "zorder": 5}
            ax.plot(np.full(ends.size, d + shift), ends, marker, markersize=6, **marks)
            lost = int(np.sum(~np.isfinite(ends)))
            if lost:
                ax.text(d - 0.4, 1.09, f"{lost} of {ends.size} lost", fontsize=10, va="center", ha="right", color=BLACK)


def _explained(seeds: int, steps: int) -> list[Line2D]:
    line: dict[str, Any] = {"linestyle": "none", "color": BLACK}
    return [
        Line2D([], [], color=GREY, linewidth=4.0, label="best fit"),
        Line2D([], [], color=GREY, linewidth=1.5, label="another minimum"),
        Line2D([], [], color=GREY, linewidth=1.8, linestyle=":", label="saddle point"),
        Line2D([], [], marker="o", markersize=8, label="one-mode fits appear", **line),
        Line2D([], [], marker="v", markersize=9, label="… are the best", **line),
        Line2D([], [], marker="o", markerfacecolor="white", label="game from the middle", **line),
        Line2D([], [], marker="D", label="game from one mode", **line),
        Line2D([], [], linestyle="none", label=f"({seeds} seeds, {steps} steps)"),
    ]


def _draw_best(axes: Sequence[Axes], arrays: Arrays) -> None:
    d = np.linspace(0.3, float(arrays["separations"][-1]), 600)
    for name in NAMES:
        mean, scale = best(arrays, name, d)
        left, right, outside = shares(mean, scale, d)
        # A gap where the best fit changes, and no line that would pass for a transition.
        gap = np.insert(np.diff(mean) > 0.5, 0, False)
        scale, left, outside = (np.where(gap, np.nan, values) for values in (scale, left, outside))
        for ax, values in zip(axes, (scale, np.minimum(left, right), outside), strict=True):
            ax.plot(d, values, **_line(name))
    for ax, title in zip(axes, ("σ of best fit", "mass on emptier mode", "mass in no mode"), strict=True):
        ax.set(title=title, xlabel="separation d", xlim=(0.0, d[-1]), ylim=(0.0, None))
        ax.set_xticks([0, 3, 6, 9, 12, 15])


def _draw_excess(ax: Axes, arrays: Arrays) -> None:
    """By how much trained fits exceed the minimum downhill of their start, in per cent, at every separation."""
    separations, least = arrays["games/separations"], arrays["games/least"]
    excess = 100.0 * (arrays["games/reached"] / least[..., None] - 1.0)
    ax.set_yscale("log")
    for row, name in enumerate(NAMES):
        for start, (marker, fill) in enumerate((("o", "white"), ("D", None))):
            for column in range(separations.size):
                values = np.maximum(excess[row, column, start], 1e-2)
                color = LOOKS[name].color
                place = np.full(values.size, column + 0.2 * (row - 1.5) + 0.08 * (start - 0.5))
                ax.plot(place, values, marker, markersize=5, color=color, markerfacecolor=fill or color, alpha=0.85)
    ax.axhline(2.0, color=GREY, linestyle=":", linewidth=1.8)
    ax.set_xticks(range(separations.size), [f"d = {d:g}" for d in separations])
    ax.set(title="games: % over min.", ylim=(7e-3, None))
