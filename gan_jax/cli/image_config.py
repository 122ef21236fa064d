"""The configuration that the commands about images share."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import tyro

from gan_jax.cli import options
from gan_jax.cli.errors import UserError
from gan_jax.cli.names import Names
from gan_jax.cli.profiling import Profiling
from gan_jax.data.folder import MOST_PIXELS
from gan_jax.ranges import Count, Decay, NonNegative, Seed, Share, Whole
from gan_jax.training.runs import Schedule

Objective: TypeAlias = Annotated[str, Names("gan_jax.objectives.losses:OBJECTIVES")]
"""The name of an objective."""

Penalty: TypeAlias = Annotated[str, Names("gan_jax.objectives.penalties:PENALTIES", first=("none",))]
"""The name of a penalty."""


@dataclass(frozen=True)
class Data:
    """Which images."""

    name: Annotated[str, Names("gan_jax.data.sets:names", closed=False)] = "digits"
    """The set of images."""

    size: Count | None = None
    """Edge in pixels: 8, 16, 32 or 64, for translation 16 to 256; the nearest of these to the images' own where not given."""

    split: str | None = None
    """Which part of the set is learned; where not given, all of the digits, and the training images of other sets."""

    flip: bool = False
    """Mirror every image with probability one half."""

    crop: bool = False
    """Take the square in the middle of every image of a folder."""

    skip_corrupt: bool = False
    """Leave out images of a folder that cannot be read."""

    most_pixels: Count = MOST_PIXELS
    """How many pixels an image of a folder may have; one with more is not decoded. Pillow itself decodes 178 million at most."""

    data_dir: Path | None = None
    """Where sets of TFDS are prepared; in the user's cache folder where not given."""


@dataclass(frozen=True)
class Model:
    """Which networks."""

    pair: Annotated[str, Names("gan_jax.models.image_pairs:PAIRS")] = "dcgan_norm_free"
    """Generator and discriminator."""

    width: Count | None = None
    """Channels; the pair's own default, small enough for a CPU, where not given."""

    latent: Count = 64
    """Dimension of the noise."""

    dtype: Literal["float32", "bfloat16"] = "float32"
    """What networks compute in; parameters are float32 always."""


@dataclass(frozen=True)
class Rule:
    """Which game."""

    objective: Objective = "relativistic"
    """The losses of both players."""

    penalty: Penalty = "r1_and_r2"
    """What the discriminator's loss has beside the objective."""

    penalty_weight: NonNegative = 0.5
    """Of the mean penalty, without a half: γ / 2 for a paper's γ of R1 and R2."""

    penalty_every: Count = 1
    """Compute the penalty at every so many updates of the discriminator, and weigh it so many times more there."""

    update: Literal["alternating", "simultaneous", "extragradient"] = "alternating"
    """Who moves when."""

    discriminator_steps: Count = 1
    """Updates of the discriminator for one of the generator."""

    batch_size: Count = 64
    """Examples of each kind at an update, over all devices together."""

    ema_decay: Decay = 0.999
    """Of the moving average of the generator's parameters that samples are drawn with."""


@dataclass(frozen=True)
class Condition:
    """What both players are told beside an image."""

    kind: Literal["none", "label", "caption"] = "none"
    """Nothing; the class of a set that has classes; or a sentence, which avatars have."""

    encoder: Annotated[str, Names("gan_jax.models.text:ENCODERS")] = "gru"
    """Of captions; each player trains one of its own."""

    width: Count = 64
    """Of the vector that a label or a sentence becomes."""

    head: Literal["concatenation", "projection", "auxiliary"] = "concatenation"
    """How the discriminator sees it: beside the features, as a projection, or (labels) as a class to be told."""

    wrong_weight: Share = 0.5
    """Share of the negatives that are real images with a condition that does not describe them."""


@dataclass(frozen=True)
class Adam:
    """How one side moves."""

    rate: NonNegative = 1e-3
    """Learning rate."""

    b1: Decay = 0.0
    """Decay rate of the first moment."""

    b2: Decay = 0.99
    """Decay rate of the second moment."""


@dataclass(frozen=True)
class Evaluation:
    """How well a generator does, at every save."""

    fake: Whole = 2000
    """Generated images; 0 to measure nothing."""

    inception: Path | None = None
    """Weights of Inception as ``metrics.inception`` reads them; a classifier trained on the set itself where not given."""

    sha256: str = ""
    """Of that file."""


@dataclass(frozen=True)
class Devices:
    """Where it runs."""

    count: Count | None = None
    """How many devices share a batch; all of them where not given (a CPU is one, unless JAX_NUM_CPU_DEVICES says more)."""

    connect: bool = False
    """Join the other processes of the job; on SLURM, GKE and TPU pods JAX finds them by itself."""

    coordinator: str | None = None
    """Where process 0 is reached, as host:port, where JAX cannot find it by itself; with the next two."""

    processes: Count | None = None
    """How many processes there are."""

    process: Whole | None = None
    """The number of this one, from 0."""


@dataclass(frozen=True)
class Config:
    """A run on images."""

    out: Path = Path("runs/digits")
    """The run's folder; where it holds an interrupted run, that run goes on."""

    seed: Seed = 0
    """Of everything random."""

    tensorboard: bool = True
    """Event files for TensorBoard beside the log; --no-tensorboard leaves them out."""

    wandb: str | None = None
    """The project at Weights & Biases to log to."""

    stop_below: Share = 0.0
    """Ends the run, saved, where generated batches vary less than this share of real ones (Info.variance_ratio); 0 for never."""

    change: tuple[str, ...] = ()
    """Options that are given other values than the run was started with, such as generator.rate: it goes on under these, on record."""

    profiling: Annotated[Profiling, tyro.conf.OmitArgPrefixes] = field(default_factory=Profiling)

    data: Data = field(default_factory=Data)
    model: Model = field(default_factory=Model)
    rule: Rule = field(default_factory=Rule)
    condition: Condition = field(default_factory=Condition)
    generator: Adam = field(default_factory=Adam)
    discriminator: Adam = field(default_factory=Adam)
    evaluation: Evaluation = field(default_factory=Evaluation)
    schedule: Schedule = field(
        default_factory=lambda: Schedule(steps=20_000, log_every=100, save_every=1000, best="KID")
    )
    devices: Devices = field(default_factory=Devices)


VOCABULARY = "vocabulary"
"""Beside the options, what a run with captions keeps in its configuration: the words, in order, and the length of a caption."""

FREE = (
    "out",
    "devices",
    "schedule.steps",
    "schedule.keep",
    "tensorboard",
    "wandb",
    "data.data_dir",
    "data.most_pixels",
    "evaluation.inception",
    "stop_below",
)
"""What may change from one start of a run to the next: it moves no number of the run."""


CHANGEABLE = (
    *(f"{side}.{name}" for side in ("generator", "discriminator") for name in ("rate", "b1", "b2")),
    "rule.penalty_weight",
    "rule.ema_decay",
)
"""What may change on request: it moves numbers, and the state keeps its shape."""


OF_ONE_START = ("change", "profiling")
"""What is asked of one start of a run alone, and is no part of its configuration."""


def plain(config: Config) -> dict[str, Any]:
    """The configuration in the types that JSON has.

    Without what is asked of one start alone, and without the condition where there is none, as runs had it before there were any.
    """
    tree = dict(json.loads(json.dumps(dataclasses.asdict(config), default=str)))
    for name in OF_ONE_START:
        del tree[name]
    if config.condition.kind == "none":
        del tree["condition"]
    return tree


def from_plain(tree: Mapping[str, Any], where: object = "the run's configuration") -> Config:
    """The configuration that ``plain`` wrote, in the file ``where``.

    Raises:
      UserError: the configuration of another kind of run, a field that this version does not know, a value that is none of its field's.
    """
    if "kind" in tree:
        raise UserError(f"the run is one of {tree['kind']}, which draws nothing from noise; see: translate RUN FOLDER")
    # The words of a run with captions are no option: ``conditional_runs`` reads them.
    tree = {name: value for name, value in tree.items() if name != VOCABULARY}
    return options.from_json(Config, tree, where)
