"""A run on images as one tree of dataclasses, and what is made of it: the game, its data, its generator."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from experiments import answers, options
from experiments.artifacts import UserError
from gan_jax import checks
from gan_jax.data.folder import MOST_PIXELS
from gan_jax.ranges import Count, Decay, NonNegative, Seed, Share, Whole
from gan_jax.training.runs import Schedule

if TYPE_CHECKING:
    import numpy as np
    from jax.sharding import Mesh

    from experiments.image_data import Facts, Images
    from gan_jax.data.sources import Source
    from gan_jax.models.tokenizer import Vocabulary
    from gan_jax.training.game import Game
    from gan_jax.training.state import GameState
    from gan_jax.typing import Array, ConditionalGenerator, Generator, PRNGKey


@dataclass(frozen=True)
class Data:
    """Which images."""

    name: str = "digits"
    """digits, stacked_digits, avatars, mnist, fashion_mnist, cifar10, celeb_a, tfds:NAME, or folder:PATH."""

    size: Count | None = None
    """Edge in pixels: 8, 16, 32 or 64; the nearest of these to the images' own where not given."""

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

    pair: Literal["mlp", "dcgan", "dcgan_norm_free", "resnet_spectral", "resnet", "r3gan"] = "dcgan_norm_free"
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

    objective: str = "relativistic"
    """minimax, non_saturating, wasserstein, least_squares, hinge, relativistic, relativistic_average, or f_… of an f-divergence."""

    penalty: str = "r1_and_r2"
    """none, gp, lp, r1, r2, r1_and_r2, zero_centred or dragan."""

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

    encoder: Literal["gru", "lstm", "transformer"] = "gru"
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
    """host:port of process 0, where JAX cannot find it by itself; with the next two."""

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
    """Ends the run, saved, where generated batches vary less than this share of real ones (Info.spread); 0 for never."""

    change: tuple[str, ...] = ()
    """Options that are given other values than the run was started with, such as generator.rate: it goes on under these, on record."""

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


def plain(config: Config) -> dict[str, Any]:
    """The configuration in the types that JSON has.

    Without what is asked of one start alone, and without the condition where there is none, as runs had it before there were any.
    """
    tree = dict(json.loads(json.dumps(dataclasses.asdict(config), default=str)))
    del tree["change"]
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


def joined(devices: Devices) -> Mesh:
    """Joins the other processes of a run, where there are any, and returns the devices of all of them.

    Raises:
      ValueError: some of coordinator, processes and process without the others; more devices than there are.
      RuntimeError: no coordinator is given, and JAX finds none by itself.
    """
    from gan_jax.training import mesh as meshes

    of_a_job = (devices.coordinator, devices.processes, devices.process)
    if devices.connect or any(value is not None for value in of_a_job):
        answers.watch()
        meshes.connect(*of_a_job)
    return meshes.data_mesh(devices.count)


class Assembled(NamedTuple):
    """What a configuration stands for."""

    game: Game
    generator: Generator
    source: Source
    key: PRNGKey
    mesh: Mesh
    facts: Facts
    conditional: ConditionalGenerator | None = None
    words: Vocabulary | None = None


def recorded(config: Config, made: Assembled) -> dict[str, Any]:
    """What a run's folder keeps as its configuration: the options, and the words of its captions."""
    tree = plain(config)
    return tree if made.words is None else {**tree, VOCABULARY: json.loads(made.words.to_json())}


def assemble(
    config: Config, mesh: Mesh, words: Vocabulary | None = None, images: Images | Facts | None = None
) -> Assembled:
    """Makes the game of a configuration on the devices of ``mesh``.

    Args:
      config: the options.
      mesh: the devices.
      words: of a run with captions that is there already; those of this version where None.
      images: what is learned, open already; or what a run knows of it, where nothing is going to be learned. Opened here where None.

    Raises:
      UserError: a size that the networks do not have.
      ValueError: what a part of it says of a wrong value, in one sentence.
      FileNotFoundError: a set that is not prepared; gives the command.
    """
    import jax
    import jax.numpy as jnp

    from experiments import image_data
    from gan_jax.models.image_pairs import PAIRS
    from gan_jax.objectives.losses import OBJECTIVES
    from gan_jax.objectives.penalties import PENALTIES
    from gan_jax.training import game, updates
    from gan_jax.training import mesh as meshes

    if config.condition.kind != "none":
        from experiments.conditional_runs import assemble as assemble_conditional

        return assemble_conditional(config, mesh, words, images)
    rule = config.rule
    objective = OBJECTIVES[checks.one_of("rule.objective", rule.objective, OBJECTIVES)]()
    penalty = checks.one_of("rule.penalty", rule.penalty, ("none", *PENALTIES))
    meshes.check_batch(rule.batch_size, mesh)
    images = image_data.open_data(config.data) if images is None else images
    if isinstance(images, image_data.Facts):
        source, facts = image_data.blank_source(images, mesh), images
    else:
        # The generator's update draws real examples too, for relativistic pairs.
        examples = rule.batch_size * (rule.discriminator_steps + 1)
        source = image_data.source_of(config.data, images, mesh, examples_per_step=examples, seed=config.seed)
        facts = image_data.facts_of(config.data, images.lazy)
    size, _, channels = source.event_shape
    width = {} if config.model.width is None else {"width": config.model.width}
    pair = PAIRS[config.model.pair](
        size, channels, latent=config.model.latent, dtype=jnp.dtype(config.model.dtype), **width
    )
    made = game.adversarial(
        objective,
        pair.generator,
        pair.discriminator,
        source.draw,
        updates.UPDATES[rule.update](),
        batch_size=rule.batch_size,
        discriminator_steps=rule.discriminator_steps,
        generator_optimizer=game.adam(b1=config.generator.b1, b2=config.generator.b2),
        discriminator_optimizer=game.adam(b1=config.discriminator.b1, b2=config.discriminator.b2),
        generator_rate=config.generator.rate,
        discriminator_rate=config.discriminator.rate,
        penalty=None if penalty == "none" else PENALTIES[penalty](),
        penalty_weight=rule.penalty_weight,
        penalty_every=rule.penalty_every,
        ema_decay=rule.ema_decay,
        place=meshes.placement(mesh),
    )
    return Assembled(made, pair.generator, source, jax.random.key(config.seed), mesh, facts)


# ------------------------------------------------------------------------------------------------------------ finished runs


DRAWN_AT_ONCE = 64
"""Images of one condition that one call of the compiled program draws."""


class Opened(NamedTuple):
    """A run that is read, not trained."""

    config: Config
    step: int
    state: GameState
    generator: Generator
    facts: Facts
    conditional: ConditionalGenerator | None
    words: Vocabulary | None
    sample: Callable[[GameState, PRNGKey, int], np.ndarray]
    pieces: Callable[[GameState, PRNGKey, int], Iterator[np.ndarray]]


def opened(folder: Path) -> Opened:
    """The newest whole state of a run, on one device; the images that it learned are not needed, but of runs of earlier versions.

    Raises:
      FileNotFoundError: no run, or none that has saved anything.
    """
    from experiments import image_data
    from gan_jax.training import mesh as meshes
    from gan_jax.training import run_folder, runs
    from gan_jax.training.sampling import in_pieces, sampler

    tree = run_folder.read_config(folder)
    config = from_plain(tree, folder / run_folder.CONFIG)
    words = None
    if VOCABULARY in tree:
        from gan_jax.models.tokenizer import Vocabulary

        words = Vocabulary.from_json(json.dumps(tree[VOCABULARY]))
    made = assemble(config, meshes.data_mesh(1), words, image_data.read_facts(folder))
    try:
        step, state = runs.restored(made.game, made.key, folder, mesh=made.mesh, feed=made.source.feed(0, 1))
    finally:
        made.source.close()
    return Opened(
        config, step, state, made.generator, made.facts, made.conditional, made.words, sampler(made.generator),
        in_pieces(made.generator),
    )  # fmt: skip


def drawn_with(
    run: Opened, embedding: Array, n: int, *, seed: int, truncation: float | None = None
) -> Iterator[np.ndarray]:
    """Images of one condition, ``DRAWN_AT_ONCE`` at a time, as they are asked for; image i is the same for every n.

    Args:
      run: one with a condition.
      embedding: of the condition, ``[1, width]``.
      n: how many.
      seed: of the noise.
      truncation: largest absolute value of the noise; None for no bound.

    Returns:
      Pieces ``[<= DRAWN_AT_ONCE, size, size, channels]`` in [-1, 1], of n images together.
    """
    import jax
    import jax.numpy as jnp
    import numpy as np

    from gan_jax.models.conditional import truncated_normal
    from gan_jax.training.state import averaged

    generator, variables = run.conditional, averaged(run.state)
    if generator is None:
        raise ValueError("run has no condition; expected one that was trained with one")

    @jax.jit
    def some(key: PRNGKey) -> Array:
        z = (
            generator.noise(key, DRAWN_AT_ONCE)
            if truncation is None
            else truncated_normal(key, DRAWN_AT_ONCE, run.config.model.latent, truncation)
        )
        return generator.apply(variables, z, jnp.broadcast_to(embedding, (DRAWN_AT_ONCE, embedding.shape[1])))

    key = jax.random.key(seed)
    starts = range(0, n, DRAWN_AT_ONCE)
    return (np.asarray(some(jax.random.fold_in(key, first // DRAWN_AT_ONCE)))[: n - first] for first in starts)
