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

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.artifacts import Arrays
from experiments.artifacts import Row as TableRow
from experiments.avatar_games import Recipe
from experiments.claims import AT_LEAST, Claim
from experiments.progress import Progress
from gan_jax.ranges import Count, Seed

ENCODERS = {"gru": "GRU", "transformer": "Transformer"}
PAIRS = {"seen": "seen pairs", "held_out": "held-out pairs"}
ATTRIBUTES = ("hair colour", "eye colour", "hair style", "face shape", "glasses")
LEAST = {"seen": 0.95, "held_out": 0.90}
LEAST_DIVERSITY = 0.7

CAPTIONS = (
    "a girl with red eyes and long blue hair",
    "green eyes, spiky pink hair and glasses",
    "a boy who has short blonde hair and brown eyes",
    "violet hair in twin tails, amber eyes",
    "silver hair in a bun",
    "a person with crimson hair",
    "azure eyes",
    "spectacles and brown hair",
)
"""Of the grids; the first three name held-out pairs."""


@dataclass(frozen=True)
class Config:
    """Two encoders on one data set."""

    encoders: tuple[str, ...] = ("gru", "transformer")
    """Of ``models.text.ENCODERS``."""

    size: Count = 32
    """Pixels a side: 16, 32 or 64."""

    avatars: Count = 20_000
    """Training pictures; 20 000 is the prepared set, other numbers are drawn anew."""

    recipe: Recipe = field(default_factory=Recipe)
    """Networks, rates and penalties."""

    steps: Count = 8000
    """Of every game; a multiple of ``records``."""

    records: Count = 4
    """How many times a game is looked at."""

    seeds: Count = 2
    """Games of every encoder."""

    samples: Count = 1000
    """Generated pictures at every look, of seen and of held-out pairs each; a multiple of 250."""

    last_samples: Count = 10_000
    """Of each at the last look."""

    within: Count = 40
    """Captions whose diversity is measured."""

    each: Count = 25
    """Pictures of each of them; captions times pictures is a multiple of 250."""

    shown: Count = 8
    """Pictures of a caption in the figure."""

    seed: Seed = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        from gan_jax.models.text import ENCODERS as known

        if not self.encoders or len(set(self.encoders)) != len(self.encoders) or not set(self.encoders) <= set(known):
            raise ValueError(f"encoders is {self.encoders}; expected different names among {', '.join(known)}")
        for name, value in (
            ("samples", self.samples),
            ("last_samples", self.last_samples),
            ("within * each", self.within * self.each),
        ):
            if value < 250 or value % 250:
                raise ValueError(f"{name} is {value}; expected a multiple of 250")


SMOKE = Config(
    encoders=("gru",),
    avatars=64,
    size=16,
    recipe=Recipe(width=4, critic_width=4, hidden=8, text_width=8, latent=4, batch_size=4),
    steps=4,
    records=2,
    seeds=1,
    samples=250,
    last_samples=250,
    within=10,
    shown=3,
)


def run(config: Config, progress: Progress) -> Arrays:
    """Trains a generator with every encoder, and reads what it draws."""
    import jax

    from experiments import avatar_games as games
    from experiments.mode_games import watch
    from gan_jax.data.avatar_sets import draw_set, load_avatars
    from gan_jax.training.state import averaged

    with progress.task("text to avatar", total=30.0 + 100.0 * len(config.encoders)):
        with progress.task("avatars", share=30.0):
            words = games.vocabulary()
            prepared = config.avatars == 20_000
            drawn = (
                load_avatars(size=config.size) if prepared else draw_set(config.seed, config.avatars, size=config.size)
            )
            feed = games.feed_for(drawn, words)
            asked = {
                pairs: games.questions(words, config.samples, pairs=pairs, seed=1 + i) for i, pairs in enumerate(PAIRS)
            }
            last = {
                pairs: games.questions(words, config.last_samples, pairs=pairs, seed=3 + i)
                for i, pairs in enumerate(PAIRS)
            }
            within = games.questions(words, config.within, pairs="seen", seed=5)
            real_diversity = games.real_diversity(config, within)
            grid = words.encode(CAPTIONS)
        keys = dict(zip(ENCODERS, jax.random.split(jax.random.key(config.seed), len(ENCODERS)), strict=True))
        arrays: dict[str, Any] = {
            "encoders": np.asarray(config.encoders),
            "steps": np.linspace(0, config.steps, config.records + 1),
            "real_diversity": real_diversity,
            "real": games.real_grid(config, CAPTIONS),
            "captions": np.asarray(CAPTIONS),
            "held_out": games.name_held_out(CAPTIONS),
        }
        for encoder in config.encoders:
            player = games.text_game(config.recipe, encoder, words, config.size, config.steps)

            def look(key: Any, state: Any, player: Any = player) -> Any:
                variables = averaged(state)
                each = zip(jax.random.split(key, len(asked)), asked.items(), strict=True)
                return {pairs: games.drawn(player.generator, variables, own, q.tokens) for own, (pairs, q) in each}

            with progress.task(ENCODERS[encoder], total=config.records, share=100.0) as task:
                watched = watch(
                    player.game,
                    keys[encoder],
                    look,
                    seeds=config.seeds,
                    steps=config.steps,
                    records=config.records,
                    feed=feed,
                    on_record=lambda _, task=task: task.advance(1),  # type: ignore[misc]
                )
            for pairs, q in asked.items():
                found = [[games.share_right(q.said, images) for images in record] for record in watched.seen[pairs]]
                arrays[f"{encoder}/{pairs}"] = np.array(found)
            arrays |= {
                f"{encoder}/{name}": value
                for name, value in games.finished(config, player, watched.states, last, within, grid).items()
            }
    return {name: np.asarray(value) for name, value in arrays.items()}


# ------------------------------------------------------------------------------------------------- from the arrays alone


def claims(arrays: Arrays) -> list[Claim]:
    """Both colours, on both kinds of pairs, for every encoder and seed; and variety."""
    result = []
    for encoder in arrays["encoders"].tolist():
        for pairs, label in PAIRS.items():
            final = arrays[f"{encoder}/last_{pairs}"]
            n = int(arrays[f"{encoder}/n"])
            result += [
                Claim(
                    f"{ENCODERS.get(encoder, encoder)}, {label}: least accuracy of {ATTRIBUTES[column]}, {n:,} pictures",
                    "real renders: 100 %",
                    LEAST[pairs],
                    float(final[:, column].min()),
                    0.0,
                    AT_LEAST,
                    "every seed",
                )
                for column in (0, 1)
            ]
        ratio = arrays[f"{encoder}/diversity"].mean(axis=1) / arrays["real_diversity"].mean()
        result.append(
            Claim(
                f"{ENCODERS.get(encoder, encoder)}: least mean distance within a caption over that of real renders",
                "equal laws: 1",
                LEAST_DIVERSITY,
                float(ratio.min()),
                0.0,
                AT_LEAST,
                "every seed",
            )
        )
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Every accuracy at every record, the last ones, and the diversity."""
    rows: list[TableRow] = []

    def add(encoder: str, pairs: str, step: float, seed: int, quantity: str, value: float) -> None:
        rows.append(
            {"encoder": encoder, "pairs": pairs, "step": step, "seed": seed, "quantity": quantity, "value": value}
        )

    end = float(arrays["steps"][-1])
    for encoder in arrays["encoders"].tolist():
        n = int(arrays[f"{encoder}/n"])
        for pairs in PAIRS:
            for (record, seed, column), value in np.ndenumerate(arrays[f"{encoder}/{pairs}"]):
                add(encoder, pairs, float(arrays["steps"][record]), seed, ATTRIBUTES[column], float(value))
            for (seed, column), value in np.ndenumerate(arrays[f"{encoder}/last_{pairs}"]):
                add(encoder, pairs, end, seed, f"{ATTRIBUTES[column]}, n = {n}", float(value))
        for seed, values in enumerate(arrays[f"{encoder}/diversity"]):
            ratio = float(values.mean() / arrays["real_diversity"].mean())
            add(encoder, "seen", end, seed, "diversity within a caption over real", ratio)
    return rows


def plot(arrays: Arrays) -> Figure:
    """Accuracy over training, all attributes, diversity, and grids by caption."""
    from experiments.text_to_avatar_plot import draw

    return draw(arrays)
