"""What the third kind of pair is worth: real pictures with captions that do not describe them.

Figure: accuracy of hair and eye colour over training, read off generated pictures, with wrong pairs (half of the negatives, as in Reed et
al. 2016, Algorithm 1), without any, and with wrong pairs drawn blindly, so that some of them are right; means over seeds with a band from
the least to the largest. On the right: how much swapping the caption changes a picture, over what other noise changes.

Without the third kind, the discriminator sees real pictures with right captions and generated ones with theirs. While generated pictures
are bad it can tell them apart without a caption, and the generator is told of captions late. Blind wrong pairs are a caption of another
picture, whatever it says: with captions that leave things out, a part of them does describe the picture, and the discriminator is taught
that a right pair is wrong.

Data, networks and measures are those of ``text_to_avatar``, at 16 × 16 and with a GRU. One program for all three: the weight of the third
kind, and how it is drawn, are data.

Command: ``python -m experiments wrong_captions``: 345 s on two cores.

Expected: with wrong pairs the hair has its colour sooner: half way on 80 % of the pictures, against 61 % without the third kind, and at
the end on 99.7 % against 93.5 %; the eyes, a few pixels, come as late either way (41 to 43 % after 3000 steps). The caption changes a
picture 1.5 times as much as the noise does, against 1.2 times. Blind pairs do as well as wrong ones: only .7 % of them are right ones, so
that the two claims which say otherwise do not hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from matplotlib.figure import Figure

from experiments.framework import AT_LEAST, Arrays, Claim, Progress, TableRow, finding
from gan_jax.cli.avatar_games import TextGameRecipe
from gan_jax.metrics.statistics import extent
from gan_jax.plots.curves import curve_with_band
from gan_jax.plots.style import BLUE, ORANGE, VERMILION, WIDTH, Look, style
from gan_jax.ranges import Count, Recorded, Seed

ARMS = {
    "wrong": ("wrong pairs", Look(BLUE)),
    "none": ("no third kind", Look(VERMILION, "--")),
    "blind": ("blind pairs", Look(ORANGE, "-.")),
}
"""By name: label and look."""


@dataclass(frozen=True)
class Config:
    """Three ways to make the third kind of pair."""

    size: Literal[16, 32, 64] = 16  # Pixels a side.
    avatars: Count = 5000  # Training pictures.
    recipe: TextGameRecipe = field(default_factory=TextGameRecipe)  # Networks, rates and penalties.
    steps: Recorded = 3000  # Steps of every game; a multiple of ``records``.
    records: Count = 10  # How many times a game is looked at.
    seeds: Count = 2  # Games of every arm.
    samples: Count = 1000  # Generated pictures at every look; a multiple of 250.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        if self.samples < 250 or self.samples % 250:
            raise ValueError(f"samples is {self.samples}; expected a multiple of 250")


SMOKE = Config(
    avatars=64,
    recipe=TextGameRecipe(width=4, critic_width=4, hidden=8, text_width=8, latent=4, batch_size=4),
    steps=4,
    records=2,
    seeds=1,
    samples=250,
)


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all arms side by side, as cases of one program, with the same seeds."""
    import jax
    import jax.numpy as jnp

    from experiments.framework.rows import Quantities, record_cases
    from gan_jax.cli import avatar_games as games
    from gan_jax.data.avatar_feeds import Feed, captioned
    from gan_jax.data.drawn_avatars import draw_set
    from gan_jax.metrics.conditioning import swap_effect
    from gan_jax.training.recording import Case
    from gan_jax.training.state import GameState, averaged
    from gan_jax.typing import ConditionedBatch

    words = games.vocabulary()
    feed = games.feed_for(draw_set(config.seed, config.avatars, size=config.size), words)
    asked = games.questions(words, config.samples, pairs="seen", seed=1)

    def data(key: jax.Array, batch: int, *, feed: tuple[Feed, jax.Array]) -> ConditionedBatch:
        pairs = captioned(key, batch, feed=feed[0])
        # Told that a caption says nothing but whose it is, the draw of wrong ones takes any other.
        own = jnp.arange(batch)[:, None] * jnp.ones_like(pairs.condition_attributes)
        asked, there = (jnp.where(feed[1], own, known) for known in (pairs.condition_attributes, pairs.attributes))
        return pairs._replace(condition_attributes=asked, attributes=there)

    player = games.text_game(config.recipe, "gru", words, config.size, config.steps, data=data)

    def look(key: jax.Array, state: GameState, case: Case) -> Quantities:
        picture_key, swap_key = jax.random.split(key)
        variables, tokens = averaged(state), jnp.asarray(asked.tokens[:250])
        return {
            "images": games.drawn(player.generator, variables, picture_key, asked.tokens),
            "swap": swap_effect(swap_key, player.generator, variables, tokens, jnp.roll(tokens, 1, axis=0)),
        }

    blind = np.array([name == "blind" for name in ARMS])
    repeated = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (len(ARMS), *leaf.shape)), feed)
    weights = np.array([0.0 if name == "none" else 0.5 for name in ARMS], np.float32)
    cases = Case(
        feed=(repeated, jnp.asarray(blind)), hyper={"wrong_weight": jnp.asarray(weights)}, truth=np.zeros(len(ARMS))
    )
    with progress.task("games", total=config.records) as task:
        watched = record_cases(task, config, player.game, jax.random.key(config.seed), look, cases)
    images = watched.seen["images"]
    right = np.array(
        [games.share_right(asked.condition_attributes, images[place]) for place in np.ndindex(*images.shape[:3])]
    )
    return {
        "arms": np.asarray(list(ARMS)),
        "steps": np.linspace(0, config.steps, config.records + 1),
        # [records + 1, arms, seeds, attributes]
        "right": right.reshape(*images.shape[:3], -1),
        "swap": np.asarray(watched.seen["swap"]),
        "blind_right": np.asarray(
            _blind_and_right(np.asarray(feed.condition_attributes), np.asarray(feed.attributes), config.seed)
        ),
    }


def _blind_and_right(condition_attributes: np.ndarray, attributes: np.ndarray, seed: int) -> float:
    """Share of blindly drawn wrong captions that describe the picture all the same, of 100 000."""
    rng = np.random.default_rng(seed)
    picture, other = rng.integers(len(attributes), size=(2, 100_000))
    claims = condition_attributes[other, rng.integers(condition_attributes.shape[1], size=100_000)]
    describes = np.all((claims < 0) | (claims == attributes[picture]), axis=1)
    return float(np.mean(describes[picture != other]))


def claims(arrays: Arrays) -> list[Claim]:
    """Wrong pairs are worth something, early and at the end."""
    right = arrays["right"][..., :2].mean(axis=-1)
    names = arrays["arms"].tolist()
    result = []
    for moment, when in ((right.shape[0] // 2, "half way"), (right.shape[0] - 1, "at the end")):
        with_wrong = right[moment, names.index("wrong")]
        basis = f"its sign, means of {with_wrong.size} seeds"
        for other in ("none", "blind"):
            without = right[moment, names.index(other)].mean()
            what = f"accuracy of both colours {when}: wrong pairs, against {ARMS[other][0]}"
            source = "Reed et al. 2016, section 4.1"
            result.append(finding(what, source, without, with_wrong.mean(), 0.0, AT_LEAST, basis))
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Every number of every game at every record."""
    rows: list[TableRow] = []
    for record, arm, seed in np.ndindex(*arrays["swap"].shape):
        hair, eyes = (float(value) for value in arrays["right"][record, arm, seed, :2])
        numbers = {"hair colour": hair, "eye colour": eyes, "swap effect": float(arrays["swap"][record, arm, seed])}
        rows.append({"arm": str(arrays["arms"][arm]), "step": float(arrays["steps"][record]), "seed": seed, **numbers})
    return rows


def plot(arrays: Arrays) -> Figure:
    """Accuracy of both colours, and what a swap of captions changes."""
    with style():
        figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
        axes = figure.subplots(1, 3)
        for arm, name in enumerate(arrays["arms"].tolist()):
            label, look = ARMS[name]
            right = arrays["right"][:, arm]
            courses = (right[..., 0], right[..., 1], arrays["swap"][:, arm])
            for ax, values, text in zip(axes, courses, (label, None, None), strict=True):
                curve_with_band(ax, arrays["steps"], *extent(values, 1), look=look, label=text)
        for ax, count in ((axes[0], 12), (axes[1], 11)):
            ax.axhline(1.0 / count, color="grey", linestyle=":", linewidth=1.8)
            ax.set(ylim=(0.0, 1.03), xlabel="generator steps")
        axes[0].set(title="hair colour as asked", ylabel="share of pictures")
        axes[1].set(title="eye colour as asked")
        axes[2].set(title="change by caption / by noise", xlabel="generator steps")
        blind = 100.0 * float(arrays["blind_right"])
        seeds = arrays["swap"].shape[2]
        title = f"means of {seeds} games, bands: least to largest; dotted: chance; {blind:.1f} % of blind pairs are right ones"
        figure.legend(loc="outside lower center", ncols=3, fontsize=11.5, title=title)
    return figure
