"""Digits to inverted, turned and coloured digits, unpaired: which digit comes out, and where the way back hides what it must not forget.

Figure: for every task, held-out digits, what the full game's G makes of them and what its F makes of that, and what G makes of them in
the game without cycles; the share of held-out digits that are still read as their label once the true map is undone, over training, for
every ablation (bands: from the least to the largest; the line is that of real digits); the error of the cycle from Y, with noise of scale
s on F(y); and KID to Y.

Data: scikit-learn's 1797 digits, at 16 × 16. X has 700 of them, Y has 600 others, inverted (y = -x), turned by a quarter, or each in a
colour of its own (a hue drawn uniformly, in three channels); 497 are held out. Nothing tells which y is made of which digit, and none of
them is: the sets are disjoint. Translators are residual networks, discriminators judge patches.

A coloured digit has a colour that a grey one has no place for. The cycle from Y wants it back all the same: either it does not close, or F
hides the colour where it is not seen, and then a little noise on F(y) costs more than where nothing has to be hidden, as in inverted digits
(Chu et al. 2017, section 4).

Accuracy is by the classifier of ``metrics.classifier``, on what comes out with the true map undone: the sign, the turn, or the largest
channel for grey. KID (Bińkowski et al. 2018) is on its features too, against the digits of Y with the map undone, with the floor of
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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from experiments.artifacts import Arrays
from experiments.artifacts import Row as TableRow
from experiments.claims import AT_LEAST, AT_MOST, Claim
from experiments.cycle_games import ADVERSARIAL, BACKWARD, CYCLE, FORWARD, FULL, IMAGES, Recipe, cases, game_of_four
from experiments.progress import Progress
from gan_jax.ranges import Count, NonNegative, Seed

GAMES = (FULL, ADVERSARIAL, FORWARD, BACKWARD, CYCLE)
SIZE = 16


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

    tasks: tuple[str, ...] = tuple(TASKS)
    """Which of them."""

    recipe: Recipe = field(default_factory=lambda: dataclasses.replace(IMAGES, cycle_weight=3.0, ema_decay=0.995))
    """Weights and rates."""

    width: Count = 8
    """Channels of the translators at full size."""

    judge_width: Count = 16
    """Channels of the discriminators' first layer."""

    blocks: Count = 2
    """Residual blocks of the translators."""

    x_images: Count = 700
    """Digits of X."""

    y_images: Count = 600
    """Digits of Y; what is left of 1797 is held out."""

    steps: Count = 2000
    """Of every game; a multiple of ``records``."""

    records: Count = 4
    """How many times a game is looked at."""

    seeds: Count = 2
    """Games of every kind on every task."""

    shown: Count = 8
    """Digits in the figure."""

    scales: tuple[NonNegative, ...] = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
    """Of noise on F(y), in units of pixels from -1 to 1; the first is 0."""

    seed: Seed = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        if not self.tasks or len(set(self.tasks)) != len(self.tasks) or not set(self.tasks) <= set(TASKS):
            raise ValueError(f"tasks is {self.tasks}; expected different names among {', '.join(TASKS)}")
        if self.x_images + self.y_images > 1700 or min(self.x_images, self.y_images) < 1:
            raise ValueError(
                f"x_images is {self.x_images} and y_images is {self.y_images}; expected at least one of each and 1700 together at most, "
                "of 1797 digits"
            )
        if not self.scales or self.scales[0] != 0.0:
            raise ValueError(f"scales is {self.scales}; expected 0 first")


SMOKE = Config(
    tasks=("coloured",),
    recipe=Recipe(batch_size=2),
    width=2,
    judge_width=2,
    blocks=1,
    steps=4,
    records=2,
    seeds=2,
    shown=3,
    scales=(0.0, 0.1),
)


PRESETS = {"quick": Config(steps=800, records=2, seeds=1)}
"""For two cores in minutes."""


class Split(NamedTuple):
    """Digits of the two domains before anything is made of them, and those that are held out, in [-1, 1], with their labels."""

    x: np.ndarray
    y: np.ndarray
    held_out: np.ndarray
    labels: np.ndarray


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games on every task, and measures what G and F make of held-out digits."""
    with progress.task("cycle digits", total=20.0 + 100.0 * len(config.tasks)):
        with progress.task("classifier", share=20.0):
            import jax

            from experiments.image_runs import Data, Evaluation
            from experiments.mode_games import watch_cases
            from experiments.yardsticks import yardstick

            split, measure = _split(config), yardstick(Data(size=SIZE), Evaluation())
        arrays: dict[str, Any] = {
            "tasks": np.asarray(config.tasks),
            "games": np.asarray(GAMES),
            "steps": np.linspace(0, config.steps, config.records + 1),
            "scales": np.asarray(config.scales),
            "held_out": len(split.labels),
        }
        keys = dict(zip(TASKS, jax.random.split(jax.random.key(config.seed), len(TASKS)), strict=True))
        for name in config.tasks:
            task = TASKS[name]
            with progress.task(task.label, total=config.records + 1, share=100.0) as shown:
                rng = np.random.default_rng(config.seed)
                y, held_out_y = task.made(split.y, rng), task.made(split.held_out, rng)
                game, feed, look = _game(config, task, split, y, held_out_y)
                watched = watch_cases(
                    game,
                    keys[name],
                    look,
                    cases(config.recipe, GAMES, feed),
                    seeds=config.seeds,
                    steps=config.steps,
                    records=config.records,
                    on_record=lambda _, shown=shown: shown.advance(1),  # type: ignore[misc]
                )
                found = _measured(measure, task, split, y, held_out_y, watched.seen["made"])
                arrays |= {f"{name}/{field}": values for field, values in found.items()}
                arrays |= {f"{name}/{field}": watched.seen[field] for field in ("cycle", "hidden")}
                arrays |= _pictures(config, name, split, watched.seen)
    return {name: np.asarray(value) for name, value in arrays.items()}


def _split(config: Config) -> Split:
    """Three disjoint sets of digits, by a permutation that follows the seed."""
    from gan_jax.data.sets import load

    digits = load("digits", size=SIZE, split="all")
    order = np.random.default_rng(config.seed).permutation(len(digits.images))
    images = (digits.images[order].astype(np.float32) - 127.5) / 127.5
    second, third = config.x_images, config.x_images + config.y_images
    return Split(images[:second], images[second:third], images[third:], digits.labels[order][third:])


def _game(config: Config, task: Task, split: Split, y: np.ndarray, held_out_y: np.ndarray) -> tuple[Any, Any, Any]:
    """The game of a task, what it draws from, and ``look(key, state, case) -> {quantity: array}``."""
    import jax.numpy as jnp

    from gan_jax.data.images import ImageSet, to_bytes
    from gan_jax.data.sources import resident
    from gan_jax.data.unpaired import unpaired
    from gan_jax.metrics.translation import cycle_error, steganography
    from gan_jax.models.translators import patch_critic, resnet_translator
    from gan_jax.training.state import averaged
    from gan_jax.training.translation import translators

    def source(name: str, images: np.ndarray) -> Any:
        return resident(ImageSet(name, np.asarray(to_bytes(images)), np.full(len(images), -1, np.int32), 0))

    both = unpaired(source("x", split.x), source("y", y))
    networks: dict[str, Any] = {"width": config.width, "blocks": config.blocks}
    forward = resnet_translator(SIZE, 1, other_channels=task.channels, **networks)
    backward = resnet_translator(SIZE, task.channels, other_channels=1, **networks)
    judge_x, judge_y = (patch_critic(SIZE, channels, width=config.judge_width) for channels in (1, task.channels))
    game = game_of_four(config.recipe, forward, backward, judge_x, judge_y, both.draw, config.steps)
    x, ys, scales = jnp.asarray(split.held_out), jnp.asarray(held_out_y), jnp.asarray(config.scales)

    def look(key: Any, state: Any, case: Any) -> Mapping[str, Any]:
        own, back = translators(averaged(state))
        to_y = lambda images: forward.apply(own, images)  # noqa: E731
        to_x = lambda images: backward.apply(back, images)  # noqa: E731
        made = to_y(x)
        returned = to_x(made)
        return {
            "made": to_bytes(made),
            "returned": to_bytes(returned[: config.shown]),
            "cycle": cycle_error(returned, x),
            "hidden": steganography(key, to_x, to_y, ys, scales),
        }

    return game, both.feed(0, config.steps), look


def _measured(
    measure: Any, task: Task, split: Split, y: np.ndarray, held_out_y: np.ndarray, made: np.ndarray
) -> dict[str, Any]:
    """Accuracy, KID and error of G(x) with the map undone, ``[records + 1, games, seeds]``, and what real digits have."""
    import jax.numpy as jnp

    from gan_jax.metrics.features import extract
    from gan_jax.metrics.kernel import kid

    real = extract(measure.features, np.ascontiguousarray(task.undone(y)))
    held_out = extract(measure.features, split.held_out)
    accuracy, distance, error = np.zeros((3, *made.shape[:3]))
    spread = np.square(held_out_y - held_out_y.mean(axis=0)).sum()
    for place in np.ndindex(*made.shape[:3]):
        images = made[place].astype(np.float32) / 127.5 - 1.0
        seen = extract(measure.features, np.ascontiguousarray(task.undone(images)))
        accuracy[place] = (seen.logits.argmax(axis=1) == split.labels).mean()
        distance[place] = float(kid(jnp.asarray(real.features), jnp.asarray(seen.features)).value)
        error[place] = np.sqrt(np.square(images - held_out_y).sum() / spread)
    floor = kid(jnp.asarray(real.features), jnp.asarray(held_out.features))
    return {
        "accuracy": accuracy,
        "kid": distance,
        "relative": error,
        "floor": np.array([float(floor.value), float(floor.standard_error)]),
        "real_accuracy": (held_out.logits.argmax(axis=1) == split.labels).mean(),
    }


def _pictures(config: Config, name: str, split: Split, seen: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Digits of the first seed, before and after."""
    full, alone = GAMES.index(FULL), GAMES.index(ADVERSARIAL)
    shown = slice(config.shown)
    return {
        f"{name}/x": np.rint(127.5 * (split.held_out[shown] + 1.0)).astype(np.uint8),
        f"{name}/full": seen["made"][-1, full, 0, shown],
        f"{name}/returned": seen["returned"][-1, full, 0],
        f"{name}/alone": seen["made"][-1, alone, 0, shown],
    }


# ------------------------------------------------------------------------------------------------- from the arrays alone


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
        result += [
            Claim(
                f"{label}: least share of digits that the full game keeps",
                f"the classifier reads {100 * float(arrays[f'{task}/real_accuracy']):.1f} % of real ones right",
                0.9,
                float(full.min()),
                0.0,
                AT_LEAST,
                "every seed",
            ),
            Claim(
                f"{label}: share that is kept without cycles, against the full game's",
                "Zhu et al. 2017, table 4",
                float(full.mean()) - 4.0 * error,
                float(alone.mean()),
                0.0,
                AT_MOST,
                "4 s.e. below the full game's",
            ),
        ]
    ratio = {task: final(arrays, task, "hidden", FULL) for task in tasks}
    if {"inverted", "coloured"} <= set(tasks):
        scale = float(arrays["scales"][-1])
        lost = {task: float((values[:, -1] - values[:, 0]).mean()) for task, values in ratio.items()}
        result.append(
            Claim(
                f"noise of {scale} on F(y): what it adds to the error of the cycle, coloured over inverted",
                "Chu et al. 2017, section 4",
                1.0,
                lost["coloured"] / max(lost["inverted"], 1e-9),
                0.0,
                AT_LEAST,
                "more, where colours are hidden",
            )
        )
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Every number of every game at every record, and the cycle under noise."""
    rows: list[TableRow] = []
    for task in arrays["tasks"].tolist():
        for number, game in enumerate(arrays["games"].tolist()):
            for record, seed in np.ndindex(len(arrays["steps"]), arrays[f"{task}/accuracy"].shape[2]):
                facts: TableRow = {
                    "task": task, "game": game, "step": float(arrays["steps"][record]), "seed": seed
                }  # fmt: skip
                for quantity in ("accuracy", "kid", "relative", "cycle"):
                    value = float(arrays[f"{task}/{quantity}"][record, number, seed])
                    rows.append({**facts, "quantity": quantity, "value": value})
                for scale, value in zip(arrays["scales"], arrays[f"{task}/hidden"][record, number, seed], strict=True):
                    rows.append({**facts, "quantity": f"cycle from Y, noise {scale:g}", "value": float(value)})
    return rows


def plot(arrays: Arrays) -> Figure:
    """Digits, what stays of them, and what noise destroys."""
    from experiments.cycle_digits_plot import draw

    return draw(arrays)
