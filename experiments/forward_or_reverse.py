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

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.artifacts import Arrays, Row
from experiments.claims import AT_LEAST, AT_MOST, EQUAL, Claim
from experiments.f_gan import CROSS, OPTIMA
from experiments.f_gan_games import NAMES as REFERENCE
from experiments.f_gan_games import divergences, mean_and_scale, newton
from experiments.forward_or_reverse_exact import shares
from experiments.forward_or_reverse_games import NAMES, member
from experiments.progress import Progress
from gan_jax.ranges import Count, Positive, Seed

STARTS = ("the middle", "one mode")
"""Where games begin."""

STEIN = "Stein's identity; Opper & Archambeau 2009, equation 4"
SEEKING = "Bishop 2006, figure 10.3"
ROUNDING = 1e-9
"""Double precision and quadrature, of values near one."""


@dataclass(frozen=True)
class Config:
    """Four divergences over a separation, and games at some separations."""

    largest: Positive = 16.0
    """Largest separation of the two modes, in their standard deviations; beyond Jeffreys' switch at 13.05."""

    points: Count = 64
    """Separations at which the middle is computed."""

    game_separations: tuple[Positive, Positive, Positive] = (3.0, 6.0, 9.0)
    """Separations of the games."""

    seeds: Count = 8
    """Independent games of each kind."""

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

    records: Count = 20
    """How many times a game is looked at."""

    seed: Seed = 0
    """Seed of everything random."""


SMOKE = Config(largest=14.0, points=8, seeds=2, width=8, steps=20, discriminator_steps=2, batch_size=64, records=2)
PRESETS = {"quick": Config(seeds=3, width=32, steps=800, batch_size=512)}


def run(config: Config, progress: Progress) -> Arrays:
    """Finds the fits of the reference mixture, follows those of the two modes, and plays the games."""
    import jax
    import jax.numpy as jnp

    from gan_jax.training.ensemble import sweep

    together = jax.device_count() if jax.default_backend() == "cpu" else None
    with progress.task("forward or reverse", total=8.0 + 8.0 + 24.0):
        with progress.task("reference mixture", total=1, share=8.0):
            values = divergences()
            optimum, residual = jax.jit(lambda: jax.lax.map(newton(values), jnp.arange(len(REFERENCE))))()
            found = np.diag(jax.jit(jax.vmap(values))(optimum))
            arrays: dict[str, Any] = {
                "reference/optimum": mean_and_scale(optimum),
                "reference/minimum": found,
                "reference/gradient": residual,
            }
        with progress.task("separation", total=len(NAMES), share=8.0) as task:
            arrays |= _followed(config, task.advance)
        kinds = len(NAMES) * len(config.game_separations) * len(STARTS)
        with progress.task("games", total=kinds * config.seeds, share=24.0) as task:
            played = sweep(
                member(config),
                jax.random.key(config.seed),
                seeds=config.seeds,
                together=together,
                on_part=lambda done, _: task.advance(done - task.done),
                divergence=range(len(NAMES)),
                separation=config.game_separations,
                start=(0.0, 1.0),
            )
        shape = (len(NAMES), len(config.game_separations), len(STARTS), config.seeds)
        arrays["games/path"] = played["path"].reshape(*shape, config.records + 1, 2)
        arrays["games/steps"] = np.linspace(0, config.steps, config.records + 1)
        arrays |= _ends(arrays["games/path"][..., -1, :], config.game_separations)
    return {name: np.asarray(value) for name, value in arrays.items()}


def _followed(config: Config, advance: Any) -> dict[str, Any]:
    """All stationary points over the separation, and where Newton's method ends from a grid of starts."""
    import jax
    import jax.numpy as jnp
    import numpyro.distributions as dist

    from experiments import forward_or_reverse_exact as exactly
    from gan_jax.divergences import exact

    separations = np.linspace(0.0, config.largest, config.points + 1)[1:]
    arrays: dict[str, Any] = {"separations": separations}
    with jax.enable_x64(True):
        apart = jax.vmap(
            lambda d: exact.jensen_shannon(dist.Normal(0.0 * d, 1.0 + 0.0 * d), dist.Normal(d, 1.0 + 0.0 * d))
        )
        arrays["two_modes"] = np.asarray(jax.jit(apart)(jnp.asarray(separations)))
        for name, field in exactly.fields().items():
            branches = {"middle": exactly.middle(field, separations)}
            # The one stationary point of forward KL is the middle: the family is exponential.
            if name != "kl":
                off = exactly.aside(field, config.largest)
                branches["aside"] = off.branch
                arrays[f"{name}/fold"], arrays[f"{name}/turn"] = off.fold, off.turn
                arrays[f"{name}/switch"] = exactly.switch(field, off, config.largest)
            for branch, found in branches.items():
                arrays |= {f"{name}/{branch}/{part}": values for part, values in found._asdict().items()}
            arrays[f"{name}/from_starts"] = np.stack(
                [
                    exactly.minimum(field, 0.5 * place * d, np.log(scale), d)
                    for d in config.game_separations
                    for place in (0.0, 0.4, 0.8, 1.1)
                    for scale in (0.6, 1.5, 0.5 * d)
                ]
            )
            advance(1)
    return arrays


def _ends(ends: np.ndarray, separations: tuple[float, ...]) -> dict[str, np.ndarray]:
    """The exact divergence of every trained fit, and the minimum downhill of every start, ``[divergences, separations, starts, …]``."""
    import jax

    from experiments import forward_or_reverse_exact as exactly

    downhill = np.zeros((*ends.shape[:3], 3))
    least, reached = np.zeros(ends.shape[:3]), np.full(ends.shape[:4], np.nan)
    with jax.enable_x64(True):
        for row, field in enumerate(exactly.fields().values()):
            for column, d in enumerate(separations):
                for start, (mean, scale) in enumerate(((0.0, np.sqrt(1.0 + 0.25 * d * d)), (0.5 * d, 1.0))):
                    place = row, column, start
                    downhill[place] = exactly.minimum(field, mean, np.log(scale), d)
                    least[place] = field(downhill[place])[0]
                    for seed, (mu, sigma) in enumerate(ends[place].astype(float)):
                        if np.isfinite(mu) and sigma > 0.0:
                            reached[(*place, seed)] = field(np.array([mu, np.log(sigma), d]))[0]
    return {
        "games/separations": np.asarray(separations),
        "games/downhill": downhill,
        "games/least": least,
        "games/reached": reached,
    }


# ------------------------------------------------------------------------------------------------- from the arrays alone


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
        result.append(Claim(what, source, 0.0, gap, 5e-5 + 2e-6, EQUAL, "half of the last digit"))
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
        Claim(what, source, 0.0, float(np.abs(gaps).max()), ROUNDING, EQUAL, "double precision")
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
        result.append(Claim(what, "definition", 0.0, left, ROUNDING, EQUAL, "double precision"))
        least = float(arrays[f"{name}/middle/curvatures"].min())
        what = f"{label}: least curvature of the middle over all separations: it stays a minimum"
        result.append(
            Claim(what, STEIN if name == "reverse_kl" else "no pitchfork", 0.0, least, 0.0, AT_LEAST, "its sign")
        )
        if name == "kl":
            continue
        starts, known = arrays[f"{name}/from_starts"], _minima(arrays, name)
        what = f"{label}: minima from a grid of starts, largest distance from the branches"
        away = float(np.max([np.min(np.abs(known(d) - (mu, scale)).max(axis=1)) for mu, scale, d in _folded(starts)]))
        result.append(Claim(what, "the branches are all there is", 0.0, away, 0.02, EQUAL, "interpolated branches"))
        fold, turn = float(arrays[f"{name}/fold"][2]), float(arrays[f"{name}/switch"])
        what = f"{label}: fits on one mode appear (d = {fold:.4f}) before they are the best ones; d of that"
        result.append(Claim(what, "a fold, then a first-order transition", fold, turn, 0.0, AT_LEAST, "exact"))
    for branch in ("middle", "aside"):
        curvature, log_scale = arrays[f"reverse_kl/{branch}/along_mean"], arrays[f"reverse_kl/{branch}/points"][:, 1]
        gap = float(np.abs(curvature * np.exp(2.0 * log_scale) - 1.0).max())
        what = f"reverse KL, {branch}: σ² ∂²D/∂μ² − 1 at every stationary point"
        result.append(Claim(what, STEIN, 0.0, gap, ROUNDING, EQUAL, "double precision"))
    return result


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
        result.append(Claim(what, "disjoint modes", float(limit), value, slack, EQUAL, "overlap of the modes"))
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
        result.append(Claim(f"{what}, d = {d:g}", SEEKING, expected, measured, 1e-6, EQUAL, "interpolated branches"))
    in_no_mode = {name: parts[2] for name, parts in masses.items()}
    what = f"mass in no mode at d = {d:g}: KL's best fit ≥ reverse KL's"
    result.append(Claim(what, SEEKING, in_no_mode["reverse_kl"], in_no_mode["kl"], 0.0, AT_LEAST, "exact"))
    return result


def _of_games(arrays: Arrays) -> list[Claim]:
    result = []
    source = "Nowozin, Cseke & Tomioka 2016, equation 6; the exact landscape"
    for row, label in enumerate(NAMES.values()):
        for start, where in enumerate(STARTS):
            for column, d in enumerate(arrays["games/separations"]):
                least, reached = (
                    float(arrays["games/least"][row, column, start]),
                    arrays["games/reached"][row, column, start],
                )
                error = float(reached.std(ddof=1) / np.sqrt(reached.size))
                # A game that left the numbers is counted as one whose standard error is unknown: the claim does not hold.
                slack = 0.02 * least + (error if np.isfinite(error) else 0.0)
                what = f"games, {label} from {where}, d = {d:g}: exact D − its minimum downhill of the start"
                result.append(Claim(what, source, 0.0, float(reached.mean()) - least, slack, AT_MOST, "s.e. + 2 %"))
    return result


def table(arrays: Arrays) -> list[Row]:
    """Fits of the reference mixture; folds and switches; best fits at the games' separations; every game's end."""
    rows: list[Row] = []

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


def plot(arrays: Arrays) -> Figure:
    """Fits, branches, and what becomes of games."""
    from experiments.forward_or_reverse_plot import draw

    return draw(arrays)
