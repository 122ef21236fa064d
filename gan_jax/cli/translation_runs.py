"""A run of unpaired translation as one tree of dataclasses, and what is made of it: the game of four, two sets of images, G and F."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import tyro

from gan_jax import checks
from gan_jax.cli import options
from gan_jax.cli.errors import UserError
from gan_jax.cli.image_config import OF_ONE_START, Adam, Data, Devices, Objective, Penalty
from gan_jax.cli.image_data import (
    Facts,
    Images,
    blank_source,
    described,
    facts_of,
    open_data,
    read_facts,
    settle,
    source_of,
)
from gan_jax.cli.names import Names
from gan_jax.cli.profiling import Profiling
from gan_jax.cli.terminal import say
from gan_jax.ranges import Count, Decay, NonNegative, Seed, Whole
from gan_jax.training.runs import Schedule

if TYPE_CHECKING:
    from jax.sharding import Mesh

    from gan_jax.data.sources import Source
    from gan_jax.training.game import Game
    from gan_jax.training.state import GameState
    from gan_jax.typing import PRNGKey, Translator

SIZES = (16, 32, 64, 128, 256)
"""The edges that the translators are made for, in pixels."""

KIND = "translation"
"""What a run's configuration says of itself, so that no other command takes it for its own."""


@dataclass(frozen=True)
class Model:
    """Which networks: residual translators, and discriminators of patches."""

    width: Count = 32
    """Channels of the translators at full size; 64 in the paper, which wants an accelerator."""

    blocks: Whole | None = None
    """Residual blocks; 6 up to 128 pixels and 9 above, as in the paper, where not given."""

    fine_blocks: Whole = 0
    """Residual blocks at full size, which the paper has none of."""

    kernel_size: Count = 7
    """Of the translators' first and last convolution; 3 suits images of 16 or 32 pixels."""

    skip: Annotated[str, Names("gan_jax.models.translators:SKIPS")] = "none"
    """How an image gets around the translators: none, as in the paper, joined (a U-Net) or added (near the identity at first)."""

    discriminator_width: Count = 32
    """Channels of the discriminators' first layer; 64 in the paper."""

    discriminator_layers: Count | None = None
    """How often the discriminators halve their images; 3 from 64 pixels on and 2 below where not given."""

    dtype: Literal["float32", "bfloat16"] = "float32"
    """What networks compute in; parameters are float32 always."""


@dataclass(frozen=True)
class Rule:
    """Which game: the paper's, where nothing is given."""

    objective: Objective = "least_squares"
    """The losses of both players."""

    ablation: Annotated[str, Names("gan_jax.training.translation:ABLATIONS")] = "full"
    """The terms that are left."""

    cycle_weight: NonNegative = 10.0
    """Of the way there and back, for each domain."""

    identity_weight: NonNegative = 0.5
    """Of leaving alone what is in the other domain already, times the cycle's; without effect where domains differ in channels."""

    pool_size: Whole = 50
    """Translated images of each domain that are kept for the discriminators."""

    penalty: Penalty = "none"
    """What the discriminators' losses have beside the objective."""

    penalty_weight: NonNegative = 0.5
    """Of the mean penalty, without a half."""

    penalty_every: Count = 1
    """Compute the penalty at every so many updates, and weigh it so many times more there."""

    batch_size: Count = 1
    """Images of each domain at an update, over all devices together."""

    ema_decay: Decay = 0.999
    """Of the moving average of the parameters that images are translated with."""


@dataclass(frozen=True)
class Config:
    """A run on two sets of images that nobody paired."""

    out: Path = Path("runs/cartoons")
    """The run's folder; where it holds an interrupted run, that run goes on."""

    seed: Seed = 0
    """Of everything random."""

    tensorboard: bool = True
    """Event files for TensorBoard beside the log; --no-tensorboard leaves them out."""

    change: tuple[str, ...] = ()
    """Options that are given other values than the run was started with, such as generator.rate: it goes on under these, on record."""

    profiling: Annotated[Profiling, tyro.conf.OmitArgPrefixes] = field(default_factory=Profiling)

    x: Data = field(default_factory=lambda: Data(name="avatars"))
    """The images that G translates."""

    y: Data = field(default_factory=lambda: Data(name="cartoons"))
    """The images that F translates."""

    model: Model = field(default_factory=Model)
    rule: Rule = field(default_factory=Rule)
    generator: Adam = field(default_factory=lambda: Adam(rate=2e-4, b1=0.5, b2=0.999))
    discriminator: Adam = field(default_factory=lambda: Adam(rate=2e-4, b1=0.5, b2=0.999))
    schedule: Schedule = field(default_factory=lambda: Schedule(steps=20_000, log_every=100, save_every=1000))
    devices: Devices = field(default_factory=Devices)


FREE = (
    "out",
    "devices",
    "schedule.keep",
    "tensorboard",
    *(f"{x}.{name}" for x in "xy" for name in ("data_dir", "most_pixels")),
)
"""What may change from one start of a run to the next; not the number of steps, which the rates follow."""


CHANGEABLE = tuple(f"{side}.{name}" for side in ("generator", "discriminator") for name in ("rate", "b1", "b2"))
"""What may change on request."""


def plain(config: Config) -> dict[str, Any]:
    """The configuration in the types that JSON has, without what is asked of one start alone."""
    tree = {"kind": KIND, **json.loads(json.dumps(dataclasses.asdict(config), default=str))}
    for name in OF_ONE_START:
        del tree[name]
    return tree


def from_plain(tree: Mapping[str, Any], where: object = "the run's configuration") -> Config:
    """The configuration that ``plain`` wrote, in the file ``where``.

    Raises:
      UserError: the configuration of another kind of run, a field that this version does not know, a value that is none of its field's.
    """
    if tree.get("kind") != KIND:
        raise UserError("the run translates nothing; expected one that train_translation has made")
    return options.from_json(Config, {name: value for name, value in tree.items() if name != "kind"}, where)


class Assembled(NamedTuple):
    """What a configuration stands for.

    Attributes:
      game: the game of four.
      forward, backward: G and F.
      x, y: the sets, one by one; ``source`` draws from both.
      source: of ``Domains``.
      key: of the whole run.
      mesh: the devices.
      facts: what the run knows of X and of Y.
    """

    game: Game
    forward: Translator
    backward: Translator
    x: Source
    y: Source
    source: Source
    key: PRNGKey
    mesh: Mesh
    facts: tuple[Facts, Facts]


def assemble(config: Config, mesh: Mesh, facts: tuple[Facts, Facts] | None = None) -> Assembled:
    """Makes the game of a configuration on the devices of ``mesh``.

    Args:
      config: the options.
      mesh: the devices.
      facts: what a run knows of its two sets, where nothing is going to be learned; the sets are opened where None.

    Raises:
      UserError: sets whose images differ in size.
      ValueError: what a part of it says of a wrong value, in one sentence.
      FileNotFoundError: a set that is not prepared, or a folder that is not there.
    """
    import jax

    from gan_jax.data.unpaired import unpaired
    from gan_jax.objectives.losses import OBJECTIVES
    from gan_jax.objectives.penalties import PENALTIES
    from gan_jax.training import mesh as meshes
    from gan_jax.training.optimizers import half_constant
    from gan_jax.training.translation import ABLATIONS, ablation, cyclegan

    rule = config.rule
    objective = OBJECTIVES[checks.one_of("rule.objective", rule.objective, OBJECTIVES)]()
    penalty = checks.one_of("rule.penalty", rule.penalty, ("none", *PENALTIES))
    weights: dict[str, Any] = {"forward_weight": rule.cycle_weight, "backward_weight": rule.cycle_weight}
    weights |= ablation(checks.one_of("rule.ablation", rule.ablation, ABLATIONS))
    meshes.check_batch(rule.batch_size, mesh)
    if facts is None:
        # Both are opened before either is read.
        images = [open_data(data, option=name, sizes=SIZES) for name, data in (("x", config.x), ("y", config.y))]
        _check_sizes(config, *(one.lazy.shape for one in images))
        facts = facts_of(config.x, images[0].lazy), facts_of(config.y, images[1].lazy)
        for name, one_of_two in zip(("x", "y"), facts, strict=True):
            settle(config.out, one_of_two, name=name)
        if meshes.is_first():
            for data, one in zip((config.x, config.y), images, strict=True):
                say(described(data, one.lazy))
        x, y = (
            _source(data, one, config, mesh, i)
            for i, (data, one) in enumerate(zip((config.x, config.y), images, strict=True))
        )
    else:
        x, y = (blank_source(one, mesh) for one in facts)
    source = unpaired(x, y)
    networks = _networks(config.model, x.event_shape, y.event_shape)
    steps = config.schedule.steps
    made = cyclegan(
        objective,
        *networks,
        source.draw,
        batch_size=rule.batch_size,
        generator_optimizer=half_constant(steps, b1=config.generator.b1, b2=config.generator.b2),
        discriminator_optimizer=half_constant(steps, b1=config.discriminator.b1, b2=config.discriminator.b2),
        generator_rate=config.generator.rate,
        discriminator_rate=config.discriminator.rate,
        identity_weight=rule.identity_weight,
        pool_size=rule.pool_size,
        penalty=None if penalty == "none" else PENALTIES[penalty](),
        penalty_weight=rule.penalty_weight,
        penalty_every=rule.penalty_every,
        ema_decay=rule.ema_decay,
        place=meshes.placement(mesh),
        **weights,
    )
    return Assembled(made, *networks[:2], x, y, source, jax.random.key(config.seed), mesh, facts)


def _source(data: Data, images: Images, config: Config, mesh: Mesh, number: int) -> Source:
    # Streams of two sets with one order would pair them.
    made = source_of(data, images, mesh, examples_per_step=config.rule.batch_size, seed=2 * config.seed + number)
    images.release()
    return made


def _check_sizes(config: Config, x: tuple[int, int, int], y: tuple[int, int, int]) -> None:
    (xh, xw, _), (yh, yw, _) = x, y
    if (xh, xw) != (yh, yw):
        raise UserError(
            f"images of x ({config.x.name}) are {xh} × {xw} and those of y ({config.y.name}) {yh} × {yw}; expected one size: "
            "give --x.size or --y.size"
        )


def _networks(model: Model, x: tuple[int, int, int], y: tuple[int, int, int]) -> tuple[Any, Any, Any, Any]:
    """G, F, and the discriminators of X and of Y, for images of those shapes."""
    import jax.numpy as jnp

    from gan_jax.models.translators import patch_critic, resnet_translator

    dtype = jnp.dtype(model.dtype)

    def translator(channels: int, other: int) -> Translator:
        return resnet_translator(
            x[0],
            channels,
            other_channels=other,
            width=model.width,
            blocks=model.blocks,
            fine_blocks=model.fine_blocks,
            kernel_size=model.kernel_size,
            skip=model.skip,
            dtype=dtype,
        )

    def discriminator(channels: int) -> Any:
        return patch_critic(
            x[0], channels, width=model.discriminator_width, layers=model.discriminator_layers, dtype=dtype
        )

    return translator(x[2], y[2]), translator(y[2], x[2]), discriminator(x[2]), discriminator(y[2])


class Opened(NamedTuple):
    """A run that is read, not trained.

    Attributes:
      config: its options.
      step: of its newest whole state.
      state: that state.
      forward, backward: G and F.
      x_shape, y_shape: ``(h, w, c)`` of the images of either domain.
    """

    config: Config
    step: int
    state: GameState
    forward: Translator
    backward: Translator
    x_shape: tuple[int, int, int]
    y_shape: tuple[int, int, int]


def opened(folder: Path) -> Opened:
    """The newest whole state of a run, on one device; the sets that it learned are not needed, but of runs of earlier versions.

    Raises:
      FileNotFoundError: no run, or none that has saved anything.
      UserError: a run of another kind.
    """
    from gan_jax.training import mesh as meshes
    from gan_jax.training import run_folder, runs

    config = from_plain(run_folder.read_config(folder), folder / run_folder.CONFIG)
    x, y = (read_facts(folder, name=name) for name in ("x", "y"))
    made = assemble(config, meshes.data_mesh(1), None if x is None or y is None else (x, y))
    try:
        step, state = runs.restored(made.game, made.key, folder, mesh=made.mesh, feed=made.source.feed(0, 1))
    finally:
        made.source.close()
    return Opened(config, step, state, made.forward, made.backward, made.x.event_shape, made.y.event_shape)
