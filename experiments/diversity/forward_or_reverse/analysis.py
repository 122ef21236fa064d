"""What ``forward_or_reverse`` finds: its claims and its table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import norm

from experiments.diversity.forward_or_reverse.experiment import NAMES, STARTS
from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, theorem
from experiments.game.f_gan.analysis import CROSS, OPTIMA
from experiments.game.f_gan.experiment import NAMES as REFERENCE
from gan_jax.metrics.statistics import mean_and_error

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
        away = float(np.max([np.min(np.abs(known(d) - (mu, scale)).max(axis=1)) for mu, scale, d in _folded(starts)]))
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


def _minima(arrays: Arrays, name: str) -> Any:
    """Returns ``separation -> [(μ, log σ), …]`` of the minima on the branches."""
    both = arrays[f"{name}/middle/points"]
    one = arrays[f"{name}/aside/points"][: int(arrays[f"{name}/turn"])][::-1]

    def at(separation: float) -> np.ndarray:
        found: list[Any] = [(0.0, np.interp(separation, both[:, 2], both[:, 1]))]
        if separation >= one[0, 2]:
            found.append(tuple(np.interp(separation, one[:, 2], one[:, column]) for column in (0, 1)))
        return np.asarray(found)

    return at


def _folded(points: np.ndarray) -> np.ndarray:
    """The same by symmetry, on the right side."""
    return np.column_stack([np.abs(points[:, 0]), points[:, 1:]])


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

    def add(divergence: str, quantity: str, value: Any, **where: Any) -> None:
        place: Mapping[str, Any] = {"separation": "", "start": "", "seed": "", **where}
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
    half = 0.5 * separation
    inner = np.minimum(half, reach)

    def between(low: np.ndarray, high: np.ndarray) -> np.ndarray:
        return norm.cdf((high - mean) / scale) - norm.cdf((low - mean) / scale)

    left = between(-half - reach, -half + inner)
    right = between(half - inner, half + reach)
    return left, right, 1.0 - left - right
