"""Portraits to cartoons, unpaired: whose hair and eyes keep their colours, with the way back and without.

Figure: held-out portraits x, what the full game's G draws of them, what its F makes of that, the cartoon of the same avatar, which no game
has seen, and what G draws in the other games; the share of pictures whose hair and eyes have kept their colour, over training (bands: from
the least to the largest); the same for all five attributes at the end, and KID to the cartoons with the line that counts as near.

Data: ``data.avatars``, drawn by code in two styles: portraits of some avatars and cartoons of others, so that there is no pair to be found.
The cartoon of a portrait exists all the same, and evaluation uses it: attributes are read off what G draws by inverting the drawing of
cartoons (``data.avatar_reading``), which is right on 100 % of real ones, and held against those of the portrait.

The five games of table 4 of Zhu et al. 2017, and the full one without its identity terms (section 5.2). Hair and eyes have every colour
equally often, so that a G that exchanges colours, with an F that changes them back, closes every cycle and deceives every discriminator:
only the identity terms, which weigh half as much as the cycles and go with them, say that a colour stays what it is.

Residual translators with instance norm and resize-convolutions, patch discriminators, a pool of 50, rates that fall over the second half
(appendix 7.2); what is not the paper's: translators are U-Nets with residual blocks at full size too and kernels of 3, the objective is
relativistic pairing with R1 + R2, cycles weigh 3, parameters are averaged.

KID (Bińkowski et al. 2018) is on features of a classifier that learned to tell hair of cartoons, colour and style, and compares with real
cartoons of people whom neither it nor a game has seen; its baseline is that of other such. Near is at most twice that plus .02, on the
features as they are, and in units of their root mean square: the kernel has a scale, and a classifier's features have none.

Command: ``python -m experiments cycle_avatars``: 31 min on two cores, 191 s on one H100 (with ``--xla_gpu_enable_triton_gemm=false`` in
``XLA_FLAGS``, which tries fewer kernels); ``--preset quick``: 320 s; ``--preset long`` (the full game alone, 60 000 steps): 88 min on two
cores that were not idle; ``--preset large`` (32 pixels, wider) wants an accelerator and has not been run.

Expected: after 6000 steps, on 1000 portraits that no game has seen and at worst of two seeds, 100 % of the hair and 99.8 % of the eyes keep
their colour in the full game, hair styles on 98 %, glasses on 98.5 %, face shapes on 80 %. Without cycles G draws one picture whatever it
is given: 8.4 % of hair and 9.7 % of eyes, which is chance. With cycles and no identity terms one game keeps 28 and the other 65 % of hair,
19 and 39 % of eyes, and closes its cycles all the same (mean |F(G(x)) - x| .045, against .039). KID to the cartoons is .085 and .069 on
features as they are, above .022, and .0075 and .0062 at unit scale, below .020; real cartoons have .0008 and .0001, adversarial games 10
and more, cycles alone, which leave a portrait, 5. It falls about as the square root of the steps: after 20 000 the full game has .040 and
.038, after 60 000 .019 and .018 (s.e. .0045; .0016 and .0015 at unit scale), which is near, and 99.6 and 99.9 % of the eyes.

An H100 rounds otherwise, so that its games are others: eyes 99.3 % in the full game, hair 23 and 36 % without cycles, 58 and 100 % without
identity terms, KID .069 and .052.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.framework import AT_LEAST, AT_MOST, Arrays, Claim, TableRow, finding, long_rows
from experiments.translation import ablations
from experiments.translation.ablations import ADVERSARIAL, FULL, IMAGES, NO_IDENTITY, CycleRecipe
from experiments.translation.plots import LOOKS, curves_by_game, rows_of_pictures
from gan_jax.metrics.statistics import clopper_pearson
from gan_jax.plots.curves import reference_line
from gan_jax.plots.style import BLACK, WIDTH, style
from gan_jax.ranges import Count, Fifties, Recorded, Seed, different_names

GAMES = (FULL, NO_IDENTITY, *ablations.GAMES[1:])

PART = 50
"""Pictures that are translated at once."""


@dataclass(frozen=True)
class Config:
    """Two styles of drawing, five games."""

    games: tuple[str, ...] = GAMES  # The full one, and any of its ablations and of the one without identity terms.
    size: Literal[16, 32, 64] = 16  # Pixels a side.
    recipe: CycleRecipe = field(default_factory=lambda: replace(IMAGES, cycle_weight=3.0, identity_weight=0.5))
    """Weights and rates."""

    width: Count = 16  # Channels of the translators at full size.
    blocks: Count = 2  # Residual blocks of the translators at a quarter of the size, and as many at full size.
    skip: str = "joined"  # How an image gets around the translators: none, joined or added.
    discriminator_width: Count = 32  # Channels of the discriminators' first layer.
    portraits: Count = 4000  # Pictures of X.
    cartoons: Count = 3000  # Pictures of Y, of other avatars.
    steps: Recorded = 6000  # Steps of every game; a multiple of ``records``.
    records: Count = 4  # How many times a game is looked at.
    seeds: Count = 2  # Games of every kind.
    samples: Fifties = 100  # Held-out portraits that are translated at every look; a multiple of 50.
    last_samples: Fifties = 1000  # Pictures at the end, whose attributes are read; a multiple of 50.
    kid_samples: Fifties = 10_000
    """Held-out portraits whose translations KID compares, and as many real cartoons; a multiple of 50, at least ``last_samples``."""

    shown: Count = 10  # Portraits in the figure.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        different_names("games", self.games, GAMES)
        if FULL not in self.games:
            raise ValueError(f"games is {self.games}; expected {FULL!r} among them, which others are compared with")
        for name in ("samples", "last_samples", "kid_samples"):
            value = getattr(self, name)
            if value < PART or value % PART:
                raise ValueError(f"{name} is {value}; expected a multiple of {PART}")
        if self.kid_samples < max(self.samples, self.last_samples):
            raise ValueError(f"kid_samples is {self.kid_samples}; expected at least samples and last_samples")
        if not 1 <= self.shown <= self.samples:
            raise ValueError(f"shown is {self.shown}; expected 1 to {self.samples}, the portraits of a look")


SMOKE = Config(
    games=(FULL, ADVERSARIAL),
    size=16,
    recipe=CycleRecipe(batch_size=2),
    width=4,
    blocks=1,
    discriminator_width=4,
    portraits=60,
    cartoons=80,
    steps=4,
    records=2,
    seeds=1,
    samples=50,
    last_samples=50,
    kid_samples=50,
    shown=3,
)

PRESETS = {
    "quick": Config(steps=1600, seeds=1, last_samples=500, kid_samples=2000),
    "long": Config(games=(FULL,), steps=60_000),
    "large": Config(size=32, width=32, blocks=4, discriminator_width=64, steps=20_000),
}
"""For two cores in minutes; the full game alone, for longer; at twice the size, for an accelerator, which has not been run."""


SCALES = ("features as they are", "features of mean square 1")
"""What KID is computed on."""

ATTRIBUTES = ("hair colour", "eye colour", "hair style", "face shape", "glasses")

COLOURS = 2
"""The first of them are what has to survive."""

SURVIVE = 0.9


def last(arrays: Arrays, field: str, game: str) -> np.ndarray:
    """A quantity of the finished games of one kind, ``[seeds, …]``."""
    return np.asarray(arrays[field][arrays["games"].tolist().index(game)])


def near(arrays: Arrays, scale: int) -> float:
    """The KID that counts as near: twice the sampling baseline and .02."""
    return 2.0 * max(float(arrays["floor"][scale, 0]), 0.0) + 0.02


def survival(arrays: Arrays, game: str, column: int) -> tuple[float, float, float]:
    """Share of pictures of all seeds on which an attribute survives, with its Clopper–Pearson interval of 95 %."""
    shares = last(arrays, "last", game)[:, column]
    n = int(arrays["n"]) * len(shares)
    low, high = clopper_pearson(np.asarray(round(float(shares.mean()) * n)), n, 0.95)
    return float(shares.mean()), float(low), float(high)


def claims(arrays: Arrays) -> list[Claim]:
    """Colours survive with cycles, and fewer of them without, or without identity terms; what G draws is near the cartoons."""
    result = []
    for column in range(COLOURS):
        share, low, high = survival(arrays, FULL, column)
        what = f"full game: least share whose {ATTRIBUTES[column]} survives, {int(arrays['n']):,} portraits"
        basis = f"every seed; mean {share:.3f}, 95 %: {low:.3f} to {high:.3f}"
        least = last(arrays, "last", FULL)[:, column].min()
        result.append(finding(what, "real cartoons: 100 %", SURVIVE, least, 0.0, AT_LEAST, basis))
    less = {ADVERSARIAL: "Zhu et al. 2017, table 4", NO_IDENTITY: "Zhu et al. 2017, section 5.2"}
    played = [game for game in less if game in arrays["games"].tolist()]
    result += [_fewer(arrays, game, column, less[game]) for game in played for column in range(COLOURS)]
    return result + [_near(arrays, scale) for scale in range(len(SCALES))]


def _near(arrays: Arrays, scale: int) -> Claim:
    """That the full game's pictures are as near to real cartoons as other real ones, nearly."""
    found, errors = (last(arrays, field, FULL)[:, scale] for field in ("kid", "kid_error"))
    value, error = arrays["floor"][scale]
    what = f"full game: largest KID of G(x) to the cartoons, {SCALES[scale]}, {int(arrays['kid_n']):,} each"
    source = f"real cartoons: {value:.4f}, s.e. {error:.4f}; twice that and .02"
    basis = f"every seed; s.e. {errors[found.argmax()]:.4f}"
    return finding(what, source, near(arrays, scale), found.max(), 0.0, AT_MOST, basis)


def _fewer(arrays: Arrays, game: str, column: int, source: str) -> Claim:
    """That a colour survives less often than in the full game: intervals do not touch."""
    (share, low, high), least = survival(arrays, game, column), survival(arrays, FULL, column)[1]
    what = f"{game}: {ATTRIBUTES[column]}, upper end of 95 %, below the full game's lower end"
    return finding(what, source, least, high, 0.0, AT_MOST, f"mean {share:.3f}, 95 %: {low:.3f} to {high:.3f}")


def table(arrays: Arrays) -> list[TableRow]:
    """Every share at every record, the last ones, cycle errors and KID."""
    rows: list[TableRow] = []
    steps, seeds = arrays["steps"].tolist(), range(arrays["kid"].shape[1])
    at_end = [*(f"{name}, n = {int(arrays['n'])}" for name in ATTRIBUTES), *(f"KID, {name}" for name in SCALES)]
    for number, game in enumerate(arrays["games"].tolist()):
        course = np.concatenate([arrays["cycle"][:, number, :, None], arrays["right"][:, number]], axis=-1)
        rows += long_rows(course, {"step": steps, "seed": seeds, "quantity": ["cycle error", *ATTRIBUTES]}, game=game)
        ends = np.concatenate([last(arrays, "last", game), arrays["kid"][number]], axis=-1)
        rows += long_rows(ends[None], {"step": steps[-1:], "seed": seeds, "quantity": at_end}, game=game)
    return rows


def plot(arrays: Arrays) -> Figure:
    """The grid of pictures; below, colours over training, all attributes, and KID."""
    games = arrays["games"].tolist()
    others = [game for game in games if game != FULL]
    rows = {"x": arrays["x"], "G(x), full": last(arrays, "made", FULL), "F(G(x))": last(arrays, "returned", FULL)}
    rows |= {"true cartoon": arrays["truth"]} | {game: last(arrays, "made", game) for game in others}
    columns = len(arrays["x"])
    cell = 0.76 * WIDTH / columns
    with style():
        figure = Figure(figsize=(WIDTH, cell * len(rows) + 4.4), layout="constrained")
        parts = figure.subfigures(2, 1, squeeze=False, height_ratios=(cell * len(rows), 4.4))[:, 0]
        rows_of_pictures(parts[0].subplots(), rows)
        hair, eyes, final, kid = parts[1].subplots(1, 4, width_ratios=(1.0, 1.0, 1.3, 0.8))
        for column, ax in zip(range(COLOURS), (hair, eyes), strict=True):
            _draw_training(ax, arrays, games, column)
        hair.set_ylabel("share of pictures")
        _draw_final(final, arrays, games)
        _draw_kid(kid, arrays, games)
        seeds = arrays["kid"].shape[1]
        handles, labels = hair.get_legend_handles_labels()
        title = f"means of {seeds} game{'s' if seeds > 1 else ''}, bands and marks: each game"
        parts[1].legend(handles, labels, loc="outside lower center", ncols=5, fontsize=11, title=title)
    return figure


def _draw_training(ax: Axes, arrays: Arrays, games: list[str], column: int) -> None:
    curves_by_game(ax, arrays["steps"], arrays["right"][..., column], games)
    reference_line(ax, SURVIVE, f"{100 * SURVIVE:.0f} %")
    ax.set(title=f"{ATTRIBUTES[column]} survives", xlabel="steps", ylim=(0.0, 1.04))


def _draw_final(ax: Axes, arrays: Arrays, games: list[str]) -> None:
    for number, game in enumerate(games):
        values = last(arrays, "last", game)
        for seed in values:
            places = np.arange(len(ATTRIBUTES)) + 0.13 * (number - 0.5 * (len(games) - 1))
            ax.plot(places, seed, "o", color=LOOKS[game].color, markersize=5)
    ax.set_xticks(range(len(ATTRIBUTES)), [name.replace(" ", "\n") for name in ATTRIBUTES], fontsize=10.5)
    ax.set(title="all attributes at the end", ylim=(0.0, 1.04))


def _draw_kid(ax: Axes, arrays: Arrays, games: list[str]) -> None:
    for number, game in enumerate(games):
        color, values = LOOKS[game].color, last(arrays, "kid", game)
        for scale, inside in enumerate((color, "none")):
            places = np.full(len(values), number + 0.3 * scale)
            ax.plot(places, values[:, scale], "o", color=color, markerfacecolor=inside, markersize=6)
    ax.axhline(near(arrays, 0), color=BLACK, linestyle=":", linewidth=1.5)
    ax.set_xticks([])
    ax.set_yscale("symlog", linthresh=0.01)
    ax.set_ylim(bottom=-0.01)
    ax.set_title("KID to cartoons\n(open: unit scale;\nline: near)", fontsize=12)
