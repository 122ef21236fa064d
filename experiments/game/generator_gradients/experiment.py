"""A frozen generator and a discriminator that learns: which objectives still tell the generator where to go.

Figure: the norm of the generator's gradient over the updates of a discriminator that starts from scratch while the generator does not
move, for every objective. Rows: a ring of 8 Gaussians and 8 × 8 digits; columns: generators of three ages, made by a short game on the
energy distance, which is none of the objectives compared. Every objective trains its own discriminator (log(1 − D) and −log D share one);
W1 has a critic with orthonormal layers and one with a gradient penalty (GP). Curves: geometric means over seeds, bands: one
standard deviation of the logarithm. The norm is that of the mean gradient over a few thousand fixed noise vectors, so that batch noise is
not part of it; dotted: the standard deviation of −log D's gradient from batch to batch. "D's JS": what the discriminator says at the end.

Arjovsky & Bottou 2017, "Towards principled methods for training generative adversarial networks", figure 2 (log(1 − D), theorem 2.4: a
discriminator near the perfect one leaves a gradient near zero) and figure 3 (−log D, theorem 2.6), there for a DCGAN on images after 1,
10 and 25 epochs. Mao et al. 2017 (least squares), Lim & Ye 2017 (hinge), Anil, Lucas & Grosse 2019 (orthonormal), Gulrajani et al.
2017 (GP).

Command: ``python -m experiments generator_gradients``; 71 s on two cores.

Expected: on digits, where no generator lies on the data's support, log(1 − D) falls by two to five orders of magnitude, the more the
younger the generator; −log D's gradient grows thirtyfold and more and gets noisy, and Wasserstein's stays within one order. On the ring the
same holds for an untrained generator, which does not reach the data (2.7 orders); one that overlaps with the data has no perfect
discriminator, theorem 2.4 does not apply, and log(1 − D) does not vanish.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.framework import AT_LEAST, AT_MOST, Arrays, Budget, Claim, TableRow, finding, over_seeds, replication
from experiments.framework.tables import long_rows
from gan_jax.metrics import statistics
from gan_jax.plots.curves import curve_with_band
from gan_jax.plots.style import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION, WIDTH, Look, style
from gan_jax.ranges import AtLeastTwo, Count, Even, NonNegative, Positive, Seed, Whole


@dataclass(frozen=True)
class Config:
    """Generators, their ages, and the discriminators that are trained against them."""

    seeds: Count = 6  # Independent generators of every age, each with discriminators of its own.
    ages: tuple[Whole, ...] = (0, 200, 3000)
    """Steps of the game on the energy distance after which a generator is frozen."""

    radius: Positive = 4.0
    """Of the ring, whose modes have a hundredth of it for scale. How far log(1 − D) falls for an untrained generator, of about unit size,
    depends on it: at 4 the generator does not reach the data; at 2 it does now and then, and in trials with four seeds the fall was one
    order; at 1.414, the size of WGAN-GP's toy data, a third of one."""

    steps: Count = 4000  # Updates of every discriminator.
    records: AtLeastTwo = 25
    """How often the gradient is looked at, evenly on a logarithmic axis from the first update to the last."""

    batch_size: Count = 128  # Examples of each kind at an update.
    noise_batches: Count = 16  # The gradient's norm is taken over so many batches of fixed noise together.
    width: Even = 64  # Width of both hidden layers of every discriminator; even.
    generator_width: Count = 64  # Width of every hidden layer of every generator.
    latent: Count = 8  # Dimensions of the noise of the digits' generator; the ring's has 2.
    discriminator_rate: Positive = 1e-3  # Learning rate of the discriminators' Adam (β = .5, .999, as DCGAN).
    penalty_weight: NonNegative = 10.0  # λ of the gradient penalty.
    game_batch: AtLeastTwo = 256  # Samples of each law at a step of the game that makes the generators.
    generator_rate: Positive = 1e-3  # Learning rate of that game's Adam.
    scored: AtLeastTwo = 2048  # Fresh samples of each law for the energy distance of a frozen generator from the data.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        if list(self.ages) != sorted(set(self.ages)) or not self.ages[-1:] >= (1,):
            raise ValueError(f"ages is {self.ages}; expected different numbers that rise to at least 1")


SMOKE = Config(seeds=2, ages=(0, 60), steps=60, records=6, noise_batches=2, width=16, generator_width=16, scored=256)


OBJECTIVES = ("minimax", "non_saturating", "least_squares", "hinge", "orthonormal", "gp")
"""All curves; non-saturating shares its discriminator with minimax."""

NAMES = {
    "minimax": "log(1 − D), saturating",
    "non_saturating": "−log D, non-saturating",
    "least_squares": "least squares",
    "hinge": "hinge",
    "orthonormal": "Wasserstein, orthonormal",
    "gp": "Wasserstein, GP",
}

TITLES = {"ring": "8 Gaussians", "digits": "digits"}

PAPER = "Arjovsky & Bottou 2017"


def _orders_lost(arrays: Arrays, problem: str, objective: str) -> np.ndarray:
    """``log10(largest norm / last norm)`` of every seed and age, ``[seeds, ages]``."""
    norms = arrays[f"{problem}/{objective}/norm"]
    return np.log10(norms.max(axis=-1) / norms[..., -1])


def _growth(arrays: Arrays, problem: str, objective: str, field: str) -> np.ndarray:
    """``log10(last / first)`` of every seed and age, ``[seeds, ages]``."""
    values = arrays[f"{problem}/{objective}/{field}"]
    return np.log10(values[..., -1] / values[..., 0])


def _extreme(values: np.ndarray, which: Callable[[np.ndarray], np.intp]) -> tuple[float, float]:
    """The mean over seeds of ``values [seeds, ages]``, at the age where it is least (``np.argmin``) or largest, and two standard errors."""
    return over_seeds(values[:, which(values.mean(axis=0))], 2.0)


def claims(arrays: Arrays) -> list[Claim]:
    """What vanishes, what grows, and what does neither. A gradient's fall is counted from its largest norm to its last."""
    ages, steps, basis = arrays["ages"], int(arrays["steps"][-1]), "2 standard errors"
    result = []
    for problem, title in TITLES.items():
        for lost, age in zip(_orders_lost(arrays, problem, "minimax").T, ages, strict=True):
            made = f"generator of {age} steps" if age else "untrained generator"
            what = f"{title}, {made}: orders of magnitude that log(1 − D)'s gradient falls"
            source = f"{PAPER}, figure 2 and theorem 2.4"
            result.append(finding(what, source, 2.0, *over_seeds(lost, 2.0), AT_LEAST, basis))
    # The paper's generators have been trained: one that has not been is no instance of its claim, however far its gradient falls.
    most = _extreme(_orders_lost(arrays, "digits", "minimax")[:, np.asarray(ages) > 0], np.argmax)
    what = f"digits, trained generators: most orders that log(1 − D) falls in {steps} updates ('up to 5 in 4000')"
    budget = Budget("4000 updates of the discriminator", steps >= 4000)
    result.append(replication(what, f"{PAPER}, figure 2", 5.0, *most, AT_LEAST, basis, budget=budget))
    for problem, title in TITLES.items():
        for critic in ("orthonormal", "gp"):
            lost = _extreme(_orders_lost(arrays, problem, critic), np.argmax)
            what = f"{title}: most orders that the gradient of {NAMES[critic]} falls, of all ages"
            source = "Arjovsky, Chintala & Bottou 2017, section 3"
            result.append(finding(what, source, 1.0, *lost, AT_MOST, basis))
    for problem, title in TITLES.items():
        for field, name in (("norm", "norm"), ("spread", "spread over batches")):
            grown = _extreme(_growth(arrays, problem, "non_saturating", field), np.argmin)
            what = f"{title}: −log D's gradient grows, {name}: least log₁₀(last / first) of all ages"
            result.append(finding(what, f"{PAPER}, figure 3", 0.0, *grown, AT_LEAST, basis))
    for problem, title in TITLES.items():
        # Of one seed, both discriminators meet the same generator: differences are paired.
        gain = _orders_lost(arrays, problem, "minimax") - _orders_lost(arrays, problem, "least_squares")
        what = f"{title}: least squares falls by fewer orders than log(1 − D): least difference of all ages"
        result.append(finding(what, "Mao et al. 2017, section 3.2", 0.0, *_extreme(gain, np.argmin), AT_LEAST, basis))
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Norms of every objective, age, seed and record, and how far the generators are from the data."""
    rows: list[TableRow] = []
    steps = [int(step) for step in arrays["steps"]]
    for problem in TITLES:
        for (seed, age), distance in np.ndenumerate(arrays[f"{problem}/energy_distance"]):
            shared = {"problem": problem, "age": int(arrays["ages"][age]), "seed": seed}
            rows.append({**shared, "objective": "", "step": 0, "quantity": "energy_distance", "value": float(distance)})
            for objective in OBJECTIVES:
                for field in ("norm", "batch_norm", "spread", "value"):
                    values = arrays[f"{problem}/{objective}/{field}"][seed, age]
                    rows += long_rows(values, {"step": steps}, **shared, objective=objective, quantity=field)
    return rows


LOOKS = {
    "minimax": Look(BLUE, "-", order=4.0),
    "non_saturating": Look(ORANGE, "-", order=3.5),
    "least_squares": Look(PURPLE, "--", order=3.0),
    "hinge": Look(SKY, "-.", order=3.0),
    "orthonormal": Look(GREEN, "-", order=4.0),
    "gp": Look(VERMILION, "--", order=3.0),
}

DEVIATION = Look(ORANGE, ":", linewidth=1.8, order=2.5)


def plot(arrays: Arrays) -> Figure:
    """Norms over updates, one row a problem, one column an age."""
    steps, ages = arrays["steps"], arrays["ages"]
    with style():
        figure = Figure(figsize=(WIDTH, 8.4), layout="constrained")
        axes = figure.subplots(len(TITLES), len(ages), sharex=True, sharey="row", squeeze=False)
        for row, (problem, title) in zip(axes, TITLES.items(), strict=True):
            for place, (ax, age) in enumerate(zip(row, ages, strict=True)):
                ax.set(xscale="log", yscale="log")
                for objective, look in LOOKS.items():
                    _geometric(ax, steps, arrays[f"{problem}/{objective}/norm"][:, place], look)
                _geometric(ax, steps, arrays[f"{problem}/non_saturating/spread"][:, place], DEVIATION)
                distance = arrays[f"{problem}/energy_distance"][:, place].mean()
                js = arrays[f"{problem}/minimax/value"][:, place, -1].mean()
                made = f"generator of {age} steps" if age else "untrained generator"
                reached = f"energy distance {distance:.2g}, D's JS {js:.2f} nats"
                ax.set_title(f"{title}, {made}\n{reached}", fontsize=12)
            row[0].set_ylabel("‖∇‖ of the generator's parameters")
        for ax in axes[-1]:
            ax.set_xlabel("updates of the discriminator")
        handles = [Line2D([], [], label=NAMES[name], **look.line_arguments()) for name, look in LOOKS.items()]
        handles.append(Line2D([], [], label="−log D, spread over batches", **DEVIATION.line_arguments()))
        figure.legend(handles=handles, loc="outside upper center", ncols=4, handlelength=2.2, columnspacing=1.4)
    return figure


def _geometric(ax: Axes, steps: np.ndarray, values: np.ndarray, look: Look) -> None:
    """The geometric mean over seeds ``[seeds, records]`` and one standard deviation of the logarithm."""
    # A gradient that has died in float32 is drawn at the smallest normal number instead of nowhere.
    drawn = np.maximum(values, np.finfo(np.float32).tiny)
    curve_with_band(ax, steps, *statistics.band(drawn, of=statistics.standard_deviation, geometric=True), look=look)
