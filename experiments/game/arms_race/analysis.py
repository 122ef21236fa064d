"""Whether a discriminator's estimate tracks the divergence: rank correlation and lag over seeds, claims and table of ``arms_race``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, over_seeds, theorem
from experiments.framework.tables import per_seed
from experiments.game.arms_race.experiment import ARENAS, GAMES, SPEEDS
from gan_jax.metrics import statistics

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
    """Rank correlation of the exact value with the estimate that comes later.

    The window of the exact series is the same at all lags, so that lags compare; a discriminator cannot know what the generator becomes, so
    that none is negative.

    Returns:
      Lags in generator steps ``[l]``, and correlations ``[seeds, l]``.
    """
    length = found.step.size
    window = length - max(1, int(LARGEST_LAG * length))
    lags = np.arange(length - window + 1)
    values = [
        statistics.rank_correlation(found.exact[:, :window], found.estimate[:, lag : lag + window]) for lag in lags
    ]
    return lags * float(found.step[1] - found.step[0]), np.stack(values, axis=1)


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
    return [*result, theorem(what, source, 0.0, *over_seeds(gaps, 4.0), AT_MOST, "4 s.e. over seeds")]


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
