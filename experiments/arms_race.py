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
from dataclasses import dataclass

import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.figure import Figure

from experiments import arms_race_tracking as tracking
from experiments.arms_race_tracking import ARENAS, GAMES, SPEEDS, claims, table
from experiments.artifacts import Arrays
from experiments.progress import Progress
from gan_jax.plots.arms_race import InPlane, OnLine, Strip
from gan_jax.plots.panels import Curve, Panel, Reference
from gan_jax.plots.style import BLUE, GREY, VERMILION, Look
from gan_jax.ranges import Count, Even, NonNegative, Positive, Seed, Share

TITLES = {"line": "1-D", "ring": "2-D", "non_saturating": "non-saturating", "wasserstein": "Wasserstein"}

__all__ = ["SMOKE", "Config", "animation", "claims", "plot", "run", "table"]


@dataclass(frozen=True)
class Config:
    """Two arenas, two objectives, two rates of the discriminator."""

    seeds: Count = 6
    """Independent games of each kind."""

    steps: Count = 1600
    """Updates of the generator; a multiple of ``records``."""

    records: Count = 80
    """How often the laws are looked at after generation zero; a multiple of ``transport_every``."""

    transport_every: Count = 5
    """In the plane, W1 is computed at every so many records."""

    discriminator_steps: Count = 5
    """Updates of the discriminator for each of the generator."""

    batch_size: Count = 256
    """Examples of each law at an update."""

    generator_rate: Positive = 3e-4
    """Of Adam."""

    discriminator_rates: tuple[Positive, Positive] = (3e-4, 3e-3)
    """Of Adam, the slower discriminator first."""

    line_separation: NonNegative = 4.0
    """Between the two Gaussians on the line, in units of x."""

    line_scale: Positive = 0.5
    """Their standard deviation."""

    line_width: Even = 32
    """Width of both hidden layers of either network on the line; even."""

    line_reach: Positive = 8.0
    """Half the length of the grid on the line; what lies beyond is two bins more."""

    cells: Even = 1024
    """Cells of equal probability of the latent; even."""

    bins: Even = 1024
    """Bins of the grid on the line; even."""

    ring_radius: Positive = 1.5
    """Of the ring of eight Gaussians, in units of x."""

    ring_scale: Positive = 0.1
    """Their standard deviation."""

    output_noise: Positive = 0.08
    """Standard deviation of what the generator in the plane adds to its output; at least the step of the grid."""

    ring_width: Even = 64
    """Width of both hidden layers of either network in the plane; even."""

    ring_reach: Positive = 4.0
    """Half the side of the grid in the plane; what lies beyond is left out of the law."""

    grid: Count = 101
    """Points of the grid along either axis of the plane."""

    lattice: Count = 4181
    """Latents that the generator in the plane is integrated over."""

    transported: Count = 1000
    """Samples of each law between which W1 is computed in the plane."""

    pictures: tuple[Share, ...] = (0.0, 0.05, 0.1, 0.2, 0.4, 1.0)
    """Shares of the run at which the strip has a picture."""

    seed: Seed = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        for name, value, divisor in (
            ("steps", self.steps, self.records),
            ("records", self.records, self.transport_every),
            ("cells", self.cells, 2),
            ("bins", self.bins, 2),
        ):
            if value < 1 or value % divisor:
                raise ValueError(f"{name} is {value}; expected a multiple of {divisor}")
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


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games, one program for each arena and objective, then transports samples in the plane."""
    import jax

    from experiments import arms_race_games as games

    members = config.seeds * len(SPEEDS)
    shown = np.arange(0, config.records + 1)
    arrays = {
        "step": shown * (config.steps // config.records),
        "transport_step": shown[:: config.transport_every] * (config.steps // config.records),
        "pictures": np.unique(np.round(np.asarray(config.pictures) * config.records).astype(int)),
        "bin": np.asarray(2 * config.line_reach / config.bins),
        "rates": np.asarray(config.discriminator_rates),
    }
    keys = dict(zip(ARENAS, jax.random.split(jax.random.key(config.seed), len(ARENAS)), strict=True))
    # Both objectives of an arena start from clones of one key: the same generator at generation zero, the same data.
    shares = {"line": (16.0, 0.0), "ring": (42.0, 42.0)}
    with progress.task("games", total=sum(map(sum, shares.values()))):
        for arena_name, (share, transport) in shares.items():
            arena = games.line(config) if arena_name == "line" else games.plane(config)
            width = config.line_width if arena_name == "line" else config.ring_width
            arrays[f"{arena_name}/axis"] = arena.points
            arrays[f"{arena_name}/data"] = arena.masses
            arrays[f"{arena_name}/cells"] = np.asarray(arena.masses.size)
            for game in GAMES:
                name = f"{TITLES[arena_name]} {TITLES[game]}"
                with progress.task(name, total=members, share=share / 2) as inner:
                    before = 0

                    def on_part(done: int, _: int, inner=inner) -> None:  # type: ignore[no-untyped-def]
                        nonlocal before
                        inner.advance(done - before)
                        before = done

                    played = games.play(arena, game, width, config, jax.random.clone(keys[arena_name]), on_part)
                if arena_name == "ring":
                    with progress.task(f"{name}: transport", total=members, share=transport / 2) as inner:
                        played["w1"], played["floor"] = games.transported(played, config, inner.advance)
                arrays |= {f"{arena_name}/{game}/{field}": value for field, value in games.kept(played).items()}
    return arrays


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
    from gan_jax.plots.arms_race import arms_race_animation

    last = arrays["step"].size - 1
    return arms_race_animation(_strips(arrays, np.unique(np.round(last * np.linspace(0, 1, 40) ** 1.5).astype(int))))


def plot(arrays: Arrays) -> Figure:
    """Strips of the games; JS, W1 and rank correlation below them."""
    from gan_jax.plots.arms_race import arms_race

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
            at, values = tracking.correlation_at_lags(tracking.series(arrays, arena, game, speed))
            lags.append(_curve("", at, values, Look(color, "-", linewidth=2.2)))
        js.append(
            Panel(curves["js"], f"{TITLES[arena]} {TITLES[game]}", "", "JS (nats)", (log_2,), y_limits=(-0.02, 0.78))
        )
        if arena == "ring":
            floor = np.broadcast_to(arrays[f"{arena}/{game}/floor"][0][:, None], (len(values), arrays["step"].size))
            curves["w1"].append(
                Curve("two samples of the data", arrays["step"], floor.mean(axis=0), look=Look(GREY, ":"))
            )
        w1.append(Panel(curves["w1"], "", "generator steps", "W1 (units of x)", y_limits=(-0.1, 2.05)))
        which = {"js": "JS", "w1": "W1"}[own]
        correlation.append(
            Panel(lags, f"with {which}", "lag (generator steps)", "rank correlation", y_limits=(-1.05, 1.05))
        )
    return arms_race(_strips(arrays, arrays["pictures"]), [js, w1, correlation])


def _curve(label: str, x: np.ndarray, values: np.ndarray, look: Look) -> Curve:
    """Mean over seeds and two standard errors."""
    mean = values.mean(axis=0)
    error = values.std(axis=0, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else np.zeros_like(mean)
    return Curve(label, x, mean, mean - 2 * error, mean + 2 * error, look)
