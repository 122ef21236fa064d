"""The arms race: generator and discriminator in turn, and whether D's loss tracks the divergence.

Figure: above, games from generation zero at chosen steps, on the line (two Gaussians) and in the plane (eight Gaussians on a ring), with
the non-saturating and the Wasserstein objective: the data, the generator, and D's probability of real or the critic's value (the first
seed, the faster D). Below, over the generator's steps, JS and W1 (solid) and what the discriminator says of the one that it estimates
(dashed): log 2 + V/2 for JS, the critic's value for W1; then the rank correlation of the exact value, over the first three quarters, with
the estimate that comes so many steps later. Two rates of the discriminator: the generator's, and ten times that. Bands: two standard
errors over seeds. ``animation.gif``: the games, moving.

Goodfellow et al. 2014, algorithm 1 and theorem 1: V(D) ≤ 2 JS − 2 log 2, with equality for the best D. Arjovsky, Chintala & Bottou 2017,
section 4.2: the critic's loss correlates with sample quality, "because the critic is trained relatively well before each generator update"
(figure 3), and log 2 + V/2 does not: it stays near log 2 (figure 4). Five discriminator updates for each of the generator, everywhere.

JS, W1 and every estimate are values of the laws themselves, not sample means. On the line the generator's latent is one normal, cut into
cells of equal probability whose images are intervals; both laws become masses of bins (``gan_jax.divergences.generated``), and the table
has what halving cells and bins changes. In the plane the generator adds Gaussian noise to its output, so that its law is a mixture with a
density on a grid, for which a lattice integrates over the latent (the table has what half the lattice changes). Only W1 in the plane comes
from samples, 1000 against 1000, by exact transport: too large by up to what two samples of the data get, the grey dotted line.

Command: ``python -m experiments arms_race``; 78 s on two cores.

Expected: no estimate above what it estimates. Rank correlation of the critic's value with W1 over the run: .8 to .95, at either rate; of
log 2 + V/2 with JS: about .1 where D learns as fast as the generator, .6 to .9 where it is ten times faster, so that what decides is how
well D is trained. In these dimensions the supports overlap: JS is not log 2, nor is its estimate, and the WGAN paper's figure 4 does not
repeat. The non-saturating game often ends without some of the modes, where JS is low, W1 is not, and D says what JS is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.figure import Figure

from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, over_seeds, theorem
from experiments.framework.tables import per_seed
from gan_jax import ranges
from gan_jax.metrics import statistics
from gan_jax.plots.arms_race import InPlane, OnLine, Strip, arms_race, arms_race_animation
from gan_jax.plots.panels import Curve, Panel, Reference
from gan_jax.plots.style import BLUE, GREY, VERMILION, Look
from gan_jax.ranges import AtLeastTwo, Count, Even, NonNegative, Positive, Recorded, Seed, Share

ARENAS = ("line", "ring")

GAMES = ("non_saturating", "wasserstein")

SPEEDS = ("equal rates", "fast D")
"""The two rates of the discriminator, slower first."""

TITLES = {"line": "1-D", "ring": "2-D", "non_saturating": "non-saturating", "wasserstein": "Wasserstein"}


@dataclass(frozen=True)
class Config:
    """Two arenas, two objectives, two rates of the discriminator."""

    seeds: AtLeastTwo = 6  # Independent games of each kind.
    steps: Recorded = 1600  # Updates of the generator; a multiple of ``records``.
    records: Annotated[int, ranges.Range(1, ranges.MOST), ranges.MultipleOf("transport_every")] = 80
    """How often the laws are looked at after generation zero; a multiple of ``transport_every``."""

    transport_every: Count = 5  # In the plane, W1 is computed at every so many records.
    discriminator_steps: Count = 5  # Updates of the discriminator for each of the generator.
    batch_size: Count = 256  # Examples of each law at an update.
    generator_rate: Positive = 3e-4  # Learning rate of the generator's Adam.
    discriminator_rates: tuple[Positive, Positive] = (3e-4, 3e-3)  # Adam's rates, the slower discriminator first.
    line_separation: NonNegative = 4.0  # Between the two Gaussians on the line, in units of x.
    line_scale: Positive = 0.5  # Standard deviation of each Gaussian on the line.
    line_width: Even = 32  # Width of both hidden layers of either network on the line; even.
    line_reach: Positive = 8.0  # Half the length of the grid on the line; what lies beyond is two bins more.
    cells: Even = 1024  # Cells of equal probability of the latent; even.
    bins: Even = 1024  # Bins of the grid on the line; even.
    ring_radius: Positive = 1.5  # Radius of the ring of eight Gaussians, in units of x.
    ring_scale: Positive = 0.1  # Standard deviation of each Gaussian of the ring.
    output_noise: Positive = 0.08
    """Standard deviation of what the generator in the plane adds to its output; at least the step of the grid."""

    ring_width: Even = 64  # Width of both hidden layers of either network in the plane; even.
    ring_reach: Positive = 4.0  # Half the side of the grid in the plane; what lies beyond is left out of the law.
    grid: AtLeastTwo = 101  # Points of the grid along either axis of the plane.
    lattice: AtLeastTwo = 4181  # Latents that the generator in the plane is integrated over.
    transported: Count = 1000  # Samples of each law between which W1 is computed in the plane.
    pictures: tuple[Share, ...] = (0.0, 0.05, 0.1, 0.2, 0.4, 1.0)  # Shares of the run at which the strip has a picture.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        ranges.check(self)
        if self.output_noise < 2 * self.ring_reach / (self.grid - 1):
            raise ValueError(
                f"output_noise is {self.output_noise}; expected at least the step {2 * self.ring_reach / (self.grid - 1):.3g} of the grid"
            )


SMOKE = Config(
    seeds=2,
    steps=8,
    records=8,
    transport_every=2,
    batch_size=32,
    line_width=8,
    ring_width=8,
    cells=64,
    bins=64,
    lattice=233,
    transported=100,
)


WGAN = "Arjovsky, Chintala & Bottou 2017, section 4.2"

LARGEST_LAG = 0.25
"""Lags are looked for up to this share of the run."""


class Series(NamedTuple):
    """One game at one rate: what is exact, what the discriminator says, and when.

    Attributes:
      step: generator steps, ``[n]``; generation zero, where the discriminator has not been trained, is left out.
      exact: of the divergence that the game's discriminator estimates, ``[seeds, n]``.
      estimate: the discriminator's value, in expectation, ``[seeds, n]``.
      training: the same from the training batches since the record before, as a loss curve shows it, ``[seeds, n]``.
    """

    step: np.ndarray
    exact: np.ndarray
    estimate: np.ndarray
    training: np.ndarray


def series(arrays: Arrays, arena: str, game: str, speed: int) -> Series:
    """Reads one game's series at the records where the exact value is known."""
    prefix = f"{arena}/{game}"
    step, exact_step = arrays["step"], arrays["step"]
    exact = arrays[f"{prefix}/{'js' if game == 'non_saturating' else 'w1'}"][speed]
    if exact.shape[1] != step.size:
        exact_step = arrays["transport_step"]
    index = np.flatnonzero(np.isin(step, exact_step))[1:]
    estimate, training = arrays[f"{prefix}/estimate"][speed], arrays[f"{prefix}/training"][speed]
    return Series(step[index], exact[:, 1:], estimate[:, index], training[:, index - 1])


def correlation_at_lags(found: Series) -> tuple[np.ndarray, np.ndarray]:
    """Rank correlation of the exact value with the estimate that comes later: lags in steps ``[l]``, correlations ``[seeds, l]``.

    A discriminator cannot know what the generator becomes, so that no lag is negative.
    """
    values = statistics.lagged_rank_correlation(found.exact, found.estimate, LARGEST_LAG)
    return np.arange(values.shape[-1]) * float(found.step[1] - found.step[0]), values


def lag(found: Series) -> tuple[float, float]:
    """The lag at which the correlation, a mean over seeds, is largest, and its standard error by leaving out one seed at a time."""
    lags, values = correlation_at_lags(found)
    best = float(lags[_best(values)])
    seeds = len(values)
    if seeds < 2:
        return best, math.nan
    without = [lags[_best(np.delete(values, seed, axis=0))] for seed in range(seeds)]
    return best, float(np.sqrt((seeds - 1) * np.var(without)))


def gain_by_lag(found: Series) -> np.ndarray:
    """How much the correlation of each seed gains at the lag of ``lag`` over none, ``[seeds]``."""
    _, values = correlation_at_lags(found)
    return values[:, _best(values)] - values[:, 0]


def _best(values: np.ndarray) -> int:
    return int(np.argmax(np.nan_to_num(values.mean(axis=0), nan=-1.0)))


def every(arrays: Arrays) -> Iterator[tuple[str, str, int, Series]]:
    """All games: arena, objective, index of the rate, series."""
    for arena in ARENAS:
        for game in GAMES:
            for speed in range(len(SPEEDS)):
                yield arena, game, speed, series(arrays, arena, game, speed)


def claims(arrays: Arrays) -> list[Claim]:
    """Bounds that hold for any discriminator, then what the WGAN paper says of loss curves."""
    result = []
    for arena in ARENAS:
        result += [*_bounds(arrays, arena), *_tracking(arrays, arena)]
    return result


def _bounds(arrays: Arrays, arena: str) -> list[Claim]:
    """No discriminator says more than there is."""
    excess = (arrays[f"{arena}/non_saturating/estimate"] - arrays[f"{arena}/non_saturating/js"]).max()
    # Two sums over the cells in float32, of terms whose sizes add up to a few nats or units.
    rounding = 4.0 * math.sqrt(float(arrays[f"{arena}/cells"])) * float(np.finfo(np.float32).eps)
    what = f"{arena}, non-saturating: log 2 + V/2 − JS, largest of all records (nats)"
    source = "Goodfellow et al. 2014, theorem 1: V(D) ≤ 2 JS − 2 log 2"
    result = [theorem(what, source, 0.0, excess, rounding, AT_MOST, "float32 sums")]
    source = "Kantorovich–Rubinstein duality"
    if arena == "line":
        excess = (arrays["line/wasserstein/estimate"] - arrays["line/wasserstein/w1"]).max()
        what = "line, Wasserstein: critic's value − W1, largest of all records (units of x)"
        # The weights certify a slope of at most 1 up to 1e-5, over distances of a few units.
        tolerance, basis = rounding + 1e-4, "float32, slope ≤ 1 + 1e-5"
        return [*result, theorem(what, source, 0.0, excess, tolerance, AT_MOST, basis)]
    found = [series(arrays, arena, "wasserstein", speed) for speed in range(len(SPEEDS))]
    gaps = np.mean([(one.estimate - one.exact).mean(axis=1) for one in found], axis=0)
    what = "ring, Wasserstein: critic's value − W1 of samples, mean over the run (units of x)"
    if len(gaps) > 1:
        result.append(theorem(what, source, 0.0, *over_seeds(gaps, 4.0, student=True), AT_MOST, "4 s.e., Student's t"))
    return result


def _tracking(arrays: Arrays, arena: str) -> list[Claim]:
    """What a loss curve is worth. Where a sign is claimed, two standard errors are taken off the mean, and nothing is tolerated."""
    rho: dict[tuple[str, int], np.ndarray] = {}
    for name, game, speed, found in every(arrays):
        if name == arena:
            rho[game, speed] = statistics.rank_correlation(found.exact, found.estimate)

    def positive(what: str, source: str, values: np.ndarray) -> Claim:
        mean, error = statistics.mean_and_error(values)
        said = f"{arena}, {what}, less 2 s.e. ({mean:.2f} ± {error:.2f})"
        return finding(said, source, 0.0, mean - 2 * error, 0.0, AT_LEAST, "2 s.e. are taken off")

    trained = f"{WGAN}: because the critic is trained relatively well before each generator update"
    result = []
    for speed, label in enumerate(SPEEDS):
        what = f"Wasserstein, {label}: rank correlation of the critic's value with W1"
        result.append(positive(what, f"{WGAN}, figure 3", rho["wasserstein", speed]))
    for speed, label in enumerate(SPEEDS):
        what = f"{label}: that correlation over the one of log 2 + V/2 with JS"
        better = rho["wasserstein", speed] - rho["non_saturating", speed]
        result.append(positive(what, f"{WGAN}, figures 3 and 4", better))
    for game, title in zip(GAMES, ("non-saturating", "Wasserstein"), strict=True):
        what = f"{title}: what a faster D adds to the rank correlation"
        result.append(positive(what, trained, rho[game, 1] - rho[game, 0]))
    late = series(arrays, arena, "non_saturating", 1).estimate
    ends = over_seeds(late[:, late.shape[1] // 2 :].mean(axis=1), 2.0, slack=0.005)
    what = f"{arena}, non-saturating, {SPEEDS[1]}: log 2 + V/2 stays at log 2 (mean of the second half, nats)"
    result.append(finding(what, f"{WGAN}, figure 4", 0.69, *ends, EQUAL, "two digits, 2 s.e."))
    fast = series(arrays, arena, "wasserstein", 1)
    what = f"{arena}, Wasserstein, {SPEEDS[1]}: what a lag ({lag(fast)[0]:g} steps) adds to the rank correlation"
    gained = over_seeds(gain_by_lag(fast), 2.0)
    return [*result, finding(what, trained, 0.0, *gained, AT_MOST, "2 s.e. over seeds")]


def table(arrays: Arrays) -> list[TableRow]:
    """Long format: per seed the correlations and the last values; over seeds the lag; the errors of the exact values."""
    rows: list[TableRow] = []
    for arena, game, speed, found in every(arrays):
        row = {"arena": arena, "game": game, "discriminator": SPEEDS[speed]}
        quantities = {
            "rank_correlation": statistics.rank_correlation(found.exact, found.estimate),
            "rank_correlation_of_training_loss": statistics.rank_correlation(found.exact, found.training),
            "rank_correlation_gained_by_lag": gain_by_lag(found),
            "mean_gap": (found.exact - found.estimate).mean(axis=1),
            **{f"last_{name}": arrays[f"{arena}/{game}/{name}"][speed][:, -1] for name in ("js", "w1", "estimate")},
            "largest_mass_outside_grid": arrays[f"{arena}/{game}/outside"][speed].max(axis=1),
            "largest_error_of_js": np.abs(arrays[f"{arena}/{game}/js_error"][speed]).max(axis=1),
        }
        if arena == "line":
            quantities["largest_error_of_w1"] = np.abs(arrays[f"{arena}/{game}/w1_error"][speed]).max(axis=1)
        else:
            quantities["w1_of_two_data_samples"] = arrays[f"{arena}/{game}/floor"][speed]
        for quantity, values in quantities.items():
            rows += per_seed(values, **row, quantity=quantity)
        value, error = lag(found)
        rows.append({**row, "quantity": "lag_in_generator_steps", "value": value, "standard_error": error})
    return rows


def _strips(arrays: Arrays, records: np.ndarray) -> list[Strip]:
    """The games of the first seed with the faster discriminator, at some of the records."""
    result = []
    for arena in ARENAS:
        for game in GAMES:
            prefix = f"{arena}/{game}"
            probability = game == "non_saturating"
            logits = arrays[f"{prefix}/logits"][records]
            shown = 0.5 * (1 + np.tanh(logits / 2)) if probability else logits
            moments: list[OnLine | InPlane]
            if arena == "line":
                x, step = arrays["line/axis"], float(arrays["bin"])
                inside = np.abs(x) <= 4.5
                data = arrays["line/data"][inside] / step
                moments = [
                    OnLine(int(arrays["step"][r]), x[inside], data, g[inside] / step, d[inside])
                    for r, g, d in zip(records, arrays[f"{prefix}/generator"][records], shown, strict=True)
                ]
            else:
                data, inside = arrays[f"{prefix}/real"], np.abs(arrays["ring/axis"]) <= 2.6
                moments = [
                    InPlane(int(arrays["step"][r]), data, g, arrays["ring/axis"][inside], d[inside][:, inside])
                    for r, g, d in zip(records, arrays[f"{prefix}/samples"][records], shown, strict=True)
                ]
            result.append(Strip(f"{TITLES[arena]}\n{TITLES[game]}", moments, probability))
    return result


def animation(arrays: Arrays) -> FuncAnimation:
    """All four games, moving; the beginning, where most happens, slower than the end."""
    last = arrays["step"].size - 1
    return arms_race_animation(_strips(arrays, np.unique(np.round(last * np.linspace(0, 1, 40) ** 1.5).astype(int))))


def plot(arrays: Arrays) -> Figure:
    """Strips of the games; JS, W1 and rank correlation below them."""
    names = [(arena, game) for arena in ARENAS for game in GAMES]
    log_2 = Reference(math.log(2.0), "log 2")
    js, w1, correlation = [], [], []
    for arena, game in names:
        own = {"non_saturating": "js", "wasserstein": "w1"}[game]
        curves: dict[str, list[Curve]] = {"js": [], "w1": []}
        lags = []
        for speed, (label, color) in enumerate(zip(SPEEDS, (BLUE, VERMILION), strict=True)):
            for quantity, found in curves.items():
                values = arrays[f"{arena}/{game}/{quantity}"][speed]
                step = arrays["step"] if values.shape[1] == arrays["step"].size else arrays["transport_step"]
                found.append(_curve(f"exact, {label}", step, values, Look(color, "-", linewidth=2.2)))
            values = arrays[f"{arena}/{game}/estimate"][speed][:, 1:]
            look = Look(color, (0, (2.2, 1.2)), linewidth=1.8, order=4.0)  # type: ignore[arg-type]
            curves[own].append(_curve(f"D's estimate, {label}", arrays["step"][1:], values, look))
            at, values = correlation_at_lags(series(arrays, arena, game, speed))
            lags.append(_curve("", at, values, Look(color, "-", linewidth=2.2)))
        js.append(
            Panel(curves["js"], f"{TITLES[arena]} {TITLES[game]}", "", "JS (nats)", (log_2,), y_limits=(-0.02, 0.78))
        )
        if arena == "ring":
            baseline = np.broadcast_to(arrays[f"{arena}/{game}/floor"][0][:, None], (len(values), arrays["step"].size))
            curves["w1"].append(
                Curve("two samples of the data", arrays["step"], baseline.mean(axis=0), look=Look(GREY, ":"))
            )
        w1.append(Panel(curves["w1"], "", "generator steps", "W1 (units of x)", y_limits=(-0.1, 2.05)))
        which = {"js": "JS", "w1": "W1"}[own]
        correlation.append(
            Panel(lags, f"with {which}", "lag (generator steps)", "rank correlation", y_limits=(-1.05, 1.05))
        )
    return arms_race(_strips(arrays, arrays["pictures"]), [js, w1, correlation])


def _curve(label: str, x: np.ndarray, values: np.ndarray, look: Look) -> Curve:
    """Mean over seeds and two standard errors."""
    return Curve(label, x, *statistics.band(values, times=2.0), look)
