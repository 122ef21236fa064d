"""Digits to inverted, turned and coloured digits, unpaired: which digit comes out, and where the way back hides what it must not forget.

Figure: for every task, held-out digits, what the full game's G makes of them and what its F makes of that, and what G makes of them in
the game without cycles; the share of held-out digits that are still read as their label once the true map is undone, over training, for
every ablation (bands: from the least to the largest; the line is that of real digits); the error of the cycle from Y, with noise of scale
s on F(y); and KID to Y.

Data: scikit-learn's 1797 digits, at 16 × 16. X has 700 of them, Y has 600 others, inverted (y = -x), turned by a quarter, or each in a
colour of its own (a hue drawn uniformly, in three channels); 497 are held out. Nothing tells which y is made of which digit, and none of
them is: the sets are disjoint. Translators are residual networks, discriminators score patches.

A coloured digit has a colour that a grey one has no place for. The cycle from Y wants it back all the same: either it does not close, or F
hides the colour where it is not seen, and then a little noise on F(y) costs more than where nothing has to be hidden, as in inverted digits
(Chu et al. 2017, section 4).

Accuracy is by the classifier of ``metrics.classifier``, on what comes out with the true map undone: the sign, the turn, or the largest
channel for grey. KID (Bińkowski et al. 2018) is on its features too, against the digits of Y with the map undone, with the baseline of
held-out digits.

Command: ``python -m experiments cycle_digits``: 15 min on two cores; ``--preset quick``: 230 s. On one H100 some 5 min are
reckoned and were not run: ten games as one program at no more than the 7.4 ms a step of twelve of ``cycle_avatars``, and three programs to
compile, 78 s each.

Expected: after 2000 steps, of two games each, a cycle that closes still says little of which digit comes out. Inverted digits: in both full
games other digits (3 % are kept, on the way back each is what it was: mean |F(G(x)) - x| .10), while one cycle alone keeps 97 and 98 %, at
the KID of real digits for the backward one. Turned ones are turned digits of other classes (10 and 2 %, KID .06): a convolution turns
nothing, and other digits do as well. Coloured ones are the digits that they were in one full game (87 %), and others in the second (1 %).
Without cycles every digit becomes nearly the same picture, and a tenth are right, which is chance. The way from Y closes with hues as it
does without (.09 and .10, against .10 of inverted digits), and noise on F(y) adds no more there: nothing is seen to be hidden.

Of the quick preset, 800 steps and one seed: the cycle closes and says little of which digit comes out. Coloured digits are the
digits that they were on 84 % (without cycles, on 10 %). Inverted ones, of seed 0, are other digits (2 % kept), each of which comes back
as what it was: a wrong map at a low loss; a game of another seed kept 99 %. Turned ones are turned digits of another class (9 % kept, KID
.1): a convolution turns nothing, and other digits do as well. Without cycles every digit becomes nearly the same picture. The way from Y
closes less well with hues (.17 against .13), and noise on F(y) adds less there than to inverted digits: in games this short nothing is
hidden.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.framework import AT_LEAST, AT_MOST, Arrays, Claim, TableRow, finding, long_rows
from experiments.translation.ablations import ADVERSARIAL, FULL, IMAGES, CycleRecipe
from experiments.translation.plots import LOOKS, curves_by_game, rows_of_pictures
from gan_jax.metrics.statistics import extent
from gan_jax.plots.curves import curve_with_band, reference_line
from gan_jax.plots.style import BLUE, GREEN, VERMILION, WIDTH, Look, style
from gan_jax.ranges import Count, NonNegative, Range, Recorded, Seed, different_names


class Task(NamedTuple):
    """A map of digits that G is to find.

    Attributes:
      label: as the figure names it.
      channels: of Y.
      made: ``(x [n, size, size, 1] in [-1, 1], rng) -> y [n, size, size, channels]``.
      undone: ``y -> x``, as far as it goes.
    """

    label: str
    channels: int
    made: Callable[[np.ndarray, np.random.Generator], np.ndarray]
    undone: Callable[[np.ndarray], np.ndarray]


def _coloured(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ink of a colour of its own for every digit, of full brightness and any hue, on black."""
    hue = rng.random((len(x), 1))
    colour = np.clip(np.abs((6.0 * hue + np.array([[0.0, 4.0, 2.0]])) % 6.0 - 3.0) - 1.0, 0.0, 1.0)
    return (0.5 * (x + 1.0) * colour[:, None, None] * 2.0 - 1.0).astype(np.float32)


TASKS: dict[str, Task] = {
    "inverted": Task("inverted", 1, lambda x, rng: -x, lambda y: -y),
    "turned": Task(
        "turned by a quarter", 1, lambda x, rng: np.rot90(x, axes=(1, 2)), lambda y: np.rot90(y, -1, axes=(1, 2))
    ),
    "coloured": Task("coloured", 3, _coloured, lambda y: y.max(axis=3, keepdims=True)),
}
"""By name, in the figure's order."""


@dataclass(frozen=True)
class Config:
    """Three tasks, five games."""

    tasks: tuple[str, ...] = tuple(TASKS)  # Which of them.
    recipe: CycleRecipe = field(default_factory=lambda: dataclasses.replace(IMAGES, cycle_weight=3.0, ema_decay=0.995))
    """Weights and rates."""

    width: Count = 8  # Channels of the translators at full size.
    discriminator_width: Count = 16  # Channels of the discriminators' first layer.
    blocks: Count = 2  # Residual blocks of the translators.
    x_images: Count = 700  # Digits of X.
    y_images: Annotated[int, Range(4, 1797)] = 600  # Digits of Y; what is left of 1797 is held out.
    steps: Recorded = 2000  # Steps of every game; a multiple of ``records``.
    records: Count = 4  # How many times a game is looked at.
    seeds: Count = 2  # Games of every kind on every task.
    shown: Count = 8  # Digits in the figure.
    scales: tuple[NonNegative, ...] = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
    """Of noise on F(y), in units of pixels from -1 to 1; the first is 0."""

    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        different_names("tasks", self.tasks, TASKS)
        if self.x_images + self.y_images > 1700:
            raise ValueError(f"x_images + y_images is {self.x_images + self.y_images}; expected at most 1700")
        if not self.scales or self.scales[0] != 0.0:
            raise ValueError(f"scales is {self.scales}; expected 0 first")


SMOKE = Config(
    tasks=("coloured",),
    recipe=CycleRecipe(batch_size=2),
    width=2,
    discriminator_width=2,
    blocks=1,
    steps=4,
    records=2,
    seeds=2,
    shown=3,
    scales=(0.0, 0.1),
)

PRESETS = {"quick": Config(steps=800, records=2, seeds=1)}
"""For two cores in minutes."""


def final(arrays: Arrays, task: str, field: str, game: str) -> np.ndarray:
    """A quantity of the finished games of one kind, ``[seeds, …]``."""
    return np.asarray(arrays[f"{task}/{field}"][-1, arrays["games"].tolist().index(game)])


def claims(arrays: Arrays) -> list[Claim]:
    """Whether the digit stays with cycles, and without, and whether colours are hidden where signs are not."""
    result = []
    tasks = arrays["tasks"].tolist()
    for task in tasks:
        label, n = TASKS[task].label, int(arrays["held_out"])
        full, alone = (final(arrays, task, "accuracy", game) for game in (FULL, ADVERSARIAL))
        error = float(np.sqrt(max(alone.mean() * (1.0 - alone.mean()), 1.0 / n) / (n * alone.size)))
        read = f"the classifier reads {100 * float(arrays[f'{task}/real_accuracy']):.1f} % of real ones right"
        what = f"{label}: least share of digits that the full game keeps"
        result.append(finding(what, read, 0.9, full.min(), 0.0, AT_LEAST, "every seed"))
        what = f"{label}: share that is kept without cycles, against the full game's"
        below = float(full.mean()) - 4.0 * error
        basis = "4 s.e. below the full game's"
        result.append(finding(what, "Zhu et al. 2017, table 4", below, alone.mean(), 0.0, AT_MOST, basis))
    if {"inverted", "coloured"} <= set(tasks):
        hidden = {task: final(arrays, task, "hidden", FULL) for task in ("inverted", "coloured")}
        lost = {task: float((values[:, -1] - values[:, 0]).mean()) for task, values in hidden.items()}
        ratio, scale = lost["coloured"] / max(lost["inverted"], 1e-9), float(arrays["scales"][-1])
        what = f"noise of {scale} on F(y): what it adds to the error of the cycle, coloured over inverted"
        basis = "more, where colours are hidden"
        result.append(finding(what, "Chu et al. 2017, section 4", 1.0, ratio, 0.0, AT_LEAST, basis))
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Every number of every game at every record, and the cycle under noise."""
    rows: list[TableRow] = []
    steps, measured = arrays["steps"].tolist(), ("accuracy", "kid", "relative", "cycle")
    hidden = [f"cycle from Y, noise {scale:g}" for scale in arrays["scales"]]
    for task in arrays["tasks"].tolist():
        for number, game in enumerate(arrays["games"].tolist()):
            values = [arrays[f"{task}/{quantity}"][:, number, :, None] for quantity in measured]
            values.append(arrays[f"{task}/hidden"][:, number])
            axes = {"step": steps, "seed": range(values[0].shape[1]), "quantity": [*measured, *hidden]}
            rows += long_rows(np.concatenate(values, axis=-1), axes, task=task, game=game)
    return rows


ROWS = {"x": "x", "full": "G(x)", "returned": "F(G(x))", "alone": "G(x), no cycle"}

BY_TASK = {"inverted": Look(BLUE, "-", "o"), "turned": Look(GREEN, "-", "s"), "coloured": Look(VERMILION, "-", "D")}


def plot(arrays: Arrays) -> Figure:
    """A line for every task: digits and what stays of them; below, the cycle under noise."""
    tasks = arrays["tasks"].tolist()
    with style():
        figure = Figure(figsize=(WIDTH, 2.6 * len(tasks) + 4.2), layout="constrained")
        parts = figure.subfigures(2, 1, squeeze=False, height_ratios=(2.6 * len(tasks) + 0.6, 3.6))[:, 0]
        axes = parts[0].subplots(len(tasks), 2, squeeze=False, width_ratios=(1.5, 1.0))
        for (pictures, kept), task in zip(axes, tasks, strict=True):
            _draw_digits(pictures, arrays, task)
            _draw_kept(kept, arrays, task)
        axes[-1, 1].set_xlabel("steps")
        seeds = arrays[f"{tasks[0]}/accuracy"].shape[2]
        handles, labels = axes[0, 1].get_legend_handles_labels()
        title = f"means over {seeds} game{'s' if seeds > 1 else ''}, bands: from the least to the largest"
        parts[0].legend(handles, labels, loc="outside lower center", ncols=5, fontsize=11, title=title)
        error, kid = parts[1].subplots(1, 2)
        _draw_hidden(error, arrays, tasks)
        _draw_kid(kid, arrays, tasks)
    return figure


def _draw_digits(ax: Axes, arrays: Arrays, task: str) -> None:
    rows_of_pictures(ax, {label: arrays[f"{task}/{row}"] for row, label in ROWS.items()})
    ax.set_title(TASKS[task].label, fontsize=13)


def _draw_kept(ax: Axes, arrays: Arrays, task: str) -> None:
    curves_by_game(ax, arrays["steps"], arrays[f"{task}/accuracy"], arrays["games"].tolist())
    reference_line(ax, float(arrays[f"{task}/real_accuracy"]), "real digits")
    ax.set(ylim=(0.0, 1.04), ylabel="share read as\ntheir label")


def _draw_hidden(ax: Axes, arrays: Arrays, tasks: list[str]) -> None:
    for task in tasks:
        found = extent(final(arrays, task, "hidden", FULL))
        curve_with_band(ax, arrays["scales"], *found, look=BY_TASK[task], label=TASKS[task].label)
    ax.set(title="full game: the way back under noise", xlabel="noise on F(y)", ylabel="mean |G(F(y) + noise) − y|")
    ax.set_ylim(bottom=0.0)
    ax.legend(fontsize=11)


def _draw_kid(ax: Axes, arrays: Arrays, tasks: list[str]) -> None:
    games = arrays["games"].tolist()
    for i, task in enumerate(tasks):
        for j, game in enumerate(games):
            values = final(arrays, task, "kid", game)
            place = i + 0.15 * (j - 0.5 * (len(games) - 1))
            ax.plot(np.full(len(values), place), values, "o", color=LOOKS[game].color, markersize=6)
        baseline = abs(float(arrays[f"{task}/floor"][0]))
        ax.plot([i - 0.4, i + 0.4], [baseline, baseline], color="black", linewidth=1.2)
    ax.set_xticks(range(len(tasks)), [TASKS[task].label for task in tasks], fontsize=11)
    ax.set_yscale("symlog", linthresh=0.01)
    ax.set(title="KID to Y (line: real digits)", ylabel="KID")
