"""The figure of ``arms_race``."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.figure import Figure

from experiments.framework import Arrays
from experiments.game.arms_race.analysis import correlation_at_lags, series
from experiments.game.arms_race.experiment import ARENAS, GAMES, SPEEDS, TITLES
from gan_jax.metrics import statistics
from gan_jax.plots.arms_race import InPlane, OnLine, Strip, arms_race, arms_race_animation
from gan_jax.plots.panels import Curve, Panel, Reference
from gan_jax.plots.style import BLUE, GREY, VERMILION, Look


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
