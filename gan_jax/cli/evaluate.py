"""``python -m gan_jax evaluate RUN``: how good a run's images are, every number with what it depends on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from gan_jax.cli import devices, starts
from gan_jax.cli.errors import UserError
from gan_jax.cli.image_data import facts_of, open_data, settle
from gan_jax.cli.image_runs import opened
from gan_jax.cli.json_files import write_json
from gan_jax.cli.options import parsed
from gan_jax.cli.reference_features import reference_features, why_not
from gan_jax.cli.terminal import say
from gan_jax.ranges import AtLeastTwo, Count, Seed


@dataclass(frozen=True)
class Options:
    """FID, KID, precision, recall, density, coverage, Vendi score and the inception-style score of a run."""

    run: Annotated[Path, tyro.conf.Positional]
    """The run's folder."""

    n: AtLeastTwo = 10_000
    """How many images to generate: at least 10 and more than k, and as many as wanted, since only their features are kept."""

    seed: Seed = 0
    """Of the noise."""

    k: Count = 5
    """Which neighbour gives the radii of precision, recall, density and coverage."""

    inception: Path | None = None
    """Weights of Inception, where the run's own features are not wanted."""

    sha256: str = ""
    """Of that file."""


def main(words: Sequence[str]) -> int:
    """Prints every score, and writes them to ``evaluation.json`` in the run's folder."""
    options = parsed(Options, "evaluate", words)
    devices.configure_jax(cpu_devices=1)
    import jax

    from gan_jax.metrics.features import extract_in_pieces
    from gan_jax.metrics.report import scores
    from gan_jax.metrics.score import SPLITS

    least = max(SPLITS, options.k + 1)
    if options.n < least:
        raise UserError(
            f"--n is {options.n}; expected at least {least}: the {SPLITS} parts of the inception-style score and the neighbours of "
            f"--k {options.k} need so many images"
        )
    if options.sha256 and options.inception is None:
        raise UserError("--sha256 is given without --inception; expected the file that it is of")
    run = opened(options.run)
    chosen = run.config.evaluation
    if options.inception is not None:
        chosen = dataclasses.replace(chosen, inception=options.inception, sha256=options.sha256)
    # At the size of the run, whatever is nearest now.
    data = dataclasses.replace(run.config.data, size=run.facts.shape[0])
    images = open_data(data)
    reason = why_not(data, chosen, images.lazy)
    if reason is not None:
        raise UserError(f"{reason}; give weights of Inception to measure with: --inception FILE --sha256 HASH")
    if len(images.lazy) <= options.k:
        raise UserError(f"--k is {options.k}, and {data.name} has {len(images.lazy)} images; expected fewer neighbours")
    settle(options.run, facts_of(data, images.lazy))
    measure = reference_features(data, chosen, images)
    images.release()
    # Drawn as they are asked for: any number of images in the memory of one piece and of all features.
    generated = run.pieces(run.state, jax.random.key(options.seed), options.n)
    with starts.working(f"drawing and measuring {options.n} images"):
        drawn = extract_in_pieces(measure.features, generated, name="generated images")
        found = scores(measure.features, measure.real, drawn, k=options.k)
    say(
        f"{options.run}, step {run.step}, against {measure.name}; held-out accuracy of the extractor {measure.accuracy:.4f}"
    )
    for score in found:
        say(f"  {score}")
    # Said before it is written: a disk that is full costs no number.
    write_json(
        options.run / "evaluation.json",
        {"step": run.step, "seed": options.seed, "real": measure.name, "accuracy": measure.accuracy, "scores": found},
    )
    return 0
