"""Text to avatars: the game, its data, and what is read off generated pictures; shared by the experiments and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from gan_jax.ranges import Count, Decay, Even, NonNegative, Positive

if TYPE_CHECKING:
    from gan_jax.data.avatar_feeds import Feed
    from gan_jax.data.drawn_avatars import AvatarSet
    from gan_jax.models.text import Encoder
    from gan_jax.models.tokenizer import Vocabulary
    from gan_jax.training.game import Game
    from gan_jax.typing import ConditionalGenerator

LENGTH = 24
"""Words that a caption may have; those of ``data.captions`` have at most 18."""


@dataclass(frozen=True)
class TextGameRecipe:
    """Networks, rates and penalties of a text-to-avatar game."""

    width: Count = 32
    """Channels of the generator's finest layer."""

    critic_width: Count = 32
    """Channels of the discriminator's finest layer."""

    hidden: Count = 128
    """Width of the layer in which the discriminator sees picture and caption together."""

    text_width: Even = 64
    """Of the sentence's vector, in both players; even, half of it for each direction of a recurrent encoder."""

    latent: Count = 64
    """Dimension of the noise."""

    head: Literal["concatenation", "projection", "unconditional"] = "concatenation"
    """How the discriminator sees the caption."""

    batch_size: Count = 32
    """Pictures of each kind at an update."""

    rate: Positive = 1e-3
    """Of both players' Adam(0, .99), before it decays."""

    penalty_weight: NonNegative = 0.5
    """Of R1 + R2."""

    penalty_every: Count = 8
    """R1 + R2 are computed at every so many updates, and weigh so many times more."""

    ema_decay: Decay = 0.999
    """Of the moving average of the generator's parameters."""


class TextGame(NamedTuple):
    """A game, and what its states are sampled with.

    Attributes:
      game: from ``training.conditional``.
      generator: of captions as tokens.
    """

    game: Game
    generator: ConditionalGenerator


def vocabulary() -> Vocabulary:
    """All words that captions of avatars are made of."""
    from gan_jax.data.captions import every_word
    from gan_jax.models.tokenizer import Vocabulary

    return Vocabulary(tuple(every_word()), LENGTH)


def encoder_of(name: str, words: Vocabulary, width: int) -> Encoder:
    """One of ``text.ENCODERS`` by name, for captions in ``words``; the sentence's vector alone."""
    from gan_jax.models.text import ENCODERS, sentence

    return sentence(ENCODERS[name](len(words), words.length, width))


def text_game(
    recipe: TextGameRecipe, encoder: str, words: Vocabulary, size: int, steps: int, *, data: Any = None
) -> TextGame:
    """Relativistic pairing + R1 + R2, lazily, on three kinds of pairs; rates that decay, and a moving average.

    Args:
      recipe: sizes and rates.
      encoder: of ``text.ENCODERS``; each player trains one of its own.
      words: the vocabulary.
      size: pixels a side.
      steps: of the game, which schedules are made for.
      data: as of ``conditional``; ``avatar_feeds.captioned`` where None.
    """
    from gan_jax.data.avatar_feeds import captioned
    from gan_jax.models.conditional import conditional_dcgan_generator
    from gan_jax.models.conditional_critics import conditional_dcgan_critic
    from gan_jax.objectives.losses import relativistic
    from gan_jax.objectives.penalties import both, r1, r2
    from gan_jax.training.conditional import conditional_gan
    from gan_jax.training.optimizers import adam, linear_decay

    optimizer = adam(b1=0.0, b2=0.99, schedule=linear_decay(steps, constant=0.5, end=0.01))
    own = encoder_of(encoder, words, recipe.text_width)
    generator = conditional_dcgan_generator(size, 3, own, width=recipe.width, latent=recipe.latent)
    critic = conditional_dcgan_critic(size, 3, own, width=recipe.critic_width, head=recipe.head, hidden=recipe.hidden)
    game = conditional_gan(
        relativistic(),
        generator,
        critic,
        data or captioned,
        batch_size=recipe.batch_size,
        generator_optimizer=optimizer,
        discriminator_optimizer=optimizer,
        generator_rate=recipe.rate,
        discriminator_rate=recipe.rate,
        penalty=both(r1(), r2()),
        penalty_weight=recipe.penalty_weight,
        penalty_every=recipe.penalty_every,
        ema_decay=recipe.ema_decay,
    )
    return TextGame(game, generator)


# --------------------------------------------------------------------------------------------------------------- measuring


class Questions(NamedTuple):
    """Captions that generators are asked, and what they say.

    Attributes:
      tokens: ``[n, length]`` int32.
      condition_attributes: what they say, ``[n, 5]`` int32.
    """

    tokens: np.ndarray
    condition_attributes: np.ndarray


def questions(words: Vocabulary, n: int, *, pairs: str, seed: int) -> Questions:
    """N captions that name both colours, of avatars that no generator has seen.

    Args:
      words: the vocabulary.
      n: how many.
      pairs: ``"seen"`` or ``"held_out"`` pairs of colours.
      seed: of avatars and words.
    """
    import jax

    from gan_jax.data import avatars
    from gan_jax.data.captions import describe

    attributes = np.asarray(avatars.sample(jax.random.key(seed), n, pairs=pairs).attributes)
    rng = np.random.default_rng(seed)
    told = rng.random(attributes.shape) < 0.5
    told[:, [avatars.HAIR_COLOUR, avatars.EYE_COLOUR]] = True
    made = [describe(row, rng, tell=tell) for row, tell in zip(attributes, told, strict=True)]
    return Questions(
        words.encode([caption.text for caption in made]), np.stack([caption.condition_attributes for caption in made])
    )


def drawn(generator: ConditionalGenerator, variables: Any, key: Any, tokens: Any, *, part: int = 250) -> Any:
    """One picture for each caption, as bytes ``[n, size, size, 3]``; n is a multiple of ``part``. Traceable."""
    import jax

    from gan_jax.data.images import to_bytes

    def some(given: tuple[Any, Any]) -> Any:
        key, tokens = given
        embedding = generator.embed(variables, tokens)
        return to_bytes(generator.apply(variables, generator.noise(key, part), embedding))

    count = tokens.shape[0] // part
    images = jax.lax.map(some, (jax.random.split(key, count), tokens.reshape(count, part, -1)))
    return images.reshape(-1, *images.shape[2:])


def feed_for(avatars: AvatarSet, words: Vocabulary) -> Feed:
    """The set on the device, with captions as tokens."""
    from gan_jax.data.avatar_feeds import feed_of

    return feed_of(avatars, words.encode)


def share_right(condition_attributes: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Share of pictures on which each attribute that a caption names is as it says, ``[5]``."""
    from gan_jax.data.avatar_reading import read
    from gan_jax.metrics.conditioning import agreement

    return agreement(condition_attributes, read(images).attributes).share


def real_diversity(config: Any, within: Questions) -> np.ndarray:
    """Mean distance of two real renders of what each caption describes, ``[captions]``, with ``config.each`` of every caption."""
    import jax

    from gan_jax.data import avatars
    from gan_jax.metrics.conditioning import diversity_within

    condition_attributes = np.repeat(within.condition_attributes, config.each, axis=0)
    images = avatars.render(
        avatars.sample_described(jax.random.key(config.seed + 1), condition_attributes), size=config.size
    )
    return diversity_within(images.reshape(len(within.condition_attributes), config.each, *images.shape[1:]))


def real_grid(config: Any, captions: tuple[str, ...]) -> np.ndarray:
    """Real renders of what captions describe, ``[captions, shown, size, size, 3]`` in bytes."""
    import jax

    from gan_jax.data import avatars
    from gan_jax.data.captions import attributes_of
    from gan_jax.data.images import to_bytes

    condition_attributes = np.repeat(np.stack([attributes_of(caption) for caption in captions]), config.shown, axis=0)
    images = avatars.render(
        avatars.sample_described(jax.random.key(config.seed + 2), condition_attributes), size=config.size
    )
    return np.asarray(to_bytes(images)).reshape(len(captions), config.shown, *images.shape[1:])


def name_held_out(captions: tuple[str, ...]) -> np.ndarray:
    """Whether each caption names both colours of a held-out pair, ``[captions]``."""
    from gan_jax.data import avatars
    from gan_jax.data.captions import attributes_of
    from gan_jax.typing import UNSPECIFIED

    hair, eyes = np.stack([attributes_of(caption)[[avatars.HAIR_COLOUR, avatars.EYE_COLOUR]] for caption in captions]).T
    return np.asarray((hair != UNSPECIFIED) & (eyes != UNSPECIFIED) & avatars.is_held_out(hair, eyes))


def finished(
    config: Any, player: TextGame, states: Any, last: dict[str, Questions], within: Questions, grid: np.ndarray
) -> dict[str, Any]:
    """What the generators of finished games do: accuracy on many captions, diversity within captions, and pictures for a grid."""
    import jax

    from gan_jax.data.images import to_unit
    from gan_jax.metrics.conditioning import diversity_within
    from gan_jax.training.state import averaged

    draw = jax.jit(lambda variables, key, tokens: drawn(player.generator, variables, key, tokens))
    result: dict[str, Any] = {f"last_{pairs}": [] for pairs in last} | {
        "diversity": [],
        "n": len(next(iter(last.values())).condition_attributes),
    }
    for seed in range(config.seeds):
        variables = averaged(jax.tree.map(lambda leaf, seed=seed: leaf[seed], states))
        keys = jax.random.split(jax.random.fold_in(jax.random.key(config.seed), seed), len(last) + 1)
        for key, (pairs, asked) in zip(keys, last.items(), strict=False):
            result[f"last_{pairs}"].append(
                share_right(asked.condition_attributes, np.asarray(draw(variables, key, asked.tokens)))
            )
        images = to_unit(np.asarray(draw(variables, keys[-1], np.repeat(within.tokens, config.each, axis=0))))
        result["diversity"].append(
            diversity_within(images.reshape(len(within.condition_attributes), config.each, *images.shape[1:]))
        )
        if seed == 0:
            result["grid"] = grid_of(player.generator, variables, config, grid)
    return result


def grid_of(generator: ConditionalGenerator, variables: Any, config: Any, tokens: np.ndarray) -> np.ndarray:
    """Pictures of every caption, with the same noises for all, ``[captions, shown, size, size, 3]`` in bytes."""
    import jax

    from gan_jax.data.images import to_bytes

    z = generator.noise(jax.random.key(config.seed), config.shown)
    embeddings = generator.embed(variables, tokens)
    images = jax.vmap(
        lambda e: generator.apply(variables, z, jax.tree.map(lambda v: v[None].repeat(config.shown, 0), e))
    )(embeddings)
    return np.asarray(to_bytes(images))
