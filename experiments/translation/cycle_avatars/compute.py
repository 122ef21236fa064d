"""What ``cycle_avatars`` computes."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from experiments.framework import Arrays, Progress
from experiments.framework.rows import CaseLook, Quantities, record_cases
from experiments.translation.ablations import cases, game_of_four
from experiments.translation.cycle_avatars.experiment import PART, Config
from gan_jax.data.avatar_reading import read
from gan_jax.data.avatars import COUNTS, HAIR_COLOUR, HAIR_STYLE
from gan_jax.data.drawn_avatars import AvatarSet, draw_set
from gan_jax.data.images import ImageSet, to_bytes, to_unit
from gan_jax.data.sources import Source, resident
from gan_jax.data.unpaired import unpaired
from gan_jax.metrics.classifier import classifier_features
from gan_jax.metrics.features import extract
from gan_jax.metrics.kernel import kid
from gan_jax.metrics.translation import cycle_error
from gan_jax.models.translators import patch_critic, resnet_translator
from gan_jax.training.game import Game
from gan_jax.training.state import GameState, averaged
from gan_jax.training.translation import translators
from gan_jax.typing import PyTree


def right(made: np.ndarray, attributes: np.ndarray) -> np.ndarray:
    """Share of pictures ``[…, n, size, size, 3]`` on which every attribute is what it was, ``[…, 5]``."""
    found = read(made.reshape(-1, *made.shape[-3:]), style="cartoon").attributes
    return np.asarray((found.reshape(*made.shape[:-3], -1) == attributes).mean(axis=-2))


def distances(seen: AvatarSet, truth: AvatarSet, others: AvatarSet, made: np.ndarray) -> dict[str, object]:
    """KID of what G draws to real cartoons, and of other real ones, on features of a classifier.

    The kernel (xᵀy / d + 1)³ has a scale, and nothing fixes that of a classifier's features: KID is given on features as they are, and in
    units of their root mean square on real cartoons.

    Args:
      seen: cartoons that the classifier is trained on.
      truth: cartoons of the avatars whose portraits are translated.
      others: the real cartoons of the comparison.
      made: ``[games, seeds, n, size, size, 3]``.

    Returns:
      ``kid`` and ``kid_error`` ``[games, seeds, 2]``, the last axis as ``SCALES``; ``floor`` ``[2, 2]``, the baseline: value and
      error of ``truth``; ``square``, the mean square of features; ``features``, their name; ``kid_n``.
    """

    def labelled(drawn: AvatarSet) -> ImageSet:
        hair = drawn.attributes[:, HAIR_COLOUR] * COUNTS[HAIR_STYLE] + drawn.attributes[:, HAIR_STYLE]
        return ImageSet(drawn.name, drawn.images, hair.astype(np.int32), COUNTS[HAIR_COLOUR] * COUNTS[HAIR_STYLE])

    trained = classifier_features(labelled(seen), labelled(truth))

    def features(images: np.ndarray) -> jax.Array:
        return jnp.asarray(extract(trained.features, images).features)

    # Neither the games nor the classifier have seen these: features of what a classifier was trained on are of another law.
    real = features(others.images)
    square = jnp.mean(jnp.square(real))

    def to_real(images: np.ndarray) -> list[list[float]]:
        """KID and its standard error, ``[2, 2]``: on features as they are, and in units of their root mean square."""
        found = features(images)
        both = kid(real, found), kid(real / jnp.sqrt(square), found / jnp.sqrt(square))
        return [[float(one.value), float(one.standard_error)] for one in both]

    every = np.array([[to_real(images) for images in seeds] for seeds in made])
    return {
        "kid": every[..., 0],
        "kid_error": every[..., 1],
        "floor": np.array(to_real(truth.images)),
        "square": float(square),
        "features": f"{trained.features.name}, accuracy {trained.accuracy:.3f}",
        "kid_n": len(truth.images),
    }


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games, and reads what they draw of portraits that they have not seen."""
    with progress.task("cycle avatars", total=110.0):
        with progress.task("avatars", share=0.0):
            x, y = _domain(config, 0, config.portraits, "portrait"), _domain(config, 1, config.cartoons, "cartoon")
            # Of people that no game sees: some in both styles, and others as cartoons, which KID compares with.
            held_out, truth = (_domain(config, 2, config.kid_samples, style) for style in ("portrait", "cartoon"))
            others = _domain(config, 3, config.kid_samples, "cartoon")
        with progress.task("games", total=config.records, share=80.0) as task:
            game, feed, look, translate = _game(config, x, y, held_out.images[: config.samples])
            key = jax.random.fold_in(jax.random.key(config.seed), 3)
            watched = record_cases(task, config, game, key, look, cases(config.recipe, config.games, feed))
        with progress.task("reading", share=30.0):
            finished = np.asarray(translate(watched.states, held_out.images))
            finished = finished.reshape(len(config.games), config.seeds, *finished.shape[1:])
            shown, read = slice(config.shown), slice(config.last_samples)
            arrays: dict[str, object] = {
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


def _domain(config: Config, number: int, n: int, style: str) -> AvatarSet:
    """Avatars of one domain in one style."""
    return draw_set(4 * config.seed + number, n, pairs="all", size=config.size, style=style)


def _game(
    config: Config, x: AvatarSet, y: AvatarSet, held_out: np.ndarray
) -> tuple[Game, PyTree, CaseLook, Callable[[GameState, np.ndarray], jax.Array]]:
    """The game, what it draws from, ``look(key, state, case)`` of held-out portraits, and ``translate(states, images)``."""

    def source(drawn: AvatarSet) -> Source:
        return resident(ImageSet(drawn.name, drawn.images, np.full(len(drawn.images), -1, np.int32), 0))

    both = unpaired(source(x), source(y))
    size, width, blocks = config.size, config.width, config.blocks
    generator = resnet_translator(size, width=width, blocks=blocks, fine_blocks=blocks, kernel_size=3, skip=config.skip)
    discriminator = patch_critic(size, width=config.discriminator_width)
    game = game_of_four(config.recipe, generator, generator, discriminator, discriminator, both.draw, config.steps)

    def there_and_back(state: GameState, images: np.ndarray) -> tuple[jax.Array, jax.Array, jax.Array]:
        own, back = translators(averaged(state))

        def some(x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
            made = generator.apply(own, to_unit(x))
            returned = generator.apply(back, made)
            return to_bytes(made), to_bytes(returned), cycle_error(returned, to_unit(x))

        parts = jnp.asarray(images).reshape(-1, PART, *images.shape[1:])
        made, returned, error = jax.lax.map(some, parts)
        return made.reshape(images.shape), returned.reshape(images.shape), jnp.mean(error)

    def look(key: jax.Array, state: GameState, case: object) -> Quantities:
        made, returned, error = there_and_back(state, held_out)
        return {"made": made, "returned": returned, "cycle": error}

    @jax.jit
    def translate(states: GameState, images: np.ndarray) -> jax.Array:
        return jax.lax.map(lambda state: there_and_back(state, images)[0], states)

    return game, both.feed(0, config.steps), look, translate
