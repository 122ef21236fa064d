"""From a sentence to a face: both colours as the caption says, also for pairs of colours that were never seen together.

Figure: accuracy of hair and eye colour over training, read off generated pictures, on pairs of colours that training pictures have and on
pairs that none has (means over seeds, bands: from the least to the largest; the line is 95 %); accuracy of all five attributes at the end;
diversity within a caption; and grids of pictures, one caption a row: what is asked for, real renders, and what each encoder's generator
draws.

Data: ``data.avatars``, 32 × 32, drawn by code: 12 hair colours × 11 eye colours, 19 of the 132 pairs held out. Captions are sentences with
synonyms, changing order and omissions (``data.captions``). Attributes are read off pixels by inverting the drawing
(``data.avatar_reading``), which is right on 100 % of real renders. Each player reads captions with an encoder of its own, trained with it:
a bidirectional GRU, or a Transformer. The discriminator scores three kinds of pairs (Reed et al. 2016, Algorithm 1): a picture with its
caption, a generated picture with the caption it was made from, and a picture with a caption that does not describe it. Relativistic
pairing with R1 + R2, in turn.

Accuracy is over captions that name both colours, of avatars that no game has seen. Diversity within a caption is the mean distance of two
pictures of one caption, over that of two real renders of what the caption describes.

Reed et al. 2016 had no such truth; a nearest analogue (32 × 32 shapes by caption) reports 100 % of colours on seen and held-out
combinations.

Command: ``python -m experiments text_to_avatar``: 17 min on two cores, reading 120 000 pictures included.

Expected: after 8000 steps, over 10 000 pictures and at worst of two seeds, hair and eyes have their colours on 99.5 and 99.7 % of the
pictures of seen pairs with the GRU and on 99.8 and 99.8 % with the Transformer; of held-out pairs on 99.7 and 98.6 %, and 99.6 and 99.1
%. Pictures of one caption differ .89 and .86 times as much as real ones. Hair styles are as asked on 90 to 94 %, glasses on 99.7 %, and
face shapes by chance: at this size and time they are not learned. A caption that names no hair colour ("azure eyes") gets a hair colour
which is none of the twelve.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from experiments.framework import AT_LEAST, Arrays, Claim, TableRow, finding, long_rows, per_seed
from gan_jax.cli.avatar_games import TextGameRecipe
from gan_jax.metrics.statistics import extent
from gan_jax.plots.curves import curve_with_band, reference_line
from gan_jax.plots.images import tile
from gan_jax.plots.style import BLUE, GREEN, VERMILION, WIDTH, Look, style
from gan_jax.ranges import Count, Recorded, Seed, different_names

ENCODERS = {"gru": "GRU", "transformer": "Transformer", "lstm": "LSTM"}
"""Of ``models.text.ENCODERS``; named here, since a configuration loads no JAX. A key of each is split off in this order."""

PAIRS = {"seen": "seen pairs", "held_out": "held-out pairs"}


@dataclass(frozen=True)
class Config:
    """Two encoders on one data set."""

    encoders: tuple[str, ...] = ("gru", "transformer")  # Encoders of captions: gru, transformer, lstm.
    size: Literal[16, 32, 64] = 32  # Pixels a side.
    avatars: Count = 20_000  # Training pictures; 20 000 is the prepared set, other numbers are drawn anew.
    recipe: TextGameRecipe = field(default_factory=TextGameRecipe)  # Networks, rates and penalties.
    steps: Recorded = 8000  # Steps of every game; a multiple of ``records``.
    records: Count = 4  # How many times a game is looked at.
    seeds: Count = 2  # Games of every encoder.
    samples: Count = 1000  # Generated pictures at every look, of seen and of held-out pairs each; a multiple of 250.
    last_samples: Count = 10_000  # Pictures of each at the last look.
    within: Count = 40  # Captions whose diversity is measured.
    each: Count = 25  # Pictures of each of them; captions times pictures is a multiple of 250.
    shown: Count = 8  # Pictures of a caption in the figure.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        different_names("encoders", self.encoders, ENCODERS)
        numbers = {"samples": self.samples, "last_samples": self.last_samples, "within * each": self.within * self.each}
        for name, value in numbers.items():
            if value < 250 or value % 250:
                raise ValueError(f"{name} is {value}; expected a multiple of 250")


SMOKE = Config(
    encoders=("gru",),
    avatars=64,
    size=16,
    recipe=TextGameRecipe(width=4, critic_width=4, hidden=8, text_width=8, latent=4, batch_size=4),
    steps=4,
    records=2,
    seeds=1,
    samples=250,
    last_samples=250,
    within=10,
    shown=3,
)


ATTRIBUTES = ("hair colour", "eye colour", "hair style", "face shape", "glasses")

LEAST = {"seen": 0.95, "held_out": 0.90}

LEAST_DIVERSITY = 0.7


def claims(arrays: Arrays) -> list[Claim]:
    """Both colours, on both kinds of pairs, for every encoder and seed; and variety."""
    result = []
    for encoder in arrays["encoders"].tolist():
        name, n = ENCODERS.get(encoder, encoder), int(arrays[f"{encoder}/n"])
        for pairs, label in PAIRS.items():
            least = arrays[f"{encoder}/last_{pairs}"].min(axis=0)
            for column in (0, 1):
                what = f"{name}, {label}: least accuracy of {ATTRIBUTES[column]}, {n:,} pictures"
                source = "real renders: 100 %"
                result.append(finding(what, source, LEAST[pairs], least[column], 0.0, AT_LEAST, "every seed"))
        ratio = arrays[f"{encoder}/diversity"].mean(axis=1) / arrays["real_diversity"].mean()
        what = f"{name}: least mean distance within a caption over that of real renders"
        result.append(finding(what, "equal laws: 1", LEAST_DIVERSITY, ratio.min(), 0.0, AT_LEAST, "every seed"))
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Every accuracy at every record, the last ones, and the diversity."""
    rows: list[TableRow] = []
    steps = [float(step) for step in arrays["steps"]]
    for encoder in arrays["encoders"].tolist():
        last = {"encoder": encoder, "step": steps[-1]}
        measured = [f"{name}, n = {int(arrays[f'{encoder}/n'])}" for name in ATTRIBUTES]
        for pairs in PAIRS:
            values, ends = arrays[f"{encoder}/{pairs}"], arrays[f"{encoder}/last_{pairs}"]
            seeds = range(len(ends))
            axes = {"step": steps, "seed": seeds, "quantity": ATTRIBUTES}
            rows += long_rows(values, axes, encoder=encoder, pairs=pairs)
            rows += long_rows(ends, {"seed": seeds, "quantity": measured}, **last, pairs=pairs)
        ratio = arrays[f"{encoder}/diversity"].mean(axis=1) / arrays["real_diversity"].mean()
        rows += per_seed(ratio, **last, pairs="seen", quantity="diversity within a caption over real")
    return rows


COLORS = {"gru": BLUE, "transformer": VERMILION, "lstm": GREEN}

SHORT = ("hair\ncolour", "eye\ncolour", "hair\nstyle", "face\nshape", "glasses")


def plot(arrays: Arrays) -> Figure:
    """Accuracy over training and at the end; below, grids by caption."""
    encoders = arrays["encoders"].tolist()
    captions = arrays["captions"].tolist()
    with style():
        figure = Figure(figsize=(WIDTH, 4.6 + 0.62 * len(captions)), layout="constrained")
        parts = figure.subfigures(2, 1, squeeze=False, height_ratios=(4.6, 0.62 * len(captions)))[:, 0]
        *over, bars = parts[0].subplots(1, 3, width_ratios=(1.0, 1.0, 1.15))
        for ax, (pairs, title) in zip(over, PAIRS.items(), strict=True):
            _draw_training(ax, arrays, encoders, pairs)
            ax.set(title=title, xlabel="generator steps", ylim=(0.0, 1.03))
        over[0].set_ylabel("share of pictures as asked")
        _draw_final(bars, arrays, encoders)
        seeds = arrays[f"{encoders[0]}/seen"].shape[1]
        title = f"means of {seeds} game{'s' if seeds > 1 else ''}; bands: least to largest"
        parts[0].legend(loc="outside lower center", ncols=4, fontsize=11, title=title)
        _draw_grids(parts[1], arrays, encoders, captions)
    return figure


def _draw_training(ax: Axes, arrays: Arrays, encoders: list[str], pairs: str) -> None:
    for encoder in encoders:
        for column in (0, 1):
            values = arrays[f"{encoder}/{pairs}"][:, :, column]
            look = Look(COLORS[encoder], "--", "D") if column else Look(COLORS[encoder], "-", "o")
            label = f"{ENCODERS.get(encoder, encoder)}: {ATTRIBUTES[column]}" if pairs == "seen" else None
            curve_with_band(ax, arrays["steps"], *extent(values, 1), look=look, label=label)
    reference_line(ax, LEAST[pairs], f"{100 * LEAST[pairs]:.0f} %")


def _draw_final(ax: Axes, arrays: Arrays, encoders: list[str]) -> None:
    places = np.arange(len(ATTRIBUTES))
    for number, encoder in enumerate(encoders):
        for kind, pairs in enumerate(PAIRS):
            shift = 0.34 * (number - 0.5 * (len(encoders) - 1)) + 0.13 * (kind - 0.5)
            values = arrays[f"{encoder}/last_{pairs}"].mean(axis=0)
            color = COLORS[encoder]
            marker, inside = ("o", color) if kind == 0 else ("D", "white")
            ax.plot(places + shift, values, marker, color=color, markerfacecolor=inside, markersize=7)
    ratios = ", ".join(
        f"{ENCODERS.get(e, e)} {float(arrays[f'{e}/diversity'].mean() / arrays['real_diversity'].mean()):.2f}"
        for e in encoders
    )
    low = min(float(arrays[f"{e}/last_{p}"].min()) for e in encoders for p in PAIRS)
    ax.set_ylim(max(0.0, min(0.7, low - 0.05)), 1.02)
    ax.set_xticks(places, SHORT, fontsize=10.5)
    ax.set_title(f"at the end; open: held-out pairs\nvariety: {ratios} of real", fontsize=11)


def _draw_grids(part: SubFigure, arrays: Arrays, encoders: list[str], captions: list[str]) -> None:
    axes = part.subplots(1, 2 + len(encoders), width_ratios=(0.75, *(1.0 for _ in range(1 + len(encoders)))))
    axes[0].set(xlim=(0.0, 1.0), ylim=(len(captions), 0.0))
    axes[0].set_axis_off()
    axes[0].set_title("*: a held-out pair", fontsize=11, loc="right")
    for row, (caption, held) in enumerate(zip(captions, arrays["held_out"].tolist(), strict=True)):
        text = textwrap.fill(caption + (" *" if held else ""), 22)
        axes[0].text(1.0, row + 0.5, text, ha="right", va="center", fontsize=10.5, linespacing=0.95)
    grids = {"real renders": arrays["real"], **{ENCODERS.get(e, e): arrays[f"{e}/grid"] for e in encoders}}
    for ax, (title, images) in zip(axes[1:], grids.items(), strict=True):
        shown = images[:, : min(images.shape[1], 4 if len(encoders) > 1 else 8)]
        picture = tile(shown.reshape(-1, *shown.shape[2:]), columns=shown.shape[1])
        ax.imshow(picture, interpolation="nearest", aspect="auto")
        ax.set_axis_off()
        ax.set_title(title, fontsize=12)
