"""Runs with a condition: labels of a set with classes, or the captions of avatars."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_jax import checks
from gan_jax.cli.assembled import Assembled
from gan_jax.cli.errors import UserError
from gan_jax.cli.image_config import Config
from gan_jax.cli.image_data import STACKED, Facts, Images, blank_source, facts_of, labelled_source, open_data, split_of

if TYPE_CHECKING:
    from jax.sharding import Mesh

    from gan_jax.data.sources import Source
    from gan_jax.models.text import Encoder
    from gan_jax.models.tokenizer import Vocabulary
    from gan_jax.training.runs import Schedule
    from gan_jax.training.state import GameState
    from gan_jax.typing import PRNGKey

PAIR = "dcgan_norm_free"
"""The pair of networks that takes a condition."""

WIDTH = 32
"""Channels of the finest layers where a run does not say: what a CPU trains in minutes at 32 pixels a side."""

SHOWN = 256
"""Conditions that a run's own pictures go round."""


def assemble(
    config: Config, mesh: Mesh, words: Vocabulary | None = None, images: Images | Facts | None = None
) -> Assembled:
    """Makes the conditional game of a configuration on the devices of ``mesh``.

    Raises:
      UserError: a pair of networks, a head or an update that takes no condition; captions of a set that has none.
      ValueError: what a part of it says of a wrong value, in one sentence.
    """
    import jax
    import jax.numpy as jnp

    from gan_jax.models.conditional import conditional_dcgan_generator
    from gan_jax.models.conditional_critics import conditional_dcgan_critic
    from gan_jax.objectives.losses import OBJECTIVES
    from gan_jax.objectives.penalties import PENALTIES
    from gan_jax.training import mesh as meshes
    from gan_jax.training import optimizers
    from gan_jax.training.conditional import conditional_gan, with_conditions

    _check(config)
    rule, model, condition = config.rule, config.model, config.condition
    objective = OBJECTIVES[checks.one_of("rule.objective", rule.objective, OBJECTIVES)]()
    penalty = checks.one_of("rule.penalty", rule.penalty, ("none", *PENALTIES))
    meshes.check_batch(rule.batch_size, mesh)
    if condition.kind == "label":
        source, encoder, facts, shown = _labels(config, mesh, images)
    else:
        from gan_jax.cli.avatar_games import vocabulary

        words = words or vocabulary()
        source, encoder, facts, shown = _captions(config, mesh, words, images)
    size, _, channels = source.event_shape
    common: dict[str, Any] = {"dtype": jnp.dtype(model.dtype), "width": model.width or WIDTH}
    generator = conditional_dcgan_generator(size, channels, encoder, latent=model.latent, **common)
    critic = conditional_dcgan_critic(size, channels, encoder, head=condition.head, classes=facts.classes, **common)
    made = conditional_gan(
        objective,
        generator,
        critic,
        source.draw,
        batch_size=rule.batch_size,
        discriminator_steps=rule.discriminator_steps,
        generator_optimizer=optimizers.adam(b1=config.generator.b1, b2=config.generator.b2),
        discriminator_optimizer=optimizers.adam(b1=config.discriminator.b1, b2=config.discriminator.b2),
        generator_rate=config.generator.rate,
        discriminator_rate=config.discriminator.rate,
        wrong_weight=0.0 if condition.head == "auxiliary" else condition.wrong_weight,
        penalty=None if penalty == "none" else PENALTIES[penalty](),
        penalty_weight=rule.penalty_weight,
        penalty_every=rule.penalty_every,
        ema_decay=rule.ema_decay,
        place=meshes.placement(mesh),
    )

    def conditions(key: PRNGKey, n: int) -> Any:
        return jnp.asarray(shown)[jax.random.randint(key, (n,), 0, len(shown))]

    over_all = with_conditions(generator, conditions)
    return Assembled(made, over_all, source, jax.random.key(config.seed), mesh, facts, generator, words)


def _check(config: Config) -> None:
    condition, captions = config.condition, config.condition.kind == "caption"
    if config.model.pair != PAIR:
        raise UserError(f"model.pair is {config.model.pair!r}; expected {PAIR!r}, the pair that takes a condition")
    if config.rule.update != "alternating":
        raise UserError(f"rule.update is {config.rule.update!r}; expected 'alternating' with a condition")
    if captions and config.data.name != "avatars":
        raise UserError(f"data.name is {config.data.name!r}; expected 'avatars', the set that has captions")
    if config.data.name == STACKED:
        raise UserError(
            f"data.name is {STACKED!r}, whose stacks have no labels; expected a set with classes, such as 'digits', with a condition"
        )
    if captions and config.data.flip:
        raise UserError("data.flip is True; expected False with captions: avatars are drawn to both sides already")
    if captions and condition.head == "auxiliary":
        raise UserError(
            "condition.head is 'auxiliary', which tells classes; expected 'concatenation' or 'projection' with captions"
        )


def _labels(config: Config, mesh: Mesh, images: Images | Facts | None) -> tuple[Source, Encoder, Facts, np.ndarray]:
    """The source of a set with classes, the encoder of its labels, what is known of it, and labels for pictures."""
    from gan_jax.models.text import label_encoder

    if isinstance(images, Facts):
        source, facts = blank_source(images, mesh, labelled=True), images
    else:
        images = images or open_data(config.data)
        source = labelled_source(config.data, images, mesh)
        facts = facts_of(config.data, images.lazy)
    encoder = label_encoder(facts.classes, width=config.condition.width)
    return source, encoder, facts, np.arange(facts.classes, dtype=np.int32)


def _captions(
    config: Config, mesh: Mesh, words: Vocabulary, images: Images | Facts | None
) -> tuple[Source, Encoder, Facts, np.ndarray]:
    """The source of avatars with captions, the encoder of these, what is known of them, and captions for pictures."""
    from gan_jax.cli.avatar_games import encoder_of
    from gan_jax.data.avatar_feeds import Feed, captioned, feed_of
    from gan_jax.data.avatar_sets import load_avatars
    from gan_jax.data.avatars import ATTRIBUTES
    from gan_jax.data.sources import Source, replicate

    if isinstance(images, Facts) and images.captions:
        facts, shown = images, np.asarray(images.captions, np.int32)
        blank = np.zeros((1, *facts.shape), np.uint8), np.zeros((1, 1, shown.shape[1]), np.int32)
        nothing = np.zeros((1, 1, len(ATTRIBUTES)), np.int32), np.zeros((1, len(ATTRIBUTES)), np.int32)
        feed = Feed(*(replicate(array, mesh) for array in (*blank, *nothing)))
    else:
        size = config.data.size or 32
        drawn = load_avatars(split_of(config.data), size=size, data_dir=config.data.data_dir)
        feed = feed_of(drawn, words.encode, mesh=mesh)
        shown = np.asarray(feed.tokens[:SHOWN, 0])
        captions = tuple(tuple(map(int, tokens)) for tokens in shown)
        facts = Facts(drawn.name, (size, size, 3), len(drawn.images), 0, captions=captions)
    encoder = encoder_of(config.condition.encoder, words, config.condition.width)
    return Source(facts.shape, captioned, lambda first_step, steps: feed, lambda: None), encoder, facts, shown


def evaluation_of(
    config: Config, made: Assembled, key: PRNGKey
) -> tuple[Callable[[GameState], dict[str, float]], Schedule]:
    """What a run with captions measures at every save, read off its pictures; and its schedule, whose best is by that.

    ``wrong_colours`` is the share of pictures of which hair or eyes have not the colour that the caption says.
    """
    import jax

    from gan_jax.cli.avatar_games import drawn, questions
    from gan_jax.data.avatar_reading import read
    from gan_jax.training.mesh import fetch
    from gan_jax.training.state import averaged

    part = 250
    generator, words = made.conditional, made.words
    if generator is None or words is None:
        raise ValueError("made has no words; expected a run with captions")
    asked = questions(words, -(-config.evaluation.fake // part) * part, pairs="seen", seed=config.seed + 1)
    some = jax.jit(lambda state, key: drawn(generator, averaged(state), key, asked.tokens, part=part))

    def measure(state: GameState) -> dict[str, float]:
        found = read(np.asarray(fetch(some(state, key)))).attributes
        right = found[:, :2] == asked.condition_attributes[:, :2]
        hair, eyes = (float(share) for share in right.mean(axis=0))
        return {"wrong_colours": 1.0 - float(right.all(axis=1).mean()), "hair_colour": hair, "eye_colour": eyes}

    best = "wrong_colours" if config.schedule.best == "KID" else config.schedule.best
    return measure, dataclasses.replace(config.schedule, best=best)
