"""Digits by label: whether a generator draws the digit that was asked for, in all the ways to write it.

Figure: for every row the share of generated digits that a classifier reads as their label (bands: from the least to the largest of the
seeds), and recall at k = 5, over training; KID within each class at the end, with that of real digits against real ones as baseline; and a
grid of digits of the first game, one column a label, beside real ones.

Data: scikit-learn's 1797 digits of 8 × 8. Networks are DCGAN's with conditional batch norm in the generator and no normalisation in the
discriminator; relativistic pairing with R1 + R2, in turn, averaged parameters, falling rates. Rows differ in how the discriminator sees
the label: beside the features (Mirza & Osindero 2014), as a projection (Miyato & Koyama 2018), as a class to be told (Odena et al. 2017).
The first two also see real digits with other labels (Reed et al. 2016).

Accuracy is by the classifier of ``metrics.classifier``, trained on a part of the real digits; it reads real ones with an accuracy that the
figure gives. KID is on its features, recall (Kynkäänniemi et al. 2019) too.

Command: ``python -m experiments conditional_digits``: 225 s on two cores.

Expected: 99.5 to 100 % of the generated digits are read as their label, whichever way the discriminator sees it, as many as of real ones
(99.7 %); recall at k = 5 is .84 to .87 and rises still. KID within a class is .0002 to .0008 on average, and differs by .013 (standard
deviation over classes) between halves of the real ones, of which a class has no more than 180: no row can be told from the real digits by
it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from experiments.conditional.heads import Head
from experiments.framework import AT_LEAST, Arrays, Claim, TableRow, finding, long_rows
from gan_jax.metrics.statistics import extent
from gan_jax.plots.curves import curve_with_band, reference_line
from gan_jax.plots.images import image_grid
from gan_jax.plots.style import BLUE, GREEN, VERMILION, WIDTH, Look, style
from gan_jax.ranges import Count, Decay, NonNegative, Positive, Recorded, Seed, different_names

CLASSES, NEIGHBOURS = 10, 5


ROWS: dict[str, Head] = {
    "concatenation": Head("label beside the features", "concatenation", 0.5),
    "projection": Head("label as a projection", "projection", 0.5),
    "auxiliary": Head("label as a class to tell", "auxiliary", 0.0),
}
"""By name, in the figure's order."""


@dataclass(frozen=True)
class Config:
    """Ten labels, three ways to see them."""

    rows: tuple[str, ...] = tuple(ROWS)  # Which of them.
    steps: Recorded = 6000  # Steps of every game; a multiple of ``records``.
    records: Count = 6  # How many times a game is looked at.
    seeds: Count = 2  # Games of every row.
    width: Count = 32  # Channels of the generator's finest layer.
    critic_width: Count = 64  # Channels of the discriminator's finest layer.
    embedding: Count = 32  # Width of a label's vector, in either network.
    latent: Count = 64  # Dimension of the noise.
    batch_size: Count = 64  # Examples of each kind at an update.
    rate: Positive = 1e-3  # Learning rate of both players' Adam(0, .99), before it decays.
    penalty_weight: NonNegative = 0.05  # Weight of R1 + R2.
    penalty_every: Count = 4  # R1 + R2 are computed at every so many updates, and weigh so many times more.
    ema_decay: Decay = 0.999  # Decay rate of the moving average of the generator's parameters.
    samples: Count = 200  # Samples of every label, at every look.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        different_names("rows", self.rows, ROWS)
        if self.samples <= NEIGHBOURS:
            raise ValueError(
                f"samples is {self.samples}; expected more than {NEIGHBOURS}, the neighbours that recall looks at"
            )


SMOKE = Config(
    rows=("projection", "auxiliary"),
    steps=4,
    records=2,
    seeds=1,
    width=4,
    critic_width=4,
    latent=8,
    batch_size=8,
    samples=20,
)


def claims(arrays: Arrays) -> list[Claim]:
    """The digit that was asked for, with variety, in every game."""
    result = []
    read = f"the classifier reads {100 * float(arrays['real_accuracy']):.1f} % of real ones right"
    recalled, basis = "Kynkäänniemi et al. 2019, equation 2", "every seed"
    for number, name in enumerate(arrays["rows"].tolist()):
        accuracy, recall = arrays["accuracy"][number, -1].min(), arrays["recall"][number, -1].min()
        what = f"{ROWS[name].label}: least share of digits read as their label"
        result.append(finding(what, read, 0.97, accuracy, 0.0, AT_LEAST, basis))
        what = f"{ROWS[name].label}: least recall at k = {NEIGHBOURS}"
        result.append(finding(what, recalled, 0.5, recall, 0.0, AT_LEAST, basis))
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Every number of every game at every record, and KID of every class."""
    rows: list[TableRow] = []
    steps, seeds = arrays["steps"].tolist(), range(arrays["kid"].shape[1])
    read = ("accuracy", "recall", "precision")
    for number, name in enumerate(arrays["rows"].tolist()):
        values = np.stack([arrays[quantity][number] for quantity in read], axis=-1)[:, :, None]
        rows += long_rows(values, {"step": steps, "seed": seeds, "class": ["all"], "quantity": read}, row=name)
        axes = {"step": steps[-1:], "seed": seeds, "class": range(CLASSES), "quantity": ["KID"]}
        rows += long_rows(arrays["kid"][None, number, :, :, None], axes, row=name)
    return rows


LOOKS = {"concatenation": Look(BLUE), "projection": Look(VERMILION, "--"), "auxiliary": Look(GREEN, "-.")}


def plot(arrays: Arrays) -> Figure:
    """Accuracy, recall, KID by class, and digits."""
    rows = arrays["rows"].tolist()
    with style():
        figure = Figure(figsize=(WIDTH, 6.9), layout="constrained")
        parts = figure.subfigures(2, 1, squeeze=False, height_ratios=(4.2, 2.7))[:, 0]
        accuracy, recall, kid = parts[0].subplots(1, 3)
        for number, name in enumerate(rows):
            for ax, quantity, label in ((accuracy, "accuracy", ROWS[name].label), (recall, "recall", None)):
                course = extent(arrays[quantity][number], 1)
                curve_with_band(ax, arrays["steps"], *course, look=LOOKS[name], label=label)
            shift = 0.22 * (number - 0.5 * (len(rows) - 1))
            kid.plot(np.arange(CLASSES) + shift, arrays["kid"][number].mean(axis=0), "o", color=LOOKS[name].color)
        kid.plot(np.arange(CLASSES), arrays["kid_floor"], "_", markersize=14, color="black", label="real")
        real = float(arrays["real_accuracy"])
        reference_line(accuracy, real, f"real: {real:.3f}")
        accuracy.set(title="read as the label", xlabel="generator steps", ylabel="share", ylim=(0.0, 1.02))
        recall.set(title=f"recall, k = {NEIGHBOURS}", xlabel="generator steps", ylim=(0.0, 1.02))
        for ax in (accuracy, recall):
            ax.locator_params(axis="x", nbins=4)
        kid.set(title="KID within a class; bar: real", xlabel="label", xticks=range(CLASSES))
        title = f"means of {arrays['accuracy'].shape[2]} games; bands: least to largest"
        parts[0].legend(loc="outside lower center", ncols=4, fontsize=11.5, title=title)
        grids = parts[1].subplots(1, 1 + len(rows))
        image_grid(grids[0], _columns(arrays["real"]), columns=CLASSES, title="real")
        for ax, number in zip(grids[1:], range(len(rows)), strict=True):
            image_grid(ax, _columns(arrays["pictures"][number]), columns=CLASSES, title=ROWS[rows[number]].label)
    return figure


def _columns(images: np.ndarray) -> np.ndarray:
    """``[10, m, h, w, c]`` as rows of ten, one of each label."""
    return images.swapaxes(0, 1).reshape(-1, *images.shape[2:])
