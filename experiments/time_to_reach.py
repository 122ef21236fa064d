"""How long a generator takes to arrive, by how far away it begins: minimax never arrives from far.

Figure: the data are N(m, 1), the generator an affine map of noise that begins as N(0, 1); steps of the generator until W1, exact in closed
form, is below 0.1, against m. Left: plain gradient descent, which feels how large a gradient is. Right: Adam, which divides that out.
Marks: games with trained discriminators (and, for energy distance and MMD, none), means and range over seeds; hollow where a run was
stopped before it arrived, at the largest number of steps. Lines: the same generator and optimiser on the exact divergence that the
objective has at its optimal discriminator. Dotted: the integral T(m) = ∫ dm' / (rate g(m')) for a generator that can only move, with g
the exact gradients 2 dJS/dm, m − 2 dJS/dm and 1.

Arjovsky & Bottou 2017, "Towards principled methods for training generative adversarial networks", theorems 2.4 and 2.5; Arjovsky,
Chintala & Bottou 2017, "Wasserstein GAN", theorem 3.

Command: ``python -m experiments time_to_reach``; 66 s on two cores.

Expected: with plain descent minimax does not arrive from m = 8 and 10 (the integral asks for 70 000 steps at m = 8); Wasserstein's time is
m / rate. Games take the steps that the exact divergence says, but for the non-saturating one from m = 4 on: its generator moves faster than
its discriminator learns, and the claim does not hold. With Adam minimax arrives from everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.artifacts import Arrays, Row
from experiments.claims import AT_LEAST, AT_MOST, EQUAL, Claim
from experiments.exact_descent import EXACT, MOVING, descent, integrals
from experiments.progress import Progress
from gan_jax.plots.curves import reference_line
from gan_jax.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, WIDTH, Look, style
from gan_jax.ranges import Count, Even, Positive, Seed

CLASSIFIERS = ("minimax", "non_saturating", "least_squares", "hinge", "relativistic")
COSTS = ("energy", "mmd")
LOOKS = {
    "minimax": Look(VERMILION, "", "o", order=4.0),
    "non_saturating": Look(ORANGE, "", "s", order=3.0),
    "least_squares": Look(PURPLE, "", "^", order=3.0),
    "hinge": Look(GREEN, "", "v", order=3.0),
    "relativistic": Look(SKY, "", "D", order=3.0),
    "wasserstein": Look(BLUE, "", "P", order=4.0),
    "energy": Look(GREY, "", "X", order=3.0),
    "mmd": Look(BLACK, "", "*", order=3.0),
}
"""The objectives and how their marks are drawn."""

NAMES = {
    "non_saturating": "non-saturating",
    "least_squares": "least squares",
    "wasserstein": "Wasserstein",
    "mmd": "MMD",
}
"""Where they are called otherwise in print."""

OPTIMIZERS = {"sgd": "plain gradient descent", "adam": "Adam"}


@dataclass(frozen=True)
class Config:
    """Where generators begin, and how the games are played."""

    separations: tuple[Positive, ...] = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0)
    """m: the data are N(m, 1), the generator begins as N(0, 1)."""

    seeds: Count = 5
    """Independent games at every separation."""

    at_most: Count = 3000
    """Steps of the generator after which a run is stopped."""

    within: Positive = 0.1
    """W1 at which the generator has arrived, in units of x."""

    rate: Positive = 0.02
    """Learning rate of the generator, for plain descent and for Adam."""

    discriminator_rate: Positive = 5e-3
    """Learning rate of the discriminator's and the critic's Adam."""

    discriminator_steps: Count = 5
    """Updates of the discriminator at every step of the generator."""

    width: Even = 32
    """Width of both hidden layers of discriminator and critic; even."""

    batch_size: Count = 256
    """Samples of each law at an update."""

    dense: Count = 1000
    """Points of the integral's curve."""

    seed: Seed = 0
    """Seed of everything random."""


SMOKE = Config(
    separations=(1.0, 8.0), seeds=2, at_most=400, rate=0.05, discriminator_steps=2, width=8, batch_size=64, dense=100
)


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games: for each optimiser one program of classifiers, one of critics, one of costs, one of exact descents."""
    import jax

    from gan_jax.training.ensemble import sweep

    members = {"classifier": CLASSIFIERS, "critic": ("wasserstein",), "direct": COSTS, "exact": EXACT}
    arrays: dict[str, Any] = {
        "separation": np.asarray(config.separations),
        "at_most": np.asarray(config.at_most),
        "rate": np.asarray(config.rate),
        "within": np.asarray(config.within),
    }
    arrays |= integrals(max(config.separations), config.rate, within=config.within, points=config.dense)
    jobs = [(optimizer, kind) for optimizer in OPTIMIZERS for kind in members]
    for optimizer, kind in progress.track(jobs, "programs"):
        names = members[kind]
        # Which objective is data as well: those that share a network share a program, in which it is a branch.
        found = sweep(
            _member(config, optimizer, kind),
            # The same at every program, so that two games of one seed differ by what is compared alone.
            jax.random.key(config.seed),
            # The exact descent has nothing random.
            seeds=1 if kind == "exact" else config.seeds,
            objective=np.arange(len(names)),
            separation=config.separations,
        )
        for quantity in ("steps", "reached"):
            values = found[quantity].reshape(len(names), len(config.separations), -1)
            # An exact descent and a game of the same name are two things.
            prefix = "exact/" if kind == "exact" else ""
            arrays |= {f"{optimizer}/{prefix}{name}/{quantity}": values[i] for i, name in enumerate(names)}
    return {name: np.asarray(value) for name, value in arrays.items()}


def _member(config: Config, optimizer: str, kind: str) -> Callable[..., dict[str, Any]]:
    """One run as a function of key, objective (a number) and separation."""
    import jax
    import jax.numpy as jnp
    import optax

    from gan_jax.divergences.gaussians import wasserstein_1_normal
    from gan_jax.models import lipschitz, mlp, players
    from gan_jax.objectives import choice, costs, losses
    from gan_jax.training import game, passage, updates

    generator_optimizer: Any = game.adam() if optimizer == "adam" else optax.sgd
    features = (config.width, config.width)
    shared: dict[str, Any] = {
        "batch_size": config.batch_size,
        "generator_optimizer": generator_optimizer,
        "generator_rate": config.rate,
        "data_parameters": {"separation": 1.0},
    }
    adversarial = {
        **shared,
        "discriminator_steps": config.discriminator_steps,
        "discriminator_rate": config.discriminator_rate,
    }

    def data(key: Any, batch: int, /, **hyper: Any) -> Any:
        return hyper["separation"] + jax.random.normal(key, (batch, 1))

    def play(of: Callable[[Any], game.Game]) -> Callable[..., dict[str, Any]]:
        def member(key: Any, objective: Any, separation: Any) -> dict[str, Any]:
            def arrived(state: Any) -> Any:
                params = state.generator.variables["params"]
                # A Z + b has the scale |A|: W1 of two normal laws on the line is E|δ + t Z| with the differences of means and scales.
                difference = jnp.abs(params["matrix"][0, 0]) - 1.0
                return wasserstein_1_normal(params["shift"][0] - separation, difference) < config.within

            own = of(objective.astype(int))
            found = passage.first_passage(own, own.init(key, separation=separation), arrived, at_most=config.at_most)
            return {"steps": found.steps, "reached": found.reached}

        return member

    affine, rule = players.affine(), updates.alternating()
    if kind == "classifier":
        network = mlp.mlp(features)
        made = [losses.OBJECTIVES[name]() for name in CLASSIFIERS]
        return play(lambda o: game.adversarial(choice.one_of(made, o), affine, network, data, rule, **adversarial))
    if kind == "critic":
        critic = lipschitz.orthonormal_mlp(features)
        return play(lambda o: game.adversarial(losses.wasserstein(), affine, critic, data, rule, **adversarial))
    if kind == "direct":
        branches = [costs.COSTS[name]() for name in COSTS]
        return play(lambda o: game.direct(partial(jax.lax.switch, o, branches), affine, data, **shared))
    return descent(generator_optimizer(config.rate), within=config.within, at_most=config.at_most)


def claims(arrays: Arrays) -> list[Claim]:
    """Who arrives, when, and whether the exact divergence says so."""
    m, most, rate = arrays["separation"], float(arrays["at_most"]), float(arrays["rate"])
    far = m >= 8.0
    ab = "Arjovsky & Bottou 2017"

    def share(optimizer: str, name: str, where: np.ndarray) -> float:
        return float(arrays[f"{optimizer}/{name}/reached"][where].mean()) if where.any() else np.nan

    integral = float(np.exp(np.interp(8.0, arrays["dense"], np.log(np.maximum(arrays["integral/minimax"], 1e-9)))))
    always = np.ones(len(m), bool)
    result = [
        Claim(
            f"minimax, plain descent: share of runs from m ≥ 8 that arrive in {most:g} steps",
            f"{ab}, theorem 2.4",
            0.0,
            share("sgd", "minimax", far),
            0.0,
            AT_MOST,
            "none",
        ),
        Claim(
            "minimax: steps that the integral of 1 / (rate · 2 dJS/dm) asks for at m = 8",
            f"{ab}, theorem 2.4",
            most,
            integral,
            0.0,
            AT_LEAST,
            "more than the games were given",
        ),
        Claim(
            "minimax, plain descent on the exact 2 JS: share from m ≥ 8 that arrives",
            f"{ab}, theorem 2.4",
            0.0,
            share("sgd", "exact/minimax", far),
            0.0,
            AT_MOST,
            "none",
        ),
        Claim(
            "non-saturating, plain descent: share of runs that arrive",
            f"{ab}, theorem 2.5",
            1.0,
            share("sgd", "non_saturating", always),
            0.0,
            AT_LEAST,
            "all",
        ),
        Claim(
            "Wasserstein, plain descent: share of runs that arrive",
            "Arjovsky, Chintala & Bottou 2017, theorem 3",
            1.0,
            share("sgd", "wasserstein", always),
            0.0,
            AT_LEAST,
            "all",
        ),
        Claim(
            "minimax, Adam: share of runs that arrive, from every m",
            "Kingma & Ba 2015, section 2.1",
            1.0,
            share("adam", "minimax", always),
            0.0,
            AT_LEAST,
            "all",
        ),
    ]
    steps = arrays["sgd/wasserstein/steps"].astype(float)
    slopes = rate * np.polyfit(m, steps, 1)[0]
    error = float(slopes.std(ddof=1) / np.sqrt(slopes.size)) if slopes.size > 1 else 0.0
    result.append(
        Claim(
            "Wasserstein, plain descent: slope of the time over m, times the rate",
            "dW1/dm = 1",
            1.0,
            float(slopes.mean()),
            0.03 + 3 * error,
            EQUAL,
            "3 % of the critic's slope asked for + 3 standard errors",
        )
    )
    # A network that follows a moving generator is asked for less than a critic held to slope 1, or no discriminator at all.
    for name, within in (
        ("minimax", 0.1),
        ("non_saturating", 0.1),
        ("wasserstein", 0.05),
        ("energy", 0.05),
        ("mmd", 0.05),
    ):
        result.append(_against_exact(arrays, name, within))
    return result


def _against_exact(arrays: Arrays, name: str, within: float) -> Claim:
    """The mean time of plain descent over that on the exact divergence, at the separation where they differ most."""
    where = arrays[f"sgd/exact/{name}/reached"][:, 0]
    steps = arrays[f"sgd/{name}/steps"][where].astype(float)
    ratio = steps / arrays[f"sgd/exact/{name}/steps"][where]
    worst = int(np.abs(ratio.mean(axis=1) - 1).argmax()) if where.any() else 0
    seeds = steps.shape[1]
    error = float(ratio[worst].std(ddof=1) / np.sqrt(seeds)) if where.any() and seeds > 1 else 0.0
    return Claim(
        f"{name}, plain descent: mean time over that on the exact divergence, where it differs most",
        "the discriminator is optimal",
        1.0,
        float(ratio[worst].mean()) if where.any() else np.nan,
        within + 3 * error,
        EQUAL,
        f"{within:.0%} asked for + 3 standard errors",
    )


def table(arrays: Arrays) -> list[Row]:
    """Every run: steps, and whether it arrived; the seed of an exact descent is -1."""
    rows: list[Row] = []
    for optimizer in OPTIMIZERS:
        for name in (*LOOKS, *(f"exact/{name}" for name in EXACT)):
            steps, reached = (arrays[f"{optimizer}/{name}/{quantity}"] for quantity in ("steps", "reached"))
            for i, m in enumerate(arrays["separation"]):
                for seed in range(steps.shape[1]):
                    rows.append(
                        {
                            "optimizer": optimizer,
                            "objective": name.removeprefix("exact/"),
                            "separation": float(m),
                            "seed": -1 if name.startswith("exact/") else seed,
                            "steps": int(steps[i, seed]),
                            "reached": bool(reached[i, seed]),
                        }
                    )
    return rows


def plot(arrays: Arrays) -> Figure:
    """Steps over separations, for plain descent and for Adam."""
    with style():
        figure = Figure(figsize=(WIDTH, 5.2), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        for ax, (optimizer, title) in zip(axes, OPTIMIZERS.items(), strict=True):
            _panel(ax, arrays, optimizer)
            ax.set_title(title)
            ax.set_xlabel("m, where the generator begins (σ)")
        axes[0].set_ylabel(f"generator steps until W1 < {float(arrays['within']):g}")
        names = [
            Line2D([], [], label=NAMES.get(name, name), **{**look.line_arguments(), "markersize": 8.0})
            for name, look in LOOKS.items()
        ]
        lines = [
            Line2D([], [], color=BLACK, linewidth=1.8, label="exact divergence"),
            Line2D([], [], color=BLACK, linewidth=1.8, linestyle=":", label="∫ dm / (rate g)"),
            Line2D([], [], color=BLACK, marker="o", markerfacecolor="white", linestyle="none", label="not all arrived"),
        ]
        axes[1].legend(handles=[*names, *lines], loc="upper left", bbox_to_anchor=(1.02, 1.02), borderaxespad=0.0)
    return figure


def _panel(ax: Axes, arrays: Arrays, optimizer: str) -> None:
    m, most = arrays["separation"], float(arrays["at_most"])
    ax.set_yscale("log")
    reference_line(ax, most, "")
    ax.text(0.02, most * 1.05, "stopped", transform=ax.get_yaxis_transform(), color=GREY, fontsize="small", va="bottom")
    for index, (name, look) in enumerate(LOOKS.items()):
        steps, reached = (arrays[f"{optimizer}/{name}/{quantity}"] for quantity in ("steps", "reached"))
        # Side by side, so that no mark hides another.
        x = m + 0.1 * (index - 0.5 * (len(LOOKS) - 1))
        mean = steps.mean(axis=1)
        ax.vlines(x, steps.min(axis=1), steps.max(axis=1), color=look.color, linewidth=1.4, zorder=look.order)
        ax.plot(x, mean, **{**look.line_arguments(), "markersize": 8.0})
        censored = ~reached.all(axis=1)
        hollow = {
            **look.line_arguments(),
            "markersize": 8.0,
            "markerfacecolor": "white",
            "markeredgecolor": look.color,
            "markeredgewidth": 1.5,
        }
        ax.plot(x[censored], mean[censored], **hollow)
        if name in EXACT:
            exact, arrived = (arrays[f"{optimizer}/exact/{name}/{quantity}"][:, 0] for quantity in ("steps", "reached"))
            ax.plot(m[arrived], exact[arrived], color=look.color, linewidth=1.8, zorder=2.0)
        if optimizer == "sgd" and name in MOVING:
            time = arrays[f"integral/{name}"]
            seen = (arrays["dense"] >= 0.6) & (time <= most)
            ax.plot(arrays["dense"][seen], time[seen], color=look.color, linewidth=1.8, linestyle=":", zorder=1.8)
    ax.set_ylim(20.0, most * 1.4)
