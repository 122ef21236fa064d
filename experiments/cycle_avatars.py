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
cartoons of people whom neither it nor a game has seen; its floor is that of other such. Near is at most twice the floor plus .02, on the
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

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.artifacts import Arrays
from experiments.artifacts import Row as TableRow
from experiments.claims import AT_LEAST, AT_MOST, Claim
from experiments.cycle_avatars_measures import SCALES, distances, right
from experiments.cycle_games import (
    ADVERSARIAL,
    BACKWARD,
    CYCLE,
    FORWARD,
    FULL,
    IMAGES,
    NO_IDENTITY,
    Recipe,
    cases,
    game_of_four,
)
from experiments.progress import Progress
from gan_jax.ranges import Count, Fifties, Seed

GAMES = (FULL, NO_IDENTITY, ADVERSARIAL, FORWARD, BACKWARD, CYCLE)
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
    """Of ``GAMES``: the ablations, and the full one without identity terms."""

    size: Count = 16
    """Pixels a side: 16, 32 or 64."""

    recipe: Recipe = field(default_factory=lambda: replace(IMAGES, cycle_weight=3.0, identity_weight=0.5))
    """Weights and rates."""

    width: Count = 16
    """Channels of the translators at full size."""

    blocks: Count = 2
    """Residual blocks of the translators at a quarter of the size, and as many at full size."""

    skip: str = "joined"
    """How an image gets around the translators: none, joined or added."""

    judge_width: Count = 32
    """Channels of the discriminators' first layer."""

    portraits: Count = 4000
    """Pictures of X."""

    cartoons: Count = 3000
    """Pictures of Y, of other avatars."""

    steps: Count = 6000
    """Of every game; a multiple of ``records``."""

    records: Count = 4
    """How many times a game is looked at."""

    seeds: Count = 2
    """Games of every kind."""

    samples: Fifties = 100
    """Held-out portraits that are translated at every look; a multiple of 50."""

    last_samples: Fifties = 1000
    """The same at the end, whose attributes are read; a multiple of 50."""

    kid_samples: Fifties = 10_000
    """Held-out portraits whose translations KID compares, and as many real cartoons; a multiple of 50, at least ``last_samples``."""

    shown: Count = 10
    """Portraits in the figure."""

    seed: Seed = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        if not self.games or len(set(self.games)) != len(self.games) or not set(self.games) <= set(GAMES):
            raise ValueError(f"games is {self.games}; expected different names among {', '.join(GAMES)}")
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
    kid_samples=50,
    shown=3,
)


PRESETS = {
    "quick": Config(steps=1600, seeds=1, last_samples=500, kid_samples=2000),
    "long": Config(games=(FULL,), steps=60_000),
    "large": Config(size=32, width=32, blocks=4, judge_width=64, steps=20_000),
}
"""For two cores in minutes; the full game alone, for longer; at twice the size, for an accelerator, which has not been run."""


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games, and reads what they draw of portraits that they have not seen."""
    import jax

    from experiments.mode_games import watch_cases

    with progress.task("cycle avatars", total=130.0):
        with progress.task("avatars", share=20.0):
            x, y = _domain(config, 0, config.portraits, "portrait"), _domain(config, 1, config.cartoons, "cartoon")
            # Of people that no game sees: some in both styles, and others as cartoons, which KID compares with.
            held_out, truth = (_domain(config, 2, config.kid_samples, style) for style in ("portrait", "cartoon"))
            others = _domain(config, 3, config.kid_samples, "cartoon")
        with progress.task("games", total=config.records, share=80.0) as task:
            game, feed, look, translate = _game(config, x, y, held_out.images[: config.samples])
            watched = watch_cases(
                game,
                jax.random.fold_in(jax.random.key(config.seed), 3),
                look,
                cases(config.recipe, config.games, feed),
                seeds=config.seeds,
                steps=config.steps,
                records=config.records,
                on_record=lambda _: task.advance(1),
            )
        with progress.task("reading", share=30.0):
            finished = np.asarray(translate(watched.states, held_out.images))
            finished = finished.reshape(len(config.games), config.seeds, *finished.shape[1:])
            shown, read = slice(config.shown), slice(config.last_samples)
            arrays: dict[str, Any] = {
                "games": np.asarray(config.games),
                "steps": np.linspace(0, config.steps, config.records + 1),
                "right": right(watched.seen["made"], held_out.attributes[: config.samples]),
                "last": right(finished[:, :, read], held_out.attributes[read]),
                "cycle": watched.seen["cycle"],
                "n": config.last_samples,
                "x": held_out.images[shown],
                "truth": truth.images[shown],
                "made": watched.seen["made"][-1, :, 0, shown],
                "returned": watched.seen["returned"][-1, :, 0, shown],
                **distances(y, truth, others, finished),
            }
    return {name: np.asarray(value) for name, value in arrays.items()}


def _domain(config: Config, number: int, n: int, style: str) -> Any:
    """Avatars of one domain in one style."""
    from gan_jax.data.avatar_sets import draw_set

    return draw_set(4 * config.seed + number, n, pairs="all", size=config.size, style=style)


def _game(config: Config, x: Any, y: Any, held_out: np.ndarray) -> tuple[Any, Any, Any, Any]:
    """The game, what it draws from, ``look(key, state, case)`` of held-out portraits, and ``translate(states, images)``."""
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
    generator = resnet_translator(
        config.size,
        width=config.width,
        blocks=config.blocks,
        fine_blocks=config.blocks,
        kernel_size=3,
        skip=config.skip,
    )
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
        made, returned, error = there_and_back(state, held_out)
        return {"made": made, "returned": returned, "cycle": error}

    @jax.jit
    def translate(states: Any, images: np.ndarray) -> Any:
        return jax.lax.map(lambda state: there_and_back(state, images)[0], states)

    return game, both.feed(0, config.steps), look, translate


# ------------------------------------------------------------------------------------------------- from the arrays alone


def last(arrays: Arrays, field: str, game: str) -> np.ndarray:
    """A quantity of the finished games of one kind, ``[seeds, …]``."""
    return np.asarray(arrays[field][arrays["games"].tolist().index(game)])


def near(arrays: Arrays, scale: int) -> float:
    """The KID that counts as near: twice the floor and .02."""
    return 2.0 * max(float(arrays["floor"][scale, 0]), 0.0) + 0.02


def survival(arrays: Arrays, game: str, column: int) -> tuple[float, float, float]:
    """Share of pictures of all seeds on which an attribute survives, with its Clopper–Pearson interval of 95 %."""
    from gan_jax.metrics.histograms import interval

    shares = last(arrays, "last", game)[:, column]
    n = int(arrays["n"]) * len(shares)
    low, high = interval(round(float(shares.mean()) * n), n, level=0.95)
    return float(shares.mean()), float(low), float(high)


def claims(arrays: Arrays) -> list[Claim]:
    """Colours survive with cycles, and fewer of them without, or without identity terms; what G draws is near the cartoons."""
    result = []
    for column in range(COLOURS):
        share, low, high = survival(arrays, FULL, column)
        result.append(
            Claim(
                f"full game: least share whose {ATTRIBUTES[column]} survives, {int(arrays['n']):,} portraits",
                "real cartoons: 100 %",
                SURVIVE,
                float(last(arrays, "last", FULL)[:, column].min()),
                0.0,
                AT_LEAST,
                f"every seed; mean {share:.3f}, 95 %: {low:.3f} to {high:.3f}",
            )
        )
    less = {ADVERSARIAL: "Zhu et al. 2017, table 4", NO_IDENTITY: "Zhu et al. 2017, section 5.2"}
    played = [game for game in less if game in arrays["games"].tolist()]
    result += [_fewer(arrays, game, column, less[game]) for game in played for column in range(COLOURS)]
    return result + [_near(arrays, scale) for scale in range(len(SCALES))]


def _near(arrays: Arrays, scale: int) -> Claim:
    """That the full game's pictures are as near to real cartoons as other real ones, nearly."""
    found, errors = (last(arrays, field, FULL)[:, scale] for field in ("kid", "kid_error"))
    value, error = arrays["floor"][scale]
    return Claim(
        f"full game: largest KID of G(x) to the cartoons, {SCALES[scale]}, {int(arrays['kid_n']):,} each",
        f"real cartoons: {value:.4f}, s.e. {error:.4f}; twice that and .02",
        near(arrays, scale),
        float(found.max()),
        0.0,
        AT_MOST,
        f"every seed; s.e. {errors[found.argmax()]:.4f}",
    )


def _fewer(arrays: Arrays, game: str, column: int, source: str) -> Claim:
    """That a colour survives less often than in the full game: intervals do not touch."""
    share, low, high = survival(arrays, game, column)
    return Claim(
        f"{game}: {ATTRIBUTES[column]}, upper end of 95 %, below the full game's lower end",
        source,
        survival(arrays, FULL, column)[1],
        high,
        0.0,
        AT_MOST,
        f"mean {share:.3f}, 95 %: {low:.3f} to {high:.3f}",
    )


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
            for name, value in zip(SCALES, arrays["kid"][number, seed], strict=True):
                add(game, end, seed, f"KID, {name}", float(value))
    return rows


def plot(arrays: Arrays) -> Figure:
    """Portraits and cartoons, what survives, and KID."""
    from experiments.cycle_avatars_plot import draw

    return draw(arrays)
