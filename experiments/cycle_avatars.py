"""Portraits to cartoons, unpaired: whose hair and eyes keep their colours, with the way back and without.

Figure: held-out portraits x, what the full game's G draws of them, what its F makes of that, the cartoon of the same avatar, which no game
has seen, and what G draws in the games without cycles and with one; the share of pictures whose hair and eyes have kept their colour, over
training, for every ablation (bands: from the least to the largest); the same for all five attributes at the end, and KID to the cartoons
with the line that counts as near.

Data: ``data.avatars``, drawn by code in two styles: portraits of some avatars and cartoons of others, so that there is no pair to be found.
The cartoon of a portrait exists all the same, and evaluation uses it: attributes are read off what G draws by inverting the drawing of
cartoons (``data.avatar_reading``), which is right on 100 % of real ones, and held against those of the portrait.

Translators are residual networks with instance norm and resize-convolutions, discriminators judge patches (Zhu et al. 2017, appendix 7.2);
what is not the paper's: translators start near the identity (``--skip``), the objective is relativistic pairing with R1 + R2, cycles weigh
1, and there are no identity terms. A pool of 50, rates that fall over the second half, averaged parameters; the five games of table 4 have
the same keys.

KID (Bińkowski et al. 2018) is on features of a classifier that is trained to tell hair of cartoons, colour and style; its floor is that of
real cartoons of other avatars. Near is at most twice the floor plus .02.

Command: ``python -m experiments cycle_avatars``: 20 min on two cores; ``--preset quick``: 280 s; ``--preset large`` (32 pixels, wider)
wants an accelerator and has not been run.

Expected: after 8000 steps, on 1000 portraits that no game has seen and at worst of two seeds, 100 % of the hair and 99 % of the eyes keep
their colour with both cycles, hair styles on 97 %, glasses on 98 %, face shapes on 71 to 76 %. Without cycles hair keeps its colour all
the same, since translators start at what they are given, and 90 % of the eyes do (95 %: 88.9 to 91.5 %, against 98.7 to 99.5 %), with
noise in the background. KID to the cartoons is -.007 and .015, of real cartoons -.052, each with a standard error of .03: they cannot be
told apart; without cycles .06 and .09. Cycles alone leave a portrait (KID 5.7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.artifacts import Arrays
from experiments.artifacts import Row as TableRow
from experiments.claims import AT_LEAST, AT_MOST, Claim
from experiments.cycle_games import ADVERSARIAL, BACKWARD, CYCLE, FORWARD, FULL, IMAGES, Recipe, cases, game_of_four
from experiments.progress import Progress

GAMES = (FULL, ADVERSARIAL, FORWARD, BACKWARD, CYCLE)
ATTRIBUTES = ("hair colour", "eye colour", "hair style", "face shape", "glasses")
COLOURS = 2
"""The first of them are what has to survive."""

SURVIVE = 0.9
PART = 50
"""Pictures that are translated at once."""


@dataclass(frozen=True)
class Config:
    """Two styles of drawing, five games."""

    games: tuple[str, ...] = GAMES
    """Of ``ABLATIONS``."""

    size: int = 16
    """Pixels a side: 16, 32 or 64."""

    recipe: Recipe = field(default_factory=lambda: IMAGES)
    """Weights and rates."""

    width: int = 16
    """Channels of the translators at full size."""

    blocks: int = 2
    """Residual blocks of the translators."""

    skip: bool = True
    """Whether translators start near the identity."""

    judge_width: int = 32
    """Channels of the discriminators' first layer."""

    portraits: int = 4000
    """Pictures of X."""

    cartoons: int = 3000
    """Pictures of Y, of other avatars."""

    steps: int = 8000
    """Of every game; a multiple of ``records``."""

    records: int = 4
    """How many times a game is looked at."""

    seeds: int = 2
    """Games of every kind."""

    samples: int = 100
    """Held-out portraits that are translated at every look; a multiple of 50."""

    last_samples: int = 1000
    """The same at the end, and as many cartoons for the floor of KID."""

    shown: int = 10
    """Portraits in the figure."""

    seed: int = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        if not self.games or len(set(self.games)) != len(self.games) or not set(self.games) <= set(GAMES):
            raise ValueError(f"games is {self.games}; expected different names among {', '.join(GAMES)}")
        for name, value in (("samples", self.samples), ("last_samples", self.last_samples)):
            if value < PART or value % PART:
                raise ValueError(f"{name} is {value}; expected a multiple of {PART}")
        if not 1 <= self.shown <= self.samples:
            raise ValueError(f"shown is {self.shown}; expected 1 to {self.samples}, the portraits of a look")


SMOKE = Config(
    games=(FULL, ADVERSARIAL),
    size=16,
    recipe=Recipe(batch_size=2),
    width=4,
    blocks=1,
    judge_width=4,
    portraits=60,
    cartoons=80,
    steps=4,
    records=2,
    seeds=1,
    samples=50,
    last_samples=50,
    shown=3,
)


PRESETS = {
    "quick": Config(steps=2500, seeds=1, last_samples=500),
    "large": Config(size=32, width=32, blocks=4, judge_width=64, steps=20_000),
}
"""For two cores in minutes, and at twice the size, for an accelerator; the large one has not been run."""


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games, and reads what they draw of portraits that they have not seen."""
    import jax

    from experiments.mode_games import watch_cases
    from gan_jax.data import avatars
    from gan_jax.data.images import to_bytes

    with progress.task("cycle avatars", total=130.0):
        with progress.task("avatars", share=20.0):
            x, y = _domain(config, 0, config.portraits, "portrait"), _domain(config, 1, config.cartoons, "cartoon")
            key = jax.random.key(config.seed)
            who = avatars.sample(jax.random.fold_in(key, 2), config.last_samples, pairs="all")
            x_held_out, y_held_out = (
                np.asarray(to_bytes(avatars.render(who, size=config.size, style=style)))
                for style in ("portrait", "cartoon")
            )
            attributes = np.asarray(who.attributes)
        with progress.task("games", total=config.records, share=80.0) as task:
            game, feed, look, translate = _game(config, x, y, x_held_out)
            watched = watch_cases(
                game,
                jax.random.fold_in(key, 3),
                look,
                cases(config.recipe, config.games, feed),
                seeds=config.seeds,
                steps=config.steps,
                records=config.records,
                on_record=lambda _: task.advance(1),
            )
        with progress.task("reading", share=30.0):
            finished = np.asarray(jax.jit(lambda states: jax.lax.map(translate, states))(watched.states))
            finished = finished.reshape(len(config.games), config.seeds, *finished.shape[1:])
            shown = slice(config.shown)
            arrays: dict[str, Any] = {
                "games": np.asarray(config.games),
                "steps": np.linspace(0, config.steps, config.records + 1),
                "right": _right(watched.seen["made"], attributes[: config.samples]),
                "last": _right(finished, attributes),
                "cycle": watched.seen["cycle"],
                "x": x_held_out[shown],
                "truth": y_held_out[shown],
                "made": watched.seen["made"][-1, :, 0, shown],
                "returned": watched.seen["returned"][-1, :, 0, shown],
                **_distances(config, y, y_held_out, attributes, finished),
            }
    return {name: np.asarray(value) for name, value in arrays.items()}


def _domain(config: Config, number: int, n: int, style: str) -> Any:
    """Avatars of one domain in one style."""
    from gan_jax.data.avatar_sets import draw_set

    return draw_set(2 * config.seed + number, n, pairs="all", size=config.size, style=style)


def _game(config: Config, x: Any, y: Any, held_out: np.ndarray) -> tuple[Any, Any, Any, Any]:
    """The game, what it draws from, ``look(key, state, case)``, and ``translate(state)`` of all held-out portraits."""
    import jax
    import jax.numpy as jnp

    from gan_jax.data.images import ImageSet, to_bytes, to_unit
    from gan_jax.data.sources import resident
    from gan_jax.data.unpaired import unpaired
    from gan_jax.metrics.translation import cycle_error
    from gan_jax.models.translators import patch_critic, resnet_translator
    from gan_jax.training.state import averaged
    from gan_jax.training.translation import translators

    def source(drawn: Any) -> Any:
        return resident(ImageSet(drawn.name, drawn.images, np.full(len(drawn.images), -1, np.int32), 0))

    both = unpaired(source(x), source(y))
    generator = resnet_translator(config.size, width=config.width, blocks=config.blocks, skip=config.skip)
    judge = patch_critic(config.size, width=config.judge_width)
    game = game_of_four(config.recipe, generator, generator, judge, judge, both.draw, config.steps)

    def there_and_back(state: Any, images: np.ndarray) -> Any:
        own, back = translators(averaged(state))

        def some(x: Any) -> Any:
            made = generator.apply(own, to_unit(x))
            returned = generator.apply(back, made)
            return to_bytes(made), to_bytes(returned), cycle_error(returned, to_unit(x))

        parts = jnp.asarray(images).reshape(-1, PART, *images.shape[1:])
        made, returned, error = jax.lax.map(some, parts)
        return made.reshape(images.shape), returned.reshape(images.shape), jnp.mean(error)

    def look(key: Any, state: Any, case: Any) -> Mapping[str, Any]:
        made, returned, error = there_and_back(state, held_out[: config.samples])
        return {"made": made, "returned": returned, "cycle": error}

    return game, both.feed(0, config.steps), look, lambda state: there_and_back(state, held_out)[0]


def _right(made: np.ndarray, attributes: np.ndarray) -> np.ndarray:
    """Share of pictures ``[…, n, size, size, 3]`` on which every attribute is what it was, ``[…, 5]``."""
    from gan_jax.data.avatar_reading import read

    found = read(made.reshape(-1, *made.shape[-3:]), style="cartoon").attributes
    return np.asarray((found.reshape(*made.shape[:-3], -1) == attributes).mean(axis=-2))


def _distances(
    config: Config, y: Any, held_out: np.ndarray, attributes: np.ndarray, made: np.ndarray
) -> dict[str, Any]:
    """KID of what G draws to the cartoons, ``[games, seeds]``, and of real cartoons of other avatars."""
    import jax.numpy as jnp

    from gan_jax.data.avatars import COUNTS, HAIR_COLOUR, HAIR_STYLE
    from gan_jax.data.images import ImageSet
    from gan_jax.metrics.classifier import classifier_features
    from gan_jax.metrics.features import extract
    from gan_jax.metrics.kernel import kid

    def labelled(name: str, images: np.ndarray, who: np.ndarray) -> ImageSet:
        hair = who[:, HAIR_COLOUR] * COUNTS[HAIR_STYLE] + who[:, HAIR_STYLE]
        return ImageSet(name, images, hair.astype(np.int32), COUNTS[HAIR_COLOUR] * COUNTS[HAIR_STYLE])

    trained = classifier_features(
        labelled(y.name, y.images, y.attributes), labelled(f"{y.name} held out", held_out, attributes)
    )
    real = jnp.asarray(extract(trained.features, y.images[: config.last_samples]).features)

    def to_real(images: np.ndarray) -> tuple[float, float]:
        found = kid(real, jnp.asarray(extract(trained.features, images).features))
        return float(found.value), float(found.standard_error)

    every = np.array([[to_real(images) for images in seeds] for seeds in made])
    return {
        "kid": every[..., 0],
        "kid_error": every[..., 1],
        "floor": np.array(to_real(held_out)),
        "features": f"{trained.features.name}, accuracy {trained.accuracy:.3f}",
        "n": len(held_out),
    }


# ------------------------------------------------------------------------------------------------- from the arrays alone


def last(arrays: Arrays, field: str, game: str) -> np.ndarray:
    """A quantity of the finished games of one kind, ``[seeds, …]``."""
    return np.asarray(arrays[field][arrays["games"].tolist().index(game)])


def near(arrays: Arrays) -> float:
    """The KID that counts as near: twice the floor and .02."""
    return 2.0 * max(float(arrays["floor"][0]), 0.0) + 0.02


def survival(arrays: Arrays, game: str, column: int) -> tuple[float, float, float]:
    """Share of pictures of all seeds on which an attribute survives, with its Clopper–Pearson interval of 95 %."""
    from gan_jax.metrics.histograms import interval

    shares = last(arrays, "last", game)[:, column]
    n = int(arrays["n"]) * len(shares)
    low, high = interval(round(float(shares.mean()) * n), n, level=0.95)
    return float(shares.mean()), float(low), float(high)


def claims(arrays: Arrays) -> list[Claim]:
    """Colours survive with cycles, and fewer of them without; what G draws is near the cartoons."""
    result = []
    for column in range(COLOURS):
        worst = float(last(arrays, "last", FULL)[:, column].min())
        share, low, high = survival(arrays, FULL, column)
        other = survival(arrays, ADVERSARIAL, column)
        result += [
            Claim(
                f"full game: least share whose {ATTRIBUTES[column]} survives, {int(arrays['n']):,} portraits",
                "real cartoons: 100 %",
                SURVIVE,
                worst,
                0.0,
                AT_LEAST,
                f"every seed; mean {share:.3f}, 95 %: {low:.3f} to {high:.3f}",
            ),
            Claim(
                f"adversarial only: {ATTRIBUTES[column]}, upper end of 95 %, below the full game's lower end",
                "Zhu et al. 2017, table 4",
                low,
                other[2],
                0.0,
                AT_MOST,
                f"mean {other[0]:.3f}, 95 %: {other[1]:.3f} to {other[2]:.3f}",
            ),
        ]
    return [
        *result,
        Claim(
            "full game: largest KID of G(x) to the cartoons",
            f"real cartoons: {float(arrays['floor'][0]):.4f}; twice that and .02",
            near(arrays),
            float(last(arrays, "kid", FULL).max()),
            0.0,
            AT_MOST,
            "every seed",
        ),
    ]


def table(arrays: Arrays) -> list[TableRow]:
    """Every share at every record, the last ones, cycle errors and KID."""
    rows: list[TableRow] = []
    end = float(arrays["steps"][-1])

    def add(game: str, step: float, seed: int, quantity: str, value: float) -> None:
        rows.append({"game": game, "step": step, "seed": seed, "quantity": quantity, "value": value})

    for number, game in enumerate(arrays["games"].tolist()):
        for (record, seed), error in np.ndenumerate(arrays["cycle"][:, number]):
            step = float(arrays["steps"][record])
            add(game, step, seed, "cycle error", float(error))
            for column, name in enumerate(ATTRIBUTES):
                add(game, step, seed, name, float(arrays["right"][record, number, seed, column]))
        for seed, values in enumerate(last(arrays, "last", game)):
            for column, name in enumerate(ATTRIBUTES):
                add(game, end, seed, f"{name}, n = {int(arrays['n'])}", float(values[column]))
            add(game, end, seed, "KID", float(arrays["kid"][number, seed]))
    return rows


def plot(arrays: Arrays) -> Figure:
    """Portraits and cartoons, what survives, and KID."""
    from experiments.cycle_avatars_plot import draw

    return draw(arrays)
