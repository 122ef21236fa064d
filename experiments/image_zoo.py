"""Every objective under every penalty, on digits: what a loss is worth depends on what holds the discriminator's slope.

Figure: KID of 16 objectives × (no penalty and 7 penalties), colours on a logarithm, the best penalty of every objective framed, the best of
all framed twice; beside it four samples of each game in the same places, all from the same latents. Below: real digits.

One recipe for all games: a DCGAN without normalisation in the discriminator, 8 × 8 pixels, players in turn with equal rates, the weight of
a penalty from its paper (``zoo_games.WEIGHTS``). The recipe was chosen on seed 11, for three objectives with a penalty; none of it was
chosen by this table, whose seed is another. A reader should not take it for what a loss can do at its best: a weight that suits one
objective is another's handicap, and so few steps favour what learns fast. Objectives called f_… have the generator's own loss of f-GAN's
equation 6, without its trick of a non-saturating one.

KID is the unbiased squared MMD under the cubic kernel (Bińkowski et al. 2018, section 4) of the features of a classifier trained on these
digits, with its standard error over new draws of both samples; precision and recall (Kynkäänniemi et al. 2019), density and coverage
(Naeem et al. 2020) are in the table. Two seeds say little of what a cell's seeds differ by, so that pairs of cells are compared by the
spread that is usual in the whole table (``zoo_plot.logarithms``); with one seed a claim about two cells is one about these two games.
That way of comparing, and the claims that count objectives, were settled after a first run of the table had shown the errors of single
cells to be no guide; the thresholds, four standard errors, are from before. A game with a number that is not finite is "diverged", and its
cell counts as infinitely far.

Seconds are those of one call of the compiled program, in which as many games run side by side as there are devices, one on a device (two
seeds of a cell, on two cores), from the host's call to the last step, without compilation and measuring. Which objective and which penalty
is an index in that program: it computes the chosen one alone, and every game pays the same small price for the choice.

Command: ``python -m experiments image_zoo``; 265 s on two cores.

Expected: no game diverges. With any penalty nearly every objective reaches a KID of .03 to .04, and what is left between them is noise
(11 % of a KID with two seeds): 1500 steps of so small a generator do not come to the .013 that a long run aims at. Without a penalty
Wasserstein collapses (1.6), the relativistic average is at .29, and 11 to 14 of 14 objectives are worse than with each of the penalties;
for one pair of cells, Wasserstein alone, that can be said at four standard errors, and the other pairs' claims do not hold. Total
variation, whose losses are flat where the discriminator is sure, fails under every penalty but the zero-centred ones. minimax, f: Jensen
Shannon and f: GAN have the same gradients, and are one game three times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from experiments.artifacts import Arrays, Row
from experiments.claims import AT_LEAST, AT_MOST, Claim
from experiments.progress import Progress
from experiments.zoo_games import OBJECTIVES, SCORES, WEIGHTS
from experiments.zoo_plot import LABELS, REAL, distances, diverged, drawn, logarithms, seeds_in_words
from gan_jax import ranges
from gan_jax.ranges import AtLeastTwo, Count, Decay, Positive, Range, Seed


@dataclass(frozen=True)
class Config:
    """One recipe for every objective under every penalty."""

    objectives: tuple[str, ...] = OBJECTIVES
    """Names of objectives, as ``gan_jax.objectives.losses`` has them."""

    penalties: tuple[str, ...] = tuple(WEIGHTS)
    """Names of penalties, as ``gan_jax.objectives.penalties`` has them, or none."""

    seeds: Count = 2
    """Independent games of every cell."""

    steps: Count = 1500
    """Updates of each player."""

    width: Count = 8
    """Channels of the finest layer of both networks."""

    latent: Count = 64
    """Dimension of the noise."""

    batch_size: AtLeastTwo = 64
    """Pictures of each kind at an update."""

    learning_rate: Positive = 2e-3
    """Of both players' Adam."""

    b1: Decay = 0.0
    """Decay rate of Adam's first moment."""

    b2: Decay = 0.99
    """Decay rate of Adam's second moment."""

    ema_decay: Decay = 0.99
    """Of the moving average of the generator's parameters that samples are drawn with: an average over about 100 steps."""

    fake: Annotated[int, Range(6)] = 1000
    """Generated pictures that a game is measured with."""

    seed: Seed = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        for name, known in (("objectives", OBJECTIVES), ("penalties", tuple(WEIGHTS))):
            given = getattr(self, name)
            if not given or len(set(given)) != len(given) or not set(given) <= set(known):
                raise ValueError(f"{name} is {given}; expected different names among {', '.join(known)}")
        ranges.check(self)


SMOKE = Config(
    objectives=("non_saturating", "wasserstein", "relativistic"),
    penalties=("none", "gp", "r1_and_r2"),
    steps=10,
    width=4,
    fake=200,
)


def run(config: Config, progress: Progress) -> Arrays:
    """Loads the digits and the features, compiles the games once, and plays and measures them."""
    games = len(config.objectives) * len(config.penalties) * config.seeds
    with progress.task("image zoo", total=20.0 + 2.5 * games):
        with progress.task("features and compilation", share=20.0):
            import jax

            from experiments import zoo_games
            from experiments.image_runs import Data, Evaluation
            from experiments.yardsticks import yardstick
            from gan_jax.data.sets import load
            from gan_jax.data.sources import resident
            from gan_jax.models.image_pairs import PAIRS

            digits, measure = load("digits", split="all"), yardstick(Data(), Evaluation())
            source, (size, _, channels) = resident(digits), digits.images.shape[1:]
            pair = PAIRS["dcgan_norm_free"](size, channels, latent=config.latent, width=config.width)
            game_key, noise_key, half_key = jax.random.split(jax.random.key(config.seed), 3)
            play = zoo_games.compiled(config, pair, source, jax.random.split(game_key, config.seeds))
            latents = pair.generator.noise(noise_key, config.fake)
            draw = jax.jit(pair.generator.apply)
            bench = zoo_games.Bench(lambda v: draw(v, latents), source.event_shape, measure.features, measure.real)
        with progress.task("games", total=games, share=2.5 * games) as task:
            table = zoo_games.play_all(config, play, bench, task)
        halves = zoo_games.kid_of_halves(half_key, measure.real.features)
    facts = {
        "halves": halves,
        "real": digits.images[:REAL],
        "n_real": len(digits.images),
        "n_fake": config.fake,
        "steps": config.steps,
        "width": config.width,
        "seed": config.seed,
        "accuracy": measure.accuracy,
        "extractor": f"{measure.features.name}; {measure.features.preprocessing}",
        "objectives": np.asarray(config.objectives),
        "penalties": np.asarray(config.penalties),
    }
    return {name: np.asarray(value) for name, value in (facts | table).items()}


# ------------------------------------------------------------------------------------------------- from the arrays alone


class Comparison(NamedTuple):
    """Two cells of which a paper says that the first is worse.

    Attributes:
      worse, better: (objective, penalty).
      source: who says so.
    """

    worse: tuple[str, str]
    better: tuple[str, str]
    source: str


COMPARISONS = (
    Comparison(("relativistic", "none"), ("relativistic", "r1_and_r2"), "Huang et al. 2024 (R3GAN), section 2"),
    Comparison(("relativistic", "r1"), ("relativistic", "r1_and_r2"), "Huang et al. 2024 (R3GAN), section 2"),
    Comparison(("non_saturating", "none"), ("non_saturating", "r1"), "Mescheder et al. 2018, section 4"),
    Comparison(("non_saturating", "none"), ("non_saturating", "zero_centred"), "Thanh-Tung et al. 2019"),
    Comparison(("non_saturating", "none"), ("non_saturating", "dragan"), "Kodali et al. 2017"),
    Comparison(("non_saturating", "none"), ("non_saturating", "gp"), "Fedus et al. 2018, Many paths to equilibrium"),
    Comparison(("wasserstein", "none"), ("wasserstein", "gp"), "Gulrajani et al. 2017, section 4"),
    Comparison(("wasserstein", "gp"), ("wasserstein", "lp"), "Petzka et al. 2018"),
    Comparison(("minimax", "none"), ("non_saturating", "none"), "Goodfellow et al. 2014, section 3"),
)
"""What papers say of pairs of cells."""


def claims(arrays: Arrays) -> list[Claim]:
    """The default recipe's distance, what papers say of pairs of cells, and of all objectives under R1 + R2."""
    logs, errors = logarithms(arrays)
    objectives, penalties = (arrays[name].tolist() for name in ("objectives", "penalties"))
    known = {
        (objective, penalty): (float(logs[i, j]), float(errors[i, j]))
        for i, objective in enumerate(objectives)
        for j, penalty in enumerate(penalties)
    }
    basis = f"4 standard errors, {seeds_in_words(arrays)}"
    result = _aim(arrays) if ("relativistic", "r1_and_r2") in known else []
    for worse, better, source in COMPARISONS:
        if worse in known and better in known:
            (far, far_error), (near, near_error) = known[worse], known[better]
            gap = far - near - 4.0 * math.hypot(far_error, near_error)
            what = f"log KID: {spoken(worse)} − {spoken(better)}, less 4 standard errors"
            result.append(Claim(what, source, 0.0, gap, 0.0, AT_LEAST, basis))
    result += _helped(arrays)
    if "r1_and_r2" in penalties:
        lost = float(diverged(arrays)[:, penalties.index("r1_and_r2")].sum())
        source = "Mescheder et al. 2018, theorem 4.1; Huang et al. 2024, proposition II"
        result.append(Claim("R1+R2: games that diverged", source, 0.0, lost, 0.0, AT_MOST, "a count"))
        others = [known[name, "r1_and_r2"] for name in objectives if name != "non_saturating"]
        if "non_saturating" in objectives and others:
            (own, own_error), (best, best_error) = known["non_saturating", "r1_and_r2"], min(others)
            what = "R1+R2: log KID, non_saturating − the least of all other objectives"
            source = "Lucic et al. 2018: no loss is consistently better than it"
            tolerance = 4.0 * math.hypot(own_error, best_error)
            result.append(Claim(what, source, 0.0, own - best, tolerance, AT_MOST, basis))
    return result


def _helped(arrays: Arrays) -> list[Claim]:
    """For how many objectives each penalty is better than none, against fair coins; rows that are one game to the bit count once."""
    logs, _ = logarithms(arrays)
    penalties = arrays["penalties"].tolist()
    if "none" not in penalties:
        return []
    rows = np.unique(logs, axis=0)
    without, count = rows[:, penalties.index("none")], len(rows)
    return [
        Claim(
            f"{LABELS[name]}: of {count} different games, those with a lower KID than without a penalty",
            "Kurach et al. 2019, on penalties",
            count / 2 + math.sqrt(count),
            float((rows[:, column] < without).sum()),
            0.0,
            AT_LEAST,
            "half, and 2 deviations of fair coins",
        )
        for column, name in enumerate(penalties)
        if name != "none"
    ]


def _aim(arrays: Arrays) -> list[Claim]:
    """Whether so short a run of the library's default game comes to where a long one should."""
    kid, error = distances(arrays)
    where = (arrays["objectives"].tolist().index("relativistic"), arrays["penalties"].tolist().index("r1_and_r2"))
    halves = arrays["halves"]
    floor_error = float(halves.std(ddof=1)) / math.sqrt(halves.size)
    return [
        Claim(
            f"relativistic (R1+R2): KID after {int(arrays['steps'])} steps, against 2 KID(two halves of the data) + 0.01",
            "the aim of a long run of the command line",
            2.0 * float(halves.mean()) + 0.01,
            float(kid[where]),
            2.0 * math.hypot(float(error[where]), 2.0 * floor_error),
            AT_MOST,
            "2 standard errors",
        )
    ]


def spoken(cell: tuple[str, str]) -> str:
    """``"wasserstein (GP)"``."""
    objective, penalty = cell
    return f"{objective} ({LABELS.get(penalty, penalty)})"


def table(arrays: Arrays) -> list[Row]:
    """One row for every game: its scores, its time, and what the scores are of; scores are NaN where it diverged."""
    lost = diverged(arrays)
    facts = {name: int(arrays[name]) for name in ("steps", "n_real", "n_fake")}
    rows: list[Row] = []
    for i, objective in enumerate(arrays["objectives"].tolist()):
        for j, penalty in enumerate(arrays["penalties"].tolist()):
            for seed in range(lost.shape[-1]):
                scores = {name: float(arrays[name][i, j, seed]) for name in SCORES}
                names = {"objective": objective, "penalty": penalty, "penalty_weight": WEIGHTS[penalty], "seed": seed}
                seconds = float(arrays["seconds"][i, j, seed])
                state = {"diverged": bool(lost[i, j, seed]), "seconds_per_1000_steps": seconds}
                rows.append({**names, **scores, **state, **facts, "extractor": str(arrays["extractor"])})
    return rows


def plot(arrays: Arrays) -> Figure:
    """The map of distances, and samples of the same games in the same places."""
    return drawn(arrays)
